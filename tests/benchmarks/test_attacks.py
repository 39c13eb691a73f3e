"""FGSM and PGD against a bare loop written by hand, and against torchattacks, Foolbox and ART.

All answer the same: which class it was, and which one it is after the attack. So beside its steps each makes one pass
forward before and one after. The others have a copy of the module of their own, in their better memory format. With
eight pictures ten steps of PGD do for forty: what a run costs once hardly counts there. What counts is the time of the
processor, which other work on the machine hardly changes.
"""

import copy
import statistics
import time
from operator import itemgetter

import art.attacks.evasion
import foolbox
import pytest
import torch
import torchattacks
from art.estimators.classification import PyTorchClassifier
from torch import nn
from torch.nn.functional import cross_entropy
from torchvision.models import get_model

import cnnviz_widgets as cnnviz
from cnnviz_widgets.engine.optimize.transforms import apply
from cnnviz_widgets.methods.adversarial._sticking import Places, Sticking, cover

EPSILON, STEP = 8 / 255, 2 / 255
FORMATS = torch.contiguous_format, torch.channels_last
STEPS = {("fgsm", 1): 1, ("fgsm", 8): 1, ("pgd", 1): 40, ("pgd", 8): 10}  # by attack and pictures
TURNS = 7
FAR = "by_foolbox", "by_art"  # so much slower with eight pictures that one turn tells


class Whole(nn.Module):
    """From pixels to logits."""

    def __init__(self, network: cnnviz.Network, module: nn.Module) -> None:
        super().__init__()
        self.module = module
        self.register_buffer("mean", torch.tensor(network.mean)[:, None, None])
        self.register_buffer("std", torch.tensor(network.std)[:, None, None])

    def forward(self, pictures):
        return self.module((pictures - self.mean) / self.std)


def by_hand(whole, pictures, steps):
    def work():
        with torch.no_grad():
            label = whole(pictures).argmax(1)
        changed = pictures
        for _ in range(steps):
            x = changed.detach().requires_grad_()
            (gradient,) = torch.autograd.grad(cross_entropy(whole(x), label), x)
            changed = changed + (EPSILON if steps == 1 else STEP) * gradient.sign()
            changed = (pictures + (changed - pictures).clamp(-EPSILON, EPSILON)).clamp(0, 1)
        with torch.no_grad():
            return whole(changed).argmax(1)

    return work


def ours(network, pictures, steps):
    if steps == 1:
        return lambda: cnnviz.fgsm(network, pictures, EPSILON)
    how = {"epsilon": EPSILON, "step_size": STEP, "steps": steps, "random_start": False}
    return lambda: cnnviz.last(cnnviz.pgd(network, pictures, **how), progress=False)


def by_torchattacks(whole, steps):
    start = {"alpha": STEP, "steps": steps, "random_start": False}
    made = torchattacks.FGSM(whole, eps=EPSILON) if steps == 1 else torchattacks.PGD(whole, eps=EPSILON, **start)
    made.set_device("cpu")
    return made


def by_foolbox(whole, steps):
    model = foolbox.PyTorchModel(whole, bounds=(0, 1), device="cpu")
    size = EPSILON if steps == 1 else STEP
    made = foolbox.attacks.LinfPGD(abs_stepsize=size, steps=steps, random_start=False)
    return lambda x, label: made.run(model, x, foolbox.criteria.Misclassification(label), epsilon=EPSILON)


def by_art(whole, steps):
    shape = {"input_shape": (3, 224, 224), "nb_classes": 1000, "clip_values": (0, 1), "device_type": "cpu"}
    estimator, how = PyTorchClassifier(whole, nn.CrossEntropyLoss(), **shape), {"eps": EPSILON, "batch_size": 8}
    made = (
        art.attacks.evasion.FastGradientMethod(estimator, **how)
        if steps == 1
        else art.attacks.evasion.ProjectedGradientDescent(
            estimator, eps_step=STEP, max_iter=steps, verbose=False, **how
        )
    )
    return lambda x, label: torch.from_numpy(made.generate(x.numpy(), label.numpy()))


PEERS = by_torchattacks, by_foolbox, by_art


@pytest.mark.parametrize(("attack", "batch"), STEPS)
@pytest.mark.parametrize("name", ["squeezenet1_0", "resnet18"])
def test_an_attack_takes_no_longer_than_another(name, attack, batch, record_speed):
    module = get_model(name, weights=None).eval()
    network = cnnviz.Network(module, name=name)
    _ = network.layers
    pictures, steps = torch.rand(batch, 3, 224, 224), STEPS[attack, batch]
    others = {peer.__name__: in_the_better_format(peer, network, pictures, steps) for peer in (by_hand, *PEERS)}
    mine = ours(network, pictures, steps)
    ours(network, pictures, 1)()  # warm up
    times, ratios = [], {other: [] for other in others}
    for turn in range(TURNS):
        times.append(processor_seconds(mine))
        for other, work in others.items():
            if turn == 0 or steps == 1 or batch == 1 or other not in FAR:
                ratios[other].append(times[-1] / processor_seconds(work))
    medians = {other: statistics.median(each) for other, each in ratios.items()}
    for other, ratio in medians.items():
        record_speed(f"{attack}, {name}, {batch} pictures, {other}", 1000 * statistics.median(times), ratio)
    assert max(medians.values()) <= 1


def in_the_better_format(peer, network, pictures, steps):
    """Its attack with its own copy of the module, in the memory format in which one step is quicker."""
    formats = []
    for memory in FORMATS:
        whole = Whole(network, copy.deepcopy(network.module).to(memory_format=memory).requires_grad_(False)).eval()
        given = pictures.contiguous(memory_format=memory)
        once, work = (
            by_hand(whole, given, n) if peer is by_hand else answering(peer, whole, given, n) for n in (1, steps)
        )
        once()  # warm up
        formats.append((min(processor_seconds(once) for _ in range(2)), work))
    return min(formats, key=itemgetter(0))[1]


def processor_seconds(work):
    began = time.process_time()
    work()
    return time.process_time() - began


def answering(peer, whole, given, steps):
    made = peer(whole, steps)

    def work():
        with torch.no_grad():
            label = whole(given).argmax(1)
        changed = made(given, label)
        with torch.no_grad():
            return whole(changed).argmax(1)

    return work


def climbed(whole, shown, target):
    """A pass forward and back."""
    x = shown.detach().requires_grad_()
    return torch.autograd.grad(cross_entropy(whole(x), target.expand(len(x)), reduction="sum"), x)


@pytest.mark.parametrize("kind", ["robust example", "patch"])
def test_a_step_over_transforms_costs_its_passes(kind, compare):
    """Against plain passes over as many pictures, which went through the same transforms."""
    module = get_model("squeezenet1_0", weights=None).eval()
    network = cnnviz.Network(module, name="squeezenet1_0")
    _ = network.layers
    whole = Whole(network, copy.deepcopy(module).to(memory_format=torch.channels_last).requires_grad_(False))
    photos, steps, samples, target = torch.rand(8, 3, 224, 224), 3, 4, torch.tensor([9])
    patch = torch.rand(1, 3, 50, 50)
    sticking = Sticking(tuple(photos), cover(50, "circle"), Places(20.0, 0.2))
    moves, begun = (cnnviz.poses(), photos[:1]) if kind == "robust example" else ((sticking,), patch)

    def bare():
        draw = torch.Generator().manual_seed(0)
        for _ in range(steps):
            shown = torch.cat([apply(moves, begun, draw) for _ in range(samples)])
            climbed(whole, shown.contiguous(memory_format=torch.channels_last), target)

    def ours():
        how = {"steps": steps, "samples": samples}
        if kind == "robust example":
            return cnnviz.last(cnnviz.robust_example(network, photos[0], 9, **how), progress=False)
        return cnnviz.last(cnnviz.patch(network, photos, 9, area=0.04, **how), progress=False)

    passes = 1.1 + (2 / 3 / samples / steps if kind == "robust example" else 0)  # one before, one after, forward only
    assert compare(f"{kind}, {samples} samples, bare passes", ours, bare, 5) <= passes


def test_a_query_costs_less_than_a_pass(compare):
    """One pixel on ``mini``: of each layer only what it reaches is computed."""
    network = cnnviz.load_network("mini")
    photo = network.prepare(cnnviz.load_image("chelsea"))[0]
    generations = 4
    state = cnnviz.last(cnnviz.one_pixel(network, photo, generations=generations), progress=False)

    def bare():
        with torch.no_grad():
            for piece in torch.empty(state.queries, 0).split(64):
                network.module(network.normalize(photo.expand(len(piece), -1, -1, -1)))

    def ours():
        return cnnviz.last(cnnviz.one_pixel(network, photo, generations=generations), progress=False)

    assert compare("one pixel on mini, a bare pass a query", ours, bare, 3) <= 1

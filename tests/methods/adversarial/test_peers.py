"""Oracle 5: torchattacks, Foolbox and ART with the same settings from the same start."""

import copy

import art.attacks.evasion
import foolbox
import numpy as np
import pytest
import torch
import torchattacks
from art.attacks.evasion.adversarial_patch.utils import insert_transformed_patch
from art.estimators.classification import PyTorchClassifier
from torch import nn

import cnnviz_widgets as cnnviz
from cnnviz_widgets.methods.adversarial.one_pixel import _Search

EPSILON, STEP, STEPS = 4 / 255, 1 / 255, 5
RADIUS, LENGTH = 0.5, 0.1  # of l2: the ball, and a step
CUT = 2e-3  # the peers cut off at 0 and 1 after their projection onto the ball, which is not the nearest point of both


class Whole(nn.Module):
    """From pixels to logits: what the peers attack."""

    def __init__(self, network):
        super().__init__()
        self.network, self.inner = network, copy.deepcopy(network.module)
        self.to(memory_format=torch.contiguous_format).eval()

    def forward(self, x):
        mean, std = (x.new_tensor(one)[:, None, None] for one in (self.network.mean, self.network.std))
        return self.inner((x - mean) / std)


@pytest.fixture(scope="module")
def net():
    return cnnviz.load_network("mini")


@pytest.fixture(scope="module")
def exact(net):
    return cnnviz.Network(
        copy.deepcopy(net.module).double(), input_size=net.input_size, mean=net.mean, std=net.std, classes=net.classes
    )


@pytest.fixture(scope="module")
def x(net):
    picture = (net.prepare(cnnviz.load_image("chelsea")) * 255).round() / 255
    return picture.double().contiguous()


@pytest.fixture(scope="module")
def ours(exact, x):
    """By kind and target, the picture (1, C, H, W)."""
    how = {"random_start": False, "quantize": False}

    def made(kind, target):
        if kind == "fgsm":
            return cnnviz.fgsm(exact, x, EPSILON, target, quantize=False).values
        size = (
            {"norm": "l2", "epsilon": RADIUS, "step_size": LENGTH}
            if kind == "l2"
            else {"epsilon": EPSILON, "step_size": STEP}
        )
        return cnnviz.last(cnnviz.pgd(exact, x, target=target, steps=STEPS, **size, **how), progress=False).values

    return made


def by_torchattacks(whole, x, kind, label, target):
    attack = {
        "fgsm": lambda: torchattacks.FGSM(whole, eps=EPSILON),
        "linf": lambda: torchattacks.PGD(whole, eps=EPSILON, alpha=STEP, steps=STEPS, random_start=False),
        "l2": lambda: torchattacks.PGDL2(whole, eps=RADIUS, alpha=LENGTH, steps=STEPS, random_start=False),
    }[kind]()
    attack.set_device("cpu")
    if target is not None:
        attack.set_mode_targeted_by_label(quiet=True)
    return attack(x, torch.tensor([label if target is None else target]))


def by_foolbox(whole, x, kind, label, target):
    attack, epsilon = {
        "fgsm": (foolbox.attacks.LinfPGD(abs_stepsize=EPSILON, steps=1, random_start=False), EPSILON),
        "linf": (foolbox.attacks.LinfPGD(abs_stepsize=STEP, steps=STEPS, random_start=False), EPSILON),
        "l2": (foolbox.attacks.L2PGD(abs_stepsize=LENGTH, steps=STEPS, random_start=False), RADIUS),
    }[kind]
    aim = (
        foolbox.criteria.Misclassification(torch.tensor([label]))
        if target is None
        else foolbox.criteria.TargetedMisclassification(torch.tensor([target]))
    )
    return attack.run(foolbox.PyTorchModel(whole, bounds=(0, 1), device="cpu"), x, aim, epsilon=epsilon)


@pytest.mark.parametrize("targeted", [False, True])
@pytest.mark.parametrize("kind", ["fgsm", "linf", "l2"])
@pytest.mark.parametrize("theirs", [by_torchattacks, by_foolbox])
def test_an_attack_is_the_peers(exact, x, ours, theirs, kind, targeted):
    whole = Whole(exact)
    label = int(whole(x).argmax(1))
    target = (label + 7) % 50 if targeted else None
    found = theirs(whole, x, kind, label, target)
    torch.testing.assert_close(ours(kind, target), found, rtol=0, atol=CUT if kind == "l2" else 1e-9)


@pytest.mark.parametrize("targeted", [False, True])
@pytest.mark.parametrize("kind", ["fgsm", "linf"])
def test_an_attack_is_arts(net, exact, x, ours, kind, targeted):
    """Which counts in float32: where a slope is next to 0, its sign is another."""
    whole = Whole(net)
    label = int(whole(x.float()).argmax(1))
    target = (label + 7) % 50 if targeted else None
    estimator = PyTorchClassifier(
        whole, nn.CrossEntropyLoss(), (3, 128, 128), 50, clip_values=(0, 1), device_type="cpu"
    )
    of_one = {"eps": EPSILON, "targeted": targeted, "batch_size": 1}
    attack = (
        art.attacks.evasion.FastGradientMethod(estimator, **of_one)
        if kind == "fgsm"
        else art.attacks.evasion.ProjectedGradientDescent(
            estimator, eps_step=STEP, max_iter=STEPS, num_random_init=0, verbose=False, **of_one
        )
    )
    found = torch.from_numpy(attack.generate(x.float().numpy(), np.array([label if target is None else target])))
    differ = (ours(kind, target) - found).abs() > 1e-6
    assert differ.double().mean() < 1e-4


@pytest.mark.parametrize("pixels", [1, 5])
def test_a_pixel_is_painted_and_judged_as_by_torchattacks(exact, x, pixels):
    search = _Search(exact, x[0], pixels, None)
    members = np.random.default_rng(0).random((12, 5 * pixels))
    places, colors = search.decode(members)
    deltas = torch.cat([places.double(), colors], -1).flatten(1).numpy()
    peer = torchattacks.OnePixel(Whole(exact), pixels=pixels)
    peer.set_device("cpu")
    painted = peer._perturb(x, deltas)
    assert torch.equal(search.painted(places, colors), painted)
    logits = exact.logits(painted)
    fooled = [peer._attack_success(x, torch.tensor([search.source]), one) for one in deltas]
    assert ((exact.top(logits) != search.source).tolist()) == fooled
    torch.testing.assert_close(
        exact.probabilities(logits)[:, search.source],
        torch.from_numpy(peer._loss(x, search.source, deltas)),
    )


@pytest.mark.parametrize(("angle", "scale", "middle"), [(0, 1, (64, 64)), (30, 1.5, (60, 70)), (-75, 0.8, (40, 90))])
def test_a_patch_lies_where_art_puts_it(angle, scale, middle):
    """ART warps it so that its corners come to given places, and in 8 bits: but at its edge it is the same."""
    side = 32
    ramp = torch.linspace(0.2, 0.8, side)
    patch = torch.stack([ramp.expand(side, side), ramp[:, None].expand(side, side), torch.full((side, side), 0.5)])
    photo = torch.full((3, 128, 128), 0.1)
    ours = cnnviz.apply_patch(photo, patch, middle, angle=angle, scale=scale, shape="square")
    half, turn = scale * (side - 1) / 2, np.deg2rad(angle)
    corners = np.array([[-half, -half], [half, -half], [half, half], [-half, half]])
    turned = corners @ np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    there = turned + np.array(middle) - 0.5  # of the middles of the pixels
    theirs = insert_transformed_patch(photo.permute(1, 2, 0).numpy(), patch.permute(1, 2, 0).numpy(), there)
    theirs = torch.from_numpy(theirs).permute(2, 0, 1)
    inside = (
        cnnviz.apply_patch(photo, torch.ones_like(patch), middle, angle=angle, scale=0.9 * scale, shape="square") == 1
    )
    assert (ours - theirs)[inside].abs().max() < 3 / 255

"""Against scipy, skimage and hand-made states; and what the paper found, on a real network."""

from contextlib import nullcontext
from functools import partial

import numpy as np
import pytest
import scipy.stats
import skimage.feature
import skimage.metrics
import torch
from torch import nn
from torchvision import models

from cnnviz_widgets import Heatmap, Neuron, class_gradient, saliency
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.methods.evaluation.random_labels import random_labels
from cnnviz_widgets.methods.evaluation.sanity_check import edge_map, sanity_check, sanity_checks, similarity
from cnnviz_widgets.networks import Network
from cnnviz_widgets.remarks import listening


@pytest.fixture
def network():
    module = nn.Sequential(
        nn.Conv2d(3, 6, 5, padding=2), nn.ReLU(), nn.Conv2d(6, 8, 3), nn.BatchNorm2d(8), nn.ReLU(),
        nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(32, 4),
    )  # fmt: skip
    return Network(module, input_size=32, classes=["ant", "bee", "cat", "dog"])


@pytest.fixture
def picture():
    return torch.rand(3, 32, 32)


def state_of(module):
    return {name: value.clone() for name, value in module.state_dict().items()}


def changed(module, before):
    """The layers whose state is no longer what it was."""
    return {
        name.rpartition(".")[0] for name, value in module.state_dict().items() if not torch.equal(value, before[name])
    }


def watching(seen):
    def method(network, image, target):
        seen.append((state_of(network.module), target))
        return class_gradient(network, image, target)

    return method


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("cascading", [set(), {"7"}, {"7"}, {"2", "7"}, {"0", "2", "7"}]),
        ("independent", [set(), {"7"}, set(), {"2"}, {"0"}]),
    ],
)
def test_which_layers_are_random(network, picture, mode, expected):
    """From the top down. A fresh BatchNorm is what this one still is: resetting it changes nothing."""
    before, seen = state_of(network.module), []
    states = list(sanity_check(watching(seen), network, picture, mode=mode))
    assert [changed(network.module, state) for state, _ in seen] == expected
    assert {target for _, target in seen} == {int(network.logits(picture).argmax())}
    assert [state.step for state in states] == [0, 1, 2, 3, 4]
    assert {state.total for state in states} == {4}
    order = ["7", "3", "2", "0"]
    assert [list(state.layers) for state in states] == [
        order[:step] if mode == "cascading" else order[max(0, step - 1) : step] for step in range(5)
    ]
    assert not changed(network.module, before)


def test_similarity_is_1_at_zero_layers(network, picture):
    for method in (saliency, class_gradient):
        state = next(sanity_check(method, network, picture, "cat"))
        assert state.layers == ()
        assert state.similarity == pytest.approx((1, 1, 1, 1), abs=1e-12)
        assert torch.equal(state.values, method(network, picture, "cat").values)


def test_seeds(network, picture):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    runs = [[state.values for state in sanity_check(saliency, network, picture, seed=seed)] for seed in (0, 0, 1)]
    assert torch.equal(torch.rand(3), expected)  # the user's own random numbers go on as if nothing had been
    assert all(torch.equal(one, other) for one, other in zip(runs[0], runs[1], strict=True))
    assert not torch.equal(runs[0][1], runs[2][1])
    alone = [state.values for state in sanity_check(saliency, network, picture, mode="independent")]
    assert torch.equal(alone[1], runs[0][1])
    assert not torch.equal(alone[3], runs[0][3])


def test_neurons_and_functions_are_handed_on(network, picture):
    for target in (Neuron("0", 2, (3, 4)), torch.sum):
        seen = []
        with pytest.raises(UserError) if target is torch.sum else nullcontext():
            list(sanity_check(watching(seen), network, picture, target, layers="0"))
        assert all(asked is target for _, asked in seen)
        assert seen


def test_layers_of_choice(network, picture):
    seen = []
    states = list(sanity_check(watching(seen), network, picture, layers=["0", network.module[7]], seed=7))
    assert [state.layers for state in states] == [(), ("0",), ("0", "7")]
    assert [changed(network.module, state) for state, _ in seen] == [set(), {"0"}, {"0", "7"}]

    resnet, seen = Network(models.resnet18(num_classes=5), input_size=64), []
    list(sanity_check(watching(seen), resnet, torch.rand(3, 64, 64), layers=["layer4", "layer3.1.conv2"]))
    blocks = [{name.partition(".")[0] for name in changed(resnet.module, state)} for state, _ in seen]
    assert blocks == [set(), {"layer4"}, {"layer3", "layer4"}]
    assert changed(resnet.module, seen[2][0]) - changed(resnet.module, seen[1][0]) == {"layer3.1.conv2"}


def test_every_parameter_is_reached():
    """Also those of parts that are never called as modules, as in attention, and of a block's own."""

    class Attends(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 8, 8, stride=8)
            self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
            self.scale = Scale()
            self.fc = nn.Linear(8, 3)

        def forward(self, x):
            x = self.conv(x).flatten(2).transpose(1, 2)
            return self.fc(self.scale(self.attention(x, x, x, need_weights=False)[0]).mean(1))

    class Scale(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(2 + 0.1 * torch.randn(8))

        def forward(self, x):
            return self.scale * x

    network, seen = Network(Attends(), input_size=32), []
    nn.init.normal_(network.module.attention.in_proj_bias)
    nn.init.normal_(network.module.attention.out_proj.bias)
    states = list(sanity_check(watching(seen), network, torch.rand(3, 32, 32)))
    assert states[-1].layers == ("fc", "scale", "conv", "Attends")
    state = seen[-1][0]
    assert changed(network.module, state) == {"fc", "scale", "attention", "attention.out_proj", "conv"}
    assert float(state["scale.scale"].mean()) == pytest.approx(2, abs=0.3)


def test_similarities_by_scipy_and_skimage():
    one, other = torch.randn(3, 40, 56).double(), torch.randn(3, 40, 56).double()
    other += one
    found = similarity(one, other)
    signed = [each.sum(0).flatten().numpy() for each in (one, other)]
    sizes = [each.abs().sum(0).numpy() for each in (one, other)]
    looks = [np.minimum(each / np.sort(each.flatten())[round(0.995 * each.size) - 1], 1) for each in sizes]
    hogs = [skimage.feature.hog(look, pixels_per_cell=(5, 5)) for look in looks]
    assert found.spearman == pytest.approx(scipy.stats.spearmanr(*(each.flatten() for each in sizes)).statistic)
    assert found.spearman_signed == pytest.approx(scipy.stats.spearmanr(*signed).statistic)
    assert found.ssim == pytest.approx(skimage.metrics.structural_similarity(*looks, data_range=1))
    assert found.hog == pytest.approx(scipy.stats.pearsonr(*hogs).statistic)
    assert 0.1 < found.spearman < found.spearman_signed < 0.9

    map_ = torch.randn(40, 56)
    assert similarity(map_, -map_).spearman == pytest.approx(1)
    assert similarity(map_, -map_).spearman_signed == pytest.approx(-1)


def test_a_constant_map_has_no_rank():
    found = similarity(torch.zeros(32, 32), torch.rand(32, 32))
    assert np.isnan([found.spearman, found.spearman_signed, found.hog]).all()
    assert found.ssim < 0.5


def test_small_maps_are_scaled_to_the_picture(network, picture):
    def coarse(network, image, target):
        return nn.functional.avg_pool2d(saliency(network, image, target).values[None], 4)[0]

    states = [*sanity_check(lambda *a: Heatmap(coarse(*a), picture, "coarse"), network, picture)]
    assert states[2].values.shape == (8, 8)
    large = [
        nn.functional.interpolate(state.values[None, None].double(), (32, 32), mode="bilinear")[0, 0]
        for state in states
    ]
    assert states[2].similarity == similarity(large[2], large[0])


def test_the_edges_are_the_baseline(network, picture):
    edges = edge_map(network.prepare(picture)[0])
    gray = picture.double().mean(0)
    kernel = torch.tensor([[1.0, 2, 1], [0, 0, 0], [-1, -2, -1]]).double() / 4
    down, across = (nn.functional.conv2d(gray[None, None], k[None, None])[0, 0] for k in (kernel, kernel.T))
    torch.testing.assert_close(edges.values[1:-1, 1:-1], torch.hypot(down, across) / 2**0.5)
    states = list(sanity_check(lambda n, x, t: edge_map(n.prepare(x)[0]), network, picture))
    assert all(state.similarity == pytest.approx((1, 1, 1, 1)) for state in states)
    assert all(state.edges == pytest.approx((1, 1, 1, 1)) for state in states)
    state = next(sanity_check(saliency, network, picture))
    assert state.edges == similarity(state.result, edges)
    assert edges._repr_png_().startswith(b"\x89PNG")


def test_it_shows_itself(network, picture):
    *_, state = sanity_check(saliency, network, picture, layers="7")
    assert state._repr_png_() == state.result._repr_png_()
    assert repr(state).startswith("SanityState(1 of 1, 7 random: spearman 0.")


def test_random_labels(network, picture):
    """Twenty pictures are learned by heart; the network that did it is compared with the one given."""
    pictures = torch.rand(20, 3, 32, 32)
    before = state_of(network.module)
    training = list(random_labels(network, pictures, epochs=30, batch=7, rate=0.01, seed=3))
    assert [state.step for state in training] == list(range(1, 31))
    assert training[-1].accuracy > 0.95
    assert training[-1].loss < 0.5 * training[0].loss
    assert not changed(network.module, before)
    learned = training[-1].network
    assert not any(part.training for part in learned.module.modules())
    again = list(random_labels(network, list(pictures), epochs=2, batch=7, rate=0.01, seed=3))
    assert [state.loss for state in again] == pytest.approx([state.loss for state in training[:2]], rel=1e-5)

    first, second = sanity_check(saliency, network, picture, "bee", mode="labels", random_network=learned)
    assert (first.step, second.step, second.total) == (0, 1, 1)
    assert first.similarity.spearman == pytest.approx(1)
    assert torch.equal(second.values, saliency(learned, picture, "bee").values)
    assert second.similarity == similarity(second.result, first.result)


def test_random_labels_with_frozen_parameters(network):
    network.module.requires_grad_(False)
    pictures = torch.rand(4, 3, 32, 32)
    states = list(random_labels(network, pictures, epochs=2))
    assert states[1].loss != states[0].loss
    assert not any(parameter.requires_grad for parameter in network.module.parameters())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mode": "both"}, "mode must be one of 'cascading', 'independent', 'labels', not 'both'"),
        ({"mode": "labels"}, "random_network must be given for mode='labels'"),
        ({"seed": -1}, "seed must be a whole number at least 0, not -1"),
        ({"layers": ["1"]}, "layers must have parameters to randomize, and 1 has none"),
        ({"layers": []}, "layers must have parameters"),
        ({"layers": ["conv"]}, "no layer 'conv'"),
        ({"layers": nn.ReLU()}, "not part of it"),
        ({"target": "gnu"}, "gnu"),
        ({"target": 4}, "class 4 is not one of the 4"),
        ({"image": torch.rand(2, 3, 32, 32)}, "one picture"),
    ],
)
def test_bad_input_is_told_at_once(network, picture, options, message):
    with pytest.raises(UserError, match=message):
        sanity_check(**{"method": saliency, "network": network, "image": picture} | options)


def test_bad_maps(network, picture):
    def constant(network, image, target):
        return Heatmap(torch.zeros(32, 32), image, "nothing")

    with pytest.raises(UserError, match="constant"):
        next(sanity_check(constant, network, picture))
    with pytest.raises(UserError, match=r"a result with values, .* not a NoneType"):
        next(sanity_check(lambda *_: None, network, picture))
    with pytest.raises(UserError, match=r"at least 8 px a side .* not 7×9"):
        sanity_check(saliency, Network(nn.Conv2d(3, 2, 3), input_size=(7, 9)), picture)
    with pytest.raises(UserError, match="random_network"):
        sanity_check(saliency, network, picture, random_network=network)
    with pytest.raises(UserError, match="equally large, not 8×9 and 9×8"):
        similarity(torch.rand(8, 9), torch.rand(9, 8))
    with pytest.raises(UserError, match="at least 8 px a side, not 7×9"):
        similarity(torch.rand(7, 9), torch.rand(7, 9))
    with pytest.raises(UserError, match=r"function such as cnnviz\.saliency, not 'saliency'"):
        sanity_check("saliency", network, picture)
    with pytest.raises(UserError, match="one picture"):
        edge_map(torch.rand(8, 9))


def test_maps_do_not_fade_away(real_squeezenet):
    """With torch's own way to begin, nothing comes back through SqueezeNet once some of its layers are random."""
    from cnnviz_widgets.pictures import load_image

    means = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}
    small = Network(real_squeezenet.module, input_size=112, **means)  # a quarter of the work
    states = list(sanity_check(saliency, small, load_image("chelsea"), seed=1))
    assert len(states) > 20
    greatest = torch.tensor([float(state.result.values.abs().max()) for state in states])
    assert (greatest > 1e-3 * greatest[0]).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pictures": torch.rand(0, 3, 8, 8)}, "at least one"),
        ({"epochs": 0}, "epochs"),
        ({"batch": 0}, "batch"),
        ({"rate": 0}, "rate must be a positive number, not 0"),
    ],
)
def test_bad_training(network, options, message):
    with pytest.raises(UserError, match=message):
        random_labels(network, **{"pictures": torch.rand(4, 3, 32, 32)} | options)


def test_guided_backprop_notices_less_than_the_gradient(real_squeezenet, real_pictures):
    """What the paper found: guided maps keep their look, and that of the picture's edges, when layers are random."""
    from cnnviz_widgets.pictures import load_image

    layers = ["classifier", "features.12", "features.10"]
    kept = {"backprop": [], "guided": []}
    for seed, name in enumerate(("n02165456_ladybug", "n02007558_flamingo", "n02099601_golden_retriever")):
        photo = load_image(real_pictures[name])
        for rule, found in kept.items():
            method = partial(saliency, rule=rule)
            *_, state = sanity_check(method, real_squeezenet, photo, layers=layers, seed=seed)
            found.append((state.similarity, state.edges))
    gradient, guided = (np.array(found).mean(0) for found in kept.values())
    assert (guided > gradient + 0.02).all()
    assert gradient[0, 0] < 0.5 < guided[0, 0]


@pytest.mark.parametrize("mode", ["cascading", "independent"])
def test_several_methods_at_once_are_each_by_itself(network, picture, mode):
    methods = {"sizes": saliency, "colors": class_gradient}
    together = list(sanity_checks(methods, network, picture, "bee", mode, seed=3))
    for name, method in methods.items():
        alone = list(sanity_check(method, network, picture, "bee", mode=mode, seed=3))
        assert len(alone) == len(together) == 5
        for one, other in zip(alone, (states[name] for states in together), strict=True):
            torch.testing.assert_close(other.values, one.values, rtol=0, atol=0)
            assert (other.step, other.total, other.layers) == (one.step, one.total, one.layers)
            np.testing.assert_array_equal(other.similarity, one.similarity)  # NaN are alike, too
            np.testing.assert_array_equal(other.edges, one.edges)


def test_one_of_several_that_does_not_fit_is_left_out(network, picture):
    def constant(network, image, target):
        return torch.ones(32, 32)

    heard = []
    with listening(heard.append):
        states = list(sanity_checks({"flat": constant, "sizes": saliency}, network, picture))
    assert [list(one) for one in states] == [["sizes"]] * 5
    assert [one.partition(":")[0] for one in heard] == ["flat"]
    with pytest.raises(UserError, match=r"same|constant"):
        next(sanity_checks({"flat": constant, "too": constant}, network, picture))

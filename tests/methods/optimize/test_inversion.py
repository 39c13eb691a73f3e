"""Exact where a layer can be inverted, worse with depth; HOG against loops."""

import numpy as np
import pytest
import torch
from ascent import by_differences
from torch import nn

from cnnviz_widgets.engine.optimize.hog import hog
from cnnviz_widgets.engine.states import last
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.methods.features.invert import inversion_ladder, invert, invert_hog, psnr, spread
from cnnviz_widgets.networks import Network, load_network
from cnnviz_widgets.pictures import load_image


@pytest.fixture
def small() -> Network:
    module = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 4, 4, 4), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()
    )
    return Network(module.double(), input_size=(16, 20))


@pytest.fixture
def photo() -> torch.Tensor:
    return 0.3 + 0.4 * torch.rand(3, 16, 20, dtype=torch.float64)


def end(states):
    return last(states, progress=False)


def test_exact_where_a_layer_can_be_inverted(small, photo):
    state = end(invert(small, photo, "0", smoothness=0.0, steps=400, optimizer="lbfgs", learning_rate=1.0))
    torch.testing.assert_close(state.values, photo, rtol=0, atol=2e-3)


def test_the_objective_is_the_distance_and_the_prior(small, photo):
    state = next(invert(small, photo, "0", beta=1.5, smoothness=0.25))
    assert state.of == f'target_features("0", 8×16×20) - {0.25 / 320:g} * total_variation(1.5)'
    assert next(iter(state.terms.values())) < 0


@pytest.mark.parametrize("beta", [1.0, 2.0])
def test_the_prior_makes_it_smoother(small, photo, beta):
    def variation(smoothness):
        made = end(invert(small, photo, "1", beta=beta, smoothness=smoothness, steps=60)).values
        return float(made.diff(dim=-1).abs().mean() + made.diff(dim=-2).abs().mean())

    assert variation(10.0) < 0.5 * variation(0.0)


def test_it_gets_worse_with_depth_on_a_trained_network():
    network = load_network("mini", device="cpu")
    picture = load_image("chelsea", size=(64, 64))
    network = Network(network.module, input_size=64)
    ladder = end(inversion_ladder(network, picture, ["conv1", "relu3", "relu6"], steps=64))
    assert ladder.layers == ("conv1", "relu3", "relu6")
    first, second, third = ladder.psnr.values()
    assert first > second + 1 > third + 2


def test_real_inversions(real_squeezenet, real_pictures):
    """The first layer keeps nearly all, the last but the gist."""
    network = Network(real_squeezenet.module, input_size=96)
    photo = load_image(real_pictures["n01855672_goose"], size=96)
    near = end(inversion_ladder(network, photo, ["features.0", "features.5", "features.10"], steps=80)).psnr
    assert near["features.0"] > 28
    assert near["features.0"] > near["features.5"] + 5 > near["features.10"] + 8


def test_a_ladder_is_its_inversions(small, photo):
    states = list(inversion_ladder(small, photo, ["1", "0"], steps=3))
    assert [(state.step, state.total) for state in states] == [(step, 6) for step in range(1, 7)]
    assert [state.layers for state in states] == [("1",)] * 3 + [("1", "0")] * 3
    assert states[-1].values.shape == (2, 3, 16, 20)
    for layer, picture in zip(states[-1].layers, states[-1].values, strict=True):
        assert torch.equal(picture, end(invert(small, photo, layer, steps=3)).values)
    assert states[-1].content().picture.shape == (3, 16, 20, 3)
    assert states[-1].content().names[1].startswith("1: ")
    assert end(inversion_ladder(small, photo, steps=1)).layers == ("0", "1", "2")


def test_psnr_by_skimage():
    from skimage.metrics import peak_signal_noise_ratio

    one, other = torch.rand(2, 3, 9, 9).double()
    expected = peak_signal_noise_ratio(one.numpy(), other.numpy(), data_range=1)
    assert psnr(one, other) == pytest.approx(expected)


def test_hog_by_loops():
    picture = np.random.default_rng(0).random((24, 33))
    padded = np.pad(picture, 1, "edge")
    cells = np.zeros((9, 3, 4))
    for y, x in np.ndindex(24, 32):  # the last column belongs to no cell
        down = padded[y + 2, x + 1] - padded[y, x + 1]
        across = padded[y + 1, x + 2] - padded[y + 1, x]
        at = (np.degrees(np.arctan2(down, across)) % 180) / 20 - 0.5
        lower = int(np.floor(at))
        cells[lower % 9, y // 8, x // 8] += np.hypot(down, across) * (1 - (at - lower)) / 64
        cells[(lower + 1) % 9, y // 8, x // 8] += np.hypot(down, across) * (at - lower) / 64
    network = hog((24, 33))
    batch = torch.from_numpy(picture)[None, None]
    found = network.module.cells(batch)
    np.testing.assert_allclose(found[0], cells, atol=1e-12)
    blocks = network.module.blocks(found)[0].numpy()
    for y, x in np.ndindex(2, 3):
        block = cells[:, y : y + 2, x : x + 2]
        expected = np.sort((block / np.sqrt((block**2).sum() + 1e-4)).ravel())
        np.testing.assert_allclose(np.sort(blocks[:, y, x]), expected, atol=1e-12)


def test_hog_can_be_differentiated():
    module = hog((8, 12), 4).module[:2]
    pictures = torch.rand(1, 1, 8, 12, dtype=torch.float64).requires_grad_()
    weights = torch.rand(36, 1, 2, dtype=torch.float64)
    (found,) = torch.autograd.grad((module(pictures) * weights).sum(), pictures)
    expected = by_differences(lambda x: (module(x) * weights).sum((1, 2, 3)), pictures.detach(), 1e-7)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)
    flat = torch.full((1, 1, 8, 12), 0.5).requires_grad_()
    (found,) = torch.autograd.grad(module(flat).sum(), flat)
    assert not found.any()


def test_invert_hog():
    photo = load_image("chelsea", size=(64, 80))
    states = list(invert_hog(photo, steps=60))
    assert states[-1].values.shape == (1, 64, 80)
    assert states[-1].loss < 0.4 * states[0].loss


def test_the_usual_rungs_are_whole_blocks(real_squeezenet):
    assert spread(real_squeezenet) == [
        "features.0", "features.2", "features.4", "features.6", "features.8", "features.10", "features.12",
        "classifier.2",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda n, x: invert(n, x, "7"), "no layer '7'"),
        (lambda n, x: invert(n, torch.stack([x, x]), "0"), "image must be one picture"),
        (lambda n, x: invert(n, x, "0", beta=0), "beta must be above 0"),
        (lambda n, x: invert(n, x, "0", steps=0), "steps must be"),
        (lambda n, x: inversion_ladder(n, x, ["0", "7"]), "no layer '7'"),
        (lambda n, x: spread(n, 1), "number must be a whole number at least 2, not 1"),
        (
            lambda n, x: spread(Network(nn.Sequential(nn.Flatten()), input_size=5)),
            "Sequential has no layer with spatial positions",
        ),
    ],
)
def test_bad_input_is_one_sentence(small, photo, call, message):
    with pytest.raises(UserError, match=message) as error:
        call(small, photo)
    assert "\n" not in str(error.value)


def test_nothing_to_invert(photo):
    network = Network(nn.Sequential(nn.Conv2d(3, 1, 1), nn.ReLU(), nn.Flatten()).double(), input_size=(16, 20))
    nn.init.constant_(network.module[0].weight, 0.0)
    nn.init.constant_(network.module[0].bias, -1.0)
    with pytest.raises(UserError, match="nothing but zeros at layer '1'"):
        invert(network, photo, "1")

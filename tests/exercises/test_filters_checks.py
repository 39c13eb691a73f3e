import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from cnnviz_widgets.exercises import (
    check_best_patch,
    check_epochs,
    check_expanded_weights,
    check_parameter_count,
    check_tiles,
    shuffled_epochs,
)
from cnnviz_widgets.networks import Network

EACH = (1, 2, 3)


def stretched(w, over=EACH):
    low, high = w.amin(over, keepdim=True), w.amax(over, keepdim=True)
    return (w - low) / (high - low)


def in_place(w):
    w -= w.amin(EACH, keepdim=True)
    return w / w.amax(EACH, keepdim=True)


TILES = {
    "scaled over all filters; the exercise asks for each filter by itself": lambda w: stretched(w, (0, 1, 2, 3)),
    "changes its hue": lambda w: stretched(w, (2, 3)),
    "dimension 0 counts the filters": lambda w: stretched(w, (0,)),
    "not divided by anything": lambda w: w - w.amin(EACH, keepdim=True),
    "divide by (maximum − minimum)": lambda w: (w - w.amin(EACH, keepdim=True)) / w.amax(EACH, keepdim=True),
    "the minimum was never subtracted": lambda w: w / w.amax(EACH, keepdim=True),
    "zero is put in the middle": lambda w: 0.5 + w / (2 * w.abs().amax(EACH, keepdim=True)),
    "values from 0 to 255": lambda w: 255 * stretched(w),
    "negatives: the smallest": lambda w: 1 - stretched(w),
    "cut off at 0 and 1": lambda w: w.clamp(0, 1),
    "the weights as they were": lambda w: w,
    "writes into the weights": in_place,
    "keep the colors in dimension 1": lambda w: stretched(w).permute(0, 2, 3, 1),
    "cannot be read as numbers": lambda w: "tiles",
    "not finite": lambda w: stretched(w) / 0,
    "or its weights between are off": lambda w: stretched(w) ** 2,
    "the code stopped with": lambda w: w.nonsense(),
}


@pytest.mark.parametrize("says", TILES)
def test_wrong_tiles(says):
    feedback = check_tiles(TILES[says])
    assert feedback.right is False
    assert says in feedback.text


def test_right_and_missing_tiles():
    assert check_tiles(stretched)
    assert check_tiles(lambda w: stretched(w).numpy())
    assert check_tiles(lambda w: None).right is None
    assert check_tiles(None).right is None


KERNEL = torch.randn(3, 5, 5, generator=torch.Generator().manual_seed(3))
PATCHES = {
    "the opposite": -KERNEL,
    "turned by 180°": KERNEL.flip(1, 2),
    "opposite order: red": KERNEL.flip(0),
    "the tile as it is shown": (KERNEL - KERNEL.min()) / (KERNEL.max() - KERNEL.min()),
    "only the signs": KERNEL.sign(),
    "the one pixel": (KERNEL.max() == KERNEL).float(),
    "of the greatest possible one": torch.ones_like(KERNEL),
    "response to a patch of zeros is 0": torch.zeros_like(KERNEL),
}


@pytest.mark.parametrize("says", PATCHES)
def test_wrong_patch(says):
    patch = PATCHES[says]
    for scaled in (patch, patch / patch.norm().clamp(min=1e-6)):
        feedback = check_best_patch(scaled, KERNEL)
        assert feedback.right is False
        assert says in feedback.text


def test_right_and_missing_patch():
    assert check_best_patch(KERNEL / KERNEL.norm(), KERNEL)
    assert "divide it by its norm" in check_best_patch(KERNEL, KERNEL).text
    assert check_best_patch(None, KERNEL).right is None
    assert "has the shape (3, 5)" in check_best_patch(KERNEL[0, :3], KERNEL).text


@given(st.integers(4, 10_000), st.floats(0.05, 3))  # the kernel itself has the seed 3
@settings(max_examples=50)
def test_no_other_patch_of_that_length_is_taken(seed, amount):
    other = KERNEL + amount * torch.randn(KERNEL.shape, generator=torch.Generator().manual_seed(seed))
    assert not check_best_patch(other / other.norm(), KERNEL)


def one_layer(bias: bool) -> Network:
    module = nn.Sequential(
        nn.Conv2d(3, 8, (5, 7), bias=bias), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 2)
    )
    return Network(module, input_size=24, name="one layer")


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (8 * 3 * 5 * 7, "the one bias of each"),
        (8 * 5 * 7 + 8, "each of the 3 channels"),
        (3 * 5 * 7 + 1, "one filter alone"),
        (8, "the filters are counted"),
        ((8 * 3 * 5 * 7 + 8) * 20 * 18, "all positions share them"),
        (1000, "(8, 3, 5, 7)"),
        ("many", "one number"),
    ],
)
def test_wrong_parameter_count(answer, says):
    feedback = check_parameter_count(answer, one_layer(bias=True))
    assert feedback.right is False
    assert says in feedback.text


def test_right_parameter_count():
    assert check_parameter_count(848, one_layer(bias=True))
    assert check_parameter_count(840, one_layer(bias=False)).text == "8 · 3 · 5 · 7 weights and no biases."
    assert "has no biases" in check_parameter_count(848, one_layer(bias=False)).text
    assert check_parameter_count(None, one_layer(bias=True)).right is None


EXPANDED = {
    "2 places of the input apart": lambda first, second, stride: F.conv_transpose2d(second, first),
    "turned round": lambda first, second, stride: F.conv_transpose2d(second, first.flip(2, 3), stride=stride),
    "one moves over the other": lambda first, second, stride: torch.einsum("nmij,mcij->ncij", second, first),
    "(4, 3, 7, 7)": lambda first, second, stride: torch.zeros(4, 3, 5, 6),
    "the weights are not": lambda first, second, stride: torch.zeros(4, 3, 7, 7),
}


@pytest.mark.parametrize("says", EXPANDED)
def test_wrong_expanded_weights(says):
    feedback = check_expanded_weights(EXPANDED[says])
    assert feedback.right is False
    assert says in feedback.text


def test_right_expanded_weights():
    def by_gradient(first, second, stride):
        x = torch.zeros(1, 3, 7, 7, requires_grad=True)
        out = F.conv2d(F.conv2d(x, first, stride=stride), second)[0, :, 0, 0]
        return torch.stack([torch.autograd.grad(one, x, retain_graph=True)[0][0] for one in out])

    assert check_expanded_weights(by_gradient)
    assert check_expanded_weights(lambda first, second, stride: F.conv_transpose2d(second, first, stride=stride))
    assert check_expanded_weights(None).right is None


def test_epochs():
    states = shuffled_epochs()
    rough = [float((one[..., 1:] - one[..., :-1]).square().mean() / one.var()) for one in states]
    first = states[max(range(6), key=rough.__getitem__)]
    right = sorted(range(6), key=lambda place: float((states[place] - first).norm()))
    assert check_epochs(right)
    assert check_epochs(torch.tensor(right))
    assert check_epochs(None).right is None
    for wrong, says in (
        (right[::-1], "opposite order"),
        ([right.index(place) for place in range(6)], "which epoch it is"),
        ([right[1], right[0], *right[2:]], "epochs 1 and 2"),
        ([*right[:4], right[5], right[4]], "the last two"),
        ([right[2], *right[:2], *right[3:]], "is not the earliest"),
        ([right[0], right[2], right[1], *right[3:]], "4 of the six"),
        ([0, 0, 1, 2, 3, 4], "once"),
        ([1, 2], "whole numbers"),
    ):
        feedback = check_epochs(wrong)
        assert feedback.right is False, says
        assert says in feedback.text

"""The checks of chapter 14: right answers, missing ones, and mistakes that are told by their own result."""

import pytest
import torch

import cnnviz_widgets as cnnviz
from cnnviz_widgets.exercises import check_gram, check_texture_numbers, check_window

VGG = (64, 64, 128, 256, 512)


def rows(maps):
    return maps.flatten(1)


def covariance(maps, less=0):
    centered = rows(maps) - rows(maps).mean(1, keepdim=True)
    return centered @ centered.T / (rows(maps).shape[1] - less)


def cosines(maps):
    length = rows(maps).norm(dim=1)
    return rows(maps) @ rows(maps).T / length / length[:, None]


def dealt_out(maps):
    mixed = maps.reshape(-1, len(maps))
    return mixed.T @ mixed / len(mixed)


def overwriting(maps):
    maps -= maps.mean()
    return cnnviz.gram(maps)


GRAMS = {
    "this is the sum over the positions": lambda maps: rows(maps) @ rows(maps).T,
    "divided by C · h · w": lambda maps: rows(maps) @ rows(maps).T / maps.numel(),
    "divided by the number of channels": lambda maps: rows(maps) @ rows(maps).T / len(maps),
    "divided by one side": lambda maps: rows(maps) @ rows(maps).T / maps.shape[2],
    "divided by the height": lambda maps: rows(maps) @ rows(maps).T / maps.shape[1],
    "that belongs to an unbiased covariance": lambda maps: cnnviz.gram(maps) * 20 / 19,
    "that is the covariance": covariance,
    "this is `torch.cov`": lambda maps: covariance(maps, 1),
    "that is their cosine": cosines,
    "does not swap axes": dealt_out,
    "and it is not divided by h · w": lambda maps: dealt_out(maps) * 20,
    "only the diagonal is there": lambda maps: cnnviz.gram(maps).diagonal().diag_embed(),
    "the product of the means": lambda maps: maps.mean((1, 2))[:, None] * maps.mean((1, 2)),
    "half of it is missing": lambda maps: cnnviz.gram(maps).triu(),
    "channels and positions are swapped": lambda maps: rows(maps).T @ rows(maps),
    "flatten the two sides first": lambda maps: maps @ maps.mT,
    "one number per channel": lambda maps: maps.square().mean((1, 2)),
    "the product place by place": lambda maps: maps * maps,
    "added up to one number": lambda maps: cnnviz.gram(maps).sum(),
    "of the batch take the first": lambda maps: cnnviz.gram(maps[None]),
    "writes into the maps": overwriting,
    "it must be `F @ F.T": lambda maps: 2 * cnnviz.gram(maps),
    "the code stopped with `RuntimeError": lambda maps: rows(maps) @ rows(maps),
}


@pytest.mark.parametrize("says", GRAMS)
def test_wrong_gram(says):
    feedback = check_gram(GRAMS[says])
    assert feedback.right is False
    assert says in feedback.text


@pytest.mark.parametrize(
    "gram",
    [
        cnnviz.gram,
        lambda maps: torch.einsum("chw,dhw->cd", maps, maps) / (maps.shape[1] * maps.shape[2]),
        lambda maps: (maps[:, None] * maps).mean((2, 3)),
    ],
)
def test_right_gram(gram):
    assert check_gram(gram)


def test_right_numbers():
    """The 176,640 of VGG-19's five layers (Gatys et al., 2015), counted one by one."""
    counted = sum(int(torch.ones(c, c).triu().sum()) for c in VGG)
    assert counted == 176_640
    feedback = check_texture_numbers(counted, VGG)
    assert feedback
    assert "176,640" in feedback.text


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (352_256, "counted twice"),
        (175_616, "diagonals are missing"),
        (176_128, "must not be halved"),
        (1024, "each *pair*"),
        (524_800, "matrix of its own"),
        (1024**2, "each layer has its own"),
        (131_328, "last layer alone"),
        (7, "add that up over the layers"),
        ("many", "one number"),
    ],
)
def test_wrong_numbers(answer, says):
    feedback = check_texture_numbers(answer, VGG)
    assert feedback.right is False
    assert says in feedback.text


@pytest.fixture(scope="module")
def wall():
    """Running bond: bricks of 8×4 px, joints of one pixel among them."""
    y, x = torch.meshgrid(torch.arange(26), torch.arange(27), indexing="ij")
    joint = (y % 4 == 0) | ((x + y // 4 % 2 * 4) % 8 == 0)
    return joint.float().expand(3, -1, -1)


def test_right_window(wall):
    assert check_window(9, wall, 8)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (5, "0% of the grown wall"),
        (7, "does a window at one end"),
        (11, "a smaller window is enough"),
        (8, "odd number from 3 to 26"),
        (1, "odd number from 3 to 26"),
        (27, "odd number from 3 to 26"),
        (9.5, "odd number"),
        ("large", "one number"),
    ],
)
def test_wrong_window(wall, answer, says):
    feedback = check_window(answer, wall, 8)
    assert feedback.right is False
    assert says in feedback.text


def test_nothing_yet(wall):
    assert check_gram(None).right is None
    assert check_gram(lambda maps: None).right is None
    assert check_texture_numbers(None, VGG).right is None
    assert check_window(None, wall, 8).right is None

"""Histograms of oriented gradients (Dalal & Triggs, 2005) as a network, so that they can be inverted like one."""

from collections import OrderedDict
from math import pi

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnnviz_widgets.networks import Network

ORIENTATIONS = 9


def hog(size: tuple[int, ...], cell: int = 8) -> Network:
    """A network on gray pictures: layer ``cells`` has 9 orientations per cell, ``blocks`` are of 2×2 cells, normalized.

    size   (height, width) of its pictures in px;   cell   side of a cell in px
    """
    height, width = size
    layers = OrderedDict(cells=_Cells(cell), blocks=_Blocks(), numbers=nn.Flatten())
    return Network(nn.Sequential(layers), input_size=(height, width), mean=[0.0], std=1.0, scores="logits", name="HOG")


def strokes(blocks: Tensor, side: int) -> Tensor:
    """Blocks (36, rows, columns) as a picture (1, H, W) of cells of ``side`` px: strokes along the edges in each.

    A cell's histogram is the mean of those that it has in its blocks; the longest stroke is white.
    """
    corners = [(0, 0), (0, 1), (1, 0), (1, 1)]  # of a block, in the order of its four histograms
    parts = [
        F.pad(part, (x, 1 - x, y, 1 - y)) for part, (y, x) in zip(blocks.split(ORIENTATIONS), corners, strict=True)
    ]
    counts = sum(F.pad(torch.ones_like(blocks[0]), (x, 1 - x, y, 1 - y)) for y, x in corners)
    cells = torch.stack(parts).sum(0) / counts
    angles = (torch.arange(ORIENTATIONS) + 0.5) * pi / ORIENTATIONS
    at = torch.arange(side) - (side - 1) / 2
    across = (angles.cos().view(-1, 1, 1) * at + angles.sin().view(-1, 1, 1) * at[:, None]).abs()
    round = (at.square() + at[:, None].square()).sqrt() <= side / 2
    lines = (side / 16 + 0.5 - across).clamp(0, 1) * round
    drawn = torch.einsum("orc,oyx->rycx", cells, lines)
    return (drawn / drawn.max().clamp(min=1e-12)).flatten(2).flatten(0, 1)[None]


class _Cells(nn.Module):
    """(B, 9, H / cell, W / cell): the mean gradient in each cell, by its direction (without sign).

    A gradient is split between the two nearest of the nine directions, by linear interpolation.
    """

    def __init__(self, cell: int) -> None:
        super().__init__()
        self.cell = cell

    def forward(self, pictures: Tensor) -> Tensor:
        padded = F.pad(pictures, (1, 1, 1, 1), "replicate")
        down = padded[..., 2:, 1:-1] - padded[..., :-2, 1:-1]
        across = padded[..., 1:-1, 2:] - padded[..., 1:-1, :-2]
        squares = down.square() + across.square()
        flat = squares < 1e-12  # neither the root nor the angle is differentiable there
        strength = torch.where(flat, 0, torch.where(flat, 1, squares).sqrt())
        angle = torch.atan2(torch.where(flat, 0, down), torch.where(flat, 1, across))
        place = angle * ORIENTATIONS / pi - 0.5  # among the centers of the bins
        first = place.detach().floor()
        share = place - first
        bins = torch.cat([first, first + 1], 1).remainder(ORIENTATIONS).long()
        parts = torch.cat([strength * (1 - share), strength * share], 1)
        none = parts.new_zeros(len(parts), ORIENTATIONS, *parts.shape[-2:])
        return F.avg_pool2d(none.scatter_add(1, bins, parts), self.cell)


class _Blocks(nn.Module):
    """(B, 36, rows − 1, columns − 1): every 2×2 cells together, divided by their length."""

    def forward(self, cells: Tensor) -> Tensor:
        blocks = torch.cat([cells[..., :-1, :-1], cells[..., :-1, 1:], cells[..., 1:, :-1], cells[..., 1:, 1:]], 1)
        return blocks / (blocks.square().sum(1, keepdim=True) + 1e-4).sqrt()

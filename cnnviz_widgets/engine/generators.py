"""A network that draws objects: from the numbers that describe one to how bright each pixel is, and to the mask."""

import math
from typing import Literal

import torch
from torch import Tensor, nn

from cnnviz_widgets.engine.picture_networks import PictureNetwork
from cnnviz_widgets.pictures.objects import BACKGROUND, KINDS, REACH, SIDE

Up = Literal["resize", "transposed"]

GRID = SIDE // 4  # px of a side of the first maps
VIEWED = ("azimuth", "elevation")
PLACED = ("scale", "right", "up", "roll", "stretch")  # parameters that say where in the picture an object lies
FREQUENCIES = (1, 2, 4)  # of sines over the first maps, in quarters of a wave a unit


class ObjectGenerator(PictureNetwork):
    """From kind, view and place of an object to its brightness and mask, 64 × 64 px (after Dosovitskiy et al., 2017).

    Two dense layers turn kind and view into a code. Maps of 16 × 16 places begin with the coordinates that each place
    has on the object, as its shift, turn, scale and stretch say; convolutions, each of whose channels is scaled and
    shifted by the code (FiLM: Perez et al., 2018), and two enlargements make the picture of them. The color is
    multiplied at the end (``painted``): it need not be learned, nor need the place.

    up      "resize": nearest neighbor, then a convolution (Odena et al., 2016); "transposed": transposed convolutions,
            whose kernels of 3 px overlap unevenly at a stride of 2
    hidden  length of the code;   widths  channels from the first maps on
    """

    def __init__(self, up: Up = "resize", hidden: int = 256, widths: tuple[int, ...] = (64, 48, 24, 12)) -> None:
        super().__init__()
        self.layout = {"up": up, "hidden": hidden, "widths": tuple(widths)}
        first, second, third, last = widths
        self.encode = nn.Sequential(
            nn.Linear(len(KINDS) + 7, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(),
        )  # fmt: skip
        self.parts = nn.ModuleList(
            [
                nn.Conv2d(2 + 4 * len(FREQUENCIES), first, 1),
                nn.Conv2d(first, second, 1),
                nn.Conv2d(second, third, 3, padding=1),
                _enlarge(third, last, up),
            ]
        )
        films = [nn.Linear(hidden, 2 * width) for width in widths]
        self.films = nn.ModuleList(films)
        self.last = _enlarge(last, 2, up)
        for one in self.modules():
            if isinstance(one, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
                nn.init.kaiming_normal_(one.weight, nonlinearity="relu")  # He et al., 2015
                nn.init.zeros_(one.bias)  # type: ignore[arg-type]  # it has one
        for film in films:
            film.weight.data *= 0.3  # the code steers what is there, and does not drown it

    def forward(self, parameters: Tensor) -> Tensor:
        """(B, 23): weights of the kinds, then ``VIEWED``, then ``PLACED`` → (B, 2, 64, 64), as ``draw``."""
        return self.draw(self.code(parameters[:, : -len(PLACED)]), parameters[:, -len(PLACED) :])

    def code(self, parameters: Tensor) -> Tensor:
        """(B, hidden), of the weights of the kinds and ``VIEWED`` (B, 18)."""
        kinds, (azimuth, elevation) = parameters[:, :-2], parameters[:, -2:].unbind(1)
        turn, raised = azimuth * math.pi / 180, (elevation - 25) / 15
        waves = turn.cos(), turn.sin(), (2 * turn).cos(), (2 * turn).sin()
        view = torch.stack([*waves, raised, raised * waves[0], raised * waves[1]], 1)
        return self.encode(torch.cat([2 * kinds, view], 1))

    def draw(self, code: Tensor, placement: Tensor) -> Tensor:
        """Of a code (B, hidden) and ``PLACED`` (B, 5): brightness, about 0…1, and the mask's logit, (B, 2, 64, 64)."""
        maps = _waves(_coordinates(placement))
        for part, film in zip(self.parts, self.films, strict=True):
            scale, shift = film(code)[:, :, None, None].chunk(2, 1)
            maps = torch.addcmul(shift, part(maps), 1 + scale).relu()
        return self.last(maps)


def painted(drawn: Tensor, colors: Tensor) -> tuple[Tensor, Tensor]:
    """What ``draw`` gives, in colors (B, 3), on the background: pictures (B, 3, 64, 64) and masks (B, 64, 64), 0…1."""
    shade, mask = drawn[:, 0], drawn[:, 1].sigmoid()
    pictures = colors[:, :, None, None] * shade[:, None] + BACKGROUND * (1 - mask[:, None])
    return pictures.clamp(0, 1), mask


def rgb_of(hue: Tensor, saturation: Tensor, brightness: Tensor) -> Tensor:
    """(B, 3), 0…1: as ``colorsys.hsv_to_rgb``."""
    at = (torch.tensor([5.0, 3.0, 1.0], device=hue.device, dtype=hue.dtype) + 6 * hue[:, None]) % 6
    return brightness[:, None] * (1 - saturation[:, None] * torch.minimum(at, 4 - at).clamp(0, 1))


def _coordinates(placement: Tensor) -> Tensor:
    """(B, 2, 16, 16): which point of the object, (right, up), every place of the first maps lies on."""
    scale, right, up, roll, stretch = placement.unbind(1)
    turn = roll * math.pi / 180
    line = (torch.arange(GRID, device=placement.device, dtype=placement.dtype) + 0.5) * 2 / GRID - 1
    x, y = line - 2 * right[:, None], -line - 2 * up[:, None]  # (B, 16) each, from the center of the object
    x, y = x[:, None, :], y[:, :, None]
    cos, sin, grow = (one[:, None, None] for one in (turn.cos(), turn.sin(), scale / REACH))
    return torch.stack([(cos * x + sin * y) / (grow * stretch[:, None, None]), (cos * y - sin * x) / grow], 1)


def _waves(places: Tensor) -> Tensor:
    """Coordinates (B, 2, h, w) with sines and cosines of them."""
    frequencies = torch.tensor(FREQUENCIES, device=places.device, dtype=places.dtype) * math.pi / 2
    phases = (places[:, :, None] * frequencies[:, None, None]).flatten(1, 2)
    return torch.cat([places, phases.sin(), phases.cos()], 1)


def _enlarge(inputs: int, outputs: int, up: Up) -> nn.Module:
    """Maps twice as large."""
    if up == "transposed":
        return nn.ConvTranspose2d(inputs, outputs, 3, 2, padding=1, output_padding=1)
    return nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(inputs, outputs, 3, padding=1))

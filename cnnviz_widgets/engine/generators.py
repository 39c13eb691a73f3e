"""Networks that draw objects: from the numbers that describe one to how bright each pixel is, and to the mask."""

import math
from typing import Literal

import torch
from torch import Tensor, nn

from cnnviz_widgets.engine.picture_networks import PictureNetwork
from cnnviz_widgets.pictures.objects import BACKGROUND, DISTANCE, KINDS, REACH, SIDE

Up = Literal["resize", "transposed"]

GRID = SIDE // 4  # px of a side of the first maps
VIEWED = ("azimuth", "elevation")
PLACED = ("scale", "right", "up", "roll", "stretch")  # parameters that say where in the picture an object lies
MIRRORED = ("azimuth", "right", "roll")  # change their sign in a mirror
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
        return self.draw(self.code(parameters[:, : -len(PLACED)]), parameters[:, len(KINDS) :])

    def code(self, parameters: Tensor) -> Tensor:
        """(B, hidden), of the weights of the kinds and ``VIEWED`` (B, 18)."""
        kinds, (azimuth, elevation) = parameters[:, :-2], parameters[:, -2:].unbind(1)
        turn, raised = azimuth * math.pi / 180, (elevation - 25) / 15
        waves = turn.cos(), turn.sin(), (2 * turn).cos(), (2 * turn).sin()
        view = torch.stack([*waves, raised, raised * waves[0], raised * waves[1]], 1)
        return self.encode(torch.cat([2 * kinds, view], 1))

    def draw(self, code: Tensor, placement: Tensor) -> Tensor:
        """Brightness, about 0…1, and the mask's logit, (B, 2, 64, 64), of a code (B, hidden) and of what is built in.

        placement  (B, 7): ``VIEWED``, which the code has, too, and ``PLACED``
        """
        maps = _waves(_coordinates(placement[:, len(VIEWED) :], GRID))
        for part, film in zip(self.parts, self.films, strict=True):
            scale, shift = film(code)[:, :, None, None].chunk(2, 1)
            maps = torch.addcmul(shift, part(maps), 1 + scale).relu()
        return self.last(maps)


class RayGenerator(PictureNetwork):
    """As ``ObjectGenerator``, but each pixel is drawn by itself, of the ray through it (Sitzmann et al., 2021).

    Two dense layers turn the kind into a code, and the code gives lines in space. Each unit of the first layer says how
    far, and on which side, a ray passes one of them: straight edges are easy to learn. Two layers more, whose channels
    the code scales and shifts, make brightness and mask of that. View and place are built in: the object is learned.
    So is that objects are their own mirror images: of every view, and of its mirror image, the mean is drawn.

    hidden  length of the code;   lines  how many;   widths  channels of the layers after them
    """

    def __init__(self, hidden: int = 128, lines: int = 128, widths: tuple[int, ...] = (64, 32)) -> None:
        super().__init__()
        self.layout = {"hidden": hidden, "lines": lines, "widths": tuple(widths)}
        self.encode = nn.Sequential(nn.Linear(len(KINDS), hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU())
        self.lines = nn.Linear(hidden, 7 * lines)
        self.parts = nn.ModuleList(nn.Linear(*ends) for ends in zip((lines, *widths), widths, strict=False))
        self.films = nn.ModuleList(nn.Linear(hidden, 2 * width) for width in widths)
        self.last = nn.Linear(widths[-1], 2)
        for one in self.modules():
            if isinstance(one, nn.Linear):
                nn.init.kaiming_normal_(one.weight, nonlinearity="relu")
                nn.init.zeros_(one.bias)
        for one in (self.lines, *self.films, self.last):
            one.weight.data *= 0.3
        along = 3 * torch.eye(3)[torch.arange(lines) % 3]  # at first parallel to the axes, as most edges are
        through = (2 * torch.rand(lines, 3) - 1) * torch.tensor([0.6, 0.55, 0.4])  # points of the objects
        begun = torch.cat([torch.linalg.cross(through, along), along, torch.zeros(lines, 1)], 1)
        self.lines.bias.data = begun.T.flatten()

    def forward(self, parameters: Tensor) -> Tensor:
        """As ``ObjectGenerator``."""
        return self.draw(self.code(parameters[:, : -len(PLACED)]), parameters[:, len(KINDS) :])

    def code(self, parameters: Tensor) -> Tensor:
        """(B, hidden), of the weights of the kinds alone: what follows them is not looked at."""
        return self.encode(2 * parameters[:, : len(KINDS)])

    def draw(self, code: Tensor, placement: Tensor) -> Tensor:
        """As ``ObjectGenerator``."""
        one, other = (
            self.shade(code, seen, places(seen)).mT.unflatten(2, (SIDE, SIDE))
            for seen in (placement, mirrored_placement(placement))
        )
        return (one + other.flip(3)) / 2

    def shade(self, code: Tensor, placement: Tensor, at: Tensor) -> Tensor:
        """Brightness and the mask's logit, (B, n, 2), where rays are at the places ``at`` (B, n, 2), see ``places``."""
        lines = self.lines(code).unflatten(1, (7, -1))
        factors = passing(lines[:, :6], placement)
        rays = torch.baddbmm(factors[:, 2:] + lines[:, 6:], at, factors[:, :2]).relu_()
        for part, film in zip(self.parts, self.films, strict=True):
            scale, shift = film(code)[:, None].chunk(2, 2)
            rays = torch.addcmul(shift, part(rays), 1 + scale).relu_()
        return self.last(rays)


def mirrored_placement(placement: Tensor) -> Tensor:
    """``VIEWED`` and ``PLACED`` (B, 7) of the mirror images."""
    return placement * placement.new_tensor([-1 if name in MIRRORED else 1 for name in (*VIEWED, *PLACED)])


def places(placement: Tensor) -> Tensor:
    """(B, 4096, 2): where (right, up) the camera's ray through every pixel meets the plane through the object's center.

    placement  (B, 7): ``VIEWED``, ``PLACED``
    """
    return _coordinates(placement[:, len(VIEWED) :], SIDE).flatten(2).mT


def passing(lines: Tensor, placement: Tensor) -> Tensor:
    """(B, 3, n): by how much rays pass lines, as the factors of a ray's place (right, up) and of 1.

    lines  (B, 6, n): moment and direction (Plücker coordinates), with the object's center as the origin
    That product of a ray and a line is 0 where they meet; its sign is the side.
    """
    a, e = (placement[:, : len(VIEWED)] * math.pi / 180).unbind(1)
    none = torch.zeros_like(a)
    right = torch.stack([a.cos(), none, -a.sin()], 1)
    up = torch.stack([-a.sin() * e.sin(), e.cos(), -a.cos() * e.sin()], 1)
    near = torch.stack([a.sin() * e.cos(), e.sin(), a.cos() * e.cos()], 1)
    ray = [torch.cat(pair, 1) for pair in ((right / DISTANCE, up), (up / DISTANCE, -right), (-near, 0 * near))]
    return torch.stack(ray, 1) @ lines


def painted(drawn: Tensor, colors: Tensor) -> tuple[Tensor, Tensor]:
    """What ``draw`` gives, in colors (B, 3), on the background: pictures (B, 3, 64, 64) and masks (B, 64, 64), 0…1."""
    shade, mask = drawn[:, 0], drawn[:, 1].sigmoid()
    pictures = colors[:, :, None, None] * shade[:, None] + BACKGROUND * (1 - mask[:, None])
    return pictures.clamp(0, 1), mask


def rgb_of(hue: Tensor, saturation: Tensor, brightness: Tensor) -> Tensor:
    """(B, 3), 0…1: as ``colorsys.hsv_to_rgb``."""
    at = (torch.tensor([5.0, 3.0, 1.0], device=hue.device, dtype=hue.dtype) + 6 * hue[:, None]) % 6
    return brightness[:, None] * (1 - saturation[:, None] * torch.minimum(at, 4 - at).clamp(0, 1))


def _coordinates(placement: Tensor, side: int) -> Tensor:
    """(B, 2, side, side): which point (right, up) of the object every place of such maps lies on, of ``PLACED``."""
    scale, right, up, roll, stretch = placement.unbind(1)
    turn = roll * math.pi / 180
    line = (torch.arange(side, device=placement.device, dtype=placement.dtype) + 0.5) * 2 / side - 1
    x, y = line - 2 * right[:, None], -line - 2 * up[:, None]  # (B, side) each, from the center of the object
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

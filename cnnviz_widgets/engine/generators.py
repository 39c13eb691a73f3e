"""Networks that draw objects: from the numbers that describe one to how bright each pixel is, and to the mask."""

import math
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnnviz_widgets.engine.picture_networks import PictureNetwork
from cnnviz_widgets.pictures.objects import BACKGROUND, DISTANCE, KINDS, REACH, SIDE

Up = Literal["resize", "transposed"]

GRID = SIDE // 4  # px of a side of the first maps
VIEWED = ("azimuth", "elevation")
PLACED = ("scale", "right", "up", "roll", "stretch")  # parameters that say where in the picture an object lies
MIRRORED = ("azimuth", "right", "roll")  # change their sign in a mirror
FREQUENCIES = (1, 2, 4)  # of sines over the first maps, in quarters of a wave a unit
HALF = (0.62, 0.62, 0.44)  # of the sides of the block that holds every object
NODES = (26, 50, 36)  # points along x, of one half only, y and z
STEEPEST = 5.2  # logarithm of how steep a box may end: from 0.1 to 0.9 in the distance of two nodes
DENSITY = 20  # of softplus(1), about, a unit of length


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
    """As ``ObjectGenerator``, but each pixel is drawn by itself, of the ray through it (Mildenhall et al., 2020).

    Two dense layers turn the kind into a code, and the code gives boxes in space (Tulsiani et al., 2017), soft at
    first: where they are, how large, dense and sharp. How bright the object is at each point is a sum of products of
    curves along x, y and z (Chen et al., 2022), which the code gives, too. Camera and place are built in: the object
    is learned, and all views are of the same one. So is that objects are their own mirror images: one half is made.

    hidden   length of the first layer's output;   length  of the code
    boxes    how many;   rank  products in a sum
    samples  points of a ray
    """

    def __init__(self, hidden: int = 64, length: int = 32, boxes: int = 24, rank: int = 16, samples: int = 32) -> None:
        super().__init__()
        self.layout = {"hidden": hidden, "length": length, "boxes": boxes, "rank": rank, "samples": samples}
        self.samples = samples
        self.encode = nn.Sequential(nn.Linear(len(KINDS), hidden), nn.ReLU(), nn.Linear(hidden, length))
        self.boxes = nn.Linear(length, 8 * boxes)
        self.curves = nn.ModuleList(nn.Linear(length, rank * nodes) for nodes in NODES)
        self.level = nn.Linear(length, 2)
        for one in self.modules():
            if isinstance(one, nn.Linear):
                nn.init.kaiming_normal_(one.weight, nonlinearity="relu")
                nn.init.zeros_(one.bias)
        for one in (self.boxes, self.level, *self.curves):
            one.weight.data *= 0.1
        middles = 1.6 * torch.rand(3, boxes) - 0.8
        middles[0].abs_()
        begun = middles, 0.15 + 0.25 * torch.rand(3, boxes), torch.tensor([[4.0], [3.5]]).expand(2, boxes)
        self.boxes.bias.data = torch.cat(begun).flatten()
        for curve, nodes in zip(self.curves, NODES, strict=True):
            at, wide = torch.rand(2, rank, 1)
            curve.bias.data = 0.3 * (-(((torch.linspace(0, 1, nodes) - at) / (0.15 + 0.2 * wide)) ** 2)).exp().flatten()
        self.level.bias.data = torch.tensor([-4.0, 0.6])  # nearly nothing outside of boxes

    def forward(self, parameters: Tensor) -> Tensor:
        """As ``ObjectGenerator``."""
        return self.draw(self.code(parameters[:, : -len(PLACED)]), parameters[:, len(KINDS) :])

    def code(self, parameters: Tensor) -> Tensor:
        """(B, length), of the weights of the kinds alone: what follows them is not looked at."""
        return self.encode(2 * parameters[:, : len(KINDS)])

    def draw(self, code: Tensor, placement: Tensor) -> Tensor:
        """As ``ObjectGenerator``."""
        return self.shade(code, placement, places(placement)).mT.unflatten(2, (SIDE, SIDE))

    def block(self, code: Tensor) -> Tensor:
        """Density, before softplus, and brightness, (B, 2, z, y, x), at ``NODES`` of one half."""
        middles, sides, (density, sharpness) = self.boxes(code).unflatten(1, (8, -1)).transpose(0, 1).split((3, 3, 2))
        steepness = sharpness.clamp(max=STEEPEST).exp()[..., None]
        inside: list[Tensor] = []  # of each box, along x, y and z
        for middle, side, half, nodes in zip(middles, sides, HALF, NODES, strict=True):
            line = torch.linspace(-1 if inside else 0, 1, nodes, dtype=code.dtype, device=code.device)
            inside.append((half * steepness * (side[..., None] - (line - middle[..., None]).abs())).sigmoid())
        inside[0] = density[..., None] * inside[0]
        curves = [curve(code).unflatten(1, (-1, nodes)) for curve, nodes in zip(self.curves, NODES, strict=True)]
        return torch.stack([_products(*inside), _products(*curves)], 1) + self.level(code)[:, :, None, None, None]

    def shade(self, code: Tensor, placement: Tensor, at: Tensor) -> Tensor:
        """Brightness and the mask's logit, (B, n, 2), where rays are at the places ``at`` (B, n, 2), see ``places``."""
        points, step = sampled(placement, at, self.samples)
        scale = points.new_tensor(HALF)
        half = torch.cat([2 * points[..., :1].abs() - scale[0], points[..., 1:]], -1) / scale
        density, bright = F.grid_sample(self.block(code), half[:, None], align_corners=True)[:, :, 0].unbind(1)
        depth = (F.softplus(density) * DENSITY * step).cumsum(2)
        left = torch.cat([torch.ones_like(step), (-depth).exp()], 2)  # of the light, in front of each point
        shade = (-left.diff(dim=2) * bright).sum(2)
        return torch.stack([shade, depth[..., -1].clamp(1e-4, 30).expm1().log()], 2)


def _products(x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    """The sum of the products of curves (B, rank, nodes) along three axes: (B, z, y, x)."""
    sides = torch.einsum("brz, bry -> bzyr", z, y)
    return (sides.flatten(1, 2) @ x).unflatten(1, sides.shape[1:3])


def mirrored_placement(placement: Tensor) -> Tensor:
    """``VIEWED`` and ``PLACED`` (B, 7) of the mirror images."""
    return placement * placement.new_tensor([-1 if name in MIRRORED else 1 for name in (*VIEWED, *PLACED)])


def places(placement: Tensor) -> Tensor:
    """(B, 4096, 2): where (right, up) the camera's ray through every pixel meets the plane through the object's center.

    placement  (B, 7): ``VIEWED``, ``PLACED``
    """
    return _coordinates(placement[:, len(VIEWED) :], SIDE).flatten(2).mT


def sampled(placement: Tensor, at: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Points (B, n, count, 3) of rays from the camera, evenly from where they enter the block to where they leave it.

    placement  (B, 7): ``VIEWED``, ``PLACED``
    at         (B, n, 2): where the rays meet the plane through the object's center, see ``places``
    The second result is the way from point to point, (B, n, 1), 0 for rays that miss the block. The object's center,
    which is the block's, is the origin.
    """
    a, e = (placement[:, : len(VIEWED)] * math.pi / 180).unbind(1)
    none = torch.zeros_like(a)
    right = torch.stack([a.cos(), none, -a.sin()], 1)
    up = torch.stack([-a.sin() * e.sin(), e.cos(), -a.cos() * e.sin()], 1)
    camera = DISTANCE * torch.stack([a.sin() * e.cos(), e.sin(), a.cos() * e.cos()], 1)[:, None]
    rays = at @ torch.stack([right, up], 1) - camera
    rays = torch.where(rays.abs() < 1e-6, 1e-6, rays)
    half = rays.new_tensor(HALF)
    ends = torch.stack([(-half - camera) / rays, (half - camera) / rays])
    enter, leave = ends.amin(0).amax(2, True), ends.amax(0).amin(2, True)
    step = (leave - enter).clamp(min=0) / count
    way = enter + step * (torch.arange(count, device=rays.device) + 0.5)
    return camera[:, :, None] + rays[:, :, None] * way[..., None], step * rays.norm(dim=2, keepdim=True)


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

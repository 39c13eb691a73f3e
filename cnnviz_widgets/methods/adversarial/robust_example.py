"""X8: examples that hold under rotation, zoom and noise: expectation over transformation (Athalye et al., 2018)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import torch
from torch import Generator, Tensor

from cnnviz_widgets.engine.optimize import transforms as t
from cnnviz_widgets.engine.optimize.objectives.algebra import BoundTerm, Term, TermInputs, remembers_call
from cnnviz_widgets.engine.optimize.transforms import Transform
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import OWN, Range, Rate, Seed, gate
from cnnviz_widgets.methods.activations.activations import one_picture
from cnnviz_widgets.methods.adversarial._attack import Attack, Bound, Steps, Way, aimed, attacked
from cnnviz_widgets.networks import Network
from cnnviz_widgets.pictures.given import AnyPicture

__all__ = ["Poses", "poses", "robust_example", "seen_as"]
example = dict(steps=2, draws=2, vary="noise")


@gate
def poses(
    degrees: Annotated[float, Range(0, 180)] = 30.0,
    zoom: Annotated[float, Range(1, 4)] = 1.2,
    shift: Annotated[int, Range(0, 256)] = 4,
    noise: Annotated[float, Range(0, 1)] = 0.05,
) -> tuple[Transform, ...]:
    """Random transforms: rotated by up to ``degrees``, zoomed by ``1/zoom`` to ``zoom``, shifted, with noise.

    degrees  in either direction
    zoom     the largest factor
    shift    px in each direction
    noise    standard deviation, in values 0…1
    """
    return t.pad(max(1, shift), 0.5), t.rotate(degrees), t.scale(1 / zoom, zoom), t.jitter(shift), t.noise(noise)


@gate
def robust_example(
    network: Network,
    image: AnyPicture,
    target: int | str,
    transforms: Annotated[Sequence | None, OWN] = None,
    *,
    epsilon: Bound = 16 / 255,
    steps: Steps = 60,
    step_size: Bound | None = None,
    samples: Annotated[int, Range(1, 64)] = 4,
    lab: Rate = 0.0,
    quantize: bool = True,
    seed: Seed = 0,
) -> Iterator[Attack]:
    """A picture that stays ``target`` when it is turned, zoomed and disturbed: ``max E_t[log P(target | t(x))]``.

    image       (C, H, W), values 0…1; what the network sees of it is changed
    transforms  what it is to hold under, as in ``optimize``; None = ``poses()``; () = the plain attack
    epsilon     by how much a value may change, 0…1
    steps       each costs as many passes forward and back as ``samples``
    step_size   of the sign steps; None = 2.5 · ε / steps
    samples     draws of the transforms in a step
    lab         weight of the distance in CIE LAB, root mean square over pixels, that is subtracted, as in the paper
    quantize    all that the network is shown is made of pictures of 8 bits
    Yields Attack after every step. Its ``logits`` are the mean over the draws, at the end those of the picture itself.

        last(robust_example(load_network("mini"), load_image("chelsea"), "goose"))
    """
    chosen = poses() if transforms is None else transforms
    if not isinstance(chosen, Sequence) or not all(map(callable, chosen)):
        raise UserError("transforms must be a list of transforms, such as cnnviz.poses() makes.")
    aim = aimed(network, one_picture(network, image), None, target, quantize=quantize)
    if lab and network.channels != 3:
        raise UserError(f"lab must be 0 for pictures of {network.channels} channels: CIE LAB is of RGB.")
    way = Way(
        epsilon,
        steps=steps,
        step_size=step_size,
        quantize=quantize,
        keep="last",
        seed=seed,
        transforms=tuple(chosen),
        samples=samples if chosen else 1,
        penalty=lab * lab_distance(aim.pictures) if lab else None,
    )
    return attacked(aim, way)


@remembers_call
def lab_distance(originals: Tensor) -> Term:
    """The root mean square, over pixels, of the distance in CIE LAB from ``originals`` (B, 3, H, W)."""
    there = to_lab(originals)

    def value(inputs: TermInputs) -> Tensor:
        squares = (to_lab(inputs.pictures) - there.to(inputs.pictures)).square().sum(1)
        return (squares.flatten(1).mean(1) + 1e-12).sqrt()  # a root has no slope at 0

    return Term("lab_distance()", lambda network, count: BoundTerm(value))


def to_lab(pictures: Tensor) -> Tensor:
    """sRGB (B, 3, H, W), 0…1, as CIE LAB under D65 with the 2° observer (IEC 61966-2-1, CIE 15)."""
    rgb = torch.where(pictures > 0.04045, ((pictures.clamp(min=0) + 0.055) / 1.055) ** 2.4, pictures / 12.92)
    matrix = rgb.new_tensor(
        [[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]]
    )
    white = rgb.new_tensor([0.95047, 1.0, 1.08883])[:, None, None]
    xyz = torch.einsum("oc,bchw->bohw", matrix, rgb) / white
    dark = 7.787 * xyz + 16 / 116
    f = torch.where(xyz > 0.008856, xyz.clamp(min=0.008856) ** (1 / 3), dark)
    x, y, z = f.unbind(1)
    return torch.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], 1)


@dataclass(frozen=True)
class Poses:
    """What a network answers to a picture in several poses.

    at             angles in degrees, zoom factors, or standard deviations of the noise
    probabilities  (poses, classes)
    top            the best class of each
    """

    at: tuple[float, ...]
    probabilities: Tensor
    top: tuple[int, ...]


@gate
def seen_as(
    network: Network,
    image: AnyPicture,
    vary: Annotated[Literal["angle", "zoom", "noise"], "'angle', 'zoom' or 'noise'"] = "angle",
    at: Sequence[float] | None = None,
    *,
    seed: Seed = 0,
) -> Poses:
    """What the network answers to a picture as it is turned, zoomed or disturbed.

    image  (C, H, W), values 0…1
    vary   "angle" in degrees, "zoom" a factor, "noise" a standard deviation in values 0…1
    at     the values; None = from −45° to 45°, from ½ to 2, from 0 to 0.3
    """
    picture = network.prepare(one_picture(network, image))
    usual = {
        "angle": range(-45, 46, 3),
        "zoom": [2 ** (n / 8) for n in range(-8, 9)],
        "noise": [n / 50 for n in range(16)],
    }
    values = tuple(map(float, usual[vary] if at is None else at))
    if not values:
        raise UserError("at must have at least one value.")
    pictures = torch.cat([posed(picture, vary, value, seed) for value in values])
    logits = network.logits(pictures)
    return Poses(values, network.probabilities(logits).cpu(), tuple(network.top(logits).tolist()))


def posed(pictures: Tensor, vary: str, value: float, seed: int = 0) -> Tensor:
    """Pictures (B, C, H, W) at exactly this angle, zoom or noise; what comes in from outside is gray."""
    generator = Generator().manual_seed(seed)
    if vary == "noise":
        return t.noise(value)(pictures, generator).clamp(0, 1)
    if vary == "zoom":
        if not 0 < value < 100:
            raise UserError(f"at must be zoom factors above 0 and below 100, not {value:g}.")
        moved = t.scale(value, value)
    else:
        moved = turned(value)
    return t.apply([t.pad(0, 0.5), moved], pictures, generator)


def turned(degrees: float) -> t.Geometric:
    """Rotated about the center by exactly so much, counterclockwise."""
    angle = torch.deg2rad(torch.tensor(degrees, dtype=torch.float64))

    def change(affine: t.Affine, generator: Generator) -> t.Affine:
        turn = torch.eye(3, dtype=torch.float64).repeat(len(affine.matrix), 1, 1)
        turn[:, 0, 0] = turn[:, 1, 1] = angle.cos()
        turn[:, 0, 1], turn[:, 1, 0] = -angle.sin(), angle.sin()
        return t.Affine(affine.size, affine.matrix @ turn, affine.outside)

    return t.Geometric(change)

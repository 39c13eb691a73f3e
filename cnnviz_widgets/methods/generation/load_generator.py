"""N1: a trained generator in use: pictures of parameters, between kinds, and by arithmetic of codes."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from inspect import signature
from pathlib import Path
from typing import Annotated, Any

import torch
from torch import Tensor

from cnnviz_widgets.drawing.render import Content
from cnnviz_widgets.drawing.results import Result, rgb
from cnnviz_widgets.engine.generators import PLACED, VIEWED, ObjectGenerator, RayGenerator, painted, rgb_of
from cnnviz_widgets.engine.network_files import read, write
from cnnviz_widgets.engine.training import TrainingState
from cnnviz_widgets.errors import UserError, naming
from cnnviz_widgets.gate import OWN, Range, Share, came, gate
from cnnviz_widgets.methods.generation._views import never_learned
from cnnviz_widgets.pictures.objects import KINDS, RANGES, Kind, render_object
from cnnviz_widgets.runtime.device import callers_modes_off
from cnnviz_widgets.runtime.device import device as device_in_use
from cnnviz_widgets.runtime.interrupts import guarded

__all__ = ["Drawn", "Generator", "load_generator", "save_generator"]

example = dict(source=None)

COLORED = ("hue", "saturation", "brightness")
USUAL = {
    name: one.default
    for name, one in signature(render_object).parameters.items()
    if name in (*VIEWED, *PLACED, *COLORED)
}
LOT = 8  # pictures at once: more take memory, and no less time
BUNDLED = Path(__file__).parent / "weights" / "generator.safetensors"


@dataclass(frozen=True, eq=False)
class Code:
    """An object as the generator holds it. Codes are added and subtracted: ``a - b + c``.

    kind   its code in the network, a vector; (32,) for the bundled one
    place  (7,): azimuth, elevation, scale, right, up, roll, stretch
    color  (3,), RGB, 0…1
    """

    kind: Tensor
    place: Tensor
    color: Tensor

    def __add__(self, other: "Code") -> "Code":
        return Code(self.kind + other.kind, self.place + other.place, self.color + other.color)

    def __sub__(self, other: "Code") -> "Code":
        return Code(self.kind - other.kind, self.place - other.place, self.color - other.color)


@dataclass(frozen=True, eq=False, repr=False)
class Drawn(Result):
    """What a generator draws.

    values   (3, 64, 64), or (B, 3, 64, 64) for several, 0…1
    mask     (64, 64) or (B, 64, 64): which share of each pixel is the object's, 0…1
    of       what it was to draw
    learned  whether the training had views of this kind from here; None where there is no such question
    """

    values: Tensor
    mask: Tensor
    of: str
    learned: bool | None = None
    convention: str = "picture, values 0…1"

    def content(self) -> Content:
        return Content(picture=rgb(self.values), caption=self.of)


class Generator:
    """A trained generator: ``generator("armchair", azimuth=30)`` draws. ``load_generator`` makes it.

    module  the network, see ``train_generator``
    """

    def __init__(self, module: ObjectGenerator | RayGenerator) -> None:
        self.module = module

    def __repr__(self) -> str:
        return f"Generator({sum(one.numel() for one in self.module.parameters()):,} parameters)"

    @gate
    def __call__(
        self,
        kind: Kind | Annotated[Mapping[str, float], "a mapping of kinds to weights"] = "chair",
        azimuth: float = 30.0,
        elevation: Annotated[float, Range(*RANGES["elevation"])] = 20.0,
        hue: Share = 0.05,
        scale: Annotated[float, Range(*RANGES["scale"])] = 1.0,
        *,
        saturation: Share = 0.7,
        brightness: Share = 0.9,
        right: Annotated[float, Range(*RANGES["right"])] = 0.0,
        up: Annotated[float, Range(*RANGES["up"])] = 0.0,
        roll: Annotated[float, Range(*RANGES["roll"])] = 0.0,
        stretch: Annotated[float, Range(*RANGES["stretch"])] = 1.0,
    ) -> Drawn:
        """The picture of an object, by one pass. Arguments as in ``render_object``, in the ranges of the training.

        kind  its name, or a mixture of several, such as {"chair": 0.5, "sofa": 0.5}
        """
        numbers = {
            "azimuth": azimuth, "elevation": elevation, "hue": hue, "scale": scale, "saturation": saturation,
            "brightness": brightness, "right": right, "up": up, "roll": roll, "stretch": stretch,
        }  # fmt: skip
        drawn = self.draw(self.code(kind, **numbers))
        one = kind if isinstance(kind, str) else None
        learned = None if one is None else not never_learned(KINDS.index(one), azimuth)
        return Drawn(drawn.values[0], drawn.mask[0], one or " and ".join(kind), learned)

    def code(self, kind: Any = "chair", **numbers: float) -> Code:
        """What is drawn, as the network holds it: arguments as in a call. For arithmetic, and for ``draw``."""
        numbers = USUAL | numbers
        kinds = torch.zeros(len(KINDS))
        for name, weight in ({kind: 1.0} if isinstance(kind, str) else kind).items():
            if name not in KINDS:
                raise UserError(f"kind must name some of {', '.join(KINDS)}, not {came(name)}.")
            kinds[KINDS.index(name)] = weight
        view, place, color = (
            torch.tensor([float(numbers[name]) for name in names]) for names in (VIEWED, PLACED, COLORED)
        )
        with self._computing() as where:
            code = self.module.code(torch.cat([kinds, view])[None].to(where))[0].cpu()
        return Code(code, torch.cat([view, place]), rgb_of(*color[:, None])[0])

    def draw(self, *codes: Code) -> Drawn:
        """The pictures of codes, (B, 3, 64, 64): of any, also of sums and differences."""
        kinds, places, colors = (
            torch.stack(parts) for parts in zip(*((one.kind, one.place, one.color) for one in codes), strict=True)
        )
        with self._computing() as where:
            lots = zip(kinds.to(where).split(LOT), places.to(where).split(LOT), strict=True)
            drawn = torch.cat([self.module.draw(*some) for some in lots])
            pictures, masks = painted(drawn, colors.to(where).clamp(0, 1))
        return Drawn(pictures.cpu(), masks.cpu(), "drawn from codes")

    def morph(self, one: Kind, other: Kind, n: int = 7, **numbers: float) -> Drawn:
        """``n`` pictures from one kind to another (fig. 12 of the paper); the first and the last are the kinds'."""
        return self.draw(*(self.code(mixed(one, other, at / (n - 1)), **numbers) for at in range(n)))

    @contextmanager
    def _computing(self) -> Iterator[torch.device]:
        where = next(self.module.parameters()).device
        with guarded(*callers_modes_off(where), torch.no_grad()):
            yield where


def mixed(one: Kind, other: Kind, share: float) -> dict[str, float]:
    """So much of the other kind; of one kind with itself, all of it."""
    return {one: 1.0} if one == other else {one: 1 - share, other: share}


@gate
def load_generator(source: Annotated[Any, OWN] = None) -> Generator:
    """A generator of chairs and tables, to draw with: ``load_generator()("armchair", azimuth=30)``.

    source  None = the bundled one; a state of ``train_generator``; or the path of a file that ``save_generator`` wrote
    """
    if isinstance(source, TrainingState):
        module: Any = source.network
    elif source is None or isinstance(source, str | os.PathLike):
        with naming("source"):
            module = read(BUNDLED if source is None else Path(source)).to(device_in_use())
    else:
        module = getattr(source, "module", None)
    if not isinstance(module, ObjectGenerator | RayGenerator):
        raise UserError(f"source must be None, a state of train_generator, or the file of one, not {came(source)}.")
    return Generator(module)


@gate
def save_generator(source: Annotated[Any, OWN], path: Annotated[str | os.PathLike, "a path"]) -> None:
    """Write a trained generator to a file, as safetensors in float16, about 140 KB: for use, not for further training.

    source  what ``load_generator`` takes
    """
    write(load_generator(source).module, path)

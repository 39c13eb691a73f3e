"""X6: the one-pixel attack (Su et al., 2019): a search that needs no gradient."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch
from torch import Tensor

from cnnviz_widgets.drawing.render import Content
from cnnviz_widgets.drawing.results import Result, rgb
from cnnviz_widgets.engine.checks import whole_number
from cnnviz_widgets.engine.incremental import quickest_passes
from cnnviz_widgets.engine.optimize.balls import in_8_bits
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import Range, Seed, gate
from cnnviz_widgets.methods.activations.activations import one_picture
from cnnviz_widgets.networks import Network
from cnnviz_widgets.pictures.given import AnyPicture
from cnnviz_widgets.runtime.device import precision

__all__ = ["OnePixelState", "one_pixel"]
example = dict(generations=2, population=8)

GENES = 5  # of a pixel: row, column, red, green, blue
REFUSED = 1e6  # the margin of a candidate that changes fewer pixels than asked


@dataclass(frozen=True, eq=False, repr=False)
class OnePixelState(Result):
    """The search after a generation.

    step, total    generations done, and all of them
    values         (C, H, W), 0…1, on the 8-bit grid: the best picture so far
    picture        (C, H, W), 0…1: what it was made of, on the 8-bit grid, too
    pixels         (k, 2) int64: row and column of the changed pixels
    tried          (H, W): how many candidates have changed each pixel
    margin         of the best picture: by how many logits the network still prefers the class that it should leave (or,
                   with a target, any other one to it); below 0 it is fooled
    margins        the same after each generation
    probabilities  (classes,): of the best picture
    source, target class indices: what the picture is taken for unchanged, and what it shall be; None = any other
    queries        pictures that the network has been shown
    """

    step: int
    total: int
    values: Tensor
    picture: Tensor
    pixels: Tensor
    tried: Tensor
    margins: tuple[float, ...]
    probabilities: Tensor
    source: int
    target: int | None
    queries: int
    of: str
    members: np.ndarray
    convention: str = "picture, values 0…1"

    @property
    def margin(self) -> float:
        return self.margins[-1]

    @property
    def fooled(self) -> bool:
        return self.margin < 0

    def content(self) -> Content:
        places = ", ".join(f"({row}, {column})" for row, column in self.pixels.tolist())
        return Content(picture=rgb(self.values), caption=f"{self.of}: row, column {places}; {self.queries:,} queries")


@gate
def one_pixel(
    network: Network,
    image: AnyPicture,
    target: int | str | None = None,
    *,
    pixels: Annotated[int, Range(1, 64)] = 1,
    population: Annotated[int, Range(5, 2000)] = 100,
    generations: Annotated[int, Range(1, 10_000)] = 40,
    seed: Seed = 0,
) -> Iterator[OnePixelState]:
    """Fool a network by changing one pixel, or a few, found by differential evolution (Su et al., 2019).

    image        (C, H, W), values 0…1; it is rounded to 8 bits first, and all that is tried is on that grid
    target       class index or name that it shall be taken for; None = any but the one it is taken for now
    pixels       how many are changed: exactly so many
    population   candidates of a generation, which go through the network together
    generations  at most; the search ends when the network is fooled
    seed         of the search

    The network is asked about population · (generations + 1) times at most; it needs no gradient. Yields OnePixelState
    after every generation. UserError for a target that the picture is taken for already. Most pictures withstand one
    pixel: ``margins`` says how near it came.

        last(one_pixel(load_network("mini"), "chelsea", pixels=5)).fooled
    """
    picture = in_8_bits(one_picture(network, image))
    channels, height, width = picture.shape
    pixels = whole_number("pixels", pixels, 1, height * width, "as many as the picture has")
    search = _Search(network, picture, pixels, target)

    def states() -> Iterator[OnePixelState]:
        from scipy.optimize import differential_evolution

        drawn = np.random.default_rng(seed)
        members = drawn.random((population, pixels * (2 + channels)))
        margins: tuple[float, ...] = ()
        for generation in range(1, generations + 1):
            # One generation a call. The function is called once for the members, which it knows, and once for others.
            found = differential_evolution(
                search, [(0, 1)] * members.shape[1], maxiter=1, init=members, seed=drawn, polish=False, tol=0, atol=-1,
                mutation=0.5, recombination=1.0, strategy="rand1bin", vectorized=True, updating="deferred",
            )  # fmt: skip
            members = found.population
            best = search.decode(found.x[None])
            values = search.painted(*best)[0]
            logits = network.logits(values[None])
            search.queries += 1
            margins = (*margins, float(found.fun))
            yield OnePixelState(
                generation, generations, values.cpu(), picture.cpu(), best[0][0], search.tried.clone(), margins,
                network.probabilities(logits)[0].cpu(), search.source, search.target, search.queries,
                search.of, members,
            )  # fmt: skip
            if found.fun < 0:
                return

    return states()


class _Search:
    """What differential evolution makes small: by how much a candidate is not yet taken for what it shall be."""

    def __init__(self, network: Network, picture: Tensor, pixels: int, target: int | str | None) -> None:
        self._network, self._picture, self._pixels = network, picture, pixels
        self.tried = torch.zeros(picture.shape[-2:])
        self.queries = 1
        self.source = int(network.top(network.logits(picture[None]))[0])
        self.target = None if target is None else network.class_index(target)
        if self.target == self.source:
            raise UserError(
                f"target must be another class than {network.classes[self.source]!r}: the picture is that already."
            )
        aim = "any other class" if self.target is None else network.classes[self.target]
        self.of = f"{network.classes[self.source]} → {aim}"
        # Of each layer, one pixel reaches but a part. In fast precision, it might be taken for no change at all.
        alone = pixels == 1 and precision() == "exact"
        self._passes = quickest_passes(network, network.normalize(picture[None])[0]) if alone else None
        self._known: dict[bytes, float] = {}  # candidate -> margin; scipy asks for a generation's members again

    def __call__(self, members: np.ndarray) -> np.ndarray:
        """(genes, candidates) in 0…1 → (candidates,)."""
        places, colors = self.decode(members.T)
        keys = [place.tobytes() + color.tobytes() for place, color in zip(places.numpy(), colors.numpy(), strict=True)]
        fresh = [at for at, key in enumerate(keys) if key not in self._known]
        if fresh:
            margins = self._margins(places[fresh], colors[fresh])
            self._known |= {keys[at]: margin for at, margin in zip(fresh, margins, strict=True)}
        return np.array([self._known[key] for key in keys])

    def _margins(self, places: Tensor, colors: Tensor) -> list[float]:
        """Of candidates that the network has not seen."""
        pictures = self.painted(places, colors)
        logits = self._network.class_logits(self._logits(pictures, places, colors)).double().cpu()
        rows, columns = places.flatten(0, 1).T
        self.tried.index_put_((rows, columns), torch.ones(len(rows)), accumulate=True)
        self.queries += len(places)
        wanted = self.source if self.target is None else self.target
        lead = logits[:, wanted] - logits.index_fill(1, torch.tensor(wanted), -torch.inf).amax(1)
        changed = (pictures != self._picture).any(1).flatten(1).sum(1).cpu()
        return torch.where(changed == self._pixels, lead if self.target is None else -lead, REFUSED).tolist()

    def _logits(self, pictures: Tensor, places: Tensor, colors: Tensor) -> Tensor:
        passes = self._passes
        if passes is None:
            return self._network.logits(self._network.quickest(pictures))
        squares = self._network.normalize(colors.to(pictures).mT[..., None])
        pieces = (slice(start, start + passes.at_once) for start in range(0, len(squares), passes.at_once))
        found = [passes(squares[one], *places[one, 0].T.tolist())[0] for one in pieces]
        return torch.cat(found).detach()

    def decode(self, members: np.ndarray) -> tuple[Tensor, Tensor]:
        """(n, genes) in 0…1 → rows and columns (n, k, 2), and colors (n, k, C) on the 8-bit grid."""
        channels, height, width = self._picture.shape
        genes = torch.from_numpy(members).view(len(members), self._pixels, 2 + channels)
        sides = torch.tensor([height, width])
        places = (genes[..., :2] * sides).long().minimum(sides - 1)
        return places, in_8_bits(genes[..., 2:])

    def painted(self, places: Tensor, colors: Tensor) -> Tensor:
        """(n, C, H, W): the picture with these pixels."""
        pictures = self._picture.repeat(len(places), 1, 1, 1)
        number = torch.arange(len(places))[:, None].expand(places.shape[:2])
        pictures[number, :, places[..., 0], places[..., 1]] = colors.to(pictures)
        return pictures

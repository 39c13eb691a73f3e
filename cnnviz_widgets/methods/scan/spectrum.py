"""A3: the whole range of a unit's activations, from what it dislikes to what it likes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from cnnviz_widgets.drawing.render import Content
from cnnviz_widgets.drawing.results import Result, rgb
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import Count, Range, Seed, gate
from cnnviz_widgets.methods.activations.top_examples import Example
from cnnviz_widgets.methods.features.visualize import visualize
from cnnviz_widgets.methods.scan.scan import Scan, Statistics, Which
from cnnviz_widgets.methods.scan.top_patches import patches_of, seen
from cnnviz_widgets.networks import Layer
from cnnviz_widgets.remarks import remark

__all__ = ["Spectrum", "spectrum"]
example = dict(count=2, steps=2)

MOST = 9
SIZE = 96  # px of an optimized picture
NAMES: dict[Which, str] = {
    "bottom": "minimum",
    "negative": "slightly negative",
    "positive": "slightly positive",
    "top": "maximum",
}
SHORT = {"minimum": "min ", "slightly negative": "", "slightly positive": "", "maximum": "max "}


@dataclass(frozen=True, eq=False, repr=False)
class Spectrum(Result):
    """Examples of a unit from its least to its greatest activation, and optimized pictures of both ends.

    step, total  of the optimization
    values       (n,) of all examples, list by list
    examples     "minimum", "slightly negative", "slightly positive" and "maximum" → pictures and patches; a layer
                 behind a ReLU has no "slightly negative"
    optimized    "negative" and "positive" → (3, H, W): pictures that minimize and maximize the mean of the channel's
                 map; as far as they have been made
    statistics   of the layer, as ``Scan.statistics`` gives them
    """

    step: int
    total: int
    values: Tensor
    examples: Mapping[str, tuple[Example, ...]]
    optimized: Mapping[str, Tensor]
    statistics: Statistics
    layer: str
    channel: int
    convention: str = "activations, by list"
    look: ClassVar[dict] = {"labels": True}

    @property
    def of(self) -> str:
        return f"{self.layer} channel {self.channel}"

    def content(self) -> Content:
        """A row of patches for each list."""
        count = max(len(examples) for examples in self.examples.values())
        known = {name: patches_of(examples) for name, examples in self.examples.items() if examples}
        shape = next(iter(known.values())).shape[1:]
        gray = np.full((count, *shape), 128, np.uint8)
        rows, heads, names, keys = [], list[str](), list[str](), list[tuple]()
        for name, examples in self.examples.items():
            rest = count - len(examples)
            rows.append(np.concatenate([known.get(name, gray[:0]), gray[:rest]]))
            heads += [f"{SHORT[name]}{one.value:.2g}" for one in examples[:1]]
            heads += [f"{one.value:.2g}" for one in examples[1:]]
            names += [f"{name}: {one.value:.3g} · {one.name}" for one in examples]
            keys += [(one.index, one.position) for one in examples]
            heads += [f"{SHORT[name]}none" if not examples and at == 0 else "" for at in range(rest)]
            names += [f"{name}: none"] * rest
            keys += [(None, None)] * rest
        return Content(
            np.concatenate(rows),
            columns=count,
            names=tuple(names),
            heads=tuple(heads),
            keys=tuple(keys),
            caption=f"{self.of}: above 0 in {self.statistics.positive[self.channel]:.0%} of the positions drawn",
        )

    def pictures(self) -> Content:
        """The optimized pictures, side by side."""
        if not self.optimized:
            return Content()
        names = tuple(self.optimized)
        return Content(
            np.stack([rgb(one) for one in self.optimized.values()]), names=names, caption=f"{self.of}, optimized"
        )


@gate
def spectrum(
    scan: Scan,
    layer: str | Layer | nn.Module,
    channel: int,
    *,
    count: Annotated[int, Range(1, MOST)] = 4,
    steps: Count = 96,
    seed: Seed = 0,
) -> Iterator[Spectrum]:
    """Dataset spectrum of a unit: examples of its least, weakest and greatest activations (Olah et al., 2017).

    The weakest are slightly below, and slightly above 0.

    scan   what a pass over a data set has found
    count  of the examples of each kind, at most the scan's k
    steps  of the optimized pictures of both ends; 0 = none
    seed   of these

    Yields Spectrum; the examples are there at once. Where no activation of the layer is below 0, as behind a ReLU, a
    remark says so, and names the layer before that has both sides.
    Raises UserError as ``top_patches`` does.

        last(spectrum(last(scan(load_network("mini"), samples(), "conv4")), "conv4", 7)).values
    """
    one, statistics = scan.network.layer(layer), scan.statistics(layer)
    examples = {
        name: tuple(seen(scan, one, found) for found in scan.examples(layer, channel, which, count))
        for which, name in NAMES.items()
    }
    sides = {"negative": True, "positive": False}
    if one_sided(scan, one):
        before = layer_before(scan, one)
        offer = f" {before} has both sides." if before else ""
        remark(f"{one.name} has no negative side: none of its activations is below 0, as behind a ReLU.{offer}")
        del examples["slightly negative"], sides["negative"]
    values = torch.tensor([each.value for found in examples.values() for each in found])

    def states() -> Iterator[Spectrum]:
        made: dict[str, Tensor] = {}
        total = steps * len(sides)
        yield Spectrum(0, total, values, examples, {}, statistics, one.name, channel)
        side = min(SIZE, *(scan.network.input_size or (SIZE,))) if one.spatial else None
        for number, (name, negative) in enumerate(sides.items() if steps else ()):
            run = visualize(scan.network, one.name, channel, negative=negative, size=side, steps=steps, seed=seed)
            try:
                for state in run:
                    made = made | {name: state.values}
                    at = number * steps + state.step
                    yield Spectrum(at, total, values, examples, made, statistics, one.name, channel)
            except UserError as error:  # of a dead unit there are examples all the same
                remark(f"{name}: {error}")

    return states()


def one_sided(scan: Scan, layer: Layer) -> bool:
    """Whether no channel of the layer had an activation below 0 in any picture."""
    bottom = -scan.rankings[layer.name].keys[1]  # -inf where a list ends: +inf here
    return bool((bottom >= 0).all())


def layer_before(scan: Scan, layer: Layer) -> str | None:
    """The layer whose output is rectified in this one, by its shape; None = there is none."""
    layers = scan.network.layers
    at = [one.name for one in layers].index(layer.name)
    before = layers[at - 1] if at else None
    return before.name if before is not None and before.shape == layer.shape else None

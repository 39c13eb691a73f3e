"""The base of panels on many pictures: the session's data set, and what a layer makes of it."""

from collections.abc import Iterator
from functools import cache, partial
from typing import Any, ClassVar

import numpy as np
import torch
from traitlets import TraitType, Tuple

from cnnviz_widgets.methods.embeddings.embed import unit_square
from cnnviz_widgets.methods.embeddings.features import Features, features
from cnnviz_widgets.panels.call import As, Call
from cnnviz_widgets.panels.controls import choice
from cnnviz_widgets.panels.growth import Kept
from cnnviz_widgets.panels.now import Now
from cnnviz_widgets.panels.panel import Panel
from cnnviz_widgets.panels.points import labels
from cnnviz_widgets.pictures import Dataset, load_dataset, samples
from cnnviz_widgets.remarks import remark
from cnnviz_widgets.runtime.memo import Memo
from cnnviz_widgets.widgets.scatter import Cloud

PIXELS = "pixels"
FEWEST = 6  # points that t-SNE takes
ROUNDS = 8  # of power iteration


class Gathering(Panel):
    """What the network makes of the pictures is found once for each layer that is looked at.

    selection  numbers of the pictures in the lasso or rectangle
    """

    selection: Any = Tuple()
    layer_if: ClassVar = "compare"  # the trait that is "layer" while the session's layer counts, where there is one

    def __init__(self, *given: Any, **settings: Any) -> None:
        self._found: dict[str, Memo[Kept]] = {}
        super().__init__(*given, **settings)

    def _furnish(self) -> None:
        super()._furnish()
        if self.has_trait(self.layer_if) and "layer" in self.controls:
            self.observe(self._offer_layer, self.layer_if)
            self._offer_layer()

    def _offer_layer(self, _: Any = None) -> None:
        """A layer can be chosen only while one is looked at."""
        self.controls["layer"].disabled = getattr(self, self.layer_if) != "layer"

    def gathered(self, now: Now, layer: str) -> Iterator[Features]:
        """What a layer, or "pixels", makes of the pictures: from where it is, to the end."""
        begin = partial(_call(now, layer))
        of = (now.dataset, now.network.channels) if layer == PIXELS else (now.dataset, now.network)
        yield from self._found.setdefault(layer, Memo(Kept)).reached(*of).states(begin)

    def known(self, layer: str) -> Features | None:
        """What was found last, or None."""
        memo = self._found.get(layer)
        return memo.held.last if memo and memo.held else None

    def _free(self) -> None:
        super()._free()
        self._found.clear()  # what is not at its end holds a thread that reads ahead

    def choose(self, number: int) -> None:
        """Let all panels look at a picture of the data set."""
        self.session.image = pictures(self.session)[number][0]

    def select(self, numbers: tuple[int, ...]) -> None:
        self.selection = self.session.selection = numbers


def comparing() -> TraitType:
    """What pictures are compared by, as a setting."""
    return choice(
        "layer", {"layer": "a layer", "pixels": "pixels"}, label="Compare by",
        help="What the pictures are compared by: the channels of a layer, or their pixels, 32×32",
    )  # fmt: skip


def layer_of(now: Now) -> str:
    """The layer by which pictures are compared, or "pixels"."""
    return PIXELS if now.compare == PIXELS else now.layer


def mapping(now: Now, count: int) -> dict[str, Any]:
    """Method and perplexity with which ``embed`` places so many pictures."""
    if now.method == "pca":
        return {"method": "pca"}
    if count < FEWEST:
        remark(f"t-SNE takes at least {FEWEST} pictures: these {count} are placed by PCA.")
        return {"method": "pca"}
    most = count // 3
    if now.perplexity > most:
        remark(f"The perplexity is {most}, the most that {count} pictures allow.")
    return {"perplexity": min(now.perplexity, float(most))}


def pictures(of: Any) -> Dataset:
    """The data set of a session, or of its traits; where there is none, the samples."""
    return _samples(of.network.channels) if of.dataset is None else of.dataset.for_channels(of.network.channels)


@cache
def _samples(channels: int) -> Dataset:
    return load_dataset(samples(), channels=channels)


def gathering(now: Now, **layers: str) -> dict[str, Any]:
    """The lines that set variables, by their names, to what ``gathered`` finds in layers."""
    source = pictures(now).source or "...  # the dataset that you gave to the panel"
    found = {name: As(None, f"cnnviz.last({_call(now, layer)})") for name, layer in layers.items()}
    return {"pictures": As(None, source), **found}


def _call(now: Now, layer: str) -> Call:
    return Call(features, now.network, As(pictures(now), "pictures"), layer)


def scattered(found: Features) -> Cloud:
    """The pictures so far, by their two principal components: what there is to see before there is a map."""
    centered = found.values - found.values.mean(0)
    plane = torch.randn(centered.shape[1], 2, generator=torch.Generator().manual_seed(0))
    for _ in range(ROUNDS):  # a whole decomposition takes seconds where there are thousands
        plane = torch.linalg.qr(centered.T @ (centered @ plane)).Q
    values = torch.zeros(len(centered), 2)
    values[:, : plane.shape[1]] = centered @ plane
    return cloud(found, unit_square(values).numpy())


def cloud(found: Features, points: np.ndarray) -> Cloud:
    """The pictures at these places."""
    classes = labels(found.names) if found.step == found.total else ()  # their colors go by how many there are
    return Cloud(points, found.names, classes, found.numbers.tolist(), found.thumbnails)

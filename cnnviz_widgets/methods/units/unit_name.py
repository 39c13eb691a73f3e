"""C4: a name for a unit, from the labels of the pictures that excite it most, and what speaks against it."""

import re
from collections import Counter
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from cnnviz_widgets.content import Content
from cnnviz_widgets.drawing.results import Result
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import Positive, gate
from cnnviz_widgets.methods.activations.top_examples import Example
from cnnviz_widgets.methods.scan.scan import Scan
from cnnviz_widgets.methods.scan.top_patches import patches_of, top_patches
from cnnviz_widgets.networks import Layer

__all__ = ["UnitName", "unit_name"]


@dataclass(frozen=True, eq=False, repr=False)
class UnitName(Result):
    """Words that most of a unit's best pictures are labeled with, and a counterexample.

    words     in the order of their shares; none, where no word is in the labels of more than half of the pictures
    share     of the best pictures whose labels have all the words; 0 without words
    examples  these pictures, the strongest first
    counter   the strongest of them whose label lacks one of the words; where none does, the least active picture in
              the scan's list whose label has all of them; None = neither is listed
    """

    words: tuple[str, ...]
    share: float
    examples: tuple[Example, ...]
    counter: Example | None
    layer: str
    channel: int
    convention: str = "activations of the best pictures"
    look: ClassVar[dict] = {"labels": True}

    @property
    def of(self) -> str:
        return f"{self.layer} channel {self.channel}"

    @property
    def values(self) -> Tensor:
        """(k,): the activations."""
        return torch.tensor([one.value for one in self.examples])

    @property
    def name(self) -> str:
        """The words, or "no name"."""
        return " ".join(self.words) or "no name"

    def content(self) -> Content:
        """The best patches, and the counterexample at the end."""
        shown = (*self.examples, *([self.counter] if self.counter else ()))
        heads = [f"{one.value:.2g}" for one in shown]
        if self.counter:
            heads[-1] = f"but {heads[-1]}"
        return Content(
            patches_of(shown),
            names=tuple(f"{one.value:.3g} · {one.name}" for one in shown),
            heads=tuple(heads),
            keys=tuple((one.index, one.position) for one in shown),
            caption=f"{self.of}: “{self.name}”, {self.share:.0%} of the best pictures",
        )


@gate
def unit_name(scan: Scan, layer: str | Layer | nn.Module, channel: int, *, count: Positive | None = None) -> UnitName:
    """A name for a unit: the words in the labels of most of the pictures that excite it most (Bau et al., 2017).

    It is a hypothesis, and comes with what speaks against it: a picture without the words that excites the unit all the
    same, or one with them that does not.

    scan   of a data set whose pictures have labels, such as a folder of folders, or ``scenes()``
    count  of the best pictures, at most the scan's k, which None means
    Raises UserError as ``top_patches`` does, and where no picture is listed.

        unit_name(last(scan(load_network("mini"), scenes(100), "conv4")), "conv4", 9).name
    """
    best = top_patches(scan, layer, channel, count=count)
    if not best.examples:
        raise UserError(f"scan has no picture in the list of {best.of}.")
    counts = Counter(word for one in best.examples for word in _words(one.name))
    words = tuple(word for word, number in counts.most_common() if 2 * number > len(best.examples))
    having = [one for one in best.examples if _words(one.name).keys() >= {*words}]
    counter = next((one for one in best.examples if one not in having), None) if words else None
    if words and counter is None:
        least = top_patches(scan, layer, channel, "bottom").examples
        counter = next((one for one in least if _words(one.name).keys() >= {*words}), None)
    share = len(having) / len(best.examples) if words else 0.0
    return UnitName(words, share, best.examples, counter, best.layer, channel)


def _words(label: str) -> dict[str, None]:
    """Of letters, in order; numbers tell pictures apart, and not kinds of them."""
    return dict.fromkeys(re.findall(r"[^\W\d_]+", label.lower()))

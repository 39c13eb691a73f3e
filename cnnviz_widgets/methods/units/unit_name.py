"""C4: a name for a unit, from the labels of the pictures that excite it most, and what speaks against it."""

import re
from dataclasses import dataclass
from itertools import combinations
from math import comb
from typing import ClassVar

import torch
from torch import Tensor, nn

from cnnviz_widgets.content import Content
from cnnviz_widgets.drawing.results import Result
from cnnviz_widgets.drawing.words import percent
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import Positive, gate
from cnnviz_widgets.methods.activations.top_examples import Example
from cnnviz_widgets.methods.scan.scan import Scan
from cnnviz_widgets.methods.scan.top_patches import Patches, patches_of, top_patches
from cnnviz_widgets.networks import Layer, Network

__all__ = ["UnitName", "unit_name"]

MOST_WORDS = 4  # of a name
CLASSES = 3
CHANCE = 0.01  # words that chance makes as often are no name


@dataclass(frozen=True, eq=False, repr=False)
class UnitName(Result):
    """Words that most of a unit's best pictures are labeled with, the evidence for them, and a counterexample.

    words     none, where no words are in the labels of more than half of the best pictures, or chance explains them
    share     of the best pictures whose labels have all the words; 0 without words
    usual     the same share of the data set, by the scan's sample of it; 1 without words
    chance    probability that, of as many pictures by lot, at least as many have all the words; 1 without words
    classes   (name, probability) of the classes that the network sees in the best pictures, on average
    examples  these pictures, the strongest first
    counter   the strongest of them whose label lacks one of the words; where none does, the least active picture in
              the scan's list whose label has all of them; None = neither is listed
    """

    words: tuple[str, ...]
    share: float
    usual: float
    chance: float
    classes: tuple[tuple[str, float], ...]
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
        return " · ".join(self.words) or "no name"

    @property
    def evidence(self) -> str:
        """How many of the best pictures have the words, and how many of all."""
        if not self.words:
            return "no words that most of the best pictures share, and others lack"
        return f"{percent(self.share, 0)} of the best pictures, {percent(self.usual, 0)} of all"

    def content(self) -> Content:
        """The best patches, and the counterexample at the end."""
        shown = (*self.examples, *([self.counter] if self.counter else ()))
        heads = [f"{one.value:.2g}" for one in shown]
        if self.counter:
            heads[-1] = f"but {heads[-1]}"
        seen = ", ".join(f"{name} {percent(share, 0)}" for name, share in self.classes)
        return Content(
            patches_of(shown),
            names=tuple(f"{one.value:.3g} · {one.name}" for one in shown),
            heads=tuple(heads),
            keys=tuple((one.index, one.position) for one in shown),
            caption=f"{self.of}: “{self.name}”, {self.evidence}; the network sees {seen}",
        )


@gate
def unit_name(scan: Scan, layer: str | Layer | nn.Module, channel: int, *, count: Positive | None = None) -> UnitName:
    """A name for a unit: the words that most of the pictures share that excite it most (Bau et al., 2017).

    Of all words that more than half of these pictures have together, it takes those that chance would explain least,
    given how often the labels of the data set have them. It is a hypothesis, and comes with what speaks against it: a
    picture without the words that excites the unit all the same, or one with them that does not.

    scan   of a data set whose pictures have labels, such as torchvision's ``ImageFolder``, or ``scenes()``
    count  of the best pictures, at most the scan's k, which None means
    Raises UserError as ``top_patches`` does, and where no picture is listed.

        unit_name(last(scan(load_network("mini"), scenes(100), "conv4")), "conv4", 9).name
    """
    best = top_patches(scan, layer, channel, count=count)
    if not best.examples:
        raise UserError(f"scan has no picture in the list of {best.of}.")
    words, share, usual, chance = named(scan, best)
    counter = next((one for one in best.examples if not _has(one.name, words)), None) if words else None
    if words and counter is None:
        least = top_patches(scan, layer, channel, "bottom").examples
        counter = next((one for one in least if _has(one.name, words)), None)
    classes = _classes(scan.network, best)
    return UnitName(words, share, usual, chance, classes, best.examples, counter, best.layer, channel)


def named(scan: Scan, best: Patches) -> tuple[tuple[str, ...], float, float, float]:
    """Words, the rarest first, and their share, usual share and chance, as in ``UnitName``."""
    labels, every = [one.name for one in best.examples], scan.sample.names.tolist()

    def shared(words: tuple[str, ...], labels: list[str]) -> float:
        return sum(_has(label, words) for label in labels) / len(labels)

    known = dict.fromkeys(word for label in labels for word in _words(label))
    often = sorted((word for word in known if shared((word,), labels) > 0.5), key=lambda word: shared((word,), every))
    found: tuple[tuple[str, ...], float, float, float] = (), 0.0, 1.0, 1.0
    for count in range(1, min(MOST_WORDS, len(often)) + 1):
        for words in combinations(often, count):
            share, usual = shared(words, labels), shared(words, every)
            chance = at_least(round(share * len(labels)), len(labels), usual)
            if share > 0.5 and chance < min(CHANCE, found[3]):
                found = words, share, usual, chance
    return found


def at_least(successes: int, trials: int, probability: float) -> float:
    """Of the binomial distribution: how probable so many successes are, or more."""
    return sum(
        comb(trials, one) * probability**one * (1 - probability) ** (trials - one)
        for one in range(successes, trials + 1)
    )


def _words(label: str) -> dict[str, None]:
    """Of letters, in order; numbers tell pictures apart, and not kinds of them."""
    return dict.fromkeys(re.findall(r"[^\W\d_]+", label.lower()))


def _has(label: str, words: tuple[str, ...]) -> bool:
    return _words(label).keys() >= {*words}


def _classes(network: Network, best: Patches) -> tuple[tuple[str, float], ...]:
    """The classes that are most probable in the best pictures, on average."""
    scores = [network.logits(one.picture) for one in best.examples]
    mean = network.probabilities(torch.stack(scores)).mean(0)
    found = mean.topk(min(CLASSES, len(mean)))
    return tuple((network.classes[at], share) for share, at in zip(*(one.tolist() for one in found), strict=True))

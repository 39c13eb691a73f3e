"""X10: classifiers that are no convolutional networks, seen as networks: every attack then works on them as it is."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Annotated, Any

import torch
from torch import Tensor, nn

from cnnviz_widgets.drawing.render import Content
from cnnviz_widgets.drawing.results import Result, rgb
from cnnviz_widgets.engine.checks import whole_number
from cnnviz_widgets.engine.counts import Counted
from cnnviz_widgets.engine.optimize.balls import in_8_bits, whole_levels
from cnnviz_widgets.engine.optimize.hog import hog
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import OWN, Positive, Range, Seed, came, gate
from cnnviz_widgets.methods.adversarial._attack import Steps
from cnnviz_widgets.methods.adversarial._labeled import Labeled, digits, given, textures, without_labels
from cnnviz_widgets.methods.adversarial.pgd import pgd
from cnnviz_widgets.networks import Network

__all__ = ["Classifier", "HogClassifier", "NeighborClassifier", "hog_classifier", "neighbor_classifier"]
example = dict(images="textures")

SHOWN = 16  # pictures
MEASURED = 100  # pictures, at most
ENLARGED = 4  # times, the digits: histograms of gradients need cells of some size
Known = Annotated[Any, OWN]


@dataclass(frozen=True, eq=False, repr=False)
class Classifier(Result):
    """A classifier in the form of a network, and pictures that it has not learned from.

    network   from pictures to logits: whatever takes a network takes it
    pictures  (N, C, H, W), 0…1, on the 8-bit grid;  labels: (N,) their classes
    """

    network: Network
    pictures: Tensor
    labels: Tensor
    convention: str = "logits"

    @property
    def of(self) -> str:
        return self.network.name

    @property
    def values(self) -> Tensor:
        """(N, classes)"""
        return self.network.logits(self.pictures)

    @gate
    def accuracy(
        self,
        epsilon: Annotated[float, Range(0, 1)] = 0.0,
        *,
        noise: bool = False,
        steps: Steps = 10,
        seed: Seed = 0,
    ) -> Counted:
        """Pictures that are right, and stay so after PGD in ±epsilon, or after random signs of this size (``noise``).

        Of a hundred at most, evenly spread; the changed ones count after rounding to 8 bits.
        """
        every = -(-len(self.labels) // MEASURED)
        pictures, labels = self.pictures[::every], self.labels[::every]
        right = self._right(pictures, labels)
        if noise:
            signs = torch.randn(pictures.shape, generator=torch.Generator().manual_seed(seed)).sign()
            noisy = pictures + whole_levels(torch.tensor(epsilon)) * signs
            right = self._right(in_8_bits(noisy.clamp(0, 1)), labels)
        elif epsilon:
            *_, attack = pgd(self.network, pictures, epsilon=epsilon, steps=steps, seed=seed)
            right = right & ~torch.tensor(attack.success)
        return Counted(int(right.sum()), len(labels))

    def _right(self, pictures: Tensor, labels: Tensor) -> Tensor:
        return self.network.top(self.network.logits(pictures)).cpu() == labels

    def content(self) -> Content:
        pictures = self.pictures[:: -(-len(self.labels) // SHOWN)]
        answers = self.network.top(self.network.logits(pictures)).tolist()
        names = tuple(self.network.classes[one] for one in answers)
        caption = f"{self.of}: {self.accuracy()} right, of pictures that were held out"
        return Content(rgb(pictures), names=names, columns=8, caption=caption)


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class HogClassifier(Classifier):
    """A linear model on histograms of oriented gradients; ``cell``: side of a histogram's cell in px."""

    cell: int


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class NeighborClassifier(Classifier):
    """The class of the nearest picture of ``samples`` (M, C, H, W), by Euclidean distance; ``known``: (M,) classes.

    The logit of a class is minus the squared distance to the nearest sample of that class.
    """

    samples: Tensor
    known: Tensor


@gate
def hog_classifier(images: Known = "digits", labels: Known = None, *, cell: Positive = 8) -> HogClassifier:
    """Histograms of oriented gradients and a linear model (Dalal & Triggs, 2005), as a network that can be attacked.

    images  "digits": scikit-learn's 1,797 handwritten digits, enlarged to 32×32 px; "textures": 64×64 px of
            scikit-image's photographs of brick, grass and gravel; or pictures (N, C, H, W), values 0…1, whose colors
            become luminance. Every fourth is held out; of the textures, the right three eighths of each photograph
    labels  of your own pictures: N whole numbers, the classes
    cell    side of a histogram's cell in px

    The linear model is scikit-learn's logistic regression; the histograms are those of ``invert_hog``.

        *_, attack = pgd(hog_classifier().network, hog_classifier().pictures[0])
    """
    from sklearn.linear_model import LogisticRegression

    known = _known(images, labels)
    height, width = known.pictures.shape[-2:]
    cell = whole_number("cell", cell, 1, min(height, width) // 2, "for two by two cells in a picture")
    histograms = hog((height, width), cell)
    numbers = histograms.activations(known.pictures, "numbers")["numbers"]
    model = LogisticRegression(C=10.0, max_iter=1000).fit(numbers[~known.held].numpy(), known.labels[~known.held])
    weights, offsets = (torch.from_numpy(one).float() for one in (model.coef_, model.intercept_))
    if len(weights) == 1:  # of two classes, scikit-learn has but the logit of the second
        weights, offsets = (torch.cat([torch.zeros_like(one), one]) for one in (weights, offsets))
    linear = nn.utils.skip_init(nn.Linear, weights.shape[1], len(weights))
    linear.weight, linear.bias = nn.Parameter(weights), nn.Parameter(offsets)
    module = nn.Sequential(OrderedDict(**dict(histograms.module.named_children()), scores=linear))
    network = _seen(module, known, [0.0], "HOG and a linear model")
    return HogClassifier(network, *_held(network, known), cell=cell)


@gate
def neighbor_classifier(images: Known = "digits", labels: Known = None) -> NeighborClassifier:
    """The class of the nearest picture, by Euclidean distance of the values, as a network that can be attacked.

    Arguments as in ``hog_classifier``; those held out are not among the samples.

        fool_neighbor(neighbor_classifier(), neighbor_classifier().pictures[0])
    """
    known = _known(images, labels)
    samples, classes = known.pictures[~known.held], known.labels[~known.held]
    network = _seen(_Nearest(samples, classes), known, [0.0] * samples.shape[1], "nearest neighbor")
    return NeighborClassifier(network, *_held(network, known), samples=samples, known=classes)


class _Nearest(nn.Module):
    """Minus the squared distance to the nearest sample of each class, (B, classes)."""

    samples: Tensor

    def __init__(self, samples: Tensor, classes: Tensor) -> None:
        super().__init__()
        self.counts = classes.bincount().tolist()
        self.register_buffer("samples", samples.flatten(1)[classes.argsort(stable=True)])

    def forward(self, pictures: Tensor) -> Tensor:
        flat, samples = pictures.flatten(1), self.samples
        apart = flat.square().sum(1, keepdim=True) + samples.square().sum(1) - 2 * flat @ samples.T
        return -torch.stack([one.amin(1) for one in apart.split(self.counts, 1)], 1)


def _known(images: Any, labels: Any) -> Labeled:
    if isinstance(images, str):
        if images not in ("digits", "textures"):
            raise UserError(
                f"images must be 'digits', 'textures' or a batch of pictures (N, C, H, W), not {came(images)}."
            )
        without_labels(labels, repr(images))
        return digits(ENLARGED) if images == "digits" else textures()
    known = given(images, labels)
    learned = known.labels[~known.held].unique().tolist()
    if learned != [*range(len(known.classes))] or len(learned) < 2:
        raise UserError(
            f"labels must be two classes or more, from 0 without gaps, each also among the three of four pictures that "
            f"are learned from, not {came(labels)}."
        )
    return known._replace(pictures=in_8_bits(known.pictures))


def _seen(module: nn.Module, known: Labeled, mean: list[float], name: str) -> Network:
    size: Any = tuple(known.pictures.shape[-2:])
    return Network(module, input_size=size, mean=mean, std=1.0, classes=known.classes, scores="logits", name=name)


def _held(network: Network, known: Labeled) -> tuple[Tensor, Tensor]:
    return network.prepare(known.pictures[known.held]), known.labels[known.held]

"""W3: a small network that is trained while one looks at its filters (Zeiler & Fergus, 2014, figure 4)."""

import os
from collections import OrderedDict
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Annotated, Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnnviz_widgets.drawing.render import Content
from cnnviz_widgets.drawing.results import Filters, Result
from cnnviz_widgets.engine.states import last
from cnnviz_widgets.engine.training import (
    Losses,
    TrainingState,
    falling,
    initialized,
    saved_beside,
    train,
)
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import OWN, Range, Rate, Seed, gate
from cnnviz_widgets.methods.filters._lessons import SIDE, Lessons, read, rendered
from cnnviz_widgets.methods.filters.filters import filters
from cnnviz_widgets.methods.scan.scan import scan
from cnnviz_widgets.methods.scan.top_patches import patches_of, top_patches
from cnnviz_widgets.networks import Network
from cnnviz_widgets.networks.layers import convolutions
from cnnviz_widgets.runtime.device import device as device_in_use

__all__ = ["Epoch", "LiveState", "train_live"]
example = dict(epochs=1, classes=3, each=8, batch=8)

MEAN, STD = 0.5, 0.25
FAINT = 0.2  # by which the first weights of the first layer are smaller than usual
UNITS, PATCHES = 6, 4  # units whose patches are kept, and of each so many
MEASURED = 200  # pictures of those that are learned


class Epoch(NamedTuple):
    """What a network was after an epoch of its training.

    epoch    0 = before the first step
    learned, unseen
             shares that are right, of pictures that it learns from and of those that were held out
    kernels  (out, in, kh, kw), of the first convolution
    patches  (units, k, h, w, 3) uint8: for the first units of the last convolution, what they see in those of the
             pictures that were held out that excite them most
    scores   (N, classes), of the pictures that were held out
    """

    epoch: int
    learned: float
    unseen: float
    kernels: Tensor
    patches: Tensor
    scores: Tensor


@dataclass(frozen=True, eq=False, repr=False)
class LiveState(Result):
    """A training after a step.

    step, total  of the training;  each  steps of an epoch
    training     its state
    epochs       what the network was after every epoch so far, the first one before any training
    pictures     (N, C, 64, 64) uint8: those that were held out;  truth  (N,) their classes
    """

    step: int
    total: int
    each: int
    training: TrainingState | None
    epochs: tuple[Epoch, ...]
    pictures: Tensor
    truth: Tensor
    classes: tuple[str, ...]
    layer: str
    of: str = "training"
    convention: str = "weights as they are stored, for normalized input"

    @property
    def values(self) -> Tensor:
        """The kernels after the last whole epoch."""
        return self.epochs[-1].kernels

    @property
    def network(self) -> Network:
        """The network as it is now."""
        if self.training is None:
            raise UserError("state must have been trained for at least a step.")
        return _network(self.training.network, self.classes)

    @property
    def probabilities(self) -> Tensor:
        """(epochs, N, classes): of the pictures that were held out, after every epoch so far."""
        return torch.stack([one.scores.softmax(1) for one in self.epochs])

    def after(self, epoch: int | None = None) -> Epoch:
        """What the network was after an epoch, or after the last one before it; None = the last one."""
        known = [one for one in self.epochs if epoch is None or one.epoch <= epoch]
        return known[-1] if known else self.epochs[0]

    def filters(self, epoch: int | None = None) -> Filters:
        return Filters(self.after(epoch).kernels, of="the first layer")

    def patches(self, epoch: int | None = None) -> Content:
        """A row of patches for each of the units."""
        one = self.after(epoch)
        units, count = one.patches.shape[:2]
        names = tuple(f"channel {unit}, {place + 1}." for unit in range(units) for place in range(count))
        caption = f"{self.layer}, after epoch {one.epoch}: a row for each channel"
        return Content(one.patches.flatten(0, 1).numpy(), columns=count, names=names, caption=caption)

    def content(self) -> Content:
        one = self.epochs[-1]
        caption = f"epoch {one.epoch}: of pictures not learned, {one.unseen:.0%} are right"
        return replace(self.filters().content(), caption=caption)

    def save(self, path: str | os.PathLike) -> None:
        """All that a training goes on from exactly, with all epochs: ``start=path``."""
        if self.training is None:
            raise UserError("state must have been trained for at least a step.")
        self.training.save(path, (tuple(map(tuple, self.epochs)), self.classes))


@gate
def train_live(
    pictures: Annotated[Any, OWN] = None,
    *,
    classes: Annotated[int, Range(2, 1000)] = 10,
    each: Annotated[int, Range(8, 10_000)] = 60,
    module: Annotated[nn.Module | None, "a torch.nn.Module or None"] = None,
    epochs: Annotated[int, Range(1, 1000)] = 12,
    batch: Annotated[int, Range(2, 1024)] = 30,
    learning_rate: Rate = 4e-3,
    seed: Seed = 0,
    start: Annotated[Any, OWN] = None,
) -> Iterator[LiveState]:
    """Train a small network, and keep what it was after every epoch: filters, patches, accuracy and scores.

    pictures  with labels: whatever ``load_dataset`` takes with entries (picture, label); None = rendered scenes, of
              which a class is a shape and a color
    classes   how many: the first ones
    each      pictures of a class, of which every fourth is held out
    module    from (B, 3, 64, 64) to (B, classes), with a convolution; it stays as it is. None = three convolutions with
              batch normalization, the first one of 24 filters of 9×9
    epochs    in all; in each, as many pictures are drawn as there are to learn from
    batch     pictures in a step
    learning_rate  of Adam, at first; it falls to 0 along a cosine
    seed      of the scenes, the first weights and the order
    start     a state to go on from, or the path of a file that its ``save`` wrote: with the same arguments, the result
              is that of an uninterrupted run

    Yields LiveState, the first one before any training, then one after every step. UserError for pictures without
    labels, and for a module that has no convolution or does not give a score for each class.

        state = last(train_live(epochs=3))
        state.filters(0), state.filters(3)
    """
    lessons = rendered(classes, each, seed) if pictures is None else read(pictures, classes, each)
    count, where = len(lessons.classes), device_in_use()
    begun = _begun(count, seed) if module is None else module
    begun = deepcopy(begun).to(where)
    layer = _checked(begun, lessons)
    steps = -(-len(lessons.pictures) // batch)
    training, beside = start, None if start is None or isinstance(start, LiveState) else saved_beside(start)
    if isinstance(start, LiveState):
        training, beside = start.training, (start.epochs, start.classes)
    known = _known(beside, lessons.classes)
    if known and known[-1].epoch >= epochs:
        raise UserError(f"epochs must be more than the {known[-1].epoch} that start has done, not {epochs}.")
    learned = _prepared(lessons.pictures)

    def losses(network: nn.Module, generator: torch.Generator, step: int) -> Losses:
        chosen = torch.randint(len(learned), (batch,), generator=generator)
        scores = network(learned[chosen].to(where))
        return {"cross entropy": F.cross_entropy(scores, lessons.labels[chosen].to(where))}

    run = train(
        begun, losses, lambda network: _prepared(lessons.unseen), steps=epochs * steps, seed=seed, start=training,
        learning_rate=falling(learning_rate, epochs * steps), of="training",
    )  # fmt: skip

    def states() -> Iterator[LiveState]:
        measured = known

        def state(step: int, training: TrainingState | None) -> LiveState:
            return LiveState(
                step, epochs * steps, steps, training, measured, lessons.unseen, lessons.truth, lessons.classes, layer
            )

        if not measured:
            measured = (_measured(0, deepcopy(begun).eval(), lessons, layer),)
            yield state(0, None)
        for one in run:
            if one.step % steps == 0:
                measured = (*measured, _measured(one.step // steps, one.network, lessons, layer))
            yield state(one.step, one)

    return states()


def untrained(classes: int, seed: int) -> Filters:
    """The filters of the first layer before any training, without any picture."""
    return filters(_network(_begun(classes, seed).eval(), tuple(map(str, range(classes)))))


def _begun(classes: int, seed: int) -> nn.Module:
    return initialized(lambda: _small(classes), seed)


def _known(beside: Any, classes: tuple[str, ...]) -> tuple[Epoch, ...]:
    """The epochs of a start."""
    if not beside:
        return ()
    epochs, of = beside
    if tuple(of) != classes:
        raise UserError(f"start must be a state of a training of the same classes, not of {', '.join(of)}.")
    return tuple(Epoch(*one) for one in epochs)


def _measured(epoch: int, module: nn.Module, lessons: Lessons, layer: str) -> Epoch:
    network = _network(module, lessons.classes)
    some, labels = lessons.pictures[:: max(1, len(lessons.pictures) // MEASURED)], lessons.labels
    right = network.top(network.logits(some / 255)).cpu() == labels[:: max(1, len(labels) // MEASURED)]
    scores = network.logits(lessons.unseen / 255).float().cpu()
    found = last(scan(network, lessons.unseen / 255, [layer], PATCHES), progress=False)
    units = range(min(UNITS, network.layer(layer).channels))
    patches = [patches_of(top_patches(found, layer, unit, count=PATCHES).examples) for unit in units]
    return Epoch(
        epoch, float(right.float().mean()), float((scores.argmax(1) == lessons.truth).float().mean()),
        filters(network).values, torch.stack([torch.from_numpy(one) for one in patches]), scores,
    )  # fmt: skip


def _checked(module: nn.Module, lessons: Lessons) -> str:
    """The last convolution of a module, which fits the lessons; else UserError."""
    refused = UserError(
        f"module must have convolutions and give {len(lessons.classes)} scores for each picture of 3×{SIDE}×{SIDE}."
    )
    network = _network(deepcopy(module).eval(), lessons.classes)
    try:
        shape, found = network.logits(lessons.unseen[:2] / 255).shape, convolutions(network.layers)
        if shape != (len(lessons.unseen[:2]), len(lessons.classes)) or not found:
            raise refused
        filters(network)
    except UserError:
        raise refused from None
    return found[-1].name


def _network(module: nn.Module, classes: tuple[str, ...]) -> Network:
    return Network(module, input_size=SIDE, mean=MEAN, std=STD, classes=classes, name="live")


def _prepared(pictures: Tensor) -> Tensor:
    return (pictures / 255 - MEAN) / STD


def _small(classes: int) -> nn.Sequential:
    parts: OrderedDict[str, nn.Module] = OrderedDict()
    channels = 3
    for number, (width, kernel, stride) in enumerate([(24, 9, 4), (48, 3, 1), (64, 3, 1)], 1):
        parts[f"conv{number}"] = nn.Conv2d(channels, width, kernel, stride, kernel // 2, bias=False)
        parts[f"norm{number}"] = nn.BatchNorm2d(width)
        parts[f"relu{number}"] = nn.ReLU()
        if number == 2:
            parts["pool2"] = nn.MaxPool2d(2)
        channels = width
    parts["gap"], parts["flatten"] = nn.AdaptiveAvgPool2d(1), nn.Flatten()
    parts["fc"] = nn.Linear(channels, classes)
    network = nn.Sequential(parts)
    with torch.no_grad():  # the normalization makes up for it, and what is learned is seen through less noise
        next(network.parameters()).mul_(FAINT)
    return network

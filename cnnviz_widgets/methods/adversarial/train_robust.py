"""X11: adversarial training (Madry et al., 2018), beside a control that is trained in the same way without attacks."""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnnviz_widgets.drawing.render import Content
from cnnviz_widgets.drawing.results import Result, enlarged, rgb
from cnnviz_widgets.engine.counts import Counted
from cnnviz_widgets.engine.optimize.balls import in_8_bits
from cnnviz_widgets.engine.training import Losses, Steps, TrainingState, falling, initialized, train
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import OWN, Range, Rate, Seed, gate
from cnnviz_widgets.methods.adversarial._hardening import hardened
from cnnviz_widgets.methods.adversarial._labeled import digits, given, without_labels
from cnnviz_widgets.networks import Network

__all__ = ["DefenseState", "train_robust"]
example = dict(steps=2, batch=8)

MEASURED = 200  # pictures, at most
MEASUREMENTS = 20  # in a training, evenly spread
ATTACK = 10  # steps of the attack that measures; the one in training has three
SHOWN = 8  # pictures whose gradients are shown
ROOM = 96  # px of a side, to which small pictures are enlarged on the screen

Epsilon = Annotated[float, Range(above=0, most=1)]


class Accuracy(NamedTuple):
    """After a step, of the pictures that were held out: shares that are right, as they are and under attack."""

    step: int
    plain: float
    plain_attacked: float
    robust: float
    robust_attacked: float


@dataclass(frozen=True, eq=False, repr=False)
class DefenseState(Result):
    """Two networks that began with the same weights and have seen the same pictures, one of them under attack.

    step, total    as of both trainings
    plain, robust  the states of the trainings
    accuracies     measured so far, the latest last
    pictures       (N, C, H, W), 0…1: those that were held out;  labels: (N,) their classes
    epsilon        of the attacks
    """

    step: int
    total: int
    plain: TrainingState
    robust: TrainingState
    accuracies: tuple[Accuracy, ...]
    pictures: Tensor
    labels: Tensor
    classes: tuple[str, ...]
    epsilon: float
    of: str = "adversarial training"
    convention: str = "gradients of the loss, each scaled by its greatest value"

    @property
    def networks(self) -> tuple[Network, Network]:
        """(plain, robust)."""
        size = self.pictures.shape[-2:]
        made = [
            Network(one.network, input_size=(size[0], size[1]), mean=0.0, std=1.0, classes=self.classes, name=name)
            for name, one in (("plain", self.plain), ("robust", self.robust))
        ]
        return made[0], made[1]

    def accuracy(self, epsilon: float) -> tuple[Counted, Counted]:
        """(plain, robust): pictures that are right under an attack of this size; 0 = without."""
        return tuple(_right(one.network, self.pictures, self.labels, epsilon) for one in (self.plain, self.robust))  # type: ignore[return-value]

    @cached_property
    def values(self) -> Tensor:
        """(2, n, C, H, W): for the first pictures, the gradients of the loss of both networks."""
        some, labels = self.pictures[:SHOWN], self.labels[:SHOWN]
        found = []
        for one in (self.plain, self.robust):
            leaf = some.clone().requires_grad_()
            with torch.enable_grad():
                loss = F.cross_entropy(one.network(leaf), labels, reduction="sum")
                (gradient,) = torch.autograd.grad(loss, leaf)
            found.append(gradient / gradient.abs().amax((1, 2, 3), keepdim=True).clamp(min=1e-30))
        return torch.stack(found)

    def content(self) -> Content:
        some = self.pictures[:SHOWN]
        rows = torch.cat([some, *(0.5 + one / 2 for one in self.values)])
        names = [self.classes[label] for label in self.labels[:SHOWN].tolist()]
        names += ["plain gradient"] * len(some) + ["robust gradient"] * len(some)
        return Content(rgb(enlarged(rows, ROOM)), names=tuple(names), columns=len(some), caption=self.told)

    @property
    def told(self) -> str:
        last = self.accuracies[-1]
        return (
            f"step {last.step}: plain {last.plain:.0%}, attacked {last.plain_attacked:.0%}; "
            f"robust {last.robust:.0%}, attacked {last.robust_attacked:.0%}"
        )


@gate
def train_robust(
    images: Annotated[Any, OWN] = None,
    labels: Annotated[Any, OWN] = None,
    *,
    module: Annotated[nn.Module | None, "a torch.nn.Module or None"] = None,
    epsilon: Epsilon = 0.15,
    steps: Steps = 300,
    batch: Annotated[int, Range(2, 1024)] = 64,
    learning_rate: Rate = 3e-3,
    seed: Seed = 0,
    start: Annotated[DefenseState | None, "a state of train_robust, or None"] = None,
) -> Iterator[DefenseState]:
    """Train a network on pictures that are changed against it, and a control on the same ones unchanged.

    images         (N, C, H, W), values 0…1; None = scikit-learn's 1,797 handwritten digits of 8×8 px
    labels         N whole numbers, the classes of ``images``
    module         from (B, C, H, W) to (B, classes); it stays as it is. None = three small convolutions
    epsilon        by how much each value is changed at most, in three signed steps from a random start (PGD-3)
    batch          pictures in a step; every fourth of all is held out, and measured with ten steps of attack
    learning_rate  of Adam, at first; it falls to 0 along a cosine
    seed           of the first weights, the order and the random starts
    start          a state to go on from

    Yields DefenseState after every step: both accuracies of both networks, and their gradients side by side.

        *_, state = train_robust(steps=200)
        state.accuracy(0.15)
    """
    if images is None:
        without_labels(labels, "None")
    pictures, numbers, classes, held = digits() if images is None else given(images, labels)
    test, truth = pictures[held][:MEASURED], numbers[held][:MEASURED]
    learned, learned_numbers = pictures[~held], numbers[~held]
    count = int(numbers.max()) + 1
    begun = initialized(lambda: _small(pictures.shape[1], count), seed) if module is None else module
    _check(begun, test[:2], count)

    def lessons(epsilon: float) -> Any:
        def losses(network: nn.Module, generator: torch.Generator, step: int) -> Losses:
            order = torch.Generator().manual_seed(seed * 10**6 + step)
            chosen = torch.randint(len(learned), (batch,), generator=order)
            shown, wanted = learned[chosen], learned_numbers[chosen]
            if epsilon:
                shown = hardened(network, _same, shown, wanted, epsilon=epsilon, generator=generator)
            return {"cross entropy": F.cross_entropy(network(shown), wanted)}

        return losses

    def training(name: str, epsilon: float, start: TrainingState | None) -> Iterator[TrainingState]:
        return train(
            begun, lessons(epsilon), lambda network: test[:SHOWN], steps=steps, seed=seed, start=start, of=name,
            learning_rate=falling(learning_rate, steps),
        )  # fmt: skip

    plain = training("plain training", 0.0, None if start is None else start.plain)
    robust = training("adversarial training", epsilon, None if start is None else start.robust)
    known = () if start is None else start.accuracies

    def states() -> Iterator[DefenseState]:
        measured = known
        for one, other in zip(plain, robust, strict=True):
            if one.step == steps or one.step % max(1, steps // MEASUREMENTS) == 0 or not measured:
                shares = [
                    _right(state.network, test, truth, size).share for state in (one, other) for size in (0.0, epsilon)
                ]
                measured = (*measured, Accuracy(one.step, *shares))
            yield DefenseState(one.step, steps, one, other, measured, test, truth, classes, epsilon)

    return states()


def _right(network: nn.Module, pictures: Tensor, labels: Tensor, epsilon: float) -> Counted:
    """Those that are right under an attack, which counts after rounding to 8 bits."""
    shown = pictures
    if epsilon:
        with torch.enable_grad():
            drawn = torch.Generator().manual_seed(0)
            shown = hardened(network, _same, shown, labels, epsilon=epsilon, generator=drawn, steps=ATTACK)
        shown = in_8_bits(shown)
    with torch.no_grad():
        return Counted(int((network(shown).argmax(1) == labels).sum()), len(labels))


def _check(module: nn.Module, pictures: Tensor, classes: int) -> None:
    shape = "×".join(map(str, pictures.shape[1:]))
    refused = UserError(f"module must have weights, and give {classes} scores for each picture of {shape}.")
    try:
        with torch.no_grad():
            scores = deepcopy(module).eval()(pictures)
    except Exception as error:  # somebody's own code
        raise refused from error
    if not any(True for _ in module.parameters()) or getattr(scores, "shape", None) != (len(pictures), classes):
        raise refused


def _small(channels: int, classes: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 32, 3, 2, padding=1), nn.ReLU(),
        nn.Conv2d(32, 32, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(128, classes),
    )  # fmt: skip


def _same(pictures: Tensor) -> Tensor:
    return pictures

"""I1: filters that are trained to mean a part (Zhang, Wu and Zhu, 2018), beside the same network trained as usual."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import torch
import torch.nn.functional as F
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from cnnviz_widgets.drawing.render import Content
from cnnviz_widgets.drawing.results import Result, rgb
from cnnviz_widgets.engine.checks import whole_number
from cnnviz_widgets.engine.training import Losses, Steps, TrainingState, falling, initialized, train
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import OWN, Range, Rate, Seed, gate
from cnnviz_widgets.methods.interpretable._parts import (
    CELLS,
    HELD_OUT,
    SHOWN,
    Lesson,
    Objects,
    PartNetwork,
    instability,
    known,
    spreads,
)
from cnnviz_widgets.methods.interpretable.filter_loss import filter_loss, template_mask

__all__ = ["InterpretableState", "load_interpretable", "train_interpretable"]
example = dict(steps=2, batch=8)

TRAININGS = ("plain", "loss", "loss + mask")
FEWEST_OBJECTS = 160
MEASUREMENTS = 20  # in a training, evenly spread
BUNDLED = Path(__file__).parent / "weights" / "interpretable.safetensors"


class Measured(NamedTuple):
    """After a step, of the pictures that were held out; by training, in the order of TRAININGS.

    accuracy     shares that are classified right
    instability  of the location, mean over the filters, in diagonals of the picture; NaN where none fires
    filters      that fire, in ten pictures of a kind at least, and are in this mean
    """

    step: int
    accuracy: tuple[float, ...]
    instability: tuple[float, ...]
    filters: tuple[int, ...]


@dataclass(frozen=True, eq=False, repr=False)
class InterpretableState(Result):
    """Three networks that began with the same weights and have seen the same pictures.

    step, total  as of all three trainings
    trainings    "plain", "loss" and "loss + mask" -> their states
    course       what was measured so far, the latest last
    objects      all of them;  held  those that were held out: pictures (B, 3, 64, 64), labels, and landmarks (B, P, 2)
                 in px;  classes  names of the labels;  landmarks  names
    """

    step: int
    total: int
    trainings: dict[str, TrainingState]
    course: tuple[Measured, ...]
    objects: Objects
    of: str = "interpretable filters"
    convention: str = "activations of the filters, normalized, at least 0"

    @property
    def held(self) -> Lesson:
        return self.objects.held

    @property
    def classes(self) -> tuple[str, ...]:
        return self.objects.classes

    @property
    def landmarks(self) -> tuple[str, ...]:
        return self.objects.landmarks

    @property
    def filters(self) -> int:
        """How many there are."""
        return self.values.shape[2]

    @cached_property
    def maps(self) -> dict[str, Tensor]:
        """By training: (B, filters, 16, 16), of all pictures that were held out."""
        with torch.no_grad():
            return {name: one.network.maps(self.held.pictures) for name, one in self.trainings.items()}

    @cached_property
    def instability(self) -> dict[str, Tensor]:
        """By training: (filters,), in diagonals of the picture; NaN for a filter that is silent.

        The paper's location instability: over the pictures of a kind in which the filter fires, the standard deviation
        of the distance from its greatest value to a landmark; then the mean over landmarks and kinds.
        """
        return {name: instability(maps, self.held.landmarks, self.held.labels) for name, maps in self.maps.items()}

    def spreads(self, filter: int) -> dict[str, Tensor]:
        """By training: (P,), for each landmark that standard deviation, mean over the kinds; NaN if it is silent."""
        number, (_, labels, landmarks) = self._filter(filter), self.held
        ones = {name: maps[:, number : number + 1] for name, maps in self.maps.items()}
        return {name: spreads(one, landmarks, labels)[:, 0].nanmean(0) for name, one in ones.items()}

    @cached_property
    def values(self) -> Tensor:
        """(3, 12, filters, 16, 16): the maps of the first pictures, by training."""
        with torch.no_grad():
            return torch.stack([one.network.maps(self.objects.shown.pictures) for one in self.trainings.values()])

    def content(self) -> Content:
        number = self.steadiest
        told = "; ".join(self._told(name, number) for name in self.trainings)
        return replace(self.compared(number), caption=f"filter {number}: {told}")

    @property
    def steadiest(self) -> int:
        """The filter of the training with the loss that has the smallest instability."""
        return int(self.instability["loss"].nan_to_num(float("inf")).argmin())

    def compared(self, filter: int, masks: bool = False) -> Content:
        """One filter in twelve pictures: a row a training, of its maps or of its masks.

        Filters of the same number in two trainings have nothing in common but their first weights.
        """
        number = self._filter(filter)
        maps = self.values[:, :, number]
        shown = template_mask(maps) * (maps.amax((2, 3), keepdim=True) > 0) if masks else maps
        high = [1.0] * len(maps) if masks else maps.amax((1, 2, 3)).clamp(min=1e-6).tolist()
        pictures, classes, _ = self.objects.shown
        labels = [self.classes[label] for label in classes.tolist()]
        return Content(
            rgb(pictures.repeat(len(maps), 1, 1, 1)),
            values=shown.flatten(0, 1).numpy(),
            low=0,
            high=[one for one in high for _ in range(SHOWN)],
            columns=SHOWN // 2,  # two rows a training
            names=tuple(f"{name}: {label}" for name in self.trainings for label in labels),
            heads=tuple(name if not at else "" for name in self.trainings for at in range(SHOWN)),
            caption=f"filter {number}",
        )

    def _told(self, name: str, number: int) -> str:
        value = float(self.instability[name][number])
        return f"{name} {value:.3f}" if value == value else f"{name} silent"

    def _filter(self, number: Any) -> int:
        return whole_number("filter", number, 0, self.filters - 1)

    def save(self, path: str | os.PathLike) -> None:
        """The three networks in float16, and the course, as safetensors. A training cannot go on from it."""
        weights = {
            f"{name}/{key}": one.half() if one.is_floating_point() else one
            for name, training in self.trainings.items()
            for key, one in training.weights.items()
        }
        losses = {name: one.losses for name, one in self.trainings.items()}
        about = {"step": self.step, "total": self.total, "course": self.course, "losses": losses}
        save_file(weights, path, {"interpretable": json.dumps(about)})


@gate
def train_interpretable(
    objects: Annotated[Any, OWN] = None,
    *,
    filters: Annotated[int, Range(1, 256)] = 16,
    weight: Rate = 0.1,
    steps: Steps = 600,
    batch: Annotated[int, Range(2, 1024)] = 64,
    learning_rate: Rate = 3e-3,
    seed: Seed = 0,
    start: Annotated[InterpretableState | None, "a state of train_interpretable, or None"] = None,
) -> Iterator[InterpretableState]:
    """Train filters to mean a part, and the same network without (Zhang, Wu & Zhu, Interpretable CNNs, 2018).

    objects        at least 160 rendered objects of 64 px, such as ``objects(1000)``: their landmarks are known, so no
                   data set with annotated parts is needed. None = 2,000 upright chairs and tables of six kinds
    filters        of the layer that is looked at
    weight         of the filter loss, beside the cross entropy of the kinds
    batch          pictures in a step; every eighth of all is held out
    learning_rate  of Adam, at first; it falls to 0 along a cosine
    seed           of the first weights and of the order
    start          a state to go on from

    Three networks begin with the same weights: "plain" learns the kinds; "loss" has the mean ``filter_loss`` of its
    filters beside that; "loss + mask" also passes on only what ``template_mask`` keeps. The layer's maps are 16 × 16,
    normalized for each filter; times n², they are of the size for which the paper's τ is meant. The paper assigns
    filters to classes; here all pictures count as positive ones.

    Yields InterpretableState after every step, with accuracy and location instability on what was held out.

        *_, state = train_interpretable(steps=200)
        state.instability["loss"].nanmean()
    """
    every = known(objects, FEWEST_OBJECTS)
    numbers = torch.arange(len(every.every))
    learned = numbers[numbers % HELD_OUT != 0]
    if start is not None and tuple(start.trainings) != TRAININGS:
        raise UserError(f"start must have the trainings {', '.join(TRAININGS)}, not {', '.join(start.trainings)}.")
    rate = falling(learning_rate, steps)
    trainings = [
        train(
            initialized(lambda name=name: PartNetwork(filters, len(every.classes), "mask" in name), seed),  # type: ignore[misc]
            _lesson(every, learned, batch, seed, weight if "loss" in name else 0.0),
            lambda module: every.shown.pictures,
            steps=steps,
            learning_rate=rate,
            seed=seed,
            start=None if start is None else start.trainings[name],
            of=name,
        )
        for name in TRAININGS
    ]
    course = () if start is None else start.course

    def states() -> Iterator[InterpretableState]:
        measured = course
        for three in zip(*trainings, strict=True):
            step = three[0].step
            state = InterpretableState(step, steps, dict(zip(TRAININGS, three, strict=True)), measured, every)
            if step == steps or step % max(1, steps // MEASUREMENTS) == 0 or not measured:
                measured = (*state.course, _measured(state))
                object.__setattr__(state, "course", measured)
            yield state

    return states()


@cache
@gate
def load_interpretable() -> InterpretableState:
    """The bundled result of ``train_interpretable``: see its model card in the documentation."""
    every = known(None, FEWEST_OBJECTS)
    try:
        with safe_open(BUNDLED, framework="pt") as file:
            about = json.loads(file.metadata()["interpretable"])
            saved = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise UserError(f"the bundled filters cannot be read: {BUNDLED.name} is missing or damaged.") from error
    trainings = {}
    for name in TRAININGS:
        weights = {key.partition("/")[2]: one for key, one in saved.items() if key.partition("/")[0] == name}
        weights = {key: one.float() if one.is_floating_point() else one for key, one in weights.items()}
        filters = weights["classifier.0.weight"].shape[1]
        with torch.device("meta"):
            module = PartNetwork(filters, len(every.classes), "mask" in name)
        module.load_state_dict(weights, assign=True)
        trainings[name] = TrainingState(
            about["step"], about["total"], about["losses"][name], weights, None, {}, torch.Generator().get_state(),
            module.eval().requires_grad_(False), lambda module: every.shown.pictures, name,
        )  # fmt: skip
    course = tuple(Measured(step, *map(tuple, rest)) for step, *rest in about["course"])
    return InterpretableState(about["step"], about["total"], trainings, course, every)


def _lesson(objects: Objects, learned: Tensor, batch: int, seed: int, weight: float) -> Any:
    def losses(network: Any, generator: torch.Generator, step: int) -> Losses:
        order = torch.Generator().manual_seed(seed * 10**6 + step)
        chosen = learned[torch.randint(len(learned), (batch,), generator=order)]
        pictures, labels, _ = objects.some(chosen.tolist())
        maps = network.maps(pictures)
        found = {"cross entropy": F.cross_entropy(network.classified(maps), labels)}
        return found | ({"filter loss": weight * filter_loss(CELLS**2 * maps).mean()} if weight else {})

    return losses


def _measured(state: InterpretableState) -> Measured:
    with torch.no_grad():
        answers = [
            one.network.classified(state.maps[name]).argmax(1) == state.held.labels
            for name, one in state.trainings.items()
        ]
    spread = list(state.instability.values())
    return Measured(
        state.step,
        tuple(float(right.float().mean()) for right in answers),
        tuple(float(one.nanmean()) for one in spread),
        tuple(int(one.isfinite().sum()) for one in spread),
    )

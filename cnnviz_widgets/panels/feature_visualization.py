"""M3 to M6: what the units of a layer want to see."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import ipywidgets
import numpy as np
import torch
from torch import Tensor

from cnnviz_widgets.drawing.render import Content
from cnnviz_widgets.drawing.results import rgb
from cnnviz_widgets.drawing.spectrum import fine_share
from cnnviz_widgets.engine.optimize import OptimizationState, objectives, parametrizations, transforms
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.methods.activations.top_examples import TopExamples, top_examples
from cnnviz_widgets.methods.features.visualize import visualize
from cnnviz_widgets.networks import Network
from cnnviz_widgets.panels.controls import choice, default
from cnnviz_widgets.panels.making import (
    As,
    Making,
    Reel,
    Run,
    in_rounds,
    rounds_slider,
    seed_slider,
    seen_at,
    steps_slider,
    together,
)
from cnnviz_widgets.panels.now import Now
from cnnviz_widgets.panels.parts import Mark, View
from cnnviz_widgets.remarks import remark
from cnnviz_widgets.runtime.runner import Frame
from cnnviz_widgets.widgets import Pointer
from cnnviz_widgets.widgets.actions import Actions

LARGE, SMALL = 128, 64  # px of a unit's picture, and of one in the grid
VARIETIES, EXAMPLES = 4, 8
PAGE, AT_ONCE, QUICK = 24, 4, {"steps": 24, "learning_rate": 0.1}  # of the grid: channels, pictures in a run, a run
SELDOM = 4  # steps of the unit for one of the grid: that the unit still grows at more than five steps a second
FAMILIES = {
    "preconditioned": "Fourier, colors, robust",
    "none": "unregularized",
    "frequency": "frequency",
    "robustness": "robustness",
    "both": "frequency and robustness",
}
TABLE = ("none", "frequency", "robustness", "both")
MEASURE = {"channel": "mean", "neuron": "max"}  # objective -> by what examples are chosen
NO_DATASET = "Examples need pictures: give the panel or cnnviz.lab dataset=…, a folder, a list or cnnviz.samples()."
GRAY = 0.5


class FeatureVisualization(Making):
    """Pictures that excite the channels of a layer, and one of them large (Olah et al. 2017). Click a channel.

    objective  "channel" (the mean of its map), "neuron" (the unit in the middle of the map), or the whole "layer"
    family     how noise is kept away
    beside     what is compared: four "diverse" pictures of the channel, the "families", or "examples": the pictures of
               the session's dataset for which the mean of the map (of a neuron: its greatest value) is greatest
    """

    title = "Feature visualization"
    family = "features"
    chapters = ("10",)
    shows = "pictures that excite the channels of a layer"
    as_call = "cnnviz.visualize(net, layer, channel)"
    pickers = ("layer", "channel")
    objective = choice(
        default(visualize, "objective"),
        ["channel", "neuron", "layer"],
        label="Excite",
        help="A whole map, its middle, or the whole layer",
    )
    family = choice(default(visualize, "family"), FAMILIES, label="Noise", help="What keeps high frequencies away")
    beside = choice(
        "diverse",
        {"diverse": "diverse pictures", "families": "ways to keep noise away", "examples": "examples of the dataset"},
        label="Compare",
        help="Four different pictures, four ways to keep noise away, or the best pictures of your dataset",
    )
    steps = steps_slider(default(visualize, "steps"))
    rounds = rounds_slider()
    seed = seed_slider("Of the noise, and of all that is drawn at random")

    def views(self) -> list[ipywidgets.Widget]:
        self._grid_of: tuple = ()  # what the grid is of
        self._pictures: dict[int, Tensor] = {}  # of its channels, as far as they have come
        self._made: set[int] = set()  # the channels that have come to their end
        grid = View("Channels: click one", cursor="tile", controls=False, max_width=448, max_height=300)
        grid.image.on_click(self.guarded(self._choose))
        self._parts["chosen"] = Mark(grid, "selected")
        self._turns = Actions({
            "before": ("‹ Before", "The channels before these"),
            "next": ("Next ›", "The channels after these"),
        })  # fmt: skip
        self._turns.on_action(self.guarded(self._turn))
        unit = Reel("The chosen channel", labels=True, max_width=448, max_height=240)
        beside = Reel("Compared", "whole", labels=True, max_width=1076, max_height=440)
        return [
            ipywidgets.VBox([self.part("grid", grid), self._turns]).add_class("cnnviz-part"),
            self.part("unit", unit),
            self.part("beside", beside),
        ]

    def _choose(self, pointer: Pointer) -> None:
        name = self._parts["grid"].image.content.names[pointer.tile]  # of what is on the screen: "channel 17"
        self.session.channel = int(name.split()[-1])

    def _turn(self, button: str) -> None:
        last = self.session.network.layer(self.session.layer).channels - 1
        page, place = divmod(self.session.channel, PAGE)
        page = min(page + 1, last // PAGE) if button == "next" else max(page - 1, 0)
        self.session.channel = min(page * PAGE + place, last)

    def compute(self, now: Now) -> Iterator[Frame]:
        """The unit, and now and then a step of the channels around it; then the rest of them, then what is compared."""
        waiting = self._waiting(now)
        channels, grown = self._small(now, waiting), 0
        runs, large, small = _beside(now), now.rounds * now.steps, len(waiting) * QUICK["steps"]
        total, before, dead = large + small + large, large + small, None
        blank = not self._parts["beside"].image.content.count
        yield Frame(self._grid(now) | ({"beside": lambda at: _room(now, runs)} if runs and blank else {}), 0, total)
        try:
            for step, unit in self._large(now, _unit(now)):
                yield Frame({"unit": unit}, step + grown, total)
                if step % SELDOM == 0 and (more := next(channels, 0)):
                    grown = more
                    yield Frame(self._grid(now), step + grown, total)
        except UserError as error:  # is told at once, and while another is chosen
            dead = error
            remark(str(error))
        for step in channels:
            yield Frame(self._grid(now), large + step, total)
        if dead:
            raise dead
        for step, compared in self._large(now, runs):
            yield Frame({"beside": compared}, before + step, total)
        if by := _measure(now):
            for found in self._examples(now, by):
                content = _with_room(found.content(), min(EXAMPLES, found.total))
                yield Frame({"beside": lambda at, it=content: it}, before + large * found.step // found.total, total)
        elif not runs:
            yield Frame({"beside": lambda at: Content()})
            if now.objective in MEASURE:
                remark(NO_DATASET)

    def _large(self, now: Now, runs: dict[str, Run]) -> Iterator[tuple[int, Callable[[Any], Content]]]:
        """Steps, and what a Reel shows of them: all runs side by side."""
        for states in together({name: _tried(name, self._run(name, now, run)) for name, run in runs.items()}):
            yield max(state.step for state in states.values()), partial(_content, now, states)

    def _waiting(self, now: Now) -> list[tuple[int, ...]]:
        """The channels of the grid that are still to be made, in groups that are made at once."""
        of = now.network, now.layer, _grid_objective(now)
        if self._grid_of != of:
            self._grid_of, self._pictures, self._made = of, {}, set()
        waiting = [one for one in _page(now) if one not in self._made]
        return [tuple(waiting[begin : begin + AT_ONCE]) for begin in range(0, len(waiting), AT_ONCE)]

    def _small(self, now: Now, waiting: list[tuple[int, ...]]) -> Iterator[int]:
        """Steps in which the channels of the grid grow, group by group."""
        how = {"objective": _grid_objective(now), "size": _size(now.network, now.layer, SMALL), **QUICK}
        for number, some in enumerate(waiting):
            begin = partial(visualize, now.network, now.layer, some, **how)
            try:
                for state in self._going_on("grid", (*self._grid_of, some), 1, lambda *_, begin=begin: begin()):
                    pictures = state.values.reshape(len(some), *state.values.shape[-3:])
                    self._pictures |= dict(zip(some, pictures, strict=True))
                    yield number * QUICK["steps"] + state.step
                self._made |= {*some}
            except UserError as error:
                remark(f"channels {some[0]} to {some[-1]}: {error}")

    def _grid(self, now: Now) -> dict[str, Any]:
        """The channels around the chosen one, gray where there is none yet."""
        page, side = _page(now), _size(now.network, now.layer, SMALL) or SMALL
        gray = torch.full_like(next(iter(self._pictures.values()), torch.empty(3, side, side)), GRAY)
        content = Content(
            rgb(torch.stack([self._pictures.get(one, gray) for one in page])),
            names=[f"channel {one}" for one in page],
            caption=f"{now.layer}: {page[0]} to {page[-1]} of {now.network.layer(now.layer).channels} channels",
        )
        return {"grid": content, "chosen": now.channel - page[0]}

    def _examples(self, now: Now, by: str) -> Iterator[TopExamples]:
        of = now.network, now.dataset, now.layer, now.channel
        return self._going_on("examples", (*of, by), 1, lambda *_: top_examples(*of, EXAMPLES, by=by))

    def subject(self) -> str:
        return _subject(self._drawn or self._now())

    def call(self, now: Now) -> str:
        runs = _unit(now) | _beside(now)
        lines, names = [in_rounds(run, now, name) for name, run in runs.items()], [*runs]
        if by := _measure(now):
            lines.append(f"pictures = {now.dataset.source or '...  # the dataset that you gave to the panel'}")
            arguments = f'"{now.layer}", {now.channel}, k={EXAMPLES}, by="{by}"'
            lines.append(f"examples = cnnviz.last(cnnviz.top_examples(net, pictures, {arguments}))")
            names.append("examples")
        return "\n".join([*lines, f"display({', '.join(names)})"])


def _page(now: Now) -> range:
    """The channels that are in the grid: those around the chosen one."""
    first = now.channel // PAGE * PAGE
    return range(first, min(first + PAGE, now.network.layer(now.layer).channels))


def _grid_objective(now: Now) -> str:
    return "neuron" if now.objective == "neuron" else "channel"


def _measure(now: Now) -> str | None:
    """By what examples are chosen; None = there shall be none, or there is nothing to choose from."""
    return MEASURE.get(now.objective) if now.beside == "examples" and now.dataset is not None else None


def _tried(name: str, states: Iterator[OptimizationState]) -> Iterator[OptimizationState]:
    """Where only one of several pictures cannot be made, such as the negative of a unit that is off, the others are."""
    try:
        yield from states
    except UserError as error:
        if name == "positive":
            raise
        remark(f"{name}: {error}")


def _subject(now: Now) -> str:
    return now.layer if now.objective == "layer" else f"{now.layer} {now.objective} {now.channel}"


def _unit(now: Now) -> dict[str, Run]:
    size = _size(now.network, now.layer, LARGE)
    if now.objective == "layer":
        aim, picture = objectives.layer(now.layer), parametrizations.fourier(size)
        made = As(aim, f"cnnviz.objectives.{aim}"), As(picture, f"cnnviz.parametrizations.{picture}")
        return {"layer": Run("optimize", *made, As(transforms.robust(), "cnnviz.transforms.robust()"), seed=now.seed)}
    unit = partial(Run, "visualize", now.layer, now.channel, objective=now.objective, family=now.family)
    return {
        "positive": unit(size=size, seed=now.seed),
        "negative": unit(negative=True, size=size, seed=now.seed),
    }


def _beside(now: Now) -> dict[str, Run]:
    """The pictures to make that the unit is compared with; a whole layer is compared with nothing."""
    size = _size(now.network, now.layer, LARGE)
    if now.objective == "layer" or now.beside == "examples":
        return {}
    if now.beside == "diverse":
        return {"diverse": Run("diverse", now.layer, now.channel, VARIETIES, size=size, seed=now.seed)}
    return {
        family: Run(
            "visualize", now.layer, now.channel, objective=now.objective, family=family, size=size, seed=now.seed
        )
        for family in TABLE
    }


def _content(now: Now, states: dict[str, OptimizationState], at: int | None) -> Content:
    """The pictures of a step, side by side."""
    tiles: dict[str, Tensor] = {}
    last = 0
    for name, state in states.items():
        step, pictures = seen_at(state, at)
        last = max(last, step)
        tiles |= {f"{name} {n + 1}": one for n, one in enumerate(pictures)} if pictures.ndim == 4 else {name: pictures}
    if "none" in states:
        tiles = {f"{FAMILIES[name]} · {fine_share(one):.0%} fine": one for name, one in tiles.items()}
    caption = f"{_subject(now)}: step {last} of {now.rounds * now.steps}"
    return Content(rgb(torch.stack([*tiles.values()])), names=[*tiles], caption=caption)


def _room(now: Now, runs: dict[str, Run]) -> Content:
    """Gray tiles for all that the runs will make: when it comes, nothing moves."""
    side, count = _size(now.network, now.layer, LARGE) or LARGE, VARIETIES if "diverse" in runs else len(runs)
    gray = np.full((count, side, side, 3), round(255 * GRAY), np.uint8)
    return Content(gray, names=["…"] * count, caption="…")


def _with_room(content: Content, count: int) -> Content:
    """With gray tiles up to ``count``: what is found later moves nothing."""
    pictures = content.pictures
    gray = np.full((count - len(pictures), *pictures.shape[1:]), round(255 * GRAY), np.uint8)
    names = [*content.names, *["…"] * len(gray)]
    return replace(content, picture=np.concatenate([pictures, gray]), names=names)


def _size(network: Network, layer: str, most: int) -> int | None:
    """px of a picture; None = the network's own, where a layer takes no other."""
    return min(most, *(network.input_size or (most,))) if network.layer(layer).spatial else None

"""M3 to M6: feature visualization: what maximizes the units of a layer."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar

import ipywidgets
import numpy as np
from torch import Tensor

from cnnviz_widgets.drawing.render import Content
from cnnviz_widgets.drawing.spectrum import fine_share
from cnnviz_widgets.engine.optimize import OptimizationState, objectives, optimize, parametrizations, transforms
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.methods.activations.top_examples import TopExamples, top_examples
from cnnviz_widgets.methods.features.visualize import diverse, visualize
from cnnviz_widgets.panels.call import As, Call, program
from cnnviz_widgets.panels.channel_grid import ChannelGrid, picture_size
from cnnviz_widgets.panels.controls import choice
from cnnviz_widgets.panels.growth import Plan
from cnnviz_widgets.panels.making import (
    GRAY,
    Making,
    StepView,
    at_step,
    planned,
    seed_slider,
    side_by_side,
    steps_slider,
    together,
)
from cnnviz_widgets.panels.maps import seen_by
from cnnviz_widgets.panels.now import Now
from cnnviz_widgets.panels.options import option
from cnnviz_widgets.remarks import remark
from cnnviz_widgets.runtime.runner import Frame

SIDE = 128  # px of a picture
VARIETIES, EXAMPLES = 4, 8
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


class FeatureVisualization(Making):
    """Pictures that maximize the channels of a layer, and one of them large (Olah et al. 2017). Click a channel.

    objective       "channel" (the mean of its map), "neuron" (the unit at the center of the map), or the whole "layer"
    regularization  the ``family`` of ``cnnviz.visualize``
    beside          what is compared: four "diverse" pictures of the channel, the "families" of regularization, or
                    "examples": the pictures of the session's dataset with the greatest mean of the map (of a neuron:
                    with the greatest activation)
    """

    title = "Feature visualization"
    family = "features"
    chapters = ("10",)
    shows = "pictures that maximize the channels of a layer"
    as_call = "cnnviz.visualize(net, layer, channel)"
    pickers = ("layer", "channel")
    old_names: ClassVar = {"family": ("regularization", {})}
    objective = choice(
        "channel", ["channel", "neuron", "layer"], label="Objective", help="A whole map, its center, or the whole layer"
    )
    beside = choice(
        "diverse",
        {"diverse": "diverse pictures", "families": "regularizations", "examples": "examples of the dataset"},
        label="Compare",
        help="Four different pictures, four kinds of regularization, or the best pictures of your dataset",
    )
    regularization = option(
        visualize, name="family", words=FAMILIES, label="Regularization", help="What suppresses noise", more=True
    )
    steps = steps_slider(visualize)
    seed = seed_slider()

    def views(self) -> list[ipywidgets.Widget]:
        self._grid = ChannelGrid(self)
        unit = StepView("The chosen channel", labels=True, max_height=240)
        beside = StepView("Compared", "whole", labels=True, max_height=440)
        return [self._grid.widget, self.part("unit", unit), self.part("beside", beside)]

    def compute(self, now: Now) -> Iterator[Frame]:
        """The unit, and now and then a step of the channels around it; then the rest of them, then what is compared."""
        (small, channels), grown, dead = self._grid.grow(now), 0, None
        plans, large = _beside(now), now.rounds * now.steps
        total, before = large + small + large, large + small
        blank = not self._parts["beside"].image.content.count
        room = {"beside": lambda at: _room(now, plans)} if plans and blank else {}
        yield Frame(self._grid.parts(now) | room, 0, total)
        try:
            for step, unit in self._large(now, _unit(now)):
                yield Frame({"unit": unit}, step + grown, total)
                if step % SELDOM == 0 and (more := next(channels, 0)):
                    grown = more
                    yield Frame(self._grid.parts(now), step + grown, total)
        except UserError as error:  # is told at once, and while another is chosen
            dead = error
            remark(str(error))
        for step in channels:
            yield Frame(self._grid.parts(now), large + step, total)
        if dead:
            raise dead
        for step, compared in self._large(now, plans):
            yield Frame({"beside": compared}, before + step, total)
        if _measure(now):
            for found in self._examples(now):
                content = _with_room(found.content(), min(EXAMPLES, found.total))
                layer = now.network.layer(now.layer)
                if found.by == "mean" and layer.spatial:  # of whole pictures, and not of what one unit sees
                    content = replace(content, fields=(seen_by(now.network, layer.name, layer.shape[1:]),))
                yield Frame({"beside": lambda at, it=content: it}, before + large * found.step // found.total, total)
        elif not plans:
            yield Frame({"beside": lambda at: Content()})
            if now.objective in MEASURE:
                remark(NO_DATASET)

    def _large(self, now: Now, plans: list[Plan]) -> Iterator[tuple[int, Callable[[Any], Content]]]:
        """Steps, and what a StepView shows of them: all plans side by side."""
        runs = {plan.name: _tried(plan.name, self.grow(plan, now.rounds)) for plan in plans}
        for states in together(runs):
            yield max(state.step for state in states.values()), partial(_content, now, states)

    def _examples(self, now: Now) -> Iterator[TopExamples]:
        call = _examples(now)
        return self.keep("examples", (*call.given, call.options), call)

    def subject(self) -> str:
        return _subject(self._drawn or self._now())

    def call(self, now: Now) -> str:
        plans = _unit(now) + _beside(now)
        lines = [line for plan in plans for line in self.program(plan, now.rounds, plan.name)]
        names = [plan.name for plan in plans]
        if _measure(now):
            lines.append(f"pictures = {now.dataset.source or '...  # the dataset that you gave to the panel'}")
            lines.append(f"examples = cnnviz.last({_examples(now)})")
            names.append("examples")
        return program(*lines, f"display({', '.join(names)})")


def _measure(now: Now) -> str | None:
    """By what examples are chosen; None = there shall be none, or there is nothing to choose from."""
    return MEASURE.get(now.objective) if now.beside == "examples" and now.dataset is not None else None


def _examples(now: Now) -> Call:
    pictures = As(now.dataset, "pictures")
    return Call(top_examples, now.network, pictures, now.layer, now.channel, EXAMPLES, by=_measure(now))


def _tried(name: str, states: Iterator[tuple[int, OptimizationState]]) -> Iterator[OptimizationState]:
    """Where only one of several pictures cannot be made, such as the negative of a dead unit, the others are."""
    try:
        yield from (state for _, state in states)
    except UserError as error:
        if name == "positive":
            raise
        remark(f"{name}: {error}")


def _subject(now: Now) -> str:
    return now.layer if now.objective == "layer" else f"{now.layer} {now.objective} {now.channel}"


def _unit(now: Now) -> list[Plan]:
    size = picture_size(now.network, now.layer, SIDE)
    if now.objective == "layer":
        aim, picture = objectives.layer(now.layer), parametrizations.fourier(size)
        made = As(aim, f"cnnviz.objectives.{aim}"), As(picture, f"cnnviz.parametrizations.{picture}")
        robust = As(transforms.robust(), "cnnviz.transforms.robust()")
        return [_plan("layer", now, Call(optimize, now.network, *made, robust))]
    unit = partial(_visualized, now, now.regularization)
    return [_plan("positive", now, unit()), _plan("negative", now, unit(negative=True))]


def _beside(now: Now) -> list[Plan]:
    """The pictures to make that the unit is compared with; a whole layer is compared with nothing."""
    if now.objective == "layer" or now.beside == "examples":
        return []
    if now.beside == "diverse":
        size = picture_size(now.network, now.layer, SIDE)
        return [_plan("diverse", now, Call(diverse, now.network, now.layer, now.channel, VARIETIES, size=size))]
    return [_plan(family, now, _visualized(now, family)) for family in TABLE]


def _plan(name: str, now: Now, call: Call) -> Plan:
    return planned(name, now, call, str(call))  # nothing of it may change on the way


def _visualized(now: Now, family: str, **options: Any) -> Call:
    size = picture_size(now.network, now.layer, SIDE)
    how = {"objective": now.objective, "family": family, "size": size}
    return Call(visualize, now.network, now.layer, now.channel, **how, **options)


def _content(now: Now, states: dict[str, OptimizationState], at: int | None) -> Content:
    """The pictures of a step, side by side."""
    tiles: dict[str, Tensor] = {}
    last = 0
    for name, state in states.items():
        step, pictures = at_step(state, at)
        last = max(last, step)
        tiles |= {f"{name} {n + 1}": one for n, one in enumerate(pictures)} if pictures.ndim == 4 else {name: pictures}
    if "none" in states:
        tiles = {f"{FAMILIES[name]} · {fine_share(one):.0%} fine": one for name, one in tiles.items()}
    return side_by_side(tiles, caption=f"{_subject(now)}: step {last} of {now.rounds * now.steps}")


def _room(now: Now, plans: list[Plan]) -> Content:
    """Gray tiles for all pictures that will come, so that nothing moves then."""
    count = VARIETIES if plans[0].name == "diverse" else len(plans)
    return side_by_side({f"{n + 1} …": None for n in range(count)}, picture_size(now.network, now.layer, SIDE) or SIDE)


def _with_room(content: Content, count: int) -> Content:
    """With gray tiles up to ``count``: what is found later moves nothing."""
    pictures = np.asarray(content.pictures)
    gray = np.full((count - len(pictures), *pictures.shape[1:]), GRAY, np.uint8)
    names = (*content.names, *["…"] * len(gray))
    return replace(content, picture=np.concatenate([pictures, gray]), names=names)

"""Runs of ``optimize`` from coarse to fine that go on from any of their states."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache, partial
from typing import Annotated

import torch
from torch import Tensor

from cnnviz_widgets.engine.checks import whole_number
from cnnviz_widgets.engine.optimize import optimizers
from cnnviz_widgets.engine.optimize.loop import OptimizationState, optimize
from cnnviz_widgets.engine.optimize.objectives import Objective
from cnnviz_widgets.engine.optimize.optimizers import AnyOptimizer
from cnnviz_widgets.engine.optimize.parametrizations import pixels
from cnnviz_widgets.engine.optimize.smoothing import resize
from cnnviz_widgets.engine.pooling import under_pooling
from cnnviz_widgets.engine.schedules import faded
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import OWN, Rate
from cnnviz_widgets.methods.texture._view import PAIRS, View

COARSE_STEPS = 30  # in each size but the last
SMALLEST = 32  # px: the shorter side of a size; smaller ones are left out
LONGEST = 0.1  # root mean square of L-BFGS's longest step, of values 0…1
NOISE = 0.1  # standard deviation around gray, to begin with
RATES = {"lbfgs": 1.0, "adam": 0.03, "sgd": 0.05, "normalized": 0.02}

Size = tuple[int, int]
Start = Annotated[OptimizationState | Tensor | None, OWN]
LearningRate = Rate | Callable[[int], float] | None


def sizes_to(full: Size, scales: int) -> list[Size]:
    """So many sizes, each half of the next, up to ``full``."""
    halves = [(round(full[0] / 2**half), round(full[1] / 2**half)) for half in range(scales)]
    return [size for size in halves if size == full or min(size) >= SMALLEST][::-1]


def painted(
    view: View,
    sizes: Sequence[Size],
    objective: Callable[[Size], Objective],
    begin: Tensor | float,
    *,
    of: str,
    steps: int,
    optimizer: AnyOptimizer,
    learning_rate: LearningRate,
    seed: int,
    start: OptimizationState | Tensor | None,
    snapshots: Sequence[int],
    count: int = 1,
    finish: Callable[[Tensor], Tensor] | None = None,
) -> Iterator[OptimizationState]:
    """Ascend ``objective``, in one size after another: 30 steps in each, and the rest in the last.

    objective  of a size
    begin      the picture to begin with, or the standard deviation of noise
    of         what is made, in words
    count      of pictures, all of the same size
    finish     what is done to pictures before they are shown
    Yields states with the picture in the last size.
    """
    network, full, objective = view.network, sizes[-1], cache(objective)
    wanted = {whole_number("snapshots", one, 1, steps) for one in snapshots}
    rule = optimizers.lbfgs(PAIRS, LONGEST) if optimizer == "lbfgs" else optimizer
    rate = _rate(optimizer, learning_rate, steps)
    shown = partial(_shown, full, finish)
    state = start if isinstance(start, OptimizationState) else None
    if start is not None and state is None:
        if not isinstance(start, Tensor):
            raise UserError(f"start must be a state or a picture, not {type(start).__name__}.")
        begin = start
    if state is not None:
        whole_number("steps", steps, state.step + 1, where=f"({state.step} are done)")
        shape = (count, network.channels, *sizes[_scale(state.step - 1, sizes)])
        if [tuple(one.shape) for one in state.parameters] != [shape]:
            raise UserError(f"start must be a state of pictures of {full[1]}×{full[0]} pixels, made in the same way.")

    def run(state: OptimizationState | None) -> Iterator[OptimizationState]:
        """In one size, from where it is."""
        done = 0 if state is None else state.step
        scale = _scale(done, sizes)
        size, before = sizes[scale], scale * COARSE_STEPS
        picture = pixels(size, count, sd=0.0 if isinstance(begin, Tensor) else begin)
        first: OptimizationState | Tensor | None = begin if isinstance(begin, Tensor) else None
        if state is not None and done == before:
            first = resize(state.parameters[0], size)
        elif state is not None:
            form = picture.begin(network, torch.Generator())
            first = replace(state, step=done - before, form=form, snapshots={})
        for inner in optimize(
            network,
            objective(size),
            picture,
            view.transforms(),
            steps=(steps if size == full else min(steps, before + COARSE_STEPS)) - before,
            optimizer=rule,
            learning_rate=lambda step: rate(before + step),
            seed=seed,
            start=first,
        ):
            yield replace(inner, step=before + inner.step, total=steps, of=of, form=replace(inner.form, decode=shown))

    def states(state: OptimizationState | None, run_now: Iterator[OptimizationState]) -> Iterator[OptimizationState]:
        kept = {} if state is None else state.snapshots
        while True:
            for state in run_now:
                if state.step in wanted:
                    kept = kept | {state.step: state.values}
                state = replace(state, snapshots=kept)
                yield state
            if state is None or state.step >= steps:
                return
            run_now = run(state)

    objective(sizes[_scale(0 if state is None else state.step, sizes)]).bind(network, count)
    return under_pooling(view.kind, states(state, run(state)))


def _scale(done: int, sizes: Sequence[Size]) -> int:
    """In which of the sizes the step after so many is made."""
    return min(done // COARSE_STEPS, len(sizes) - 1)


def _rate(optimizer: AnyOptimizer, given: LearningRate, steps: int) -> Callable[[int], float]:
    if callable(given):
        return given
    if given is not None or optimizer == "lbfgs":
        return lambda step: 1.0 if given is None else given
    usual = RATES.get(optimizer, RATES["adam"]) if isinstance(optimizer, str) else RATES["adam"]
    return lambda step: usual * faded(step / steps, 0.02)


def _shown(full: Size, finish: Callable[[Tensor], Tensor] | None, pictures: Tensor) -> Tensor:
    pictures = pictures if pictures.shape[-2:] == full else resize(pictures, full)
    return pictures if finish is None else finish(pictures)

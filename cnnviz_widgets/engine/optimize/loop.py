"""M7, and what every technique that makes a picture is made of: gradient steps on a picture.

A step: the parameters become a picture, transforms move it, one pass through the network stops at the deepest layer
that the objective reads, its gradient comes back to the picture, the optimizer moves the parameters. Nothing is changed
in place, so every state that has been yielded stays as it was, and is a place to go on from.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import cached_property
from math import isfinite
from typing import Annotated, NamedTuple

import torch
from torch import Tensor
from torchvision.transforms.functional import center_crop

from cnnviz_widgets.drawing.render import Content
from cnnviz_widgets.drawing.results import Result, rgb
from cnnviz_widgets.engine.backward import quick_way_back, way_back
from cnnviz_widgets.engine.checks import somebodys, whole_number
from cnnviz_widgets.engine.optimize.objectives import Bound, Objective, Seen
from cnnviz_widgets.engine.optimize.operators import After, Gradient, Update
from cnnviz_widgets.engine.optimize.optimizers import AnyOptimizer, Memory, Optimizer, chosen
from cnnviz_widgets.engine.optimize.parametrizations import Form, Parametrization, Tensors, fourier
from cnnviz_widgets.engine.optimize.sight import Sight, all_of
from cnnviz_widgets.engine.optimize.smoothing import resize
from cnnviz_widgets.engine.optimize.transforms import Transform, apply, over_colors
from cnnviz_widgets.errors import UserError, naming
from cnnviz_widgets.gate import OWN, Positive, Rate, Seed, gate
from cnnviz_widgets.networks import Network
from cnnviz_widgets.pictures.picture import as_picture
from cnnviz_widgets.runtime.device import callers_modes_off
from cnnviz_widgets.runtime.interrupts import guarded

WAKING = 16  # steps in which a gradient that a ReLU stops altogether is let through


@dataclass(frozen=True, eq=False, repr=False)
class OptimizationState(Result):
    """A picture that is being made.

    step, total   steps done, and all of them
    terms         by term, what it added to the objective in this step, summed over the pictures of a batch. That was
                  just before the picture moved, and under this step's transforms
    snapshots     by step, the pictures of the steps that were asked for, as far as they are done
    of            the objective, as a formula
    alpha         whether the pictures' last channel says how opaque they are
    The rest is what ``optimize(…, start=state)`` goes on from.
    """

    step: int
    total: int
    terms: dict[str, float]
    snapshots: dict[int, Tensor]
    of: str
    parameters: Tensors
    form: Form
    optimizer: Optimizer
    memory: Memory
    generator: Tensor
    alpha: bool = False
    convention: str = "picture, values 0…1"

    @property
    def loss(self) -> float:
        """What falls: minus the objective."""
        return -sum(self.terms.values())

    @cached_property
    def values(self) -> Tensor:
        """(C, H, W) on the CPU, 0…1, or (B, C, H, W) for a batch; with alpha, C is one more. Made when asked for."""
        with guarded(*callers_modes_off(self.parameters[0].device), torch.no_grad()):
            pictures = self.form.decode(*self.parameters).detach().clamp(0, 1).cpu()
        return pictures if len(pictures) > 1 else pictures[0]

    def content(self) -> Content:
        pictures = self.values
        if self.alpha:  # what is transparent is shown on white
            alpha = pictures[..., -1:, :, :]
            pictures = alpha * pictures[..., :-1, :, :] + 1 - alpha
        return Content(picture=rgb(pictures), caption=f"{self.of}, step {self.step} of {self.total}")


@gate
def optimize(
    network: Network,
    objective: Annotated[Objective, "made of cnnviz.objectives"],
    picture: Parametrization | None = None,
    transforms: Sequence[Transform] = (),
    *,
    steps: Positive = 512,
    optimizer: AnyOptimizer = "adam",
    learning_rate: Rate | Callable[[int], float] = 0.05,
    gradient: Sequence[Gradient] = (),
    after: Sequence[After] = (),
    snapshots: Sequence[int] = (),
    seed: Seed = 0,
    start: Annotated[OptimizationState | Tensor | None, OWN] = None,
) -> Iterator[OptimizationState]:
    """Make a picture that the objective likes: gradient ascent from noise, or from wherever ``picture`` begins.

    objective      what is made large: terms of ``objectives``, such as ``logit("goose") - 1e-3 * l2()``
    picture        one of ``parametrizations``; None = ``fourier()`` of the network's own size
    transforms     of the picture on its way into the network, in order: see ``transforms``
    steps          in all, those of ``start`` included
    optimizer      "adam", "sgd", "normalized" (steps of equal length), "lbfgs", or one of ``optimizers``
    learning_rate  a number, or a function of the step, from 1
    gradient       operators on the gradient with respect to the picture: see ``operators``
    after          operators on the picture after a step
    snapshots      steps whose pictures all later states keep
    seed           a run repeats exactly on one device
    start          a state to go on from; its picture is taken. Whatever else was the same gives what an uninterrupted
                   run would have given. Or a photograph to begin with in place of noise, (C, H, W) or (B, C, H, W),
                   values 0…1: the middle of it, scaled to the size of ``picture``

    Yields OptimizationState after every step. Stop when you like.
    Raises UserError at once for layers, channels and classes that are not there and for lists that do not go with the
    batch; then for a picture that is too small for the network or too large for the memory, a loss that is not finite,
    or a dead unit. A batch that does not fit into memory goes through the network in pieces, with the same gradient; a
    network that takes no pictures of this size sees them without the border that transforms add, or resized.

        last(optimize(load_network("mini"), objectives.channel("conv4", 7), steps=64)).values
    """
    rule, generator = chosen(optimizer), torch.Generator()
    with _our_own_mode(network):
        if start is None or isinstance(start, Tensor):
            generator.manual_seed(seed)
            form = (picture or fourier()).begin(network, generator)
            with naming("start"):
                begun = form.start if start is None else _written(as_picture("start", start), form, network)
            done, parameters, memory, kept = 0, begun, None, {}
        elif not isinstance(start, OptimizationState):
            raise UserError(
                f"start must be a state or a photograph, as cnnviz.load_image returns it, not {type(start).__name__}."
            )
        else:
            generator.set_state(start.generator)
            form, done, parameters, kept = start.form, start.step, start.parameters, start.snapshots
            memory = start.memory if start.optimizer == rule else None
        pictures = form.decode(*parameters).detach()
        bound = objective.bind(network, len(pictures))
    steps = whole_number("steps", steps, done + 1, where=f"({done} are done)" if done else "")
    wanted = {whole_number("snapshots", one, 1, steps) for one in snapshots}
    if after and form.encode is None:
        raise UserError("after must be empty for this picture: it cannot be written down again once it is changed.")

    def rate(step: int) -> float:
        if not callable(learning_rate):
            return learning_rate
        with somebodys("learning_rate"):
            return float(learning_rate(step))

    nothing = pictures.new_tensor([*network.mean, 0.0][: pictures.shape[1]])[:, None, None]

    def moved(step: int, climbed: _Climb) -> tuple[Tensors, Memory]:
        size = rate(step)
        with somebodys("optimizer"):
            new, later = rule(parameters, climbed.slopes, memory, size)
        new = form.project(new)
        if after:
            pictures = form.decode(*new)
            for operator in after:
                pictures = operator(Update(step, pictures, climbed.gradient, nothing))
            new = form.project(form.encode(pictures))
        if not (climbed.finite and all(one.sum().isfinite() for one in new)):
            raise UserError(
                f"the loss is not finite (NaN or infinity) at step {step}: the picture of step {step - 1} is the "
                "last good one; a smaller learning_rate may help."
            )
        return new, later

    sight = Sight(network, bound, len(pictures), tuple(pictures.shape[-2:]))

    def climbed_from(parameters: Tensors, drawn: Tensor, waking: bool = False) -> _Climb:
        while True:
            generator.set_state(drawn)
            try:
                return _climb(network, bound, sight, form, parameters, transforms, gradient, generator, waking)
            except Exception as error:
                if not sight.adapted(error):
                    raise

    def states() -> Iterator[OptimizationState]:
        nonlocal parameters, memory, kept
        alive = not (bound.layers or bound.output)
        for step in range(done + 1, steps + 1):
            with _our_own_mode(network):
                drawn = generator.get_state()
                climbed = climbed_from(parameters, drawn)
                if step <= WAKING and not all(climbed.reached()):
                    climbed = climbed_from(parameters, drawn, waking=True)
                alive = alive or any(climbed.reached())
                if not alive and step == min(WAKING, steps):
                    raise UserError(
                        f"nothing comes back from {objective!r}: the unit is dead for this picture; try another seed "
                        f"than {seed}, or start=photo, a photograph to begin with."
                    )
                parameters, memory = moved(step, climbed)
            state = OptimizationState(
                step, steps, climbed.terms, kept, repr(objective), parameters, form, rule, memory,
                generator.get_state(), alpha=pictures.shape[1] > network.channels,
            )  # fmt: skip
            if step in wanted:
                kept = kept | {step: state.values}
                state = replace(state, snapshots=kept)
            yield state

    return states()


def _written(photo: Tensor, form: Form, network: Network) -> Tensors:
    """The parameters of a photograph: its middle, in the size of the picture."""
    if form.encode is None:
        raise UserError("start must be a state for this picture: no photograph can be written down in its parameters.")
    noise = form.decode(*form.start)
    count, channels, height, width = noise.shape
    photos = network.prepare(photo, resize=False).to(noise)
    if len(photos) not in (1, count):
        raise UserError(f"start must be one photograph{f' or {count} of them' * (count > 1)}, not {len(photos)}.")
    tall, wide = photos.shape[-2:]
    middle = [max(1, min(tall, round(wide * height / width))), max(1, min(wide, round(tall * width / height)))]
    photos = resize(center_crop(photos, middle), (height, width)).clamp(0, 1).expand(count, -1, -1, -1)
    opaque = torch.ones_like(photos[:, : channels - network.channels])
    return form.project(form.encode(torch.cat([photos, opaque], 1)))


def _our_own_mode(network: Network) -> AbstractContextManager:
    """Whatever mode the caller is in."""
    return guarded(*callers_modes_off(network.device), torch.no_grad())


class _Climb(NamedTuple):
    """The way up from one picture, and what was seen there.

    slopes    of the objective, by the parameters
    gradient  by the pixels, after the operators
    finite    whether every term is
    signal    that came back through the network, by its input; None if nothing went there
    """

    slopes: Tensors
    gradient: Tensor
    terms: dict[str, float]
    finite: bool
    signal: Tensor | None

    def reached(self) -> list[bool]:
        """For each picture, whether anything came back."""
        return [] if self.signal is None else self.signal.flatten(1).any(1).tolist()


def _climb(
    network: Network,
    bound: Bound,
    sight: Sight,
    form: Form,
    parameters: Tensors,
    transforms: Sequence[Transform],
    operators: Sequence[Gradient],
    generator: torch.Generator,
    waking: bool,
) -> _Climb:
    signals: list[Tensor] = []
    with guarded(way_back(network), quick_way_back(network.module)):
        leaves = tuple(one.detach().requires_grad_() for one in parameters)
        decoded = form.decode(*leaves)
        pictures = decoded.detach().requires_grad_()
        colors, alpha = pictures, None
        if pictures.shape[1] > network.channels:
            colors, alpha = pictures.tensor_split([network.channels], 1)
        logits, values, in_pieces = None, {}, False
        if bound.layers or bound.output:
            shown = colors if alpha is None else over_colors(colors, alpha, generator)
            moved = sight.fitted(apply(transforms, shown, generator))
            batch = network.quickest(network.normalize(moved))
            in_pieces = len(batch) > sight.at_once
            if in_pieces:
                logits, values = sight.in_pieces(batch)
            else:
                batch.register_hook(signals.append)
                logits, values = sight.forward(batch, grad=True, waking=waking)
        terms = bound(Seen(colors, alpha, values, logits))
        sums = torch.stack([value.sum() for value in terms.values()])
        if not sums.requires_grad:
            raise UserError("objective must depend on the picture, differentiably: it has no gradient.")
        ends = [*all_of((logits, values))] if in_pieces else []
        gradient, *slopes = torch.autograd.grad(sums.sum(), [pictures, *ends], materialize_grads=True)
        if in_pieces:
            signals.append(sight.back(batch, slopes, waking=waking))
            gradient = gradient + torch.autograd.grad(batch, pictures, signals[0])[0]
        for operator in operators:
            gradient = operator(gradient)
        slopes = torch.autograd.grad(decoded, leaves, gradient)
    numbers = sums.tolist()
    return _Climb(
        slopes, gradient, dict(zip(terms, numbers, strict=True)), all(map(isfinite, numbers)), *signals or [None]
    )

"""The optimization loop: gradient ascent on a picture. Every technique that makes pictures is a preset of it.

A step: the parameters are decoded to a picture, transforms are applied, a forward pass stops at the deepest layer that
the objective reads, the gradient is propagated back to the parameters, and the optimizer moves them. Nothing is changed
in place: every state that was yielded stays valid, and a run can go on from it.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
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
from cnnviz_widgets.engine.optimize.network_passes import NetworkPasses, all_of
from cnnviz_widgets.engine.optimize.objectives import BoundObjective, Objective, fingerprint
from cnnviz_widgets.engine.optimize.operators import After, Gradient, Update
from cnnviz_widgets.engine.optimize.optimizers import AnyOptimizer, Memory, Optimizer, chosen
from cnnviz_widgets.engine.optimize.parametrizations import Form, Parametrization, Tensors, fourier
from cnnviz_widgets.engine.optimize.smoothing import resize
from cnnviz_widgets.engine.optimize.transforms import Transform, apply, over_colors
from cnnviz_widgets.errors import UserError, naming
from cnnviz_widgets.gate import OWN, Positive, Range, Rate, Seed, gate
from cnnviz_widgets.networks import Network
from cnnviz_widgets.pictures.given import as_picture
from cnnviz_widgets.renamed import Old
from cnnviz_widgets.runtime.device import callers_modes_off
from cnnviz_widgets.runtime.interrupts import guarded

MOST_SAMPLES = 64  # of a step, all of them in one batch
EXPLOSION = 10  # times the loss of the step before: what an optimizer remembers has led astray
REDIRECTED = 16  # the first steps, in which ReLUs that block the whole gradient redirect it


@dataclass(frozen=True, eq=False, repr=False)
class OptimizationState(Result):
    """The state of an optimization after a step.

    step, total   steps done, and all of them
    terms         by term, its value times its weight, summed over the pictures of a batch: before this step moved the
                  picture, under this step's transforms
    snapshots     step -> picture, of the steps that were asked for, as far as they are done
    of            the objective, as a formula
    alpha         whether the pictures' last channel is their opacity
    each          by term, the same for every sample and picture: (samples, B)
    logits        what the network answered to them, (samples, B, outputs), if the objective reads it, else None
    key           of the objective, where what the optimizer remembers is of one alone: the same for those made alike
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
    key: str = ""
    each: dict[str, Tensor] = field(default_factory=dict)
    logits: Tensor | None = None
    convention: str = "picture, values 0…1"
    optimiser = Old("optimizer")

    @property
    def loss(self) -> float:
        """Minus the objective."""
        return -sum(self.terms.values())

    @cached_property
    def values(self) -> Tensor:
        """(C, H, W) on the CPU, 0…1, or (B, C, H, W) for a batch; with alpha, C is one more. Made when asked for."""
        with guarded(*callers_modes_off(self.parameters[0].device), torch.no_grad()):
            show = self.form.show or self.form.decode
            pictures = show(*self.parameters).detach().clamp(0, 1).cpu()
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
    samples: Annotated[int, Range(1, MOST_SAMPLES)] = 1,
    optimizer: AnyOptimizer = "adam",
    learning_rate: Rate | Callable[[int], float] = 0.05,
    gradient: Sequence[Gradient] = (),
    after: Sequence[After] = (),
    snapshots: Sequence[int] = (),
    seed: Seed = 0,
    start: Annotated[OptimizationState | Tensor | None, OWN] = None,
) -> Iterator[OptimizationState]:
    """Gradient ascent on a picture: make ``objective`` as large as possible, from noise or from a given start.

    objective      what is maximized: terms of ``objectives``, such as ``logit("goose") - 1e-3 * l2()``
    picture        one of ``parametrizations``; None = ``fourier()`` of the network's own size
    transforms     random transforms before the network, in order: see ``transforms``
    steps          in all, those of ``start`` included
    samples        draws of the transforms in every step: the objective is the mean over them, in one batch
    optimizer      "adam", "sgd", "normalized" (steps of equal length), "signed", "lbfgs", or one of ``optimizers``
    learning_rate  a number, or a function of the step, from 1
    gradient       operators on the gradient with respect to the picture: see ``operators``
    after          operators on the picture after a step
    snapshots      steps whose pictures all later states keep
    seed           a run repeats exactly on one device
    start          a state to go on from: its picture, its step and its random numbers; ``picture`` and ``seed`` do not
                   count then. All other arguments may differ from those that the state was made with: they hold from
                   the next step on, so that weights, layers and masks steer the picture that is there. Where none
                   differs, the result is that of an uninterrupted run. Or a photograph to
                   begin with in place of noise, (C, H, W) or (B, C, H, W), values 0…1: its middle, scaled to the size
                   of ``picture``

    Yields OptimizationState after every step.
    Raises UserError at once for layers, channels and classes that do not exist and for lists that do not match the
    batch; later for a picture that is too small for the network or too large for the memory, a loss that is not finite,
    or a dead unit. A batch that does not fit into memory goes through the network in pieces, with the same gradient. A
    network that does not accept this size gets the pictures without the border that transforms add, or resized.

        last(optimize(load_network("mini"), objectives.channel("conv4", 7), steps=64)).values
    """
    rule, generator = chosen(optimizer), torch.Generator()
    for_one_objective = getattr(rule, "for_one_objective", False)
    key = fingerprint(objective) if for_one_objective else ""  # it reads every picture and mask
    with _our_own_mode(network):
        if start is None or isinstance(start, Tensor):
            generator.manual_seed(seed)
            form = (picture or fourier()).begin(network, generator)
            with naming("start"):
                begun = form.start if start is None else _written(as_picture("start", start), form, network)
            done, parameters, memory, kept, loss = 0, begun, None, {}, 0.0
        elif not isinstance(start, OptimizationState):
            raise UserError(
                f"start must be a state or a photograph, as cnnviz.load_image returns it, not {type(start).__name__}."
            )
        else:
            generator.set_state(start.generator)
            form, done, parameters, kept, loss = start.form, start.step, start.parameters, start.snapshots, start.loss
            useful = start.optimizer == rule and start.key == key
            memory = start.memory if useful else None
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

    mean_color = pictures.new_tensor([*network.mean, 0.0][: pictures.shape[1]])[:, None, None]

    def moved(step: int, found: _Evaluation) -> tuple[Tensors, Memory]:
        size = rate(step)
        with somebodys("optimizer"):
            step_of = rule.seeing(found.values, form.project) if hasattr(rule, "seeing") else rule
            new, later = step_of(parameters, found.gradients, memory, size)
        new = form.project(new)
        if after and form.encode:
            pictures = form.decode(*new)
            for operator in after:
                pictures = operator(Update(step, pictures, found.picture_gradient, mean_color))
            new = form.project(form.encode(pictures))
        if not (found.finite and all(one.sum().isfinite() for one in new)):
            raise UserError(
                f"the loss is not finite (NaN or infinity) at step {step}: the picture of step {step - 1} is the "
                "last good one; a smaller learning_rate may help."
            )
        return new, later

    height, width = pictures.shape[-2:]
    packs = steps - done > 1 and not form.wakes  # only attacks: others may start from a picture whose loss is exactly 0
    passes = NetworkPasses(network, bound, len(pictures) * samples, (height, width), packs)

    def evaluated(parameters: Tensors, drawn: Tensor, asleep: _Evaluation | None = None) -> _Evaluation:
        while True:
            generator.set_state(drawn)
            try:
                return _evaluate(
                    network, bound, passes, form, parameters, transforms, samples, gradient, generator, asleep
                )
            except Exception as error:
                if not passes.adapted(error):
                    raise

    def states() -> Iterator[OptimizationState]:
        nonlocal parameters, memory, kept, loss
        alive = bound.shown or not (bound.layers or bound.output)
        for step in range(done + 1, steps + 1):
            with _our_own_mode(network):
                drawn = generator.get_state()
                found = evaluated(parameters, drawn)
                if form.wakes and step <= REDIRECTED and not all(found.nonzero()):
                    found = evaluated(parameters, drawn, asleep=found)
                alive = alive or any(found.nonzero()) or (bound.distance and not any(found.terms.values()))
                if not alive and step == min(REDIRECTED, steps):
                    raise UserError(f"the gradient of {objective!r} is zero: {_why(form, seed)}.")
                before, loss = loss, -sum(found.terms.values())
                if for_one_objective and loss > EXPLOSION * before > 0:
                    memory = None
                parameters, memory = moved(step, found)
            state = OptimizationState(
                step, steps, found.terms, kept, repr(objective), parameters, form, rule, memory,
                generator.get_state(), pictures.shape[1] > network.channels, key, found.each, found.logits,
            )  # fmt: skip
            if step in wanted:
                kept = kept | {step: state.values}
                state = replace(state, snapshots=kept)
            yield state

    return states()


def _why(form: Form, seed: int) -> str:
    """There is no gradient."""
    if form.wakes:
        other = f"try another seed than {seed}, or start=photo, a photograph to begin with"
        return f"the unit is dead for this picture; {other}"
    return "the network masks it, or its output is saturated; margin(…) reads the logits themselves"


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


class _Evaluation(NamedTuple):
    """The objective at one picture, and its gradients.

    gradients         by the parameters
    picture_gradient  by the pixels, after the operators
    terms, each       their sums over the pictures, and their values (samples, B)
    finite            whether every term is
    logits            (samples, B, outputs), None where the objective does not read them
    input_gradient    by the input of the network, (samples * B, …); None where the objective does not need the network
    """

    gradients: Tensors
    picture_gradient: Tensor
    terms: dict[str, float]
    each: dict[str, Tensor]
    finite: bool
    logits: Tensor | None
    input_gradient: Tensor | None

    @property
    def values(self) -> Tensor:
        """(B,): the objective of each picture."""
        return torch.stack([one.mean(0) for one in self.each.values()]).sum(0)

    def nonzero(self) -> list[bool]:
        """For each picture, whether the network gave it any gradient."""
        return [] if self.input_gradient is None else self._awake().any(0).tolist()

    def awake(self) -> Tensor:
        """(samples * B, 1, 1, 1): for each input, whether the network gave its picture any gradient."""
        of_pictures = self._awake()
        return of_pictures.any(0).expand_as(of_pictures).reshape(-1, 1, 1, 1)

    def _awake(self) -> Tensor:
        assert self.input_gradient is not None
        return self.input_gradient.flatten(1).any(1).unflatten(0, (-1, len(self.picture_gradient)))


def _evaluate(
    network: Network,
    bound: BoundObjective,
    passes: NetworkPasses,
    form: Form,
    parameters: Tensors,
    transforms: Sequence[Transform],
    samples: int,
    operators: Sequence[Gradient],
    generator: torch.Generator,
    asleep: _Evaluation | None,
) -> _Evaluation:
    """asleep   the same without redirected gradients: the pictures that have none there get them here."""
    input_gradients: list[Tensor] = []
    redirect = asleep is not None

    def woken(slope: Tensor) -> Tensor:
        if asleep is not None and asleep.input_gradient is not None:
            slope = torch.where(asleep.awake(), asleep.input_gradient, slope)
        input_gradients.append(slope)
        return slope

    kernels = passes.kernels
    with guarded(way_back(network), quick_way_back(network.module, kernels)):
        leaves = tuple(one.detach().requires_grad_() for one in parameters)
        decoded = form.decode(*leaves)
        pictures = decoded.detach().requires_grad_()
        colors, alpha = pictures, None
        if pictures.shape[1] > network.channels:
            colors, alpha = pictures.tensor_split([network.channels], 1)
        logits: Tensor | None = None
        values: dict[str, Tensor] = {}
        moved: Tensor | None = None
        in_pieces = False
        if bound.layers or bound.output or bound.shown:
            drawn = []
            for _ in range(samples):
                shown = colors if alpha is None else over_colors(colors, alpha, generator)
                drawn.append(apply(transforms, shown, generator))
            moved = passes.fitted(torch.cat(drawn) if samples > 1 else drawn[0])
        if moved is not None and (bound.layers or bound.output):
            batch = network.quickest(network.normalize(moved), kernels=bool(kernels))
            in_pieces = len(batch) > passes.at_once
            if in_pieces:
                logits, values = passes.in_pieces(batch)
            else:
                batch.register_hook(woken)
                logits, values = passes.forward(batch, grad=True, redirect=redirect)
        terms = bound.of_samples(colors, alpha, values, logits, moved, samples)
        sums = torch.stack([value.mean(0).sum() for value in terms.values()])
        if not sums.requires_grad:
            raise UserError("objective must depend on the picture, differentiably: it has no gradient.")
        ends = [*all_of((logits, values))] if in_pieces else []
        gradient, *gradients = torch.autograd.grad(sums.sum(), [pictures, *ends], materialize_grads=True)
        if in_pieces:
            input_gradient = woken(passes.backward(batch, gradients, redirect=redirect))
            gradient = gradient + torch.autograd.grad(batch, pictures, input_gradient)[0]
        for operator in operators:
            gradient = operator(gradient)
        by_parameters = torch.autograd.grad(decoded, leaves, gradient)
    numbers = sums.tolist()
    return _Evaluation(
        by_parameters,
        gradient,
        dict(zip(terms, numbers, strict=True)),
        {name: value.detach() for name, value in terms.items()},
        all(map(isfinite, numbers)),
        None if logits is None else logits.detach().unflatten(0, (samples, -1)),
        input_gradients[0] if input_gradients else None,
    )

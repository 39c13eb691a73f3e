"""The training loop: gradient descent on the weights of a module. Every technique that trains is a preset of it.

A step: losses of the module as it is are differentiated, an optimizer moves the weights, and a state is yielded.
Weights are replaced, never written to, so that every state stays what it was and a run can go on from it.
"""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, distributed, nn

from cnnviz_widgets.drawing.render import Content
from cnnviz_widgets.drawing.results import Result, rgb
from cnnviz_widgets.engine.optimize.optimizers import Memory, Optimizer, adam
from cnnviz_widgets.engine.schedules import faded
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import Range, came
from cnnviz_widgets.runtime.device import callers_modes_off
from cnnviz_widgets.runtime.interrupts import guarded

Losses = Mapping[str, Tensor]  # by term, times its weight: their sum is made small
Rate = float | Callable[[int], float]  # of learning; a function of the step, from 1
Weights = dict[str, Tensor]
Steps = Annotated[int, Range(1, 10**6)]


class Goal(NamedTuple):
    """What is made small, and which weights are moved for it.

    losses  (the module in training mode, random numbers, the step from 1) -> Losses
    part    the submodule that is moved, such as "generator"; "" = all of the module
    """

    losses: Callable[[Any, torch.Generator, int], Losses]
    part: str = ""


@dataclass(frozen=True, eq=False, repr=False)
class TrainingState(Result):
    """The state of a training after a step.

    step, total  steps done, and all of them
    losses       by term, its value times its weight, before this step moved the weights
    weights      parameters and buffers by name; later steps do not change them
    average      the running average of the weights, where one is kept: then that is what has been trained
    The rest is what the training goes on from: ``start=state``, or the path of a file that ``save`` has written.
    """

    step: int
    total: int
    losses: dict[str, float]
    weights: Weights
    average: Weights | None
    memory: dict[str, Memory]
    generator: Tensor
    module: nn.Module
    view: Callable[[nn.Module], Tensor]
    of: str = "training"
    convention: str = "pictures of what is trained, values 0…1"

    @property
    def loss(self) -> float:
        return sum(self.losses.values())

    @cached_property
    def network(self) -> Any:
        """The module with these weights, in evaluation mode; its weights are frozen."""
        network = deepcopy(self.module)
        network.load_state_dict(self.average or self.weights)
        return network.eval().requires_grad_(False)

    @cached_property
    def preview(self) -> Tensor:
        """(B, C, H, W), 0…1, on the CPU: what the network makes now. Made when asked for."""
        with guarded(*callers_modes_off(next(iter(self.weights.values())).device), torch.no_grad()):
            return self.view(self.network).detach().float().clamp(0, 1).cpu()

    @property
    def values(self) -> Tensor:
        return self.preview

    def content(self) -> Content:
        terms = ", ".join(f"{name} {value:.3g}" for name, value in self.losses.items())
        return Content(picture=rgb(self.preview), caption=f"{self.of}, step {self.step} of {self.total}: {terms}")

    def save(self, path: str | os.PathLike, beside: Any = None) -> None:
        """All that a training goes on from exactly, as safetensors; the file appears when it is whole.

        beside  what else is to be kept: dictionaries and tuples of tensors, numbers and words; see ``saved_beside``
        """
        tensors: Weights = {}
        parts = {"weights": self.weights, "average": self.average, "memory": self.memory, "generator": self.generator}
        parts |= {"beside": beside}
        layout = _taken_apart(parts, tensors)
        about = {"layout": layout, "step": self.step, "total": self.total, "losses": self.losses, "of": self.of}
        partial = Path(f"{os.fspath(path)}.partial")
        save_file(tensors, partial, {"training": json.dumps(about)})
        partial.replace(path)


def train(
    module: nn.Module,
    goals: Callable[[Any, torch.Generator, int], Losses] | tuple[Goal, ...],
    view: Callable[[nn.Module], Tensor],
    *,
    steps: int,
    optimizer: Optimizer = adam,
    learning_rate: Rate = 1e-3,
    average: float | None = None,
    seed: int = 0,
    start: TrainingState | str | os.PathLike | None = None,
    of: str = "training",
) -> Iterator[TrainingState]:
    """Train a copy of ``module``; the module itself stays as it is.

    goals          the losses of all of the module; or several goals, which are pursued in turn in every step, as those
                   of a discriminator and of a generator
    view           what is shown of the network: module -> pictures (B, C, H, W), values 0…1
    steps          in all, those of ``start`` included
    optimizer      as for pictures, see ``optimizers``; it climbs, so that it gets the gradient of minus the loss
    learning_rate  a number, or a function of the step, from 1
    average        the share of itself that a running average of the weights keeps in a step; None = none is kept
    seed           of all that is drawn in the losses
    start          a state of the same training, or the path of one that was saved: the result is that of an
                   uninterrupted run
    Yields TrainingState after every step. Where torch.distributed is set up, gradients are averaged over all processes:
    see ``share``.
    Raises UserError at once for a start that is of another module; later for a loss that is not finite.
    """
    goals = goals if isinstance(goals, tuple) else (Goal(goals),)
    trained = deepcopy(module).train().requires_grad_()
    parameters, generator = dict(trained.named_parameters()), torch.Generator().manual_seed(seed)
    done, memory = 0, dict[str, Memory]()
    kept = None if average is None else _copied(trained.state_dict())
    if start is not None:
        begun = start if isinstance(start, TrainingState) else _read(start, module, view)
        check_start(begun, trained, steps)
        trained.load_state_dict(begun.weights)
        generator.set_state(begun.generator.cpu())
        done, memory, kept = begun.step, begun.memory, begun.average
    template = deepcopy(module).requires_grad_(False)
    where = next(iter(parameters.values())).device

    def states() -> Iterator[TrainingState]:
        nonlocal memory, kept
        for step in range(done + 1, steps + 1):
            losses: dict[str, float] = {}
            with guarded(*callers_modes_off(where), torch.enable_grad()):
                for goal in goals:
                    moved = {k: p for k, p in parameters.items() if k.startswith(goal.part)}
                    found = goal.losses(trained, generator, step)
                    loss = torch.stack([*found.values()]).sum()
                    gradients = torch.autograd.grad(loss, [*moved.values()], materialize_grads=True)
                    losses |= {name: float(value.detach()) for name, value in found.items()}
                    climb = tuple(one.neg() for one in average_over_processes(gradients))
                    rate = learning_rate(step) if callable(learning_rate) else learning_rate
                    old = tuple(one.detach() for one in moved.values())
                    new, later = optimizer(old, climb, memory.get(goal.part), rate)
                    memory = memory | {goal.part: later}
                    for parameter, value in zip(moved.values(), new, strict=True):
                        parameter.data = value
            weights = {name: one.detach() for name, one in trained.state_dict().items()}
            buffers = dict(trained.named_buffers())
            weights |= {name: weights[name].clone() for name in buffers}  # those are written to, as by BatchNorm
            if not all(one.isfinite().all() for one in weights.values()):
                raise UserError(
                    f"the loss is not finite (NaN or infinity) at step {step}: the state of step {step - 1} is the "
                    "last good one; a smaller learning_rate may help."
                )
            if kept is not None and average is not None:
                kept = {
                    name: old.lerp(weights[name], 1 - average) if old.is_floating_point() else weights[name]
                    for name, old in kept.items()
                }
            yield TrainingState(
                step, steps, losses, weights, kept, memory, generator.get_state(), template, view, of
            )  # fmt: skip

    return states()


def from_scratch(
    make: Callable[[], nn.Module],
    losses: Callable[[Any, torch.Generator, int], Losses],
    view: Callable[[nn.Module], Tensor],
    *,
    where: torch.device,
    steps: int,
    learning_rate: float,
    seed: int,
    start: Any,
    of: str,
) -> Iterator[TrainingState]:
    """``train`` of a new module on a device: a seed draws its first weights, too, and the learning rate falls to 0."""
    begun, rate = initialized(make, seed).to(where), falling(learning_rate, steps)
    return train(begun, losses, view, steps=steps, learning_rate=rate, seed=seed, start=start, of=of)


def falling(rate: float, steps: int) -> Rate:
    """A learning rate that falls to 0 along a cosine (Loshchilov & Hutter, 2017)."""
    return lambda step: rate * faded((step - 1) / steps)


def initialized(make: Callable[[], nn.Module], seed: int) -> nn.Module:
    """A new module whose first weights are drawn with a seed; torch's own random numbers go on as if none had been."""
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        return make()


def share(drawn: Tensor) -> Tensor:
    """Of what all processes have drawn alike for a joint batch, the part of this one; all of it, if it is alone.

    UserError where it cannot be divided evenly.
    """
    if not _together():
        return drawn
    count = distributed.get_world_size()
    if len(drawn) % count:
        raise UserError(f"batch must be a multiple of {count}, the number of processes, not {len(drawn)}.")
    return drawn.chunk(count)[distributed.get_rank()]


def average_over_processes(tensors: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """The mean over all processes; the tensors themselves, if there is one process."""
    if not _together():
        return tensors
    flat = torch.cat([one.flatten() for one in tensors])
    distributed.all_reduce(flat)
    pieces = (flat / distributed.get_world_size()).split([one.numel() for one in tensors])
    return tuple(piece.view_as(one) for piece, one in zip(pieces, tensors, strict=True))


def _together() -> bool:
    return distributed.is_available() and distributed.is_initialized()


def check_start(start: Any, module: nn.Module, steps: int) -> None:
    """UserError unless ``start`` is a state of a training of such a module that has steps left."""
    if not isinstance(start, TrainingState):
        raise UserError(f"start must be a state of a training, or the path of a saved one, not {came(start)}.")
    shapes, wanted = ({k: v.shape for k, v in one.items()} for one in (start.weights, module.state_dict()))
    if shapes != wanted:
        raise UserError("start must be a state of the same kind of network: its weights have other names or shapes.")
    if start.step >= steps:
        raise UserError(f"steps must be more than the {start.step} that start has done, not {steps}.")


def saved_beside(path: Any) -> Any:
    """What was saved beside a training."""
    return _opened(path, torch.device("cpu"))[1].get("beside")


def _read(path: Any, module: nn.Module, view: Callable[[nn.Module], Tensor]) -> TrainingState:
    """A state that was saved."""
    about, parts = _opened(path, next(module.parameters()).device)
    template = deepcopy(module).requires_grad_(False)
    return TrainingState(
        about["step"], about["total"], about["losses"], parts["weights"], parts["average"], parts["memory"],
        parts["generator"], template, view, about["of"],
    )  # fmt: skip


def _opened(path: Any, where: torch.device) -> tuple[dict[str, Any], dict[str, Any]]:
    """What is said of a saved training, and its parts."""
    if not isinstance(path, str | os.PathLike):
        raise UserError(f"start must be a state of a training, or the path of a saved one, not {came(path)}.")
    try:
        with safe_open(path, framework="pt") as file:
            about = json.loads((file.metadata() or {})["training"])
            tensors = {name: file.get_tensor(name).to(where) for name in file.keys()}  # noqa: SIM118
            return about, _put_together(about["layout"], tensors)
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        raise UserError(f"start {came(os.fspath(path))} is not the file of a saved training.") from error


def _copied(weights: Weights) -> Weights:
    return {name: one.detach().clone() for name, one in weights.items()}


def _taken_apart(value: Any, tensors: Weights) -> Any:
    """What JSON can hold of nested dicts and tuples, with the tensors, by number, in ``tensors``."""
    if isinstance(value, Tensor):
        tensors[str(len(tensors))] = value.cpu().clone(memory_format=torch.contiguous_format)  # of its own
        return {"tensor": str(len(tensors) - 1)}
    if isinstance(value, dict):
        return {"dict": {name: _taken_apart(one, tensors) for name, one in value.items()}}
    if isinstance(value, tuple):
        return [_taken_apart(one, tensors) for one in value]
    return value


def _put_together(layout: Any, tensors: Weights) -> Any:
    """The inverse of ``_taken_apart``."""
    if isinstance(layout, list):
        return tuple(_put_together(one, tensors) for one in layout)
    if isinstance(layout, dict):
        ((kind, value),) = layout.items()
        return tensors[value] if kind == "tensor" else {k: _put_together(v, tensors) for k, v in value.items()}
    return layout

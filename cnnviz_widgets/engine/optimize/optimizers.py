"""Optimizers as pure functions: (parameters, gradients, memory, learning rate) -> (new parameters, new memory).

Nothing is changed in place, so a state that was yielded stays valid, and a run that goes on from it is exact.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import ceil
from typing import Annotated, Any, ClassVar, Literal, NamedTuple

import torch
from torch import Tensor

from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import Positive, Range, Share, gate
from cnnviz_widgets.renamed import module_getattr

Tensors = tuple[Tensor, ...]
Memory = Any  # None before the first step
Optimizer = Callable[[Tensors, Tensors, Memory, float], tuple[Tensors, Memory]]  # the float is the learning rate


def adam(parameters: Tensors, gradients: Tensors, memory: Memory, rate: float) -> tuple[Tensors, Memory]:
    """Adam with its usual constants 0.9, 0.999 and 1e-8 (Kingma & Ba, 2015)."""
    count, means, squares = memory or (0, *[tuple(map(torch.zeros_like, gradients))] * 2)
    count += 1
    means = tuple(m.lerp(g, 0.1) for m, g in zip(means, gradients, strict=True))
    squares = tuple((0.999 * s).addcmul_(g, g, value=0.001) for s, g in zip(squares, gradients, strict=True))
    size, root = rate / (1 - 0.9**count), (1 - 0.999**count) ** 0.5
    moved = (
        p.addcdiv(m, s.sqrt().div_(root).add_(1e-8), value=size)
        for p, m, s in zip(parameters, means, squares, strict=True)
    )
    return tuple(moved), (count, means, squares)


@gate
def sgd(momentum: Share = 0.0) -> Optimizer:
    """Gradient ascent: ``v ← momentum · v + gradient``, ``x ← x + rate · v``."""
    return _Sgd(momentum)


@dataclass(frozen=True)
class _Sgd:
    momentum: float

    def __call__(self, parameters: Tensors, gradients: Tensors, memory: Memory, rate: float) -> tuple[Tensors, Memory]:
        if memory is not None:
            gradients = tuple(g.add(v, alpha=self.momentum) for g, v in zip(gradients, memory, strict=True))
        moved = tuple(p.add(g, alpha=rate) for p, g in zip(parameters, gradients, strict=True))
        return moved, gradients if self.momentum else None


def normalized(parameters: Tensors, gradients: Tensors, memory: Memory, rate: float) -> tuple[Tensors, Memory]:
    """Steps of equal length along ``g / ‖g‖``: the root mean square of the change in each picture is ``rate``."""
    return tuple(p.add(g / _rms(g), alpha=rate) for p, g in zip(parameters, gradients, strict=True)), None


def signed(parameters: Tensors, gradients: Tensors, memory: Memory, rate: float) -> tuple[Tensors, Memory]:
    """Steps of the signs of the gradient: every value moves by ``rate``, as in FGSM (Goodfellow et al., 2015)."""
    return tuple(p.add(g.sign(), alpha=rate) for p, g in zip(parameters, gradients, strict=True)), None


@gate
def sparse(share: Annotated[float, Range(above=0, most=1)] = 0.01) -> Optimizer:
    """Steps of the signs of the greatest ``share`` of the gradient of each picture alone (Tramèr & Boneh, 2019).

    They are as long as ``rate`` says in the norm "l1", in which they are steep.
    """
    return _Sparse(share)


@dataclass(frozen=True)
class _Sparse:
    share: float

    def __call__(self, parameters: Tensors, gradients: Tensors, memory: Memory, rate: float) -> tuple[Tensors, Memory]:
        return tuple(p.add(self._greatest(g), alpha=rate) for p, g in zip(parameters, gradients, strict=True)), None

    def _greatest(self, gradient: Tensor) -> Tensor:
        flat = gradient.flatten(1)
        count = max(1, round(self.share * flat.shape[1]))
        at = flat.abs().topk(count, dim=1).indices
        return torch.zeros_like(flat).scatter(1, at, flat.gather(1, at).sign() / count).view_as(gradient)


@gate
def auto_pgd(steps: Annotated[int, Range(1, 10**9)]) -> Optimizer:
    """Signed steps with momentum, halved where they lead no further, in a run of so many (Croce & Hein, 2020).

    The learning rate is the first step, twice the bound. At checkpoints, every picture for itself goes back to the best
    that it was, with half the step, where its objective rose in less than 3 of 4 steps, or where it has not been better
    since the checkpoint before, with the same step.
    """
    shares, gap = [0.0, 0.22], 0.22
    while shares[-1] < 1:
        gap = max(gap - 0.03, 0.06)
        shares.append(shares[-1] + gap)
    return _AutoPgd(tuple(ceil(share * steps) for share in shares))


class _Way(NamedTuple):
    """What AutoPGD remembers; numbers are (B, 1, 1, 1), one a picture."""

    done: int
    before: Tensor
    value: Tensor
    rises: Tensor
    size: Tensor
    best: Tensor
    best_gradient: Tensor
    best_value: Tensor
    size_then: Tensor
    best_then: Tensor


@dataclass(frozen=True)
class _AutoPgd:
    checkpoints: tuple[int, ...]

    def seeing(self, values: Tensor, project: Callable[[Tensors], Tensors]) -> Optimizer:
        """The same for a step whose pictures have these values of the objective, (B,)."""
        return partial(self._step, values.view(-1, 1, 1, 1), project)

    def __call__(self, parameters: Tensors, gradients: Tensors, memory: Memory, rate: float) -> tuple[Tensors, Memory]:
        raise UserError("optimizer auto_pgd needs the values of the objective, which optimize gives it.")

    def _step(
        self,
        value: Tensor,
        project: Callable[[Tensors], Tensors],
        parameters: Tensors,
        gradients: Tensors,
        memory: Memory,
        rate: float,
    ) -> tuple[Tensors, Memory]:
        (x,), (gradient,) = parameters, gradients
        if memory is None:
            size = torch.full_like(value, rate)
            way = _Way(0, x, value, torch.zeros_like(value), size, x, gradient, value, size, value)
        else:
            way = self._judged(memory, x, gradient, value)
        if way.done in self.checkpoints[1:]:
            way, x, gradient = self._halved(way, x, gradient)
        (ahead,) = project((x + way.size * gradient.sign(),))
        weight = 0.75 if memory is not None else 1.0
        moved = x + weight * (ahead - x) + (1 - weight) * (x - way.before)
        return (moved,), way._replace(done=way.done + 1, before=x, value=value)

    @staticmethod
    def _judged(way: _Way, x: Tensor, gradient: Tensor, value: Tensor) -> _Way:
        better = value > way.best_value
        return way._replace(
            rises=way.rises + (value > way.value),
            best=torch.where(better, x, way.best),
            best_gradient=torch.where(better, gradient, way.best_gradient),
            best_value=torch.where(better, value, way.best_value),
        )

    def _halved(self, way: _Way, x: Tensor, gradient: Tensor) -> tuple[_Way, Tensor, Tensor]:
        at = self.checkpoints.index(way.done)
        interval = way.done - self.checkpoints[at - 1]
        stale = (way.size == way.size_then) & (way.best_value == way.best_then)
        back = (way.rises < 0.75 * interval) | stale
        x, gradient = torch.where(back, way.best, x), torch.where(back, way.best_gradient, gradient)
        way = way._replace(
            before=torch.where(back, x, way.before),
            rises=torch.zeros_like(way.rises),
            size=torch.where(back, way.size / 2, way.size),
            size_then=way.size,
            best_then=way.best_value,
        )
        return way, x, gradient


@gate
def lbfgs(history: Positive = 20, longest: Annotated[float, Range(above=0)] = 1.0) -> Optimizer:
    """Limited-memory BFGS (Liu & Nocedal, 1989) with steps of the learning rate and no line search.

    longest  root mean square of the longest step that is taken
    It learns from how far the parameters really moved, which is less than they were told to where pixels are clipped.
    It assumes that the objective stays the same from step to step: use it without random transforms.
    """
    return _Lbfgs(history, longest)


@dataclass(frozen=True)
class _Lbfgs:
    history: int
    longest: float
    for_one_objective: ClassVar[bool] = True  # what it remembers is of no use for another one

    def __call__(self, parameters: Tensors, gradients: Tensors, memory: Memory, rate: float) -> tuple[Tensors, Memory]:
        at, slope = _flat(parameters), -_flat(gradients)  # the slope of the loss
        pairs: tuple[tuple[Tensor, Tensor, float], ...] = ()  # with their products
        if memory is not None:
            pairs, at_before, slope_before = memory
            moved, bend = at - at_before, slope - slope_before
            if (product := float(bend @ moved)) > 1e-10:
                pairs = (*pairs, (moved, bend, product))[-self.history :]
        direction, weights = -slope, []
        if memory is not None and not pairs and moved.any():  # the loss bends down: as far as if it bent up as much
            direction *= (moved @ moved) / (bend @ moved).abs().clamp(min=1e-20)
        for moved, bend, product in reversed(pairs):
            weights.append(float(moved @ direction) / product)
            direction.sub_(bend, alpha=weights[-1])
        if pairs:
            _, bend, product = pairs[-1]
            direction *= product / (bend @ bend)
        for moved, bend, product in pairs:
            direction.add_(moved, alpha=weights.pop() - float(bend @ direction) / product)
        size = rate if memory is not None else rate * min(1.0, 1 / float(slope.abs().sum().clamp(min=1e-12)))
        change = size * direction
        change = change * (self.longest / change.square().mean().sqrt().clamp(min=self.longest))
        pieces = change.split([p.numel() for p in parameters])
        return (
            tuple(p + piece.view_as(p) for p, piece in zip(parameters, pieces, strict=True)),
            (pairs, at, slope),
        )


def _rms(gradient: Tensor) -> Tensor:
    over = tuple(range(1, gradient.ndim)) or None
    return gradient.square().mean(over, keepdim=True).sqrt().clamp(min=1e-20)


def _flat(tensors: Tensors) -> Tensor:
    return torch.cat([one.flatten() for one in tensors])


OptimizerName = Literal["adam", "sgd", "normalized", "signed", "lbfgs"]
AnyOptimizer = Annotated[OptimizerName | Optimizer, "one of 'adam', 'sgd', 'normalized', 'signed', 'lbfgs'"]
OPTIMIZERS: dict[OptimizerName, Optimizer] = {
    "adam": adam,
    "sgd": sgd(),
    "normalized": normalized,
    "signed": signed,
    "lbfgs": lbfgs(),
}


@gate
def chosen(optimizer: AnyOptimizer) -> Optimizer:
    """By name, or as it is."""
    return OPTIMIZERS[optimizer] if isinstance(optimizer, str) else optimizer


__getattr__ = module_getattr({"normalised": "normalized"}, globals().__getitem__)

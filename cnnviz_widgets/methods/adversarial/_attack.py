"""What all attacks with gradients share: the aim, the state, and the steps, which are those of ``optimize``."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import prod
from typing import Annotated, Any, Literal, NamedTuple

import torch
from torch import Tensor

from cnnviz_widgets.drawing.render import Content
from cnnviz_widgets.drawing.results import Result, rgb
from cnnviz_widgets.engine.optimize import OptimizationState, objectives, optimize
from cnnviz_widgets.engine.optimize.balls import Ball, in_8_bits, length
from cnnviz_widgets.engine.optimize.objectives import Objective
from cnnviz_widgets.engine.optimize.objectives.algebra import BoundTerm, Term, TermInputs, remembers_call
from cnnviz_widgets.engine.optimize.objectives.units import cross_entropies, margins
from cnnviz_widgets.engine.optimize.optimizers import auto_pgd, sparse
from cnnviz_widgets.engine.optimize.parametrizations import perturbation
from cnnviz_widgets.engine.optimize.transforms import Transform
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import Range, gate
from cnnviz_widgets.methods.adversarial._files import Kind, reopened
from cnnviz_widgets.networks import Network
from cnnviz_widgets.remarks import remark

Classes = int | str | Sequence[int | str] | None
Loss = Annotated[Literal["cross_entropy", "margin"], "'cross_entropy' or 'margin'"]
Bound = Annotated[float, Range(above=0, most=1e6)]
Steps = Annotated[int, Range(1, 100_000)]


class Aim(NamedTuple):
    """What an attack wants of B pictures.

    pictures   (B, C, H, W), 0…1, as the network sees them, on its device
    logits     (B, outputs): what it answers to them
    truth      the class of each;  given: whether somebody said so, else it is what the network answers
    target     the class that each is to have; None = any other
    """

    network: Network
    pictures: Tensor
    logits: Tensor
    truth: tuple[int, ...]
    given: bool
    target: tuple[int, ...] | None
    single: bool

    @property
    def formula(self) -> Callable[[str], Objective]:
        """The objective of a loss: that of the truth, or minus that of the target."""
        classes = self.truth if self.target is None else self.target
        named = [self.network.classes[one] for one in classes]
        exact = named if [*map(self.network.class_index, named)] == [*classes] else [*classes]
        each = exact[0] if len(set(classes)) == 1 else exact
        return lambda loss: (1 if self.target is None else -1) * getattr(objectives, loss)(each)

    def gain(self, logits: Tensor) -> Tensor:
        """(B,): by how many logits the attack has succeeded; at 0 and below it has not."""
        apart = margins(
            self.network, self.network.class_logits(logits), self.truth if self.target is None else self.target
        )
        return apart if self.target is None else -apart


def aimed(network: Network, image: Tensor, truth: Classes, target: Classes, *, quantize: bool) -> Aim:
    """UserError for classes that do not exist or that the picture has already."""
    pictures = _begun(network, image, quantize)
    logits = network.finite(network.logits(pictures))
    top = network.top(logits).tolist()
    true = _each("truth", network, truth, len(pictures))
    wanted = _each("target", network, target, len(pictures))
    if true and (wrong := sum(a != b for a, b in zip(true, top, strict=True))):
        remark(f"{wrong} of {len(top)} pictures are not recognized to begin with: they are counted apart.")
    if wanted and (there := [one for one, best in zip(wanted, top, strict=True) if one == best]):
        raise UserError(
            f"target must be another class than {network.classes[there[0]]!r}, which is the answer already."
        )
    return Aim(network, pictures, logits, true or tuple(top), true is not None, wanted, image.ndim == 3)


def _begun(network: Network, image: Tensor, quantize: bool) -> Tensor:
    """The pictures (B, C, H, W) before, as the network sees them."""
    pictures = network.prepare(image).to(network.device, torch.promote_types(network.dtype, torch.float32))
    return network.quickest(in_8_bits(pictures) if quantize else pictures)


def _each(name: str, network: Network, asked: Classes, count: int) -> tuple[int, ...] | None:
    if asked is None:
        return None
    several = [*asked] if isinstance(asked, Sequence | Tensor) and not isinstance(asked, str) else [asked] * count
    if len(several) != count:
        raise UserError(f"{name} must be one class, or one for each of {count} pictures, not {len(several)}.")
    return tuple(network.class_index(int(one) if isinstance(one, Tensor) else one) for one in several)


@dataclass(frozen=True, eq=False, repr=False)
class Attack(Result):
    """An attack on a picture, or on the pictures of a batch, as far as it has come.

    step, total   of the optimization
    aim           the network, the pictures before, their classes and what they are to become
    changed       (B, C, H, W): the best pictures so far, as the network sees them
    logits        (B, outputs): the network's answers to them
    norm, bound   of the change
    formula       what is made as large as possible
    chances       (steps, B, 2): over the steps, the probabilities of the true class and of the target (else of the best
                  of the others)
    passes        forward and backward passes that each picture has cost
    """

    step: int
    total: int
    aim: Aim
    changed: Tensor
    logits: Tensor
    norm: str
    bound: float
    formula: str
    chances: Tensor
    passes: int
    convention: str = "picture, values 0…1"

    @cached_property
    def values(self) -> Tensor:
        """(C, H, W), or (B, C, H, W) for a batch, on the CPU: the pictures after the attack."""
        return self._alone(self.changed.cpu())

    @property
    def picture(self) -> Tensor:
        """As ``values``: before."""
        return self._alone(self.aim.pictures.cpu())

    @property
    def of(self) -> str:
        return self.formula

    @property
    def success(self) -> bool | tuple[bool, ...]:
        """Whether the answer is another than the truth, or the target where there is one."""
        return self._alone((self.aim.gain(self.logits) > 0).tolist())

    @property
    def recognized(self) -> bool | tuple[bool, ...]:
        """Whether the answer before was the true class: what the network gets wrong anyway counts for no attack."""
        top = self.aim.network.top(self.aim.logits).tolist()
        return self._alone([a == b for a, b in zip(top, self.aim.truth, strict=True)])

    @property
    def norms(self) -> dict[str, Any]:
        """Of the change that the pictures have: "linf", "l2" and "l1" in values 0…1, "l0" in pixels."""
        change = (self.changed - self.aim.pictures).double()
        return {norm: self._alone(length(change, norm).tolist()) for norm in ("linf", "l2", "l1", "l0")}

    @property
    def ssim(self) -> float | tuple[float, ...]:
        """Structural similarity to the picture before, 1 for the same (Wang et al., 2004)."""
        from skimage.metrics import structural_similarity

        pairs = zip(self.aim.pictures.cpu().numpy(), self.changed.cpu().numpy(), strict=True)
        window = min(7, (min(self.changed.shape[-2:]) - 1) // 2 * 2 + 1)
        return self._alone([
            float(structural_similarity(a, b, channel_axis=0, data_range=1, win_size=window)) for a, b in pairs
        ])  # fmt: skip

    @property
    def answers(self) -> Any:
        """(name, probability) of the most probable class after the attack; of a batch, of each."""
        return self._alone(_answers(self.aim.network, self.logits))

    def amplified(self, times: float = 10) -> Tensor:
        """The change, so many times as strong, around gray; as ``values``."""
        return self._alone((0.5 + times * (self.changed - self.aim.pictures)).clamp(0, 1).cpu())

    @gate
    def survives(
        self,
        kind: Annotated[Kind, "'png' or 'jpeg'"] = "png",
        quality: Annotated[int, Range(1, 100)] = 85,
    ) -> bool | tuple[bool, ...]:
        """Whether it still succeeds once it was saved, as a PNG or as a JPEG of a quality, and opened again."""
        pictures = reopened(self.changed.cpu(), kind, quality)
        return self._alone((self.aim.gain(self.aim.network.logits(pictures)) > 0).tolist())

    def content(self) -> Content:
        """Before, the change ten times as strong, after; one row for each picture."""
        tiles, names = [], []
        ends = _answers(self.aim.network, self.aim.logits), _answers(self.aim.network, self.logits)
        grown = (0.5 + 10 * (self.changed - self.aim.pictures)).clamp(0, 1)
        for *pictures, before, after in zip(self.aim.pictures, grown, self.changed, *ends, strict=True):
            tiles += pictures
            names += [f"before: {_said(before)}", "change × 10", f"after: {_said(after)}"]
        caption = f"{self.formula}, step {self.step} of {self.total}"
        return Content(rgb(torch.stack(tiles).cpu()), names=tuple(names), columns=3, caption=caption)

    def _alone(self, each: Any) -> Any:
        if self.aim.single:
            return each[0]
        return tuple(each) if isinstance(each, list) else each


def _answers(network: Network, logits: Tensor) -> list[tuple[str, float]]:
    chances, top = network.probabilities(logits), network.top(logits)
    best = chances.gather(-1, top[:, None])[:, 0]
    return [(network.classes[index], chance) for index, chance in zip(top.tolist(), best.tolist(), strict=True)]


def _said(answer: tuple[str, float]) -> str:
    name, chance = answer
    return f"{name} {chance:.0%}"


@dataclass(frozen=True)
class Way:
    """How an attack goes.

    keep   which of the pictures that were made: the "best", the "first" that succeeds, or the "last"
    """

    epsilon: float
    norm: Ball = "linf"
    steps: int = 1
    step_size: float | None = None
    restarts: int = 1
    random: bool = False
    quantize: bool = True
    loss: str = "cross_entropy"
    auto: bool = False
    keep: Literal["best", "first", "last"] = "best"
    seed: int = 0
    mask: Tensor | None = None
    transforms: tuple[Transform, ...] = ()
    samples: int = 1
    penalty: Objective | None = field(default=None, compare=False)


def attacked(aim: Aim, way: Way) -> Iterator[Attack]:
    """The states of an attack: every step, of all restarts. What is wrong is told at once."""
    objective = aim.formula(way.loss) if way.penalty is None else aim.formula(way.loss) - way.penalty
    return _states(aim, way, repr(objective), _runs(aim.network, aim.pictures, objective, way))


def in_one_step(network: Network, image: Tensor, truth: Classes, target: Classes, way: Way) -> Attack:
    """The attack of one step from the picture itself, of which the last picture is kept.

    Where its class is what the network answers, the pass that finds it is also that of the step.
    """
    if truth is None and target is None:
        pictures = _begun(network, image, way.quantize)
        try:
            (run,) = _runs(network, pictures, _loss_of_the_answer(way.loss), way)
            (state,) = run
        except UserError:
            pass  # below it is told in words that name the class
        else:
            assert state.logits is not None
            (logits,) = state.logits
            top = tuple(network.top(logits).tolist())
            aim = Aim(network, pictures, logits, top, False, None, image.ndim == 3)
            (attack,) = _states(aim, way, repr(aim.formula(way.loss)), [iter([state])])
            return attack
    (attack,) = attacked(aimed(network, image, truth, target, quantize=way.quantize), way)
    return attack


@remembers_call
def _loss_of_the_answer(loss: str) -> Term:
    """As ``Aim.formula``, for what the network answers to each picture, whatever it is."""
    value = {"cross_entropy": cross_entropies, "margin": margins}[loss]

    def bind_term(network: Network, count: int) -> BoundTerm:
        def of_inputs(inputs: TermInputs) -> Tensor:
            assert inputs.logits is not None  # as the output is asked for
            return value(network, network.class_logits(inputs.logits), network.top(inputs.logits).tolist())

        return BoundTerm(of_inputs, output=True)

    return Term(f"{loss}(the answer)", bind_term)


def _runs(network: Network, pictures: Tensor, objective: Objective, way: Way) -> list[Iterator[OptimizationState]]:
    """Of every start."""
    if way.norm == "linf" and way.epsilon > 1:
        raise UserError(f"epsilon must be at most 1 for values 0…1, not {way.epsilon:g}: 8 of 255 levels are 8/255.")
    if way.norm == "l0" and way.epsilon % 1:
        raise UserError(f"epsilon must be a whole number of pixels for the norm 'l0', not {way.epsilon:g}.")
    made = perturbation(pictures, way.epsilon, norm=way.norm, mask=way.mask, random=way.random, quantize=way.quantize)
    optimizer, rate = _steps(way, prod(pictures.shape[1:]))
    return [
        optimize(
            network, objective, made, way.transforms,
            steps=way.steps, samples=way.samples, optimizer=optimizer, learning_rate=rate, seed=way.seed + number,
        )
        for number in range(way.restarts)
    ]  # fmt: skip


def _steps(way: Way, size: int) -> tuple[Any, float]:
    """Optimizer and learning rate of steps that are as long, in the norm of the ball, as was asked for."""
    step = way.step_size or 2.5 * way.epsilon / way.steps
    if way.auto:
        return auto_pgd(way.steps), 2 * way.epsilon
    if way.norm == "linf":
        return "signed", step
    if way.norm == "l1":
        return sparse(), step
    return "normalized", (way.step_size or 2.0) if way.norm == "l0" else step / size**0.5


def _states(aim: Aim, way: Way, formula: str, runs: Sequence[Iterator[OptimizationState]]) -> Iterator[Attack]:
    best = _Best(aim, way.keep)
    chances, passes = [], 1
    for number, run in enumerate(runs):
        at: Any = None
        for state in run:
            assert state.logits is not None
            decode = state.form.decode
            best.judge(decode(*(state.form.start if at is None else at)).detach(), state.logits)
            chances.append(_chances(aim, state.logits))
            at, passes = state.parameters, passes + way.samples
            done = way.keep == "first" and best.all_done
            if state.step == way.steps and not done:
                final = decode(*at).detach()
                logits = aim.network.logits(final)[None]
                best.judge(final, logits)
                chances.append(_chances(aim, logits))
                passes += 1
            yield Attack(
                number * way.steps + state.step, way.restarts * way.steps, aim, best.pictures, best.logits,
                way.norm, way.epsilon, formula, torch.stack(chances), passes,
            )  # fmt: skip
            if done:
                return


class _Best:
    """Of every picture of a batch, that which is kept of all that were made."""

    def __init__(self, aim: Aim, keep: str) -> None:
        self._aim, self._keep = aim, keep
        self.pictures, self.logits, self._gain = aim.pictures, aim.logits, aim.gain(aim.logits)

    @property
    def all_done(self) -> bool:
        return bool((self._gain > 0).all())

    def judge(self, pictures: Tensor, logits: Tensor) -> None:
        """Pictures (B, C, H, W) and the answers to them, (samples, B, outputs)."""
        mean = logits.mean(0)
        gain = self._aim.gain(mean)
        better = torch.ones_like(gain, dtype=torch.bool) if self._keep == "last" else gain > self._gain
        if self._keep == "first":
            better = better & (self._gain <= 0)
        self._gain = torch.where(better, gain, self._gain)
        self.pictures = torch.where(better.view(-1, 1, 1, 1), pictures, self.pictures)
        self.logits = torch.where(better.view(-1, 1), mean, self.logits)


def _chances(aim: Aim, logits: Tensor) -> Tensor:
    """(B, 2): the probabilities of the true class and of the target, or of the best of the others."""
    of_all = aim.network.probabilities(logits).mean(0)
    rows = range(len(of_all))
    true = of_all[rows, aim.truth]
    if aim.target is not None:
        return torch.stack([true, of_all[rows, aim.target]], 1).cpu()
    others = of_all.clone()
    others[rows, aim.truth] = -1
    return torch.stack([true, others.amax(1)], 1).cpu()

"""X12: a network that is trained to make the change of a picture in one pass (AdvGAN: Xiao et al., 2018)."""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Annotated, Any

import torch
from torch import Tensor, nn
from torch.utils.data import Subset

from cnnviz_widgets.drawing.render import Content
from cnnviz_widgets.drawing.results import Result, rgb
from cnnviz_widgets.engine.counts import Counted
from cnnviz_widgets.engine.crops import Crops
from cnnviz_widgets.engine.optimize import objectives
from cnnviz_widgets.engine.optimize.balls import in_8_bits, rounded
from cnnviz_widgets.engine.optimize.objectives import TermInputs
from cnnviz_widgets.engine.training import Goal, Losses, Steps, TrainingState, falling, initialized, train
from cnnviz_widgets.errors import UserError, naming
from cnnviz_widgets.gate import OWN, Range, Rate, Seed, gate
from cnnviz_widgets.methods.adversarial._advgan import AdvGAN
from cnnviz_widgets.methods.adversarial._attack import Attack, Loss
from cnnviz_widgets.methods.adversarial.pgd import pgd
from cnnviz_widgets.networks import Network
from cnnviz_widgets.pictures.dataset import load_dataset
from cnnviz_widgets.pictures.given import AnyPicture
from cnnviz_widgets.runtime.device import callers_modes_off
from cnnviz_widgets.runtime.interrupts import guarded

__all__ = ["AttackerState", "train_attacker"]
example = dict(steps=2, batch=2)

MEASURED = 64  # pictures, at most
MEASUREMENTS = 20  # in a training, evenly spread
ATTACK = 10  # steps of PGD, which it is compared with
SHOWN, COLUMNS = 3, 7  # pictures of the result: each, with a change and what becomes of it for three ways
GENERATOR, PGD, NOISE = "generator", "PGD", "noise"

Epsilon = Annotated[float, Range(1 / 255, 1)]


@dataclass(frozen=True, eq=False, repr=False)
class AttackerState(Result):
    """A generator of changes after a step of its training, beside PGD and noise of the same norm.

    step, total  of the training
    training     its state
    network      that it is trained against
    pictures     (N, C, H, W), 0…1, on the 8-bit grid: those that were held out
    truth        the class of each: what the network answers
    controls     "PGD" and "noise": the same pictures changed by these
    successes    (step, pictures whose answer the generator changes), measured so far, the latest last
    epsilon      of all changes
    """

    step: int
    total: int
    training: TrainingState
    network: Network
    pictures: Tensor
    truth: tuple[int, ...]
    controls: dict[str, Tensor]
    successes: tuple[tuple[int, Counted], ...]
    epsilon: float
    of: str = "attacker"
    convention: str = "changed pictures, values 0…1"

    @gate
    def attack(self, image: AnyPicture) -> Tensor:
        """The picture as the network sees it, changed by the generator: (C, H, W), 0…1, or a batch of such.

        It is one of 8 bits, and no value differs by more than ε from that of the picture in 8 bits.
        """
        changed = _changed(self.training.network, self.network, in_8_bits(self.network.prepare(image)), self.epsilon)
        return changed[0] if image.ndim == 3 else changed

    @cached_property
    def values(self) -> Tensor:
        """(N, C, H, W): the pictures that were held out, changed by the generator."""
        return self.attack(self.pictures)

    @property
    def changed(self) -> dict[str, Tensor]:
        """By the generator, by PGD and by noise."""
        return {GENERATOR: self.values, **self.controls}

    @cached_property
    def counted(self) -> dict[str, Counted]:
        """Of each: pictures whose answer is another than before."""
        return {name: _fooled(self.network, one, self.truth) for name, one in self.changed.items()}

    def seconds(self, runs: int = 3) -> dict[str, float]:
        """The time that the generator and PGD take for one picture: the least of some runs."""
        one = self.pictures[0]
        ways = {
            GENERATOR: lambda: self.attack(one),
            PGD: lambda: _by_pgd(self.network, one, self.truth[:1], self.epsilon),
        }
        return {name: min(_time(way) for _ in range(runs)) for name, way in ways.items()}

    def save(self, path: str | os.PathLike) -> None:
        """All that the training goes on from exactly: ``start=path``."""
        self.training.save(path)

    def content(self) -> Content:
        return self.compared()

    def compared(self, times: float = 10) -> Content:
        """A row for each of the first pictures: before, and by each way the change enlarged and the picture after."""
        before = self.pictures[:SHOWN]
        tiles, names = [before], [[self.network.classes[index] for index in self.truth[:SHOWN]]]
        for name, changed in self.changed.items():
            after = changed[:SHOWN]
            top = self.network.top(self.network.logits(after)).tolist()
            tiles += [(0.5 + times * (after - before)).clamp(0, 1), after]
            names += [[f"{name} × {times:g}"] * len(before), [f"→ {self.network.classes[one]}" for one in top]]
        rows = torch.stack(tiles, 1).flatten(0, 1)
        heads = [name for row in zip(*names, strict=True) for name in row]
        return Content(rgb(rows), names=tuple(heads), columns=COLUMNS, caption=self.told)

    @property
    def told(self) -> str:
        shares = ", ".join(f"{name} {one.share:.0%}" for name, one in self.counted.items())
        return f"step {self.step} of {self.total}: of {len(self.truth)} pictures are fooled: {shares}"


@gate
def train_attacker(
    network: Network,
    images: Annotated[Any, OWN],
    *,
    epsilon: Epsilon = 8 / 255,
    loss: Loss = "cross_entropy",
    realism: Rate = 0.0,
    steps: Steps = 300,
    batch: Annotated[int, Range(1, 256)] = 8,
    learning_rate: Rate = 2e-3,
    seed: Seed = 0,
    start: Annotated[Any, OWN] = None,
) -> Iterator[AttackerState]:
    """Train AdvGAN: a network that changes a picture in one pass so that another one is fooled (Xiao et al., 2018).

    network        whose answers are to change; it takes pictures in color, and is not changed itself
    images         photographs, whatever ``load_dataset`` takes; the second, fourth … of them are held out for measuring
    epsilon        by how much each value changes at most, in values 0…1
    loss           what is made large, of the answer before: "cross_entropy", ``−log P``, or "margin", see ``pgd``
    realism        weight of the discriminator, which learns to tell changed pictures from others; 0 = there is none
    batch          squares, cut at random from the photographs, in a step
    learning_rate  of Adam, at first; it falls to 0 along a cosine
    seed           of the first weights, the squares and the noise
    start          a state to go on from, or the path of a file that its ``save`` wrote

    Yields AttackerState after every step, beside PGD of ten steps and noise of ±ε. UserError for fewer than two
    pictures. The paper bounds the length of a change by a hinge loss; here each value is bounded, so there is none.

        *_, state = train_attacker(load_network("small_plain"), samples())
        state.attack("chelsea")
    """
    if network.channels != 3:
        raise UserError(f"network must take pictures in color; {network.name} takes {network.channels} channels.")
    with naming("images"):
        dataset = load_dataset(images)
    if len(dataset) < 2:
        raise UserError("images must be at least two pictures: every other one is held out.")
    learned, held = (Subset(dataset, range(first, len(dataset), 2)) for first in (0, 1))  # type: ignore[arg-type,var-annotated]
    crops = Crops(learned, max(network.probed_size))
    with naming("images"):
        some = [network.prepare(picture)[0] for picture, _ in islice(load_dataset(held), MEASURED)]
    pictures = in_8_bits(torch.stack(some))
    truth = tuple(network.top(network.logits(pictures)).tolist())

    def draw(generator: torch.Generator) -> Tensor:
        return network.prepare(crops.draw(batch, generator)).to(network.device)

    def changed(module: Any, photos: Tensor) -> Tensor:
        return (photos + epsilon * module.generator(photos)).clamp(0, 1)

    def tell_apart(module: Any, generator: torch.Generator, step: int) -> Losses:
        photos = draw(generator)
        with torch.no_grad():
            others = changed(module, photos)
        real, made = module.discriminator(photos), module.discriminator(others)
        return {"discriminator": ((real - 1).square().mean() + made.square().mean()) / 2}

    def fool(module: Any, generator: torch.Generator, step: int) -> Losses:
        photos = draw(generator)
        answers = network.top(network.logits(photos)).tolist()
        made = changed(module, photos)
        scores, _ = network.forward(network.normalize(made), grad=True)
        (gains,) = (
            getattr(objectives, loss)(answers).bind(network, len(made))(TermInputs(made, None, {}, scores)).values()
        )
        losses = {"attack": -gains.mean()}
        return losses | ({"realism": realism * (module.discriminator(made) - 1).square().mean()} if realism else {})

    goals = (Goal(tell_apart, "discriminator"), Goal(fool, "generator"))
    training = train(
        initialized(AdvGAN, seed).to(network.device),
        goals if realism else goals[1:],
        lambda module: _changed(module, network, pictures[:SHOWN], epsilon),
        steps=steps,
        learning_rate=falling(learning_rate, steps),
        seed=seed,
        start=start.training if isinstance(start, AttackerState) else start,
        of="attacker",
    )
    known = start.successes if isinstance(start, AttackerState) else ()

    def states() -> Iterator[AttackerState]:
        successes = known
        signs = torch.randint(2, pictures.shape, generator=torch.Generator().manual_seed(seed)) * 2 - 1
        noise = _within(pictures, epsilon * signs.to(pictures), epsilon)
        controls = {PGD: _by_pgd(network, pictures, truth, epsilon).changed.cpu(), NOISE: noise.cpu()}
        for one in training:
            if one.step == steps or one.step % max(1, steps // MEASUREMENTS) == 0 or not successes:
                made = _changed(one.network, network, pictures, epsilon)
                successes = (*successes, (one.step, _fooled(network, made, truth)))
            yield AttackerState(
                one.step, steps, one, network, pictures.cpu(), truth, controls, successes, epsilon
            )  # fmt: skip

    return states()


def _changed(module: nn.Module, network: Network, pictures: Tensor, epsilon: float) -> Tensor:
    """Pictures (B, 3, H, W) on the 8-bit grid, changed by the generator, on the CPU."""
    generator: Any = module.generator
    inputs = pictures.to(network.device, torch.float32)
    with guarded(*callers_modes_off(inputs.device), torch.no_grad()):
        return _within(inputs, epsilon * generator(inputs), epsilon).cpu()


def _within(pictures: Tensor, change: Tensor, epsilon: float) -> Tensor:
    """Pictures of 8 bits, with the change rounded to whole levels within ±ε and 0…1."""
    bound = torch.full((len(pictures),), epsilon)
    return in_8_bits(pictures + rounded(change, -pictures, 1 - pictures, bound, "linf"))


def _by_pgd(network: Network, pictures: Tensor, truth: tuple[int, ...], epsilon: float) -> Attack:
    *_, attack = pgd(network, pictures, epsilon=epsilon, truth=truth, steps=ATTACK)
    return attack


def _fooled(network: Network, pictures: Tensor, truth: tuple[int, ...]) -> Counted:
    top = network.top(network.logits(pictures)).tolist()
    return Counted(sum(a != b for a, b in zip(top, truth, strict=True)), len(truth))


def _time(way: Any) -> float:
    began = time.perf_counter()
    way()
    return time.perf_counter() - began

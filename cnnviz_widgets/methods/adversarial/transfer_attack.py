"""X9: which networks a change fools that was made for another one (Szegedy et al., 2014)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import torch
from torch import Tensor

from cnnviz_widgets.drawing.render import Content
from cnnviz_widgets.drawing.results import Result
from cnnviz_widgets.engine.optimize import objectives
from cnnviz_widgets.engine.optimize.balls import in_8_bits
from cnnviz_widgets.engine.optimize.loop import optimize
from cnnviz_widgets.engine.optimize.parametrizations import perturbation
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import OWN, Range, Seed, gate
from cnnviz_widgets.methods.adversarial._counts import Counted
from cnnviz_widgets.methods.adversarial.patch import prepared
from cnnviz_widgets.methods.adversarial.pgd import pgd
from cnnviz_widgets.networks import Network

__all__ = ["TransferMatrix", "transfer_attack"]
example = dict(steps=2)

NOISE, ALL = "noise", "all of them"
CELL = (6, 24)  # rows and columns of a tile of the picture


@dataclass(frozen=True, eq=False, repr=False)
class TransferMatrix(Result):
    """Which networks are fooled, by changes that were made for which, as far as it is done.

    step, total  rows
    rows         what the changes were made for: each network, "all of them", and "noise" as control
    columns      the networks that were asked
    counted      by (row, column), pictures whose answer is another than before, of those on whose answer all networks
                 agree
    pictures     by row, the changed pictures (N, C, H, W), 0…1, on the 8-bit grid
    answers      by (row, column), the name of each picture's class
    before       (N, C, H, W): the pictures unchanged;  names: their classes
    """

    step: int
    total: int
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    counted: dict[tuple[str, str], Counted]
    pictures: dict[str, Tensor]
    answers: dict[tuple[str, str], tuple[str, ...]]
    before: Tensor
    names: tuple[str, ...]
    of: str = "transfer"
    convention: str = "share of pictures whose answer changes, 0…1"

    @property
    def values(self) -> Tensor:
        """(rows, columns): shares, 0…1."""
        return torch.tensor([[self.counted[row, column].share for column in self.columns] for row in self.rows])

    def content(self) -> Content:
        keys = [(row, column) for row in self.rows for column in self.columns]
        names = [f"{row} → {column}: {self.counted[row, column].share:.0%}" for row, column in keys]
        cells = self.values.view(-1, 1, 1).expand(-1, *CELL)
        caption = f"made for → shown to: answers changed, of {len(self.names)}"
        return Content(
            values=cells.numpy(), low=0, high=1, columns=len(self.columns), names=tuple(names), keys=tuple(keys),
            caption=caption,
        )  # fmt: skip

    def _repr_markdown_(self) -> str:
        head = f"| made for | {' | '.join(self.columns)} |\n|---{'|---' * len(self.columns)}|\n"
        lines = (f"| {row} | {' | '.join(str(self.counted[row, one]) for one in self.columns)} |" for row in self.rows)
        return head + "\n".join(lines)


@gate
def transfer_attack(
    networks: Annotated[Sequence[Network], "a list of networks"],
    images: Annotated[Any, OWN],
    *,
    epsilon: Annotated[float, Range(above=0, most=1)] = 8 / 255,
    steps: Annotated[int, Range(1, 1000)] = 20,
    seed: Seed = 0,
) -> Iterator[TransferMatrix]:
    """Change pictures against each network (PGD, "linf"), and show them to all (Szegedy et al., 2014).

    networks  two or more, of the same classes; their pictures may have different sizes
    images    whatever ``load_dataset`` takes. Those count on whose class all networks agree
    epsilon   by how much each value changes at most, in values 0…1
    steps     of PGD, from a random start
    seed      of the starts and of the noise

    The changes are made in each network's own size, rounded to 8 bits, and resized for the others. Beside the networks
    there are two more rows: changes that are made for all of them together, at the size of the first, and noise of ±ε.
    Yields TransferMatrix after every row. UserError for one network, for networks of other classes, and if they agree
    on no picture.

    It is called ``transfer_attack``, as ``transfer`` is that of a style.
    """
    if len(networks) < 2:
        raise UserError("networks must be at least two: what fools one of them is tried on the others.")
    first = networks[0]
    for one in networks[1:]:
        if list(one.classes) != list(first.classes):
            raise UserError(f"networks must all have the same classes: those of {one.name} and {first.name} differ.")
    names = [one.name for one in networks]
    if len({*names, NOISE, ALL}) < len(names) + 2:
        raise UserError(f"networks must have different names, not {', '.join(names)}.")
    sized = {one.name: in_8_bits(torch.stack(prepared(one, images))) for one in networks}
    answers = {one.name: _top(one, sized[one.name]) for one in networks}
    same = torch.stack([*answers.values()])
    agreed = (same == same[0]).all(0)
    if not agreed.any():
        raise UserError("images must hold a picture on whose class all networks agree.")
    truth = same[0][agreed].tolist()
    before = {name: pictures[agreed] for name, pictures in sized.items()}
    rows = (*names, ALL, NOISE)

    def changed(row: str) -> Tensor:
        if row == NOISE:
            start = before[first.name]
            drawn = torch.rand(start.shape, generator=torch.Generator().manual_seed(seed))
            return in_8_bits((start + epsilon * (2 * (drawn > 0.5).to(start) - 1)).clamp(0, 1))
        if row == ALL:
            made = perturbation(before[first.name], epsilon, random=True, quantize=True)
            goal = objectives.across(networks, objectives.cross_entropy(truth))
            rate = 2.5 * epsilon / steps
            *_, state = optimize(first, goal, made, steps=steps, optimizer="signed", learning_rate=rate, seed=seed)
            return state.values.reshape(before[first.name].shape)
        network = networks[names.index(row)]
        *_, attack = pgd(network, before[row], epsilon=epsilon, truth=truth, steps=steps, seed=seed)
        return attack.values

    def states() -> Iterator[TransferMatrix]:
        counted: dict[tuple[str, str], Counted] = {}
        told: dict[tuple[str, str], tuple[str, ...]] = {}
        pictures: dict[str, Tensor] = {}
        for number, row in enumerate(rows, 1):
            pictures = {**pictures, row: changed(row).cpu()}
            tops = {one.name: _top(one, in_8_bits(one.prepare(pictures[row]))) for one in networks}
            wanted = torch.tensor(truth)
            counted |= {(row, name): Counted(int((top != wanted).sum()), len(truth)) for name, top in tops.items()}
            told |= {(row, name): tuple(first.classes[index] for index in top.tolist()) for name, top in tops.items()}
            yield TransferMatrix(
                number, len(rows), rows[:number], tuple(names), counted.copy(), pictures, told.copy(),
                before[first.name].cpu(), tuple(first.classes[index] for index in truth),
            )  # fmt: skip

    return states()


def _top(network: Network, pictures: Tensor) -> Tensor:
    return network.top(network.logits(pictures)).cpu()

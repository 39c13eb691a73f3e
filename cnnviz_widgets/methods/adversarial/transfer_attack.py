"""X9: which networks a change fools that was made for another one (Szegedy et al., 2014)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

import torch
from torch import Tensor

from cnnviz_widgets.drawing.render import Content
from cnnviz_widgets.drawing.results import Result
from cnnviz_widgets.engine.counts import Counted
from cnnviz_widgets.engine.optimize import objectives
from cnnviz_widgets.engine.optimize.balls import in_8_bits
from cnnviz_widgets.engine.optimize.loop import optimize
from cnnviz_widgets.engine.optimize.parametrizations import perturbation
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import OWN, Range, Seed, gate
from cnnviz_widgets.methods.adversarial._ensemble import of_one_task
from cnnviz_widgets.methods.adversarial.fgsm import fgsm
from cnnviz_widgets.methods.adversarial.patch import prepared_for
from cnnviz_widgets.methods.adversarial.pgd import pgd
from cnnviz_widgets.networks import Network

__all__ = ["TransferMatrix", "transfer_attack"]
example = dict(steps=2)

NOISE, ALL = "noise", "all of them"
CELL = (5, 26)  # rows and columns of a tile of the picture

Kind = Annotated[Literal["pgd", "fgsm"], "'pgd' or 'fgsm'"]


@dataclass(frozen=True, eq=False, repr=False)
class TransferMatrix(Result):
    """Which networks are fooled, by changes that were made for which, as far as it is done.

    step, total  of all attacks
    rows         what the changes are made for: each network, "all of them", and "noise" as control
    columns      the networks that are asked
    counted      by (row, column), for the rows that are done: pictures whose answer is another than before
    pictures     by row, for those that are done, the changed pictures (N, C, H, W), 0…1, on the 8-bit grid
    before       by row, the same pictures unchanged
    answers      by (row, column), the name of each picture's class
    names        the classes before
    given        how many pictures were given: those count on whose class all networks agree
    """

    step: int
    total: int
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    counted: dict[tuple[str, str], Counted]
    pictures: dict[str, Tensor]
    before: dict[str, Tensor]
    answers: dict[tuple[str, str], tuple[str, ...]]
    names: tuple[str, ...]
    given: int
    of: str = "transfer"
    convention: str = "share of pictures whose answer changes, 0…1"

    @property
    def values(self) -> Tensor:
        """(rows, columns): shares, 0…1; NaN where the row is not done."""
        unknown = Counted(0, 0)
        return torch.tensor([
            [self.counted.get((row, column), unknown).share for column in self.columns] for row in self.rows
        ])  # fmt: skip

    def content(self) -> Content:
        told = f"rows: made for; columns: shown to; answers that change, of {len(self.names)} pictures (95% interval)"
        return table(self.rows, self.columns, self.counted, told)

    def _repr_markdown_(self) -> str:
        head = f"| made for | {' | '.join(self.columns)} |\n|---{'|---' * len(self.columns)}|\n"
        done = [row for row in self.rows if row in self.pictures]
        lines = (f"| {row} | {' | '.join(str(self.counted[row, one]) for one in self.columns)} |" for row in done)
        return head + "\n".join(lines)


def table(
    rows: Sequence[str], columns: Sequence[str], counted: dict[tuple[str, str], Counted], told: str = ""
) -> Content:
    """The matrix as tiles, with a row and a column of headings, whose tiles are empty."""
    values, names, heads, keys = [], [], [], []
    for row in ("", *rows):
        for column in ("", *columns):
            one = counted.get((row, column))
            values.append(float("nan") if one is None else one.share)
            names.append(f"{row} → {column}: {one or 'not yet known'}" if row and column else "")
            heads.append(_cell(one) if row and column else row or column)
            keys.append((row, column) if row and column else None)
    cells = torch.tensor(values).view(-1, 1, 1).expand(-1, *CELL)
    return Content(
        values=cells.numpy(), low=0, high=1, columns=1 + len(columns), names=tuple(names), heads=tuple(heads),
        keys=tuple(keys), caption=told,
    )  # fmt: skip


def _cell(one: Counted | None) -> str:
    if one is None:
        return "…"
    low, high = (round(100 * end) for end in one.interval)
    return f"{one.hits}/{one.total} ({low}…{high}%)"


@gate
def transfer_attack(
    networks: Annotated[Sequence[Network], "a list of networks"],
    images: Annotated[Any, OWN],
    *,
    attack: Kind = "pgd",
    epsilon: Annotated[float, Range(above=0, most=1)] = 8 / 255,
    steps: Annotated[int, Range(1, 1000)] = 20,
    seed: Seed = 0,
) -> Iterator[TransferMatrix]:
    """Change pictures against each network, and show them to all (Szegedy et al., 2014).

    networks  two or more, of the same classes; their pictures may have different sizes
    images    whatever ``load_dataset`` takes. Those count on whose class all networks agree
    attack    "pgd", from a random start, or "fgsm"; the norm is "linf"
    epsilon   by how much each value changes at most, in values 0…1
    steps     of PGD
    seed      of its starts and of the noise

    The changes are made in each network's own size, rounded to 8 bits, and resized for the others. Beside the networks
    there are two more rows: changes that are made for all of them together, at the size of the first, and noise of ±ε.
    Yields TransferMatrix after every step of every attack. UserError for one network, for networks of other classes,
    and if they agree on no picture.

    It is called ``transfer_attack``, as ``transfer`` is that of a style.
    """
    if len(networks) < 2:
        raise UserError("networks must be at least two: what fools one of them is tried on the others.")
    first, names = networks[0], of_one_task(networks, NOISE, ALL)
    seen = prepared_for(networks, images)
    sized = {name: in_8_bits(torch.stack(each)) for name, each in zip(names, seen, strict=True)}
    answers = {one.name: _top(one, sized[one.name]) for one in networks}
    same = torch.stack([*answers.values()])
    agreed = (same == same[0]).all(0)
    if not agreed.any():
        raise UserError("images must hold a picture on whose class all networks agree.")
    truth = same[0][agreed].tolist()
    before = {name: pictures[agreed] for name, pictures in sized.items()}
    before |= {ALL: before[first.name], NOISE: before[first.name]}
    rows = (*names, ALL, NOISE)
    once = attack == "fgsm"
    length = 1 if once else steps

    def changing(row: str) -> Iterator[Tensor]:
        """The pictures after each step."""
        if row == NOISE:
            start = before[row]
            drawn = torch.rand(start.shape, generator=torch.Generator().manual_seed(seed))
            yield in_8_bits((start + epsilon * (2 * (drawn > 0.5).to(start) - 1)).clamp(0, 1))
        elif row == ALL:
            made = perturbation(before[row], epsilon, random=not once, quantize=True)
            goal = objectives.across(networks, objectives.cross_entropy(truth))
            rate = epsilon if once else 2.5 * epsilon / steps
            for state in optimize(
                first, goal, made, steps=length, optimizer="signed", learning_rate=rate, seed=seed
            ):  # fmt: skip
                yield state.values.reshape(before[row].shape)
        elif once:
            yield fgsm(networks[names.index(row)], before[row], epsilon, truth=truth).values
        else:
            network = networks[names.index(row)]
            for one in pgd(network, before[row], epsilon=epsilon, truth=truth, steps=steps, seed=seed):
                yield one.values

    def states() -> Iterator[TransferMatrix]:
        total = len(rows[:-1]) * length + 1
        kept = {row: pictures.cpu() for row, pictures in before.items()}
        old = tuple(first.classes[index] for index in truth)
        matrix = TransferMatrix(0, total, rows, tuple(names), {}, {}, kept, {}, old, len(agreed))
        for row in rows:
            for number, pictures in enumerate(changing(row), 1):
                matrix = replace(matrix, step=matrix.step + 1)
                if row == NOISE or number == length:
                    matrix = measured(matrix, row, pictures.cpu())
                yield matrix

    def measured(matrix: TransferMatrix, row: str, pictures: Tensor) -> TransferMatrix:
        counted, told = {}, {}
        for one in networks:
            top = _top(one, in_8_bits(one.prepare(pictures)))
            counted[row, one.name] = Counted(int((top != torch.tensor(truth)).sum()), len(truth))
            told[row, one.name] = tuple(first.classes[index] for index in top.tolist())
        return replace(
            matrix, counted=matrix.counted | counted, answers=matrix.answers | told,
            pictures=matrix.pictures | {row: pictures},
        )  # fmt: skip

    return states()


def _top(network: Network, pictures: Tensor) -> Tensor:
    return network.top(network.logits(pictures)).cpu()

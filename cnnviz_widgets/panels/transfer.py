"""X9: changes that were made for one network, shown to all the others."""

from collections.abc import Iterator
from typing import Any

import ipywidgets
import torch

from cnnviz_widgets.drawing.render import Content
from cnnviz_widgets.drawing.results import rgb
from cnnviz_widgets.methods.adversarial.transfer_attack import ALL, NOISE, TransferMatrix, table, transfer_attack
from cnnviz_widgets.networks import Network, load_network
from cnnviz_widgets.panels.attack import LEVELS
from cnnviz_widgets.panels.call import As, Call, program, written
from cnnviz_widgets.panels.controls import checks, slider, stops
from cnnviz_widgets.panels.making import Making, StepView
from cnnviz_widgets.panels.now import Now
from cnnviz_widgets.panels.options import option
from cnnviz_widgets.panels.panel import computes
from cnnviz_widgets.panels.parts import Note, View
from cnnviz_widgets.panels.photographs import photographs
from cnnviz_widgets.runtime.runner import Frame
from cnnviz_widgets.widgets.traits import OneOf

NETWORKS = ("small_plain", "small_residual", "small_wide", "small_robust", "mini")
ACROSS = 5  # pictures of a cell that are shown
MOST = 256  # pictures that are tried


class Transfer(Making):
    """Pictures changed against one network, shown to all (Szegedy et al. 2014). Click a cell to see its pictures.

    Those of the session's dataset, or else the samples, as far as all networks agree on their class.

    networks            two to five of the bundled ones, which know the same classes
    levels              ε, in levels of 255: by how much a value may change
    pictures            how many are tried
    made_for, shown_to  the cell whose pictures are shown
    times               how many times as strong the change is shown
    The rest is as in ``cnnviz.transfer_attack``.
    """

    title = "Transfer"
    family = "adversarial"
    chapters = ("13",)
    shows = "whether a change that fools one network fools others, too"
    as_call = "cnnviz.transfer_attack(networks, photos)"
    looks_back = False  # a matrix is of whole attacks
    at_end = "all attacks are at their end: more steps go further."
    pickers = ()
    levels = stops(8, LEVELS, label="ε of 255", help="By how many of 255 levels a value may change (L∞)")
    attack: Any = option(transfer_attack, words={"pgd": "PGD", "fgsm": "FGSM"}, label="Attack", help="How it is made")
    pictures = slider(32, 4, MOST, label="Pictures", help="How many are tried: of the dataset, or else of the samples")
    networks = checks(
        NETWORKS, {name: name for name in NETWORKS}, most=len(NETWORKS), label="Networks", help="At least two"
    )
    steps = option(transfer_attack, 1, 100, label="Steps", more=True)
    times = slider(10, 1, 50, label="Change ×", help="How many times as strong the change is shown", more=True)
    seed = option(transfer_attack, 0, 99, more=True)
    made_for = OneOf((*NETWORKS, ALL, NOISE), "small_plain").tag(setting=True)
    shown_to = OneOf(NETWORKS, "small_residual").tag(setting=True)

    def views(self) -> list[ipywidgets.Widget]:
        matrix = View(
            "Changes made for one network, shown to another: click a cell",
            "whole",
            cursor="tile",
            labels=True,
            max_width=1076,
        )
        pictures = StepView("Before, the change, and after", "whole", labels=True, max_width=1076)
        return [
            self.tiles("matrix", matrix, self._choose),
            self.part("note", Note()),
            self.part("pictures", pictures),
        ]

    def _choose(self, cell: tuple[str, str] | None) -> None:
        if cell is not None:
            self.made_for, self.shown_to = cell

    def compute(self, now: Now) -> Iterator[Frame]:
        yield Frame({"matrix": table((*now.networks, ALL, NOISE), now.networks, {})})
        done, of = -1, (now.networks, now.levels, now.attack, now.pictures, now.steps, now.seed, now.dataset)
        for matrix in self.keep("matrix", of, _call(now)):
            news = len(matrix.pictures) != done
            done = len(matrix.pictures)
            parts = self._cell(matrix, self.made_for, self.shown_to, self.times) if news else {}
            yield Frame(parts, matrix.step, matrix.total)

    @computes
    def look(self, now: Now) -> Frame:
        """The cell that is chosen."""
        matrix, (row, column, times) = self.kept("matrix"), (now.made_for, now.shown_to, now.times)
        return Frame({} if matrix is None else self._cell(matrix, row, column, times))

    def _cell(self, matrix: TransferMatrix, row: str, column: str, times: int) -> dict[str, Any]:
        """The matrix, and the pictures of a cell, or of the first where the chosen network is not among them."""
        row, column = (
            one if one in known else known[0] for one, known in ((row, matrix.rows), (column, matrix.columns))
        )
        content = matrix.content()
        return {
            "matrix": content,
            "matrix_chosen": content.keys.index((row, column)),
            "pictures": lambda at: _pictures(matrix, row, column, times),
            "note": _note(matrix, row, column),
        }

    def subject(self) -> str:
        return f"transfer {self.made_for} {self.shown_to}"

    def call(self, now: Now) -> str:
        networks = f"[cnnviz.load_network(name) for name in {written([*now.networks])}]"
        photos, matrix = As(None, photographs(now).written), As(None, f"cnnviz.last({_call(now)})")
        return program({"networks": As(None, networks), "photos": photos, "matrix": matrix}, "matrix")


def _call(now: Now) -> Call:
    networks, photos = As(Call(_loaded, now.networks), "networks"), As(photographs(now).value, "photos")
    how = {"attack": now.attack, "epsilon": As(now.levels / 255, f"{now.levels:g} / 255")}
    return Call(transfer_attack, networks, photos, **how, steps=now.steps, seed=now.seed)


def _loaded(names: tuple[str, ...]) -> list[Network]:
    return [load_network(name) for name in names]


def _pictures(matrix: TransferMatrix, row: str, column: str, times: int) -> Content:
    """Before, the change and after, one below the other: of the first pictures, those that fool before the others."""
    before, names = matrix.before[row], matrix.names
    if row not in matrix.pictures:
        return Content(rgb(before[:ACROSS]), names=names[:ACROSS], columns=ACROSS, caption=f"{row}: not yet made")
    after, answers = matrix.pictures[row], matrix.answers[row, column]
    own = matrix.answers.get((row, row), answers)
    order = sorted(range(len(names)), key=lambda one: answers[one] == names[one])[:ACROSS]
    change = (0.5 + times * (after - before)).clamp(0, 1)
    tiles = torch.cat([one[order] for one in (before, change, after)])
    heads = [names[one] for one in order]
    heads += [f"own: {own[one]}" if row in matrix.columns else "" for one in order]
    heads += [f"→ {answers[one]}" for one in order]
    caption = (
        f"{len(order)} of {len(names)} pictures; the change × {times}, made for {row}; after it, what {column} answers"
    )
    return Content(rgb(tiles), names=tuple(heads), columns=len(order), caption=caption)


def _note(matrix: TransferMatrix, row: str, column: str) -> str:
    count = f"{len(matrix.names)} of {matrix.given} pictures count: those on whose class all networks agree."
    if row not in matrix.pictures:
        return count
    low, high = matrix.counted[row, column].interval
    one = matrix.counted[row, column]
    told = f"Made for {row}, {one.hits} of {one.total} change the answer of {column}"
    noise = matrix.counted.get((NOISE, column))
    control = "" if noise is None or row == NOISE else f"; noise of the same size changes {noise.hits}"
    return f"{told} (95% interval: {low:.0%} to {high:.0%}){control}. {count}"

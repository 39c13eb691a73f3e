"""X9: changes made for one network, shown to the others."""

from collections.abc import Iterator
from typing import Any

import ipywidgets

from cnnviz_widgets.drawing.render import Content
from cnnviz_widgets.drawing.results import rgb
from cnnviz_widgets.methods.adversarial.transfer_attack import TransferMatrix, transfer_attack
from cnnviz_widgets.networks import Network
from cnnviz_widgets.networks.zoo import BUNDLED, load_network
from cnnviz_widgets.panels.call import As, Call, program
from cnnviz_widgets.panels.controls import float_slider
from cnnviz_widgets.panels.making import Making, StepView
from cnnviz_widgets.panels.now import Now
from cnnviz_widgets.panels.options import option
from cnnviz_widgets.panels.panel import computes
from cnnviz_widgets.panels.parts import View
from cnnviz_widgets.pictures import samples
from cnnviz_widgets.runtime.runner import Frame
from cnnviz_widgets.widgets.traits import Place

SHOWN = 12  # pictures of a cell


class TransferAttack(Making):
    """Which networks does a change fool that was made for another one (Szegedy et al. 2014)?

    Three bundled networks of the same classes, one of them trained to be robust; below them a change that was made for
    all of them, and noise. Click a cell: its pictures, and what they are taken for.

    levels  of 255 by which each value changes at most
    cell    (column, row) of the matrix whose pictures are shown; None = the first
    steps, seed
            as in ``cnnviz.transfer_attack``
    """

    title = "Transfer"
    family = "adversarial"
    chapters = ("13",)
    shows = "which networks are fooled by a change that was made for another one"
    as_call = "cnnviz.transfer_attack(networks, photos)"
    pickers = ()
    levels = float_slider(8, 0.5, 32, step=0.5, form=".1f", label="ε, of 255", help="By how much each value may change")
    steps = option(transfer_attack, 1, 100, label="Steps")
    seed = option(transfer_attack, 0, 99, more=True)
    cell = Place(None).tag(setting=True)

    def views(self) -> list[ipywidgets.Widget]:
        matrix = StepView(
            "Made for → shown to: click a cell", "most", labels=True, cursor="tile", colormap="inferno", max_width=760,
            max_height=320,
        )  # fmt: skip
        pictures = View("Its pictures, and what they are taken for", "whole", labels=True, controls=False)
        return [self.tiles("matrix", matrix, self._choose), self.part("pictures", pictures)]

    def tools(self) -> list[ipywidgets.Widget]:
        return []

    def go_on(self) -> None:
        self.shown = True
        self._request_all()

    def _choose(self, key: tuple[str, str]) -> None:
        state = self.kept("matrix")
        if state is not None:
            self.cell = state.columns.index(key[1]), state.rows.index(key[0])

    def compute(self, now: Now) -> Iterator[Frame]:
        for state in self.keep("matrix", (now.levels, now.steps, now.seed), _call(now)):
            content = state.content()
            parts: dict[str, Any] = {"matrix": lambda at, content=content: content}
            yield Frame(parts | self._cell(state), state.step, state.total)

    @computes
    def look(self, now: Now) -> Frame:
        """The pictures of the cell that was clicked."""
        state, _ = self.kept("matrix"), now.cell
        return Frame({} if state is None else self._cell(state))

    def _cell(self, state: TransferMatrix) -> dict[str, Any]:
        column, row = self.cell or (0, 0)
        row, column = min(row, len(state.rows) - 1), min(column, len(state.columns) - 1)
        key = state.rows[row], state.columns[column]
        pictures = state.pictures[key[0]][:SHOWN]
        named = zip(state.names, state.answers[key], strict=True)
        names = [f"{old} → {new}" if old != new else f"{old}: holds" for old, new in named][: len(pictures)]
        caption = f"made for {key[0]}, shown to {key[1]}: {state.counted[key]}"
        chosen = row * len(state.columns) + column
        return {"pictures": Content(rgb(pictures), names=tuple(names), caption=caption), "matrix_chosen": chosen}

    def subject(self) -> str:
        return "transfer"

    def call(self, now: Now) -> str:
        networks = f"[cnnviz.load_network(name) for name in {[*BUNDLED]}]"
        photos = "[one for one in cnnviz.samples() if one not in cnnviz.samples().styles]"
        lines = [f"networks = {networks}", f"photos = {photos}", f"state = cnnviz.last({_call(now)})", "state"]
        return program(*lines)


def _networks() -> list[Network]:
    return [load_network(name) for name in BUNDLED]


def _call(now: Now) -> Call:
    photos = [one for one in samples() if one not in samples().styles]
    epsilon = As(now.levels / 255, f"{now.levels:g} / 255")
    return Call(
        transfer_attack, As(_networks(), "networks"), As(photos, "photos"), epsilon=epsilon, steps=now.steps,
        seed=now.seed,
    )  # fmt: skip

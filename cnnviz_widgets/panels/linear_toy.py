"""X1: ten numbers and a linear classifier: every number can be changed."""

from functools import partial
from typing import Any

import ipywidgets
from traitlets import TraitType

from cnnviz_widgets.content import minus
from cnnviz_widgets.drawing.words import percent
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import came
from cnnviz_widgets.language import said
from cnnviz_widgets.methods.adversarial.linear_toy import TOY_INPUT, TOY_WEIGHTS, linear_toy, long_toy
from cnnviz_widgets.methods.adversarial.linear_toy import LinearToy as Toy
from cnnviz_widgets.panels.call import Call
from cnnviz_widgets.panels.now import Now
from cnnviz_widgets.panels.options import option
from cnnviz_widgets.panels.panel import Panel
from cnnviz_widgets.panels.parts import Chart, Note, View
from cnnviz_widgets.runtime.runner import Frame

MOST = 20  # numbers that there is room for
CELL = {"width": "auto", "min_width": "0"}
LENGTHS = (10, 100, 1000, 10000, 100000)


class _Row(TraitType):
    """A tuple of numbers."""

    def validate(self, owner: Any, value: Any) -> tuple[float, ...]:
        try:
            numbers = tuple(float(one) for one in value)
        except (TypeError, ValueError, OverflowError):
            numbers = ()
        if not 1 <= len(numbers) <= MOST or not all(abs(one) <= 1e6 for one in numbers):
            raise UserError(f"{self.name} must be 1 to {MOST} numbers from −1e6 to 1e6, not {came(value)}.")
        return numbers


class LinearToy(Panel):
    """Why it works: in a linear classifier many small changes add up (Goodfellow et al. 2015; the numbers of CS231n).

    x, w    inputs and weights, up to 20 numbers each; one list may not be longer than the other
    step    s: every input changes by ``s · sign(w)``
    """

    title = "Ten numbers"
    family = "adversarial"
    chapters = ("13",)
    shows = "a linear classifier by hand: small changes of every input add up"
    as_call = "cnnviz.linear_toy()"
    quick = True
    pickers = ()
    step = option(linear_toy, -2, 2, step=0.05, label="Step")
    x = _Row(TOY_INPUT).tag(setting=True)
    w = _Row(TOY_WEIGHTS).tag(setting=True)

    def build(self) -> list[ipywidgets.Widget]:
        self._writing = False
        self._rows = {name: self._cells(name) for name in ("x", "w")}
        self._outcome = {name: self._outputs() for name in ("change", "after")}
        heads = {"x": "x", "w": "w", "change": "s · sign(w)", "after": "x + s · sign(w)"}
        columns = {"grid_template_columns": f"minmax(60px, 110px) repeat({len(self.x)}, minmax(0, 62px))"}
        rows = [
            ipywidgets.GridBox([ipywidgets.Label(said(heads[name])), *cells], layout=columns)
            for name, cells in {**self._rows, **self._outcome}.items()
        ]
        table = ipywidgets.VBox(rows).add_class("cnnviz-part").add_class("cnnviz-whole")
        self._parts["numbers"] = _Numbers(self._outcome)
        self.observe(lambda change: self._write(change["name"]), ["x", "w"])
        colors = View("The same as colors", "most", controls=False, max_height=160)
        score = Chart("The same with more inputs", "inputs", "step from 5% to 88%", height=200, top=None)
        return [table, self.part("colors", colors), self.part("lengths", score), self.part("note", Note())]

    def _cells(self, name: str) -> list[ipywidgets.FloatText]:
        cells = []
        for number, value in enumerate(getattr(self, name)):
            label = said(f"{name}, number {number + 1}")  # for a screen reader: there is no room for it on the screen
            style = {"description_width": "0"}
            cell = ipywidgets.FloatText(value, description=label, tooltip=label, layout=CELL, style=style)
            cell.add_class("cnnviz-number")
            cell.observe(self.guarded(partial(self._read, name)), "value")
            cells.append(cell)
        return cells

    def _outputs(self) -> list[ipywidgets.Label]:
        return [ipywidgets.Label(layout=CELL).add_class("cnnviz-number") for _ in self.x]

    def _read(self, name: str, _: Any = None) -> None:
        if not self._writing:
            setattr(self, name, [cell.value for cell in self._rows[name]])

    def _write(self, name: str) -> None:
        """The numbers into the cells; of others than there are cells, the cells of the first."""
        self._writing = True
        for cell, value in zip(self._rows[name], getattr(self, name), strict=False):
            cell.value = value
        self._writing = False

    def compute(self, now: Now) -> Frame:
        toy = _call(now)()
        return Frame({"numbers": toy, "colors": toy.content(), "note": _note(toy), "lengths": _lengths(toy)})

    def call(self, now: Now) -> str:
        return str(_call(now))


class _Numbers:
    """The rows that follow. ``show`` takes the toy."""

    def __init__(self, rows: dict[str, list[ipywidgets.Label]]) -> None:
        self._rows = rows

    def show(self, toy: Toy) -> None:
        for name, values in (("change", toy.change), ("after", toy.values)):
            for label, value in zip(self._rows[name], values.tolist(), strict=False):
                label.value = minus(f"{value:+.3g}" if name == "change" else f"{value:.3g}")


def _call(now: Now) -> Call:
    return Call(linear_toy, [*now.x], [*now.w], now.step)


def _note(toy: Toy) -> str:
    (first, second), (p, q) = toy.scores, toy.probabilities
    grows = float(toy.w.abs().sum())
    return (
        f"w · x = {first:g}, so P = 1 / (1 + e^{-first:g}) = {percent(p, 1)}. Every input moves by {abs(toy.step):g}; "
        f"the score moves by step · ‖w‖₁ = {toy.step:g} · {grows:g} = {toy.step * grows:g}, to {second:g}: "
        f"P = {percent(q, 1)}."
    )


def _lengths(toy: Toy) -> dict:
    steps = [long_toy(count).step for count in LENGTHS]
    ticks = [f"{count:,}" for count in LENGTHS]
    return {"curves": {"step": ([*range(len(LENGTHS))], steps)}, "end": len(LENGTHS) - 1, "ticks": ticks}

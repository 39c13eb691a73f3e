"""Traits that know which control shows them.

A panel's author writes ``size = slider(32, 8, 96, step=8, label="Square", help="…")``; the panel builds the widget and
binds it. The trait is the state; the widget only shows it. With ``more=True`` the control stands under Settings.
What is an argument of the panel's method is better written as an ``option``, see ``panels/options.py``.
"""

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import cache
from itertools import product
from typing import Any

import ipywidgets
from traitlets import HasTraits, TraitType

from cnnviz_widgets import renamed
from cnnviz_widgets.errors import UserError, naming
from cnnviz_widgets.gate import came
from cnnviz_widgets.language import said
from cnnviz_widgets.networks import Network
from cnnviz_widgets.panels.controls.pickers import NATURAL, ClassTags, CountSlider, LayerChoice, Owner
from cnnviz_widgets.widgets.check_table import CheckTable
from cnnviz_widgets.widgets.traits import Flag, Number, OneNumber, OneOf

ON_BUTTONS = 20  # letters for which a row of buttons has room


def slider(default: int, low: int, high: int, *, step: int = 1, label: str, help: str, more: bool = False) -> TraitType:
    """A whole number between ``low`` and ``high``."""

    def build(panel: Owner) -> ipywidgets.Widget:
        return ipywidgets.IntSlider(default, low, high, step, **_called(label, help))

    return Number(default, low, high, whole=True, help=help).tag(
        setting=True, control=build, says=(label, help), more=more
    )


def float_slider(
    default: float,
    low: float,
    high: float,
    *,
    step: float,
    form: str = ".2f",
    label: str,
    help: str,
    more: bool = False,
) -> TraitType:
    """A number between ``low`` and ``high``; ``form`` is how it is written, as in ``format``."""

    def build(panel: Owner) -> ipywidgets.Widget:
        return ipywidgets.FloatSlider(
            default, min=low, max=high, step=step, readout_format=form, **_called(label, help)
        )

    return Number(default, low, high, help=help).tag(setting=True, control=build, says=(label, help), more=more)


def log_slider(default: float, low: float, high: float, *, label: str, help: str, more: bool = False) -> TraitType:
    """A number between ``low`` and ``high``, both above 0, of which equal steps of the slider are equal factors."""

    def build(panel: Owner) -> ipywidgets.Widget:
        ends = {"base": 10, "min": math.log10(low), "max": math.log10(high), "step": 0.05}
        return ipywidgets.FloatLogSlider(default, **ends, readout_format=".3g", **_called(label, help))

    return Number(default, low, high, help=help).tag(setting=True, control=build, says=(label, help), more=more)


def stops(default: float, values: Sequence[float], *, label: str, help: str, more: bool = False) -> TraitType:
    """One of a few numbers, not 0, on a slider that stops at them alone."""

    def build(panel: Owner) -> ipywidgets.Widget:
        return _stopping(default, [(f"{one:g}", one) for one in values], label, help)

    return OneNumber(values, default, help).tag(setting=True, control=build, says=(label, help), more=more)


def _stopping(default: Any, options: list[tuple[str, Any]], label: str, help: str) -> ipywidgets.Widget:
    slider = ipywidgets.SelectionSlider(value=default, options=options, **_called(label, help))
    return slider.add_class("jupyter-widgets").add_class("widget-inline-hbox")  # as other sliders are laid out by


def choice(
    default: str,
    options: Sequence[str] | Mapping[str, str],
    *,
    label: str,
    help: str,
    more: bool = False,
    ordered: bool = False,
) -> TraitType:
    """One of a few words, or of the keys of a mapping to words: up to three short ones are buttons, else a list.

    ordered  whether they follow each other: then they are stops of a slider
    """
    shown = options if isinstance(options, Mapping) else {one: one for one in options}

    def build(panel: Owner) -> ipywidgets.Widget:
        pairs = [(said(words), value) for value, words in shown.items()]
        if ordered:
            return _stopping(default, pairs, label, help)
        fit = len(shown) <= 3 and len("".join(words for words, _ in pairs)) <= ON_BUTTONS
        kind = ipywidgets.ToggleButtons if fit else ipywidgets.Dropdown
        control = kind(value=default, options=pairs, **_called(label, help))
        if isinstance(control, ipywidgets.ToggleButtons):
            control.style.button_width = "auto"
            control.tooltips = [said(help)] * len(shown)
        return control

    return OneOf(options, default, help).tag(
        setting=True, control=build, says=(label, help, *shown.values()), more=more
    )


def toggle(default: bool, *, label: str, help: str, more: bool = False) -> TraitType:
    """On or off."""

    def build(panel: Owner) -> ipywidgets.Widget:
        return ipywidgets.Checkbox(default, indent=False, **_called(label, help))

    return Flag(default, help=help).tag(setting=True, control=build, says=(label, help), more=more)


def several_classes(
    most: int, *, label: str, help: str, none: str = "(the most probable)", more: bool = False
) -> TraitType:
    """Up to ``most`` class indices; names may be assigned, too. () = what the panel takes itself, called ``none``."""

    def build(panel: Owner) -> ipywidgets.Widget:
        return ClassTags(panel, most, label, help, none)

    return _Classes(most, help).tag(setting=True, control=build, says=(label, help, none), more=more)


class _Classes(TraitType):
    """Indices of classes of the network in the owner's session, each once."""

    def __init__(self, most: int, help: str) -> None:
        self._most = most
        super().__init__((), help=help)

    def validate(self, owner: Owner, value: Any) -> tuple[int, ...]:
        several = [value] if isinstance(value, int | str) else value
        if not isinstance(several, Sequence):
            raise UserError(f"{self.name} must be up to {self._most} classes, by name or index, not {came(value)}.")
        with naming(str(self.name)):
            found = tuple(dict.fromkeys(owner.session.network.class_index(one) for one in several))
        if len(found) > self._most:
            raise UserError(f"{self.name} must be at most {self._most} classes, not {len(found)}.")
        return found


def checks(
    default: Sequence[Any],
    columns: Mapping[str, str],
    rows: Mapping[str, str] | None = None,
    *,
    most: int,
    label: str,
    help: str,
    more: bool = False,
) -> TraitType:
    """Up to ``most`` of some names, or of their pairs with the names of rows. The mappings say how they are shown."""

    def build(panel: Owner) -> ipywidgets.Widget:
        return CheckTable(columns, rows, most=most, description=label, tooltip=help).add_class("cnnviz-wide")

    return _Some(columns, rows, most, default, help).tag(
        setting=True, control=build, says=(label, help, *columns.values(), *(rows or {}).values()), more=more
    )


class _Some(TraitType):
    """Some names, or (column, row) pairs of names, in the order in which they are offered."""

    def __init__(
        self, columns: Collection[str], rows: Iterable[str] | None, most: int, default: Any, help: str
    ) -> None:
        self._columns, self._most = columns, most
        self._every = list(product(columns, rows) if rows else columns)
        self._allowed = f"one of {', '.join(columns)}" + (f", with one of {', '.join(rows)}" if rows else "")
        super().__init__(tuple(default), help=help)

    def validate(self, owner: HasTraits, value: Any) -> tuple:
        several = [value] if isinstance(value, str) else value
        if not isinstance(several, Sequence):
            raise UserError(f"each of {self.name} must be {self._allowed}, not {came(value)}.")
        several = [self._as_called_now(one) for one in several]
        if unknown := [one for one in several if one not in self._every]:
            raise UserError(f"each of {self.name} must be {self._allowed}, not {came(unknown[0])}.")
        chosen = tuple(one for one in self._every if one in several)
        if not 1 <= len(chosen) <= self._most:
            raise UserError(f"{self.name} must be 1 to {self._most}, not {len(chosen)}.")
        return chosen

    def _as_called_now(self, one: Any) -> Any:
        """A name, or a pair as a tuple, with the column's name of today."""
        if isinstance(one, list | tuple) and one:
            return renamed.word(one[0], self._columns), *one[1:]
        return renamed.word(one, self._columns)


def counter(count: Callable[[Network], int], *, label: str, help: str, more: bool = False) -> TraitType:
    """A whole number from 0 to one that depends on the session's network."""

    def build(panel: Owner) -> ipywidgets.Widget:
        return CountSlider(panel, count, label, help)

    return Number(0, 0, whole=True, help=help).tag(setting=True, control=build, says=(label, help), more=more)


def another_layer(*, label: str, help: str, none: str = "(none)", more: bool = False) -> TraitType:
    """A layer of the session's network, beside the one that the session has; "" = ``none``, as the user reads it."""

    def build(panel: Owner) -> ipywidgets.Widget:
        return LayerChoice(panel, label, help, none)

    return _LayerName("", help=help).tag(setting=True, control=build, says=(label, help), more=more)


class _LayerName(TraitType):
    def validate(self, owner: Owner, value: Any) -> str:
        with naming(str(self.name)):
            return "" if isinstance(value, str) and not value else owner.session.network.layer(value).name


def _called(label: str, help: str) -> dict[str, Any]:
    """How a control of ipywidgets is called, in the language that is set."""
    return {"description": said(label), "tooltip": said(help), "style": NATURAL}


@cache
def declared(kind: type[HasTraits], tag: str) -> tuple[str, ...]:
    """The traits that carry a tag, in the order in which the classes declare them."""
    every = {name: trait for base in reversed(kind.__mro__) for name, trait in vars(base).items()}
    return tuple(name for name, trait in every.items() if isinstance(trait, TraitType) and trait.metadata.get(tag))


def bound_controls(panel: Owner) -> dict[str, ipywidgets.Widget]:
    """The controls of a panel's own traits by the traits' names, in the order in which the panel declares them."""
    controls = {}
    for name in declared(type(panel), "control"):
        controls[name] = panel.traits()[name].metadata["control"](panel)
        _bind(panel, name, controls[name])
    return controls


def _bind(panel: Owner, name: str, control: ipywidgets.Widget) -> None:
    """Keep a trait and its control alike. What the panel refuses is explained in it, and the control goes back."""
    refused = False

    def follow(_: Any = None) -> None:
        control.value = getattr(panel, name)

    def choose(change: dict) -> None:
        nonlocal refused
        with panel.session.turn:
            try:
                setattr(panel, name, change["new"])
                follow()  # the panel may have made something else of it
            except Exception as error:  # a callback's error is seen by nobody
                follow()
                refused = True
                panel.complain(error)
            else:
                if refused:
                    refused = False
                    panel.complain(None)

    follow()
    panel.observe(follow, name)
    control.observe(choose, "value")

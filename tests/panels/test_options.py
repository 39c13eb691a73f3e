"""Options come from the method: default, type, range, words and help."""

from typing import Annotated, Literal

import pytest

from cnnviz_widgets import panels, registry
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import Range, gate
from cnnviz_widgets.panels import Panel
from cnnviz_widgets.panels.options import argument, documented, option
from cnnviz_widgets.panels.parts import Note
from cnnviz_widgets.runtime.runner import Frame

PANELS = [getattr(panels, one.name) for one in registry.panels()]


@gate
def method(
    x: int,
    number: int = 3,
    share: Annotated[float, Range(0, 1)] = 0.25,
    word: Literal["one", "two"] = "two",
    flag: bool = True,
    either: int | None = None,
) -> int:
    """Does something.

    x        what it is
    number   how many, and a line
             that goes on
    share, flag  of something
    word     "one" or "two"

    either   σ, not read
    """
    return x


class Some(Panel):
    """All kinds."""

    title = "Some"
    pickers = ()
    number = option(method, 1, 9, step=2)
    share = option(method, step=0.05, more=True)
    kind = option(method, name="word", label="Kind", help="Which", words={"one": "the first", "two": "the second"})
    word = option(method)
    flag = option(method)

    def build(self):
        return [self.part("note", Note())]

    def compute(self, now):
        return Frame({"note": f"{now.number} {now.share} {now.kind} {now.flag}"})


def test_traits_and_controls(network, photo):
    panel = Some(network, photo)
    number, share, kind, word, flag = panel.controls.values()
    assert (number.min, number.max, number.step, number.value, number.description) == (1, 9, 2, 3, "Number")
    assert number.tooltip == "How many, and a line that goes on"
    assert (share.min, share.max, share.step, share.value, share.tooltip) == (0, 1, 0.05, 0.25, "Of something")
    assert (kind.description, kind.tooltip, kind.options) == (
        "Kind", "Which", (("the first", "one"), ("the second", "two"))
    )  # fmt: skip
    assert word.options == (("one", "one"), ("two", "two"))
    assert (flag.description, flag.value) == ("Flag", True)
    assert [panel.traits()[name].metadata["more"] for name in ("number", "share")] == [False, True]
    assert panel._own_traits() == ("number", "share", "kind", "word", "flag")  # in the order of declaration
    panel.number, panel.kind = 5, "one"
    assert (number.value, kind.value) == (5, "one")
    with pytest.raises(UserError, match="number must be a whole number from 1 to 9, not 11"):
        panel.number = 11
    with pytest.raises(UserError, match="word must be one of 'one', 'two', not 'three'"):
        panel.word = "three"
    panel.close()


@pytest.mark.parametrize("name", ["number", "either"])  # no ends; no type of which a control could be made
def test_what_makes_no_control_is_told_at_once(name):
    with pytest.raises((TypeError, RuntimeError)) as told:  # Python 3.11 wraps what a class's own parts raise
        type("Bad", (Panel,), {name: option(method, help="Something")})
    assert f"no control for {name}" in str(told.value.__cause__ or told.value)


def test_an_option_that_is_not_documented_is_told_at_once():
    with pytest.raises((KeyError, RuntimeError)):
        type("Bad", (Panel,), {"either": option(method)})


def test_what_is_read_of_a_signature_and_a_docstring():
    assert argument(method, "share") == (float, Range(0, 1), 0.25)
    assert documented(method) == {
        "x": "What it is", "number": "How many, and a line that goes on", "share": "Of something",
        "flag": "Of something", "word": '"one" or "two"', "either": "σ, not read",
    }  # fmt: skip


OPTIONS = [(panel, name) for panel in PANELS for name in panel._own_traits() if "of" in getattr(panel, name).metadata]


@pytest.mark.parametrize(("panel", "name"), OPTIONS, ids=[f"{panel.__name__}.{name}" for panel, name in OPTIONS])
def test_an_option_begins_with_the_default_of_its_method(panel, name):
    trait = getattr(panel, name)
    _, range, default = argument(*trait.metadata["of"])
    assert trait.default_value == default
    assert type(trait.default_value) is type(default)
    for end, allowed in ((getattr(trait, "min", None), range.least), (getattr(trait, "max", None), range.most)):
        if end is not None and allowed is not None:  # a control offers nothing that the method refuses
            assert range.missed(end) is None, (end, allowed)
    assert 5 < len(trait.help) < 200

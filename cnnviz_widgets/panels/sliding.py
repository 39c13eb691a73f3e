"""The base of panels on a convolution that is edited, played and computed in the browser."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, ClassVar

import ipywidgets
import numpy as np
import torch
from PIL import Image

from cnnviz_widgets.content import Content
from cnnviz_widgets.drawing.render import alt_of, draw, saying
from cnnviz_widgets.drawing.results import Result
from cnnviz_widgets.drawing.snapshot import GAP, PAPER, WIDTH
from cnnviz_widgets.panels.panel import Panel
from cnnviz_widgets.panels.parts import captioned
from cnnviz_widgets.widgets.convolution_view import MOST, TOOLS, Cell, ConvolutionView, Grid, Padding
from cnnviz_widgets.widgets.traits import Number

BOTH = ("kernel", "stride", "padding", "dilation", "place")  # traits of the panel and of its view
HALF = (WIDTH - 3 * GAP) // 2  # px: a picture of two in the static PNG


class Slid:
    """A ConvolutionView. ``show`` takes (what the kernel goes over, the result that the method makes of it).

    Windows alone go over nothing: None. The browser computes its own result; this one is for the picture that a file
    keeps. edited() is the input that the user has edited, or None.
    """

    def __init__(self, heading: str, edited: Callable[[], Any], **traits: Any) -> None:
        self.heading, self._edited = heading, edited
        self.view = ConvolutionView(alt=heading, **traits)
        self.widget = ipywidgets.VBox([self.view]).add_class("cnnviz-part").add_class("cnnviz-whole")
        self._result: Result | None = None
        self._given: Any = None

    def show(self, shown: tuple[Any, Result]) -> None:
        given, self._result = shown
        if given is not None and self._edited() is None:  # else the view has it already, and perhaps a newer one
            self._given = given
            self.view.input = given

    def is_given(self, numbers: list[list[float]]) -> bool:
        """Whether an input is the one that was shown last, and not an edited one."""
        return self._given is not None and np.array_equal(np.atleast_2d(self._given), numbers)

    @property
    def content(self) -> Content | None:
        return None if self._result is None else self._result.content()

    def snapshot(self) -> Image.Image | None:
        """The input beside the output; a chart has both, and windows alone have no input."""
        if self._result is None:
            return None
        made = self._result.content()
        if self.view.windows:
            return captioned(self.heading, draw(made, width=HALF, colormap="gray"))
        if made.picture is not None:
            return captioned(self.heading, draw(made, width=WIDTH - 2 * GAP))
        sheet = Image.new("RGB", (WIDTH - 2 * GAP, HALF), PAPER)
        pair = (Content(values=torch.tensor(self.view.input).numpy()), "gray"), (made, "gray")
        drawn = [draw(content, width=HALF, colormap=colors) for content, colors in pair]
        for at, picture in enumerate(drawn):
            sheet.paste(picture, (at * (HALF + GAP), 0), picture)
        return captioned(self.heading, saying(sheet, "; ".join(map(alt_of, drawn))))


class Sliding(Panel):
    """Binds the traits of a convolution to those of the view that shows it; ``kernel`` is the subclass's.

    chooses   traits, also of the session, with which another input is chosen: an edited one is then forgotten
    """

    drawings: ClassVar[tuple[str, ...]]
    tools: ClassVar[tuple[str, ...]] = TOOLS
    presets: ClassVar[dict[str, Any]] = {}
    chooses: ClassVar[tuple[str, ...]] = ()
    edited = Grid(None, allow_none=True).tag(setting=True)
    stride = Number(1, 1, MOST, whole=True).tag(setting=True)
    padding = Padding(0).tag(setting=True)
    dilation = Number(1, 1, MOST, whole=True).tag(setting=True)
    place = Cell((0, 0)).tag(setting=True)

    def slid(self, heading: str, **traits: Any) -> Slid:
        """The view. Its traits follow the panel's of the same name, and the panel's follow the user's gestures."""
        look = {"drawings": self.drawings, "tools": self.tools, "presets": self.presets}
        part = Slid(heading, lambda: self.edited, **look, **traits)

        def follow(name: str, _: Any = None) -> None:
            setattr(part.view, name, getattr(self, name))

        def choose(change: Any) -> None:
            setattr(self, change["name"], change["new"])

        def follow_edited(_: Any = None) -> None:
            if self.edited is not None:
                part.view.input = self.edited

        def edit(change: Any) -> None:
            if not part.is_given(change["new"]):
                self.edited = change["new"]

        follow_edited()
        self.observe(follow_edited, "edited")
        part.view.observe(self.guarded(edit), "input")
        for name in BOTH:
            follow(name)
            self.observe(partial(follow, name), name)
        part.view.observe(self.guarded(choose), list(BOTH))
        return part

    def apply(self, settings: Mapping[str, Any]) -> None:
        super().apply({name: settings[name] for name in _edited_last(settings)})

    @classmethod
    def _own_traits(cls) -> tuple[str, ...]:
        return _edited_last(super()._own_traits())

    def _on_change(self, change: dict) -> None:
        if change["name"] in self.chooses:
            self.edited = None
        super()._on_change(change)


def _edited_last(names: Iterable[str]) -> tuple[str, ...]:
    """It is forgotten when one of the others is set."""
    return tuple(sorted(names, key="edited".__eq__))


def how(now: Any) -> dict[str, Any]:
    """The arguments of a convolution that the user has chosen."""
    return {"stride": now.stride, "padding": now.padding or "valid", "dilation": now.dilation}


def plain(kernel: list[list[float]]) -> list[Any]:
    """A kernel of one row as the list that it is for a signal."""
    return kernel[0] if len(kernel) == 1 else kernel

"""What a panel, the lab, and a box that holds some of them have in common: a live view, and a picture beside it.

The picture is what a notebook shows where no kernel runs. It is made when the output is, and again, as long as a
browser shows it, whenever all work has come to an end.
"""

import contextlib
from collections.abc import Iterator
from functools import cache
from typing import Any
from weakref import WeakSet

import ipywidgets
from PIL import Image

from cnnviz_widgets.drawing.figure import output
from cnnviz_widgets.drawing.render import alt_of, coarse, png
from cnnviz_widgets.drawing.snapshot import stack
from cnnviz_widgets.runtime.host import grading, in_colab
from cnnviz_widgets.runtime.leaving import begin

_outputs: WeakSet[ipywidgets.Widget] = WeakSet()  # what cells were asked to display


class Displayed(ipywidgets.VBox):
    """A view that can be drawn without a browser, too."""

    _closed = True  # until there is something to close

    def __init__(self) -> None:
        super().__init__()
        self._closed = False
        _meet_boxes()
        if in_colab():
            _let_colab_fetch_widgets()

    @property
    def closed(self) -> bool:
        """Whether its widgets are freed."""
        return self._closed

    def show(self) -> None:
        """Begin to compute, if that has not happened yet. Without a browser, finish."""
        raise NotImplementedError

    def sheets(self) -> list[Image.Image]:
        """The static pictures of the panels in it."""
        raise NotImplementedError

    @property
    def at_rest(self) -> bool:
        """Whether nothing in it is computed."""
        raise NotImplementedError

    def snapshot(self) -> bytes:
        """What is shown, as a PNG: what GitHub displays, and what a saved notebook keeps."""
        return _picture(self)

    @property
    def alt(self) -> str:
        """What is shown, in words."""
        return alt_of(self.snapshot())

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        if grading():  # nobody looks
            return {"text/plain": repr(self)}
        self.show()
        return _with_picture(self, super()._repr_mimebundle_(**kwargs))


def renew_pictures(part: Displayed) -> None:
    """Give the browser new pictures of all outputs that show ``part``, unless something in them still works."""

    def renew() -> None:
        for one in list(_outputs):
            within = list(_outermost(one))
            shows = any(part is panel or part in getattr(panel, "panels", ()) for panel in within)
            if shows and one.comm is not None and all(panel.at_rest for panel in within):
                with contextlib.suppress(Exception):  # it works again, or is closed: a later picture will do
                    part.give_picture(one.model_id, _picture(one))

    begin(renew, "cnnviz-picture")  # a click is answered meanwhile


def _meet_boxes() -> None:
    """Let IPython ask us for the output of any box: it may hold a panel, which nobody else would start."""
    from IPython import get_ipython

    if shell := get_ipython():
        shell.display_formatter.mimebundle_formatter.for_type(ipywidgets.Box, _bundle)


@cache
def _let_colab_fetch_widgets() -> None:
    """Once a kernel. Colab shows no widgets but its own, neither ours nor bqplot's, until it is asked to."""
    from google.colab import output

    output.enable_custom_widget_manager()


def _bundle(box: ipywidgets.Box, **kwargs: Any) -> Any:
    if box.comm is None:  # closed
        return None
    within = [] if isinstance(box, Displayed) or grading() else list(_outermost(box))
    for one in within:
        one.show()
    bundle = box._repr_mimebundle_(**kwargs)
    return _with_picture(box, bundle) if within else bundle


def _with_picture(shown: ipywidgets.Widget, bundle: Any) -> Any:
    if not isinstance(bundle, dict):
        return bundle
    _outputs.add(shown)
    data, metadata = output(bundle["text/plain"], _picture(shown))
    return bundle | data, metadata


def _picture(shown: ipywidgets.Widget) -> bytes:
    sheets = [sheet for one in _outermost(shown) for sheet in one.sheets()]
    return png(sheets[0] if len(sheets) == 1 else coarse(stack(sheets)))


def _outermost(widget: ipywidgets.Widget) -> Iterator[Displayed]:
    """The panels and labs in a widget, not those within them."""
    if isinstance(widget, Displayed):
        yield widget
        return
    for child in getattr(widget, "children", ()):
        yield from _outermost(child)

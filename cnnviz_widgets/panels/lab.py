"""All panels in one view, on one session. What there is stands in the registry; a panel is made when it is opened."""

import io
from importlib import import_module
from pathlib import Path
from typing import Any

import ipywidgets
from PIL import Image

from cnnviz_widgets import registry
from cnnviz_widgets.drawing.render import alt_of
from cnnviz_widgets.drawing.snapshot import arrange
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import came, gate
from cnnviz_widgets.panels import cells
from cnnviz_widgets.panels.controls import PICKERS
from cnnviz_widgets.panels.displayed import Displayed, renew_pictures
from cnnviz_widgets.panels.panel import Panel
from cnnviz_widgets.panels.parts import captioned
from cnnviz_widgets.panels.session import Session
from cnnviz_widgets.registry import PanelEntry
from cnnviz_widgets.widgets.cell_output import CellOutput
from cnnviz_widgets.widgets.gallery import Gallery
from cnnviz_widgets.widgets.panel_head import PanelHead
from cnnviz_widgets.widgets.tree import tree

SHARED_PICKERS = ("network", "image", "target")
THUMBNAILS = Path(__file__).parent / "thumbnails"  # <file of the panel>.webp, made by ``python -m tools.thumbnails``


class Lab(Displayed):
    """A gallery of all panels. The network, the picture, the class and the layer are chosen above it, for all.

    A panel is made, and computes, when it is first opened, by a click or by ``lab.open("Occlusion")``, and is kept.
    Where no browser is, the quick ones are opened one after the other.

    panels   those that have been made, in the order of the gallery
    """

    def __init__(
        self, network: Any = None, image: Any = None, *, dataset: Any = None, session: Session | None = None
    ) -> None:
        self._made: dict[str, Panel] = {}
        every = {"network": network, "image": image, "dataset": dataset}
        given = {name: value for name, value in every.items() if value is not None}
        self.session = session or Session(**given)
        for name, value in (given if session else {}).items():
            setattr(self.session, name, value)
        self._left = self._looks_at() if session is None else ()  # what nobody has chosen
        self._gallery = Gallery([_card(one) for one in registry.panels()], "panels")
        self._gallery.observe(lambda _: self._turn(), "opened")
        self._page = ipywidgets.Box().add_class("cnnviz-page").add_class("cnnviz-page-empty")
        self._output = CellOutput(self.show, lambda: renew_pictures(self))
        pickers = [PICKERS[name](self.session, self._complain) for name in (*SHARED_PICKERS, "strip")]
        super().__init__()
        self.children = [
            PanelHead("Panels"),
            ipywidgets.Box(pickers).add_class("cnnviz-controls"),
            self._gallery,
            self._page,
            self._output,
        ]
        self.add_class("cnnviz-lab")
        cells.replace_earlier(self)

    @property
    def panels(self) -> list[Panel]:
        return [self._made[entry.name] for entry in registry.panels() if entry.name in self._made]

    def open(self, name: str | None = None) -> Panel | None:
        """Show a panel, by its name ("ClassModel") or its title ("Class model"), and return it."""
        if name is None:  # ipywidgets' own method of this name: it tells the browser of a new widget
            return super().open()
        entry = next((one for one in registry.panels() if name in (one.name, one.title)), None)
        if entry is None:
            names = ", ".join(one.name for one in registry.panels())
            raise UserError(f"name must be one of {names}, not {came(name)}.")
        panel = self._panel(entry.name)
        self._gallery.opened = entry.name
        return panel

    def _panel(self, name: str) -> Panel:
        """The panel of this name, made if it was not yet."""
        if name not in self._made:
            entry = next(one for one in registry.panels() if one.name == name)
            kind = getattr(import_module(entry.module), name)
            if self._looks_at() == self._left:  # nobody has chosen anything
                kind.first_view(self.session)
                self._left = self._looks_at()
            self._made[name] = kind(session=self.session, hide=SHARED_PICKERS)
            cells.forget(self._made[name])
        return self._made[name]

    def _looks_at(self) -> tuple:
        return self.session.layer, self.session.channel, self.session.position

    def _turn(self) -> None:
        """Show the panel that was opened. Only it is in the page: a chart that is drawn unseen has no size."""
        name, panel = self._gallery.opened, None
        try:
            panel = self._panel(name) if name else None
        except Exception as error:  # a click's error is seen by nobody
            self._complain(error)
        else:
            self._complain(None)
        self._page.children = [panel] if panel else []
        (self._page.remove_class if panel else self._page.add_class)("cnnviz-page-empty")
        if panel:
            panel.show()

    def _complain(self, error: Exception | None) -> None:
        """Say what is wrong with what was chosen above the panels; None = nothing any more."""
        self._gallery.error = "" if error is None else str(error) if isinstance(error, UserError) else repr(error)

    def show(self) -> None:
        """Nothing is computed before a panel is opened; where no browser is, the quick ones are."""
        if not cells.has_reader():
            for entry in registry.panels():
                if entry.quick:
                    self._panel(entry.name).run()

    def run(self) -> "Lab":
        """Compute every panel now."""
        for entry in registry.panels():
            self._panel(entry.name).run()
        return self

    def close(self) -> None:
        """Free every widget of every panel. The session stays."""
        if self._closed:
            return
        self._closed = True
        for panel in self.panels:
            panel.close()
        for widget in tree(self)[1:]:
            widget.close()
        super().close()

    def sheets(self) -> list[Image.Image]:
        """Those of the panels that have computed, or the gallery."""
        computed = [sheet for panel in self.panels if panel.shown for sheet in panel.sheets()]
        return computed or [arrange("Panels", [_Thumbnail(entry) for entry in registry.panels()])]

    @property
    def at_rest(self) -> bool:
        return all(panel.at_rest for panel in self.panels)

    @property
    def on_screen(self) -> bool:
        return self._output.on_screen

    @property
    def gone(self) -> bool:
        return self._output.seen and not self.on_screen

    def give_picture(self, output: str, picture: bytes) -> None:
        """Let the browser put a new picture beside the view of the widget with this model id."""
        self._output.give(output, picture, alt_of(picture))

    def __repr__(self) -> str:
        return f"Lab({self.session.network.name})"


class _Thumbnail:
    """A panel's picture in the gallery, as a part of its static picture."""

    def __init__(self, entry: PanelEntry) -> None:
        self._entry = entry

    def snapshot(self) -> Image.Image:
        file = _thumbnail(self._entry)
        picture = Image.open(io.BytesIO(file)) if file else Image.new("RGB", (168, 96), "#eee")
        return captioned(self._entry.title, picture.convert("RGB"))


def _card(entry: PanelEntry) -> dict[str, Any]:
    return {
        "name": entry.name,
        "group": registry.about(entry.family),
        "title": entry.title,
        "line": entry.shows,
        "note": "ch. " + ", ".join(entry.chapters),
        "words": f"{entry.name} {entry.call} {entry.summary}",
        "picture": _thumbnail(entry),
    }


def _thumbnail(entry: PanelEntry) -> bytes:
    """The file of a panel's picture; nothing where it has none yet."""
    file = THUMBNAILS / f"{entry.module.rpartition('.')[2]}.webp"
    return file.read_bytes() if file.is_file() else b""


@gate
def lab(network: Any = None, image: Any = None, *, dataset: Any = None, session: Session | None = None) -> Lab:
    """Every panel, on one session: ``cnnviz.lab(net, photo)``; ``dataset``: see ``Session``."""
    return Lab(network, image, dataset=dataset, session=session)

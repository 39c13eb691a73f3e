"""Choosing a picture: a sample, a file, or one from the camera; and a trait for a picture beside the session's."""

from dataclasses import dataclass
from typing import Any

import ipywidgets
import traitlets
from torch import Tensor
from traitlets import TraitType

from cnnviz_widgets.errors import UserError, naming
from cnnviz_widgets.language import said
from cnnviz_widgets.panels import cells
from cnnviz_widgets.panels.call import As
from cnnviz_widgets.pictures import load_image, samples, source_of
from cnnviz_widgets.widgets.camera import Camera
from cnnviz_widgets.widgets.upload import Upload

NATURAL = {"description_width": "initial"}


class PictureRow(ipywidgets.HBox):
    """A list of pictures, a button for a file, which may also be dropped there, and one for the ``Camera``."""

    OWN = "(your picture)"

    def __init__(self, options: list, description: str, tooltip: str, **camera: Any) -> None:
        self._list = ipywidgets.Dropdown(
            options=options, description=said(description), tooltip=said(tooltip), style=NATURAL
        )
        self._upload = Upload(tooltip="A picture of your own; it may also be dropped here")
        self._camera = Camera(**camera)
        super().__init__([self._list, self._upload, self._camera])

    def _taken(self) -> None:
        """The same file can come again, and its bytes are not saved with the notebook."""
        self._upload.value = self._camera.value = ()


def came_by_itself(value: Any) -> Any:
    """What the buttons of a ``PictureRow`` gave, for ``load_image``; UserError for a file that did not arrive."""
    if isinstance(value, tuple) and "error" in value[0]:
        raise UserError(value[0]["error"])
    return value


@dataclass(frozen=True, eq=False)
class OwnPicture:
    """A picture that is no sample, as a trait holds it: equal only to itself, and short where it is written."""

    picture: Tensor
    source: str | None

    def __repr__(self) -> str:
        return self.source or PictureRow.OWN


def another_picture(
    default: str = "", *, label: str, help: str, styles: bool = False, none: str = "", more: bool = False
) -> TraitType:
    """A picture beside the session's: the name of a sample, or whatever else ``load_image`` takes; see ``chosen``.

    default  name of a sample; "" = none, if ``none`` says what that is called
    styles   whether the samples that are painted in a style come first
    """
    names = [*samples().styles, *(one for one in samples() if one not in samples().styles)] if styles else [*samples()]

    def build(panel: Any) -> ipywidgets.Widget:
        options = [
            *([(said(none), "")] if none else []),
            *((one, one) for one in names),
            (said(PictureRow.OWN), PictureRow.OWN),
        ]
        return PictureChoice(panel, options, label, help)

    values = (*([""] if none else []), *names)
    return _PictureTrait(values, default, help).tag(setting=True, control=build, says=(label, help, none), more=more)


class _PictureTrait(TraitType):
    """The name of a sample, "" where that is allowed, or an ``OwnPicture``."""

    def __init__(self, values: tuple[str, ...], default: str, help: str) -> None:
        self.values = values
        super().__init__(default, help=help)

    def validate(self, owner: Any, value: Any) -> Any:
        if isinstance(value, OwnPicture) or (isinstance(value, str) and value in self.values):
            return value
        name = cells.name_of(value)
        with naming(self.name or "picture"):
            picture = load_image(value, channels=owner.session.network.channels)
        return OwnPicture(picture, source_of(picture) or name)


class PictureChoice(PictureRow):
    """The control of ``another_picture``."""

    value = traitlets.Any("")

    def __init__(self, panel: Any, options: list, description: str, tooltip: str) -> None:
        super().__init__(options, description, tooltip)
        self._complain = panel.complain
        self.observe(self._show, "value")
        for one in (self._list, self._upload, self._camera):
            one.observe(self._choose, "value")

    def _show(self, _: Any = None) -> None:
        self._showing = True
        self._list.value = self.value if isinstance(self.value, str) else self.OWN
        self._showing = False

    def _choose(self, change: dict) -> None:
        new = change["new"]
        if self._showing or not (new or change["owner"] is self._list):
            return
        try:
            if new != self.OWN:
                self.value = came_by_itself(new)
        except UserError as error:
            self._complain(error)
        finally:
            self._taken()
            self._show()


def chosen(picture: str | OwnPicture, channels: int, size: int | None = None) -> As:
    """What ``another_picture`` holds, loaded with so many channels and, if asked, a shorter side of ``size`` px."""
    more = "" if size is None else f", size={size}"
    more += "" if channels == 3 else f", channels={channels}"
    if isinstance(picture, OwnPicture):
        source = picture.source or "..."
        loaded = load_image(picture.picture, size, channels=channels)
        return As(loaded, f"cnnviz.load_image({source}{more})" if more else source)
    return As(load_image(picture, size, channels=channels), f'cnnviz.load_image("{picture}"{more})')

"""How the browser gets the JavaScript and the CSS of our widgets: all of it, once, whatever number of widgets there is.

anywidget sends a widget's whole module with every widget. Ours are many, and share modules. So one model without a
view, ``FrontEnd``, holds all files, compressed; every widget names it and its own module, and carries only the few
lines of ``js/loader.js``, which unpack the files, let them import each other and hand over to the module.
"""

import gzip
import json
import re
import threading
from base64 import b64encode
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import traitlets as t
from anywidget import AnyWidget
from ipywidgets import Widget, register, widget_serialization

from cnnviz_widgets import colormaps
from cnnviz_widgets.language import PSEUDO, catalog, language, said
from cnnviz_widgets.widgets.bare import bare

HERE = Path(__file__).parent


@cache
def files() -> dict[str, str]:
    """All that a browser runs, by its path below this folder, such as "js/dom.js"."""
    found = sorted(one for one in HERE.rglob("*") if one.suffix in (".js", ".css"))
    return {one.relative_to(HERE).as_posix(): bare(one) for one in found}


@cache
def messages() -> tuple[str, ...]:
    """What the browser's halves say by themselves: the first arguments of ``say``."""
    found = (re.finditer(r'\bsay\(\s*"((?:[^"\\]|\\.)+)"', text) for text in files().values())
    return tuple(dict.fromkeys(json.loads(f'"{one[1]}"') for every in found for one in every))


def _spoken(name: str) -> dict[str, Any]:
    """The language that is set, and what the browser's halves say in it: message -> its plural forms."""
    forms = {one: catalog(name).forms(one) for one in messages()}
    return {"language": "en" if name == PSEUDO else name, "words": {one: all_ for one, all_ in forms.items() if all_}}


@cache
def _packed(name: str) -> bytes:
    tables = {name: b64encode(colormaps.table(name).tobytes()).decode() for name in (*colormaps.COLORMAPS, "levels")}
    text = json.dumps({"files": files(), "tables": tables} | ({"spoken": _spoken(name)} if name else {}))
    return gzip.compress(text.encode(), mtime=0)


def spoken(value: Any, _: Any = None) -> Any:
    """A trait's texts on their way to the browser: in the language that is set. What Python has stays English."""
    if isinstance(value, str):
        return said(value)
    return [spoken(one) for one in value] if isinstance(value, list | tuple) else value


def described(value: Any, _: Any = None) -> Any:
    """As ``spoken``, for lists of a name, which a program knows, and what is shown for it."""
    return [[name, *map(said, words)] for name, *words in value]


@register
class FrontEnd(Widget):
    """Every file and every color table, for all widgets of this kernel: it has no view and is never closed by them.

    data   JSON, compressed by gzip: {"files": path -> text, "tables": color map -> 256 RGB colors in base64}, and where
           a language is set "spoken": {"language": its name, "words": message -> translations}
    """

    data = t.Bytes().tag(sync=True)

    _one: ClassVar["FrontEnd | None"] = None
    _lock: ClassVar = threading.Lock()

    @classmethod
    def one(cls) -> "FrontEnd":
        """The one of this kernel; a new one where it was closed together with all widgets."""
        with cls._lock:
            if cls._one is None or cls._one.comm is None:
                cls._one = cls(data=_packed(language()))
            return cls._one


class BrowserWidget(AnyWidget):
    """Base of our widgets.

    module   file of the browser's half, below this folder; the CSS file of the same name, if there is one, is its look
    """

    module: ClassVar[str]

    _esm = t.Unicode(bare(HERE / "js/loader.js")).tag(sync=True)
    _module = t.Unicode().tag(sync=True)
    _front_end = t.Instance(FrontEnd).tag(sync=True, **widget_serialization)

    def __init__(self, **traits: Any) -> None:
        if unknown := set(traits) - set(self.trait_names()):
            raise TypeError(f"{type(self).__name__} has no {', '.join(sorted(unknown))}.")
        super().__init__(_module=self.module, _front_end=FrontEnd.one(), **traits)

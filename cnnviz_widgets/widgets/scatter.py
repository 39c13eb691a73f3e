"""Pictures as points in a plane, or in a space of many dimensions that is toured."""

import hashlib
import io
import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import traitlets as t
from PIL import Image

from cnnviz_widgets.colormaps import KINDS
from cnnviz_widgets.content import tile
from cnnviz_widgets.described import scattered
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.widgets.front_end import BrowserWidget, spoken

PAGE = 4096  # px: larger pictures are refused by some browsers
MOST_DIMENSIONS = 64
OTHER = "other"


@dataclass(frozen=True, eq=False)
class Cloud:
    """Pictures as points.

    points      (N, 2), 0…1: from the left and from the top. Or (N, D), D from 3 to 64, to be toured: they are moved and
                scaled into the unit ball
    names       of the pictures; () = none
    labels      of their classes, for the colors; () = none. The seven most frequent ones have a color of their own
    numbers     of the pictures, by which a program knows them; () = 0, 1, 2 …
    thumbnails  (N, h, w, 3) uint8, or None
    axes        names of the D dimensions; () = their numbers
    reach       which distance from the mean of the points becomes 1 in a tour; 0 = that of the farthest one
    """

    points: np.ndarray
    names: Sequence[str] = ()
    labels: Sequence[str] = ()
    numbers: Sequence[int] = ()
    thumbnails: np.ndarray | None = None
    axes: Sequence[str] = ()
    reach: float = 0.0

    def __post_init__(self) -> None:
        points = np.ascontiguousarray(self.points, np.float32)
        if points.ndim != 2 or not 2 <= points.shape[1] <= MOST_DIMENSIONS or not np.isfinite(points).all():
            raise UserError(
                f"points must be finite numbers (N, D), D from 2 to {MOST_DIMENSIONS}, not {np.shape(self.points)}."
            )
        for name in ("names", "labels", "numbers", "thumbnails"):
            given = getattr(self, name)
            if given is not None and len(given) not in {0, len(points)}:
                raise UserError(f"{name} must be one for each of {len(points)} points, not {len(given)}.")
        if len(self.axes) not in {0, points.shape[1]}:
            raise UserError(f"axes must be {points.shape[1]} names, one a dimension, not {len(self.axes)}.")
        object.__setattr__(self, "points", points)

    @property
    def toured(self) -> bool:
        """Whether there are more dimensions than a plane has."""
        return self.points.shape[1] > 2

    def placed(self) -> np.ndarray:
        """(N, D) float32 as a browser takes them."""
        if not self.toured or not len(self.points):
            return self.points
        centered = self.points - self.points.mean(0)
        return centered / max(1e-12, self.reach or float(np.linalg.norm(centered, axis=1).max()))

    def kinds(self) -> tuple[np.ndarray, list[str]]:
        """(N,) uint8 numbers of colors, and what they stand for, the most frequent first."""
        counted = [name for name, _ in Counter(self.labels).most_common()]
        legend = counted if len(counted) <= KINDS else [*counted[: KINDS - 1], OTHER]
        of = dict(zip(counted, range(KINDS - 1), strict=False))
        return np.array([of.get(one, KINDS - 1) for one in self.labels], np.uint8), legend

    @property
    def alt(self) -> str:
        """What is to be seen: how many, in which colors, and along which axes."""
        kinds, legend = self.kinds()
        counts = np.bincount(kinds, minlength=KINDS).tolist()
        return scattered(
            len(self.points), self.points.shape[1], {name: counts[kind] for kind, name in enumerate(legend)}
        )


class Scatter(BrowserWidget):
    """Shows a ``Cloud``: pan, zoom, hover, click, a rectangle or a lasso; and the grand tour of more dimensions.

    picked     number of the picture that was clicked, or None
    selection  numbers of the pictures in the lasso or rectangle, in the order of the points
    basis      (D, 2) orthonormal: the plane where a tour was paused, or an axis was dragged to; None = it has not been
    alt        what a screen reader calls it
    serial     of the last points shown;   drawn   of the last ones that a browser has drawn

    The browser sends only messages and never sets a trait, so a worker thread may call ``show`` at any time. What does
    not change from one cloud to the next is not sent again.
    """

    module = "scatter.js"

    picked = t.Int(None, allow_none=True).tag(sync=True)
    selection: Any = t.Tuple()
    basis: Any = t.Any(None)
    alt = t.Unicode("Pictures").tag(sync=True, to_json=spoken)
    drawn = t.Int(0)

    _points: Any = t.Dict({"serial": 0, "data": b"", "dimensions": 2}).tag(sync=True)
    _columns: Any = t.Dict({"numbers": b"", "kinds": b"", "names": [], "legend": [], "axes": [], "sheet": None}).tag(
        sync=True
    )
    _sheet: Any = t.Dict(default_value=None, allow_none=True).tag(sync=True)
    _selected = t.Bytes().tag(sync=True)

    def __init__(self, cloud: Cloud | None = None, **traits: Any) -> None:
        super().__init__(**traits)
        self._numbers: frozenset[int] = frozenset()
        self._digest = b""
        self._on_pick: list[Callable[[int], None]] = []
        self._on_select: list[Callable[[tuple[int, ...]], None]] = []
        self.observe(self._send_selection, "selection")
        self.on_msg(self._receive)
        self.cloud: Cloud | None = None
        if cloud is not None:
            self.show(cloud)

    @property
    def serial(self) -> int:
        return self._points["serial"]

    def show(self, cloud: Cloud) -> None:
        """Show other points: those alone are sent where the rest is as before."""
        numbers = np.asarray(cloud.numbers if len(cloud.numbers) else range(len(cloud.points)), np.int32)
        kinds, legend = cloud.kinds()
        pictures = self._with_thumbnails(cloud.thumbnails)
        columns = {
            "numbers": numbers.tobytes(),
            "kinds": kinds.tobytes(),
            "names": list(map(str, cloud.names)),
            "legend": legend,
            "axes": list(map(str, cloud.axes)),
            "sheet": pictures and pictures["id"],
        }
        if columns != self._columns:
            self._columns, self._numbers = columns, frozenset(numbers.tolist())
        self._sheet = pictures  # after the columns, which wait for it
        if self.picked not in self._numbers:
            self.picked = None
        self.selection = tuple(one for one in self.selection if one in self._numbers)
        points = cloud.placed()
        if self.basis is not None and len(self.basis) != points.shape[1]:
            self.basis = None
        self._points = {
            "serial": self.serial + 1, "data": points.tobytes(), "dimensions": points.shape[1],
        }  # fmt: skip
        self.cloud = cloud

    def on_pick(self, handler: Callable[[int], None]) -> None:
        """Call ``handler(number)`` when a picture is clicked, or Enter pressed on it."""
        self._on_pick.append(handler)

    def on_select(self, handler: Callable[[tuple[int, ...]], None]) -> None:
        """Call ``handler(numbers)`` when other pictures have been selected; () = none any more."""
        self._on_select.append(handler)

    def _with_thumbnails(self, thumbnails: np.ndarray | None) -> dict[str, Any] | None:
        """Their sheet: that which was sent last, if it is of the same pictures."""
        if thumbnails is None or not len(thumbnails):
            self._digest = b""
            return None
        digest = hashlib.blake2b(repr(thumbnails.shape).encode() + np.ascontiguousarray(thumbnails).tobytes()).digest()
        if digest == self._digest:
            return self._sheet
        self._digest = digest
        return {"id": self.serial + 1, **sheet(thumbnails)}

    def _send_selection(self, _: Any = None) -> None:
        self._selected = np.asarray(self.selection, np.int32).tobytes()

    def _receive(self, _: Any, message: dict, buffers: Sequence[Any]) -> None:
        match message.get("do"):
            case "drawn":
                self.drawn = max(self.drawn, message["serial"])
            case "pick" if message["number"] in self._numbers:
                self.picked = message["number"]
                for handler in self._on_pick:
                    handler(self.picked)
            case "select":
                chosen = np.frombuffer(buffers[0], np.int32).tolist()
                self.selection = tuple(one for one in chosen if one in self._numbers)  # there may be others by now
                for choose in self._on_select:
                    choose(self.selection)
            case "basis" if len(buffers[0]) == 16 * self._points["dimensions"]:
                self.basis = np.frombuffer(buffers[0], np.float64).reshape(2, -1).T.copy()


def sheet(thumbnails: np.ndarray) -> dict[str, Any]:
    """Pictures (N, h, w, 3) as JPEG pages of at most ``PAGE`` px a side."""
    height, width = thumbnails.shape[1:3]
    columns = min(PAGE // width, math.ceil(math.sqrt(len(thumbnails))))
    page = columns * (PAGE // height)  # pictures on one
    pages = []
    for start in range(0, len(thumbnails), page):
        buffer = io.BytesIO()
        Image.fromarray(tile(thumbnails[start : start + page], columns)).save(buffer, "JPEG", quality=85, subsampling=0)
        pages.append(buffer.getvalue())
    return {"size": [height, width], "columns": columns, "page": page, "pages": pages}

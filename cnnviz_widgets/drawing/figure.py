"""What a notebook shows as a picture says in words what is in it.

VS Code and MyST take the text of an output for the picture's ``alt``; nbconvert looks for it in the metadata.
"""

from base64 import b64encode
from typing import Any

from PIL import Image

from cnnviz_widgets.drawing.render import alt_of, png, saying


def output(name: str, picture: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    """Data and metadata of a notebook's output: a PNG file and, in two lines, what it is and what is in it."""
    alt = alt_of(picture)
    data = {"text/plain": f"{name}\n{alt}", "image/png": b64encode(picture).decode()}
    return data, {"image/png": {"alt": alt}}


class Shown:
    """What a notebook shows as a picture, and says in words."""

    def _repr_png_(self) -> bytes:
        raise NotImplementedError

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        return output(repr(self), self._repr_png_())


class Figure(Shown, Image.Image):
    """A Pillow picture that says what is in it."""

    @classmethod
    def of(cls, picture: Image.Image, alt: str) -> "Figure":
        figure = cls()
        figure.__setstate__(picture.__getstate__())
        return saying(figure, alt)

    def _repr_png_(self) -> bytes:
        return png(self)

    def _repr_jpeg_(self) -> None:
        """One file is enough."""

    def __repr__(self) -> str:
        return f"Picture of {self.width}×{self.height} px"

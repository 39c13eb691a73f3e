"""Sample pictures, loaded when they are asked for."""

from base64 import b64encode
from functools import cache
from html import escape

from cnnviz_widgets.gate import gate
from cnnviz_widgets.pictures.load import load_image
from cnnviz_widgets.pictures.picture import Picture
from cnnviz_widgets.pictures.sample_files import THUMBNAIL, SampleFiles, installed


class Samples(SampleFiles):
    """Sample pictures by name; iterates over the names. In a notebook it shows them all.

    samples()["chelsea"] → (3, H, W) float32, 0…1, as ``load_image("chelsea")``
    """

    def __getitem__(self, name: str) -> Picture:
        self.path(name)
        return load_image(name)

    def _repr_html_(self) -> str:
        figures = "".join(
            f'<figure style="margin:0;width:{THUMBNAIL}px">'
            f'<img alt="{escape(self.about(name))}" title="{escape(self.about(name))}"'
            f' src="data:image/jpeg;base64,{b64encode(self.thumbnail(name)).decode()}">'
            f'<figcaption style="overflow-wrap:anywhere">{escape(name)}</figcaption></figure>'
            for name in self
        )
        return f'<div style="display:flex;flex-wrap:wrap;gap:12px;align-items:end">{figures}</div>'


@cache
@gate
def samples() -> Samples:
    """All sample pictures that are installed. Nothing is ever downloaded."""
    return Samples(installed())

"""The photographs that scikit-image and scikit-learn install: there without a download."""

import io
from base64 import b64encode
from collections.abc import Iterator
from difflib import get_close_matches
from functools import cache
from html import escape
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import gate

if TYPE_CHECKING:
    from torch import Tensor

THUMBNAIL = 112  # px, longest side

# Name (that of scikit-image's function, where there is one) -> package, file in it, what it shows. Color, then gray.
_PHOTOGRAPHS = {
    "chelsea": ("skimage", "data/chelsea.png", "a tabby cat"),
    "coffee": ("skimage", "data/coffee.png", "a cup of espresso"),
    "astronaut": ("skimage", "data/astronaut.png", "Eileen Collins, astronaut"),
    "rocket": ("skimage", "data/rocket.jpg", "a rocket on the launch pad"),
    "motorcycle_left": ("skimage", "data/motorcycle_left.png", "a motorcycle in a garage"),
    "flower": ("sklearn", "datasets/images/flower.jpg", "a dahlia"),
    "china": ("sklearn", "datasets/images/china.jpg", "a pagoda of the Summer Palace in Beijing"),
    "hubble_deep_field": ("skimage", "data/hubble_deep_field.jpg", "galaxies, by the Hubble telescope"),
    "retina": ("skimage", "data/retina.jpg", "the back of a human eye"),
    "immunohistochemistry": ("skimage", "data/ihc.png", "stained tissue of a colon"),
    "camera": ("skimage", "data/camera.png", "a man with a camera, gray"),
    "coins": ("skimage", "data/coins.png", "Greek coins from Pompeii, gray"),
    "moon": ("skimage", "data/moon.png", "the surface of the moon, gray"),
    "clock": ("skimage", "data/clock_motion.png", "a clock, blurred by motion, gray"),
    "page": ("skimage", "data/page.png", "a printed page, badly lit, gray"),
    "text": ("skimage", "data/text.png", "handwriting, gray"),
    "cell": ("skimage", "data/cell.png", "a cell under the microscope, gray"),
    "brick": ("skimage", "data/brick.png", "a brick wall, gray"),
    "grass": ("skimage", "data/grass.png", "grass, gray"),
    "gravel": ("skimage", "data/gravel.png", "gravel, gray"),
}


class Samples:
    """Sample photographs by name; iterates over the names. In a notebook it shows them all.

    samples()["chelsea"] → (3, H, W) float32, 0…1, as ``load_image("chelsea")``
    """

    def __init__(self, paths: dict[str, Path]) -> None:
        self._paths = paths

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._paths)

    def __iter__(self) -> Iterator[str]:
        return iter(self._paths)

    def __len__(self) -> int:
        return len(self._paths)

    def __contains__(self, name: object) -> bool:
        return name in self._paths

    def __getitem__(self, name: str) -> "Tensor":
        from cnnviz_widgets.pictures.load import load_image

        self.path(name)
        return load_image(name)

    def path(self, name: str) -> Path:
        """The installed file. UserError for a name that is not there."""
        if name not in self:
            raise UserError(f"there is no sample called {name!r}{self.hint(name)}: samples are {', '.join(self)}.")
        return self._paths[name]

    def about(self, name: str) -> str:
        """What the photograph shows, in a few words."""
        self.path(name)
        return _PHOTOGRAPHS[name][2]

    def hint(self, name: object) -> str:
        """For an error's text: " (did you mean 'chelsea'?)", or nothing where no name is near."""
        near = get_close_matches(str(name).casefold(), self._paths, n=1)
        return f" (did you mean {near[0]!r}?)" if near else ""

    def thumbnail(self, name: str) -> bytes:
        """A JPEG file, longest side 112 px."""
        return _thumbnail(self.path(name))

    def __repr__(self) -> str:
        return f"samples: {', '.join(self)}"

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
    """All sample photographs that are installed. Nothing is ever downloaded."""
    paths = {name: _folder(package) / file for name, (package, file, _) in _PHOTOGRAPHS.items()}
    return Samples({name: path for name, path in paths.items() if path.is_file()})


@cache
def _folder(package: str) -> Path:
    """Where a package lies, without the cost of importing it."""
    return Path(find_spec(package).submodule_search_locations[0])


@cache
def _thumbnail(path: Path) -> bytes:
    with Image.open(path) as photo:
        photo.thumbnail((THUMBNAIL, THUMBNAIL))
        file = io.BytesIO()
        photo.save(file, "JPEG", quality=85)
    return file.getvalue()

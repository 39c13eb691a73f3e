"""Pictures that are there without a download: photographs of scikit-image and scikit-learn, and a few drawn ones."""

import io
from collections.abc import Iterator
from difflib import get_close_matches
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from cnnviz_widgets.errors import UserError

THUMBNAIL = 112  # px, longest side
MOST_LISTED = 12  # names


class Sample(NamedTuple):
    """A picture file in an installed package.

    about    what it shows, in a few words
    classes  the ImageNet classes of what it shows, of those that the bundled network knows
    style    whether it is painted, in a style that other pictures can take over
    """

    package: str
    file: str
    about: str
    classes: tuple[str, ...] = ()
    style: bool = False


# By name, that of scikit-image's function where there is one. First what the bundled network knows, with one object and
# with two; then others in color, and in gray.
_SAMPLES = {
    "chelsea": Sample("skimage", "data/chelsea.png", "a tabby cat", ("tabby",)),
    "coffee": Sample("skimage", "data/coffee.png", "a cup of espresso", ("espresso",)),
    "goldfish": Sample("cnnviz_widgets", "pictures/drawn/goldfish.jpg", "a goldfish, drawn", ("goldfish",)),
    "king_penguin": Sample(
        "cnnviz_widgets", "pictures/drawn/king_penguin.jpg", "a king penguin, drawn", ("king penguin",)
    ),
    "monarch": Sample("cnnviz_widgets", "pictures/drawn/monarch.jpg", "a monarch butterfly, drawn", ("monarch",)),
    "jellyfish": Sample("cnnviz_widgets", "pictures/drawn/jellyfish.jpg", "a jellyfish, drawn", ("jellyfish",)),
    "spider_web": Sample("cnnviz_widgets", "pictures/drawn/spider_web.jpg", "a spider web, drawn", ("spider web",)),
    "school_bus": Sample("cnnviz_widgets", "pictures/drawn/school_bus.jpg", "a school bus, drawn", ("school bus",)),
    "beacon": Sample("cnnviz_widgets", "pictures/drawn/beacon.jpg", "a lighthouse, drawn", ("beacon",)),
    "teapot": Sample("cnnviz_widgets", "pictures/drawn/teapot.jpg", "a teapot, drawn", ("teapot",)),
    "orange": Sample("cnnviz_widgets", "pictures/drawn/orange.jpg", "two oranges, drawn", ("orange",)),
    "banana": Sample("cnnviz_widgets", "pictures/drawn/banana.jpg", "two bananas, drawn", ("banana",)),
    "goldfish_and_jellyfish": Sample(
        "cnnviz_widgets",
        "pictures/drawn/goldfish_and_jellyfish.jpg",
        "a goldfish and a jellyfish, drawn",
        ("goldfish", "jellyfish"),
    ),
    "teapot_and_lemons": Sample(
        "cnnviz_widgets", "pictures/drawn/teapot_and_lemons.jpg", "a teapot and two lemons, drawn", ("teapot", "lemon")
    ),
    "astronaut": Sample("skimage", "data/astronaut.png", "Eileen Collins, astronaut"),
    "rocket": Sample("skimage", "data/rocket.jpg", "a rocket on the launch pad"),
    "motorcycle_left": Sample("skimage", "data/motorcycle_left.png", "a motorcycle in a garage"),
    "flower": Sample("sklearn", "datasets/images/flower.jpg", "a dahlia"),
    "china": Sample("sklearn", "datasets/images/china.jpg", "a pagoda of the Summer Palace in Beijing"),
    "hubble_deep_field": Sample("skimage", "data/hubble_deep_field.jpg", "galaxies, by the Hubble telescope"),
    "retina": Sample("skimage", "data/retina.jpg", "the back of a human eye"),
    "immunohistochemistry": Sample("skimage", "data/ihc.png", "stained tissue of a colon"),
    "stained_glass": Sample(
        "cnnviz_widgets", "pictures/drawn/stained_glass.jpg", "a window of stained glass, drawn", style=True
    ),
    "swirling_strokes": Sample(
        "cnnviz_widgets", "pictures/drawn/swirling_strokes.jpg", "a night sky in strokes of oil, drawn", style=True
    ),
    "watercolor": Sample("cnnviz_widgets", "pictures/drawn/watercolor.jpg", "poppies in watercolor, drawn", style=True),
    "camera": Sample("skimage", "data/camera.png", "a man with a camera, gray"),
    "coins": Sample("skimage", "data/coins.png", "Greek coins from Pompeii, gray"),
    "moon": Sample("skimage", "data/moon.png", "the surface of the moon, gray"),
    "clock": Sample("skimage", "data/clock_motion.png", "a clock, blurred by motion, gray"),
    "page": Sample("skimage", "data/page.png", "a printed page, badly lit, gray"),
    "text": Sample("skimage", "data/text.png", "handwriting, gray"),
    "cell": Sample("skimage", "data/cell.png", "a cell under the microscope, gray"),
    "brick": Sample("skimage", "data/brick.png", "a brick wall, gray"),
    "grass": Sample("skimage", "data/grass.png", "grass, gray"),
    "gravel": Sample("skimage", "data/gravel.png", "gravel, gray"),
}


class SampleFiles:
    """Sample pictures by name, as files; iterates over the names."""

    def __init__(self, paths: dict[str, Path]) -> None:
        self._paths = paths

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._paths)

    @property
    def styles(self) -> tuple[str, ...]:
        """The names of those that are painted, in a style that other pictures can take over."""
        return tuple(name for name in self if _SAMPLES[name].style)

    @property
    def listed(self) -> str:
        """The first names, for an error's text."""
        return ", ".join(self.names[:MOST_LISTED]) + " …" * (len(self) > MOST_LISTED)

    def __iter__(self) -> Iterator[str]:
        return iter(self._paths)

    def __len__(self) -> int:
        return len(self._paths)

    def __contains__(self, name: object) -> bool:
        return name in self._paths

    def path(self, name: str) -> Path:
        """The installed file. UserError for a name that is not there."""
        if name not in self:
            raise UserError(f"there is no sample called {name!r}{self.hint(name)}: samples are {self.listed}.")
        return self._paths[name]

    def about(self, name: str) -> str:
        """What the picture shows, in a few words."""
        self.path(name)
        return _SAMPLES[name].about

    def classes(self, name: str) -> tuple[str, ...]:
        """The classes of what the picture shows, as ImageNet calls them; () if the bundled network knows none of it."""
        self.path(name)
        return _SAMPLES[name].classes

    def hint(self, name: object) -> str:
        """For an error's text: " (did you mean 'chelsea'?)", or nothing where no name is near."""
        near = get_close_matches(str(name).casefold(), self._paths, n=1)
        return f" (did you mean {near[0]!r}?)" if near else ""

    def thumbnail(self, name: str) -> bytes:
        """A JPEG file, longest side 112 px."""
        return _thumbnail(self.path(name))

    def __repr__(self) -> str:
        return f"samples: {', '.join(self)}"


@cache
def installed() -> dict[str, Path]:
    """The samples whose files are there, by name."""
    paths = {name: _folder(one.package) / one.file for name, one in _SAMPLES.items()}
    return {name: path for name, path in paths.items() if path.is_file()}


@cache
def _folder(package: str) -> Path:
    """Where a package lies, without the cost of importing it."""
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(f"{package} is not installed.", name=package)
    return Path(spec.submodule_search_locations[0])


@cache
def _thumbnail(path: Path) -> bytes:
    with Image.open(path) as photo:
        photo.thumbnail((THUMBNAIL, THUMBNAIL))
        file = io.BytesIO()
        photo.save(file, "JPEG", quality=85)
    return file.getvalue()

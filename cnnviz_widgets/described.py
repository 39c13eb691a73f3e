"""What is in a picture, in one sentence: for who cannot see it, and for what keeps only text.

Numbers have two digits, and what is nearly as strong counts as strong, so that every machine says the same.
"""

import re
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from cnnviz_widgets.content import Content

ALIKE = 1 / 256  # share of the greatest size; what differs by less is as strong
HALF = 0.5  # of the strongest: what is above it counts as strong
WIDE = 0.05  # share of a map; what covers more has no place, but an area
TINY = 1e-6  # what is smaller in a caption is an error of rounding
RAISED = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")
NUMBER = r"\d+\.\d+(e-?\d+)?(?!\d|×10)|\d+(\.\d+)?×10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+"  # that is not whole
TIME = r" · \d+(\.\d+)? m?s\b"
FEW = 64 * 64  # px in which the colors of pictures are counted, or a little more
MANY = 5  # of what is listed; the rest is counted
EACH = 4  # tiles up to which each is described by itself
FOUND = 0.2  # share of the pixels from which on a color is named
APART = 0.15  # of black to white, by which parts of a picture must differ, to be called light and dark
HUES = (  # degrees at which they end
    (15, "red"), (45, "orange"), (70, "yellow"), (165, "green"), (195, "cyan"), (255, "blue"), (290, "purple"),
    (345, "pink"), (360, "red"),
)  # fmt: skip
COLORS = ("black", "gray", "white", "brown", *dict.fromkeys(name for _, name in HUES))


def describe(content: Content) -> str:
    """One sentence: the caption, and what is to be seen under it: of numbers where the greatest are, of pictures how
    many there are, what they are called, and their colors."""
    told = content.alt or _seen(content)
    return f"{coarse(content.caption)}; {told}" if content.caption else told


def coarse(text: str) -> str:
    """The same words without times, and with two digits of each number that is not whole."""

    def shorter(found: re.Match[str]) -> str:
        value, cross, power = found[0].partition("×")
        if float(value + power.translate(RAISED).replace("10", "e", 1)) <= TINY:
            return "about 0"
        return number(float(value)) + cross + power

    return re.sub(NUMBER, shorter, re.sub(TIME, "", text))


def where(x: float, y: float) -> str:
    """A place, as shares of width and height, in words: one of nine fields."""
    row, column = (min(2, max(0, int(3 * share))) for share in (y, x))
    words = [("top", "", "bottom")[row], ("left", "", "right")[column]]
    return " ".join(word for word in words if word) or "center"


def number(value: float) -> str:
    """With two digits."""
    short = float(f"{value:.2g}") or 0.0  # and not -0
    return (f"{short:.0f}" if 100 <= abs(short) < 1e6 else f"{short:.2g}").replace("-", "−")


def share(part: float) -> str:
    """In per cent: what is there is never called 0, nor all what is not."""
    percent = round(100 * part)
    return "< 1%" if part > 0 and not percent else "> 99%" if part < 1 and percent == 100 else f"{percent}%"


def listed(words: Iterable[str], most: int = MANY) -> str:
    """The first ones, and how many more there are; of those that are numbered, the first and the last."""
    every = list(words)
    if len(every) > most + 1 and len({word.removesuffix(f" {at}") for at, word in enumerate(every)}) == 1:
        return f"{every[0]} to {every[-1]}"
    more = [f"and {len(every) - most} more"] if len(every) > most + 1 else []
    return ", ".join(every[:most] + more if more else every)


def scattered(count: int, dimensions: int, classes: Mapping[str, int]) -> str:
    """Points, and how many each class has. Not where they lie: a map of neighbors comes out otherwise elsewhere."""
    told = ": ".join(filter(None, (f"{count} points", listed(f"{name} {found}" for name, found in classes.items()))))
    return told if dimensions == 2 else f"{told}; in {dimensions} dimensions"


def _seen(content: Content) -> str:
    if not content.count:
        return "nothing to see yet"
    maps = content.maps
    tell = _kinds if content.levels else _map
    if maps is not None and content.count == 1:
        return tell(content, maps[0])
    names = [coarse(name) for name in content.names] or [f"tile {number}" for number in range(content.count)]
    if maps is not None and content.count <= EACH:
        return "; ".join(f"{name}: {tell(content, one)}" for name, one in zip(names, maps, strict=True))
    if maps is not None:
        return _grid_of_maps(content, names, maps)
    pictures = content.pictures
    assert pictures is not None  # or there would be nothing to see
    if content.count == 1:
        return ": ".join([*names[: len(content.names)], f"a {_picture(pictures[0])}"])
    if content.count <= EACH and content.names:
        return "; ".join(f"{name}: {_colors(one)}" for name, one in zip(names, pictures, strict=True))
    said = f": {listed(names)}" if content.names else ""
    return f"{content.count} pictures, {_colors(pictures)}{said}"


def _map(content: Content, values: np.ndarray) -> str:
    """Where it is strongest, how much of it is about as strong, and where it is weakest."""
    finite = np.isfinite(values)
    if not finite.any():
        return "no numbers"
    known = values[finite].astype(np.float64)
    least, greatest = known.min(), known.max()
    near = ALIKE * max(abs(least), abs(greatest))
    if greatest - least <= near:
        return f"{number(greatest)} everywhere"

    def end(word: str, value: float) -> str:
        alike = finite & (abs(values - value) <= near / 2)
        if alike.sum() > 1 and (area := alike.sum() / finite.sum()) > WIDE:
            return f"{word} over {share(area)} of it: {number(value)}"
        place = _place(content, alike)
        return f"{word} at the {place}: {number(value)}" if place else f"{word} in several places: {number(value)}"

    if content.signed or least < 0:
        return f"{end('greatest', greatest)}; {end('least', least)}{'; signed' * content.signed}"
    strong = (known > HALF * greatest).mean()
    half = f"above half of that {f'in {share(strong)} of it' if strong < 1 else 'everywhere'}"
    return f"{end('strongest', greatest)}; {half}; {end('weakest', least)}"


def _place(content: Content, alike: np.ndarray) -> str:
    """The middle of what is alike, in words and numbers, as the browser's readout has them; "" for many places."""
    rows, columns = np.nonzero(alike)
    if np.ptp(rows) * np.ptp(columns) > WIDE * alike.size:
        return ""
    row, column = (int(ends.min() + ends.max()) // 2 for ends in (rows, columns))
    down, across = (row + 0.5) / alike.shape[0], (column + 0.5) / alike.shape[1]
    if content.picture is None:
        return f"{where(across, down)}, row {row}, column {column}"
    height, width = content.size
    left, top, right, bottom = content.extent or (0, 0, width, height)
    x, y = left + across * (right - left), top + down * (bottom - top)
    return f"{where(x / width, y / height)}, x {int(x)}, y {int(y)}"


def _grid_of_maps(content: Content, names: Sequence[str], maps: np.ndarray) -> str:
    """Which of them are strongest, and how many are empty."""
    rows = np.nan_to_num(maps, nan=0.0, posinf=0.0, neginf=0.0).reshape(len(maps), -1)
    sizes = abs(rows)
    ends = rows[np.arange(len(rows)), sizes.argmax(1)]
    order = np.lexsort((np.arange(len(ends)), -np.rint(abs(ends) / (abs(ends).max() or 1) / ALIKE)))
    empty = int((sizes == 0).all(1).sum())
    strongest = ", ".join(f"{names[at]} ({number(ends[at])})" for at in order[: min(3, len(ends) - empty)])
    height, width = maps.shape[1:]
    told = [f"{len(maps)} maps of {height}×{width}"]
    told += [f"strongest {strongest}"] if strongest else []
    told += [f"{empty} are 0 everywhere"] if empty else []
    told += ["signed"] if content.signed else []
    return "; ".join(told)


def _kinds(content: Content, values: np.ndarray) -> str:
    """How much of it each kind covers."""
    kinds = values[np.isfinite(values)].astype(int)
    counts = np.bincount(kinds.clip(0), minlength=len(content.levels))[: len(content.levels)]
    order = np.argsort(-counts, kind="stable")
    return listed(f"{content.levels[at]} in {share(counts[at] / values.size)}" for at in order if counts[at]) or "empty"


def _picture(picture: np.ndarray) -> str:
    """Its size, its colors, and where it is light and dark."""
    height, width = picture.shape[:2]
    told = [f"picture of {width}×{height} px", _colors(picture)]
    light = _few(picture).mean(-1) / 255
    fields = [(x, y) for y in range(3) for x in range(3)]
    if min(light.shape) >= 3:
        downs, acrosses = (np.array_split(np.arange(length), 3) for length in light.shape)
        means = [round(float(light[downs[y]][:, acrosses[x]].mean()) / ALIKE) for x, y in fields]
        if (max(means) - min(means)) * ALIKE > APART:
            for word, at in (("lightest", max(means)), ("darkest", min(means))):
                x, y = fields[means.index(at)]
                told.append(f"{word} at the {where((x + 0.5) / 3, (y + 0.5) / 3)}")
    return ", ".join(told)


def _few(pictures: np.ndarray) -> np.ndarray:
    """Pictures without most of their rows and columns, if they have many."""
    step = max(1, int((pictures.size / 3 / FEW) ** 0.5))
    return pictures[..., ::step, ::step, :]


def _colors(pictures: np.ndarray) -> str:
    """The names of those that are found in much of it, those first that cover most."""
    colors = _few(pictures).reshape(-1, 3).astype(np.float64) / 255
    most, least = colors.max(1), colors.min(1)
    chroma = most - least
    red, green, blue = colors.T
    span = np.where(chroma > 0, chroma, 1)
    hue = np.select(
        [most == red, most == green], [((green - blue) / span) % 6, (blue - red) / span + 2], (red - green) / span + 4
    )
    named = np.searchsorted([end for end, _ in HUES], 60 * hue, "right").clip(0, len(HUES) - 1)
    kinds = np.array([COLORS.index(name) for _, name in HUES])[named]
    kinds[(kinds == COLORS.index("orange")) & (most < 0.6)] = COLORS.index("brown")
    gray = chroma < 0.12
    kinds[gray] = np.digitize(most[gray], (0.2, 0.85))  # black, gray, white
    kinds[most < 0.12] = COLORS.index("black")
    shares = np.bincount(kinds, minlength=len(COLORS)) / len(kinds)
    order = [at for at in np.argsort(-np.rint(20 * shares), kind="stable")[:3] if shares[at] >= FOUND]
    names = [COLORS[at] for at in order]
    if not names:
        return "in many colors"
    only = "all" if shares[order[0]] > 0.99 else "mostly" if shares[order].sum() > HALF else "partly"
    return f"{only} {' and '.join([', '.join(names[:-1]), names[-1]] if names[1:] else names)}"

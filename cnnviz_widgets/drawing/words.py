"""How numbers and names are written, in the browser and in saved pictures alike."""

import math

_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_PLAIN = range(-5, 7)  # powers of ten that are written out


def percent(share: float, digits: int = 1) -> str:
    """A probability or another share, 0…1, as "7.3%"; what is greater than 0 is never written as 0."""
    least = 10.0**-digits
    return f"< {least:.{digits}f}%" if 0 < 100 * share < least else f"{100 * share:.{digits}f}%"


def number(value: float) -> str:
    """A round number, such as one at an axis: "100", "−0.25", "5×10⁻⁸"."""
    if not value or not math.isfinite(value):
        return "0" if value == 0 else str(value)
    power = math.floor(math.log10(abs(value)) + 1e-9)
    if power in _PLAIN:
        text = f"{value:.{max(0, 9 - power)}f}".rstrip("0").rstrip(".")
    else:
        factor = f"{value / 10.0**power:.3g}"
        text = f"{'' if factor == '1' else f'{factor}×'}10{str(power).translate(_SUPERSCRIPT)}"
    return text.replace("-", "−")


def shorten(name: str, letters: int) -> str:
    """A long name without its middle: layers and classes differ at their ends."""
    if len(name) <= letters:
        return name
    end = (letters - 1) // 2
    return f"{name[: letters - 1 - end].rstrip()}…{name[len(name) - end :].lstrip()}"

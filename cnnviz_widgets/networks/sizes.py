"""Which sizes of pictures a network takes: any, its own only, at least some, or multiples of some; found by trying."""

from collections.abc import Callable, Iterator
from math import gcd

Size = tuple[int, int]  # (height, width) in px

LEAST = 8  # px: smaller pictures are not enlarged, there is nothing in them
STEP = 1.125  # from one enlargement that is tried to the next


def nearest(takes: Callable[[Size], bool], own: Size, size: Size, *, own_only: bool = False) -> Size | None:
    """The first size that a network ``takes``, of those near to ``size``; at last ``own``, for which it is made.

    own_only  whether it is known that it takes no others
    None if it takes none, or if ``size`` is too small for anything to be seen once it is enlarged.
    """
    candidates = [size, own] if own_only else [*dict.fromkeys(_candidates(own, size))]
    if min(size) < min(LEAST, *own):
        candidates = [size]
    return next((one for one in candidates if takes(one)), None)


def _candidates(own: Size, size: Size) -> Iterator[Size]:
    yield size
    for divisor in _divisors(gcd(*own)):  # multiples of what divides the network's own size
        height, width = (max(1, round(side / divisor)) * divisor for side in size)
        yield height, width
    factor = STEP
    while all(side * factor < most for side, most in zip(size, own, strict=True)):  # at least so large
        height, width = (round(side * factor) for side in size)
        yield height, width
        factor *= STEP
    (height, width), (rows, columns) = size, own  # one side as its own: in the same proportions, or else by itself
    yield rows, max(1, round(width * rows / height))
    yield max(1, round(height * columns / width)), columns
    yield rows, width
    yield height, columns
    yield own


def _divisors(number: int) -> list[int]:
    return [divisor for divisor in range(2, number) if number % divisor == 0]

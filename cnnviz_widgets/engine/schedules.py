"""Learning rates that change on the way."""

from math import cos, pi


def faded(through: float, rest: float = 0.0) -> float:
    """The share of a learning rate that is left when so much of a run is through, 0…1 (Loshchilov & Hutter, 2017).

    It falls along half a cosine from 1 to ``rest``, and stays there.
    """
    return rest + (1 - rest) * (1 + cos(pi * min(1.0, through))) / 2

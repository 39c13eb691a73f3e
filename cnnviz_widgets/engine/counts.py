"""Counts of successes, and how far they can be trusted."""

from math import sqrt
from typing import NamedTuple

Z = 1.959963984540054  # of 95% of a normal distribution


class Counted(NamedTuple):
    """So many of so many."""

    hits: int
    total: int

    @property
    def share(self) -> float:
        return self.hits / self.total if self.total else float("nan")

    @property
    def interval(self) -> tuple[float, float]:
        """The 95% confidence interval of the share (Wilson, 1927)."""
        if not self.total:
            return 0.0, 1.0
        share, weight = self.share, Z * Z / self.total
        middle = (share + weight / 2) / (1 + weight)
        half = sqrt(share * (1 - share) * weight + weight * weight / 4) / (1 + weight)
        return max(0.0, middle - half), min(1.0, middle + half)

    def __str__(self) -> str:
        low, high = self.interval
        return f"{self.share:.0%} ({self.hits} of {self.total}; {low:.0%}…{high:.0%})"

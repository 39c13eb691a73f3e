"""Which part of a map a change can reach, and where it is noticeable. Numbers only, no tensors."""

from collections.abc import Iterable, Sequence
from math import ceil, floor, sqrt
from typing import NamedTuple, TypeVar

T = TypeVar("T")


class Span(NamedTuple):
    """An interval along one side of a map for each of n positions: where it begins. All are equally long."""

    starts: tuple[int, ...]
    length: int

    @property
    def stops(self) -> tuple[int, ...]:
        return tuple(start + self.length for start in self.starts)


Window = tuple[Span, Span]  # rows and columns


def pair(both: Iterable[T]) -> tuple[T, T]:
    """Of what is known down the rows and along the columns."""
    rows, columns = both
    return rows, columns


def everything(size: tuple[int, int], count: int) -> Window:
    """The whole map, for each of ``count`` positions."""
    return Span((0,) * count, size[0]), Span((0,) * count, size[1])


class Blur(NamedTuple):
    """How a change is spread along one side of a map: evenly over a span, and then blurred by kernels.

    Each kernel with weights that know nothing of each other blurs what it sees, as a mean over its places would, so
    that most of a change stays near its middle (Luo et al., "Understanding the Effective Receptive Field in Deep
    Convolutional Neural Networks", NeurIPS 2016).

    firsts, lasts  the ends of the span for each position, in places of this map, of which they may be fractions
    variance       of the blur, in places squared
    """

    firsts: tuple[float, ...]
    lasts: tuple[float, ...]
    variance: float

    @classmethod
    def of(cls, span: Span) -> "Blur":
        return cls(span.starts, tuple(stop - 1 for stop in span.stops), 0.0)

    def noticeable(self, span: Span, deviations: float, size: int) -> Span:
        """What of a span, in a map of ``size``, is at most so many standard deviations away."""
        far = deviations * sqrt(self.variance)
        starts = [max(start, ceil(first - far)) for start, first in zip(span.starts, self.firsts, strict=True)]
        stops = [min(stop, floor(last + far) + 1) for stop, last in zip(span.stops, self.lasts, strict=True)]
        return _fitted(starts, stops, size)


class Kernel(NamedTuple):
    """What slides along one side of a map, of a convolution or a pooling."""

    size: int
    stride: int
    padding: int
    dilation: int

    @property
    def reach(self) -> int:
        """From the first input that it sees at once to the last."""
        return self.dilation * (self.size - 1)

    def reads(self, outputs: Span) -> Span:
        """The inputs that these outputs see. Some may lie outside the map."""
        starts = tuple(start * self.stride - self.padding for start in outputs.starts)
        return Span(starts, (outputs.length - 1) * self.stride + self.reach + 1)

    def changes(self, inputs: Span, size: int) -> Span:
        """The outputs, of ``size`` in all, that see any of these inputs."""
        starts = [-((self.reach - self.padding - start) // self.stride) for start in inputs.starts]
        stops = [(stop - 1 + self.padding) // self.stride + 1 for stop in inputs.stops]
        return _fitted(starts, stops, size)

    def spreads(self, inputs: Span) -> Span:
        """All outputs that see any of these inputs, at a stride of 1. Some may lie outside the map."""
        return Span(tuple(start + self.padding - self.reach for start in inputs.starts), inputs.length + self.reach)

    def blurs(self, inputs: Blur) -> Blur:
        """The blur of the outputs."""

        def there(ends: tuple[float, ...]) -> tuple[float, ...]:
            return tuple((end + self.padding - self.reach / 2) / self.stride for end in ends)

        own = self.dilation**2 * (self.size**2 - 1) / 12
        return Blur(there(inputs.firsts), there(inputs.lasts), (inputs.variance + own) / self.stride**2)

    def overhang(self, inputs: int, outputs: int) -> tuple[int, int]:
        """How far outside a map of ``inputs`` it looks, before it and after it."""
        return self.padding, max(0, self.reads(Span((0,), outputs)).stops[0] - inputs)


def united(windows: Sequence[Window], size: tuple[int, int]) -> Window:
    """What at least one of the windows has, in a map of ``size``."""
    return pair(
        _fitted(
            map(min, zip(*(span.starts for span in spans), strict=True)),
            map(max, zip(*(span.stops for span in spans), strict=True)),
            side,
        )
        for spans, side in zip(zip(*windows, strict=True), size, strict=True)
    )


def widest(blurs: Iterable[Blur]) -> Blur:
    """That of what comes from all of them."""
    firsts, lasts, variances = zip(*blurs, strict=True)
    return Blur(tuple(map(min, zip(*firsts, strict=True))), tuple(map(max, zip(*lasts, strict=True))), max(variances))


def _fitted(starts: Iterable[int], stops: Iterable[int], size: int) -> Span:
    """What of each [start, stop) lies in 0 … size, made as long as the longest, and shifted to stay inside."""
    inside = [(max(0, start), min(stop, size)) for start, stop in zip(starts, stops, strict=True)]
    length = max(1, *(stop - start for start, stop in inside))
    return Span(tuple(min(start, size - length) for start, _ in inside), length)

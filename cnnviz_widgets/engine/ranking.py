"""The first k pictures for every channel of a layer, by several measures at once.

The order is that of the measure, then of the pictures' numbers, so that the lists are the same whatever pictures were
looked at together, and in whatever order lists of parts of a data set are merged.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from cnnviz_widgets.errors import UserError

NOBODY = 2**31 - 1  # the number of a place in a list that no picture has


class Measure(NamedTuple):
    """By what pictures are ranked.

    keys    (maps (B, C, P), values at one drawn position of each (B, C)) → (B, C): the greatest first; -inf: not listed
    places  (maps (M, P), drawn positions (M,)) → (M,): where in the map the key is found
    sign    key × sign is the value
    some    whether it lists only some of the pictures
    """

    keys: Callable[[Tensor, Tensor], Tensor]
    places: Callable[[Tensor, Tensor], Tensor]
    sign: int = 1
    some: bool = False


def _listed(keys: Tensor, which: Tensor) -> Tensor:
    return torch.where(which, keys, -torch.inf)


_GREATEST = lambda maps, drawn: maps.argmax(1)  # noqa: E731
_LEAST = lambda maps, drawn: maps.argmin(1)  # noqa: E731
_DRAWN = lambda maps, drawn: drawn  # noqa: E731
MEASURES = {
    "top": Measure(lambda maps, at: maps.amax(2), _GREATEST),
    "bottom": Measure(lambda maps, at: -maps.amin(2), _LEAST, -1),
    "positive": Measure(lambda maps, at: _listed(-at, at > 0), _DRAWN, -1, some=True),
    "negative": Measure(lambda maps, at: _listed(at, at < 0), _DRAWN, some=True),
    "mean": Measure(lambda maps, at: maps.mean(2), _GREATEST),
}


@dataclass(frozen=True, eq=False)
class Ranking:
    """Lists of L measures for C channels.

    keys       (L, C, k), -inf where a list ends earlier
    numbers    (L, C, k) int32, of the pictures; ``NOBODY`` there
    positions  (L, C, k, 2) int32, (row, column) in the map; -1 where the layer has no positions
    """

    keys: Tensor
    numbers: Tensor
    positions: Tensor

    @classmethod
    def empty(cls, lists: int, channels: int, k: int, dtype: torch.dtype) -> "Ranking":
        shape = lists, channels, k
        return cls(
            torch.full(shape, -torch.inf, dtype=dtype),
            torch.full(shape, NOBODY, dtype=torch.int32),
            torch.full((*shape, 2), -1, dtype=torch.int32),
        )

    def __or__(self, other: "Ranking") -> "Ranking":
        """The lists of both; a picture that is in both counts once."""
        keys, numbers, positions = (
            torch.cat([getattr(one, name) for one in (self, other)], 2) for name in ("keys", "numbers", "positions")
        )
        order = _order(keys, numbers)
        keys, numbers = keys.gather(2, order), numbers.gather(2, order)
        again = (numbers[..., :, None] == numbers[..., None, :]).tril(-1).any(3)
        keys, numbers = keys.masked_fill(again, -torch.inf), numbers.masked_fill(again, NOBODY)
        kept = _order(keys, numbers)[..., : self.keys.shape[2]]
        at = order.gather(2, kept)
        return Ranking(keys.gather(2, kept), numbers.gather(2, kept), _rows(positions, at))

    def with_pictures(
        self, measures: Sequence[Measure], maps: Tensor, of: Sequence[int], drawn: Tensor, at: Tensor, layer: str
    ) -> "Ranking":
        """The lists with more pictures, none of which was there before.

        maps   (B, C, H, W), or (B, C, …) of a layer without positions
        of     the numbers of the pictures
        drawn  (B,): of each picture one position in reading order;  at  (B, C): the values there
        layer  its name, for the UserError where values are not finite
        """
        flat, k = maps.flatten(2) if maps.ndim > 2 else maps[..., None], self.keys.shape[2]
        numbers = torch.tensor(of, dtype=torch.int32)
        keys = torch.stack([one.keys(flat, at).T for one in measures]).cpu()  # (L, C, B)
        _check_finite(measures, keys, of, layer)
        best, last, tied = keys.amax(2), self.keys[..., -1], self.numbers[..., -1]
        changes = (best > last) | ((best == last) & (min(of) < tied) & (best > -torch.inf))
        rows = lists, channels = changes.nonzero(as_tuple=True)
        if not len(lists):
            return self
        some, last, tied = keys[rows], last[rows][:, None], tied[rows][:, None]
        enters = (some > last) | ((some == last) & (numbers < tied) & (some > -torch.inf))
        # As many as enter the list that most enter: the lists that are sorted are short.
        fresh, pictures = torch.where(enters, some, -torch.inf).topk(int(enters.sum(1).max()))
        listed = torch.where(fresh == -torch.inf, NOBODY, numbers[pictures])
        both = torch.cat([self.keys[rows], fresh], 1), torch.cat([self.numbers[rows], listed], 1)
        order = _order(*both)[:, :k]
        positions = _rows(self.positions[rows], order.clamp(max=k - 1))
        if maps.ndim == 4:
            for number, measure in enumerate(measures):
                row, column = ((order >= k) & (lists == number)[:, None]).nonzero(as_tuple=True)
                picture = pictures[row, order[row, column] - k]
                found = measure.places(flat[picture, channels[row]], drawn[picture]).cpu()
                positions[row, column] = torch.stack([found // maps.shape[3], found % maps.shape[3]], 1).int()
        new = Ranking(self.keys.clone(), self.numbers.clone(), self.positions.clone())
        new.keys[rows], new.numbers[rows] = both[0].gather(1, order), both[1].gather(1, order)
        new.positions[rows] = positions
        return new


def _check_finite(measures: Sequence[Measure], keys: Tensor, of: Sequence[int], layer: str) -> None:
    """By the measures that list every picture: a map that is not finite has no finite greatest and least value."""
    whole = keys[[not one.some for one in measures]]
    if not whole.isfinite().all():
        number = of[int((~whole.isfinite()).any(0).any(0).nonzero()[0])]
        raise UserError(f"{layer} gives values that are not finite for picture {number} of the dataset.")


def _order(keys: Tensor, numbers: Tensor) -> Tensor:
    """Of the last dimension: the greatest key first, and among equal ones the least number."""
    by_number = numbers.argsort(dim=-1, stable=True)
    by_key = keys.gather(-1, by_number).argsort(dim=-1, descending=True, stable=True)
    return by_number.gather(-1, by_key)


def _rows(positions: Tensor, order: Tensor) -> Tensor:
    return positions.gather(-2, order[..., None].expand(*order.shape, 2))

"""A7: a walk through the planes of a space of many dimensions (Asimov, 1985; Li et al., 2020)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any

import torch
from torch import Tensor

from cnnviz_widgets.drawing.render import Content
from cnnviz_widgets.drawing.results import Result
from cnnviz_widgets.engine.schedules import faded
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import OWN, Positive, Range, Seed, came, gate
from cnnviz_widgets.methods.embeddings._points import as_points

__all__ = ["TourFrame", "drag_axis", "grand_tour"]

example = dict(frames=3)

LEG = 60  # frames from one random plane to the next


@dataclass(frozen=True, eq=False, repr=False)
class TourFrame(Result):
    """Points as one plane of their space shows them.

    values       (N, 2)
    basis        (D, 2) float64, orthonormal columns: row d is where the axis of dimension d points to
    step, total  frames shown, and all of them
    """

    values: Tensor
    basis: Tensor
    step: int
    total: int
    of: str
    convention: str = "projections of the points, less their mean, onto a plane"

    def content(self) -> Content:
        return Content(values=self.basis.T.numpy(), signed=True, caption=f"{self.of}: the plane of frame {self.step}")


@gate
def grand_tour(
    points: Annotated[Any, OWN],
    frames: Positive = 240,
    *,
    epoch: Annotated[float, Range(0)] | None = None,
    seed: Seed = 0,
    start: Annotated[Any, OWN] = None,
) -> Iterator[TourFrame]:
    """Points of many dimensions, seen from everywhere: a smooth walk from one random plane to the next.

    points  (N, D), D at least 2, or what ``features`` found; or several of them, (E, N, D): the same pictures after
            each epoch of a training
    frames  in all; a walk from plane to plane takes 60
    epoch   of several, that which is shown, from 0, as well between two; None = from the first to the last, frame by
            frame
    seed    of the planes
    start   (D, 2), the first plane; None = that of the first two axes
    Yields TourFrame. UserError for a start whose columns are not orthonormal.
    """
    rows = _epochs(points)
    if rows.shape[2] < 2:
        raise UserError("points must have at least 2 numbers each.")
    last = len(rows) - 1
    if epoch is not None and epoch > last:
        raise UserError(f"epoch must be at most {last}, the last one of points, not {came(epoch)}.")
    generator = torch.Generator().manual_seed(seed)
    count = rows.shape[2]
    basis = torch.eye(count, 2, dtype=torch.float64) if start is None else _as_basis("start", start, count)
    centered, of = rows - rows.mean(1, keepdim=True), getattr(points, "of", "points")

    def states() -> Iterator[TourFrame]:
        here = there = basis
        for step in range(frames):
            if step % LEG == 0:
                here = between(here, there, 1.0)
                there = torch.linalg.qr(torch.randn(count, 2, generator=generator, dtype=torch.float64)).Q
            now = between(here, there, 1 - faded(step % LEG / LEG))  # slow at both ends
            shown = moment(centered, last * step / max(1, frames - 1) if epoch is None else epoch)
            yield TourFrame((shown @ now).float(), now, step + 1, frames, of)

    return states()


@gate
def drag_axis(basis: Annotated[Any, OWN], axis: Annotated[int, Range(0)], to: Annotated[Any, OWN]) -> Tensor:
    """The plane (D, 2) after one axis is pulled to another place: its row is rewritten, the columns made orthonormal.

    to   (x, y), at most 1 long
    """
    columns = _as_basis("basis", basis)
    if axis >= len(columns):
        raise UserError(f"axis must be at most {len(columns) - 1}, not {came(axis)}.")
    try:
        row = torch.as_tensor(to, dtype=torch.float64)
    except (TypeError, ValueError, RuntimeError, OverflowError):
        row = torch.empty(0)
    if row.shape != (2,) or not row.isfinite().all():
        raise UserError(f"to must be two numbers (x, y), not {came(to)}.")
    columns = columns.clone()
    columns[axis] = row / row.norm().clamp(min=1)
    return _orthonormal(columns)


def between(one: Tensor, other: Tensor, share: float) -> Tensor:
    """The plane (D, 2) on the shortest way from one to another, without a turn within it (Buja et al., 2005)."""
    left, cosines, right = torch.linalg.svd(one.T @ other)
    here, there = one @ left, other @ right.T
    angles = cosines.clamp(-1, 1).acos()
    aside = there - here * cosines
    aside = aside / aside.norm(dim=0).clamp(min=1e-12)
    turned = (here * (share * angles).cos() + aside * (share * angles).sin()) @ left.T
    return _orthonormal(turned)


def moment(epochs: Tensor, at: float) -> Tensor:
    """(N, D): of points (E, N, D) those at a moment, 0 … E − 1; on a straight line between two epochs."""
    before = min(int(at), len(epochs) - 1)
    return epochs[before].lerp(epochs[min(before + 1, len(epochs) - 1)], at - before)


def _epochs(points: Any) -> Tensor:
    """(E, N, D) float64; of points (N, D), one."""
    if isinstance(points, Tensor) and points.ndim == 3 and len(points) and not points.is_meta:
        return torch.stack([as_points("points", one) for one in points]).double()
    return as_points("points", points).double()[None]


def _orthonormal(columns: Tensor) -> Tensor:
    """By Gram and Schmidt: the first keeps its direction."""
    found = torch.linalg.qr(columns)
    return found.Q * found.R.diagonal().sign()


def _as_basis(name: str, given: Any, count: int | None = None) -> Tensor:
    if isinstance(given, Tensor) and given.ndim == 2 and given.is_floating_point():
        basis = given.detach().cpu().double()
        right = basis.shape == (count or len(basis), 2)
        if right and torch.allclose(basis.T @ basis, torch.eye(2, dtype=torch.float64), atol=1e-5):
            return _orthonormal(basis)
    raise UserError(f"{name} must be a tensor ({count or 'D'}, 2) with orthonormal columns, not {came(given)}.")

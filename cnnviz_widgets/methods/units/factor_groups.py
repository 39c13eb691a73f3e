"""A6: channels that are active together, as a few groups."""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Annotated, Any

import numpy as np
import torch
from torch import Tensor, nn

from cnnviz_widgets.colormaps import KINDS
from cnnviz_widgets.content import Content
from cnnviz_widgets.drawing.results import Result, rgb
from cnnviz_widgets.engine.optimize import objectives, optimize, parametrizations, transforms
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import Count, Range, Seed, gate
from cnnviz_widgets.networks import Layer, Network
from cnnviz_widgets.pictures import load_dataset

__all__ = ["FactorGroups", "factor_groups"]
example = dict(k=2, steps=2)

SIZE = 64  # px of a group's picture
POWER = 2  # of the cosine in the objective: without it, the pictures of all groups are alike
FAINT = 0.1  # share of the greatest activation of a group below which a position belongs to none


@dataclass(frozen=True, eq=False, repr=False)
class FactorGroups(Result):
    """Groups of channels, where each is active, and its picture. The group that accounts for most comes first.

    step, total  of the optimization of the groups' pictures
    values       (N, k, h, w): how active each group is in the pictures, ≥ 0
    factors      (k, C), ≥ 0, of length 1: how much each channel counts in a group
    error        ‖A − WH‖ / ‖A‖: how much of the activations above 0 the groups leave out
    seen         the pictures, (N, C, H, W), 0…1, as the network sees them
    pictures     (k, C, H, W): those that maximize each group, as far as they have been made; None = not begun
    """

    step: int
    total: int
    values: Tensor
    factors: Tensor
    error: float
    seen: Tensor
    layer: str
    pictures: Tensor | None = None
    convention: str = "weights of the groups, by non-negative matrix factorization"

    @property
    def of(self) -> str:
        return self.layer

    @property
    def shares(self) -> Tensor:
        """(k,): of the groups in all that they account for."""
        amounts = self.values.sum((0, 2, 3)) * self.factors.sum(1)
        return amounts / amounts.sum()

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(f"group {number}" for number in range(1, len(self.factors) + 1))

    @gate
    def content(self, number: Count = 0) -> Content:
        """A picture in which each position has the color of its most active group, or none where all are faint."""
        if number >= len(self.values):
            raise UserError(f"number must be less than {len(self.values)}, the pictures that there are, not {number}.")
        maps = self.values[number]
        greatest, group = maps.max(0)
        kinds = torch.where(greatest < FAINT * self.values.max(), torch.nan, group.float())
        return Content(
            rgb(self.seen[number]), kinds.numpy(), levels=self.names,
            caption=f"{self.layer}: {len(maps)} groups of channels, {self.error:.0%} left out",
        )  # fmt: skip

    def groups(self) -> Content:
        """The picture of each group, with its strongest channels."""
        if self.pictures is None:
            return Content()
        most = [one.argsort(descending=True, stable=True)[:3].tolist() for one in self.factors]
        return Content(
            rgb(self.pictures),
            names=tuple(
                f"{name}: {share:.0%}, channels {', '.join(map(str, channels))} …"
                for name, share, channels in zip(self.names, self.shares.tolist(), most, strict=True)
            ),
            heads=tuple(f"{at}: {share:.0%}" for at, share in enumerate(self.shares.tolist(), 1)),
            keys=tuple(range(len(most))),
            columns=len(most),
            caption="the picture that maximizes each group",
        )


@gate
def factor_groups(
    network: Network,
    pictures: Any,
    layer: "str | Layer | nn.Module | None" = None,
    k: Annotated[int, Range(1, KINDS)] = 4,
    *,
    steps: Count = 96,
    seed: Seed = 0,
) -> Iterator[FactorGroups]:
    """Groups of channels that are active at the same positions, by matrix factorization (Olah et al., 2018).

    What is above 0 at all positions of the pictures is a matrix of positions and channels, which is taken to be a
    product of two with k columns and rows and nothing below 0 (Lee & Seung, 1999; scikit-learn's NMF).

    pictures  anything that ``load_dataset`` takes; of one photograph, ``[photo]``
    layer     None = ``network.default_layer``
    k         groups; at most as many as there are channels and positions
    steps     of the optimization of the groups' pictures; 0 = none. Each maximizes the sum of its channels, weighted by
              the group, times their squared cosine (``objectives.direction``)
    seed      of these, and of the factorization

    Yields FactorGroups; the groups are there at once. Raises UserError for a layer without positions, for one in which
    nothing is above 0, and for pictures whose maps differ in size.

        last(factor_groups(load_network("mini"), [load_image("chelsea")], "conv4", 3)).shares
    """
    found = network.default_layer if layer is None else network.layer(layer)
    if not found.spatial:
        raise UserError(f"layer must have spatial positions, which {found.name!r} has not.")
    dataset = load_dataset(pictures, channels=network.channels)
    seen = [network.prepare(picture)[0].cpu() for picture, _ in dataset]
    if len({one.shape for one in seen}) > 1:
        raise UserError("pictures must be of one size for a network that takes any.")
    shown = torch.stack(seen)
    maps = network.activations(shown, found.name)[found.name].cpu().clamp(min=0)
    rows = maps.movedim(1, -1).reshape(-1, maps.shape[1]).double().numpy()
    if not np.isfinite(rows).all() or not rows.any():
        raise UserError(f"layer {found.name!r} must have finite activations above 0 for these pictures.")
    if k > min(rows.shape):
        raise UserError(f"k must be at most {min(rows.shape)}, the channels or positions of {found.name!r}, not {k}.")
    weights, factors = _factorized(rows, k, seed)
    error = float(np.linalg.norm(rows - weights @ factors) / np.linalg.norm(rows))
    where = torch.from_numpy(weights).reshape(len(maps), *maps.shape[2:], k).movedim(-1, 1)
    state = FactorGroups(0, steps, where, torch.from_numpy(factors), error, shown, found.name)
    return _states(state, network, seed) if steps else iter([state])


def _states(state: FactorGroups, network: Network, seed: int) -> Iterator[FactorGroups]:
    yield state
    aim = objectives.direction(state.layer, state.factors, POWER)
    side = min(SIZE, *(network.input_size or (SIZE,)))
    picture = parametrizations.fourier(side, len(state.factors))
    for one in optimize(network, aim, picture, transforms.robust(), steps=state.total, seed=seed):
        made = one.values.reshape(len(state.factors), *one.values.shape[-3:])
        yield replace(state, step=one.step, pictures=made)


def _factorized(matrix: np.ndarray, k: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(n, k) and (k, C), the rows of which have length 1; what accounts for most comes first."""
    from sklearn.decomposition import NMF
    from sklearn.exceptions import ConvergenceWarning

    model = NMF(k, init="nndsvda", max_iter=300, random_state=seed % 2**32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # ``error`` says how good it is
        weights = model.fit_transform(matrix)
    factors = model.components_
    lengths = np.linalg.norm(factors, axis=1)
    lengths[lengths == 0] = 1  # of a group that nothing belongs to
    weights, factors = weights * lengths, factors / lengths[:, None]
    order = np.argsort(-(weights.sum(0) * factors.sum(1)), kind="stable")
    return weights[:, order], factors[order]

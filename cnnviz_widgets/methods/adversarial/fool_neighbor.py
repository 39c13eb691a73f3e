"""X10: the least change that gives a picture a nearest neighbor of another class: exact, without a gradient."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch
from torch import Tensor

from cnnviz_widgets.drawing.render import Content
from cnnviz_widgets.drawing.results import Result, enlarged, rgb
from cnnviz_widgets.engine.counts import Counted
from cnnviz_widgets.engine.optimize.balls import in_8_bits
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import Range, Seed, gate
from cnnviz_widgets.methods.activations.activations import one_picture
from cnnviz_widgets.methods.adversarial.classifiers import NeighborClassifier
from cnnviz_widgets.pictures.given import AnyPicture

__all__ = ["NeighborAttack", "fool_neighbor"]
example = dict(draws=2)

TIMES = 2  # as strong as it is, the change is shown
ROOM = 192  # px of a side, to which pictures are enlarged on the screen
SLACK = 1e-9  # of an inequality, for rounding
SEVERAL = 8  # inequalities that are taken into account at a time
MOST_BEYOND = 100  # hundredths of the change, by which it goes on until its 8 bits count


@dataclass(frozen=True, eq=False, repr=False)
class NeighborAttack(Result):
    """The nearest picture that is equally far from its own class and from another.

    picture     (C, H, W), 0…1: before
    border      (C, H, W), float64: the nearest picture that no longer is nearer to its own class
    values      (C, H, W): in 8 bits, from there on in the same direction until the answer is another
    own, other  (C, H, W): the samples that are nearest to ``border``: the one left, and the one reached
    source      the class of ``picture``
    names       the classes of ``own`` and ``other``
    answer      the class of ``values``
    noise       (C, H, W): the picture with noise of the same length
    noise_said  what that is taken for
    control     how often the answer stays, with such noise
    """

    picture: Tensor
    border: Tensor
    values: Tensor
    own: Tensor
    other: Tensor
    source: str
    names: tuple[str, str]
    answer: str
    noise: Tensor
    noise_said: str
    control: Counted
    convention: str = "picture, values 0…1"

    @property
    def of(self) -> str:
        return f"{self.source} → {self.names[1]}"

    @property
    def success(self) -> bool:
        """Whether the answer to the 8 bits of ``values`` is another."""
        return self.answer == self.names[1]

    @property
    def distance(self) -> float:
        """The length of the least change, for values 0…1."""
        return _length(self.border - self.picture)

    @property
    def distances(self) -> tuple[float, float]:
        """Of ``border`` from the nearest sample of the class that it leaves, and of the other one: they are equal."""
        return _length(self.border - self.own), _length(self.border - self.other)

    def content(self) -> Content:
        """Before, the change twice as strong, and after; below, the sample that is left, noise, and that reached."""
        change = (0.5 + TIMES * (self.values - self.picture)).clamp(0, 1)
        tiles = torch.stack([self.picture, change, self.values, self.own, self.noise, self.other])
        (own, other), (first, second) = self.names, self.distances
        names = (
            f"before: {self.source}", f"change × {TIMES}", f"after: {self.answer}",
            f"{own}, {first:.2f} away", f"noise: {self.noise_said}", f"{other}, {second:.2f} away",
        )  # fmt: skip
        stays = f"{self.control.hits} times of {self.control.total}"
        told = f"length {self.distance:.2f}; noise of that length leaves the answer {stays}"
        return Content(rgb(enlarged(tiles, ROOM)), names=names, columns=3, caption=told)


@gate
def fool_neighbor(
    classifier: NeighborClassifier,
    image: AnyPicture,
    target: int | str | None = None,
    *,
    draws: Annotated[int, Range(1, 1000)] = 20,
    seed: Seed = 0,
) -> NeighborAttack:
    """The least change of a picture, in the Euclidean norm and within 0…1, that gives it a neighbor of another class.

    classifier  as ``neighbor_classifier`` makes it
    image       (C, H, W), values 0…1; it is rounded to 8 bits first
    target      class index or name of the neighbor; None = any other class
    draws       of noise of the same length: the control
    seed        of the noise

    With one sample in each class, the change ends where the line to the other one crosses the plane half way between
    both. With more, it ends at a corner of such planes: of the points that are at least as near to one sample as to
    each of its rivals, a convex polyhedron, the nearest is found (Lawson & Hanson, 1974, chapter 23), for one sample
    after the other until no plane is near enough (Yang et al., 2020). UserError for a target that is the answer
    already.

        fool_neighbor(neighbor_classifier(), neighbor_classifier().pictures[0]).distances
    """
    network = classifier.network
    picture = in_8_bits(one_picture(network, image))
    samples, known = classifier.samples.double().flatten(1).numpy(), classifier.known.numpy()
    start = picture.double().flatten().numpy()
    source = int(known[_squares(samples, start).argmin()])
    wanted = None if target is None else network.class_index(target)
    if wanted == source:
        raise UserError(f"target must be another class than {network.classes[source]!r}: the picture is that already.")
    goal = known != source if wanted is None else known == wanted
    rivals, goals = samples[~goal], samples[goal]
    change, at = _least(start, rivals, goals)
    border = start + change
    for hundredth in range(MOST_BEYOND + 1):
        values = in_8_bits(torch.from_numpy((start + (1 + hundredth / 100) * change).clip(0, 1)))
        answer = int(known[_squares(samples, values.numpy()).argmin()])
        if goal[known == answer].any():
            break
    rival = int(_squares(rivals, border).argmin())
    noise = torch.randn((draws, *picture.shape), generator=torch.Generator().manual_seed(seed))
    noise *= float(np.linalg.norm(change)) / noise.flatten(1).norm(dim=1).view(-1, 1, 1, 1)
    noisy = in_8_bits((picture + noise).clamp(0, 1))
    said = network.top(network.logits(noisy)).tolist()

    def shown(values: np.ndarray) -> Tensor:
        return torch.from_numpy(values).float().view_as(picture)

    names = network.classes[int(known[~goal][rival])], network.classes[int(known[goal][at])]
    return NeighborAttack(
        picture, torch.from_numpy(border).view_as(picture), values.float().view_as(picture), shown(rivals[rival]),
        shown(goals[at]), network.classes[source], names, network.classes[answer], noisy[0], network.classes[said[0]],
        Counted(said.count(source), draws),
    )  # fmt: skip


def _least(start: np.ndarray, rivals: np.ndarray, goals: np.ndarray) -> tuple[np.ndarray, int]:
    """The least change after which one of the goals (m, n) is as near as each of the rivals (k, n), and which one."""
    cross = (rivals**2).sum(1)[:, None] + (goals**2).sum(1) - 2 * rivals @ goals.T
    apart = np.sqrt(cross.clip(1e-24))
    planes = (_squares(goals, start) - _squares(rivals, start)[:, None]) / (2 * apart)  # how far, of each pair
    nearest = planes.max(0)
    best, found = np.full_like(start, np.inf), -1
    for at in nearest.argsort(kind="stable").tolist():
        length = float(np.linalg.norm(best))
        if nearest[at] >= length:
            break
        change = _shortest(start, (goals[at] - rivals) / apart[:, [at]], planes[:, at], length)
        if change is not None:
            best, found = change, at
    return best, found


def _shortest(start: np.ndarray, rows: np.ndarray, heights: np.ndarray, most: float) -> np.ndarray | None:
    """The shortest change with ``rows @ change >= heights`` and ``start + change`` in 0…1; None if not below ``most``.

    Least-distance programming (Lawson & Hanson, 1974), with only those inequalities that were violated so far.
    """
    from scipy.optimize import nnls

    change, known, least = np.zeros_like(start), np.empty((0, len(start))), np.empty(0)
    while True:
        missing = heights - rows @ change
        worst = np.argsort(-missing, kind="stable")[:SEVERAL]
        worst = worst[missing[worst] > SLACK]
        low, high = (np.nonzero(one > SLACK)[0] for one in (-start - change, start + change - 1))
        if not len(worst) + len(low) + len(high):
            return change
        known = np.vstack([known, rows[worst], _units(low, len(start)), -_units(high, len(start))])
        least = np.concatenate([least, heights[worst], -start[low], start[high] - 1])
        system = np.vstack([known.T, least])
        weights, _ = nnls(system, np.append(np.zeros_like(start), 1.0))
        change = known.T @ weights / (1 - least @ weights)
        if np.linalg.norm(change) >= most:
            return None


def _units(places: np.ndarray, size: int) -> np.ndarray:
    """(places, size): a row with 1 at each of the places."""
    return (places[:, None] == np.arange(size)).astype(float)


def _squares(samples: np.ndarray, point: np.ndarray) -> np.ndarray:
    """Squared distances of samples (m, n) from a point (n,)."""
    return ((samples - point) ** 2).sum(1)


def _length(change: Tensor) -> float:
    return float(change.double().norm())

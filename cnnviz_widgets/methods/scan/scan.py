"""A2, A3: one pass over a data set makes a file, in which the examples of every unit are looked up."""

import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from cnnviz_widgets.engine.checks import AnyLayers, several_layers, whole_number
from cnnviz_widgets.engine.cluster import check_client, worked
from cnnviz_widgets.engine.ranking import MEASURES, NOBODY, Ranking
from cnnviz_widgets.engine.sample import Sample
from cnnviz_widgets.engine.survey import Read, drawn_positions, survey, values_at
from cnnviz_widgets.errors import UserError, naming
from cnnviz_widgets.gate import Positive, Range, Seed, came, gate
from cnnviz_widgets.networks import Layer, Network
from cnnviz_widgets.pictures import load_dataset
from cnnviz_widgets.pictures.dataset import Dataset
from cnnviz_widgets.remarks import listening, remark
from cnnviz_widgets.runtime.files import unfinished

__all__ = ["Scan", "load_scan", "scan"]
example = dict(layers=["conv3"], k=2)

Which = Literal["top", "bottom", "positive", "negative"]
LISTS: tuple[Which, ...] = ("top", "bottom", "positive", "negative")
STEPS = 64  # of the quantiles
SAVED_EVERY = 10  # s
MOST_LISTED = 1000  # pictures of a list

K = Annotated[int, Range(1, MOST_LISTED)]


class Example(NamedTuple):
    """A picture in the list of a unit.

    number    of the picture in the data set
    value     the activation
    position  (row, column) in the channel's map; None where the layer has no positions
    """

    number: int
    value: float
    position: tuple[int, int] | None


@dataclass(frozen=True, eq=False)
class Statistics:
    """Of the C channels of a layer: each picture counts with one position of its maps, which the seed chose.

    count      pictures that were looked at; of more than 1,024, that many are chosen by the seed
    mean, std  (C,), of the population
    positive   (C,): share that is above 0
    quantiles  (65, C): least value, 1/64 quantile, … greatest value, interpolated linearly
    """

    count: int
    mean: Tensor
    std: Tensor
    positive: Tensor
    quantiles: Tensor


@dataclass(frozen=True, eq=False, repr=False)
class Scan:
    """What a pass over a data set has found so far, for every channel of each layer.

    network   that looked at the pictures
    pictures  the data set; None in a scan that was loaded without it
    k, seed   as in ``scan``
    total     pictures in the data set
    done      ranges (first, beyond the last) of the pictures that were looked at
    rankings, sample
              what was found; ``examples`` and ``statistics`` read it

    ``one | other`` merges scans of parts of the same data set, in any order; a picture that is in both counts once.
    """

    network: Network
    pictures: Dataset | None
    k: int
    seed: int
    total: int
    done: tuple[tuple[int, int], ...]
    rankings: Mapping[str, Ranking]
    sample: Sample

    @property
    def step(self) -> int:
        """Pictures that were looked at, or could not be read."""
        return sum(stop - start for start, stop in self.done)

    @property
    def layers(self) -> tuple[str, ...]:
        return tuple(self.rankings)

    @property
    def dataset(self) -> Dataset:
        """The pictures; UserError in a scan that has none."""
        if self.pictures is None:
            raise UserError("scan has no pictures to show: load it with them, cnnviz.load_scan(path, net, pictures).")
        return self.pictures

    @gate
    def examples(
        self, layer: str | Layer | nn.Module, channel: int, which: Which = "top", count: Positive | None = None
    ) -> tuple[Example, ...]:
        """The pictures in one list of a unit, at most k, in order; among equal values the lower number comes first.

        which  "top" and "bottom": each picture by its greatest or least activation, and where that is. "positive" and
               "negative": each picture by one position that the seed chose, those nearest to 0 on either side
        count  of pictures; None = all that are listed
        Raises UserError for a layer that was not looked at, and for an unknown channel.
        """
        ranking, name = self._of(layer)
        channel = whole_number("channel", channel, 0, ranking.keys.shape[1] - 1, f"in layer {name!r}")
        row = LISTS.index(which), channel
        listed = ranking.numbers[row] != NOBODY
        values = (ranking.keys[row][listed] * MEASURES[which].sign).tolist()
        positions = [None if one[0] < 0 else tuple(one) for one in ranking.positions[row][listed].tolist()]
        found = zip(ranking.numbers[row][listed].tolist(), values, positions, strict=True)
        return tuple(Example(*one) for one in found)[:count]

    @gate
    def statistics(self, layer: str | Layer | nn.Module) -> Statistics:
        """Mean, spread and quantiles of all channels. Raises UserError for a layer that was not looked at."""
        values = self.sample.values[self._of(layer)[1]].double()
        steps = torch.linspace(0, 1, STEPS + 1, dtype=torch.float64)
        return Statistics(
            len(values),
            values.mean(0),
            values.std(0, correction=0),
            (values > 0).double().mean(0),
            torch.from_numpy(np.quantile(values.numpy(), steps.numpy(), axis=0)),
        )

    def save(self, path: str | os.PathLike) -> None:
        """A file that ``load_scan`` reads, without the pictures. A file that is there is replaced once it is complete.

        Raises UserError where none can be written.
        """
        tensors = {"sample": torch.from_numpy(self.sample.numbers)}
        for layer, ranking in self.rankings.items():
            tensors |= {f"{layer}/{name}": one for name, one in vars(ranking).items()}
            tensors[f"{layer}/sample"] = self.sample.values[layer].contiguous()
        about = {name: getattr(self, name) for name in ("k", "seed", "total", "done", "layers")}
        about |= {"network": self.network.name, "fingerprint": self.network.fingerprint, "source": self._source}
        about["names"] = self.sample.names.tolist()
        part = unfinished(path)
        try:
            save_file(tensors, part, {"scan": json.dumps(about)})
            os.replace(part, path)
        except (OSError, SafetensorError) as error:  # such as a disk that is full
            raise UserError(f"path {came(os.fspath(path))} cannot be written ({error}).") from error

    def __or__(self, other: "Scan") -> "Scan":
        if not isinstance(other, Scan):
            return NotImplemented
        self._check_alike(other.network, other.layers, other.k, other.seed, other.total, other._source)
        rankings = {layer: ranking | other.rankings[layer] for layer, ranking in self.rankings.items()}
        return replace(
            self,
            pictures=self.pictures or other.pictures,
            done=_united(self.done, other.done),
            rankings=rankings,
            sample=self.sample | other.sample,
        )

    def __repr__(self) -> str:
        layers = ", ".join(self.layers)
        return f"Scan({self.network.name}: {layers}; {self.step:,} of {self.total:,} pictures, k {self.k})"

    @property
    def _source(self) -> str | None:
        return None if self.pictures is None else self.pictures.source

    def _of(self, layer: str | Layer | nn.Module) -> tuple[Ranking, str]:
        name = self.network.layer(layer).name
        if name not in self.rankings:
            raise UserError(f"layer {name!r} is not in the scan, which has {', '.join(map(repr, self.layers))}.")
        return self.rankings[name], name

    def _check_alike(
        self, network: Network, layers: Sequence[str], k: int, seed: int, total: int, source: str | None
    ) -> None:
        """UserError unless it is a scan of the same, made in the same way."""
        if network is not self.network and network.fingerprint != self.network.fingerprint:
            raise UserError(f"scan is one of another network than this {network.name}: weights or preparation differ.")
        asked = {"k": (self.k, k), "seed": (self.seed, seed), "layers": (self.layers, tuple(layers))}
        for name, (ours, theirs) in asked.items():
            if ours != theirs:
                raise UserError(f"scan has {name} {_told(ours)}, not {_told(theirs)}.")
        if total != self.total or (None not in (source, self._source) and source != self._source):
            raise UserError(
                f"scan is one of other pictures: {self.total:,} of {self._source or 'a data set'}, not {total:,} of "
                f"{source or 'a data set'}."
            )


@gate
def scan(
    network: Network,
    pictures: Any,
    layers: AnyLayers = None,
    k: K = 9,
    seed: Seed = 0,
    *,
    part: tuple[int, int] | None = None,
    resume: str | os.PathLike | Scan | None = None,
    at_once: Annotated[int, Range(1, 4096)] | None = None,
    cluster: Any = None,
) -> Iterator[Scan]:
    """One pass over a data set that remembers, for every channel of some layers, which pictures excite it and where.

    Everything about a unit is a look-up then (as in the deep visualization toolbox, Yosinski et al., 2015).

    pictures  anything that ``load_dataset`` takes: a folder, a zip file, a list, a torch Dataset, ``scenes()`` …
    layers    one or several; None = every convolution
    k         pictures in each list of a channel
    seed      of the position at which each picture counts in "positive", "negative" and the statistics
    part      (first, beyond the last): only these pictures, for scans of parts that are merged by ``|``
    resume    path of a file: what it holds is continued, if it is there, and what is found is saved to it, every ten
              seconds and at the end, also when you stop; or a Scan that is continued
    at_once   pictures in a pass; None = as is quickest. The lists do not depend on it
    cluster   a ``dask.distributed.Client``: its workers look at parts of the data set, which are merged as they come;
              what a worker that dies was at, another one does. Network and data set must be picklable

    Yields Scan, each for more of the pictures; see ``Scan.examples`` and ``Scan.statistics``. Memory is that of the
    lists and of one pass, however many pictures there are. What cannot be read is left out, and a remark at the end
    says how many these were, and which.
    Raises UserError at once for an unknown layer, for what holds no pictures, and for a file of another network, k,
    seed, layers or data set; and when it comes to it, for what is no picture, for values that are not finite, and if no
    picture could be read.

        last(scan(load_network("mini"), samples(), "conv4")).examples("conv4", 7)
    """
    chosen = several_layers(network, layers)
    dataset = load_dataset(pictures, channels=network.channels)
    first, beyond = _part(part, len(dataset))
    state = _nothing(network, dataset, chosen, k, seed)
    if resume is not None:
        with naming("resume"):
            state = _resumed(state, dataset, resume)
    path = None if isinstance(resume, Scan) else resume
    left = list(_left(state.done, range(first, beyond)))
    if cluster is None:
        return _kept(_states(state, left, at_once), state, path)
    return _kept(_from_workers(check_client(cluster), state, left, at_once), state, path)


@gate
def load_scan(path: str | os.PathLike, network: Network, pictures: Any = None) -> Scan:
    """A scan that ``Scan.save`` has written.

    network   of which it is; another one is refused
    pictures  those that were looked at, which the file does not hold: anything that ``load_dataset`` takes; None =
              only numbers are looked up
    Raises UserError for what is no such file, for another network, and for a data set of another length.

        load_scan("mini.scan", load_network("mini"), samples())
    """
    what = f"path {came(os.fspath(path))}"
    if not os.path.isfile(path):
        raise UserError(f"{what} is not a file.")
    try:
        with safe_open(path, framework="pt") as file:
            about = json.loads((file.metadata() or {})["scan"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        rankings = {
            layer: Ranking(*(tensors[f"{layer}/{name}"] for name in ("keys", "numbers", "positions")))
            for layer in about["layers"]
        }
        numbers, values = tensors["sample"].numpy(), {layer: tensors[f"{layer}/sample"] for layer in rankings}
        names = np.array(about.get("names", [""] * len(numbers)))  # files of earlier versions have none
        sample = Sample(about["seed"], numbers, names, values)
        done = tuple((start, stop) for start, stop in about["done"])
    except OSError as error:
        raise UserError(f"{what} cannot be opened ({error.strerror}).") from error
    except (SafetensorError, KeyError, ValueError, TypeError) as error:
        raise UserError(f"{what} is not the file of a scan.") from error
    if about["fingerprint"] != network.fingerprint:
        raise UserError(
            f"{what} is a scan of another network, called {about['network']}, than this {network.name}: weights or "
            "preparation differ."
        )
    dataset = None if pictures is None else load_dataset(pictures, channels=network.channels)
    if dataset is not None and len(dataset) != about["total"]:
        raise UserError(f"pictures must be the {about['total']:,} of the scan, and these are {len(dataset):,}.")
    return Scan(network, dataset, about["k"], about["seed"], about["total"], done, rankings, sample)


def _kept(states: Iterator[Scan], state: Scan, path: str | os.PathLike | None) -> Iterator[Scan]:
    """The states, from ``state`` on, saved to a file now and then and at the end."""
    saved = time.monotonic()
    try:
        for state in states:
            if path is not None and time.monotonic() - saved > SAVED_EVERY:
                state.save(path)
                saved = time.monotonic()
            yield state
    finally:
        if path is not None:
            state.save(path)


def _states(state: Scan, left: Sequence[range], at_once: int | None) -> Iterator[Scan]:
    """From ``state`` on, until all of these pictures are done."""
    network, measures = state.network, [MEASURES[one] for one in LISTS]
    rankings, sample = dict(state.rankings), state.sample

    def look(name: str, maps: Tensor, of: list[int]) -> tuple[Ranking, Tensor]:
        drawn = drawn_positions(state.seed, of, maps)
        at = values_at(maps, drawn)
        return rankings[name].with_pictures(measures, maps, of, drawn, at, name), at.cpu()

    def keep(some: Sequence[Read], found: dict[str, tuple[Ranking, Tensor]]) -> None:
        nonlocal sample
        of = [one.number for one in some]
        rankings.update({name: ranking for name, (ranking, _) in found.items()})
        names, values = np.array([one.name for one in some]), {name: at for name, (_, at) in found.items()}
        sample = sample | Sample(state.seed, np.array(of), names, values)

    layers = [network.layer(name) for name in rankings]
    for of in survey(network, state.dataset, layers, chain(*left), look, keep, at_once):
        done = _united(state.done, ((number, number + 1) for number in of))
        state = replace(state, done=done, rankings=dict(rankings), sample=sample)
        yield state
    if not left:
        yield state


def _from_workers(client: Any, state: Scan, left: Sequence[range], at_once: int | None) -> Iterator[Scan]:
    """As ``_states``, each part by a worker."""
    layers = [state.network.layer(one) for one in state.layers]
    nothing = _nothing(state.network, state.dataset, layers, state.k, state.seed)
    for part, remarks in worked(client, _whole, nothing, left, at_once):
        for sentence in remarks:
            remark(sentence)
        state = state | replace(part, network=state.network, pictures=state.pictures)
        yield state
    if not left:
        yield state


def _whole(nothing: Scan, part: range, at_once: int | None) -> tuple[Scan, list[str]]:
    """What a worker finds in a part, without network and pictures, which the other side has; and what is remarked."""
    remarks: list[str] = []
    state = nothing
    with listening(remarks.append):
        try:
            for state in _states(nothing, [part], at_once):  # noqa: B007  # the last one
                pass
        except UserError as error:
            if state.step < len(part):
                raise
            remarks.append(str(error))  # no picture of this part could be read
    return replace(state, network=None, pictures=None), remarks  # type: ignore[arg-type]


def _resumed(state: Scan, dataset: Dataset, before: str | os.PathLike | Scan) -> Scan:
    """What was found before; nothing yet, if it is a file that is not there."""
    if not isinstance(before, Scan):
        unfinished(before)
        if not os.path.exists(before):
            return state
        before = load_scan(before, state.network, dataset)
    before._check_alike(state.network, state.layers, state.k, state.seed, state.total, state._source)
    return replace(before, network=state.network, pictures=dataset)


def _part(part: tuple[int, int] | None, count: int) -> tuple[int, int]:
    if part is None:
        return 0, count
    first, beyond = part
    if not 0 <= first < beyond <= count:
        raise UserError(f"part must be (first, beyond the last) of the {count:,} pictures, not {came(part)}.")
    return first, beyond


def _nothing(network: Network, dataset: Dataset, layers: Sequence[Layer], k: int, seed: int) -> Scan:
    """A scan that has not begun."""
    dtype = torch.float64 if network.dtype == torch.float64 else torch.float32
    with torch.inference_mode(False):
        rankings = {one.name: Ranking.empty(len(LISTS), one.channels, k, dtype) for one in layers}
        values = {one.name: torch.empty(0, one.channels, dtype=dtype) for one in layers}
    sample = Sample(seed, np.empty(0, np.int64), np.empty(0, np.str_), values)
    return Scan(network, dataset, k, seed, len(dataset), (), rankings, sample)


def _united(*several: Any) -> tuple[tuple[int, int], ...]:
    """Ranges that cover the same numbers, as few as possible, in order."""
    united: list[tuple[int, int]] = []
    for start, stop in sorted(one for ranges in several for one in ranges):
        if united and start <= united[-1][1]:
            united[-1] = united[-1][0], max(stop, united[-1][1])
        else:
            united.append((start, stop))
    return tuple(united)


def _left(done: Sequence[tuple[int, int]], numbers: range) -> Iterator[range]:
    """What of ``numbers`` is not done."""
    at = numbers.start
    for start, stop in done:
        if at < min(start, numbers.stop):
            yield range(at, min(start, numbers.stop))
        at = max(at, stop)
    if at < numbers.stop:
        yield range(at, numbers.stop)


def _told(value: Any) -> str:
    return ", ".join(map(repr, value)) if isinstance(value, tuple) else str(value)

"""Passes over one picture with a square of it changed."""

from collections.abc import Hashable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from math import prod
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, fx, nn
from torch.fx import Node

from cnnviz_widgets.engine.incremental.graph import (
    Averaging,
    Convolving,
    Mean,
    Sliding,
    Step,
    Traced,
    read,
    trace,
)
from cnnviz_widgets.engine.incremental.maps import NONE, Map, Margins, moved, padded
from cnnviz_widgets.engine.incremental.plan import map_sizes, spread
from cnnviz_widgets.engine.incremental.windows import Span, Window, everything, pair
from cnnviz_widgets.networks import Network
from cnnviz_widgets.runtime import batching
from cnnviz_widgets.runtime.device import computing, precision
from cnnviz_widgets.runtime.interrupts import guarded, uninterrupted

BLOCK = {"exact": 16, "fast": 32}  # windows made equally large: more are quicker to compute, fewer are cut closer
TOGETHER = 128  # positions at most after the blocks: linear layers read all of their weights for however many there are
VALUE = 10  # multiplications in a convolution that take as long as to read or write a value
PLANS = 1024  # kept for each module
FELT = {"exact": None, "fast": 2.5}  # at how many standard deviations of its blur a change is taken for none
SAME = {"exact": 1e-3, "fast": 0.1}  # how far two ways to compute the same may differ, as a share of the greatest value

Answers = tuple[Tensor, dict[str, Tensor]]  # scores (n, outputs), and what came out of layers, (n, C, h, w) or (n, C)

_traced: "WeakKeyDictionary[nn.Module, Traced]" = WeakKeyDictionary()


class FullPasses:
    """Every pass computes the whole network.

    picture    (C, H, W), normalized
    layers     names of those whose outputs are wanted, too
    unchanged  the answers to the picture itself
    at_once    how many squares are quickest to compute together
    """

    def __init__(self, network: Network, picture: Tensor, layers: Sequence[str] = ()) -> None:
        self._network, self._picture, self._layers = network, picture, layers
        self.unchanged: Answers = network.forward(picture[None], layers)
        self.at_once = network.at_once(picture.shape[-2:])

    def __call__(self, squares: Tensor, tops: Sequence[int], lefts: Sequence[int]) -> Answers:
        """The answers to the picture with each of n squares (n, C, height, width) at its place."""
        height, width = squares.shape[-2:]
        batch = self._picture.expand(len(squares), *self._picture.shape).clone()
        for one, square, top, left in zip(batch, squares, tops, lefts, strict=True):
            one[:, top : top + height, left : left + width] = square
        return self._network.forward(batch, self._layers)


class IncrementalPasses:
    """Every pass computes of each layer what the square can reach, and takes the rest from the unchanged picture.

    In fast precision, what it can reach but hardly changes is taken from there, too.
    As ``FullPasses``, of a module that was ``traced``.
    """

    def __init__(self, network: Network, picture: Tensor, layers: Sequence[str], traced: Traced) -> None:
        self._network = network
        with self._computing():
            kind, dtype = network.device.type, network.dtype
            if torch.is_autocast_enabled(kind) and dtype == torch.float32:
                dtype = torch.get_autocast_dtype(kind)
            self._program = read(traced, network.module, layers, dtype)
            first = picture[None].to(dtype, memory_format=torch.channels_last)
            self._values: dict[Node, Any] = {self._program.picture: first, **self._program.constants}
            self._unrectified: dict[Node, Tensor] = {}
            for step in self._program.steps:
                out = _computed(step, self._values)
                if _rectifies(step):
                    self._unrectified[step.out], out = out, out.relu()
                self._values[step.out] = out
        self._steps = _depending_on(self._program.picture, self._program.steps)
        self._sizes = map_sizes(self._program.picture, self._steps, self._values)
        kinds = tuple((step.out, getattr(step, "kernels", None)) for step in self._steps)
        self._felt, self._size_of_block = FELT[precision()], BLOCK[precision()]
        self._plans, self._geometry = traced.plans, (kinds, *self._sizes.items(), self._felt)
        self._maps: dict[Hashable, Map] = {}
        self.unchanged = self._answers(self._values, 1)
        never_parts = [self._values[step.out] for step in self._steps if step.out not in self._sizes]
        largest = max((value.nbytes for value in never_parts if isinstance(value, Tensor)), default=0)
        self.at_once = batching.quickest(largest, network.device, TOGETHER)

    def __call__(self, squares: Tensor, tops: Sequence[int], lefts: Sequence[int]) -> Answers:
        size = self._size_of_block
        pieces = [slice(start, start + size) for start in range(0, len(tops), size)]
        height, width = squares.shape[-2:]
        blocks = [(Span(tuple(tops[piece]), height), Span(tuple(lefts[piece]), width)) for piece in pieces]
        windows = [self._plan(block) for block in blocks]
        apart = set().union(*windows)  # what some block has only in part: until then, each block goes by itself
        apart |= {step.out for step in self._steps if isinstance(step, Mean) and apart.intersection(step.inputs)}
        before = [step for step in self._steps if step.out in apart]
        after = [step for step in self._steps if step.out not in apart]
        wanted = {*self._program.layers.values(), *_nodes(self._program.output)}
        bridge = apart & wanted.union(*(step.inputs for step in after))
        squares = squares.to(self._values[self._program.picture].dtype, memory_format=torch.channels_last)
        with self._computing():
            parts = [
                self._block(before, squares[piece], within, bridge)
                for piece, within in zip(pieces, windows, strict=True)
            ]
            values = {node: torch.cat([part[node] for part in parts]) for node in bridge}
            for step in _freeing(after, values, wanted):
                values[step.out] = self._whole(step, values)
        return self._answers(values, len(squares))

    def _plan(self, squares: Window) -> dict[Node, Window]:
        """As ``spread``, worked out once for all pictures."""
        key = self._geometry, squares
        plan = self._plans.get(key)
        if plan is None:
            if len(self._plans) >= PLANS:
                self._plans.clear()
            plan = self._plans[key] = spread(self._program.picture, self._steps, self._sizes, squares, self._felt)
        return plan

    def _computing(self) -> AbstractContextManager:
        network = self._network
        return guarded(network.lock, computing(network.device), torch.no_grad())

    def _answers(self, values: dict[Node, Any], count: int) -> Answers:
        output = fx.map_arg(self._program.output, values.__getitem__)
        scores = self._network.scores(output, count)
        return scores, {name: values[node] for name, node in self._program.layers.items()}

    def _block(
        self, steps: Sequence[Step], squares: Tensor, windows: dict[Node, Window], ends: set[Node]
    ) -> dict[Node, Tensor]:
        """All of the values of ``ends``, for one block of squares."""
        values = {self._program.picture: squares}

        def within(window: Window | None, node: Node) -> Any:
            if node not in values or windows.get(node) in (None, window):
                return values.get(node, self._values.get(node))
            there = window or everything(self._sizes[node], len(squares))
            return moved(values[node], windows[node], there, self._map(node))

        for step in _freeing(steps, values, ends):
            window, source = windows.get(step.out), step.inputs[0]
            if isinstance(step, Sliding) and source in windows:
                there = window or everything(self._sizes[step.out], len(squares))
                out = self._slid(step, values[source], windows[source], there)
            elif isinstance(step, Mean) and source in windows:
                out = self._mean(step, values[source], windows[source])
            else:
                out = self._whole(step, {node: within(window, node) for node in step.inputs})
            values[step.out] = out
        return {node: within(None, node) for node in ends}

    def _whole(self, step: Step, values: dict[Node, Any]) -> Any:
        out = _computed(step, {node: values.get(node, self._values.get(node)) for node in step.inputs})
        return out.relu_() if _rectifies(step) else out

    def _mean(self, step: Mean, values: Tensor, here: Window) -> Tensor:
        """The mean of maps that have ``values`` where they are ``here``, from what has changed in them."""
        (source,) = step.inputs
        mean = self._values[step.out]
        change = values - self._map(source).at(here)
        return mean + (change.sum((2, 3)) / prod(self._sizes[source])).view(-1, *mean.shape[1:])

    def _slid(self, step: Sliding, values: Tensor, here: Window, there: Window) -> Tensor:
        """What slides over ``values``, which are ``here``, gives ``there``."""
        (source,) = step.inputs
        if isinstance(step, Convolving) and self._is_quick_to_change(step, values, there):
            # The change of a sum is the sum of the changes. Around the window nothing changes, so there is only
            # padding there, which costs next to nothing; values around it would cost as much as those inside.
            found = pair(kernel.spreads(span) for kernel, span in zip(step.kernels, here, strict=True))
            margins = pair((kernel.reach - kernel.padding,) * 2 for kernel in step.kernels)
            change = values - self._map(source).at(here)
            out = step.inside.changed(change, pair(kernel.reach for kernel in step.kernels))
            out += self._map(step.out, margins, rectified=False).at(found)
        else:
            found = there
            reads = pair(kernel.reads(span) for kernel, span in zip(step.kernels, there, strict=True))
            out = step.inside(moved(values, here, reads, self._map(source, self._overhang(step), step.fill)))
        if isinstance(step, Averaging):
            out *= self._share(step).at(there)
        if _rectifies(step):
            out.relu_()
        return moved(out, found, there, self._map(step.out))

    def _is_quick_to_change(self, step: Convolving, values: Tensor, there: Window) -> bool:
        """Whether to add the change to the sum, rather than to sum again over a window with a margin of old values.

        Less is multiplied so, but more is read and written.
        """
        if any(one.stride > 1 or one.padding > one.reach for one in step.kernels):
            return False
        convolution, (count, channels), here = step.inside, values.shape[:2], pair(values.shape[2:])
        reaches = pair(one.reach for one in step.kernels)
        found = [side + reach for side, reach in zip(here, reaches, strict=True)]
        reads = pair(span.length + reach for span, reach in zip(there, reaches, strict=True))
        touched = VALUE * count * (3 * prod(found) * len(convolution.weight) + 2 * prod(here) * channels)
        return convolution.cost(count, here, reaches) + touched < convolution.cost(count, reads)

    def _map(self, node: Node, margins: Margins = NONE, fill: float = 0.0, *, rectified: bool = True) -> Map:
        """What a node is for the unchanged picture, with ``fill`` in the margins."""
        key = node, margins, fill, rectified
        if key not in self._maps:
            value = self._values[node] if rectified else self._unrectified.get(node, self._values[node])
            self._maps[key] = Map.of(value, margins, fill)
        return self._maps[key]

    def _share(self, step: Averaging) -> Map:
        """The weight of one input in each average: 1 / (how many there are, or as many as the kernel has places)."""
        if step.out not in self._maps:
            (source,) = step.inputs
            ones = torch.ones_like(self._values[source][:, :1])
            sums = step.inside(padded(ones, self._overhang(step)))
            self._maps[step.out] = Map.of(_computed(step, {source: ones}) / sums)
        return self._maps[step.out]

    def _overhang(self, step: Sliding) -> Margins:
        axes = zip(step.kernels, self._sizes[step.inputs[0]], self._sizes[step.out], strict=True)
        return pair(kernel.overhang(inputs, outputs) for kernel, inputs, outputs in axes)


def quickest_passes(network: Network, picture: Tensor, layers: Sequence[str] = ()) -> FullPasses | IncrementalPasses:
    """Incremental ones if the module can be read and they agree with it, else full ones. Arguments as theirs."""
    module, own = network.module, None
    known = _traced.pop(module, None)
    for traced in [None] if known is None else [known, None]:  # the module may be another than when it was traced
        with suppress(Exception):  # in a module's code, stand-ins for tensors can raise any
            if traced is None:
                with network.lock:
                    traced = uninterrupted(trace, module)  # while it runs, torch.fx changes what all modules do
            own = own or network.forward(picture[None], layers, cast=False)
            incremental = IncrementalPasses(network, picture, layers, traced)
            if _agree(incremental.unchanged, own):
                _traced[module] = traced
                return incremental
    return FullPasses(network, picture, layers)


def _agree(some: Answers, others: Answers) -> bool:
    pairs = [(some[0], others[0]), *((some[1][name], value) for name, value in others[1].items())]
    return all(float((a - b).abs().max()) <= SAME[precision()] * float(b.abs().max()) for a, b in pairs)


def _rectifies(step: Step) -> bool:
    return isinstance(step, Convolving) and step.rectifies


def _computed(step: Step, values: dict[Node, Any]) -> Any:
    args, kwargs = fx.map_arg((step.args, step.kwargs), values.__getitem__)
    return step.function(*args, **kwargs)


def _depending_on(picture: Node, steps: Iterable[Step]) -> list[Step]:
    changing, found = {picture}, []
    for step in steps:
        if changing.intersection(step.inputs):
            changing.add(step.out)
            found.append(step)
    return found


def _freeing(steps: Sequence[Step], values: dict[Node, Any], wanted: set[Node]) -> Iterator[Step]:
    """The steps; after each, values are dropped that no later one needs."""
    last = {node: step for step in steps for node in step.inputs}
    for step in steps:
        yield step
        for node in step.inputs:
            if last[node] is step and node not in wanted:
                values.pop(node, None)


def _nodes(values: Any) -> list[Node]:
    found: list[Node] = []
    fx.map_arg(values, found.append)
    return found

"""How far the change of a square spreads, step by step."""

from collections.abc import Sequence
from typing import Any

from torch import Tensor
from torch.fx import Node

from cnnviz_widgets.engine.incremental.graph import Local, Sliding, Step
from cnnviz_widgets.engine.incremental.windows import Blur, Window, pair, united, widest

WHOLE = 0.85  # from this share of a map on it is quicker to compute all of it

Size = tuple[int, int]  # height, width


def map_sizes(picture: Node, steps: Sequence[Step], values: dict[Node, Any]) -> dict[Node, Size]:
    """Of the picture, and of all that Sliding and Local steps make of nothing but such maps.

    steps    those whose values change with the picture
    values   of all nodes, for any picture
    """
    changing = {picture, *(step.out for step in steps)}
    sizes = {picture: pair(values[picture].shape[-2:])}
    for step in steps:
        if isinstance(step, Sliding):
            is_map = step.inputs[0] in sizes
        elif isinstance(step, Local):
            size = pair(values[step.out].shape[-2:])
            is_map = all(
                sizes.get(node) == size if node in changing else _alike_everywhere(values[node]) for node in step.inputs
            )
        else:
            is_map = False
        if is_map:
            sizes[step.out] = pair(values[step.out].shape[-2:])
    return sizes


def spread(
    picture: Node, steps: Sequence[Step], sizes: dict[Node, Size], squares: Window, noticeable: float | None
) -> dict[Node, Window]:
    """The window of every value that changes in a part alone; all other values are to be computed whole.

    noticeable
            None, or at how many standard deviations of its blur a change is taken for none
    """
    windows, blurs = {picture: squares}, {picture: pair(map(Blur.of, squares))}
    for step in steps:
        maps = [node for node in step.inputs if node in sizes]
        if step.out not in sizes or not windows.keys() >= set(maps):
            continue
        size = sizes[step.out]
        if isinstance(step, Sliding):
            axes = list(zip(step.kernels, windows[maps[0]], blurs[maps[0]], size, strict=True))
            window = pair(kernel.changes(span, side) for kernel, span, _, side in axes)
            blur = pair(kernel.blurs(blur) for kernel, _, blur, _ in axes)
        else:
            window = united([windows[node] for node in maps], size)
            blur = pair(map(widest, zip(*(blurs[node] for node in maps), strict=True)))
        if noticeable is not None:
            spans = zip(window, blur, size, strict=True)
            window = pair(blur.noticeable(span, noticeable, side) for span, blur, side in spans)
        rows, columns = window
        if rows.length * columns.length < WHOLE * size[0] * size[1]:
            windows[step.out], blurs[step.out] = window, blur
    return windows


def _alike_everywhere(constant: Any) -> bool:
    return not isinstance(constant, Tensor) or constant.numel() == 1 or constant.shape[-2:] == (1, 1)

"""One feature map, where its units stand in the picture."""

import json

import numpy as np
from torch import Tensor

from cnnviz_widgets.methods import activations
from cnnviz_widgets.methods.results import rgb
from cnnviz_widgets.networks import Layer, Network
from cnnviz_widgets.pictures.render import Content


def extent(layer: Layer, rows: int, columns: int) -> tuple[float, float, float, float]:
    """(left, top, right, bottom) in pixels: of a map: cells as wide as the stride, around the units' centres."""
    (top, left), (down, right) = layer.offset, layer.stride
    top, left = top + 0.5 - down / 2, left + 0.5 - right / 2
    return left, top, left + columns * right, top + rows * down


def centre(layer: Layer, row: int, column: int) -> tuple[float, float]:
    """(x, y) in pixels of the centre of a unit."""
    (top, left), (down, right) = layer.offset, layer.stride
    return left + column * right + 0.5, top + row * down + 0.5


def channel_map(network: Network, image: Tensor, layer: str, channel: int) -> np.ndarray:
    """(h, w) activations."""
    return activations(network, image, layer).values[channel].cpu().numpy()


def strongest(values: np.ndarray) -> tuple[int, int]:
    """(row, column) of the greatest value."""
    return divmod(int(values.argmax()), values.shape[1])


def over_picture(
    network: Network, image: Tensor, layer: str, values: np.ndarray, caption: str, *, signed: bool = False
) -> Content:
    """A map over the picture it comes from; ``signed`` puts zero in the middle of the colours."""
    bound = max(1e-12, float(abs(values).max()))
    return Content(
        rgb(network.prepare(image)[0]),
        values,
        low=-bound if signed else min(0.0, float(values.min())),
        high=bound if signed else max(1e-12, float(values.max())),
        extent=extent(network.layer(layer), *values.shape),
        caption=caption,
    )


def class_argument(network: Network, target: int | None) -> str:
    """``, target="tabby"`` for the code of a call; nothing for the top class."""
    if target is None:
        return ""
    name = network.classes[target]
    return f", target={json.dumps(name, ensure_ascii=False) if list(network.classes).count(name) == 1 else target}"

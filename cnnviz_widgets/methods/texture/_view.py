"""How networks look at pictures whose statistics are compared: which layers, in which size, and pooled in which way."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite

from torch import Generator, Tensor, nn
from torch.nn.modules import activation

from cnnviz_widgets.engine.optimize.objectives import AnyLayer
from cnnviz_widgets.engine.optimize.smoothing import resize
from cnnviz_widgets.engine.pooling import Pooling, pooling
from cnnviz_widgets.errors import UserError, naming
from cnnviz_widgets.gate import came
from cnnviz_widgets.networks import Layer, Network
from cnnviz_widgets.remarks import remark
from cnnviz_widgets.runtime.batching import free_memory, readable
from cnnviz_widgets.runtime.device import callers_modes_off
from cnnviz_widgets.runtime.interrupts import guarded

Layers = AnyLayer | Sequence[AnyLayer] | Mapping[str, float] | None

COARSE = 4  # px: a first layer of this stride leaves a lattice of as many
STYLE, CONTENT = (0, 2 / 9, 4 / 9, 2 / 3), 1 / 3  # depths, as shares of the layers that end in a rectifier or a block
ACTIVATIONS = {*activation.__all__} - {"MultiheadAttention", "Softmax", "Softmax2d", "LogSoftmax", "Softmin"}
PAIRS = 20  # of pictures and gradients that L-BFGS remembers
LEAST = 8  # px: the shorter side
MUCH = 2**30  # bytes


@dataclass(frozen=True)
class View:
    """A network, as it looks at pictures here.

    kind    of its pooling
    factor  by which pictures are enlarged on their way in: 2 where the first layer is coarse
    """

    network: Network
    kind: Pooling

    @property
    def factor(self) -> int:
        return 2 if max(self.network.layers[0].stride) >= COARSE else 1

    def transforms(self) -> list:
        return [self.enlarged] if self.factor > 1 else []

    def enlarged(self, pictures: Tensor, _: Generator | None = None) -> Tensor:
        return resize(pictures, self._size(pictures.shape[-2:])) if self.factor > 1 else pictures

    def _size(self, size: Sequence[int]) -> tuple[int, int]:
        height, width = size
        return self.factor * height, self.factor * width

    def features(self, picture: Tensor, layers: Sequence[str]) -> dict[str, Tensor]:
        """(C, h, w) each, of a picture (C, H, W) in its own size."""
        if not layers:
            return {}
        network = self.network
        with guarded(*callers_modes_off(network.device), pooling(self.kind)):
            shown = self.enlarged(picture[None].to(network.device))
            height, width = shown.shape[-2:]
            taken = network.size_taken((height, width), layers, to_output=False)
            if taken is not None and taken != (height, width):
                shown = resize(shown, taken)
            batch = network.quickest(network.normalize(shown))
            _, values = network.forward(batch, layers, to_output=False)
        return {name: value[0].float() if value.dtype.itemsize < 4 else value[0] for name, value in values.items()}

    def check_memory(self, size: tuple[int, int], count: int = 1) -> None:
        """Says what a step of ``count`` pictures of (height, width) takes. UserError if too much: which size fits."""
        height, width = size
        need = count * self.bytes_of_a_step(size)
        free = free_memory(self.network.device)
        if need > free // 2:
            fits = max(LEAST, int(min(size) * (free / 2 / need) ** 0.5) // 8 * 8)
            raise UserError(
                f"size must be at most {fits} here: steps at {width}×{height} px through {self.network.name} take "
                f"about {readable(need)}, and {readable(free)} are free."
            )
        remark(f"A step at {width}×{height} px takes about {readable(need)} of memory.", warns=need > MUCH)

    def bytes_of_a_step(self, size: tuple[int, int]) -> int:
        """About how much memory steps of one picture of (height, width) take, with what L-BFGS remembers."""
        picture = self.network.channels * size[0] * size[1] * 4
        return self.network.bytes_per_image(self._size(size), grad=True) + 2 * PAIRS * picture


def style_layers(network: Network, layers: Layers) -> dict[str, float]:
    """Names of layers and their weights; None = four, from the first to two thirds of the depth."""
    if layers is None:
        return dict.fromkeys(at_depths(network, STYLE), 1.0)
    if isinstance(layers, Mapping):
        for name, weight in layers.items():
            if not isinstance(weight, int | float) or not isfinite(weight) or weight < 0:
                raise UserError(f"layers must give each layer a weight of at least 0, not {came(weight)} to {name!r}.")
        weights = {network.layer(name).name: float(weight) for name, weight in layers.items()}
    else:
        several = [layers] if isinstance(layers, str | Layer | nn.Module) else layers
        weights = {network.layer(one).name: 1.0 for one in several}
    if not weights:
        raise UserError("layers must name at least one layer.")
    return weights


def layer_of_content(network: Network, layer: AnyLayer | None) -> str:
    """None = at a third of the depth."""
    with naming("content_layer"):
        return at_depths(network, [CONTENT])[0] if layer is None else network.layer(layer).name


def at_depths(network: Network, shares: Sequence[float]) -> list[str]:
    """The layers at these shares of the depth, among those with positions that end in a rectifier or a block."""
    layers = network.layers
    blocks = tuple(f"{layer.name}." for layer in layers if layer.block)
    placed = [one for one in layers if one.spatial and max(one.shape[1:]) > 1 and not one.name.startswith(blocks)]
    ends = [one for one in placed if one.block or one.kind in ACTIVATIONS] or placed or [network.default_layer]
    return [*dict.fromkeys(ends[round(share * (len(ends) - 1))].name for share in shares)]

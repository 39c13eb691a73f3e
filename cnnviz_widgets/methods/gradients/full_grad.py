"""C5: FullGrad: a score as the sum of the contributions of the input and of every bias."""

from collections import defaultdict
from collections.abc import Callable
from functools import partial
from itertools import chain
from math import prod
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

from cnnviz_widgets.drawing.results import Heatmap
from cnnviz_widgets.engine.backward import check, descend, in_pieces, like
from cnnviz_widgets.engine.targets import Target, goal
from cnnviz_widgets.gate import gate
from cnnviz_widgets.networks import Network
from cnnviz_widgets.pictures.given import AnyPicture
from cnnviz_widgets.runtime.interrupts import guarded

__all__ = ["full_grad"]


@gate
def full_grad(network: Network, image: AnyPicture, target: Target = None) -> Heatmap:
    """Where in the picture the terms of one score come from (FullGrad; Srinivas & Fleuret, 2019).

    A network of ReLUs is linear around a picture: ``s(x) = x · ∂s/∂x + Σ b · ∂s/∂b`` exactly, over all biases ``b`` at
    all positions where they are added. BatchNorm's is ``β - γμ/√(σ²+ε)``. Biases are caught as they are added (by
    convolutions, linear layers, normalization and ``+``, functional or not, as often as a module is used).

    image    (3, H, W) or (B, 3, H, W), values 0…1, any device
    target   class index or name, None = the top class of each picture, a ``Neuron``, or a callable on the logits; for a
             batch also a list of classes, one per picture
    Returns a Heatmap, values (H, W) or (B, H, W) ≥ 0: of each layer with positions, and of the picture, the absolute
    terms ``x · ∂s/∂x`` or ``b · ∂s/∂b`` are scaled so that they go from 0 to 1 (over all channels together, as in the
    paper's own program: within a channel, ``b`` is the same everywhere), added up over the channels, upsampled
    bilinearly, and added up over the layers.
    ``completeness_error`` is the sum of all the terms themselves, signed, minus the score. It is only rounding where a
    network consists of linear layers, ReLUs with or without a slope on the left, and pooling. It is not where a bias
    hides in the non-linearity, as in ReLU6, SiLU or GELU, or where signals are multiplied or normalized by one another,
    as in squeeze-and-excitation and LayerNorm.
    Raises UserError for an unknown class or layer.

        full_grad(load_network("mini"), load_image("chelsea"), "tabby").completeness_error
    """
    pictures = network.prepare(image)
    aim = goal(network, target, len(pictures))

    def work(piece: range) -> tuple[Tensor, list[float], list]:
        terms, inputs = _Terms(len(piece)), lambda: network.normalize(pictures[piece.start : piece.stop])
        batch, gradient, scores, start = descend(network, inputs, aim, piece, forward=guarded(terms))
        check(network, gradient)
        terms.add(batch * gradient)
        errors = torch.stack(terms.sums).cpu().double().sum(0) - scores.cpu().double()
        return terms.map(pictures.shape[-2:]).cpu(), errors.tolist(), start

    maps, errors, each_start = zip(*in_pieces(network, work, len(pictures), pictures.shape[-2:]), strict=True)
    start = [*chain(*each_start)]
    return Heatmap(
        like(image, torch.cat(maps)),
        like(image, pictures.cpu()),
        convention=f"{aim.unit}, absolute input × gradient and bias × gradient, each layer scaled to 0…1, upsampled "
        "bilinearly, sum over channels and layers",
        of=like(image, [aim.name(one) for one in start]),
        target=like(image, start),
        completeness_error=like(image, [*chain(*errors)]),
    )


class _Terms(TorchFunctionMode):
    """Context for a forward pass: in its backward pass, every bias that it adds notes its contribution to the scores.

    sums   for each: (B,), over channels and positions
    """

    def __init__(self, count: int) -> None:
        super().__init__()
        self.sums: list[Tensor] = []
        self._count = count
        self._layers: dict[torch.Size, list[tuple[Tensor, Tensor, Tensor, int]]] = defaultdict(list)  # by size

    def __torch_function__(self, func: Callable, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        out = func(*args, **(kwargs or {}))
        name = getattr(func, "__name__", "").strip("_")
        if name in _BIASES and isinstance(out, Tensor) and out.requires_grad:
            with guarded(torch.no_grad()):
                bias = _BIASES[name](*args, **(kwargs or {}))
            if bias is not None:
                # A hook belongs to the values that are there now: in-place operations that follow do not reach it.
                out.register_hook(partial(self._note, bias, name in _CHANNELS_LAST))
        return out

    def _note(self, bias: Tensor | float, channels_last: bool, gradient: Tensor) -> None:
        term = bias * gradient
        self.add(term.movedim(-1, 1) if channels_last else term)

    def add(self, term: Tensor) -> None:
        """Of a layer (B, channels, …); it is overwritten."""
        whole = len(term) == self._count  # and not cut up into windows
        sums = term.sum([*range(1, term.ndim)])
        self.sums.append(sums if whole else sums.view(self._count, -1).sum(1))
        if whole and term.ndim == 4 and prod(term.shape[2:]) > 1:
            size = term.abs_()
            low, high = size.amin((1, 2, 3)), size.amax((1, 2, 3))
            self._layers[size.shape[2:]].append((size.sum(1), low, high, size.shape[1]))

    def map(self, size: tuple[int, ...]) -> Tensor:
        """All layers together: (B, height, width)."""
        maps = [self._scaled(layers)[:, None] for layers in self._layers.values()]
        return torch.stack([F.interpolate(one, size, mode="bilinear")[:, 0] for one in maps]).sum(0)

    def _scaled(self, layers: list[tuple[Tensor, Tensor, Tensor, int]]) -> Tensor:
        """The sum of layers of one size, each scaled: (B, h, w). It is upsampled, instead of every one of them."""
        *numbers, channels = zip(*layers, strict=True)
        sums, low, high = map(torch.stack, numbers)
        scale = torch.where(high > low, 1 / (high - low), 0)
        lowest = low * low.new_tensor(channels)[:, None]
        return torch.einsum("lb,lbhw->bhw", scale, sums - lowest[..., None, None])


def _along_channels(bias: Tensor | None, x: Tensor) -> Tensor | None:
    return None if bias is None else bias.view(-1, *[1] * (x.ndim - 2))


def _convolution(x: Tensor, weight: Tensor, bias: Tensor | None = None, *_: Any, **__: Any) -> Tensor | None:
    return _along_channels(bias, x)


def _batch_norm(
    x: Tensor,
    mean: Tensor | None,
    variance: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor | None:
    if not training and mean is not None:
        bias = F.batch_norm(torch.zeros_like(mean)[None], mean, variance, weight, bias, eps=eps)  # what it adds to 0
    return _along_channels(bias, x)


def _constant(value: Any) -> bool:
    return not isinstance(value, Tensor) or value.is_leaf


def _sum(x: Any, other: Any, *, alpha: float = 1, sign: float = 1) -> Any:
    if _constant(x) == _constant(other):
        return None
    return x if _constant(x) else sign * alpha * other


def _addcmul(x: Tensor, one: Tensor, other: Tensor, *, value: float = 1) -> Tensor | None:
    factors = _constant(one) and _constant(other)
    if _constant(x) == factors:
        return None
    return value * one * other if factors else x


# Name of a torch function -> the bias that it adds to what is linear in its input, or None.
_BIASES: dict[str, Callable[..., Tensor | float | None]] = {
    **dict.fromkeys(("conv1d", "conv2d", "conv3d"), _convolution),
    **dict.fromkeys(("conv_transpose1d", "conv_transpose2d", "conv_transpose3d"), _convolution),
    "linear": lambda x, weight, bias=None: bias,
    "batch_norm": _batch_norm,
    "group_norm": lambda x, groups, weight=None, bias=None, eps=1e-5: _along_channels(bias, x),
    "layer_norm": lambda x, shape, weight=None, bias=None, eps=1e-5: bias,
    "add": _sum,
    "sub": partial(_sum, sign=-1),
    "addcmul": _addcmul,
    "rsub": lambda x, other: None if _constant(x) or not _constant(other) else other,
}
_CHANNELS_LAST = ("linear", "layer_norm")

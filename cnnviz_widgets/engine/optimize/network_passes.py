"""The passes of an optimization: in a size that the network takes, as many pictures at once as fit into memory."""

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from functools import partial

import torch
from torch import Tensor
from torchvision.transforms.functional import center_crop

from cnnviz_widgets.engine.convolutions import Kernels, channels_last
from cnnviz_widgets.engine.optimize.objectives import BoundObjective
from cnnviz_widgets.engine.optimize.redirected_relu import RedirectedReLU
from cnnviz_widgets.engine.optimize.smoothing import resize
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.networks import Network
from cnnviz_widgets.remarks import remark
from cnnviz_widgets.runtime import batching
from cnnviz_widgets.runtime.interrupts import guarded

Outputs = tuple[Tensor | None, dict[str, Tensor]]  # the logits, and the outputs of layers


class NetworkPasses:
    """Forward and backward passes of one run. It begins without limits, and keeps those that it meets.

    count, size  how many pictures are made, and their (height, width)
    packs        whether kernels may be copied to blocks: quicker, but rounded in another way than anywhere else
    at_once      how many of them go through the network together
    """

    def __init__(self, network: Network, bound: BoundObjective, count: int, size: tuple[int, int], packs: bool) -> None:
        self.at_once, self._count, self._size = count, count, size
        self._network, self._bound = network, bound
        self._came: tuple[int, int] | None = None  # size of the pictures that came last from the transforms
        self._taken: dict[tuple[int, int], tuple[int, int]] = {}  # sizes that came -> what they must become
        self._seal: list[tuple[int, int]] | None = None  # of the weights whose copies are the kernels
        self._kernels: Kernels = {}
        self._packs = packs

    @property
    def kernels(self) -> Kernels:
        """Of the convolutions, in the quickest format: copied at first, and where the weights were changed since."""
        if self._network.prefers_channels_last:
            weights = self._network.module.parameters()
            seal = [(one.data_ptr(), 0 if one.is_inference() else one._version) for one in weights]
            if seal != self._seal:
                self._seal, self._kernels = seal, channels_last(self._network.module, many=self._packs)
        return self._kernels

    def fitted(self, pictures: Tensor) -> Tensor:
        """Transformed pictures in a size that the network takes: without the border that they got, then resized."""
        height, width = pictures.shape[-2:]
        came = self._came = (height, width)
        taken = self._taken.get(came, came)
        if taken == came:
            return pictures
        pictures = center_crop(pictures, [min(sides) for sides in zip(came, self._size, strict=True)])
        return pictures if pictures.shape[-2:] == taken else resize(pictures, taken)

    def adapted(self, error: Exception) -> bool:
        """Whether a step that failed may be tried again. TooLarge if it failed for want of memory, for one picture."""
        return self._fewer_at_once(error) if batching.out_of_memory(error) else self._other_size(error)

    def _fewer_at_once(self, error: Exception) -> bool:
        if self.at_once == 1:
            height, width = self._size
            what = f"a step of one picture of {height}×{width} pixels through {self._network.name}"
            raise batching.too_large(error, what, self._network.device) from error
        batching.release(error)
        self.at_once = (self.at_once + 1) // 2
        return True

    def _other_size(self, error: Exception) -> bool:
        if not isinstance(error, UserError) or self._came is None or self._came in self._taken:
            return False
        nearest = partial(self._network.size_taken, layers=self._bound.layers, to_output=self._bound.output)
        if nearest(self._came) in (self._came, None):
            return False
        taken = nearest(self._size)
        if taken is None:
            return False
        self._taken[self._came] = taken
        if taken != self._size:
            remark(
                f"{self._network.name} takes pictures of {taken[0]}×{taken[1]} pixels here: "
                "what is made in another size is resized to that on its way in."
            )
        return True

    def forward(self, batch: Tensor, *, grad: bool, redirect: bool = False) -> Outputs:
        """The logits and layers that the objective reads, in float32 at least."""
        with guarded(RedirectedReLU()) if redirect else nullcontext():
            logits, values = self._network.forward(batch, self._bound.layers, to_output=self._bound.output, grad=grad)
        if grad and not any(one.requires_grad for one in all_of((logits, values))):
            raise UserError(
                f"what {self._network.name} makes of a picture does not depend on it in a differentiable way "
                "(is its forward under torch.no_grad() or torch.inference_mode()?)."
            )
        return logits, {name: value.float() if value.dtype.itemsize < 4 else value for name, value in values.items()}

    # A step in pieces. The gradient is exact, also where the objective compares the pictures of a batch: each piece
    # goes through the network once for the activations, and once more for the backward pass from there.

    def in_pieces(self, batch: Tensor) -> Outputs:
        """As ``forward``, detached: the backward pass of the objective ends there."""
        logits, values = zip(*(self.forward(piece, grad=False) for piece in self._pieces(batch)), strict=True)
        together = None if logits[0] is None else torch.cat(logits).requires_grad_()
        return together, {name: torch.cat([one[name] for one in values]).requires_grad_() for name in values[0]}

    def backward(self, batch: Tensor, gradients: Sequence[Tensor], *, redirect: bool) -> Tensor:
        """The gradient by the batch, from ``gradients``, those by all that ``in_pieces`` returned, the logits first."""
        of_pieces = []
        for piece, *some in zip(*map(self._pieces, (batch, *gradients)), strict=True):
            leaf = piece.requires_grad_()
            ends = zip(all_of(self.forward(leaf, grad=True, redirect=redirect)), some, strict=True)
            linked, gradients_there = zip(*(end for end in ends if end[0].requires_grad), strict=True)
            of_pieces += torch.autograd.grad(linked, leaf, gradients_there)
        return torch.cat(of_pieces)

    def _pieces(self, batch: Tensor) -> Sequence[Tensor]:
        return batch.detach().split(self.at_once)


def all_of(outputs: Outputs) -> Iterator[Tensor]:
    """The logits, if they were read, and the layers."""
    logits, values = outputs
    yield from values.values() if logits is None else (logits, *values.values())

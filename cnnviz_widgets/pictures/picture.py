"""A picture that knows where it came from."""

from copy import deepcopy
from typing import Any

import torch
from torch import Tensor


class Picture(Tensor):
    """A tensor (C, H, W), values 0…1, that can say how to load it again.

    It can be used as any other tensor. What is computed from it is a plain tensor, and so is every part of it. A copy
    by ``copy`` or ``pickle`` is a Picture like it.

    tensor    its values, which it shares
    source    Python, such as ``cnnviz.load_image("chelsea")``; None = not known
    name      of the sample or of the file; None = it has none
    uploaded  whether it came through the browser, so that there need be no file beside the notebook

    All three are forgotten (None, None, False) once the values have been written to.
    """

    # Results are plain tensors, as those of a Parameter are, which has the same line.
    __torch_function__ = torch._C._disabled_torch_function_impl  # type: ignore[assignment]  # it is a class method

    _origin: tuple[str | None, str | None, bool]
    _written: int

    def __new__(
        cls, tensor: Tensor, source: str | None = None, name: str | None = None, uploaded: bool = False
    ) -> "Picture":
        picture = Tensor._make_subclass(cls, tensor, tensor.requires_grad)
        picture._origin, picture._written = (source, name, uploaded), picture._writes
        return picture

    @property
    def source(self) -> str | None:
        return self._known[0]

    @property
    def name(self) -> str | None:
        return self._known[1]

    @property
    def uploaded(self) -> bool:
        return self._known[2]

    @property
    def _known(self) -> tuple[str | None, str | None, bool]:
        return self._origin if self._writes == self._written else (None, None, False)

    @property
    def _writes(self) -> int:
        """How often the values have been written to; tensors made in inference mode do not count it."""
        return 0 if self.is_inference() else self._version

    def __reduce_ex__(self, protocol: Any) -> tuple:
        return Picture, (self._plain, *self._known)

    def __deepcopy__(self, memo: dict) -> "Picture":
        if id(self) not in memo:
            memo[id(self)] = Picture(deepcopy(self._plain, memo), *self._known)
        return memo[id(self)]

    @property
    def _plain(self) -> Tensor:
        return self.detach().requires_grad_(self.requires_grad)


torch.serialization.add_safe_globals([Picture])  # so that ``torch.load`` reads one that was saved


def source_of(picture: Tensor) -> str | None:
    """The Python expression that loads this very tensor again; None if nobody knows one."""
    return picture.source if isinstance(picture, Picture) else None

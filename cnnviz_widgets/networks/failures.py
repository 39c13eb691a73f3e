"""Errors of a user's module, explained in one sentence."""

import re

from torch import Tensor, fx, nn
from torch.nn.parameter import UninitializedTensorMixin  # type: ignore[attr-defined]  # torch exports it not
from torch.nn.utils.parametrize import type_before_parametrizations

from cnnviz_widgets.errors import UserError

# What torch says where a picture has the wrong size or number of channels.
_OF_SHAPES = re.compile(
    r"shapes cannot be multiplied|size mismatch|kernel size can't be greater|calculated padded input size|"
    r"output size is too small|must match the size of tensor|sizes of tensors must match|is invalid for input of size|"
    r"to have \d+ channels|expected .*(shape|size|channels)|padding size should be less|normalized_shape|guard failed",
    re.IGNORECASE,
)
_DIMENSIONS = {"1": "signals (B, C, L)", "3": "volumes (B, C, D, H, W)"}


def check_ready(module: nn.Module, name: str) -> None:
    """UserError for a module that has no numbers yet to compute with."""
    for tensors in (module.parameters(), module.buffers()):
        for one in tensors:
            if isinstance(one, UninitializedTensorMixin):
                raise UserError(
                    f"{name} has lazy layers that know no shapes yet: run it once on a batch of pictures before, "
                    "module(batch)."
                )
            if one.is_meta:
                raise UserError(
                    f'{name} is on the "meta" device, which has shapes but no numbers: '
                    'make it on a real one with module.to_empty(device="cpu"), and load its weights.'
                )


def explained(error: Exception, module: nn.Module, name: str, of: str) -> UserError:
    """What to raise from an error of the module's own forward pass over pictures ``of`` some size, in words."""
    if isinstance(error, UserError):
        return error
    said = " ".join(str(error).split("\n\n")[0].split()) or "no reason given"
    said = f"{said[:400]}…" if len(said) > 400 else said
    first = next((kind_of(part) for part in module.modules() if kind_of(part).startswith("Conv")), "")
    if first[-2:] in ("1d", "3d"):
        takes = _DIMENSIONS[first[-2]]
        return UserError(f"{name} begins with a {first}: it takes {takes}, not pictures (B, C, H, W).")
    if isinstance(error, TypeError) and "required positional argument" in said:
        return UserError(
            f"{name} takes more than a batch of pictures ({said}): "
            "wrap it in a module whose forward takes pictures alone."
        )
    if _OF_SHAPES.search(said):
        return UserError(f"{name} does not take pictures of {of}: {said}")
    return UserError(f"{name} failed in its own forward, on pictures of {of}: {type(error).__name__}: {said}")


def kind_of(part: nn.Module) -> str:
    """Its class, also of one that is compiled to TorchScript, or whose weights are parametrized."""
    return getattr(part, "original_name", type_before_parametrizations(part).__name__)


def no_way_back(module: nn.Module) -> str | None:
    """Why a module cannot be differentiated, if that is known beforehand."""
    if any(weight.is_inference() for weight in module.parameters()):
        return "was made in torch.inference_mode(): make it outside of it to compute gradients"
    if any(".quantized" in type(part).__module__ for part in module.modules()):
        return "is quantized, and integers have no gradient: take the network that it was made from"
    return None


def unseen(module: nn.Module, output: object, error: Exception | None) -> str | None:
    """Why inner layers of a module that runs are not seen, given what hooking them raised; None = it calls none."""
    if hasattr(module, "original_name"):
        return "it is TorchScript, which has no hooks: take the module that it was made from"
    if isinstance(output, Tensor) and output.is_inference():
        return "its forward runs in torch.inference_mode()"
    if isinstance(module, fx.GraphModule):
        return "it is a graph that calls no modules: take the module that it was made from"
    return None if error is None else f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"

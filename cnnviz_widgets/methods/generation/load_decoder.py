"""N2: a trained decoder in use: the picture of features, and a prior for inversion and feature visualization."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import torch
from torch import Tensor

from cnnviz_widgets.drawing.render import Content
from cnnviz_widgets.drawing.results import Result, rgb
from cnnviz_widgets.engine.feature_decoder import FeatureDecoder
from cnnviz_widgets.engine.network_files import read, write
from cnnviz_widgets.engine.training import TrainingState
from cnnviz_widgets.errors import UserError, naming
from cnnviz_widgets.gate import OWN, came, gate
from cnnviz_widgets.networks import Network
from cnnviz_widgets.runtime.device import callers_modes_off
from cnnviz_widgets.runtime.device import device as device_in_use
from cnnviz_widgets.runtime.interrupts import guarded

__all__ = ["Decoded", "Decoder", "decoders", "load_decoder", "save_decoder"]
example = dict(source="relu3")

FOLDER = Path(__file__).parent / "weights" / "decoders"


@dataclass(frozen=True, eq=False, repr=False)
class Decoded(Result):
    """What a decoder makes of features.

    values  (3, H, W), or (B, 3, H, W) for a batch, 0…1
    """

    values: Tensor
    of: str
    convention: str = "picture, values 0…1"

    def content(self) -> Content:
        return Content(picture=rgb(self.values), caption=self.of)


class Decoder:
    """A trained decoder: ``decoder(features)`` is a picture. ``load_decoder`` makes it.

    layer   whose features it takes
    module  the network, from (B, C, h, w) to (B, 3, H, W)
    """

    def __init__(self, module: FeatureDecoder) -> None:
        self.layer, self.module = module.layer, module

    def __repr__(self) -> str:
        return f"Decoder({self.layer}, {sum(one.numel() for one in self.module.parameters()):,} parameters)"

    @gate
    def __call__(self, features: Annotated[Tensor, "features (C, h, w) or (B, C, h, w) of the layer"]) -> Decoded:
        """The picture that has such features, by one pass."""
        shape = tuple(self.module.layout["shape"])
        if features.shape[-3:] != shape or features.ndim not in (3, 4):
            raise UserError(
                f"features must be {shape}, or a batch of such, as layer {self.layer!r} has; not {came(features)}."
            )
        where = next(self.module.parameters())
        with guarded(*callers_modes_off(where.device), torch.no_grad()):
            made = self.module(features.reshape(-1, *shape).to(where)).cpu()
        return Decoded(made.view(*features.shape[:-3], *made.shape[1:]), f"decoded from {self.layer}")


def decoders() -> tuple[str, ...]:
    """Layers of ``mini`` whose decoders are there without a training."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.safetensors")))


def as_prior(prior: Any, network: Network, layer: str | None = None) -> Decoder:
    """UserError unless ``prior`` is a decoder of this network, and of this layer, if one is given."""
    if not isinstance(prior, Decoder):
        raise UserError(f"prior must be a decoder, as load_decoder returns it, or None, not {came(prior)}.")
    if prior.module.fingerprint != network.fingerprint:
        raise UserError(f"prior must be a decoder of {network.name}, not of another network.")
    if layer not in (None, prior.layer):
        raise UserError(f"prior must be a decoder of layer {layer!r}, not of {prior.layer!r}.")
    return prior


@gate
def load_decoder(source: Annotated[Any, OWN]) -> Decoder:
    """A trained decoder: ``load_decoder("relu3")(load_network("mini").activations(photo, "relu3")["relu3"])``.

    source  a layer of ``mini`` whose decoder is bundled, see ``decoders``; a state of ``train_decoder``; or the path of
            a file that ``save_decoder`` wrote
    """
    if isinstance(source, TrainingState):
        module: Any = source.network
    elif isinstance(source, str | os.PathLike):
        named = os.fspath(source) in decoders()
        path = FOLDER / f"{source}.safetensors" if named else Path(source)
        if not os.path.isfile(path):
            raise UserError(
                f"source {came(os.fspath(source))} is neither a file nor a layer of mini whose decoder is bundled: "
                f"{', '.join(decoders())}."
            )
        with naming("source"):
            module = read(path).to(device_in_use())
    else:
        module = getattr(source, "module", None)
    if not isinstance(module, FeatureDecoder):
        raise UserError(
            f"source must be a layer of mini, the file of a decoder, or a state of train_decoder, not {came(source)}."
        )
    return Decoder(module)


@gate
def save_decoder(source: Annotated[Any, OWN], path: Annotated[str | os.PathLike, "a path"]) -> None:
    """Write a trained decoder to a file, as safetensors in float16, about 200 KB: for use, not for further training.

    source  what ``load_decoder`` takes
    """
    write(load_decoder(source).module, path)

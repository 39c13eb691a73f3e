"""T6: trained styles in use."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import torch
from torch import Tensor

from cnnviz_widgets.drawing.render import Content
from cnnviz_widgets.drawing.results import Result, rgb
from cnnviz_widgets.engine.network_files import read, write
from cnnviz_widgets.engine.picture_networks import PictureNetwork, StyleNetwork, TransformerNet
from cnnviz_widgets.engine.training import TrainingState
from cnnviz_widgets.errors import UserError, naming
from cnnviz_widgets.gate import OWN, Share, came, gate
from cnnviz_widgets.pictures.given import AnyPicture, check_values
from cnnviz_widgets.runtime.device import callers_modes_off, computing
from cnnviz_widgets.runtime.device import device as device_in_use
from cnnviz_widgets.runtime.interrupts import guarded

__all__ = ["Style", "Styled", "load_style", "save_style", "styles"]
example = dict(source="stained_glass")

FOLDER = Path(__file__).parent / "weights" / "styles"
LEAST = 16  # px of a side


@dataclass(frozen=True, eq=False, repr=False)
class Styled(Result):
    """A picture in another style.

    values   (C, H, W), or (B, C, H, W) for a batch, 0…1
    picture  the photograph, as large
    of       the style
    """

    values: Tensor
    picture: Tensor
    of: str
    convention: str = "picture, values 0…1"

    def content(self) -> Content:
        return Content(picture=rgb(self.values), caption=self.of)


class Style:
    """A trained style: ``style(photo)`` paints. ``load_style`` makes it.

    name    of the style
    module  the network, from pictures (B, 3, H, W) to such, values 0…1
    """

    def __init__(self, name: str, module: PictureNetwork) -> None:
        self.name, self.module = name, module.to(memory_format=torch.channels_last)

    def __repr__(self) -> str:
        return f"Style({self.name}, {sum(one.numel() for one in self.module.parameters()):,} parameters)"

    @gate
    def __call__(self, image: AnyPicture, strength: Share = 1.0) -> Styled:
        """The picture in this style, by one pass.

        image     (1 or 3, H, W) or (B, 1 or 3, H, W), values 0…1, at least 16 px on each side; gray is repeated
        strength  0 is the photograph itself, 1 the style; between, colors are mixed
        """
        check_values("image", image)
        if image.ndim not in (3, 4) or image.shape[-3] not in (1, 3) or min(image.shape[-2:]) < LEAST:
            raise UserError(
                f"image must be (1 or 3, H, W) or a batch of such, of at least {LEAST} px a side, not {came(image)}."
            )
        photos = image.reshape(-1, *image.shape[-3:]).expand(-1, 3, -1, -1)
        where = next(self.module.parameters())
        with guarded(*callers_modes_off(where.device), computing(where.device), torch.no_grad()):
            inputs = photos.to(where, memory_format=torch.channels_last).clamp(0, 1)
            painted = self.module(inputs) if strength else inputs
        mixed = photos.cpu().lerp(painted.to("cpu", photos.dtype), strength).contiguous()
        return Styled(mixed.view(*image.shape[:-3], *mixed.shape[1:]), image.cpu(), self.name)


def styles() -> tuple[str, ...]:
    """Names of the styles that are there without a training."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.safetensors")))


@gate
def load_style(source: Annotated[Any, OWN]) -> Style:
    """A trained style, to paint with: ``load_style("stained_glass")("chelsea", strength=0.8)``.

    source  the name of a bundled style, see ``styles``; a state of ``train_style``; or the path of a file: one that
            ``save_style`` has written, or one of PyTorch's example "fast neural style" (.pth or .model). Old files of
            that kind hold statistics of instance norms, which have no use: they are left out, with a remark
    UserError for what is none of these.
    """
    if isinstance(source, TrainingState):
        if not isinstance(source.module, StyleNetwork):
            raise UserError("source must be a state of train_style, not of another training.")
        return Style("trained", source.network)
    if not isinstance(source, str | os.PathLike):
        raise UserError(
            f"source must be the name or the file of a style, or a state of train_style, not {came(source)}."
        )
    named = os.fspath(source) in styles()
    path = FOLDER / f"{source}.safetensors" if named else Path(source)
    if not os.path.isfile(path):
        raise UserError(f"source {came(source)} is neither a file nor a style: there are {', '.join(styles())}.")
    with naming("source"):
        module = read(path)
    if not isinstance(module, StyleNetwork | TransformerNet):
        raise UserError(f"source {came(os.fspath(path))} is of another kind of network ({type(module).__name__}).")
    return Style(path.stem, module.to(device_in_use()))


@gate
def save_style(source: Annotated[Any, OWN], path: Annotated[str | os.PathLike, "a path"]) -> None:
    """Write a trained style to a file, as safetensors in float16, about 400 KB: for use, not for further training.

    source  what ``load_style`` takes
    """
    write(load_style(source).module, path)

"""T8: enlarged pictures, and how near they are to the originals."""

import os
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Annotated, Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from cnnviz_widgets.drawing.render import Content
from cnnviz_widgets.drawing.results import Result, rgb
from cnnviz_widgets.engine.network_files import read, write
from cnnviz_widgets.engine.picture_networks import Upscaler
from cnnviz_widgets.engine.training import TrainingState
from cnnviz_widgets.errors import UserError, naming
from cnnviz_widgets.gate import OWN, came, gate
from cnnviz_widgets.pictures.dataset import load_dataset
from cnnviz_widgets.pictures.given import AnyPicture, check_values
from cnnviz_widgets.runtime.device import callers_modes_off
from cnnviz_widgets.runtime.device import device as device_in_use
from cnnviz_widgets.runtime.interrupts import guarded

__all__ = ["UpscaleTable", "Upscaled", "save_upscaler", "upscale", "upscale_table"]
example = dict(pictures=["chelsea"])

BUNDLED = Path(__file__).parent / "weights" / "upscaler.safetensors"
FRAME = 4  # px, that are left out of the comparison
LUMINANCE, BLACK = (65.481 / 255, 128.553 / 255, 24.966 / 255), 16 / 255  # ITU-R BT.601, as digital video has it
MOST_PIXELS = 2**22  # of a picture that is enlarged
LEAST = 8  # px of a side


@dataclass(frozen=True, eq=False, repr=False)
class Upscaled(Result):
    """A picture, enlarged.

    values   (C, H, W), or (B, C, H, W) for a batch, 0…1
    bicubic  the same by bicubic interpolation
    picture  the small one
    """

    values: Tensor
    bicubic: Tensor
    picture: Tensor
    of: str
    convention: str = "picture, values 0…1"

    def content(self) -> Content:
        return Content(picture=rgb(self.values), caption=self.of)


@dataclass(frozen=True, eq=False, repr=False)
class UpscaleTable(Result):
    """How near enlarged pictures are to the originals.

    values  (methods, pictures, 2): peak signal-to-noise ratio in dB, and SSIM
    of      the methods
    names   of the pictures
    shown   (methods + 1, 3, H, W): the first picture by each method, and last the original
    """

    values: Tensor
    of: tuple[str, ...]
    names: tuple[str, ...]
    shown: Tensor
    look: ClassVar[dict] = {"width": 760}  # that names are not cut
    convention: str = "PSNR in dB and SSIM, of the luminance without a frame of 4 px"

    @property
    def psnr(self) -> dict[str, float]:
        """By method, the mean over the pictures, in dB."""
        return dict(zip(self.of, self.values[..., 0].mean(1).tolist(), strict=True))

    @property
    def ssim(self) -> dict[str, float]:
        """By method, the mean over the pictures."""
        return dict(zip(self.of, self.values[..., 1].mean(1).tolist(), strict=True))

    def content(self) -> Content:
        first = self.values[:, 0].tolist()
        names = [f"{name}: {psnr:.2f} dB, SSIM {ssim:.3f}" for name, (psnr, ssim) in zip(self.of, first, strict=True)]
        return Content(picture=rgb(self.shown), names=(*names, "original"), columns=len(self.shown))

    def _repr_markdown_(self) -> str:
        rows = [f"| {name} | {self.psnr[name]:.2f} dB | {self.ssim[name]:.4f} |" for name in self.of]
        return "\n".join(["| | PSNR | SSIM |", "|---|---|---|", *rows])


@gate
def upscale(image: AnyPicture, upscaler: Annotated[Any, OWN] = None, self_ensemble: bool = False) -> Upscaled:
    """A picture enlarged by a network: bicubic interpolation and the details that it lacks.

    image          (1 or 3, H, W) or (B, 1 or 3, H, W), values 0…1; gray is repeated
    upscaler       None = the bundled one, four times, trained with the pixel loss; or a state of ``train_upscaler``, or
                   the path of a file that ``save_upscaler`` has written
    self_ensemble  the mean over the picture's eight flips and quarter turns (Timofte et al., 2016): eight times the
                   work, and 0.07 dB nearer with the bundled one
    """
    check_values("image", image)
    sides = image.shape[-2:]
    if image.ndim not in (3, 4) or image.shape[-3] not in (1, 3) or min(sides) < LEAST:
        raise UserError(
            f"image must be (1 or 3, H, W) or a batch of such, of at least {LEAST} px a side, not {came(image)}."
        )
    network = _network(upscaler)
    if sides.numel() * network.factor**2 > MOST_PIXELS:
        most = MOST_PIXELS // network.factor**2
        raise UserError(f"image must have at most {most:,} pixels to be enlarged {network.factor} times, not {sides}.")
    small = image.reshape(-1, *image.shape[-3:]).expand(-1, 3, -1, -1)
    where = next(network.parameters())
    with guarded(*callers_modes_off(where.device), torch.no_grad()):
        large = (_of_all_turns(network, small.to(where)) if self_ensemble else network(small.to(where))).clamp(0, 1)
        plain = network.plain(small).clamp(0, 1).cpu()
    shape = (*image.shape[:-3], *large.shape[1:])
    return Upscaled(
        large.to("cpu", image.dtype).view(shape), plain.view(shape), image.cpu(), f"enlarged {network.factor} times"
    )


@gate
def upscale_table(
    pictures: Annotated[Any, OWN], upscaler: Annotated[Any, OWN] = None, self_ensemble: bool = False
) -> UpscaleTable:
    """Shrink pictures, enlarge them again, and compare with the originals: bicubic interpolation, and a network.

    pictures       whatever ``load_dataset`` takes; rows and columns beyond a multiple of the factor are cut off
    upscaler       as in ``upscale``
    self_ensemble  the mean over the picture's eight flips and quarter turns (Timofte et al., 2016): eight times the
                   work, and 0.07 dB nearer with the bundled one
    PSNR and SSIM (Wang et al., 2004, with its Gaussian window) are those of ``skimage.metrics``, of the luminance Y of
    BT.601, 16…235 of 255, without a frame of 4 px: the convention of papers on super-resolution.
    """
    from skimage.metrics import peak_signal_noise_ratio, structural_similarity

    network = _network(upscaler)
    with naming("pictures"):
        dataset = load_dataset(pictures)
        numbers, names, shown = [], [], None
        for picture, name in dataset:
            large = whole(picture, network.factor)
            made = upscale(shrunk(large[None], network.factor)[0], upscaler, self_ensemble)
            rows = []
            for one in (made.bicubic, made.values):
                pair = luminance(one), luminance(large)
                similarity = structural_similarity(
                    *pair, data_range=1, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
                )
                rows.append([peak_signal_noise_ratio(pair[1], pair[0], data_range=1), similarity])
            numbers.append(rows)
            names.append(name)
            shown = torch.stack([made.bicubic, made.values, large]) if shown is None else shown
    values = torch.tensor(numbers, dtype=torch.float64).transpose(0, 1)
    assert shown is not None  # a data set has a picture
    return UpscaleTable(values, ("bicubic", "network"), tuple(names), shown)


@gate
def save_upscaler(upscaler: Annotated[Any, OWN], path: Annotated[str | os.PathLike, "a path"]) -> None:
    """Write a trained upscaler to a file, as safetensors in float16, about 290 KB.

    upscaler  as in ``upscale``
    """
    write(_network(upscaler), path)


def _of_all_turns(network: Upscaler, small: Tensor) -> Tensor:
    """The mean of what is made of a picture's flips and quarter turns, each turned back."""
    total: Any = 0
    for quarters, flipped in product(range(4), ([], [-1])):
        made = network(small.rot90(quarters, (-2, -1)).flip(flipped))
        total = total + made.flip(flipped).rot90(-quarters, (-2, -1))
    return total / 8


def shrunk(pictures: Tensor, factor: int) -> Tensor:
    """(B, C, H, W), both sides divided by the factor: bicubic, with an antialiasing filter."""
    size = [side // factor for side in pictures.shape[-2:]]
    return F.interpolate(pictures, size, mode="bicubic", antialias=True, align_corners=False).clamp(0, 1)


def whole(picture: Tensor, factor: int) -> Tensor:
    """Without the last rows and columns, so that the factor divides both sides."""
    height, width = (side // factor * factor for side in picture.shape[-2:])
    if min(height, width) < max(LEAST * factor, 2 * FRAME + 11):  # 11 px: the window of SSIM
        raise UserError(f"pictures must be larger to be shrunk {factor} times than {tuple(picture.shape[-2:])}.")
    return picture[..., :height, :width]


def luminance(picture: Tensor) -> Any:
    """Y of a picture (3, H, W), without the frame, as numpy: (H − 8, W − 8), float64, 16/255…235/255."""
    weights = torch.tensor(LUMINANCE, dtype=torch.float64)[:, None, None]
    return (BLACK + (weights * picture.double()).sum(0))[FRAME:-FRAME, FRAME:-FRAME].numpy()


def _network(upscaler: Any) -> Upscaler:
    if isinstance(upscaler, TrainingState):
        network: Any = upscaler.network
    elif upscaler is None or isinstance(upscaler, str | os.PathLike):
        with naming("upscaler"):
            network = read(BUNDLED if upscaler is None else Path(upscaler)).to(device_in_use())
    else:
        network = upscaler
    if not isinstance(network, Upscaler):
        raise UserError(
            f"upscaler must be None, a state of train_upscaler, or a file of its weights, not {came(upscaler)}."
        )
    return network

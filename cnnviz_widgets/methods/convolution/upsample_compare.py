"""F6: two ways to enlarge: a transposed convolution, which may checker, and a resize followed by a convolution."""

from dataclasses import dataclass
from typing import Annotated

import torch
import torch.nn.functional as F
from torch import Tensor

from cnnviz_widgets.drawing.render import Content
from cnnviz_widgets.drawing.results import Result, rgb
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import Range, gate
from cnnviz_widgets.pictures.given import AnyPicture, check_values

__all__ = ["Upsampling", "upsample_compare"]

Factor = Annotated[int, Range(1, 16)]
Kernel = Annotated[int, Range(1, 32)]


@dataclass(frozen=True, eq=False, repr=False)
class Upsampling(Result):
    """A picture that was made small, and enlarged in two ways.

    values         (C, H, W): by a transposed convolution
    resized        (C, H, W): by repeating each pixel, then an ordinary convolution
    small          (C, h, w): what both enlarge
    ripple, resized_ripple
                   how much each checkers: the standard deviation of the mean values of the factor² phases, as a
                   share of the mean of all, away from the border; 0 = not at all
    factor, kernel of both
    """

    values: Tensor
    resized: Tensor
    small: Tensor
    ripple: float
    resized_ripple: float
    factor: int
    kernel: int
    of: str
    convention: str = "picture, enlarged by a transposed convolution"

    def content(self) -> Content:
        both = torch.stack([self.values, self.resized]).clamp(0, 1)
        names = f"transposed · ripple {self.ripple:.1%}", f"resized, convolved · ripple {self.resized_ripple:.1%}"
        return Content(rgb(both), columns=2, names=names, caption=self.of)


@gate
def upsample_compare(image: AnyPicture, kernel: Kernel = 3, factor: Factor = 2) -> Upsampling:
    """Transposed convolution against resize-convolution, on a picture (Odena et al., Distill 2016).

    The picture is made ``factor`` times smaller by averaging, then enlarged again by both, with equal weights that
    keep the mean color. Where the stride does not divide the kernel, the transposed convolution writes to some pixels
    more often than to others: see ``overlap``.

    image   (C, H, W), values 0…1, at least four times the factor along each side, and than the kernel
    kernel  pixels of its side, at least ``factor``
    factor  the stride of the transposed convolution
    Returns Upsampling, values (C, H, W), the transposed convolution's, and ``resized``; H and W are the largest
    multiples of factor. Neither is limited to 0…1.
    Raises UserError for a kernel below the factor, a batch, and a picture that is too small.

        upsample_compare(load_image("chelsea"), kernel=3).ripple
    """
    check_values("image", image)
    if image.ndim != 3 or image.shape[0] not in (1, 3):
        raise UserError(
            f"image must be one picture (C, H, W) with 1 or 3 colors, not {'×'.join(map(str, image.shape))}."
        )
    if kernel < factor:
        raise UserError(f"kernel must be at least the factor, {factor}, not {kernel}: else there are gaps.")
    least = 4 * max(factor, kernel)
    if min(image.shape[1:]) < least:
        came = "×".join(map(str, image.shape[1:]))
        raise UserError(
            f"image must be at least {least} px along each side for kernel {kernel}, factor {factor}, not {came}."
        )
    small = F.avg_pool2d(image.detach().cpu().double(), factor)
    planes, size = small[:, None], [side * factor for side in small.shape[1:]]
    ones = torch.ones(1, 1, kernel, kernel, dtype=torch.float64)

    first = (kernel - factor) // 2
    written = F.conv_transpose2d(planes, ones * (factor / kernel) ** 2, stride=factor)
    transposed = written[:, 0, first : first + size[0], first : first + size[1]]

    around = (kernel - 1) // 2, kernel // 2
    repeated = F.interpolate(planes, scale_factor=factor, mode="nearest")
    resized = F.conv2d(F.pad(repeated, around * 2, mode="replicate"), ones / kernel**2)[:, 0]
    return Upsampling(
        transposed,
        resized,
        small,
        _ripple(transposed, factor, kernel),
        _ripple(resized, factor, kernel),
        factor,
        kernel,
        f"kernel {kernel}, stride {factor}",
    )


def _ripple(values: Tensor, factor: int, kernel: int) -> float:
    """By phases: the pixels of one row and column within each block of factor × factor."""
    border = -(-kernel // factor)  # blocks in which a transposed convolution lacks windows
    blocks = values.unfold(1, factor, factor).unfold(2, factor, factor)[:, border:-border, border:-border]
    means = blocks.mean((0, 1, 2))
    return float(means.std(correction=0) / means.mean().clamp(min=1e-12))

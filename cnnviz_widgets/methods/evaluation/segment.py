"""G5: segmentation of the object by GrabCut, seeded by a saliency map."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch
from torch import Tensor

from cnnviz_widgets.drawing.render import Content
from cnnviz_widgets.drawing.results import Result, rgb
from cnnviz_widgets.engine.checks import whole_number
from cnnviz_widgets.engine.planes import plane, varied
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import OWN, Range, gate
from cnnviz_widgets.pictures.given import AnyPicture, check_values

__all__ = ["Segmentation", "segment"]

DIMMED = 0.2  # of the brightness of what is not the object


@dataclass(frozen=True, eq=False, repr=False)
class Segmentation(Result):
    """An object and its background.

    values      (H, W) bool: True on the object
    picture     (C, H, W), 0…1: what was cut
    of          what the object is, if the map said so
    """

    values: Tensor
    picture: Tensor
    convention: str
    of: str = ""

    def content(self) -> Content:
        shown = torch.where(self.values, self.picture, DIMMED * self.picture)
        return Content(picture=rgb(shown), caption=f"{self.of}: {self.values.double().mean():.0%} of the picture")


@gate
def segment(
    image: AnyPicture,
    heatmap: Annotated[Result | Tensor, OWN],
    *,
    foreground: float = 0.95,
    background: float = 0.30,
    blur: Annotated[float, Range(most=1000)] = 4.0,
    iterations: Annotated[int, Range(1, 100)] = 5,
) -> Segmentation:
    """The object that a map lies on, by GrabCut (Simonyan et al., 2014, §3.2; Rother et al., 2004).

    The most salient pixels are taken for the object and the least salient ones for the background. The colors of both
    are modeled, and a graph cut decides on the pixels between them, by their colors and by the edges of the picture.

    image       (C, H, W), values 0…1
    heatmap     numbers (H, W), great on the object. A Heatmap may be of another size than ``image``: then what the
                network saw of the image is cut, which the Heatmap knows
    foreground  pixels from this quantile of the map on belong to the object …
    background  … and pixels up to this one to the background
    blur        px, the standard deviation by which the map is blurred before: a gradient is great in single pixels all
                over the object, and an object is in one piece. 0 = take the map as it is
    iterations  in which color models and cut are refined in turn
    Returns a Segmentation, values (H, W) bool; the same at every call.
    Raises UserError for a map of another size, a constant map, a blur below 0, quantiles that are not in order, and
    where OpenCV is not installed.

        segment(photo, saliency(network, photo))
    """
    try:
        import cv2
    except ImportError:
        raise UserError('segment needs OpenCV: pip install "cnnviz-widgets[segment]".') from None
    from scipy.ndimage import gaussian_filter

    if not 0 < background < foreground < 1:
        raise UserError(
            f"background and foreground must be quantiles, 0 < background < foreground < 1, not {background!r} and "
            f"{foreground!r}."
        )
    if not blur >= 0:
        raise UserError(f"blur must be 0 or a number of pixels above it, not {blur!r}.")
    iterations = whole_number("iterations", iterations, 1)
    picture = _picture(image, heatmap)
    values = varied(plane(heatmap, tuple(picture.shape[-2:]))).numpy()
    if blur:
        values = gaussian_filter(values, blur)
    low, high = np.quantile(values, [background, foreground])
    outside, inside = values <= low, (values >= high) & (values > low)
    if not inside.any():
        raise UserError(
            f"heatmap has no pixel above its {background:.0%} quantile ({low:.4g}): too much of it is equal."
        )

    labels = np.full(values.shape, cv2.GC_PR_FGD, np.uint8)  # to be decided
    labels[outside], labels[inside] = cv2.GC_BGD, cv2.GC_FGD
    colors = np.ascontiguousarray(rgb(picture))
    cv2.setRNGSeed(0)
    cv2.grabCut(colors, labels, (0, 0, 0, 0), np.zeros((1, 65)), np.zeros((1, 65)), iterations, cv2.GC_INIT_WITH_MASK)
    return Segmentation(
        torch.from_numpy(np.isin(labels, (cv2.GC_FGD, cv2.GC_PR_FGD))),
        picture,
        convention=f"object, by GrabCut from the quantiles {foreground:g} and {background:g} of the map",
        of=getattr(heatmap, "of", ""),
    )


def _picture(image: AnyPicture, heatmap: Result | Tensor) -> Tensor:
    """What the map covers: the image, or what the network saw of it."""
    if not isinstance(image, Tensor) or image.ndim != 3 or not image.is_floating_point():
        came = f"{image.dtype} {tuple(image.shape)}" if isinstance(image, Tensor) else type(image).__name__
        raise UserError(f"image must be one picture (C, H, W) of values 0…1, not {came}.")
    check_values("image", image)
    seen = getattr(heatmap, "picture", image)
    return (image if seen.shape[-2:] == image.shape[-2:] else seen).detach().cpu()

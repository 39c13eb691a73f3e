"""T4: a painted picture in the colors of its photograph."""

from torch import Tensor

from cnnviz_widgets.engine.optimize.smoothing import resize
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import gate
from cnnviz_widgets.pictures.given import AnyPicture

__all__ = ["keep_color"]

LUMINANCE = (0.299, 0.587, 0.114)  # ITU-R BT.601


@gate
def keep_color(result: AnyPicture, content: AnyPicture) -> Tensor:
    """The light and dark of a picture with the colors of another: luminance-only transfer (Gatys et al., 2016).

    result   (3, H, W), or (B, 3, H, W) for a batch, values 0…1
    content  (3, H, W), whose colors are kept; of another size, it is scaled
    Returns ``content + (Y(result) − Y(content))``, as large as ``result``, with the luminance Y of BT.601. It is not
    clipped: where a color has no room, values are below 0 or above 1.
    """
    if result.ndim not in (3, 4) or result.shape[-3] != 3:
        raise UserError(f"result must be a picture (3, H, W) or a batch of them, not {tuple(result.shape)}.")
    if content.ndim != 3 or len(content) != 3:
        raise UserError(f"content must be a picture (3, H, W), not {tuple(content.shape)}.")
    batch = result if result.ndim == 4 else result[None]
    made = with_colors_of(content.to(batch), batch)
    return made if result.ndim == 4 else made[0]


def with_colors_of(content: Tensor, pictures: Tensor) -> Tensor:
    """The same for a batch (B, C, H, W); of gray pictures there is no color to keep."""
    if len(content) != 3:
        return pictures
    content = content.to(pictures)[None]
    if content.shape[-2:] != pictures.shape[-2:]:
        content = resize(content, tuple(pictures.shape[-2:]))
    weights = pictures.new_tensor(LUMINANCE)[:, None, None]
    return content + ((pictures - content) * weights).sum(1, keepdim=True)

"""A picture as it is after it was saved and opened again."""

from io import BytesIO
from typing import Literal

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from cnnviz_widgets.drawing.results import rgb

Kind = Literal["png", "jpeg"]


def reopened(pictures: Tensor, kind: Kind, quality: int) -> Tensor:
    """Pictures (B, C, H, W), 0…1, on the CPU: saved in 8 bits as "png", or as "jpeg" of a quality 1…100."""
    return torch.stack([_reopened(one, kind, quality) for one in pictures]).to(pictures)


def _reopened(picture: Tensor, kind: Kind, quality: int) -> Tensor:
    file = BytesIO()
    image = Image.fromarray(rgb(picture)).convert("L" if len(picture) == 1 else "RGB")
    image.save(file, kind, **({"quality": quality} if kind == "jpeg" else {}))
    values = np.asarray(Image.open(BytesIO(file.getvalue())))
    return torch.from_numpy(values.reshape(*values.shape[:2], -1).copy()).movedim(-1, 0) / 255

"""A mask that was painted, as a text: a program can hold what a brush has made."""

import io
from base64 import b64decode, b64encode

import numpy as np
from PIL import Image

from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import came, gate


@gate
def painted(text: str) -> np.ndarray:
    """The mask that a panel's Code button writes as ``cnnviz.painted("…")``.

    text   a gray PNG picture in base64: its value at a pixel is the label painted there
    Returns (H, W) uint8, 0 = no paint.
    Raises UserError for another text.

        occluded(load_network("mini"), load_image("chelsea"), area=painted("…"))
    """
    try:
        picture = Image.open(io.BytesIO(b64decode(text, validate=True)), formats=["PNG"])
        if picture.mode == "L":
            return np.array(picture)
    except (ValueError, OSError):  # no base64; no picture
        pass
    raise UserError(f"text must be a gray PNG picture in base64, as the Code button writes it, not {came(text)}.")


def as_text(mask: np.ndarray) -> str:
    """The text of which ``painted`` makes the mask (H, W) uint8."""
    buffer = io.BytesIO()
    Image.fromarray(mask).save(buffer, "PNG", optimize=True)
    return b64encode(buffer.getvalue()).decode()

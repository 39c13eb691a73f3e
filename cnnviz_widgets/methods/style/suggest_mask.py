"""T5: a first mask for a doodle: regions of similar color that lie together."""

from typing import Annotated

import numpy as np
import torch
from torch import Tensor

from cnnviz_widgets.engine.optimize.smoothing import gaussian
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import Range, Rate, came, gate
from cnnviz_widgets.methods.texture._matching import scaled
from cnnviz_widgets.pictures.given import AnyPicture, check_values

__all__ = ["suggest_mask"]

SEEN = 96  # px: the shorter side in which clusters are looked for
BLUR = 2.0  # px, there: brush strokes are no regions


@gate
def suggest_mask(picture: AnyPicture, k: Annotated[int, Range(1, 16)] = 3, place: Rate = 0.3) -> Tensor:
    """The regions of a picture: k-means clusters of color and place.

    picture  (C, H, W), values 0…1
    k        number of regions, at most
    place    weight of the place, which is 0…1 from top to bottom and from left to right, beside the colors, 0…1
    Returns (H, W), whole numbers 0 … k − 1, from the region that lies highest to the lowest.
    """
    if picture.ndim != 3:
        raise UserError(f"picture must have the shape (C, H, W), not {came(picture)}.")
    check_values("picture", picture)
    from sklearn.cluster import KMeans

    height, width = picture.shape[-2:]
    small = picture.detach().cpu().float()
    small = gaussian(scaled(small, SEEN) if min(height, width) > SEEN else small, BLUR)[..., :, :]
    down, across = (torch.linspace(0, place, side) for side in small.shape[-2:])
    places = torch.stack(torch.broadcast_tensors(down[:, None], across[None]))
    points = torch.cat([small, places]).flatten(1).T.double().numpy()
    count = min(k, len(np.unique(points, axis=0)))
    found = KMeans(count, n_init=4, random_state=0).fit_predict(points).reshape(small.shape[-2:])
    rows = np.arange(len(found))[:, None] + 0 * found
    order = np.argsort([rows[found == label].mean() for label in range(count)])
    labels = torch.from_numpy(np.argsort(order)[found])
    return torch.nn.functional.interpolate(labels[None, None].double(), (height, width), mode="nearest")[0, 0].long()

"""What embeddings are made of: a row of numbers for each picture."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from cnnviz_widgets.drawing.results import Result
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import came


def as_points(name: str, points: Any, least: int = 1) -> Tensor:
    """(N, D) float32 on the CPU, of a result's values, a tensor or an array; UserError for anything else."""
    values = points.values if isinstance(points, Result) else points
    if isinstance(values, np.ndarray) and values.dtype.kind in "buif":
        values = torch.from_numpy(values)
    if not isinstance(values, Tensor) or values.ndim != 2 or values.is_complex() or not values.shape[1]:
        raise UserError(f"{name} must be numbers (N, D), a row for each picture, not {came(points)}.")
    if len(values) < least:
        raise UserError(f"{name} must be at least {least} rows, not {len(values)}.")
    values = values.detach().cpu().float()
    if values.numel() and not torch.stack(values.aminmax()).isfinite().all():  # they pass NaN on
        raise UserError(f"{name} must be finite numbers; some are NaN or infinite.")
    return values

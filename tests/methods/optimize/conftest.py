"""Networks whose answers have a closed form, in float64."""

from collections import OrderedDict

import pytest
import torch
from torch import Tensor, nn

from cnnviz_widgets.networks import Network


@pytest.fixture
def network() -> Network:
    """``maps`` mixes three colors into four channels, place by place; ``scores`` are five classes."""
    module = nn.Sequential(
        OrderedDict(maps=nn.Conv2d(3, 4, 1), relu=nn.ReLU(), flat=nn.Flatten(), scores=nn.Linear(4 * 5 * 6, 5))
    )
    return Network(
        module.double(), input_size=(5, 6), mean=[0.4, 0.5, 0.6], std=[0.2, 0.25, 0.5],
        classes=["ant", "bee", "cat", "dog", "eel"],
    )  # fmt: skip


@pytest.fixture
def pictures() -> Tensor:
    return torch.rand(2, 3, 5, 6, dtype=torch.float64)

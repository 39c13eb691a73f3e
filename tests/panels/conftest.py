"""A network and a picture small enough to compute at once."""

import pytest
import torch
from ipywidgets.widgets import widget as widget_module
from torch import nn

from cnnviz_widgets.networks import Network
from cnnviz_widgets.widgets.front_end import FrontEnd


@pytest.fixture
def network() -> Network:
    torch.manual_seed(0)
    module = nn.Sequential(
        nn.Conv2d(3, 8, 5, 2, 2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 12, 3, 1, 1), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(12, 4),
    )  # fmt: skip
    return Network(module, input_size=48, classes=["cat", "dog", "bird", "fish"], name="tiny")


@pytest.fixture
def photo() -> torch.Tensor:
    return torch.rand(3, 48, 48, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def widget_count():
    """The number of widgets that exist, but for the one that belongs to all of them."""
    return lambda: sum(not isinstance(one, FrontEnd) for one in widget_module._instances.values())

import pytest
import torch
from torch import nn

from cnnviz_widgets import Network


@pytest.fixture
def network():
    torch.manual_seed(0)
    module = nn.Sequential(
        nn.Conv2d(3, 6, 3, padding=1), nn.Tanh(), nn.MaxPool2d(2),
        nn.Conv2d(6, 8, 3, padding=1), nn.Sigmoid(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4),
    )  # fmt: skip
    return Network(module.double().eval(), input_size=16, classes=list("abcd"))


@pytest.fixture
def photo():
    return 0.2 + 0.6 * torch.rand(3, 16, 20, dtype=torch.float64)


@pytest.fixture
def painting():
    return torch.rand(3, 24, 18, dtype=torch.float64)

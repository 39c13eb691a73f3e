"""A network and a picture small enough to ask about many times."""

import pytest
import torch
from torch import nn

from cnnviz_widgets.networks import Network


@pytest.fixture(scope="module")
def network() -> Network:
    """Answers by the mean brightness of the left and the right half, so that every answer can be foretold."""
    module = nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d((1, 2)), nn.Flatten(), nn.Linear(8, 3)
    )
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.zero_()
        module[0].weight[0, :, 1, 1] = 1.0
        module[0].weight[1:] = torch.randn(3, 3, 3, 3, generator=torch.Generator().manual_seed(1)) / 10
        module[4].weight[0, 0], module[4].weight[1, 1] = 2.0, 2.0
    names = ["left lamp", "right lamp", "dark"]
    return Network(module, input_size=(48, 64), mean=(0.0,) * 3, std=(1.0,) * 3, classes=names, name="lamps")


@pytest.fixture(scope="module")
def photo() -> torch.Tensor:
    """A bright spot at x 8…16, y 32…40."""
    picture = torch.zeros(3, 48, 64)
    picture[:, 32:40, 8:16] = 1.0
    return picture

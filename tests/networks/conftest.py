"""Small inputs and random weights: what is tested here does not depend on what a network has learned."""

from functools import cache

import pytest
import torch
from torch import nn
from torchvision import models

from cnnviz_widgets.networks import Network

ARCHITECTURES = ("alexnet", "vgg16", "resnet18", "densenet121", "googlenet", "squeezenet1_0", "mobilenet_v3_small")


@cache
def _module(name: str) -> nn.Module:
    torch.manual_seed(1)
    options = {"init_weights": False} if name in ("vgg16", "googlenet") else {}
    return models.get_model(name, weights=None, num_classes=10, **options).eval()


@pytest.fixture(params=ARCHITECTURES)
def module(request) -> nn.Module:
    return _module(request.param)


@pytest.fixture
def network(module) -> Network:
    return Network(module, input_size=64)


@pytest.fixture
def picture() -> torch.Tensor:
    return torch.rand(3, 64, 64, generator=torch.Generator().manual_seed(2))

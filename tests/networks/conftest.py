"""Small inputs and random weights: what is tested here does not depend on what a network has learned."""

import pytest
import torch
from architectures import module, odd  # noqa: F401

from cnnviz_widgets.networks import Network


@pytest.fixture
def network(module) -> Network:  # noqa: F811
    return Network(module, input_size=64)


@pytest.fixture
def picture() -> torch.Tensor:
    return torch.rand(3, 64, 64, generator=torch.Generator().manual_seed(2))

"""Networks of many kinds with random weights, and all of a module that a call could change."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import cache

import pytest
import torch
from torch import nn
from torchvision import models

from cnnviz_widgets.networks import Network

ARCHITECTURES = ("alexnet", "vgg16", "resnet18", "densenet121", "googlenet", "squeezenet1_0", "mobilenet_v3_small")


def tiny_network() -> Network:
    """Two convolutions in float64, and pictures that are not square."""
    torch.manual_seed(0)
    module = nn.Sequential(
        nn.Conv2d(3, 6, 5, 2, 2), nn.ReLU(), nn.Conv2d(6, 5, 3, 1, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Linear(5, 4),
    )  # fmt: skip
    return Network(module.double(), input_size=(20, 28), name="tiny")


@cache
def module_of(name: str) -> nn.Module:
    torch.manual_seed(1)
    options = {"init_weights": False} if name in ("vgg16", "googlenet") else {}
    with small_heads() if name in ("alexnet", "vgg16") else nullcontext():
        return models.get_model(name, weights=None, num_classes=10, **options).eval()


@contextmanager
def small_heads() -> Iterator[None]:
    """Linear layers of 64 units where AlexNet and VGG have 4096: most of their weights, which test nothing more."""
    kind, few = nn.Linear, {4096: 64}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nn, "Linear", lambda inputs, outputs: kind(few.get(inputs, inputs), few.get(outputs, outputs)))
        yield


@pytest.fixture(params=ARCHITECTURES)
def module(request) -> nn.Module:
    return module_of(request.param)


def with_statistics(module: nn.Module) -> nn.Module:
    """The module itself; its BatchNorms get means, variances, scales and shifts as if it had been trained."""
    for part in module.modules():
        if isinstance(part, nn.modules.batchnorm._BatchNorm):
            if part.running_mean is not None:
                part.running_mean.normal_(0, 0.3)
                part.running_var.uniform_(0.5, 2)
            if part.weight is not None:
                nn.init.uniform_(part.weight, 0.5, 1.5)
            if part.bias is not None:
                nn.init.normal_(part.bias, 0, 0.2)
    return module


def hooks(module: nn.Module) -> list[tuple]:
    """Every hook of every part."""
    kinds = [name for name in vars(module) if name.endswith("_hooks")]
    return [(name, kind, tuple(vars(part)[kind])) for name, part in module.named_modules() for kind in kinds]


def state(module: nn.Module) -> dict:
    """All that a call could change."""
    tensors = dict(module.named_parameters(prefix="p")) | dict(module.named_buffers(prefix="b"))
    return {
        "hooks": hooks(module),
        "training": [part.training for part in module.modules()],
        "in place": [getattr(part, "inplace", None) for part in module.modules()],
        "attributes": [sorted(vars(part)) for part in module.modules()],
        "tensors": {
            name: (id(one), one.data_ptr(), one._version, one.requires_grad, one.dtype, one.device, one.stride())
            for name, one in tensors.items()
        },
        "sums": {name: one.double().sum().item() for name, one in tensors.items()},
        "gradients": {
            name: None if one.grad is None else (id(one.grad), one.grad._version) for name, one in tensors.items()
        },
    }


@pytest.fixture
def odd(module):
    with oddly(module):
        yield module


@contextmanager
def oddly(module: nn.Module) -> Iterator[nn.Module]:
    """Training mode with parts in evaluation mode, frozen parts, gradients and weights in another memory format."""
    flags = [part.training for part in module.modules()]
    parts, weights = list(module.modules()), list(module.parameters())
    module.train()
    for part in parts[1::3]:
        part.training = False
    for weight in weights[::2]:
        weight.requires_grad_(False)
    weights[1].grad = torch.ones_like(weights[1])
    four = [weight for weight in weights if weight.ndim == 4]
    for weight in four[1::2]:
        weight.data = weight.data.contiguous(memory_format=torch.channels_last)
    try:
        yield module
    finally:
        for part, flag in zip(parts, flags, strict=True):
            part.training = flag
        for weight in weights:
            weight.requires_grad_(True)
            weight.grad = None
            weight.data = weight.data.contiguous()

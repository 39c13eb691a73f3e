"""Pooling as a context: as the network that is rebuilt with other modules, and the module unchanged."""

import copy

import pytest
import torch
import torch.nn.functional as F
from architectures import state
from torch import nn
from torchvision.models import get_model

from cnnviz_widgets.engine.pooling import pooling, under_pooling
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.networks import Network


class RootMeanSquare(nn.Module):
    """Windows by hand: unfolded, with what is outside left out of the mean."""

    def __init__(self, pool):
        super().__init__()
        self.pool = pool

    def forward(self, maps):
        size, step = self.pool.kernel_size, self.pool.stride
        pads, rest = self.pool.padding, [0, 0]
        if self.pool.ceil_mode:
            rest = [-(side + 2 * pads - size) % step for side in maps.shape[-2:]]
        wide = [pads, pads + rest[1], pads, pads + rest[0]]
        inside = F.unfold(F.pad(torch.ones_like(maps[:1, :1]), wide), size, stride=step).sum(1)
        rows, columns = (
            (side + 2 * pads + more - size) // step + 1 for side, more in zip(maps.shape[2:], rest, strict=True)
        )
        squares = F.unfold(F.pad(maps.square(), wide), size, stride=step).unflatten(1, (maps.shape[1], -1)).sum(2)
        return (squares / inside[:, None] + 1e-12).sqrt().unflatten(2, (rows, columns))


def average(pool):
    return nn.AvgPool2d(pool.kernel_size, pool.stride, pool.padding, pool.ceil_mode, count_include_pad=False)


def rebuilt(module, make):
    module = copy.deepcopy(module)
    for part in [*module.modules()]:
        for name, child in part.named_children():
            if isinstance(child, nn.MaxPool2d):
                setattr(part, name, make(child))
    return module


@pytest.mark.parametrize("name", ["squeezenet1_0", "resnet18", "googlenet"])
@pytest.mark.parametrize(("kind", "make"), [("average", average), ("l2", RootMeanSquare)])
def test_as_a_network_that_is_rebuilt(name, kind, make):
    torch.manual_seed(0)
    options = {"init_weights": True} if name == "googlenet" else {}
    module = get_model(name, weights=None, **options).double().eval()
    pictures = torch.rand(2, 3, 75, 64, dtype=torch.float64, requires_grad=True)
    before = state(module)
    with pooling(kind):
        found = module(pictures)
    assert state(module) == before
    expected = rebuilt(module, make)(pictures)
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-12)
    weights = torch.rand_like(found)
    slopes = [torch.autograd.grad((one * weights).sum(), pictures)[0] for one in (found, expected)]
    torch.testing.assert_close(*slopes, rtol=1e-7, atol=1e-12)
    assert not torch.equal(module(pictures), found)


@pytest.mark.parametrize("pool", [lambda x: F.max_pool2d(x, 2), lambda x: torch.max_pool2d(x, 2, 2), nn.MaxPool2d(2)])
def test_every_way_to_write_it(pool):
    maps = torch.rand(1, 2, 6, 6)
    with pooling("average"):
        assert torch.equal(pool(maps), F.avg_pool2d(maps, 2))
    with pooling("max"):
        assert torch.equal(pool(maps), F.max_pool2d(maps, 2))
    with pooling("l2"):
        assert pool(torch.zeros(1, 2, 6, 6)).isfinite().all()


def test_what_average_pooling_cannot_stand_for():
    maps = torch.rand(1, 2, 9, 9)
    with pooling("average"):
        assert torch.equal(
            F.max_pool2d(maps, 2, dilation=2), maps.unfold(2, 3, 2).unfold(3, 3, 2)[..., ::2, ::2].amax((-1, -2))
        )
        pooled, indices = nn.MaxPool2d(3, return_indices=True)(maps)
    assert torch.equal(maps.flatten(2).gather(2, indices.flatten(2)).view_as(pooled), pooled)


def test_steps_of_an_iterator():
    """Only its steps are made in the context, not what is done between them."""
    maps = torch.rand(1, 1, 4, 4)
    means = under_pooling("average", (F.max_pool2d(maps, 4).item() for _ in range(2)))
    assert [F.max_pool2d(maps, 4).item() for _ in means] == [maps.max().item()] * 2
    assert [*under_pooling("average", (F.max_pool2d(maps, 4).item() for _ in range(2)))] == pytest.approx(
        [maps.mean().item()] * 2
    )


def test_bad_input():
    with pytest.raises(UserError, match="kind must be one of 'max', 'average', 'l2', not 'mean'"):
        pooling("mean")
    network = Network(nn.Sequential(nn.MaxPool2d(2), nn.Flatten(), nn.Linear(12, 2)), input_size=4)
    with pooling("average"):
        assert network.logits(torch.rand(3, 4, 4)).shape == (2,)

"""The quicker way back through BatchNorm against autograd's own, in float64, and where it is not taken."""

import copy
import threading
from contextlib import nullcontext
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from architectures import with_statistics
from torch import nn
from torchvision.models import get_model

import cnnviz_widgets as cnnviz
from cnnviz_widgets.engine.batch_norm import quick_batch_norm


def trained(module, dtype=torch.float64):
    return with_statistics(module).to(dtype).eval()


def back(module, x, quick):
    """What comes out, and the gradient of a random direction there."""
    x = x.clone().requires_grad_()
    with quick_batch_norm(module) if quick else nullcontext():
        out = module(x)
        direction = torch.randn(out.shape, dtype=out.dtype, generator=torch.Generator().manual_seed(1))
        return out, torch.autograd.grad((out * direction).sum(), x)[0]


def batch(*shape, dtype=torch.float64):
    return torch.randn(*shape, dtype=dtype, generator=torch.Generator().manual_seed(0))


def norms_met(out):
    """The number of torch's own BatchNorms on the way back."""
    seen, waiting = set(), [out.grad_fn]
    while waiting:
        node = waiting.pop()
        if node is not None and node not in seen:
            seen.add(node)
            waiting += [following for following, _ in node.next_functions]
    return sum("BatchNorm" in node.name() for node in seen)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("resnet18", {}),
        ("mobilenet_v2", {}),
        ("densenet121", {}),
        ("densenet121", {"memory_efficient": True}),  # computes its layers once more on the way back
        ("googlenet", {"init_weights": True, "aux_logits": False}),
        ("shufflenet_v2_x0_5", {}),
    ],
)
def test_the_gradient_is_autograds(name, options):
    module, x = trained(get_model(name, weights=None, **options)), batch(2, 3, 64, 64)
    (out, gradient), (same, usual) = back(module, x, True), back(module, x, False)
    assert norms_met(out) == 0 < norms_met(same)
    torch.testing.assert_close(out, same, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(gradient, usual, rtol=1e-9, atol=1e-12 * float(usual.abs().max()))


def test_every_layer_has_its_own_numbers():
    layers = [nn.BatchNorm2d(4, eps=0.5), nn.Conv2d(4, 3, 1), nn.BatchNorm2d(3, eps=0.01), nn.BatchNorm2d(3, eps=2)]
    module, x = trained(nn.Sequential(*layers)), batch(2, 4, 5, 6)
    (out, gradient), (same, usual) = back(module, x, True), back(module, x, False)
    torch.testing.assert_close(out, same, rtol=0, atol=1e-12)
    torch.testing.assert_close(gradient, usual, rtol=0, atol=1e-12)


class Active(nn.BatchNorm2d):
    """With a forward pass of its own."""

    def forward(self, x):
        return super().forward(x).relu()


class Shiftless(nn.BatchNorm2d):
    def __init__(self, channels):
        super().__init__(channels)
        self.bias = None


class Statistics(nn.Module):
    def forward(self, x):
        return F.batch_norm(x, None, None, training=True)


@pytest.mark.parametrize(
    ("module", "dtype"),
    [
        (nn.BatchNorm2d(4, affine=False), torch.float32),
        (Shiftless(4), torch.float32),
        (Active(4), torch.float32),
        (nn.BatchNorm2d(4, track_running_stats=False), torch.float32),
        (nn.Sequential(nn.BatchNorm2d(4), Statistics()), torch.float32),
        (nn.Sequential(nn.Flatten(2), nn.BatchNorm1d(4)), torch.float32),
        (nn.BatchNorm2d(4), torch.bfloat16),
    ],
)
def test_others_go_their_usual_way(module, dtype):
    module, x = trained(module, dtype), batch(2, 4, 5, 6, dtype=dtype)
    (out, gradient), (same, usual) = back(module, x, True), back(module, x, False)
    assert norms_met(out) == 1
    torch.testing.assert_close(out, same)
    torch.testing.assert_close(gradient, usual)


def test_in_training_it_is_torchs_own():
    norm = nn.BatchNorm2d(4).double()
    assert norms_met(back(norm, batch(2, 4, 5, 6), True)[0]) == 1
    assert norm.num_batches_tracked == 1


def test_in_lower_precision_it_is_torchs_own():
    norm = trained(nn.BatchNorm2d(4), torch.float32)
    x = batch(2, 4, 5, 6, dtype=torch.bfloat16)
    out, _ = back(norm, x, True)
    assert out.dtype == torch.bfloat16
    assert norms_met(out) == 1


def test_numbers_are_read_anew():
    norm, x = trained(nn.BatchNorm2d(4)), batch(2, 4, 5, 6)
    before = back(norm, x, True)[1]
    norm.weight.data.mul_(2)
    torch.testing.assert_close(back(norm, x, True)[1], 2 * before)


def test_without_a_way_back_nothing_changes():
    norm, x = trained(nn.BatchNorm2d(4)), batch(2, 4, 5, 6)
    expected = norm(x)
    with quick_batch_norm(norm):
        assert torch.equal(norm(x), expected)  # x needs no gradient, the weights do
        with torch.no_grad():
            assert torch.equal(norm(x.clone().requires_grad_()), expected)


def test_a_copy_is_a_module_of_its_own():
    module, x = trained(nn.Sequential(nn.BatchNorm2d(4))), batch(2, 4, 5, 6)
    with quick_batch_norm(module):
        copied = copy.deepcopy(module)
        copied[0].weight.data.mul_(2)
        copied[0].bias.data.mul_(2)
        inside = copied(x.clone().requires_grad_())
    torch.testing.assert_close(inside, 2 * module(x))
    torch.testing.assert_close(copied(x), 2 * module(x))


def test_contexts_in_each_other():
    module, x = trained(nn.Sequential(nn.BatchNorm2d(4))), batch(2, 4, 5, 6).requires_grad_()
    with quick_batch_norm(module):
        with quick_batch_norm(module):
            assert norms_met(module(x)) == 0
        assert norms_met(module(x)) == 0
    assert norms_met(module(x)) == 1


def test_nothing_stays():
    module = trained(nn.Sequential(nn.BatchNorm2d(4), nn.Linear(3, 2)))
    before = [dict(vars(part)) for part in module.modules()]
    with pytest.raises(RuntimeError), quick_batch_norm(module):
        module(batch(2, 4, 5, 6).requires_grad_())
    assert [dict(vars(part)) for part in module.modules()] == before


def test_other_threads_are_left_alone():
    norm, seen = trained(nn.BatchNorm2d(4)), []
    x = batch(2, 4, 5, 6).requires_grad_()
    with quick_batch_norm(norm):
        thread = threading.Thread(target=lambda: seen.append(norms_met(norm(x))))
        thread.start()
        thread.join()
        assert norms_met(norm(x)) == 0
    assert seen == [1]
    assert norms_met(norm(x)) == 1


@pytest.mark.parametrize(
    "method",
    [
        cnnviz.saliency,
        partial(cnnviz.saliency, rule="guided"),
        partial(cnnviz.smoothgrad, samples=3),
        cnnviz.full_grad,
        partial(cnnviz.guided_grad_cam, layer="features.denseblock3"),
        lambda network, photo, target: cnnviz.last(cnnviz.class_model(network, target, steps=2, size=64)),
    ],
)
def test_methods_go_back_through_a_module_that_saves_memory(method):
    module = with_statistics(get_model("densenet121", weights=None)).double()
    network, photo = cnnviz.Network(module, input_size=64), batch(3, 64, 64).sigmoid()
    expected = method(network, photo, 3).values
    assert expected.count_nonzero() > 100
    for part in module.modules():
        if hasattr(part, "memory_efficient"):
            part.memory_efficient = True
    torch.testing.assert_close(method(network, photo, 3).values, expected)

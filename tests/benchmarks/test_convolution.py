"""Convolution from the ground up against ``conv2d`` in the same precision, and fields against bare passes."""

import pytest
import torch
import torch.nn.functional as F

import cnnviz_widgets as cnnviz


@pytest.mark.parametrize("how", [{}, {"padding": 2}, {"stride": 2}, {"dilation": 3}], ids=str)
def test_convolve(compare, how):
    """The checks and copies around the product take less than the product itself does at 300×451."""
    photo, kernel = cnnviz.load_image("chelsea").double(), torch.randn(5, 5, dtype=torch.float64)
    planes, weights = photo[:, None].contiguous(), kernel[None, None]
    ratio = compare(
        f"convolve {how}, conv2d",
        lambda: cnnviz.convolve(photo, kernel, **how),
        lambda: F.conv2d(planes, weights, **how),
    )
    assert ratio <= 2


def test_receptive_field(network, compare):
    samples = 4
    layer = [one for one in network.layers if one.kind == "Conv2d" and one.shape[1] > 3][-1]
    batch = network.normalize(torch.rand(samples, 3, 224, 224))

    def bare():
        x = batch.detach().requires_grad_()
        kept = []
        part = network.module.get_submodule(layer.name)
        with part.register_forward_hook(lambda *given: kept.append(given[2])):
            network.module(x)
        kept[0][:, :, 3, 3].sum().backward(inputs=[x])

    ratio = compare(
        f"receptive field, {network.name}, bare forward + backward",
        lambda: cnnviz.receptive_field(network, layer, (3, 3), samples=samples),
        bare,
    )
    assert ratio <= 1.2

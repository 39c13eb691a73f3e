"""What textures, trained styles and their training cost beside the bare arithmetic that they stand on."""

import pytest
import torch
from torch.nn.functional import unfold

import cnnviz_widgets as cnnviz
from cnnviz_widgets.engine.crops import Crops
from cnnviz_widgets.engine.picture_networks import StyleNetwork
from cnnviz_widgets.methods.style.perceptual import Perceptual
from cnnviz_widgets.methods.texture._view import layer_of_content, style_layers

SAMPLE, WINDOW, GROWN = 64, 11, 48  # px
FRAME = 256  # px


@pytest.fixture
def sample():
    return cnnviz.load_image("brick", size=SAMPLE)  # of noise, which has no few principal components, a raster is slow


def products(sample):
    """A texture's worth of the two products without which no pixel is compared with all windows."""
    windows = unfold(sample[None], WINDOW)[0].T.contiguous()
    squares, known = windows.square(), torch.rand(windows.shape[1])

    def compare_all():
        for _ in range(GROWN**2):
            (squares @ known - 2 * (windows @ known)).min()

    return compare_all


@pytest.mark.parametrize(("order", "most"), [("onion", 1.4), ("raster", 0.6)])
def test_growing(sample, compare, order, most):
    ours = lambda: cnnviz.last(cnnviz.grow_texture(sample, GROWN, WINDOW, order), progress=False)  # noqa: E731
    assert compare(f"texture growth, {order}, one product a pixel", ours, products(sample), 3) <= most


def test_a_live_frame(compare):
    style, frame = cnnviz.load_style("stained_glass"), torch.rand(3, FRAME, FRAME)
    batch = frame[None].contiguous(memory_format=torch.channels_last)

    def bare():
        with torch.no_grad():
            return style.module(batch)

    assert compare("a live frame, the bare network", lambda: style(frame), bare) <= 1.3


def test_a_training_step(compare):
    network = cnnviz.load_network("squeezenet1_0", weights=None, device="cpu")
    photos, painting = torch.rand(8, 3, 160, 160), torch.rand(3, FRAME, FRAME)
    states = cnnviz.train_style(network, painting, photos, smoothness=0, steps=10**6)
    next(states)
    loss = Perceptual(network, layer_of_content(network, None), painting, style_layers(network, None))
    painter, generator, crops = StyleNetwork(), torch.Generator(), Crops(photos, 128)
    adam = torch.optim.Adam(painter.parameters(), 3e-3)

    def plain():
        batch = crops.draw(2, generator)
        found = loss(painter(batch), batch)
        adam.zero_grad()
        (3 * found["content"] + 20 * found["style"]).backward()
        adam.step()

    assert compare("a step of a style's training, a plain loop", lambda: next(states), plain, 9) <= 1.15

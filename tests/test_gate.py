"""The gate: what annotations allow is taken, and the rest is told in one short sentence."""

import gc
import inspect
import pickle
import weakref

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import cnnviz_widgets as cnnviz
from cnnviz_widgets.engine.checks import whole_number
from cnnviz_widgets.engine.planes import plane

SIDE, LONG = 16, "x" * 10_000
META, ENDLESS = torch.rand(3, SIDE, SIDE, device="meta"), torch.zeros(1).expand(3, 60_000, 60_000)


def tiny() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4)
    )


@pytest.fixture(scope="module")
def network():
    return cnnviz.Network(tiny(), input_size=SIDE, classes=["cat", "dog", "bird", "fish"])


@pytest.fixture(scope="module")
def picture():
    return torch.rand(3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))


def refused(call, name: str) -> str:
    """The sentence, which names the argument and is short."""
    with pytest.raises(cnnviz.UserError) as told:
        call()
    sentence = str(told.value)
    assert name in sentence
    assert len(sentence) <= 300
    assert "\n" not in sentence
    return sentence


@pytest.mark.parametrize("heatmap", [META, META[0], ENDLESS, ENDLESS[0]])
@pytest.mark.parametrize("curve", [cnnviz.deletion_curve, cnnviz.insertion_curve])
def test_a_heatmap_without_values_is_told(network, picture, curve, heatmap):
    refused(lambda: curve(network, picture, heatmap), "heatmap")
    refused(lambda: plane(heatmap), "heatmap")


def test_the_steps_of_a_curve_are_bounded(network, picture):
    heatmap = torch.rand(SIDE, SIDE)
    assert len(cnnviz.deletion_curve(network, picture, heatmap, steps=SIDE**2).values) == SIDE**2 + 1
    assert "from 1 to 1000" in refused(lambda: cnnviz.deletion_curve(network, picture, heatmap, steps=10**12), "steps")


@pytest.mark.parametrize("baseline", [META, ENDLESS])
def test_a_baseline_without_values_is_told(network, picture, baseline):
    refused(lambda: cnnviz.integrated_gradients(network, picture, baseline=baseline), "baseline")


@pytest.mark.parametrize("states", [set(), {1}, "x", None, [None], 1])
def test_what_is_no_state_is_told(states):
    refused(lambda: cnnviz.last(states, progress=False), "states")


def test_a_name_is_not_repeated_however_long(network):
    refused(lambda: cnnviz.load_network(LONG), "network")
    refused(lambda: cnnviz.load_dataset(LONG), "dataset")
    refused(lambda: network.layer(LONG), "layer")
    refused(lambda: network.class_index(LONG), "class")
    refused(lambda: cnnviz.labels(LONG), "class")


def test_a_tensor_is_told_by_its_shape(picture):
    sentence = refused(lambda: cnnviz.load_image("chelsea", size=picture), "size")
    assert "a Tensor of shape (3, 16, 16) and type torch.float32" in sentence
    assert "a Tensor of shape (3, 16, 16)" in refused(lambda: whole_number("k", picture, 1), "k must be a whole number")


def test_a_module_answers_as_its_network_and_is_freed(picture):
    module = tiny().eval()
    photo = torch.nn.functional.interpolate(picture[None], size=224)[0]
    with pytest.warns(match="taken for a network of 224×224 pixels"):
        found = cnnviz.saliency(module, photo).values
    assert torch.equal(found, cnnviz.saliency(cnnviz.Network(module), photo).values)
    kept = weakref.ref(module)
    del module
    gc.collect()
    assert kept() is None


def test_a_picture_may_be_a_path_a_pil_picture_or_an_array(network, tmp_path):
    array = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    pil = Image.fromarray(array)
    pil.save(tmp_path / "a.png")
    wanted = cnnviz.saliency(network, torch.from_numpy(array).permute(2, 0, 1) / 255).values
    for given in (array, pil, tmp_path / "a.png", (tmp_path / "a.png").read_bytes()):
        assert torch.allclose(cnnviz.saliency(network, given).values, wanted)


def test_arguments_in_the_wrong_order(network, picture):
    assert "swapped" in refused(lambda: cnnviz.saliency(picture, network), "network and image")


def test_wrong_keywords_stay_pythons_own(network, picture):
    with pytest.raises(TypeError, match="nonsense"):
        cnnviz.saliency(network, picture, nonsense=1)
    with pytest.raises(TypeError, match="image"):
        cnnviz.saliency(network, picture, image=picture)


@pytest.mark.parametrize("steps", [0, -1, 1.5, True, None, float("nan"), "x", [], 1j])
def test_a_range_is_kept(network, picture, steps):
    refused(lambda: cnnviz.deletion_curve(network, picture, picture, steps=steps), "steps must be a whole number")


@pytest.mark.parametrize("fill", ["x", "", 1, None, [], LONG])
def test_a_word_is_one_of_those_listed(network, picture, fill):
    assert "'gray'" in refused(
        lambda: cnnviz.deletion_curve(network, picture, picture, fill=fill), "fill must be one of"
    )


def test_a_gated_function_looks_as_it_did():
    assert pickle.loads(pickle.dumps(cnnviz.saliency)) is cnnviz.saliency
    assert list(inspect.signature(cnnviz.saliency).parameters)[:2] == ["network", "image"]
    assert cnnviz.saliency.__doc__
    assert cnnviz.saliency.__name__ == "saliency"

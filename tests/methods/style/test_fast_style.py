"""Networks for styles: closed forms of their layers, the file formats, and what training makes of a picture."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.modules.batchnorm import _NormBase

import cnnviz_widgets as cnnviz
from cnnviz_widgets.engine.picture_networks import StyleNetwork, TransformerNet
from cnnviz_widgets.methods.style.perceptual import Perceptual
from cnnviz_widgets.methods.texture._view import layer_of_content, style_layers

PHOTO = torch.rand(3, 37, 50, generator=torch.Generator().manual_seed(0))
LEAST = {"size": 32, "style_size": 64, "batch": 2}


def images(count=3):
    return torch.rand(count, 3, 40, 48, generator=torch.Generator().manual_seed(1))


def trained(steps=2, **options):
    states = cnnviz.train_style(cnnviz.load_network("mini"), "coffee", images(), steps=steps, **LEAST | options)
    return list(states)


def norms(network: nn.Module) -> list[_NormBase]:
    return [part for part in network.modules() if isinstance(part, _NormBase)]


def test_instance_norm_takes_contrast_and_brightness_out_and_batch_norm_does_not():
    instance, batch = (norms(StyleNetwork((1, 1, 1), 1, norm).double())[0] for norm in ("instance", "batch"))
    x = torch.tensor([[1.0, 2.0], [3.0, 4.0]], dtype=torch.float64)[None, None]
    expected = torch.tensor([-1.3416, -0.4472, 0.4472, 1.3416], dtype=torch.float64)
    for part in (instance, batch.eval(), batch.train()):
        part.eps = 1e-15
    torch.testing.assert_close(instance(x).flatten(), expected, rtol=0, atol=5e-5)
    torch.testing.assert_close(instance(10 * x + 3), instance(x), rtol=1e-12, atol=1e-12)
    both = torch.cat([x, 10 * x + 3])
    assert not torch.allclose(*batch(both), atol=0.1)
    torch.testing.assert_close(*instance(both), rtol=1e-12, atol=1e-12)


def test_what_is_painted_does_not_depend_on_contrast_with_instance_norm_alone():
    photo = cnnviz.load_image("chelsea", size=48)
    instance, batch = (trained(2, norm=norm)[-1] for norm in ("instance", "batch"))
    for part in (*norms(instance.network), *norms(batch.network)):
        part.eps = 1e-12
    found = cnnviz.contrast_response(instance, photo)
    assert max(found.difference) < 1e-5
    assert found.difference[found.contrasts.index(1.0)] == 0
    assert max(cnnviz.contrast_response(batch, photo).difference) > 10 * max(found.difference)
    whole = cnnviz.load_style(instance)(photo).values
    torch.testing.assert_close(found.painted[2], whole, rtol=0, atol=1e-5)
    torch.testing.assert_close(found.photos[1], photo.mean() + 0.5 * (photo - photo.mean()))


def test_both_norms_begin_with_the_same_weights():
    one, other = (trained(1, norm=norm)[0].module.state_dict() for norm in ("instance", "batch"))
    for name, weight in one.items():
        assert torch.equal(weight, other[name])
    last = [trained(1, norm=norm)[0].losses["content"] for norm in ("instance", "batch")]
    assert last[0] != last[1]


def test_the_enlargement_leaves_no_checkerboard():
    """Nearest neighbor and 3×3 of ones: 9 everywhere. What it is there to avoid: a transposed convolution's pattern."""
    upsample, convolution, *_ = StyleNetwork((1, 1, 1), 1).double().enlarge
    nn.init.ones_(convolution.weight)
    ones = torch.ones(1, 1, 4, 5, dtype=torch.float64)
    assert torch.equal(convolution(upsample(ones)), torch.full((1, 1, 8, 10), 9.0, dtype=torch.float64))
    transposed = F.conv_transpose2d(ones, torch.ones(1, 1, 3, 3, dtype=torch.float64), stride=2)[0, 0, 2:6, 2:6]
    assert transposed.tolist() == [[4, 2, 4, 2], [2, 1, 2, 1]] * 2


def test_the_photograph_is_half_there_at_first():
    """With a last kernel of 0, the picture is that of half its logit."""
    network = StyleNetwork().eval()
    nn.init.zeros_(network.enlarge[-1].weight)
    nn.init.zeros_(network.enlarge[-1].bias)
    x = PHOTO[None].double().clamp(0.01, 0.99)
    expected = 1 / (1 + ((1 - x) / x).sqrt())
    torch.testing.assert_close(network.double()(x), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("sides", [(16, 16), (17, 30), (64, 41)])
@pytest.mark.parametrize("network", [StyleNetwork(), TransformerNet()], ids=["ours", "the example's"])
def test_pictures_keep_their_size(network, sides):
    picture = torch.rand(2, 3, *sides)
    with torch.no_grad():
        painted = network.eval()(picture)
    assert painted.shape == picture.shape
    assert painted.min() >= 0
    assert painted.max() <= 1


def test_strength_0_is_the_photograph_and_between_colors_are_mixed():
    style = cnnviz.load_style(trained()[-1])
    whole = style(PHOTO).values
    assert torch.equal(style(PHOTO, strength=0).values, PHOTO)
    torch.testing.assert_close(style(PHOTO, strength=0.25).values, 0.75 * PHOTO + 0.25 * whole)
    assert (whole - PHOTO).abs().mean() > 0.01
    gray = torch.rand(2, 1, 20, 20)
    assert torch.equal(style(gray, strength=0).values, gray.expand(-1, 3, -1, -1))


def test_losses_are_relative_distances_by_hand():
    """Against Gram matrices by numpy, and the features of a bare pass."""
    network = cnnviz.load_network("mini")
    style, made, photo = (torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(s)) for s in (1, 2, 3))
    layers, content = ["relu2", "relu3"], "relu3"
    loss = Perceptual(network, content, style[0], dict.fromkeys(layers, 1.0))
    larger = lambda picture: F.interpolate(picture, scale_factor=2.0, mode="bilinear")  # noqa: E731  # of stride 4
    features = lambda picture: network.activations(larger(picture), layers)  # noqa: E731
    of_style, of_made, of_photo = map(features, (style, made, photo))
    by_layer = []
    for layer in layers:
        one, other = (x[layer][0].flatten(1).double().numpy() for x in (of_made, of_style))
        a, b = one @ one.T / one.shape[1], other @ other.T / other.shape[1]
        by_layer.append(((a - b) ** 2).sum() / (b**2).sum())
    missed = (of_made[content] - of_photo[content]).square().sum() / of_photo[content].square().sum()
    with torch.no_grad():
        found = loss(made, photo)
    assert float(found["style"]) == pytest.approx(sum(by_layer) / 2, rel=1e-4)
    assert float(found["content"]) == pytest.approx(float(missed), rel=1e-4)
    assert float(loss(photo, photo)["content"]) == 0
    assert float(loss(style, photo)["style"]) == pytest.approx(0, abs=1e-8)


def test_layers_are_those_of_the_recipe(real_squeezenet):
    assert [*style_layers(real_squeezenet, None)] == ["features.1", "features.4", "features.7", "features.9"]
    assert layer_of_content(real_squeezenet, None) == "features.5"


def test_the_loss_falls():
    states = trained(40, learning_rate=0.01)
    first, last = (sum(one.loss for one in part) for part in (states[:5], states[-5:]))
    assert last < 0.8 * first


def test_saved_in_half_precision_and_loaded_again(tmp_path):
    state = trained()[-1]
    cnnviz.save_style(state, tmp_path / "mine.safetensors")
    loaded = cnnviz.load_style(tmp_path / "mine.safetensors")
    assert loaded.name == "mine"
    assert (tmp_path / "mine.safetensors").stat().st_size < 430_000
    expected = {name: one.half().float() for name, one in state.network.state_dict().items()}
    assert all(torch.equal(one, expected[name]) for name, one in loaded.module.state_dict().items())
    torch.testing.assert_close(loaded(PHOTO).values, cnnviz.load_style(state)(PHOTO).values, rtol=0, atol=0.02)


@pytest.mark.parametrize("name", cnnviz.styles())
def test_bundled_styles_paint(name):
    style, photo = cnnviz.load_style(name), cnnviz.load_image("chelsea", size=96)
    assert (style(photo).values - photo).abs().mean() > 0.05


def test_three_styles_are_bundled():
    assert cnnviz.styles() == ("stained_glass", "swirling_strokes", "watercolor")


def test_old_checkpoints_of_the_example_load(tmp_path):
    """Of a version of torch that saved the statistics of instance norms; against its forward pass, written out."""
    network = TransformerNet().eval()
    weights = network.state_dict()
    old = dict(weights)
    for name in [name for name in weights if name.startswith("in") and name.endswith("weight")]:
        part = name.removesuffix("weight")
        old[f"{part}running_mean"] = torch.zeros_like(weights[name])
        old[f"{part}running_var"] = torch.ones_like(weights[name])
    torch.save(old, tmp_path / "candy.pth")
    with pytest.warns(
        UserWarning, match="10 running statistics of instance norms, such as 'in1.running_mean', are left"
    ):
        style = cnnviz.load_style(tmp_path / "candy.pth")

    def convolved(x, name):
        kernel = weights[f"{name}.conv2d.weight"]
        stride = 2 if name in ("conv2", "conv3") else 1
        padded = F.pad(x, [kernel.shape[-1] // 2] * 4, mode="reflect")
        return F.conv2d(padded, kernel, weights[f"{name}.conv2d.bias"], stride)

    def normed(x, name):
        return F.instance_norm(x, weight=weights[f"{name}.weight"], bias=weights[f"{name}.bias"])

    photo = torch.rand(1, 3, 32, 40)
    x = 255 * photo
    for number in (1, 2, 3):
        x = normed(convolved(x, f"conv{number}"), f"in{number}").relu()
    for number in range(1, 6):
        inner = normed(convolved(x, f"res{number}.conv1"), f"res{number}.in1").relu()
        x = x + normed(convolved(inner, f"res{number}.conv2"), f"res{number}.in2")
    for number in (1, 2):
        x = x.repeat_interleave(2, -1).repeat_interleave(2, -2)
        x = normed(convolved(x, f"deconv{number}"), f"in{number + 3}").relu()
    expected = (convolved(x, "deconv3") / 255).clamp(0, 1)
    torch.testing.assert_close(style(photo).values, expected)


def test_what_is_no_style_is_refused(tmp_path):
    (tmp_path / "text.pth").write_text("no weights")
    torch.save({"conv1.weight": torch.zeros(3)}, tmp_path / "other.pth")
    for name, said in {"text.pth": "not the file", "other.pth": "not the file", "nowhere": "neither a file"}.items():
        with pytest.raises(cnnviz.UserError, match=said):
            cnnviz.load_style(tmp_path / name)
    with pytest.raises(cnnviz.UserError, match="neither a file nor a style: there are stained_glass"):
        cnnviz.load_style("candy")
    *_, state = cnnviz.train_upscaler(images(), steps=1, size=32, batch=1)
    with pytest.raises(cnnviz.UserError, match="source must be a state of train_style"):
        cnnviz.load_style(state)
    with pytest.raises(cnnviz.UserError, match="image must be"):
        cnnviz.load_style(trained(1)[0])(torch.rand(3, 8, 8))

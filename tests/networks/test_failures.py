"""Networks that do not run, or only in part: each is told in its own true sentence, with the error that caused it."""

from functools import partial

import pytest
import torch
from torch import nn
from torchvision.models import vit_b_32

import cnnviz_widgets as cnnviz
from cnnviz_widgets import panels
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.networks import Network
from cnnviz_widgets.runtime.batching import TooLarge

PHOTO = torch.rand(3, 32, 32, generator=torch.Generator().manual_seed(0))


def convnet(channels: int = 3) -> nn.Module:
    torch.manual_seed(1)
    return nn.Sequential(
        nn.Conv2d(channels, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 10),
    ).eval()  # fmt: skip


class Around(nn.Module):
    """A module whose ``forward`` is a function of the classifier in it and its input."""

    def __init__(self, function) -> None:
        super().__init__()
        self.inner, self.function = convnet(), function

    def forward(self, *inputs):
        return self.function(self.inner, *inputs)


class Two(nn.Module):
    def forward(self, x, y):
        return x.mean((2, 3)) + y


def asserts(inner, x):
    assert x.shape[-1] == 99, "expects 99 px"
    return inner(x)


def asks_for_a_key(inner, x):
    return inner(x) + {}["bias"]


def quantized() -> nn.Module:
    import torch.ao.quantization as q

    module = nn.Sequential(q.QuantStub(), *convnet(), q.DeQuantStub()).eval()
    module.qconfig = q.get_default_qconfig("fbgemm")
    q.prepare(module, inplace=True)(torch.rand(1, 3, 32, 32))
    return q.convert(module)


@pytest.mark.parametrize(
    ("module", "size", "sentence", "cause"),
    [
        (lambda: Around(asserts), 32, "failed in its own forward.*AssertionError: expects 99 px", AssertionError),
        (lambda: Around(asks_for_a_key), 32, "failed in its own forward.*KeyError: 'bias'", KeyError),
        (lambda: vit_b_32(weights=None).eval(), 256, "AssertionError: Wrong image height! Exp", AssertionError),
        (Two, 32, "takes more than a batch of pictures .*'y'.*: wrap it in a module", TypeError),
        (lambda: nn.Sequential(nn.Conv3d(1, 4, 3, padding=1), nn.AdaptiveAvgPool3d(1), nn.Flatten(), nn.Linear(4, 2)),
         32, r"begins with a Conv3d: it takes volumes \(B, C, D, H, W\), not pictures", RuntimeError),
        (lambda: nn.Conv1d(3, 4, 3), 32, r"begins with a Conv1d: it takes signals \(B, C, L\)", RuntimeError),
        (lambda: nn.Sequential(nn.Flatten(), nn.Linear(7, 2)), 32, "does not take pictures of 3×32×32", RuntimeError),
    ],
)  # fmt: skip
def test_what_a_forward_raises_is_told_as_that(module, size, sentence, cause):
    with pytest.raises(UserError, match=sentence) as error:
        _ = Network(module(), input_size=size).layers
    assert isinstance(error.value.__cause__, cause)
    assert "\n" not in str(error.value)


def test_an_error_of_one_pass_is_not_a_wrong_size():
    """Also where the network has run before, and the picture is of a size that it takes."""

    def sometimes(inner, x):
        if x.max() > 2:
            raise ValueError("too bright")
        return inner(x)

    network = Network(Around(sometimes), input_size=32)
    assert network.logits(PHOTO / 2).shape == (10,)
    for call in (network.logits, lambda x: cnnviz.saliency(network, x)):
        with pytest.raises(
            UserError, match="failed in its own forward, on pictures of 32×32 pixels: ValueError: too br"
        ):
            call(torch.ones(3, 32, 32))


@pytest.mark.parametrize(
    ("module", "sentence"),
    [
        (lambda: nn.Sequential(nn.LazyConv2d(8, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.LazyLinear(10)),
         "lazy layers that know no shapes yet: run it once"),
        (lambda: convnet().to("meta"), 'is on the "meta" device'),
    ],
)  # fmt: skip
def test_what_cannot_run_yet_is_told_when_the_view_is_made(module, sentence):
    with pytest.raises(UserError, match=sentence):
        Network(module())


def test_a_lazy_network_that_has_run_is_like_any_other():
    module = nn.Sequential(nn.LazyConv2d(8, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.LazyLinear(10))
    module(torch.rand(1, 3, 32, 32))
    assert Network(module, input_size=32).logits(PHOTO).shape == (10,)


@pytest.mark.parametrize("rule", ["backprop", "guided", "deconvnet"])
def test_whole_numbers_have_no_gradient(rule):
    import torch.ao.quantization as q

    for module in (quantized(), q.quantize_dynamic(convnet(), {nn.Linear})):
        network = Network(module, input_size=32)
        assert network.predict(PHOTO)[0].probability > 0
        with pytest.raises(UserError, match="is quantized, and integers have no gradient"):
            cnnviz.saliency(network, PHOTO, rule=rule)


def test_a_forward_in_inference_mode():
    network = Network(Around(torch.inference_mode()(lambda inner, x: inner(x))), input_size=32)
    plain = Network(convnet(), input_size=32)
    torch.testing.assert_close(network.logits(PHOTO), plain.logits(PHOTO))
    with pytest.raises(UserError, match=r"does not depend .*no_grad\(\) or torch.inference_mode\(\)"):
        cnnviz.saliency(network, PHOTO)
    with pytest.raises(UserError, match=r"does not depend .*no_grad\(\) or torch.inference_mode\(\)"):
        cnnviz.last(cnnviz.class_model(network, 3, steps=1), progress=False)
    with pytest.raises(UserError, match="cannot be seen, only 'output': its forward runs in"):
        cnnviz.grad_cam(network, PHOTO, layer="inner.3")


COMPILED = {
    "script": torch.jit.script,
    "trace": lambda module: torch.jit.trace(module, torch.rand(1, 3, 32, 32)),
    "frozen": lambda module: torch.jit.freeze(torch.jit.script(module)),
    "export": lambda module: torch.export.export(module, (torch.rand(1, 3, 32, 32),)).module(),
}


@pytest.mark.filterwarnings("ignore")  # torch deprecates TorchScript, and says so at length
@pytest.mark.parametrize("kind", COMPILED)
def test_compiled_modules_work_where_no_inner_layer_is_needed(kind):
    network, plain = (Network(module, input_size=32) for module in (COMPILED[kind](convnet()), convnet()))
    several = torch.rand(5, 3, 32, 32)
    torch.testing.assert_close(network.logits(several), plain.logits(several))  # an exported one takes one at a time
    for method in (cnnviz.saliency, cnnviz.integrated_gradients):
        torch.testing.assert_close(
            method(network, PHOTO, 3).values, method(plain, PHOTO, 3).values, rtol=1e-3, atol=1e-6
        )
    maps = [cnnviz.last(cnnviz.occlusion(one, PHOTO, 3, size=16), progress=False).values for one in (network, plain)]
    torch.testing.assert_close(*maps, rtol=1e-3, atol=1e-5)
    heatmap = torch.rand(32, 32)
    curves = [cnnviz.deletion_curve(one, PHOTO, heatmap, 3, steps=5).values for one in (network, plain)]
    torch.testing.assert_close(*curves, rtol=1e-3, atol=1e-5)
    made = [cnnviz.last(cnnviz.class_model(one, 3, steps=3), progress=False).values for one in (network, plain)]
    assert made[0].shape == made[1].shape == (3, 32, 32)
    with pytest.raises(UserError, match=r"the inner layers of .* cannot be seen, only 'output': "):
        network.layer("0")
    with pytest.raises(UserError, match="layer must have more than one position, but 'output'"):
        cnnviz.grad_cam(network, PHOTO)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", COMPILED)
def test_the_output_of_a_compiled_module_is_its_only_layer(kind):
    network = Network(COMPILED[kind](convnet()), input_size=32)
    (layer,) = network.layers
    assert (layer.name, layer.shape) == ("output", (10,))
    assert "cannot be seen" in network.default_layer_reason
    several = torch.rand(3, 3, 32, 32)
    assert torch.equal(network.activations(several, "output")["output"], network.logits(several))
    neuron = cnnviz.neuron_gradient(network, PHOTO, "output", 4).values
    torch.testing.assert_close(neuron, cnnviz.class_gradient(network, PHOTO, 4).values)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", COMPILED)
def test_panels_of_compiled_modules(kind):
    network = Network(COMPILED[kind](convnet()), input_size=32)
    for panel in (panels.Occlusion, panels.Gradients, panels.Compare, partial(panels.ClassModel, steps=2)):
        panel(network, PHOTO).run()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("channels", [1, 2, 5])
def test_the_channels_of_compiled_modules(channels):
    pictures = torch.rand(1, channels, 32, 32)
    made = torch.jit.script(convnet(channels)), torch.jit.trace(convnet(channels), pictures)
    exported = torch.export.export(convnet(channels), (pictures,)).module()
    assert [Network(module, input_size=32).channels for module in (*made, exported)] == [channels] * 3


class Full(nn.Module):
    """Has memory for so many pictures, on the way forward or back."""

    def __init__(self, room: int, message: str = "CUDA out of memory.") -> None:
        super().__init__()
        self.inner, self.room, self.message = convnet(), room, message

    def forward(self, x):
        if len(x) > self.room:
            raise RuntimeError(self.message)
        return self.inner(x)


@pytest.mark.parametrize(
    "message",
    [
        "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a capacity of 8.00 GiB of which 1.20 GiB is free.",
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
        "cuDNN error: CUDNN_STATUS_ALLOC_FAILED",
        "DefaultCPUAllocator: can't allocate memory: you tried to allocate 4096 bytes. Error code 12",
        "MPS backend out of memory (MPS allocated: 8.00 GB)",
    ],
)
def test_a_full_memory_is_no_wrong_size(message):
    network = Network(Full(0, message), input_size=32)
    for call in (
        lambda: network.layers,
        lambda: network.predict(PHOTO),
        lambda: cnnviz.last(cnnviz.occlusion(network, PHOTO, 1), progress=False),
        lambda: cnnviz.last(cnnviz.class_model(network, 1, steps=1), progress=False),
    ):
        with pytest.raises(TooLarge, match=r"the memory of cpu is too small for .* smaller size or network") as error:
            call()
        assert 'precision="fast"' in str(error.value)
        assert ("2.00 GiB more were wanted, and 1.20 GiB were free" in str(error.value)) == ("Tried" in message)
        assert ("4 KiB more were wanted" in str(error.value)) == ("4096" in message)


@pytest.mark.parametrize("room", [1, 2, 3])
def test_batches_are_halved_until_they_fit(room):
    full, roomy = Network(Full(room), input_size=32), Network(Full(99), input_size=32)
    several = torch.rand(7, 3, 32, 32)
    torch.testing.assert_close(full.logits(several), roomy.logits(several))
    for method in (cnnviz.saliency, cnnviz.grad_cam, cnnviz.smoothgrad, cnnviz.integrated_gradients):
        values = [method(one, several, 3).values for one in (full, roomy)]
        torch.testing.assert_close(*values, rtol=1e-4, atol=1e-6)
    maps = [cnnviz.last(cnnviz.occlusion(one, several[0], 3, size=16), progress=False).values for one in (full, roomy)]
    torch.testing.assert_close(*maps, rtol=1e-4, atol=1e-6)

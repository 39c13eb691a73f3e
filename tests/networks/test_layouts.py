"""Whatever order of dimensions a module has, its maps come channels first, and so does what is written into it."""

import pytest
import torch
import torch.nn.functional as F
from pytorch_grad_cam import GradCAM
from torch import nn
from torchvision.models.convnext import CNBlockConfig, ConvNeXt
from torchvision.models.swin_transformer import SwinTransformer
from torchvision.models.vision_transformer import VisionTransformer

import cnnviz_widgets as cnnviz
from cnnviz_widgets.engine.optimize import objectives
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.networks import Network

SIZE = 32
PICTURES = torch.rand(2, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(3), dtype=torch.float64)


def _swin() -> nn.Module:
    return SwinTransformer([4, 4], 16, [2, 2], [2, 2], [4, 4], num_classes=10, stochastic_depth_prob=0)


def _vit() -> nn.Module:
    module = VisionTransformer(SIZE, 8, 2, 2, 16, 32, num_classes=10)
    nn.init.normal_(module.heads.head.weight)  # torchvision begins with 0
    return module


def _convnext() -> nn.Module:
    return ConvNeXt([CNBlockConfig(8, 16, 1), CNBlockConfig(16, None, 1)], num_classes=10)


@pytest.fixture(params=[_swin, _vit, _convnext])
def network(request) -> Network:
    torch.manual_seed(0)
    return Network(request.param().double().eval(), input_size=SIZE)


def raw(module: nn.Module, layer: str, batch: torch.Tensor, target: int) -> tuple[torch.Tensor, torch.Tensor]:
    """What the layer returned, in its own order, and the gradient of the scores there, by hand."""
    kept = []
    handle = module.get_submodule(layer).register_forward_hook(lambda *call: kept.append(call[2]))
    with torch.enable_grad():
        scores = module(batch.requires_grad_())[:, target]
        (gradient,) = torch.autograd.grad(scores.sum(), kept[0])
    handle.remove()
    return kept[0].detach(), gradient


def channels_first(tensor: torch.Tensor) -> torch.Tensor:
    if tensor.ndim == 3:  # (B, class token and then the places, C)
        rows = round((tensor.shape[1] - 1) ** 0.5)
        return tensor[:, 1:].transpose(1, 2).reshape(len(tensor), -1, rows, rows)
    return tensor.permute(0, 3, 1, 2)


LAST = {
    SwinTransformer: ("features.3.1.norm1", "features.1.0.attn", "features.3.1.attn", "features.2", "norm"),
    VisionTransformer: ("encoder.layers.encoder_layer_1.ln_1", "encoder.layers.encoder_layer_0", "encoder.dropout"),
    ConvNeXt: ("features.1.0.block.2", "features.3.0.block.4"),
}


def test_activations_and_gradients_of_layers_with_channels_last(network):
    batch = network.normalize(network.prepare(PICTURES))
    for name in LAST[type(network.module)]:
        values, gradient = (channels_first(one) for one in raw(network.module, name, batch, 3))
        assert network.layer(name).shape == values.shape[1:]
        torch.testing.assert_close(network.activations(PICTURES, name)[name], values, rtol=1e-9, atol=1e-12)
        expected = (gradient.mean((2, 3), keepdim=True) * values).sum(1)
        found = cnnviz.grad_cam(network, PICTURES, 3, name, relu=False, upsample=False)
        torch.testing.assert_close(found.values, expected, rtol=1e-9, atol=1e-12)
        found = cnnviz.hires_cam(network, PICTURES, 3, name, relu=False, upsample=False)
        torch.testing.assert_close(found.values, (gradient * values).sum(1), rtol=1e-9, atol=1e-12)
        found = cnnviz.guided_grad_cam(network, PICTURES, 3, name, rule="backprop").values
        assert found.isfinite().all()


def test_the_gradient_of_a_neuron(network):
    name, channel, (row, column) = LAST[type(network.module)][0], 5, (1, 2)
    batch = network.normalize(network.prepare(PICTURES)).requires_grad_()
    kept = []
    handle = network.module.get_submodule(name).register_forward_hook(lambda *call: kept.append(call[2]))
    with torch.enable_grad():
        network.module(batch)
        neuron = channels_first(kept[0])[:, channel, row, column]
        (expected,) = torch.autograd.grad(neuron.sum(), batch)
    handle.remove()
    found = cnnviz.neuron_gradient(network, PICTURES, name, channel, (row, column))
    torch.testing.assert_close(found.values, expected, rtol=1e-9, atol=1e-12)
    assert found.score == pytest.approx(neuron.tolist(), rel=1e-9)


def test_pytorch_grad_cam_with_its_reshape_transform_agrees(network):
    """It scales each map to 0…1 and upsamples it by OpenCV, so cells are compared up to a factor, at the cells."""
    name = LAST[type(network.module)][0]
    batch = network.normalize(network.prepare(PICTURES)).float()
    module = network.module.float()
    peer = GradCAM(module, [module.get_submodule(name)], reshape_transform=channels_first)
    weights = peer.get_cam_weights
    seen = []
    peer.get_cam_weights = lambda *a: seen.append(weights(*a)) or seen[-1]
    peer(batch, [type("Third", (), {"__call__": lambda self, scores: scores[3]})()] * 2)
    found = cnnviz.important_channels(network, PICTURES.float(), 3, name, 2)
    torch.testing.assert_close(found.values, torch.as_tensor(seen[0]), rtol=1e-3, atol=1e-6)


def test_methods_that_use_maps_work(network):
    photo, layer = PICTURES[0].float(), network.default_layer
    network = network.with_module(network.module.float())
    assert cnnviz.activations(network, photo).values.shape == layer.shape
    for method in (cnnviz.grad_cam, cnnviz.grad_cam_pp, cnnviz.layer_cam, cnnviz.guided_grad_cam):
        assert method(network, photo, 1).values.any(), method
    assert cnnviz.score_cam(network, photo, 1, channels=2).values.shape == (SIZE, SIZE)
    options = {"size": 16, "stride": 16}
    assert cnnviz.last(
        cnnviz.occlusion(network, photo, cnnviz.Neuron(layer, 2), **options), progress=False
    ).values.any()
    assert cnnviz.last(cnnviz.invert(network, photo, layer, steps=2), progress=False).values.shape == photo.shape
    assert (
        cnnviz.last(cnnviz.dream(network, photo, layer, steps=1, octaves=1, jitter=0), progress=False).values.shape
        == photo.shape
    )
    assert (
        len(cnnviz.last(cnnviz.top_examples(network, list(PICTURES.float()), layer, 1), progress=False).examples) == 2
    )
    assert cnnviz.filters(network).values.shape[1] == 3


# Where positions and channels lie


class Function(nn.Module):
    def __init__(self, function, **parts):
        super().__init__()
        self.parts, self.function = nn.ModuleDict(parts), function

    def forward(self, x):
        return self.function(x, self.parts)


def attention(x):
    weights = (x @ x.transpose(-1, -2)).softmax(-1)
    return weights @ x


def rows_first(x, p):  # (tokens, B, C), as batch_first=False has it
    return p["c"](p["b"](p["a"](x).flatten(2).permute(2, 0, 1))).mean(0)


def register_tokens(x, p):
    x = p["a"](x).flatten(2).transpose(1, 2)
    return p["c"](p["b"](torch.cat([x.new_zeros(len(x), 3, 6), x], 1))).mean(1)


def unknown_tokens(x, p):
    x = p["a"](x).flatten(2).mT
    extra = torch.zeros(len(x), 3, 6)
    return p["c"](p["b"](torch.einsum("bnc,mn->bmc", x, torch.ones(19, 16)) + 0 * extra.sum())).mean(1)


def mixer(x, p):
    x = p["a"](x).flatten(2)
    return p["c"](p["d"](p["b"](x)).mT).mean(1)


PLACED = {
    "permuted": (lambda x, p: p["b"](p["a"](x).permute(0, 2, 3, 1)).mean((1, 2)), 6, (6, 4, 4)),
    "tokens": (lambda x, p: p["c"](p["b"](p["a"](x).flatten(2).mT)).mean(1), 6, (6, 4, 4)),
    "tokens, hand-made attention": (
        lambda x, p: p["c"](p["b"](attention(p["a"](x).flatten(2).mT))).mean(1),
        6,
        (6, 4, 4),
    ),
    "tokens before the batch": (rows_first, 6, (6, 4, 4)),
    "registers": (register_tokens, 6, (6, 4, 4)),
    "no grid": (unknown_tokens, 6, (6, 19)),
    "mixed places": (mixer, 16, (6, 4, 4)),
    "unfolded": (lambda x, p: p["c"](p["b"](F.unfold(x, 8, stride=8).mT)).mean(1), 192, (6, 4, 4)),
    "one dimension": (lambda x, p: p["b"](p["a"](x).flatten(2).mT).mean(1), 6, (6, 4, 4)),
}


@pytest.mark.parametrize("name", PLACED)
def test_where_places_and_channels_are(name):
    function, inputs, shape = PLACED[name]
    parts = {"a": nn.Conv2d(3, 6, 8, 8), "b": nn.Linear(inputs, inputs if name == "mixed places" else 6)}
    parts |= {"c": nn.Linear(6, 5), "d": nn.Identity()}
    network = Network(Function(function, **parts), input_size=SIZE)
    layer = network.layer("parts.b")
    assert layer.shape == shape
    assert layer.spatial == (len(shape) == 3)
    assert network.activations(PICTURES.float(), layer)[layer.name].shape == (2, *shape)
    if not layer.spatial:
        with pytest.raises(UserError, match=r"the 19 of 'parts.b' lie on no known grid"):
            cnnviz.grad_cam(network, PICTURES[0].float(), 1, layer)


def test_objectives_of_positions_on_no_grid():
    torch.manual_seed(0)
    parts = {"a": nn.Conv2d(3, 6, 8, 8), "b": nn.Linear(6, 6), "c": nn.Linear(6, 5)}
    network = Network(Function(unknown_tokens, **parts), input_size=SIZE)
    row = network.activations(PICTURES.float(), "parts.b")["parts.b"]
    seen = objectives.TermInputs(PICTURES.float(), None, {"parts.b": row}, None)
    vector = torch.arange(6.0)
    for objective, expected in (
        (objectives.neuron("parts.b", 2), row[:, 2].amax(1)),
        (objectives.channel("parts.b", 2), row[:, 2].mean(1)),
        (objectives.direction("parts.b", vector), (row * vector[:, None]).sum(1).mean(1)),
    ):
        (value,) = objective.bind(network, 2)(seen).values()
        torch.testing.assert_close(value, expected)


def test_places_of_pictures_that_are_not_square():
    function = lambda x, p: p["b"](torch.cat([x.new_zeros(len(x), 1, 6), p["a"](x).flatten(2).mT], 1))[:, 0]  # noqa: E731
    network = Network(Function(function, a=nn.Conv2d(3, 6, 8, 8), b=nn.Linear(6, 4)), input_size=(24, 40))
    layer = network.layer("parts.b")
    assert layer.shape == (4, 3, 5)
    assert layer.left_out == 1
    assert layer.stride == (8, 8)
    assert network.default_layer.name == "parts.a"  # of the other, only the class token is read


def test_the_default_layer_is_one_that_the_scores_read(network):
    """Even if the head's weights are 0, as torchvision's are before training."""
    nn.init.zeros_([part for part in network.module.modules() if isinstance(part, nn.Linear)][-1].weight)
    defaults = {
        SwinTransformer: "norm",
        VisionTransformer: "encoder.layers.encoder_layer_1.ln_1",
        ConvNeXt: "features.3.0",
    }
    assert network.default_layer.name == defaults[type(network.module)]
    if isinstance(network.module, VisionTransformer):
        assert "another token" in network.default_layer_reason
        assert "class token" in cnnviz.activations(network, PICTURES[0]).convention


class Encoder(nn.Module):
    """torch's own encoder layers, which skip their parts where nobody asks for a gradient."""

    def __init__(self) -> None:
        super().__init__()
        self.patches, self.positions = nn.Conv2d(3, 12, 4, 4), nn.Parameter(torch.randn(1, 64, 12))
        self.first = nn.TransformerEncoderLayer(12, 2, 24, batch_first=True)
        self.stack = nn.TransformerEncoder(nn.TransformerEncoderLayer(12, 2, 24, batch_first=True), 1)
        self.head = nn.Linear(12, 10)

    def forward(self, x):
        tokens = self.patches(x).flatten(2).transpose(1, 2) + self.positions
        return self.head(self.stack(self.first(tokens)).mean(1))


@pytest.mark.parametrize("layer", ["first", "first.linear1", "stack", "stack.layers.0", "stack.layers.0.norm1"])
def test_parts_that_torch_would_skip(layer):
    torch.manual_seed(0)
    module = Encoder().eval()
    network, picture = Network(module, input_size=SIZE), PICTURES[:1].float()
    output, _ = raw(module, layer, network.normalize(picture), 0)
    want = output.transpose(1, 2).reshape(1, -1, 8, 8)
    torch.testing.assert_close(cnnviz.activations(network, picture[0], layer).values, want[0])
    with torch.no_grad():
        torch.testing.assert_close(network.logits(picture), module(network.normalize(picture)))
    for states in (cnnviz.invert(network, picture[0], layer, steps=1), cnnviz.visualize(network, layer, 1, steps=1)):
        assert cnnviz.last(states, progress=False).step == 1

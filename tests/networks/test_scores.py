"""What a network's scores are found to be, and the probabilities and logits that follow, against the network's own."""

import warnings

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torchvision import models

import cnnviz_widgets as cnnviz
from cnnviz_widgets.engine.optimize import objectives
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.networks import Network
from cnnviz_widgets.networks.scores import Endings


class Small(nn.Module):
    """Logits that differ much between pictures, and what ``ends`` makes of them."""

    def __init__(self, outputs, ends=lambda logits: logits):
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.fc, self.ends = nn.Conv2d(3, 6, 3, padding=1), nn.Linear(6, outputs), ends
        nn.init.normal_(self.fc.weight, std=6)

    def logits(self, x):
        return self.fc(self.conv(x).relu().mean((2, 3)))

    def forward(self, x):
        return self.ends(self.logits(x))


def quiet(function):
    """Its result, if nothing is remarked."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return function()


def own(network, picture):
    """(outputs,) logits before anything that the module ends in, in float64."""
    with torch.no_grad():
        return network.module.logits(network.normalize(picture[None])).double()[0]


@pytest.fixture
def photo():
    return cnnviz.load_image("chelsea", size=(16, 16))


def handmade_softmax(logits):
    powers = logits.exp()
    return powers / powers.sum(1, keepdim=True)


SOFTMAXES = [
    nn.Softmax(1),
    nn.Softmax(-1),
    lambda logits: F.softmax(logits, 1),
    lambda logits: logits.softmax(dim=1),
    handmade_softmax,
    lambda logits: F.softmax(logits, 1).clamp(1e-7, 1 - 1e-7),
    lambda logits: torch.stack([logits.softmax(1), logits.softmax(1)]).mean(0),
    lambda logits: nn.Softmax2d()(logits[:, :, None, None]).flatten(1),
]


@pytest.mark.parametrize("ends", SOFTMAXES)
def test_a_softmax_at_the_end_is_the_only_one(photo, ends):
    network = Network(Small(5, ends), input_size=16)
    expected = own(network, photo).softmax(0)
    found = quiet(lambda: network.predict(photo))
    assert network.convention == "probabilities"
    assert [one.index for one in found] == expected.argsort(descending=True).tolist()
    assert [one.probability for one in found] == pytest.approx(expected.sort(descending=True).values, abs=1e-6)
    assert repr(network) == "Network(Small, 5 classes, 16×16, probabilities, trained)"


@pytest.mark.parametrize("ends", [nn.LogSoftmax(1), lambda x: F.log_softmax(x, 1), lambda x: x.softmax(1).log()])
def test_log_softmax(photo, ends):
    network = Network(Small(5, ends), input_size=16)
    expected = own(network, photo)
    scores = network.logits(photo)
    assert quiet(lambda: network.convention) == "log-probabilities"
    torch.testing.assert_close(network.probabilities(scores).double(), expected.softmax(0), rtol=1e-5, atol=1e-7)
    torch.testing.assert_close(network.class_logits(scores).double(), expected.log_softmax(0), rtol=1e-5, atol=1e-5)
    assert cnnviz.saliency(network, photo).convention.startswith("log-probability gradient")


SIGMOIDS = [nn.Sigmoid(), torch.sigmoid, F.sigmoid, lambda x: x.sigmoid_(), torch.special.expit]


@pytest.mark.parametrize("ends", SIGMOIDS)
def test_independent_sigmoids(photo, ends):
    network = Network(Small(5, ends), input_size=16)
    expected = own(network, photo)
    scores = network.logits(photo)
    assert quiet(lambda: network.convention) == "multilabel (probabilities)"
    torch.testing.assert_close(network.probabilities(scores).double(), expected.sigmoid(), rtol=1e-5, atol=1e-7)
    torch.testing.assert_close(network.class_logits(scores).double(), expected, rtol=1e-3, atol=1e-3)
    assert network.predict(photo, 1)[0].probability == pytest.approx(expected.sigmoid().max().item(), abs=1e-6)


def test_multilabel_logits_have_to_be_said(photo):
    network = Network(Small(5), input_size=16, scores="multilabel")
    expected = own(network, photo)
    assert quiet(lambda: network.convention) == "multilabel (logits)"
    assert [one.probability for one in network.predict(photo)] == pytest.approx(
        expected.sort(descending=True).values.sigmoid(), abs=1e-6
    )
    assert repr(network) == "Network(Small, 5 classes, 16×16, multilabel (logits), trained)"
    same = Network(Small(5, torch.sigmoid), input_size=16, scores="multilabel")
    assert quiet(lambda: same.convention) == "multilabel (probabilities)"


BINARY = [  # (end, scores=, what is found)
    (lambda x: x, "binary", "binary (logit)"),
    (lambda x: x, "logits", "binary (logit)"),
    (lambda x: x.squeeze(1), "binary", "binary (logit)"),
    (lambda x: x.squeeze(), "binary", "binary (logit)"),
    (torch.sigmoid, "auto", "binary (probability)"),
    (torch.sigmoid, "binary", "binary (probability)"),
    (torch.sigmoid, "probabilities", "binary (probability)"),
    (lambda x: x.sigmoid().squeeze(), "auto", "binary (probability)"),
    (F.logsigmoid, "log-probabilities", "binary (log-probability)"),
]


@pytest.mark.parametrize(("ends", "asked", "found"), BINARY)
@pytest.mark.parametrize("sign", [1, -1])
def test_one_output_has_two_classes(photo, ends, asked, found, sign):
    module = Small(1, ends)
    module.fc.weight.data.mul_(sign), module.fc.bias.data.mul_(sign)
    network = Network(module, input_size=16, classes=["cat", "dog"], scores=asked)
    logit = own(network, photo)[0]
    assert quiet(lambda: network.predict(photo))[0].name == ("dog" if logit > 0 else "cat")
    assert network.convention == found
    scores = network.logits(torch.stack([photo, photo]))
    assert scores.shape == (2, 1)
    both = torch.stack([-logit, logit])
    torch.testing.assert_close(network.class_logits(scores)[0].double(), both, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(network.probabilities(scores)[1].double(), both.sigmoid(), rtol=1e-5, atol=1e-6)
    assert network.probabilities(scores).sum(1).tolist() == pytest.approx([1, 1])


@pytest.mark.parametrize(
    ("classes", "names"),
    [
        (["cat", "dog"], ["cat", "dog"]),
        (["cat"], ["not cat", "cat"]),
        (None, ["not class 1", "class 1"]),
    ],
)
def test_names_of_a_single_output(classes, names):
    network = Network(Small(1, torch.sigmoid), input_size=16, classes=classes)
    assert list(network.classes) == names
    assert list(network.with_module(Small(1)).classes) == names


def test_one_output_without_names_may_be_any_number(photo):
    """Its own class comes first, so that a regression's number is explained as it is."""
    module = Small(1)
    module.fc.bias.data.fill_(-1000)
    network = Network(module, input_size=16)
    with pytest.warns(UserWarning, match='one output, taken for the logit.*scores="binary"'):
        assert network.predict(photo)[0].index == 1
    expected = cnnviz.saliency(network, photo, lambda scores: scores[:, 0])
    assert torch.equal(cnnviz.saliency(network, photo).values, expected.values)


@pytest.mark.parametrize("options", [{"scores": "binary"}, {"classes": ["cat"]}])
def test_nothing_is_remarked_of_a_single_output_that_is_known(photo, options):
    quiet(lambda: Network(Small(1), input_size=16, **options).predict(photo))


@pytest.mark.parametrize(
    ("outputs", "ends", "found", "sentence"),
    [
        (1, lambda x: 1 / (1 + (-x).exp()), "binary (probability)", "numbers of 0…1, taken for probabilities"),
        (4, lambda x: (x.tanh() + 1) / 2, "multilabel (probabilities)", "numbers of 0…1, taken for probabilities"),
        (1, nn.Softmax(1), "binary (probability)", "softmax over its one output"),
        (4, nn.Softmax(0), "multilabel (probabilities)", "wrong dimension"),
    ],
)
def test_what_is_not_certain_is_remarked_once(photo, outputs, ends, found, sentence):
    network = Network(Small(outputs, ends), input_size=16)
    with pytest.warns(UserWarning, match=sentence):
        network.predict(photo)
    quiet(lambda: network.predict(photo))
    assert network.convention == found
    assert sentence in network.convention_note


def test_logits_that_lie_between_0_and_1_stay_logits(photo):
    """As those of a network that was not trained: what it ends in decides."""
    module = Small(3)
    nn.init.uniform_(module.fc.weight, 0, 0.01), nn.init.constant_(module.fc.bias, 0.3)
    assert quiet(lambda: Network(module, input_size=16).convention) == "logits"
    squeezenet = Network(models.squeezenet1_0(num_classes=10), input_size=64)  # ends in convolution, ReLU and average
    assert quiet(lambda: squeezenet.convention) == "logits"
    assert squeezenet.convention_note == ""


def test_a_traced_softmax(photo):
    module = torch.jit.trace(Small(5, nn.Softmax(1)).eval(), torch.rand(1, 3, 16, 16))
    network = Network(module, input_size=16)
    assert quiet(lambda: network.convention) == "probabilities"


def test_output_may_make_the_probabilities(photo):
    network = Network(Small(5, lambda x: {"cls": x}), input_size=16, output=lambda answer: answer["cls"].softmax(1))
    assert quiet(lambda: network.convention) == "probabilities"
    assert network.predict(photo, 1)[0].probability == pytest.approx(own(network, photo).softmax(0).max().item())


@pytest.mark.parametrize(
    ("outputs", "scores", "sentence"),
    [
        (3, "softmax", "scores must be one of 'auto', 'logits'"),
        (3, None, "scores must be one of"),
        (3, "binary", 'scores must not be "binary" for Small, which has 3 outputs'),
        (3, "probabilities", 'scores of Small cannot be "probabilities"'),
        (3, "log-probabilities", 'scores of Small cannot be "log-probabilities"'),
        (1, "probabilities", 'scores of Small cannot be "probabilities"'),
    ],
)
def test_what_the_scores_cannot_be(outputs, scores, sentence):
    module = Small(outputs)
    module.fc.bias.data.fill_(50)
    with pytest.raises(UserError, match=sentence):
        _ = Network(module, input_size=16, scores=scores).layers


def test_a_copy_with_other_weights_is_read_alike():
    network = Network(Small(4, torch.sigmoid), input_size=16)
    _ = network.layers
    copy = network.with_module(Small(4))
    assert copy.convention == "multilabel (probabilities)"


@pytest.mark.filterwarnings("ignore:The gradient of a picture is 0")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize(("outputs", "ends"), [(4, nn.Softmax(1)), (4, nn.Sigmoid()), (1, nn.Sigmoid())])
def test_probabilities_of_0_and_1_have_finite_logits(photo, outputs, ends, dtype):
    module = Small(outputs, ends).to(dtype)
    module.fc.weight.data.mul_(1e4)
    network = Network(module, input_size=16)
    scores = network.logits(photo)
    assert set(scores.tolist()) <= {0.0, 1.0}
    assert network.class_logits(scores).isfinite().all()
    assert cnnviz.saliency(network, photo).values.isfinite().all()


# The methods


SHAPES = [(5, nn.Softmax(1)), (5, nn.Sigmoid()), (5, nn.LogSoftmax(1)), (1, nn.Sigmoid()), (1, nn.Identity())]


@pytest.mark.parametrize(("outputs", "ends"), SHAPES)
@pytest.mark.parametrize("target", [0, 1])
def test_probabilities_in_methods_are_the_networks_own(photo, outputs, ends, target):
    network = Network(Small(outputs, ends), input_size=16, classes=["a", "b", "c", "d", "e"][: max(2, outputs)])
    logits = own(network, photo)
    exclusive = isinstance(ends, nn.Softmax | nn.LogSoftmax)
    both = torch.stack([-logits[0], logits[0]]) if outputs == 1 else logits
    expected = (both.softmax(0) if exclusive else both.sigmoid())[target].item()
    state = cnnviz.last(cnnviz.occlusion(network, photo, target, size=4, stride=4), progress=False)
    assert state.baseline == pytest.approx(expected, abs=1e-6)
    assert state.convention.startswith("probability lost")
    assert state.heatmap.abs().max() > 1e-4
    curve = cnnviz.deletion_curve(network, photo, torch.rand(16, 16), target, steps=4)
    assert curve.values[0].item() == pytest.approx(expected, abs=1e-6)
    assert curve.values.max() - curve.values.min() > 1e-3
    term = objectives.probability(target).bind(network, 1)
    seen = objectives.TermInputs(photo[None], None, {}, network.logits(photo[None]))
    assert sum(term(seen).values()).item() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(("outputs", "ends"), SHAPES)
def test_gradients_are_those_of_the_logit_that_is_said(photo, outputs, ends):
    """In float64, against autograd through the module's own logits."""
    module = Small(outputs, ends).double()
    network = Network(module, input_size=16, classes=["a", "b", "c", "d", "e"][: max(2, outputs)])
    for target in (0, 1):
        batch = network.normalize(photo[None]).requires_grad_()
        logits = module.logits(batch)[0]
        exclusive = isinstance(ends, nn.Softmax | nn.LogSoftmax)
        both = torch.stack([-logits[0], logits[0]]) if outputs == 1 else logits
        (expected,) = torch.autograd.grad((both.log_softmax(0) if exclusive else both)[target], batch)
        found = cnnviz.saliency(network, photo, target)
        torch.testing.assert_close(found.values, expected[0].abs().amax(0), rtol=1e-9, atol=1e-12)
        signed = cnnviz.class_gradient(network, photo, target)
        torch.testing.assert_close(signed.values, expected[0], rtol=1e-9, atol=1e-12)
        unit = {nn.Softmax: "log-probability", nn.LogSoftmax: "log-probability", nn.Sigmoid: "logit of the probability"}
        assert found.convention.startswith(f"{unit.get(type(ends), 'logit')} gradient")


def test_what_a_tensor_ended_in():
    x = torch.randn(2, 3)
    with Endings() as endings:
        assert endings.of(x.softmax(1)) == "softmax"
        assert endings.of(x.softmax(1).log()) == "log_softmax"
        assert endings.of(x.sigmoid()[:, :2].float()) == "sigmoid"
        assert endings.of(torch.cat([x.sigmoid(), x.softmax(1)])) is None
        assert endings.of(F.linear(x, torch.ones(2, 3)) / 7) == "unbounded"
        assert endings.of(1 / (1 + (-x).exp())) is None
    assert endings.of(x) is None

"""Against Captum, closed forms, and completeness: all values add up to the difference of the two scores."""

import captum.attr
import numpy as np
import pytest
import torch
from torch import nn

from cnnviz_widgets import Neuron
from cnnviz_widgets.engine.fills import fill_picture
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.methods.gradients.integrated_gradients import PATHS, integrated_gradients, quadrature
from cnnviz_widgets.networks import Network

CAPTUM = {
    "gauss-legendre": "gausslegendre", "trapezoid": "riemann_trapezoid", "left": "riemann_left",
    "right": "riemann_right", "midpoint": "riemann_middle",
}  # fmt: skip


def small(activation):
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), activation(), nn.MaxPool2d(2), nn.Conv2d(8, 12, 3), nn.BatchNorm2d(12),
        activation(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(48, 6),
    )  # fmt: skip


@pytest.fixture
def network():
    return Network(small(nn.ReLU).double(), input_size=(12, 16), classes=["ant", "bee", "cat", "dog", "eel", "fox"])


@pytest.fixture
def pictures():
    return torch.rand(3, 3, 12, 16, dtype=torch.float64)


class Closed(nn.Module):
    """Scores with a known path integral: Σ w·x, Σ w·x²/2, relu(Σ w·x + b)."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(3, 12, 16, dtype=torch.float64))
        self.bias = nn.Parameter(torch.tensor(0.0, dtype=torch.float64))

    def forward(self, x):
        line = (self.weight * x).sum((1, 2, 3))
        return torch.stack([line, (self.weight * x**2 / 2).sum((1, 2, 3)), (line + self.bias).relu()], 1)


@pytest.fixture
def closed():
    return Network(Closed(), input_size=(12, 16))


def ends(network, picture, baseline):
    return network.normalize(torch.stack([picture, baseline])).detach()


@pytest.fixture
def _captum_in_float64(monkeypatch):
    """Captum rounds places and weights to float32."""
    monkeypatch.setattr(torch.Tensor, "float", torch.Tensor.double)
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.usefixtures("_captum_in_float64")
@pytest.mark.parametrize("path", PATHS)
def test_as_captum(network, pictures, path):
    x, origin = ends(network, pictures[0], torch.full_like(pictures[0], 0.5))
    expected, delta = captum.attr.IntegratedGradients(network.module.eval()).attribute(
        x[None], origin[None], target=2, method=CAPTUM[path], n_steps=20, return_convergence_delta=True
    )
    found = integrated_gradients(network, pictures[0], "cat", steps=20, baseline="gray", path=path)
    if path == "trapezoid":  # Captum's weights add up to 19/20
        expected, delta = expected * 20 / 19, expected.sum() * 20 / 19 - (expected.sum() - delta)
    torch.testing.assert_close(found.values, expected[0].detach(), rtol=1e-9, atol=1e-12)
    assert found.completeness_error == pytest.approx(float(delta), abs=1e-9)
    assert found.of == "cat"
    assert found.score == pytest.approx(float(network.logits(pictures[0])[2]))


def test_guided_as_captums_guided_on_the_way(network, pictures):
    x, origin = ends(network, pictures[0], torch.zeros_like(pictures[0]))
    way = torch.stack([origin + (k + 0.5) / 6 * (x - origin) for k in range(6)]).requires_grad_()
    guided = captum.attr.GuidedBackprop(network.module.eval()).attribute(way, target=2).mean(0)
    found = integrated_gradients(network, pictures[0], 2, steps=6, path="midpoint", rule="guided")
    torch.testing.assert_close(found.values, guided * (x - origin), rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("steps", [1, 2, 3, 50])
@pytest.mark.parametrize("path", PATHS)
def test_weights_add_up_to_one(path, steps):
    if path == "trapezoid" and steps == 1:
        return  # one step has not two ends
    places, weights = quadrature(path, steps)
    assert float(weights.sum()) == pytest.approx(1, abs=1e-14)
    assert (places >= 0).all()
    assert (places <= 1).all()
    exact_up_to = {"gauss-legendre": 2 * steps - 1, "trapezoid": 1, "midpoint": 1}.get(path, 0)
    for degree in range(min(exact_up_to, 8) + 1):
        assert float((weights * places**degree).sum()) == pytest.approx(1 / (degree + 1), abs=1e-13)


@pytest.mark.parametrize("path", PATHS)
def test_a_linear_score_needs_but_two_steps(closed, pictures, path):
    x, origin = ends(closed, pictures[0], torch.zeros_like(pictures[0]))
    found = integrated_gradients(closed, pictures[0], 0, steps=2, path=path)
    torch.testing.assert_close(found.values, closed.module.weight.detach() * (x - origin), rtol=1e-12, atol=1e-12)
    assert abs(found.completeness_error) < 1e-11


def test_a_square_score(closed, pictures):
    """∫ w·x(α) dα is the mean of the ends; left and right are off by half a step's rise."""
    x, origin = ends(closed, pictures[0], torch.ones_like(pictures[0]))
    weight, way, n = closed.module.weight.detach(), x - origin, 5
    exact, step = weight * way * (x + origin) / 2, weight * way**2 / (2 * n)
    for path, expected in {"left": exact - step, "right": exact + step}.items() | dict.fromkeys(
        PATHS[:2], exact
    ).items():
        found = integrated_gradients(closed, pictures[0], 1, steps=n, baseline="white", path=path)
        torch.testing.assert_close(found.values, expected, rtol=1e-12, atol=1e-12)
        assert found.completeness_error == pytest.approx(float((expected - exact).sum()), abs=1e-11)


def test_a_kink_on_the_way(closed, pictures):
    """relu(line): the gradient is w from the kink on, so the values are w·(x - x') times the share of steps there."""
    x, origin = ends(closed, pictures[0], torch.zeros_like(pictures[0]))
    weight = closed.module.weight.detach()
    start, end = float((weight * origin).sum()), float((weight * x).sum())
    closed.module.bias.data.fill_(-(start + 0.3 * (end - start)))
    sign = 1 if end > start else -1
    closed.module.weight.data *= sign  # let it go up
    closed.module.bias.data *= sign
    found = integrated_gradients(closed, pictures[0], 2, steps=20, path="midpoint")
    torch.testing.assert_close(found.values, 0.7 * closed.module.weight.detach() * (x - origin), rtol=1e-9, atol=1e-12)
    assert abs(found.completeness_error) < 1e-9


@pytest.mark.parametrize(("path", "order"), [("left", 1), ("right", 1), ("midpoint", 2), ("trapezoid", 2)])
def test_order_of_convergence(pictures, path, order):
    network = Network(small(nn.Softplus).double(), input_size=(12, 16))
    network.module[2] = nn.AvgPool2d(2)  # smooth everywhere
    errors = [
        abs(integrated_gradients(network, pictures[0], 1, steps=n, path=path).completeness_error) for n in (9, 65)
    ]
    intervals = [n - 1 if path == "trapezoid" else n for n in (9, 65)]
    assert np.log(errors[0] / errors[1]) / np.log(intervals[1] / intervals[0]) == pytest.approx(order, abs=0.1)
    assert abs(integrated_gradients(network, pictures[0], 1, steps=16).completeness_error) < 1e-10


def test_baselines_in_the_pictures_units(network, pictures):
    picture = pictures[0]

    def from_(baseline):
        return integrated_gradients(network, picture, 1, steps=4, baseline=baseline).values

    for name, value in {"black": 0.0, "gray": 0.5, "white": 1.0}.items():
        torch.testing.assert_close(from_(name), from_(value), rtol=0, atol=0)
        torch.testing.assert_close(from_(name), from_(torch.full_like(picture, value)), rtol=0, atol=0)
        torch.testing.assert_close(from_(name), from_(torch.tensor(value)), rtol=0, atol=0)
    mean = picture.mean((1, 2), keepdim=True).expand_as(picture)
    torch.testing.assert_close(from_("mean"), from_(mean))
    torch.testing.assert_close(from_("blurred"), from_(fill_picture(picture, "blurred")))
    kept = torch.zeros_like(picture)
    kept[:, :, 5:9] = picture[:, :, 5:9]
    assert not from_(kept)[:, :, 5:9].any()  # nothing changes there on the way
    assert "50 × gauss-legendre from black baseline" in integrated_gradients(network, picture, 1).convention


def test_a_batch_is_its_pictures(network, pictures):
    for baseline in ("blurred", pictures.roll(1, 0)):
        batch = integrated_gradients(network, pictures, [1, "cat", 3], steps=5, baseline=baseline)
        assert batch.of == ("bee", "cat", "dog")
        for i, target in enumerate([1, 2, 3]):
            one = baseline if isinstance(baseline, str) else baseline[i]
            single = integrated_gradients(network, pictures[i], target, steps=5, baseline=one)
            torch.testing.assert_close(batch.values[i], single.values, rtol=1e-10, atol=1e-13)
            assert batch.completeness_error[i] == pytest.approx(single.completeness_error, abs=1e-12)
            assert batch.score[i] == pytest.approx(single.score)


@pytest.mark.parametrize("at_once", [1, 7, 64])
def test_pieces_make_no_difference(network, pictures, at_once, monkeypatch):
    expected = integrated_gradients(network, pictures[0], 1)
    monkeypatch.setattr(Network, "at_once", lambda self, size: at_once)
    found = integrated_gradients(network, pictures[0], 1)
    torch.testing.assert_close(found.values, expected.values, rtol=1e-10, atol=1e-13)
    assert found.completeness_error == pytest.approx(expected.completeness_error, abs=1e-11)


def test_the_top_class_and_the_strongest_place_are_the_pictures(network, pictures):
    top = int(network.logits(pictures[0]).argmax())
    found = integrated_gradients(network, pictures[0], steps=4)
    torch.testing.assert_close(found.values, integrated_gradients(network, pictures[0], top, steps=4).values)
    neuron = integrated_gradients(network, pictures[0], Neuron("5", 4), steps=4)
    maps = network.activations(pictures[0], "5")["5"][4]
    assert maps[neuron.position] == maps.max()
    same = integrated_gradients(network, pictures[0], Neuron("5", 4, neuron.position), steps=4)
    torch.testing.assert_close(neuron.values, same.values)
    assert neuron.completeness_error == pytest.approx(same.completeness_error)


def test_other_targets_are_complete_too(network, pictures):
    for target in (Neuron("5", 4, "all"), lambda logits: logits[:, 1] - logits[:, 3]):
        found = integrated_gradients(network, pictures[0], target, steps=400)
        assert abs(found.completeness_error) < 2e-2 * float(found.values.abs().sum())
    assert found.heatmap().completeness_error == found.completeness_error
    torch.testing.assert_close(found.heatmap().values, found.values.sum(0))


def test_float32_is_not_worse_than_its_rounding(network, pictures):
    exact = integrated_gradients(network, pictures[0], 1, steps=20)
    network.module.float()
    found = integrated_gradients(network, pictures[0].float(), 1, steps=20)
    assert found.values.dtype == torch.float32
    torch.testing.assert_close(found.values.double(), exact.values, rtol=1e-3, atol=1e-5)


def test_a_picture_that_is_its_own_baseline_is_told(network, pictures):
    with pytest.warns(UserWarning, match="its own baseline"):
        found = integrated_gradients(network, pictures[0], 1, baseline=pictures[0], steps=2)
    assert not found.values.any()
    assert found.completeness_error == 0


def test_within_inference_mode(network, pictures):
    expected = integrated_gradients(network, pictures, 1, steps=2).values
    with torch.inference_mode():
        found = integrated_gradients(Network(network.module, input_size=(12, 16)), pictures.clone(), 1, steps=2).values
        torch.testing.assert_close(found, expected)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"path": "simpson"}, "path must be one of 'gauss-legendre', .* not 'simpson'"),
        ({"steps": 0}, "steps must be a whole number at least 1, not 0"),
        ({"steps": 1, "path": "trapezoid"}, "steps must be a whole number at least 2, not 1"),
        ({"baseline": "pink"}, "baseline must be one of 'black', .*, a number 0…1 or a picture, not 'pink'"),
        ({"baseline": 1.5}, "baseline must be .* not 1.5"),
        ({"baseline": None}, "baseline must be .* not None"),
        ({"baseline": np.zeros((3, 12, 16))}, "baseline must be .* not a ndarray"),
        ({"baseline": torch.rand(2, 3, 12, 16)}, "baseline must have the shape of the picture, .* not .2, 3, 12, 16"),
        ({"rule": "gided"}, "rule must be one of"),
        ({"target": "gnu"}, "gnu"),
    ],
)  # fmt: skip
def test_bad_input_is_one_sentence(network, pictures, options, message):
    with pytest.raises(UserError, match=message) as error:
        integrated_gradients(network, pictures[0], **options)
    assert "\n" not in str(error.value)

"""Against Captum with the same noise, and closed forms on networks that are linear or square in the picture."""

from functools import partial

import captum.attr
import pytest
import torch
from torch import nn

from cnnviz_widgets import Neuron, class_gradient
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.methods.gradients.smoothgrad import normal, smoothgrad, vargrad
from cnnviz_widgets.networks import Network

SAMPLES = 7
mean_gradient = partial(smoothgrad, statistic="signed")


@pytest.fixture
def network():
    module = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 12, 3), nn.BatchNorm2d(12),
        nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(48, 6),
    )  # fmt: skip
    return Network(module.double(), input_size=(12, 16), classes=["ant", "bee", "cat", "dog", "eel", "fox"])


@pytest.fixture
def pictures():
    return torch.rand(3, 3, 12, 16, dtype=torch.float64)


class Powers(nn.Module):
    """s_0 = Σ w·x, s_1 = Σ w·x²/2."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(3, 12, 16, dtype=torch.float64))

    def forward(self, x):
        return torch.stack([(self.weight * x).sum((1, 2, 3)), (self.weight * x**2 / 2).sum((1, 2, 3))], 1)


@pytest.fixture
def powers():
    return Network(Powers(), input_size=(12, 16))


def noise_of(network, picture, samples=SAMPLES, share=0.15, seed=0):
    """The normalized picture (1, C, H, W), and the noise of each sample."""
    x = network.normalize(picture[None]).detach()
    seeds = torch.randint(2**62, (samples,), generator=torch.Generator().manual_seed(seed))
    return x, share * (x.max() - x.min()) * normal(x, seeds)


@pytest.mark.parametrize("rule", ["backprop", "guided"])
@pytest.mark.parametrize("statistic", ["mean", "square", "variance"])
def test_as_captum_with_the_same_noise(network, pictures, statistic, rule, monkeypatch):
    x, noise = noise_of(network, pictures[0])
    module = network.module.eval()
    module[5].inplace = False  # Captum cannot hook it otherwise
    plain = rule == "backprop"
    gradient, options = (captum.attr.Saliency, {"abs": False}) if plain else (captum.attr.GuidedBackprop, {})
    monkeypatch.setattr(torch, "normal", lambda mean, deviation: noise)
    expected = captum.attr.NoiseTunnel(gradient(module)).attribute(
        x, nt_type={"mean": "smoothgrad", "square": "smoothgrad_sq", "variance": "vargrad"}[statistic],
        nt_samples=SAMPLES, stdevs=1.0, target=2, **options,
    )[0]  # fmt: skip
    if statistic == "variance":
        expected = expected * SAMPLES / (SAMPLES - 1)  # Captum divides by n, which is too small on average
    found = smoothgrad(network, pictures[0], "cat", samples=SAMPLES, statistic=statistic, rule=rule)
    torch.testing.assert_close(found.values, expected.abs().amax(0).detach(), rtol=1e-10, atol=1e-14)
    assert found.of == "cat"
    assert found.target == 2
    assert f"{SAMPLES} samples with noise of 0.15 × the range" in found.convention


def test_the_signed_mean(network, pictures):
    x, noise = noise_of(network, pictures[0])
    noisy = (x + noise).requires_grad_()
    (gradients,) = torch.autograd.grad(network.module.eval()(noisy)[:, 2].sum(), noisy)
    signed = mean_gradient(network, pictures[0], "cat", samples=SAMPLES)
    torch.testing.assert_close(signed.values, gradients.mean(0), rtol=1e-12, atol=1e-14)
    assert signed.score == pytest.approx(float(network.logits(pictures[0])[2]))
    heatmap = smoothgrad(network, pictures[0], "cat", samples=SAMPLES)
    torch.testing.assert_close(signed.values.abs().amax(0), heatmap.values, rtol=0, atol=0)


def test_a_linear_network_does_not_notice_the_noise(powers, pictures):
    weight = powers.module.weight.detach()
    for statistic, expected in {"mean": weight.abs(), "square": weight**2, "variance": 0 * weight}.items():
        found = smoothgrad(powers, pictures[0], 0, noise=0.5, statistic=statistic)
        torch.testing.assert_close(found.values, expected.amax(0), rtol=1e-12, atol=1e-12)


def test_a_square_network_shows_the_noise_itself(powers, pictures):
    """Its gradient w·x at x + noise is w·x + w·noise; the variance is that of the noise, unbiased."""
    x, noise = noise_of(powers, pictures[0], samples=9, share=0.3)
    weight = powers.module.weight.detach()
    mean = mean_gradient(powers, pictures[0], 1, samples=9, noise=0.3).values
    torch.testing.assert_close(mean, weight * (x[0] + noise.mean(0)), rtol=1e-12, atol=1e-12)
    variance = smoothgrad(powers, pictures[0], 1, samples=9, noise=0.3, statistic="variance").values
    torch.testing.assert_close(variance, (weight**2 * noise.var(0, correction=1)).amax(0), rtol=1e-9, atol=1e-12)


def test_noise_is_relative_to_the_range_in_the_networks_units(pictures):
    """The same share of the range, however narrow the picture and whatever its normalization."""
    picture = 0.4 + 0.1 * pictures[0]
    network = Network(Powers(), input_size=(12, 16), mean=0.3, std=0.25)
    variance = smoothgrad(network, picture, 1, samples=2000, noise=0.2, statistic="variance").values
    weight = network.module.weight.detach()
    expected = (weight**2).amax(0) * (0.2 * float(picture.max() - picture.min()) / 0.25) ** 2
    assert float((variance / expected).median()) == pytest.approx(1, rel=0.05)


@pytest.mark.parametrize("at_once", [1, 3, 64])
def test_pieces_make_no_difference(network, pictures, at_once, monkeypatch):
    expected = smoothgrad(network, pictures[0], 1, statistic="variance").values
    monkeypatch.setattr(Network, "at_once", lambda self, size: at_once)
    found = smoothgrad(network, pictures[0], 1, statistic="variance").values
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-14)


def test_a_piece_that_is_done_again_has_the_same_noise(network, pictures, monkeypatch):
    expected = smoothgrad(network, pictures[0], 1).values
    forward, sizes = network.forward, []

    def too_large(batch, *args, **options):
        if options.get("grad"):
            sizes.append(len(batch))
            if len(batch) > 4:
                raise MemoryError
        return forward(batch, *args, **options)

    monkeypatch.setattr(network, "forward", too_large)
    torch.testing.assert_close(smoothgrad(network, pictures[0], 1).values, expected, rtol=1e-10, atol=1e-14)
    assert sizes[0] == 25
    assert max(sizes[-6:]) <= 4


def test_a_batch_is_its_pictures(network, pictures):
    batch = smoothgrad(network, pictures, [1, "cat", None], samples=4)
    assert batch.values.shape == (3, 12, 16)
    for i in range(3):
        single = smoothgrad(network, pictures[i], batch.target[i], samples=4)
        torch.testing.assert_close(batch.values[i], single.values, rtol=1e-12, atol=1e-14)
        assert batch.of[i] == single.of


def test_what_is_explained_is_chosen_without_the_noise(network, pictures):
    """Loud noise changes the top class and the strongest place from sample to sample."""
    top = 4
    network.module[8].bias.data -= network.logits(pictures[0]) - 1e-3 * (torch.arange(6) == top)  # a close race
    options = {"samples": 12, "noise": 3.0}
    x, noise = noise_of(network, pictures[0], 12, 3.0)
    assert (network.module.eval()(x + noise).argmax(1) != top).any()
    chosen = mean_gradient(network, pictures[0], **options)
    torch.testing.assert_close(chosen.values, mean_gradient(network, pictures[0], top, **options).values)
    place = class_gradient(network, pictures[0], Neuron("5", 4)).position
    neuron = mean_gradient(network, pictures[0], Neuron("5", 4), **options)
    assert neuron.position == place
    at_place = mean_gradient(network, pictures[0], Neuron("5", 4, place), **options)
    torch.testing.assert_close(neuron.values, at_place.values)


def test_other_targets(network, pictures):
    def contrast(logits):
        return logits[:, 1] - logits[:, 2]

    parts = [mean_gradient(network, pictures[0], target).values for target in (1, 2)]
    found = mean_gradient(network, pictures[0], contrast)
    torch.testing.assert_close(found.values, parts[0] - parts[1], rtol=1e-10, atol=1e-14)
    assert found.of == "contrast"
    assert smoothgrad(network, pictures[0], Neuron("5", 4, "all")).of == "5 · channel 4 · all"


def test_without_noise_it_is_the_gradient(network, pictures):
    torch.testing.assert_close(
        mean_gradient(network, pictures[0], 1, noise=0, samples=3).values,
        class_gradient(network, pictures[0], 1).values,
    )


def test_a_picture_without_a_range_is_told(network):
    gray = torch.full((3, 12, 16), 0.5, dtype=torch.float64)
    network = Network(network.module, input_size=(12, 16), mean=(0.5,) * 3, std=(0.2,) * 3)
    with pytest.warns(UserWarning, match="same everywhere"):
        found = mean_gradient(network, gray, 1, samples=2)
    torch.testing.assert_close(found.values, class_gradient(network, gray, 1).values)


def test_the_seed_is_all_that_is_random(network, pictures):
    state = torch.get_rng_state()
    first, again, other = (smoothgrad(network, pictures[0], 1, samples=3, seed=seed).values for seed in (5, 5, 6))
    assert torch.equal(first, again)
    assert not torch.allclose(first, other)
    assert torch.equal(torch.get_rng_state(), state)


def test_within_inference_mode(network, pictures):
    expected = smoothgrad(network, pictures, 1, samples=2).values
    with torch.inference_mode():
        found = smoothgrad(Network(network.module, input_size=(12, 16)), pictures.clone(), 1, samples=2).values
        torch.testing.assert_close(found, expected)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"statistic": "median"}, "statistic must be one of 'mean', 'square', 'variance', 'signed', not 'median'"),
        ({"samples": 0}, "samples must be a whole number at least 1, not 0"),
        ({"samples": 2.5}, "samples must be .* not 2.5"),
        ({"samples": 1, "statistic": "variance"}, "samples must be a whole number at least 2, not 1"),
        ({"noise": -0.1}, "noise must be a number of at least 0, .* not -0.1"),
        ({"noise": float("nan")}, "noise must be .* not nan"),
        ({"noise": "loud"}, "noise must be .* not 'loud'"),
        ({"seed": -1}, "seed must be a whole number at least 0, not -1"),
        ({"rule": "gided"}, "rule must be one of"),
        ({"target": "gnu"}, "gnu"),
    ],
)
def test_bad_input_is_one_sentence(network, pictures, options, message):
    with pytest.raises(UserError, match=message) as error:
        smoothgrad(network, pictures[0], **options)
    assert "\n" not in str(error.value)


def test_vargrad_is_the_variance(network, pictures):
    variance = smoothgrad(network, pictures, "cat", samples=3, statistic="variance", seed=5)
    found = vargrad(network, pictures, "cat", samples=3, seed=5)
    assert torch.equal(found.values, variance.values)
    assert found.convention == variance.convention
    with pytest.raises(UserError, match="samples"):
        vargrad(network, pictures, "cat", samples=1)

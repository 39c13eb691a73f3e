"""Parametrizations invert exactly, begin as they say, and stay where they must."""

import numpy as np
import pytest
import torch
from ascent import run
from torch import nn

from cnnviz_widgets.engine.optimize import objectives as o
from cnnviz_widgets.engine.optimize import optimize
from cnnviz_widgets.engine.optimize import parametrizations as p
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.networks import Network


def begun(network, parametrization, seed=0):
    return parametrization.begin(network, torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("size", [(16, 16), (9, 14), (15, 7)])
@pytest.mark.parametrize("decorrelate", [True, False])
@pytest.mark.parametrize("alpha", [True, False])
@pytest.mark.parametrize("kind", [p.pixels, p.fourier, p.laplacian])
def test_what_is_encoded_is_decoded(network, kind, decorrelate, alpha, size):
    pictures = 0.01 + 0.98 * torch.rand(2, 3 + alpha, *size, dtype=torch.float64)
    form = begun(network, kind(start=pictures, decorrelate=decorrelate, alpha=alpha))
    torch.testing.assert_close(form.decode(*form.start), pictures, rtol=1e-10, atol=1e-10)
    other = torch.rand_like(pictures) * 0.9 + 0.05
    torch.testing.assert_close(form.decode(*form.encode(other)), other, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("kind", [p.pixels, p.fourier, p.laplacian])
def test_noise_goes_there_and_back(network, kind):
    form = begun(network, kind((12, 10), batch=3))
    again = form.encode(form.decode(*form.start))
    pictures = form.decode(*again)
    torch.testing.assert_close(pictures, form.decode(*form.start), rtol=1e-10, atol=1e-12)


def test_fourier_by_numpy(network):
    """Of a spectrum: frequencies scaled by 1/f, then real pixels, then colors, then the sigmoid."""
    form = begun(network, p.fourier((6, 8)))
    terms = torch.view_as_complex(form.start[0]).numpy()[0]
    f = np.hypot(np.fft.fftfreq(6)[:, None], np.fft.rfftfreq(8)).clip(1 / 8)
    values = np.fft.irfft2(terms / f / 4, (6, 8), norm="ortho")
    matrix = np.array([[0.26, 0.09, 0.02], [0.27, 0, -0.05], [0.27, -0.09, 0.03]])
    matrix /= np.linalg.norm(matrix, axis=0).max()
    expected = 1 / (1 + np.exp(-np.einsum("oc,chw->ohw", matrix, values)))
    torch.testing.assert_close(form.decode(*form.start)[0], torch.from_numpy(expected))


def test_colors_are_decorrelated(network):
    """Independent coordinates become the correlations of photographs: mostly light and dark, in all three alike."""
    form = begun(network, p.pixels((64, 64), batch=4, sd=0.1, decorrelate=True))
    red, green, blue = np.corrcoef(form.decode(*form.start).transpose(0, 1).reshape(3, -1).numpy())
    assert green[0] > 0.8
    assert blue[1] > 0.8
    assert red[2] < green[0]


def test_laplacian_is_the_sum_of_its_levels(network):
    form = begun(network, p.laplacian((20, 28), levels=3, decorrelate=False))
    assert [one.shape[2:] for one in form.start] == [(20, 28), (10, 14), (5, 7)]
    zero = [torch.zeros_like(one) for one in form.start]
    for level in range(3):
        alone = [form.start[i] if i == level else zero[i] for i in range(3)]
        zero_sum = form.decode(*alone).logit()
        if level == 0:
            torch.testing.assert_close(zero_sum, form.start[0])
    added = sum(
        form.decode(*[form.start[i] if i == level else zero[i] for i in range(3)]).logit() for level in range(3)
    )
    torch.testing.assert_close(form.decode(*form.start), added.sigmoid())


def test_the_same_seed_begins_alike(network):
    for made in (p.pixels(8), p.fourier(8), p.laplacian(8), p.cppn(8)):
        first, same, other = (begun(network, made, seed).start for seed in (1, 1, 2))
        assert all(torch.equal(a, b) for a, b in zip(first, same, strict=True))
        assert not all(torch.equal(a, b) for a, b in zip(first, other, strict=True))


@pytest.mark.parametrize("made", [p.pixels, p.fourier, p.laplacian, p.cppn])
def test_sizes_and_batches(network, made):
    for size, expected in ((None, (5, 6)), (7, (7, 7)), ((4, 9), (4, 9))):
        form = begun(network, made(size, 3))
        pictures = form.decode(*form.start)
        assert pictures.shape == (3, 3, *expected)
        assert pictures.dtype == torch.float64
        assert 0 <= pictures.min() <= pictures.max() <= 1
    assert begun(network, made(4, alpha=True)).decode(*begun(network, made(4, alpha=True)).start).shape == (1, 4, 4, 4)


def test_one_channel():
    network = Network(nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten()), input_size=6)
    for made in (p.pixels(decorrelate=True), p.fourier(), p.laplacian(), p.cppn()):
        assert run(network, o.channel("0", 1), made, steps=2).values.shape == (1, 6, 6)


def test_half_precision_networks_have_single_precision_parameters():
    network = Network(nn.Sequential(nn.Conv2d(3, 2, 3), nn.Flatten()).bfloat16(), input_size=6)
    assert begun(network, p.fourier()).start[0].dtype == torch.float32
    assert run(network, o.channel("0", 1), p.pixels(), steps=2).values.dtype == torch.float32


def test_cppn_paints_the_same_at_any_size(network):
    small, large = (begun(network, p.cppn(size), 3) for size in (9, 17))
    weights = (torch.randn(1, 48, 3, dtype=torch.float64) * 0.2, *small.start[1:])
    torch.testing.assert_close(large.decode(*weights)[..., ::2, ::2], small.decode(*weights))


def test_cppn_learns(network):
    made = p.cppn(8)
    states = list(optimize(network, -o.l1(0.9), made, steps=40, learning_rate=0.005))
    assert states[-1].loss < 0.2 * states[0].loss


def test_decoded(network):
    decoder = nn.Sequential(nn.Linear(4, 3 * 30), nn.Sigmoid(), nn.Unflatten(1, (3, 5, 6))).double()
    before = [one.clone() for one in decoder.parameters()]
    code = torch.zeros(2, 4, dtype=torch.float64)
    state = run(network, o.channel("maps", 1), p.decoded(decoder, code), steps=20)
    torch.testing.assert_close(state.values, decoder(state.parameters[0]).detach())
    assert state.parameters[0].abs().min() > 0
    assert all(torch.equal(a, b) for a, b in zip(before, decoder.parameters(), strict=True))
    assert all(one.grad is None for one in decoder.parameters())
    with pytest.raises(UserError, match="after must be empty"):
        optimize(network, o.l1(), p.decoded(decoder, code), after=[lambda update: update.pictures])


@pytest.mark.parametrize(("norm", "bound"), [("linf", 0.03), ("l2", 0.5)])
def test_a_perturbation_never_leaves_its_ball(network, norm, bound):
    photo = torch.rand(3, 5, 6, dtype=torch.float64)
    made = p.perturbation(photo, bound, norm=norm)
    lengths = []
    for state in optimize(network, o.logit("cat"), made, steps=30, optimizer="normalized", learning_rate=0.3):
        change = (state.parameters[0][0] - photo).flatten()
        lengths.append(float(change.abs().max() if norm == "linf" else change.norm()))
        assert 0 <= state.parameters[0].min() <= state.parameters[0].max() <= 1
    assert max(lengths) <= bound * (1 + 1e-12)
    assert lengths[-1] > 0.8 * bound


def test_a_perturbation_is_of_what_the_network_sees(network):
    photo = torch.rand(3, 20, 18)
    state = run(network, o.logit("cat"), p.perturbation(photo, 1e-6), steps=1)
    torch.testing.assert_close(state.values, network.prepare(photo)[0].double(), rtol=0, atol=2e-6)


def test_pixels_stay_valid_and_start_with_a_photograph(network):
    photo = torch.rand(3, 7, 9, dtype=torch.float64)
    first = next(optimize(network, o.channel("maps", 1), p.pixels(start=photo), optimizer="sgd", learning_rate=0.0))
    torch.testing.assert_close(first.values, photo, rtol=0, atol=0)
    state = run(network, o.channel("maps", 1), p.pixels(start=photo), steps=10, learning_rate=1.0)
    assert set(state.parameters[0].unique().tolist()) <= {0.0, 1.0} | set(photo.flatten().tolist())


def test_names():
    assert repr(p.fourier()) == "fourier()"
    assert repr(p.pixels(224, batch=4)) == "pixels(224, batch=4)"
    assert repr(p.fourier((3, 4), decorrelate=False, alpha=True)) == "fourier((3, 4), decorrelate=False, alpha=True)"
    assert repr(p.pixels(decorrelate=True)) == "pixels(decorrelate=True)"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda n: p.pixels(0), "size must be a whole number at least 1, not 0"),
        (lambda n: p.fourier((3, 4, 5)), r"size must be a number of pixels or \(height, width\), not \(3, 4, 5\)"),
        (lambda n: p.fourier(2.5), "size must be a whole number at least 1, not 2.5"),
        (lambda n: p.laplacian(batch=0), "batch must be a whole number at least 1, not 0"),
        (lambda n: p.laplacian(levels=0), "levels must be"),
        (lambda n: p.pixels(start="photo"), "start must be pictures .* not 'photo'"),
        (lambda n: p.pixels(4, start=torch.zeros(3, 5, 5)), "size must be left out or be that of start, 3×5×5, not 4"),
        (lambda n: begun(n, p.pixels(start=torch.zeros(2, 5, 5))), "start must have 3 channels, not 2"),
        (lambda n: begun(n, p.pixels(batch=3, start=torch.zeros(2, 3, 5, 5))), "one picture or 3 of them, not 2"),
        (lambda n: p.perturbation(torch.zeros(3, 5, 5), 0), "above 0 .*, not 0"),
        (lambda n: p.perturbation(torch.zeros(3, 5, 5), norm="l3"), "norm must be"),
    ],
)
def test_bad_input(network, call, message):
    with pytest.raises(UserError, match=message) as error:
        call(network)
    assert "\n" not in str(error.value)

"""The gradient of every objective against its closed form, and the algebra."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from ascent import by_differences, run, slope
from scipy import ndimage

from cnnviz_widgets.engine.optimize import objectives as o
from cnnviz_widgets.engine.optimize import optimize, parametrizations
from cnnviz_widgets.errors import UserError


def maps_of(network, pictures):
    with torch.no_grad():
        return network.module.maps(network.normalize(pictures))


def logits_of(network, pictures):
    with torch.no_grad():
        return network.module(network.normalize(pictures))


def to_pixels(network, by_maps):
    """What a gradient (B, 4, H, W) by the maps is by the pixels: through the 1×1 kernel and the normalization."""
    weight = network.module.maps.weight.detach()[:, :, 0, 0]
    std = torch.tensor(network.std, dtype=torch.float64)
    return torch.einsum("bohw,oc->bchw", by_maps, weight) / std[:, None, None]


def alone(values, channel):
    """Zero but for one channel."""
    kept = torch.zeros_like(values)
    kept[:, channel] = values[:, channel]
    return kept


def test_channel(network, pictures):
    expected = to_pixels(network, alone(torch.full((2, 4, 5, 6), 1 / 30, dtype=torch.float64), 2))
    torch.testing.assert_close(slope(network, o.channel("maps", 2), pictures), expected, rtol=1e-10, atol=1e-12)


def test_neuron(network, pictures):
    by_maps = torch.zeros(2, 4, 5, 6, dtype=torch.float64)
    by_maps[:, 1, 4, 0] = 1
    found = slope(network, o.neuron("maps", 1, (4, 0)), pictures)
    torch.testing.assert_close(found, to_pixels(network, by_maps), rtol=1e-10, atol=1e-12)
    center = slope(network, o.neuron("maps", 1), pictures)
    torch.testing.assert_close(center, slope(network, o.neuron("maps", 1, (2, 3)), pictures))


def test_a_neuron_without_a_place_is_a_logit(network, pictures):
    torch.testing.assert_close(
        slope(network, o.neuron("scores", 3), pictures), slope(network, o.logit("dog"), pictures)
    )


def test_layer_has_its_activation_as_gradient(network, pictures):
    expected = to_pixels(network, maps_of(network, pictures) / (4 * 5 * 6))
    torch.testing.assert_close(slope(network, o.layer("maps"), pictures), expected, rtol=1e-10, atol=1e-12)


def test_logit_and_probability(network, pictures):
    open_ = (maps_of(network, pictures) > 0).double()
    weight = network.module.scores.weight.detach()

    def back(by_logits):
        return to_pixels(network, (by_logits @ weight).view(2, 4, 5, 6) * open_)

    wanted = F.one_hot(torch.tensor([1, 1]), 5).double()
    torch.testing.assert_close(slope(network, o.logit("bee"), pictures), back(wanted), rtol=1e-10, atol=1e-12)
    shares = logits_of(network, pictures).softmax(1)
    expected = back(shares[:, 1:2] * (wanted - shares))
    torch.testing.assert_close(slope(network, o.probability("bee"), pictures), expected, rtol=1e-10, atol=1e-12)


def test_direction(network, pictures):
    vector = torch.tensor([1.0, -2.0, 0.5, 0.0], dtype=torch.float64)
    by_maps = vector.view(1, 4, 1, 1).expand(2, 4, 5, 6) / 30
    found = slope(network, o.direction("maps", vector), pictures)
    torch.testing.assert_close(found, to_pixels(network, by_maps), rtol=1e-10, atol=1e-12)

    def caricature(x):
        maps = network.module.maps(network.normalize(x)).detach().numpy()
        total = np.zeros(len(maps))
        for i, y, z in np.ndindex(len(maps), 5, 6):
            a = maps[i, :, y, z]
            dot = a @ vector.numpy()
            total[i] += dot * max(0.1, dot / np.linalg.norm(a) / np.linalg.norm(vector)) ** 2
        return torch.from_numpy(total / 30)

    found = slope(network, o.direction("maps", vector, power=2), pictures)
    torch.testing.assert_close(found, by_differences(caricature, pictures), rtol=1e-6, atol=1e-7)


def test_direction_of_scores(network, pictures):
    found = slope(network, o.direction("scores", [0, 0, 2, 0, 0]), pictures)
    torch.testing.assert_close(found, slope(network, 2 * o.logit("cat"), pictures))


def test_target_features(network, pictures):
    wanted = torch.rand(4, 5, 6, dtype=torch.float64)
    by_maps = -2 * (maps_of(network, pictures) - wanted) / wanted.square().sum()
    found = slope(network, o.target_features("maps", wanted), pictures)
    torch.testing.assert_close(found, to_pixels(network, by_maps), rtol=1e-10, atol=1e-12)


def test_target_features_are_reached_where_they_come_from(network, pictures):
    own = network.activations(pictures[0], "maps")["maps"]
    free = parametrizations.decoded(lambda code: code, pictures[:1])
    (value,) = next(optimize(network, o.target_features("maps", own), free)).terms.values()
    assert value == pytest.approx(0, abs=1e-20)


def test_matching(network, pictures):
    guide = torch.rand(4, 2, 3, dtype=torch.float64)
    maps, expected = maps_of(network, pictures), torch.zeros(2, 4, 5, 6, dtype=torch.float64)
    for i, y, x in np.ndindex(2, 5, 6):
        best = max(guide.flatten(1).T, key=lambda one: float(one @ maps[i, :, y, x]))
        expected[i, :, y, x] = best / 30
    found = slope(network, o.matching("maps", guide), pictures)
    torch.testing.assert_close(found, to_pixels(network, expected), rtol=1e-10, atol=1e-12)


def test_diversity_is_the_mean_cosine_of_gram_matrices(network):
    pictures = torch.rand(3, 3, 5, 6, dtype=torch.float64)

    def alike(x):
        maps = network.module.maps(network.normalize(x)).detach().numpy().reshape(3, 4, -1)
        grams = [np.dot(one, one.T).ravel() for one in maps]
        grams = [one / np.linalg.norm(one) for one in grams]
        return torch.tensor([np.mean([grams[i] @ grams[j] for j in range(3) if j != i]) for i in range(3)])

    free = parametrizations.decoded(lambda code: code, pictures)
    (value,) = next(optimize(network, o.diversity("maps"), free)).terms.values()
    assert value == pytest.approx(float(alike(pictures).sum()), rel=1e-10)
    found = slope(network, o.diversity("maps"), pictures)
    torch.testing.assert_close(found, by_differences(alike, pictures), rtol=1e-5, atol=1e-8)


def test_diversity_of_one_picture_is_nothing(network, pictures):
    single = pictures[:1]
    both = slope(network, o.diversity("maps") + o.channel("maps", 1), single)
    torch.testing.assert_close(both, slope(network, o.channel("maps", 1), single))


def test_a_batch_of_equal_pictures_is_quite_alike(network, pictures):
    free = parametrizations.decoded(lambda code: code, pictures[:1].repeat(4, 1, 1, 1))
    assert next(optimize(network, o.diversity("maps"), free)).loss == pytest.approx(-4)


def test_custom(network, pictures):
    twice = o.custom(lambda maps, scores: 2 * maps[:, 2].mean((1, 2)) + scores[:, 0], "maps", "scores", name="both")
    expected = slope(network, 2 * o.channel("maps", 2) + o.logit("ant"), pictures)
    torch.testing.assert_close(slope(network, twice, pictures), expected)


# Priors


def test_l1(network, pictures):
    torch.testing.assert_close(slope(network, o.l1(), pictures), (pictures - 0.5).sign())
    torch.testing.assert_close(slope(network, o.l1(0.3), pictures), (pictures - 0.3).sign())


def test_l2(network, pictures):
    mean, std = (torch.tensor(one, dtype=torch.float64)[:, None, None] for one in (network.mean, network.std))
    expected = 2 * (pictures - mean) / std**2
    torch.testing.assert_close(slope(network, o.l2(), pictures), expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("beta", [1.0, 1.5, 2.0, 3.0])
def test_total_variation(network, pictures, beta):
    def brute_force(x):
        x, total = x.numpy(), np.zeros(len(x))
        for i, c, y, z in np.ndindex(*x.shape):
            across = x[i, c, y, z + 1] - x[i, c, y, z] if z < 5 else 0
            down = x[i, c, y + 1, z] - x[i, c, y, z] if y < 4 else 0
            total[i] += (across**2 + down**2) ** (beta / 2)
        return torch.from_numpy(total)

    free = parametrizations.decoded(lambda code: code, pictures)
    (value,) = next(optimize(network, o.total_variation(beta), free)).terms.values()
    assert value == pytest.approx(float(brute_force(pictures).sum()), rel=1e-12)
    found = slope(network, o.total_variation(beta), pictures)
    torch.testing.assert_close(found, by_differences(brute_force, pictures), rtol=1e-5, atol=1e-6)


def test_total_variation_by_scipy(network, pictures):
    ahead = np.zeros((1, 1, 1, 3))
    ahead[..., :2] = 1, -1
    x = pictures.numpy()
    across, down = (ndimage.convolve(x, kernel, mode="nearest") for kernel in (ahead, ahead.swapaxes(2, 3)))
    free = parametrizations.decoded(lambda code: code, pictures)
    (value,) = next(optimize(network, o.total_variation(1), free)).terms.values()
    assert value == pytest.approx(np.hypot(across, down).sum(), rel=1e-12)


def test_a_flat_picture_has_no_variation_and_no_slope(network):
    flat = torch.full((1, 3, 5, 6), 0.3, dtype=torch.float64)
    assert not slope(network, o.total_variation(1), flat).any()


def test_blur_penalty(network, pictures):
    blurred = ndimage.gaussian_filter(pictures.numpy(), (0, 0, 0.8, 0.8), mode="mirror", truncate=4)
    expected = pictures - torch.from_numpy(blurred)
    torch.testing.assert_close(slope(network, o.blur_penalty(0.8), pictures), expected, rtol=1e-10, atol=1e-12)


def test_boundary(network, pictures):
    expected = pictures - 0.5
    expected[..., 1:4, 1:5] = 0
    torch.testing.assert_close(slope(network, o.boundary(1), pictures), expected, rtol=1e-12, atol=1e-12)


# Algebra


def test_a_minus_b_is_a_minus_b(network, pictures):
    a, b = o.channel("maps", 0), o.logit("bee")
    by_a, by_b = slope(network, a, pictures), slope(network, b, pictures)
    for objective, expected in [
        (a - b, by_a - by_b),
        (a + b, by_a + by_b),
        (-a, -by_a),
        (a - 2 * b, by_a - 2 * by_b),
        (3 * (a - b) / 4, 0.75 * (by_a - by_b)),
        (-(a - b), by_b - by_a),
        (a - (b - a), 2 * by_a - by_b),
        (sum([a, b, a]), 2 * by_a + by_b),
        (a - a + b, by_b),
        (a * [1, -3], by_a * torch.tensor([1.0, -3]).view(2, 1, 1, 1)),
        (torch.tensor([0.0, 2.0]) * a, by_a * torch.tensor([0.0, 2]).view(2, 1, 1, 1)),
        (np.float32(2) * a + np.array([1.0, 5]), 2 * by_a),
        (3 - a, -by_a),
        (a - 3 + b, by_a + by_b),
    ]:
        torch.testing.assert_close(slope(network, objective, pictures), expected, rtol=1e-9, atol=1e-12)


def test_a_product_obeys_the_product_rule(network, pictures):
    a, b = o.channel("maps", 0), o.logit("bee") - 2 * o.l1()
    free = parametrizations.decoded(lambda code: code, pictures)
    at_a, at_b = (
        torch.stack([
            torch.tensor(next(optimize(network, one, parametrizations.decoded(lambda x: x, picture[None]))).loss)
            for picture in pictures
        ]).neg().view(2, 1, 1, 1)
        for one in (a, b)
    )  # fmt: skip
    expected = 0.5 * (slope(network, a, pictures) * (1 - at_b) - at_a * slope(network, b, pictures))
    torch.testing.assert_close(slope(network, 0.5 * a * (1 - b), pictures), expected, rtol=1e-6, atol=1e-7)
    assert list(next(optimize(network, a * (1 - b), free)).terms) == [
        'channel("maps", 0) * (1 - logit("bee") + 2 * l1())'
    ]


def test_terms_say_what_they_add(network, pictures):
    free = parametrizations.decoded(lambda code: code, pictures)
    state = next(optimize(network, o.logit("bee") - 0.5 * o.l2() + o.logit("bee"), free))
    logits = logits_of(network, pictures)[:, 1].sum()
    squares = network.normalize(pictures).square().sum()
    assert state.terms == pytest.approx({'logit("bee")': 2 * float(logits), "l2()": -0.5 * float(squares)})
    assert state.loss == pytest.approx(-float(2 * logits - 0.5 * squares))


@pytest.mark.parametrize(
    ("objective", "formula"),
    [
        (o.channel("layer3", 42) - 0.1 * o.total_variation(), 'channel("layer3", 42) - 0.1 * total_variation()'),
        (o.logit("goose") - 1e-3 * o.l2(), 'logit("goose") - 0.001 * l2()'),
        (-o.neuron("a.b", 1, (2, 3)) / 2, '-0.5 * neuron("a.b", 1, (2, 3))'),
        (o.layer("x") - o.probability(3) + o.l1(0.2), 'layer("x") - probability(3) + l1(0.2)'),
        (o.channel("x", [1, 2]) * [0, 0.5], '[0, 0.5] * channel("x", [1, 2])'),
        (o.channel("x", 1) * (1 - 0.9 * o.diversity("x")), 'channel("x", 1) * (1 - 0.9 * diversity("x"))'),
        (2 * o.l2() * o.l1() - 3, "2 * l2() * l1() - 3"),
        (o.total_variation(1.5) + o.boundary(4), "total_variation(1.5) + boundary(4)"),
    ],
)
def test_objectives_print_as_formulas(objective, formula):
    assert repr(objective) == formula
    names = {name: getattr(o, name) for name in dir(o)}
    if "[0, 0.5] *" not in formula:
        assert repr(eval(formula, names)) == formula


def test_each_picture_has_its_own_channel(network, pictures):
    for objective, single in [
        (o.channel("maps", [3, 0]), lambda one: o.channel("maps", one)),
        (o.neuron("maps", [3, 0], (1, 1)), lambda one: o.neuron("maps", one, (1, 1))),
        (o.logit([3, "ant"]), o.logit),
        (o.probability(torch.tensor([3, 0])), o.probability),
    ]:
        found = slope(network, objective, pictures)
        for i, channel in enumerate((3, 0)):
            expected = slope(network, single(channel), pictures[i : i + 1])
            torch.testing.assert_close(found[i : i + 1], expected, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize(
    ("objective", "message"),
    [
        (o.channel("mapps", 0), "no layer 'mapps'; there are 'maps'"),
        (o.l1() + o.layer("mapps"), "no layer 'mapps'"),
        (o.channel("maps", 4), "channel must be a whole number from 0 to 3 in layer 'maps', not 4"),
        (o.neuron("maps", -1), "not -1"),
        (o.logit("gnu"), "gnu"),
        (o.probability(5), "5"),
        (o.channel("maps", [0, 1, 2]), r"\[0, 1, 2\] has 3 entries, which do not match a batch of 2"),
        (o.channel("maps", 0) * [1, 2, 3], r"3 weights of channel\(.maps., 0\) do not match a batch of 2"),
        (o.direction("maps", [1.0, 2.0]), "vector must have 4 numbers"),
        (o.matching("maps", torch.zeros(3, 2, 2)), r"features must have the shape \(4, h, w\)"),
    ],
)
def test_what_is_not_there_is_told_before_any_pass(network, pictures, objective, message):
    _ = network.layers
    network.module.forward = None  # any pass would fail
    with pytest.raises(UserError, match=message) as error:
        optimize(network, objective, parametrizations.pixels(start=pictures))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("objective", "message"),
    [
        (o.neuron("maps", 0, (5, 0)), "row of position must be a whole number from 0 to 4"),
        (o.neuron("scores", 0, (0, 0)), "position must be None"),
        (o.target_features("maps", torch.zeros(4, 2, 2)), r"features must have the shape \(4, 5, 6\)"),
        (o.opacity(), "alpha=True"),
    ],
)
def test_what_does_not_fit_the_picture_is_told_in_the_first_step(network, pictures, objective, message):
    with pytest.raises(UserError, match=message):
        run(network, objective, parametrizations.pixels(start=pictures), steps=2)


@pytest.mark.parametrize(
    "wrong", [lambda: o.l1() * [[1, 2]], lambda: o.l1() + "goose", lambda: "goose" * o.l1(), lambda: o.l1() - None]
)
def test_what_does_not_go_together(wrong):
    with pytest.raises(UserError, match="can be combined with an objective, a number, or one number per picture"):
        wrong()


def test_beta_is_above_nothing():
    with pytest.raises(UserError, match="beta must be above 0"):
        o.total_variation(0)

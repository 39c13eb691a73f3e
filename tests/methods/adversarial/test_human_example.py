"""A change for several networks: on linear ones the closed form; the bound, the 8 bits and the control."""

import pytest
import torch
from torch import nn

import cnnviz_widgets as cnnviz
from cnnviz_widgets.engine.optimize.balls import in_8_bits

NAMES = ("small_plain", "small_residual", "small_wide")


@pytest.fixture(scope="module")
def made():
    networks = [cnnviz.load_network(name) for name in NAMES]
    return cnnviz.last(cnnviz.human_example(networks, "chelsea", "goose", epsilon=16 / 255, steps=20))


SIGNS = torch.randn(3, 8, 8, generator=torch.Generator().manual_seed(99), dtype=torch.float64).sign()


def linear(number, bias):
    """Two classes, "a" of score 0 and "b" of w · x + bias; w has the same signs in all of them."""
    sizes = torch.rand(SIGNS.shape, generator=torch.Generator().manual_seed(number), dtype=torch.float64)
    layer = nn.Linear(SIGNS.numel(), 2).double()
    layer.weight.data = torch.stack([torch.zeros_like(SIGNS), SIGNS * sizes]).flatten(1)
    layer.bias.data = torch.tensor([0.0, bias], dtype=torch.float64)
    how = {"mean": (0, 0, 0), "std": (1, 1, 1), "classes": ["a", "b"], "name": f"linear {number}"}
    return cnnviz.Network(nn.Sequential(nn.Flatten(), layer), input_size=8, **how)


@pytest.mark.parametrize(("target", "bias", "sign"), [("b", -200, 1), ("a", 200, -1)])
def test_of_linear_networks_it_is_the_closed_form(target, bias, sign):
    """Without the blur every value goes along its sign as far as ε and 0…1 allow."""
    photo = in_8_bits(torch.rand(3, 8, 8, generator=torch.Generator().manual_seed(4), dtype=torch.float64))
    networks = [linear(number, bias) for number in range(3)]
    *_, last = cnnviz.human_example(networks, photo, target, epsilon=32 / 255, steps=4, widest=0)
    assert torch.allclose(last.values, (photo + sign * 32 / 255 * SIGNS).clamp(0, 1), rtol=0, atol=1e-12)


def test_it_is_in_the_ball_and_on_the_8_bit_grid(made):
    for picture in (made.values, made.flipped, made.picture):
        assert torch.equal((picture * 255).round() / 255, picture)
    assert 0 < made.norms["linf"] <= 16 / 255 + 1e-6
    assert made.norms["l2"] == pytest.approx(float((made.values - made.picture).double().norm()), rel=1e-12)


def test_the_control_is_the_same_change_upside_down(made):
    change = made.values - made.picture
    wanted = (made.picture + change.flip(1)).clamp(0, 1)
    assert torch.allclose(made.flipped, wanted, rtol=0, atol=1e-6)


def test_what_the_networks_answer_is_asked_of_them(made):
    assert all(made.success.values())
    for name in NAMES:
        network = cnnviz.load_network(name)
        for kind, picture in (("before", made.picture), ("after", made.values), ("flipped", made.flipped)):
            top = network.predict(picture, 1)[0]
            assert made.answers[name][kind][0] == top.name
            assert made.answers[name][kind][1] == pytest.approx(top.probability, abs=1e-6)
        assert made.answers[name]["flipped"][0] != "goose"


def test_networks_of_other_sizes_get_the_picture_resized():
    networks = [cnnviz.load_network(name) for name in NAMES]
    larger = cnnviz.Network(
        networks[0].module, input_size=96, classes=list(networks[0].classes), name="large",
        mean=networks[0].mean, std=networks[0].std,
    )  # fmt: skip
    made = cnnviz.last(cnnviz.human_example([*networks, larger], "chelsea", "goose", steps=10))
    assert made.values.shape == (3, 64, 64)
    assert made.success["large"]


def test_what_is_fine_and_far_from_the_middle_counts_for_nothing(made):
    """Behind the retina, the outer part of the change is smoother than without."""
    networks = [cnnviz.load_network(name) for name in NAMES]
    sharp = cnnviz.last(cnnviz.human_example(networks, "chelsea", "goose", epsilon=16 / 255, steps=20, widest=0))

    def roughness(one):
        change = (one.values - one.picture)[:, :16]
        return float(change.diff(dim=-1).abs().mean() / change.abs().mean())

    assert roughness(made) < 0.9 * roughness(sharp)


@pytest.mark.parametrize(("change", "sentence"), [
    (dict(networks=["small_plain", "small_wide"]), "networks must be at least three"),
    (dict(networks=["small_plain", "small_wide", "squeezenet"]), "networks must all have the same classes"),
    (dict(networks=["small_plain", "small_wide", "small_wide"]), "networks must have different names"),
    (dict(epsilon=33 / 255), "epsilon must be"),
    (dict(target="unicorn"), "class"),
    (dict(photo="coffee", target="bell pepper", networks=["small_robust", "b", "c"]), "target must be another class"),
])  # fmt: skip
def test_what_is_wrong_is_told(change, sentence):
    names = change.get("networks", NAMES)
    torch.manual_seed(0)
    other = cnnviz.Network(nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten()), input_size=64)
    robust = cnnviz.load_network("small_robust")

    def named(name):
        if name in ("b", "c"):
            return cnnviz.Network(robust.module, input_size=64, classes=list(robust.classes), name=name)
        return other if name == "squeezenet" else cnnviz.load_network(name)

    given = {"photo": "chelsea", "target": "goose"} | change | {"networks": [*map(named, names)]}
    with pytest.raises(cnnviz.UserError, match=sentence):
        cnnviz.human_example(**given)

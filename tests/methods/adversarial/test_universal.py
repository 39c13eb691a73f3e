"""A universal change against the closed form of a linear classifier, and its counts against a count by hand."""

import pytest
import torch
from torch import nn

import cnnviz_widgets as cnnviz

SIDE = 6


def linear(bias=0.0):
    """Two classes; all pictures are of the first one if its bias is large."""
    torch.manual_seed(0)
    module = nn.Sequential(nn.Flatten(), nn.Linear(3 * SIDE**2, 2)).double()
    module[1].bias.data = torch.tensor([bias, 0.0], dtype=torch.float64)
    return cnnviz.Network(module.eval(), input_size=SIDE, mean=0.5, std=0.25)


def photos(count=9):
    drawn = torch.rand(count, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    return (drawn * 255).round() / 255


def test_of_a_linear_classifier_it_is_the_sign_of_the_weights():
    network, levels = linear(bias=9.0), 20 / 255
    *_, state = cnnviz.universal(network, photos(), levels, steps=15, samples=4)
    weight = network.module[1].weight
    expected = levels * (weight[1] - weight[0]).sign().view(3, SIDE, SIDE)
    # Between black and white everywhere, so that no picture cuts the change off and loses its gradient there.
    inside = ((photos() > levels) & (photos() < 1 - levels)).all(0)
    assert inside.any()
    torch.testing.assert_close((state.values - 0.5)[inside], expected.detach()[inside], rtol=0, atol=1e-12)


def test_it_is_in_the_ball_and_in_8_bits_and_repeats():
    network = linear(bias=9.0)
    runs = [list(cnnviz.universal(network, photos(), 7.4 / 255, steps=12, samples=3, seed=5)) for _ in range(2)]
    assert [state.step for state in runs[0]] == [*range(1, 13)]
    assert {state.total for state in runs[0]} == {12}
    assert torch.equal(runs[0][-1].values, runs[1][-1].values)
    levels = (runs[0][-1].values - 0.5) * 255
    torch.testing.assert_close(levels, levels.round(), rtol=0, atol=1e-9)
    assert levels.abs().max() == pytest.approx(7)


def test_success_is_counted_as_by_hand():
    network, change = linear(), torch.full((3, SIDE, SIDE), 0.5, dtype=torch.float64)
    change[:, ::2] += 60 / 255
    found = cnnviz.universal_success(network, photos(), change)
    before = network.logits(photos()).argmax(1)
    shown = ((photos() + change - 0.5).clamp(0, 1) * 255).round() / 255
    torch.testing.assert_close(found.values.double(), shown, rtol=0, atol=1e-6)  # data sets are of float32
    after = network.logits(shown).argmax(1)
    assert found.changed == (int((after != before).sum()), 9)
    assert found.names == tuple(f"class {one}" for one in after.tolist())
    assert found.control.total == 9


def test_no_change_changes_nothing():
    found = cnnviz.universal_success(linear(), photos(), torch.full((3, SIDE, SIDE), 0.5, dtype=torch.float64))
    assert found.changed.hits == found.control.hits == 0


def test_it_fools_more_than_its_control():
    """On the photographs that it was found with: of ``mini``, that is no matter of luck."""
    network = cnnviz.load_network("mini")
    names = [one for one in cnnviz.samples() if one not in cnnviz.samples().styles][::2]
    *_, state = cnnviz.universal(network, names, steps=30)
    found = cnnviz.universal_success(network, names, state.values)
    assert found.changed.hits > 2 * found.control.hits
    assert found.before == tuple(network.predict(cnnviz.load_image(name), 1)[0].name for name in names)


def test_what_it_cannot_use_is_told():
    with pytest.raises(cnnviz.UserError, match="change must have the shape of the network's pictures, \\(3, 6, 6\\)"):
        cnnviz.universal_success(linear(), photos(), torch.rand(3, 5, 5))
    with pytest.raises(cnnviz.UserError, match="epsilon"):
        cnnviz.universal(linear(), photos(), 0.001)

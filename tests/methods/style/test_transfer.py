"""Style transfer: by hand, by a plain loop with numpy and torch.optim, and what must not change."""

import re
import warnings
from itertools import islice

import numpy as np
import pytest
import torch

import cnnviz_widgets as cnnviz
from cnnviz_widgets import keep_color, last, transfer
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.methods.texture._view import View, layer_of_content, style_layers
from cnnviz_widgets.remarks import listening

LAYERS = ["1", "3", "4"]


def run(*arguments, **options):
    return last(transfer(*arguments, **options), progress=False)


class Gram(torch.autograd.Function):
    """By numpy, with the gradient of ``FFᵀ`` worked out by hand."""

    @staticmethod
    def forward(ctx, maps):
        ctx.save_for_backward(maps)
        rows = maps.detach().numpy().reshape(len(maps), -1)
        return torch.from_numpy(np.dot(rows, rows.T) / rows.shape[1])

    @staticmethod
    def backward(ctx, slope):
        (maps,) = ctx.saved_tensors
        rows = maps.numpy().reshape(len(maps), -1)
        both = slope.numpy() + slope.numpy().T
        return torch.from_numpy(np.dot(both, rows) / rows.shape[1]).view_as(maps)


def plain_loss(network, photo, painting, alpha, beta, kept="4"):
    """Gatys et al., relative, written plainly."""

    def features(picture):
        values, found = network.normalize(picture[None]), {}
        for name, part in network.module.named_children():
            values = found[name] = part(values)
            if name == kept:
                return {key: value[0] for key, value in found.items()}

    with torch.no_grad():
        wanted, grams = features(photo)[kept], {name: Gram.apply(one) for name, one in features(painting).items()}

    def loss(picture):
        found = features(picture)
        content = ((found[kept] - wanted) ** 2).sum() / (wanted**2).sum()
        style = sum(((Gram.apply(found[one]) - grams[one]) ** 2).sum() / (grams[one] ** 2).sum() for one in LAYERS)
        return alpha * content + beta * style / len(LAYERS)

    return loss


def test_step_by_step_as_a_plain_loop(network, photo, painting):
    loss = plain_loss(network, photo, painting, 2.0, 30.0)
    states = transfer(
        network, photo, painting, 2.0, 30.0, layers=LAYERS, content_layer="4", color=0, size=None, style_size=18 / 16,
        optimizer="adam", learning_rate=0.02, steps=12,
    )  # fmt: skip
    x = photo.clone().requires_grad_()
    adam = torch.optim.Adam([x], lr=0.02)
    for state in states:
        adam.zero_grad()
        value = loss(x)
        value.backward()
        adam.step()
        with torch.no_grad():
            x.clamp_(0, 1)
        assert state.loss == pytest.approx(value.item(), rel=1e-9)
        torch.testing.assert_close(state.values, x.detach(), rtol=1e-9, atol=1e-9)


def test_no_worse_than_torchs_lbfgs(network, photo, painting):
    loss = plain_loss(network, photo, painting, 1.0, 100.0)
    options = {"layers": LAYERS, "content_layer": "4", "color": 0, "size": None, "style_size": 18 / 16}
    state = run(network, photo, painting, 1.0, 100.0, steps=100, **options)
    x = photo.clone().requires_grad_()
    evaluations, optimizer = [], torch.optim.LBFGS([x], max_iter=20, max_eval=20)

    def closure():
        optimizer.zero_grad()
        value = loss(x)
        value.backward()
        evaluations.append(value.item())
        return value

    while len(evaluations) < 100:
        optimizer.step(closure)
        with torch.no_grad():
            x.clamp_(0, 1)
    assert float(loss(state.values)) <= float(loss(x.detach())) * (1 + 1e-6)


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
def test_a_picture_in_its_own_style_stays(network, photo, optimizer):
    for style, beta in ((photo, 100.0), (photo.flip(2), 0.0)):
        for state in transfer(network, photo, style, 1.0, beta, size=None, optimizer=optimizer, steps=20):
            assert state.loss == pytest.approx(0, abs=1e-25)
            torch.testing.assert_close(state.values, photo, rtol=0, atol=1e-9)


def test_on_mini_the_picture_is_enlarged_and_stays():
    mini, photo = cnnviz.load_network("mini"), cnnviz.load_image("chelsea", size=(64, 72))
    assert View(mini, "max").factor == 2
    assert View(cnnviz.load_network("squeezenet1_0", weights=None), "max").factor == 1
    for state in transfer(mini, photo, photo, size=None, steps=3):
        assert state.loss == 0
        assert torch.equal(state.values, photo)


def test_layers_by_depth(real_squeezenet):
    assert [*style_layers(real_squeezenet, None)] == ["features.1", "features.4", "features.7", "features.9"]
    assert layer_of_content(real_squeezenet, None) == "features.5"
    mini = cnnviz.load_network("mini")
    assert [*style_layers(mini, None)] == ["relu1", "relu2", "relu3", "relu4"]
    assert layer_of_content(mini, None) == "relu3"
    assert style_layers(mini, {"relu2": 3}) == {"relu2": 3.0}


def test_several_styles_are_one_mixture(network, photo, painting):
    """Shares of the mean Gram: as a style whose Gram is the mean, whatever the sizes of the pictures."""
    other = torch.rand(3, 30, 20, dtype=torch.float64)
    options = {"layers": ["1"], "color": 0, "size": None, "optimizer": "adam", "learning_rate": 0.01, "steps": 1}
    state = run(network, photo, [painting, other], 0.0, 7.0, weights=[1, 3], style_size=20 / 16, **options)
    view, grams = View(network, "max"), []
    for picture in (painting, other):
        picture = torch.nn.functional.interpolate(
            picture[None], (round(picture.shape[1] * 20 / min(picture.shape[1:])), 20), mode="bilinear", antialias=True
        )[0]
        grams.append(cnnviz.gram(view.features(picture, ["1"])["1"]))
    wanted = (grams[0] + 3 * grams[1]) / 4
    found = cnnviz.gram(view.features(photo, ["1"])["1"])
    expected = 7 * (found - wanted).square().sum() / wanted.square().sum()
    assert state.loss == pytest.approx(expected.item(), rel=1e-6)
    alone = run(network, photo, [painting, other], weights=[0, 2], **options)
    assert alone.loss == pytest.approx(run(network, photo, other, **options).loss, rel=1e-9)


def test_masks_paint_their_part_only(network, photo, painting):
    left = torch.zeros(32, 40)
    left[:, :16] = 1
    state = run(network, photo, painting, 0.0, 10.0, masks=[left], layers=["1"], size=None, steps=1, optimizer="sgd")
    moved = (state.values - photo).abs().amax((0, 1))
    assert (moved[:8] > 0).all()
    assert not moved[10:].any()  # but for the kernel's reach
    both = run(network, photo, [painting, painting], masks=[left, 1 - left], size=None, steps=2)
    assert both.values.isfinite().all()


def test_what_is_steered_goes_on_from_the_picture(network, photo, painting):
    options = {"size": None, "optimizer": "adam", "learning_rate": 0.02}
    first = run(network, photo, painting, 1.0, 100.0, steps=5, **options)
    whole = run(network, photo, painting, 1.0, 100.0, steps=9, **options)
    same = run(network, photo, painting, 1.0, 100.0, steps=9, start=first, **options)
    assert torch.equal(same.values, whole.values)
    steered = [*transfer(network, photo, painting, 1.0, 1.0, layers={"1": 2}, steps=9, start=first, **options)]
    assert [state.step for state in steered] == [6, 7, 8, 9]
    assert (steered[0].values - first.values).abs().max() <= 0.05
    assert not torch.equal(steered[-1].values, whole.values)
    fresh = run(network, photo, painting, start=first.values.flip(2), steps=1, **options)
    torch.testing.assert_close(fresh.values, first.values.flip(2), rtol=0, atol=0.021)


def test_from_coarse_to_fine_and_on_from_anywhere(network, painting):
    photo = torch.rand(3, 128, 136, dtype=torch.float64)
    options = {"size": None, "scales": 3, "steps": 65, "snapshots": [3, 31, 65]}
    whole = [*transfer(network, photo, painting, **options)]
    assert [state.step for state in whole] == [*range(1, 66)]
    assert {state.total for state in whole} == {65}
    assert [tuple(whole[at].parameters[0].shape[2:]) for at in (0, 29, 30, 59, 60)] == [
        (32, 34), (32, 34), (64, 68), (64, 68), (128, 136),
    ]  # fmt: skip
    assert {tuple(state.values.shape) for state in whole} == {(3, 128, 136)}
    assert [*whole[-1].snapshots] == [3, 31, 65]
    for cut in (10, 30, 45, 64):
        rest = [*transfer(network, photo, painting, start=whole[cut - 1], **options)]
        assert len(rest) == 65 - cut
        assert torch.equal(rest[-1].values, whole[-1].values)
    with pytest.raises(UserError, match="start must be a state of pictures of 136×128 pixels, made in the same way"):
        transfer(network, photo, painting, start=whole[10], size=None, steps=20)


def test_colors_are_kept(network, photo, painting):
    plain = run(network, photo, painting, size=None, steps=4)
    kept = run(network, photo, painting, size=None, steps=4, keep_color=True)
    assert torch.equal(kept.values, keep_color(plain.values, photo).clamp(0, 1))


def test_keep_color_by_hand():
    result = torch.tensor([1.0, 0.0, 0.0]).view(3, 1, 1)
    content = torch.tensor([0.2, 0.5, 0.9]).view(3, 1, 1)
    more = 0.299 - (0.299 * 0.2 + 0.587 * 0.5 + 0.114 * 0.9)
    torch.testing.assert_close(keep_color(result, content), content + more)
    assert torch.equal(keep_color(content, content), content)
    batch = keep_color(torch.rand(2, 3, 4, 5), torch.rand(3, 8, 10))
    assert batch.shape == (2, 3, 4, 5)


@pytest.mark.parametrize(
    "odd",
    [
        torch.full((3, 16, 16), 0.5), torch.zeros(3, 16, 16), torch.ones(3, 16, 16), torch.rand(1, 16, 16),
        torch.rand(4, 16, 16), torch.zeros(1, 16, 16), torch.rand(1, 3, 16, 16),
    ],
    ids=["gray", "black", "white", "1-channel", "RGBA", "black 1-channel", "batch of one"],
)  # fmt: skip
@pytest.mark.parametrize("match", ["gram", "moments", "covariance"])
def test_odd_pictures(network, photo, odd, match):
    for content, style in ((odd, photo), (photo, odd), (odd, odd)):
        for optimizer in ("lbfgs", "adam"):
            state = run(network, content.double(), style.double(), match=match, size=16, steps=4, optimizer=optimizer)
            assert state.values.isfinite().all()
            assert np.isfinite(state.loss)


def test_alpha_lies_over_white(network, photo, painting):
    clear = torch.cat([painting, torch.rand(1, 24, 18, dtype=torch.float64)])
    over = clear[3:] * painting + 1 - clear[3:]
    first, second = (next(transfer(network, photo, one, size=None)) for one in (clear, over))
    assert torch.equal(first.values, second.values)


def test_pooling_of_its_own(network, photo, painting):
    average = run(network, photo, painting, size=None, steps=3, pooling="average")
    assert not torch.equal(average.values, run(network, photo, painting, size=None, steps=3).values)
    for state in islice(transfer(network, photo, photo, size=None, pooling="average", steps=3), 3):
        assert state.loss == 0


def test_memory_is_said_before_it_starts(network, photo, painting, monkeypatch):
    heard = []
    with listening(heard.append):
        transfer(network, photo, painting, size=64)
    (sentence,) = heard
    assert re.fullmatch(r"A step at 80×64 px takes about [\d.]+ (Ki|Mi)B of memory\.", sentence)
    with warnings.catch_warnings(action="error"):
        transfer(network, photo, painting, size=64)
        monkeypatch.setattr("cnnviz_widgets.methods.texture._view.MUCH", 1000)
        with pytest.raises(UserWarning, match="A step at 80×64 px takes"):
            transfer(network, photo, painting, size=64)


def test_a_size_that_does_not_fit(network, photo, painting, monkeypatch):
    monkeypatch.setattr("cnnviz_widgets.methods.texture._view.free_memory", lambda device: 4 * 2**20)
    sentence = r"size must be at most (\d+) here: steps at 320×256 px through Sequential take about .* MiB are free"
    with pytest.raises(UserError, match=sentence) as refused:
        transfer(network, photo, painting, size=256)
    fits = int(re.search(sentence, str(refused.value))[1])
    transfer(network, photo, painting, size=fits)
    with pytest.raises(UserError, match=f"size must be at most {fits} here"):
        transfer(network, photo, painting, size=fits + 16)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"weights": [1, 2]}, "weights must be a number of at least 0 for each of 1 styles"),
        ({"weights": [0]}, "weights must be a number of at least 0"),
        ({"masks": []}, "masks must be one for each of 1 styles, not 0"),
        ({"masks": [torch.zeros(4, 4)]}, "masks must be tensors"),
        ({"layers": []}, "layers must name at least one layer"),
        ({"layers": {"1": -1}}, "layers must give each layer a weight of at least 0"),
        ({"layers": ["9"]}, "has no layer '9'"),
        ({"content_layer": "9"}, "has no layer '9'"),
    ],
)
def test_bad_input(network, photo, painting, options, sentence):
    with pytest.raises(UserError, match=sentence):
        transfer(network, photo, painting, **options)
    with pytest.raises(UserError, match="style must be at least one picture"):
        transfer(network, photo, [])

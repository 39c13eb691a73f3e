"""One step by hand; octaves, guide, seams, and films that open again."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from cnnviz_widgets.engine.states import last
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.methods.features.dream import balanced, dream, dream_zoom
from cnnviz_widgets.networks import Network


@pytest.fixture
def small() -> Network:
    module = nn.Sequential(
        nn.Conv2d(3, 8, 5, 2, padding=2), nn.ReLU(), nn.Conv2d(8, 6, 3, padding=1), nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
    )  # fmt: skip
    return Network(module.double(), input_size=(20, 24), mean=0.5, std=0.25)


@pytest.fixture
def photo() -> torch.Tensor:
    return 0.2 + 0.6 * torch.rand(3, 70, 96, dtype=torch.float64)


def test_one_step_by_hand(small, photo):
    """The gradient of ½‖a‖² is the activation itself; a step changes values by 1.5 / 255 in the mean."""
    state = next(dream(small, photo, "2", octaves=1, jitter=0))
    x = small.normalize(photo[None]).requires_grad_()
    maps = small.module[:3](x)
    (gradient,) = torch.autograd.grad(maps, x, maps.detach())
    expected = (photo + 1.5 / 255 * gradient[0] / gradient.abs().mean()).clamp(0, 1)
    torch.testing.assert_close(state.values, expected, rtol=1e-9, atol=1e-9)


def test_octaves_by_hand(small, photo):
    def resize(picture, size):
        return nn.functional.interpolate(picture, size, mode="bilinear", antialias=True)

    def steps(picture, number):
        for _ in range(number):
            x = small.normalize(picture).requires_grad_()
            maps = small.module[:3](x)
            (gradient,) = torch.autograd.grad(maps, x, maps.detach())
            picture = (picture + 0.01 * gradient / gradient.abs().mean()).clamp(0, 1)
        return picture

    whole = resize(photo[None], (140, 192))
    plain = resize(whole, (70, 96))
    detail = steps(plain, 3) - plain
    expected = steps((whole + resize(detail, (140, 192))).clamp(0, 1), 3)
    states = list(
        dream(small, whole[0], "2", octaves=3, octave_scale=2, steps=3, step_size=0.01, jitter=0)  # 35×48 is too small
    )
    assert [(state.step, state.total) for state in states] == [(step, 6) for step in range(1, 7)]
    assert all(state.values.shape == (3, 140, 192) for state in states)
    torch.testing.assert_close(states[-1].values, expected[0], rtol=1e-8, atol=1e-8)
    torch.testing.assert_close(states[2].values, (whole + resize(detail, (140, 192)))[0].clamp(0, 1))


@pytest.mark.parametrize("step", [1, 2, 3, 4, 5])
def test_a_dream_goes_on_exactly(small, photo, step):
    """From every step: within an octave, and where one ends."""
    how, photo = {"octaves": 2, "steps": 3, "jitter": 8}, torch.cat([photo, 1 - photo], 1)
    whole = list(dream(small, photo, "2", **how))
    rest = list(dream(small, photo, "2", **how, start=whole[step - 1]))
    assert [state.step for state in rest] == list(range(step + 1, 7))
    for one, other in zip(rest, whole[step:], strict=True):
        assert torch.equal(one.values, other.values)
    # other layers hold from the next step on
    steered = next(dream(small, photo, "0", **how, start=whole[step - 1]))
    assert steered.of == 'layer("0")'
    assert (steered.values - whole[step - 1].values).abs().mean() < 0.02
    assert not torch.equal(steered.values, rest[0].values)


def test_only_states_of_the_same_dream_go_on(small, photo):
    photo = torch.cat([photo, 1 - photo], 1)
    whole = list(dream(small, photo, "2", octaves=2, steps=3))
    for other in ({"octaves": 1, "steps": 3}, {"octaves": 2, "steps": 2}, {"octaves": 3, "steps": 2}):
        with pytest.raises(UserError, match="start must be a state of a dream of the same image, octaves"):
            dream(small, photo, "2", **other, start=whole[0])
    with pytest.raises(UserError, match="start must be a state of a dream of the same image"):
        dream(small, photo[:, :69], "2", octaves=2, steps=3, start=whole[4])
    with pytest.raises(UserError, match="start must be a state before the last step"):
        dream(small, photo, "2", octaves=2, steps=3, start=whole[-1])
    with pytest.raises(UserError, match="start must be left out"):
        dream_zoom(small, photo, "film.gif", start=whole[0])


def test_weights_of_layers(small, photo):
    def made(layers):
        return last(dream(small, photo, layers, octaves=1, steps=2), progress=False)

    assert torch.equal(made("2").values, made(["2"]).values)
    torch.testing.assert_close(made("2").values, made({"2": 1.0, "0": 0.0}).values, rtol=0, atol=1e-12)
    assert torch.equal(made(["2", "0"]).values, made({"2": 1.0, "0": 1.0}).values)
    assert not torch.allclose(made({"2": 1.0, "0": 5.0}).values, made("2").values)
    assert set(made(["2", "0"]).terms) == {'layer("2")', 'layer("0")'}


def test_the_layer_is_excited_more(small, photo):
    state = last(dream(small, photo, octaves=2), progress=False)
    layer = small.default_layer.name
    before, after = (small.activations(one, layer)[layer].square().mean() for one in (photo, state.values))
    assert after > 1.2 * before


def test_a_guide_is_what_it_dreams_of(small, photo):
    guide = torch.zeros(3, 20, 24, dtype=torch.float64)
    guide[0] = 1
    features = small.activations(guide, "2")["2"].flatten(1)

    def fit(picture):
        return float((small.activations(picture, "2")["2"].flatten(1).T @ features).amax(1).mean())

    guided = last(dream(small, photo, "2", guide=guide, octaves=1), progress=False)
    alone = last(dream(small, photo, "2", octaves=1), progress=False)
    assert guided.of == 'matching("2", 6×10×12)'
    assert fit(guided.values) > fit(alone.values)


def test_seeds_and_batches(small, photo):
    first, again, other = (last(dream(small, photo, "2", seed=seed), progress=False).values for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert last(dream(small, torch.stack([photo, photo]), "2"), progress=False).values.shape == (2, 3, 70, 96)


@pytest.mark.parametrize("size", [(160, 224), (157, 211)])
def test_no_seams(small, size):
    """From noise, no column or row stands out by the difference to its neighbor."""
    noise = 0.4 + 0.2 * torch.rand(3, *size, dtype=torch.float64)
    made = last(dream(small, noise, "2", steps=6), progress=False).values
    for axis in (1, 2):
        jumps = made.diff(dim=axis).square().mean([one for one in (0, 1, 2) if one != axis]).sqrt()[2:-2]
        assert jumps.max() < 1.25 * jumps.median()


def test_opposite_sides_do_not_meet():
    """Of a picture that is dark on the left and bright on the right, no edge is dreamed at the border."""
    module = nn.Sequential(nn.Conv2d(3, 1, (1, 3), bias=False), nn.AdaptiveAvgPool2d(1), nn.Flatten()).double()
    with torch.no_grad():
        module[0].weight.copy_(torch.tensor([-1.0, 0.0, 1.0]).expand(1, 3, 1, 3))
    ramp = torch.linspace(0.2, 0.8, 96, dtype=torch.float64) + 0.02 * torch.randn(3, 70, 96, dtype=torch.float64)
    made = last(dream(Network(module), ramp, "0", octaves=1, step_size=1e-4), progress=False).values
    change = (made - ramp).abs().mean((0, 1))
    assert torch.cat([change[:4], change[-4:]]).max() < 2 * change.median()


def test_gray_networks(photo, tmp_path):
    """The luminance is dreamed of; films are made of it, too."""
    module = nn.Sequential(nn.Conv2d(1, 4, 5, padding=2), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    network = Network(module.double(), input_size=20)
    luminance = (photo * torch.tensor([0.299, 0.587, 0.114])[:, None, None]).sum(0, keepdim=True)
    colored, gray = (last(dream(network, one, "0", steps=2), progress=False).values for one in (photo, luminance))
    assert gray.shape == (1, 70, 96)
    torch.testing.assert_close(colored, gray)
    last(dream_zoom(network, photo, tmp_path / "film.gif", "0", frames=2, steps=1), progress=False)
    with Image.open(tmp_path / "film.gif") as film:
        assert film.n_frames == 2


@pytest.mark.parametrize("suffix", [".gif", ".png", ""])
def test_a_film_opens_again(small, photo, tmp_path, suffix):
    path = tmp_path / f"film{suffix}"
    states = list(dream_zoom(small, photo, path, "2", frames=4, zoom=1.1, degrees=3, steps=2, octaves=1))
    assert [(state.step, state.total) for state in states] == [(step, 8) for step in range(1, 9)]
    if suffix:
        with Image.open(path) as film:
            assert film.n_frames == 4
            assert film.size == (96, 70)
            assert film.info["duration"] == pytest.approx(67, abs=10)  # GIF counts in 1/100 s
    else:
        files = sorted(path.iterdir())
        assert [one.name for one in files] == ["0000.png", "0001.png", "0002.png", "0003.png"]
        last_one = np.asarray(Image.open(files[3]), float) / 255
        np.testing.assert_allclose(last_one, states[-1].values.permute(1, 2, 0), atol=0.51 / 255)


def test_a_film_needs_no_file(small, photo, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    how = {"frames": 2, "steps": 1, "octaves": 1}
    written, states = (list(dream_zoom(small, photo, path, "2", **how)) for path in ("film.png", None))
    assert [one.name for one in tmp_path.iterdir()] == ["film.png"]
    for one, other in zip(written, states, strict=True):
        torch.testing.assert_close(one.values, other.values, rtol=0, atol=0)


def test_weights_count_for_the_strength_of_their_layers(small, photo):
    found = balanced(small, photo, {"0": 1.0, "2": 0.5})
    values = small.activations(photo, ["0", "2"])
    for name, weight in {"0": 1.0, "2": 0.5}.items():
        assert found[name] == pytest.approx(weight / float((values[name] ** 2).mean()), rel=5e-3)


def test_a_film_that_is_stopped_is_there_as_far_as_it_goes(small, photo, tmp_path):
    """Also within a frame, which is left out."""
    states = dream_zoom(small, photo, tmp_path / "film.gif", "2", frames=9, steps=3, octaves=1)
    for _ in range(8):
        next(states)
    states.close()
    with Image.open(tmp_path / "film.gif") as film:
        assert film.n_frames == 2


def test_each_frame_looks_nearer(small, tmp_path):
    """Without dreaming, a frame is the middle of the one before, enlarged."""
    ramp = (torch.linspace(0.3, 0.6, 80, dtype=torch.float64)[:, None] + torch.zeros(80, 100)).expand(3, -1, -1)
    first, second = dream_zoom(
        small, ramp, tmp_path / "film.gif", "2", frames=2, zoom=1.25, steps=1, step_size=0.0, octaves=1
    )
    torch.testing.assert_close(first.values, ramp)
    slope = float((second.values[0, 60, 50] - second.values[0, 20, 50]) / (ramp[0, 60, 50] - ramp[0, 20, 50]))
    assert slope == pytest.approx(1 / 1.25, rel=1e-6)
    assert float(second.values[0, 39:41].mean()) == pytest.approx(0.45, abs=1e-6)


def test_mp4_says_what_it_needs(small, photo, tmp_path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    with pytest.raises(UserError, match=r"pip install imageio\[ffmpeg\]"):
        dream_zoom(small, photo, tmp_path / "film.mp4")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda n, x: dream(n, x, "22"), "no layer '22'"),
        (lambda n, x: dream(n, x, ["2", "22"]), "no layer '22'"),
        (lambda n, x: dream(n, x, {"22": 1.0}), "no layer '22'"),
        (lambda n, x: dream(n, x, []), "layers must name at least one layer"),
        (lambda n, x: dream(n, x, octaves=0), "octaves must be a whole number at least 1, not 0"),
        (lambda n, x: dream(n, x, octave_scale=1.0), "octave_scale must be above 1, not 1.0"),
        (lambda n, x: dream(n, x, steps=0), "steps must be"),
        (lambda n, x: dream(n, x[:2]), "image must have 3 channels, not 2"),
        (lambda n, x: dream_zoom(n, x, "film.avi"), "path must end in .gif, .png or .mp4, or be a folder"),
        (lambda n, x: dream_zoom(n, x, ""), "path must end in .gif, .png or .mp4, or be a folder"),
        (lambda n, x: dream_zoom(n, x[None], "film.gif"), "image must be one picture"),
        (lambda n, x: dream_zoom(n, x, "film.gif", frames=0), "frames must be"),
    ],
)
def test_bad_input_is_one_sentence(small, photo, call, message):
    with pytest.raises(UserError, match=message) as error:
        call(small, photo)
    assert "\n" not in str(error.value)

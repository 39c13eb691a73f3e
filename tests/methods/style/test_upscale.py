"""Enlarged pictures: bicubic interpolation where nothing is learned, and numbers as scikit-image has them."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from skimage.color import rgb2ycbcr
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

import cnnviz_widgets as cnnviz
from cnnviz_widgets.engine.picture_networks import Upscaler
from cnnviz_widgets.engine.training import initialized
from cnnviz_widgets.methods.style.upscale import shrunk


def photo(side=96):
    return cnnviz.load_image("chelsea", size=(side, side + 4))


def trained(steps=2, **options):
    pictures = [cnnviz.load_image(name, size=64) for name in ("chelsea", "coffee", "astronaut")]
    *_, state = cnnviz.train_upscaler(pictures, steps=steps, **{"size": 32, "batch": 4} | options)
    return state


def test_it_begins_as_bicubic_interpolation():
    network = initialized(lambda: Upscaler(3), 0).double()
    small = torch.rand(2, 3, 9, 12, dtype=torch.float64)
    expected = F.interpolate(small, (27, 36), mode="bicubic", align_corners=False)
    torch.testing.assert_close(network(small), expected, rtol=0, atol=1e-12)


def test_the_table_is_that_of_scikit_image(tmp_path):
    state = trained()
    table = cnnviz.upscale_table([photo(), cnnviz.load_image("coffee", size=(97, 130))], state)
    assert table.of == ("bicubic", "network")
    for number, picture in enumerate((photo(), cnnviz.load_image("coffee", size=(97, 130))[:, :96, :128])):
        small = shrunk(picture[None], 4)
        by_method = (
            F.interpolate(small, scale_factor=4.0, mode="bicubic").clamp(0, 1)[0],
            state.network(small).clamp(0, 1)[0],
        )
        for method, made in enumerate(by_method):
            pair = [rgb2ycbcr(np.moveaxis(x.double().numpy(), 0, 2))[4:-4, 4:-4, 0] for x in (picture, made)]
            expected = [
                peak_signal_noise_ratio(*pair, data_range=255),
                structural_similarity(
                    *pair, data_range=255, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
                ),
            ]
            assert table.values[method, number].tolist() == pytest.approx(expected, rel=1e-6)
    assert table.psnr["network"] == pytest.approx(float(table.values[1, :, 0].mean()))


def test_training_makes_it_better_than_bicubic():
    table = cnnviz.upscale_table(["chelsea"], trained(60, batch=8))
    assert table.psnr["network"] > table.psnr["bicubic"]


def test_the_bundled_one_is_a_decibel_better_than_bicubic(real_pictures):
    """On pictures that it has not been trained on: of every ten, the last."""
    table = cnnviz.upscale_table(list(real_pictures.values())[9::10])
    assert table.psnr["network"] > table.psnr["bicubic"] + 1
    assert table.ssim["network"] > table.ssim["bicubic"]


def test_a_self_ensemble_turns_with_the_picture_and_is_nearer(real_pictures):
    small = torch.rand(3, 9, 12, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    upright = cnnviz.upscale(small, self_ensemble=True).values
    for quarters, flipped in [(1, []), (2, [-1]), (3, [])]:
        turned = cnnviz.upscale(small.rot90(quarters, (1, 2)).flip(flipped), self_ensemble=True).values
        torch.testing.assert_close(turned, upright.rot90(quarters, (1, 2)).flip(flipped), rtol=0, atol=1e-5)
        once = cnnviz.upscale(small.rot90(quarters, (1, 2)).flip(flipped)).values
        assert (once - cnnviz.upscale(small).values.rot90(quarters, (1, 2)).flip(flipped)).abs().max() > 1e-3
    table = cnnviz.upscale_table(list(real_pictures.values())[9::10], self_ensemble=True)
    assert table.psnr["network"] > table.psnr["bicubic"] + 1.2


def test_the_perceptual_loss_counts_features_too():
    network = cnnviz.load_network("mini")
    assert set(trained(1).losses) == {"pixel"}
    assert set(trained(1, loss="perceptual", network=network).losses) == {"features", "pixel"}


def test_resumed_is_uninterrupted(tmp_path):
    pictures = [photo()]
    options = {"steps": 4, "size": 32, "batch": 2}
    whole = list(cnnviz.train_upscaler(pictures, **options))
    whole[1].save(tmp_path / "state")
    *_, last = cnnviz.train_upscaler(pictures, **options, start=tmp_path / "state")
    assert all(torch.equal(one, whole[-1].weights[name]) for name, one in last.weights.items())


def test_saved_and_used(tmp_path):
    state = trained()
    cnnviz.save_upscaler(state, tmp_path / "mine.safetensors")
    assert (tmp_path / "mine.safetensors").stat().st_size < 300_000
    small = torch.rand(1, 20, 31)
    made = cnnviz.upscale(small, tmp_path / "mine.safetensors")
    assert made.values.shape == (3, 80, 124)
    torch.testing.assert_close(made.values, cnnviz.upscale(small, state).values, rtol=0, atol=5e-3)


def test_what_it_cannot_do_is_told():
    with pytest.raises(cnnviz.UserError, match="size must be a multiple of factor, which is 4, not 33"):
        trained(size=33)
    with pytest.raises(cnnviz.UserError, match="network must be given"):
        trained(loss="perceptual")
    with pytest.raises(cnnviz.UserError, match="image must have at most"):
        cnnviz.upscale(torch.rand(3, 1200, 1200), trained())
    with pytest.raises(cnnviz.UserError, match="pictures must be larger"):
        cnnviz.upscale_table([torch.rand(3, 20, 20)], trained())
    with pytest.raises(cnnviz.UserError, match="upscaler must be None"):
        cnnviz.upscale(photo(), 3)

"""Decoders: what they invert, and what they are as a prior."""

import pytest
import torch
from torch import nn

import cnnviz_widgets as cnnviz
from cnnviz_widgets.engine.feature_decoder import FeatureDecoder
from cnnviz_widgets.engine.optimize import objectives, optimize
from cnnviz_widgets.engine.schedules import faded
from cnnviz_widgets.methods.features.invert import CODES, psnr
from cnnviz_widgets.methods.generation.load_decoder import Decoder

SIDE = 16


class Same(FeatureDecoder):
    """Invertible: the features are the picture."""

    def forward(self, features):
        return features


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    module = nn.Sequential(nn.Identity(), nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 14**2, 3))
    return cnnviz.Network(module, input_size=SIDE, mean=(0, 0, 0), std=(1, 1, 1), name="tiny")


@pytest.fixture(scope="module")
def photo():
    return 0.3 + 0.4 * torch.rand(3, SIDE, SIDE, generator=torch.Generator().manual_seed(1))


def same(network):
    return Decoder(Same((3, SIDE, SIDE), (SIDE, SIDE), "0", network.fingerprint).eval())


def test_an_invertible_decoder_gives_what_pixels_give(network, photo):
    """Of the first layer's features, which are the picture, as the first code is: it changes by the prior alone."""
    how = {"steps": 8, "smoothness": 20.0, "learning_rate": 0.01}
    found = cnnviz.last(cnnviz.invert(network, photo, "0", prior=same(network), **how)).values
    aim = objectives.target_features("0", photo) - 20.0 / SIDE**2 * objectives.total_variation(2.0)
    pixels = cnnviz.parametrizations.pixels(SIDE, start=photo)
    rate = CODES * 0.01
    wanted = cnnviz.last(
        optimize(network, aim, pixels, steps=8, learning_rate=lambda step: rate * faded(step / 8, 0.02))
    )
    torch.testing.assert_close(found, wanted.values, atol=1e-6, rtol=0)
    assert not torch.equal(found, photo)


def test_a_decoder_learns_to_invert_an_invertible_layer(network):
    """Of colors that it was never shown, all but a small part of their variance, 1/12."""
    colors = torch.rand(400, 3, 1, 1, generator=torch.Generator().manual_seed(0))
    learned, others = colors.expand(-1, -1, SIDE, SIDE).split(200)
    *_, state = cnnviz.train_decoder(network, "0", [*learned], steps=100, batch=16)
    made = cnnviz.load_decoder(state)(others).values
    assert (made - others).square().mean() < 0.08 / 12


def test_decoders_are_saved_and_resumed(network, photo, tmp_path):
    pictures = [photo, photo.flip(-1)]
    *_, whole = cnnviz.train_decoder(network, "2", pictures, steps=4, batch=2)
    half = next(one for one in cnnviz.train_decoder(network, "2", pictures, steps=4, batch=2) if one.step == 2)
    half.save(tmp_path / "half")
    *_, resumed = cnnviz.train_decoder(network, "2", pictures, steps=4, batch=2, start=tmp_path / "half")
    for name, one in whole.weights.items():
        assert torch.equal(one, resumed.weights[name]), name
    cnnviz.save_decoder(whole, tmp_path / "whole")
    features = network.activations(photo, "2")["2"]
    again = cnnviz.load_decoder(tmp_path / "whole")
    assert again.layer == "2"
    torch.testing.assert_close(again(features).values, cnnviz.load_decoder(whole)(features).values, atol=5e-3, rtol=0)


@pytest.mark.parametrize("layer", cnnviz.decoders())
def test_from_the_decoder_on_inversion_is_nearer_than_from_noise(layer):
    """At a similar feature error, in as many steps; on pictures that no decoder was trained on."""
    mini, decoder = cnnviz.load_network("mini"), cnnviz.load_decoder(layer)
    near, errors = {"noise": 0.0, "decoder": 0.0}, {"noise": 0.0, "decoder": 0.0}
    for name in ("chelsea", "teapot"):
        photo = mini.prepare(cnnviz.load_image(name))[0]
        features = mini.activations(photo, layer)[layer]
        begun = {"start": decoder(features).values, "learning_rate": 0.03}
        for way, how in {"noise": {}, "decoder": begun}.items():
            made = cnnviz.last(cnnviz.invert(mini, photo, layer, steps=64, **how), progress=False).values
            near[way] += psnr(made, photo) / 2
            found = mini.activations(made, layer)[layer]
            errors[way] += float((found - features).square().sum() / features.square().sum()) / 2
    assert near["decoder"] > near["noise"]
    assert errors["decoder"] < 1.5 * errors["noise"] + 0.02


def test_a_decoder_is_a_prior_of_feature_visualization():
    mini, decoder = cnnviz.load_network("mini"), cnnviz.load_decoder("relu3")
    states = list(cnnviz.visualize(mini, "relu5", [3, 4], prior=decoder, steps=3, family="none"))
    assert states[-1].values.shape == (2, 3, 128, 128)
    assert states[-1].loss < states[0].loss
    gray = mini.activations(torch.full((3, 128, 128), 0.5), "relu3")["relu3"]
    torch.testing.assert_close(states[-1].form.start[0], gray.expand(2, -1, -1, -1))


def test_bad_input_gets_one_sentence(network, photo):
    mini, decoder = cnnviz.load_network("mini"), cnnviz.load_decoder("relu3")
    with pytest.raises(cnnviz.UserError, match="prior must be a decoder of layer 'relu5', not of 'relu3'"):
        cnnviz.invert(mini, photo, "relu5", prior=decoder)
    with pytest.raises(cnnviz.UserError, match="prior must be a decoder of tiny, not of another network"):
        cnnviz.invert(network, photo, prior=decoder)
    with pytest.raises(cnnviz.UserError, match="prior must be a decoder, as load_decoder returns it"):
        cnnviz.visualize(mini, "relu5", 0, prior=3)
    with pytest.raises(cnnviz.UserError, match="neither a file nor a layer of mini"):
        cnnviz.load_decoder("relu99")
    with pytest.raises(cnnviz.UserError, match="features must be"):
        decoder(photo)
    with pytest.raises(cnnviz.UserError, match="layer must have maps"):
        cnnviz.train_decoder(network, "4", [photo])

"""What the pictures of ``docs/made-pictures.md`` are said to be, on the real SqueezeNet, in small."""

import numpy as np
import pytest
import torch
from benchmarks.made_pictures import activity, by_activity, spectrum

from cnnviz_widgets.drawing.spectrum import fine_share
from cnnviz_widgets.engine.states import last
from cnnviz_widgets.methods.features.dream import dream
from cnnviz_widgets.methods.features.visualize import FAMILIES, visualize
from cnnviz_widgets.pictures import load_image


def test_spectrum_by_numpy():
    """A wave of 12 periods on 48 pixels lies in one ring; of noise, every ring holds its mean."""
    wave = torch.cos(2 * torch.pi * 12 * torch.arange(48) / 48).expand(1, 3, 40, 48)
    frequencies, energy = spectrum(wave)
    assert frequencies == pytest.approx([one / 40 for one in range(1, 21)])
    assert int(np.argmax(energy)) == 9  # 10 / 40 = 12 / 48
    assert sum(energy[:9] + energy[10:]) < 1e-6 * energy[9]
    noise = torch.randn(2, 3, 33, 50)
    power = (np.abs(np.fft.fft2(noise.double().numpy())) ** 2).sum(1).mean(0)
    radius = np.hypot(np.fft.fftfreq(33)[:, None], np.fft.fftfreq(50)) * 33
    for ring, found in enumerate(spectrum(noise)[1], 1):
        assert found == pytest.approx(power[np.rint(radius) == ring].mean(), rel=1e-4)


def test_by_activity_by_hand():
    seen = torch.tensor([[3.0, 0.0], [1.0, 2.0]])
    change = torch.tensor([[9.0, 7.0, 1.0, 3.0]] * 2 + [[5.0, 5.0, 5.0, 5.0]] * 2)
    assert by_activity(seen, change) == (2.0, 8.0)


def test_regularized_features_have_few_high_frequencies(real_squeezenet):
    """To move about is not enough for that, but it helps."""

    def share(family):
        states = visualize(real_squeezenet, "features.7", [5, 200], family=family, size=64, steps=32)
        return np.mean([fine_share(one) for one in last(states, progress=False).values])

    shares = {family: share(family) for family in FAMILIES}
    assert shares["robustness"] < shares["none"]
    assert max(shares[family] for family in ("frequency", "both", "preconditioned")) < 0.35 * shares["none"]


def test_a_dream_changes_what_the_layer_sees(real_squeezenet):
    photo = load_image("chelsea", size=128)
    dreamed = last(dream(real_squeezenet, photo, "features.8", octaves=2), progress=False).values
    seen = activity(real_squeezenet, "features.8", photo)
    least, most = by_activity(seen, (dreamed - photo).abs().mean(0))
    assert most > 1.5 * least


def test_a_dream_leaves_what_is_flat(real_squeezenet):
    """The right half of the picture is all of one color."""
    photo = load_image("chelsea", size=128).clone()
    photo[:, :, 96:] = 0.5
    dreamed = last(dream(real_squeezenet, photo, "features.4", octaves=2), progress=False).values
    change = (dreamed - photo).abs().mean((0, 1))
    assert change[:96].mean() > 1.5 * change[112:].mean()


@pytest.mark.parametrize("size", [(128, 160), (117, 149)])
def test_a_dream_has_no_seams(real_squeezenet, size):
    """In noise, wherever the network's grid lies, and also where the picture ends."""
    noise = 0.4 + 0.2 * torch.rand(3, *size)
    change = last(dream(real_squeezenet, noise, "features.5", octaves=1), progress=False).values - noise
    for axis in (1, 2):
        jumps = change.diff(dim=axis).square().mean([one for one in (0, 1, 2) if one != axis])
        jumps = jumps / jumps[8:-8].mean()
        phases = torch.stack([jumps[8:-8][phase::8].mean() for phase in range(8)])
        assert (phases - 1).abs().max() < 0.15
        assert 0.5 < jumps[:4].mean() < 1.6
        assert 0.5 < jumps[-4:].mean() < 1.6

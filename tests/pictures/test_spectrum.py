"""How much of a picture is fine."""

import pytest
import torch

from cnnviz_widgets.drawing.spectrum import fine_share


def test_fine_share_of_waves():
    x = torch.arange(64.0)
    for cycles, share in ((4, 0), (15, 0), (17, 1), (32, 1)):
        wave = torch.cos(2 * torch.pi * cycles * x / 64).repeat(3, 64, 1)
        assert fine_share(wave) == pytest.approx(share, abs=1e-6)
        assert fine_share(wave.mT) == pytest.approx(share, abs=1e-6)
    both = torch.cos(2 * torch.pi * 4 * x / 64) + torch.cos(2 * torch.pi * 20 * x / 64)
    assert fine_share(both.repeat(3, 64, 1)) == pytest.approx(0.5, abs=1e-6)

"""What is fine and what is coarse in a picture."""

import torch
from torch import Tensor


def fine_share(picture: Tensor) -> float:
    """Of what varies in a picture (C, H, W), the share above ¼ cycle per pixel, half of the finest that there is."""
    energy = torch.fft.rfft2(picture).abs().square().sum(0)
    energy[0, 0] = 0
    down, across = torch.fft.fftfreq(picture.shape[-2])[:, None], torch.fft.rfftfreq(picture.shape[-1])
    twice = torch.where((across > 0) & (across < 0.5), 2, 1)  # the other half of the spectrum is the same
    energy = energy * twice
    return float(energy[torch.hypot(down, across) > 0.25].sum() / energy.sum().clamp(min=1e-12))

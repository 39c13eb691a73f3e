"""The two networks of AdvGAN: one makes changes of pictures, one tells changed pictures from others."""

import torch.nn.functional as F
from torch import Tensor, nn

TINY = 1e-8


class AdvGAN(nn.Module):
    """A generator and its discriminator, which are trained in turn (Xiao et al., 2018)."""

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.generator, self.discriminator = Generator(width), Discriminator(width)


class Generator(nn.Module):
    """From pictures (B, 3, H, W), values 0…1, to their changes, as large, values −1…1 of what is allowed.

    Before the tanh each picture's change is divided by its root mean square. Without it, the tanh is at its two ends
    after some 30 steps: no gradient passes it any more, and every picture gets the same change for good.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.reduce = nn.Sequential(*_convolution(3, width, 5), *_convolution(width, 2 * width, 3))
        self.blocks = nn.Sequential(_Block(2 * width), _Block(2 * width))
        self.enlarge = nn.Sequential(
            nn.Conv2d(2 * width, 4 * width, 3, padding=1), nn.ReLU(), nn.PixelShuffle(2),
            nn.Conv2d(width, 12, 3, padding=1), nn.PixelShuffle(2),
        )  # fmt: skip

    def forward(self, pictures: Tensor) -> Tensor:
        height, width = pictures.shape[-2:]
        whole = F.pad(pictures - 0.5, (0, -width % 4, 0, -height % 4), "replicate")
        change = self.enlarge(self.blocks(self.reduce(whole)))[..., :height, :width]
        return (change / change.square().mean((1, 2, 3), keepdim=True).add(TINY).sqrt()).tanh()


class Discriminator(nn.Module):
    """From pictures (B, 3, H, W), values 0…1, to numbers (B,): 1 for pictures as they are, 0 for changed ones."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.parts = nn.Sequential(
            *_convolution(3, width, 5), *_convolution(width, 2 * width, 3), nn.Conv2d(2 * width, 1, 3, padding=1)
        )

    def forward(self, pictures: Tensor) -> Tensor:
        return self.parts(pictures - 0.5).mean((1, 2, 3))


class _Block(nn.Module):
    """A residual block (He et al., 2016)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.change = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1), nn.ReLU(), nn.Conv2d(width, width, 3, padding=1)
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.change(x)


def _convolution(inputs: int, outputs: int, kernel: int) -> list[nn.Module]:
    """A convolution of stride 2, and a ReLU."""
    return [nn.Conv2d(inputs, outputs, kernel, 2, kernel // 2), nn.ReLU()]

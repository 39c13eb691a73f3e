"""The two networks of AdvGAN: one makes changes of pictures, one tells changed pictures from others."""

from torch import Tensor, nn

from cnnviz_widgets.engine.picture_networks import StyleNetwork

TINY = 1e-8


class AdvGAN(nn.Module):
    """A generator and its discriminator, which are trained in turn (Xiao et al., 2018)."""

    def __init__(self) -> None:
        super().__init__()
        self.generator, self.discriminator = Generator(), Discriminator()


class Generator(nn.Module):
    """From pictures (B, 3, H, W), values 0…1, to their changes, as large, values −1…1 of what is allowed.

    In training they are the tanh of what the network makes, divided by its root mean square in each picture. Without
    that, the tanh is at its two ends after some 30 steps: no gradient passes it any more, and every picture gets the
    same change for good. In use they are its sign, as in FGSM: the largest change that is allowed.
    """

    def __init__(self) -> None:
        super().__init__()
        self.painter = StyleNetwork(widths=(8, 16, 32), blocks=2)

    def forward(self, pictures: Tensor) -> Tensor:
        change = self.painter.change(pictures)
        if not self.training:
            return change.sign()
        return (change / change.square().mean((1, 2, 3), keepdim=True).add(TINY).sqrt()).tanh()


class Discriminator(nn.Sequential):
    """From pictures (B, 3, H, W), values 0…1, to numbers (B,): 1 for pictures as they are, 0 for changed ones."""

    def __init__(self) -> None:
        super().__init__(
            nn.Conv2d(3, 16, 5, 2, padding=2), nn.ReLU(),
            nn.Conv2d(16, 32, 3, 2, padding=1), nn.ReLU(),
            nn.Conv2d(32, 1, 3, padding=1),
        )  # fmt: skip

    def forward(self, pictures: Tensor) -> Tensor:
        return super().forward(pictures - 0.5).mean((1, 2, 3))

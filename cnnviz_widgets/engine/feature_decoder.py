"""A network that turns another one round: from the features of a layer back to the picture."""

import math
from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor, nn

from cnnviz_widgets.engine.picture_networks import PictureNetwork

WIDTHS = (64, 48, 32, 16, 8)  # channels, from the first maps on, after every enlargement


class FeatureDecoder(PictureNetwork):
    """From the features of a layer, (B, C, h, w), to pictures (B, 3, H, W), 0…1 (Dosovitskiy & Brox, 2016).

    shape        of the features, (C, h, w);   size  of the pictures, (H, W)
    layer        its name;   fingerprint  of the network that it is a layer of
    Maps are enlarged by nearest neighbor, then a convolution, until twice more would be too large.
    """

    def __init__(
        self, shape: tuple[int, int, int], size: tuple[int, int], layer: str = "", fingerprint: str = ""
    ) -> None:
        super().__init__()
        self.layout = {"shape": tuple(shape), "size": tuple(size), "layer": layer, "fingerprint": fingerprint}
        channels, *sides = shape
        self.size, self.layer, self.fingerprint = tuple(size), layer, fingerprint
        doublings = max(0, int(math.log2(min(wide / side for wide, side in zip(size, sides, strict=True)))))
        widths = [*WIDTHS, *WIDTHS[-1:] * doublings][: doublings + 1]
        steps: list[nn.Module] = [
            nn.BatchNorm2d(channels, affine=False),  # layers differ in the size of their features
            nn.Conv2d(channels, widths[0], 1), nn.LeakyReLU(0.2),
            nn.Conv2d(widths[0], widths[0], 3, padding=1), nn.LeakyReLU(0.2),
        ]  # fmt: skip
        for inputs, outputs in pairwise(widths):
            steps += [nn.Upsample(scale_factor=2), nn.Conv2d(inputs, outputs, 3, padding=1), nn.LeakyReLU(0.2)]
        self.steps = nn.Sequential(*steps, nn.Conv2d(widths[-1], 3, 3, padding=1), nn.Sigmoid())
        for one in self.steps:
            if isinstance(one, nn.Conv2d):
                nn.init.kaiming_normal_(one.weight, 0.2)  # He et al., 2015
                nn.init.zeros_(one.bias)  # type: ignore[arg-type]  # it has one

    def forward(self, features: Tensor) -> Tensor:
        pictures = self.steps(features)
        same = pictures.shape[-2:] == self.size
        return pictures if same else F.interpolate(pictures, self.size, mode="bilinear", align_corners=False)

"""Perceptual losses: how far pictures are from others in the features of a network (Johnson et al., 2016)."""

from collections.abc import Sequence

import torch
from torch import Tensor

from cnnviz_widgets.engine.optimize import objectives
from cnnviz_widgets.engine.optimize.objectives import Objective, TermInputs
from cnnviz_widgets.engine.optimize.smoothing import resize
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.networks import Network

COARSE = 4  # px of the picture for each position of a layer, from which on pictures are enlarged for it
TINY = 1e-12


class Perceptual:
    """Relative losses: 0 = reached, 1 = as far as from features that are all 0.

    content  the layer whose features are compared with those of the photographs
    style    (3, h, w), or None: the picture whose Gram matrices are compared, in ``layers``

    Where the first of these layers is as coarse as 4 px, pictures are twice as large on their way into the network:
    else what is made has a lattice of this width.
    """

    def __init__(self, network: Network, content: str, style: Tensor | None = None, layers: Sequence[str] = ()) -> None:
        if network.channels != 3:
            raise UserError(f"network must take pictures in color; {network.name} takes {network.channels} channels.")
        first = network.layer([*layers, content][0])
        self.zoom = 2 if network.probed_size[0] >= COARSE * first.shape[1] else 1
        self._network, self._content, self._layers = network, content, [*dict.fromkeys([*layers, content])]
        self._style = None
        if style is not None:
            with torch.no_grad():
                features = self._features(style[None], list(layers))
            grams = Objective([(-1 / len(layers), objectives.gram(one, features[one][0])) for one in layers])
            self._style = grams.bind(network, 1)

    def __call__(self, made: Tensor, photos: Tensor) -> dict[str, Tensor]:
        """The mean over a batch (B, 3, H, W) of each loss, "content" and, with a style, "style"."""
        with torch.no_grad():
            wanted = self._features(photos, [self._content])[self._content]
        found = self._features(made, self._layers)
        missed = (found[self._content] - wanted).square().flatten(1).sum(1)
        losses = {"content": (missed / wanted.square().flatten(1).sum(1).clamp(min=TINY)).mean()}
        if self._style is not None:
            terms = self._style(TermInputs(made, None, found, None))
            losses["style"] = torch.stack([*terms.values()]).sum(0).mean()
        return losses

    def _features(self, pictures: Tensor, layers: list[str]) -> dict[str, Tensor]:
        network = self._network
        if self.zoom > 1:
            pictures = resize(pictures, tuple(self.zoom * side for side in pictures.shape[-2:]))
        batch = network.quickest(network.normalize(pictures))
        return network.forward(batch, layers, to_output=False, grad=torch.is_grad_enabled())[1]

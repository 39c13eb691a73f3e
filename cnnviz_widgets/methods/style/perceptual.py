"""Perceptual losses: how far pictures are from others in the features of a network (Johnson et al., 2016)."""

from collections.abc import Mapping

import torch
from torch import Tensor

from cnnviz_widgets.engine.optimize import objectives
from cnnviz_widgets.engine.optimize.objectives import Objective, TermInputs
from cnnviz_widgets.engine.optimize.objectives.units import squared_size
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.methods.texture._view import View
from cnnviz_widgets.networks import Network


class Perceptual:
    """Relative losses of batches: 0 = reached, 1 = as far as from features that are all 0.

    content  the layer whose features are compared with those of the photographs
    style    (3, h, w), or None: the picture whose Gram matrices are compared
    layers   in which, and the weight of each
    """

    def __init__(
        self, network: Network, content: str, style: Tensor | None = None, layers: Mapping[str, float] | None = None
    ) -> None:
        if network.channels != 3:
            raise UserError(f"network must take pictures in color; {network.name} takes {network.channels} channels.")
        self._network, self._content, self._style = network, content, None
        self._view, self._layers = View(network, "max"), [*dict.fromkeys([*(layers or ()), content])]
        if style is not None and layers:
            with torch.no_grad():
                features = self._features(style[None], [*layers])
            total = sum(layers.values()) or 1
            grams = [(-weight / total, objectives.gram(name, features[name][0])) for name, weight in layers.items()]
            self._style = Objective(grams).bind(network, 1)

    def __call__(self, made: Tensor, photos: Tensor) -> dict[str, Tensor]:
        """The mean over a batch (B, 3, H, W) of each loss, "content" and, with a style, "style"."""
        with torch.no_grad():
            wanted = self._features(photos, [self._content])[self._content]
        found = self._features(made, self._layers)
        missed = (found[self._content] - wanted).square().flatten(1).sum(1)
        losses = {"content": (missed / squared_size(wanted)).mean()}
        if self._style is not None:
            terms = self._style(TermInputs(made, None, found, None))
            losses["style"] = torch.stack([*terms.values()]).sum(0).mean()
        return losses

    def _features(self, pictures: Tensor, layers: list[str]) -> dict[str, Tensor]:
        batch = self._network.quickest(self._network.normalize(self._view.enlarged(pictures)))
        return self._network.forward(batch, layers, to_output=False, grad=torch.is_grad_enabled())[1]

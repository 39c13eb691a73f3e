"""The attribution methods as panels offer them: what they are called, and how."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

import cnnviz_widgets as cnnviz
from cnnviz_widgets.networks import Network

MASKS = 64  # channels that Score-CAM weighs, the strongest: all of them could take minutes


@dataclass(frozen=True)
class Attribution:
    """A function of ``methods`` with a name for the reader.

    options  that make this method of it
    layer    whether it looks at a layer
    unit     of its values: those with the same can be shown on one scale
    """

    label: str
    function: str
    unit: str = ""
    layer: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)

    def __call__(self, network: Network, image: Tensor, target: Any, **more: Any) -> Any:
        return getattr(cnnviz, self.function)(network, image, target, **{**self.options, **more})

    def arguments(self, network: Network, layer: str) -> dict[str, Any]:
        """What it takes besides the target, if it looks at a layer."""
        arguments = {"layer": layer} if self.layer else {}
        if self.function == "score_cam":  # a forward pass for each
            arguments["channels"] = min(MASKS, network.layer(layer).channels)
        return arguments

    def code(self, target: str, **more: Any) -> str:
        """The same as a line of code."""
        options = "".join(f", {name}={value!r}" for name, value in {**self.options, **more}.items())
        return f"cnnviz.{self.function}(net, photo, {target}{options})"


ATTRIBUTIONS = {  # the quick ones first
    "gradient": Attribution("gradient", "class_gradient", "per input"),
    "saliency": Attribution("saliency", "saliency", "per input"),
    "guided": Attribution("guided backprop", "saliency", "per input", options={"rule": "guided"}),
    "input_x_gradient": Attribution("gradient × input", "input_x_gradient", "score"),
    "cam": Attribution("CAM", "cam", layer=True),
    "grad_cam": Attribution("Grad-CAM", "grad_cam", layer=True),
    "grad_cam_pp": Attribution("Grad-CAM++", "grad_cam_pp", layer=True),
    "hires_cam": Attribution("HiResCAM", "hires_cam", layer=True),
    "layer_cam": Attribution("LayerCAM", "layer_cam", layer=True),
    "guided_grad_cam": Attribution("guided Grad-CAM", "guided_grad_cam", "product", layer=True),
    "full_grad": Attribution("FullGrad", "full_grad"),
    "smoothgrad": Attribution("SmoothGrad", "smoothgrad", "per input"),
    "vargrad": Attribution("VarGrad", "smoothgrad", "squared", options={"statistic": "variance"}),
    "integrated_gradients": Attribution("integrated gradients", "integrated_gradients", "score"),
    "score_cam": Attribution("Score-CAM", "score_cam", layer=True),
}


def labels(*names: str) -> dict[str, str]:
    """Names of methods -> what they are called."""
    return {name: ATTRIBUTIONS[name].label for name in names}

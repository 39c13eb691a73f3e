"""The attribution methods as panels offer them: what they are called, and how."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

import cnnviz_widgets as cnnviz
from cnnviz_widgets.networks import Network
from cnnviz_widgets.panels.call import Call, written

MASKS = 64  # channels that Score-CAM weighs, the strongest: all of them could take minutes


@dataclass(frozen=True)
class Attribution:
    """A public function with a name for the reader.

    options  that make this method of it
    layer    whether it looks at a layer
    unit     of its values: those with the same can be shown on one color scale
    """

    label: str
    function: str
    unit: str = ""
    layer: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)

    def __call__(self, network: Network, image: Tensor, target: Any) -> Any:
        """Its result, with the method's own choice of a layer."""
        return self.call(network, image, target)()

    @property
    def code(self) -> str:
        """A function of network, picture and target."""
        if not self.options:
            return f"cnnviz.{self.function}"
        options = ", ".join(f"{name}={written(value)}" for name, value in self.options.items())
        return f"lambda net, photo, target: cnnviz.{self.function}(net, photo, target, {options})"

    def call(self, network: Network, image: Tensor, target: Any, layer: str | None = None, **more: Any) -> Call:
        """Of this method. ``layer``: None = the method's own choice; other methods look at no layer."""
        options = {**self.options, **more}
        if self.layer and layer is not None:
            options["layer"] = layer
            if self.function == "score_cam":  # a forward pass for each
                options["channels"] = min(MASKS, network.layer(layer).channels)
        return Call(getattr(cnnviz, self.function), network, image, target, **options)


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

"""What is set in a panel: traits that know their control, and the controls of what a session shares."""

from cnnviz_widgets.panels.controls.pickers import (
    NATURAL,
    PICKERS,
    LayerPicker,
    class_labels,
    convolutions,
    current_convolution,
    sample_of,
)
from cnnviz_widgets.panels.controls.pictures import another_picture, chosen
from cnnviz_widgets.panels.controls.traits import (
    another_layer,
    bound_controls,
    checks,
    choice,
    counter,
    declared,
    float_slider,
    log_slider,
    several_classes,
    slider,
    stops,
    toggle,
)

__all__ = [
    "NATURAL",
    "PICKERS",
    "LayerPicker",
    "another_layer",
    "another_picture",
    "bound_controls",
    "checks",
    "choice",
    "chosen",
    "class_labels",
    "convolutions",
    "counter",
    "current_convolution",
    "declared",
    "float_slider",
    "log_slider",
    "sample_of",
    "several_classes",
    "slider",
    "stops",
    "toggle",
]

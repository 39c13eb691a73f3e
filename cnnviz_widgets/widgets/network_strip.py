"""A whole network in one strip, in which one layer is chosen."""

from typing import Any

import traitlets as t

from cnnviz_widgets.widgets.front_end import BrowserWidget, spoken


class NetworkStrip(BrowserWidget):
    """Boxes from input to output: the higher, the larger the map; the wider, the more channels; the color is the kind.

    layers       dicts: "name", "label", "kind", "channels", "height", "width", and whether it "can" be chosen
    value        name of the chosen layer; "" = none
    description  what is chosen;   tooltip   says more
    folded       a list of the layers that can be chosen, and a button that opens the strip over what is below it
    none         what "" is called in that list; "" = it is not offered
    disabled     whether the list can be seen only

    A click or a drag chooses a layer, the arrow keys the one before or after, Home and End the first and the last.
    """

    module = "network_strip.js"

    layers = t.List(t.Dict()).tag(sync=True)
    value = t.Unicode("").tag(sync=True)
    description = t.Unicode("").tag(sync=True, to_json=spoken)
    tooltip = t.Unicode("").tag(sync=True, to_json=spoken)
    folded = t.Bool(False).tag(sync=True)
    none = t.Unicode("").tag(sync=True, to_json=spoken)
    disabled = t.Bool(False).tag(sync=True)

    def __init__(self, description: str, tooltip: str, **traits: Any) -> None:
        super().__init__(description=description, tooltip=tooltip, **traits)

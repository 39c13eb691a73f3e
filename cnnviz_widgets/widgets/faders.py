"""A fader for each of several terms, and beside it how large its loss is now."""

import traitlets as t

from cnnviz_widgets.widgets.front_end import BrowserWidget, spoken


class Faders(BrowserWidget):
    """Weights from 0 to ``most``, with a bar each.

    names   of the terms, from top to bottom
    value   name -> weight; what is not in it has the weight 1
    losses  name -> its loss: 0 = reached, 1 = nothing done. The bars are logarithmic, from 0.001 to 1
    """

    module = "faders.js"

    names = t.List(t.Unicode()).tag(sync=True)
    value = t.Dict().tag(sync=True)
    losses = t.Dict().tag(sync=True)
    most = t.Float(2.0).tag(sync=True)
    description = t.Unicode("").tag(sync=True, to_json=spoken)
    tooltip = t.Unicode("").tag(sync=True, to_json=spoken)

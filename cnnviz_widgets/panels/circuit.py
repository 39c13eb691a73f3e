"""W4: what of an earlier layer excites a unit, and what inhibits it."""

import secrets
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import ipywidgets

from cnnviz_widgets.content import Content
from cnnviz_widgets.methods.filters.circuit import Circuit as Weights
from cnnviz_widgets.methods.filters.circuit import circuit
from cnnviz_widgets.networks.layers import convolutions
from cnnviz_widgets.panels.call import As, Call, program
from cnnviz_widgets.panels.controls import another_layer
from cnnviz_widgets.panels.maps import channel_over
from cnnviz_widgets.panels.now import Now
from cnnviz_widgets.panels.options import option
from cnnviz_widgets.panels.own_pictures import draw, own_pictures
from cnnviz_widgets.panels.panel import Panel, computes
from cnnviz_widgets.panels.parts import View
from cnnviz_widgets.panels.session import Session
from cnnviz_widgets.runtime.runner import Frame


class Circuit(Panel):
    """The weights from the channels of an earlier layer to a unit (Olah et al. 2020). Click one to see its unit.

    Beside the weights stand the pictures that maximize the channels, and the unit. Those of ``mini`` come with the
    package; of another network they are drawn, as soon as the weights are there.

    inputs   the earlier layer; "" = the convolution before
    k        as in ``cnnviz.Circuit.content``
    """

    title = "Circuit"
    family = "filters"
    chapters = ("02",)
    shows = "the weights from an earlier layer to a unit: what excites it, and what inhibits it"
    as_call = 'cnnviz.circuit(net, "conv3", 7)'
    pickers = ("image", "layer", "channel")
    inputs = another_layer(label="From layer", help="The earlier layer", none="(the convolution before)")
    k = option(Weights.content, 4, 64, step=4, label="Channels", help="How many are shown: those that count most")

    @classmethod
    def first_view(cls, session: Session) -> None:
        """The second convolution, or one a little deeper: its inputs are the first that are no colors."""
        layers = convolutions(session.network.layers)
        if len(layers) > 1:
            session.layer = layers[min(2, len(layers) - 1)].name

    def build(self) -> list[ipywidgets.Widget]:
        look: dict[str, Any] = {"cursor": "tile", "controls": False, "labels": True, "group": secrets.token_hex(4)}
        weights = View("Weights: click one", colormap="RdBu", **look)
        pictures = View("Pictures of these channels: click one", smooth=True, **look)
        tiles = [self.tiles("weights", weights, self._choose), self.tiles("pictures", pictures, self._choose)]
        own = self.part("own", View("The unit's own picture", controls=False, smooth=True, max_width=200))
        unit = self.part("unit", View("The unit's feature map", colormap="RdBu", opacity=0.8, max_width=320))
        beside = ipywidgets.Box([own, unit.add_class("cnnviz-large")])
        return [*tiles, beside.add_class("cnnviz-part").add_class("cnnviz-several")]

    def _choose(self, channel: int) -> None:
        """Go on with the unit that was clicked."""
        found = _weights(self._now())()
        self.session.layer, self.session.channel = found.inputs, channel

    def compute(self, now: Now) -> Frame:
        return Frame({
            "weights": _grid(now)(),
            "weights_chosen": None,
            "pictures_chosen": None,
            "unit": channel_over(now.network, now.image, now.layer, now.channel, signed=True),
        })  # fmt: skip

    @computes
    def draw(self, now: Now) -> Iterator[Frame]:
        """The pictures of the unit, and of the channels that are shown."""
        found, grid = _weights(now)(), _grid(now)()
        channels = {found.layer: [found.channel], found.inputs: found.order[: now.k].tolist()}
        for name, some in channels.items():
            for state in draw(now.network, name, some):
                yield Frame(_pictures(now, found, grid), state.step, state.total)

    def call(self, now: Now) -> str:
        return program({"found": _weights(now)}, f'cnnviz.show({_grid(now)}, colormap="RdBu", width=900)')


def _weights(now: Now) -> Call:
    return Call(circuit, now.network, now.layer, now.channel, now.inputs or None)


def _grid(now: Now) -> Call:
    return Call(Weights.content, As(_weights(now), "found"), k=now.k)


def _pictures(now: Now, found: Weights, grid: Content) -> dict[str, Content]:
    """Of the unit and of the channels in the grid, as far as they are drawn."""
    own = own_pictures(now.network, found.layer, [found.channel])
    inputs = own_pictures(now.network, found.inputs, found.order[: now.k].tolist())
    words = "the picture that maximizes each channel"
    return {
        "own": Content() if own is None else Content(own[0], caption=f"{found.layer} channel {found.channel}"),
        "pictures": Content() if inputs is None else replace(grid, picture=inputs, values=None, caption=words),
    }

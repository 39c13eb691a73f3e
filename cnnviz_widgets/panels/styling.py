"""Base of the panels whose pictures take over statistics of layers: a fader for each layer, and the losses."""

import html
import re
from collections.abc import Iterator, Mapping
from typing import Any

import ipywidgets
from traitlets import TraitType

from cnnviz_widgets.engine.optimize import OptimizationState
from cnnviz_widgets.errors import UserError, naming
from cnnviz_widgets.gate import came
from cnnviz_widgets.language import said
from cnnviz_widgets.methods.texture._view import style_layers
from cnnviz_widgets.networks import Network
from cnnviz_widgets.panels.making import Making
from cnnviz_widgets.panels.now import Now
from cnnviz_widgets.panels.parts import Chart
from cnnviz_widgets.panels.terms import Terms
from cnnviz_widgets.widgets.faders import Faders

MOST = 2.0  # weight of a layer
TERM = re.compile(r'(\w+)\((?:"([^"]*)")?')  # the kind of a term and its layer, as objectives write themselves
STYLE = "style"
CALLED = {"target_features": "content"}  # kind of a term -> what its curve is called


class _Weights(TraitType):
    """Layer -> weight 0…2, of layers of the network in the owner's session; a layer that is not named has 1."""

    def __init__(self) -> None:
        super().__init__({}, help="Layer -> weight, 0…2")

    def validate(self, owner: Any, value: Any) -> dict[str, float]:
        if not isinstance(value, Mapping):
            raise UserError(f"{self.name} must give layers a weight from 0 to 2, as a dictionary, not {came(value)}.")
        with naming(self.name or "weights"):
            named = {owner.session.network.layer(name).name: weight for name, weight in value.items()}
        for name, weight in named.items():
            if not isinstance(weight, int | float) or isinstance(weight, bool) or not 0 <= weight <= MOST:
                raise UserError(f"{self.name} must be from 0 to 2, not {came(weight)} for {name!r}.")
        return {name: float(weight) for name, weight in named.items() if weight != 1}


class _FaderPart:
    """Faders under a heading. ``show`` takes layer -> its loss, None where it is not known."""

    def __init__(self, heading: str) -> None:
        self.faders = Faders(most=MOST, description=heading, tooltip="Weight 0: it does not count. Bar: 0.001 … 1")
        title = ipywidgets.HTML(html.escape(said(heading))).add_class("cnnviz-heading")
        self.widget = ipywidgets.VBox([title, self.faders]).add_class("cnnviz-part")

    def show(self, losses: Mapping[str, float | None]) -> None:
        names = list(losses)
        if names != self.faders.names:
            self.faders.names = names
        self.faders.losses = {name: loss for name, loss in losses.items() if loss is not None}


class Styling(Making):
    """Base of the panels of textures and styles.

    weights  layer -> weight 0…2 of its statistics; what is not named has 1. They steer a run under way
    """

    weights = _Weights().tag(setting=True)

    def losses(self) -> ipywidgets.Widget:
        """The faders, and the curves below them."""
        self._terms = Terms()  # the loss of the style, and of all else, without weights
        part = _FaderPart("Weight and loss of each layer")
        faders = part.faders
        faders.observe(self.guarded(lambda change: self.set_trait("weights", change["new"])), "value")
        self.observe(lambda change: setattr(faders, "value", change["new"]), "weights")
        faders.value = self.weights
        self.session.observe(self._new_network, "network")
        chart = Chart("Losses (1: nothing is done yet)", "step", "", most=4, top=None)
        beside = ipywidgets.VBox([self.part("faders", part), self.part("curves", chart)])
        return beside.add_class("cnnviz-part")

    def _new_network(self, _: Any) -> None:
        self.weights = {}

    def close(self) -> None:
        if not self._closed:
            self.session.unobserve(self._new_network, "network")
        super().close()

    def told(self, now: Now, state: OptimizationState, factors: Mapping[str, float]) -> Iterator[tuple[str, Any]]:
        """What the faders and, now and then, the curves show of a state.

        factors  term -> its weight: "style" is that of the mean of the layers
        """
        layers = weighted(now.network, now.weights)
        if state.step == 1 or state.step not in self._terms.known:  # else made with other weights
            each, others = _unweighted(state, layers, factors)
            self._terms.note(state.step, {STYLE: sum(each.values()) / max(1, len(each)), **others})
            yield "faders", {name: each.get(name) for name in layers}
        yield from self._terms.chart(state.step, now.rounds * now.steps).items()


def weighted(network: Network, weights: Mapping[str, float]) -> dict[str, float]:
    """The layers that a style is of, with their weights."""
    return {name: weights.get(name, 1.0) for name in style_layers(network, None)}


def layers_of(now: Now) -> dict[str, dict[str, float]]:
    """The ``layers`` of a call, where they are not the method's own."""
    return {"layers": weighted(now.network, now.weights)} if now.weights else {}


def _unweighted(
    state: OptimizationState, layers: Mapping[str, float], factors: Mapping[str, float]
) -> tuple[dict[str, float], dict[str, float]]:
    """The relative loss of every layer, and of all else, from the weighted terms of a state."""
    each: dict[str, float] = {}
    others: dict[str, float] = {}
    for term, value in state.terms.items():
        match = TERM.match(term)
        kind, layer = match.groups() if match else (term, None)
        if factors.get(kind):
            others[CALLED.get(kind, kind)] = -value / factors[kind]
        elif layer and layers.get(layer):
            each[layer] = -value * len(layers) / (factors[STYLE] * layers[layer])
    return each, others

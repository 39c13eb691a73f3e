"""An objective over several networks."""

from collections.abc import Sequence
from functools import reduce
from operator import add
from typing import Annotated

from torch import Tensor

from cnnviz_widgets.engine.backward import way_back
from cnnviz_widgets.engine.optimize.objectives.algebra import (
    BoundObjective,
    BoundTerm,
    Objective,
    Term,
    TermInputs,
    remembers_call,
)
from cnnviz_widgets.engine.optimize.smoothing import resize
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import gate
from cnnviz_widgets.networks import Network
from cnnviz_widgets.runtime.interrupts import guarded


@remembers_call
@gate
def across(
    networks: Annotated[Sequence[Network], "a list of networks"],
    objective: Annotated[Objective, "made of cnnviz.objectives"],
) -> Term:
    """The mean of an objective over several networks, each with pictures of its own size and normalization.

    The pictures are those that the transforms make for the first network; the others get them resized, bilinearly.
    """
    if not networks:
        raise UserError("networks must name at least one network.")

    def bind_term(network: Network, count: int) -> BoundTerm:
        bound = [objective.bind(one, count) for one in networks]

        def value(inputs: TermInputs) -> Tensor:
            of_each = [_value(one, there, inputs) for one, there in zip(networks, bound, strict=True)]
            return reduce(add, of_each) / len(networks)

        return BoundTerm(value, shown=True)

    return Term(f"across([{', '.join(one.name for one in networks)}], {objective!r})", bind_term)


def _value(network: Network, bound: BoundObjective, inputs: TermInputs) -> Tensor:
    """(B,): the objective's value for one of the networks."""
    assert inputs.shown is not None  # as it is asked for
    shown = inputs.shown
    if network.input_size not in (None, tuple(shown.shape[-2:])):
        shown = resize(shown, network.input_size)
    with guarded(way_back(network)):
        logits, values = network.forward(
            network.quickest(network.normalize(shown)), bound.layers, to_output=bound.output, grad=True
        )
    return reduce(add, bound(inputs._replace(activations=values, logits=logits, shown=shown)).values())

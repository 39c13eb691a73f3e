"""What ``optimize`` makes as large as it can: small terms that add, subtract and scale, and print as their formula.

    objective = channel("layer3", 42) - 0.1 * total_variation()

A term gives one number for each picture of a batch. Where a channel, class or weight is asked for, a list gives every
picture its own: ``channel("layer3", [1, 2, 3, 4])`` makes four pictures of four channels in one run.
"""

from cnnviz_widgets.engine.optimize.objectives.across import across
from cnnviz_widgets.engine.optimize.objectives.algebra import BoundObjective, Objective, TermInputs, fingerprint
from cnnviz_widgets.engine.optimize.objectives.printing import unprintable
from cnnviz_widgets.engine.optimize.objectives.priors import (
    blur_penalty,
    boundary,
    l1,
    l2,
    opacity,
    total_variation,
)
from cnnviz_widgets.engine.optimize.objectives.statistics import color, covariance, diversity, gram, moments
from cnnviz_widgets.engine.optimize.objectives.units import (
    AnyLayer,
    Several,
    channel,
    cross_entropy,
    custom,
    direction,
    layer,
    logit,
    margin,
    matching,
    neuron,
    probability,
    target_features,
)

__all__ = [
    "AnyLayer",
    "BoundObjective",
    "Objective",
    "Several",
    "TermInputs",
    "across",
    "blur_penalty",
    "boundary",
    "channel",
    "color",
    "covariance",
    "cross_entropy",
    "custom",
    "direction",
    "diversity",
    "fingerprint",
    "gram",
    "l1",
    "l2",
    "layer",
    "logit",
    "margin",
    "matching",
    "moments",
    "neuron",
    "opacity",
    "probability",
    "target_features",
    "total_variation",
    "unprintable",
]

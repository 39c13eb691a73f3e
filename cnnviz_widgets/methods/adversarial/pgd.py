"""X4: projected gradient descent (Madry et al., 2018), with restarts, and with AutoPGD's steps (Croce & Hein, 2020)."""

from collections.abc import Iterator
from typing import Annotated, Literal

from torch import Tensor

from cnnviz_widgets.engine.optimize.balls import Ball
from cnnviz_widgets.gate import Range, Seed, gate
from cnnviz_widgets.methods.adversarial._attack import Attack, Bound, Classes, Loss, Steps, Way, aimed, attacked
from cnnviz_widgets.networks import Network
from cnnviz_widgets.pictures.given import AnyPicture

__all__ = ["pgd"]
example = dict(steps=2)

DEFAULTS = {"linf": 8 / 255, "l2": 1.0, "l1": 40.0, "l0": 100}


@gate
def pgd(
    network: Network,
    image: AnyPicture,
    *,
    norm: Ball = "linf",
    epsilon: Bound | None = None,
    target: Classes = None,
    truth: Classes = None,
    steps: Steps = 40,
    step_size: Bound | None = None,
    restarts: Annotated[int, Range(1, 1000)] = 1,
    random_start: bool = True,
    rule: Annotated[Literal["constant", "auto"], "'constant' or 'auto'"] = "constant",
    loss: Loss = "cross_entropy",
    mask: Annotated[Tensor | None, "a tensor (H, W), true where the picture may change"] = None,
    quantize: bool = True,
    seed: Seed = 0,
) -> Iterator[Attack]:
    """Projected gradient descent: steps along the gradient, each then projected onto the ball (Madry et al., 2018).

    image         (C, H, W) or (B, C, H, W), values 0…1; what the network sees of it is changed
    norm          of the change: "linf", its greatest value; "l2", its length; "l1", the sum of its sizes; "l0", the
                  number of pixels that differ
    epsilon       bound of the norm, in values 0…1, or in pixels for "l0"; None = 8/255, 1, 40, 100 pixels
    target        the class that it is to become; None = any other than ``truth``
    truth         its class; None = what the network answers, also where that is wrong
    steps         of each start
    step_size     in the norm; None = 2.5 · ε / steps
    restarts      starts; the best picture of all steps of all starts is kept: that with the greatest margin
    random_start  begin at a random change of the ball, not at the picture itself
    rule          "constant" steps, or "auto": AutoPGD's for "linf", which begin with 2 ε and are halved on the way
    loss          "cross_entropy", ``−log P``, or "margin", the difference of logits
    mask          (H, W) of the network's size: where the picture may change
    quantize      all that the network is shown are pictures of 8 bits, so that success holds for a PNG file
    seed          of the random starts
    Yields Attack after every step; raises UserError as ``fgsm`` does.

        last(pgd(load_network("mini"), load_image("chelsea"), epsilon=2 / 255)).answers
    """
    aim = aimed(network, image, truth, target, quantize=quantize)
    way = Way(
        DEFAULTS[norm] if epsilon is None else epsilon,
        norm,
        steps,
        step_size,
        restarts,
        random_start,
        quantize,
        loss,
        rule == "auto",
        seed=seed,
        mask=mask,
    )
    return attacked(aim, way)

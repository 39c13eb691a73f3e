"""X2: the fast gradient sign method (Goodfellow et al., 2015), and how much of it is needed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor

from cnnviz_widgets.drawing.render import Content
from cnnviz_widgets.drawing.results import Result, rgb
from cnnviz_widgets.engine.optimize.balls import whole_levels
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import Range, gate
from cnnviz_widgets.methods.adversarial._attack import Attack, Bound, Classes, Loss, Way, aimed, attacked, in_one_step
from cnnviz_widgets.networks import Network
from cnnviz_widgets.pictures.given import AnyPicture

__all__ = ["EpsilonSweep", "epsilon_sweep", "fgsm"]

EPSILONS = tuple(n / 255 for n in (0, 0.25, 0.5, 1, 1.5, 2, 3, 4, 6, 8, 12, 16))


@gate
def fgsm(
    network: Network,
    image: AnyPicture,
    epsilon: Bound = 8 / 255,
    target: Classes = None,
    *,
    truth: Classes = None,
    loss: Loss = "cross_entropy",
    quantize: bool = True,
) -> Attack:
    """The fast gradient sign method: one step ``x + ε · sign(∇ₓ J)``, cut off at 0 and 1 (Goodfellow et al., 2015).

    image     (C, H, W) or (B, C, H, W), values 0…1; what the network sees of it is changed
    epsilon   by how much every value changes, in values 0…1: 8/255 are 8 of the 255 levels of a picture file
    target    the class that it is to become, then J is minus the loss of this class; None = any other than ``truth``
    truth     its class; None = what the network answers, also where that is wrong
    loss      J: "cross_entropy", ``−log P``, or "margin", the difference of logits
    quantize  the picture is one of 8 bits before and after, as in a PNG file: ε below 1/255 then changes nothing
    One of a batch is as it would be alone. Raises UserError where the picture is of class ``target`` already, and where
    its gradient is zero.

        fgsm(load_network("mini"), load_image("chelsea"), 4 / 255)
    """
    return in_one_step(
        network, image, truth, target, Way(epsilon, step_size=epsilon, loss=loss, quantize=quantize, keep="last")
    )


@dataclass(frozen=True, eq=False, repr=False)
class EpsilonSweep(Result):
    """FGSM with one ε after another.

    epsilons       from small to large, in values 0…1
    probabilities  (ε, classes): of five classes
    classes        their names: those that are among the best somewhere on the way, the true one first
    success        whether the attack succeeds, for each ε
    pictures       (ε, C, H, W)
    """

    epsilons: tuple[float, ...]
    probabilities: Tensor
    classes: tuple[str, ...]
    success: tuple[bool, ...]
    pictures: Tensor
    convention: str = "probabilities 0…1"
    of: str = "FGSM"

    @property
    def values(self) -> Tensor:
        """As ``probabilities``."""
        return self.probabilities

    def content(self) -> Content:
        best = self.probabilities.argmax(1).tolist()
        names = tuple(
            f"{255 * epsilon:g}/255: {self.classes[at]} {float(row[at]):.0%}"
            for epsilon, at, row in zip(self.epsilons, best, self.probabilities, strict=True)
        )
        return Content(rgb(self.pictures), names=names, caption="FGSM")


@gate
def epsilon_sweep(
    network: Network,
    image: AnyPicture,
    epsilons: Sequence[Annotated[float, Range(0, 1)]] = EPSILONS,
    target: Classes = None,
    *,
    truth: Classes = None,
    quantize: bool = True,
) -> EpsilonSweep:
    """FGSM with several ε: one gradient, then all pictures in one batch.

    image     (C, H, W), values 0…1
    epsilons  in values 0…1; 0 is the picture itself
    Other arguments as in ``fgsm``.
    """
    if image.ndim != 3:
        raise UserError(f"image must be one picture (C, H, W), not of shape {tuple(image.shape)}.")
    if not epsilons or not max(epsilons):
        raise UserError("epsilons must have a number above 0.")
    aim = aimed(network, image, truth, target, quantize=quantize)
    (whole,) = attacked(aim, Way(1.0, step_size=1.0, quantize=False, keep="last"))
    signs = (whole.changed - aim.pictures).sign()  # where black would get darker, there is none, for any ε
    steps = torch.tensor(sorted(epsilons)).to(signs)
    steps = whole_levels(steps) if quantize else steps
    pictures = (aim.pictures + steps.view(-1, 1, 1, 1) * signs).clamp(0, 1)
    logits = network.logits(pictures)
    chances = network.probabilities(logits).cpu()
    seen = dict.fromkeys([aim.truth[0], *(aim.target or ()), *chances.amax(0).argsort(descending=True).tolist()])
    shown = [*seen][:5]
    repeated = aim._replace(
        truth=aim.truth * len(steps), target=aim.target and aim.target * len(steps), pictures=pictures, logits=logits
    )
    return EpsilonSweep(
        tuple(sorted(epsilons)),
        chances[:, shown],
        tuple(network.classes[one] for one in shown),
        tuple((repeated.gain(logits) > 0).tolist()),
        pictures.cpu(),
    )

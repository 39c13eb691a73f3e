"""X10: histograms of oriented gradients are fooled as networks are: the gradient goes through them."""

from dataclasses import dataclass
from typing import Annotated

import torch
import torch.nn.functional as F
from torch import Tensor

from cnnviz_widgets.drawing.render import Content
from cnnviz_widgets.drawing.results import Result, enlarged, rgb
from cnnviz_widgets.drawing.words import percent
from cnnviz_widgets.engine.counts import Counted
from cnnviz_widgets.engine.optimize.balls import in_8_bits
from cnnviz_widgets.engine.optimize.hog import strokes
from cnnviz_widgets.gate import Range, Seed, gate
from cnnviz_widgets.methods.activations.activations import one_picture
from cnnviz_widgets.methods.adversarial._attack import Attack, Bound, Steps
from cnnviz_widgets.methods.adversarial.classifiers import HogClassifier
from cnnviz_widgets.methods.adversarial.pgd import pgd
from cnnviz_widgets.pictures.given import AnyPicture

__all__ = ["HogAttack", "fool_hog"]
example = dict(steps=2)

ROOM = 24  # px of a cell on the screen, at least
TIMES = 10  # as strong as it is, the change is shown


@dataclass(frozen=True, eq=False, repr=False)
class HogAttack(Result):
    """A picture whose histograms a linear model takes for another class.

    attack      the pictures before and after, classes and norms: see ``pgd``
    histograms  (2, 36, rows, columns): before and after, as the model sees them, in normalized blocks of 2×2 cells
    noise       (C, H, W): the picture with random signs of the same size
    noise_said  what the model takes that for
    control     how often the answer stays, of such pictures
    cell        side of a histogram's cell in px
    """

    attack: Attack
    histograms: Tensor
    noise: Tensor
    noise_said: str
    control: Counted
    cell: int
    convention: str = "picture, values 0…1"

    @property
    def values(self) -> Tensor:
        """(C, H, W): after the attack."""
        return self.attack.values

    @property
    def of(self) -> str:
        return self.attack.formula

    @property
    def success(self) -> bool:
        """Whether the answer is another, or the target, after rounding to 8 bits."""
        return bool(self.attack.success)

    def content(self) -> Content:
        return self.shown(TIMES)

    def shown(self, times: float) -> Content:
        """Before, the change so many times as strong, after; the histograms before, noise, and those after."""
        large = -(-ROOM // self.cell)
        pictures = [self.attack.picture, self.attack.amplified(times), self.values, self.noise]
        before, change, after, noise = enlarged(torch.stack(pictures), large * max(self.values.shape[-2:]))
        looks = [strokes(one, large * self.cell) for one in self.histograms]
        height, width = before.shape[-2:]
        hogs = [F.pad(one, (0, width - one.shape[-1], 0, height - one.shape[-2])).expand_as(before) for one in looks]
        first, last = (f"{name} {percent(chance)}" for name, chance in (self._before, self.attack.answers))
        names = (
            f"before: {first}", f"change × {times:g}", f"after: {last}",
            "HOG before", f"noise: {self.noise_said}", "HOG after",
        )  # fmt: skip
        told = f"random signs of the same size leave the answer {self.control.hits} times of {self.control.total}"
        return Content(
            rgb(torch.stack([before, change, after, hogs[0], noise, hogs[1]])), names=names, columns=3, caption=told
        )

    @property
    def _before(self) -> tuple[str, float]:
        aim = self.attack.aim
        return aim.network.classes[aim.truth[0]], float(aim.network.probabilities(aim.logits)[0, aim.truth[0]])


@gate
def fool_hog(
    classifier: HogClassifier,
    image: AnyPicture,
    epsilon: Bound = 8 / 255,
    target: int | str | None = None,
    *,
    steps: Steps = 20,
    draws: Annotated[int, Range(1, 1000)] = 20,
    seed: Seed = 0,
) -> HogAttack:
    """Fool a linear model on histograms of oriented gradients: PGD through the histograms, beside noise.

    classifier  as ``hog_classifier`` makes it
    image       (C, H, W), values 0…1; what the model sees of it is changed, on the 8-bit grid
    epsilon     by how much a value may change, in values 0…1
    target      class index or name that it shall be taken for; None = any other than now
    steps       of PGD (Madry et al., 2018), along the sign of the gradient
    draws       of random signs of the same size: the control
    seed        of the random start and of the signs

    The histograms are differentiable but where a direction changes its bin; nothing is approximated. UserError for a
    target that the picture is taken for already.

        fool_hog(hog_classifier("textures"), load_image("brick", size=64))
    """
    network = classifier.network
    picture = in_8_bits(one_picture(network, image))
    *_, attack = pgd(network, picture, epsilon=epsilon, target=target, steps=steps, seed=seed)
    signs = torch.randn((draws, *picture.shape), generator=torch.Generator().manual_seed(seed)).sign()
    noisy = in_8_bits((picture + attack.norms["linf"] * signs).clamp(0, 1))
    top = network.top(network.logits(noisy))
    blocks = network.activations(torch.stack([picture, attack.values]), "blocks")["blocks"]
    stayed = Counted(int((top == attack.aim.truth[0]).sum()), draws)
    return HogAttack(attack, blocks, noisy[0], network.classes[int(top[0])], stayed, classifier.cell)

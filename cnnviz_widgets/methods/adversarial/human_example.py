"""X13: a change that is made for many networks and for what an eye sees of it, so that it may fool people, too."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any

import torch
from torch import Tensor

from cnnviz_widgets.drawing.render import Content
from cnnviz_widgets.drawing.results import Result, rgb
from cnnviz_widgets.drawing.words import percent
from cnnviz_widgets.engine.optimize import objectives, optimize
from cnnviz_widgets.engine.optimize.balls import in_8_bits, length
from cnnviz_widgets.engine.optimize.parametrizations import perturbation
from cnnviz_widgets.engine.optimize.smoothing import Sigma
from cnnviz_widgets.engine.optimize.transforms import retina
from cnnviz_widgets.errors import UserError, naming
from cnnviz_widgets.gate import Range, gate
from cnnviz_widgets.methods.activations.activations import one_picture
from cnnviz_widgets.methods.adversarial._attack import Steps
from cnnviz_widgets.methods.adversarial._ensemble import of_one_task
from cnnviz_widgets.networks import Network
from cnnviz_widgets.pictures.given import AnyPicture

__all__ = ["HumanExample", "human_example"]
example = dict(steps=2)

FEWEST = 3  # networks
KINDS = ("before", "after", "flipped")


@dataclass(frozen=True, eq=False, repr=False)
class HumanExample(Result):
    """A picture that is changed for several networks at once, as far as it has come, and its control.

    step, total  of the optimization
    values       (C, H, W), 0…1, on the 8-bit grid: the changed picture
    flipped      likewise: the control, with the same change upside down
    picture      likewise: before
    networks     that it is made for
    target       index of the class;  of: its name
    bound        ε, 0…1
    """

    step: int
    total: int
    values: Tensor
    flipped: Tensor
    picture: Tensor
    networks: tuple[Network, ...]
    target: int
    bound: float
    of: str
    convention: str = "picture, values 0…1"

    @cached_property
    def answers(self) -> dict[str, dict[str, tuple[str, float]]]:
        """By the network's name, (class, probability) of what it answers to each: "before", "after" and "flipped"."""
        return {one.name: self.asked(one) for one in self.networks}

    def asked(self, network: Network) -> dict[str, tuple[str, float]]:
        """The same of one network, also of one that it was not made for."""
        pictures = in_8_bits(network.prepare(torch.stack([self.picture, self.values, self.flipped])))
        tops: list[Any] = network.predict(pictures, 1)
        return {kind: (top[0].name, top[0].probability) for kind, top in zip(KINDS, tops, strict=True)}

    @property
    def success(self) -> dict[str, bool]:
        """By the network's name, whether it takes the changed picture for the target."""
        return {name: answer["after"][0] == self.of for name, answer in self.answers.items()}

    @property
    def norms(self) -> dict[str, float]:
        """Of the change, after rounding: "linf", "l2" and "l1" in values 0…1, "l0" in pixels."""
        change = (self.values - self.picture).double()[None]
        return {norm: float(length(change, norm)) for norm in ("linf", "l2", "l1", "l0")}

    def content(self) -> Content:
        change = (0.5 + 4 * (self.values - self.picture)).clamp(0, 1)
        fooled = {kind: sum(one[kind][0] == self.of for one in self.answers.values()) for kind in KINDS}
        after, flipped = (f"{kind}: {fooled[kind]} of {len(self.networks)}" for kind in KINDS[1:])
        tiles = torch.stack([self.picture, change, self.values, self.flipped])
        caption = f"networks that see {self.of}; {255 * self.bound:.3g}/255, step {self.step} of {self.total}"
        return Content(rgb(tiles), names=("before", "change × 4", after, flipped), columns=4, caption=caption)

    def _repr_markdown_(self) -> str:
        lines = ["| network | before | after | the change flipped |", "|---|---|---|---|"]
        for name, answers in self.answers.items():
            said = (f"{answers[kind][0]} {percent(answers[kind][1])}" for kind in KINDS)
            lines.append(f"| {name} | {' | '.join(said)} |")
        return "\n".join(lines)


@gate
def human_example(
    networks: Annotated[Sequence[Network], "a list of networks"],
    photo: AnyPicture,
    target: int | str,
    *,
    epsilon: Annotated[float, Range(above=0, most=32 / 255)] = 32 / 255,
    steps: Steps = 20,
    widest: Sigma = 2.0,
) -> Iterator[HumanExample]:
    """A picture that several networks take for ``target``, seen as by an eye (Elsayed et al., 2018).

    What fools one network fools that network; what fools many at once has to look a little like the class. Whether it
    also moves people, a masked trial tells: in the paper it did so, when a picture was shown for some 70 ms.

    networks  three or more, of the same classes; their pictures may have different sizes
    photo     (C, H, W), values 0…1; what the first network sees of it is changed
    target    class index or name
    epsilon   by how much a value changes at most, up to 32/255, as in the paper
    steps     signed steps, of 2.5 · ε / steps; each is a pass forward and back through every network
    widest    σ in px of the blur at the corners, see ``transforms.retina``: what is fine and far from the middle counts
              for nothing; 0 = none

    Maximizes the mean of log P(target) over the networks. Yields HumanExample after every step, rounded to 8 bits, with
    the control of the paper: the same change upside down. UserError for fewer than three networks, for networks of
    other classes, and for a target that all of them answer already.

        nets = [load_network(name) for name in ("small_plain", "small_residual", "small_wide")]
        last(human_example(nets, load_image("chelsea"), "goose")).answers
    """
    if len(networks) < FEWEST:
        raise UserError(
            f"networks must be at least three, not {len(networks)}: one alone is fooled by what no other sees."
        )
    of_one_task(networks)
    first = networks[0]
    index = first.class_index(target)
    with naming("photo"):
        before = in_8_bits(first.prepare(one_picture(first, photo)))
    if all(int(one.top(one.logits(one.prepare(before)))) == index for one in networks):
        raise UserError(
            f"target must be another class than {first.classes[index]!r}, which all networks answer already."
        )
    states = optimize(
        first,
        objectives.across(networks, -objectives.cross_entropy(index)),
        perturbation(before, epsilon, quantize=True),
        (retina(widest),),
        steps=steps,
        optimizer="signed",
        learning_rate=2.5 * epsilon / steps,
    )
    picture, name = before[0].cpu(), first.classes[index]

    def made() -> Iterator[HumanExample]:
        for state in states:
            upside_down = in_8_bits((picture + (state.values - picture).flip(-2)).clamp(0, 1))
            yield HumanExample(
                state.step, steps, state.values, upside_down, picture, tuple(networks), index, epsilon, name
            )

    return made()

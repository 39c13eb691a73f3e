"""X7: one change that fools a network on most pictures (Moosavi-Dezfooli et al., 2017), and how often it does."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Annotated, Any

import torch
from torch import Generator, Tensor

from cnnviz_widgets.drawing.render import Content
from cnnviz_widgets.drawing.results import Result, rgb
from cnnviz_widgets.engine.counts import Counted
from cnnviz_widgets.engine.optimize import objectives
from cnnviz_widgets.engine.optimize.balls import in_8_bits
from cnnviz_widgets.engine.optimize.loop import OptimizationState, optimize
from cnnviz_widgets.engine.optimize.parametrizations import perturbation
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import OWN, Positive, Range, Seed, gate
from cnnviz_widgets.methods.adversarial.patch import prepared
from cnnviz_widgets.networks import Network
from cnnviz_widgets.pictures.given import AnyPicture, check_values

__all__ = ["UniversalSuccess", "universal", "universal_success"]
example = dict(steps=2, samples=2)

Level = Annotated[float, Range(1 / 255, 0.5)]  # from one level of a picture file on; more would leave 0…1 around gray


@gate
def universal(
    network: Network,
    images: Annotated[Any, OWN],
    epsilon: Level = 10 / 255,
    *,
    steps: Positive = 100,
    samples: Annotated[int, Range(1, 256)] = 8,
    step_size: Annotated[float, Range(above=0, most=1)] | None = None,
    seed: Seed = 0,
) -> Iterator[OptimizationState]:
    """One change for all pictures, after which a network takes them for something else (Moosavi-Dezfooli et al., 2017).

    images     photographs to find it with: a folder, a list, a batch, whatever ``load_dataset`` takes; some hundred do
    epsilon    by how much a value may change, 0…1
    steps      signed steps, each up the gradient of the mean margin: of the greatest other logit, less that of the
               class that the network answers without the change
    samples    photographs in a step, drawn anew each time
    step_size  in values 0…1; None = a tenth of ``epsilon``
    seed       of what is drawn
    Yields OptimizationState, whose ``values`` are the change itself, (C, H, W), in 8 bits, added to gray. It is
    untargeted; ``universal_success`` tries it on other photographs, beside its control: its own pixels shuffled.

        *_, state = universal(load_network("mini"), samples())
        universal_success(load_network("mini"), samples(), state.values)
    """
    photos, truth = _answered(network, images)

    def states() -> Iterator[OptimizationState]:
        draw, state = Generator().manual_seed(seed), None
        for step in range(1, steps + 1):
            some = torch.randperm(len(photos), generator=draw)[:samples]
            change = perturbation(photos[some], epsilon, universal=True, quantize=True)
            if state is not None:  # the same change, on other photographs
                state = replace(state, form=change.begin(network, draw))
            goal = objectives.margin(truth[some].tolist())
            run = optimize(
                network, goal, change, steps=step, optimizer="signed", learning_rate=step_size or epsilon / 10,
                seed=seed, start=state,
            )  # fmt: skip
            state = next(run)
            yield replace(state, total=steps, of="margin(what it was)")

    return states()


@dataclass(frozen=True, eq=False, repr=False)
class UniversalSuccess(Result):
    """How often one change makes a network answer something else.

    values    (N, C, H, W), 0…1, on the 8-bit grid: each picture with the change
    changed   how many get another answer than before
    control   the same for the change with its pixels in another order
    names     what the network takes each of ``values`` for
    """

    values: Tensor
    changed: Counted
    control: Counted
    names: tuple[str, ...]
    of: str = "universal change"
    convention: str = "pictures, values 0…1"

    def content(self) -> Content:
        caption = f"another answer: {self.changed}; pixels of the change shuffled: {self.control}"
        return Content(rgb(self.values), names=self.names, caption=caption)


@gate
def universal_success(network: Network, images: Annotated[Any, OWN], change: AnyPicture) -> UniversalSuccess:
    """How often one change makes a network answer something else, beside a control: its own pixels in another order.

    images  photographs that it was not found with: whatever ``load_dataset`` takes
    change  (C, H, W) around gray, values 0…1, of the network's size, as a state of ``universal`` has it
    Pictures are rounded to 8 bits, before and after.
    """
    check_values("change", change)
    photos, truth = _answered(network, images)
    if change.shape != photos.shape[1:]:
        raise UserError(
            f"change must have the shape of the network's pictures, {tuple(photos.shape[1:])}, not "
            f"{tuple(change.shape)}."
        )
    change = (change - 0.5).to(photos)
    order = torch.randperm(change[0].numel(), generator=Generator().manual_seed(0))
    shuffled = change.flatten(1)[:, order].view_as(change)
    shown, control = (in_8_bits((photos + one).clamp(0, 1)) for one in (change, shuffled))
    top, top_of_control = (network.top(network.logits(one)).cpu() for one in (shown, control))
    changed, by_control = (Counted(int((one != truth).sum()), len(truth)) for one in (top, top_of_control))
    return UniversalSuccess(shown.cpu(), changed, by_control, tuple(network.classes[one] for one in top.tolist()))


def _answered(network: Network, images: Any) -> tuple[Tensor, Tensor]:
    """The photographs as the network sees them, (N, C, H, W), in 8 bits, and what it answers to each, (N,)."""
    photos = in_8_bits(torch.stack(prepared(network, images)))
    return photos, network.top(network.finite(network.logits(photos))).cpu()

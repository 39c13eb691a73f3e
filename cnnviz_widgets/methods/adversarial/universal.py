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
from cnnviz_widgets.engine.optimize.smoothing import resize
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import OWN, Positive, Range, Seed, gate
from cnnviz_widgets.methods.adversarial.patch import prepared
from cnnviz_widgets.networks import Network
from cnnviz_widgets.pictures.given import AnyPicture, check_values

__all__ = ["UniversalSuccess", "universal", "universal_success"]
example = dict(steps=2, samples=2)

SMALLEST = 0.55  # side of the squares that are cut from the photographs, of theirs
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
    samples    photographs in a step, drawn anew each time; of each a part, mirrored or not: else, with few of them,
               the change would fit these and no others
    step_size  in values 0…1; None = a tenth of ``epsilon``
    seed       of what is drawn
    Yields OptimizationState, whose ``values`` are the change itself, (C, H, W), in 8 bits, added to gray. It is
    untargeted; ``universal_success`` tries it on other photographs, beside its control: its own pixels shuffled.

        *_, state = universal(load_network("mini"), samples())
        universal_success(load_network("mini"), samples(), state.values)
    """
    photos = torch.stack(prepared(network, images))

    def states() -> Iterator[OptimizationState]:
        draw, state = Generator().manual_seed(seed), None
        for step in range(1, steps + 1):
            some = torch.randperm(len(photos), generator=draw)[:samples]
            parts, truth = _answered(network, torch.stack([_part(photo, draw) for photo in photos[some]]))
            change = perturbation(parts, epsilon, universal=True, quantize=True)
            if state is not None:  # the same change, on other photographs
                state = replace(state, form=change.begin(network, draw))
            goal = objectives.margin(truth.tolist())
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
    before    what the network takes each of them for without it
    names     what it takes each of ``values`` for
    """

    values: Tensor
    changed: Counted
    control: Counted
    before: tuple[str, ...]
    names: tuple[str, ...]
    of: str = "universal change"
    convention: str = "pictures, values 0…1"

    def content(self) -> Content:
        caption = f"another answer: {self.changed}; pixels of the change shuffled: {self.control}"
        names = (old if old == new else f"{old} → {new}" for old, new in zip(self.before, self.names, strict=True))
        return Content(rgb(self.values), names=tuple(names), caption=caption)


@gate
def universal_success(network: Network, images: Annotated[Any, OWN], change: AnyPicture) -> UniversalSuccess:
    """How often one change makes a network answer something else, beside a control: its own pixels in another order.

    images  photographs that it was not found with: whatever ``load_dataset`` takes
    change  (C, H, W) around gray, values 0…1, of the network's size, as a state of ``universal`` has it
    Pictures are rounded to 8 bits, before and after.
    """
    check_values("change", change)
    photos, truth = _answered(network, torch.stack(prepared(network, images)))
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
    before, names = (tuple(network.classes[one] for one in each.tolist()) for each in (truth, top))
    return UniversalSuccess(shown.cpu(), changed, by_control, before, names)


def _answered(network: Network, photos: Tensor) -> tuple[Tensor, Tensor]:
    """Photographs (N, C, H, W) in 8 bits, and what the network answers to each, (N,)."""
    photos = in_8_bits(photos)
    return photos, network.top(network.finite(network.logits(photos))).cpu()


def _part(photo: Tensor, draw: Generator) -> Tensor:
    """A part of a photograph (C, H, W), of any size from ``SMALLEST`` on, enlarged to the whole, mirrored or not."""
    size, down, across, mirror = torch.rand(4, generator=draw).tolist()
    height, width = photo.shape[-2:]
    tall, wide = (max(1, round(side * (SMALLEST + (1 - SMALLEST) * size))) for side in (height, width))
    top, left = int(down * (height - tall + 1)), int(across * (width - wide + 1))
    part = resize(photo[None, :, top : top + tall, left : left + wide], (height, width))[0].clamp(0, 1)
    return part.flip(-1) if mirror < 0.5 else part

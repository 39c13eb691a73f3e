"""Data randomization test, the second half of S1: a network trained on permuted labels."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Annotated

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnnviz_widgets.engine.scratch import scratch_copy
from cnnviz_widgets.engine.training import Losses, train
from cnnviz_widgets.errors import UserError, naming
from cnnviz_widgets.gate import Positive, Range, Seed, gate
from cnnviz_widgets.methods.evaluation.sanity_check import randomize
from cnnviz_widgets.networks import Network
from cnnviz_widgets.runtime.interrupts import guarded

__all__ = ["random_labels"]
example = dict(epochs=1)


@dataclass(frozen=True, eq=False)
class TrainingState:
    """How far a training is.

    step, total  epochs done, and all of them
    loss         mean cross entropy in this epoch
    accuracy     share of the pictures whose random label the network gave, as it learned
    network      as it is now
    """

    step: int
    total: int
    loss: float
    accuracy: float
    network: Network


@gate
def random_labels(
    network: Network,
    pictures: Sequence[Tensor],
    *,
    epochs: Positive = 20,
    batch: Positive = 64,
    rate: Annotated[float, Range(above=0, most=1e6), "a positive number"] = 1e-3,
    seed: Seed = 0,
) -> Iterator[TrainingState]:
    """Train the same architecture from scratch on labels that say nothing (Adebayo et al., 2018; Zhang et al., 2017).

    network   whose module is copied and randomized; the copy is trained, by Adam
    pictures  (N, C, H, W), values 0…1, or any sequence of N pictures (C, H, W), such as a dataset without its labels;
              each gets one of the network's classes, drawn at random, and keeps it
    epochs    to train; stop earlier when the accuracy is high enough (0.95 in the paper)
    batch     pictures in a step
    rate      learning rate
    seed      of the labels, the first parameters, and the order of the pictures
    Yields TrainingState after every epoch.
    Raises UserError at once for no pictures, or a number out of range.

        *_, state = random_labels(network, pictures)
        sanity_check(saliency, network, photo, mode="labels", random_network=state.network)
    """
    if not len(pictures):
        raise UserError("pictures must be at least one (C, H, W), not none.")

    with network.lock:
        begun = network.with_module(scratch_copy(network.module, shared=False).requires_grad_())
    randomize(begun.module.modules(), seed)
    orders = torch.Generator().manual_seed(seed)
    labels = torch.randint(len(begun.classes), (len(pictures),), generator=orders)
    batches: list[Tensor] = []  # what is left of an epoch
    found: list[tuple[int, float, int]] = []  # of its batches so far: pictures, loss, and how many were right

    def losses(module: nn.Module, generator: torch.Generator, step: int) -> Losses:
        if not batches:
            order = torch.randperm(len(pictures), generator=orders)
            batches.extend(order.tensor_split(each))
        chosen = batches.pop(0)
        with naming("pictures"):
            prepared = torch.cat([begun.prepare(pictures[i]) for i in chosen.tolist()])
        with guarded(_own_random_numbers(begun.device)):
            torch.manual_seed(int(torch.randint(2**62, (), generator=generator)))  # of dropout
            output = module(begun.normalize(prepared))
        scores = begun.class_logits(begun.scores(output, len(chosen)))
        loss = F.cross_entropy(scores, labels[chosen].to(scores.device))
        found.append((len(chosen), loss.item(), int((scores.argmax(1).cpu() == labels[chosen]).sum())))
        return {"cross entropy": loss}

    each = -(-len(pictures) // batch)  # batches of like size: no last one of one picture, which BatchNorm refuses
    steps = train(begun.module, losses, _nothing, steps=epochs * each, learning_rate=rate, seed=seed)

    def states() -> Iterator[TrainingState]:
        for state in steps:
            if state.step % each == 0:
                counts, means, right = zip(*found, strict=True)
                loss = sum(n * mean for n, mean in zip(counts, means, strict=True)) / len(pictures)
                found.clear()
                yield TrainingState(
                    state.step // each, epochs, loss, sum(right) / len(pictures), network.with_module(state.network)
                )

    return states()


def _nothing(module: nn.Module) -> Tensor:
    """Of the preview, which nobody asks for."""
    return torch.zeros(1, 3, 1, 1)


def _own_random_numbers(device: torch.device) -> AbstractContextManager:
    """Inside, torch's random numbers may be seeded; the caller's go on afterwards as if none had been drawn."""
    return torch.random.fork_rng([device] if device.type == "cuda" else [])

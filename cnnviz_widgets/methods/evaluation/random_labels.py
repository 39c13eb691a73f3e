"""Data randomization test, the second half of S1: a network trained on permuted labels."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Annotated

import torch
import torch.nn.functional as F
from torch import Tensor

from cnnviz_widgets.engine.scratch import scratch_copy
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
    network      as it is now; later epochs change it
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

    def states() -> Iterator[TrainingState]:
        with network.lock:
            copy = network.with_module(scratch_copy(network.module, shared=False).requires_grad_())
        randomize(copy.module.modules(), seed)
        optimizer = torch.optim.Adam(copy.module.parameters(), rate)
        generator = torch.Generator().manual_seed(seed)
        labels = torch.randint(len(copy.classes), (len(pictures),), generator=generator)
        seeds = torch.Generator().manual_seed(seed)
        for epoch in range(epochs):
            total, right = 0.0, 0
            order = torch.randperm(len(pictures), generator=generator)
            for chosen in order.tensor_split(-(-len(order) // batch)):  # no last batch of one, which BatchNorm refuses
                with naming("pictures"):
                    prepared = [copy.prepare(pictures[i])[0] for i in chosen.tolist()]
                with guarded(copy.lock, torch.enable_grad(), _own_random_numbers(copy.device)):
                    torch.manual_seed(int(torch.randint(2**62, (), generator=seeds)))  # of dropout
                    copy.module.train()
                    output = copy.module(copy.normalize(torch.stack(prepared)))
                    scores = copy.class_logits(copy.scores(output, len(chosen)))
                    loss = F.cross_entropy(scores, labels[chosen].to(scores.device))
                    optimizer.zero_grad()
                    loss.backward()
                    optimizer.step()
                    copy.module.eval()
                total += loss.item() * len(chosen)
                right += int((scores.argmax(1).cpu() == labels[chosen]).sum())
            yield TrainingState(epoch + 1, epochs, total / len(order), right / len(order), copy)

    return states()


def _own_random_numbers(device: torch.device) -> AbstractContextManager:
    """Inside, torch's random numbers may be seeded; the caller's go on afterwards as if none had been drawn."""
    return torch.random.fork_rng([device] if device.type == "cuda" else [])

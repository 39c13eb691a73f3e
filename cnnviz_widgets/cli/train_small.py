"""Train the small networks for 64 px: the script that made their weights in this package.

    python -m cnnviz_widgets.cli.train_small small_plain DATA --out RUN
    python -m cnnviz_widgets.cli.train_small small_robust DATA --out RUN --epsilon 4
    python -m cnnviz_widgets.cli.train_small small_early DATA --out RUN --until 2 --coarse

``DATA`` is laid out as for :mod:`~cnnviz_widgets.cli.train_mini`. ``RUN`` receives ``NAME.training`` (to resume from:
the same command goes on where it stopped), ``NAME.safetensors`` (float16, class names inside) and ``NAME.tsv``.
``small_robust`` has the shape, the first weights and the pictures of ``small_plain``; ``--epsilon`` says by how much
each training picture is changed against the network (Madry et al., 2018). ``small_early`` is ``small_plain``
itself, kept early in its training.
"""

import argparse
import json
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn

from cnnviz_widgets.cli.train_mini import Nesterov, OneCycle, Turns, classes_of, normalize, predictions, read_folder
from cnnviz_widgets.engine.training import Losses, initialized, train
from cnnviz_widgets.methods.adversarial._hardening import hardened
from cnnviz_widgets.networks.small import INPUT_SIZE, SMALL

SHIFT = 6  # px: how far a picture is moved, at most


def moved(pictures: Tensor, generator: torch.Generator) -> Tensor:
    """Each picture shifted by up to 6 px and flipped at random; (B, 3, 64, 64) uint8 → 0…1."""
    padded = F.pad(pictures.float() / 255, [SHIFT] * 4, mode="reflect")
    offsets = torch.randint(2 * SHIFT + 1, (len(pictures), 2), generator=generator).tolist()
    flips = (torch.rand(len(pictures), generator=generator) < 0.5).tolist()
    height, width = pictures.shape[-2:]
    cut = [one[:, top : top + height, left : left + width] for one, (top, left) in zip(padded, offsets, strict=True)]
    return torch.stack([one.flip(-1) if flip else one for one, flip in zip(cut, flips, strict=True)])


class Lessons:
    """The losses of a training, of pictures that are changed against the network if ``epsilon`` is above 0."""

    def __init__(self, pictures: Tensor, numbers: Tensor, *, batch: int, seed: int, epsilon: float) -> None:
        self._pictures, self._numbers, self._turns = pictures, numbers, Turns(len(pictures), batch, seed)
        self._epsilon = epsilon
        self.steps = self._turns.steps

    def __call__(self, network: nn.Module, generator: torch.Generator, step: int) -> Losses:
        _, chosen = self._turns(step)
        shown, numbers = moved(self._pictures[chosen], generator), self._numbers[chosen]
        with torch.autocast(shown.device.type, torch.bfloat16):
            if self._epsilon:
                shown = hardened(network, normalize, shown, numbers, epsilon=self._epsilon, generator=generator)
            return {"cross entropy": F.cross_entropy(network(normalize(shown)), numbers)}


def train_small(
    name: str,
    data: Path,
    out: Path,
    *,
    epochs: int,
    until: int | None,
    coarse: bool,
    batch: int,
    rate: float,
    decay: float,
    seed: int,
    epsilon: float,
) -> None:
    out.mkdir(parents=True, exist_ok=True)
    ids, classes = classes_of(data)
    pictures, numbers = read_folder(data / "train", ids)
    held_out, truth = read_folder(data / "val", ids)

    network = initialized(lambda: SMALL[name](len(ids)), seed).to(memory_format=torch.channels_last)
    lessons = Lessons(pictures, numbers, batch=batch, seed=seed, epsilon=epsilon / 255)
    cycle = OneCycle(epochs * lessons.steps, rate)
    resumed = out / f"{name}.training"
    states = train(
        network,
        lessons,
        lambda network: next(network.parameters()),
        steps=cycle.total,
        optimizer=Nesterov(cycle.momentum, decay),
        learning_rate=cycle.rate,
        average=0.995,
        seed=seed,
        start=resumed if resumed.exists() else None,
        of=name,
    )
    began, total = time.perf_counter(), 0.0
    for state in states:
        total += state.loss
        epoch, rest = divmod(state.step, lessons.steps)
        if rest:
            continue
        weights = {key: _stored(one, coarse) for key, one in state.network.state_dict().items()}
        state.network.load_state_dict(weights)  # what is measured is what is kept
        right = (predictions(state.network, held_out, INPUT_SIZE).argmax(1) == truth).float().mean().item()
        line = f"{epoch}\t{total / lessons.steps:.4f}\t{right:.4f}\t{time.perf_counter() - began:.0f}"
        print(line, flush=True)
        with (out / f"{name}.tsv").open("a") as log:
            log.write(line + "\n")
        state.save(resumed)
        about = {"classes": json.dumps(classes), "accuracy": f"{right:.4f}"}
        save_file(weights, out / f"{name}.safetensors", about)
        if epoch == until:
            return
        began, total = time.perf_counter(), 0.0


def _stored(one: Tensor, coarse: bool) -> Tensor:
    kind = torch.float8_e5m2 if coarse and one.ndim > 1 else torch.half
    return (one.to(kind) if one.is_floating_point() else one).cpu().contiguous()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=SMALL)
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, default=Path("small-run"))
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--until", type=int, help="stop after this epoch of them")
    parser.add_argument("--coarse", action="store_true", help="keep the kernels in 8 bits (float8_e5m2), not in 16")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--rate", type=float, default=0.1, help="highest learning rate")
    parser.add_argument("--decay", type=float, default=5e-4, help="weight decay of the kernels")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epsilon", type=float, default=0, help="of the change of training pictures, in 1/255")
    train_small(**vars(parser.parse_args()))


if __name__ == "__main__":
    main()

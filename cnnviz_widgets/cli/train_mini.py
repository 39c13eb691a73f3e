"""Train ``mini`` from a folder of pictures: the script that made the weights in this package.

    python -m cnnviz_widgets.cli.train_mini DATA --out RUN

``DATA`` holds ``train/<class>/*.jpg`` and ``val/<class>/*.jpg`` and, if the folder names are ids, a ``classes.tsv``
(id, tab, name). ``RUN`` receives ``last.training`` (to resume from: the same command goes on where it stopped),
``mini.safetensors`` (float16, BatchNorm folded, class names inside), ``history.safetensors`` (first-layer weights at
the epochs ``KEEP``) and ``log.tsv``. The recipe: small crops first and larger ones later, one-cycle SGD, label
smoothing, and a running average of the weights, which is what is kept.
"""

import argparse
import json
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
import torch.nn.functional as F
from PIL import Image, ImageOps
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from cnnviz_widgets.engine.optimize.optimizers import Memory, Tensors
from cnnviz_widgets.engine.training import Losses, TrainingState, initialized, train
from cnnviz_widgets.networks.mini import INPUT_SIZE, MEAN, STD, fold, mini
from cnnviz_widgets.pictures.load import FORMATS

STORED = 64  # px: pictures are kept in memory at this size, as uint8
RISE = 0.15  # share of the steps in which the learning rate rises
KEEP = (1, 2, 5, 10, 20, 30)
PICTURES = (".jpeg", ".jpg", ".png", ".webp")


def read_folder(folder: Path, ids: Sequence[str]) -> tuple[Tensor, Tensor]:
    """All pictures of ``folder/<id>/`` as (N, 3, 64, 64) uint8, and their class numbers (N,)."""
    pictures, numbers = [], []
    for number, name in enumerate(ids):
        for path in sorted(p for p in (folder / name).iterdir() if p.suffix.lower() in PICTURES):
            picture = ImageOps.fit(
                Image.open(path, formats=FORMATS).convert("RGB"), (STORED, STORED), Image.Resampling.BICUBIC
            )
            pictures.append(torch.frombuffer(bytearray(picture.tobytes()), dtype=torch.uint8).view(STORED, STORED, 3))
            numbers.append(number)
    return torch.stack(pictures).permute(0, 3, 1, 2).contiguous(), torch.tensor(numbers)


def normalize(pictures: Tensor) -> Tensor:
    """uint8 0…255 or float 0…1 to the network's units."""
    if not pictures.is_floating_point():
        pictures = pictures.float() / 255
    mean, std = (torch.tensor(v, device=pictures.device).view(3, 1, 1) for v in (MEAN, STD))
    return ((pictures - mean) / std).contiguous(memory_format=torch.channels_last)


def augment(pictures: Tensor, size: int, generator: torch.Generator) -> Tensor:
    """Random crops (30–100% of the area), flips, small turns, color changes and erased squares, per picture."""
    n, device = len(pictures), pictures.device

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return (torch.rand(n, *shape, generator=generator) * (high - low) + low).to(device)

    side, aspect, turn = uniform(0.3, 1.0).sqrt(), uniform(-0.25, 0.25).exp(), uniform(-0.2, 0.2)
    width, height = (side * aspect).clamp(max=1), (side / aspect).clamp(max=1)
    flip = torch.where(uniform(0, 1) < 0.5, 1.0, -1.0)
    shift_x, shift_y = uniform(-1, 1) * (1 - width), uniform(-1, 1) * (1 - height)
    rows = [
        torch.stack([flip * width * turn.cos(), -height * turn.sin(), shift_x], 1),
        torch.stack([flip * width * turn.sin(), height * turn.cos(), shift_y], 1),
    ]
    grid = F.affine_grid(torch.stack(rows, 1), [n, 3, size, size], align_corners=False)
    x = F.grid_sample(pictures.float() / 255, grid, padding_mode="reflection", align_corners=False)

    gray = x.mean(1, keepdim=True)
    x = gray + (x - gray) * uniform(0.6, 1.4, 1, 1, 1)
    x = x * uniform(0.7, 1.3, 3, 1, 1).lerp(uniform(0.7, 1.3, 1, 1, 1), 0.7) + uniform(-0.1, 0.1, 1, 1, 1)

    place = torch.arange(size, device=device) / size
    top, left, extent = uniform(0, 1, 1), uniform(0, 1, 1), uniform(-0.3, 0.4, 1)
    inside_y = (place - top).abs() < extent / 2
    inside_x = (place - left).abs() < extent / 2
    return x.masked_fill((inside_y[:, :, None] & inside_x[:, None, :])[:, None], 0.45)


@torch.no_grad()
def predictions(network: nn.Module, pictures: Tensor, size: int = INPUT_SIZE) -> Tensor:
    """Class scores (N, classes) of uint8 pictures, shown to the network at ``size`` px."""
    network.eval()
    scaled = (F.interpolate(p.float() / 255, size=(size, size), mode="bilinear") for p in pictures.split(250))
    return torch.cat([network(normalize(p)) for p in scaled])


def crop_sizes(epochs: int) -> Iterator[int]:
    """64 px for the first half, 96 px up to the last eighth, then the size at which the network will be used."""
    for epoch in range(epochs):
        yield 64 if epoch < epochs / 2 else 96 if epoch < epochs * 7 / 8 else INPUT_SIZE


class OneCycle:
    """A learning rate that rises and falls, while the momentum falls and rises (Smith & Topin, 2018).

    total   steps
    rate    the highest one
    """

    def __init__(self, total: int, rate: float) -> None:
        self.total, self.highest = total, rate

    def rate(self, step: int) -> float:
        return self._at(step, self.highest / 10, self.highest, self.highest / 10_000)

    def momentum(self, step: int) -> float:
        return self._at(step, 0.95, 0.85, 0.95)

    def _at(self, step: int, first: float, middle: float, last: float) -> float:
        """Half a cosine from the first to the middle value, at 15% of the steps, and half a one to the last."""
        turn = RISE * self.total - 1
        if step - 1 <= turn:
            return _cosine(first, middle, (step - 1) / turn)
        return _cosine(middle, last, (step - 1 - turn) / (self.total - 1 - turn))


def _cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2


@dataclass(frozen=True)
class Nesterov:
    """Gradient ascent with Nesterov's momentum; kernels decay, biases and the weights of BatchNorm do not.

    momentum  by the step, from 1
    decay     of the weights, per unit of the learning rate
    """

    momentum: Callable[[int], float]
    decay: float

    def __call__(self, parameters: Tensors, gradients: Tensors, memory: Memory, rate: float) -> tuple[Tensors, Memory]:
        step, velocities = memory or (0, tuple(map(torch.zeros_like, gradients)))
        share = self.momentum(step + 1)
        climbs = tuple(
            g.sub(p, alpha=self.decay) if p.ndim > 1 else g for p, g in zip(parameters, gradients, strict=True)
        )
        velocities = tuple(g.add(v, alpha=share) for g, v in zip(climbs, velocities, strict=True))
        moved = (
            p.add(g.add(v, alpha=share), alpha=rate) for p, g, v in zip(parameters, climbs, velocities, strict=True)
        )
        return tuple(moved), (step + 1, velocities)


class Turns:
    """Which pictures a step is given: in every epoch all of them, in another order."""

    def __init__(self, count: int, batch: int, seed: int) -> None:
        self._count, self._batch, self._seed = count, batch, seed
        self.steps = math.ceil(count / batch)  # of an epoch

    def __call__(self, step: int) -> tuple[int, Tensor]:
        """The epoch, from 0, and the numbers of the pictures."""
        epoch, number = divmod(step - 1, self.steps)
        order = torch.randperm(self._count, generator=torch.Generator().manual_seed(self._seed * 1000 + epoch))
        return epoch, order.split(self._batch)[number]


class Lessons:
    """The losses of a training, in larger and larger crops."""

    def __init__(self, pictures: Tensor, numbers: Tensor, *, epochs: int, batch: int, seed: int) -> None:
        self._pictures, self._numbers, self._turns = pictures, numbers, Turns(len(pictures), batch, seed)
        self._sizes = [*crop_sizes(epochs)]
        self.steps = self._turns.steps

    def __call__(self, network: nn.Module, generator: torch.Generator, step: int) -> Losses:
        epoch, chosen = self._turns(step)
        scores = network(normalize(augment(self._pictures[chosen], self._sizes[epoch], generator)))
        return {"cross entropy": F.cross_entropy(scores, self._numbers[chosen], label_smoothing=0.1)}


def first_kernels(network: nn.Module) -> Tensor:
    """Those of the first layer, (64, 3, 9, 9), BatchNorm folded."""
    return fold(network).get_parameter("conv1.weight").detach()


def kernels(network: nn.Module) -> Tensor:
    """The first kernels as pictures."""
    weights = first_kernels(network)
    return 0.5 + weights / (2 * weights.abs().amax((1, 2, 3), keepdim=True).clamp(min=1e-12))


def classes_of(data: Path) -> tuple[list[str], list[str]]:
    """The folders of the classes, in their order, and what ``classes.tsv`` calls them, if it is there."""
    ids = sorted(path.name for path in (data / "train").iterdir() if path.is_dir())
    table = data / "classes.tsv"
    names = dict(line.split("\t") for line in table.read_text("utf-8").splitlines()) if table.exists() else {}
    return ids, [names.get(one, one).split(",")[0] for one in ids]


def train_mini(
    data: Path, out: Path, *, epochs: int, batch: int, rate: float, decay: float, seed: int, device: str
) -> None:
    out.mkdir(parents=True, exist_ok=True)
    ids, classes = classes_of(data)
    pictures, numbers = (t.to(device) for t in read_folder(data / "train", ids))
    held_out, truth = (t.to(device) for t in read_folder(data / "val", ids))

    network = initialized(lambda: mini(len(ids), batch_norm=True), seed).to(device)
    network = network.to(memory_format=torch.channels_last)
    lessons = Lessons(pictures, numbers, epochs=epochs, batch=batch, seed=seed)
    cycle = OneCycle(epochs * lessons.steps, rate)
    resumed, kept = out / "last.training", out / "history.safetensors"
    states = train(
        network,
        lessons,
        kernels,
        steps=cycle.total,
        optimizer=Nesterov(cycle.momentum, decay),
        learning_rate=cycle.rate,
        average=0.998,
        seed=seed,
        start=resumed if resumed.exists() else None,
        of="mini",
    )
    history = load_file(kept) if kept.exists() else {}
    began, total = time.perf_counter(), 0.0
    for state in states:
        total += state.loss
        epoch, rest = divmod(state.step, lessons.steps)
        if rest:
            continue
        right = (predictions(state.network, held_out).argmax(1) == truth).float().mean().item()
        size, seconds = [*crop_sizes(epochs)][epoch - 1], time.perf_counter() - began
        line = f"{epoch}\t{size}\t{total / lessons.steps:.4f}\t{right:.4f}\t{seconds:.0f}"
        print(line, flush=True)
        with (out / "log.tsv").open("a") as log:
            log.write(line + "\n")
        if epoch in KEEP:
            history[f"epoch{epoch:02d}"] = first_kernels(_latest(state)).half().cpu().contiguous()
            save_file(history, kept)
        state.save(resumed)
        shipped = {k: v.half().cpu().contiguous() for k, v in fold(state.network).state_dict().items()}
        save_file(shipped, out / "mini.safetensors", {"classes": json.dumps(classes), "accuracy": f"{right:.4f}"})
        began, total = time.perf_counter(), 0.0


def _latest(state: TrainingState) -> nn.Sequential:
    """The network with the weights of this step, not their average."""
    return replace(state, average=None).network


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, default=Path("mini-run"))
    parser.add_argument("--epochs", type=int, default=32)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--rate", type=float, default=0.1, help="highest learning rate")
    parser.add_argument("--decay", type=float, default=1e-3, help="weight decay of the kernels")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    train_mini(**vars(parser.parse_args()))


if __name__ == "__main__":
    main()

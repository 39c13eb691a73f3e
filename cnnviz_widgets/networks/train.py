"""Train ``mini`` from a folder of pictures: the script that made the weights in this package.

    python -m cnnviz_widgets.networks.train DATA --out RUN

``DATA`` holds ``train/<class>/*.jpg`` and ``val/<class>/*.jpg`` and, if the folder names are ids, a ``classes.tsv``
(id, tab, name). ``RUN`` receives ``last.pt`` (to resume from: the same command goes on where it stopped),
``mini.safetensors`` (float16, BatchNorm folded, class names inside), ``history.safetensors`` (first-layer weights at
the epochs ``KEEP``) and ``log.tsv``. The recipe: small crops first and larger ones later, one-cycle SGD, label
smoothing, and a running average of the weights, which is what is kept.
"""

import argparse
import json
import math
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from PIL import Image, ImageOps
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from cnnviz_widgets.networks.mini import INPUT_SIZE, MEAN, STD, fold, mini
from cnnviz_widgets.pictures.load import FORMATS

STORED = 64  # px: pictures are kept in memory at this size, as uint8
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
    """Random crops (30–100 % of the area), flips, small turns, color changes and erased squares, per picture."""
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


def train(data: Path, out: Path, *, epochs: int, batch: int, rate: float, decay: float, seed: int, device: str) -> None:
    torch.manual_seed(seed)
    out.mkdir(parents=True, exist_ok=True)
    ids = sorted(p.name for p in (data / "train").iterdir() if p.is_dir())
    names = (
        dict(line.split("\t") for line in (data / "classes.tsv").read_text("utf-8").splitlines())
        if (data / "classes.tsv").exists()
        else {}
    )
    classes = [names.get(i, i).split(",")[0] for i in ids]
    pictures, numbers = (t.to(device) for t in read_folder(data / "train", ids))
    held_out, truth = (t.to(device) for t in read_folder(data / "val", ids))

    network = mini(len(ids), batch_norm=True).to(device).to(memory_format=torch.channels_last)
    average = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(0.998), use_buffers=True)
    decayed = [p for p in network.parameters() if p.ndim > 1]
    others = [p for p in network.parameters() if p.ndim == 1]
    groups = [{"params": decayed, "weight_decay": decay}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.SGD(groups, lr=rate, momentum=0.9, nesterov=True)
    steps = math.ceil(len(pictures) / batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, rate, total_steps=epochs * steps, pct_start=0.15, div_factor=10, final_div_factor=1000
    )
    parts: tuple[Any, ...] = (network, average, optimizer, schedule)
    history: dict[str, Tensor] = {}
    first = 0
    if (out / "last.pt").exists():
        saved = torch.load(out / "last.pt", weights_only=True, map_location=device)
        for part, state in zip(parts, saved["states"], strict=True):
            part.load_state_dict(state)
        history, first = saved["history"], saved["epoch"]

    for epoch, size in enumerate(crop_sizes(epochs)):
        if epoch < first:
            continue
        began, total = time.perf_counter(), 0.0
        generator = torch.Generator().manual_seed(seed * 1000 + epoch)
        network.train()
        for chosen in torch.randperm(len(pictures), generator=generator).split(batch):
            scores = network(normalize(augment(pictures[chosen], size, generator)))
            loss = F.cross_entropy(scores, numbers[chosen], label_smoothing=0.1)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            average.update_parameters(network)
            total += loss.item() * len(chosen)
        right = (predictions(average.module, held_out).argmax(1) == truth).float().mean().item()
        line = f"{epoch + 1}\t{size}\t{total / len(pictures):.4f}\t{right:.4f}\t{time.perf_counter() - began:.0f}"
        print(line, flush=True)
        with (out / "log.tsv").open("a") as log:
            log.write(line + "\n")
        if epoch + 1 in KEEP:
            kernels = fold(network).get_parameter("conv1.weight")
            history[f"epoch{epoch + 1:02d}"] = kernels.detach().half().cpu().contiguous()
        torch.save(
            {"states": [p.state_dict() for p in parts], "history": history, "epoch": epoch + 1}, out / "last.partial"
        )
        (out / "last.partial").replace(out / "last.pt")  # never half a file
        shipped = {k: v.half().cpu().contiguous() for k, v in fold(average.module).state_dict().items()}
        save_file(shipped, out / "mini.safetensors", {"classes": json.dumps(classes), "accuracy": f"{right:.4f}"})
        if history:
            save_file(history, out / "history.safetensors")


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
    train(**vars(parser.parse_args()))


if __name__ == "__main__":
    main()

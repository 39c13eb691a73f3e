"""The pictures and tables of ``docs/made-pictures.md``.

    python tests/benchmarks/made_pictures.py FOLDER [classes] [features] [dream] [inversion]

``FOLDER`` is where the pictures go. The network is SqueezeNet 1.0 with ImageNet weights, on the CPU, which takes some
ten minutes.
"""

import sys
from pathlib import Path

import torch
from torch import Tensor, nn

import cnnviz_widgets as cnnviz
from cnnviz_widgets.drawing.plot import plot
from cnnviz_widgets.drawing.show import grid
from cnnviz_widgets.drawing.spectrum import fine_share
from cnnviz_widgets.methods.features.visualize import FAMILIES

CLASSES = ("goose", "ostrich", "dalmatian", "flamingo", "school bus", "bell pepper", "limousine")
UNITS = {"features.7": (5, 60, 200), "features.9": (10, 100, 300)}
DREAMED = "features.4", "features.7", "features.8", "features.10"
SHOWN = "features.8"


def changed(picture: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
    """A picture (3, H, W) as it is, and moved in ways that no class model is optimized with."""
    height, width = picture.shape[1:]
    shear = torch.tensor([[[1, 0.2, 0], [0.1, 1, 0]]])
    grid = nn.functional.affine_grid(shear, [1, 3, height, width], align_corners=False)
    away = torch.hypot(torch.linspace(-1, 1, height)[:, None], torch.linspace(-1, 1, width))
    return {
        "as it is": picture,
        "noise": (picture + 0.05 * torch.randn(picture.shape, generator=generator)).clamp(0, 1),
        "shear": nn.functional.grid_sample(picture[None], grid, padding_mode="border", align_corners=False)[0],
        "dark corners": picture * (1 - 0.3 * away),
        "16 levels": (picture * 15).round() / 15,
    }


def probabilities(network: cnnviz.Network, picture: Tensor, target: str) -> dict[str, float]:
    """Of the class, for the picture and each of its changes, in its own size."""
    moved = changed(picture, torch.Generator().manual_seed(0))
    scores, _ = network.forward(network.normalize(torch.stack([*moved.values()])))
    return dict(zip(moved, scores.softmax(1)[:, network.class_index(target)].tolist(), strict=True))


def spectrum(pictures: Tensor) -> tuple[list[float], list[float]]:
    """Energy of pictures (B, C, H, W) by frequency: cycles per pixel, and the mean over rings one step wide."""
    height, width = pictures.shape[-2:]
    energy = torch.fft.fft2(pictures).abs().square().sum(1).mean(0)
    radius = torch.hypot(torch.fft.fftfreq(height)[:, None], torch.fft.fftfreq(width))
    steps = min(height, width)
    ring = (radius * steps).round().long().flatten()
    means = torch.zeros(int(ring.max()) + 1).scatter_reduce(0, ring, energy.flatten(), "mean", include_self=False)
    rings = range(1, steps // 2 + 1)  # not the constant, and not the corners
    return [one / steps for one in rings], means[1 : steps // 2 + 1].tolist()


def activity(network: cnnviz.Network, layer: str, photo: Tensor) -> Tensor:
    """(h, w): how much a layer sees at each of its places, the norm over its channels."""
    _, values = network.forward(network.normalize(photo[None]), [layer], to_output=False)
    return torch.linalg.vector_norm(values[layer][0], dim=0)


def by_activity(seen: Tensor, change: Tensor) -> tuple[float, float]:
    """Mean change (H, W) in the quarter of a layer's places (h, w) that sees least, and in the one that sees most."""
    ordered = nn.functional.adaptive_avg_pool2d(change[None], seen.shape).flatten()[seen.flatten().argsort()]
    quarter = len(ordered) // 4
    return float(ordered[:quarter].mean()), float(ordered[-quarter:].mean())


def classes(network: cnnviz.Network, folder: Path) -> None:
    pictures = []
    print("\n| class | probability | the smallest of its changes |\n|---|---|---|")
    for name in CLASSES:
        pictures.append(cnnviz.last(cnnviz.class_model(network, name), progress=False).values)
        found = probabilities(network, pictures[-1], name)
        own, (change, least) = found.pop("as it is"), min(found.items(), key=lambda one: one[1])
        print(f"| {name} | {own:.4f} | {least:.4f}, {change} |", flush=True)
    _save(folder / "classes.jpg", *pictures, names=CLASSES, columns=4)


def features(network: cnnviz.Network, folder: Path) -> None:
    made = {
        family: [
            cnnviz.last(cnnviz.visualize(network, layer, channels, family=family, steps=128), progress=False).values
            for layer, channels in UNITS.items()
        ]
        for family in FAMILIES
    }
    names = [f"{family}: {one}" for family in FAMILIES for channels in UNITS.values() for one in channels]
    shown = (one for some in made.values() for pictures in some for one in pictures)
    _save(folder / "features.jpg", *shown, names=names, columns=6)
    curves = {family: spectrum(torch.cat(some)) for family, some in made.items()}
    plot(curves, "cycles per pixel", "energy", log=True).save(folder / "spectrum.png", optimize=True)
    print(f"\n| family | {' | '.join(UNITS)} |\n|---|{'---|' * len(UNITS)}")
    for family, some in made.items():
        shares = (sum(map(fine_share, pictures)) / len(pictures) for pictures in some)
        print(f"| {family} |", " | ".join(f"{one:.1%}" for one in shares), "|")


def dream(network: cnnviz.Network, folder: Path) -> None:
    photo = cnnviz.load_image("chelsea")
    print("\n| layer | change where it sees least | where it sees most | ratio |\n|---|---|---|---|")
    for layer in DREAMED:
        dreamed = cnnviz.last(cnnviz.dream(network, photo, layer), progress=False).values
        seen, change = activity(network, layer, photo), (dreamed - photo).abs().mean(0)
        least, most = by_activity(seen, change)
        print(f"| {layer} | {least:.3f} | {most:.3f} | {most / least:.1f} |", flush=True)
        if layer == SHOWN:
            names = ("chelsea", "what the layer sees in it", "dreamed", "how much it has changed")
            _save(folder / "dream.jpg", photo, seen, dreamed, change, names=names, columns=2)


def inversion(network: cnnviz.Network, folder: Path) -> None:
    ladder = cnnviz.last(cnnviz.inversion_ladder(network, cnnviz.load_image("chelsea")), progress=False)
    names = ["original", *(f"{layer}: {near:.1f} dB" for layer, near in ladder.psnr.items())]
    _save(folder / "inversion.jpg", ladder.picture, *ladder.values, names=names, columns=5)
    print("\n| layer | PSNR |\n|---|---|")
    for layer, near in ladder.psnr.items():
        print(f"| {layer} | {near:.1f} dB |")


def _save(path: Path, *pictures: Tensor, **options) -> None:
    grid(*pictures, **options).convert("RGB").save(path, quality=80, optimize=True)


PARTS = {one.__name__: one for one in (classes, features, dream, inversion)}


def main() -> None:
    folder, *wanted = sys.argv[1:]
    network = cnnviz.load_network("squeezenet1_0", device="cpu")
    for name in wanted or PARTS:
        PARTS[name](network, Path(folder))


if __name__ == "__main__":
    main()

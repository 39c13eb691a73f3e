"""The tables and pictures of ``docs/adversarial.md``: ``python -m tools.adversarial_table [part …] [--folder FOLDER]``.

Every part prints the rows of its table; all of them, if none is named. Where nothing else is said, the network is
SqueezeNet 1.0 with ImageNet weights. All pictures are rounded to 8 bits before the network is asked.

The pictures are those of a folder that the network recognizes, with names such as ``n01443537_goldfish.jpg``. Without a
folder they are the samples in color, and each part writes its sheet of pictures: many of the samples show nothing of
ImageNet's classes, so that what the network answers to one counts as its class.
"""

import argparse
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from itertools import chain
from pathlib import Path
from statistics import median_high
from typing import Any

import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import interpolate

import cnnviz_widgets as cnnviz
from cnnviz_widgets.drawing.render import tile
from cnnviz_widgets.drawing.results import rgb
from cnnviz_widgets.engine.counts import Counted
from cnnviz_widgets.engine.optimize.balls import in_8_bits
from cnnviz_widgets.engine.optimize.transforms import apply

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "adversarial"
TARGET = "ostrich"
SIDE = 176  # px of a picture on a sheet
GAP = 4  # px between two
AT_ONCE = 26  # pictures
FEW = 20  # pictures, where each costs hundreds of passes
AREAS = (0.05, 0.1)  # of the patch
FOOLING, SURE = 80, 0.99  # steps, and the probability at which they end
UNSEEN = 20  # draws of the transforms, with another seed
SMALL = ("small_plain", "small_residual", "small_wide")

asked = argparse.Namespace(parts=[], folder=None)


def main() -> None:
    parts = {part.__name__: part for part in PARTS}
    parser = argparse.ArgumentParser(description="The tables of docs/adversarial.md")
    parser.add_argument("parts", nargs="*", metavar="part", help=f"of {', '.join(parts)}; all, if none is named")
    parser.add_argument("--folder", type=Path, help="pictures named as n01443537_goldfish.jpg")
    parser.parse_args(namespace=asked)
    if unknown := [*{*asked.parts} - {*parts}]:
        parser.error(f"no such part: {unknown[0]}")
    for name in asked.parts or parts:
        began, cpu = time.perf_counter(), time.process_time()
        print(f"\n{name}", flush=True)
        shown = parts[name]()
        if not asked.folder:
            sheet(name, shown)
        print(f"{time.process_time() - cpu:.0f} s of a core, {time.perf_counter() - began:.0f} s", flush=True)


# The parts: each prints its rows and returns the pictures of its sheet.


def fgsm() -> list[Tensor]:
    shown = [photos()[0]]
    for levels in (0.25, 0.5, 1, 2):
        counts = []
        for quantize in (False, True):
            made = several(cnnviz.fgsm, photos(), epsilon=levels / 255, quantize=quantize)
            counts.append(count(joined(one.success for one in made)))
        row(f"{levels:g}/255", *counts)
        shown.append(made[0].values[0])
    return shown


def targeted() -> list[Tensor]:
    shown = [photos()[0]]
    for levels in (2, 4, 8):
        made = several(cnnviz.pgd, photos()[others(TARGET)], epsilon=levels / 255, target=TARGET, steps=20)
        files = [count(joined(one.survives("jpeg", quality) for one in made)) for quality in (95, 85, 75)]
        row(f"{levels}/255", count(joined(one.success for one in made)), *files)
        shown.append(made[0].values[0])
    return [*shown, made[0].amplified()[0]]


def noise() -> list[Tensor]:
    draw, shown = torch.Generator().manual_seed(0), [photos()[0]]
    for levels in (2, 4, 8, 16):
        signs = torch.randint(0, 2, photos().shape, generator=draw) * 2.0 - 1
        noisy = in_8_bits((photos() + levels / 255 * signs).clamp(0, 1))
        row(f"{levels}/255", count((answers(noisy) == labels()).tolist()))
        shown.append(noisy[0])
    return shown


def l2() -> list[Tensor]:
    shown = [photos()[0]]
    for epsilon in (0.25, 0.5, 1.0):
        made = several(cnnviz.pgd, photos(), norm="l2", epsilon=epsilon, steps=5)
        row(f"{epsilon:g}", count(joined(one.success for one in made)))
        shown.append(made[0].values[0])
    return [*shown, made[0].amplified()[0]]


def robust() -> list[Tensor]:
    """Poses of one photograph are not independent of each other: how the photographs differ is told beside."""
    network, shown = squeezenet(), []
    seen: dict[str, list[bool]] = {"robust": [], "plain": []}
    kept = photos()[others(TARGET)]
    for photo in kept[:: max(1, len(kept) // FEW)][:FEW]:
        for kind, transforms in (("robust", None), ("plain", ())):
            made = last(cnnviz.robust_example(network, photo, TARGET, transforms))
            drawn = torch.Generator().manual_seed(1000)
            turned = [apply(cnnviz.poses(), made.values[None], drawn).clamp(0, 1) for _ in range(UNSEEN)]
            tops = answers(in_8_bits(network.prepare(torch.cat(turned))))
            seen[kind] += (tops == network.class_index(TARGET)).tolist()
            shown += [made.values, turned[0][0]]
    for kind, hits in seen.items():
        shares = [sum(hits[at : at + UNSEEN]) / UNSEEN for at in range(0, len(hits), UNSEEN)]
        row(kind, count(hits), spread(shares, ".0%"))
    return shown[:4]


def patch() -> list[Tensor]:
    network = squeezenet()
    for area in AREAS:
        state = last(cnnviz.patch(network, photos()[::2], "toaster", area=area, steps=60))
        found = cnnviz.patch_success(network, photos()[1::2], state.values, "toaster")
        row(f"{area:.0%}", str(found.patched), str(found.control))
    return [state.values, *found.values[:4]]


def universal() -> list[Tensor]:
    """One change for half of the pictures, tried on the others; the same pixels in another order are the control."""
    network = squeezenet()
    state = last(cnnviz.universal(network, photos()[::2]))
    found = cnnviz.universal_success(network, photos()[1::2], state.values)
    row(str(found.changed), str(found.control))
    return [(0.5 + 10 * (state.values - 0.5)).clamp(0, 1), *found.values[:3]]


def fooling() -> list[Tensor]:
    """Toward every fiftieth class; those of the sheet first."""
    network, shown = squeezenet(), []
    targets = list(dict.fromkeys((TARGET, "school bus", "teapot", *network.classes[::50])))
    for encoding in ("pixels", "cppn"):
        made = [last(cnnviz.fool(network, target, encoding, steps=FOOLING)) for target in targets]
        chances = [float(one.probabilities.max()) for one in made]
        needed = [one.step for one, chance in zip(made, chances, strict=True) if chance >= SURE]
        row(encoding, count([chance >= SURE for chance in chances]), spread(needed), spread(chances, ".3f"))
        shown += [one.values[0] for one in made[:3]]
    return shown


def one_pixel() -> list[Tensor]:
    """With the margin, in logits, that is left of the unchanged picture's."""
    network, shown = cnnviz.load_network("mini"), list[Tensor]()
    for pixels in (1, 3, 5):
        fooled, left = [], []
        for photo in known():
            state = last(cnnviz.one_pixel(network, photo, pixels=pixels, generations=10))
            best, second = network.logits(state.picture).topk(2).values.tolist()
            fooled.append(state.fooled)
            left.append(state.margin / (best - second))
            shown += [state.values] * (len(fooled) == 1)
        row(f"{pixels}", count(fooled), spread(left, ".0%"), f"{state.queries} queries")
    return shown


def people() -> list[Tensor]:
    networks, mini = [cnnviz.load_network(name) for name in SMALL], cnnviz.load_network("mini")
    all_three: dict[str, list[bool]] = {"after": [], "flipped": []}
    held_out: dict[str, list[bool]] = {"before": [], "after": [], "flipped": []}
    shown: list[Tensor] = []
    for photo in map(cnnviz.load_image, colored()):
        for target in ("goose", "king penguin"):
            if target in (said(network, photo) for network in networks):
                continue
            made = last(cnnviz.human_example(networks, photo, target))
            for kind, hits in all_three.items():
                hits.append(all(answer[kind][0] == target for answer in made.answers.values()))
            for kind, hits in held_out.items():
                hits.append(made.asked(mini)[kind][0] == target)
            shown += [made.picture, made.values, made.flipped] if len(shown) < 6 else []
    row("all three", "", *(count(hits) for hits in all_three.values()))
    row("mini", *(count(hits) for hits in held_out.values()))
    return shown


# What they share


@cache
def squeezenet() -> cnnviz.Network:
    return cnnviz.load_network("squeezenet1_0")


@cache
def colored() -> tuple[str, ...]:
    """The samples in color that are no paintings."""
    names = [name for name in cnnviz.samples() if name not in cnnviz.samples().styles]
    return tuple(name for name in names if len(cnnviz.load_image(name).unique(dim=0)) == 3)


def of_folder(network: cnnviz.Network) -> list[Tensor]:
    """The pictures of the folder that a network recognizes."""
    named = [(path, path.stem.split("_", 1)[1].replace("_", " ")) for path in sorted(asked.folder.glob("*_*.*"))]
    pairs = [(cnnviz.load_image(path), name) for path, name in named if name in network.classes]
    return [photo for photo, name in pairs if said(network, photo) == name]


@cache
def known() -> list[Tensor]:
    """What ``mini`` recognizes: pictures of the folder, or samples with one object."""
    network = cnnviz.load_network("mini")
    if asked.folder:
        return of_folder(network)
    samples = [(cnnviz.load_image(name), cnnviz.samples().classes(name)) for name in cnnviz.samples()]
    return [photo for photo, names in samples if len(names) == 1 and said(network, photo) in names]


def said(network: cnnviz.Network, photo: Tensor) -> str:
    top: Any = network.predict(photo, 1)[0]
    return top.name


@cache
def photos() -> Tensor:
    """(N, 3, H, W), as the network sees them, in 8 bits."""
    given = of_folder(squeezenet()) if asked.folder else [*map(cnnviz.load_image, colored())]
    return in_8_bits(torch.cat([squeezenet().prepare(photo) for photo in given]))


@cache
def labels() -> Tensor:
    return answers(photos())


def answers(pictures: Tensor) -> Tensor:
    network = squeezenet()
    return torch.cat([network.top(network.logits(some)).cpu() for some in pictures.split(AT_ONCE)])


def others(target: str) -> Tensor:
    """Which pictures are not of the target already."""
    return labels() != squeezenet().class_index(target)


def last(states: Any) -> Any:
    return cnnviz.last(states, progress=False)


def several(attack: Callable[..., Any], pictures: Tensor, **how: Any) -> list[Any]:
    """Its results, of so many pictures at once."""
    made = [attack(squeezenet(), some, **how) for some in pictures.split(AT_ONCE)]
    return [last(one) if isinstance(one, Iterator) else one for one in made]


def joined(hits: Iterable[tuple[bool, ...]]) -> list[bool]:
    return [*chain.from_iterable(hits)]


def count(hits: Sequence[bool] | bool) -> str:
    several = [hits] if isinstance(hits, bool) else [*hits]
    return str(Counted(sum(several), len(several)))


def spread(values: Sequence[float], form: str = "g") -> str:
    """The least, the median and the greatest."""
    return " … ".join(format(value, form) for value in (min(values), median_high(values), max(values)))


def row(*cells: str) -> None:
    print(f"| {' | '.join(cells)} |", flush=True)


def sheet(name: str, pictures: list[Tensor]) -> None:
    """A row of pictures of the same size, as a JPEG file."""
    sized = [interpolate(one[None].float(), (SIDE, SIDE), mode="bilinear", antialias=True) for one in pictures]
    file = FOLDER / f"{name}.jpg"
    Image.fromarray(tile(rgb(torch.cat(sized)), len(sized), GAP)).save(file, quality=75, optimize=True)
    print(f"{file.name}: {file.stat().st_size} bytes, {len(sized)} pictures")


PARTS = (fgsm, targeted, noise, l2, robust, patch, universal, fooling, one_pixel, people)

if __name__ == "__main__":
    main()

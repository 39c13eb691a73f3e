"""The tables and pictures of ``docs/adversarial.md``: ``python -m tools.adversarial_table [part …]``, or all of them.

Every part prints the rows of its table and writes a sheet of pictures. Where nothing else is said, the network is
SqueezeNet 1.0 with ImageNet weights, and the pictures are the samples in color. Many of them show nothing of its
classes: what the network answers to a picture counts as its class. All pictures are rounded to 8 bits before the
network is asked.
"""

import sys
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path
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
FEW = 2  # pictures, where each costs hundreds of passes
AREA = 0.1  # of the patch
FEW_KNOWN = 8  # pictures, where each costs a thousand queries
UNSEEN = 20  # draws of the transforms, with another seed
SMALL = ("small_plain", "small_residual", "small_wide")


def main(names: list[str]) -> None:
    FOLDER.mkdir(exist_ok=True)
    for part in (fgsm, targeted, noise, l2, robust, patch, universal, fooling, one_pixel, people):
        if not names or part.__name__ in names:
            began, cpu = time.perf_counter(), time.process_time()
            print(f"\n{part.__name__}", flush=True)
            sheet(part.__name__, part())
            print(f"{time.process_time() - cpu:.0f} s of a core, {time.perf_counter() - began:.0f} s", flush=True)


# The parts: each prints its rows and returns the pictures of its sheet.


def fgsm() -> list[Tensor]:
    network, shown = squeezenet(), [photos()[0]]
    for levels in (0.25, 0.5, 1, 2):
        for quantize in (False, True):
            made = cnnviz.fgsm(network, photos(), levels / 255, truth=labels().tolist(), quantize=quantize)
            row(f"{levels:g}/255", "8 bits" if quantize else "floats", count(made.success))
        shown.append(made.values[0])
    return shown


def targeted() -> list[Tensor]:
    network, kept = squeezenet(), others(TARGET)
    shown = [photos()[0]]
    for levels in (2, 4, 8):
        made = cnnviz.last(
            cnnviz.pgd(network, photos()[kept], epsilon=levels / 255, target=TARGET, steps=20), progress=False
        )
        files = [count(made.survives("jpeg", quality)) for quality in (95, 85, 75)]
        row(f"{levels}/255", count(made.success), *files)
        shown.append(made.values[0])
    return [*shown, made.amplified()[0]]


def noise() -> list[Tensor]:
    draw, shown = torch.Generator().manual_seed(0), [photos()[0]]
    for levels in (2, 4, 8, 16):
        signs = torch.randint(0, 2, photos().shape, generator=draw) * 2.0 - 1
        noisy = in_8_bits((photos() + levels / 255 * signs).clamp(0, 1))
        row(f"{levels}/255", count((answers(noisy) == labels()).tolist()))
        shown.append(noisy[0])
    return shown


def l2() -> list[Tensor]:
    network, shown = squeezenet(), [photos()[0]]
    for epsilon in (0.25, 0.5, 1.0):
        states = cnnviz.pgd(network, photos(), norm="l2", epsilon=epsilon, truth=labels().tolist(), steps=5)
        made = cnnviz.last(states, progress=False)
        row(f"{epsilon:g}", count(made.success))
        shown.append(made.values[0])
    return [*shown, made.amplified()[0]]


def robust() -> list[Tensor]:
    network, shown = squeezenet(), []
    seen: dict[str, list[bool]] = {"robust": [], "plain": []}
    for photo in photos()[others(TARGET)][:FEW]:
        for kind, transforms in (("robust", None), ("plain", ())):
            made = cnnviz.last(cnnviz.robust_example(network, photo, TARGET, transforms), progress=False)
            drawn = torch.Generator().manual_seed(1000)
            turned = [apply(cnnviz.poses(), made.values[None], drawn).clamp(0, 1) for _ in range(UNSEEN)]
            tops = answers(in_8_bits(network.prepare(torch.cat(turned))))
            seen[kind] += (tops == network.class_index(TARGET)).tolist()
            shown += [made.values, turned[0][0]]
    for kind, hits in seen.items():
        row(kind, count(hits))
    return shown[:4]


def patch() -> list[Tensor]:
    network, names = squeezenet(), list(colored())
    state = cnnviz.last(cnnviz.patch(network, names[::2], "toaster", area=AREA, steps=60), progress=False)
    found = cnnviz.patch_success(network, names[1::2], state.values, "toaster")
    row(f"{AREA:.0%}", str(found.patched), str(found.control))
    return [state.values, *found.values[:4]]


def universal() -> list[Tensor]:
    """One change for half of the pictures, tried on the others; the same pixels in another order are the control."""
    network = squeezenet()
    state = cnnviz.last(cnnviz.universal(network, photos()[::2], steps=60), progress=False)
    found = cnnviz.universal_success(network, photos()[1::2], state.values)
    row(str(found.changed), str(found.control))
    return [(0.5 + 10 * (state.values - 0.5)).clamp(0, 1), *found.values[:3]]


def fooling() -> list[Tensor]:
    network, shown = squeezenet(), []
    for encoding in ("pixels", "cppn"):
        steps = []
        for target in (TARGET, "school bus", "teapot"):
            states = cnnviz.fool(network, target, encoding, steps=80)
            made = cnnviz.last(states, progress=False)
            steps.append(f"{target}: {made.step} steps, {float(made.probabilities.max()):.3f}")
            shown.append(made.values if made.values.ndim == 3 else made.values[0])
        row(encoding, *steps)
    return shown


def one_pixel() -> list[Tensor]:
    """With the margin, in logits, that is left of the unchanged picture's."""
    network, names, shown = cnnviz.load_network("mini"), known(), []
    for pixels in (1, 5):
        fooled, left = [], []
        for name in names:
            photo = cnnviz.load_image(name)
            state = cnnviz.last(cnnviz.one_pixel(network, photo, pixels=pixels, generations=10), progress=False)
            best, second = network.logits(state.picture).topk(2).values.tolist()
            fooled.append(state.fooled)
            left.append(state.margin / (best - second))
            shown += [state.values] * (name == names[0])
        row(f"{pixels}", count(fooled), f"{min(left):.0%} … {max(left):.0%}", f"{state.queries} queries")
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
            made = cnnviz.last(cnnviz.human_example(networks, photo, target), progress=False)
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


def known() -> list[str]:
    """Samples with one object, which ``mini`` recognizes."""
    names = [name for name in cnnviz.samples() if len(cnnviz.samples().classes(name)) == 1]
    network = cnnviz.load_network("mini")
    return [name for name in names if said(network, cnnviz.load_image(name)) in cnnviz.samples().classes(name)][
        :FEW_KNOWN
    ]


def said(network: cnnviz.Network, photo: Tensor) -> str:
    top: Any = network.predict(photo, 1)[0]
    return top.name


@cache
def photos() -> Tensor:
    """(N, 3, H, W), as the network sees them, in 8 bits."""
    return in_8_bits(torch.cat([squeezenet().prepare(cnnviz.load_image(name)) for name in colored()]))


@cache
def labels() -> Tensor:
    return answers(photos())


def answers(pictures: Tensor) -> Tensor:
    return squeezenet().top(squeezenet().logits(pictures)).cpu()


def others(target: str) -> Tensor:
    """Which pictures are not of the target already."""
    return labels() != squeezenet().class_index(target)


def count(hits: Sequence[bool] | bool) -> str:
    several = [hits] if isinstance(hits, bool) else [*hits]
    return str(Counted(sum(several), len(several)))


def row(*cells: str) -> None:
    print(f"| {' | '.join(cells)} |", flush=True)


def sheet(name: str, pictures: list[Tensor]) -> None:
    """A row of pictures of the same size, as a JPEG file."""
    sized = [interpolate(one[None].float(), (SIDE, SIDE), mode="bilinear", antialias=True) for one in pictures]
    file = FOLDER / f"{name}.jpg"
    Image.fromarray(tile(rgb(torch.cat(sized)), len(sized), GAP)).save(file, quality=75, optimize=True)
    print(f"{file.name}: {file.stat().st_size} bytes, {len(sized)} pictures")


if __name__ == "__main__":
    main(sys.argv[1:])

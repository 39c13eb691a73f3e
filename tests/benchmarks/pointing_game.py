"""Which method points at the object? The table of ``docs/pointing-game.md``.

    python tests/benchmarks/pointing_game.py PICTURES [METHOD …]

``PICTURES`` is a folder of ImageNet pictures such as ``n01443537_goldfish.jpg``; their boxes, drawn by hand, are in
``tests/oracles/boxes.json``, in pixels of the pictures. The network is SqueezeNet 1.0 with ImageNet weights.
"""

import json
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

import cnnviz_widgets as cnnviz
from cnnviz_widgets import Heatmap, boxes_in_view, edge_map, pointing_game

BOXES = json.loads((Path(__file__).parents[1] / "oracles" / "boxes.json").read_text())
SMALL = 0.25  # share of the picture below which an object is
TOLERANCE = 15  # px


def examples(network: cnnviz.Network, pictures: Mapping[str, Path]) -> list[tuple[Tensor, int, list]]:
    """(picture, class, boxes in view) of all that have boxes."""
    found = []
    for name, drawn in BOXES.items():
        picture = cnnviz.load_image(pictures[name])
        assert list(picture.shape[:0:-1]) == drawn["size"]
        target = network.class_index(name.partition("_")[2].replace("_", " "))
        found.append((network.prepare(picture)[0], target, boxes_in_view(network, picture, drawn["boxes"])))
    return found


def only_small(shown: list[tuple[Tensor, int, list]]) -> list[tuple[Tensor, int, list]]:
    """Those whose boxes cover less than ``SMALL`` of the picture."""

    def share(picture: Tensor, boxes: list) -> float:
        inside = torch.zeros(picture.shape[-2:])
        for left, top, right, bottom in boxes:
            inside[top:bottom, left:right] = 1
        return float(inside.mean())

    return [one for one in shown if share(one[0], one[2]) < SMALL]


def center(network: cnnviz.Network, image: Tensor, target: int) -> Tensor:
    rows, columns = (torch.linspace(-1, 1, side).abs() for side in network.prepare(image).shape[-2:])
    return -torch.maximum(rows[:, None], columns)


def edges(network: cnnviz.Network, image: Tensor, target: int) -> Heatmap:
    return edge_map(network.prepare(image)[0])


def occlusion(network: cnnviz.Network, image: Tensor, target: int) -> Tensor:
    return cnnviz.last(cnnviz.occlusion(network, image, target, size=56, stride=14), progress=False).heatmap


METHODS = {
    "center of the picture, no map": center,
    "edges (Sobel), no network": edges,
    "saliency": cnnviz.saliency,
    "saliency, deconvnet": partial(cnnviz.saliency, rule="deconvnet"),
    "saliency, guided": partial(cnnviz.saliency, rule="guided"),
    "gradient × input": cnnviz.input_x_gradient,
    "SmoothGrad (25 samples)": cnnviz.smoothgrad,
    "integrated gradients (50 steps, black)": cnnviz.integrated_gradients,
    "FullGrad": cnnviz.full_grad,
    "occlusion (56 px, stride 14)": occlusion,
    "CAM": cnnviz.cam,
    "Grad-CAM": cnnviz.grad_cam,
    "Grad-CAM++": cnnviz.grad_cam_pp,
    "HiResCAM": cnnviz.hires_cam,
    "LayerCAM": cnnviz.layer_cam,
    "Score-CAM (64 channels)": partial(cnnviz.score_cam, channels=64),
    "guided Grad-CAM": cnnviz.guided_grad_cam,
}


def main() -> None:
    folder, *wanted = sys.argv[1:]
    network = cnnviz.load_network("squeezenet1_0")
    shown = examples(network, {path.stem: path for path in Path(folder).glob("*.jpg")})
    small = len(only_small(shown))
    print(f"{len(shown)} pictures, {small} with small objects; boxes: {sum(len(boxes) for *_, boxes in shown)}\n")
    print(f"| method | in a box | small objects | within {TOLERANCE} px | small objects |")
    print("|---|---|---|---|---|")
    for name, method in METHODS.items():
        if wanted and name not in wanted:
            continue
        results = pointing_game(method, network, shown, TOLERANCE).results
        few = [one for one in results if one.area < SMALL]
        cells = [
            sum(one.distance <= most for one in some) / len(some) for most in (0, TOLERANCE) for some in (results, few)
        ]
        print(f"| {name} |", " | ".join(f"{100 * cell:.0f}%" for cell in cells), "|", flush=True)
    chances = [
        sum(getattr(one, key) for one in some) / len(some) for key in ("area", "chance") for some in (results, few)
    ]
    print("| *random points, expected* |", " | ".join(f"{100 * chance:.0f}%" for chance in chances), "|")


if __name__ == "__main__":
    main()

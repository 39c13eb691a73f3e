"""How good is it, and what does it mix up: the figures in ``docs/mini.md``.

    python -m cnnviz_widgets.cli.evaluate_mini DATA

``DATA`` holds ``val/<class>/*.jpg``, in the layout of :mod:`~cnnviz_widgets.cli.train_mini`.
"""

import argparse
from pathlib import Path

import torch
from torch import Tensor

from cnnviz_widgets.cli.train_mini import predictions, read_folder
from cnnviz_widgets.networks.zoo import load_network

SIZES = (64, 96, 128, 160, 224)


def confusion(scores: Tensor, truth: Tensor) -> Tensor:
    """(classes, classes): how many pictures of the row's class were taken for the column's."""
    classes = scores.shape[1]
    return torch.bincount(truth * classes + scores.argmax(1), minlength=classes**2).view(classes, classes)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    folder = parser.parse_args().data / "val"
    network = load_network("mini", device="cpu")
    ids = sorted(path.name for path in folder.iterdir() if path.is_dir())
    pictures, truth = read_folder(folder, ids)

    print("| shown at | top-1 | top-5 |\n|---|---|---|")
    for size in SIZES:
        scores = predictions(network.module, pictures, size)
        first = (scores.argmax(1) == truth).float().mean()
        five = (scores.topk(5).indices == truth[:, None]).any(1).float().mean()
        print(f"| {size} px | {first:.1%} | {five:.1%} |")

    counts = confusion(predictions(network.module, pictures), truth)
    right = counts.diagonal() / counts.sum(1)
    for title, order in (("best", right.argsort(descending=True)), ("worst", right.argsort())):
        print(f"\n{title}: " + ", ".join(f"{network.classes[i]} {right[i]:.0%}" for i in order[:8].tolist()))
    mixed = counts - counts.diag().diag()
    print("\n| what it is | what it was taken for | of all |\n|---|---|---|")
    for place in mixed.flatten().argsort(descending=True)[:12].tolist():
        row, column = divmod(place, len(ids))
        share = mixed[row, column] / counts[row].sum()
        print(f"| {network.classes[row]} | {network.classes[column]} | {share:.0%} |")


if __name__ == "__main__":
    main()

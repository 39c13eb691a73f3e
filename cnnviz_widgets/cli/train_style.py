"""Train a style from a folder of photographs: how the bundled ones were made.

    python -m cnnviz_widgets.cli.train_style stained_glass PHOTOGRAPHS --out stained_glass.safetensors

``OUT.training`` beside it is to resume from: the same command goes on where it stopped.
"""

import argparse
from pathlib import Path

import torch

import cnnviz_widgets as cnnviz
from cnnviz_widgets.runtime.progress import bar

SAVED = 100  # steps from one saved state to the next


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("style", help="a picture, or the name of a sample")
    parser.add_argument("images", type=Path, help="a folder of photographs, some 200")
    parser.add_argument("--out", type=Path, default=Path("style.safetensors"))
    parser.add_argument("--network", default="squeezenet1_0")
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--beta", type=float, default=20, help="weight of the style")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    network, resumed = cnnviz.load_network(chosen.network), chosen.out.with_suffix(".training")
    options = {"beta": chosen.beta, "steps": chosen.steps, "start": resumed if resumed.exists() else None}
    with bar(total=chosen.steps) as shown:
        for state in cnnviz.train_style(network, chosen.style, chosen.images, **options):
            shown.set_postfix({name: f"{value:.2f}" for name, value in state.losses.items()}, refresh=False)
            shown.update(state.step - shown.n)
            if state.step % SAVED == 0 or state.step == state.total:
                state.save(resumed)
                cnnviz.save_style(state, chosen.out)


if __name__ == "__main__":
    main()

r"""Train a style, an upscaler, a generator of objects or a decoder of features: how the bundled ones were made.

    python -m cnnviz_widgets.cli.train style stained_glass PHOTOGRAPHS --out stained_glass.safetensors
    python -m cnnviz_widgets.cli.train upscaler PHOTOGRAPHS --out upscaler.safetensors
    python -m cnnviz_widgets.cli.train generator --out generator.safetensors --up rays \
        --pictures 1500 --learning-rate 0.006 --steps 1800
    python -m cnnviz_widgets.cli.train decoder relu3 PHOTOGRAPHS --out relu3.safetensors

``OUT.training`` beside it is to resume from: the same command goes on where it stopped.
"""

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch

import cnnviz_widgets as cnnviz
from cnnviz_widgets.engine.training import TrainingState
from cnnviz_widgets.runtime.progress import bar

OPTIONS = ("steps", "beta", "style_size", "pictures", "batch", "up", "learning_rate")  # options of trainings
SAVED = 100  # steps from one saved state to the next


def main() -> None:
    chosen = _parser().parse_args()
    torch.set_num_threads(chosen.threads)
    given = {name: getattr(chosen, name, None) for name in OPTIONS}
    options: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    resumed = chosen.out.with_suffix(".training")
    options["start"] = resumed if resumed.exists() else None
    if chosen.what == "style":
        network = cnnviz.load_network(chosen.network)
        states = cnnviz.train_style(network, chosen.style, chosen.images, **options)
        _run(states, cnnviz.save_style, resumed, chosen.out)
    elif chosen.what == "generator":
        _run(cnnviz.train_generator(**options), cnnviz.save_generator, resumed, chosen.out)
    elif chosen.what == "decoder":
        network = cnnviz.load_network(chosen.network)
        _run(
            cnnviz.train_decoder(network, chosen.layer, chosen.images, **options),
            cnnviz.save_decoder,
            resumed,
            chosen.out,
        )
    else:
        _run(cnnviz.train_upscaler(chosen.images, **options), cnnviz.save_upscaler, resumed, chosen.out)


def _run(
    states: Iterator[TrainingState], save: Callable[[TrainingState, Path], None], resumed: Path, out: Path
) -> None:
    with bar(total=0) as shown:
        for state in states:
            shown.total = state.total
            shown.set_postfix({name: f"{value:.3g}" for name, value in state.losses.items()}, refresh=False)
            shown.update(state.step - shown.n)
            if state.step % SAVED == 0 or state.step == state.total:
                state.save(resumed)
                save(state, out)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    kinds = parser.add_subparsers(dest="what", required=True)
    names = ("style", "upscaler", "generator", "decoder")
    style, upscaler, generator, decoder = (kinds.add_parser(name) for name in names)
    style.add_argument("style", help="a picture, or the name of a sample")
    decoder.add_argument("layer", help="whose features are decoded")
    decoder.add_argument("--network", default="mini", help="of the layer")
    for kind in (style, upscaler, decoder):
        kind.add_argument("images", type=Path, help="a folder of photographs: some 200, thousands for a decoder")
    for kind in (style, upscaler, generator, decoder):
        kind.add_argument("--out", type=Path, required=True)
        kind.add_argument("--steps", type=int)
        kind.add_argument("--threads", type=int, default=torch.get_num_threads())
    generator.add_argument("--pictures", type=int, help="that are rendered first")
    generator.add_argument("--batch", type=int, help="pictures in a step")
    generator.add_argument("--learning-rate", type=float, help="at most")
    generator.add_argument("--up", choices=("resize", "transposed", "rays"), help="how pictures come to be")
    style.add_argument("--network", default="squeezenet1_0", help="whose features are compared")
    style.add_argument("--beta", type=float, help="weight of the style")
    style.add_argument("--style-size", type=int, help="px of the style's shorter side")
    return parser


if __name__ == "__main__":
    main()

"""Draw the atlas of a network: the script that made the one of ``mini`` in this package.

    python -m cnnviz_widgets.cli.draw_atlas mini --out mini.atlas

Every channel of every convolution, as ``cnnviz.atlas`` draws it. The file is saved after each layer, and the same
command goes on where it stopped.
"""

import argparse
from pathlib import Path

from cnnviz_widgets.engine.states import last
from cnnviz_widgets.methods.units.atlas import SIZE, STEPS, Atlas, atlas, load_atlas
from cnnviz_widgets.networks import load_network
from cnnviz_widgets.networks.layers import convolutions


def draw_atlas(name: str, out: Path, *, size: int = SIZE, steps: int = STEPS) -> Atlas:
    network = load_network(name)
    known = load_atlas(out, network) if out.exists() else None
    for layer in convolutions(network.layers):
        known = last(atlas(network, layer, size, steps=steps, start=known))
        known.save(out)
        print(f"{layer.name}: {known.drawn[layer.name].sum()} of {layer.channels} channels", flush=True)
    assert known is not None  # a network that has a convolution
    return known


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", help="as in load_network")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--size", type=int, default=SIZE, help="of a picture, in px")
    parser.add_argument("--steps", type=int, default=STEPS)
    draw_atlas(**vars(parser.parse_args()))


if __name__ == "__main__":
    main()

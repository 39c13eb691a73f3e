"""Train the bundled interpretable filters: the script that made their file in this package.

    python -m cnnviz_widgets.cli.train_interpretable --steps 600 --out interpretable.safetensors

Nothing is downloaded: the pictures are rendered. The file is written after every measurement.
"""

import argparse
import time
from pathlib import Path

from cnnviz_widgets.methods.interpretable.train_interpretable import MEASUREMENTS, TRAININGS, train_interpretable


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("interpretable.safetensors"))
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--weight", type=float, default=0.1, help="of the filter loss")
    parser.add_argument("--filters", type=int, default=16)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    began = time.process_time()
    states = train_interpretable(steps=given.steps, weight=given.weight, filters=given.filters, seed=given.seed)
    for state in states:
        if state.step == given.steps or state.step % max(1, given.steps // MEASUREMENTS) == 0:
            last = state.course[-1]
            told = [
                f"{name}: accuracy {right:.3f}, instability {spread:.4f} of {filters} filters"
                for name, right, spread, filters in zip(TRAININGS, *last[1:], strict=True)
            ]
            print(f"{state.step}\t{time.process_time() - began:.0f} s\t" + "; ".join(told), flush=True)
            state.save(given.out)


if __name__ == "__main__":
    main()

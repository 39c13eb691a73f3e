"""How two processes compare with one: a scan by Dask workers, and the training of a style.

    python tests/benchmarks/cluster.py

All is measured in turn, several times, in one run, as the time that it takes and as processor time of all processes,
which other work on the machine does not change. The tables of ``docs/clusters.md`` are from here.
"""

import json
import os
import pickle
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import torch

import cnnviz_widgets as cnnviz
from cnnviz_widgets.methods.scan import scan as scanning
from cnnviz_widgets.pictures import load_dataset

PICTURES, STEPS, TURNS = 512, 4, 2
STYLE = """
import json, os, sys, time
import torch.distributed as dist
import cnnviz_widgets as cnnviz

if int(os.environ["WORLD_SIZE"]) > 1:
    dist.init_process_group("gloo")
net, photos = cnnviz.load_network("mini"), cnnviz.scenes(64)
states = cnnviz.train_style(net, "stained_glass", photos, batch=8, steps=int(sys.argv[1]) + 2)
next(states), next(states)
began = time.monotonic(), time.process_time()
for state in states:
    pass
wall, own = ((now - then) / int(sys.argv[1]) for now, then in zip((time.monotonic(), time.process_time()), began))
print(json.dumps([wall, own]), flush=True)
"""


def main() -> None:
    from distributed import Client, LocalCluster

    net, pictures = cnnviz.load_network("mini"), cnnviz.scenes(PICTURES)
    taken: dict[int, list[tuple[float, float]]] = {0: [], 1: [], 2: []}
    for _ in range(TURNS):
        taken[0].append(scanned(net, pictures, None))
        for workers in (1, 2):
            with (
                LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=None) as cluster,
                Client(cluster) as client,
            ):
                client.run(import_module, scanning.__name__)
                cnnviz.last(cnnviz.scan(net, cnnviz.scenes(16), cluster=client), progress=False)
                taken[workers].append(scanned(net, pictures, client))
    report("scan, pictures/s", {count: [(PICTURES / a, PICTURES / b) for a, b in all] for count, all in taken.items()})
    traffic(net, pictures)
    training()


def report(what: str, taken: dict[int, list[tuple[float, float]]]) -> None:
    for count, several in taken.items():
        wall, processor = (statistics.median(one) for one in zip(*several, strict=True))
        print(f"{what}, {count} processes: {wall:.3f}, by processor time {processor:.3f}", several, flush=True)


def scanned(net, pictures, client) -> tuple[float, float]:
    """Seconds that a scan takes, and of processor time in all processes."""

    def spent() -> float:
        return time.process_time() + sum(client.run(time.process_time).values() if client else ())

    began = time.monotonic(), spent()
    cnnviz.last(cnnviz.scan(net, pictures, cluster=client), progress=False)
    return time.monotonic() - began[0], spent() - began[1]


def traffic(net, pictures) -> None:
    """What goes to a worker and comes back, and how long merging takes."""
    layers = [one for one in net.layers if one.kind == "Conv2d"]
    nothing = scanning._nothing(net, load_dataset(pictures), layers, 9, 0)
    part, _ = scanning._whole(nothing, range(256), None)
    print(f"to a worker: {len(pickle.dumps(nothing)):,} bytes; back: {len(pickle.dumps(part)):,} bytes")
    state = nothing
    began = time.process_time()
    for _ in range(10):
        state = state | replace(part, network=state.network, pictures=state.pictures)
    print(f"merging a part: {(time.process_time() - began) / 10 * 1000:.1f} ms of processor time")


def training() -> None:
    taken: dict[int, list[tuple[float, float]]] = {1: [], 2: []}
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "train.py"
        script.write_text(STYLE)
        for _ in range(TURNS):
            for count in taken:
                command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node"]
                ran = subprocess.run(
                    [*command, str(count), str(script), str(STEPS)],
                    env=os.environ | {"OMP_NUM_THREADS": "1"}, capture_output=True, text=True, check=True,
                )  # fmt: skip
                told = [json.loads(line) for line in ran.stdout.splitlines() if line.startswith("[")]
                taken[count].append((max(wall for wall, _ in told), sum(own for _, own in told)))
    report("a step of a style, s", taken)
    weights = cnnviz.last(
        cnnviz.train_style(cnnviz.load_network("mini"), "stained_glass", torch.rand(2, 3, 160, 160), steps=1)
    ).weights
    print(f"gradients: {sum(one.numel() for one in weights.values()) * 4:,} bytes a step and process")


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()

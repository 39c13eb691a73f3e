"""Times this checkout against another revision of it, in turn and in one run, by processor time.

    python -m tools.compare main~20                  all calls
    python -m tools.compare v0.1 occlusion dream     these

Both run on one thread and on the same weights, a SqueezeNet of random ones, each in a process of its own. Of every call
stand there the medians of both, and the median of the ratios of neighboring runs, which a busy machine hardly changes;
nan where a revision does not have the call.

``visualize``, ``dream`` and ``invert`` take eight steps. ``import`` is a process that imports the package and nothing
else. ``slider`` is the kernel's part from a slider to pixels, a panel that computes again;
``pytest tests/benchmarks/test_latency.py`` measures all of it in a browser.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CALLS = {
    "occlusion": "for _ in cnnviz.occlusion(net, photo, 0): pass",
    "grad_cam": "cnnviz.grad_cam(net, photo, 0)",
    "saliency": "cnnviz.saliency(net, photo, 0)",
    "visualize": "for _ in cnnviz.visualize(net, net.default_layer, 0, steps=8): pass",
    "dream": "for _ in cnnviz.dream(net, photo, octaves=1, steps=8): pass",
    "invert": "for _ in cnnviz.invert(net, photo, net.default_layer, steps=8): pass",
    "slider": 'panel = globals().get("panel") or cnnviz.panels.Occlusion(net, photo, size=32, stride=32); '
    "panel.size = 96 - panel.size; panel.run()",
    "import": 'subprocess.run([sys.executable, "-c", "import cnnviz_widgets"], check=True)',
}
SETUP = """
import torch, torchvision
import cnnviz_widgets as cnnviz

torch.set_num_threads(1)
torch.manual_seed(0)
net = cnnviz.Network(torchvision.models.squeezenet1_0(weights=None).eval(), input_size=224)
photo = torch.rand(3, 224, 224)
"""
LOOP = """
import resource, subprocess, sys

def used():
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))

for call in sys.stdin:
    began = used()
    try:
        exec(call)
        print(used() - began, flush=True)
    except AttributeError:  # a revision that does not have it
        print("nan", flush=True)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("revision")
    parser.add_argument("calls", nargs="*", metavar="call", help=f"of {', '.join(CALLS)}; none = all")
    parser.add_argument("--rounds", type=int, default=7)
    asked = parser.parse_args()
    if unknown := set(asked.calls) - set(CALLS):
        parser.error(f"no call is named {', '.join(sorted(unknown))}")
    with checkout(asked.revision) as other, ExitStack() as stack:
        before, now = (stack.enter_context(worker(folder)) for folder in (other, ROOT))
        for name in asked.calls or CALLS:
            _, *pairs = [(seconds(before, name), seconds(now, name)) for _ in range(asked.rounds + 1)]  # one to warm up
            old, new = (statistics.median(times) for times in zip(*pairs, strict=True))
            ratio = statistics.median(after / first for first, after in pairs)
            print(f"{name:10} {1000 * old:8.1f} ms -> {1000 * new:8.1f} ms, × {ratio:.2f}", flush=True)


@contextmanager
def checkout(revision: str) -> Iterator[Path]:
    """A folder with the files of a revision, for as long as this lasts."""
    git = ["git", "-C", str(ROOT), "worktree"]
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([*git, "add", "--quiet", "--detach", folder, revision], check=True)
        try:
            yield Path(folder)
        finally:
            subprocess.run([*git, "remove", "--force", folder], check=True)


@contextmanager
def worker(folder: Path) -> Iterator[subprocess.Popen]:
    """A process that imports the package from a folder."""
    environment = os.environ | {"PYTHONPATH": str(folder), "OMP_NUM_THREADS": "1"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # a module is compiled once, not at every import
    command = [sys.executable, "-W", "ignore", "-c", SETUP + LOOP]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=folder, env=environment, stdin=pipe, stdout=pipe, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def seconds(process: subprocess.Popen, name: str) -> float:
    """The processor time that a call takes there."""
    assert process.stdin is not None
    assert process.stdout is not None
    print(CALLS[name], file=process.stdin, flush=True)
    return float(process.stdout.readline())


if __name__ == "__main__":
    main()

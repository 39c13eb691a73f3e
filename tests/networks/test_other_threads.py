"""The network in one thread, while another takes gradients of its weights, as a cell does beside a panel or a scan."""

import subprocess
import sys

PROGRAM = """
import faulthandler, threading, time
import torch
from torch import nn
import cnnviz_widgets as cnnviz

faulthandler.dump_traceback_later(90, exit=True)
module = nn.Sequential(
    nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 5)
)
picture = torch.rand(1, 3, 32, 32)
network = cnnviz.Network(module, input_size=32)
calls = {
    "normalize": lambda: network.normalize(picture),
    "fingerprint": lambda: network.fingerprint,
    "a new one": lambda: cnnviz.Network(module, input_size=32).prefers_channels_last,
    "logits": lambda: network.logits(picture),
    "saliency": lambda: cnnviz.saliency(network, picture, 1),
    "filters": lambda: cnnviz.filters(network, "0"),
}
for name, call in calls.items():
    call()
    print(name, end=" ", flush=True)
    ended = threading.Event()

    def work():
        while not ended.is_set():
            call()

    thread = threading.Thread(target=work)
    thread.start()
    began = time.monotonic()
    while time.monotonic() - began < 0.7:
        for weight in module.parameters():
            weight.double()  # a first step of a graph, which asks for the weight's lock and then for Python's
    ended.set()
    thread.join()
    print("ended", flush=True)
"""


def test_it_does_not_stop_python():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]
    assert done.stdout.count("ended") == 6

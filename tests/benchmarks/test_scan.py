"""A scan against bare inference over the same pictures, in the same batches.

Measured is the CPU time of the thread that computes, in turn with bare inference: pictures are read in another thread,
which has a core of its own, and other processes of the machine do not count. Only of files it is the time on the clock.
"""

import statistics
import time

import psutil
import pytest
import torch
from PIL import Image
from timing import seconds
from torchvision.transforms.functional import pil_to_tensor, to_pil_image

import cnnviz_widgets as cnnviz

NINE = ["features.0", *(f"features.{number}.expand3x3" for number in (3, 4, 5, 7, 8, 9, 10, 12))]


def bare(network, pictures, at_once):
    def work():
        with torch.no_grad():
            for some in pictures.split(at_once):
                network.module(network.normalize(some))

    return work


class Again:
    """A data set of any length, of the same few pictures."""

    def __init__(self, pictures, count):
        self.pictures, self.count = pictures, count

    def __len__(self):
        return self.count

    def __getitem__(self, number):
        return self.pictures[number * 7919 % len(self.pictures)]


@pytest.fixture
def ratio(record_speed):
    """Median of ours / other, over several turns."""

    def compared(name, ours, other, turns=7):
        pairs = [(_cpu(ours), _cpu(other)) for _ in range(turns)]
        median = statistics.median(a / b for a, b in pairs)
        record_speed(name, statistics.median(a for a, _ in pairs) * 1000, median)
        return median

    return compared


def _cpu(work):
    began = time.thread_time()
    work()
    return time.thread_time() - began


def scanning(network, pictures, layers, at_once):
    """A function that scans the next ``len(pictures)`` pictures, after 500 others."""
    states = cnnviz.scan(network, Again(pictures, 10**6), layers, at_once=at_once)
    while next(states).step < 500:
        pass

    def work():
        for _ in range(len(pictures) // at_once):
            next(states)

    return work


def test_mini(ratio):
    network, at_once = cnnviz.load_network("mini"), 64
    pictures = torch.rand(4 * at_once, 3, 128, 128, generator=torch.Generator().manual_seed(0))
    ours, other = scanning(network, pictures, None, at_once), bare(network, pictures, at_once)
    assert ratio("scan, mini, six layers, bare", ours, other) <= 1 / 0.85


def test_squeezenet(ratio):
    network = cnnviz.Network(cnnviz.load_network("squeezenet1_0", weights=None).module, name="squeezenet1_0")
    at_once = network.at_once((224, 224))
    pictures = torch.rand(4 * at_once, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    ours, other = scanning(network, pictures, NINE, at_once), bare(network, pictures, at_once)
    assert ratio("scan, squeezenet1_0, nine layers, bare", ours, other) <= 1 / 0.75


def test_from_files(record_speed, tmp_path):
    """As quick as the slower of reading JPEG files and bare inference, each by itself, on a core of its own."""
    network, count = cnnviz.load_network("mini"), 320
    paths = [tmp_path / f"{number}.jpg" for number in range(64)]
    for path, scene in zip(paths, cnnviz.scenes(64), strict=True):
        to_pil_image(scene.image).resize((320, 240)).save(path, quality=90)
    paths *= count // len(paths)
    at_once = network.at_once((128, 128))

    def read():
        return [network.prepare(pil_to_tensor(Image.open(path)) / 255) for path in paths]

    infer = bare(network, torch.cat(read()), at_once)
    ours = scanning(network, paths, None, at_once)
    turns = [[seconds(one) for one in (ours, read, infer)] for _ in range(7)]
    ratio = statistics.median(took / max(alone) for took, *alone in turns)
    record_speed("scan, mini, of JPEG files, slower of both", 1000 * turns[0][0], ratio)
    assert ratio <= 1 / 0.8


@pytest.mark.timeout(600)
def test_memory_is_flat(record_speed):
    """From 1,000 to 100,000 pictures, of a network that is quick enough."""
    torch.manual_seed(0)
    module = torch.nn.Sequential(torch.nn.Conv2d(3, 64, 3, 2), torch.nn.ReLU(), torch.nn.Flatten())
    network = cnnviz.Network(module, input_size=17)
    pictures, process = torch.rand(997, 3, 17, 17), psutil.Process()
    sizes = {}
    for state in cnnviz.scan(network, Again(pictures, 100_000), ["0", "1"]):
        for mark in (1_000, 10_000, 100_000):
            if state.step >= mark:
                sizes.setdefault(mark, process.memory_info().rss)
    record_speed("scan, kB of memory after 100,000 / 1,000", sizes[100_000] / 1e3, sizes[100_000] / sizes[1_000])
    assert sizes[100_000] <= 1.05 * sizes[1_000]

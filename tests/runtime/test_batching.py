"""Chunks cover everything, obey the budget, survive a full memory, and do not change the result."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cnnviz_widgets.errors import UserError
from cnnviz_widgets.runtime import batching


@pytest.fixture
def budget(monkeypatch):
    def set_budget(size):
        monkeypatch.setattr(batching, "memory_budget", lambda where=None: size)

    return set_budget


@given(count=st.integers(0, 200), each=st.integers(0, 10**12), most=st.integers(1, 64))
def test_chunks_cover_everything_once(count, each, most):
    pieces = batching.chunks(count, each, most=most)
    assert [index for piece in pieces for index in range(piece.start, piece.stop)] == list(range(count))
    assert all(1 <= piece.stop - piece.start <= most for piece in pieces)


def test_chunks_fit_into_the_budget(budget):
    budget(1000)
    assert [piece.stop - piece.start for piece in batching.chunks(10, 300)] == [3, 3, 2, 2]
    assert [piece.stop - piece.start for piece in batching.chunks(3, 5000)] == [1, 1, 1]
    assert batching.chunks(0, 1) == []


@pytest.mark.parametrize(("largest", "at_once"), [(0, 64), (2**10, 64), (3 * 2**20, 8), (12 * 2**20, 2), (2**30, 1)])
def test_quickest_pieces_keep_every_tensor_in_reused_memory(largest, at_once):
    assert batching.quickest(largest, torch.device("cpu")) == at_once
    assert batching.quickest(largest, torch.device("cuda")) == 64
    assert batching.quickest(largest, torch.device("cpu"), 5) == min(5, at_once)


def collected(results, count):
    together = torch.full((count,), float("nan"))
    for piece, result in results:
        together[piece] = result
    return together


@given(count=st.integers(0, 70), room=st.integers(1, 40), most=st.integers(1, 40))
def test_out_of_memory_halves_and_goes_on(count, room, most):
    items = torch.arange(count, dtype=torch.float32)
    sizes = []

    def double(piece):
        if len(piece) > room:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        sizes.append(len(piece))
        return piece * 2

    assert torch.equal(collected(batching.run(double, items, 1, most=most), count), items * 2)
    assert sizes == sorted(sizes, reverse=True) or sizes[:-1] == sorted(sizes[:-1], reverse=True)
    assert min(sizes[:-1], default=most) > min(room, most) // 4  # not smaller than it has to be


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
        RuntimeError("MPS backend out of memory"),
        RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 9 bytes."),
    ],
)
def test_one_that_does_not_fit(error):
    def fail(piece):
        raise error

    with pytest.raises(UserError, match="memory"):
        list(batching.run(fail, [1, 2, 3], 1))


def test_other_errors_come_through():
    def fail(piece):
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    with pytest.raises(RuntimeError, match="mat1"):
        list(batching.run(fail, [1, 2, 3], 1))


def test_results_may_be_anything_and_items_any_sequence():
    assert list(batching.run(lambda piece: None, "abc", 1, most=2)) == [(slice(0, 2), None), (slice(2, 3), None)]


def test_the_network_does_not_see_the_chunking(budget):
    from torch import nn

    from cnnviz_widgets.networks import Network

    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()).double()
    network, pictures = Network(module, input_size=9), torch.rand(11, 3, 9, 9, dtype=torch.float64)
    every = []
    for size in (10**9, 3 * network.bytes_per_image((9, 9)), 1):
        budget(size)
        every.append((network.logits(pictures), network.activations(pictures, "1")["1"]))
    for logits, maps in every[1:]:
        torch.testing.assert_close(logits, every[0][0], rtol=0, atol=1e-14)
        torch.testing.assert_close(maps, every[0][1], rtol=0, atol=1e-14)


def test_the_budget_is_within_the_containers_limit(monkeypatch, tmp_path):
    limit, used = tmp_path / "max", tmp_path / "current"
    limit.write_text("1000000\n")
    used.write_text("200000\n")
    monkeypatch.setattr(batching, "_CGROUPS", ((str(limit), str(used)),))
    cpu = torch.device("cpu")
    assert batching.memory_budget(cpu) == 200000
    limit.write_text("max\n")
    assert batching.memory_budget(cpu) > 10**6
    limit.unlink()
    assert batching.memory_budget(cpu) > 10**6


def test_portions_follow_the_speed_of_the_machine():
    assert batching.portion(4, took=0.01, most=64) == 8
    assert batching.portion(8, took=0.5, most=64) == 8
    assert batching.portion(8, took=5, most=64) == 4
    assert batching.portion(1, took=60, most=64) == 1
    assert batching.portion(32, took=0.01, most=48) == 48

"""Interleaved timing: ours and the other in turn, so that a machine whose speed drifts drifts for both."""

import statistics
from collections.abc import Callable

import pytest
import torch
from timing import seconds
from torchvision.models import get_model

from cnnviz_widgets.networks import Network

rows: list[tuple[str, float, float]] = []


@pytest.fixture
def compare() -> Callable[..., float]:
    """``compare(name, ours, other)``: the median of ours / other over several turns, which is also printed."""

    def ratio(name: str, ours: Callable[[], object], other: Callable[[], object], turns: int = 7) -> float:
        ours(), other()  # warm up
        pairs = [(seconds(ours), seconds(other)) for _ in range(turns)]
        median = statistics.median(a / b for a, b in pairs)
        rows.append((name, statistics.median(a for a, _ in pairs) * 1000, median))
        return median

    return ratio


@pytest.fixture
def record_speed() -> Callable[[str, float, float], None]:
    """``record_speed(name, milliseconds, ratio)`` adds a line to the summary."""
    return lambda *row: rows.append(row)


@pytest.fixture(params=["squeezenet1_0", "resnet18", "vgg16"])
def network(request: pytest.FixtureRequest) -> Network:
    """Random weights: they cost as much as trained ones."""
    return Network(get_model(request.param, weights=None).eval(), name=request.param)


@pytest.fixture
def photo() -> torch.Tensor:
    return torch.rand(3, 224, 224, generator=torch.Generator().manual_seed(0))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if rows:
        terminalreporter.section("speed: ours in ms, and ours / other")
        for name, ours, ratio in rows:
            terminalreporter.write_line(f"{name:52} {ours:9.1f} ms   × {ratio:.2f}")

"""Browser tests are marked, end even if a page hangs, and are tried again: a busy machine loses a key or a click."""

import os
from pathlib import Path

import pytest
from bare_page import on_page  # noqa: F401


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.timeout(480))
            item.add_marker(pytest.mark.no_cover)  # what it looks at runs in kernels
            item.add_marker(pytest.mark.flaky(reruns=2))


@pytest.fixture(scope="session", autouse=True)
def _all_on_one_worker(tmp_path_factory: pytest.TempPathFactory) -> None:
    """As ``pytest_xdist_make_scheduler`` wants it: two browsers at once are slow, and lose keys."""
    if worker := os.environ.get("PYTEST_XDIST_WORKER"):
        note = tmp_path_factory.getbasetemp().parent / "browser-worker"
        note.touch()
        note.write_text(note.read_text() or worker)
        assert note.read_text() == worker

"""Browser tests are marked, end even if a page hangs, and are tried again: a busy machine loses a key or a click.

Of several workers one has them all: they share a JupyterLab and a Chromium.
"""

from pathlib import Path

import pytest
from bare_page import on_page  # noqa: F401


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.xdist_group("browser"))
            item.add_marker(pytest.mark.timeout(480))
            item.add_marker(pytest.mark.flaky(reruns=2))

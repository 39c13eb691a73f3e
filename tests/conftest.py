"""What all tests share: real weights and pictures where they are, and a seed."""

import gc
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

if workers := int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "0")):  # before torch reads it
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // workers)))

import hypothesis
import pytest
import torch
from jupyterlab_harness import (  # noqa: F401
    ROOT,
    browser,
    idle,
    missing,
    open_notebook,
    open_panel,
    pytest_runtest_makereport,
    server,
    shared,
)

DATA = ROOT.parent / "shared" / "data"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

hypothesis.settings.register_profile("unhurried", deadline=None)  # a busy machine is no failure
hypothesis.settings.load_profile("unhurried")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log):
    """Of several workers one has all tests in a browser: they share a JupyterLab and a Chromium."""
    from xdist.scheduler import LoadScopeScheduling

    class BrowserOnOneWorker(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return "browser" if nodeid.startswith("tests/browser/") else nodeid

    return BrowserOnOneWorker(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Of a method's test with many cases the first one measures coverage: being traced takes a third of the time.

    Of panels and exercises each case measures it: it reaches another panel, or another mistake.
    """
    seen = set()
    for item in items:
        test = item.nodeid.partition("[")[0]
        if test in seen and test.startswith(("tests/methods/", "tests/networks/", "tests/pictures/")):
            item.add_marker(pytest.mark.no_cover)
        seen.add(test)


def pytest_collection_finish() -> None:
    """What is imported and collected by now stays to the end: no search for garbage looks at it."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _reproducible() -> Iterator[None]:
    """Seeded, and on the CPU, where the oracles compute: the tests pass on a machine with a GPU, too."""
    from cnnviz_widgets.runtime.device import use

    torch.manual_seed(0)
    with use(device="cpu"):
        yield


@pytest.fixture(scope="session")
def real_squeezenet():
    """A torchvision SqueezeNet 1.0 with ImageNet weights."""
    from cnnviz_widgets.networks import load_network

    home = Path(os.environ.get("TORCH_HOME", DATA / "torch_home"))
    if not list(home.glob("hub/checkpoints/squeezenet1_0-*.pth")):
        missing("ImageNet weights of squeezenet1_0 (set TORCH_HOME)")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TORCH_HOME", str(home))
        return load_network("squeezenet1_0", device="cpu")


@pytest.fixture(scope="session")
def real_pictures() -> dict[str, Path]:
    """ImageNet pictures by file stem, such as ``n01443537_goldfish``."""
    pictures = {path.stem: path for path in sorted((DATA / "imagenet-samples").glob("*.jpg"))}
    if not pictures:
        missing("ImageNet sample pictures")
    return pictures


@pytest.fixture(scope="session")
def real_styles() -> dict[str, Path]:
    """Paintings by file stem: ``candy``, ``mosaic``, ``rain-princess-cropped``."""
    pictures = {path.stem: path for path in sorted((DATA / "style").glob("*.jpg"))}
    if not pictures:
        missing("style pictures")
    return pictures


@pytest.fixture(scope="session")
def chromium() -> str:
    """The browser's path."""
    if CHROMIUM is None:
        missing("Chromium")
    return CHROMIUM

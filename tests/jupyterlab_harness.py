"""A real JupyterLab in a real Chromium, shared by all browser tests; each test opens a notebook of its own."""

import collections
import contextlib
import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Error, Locator, Page, expect, sync_playwright
from servers import end
from warm_kernels import warm_kernels

ROOT = Path(__file__).resolve().parents[1]
ARTIFACTS = ROOT / "test-artifacts"
CHROMIUM_FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
    "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",  # a camera, and leave to use it
]  # fmt: skip
READY = """async () => {
    const context = window.jupyterapp?.shell.currentWidget?.context;
    if (!context) return false;
    await context.ready;
    const session = context.sessionContext;
    await session.ready;
    const kernel = session.session?.kernel;
    if (!kernel) return false;
    await kernel.info;
    return kernel.connectionStatus === 'connected';
}"""
OPEN = "async (path) => void (await window.jupyterapp.commands.execute('docmanager:open', { path }))"
LEAVE = """(authorization) => {
    const { shell } = window.jupyterapp;
    const { id } = shell.currentWidget.context.sessionContext.session;
    const asked = { method: 'DELETE', keepalive: true, headers: { Authorization: authorization } };
    void fetch(`/api/sessions/${id}`, asked);  // the kernel takes seconds to end: nobody waits for it
    for (const one of [...shell.widgets('main')]) one.dispose();  // without asking whether to save
    if (shell.leftCollapsed) shell.expandLeft();
}"""
FROM_THE_TOP = """() => {
    window.jupyterapp.shell.expandLeft();
    document.querySelector('.jp-WindowedPanel-outer').scrollTop = 0;
}"""
PATIENCE = 120_000  # ms: a machine may be busy
expect.set_options(timeout=PATIENCE)
MOST_USES = 12  # of one page: JupyterLab forgets nothing
WITH_ROOM = """
import cnnviz_widgets as cnnviz, ipywidgets
net, photo = cnnviz.load_network("mini"), cnnviz.load_image("chelsea")
box = ipywidgets.VBox()
"""
HARMLESS = ("favicon", "ResizeObserver loop", "Failed to load resource", "debugger state")


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, chromium: str) -> Iterator[tuple[str, str, Path]]:
    """(address, token, folder) of a JupyterLab that asks and remembers nothing."""
    home = tmp_path_factory.mktemp("jupyter")
    folder = home / "notebooks"
    folder.mkdir()
    settings = home / "settings/@jupyterlab/apputils-extension"
    settings.mkdir(parents=True)
    (settings / "notification.jupyterlab-settings").write_text('{"fetchNews":"false","checkForUpdates":false}')
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    token = secrets.token_hex(8)
    command = [
        sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}",
        "--ServerApp.port_retries=0", f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={folder}",
        "--LabApp.expose_app_in_browser=True", f"--LabApp.workspaces_dir={home / 'workspaces'}",
        f"--LabApp.user_settings_dir={home / 'settings'}",
    ]  # fmt: skip
    places = {f"JUPYTER_{name}_DIR": str(home / name.lower()) for name in ("CONFIG", "DATA", "RUNTIME")}
    environment = {**os.environ, **places, "IPYTHONDIR": str(home / "ipython"), "PYTHONPATH": str(ROOT)}
    with (
        warm_kernels(environment) as warm,
        (home / "log").open("w") as log,
        subprocess.Popen(command, env=environment | warm, stdout=log, stderr=log) as process,
    ):
        address = f"http://127.0.0.1:{port}"
        try:
            for _ in range(PATIENCE // 500):
                with contextlib.suppress(OSError), urllib.request.urlopen(f"{address}/api/status?token={token}"):
                    break
                time.sleep(0.5)
            else:
                pytest.fail(f"JupyterLab did not start: {(home / 'log').read_text()[-2000:]}")
            yield address, token, folder
        finally:
            end(process)


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, headless=True, args=CHROMIUM_FLAGS)
        yield browser
        browser.close()


def missing(what: str) -> None:
    """Skip; or fail, where CNNVIZ_REQUIRE_ALL says that everything must be there."""
    (pytest.fail if os.environ.get("CNNVIZ_REQUIRE_ALL") else pytest.skip)(f"{what} not found")


class Notebook:
    """An open notebook whose cells have been asked to run."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.path: Path  # of its file
        self.errors: list[str] = []
        self.asked = 0.0  # when its cells were asked to run, time.monotonic
        page.on("pageerror", self._hear_error)
        page.on("console", self._hear)

    def _hear_error(self, error: Error) -> None:
        self.errors.append(error.stack or str(error))

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not any(word in message.text for word in HARMLESS):
            self.errors.append(message.text)

    def leave(self, token: str) -> None:
        """Close the notebook and its kernel, and hear no more of its page."""
        self.page.remove_listener("pageerror", self._hear_error)
        self.page.remove_listener("console", self._hear)
        self.page.evaluate(LEAVE, f"token {token}")
        self.tidy()

    def tidy(self) -> None:
        """The page looks and is pointed at as at first."""
        self.page.emulate_media(forced_colors="null", reduced_motion="null", color_scheme="null")
        self.page.mouse.move(0, 0)

    def reload(self) -> None:
        """The whole page, which then has been used up: some time later JupyterLab restores the notebook once more."""
        self.page.reload()
        uses[self.page] = MOST_USES

    @property
    def panel(self):
        """The first panel."""
        return self.page.locator(".cnnviz-panel").first

    def kernel(self, code: str) -> str:
        """Run code in the kernel behind the notebook's back; what it prints, or its error."""
        return self.page.evaluate(
            """async (code) => {
                const kernel = window.jupyterapp.shell.currentWidget.context.sessionContext.session.kernel;
                let text = '';
                const future = kernel.requestExecute({code, store_history: false});
                future.onIOPub = (m) => { text += m.content.text ?? m.content.evalue ?? ''; };
                await future.done;
                return text.trim();
            }""",
            code,
        )

    def becomes(self, code: str, wanted: str, timeout: float = 60) -> None:
        """Wait until what code prints in the kernel is what is wanted."""
        end = time.monotonic() + timeout
        while (printed := self.kernel(code)) != wanted:
            assert time.monotonic() < end, f"{code} prints {printed}, not {wanted}, after {timeout} s"
            self.page.wait_for_timeout(50)

    def pixels(self, index: int = 0) -> list[int]:
        """A few pixels of a visible view's picture, enough to see that it has changed."""
        return self.page.evaluate(
            """(index) => {
                const shown = 'canvas:is(.cnnviz-pixels, .cnnviz-cells, .cnnviz-points)';
                const canvas = [...document.querySelectorAll(shown)]
                    .filter((one) => one.checkVisibility())[index];
                if (!canvas) return [];
                const {width, height} = canvas;
                if (!width || !height) return [];
                const data = canvas.getContext('2d').getImageData(0, 0, width, height).data;
                const few = [], many = canvas.matches('.cnnviz-points') ? 20000 : 400;  // points are small
                for (let i = 0; i < many; i++) few.push(data[4 * Math.floor(i * width * height / many) + i % 3]);
                return few;
            }""",
            index,
        )

    def wait_for_pixels(self, index: int = 0, other_than: list[int] | None = None, timeout: float = 60) -> list[int]:
        """Wait until a view shows a picture (other than one before)."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            now = self.pixels(index)
            if len(set(now)) > 2 and now != other_than:  # an empty canvas has one color, a matrix three
                return now
            self.page.wait_for_timeout(50)
        raise AssertionError(f"view {index} shows no new picture after {timeout} s")

    def settings(self) -> None:
        """Open the Settings of every panel that has some."""
        for button in self.page.locator(".cnnviz-action[aria-expanded=false]").filter(has_text="Settings").all():
            if button.is_visible():
                button.click()

    def slider(self, label: str):
        """The handle of a slider; it takes arrow keys."""
        handle = self.page.locator(".widget-slider").filter(has_text=label).locator(".noUi-handle").first
        handle.wait_for(state="attached")
        if not handle.is_visible():
            self.settings()
        return handle

    def state(self) -> str:
        """The first panel's state, by the kernel's word."""
        return self.kernel("print(panel._bar.state)")

    def theme(self, name: str) -> None:
        """Switch to "JupyterLab Light" or "JupyterLab Dark"."""
        self.page.evaluate(f"window.jupyterapp.commands.execute('apputils:change-theme', {{theme: '{name}'}})")
        self.page.wait_for_selector(f"body[data-jp-theme-name='{name}']", state="attached")

    def screenshot(self, name: str, part: Locator | None = None) -> None:
        ARTIFACTS.mkdir(exist_ok=True)
        (part or self.page).screenshot(path=ARTIFACTS / f"{name}.png")


uses: collections.Counter[Page] = collections.Counter()
FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    report = yield
    if report.failed:
        item.stash[FAILED] = True
    return report


@pytest.fixture(scope="session")
def idle(browser: Browser) -> list[Page]:
    """Pages with JupyterLab that no test uses: to load one takes longer than most tests."""
    return []


def open_one(
    server: tuple[str, str, Path], browser: Browser, idle: list[Page], *cells: str, width: int = 1280, without: str = ""
) -> Notebook:
    """Write a notebook, open it and run all its cells; see ``open_notebook``."""
    address, token, folder = server
    name = f"{secrets.token_hex(4)}.ipynb"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, folder / name)
    used = bool(idle) and not without
    page = idle.pop() if used else browser.new_page()
    uses[page] += MOST_USES if without else 1
    page.set_viewport_size({"width": width, "height": 900})
    page.set_default_timeout(PATIENCE)
    if without:
        page.route(without, lambda route: route.abort())
    one = Notebook(page)
    one.path = folder / name
    if used:
        one.theme("JupyterLab Light")
        page.evaluate(OPEN, name)
    else:
        workspace = secrets.token_hex(4)  # its own: what a page has open is restored when it is loaded again
        page.goto(f"{address}/lab/workspaces/{workspace}/tree/{name}?reset&token={token}")
    page.wait_for_selector(".jp-NotebookPanel .jp-Cell")
    page.wait_for_function(READY)
    one.asked = time.monotonic()
    page.evaluate("void window.jupyterapp.commands.execute('notebook:run-all-cells')")
    return one


def put_away(one: Notebook, token: str, idle: list[Page], well: bool) -> None:
    """Leave a notebook; if all went well, its page is used again."""
    with contextlib.suppress(Exception):
        one.leave(token)
        if well and uses[one.page] < MOST_USES:
            idle.append(one.page)
            return
    one.page.close()


@pytest.fixture
def open_notebook(
    server: tuple[str, str, Path], browser: Browser, idle: list[Page], request: pytest.FixtureRequest
) -> Iterator[Callable[..., Notebook]]:
    """``open_notebook(cell, cell, …)`` writes a notebook, opens it and runs all its cells. It may leave no error.

    width    of the window in px
    without  pattern of addresses that the browser cannot load
    """
    opened: list[Notebook] = []

    def open_it(*cells: str, **how: Any) -> Notebook:
        opened.append(open_one(server, browser, idle, *cells, **how))
        return opened[-1]

    yield open_it
    for one in opened:
        one.page.wait_for_timeout(0)  # what it has still to say
        put_away(one, server[1], idle, well=not request.node.stash.get(FAILED, False))
    if errors := [error for one in opened for error in one.errors]:
        pytest.fail(f"the browser's console has errors: {errors}")


@pytest.fixture(scope="module")
def shared(server: tuple[str, str, Path], idle: list[Page]) -> Iterator[list[Notebook]]:
    """The notebook that ``open_panel`` uses in a file; none before the first test, and after one that failed."""
    notebooks: list[Notebook] = []
    yield notebooks
    for one in notebooks:
        put_away(one, server[1], idle, well=True)


@pytest.fixture
def open_panel(
    server: tuple[str, str, Path],
    browser: Browser,
    idle: list[Page],
    shared: list[Notebook],
    request: pytest.FixtureRequest,
) -> Iterator[Callable[..., Notebook]]:
    """``open_panel("Occlusion(net, photo)")`` shows a new panel, ``panel`` in the kernel. It may leave no error.

    In a file they follow each other in one notebook: to start a kernel takes longer than most tests.

    width  of the window in px
    """

    def open_it(call: str, width: int = 1280) -> Notebook:
        if not shared:
            shared.append(open_one(server, browser, idle, WITH_ROOM, "box"))
            shared[0].becomes("print('box' in globals())", "True", timeout=120)
        notebook = shared[0]
        notebook.page.set_viewport_size({"width": width, "height": 900})
        notebook.theme("JupyterLab Light")
        assert notebook.kernel(f"panel = cnnviz.panels.{call}\nbox.children = [panel]") == ""
        return notebook

    yield open_it
    failed = request.node.stash.get(FAILED, False)
    for one in list(shared):
        if not failed:
            one.kernel("box.children = ()\npanel.close()")
            one.tidy()
            one.page.evaluate(FROM_THE_TOP)
        errors, one.errors = one.errors, []
        if errors or failed:
            shared.remove(one)
            put_away(one, server[1], idle, well=False)
        if errors:
            pytest.fail(f"the browser's console has errors: {errors}")

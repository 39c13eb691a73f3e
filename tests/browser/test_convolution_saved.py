"""A saved notebook with the panels on convolution: they are edited, played and asked for where no kernel is."""

import secrets

import nbformat
import pytest
from jupyterlab_harness import READY, Notebook
from nbclient import NotebookClient
from nbformat.sign import NotebookNotary
from playwright.sync_api import expect

KINDS = ("ConvolutionMatrix", "Smoothing", "Convolution", "Checkerboard")
CELLS = (
    "import cnnviz_widgets as cnnviz",
    "for name in {}:\n    display(getattr(cnnviz.panels, name)('mini', 'chelsea'))",
)
LOOKS = """(view) => [...view.querySelectorAll('canvas')].filter((one) => one.checkVisibility() && one.width)
    .map((one) => one.toDataURL()).join()"""


@pytest.fixture
def saved(server, browser):
    """The notebook, executed and saved with the state of its widgets, opened without its kernel."""
    address, token, folder = server
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell.format(KINDS)) for cell in CELLS])
    NotebookClient(notebook, timeout=240, kernel_name="python3").execute()
    NotebookNotary(data_dir=str(folder.parent / "data")).sign(notebook)  # as after Trust: its outputs may run
    name = f"{secrets.token_hex(4)}.ipynb"
    nbformat.write(notebook, folder / name)
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(20_000)
    opened = Notebook(page)
    page.goto(f"{address}/lab/tree/{name}?reset&token={token}")
    page.wait_for_selector(".jp-NotebookPanel .jp-Cell")
    page.wait_for_function(READY)
    for at in range(len(KINDS)):  # JupyterLab draws saved widgets once a kernel is there, and what is in sight
        page.locator(".jp-OutputArea-output").nth(at).scroll_into_view_if_needed()
        page.locator(".cnnviz-convolution").nth(at).wait_for()
    page.evaluate("window.jupyterapp.shell.currentWidget.context.sessionContext.shutdown()")
    yield opened
    page.close()
    assert opened.errors == []


def view_of(saved, kind: str):
    view = saved.page.locator(".cnnviz-convolution").nth(KINDS.index(kind))
    view.scroll_into_view_if_needed()
    return view


def changes(saved, view, act) -> None:
    """What is drawn is another picture after it."""
    before = view.evaluate(LOOKS)
    act()
    for _ in range(100):
        if (now := view.evaluate(LOOKS)) != before and now:
            return
        saved.page.wait_for_timeout(50)
    raise AssertionError("nothing is drawn anew")


def test_without_a_kernel(saved):
    running = "window.jupyterapp.shell.currentWidget.context.sessionContext.session?.kernel?.connectionStatus ?? 'none'"
    saved.page.wait_for_function(f"({running}) === 'none'")

    view = view_of(saved, "ConvolutionMatrix")
    told = view.locator(".cnnviz-window-sum")
    expect(told).to_contain_text("row 0, column 0")
    weight = view.locator(".cnnviz-weight").first
    weight.click()
    changes(saved, view, lambda: saved.page.keyboard.type("50"))  # C has it, and so has the output
    expect(weight).to_have_text("50")
    changes(saved, view, lambda: view.get_by_role("button", name="Step").click())
    expect(told).to_contain_text("row 0, column 1")
    view.locator("canvas.cnnviz-cells").first.click(position={"x": 12, "y": 12})  # of the input
    expect(told).to_contain_text("input, row 0, column 0: 1 output reads it")
    changes(saved, view, lambda: saved.page.keyboard.type("9"))

    view = view_of(saved, "Smoothing")
    before = view.locator(".cnnviz-window-sum").inner_text()
    view.locator(".cnnviz-weight").first.click()
    changes(saved, view, lambda: saved.page.keyboard.type("3"))
    expect(view.locator(".cnnviz-window-sum")).not_to_have_text(before)

    view = view_of(saved, "Convolution")
    names = view.get_by_label("Kernel", exact=True).locator("option").all_inner_texts()
    changes(saved, view, lambda: view.get_by_label("Kernel", exact=True).select_option(names[-1]))
    changes(saved, view, lambda: view.get_by_label("Dilation").fill("3"))
    view.get_by_label("Speed").select_option("fast")
    changes(saved, view, lambda: view.get_by_role("button", name="Play").click())
    view.get_by_role("button", name="Pause").click()

    view = view_of(saved, "Checkerboard")
    stride = view.get_by_label("Stride")
    changes(saved, view, lambda: stride.fill("3" if stride.input_value() != "3" else "2"))
    expect(view.locator(".cnnviz-cells-title").first).to_have_text("Windows that reach a cell, 18 × 18 · 1 … 1")

"""What is in a notebook's file after a person has worked in it, and what still lives when its page is loaded again."""

import base64
import io
import re
import time

import nbformat
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from cnnviz_widgets import registry

SETUP = 'import cnnviz_widgets as cnnviz\nnet = cnnviz.load_network("mini")\nphoto = cnnviz.load_image("chelsea")'
TALL = "from IPython.display import HTML\nHTML('<div style=\"height: 3000px\">tall</div>')"


def saved_picture(notebook, cell: int) -> Image.Image:
    """The PNG of a cell in the file on disk, after Save."""
    notebook.page.evaluate("window.jupyterapp.commands.execute('docmanager:save')")
    cells = nbformat.read(notebook.path, 4).cells
    data = next(o.data for o in cells[cell].outputs if "image/png" in o.get("data", {}))
    return Image.open(io.BytesIO(base64.b64decode(data["image/png"]))).convert("L")


def shown_picture(notebook, what: str) -> Image.Image:
    """What the kernel says that it looks like now."""
    notebook.kernel(f"import base64; code = base64.b64encode({what}.snapshot()).decode()")
    return Image.open(io.BytesIO(base64.b64decode(notebook.kernel("print(code)")))).convert("L")


def becomes_alike(notebook, cell: int, what: str, timeout: float = 60) -> None:
    end = time.monotonic() + timeout
    while True:
        ours, theirs = saved_picture(notebook, cell), shown_picture(notebook, what)
        if ours.size == theirs.size and np.abs(np.asarray(ours, float) - np.asarray(theirs, float)).max() <= 1:
            return
        assert time.monotonic() < end, "the file has another picture than the screen"
        notebook.page.wait_for_timeout(500)


def test_the_file_has_the_picture_of_the_last_state_and_the_view_stays(open_notebook):
    notebook = open_notebook(
        SETUP, "panel = cnnviz.panels.ClassModel(net, photo, target='goldfish', steps=24, pad=0)\npanel"
    )
    notebook.panel.wait_for()
    notebook.becomes("print(panel._bar.state)", "done", timeout=120)
    notebook.wait_for_pixels(0)
    notebook.page.evaluate(
        """() => {
            const panel = document.querySelector('.cnnviz-panel');
            window.__panel = panel;
            window.__canvas = panel.querySelector('canvas.cnnviz-pixels');
            document.querySelector('.jp-WindowedPanel-outer').scrollTop = 120;
        }"""
    )
    before = saved_picture(notebook, 1)
    scroll = notebook.page.evaluate("document.querySelector('.jp-WindowedPanel-outer').scrollTop")
    becomes_alike(notebook, 1, "panel")
    notebook.kernel("panel.target_before = panel.session.target; panel.session.target = 'tabby'")
    notebook.becomes("print(panel._bar.state)", "done", timeout=120)
    becomes_alike(notebook, 1, "panel")
    after = saved_picture(notebook, 1)
    assert before.size != after.size or np.abs(np.asarray(before, float) - np.asarray(after, float)).mean() > 1
    same = "window.__panel.isConnected && window.__canvas.isConnected && window.__panel.contains(window.__canvas)"
    assert notebook.page.evaluate(same)
    assert notebook.page.locator(".cnnviz-panel").count() == 1
    assert notebook.page.evaluate("document.querySelector('.jp-WindowedPanel-outer').scrollTop") == scroll
    handle = notebook.slider("Seed")
    handle.focus()
    handle.press("ArrowRight")
    notebook.becomes("print(panel.seed)", "1")
    notebook.kernel("panel.stop()")


def test_what_is_in_a_picture_is_on_the_page_and_in_the_file(open_notebook):
    """Of a panel's canvas, of its saved picture, which follows, and of a result, whose words JupyterLab leaves out."""
    notebook = open_notebook(
        SETUP, "panel = cnnviz.panels.Activations(net, photo, layer='relu2')\npanel", "cnnviz.saliency(net, photo)"
    )
    notebook.panel.wait_for()
    canvas = notebook.panel.locator("canvas.cnnviz-pixels").first
    expect(canvas).to_have_attribute(
        "aria-label", re.compile(r"relu2: .* 128 maps of 16×16; strongest channel "), timeout=60_000
    )
    image = notebook.page.locator(".jp-RenderedImage img").last
    expect(image).to_have_attribute("alt", re.compile("^tabby; strongest at the top, x "), timeout=60_000)
    notebook.kernel("panel.session.layer = 'relu3'")
    expect(canvas).to_have_attribute("aria-label", re.compile("relu3: "))
    end = time.monotonic() + 60
    while True:
        notebook.page.evaluate("window.jupyterapp.commands.execute('docmanager:save')")
        output = next(one for one in nbformat.read(notebook.path, 4).cells[1].outputs if "data" in one)
        alt = output.metadata["image/png"]["alt"]
        if "relu3: " in alt:
            break
        assert time.monotonic() < end, alt
        notebook.page.wait_for_timeout(500)
    assert output.data["text/plain"].split("\n") == [notebook.kernel("print(repr(panel))"), alt]


def test_a_panel_in_a_box_computes_and_its_file_follows(open_notebook):
    notebook = open_notebook(
        SETUP,
        "import ipywidgets\nfrom cnnviz_widgets.panels import displayed\n"
        "panel, other = cnnviz.panels.Activations(net, photo), cnnviz.panels.Filters(net, photo)\n"
        "box = ipywidgets.HBox([panel, other])\nbox",
    )
    notebook.panel.wait_for()
    notebook.wait_for_pixels(0)
    notebook.kernel("class Both:\n    def snapshot(self): return displayed._picture(box)\nboth = Both()")
    becomes_alike(notebook, 1, "both")
    notebook.kernel("panel.session.channel = 7; other.session.layer = 'conv2'")
    becomes_alike(notebook, 1, "both")


def test_a_panel_that_is_shown_only_later_computes(open_notebook):
    notebook = open_notebook(
        SETUP, "import ipywidgets\nbox = ipywidgets.VBox()\nbox", "panel = cnnviz.panels.Activations(net, photo)"
    )
    notebook.page.wait_for_selector(".jp-OutputArea-output .widget-vbox", state="attached")
    notebook.becomes("print('panel' in globals())", "True", timeout=120)
    assert notebook.kernel("print(panel.shown)") == "False"
    notebook.kernel("box.children = [panel]")
    notebook.panel.wait_for()
    notebook.wait_for_pixels(0)
    notebook.becomes("print(panel._bar.state)", "done")


def test_interactive_output_shows_a_panel_that_computes(open_notebook):
    notebook = open_notebook(
        SETUP,
        "import ipywidgets\nfrom IPython.display import display\nsize = ipywidgets.IntSlider(32, 16, 64, 16)\n"
        "def show(size):\n    global panel\n    panel = cnnviz.panels.Occlusion(net, photo, size=size, stride=16)\n"
        "    display(panel)\n"
        "ipywidgets.VBox([size, ipywidgets.interactive_output(show, {'size': size})])",
    )
    notebook.panel.wait_for()
    notebook.wait_for_pixels(0)
    notebook.kernel("size.value = 48")
    notebook.becomes("print(panel.size, panel._bar.state)", "48 done")
    notebook.wait_for_pixels(0)


@pytest.mark.parametrize("out_of_sight", [True, False])
def test_the_open_panel_of_the_lab_lives_after_a_reload(open_notebook, out_of_sight):
    notebook = open_notebook(SETUP, TALL, "lab = cnnviz.lab(net, photo)\nlab", width=1000)
    lab = notebook.page.locator(".cnnviz-lab")
    notebook.becomes("print('lab' in globals())", "True", timeout=120)
    lab.scroll_into_view_if_needed()
    lab.locator(".cnnviz-card").filter(has=notebook.page.get_by_text("Gradients", exact=True)).click()
    notebook.wait_for_pixels(0)
    notebook.becomes("print(lab.panels[0]._bar.state)", "done")
    notebook.page.evaluate("window.jupyterapp.commands.execute('docmanager:save')")
    notebook.reload()
    notebook.page.wait_for_selector(".jp-NotebookPanel .jp-Cell")
    if out_of_sight:  # the page opens at its top, and the lab is far below
        notebook.page.wait_for_timeout(3000)
    notebook.page.wait_for_function(
        """() => {
            const outer = document.querySelector('.jp-WindowedPanel-outer');
            outer.scrollTop = outer.scrollHeight;
            return document.querySelector('.cnnviz-lab')?.checkVisibility();
        }""",
        polling=500,
    )
    title = lab.locator(".cnnviz-open-title")
    expect(title).to_have_text("Gradients")
    notebook.wait_for_pixels(0)
    lab.get_by_role("button", name="‹ Occlusion").click()
    expect(title).to_have_text("Occlusion")
    expect(lab.locator(".cnnviz-panel")).to_have_count(1)
    notebook.becomes("print(lab.panels[0]._bar.state)", "done", timeout=120)
    notebook.wait_for_pixels(0)
    lab.get_by_role("button", name="All panels").press("Escape")
    expect(lab.locator(".cnnviz-panel")).to_have_count(0)
    cards = lab.locator(".cnnviz-card")
    expect(cards).to_have_count(len(registry.panels()))
    at = [one.name for one in registry.panels()].index("Occlusion")
    expect(cards.nth(at)).to_be_focused()
    cards.nth(at).press("ArrowRight")
    expect(cards.nth(at + 1)).to_be_focused()
    cards.nth(at + 1).press("Enter")
    notebook.wait_for_pixels(0)
    notebook.becomes("print(lab._gallery.opened, len(lab.panels))", "Gradients 2")


def test_last_leaves_no_bar_in_the_cell(open_notebook):
    notebook = open_notebook(
        SETUP + "\nimport time",
        "class State:\n    def __init__(self, step): self.step, self.total = step, 30\n"
        "def work():\n    for step in range(1, 31):\n        time.sleep(0.1)\n        yield State(step)\n"
        "cnnviz.last(work()).step",
    )
    output = notebook.page.locator(".jp-CodeCell").nth(1).locator(".jp-OutputArea")
    expect(output).to_contain_text("it/s")
    expect(output).to_contain_text("30", use_inner_text=True)
    expect(output).not_to_contain_text("it/s")
    notebook.page.evaluate("window.jupyterapp.commands.execute('docmanager:save')")
    notebook.page.wait_for_timeout(500)
    outputs = nbformat.read(notebook.path, 4).cells[1].outputs
    assert [o.data for o in outputs if o.get("data")] == [{"text/plain": "30"}]
    assert not any("it/s" in str(o) for o in outputs)

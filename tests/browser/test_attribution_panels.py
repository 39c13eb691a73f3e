"""What a person does with the attribution panels: point, check boxes, walk through layers, scrub, stop."""

import re

import pytest
from playwright.sync_api import expect

from cnnviz_widgets import registry

SETUP = 'import cnnviz_widgets as cnnviz\nnet = cnnviz.load_network("mini")\nphoto = cnnviz.load_image("chelsea")'
PATIENCE = 60_000  # ms: a machine may be busy


@pytest.fixture
def show(open_panel):
    """Show one panel, ``panel``, and wait until it has computed."""

    def open_it(call: str, views: int = 1):
        notebook = open_panel(call)
        notebook.panel.wait_for(timeout=90_000)
        for view in range(views):
            notebook.wait_for_pixels(view, timeout=60)
        notebook.kernel("panel.wait(60)")
        return notebook

    return open_it


def middle(notebook, view: int, across: float = 0.5, down: float = 0.5) -> tuple[float, float]:
    """A place on a view, in px of the page."""
    canvas = notebook.panel.locator("canvas.cnnviz-pixels").nth(view)
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    return box["x"] + box["width"] * across, box["y"] + box["height"] * down


def values(notebook) -> list[str]:
    """What is read out above the tiles."""
    return notebook.panel.locator(".cnnviz-label .cnnviz-value").all_inner_texts()


def test_pointing_at_one_cell_reads_all_of_them(open_notebook):
    """At once even where the kernel is busy, though only as fine as the colors; then exactly."""
    notebook = open_notebook(SETUP, "panel = cnnviz.panels.Gradients(net, photo)\npanel")
    notebook.panel.wait_for()
    for view in range(3):
        notebook.wait_for_pixels(view)
    notebook.kernel("panel.wait(60)")
    page, free = notebook.page, notebook.path.with_suffix(".free")
    assert len(values(notebook)) == 6
    page.evaluate(
        """(code) => {
            const kernel = window.jupyterapp.shell.currentWidget.context.sessionContext.session.kernel;
            void kernel.requestExecute({code, store_history: false});
            const send = WebSocket.prototype.send;
            window.__sent = 0;
            WebSocket.prototype.send = function (data) { window.__sent++; return send.call(this, data); };
        }""",
        f"import pathlib, time\nwhile not pathlib.Path({str(free)!r}).exists():\n    time.sleep(0.05)",
    )
    marks = """() => [...document.querySelectorAll('.cnnviz-marks')]
        .filter((c) => c.checkVisibility()).map((c) => c.toDataURL())"""
    before = page.evaluate(marks)
    page.mouse.move(*middle(notebook, 0, 0.1, 0.3))
    page.mouse.move(*middle(notebook, 0, 0.12, 0.3), steps=3)
    shown = "[...document.querySelectorAll('.cnnviz-value')].filter((v) => v.checkVisibility())"
    every = f"{shown}.map((v) => v.textContent)"
    page.wait_for_function(f"() => {every}.every(Boolean)")
    assert all(re.match(r"≈ −?[\d.]+", value) for value in values(notebook))
    after = page.evaluate(marks)
    assert len(after) == 3  # the picture's and the channel's, too
    assert all(now != then for now, then in zip(after, before, strict=True))
    assert page.evaluate("window.__sent") <= 2  # where the pointer came, and where it stays
    free.touch()
    page.wait_for_function(f"() => !{every}.some((value) => value.includes('≈'))", timeout=PATIENCE)
    x, y = re.search(r"x (\d+), y (\d+)", notebook.panel.locator(".cnnviz-readout").first.inner_text()).groups()
    exact = eval(notebook.kernel(f"print(panel._parts['cells'].image.content.maps[:, {y}, {x}].tolist())"))
    written = [f"{value:.2e}" if 0 < abs(value) < 1e-4 else f"{value:.4g}" for value in exact]
    assert [float(value.replace("−", "-")) for value in values(notebook)] == list(map(float, written))
    page.mouse.move(5, 5)
    page.wait_for_function(f"() => !{every}.some(Boolean)")


def test_cells_are_chosen_with_the_keyboard(show):
    notebook = show("Gradients(net, photo)", views=2)
    page = notebook.page
    notebook.settings()
    box = page.get_by_role("checkbox", name="gradient, backprop")
    box.focus()
    page.keyboard.press("Space")  # five are left
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    before = notebook.pixels(0)
    page.keyboard.press("Space")
    expect(page.get_by_role("checkbox", name="gradient × input, backprop")).to_be_checked(timeout=PATIENCE)
    notebook.wait_for_pixels(0, other_than=before)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Space")  # a seventh
    expect(page.get_by_role("checkbox", name="guided Grad-CAM, backprop")).not_to_be_checked()
    expect(notebook.panel.locator(".cnnviz-count")).to_have_text("6 of at most 6")
    notebook.becomes("panel.wait(60); print(len(panel.cells), panel.cells[2])", "6 ('saliency', 'backprop')")


def test_a_neuron_is_chosen_by_a_click(show):
    notebook = show("Gradients(net, photo)", views=3)
    row, column = eval(notebook.kernel("print(divmod(int(cnnviz.activations(net, photo).values[0].argmax()), 8))"))
    before = notebook.pixels(0)
    notebook.page.mouse.click(*middle(notebook, 2, (column + 0.4) / 8, (row + 0.4) / 8))
    notebook.wait_for_pixels(0, other_than=before)
    assert eval(notebook.kernel("print((panel.source, panel.session.position))")) == ("neuron", (row, column))


def test_walking_through_the_layers(show):
    notebook = show("ClassActivation(net, photo)", views=2)
    slider = notebook.panel.get_by_role("slider", name="Layer")
    slider.focus()
    for _ in range(3):
        before = notebook.pixels(0)
        slider.press("ArrowLeft")
        notebook.wait_for_pixels(0, other_than=before)
    readout = notebook.panel.locator(".cnnviz-strip-readout")
    expect(readout).to_have_text(re.compile(r"conv5 · Conv2d 256×8×8"))
    notebook.becomes("print(panel.session.layer)", "conv5")
    width, content = readout.evaluate("e => [e.clientWidth, e.scrollWidth]")
    assert content <= width  # name and size are not cut off


def test_classes_are_typed_and_a_channel_is_clicked(show):
    notebook = show("ClassActivation(net, photo)", views=2)
    notebook.settings()
    field = notebook.panel.get_by_role("combobox", name="Classes")
    for name, tiles in (("dumb", 1), ("persian", 2)):
        field.fill(name)
        field.press("Enter")
        expect(notebook.panel.locator(".cnnviz-tag")).to_have_count(tiles, timeout=PATIENCE)
    expect(notebook.panel.locator(".cnnviz-image").first).to_contain_text("Persian cat", timeout=PATIENCE)
    notebook.panel.get_by_role("button", name="Take dumbbell away").press("Enter")
    expect(notebook.panel.locator(".cnnviz-tag")).to_have_count(1, timeout=PATIENCE)
    notebook.becomes("print([net.classes[one] for one in panel.classes])", "['Persian cat']")
    notebook.becomes("panel.wait(60); print(panel._bar.state)", "done")
    first = notebook.panel.locator(".cnnviz-image").nth(1).locator(".cnnviz-name").first.text_content()
    notebook.page.mouse.click(*middle(notebook, 1, 0.02, 0.4))
    notebook.becomes("print(panel.session.channel)", first.split()[0])


def test_a_sanity_check_is_scrubbed_and_clicked(show):
    notebook = show("Sanity(net, photo, methods=['saliency'])", views=2)
    assert notebook.panel.locator(".cnnviz-plot path.line").count() >= 1
    before = notebook.pixels(0)
    slider = notebook.slider("Layers randomized")
    slider.focus()
    slider.press("ArrowRight")
    after = notebook.wait_for_pixels(0, other_than=before)
    notebook.page.mouse.click(*middle(notebook, 1, 0.95, 0.2))
    notebook.wait_for_pixels(0, other_than=after)
    notebook.page.wait_for_function("() => /constant|randomized: fc, .*conv1/.test(document.body.innerText)")
    notebook.becomes("print(panel.step)", "7")


def test_a_sanity_check_is_stopped(open_panel):
    notebook = open_panel("Sanity(net, photo, methods=['smoothgrad', 'saliency'])")
    notebook.panel.wait_for(timeout=90_000)
    notebook.wait_for_pixels(0, timeout=60)
    notebook.panel.get_by_role("button", name="Stop").click()
    notebook.page.wait_for_function(
        "() => /stopped|done/i.test(document.querySelector('.cnnviz-run-bar').innerText)", timeout=PATIENCE
    )
    count = notebook.kernel("panel.wait(60); print(len(panel._memo.held.last))")
    before = notebook.pixels(0)
    notebook.slider("Layers randomized").press("End")  # what was not computed stays so
    notebook.page.wait_for_timeout(500)
    assert notebook.kernel("panel.wait(60); print(len(panel._memo.held.last))") == count
    if int(count) == 8:
        notebook.wait_for_pixels(0, other_than=before)


def test_methods_are_compared(show):
    notebook = show("Compare(net, photo, methods=['saliency', 'grad_cam', 'full_grad'], steps=10)")
    names = notebook.panel.locator(".cnnviz-label .cnnviz-name").all_text_contents()
    assert [re.sub(r" · [\d.]+ m?s$", "", name) for name in names] == ["saliency", "Grad-CAM", "FullGrad"]
    assert all(name.endswith("s") for name in names)
    notebook.page.set_viewport_size({"width": 760, "height": 900})
    notebook.page.wait_for_timeout(300)
    cut = notebook.panel.locator(".cnnviz-name > :last-child").evaluate_all(
        "all => all.filter((e) => e.scrollWidth > e.clientWidth + 1).map((e) => e.innerText)"
    )
    assert cut == []  # the times can be read where there is no room for the names
    legend = notebook.panel.locator(".cnnviz-chart-legend .cnnviz-level")
    expect(legend).to_have_count(6, timeout=PATIENCE)
    stroke = """() => [...document.querySelectorAll('.cnnviz-plot path')].map(
        (path) => parseFloat(getComputedStyle(path).strokeWidth)).filter((width) => width === 4).length"""
    assert notebook.page.evaluate(stroke) == 0
    label = notebook.panel.locator(".cnnviz-label").nth(1)
    label.scroll_into_view_if_needed()
    box = label.bounding_box()
    notebook.page.mouse.click(box["x"] + box["width"] / 2, box["y"] + 60)
    notebook.page.wait_for_function(f"() => ({stroke})() === 2", timeout=PATIENCE)
    notebook.becomes("print(panel.chosen)", "grad_cam")


@pytest.mark.parametrize(
    "call",
    [
        "Sanity(net, photo, methods=['saliency', 'guided'])",
        "Compare(net, photo, methods=['saliency', 'input_x_gradient', 'grad_cam', 'full_grad'], steps=10)",
        "Occlusion(net, photo, figure=True, size=64, stride=4)",
        "Inversion(net, photo, rungs=3, steps=8)",
    ],
)
def test_nothing_moves_while_a_panel_draws_for_the_first_time(open_notebook, call):
    notebook = open_notebook(SETUP, f"panel = cnnviz.panels.{call}", "shown = False", width=1100)
    notebook.becomes("print('shown' in globals())", "True")
    notebook.page.evaluate(
        """() => {
            window.__heights = [];
            const look = () => {  // after a frame has been painted
                const panel = document.querySelector('.cnnviz-panel');
                if (panel?.offsetHeight && panel.offsetHeight !== window.__heights.at(-1))
                    window.__heights.push(panel.offsetHeight);
                requestAnimationFrame(() => setTimeout(look));
            };
            look();
            const notebook = window.jupyterapp.shell.currentWidget.content;
            notebook.activeCellIndex = 2;
            notebook.activeCell.model.sharedModel.setSource('panel');
            void window.jupyterapp.commands.execute('notebook:run-cell');
        }"""
    )
    notebook.wait_for_pixels(0)
    notebook.becomes("print(panel._bar.state)", "done", timeout=120)
    expect(notebook.panel.locator(".cnnviz-run-bar .cnnviz-status")).to_have_text("Done")
    heights = notebook.page.evaluate("window.__heights")
    assert len(heights) == 1, f"the panel is {' and then '.join(map(str, heights))} px high"


def test_the_cards_of_the_lab_can_be_read(open_notebook):
    notebook = open_notebook(SETUP, "lab = cnnviz.lab(net, photo)\nlab", width=1000)
    lab = notebook.page.locator(".cnnviz-lab")
    lab.wait_for(timeout=90_000)
    for width in (1900, 1000, 700):
        notebook.page.set_viewport_size({"width": width, "height": 900})
        notebook.page.wait_for_timeout(300)
        cut = lab.locator(".cnnviz-card b").evaluate_all(
            "all => all.filter((e) => e.scrollWidth > e.clientWidth + 1).map((e) => e.innerText)"
        )
        assert cut == []
        assert lab.evaluate("e => e.scrollWidth - e.clientWidth") <= 1
    titles = lab.locator(".cnnviz-card b").all_inner_texts()
    assert titles == [entry.title for entry in registry.panels()]

"""What a person does: open, drag, stop, err and go on, click, switch the theme."""

import re
import time

import pytest
from playwright.sync_api import expect

SETUP = 'import cnnviz_widgets as cv\nnet = cv.load_network("mini")\nphoto = cv.load_image("chelsea")'
OCCLUSION = "panel = cv.panels.Occlusion(net, photo, size=24, stride=8)\npanel"


@pytest.fixture
def occlusion(open_notebook):
    notebook = open_notebook(SETUP, OCCLUSION)
    notebook.wait_for_pixels(0, timeout=90)
    notebook.kernel("panel.wait(30)")
    return notebook


def test_a_panel_appears_with_its_picture(open_notebook):
    notebook = open_notebook(SETUP + "\n" + OCCLUSION)
    notebook.wait_for_pixels(0, timeout=90)
    assert "Occlusion" in notebook.panel.inner_text()


def test_a_key_on_the_slider_changes_the_pixels(occlusion):
    before = occlusion.pixels(0)
    handle = occlusion.slider("Square")
    handle.focus()
    handle.press("ArrowRight")
    occlusion.wait_for_pixels(0, other_than=before)
    assert occlusion.kernel("print(panel.size)") == "28"


def test_a_burst_of_slider_moves_is_coalesced_and_the_last_value_wins(occlusion):
    occlusion.kernel(
        "calls = []\n"
        "original = type(panel).compute\n"
        "def counted(self, now):\n"
        "    calls.append(now.size)\n"
        "    yield from original(self, now)\n"
        "counted.reads = original.reads\n"
        "type(panel).compute = counted"
    )
    before = occlusion.pixels(0)
    handle = occlusion.slider("Square")
    box = handle.bounding_box()
    mouse = occlusion.page.mouse
    mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    mouse.down()
    for step in range(40):
        mouse.move(box["x"] + box["width"] / 2 + step * 1.5, box["y"] + box["height"] / 2)
        occlusion.page.wait_for_timeout(20)
    mouse.up()
    occlusion.wait_for_pixels(0, other_than=before)
    occlusion.page.wait_for_timeout(500)
    occlusion.kernel("panel.wait(30)")
    shown = int(
        occlusion.page.locator(".widget-slider").filter(has_text="Square").locator(".widget-readout").inner_text()
    )
    calls = eval(occlusion.kernel("print(calls)"))
    assert shown > 24
    assert calls[-1] == shown == int(occlusion.kernel("print(panel.size)"))
    assert len(calls) <= 12  # bounded by time: some forty moves were made


def test_stop_answers_and_keeps_the_picture(occlusion):
    before = occlusion.pixels(0)
    occlusion.kernel("panel.stride = 2")
    stop = occlusion.panel.get_by_role("button", name="Stop")
    occlusion.wait_for_pixels(0, other_than=before)
    pressed = time.monotonic()
    stop.click()
    occlusion.page.wait_for_function(
        "() => [...document.querySelectorAll('.cnnviz-panel')].some(p => /stopped/i.test(p.innerText))", timeout=10_000
    )
    assert time.monotonic() - pressed < 2
    assert occlusion.state() == "stopped"
    assert len(set(occlusion.pixels(0))) > 8


def test_an_error_is_told_in_plain_words_and_the_panel_goes_on(occlusion):
    picker = occlusion.panel.get_by_label("Class").or_(occlusion.panel.locator(".widget-combobox input")).first
    picker.fill("zebrafish")
    picker.press("Enter")
    alert = occlusion.panel.get_by_role("alert")
    alert.wait_for(timeout=10_000)
    assert "zebrafish" in alert.inner_text()
    assert "Traceback" not in alert.inner_text()
    before = occlusion.pixels(0)
    handle = occlusion.slider("Square")
    handle.focus()
    handle.press("ArrowRight")
    occlusion.wait_for_pixels(0, other_than=before)


def test_opacity_and_colours_change_without_the_kernel(occlusion):
    page = occlusion.page
    sent = "() => window.__sent ?? 0"
    page.evaluate(
        """() => {
            const send = WebSocket.prototype.send;
            window.__sent = 0;
            WebSocket.prototype.send = function (data) { window.__sent++; return send.call(this, data); };
        }"""
    )
    occlusion.kernel("1")
    assert page.evaluate(sent) > 0  # so it does count
    page.wait_for_timeout(300)
    before = occlusion.pixels(0)
    count = page.evaluate(sent)
    took = page.evaluate(
        """async () => {
            const slider = document.querySelector('.cnnviz-opacity');
            const canvas = document.querySelector('canvas.cnnviz-pixels');
            const look = () => canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.join();
            const before = look();
            const began = performance.now();
            slider.value = 0.1;
            slider.dispatchEvent(new Event('input', {bubbles: true}));
            while (performance.now() - began < 1000) {
                await new Promise(requestAnimationFrame);
                const now = performance.now();
                if (look() !== before) return now - began;
            }
            return Infinity;
        }"""
    )
    assert took < 50
    after = occlusion.pixels(0)
    assert after != before
    page.locator(".cnnviz-colours").first.select_option("viridis")
    occlusion.wait_for_pixels(0, other_than=after)
    assert page.evaluate(sent) == count


def test_hovering_the_map_shows_the_covered_picture(occlusion):
    before = occlusion.pixels(1)
    box = occlusion.page.locator("canvas.cnnviz-pixels").first.bounding_box()
    occlusion.page.mouse.move(box["x"] + box["width"] * 0.4, box["y"] + box["height"] * 0.4)
    occlusion.page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.5, steps=5)
    occlusion.wait_for_pixels(1, other_than=before)
    assert re.search(r"x \d+, y \d+", occlusion.page.locator(".cnnviz-readout").first.inner_text())
    assert occlusion.kernel("print(panel.place is not None)") == "True"


def test_a_map_is_chosen_by_a_click(open_notebook):
    notebook = open_notebook(SETUP, "panel = cv.panels.Activations(net, photo)\npanel")
    notebook.panel.wait_for(timeout=60_000)
    notebook.wait_for_pixels(0)
    before = notebook.wait_for_pixels(1)
    box = notebook.page.locator("canvas.cnnviz-pixels").first.bounding_box()
    notebook.page.mouse.click(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.5)
    notebook.wait_for_pixels(1, other_than=before)
    assert int(notebook.kernel("print(panel.session.channel)")) > 0


def test_the_code_button_shows_the_call(occlusion):
    occlusion.panel.get_by_role("button", name="Code").click()
    code = occlusion.panel.locator(".cnnviz-code .cnnviz-pre")
    expect(code).to_contain_text("cv.occlusion", timeout=10_000)
    assert code.inner_text().splitlines() == occlusion.kernel("print(panel.code())").splitlines()
    assert 'cv.load_network("mini")' in code.inner_text()


def test_the_notebook_stays_usable_while_a_panel_computes(occlusion):
    occlusion.kernel("panel.stride = 2")
    began = time.monotonic()
    assert occlusion.kernel("print(6 * 7)") == "42"
    assert time.monotonic() - began < 2
    assert occlusion.state() == "running"
    occlusion.kernel("panel.stop()")


def test_the_picture_is_there_after_a_reload(occlusion):
    occlusion.page.evaluate("window.jupyterapp.commands.execute('docmanager:save')")
    occlusion.page.reload()
    occlusion.panel.wait_for(timeout=60_000)
    occlusion.wait_for_pixels(0)


def test_the_lab_shows_a_panel_when_its_tab_is_opened_and_panels_follow_each_other(open_notebook):
    notebook = open_notebook(SETUP, "lab = cv.lab(net, photo)\nlab", width=1000)
    notebook.page.locator(".cnnviz-lab").wait_for(timeout=60_000)
    notebook.wait_for_pixels(0)
    notebook.screenshot("lab-light", notebook.page.locator(".cnnviz-lab"))
    notebook.page.get_by_role("tab", name="Activations").click()
    before = notebook.wait_for_pixels(0)
    notebook.kernel("lab.session.image = 'coffee'")
    notebook.wait_for_pixels(0, other_than=before)
    shown = eval(notebook.kernel("print([panel.shown for panel in lab.panels])"))
    assert shown == [True, True, *[False] * (len(shown) - 2)]
    notebook.kernel("lab.panels[2].stride = 2")
    notebook.page.get_by_role("tab", name="Occlusion").click()
    notebook.wait_for_pixels(0)
    assert notebook.kernel("print(lab.panels[2]._bar.state)") == "running"  # and the kernel answers meanwhile
    notebook.kernel("lab.panels[2].stop()")


def test_panels_fit_in_both_themes_and_are_kept_as_screenshots(open_notebook):
    kinds = ("Filters", "Activations", "Occlusion", "Gradients")
    notebook = open_notebook(
        SETUP, *(f"{k.lower()} = cv.panels.{k}(net, photo)\n{k.lower()}" for k in kinds), width=1100
    )
    notebook.page.evaluate("window.jupyterapp.commands.execute('application:toggle-left-area')")
    for index in range(len(kinds)):
        notebook.page.locator(".cnnviz-panel").nth(index).scroll_into_view_if_needed(timeout=60_000)
        notebook.page.wait_for_function(
            f"() => document.querySelectorAll('.cnnviz-panel').length > {index}", timeout=60_000
        )
    for kind in kinds:
        notebook.kernel(f"{kind.lower()}.wait(30)")
    for theme in ("JupyterLab Light", "JupyterLab Dark"):
        notebook.theme(theme)
        for index, kind in enumerate(kinds):
            panel = notebook.page.locator(".cnnviz-panel").nth(index)
            panel.scroll_into_view_if_needed()
            notebook.page.wait_for_timeout(400)
            notebook.screenshot(f"{kind.lower()}-{theme.split()[1].lower()}", panel)
            overflow = panel.evaluate("e => e.scrollWidth - e.clientWidth")
            assert overflow <= 1, f"{kind} is {overflow} px wider than its cell"
            ink, paper = panel.evaluate("e => [getComputedStyle(e).color, getComputedStyle(e).backgroundColor]")
            assert brightness(ink) < brightness(paper) if "Light" in theme else brightness(ink) > brightness(paper)


def brightness(colour: str) -> float:
    """Of a CSS colour ``rgb(…)``."""
    return sum(map(float, re.findall(r"[\d.]+", colour)[:3]))

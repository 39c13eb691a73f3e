"""What a person does: open, drag, stop, err and go on, click, switch the theme."""

import re

import pytest
from playwright.sync_api import expect

from cnnviz_widgets import registry

SETUP = 'import cnnviz_widgets as cnnviz\nnet = cnnviz.load_network("mini")\nphoto = cnnviz.load_image("chelsea")'
OCCLUSION = "Occlusion(net, photo, size=24, stride=16)"


@pytest.fixture
def occlusion(open_panel):
    notebook = open_panel(OCCLUSION)
    notebook.wait_for_pixels(0)
    notebook.kernel("panel.wait(30)")
    return notebook


def test_a_panel_appears_with_its_picture(open_notebook):
    notebook = open_notebook(f"{SETUP}\npanel = cnnviz.panels.{OCCLUSION}\npanel")
    notebook.wait_for_pixels(0, timeout=120)
    assert "Occlusion" in notebook.panel.inner_text()


def test_a_key_on_the_slider_changes_the_pixels(occlusion):
    before = occlusion.pixels(0)
    handle = occlusion.slider("Square")
    handle.focus()
    handle.press("ArrowRight")
    occlusion.wait_for_pixels(0, other_than=before)
    assert occlusion.kernel("print(panel.size)") == "28"


def test_sliders_say_their_values_and_not_where_they_stand(open_panel):
    notebook = open_panel("Attack(net, photo)")  # a slider with stops
    epsilon = notebook.slider("ε of 255")
    expect(epsilon).to_have_attribute("aria-valuetext", "8", timeout=60_000)
    epsilon.focus()
    epsilon.press("ArrowRight")
    notebook.becomes("print(panel.levels)", "10")
    expect(epsilon).to_have_attribute("aria-valuetext", "10")
    notebook.kernel("panel.levels = 2")
    expect(epsilon).to_have_attribute("aria-valuetext", "2")


def test_a_burst_of_slider_moves_is_coalesced_and_the_last_value_wins(occlusion):
    occlusion.kernel(
        "calls = []\n"
        "original = type(panel).compute\n"
        "def counted(self, now):\n"
        "    calls.append(now.size)\n"
        "    yield from original(self, now)\n"
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
    shown = int(
        occlusion.page.locator(".widget-slider").filter(has_text="Square").locator(".widget-readout").inner_text()
    )
    assert shown > 24
    occlusion.becomes("print(panel.size)", str(shown))
    occlusion.becomes("panel.wait(30); print(calls[-1])", str(shown))
    occlusion.kernel("type(panel).compute = original")
    calls = eval(occlusion.kernel("print(calls)"))
    assert len(calls) <= 12  # bounded by time: some forty moves were made


def test_stop_answers_and_keeps_the_picture(occlusion):
    before = occlusion.pixels(0)
    occlusion.kernel("panel.stride = 2")
    stop = occlusion.panel.get_by_role("button", name="Stop")
    occlusion.wait_for_pixels(0, other_than=before)
    stop.click()
    expect(occlusion.panel.locator(".cnnviz-status")).to_contain_text("topped")
    assert occlusion.state() == "stopped"  # not done: there are thousands of positions
    assert len(set(occlusion.pixels(0))) > 8


def test_an_error_is_told_in_plain_words_and_the_panel_goes_on(occlusion):
    picker = occlusion.panel.get_by_label("Class").or_(occlusion.panel.locator(".widget-combobox input")).first
    picker.fill("zebrafish")
    picker.press("Enter")
    alert = occlusion.panel.get_by_role("alert")
    alert.wait_for()
    assert "zebrafish" in alert.inner_text()
    assert "Traceback" not in alert.inner_text()
    before = occlusion.pixels(0)
    handle = occlusion.slider("Square")
    handle.focus()
    handle.press("ArrowRight")
    occlusion.wait_for_pixels(0, other_than=before)


def test_opacity_and_colors_change_without_the_kernel(occlusion):
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
    quiet = "() => { const now = window.__sent, same = now === window.__seen; window.__seen = now; return same; }"
    page.wait_for_function(quiet, polling=1000)  # the last picture has been acknowledged
    before = occlusion.pixels(0)
    count = page.evaluate(sent)
    frames = page.evaluate(
        """async () => {
            const slider = document.querySelector('.cnnviz-opacity');
            const canvas = document.querySelector('canvas.cnnviz-pixels');
            const look = () => canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.join();
            const before = look();
            slider.value = 0.1;
            slider.dispatchEvent(new Event('input', {bubbles: true}));
            for (let frames = 1; frames <= 20; frames++) {
                await new Promise(requestAnimationFrame);
                if (look() !== before) return frames;
            }
            return Infinity;
        }"""
    )
    assert frames <= 2
    after = occlusion.pixels(0)
    assert after != before
    page.locator(".cnnviz-colors").first.select_option("viridis")
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


def test_a_shape_is_painted_and_the_score_without_it_is_told(occlusion):
    page, before = occlusion.page, occlusion.pixels(1)
    map_ = page.locator(".cnnviz-image-view").first
    map_.hover()
    map_.get_by_role("button", name="Brush").click()
    occlusion.becomes("print(panel._map.image.tool)", "brush")
    box = map_.locator("canvas.cnnviz-pixels").bounding_box()
    for step, (x, y) in enumerate([(0.3, 0.3), (0.6, 0.3), (0.6, 0.6)]):
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=4)
        if step == 0:
            page.mouse.down()
    page.mouse.up()
    occlusion.wait_for_pixels(1, other_than=before)
    told = page.locator(".cnnviz-caption").nth(1)
    expect(told).to_have_text(re.compile(r"[\d.]+% → [\d.]+% · \d+ px painted"))
    occlusion.panel.get_by_role("button", name="Code").click()
    expect(occlusion.panel.get_by_label("Code", exact=True)).to_contain_text("area=cnnviz.painted(")
    occlusion.panel.get_by_role("button", name="Reset").click()
    occlusion.wait_for_pixels(1, other_than=occlusion.pixels(0))
    expect(told).not_to_contain_text("painted")
    assert occlusion.kernel("print(panel.area, panel._map.image.mask)") == "None None"


def test_a_map_is_chosen_by_a_click(open_panel):
    notebook = open_panel("Activations(net, photo)")
    notebook.panel.wait_for()
    notebook.wait_for_pixels(0)
    before = notebook.wait_for_pixels(1)
    box = notebook.page.locator("canvas.cnnviz-pixels").first.bounding_box()
    notebook.page.mouse.click(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.5)
    notebook.wait_for_pixels(1, other_than=before)
    assert int(notebook.kernel("print(panel.session.channel)")) > 0


def test_the_rest_of_figure_7_comes_and_goes(occlusion):
    views = occlusion.panel.locator("canvas.cnnviz-pixels:visible")
    expect(views).to_have_count(2)
    occlusion.settings()
    box = occlusion.panel.get_by_role("checkbox", name="Zeiler & Fergus Fig. 7 views")
    box.check()
    expect(views).to_have_count(5)
    for heading in (
        "Drop in activation, per position",
        "The strongest map, projected to pixels",
        "Most probable class, per position",
    ):
        expect(occlusion.panel.get_by_text(heading, exact=True)).to_be_visible()
    for view in range(5):
        occlusion.wait_for_pixels(view)
    expect(occlusion.panel.locator(".cnnviz-legend:visible")).to_contain_text("tabby")
    before = occlusion.pixels(3)
    occlusion.panel.get_by_label("Layer", exact=True).select_option(label="relu3 · ReLU 128×16×16")
    occlusion.wait_for_pixels(3, other_than=before)
    box.uncheck()
    expect(views).to_have_count(2)
    assert occlusion.kernel("panel.wait(60); print(panel._bar.state, panel._bar.error)") == "done"


def test_the_code_button_shows_the_call(occlusion):
    occlusion.panel.get_by_role("button", name="Code").click()
    code = occlusion.panel.locator(".cnnviz-code .cnnviz-pre")
    expect(code).to_contain_text("cnnviz.occlusion")
    assert code.inner_text().splitlines() == occlusion.kernel("print(panel.code())").splitlines()
    assert 'cnnviz.load_network("mini")' in code.inner_text()


def test_the_notebook_stays_usable_while_a_panel_computes(occlusion):
    occlusion.kernel("panel.stride = 2")
    assert occlusion.kernel("print(6 * 7)") == "42"
    assert occlusion.state() == "running"  # the answer came meanwhile
    occlusion.kernel("panel.stop()")


def test_the_picture_is_there_after_a_reload(open_panel):
    notebook = open_panel(OCCLUSION)
    notebook.wait_for_pixels(0, timeout=120)
    notebook.kernel("panel.wait(30)")
    notebook.page.evaluate("window.jupyterapp.commands.execute('docmanager:save')")
    notebook.reload()
    notebook.panel.wait_for()
    notebook.wait_for_pixels(0)


def test_the_lab_makes_a_panel_when_its_card_is_opened_and_panels_follow_each_other(open_notebook):
    notebook = open_notebook(SETUP, "lab = cnnviz.lab(net, photo)\nlab", width=1000)
    lab = notebook.page.locator(".cnnviz-lab")
    lab.wait_for()
    notebook.screenshot("lab-light", lab)
    assert notebook.kernel("print(lab.panels)") == "[]"
    lab.locator(".cnnviz-card").filter(has=notebook.page.get_by_text("Gradients", exact=True)).click()
    before = notebook.wait_for_pixels(0)
    notebook.kernel("lab.session.image = 'coffee'")
    notebook.wait_for_pixels(0, other_than=before)
    notebook.kernel("lab._panel('Occlusion').stride = 2")
    lab.get_by_role("button", name="‹ Occlusion").click()
    notebook.wait_for_pixels(0)
    assert notebook.kernel("print(lab.panels[0]._bar.state)") == "running"  # and the kernel answers meanwhile
    notebook.kernel("lab.panels[0].stop()")
    assert notebook.kernel("print([panel.title for panel in lab.panels])") == "['Occlusion', 'Gradients']"


def test_the_gallery_is_searched_and_used_with_the_keyboard(open_notebook):
    notebook = open_notebook(SETUP, "lab = cnnviz.lab(net, photo)\nlab", width=1000)
    lab, keyboard = notebook.page.locator(".cnnviz-lab"), notebook.page.keyboard
    cards = lab.locator(".cnnviz-card:visible")
    expect(cards).to_have_count(len(registry.panels()))
    lab.get_by_role("searchbox").fill("zeiler square")
    expect(cards).to_have_count(1)
    expect(cards).to_contain_text("Occlusion")
    keyboard.press("ArrowDown")
    keyboard.press("Enter")
    expect(lab.locator(".cnnviz-open-title")).to_have_text("Occlusion")
    expect(lab.get_by_role("button", name="All panels")).to_be_focused()
    notebook.wait_for_pixels(0)
    expect(lab.get_by_role("region", name="Occlusion")).to_be_visible()
    keyboard.press("Escape")
    expect(lab.locator(".cnnviz-panel")).to_have_count(0)
    expect(cards).to_be_focused()
    lab.get_by_role("searchbox").focus()
    keyboard.press("Escape")
    expect(cards).to_have_count(len(registry.panels()))
    cards.first.focus()
    keyboard.press("ArrowRight")
    expect(cards.nth(1)).to_be_focused()

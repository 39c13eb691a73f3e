"""What a person does with a picture in the making: watch it grow, stop it, go on, look back, keep it."""

import json
import time

import pytest
from PIL import Image
from playwright.sync_api import expect

import cnnviz_widgets as cnnviz

LONG = 120  # s: a busy machine is slow
FEATURES = "net, photo, layer='conv3', steps=4"


@pytest.fixture
def show(open_panel):
    def open_it(call):
        notebook = open_panel(call)
        notebook.panel.wait_for()
        notebook.wait_for_pixels(0, timeout=LONG)
        return notebook

    return open_it


def press(notebook, name):
    notebook.panel.get_by_role("button", name=name, exact=True).click()


def wait_for_state(notebook, *states):
    end = time.monotonic() + LONG
    while (state := notebook.state()) not in states:
        assert time.monotonic() < end, f"the panel is {state}, not {' or '.join(states)}"
        notebook.page.wait_for_timeout(50)


def steps_done(notebook):
    return int(notebook.kernel("print(panel._parts['picture'].image.content.caption.split()[-3])"))


def test_a_class_model_grows_is_stopped_and_goes_on(show):
    notebook = show("ClassModel(net, photo, target='goose', steps=1000)")
    grown = notebook.wait_for_pixels(0, other_than=notebook.pixels(0))
    notebook.wait_for_pixels(0, other_than=grown)
    press(notebook, "Stop")
    wait_for_state(notebook, "stopped")
    reached = steps_done(notebook)
    assert 1 < reached < 1000
    before = notebook.pixels(0)
    press(notebook, "Continue")
    wait_for_state(notebook, "running")
    notebook.wait_for_pixels(0, other_than=before)
    press(notebook, "Stop")
    wait_for_state(notebook, "stopped")
    assert steps_done(notebook) > reached


def test_earlier_steps_are_looked_at_while_it_goes_on(show):
    notebook = show("ClassModel(net, photo, target='goose', steps=1000)")
    notebook.wait_for_pixels(0, other_than=notebook.pixels(0))
    handle = notebook.slider("Look at step")
    handle.focus()
    handle.press("Home")
    notebook.page.wait_for_function("() => document.body.innerText.includes('step 1 of 1000')")
    assert notebook.state() == "running"
    first = notebook.pixels(0)
    handle.press("End")
    notebook.wait_for_pixels(0, other_than=first)
    notebook.kernel("panel.stop()")


def test_a_slider_steers_the_run(show):
    notebook = show("ClassModel(net, photo, target='goose', steps=1000)")
    notebook.kernel("import time\nwhile panel._memos['state'].held.last.step < 12: time.sleep(0.05)")
    wanted = float(notebook.kernel("print(panel.rotate)")) + 1
    handle = notebook.slider("Rotate")
    handle.focus()
    handle.press("ArrowRight")
    notebook.page.wait_for_function(f"() => document.body.innerText.includes('rotate {wanted:g}')")
    notebook.becomes("print(panel.rotate)", str(wanted))
    assert steps_done(notebook) >= 12  # it goes on from there
    notebook.kernel("panel.stop()")
    notebook.becomes("print(panel.code().count('until='), panel.code().count('start=state'))", "1 1")


def test_the_picture_is_kept_with_its_settings(show):
    notebook = show("ClassModel(net, photo, target='goose', steps=12, starts=2)")
    wait_for_state(notebook, "done")
    with notebook.page.expect_download() as download:
        press(notebook, "Save PNG")
    assert download.value.suggested_filename == "goose-distill.png"
    picture = Image.open(download.value.path())
    assert picture.size == (2 * 128 + 2, 128)
    assert json.loads(picture.text["Settings"])["steps"] == 12
    assert "cnnviz.class_model(net" in picture.text["Code"]


def test_a_channel_is_chosen_by_a_click(show):
    notebook = show(f"FeatureVisualization({FEATURES})")
    notebook.wait_for_pixels(1)
    wait_for_state(notebook, "done")
    before = notebook.pixels(1)
    notebook.kernel("panel.wait(60)")
    box = notebook.page.locator("canvas.cnnviz-pixels").first.bounding_box()
    notebook.page.mouse.click(box["x"] + box["width"] * 0.4, box["y"] + box["height"] * 0.4)  # 3rd of 6, 2nd of 4
    notebook.wait_for_pixels(1, other_than=before)
    notebook.becomes("print(panel.session.channel)", "8")
    before = notebook.pixels(0)
    press(notebook, "Next ›")
    notebook.wait_for_pixels(0, other_than=before)
    notebook.becomes("print(panel.session.channel)", "32")
    notebook.kernel("panel.stop()")


def test_examples_of_a_dataset_fill_a_strip(show):
    notebook = show(f"FeatureVisualization({FEATURES}, dataset=cnnviz.samples())")
    wait_for_state(notebook, "done")
    compare = notebook.panel.get_by_label("Compare", exact=True)
    compare.select_option(label="examples of the dataset")
    strip = notebook.panel.locator(".cnnviz-image").nth(2)
    expect(strip.locator(".cnnviz-caption")).to_contain_text(f"the best of {len(cnnviz.samples())} pictures")
    names = strip.locator(".cnnviz-name").all_text_contents()
    found = eval(notebook.kernel("print([*panel._parts['beside'].image.content.names])"))
    assert names == found
    assert len(names) == 8
    found = notebook.wait_for_pixels(2)
    notebook.kernel("panel.session.dataset = None")
    note = notebook.panel.locator(".cnnviz-run-bar .cnnviz-note")
    expect(note).to_contain_text("dataset=…")
    compare.select_option(label="diverse pictures")
    notebook.wait_for_pixels(2, other_than=found)


def test_the_photograph_is_drawn_over_the_dream(show):
    notebook = show("DeepDream(net, photo, layer='conv3', size=128, steps=4)")
    wait_for_state(notebook, "done")
    notebook.kernel("panel.wait(60)")
    dreamed = notebook.pixels(0)
    handle = notebook.panel.get_by_role("slider", name="Before")
    handle.focus()
    handle.press("End")
    photo = notebook.wait_for_pixels(0, other_than=dreamed)
    handle.press("Home")
    notebook.wait_for_pixels(0, other_than=photo)
    press(notebook, "Save film")
    notebook.panel.get_by_role("alert").wait_for()
    assert "there is no film yet" in notebook.panel.get_by_role("alert").inner_text()


def test_the_ladder_is_filled_in_and_a_click_chooses_a_layer(show):
    notebook = show("Inversion(net, photo, steps=12, rungs=4)")
    labels = "[...document.querySelectorAll('.cnnviz-name')].map((one) => one.textContent)"
    notebook.page.wait_for_function(f"() => {labels}.filter((name) => name.endsWith('dB')).length === 4")
    assert notebook.page.evaluate(labels)[0] == "original"
    first = notebook.panel.locator(".cnnviz-plot .tick text").first
    expect(first).to_have_text(notebook.page.evaluate(labels)[1].split()[0])
    wait_for_state(notebook, "done")  # until then the labels are replaced
    box = notebook.page.locator(".cnnviz-label").nth(2).bounding_box()
    notebook.page.mouse.click(box["x"] + 20, box["y"] + box["height"] + 20)
    notebook.becomes("print(panel.session.layer)", notebook.page.evaluate(labels)[2].split()[0])

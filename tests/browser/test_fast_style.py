"""A network learns to paint under the eyes of whoever watches: it is stopped, goes on, and is used."""

import time

from playwright.sync_api import expect

SETTINGS = "steps=400, size=64, style_size=64, batch=1"
LONG = 150  # s: a busy machine is slow


def wait_for_state(notebook, *states):
    end = time.monotonic() + LONG
    while (state := notebook.state()) not in states:
        assert time.monotonic() < end, f"the panel is {state}, not {' or '.join(states)}"
        notebook.page.wait_for_timeout(100)


def steps_done(notebook):
    return int(notebook.kernel("print(panel._parts['previews'].image.content.caption.split()[1])"))


def test_a_training_is_stopped_goes_on_and_the_network_is_saved(open_panel):
    notebook = open_panel(f"FastStyle(net, photo, {SETTINGS})")
    notebook.panel.wait_for()
    first = notebook.wait_for_pixels(0, timeout=LONG)
    notebook.wait_for_pixels(0, other_than=first, timeout=LONG)
    notebook.panel.get_by_role("button", name="Stop", exact=True).click()
    wait_for_state(notebook, "stopped")
    reached = steps_done(notebook)
    assert 0 < reached < 400
    before = notebook.pixels(0)
    notebook.panel.get_by_role("button", name="Continue", exact=True).click()
    notebook.wait_for_pixels(0, other_than=before, timeout=LONG)
    notebook.panel.get_by_role("button", name="Stop", exact=True).click()
    wait_for_state(notebook, "stopped", "done")
    assert steps_done(notebook) > reached
    with notebook.page.expect_download() as saved:
        notebook.panel.get_by_role("button", name="Save style", exact=True).click()
    assert saved.value.suggested_filename == "style-stained_glass.safetensors"
    expect(notebook.panel.get_by_label("Painted by")).to_be_visible()


def test_the_camera_is_painted_in_place_of_the_photograph(open_panel):
    """Chromium's fake camera; the training has come to its end, and a bundled style paints."""
    notebook = open_panel("FastStyle(net, photo, steps=1, size=64, style_size=64, batch=1, painter='watercolor')")
    notebook.becomes("print(panel._bar.state)", "done", timeout=LONG)
    photograph = notebook.kernel("print(panel._parts['painted'].image.content.size)")
    notebook.panel.get_by_role("button", name="Start camera").click()
    size = "panel._parts['painted'].image.content.size"
    notebook.becomes(f"print(panel.source, {size} != {photograph})", "camera True", timeout=LONG)  # 4 : 3
    notebook.panel.get_by_role("button", name="Stop camera").click()
    notebook.becomes("print(panel.source)", "photograph")

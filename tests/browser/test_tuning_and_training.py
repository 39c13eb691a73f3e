"""A click around a tuning curve chooses a stimulus; a training stops, goes on, looks back, and asks."""

from playwright.sync_api import expect


def test_a_click_around_the_curve_chooses_the_stimulus(open_panel):
    notebook = open_panel("Tuning(net, layer='conv1', channel=23)", width=1200)
    notebook.wait_for_pixels(0, timeout=120)
    notebook.becomes("print(panel._bar.state)", "done")
    notebook.kernel("panel.wait(60)")
    notebook.screenshot("tuning-light", notebook.panel)
    before = notebook.pixels(1)
    drawing = notebook.page.locator("canvas").first
    box = drawing.bounding_box()
    drawing.click(position={"x": 0.95 * box["width"], "y": 0.5 * box["height"]})
    notebook.becomes("print(round(panel.angle) % 180)", "0")
    notebook.wait_for_pixels(1, other_than=before)
    notebook.kernel("panel.session.channel = 9")
    notebook.becomes("print(panel.angle, panel._bar.state)", "None done")
    notebook.kernel("panel.wait(30)")
    notebook.theme("JupyterLab Light")
    light = notebook.wait_for_pixels(0)
    assert max(set(light), key=light.count) == 255  # paper
    notebook.theme("JupyterLab Dark")
    dark = notebook.wait_for_pixels(0, other_than=light)
    assert max(set(dark), key=dark.count) == 33
    notebook.screenshot("tuning-dark", notebook.panel)


def test_a_training_stops_goes_on_and_looks_back(open_panel):
    notebook = open_panel("Training(net, epochs=4)", width=1200)
    notebook.theme("JupyterLab Light")
    first = notebook.wait_for_pixels(0, timeout=120)
    notebook.wait_for_pixels(0, other_than=first)
    notebook.page.get_by_role("button", name="Stop").click()
    notebook.becomes("print(panel._bar.state)", "stopped")
    notebook.screenshot("training-stopped", notebook.panel)
    notebook.page.get_by_role("button", name="Continue").click()
    notebook.becomes("print(panel._bar.state)", "done", timeout=120)
    latest = notebook.pixels(0)
    notebook.screenshot("training-light", notebook.panel)
    notebook.slider("Look at epoch").press("Home")
    notebook.wait_for_pixels(0, other_than=latest)
    notebook.becomes("print(panel._parts['filters'].image.content.caption)", "after epoch 0")
    notebook.theme("JupyterLab Dark")
    notebook.page.wait_for_timeout(500)
    notebook.screenshot("training-dark", notebook.panel)
    notebook.kernel("panel.guess = 'epoch'; panel.wait(60)")
    choice = notebook.page.get_by_role("button", name="epoch 1")
    expect(choice).to_be_visible()
    notebook.screenshot("training-asks", notebook.panel)
    choice.click()
    notebook.becomes("print('epoch' in panel._filters.heading, panel._filters.waits)", "True False")
    notebook.screenshot("training-told", notebook.panel)

"""Style transfer in a notebook: content against style is dragged while it runs, and the divider asks no kernel."""

from playwright.sync_api import expect

STEP = "print(panel._memos['state'].held.last.step)"
COUNTED = """
heard = []
panel._parts['result'].image.on_msg(lambda widget, message, buffers: heard.append(message['do']))
"""


def test_content_against_style_is_dragged_while_it_runs(open_panel):
    notebook = open_panel("StyleTransfer(net, photo, size=96, steps=250)")
    notebook.wait_for_pixels(2)
    handle = notebook.slider("Content ↔ style")
    before = int(notebook.kernel(STEP))
    assert notebook.state() == "running"
    handle.focus()
    for _ in range(12):
        notebook.page.keyboard.press("ArrowLeft")
    notebook.becomes("print(panel.beta < 50)", "True")
    fader = notebook.page.get_by_role("slider", name="Weight of relu1")
    fader.focus()
    notebook.page.keyboard.press("Home")
    notebook.becomes("print(panel.weights)", "{'relu1': 0.0}")
    during = int(notebook.kernel(STEP))
    assert during >= before > 0  # it went on from where it was
    notebook.becomes(f"print(panel._memos['state'].held.last.step > {during})", "True")
    notebook.page.get_by_role("button", name="Stop").click()
    notebook.becomes("print(panel._bar.state)", "stopped")
    steps = notebook.kernel("print([*panel._terms.known] == [*range(1, len(panel._terms.known) + 1)])")
    assert steps == "True"
    assert notebook.kernel("print('until=' in panel.code(), 'relu1' in panel.code())") == "True True"


def test_divider_strength_and_colors_ask_no_kernel(open_panel):
    notebook = open_panel("StyleTransfer(net, photo, size=96, steps=8)")
    notebook.becomes("print(panel._bar.state)", "done", timeout=120)
    painted = notebook.wait_for_pixels(2)
    notebook.kernel(COUNTED)
    result = notebook.page.locator(".cnnviz-image-view").nth(2)
    result.get_by_label("Strength").fill("0.3")
    weaker = notebook.wait_for_pixels(2, other_than=painted)
    result.get_by_label("Keep the colors").check()
    kept = notebook.wait_for_pixels(2, other_than=weaker)
    result.get_by_label("Before").fill("0.6")
    notebook.wait_for_pixels(2, other_than=kept)
    assert notebook.kernel("print([one for one in heard if one != 'hover'])") == "[]"
    notebook.page.get_by_role("button", name="Reset").click()
    expect(result.get_by_label("Strength")).to_have_value("1")


def test_a_stroke_on_the_doodle_is_followed_by_the_picture(open_panel):
    notebook = open_panel("Doodle(net, size=64, steps=4)")
    notebook.becomes("print(panel._bar.state)", "done", timeout=120)
    before = notebook.wait_for_pixels(2)
    canvas = notebook.page.locator("canvas.cnnviz-pixels").nth(1)
    view = canvas.locator("xpath=ancestor::div[contains(@class, 'cnnviz-image-view')]")
    view.get_by_role("button", name="field").click()  # for which the page may be scrolled
    box = canvas.bounding_box()
    notebook.page.mouse.move(box["x"] + 0.2 * box["width"], box["y"] + 0.2 * box["height"])
    notebook.page.mouse.down()
    notebook.page.mouse.move(box["x"] + 0.8 * box["width"], box["y"] + 0.25 * box["height"], steps=4)
    notebook.page.mouse.up()
    notebook.becomes("print(panel.mask is not None and int(panel.mask[29, 64]))", "3")  # in the band of the stars
    notebook.wait_for_pixels(2, other_than=before)
    notebook.page.get_by_role("button", name="Suggest").click()
    notebook.becomes("print(panel.style_mask, panel._bar.error)", "None")

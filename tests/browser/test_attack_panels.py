"""Attacks in a notebook: ε is moved during a run, the robust example turned, a patch dragged, one number changed."""

DONE = "print(panel._bar.state)"


def test_epsilon_is_moved_during_a_run(open_panel):
    notebook = open_panel("Attack(net, photo, levels=2, steps=100, restarts=5)")
    notebook.wait_for_pixels(0)
    assert notebook.state() == "running"
    handle = notebook.slider("ε of 255")
    handle.focus()
    for _ in range(4):
        notebook.page.keyboard.press("ArrowRight")
    notebook.becomes("print(panel.levels)", "6")
    notebook.becomes("print(panel.kept('attack').bound * 255)", "6.0")
    notebook.kernel("panel.steps, panel.restarts = 1, 1")
    notebook.becomes(DONE, "done", timeout=120)
    assert notebook.kernel("print('fgsm' in panel.code(), panel.kept('attack').total)") == "True 1"


def test_a_robust_example_is_turned(open_panel):
    notebook = open_panel("RobustExample(net, photo, steps=4, samples=2, toward=['goose'])")
    notebook.becomes(DONE, "done", timeout=120)
    straight = notebook.wait_for_pixels(0)
    notebook.kernel("kept = panel.kept('robust')")
    handle = notebook.slider("Angle")
    handle.focus()
    for _ in range(5):
        notebook.page.keyboard.press("ArrowRight")
    notebook.becomes("print(panel.angle)", "5")
    notebook.wait_for_pixels(0, other_than=straight)
    assert notebook.kernel("print(panel.kept('robust') is kept)") == "True"  # turning is no other run


STUCK = """
x, y, wide, tall = panel.where
scale = min(wide, tall) / panel._shown().picture.shape[0]
patch = panel._reached(panel._drawn).values
stuck = cnnviz.apply_patch(net.prepare(photo)[0], patch, (x + wide / 2, y + tall / 2), scale=scale)
top = net.predict((stuck * 255).round() / 255, 1)[0]
print(f"{top.name} {top.probability:.1%}")
"""


def test_a_patch_is_dragged_and_the_label_follows(open_panel):
    """By the mouse and by keys; the label is what the network says of the photograph with the patch just there."""
    notebook = open_panel("Patch(net, photo, toward=['goldfish'], area=0.1, steps=12)")
    notebook.becomes(DONE, "done", timeout=240)
    page = notebook.page
    stage = page.locator(".cnnviz-part").filter(has_text="Drag the patch").locator(".cnnviz-stage")
    caption = page.locator(".cnnviz-part").filter(has_text="Drag the patch").locator(".cnnviz-caption")
    stage.scroll_into_view_if_needed()
    before = notebook.kernel(
        "patch = panel._reached(panel._drawn).values; print(panel._parts['box']._view.image.region)"
    )
    box = stage.bounding_box()
    assert box
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(*middle)
    page.mouse.down()
    labels = set()
    for step in range(1, 7):  # to the corner on the upper left
        page.mouse.move(middle[0] - step * box["width"] / 18, middle[1] - step * box["height"] / 18)
        page.wait_for_timeout(200)
        labels.add(caption.inner_text())
    page.mouse.up()
    assert len(labels) > 2  # it follows on the way, not only at the end
    notebook.becomes("print(panel.where is not None and panel.where[0] < 30 and panel.where[1] < 30)", "True")
    assert notebook.kernel("print(panel.where)") != before
    page.wait_for_function(
        "([label, text]) => label.innerText === text", arg=[caption.element_handle(), notebook.kernel(STUCK)]
    )
    where = notebook.kernel("print(panel.where[0])")
    stage.focus()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    notebook.becomes("print(panel.where[0])", str(int(where) + 5))
    page.wait_for_function(
        "([label, text]) => label.innerText === text", arg=[caption.element_handle(), notebook.kernel(STUCK)]
    )
    assert notebook.kernel("print(panel._reached(panel._drawn).values is patch)") == "True"  # it is not trained anew


def test_a_number_of_the_ten_is_changed(open_panel):
    notebook = open_panel("LinearToy()")
    notebook.becomes(DONE, "done", timeout=120)
    notebook.page.get_by_text("P = 88.1%").wait_for()
    cell = notebook.page.locator(".cnnviz-number input").first
    cell.fill("0")
    cell.press("Enter")
    notebook.becomes("print(panel.x[0])", "0.0")
    notebook.page.get_by_text("w · x = −1").first.wait_for()


def test_a_cell_of_the_matrix_is_clicked(open_panel):
    notebook = open_panel("Transfer(networks=['small_plain', 'small_wide'], pictures=16, steps=3)")
    notebook.becomes(DONE, "done", timeout=120)
    notebook.page.locator(".cnnviz-label", has_text="noise").first.wait_for()
    view = notebook.page.locator(".cnnviz-stage").first
    view.focus()
    for key in ("ArrowDown", "ArrowDown", "ArrowRight", "Enter"):  # from the cell that is chosen
        view.press(key)
    notebook.becomes("print(panel.made_for, '→', panel.shown_to)", "all of them → small_wide")
    notebook.becomes("print('made for all of them' in panel._parts['pictures'].image.content.caption)", "True")
    for key in ("ArrowUp", "ArrowUp", "ArrowUp", "Enter", "ArrowDown", "Enter"):  # a heading is no cell
        view.press(key)
    notebook.becomes("print(panel.made_for, '→', panel.shown_to)", "small_plain → small_wide")


def test_a_training_is_stopped_and_goes_on(open_panel):
    notebook = open_panel("Attacker(steps=200, batch=2)")
    notebook.wait_for_pixels(0)
    notebook.page.get_by_role("button", name="Stop").click()
    notebook.becomes(DONE, "stopped", timeout=60)
    at = notebook.kernel("print(panel._memos['state'].held.last.step)")
    assert 0 < int(at) < 200
    notebook.page.get_by_role("button", name="Continue").click()
    notebook.becomes(DONE, "running", timeout=30)
    notebook.becomes(f"print(panel._memos['state'].held.last.step > {at})", "True", timeout=60)
    notebook.kernel("panel.stop()")


def test_textures_are_chosen_and_fooled(open_panel):
    notebook = open_panel("OtherClassifiers()")
    notebook.becomes(DONE, "done", timeout=120)
    digits = notebook.wait_for_pixels(0)
    notebook.page.get_by_role("radio", name="textures").or_(
        notebook.page.get_by_role("button", name="textures")
    ).first.click()
    notebook.becomes("print(panel.images)", "textures")
    notebook.wait_for_pixels(0, other_than=digits)
    notebook.page.get_by_text("answers another class").wait_for()
    notebook.becomes(DONE, "done", timeout=240)

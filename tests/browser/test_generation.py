"""The generator's panel in JupyterLab: the pad of the view, and the arithmetic of pictures that are dragged."""

SHOWN, SUMS, ROWS = 1, 2, 3  # numbers of the stages; 0 is the pad


def test_the_pad_turns_the_object_and_pictures_are_dragged_into_the_sum(open_panel):
    notebook = open_panel("Generator(kind='sofa')")
    notebook.becomes("print(panel._bar.state)", "done")
    page, stages = notebook.page, notebook.page.locator(".cnnviz-stage")

    pad = stages.first
    pad.scroll_into_view_if_needed()
    assert not pad.locator(".cnnviz-toolbar").is_visible()  # it would cover views
    box = pad.locator("canvas").first.bounding_box()
    page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 0.7 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.5 * box["height"], steps=5)
    page.mouse.up()
    notebook.becomes("print(abs(panel.azimuth - 180) < 8 and abs(panel.elevation - 25) < 4)", "True")
    notebook.kernel("panel.azimuth = 90.0")
    notebook.becomes("print(panel._parts['pad'].image.region[0])", "90")
    notebook.becomes("print(panel._bar.state)", "done")

    def tile(stage, number, columns, rows=1):
        """The middle of a tile, in CSS px of the window."""
        box = stages.nth(stage).locator("canvas").first.bounding_box()
        return (
            box["x"] + (number % columns + 0.5) / columns * box["width"],
            box["y"] + (number // columns + 0.6) / rows * box["height"],
        )

    def drag(start, end):
        page.mouse.move(*start)
        page.mouse.down()
        page.mouse.move((start[0] + end[0]) / 2, (start[1] + end[1]) / 2, steps=3)
        assert page.locator(".cnnviz-carried").count() == 1  # it goes with the pointer
        page.mouse.move(*end, steps=3)
        page.mouse.up()
        assert page.locator(".cnnviz-carried").count() == 0

    stages.nth(SUMS).scroll_into_view_if_needed()
    notebook.screenshot("generator", notebook.panel)
    drag(tile(SHOWN, 0, 4), tile(SUMS, 0, 4))
    notebook.becomes("print(panel.a['kind'], panel.a['azimuth'])", "sofa 90.0")
    drag(tile(SUMS, 0, 4), tile(SUMS, 1, 4))  # from place to place
    notebook.becomes("print(panel.b == panel.a)", "True")
    page.mouse.click(*tile(SUMS, 2, 4))
    notebook.becomes("print(panel.c['kind'], panel.c['azimuth'])", "sofa 90.0")

    stages.nth(SUMS).evaluate("stage => stage.scrollIntoView({block: 'start'})")
    drag(tile(ROWS, 7 + 6, 7, 11), tile(SUMS, 2, 4))  # the end of the second row
    notebook.becomes("print(panel.c['right'], panel.c['azimuth'])", "0.12 90.0")
    notebook.becomes("print(panel.a['right'], panel.a == panel.b)", "0.0 True")

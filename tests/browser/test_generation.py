"""The generator's panel in JupyterLab: the pad of the view, and the arithmetic."""

SETUP = "import cnnviz_widgets as cnnviz\nfrom cnnviz_widgets import panels"


def test_the_pad_turns_the_object_and_a_click_fills_the_sum(open_notebook):
    notebook = open_notebook(SETUP, "panel = panels.Generator(kind='sofa')\npanel")
    notebook.becomes("print(panel._bar.state)", "done")
    pad = notebook.page.locator("canvas.cnnviz-pixels").first
    pad.scroll_into_view_if_needed()
    box = pad.bounding_box()
    notebook.page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 0.7 * box["height"])
    notebook.page.mouse.down()
    notebook.page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.5 * box["height"], steps=5)
    notebook.page.mouse.up()
    notebook.becomes("print(abs(panel.azimuth - 180) < 8 and abs(panel.elevation - 25) < 4)", "True")
    notebook.kernel("panel.azimuth = 90.0")
    notebook.becomes("print(panel._parts['pad'].image.region[0])", "90")
    sums = notebook.page.locator(".cnnviz-stage").nth(2)
    sums.scroll_into_view_if_needed()
    box = sums.bounding_box()
    notebook.page.mouse.click(box["x"] + 0.6 * box["width"], box["y"] + 0.6 * box["height"])
    notebook.becomes("print(panel.c['kind'], panel.c['azimuth'])", "sofa 90.0")

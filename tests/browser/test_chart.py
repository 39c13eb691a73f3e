"""Charts in a real browser: drawn by bqplot, or by Python where bqplot cannot be loaded; read aloud; brushed."""

from playwright.sync_api import expect

SETUP = "import cnnviz_widgets as cnnviz\nnet, photo = cnnviz.load_network('mini'), cnnviz.load_image('chelsea')"
CURVES = """
from cnnviz_widgets.drawing.chart import curves, draw
from cnnviz_widgets.drawing.render import png
from cnnviz_widgets.widgets.chart import ChartView
view = ChartView(name="Score", most=2, still=lambda chart: png(draw(chart)))
view.show(curves({"cat": ([0, 100, 200], [0, 40, 130]), "dog": ([0, 200], [10, 0])}, "step", "loss", end=200, top=None))
view
"""


def test_a_chart_is_drawn_with_round_numbers_and_without_a_scrollbar(open_notebook):
    notebook = open_notebook(CURVES)
    chart = notebook.page.locator(".cnnviz-chart")
    expect(chart.locator("path.line:visible")).to_have_count(2)
    texts = chart.locator(".tick text").all_text_contents()
    assert texts[:5] == ["0", "50", "100", "150", "200"]
    assert "125" in texts
    expect(chart.get_by_role("img", name="Score")).to_be_visible()
    assert chart.get_by_role("row").nth(1).text_content().startswith("cat0 at 0130 at 200")
    scrolls = (
        "all => all.filter((e) => /auto|scroll/.test(getComputedStyle(e).overflowY) && e.scrollHeight > e.clientHeight)"
    )
    assert chart.evaluate("e => e.scrollWidth - e.clientWidth") <= 0
    assert notebook.page.locator(".jp-OutputArea-output *").evaluate_all(f"{scrolls}.length") == 0
    notebook.kernel("view.show(curves({'cat': ([0, 1], [1, 0])}, 'step', 'loss'))")
    expect(chart.locator(".tick text").nth(1)).to_have_text("0.25")
    expect(chart.get_by_role("row").nth(1)).to_have_text("cat1 at 00 at 101")


def test_a_part_of_the_axis_is_dragged_open_and_keys_do_it_too(open_notebook):
    notebook = open_notebook(CURVES)
    plot = notebook.page.locator(".cnnviz-plot")
    expect(plot.locator("path.line:visible")).to_have_count(2)
    box = plot.bounding_box()
    left, wide, middle = box["x"] + 48, box["width"] - 48 - 14, box["y"] + box["height"] / 2
    notebook.page.mouse.move(left + 0.25 * wide, middle)
    notebook.page.mouse.down()
    notebook.page.mouse.move(left + 0.5 * wide, middle, steps=4)
    notebook.page.mouse.up()
    notebook.becomes("print(view.range and [round(end, -1) for end in view.range])", "[50.0, 100.0]")
    chart = notebook.page.locator(".cnnviz-chart")
    expect(chart.locator(".tick text").first).to_have_text("50")
    chart.get_by_role("button", name="All").click()
    notebook.becomes("print(view.range)", "None")
    chart.get_by_role("group", name="Score").focus()
    for key in ("+", "ArrowRight"):
        notebook.page.keyboard.press(key)
    notebook.becomes("print(view.range)", "(60.0, 160.0)")
    plot.dblclick()
    notebook.becomes("print(view.range)", "None")


def test_without_bqplot_a_picture_takes_its_place_and_the_panel_goes_on(open_notebook):
    notebook = open_notebook(SETUP, "panel = cnnviz.panels.Occlusion(net, photo)\npanel", without="**/bqplot/static/**")
    picture = notebook.panel.locator(".cnnviz-chart img.cnnviz-still")
    expect(picture).to_be_visible()
    expect(notebook.panel.locator(".cnnviz-plot .bqplot")).to_have_count(0)
    expect(notebook.panel.get_by_role("img", name="Class probabilities")).to_be_visible()
    before = picture.get_attribute("src")
    notebook.kernel("panel.place = (60, 60)")
    expect(picture).not_to_have_attribute("src", before)
    notebook.becomes("print(panel._bar.state)", "done")
    notebook.errors.clear()  # JupyterLab tells of the files that it cannot load


def test_charts_are_kept_as_screenshots(open_notebook):
    notebook = open_notebook(
        SETUP, "cnnviz.panels.Occlusion(net, photo)",
        "cnnviz.panels.Compare(net, photo, methods=['saliency', 'grad_cam'], steps=10)",
        "cnnviz.panels.Inversion(net, photo, rungs=3, steps=8)", CURVES, width=700,
    )  # fmt: skip
    notebook.page.set_viewport_size({"width": 700, "height": 2600})
    notebook.page.evaluate("window.jupyterapp.commands.execute('application:toggle-left-area')")
    panels = notebook.page.locator(".cnnviz-panel")
    expect(panels).to_have_count(3)
    for number in range(3):
        expect(panels.nth(number).locator(".cnnviz-status")).to_have_text("Done")
    for theme in ("Light", "Dark"):
        notebook.theme(f"JupyterLab {theme}")
        for width in (700, 1200, 1900):
            notebook.page.set_viewport_size({"width": width, "height": 2600})
            expect(notebook.page.locator(".cnnviz-chart path.line:visible").last).to_be_visible()
            notebook.page.wait_for_timeout(500)
            for number, chart in enumerate(notebook.page.locator(".cnnviz-chart").all()):
                notebook.screenshot(f"chart-{number}-{width}-{theme.lower()}", chart)
            notebook.screenshot(f"charts-{width}-{theme.lower()}")

"""How every panel and the lab are laid out, and what a screen reader gets of them: in both themes, at three widths."""

from pathlib import Path

import pytest

from cnnviz_widgets import registry

AXE = Path(__file__).parents[1] / "axe" / "axe.min.js"
SETUP = 'import cnnviz_widgets as cnnviz\nnet = cnnviz.load_network("mini")\nphoto = cnnviz.load_image("chelsea")'
SHOW = """
box.children = []
panel = cnnviz.panels.{name}(net, photo)
if hasattr(panel, 'steps'):
    panel.steps = 5
box.children = [panel]
"""
VIOLATIONS = """async (where) => {
    const {violations} = await axe.run(where, {rules: {region: {enabled: false}}});
    return violations.flatMap(({id, nodes}) => nodes.map(({html}) => `${id}: ${html.slice(0, 160)}`));
}"""
SCROLLING = """panel => [...panel.querySelectorAll('*')]
    .filter((e) => e.checkVisibility() && !e.matches('pre, select, input, textarea'))
    .filter((e) => /auto|scroll/.test(getComputedStyle(e).overflow))
    .filter((e) => e.scrollWidth > e.clientWidth || e.scrollHeight > e.clientHeight)
    .map((e) => e.className)"""
FIRST_PICTURE = """panel => panel.querySelector('canvas.cnnviz-pixels').getBoundingClientRect().top
    - panel.getBoundingClientRect().top"""


@pytest.fixture
def page(open_notebook):
    notebook = open_notebook(SETUP, "import ipywidgets\nbox = ipywidgets.VBox()\nbox", width=1200)
    notebook.becomes("print('box' in globals())", "True", timeout=120)
    notebook.page.evaluate("window.jupyterapp.commands.execute('application:toggle-left-area')")
    notebook.page.add_script_tag(content=AXE.read_text(encoding="utf-8"))
    return notebook


@pytest.mark.timeout(900)
def test_every_panel_is_laid_out_well_and_can_be_read_by_a_screen_reader(page):
    wrong = []
    for entry in registry.panels():
        page.kernel(SHOW.format(name=entry.name))
        panel = page.page.get_by_role("region", name=entry.title, exact=True)
        panel.wait_for()
        page.wait_for_pixels(0)
        page.becomes("print(panel._bar.state)", "done", timeout=120)
        page.page.wait_for_timeout(300)
        for width in (700, 1200, 1900):
            page.page.set_viewport_size({"width": width, "height": 900})
            page.page.wait_for_timeout(300)
            top = panel.evaluate(FIRST_PICTURE)
            if top > 320:
                wrong.append(f"{entry.name} at {width} px: its first picture begins {top:.0f} px down")
            wrong += [f"{entry.name} at {width} px scrolls: {one}" for one in panel.evaluate(SCROLLING)]
        page.settings()
        for theme in ("Light", "Dark"):
            page.theme(f"JupyterLab {theme}")
            page.page.wait_for_timeout(300)
            wrong += [f"{entry.name}, {theme}: {one}" for one in page.page.evaluate(VIOLATIONS, ".cnnviz-panel")]
        page.kernel("panel.close()")
    assert not wrong, "\n".join(wrong)


def test_settings_move_nothing_that_stands_above_them(page):
    page.kernel(SHOW.format(name="Occlusion"))
    page.wait_for_pixels(0)
    page.becomes("print(panel._bar.state)", "done")
    tops = "() => [...document.querySelectorAll('.cnnviz-panel :is(canvas, .cnnviz-action)')].map((e) => e.offsetTop)"
    before = page.page.evaluate(tops)
    settings = page.panel.locator(".cnnviz-settings")
    assert not settings.is_visible()
    page.settings()
    settings.wait_for()
    assert page.page.evaluate(tops) == before


def test_the_gallery_of_the_lab_can_be_read_by_a_screen_reader(page):
    page.kernel("lab = cnnviz.lab(net, photo)\nbox.children = [lab]")
    page.page.locator(".cnnviz-card").first.wait_for()
    wrong = []
    for theme in ("Light", "Dark"):
        page.theme(f"JupyterLab {theme}")
        page.page.wait_for_timeout(300)
        wrong += [f"{theme}: {one}" for one in page.page.evaluate(VIOLATIONS, ".cnnviz-lab")]
    small = page.page.locator(".cnnviz-lab :is(button, input, select):visible").evaluate_all(
        "all => all.filter((e) => Math.min(e.offsetWidth, e.offsetHeight) < 24).map((e) => e.outerHTML.slice(0, 120))"
    )
    assert not wrong + small, "\n".join(wrong + small)

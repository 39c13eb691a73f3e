"""How every panel and the lab are laid out, and what a screen reader gets of them: in both themes, at three widths."""

from pathlib import Path

import pytest
from least import least
from playwright.sync_api import expect

from cnnviz_widgets import registry

AXE = Path(__file__).parents[1] / "axe" / "axe.min.js"
SETUP = 'import cnnviz_widgets as cnnviz\nnet = cnnviz.load_network("mini")\nphoto = cnnviz.load_image("chelsea")'
SHOW = """
box.children = []
panel = cnnviz.panels.{name}(net, photo, **{least})
box.children = [panel]
"""
VIOLATIONS = """async ([where, tag]) => {
    const runOnly = tag && {type: 'tag', values: [tag]};
    const {violations} = await axe.run(where, {rules: {region: {enabled: false}}, runOnly});
    return violations.flatMap(({id, nodes}) => nodes.map(({html}) => `${id}: ${html.slice(0, 160)}`));
}"""
EVERYTHING, COLORS = "", "cat.color"  # what axe looks at: of another theme, only its colors are new
SCROLLING = """panel => [...panel.querySelectorAll('*')]
    .filter((e) => e.checkVisibility() && !e.matches('pre, select, input, textarea'))
    .filter((e) => /auto|scroll/.test(getComputedStyle(e).overflow))
    .filter((e) => e.scrollWidth > e.clientWidth || e.scrollHeight > e.clientHeight)
    .map((e) => e.className)"""
FIRST_PICTURE = """panel => [...panel.querySelectorAll('canvas:is(.cnnviz-pixels, .cnnviz-cells, .cnnviz-points)')]
    .find((canvas) => canvas.checkVisibility()).getBoundingClientRect().top - panel.getBoundingClientRect().top"""


SMALL = """panel => [...panel.querySelectorAll('button, input:not([type=file]), select, summary, .noUi-handle')]
    .filter((e) => e.checkVisibility())
    .map((e) => [e, e.querySelector('.noUi-touch-area') ?? (e.matches('.widget-checkbox input') ? e.parentElement : e)])
    .map(([e, target]) => [e, target.getBoundingClientRect()])
    .filter(([, {width, height}]) => width && Math.min(width, height) < 23.9)
    .map(([e, {width, height}]) => `${e.outerHTML.slice(0, 100)} has ${width.toFixed()} × ${height.toFixed()} px`)"""
OVERLAPPING = """panel => {
    const parts = 'label, button, select, input, .slider-container, .widget-readout';
    const controls = [...panel.querySelectorAll('.cnnviz-controls > *')].filter((e) => e.checkVisibility());
    const boxes = controls.flatMap((e) => [...e.querySelectorAll(parts)].filter((one) => one.checkVisibility())
        .map((one) => [e, one, one.getBoundingClientRect()]));
    const over = (a, b) => a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1;
    return boxes.flatMap(([e, one, a], at) => boxes.slice(at + 1).filter(([other, , b]) => other !== e && over(a, b))
        .map(([, two]) => `${one.outerHTML.slice(0, 60)} and ${two.outerHTML.slice(0, 60)}`));
}"""
REACHED = """() => {
    const panel = document.querySelector('.cnnviz-panel'), reached = new Set();
    const parts = 'a[href], button, input, select, textarea, summary, [contenteditable], [tabindex="0"]';
    panel.addEventListener('focusin', ({target}) => reached.add(target));
    window.__walk = {
        outside: () => !panel.contains(document.activeElement),
        left: () => [...panel.querySelectorAll(parts)]
            .filter((e) => e.checkVisibility({visibilityProperty: true}) && !e.disabled && e.tabIndex >= 0)
            .filter((e) => !reached.has(e))
            .filter((e) => e.type !== 'radio' || ![...reached].some(({name}) => name === e.name)) // of a group, one
            .map((e) => e.outerHTML.slice(0, 120)),
    };
    panel.tabIndex = -1;
    panel.focus();
    return panel.querySelectorAll(parts).length;
}"""
CUT = """panel => {
    const pen = document.createElement('canvas').getContext('2d');
    return [...panel.querySelectorAll('.widget-hbox select')].filter((e) => e.checkVisibility()).filter((e) => {
        const {font, paddingLeft, paddingRight} = getComputedStyle(e);
        pen.font = font;
        const room = e.clientWidth - parseFloat(paddingLeft) - parseFloat(paddingRight);
        return pen.measureText(e.selectedOptions[0].text).width > room;
    }).map((e) => e.selectedOptions[0].text);
}"""


SETTLED = """async () => {  // nothing has changed its place for 0.15 s
    const places = () => [...document.querySelectorAll('.cnnviz-panel *')].map((e) => e.getBoundingClientRect())
        .map(({left, top, width, height}) => [left, top, width, height]).join();
    for (let before, still = 0; still < 3; ) {
        await new Promise((done) => setTimeout(done, 50));
        const now = places();
        still = now === before ? still + 1 : 0;
        before = now;
    }
}"""
UNTOLD = """panel => [...panel.querySelectorAll('canvas.cnnviz-pixels')].filter((e) => e.checkVisibility())
    .map((e) => [e.getAttribute('aria-label'), e.closest('.cnnviz-stage')])
    .filter(([words, stage]) => !words?.includes(': ') || !stage.getAttribute('aria-describedby'))
    .map(([words]) => words)"""


def show(page, name: str) -> None:
    page.kernel(SHOW.format(name=name, least=least(name)))


def walked(page) -> list[str]:
    """The controls of the panel at which the Tab key never comes."""
    for press in range(page.evaluate(REACHED) + 3):
        page.keyboard.press("Tab")
        if press % 8 == 7 and page.evaluate("window.__walk.outside()"):
            break
    return page.evaluate("window.__walk.left()")


@pytest.fixture
def page(open_notebook):
    notebook = open_notebook(SETUP, "import ipywidgets\nbox = ipywidgets.VBox()\nbox", width=1200)
    notebook.becomes("print('box' in globals())", "True", timeout=120)
    notebook.page.evaluate("window.jupyterapp.commands.execute('application:toggle-left-area')")
    notebook.page.add_script_tag(content=AXE.read_text(encoding="utf-8"))
    return notebook


@pytest.mark.timeout(900)
def test_every_panel_is_laid_out_well_and_can_be_read_by_a_screen_reader(page):
    """Each begins in the theme in which the one before it ended: to switch it takes long."""
    wrong, theme = [], "Light"
    for entry in registry.panels():
        show(page, entry.name)
        panel = page.page.get_by_role("region", name=entry.title, exact=True)
        panel.wait_for()
        page.becomes("panel.wait(60); print(panel._bar.state)", "done", timeout=120)
        page.wait_for_pixels(0)
        for width in (700, 1200, 1900):
            page.page.set_viewport_size({"width": width, "height": 900})
            page.page.evaluate(SETTLED)
            top = panel.evaluate(FIRST_PICTURE)
            if top > 320:
                wrong.append(f"{entry.name} at {width} px: its first picture begins {top:.0f} px down")
            wrong += [f"{entry.name} at {width} px scrolls: {one}" for one in panel.evaluate(SCROLLING)]
            wrong += [f"{entry.name} at {width} px cuts off: {one}" for one in panel.evaluate(CUT)]
            wrong += [f"{entry.name} at {width} px lays over each other: {one}" for one in panel.evaluate(OVERLAPPING)]
        page.settings()
        wrong += [f"{entry.name}: {one}" for one in panel.evaluate(SMALL)]
        wrong += [f"{entry.name}: no key reaches {one}" for one in walked(page.page)]
        for rules in (EVERYTHING, COLORS):
            if rules == COLORS:
                theme = {"Light": "Dark", "Dark": "Light"}[theme]
                page.theme(f"JupyterLab {theme}")
                page.page.wait_for_timeout(300)
            found = page.page.evaluate(VIOLATIONS, [".cnnviz-panel", rules])
            wrong += [f"{entry.name}, {theme}: {one}" for one in found]
        wrong += [f"{entry.name}: a canvas says only {one!r}" for one in panel.evaluate(UNTOLD)]
        page.kernel("panel.close()")
    assert not wrong, "\n".join(wrong)


def test_the_whole_network_opens_over_a_panel_and_is_used_with_keys(page):
    show(page, "Activations")
    page.wait_for_pixels(0)
    page.becomes("print(panel._bar.state)", "done")
    panel, keyboard = page.panel, page.page.keyboard
    tops = "() => [...document.querySelectorAll('.cnnviz-panel canvas')].map((e) => e.getBoundingClientRect().top)"
    before, layer = page.page.evaluate(tops), page.kernel("print(panel.session.layer)")
    panel.get_by_role("button", name="Layer: the whole network").focus()
    keyboard.press("Enter")
    strip = panel.get_by_role("slider", name="Layer", exact=True)
    expect(strip).to_be_focused()
    assert page.page.evaluate(tops) == before
    assert page.page.evaluate(VIOLATIONS, [".cnnviz-panel", EVERYTHING]) == []
    keyboard.press("ArrowRight")
    page.becomes(f"print(panel.session.layer != {layer!r})", "True")
    expect(panel.get_by_label("Layer", exact=True).first).to_have_value(page.kernel("print(panel.session.layer)"))
    keyboard.press("Escape")
    expect(strip).not_to_be_visible()
    expect(panel.get_by_role("button", name="Layer: the whole network")).to_be_focused()


def test_panels_keep_their_signs_in_forced_colors_and_stand_still_where_that_is_asked(page):
    show(page, "Gradients")
    page.wait_for_pixels(0)
    page.page.emulate_media(forced_colors="active", reduced_motion="reduce")
    page.settings()
    chosen, other = (page.panel.locator(".widget-toggle-button", has_text=name) for name in ("class", "neuron"))
    outlines = [one.evaluate("e => getComputedStyle(e).outlineStyle") for one in (chosen, other)]
    assert outlines == ["solid", "none"]
    track = page.panel.locator(".cnnviz-controls:visible .noUi-base").first
    assert track.evaluate("e => getComputedStyle(e).outlineStyle") == "solid"
    moving = page.panel.evaluate(
        """panel => [...panel.querySelectorAll('*')].map((e) => getComputedStyle(e)).filter((style) =>
            style.transitionDuration !== '0s' || style.animationName !== 'none').length"""
    )
    assert moving == 0


def test_settings_move_nothing_that_stands_above_them(page):
    show(page, "Occlusion")
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
        wrong += [f"{theme}: {one}" for one in page.page.evaluate(VIOLATIONS, [".cnnviz-lab", EVERYTHING])]
    small = page.page.locator(".cnnviz-lab :is(button, input, select):visible").evaluate_all(
        "all => all.filter((e) => Math.min(e.offsetWidth, e.offsetHeight) < 24).map((e) => e.outerHTML.slice(0, 120))"
    )
    assert not wrong + small, "\n".join(wrong + small)

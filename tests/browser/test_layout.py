"""How every panel and the lab are laid out, and what a screen reader gets of them: in both themes, at three widths."""

from pathlib import Path

import pytest
from least import least
from playwright.sync_api import expect

from cnnviz_widgets import registry

AXE = Path(__file__).parents[1] / "axe" / "axe.min.js"
VIOLATIONS = """async ([where, tag]) => {
    const runOnly = tag && {type: 'tag', values: [tag]};
    const {violations} = await axe.run(where, {rules: {region: {enabled: false}}, runOnly});
    return violations.flatMap(({id, nodes}) => nodes.map(({html}) => `${id}: ${html.slice(0, 160)}`));
}"""
LAB = """
import importlib, ipywidgets
import cnnviz_widgets as cnnviz
lab = cnnviz.lab("mini", "chelsea")
importlib.import_module("cnnviz_widgets.panels.lab").SHARED_PICKERS = ()  # its panels have all of their controls
box = ipywidgets.VBox([lab])
box
"""
MADE = """
lab._left = lab._looks_at()  # nobody has chosen anything
panel = lab._panel({name!r})
panel.apply({settings})
"""
SETTINGS = {  # with which there is more to be laid out
    "Compare": {"methods": ["saliency", "grad_cam", "full_grad", "guided_grad_cam"], "steps": 10},
    "DeepDream": {"size": 128, "film": True, "frames": 2},
    "Inversion": {"rungs": 4},
    "Sanity": {"methods": ["saliency", "guided"], "step": 2},
}
KEPT = (  # as screenshots
    "Activations", "ClassActivation", "ClassModel", "Compare", "DeepDream", "FeatureVisualization", "Filters",
    "Gradients", "Inversion", "Occlusion", "Sanity",
)  # fmt: skip
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
    }).map((e) => e.selectedOptions[0].text).concat([
        ...panel.querySelectorAll('.widget-label, .widget-toggle-button, .cnnviz-heading > *, .cnnviz-fader-name'),
        ...(innerWidth < 1000 ? [] : panel.querySelectorAll('.cnnviz-caption')), // a narrow one has a tooltip
    ].filter((e) => e.clientWidth > 1 && e.scrollWidth > e.clientWidth + 1) // one pixel: only for screen readers
        .map((e) => e.innerText));
}"""
WIDER = "e => e.scrollWidth - e.clientWidth"
BRIGHTNESS = """panel => ['color', 'backgroundColor'].map((name) => getComputedStyle(panel)[name])
    .map((color) => color.match(/[\\d.]+/g).slice(0, 3).reduce((sum, one) => sum + Number(one), 0))"""


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
TURNED = """async (theme) => {  // at once, without JupyterLab's splash screen and its settings
    const link = document.querySelector('link[href*="/theme-"]');
    const href = link.href.replace(/theme-(light|dark)-/, `theme-${theme.toLowerCase()}-`);
    if (href === link.href) return;
    const loaded = new Promise((done) => { link.onload = done; });
    link.href = href;
    await loaded;
    Object.assign(document.body.dataset, {jpThemeLight: theme === 'Light', jpThemeName: `JupyterLab ${theme}`});
}"""
UNTOLD = """panel => [...panel.querySelectorAll('canvas.cnnviz-pixels')].filter((e) => e.checkVisibility())
    .map((e) => [e.getAttribute('aria-label'), e.closest('.cnnviz-stage')])
    .filter(([words, stage]) => !words?.includes(': ') || !stage.getAttribute('aria-describedby'))
    .map(([words]) => words)"""


def walked(page) -> list[str]:
    """The controls of the panel at which the Tab key never comes."""
    for press in range(page.evaluate(REACHED) + 3):
        page.keyboard.press("Tab")
        if press % 8 == 7 and page.evaluate("window.__walk.outside()"):
            break
    return page.evaluate("window.__walk.left()")


def prepared(notebook):
    """Its page is wide, and has axe."""
    notebook.page.evaluate("window.jupyterapp.commands.execute('application:toggle-left-area')")
    notebook.page.add_script_tag(content=AXE.read_text(encoding="utf-8"))
    return notebook


@pytest.fixture
def show(open_panel):
    return lambda call: prepared(open_panel(call, width=1200))


@pytest.mark.timeout(900)
def test_every_panel_of_the_lab_draws_is_laid_out_well_and_can_be_read_by_a_screen_reader(open_notebook):
    """It is opened in the lab, and then stands alone; in the theme in which the one before it ended."""
    wrong, theme = [], "Light"
    page = prepared(open_notebook(LAB))
    lab = page.page.locator(".cnnviz-lab")
    lab.wait_for()
    room = lab.locator(".cnnviz-page")
    for number, entry in enumerate(registry.panels()):
        page.page.set_viewport_size({"width": 1000, "height": 1400})
        settings = least(entry.name) | SETTINGS.get(entry.name, {})
        page.kernel(MADE.format(name=entry.name, settings=settings))
        if number == 0:
            lab.locator(".cnnviz-card").filter(has=page.page.get_by_text(entry.title, exact=True)).click()
        else:
            lab.get_by_role("button", name=f"{entry.title} ›").click()
        panel = page.page.get_by_role("region", name=entry.title, exact=True)
        panel.wait_for()
        assert room.bounding_box()["height"] >= 500  # what is below does not jump up while a panel opens
        expect(page.page.locator(".cnnviz-panel:visible")).to_have_count(1)
        page.wait_for_pixels(0)
        page.becomes("panel.wait(60); print(panel._bar.state)", "done", timeout=120)
        assert page.kernel("print(panel._bar.error, panel.shown)") == "True"
        if (wider := panel.evaluate(WIDER)) > 1:
            wrong.append(f"{entry.name} is {wider} px wider than the lab")

        page.kernel("lab._page.children = ()\nbox.children = [lab, panel]")
        panel.wait_for()
        page.wait_for_pixels(0)
        for width in (700, 1900, 1200):
            page.page.set_viewport_size({"width": width, "height": 1400})
            page.page.evaluate(SETTLED)
            top = panel.evaluate(FIRST_PICTURE)
            if top > 320:
                wrong.append(f"{entry.name} at {width} px: its first picture begins {top:.0f} px down")
            if (wider := panel.evaluate(WIDER)) > 1:
                wrong.append(f"{entry.name} at {width} px is {wider} px wider than its cell")
            wrong += [f"{entry.name} at {width} px scrolls: {one}" for one in panel.evaluate(SCROLLING)]
            wrong += [f"{entry.name} at {width} px cuts off: {one}" for one in panel.evaluate(CUT)]
            wrong += [f"{entry.name} at {width} px lays over each other: {one}" for one in panel.evaluate(OVERLAPPING)]
            if entry.name in KEPT and width < 1900:
                page.screenshot(f"{entry.name.lower()}-{width}-{theme.lower()}", panel)
        page.settings()
        wrong += [f"{entry.name}: {one}" for one in panel.evaluate(SMALL)]
        wrong += [f"{entry.name}: no key reaches {one}" for one in walked(page.page)]
        for rules in (EVERYTHING, COLORS):
            if rules == COLORS:
                theme = {"Light": "Dark", "Dark": "Light"}[theme]
                page.page.evaluate(TURNED, theme)
                page.page.wait_for_timeout(300)
                if entry.name in KEPT:
                    page.screenshot(f"{entry.name.lower()}-1200-{theme.lower()}", panel)
            found = page.page.evaluate(VIOLATIONS, [".cnnviz-panel", rules])
            wrong += [f"{entry.name}, {theme}: {one}" for one in found]
            ink, paper = panel.evaluate(BRIGHTNESS)
            if (ink < paper) != (theme == "Light"):
                wrong.append(f"{entry.name}: its ink does not follow the theme {theme}")
        wrong += [f"{entry.name}: a canvas says only {one!r}" for one in panel.evaluate(UNTOLD)]
        page.kernel(f"box.children = [lab]\nlab._made.pop({entry.name!r}).close()")
    page.page.evaluate(TURNED, "Light")  # as JupyterLab believes
    assert not wrong, "\n".join(wrong)


def test_the_whole_network_opens_over_a_panel_and_is_used_with_keys(show):
    page = show("Activations(net, photo)")
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


def test_panels_keep_their_signs_in_forced_colors_and_stand_still_where_that_is_asked(show):
    page = show("Gradients(net, photo)")
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


def test_settings_move_nothing_that_stands_above_them(show):
    page = show("Occlusion(net, photo)")
    page.wait_for_pixels(0)
    page.becomes("print(panel._bar.state)", "done")
    tops = "() => [...document.querySelectorAll('.cnnviz-panel :is(canvas, .cnnviz-action)')].map((e) => e.offsetTop)"
    before = page.page.evaluate(tops)
    settings = page.panel.locator(".cnnviz-settings")
    assert not settings.is_visible()
    page.settings()
    settings.wait_for()
    assert page.page.evaluate(tops) == before


def test_the_gallery_of_the_lab_can_be_read_by_a_screen_reader(show):
    page = show("lab(net, photo)")
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

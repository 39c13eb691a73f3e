"""What a student meets in a chapter: questions, and text that drives a panel; with the keyboard, in both themes."""

import pytest
from playwright.sync_api import expect

SETUP = 'import cnnviz_widgets as cnnviz\nnet = cnnviz.load_network("mini")\nphoto = cnnviz.load_image("chelsea")'
PROSE = """
panel = cnnviz.panels.Occlusion(net, photo, size=32, stride=16)
cnnviz.prose(panel, "Take [a black square](size=48, fill=black) of *any* side [*s*](size), or [none](size=0).")
"""


def test_question_is_answered_with_the_keyboard(open_notebook):
    notebook = open_notebook(SETUP, "question = cnnviz.exercises.ask_zero()\nquestion")
    group = notebook.page.get_by_role("group", name="The map of some network")
    first = group.get_by_role("radio", name="a You are right.")
    reply = notebook.page.locator(".cnnviz-reply")
    check = notebook.page.get_by_role("button", name="Check", exact=True)
    expect(first).to_be_visible()
    expect(check).to_have_attribute("aria-disabled", "true")
    first.focus()
    notebook.page.keyboard.press("Space")
    notebook.page.keyboard.press("Enter")
    expect(reply).to_contain_text("✘ Not quite: that does not follow.")
    notebook.page.keyboard.press("ArrowDown")
    expect(reply).to_be_empty()  # it was about another answer
    notebook.page.keyboard.press("Tab")
    expect(check).to_be_focused()
    notebook.page.keyboard.press("Enter")
    expect(reply).to_contain_text("✔ Right. The rest was evidence enough")
    expect(reply.locator("code")).to_have_text("score='logit'")
    notebook.becomes("print(question.answer, bool(question.feedback))", "b True")
    assert notebook.page.locator(".jp-Cell").count() == 2  # no key was taken for a shortcut
    notebook.kernel("question.answer = 'd'")
    expect(group.get_by_role("radio", name="d The stride")).to_be_checked()
    expect(reply).to_contain_text("✘ Not quite:")


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_question_can_be_read(open_notebook, theme):
    notebook = open_notebook(SETUP, "question = cnnviz.exercises.ask_zero()\nquestion.answer = 'b'\nquestion")
    notebook.theme(theme)
    expect(notebook.page.locator(".cnnviz-reply")).to_contain_text("Right")
    for part in (".cnnviz-choice legend", ".cnnviz-answer", ".cnnviz-hand-in", ".cnnviz-reply"):
        assert contrast(notebook.page.locator(part).first) >= 4.5, part
    sizes = notebook.page.locator(".cnnviz-answer, .cnnviz-hand-in").evaluate_all(
        "all => all.map(one => one.offsetHeight)"
    )
    assert min(sizes) >= 24


def contrast(element) -> float:
    """Of an element's text and the ground that it stands on, as WCAG counts it."""
    return element.evaluate(
        """(one) => {
            const numbers = (color) => color.match(/[\\d.]+/g).map(Number);
            const linear = (v) => (v <= 10 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4);
            const light = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
            const ground = (node) => numbers(getComputedStyle(node).backgroundColor);
            let under = one;
            while (under.parentElement && ground(under)[3] === 0) under = under.parentElement;
            const both = [numbers(getComputedStyle(one).color), ground(under)].map(light);
            const [dark, bright] = both.sort((a, b) => a - b);
            return (bright + 0.05) / (dark + 0.05);
        }"""
    )


def test_prose_drives_a_panel(open_notebook):
    notebook = open_notebook(SETUP, PROSE, "panel")
    page = notebook.page
    notebook.panel.wait_for()
    link = page.get_by_role("button", name="a black square")
    link.focus()
    page.keyboard.press("Enter")
    notebook.becomes("print(panel.size, panel.fill)", "48 black")
    page.get_by_role("button", name="none").click()
    expect(notebook.panel.locator(".cnnviz-error")).to_contain_text("size must be")
    symbol = page.locator(".cnnviz-point")
    expect(symbol).to_have_text("s")
    symbol.hover()
    expect(page.locator(".cnnviz-pointed")).to_contain_text("Square")
    page.mouse.move(0, 0)
    expect(page.locator(".cnnviz-pointed")).to_have_count(0)
    symbol.focus()
    expect(page.locator(".cnnviz-pointed")).to_have_count(1)
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.closest('.cnnviz-sets-size') !== null")

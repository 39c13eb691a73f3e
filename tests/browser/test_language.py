"""A panel in no language, with accents and a third longer: nothing on the screen was forgotten, and no label is cut.

And an error in each language that there is, as it is in its catalog.
"""

import pytest
from playwright.sync_api import expect

from cnnviz_widgets.language import LOCALE, languages, messages
from cnnviz_widgets.widgets.front_end import FrontEnd
from cnnviz_widgets.widgets.network_strip import NetworkStrip

SETUP = """
import os
os.environ["CNNVIZ_LANG"] = "qps"
import cnnviz_widgets as cnnviz
net, photo = cnnviz.load_network("mini"), cnnviz.load_image("chelsea")
"""
# What is read or shown in a panel, but for options and texts that are names, and programs.
READ = """panel => {
    const names = "option, datalist, pre, .cnnviz-layer, .toolbar_div, svg, style";
    const ATTRIBUTES = ["title", "aria-label", "placeholder", "aria-valuetext"], told = [];
    for (const one of [panel, ...panel.querySelectorAll("*")]) {
        if (one.closest(names)) continue;
        for (const name of ATTRIBUTES) told.push(one.getAttribute(name) ?? "");
        for (const node of one.childNodes) if (node.nodeType === Node.TEXT_NODE) told.push(node.data);
    }
    return [...new Set(told)].filter(text => /\\p{L}{3}/u.test(text));
}"""
LABELS = ".widget-label, .cnnviz-heading > div, .cnnviz-word, button, h3, select, .cnnviz-status"
CUT = """(panel, labels) => [...panel.querySelectorAll(labels)]
    .filter(one => one.offsetWidth && one.scrollWidth > one.clientWidth + 1).map(one => one.textContent)"""


def test_nothing_is_forgotten_and_no_label_is_cut(open_notebook):
    notebook = open_notebook(SETUP, "panel = cnnviz.panels.Occlusion(net, photo)\npanel")
    notebook.becomes("print('panel' in globals() and panel._bar.state)", "done", timeout=120)
    notebook.panel.locator(".cnnviz-run-row button").nth(3).click()  # Settings
    classes = set(eval(notebook.kernel("print(list(net.classes))")))
    notebook.screenshot("language-occlusion", notebook.panel)
    told = [text.strip() for text in notebook.panel.evaluate(READ)]
    assert len(told) > 60
    assert [text for text in told if text.isascii() and text not in classes | {"relu6", "chelsea"}] == []
    assert notebook.panel.evaluate(CUT, LABELS) == []


@pytest.mark.parametrize("language", ["en", "qps"])
def test_a_list_of_layers_offers_none_in_each_language(on_page, monkeypatch, language):
    """What it is called is a trait: its name is in no language."""
    monkeypatch.setenv("CNNVIZ_LANG", language)
    monkeypatch.setattr(FrontEnd, "_one", None)  # it has the words of its language
    layers = [{"name": "conv1", "label": "conv1", "kind": "Conv2d", "channels": 8, "can": True}]
    strip = NetworkStrip("Guide", "", folded=True, none="(none)", layers=layers, value="conv1")
    page = on_page(strip).page
    options = page.get_by_role("combobox").locator("option")
    assert options.all_text_contents() == [strip.get_state("none")["none"], "conv1 · Conv2d 8"]
    page.get_by_role("combobox").select_option("")
    assert page.get_by_role("combobox").input_value() == ""


@pytest.mark.parametrize("language", languages())
def test_an_error_is_in_the_language(open_notebook, language):
    notebook = open_notebook(SETUP.replace("qps", language), "panel = cnnviz.panels.DeepDream(net, photo)\npanel")
    notebook.becomes("print('panel' in globals())", "True", timeout=120)
    notebook.kernel("panel._buttons._receive(None, {'do': 'film'}, [])")
    ((told,),) = [
        forms
        for message, forms in messages(LOCALE / language / "errors.po").items()
        if message.startswith("there is no film yet: check")
    ]
    alert = notebook.panel.get_by_role("alert")
    expect(alert).to_contain_text(told)
    alert.scroll_into_view_if_needed()
    notebook.screenshot(f"language-error-{language}", alert.locator("xpath=../.."))
    assert notebook.panel.evaluate(CUT, LABELS) == []

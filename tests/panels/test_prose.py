"""A text that drives a panel: what its links set, what its symbols point at, and what it is where nobody can press."""

import pytest

import cnnviz_widgets as cnnviz
from cnnviz_widgets.widgets.tree import close_tree, tree

TEXT = """
Cover it with [a black square, 16 px](size=16, fill=black), or ask for [the car](target=sports car, stride=4).

- The side is [*s*](size), the class [*c*](target).
- More in [chapter 07](07-saliency.ipynb).
"""


@pytest.fixture
def panel():
    panel = cnnviz.panels.Occlusion("mini", "chelsea")
    yield panel
    panel.close()


@pytest.fixture
def text(panel):
    made = cnnviz.prose(panel, TEXT)
    yield made
    close_tree(made)


def test_blocks(text):
    assert [kind for kind, _ in text.blocks] == ["p", "li", "li"]
    parts = [tuple(part) for _, block in text.blocks for part in block]
    assert parts[1] == ("a black square, 16 px", "press", "0", "size = 16, fill = black")
    assert parts[3] == ("the car", "press", "1", "target = sports car, stride = 4")
    assert ("*s*", "point", "cnnviz-sets-size", "Shows the control of size") in parts
    assert ("chapter 07", "link", "07-saliency.ipynb", "") in parts
    assert "".join(words for words, *_ in parts[:5]) == ("Cover it with a black square, 16 px, or ask for the car.")


def test_a_link_sets_the_panel_and_its_session(panel, text):
    text.press(0)
    assert (panel.size, panel.fill) == (16, "black")
    text.press(1)
    assert (panel.size, panel.stride) == (16, 4)
    assert panel.session.target == panel.session.network.class_index("sports car")


def test_a_press_in_the_browser(panel, text):
    text._handle_custom_msg({"press": 0}, [])
    assert panel.size == 16
    text._handle_custom_msg({"press": "0"}, [])


@pytest.mark.parametrize(
    ("target", "name", "value"),
    [
        ("size=24", "size", 24),
        ("score='logit'", "score", "logit"),
        ("score=logit", "score", "logit"),
        ("image=coffee, size=24", "size", 24),
    ],
)
def test_values(panel, target, name, value):
    text = cnnviz.prose(panel, f"[here]({target})")
    text.press(0)
    assert getattr(panel, name) == value
    close_tree(text)


def test_pairs_and_names_with_spaces():
    panel = cnnviz.panels.Gradients("mini", "chelsea")
    text = cnnviz.prose(panel, "[one cell](cells=[('saliency',\n    'guided')], target=goldfish) (aside)")
    text.press(0)
    assert panel.cells == (("saliency", "guided"),)
    assert panel.session.target == panel.session.network.class_index("goldfish")
    assert text._repr_mimebundle_()[0]["text/markdown"] == "**one cell** (aside)"
    close_tree(text)
    panel.close()


def test_symbols_point_at_controls(panel, text):
    framed = {name: one for one in tree(panel) for name in getattr(one, "_dom_classes", ()) if "cnnviz-sets" in name}
    assert sorted(framed) == ["cnnviz-sets-size", "cnnviz-sets-target"]
    assert framed["cnnviz-sets-size"].value == panel.size
    assert text.where in panel._dom_classes


def test_what_the_panel_does_not_take_is_told_in_it(panel):
    text = cnnviz.prose(panel, "[too large](size=10000) and [right](size=16)")
    text.press(0)
    assert "size must be a whole number" in panel._bar.error
    text.press(1)
    assert panel._bar.error == ""
    assert panel.size == 16
    close_tree(text)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("[x](siz=3)", "^text: Occlusion has no setting 'siz': did you mean 'size'?"),
        ("[x](siz)", "^text: Occlusion has no setting 'siz': did you mean 'size'?"),
        ("[x](dataset)", "^text: Occlusion has no control of 'dataset' to point at"),
        (3, "^text must be a string, not 3"),
    ],
)
def test_wrong_text(panel, words, says):
    with pytest.raises(cnnviz.UserError, match=says):
        cnnviz.prose(panel, words)


def test_wrong_panel():
    with pytest.raises(cnnviz.UserError, match=r"^panel must be a Panel, not 3"):
        cnnviz.prose(3, "text")


def test_where_no_browser_draws_it(text):
    data, _ = text._repr_mimebundle_()
    assert data["text/plain"] == "Prose(Occlusion: 2 links)"
    assert data["text/markdown"] == (
        "Cover it with **a black square, 16 px**, or ask for **the car**.\n\n"
        "- The side is *s*, the class *c*.\n"
        "- More in [chapter 07](07-saliency.ipynb)."
    )

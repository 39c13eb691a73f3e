"""The language of what is shown: sentences are found in their messages, and catalogs have all of them, unharmed."""

import json
import re
import subprocess
import sys

import pytest

import cnnviz_widgets as cnnviz
from cnnviz_widgets import language
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.exercises.feedback import Feedback
from cnnviz_widgets.language import COUNT, LOCALE, PLACE, PSEUDO, Catalog, catalog, pseudo, read, said
from cnnviz_widgets.widgets import front_end
from tools import messages, texts

LANGUAGES = ("cs", "ko", "ru")
FORMS = {  # language -> numbers of which each takes another plural form
    "cs": [(1,), (2, 3, 4), (0, 5, 11, 12, 21, 22, 100)],
    "ru": [(1, 21, 101), (2, 3, 4, 22, 34), (0, 5, 11, 12, 14, 20, 111)],
    "ko": [(0, 1, 2, 5, 21)],
}
SAMPLE = """
def told(count, name, at):
    \"\"\"A docstring is not shown.\"\"\"
    show("Kernels: click one", name="plain")
    return f"{count:,} of {len(at)} pictures: {name!r}" + program("x = 1 if y else 2")
"""


@pytest.fixture
def in_no_language(monkeypatch):
    monkeypatch.setenv("CNNVIZ_LANG", PSEUDO)


# ---------------------------------------------------------------------------------------------------- sentences


def test_english_stays_as_it_is(monkeypatch):
    for name in ("", "en"):
        monkeypatch.setenv("CNNVIZ_LANG", name)
        assert said("3 of 9 pictures") == "3 of 9 pictures"


def test_a_language_that_there_is_not(monkeypatch):
    monkeypatch.setenv("CNNVIZ_LANG", "xx")
    with pytest.raises(UserError, match=r"^CNNVIZ_LANG must be one of en.*, not 'xx'\.$"):
        said("Square")


CZECH = Catalog(
    {
        "{n} pictures": ("{n} obrázek", "{n} obrázky", "{n} obrázků"),
        "{done}, step {step}": ("krok {step}: {done}",),
        "not fooled": ("odolala",),
        "{number} of {count}": ("{number} z {count}",),
        "at {layer}": ("ve vrstvě {layer}",),
        "{name}: {error}{hint} Try again.": ("Znovu! {name}, {error}, {hint}",),
    },
    lambda n: 0 if n == 1 else 1 if 2 <= n <= 4 else 2,
)


@pytest.mark.parametrize(
    ("text", "czech"),
    [
        ("1 pictures", "1 obrázek"),
        ("3 pictures", "3 obrázky"),
        ("1,002 pictures", "1,002 obrázků"),
        ("not fooled, step 7", "krok 7: odolala"),  # a value may be a message
        (" not fooled ", " odolala "),
        ("not fooled · 3 of 9", "odolala · 3 z 9"),  # several in a line
        ("3 pictures. not fooled", "3 pictures. not fooled"),  # a sentence begins with a capital
        ("map of it", "map of it"),  # little text is found in numbers alone
        ("at conv5", "ve vrstvě conv5"),
        ("at once", "at once"),
        ("x: 0.3 not fooled Try again.", "Znovu! x, 0.3,  odolala"),
        ("tabby", "tabby"),
        ("", ""),
    ],
)
def test_a_sentence_is_found_in_its_message(text, czech):
    assert CZECH.said(text) == czech


def test_every_message_is_found_in_its_own_sentence():
    """With numbers for its values, a message is taken for no other one."""
    every = catalog(PSEUDO)
    known = [one for path in ("panels", "exercises") for one in language.messages(LOCALE / f"{path}.pot")]
    assert len(known) > 2000
    for one in known:
        values = {name: str(7 + at) for at, name in enumerate(PLACE.findall(one))}
        fill = lambda text, values=values: PLACE.sub(lambda place: values[place[1]], text)  # noqa: E731
        assert every.said(fill(one)) == fill(pseudo(one))


def test_what_no_language_has_can_be_told_from_english():
    assert pseudo("{n} pictures of `net`, see [it](a.md#b): $x$") == (
        "{n} píčtůřéš óf `net`, šéé [ít](a.md#b): $x$···· ···· ····"
    )


# ---------------------------------------------------------------------------------------------------- what is shown


def test_what_is_shown_is_in_the_language_and_what_a_program_reads_is_not(in_no_language):
    panel = cnnviz.panels.Occlusion("mini", "chelsea").run()
    square, fill = panel.controls["size"], panel.controls["fill"]
    assert (square.description, square.tooltip) == (
        pseudo("Square"),
        said("Side of the square, in pixels of the picture as the network sees it"),
    )
    assert dict(fill.options)[pseudo("gray")] == "gray"
    panel.fill = "black"
    assert fill.value == "black"
    assert panel.children[0].title == "Occlusion"
    assert panel.children[0].get_state("title") == {"title": pseudo("Occlusion")}
    assert 'fill="black"' in panel.code()
    assert panel.code().isascii()
    assert "Occlusion" in repr(panel)
    view = panel._parts["map"]
    assert view.image.content.caption.startswith("82.4% uncovered")
    assert pseudo("{score} uncovered: {of}").partition("{of}")[0][8:] in view.image._scene["caption"]
    panel.close()


def test_a_question_and_its_reply(in_no_language):
    question = cnnviz.exercises.ask_zero()
    english, shown = question.question, question.get_state("question")["question"]
    assert (english.isascii(), shown) == (False, pseudo(english))
    assert [name for name, _ in question.get_state("answers")["answers"]] == ["a", "b", "c", "d"]
    question.answer = "b"
    assert question.get_state("verdict")["verdict"] == pseudo("✔ Right.")
    assert question.feedback.text.startswith("The rest was evidence")
    assert pseudo(english) in question._repr_mimebundle_()[0]["text/markdown"]


def test_feedback_with_values(in_no_language):
    feedback = cnnviz.exercises.check_positions(5, (64, 96), 16, 8)
    assert repr(feedback).startswith("✘ Not quite: ")
    assert feedback._repr_markdown_().startswith(f"**{pseudo('✘ Not quite:')}** ")
    assert Feedback(False, "x")._repr_markdown_().endswith("** x")
    one_side = cnnviz.exercises.check_positions(7, (64, 96), 16, 8)
    assert PLACE.sub("7", pseudo("{n} rows")).partition(" ")[2][:3] in one_side._repr_markdown_()


@pytest.mark.parametrize(
    ("refused", "czech"),
    [
        (lambda: cnnviz.load_network("mini").class_index("tabbi"), "žádná třída se nejmenuje 'tabbi'; nemysleli jste"),
        (lambda: cnnviz.load_network("mini").class_index("t"), "kterákoli z těchto: 2 American alligator, 4 tarantula"),
        (lambda: cnnviz.load_network("resnt18"), "síť 'resnt18' neexistuje; nemysleli jste 'resnet18'"),
        (lambda: cnnviz.load_image(b""), "source je prázdný (0 bajtů): dejte celý soubor PNG"),
    ],
)
def test_what_a_panel_refuses_is_said_in_the_language(refused, czech, monkeypatch):
    """The exception stays English: it is for programs."""
    monkeypatch.setenv("CNNVIZ_LANG", "cs")
    with pytest.raises(UserError) as error:
        refused()
    assert czech in said(str(error.value))
    assert czech not in str(error.value)


EMPTY = "{what} is empty (0 bytes): give a whole {kinds} file."
NO_FILM = "there is no film yet: check “Zoom film”."


@pytest.mark.parametrize("name", LANGUAGES)
def test_a_panel_shows_an_error_in_the_language(name, monkeypatch):
    monkeypatch.setenv("CNNVIZ_LANG", name)
    errors = language.messages(LOCALE / name / "errors.po")
    panel, dream = cnnviz.panels.Occlusion("mini", "chelsea"), cnnviz.panels.DeepDream("mini", "chelsea")
    panel.controls["image"]._upload.value = ({"name": "a.png", "type": "image/png", "content": b""},)
    dream._buttons._receive(None, {"do": "film"}, [])
    shown, no_film = (one._bar.get_state("error")["error"] for one in (panel, dream))
    assert no_film == errors[NO_FILM][0] != dream._bar.error == NO_FILM
    assert re.fullmatch(re.sub(r"\\{\w+\\}", ".+", "image: " + re.escape(errors[EMPTY][0])), shown)
    assert "a.png" in shown
    assert panel._bar.error.startswith("image: source 'a.png' is empty (0 bytes): ")
    panel.close()
    dream.close()


def test_the_browser_gets_its_words_once(in_no_language):
    every = front_end.messages()
    assert len(every) > 120
    assert "{share} · about {time} left" in every
    known = language.messages(LOCALE / "panels.pot")
    assert [one for one in every if one not in known] == []
    assert front_end._spoken(PSEUDO)["words"]["Stop"] == (pseudo("Stop"),)
    assert front_end._spoken(PSEUDO)["language"] == "en"


def test_babel_is_not_imported_without_a_language():
    code = "import sys, cnnviz_widgets as cnnviz; cnnviz.panels.Occlusion; print('babel' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


# ---------------------------------------------------------------------------------------------------- templates


def test_templates_are_those_of_the_code():
    stale = [path.name for path, content in messages.templates().items() if path.read_bytes() != content]
    assert stale == [], "run python -m tools.messages"


def test_texts_of_a_file(tmp_path):
    path = tmp_path / "told.py"
    path.write_text(SAMPLE, encoding="utf-8")
    assert list(texts._texts(path, only_titles=False)) == ["Kernels: click one", "{count} of {at} pictures: {name}"]
    assert texts.plural("{count} of {at} pictures: {name}") == ("{count} of {n} pictures: {name}",) * 2
    assert texts.plural("{count} of {at}") == ("{count} of {at}",)


def test_the_sentences_of_errors(tmp_path):
    (tmp_path / "refused.py").write_text(
        'def f(k, most):\n    """UserError("no")."""\n'
        '    raise UserError(f"k must be below {most:,}, not {k!r}." if most else "k must be 0.") from OSError("no")\n',
        encoding="utf-8",
    )
    assert list(texts.of_errors(tmp_path)) == ["k must be below {most}, not {k}.", "k must be 0."]
    assert list(texts._texts(tmp_path / "refused.py", only_titles=False)) == []


def test_every_control_and_title_is_a_message():
    known = language.messages(LOCALE / "panels.pot")
    for one in ("Square", "Drop in score (blue: rise)", "how much a class loses when a square hides a place", "Stop"):
        assert one in known


# ---------------------------------------------------------------------------------------------------- catalogs


@pytest.mark.parametrize("name", LANGUAGES)
def test_a_catalog_has_every_message_unharmed(name):
    assert list(messages.problems(name)) == []


@pytest.mark.parametrize("name", LANGUAGES)
def test_errors_that_readers_meet_are_translated(name):
    """What is refused in the panels' own files, and the most frequent errors of methods and pictures."""
    shape = lambda text: PLACE.sub("{}", text)  # noqa: E731
    translated = {shape(one) for one, forms in language.messages(LOCALE / name / "errors.po").items() if all(forms)}
    assert len(translated) >= 160
    assert {shape(texts.plural(one)[0]) for one in texts.of_errors(messages.PACKAGE / "panels")} <= translated


@pytest.mark.parametrize("name", LANGUAGES)
def test_a_number_takes_its_plural_form(name):
    one = read(LOCALE / name / "panels.po")
    forms = language.c2py(one.plural_expr)
    assert one.num_plurals == len(FORMS[name])
    for at, numbers in enumerate(FORMS[name]):
        assert {forms(number) for number in numbers} == {at}
    counted = [message for message in one if isinstance(message.id, tuple)]
    assert len(counted) > 40
    assert all(len(message.string) == len(FORMS[name]) for message in counted)
    assert all(f"{{{COUNT}}}" in form for message in counted for form in message.string)


@pytest.mark.parametrize("name", LANGUAGES)
def test_terms_are_those_of_the_lectures(name):
    terms = json.loads((LOCALE / name / "terms.json").read_text(encoding="utf-8"))
    assert len(terms) >= 9
    names = re.compile(
        r"`[^`]*`|\]\([^)]*\)|\{\w+\}|\*[^*]*\*|\"[^\"]*\""
    )  # code, links, values, titles of papers, words
    wrong = []
    for path in sorted((LOCALE / name).glob("*.po")):
        for message, forms in language.messages(path).items():
            told = names.sub("", message)
            for term, allowed in terms.items():
                if re.search(rf"\b{term}", told, re.I):
                    wrong += [(term, one) for one in forms if one and not any(part in one.lower() for part in allowed)]
    assert wrong == []


def test_a_template_is_written_as_it_is_read():
    for path in LOCALE.glob("*.pot"):
        assert path.read_bytes() == messages.written(messages.unmarked(read(path)))

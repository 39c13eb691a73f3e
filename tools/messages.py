"""Writes the templates of all translations, and checks translations.

    python -m tools.messages              write cnnviz_widgets/locale/*.pot: what there is to be translated
    python -m tools.messages --update cs  make, or bring up to date, the catalogs of a language from the templates
    python -m tools.messages --check cs   say what is missing or wrong in the catalogs of a language

A template is a domain: ``NN-name``, the texts of a chapter (the context of a message is the id of its cell);
``panels``, ``exercises`` and ``errors``, what is shown of the code. Of errors, a language has those that
readers meet.
"""

import argparse
import re
import sys
from collections.abc import Iterable, Iterator
from importlib import import_module
from io import BytesIO
from pathlib import Path
from typing import Any

from babel.messages import Catalog, Message, pofile

from cnnviz_widgets import registry
from cnnviz_widgets.cli.translate import LETTER, cell_messages, check_translation
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.language import ERRORS, LOCALE, PLACE, read
from tools import course, texts

PACKAGE = course.ROOT / "cnnviz_widgets"
CHAPTERS = ("00", "02", "06", "08", "10", "15")  # which are translated
VALUES = re.compile(r"(?:\{\w+\})+")
LICENSE = "# Translations of cnnviz-widgets, under its license."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--update", metavar="LANG")
    parser.add_argument("--check", metavar="LANG")
    chosen = parser.parse_args()
    for path, content in templates().items():
        if not path.exists() or path.read_bytes() != content:
            path.write_bytes(content)
            print(f"written: {path.relative_to(course.ROOT)}")
    if chosen.update:
        update(chosen.update)
    if chosen.check:
        wrong = [*problems(chosen.check)]
        print("\n".join(wrong) or "All is translated.")
        sys.exit(bool(wrong))


def templates() -> dict[Path, bytes]:
    """Every template, and what should be in it."""
    return {LOCALE / f"{domain}.pot": written(catalog) for domain, catalog in catalogs().items()}


def catalogs() -> dict[str, Catalog]:
    """Domain -> its messages."""
    chapters = {path.stem: chapter(path) for path in course.sources() if path.name[:2] in CHAPTERS}
    code = {"panels": panel_texts(), "exercises": texts.of_exercises(PACKAGE), ERRORS: texts.of_errors(PACKAGE)}
    return {domain: of(every) for domain, every in code.items()} | chapters


def panel_texts() -> Iterator[str | tuple[str, str]]:
    """What panels and widgets show."""
    yield from map(registry.about, registry.families())
    for entry in registry.panels():
        yield from (entry.title, entry.shows)
        kind = getattr(import_module(entry.module), entry.name)
        for trait in kind.class_traits(says=lambda said: said is not None).values():
            yield from trait.metadata["says"]
    yield from texts.of_widgets(PACKAGE)
    yield from texts.of_panels(PACKAGE)


def of(every: Iterable[str | tuple[str, str]]) -> Catalog:
    """Texts of the code as messages. Of those that differ in the names of their values alone, the simplest one."""
    shapes: dict[str, list[tuple[str, ...]]] = {}
    for one in every:
        forms = texts.plural(one) if isinstance(one, str) else one
        if LETTER.search(PLACE.sub("", forms[0])):
            shapes.setdefault(VALUES.sub("{}", forms[0]), []).append(forms)
    catalog = empty()
    for same in shapes.values():
        forms = min(same, key=lambda forms: (len(PLACE.findall(forms[0])), -len(forms)))
        catalog.add(forms if len(forms) > 1 else forms[0])
    return unmarked(catalog)


def unmarked(catalog: Catalog) -> Catalog:
    """Without Babel's guesses of what braces mean: some are LaTeX's."""
    for one in catalog:
        one.flags -= {"python-format", "python-brace-format"}
    return catalog


def chapter(source: Path) -> Catalog:
    """The messages of a chapter and its solutions, in the order in which they are read."""
    catalog = empty()
    for notebook in course.built(source).values():
        for cell in notebook.cells:
            for one in cell_messages(cell.cell_type, cell.source):
                catalog.add(one, context=cell.id)
    return unmarked(catalog)


def empty(locale: str | None = None) -> Catalog:
    return Catalog(locale=locale, project="cnnviz-widgets", header_comment=LICENSE, fuzzy=False)


def written(catalog: Catalog) -> bytes:
    """The file of a catalog, without the day on which it was written."""
    file = BytesIO()
    pofile.write_po(file, catalog, width=100, omit_header=catalog.locale is None, ignore_obsolete=True)
    return file.getvalue()


def update(language: str) -> None:
    """The catalogs of a language, with the messages of the templates and what is translated of them."""
    for template in sorted(LOCALE.glob("*.pot")):
        path = LOCALE / language / f"{template.stem}.po"
        catalog = read(path) if path.exists() else empty(language)
        catalog.update(read(template), no_fuzzy_matching=True, update_creation_date=False)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(written(unmarked(catalog)))
        done = sum(bool(one.id and one.string and not isinstance(one.string, tuple)) for one in catalog)
        print(f"{path.relative_to(course.ROOT)}: {done} of {len(catalog)} messages")


def problems(language: str) -> Iterator[str]:
    """A sentence for each message of a language that is missing or wrong, and for each that is no message any more."""
    for template in sorted(LOCALE.glob("*.pot")):
        path = LOCALE / language / f"{template.stem}.po"
        if not path.exists():
            yield f"{path.relative_to(course.ROOT)} is missing."
            continue
        wanted, there = read(template), read(path)
        for one in wanted:
            translated = there.get(one.id, one.context)
            left_out = template.stem == ERRORS and translated and not any(_forms(translated.string))
            if one.id and not left_out and (reason := problem(one, translated)):
                yield f"{path.name}, {one.context or 'message'}: {reason}"
        for one in there:
            if one.id and not wanted.get(one.id, one.context):
                yield f"{path.name}, {one.context or 'message'}: {one.id!r} is no message any more."


def problem(wanted: Message, there: Message | None) -> str | None:
    """What is wrong with a translation."""
    ids, strings = (_forms(one) for one in (wanted.id, there.string if there else ""))
    if not there or not all(strings):
        return f"{ids[0]!r} is not translated."
    if there.fuzzy:
        return f"the translation of {ids[0]!r} is marked as fuzzy."
    try:
        for string in strings:
            check_translation(ids[-1], string)
    except UserError as error:
        return str(error)
    return None


def _forms(one: Any) -> list[str]:
    """What a message is, or its plural forms."""
    return [one] if isinstance(one, str) else [*one]


if __name__ == "__main__":
    main()

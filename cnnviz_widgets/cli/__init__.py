"""The command ``cnnviz``: ``lab`` opens the course, ``doctor`` says what is installed, ``course`` is for teachers."""

import argparse
import io
import sys
from collections.abc import Sequence
from pathlib import Path

from cnnviz_widgets.errors import UserError

FORMATS = ("student", "nbgrader", "otter")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status: 0 = well, 1 = a problem that was said in a sentence."""
    chosen = _parser().parse_args(arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # the name of a folder may not fit the encoding of a pipe
    try:
        if chosen.command == "doctor":
            from .doctor import doctor

            return doctor()
        if chosen.command == "course":
            print(chosen.action(chosen))
            return 0
        from .lab import lab

        return lab(chosen.folder, port=chosen.port, browser=chosen.browser, language=chosen.language)
    except UserError as error:
        print(f"cnnviz: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="cnnviz", description="See what a convolutional network sees.")
    commands = parser.add_subparsers(dest="command", required=True)
    lab = commands.add_parser("lab", help="open the course in JupyterLab")
    lab.add_argument("--port", type=_port, help="the first port to try (a busy one is passed over)")
    lab.add_argument("--no-browser", dest="browser", action="store_false", help="print the address, open no browser")
    lab.add_argument("--lang", dest="language", metavar="LANG", help="the language of course and panels, such as cs")
    lab.add_argument(
        "folder",
        metavar="DIR",
        nargs="?",
        type=Path,
        help="put a copy of the course here and work on that (default: ./cnnviz-course); notebooks you have changed "
        "are kept. In a clone, its own folder 'notebooks' is opened as it is",
    )
    commands.add_parser("doctor", help="say what is installed, what computes, which networks are here")
    _add_course(commands.add_parser("course", help="for teachers: the course for a grader, on paper, and offline"))
    return parser


def _add_course(course: argparse.ArgumentParser) -> None:
    actions = course.add_subparsers(metavar="ACTION", required=True)
    export = actions.add_parser("export", help="chapters without solutions, or as sources for a grader")
    export.add_argument(
        "format",
        choices=FORMATS,
        help="student: without solutions; nbgrader, otter: sources with solutions, from which these make assignments",
    )
    export.add_argument("folder", metavar="DIR", type=Path, help="a new or an empty folder")
    export.add_argument("chapters", metavar="CHAPTER", nargs="*", help="numbers, such as 06 (default: all)")
    export.set_defaults(action=_export)
    handout = actions.add_parser("handout", help="a chapter as a page to be printed, without code")
    handout.add_argument("chapter", metavar="CHAPTER", help="a number, such as 06")
    handout.add_argument("file", metavar="FILE", nargs="?", type=Path, help="an HTML file (default: in this folder)")
    handout.set_defaults(action=_handout)
    translation = actions.add_parser("translate", help="chapters in another language")
    translation.add_argument("language", metavar="LANG", help="such as cs")
    translation.add_argument("folder", metavar="DIR", type=Path, help="a new or an empty folder")
    translation.add_argument("chapters", metavar="CHAPTER", nargs="*", help="numbers, such as 06 (default: all)")
    translation.set_defaults(action=_translate)
    pack = actions.add_parser("pack", help="all that computers without internet need, in one folder")
    pack.add_argument("folder", metavar="DIR", type=Path, help="a new or an empty folder")
    pack.add_argument("pip", metavar="OPTION", nargs="*", help="options of pip wheel, behind --")
    pack.set_defaults(action=_pack)


def _export(chosen: argparse.Namespace) -> str:
    from .export import export

    return f"{len(export(chosen.format, chosen.folder, chosen.chapters))} chapters are in {chosen.folder}"


def _handout(chosen: argparse.Namespace) -> str:
    from .handout import handout

    return f"{handout(chosen.chapter, chosen.file)} can be printed from a browser"


def _translate(chosen: argparse.Namespace) -> str:
    from .translate import translate

    return f"{len(translate(chosen.language, chosen.folder, chosen.chapters))} chapters are in {chosen.folder}"


def _pack(chosen: argparse.Namespace) -> str:
    from .pack import pack

    return f"{pack(chosen.folder, chosen.pip)} can be copied to any computer: START.txt in it says how to begin"


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port, a number from 1 to 65535")
    return int(text)

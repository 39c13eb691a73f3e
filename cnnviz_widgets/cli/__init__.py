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
            from .export import export

            written = export(chosen.format, chosen.folder, chosen.chapters)
            print(f"{len(written)} chapters are in {chosen.folder}")
            return 0
        from .lab import lab

        return lab(chosen.folder, port=chosen.port, browser=chosen.browser)
    except UserError as error:
        print(f"cnnviz: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="cnnviz", description="See what a convolutional network sees.")
    commands = parser.add_subparsers(dest="command", required=True)
    lab = commands.add_parser("lab", help="open the course in JupyterLab")
    lab.add_argument("--port", type=_port, help="the first port to try (a busy one is passed over)")
    lab.add_argument("--no-browser", dest="browser", action="store_false", help="print the address, open no browser")
    lab.add_argument(
        "folder",
        metavar="DIR",
        nargs="?",
        type=Path,
        help="put a copy of the course here and work on that (default: ./cnnviz-course); notebooks you have changed "
        "are kept. In a clone, its own folder 'notebooks' is opened as it is",
    )
    commands.add_parser("doctor", help="say what is installed, what computes, which networks are here")
    course = commands.add_parser("course", help="the course for teachers: without solutions, or for a grader")
    export = course.add_subparsers(dest="action", required=True).add_parser("export", help="write its chapters")
    export.add_argument(
        "format",
        choices=FORMATS,
        help="student: without solutions; nbgrader, otter: sources with solutions, from which these make assignments",
    )
    export.add_argument("folder", metavar="DIR", type=Path, help="a new or an empty folder")
    export.add_argument("chapters", metavar="CHAPTER", nargs="*", help="numbers, such as 06 (default: all)")
    return parser


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port, a number from 1 to 65535")
    return int(text)

"""What a browser needs of JavaScript and CSS: two thirds of a file, without comments and needless spaces.

Tests compare the syntax trees of what is written and what is left.
"""

import re
from pathlib import Path


def _template(inner: str) -> str:
    """A pattern for a template of JavaScript, in whose places ``inner`` may stand."""
    return rf"`(?:[^`\\$]|\\.|\$(?!\{{)|\$\{{(?:[^`{{}}]|\{{[^`{{}}]*\}}|{inner})*\}})*`"


STRING, TEMPLATE = r'"(?:\\.|[^"\\\n])*"', _template(_template(_template("(?!)")))
REGEX = r"(?<=[(,=:?&|!;\[\n ])/(?![*/ ])(?:\\.|\[(?:\\.|[^\]\\])*\]|[^/\\\[\n])+/"
LITERAL = re.compile(f"({STRING}|{TEMPLATE}|{REGEX})")  # in which every character counts
SPACES = re.compile(r"(?<![\w$+-]) | (?![\w$+-])|(?<=\w) (?=[+-])|(?<=[+-]) (?=\w)|;(?=\})")  # not: in x, + +y, - -y
PARENTHESES = re.compile(r"(?<![\w$])\((\w+)\)=>")  # around the only parameter of an arrow function; not: async (x) =>
CSS_SPACES = re.compile(r"(?<=[:;,{]) | (?=\{)|;(?=\})")


def bare(path: Path) -> str:
    """The text of a file that is left for the browser."""
    text = path.read_text(encoding="utf-8")
    text = re.sub(r"[ \t]*/\*\*(?:(?!\*/).)*\*/[ \t]*", "", text, flags=re.DOTALL)
    text = re.sub(r"(^|[ \t]+)// .*$", "", text, flags=re.MULTILINE)
    text = re.sub(r"(?<=[;{,(])\n|\n(?=[})])", "", re.sub(r"\s*\n\s*", "\n", text))
    if path.suffix == ".css":
        return CSS_SPACES.sub("", text.replace("}\n", "}"))
    parts = LITERAL.split(text)
    parts[::2] = [PARENTHESES.sub(r"\1=>", SPACES.sub("", code)) for code in parts[::2]]
    return "".join(parts)

"""Reads from the code what is shown of it: the texts of panels, of exercises, of errors, and of the browser's halves.

A text is a string, or an f-string with its values by names: f"{state.step} of {total}" is "{step} of {total}".
"""

import ast
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from cnnviz_widgets.language import COUNT

STRING = r'"((?:[^"\\]|\\.)+)"'
SAY = re.compile(rf"\bsay\(\s*{STRING}(?:,\s*(?:\{{[^}}]*\}}|\w+),\s*{STRING})?")
WORD = re.compile(r"[^\W\d_]{2}")
CODE = re.compile(
    r"cnnviz\.\w+\(|import |\w\(.*\)$|^\.\.\.|^\w+ = |^lambda |^cnnviz-|^# |[a-z]-\w+: ?\w+;|^[\d ]*px|torch\.|"
    r"^\[\w+ for|^<mask|minmax|^input weight|^\d+px|^\d \d |\{\}|\.tt[cf]$|^[a-z_{} ]*_[a-z_{} ]*$"
)
NO_FIELDS = {"annotation", "returns", "format_spec", "slice"}  # of the syntax tree, where no text is
NO_TEXT = {
    "aside", "li", "RdBu", "ReLU", "Conv2d", "Title", "Software", "None", "row wrap", "IPY_MODEL_", "<mask {}×{}>",
}  # fmt: skip
PROGRAMS = {  # functions that write code, names of files, or what only a programmer reads
    "call", "code", "subject", "written", "program", "As", "slug", "append", "startswith", "endswith", "add_class",
    "remove_class", "TypeError", "AttributeError", "ValueError", "KeyError", "debug", "getattr", "hasattr", "dict",
    "compile", "einsum", "manual_seed",
}  # fmt: skip
PROGRAM_NAMES = re.compile(r"^_?(\w+_)?(call|code|lines|program|name_of|repr__|getattr__)$")
ALSO = (  # what is shown, and no rule here tells from names
    "covered", "learned", "theoretical", "curve", "value", "first", "last", "latest", "left", "right", "{y} at {x}",
    "{argument}: source {name}", "and {found} more", "class {number}", "color",
    "smoothness", "variation", "a whole number from {min} to {max}", "a finite number from {min} to {max}",
)  # fmt: skip
CAPTIONS = {"caption", "names", "heads", "of"}  # of a method's content
HEADINGS = {"View", "StepView", "PointsView", "Chart", "Bars", "curves", "Axis", "axis"}  # say single words, too
ERRORS = {"UserError", "Unreadable", "TooLarge"}
COUNTED = re.compile(  # a number of things
    r"\{(\w+)\} (?:(?:different|forward|random|running|output|principal) )?(?:pictures|channels|steps|classes|pixels|"
    r"positions|numbers|filters|groups|queries|frames|photographs|layers|units|networks|epochs|squares|places|neighbors|"
    r"points|samples|regions|patches|questions|answers|values|weights|generations|windows|rows|columns|words|names|parts|"
    r"trials|levels|passes|parameters|entries|examples|kinds|others|outputs|products|components|dimensions|minutes)\b"
)


def of_panels(package: Path) -> Iterator[str]:
    """Texts of the panels' files, and what methods write over pictures and remark on."""
    for path in sorted((package / "panels").rglob("*.py")):
        if path.name != "__init__.py":
            yield from _texts(path, only_titles=False)
    yield from ALSO
    for room in ("methods", "drawing", "engine", "networks"):
        for path in sorted((package / room).rglob("*.py")):
            yield from _texts(path, only_titles=path.name != "default_layer.py")


def of_exercises(package: Path) -> Iterator[str]:
    """Texts of the exercises."""
    for path in sorted((package / "exercises").glob("*.py")):
        if path.name != "__init__.py":
            yield from _texts(path, only_titles=False, sentences=True)


def of_errors(package: Path) -> Iterator[str]:
    """Sentences of errors, which panels and check cells show: what stands in a ``UserError(…)`` or a kind of it."""
    for path in sorted(package.rglob("*.py")):
        for node, above in _strings(ast.parse(path.read_text(encoding="utf-8")), []):
            if _is_error(above):
                yield template(node)


def of_widgets(package: Path) -> Iterator[str | tuple[str, str]]:
    """What the browser's halves say: the arguments of ``say``, and what widgets are called by default."""
    for path in sorted((package / "widgets").rglob("*.js")):
        for found in SAY.finditer(path.read_text(encoding="utf-8")):
            one, many = (part and json.loads(f'"{part}"') for part in found.groups())
            yield (one, many) if many else one
    for path in sorted((package / "widgets").glob("[!_]*.py")):
        yield from _texts(path, only_titles=False, sentences=True)


def plural(text: str) -> tuple[str, ...]:
    """The text; or, with a number of things, the text twice, with the number called ``n``: it has plural forms."""
    counted = COUNTED.search(text)
    if not counted:
        return (text,)
    named = text.replace(f"{{{counted[1]}}}", f"{{{COUNT}}}")
    return named, named


def _texts(path: Path, only_titles: bool, sentences: bool = False) -> Iterator[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node, above in _strings(tree, []):
        text = template(node).strip()
        words = " ".join(re.sub(r"\{\w+\}", "", text).split())
        if (
            not WORD.search(words)
            or words.upper() == words
            or words in NO_TEXT
            or CODE.search(text)
            or _is_program(above)
            or _is_error(above)
        ):
            continue
        title = _keyword(above) in CAPTIONS or _called(above) == "remark"
        plain = (
            " " in text or (text[0].isupper() and not sentences) or (isinstance(above[-1], ast.IfExp) and not sentences)
        )
        told = any(name in CAPTIONS or (name.isupper() and " " in text) for name in _assigned(above))
        if title or (told if only_titles else plain or _called(above) in HEADINGS):
            yield text


def _strings(node: ast.AST, above: list[ast.AST]) -> Iterator[tuple[ast.AST, list[ast.AST]]]:
    """Every string and f-string that is no docstring and no annotation, with the nodes that it is in."""
    if isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str)):
        yield node, above
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return
    for name, field in ast.iter_fields(node):
        if name in NO_FIELDS:
            continue
        for one in field if isinstance(field, list) else [field]:
            if isinstance(node, ast.JoinedStr) and isinstance(one, ast.Constant):
                continue
            if isinstance(one, ast.AST):
                yield from _strings(one, [*above, node])


def template(node: ast.AST) -> str:
    """A string, with the names of its values in braces."""
    if isinstance(node, ast.Constant):
        return re.sub(r"\{(\d)\}", r"{value\1}", str(node.value))  # as str.format takes it
    assert isinstance(node, ast.JoinedStr)
    used: list[str] = []
    parts = []
    for one in node.values:
        if isinstance(one, ast.Constant):
            parts.append(str(one.value))
        else:
            name = _name(one.value).lower() or "value"  # type: ignore[attr-defined]
            name = name if name != COUNT else "number"
            used.append(name)
            parts.append(f"{{{name}{'' if used.count(name) == 1 else used.count(name)}}}")
    return "".join(parts)


def _name(node: ast.AST) -> str:
    """What a value may be called."""
    match node:
        case ast.Name(id=name):
            return name.strip("_")
        case ast.Attribute(attr=name):
            return name.strip("_")
        case ast.Call(args=[one, *_]):
            return _name(one) or _name(node.func)
        case ast.Call(func=function):
            return _name(function)
        case ast.Subscript(value=one) | ast.UnaryOp(operand=one) | ast.Starred(value=one):
            return _name(one)
        case ast.BinOp(left=one, right=other):
            return _name(one) or _name(other)
        case ast.IfExp(body=one, orelse=other):
            return _name(one) or _name(other)
        case ast.BoolOp(values=[*_, one]):
            return _name(one)
        case ast.GeneratorExp(elt=one) | ast.ListComp(elt=one):
            return _name(one)
    return ""


def _keyword(above: Iterable[ast.AST]) -> str | None:
    """The keyword argument that a string is in."""
    return next((one.arg for one in reversed([*above]) if isinstance(one, ast.keyword)), None)


def _assigned(above: Iterable[ast.AST]) -> Iterator[str]:
    """The variables that a string is assigned to, as it is or in something."""
    for one in above:
        for target in (
            one.targets if isinstance(one, ast.Assign) else [one.target] if isinstance(one, ast.AnnAssign) else []
        ):
            yield from (part.id for part in ast.walk(target) if isinstance(part, ast.Name))


def _called(above: Iterable[ast.AST]) -> str:
    """The function that a string is an argument of."""
    call = next((one for one in reversed([*above]) if isinstance(one, ast.Call)), None)
    return "" if call is None else getattr(call.func, "attr", getattr(call.func, "id", ""))


def _is_error(above: list[ast.AST]) -> bool:
    """Whether a string is the sentence of an error, or one of two."""
    call = above[-2] if isinstance(above[-1], ast.IfExp) else above[-1]
    return isinstance(call, ast.Call) and getattr(call.func, "id", "") in ERRORS


def _is_program(above: list[ast.AST]) -> bool:
    """Whether a string is of code, of a file's name, or compared with something."""
    for one in above:
        if isinstance(one, ast.FunctionDef) and (one.name in PROGRAMS or PROGRAM_NAMES.search(one.name)):
            return True
        if isinstance(one, ast.Call) and getattr(one.func, "attr", getattr(one.func, "id", "")) in PROGRAMS:
            return True
        if isinstance(one, ast.Compare):
            return True
    if {"as_call", "old_names", "example"} & {*_assigned(above)}:
        return True
    return _keyword(above) in ("colormap", "group", "layout", "function", "display", "room", "form", "fg_form")

"""Finds the techniques and panels by reading the source tree. Nothing is imported for it, so that it costs nothing.

A method file (``methods/<family>/<name>.py``) says what it exports in ``__all__``, and may say with which arguments
its functions are quick in ``example = dict(size=16)``. A panel file (``panels/<name>.py``) holds a ``Panel`` subclass
with a ``title``, a ``family``, its ``chapters`` and what it ``shows``. Everything else that lists them (the stub, the
README table, the gallery, the lab, ``cnnviz doctor``, the contract tests) reads this.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).parent


@dataclass(frozen=True)
class Technique:
    """A public function of a method file.

    module   to import it from
    family   the folder it is in
    summary  the first line of its docstring
    example  arguments with which it is quick, where its signature has them
    needs    names of its arguments that have no default
    """

    name: str
    module: str
    family: str
    summary: str
    example: dict[str, Any] = field(default_factory=dict, compare=False)
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class PanelEntry:
    """A ``Panel`` subclass.

    title     what stands over it
    family    that its technique belongs to
    chapters  of the course in which it is used, by their numbers
    shows     what is seen in it, for a table
    call      the same as a plain call
    summary   the first line of its docstring, with the paper
    quick     whether its first picture takes less than a second
    """

    name: str
    module: str
    title: str
    family: str
    chapters: tuple[str, ...]
    shows: str
    call: str
    summary: str
    quick: bool = False


@cache
def families() -> tuple[str, ...]:
    """The folders of ``methods``, by the last chapter of the first of their panels; those without a panel come last."""
    folders = [path.parent.name for path in sorted((PACKAGE / "methods").glob("*/__init__.py"))]
    ends = {name: [(one.chapters[-1], one.chapters[0]) for one in _panels() if one.family == name] for name in folders}
    return tuple(sorted(folders, key=lambda name: (min(ends[name], default=("~",)), name)))


@cache
def about(family: str) -> str:
    """What a family says of itself, without its full stop."""
    said = ast.get_docstring(_tree(PACKAGE / "methods" / family / "__init__.py")) or family
    return said.partition("\n")[0].rstrip(".")


@cache
def exports() -> dict[str, str]:
    """Public name of every method file -> module to import it from, in the order of the families."""
    found: dict[str, str] = {}
    for path in _method_files():
        for name in _literal(_tree(path), "__all__", ()):
            if name in found:
                raise ValueError(f"{name} is exported by {found[name]} and by {_module(path)}.")
            found[name] = _module(path)
    return found


@cache
def techniques() -> tuple[Technique, ...]:
    """The functions among the exports."""
    found = []
    for path in _method_files():
        tree = _tree(path)
        public, example = _literal(tree, "__all__", ()), _literal(tree, "example", {})
        functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
        for name in public:
            if name in functions:
                summary = (ast.get_docstring(functions[name]) or "").partition("\n")[0]
                family, needs = path.parent.name, _needed(functions[name].args)
                found.append(Technique(name, _module(path), family, summary, example, needs))
    return tuple(found)


@cache
def panels() -> tuple[PanelEntry, ...]:
    """In the order of the families, and within one of the chapters."""
    order = families()
    unknown = [f"{one.name} ({one.family})" for one in _panels() if one.family not in order]
    if unknown:
        raise ValueError(f"there is no family of methods for {', '.join(unknown)}.")
    return tuple(sorted(_panels(), key=lambda one: (order.index(one.family), one.chapters, one.name)))


@cache
def _panels() -> tuple[PanelEntry, ...]:
    found = []
    for path in sorted((PACKAGE / "panels").glob("*.py")):
        for node in _tree(path).body:
            if isinstance(node, ast.ClassDef) and _literal(node, "family", None):
                names = ("title", "family", "chapters", "shows", "as_call", "quick")
                said = {name: _literal(node, name, None) for name in names}
                if missing := [name for name in names[:-1] if said[name] is None]:
                    raise ValueError(f"{node.name} in {path.name} does not say its {', '.join(missing)}.")
                found.append(
                    PanelEntry(
                        node.name,
                        _module(path),
                        said["title"],
                        said["family"],
                        said["chapters"],
                        said["shows"],
                        said["as_call"],
                        (ast.get_docstring(node) or "").partition("\n")[0],
                        bool(said["quick"]),
                    )
                )
    return tuple(found)


def _method_files() -> Iterator[Path]:
    for family in families():
        yield from sorted((PACKAGE / "methods" / family).glob("[!_]*.py"))


def _module(path: Path) -> str:
    return ".".join([PACKAGE.name, *path.relative_to(PACKAGE).with_suffix("").parts])


def _needed(arguments: ast.arguments) -> tuple[str, ...]:
    """Names of the arguments without a default."""
    positional = [*arguments.posonlyargs, *arguments.args]
    named = zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    needed = positional[: len(positional) - len(arguments.defaults)]
    return tuple(one.arg for one in needed) + tuple(one.arg for one, default in named if default is None)


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _literal(node: ast.Module | ast.ClassDef, name: str, otherwise: Any) -> Any:
    """The value that is assigned to a name in a module or class; ``dict(size=16)`` counts as a literal, too."""
    for one in node.body:
        if not isinstance(one, ast.Assign | ast.AnnAssign) or one.value is None:
            continue
        targets = one.targets if isinstance(one, ast.Assign) else [one.target]
        if any(isinstance(target, ast.Name) and target.id == name for target in targets):
            value = one.value
            if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == "dict":
                return {keyword.arg: ast.literal_eval(keyword.value) for keyword in value.keywords}
            return ast.literal_eval(value)
    return otherwise

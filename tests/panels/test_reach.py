"""Panels do not reach into what another object keeps to itself."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from cnnviz_widgets import panels

FILES = sorted(Path(panels.__file__).parent.rglob("*.py"))


def reaches(tree: ast.AST) -> Iterator[str]:
    """Every ``other._name``; a name that ends in an underscore, too, belongs to a protocol."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr.startswith("_") and not node.attr.endswith("_"):
            owner = ast.unparse(node.value)
            if owner not in ("self", "cls", "super()"):
                yield f"line {node.lineno}: {owner}.{node.attr}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_names_with_an_underscore_are_ones_own(path):
    assert list(reaches(ast.parse(path.read_text(encoding="utf-8")))) == []


def test_a_reach_is_found():
    code = "self._a, cls._b, super()._c, one._repr_png_()\nself.panel._d()\nother._e = 1"
    assert sorted(reaches(ast.parse(code))) == ["line 2: self.panel._d", "line 3: other._e"]

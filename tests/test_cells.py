"""What follows from what in a notebook, so that tests run no less than that."""

import cells
import nbformat
import pytest

BOOK = nbformat.v4.new_notebook(
    cells=[
        nbformat.v4.new_code_cell(source, id=id)
        for id, source in {
            "import": "import math",
            "net": "net = 1",
            "other": "other = 2",
            "function": "def double():\n    return 2 * net",
            "through": "made = double()",
            "again": "made = other",
            "shown": "made",
            "loop": "for made in range(3):\n    print(math.pi, made)",
        }.items()
    ]
)


def ids(chosen):
    return [cell.id for cell in chosen]


def one(id):
    return [cell for cell in BOOK.cells if cell.id == id]


def test_what_follows_also_by_way_of_functions_as_long_as_a_name_is_not_made_anew():
    assert ids(cells.following(BOOK, one("net"))) == ["net", "function", "through"]
    assert ids(cells.following(BOOK, one("other"))) == ["other", "again", "shown"]


def test_what_is_needed_is_what_made_the_names_last():
    assert ids(cells.needing(BOOK, one("through"))) == ["net", "function", "through"]
    assert ids(cells.needing(BOOK, one("shown"))) == ["other", "again", "shown"]
    assert ids(cells.needing(BOOK, one("loop"))) == ["import", "loop"]


def test_other_cells_are_new_or_have_other_code():
    changed = nbformat.from_dict(BOOK)
    changed.cells = [cell | {"source": "net = 3"} if cell.id == "net" else cell for cell in BOOK.cells[1:]]
    assert ids(cells.others(BOOK, nbformat.from_dict(changed))) == ["import", "net"]


@pytest.mark.parametrize(
    ("source", "made", "read"),
    [
        ("a = b\nc = a", "a c", "b"),
        ("a = a", "a", "a"),
        ("a += 1", "a", "a"),
        ("a[0] = 1", "", "a"),
        ("[a for a in b]", "", "b"),
        ("if a:\n    b = 1\n    b", "b", "a"),
        ("for a, b in c:\n    d = a\nelse:\n    d", "a b d", "c"),
        ("def f(a):\n    c = 1\n    return a + b + c", "f", "b"),
        ("import a.b as c, d.e", "c d", ""),
        ("with a as b:\n    b", "b", "a b"),
    ],
)
def test_names(source, made, read):
    assert cells.names(source) == (set(made.split()), set(read.split()))

"""Which code cells of a notebook follow from which, by the names that they make and read."""

import ast
import symtable

from IPython.core.inputtransformer2 import TransformerManager
from nbformat import NotebookNode

Cells = list[NotebookNode]


def code(notebook: NotebookNode) -> Cells:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def others(notebook: NotebookNode, than: NotebookNode) -> Cells:
    """Those that another notebook does not have, or has with other code."""
    there = {cell.id: cell.source for cell in than.cells}
    return [cell for cell in code(notebook) if there.get(cell.id) != cell.source]


def following(notebook: NotebookNode, first: Cells) -> Cells:
    """These, and all that read, also by way of others, what these made."""
    found, reached = [], set()
    for cell in code(notebook):
        made, read = names(cell.source)
        if cell in first or read & reached:
            reached |= made
            found.append(cell)
        else:
            reached -= made
    return found


def needing(notebook: NotebookNode, last: Cells) -> Cells:
    """These, and all that made, also by way of others, what these read."""
    found, wanted = [], set()
    for cell in reversed(code(notebook)):
        made, read = names(cell.source)
        if cell in last or made & wanted:
            wanted = (wanted - made) | read
            found.append(cell)
    return found[::-1]


def names(source: str) -> tuple[set[str], set[str]]:
    """(those that a cell makes, those that it reads and did not make before, also in functions)."""
    made: set[str] = set()
    read: set[str] = set()
    left = ast.parse(TransformerManager().transform_cell(source)).body[::-1]  # it may have magics
    while left:
        statement = left.pop()
        if isinstance(statement, ast.For | ast.If):  # its body may read what it has just made
            loops = isinstance(statement, ast.For)
            head = ast.Assign([statement.target], statement.iter) if loops else ast.Expr(statement.test)
            left += [head, *statement.body, *statement.orelse][::-1]
            continue
        if isinstance(statement, ast.AugAssign):
            left += [ast.Assign([statement.target], statement.value), ast.Expr(statement.target)]
            continue
        cell = symtable.symtable(ast.unparse(ast.fix_missing_locations(statement)), "cell", "exec")
        tables = [cell]
        for table in tables:
            used = (one for one in table.get_symbols() if one.is_referenced() and (table is cell or one.is_global()))
            read |= {one.get_name() for one in used} - made
            tables += table.get_children()
        made |= {one.get_name() for one in cell.get_symbols() if one.is_assigned() or one.is_imported()}
    return made, read

"""A line of boxes to check, or a small table of them: some of all combinations of rows and columns."""

from collections.abc import Mapping
from typing import Any

import traitlets as t

from cnnviz_widgets.widgets.front_end import BrowserWidget, described, spoken


def _to_json(value: tuple, table: "CheckTable") -> list:
    return [list(pair) for pair in value] if table.rows else [[name, ""] for name in value]


def _from_json(value: list, table: "CheckTable") -> tuple:
    return tuple(tuple(pair) if table.rows else pair[0] for pair in value)


class CheckTable(BrowserWidget):
    """Check up to ``most`` columns, or combinations of a column and a row.

    columns, rows  name -> how it is written; no rows = one line of boxes
    value          the names, or (column, row) pairs of names, that are checked, column by column
    description    what is chosen, for the reader and for screen readers; ``tooltip`` says more

    Tab goes to the table, the arrow keys go from box to box, and the space bar checks one. When ``most`` are checked,
    the others wait until one is taken away.
    """

    module = "check_table.js"

    columns = t.List(t.List(t.Unicode())).tag(sync=True, to_json=described)
    rows = t.List(t.List(t.Unicode())).tag(sync=True, to_json=described)
    value = t.Tuple().tag(sync=True, to_json=_to_json, from_json=_from_json)
    most = t.Int(6, min=1).tag(sync=True)
    description = t.Unicode("").tag(sync=True, to_json=spoken)
    tooltip = t.Unicode("").tag(sync=True, to_json=spoken)

    def __init__(self, columns: Mapping[str, str], rows: Mapping[str, str] | None = None, **traits: Any) -> None:
        lists = {"columns": list(map(list, columns.items())), "rows": list(map(list, (rows or {}).items()))}
        super().__init__(**lists, **traits)

import pytest

from cnnviz_widgets.widgets.check_table import CheckTable

COLUMNS, ROWS = {"a": "A", "b": "B"}, {"x": "X", "y": "Y"}


def test_the_browsers_lists_become_pairs() -> None:
    table, heard = CheckTable(COLUMNS, ROWS, value=(("a", "x"),)), []
    table.observe(heard.append, "value")
    table.set_state({"value": [["a", "x"], ["b", "y"]]})
    assert table.value == (("a", "x"), ("b", "y"))
    table.set_state({"value": [["a", "x"], ["b", "y"]]})
    assert len(heard) == 1
    assert (table.columns, table.rows) == ([["a", "A"], ["b", "B"]], [["x", "X"], ["y", "Y"]])
    table.close()


def test_settings_are_checked() -> None:
    with pytest.raises(TypeError, match="CheckTable has no mots"):
        CheckTable(COLUMNS, ROWS, mots=3)


def test_one_line_of_boxes_has_plain_names() -> None:
    line = CheckTable(COLUMNS, value=("b",))
    assert line.get_state("value")["value"] == [["b", ""]]
    line.set_state({"value": [["a", ""], ["b", ""]]})
    assert line.value == ("a", "b")
    line.close()

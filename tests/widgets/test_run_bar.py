import pytest

from cnnviz_widgets.widgets.run_bar import RunBar


def test_buttons_reach_the_handlers() -> None:
    bar, heard = RunBar(), []
    bar.on_action(lambda name: heard.append((name, bar.code_shown)))
    for message in ({"do": "stop"}, {"do": "reset"}, {"do": "code", "shown": True}, {"do": "else"}):
        bar._receive(bar, message, [])
    assert heard == [("stop", False), ("reset", False), ("code", True)]


def test_settings_are_checked() -> None:
    with pytest.raises(TypeError, match="RunBar has no progres"):
        RunBar(progres=1)
    with pytest.raises(Exception, match="state"):
        RunBar(state="walking")

import pytest

from cnnviz_widgets.widgets.run_bar import RunBar


def test_buttons_reach_the_handlers() -> None:
    bar, heard = RunBar(), []
    bar.on_action(lambda name: heard.append((name, bar.code_shown)))
    for message in ({"do": "stop"}, {"do": "pin"}, {"do": "reset"}, {"do": "code", "shown": True}, {"do": "else"}):
        bar._receive(bar, message, [])
    assert heard == [("stop", False), ("pin", False), ("reset", False), ("code", True)]


def test_settings_are_checked() -> None:
    with pytest.raises(TypeError, match="RunBar has no progres"):
        RunBar(progres=1)
    with pytest.raises(Exception, match="state"):
        RunBar(state="walking")


def test_settings_open_and_close_at_the_word_of_the_browser() -> None:
    bar = RunBar(settings=3)
    bar._receive(bar, {"do": "settings", "shown": True}, [])
    assert bar.settings_shown
    bar._receive(bar, {"do": "settings", "shown": False}, [])
    assert not bar.settings_shown

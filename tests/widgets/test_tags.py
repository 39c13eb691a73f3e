import pytest

from cnnviz_widgets.widgets.tags import Tags


def test_the_browsers_list_becomes_a_tuple() -> None:
    tags, heard = Tags(options=["a", "b"], names=("a",)), []
    tags.observe(heard.append, "names")
    tags.set_state({"names": ["a", "anything"]})
    assert tags.names == ("a", "anything")
    assert len(heard) == 1
    tags.close()


def test_settings_are_checked() -> None:
    with pytest.raises(TypeError, match="Tags has no tags"):
        Tags(tags=())

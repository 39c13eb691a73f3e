"""Buttons and the files that answer them."""

from cnnviz_widgets.widgets.actions import Actions


def test_a_press_is_heard_unless_the_button_is_asleep():
    actions, heard = Actions({"go": ("Go", "Go on"), "save": ("Save", "Keep it")}), []
    actions.on_action(heard.append)
    actions.asleep = ("go",)
    for message in ({"do": "go"}, {"do": "save"}, {"do": "file"}, {}):
        actions._receive(actions, message, [])
    assert heard == ["save"]
    actions.close()


def test_a_file_is_handed_over(monkeypatch):
    actions, sent = Actions({"save": ("Save", "Keep it")}), []
    monkeypatch.setattr(actions, "send", lambda message, buffers: sent.append((message, buffers)))
    actions.give("a.png", "image/png", b"123")
    assert sent == [({"do": "file", "name": "a.png", "kind": "image/png"}, [b"123"])]
    actions.close()

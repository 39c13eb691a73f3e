"""A widget of ours on an empty page, without Jupyter: its state, its loader and its messages are the real ones.

A test of a tool takes a second here, and a minute in a notebook.
"""

import base64
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser

from cnnviz_widgets.widgets.front_end import BrowserWidget
from cnnviz_widgets.widgets.tree import close_tree

PAGE = """
window.painted = async (act, before = () => {}) => { // ms from the beginning of a frame to after its paint
    const frame = new Promise(requestAnimationFrame);
    before(); // what it wants to do with this frame comes after the beginning
    await frame;
    const start = performance.now();
    act();
    await new Promise((done) => {
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = done;
        port2.postMessage(null);
    });
    return performance.now() - start;
};
const revive = (value) => {
    if (Array.isArray(value)) return value.map(revive);
    if (!value || typeof value !== "object") return value;
    const bytes = value["bytes in base64"];
    if (bytes !== undefined) return new DataView(Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0)).buffer);
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, revive(one)]));
};
window.start = async (state, front) => {
    const handlers = {};
    const emit = (name, ...values) => { for (const handler of handlers[name] ?? []) handler(...values); };
    const text = (buffer) => btoa(Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte)).join(""));
    window.model = {
        state: revive(state),
        get: (name) => model.state[name],
        set: (name, value) => { model.state[name] = value; emit(`change:${name}`); },
        save_changes() {},
        send: (message, _, buffers) => toKernel(message, (buffers ?? []).map(text)),
        on: (name, handler) => (handlers[name] ??= []).push(handler),
        off: (name, handler) => { handlers[name] = handlers[name].filter((one) => one !== handler); },
        widget_manager: { get_model: async () => ({ get: (name) => window.front[name] }) },
    };
    window.front = revive(front);
    window.receive = (message, buffers) => {
        const changes = Object.entries(revive(message.state ?? {}));
        for (const [name, value] of changes) model.set(name, value);
        if (message.method === "custom") emit("msg:custom", message.content, revive(buffers));
    };
    const { default: widget } = await import(URL.createObjectURL(new Blob([state._esm], { type: "text/javascript" })));
    window.open = async () => {
        const el = document.createElement("div");
        document.body.append(el);
        window.close = await widget.render({ model, el });
    };
    await window.open();
};
"""
EMPTY = "<!doctype html><title>widget</title><body style='margin: 8px'></body>"


def _for_page(value: Any) -> Any:
    """With bytes in a form that can go to a page."""
    if isinstance(value, bytes | memoryview):
        return {"bytes in base64": base64.b64encode(value).decode()}
    if isinstance(value, dict):
        return {key: _for_page(one) for key, one in value.items()}
    return [_for_page(one) for one in value] if isinstance(value, list | tuple) else value


class BarePage:
    """A widget on a page. What it sends to its browser is delivered by ``deliver``, which waits for nothing."""

    def __init__(self, browser: Browser, widget: BrowserWidget, width: int, address: str = "", **look: Any) -> None:
        self.widget = widget
        self.heard: list[dict] = []  # messages from the page
        self.errors: list[str] = []
        self._outbox: list[tuple[dict, list]] = []
        widget._send = lambda message, buffers=None: self._outbox.append((message, list(buffers or ())))
        self.page = browser.new_page(viewport={"width": width, "height": 800}, **look)
        self.page.on("pageerror", lambda error: self.errors.append(error.stack or str(error)))
        self.page.expose_function("toKernel", self._hear)
        if address:
            self.page.route(address, lambda route: route.fulfill(body=EMPTY, content_type="text/html"))
            self.page.goto(address)
        else:
            self.page.set_content(EMPTY)
        self.page.add_script_tag(content=PAGE)
        state = {name: value for name, value in widget.get_state().items() if name != "layout"}
        arguments = _for_page([state, {"data": widget._front_end.data}])
        self.page.evaluate("([state, front]) => start(state, front)", arguments)

    def _hear(self, message: dict, buffers: list[str]) -> None:
        self.heard.append(message)
        self.widget._receive(self.widget, message, [memoryview(base64.b64decode(one)) for one in buffers])

    def deliver(self) -> None:
        outbox, self._outbox = self._outbox, []
        for message, buffers in outbox:
            if message["method"] == "update":
                message = {**message, "state": _with_buffers(message["state"], message["buffer_paths"], buffers)}
            self.page.evaluate("([message, buffers]) => receive(message, buffers)", _for_page([message, buffers]))

    def until(self, condition: Callable[[], Any], timeout: float = 20) -> Any:
        """Wait for something to be true in Python, and let messages pass; returns it."""
        for _ in range(int(timeout / 0.02)):
            self.deliver()
            if found := condition():
                return found
            self.page.wait_for_timeout(20)
        raise AssertionError(f"not within {timeout} s")

    def drawn(self) -> None:
        """Wait until the browser has drawn what was shown last."""
        self.until(lambda: self.widget.drawn >= self.widget.serial)

    def pixel(self, x: float, y: float, canvas: str = "pixels") -> list[int]:
        """RGBA of a canvas, at shares of its width and height."""
        return self.page.evaluate(
            """([x, y, name]) => {
                const canvas = document.querySelector(`canvas.cnnviz-${name}`);
                const [left, top] = [Math.floor(x * canvas.width), Math.floor(y * canvas.height)];
                return [...canvas.getContext('2d').getImageData(left, top, 1, 1).data];
            }""",
            [x, y, canvas],
        )

    def at(self, x: float, y: float) -> tuple[float, float]:
        """The place on the page at shares of the picture's width and height."""
        box = self.page.locator("canvas.cnnviz-pixels").last.bounding_box()
        return box["x"] + x * box["width"], box["y"] + y * box["height"]

    def drag(self, *places: tuple[float, float]) -> None:
        first, *rest = [self.at(*place) for place in places]
        self.page.mouse.move(*first)
        self.page.mouse.down()
        for place in rest:
            self.page.mouse.move(*place, steps=3)
        self.page.mouse.up()


def _with_buffers(state: dict, paths: list[list], buffers: list) -> dict:
    """As the browser puts them back in, into a copy."""
    state = _copy(state)
    for path, buffer in zip(paths, buffers, strict=True):
        place = state
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = buffer
    return state


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copy(one) for key, one in value.items()}
    return [_copy(one) for one in value] if isinstance(value, list | tuple) else value


@pytest.fixture
def on_page(browser: Browser) -> Iterator[Callable[..., BarePage]]:
    """``on_page(widget, width=…)`` opens it, as the page of an ``address`` if one is given; it may leave no error."""
    opened: list[BarePage] = []

    def open_it(widget: BrowserWidget, width: int = 480, **look: Any) -> BarePage:
        opened.append(BarePage(browser, widget, width, **look))
        return opened[-1]

    yield open_it
    for one in opened:
        one.page.close()
        close_tree(one.widget)
    assert [error for one in opened for error in one.errors] == []

"""The convolution in a browser: edited, played and asked without a kernel, and what Python hears of it."""

import re

import numpy as np
import pytest
from playwright.sync_api import expect
from scipy.signal import correlate2d

from cnnviz_widgets.widgets.convolution_view import ConvolutionView

SOBEL = [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]
COUNTED = """() => {
    window.saved = 0;
    window.model.save_changes = () => { window.saved += 1; };
}"""
EDITS = """async () => {
    const output = [...document.querySelectorAll("canvas.cnnviz-cells")].filter((one) => one.checkVisibility())[1];
    const context = output.getContext("2d");
    const looks = () => context.getImageData(0, 0, output.width, 200).data.join();
    let stale = 0;
    for (let turn = 0; turn < 20; turn++) {
        const before = looks(), key = turn % 2 ? "PageDown" : "PageUp";
        document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
        await null;
        stale += looks() === before;
    }
    return [stale, saved];
}"""
REST = 400  # ms: a gesture has ended


def small(**more) -> ConvolutionView:
    given = {"input": np.arange(25).reshape(5, 5), "kernel": SOBEL, "padding": 1, "stride": 2}
    return ConvolutionView(**given | {"presets": {"Sobel": SOBEL, "sum": np.ones((3, 3)).tolist()}} | more)


def weight(shown, row: int, column: int):
    return shown.page.locator(".cnnviz-kernel-row").nth(row).locator(".cnnviz-weight").nth(column)


def sentence(shown):
    return shown.page.locator(".cnnviz-window-sum")


def trait(shown, name: str):
    return shown.page.evaluate("name => model.get(name)", name)


def canvas(shown, at: int):
    return shown.page.locator("canvas.cnnviz-cells:visible").nth(at)


def click_cell(shown, at: int, row: int, column: int, border: int = 0) -> None:
    cell = 44  # px, as large as cells become
    place = {"x": 2 + (column + border + 0.5) * cell, "y": 2 + (row + border + 0.5) * cell}
    canvas(shown, at).click(position=place)


def test_a_weight_is_typed_turned_and_cleared(on_page):
    shown = on_page(small(), width=900)
    shown.page.evaluate(COUNTED)
    expect(sentence(shown)).to_have_text(
        "row 0, column 0: 0·(−1) + 0·0 + 0·1 + 0·(−2) + 0·0 + 1·2 + 0·(−1) + 5·0 + 6·1 = 8"
    )
    weight(shown, 2, 2).click()
    shown.page.keyboard.type("-1.5")
    assert trait(shown, "kernel")[2] == [-1, 0, -1.5]
    expect(sentence(shown)).to_contain_text("6·(−1.5) = −7")
    shown.page.wait_for_timeout(REST)
    assert shown.page.evaluate("saved") == 1
    shown.page.keyboard.press("ArrowUp")
    expect(weight(shown, 1, 2)).to_be_focused()
    shown.page.mouse.move(*center(weight(shown, 1, 2)))
    for _ in range(3):
        shown.page.mouse.wheel(0, -100)
    shown.page.wait_for_timeout(REST)
    assert trait(shown, "kernel")[1][2] == pytest.approx(2.3)
    assert shown.page.evaluate("saved") == 2
    shown.page.keyboard.press("Delete")
    shown.page.keyboard.press("-")
    assert trait(shown, "kernel")[1][2] == 0  # a minus sign alone is no number yet
    shown.page.keyboard.press("7")
    assert trait(shown, "kernel")[1][2] == -7


def center(locator) -> tuple[float, float]:
    box = locator.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_presets_and_numbers_are_one_message_each(on_page):
    shown = on_page(small(), width=900)
    shown.page.evaluate(COUNTED)
    shown.page.get_by_label("Kernel", exact=True).select_option("sum")
    assert trait(shown, "kernel") == [[1, 1, 1]] * 3
    shown.page.wait_for_timeout(REST)
    assert shown.page.evaluate("saved") == 1
    shown.page.get_by_label("Padding").fill("")
    shown.page.get_by_label("Stride").fill("1")
    assert [trait(shown, "padding"), trait(shown, "stride")] == ["same", 1]
    shown.page.get_by_label("Dilation").fill("99")
    shown.page.get_by_label("Dilation").press("Tab")
    expect(shown.page.get_by_label("Dilation")).to_have_value("1")
    expect(canvas(shown, 1)).to_have_attribute(
        "aria-label",
        "Output, 5 × 5 · 12 … 162. row 0, column 0: 0·1 + 0·1 + 0·1 + 0·1 + 0·1 + 1·1 + 0·1 + 5·1 + 6·1 = 12",
    )


def test_clicks_and_keys_put_the_window_and_ask(on_page):
    shown = on_page(small(), width=900)
    shown.page.evaluate(COUNTED)
    click_cell(shown, 1, 1, 2)
    assert trait(shown, "place") == [1, 2]
    canvas(shown, 1).press("ArrowDown")
    canvas(shown, 1).press("Home")
    assert trait(shown, "place") == [2, 0]
    click_cell(shown, 0, 1, 1, border=1)
    expect(sentence(shown)).to_have_text(
        "input, row 1, column 1: 4 outputs read it, with the weights 1 + (−1) + 1 + (−1) = 0"
    )
    canvas(shown, 0).press("ArrowRight")
    expect(sentence(shown)).to_contain_text("input, row 1, column 2: 2 outputs read it")
    shown.page.wait_for_timeout(REST)
    assert shown.page.evaluate("saved") <= 2
    told = sentence(shown).inner_text()
    for one in range(2):  # what is on the screen is what is said
        assert canvas(shown, one).get_attribute("aria-label").endswith(told)


def test_the_window_plays_steps_and_stops(on_page):
    shown = on_page(small(), width=900)
    shown.page.evaluate(COUNTED)
    shown.page.get_by_role("button", name="Step").click()
    assert trait(shown, "place") == [0, 1]
    shown.page.get_by_label("Speed").select_option("fast")
    shown.page.get_by_role("button", name="Play").click()
    expect(shown.page.get_by_role("button", name="Play")).to_be_visible()  # it is over by itself
    shown.page.wait_for_function("model.get('place').join() === '2,2'")
    shown.page.wait_for_timeout(REST)
    assert shown.page.evaluate("saved") <= 2
    shown.page.get_by_label("Speed").select_option("slow")
    shown.page.get_by_role("button", name="Play").click()
    shown.page.get_by_role("button", name="Pause").click()
    at = trait(shown, "place")
    shown.page.wait_for_timeout(900)
    assert trait(shown, "place") == at


def test_what_python_sets_is_shown_and_sends_nothing_back(on_page):
    shown = on_page(small(), width=900)
    shown.page.evaluate(COUNTED)
    shown.widget.kernel, shown.widget.place = np.full((2, 2), 0.25), (2, 3)
    shown.deliver()
    expect(shown.page.locator(".cnnviz-weight")).to_have_count(4)
    expect(sentence(shown)).to_contain_text("row 2, column 2:")  # 3 × 3 outputs: the place is moved into them
    shown.page.wait_for_timeout(REST)
    assert shown.page.evaluate("saved") == 0
    assert shown.heard == []


def test_an_edit_is_drawn_before_the_next_one_and_no_kernel_hears_of_it(on_page):
    rng = np.random.default_rng(0)
    pixels, kernel = rng.integers(0, 256, (64, 64)), rng.integers(-2, 3, (5, 5))
    shown = on_page(ConvolutionView(input=pixels, kernel=kernel), width=1200)
    shown.page.evaluate(COUNTED)
    weight(shown, 2, 2).click()
    assert shown.page.evaluate(EDITS) == [0, 0]  # at once; the gesture has not ended
    shown.page.wait_for_timeout(REST)
    assert shown.page.evaluate("saved") == 1


def test_the_colors_are_those_of_the_numbers(on_page):
    rng = np.random.default_rng(1)
    pixels, kernel = rng.normal(size=(20, 20)), rng.normal(size=(3, 3))
    shown = on_page(ConvolutionView(input=pixels, kernel=kernel), width=1200)
    output = correlate2d(pixels, kernel, "valid")
    for row, column in [(1, 4), (5, 11), (17, 17)]:
        red, _, blue, _ = canvas(shown, 1).evaluate(
            """(canvas, [row, column]) => {
                const cell = (canvas.width - 4) / 18;
                const [left, top] = [column, row].map((at) => 2 + (at + 0.2) * cell);
                return [...canvas.getContext("2d").getImageData(left, top, 1, 1).data];
            }""",
            [row, column],
        )
        if abs(output[row, column]) > 0.2 * np.abs(output).max():
            assert (red > blue) == (output[row, column] > 0)


def test_an_input_is_edited_as_the_kernel_is(on_page):
    shown = on_page(small(), width=900)
    shown.page.evaluate(COUNTED)
    click_cell(shown, 0, 1, 1, border=1)
    shown.page.keyboard.type("-2.5")
    assert trait(shown, "input")[1] == [5, -2.5, 7, 8, 9]
    expect(canvas(shown, 1)).to_have_attribute("aria-label", re.compile(r"^Output, 3 × 3 · "))
    shown.page.wait_for_timeout(REST)
    assert shown.page.evaluate("saved") == 1  # five keys, one gesture
    shown.page.keyboard.press("ArrowRight")
    for key in ("PageUp", "PageUp", "PageDown"):
        shown.page.keyboard.press(key)
    assert trait(shown, "input")[1][2] == pytest.approx(7.1)  # not all numbers are whole: a tenth
    shown.page.mouse.move(*center_of_cell(shown, 0, 2, 3))
    shown.page.mouse.wheel(0, -100)
    shown.page.wait_for_timeout(REST)
    assert trait(shown, "input")[1][2] == pytest.approx(7.2)
    shown.page.keyboard.press("Delete")
    shown.page.wait_for_timeout(REST)
    assert trait(shown, "input")[1][:4] == [5, -2.5, 0, 8]
    shown.page.mouse.move(*center_of_cell(shown, 0, 5, 5))  # not the cell that has the focus
    shown.page.mouse.wheel(0, -100)
    shown.page.wait_for_timeout(REST)
    assert trait(shown, "input") == [[0, 1, 2, 3, 4], [5, -2.5, 0, 8, 9], *np.arange(10, 25).reshape(3, 5).tolist()]


def center_of_cell(shown, at: int, row: int, column: int) -> tuple[float, float]:
    box, cell = canvas(shown, at).bounding_box(), 44
    return box["x"] + 2 + (column + 0.5) * cell, box["y"] + 2 + (row + 0.5) * cell


def test_a_signal_is_edited_and_a_photograph_is_not(on_page):
    signal = ConvolutionView(input=[3, 6, 9, 3, 0, 6], kernel=[1, 1, 1], drawings=("editor", "bars"))
    shown = on_page(signal, width=900)
    canvas(shown, 0).click(position={"x": 2 + 1.5 * 44, "y": 60})
    shown.page.keyboard.type("12")
    assert trait(shown, "input") == [[3, 12, 9, 3, 0, 6]]
    expect(canvas(shown, 1)).to_have_attribute("aria-label", re.compile(r"^Output, 4 · 9 … 24"))
    photo = on_page(ConvolutionView(input=np.arange(900).reshape(30, 30), kernel=SOBEL), width=900)
    canvas(photo, 0).click(position={"x": 50, "y": 50})
    photo.page.keyboard.type("7")
    assert trait(photo, "input") == np.arange(900).reshape(30, 30).tolist()


def test_what_python_sets_while_an_edit_waits_is_not_overwritten_by_it(on_page):
    shown = on_page(small(), width=900)
    shown.page.evaluate(COUNTED)
    click_cell(shown, 0, 4, 4, border=1)
    shown.page.keyboard.type("4")
    shown.widget.input = [[1, 2, 3], [4, 5, 6], [7, 8, 9]]  # newer
    shown.deliver()
    shown.page.wait_for_timeout(REST)
    assert trait(shown, "input") == [[1, 2, 3], [4, 5, 6], [7, 8, 9]]
    assert shown.page.evaluate("saved") == 1
    shown.page.keyboard.press("PageUp")  # the cell that was asked about is not there any more: the nearest one is
    assert trait(shown, "input") == [[1, 2, 3], [4, 5, 6], [7, 8, 10]]


def test_many_steps_are_one_message(on_page):
    shown = on_page(small(stride=1), width=900)
    shown.page.evaluate(COUNTED)
    shown.page.evaluate(
        "() => { for (let i = 0; i < 5; i++) "
        "[...document.querySelectorAll('button')].find((one) => one.textContent === 'Step').click(); }"
    )
    assert trait(shown, "place") == [1, 0]
    shown.page.wait_for_timeout(REST)
    assert shown.page.evaluate("saved") == 1


def test_windows_grow_the_input_without_a_kernel(on_page):
    view = ConvolutionView(windows=6, kernel=np.ones((3, 3)), stride=2, drawings=("overlap",), tools=("stride",))
    shown = on_page(view, width=900)
    title = shown.page.locator(".cnnviz-cells-title").first
    expect(title).to_have_text("Windows that reach a cell, 13 × 13 · 1 … 4")
    shown.page.get_by_label("Stride").fill("3")
    expect(title).to_have_text("Windows that reach a cell, 18 × 18 · 1 … 1")  # (6 − 1)·3 + 3
    shown.page.get_by_label("Stride").fill("1")
    expect(title).to_have_text("Windows that reach a cell, 8 × 8 · 1 … 9")


def test_forced_colors_and_less_motion(on_page):
    shown = on_page(small(), width=900, forced_colors="active", reduced_motion="reduce")
    expect(shown.page.get_by_label("Speed")).to_have_value("slow")
    low, high = (weight(shown, 1, column).evaluate("e => getComputedStyle(e).backgroundColor") for column in (0, 2))
    assert low != high  # the colors are numbers, and stay
    for part in (weight(shown, 1, 1), canvas(shown, 0)):
        part.focus()
        shown.page.keyboard.press("ArrowRight")
        focused = shown.page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert focused == "solid"
    moving = shown.page.evaluate(
        """() => [...document.querySelectorAll('.cnnviz-convolution *')].map((e) => getComputedStyle(e))
            .filter((style) => style.transitionDuration !== '0s' || style.animationName !== 'none').length"""
    )
    assert moving == 0

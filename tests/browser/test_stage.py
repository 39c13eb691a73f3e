"""The tools of a picture, used with the mouse and with keys in a real browser."""

import numpy as np
import pytest
from playwright.sync_api import expect

from cnnviz_widgets.content import Content, Field
from cnnviz_widgets.drawing.render import draw_view
from cnnviz_widgets.widgets import ImageView

RAMP = np.broadcast_to(np.arange(0, 256, 4, dtype=np.uint8)[None, :, None], (64, 64, 3))  # gray 4 x
RED, BLUE = (np.full((64, 64, 3), color, np.uint8) for color in ((200, 0, 0), (0, 0, 200)))
MAP = np.arange(49, dtype=np.float32).reshape(7, 7)


def shown(on_page, content: Content, **traits):
    page = on_page(ImageView(content, **traits))
    page.drawn()
    return page


def readout(page) -> str:
    return page.page.locator(".cnnviz-readout").last.inner_text()


def test_a_view_draws_its_state_and_a_second_one_does_too(on_page):
    page = shown(on_page, Content(RAMP, MAP))
    page.widget.show(Content(RAMP, MAP[::-1]))
    page.drawn()
    first = page.pixel(0.1, 0.1)
    page.page.evaluate("close()")
    page.page.evaluate("open()")
    page.page.wait_for_function("document.querySelector('canvas.cnnviz-pixels')?.width > 300")
    page.until(lambda: page.pixel(0.1, 0.1) == first)


def test_the_pictures_and_maps_are_those_of_python(on_page):
    page = shown(on_page, Content(RAMP, MAP), opacity=0.5)
    ours = np.asarray(draw_view(page.widget, 448)).astype(int)
    for x, y in ((0.1, 0.2), (0.55, 0.5), (0.9, 0.9)):
        theirs = page.pixel(x, y)
        assert np.abs(ours[int(y * 448), int(x * 448), :3] - theirs[:3]).max() <= 6  # JPEG, and where a cell ends


def test_zoom_by_buttons_keys_and_wheel_and_hover_stays_exact(on_page):
    page = shown(on_page, Content(RAMP, MAP))
    mouse, stage = page.page.mouse, page.page.locator(".cnnviz-stage")
    mouse.move(*page.at(0.25, 0.5))
    assert readout(page).startswith("x 16, y 32")
    page.page.keyboard.down("Control")
    mouse.wheel(0, -400)  # 4 times as large, and what is under the pointer stays
    page.page.keyboard.up("Control")
    page.until(lambda: readout(page).startswith("x 16, y 32 · 22"))
    mouse.move(*page.at(0.5, 0.5))
    page.until(lambda: readout(page).startswith("x 20, y 32"))  # a quarter of the picture is seen
    assert abs(page.pixel(0.5, 0.02)[0] - page.pixel(0.5, 0.98)[0]) < 40
    page.drag((0.5, 0.5), (0.25, 0.5))  # what was under the pointer goes with it
    assert readout(page).startswith("x 20, y 32")
    assert not any(message["do"] == "click" for message in page.heard)  # a drag is no click
    mouse.dblclick(*page.at(0.5, 0.5))
    page.until(lambda: readout(page).startswith("x 32, y 32"))
    page.page.get_by_role("button", name="Zoom in").click()
    stage.focus()
    page.page.keyboard.press("+")
    mouse.move(*page.at(0.5, 0.5))
    page.until(lambda: readout(page).startswith("x 32, y 32"))
    mouse.move(*page.at(0.99, 0.5))
    page.until(lambda: readout(page).startswith("x 39, y 32"))
    page.page.keyboard.press("0")
    mouse.move(*page.at(0.25, 0.25))
    page.until(lambda: readout(page).startswith("x 16, y 16"))


def test_the_page_scrolls_by_the_wheel_alone(on_page):
    page = shown(on_page, Content(RAMP))
    page.page.mouse.move(*page.at(0.5, 0.5))
    page.page.evaluate("document.body.style.height = '3000px'")
    page.page.mouse.wheel(0, 300)
    page.page.wait_for_function("scrollY > 100")


def test_arrow_keys_bring_what_they_reach_into_view(on_page):
    page = shown(on_page, Content(RAMP))
    page.page.locator(".cnnviz-stage").focus()
    for key in ("+", "+", *["Shift+ArrowRight"] * 4):
        page.page.keyboard.press(key)
    page.until(lambda: readout(page).startswith("x 63, y 32"))
    assert page.pixel(0.99, 0.5)[0] > 240  # the right end of the ramp


def test_tiles_to_choose_from_are_zoomed_as_one_sheet(on_page):
    page = shown(
        on_page, Content(values=np.arange(16, dtype=float)[:, None, None] + np.zeros((16, 8, 8))), cursor="tile"
    )
    page.widget.on_click(lambda _: None)
    page.deliver()
    page.page.get_by_role("button", name="Zoom in").click()
    page.page.mouse.click(*page.at(0.02, 0.02))
    page.until(lambda: page.widget.selected == 5)  # of 4 × 4, the middle four are seen


def test_numbers_are_written_into_large_cells(on_page):
    page = shown(on_page, Content(values=MAP), colormap="gray", numbers=True)
    drawn = page.page.evaluate(
        """() => {
            const canvas = document.querySelector('canvas.cnnviz-pixels');
            const cell = canvas.width / 7;
            return new Set(canvas.getContext('2d').getImageData(3 * cell, 3 * cell, cell, cell).data).size;
        }"""
    )
    assert drawn > 10  # a number in the cell
    page.widget.numbers = False
    page.deliver()
    middle = page.pixel(0.5, 0.5)
    assert middle[:3] == [128, 128, 128]  # 24 of 48, with nothing on it


def test_a_rectangle_is_drawn_moved_resized_and_taken_away(on_page):
    page = shown(on_page, Content(RAMP))
    heard = []
    page.widget.on_region(heard.append)
    page.deliver()
    page.page.get_by_role("button", name="Rectangle").click()
    page.until(lambda: page.widget.tool == "rectangle")
    page.drag((0.25, 0.25), (0.5, 0.75))
    page.until(lambda: page.widget.region == (16, 16, 16, 32))
    page.drag((0.375, 0.5), (0.5, 0.5))
    page.until(lambda: page.widget.region == (24, 16, 16, 32))
    page.drag((40 / 64, 0.5), (48 / 64, 0.5))  # its right side
    page.until(lambda: page.widget.region == (24, 16, 24, 32))
    page.page.locator(".cnnviz-stage").focus()
    for key in ("ArrowLeft", "Shift+ArrowDown"):
        page.page.keyboard.press(key)
    page.until(lambda: page.widget.region == (23, 16, 24, 33))
    assert len(heard) < 40
    page.page.keyboard.press("Delete")
    page.until(lambda: page.widget.region is None)
    assert heard[-1] is None
    page.widget.region = (0, 0, 10, 10)  # Python may choose one, too
    page.deliver()
    assert page.pixel(0.01, 0.08, "marks")[3] > 0


def test_a_rectangle_that_keeps_its_size_goes_where_it_is_pressed_and_dragged(on_page):
    page = shown(on_page, Content(RAMP), keeps_size=True, region=(4, 4, 8, 6))
    page.widget.on_region(lambda _: None)
    page.widget.tool = "rectangle"
    page.deliver()
    page.drag((0.5, 0.5), (0.5, 0.5))
    page.until(lambda: page.widget.region == (28, 29, 8, 6))
    page.drag((0.5, 0.5), (0.75, 0.25))
    page.until(lambda: page.widget.region == (44, 13, 8, 6))
    page.drag((0.75, 0.25), (0.99, 0.01))  # it stays in the picture
    page.until(lambda: page.widget.region == (56, 0, 8, 6))
    page.page.locator(".cnnviz-stage").focus()
    page.page.keyboard.press("Shift+ArrowDown")
    page.until(lambda: page.widget.region == (56, 1, 8, 6))


def test_an_ellipse_is_drawn_around_its_middle(on_page):
    page = shown(on_page, Content(RAMP), ellipse=(31.5, 31.5, 24, 8, 90))

    def inked(x: float, y: float) -> bool:
        """Whether there is a line within 4 px of a place of the 64×64 picture; it is dashed, and the border is 4 px."""
        near = range(-4, 5)
        return any(page.pixel((4 + 7 * x + dx) / 456, (4 + 7 * y + dy) / 456, "marks")[3] for dx in near for dy in near)

    on_it, beside = [(32, 56), (32, 8), (40, 32), (24, 32)], [(32, 32), (56, 32), (8, 32), (45, 50)]
    assert all(inked(*place) for place in on_it)
    assert not any(inked(*place) for place in beside)
    page.widget.ellipse = None
    page.deliver()
    assert not any(inked(*place) for place in on_it)


def test_what_the_unit_under_the_pointer_sees_is_framed_without_the_kernel(on_page):
    field = Field(cells=(7, 7), size=(24, 16), stride=(64 / 7, 64 / 7), offset=(4, 4))
    page = shown(on_page, Content(RAMP, MAP, fields=(field,)), group="one")

    def framed() -> bool:
        """Whether there is yellow at the frame's left side, x 23.9; the canvas of marks has a border of 4 px."""
        some = [page.pixel((4 + 448 * 23.93 / 64 + shift) / 456, 0.4, "marks") for shift in (-1, 0, 1)]
        return any(red > 200 and green > 200 and blue < 120 for red, green, blue, _ in some)

    page.page.mouse.move(*page.at(0.5, 0.5))  # unit (3, 3) has its center at 31.4
    assert readout(page).endswith("sees 16 × 24 px")
    page.until(framed)
    page.page.mouse.move(5, 700)
    page.until(lambda: not framed())
    page.page.evaluate(
        """document.dispatchEvent(new CustomEvent(
            'cnnviz-point', {detail: {from: null, group: 'one', shares: [0.5, 0.5]}}))"""
    )  # the pointer is in another view of the group
    page.until(framed)
    assert {message["do"] for message in page.heard} == {"drawn"}


def test_a_brush_sends_one_message_a_stroke(on_page):
    page = shown(on_page, Content(RAMP), brush=("covered", "kept"))
    page.page.get_by_role("button", name="Brush").click()
    page.until(lambda: page.widget.tool == "brush")
    page.drag((0.25, 0.5), (0.75, 0.5), (0.75, 0.25))
    page.until(lambda: page.widget.mask is not None)
    assert [message["do"] for message in page.heard].count("mask") == 1
    mask = page.widget.mask
    assert (mask[32, 32], mask[2, 2], mask.max()) == (1, 0, 1)
    page.page.get_by_role("button", name="kept").click()
    page.page.get_by_role("button", name="Fill").click()
    page.page.mouse.click(*page.at(0.05, 0.05))
    page.until(lambda: page.widget.mask[2, 2] == 2)
    assert page.widget.mask[32, 32] == 1
    page.page.locator(".cnnviz-stage").focus()
    page.page.keyboard.press("z")
    page.until(lambda: page.widget.mask[2, 2] == 0)
    page.page.keyboard.press("x")
    page.page.keyboard.press("f")
    page.drag((0.25, 0.5), (0.3, 0.5))
    page.until(lambda: page.widget.mask[32, 17] == 0)
    page.page.mouse.move(*page.at(0.9, 0.9))
    page.page.keyboard.press("1")
    page.page.keyboard.press("Space")
    page.until(lambda: page.widget.mask[57, 57] == 1)
    page.page.get_by_role("button", name="Clear").click()
    page.until(lambda: not page.widget.mask.any())
    page.page.get_by_role("button", name="Undo").click()
    page.until(lambda: page.widget.mask[57, 57] == 1)
    page.page.evaluate("close()")
    page.page.evaluate("open()")  # a new view has the paint
    page.until(lambda: page.pixel(0.5, 0.5, "marks")[3] > 0)


def test_a_divider_wipes_between_before_and_after_without_the_kernel(on_page):
    page = shown(on_page, Content(BLUE, before=RED))
    red, blue = page.pixel(0.25, 0.25), page.pixel(0.75, 0.25)
    assert red[0] > 150 > red[2]
    assert blue[2] > 150 > blue[0]
    count = len(page.heard)
    page.drag((0.5, 0.5), (0.9, 0.5))
    assert page.pixel(0.75, 0.25) == red
    slider = page.page.get_by_role("slider", name="Before")
    slider.focus()
    page.page.keyboard.press("Home")
    page.until(lambda: page.pixel(0.25, 0.25) == blue)
    assert [message["do"] for message in page.heard[count:] if message["do"] != "hover"] == []


def test_a_film_is_played_in_the_browser(on_page):
    frames = [np.full((64, 64, 3), 20 * number, np.uint8) for number in range(10)]
    page = shown(on_page, Content(frames[0]))
    page.widget.play(frames[:3], rate=20)
    page.deliver()
    expect(page.page.locator(".cnnviz-frame")).to_have_text("1 of 3")
    page.widget.play(frames, rate=20)
    page.deliver()
    expect(page.page.locator(".cnnviz-frame")).to_have_text("1 of 10")
    count = len(page.heard)
    page.page.get_by_role("button", name="Play").click()
    page.page.wait_for_function("document.querySelector('.cnnviz-frame').textContent.startsWith('6 ')", polling=5)
    page.page.get_by_role("button", name="Pause").click()
    scrubber = page.page.get_by_role("slider", name="Frame")
    scrubber.focus()
    page.page.keyboard.press("End")
    expect(page.page.locator(".cnnviz-frame")).to_have_text("10 of 10")
    page.until(lambda: abs(page.pixel(0.5, 0.5)[0] - 180) < 4)
    assert len(page.heard) == count  # with no word to the kernel
    page.page.evaluate("close()")
    page.page.evaluate("open()")
    expect(page.page.locator(".cnnviz-frame")).to_have_text("1 of 10")


def test_the_exact_value_comes_where_the_browser_has_codes(on_page):
    values = np.random.default_rng(0).normal(size=(200, 200)).astype(np.float32)
    page = shown(on_page, Content(values=values))
    page.page.mouse.move(*page.at(0.5025, 0.5025))
    exact = f"{values[100, 100]:.4g}".replace("-", "−")
    page.until(lambda: readout(page) == f"row 100, column 100 · {exact}")


def test_the_exact_values_of_all_named_tiles_come_together(on_page):
    values = np.random.default_rng(0).normal(size=(3, 100, 100)).astype(np.float32)
    page = shown(on_page, Content(values=values, names=["a", "b", "c"], columns=3), labels=True)
    page.page.mouse.move(*page.at(0.5, 0.5))
    read = page.page.locator(".cnnviz-value")
    page.until(lambda: all(text and "≈" not in text for text in read.all_inner_texts()))
    row, column = map(int, readout(page).split("(")[1].split(")")[0].split(", "))
    assert read.all_inner_texts() == [f"{value:.4g}".replace("-", "−") for value in values[:, row, column]]


def test_heads_spill_over_tiles_without_one_and_never_over_each_other(on_page):
    """Of six narrow tiles, four with a long head: it is cut where the next one begins."""
    heads = ("0.97 star purple", "0.96 triangle", "the least of all", "", "", "0.95 square")
    page = shown(on_page, Content(np.stack([RED] * 6), heads=heads, columns=6), labels=True, max_width=240)
    width = "getComputedStyle(one).overflow === 'visible' ? one.scrollWidth : one.clientWidth"
    end = f"one.getBoundingClientRect().left + ({width})"
    written = page.page.locator(".cnnviz-name").evaluate_all(f"names => names.map((one) => {end})")
    starts = page.page.locator(".cnnviz-label").evaluate_all(
        "all => all.map((one) => one.getBoundingClientRect().left)"
    )
    assert written[0] <= starts[1]
    assert written[1] <= starts[2]
    assert starts[3] < written[2] <= starts[5]


def test_an_empty_view_keeps_its_room_as_far_as_there_is_some(on_page):
    page = shown(on_page, Content(RAMP), max_width=400)
    page.widget.show(Content())
    page.drawn()
    stage = page.page.locator(".cnnviz-stage")
    assert stage.bounding_box()["height"] > 350
    page.page.set_viewport_size({"width": 240, "height": 800})
    page.until(lambda: stage.bounding_box()["width"] <= 240)


def test_targets_are_large_and_nothing_moves_when_a_tool_is_opened(on_page):
    page = shown(on_page, Content(RAMP, MAP, before=255 - RAMP), brush=("covered",))
    page.widget.on_region(lambda _: None)
    page.deliver()
    places = (
        "() => [...document.querySelectorAll('.cnnviz-image-view > *')].map((one) => one.getBoundingClientRect().top)"
    )
    before = page.page.evaluate(places)
    for tool in ("Brush", "Rectangle", "Point"):
        page.page.get_by_role("button", name=tool).click()
        page.until(lambda tool=tool: page.widget.tool == tool.lower())
        assert page.page.evaluate(places) == before
    small = page.page.evaluate(
        """() => [...document.querySelectorAll('button, select, input')]
            .filter((one) => one.checkVisibility())
            .map((one) => [one.title, one.getBoundingClientRect()])
            .filter(([, box]) => box.width < 24 || box.height < 24).map(([title]) => title)"""
    )
    assert small == []


@pytest.mark.parametrize("look", [{"forced_colors": "active"}, {"color_scheme": "dark", "reduced_motion": "reduce"}])
def test_it_draws_with_forced_colors_and_reduced_motion(on_page, look):
    page = on_page(ImageView(Content(RAMP, MAP), brush=("covered",)), **look)
    page.drawn()
    page.page.get_by_role("button", name="Brush").click()
    page.until(lambda: page.widget.tool == "brush")
    pressed, usual = (
        page.page.get_by_role("button", name=name).evaluate("e => getComputedStyle(e).backgroundColor")
        for name in ("Brush", "Point")
    )
    assert pressed != usual

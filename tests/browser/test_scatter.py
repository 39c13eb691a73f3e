"""Pictures as points in a browser: what is drawn how often, and what Python hears of it."""

import time

import numpy as np
import pytest

from cnnviz_widgets.widgets.scatter import Cloud, Scatter

MANY = 5000
COUNTED = """() => {
    window.draws = 0;
    const clear = CanvasRenderingContext2D.prototype.clearRect;
    CanvasRenderingContext2D.prototype.clearRect = function (...given) {
        if (this.canvas.classList.contains("cnnviz-points")) window.draws += 1;
        return clear.apply(this, given);
    };
}"""
PANNED = """async frames => {
    const canvas = document.querySelector(".cnnviz-points"), box = canvas.getBoundingClientRect();
    const at = (name, x) => canvas.dispatchEvent(new PointerEvent(name, { pointerId: 1, button: 0, buttons: 1, clientX: box.left + x, clientY: box.top + 200 }));
    canvas.setPointerCapture = () => {};
    at("pointerdown", 200);
    window.draws = 0;
    for (let frame = 0; frame < frames; frame++) {
        for (let move = 0; move < 4; move++) at("pointermove", 210 + frame + move / 4);
        await new Promise(requestAnimationFrame);
    }
    at("pointerup", 210);
    return window.draws;
}"""  # noqa: E501


def cloud(count: int = 9, **more) -> Cloud:
    """Points in rows of a square, numbered 100, 101 …"""
    side = int(count**0.5)
    points = np.stack(np.meshgrid(np.arange(side), np.arange(side)), -1).reshape(-1, 2) / (side - 1)
    names = [f"picture {number}" for number in range(len(points))]
    labels = ["even" if number % 2 == 0 else "odd" for number in range(len(points))]
    return Cloud(points, names, labels, range(100, 100 + len(points)), **more)


def places(shown, rows) -> list[tuple[float, float]]:
    """Where points are on the page, from what the widget promises: a square in the middle, 16 px from the border."""
    box = shown.page.locator(".cnnviz-points").bounding_box()
    width, height = box["width"] - 2, box["height"] - 2
    side = min(width, height) - 32
    points = shown.widget.cloud.points
    return [
        (box["x"] + 1 + (width - side) / 2 + side * x, box["y"] + 1 + (height - side) / 2 + side * y)
        for x, y in points[rows].tolist()
    ]


def draw(shown, *corners, key: str = "") -> None:
    shown.page.mouse.move(*corners[0])
    shown.page.mouse.down()
    if key:
        shown.page.keyboard.down(key)
    for one in corners[1:]:
        shown.page.mouse.move(*one, steps=8)
    shown.page.mouse.up()
    if key:
        shown.page.keyboard.up(key)


def test_a_click_is_told_by_the_number_of_the_picture(on_page):
    shown = on_page(Scatter(cloud()), width=700)
    shown.until(lambda: shown.widget.drawn == shown.widget.serial)
    told = []
    shown.widget.on_pick(told.append)
    (place,) = places(shown, [5])
    shown.page.mouse.move(*place)
    shown.page.wait_for_function("document.querySelector('.cnnviz-scatter-card b').textContent === 'picture 5'")
    shown.page.mouse.click(*place)
    shown.until(lambda: told == [105])
    assert shown.widget.picked == 105


def test_what_is_left_out_does_not_shift_the_numbers(on_page):
    """The picture beside a name, and the number that is told, are those of the point, whatever else is shown."""
    every = cloud()
    shown = on_page(Scatter(every), width=700)
    keep = [2, 5, 8]
    some = Cloud(every.points[keep], [every.names[i] for i in keep], (), [100 + i for i in keep])
    shown.widget.picked = 105
    shown.widget.show(some)
    shown.until(lambda: shown.widget.drawn == shown.widget.serial)
    assert shown.widget.picked == 105
    (place,) = places(shown, [2])
    shown.page.mouse.click(*place)
    shown.until(lambda: shown.widget.picked == 108)


def test_rectangle_lasso_legend_and_keys_select(on_page):
    shown = on_page(Scatter(cloud()), width=700)
    shown.until(lambda: shown.widget.drawn == shown.widget.serial)
    (left, top), (right, bottom) = places(shown, [0, 4])
    shown.page.get_by_role("button", name="Rectangle").click()
    draw(shown, (left - 9, top - 9), (right + 9, bottom + 9))
    shown.until(lambda: shown.widget.selection == (100, 101, 103, 104))
    shown.page.get_by_role("button", name="Lasso").click()
    (x, y), (far, low) = places(shown, [5, 8])
    draw(shown, (x - 12, y - 12), (x + 12, y - 12), (far + 12, low + 12), (far - 12, low + 12), key="Shift")
    shown.until(lambda: shown.widget.selection == (100, 101, 103, 104, 105, 108))
    shown.page.get_by_role("button", name="odd").click()
    shown.until(lambda: shown.widget.selection == (101, 103, 105, 107))
    canvas = shown.page.locator(".cnnviz-points")
    canvas.focus()
    shown.page.mouse.move(5, 5)
    for key in ("ArrowRight", "s"):  # to the first point, which is not selected
        shown.page.keyboard.press(key)
    shown.until(lambda: shown.widget.selection == (100, 101, 103, 105, 107))
    for key in ("ArrowDown", "Enter"):
        shown.page.keyboard.press(key)
    shown.until(lambda: shown.widget.picked == 103)
    shown.page.keyboard.press("Delete")
    shown.until(lambda: shown.widget.selection == ())


def test_many_points_are_drawn_once_a_frame_and_selected_at_once(on_page):
    rng = np.random.default_rng(0)
    points = rng.random((MANY, 2), np.float32)
    shown = on_page(Scatter(Cloud(points, (), rng.choice(["a", "b", "c"], MANY))), width=900)
    shown.until(lambda: shown.widget.drawn == shown.widget.serial)
    shown.page.evaluate(COUNTED)
    frames = 60
    assert frames - 2 <= shown.page.evaluate(PANNED, frames) <= frames + 2  # 240 moves
    shown.page.keyboard.press("0")
    shown.page.get_by_role("button", name="Show all").click()
    shown.page.get_by_role("button", name="Rectangle").click()
    box = shown.page.locator(".cnnviz-points").bounding_box()
    draw(shown, (box["x"] + 2, box["y"] + 2), (box["x"] + box["width"] - 2, box["y"] + box["height"] - 2))
    began = time.monotonic()
    shown.until(lambda: shown.widget.selection)
    print(f"{1000 * (time.monotonic() - began):.0f} ms")
    assert shown.widget.selection == tuple(range(MANY))


def test_positions_alone_are_sent_again(on_page):
    thumbnails = np.random.default_rng(0).integers(0, 255, (9, 48, 48, 3), np.uint8)
    first = cloud(thumbnails=thumbnails)
    shown = on_page(Scatter(first), width=700)
    shown.until(lambda: shown.widget.drawn == shown.widget.serial)
    shown._outbox.clear()
    moved = Cloud(first.points / 2, first.names, first.labels, first.numbers, thumbnails.copy())
    shown.widget.show(moved)
    states = [set(message["state"]) for message, _ in shown._outbox if message["method"] == "update"]
    assert states == [{"_points"}]


@pytest.mark.parametrize("motion", ["reduce", "no-preference"])
def test_a_tour_stands_still_until_it_is_played_where_that_is_wanted(on_page, motion):
    points = np.random.default_rng(0).normal(size=(40, 6))
    shown = on_page(Scatter(Cloud(points, axes=tuple("abcdef"))), width=700, reduced_motion=motion)
    shown.until(lambda: shown.widget.drawn == shown.widget.serial)
    name = "Play" if motion == "reduce" else "Pause"
    shown.page.get_by_role("button", name=name).wait_for()
    looks = "() => document.querySelector('.cnnviz-points').toDataURL()"
    before = shown.page.evaluate(looks)
    shown.page.wait_for_timeout(300)
    assert (shown.page.evaluate(looks) == before) == (motion == "reduce")


def test_an_axis_is_dragged_to_where_the_pointer_is(on_page):
    points = np.random.default_rng(0).normal(size=(4, 5))
    shown = on_page(Scatter(Cloud(points, axes=tuple("abcde"))), width=700, reduced_motion="reduce")
    shown.until(lambda: shown.widget.drawn == shown.widget.serial)
    box = shown.page.locator(".cnnviz-points").bounding_box()
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    arm = 0.9 * (min(box["width"], box["height"]) - 34) / 2
    first = middle[0] + arm * (2 / 5) ** 0.5, middle[1]  # of five that are as long
    draw(shown, first, (middle[0] - 0.3 * arm, middle[1] + 0.6 * arm))
    shown.until(lambda: shown.widget.basis is not None)
    basis = shown.widget.basis
    np.testing.assert_allclose(basis.T @ basis, np.eye(2), atol=1e-9)
    np.testing.assert_allclose(basis[0], (-0.3, 0.6), atol=1.5 / arm)


def test_points_wait_for_their_own_pictures(on_page):
    """Points with other pictures are not drawn with those before, whichever of them is decoded first."""
    red, blue = (np.broadcast_to(np.array(color, np.uint8), (1, 48, 48, 3)) for color in ((250, 0, 0), (0, 0, 250)))
    shown = on_page(Scatter(Cloud([[0.5, 0.5]], thumbnails=red)), width=700)
    middle = (
        "() => { const c = document.querySelector('.cnnviz-points'); "
        "return [...c.getContext('2d').getImageData(c.width / 2 - 9, c.height / 2 - 9, 1, 1).data].slice(0, 3); }"
    )
    shown.until(lambda: np.allclose(shown.page.evaluate(middle), (250, 0, 0), atol=8))
    shown.widget.show(Cloud([[0.5, 0.5], [0, 0]], numbers=[7, 8], thumbnails=np.concatenate([blue, red])))
    shown.until(lambda: np.allclose(shown.page.evaluate(middle), (0, 0, 250), atol=8))
    shown.page.mouse.click(*places(shown, [0])[0])
    shown.until(lambda: shown.widget.picked == 7)
    shown.widget.show(Cloud([[0.5, 0.5]], numbers=[3]))  # none at all
    shown.until(lambda: np.allclose(shown.page.evaluate(middle), (0, 0, 0), atol=8))

"""A masked trial with the keyboard: frames are counted a second time, by whoever looks at the canvas."""

from io import BytesIO
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image

from cnnviz_widgets.widgets.trial import Trials

GRAY, RED, BLUE = (128, 128, 128), (200, 30, 30), (30, 30, 200)
WATCH = f"""() => {{
    window.watched = [];
    const look = (now) => {{
        const canvas = document.querySelector('.cnnviz-trial-picture');
        watched.push([now, ...canvas.getContext('2d').getImageData(40, 40, 1, 1).data.slice(0, 3)]);
        requestAnimationFrame(look);
    }};
    requestAnimationFrame(look);
    const was = (at, color) => watched[at].slice(1).join() === color.join();
    window.masks = () => watched.filter((_, at) => at && was(at - 1, {list(RED)}) && was(at, {list(BLUE)})).length;
}}"""
# In one task of the page: a key that Python sends may come late, when the picture has been there already.
TOO_EARLY = f"""([number, key]) => {{
    const canvas = document.querySelector('.cnnviz-trial-picture');
    const early = canvas.getContext('2d').getImageData(40, 40, 1, 1).data.slice(0, 3).join() === {list(GRAY)}.join();
    const its = document.querySelector('.cnnviz-trial-status').textContent.startsWith(`Trial ${{number}} of 3`);
    if (early && its) canvas.parentElement.dispatchEvent(new KeyboardEvent('keydown', {{ key, bubbles: true }}));
    return early && its;
}}"""


def flat(color) -> bytes:
    file = BytesIO()
    Image.fromarray(np.full((8, 8, 3), color, np.uint8)).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def trials():
    made, heard = Trials(question="Which is it?", choices=["goose", "penguin"]), []
    made.on_answer(heard.append)
    made.load([flat(RED), flat(BLUE)], [(0, 1)] * 3)
    return made, heard


def test_frames_are_those_that_the_picture_stood(on_page, trials):
    """Without a word of the widget, from the canvas alone, in every frame; and no two pictures within a second."""
    widget, heard = trials
    page = on_page(widget, 900)
    page.page.evaluate(WATCH)
    page.page.get_by_role("button", name="Start the trials").click()
    page.until(lambda: page.page.get_by_text("Trial 1 of 3").count())
    for number, key in enumerate(("ArrowLeft", "ArrowRight", "ArrowLeft"), 1):
        page.page.wait_for_function(TOO_EARLY, arg=[number, key])  # nothing
        page.page.wait_for_function(f"masks() === {number}")
        page.page.keyboard.press(key)
    page.until(lambda: page.page.get_by_text("Done: 3 trials.").count())
    assert heard[0] is None
    assert [(one.trial, one.choice) for one in heard[1:]] == [(0, 0), (1, 1), (2, 0)]
    watched = page.page.evaluate("watched")
    shown = [tuple(color) == RED for _, *color in watched]
    runs, onsets = [], []
    for at, (before, now) in enumerate(pairwise(shown), 1):
        if now and not before:
            runs.append(0)
            onsets.append(watched[at][0])
        runs[-1:] = [runs[-1] + 1] if now else runs[-1:]
    assert [one.frames for one in heard[1:]] == runs
    assert all(one.ms >= 70 - 17 for one in heard[1:])
    assert all(later - earlier >= 1000 - 17 for earlier, later in pairwise(onsets))
    changes = [now for (_, *a), (now, *b) in pairwise(watched) if a != b]  # of what fills the stage
    assert all(changes[at + 6] - changes[at] > 1000 for at in range(len(changes) - 6))  # a flash is two of them


def test_with_reduced_motion_nothing_flashes(on_page, trials):
    widget, heard = trials
    page = on_page(widget, 900, reduced_motion="reduce")
    assert page.page.get_by_text("You have asked for reduced motion: nothing flashes.").count()
    page.page.evaluate(WATCH)
    page.page.get_by_role("button", name="Start the trials").click()
    page.until(lambda: page.page.get_by_text("Trial 1 of 3").count())
    page.page.wait_for_timeout(500)
    assert page.page.evaluate("watched.at(-1).slice(1)") == list(RED)  # it stands
    page.page.keyboard.press("ArrowRight")
    page.until(lambda: len(heard) == 2)
    assert heard[1].frames is None
    assert heard[1].ms >= 400
    page.page.keyboard.press("Escape")
    assert page.page.get_by_text("Stopped.").count()
    colors = {tuple(color) for _, *color in page.page.evaluate("watched")}
    assert BLUE not in colors


def test_trials_of_a_panel_are_answered_with_the_keyboard(open_panel):
    notebook = open_panel("MaskedTrial(net, photo, photographs=1, steps=4)")
    notebook.becomes("print(panel._bar.state)", "done", timeout=120)
    page = notebook.page
    page.get_by_role("button", name="Start the trials").click()
    for number in range(1, 7):
        page.get_by_text(f"Trial {number} of 6").wait_for()
        for _ in range(200):  # until the key is not too early any more
            page.keyboard.press("ArrowLeft")
            if int(notebook.kernel("print(len(panel.answers))")) == number:
                break
            page.wait_for_timeout(50)
    page.get_by_text("Done: 6 trials.").wait_for()
    assert notebook.kernel("print(sorted(one.trial.condition for one in panel.answers))") == (
        "['after', 'after', 'before', 'before', 'flipped', 'flipped']"
    )
    frames, ms = zip(*eval(notebook.kernel("print([(one.frames, one.ms) for one in panel.answers])")), strict=True)
    assert all(one >= 1 for one in frames)
    assert all(one > 0 for one in ms)
    assert page.locator(".cnnviz-trial-table tbody tr").count() == 3
    cells = page.locator(".cnnviz-trial-table tbody td").all_text_contents()
    late = int(notebook.kernel("print(sum(one.ms > 95 for one in panel.answers))"))
    assert late or [one.startswith("50% (1 of 2;") for one in cells] == [True] * 3  # always the left one
    page.get_by_text("A picture stood for").wait_for()
    notebook.screenshot("masked-trial", notebook.panel)
    notebook.kernel("panel.milliseconds = 100")
    notebook.becomes("print(len(panel.answers))", "0")

"""From a key on a weight to the pixels of the output, in a real browser, beside the frame of a screen."""

import numpy as np
from bare_page import on_page  # noqa: F401

from cnnviz_widgets.widgets.convolution_view import ConvolutionView

FRAME = 1000 / 60  # ms
EDITS = """async () => {
    const times = [];
    for (let turn = 0; turn < 40; turn++) {
        await new Promise(requestAnimationFrame);
        const start = performance.now(), key = turn % 2 ? "PageDown" : "PageUp";
        document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
        await null;
        times.push(performance.now() - start);
    }
    return times;
}"""


def test_an_edit_takes_less_than_a_frame(on_page, record_speed):  # noqa: F811
    rng = np.random.default_rng(0)
    pixels, kernel = rng.integers(0, 256, (128, 128)), rng.integers(-2, 3, (5, 5))
    page = on_page(ConvolutionView(input=pixels, kernel=kernel), width=1200).page
    page.locator(".cnnviz-kernel-row").nth(2).locator(".cnnviz-weight").nth(2).click()
    often = float(np.quantile(page.evaluate(EDITS), 0.9))
    record_speed("edit of 5×5 over 128×128 to pixels, nine of ten", often, often / FRAME)
    assert often <= FRAME

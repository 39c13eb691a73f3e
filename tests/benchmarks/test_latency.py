"""From a key on a slider to new pixels in a real browser, beside the computation alone in the same run."""

import statistics
import subprocess
import sys
import time

SETUP = """
import time
import cnnviz_widgets as cnnviz
net, photo = cnnviz.load_network("mini"), cnnviz.load_image("chelsea")
panel = cnnviz.panels.{kind}(net, photo)
panel
"""
KEY_TO_PIXELS = """async () => {
    const canvases = [...document.querySelectorAll('canvas.cnnviz-pixels')];
    const handle = document.querySelector('.widget-slider .noUi-handle');
    const line = (c) => c.getContext('2d').getImageData(0, c.height >> 1, c.width, 1).data.join();
    const look = () => canvases.map(line).join();
    const before = look();
    handle.focus();
    const began = performance.now();
    const key = {key: 'ArrowRight', code: 'ArrowRight', keyCode: 39, bubbles: true};
    handle.dispatchEvent(new KeyboardEvent('keydown', key));
    while (performance.now() - began < 10000) {
        await new Promise(requestAnimationFrame);
        if (look() !== before) return performance.now() - began;
    }
    return Infinity;
}"""


def test_slider_to_pixels(open_notebook, record_speed):
    """The channel slider of Activations: one forward pass, then the picture."""
    notebook = open_notebook(SETUP.format(kind="Activations"))
    notebook.panel.wait_for(timeout=60_000)
    notebook.wait_for_pixels(1)
    alone = "t = time.perf_counter(); panel.look(panel._now()); print(time.perf_counter() - t)"
    seen, computed = [], []
    for _ in range(10):
        seen.append(notebook.page.evaluate(KEY_TO_PIXELS))
        notebook.page.wait_for_timeout(200)
        computed.append(1000 * float(notebook.kernel(alone)))
    overhead = statistics.median(seen) - statistics.median(computed)
    record_speed("slider to pixels", statistics.median(seen), statistics.median(seen) / statistics.median(computed))
    assert overhead < 150


def test_the_first_panel(open_notebook, record_speed):
    """From running a notebook's only cell, imports and all, to the picture; beside the import of torch alone."""
    notebook = open_notebook(SETUP.format(kind="Occlusion"))
    notebook.wait_for_pixels(0, timeout=60)
    took = time.monotonic() - notebook.asked
    alone = seconds_of("import torch, torchvision")
    record_speed("cell to first panel", 1000 * took, took / alone)
    assert took < 2 * alone


def seconds_of(program: str) -> float:
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", program], check=True)
    return time.monotonic() - began

"""Pin in a real browser: A stays beside B, is read by hovering, and goes with a second press."""

import re

from playwright.sync_api import expect


def test_the_pinned_picture_stays_beside_the_live_one(open_panel):
    notebook = open_panel("Occlusion(net, photo, size=64, stride=16)")
    notebook.page.evaluate("window.jupyterapp.commands.execute('application:toggle-left-area')")
    notebook.wait_for_pixels(0)
    notebook.becomes("print(panel._bar.state)", "done")
    pin = notebook.panel.get_by_role("button", name="Pin")
    pinned = notebook.panel.locator(".cnnviz-pinned")
    for width in (700, 1200, 1900):
        notebook.page.set_viewport_size({"width": width, "height": 1500})
        pixels = notebook.pixels(0)
        pin.click()
        expect(pin).to_have_attribute("aria-pressed", "true")
        expect(pinned).to_have_count(3)
        notebook.kernel("panel.size = 16")
        assert notebook.wait_for_pixels(0, other_than=pixels) != pixels
        expect(notebook.panel.locator(".cnnviz-pinned-settings")).to_have_text("Pinned with size 64 (now 16).")
        canvas = pinned.first.locator("canvas.cnnviz-pixels")
        canvas.hover()
        expect(pinned.first.locator(".cnnviz-readout")).to_have_text(re.compile(r"\d"))
        notebook.becomes("print(panel._bar.state)", "done")
        for theme in ("Light", "Dark"):
            notebook.theme(f"JupyterLab {theme}")
            notebook.page.wait_for_timeout(300)
            notebook.screenshot(f"pinned-{width}-{theme.lower()}", notebook.panel)
        assert notebook.panel.evaluate("e => e.scrollWidth - e.clientWidth") <= 1
        pin.click()
        expect(pinned).to_have_count(0)
        expect(pin).to_have_attribute("aria-pressed", "false")
        now = notebook.pixels(0)
        notebook.kernel("panel.size = 64")
        notebook.wait_for_pixels(0, other_than=now)
        notebook.becomes("print(panel._bar.state)", "done")

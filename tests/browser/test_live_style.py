"""The camera as a painting, on Chromium's fake device."""


def test_the_camera_is_painted_and_the_style_switched_without_a_stop(open_panel):
    notebook = open_panel("LiveStyle(net, photo, size=128)")
    notebook.becomes("print(panel._bar.state)", "done", timeout=120)
    clip = notebook.wait_for_pixels(0)
    notebook.page.get_by_role("button", name="Start camera").click()
    notebook.becomes("print(panel.source, panel._bar.state)", "camera running")
    first = notebook.wait_for_pixels(0, other_than=clip)
    notebook.wait_for_pixels(0, other_than=first)  # the fake camera moves
    notebook.kernel("panel.style = 'watercolor'")
    notebook.becomes("print(panel._parts['painted'].image.content.caption.split(':')[0])", "watercolor")
    assert notebook.state() == "running"
    notebook.page.get_by_role("button", name="Stop camera").click()
    notebook.becomes("print(panel.source, panel._bar.state)", "clip done", timeout=60)

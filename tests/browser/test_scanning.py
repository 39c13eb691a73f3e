"""A list of patches fills while one looks at it, and a click on one of them chooses its picture."""

from playwright.sync_api import expect

TILES = "print(panel.session.scan.step)"


def test_the_button_scans_more_and_a_click_chooses(open_panel):
    notebook = open_panel("Patches(net)")
    notebook.wait_for_pixels(0, timeout=120)
    notebook.becomes(TILES, "32")
    button = notebook.page.get_by_role("button", name="Scan 500 pictures")
    expect(button).to_contain_text("about")
    notebook.screenshot("patches-light")
    before = notebook.pixels(0)
    button.click()
    notebook.wait_for_pixels(0, other_than=before)  # long before all are looked at
    notebook.becomes(TILES, "500", timeout=200)
    expect(button).to_have_attribute("aria-disabled", "true")
    notebook.page.get_by_role("checkbox", name="Projections").check()
    notebook.theme("JupyterLab Dark")
    notebook.page.locator("canvas").first.click(position={"x": 200, "y": 200})
    notebook.becomes("print(len(panel.session.selection), panel.session.image.source is not None)", "1 True")
    notebook.kernel("panel.wait(30)")
    notebook.screenshot("patches-dark")


def test_a_spectrum_shows_its_rows_before_its_ends(open_panel):
    notebook = open_panel("Spectrum(net, steps=16)")
    notebook.wait_for_pixels(0, timeout=120)
    notebook.becomes("print(panel._parts['ends'].image.content.count)", "2")
    notebook.kernel("panel.wait(60)")
    notebook.screenshot("spectrum-light")

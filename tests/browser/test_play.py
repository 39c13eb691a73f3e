"""The films of the documentation: a slider moves between the states, by keys too, and says which is seen."""

import base64

import pytest
from playwright.sync_api import expect

from tools import play

DOCS = play.FILMS.parent


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_film_moves_by_keys(browser, scheme):
    film = next(one for one in play.films() if one["name"] == "06-occlusion")
    picture = base64.b64encode((play.FILMS / film["file"]).read_bytes()).decode()
    figure = play.figure(film).replace(f'src="{film["file"]}"', f'src="data:image/webp;base64,{picture}"')
    page = browser.new_page(viewport={"width": 1200, "height": 700}, color_scheme=scheme)
    page.set_content(f"<style>{(DOCS / 'site.css').read_text()}</style>{figure}")
    page.add_script_tag(content=(DOCS / "play.js").read_text())
    slider, shown = page.get_by_role("slider", name=film["label"]), page.locator(".film > div")
    first = shown.screenshot()
    for key, at in (("ArrowRight", 1), ("End", len(film["states"]) - 1)):
        slider.press(key)
        state = film["states"][at]
        expect(slider).to_have_attribute("aria-valuetext", state["label"])
        expect(page.locator("output")).to_have_text(state["label"])
        expect(page.get_by_role("img", name=state["alt"])).to_be_visible()
        assert shown.screenshot() != first
    slider.press("Home")
    assert shown.screenshot() == first
    box, strip = shown.bounding_box(), page.get_by_role("img").bounding_box()
    assert strip["height"] == pytest.approx(box["height"] * len(film["states"]), rel=0.02)
    page.close()

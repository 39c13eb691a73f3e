"""Strength and "Keep the colors" of a view with a picture before: in the browser alone, and right to the pixel."""

import numpy as np
import pytest

from cnnviz_widgets.drawing.render import Content
from cnnviz_widgets.widgets import ImageView

PHOTO = np.full((64, 64, 3), (180, 120, 90), np.uint8)
PAINTED = np.full((64, 64, 3), (90, 110, 160), np.uint8)
LUMINANCE = np.array([0.299, 0.587, 0.114])  # BT.601


@pytest.fixture
def page(on_page):
    page = on_page(ImageView(Content(PAINTED, before=PHOTO), blend=True, wipe=0))
    page.drawn()
    return page


def seen(page) -> np.ndarray:
    return np.array(page.pixel(0.5, 0.5)[:3])


def set_strength(page, share: float) -> None:
    page.page.get_by_label("Strength").fill(str(share))


def test_strength_goes_from_the_photograph_to_the_painting_without_a_message(page):
    heard = len(page.heard)
    for share in (1, 0.75, 0.25, 0):
        set_strength(page, share)
        np.testing.assert_allclose(seen(page), share * PAINTED[0, 0] + (1 - share) * PHOTO[0, 0], atol=2)
    assert len(page.heard) == heard


def test_the_colors_of_the_photograph_with_the_luminance_of_the_painting(page):
    heard = len(page.heard)
    page.page.get_by_label("Keep the colors").check()
    kept = PHOTO[0, 0] + LUMINANCE @ PAINTED[0, 0] - LUMINANCE @ PHOTO[0, 0]
    np.testing.assert_allclose(seen(page), kept, atol=3)
    set_strength(page, 0.5)
    np.testing.assert_allclose(seen(page), (kept + PHOTO[0, 0]) / 2, atol=3)
    page.page.get_by_label("Keep the colors").uncheck()
    set_strength(page, 1)
    np.testing.assert_allclose(seen(page), PAINTED[0, 0], atol=2)
    assert len(page.heard) == heard


def test_python_may_set_them_and_a_view_without_them_has_no_such_row(page, on_page):
    page.widget.strength = 0.0
    page.until(lambda: np.abs(seen(page) - PHOTO[0, 0]).max() <= 2)
    assert page.page.get_by_label("Strength").input_value() == "0"
    plain = on_page(ImageView(Content(PAINTED, before=PHOTO)))
    plain.drawn()
    assert not plain.page.get_by_label("Strength").is_visible()

"""What a browser is sent of many pictures, and what is refused."""

import io

import numpy as np
import pytest
from PIL import Image

from cnnviz_widgets.errors import UserError
from cnnviz_widgets.widgets.scatter import PAGE, Cloud, Scatter, sheet
from cnnviz_widgets.widgets.tree import close_tree


def test_every_picture_is_in_its_place_on_a_page():
    """Also the first one of the second page, and none is mixed with its neighbors."""
    count, side = (PAGE // 16) ** 2 + 3, 16
    numbers = np.arange(count)
    colors = np.stack([numbers % 7 * 40, numbers // 7 % 7 * 40, numbers % 5 * 60], 1).astype(np.uint8)
    sent = sheet(np.broadcast_to(colors[:, None, None], (count, side, side, 3)))
    assert len(sent["pages"]) == 2
    assert sent["size"] == [side, side]
    pages = [np.asarray(Image.open(io.BytesIO(page))) for page in sent["pages"]]
    assert all(max(page.shape[:2]) <= PAGE for page in pages)
    for number in (0, 1, 255, 256, 40_000, sent["page"] - 1, sent["page"], count - 1):
        page, at = divmod(number, sent["page"])
        row, column = divmod(at, sent["columns"])
        found = pages[page][row * side : (row + 1) * side, column * side : (column + 1) * side]
        assert np.abs(found.astype(int) - colors[number]).max() <= 12, number  # of JPEG


def test_colors_are_those_of_the_most_frequent_classes():
    labels = [f"class {n}" for n in range(12) for _ in range(20 - n)]
    kinds, legend = Cloud(np.zeros((len(labels), 2)), labels=labels).kinds()
    assert legend == [*(f"class {n}" for n in range(7)), "other"]
    assert [legend[kind] for kind in kinds] == [one if int(one[6:]) < 7 else "other" for one in labels]
    kinds, legend = Cloud(np.zeros((9, 2)), labels=list("abcdefgha")).kinds()
    assert legend == list("abcdefgh")
    assert kinds.tolist() == [*range(8), 0]


def test_points_of_many_dimensions_are_in_the_unit_ball():
    points = np.random.default_rng(0).normal(5, 3, (50, 6))
    placed = Cloud(points).placed()
    np.testing.assert_allclose(placed.mean(0), 0, atol=1e-6)
    assert np.linalg.norm(placed, axis=1).max() == pytest.approx(1)
    scale = np.linalg.norm(placed[3] - placed[7]) / np.linalg.norm(points[3] - points[7])
    assert np.linalg.norm(placed[1] - placed[2]) == pytest.approx(scale * np.linalg.norm(points[1] - points[2]))


def test_what_is_chosen_is_kept_as_long_as_it_is_there():
    scatter = Scatter(Cloud(np.zeros((4, 2)), numbers=[3, 5, 7, 9]), picked=5)
    scatter.selection = (5, 9)
    assert np.frombuffer(scatter._selected, np.int32).tolist() == [5, 9]
    scatter.show(Cloud(np.zeros((2, 2)), numbers=[5, 7]))
    assert (scatter.picked, scatter.selection) == (5, (5,))
    scatter._receive(scatter, {"do": "pick", "number": 9}, [])  # of the cloud before, on its way
    scatter._receive(scatter, {"do": "select"}, [np.array([9, 7], np.int32).tobytes()])
    assert (scatter.picked, scatter.selection) == (5, (7,))
    scatter.show(Cloud(np.zeros((2, 2)), numbers=[1, 2]))
    assert (scatter.picked, scatter.selection) == (None, ())
    close_tree(scatter)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"points": np.zeros(4)}, r"points must be finite numbers \(N, D\), D from 2 to 64, not \(4,\)"),
        ({"points": np.zeros((4, 65))}, "not (4, 65)"),
        ({"points": [[0, np.nan]]}, "points must be finite"),
        ({"points": np.zeros((4, 2)), "names": ["a"]}, "names must be one for each of 4 points, not 1"),
        ({"points": np.zeros((4, 2)), "numbers": [1, 2]}, "numbers must be one for each of 4 points, not 2"),
        ({"points": np.zeros((4, 3)), "axes": ["x"]}, "axes must be 3 names, one a dimension, not 1"),
    ],
)
def test_what_it_refuses(wrong, sentence):
    with pytest.raises(UserError, match=sentence.replace("(4, 65)", r"\(4, 65\)")):
        Cloud(**wrong)

import pytest
import torch

from cnnviz_widgets.exercises import check_occlusion, check_positions
from cnnviz_widgets.methods.occlusion.occlusion import positions


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (24 * 18, "you left out the + 1"),
        (19, "this is one side"),
        ((224 // 8) * (176 // 8), "you forgot − size"),
        ((224 // 8 + 1) * (176 // 8 + 1), "you forgot − size"),
        (7 * 5, "fit side by side"),
        (193 * 145, "every pixel at which the square fits"),
        (25 * 19 + 1, "nothing covered"),
        (400, "up to H − size"),
        ((25, 19), "one number"),
    ],
)
def test_wrong_number_of_positions(answer, says):
    feedback = check_positions(answer, (176, 224), 32, 8)
    assert feedback.right is False
    assert says in feedback.text


@pytest.mark.parametrize("extent", [(128, 128), (176, 224), (227, 227), (299, 64), (32, 32)])
def test_right_number_of_positions(extent):
    count = len(positions(extent[0], 32, 8)) * len(positions(extent[1], 32, 8))
    assert [answer for answer in range(count + 40) if check_positions(answer, extent, 32, 8)] == [count]
    assert check_positions(None, extent, 32, 8).right is None


def test_one_side_for_both():
    assert "the picture is not square" in check_positions(19 * 19, (176, 224), 32, 8).text
    assert "the picture is not square" in check_positions(25 * 25, (176, 224), 32, 8).text


def test_last_square_flush_with_the_border():
    assert "flush with it" in check_positions(25 * 25, (227, 227), 32, 8).text


def slide(
    *,
    fill=0.5,
    clone=True,
    last=1,
    step=None,
    down=0,
    across=0,
    red=slice(None),
    first=0,
    give=lambda scores, p: scores,
):
    """A solution of task 2, and its usual mistakes."""

    def my_occlusion(score, picture, size, stride):
        height, width = picture.shape[1:]
        covered, scores = picture.clone(), []
        for top in range(0, height - size + last, step or stride):
            scores.append([])
            for left in range(0, width - size + last, step or stride):
                covered = picture.clone() if clone else covered
                square = red, slice(top, top + size + down), slice(left, left + size + across)
                covered[square[first:]] = fill
                scores[-1].append(score(covered))
        return give(torch.tensor(scores), score(picture))

    return my_occlusion


def in_place(score, picture, size, stride):
    """Right numbers, but the square stays in the student's picture."""
    scores = slide()(score, picture, size, stride)
    picture[:] = 0.5
    return scores


def columns_first(score, picture, size, stride):
    scores = slide()(score, picture, size, stride)
    return scores.T.reshape(scores.shape)


OCCLUSIONS = {
    "the squares add up": slide(clone=False),
    "the square is black": slide(fill=0),
    "the square is white": slide(fill=1),
    "how much of the score is lost": slide(give=lambda scores, nothing: nothing - scores),
    "how much the score has changed": slide(give=lambda scores, nothing: scores - nothing),
    "colors and rows are sliced": slide(first=1),
    "rows and columns are swapped": slide(give=lambda scores, _: scores.T),
    "one long row": slide(give=lambda scores, _: scores.flatten()),
    "the last position is left out": slide(last=0),
    "the stride is ignored": slide(step=1),
    "the square must stay inside": slide(last=3),
    "of one pixel": slide(down=-2, across=-2),
    "one pixel too large": slide(down=1, across=1),
    "only one color": slide(red=0),
    "nothing is covered": slide(give=lambda scores, nothing: torch.full_like(scores, nothing)),
    "in another order": columns_first,
    "covered itself": in_place,
    "some scores are off": slide(fill=127 / 255),
    "`score` is called with something else": lambda score, picture, size, stride: score(picture[None]),
    "cannot be read as numbers: it is `{}`": lambda *_: {},
    "the code stopped with `TypeError": lambda picture, size: None,
}


@pytest.mark.parametrize("says", OCCLUSIONS)
def test_wrong_occlusion(says):
    feedback = check_occlusion(OCCLUSIONS[says])
    assert feedback.right is False
    assert says in feedback.text


def test_right_and_missing_occlusion():
    assert check_occlusion(slide())
    assert check_occlusion(slide(give=lambda scores, _: scores.tolist()))
    assert check_occlusion(lambda *_: None).right is None
    assert check_occlusion(None).right is None

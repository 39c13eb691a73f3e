"""Chapter 06: cover, and see what is left."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from cnnviz_widgets.exercises.feedback import NotYet, Wrong, check, given, number, refute, tensor
from cnnviz_widgets.exercises.question import Question
from cnnviz_widgets.methods.occlusion.occlusion import positions


@check
def check_positions(answer: Any, extent: tuple[int, int], size: int, stride: int) -> str:
    """answer: the number of positions of a square of ``size`` px in a picture (height, width), every ``stride`` px."""
    given(answer, "put the number of positions in `answer`.")
    height, width = extent
    rows, columns = len(positions(height, size, stride)), len(positions(width, size, stride))
    steps_down, steps_across = (height - size) // stride, (width - size) // stride
    mistakes = {
        "the count of positions along a side is (H − size) // stride + 1: you left out the + 1, the square at the "
        "very start.": steps_down * steps_across,
        f"this is one side: for each of the {rows} rows there are {columns} columns.": rows,
        "the square must stay inside the picture, so it can only begin in the first H − size pixels: you forgot "
        "− size.": (height // stride) * (width // stride),
        "the square must stay inside the picture: you forgot − size.": (height // stride + 1) * (width // stride + 1),
        "the picture is not square: count each side by itself.": rows**2,
        "the picture is not square, count each side by itself.": columns**2,
        "this is how many squares fit side by side; they overlap, because the stride is smaller.": (height // size)
        * (width // size),
        "this is every pixel at which the square fits: it moves in steps of the stride.": (height - size + 1)
        * (width - size + 1),
        "the picture with nothing covered needs a pass, too, but it is no position of the square.": rows * columns + 1,
        "the steps do not end at the border here: there is one more position, flush with it.": (steps_down + 1)
        * (steps_across + 1),
    }
    if refute(number(answer), rows * columns, mistakes):
        return f"{rows} × {columns} positions, so as many forward passes: half the stride costs four times the time."
    raise Wrong(
        "along one side, count the starting points 0, stride, 2 · stride, … up to H − size; then multiply the sides."
    )


@check
def check_occlusion(function: Callable[[Callable[[Tensor], float], Tensor, int, int], Tensor]) -> str:
    """function(score, picture, size, stride): (rows, columns), the score with a square of 0.5 at each position."""
    given(function, "write the function `my_occlusion`.")
    draw = torch.Generator().manual_seed(4)
    picture, weights = torch.rand(3, 9, 13, generator=draw), torch.randn(3, 9, 13, generator=draw)
    untouched = picture.clone()

    def score(picture: Tensor) -> float:
        """A network that can be understood: a weighted sum."""
        if not isinstance(picture, Tensor) or picture.shape != weights.shape:
            raise Wrong("`score` is called with something else than one picture of the shape of `picture`.")
        return float((picture * weights).sum())

    def slide(
        stride: int = 2, *, fill: float = 0.5, extra: int = 0, colors: int = 3, first: int = 0, clone: bool = True
    ) -> Tensor:
        """The experiment, and what becomes of it with a usual mistake."""
        size = 3
        covered, scores = untouched.clone(), []
        for top in range(0, 9 - size + 1, stride):
            for left in range(0, 13 - size + 1, stride):
                covered = untouched.clone() if clone else covered
                square = slice(colors), slice(top, top + size + extra), slice(left, left + size + extra)
                covered[square[first:]] = fill
                scores.append(score(covered))
        return torch.tensor(scores).double().view((9 - size) // stride + 1, -1)

    answer = function(score, picture, 3, 2)
    if answer is None:
        raise NotYet("`my_occlusion` returns nothing: let it return the scores as a tensor (rows, columns).")
    right = slide()
    rows, columns = right.shape
    shapes = {
        (columns, rows): "rows and columns are swapped",
        (rows * columns,): "this is one long row, `view` it as (rows, columns)",
        (rows - 1, columns - 1): "the last position is left out, `range` ends before its end: write H − size + 1",
        tuple(slide(stride=1).shape): "the stride is ignored",
        (5, 7): "the square must stay inside the picture, so stop at H − size",
    }
    values = tensor(answer, tuple(right.shape), "what `my_occlusion` returns", shapes)
    nothing = score(untouched)
    mistakes = {
        "the squares add up: every position must begin with a fresh copy of the picture, `picture.clone()`.": slide(
            clone=False
        ),
        "the square is black (0); gray (0.5) is asked for.": slide(fill=0.0),
        "the square is white (1); gray (0.5) is asked for.": slide(fill=1.0),
        "this is how much of the score is lost; the score itself is asked for.": nothing - right,
        "this is how much the score has changed; the score itself is asked for.": right - nothing,
        "the square is of one pixel: cover `size` pixels, `top : top + size`.": slide(extra=-2),
        "the square is one pixel too large: a slice ends before its end.": slide(extra=1),
        "only one color is covered: write `[:, top : top + size, left : left + size]`.": slide(colors=1),
        "the picture is (colors, rows, columns), and colors and rows are sliced: write `[:, top : top + size, left : "
        "left + size]`.": slide(first=1),
        "the scores are in another order: let the outer loop go down the rows.": right.T.reshape(right.shape),
        "nothing is covered when the score is taken.": torch.full_like(right, nothing),
    }
    if not refute(values, right, mistakes):
        raise Wrong(
            "some scores are off: does the square begin at (row · stride, column · stride), is it `size` wide, and 0.5 "
            "all over?"
        )
    if not torch.equal(picture, untouched):
        raise Wrong("the scores are right, but the picture that was given is now covered itself: work on a copy.")
    return "A handful of lines, and you have Zeiler and Fergus's experiment."


def ask_zero() -> Question:
    """What a 0 in an occlusion map allows one to say."""
    return Question(
        "The map of some network on some cat is 0 at the left ear. A friend says: “So the network does not use ears.” "
        "What do you answer?",
        {
            "a": (
                "You are right.",
                "that does not follow. If each of two places is enough alone, covering one of them changes nothing.",
            ),
            "b": (
                "Not so fast: the ear may be used, and the rest may have been enough.",
                "The rest was evidence enough, or the probability was so near 1 that it did not move. Cover both ears "
                "at once, take a larger square, or look at the score before the softmax (`score='logit'`).",
            ),
            "c": (
                "No, it means that the ear is evidence against the cat.",
                "such evidence would show as a gain: covering it would make the probability rise.",
            ),
            "d": (
                "The stride was too large; with a smaller one it would not be 0 there.",
                "a smaller stride gives more positions, but the square at this one is the same, and so is its result.",
            ),
        },
        right="b",
    )


def ask_two_maps() -> Question:
    """Why a feature map can drop to 0 under the square, and the class stay."""
    return Question(
        "In the paper's photograph of a car, the strongest feature map responds to the writing on the car. With the "
        "square on the writing, (b) goes dark, but (d) does not: the probability of “car wheel” stays, and only falls "
        "when the square hides a wheel. How can that be?",
        {
            "a": (
                "It cannot: if the strongest map drops, the class must drop as well.",
                "a sum of activations and a probability are two measurements; nothing forces them to move together.",
            ),
            "b": (
                "The strongest map is the one that the class depends on most, so there is a mistake in (d).",
                "the map was chosen because it responds most to this picture, not because the class uses it.",
            ),
            "c": (
                "The map responds strongly, but the class is read from other maps.",
                "The class is read from all feature maps of the layer, and the strongest of them need not be one that "
                "the class has a great weight on. Chapter 09 shows how maps and classes are related.",
            ),
            "d": (
                "The probability is so near to 1 that it cannot move.",
                "if the probability were stuck at 1, no place would lower it; but in (d) the wheels do.",
            ),
        },
        right="c",
    )

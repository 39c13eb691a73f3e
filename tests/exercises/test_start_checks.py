import pytest

from cnnviz_widgets import last, occlusion
from cnnviz_widgets.exercises import check_top_class, check_weak_spot


@pytest.mark.parametrize(
    ("answer", "right", "says"),
    [
        (None, None, "ask `net.predict"),
        ("left lamp", True, "The network gives it"),
        ("LEFT", True, "The network gives it"),
        ("right lamp", False, "choice number"),
        ("lamp", False, "could be any of"),
        ("toaster", False, "no class is called"),
        (0.93, False, "this is a probability"),
        (0, False, "`net.classes[number]`"),
        (("left lamp", 0.93), False, "the name alone"),
    ],
)
def test_top_class(network, photo, answer, right, says):
    feedback = check_top_class(answer, network, photo)
    assert feedback.right is right
    assert says in feedback.text


def test_weak_spot(network, photo):
    def feedback(answer):
        return check_weak_spot(answer, network, photo, size=8, stride=4)

    assert feedback((12, 36))
    assert "falls from" in feedback((12, 36)).text
    for answer, says in {
        (36, 12): "swapped",
        (12, 10): "does not harm the class at all",
        (50, 10): "there is a place where it leaves",
        (22, 36): "does not harm",
        (12, 300): "outside: the network sees the picture at 64 × 48",
        (-1, 3): "outside",
        12: "whole numbers (x, y)",
        (12.5, 36): "whole numbers (x, y)",
    }.items():
        assert feedback(answer).right is False, answer
        assert says in feedback(answer).text
    assert feedback(None).right is None


def test_weak_spot_accepts_only_what_costs_most(network, photo):
    """Brute force over all places: right exactly where at least 90% of the greatest loss is."""
    state = last(occlusion(network, photo, size=8, stride=8), progress=False)
    loss = state.baseline - state.values
    for row, top in enumerate(state.tops):
        for column, left in enumerate(state.lefts):
            feedback = check_weak_spot((left + 4, top + 4), network, photo, size=8, stride=8)
            assert bool(feedback) == bool(loss[row, column] >= 0.9 * loss.max())

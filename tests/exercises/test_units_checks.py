import pytest

import cnnviz_widgets as cnnviz
from cnnviz_widgets.exercises import check_blocked, check_dictionary, check_evidence, check_suppression
from cnnviz_widgets.exercises.units import _overlap, _suppressed


def suppress(values, boxes, k, *, most=0.5, smaller=False, least_first=False, skipped=False, higher_first=False):
    """A solution of task 1, and its usual mistakes."""
    kept, before = [], []
    order = sorted(
        range(len(values)), key=lambda at: (values[at] * (1 if least_first else -1), at * (1 - 2 * higher_first))
    )
    for at in order:
        if all(_overlap(boxes[at], boxes[one], smaller) <= most for one in (before if skipped else kept)):
            kept.append(at)
        before.append(at)
    return kept[:k]


WRONG = {
    "boxes that overlap are still there": {"most": 1},
    "any overlap counts": {"most": 0},
    "exactly half was skipped": {"most": 0.49},
    "divided by the area of one box": {"smaller": True},
    "the greatest comes first": {"least_first": True},
    "also with those that were skipped": {"skipped": True},
    "the higher index came first": {"higher_first": True},
}


@pytest.mark.parametrize("says", WRONG)
def test_wrong_suppression(says):
    feedback = check_suppression(lambda *given: suppress(*given, **WRONG[says]))
    assert feedback.right is False
    assert says in feedback.text


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda values, boxes, k: 3, "a list of indices is asked for, not a int"),
        (lambda values, boxes, k: suppress(values, boxes, 12), "at most 3 are asked for"),
        (lambda values, boxes, k: sorted(suppress(values, boxes, k)), "in another order"),
        (lambda values, boxes, k: [7], "are kept, not [7]"),
    ],
)
def test_other_wrong_answers(wrong, says):
    feedback = check_suppression(wrong)
    assert feedback.right is False
    assert says in feedback.text


def test_right_and_missing():
    assert check_suppression(suppress)
    assert check_suppression(None).right is None
    assert check_suppression(lambda *given: None).right is None
    assert check_suppression(lambda *given: []).right is None
    assert _suppressed(12)[:2] == [0, 2]


@pytest.fixture(scope="module")
def scenes():
    return cnnviz.scenes(60)


@pytest.fixture(scope="module")
def scan(scenes):
    return cnnviz.last(cnnviz.scan("mini", scenes, "conv4"), progress=False)


def test_evidence(scan, scenes):
    colors = [scenes[one.number].color for one in scan.examples("conv4", 9)]
    share = sum(one in ("red", "orange") for one in colors) / 9
    assert check_evidence(share, scan, scenes)
    for wrong, says in (
        (9 * share, "number of scenes"),
        (100 * share, "percentage"),
        (colors.count("red") / 9, "only red"),
        (sum(one.color in ("red", "orange") for one in scenes) / 60, "among all scenes"),
        (0.123, "count the scenes"),
    ):
        feedback = check_evidence(wrong, scan, scenes)
        assert feedback.right is False
        assert says in feedback.text
    assert check_evidence(None, scan, scenes).right is None


def test_blocked(scan):
    positive = float(scan.statistics("conv4").positive[9])
    assert check_blocked(1 - positive, scan)
    assert check_blocked(1 - scan.statistics("conv4").positive[9], scan)
    for wrong, says in ((positive, "above 0"), (100 - 100 * positive, "percentage"), (7, "all the rest is blocked")):
        feedback = check_blocked(wrong, scan)
        assert feedback.right is False
        assert says in feedback.text
    assert check_blocked(None, scan).right is None


def test_dictionary():
    network, photo = cnnviz.load_network("mini"), cnnviz.load_image("chelsea")
    maps = network.activations(photo, "conv5")["conv5"]
    assert check_dictionary(maps[:, 4, 2].argmax(), network, photo)
    assert check_dictionary(None, network, photo).right is None
    for wrong, says in (
        (maps.amax((1, 2)).argmax(), "anywhere"),
        (maps[:, 2, 4].argmax(), "swapped"),
        (maps.mean((1, 2)).argmax(), "greatest mean"),
        (maps[:, 4, 2].argmin(), "weakest"),
        (maps[:, 4, 2].argmax() + 1, "from 0"),
        (0, "which of them is the greatest"),
    ):
        feedback = check_dictionary(wrong, network, photo)
        assert feedback.right is False
        assert says in feedback.text

"""Chapter 05: what excites a unit."""

from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor

from cnnviz_widgets.exercises.feedback import Wrong, check, given, number, refute, whole_numbers
from cnnviz_widgets.exercises.question import Question
from cnnviz_widgets.methods.activations.activations import activations
from cnnviz_widgets.methods.scan.scan import Scan
from cnnviz_widgets.networks import Network
from cnnviz_widgets.pictures import Scenes

LAYER, CHANNEL, COLORS = "conv4", 9, ("red", "orange")
Box = tuple[int, int, int, int]

# Of the same values each mistake keeps other boxes.
BOXES: list[Box] = [
    (0, 0, 10, 10),
    (1, 0, 11, 10),  # overlaps 0 by 0.82
    (5, 0, 15, 10),  # overlaps 0 by 1/3: half of its own area
    (20, 0, 30, 10),
    (20, 0, 24, 5),  # lies in 3, of which it is a fifth
    (40, 0, 50, 10),
    (40, 5, 50, 10),  # overlaps 5 by exactly half
    (2, 0, 12, 10),  # overlaps 0 and 2
    (60, 0, 70, 10),
    (80, 0, 90, 10),
    (83, 0, 93, 10),  # overlaps 9 by 0.54
    (86, 0, 96, 10),  # overlaps 10, which is skipped, by 0.54
]
VALUES = [5.0, 4.5, 4.0, -1.0, 3.0, 2.0, 1.5, 1.0, 2.0, 0.9, 0.8, 0.7]


@check
def check_suppression(suppress: Callable[[list[float], list[Box], int], Sequence[int]]) -> str:
    """suppress(values, boxes, k): indices of at most k boxes, the greatest first, none overlapping another by > 0.5."""
    given(suppress, "write the function `suppress`.")
    for k in (12, 3, 1):
        answer = suppress([*VALUES], [*BOXES], k)
        given(answer, "`suppress` returns nothing: let it return a list of indices.")
        kept = _indices(answer)
        given(kept or None, "the list is empty: the greatest value is always kept.")
        right = _suppressed(k)
        if kept == right:
            continue
        greatest = sorted(range(len(VALUES)), key=lambda at: (-VALUES[at], at))[:k]
        mistakes = {
            "boxes that overlap are still there: skip a box that overlaps one that was kept.": greatest,
            "any overlap counts: skip a box only if the overlap is more than half.": _suppressed(k, most=0),
            "a box that overlaps by exactly half was skipped: only more than half is too much.": _suppressed(
                k, most=0.49
            ),
            "the intersection is divided by the area of one box: divide it by the area of the union.": _suppressed(
                k, smaller=True
            ),
            "this begins with the least value: the greatest comes first.": _suppressed(k, sign=-1),
            "boxes are compared with all that come before, also with those that were skipped.": _suppressed(
                k, skipped=True
            ),
            "of equal values the higher index came first.": _suppressed(k, later=True),
        }
        for sentence, wrong in mistakes.items():
            if kept == wrong:
                raise Wrong(sentence)
        if len(kept) > k:
            raise Wrong(f"{len(kept)} are kept, and at most {k} are asked for.")
        if sorted(kept) == sorted(right):
            raise Wrong("the right boxes, in another order: the greatest value comes first.")
        raise Wrong(f"of the boxes {BOXES} with the values {VALUES} and k = {k}, {right} are kept, not {kept}.")
    return "At most one patch for each thing: this is how lists of patches are made."


def _indices(answer: Any) -> list[int]:
    try:
        return [int(one) for one in answer]
    except (TypeError, ValueError):
        raise Wrong(f"a list of indices is asked for, not a {type(answer).__name__}.") from None


def _suppressed(
    k: int, most: float = 0.5, *, smaller: bool = False, sign: int = 1, skipped: bool = False, later: bool = False
) -> list[int]:
    kept: list[int] = []
    before: list[int] = []
    for at in sorted(range(len(VALUES)), key=lambda at: (-sign * VALUES[at], -at if later else at)):
        if len(kept) < k and all(
            _overlap(BOXES[at], BOXES[one], smaller) <= most for one in (before if skipped else kept)
        ):
            kept.append(at)
        before.append(at)
    return kept


def _area(box: Box) -> int:
    return max(0, box[2] - box[0]) * max(0, box[3] - box[1])


def _overlap(one: Box, other: Box, smaller: bool) -> float:
    """Intersection over union, or over the smaller box."""
    both = _area((max(one[0], other[0]), max(one[1], other[1]), min(one[2], other[2]), min(one[3], other[3])))
    areas = _area(one), _area(other)
    return both / (min(areas) if smaller else sum(areas) - both)


@check
def check_evidence(answer: Any, scan: Scan, pictures: Scenes, layer: str = LAYER) -> str:
    """answer: the share of the scenes in the unit's list that are red or orange."""
    given(answer, "put the share, a number from 0 to 1, in `answer`.")

    def share(listed: Sequence[Any], colors: Sequence[str] = COLORS) -> float:
        return sum(pictures[one.number].color in colors for one in listed) / len(listed)

    listed = scan.examples(layer, CHANNEL)
    right = share(listed)
    mistakes = {
        "this is the number of scenes: divide it by how many are listed.": right * len(listed),
        "this is a percentage: give the share, from 0 to 1.": 100 * right,
        "this is the share of the other colors.": 1 - right,
        "only red was counted.": share(listed, COLORS[:1]),
        "only orange was counted.": share(listed, COLORS[1:]),
        "this is the share among all scenes: take those in the list of the unit.": sum(
            scene.color in COLORS for scene in pictures
        )
        / len(pictures),
        "these are the scenes that excite it least.": share(scan.examples(layer, CHANNEL, "bottom")),
    }
    if refute(number(answer), right, mistakes):
        return f"{right:.0%}, where chance gives 25%. That supports the name; it does not yet say what else it likes."
    raise Wrong("count the scenes of `scan.examples` whose color is red or orange, and divide by their number.")


@check
def check_blocked(answer: Any, scan: Scan, layer: str = LAYER) -> str:
    """answer: the share of the positions at which a channel is at most 0."""
    given(answer, "put the share, a number from 0 to 1, in `answer`.")
    statistics = scan.statistics(layer)
    positive = float(statistics.positive[CHANNEL])
    mistakes = {
        "this is the share that is above 0, which the ReLU passes on.": positive,
        "this is a percentage: give the share, from 0 to 1.": 100 * (1 - positive),
        "this is the mean over all channels: take channel 9.": 1 - float(statistics.positive.mean()),
        "this is the mean activation, not a share.": float(statistics.mean[CHANNEL]),
    }
    if refute(number(answer), 1 - positive, mistakes):
        return f"At {1 - positive:.0%} of the positions that were drawn, the ReLU makes 0 of it."
    raise Wrong("`positive` is the share above 0; all the rest is blocked.")


@check
def check_dictionary(answer: Any, network: Network, photo: Tensor, layer: str = "conv5") -> str:
    """answer: the channel that is strongest half the way down and a quarter of the way to the right."""
    given(answer, "put the number of the channel in `answer`.")
    (channel,) = whole_numbers([answer], ("channel",))
    maps = activations(network, photo, layer).values
    row, column = maps.shape[1] // 2, maps.shape[2] // 4
    mistakes = {
        "this is the channel with the greatest activation anywhere: look at this one position.": int(
            maps.amax((1, 2)).argmax()
        ),
        "rows and columns are swapped: the row comes first.": int(maps[:, column, row].argmax()),
        "this is the channel with the greatest mean: look at this one position.": int(maps.mean((1, 2)).argmax()),
        "this is the weakest channel there: the greatest activation is asked for.": int(maps[:, row, column].argmin()),
        "this counts from 1: channels are counted from 0.": int(maps[:, row, column].argmax()) + 1,
    }
    if refute(channel, int(maps[:, row, column].argmax()), mistakes):
        return "That is one word of the dictionary; the panel looks it up for every position."
    raise Wrong(f"`maps[:, {row}, {column}]` has a number for each channel: which of them is the greatest?")


def ask_dictionary() -> Question:
    """What does a semantic dictionary show of a network?"""
    return Question(
        "At the eye of the cat, the dictionary shows a picture that looks like an eye. What does that show?",
        {
            "a": (
                "The network has recognized an eye, and will say “cat” because of it.",
                "an activation is not yet a reason: whether the score depends on it is another test.",
            ),
            "b": (
                "One channel is more active there than the others, and round, dark things on light ground excite it.",
                "That is all that is seen: a name for it needs patches for and against, and a test that could fail.",
            ),
            "c": (
                "The picture was cut out of the photograph.",
                "it was drawn before the photograph was seen, by gradient ascent on the channel alone.",
            ),
            "d": (
                "No other channel is active there.",
                "only the strongest one is drawn. Point there: the next ones may be nearly as active.",
            ),
        },
        "b",
    )


def ask_name() -> Question:
    """Which name fits the evidence: head detector, or snout detector?"""
    return Question(
        "All nine patches of a unit show heads of dogs. With the ears and eyes covered, its activation falls by 5%; "
        "with the snout covered, by 80%. Which name does the evidence support, and what would you look at next?",
        {
            "a": (
                "“Dog detector”: all the patches are of dogs.",
                "dogs' heads are where snouts are: the patches alone cannot tell these apart, and the covering did.",
            ),
            "b": (
                "“Head detector”: each patch shows a whole head.",
                "a field shows more than what counts in it. Without ears and eyes, the unit is nearly as active.",
            ),
            "c": (
                "“Snout detector”; next, things that are like a snout and are none, such as a black button.",
                "The name that survives both tests, and the next test is one that it could fail.",
            ),
            "d": (
                "None: a single unit never has a meaning.",
                "some have none, or several. But this one was tested, and it responds to something in particular.",
            ),
        },
        "c",
    )

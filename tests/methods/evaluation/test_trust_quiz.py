"""The quiz: truth by construction, an ideal observer, guesses inside their interval, sides that swap the answers."""

import random
from collections import Counter
from dataclasses import replace

import pytest
import torch

import cnnviz_widgets as cnnviz
from cnnviz_widgets.engine.counts import Counted
from cnnviz_widgets.methods.evaluation.trust_quiz import composite

WAYS = {"saliency": cnnviz.saliency, "Grad-CAM": cnnviz.grad_cam}


@pytest.fixture(scope="module")
def mini():
    return cnnviz.load_network("mini")


@pytest.fixture(scope="module")
def quiz(mini):
    return cnnviz.trust_quiz(mini, methods=WAYS, trials=6, comparisons=4, seed=3)


def of(quiz, asks):
    return [one for one in quiz.trials if one.asks == asks]


@pytest.mark.parametrize("answers", [2, 3, 4])
def test_a_composite_holds_each_picture_in_its_box(answers):
    """Pictures of one color each keep it; boxes do not overlap, and outside of them there is only gray."""
    colors = torch.rand(answers, 3, generator=torch.Generator().manual_seed(0))
    whole, boxes = composite([color[:, None, None].expand(3, 30, 41) for color in colors])
    rest = torch.ones(30, 41)
    for color, (left, top, right, bottom) in zip(colors, boxes, strict=True):
        assert (right - left, bottom - top) == (20, 15)
        torch.testing.assert_close(whole[:, top:bottom, left:right], color[:, None, None].expand(3, 15, 20))
        rest[top:bottom, left:right] -= 1
    assert set(rest.unique().tolist()) == {0, 1}
    assert (whole[:, rest == 1] == 0.5).all()


@pytest.mark.parametrize("answers", [2, 3, 4])
def test_the_ideal_observer_scores_the_pointing_game(mini, answers):
    """In its version with mass: of a map that is in each box as high as the mass there, the maximum is pointed at."""
    quiz = cnnviz.trust_quiz(mini, methods=WAYS, answers=answers, trials=4, comparisons=0)
    result = quiz.score(quiz.ideal())
    for name, way in WAYS.items():
        asked = [one for one in quiz.trials if one.method == name]
        examples = [(one.picture, one.of, [one.boxes[one.right]]) for one in asked]
        boxes = iter([one.boxes for one in asked])

        def flat(network, image, target, way=way, boxes=boxes):
            values = way(network, image, target).values.abs().double()
            steps = torch.zeros_like(values)
            for left, top, right, bottom in next(boxes):
                steps[top:bottom, left:right] = values[top:bottom, left:right].sum()
            return steps

        assert result.accuracy[name].hits == cnnviz.pointing_game(flat, mini, examples, tolerance=0).hits
    assert result.accuracy["Grad-CAM"].share > result.chance == 1 / answers


def test_classes_and_maps_are_those_that_are_said(mini, quiz):
    every = cnnviz.samples()
    photos = {every.classes(name)[0]: name for name in every if len(every.classes(name)) == 1}
    for one in of(quiz, "class"):
        assert one.choices[one.right] == one.of
        (shown,) = one.shown
        assert torch.equal(shown.values, WAYS[one.method](mini, one.picture, one.of).values)
        for name, (left, top, right, bottom) in zip(one.choices, one.boxes, strict=True):
            wanted = mini.prepare(cnnviz.load_image(photos[name]))
            small = torch.nn.functional.interpolate(wanted, (64, 64), mode="bilinear", antialias=True)[0].clamp(0, 1)
            torch.testing.assert_close(one.picture[:, top:bottom, left:right], small)
    for one in of(quiz, "networks"):
        for name, shown in zip(one.sides, one.shown, strict=True):
            network = cnnviz.load_network(name)
            assert network.predict(one.picture, 1)[0].name == one.of
            assert torch.equal(shown.values, WAYS[one.method](network, one.picture, one.of).values)


def test_methods_and_sides_are_balanced(quiz):
    """Each method has the same composites and comparisons, and as many with the answer on each side."""
    asked = {name: [one for one in quiz.trials if one.method == name] for name in WAYS}
    for name in WAYS:
        assert Counter(one.right for one in asked[name] if one.asks == "class") == {0: 3, 1: 3}
        assert Counter(one.swapped for one in asked[name] if one.asks == "networks") == {False: 2, True: 2}
    one, other = ({(one.asks, one.of, frozenset(one.choices)) for one in asked[name]} for name in WAYS)
    assert one == other
    assert [one.asks for one in quiz.trials] == ["class"] * 12 + ["networks"] * 8


def test_two_checkpoints_of_one_training_are_compared():
    """At pictures that both get right; each map is that of the checkpoint whose name stands at its side."""
    *states, late = cnnviz.train_live(classes=3, each=16, batch=12, epochs=6)
    early, shown = states[2 * late.each], {}
    for picture, number in zip(late.pictures / 255, late.truth.tolist(), strict=True):
        if all(one.network.predict(picture, 1)[0].index == number for one in (early, late)):
            shown[late.classes[number]] = picture
    how = dict(methods={"saliency": cnnviz.saliency}, trials=1, comparisons=2, rivals=(early, late))
    quiz = cnnviz.trust_quiz(late.network, shown, **how)
    by_name = {f"step {one.step}": one.network for one in (early, late)}
    for one in of(quiz, "networks"):
        for name, result in zip(one.sides, one.shown, strict=True):
            assert torch.equal(result.values, cnnviz.saliency(by_name[name], one.picture, one.of).values)
    assert quiz.trials[-1].networks == (f"step {early.step}", f"step {late.step}")


def test_the_bundled_checkpoints_differ_in_accuracy_and_are_both_right(mini):
    """At five pictures at least, so that a quiz does not repeat itself."""
    quiz = cnnviz.trust_quiz(mini, methods={"saliency": cnnviz.saliency}, trials=1, comparisons=8)
    late, early = (cnnviz.load_network(name) for name in quiz.trials[-1].networks)
    assert [(k, v.shape) for k, v in early.module.state_dict().items()] == [
        (k, v.shape) for k, v in late.module.state_dict().items()
    ]
    asked = {one.of: one.picture for one in of(quiz, "networks")}
    assert len(asked) >= 5
    for name, picture in asked.items():
        assert early.predict(picture, 1)[0].name == late.predict(picture, 1)[0].name == name


def test_swapped_sides_swap_the_answers(quiz):
    for one in of(quiz, "class"):
        mirrored = replace(one, choices=one.choices[::-1], boxes=one.boxes[::-1], right=1 - one.right)
        for choice in (0, 1):
            assert one.answered(choice, 1.0) == mirrored.answered(1 - choice, 1.0)
        assert int(one.mass.argmax()) == 1 - int(mirrored.mass.argmax())
    for one in of(quiz, "networks"):
        other = replace(one, shown=one.shown[::-1], swapped=not one.swapped)
        for choice in range(5):
            assert one.answered(choice, 1.0) == other.answered(4 - choice, 1.0)
        liked = 0 if one.sides[0] == one.networks[0] else 4  # "much more", of the first network
        assert one.answered(liked, 1.0).value == 2


@pytest.mark.parametrize(("answers", "trials"), [(2, 40), (4, 60)])
def test_guesses_lie_inside_the_interval_of_chance(answers, trials):
    """Somebody who guesses, 2,000 times: chance is in the interval in 95 ± 2 % of them."""
    drawn = random.Random(0)
    blank = cnnviz.QuizTrial("class", "map", torch.zeros(3, 4, 4), "a", (), tuple("abcd"[:answers]), 0)
    quiz = cnnviz.Quiz((blank,) * trials, blank)
    inside = 0
    for _ in range(2000):
        result = quiz.score([drawn.randrange(answers) for _ in range(trials)])
        low, high = result.accuracy["map"].interval
        inside += low <= result.chance <= high
    assert result.chance == 1 / answers
    assert 0.93 <= inside / 2000 <= 0.97


@pytest.mark.parametrize("hits", [0, 1, 8, 10])
def test_wilson_is_where_the_test_of_the_share_turns(hits):
    """The closed form solves |p̂ − p| = z √(p (1 − p) / n), without its formula; for 8 of 10 it is 0.490…0.943."""
    z, total = 1.959963984540054, 10
    interval = Counted(hits, total).interval
    for end in interval:
        assert (hits / total - end) ** 2 == pytest.approx(z * z * end * (1 - end) / total, abs=1e-12)
    assert interval[0] - 1e-12 <= hits / total <= interval[1] + 1e-12
    if hits == 8:
        assert [round(end, 3) for end in interval] == [0.490, 0.943]


def test_answers_are_kept_and_merged(quiz, tmp_path):
    drawn = random.Random(1)
    paths, results = [tmp_path / "one.json", tmp_path / "two.json"], []
    for path, known in zip(paths, (True, False), strict=True):
        choices = [drawn.randrange(len(one.choices)) for one in quiz.trials]
        results.append(quiz.score(choices, [drawn.uniform(1, 9) for _ in choices] if known else None))
        results[-1].save(path)
    merged = cnnviz.merge_quizzes(paths)
    assert repr(merged.answers) == repr(results[0].answers + results[1].answers)  # NaN is not equal to itself
    assert merged.table == cnnviz.merge_quizzes(results).table
    for name in WAYS:
        assert merged.accuracy[name].hits == sum(one.accuracy[name].hits for one in results)
        assert merged.accuracy[name].total == 12
        assert merged.seconds[name] == results[0].seconds[name]
    assert merged.networks == ("small_plain", "small_early")


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"kind": "cnnviz quiz 1"}', '{"kind": "cnnviz quiz 1", "answers": [{}]}']
)
def test_another_file_is_refused(tmp_path, content):
    path = tmp_path / "other.json"
    path.write_text(content)
    with pytest.raises(cnnviz.UserError, match=r"files must be saved answers of a quiz: .*other\.json' is not"):
        cnnviz.merge_quizzes([path])


def test_what_cannot_be_asked_is_told(mini, quiz):
    with pytest.raises(cnnviz.UserError, match="pictures must be of at least 2 classes that mini knows"):
        cnnviz.trust_quiz(mini, {"tabby": "chelsea"})
    with pytest.raises(cnnviz.UserError, match="unicorn"):
        cnnviz.trust_quiz(mini, {"tabby": "chelsea", "unicorn": "coffee"})
    wrong = {"tabby": cnnviz.load_image("text"), "espresso": cnnviz.load_image("page")}
    with pytest.raises(cnnviz.UserError, match="rivals must both be right about one of the pictures"):
        cnnviz.trust_quiz(mini, wrong)
    with pytest.raises(cnnviz.UserError, match="choices must be at most 20"):
        quiz.score([0] * 21)
    with pytest.raises(cnnviz.UserError, match="choices must be from 0 to 1 for this question, not 2"):
        quiz.score([2])
    one = [replace(two, networks=("a", "b")) if two.networks else two for two in quiz.trials]
    others = cnnviz.Quiz(tuple(one), quiz.example)
    both = [each.score(each.ideal()) for each in (quiz, others)]
    with pytest.raises(cnnviz.UserError, match="files must compare the same networks"):
        cnnviz.merge_quizzes(both)

"""The checks of chapter 13 know the right answer, and every usual mistake by its own sentence."""

import pytest
import torch

import cnnviz_widgets as cnnviz
from cnnviz_widgets import exercises
from cnnviz_widgets.exercises.adversarial import STD


def slope(value, x):
    x = x.clone().requires_grad_()
    return torch.autograd.grad(value(x), x)[0]


def loss(logits, label):
    return lambda x: torch.nn.functional.cross_entropy(logits(x)[None], torch.tensor([label]))


def unit(gradient):
    return gradient / gradient.norm()


def fgsm(logits, x, label, epsilon):
    return (x + epsilon * slope(loss(logits, label), x).sign()).clamp(0, 1)


FGSM = {
    "sign is wrong": lambda f, x, y, e: (x - e * slope(loss(f, y), x).sign()).clamp(0, 1),
    "not up the probability": lambda f, x, y, e: (x + e * slope(lambda z: f(z).softmax(0)[y], x).sign()).clamp(0, 1),
    "clamp the result": lambda f, x, y, e: x + e * slope(loss(f, y), x).sign(),
    "logit alone": lambda f, x, y, e: (x - e * slope(lambda z: f(z)[y], x).sign()).clamp(0, 1),
    "normalized picture": lambda f, x, y, e: (x + e * STD * slope(loss(f, y), x).sign()).clamp(0, 1),
    "take its sign": lambda f, x, y, e: (x + e * slope(loss(f, y), x)).clamp(0, 1),
    "length 1": lambda f, x, y, e: (x + e * unit(slope(loss(f, y), x))).clamp(0, 1),
    "change alone": lambda f, x, y, e: e * slope(loss(f, y), x).sign(),
    "as it was": lambda f, x, y, e: x,
    "the code stopped": lambda f, x, y, e: 1 / 0,
}
PROJECTION = {
    "below 0 or above 1": lambda x, o, e: o + (x - o).clamp(-e, e),
    "farther than ε": lambda x, o, e: x.clamp(0, 1),
    "clamps the picture": lambda x, o, e: x.clamp(-e, e),
    "change alone": lambda x, o, e: (x - o).clamp(-e, e),
    "L2 norm": lambda x, o, e: (o + (x - o) * e / (x - o).norm()).clamp(0, 1),
    "greatest value fits": lambda x, o, e: (o + (x - o) * e / (x - o).abs().max()).clamp(0, 1),
    "goes back": lambda x, o, e: o,
    "it must be": lambda x, o, e: 0.5 * x,
}
SCORES = {
    "the probability": 0.8808,
    "wrong way": -8,
    "one input alone": -2.5,
    "it began at −3": 5,
    "each of the ten": 7,
}


def test_right_answers():
    assert exercises.check_fgsm(fgsm)
    assert exercises.check_projection(lambda x, o, e: torch.minimum(torch.maximum(x, o - e), o + e).clamp(0, 1))
    assert exercises.check_toy_score(2)


@pytest.mark.parametrize("name", ["check_fgsm", "check_projection", "check_toy_score"])
def test_nothing_yet(name):
    assert getattr(exercises, name)(None).right is None
    if name != "check_toy_score":
        assert getattr(exercises, name)(lambda *given: None).right is None


@pytest.mark.parametrize("sentence", FGSM)
def test_mistakes_of_fgsm(sentence):
    answer = exercises.check_fgsm(FGSM[sentence])
    assert answer.right is False
    assert sentence in answer.text


@pytest.mark.parametrize("sentence", PROJECTION)
def test_mistakes_of_the_projection(sentence):
    answer = exercises.check_projection(PROJECTION[sentence])
    assert answer.right is False
    assert sentence in answer.text


@pytest.mark.parametrize("sentence", SCORES)
def test_mistakes_of_the_ten_numbers(sentence):
    answer = exercises.check_toy_score(SCORES[sentence])
    assert answer.right is False
    assert sentence in answer.text


@pytest.fixture(scope="module")
def small():
    return cnnviz.load_network("small_plain")


def test_the_contest_is_won_by_a_patch_that_works(small):
    """As the solutions have it; what it says of the area is that of the disc."""
    train, _ = exercises.contest_photos()
    patch = cnnviz.last(cnnviz.patch(small, train, "goldfish", area=0.2, steps=60), progress=False).values
    answer = exercises.check_contest(small, patch, "goldfish")
    assert answer.right, answer
    area = torch.pi / 4 * patch.shape[-1] ** 2 / 64**2
    assert answer.text.startswith(f"{area:.1%} of the area: 9")


def test_mistakes_of_the_contest(small):
    noise = torch.rand(3, 28, 28, generator=torch.Generator().manual_seed(0))
    for patch, sentence in ((noise, "make it larger"), (torch.rand(3, 40, 40), "more than a quarter")):
        answer = exercises.check_contest(small, patch, "goldfish")
        assert answer.right is False
        assert sentence in answer.text
    assert exercises.check_contest(small, None, "goldfish").right is None
    assert exercises.check_contest(small, torch.rand(3, 8, 9), "goldfish").right is False


def test_the_photographs_of_the_contest_are_apart():
    train, others = exercises.contest_photos()
    assert not {*train} & {*others}
    assert min(len(train), len(others)) >= 12


@pytest.mark.parametrize("ask", ["ask_8_bits", "ask_flipped", "ask_jpeg", "ask_noise", "ask_price", "ask_transfer"])
def test_questions_have_one_right_answer(ask):
    question = getattr(exercises, ask)()
    answers = []
    for letter in "abcd":
        question.answer = letter
        answers.append(bool(question.feedback))
    assert sum(answers) == 1

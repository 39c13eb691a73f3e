import pytest
import torch

from cnnviz_widgets.exercises import (
    check_by_formula,
    check_integrated_gradients,
    check_saliency,
)

RIGHT = {"saliency": [3, 0, 2], "times_input": [6, 0, -2], "integrated": [6, 1, -2]}


def test_right_by_formula_is_what_autograd_says():
    def score(x):
        return 3 * x[..., 0] + x[..., 1].clamp(max=1) - 2 * x[..., 2]

    x = torch.tensor([2.0, 2.0, 1.0], dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(score(x), x)
    path = ((torch.arange(1000).double()[:, None] + 0.5) / 1000 * x.detach()).requires_grad_()
    (along,) = torch.autograd.grad(score(path).sum(), path)
    assert gradient.abs().tolist() == RIGHT["saliency"]
    assert (gradient * x).tolist() == RIGHT["times_input"]
    torch.testing.assert_close(along.mean(0) * x, torch.tensor(RIGHT["integrated"]).double())
    assert sum(RIGHT["integrated"]) == score(x) == 5


@pytest.mark.parametrize(
    ("name", "answer", "says"),
    [
        ("saliency", [3, 0, -2], "has a sign"),
        ("saliency", [6, 0, 2], "is multiplied by x"),
        ("saliency", [3, 1, 2], "says that x₂ matters"),
        ("times_input", [6, 0, 2], "has lost its sign"),
        ("times_input", [3, 0, -2], "is the gradient itself"),
        ("times_input", [6, 2, -2], "gives x₂ a share"),
        ("times_input", [6, 1, -2], "have written the integrated gradients"),
        ("integrated", [6, 0, -2], "have written gradient × input"),
        ("integrated", [6, 2, -2], "from x₂ = 1 on it is 0"),
        ("integrated", [3, 0.5, -2], "is the mean of the gradient"),
        ("integrated", [6, 1, 2], "has lost its sign"),
        ("integrated", [5, 1, -2], "is off at x₁, where it has 5"),
        ("integrated", [6, 1], "(3,) is asked for"),
    ],
)
def test_wrong_by_formula(name, answer, says):
    feedback = check_by_formula(**RIGHT | {name: answer})
    assert feedback.right is False
    assert f"`{name}`" in feedback.text
    assert says in feedback.text


def test_right_and_missing_by_formula():
    assert check_by_formula(**RIGHT)
    missing = check_by_formula(**RIGHT | {"integrated": None})
    assert missing.right is None
    assert "`integrated`" in missing.text


def grad(module, batch, score):
    """The gradient of a score of the logits (classes,), (3, H, W)."""
    x = batch.detach().clone().requires_grad_()
    return torch.autograd.grad(score(module(x)[0]), x)[0][0]


def saliency(score=lambda logits, target: logits[target], give=lambda gradient: gradient.abs().amax(0)):
    """A solution of task 2, and its usual mistakes."""
    return lambda module, batch, target: give(grad(module, batch, lambda logits: score(logits, target)))


def accumulating(module, batch, target):
    """The student's own line by line, on the very tensor that was given."""
    batch.requires_grad_()
    module(batch)[0, target].backward()
    return batch.grad[0].abs().amax(0)


def clearing(module, batch, target):
    batch.requires_grad_()
    batch.grad = None
    return accumulating(module, batch, target)


def overwriting(module, batch, target):
    batch *= 2
    return saliency()(module, batch, target)


SALIENCIES = {
    "gradient of an earlier call": accumulating,
    "gradient of the *probability*": saliency(lambda logits, target: logits.softmax(0)[target]),
    "of the log-probability": saliency(lambda logits, target: logits.log_softmax(0)[target]),
    "of all the scores": saliency(lambda logits, _: logits.sum()),
    "of the likeliest class": saliency(lambda logits, _: logits.max()),
    "the signs are still there": saliency(give=lambda g: g.amax(0)),
    "`abs` comes too late": saliency(give=lambda g: g.amax(0).abs()),
    "this is the mean over the colors; the maximum": saliency(give=lambda g: g.abs().mean(0)),
    "this is the sum over the colors; the maximum": saliency(give=lambda g: g.abs().sum(0)),
    "this is the mean over the colors, and opposite": saliency(give=lambda g: g.mean(0)),
    "the colors are added up, and opposite": saliency(give=lambda g: g.sum(0)),
    "that is gradient × input": lambda module, batch, target: (
        (grad(module, batch, lambda logits: logits[target]) * batch[0]).abs().amax(0)
    ),
    "what lowers the score is left out": saliency(give=lambda g: g.relu().amax(0)),
    "this is one color": saliency(give=lambda g: g[0].abs()),
    "the length of the gradient's three colors": saliency(give=lambda g: g.square().sum(0).sqrt()),
    "its least and its greatest value": saliency(
        give=lambda g: (g.abs().amax(0) - g.abs().amax(0).min()) / (g.abs().amax(0).max() - g.abs().amax(0).min())
    ),
    "the map is 0 everywhere": lambda module, batch, target: (
        grad(lambda x: module(x).softmax(0), batch, lambda scores: scores[target]).abs().amax(0)
    ),
    "take its `values`": saliency(give=lambda g: g.abs().max(0)),
    "the squared gradient": saliency(give=lambda g: g.square().amax(0)),
    "scaled to 0…1": saliency(give=lambda g: g.abs().amax(0) / g.abs().max()),
    "take the greatest of the three colors": saliency(give=lambda g: g.abs()),
    "and then the greatest of the three colors": saliency(give=lambda g: g.abs()[None]),
    "of the batch take the first": saliency(give=lambda g: g.abs().amax(0)[None]),
    "over the places": saliency(give=lambda g: g.abs().amax((1, 2))),
    "over everything": saliency(give=lambda g: g.abs().max()),
    "rows and columns are swapped": saliency(give=lambda g: g.abs().amax(0).T),
    "has been changed": overwriting,
    "the values are not": saliency(give=lambda g: g.abs().amin(0)),
    "cannot be read as numbers": saliency(give=str),
    "the code stopped with `RuntimeError": lambda module, batch, target: module(batch)[0, target].backward(),
}


@pytest.mark.parametrize("says", SALIENCIES)
def test_wrong_saliency(says):
    feedback = check_saliency(SALIENCIES[says])
    assert feedback.right is False
    assert says in feedback.text


def test_right_and_missing_saliency():
    assert check_saliency(saliency())
    assert check_saliency(clearing)
    assert check_saliency(lambda *_: None).right is None
    assert check_saliency(None).right is None


def integrated(
    shares=lambda n: torch.linspace(0, 1, n),
    weights=lambda n: torch.tensor([0.5] + [1.0] * (n - 2) + [0.5]) / (n - 1),
    *,
    score=lambda logits, target: logits[target],
    start=lambda baseline: baseline,
    times=lambda batch, baseline: batch - baseline,
    give=lambda values: values,
):
    """A solution of task 3, and its usual mistakes."""

    def my_integrated_gradients(module, batch, baseline, target, steps):
        begin = start(baseline)
        mean = sum(
            weight * grad(module, begin + share * (batch - begin), lambda logits: score(logits, target))
            for share, weight in zip(shares(steps), weights(steps), strict=True)
        )
        return give(mean * times(batch, baseline)[0])

    return my_integrated_gradients


def trapezoid(n, over):
    return torch.tensor([0.5] + [1.0] * (n - 2) + [0.5]) / over


def equal(n):
    return torch.ones(n) / n


INTEGRATED = {
    "add up to (n − 1)/n": integrated(weights=lambda n: trapezoid(n, n)),
    "all points weigh the same": integrated(weights=equal),
    "add up to n/(n − 1)": integrated(weights=lambda n: torch.ones(n) / (n - 1)),
    "but not divided": integrated(weights=lambda n: trapezoid(n, 1)),
    "the gradients are added up: their mean": integrated(weights=torch.ones),
    "not yet multiplied": integrated(times=lambda batch, _: torch.ones_like(batch)),
    "multiplied by the picture; multiply it by the way": integrated(times=lambda batch, _: batch),
    "the sign is wrong": integrated(times=lambda batch, baseline: baseline - batch),
    "the path begins at 0": integrated(start=torch.zeros_like),
    "the baseline is ignored": integrated(start=torch.zeros_like, times=lambda batch, _: batch),
    "the path leads to baseline + picture": lambda module, batch, baseline, target, steps: integrated(
        times=lambda end, start: batch - baseline
    )(module, baseline + batch, baseline, target, steps),
    "of all the scores": integrated(score=lambda logits, _: logits.sum()),
    "the greatest score at each point": integrated(score=lambda logits, _: logits.max()),
    "steps + 1 points": integrated(
        lambda n: torch.linspace(0, 1, n + 1), lambda n: torch.tensor([0.5] + [1.0] * (n - 1) + [0.5]) / n
    ),
    "at the picture alone": integrated(shares=lambda n: [1.0], weights=lambda n: [1.0]),
    "gradient of the *probability*": integrated(score=lambda logits, target: logits.softmax(0)[target]),
    "the sign is lost": integrated(give=torch.abs),
    "the left ends": integrated(lambda n: torch.arange(n) / n, equal),
    "the right ends": integrated(lambda n: (torch.arange(n) + 1) / n, equal),
    "the middles": integrated(lambda n: (torch.arange(n) + 0.5) / n, equal),
    "of the batch take the first": integrated(give=lambda values: values[None]),
    "leave the colors apart": integrated(give=lambda values: values.sum(0)),
    "the mean over the points": integrated(give=lambda values: values.expand(7, *values.shape)),
    "the values are off": integrated(give=lambda values: 1.1 * values),
    "the code stopped with `TypeError": lambda module, batch: None,
}


@pytest.mark.parametrize("says", INTEGRATED)
def test_wrong_integrated_gradients(says):
    feedback = check_integrated_gradients(INTEGRATED[says])
    assert feedback.right is False
    assert says in feedback.text


def test_right_and_missing_integrated_gradients():
    assert check_integrated_gradients(integrated())
    assert check_integrated_gradients(lambda *_: None).right is None
    assert check_integrated_gradients(None).right is None

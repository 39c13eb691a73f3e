"""The checks of chapter 15: right answers, missing ones, and mistakes that are told by their own result."""

import pytest
import torch

import cnnviz_widgets as cnnviz
from cnnviz_widgets.exercises import check_masked_gram, check_mystery, check_style_loss, painted_by_somebody


def square(one):
    return one.square().sum()


def relative(one, aim):
    return square(one - aim) / square(aim)


def mean(each):
    return sum(each) / len(each)


def loss(maps, wanted, grams, aims, alpha, beta, *, content=relative, each=relative, join=mean):
    return alpha * content(maps, wanted) + beta * join([each(*one) for one in zip(grams, aims, strict=True)])


def changed(**change):
    return lambda *arguments: loss(*arguments, **change)


def weighted(alpha=None, beta=None):
    """With other weights than those that are given."""
    return lambda *arguments: loss(
        *arguments[:4], arguments[4] if alpha is None else alpha, arguments[5] if beta is None else beta
    )


def apart(one, aim):
    return square(one - aim)


def root(one, aim):
    return relative(one, aim).sqrt()


def over_what_is_there(one, aim):
    return square(one - aim) / square(one)


def mean_over_sum(one, aim):
    return (one - aim).square().mean() / square(aim)


def divided_late(maps, wanted, grams, aims, alpha, beta):
    missed = sum(apart(*one) for one in zip(grams, aims, strict=True))
    return alpha * relative(maps, wanted) + beta * missed / sum(map(square, aims))


LOSSES = {
    "the style is missing": weighted(beta=0),
    "the content is missing": weighted(alpha=0),
    "α and β are swapped": lambda *arguments: loss(*arguments[:4], arguments[5], arguments[4]),
    "the weights are missing": weighted(1, 1),
    "α is missing": weighted(alpha=1),
    "β is missing": weighted(beta=1),
    "neither term is divided": changed(content=apart, each=apart),
    "the content is not divided": changed(content=apart),
    "the style is not divided by": changed(each=apart),
    "only after the layers are added up": divided_late,
    "the layers are added up": changed(join=sum),
    "only the last layer": changed(join=lambda each: each[-1]),
    "only the first layer": changed(join=lambda each: each[0]),
    "the distances are not squared": changed(content=root, each=root),
    "the content is not squared": changed(content=root),
    "the style is not squared": changed(each=root),
    "divide by what is *wanted*": changed(content=over_what_is_there, each=over_what_is_there),
    "a mean of squares stands over a sum": changed(content=mean_over_sum, each=mean_over_sum),
    "it must be `alpha": changed(content=lambda one, aim: 2 * relative(one, aim)),
    "the code stopped with": lambda *arguments: loss(*arguments[:3]),
}


@pytest.mark.parametrize("says", LOSSES)
def test_wrong_loss(says):
    feedback = check_style_loss(LOSSES[says])
    assert feedback.right is False
    assert says in feedback.text


def test_right_loss():
    assert check_style_loss(loss)
    assert check_style_loss(changed(content=lambda one, aim: ((one - aim).norm() / aim.norm()) ** 2))


def masked(maps, mask, *, times=lambda mask: mask, over=lambda mask: mask.sum()):
    weight = times(mask)
    return (maps[:, None] * maps * weight).sum((2, 3)) / over(mask)


def mask_changed(**change):
    return lambda maps, mask: masked(maps, mask, **change)


def everywhere(mask):
    return mask.numel()


def nowhere(mask):
    return 1


def squared(mask):
    return mask.square()


def yes_or_no(mask):
    return (mask > 0).double()


MASKED = {
    "the mask is not in it": lambda maps, mask: cnnviz.gram(maps),
    "divided by all positions": mask_changed(over=everywhere),
    "it is not divided by anything": mask_changed(over=nowhere),
    "or both by its root. And divide": mask_changed(times=squared, over=everywhere),
    "multiply only one of the two factors": mask_changed(times=squared),
    "above and below": mask_changed(times=squared, over=lambda mask: mask.square().sum()),
    "and nothing is divided": mask_changed(times=squared, over=nowhere),
    "divided by the sum of the squared mask": mask_changed(over=lambda mask: mask.square().sum()),
    "half-transparent ones count half": mask_changed(over=lambda mask: (mask > 0).sum()),
    "the mask is taken as yes or no": mask_changed(times=yes_or_no, over=lambda mask: (mask > 0).sum()),
    "divided by C times the mask's sum": mask_changed(over=lambda mask: 3 * mask.sum()),
    "the mask is turned round": lambda maps, mask: masked(maps, 1 - mask),
    "the order of mask and maps": lambda maps, mask: masked(maps, mask.T.reshape(mask.shape)),
    "channels and positions are swapped": lambda maps, mask: maps.flatten(1).T @ maps.flatten(1),
    "of the batch take the first": lambda maps, mask: masked(maps, mask)[None],
    "one number per channel": lambda maps, mask: masked(maps, mask).diagonal(),
    "it must be `(F * m)": lambda maps, mask: 2 * masked(maps, mask),
    "Axes are matched from the right": lambda maps, mask: maps.flatten(1) * mask,
}


@pytest.mark.parametrize("says", MASKED)
def test_wrong_masked_gram(says):
    feedback = check_masked_gram(MASKED[says])
    assert feedback.right is False
    assert says in feedback.text


@pytest.mark.parametrize(
    "gram",
    [
        masked,
        cnnviz.gram,
        lambda maps, mask: torch.einsum("chw,dhw,hw->cd", maps, maps, mask) / mask.sum(),
    ],
)
def test_right_masked_gram(gram):
    assert check_masked_gram(gram)


def test_the_worked_example_of_the_chapter():
    """F = ((1 2) (3 4)), ((0 1) (1 0)) and the mask ((1 0) (0 1)), by hand."""
    maps = torch.tensor([[[1.0, 2], [3, 4]], [[0, 1], [1, 0]]])
    assert cnnviz.gram(maps).tolist() == [[7.5, 1.25], [1.25, 0.5]]
    assert cnnviz.gram(maps, torch.eye(2)).tolist() == [[8.5, 0], [0, 0]]


def test_mystery_is_found_from_the_picture():
    """The weight with which somebody has painted is right, and its neighbors on the slider say in which direction."""
    beta = painted_by_somebody(lambda beta: beta)
    assert check_mystery(beta)
    assert check_mystery(1.4 * beta)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (10, "a good deal more of the painting"),
        (15, "a little more of the painting"),
        (1, "very much more"),
        (100, "a good deal less of the painting"),
        (1000, "very much less"),
        (-1, "above 0"),
        ("a lot", "one number"),
    ],
)
def test_wrong_mystery(answer, says):
    feedback = check_mystery(answer)
    assert feedback.right is False
    assert says in feedback.text


@pytest.mark.parametrize("check", [check_style_loss, check_masked_gram, check_mystery])
def test_nothing_yet(check):
    assert check(None).right is None


@pytest.mark.parametrize("check", [check_style_loss, check_masked_gram])
def test_returns_nothing_yet(check):
    assert check(lambda *arguments: None).right is None

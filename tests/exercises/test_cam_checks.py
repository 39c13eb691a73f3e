import pytest
import torch

from cnnviz_widgets.exercises import (
    check_grad_cam,
    check_map_size,
)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ((4, 48, 64), "the channels are added up"),
        ((48, 64), "that is the size of the picture"),
        ((4, 4), "how many pixels lie between"),
        ((11, 11), "how much of the picture"),
        ((16, 12), "rows and columns are swapped"),
        ((5, 12), "the number of channels is in it"),
        ((24, 32), "divide the sides"),
        ("8x8", "whole numbers"),
        (12, "whole numbers (rows, columns)"),
    ],
)
def test_wrong_map_size(answer, says, strided, photo):
    feedback = check_map_size(answer, strided, photo, "2")
    assert feedback.right is False
    assert says in feedback.text


@pytest.fixture(scope="module")
def strided():
    """A layer of 5 channels, 12×16 places, stride 4 and a receptive field of 11."""
    from cnnviz_widgets.networks import Network

    module = torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 7, stride=2, padding=3),
        torch.nn.ReLU(),
        torch.nn.Conv2d(4, 5, 3, stride=2, padding=1),
        torch.nn.AdaptiveAvgPool2d(1),
        torch.nn.Flatten(),
        torch.nn.Linear(5, 3),
    )
    return Network(module, input_size=(48, 64))


def test_right_and_missing_map_size(strided, photo):
    assert check_map_size((12, 16), strided, photo, "2")
    assert check_map_size(torch.tensor([24, 32]), strided, photo, "0")
    assert check_map_size(None, strided, photo, "2").right is None


def grad_cam(
    score=lambda scores, target: scores[target],
    alpha=lambda gradient: gradient.mean((1, 2)),
    give=lambda alpha, maps, gradient: torch.einsum("k,khw->hw", alpha, maps).relu(),
):
    """A solution of task 2, and its usual mistakes."""

    def my_grad_cam(A, scores, target):
        gradient = torch.autograd.grad(score(scores[0], target), A)[0][0]
        return give(alpha(gradient), A[0], gradient)

    return my_grad_cam


def then(change):
    """The right map, and what becomes of it."""
    return grad_cam(give=lambda alpha, maps, _: change(torch.einsum("k,khw->hw", alpha, maps).relu()))


def before_relu(change):
    return grad_cam(give=lambda alpha, maps, _: change(torch.einsum("k,khw->hw", alpha, maps)))


def each(change):
    """What becomes of the weighted maps, (k, h, w), while they are still apart."""
    return grad_cam(give=lambda alpha, maps, _: change(alpha[:, None, None] * maps))


GRAD_CAMS = {
    "the ReLU is missing": before_relu(lambda raw: raw),
    "the size is taken": before_relu(torch.abs),
    "the ReLU comes too early": each(lambda maps: maps.relu().sum(0)),
    "the ReLU belongs on the map, not on α": grad_cam(alpha=lambda g: g.mean((1, 2)).relu()),
    "the ReLU is on the gradient": grad_cam(alpha=lambda g: g.relu().mean((1, 2))),
    "α is the *maximum*": grad_cam(alpha=lambda g: g.amax((1, 2))),
    "α is the *sum*": grad_cam(alpha=lambda g: g.sum((1, 2))),
    "α is the mean *size*": grad_cam(alpha=lambda g: g.abs().mean((1, 2))),
    "one mean over all channels": grad_cam(alpha=lambda g: g.mean().expand(len(g))),
    "that is LayerCAM": grad_cam(give=lambda _, maps, gradient: (gradient.relu() * maps).sum(0).relu()),
    "the counterfactual map": before_relu(lambda raw: (-raw).relu()),
    "as `keepdim=True` leaves them": grad_cam(give=lambda alpha, maps, _: (alpha * maps).sum(0).relu()),
    "the mean of the activations": grad_cam(
        give=lambda alpha, maps, _: torch.einsum("k,khw->hw", maps.mean((1, 2)), maps).relu()
    ),
    "gradient of the *probability*": grad_cam(lambda scores, target: scores.softmax(0)[target]),
    "of the log-probability": grad_cam(lambda scores, target: scores.log_softmax(0)[target]),
    "of all the scores": grad_cam(lambda scores, _: scores.sum()),
    "of the likeliest class": grad_cam(lambda scores, _: scores.max()),
    "that is HiResCAM": grad_cam(give=lambda _, maps, gradient: (gradient * maps).sum(0).relu()),
    "the weighted gradient": grad_cam(give=lambda alpha, _, g: torch.einsum("k,khw->hw", alpha, g).relu()),
    "the activations are missing": grad_cam(give=lambda _, maps, gradient: gradient.sum(0).relu()),
    "no weights": grad_cam(give=lambda _, maps, gradient: maps.sum(0).relu()),
    "the mean over the channels": each(lambda maps: maps.mean(0).relu()),
    "scaled to 0…1: return it": then(lambda cam: cam / cam.max()),
    "order of the transposed map": then(lambda cam: cam.T.reshape(cam.shape)),
    "upside down": then(lambda cam: cam.flip(0)),
    "left and right": then(lambda cam: cam.flip(1)),
    "rows and columns are swapped": then(lambda cam: cam.T),
    "the channels are still apart, add them up": each(lambda maps: maps),
    "and take the first of the batch": each(lambda maps: maps[None]),
    "of the batch take the first": then(lambda cam: cam[None]),
    "and of the one channel": then(lambda cam: cam[None, None]),
    "these are one number per channel": grad_cam(give=lambda alpha, *_: alpha),
    "one number is left": then(torch.sum),
    "the values are not ReLU": then(torch.sqrt),
    "the code stopped with `AttributeError": lambda A, scores, target: (scores[0, target].backward(), A.gone),
}


@pytest.mark.parametrize("says", GRAD_CAMS)
def test_wrong_grad_cam(says):
    feedback = check_grad_cam(GRAD_CAMS[says])
    assert feedback.right is False
    assert says in feedback.text


def retained(A, scores, target):
    """Another right way: ask the tensor to keep its gradient."""
    A.retain_grad()
    scores[0, target].backward()
    return (A.grad.mean((2, 3), keepdim=True) * A).sum(1)[0].relu().detach().numpy()


def test_right_and_missing_grad_cam():
    assert check_grad_cam(grad_cam())
    assert check_grad_cam(retained)
    assert check_grad_cam(lambda *_: None).right is None
    assert check_grad_cam(None).right is None

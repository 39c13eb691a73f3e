"""Examples that hold under transforms, distances in CIE LAB, and fooling pictures."""

import numpy as np
import pytest
import torch
from skimage.color import rgb2lab
from torchvision.transforms import InterpolationMode
from torchvision.transforms.functional import rotate

import cnnviz_widgets as cnnviz
from cnnviz_widgets.engine.states import last
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.methods.adversarial.robust_example import posed, to_lab


@pytest.fixture(scope="module")
def net():
    return cnnviz.load_network("mini")


def done(states):
    return last(states, progress=False)


def test_lab_is_scikit_images():
    pictures = torch.rand(2, 3, 6, 7, dtype=torch.float64)
    pictures[0, :, 0] = torch.tensor([0.0, 1.0, 0.02], dtype=torch.float64)[:, None]
    for one, found in zip(pictures, to_lab(pictures), strict=True):
        expected = rgb2lab(one.movedim(0, -1).numpy())
        np.testing.assert_allclose(found.movedim(0, -1).numpy(), expected, rtol=0, atol=1e-9)


def test_lab_is_differentiable_everywhere():
    pictures = torch.rand(1, 3, 2, 2, dtype=torch.float64)
    pictures[0, 0] = torch.tensor([[0.0, 1.0], [0.03, 0.05]], dtype=torch.float64)
    assert torch.autograd.gradcheck(to_lab, (pictures.requires_grad_(),), eps=1e-7, atol=1e-3)


@pytest.mark.parametrize("angle", [90, 180, -90])
def test_a_picture_is_turned_by_exactly_so_much(angle):
    picture = torch.rand(1, 3, 8, 8)
    expected = rotate(picture, angle, InterpolationMode.NEAREST)
    torch.testing.assert_close(posed(picture, "angle", angle), expected, rtol=0, atol=1e-5)
    assert torch.equal(posed(picture, "noise", 0.0), picture)


@pytest.mark.filterwarnings("ignore")
def test_a_robust_example_holds_where_the_plain_attack_falls(net):
    photo = cnnviz.load_image("chelsea")
    goose = net.class_index("goose")
    held = []
    for transforms in (None, ()):
        state = done(cnnviz.robust_example(net, photo, "goose", transforms, steps=25))
        assert state.success
        assert state.norms["linf"] <= 16 / 255 + 1e-6
        torch.testing.assert_close(state.values * 255, (state.values * 255).round(), rtol=0, atol=1e-4)
        poses = cnnviz.seen_as(net, state.values, "angle", range(-45, 46, 5))
        held.append(sum(top == goose for top in poses.top))
    assert held[0] >= 18  # of 19
    assert held[1] <= 15


def test_the_lab_term_makes_the_change_smaller_to_the_eye(net):
    photo = cnnviz.load_image("chelsea")
    apart = []
    for lab in (0.0, 1.0):
        state = done(cnnviz.robust_example(net, photo, "goose", steps=10, samples=2, lab=lab))
        apart.append(float((to_lab(state.changed) - to_lab(state.aim.pictures)).square().sum(1).mean().sqrt()))
    assert apart[1] < apart[0]


def test_a_fooling_picture_is_one_of_8_bits(net):
    state = done(cnnviz.fool(net, "goose"))
    assert state.probabilities[0] >= 0.99
    torch.testing.assert_close(state.values * 255, (state.values * 255).round(), rtol=0, atol=1e-4)
    again = net.predict(state.values[0], 1)[0]
    assert again.name == "goose"
    assert again.probability == pytest.approx(float(state.probabilities[0]), abs=1e-5)


@pytest.mark.parametrize("encoding", ["pixels", "cppn"])
def test_evolution_never_loses_its_best_and_repeats(net, encoding):
    first, second = ([*cnnviz.fool(net, 3, encoding, "evolution", steps=5, seed=2)] for _ in range(2))
    assert [*first[-1].best] == sorted(first[-1].best)
    assert first[-1].queries == 80
    assert torch.equal(first[-1].values, second[-1].values)
    assert (first[-1].probabilities.diff() <= 0).all()
    torch.testing.assert_close(
        net.probabilities(net.logits(first[-1].values))[:, 3], first[-1].probabilities, rtol=1e-4, atol=1e-7
    )


def test_children_have_genes_of_their_parents(net):
    population = next(cnnviz.fool(net, 3, "cppn", "evolution", steps=1))
    bred = cnnviz.breed(net, population, [4, 9], seed=1)
    last_layer = bred.genes[0]
    parents = population.genes[0][[4, 9]]
    kept = [(last_layer == parent).flatten(1).all(1).sum() for parent in parents]
    assert all(count >= 1 for count in kept)  # the parents live on
    from_parents = (last_layer[:, None] == parents[None]).any(1).double().mean()
    assert 0.8 < float(from_parents) < 0.95  # but for the 15 % that mutate


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda n: cnnviz.breed(n, next(cnnviz.fool(n, 3)), [0]), "population must be of several pictures"),
        (lambda n: cnnviz.fool(n, 3, start=4), "start must be a population"),
        (lambda n: cnnviz.seen_as(n, "chelsea", "zoom", [0.0]), "at must be zoom factors above 0"),
        (lambda n: cnnviz.robust_example(n, "chelsea", 3, 4), "transforms must be a list of transforms"),
    ],
)
def test_bad_input(net, call, message):
    with pytest.raises(UserError, match=message):
        call(net)

"""A linear model on HOG, through which the gradient goes, and the exact least change of a nearest neighbor."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

import cnnviz_widgets as cnnviz
from cnnviz_widgets.engine.optimize.hog import hog, strokes
from cnnviz_widgets.methods.adversarial._labeled import digits
from cnnviz_widgets.methods.adversarial.fool_neighbor import _least


def drawn(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


@pytest.fixture(scope="module")
def neighbors() -> cnnviz.NeighborClassifier:
    return cnnviz.neighbor_classifier()


def test_the_digits_are_those_of_scikit_learn():
    ours, theirs = digits(), load_digits()
    assert torch.equal(ours.pictures[:, 0], torch.from_numpy(theirs.images / 16).float())
    assert torch.equal(ours.labels, torch.from_numpy(theirs.target).long())


def test_the_first_digits_do_not_wait_for_scikit_learn():
    """To import its data sets takes longer than a panel's first picture may."""
    look = "import sys, cnnviz_widgets as c; c.neighbor_classifier(); print('sklearn' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    assert told.stdout.split() == ["False"]


def test_the_gradient_of_hog_is_that_of_finite_differences():
    module = hog((19, 17), 4).module
    assert torch.autograd.gradcheck(module, drawn(2, 1, 19, 17, dtype=torch.float64).requires_grad_(), eps=1e-7)


def test_a_step_edge_is_in_one_histogram_and_its_stroke_lies_along_it():
    picture = torch.zeros(1, 1, 16, 16)
    picture[..., 3:] = 1  # a vertical edge between columns 2 and 3: the gradient points across, at 0°
    cells = hog((16, 16), 8).activations(picture, "cells")["cells"][0]
    assert cells[[0, 8], :, 0].min() > 0.05  # 0° is half way between the centers of the first and the last bin
    assert float(cells[1:8].abs().max()) < 1e-6
    assert float(cells[:, :, 1].abs().max()) < 1e-6
    drawn = strokes(hog((16, 16), 8).activations(picture, "blocks")["blocks"][0], 17)[0]
    assert drawn.shape == (34, 34)
    up, across = drawn[:17, 8].sum(), drawn[8, :17].sum()
    assert up > 3 * across


@pytest.mark.parametrize("classes", [2, 3])
def test_the_network_is_scikit_learns_model(classes):
    images, labels = (drawn(60, 1, 16, 16) * 255).round() / 255, torch.arange(60) % classes
    found = cnnviz.hog_classifier(images, labels)
    features = hog((16, 16), 8).activations(images, "numbers")["numbers"].numpy()
    held = np.arange(60) % 4 == 0
    model = LogisticRegression(C=10.0, max_iter=1000).fit(features[~held], labels[~held])
    chances = found.network.probabilities(found.network.logits(found.pictures))
    assert np.allclose(chances, model.predict_proba(features[held]), atol=1e-4)
    assert torch.equal(found.labels, labels[held])


def test_the_neighbor_is_scikit_learns(neighbors):
    model = KNeighborsClassifier(1).fit(neighbors.samples.flatten(1), neighbors.known)
    found = neighbors.network.top(neighbors.network.logits(neighbors.pictures))
    assert (found.numpy() == model.predict(neighbors.pictures.flatten(1))).all()
    apart = (neighbors.pictures[:1].double() - neighbors.samples.double()).flatten(1).square().sum(1)
    least = torch.stack([apart[neighbors.known == one].min() for one in range(10)])
    assert torch.allclose(-neighbors.network.logits(neighbors.pictures[:1])[0].double(), least, atol=1e-3)


def test_between_two_samples_the_closed_form_holds():
    """The foot on the plane half way between them; from a sample itself, half of the way."""
    rival, goal, start = (np.random.default_rng(seed).uniform(0.3, 0.7, 12) for seed in range(3))
    line = goal - rival
    for point in (start, rival):
        change, at = _least(point, rival[None], goal[None])
        foot = ((goal + rival) / 2 - point) @ line / (line @ line) * line
        assert np.allclose(change, foot, atol=1e-12)
        assert at == 0
    assert np.allclose(change, line / 2, atol=1e-12)


@pytest.mark.parametrize("seed", range(8))
def test_among_many_samples_it_is_the_solution_of_every_quadratic_program(seed):
    """For each sample of another class by itself, and with 0…1 in the way, against SLSQP."""
    random = np.random.default_rng(seed)
    rivals, goals, start = random.uniform(0, 1, (5, 4)), random.uniform(0, 1, (4, 4)), random.uniform(0, 0.1, 4)
    change, at = _least(start, rivals, goals)
    lengths = []
    for goal in goals:
        inside = {
            "type": "ineq",
            "fun": lambda x, goal=goal: ((x - rivals) ** 2).sum(1) - ((x - goal) ** 2).sum(),
        }
        found = minimize(
            lambda x: ((x - start) ** 2).sum(), goal, constraints=[inside], bounds=[(0, 1)] * 4, method="SLSQP",
            options={"ftol": 1e-14, "maxiter": 500},
        )  # fmt: skip
        lengths.append(found.fun**0.5)
    assert np.linalg.norm(change) == pytest.approx(min(lengths), abs=1e-6)
    assert at == int(np.argmin(lengths)) or not np.linalg.norm(change)


@pytest.mark.parametrize("number", [0, 3, 17])
def test_it_is_equally_far_from_both_and_nothing_shorter_does(neighbors, number):
    found = cnnviz.fool_neighbor(neighbors, neighbors.pictures[number])
    first, second = found.distances
    assert first == pytest.approx(second, abs=1e-9)
    samples = neighbors.samples.double().flatten(1)
    border, start = found.border.flatten(), found.picture.double().flatten()
    assert float(border.min()) >= -1e-9
    assert float(border.max()) <= 1 + 1e-9
    assert float((samples - border).norm(dim=1).min()) == pytest.approx(first, abs=1e-9)
    random = torch.Generator().manual_seed(number)
    directions = torch.randn(10_000, len(start), generator=random, dtype=torch.float64)
    along = (border - start) / (border - start).norm()
    directions[5000:] = along + 0.3 * directions[5000:] / directions[5000:].norm(dim=1, keepdim=True)  # and near it
    tried = start + 0.999 * found.distance * directions / directions.norm(dim=1, keepdim=True)
    tried = tried[((tried >= 0) & (tried <= 1)).all(1)] if number < 0 else tried.clamp(0, 1)
    own = neighbors.network.class_index(found.source)
    nearest = torch.cat([torch.cdist(some, samples).argmin(1) for some in tried.split(2000)])
    assert (neighbors.known[nearest] == own).all()


def test_its_8_bits_are_another_class_at_hardly_more(neighbors):
    for number in range(6):
        found = cnnviz.fool_neighbor(neighbors, neighbors.pictures[number])
        assert found.success
        assert torch.equal((found.values * 255).round() / 255, found.values)
        assert float((found.values - found.picture).norm()) < 1.1 * found.distance
        assert neighbors.network.predict(found.values, 1)[0].name == found.answer != found.source


def test_a_target_is_reached_and_costs_more(neighbors):
    near, far = (cnnviz.fool_neighbor(neighbors, neighbors.pictures[0], target) for target in (None, "7"))
    assert far.answer == "7" == far.names[1]
    assert far.distance > near.distance
    assert far.distances[0] == pytest.approx(far.distances[1], abs=1e-9)


@pytest.mark.parametrize(("images", "epsilon"), [("digits", 12 / 255), ("textures", 4 / 255)])
def test_the_gradient_fools_hog_and_noise_does_not(images, epsilon):
    known = cnnviz.hog_classifier(images)
    clean, attacked, noise = known.accuracy(), known.accuracy(epsilon), known.accuracy(epsilon, noise=True)
    assert clean.share > 0.8
    assert attacked.share < 0.1
    assert noise.share > clean.share - 0.06
    found = cnnviz.fool_hog(known, known.pictures[1], epsilon)
    assert found.success
    assert found.attack.survives("png")
    assert found.attack.norms["linf"] <= epsilon + 1e-6


def test_textures_that_are_held_out_share_no_pixel_with_the_others():
    known = cnnviz.neighbor_classifier("textures")
    photo = cnnviz.load_image("brick")[:1]
    assert torch.equal(known.samples[0], photo[:, :64, :64])
    assert torch.equal(known.pictures[0], photo[:, :64, 320:384])
    last = known.samples[known.known == 0][-1]
    assert torch.equal(last, photo[:, 448:, 256:320])


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: cnnviz.hog_classifier("faces"), "images must be 'digits', 'textures' or a batch"),
        (lambda: cnnviz.hog_classifier("digits", [1, 2]), "labels must be left out where images is 'digits'"),
        (lambda: cnnviz.hog_classifier(torch.rand(12, 1, 16, 16), [0] * 12), "labels must be two classes or more"),
        (lambda: cnnviz.hog_classifier("digits", cell=17), "cell must be"),
        (lambda: cnnviz.fool_hog("mini", "brick"), "classifier must be a HogClassifier, not 'mini'."),
        (lambda: cnnviz.fool_neighbor(cnnviz.neighbor_classifier(), torch.zeros(1, 32, 32), "1"), "target must be"),
    ],
)
def test_bad_input(call, told):
    with pytest.raises(cnnviz.UserError, match=told):
        call()

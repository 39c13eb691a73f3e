"""Maps of two numbers: PCA against numpy, t-SNE by its trustworthiness, and runs that go on."""

import time

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.manifold import TSNE, trustworthiness

import cnnviz_widgets as cnnviz
from cnnviz_widgets.errors import UserError

DIGITS = torch.from_numpy(load_digits().data[:300])


def states(points=DIGITS, **options):
    return list(cnnviz.embed(points, **options))


def test_pca_is_that_of_the_singular_values():
    (state,) = states(method="pca")
    centered = DIGITS.numpy() - DIGITS.numpy().mean(0)
    wanted = np.linalg.svd(centered, full_matrices=False)
    along = (wanted[0] * wanted[1])[:, :2]
    signs = np.sign((along * state.values.numpy()).sum(0))
    np.testing.assert_allclose(state.values, along * signs, atol=1e-4)


def test_neighbors_stay_as_well_as_scikit_learn_keeps_them():
    ours = states(steps=600)[-1]
    theirs = TSNE(random_state=0, n_jobs=1).fit_transform(DIGITS.numpy())
    assert trustworthiness(DIGITS.numpy(), ours.values.numpy()) >= trustworthiness(DIGITS.numpy(), theirs) - 0.005


def test_a_run_that_goes_on_is_an_uninterrupted_one():
    whole = states(steps=300)
    gone_on = states(steps=300, start=states(steps=140)[-1])
    assert [one.step for one in whole] == [*range(10, 310, 10)]
    assert torch.equal(gone_on[-1].values, whole[-1].values)
    assert whole[-1].divergence < whole[-5].divergence


def test_a_map_is_the_same_bit_by_bit_however_slow_the_machine_is():
    network, passes = cnnviz.load_network("mini"), []

    def mapped():
        found = cnnviz.last(cnnviz.features(network, cnnviz.scenes(30)), progress=False)
        return found.values, cnnviz.last(cnnviz.embed(found, perplexity=5, steps=300), progress=False).values

    def slow(*_):
        passes.append(1)
        time.sleep(0.6)

    quick = mapped()
    with network.module.register_forward_pre_hook(slow):
        late = mapped()
    assert passes
    assert all(torch.equal(one, other) for one, other in zip(quick, late, strict=True))


def test_another_perplexity_goes_on_from_the_map():
    begun = states(steps=300)[-1]
    warm = states(steps=310, perplexity=10, start=begun)[0]
    moved = (warm.unit - begun.unit).norm(dim=1).mean()
    cold = (states(steps=10, perplexity=10)[0].unit - begun.unit).norm(dim=1).mean()
    assert moved < cold / 3
    assert warm.perplexity == 10


def test_states_stay_what_they_were():
    run = cnnviz.embed(DIGITS, steps=30)
    first = next(run)
    before = first.values.clone()
    list(run)
    assert torch.equal(first.values, before)


def test_the_unit_square():
    unit = states(method="pca")[0].unit
    assert unit.min() == 0
    assert unit.max() == 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"perplexity": 101}, "perplexity must be at most 100, a third of the points, not 101."),
        ({"points": DIGITS[:4]}, "points must be at least 6 rows, not 4."),
        ({"start": 3}, "start must be a state of t-SNE of these 300 points, not 3."),
    ],
)
def test_bad_input(arguments, sentence):
    with pytest.raises(UserError) as error:
        cnnviz.embed(**{"points": DIGITS} | arguments)
    assert sentence in str(error.value)

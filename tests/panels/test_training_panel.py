"""A training can be looked back at, goes on, and asks; its scores are toured epoch by epoch."""

import pytest
import torch

import cnnviz_widgets as cnnviz
from cnnviz_widgets import panels

HOW = {"classes": 4, "each": 8, "batch": 8, "epochs": 2}


@pytest.fixture(scope="module")
def mini():
    return cnnviz.load_network("mini")


@pytest.fixture
def panel(mini):
    panel = panels.Training(mini, **HOW).run()
    yield panel
    panel.close()


def caption(panel):
    return panel._parts["filters"].image.content.caption


def test_every_epoch_can_be_looked_at(panel):
    assert list(panel._scrubber.options) == [0, 1, "latest"]
    assert caption(panel) == "after epoch 2"
    shown = panel._parts["filters"].image.content.picture
    panel._scrubber.value = 0
    assert caption(panel) == "after epoch 0"
    assert panel._parts["patches"].image.content.caption.startswith("conv3, after epoch 0")
    assert (panel._parts["filters"].image.content.picture != shown).any()


def test_another_round_goes_on_from_the_end_of_the_one_before(panel):
    kernels = panel.state.epochs[2].kernels
    panel.go_on()
    assert panel.wait(60)
    assert panel.rounds == 2
    assert [one.epoch for one in panel.state.epochs] == [0, 1, 2, 3, 4]
    assert panel.state.epochs[2].kernels is kernels
    assert panel.code().count("cnnviz.last(") == 2


def test_it_asks_after_which_epoch_and_then_tells(mini):
    panel = panels.Training(mini, **HOW, guess="epoch", seed=1)
    hidden = [widget.layout for widget in panel._telling]
    assert all(one.display == "none" for one in hidden)
    panel.run()
    view = panel._filters
    assert view.waits
    assert caption(panel) == ""
    assert view._buttons.options == ("epoch 0", "epoch 1", "epoch 2")
    epoch = int(view._right.removeprefix("epoch "))
    right = panel.state.filters(epoch).content().picture
    assert (view.image.content.picture == right).all()
    wrong = next(one for one in view._buttons.options if one != view._right)
    view.answer(wrong)
    assert view.heading == f"It is epoch {epoch}; you said {wrong}."
    assert not any(one.display for one in hidden)
    panel.close()


def test_without_a_data_set_there_is_none_to_learn_from(mini):
    panel = panels.Training(mini, source="dataset")
    with pytest.raises(cnnviz.UserError, match="source must be 'scenes'"):
        panel.run()
    panel.close()


def test_a_tour_moves_between_the_epochs(mini, panel):
    tour = panels.GrandTour(mini, training=panel.state, axes=3)
    assert tour.controls["learned"].layout.display is None
    every = panel.state.probabilities
    axes = sorted(every.flatten(0, 1).var(0).topk(3).indices.tolist())
    for share, rows in ((0.0, every[0]), (0.25, (every[0] + every[1]) / 2), (1.0, every[2])):
        tour.learned = share
        tour.run()
        assert tour.last_error is None
        torch.testing.assert_close(torch.tensor(tour._view.scatter.cloud.points), rows[:, axes])
    centered = every[:, :, axes] - every[:, :, axes].mean(1, keepdim=True)
    assert tour._view.scatter.cloud.reach == pytest.approx(float(centered.norm(dim=2).max()))
    tour.choose(3)
    torch.testing.assert_close(torch.as_tensor(tour.session.image), panel.state.pictures[3] / 255)
    assert "epoch=2" in tour.code()
    tour.close()
    plain = panels.GrandTour(mini)
    assert plain.controls["learned"].layout.display == "none"
    plain.close()

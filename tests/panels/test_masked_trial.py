"""The masked trial: its pictures are those of the method, its masks of the same pixels, and answers are counted."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

import cnnviz_widgets as cnnviz
from cnnviz_widgets import panels
from cnnviz_widgets.drawing.results import rgb
from cnnviz_widgets.panels.masked_trial import NETWORKS, PAIRS
from cnnviz_widgets.widgets.trial import Answer


@pytest.fixture(scope="module")
def panel():
    made = panels.MaskedTrial("mini", "chelsea", photographs=2, steps=3).run()
    yield made
    made.close()


def opened(file):
    return np.asarray(Image.open(BytesIO(file)))


def test_a_trial_shows_the_picture_that_it_names(panel):
    networks = [cnnviz.load_network(name) for name in NETWORKS]
    experiment = panel._experiment
    files, numbers, _ = experiment.trials._loaded
    photos = [panel.session.image, cnnviz.load_image("astronaut")]
    for trial, (picture, mask) in zip(experiment._set.trials, numbers, strict=True):
        target = PAIRS["birds"][trial.target]
        made = cnnviz.last(cnnviz.human_example(networks, photos[trial.photo], target, steps=3), progress=False)
        wanted = {"before": made.picture, "after": made.values, "flipped": made.flipped}[trial.condition]
        assert np.array_equal(opened(files[picture]), rgb(wanted))
        before, shuffled = (one.reshape(-1, 3) for one in (rgb(made.picture), opened(files[mask])))
        assert sorted(map(tuple, before)) == sorted(map(tuple, shuffled))
        assert np.abs(before.astype(int) - shuffled).mean() > 10


def test_answers_are_counted_by_condition_and_forgotten_for_other_pictures(panel):
    experiment = panel._experiment
    for number, trial in enumerate(experiment._set.trials):
        right = trial.condition == "after" or trial.target == 0
        experiment._hear(Answer(number, trial.target if right else 1 - trial.target, 4, 66.7))
    rows = dict(experiment.trials.table[1:])
    assert rows["changed"].startswith("100% (4 of 4;")
    assert rows["change flipped"].startswith("50% (2 of 4;")
    assert rows["unchanged"].startswith("50% (2 of 4;")
    assert len(panel.answers) == 12
    panel.seed = 1
    panel.run()
    assert panel.answers == ()
    assert dict(experiment.trials.table[1:]) == dict.fromkeys(rows, "–")

"""Names of before 0.2 go on working until 1.0, and say what they are called now."""

import subprocess
import sys

import pytest
import torch

import cnnviz_widgets as cnnviz
from cnnviz_widgets import operators, optimizers, registry, transforms
from cnnviz_widgets.methods.features.class_model import Recipe


@pytest.fixture(scope="module")
def mini():
    return cnnviz.load_network("mini")


def old(call, new: str):
    """What the call gives, with one warning that names the new name and points to this file."""
    with pytest.warns(DeprecationWarning, match=f"is now called '{new}'") as told:
        found = call()
    assert {one.filename for one in told if "is now called" in str(one.message)} == {__file__}
    return found


@pytest.mark.parametrize(
    ("owner", "name", "new"),
    [
        (cnnviz, "OptimisationState", "OptimizationState"),
        (cnnviz, "gradient_times_input", "input_x_gradient"),
        (cnnviz, "optimise", "optimize"),
        (cnnviz, "optimisers", "optimizers"),
        (cnnviz, "parametrisations", "parametrizations"),
        (cnnviz, "visualise", "visualize"),
        (cnnviz.panels, "FeatureVisualisation", "FeatureVisualization"),
        (cnnviz.Network, "normalise", "normalize"),
        (operators, "normalise", "normalize"),
        (operators, "laplacian_normalise", "laplacian_normalize"),
        (transforms, "Frame", "Affine"),
        (transforms, "colour", "color"),
        (optimizers, "normalised", "normalized"),
    ],
)
def test_a_name(owner, name, new):
    assert old(lambda: getattr(owner, name), new) is getattr(owner, new)


def test_an_import():
    program = "from cnnviz_widgets import visualise, optimisers; from cnnviz_widgets.panels import FeatureVisualisation"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    told = {line for line in run.stderr.splitlines() if line.startswith("<string>:1: DeprecationWarning")}
    assert len(told) == 3


def test_what_never_was_is_no_attribute():
    for owner in (cnnviz, cnnviz.panels, operators, transforms, optimizers):
        assert not hasattr(owner, "nonsense")
        assert "visualise" not in dir(owner)


def test_a_method_and_attributes(mini):
    picture = torch.rand(1, 3, *mini.input_size)
    assert torch.equal(old(lambda: mini.normalise(picture), "normalize"), mini.normalize(picture))
    filters = cnnviz.filters(mini)
    assert old(lambda: filters.coloured, "colored") is filters.colored
    found = cnnviz.last(cnnviz.top_examples(mini, cnnviz.samples(), "conv2", 3, k=2), progress=False)
    assert old(lambda: found.places, "positions") == found.positions
    assert old(lambda: found.examples[0].place, "position") == found.positions[0]
    state = next(cnnviz.optimize(mini, cnnviz.objectives.logit(1), cnnviz.parametrizations.pixels(32), steps=1))
    assert old(lambda: state.optimiser, "optimizer") is state.optimizer


def test_smooth_gradient(mini):
    photo = cnnviz.load_image("chelsea", size=(32, 32))
    found = old(lambda: cnnviz.smooth_gradient(mini, photo, 1, samples=2), 'smoothgrad.* statistic="signed".*')
    assert torch.equal(found.values, cnnviz.smoothgrad(mini, photo, 1, samples=2, statistic="signed").values)


def test_keywords(mini):
    photo = cnnviz.load_image("chelsea", size=(32, 32))
    old(lambda: operators.ball(centre=photo, radius=0.1), "center")
    aim, start = cnnviz.objectives.logit(1), cnnviz.parametrizations.pixels(32)
    state = old(lambda: next(cnnviz.optimize(mini, aim, start, steps=1, optimiser="sgd")), "optimizer")
    assert state.optimizer == optimizers.sgd()
    assert old(lambda: Recipe(colour=0.5), "color") == Recipe(color=0.5)
    old(lambda: cnnviz.class_model(mini, 1, size=32, steps=1, colour=0.0), "color")
    bank, maps = cnnviz.filters(mini), cnnviz.activations(mini, photo, "conv2")
    assert torch.equal(old(lambda: bank.tiles(scale="layer"), "normalize_by"), bank.tiles("layer"))
    found = old(lambda: maps.content(scale="channel"), "normalize_by")
    assert (found.high == maps.content(normalize_by="channel").high).all()
    with pytest.raises(TypeError, match="colour"):  # where no new name is, the old one is wrong as ever
        cnnviz.saliency(mini, photo, colour=1)


def test_words(mini):
    photo = cnnviz.load_image("chelsea", size=mini.input_size)
    gray = cnnviz.last(cnnviz.occlusion(mini, photo, size=32, stride=32, fill="gray"), progress=False).values
    states = old(lambda: cnnviz.occlusion(mini, photo, size=32, stride=32, fill="grey"), "gray")
    assert torch.equal(cnnviz.last(states, progress=False).values, gray)
    bank, maps = cnnviz.filters(mini), cnnviz.activations(mini, photo, "conv2")
    assert torch.equal(old(lambda: bank.tiles("all"), "layer"), bank.tiles("layer"))
    assert torch.equal(old(lambda: bank.tiles("each"), "filter"), bank.tiles("filter"))
    found = old(lambda: maps.content("index", "each"), "channel")
    assert (found.high == maps.content(normalize_by="channel").high).all()
    assert optimizers.chosen("normalized") is old(lambda: optimizers.chosen("normalised"), "normalized")
    with pytest.raises(cnnviz.UserError, match="'gray'"):
        cnnviz.occlusion(mini, photo, fill="greyish")


SETTINGS = [  # a panel's setting with a value as they were, and as they are
    ("Activations", {"scale": "each"}, {"normalize_by": "channel"}),
    ("Activations", {"scale": "layer"}, {"normalize_by": "layer"}),
    ("ClassActivation", {"scale": "one"}, {"color_scale": "shared"}),
    ("ClassModel", {"colour": 0.5}, {"color": 0.5}),
    ("FeatureVisualization", {"family": "both"}, {"regularization": "both"}),
    ("Filters", {"scale": "all"}, {"normalize_by": "layer"}),
    ("Filters", {"scale": "each"}, {"normalize_by": "filter"}),
    ("Gradients", {"scale": "one"}, {"color_scale": "shared"}),
]
WORDS = [  # values that have changed, of settings that have not
    ("Compare", "chosen", "gradient_times_input", "input_x_gradient"),
    ("Compare", "methods", ("cam", "gradient_times_input"), ("input_x_gradient", "cam")),
    (
        "Gradients",
        "cells",
        (("saliency", "guided"), ["gradient_times_input", "backprop"]),
        (("saliency", "guided"), ("input_x_gradient", "backprop")),
    ),
    ("Occlusion", "fill", "grey", "gray"),
]


@pytest.mark.parametrize(("panel", "was", "now"), SETTINGS)
def test_a_setting_of_a_panel(panel, was, now, mini):
    kind, [(name, value)] = getattr(cnnviz.panels, panel), now.items()
    made = old(lambda: kind(mini, **was), name)
    assert getattr(made, name) == value
    made.close()


@pytest.mark.parametrize(("panel", "was", "now"), SETTINGS)
def test_an_attribute_of_a_panel(panel, was, now, mini):
    made, [(before, old_value)], [(name, value)] = getattr(cnnviz.panels, panel)(mini), was.items(), now.items()
    old(lambda: setattr(made, before, old_value), name)
    assert getattr(made, name) == value
    if before != "family":  # which every panel has one of today
        assert old(lambda: getattr(made, before), name) == value
    made.close()


@pytest.mark.parametrize(("panel", "name", "was", "now"), WORDS)
def test_a_word_of_a_panel(panel, name, was, now, mini):
    kind, new = getattr(cnnviz.panels, panel), "gray" if was == "grey" else "input_x_gradient"
    made = old(lambda: kind(mini, **{name: was}), new)
    assert getattr(made, name) == now
    old(lambda: setattr(made, name, was), new)
    made.close()


def test_every_old_name_of_a_panel_is_in_the_table():
    kinds = (getattr(cnnviz.panels, found.name) for found in registry.panels())
    declared = {(kind.__name__, name) for kind in kinds for name in kind.old_names}
    assert declared <= {(panel, name) for panel, was, _ in SETTINGS for name in was}

"""A panel begins with what its method takes where nothing is said, and its controls reach what the course asks for."""

import inspect

import pytest

import cnnviz_widgets as cnnviz
from cnnviz_widgets import panels, registry
from cnnviz_widgets.drawing.results import ActivationMaps, Filters
from cnnviz_widgets.methods.features.class_model import RECIPES
from cnnviz_widgets.methods.features.invert import spread
from cnnviz_widgets.panels.class_model import fields

PANELS = [getattr(panels, one.name) for one in registry.panels()]

METHODS = {
    panels.Filters: [Filters.content],
    panels.Circuit: [cnnviz.Circuit.content],
    panels.Activations: [ActivationMaps.content],
    panels.Occlusion: [cnnviz.occlusion],
    panels.Gradients: [],  # its cells say which methods
    panels.ClassActivation: [
        cnnviz.grad_cam, cnnviz.grad_cam_pp, cnnviz.hires_cam, cnnviz.layer_cam, cnnviz.cam, cnnviz.score_cam
    ],
    panels.Sanity: [cnnviz.sanity_check],
    panels.Compare: [cnnviz.deletion_curve, cnnviz.insertion_curve],
    panels.TrustQuiz: [cnnviz.trust_quiz],
    panels.InterpretableFilters: [cnnviz.InterpretableState.compared],
    panels.ClassModel: [cnnviz.class_model, cnnviz.optimize],
    panels.FeatureVisualization: [cnnviz.visualize, cnnviz.diverse, cnnviz.optimize],
    panels.DeepDream: [cnnviz.dream, cnnviz.dream_zoom],
    panels.Inversion: [cnnviz.invert, cnnviz.optimize],
    panels.TextureGrowth: [cnnviz.grow_texture],
    panels.Texture: [cnnviz.texture],
    panels.StyleTransfer: [cnnviz.transfer],
    panels.Doodle: [cnnviz.doodle],
    panels.Reconstructions: [cnnviz.reconstructions],
    panels.FastStyle: [cnnviz.train_style],
    panels.LiveStyle: [],  # the style that is bundled says how it was trained
    panels.Normalization: [cnnviz.train_style],
    panels.SuperResolution: [cnnviz.upscale, cnnviz.upscale_table],
    panels.Generator: [cnnviz.render_object],
    panels.FeatureDecoder: [],  # its controls are those of inversion, with fewer steps
    panels.ReceptiveField: [cnnviz.receptive_field],
    panels.Convolution: [cnnviz.convolve],
    panels.ConvolutionMatrix: [cnnviz.convolution_matrix],
    panels.Smoothing: [cnnviz.convolve],
    panels.Checkerboard: [cnnviz.overlap, cnnviz.upsample_compare],
    panels.Matching: [cnnviz.best_input],
    panels.Pixels: [cnnviz.numbers],
    panels.Illusion: [cnnviz.illusion, cnnviz.hybrid],
    panels.MaskedTrial: [cnnviz.human_example],
    panels.OnePixel: [cnnviz.one_pixel],
    panels.Patch: [cnnviz.patch, cnnviz.optimize],
    panels.Attack: [cnnviz.pgd],
    panels.Fooling: [cnnviz.fool],
    panels.LinearToy: [cnnviz.linear_toy],
    panels.RobustExample: [cnnviz.robust_example],
    panels.Defense: [cnnviz.train_robust],
    panels.Transfer: [cnnviz.transfer_attack],
    panels.Attacker: [cnnviz.train_attacker],
    panels.Universal: [cnnviz.universal],
    panels.OtherClassifiers: [cnnviz.fool_hog, cnnviz.hog_classifier],
    panels.Neighbors: [cnnviz.neighbors],
    panels.Embedding: [cnnviz.embed],
    panels.ImageMap: [cnnviz.embed],
    panels.GrandTour: [],
    panels.Patches: [cnnviz.top_patches],
    panels.Spectrum: [cnnviz.spectrum],
    panels.Tuning: [cnnviz.tuning],
    panels.Training: [cnnviz.train_live],
    panels.Dictionary: [cnnviz.semantic_dictionary],
    panels.Unit: [cnnviz.tuning],
}  # fmt: skip
NAMED_OTHERWISE = {  # (panel, trait) -> (method, parameter, factor)
    (panels.Activations, "order"): (ActivationMaps.content, "by", 1),
    (panels.ClassActivation, "upsampled"): (cnnviz.grad_cam, "upsample", 1),
    (panels.ClassModel, "starts"): (cnnviz.class_model, "batch", 1),
    (panels.DeepDream, "strength"): (cnnviz.dream, "step_size", 255),
    (panels.Inversion, "rungs"): (spread, "number", 1),
    (panels.Dictionary, "groups"): (cnnviz.factor_groups, "k", 1),
}
FITTED = {  # to the picture, to the network, and to the patience of somebody who only wants to see a difference
    (panels.Occlusion, "size"),
    (panels.Sanity, "step"),
    (panels.Normalization, "steps"),
}
OF_THE_PANEL = {  # what a trait means that has a parameter's name and is something else
    (panels.Doodle, "content"),  # the name of a sample, and not a picture
    (panels.ClassModel, "steps"),  # a recipe says, see below
    (panels.DeepDream, "guide"),  # the name of a sample, and not a picture
    (panels.DeepDream, "size"),
    (panels.ClassModel, "picture"),  # a recipe's, not a parametrization
    (panels.Sanity, "methods"),
    (panels.TrustQuiz, "methods"),  # names of controls, and not functions
    (panels.Texture, "weights"),  # of layers, and not of samples
    (panels.StyleTransfer, "weights"),
    *((panels.Illusion, name) for name in ("kind", "far", "near")),  # words of controls, and names of samples
    (panels.Transfer, "networks"),  # names of bundled ones
    *((one, "padding") for one in (panels.Convolution, panels.ConvolutionMatrix)),  # a number to be edited: 0 is valid
    (panels.Smoothing, "padding"),  # same: the smoothed curve lies over the whole of the noisy one
    (panels.Texture, "parameters"),  # a word of the control: "" is None
    *((kind, "size") for kind in (panels.TextureGrowth, panels.Texture, panels.StyleTransfer, panels.Doodle)),  # quick
    (panels.Reconstructions, "size"),  # likewise
}


def parameters(method):
    return inspect.signature(method).parameters


def test_every_panel_is_compared():
    assert set(METHODS) == set(PANELS)


@pytest.mark.parametrize("panel", METHODS, ids=lambda panel: panel.__name__)
def test_a_trait_begins_with_the_default_of_its_method(panel):
    for name in panel._own_traits():
        if (panel, name) in OF_THE_PANEL:
            continue
        for method in METHODS[panel]:
            if name in parameters(method):  # the first one that knows it; optimize is what the others stand on
                wanted = parameters(method)[name].default
                if wanted is not inspect.Parameter.empty:  # a panel begins with a sample, a function with none
                    assert getattr(panel, name).default_value == wanted, (name, method)
                break


@pytest.mark.parametrize("of", NAMED_OTHERWISE, ids=lambda of: f"{of[0].__name__}.{of[1]}")
def test_a_trait_of_another_name_does_too(of):
    method, parameter, factor = NAMED_OTHERWISE[of]
    assert getattr(*of).default_value == factor * parameters(method)[parameter].default


def test_a_class_model_begins_as_its_recipe():
    recipe = RECIPES[panels.ClassModel.preset.default_value]
    for name, field in {"steps": "steps", **fields()}.items():
        assert getattr(panels.ClassModel, name).default_value == getattr(recipe, field), name


def test_what_was_told_in_two_ways():
    told = {(panels.Inversion, "smoothness"): 0.5, (panels.Inversion, "steps"): 256, (panels.Compare, "steps"): 50,
            (panels.FeatureVisualization, "steps"): 256, (panels.ClassModel, "steps"): 256,
            (panels.DeepDream, "frames"): 60}  # fmt: skip
    assert {(panel, name): getattr(panel, name).default_value for panel, name in told} == told


@pytest.mark.parametrize("smoothness", [0.0, 0.5, 1.0, 10.0])
def test_the_course_fits_on_the_slider(smoothness):
    panel = panels.Inversion("mini", smoothness=smoothness)
    control = panel.controls["smoothness"]
    assert control.value == panel.smoothness == smoothness
    panel.close()


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel.__name__)
def test_a_default_is_a_place_of_its_control(panel):
    """A slider between two of whose stops the default lies would move it."""
    made = panel("mini")
    for name in panel._own_traits():
        default = getattr(panel, name).default_value
        if (panel, name) not in FITTED:
            assert getattr(made, name) == default, name
    made.close()

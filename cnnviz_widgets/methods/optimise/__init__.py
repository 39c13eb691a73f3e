"""Gradient steps on a picture: one loop, what it is made of, and the techniques that are made of it."""

from cnnviz_widgets.methods.optimise import objectives, operators, optimisers, parametrisations, transforms
from cnnviz_widgets.methods.optimise.class_models import RECIPES, Recipe, class_model
from cnnviz_widgets.methods.optimise.dreams import dream, dream_zoom
from cnnviz_widgets.methods.optimise.features import FAMILIES, diverse, interpolate, visualise
from cnnviz_widgets.methods.optimise.inversion import InversionLadder, inversion_ladder, invert, invert_hog
from cnnviz_widgets.methods.optimise.loop import OptimisationState, optimise

__all__ = [
    "FAMILIES",
    "RECIPES",
    "InversionLadder",
    "OptimisationState",
    "Recipe",
    "class_model",
    "diverse",
    "dream",
    "dream_zoom",
    "interpolate",
    "inversion_ladder",
    "invert",
    "invert_hog",
    "objectives",
    "operators",
    "optimise",
    "optimisers",
    "parametrisations",
    "transforms",
    "visualise",
]

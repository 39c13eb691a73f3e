"""Chapter 12: what a layer still knows of a picture."""

from typing import Any

import torch

from cnnviz_widgets.exercises.feedback import Wrong, check, given, refute, tensor
from cnnviz_widgets.exercises.question import Question


@check
def check_inversion_loss(function: Any) -> str:
    """function(features, wanted, picture, weight): ``‖Φ − Φ₀‖² / ‖Φ₀‖² + weight · Σ squared differences``."""
    given(function, "write the function `my_loss`.")
    draw = torch.Generator().manual_seed(0)
    features, wanted = torch.randn(2, 4, 3, 3, generator=draw).double()
    picture, weight = torch.rand(3, 5, 6, generator=draw).double(), 0.01
    answer = function(features, wanted, picture, weight)
    given(answer, "`my_loss` returns nothing yet: let it return one number.")
    distance, size = (features - wanted).square().sum(), wanted.square().sum()
    across, down = picture.diff(dim=-1), picture.diff(dim=-2)
    rough = across.square().sum() + down.square().sum()
    mistakes = {
        "the total variation is missing: nothing asks for a smooth picture.": distance / size,
        "the distance is missing: nothing asks for these features.": weight * rough,
        "the distance is not divided by ‖Φ₀‖²: every layer would need another weight.": distance + weight * rough,
        "the weight of the total variation is missing.": distance / size + rough,
        "the distance is not squared.": distance.sqrt() / size.sqrt() + weight * rough,
        "the roughness is that of the features: take the picture's.": distance / size
        + weight * (features.diff(dim=-1).square().sum() + features.diff(dim=-2).square().sum()),
        "only one direction of the total variation is there: rows and columns both count.": distance / size
        + weight * across.square().sum(),
        "the differences of neighbors are to be squared, not taken as sizes.": distance / size
        + weight * (across.abs().sum() + down.abs().sum()),
    }
    if refute(tensor(answer, (), "what `my_loss` returns"), distance / size + weight * rough, mistakes):
        return "The first term asks for the same features, the second one for the smoothest picture that has them."
    raise Wrong("it must be `‖features − wanted‖² / ‖wanted‖² + weight · (sum of squared differences of neighbors)`.")


def ask_forgotten() -> Question:
    """The layer of a ladder whose inversion is the least like the photograph."""
    return Question(
        "From which layer does the inversion look least like the photograph?",
        {
            "a": (
                "The first convolution.",
                "the first convolution has more numbers than the picture has: almost everything is still there.",
            ),
            "b": (
                "The first ReLU.",
                "a ReLU takes the negative half, but a filter and its opposite are often both there: little is lost.",
            ),
            "c": (
                "The first max pooling.",
                "some places are gone after one pooling, but not what was there.",
            ),
            "d": (
                "The last layer before the classifier.",
                "The deeper, the more pictures look the same to it: it keeps what tells classes apart, and loses "
                "where things are and how they look.",
            ),
        },
        right="d",
    )


def ask_prior() -> Question:
    """What comes out at a deep layer when the total variation is left away."""
    return Question(
        "You invert a deep layer with λ = 0, without the total variation. What do you expect?",
        {
            "a": (
                "The features fit badly.",
                "the features fit even better than with it: nothing else is asked for.",
            ),
            "b": (
                "A noisy picture whose features fit very well.",
                "Many pictures have these features, and nearly all of them look like noise: without a prior you get "
                "one of those. It says nothing about what the network sees.",
            ),
            "c": (
                "The photograph, sharp again.",
                "the network never sees the photograph's sharp edges again; it was asked for its features alone.",
            ),
            "d": (
                "A smooth picture all the same.",
                "the total variation is what makes it smooth; without it nothing does.",
            ),
        },
        right="b",
    )

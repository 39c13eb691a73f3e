"""M1, M2: class models by gradient ascent on a class score."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

from cnnviz_widgets import renamed
from cnnviz_widgets.engine.optimize import objectives, operators, parametrizations, transforms
from cnnviz_widgets.engine.optimize.loop import OptimizationState, optimize
from cnnviz_widgets.engine.optimize.optimizers import OptimizerName
from cnnviz_widgets.engine.optimize.parametrizations import Size
from cnnviz_widgets.engine.schedules import faded
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import Positive, Range, Rate, Share, gate
from cnnviz_widgets.networks import Network

__all__ = ["class_model"]
example = dict(size=32, steps=2)


@gate
@dataclass(frozen=True)
class Recipe:
    """The regularization of a class model; 0 turns a term off. Pixel values are 0…1.

    picture              parametrization: "pixels" or "fourier"
    sd                   standard deviation of the noise at the start
    steps                optimization steps
    optimizer, learning_rate   as in ``optimize``
    fading               share of the learning rate that is left at the end of a cosine schedule
    l2                   weight of the L2 penalty on the picture
    total_variation      weight of the total variation of the picture
    decay                L2 decay: share of the difference from the mean color that is removed in every step
    blur                 standard deviation in px of a Gaussian blur between steps
    blur_every           steps from one blur to the next
    small_norms          share of pixels, those of least norm, that are set to the mean color in every step
    small_contributions  share of pixels, those of least effect on the score, that are set to the mean color
    jitter               random translation, by up to so many px
    pad                  width in px of a gray border around the picture
    scale                random scaling, by up to this share
    rotate               random rotation, by up to so many degrees
    soften               random Gaussian blur before the network, σ up to so many px
    color                random change of brightness, contrast and tint, by up to this amount
    flip                 random mirror images
    """

    picture: Literal["pixels", "fourier"] = "pixels"
    sd: Annotated[float, Range(0)] = 0.01
    steps: Positive = 200
    optimizer: OptimizerName = "normalized"
    learning_rate: Rate = 0.015
    fading: Share = 1.0
    l2: float = 0.0
    total_variation: float = 0.0
    decay: Share = 0.0
    blur: Annotated[float, Range(0, 1000)] = 0.0
    blur_every: Positive = 4
    small_norms: float = 0.0
    small_contributions: float = 0.0
    pad: Annotated[int, Range(0, 1024)] = 0
    jitter: Annotated[int, Range(0, 1024)] = 0
    scale: Annotated[float, Range(0, 0.99)] = 0.0
    rotate: Annotated[float, Range(-360, 360)] = 0.0
    soften: Annotated[float, Range(0, 1000)] = 0.0
    color: Annotated[float, Range(0)] = 0.0
    flip: bool = False


Preset = Literal["simonyan", "cs231n", "yosinski-1", "yosinski-2", "yosinski-3", "yosinski-4", "distill"]

_YOSINSKI = Recipe(sd=10 / 255, learning_rate=0.02)

RECIPES: dict[Preset, Recipe] = {
    "simonyan": Recipe(sd=0.0, l2=1e-3),
    "cs231n": Recipe(l2=1e-3, blur=0.5, blur_every=10, jitter=16),
    "yosinski-1": replace(_YOSINSKI, steps=500, blur=0.5, small_norms=0.5),
    "yosinski-2": replace(_YOSINSKI, steps=750, learning_rate=0.1, decay=0.3, small_norms=0.2),
    "yosinski-3": replace(_YOSINSKI, steps=1000, decay=1e-4, blur=1.0),
    "yosinski-4": replace(_YOSINSKI, steps=1000, blur=0.5, small_contributions=0.9),
    "distill": Recipe(
        "fourier", 0.01, 256, "adam", 0.05, fading=0.1, l2=5e-4,
        pad=16, jitter=16, scale=0.1, rotate=5, soften=2.0, color=0.1, flip=True,
    ),
}  # fmt: skip


@gate
def class_model(
    network: Network,
    target: int | str | Sequence[int | str],
    preset: Preset = "distill",
    *,
    size: Size = None,
    batch: int = 1,
    **changes: Any,
) -> Iterator[OptimizationState]:
    """A picture that maximizes the score of a class: what the network has learned of it (Simonyan et al., 2014).

    target   class index or name; a list gives one picture per class, in one run
    preset   "simonyan" (Simonyan et al., 2014), "cs231n", "yosinski-1" … "yosinski-4" (the four settings of Yosinski et
             al., 2015), "distill" (Olah et al., 2017)
    size     in px; None = the network's own
    batch    number of pictures of the class, each from different noise
    changes  of the preset: any field of ``Recipe``, such as ``l2=1e-2``; and ``seed``, ``snapshots`` and
             ``start``, as in ``optimize``
    Yields OptimizationState. UserError for a class or preset that does not exist.

        last(class_model(load_network("mini"), "bell pepper")).values
    """
    options = {key: changes.pop(key) for key in ("seed", "snapshots", "start") if key in changes}
    changes = renamed.arguments(changes, vars(RECIPES[preset]))
    if unknown := changes.keys() - vars(RECIPES[preset]).keys():
        raise UserError(f"unknown option {unknown.pop()!r}; a recipe has {', '.join(vars(RECIPES[preset]))}.")
    recipe = replace(RECIPES[preset], **changes)
    if isinstance(target, Sequence) and not isinstance(target, str):
        if not target:
            raise UserError("target must be at least one class, not an empty list.")
        batch = len(target)
    return optimize(
        network,
        _objective(recipe, target),
        _picture(recipe, size, batch),
        _transforms(recipe),
        steps=recipe.steps,
        optimizer=recipe.optimizer,
        learning_rate=_faded(recipe),
        after=_after(recipe),
        **options,
    )


def _objective(recipe: Recipe, target: Any) -> objectives.Objective:
    aim: objectives.Objective = objectives.logit(target)
    if recipe.l2:
        aim = aim - recipe.l2 * objectives.l2()
    if recipe.total_variation:
        aim = aim - recipe.total_variation * objectives.total_variation()
    return aim


def _picture(recipe: Recipe, size: Size, batch: int) -> parametrizations.Parametrization:
    kinds = {"pixels": parametrizations.pixels, "fourier": parametrizations.fourier}
    return kinds[recipe.picture](size, batch, sd=recipe.sd)


def _transforms(recipe: Recipe) -> list[transforms.Transform]:
    asked: list[tuple[float, Callable[[], transforms.Transform]]] = [
        (recipe.pad, lambda: transforms.pad(recipe.pad)),
        (recipe.jitter, lambda: transforms.jitter(recipe.jitter, wrap=not recipe.pad)),
        (recipe.scale, lambda: transforms.scale(1 - recipe.scale, 1 + recipe.scale)),
        (recipe.rotate, lambda: transforms.rotate(recipe.rotate)),
        (recipe.flip, transforms.flip),
        (recipe.soften, lambda: transforms.blur(0, recipe.soften)),
        (recipe.color, lambda: transforms.color(recipe.color, recipe.color, recipe.color)),
    ]
    return [make() for amount, make in asked if amount]


def _after(recipe: Recipe) -> list[operators.After]:
    """In Yosinski's order."""
    asked = [
        (recipe.decay, lambda: operators.decay(recipe.decay)),
        (recipe.blur, lambda: operators.blur(recipe.blur, recipe.blur_every)),
        (recipe.small_norms, lambda: operators.clip_small_norms(recipe.small_norms)),
        (recipe.small_contributions, lambda: operators.clip_small_contributions(recipe.small_contributions)),
    ]
    return [make() for amount, make in asked if amount]


def _faded(recipe: Recipe) -> Callable[[int], float]:
    return lambda step: recipe.learning_rate * faded(step / recipe.steps, recipe.fading)

"""D1: DeepDream (Mordvintsev et al., 2015): amplify what layers detect in a photograph."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial, reduce
from io import BytesIO
from operator import add
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from torch import Tensor

from cnnviz_widgets.drawing.results import rgb
from cnnviz_widgets.engine.optimize import objectives, operators, transforms
from cnnviz_widgets.engine.optimize.loop import OptimizationState, optimize
from cnnviz_widgets.engine.optimize.objectives import AnyLayer, Objective
from cnnviz_widgets.engine.optimize.parametrizations import pixels
from cnnviz_widgets.engine.optimize.smoothing import resize
from cnnviz_widgets.engine.optimize.transforms import FARTHEST, Affine, warp
from cnnviz_widgets.errors import UserError, naming
from cnnviz_widgets.gate import Positive, Range, Rate, Seed, came, gate
from cnnviz_widgets.networks import Network
from cnnviz_widgets.pictures.given import AnyPicture

__all__ = ["dream", "dream_zoom"]
example = dict(octaves=1, steps=2, frames=1)

Layers = AnyLayer | Sequence[AnyLayer] | Mapping[str, float] | None
SMALLEST = 64  # px: the shorter side of an octave; smaller ones are left out
BRIDGE = 32  # px over which opposite sides of a rolled picture fade into each other


@gate
def dream(
    network: Network,
    image: AnyPicture,
    layers: Layers = None,
    *,
    octaves: Annotated[int, Range(1, 64)] = 4,
    octave_scale: Annotated[float, Range(above=1, most=16)] = 1.4,
    steps: Positive = 10,
    step_size: Rate = 1.5 / 255,
    jitter: Annotated[int, Range(0, FARTHEST)] = 32,
    guide: AnyPicture | None = None,
    seed: Seed = 0,
    start: OptimizationState | None = None,
) -> Iterator[OptimizationState]:
    """DeepDream (Mordvintsev et al., 2015): amplify what layers detect in a photograph, from coarse to fine.

    image         (C, H, W) or (B, C, H, W), values 0…1; optimized in its own size, in one piece (without tiles)
    layers        a name, several, or {name: weight}; None = ``network.default_layer``
    octaves       sizes in which it is optimized, each ``octave_scale`` times the one before; the details of one are
                  carried to the next. Octaves below 64 px are left out
    steps         in each octave
    step_size     mean change of a value (0…1) in one step
    jitter        px by which the picture is rolled at random in every step. Opposite sides fade into each other, so
                  that no edge appears where they meet
    guide         (C, H, W), 0…1: amplify features of this picture instead; see ``objectives.matching``
    start         a state of this dream to go on from, of the same image, octaves, octave_scale and steps. All other
                  arguments may differ from those that it was made with: they hold from the next step on
    Yields OptimizationState after every step, each with the picture in full size. To go on after the last one, dream
    again of its ``values``.

        last(dream(load_network("mini"), load_image("chelsea"), "conv4")).values
    """
    objective = _objective(network, layers, guide)
    photo = pixels(start=network.prepare(image, resize=False)).begin(network, torch.Generator()).start[0]
    full = tuple(photo.shape[-2:])
    sizes = [tuple(max(1, round(side / octave_scale**smaller)) for side in full) for smaller in range(octaves)]
    sizes = [size for size in sizes if size == full or min(size) >= SMALLEST][::-1]
    objective.bind(network, len(photo))

    total, first = len(sizes) * steps, 0
    if start is not None:
        first = (start.step - 1) // steps
        if start.total != total or start.parameters[0].shape != (*photo.shape[:2], *sizes[first]):
            raise UserError("start must be a state of a dream of the same image, octaves, octave_scale and steps.")
        if start.step == total:
            raise UserError("start must be a state before the last step: dream again of its values.")

    def states() -> Iterator[OptimizationState]:
        detail, begun = torch.zeros_like(photo), start
        for octave, size in enumerate(sizes[first:], first):
            done, plain = octave * steps, resize(photo, size)
            picture = pixels(start=plain + resize(detail, size))
            form = picture.begin(network, torch.Generator())
            state = going_on = begun and replace(begun, step=begun.step - done, form=form)
            if going_on is None or going_on.step < steps:
                for state in optimize(
                    network,
                    objective,
                    picture,
                    [_bridged, transforms.jitter(jitter, wrap=True)] if jitter else [],
                    steps=steps,
                    optimizer="sgd",
                    learning_rate=step_size,
                    gradient=[operators.normalize("mean")],
                    seed=seed + octave,
                    start=going_on,
                ):
                    in_full = replace(form, decode=partial(_in_full, photo, plain))
                    yield replace(state, step=done + state.step, total=total, form=in_full)
            assert state is not None  # there is at least one step
            detail, begun = state.parameters[0] - plain, None

    return states()


def _bridged(pictures: Tensor, generator: torch.Generator) -> Tensor:
    """With a border below and on the right that fades from one side into the opposite one. It is not optimized."""
    for axis in (-2, -1):
        side = pictures.shape[axis]
        wide = min(BRIDGE, side)
        first, last = (pictures.detach().narrow(axis, at, wide).flip(axis) for at in (0, side - wide))
        fade = torch.linspace(0, 1, wide).to(pictures)
        pictures = torch.cat([pictures, last.lerp(first, fade[:, None] if axis == -2 else fade)], axis)
    return pictures


def _in_full(photo: Tensor, plain: Tensor, dreamed: Tensor) -> Tensor:
    """The photograph with what has changed in an octave of it."""
    return photo + resize(dreamed - plain, tuple(photo.shape[-2:]))


def _objective(network: Network, layers: Layers, guide: AnyPicture | None) -> Objective:
    if layers is None:
        layers = network.default_layer
    if not isinstance(layers, Mapping):
        several = layers if isinstance(layers, Sequence) and not isinstance(layers, str) else [layers]
        layers = {network.layer(one).name: 1.0 for one in several}
    if not layers:
        raise UserError("layers must name at least one layer.")
    if guide is None:
        return _sum(weight * objectives.layer(name) for name, weight in layers.items())
    with naming("guide"):
        features = network.activations(guide, layers)
    return _sum(weight * objectives.matching(name, features[name]) for name, weight in layers.items())


def _sum(terms: Iterable[Objective]) -> Objective:
    return reduce(add, terms)


@gate
def dream_zoom(
    network: Network,
    image: AnyPicture,
    path: str | Path | None = None,
    layers: Layers = None,
    *,
    frames: Positive = 60,
    zoom: Annotated[float, Range(0.01, 100)] = 1.05,
    degrees: Annotated[float, Range(-360, 360)] = 0.0,
    frames_per_second: Annotated[float, Range(0.1, 1000)] = 15,
    octaves: Annotated[int, Range(1, 64)] = 2,
    seed: Seed = 0,
    **options: Any,
) -> Iterator[OptimizationState]:
    """A film of DeepDream: dream, zoom in a little, dream again, and so on. It is written to ``path``, if there is one.

    image    (C, H, W), values 0…1
    path     "….gif", "….png" (animated) or "….mp4" (that needs the package imageio with ffmpeg); without such an
             ending, a folder of numbered PNG files; None = nothing is written: the states have the pictures
    frames   pictures in the film
    zoom     factor from one frame to the next
    degrees  by which the picture turns from one frame to the next
    Other arguments as in ``dream``. Yields a state after every step of every frame; each frame has ``total / frames``
    of them. The film is there at the end, and as many frames as are whole if one stops before.
    """
    if image.ndim != 3:
        raise UserError(f"image must be one picture (C, H, W), not {'×'.join(map(str, image.shape))}.")
    file = None if path is None else Path(path)
    if file and file.suffix == ".mp4":
        _needs_imageio()
    elif file and (not str(path) or file.suffix not in ("", ".gif", ".png")):  # Path("") is the folder that one is in
        raise UserError(f"path must end in .gif, .png or .mp4, or be a folder, not {came(file.name)}.")
    if "start" in options:
        raise UserError("start must be left out: a film begins with the image.")
    angle = np.deg2rad(degrees)
    turn = torch.tensor([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, zoom]]) / zoom
    affine = Affine(tuple(image.shape[-2:]), turn[None])
    first = dream(network, image, layers, octaves=octaves, seed=seed, **options)  # what is wrong is told now

    def states() -> Iterator[OptimizationState]:
        film, picture, dreaming = [], image, first
        try:
            for number in range(frames):
                if number:
                    picture = warp(picture[None], affine)[0]
                    dreaming = dream(network, picture, layers, octaves=octaves, seed=seed + number, **options)
                for state in dreaming:
                    if state.step == state.total:
                        film.append(rgb(state.values))
                    yield replace(state, step=number * state.total + state.step, total=frames * state.total)
                picture = state.values
        finally:
            if film and file:
                write_film(film, file, frames_per_second)

    return states()


def write_film(film: Sequence[np.ndarray], path: Path, frames_per_second: float) -> None:
    """Pictures (H, W, 3) uint8, as an animated GIF or PNG, an MP4, or a folder of numbered PNG files."""
    from PIL import Image

    if path.suffix == ".mp4":
        even = [frame[: len(frame) // 2 * 2, : frame.shape[1] // 2 * 2] for frame in film]  # as the codec wants them
        _needs_imageio().mimwrite(path, even, fps=frames_per_second, macro_block_size=1)
        return
    if path.suffix:
        path.write_bytes(animation(film, path.suffix[1:], frames_per_second))
        return
    path.mkdir(parents=True, exist_ok=True)
    for number, frame in enumerate(film):
        Image.fromarray(frame).save(path / f"{number:04d}.png")


def animation(film: Sequence[np.ndarray], kind: str, frames_per_second: float) -> bytes:
    """An animated "gif" or "png"."""
    from PIL import Image

    first, *others = (Image.fromarray(frame) for frame in film)
    file, duration = BytesIO(), round(1000 / frames_per_second)
    first.save(file, kind, save_all=True, append_images=others, duration=duration, loop=0)
    return file.getvalue()


def balanced(network: Network, image: AnyPicture, weights: Mapping[str, float]) -> dict[str, float]:
    """Weights of layers, each divided by the mean square of its layer in a picture: layers differ a thousandfold."""
    values = network.activations(image, list(weights))
    strengths = {name: max(float(values[name].square().mean()), 1e-12) for name in weights}
    return {name: float(f"{weight / strengths[name]:.3g}") for name, weight in weights.items()}


def _needs_imageio():
    with suppress(ImportError):
        import imageio_ffmpeg  # noqa: F401
        from imageio import v2

        return v2
    raise UserError(
        'path ends in .mp4, which needs "pip install imageio[ffmpeg]": install that, or choose .gif or .png.'
    )

"""Every channel of some layers as the picture that maximizes it, in one file."""

import io
import json
import math
import os
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from PIL import Image
from torch import Generator, Tensor, nn

from cnnviz_widgets.content import Content, tile
from cnnviz_widgets.drawing.results import Result, rgb
from cnnviz_widgets.engine.checks import AnyLayers, several_layers, whole_number
from cnnviz_widgets.engine.optimize import objectives, optimize, parametrizations, transforms
from cnnviz_widgets.engine.optimize.parametrizations import Form, Parametrization
from cnnviz_widgets.engine.optimize.transforms import Affine, Geometric, Transform
from cnnviz_widgets.errors import UserError, naming
from cnnviz_widgets.gate import Positive, Range, Seed, came, gate
from cnnviz_widgets.networks import Layer, Network
from cnnviz_widgets.remarks import remark
from cnnviz_widgets.runtime.files import unfinished

__all__ = ["Atlas", "atlas", "load_atlas"]
example = dict(size=16, channels=[1, 0], steps=2)

SIZE, STEPS = 48, 128
AT_ONCE = 16  # pictures in a run: more are not quicker
GRAY = 128  # where a picture will be
QUALITY = 80  # of WebP
BUNDLED = Path(__file__).parents[2] / "networks" / "weights" / "mini.atlas"
ABOUT = "atlas.json"  # the rest of the file is a sheet of pictures for each layer, by its number


@dataclass(frozen=True, eq=False, repr=False)
class Atlas(Result):
    """The pictures of channels, as far as they are drawn.

    step, total  optimization steps of what was asked for, each of several pictures
    network      whose channels they are
    pictures     layer → (C, size, size, 3) uint8, gray where nothing has been drawn
    drawn        layer → (C,) whether a picture is complete
    steps, seed  as in ``atlas``
    """

    step: int
    total: int
    network: Network
    pictures: Mapping[str, np.ndarray]
    drawn: Mapping[str, np.ndarray]
    steps: int
    seed: int
    convention: str = "pictures, values 0…1"

    @property
    def layers(self) -> tuple[str, ...]:
        return tuple(self.pictures)

    @property
    def size(self) -> int:
        """Side of a picture in px."""
        return next(iter(self.pictures.values())).shape[1]

    @property
    def of(self) -> str:
        return f"{self.network.name}: {', '.join(self.layers)}"

    @property
    def values(self) -> Tensor:
        """(n, 3, size, size): the complete pictures of all layers."""
        known = [self.pictures[layer][self.drawn[layer]] for layer in self.layers]
        return torch.from_numpy(np.concatenate(known)).permute(0, 3, 1, 2) / 255

    def has(self, layer: str, channels: Sequence[int]) -> bool:
        """Whether the pictures of all these channels are complete."""
        return layer in self.drawn and bool(self.drawn[layer][[*channels]].all())

    @gate
    def of_channels(self, layer: str | Layer | nn.Module, channels: Sequence[int]) -> np.ndarray:
        """(n, size, size, 3) uint8: the pictures of some channels, gray where there is none yet.

        Raises UserError for a layer that is not in the atlas, and for an unknown channel.
        """
        name = self.network.layer(layer).name
        if name not in self.pictures:
            raise UserError(f"layer {name!r} is not in the atlas, which has {', '.join(map(repr, self.layers))}.")
        most = len(self.pictures[name]) - 1
        numbers = [whole_number("channels", one, 0, most, f"in layer {name!r}") for one in channels]
        return self.pictures[name][numbers]

    @gate
    def content(self, layer: str | Layer | nn.Module | None = None) -> Content:
        """The complete pictures of a layer; None = of all."""
        layers = self.layers if layer is None else (self.network.layer(layer).name,)
        keys = [(one, int(channel)) for one in layers for channel in self.drawn.get(one, np.empty(0)).nonzero()[0]]
        if not keys:
            return Content(caption=f"{self.of}: nothing is drawn")
        pictures = np.concatenate([self.pictures[one][self.drawn[one]] for one in layers if one in self.drawn])
        names = tuple(f"{one} channel {channel}" for one, channel in keys)
        return Content(pictures, names=names, keys=tuple(keys), caption=f"{self.network.name}: {', '.join(layers)}")

    @gate
    def save(self, path: str | os.PathLike) -> None:
        """A zip file of WebP sheets, one a layer, which ``load_atlas`` reads. What is drawn halfway is left out.

        A file that is there is replaced once this one is complete. Raises UserError where none can be written.
        """
        drawn = {layer: one.nonzero()[0].tolist() for layer, one in self.drawn.items()}
        about = {name: getattr(self, name) for name in ("size", "steps", "seed")} | {"drawn": drawn}
        about |= {"network": self.network.name, "fingerprint": self.network.fingerprint}
        part = unfinished(path)
        try:
            with zipfile.ZipFile(part, "w") as file:  # WebP is compressed
                for number, layer in enumerate(self.layers):
                    file.writestr(zipfile.ZipInfo(f"{number}.webp"), _sheet(self.pictures[layer]))
                file.writestr(zipfile.ZipInfo(ABOUT), json.dumps(about), zipfile.ZIP_DEFLATED)
            os.replace(part, path)
        except OSError as error:  # such as a disk that is full
            raise UserError(f"path {came(os.fspath(path))} cannot be written ({error}).") from error


@gate
def atlas(
    network: Network,
    layers: AnyLayers = None,
    size: Annotated[int, Range(8, 256)] = SIZE,
    *,
    channels: Sequence[int] | None = None,
    steps: Positive = STEPS,
    seed: Seed = 0,
    start: Atlas | None = None,
) -> Iterator[Atlas]:
    """Every channel as the picture that maximizes it (Olah et al., 2017; Carter et al., 2019, call this an atlas).

    layers    one or several; None = every convolution
    size      of a picture in px, at most the network's own
    channels  of each of the layers; those come first that are named first. None = all
    steps     of the optimization of a picture
    start     an atlas to go on from: what it holds is not drawn again

    All pictures begin with the same noise and are moved alike, so that none depends on what is drawn beside it, but for
    rounding. The atlas of ``mini``, in its usual size, comes with the package and is there at once.
    Yields Atlas; several pictures grow at once. A dead unit has no picture, and a remark says so.
    Raises UserError for an unknown layer or channel, and for a ``start`` of another network, size, steps or seed.

        last(atlas(load_network("mini"), "conv4")).content()
    """
    chosen = several_layers(network, layers)
    side = min(size, *(network.input_size or (size,)))
    state = _begun(network, chosen, side, steps, seed, start)
    wanted = {layer.name: _channels(layer, channels) for layer in chosen}
    runs = []
    for name, every in wanted.items():
        left = [channel for channel in every if not state.drawn[name][channel]]
        runs += [(name, left[at : at + AT_ONCE]) for at in range(0, len(left), AT_ONCE)]
    return _states(replace(state, step=0, total=len(runs) * steps), runs)


@gate
def load_atlas(path: str | os.PathLike, network: Network) -> Atlas:
    """An atlas that ``Atlas.save`` has written.

    network   whose channels are in it; another one is refused
    Raises UserError for what is no such file, and for another network.

        load_atlas("mini.atlas", load_network("mini"))
    """
    what = f"path {came(os.fspath(path))}"
    if not os.path.isfile(path):
        raise UserError(f"{what} is not a file.")
    refused = UserError(f"{what} is not the file of an atlas.")
    try:
        with zipfile.ZipFile(path) as file:
            about = json.loads(file.read(ABOUT))
            drawn = {layer: np.array(one, int) for layer, one in about["drawn"].items()}
            sheets = [file.read(f"{number}.webp") for number in range(len(drawn))]
        size, steps, seed, fingerprint = (about[name] for name in ("size", "steps", "seed", "fingerprint"))
    except (OSError, zipfile.BadZipFile, KeyError, ValueError, TypeError, AttributeError) as error:
        raise refused from error
    if fingerprint != network.fingerprint:
        raise UserError(
            f"{what} is an atlas of another network, called {about['network']}, than this {network.name}: weights or "
            "preparation differ."
        )
    pictures, known = {}, {}
    for layer, sheet in zip(drawn, sheets, strict=True):
        count = network.layer(layer).channels
        known[layer] = np.isin(np.arange(count), drawn[layer])
        try:
            pictures[layer] = np.where(known[layer][:, None, None, None], _cut(sheet, count, size), np.uint8(GRAY))
        except (OSError, ValueError, TypeError) as error:
            raise refused from error
    return Atlas(steps, steps, network, pictures, known, steps, seed)


def unit_layer(network: Network, layer: "str | Layer | nn.Module") -> Layer:
    """The layer whose channels are drawn for those of a layer: for a ReLU behind a convolution, the convolution."""
    found, layers = network.layer(layer), network.layers
    at = [one.name for one in layers].index(found.name)
    before = layers[at - 1]
    rectified = at and found.kind == "ReLU" and before.kind.startswith("Conv") and before.shape == found.shape
    return before if rectified else found


def bundled(network: Network) -> Atlas | None:
    """The atlas that comes with the package, if it is one of this network."""
    if BUNDLED.is_file() and [one.name for one in network.layers][:1] == ["conv1"]:  # weights are compared after that
        try:
            return load_atlas(BUNDLED, network)
        except UserError:
            pass
    return None


def _begun(network: Network, layers: Sequence[Layer], size: int, steps: int, seed: int, start: Atlas | None) -> Atlas:
    """What is known, with room for these layers."""
    known: Atlas | None = start
    if start is not None:
        with naming("start"):
            _check_alike(start, network, size, steps, seed)
    elif (size, steps, seed) == (SIZE, STEPS, 0):
        known = bundled(network)
    pictures = {one.name: np.full((one.channels, size, size, 3), GRAY, np.uint8) for one in layers}
    drawn = {one.name: np.zeros(one.channels, bool) for one in layers}
    if known is not None:
        kept = [name for name in known.layers if start is not None or name in drawn]
        pictures |= {name: known.pictures[name] for name in kept}
        drawn |= {name: known.drawn[name] for name in kept}
    return Atlas(0, 0, network, pictures, drawn, steps, seed)


def _check_alike(start: Atlas, network: Network, size: int, steps: int, seed: int) -> None:
    if start.network is not network and start.network.fingerprint != network.fingerprint:
        raise UserError(
            f"start is an atlas of another network than this {network.name}: weights or preparation differ."
        )
    for name, wanted in {"size": size, "steps": steps, "seed": seed}.items():
        if getattr(start, name) != wanted:
            raise UserError(f"start has {name} {getattr(start, name)}, not {wanted}.")


def _channels(layer: Layer, channels: Sequence[int] | None) -> list[int]:
    if channels is None:
        return [*range(layer.channels)]
    where = f"in layer {layer.name!r}"
    numbers = [whole_number("channels", one, 0, layer.channels - 1, where) for one in channels]
    if not numbers:
        raise UserError("channels must be at least one channel, not an empty list.")
    return [*dict.fromkeys(numbers)]


def _states(state: Atlas, runs: Sequence[tuple[str, list[int]]]) -> Iterator[Atlas]:
    yield state  # what is known, at once
    for number, (layer, channels) in enumerate(runs):
        made = optimize(
            state.network,
            objectives.channel(layer, channels),
            _of_one_noise(parametrizations.fourier(state.size), len(channels)),
            [_alike(one) for one in transforms.robust()],
            steps=state.steps,
            seed=state.seed,
        )
        try:
            for one in made:
                shown = rgb(one.values.reshape(len(channels), -1, *one.values.shape[-2:]))
                pictures, drawn = state.pictures[layer].copy(), state.drawn[layer].copy()
                pictures[channels], drawn[channels] = shown, one.step == one.total
                state = replace(
                    state,
                    step=number * state.steps + one.step,
                    pictures={**state.pictures, layer: pictures},
                    drawn={**state.drawn, layer: drawn},
                )
                yield state
        except UserError as error:
            remark(f"channels {', '.join(map(str, channels))} of {layer}: {error}")
            state = replace(state, step=(number + 1) * state.steps)
            yield state


def _of_one_noise(picture: Parametrization, count: int) -> Parametrization:
    """So many pictures that begin with the same parameters."""

    def begin(network: Network, generator: Generator) -> Form:
        form = picture.begin(network, generator)
        return replace(form, start=tuple(one.repeat(count, *[1] * (one.ndim - 1)) for one in form.start))

    return Parametrization(f"{picture}×{count}", begin)


def _alike(transform: Transform) -> Transform:
    """The same random movement for every picture."""
    if not isinstance(transform, Geometric):
        return transform

    def change(affine: Affine, generator: Generator) -> Affine:
        moved = transform.change(replace(affine, matrix=affine.matrix[:1]), generator)
        return replace(moved, matrix=moved.matrix.expand_as(affine.matrix))

    return Geometric(change)


def _sheet(pictures: np.ndarray) -> bytes:
    """Pictures (C, H, W, 3) in rows, as a WebP file."""
    file = io.BytesIO()
    columns = math.ceil(len(pictures) ** 0.5)
    Image.fromarray(tile(pictures, columns)).save(file, "WEBP", quality=QUALITY, method=6)
    return file.getvalue()


def _cut(sheet: bytes, count: int, size: int) -> np.ndarray:
    """The pictures (C, H, W, 3) on a sheet; ValueError where it has no room for them."""
    columns = math.ceil(count**0.5)
    rows = math.ceil(count / columns)
    picture: Any = Image.open(io.BytesIO(sheet), formats=["WEBP"])
    if picture.size != (columns * size, rows * size):
        raise ValueError(f"a sheet of {picture.size} px")
    tiles = np.asarray(picture.convert("RGB")).reshape(rows, size, columns, size, 3).swapaxes(1, 2)
    return tiles.reshape(-1, size, size, 3)[:count]

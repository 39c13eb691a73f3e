"""Calls of every technique, found in the registry, as its file's ``example`` says or with what fits its arguments."""

import inspect
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

import cnnviz_widgets as cnnviz
from cnnviz_widgets import registry

TECHNIQUES = {one.name: one for one in registry.techniques()}
MOST_STATES = 40  # of an example: more is not quick


@cache
def mini() -> cnnviz.Network:
    return cnnviz.load_network("mini")


@cache
def population() -> Any:
    return next(cnnviz.fool(mini(), "goose", "cppn", "evolution", steps=1))


@cache
def learned() -> dict[str, Any]:
    """By technique, the classifier that it takes."""
    made = cnnviz.hog_classifier("textures"), cnnviz.neighbor_classifier("textures")
    return dict(zip(("fool_hog", "fool_neighbor"), made, strict=True))


def takes_network(name: str) -> bool:
    return "network" in inspect.signature(getattr(cnnviz, name)).parameters


def call(name: str, network: cnnviz.Network, image: Tensor, folder: Path, **changed: Any) -> Any:
    """What the technique returns for its example; of an iterator the last state."""
    function, given = getattr(cnnviz, name), arguments(network, image, folder) | {"classifier": learned().get(name)}
    parameters = inspect.signature(function).parameters.values()
    any_name = any(one.kind is one.VAR_KEYWORD for one in parameters)
    names = [one.name for one in parameters]
    example = {key: value for key, value in TECHNIQUES[name].example.items() if any_name or key in names}
    if unknown := set(changed) - set(names):
        raise TypeError(f"{name} takes no {unknown}")
    if network is not mini() and "layers" in example:  # those are layers of mini
        example["layers"] = [middle(network)]
    if name == "load_scan" or "scan" in names:
        given["scan"] = cnnviz.last(cnnviz.scan(network, [image, image.flip(-1)], given["layer"], k=2), progress=False)
    if name == "load_scan":
        given["path"] = folder / "a.scan"
        given["scan"].save(given["path"])
    if name == "load_atlas":
        given["path"] = folder / "a.atlas"
        drawn = cnnviz.atlas(network, given["layer"], 16, channels=[0], steps=2)
        cnnviz.last(drawn, progress=False).save(given["path"])
    needed = {
        one.name: given[one.name]
        for one in parameters
        if one.default is one.empty and one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)
    }
    answer = function(**needed | example | changed)
    if not isinstance(answer, Iterator):
        return answer
    *_, last = islice(answer, MOST_STATES)
    return last


def arguments(network: cnnviz.Network, image: Tensor, folder: Path) -> dict[str, Any]:
    """A right value for arguments of usual names."""
    height, width = image.shape[-2:]
    layer = middle(network)
    return {
        "axis": 1,
        "basis": torch.eye(4, 2, dtype=torch.float64),
        "boxes": [(0, 0, width / 2, height / 2)],
        "change": image,
        "channel": 1,
        "content": image,
        "examples": [(image, 1, [(0, 0, width / 2, height / 2)])],
        "far": image,
        "files": [quiz_result()],
        "found": grid_of_pictures(),
        "heatmap": image.mean(0),
        "image": image,
        "images": [image, image.flip(-1)],
        "kernel": image[0, :3, :3],
        "kind": "hering",
        "layer": layer,
        "left": 0,
        "maps": image[:, :16, :16],
        "mask": (image[0] > 0.5).long(),
        "method": cnnviz.saliency,
        "n": 4,
        "near": image.flip(-1),
        "network": network,
        "networks": triplets(),
        "one": image[0],
        "other": image[1],
        "painting": image.flip(-1),
        "points": some_points(),
        "patch": image[:, :16, :16],
        "parents": [0, 1],
        "path": folder / "film.gif",
        "shape": (8, 8),
        "size": 4,
        "signal": image,
        "source": "stained_glass",
        "stride": 2,
        "upscaler": None,
        "photo": image,
        "picture": image,
        "pixel": (9, 9),
        "pictures": [image, image.flip(-1)],
        "population": population(),
        "positions": some_points()[:, :2],
        "queries": some_points()[:2],
        "result": image.flip(-2),
        "sample": image,
        "style": image.flip(-1),
        "style_mask": (image[0] > 0.4).long(),
        "target": 1,
        "to": (0.5, 0.1),
        "top": 0,
        "unit_a": (layer, 0),
        "unit_b": (layer, 1),
        "weights": image[:, :3, :3],
    }


@cache
def quiz_result() -> Any:
    quiz = cnnviz.trust_quiz(mini(), trials=1, comparisons=0)
    return quiz.score(quiz.ideal())


@cache
def triplets() -> list[cnnviz.Network]:
    """Three that agree on every picture."""
    one = cnnviz.load_network("small_plain")
    others = (cnnviz.Network(one.module, input_size=64, classes=list(one.classes), name=name) for name in ("b", "c"))
    return [one, *others]


def some_points() -> Tensor:
    return torch.rand(12, 5, generator=torch.Generator().manual_seed(3))


@cache
def grid_of_pictures() -> Any:
    seen = cnnviz.last(cnnviz.features(mini(), cnnviz.samples()), progress=False)
    places = torch.rand(len(seen.values), 2, generator=torch.Generator().manual_seed(3))
    return cnnviz.last(cnnviz.image_map(places, pictures=seen), progress=False)


def middle(network: cnnviz.Network) -> str:
    """A layer with positions half way."""
    spatial = [layer for layer in network.layers if layer.spatial and layer.shape[1] > 1 and layer.channels > 1]
    return spatial[len(spatial) // 2].name


def same(one: Any, other: Any) -> bool:
    """Whether two results are equal in every number; what holds none, such as a function, is not looked at."""
    if type(one) is not type(other):
        return False
    if isinstance(one, Tensor | np.ndarray):
        numbers, others = np.asarray(one), np.asarray(other)
        return np.array_equal(numbers, others, equal_nan=numbers.dtype.kind in "fc")  # an array of names has no NaN
    if is_dataclass(one):
        return all(same(getattr(one, field.name), getattr(other, field.name)) for field in fields(one))
    if isinstance(one, Mapping):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, Sequence) and not isinstance(one, str):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, float):
        return one == other or (math.isnan(one) and math.isnan(other))
    return one == other if isinstance(one, int | str | bool | None) else True


def tensors(result: Any) -> Iterator[Tensor]:
    """All in a result."""
    if isinstance(result, Tensor):
        yield result
    elif is_dataclass(result):
        for field in fields(result):
            yield from tensors(getattr(result, field.name))
    elif isinstance(result, Mapping):
        yield from tensors(list(result.values()))
    elif isinstance(result, list | tuple):
        for one in result:
            yield from tensors(one)


def photograph(side: int) -> Tensor:
    return cnnviz.load_image("chelsea", size=(side, side))


def noise(side: int) -> Tensor:
    return torch.rand(3, side, side, generator=torch.Generator().manual_seed(2))

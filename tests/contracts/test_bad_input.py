"""Bad input of every kind to everything public: it works, or one short sentence names the argument.

Covered are every function of ``cnnviz_widgets.__all__`` and every function behind the gate of objectives, transforms,
parametrizations, operators and optimizers; the constructors of ``Network`` and ``use``; and every trait of ``Session``
and of the panels that takes values. They are found in the modules, and their arguments in the signatures, so that a
new one is covered as it is; only what an argument without a default is given stands in ``RIGHT``. Of iterators the
first state is asked for.
"""

import inspect
import math
import re
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from architectures import state
from contracts.calls import learned
from torch import nn
from traitlets import TraitError

import cnnviz_widgets as cnnviz
from cnnviz_widgets import operators, optimizers, panels, registry
from cnnviz_widgets.panels.session import SHARED
from cnnviz_widgets.pictures.painted import as_text

pytestmark = pytest.mark.no_cover  # their own tests cover them, and being traced takes half of the time

PANELS = [getattr(panels, one.name) for one in registry.panels()]
SIDE, CHANNELS = 16, 8
LONGEST = 400  # characters of a sentence
SLOWEST = 5  # seconds of processor time of a call

BAD = {
    "None": None,
    "nan": math.nan,
    "inf": math.inf,
    "-1": -1,
    "0": 0,
    "10**12": 10**12,
    "10**400": 10**400,
    "1e300": 1e300,
    "x": "x",
    "no text": "",
    "long text": "x" * 10_000,
    "no bytes": b"",
    "list": [],
    "dict": {},
    "set": set(),
    "object": object(),
    "True": True,
    "complex": 1j,
    "meta tensor": torch.rand(3, SIDE, SIDE, device="meta"),
    "tensor with NaN": torch.rand(3, SIDE, SIDE).index_fill(2, torch.tensor(1), math.nan),
    "lambda": lambda *given: given,
    "class": int,
    "torch module": nn.ReLU(),
    "module": math,
}


def tiny() -> nn.Module:
    torch.manual_seed(0)
    head = nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(CHANNELS, 4)
    return nn.Sequential(nn.Conv2d(3, CHANNELS, 3, padding=1), nn.ReLU(), *head).eval()


def twin(name: str) -> cnnviz.Network:
    return cnnviz.Network(tiny(), input_size=SIDE, classes=["cat", "dog", "bird", "fish"], name=name)


NETWORK = twin("tiny")
PICTURE = torch.rand(3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
SEEN = cnnviz.last(cnnviz.features(NETWORK, [PICTURE] * 4), progress=False)

RIGHT = {  # what arguments without a default are given, by name
    "axis": 1,
    "basis": torch.eye(4, 2),
    "boxes": [(0, 0, 4, 4)],
    "center": PICTURE,
    "change": PICTURE,
    "channel": 1,
    "code": PICTURE[None],
    "content": PICTURE,
    "curves": {"line": ([0, 1], [1, 2])},
    "decoder": torch.sigmoid,
    "degrees": 1,
    "far": PICTURE,
    "examples": [(PICTURE, 1, [(0, 0, 4, 4)])],
    "found": cnnviz.last(cnnviz.image_map(torch.rand(4, 2), pictures=SEEN), progress=False),
    "features": torch.rand(CHANNELS, SIDE, SIDE),
    "heatmap": PICTURE.mean(0),
    "image": PICTURE,
    "images": PICTURE[None],
    "kernel": [[1.0, 2.0], [3.0, 4.0]],
    "kind": "hering",
    "layer": "0",
    "layers": ["0"],
    "left": 0,
    "mask": torch.arange(SIDE * SIDE).view(SIDE, SIDE) // 128,
    "maps": torch.rand(CHANNELS, SIDE, SIDE),
    "method": cnnviz.saliency,
    "module": NETWORK.module,
    "name": "mini",
    "n": 4,
    "near": PICTURE,
    "network": NETWORK,
    "objective": cnnviz.objectives.logit(1),
    "of": torch.rand(CHANNELS, SIDE, SIDE),
    "one": PICTURE.mean(0),
    "optimizer": "adam",
    "other": PICTURE.mean(0),
    "painting": PICTURE,
    "panel": cnnviz.panels.Filters(NETWORK, PICTURE),
    "parents": [0, 1],
    "patch": PICTURE,
    "path": "film.gif",
    "photo": PICTURE,
    "points": torch.rand(100, 4),
    "positions": torch.rand(4, 2),
    "queries": torch.rand(2, 4),
    "to": (0.1, 0.2),
    "picture": PICTURE,
    "pictures": [PICTURE, PICTURE],
    "networks": [NETWORK],
    "pixel": (2, 3),
    "pixels": 2,
    "population": next(cnnviz.fool(NETWORK, 1, "cppn", "evolution", steps=1)),
    "radius": 0.1,
    "rate": 0.1,
    "result": PICTURE,
    "rule": "backprop",
    "sample": PICTURE,
    "scan": cnnviz.last(cnnviz.scan(NETWORK, PICTURE[None], "0"), progress=False),
    "shape": (4, 4),
    "share": 0.1,
    "signal": PICTURE,
    "source": PICTURE,
    "stride": 2,
    "style": PICTURE,
    "style_mask": torch.arange(SIDE * SIDE).view(SIDE, SIDE) // 128,
    "states": [next(cnnviz.occlusion(NETWORK, PICTURE, size=8))],
    "target": 1,
    "top": 0,
    "text": "a [small](normalize_by=each) word",
    "unit_a": ("0", 1),
    "unit_b": ("0", 2),
    "upscaler": None,
    "value": torch.sum,
    "vector": [1.0] * CHANNELS,
    "weights": [1.0] * CHANNELS,
    "what": PICTURE,
    "x": "step",
    "y": "loss",
}
QUIZ = cnnviz.trust_quiz(NETWORK, {"cat": PICTURE, "dog": PICTURE.flip(-1)}, rivals=None)
RIGHT["files"] = [QUIZ.score(QUIZ.ideal())]
SCANNED = Path(tempfile.mkdtemp()) / "tiny.scan"
RIGHT["scan"].save(SCANNED)
DRAWN = Path(tempfile.mkdtemp()) / "tiny.atlas"
cnnviz.last(cnnviz.atlas(NETWORK, "0", 8, channels=[0], steps=2), progress=False).save(DRAWN)
RIGHT_THERE = {
    ("load_atlas", "path"): DRAWN,
    ("load_scan", "path"): SCANNED,
    ("auto_pgd", "steps"): 4,
    ("circuit", "inputs"): "0",
    ("color", "of"): PICTURE,
    ("gatys_layer_loss", "maps"): PICTURE,
    ("load_dataset", "source"): PICTURE[None],
    ("filter_templates", "size"): 4,
    ("trust_quiz", "pictures"): {"cat": PICTURE, "dog": PICTURE.flip(-1)},
    ("trust_quiz", "rivals"): None,
    ("overlap", "kernel"): 3,
    ("contrast_response", "source"): "stained_glass",
    ("load_style", "source"): "stained_glass",
    ("save_style", "source"): "stained_glass",
    ("load_decoder", "source"): "relu3",
    ("save_decoder", "source"): "relu3",
    ("save_generator", "source"): None,
    ("train_generator", "pictures"): 16,
    ("train_attacker", "images"): [PICTURE, PICTURE.flip(-1)],
    ("human_example", "networks"): [NETWORK, twin("b"), twin("c")],
    ("transfer_attack", "networks"): [NETWORK, twin("other")],
    ("upscale_table", "pictures"): ["chelsea"],
    ("train_style", "size"): 32,
    ("train_upscaler", "size"): 32,
    ("hybrid", "size"): 64,
    ("illusion", "size"): 64,
    **{(name, "classifier"): one for name, one in learned().items()},
    ("lab", "network"): NETWORK,
    ("lab", "image"): PICTURE,
    ("similarity", "size"): (SIDE, SIDE),
    ("occluded", "top"): 0,
    ("occluded", "left"): 0,
    ("painted", "text"): as_text(np.eye(SIDE, dtype=np.uint8)),
}
# what a sentence may call the argument
WORDS = {"target": "class", "truth": "class", "source": "dataset", "name": "network"}
SMALL = {"size": 8, "epochs": 1, "frames": 1, "each": 8}  # where the default does not fit, or takes long


def functions() -> dict[str, Callable]:
    """By name, as in the code of whoever calls them."""
    found = {name: getattr(cnnviz, name) for name in cnnviz.__all__}
    for module in (cnnviz.objectives, cnnviz.transforms, cnnviz.parametrizations, operators, optimizers):
        short = module.__name__.rpartition(".")[2]
        found |= {
            f"{short}.{name}": one
            for name, one in vars(module).items()
            if getattr(one, "__module__", "") == module.__name__ and hasattr(one, "__wrapped__") and name[0] != "_"
        }
    return {name: one for name, one in found.items() if inspect.isfunction(one)}


def arguments(function: Callable) -> list[str]:
    """Those that have names."""
    parameters = inspect.signature(function).parameters.values()
    return [one.name for one in parameters if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)]


CALLED = {**functions(), "Network": cnnviz.Network, "use": cnnviz.use}
ARGUMENTS = [(name, argument) for name, function in CALLED.items() for argument in arguments(function)]


def call(function: Callable, **changed: Any) -> Any:
    """With right values for all that is needed; of an iterator, its first state."""
    parameters = inspect.signature(function).parameters
    small = {name: value for name, value in SMALL.items() if name in parameters}
    there = {name: value for (of, name), value in RIGHT_THERE.items() if of == function.__name__ and name in parameters}
    without = [name for name in arguments(function) if parameters[name].default is inspect.Parameter.empty]
    needed = {name: RIGHT[name] for name in without if name not in there}
    several = [RIGHT[name] for name, one in parameters.items() if one.kind is one.VAR_POSITIONAL and name in RIGHT]
    answer = function(*several[0] if several else (), **needed | small | there | changed)
    return next(answer, None) if isinstance(answer, Iterator) else answer


def check(act: Callable[[], Any], argument: str) -> str | None:
    """What is wrong with how it went; None = nothing."""
    began = time.process_time()
    try:
        act()
    except (cnnviz.UserError, TypeError, TraitError) as error:
        sentence = str(error)
        if not re.search(rf"\b({argument.removesuffix('s')}|{WORDS.get(argument, argument)})", sentence):
            return f"does not name it: {sentence[:LONGEST]}"
        if len(sentence) > LONGEST or "\n" in sentence:
            return f"{len(sentence)} characters: {sentence[:LONGEST]}"
    except Exception as error:
        return f"{type(error).__name__}: {str(error)[:LONGEST]}"
    took = time.process_time() - began
    return f"{took:.0f} s" if took > SLOWEST else None


def all_told(act: Callable[[Any], Any], argument: str) -> None:
    """Fails with a line for each value that went wrong."""
    wrong = {kind: told for kind, value in BAD.items() if (told := check(lambda given=value: act(given), argument))}
    assert not wrong, "".join(f"\n{argument}={kind}: {told}" for kind, told in wrong.items())


def test_what_is_right_works(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in functions():
        saves = inspect.signature(CALLED[name]).return_annotation is None
        assert (call(CALLED[name]) is None) == saves, name


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("name", "argument"), ARGUMENTS)
def test_every_argument(name, argument, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = state(NETWORK.module)
    all_told(lambda value: call(CALLED[name], **{argument: value}), argument)
    assert state(NETWORK.module) == before


@pytest.fixture(scope="module")
def session():
    return cnnviz.Session(NETWORK, PICTURE)


def assigned(owner: Any, trait: str) -> None:
    """Every value is assigned; what is refused leaves the value of before, and what is taken is put back."""

    def assign(value: Any) -> None:
        before = getattr(owner, trait)
        try:
            setattr(owner, trait, value)
        except Exception:
            assert getattr(owner, trait) is before
            raise
        setattr(owner, trait, before)

    all_told(assign, trait)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("trait", SHARED)
def test_every_trait_of_the_session(session, trait):
    before = state(NETWORK.module)
    assigned(session, trait)
    assert state(NETWORK.module) == before


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "kind", [getattr(panels, one.name) for one in registry.panels()], ids=lambda kind: kind.__name__
)
def test_every_trait_of_a_panel(session, kind):
    panel = kind(session=session)
    for trait in panel._own_traits():
        assigned(panel, trait)
    panel.close()

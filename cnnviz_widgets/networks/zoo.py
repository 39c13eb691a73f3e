"""Networks by name: the bundled ``mini`` and its small relatives, and every classifier of torchvision."""

import hashlib
import json
import os
import re
import threading
from difflib import get_close_matches
from functools import cache
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import urlopen

import torch
from torch import nn
from torch.overrides import TorchFunctionMode
from torchvision import models
from torchvision.models import WeightsEnum

from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import came, gate
from cnnviz_widgets.networks import mini as small
from cnnviz_widgets.networks.network import Network
from cnnviz_widgets.networks.small import INPUT_SIZE, SMALL
from cnnviz_widgets.remarks import remark
from cnnviz_widgets.runtime import progress
from cnnviz_widgets.runtime.device import device as device_in_use
from cnnviz_widgets.runtime.device import existing

MINI_WEIGHTS = Path(__file__).parent / "weights" / "mini.safetensors"
BUNDLED = {"mini": (small.mini, small.INPUT_SIZE), **{name: (shape, INPUT_SIZE) for name, shape in SMALL.items()}}
PATIENCE = 4.0  # s: how long a server may be silent
BLOCK = 2**17  # bytes

_SLOW_TO_INITIALIZE = ("googlenet", "inception_v3")


@gate
def load_network(
    name: str,
    weights: str | WeightsEnum | None = "DEFAULT",
    *,
    input_size: int | tuple[int, int] | None = None,
    device: str | torch.device | None = None,
) -> Network:
    """A network by its name: ``"mini"``, or a classifier of torchvision such as ``"resnet18"`` or ``"swin_t"``.

    ``"small_plain"``, ``"small_residual"``, ``"small_wide"`` and, adversarially trained, ``"small_robust"`` know the
    same classes as ``"mini"``, at 64 px. ``"small_early"`` is ``"small_plain"`` after two of its twelve epochs.

    weights     "DEFAULT" (the best there are), another name in torchvision's enum such as "IMAGENET1K_V1", or None for
                an untrained network (labeled as such)
    input_size  pixels, a number or (height, width); by default what the weights were evaluated with
    device      where to compute; by default ``device()``
    Trained weights are downloaded once, into ``TORCH_HOME``; a file there is only read, whatever it is: no code in it
    runs. A warning says if it is not torchvision's own. UserError if the name or the weights do not exist, if they are
    not there and cannot be downloaded, or if the file does not hold them. The network is in evaluation mode and its
    weights are frozen.
    """
    if name not in names():
        near = get_close_matches(str(name), names(), n=3) or ["mini", "resnet18", "squeezenet1_0"]
        raise UserError(f"there is no network {came(name)}; did you mean {', '.join(map(repr, near))}?")
    if name in BUNDLED:
        module, options = _bundled(name, weights)
    else:
        module, options = _torchvision(name, weights)
    if input_size is not None:
        options |= {"input_size": input_size, "resize": None}
    where = _where(device)
    if where.type in ("cpu", "cuda"):  # MPS gains nothing
        module = module.to(memory_format=torch.channels_last)
    module = module.eval().requires_grad_(False).to(where)
    trained = weights is not None
    asked = {"weights": _name_of(weights), "input_size": input_size, "device": None if device is None else str(device)}
    usual = {"weights": "DEFAULT", "input_size": None, "device": None}
    changed = [f", {key}={value!r}" for key, value in asked.items() if value != usual[key]]
    return Network(
        module,
        name=name if trained else f"{name} (untrained)",
        trained=trained,
        source=f"cnnviz.load_network({json.dumps(name)}{''.join(changed)})",
        **options,
    )


@cache
def names() -> tuple[str, ...]:
    """All names that ``load_network`` knows."""
    return (*BUNDLED, *models.list_models(module=models))


def available() -> list[str]:
    """Names of the networks whose default weights need no download."""
    there = {path.name for path in _folder().glob("*.pth")}
    bundled = [name for name in BUNDLED if _file_of(name).exists()]
    return bundled + [name for name in names()[len(BUNDLED) :] if there and _file_name(_default(name)) in there]


def _file_of(bundled: str) -> Path:
    return MINI_WEIGHTS.with_stem(bundled)


def _bundled(name: str, weights: Any) -> tuple[nn.Module, dict[str, Any]]:
    if weights not in ("DEFAULT", None):
        raise UserError(f'weights of "{name}" must be "DEFAULT" or None, not {came(weights)}.')
    path = _file_of(name)
    if not path.exists():
        raise UserError(f"the weights of {name} are missing: there is no file {path}; install cnnviz-widgets again.")
    from safetensors import safe_open

    with safe_open(path, "pt") as file:
        classes = json.loads(file.metadata()["classes"])
        make, size = BUNDLED[name]
        module = make(len(classes))
        if weights:
            module.load_state_dict({key: file.get_tensor(key).float() for key in file.keys()})  # noqa: SIM118
    return module, {"input_size": size, "mean": small.MEAN, "std": small.STD, "classes": classes}


def _torchvision(name: str, weights: Any) -> tuple[nn.Module, dict[str, Any]]:
    chosen = _default(name) if weights is None else _member(name, weights)
    options = {"init_weights": False} if name in _SLOW_TO_INITIALIZE else {}
    if weights is None:
        module = models.get_model(name, weights=None, **options)
    else:
        path = _fetched(name, chosen)
        try:
            state = torch.load(path, "cpu", weights_only=True)
            with _Blank():
                module = models.get_model(name, weights=_Read(chosen, state), **options)
        except Exception as error:
            raise UserError(
                f"the file {path} does not hold the weights of {name}: it is damaged, or not torchvision's; delete it "
                "and try again."
            ) from error
        _compare_hash(name, path)
    preset = chosen.transforms()
    return module, {
        "input_size": preset.crop_size[0],
        "resize": preset.resize_size[0],
        "interpolation": preset.interpolation.value,
        "mean": preset.mean,
        "std": preset.std,
        "classes": chosen.meta["categories"],
    }


class _Read:
    """Weights whose file has been read. From weights alone, torchvision would unpickle it, and run what is in it."""

    def __init__(self, weights: WeightsEnum, state: Any) -> None:
        self._weights, self._state = weights, state

    @property  # type: ignore[misc]  # typeshed lets it be set
    def __class__(self) -> type:  # torchvision asks for an instance of the network's own enum
        return type(self._weights)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._weights, name)

    def get_state_dict(self, *_: Any, **__: Any) -> Any:
        return self._state


class _Blank(TorchFunctionMode):
    """Parameters that are about to be loaded are not drawn at random first, which takes seconds in large networks."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if func.__name__ in _RANDOM:
            return args[0] if args else kwargs["tensor"]
        return func(*args, **kwargs)


_RANDOM = {"uniform_", "normal_", "erfinv_", "kaiming_uniform_", "kaiming_normal_"}


def _default(name: str) -> WeightsEnum:
    return models.get_model_weights(name).DEFAULT


def _member(name: str, weights: Any) -> WeightsEnum:
    enum = models.get_model_weights(name)
    if isinstance(weights, enum):
        return weights
    if not isinstance(weights, str) or weights not in enum.__members__:
        raise UserError(f"weights of {name} must be one of {', '.join(enum.__members__)} or None, not {came(weights)}.")
    return enum[weights]


def _name_of(weights: Any) -> str | None:
    return weights.name if isinstance(weights, WeightsEnum) else weights


def _where(device: Any) -> torch.device:
    if device is None:
        return device_in_use()
    return existing(device)


# Downloads. torch.hub's own wait for ever on a silent server.


_HASH = re.compile(r"-([0-9a-f]{8,})\.")  # in a file's name: the beginning of its SHA-256
_compared: set[tuple[Path, int, int]] = set()  # files, with the time of their change and their size


def _folder() -> Path:
    return Path(torch.hub.get_dir()) / "checkpoints"


def _file_name(weights: WeightsEnum) -> str:
    return Path(urlsplit(weights.url).path).name


def _fetched(name: str, weights: WeightsEnum) -> Path:
    """The file of the weights, downloaded if it is not there."""
    path = _folder() / _file_name(weights)
    if not path.exists():
        try:
            _download(weights.url, path)
        except (OSError, HTTPException, ValueError) as error:
            raise UserError(
                f"{name} needs the file {path.name}, which is not in {path.parent} and could not be downloaded "
                f'({error}): put it there, or use load_network("mini"), which needs no download.'
            ) from error
    return path


def _compare_hash(name: str, path: Path) -> None:
    """A remark, once, if the file does not have the hash that its name ends in."""
    expected, about = _HASH.search(path.name), path.stat()
    key = path, about.st_mtime_ns, about.st_size
    if key in _compared:
        return
    _compared.add(key)
    with path.open("rb") as file:
        digest = hashlib.sha256()
        while block := file.read(BLOCK):
            digest.update(block)
    if expected and not digest.hexdigest().startswith(expected[1]):
        remark(
            f"{path} fits {name}, but is not the file that torchvision publishes (its SHA-256 does not begin with "
            f"{expected[1]}): delete it, and it will be downloaded, if you did not put it there."
        )


def _download(url: str, path: Path) -> None:
    """The file appears under its name when it is whole, and not at all if anything goes wrong."""
    response, block = _opened(url)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}-{threading.get_ident()}.partial")
    length = response.headers.get("Content-Length")
    digest = hashlib.sha256()
    try:
        with (
            response,
            partial.open("wb") as file,
            progress.bar(desc=path.name, total=length and int(length), unit="B", unit_scale=True) as bar,
        ):
            while block:
                file.write(block)
                digest.update(block)
                bar.update(len(block))
                block = response.read(BLOCK)
        expected = _HASH.search(path.name)
        if expected and not digest.hexdigest().startswith(expected[1]):
            raise OSError("what came is damaged")
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _opened(url: str) -> tuple[Any, bytes]:
    """The answer and its first block. In a thread, as no timeout reaches the look-up of the server's address."""
    answers: list[Any] = []

    def ask() -> None:
        try:
            response = urlopen(url, timeout=PATIENCE)
            answers.append((response, response.read1(BLOCK)))  # as soon as anything comes
        except Exception as error:
            answers.append(error)

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(PATIENCE)
    if not answers:
        raise TimeoutError(f"no answer within {PATIENCE:.0f} s")
    if isinstance(answers[0], Exception):
        raise answers[0]
    return answers[0]

"""Trained networks as files: safetensors in float16, with what it takes to build the network in the header."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from cnnviz_widgets.engine.feature_decoder import FeatureDecoder
from cnnviz_widgets.engine.generators import ObjectGenerator, RayGenerator
from cnnviz_widgets.engine.picture_networks import PictureNetwork, StyleNetwork, TransformerNet, Upscaler
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import came
from cnnviz_widgets.remarks import remark

KINDS = {kind.__name__: kind for kind in (StyleNetwork, Upscaler, ObjectGenerator, RayGenerator, FeatureDecoder)}
STATISTICS = ("running_mean", "running_var", "num_batches_tracked")


def write(network: PictureNetwork, path: str | os.PathLike) -> None:
    """UserError where no file can be written."""
    weights = {
        name: (one.half() if one.is_floating_point() else one).cpu().contiguous()
        for name, one in network.state_dict().items()
    }
    about = {"kind": type(network).__name__, "layout": network.layout}
    if not os.fspath(path):
        raise UserError("path must be that of a file, not empty.")
    try:
        save_file(weights, path, {"network": json.dumps(about)})
    except (OSError, ValueError, SafetensorError) as error:
        raise UserError(f"path {came(os.fspath(path))} cannot be written ({error}).") from error


def read(path: Path) -> PictureNetwork:
    """A network that ``write`` has written, or a checkpoint of PyTorch's example; in evaluation mode, frozen.

    UserError for what is neither. A remark tells which weights of old checkpoints are left out.
    """
    refused = UserError(f"{came(os.fspath(path))} is not the file of a trained network for pictures.")
    if not os.path.isfile(path):
        raise UserError(f"{came(os.fspath(path))} is not a file.")
    try:
        with safe_open(path, framework="pt") as file:
            about = json.loads((file.metadata() or {}).get("network", "null"))
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except SafetensorError:
        about, weights = None, _unpickled(path, refused)
    try:
        with torch.device("meta"):  # no first weights are drawn, of which none would stay
            network = KINDS[about["kind"]](**about["layout"]) if about else TransformerNet()
    except (KeyError, TypeError) as error:  # of another version of this package
        raise refused from error
    known = network.state_dict()
    left_out = [name for name in weights if name not in known and name.rpartition(".")[2] in STATISTICS]
    if left_out:
        remark(f"{len(left_out)} running statistics of instance norms, such as {left_out[0]!r}, are left out: unused.")
    weights = {name: one for name, one in weights.items() if name not in left_out}
    if {name: one.shape for name, one in weights.items()} != {name: one.shape for name, one in known.items()}:
        raise refused
    weights = {name: one.float() if one.is_floating_point() else one for name, one in weights.items()}
    network.load_state_dict(weights, assign=True)
    return network.eval().requires_grad_(False)


def _unpickled(path: Path, refused: UserError) -> dict[str, Tensor]:
    """Nothing but tensors is read: no code in the file runs."""
    try:
        weights = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, UnpicklingError, EOFError, ValueError, KeyError) as error:
        raise refused from error
    if not isinstance(weights, Mapping) or not all(isinstance(one, Tensor) for one in weights.values()):
        raise refused
    return {str(name): one for name, one in weights.items()}

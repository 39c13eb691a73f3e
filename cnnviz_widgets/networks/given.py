"""A network as an argument: a Network, a torch module, or a name."""

from functools import lru_cache
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import nn

from cnnviz_widgets import gate
from cnnviz_widgets.networks.network import Network
from cnnviz_widgets.networks.zoo import load_network
from cnnviz_widgets.remarks import remark
from cnnviz_widgets.runtime.device import device

# What was found out about a module; without the module itself, which would never be freed then.
_found: "WeakKeyDictionary[nn.Module, dict[str, Any]]" = WeakKeyDictionary()


def as_network(name: str, value: Any) -> Any:
    """The Network that is meant; ``gate.NO`` if none is. A remark says once what was assumed of a bare module."""
    if isinstance(value, Network):
        return value
    if isinstance(value, nn.Module):
        return _of_module(value)
    return _of_name(value, device()) if isinstance(value, str) else gate.NO


def _of_module(module: nn.Module) -> Network:
    found = _found.get(module)
    if found is not None:
        network = Network.__new__(Network)
        vars(network).update(found, module=module)
        return network
    network = Network(module)
    _ = network.default_layer  # a network that does not run is refused here
    _found[module] = {key: value for key, value in vars(network).items() if key != "module"}
    size = "×".join(map(str, network.probed_size))
    mean, std = (", ".join(f"{one:g}" for one in values) for values in (network.mean, network.std))
    remark(
        f"The module {network.name} was taken for a network of {size} pixels with mean ({mean}) and std ({std}): if it "
        "was trained otherwise, give cnnviz.Network(module, input_size=…, mean=…, std=…)."
    )
    return network


@lru_cache(2)
def _of_name(name: str, where: torch.device) -> Network:
    return load_network(name, device=where)


gate.know(Network, "a Network, a torch module or a name such as 'resnet18'", as_network)

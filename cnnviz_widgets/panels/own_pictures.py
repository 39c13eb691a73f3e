"""The atlas of each network in a session: what was drawn for one panel is there for the others."""

from collections.abc import Iterator, Sequence
from threading import Lock
from weakref import WeakKeyDictionary

import numpy as np

from cnnviz_widgets.methods.units.atlas import SIZE, Atlas, atlas, bundled, unit_layer
from cnnviz_widgets.networks import Network

_known: "WeakKeyDictionary[Network, Atlas | None]" = WeakKeyDictionary()
_lock = Lock()


def known_atlas(network: Network) -> Atlas | None:
    """What has been drawn so far; of ``mini``, all."""
    with _lock:
        if network not in _known:
            _known[network] = bundled(network)
        return _known[network]


def keep_atlas(state: Atlas) -> None:
    """Let other panels begin with it."""
    with _lock:
        _known[state.network] = state


def draw(network: Network, layer: str, channels: Sequence[int]) -> Iterator[Atlas]:
    """The atlas with these channels of a layer, as they grow."""
    name = unit_layer(network, layer).name
    for state in atlas(network, name, SIZE, channels=[*channels], start=known_atlas(network)):
        keep_atlas(state)
        yield state


def own_pictures(network: Network, layer: str, channels: Sequence[int]) -> np.ndarray | None:
    """(n, size, size, 3) uint8, gray where there is none yet; None = nothing of the layer has been drawn."""
    name, known = unit_layer(network, layer).name, known_atlas(network)
    return known.of_channels(name, [*channels]) if known is not None and name in known.layers else None

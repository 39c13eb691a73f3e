"""How often a network is asked: the price of an attack that sees only its answers."""

from typing import Any

from torch import Tensor, nn

from cnnviz_widgets.gate import gate
from cnnviz_widgets.networks import Network


class Queries:
    """A network whose pictures are counted.

    network   gives the same answers; ask this one
    count     pictures that it has answered
    """

    @gate
    def __init__(self, network: Network) -> None:
        self._counter = _Counter(network.module)
        self.network = network.with_module(self._counter)
        _ = self.network.layers  # finding out what it is asks it, too
        self._counter.asked = 0

    @property
    def count(self) -> int:
        return self._counter.asked


class _Counter(nn.Module):
    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module
        self.asked = 0

    def forward(self, batch: Tensor) -> Any:
        answer = self.module(batch)
        self.asked += len(batch)
        return answer

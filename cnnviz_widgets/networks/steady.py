"""Whether a network gives a picture the same scores each time, alone and among others."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

_SAME = {True: 1e-3, False: 5e-2}  # by float32 or more: how far scores may differ, as a share of their spread
_DRAWN = ("rand", "normal", "bernoulli", "multinomial", "uniform", "exponential", "poisson", "from_numpy")
_TRAINING = {
    "dropout": 2,
    "batch_norm": 5,
    "rrelu": 3,
}  # name -> the argument that says so


class Chances(TorchFunctionMode):
    """Notices, in one pass, what could make the next one another: random numbers, and statistics of the batch."""

    found = False

    def __torch_function__(self, func: Callable, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        name, kwargs = getattr(func, "__name__", ""), kwargs or {}
        self.found |= name.startswith(_DRAWN)
        for kind, at in _TRAINING.items():
            if kind in name:
                self.found |= bool(kwargs.get("training", kwargs.get("train", args[at] if len(args) > at else False)))
        return func(*args, **kwargs)


def unsteadiness(scores: Callable[[Tensor], Tensor], size: torch.Size, name: str, precision: torch.dtype) -> str:
    """A sentence for a network whose scores of a picture change; "" for all others.

    scores  pictures (B, C, H, W), 0…1 → (B, outputs), as often as it is asked
    size    of a batch of one, (1, C, H, W)
    """
    generator = torch.Generator().manual_seed(1)
    one, other = torch.rand(size, generator=generator), torch.rand(size, generator=generator)
    allowed = _SAME[precision.itemsize >= 4]

    def differs(found: Tensor, expected: Tensor) -> bool:
        low, high = (float(bound) for bound in expected.aminmax())
        spread = max(high - low, 1e-2 * max(abs(low), abs(high)), 1e-12)  # of one output there is none
        return bool((found - expected).abs().max() > allowed * spread)

    with torch.random.fork_rng(devices=[]):
        alone, among = scores(one), scores(torch.cat([one, other]))[:1]
        if not differs(among, alone):
            return ""
        if differs(scores(one), alone):
            return (
                f"{name} gives a picture other scores each time, as dropout or noise in its forward does: every number "
                "here is of one draw."
            )
        return (
            f"{name} gives a picture other scores in the company of others, as statistics of the batch do: numbers "
            "depend on which pictures are computed together."
        )

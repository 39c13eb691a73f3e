"""The inner half of adversarial training: pictures changed against the network as it is now."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

STEPS = 3


def hardened(
    module: nn.Module,
    normalize: Callable[[Tensor], Tensor],
    pictures: Tensor,
    numbers: Tensor,
    *,
    epsilon: float,
    generator: torch.Generator,
    steps: int = STEPS,
) -> Tensor:
    """``pictures`` (B, 3, H, W), 0…1, moved by signed steps within ±epsilon, uphill in the loss (Madry et al., 2018).

    The start is drawn in the ball; BatchNorm uses its running statistics meanwhile, as it does after the training.
    """
    was_training = module.training
    module.eval()
    try:
        low, high = (pictures - epsilon).clamp(min=0), (pictures + epsilon).clamp(max=1)
        drawn = torch.rand(pictures.shape, generator=generator).to(pictures)
        changed = (pictures + epsilon * (2 * drawn - 1)).clamp(0, 1)
        for _ in range(steps):
            changed.requires_grad_()
            loss = F.cross_entropy(module(normalize(changed)), numbers, reduction="sum")
            (gradient,) = torch.autograd.grad(loss, changed)
            rise = 2 * epsilon / steps * gradient.sign()
            changed = (changed.detach() + rise).maximum(low).minimum(high)
        return changed.detach()
    finally:
        module.train(was_training)

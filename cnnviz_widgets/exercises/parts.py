"""Chapter 05: the template of a part, of which the filter loss is made."""

from collections.abc import Callable

import torch
from torch import Tensor

from cnnviz_widgets.exercises.feedback import NotYet, Wrong, check, given, refute, tensor
from cnnviz_widgets.methods.interpretable.filter_loss import filter_templates

SIZES = ((3, 1, 1), (5, 0, 3), (8, 6, 2))  # n, row and column


@check
def check_template(function: Callable[[int, int, int], Tensor]) -> str:
    """function(n, row, column): (n, n), max(−1, 1 − 4 d / n) at the L1 distance d from the place."""
    given(function, "write the function `template`.")
    for n, row, column in SIZES:
        answer = function(n, row, column)
        if answer is None:
            raise NotYet("`template` returns nothing: let it return a tensor (n, n).")
        values = tensor(answer, (n, n), "what `template` returns")
        down = (torch.arange(n).double() - row).abs()[:, None].expand(n, n)
        across = (torch.arange(n).double() - column).abs().expand(n, n)
        right = filter_templates(n)[row * n + column]
        mistakes = {
            "it falls below −1: cut it off there.": 1 - 4 * (down + across) / n,
            "it ends at 0 instead of −1: that is the mask of the masked pass.": right.clamp(min=0),
            "β = 4 is missing.": (1 - (down + across) / n).clamp(min=-1),
            "this is the distance as the crow flies; L1 adds up rows and columns.": (
                1 - 4 * torch.hypot(down, across) / n
            ).clamp(min=-1),
            "this is the greater one of both distances; L1 adds them up.": (
                1 - 4 * torch.maximum(down, across) / n
            ).clamp(min=-1),
            "rows and columns are swapped.": filter_templates(n)[column * n + row],
            "the distance is not divided by n.": (1 - 4 * (down + across)).clamp(min=-1),
            "the sign is turned.": -right,
        }
        if not refute(values, right, mistakes):
            raise Wrong("the values are not max(−1, 1 − 4 d / n), with d the rows and the columns to the place.")
    return "A map with one peak at the place has a large sum with it, and a map with two peaks a small one."

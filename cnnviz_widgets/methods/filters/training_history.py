"""W3: the first layer of ``mini`` during its training (Zeiler & Fergus, 2014, figure 4)."""

from dataclasses import dataclass

import torch
from torch import Tensor

from cnnviz_widgets.drawing.render import Content
from cnnviz_widgets.drawing.results import Filters, Result
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import gate
from cnnviz_widgets.networks import mini_history

__all__ = ["History", "training_history"]

SHOWN = 12  # filters of each epoch


@dataclass(frozen=True, eq=False, repr=False)
class History(Result):
    """The kernels of a convolution after some epochs.

    values  (epochs, out, in, kh, kw)
    epochs  their numbers
    """

    values: Tensor
    epochs: tuple[int, ...]
    of: str
    convention: str = "weights as they are stored, for normalized input"

    @gate
    def filters(self, epoch: int) -> Filters:
        """Those after one of the epochs."""
        if epoch not in self.epochs:
            raise UserError(f"epoch must be one of {', '.join(map(str, self.epochs))}, not {epoch}.")
        return Filters(self.values[self.epochs.index(epoch)], of=f"{self.of} after epoch {epoch}")

    @property
    def distances(self) -> Tensor:
        """(epochs, out): how far each kernel still is from its last state, as a share of that one's length."""
        last = self.values[-1]
        return (self.values - last).flatten(2).norm(dim=2) / last.flatten(1).norm(dim=1)

    def content(self) -> Content:
        """A row for each epoch, with its first filters."""
        rows = [self.filters(epoch).tiles()[:SHOWN] for epoch in self.epochs]
        names = tuple(f"epoch {epoch}, filter {number}" for epoch in self.epochs for number in range(len(rows[0])))
        pictures = Filters(torch.cat(rows), of=self.of).pictures()
        told = ", ".join(map(str, self.epochs))
        return Content(pictures, columns=len(rows[0]), names=names, caption=f"{self.of} after epochs {told}")


@gate
def training_history() -> History:
    """The first layer of ``mini`` after six epochs of the training that made it, 1 to 30.

    training_history().filters(5)
    """
    known = mini_history()
    return History(torch.stack([*known.values()]), tuple(known), "conv1 of mini")

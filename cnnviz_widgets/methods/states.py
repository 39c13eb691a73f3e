"""Long work is an iterator of states; ``last`` is for scripts that want the end of it."""

from collections.abc import Iterable
from typing import Protocol, TypeVar

from cnnviz_widgets.errors import UserError


class State(Protocol):
    """What every iterator of states yields: how far it is, and a result that is usable already."""

    @property
    def step(self) -> int: ...
    @property
    def total(self) -> int: ...


S = TypeVar("S", bound=State)


def last(states: Iterable[S], progress: bool = True) -> S:
    """Run to the end and return the last state; with a progress bar unless ``progress=False``.

    last(occlusion(network, image)).heatmap
    """
    from tqdm.auto import tqdm

    state = None
    with tqdm(total=0, disable=not progress, leave=False) as bar:
        for state in states:
            bar.total = state.total
            bar.update(state.step - bar.n)
    if state is None:
        raise UserError("states came to an end before the first one: an iterator can be used only once.")
    return state

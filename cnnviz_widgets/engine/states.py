"""Long work is an iterator of states; ``last`` is for scripts that want the end of it."""

from collections.abc import Iterable
from typing import Protocol, TypeVar

from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import Positive, came, gate
from cnnviz_widgets.runtime.progress import bar


class State(Protocol):
    """What every iterator of states yields: how far it is, and a result that is usable already."""

    @property
    def step(self) -> int: ...
    @property
    def total(self) -> int: ...


S = TypeVar("S", bound=State)


@gate
def last(states: Iterable[S], progress: bool = True, *, until: Positive | None = None) -> S:
    """Run to the end, or until the step ``until``, and return the last state; with a bar, unless ``progress=False``.

    last(occlusion(network, image)).heatmap
    """
    state = None
    with bar(total=0, disable=not progress) as shown:
        for state in states:
            if not (hasattr(state, "step") and hasattr(state, "total")):
                raise UserError(f"states must be states, such as occlusion(…) gives; {came(state)} came.")
            shown.total = state.total
            shown.update(state.step - shown.n)
            if until is not None and state.step >= until:
                break
    if state is None:
        raise UserError("states came to an end before the first one: an iterator can be used only once.")
    return state

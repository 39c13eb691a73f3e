"""X3: any picture as any class, by steps until the answer flips, and then by the least change that does it."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated

from cnnviz_widgets.engine.optimize.balls import LEVELS, Ball
from cnnviz_widgets.gate import Range, gate
from cnnviz_widgets.methods.activations.activations import one_picture
from cnnviz_widgets.methods.adversarial._attack import Aim, Attack, Bound, Loss, Steps, Way, aimed, attacked
from cnnviz_widgets.networks import Network
from cnnviz_widgets.pictures.given import AnyPicture

__all__ = ["targeted"]
example = dict(steps=2, halvings=1)

LARGEST = {"linf": 16 / 255, "l2": 8.0, "l1": 400.0, "l0": 1000}


@gate
def targeted(
    network: Network,
    image: AnyPicture,
    target: int | str,
    *,
    norm: Ball = "linf",
    epsilon: Bound | None = None,
    steps: Steps = 20,
    halvings: Annotated[int, Range(0, 60)] = 8,
    loss: Loss = "cross_entropy",
    quantize: bool = True,
) -> Iterator[Attack]:
    """A picture that the network takes for ``target``, with the least change that is found (Szegedy et al., 2014).

    Steps along the gradient until the answer flips; then the same with half the bound, and so on between what was
    enough and what was not (bisection).

    image     (C, H, W), values 0…1; what the network sees of it is changed
    target    class index or name
    epsilon   the largest bound, in the units of ``pgd``; None = 16/255, 8, 400, 1000 pixels. The answer may also not
              flip within it: see ``success``
    steps     at most, for each bound
    halvings  of the bound; with 8 bits and "linf" at most as many as there are levels between
    Other arguments as in ``pgd``. Yields Attack after every step; ``bound`` is the least that was enough so far.

        last(targeted(load_network("mini"), load_image("chelsea"), "goose")).norms
    """
    aim = aimed(network, one_picture(network, image), None, target, quantize=quantize)
    way = Way(LARGEST[norm] if epsilon is None else epsilon, norm, steps, quantize=quantize, loss=loss, keep="first")
    return _bisected(aim, way, attacked(aim, way), halvings)


def _bisected(aim: Aim, way: Way, run: Iterator[Attack], halvings: int) -> Iterator[Attack]:
    total, passes = (1 + halvings) * way.steps, 0
    low, high, unit = 0.0, way.epsilon, _unit(way)
    best: Attack | None = None
    for number in range(1 + halvings):
        for state in run:
            passes += 1
            at = min(number * way.steps + state.step, total - 1)  # the last one is to come
            yield replace(best or state, step=at, total=total, passes=passes)
        if state.success:
            best = state
            high = min(state.bound, state.norms[way.norm])
        elif best is None:
            break
        else:
            low = state.bound
        if high - low <= unit * (1 + 1e-6):
            break
        middle = max(unit, round((low + high) / 2 / unit) * unit)
        run = attacked(aim, replace(way, epsilon=middle))
    yield replace(best or state, step=total, total=total, passes=passes)


def _unit(way: Way) -> float:
    """Bounds that differ by less are the same."""
    if way.norm == "l0":
        return 1.0
    return 1 / LEVELS if way.quantize and way.norm == "linf" else 1e-9

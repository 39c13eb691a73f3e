"""Chapter 00: ask the network, and find what its prediction depends on."""

from typing import Any, cast

from torch import Tensor

from cnnviz_widgets.drawing.words import percent
from cnnviz_widgets.engine.states import last
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.exercises.feedback import Wrong, check, given, whole_numbers
from cnnviz_widgets.methods.activations.activations import one_picture
from cnnviz_widgets.methods.occlusion.occlusion import occlusion
from cnnviz_widgets.networks import Network
from cnnviz_widgets.networks.network import Prediction

ENOUGH = 0.9  # share of the greatest possible loss that counts as having found the place


@check
def check_top_class(answer: Any, network: Network, picture: Tensor) -> str:
    """answer: the name of the class that the network puts first for this picture."""
    given(answer, "ask `net.predict(…)` about the new picture, and put the name of its first class in `answer`.")
    if isinstance(answer, float):
        raise Wrong("this is a probability; the name of the class is asked for.")
    if isinstance(answer, int):
        raise Wrong("this is a number; the class of that number is `net.classes[number]`.")
    if not isinstance(answer, str):
        raise Wrong("the name alone is asked for: `net.predict(…)[0].name`.")
    try:
        index = network.classes.index(answer)
    except UserError as error:
        raise Wrong(f"{error}") from None
    top = cast(list[Prediction], network.predict(picture, k=min(5, len(network.classes))))  # of one picture
    rank = next((place for place, one in enumerate(top, 1) if one.index == index), None)
    if rank == 1:
        return f"The network gives it {percent(top[0].probability)}."
    if rank is None:
        raise Wrong(
            f"“{network.classes[index]}” is not among the network's first {len(top)} classes for this picture: was "
            "another picture shown to it, or is this what you see yourself?"
        )
    raise Wrong(f"this is the network's choice number {rank} for this picture; the first one is asked for.")


@check
def check_weak_spot(answer: Any, network: Network, picture: Tensor, size: int = 32, stride: int = 8) -> str:
    """answer: (x, y) of the place where a square costs the top class most, in pixels as the panel counts them."""
    given(answer, "put the `(x, y)` of the place that you found with the panel in `answer`.")
    x, y = whole_numbers(answer, ("x", "y"))
    state = last(occlusion(network, one_picture(network, picture), size=size, stride=stride), progress=False)
    height, width = state.picture.shape[-2:]
    if not (0 <= x <= width and 0 <= y <= height):
        raise Wrong(
            f"({x}, {y}) is outside: the network sees the picture at {width} × {height} pixels, and the panel counts "
            "those."
        )

    def kept(x: int, y: int) -> float:
        """Probability under the square nearest to a place, as the panel takes it."""
        row, column = (
            min(range(len(starts)), key=lambda i: abs(starts[i] + size / 2 - at))
            for starts, at in ((state.tops, y), (state.lefts, x))
        )
        return float(state.values[row, column])

    assert isinstance(state.baseline, float)  # as it is of one picture
    least = float(state.values.min())
    enough = state.baseline - ENOUGH * (state.baseline - least)
    if least >= state.baseline:
        return "Here no place costs the class anything, so any answer will do: try another picture."
    if kept(x, y) <= enough:
        return f"With a square there, “{state.of}” falls from {percent(state.baseline)} to {percent(kept(x, y))}."
    if x <= height and y <= width and kept(y, x) <= enough:
        raise Wrong("x and y are swapped: x counts from the left edge, y from the top.")
    if kept(x, y) >= state.baseline:
        raise Wrong("a square there does not harm the class at all: look for the other end of the color scale.")
    raise Wrong(
        f"a square there leaves the class {percent(kept(x, y))}, but there is a place where it leaves "
        f"{percent(least)}: move the pointer over the reddest part of the map."
    )

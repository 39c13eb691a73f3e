"""The channels of a layer, each as the picture that maximizes it, page by page; they grow beside other work."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import ipywidgets
from torch import Tensor

from cnnviz_widgets.errors import UserError
from cnnviz_widgets.methods.features.visualize import visualize
from cnnviz_widgets.networks import Network
from cnnviz_widgets.panels.making import Making, side_by_side
from cnnviz_widgets.panels.now import Now
from cnnviz_widgets.panels.parts import View
from cnnviz_widgets.remarks import remark
from cnnviz_widgets.runtime.memo import Memo
from cnnviz_widgets.widgets.actions import Actions

SIDE = 64  # px of a picture
PAGE, AT_ONCE = 24, 4  # channels in sight, and in one run
STEPS, RATE = 24, 0.1  # of a run, which is short


@dataclass
class _Reached:
    """The pictures of channels, as far as they have come, and the channels that have come to their end."""

    pictures: dict[int, Tensor] = field(default_factory=dict)
    made: set[int] = field(default_factory=set)


class ChannelGrid:
    """A page of the channels around the session's, which a click chooses, and two buttons that turn the page.

    widget  all of it;   turns   the buttons
    """

    def __init__(self, panel: Making) -> None:
        self._panel, self._memo = panel, Memo(_Reached)
        grid = View("Channels: click one", cursor="tile", controls=False, max_height=300)
        self.turns = Actions({
            "before": ("‹ Before", "The channels before these"),
            "next": ("Next ›", "The channels after these"),
        })  # fmt: skip
        self.turns.on_action(panel.guarded(self._turn))
        box = panel.tiles("grid", grid, partial(setattr, panel.session, "channel"))
        self.widget = ipywidgets.VBox([box, self.turns]).add_class("cnnviz-part")

    def _turn(self, button: str) -> None:
        session = self._panel.session
        last = session.network.layer(session.layer).channels - 1
        page, place = divmod(session.channel, PAGE)
        page = min(page + 1, last // PAGE) if button == "next" else max(page - 1, 0)
        session.channel = min(page * PAGE + place, last)

    def parts(self, now: Now) -> dict[str, Any]:
        """What a frame shows of it."""
        page, known = _page(now), self._reached(now).pictures
        caption = f"{now.layer}: {page[0]} to {page[-1]} of {now.network.layer(now.layer).channels} channels"
        tiles, side = {f"channel {one}": known.get(one) for one in page}, picture_size(now.network, now.layer, SIDE)
        return {
            "grid": side_by_side(tiles, side or SIDE, keys=tuple(page), caption=caption),
            "grid_chosen": now.channel - page[0],
        }

    def grow(self, now: Now) -> tuple[int, Iterator[int]]:
        """How many steps are still to come, and an iterator that makes them."""
        reached = self._reached(now)
        waiting = [channel for channel in _page(now) if channel not in reached.made]
        groups = [tuple(waiting[begin : begin + AT_ONCE]) for begin in range(0, len(waiting), AT_ONCE)]
        return len(groups) * STEPS, self._steps(now, reached, groups)

    def _steps(self, now: Now, reached: _Reached, groups: list[tuple[int, ...]]) -> Iterator[int]:
        objective, size = _objective(now), picture_size(now.network, now.layer, SIDE)
        how: dict[str, Any] = {"objective": objective, "size": size, "steps": STEPS, "learning_rate": RATE}
        for number, some in enumerate(groups):
            begin: Callable[[], Iterator[Any]] = partial(visualize, now.network, now.layer, some, **how)
            try:
                for state in self._panel.keep("grid", (now.network, now.layer, objective, some), begin):
                    pictures = state.values.reshape(len(some), *state.values.shape[-3:])
                    reached.pictures |= dict(zip(some, pictures, strict=True))
                    yield number * STEPS + state.step
                reached.made |= {*some}
            except UserError as error:
                remark(f"channels {some[0]} to {some[-1]}: {error}")

    def _reached(self, now: Now) -> _Reached:
        return self._memo.reached(now.network, now.layer, _objective(now))


def _page(now: Now) -> range:
    """The channels in sight: those around the chosen one."""
    first = now.channel // PAGE * PAGE
    return range(first, min(first + PAGE, now.network.layer(now.layer).channels))


def _objective(now: Now) -> str:
    return "neuron" if now.objective == "neuron" else "channel"


def picture_size(network: Network, layer: str, most: int) -> int | None:
    """px of a picture for a layer, at most so many; None = the network's own, where the layer takes no other."""
    return min(most, *(network.input_size or (most,))) if network.layer(layer).spatial else None

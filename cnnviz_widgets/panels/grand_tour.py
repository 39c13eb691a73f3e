"""A7: many pictures in the space of their class scores, seen from everywhere."""

from collections.abc import Iterator
from typing import Any

import ipywidgets
import torch
from torch import Tensor

from cnnviz_widgets.engine.states import last
from cnnviz_widgets.methods.embeddings.features import Features
from cnnviz_widgets.methods.embeddings.grand_tour import grand_tour, moment
from cnnviz_widgets.methods.filters.train_live import LiveState
from cnnviz_widgets.networks import Network
from cnnviz_widgets.panels import cells
from cnnviz_widgets.panels.call import As, program
from cnnviz_widgets.panels.controls import choice, float_slider, slider
from cnnviz_widgets.panels.gathering import Gathering, gathering
from cnnviz_widgets.panels.now import Now
from cnnviz_widgets.panels.parts import Note
from cnnviz_widgets.panels.points import PointsView, star
from cnnviz_widgets.runtime.runner import Frame
from cnnviz_widgets.widgets.scatter import Cloud
from cnnviz_widgets.widgets.traits import Told


class _Trained(Told):
    """A state of a training, or None."""

    allowed = "a state of cnnviz.train_live, or None"

    def validate(self, owner: Any, value: Any) -> LiveState | None:
        return value if value is None or isinstance(value, LiveState) else self.refuse(value)


class GrandTour(Gathering):
    """Pictures in many dimensions, turned from plane to plane (Li, Zhao & Scheidegger 2020).

    The pictures are those of the session's dataset, or the samples. Drag the end of an axis to turn the plane.

    space  whose axes are class "scores", after the softmax, or the channels of a "layer", their means
    axes   how many: those along which the pictures differ most
    training  a state of ``cnnviz.train_live``: its pictures that were held out, by their class scores while it learned
    learned   of the training, from 0 (before it) to 1 (after its last epoch so far)
    """

    title = "Grand tour"
    family = "embeddings"
    chapters = ("02", "04")
    shows = "many pictures in the space of their class scores, turned from plane to plane"
    as_call = "cnnviz.grand_tour(scores)"
    pickers = ("layer",)
    layer_if = "space"
    space = choice(
        "scores", {"scores": "class scores", "layer": "a layer"}, label="Axes are",
        help="Class scores after the softmax, or the channels of the layer",
    )  # fmt: skip
    axes = slider(8, 3, 32, label="Axes", help="How many: those along which the pictures differ most")
    training: Any = _Trained(None).tag(setting=True)
    learned = float_slider(
        1, 0, 1, step=0.01, form=".0%", label="Training", help="How much of the training has been done"
    )  # fmt: skip

    def build(self) -> list[ipywidgets.Widget]:
        self._view = PointsView("Pictures, turned from plane to plane: drag the end of an axis")
        self._view.scatter.on_pick(self.guarded(self.choose))
        self._view.scatter.on_select(self.guarded(self.select))
        return [self.part("tour", self._view), self.part("note", Note())]

    def _furnish(self) -> None:
        super()._furnish()
        self.shown_if("training", self.controls["learned"])

    def choose(self, number: int) -> None:
        if self.training is None:
            super().choose(number)
        else:
            self.session.image = self.training.pictures[number] / 255

    def select(self, numbers: tuple[int, ...]) -> None:
        if self.training is None:
            super().select(numbers)
        else:
            self.selection = numbers

    def compute(self, now: Now) -> Iterator[Frame]:
        if now.training is not None:
            yield self._while_it_learned(now)
            return
        spaces = list(dict.fromkeys([_layer(now), _scores(now.network)]))  # the colors are the predicted classes
        found: dict[str, Features] = {}
        for at, layer in enumerate(spaces):
            for some in self.gathered(now, layer):
                found[layer] = some
                yield Frame({}, at * some.total + some.step, len(spaces) * some.total)
        here, scores = found[_layer(now)], found[_scores(now.network)]
        axes = _axes(now, here)
        points = _points(now, here)[:, axes]
        predicted = [now.network.classes[one] for one in scores.values.argmax(1).tolist()]
        names = tuple(_named(now, one) for one in axes)
        shown = Cloud(points.numpy(), here.names, predicted, here.numbers.tolist(), here.thumbnails, names)
        frame = last(grand_tour(points, 1, start=self._plane(len(axes))), progress=False)
        yield Frame({"tour": (shown, frame), "note": _told(now, axes)})

    def _while_it_learned(self, now: Now) -> Frame:
        state: LiveState = now.training
        every, axes = state.probabilities, _axes_of(state, now.axes)
        epochs, at = every[:, :, axes], now.learned * (len(every) - 1)
        reach = float((epochs - epochs.mean(1, keepdim=True)).norm(dim=2).max())
        classes = [state.classes[one] for one in state.truth.tolist()]
        names = tuple(state.classes[one] for one in axes)
        thumbnails = state.pictures.permute(0, 2, 3, 1).numpy()
        numbers = range(len(classes))
        shown = Cloud(moment(epochs, at).numpy(), classes, classes, numbers, thumbnails, names, reach)
        frame = last(grand_tour(epochs, 1, epoch=at, start=self._plane(len(axes))), progress=False)
        told = (
            f"After {at:.3g} of {len(every) - 1} epochs: {len(classes)} pictures that were held out, by the "
            f"probabilities of {len(axes)} classes. Colors are the true classes."
        )
        return Frame({"tour": (shown, frame), "note": told})

    def call(self, now: Now) -> str:
        if now.training is not None:
            axes = _axes_of(now.training, now.axes)
            state = cells.name_of(now.training) or "...  # the training that you gave to the panel"
            at = now.learned * (len(now.training.epochs) - 1)
            return program(
                "import torch",
                f"training = {state}",
                f"points = training.probabilities[:, :, {axes}]",
                self._written_plane(len(axes)),
                f"frame = cnnviz.last(cnnviz.grand_tour(points, 1, epoch={at:g}, start=plane))",
                "frame",
            )
        found = self.known(_layer(now))
        if found is None:
            found = last(self.gathered(now, _layer(now)), progress=False)
        axes = _axes(now, found)
        values = "net.probabilities(found.values)" if now.space == "scores" else "found.values"
        points = As(None, f"{values}[:, {axes}]")
        return program(
            "import torch",
            gathering(now, found=_layer(now)),
            {"points": points},
            self._written_plane(len(axes)),
            "frame = cnnviz.last(cnnviz.grand_tour(points, 1, start=plane))",
            "frame",
        )

    def _plane(self, dimensions: int) -> Tensor:
        """Where the tour was paused last, or begins."""
        basis = self._view.scatter.basis
        return torch.from_numpy(star(dimensions) if basis is None or len(basis) != dimensions else basis)

    def _written_plane(self, dimensions: int) -> str:
        basis = self._view.scatter.basis
        if basis is None or len(basis) != dimensions:
            around = f"angles = 2 * torch.pi * torch.arange({dimensions}.0) / {dimensions}"
            return f"{around}\nplane = torch.stack([angles.cos(), angles.sin()], 1) * (2 / {dimensions}) ** 0.5"
        return f"plane = torch.tensor({basis.round(7).tolist()})"


def _scores(network: Network) -> str:
    """The layer that gives the scores."""
    return network.layers[-1].name


def _layer(now: Now) -> str:
    return _scores(now.network) if now.space == "scores" else now.layer


def _points(now: Now, found: Features) -> Tensor:
    return now.network.probabilities(found.values) if now.space == "scores" else found.values


def _axes(now: Now, found: Features) -> list[int]:
    """Those along which the pictures differ most, in their own order."""
    spread = _points(now, found).var(0, correction=0)
    return sorted(spread.topk(min(now.axes, len(spread))).indices.tolist())


def _axes_of(state: LiveState, count: int) -> list[int]:
    """The classes whose probabilities differ most during a training, in their own order."""
    spread = state.probabilities.flatten(0, 1).var(0, correction=0)
    return sorted(spread.topk(min(count, len(spread))).indices.tolist())


def _named(now: Now, axis: int) -> str:
    return now.network.classes[axis] if now.space == "scores" else f"channel {axis}"


def _told(now: Now, axes: list[int]) -> str:
    of = "class scores" if now.space == "scores" else f"channels of {now.layer}"
    return f"{len(axes)} {of}, along which the pictures differ most. Colors are the predicted classes."

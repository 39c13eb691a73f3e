"""N2: the picture of features by a decoder in one pass, by optimization, and by both."""

from collections.abc import Iterator
from functools import lru_cache, partial
from typing import Any

import ipywidgets
import torch
from torch import Tensor

from cnnviz_widgets.drawing.render import Content
from cnnviz_widgets.drawing.results import rgb
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.methods.features.invert import invert, psnr
from cnnviz_widgets.methods.generation.load_decoder import Decoder, decoders, load_decoder
from cnnviz_widgets.networks import Network, load_network
from cnnviz_widgets.panels.call import As, Call, program
from cnnviz_widgets.panels.controls import choice, float_slider, slider
from cnnviz_widgets.panels.growth import Plan
from cnnviz_widgets.panels.making import (
    Making,
    StepView,
    at_step,
    planned,
    seed_slider,
    side_by_side,
    steps_slider,
    together,
)  # fmt: skip
from cnnviz_widgets.panels.now import Now
from cnnviz_widgets.panels.panel import computes
from cnnviz_widgets.panels.parts import Note, View
from cnnviz_widgets.runtime.runner import Frame

WAYS = {"noise": "from noise", "code": "its code", "both": "its picture"}  # how states are made, and their titles
GENTLE = 0.03  # learning rate from a picture on that is nearly right


class FeatureDecoder(Making):
    """A layer's features turned back into a picture, by a trained decoder (Dosovitskiy & Brox 2016) and without.

    Beside the decoder's picture, which takes one pass, is what optimization finds from noise (chapter 12), in the
    decoder's code, and in pixels from the decoder's picture on. Each has its PSNR; the line below has the feature
    errors, ‖Φ(x) − Φ₀‖² / ‖Φ₀‖². Then one channel of the code is made weaker or stronger. The network is the bundled
    ``mini``, whose decoders are there.

    of      the layer whose features are inverted
    number  of the channel that is changed, from 0
    factor  by which it is multiplied
    """

    title = "Feature decoder"
    family = "generation"
    chapters = ("12", "17")
    shows = "features turned back into a picture by a trained network, by optimization, and by both"
    as_call = "cnnviz.invert(net, photo, prior=decoder)"
    pickers = ("image",)
    of = choice("relu3", decoders(), label="Layer", help="Of mini: its decoders are bundled", ordered=True)
    steps = steps_slider(partial(invert, steps=64), 256)
    number = slider(0, 0, 255, label="Channel", help="The channel of the code that is changed, from 0")
    factor = float_slider(0, 0, 8, step=0.25, form=".2f", label="Times", help="What that channel is multiplied by")
    seed = seed_slider()

    def views(self) -> list[ipywidgets.Widget]:
        made = StepView("The picture of the features", "whole", labels=True, max_height=300)
        moved = View("One channel of the code, changed", "most", labels=True, controls=False, max_height=300)
        return [self.part("made", made), self.part("errors", Note()), self.part("moved", moved)]

    def compute(self, now: Now) -> Iterator[Frame]:
        original, features, total = _original(now), _features(now), len(WAYS) * now.rounds * now.steps
        pictures: dict[str, Any] = {"original": original, "decoder": _decoder(now.of)(features).values}
        errors = {name: _error(one, features, now.of) for name, one in pictures.items()}
        yield Frame({"made": partial(_content, pictures, {}), "errors": _told(errors)}, 0, total)
        runs = {way: self.grow(_plan(now, way), now.rounds) for way in WAYS}
        for latest in together(runs):
            states = {way: state for way, (_, state) in latest.items()}
            found = errors | {way: _error(state.values, features, now.of) for way, state in states.items()}
            done = sum(state.step for state in states.values())
            yield Frame({"made": partial(_content, pictures, states), "errors": _told(found)}, done, total)

    @computes
    def move(self, now: Now) -> Frame:
        """One channel of the code weaker or stronger, and what the decoder makes of it."""
        features, decoder = _features(now), _decoder(now.of)
        changed = features.clone()
        if now.number >= len(changed):
            raise UserError(f"number must be below {len(changed)}, the channels of {now.of}, not {now.number}.")
        changed[now.number] *= now.factor
        one, other = decoder(features).values, decoder(changed).values
        tiles = torch.stack([one, other, (0.5 + 2 * (other - one)).clamp(0, 1)])
        names = "as it is", f"channel {now.number} × {now.factor:g}", "change, four times, 0 is gray"
        return Frame({"moved": Content(picture=rgb(tiles), names=names, columns=3)})

    def subject(self) -> str:
        return f"decoder {(self._drawn or self._now()).of}"

    def call(self, now: Now) -> str:
        given = {
            "mini": Call(load_network, "mini"),
            "decoder": Call(load_decoder, now.of),
            "features": As(None, f'mini.activations(photo, "{now.of}")["{now.of}"]'),
            "changed": As(None, "features.clone()"),
        }
        runs = [line for way in WAYS for line in self.program(_plan(now, way), now.rounds, way)]
        return program(
            given, f"changed[{now.number}] *= {now.factor:g}", *runs,
            f"display(decoder(features), decoder(changed), {', '.join(WAYS)})",
        )  # fmt: skip


@lru_cache(1)
def _mini() -> Network:
    return load_network("mini")


@lru_cache(8)
def _decoder(layer: str) -> Decoder:
    return load_decoder(layer)


def _original(now: Now) -> Tensor:
    return _mini().prepare(now.image)[0].cpu()


def _features(now: Now) -> Tensor:
    return _mini().activations(now.image, now.of)[now.of]


def _error(picture: Tensor, features: Tensor, layer: str) -> float:
    found = _mini().activations(picture, layer)[layer]
    return float((found - features).square().sum() / features.square().sum().clamp(min=1e-12))


def _plan(now: Now, way: str) -> Plan:
    decoder, how = _decoder(now.of), dict[str, Any]()
    if way == "code":
        how = {"prior": As(decoder, "decoder")}
    if way == "both":
        how = {"start": As(decoder(_features(now)).values, "decoder(features).values"), "learning_rate": GENTLE}
    call = Call(invert, As(_mini(), "mini"), now.image, now.of, **how)
    return planned(way, now, call, now.image, now.of)


def _content(pictures: dict[str, Tensor], states: dict[str, Any], at: int | None) -> Content:
    """The original, the decoder's picture, and those of a step."""
    original = pictures["original"]
    tiles: dict[str, Tensor | None] = {"original": original}
    tiles[_named("decoder", pictures["decoder"], original)] = pictures["decoder"]
    for way, title in WAYS.items():
        picture = at_step(states[way], at)[1] if way in states else None
        tiles[f"{title} …" if picture is None else _named(title, picture, original)] = picture
    return side_by_side(tiles, columns=len(tiles))


def _named(title: str, picture: Tensor, original: Tensor) -> str:
    return f"{title} · {psnr(picture, original):.1f} dB"


def _told(errors: dict[str, float]) -> str:
    titles = {"decoder": "decoder"} | WAYS
    told = ", ".join(f"{titles[name]} {one:.3f}" for name, one in errors.items() if name in titles)
    return f"Feature errors, 0 = the same features: {told}."

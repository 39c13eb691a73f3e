"""T9: the camera, painted as it streams."""

import time
from collections import deque
from collections.abc import Iterator
from functools import lru_cache
from math import pi, sin

import ipywidgets
import torch
from torch import Tensor

from cnnviz_widgets.drawing.render import Content
from cnnviz_widgets.drawing.results import rgb
from cnnviz_widgets.language import said
from cnnviz_widgets.methods.style.load_style import load_style, styles
from cnnviz_widgets.panels.call import As
from cnnviz_widgets.panels.controls import choice, float_slider, slider
from cnnviz_widgets.panels.now import Now
from cnnviz_widgets.panels.panel import Panel, computes
from cnnviz_widgets.panels.parts import View
from cnnviz_widgets.panels.stream import follow, frames
from cnnviz_widgets.pictures import load_image
from cnnviz_widgets.runtime.runner import Frame
from cnnviz_widgets.widgets.camera import Camera
from cnnviz_widgets.widgets.traits import OneOf

CLIP = 32  # frames
NEAREST = 0.6  # of the photograph's sides, that the clip shows in its middle
COUNTED = 12  # frames, over which their number in a second is taken

style_of = lru_cache(8)(load_style)


class LiveStyle(Panel):
    """The camera, painted by a trained network while it streams (Johnson et al. 2016); without a camera, a clip.

    style     a bundled style; it and ``strength`` change on the way
    strength  0 is the picture itself, 1 the style
    size      px of the shorter side
    source    "clip": one that moves into the photograph and back; "camera", as long as it is on: see its button
    """

    title = "Live style"
    family = "style"
    chapters = ("16",)
    shows = "the camera as a painting, frame by frame"
    as_call = 'cnnviz.load_style("stained_glass")(photo)'
    pickers = ("image",)
    style = choice(
        "stained_glass" if "stained_glass" in styles() else styles()[0], styles(), label="Style", help="Who paints"
    )
    strength = float_slider(1.0, 0, 1, step=0.05, label="Strength", help="0 is the picture itself, 1 the style")
    size = slider(256, 96, 384, step=32, label="Size", help="px of the shorter side: fewer are quicker")
    source = OneOf(("clip", "camera"), "clip").tag(setting=True)

    def build(self) -> list[ipywidgets.Widget]:
        self._streaming = False
        self._last: Tensor | None = None  # not yet painted
        self._camera = Camera(live=True, description="Camera", tooltip="Paint what the camera sees")
        follow(self, self._camera, "clip")
        self.observe(lambda _: self._ask_for_frames(), "size")
        self._ask_for_frames()
        title = ipywidgets.HTML(said("The camera")).add_class("cnnviz-heading")
        beside = ipywidgets.VBox([title, self._camera]).add_class("cnnviz-part")
        painted = self.part("painted", View("As a painting", controls=False, max_width=720, max_height=560))
        return [painted.add_class("cnnviz-most"), beside]

    def _ask_for_frames(self) -> None:
        self._camera.size = min(640, round(self.size * 4 / 3))  # px of the longer side, of most cameras

    def compute(self, now: Now) -> Iterator[Frame]:
        ends: deque[float] = deque(maxlen=COUNTED)
        self._streaming = True
        try:
            for number, picture in enumerate(frames(self._camera, now.size) if now.source == "camera" else _clip(now)):
                if picture is None:  # none came: others have their turn
                    yield Frame(step=0)
                    continue
                self._last = picture
                painted = self._painted(picture, self.style, self.strength)  # of now they would begin the clip anew
                ends.append(time.perf_counter())
                rate = f"{(len(ends) - 1) / (ends[-1] - ends[0]):.0f} frames a second" if len(ends) > 1 else "…"
                at, total = (0, 1) if now.source == "camera" else (number + 1, CLIP)
                yield Frame({"painted": Content(rgb(painted), caption=f"{self.style}: {rate}")}, at, total)
        finally:
            self._streaming = False

    @computes
    def paint(self, now: Now) -> Frame:
        """The picture that is there, in another style or strength; a stream sees to that itself."""
        style, strength = now.style, now.strength
        if self._streaming or self._last is None:
            return Frame()
        return Frame({"painted": Content(rgb(self._painted(self._last, style, strength)), caption=style)})

    def call(self, now: Now) -> str:
        strength = "" if now.strength == 1 else f", strength={now.strength:g}"
        return f'small = {_photo(now).written}\ncnnviz.load_style("{now.style}")(small{strength})'

    def _painted(self, picture: Tensor, style: str, strength: float) -> Tensor:
        return style_of(style)(picture, strength).values


def _photo(now: Now) -> As:
    photo = load_image(now.image, size=now.size)
    colors = photo if len(photo) == 3 else photo[:1].expand(3, -1, -1)
    return As(colors, f"cnnviz.load_image(photo, size={now.size})")


def _clip(now: Now) -> Iterator[Tensor]:
    """A camera that moves into the photograph and back; the last frame is the photograph."""
    photo = _photo(now).value
    height, width = photo.shape[-2:]
    for number in range(1, CLIP + 1):
        share = 1 - (1 - NEAREST) * sin(pi * number / CLIP)
        across = torch.linspace(-share, share, width) + (1 - share) * sin(2 * pi * number / CLIP)
        down = torch.linspace(-share, share, height)
        grid = torch.stack(torch.meshgrid(across, down, indexing="xy"), -1)
        frame = torch.nn.functional.grid_sample(photo[None], grid[None], align_corners=True)[0].clamp(0, 1)
        yield photo if number == CLIP else frame

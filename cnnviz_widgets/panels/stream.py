"""A camera whose frames a panel shows as long as it is on."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from torch import Tensor

from cnnviz_widgets.panels.panel import Panel
from cnnviz_widgets.pictures import load_image
from cnnviz_widgets.widgets.camera import Camera

ON = ("on", "hidden")  # states of a camera from which frames may come
WAIT = 0.05  # s, for a frame: other panels have their turn between two


def follow(panel: Panel, camera: Camera, otherwise: str) -> None:
    """Keep the panel's trait ``source`` at "camera" while the camera is on, else at ``otherwise``."""
    camera.observe(panel.guarded(partial(_choose, panel, otherwise)), "state")


def frames(camera: Camera, size: int, wait: float = WAIT) -> Iterator[Tensor | None]:
    """Frames (3, H, W), 0…1, of ``size`` px, until the camera is off; None where none came for ``wait`` s."""
    while camera.state in ON:
        frame = camera.take(wait)
        yield None if frame is None else load_image(frame, size=size)


def _choose(panel: Any, otherwise: str, change: dict) -> None:
    panel.source = "camera" if change["new"] in ON else otherwise

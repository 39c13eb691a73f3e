"""Makes the films of the docs' page "Play" by running the panels: ``python -m tools.play [chapter …]``, or all.

A film is a panel's static picture in several states, which lie below each other in one WebP file: a slider on the page
moves between them, and no kernel is needed. ``films.json`` beside the files says what their states are.
"""

import html
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from PIL import Image, ImageChops

import cnnviz_widgets as cnnviz
from cnnviz_widgets import registry
from cnnviz_widgets.drawing.snapshot import PAPER, arrange
from cnnviz_widgets.panels.convolution import PICTURES
from cnnviz_widgets.panels.making import LATEST
from cnnviz_widgets.panels.panel import Panel
from tools import course

FILMS = course.ROOT / "docs" / "play"
LIST = FILMS / "films.json"
MARGIN, TALLEST = 16, 560  # px
LARGEST = 120_000  # bytes of a film, and all of them together are at most 3 MB
QUALITIES = (75, 65, 55, 45, 35, 25)
INTRO = """\
---
hide: [navigation, toc]
---

# Play

Move a slider: these panels were computed before, most of them with the network that comes with the package. In the
course they are live, with your own pictures and networks.

[Run it live](index.md#run-it){ .md-button .md-button--primary }
"""
STEP = "step to look at"  # in place of a trait: the step of a made picture that is looked at
SCENES = cnnviz.scenes(240)


@dataclass(frozen=True)
class Film:
    """What a slider moves, and what is seen.

    chapter   in which the panel stands
    moves     a trait of the panel or of its session, or ``STEP``
    label     what stands beside the slider
    states    values of it, or {what is said of a value: the value}
    look      what to look for, in a sentence or two
    settings  of the panel beside it
    parts     of the panel that are shown, by their names; none = all of them
    network   as ``load_network`` takes it
    """

    chapter: str
    panel: str
    moves: str
    label: str
    states: Sequence[Any] | Mapping[str, Any]
    look: str
    settings: dict[str, Any] = field(default_factory=dict)
    parts: tuple[str, ...] = ()
    network: str = "mini"

    @property
    def name(self) -> str:
        return f"{self.chapter}-{self.panel.lower()}"

    @property
    def named(self) -> dict[str, Any]:
        """What is said of each state -> its value."""
        return dict(self.states) if isinstance(self.states, Mapping) else {str(one): one for one in self.states}


PLAYED = (
    Film(
        "00", "Occlusion", "place", "Place of the square",
        {"left ear": (42, 22), "eyes": (66, 50), "nose": (72, 72), "mouth": (70, 92), "right cheek": (100, 70),
         "background": (20, 110)},
        "Cover a place and ask the network again. Where does the cat lose most of its probability?",
        parts=("map", "covered", "bars"),
    ),
    Film(
        "01", "Convolution", "kernel", "Kernel", PICTURES,
        "The same nine products and one sum at every place: other numbers in the kernel find other things.",
        parts=("view",),
    ),
    Film(
        "01", "ReceptiveField", "layer", "Layer", ("relu1", "relu2", "relu3", "relu4", "relu5", "relu6"),
        "The frame is what a unit can see. How much of it counts?",
    ),
    Film(
        "02", "Training", STEP, "Epoch", (1, 2, 3, 4, 6, 8),
        "A small network learns its first filters. In which epoch do noise and colors become edges?",
        {"epochs": 8}, ("filters", "accuracy"),
    ),
    Film(
        "03", "Activations", "layer", "Layer", ("relu1", "relu2", "relu3", "relu4", "relu5", "relu6"),
        "From the first layer to the last: fewer places, and more that only one channel finds.",
        {"order": "strength"},
    ),
    Film(
        "04", "Neighbors", "layer", "Layer", ("relu1", "relu3", "relu5", "relu6", "gap"),
        "From which layer on do neighbors have more in common than their colors?",
        {"dataset": SCENES, "k": 6},
    ),
    Film(
        "04", "Embedding", "steps", "Steps of t-SNE", (1, 32, 128, 256, 384, 512, 750),
        "Every point is a picture. Groups appear that nobody named.",
        {"dataset": SCENES},
    ),
    Film(
        "05", "Tuning", "channel", "Channel", (0, 1, 3, 5, 8, 12),
        "How strongly a filter of the first layer responds to stripes of every angle.",
        {"layer": "conv1"}, ("polar", "stimulus"),
    ),
    Film(
        "06", "Occlusion", "size", "Square, px", (8, 16, 24, 32, 48, 64),
        "A small square finds details, a large one hides whole parts. Which map would you trust?",
        parts=("map", "covered", "bars"),
    ),
    Film(
        "07", "Gradients", "cells", "Map",
        {"gradient": [("gradient", "backprop")], "its absolute value": [("saliency", "backprop")],
         "gradient × input": [("input_x_gradient", "backprop")], "SmoothGrad": [("smoothgrad", "backprop")],
         "integrated gradients": [("integrated_gradients", "backprop")]},
        "One class, one picture, five maps. They answer different questions.",
        parts=("photo", "cells"),
    ),
    Film(
        "08", "Sanity", "step", "Random layers", (0, 1, 2, 4, 7),
        "Layers become random, one after the other. A map that stays as it was shows nothing that was learned.",
        {"methods": ["saliency", "guided"]}, ("large",),
    ),
    Film(
        "09", "ClassActivation", "target", "Class", ("goldfish", "jellyfish", "tabby", "school bus"),
        "The same picture, asked about several classes.",
        {"image": "goldfish_and_jellyfish"}, ("maps",),
    ),
    Film(
        "10", "ClassModel", STEP, "Step", (1, 8, 16, 32, 64, 128),
        "From noise to what the network takes for a flamingo (SqueezeNet, trained on ImageNet).",
        {"target": "flamingo", "steps": 128}, ("picture",), "squeezenet1_0",
    ),
    Film(
        "11", "DeepDream", "layer", "Layer", ("relu1", "relu2", "relu3", "relu4", "relu5", "relu6"),
        "A layer gets more of what it sees in the photograph, however faintly.",
        {"size": 192}, ("dream",),
    ),
    Film(
        "12", "Inversion", STEP, "Step", (1, 8, 32, 64, 128, 192),
        "From noise to pictures with the same features: what does each layer still know?",
        {"rungs": 4, "steps": 192}, ("ladder",),
    ),
    Film(
        "13", "Attack", "levels", "ε of 255", (0.5, 1, 2, 4, 8),
        "How small a change makes another class of it?",
        {"steps": 20}, ("pictures", "bars"),
    ),
    Film(
        "13", "Illusion", "distance", "Distance", (1, 2, 4, 8, 16),
        "Come nearer or step back: people see another thing, and the network?",
        {"kind": "hybrid"},
    ),
    Film(
        "14", "Texture", STEP, "Step", (1, 4, 16, 48, 96, 150),
        "From noise to a texture, with nothing but the statistics of a sample.",
        {"sample": "stained_glass", "size": 128, "sample_size": 2}, ("sample", "texture"),
    ),
    Film(
        "15", "StyleTransfer", STEP, "Step", (1, 4, 12, 24, 48, 80),
        "A photograph becomes a painting.",
        {"size": 192}, ("result",),
    ),
    Film(
        "16", "FastStyle", "strength", "Strength", (0, 0.25, 0.5, 0.75, 1),
        "A network that has learned to paint does so in one pass.",
        {"painter": "swirling_strokes", "steps": 1, "size": 64, "batch": 1}, ("painted",),
    ),
    Film(
        "16", "SuperResolution", "place", "Place", {"eye": (60, 50), "nose": (72, 72), "whiskers": (100, 90)},
        "A picture enlarged by a network: where are its details made up?",
        parts=("whole", "zoomed"),
    ),
    Film(
        "17", "Generator", "azimuth", "Azimuth, °", (0, 45, 90, 135, 180, 225, 270, 315),
        "A network draws what it is told: a chair, seen from all sides.",
        parts=("shown",),
    ),
    Film(
        "18", "Compare", "chosen", "Method",
        {"saliency": "saliency", "gradient × input": "input_x_gradient", "guided backprop": "guided",
         "Grad-CAM": "grad_cam"},
        "The pixels that a map calls important are deleted, then inserted. Which map knew what the class needs?",
        {"methods": ["saliency", "input_x_gradient", "guided", "grad_cam"]}, ("maps", "deletion", "insertion"),
    ),
)  # fmt: skip


def main(chapters: Sequence[str]) -> None:
    FILMS.mkdir(exist_ok=True)
    known = {one["name"]: one for one in films()}
    for film in PLAYED:
        if not chapters or film.chapter in chapters:
            known[film.name] = made(film)
            print(f"written: {film.name}.webp, {(FILMS / known[film.name]['file']).stat().st_size} bytes", flush=True)
    told = [known[film.name] for film in PLAYED if film.name in known]
    LIST.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def films() -> list[dict[str, Any]]:
    """What is known of the films that are there."""
    return json.loads(LIST.read_text(encoding="utf-8")) if LIST.exists() else []


def page() -> str:
    """The page: the films by chapter, each with its slider."""
    titles = {path.name[:2]: course.title(path) for path in course.sources()}
    lines = [INTRO]
    for chapter, title in titles.items():
        seen = [film for film in films() if film["chapter"] == chapter]
        if seen:
            lines += [f"## {chapter} {title} {{ #{chapter} }}", ""]
            lines += [f"[The chapter](course/{course.named(chapter)}.html)", "", *map(figure, seen)]
    return "\n".join(lines)


def figure(film: dict[str, Any], folder: str = "") -> str:
    """A film as HTML. On the page "Play" its picture is in the page's own folder; elsewhere, say in which."""
    states, width, height = film["states"], film["width"], film["height"]
    told, alt = html.escape(json.dumps(states, ensure_ascii=False)), html.escape(states[0]["alt"])
    return (
        f'<div class="film" data-states="{told}">\n<p>{html.escape(film["look"])}</p>\n'
        f'<label>{html.escape(film["label"])} <input type="range" min="0" max="{len(states) - 1}" value="0"> '
        f"<output>{html.escape(states[0]['label'])}</output></label>\n"
        f'<div style="width: {width}px; aspect-ratio: {width} / {height}">'
        f'<img src="{folder}{film["file"]}" alt="{alt}" width="{width}" height="{height * len(states)}" '
        'loading="lazy"></div>\n</div>\n'
    )


def made(film: Film) -> dict[str, Any]:
    """Write the file of a film, and say what is in it."""
    entry = next(one for one in registry.panels() if one.name == film.panel)
    given = {"image": "chelsea"} | film.settings
    panel = getattr(cnnviz.panels, film.panel)(film.network, **given)
    words, pictures = [], []
    for said, picture, caption in shown(panel, film):
        words.append({"label": said, "alt": " ".join(f"{entry.title}. {film.label}: {said}. {caption}".split())})
        pictures.append(picture)
    panel.close()
    strip = below_each_other(pictures)
    file = FILMS / f"{film.name}.webp"
    for quality in QUALITIES:
        strip.save(file, quality=quality, method=6)
        if file.stat().st_size <= LARGEST:
            break
    size = {"width": strip.width, "height": strip.height // len(pictures)}
    about = {"name": film.name, "file": file.name, "chapter": film.chapter, "title": entry.title, "look": film.look}
    return about | {"label": film.label, "states": words} | size


def shown(panel: Panel, film: Film) -> Iterator[tuple[str, Image.Image, str]]:
    """What is said of each state, its picture, and the lines over the pictures in it."""
    for said, value in film.named.items():
        if film.moves == STEP:
            if not panel.shown:
                panel.run()
            panel._scrubber.value = value if value in panel._scrubber.options else LATEST
        else:
            panel.apply({film.moves: value})
            panel.run()
        if panel.last_error:
            raise panel.last_error
        parts = [panel._parts[name] for name in film.parts]
        picture = arrange(panel.title, parts) if parts else panel.sheets()[0]
        captions = [part.image.content.caption for part in parts if hasattr(part, "image")]
        yield said, picture, ". ".join(filter(None, captions))


def below_each_other(pictures: Sequence[Image.Image]) -> Image.Image:
    """Frames of one size, from the top, without what is empty in all of them."""
    width, height = (max(ends) + MARGIN for ends in zip(*(inked(one) for one in pictures), strict=True))
    strip = Image.new("RGB", (width, height * len(pictures)), PAPER)
    for number, picture in enumerate(pictures):
        strip.paste(picture, (0, number * height))
    if height <= TALLEST:
        return strip
    return strip.resize((round(width * TALLEST / height), TALLEST * len(pictures)), Image.Resampling.LANCZOS)


def inked(picture: Image.Image) -> tuple[int, int]:
    """How far something is drawn, to the right and down."""
    box = ImageChops.difference(picture, Image.new("RGB", picture.size, PAPER)).getbbox()
    return box[2:] if box else picture.size


if __name__ == "__main__":
    main(sys.argv[1:])

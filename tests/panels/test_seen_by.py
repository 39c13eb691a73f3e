"""The frame that a view draws around what a unit sees: from the layer's geometry, equal to its gradient's support."""

import json
from pathlib import Path

import pytest
import torch
from javascript import node

from cnnviz_widgets import panels
from cnnviz_widgets.panels.maps import seen_by
from cnnviz_widgets.widgets.image_view import scene


def support(network, photo, layer, row, column):
    """[x, y, width, height] of the pixels that a unit depends on, found by its gradient."""
    picture = network.prepare(photo).clone().requires_grad_()
    kept = []
    hook = dict(network.module.named_modules())[layer].register_forward_hook(lambda *given: kept.append(given[2]))
    network.module(picture)
    hook.remove()
    kept[0][0, :, row, column].sum().backward()
    rows, columns = (picture.grad[0].abs().sum(0) > 0).nonzero(as_tuple=True)
    ends = [(int(one.min()), int(one.max()) + 1) for one in (columns, rows)]
    return [ends[0][0], ends[1][0], ends[0][1] - ends[0][0], ends[1][1] - ends[1][0]]


@pytest.mark.parametrize(("layer", "row", "column"), [("0", 0, 0), ("0", 11, 20), ("3", 5, 7), ("3", 11, 0)])
def test_the_frame_is_what_the_unit_depends_on(network, photo, layer, row, column):
    cells = network.layer(layer).shape[1:]
    place = {"tile": 0, "y": int((row + 0.5) * 48 / cells[0]), "x": int((column + 0.5) * 48 / cells[1])}
    field = seen_by(network, layer, cells)._asdict()
    js, shown = Path(scene.__code__.co_filename).with_name("js") / "scene.js", {"size": [48, 48], "fields": [field]}
    program = f"import {{ fieldAt }} from {json.dumps(js.as_uri())};\n"
    program += f"console.log(JSON.stringify(fieldAt({json.dumps(place)}, {json.dumps(shown)})))"
    assert json.loads(node("--input-type=module", "-e", program)) == support(network, photo, layer, row, column)


@pytest.mark.parametrize(
    ("kind", "part"),
    [("Activations", "large"), ("Gradients", "maps"), ("Gradients", "photo"), ("ClassActivation", "maps"),
     ("ClassActivation", "channels"), ("Compare", "maps")],
)  # fmt: skip
def test_views_of_a_layer_know_what_its_units_see(network, photo, kind, part):
    panel = getattr(panels, kind)(network, photo, layer="3", **({"steps": 5} if kind == "Compare" else {})).run()
    content = panel._parts[part].image.content
    expected = seen_by(network, "3", (12, 12))
    if kind == "Compare":  # where the map is that of a layer
        assert {key: one == expected for key, one in zip(content.keys, content.fields, strict=True)} == {
            key: key in ("cam", "grad_cam", "grad_cam_pp", "hires_cam", "layer_cam", "score_cam")
            for key in content.keys
        }
    else:
        assert {*content.fields} == {expected}
    sent = scene(content, 1)["fields"]
    assert len(json.dumps(sent)) < 120 * len(sent)  # a geometry, once, and no list of boxes
    panel.close()


def test_a_unit_that_sees_everything_is_framed_so():
    class Gate(torch.nn.Module):
        def forward(self, x):
            return x * x.mean((2, 3), keepdim=True)

    from cnnviz_widgets import Network

    module = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3, 2), Gate(), torch.nn.Flatten(), torch.nn.LazyLinear(2))
    module(torch.zeros(1, 3, 32, 32))
    seen = seen_by(Network(module, input_size=32, classes=["a", "b"]), "1", (15, 15))
    assert (seen.size, seen.stride, seen.offset) == ((32, 32), (0, 0), (15.5, 15.5))

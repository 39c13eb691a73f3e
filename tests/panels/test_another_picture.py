"""A picture beside the session's: what it takes, how it is written, and its buttons for a file and the camera."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

import cnnviz_widgets as cnnviz
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.panels import DeepDream, TextureGrowth
from cnnviz_widgets.panels.controls import chosen
from cnnviz_widgets.pictures import samples

GRAY = torch.full((3, 24, 32), 0.5)


@pytest.fixture
def panel(network):
    panel = TextureGrowth(network)
    yield panel
    panel.close()


def entry(name: str = "bark.png") -> tuple[dict]:
    buffer = io.BytesIO()
    Image.fromarray(np.full((24, 32, 3), 51, np.uint8)).save(buffer, "PNG")
    return ({"name": name, "type": "image/png", "content": buffer.getvalue()},)


def test_a_sample_is_known_by_its_name_and_styles_come_first(panel):
    control = panel.controls["sample"]
    panel.sample = "watercolor"
    assert control._list.value == "watercolor"
    control._list.value = "brick"
    assert panel.sample == "brick"
    names = [value for _, value in control._list.options]
    assert tuple(names[: len(samples().styles)]) == samples().styles
    one = chosen(panel.sample, 3, 40)
    assert one.written == 'cnnviz.load_image("brick", size=40)'
    assert torch.equal(one.value, cnnviz.load_image("brick", size=40))


@pytest.mark.parametrize("button", ["_upload", "_camera"])
def test_a_file_and_a_picture_of_the_camera_are_taken_once(panel, button):
    control, changes = panel.controls["sample"], []
    panel.observe(changes.append, "sample")
    getattr(control, button).value = entry()
    assert len(changes) == 1
    assert repr(panel.sample) == 'cnnviz.load_image("bark.png")'
    assert control._list.value == control.OWN
    assert getattr(control, button).value == ()
    one = chosen(panel.sample, 3)
    assert one.written == 'cnnviz.load_image("bark.png")'
    assert torch.allclose(one.value, torch.full((3, 24, 32), 0.2))
    assert "bark.png" in repr(panel)


def test_any_picture_may_be_assigned(panel):
    panel.sample = GRAY
    assert repr(panel.sample) == "(your picture)"
    assert torch.equal(chosen(panel.sample, 3).value, GRAY)
    control = panel.controls["sample"]
    control._list.value = control.OWN  # nothing to choose there
    assert torch.equal(chosen(panel.sample, 3).value, GRAY)
    panel.reset()
    assert panel.sample == "stained_glass"


def test_what_is_no_picture_is_refused_in_one_sentence(panel):
    with pytest.raises(UserError, match="sample"):
        panel.sample = 3
    with pytest.raises(UserError, match="sample"):
        panel.sample = ""
    panel.controls["sample"]._upload.value = ({"name": "a.tif", "error": "a.tif has 90.0 MB."},)
    assert panel._bar.error == "a.tif has 90.0 MB."
    panel.controls["sample"]._upload.value = ({"name": "a.png", "type": "image/png", "content": b"no"},)
    assert "a.png" in panel._bar.error
    assert panel.sample == "stained_glass"


def test_none_is_a_choice_where_it_has_a_name(network):
    panel = DeepDream(network)
    assert panel.controls["guide"]._list.options[0] == ("(none)", "")
    panel.guide = "coffee"
    panel.controls["guide"]._list.value = ""
    assert panel.guide == ""
    panel.close()

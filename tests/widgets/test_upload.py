"""What the browser sends for a file becomes the picture, its program, or a sentence."""

import io

import numpy as np
import pytest
from PIL import Image

from cnnviz_widgets import UserError
from cnnviz_widgets.pictures import load_image, source_of
from cnnviz_widgets.widgets.upload import Upload


def message(picture: np.ndarray, name: str = "My Holiday Photo.PNG", **more) -> tuple[dict, list]:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG")
    return {"do": "file", "name": name, "type": "image/png", **more}, [memoryview(buffer.getvalue())]


def test_a_file_is_one_entry_that_load_image_reads():
    upload, picture = Upload(), np.arange(36, dtype=np.uint8).reshape(3, 4, 3)
    upload._receive(upload, *message(picture))
    assert [*upload.value[0]] == ["name", "type", "content"]
    np.testing.assert_array_equal(load_image(upload.value).mul(255).permute(1, 2, 0), picture)
    upload.close()


def test_the_program_says_at_which_size_the_browser_sent_it():
    upload = Upload()
    upload._receive(upload, *message(np.zeros((6, 8, 3), np.uint8), scaled=[6, 8]))
    assert source_of(load_image(upload.value)) == 'cnnviz.load_image("My Holiday Photo.PNG", size=(6, 8))'
    upload.close()


def test_the_file_is_not_saved_with_the_notebook():
    upload = Upload()
    upload._receive(upload, *message(np.zeros((6, 8, 3), np.uint8)))
    assert "value" not in upload.get_state()
    upload.close()


def test_settings_are_checked():
    with pytest.raises(TypeError, match="Upload has no accept"):
        Upload(accept="image/*")


@pytest.mark.parametrize("name", ["My Holiday Photo.PNG", "a\nimport os.png", 'q"uote.png'])
def test_the_code_of_a_panel_runs_where_the_file_lies(name, tmp_path, monkeypatch):
    from cnnviz_widgets import load_network, panels

    panel = panels.Activations(load_network("mini"), "chelsea")
    content, buffers = message(np.full((32, 32, 3), 128, np.uint8), name)
    picker = panel.controls["image"]
    picker._upload._receive(picker._upload, content, buffers)
    assert picker._upload.value == ()
    program = panel.code()
    comments = [line for line in program.splitlines() if line.startswith("#")]
    assert len(comments) == 1
    assert "beside this notebook" in comments[0]
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_bytes(bytes(buffers[0]))
    scope: dict = {}
    exec(program, scope)
    assert float(scope["photo"].mean()) == pytest.approx(128 / 255)
    panel.close()


def test_what_the_browser_could_not_send_is_told_in_the_panel():
    from cnnviz_widgets import load_network, panels

    panel = panels.Activations(load_network("mini"), "chelsea")
    before, picker = panel.session.image, panel.controls["image"]
    picker._upload._receive(picker._upload, {"do": "file", "name": "a.tif", "error": "a.tif has 90.0 MB."}, [])
    assert panel._bar.error == "a.tif has 90.0 MB."
    assert isinstance(panel.last_error, UserError)
    assert panel.session.image is before
    panel.close()

"""What every panel promises, on a panel written for the purpose and on all that we have."""

import io
import threading
import time
from datetime import datetime

import ipywidgets
import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import cnnviz_widgets as cnnviz
from cnnviz_widgets import panels
from cnnviz_widgets.drawing.render import Content, png
from cnnviz_widgets.drawing.words import percent
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.networks import Network
from cnnviz_widgets.panels import Panel, Session, cells, computes
from cnnviz_widgets.panels.controls import slider
from cnnviz_widgets.panels.parts import Note, View
from cnnviz_widgets.pictures import Labels
from cnnviz_widgets.runtime.runner import Frame

ALL = [
    panels.Filters, panels.Activations, panels.Occlusion, panels.Gradients, panels.ClassActivation, panels.Sanity,
    panels.Compare,
]  # fmt: skip


class Squares(Panel):
    """A panel in a dozen lines: k squared, slowly if asked."""

    title = "Squares"
    k = slider(3, 0, 100, label="k", help="The number")
    seconds = 0.0
    done: list

    def build(self):
        self.done = []
        return [self.part("note", Note()), self.part("map", View("Square"))]

    def compute(self, now):
        _ = now.target
        for step in range(3):
            time.sleep(self.seconds)
            if now.k == 13:
                raise UserError("k must not be 13.")
            if now.k == 14:
                raise RuntimeError("<boom>")
            self.done.append((now.k, step))
            yield Frame({"note": f"{now.k**2}", "map": Content(values=np.full((4, 4), now.k + step))}, step + 1, 3)

    def call(self, now):
        return f"{now.k} ** 2"


@pytest.fixture
def panel(network, photo):
    panel = Squares(network, photo)
    yield panel
    panel.close()


def note(panel):
    return panel._parts["note"].widget.value


def test_run_computes_at_once_and_returns_the_panel(panel):
    assert panel.run() is panel
    assert note(panel) == "9"
    assert panel._bar.state == "done"


class TwoThings(Squares):
    """Besides, it looks at k for as long as it is told to."""

    go_on: threading.Event

    def build(self):
        self.go_on = threading.Event()
        return super().build()

    @computes
    def look(self, now):
        _ = now.k
        while not self.go_on.wait(0.01):
            yield Frame(step=0)


def test_the_panel_is_done_when_every_computation_is(network, photo):
    panel = TwoThings(network, photo)
    panel.shown = True
    panel._request("compute")
    panel._request("look")
    assert panel._runners["compute"].wait(10)
    assert panel._bar.state == "running"
    panel.go_on.set()
    assert panel.wait(10)
    assert panel._bar.state == "done"
    panel.go_on.clear()
    panel.k = 4
    panel._act("stop")
    assert panel.wait(10)
    assert panel._bar.state == "stopped"
    panel.close()


def test_nothing_is_computed_before_it_is_shown(panel):
    panel.k = 4
    assert panel.done == []


def test_a_change_of_a_trait_computes_and_moves_the_control(panel):
    panel.run()
    panel.k = 5
    assert panel.wait(5)
    assert note(panel) == "25"
    control = next(w for w in panel.controls.values() if getattr(w, "description", "") == "k")
    assert control.value == 5
    control.value = 6
    assert panel.wait(5)
    assert (panel.k, note(panel)) == (6, "36")


def test_the_same_request_is_not_computed_twice(panel):
    panel.run()
    panel.k = 5
    panel.wait(5)
    count = len(panel.done)
    panel.session.channel = 1  # not read by this panel
    panel.wait(5)
    assert len(panel.done) == count


def test_panels_of_a_session_follow_each_other(network, photo):
    session = Session(network, photo)
    one, two = Squares(session=session).run(), Squares(session=session).run()
    one.session.target = "dog"
    assert one.wait(5)
    assert two.wait(5)
    assert len(one.done) == len(two.done) == 6
    one.close()
    two.close()


def test_a_user_error_is_one_sentence_and_the_panel_goes_on(panel):
    panel.run()
    panel.k = 13
    panel.wait(5)
    assert panel._bar.state == "failed"
    assert panel._bar.error == "k must not be 13."
    assert panel._bar.details == ""
    assert note(panel) == "9"  # the earlier result is still there
    panel.k = 2
    panel.wait(5)
    assert (panel._bar.state, panel._bar.error, note(panel)) == ("done", "", "4")


def test_an_unforeseen_error_has_its_traceback_folded_away(panel):
    panel.run()
    panel.k = 14
    panel.wait(5)
    assert panel._bar.error == "RuntimeError: <boom>"
    assert "Traceback" in panel._bar.details
    assert isinstance(panel.last_error, RuntimeError)


def test_run_raises_what_a_computation_raises(panel):
    panel.k = 13
    with pytest.raises(UserError, match="13"):
        panel.run()


def test_stop_and_reset(panel):
    panel.run()
    panel.seconds = 0.1
    panel.k = 50
    time.sleep(0.15)
    panel._act("stop")
    assert panel.wait(2)
    assert panel._bar.state in ("stopped", "done")
    panel._act("reset")
    assert panel.k == 3


def test_a_bad_setting_is_named(network, photo):
    with pytest.raises(TypeError, match="did you mean 'stride'"):
        panels.Occlusion(network, photo, strid=3)


def test_the_kernel_stays_free_while_a_panel_computes(panel):
    panel.run()
    panel.seconds = 0.2
    panel._runners["compute"]._last_elapsed = 1.0
    panel.k = 7
    assert not panel.wait(0)
    assert panel.wait(5)
    assert note(panel) == "49"


@pytest.mark.parametrize("kind", ALL)
def test_running_a_cell_again_replaces_its_panels(kind, network, photo, widget_count, monkeypatch):
    request = {"metadata": {"cellId": f"cell-{kind.__name__}"}, "header": {"msg_id": "1"}}
    monkeypatch.setattr(cells, "_request", lambda: request)
    first, second = kind(network, photo), kind(network, photo)
    assert not first._closed
    count = widget_count()
    request["header"] = {"msg_id": "2"}
    third, fourth = kind(network, photo), kind(network, photo)
    assert first._closed
    assert second._closed
    assert not third._closed
    assert widget_count() == count
    third.close()
    fourth.close()


@pytest.mark.parametrize("kind", ALL)
def test_saved_output_carries_a_picture(kind, network, photo):
    panel = kind(network, photo)
    bundle, _ = panel._repr_mimebundle_()
    png = Image.open(io.BytesIO(panel.snapshot()))
    assert png.width >= 320
    assert np.asarray(png.convert("L")).std() > 10
    assert repr(panel) == repr(kind(network, photo))
    assert "0x" not in repr(panel)
    assert bundle["image/png"]
    assert "application/vnd.jupyter.widget-view+json" in bundle
    panel.close()


@pytest.mark.parametrize(
    ("kind", "settings", "part", "shown"),
    [
        (panels.Filters, {}, "bank", "picture"),
        (panels.Filters, {"normalize_by": "layer", "layer": "3"}, "bank", "picture"),
        (panels.Activations, {}, "grid", "values"),
        (panels.Activations, {"order": "strength", "normalize_by": "channel", "layer": "0"}, "grid", "values"),
        (panels.Occlusion, {"size": 16, "target": "bird", "fill": "blurred"}, "map", "values"),
    ],
)
def test_the_code_button_shows_the_program_that_draws_what_is_shown(kind, settings, part, shown, network, photo):
    panel = kind(network, photo, **settings).run()
    program = panel.code()
    assert program.startswith("import cnnviz_widgets as cnnviz\n\nnet = ...  #")
    lines = [line for line in program.splitlines() if not line.startswith(("net =", "photo ="))]
    scope: dict = {"net": network, "photo": photo}
    exec("\n".join(lines[:-1]), scope)
    drawn = eval(lines[-1], scope)
    ours = getattr(panel._parts[part].image.content, shown)
    if isinstance(drawn, Image.Image):  # the result stands in the line before
        theirs = getattr(
            (scope.get("bank") or scope["maps"]).content(
                *[v for k, v in settings.items() if k in ("order", "normalize_by")]
            ),
            shown,
        )
    else:
        theirs = getattr(drawn.content(), shown)
    np.testing.assert_array_equal(np.asarray(ours), np.asarray(theirs, dtype=ours.dtype))
    panel.close()


def test_the_program_takes_the_users_own_things_from_their_variables(network, photo, monkeypatch):
    import __main__

    monkeypatch.setattr(__main__, "my_module", network.module, raising=False)
    monkeypatch.setattr(__main__, "my_array", photo.numpy(), raising=False)
    panel = panels.Filters(network.module, __main__.my_array)
    lines = panel.code().splitlines()
    assert lines[2:4] == ["net = cnnviz.Network(my_module)", "photo = cnnviz.load_image(my_array)"]
    monkeypatch.setattr(__main__, "my_network", network, raising=False)
    panel.session.network = network
    panel.session.image = {"name": "a cat.png", "content": png(Image.new("RGB", (4, 4)))}
    assert panel.code().splitlines()[2:5] == [
        "net = my_network",
        '# Put the file "a cat.png" beside this notebook first.',
        'photo = cnnviz.load_image("a cat.png")',
    ]
    panel.close()


def test_a_class_that_bears_the_name_of_another_is_given_by_its_number(photo):
    network = Network(
        nn.Sequential(nn.Conv2d(3, 2, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()),
        input_size=16,
        classes=Labels(["crane", "crane"]),
    )
    panel = panels.Gradients(network, photo, target=1).run()
    assert "cnnviz.class_gradient(net, photo, 1)" in panel.code()
    panel.close()


@pytest.mark.parametrize("kind", ALL)
def test_every_control_has_a_label_and_a_tooltip(kind, network, photo):
    panel = kind(network, photo)
    for control in panel.controls.values():
        for one in getattr(control, "children", [control]):
            if not isinstance(one, ipywidgets.HTML):  # a badge
                assert one.description
                assert one.tooltip
    panel.close()


def test_two_sessions_do_not_meet(network, photo):
    one, two = panels.Activations(network, photo), panels.Activations(network, torch.rand(3, 48, 48))
    before = two.session.channel
    one.session.channel = (before + 1) % 12
    assert two.session.channel == before
    one.close()
    two.close()


def test_an_error_stands_until_it_is_mended(panel):
    panel.run()
    panel.complain(UserError("there is no class 'zebra'."))
    assert (panel._bar.state, panel._bar.error) == ("failed", "there is no class 'zebra'.")
    panel.k = 8  # another computation ends well meanwhile
    panel.wait(5)
    assert panel._bar.error == "there is no class 'zebra'."
    panel.complain(None)
    assert (panel._bar.state, panel._bar.error) == ("done", "")


def test_occlusion_says_at_how_many_squares_the_class_stays(network, photo):
    panel = panels.Occlusion(network, photo, size=16, figure=True, target="bird").run()
    state = cnnviz.last(cnnviz.occlusion(network, photo, "bird", size=16), progress=False)
    assert panel._parts["map"].image.content.caption == f"{percent(state.baseline)} uncovered: bird"
    labels = [label for row in state.labels.tolist() for label in row]
    told = panel._parts["labels"].image.content.caption
    assert told == f"{labels.count(network.class_index('bird'))} of {len(labels)} squares: bird"
    panel.close()


def test_a_wrong_class_is_explained_and_the_right_one_taken(panel):
    panel = panels.Occlusion(panel.session.network, panel.session.image)
    picker = next(w for w in panel.controls.values() if getattr(w, "description", "") == "Class")
    picker.value = "zebra"
    assert "zebra" in panel._bar.error
    assert panel.session.target is None
    picker.value = "bir"
    assert panel._bar.error == ""
    assert (panel.session.target, picker.value) == (2, "bird")
    panel.close()


def test_reset_restores_what_the_controls_show(network, photo):
    panel = panels.Gradients(network, photo, channel=2).run()
    layer = panel.session.layer
    panel.session.layer = "0"
    panel.session.target = "bird"
    panel.session.position = (1, 1)
    panel.cells = [("saliency", "guided")]
    panel.reset()
    session = panel.session
    assert (session.layer, session.channel, session.position, session.target) == (layer, 2, None, None)
    assert len(panel.cells) == 6
    panel.close()


def test_a_stopped_computation_can_be_asked_for_again(panel):
    panel.run()
    panel.seconds = 0.1
    panel.k = 50
    panel.stop()
    panel.wait(2)
    count = len(panel.done)
    panel._request("compute")
    panel.wait(5)
    assert len(panel.done) == count + 3


def test_a_click_in_a_browser_has_a_reader_and_a_script_has_none(monkeypatch):
    monkeypatch.setattr(cells, "_request", lambda: {"header": {"msg_type": "comm_msg"}, "content": {}})
    assert cells.has_reader()
    monkeypatch.setattr(cells, "_request", lambda: {"content": {"allow_stdin": True}})
    assert cells.has_reader()
    monkeypatch.setattr(cells, "_request", lambda: {"content": {"allow_stdin": False}})
    assert not cells.has_reader()


def test_a_cell_with_a_reader_goes_on_while_the_panel_computes(panel, monkeypatch):
    monkeypatch.setattr(cells, "_request", lambda: {"content": {"allow_stdin": True}})
    panel.seconds = 0.5
    began = time.monotonic()
    panel._repr_mimebundle_()
    assert time.monotonic() - began < 1.2
    assert panel._bar.state == "running"
    assert panel.wait(5)


def test_close_while_computing_frees_everything(network, photo, widget_count):
    before = widget_count()
    panel = Squares(network, photo)
    panel.shown, panel.seconds = True, 0.1
    panel._request("compute")
    time.sleep(0.05)
    panel.close()
    assert panel.wait(2)
    assert widget_count() == before


def test_the_same_file_can_be_uploaded_twice(network, photo):
    panel = panels.Activations(network, photo)
    file = io.BytesIO()
    Image.new("RGB", (60, 60), "red").save(file, "PNG")
    upload = {
        "name": "a.png",
        "type": "image/png",
        "size": 1,
        "content": file.getbuffer(),
        "last_modified": datetime.now(),
    }
    picker = panel.controls["image"]
    for _ in range(2):
        picker._upload.value = (upload,)
        assert panel.session.image[:, 30, 30].tolist() == [1, 0, 0]
        assert picker._upload.value == ()
        picker._list.value = "coffee"
        assert panel.session.image[:, 30, 30].tolist() != [1, 0, 0]
    panel.close()


def test_maps_lie_where_they_belong_on_pictures_of_any_size():
    module = nn.Sequential(nn.Conv2d(3, 4, 4, 4), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    panel = panels.Activations(Network(module, input_size=None), torch.rand(3, 40, 80), layer="0").run()
    content = panel._parts["large"].image.content
    assert content.values.shape == (10, 20)
    assert content.extent == (0, 0, 80, 40)
    panel.close()


def test_all_maps_of_a_layer_have_one_rectangle():
    """Also where units lie well within the picture: cells every 4 px, the first around pixel 8."""
    module = nn.Sequential(nn.Conv2d(3, 4, 17, 4), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    network, picture = Network(module, input_size=(40, 60)), torch.rand(3, 40, 60)
    layer = network.layer("1")
    assert layer.offset == (8, 8)
    session = {"network": network, "image": picture, "layer": "1"}
    gradients = panels.Gradients(**session, channel=2, position=(5, 1), source="neuron").run()
    activations, cam = panels.Activations(**session).run(), panels.ClassActivation(**session).run()
    shown = [activations._parts["large"], gradients._parts["maps"], cam._parts["maps"]]
    for view in shown:
        height, width = view.image.content.pictures.shape[1:3]
        assert (view.image.content.extent or (0, 0, width, height)) == (0, 0, 60, 40)
    assert gradients._parts["maps"].image.content.values.shape == layer.shape[1:] == (6, 11)
    assert gradients._parts["maps"].image.crosshair == pytest.approx((1.5 * 60 / 11, 5.5 * 40 / 6))
    for panel in (gradients, activations, cam):
        panel.close()


def test_a_network_without_convolutions_is_explained_in_the_panel(photo):
    module = nn.Sequential(nn.MaxPool2d(4), nn.Flatten(), nn.Linear(3 * 12 * 12, 2))
    lab = panels.lab(Network(module, input_size=48), photo)
    with pytest.raises(UserError, match="no Conv2d"):  # where no browser would show the panel, in which it stands, too
        lab.open("Filters")
    (panel,) = lab.panels
    assert "no Conv2d" in panel._bar.error


def test_controls_stand_in_the_order_of_declaration(network, photo):
    panel = panels.Occlusion(network, photo)
    assert [getattr(w, "description", "Picture") for w in panel.controls.values()][-6:] == [
        "Square", "Stride", "Fill", "Shape", "Score", "Zeiler & Fergus Fig. 7 views"
    ]  # fmt: skip
    panel.close()


@pytest.mark.parametrize("kind", ALL)
def test_one_channel_oblong_pictures_and_batch_norm(kind):
    torch.manual_seed(0)
    module = nn.Sequential(
        nn.Conv2d(1, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 5, 3, padding=1),
        nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(5, 3),
    )  # fmt: skip
    network = Network(module, input_size=(24, 40))
    settings = {"size": 8} if kind is panels.Occlusion else {}
    panel = kind(network, torch.rand(3, 30, 50), **settings).run()
    assert panel._bar.state == "done"
    assert len(panel.snapshot()) > 1000
    panel.close()


@pytest.mark.parametrize("kind", ALL)
def test_a_network_without_places_is_explained_or_shown(kind):
    torch.manual_seed(0)
    module = nn.Sequential(nn.Flatten(), nn.Linear(3 * 12 * 12, 6), nn.ReLU(), nn.Linear(6, 2))
    panel = kind(Network(module, input_size=12), torch.rand(3, 12, 12))
    panel.shown = True
    for name in panel._runners:
        panel._request(name)
    assert panel.wait(30)
    assert "Traceback" not in panel._bar.details, panel._bar.details
    panel.close()


def test_the_panel_says_what_the_scores_are(photo):
    module = nn.Sequential(nn.Conv2d(3, 6, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 1))
    sigmoid = Network(nn.Sequential(*module, nn.Sigmoid()), name="cats", input_size=32, classes=["cat"])
    assert panels.Occlusion(sigmoid, photo, size=8, stride=8).run()._bar.note == "Scores of cats: binary (probability)."
    with pytest.warns(UserWarning, match="one output"):
        unsure = panels.Occlusion(Network(module, name="cats", input_size=32), photo, size=8, stride=8).run()
    assert unsure._bar.note.startswith("cats has one output, taken for the logit of one of two classes")


@pytest.mark.parametrize("kind", ALL)
def test_at_most_four_controls_are_in_sight_and_the_others_under_settings(kind, network, photo):
    panel = kind(network, photo)
    sight, settings = panel.children[1].children, panel.children[4].children
    assert 1 <= len(sight) <= 4
    assert panel._bar.settings == len(settings)
    assert {*sight, *settings} == set(panel.controls.values())
    wide = ["cnnviz-wide" in one._dom_classes for one in sight]
    assert wide == sorted(wide)  # those that need a row of their own come last; else in the order of declaration
    for kind_of in (False, True):
        alike = [one for one, is_wide in zip(sight, wide, strict=True) if is_wide == kind_of]
        assert [one for one in panel.controls.values() if one in alike] == alike
    panel.close()

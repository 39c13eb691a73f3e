"""What the panels promise that make a picture step by step."""

import gc
import io
import json
import re
import threading
from itertools import dropwhile, groupby

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import cnnviz_widgets as cnnviz
from cnnviz_widgets.content import minus
from cnnviz_widgets.drawing.results import rgb
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.methods.features.class_model import RECIPES
from cnnviz_widgets.methods.features.invert import psnr
from cnnviz_widgets.networks import Network
from cnnviz_widgets.panels import cells
from cnnviz_widgets.panels.channel_grid import AT_ONCE
from cnnviz_widgets.panels.class_model import ClassModel
from cnnviz_widgets.panels.deep_dream import FILM, DeepDream
from cnnviz_widgets.panels.feature_visualization import SELDOM, FeatureVisualization
from cnnviz_widgets.panels.inversion import Inversion
from cnnviz_widgets.panels.making import LATEST
from cnnviz_widgets.pictures import load_image
from cnnviz_widgets.remarks import listening

QUICK = {
    ClassModel: {"steps": 4},
    FeatureVisualization: {"steps": 3, "layer": "3"},
    DeepDream: {"steps": 2, "size": 96, "layer": "3"},
    Inversion: {"steps": 3, "rungs": 3},
}
FIRST = {ClassModel: "picture", FeatureVisualization: "unit", DeepDream: "dream", Inversion: "ladder"}


@pytest.fixture(params=QUICK, ids=lambda kind: kind.__name__)
def kind(request):
    return request.param


@pytest.fixture
def make(network, photo):
    """``make(kind, **settings)``: a quick panel, closed in the end."""
    made = []

    def make_it(kind, **settings):
        made.append(kind(network, photo, **QUICK[kind] | settings))
        return made[-1]

    yield make_it
    for panel in made:
        panel.close()


def shown(panel):
    """The pictures of the first view, (N, H, W, 3)."""
    return panel._parts[FIRST[type(panel)]].image.content.pictures


def reached(panel, name):
    """The last state of a plan."""
    return panel._memos[name].held.last


def stacked(pictures):
    return np.concatenate([one if one.ndim == 4 else one[None] for one in map(rgb, pictures)])


def begin(panel):
    """As a browser does: compute in the background."""
    panel.shown = True
    panel._request_all()


def click(image, tile):
    image._receive(None, {"do": "click", "at": [tile, 0, 0, None, None]}, [])


def stop_after(panel, steps, monkeypatch):
    """Stop by itself at the given number of frames."""
    seen, compute = [], type(panel).compute

    def counted(self, now):
        for frame in compute(self, now):
            if frame.step:  # 0 is what was there before
                seen.append(frame.step)
                if self is panel and len(seen) == steps:
                    panel.stop()
            yield frame

    monkeypatch.setattr(type(panel), "compute", counted)
    return seen


# ---------------------------------------------------------------------- the promises of every panel


def test_run_makes_the_picture(kind, make):
    panel = make(kind)
    assert panel.run() is panel
    assert panel._bar.state == "done"
    assert shown(panel).std() > 0.1


def test_close_frees_every_widget(kind, make, widget_count):
    make(kind).run().close()  # once, for what is made once and kept
    before, threads = widget_count(), threading.active_count()
    panel = make(kind).run()
    assert widget_count() > before
    panel.close()
    panel.close()
    assert widget_count() == before
    assert threading.active_count() <= threads


def test_close_while_it_works_frees_everything(kind, make, widget_count):
    make(kind).run().close()
    before = widget_count()
    panel = make(kind, steps=40)
    begin(panel)
    panel.close()
    assert panel.wait(20)
    assert widget_count() == before


def test_saved_output_carries_a_picture(kind, make):
    panel = make(kind)
    bundle, _ = panel._repr_mimebundle_()
    picture = Image.open(io.BytesIO(panel.snapshot()))
    assert np.asarray(picture.convert("L")).std() > 10
    assert picture.width <= 984
    assert bundle["image/png"]
    assert repr(panel) == repr(make(kind))
    assert "0x" not in repr(panel)


def test_every_control_has_a_label_and_a_tooltip(kind, make):
    for control in make(kind).controls.values():
        for one in getattr(control, "children", [control]):
            if "cnnviz-badge" not in one._dom_classes:  # which says something, and takes nothing
                assert one.description
                assert one.tooltip


def test_running_a_cell_again_replaces_its_panel(kind, make, widget_count, monkeypatch):
    request = {"metadata": {"cellId": f"cell-{kind.__name__}"}, "header": {"msg_id": "1"}}
    monkeypatch.setattr(cells, "_request", lambda: request)
    first = make(kind)
    count = widget_count()
    request["header"] = {"msg_id": "2"}
    make(kind)
    assert first._closed
    assert widget_count() == count


def test_in_the_lab_it_has_fewer_controls(kind, make):
    panel = make(kind, hide=("network", "image", "target"))
    labels = [one.description for control in panel.controls.values() for one in getattr(control, "children", [control])]
    assert "Class" not in labels
    assert "Picture" not in labels
    assert "Steps" in labels
    assert panel.run()._bar.state == "done"


@pytest.mark.filterwarnings("error")
def test_a_bad_setting_is_named_and_leaves_nothing_behind(kind, network, photo):
    with pytest.raises(TypeError, match="did you mean 'rounds'"):
        kind(network, photo, round=3)
    gc.collect()


def test_another_network_is_followed(kind, make):
    panel = make(kind).run()
    module = nn.Sequential(
        nn.Conv2d(3, 5, 3, 2), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(5, 3)
    )  # fmt: skip
    other = Network(module, input_size=40, name="other")
    panel.session.network = other
    assert panel.wait(60)
    assert (panel._bar.state, panel._bar.error) == ("done", "")
    panel.reset()
    assert panel.wait(60)
    assert panel._bar.state == "done"


# ---------------------------------------------------------------------- the program


def execute(panel, **given):
    """The variables of the panel's program, run with the given network and picture."""
    lines = [line for line in panel.code().splitlines() if not line.startswith(("net =", "photo ="))]
    scope = {"net": panel.session.network, "photo": panel.session.image, "display": lambda *_: None}
    exec("\n".join(lines), scope)
    return scope


@pytest.mark.parametrize("rounds", [1, 2])
def test_the_program_makes_the_very_pictures_that_are_shown(rounds, kind, make):
    panel = make(kind, rounds=rounds).run()
    scope = execute(panel)
    match panel:
        case ClassModel():
            ours = [scope["state"].values]
        case FeatureVisualization():
            ours = [scope["positive"].values, scope["negative"].values]
        case DeepDream():
            ours = [scope["dreamed"].values]
        case Inversion():
            ours = [panel.session.image, *(state.values for state in scope["states"].values())]
    np.testing.assert_array_equal(shown(panel), np.stack([rgb(one) for one in ours]))


def test_the_program_of_what_is_compared(make):
    panel = make(FeatureVisualization).run()
    np.testing.assert_array_equal(panel._parts["beside"].image.content.picture, rgb(execute(panel)["diverse"].values))
    panel.beside = "families"
    assert panel.wait(60)
    scope = execute(panel)
    ours = np.stack([rgb(scope[name].values) for name in ("none", "frequency", "robustness", "both")])
    np.testing.assert_array_equal(panel._parts["beside"].image.content.picture, ours)


def test_the_program_says_what_differs_from_the_preset(make):
    panel = make(ClassModel, preset="yosinski-3", decay=0.2, sigma=0.5, starts=2, seed=7).run()
    assert "cnnviz.class_model(net, " in panel.code()
    assert '"yosinski-3", batch=2, decay=0.2, blur=0.5, seed=7, steps=4)' in panel.code()


# ---------------------------------------------------------------------- stop, go on, begin anew


@pytest.mark.parametrize("frames", [1, 2])
def test_stopped_and_continued_is_as_never_stopped(frames, kind, make, monkeypatch):
    whole = shown(make(kind).run()).copy()
    panel = make(kind)
    seen = stop_after(panel, frames, monkeypatch)
    begin(panel)
    assert panel.wait(60)
    assert panel._bar.state == "stopped"
    assert not np.array_equal(shown(panel), whole)
    panel.go_on()
    assert panel.wait(60)
    assert panel._bar.state == "done"
    np.testing.assert_array_equal(shown(panel), whole)
    assert seen == sorted(seen)  # nothing was made twice


def test_continue_at_the_end_makes_another_round(kind, make):
    panel = make(kind).run()
    once = shown(panel).copy()
    panel.go_on()
    assert panel.wait(60)
    assert panel.rounds == 2
    twice = shown(panel).copy()
    assert not np.array_equal(once, twice)
    np.testing.assert_array_equal(twice, shown(make(kind, rounds=2).run()))
    panel.rounds = 1  # is still known
    assert panel.wait(60)
    np.testing.assert_array_equal(shown(panel), once)


def test_a_regularizer_begins_anew(make, monkeypatch):
    panel = make(ClassModel).run()
    seen = stop_after(panel, 100, monkeypatch)
    panel.l2 = 0.005
    assert panel.wait(60)
    assert seen == [1, 2, 3, 4]
    assert not np.array_equal(shown(panel), shown(make(ClassModel).run()))
    panel.l2 = RECIPES["distill"].l2


STEERED = [  # (panel, settings, what is changed on the way)
    (ClassModel, {"steps": 6}, {"l2": 0.005, "jitter": 2}),
    (ClassModel, {"steps": 3, "rounds": 2, "starts": 2, "seed": 3}, {"total_variation": 0.01, "sigma": 0.5}),
    (DeepDream, {"steps": 6}, {"second": "0", "strength": 3.0}),
    (DeepDream, {"steps": 3, "rounds": 2}, {"weight": 0.5, "second": "0", "guide": "coffee"}),
    (Inversion, {"steps": 6, "rungs": 2}, {"smoothness": 5.0}),
    (Inversion, {"steps": 6, "features": "hog"}, {"beta": 1.5, "hog_smoothness": 3.0}),
]


@pytest.mark.parametrize(("kind", "settings", "changes"), STEERED)
def test_a_setting_steers_what_is_under_way(kind, settings, changes, make, monkeypatch):
    plain = make(kind, **settings).run()
    panel = make(kind, **settings)
    stopped = stop_after(panel, 4, monkeypatch)
    begin(panel)
    assert panel.wait(60)
    seen = []
    for at, (name, value) in enumerate(changes.items(), 5):  # each holds for a step, and the last to the end
        monkeypatch.undo()
        seen = stop_after(panel, 2 if at < 4 + len(changes) else 999, monkeypatch)
        setattr(panel, name, value)
        assert panel.wait(60)
    assert panel._bar.state == "done"
    assert stopped == [1, 2, 3, 4]
    assert seen[0] >= 4  # what was reached, and then the rest: nothing is made again
    assert seen == sorted(seen)
    assert not np.array_equal(shown(panel), shown(plain))
    assert "until=" in panel.code()
    scope = execute(panel)
    made = {ClassModel: "state", DeepDream: "dreamed", Inversion: "states"}[kind]
    ours = [state.values for state in scope[made].values()] if kind is Inversion else [scope[made].values]
    np.testing.assert_array_equal(shown(panel)[-len(ours) :] if kind is Inversion else shown(panel), stacked(ours))


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [(ClassModel, "seed", 5), (ClassModel, "picture", "pixels"), (ClassModel, "starts", 2), (Inversion, "seed", 5),
     (DeepDream, "octave_scale", 1.2), (DeepDream, "size", 128), (FeatureVisualization, "seed", 5),
     (FeatureVisualization, "regularization", "both")],
)  # fmt: skip
def test_what_makes_another_picture_begins_anew(kind, name, value, make, monkeypatch):
    panel = make(kind, **({"steps": 3} if kind is DeepDream else {}))
    stop_after(panel, 2, monkeypatch)
    begin(panel)
    assert panel.wait(60)
    monkeypatch.undo()
    setattr(panel, name, value)
    assert panel.wait(60)
    assert panel._bar.state == "done"
    assert "until=" not in panel.code()
    new = make(kind, **({"steps": 3} if kind is DeepDream else {}), **{name: value}).run()
    np.testing.assert_array_equal(shown(panel), shown(new))


def test_a_drag_is_told_by_the_values_that_made_steps(make):
    panel = make(ClassModel, steps=400, target=1)
    begin(panel)
    values = [0.0005 * number for number in range(1, 11)]
    for value in values:
        panel.l2 = value
        panel.wait(0.05)
    assert panel.wait(120)
    calls = [line for line in panel.code().splitlines() if "class_model(" in line]
    assert len(calls) <= 1 + len(values)
    steps = [int(re.search(r"until=(\d+)", line)[1]) for line in calls[:-1]]
    assert steps == sorted({*steps})  # every call made a step
    assert "l2=0.005" in calls[-1] or "l2" not in calls[-1]
    np.testing.assert_array_equal(shown(panel)[0], rgb(execute(panel)["state"].values))


def test_the_same_is_not_made_twice(make, monkeypatch):
    panel = make(ClassModel, target=1).run()
    seen = stop_after(panel, 100, monkeypatch)
    panel.session.image = torch.rand(3, 48, 48)  # is not read: the class is chosen
    assert panel.wait(60)
    assert seen == []


def test_the_most_rounds_are_told(make):
    panel = make(ClassModel, steps=1, rounds=16).run()
    with pytest.raises(UserError, match="rounds must be at most 16"):
        panel.go_on()
    panel._buttons._receive(None, {"do": "continue"}, [])
    assert panel._bar.error.startswith("rounds must be at most 16")


def test_continue_sleeps_while_it_works(make):
    panel = make(ClassModel, steps=60)
    begin(panel)
    while panel._bar.state != "running":
        panel.wait(0.01)
    assert panel._buttons.asleep == ("continue",)
    panel.stop()
    assert panel.wait(20)
    assert panel._buttons.asleep == ()


def test_reset_begins_anew(make):
    panel = make(ClassModel).run()
    first = shown(panel).copy()
    panel.preset = "simonyan"
    assert panel.wait(60)
    panel.reset()
    assert panel.wait(60)
    assert (panel.preset, panel.steps, panel.picture, panel.flip) == ("distill", 4, "fourier", True)
    np.testing.assert_array_equal(shown(panel), first)


# ---------------------------------------------------------------------- steps that can be looked at again


def test_the_scrubber_shows_the_steps_that_were_kept(make):
    panel = make(ClassModel, preset="cs231n", steps=6).run()
    assert panel._scrubber.options == (1, 2, 3, 4, LATEST)
    latest = shown(panel).copy()
    panel._scrubber.value = 3
    state = reached(panel, "state")
    np.testing.assert_array_equal(shown(panel)[0], rgb(state.snapshots[3]))
    assert "step 3 of 6" in panel._parts["picture"].image.content.caption
    panel._scrubber.value = LATEST
    np.testing.assert_array_equal(shown(panel), latest)
    three = make(ClassModel, preset="cs231n", steps=3).run()
    np.testing.assert_array_equal(rgb(state.snapshots[3]), shown(three)[0])  # of a constant learning rate


def test_the_scrubber_works_while_it_goes_on(make, monkeypatch):
    panel = make(ClassModel, steps=8)
    stop_after(panel, 5, monkeypatch)
    begin(panel)
    assert panel.wait(60)
    panel._scrubber.value = 2
    two = shown(panel).copy()
    panel.go_on()
    assert panel.wait(60)
    np.testing.assert_array_equal(shown(panel), two)  # it stays there
    panel._scrubber.value = 6
    assert "step 6 of 8" in panel._parts["picture"].image.content.caption


def test_the_scrubber_offers_what_there_will_be(make):
    panel = make(ClassModel, steps=8)
    panel._scrubber.value = 2
    panel.rounds = 2
    assert panel._scrubber.options == (1, 2, 3, 4, 6, 8, 12, LATEST)
    assert panel._scrubber.value == 2
    panel.rounds, panel.steps = 1, 2
    assert panel._scrubber.value == LATEST


# ---------------------------------------------------------------------- files


@pytest.mark.parametrize("path", ["", "."])
def test_a_folder_is_no_file(make, path):
    panel = make(ClassModel, rounds=1).run()
    with pytest.raises(UserError, match="path must be that of a PNG file, not"):
        panel.save(path)


def test_the_file_tells_how_it_was_made(kind, make, tmp_path):
    panel = make(kind, rounds=2).run()
    panel.save(tmp_path / "picture.png")
    picture = Image.open(tmp_path / "picture.png")
    pictures = shown(panel)
    height, width = pictures.shape[1:3]
    np.testing.assert_array_equal(np.asarray(picture)[:height, :width], pictures[0])  # in its own size
    settings = json.loads(picture.text["Settings"])
    assert settings["panel"] == kind.__name__
    assert settings["network"] == "tiny"
    assert settings["rounds"] == 2
    assert picture.text["Code"] == panel.code()
    assert picture.text["Title"] == panel.subject()
    assert cnnviz.__version__ in picture.text["Software"]


def test_a_press_hands_the_file_over(kind, make, monkeypatch):
    panel, sent = make(kind).run(), []
    monkeypatch.setattr(panel._buttons, "send", lambda message, buffers: sent.append((message, *buffers)))
    panel._buttons._receive(None, {"do": "png"}, [])
    ((message, content),) = sent
    assert message["kind"] == "image/png"
    assert re.fullmatch(r"[\w-]+\.png", message["name"])
    assert "Settings" in Image.open(io.BytesIO(content)).text


def test_there_is_nothing_to_save_before_there_is_a_picture(kind, make):
    panel = make(kind)
    panel._buttons._receive(None, {"do": "png"}, [])
    assert panel._bar.error == "there is no picture yet."


# ---------------------------------------------------------------------- class models


def test_a_preset_moves_all_controls(make):
    panel = make(ClassModel)
    panel.preset = "yosinski-2"
    assert (panel.picture, panel.decay, panel.small_norms, panel.jitter, panel.steps) == ("pixels", 0.3, 0.2, 0, 750)
    for name in RECIPES:
        panel.preset = name
        assert "cnnviz.class_model(net," in panel.code()
        given = "" if name == "distill" else f', "{name}"'
        assert f'"cat"{given}, steps={panel.steps})' in panel.code()  # nothing differs


def test_what_is_given_beside_a_preset_stays(make):
    panel = make(ClassModel, jitter=3, preset="cs231n")
    assert (panel.jitter, panel.l2, panel.steps) == (3, 1e-3, 4)


def test_several_starts_are_different_pictures(make):
    panel = make(ClassModel, starts=3).run()
    pictures = shown(panel)
    assert len(pictures) == 3
    assert not np.array_equal(pictures[0], pictures[1])
    names = panel._parts["picture"].image.content.names
    assert [name.split(" · ")[0] for name in names] == ["start 1", "start 2", "start 3"]


@pytest.mark.parametrize("preset", RECIPES)
def test_starts_differ_whatever_the_preset(preset, make):
    pictures = shown(make(ClassModel, preset=preset, starts=2).run())
    assert not np.array_equal(pictures[0], pictures[1])


def test_the_class_and_what_the_network_says_to_it(make, network):
    panel = make(ClassModel, target="fish").run()
    state = reached(panel, "state")
    share = float(network.logits(state.values).softmax(0)[3])
    assert panel._parts["picture"].image.content.names == (f"fish · {share:.1%}",)
    panel.session.target = None
    assert panel.wait(60)
    first = network.predict(panel.session.image, 1)[0].name
    assert panel._parts["picture"].image.content.names[0].startswith(first)


def test_the_curves_are_what_the_terms_added(make):
    panel = make(ClassModel, preset="simonyan", steps=5, target=1, starts=2).run()
    drawn = panel._parts["curves"]._shown["curves"]
    assert list(drawn) == ['logit("dog")', "l2()"]
    state = reached(panel, "state")
    for (steps, values), last in zip(drawn.values(), state.terms.values(), strict=True):
        assert steps == [1, 2, 3, 4, 5]
        assert values[-1] == pytest.approx(last / 2)


# ---------------------------------------------------------------------- units


def test_a_click_chooses_the_channel_and_pages_turn(photo):
    module = nn.Sequential(nn.Conv2d(3, 30, 3), nn.Tanh(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(30, 2))
    panel = FeatureVisualization(Network(module, input_size=16), photo, layer="0", steps=2).run()
    grid = panel._parts["grid"].image
    assert grid.content.names[0] == "channel 0"
    assert grid.content.count == 24
    click(grid, 5)
    assert panel.session.channel == 5
    panel._grid.turns._receive(None, {"do": "next"}, [])
    assert panel.session.channel == 29
    assert panel.wait(60)
    assert [*grid.content.names] == [f"channel {number}" for number in range(24, 30)]
    assert grid.selected == 5
    panel._grid.turns._receive(None, {"do": "next"}, [])
    assert panel.session.channel == 29
    panel._grid.turns._receive(None, {"do": "before"}, [])
    assert panel.session.channel == 5
    panel._grid.turns._receive(None, {"do": "before"}, [])
    assert panel.session.channel == 5
    panel.close()


def test_the_grid_is_what_visualize_makes_of_several_channels(make, network):
    panel = make(FeatureVisualization).run()
    pictures = panel._parts["grid"].image.content.picture
    some = tuple(range(AT_ONCE))
    ours = cnnviz.last(cnnviz.visualize(network, "3", some, size=48, steps=24, learning_rate=0.1), progress=False)
    np.testing.assert_array_equal(pictures[:AT_ONCE], rgb(ours.values))


def test_the_saved_picture_of_a_class_model_begins_with_it_and_is_not_taller_than_the_panel(make, photo):
    network = Network(nn.Sequential(nn.Conv2d(3, 60, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()))
    panel = ClassModel(network, photo, steps=4).run()
    assert next(iter(panel._parts)) == "picture"
    assert len(panel._parts["bars"]._view._table) == 1 + 5
    assert Image.open(io.BytesIO(panel.snapshot())).height < 600
    panel.close()


def test_the_unit_is_first_and_the_grid_soon_grows_beside_it(make):
    panel = make(FeatureVisualization, steps=SELDOM + 1)
    frames = [*panel.compute(panel._now())]
    order = [name for name, _ in groupby(next(iter(frame.parts)) for frame in frames)]
    assert order == ["grid", "unit", "grid", "unit", "grid", "beside"]  # first its room
    assert (frames[0].parts["grid"].picture == 128).all()
    room, compared = frames[0].parts["beside"](None), frames[-1].parts["beside"](None)
    assert (room.count, room.size) == (compared.count, compared.size)
    steps = [frame.step for frame in frames]
    assert steps == sorted(steps)
    assert steps[-1] == frames[-1].total


def test_it_is_done_when_the_grid_is_filled(make):
    panel = make(FeatureVisualization, steps=1)
    begin(panel)
    while panel._bar.state != "done":
        panel.wait(0.01)
    pictures = panel._parts["grid"].image.content.pictures
    assert (pictures != 128).any((1, 2, 3)).all()


def test_a_dead_unit_does_not_keep_others_from_being_chosen(photo):
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 2))
    nn.init.zeros_(module[0].weight[5])
    nn.init.zeros_(module[0].bias)
    panel = FeatureVisualization(Network(module, input_size=16), photo, layer="0", channel=5, steps=2)
    frames, told = panel.compute(panel._now()), []
    with listening(told.append):
        assert next(frames).step == 0
        later = dropwhile(lambda frame: "unit" in frame.parts, frames)
        grids = [next(later).parts["grid"]]
        assert "dead" in told[0]  # at once
        with pytest.raises(UserError, match="dead"):
            grids.extend(frame.parts["grid"] for frame in later if "grid" in frame.parts)
    assert (grids[-1].pictures[:4] != 128).any((1, 2, 3)).all()
    panel.close()


def test_a_whole_layer_has_one_picture(make):
    panel = make(FeatureVisualization, objective="layer").run()
    assert panel._parts["unit"].image.content.names == ("layer",)
    np.testing.assert_array_equal(shown(panel)[0], rgb(execute(panel)["layer"].values))
    assert not panel._parts["beside"].image.content.count


def test_examples_of_the_dataset(make, network):
    pictures = torch.rand(11, 3, 48, 48, generator=torch.Generator().manual_seed(2))
    panel = make(FeatureVisualization, dataset=pictures, beside="examples", channel=4)
    begin(panel)
    assert panel.wait(60)
    for objective, measure in (("channel", lambda maps: maps.mean((1, 2))), ("neuron", lambda maps: maps.amax((1, 2)))):
        panel.objective = objective
        assert panel.wait(60)
        content = panel._parts["beside"].image.content
        values = measure(network.activations(pictures, "3")["3"][:, 4])
        best = values.argsort(descending=True)[:8].tolist()
        assert content.names == tuple(minus(f"{values[one]:.3g} · picture {one}") for one in best)
        np.testing.assert_array_equal(content.pictures, [rgb(one.patch) for one in panel.kept("examples").examples])
    panel.objective = "layer"
    assert panel.wait(60)
    assert not panel._parts["beside"].image.content.count
    assert panel._bar.note == ""


def test_examples_are_looked_for_once(make, network, photo, monkeypatch):
    passes = []
    monkeypatch.setattr(network, "watch", lambda *of: passes.append(of) or Network.watch(network, *of))
    panel = make(FeatureVisualization, dataset=[photo, 1 - photo], beside="examples")
    begin(panel)
    assert panel.wait(60)
    looked = len(passes)
    assert looked
    panel.steps += 1
    assert panel.wait(60)
    assert len(passes) == looked
    panel.session.dataset = [photo]
    assert panel.wait(60)
    assert len(passes) == looked + 1
    assert panel._parts["beside"].image.content.count == 1


def test_what_is_not_yet_found_keeps_its_place(make):
    panel = make(FeatureVisualization, dataset=cnnviz.samples(), beside="examples")
    frames = [*panel.compute(panel._now())]
    seen = [frame.parts["beside"](None) for frame in frames if "beside" in frame.parts]
    assert len(seen) > 1
    assert frames[-1].step == frames[-1].total
    assert {content.count for content in seen} == {8}
    assert seen[0].names[1:] == ("…",) * 7
    assert "…" not in seen[-1].names


def test_examples_as_code(make, photo):
    panel = make(FeatureVisualization, dataset=cnnviz.samples(), beside="examples").run()
    examples = execute(panel)["examples"]
    shown = panel._parts["beside"].image.content
    assert examples.content().names == shown.names
    np.testing.assert_array_equal(examples.content().pictures, shown.pictures)


def test_without_a_dataset_examples_say_how_to_give_one(make):
    panel = make(FeatureVisualization)
    begin(panel)
    assert panel.wait(60)
    assert panel._parts["beside"].image.content.count
    panel.beside = "examples"
    assert panel.wait(60)
    assert panel._bar.state == "done"
    assert "dataset=…" in panel._bar.note
    assert not panel._parts["beside"].image.content.count


def test_a_dead_unit_is_told(photo):
    module = nn.Sequential(nn.Conv2d(3, 2, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2, 2))
    nn.init.zeros_(module[0].weight)
    panel = FeatureVisualization(Network(module, input_size=16), photo, layer="0", steps=4)
    begin(panel)
    assert panel.wait(60)
    assert panel._bar.state == "failed"
    assert "dead" in panel._bar.error
    assert panel._bar.error not in panel._bar.note
    assert panel._bar.details == ""
    panel.close()


# ---------------------------------------------------------------------- dreams


def test_layers_are_mixed_by_how_strong_they_are(make, network, photo):
    panel = make(DeepDream, second="0", weight=0.5, second_weight=2.0).run()
    values = network.activations(photo, ["3", "0"])
    expected = {name: w / float(values[name].square().mean()) for name, w in (("3", 0.5), ("0", 2.0))}
    written = eval(re.search(r"dream\(net, picture, (\{.*?\})", panel.code())[1])
    assert written == pytest.approx(expected, rel=0.01)


def test_no_weight_at_all_is_told(make):
    panel = make(DeepDream).run()
    panel.weight = 0
    assert panel.wait(60)
    assert panel._bar.error == "one of the weights must be above 0."


def test_before_and_after(make, photo):
    panel = make(DeepDream).run()
    after, before = shown(panel)[0].copy(), rgb(load_image(photo, size=96))
    view = panel._parts["dream"].image
    np.testing.assert_array_equal(view.content.picture, after)
    np.testing.assert_array_equal(view.content.before, before)
    assert view._scene["before"] == view._before["id"]  # the divider is the browser's business
    assert view.wipe == 0.5


def test_another_network_takes_the_other_layers_away(make):
    panel = make(DeepDream, second="0").run()
    panel.session.network = "mini"
    assert panel.second == ""
    assert panel.wait(60)
    assert panel._bar.state == "done"
    panel.second = "conv2"
    with pytest.raises(UserError, match="no layer 'conv22'"):
        panel.second = "conv22"


def test_a_guide_is_dreamed_of(make):
    panel = make(DeepDream).run()
    plain = shown(panel).copy()
    panel.guide = "coffee"
    assert panel.wait(60)
    assert not np.array_equal(shown(panel), plain)
    np.testing.assert_array_equal(shown(panel)[0], rgb(execute(panel)["dreamed"].values))


def test_a_film(make, monkeypatch, tmp_path):
    panel = make(DeepDream, film=True, frames=3).run()
    sent = []
    monkeypatch.setattr(panel._buttons, "send", lambda message, buffers: sent.append((message, *buffers)))
    panel._buttons._receive(None, {"do": "film"}, [])
    ((message, content),) = sent
    assert message["kind"] == "image/gif"
    film = Image.open(io.BytesIO(content))
    assert film.n_frames == 3
    assert film.size[0] == 192
    view = panel._parts["film"].image
    assert view.content.caption == "3 of 3 frames"
    assert len(view._film["frames"]) == 3  # played by the browser
    monkeypatch.chdir(tmp_path)
    execute(panel)
    assert (tmp_path / "dream.gif").exists()


def test_a_film_can_be_stopped_and_goes_on(make, monkeypatch):
    panel = make(DeepDream, film=True, frames=3, octaves=1)
    of_a_frame = FILM["octaves"] * FILM["steps"]
    stop_after(panel, panel.steps + of_a_frame + 3, monkeypatch)
    begin(panel)
    assert panel.wait(60)
    view = panel._parts["film"].image
    assert view.content.caption == "1 of 3 frames"
    first = view._film["frames"][0]
    sent = []
    monkeypatch.setattr(panel._buttons, "send", lambda message, buffers: sent.append(buffers))
    panel._press("film")
    assert Image.open(io.BytesIO(sent[0][0])).n_frames == 1  # not the one in the making
    panel.go_on()
    assert panel.wait(60)
    assert view.content.caption == "3 of 3 frames"
    assert view._film["frames"][0] is first  # sent once
    assert len(view._film["frames"]) == 3


def test_before_a_frame_is_whole_there_is_no_film(make, monkeypatch):
    panel = make(DeepDream, film=True, frames=3, octaves=1)
    stop_after(panel, panel.steps + 1, monkeypatch)
    begin(panel)
    assert panel.wait(60)
    assert not panel._parts["film"].image.content.count
    panel._buttons._receive(None, {"do": "film"}, [])
    assert "still in the making" in panel._bar.error


def test_there_is_no_film_before_it_is_asked_for(make):
    panel = make(DeepDream).run()
    panel._buttons._receive(None, {"do": "film"}, [])
    assert panel._bar.error.startswith("there is no film yet")
    assert panel._film.layout.display == "none"
    panel.film = True
    assert panel._film.layout.display is None


# ---------------------------------------------------------------------- inversion


def test_the_ladder_tells_how_near_every_layer_is(make, network, photo):
    panel = make(Inversion).run()
    content = panel._parts["ladder"].image.content
    assert content.names[0] == "original"
    np.testing.assert_array_equal(content.picture[0], rgb(photo))
    for name in content.names[1:]:
        layer, _, near = name.partition(" · ")
        state = reached(panel, layer)
        assert near == f"{psnr(state.values, photo):.1f} dB"
    curve = panel._parts["curve"]._shown["curves"]["PSNR"]
    assert curve[0] == [0, 1, 2]


@pytest.mark.parametrize("channels", [1, 2, 4, 5])
def test_dreams_of_a_picture_that_has_not_three_channels(channels):
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(channels, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3))
    settings = {"steps": 1, "octaves": 1, "size": 96}
    panel = DeepDream(Network(module.eval(), input_size=32), torch.rand(channels, 32, 32), **settings).run()
    dreamed = execute(panel)["dreamed"].values
    assert len(dreamed) == channels
    np.testing.assert_array_equal(shown(panel)[0], rgb(dreamed))
    panel.close()


def test_layers_are_filled_in_as_they_finish(make, monkeypatch):
    panel = make(Inversion)
    stop_after(panel, 4, monkeypatch)
    begin(panel)
    assert panel.wait(60)
    content = panel._parts["ladder"].image.content
    assert [name.endswith("dB") for name in content.names] == [False, True, True, False]
    assert content.names[3].endswith("…")
    assert (content.picture[3] == 128).all()


def test_a_click_chooses_the_layer(make):
    panel = make(Inversion).run()
    layer = panel._parts["ladder"].image.content.names[2].split()[0]
    ladder = panel._parts["ladder"].image
    click(ladder, 2)
    assert panel.session.layer == layer
    click(ladder, 0)  # the original is no layer
    assert panel.session.layer == layer

"""What the panels of attacks promise: files that fool, and settings of the look that run nothing again."""

import numpy as np
import pytest
import torch

import cnnviz_widgets as cnnviz
from cnnviz_widgets import UserError, panels
from cnnviz_widgets.drawing.results import rgb
from cnnviz_widgets.engine.queries import Queries
from cnnviz_widgets.panels.attack import FILES


@pytest.fixture(scope="module")
def net():
    return cnnviz.load_network("mini")


@pytest.fixture
def attack(net):
    panel = panels.Attack(net, "chelsea", levels=4, steps=5, toward=["goose"]).run()
    yield panel
    panel.close()


def test_a_saved_png_fools_when_it_is_opened(attack, net, tmp_path):
    attack.save(tmp_path / "attacked.png")
    opened = cnnviz.load_image(tmp_path / "attacked.png")
    assert net.predict(opened, 1)[0].name == "goose"
    torch.testing.assert_close(opened, attack.kept("attack").values, rtol=0, atol=1e-6)


def test_the_look_runs_nothing_again(attack):
    kept = attack.kept("attack")
    for setting in ({"times": 30}, {"saved": "jpeg 75"}):
        attack.apply(setting)
        attack.run()
        assert attack.kept("attack") is kept
    attack.levels = 6
    attack.run()
    assert attack.kept("attack") is not kept


@pytest.mark.parametrize("saved", FILES)
def test_what_is_shown_is_what_the_file_keeps(attack, net, saved):
    attack.saved = saved
    attack.run()
    shown = attack._parts["pictures"].image.content
    picture = torch.from_numpy(shown.picture[2].copy()).movedim(-1, 0) / 255
    best = net.predict(picture, 1)[0]
    assert best.name in shown.names[2]
    kind, quality = FILES[saved]
    assert (best.name == "goose") == attack.kept("attack").survives(kind, quality)


def test_one_step_is_fgsm(net):
    panel = panels.Attack(net, "chelsea", levels=3, steps=1).run()
    assert "cnnviz.fgsm(net, photo, 3 / 255)" in panel.code()
    assert torch.equal(panel.kept("attack").values, cnnviz.fgsm(net, "chelsea", 3 / 255).values)
    panel.close()


def test_a_class_that_it_has_already_is_told(net):
    panel = panels.Attack(net, "chelsea", toward=["tabby"])
    with pytest.raises(UserError, match="target must be another class than 'tabby'"):
        panel.run()
    panel.close()


def test_turning_is_no_other_run(net):
    panel = panels.RobustExample(net, "chelsea", steps=2, samples=1, toward=["goose"]).run()
    kept, before = panel.kept("robust"), panel._parts["pictures"].image.content.picture
    panel.angle = 30
    panel.run()
    assert panel.kept("robust") is kept
    assert (panel._parts["pictures"].image.content.picture != before).any()
    panel.close()


def test_curves_are_as_wide_as_the_sliders_and_say_where_they_stand(net):
    panel = panels.RobustExample(net, "chelsea", steps=2, samples=1, toward=["goose"]).run()
    panel.angle, panel.noise = -60, 0.1
    panel.run()
    charts = {vary: panel._parts[vary]._chart for vary in ("angle", "zoom", "noise")}
    ends = {vary: (shown.x.low, shown.x.high, shown.marker) for vary, shown in charts.items()}
    assert ends == {"angle": (-90, 90, -60), "zoom": (0.5, 2, 1), "noise": (0, pytest.approx(76.5), 25.5)}
    assert [len(one.x) for one in charts["angle"].series] == [19, 19]
    panel.close()


def test_a_click_breeds(net):
    panel = panels.Fooling(net, search="evolution", encoding="cppn", steps=2).run()
    before = panel.kept("fool")
    panel._breed(5)
    bred = panel._bred
    assert bred.step == before.step + 1
    parent = before.genes[0][5]
    assert any(torch.equal(one, parent) for one in bred.genes[0])
    panel._breed(3)
    assert panel._bred.queries == bred.queries + len(bred.values)
    panel.close()


@pytest.mark.parametrize("value", [[], [1] * 21, ["a"], None, [float("nan")]])
def test_rows_of_numbers(value):
    panel = panels.LinearToy()
    with pytest.raises(UserError, match="x must be 1 to 20 numbers"):
        panel.x = value
    panel.close()


def test_a_cell_of_the_ten_numbers():
    panel = panels.LinearToy().run()
    panel._rows["x"][0].value = 0
    assert panel.x[0] == 0
    panel.x = (1,) * 10
    assert [cell.value for cell in panel._rows["x"]] == [1] * 10
    panel.close()


@pytest.fixture(scope="module")
def transfer():
    panel = panels.Transfer(networks=["small_plain", "small_wide"], pictures=16, steps=2).run()
    yield panel
    panel.close()


def test_a_click_on_a_cell_shows_its_pictures(transfer):
    matrix = transfer.kept("matrix")
    keys = transfer._parts["matrix"].image.content.keys
    for cell in [("small_wide", "small_plain"), ("noise", "small_wide"), ("all of them", "small_plain")]:
        transfer._choose(cell)
        assert transfer.wait(20)
        shown = transfer._parts["pictures"].image.content
        before, change, after = np.split(shown.picture, 3)
        answers = [name.removeprefix("→ ") for name in shown.names[-len(after) :]]
        places = [
            next(place for place, one in enumerate(matrix.before[cell[0]]) if np.array_equal(rgb(one), tile))
            for tile in before
        ]
        assert [matrix.answers[cell][place] for place in places] == answers
        for place, tile, enlarged in zip(places, after, change, strict=True):
            assert np.array_equal(rgb(matrix.pictures[cell[0]][place]), tile)
            wanted = (128 + 10 * (tile.astype(int) - before[places.index(place)])).clip(0, 255)
            assert abs(wanted - enlarged).max() <= 1
        fooled = [new != matrix.names[place] for new, place in zip(answers, places, strict=True)]
        assert sum(fooled) == min(matrix.counted[cell].hits, len(fooled))
        assert keys[transfer._parts["matrix"].image.selected] == cell
        assert transfer.kept("matrix") is matrix
    transfer._choose(None)
    assert (transfer.made_for, transfer.shown_to) == cell


def test_transfer_counts_the_pictures_of_a_dataset():
    session = panels.Session("mini", dataset=["goldfish", "banana", "teapot", "orange"])
    panel = panels.Transfer(session=session, networks=["small_plain", "small_residual"], attack="fgsm").run()
    assert panel.kept("matrix").given == 4
    panel.pictures = 4
    panel.run()
    assert "4 pictures count" in panel._parts["note"].widget.value
    panel.close()


def test_one_network_is_told():
    panel = panels.Transfer(networks=["mini"])
    with pytest.raises(UserError, match="networks must be at least two"):
        panel.run()
    panel.close()


def test_an_attacker_shows_photographs_at_once_and_counts_what_it_shows():
    panel = panels.Attacker(steps=4, batch=2, pictures=12)
    frames = panel.compute(panel._now())
    first = next(frames).parts["pictures"](None)
    for _ in frames:
        pass
    panel.run()
    shown = panel._parts["pictures"].image.content
    assert first.count == shown.count
    assert np.array_equal(first.picture[::7], shown.picture[::7])
    state = panel._memos["state"].held.last
    curves = panel._parts["successes"]._shown["curves"]
    assert curves["PGD"][1] == [state.counted["PGD"].share] * 2
    assert curves["generator"][1][-1] == state.counted["generator"].share
    assert str(state.counted["generator"]) in panel._parts["note"].widget.value
    panel.times = 20
    panel.run()
    assert panel._memos["state"].held.last is state
    panel.close()


# A second is some hundred pictures through ``mini`` forward and back: these are counted, not seconds.
FIRST, BETWEEN = 64, 96
GENERATION = 204  # pictures of OnePixel, of which about half of a pass has to be computed
KINDS = (panels.Attack, panels.RobustExample, panels.Fooling, panels.OnePixel, panels.Patch, panels.Universal)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_the_first_picture_comes_soon_and_stop_is_heard_soon(kind, net):
    queries = Queries(net)
    panel, before = kind(queries.network, "chelsea"), 0
    for number, frame in zip(range(10), panel.compute(panel._now()), strict=False):
        assert number or {"pictures", "best", "change", "patch"} & frame.parts.keys()
        most = FIRST if number == 0 else GENERATION if kind is panels.OnePixel else BETWEEN
        assert queries.count - before <= most, number
        before = queries.count
    assert number == 9
    panel.close()


def test_a_universal_change_is_tried_on_the_photographs_that_it_was_not_found_with(net):
    panel = panels.Universal(net, steps=3, samples=2, pictures=8, levels=16).run()
    state, photos = panel.kept("change"), [one for one in cnnviz.samples() if one not in cnnviz.samples().styles][:8]
    shown = panel._parts["shares"]._shown
    for name, some in (("found with", photos[::2]), ("others", photos[1::2])):
        found = cnnviz.universal_success(net, some, state.values)
        assert shown["curves"][name][1][-1] == found.changed.share
        assert shown["numbers"][name] == f"{found.changed.hits} of 4"
    assert panel._parts["others"].image.content.caption == found.content().caption
    strong = panel._parts["change"].image.content.picture
    panel.times = 1
    panel.run()
    assert panel.kept("change") is state
    assert not np.array_equal(panel._parts["change"].image.content.picture, strong)
    panel.close()

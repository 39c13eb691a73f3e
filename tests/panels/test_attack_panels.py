"""What the panels of attacks promise: files that fool, and settings of the look that run nothing again."""

import pytest
import torch

import cnnviz_widgets as cnnviz
from cnnviz_widgets import UserError, panels
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

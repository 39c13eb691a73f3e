"""A computation is asked for again when something changes that it read, and only then."""

import threading
import time

import pytest

from cnnviz_widgets import panels
from cnnviz_widgets.panels import Panel, Session, computes
from cnnviz_widgets.panels.controls import slider
from cnnviz_widgets.panels.now import Now
from cnnviz_widgets.panels.parts import Note
from cnnviz_widgets.runtime.runner import Frame

RECIPE = (
    "picture l2 total_variation decay sigma every small_norms small_contributions "
    "jitter pad scale rotate soften color flip"
)
READS = {  # (panel, computation) -> the traits that it depends on, in one of SETTINGS or another
    ("Filters", "compute"): "network layer normalize_by",
    ("Filters", "look"): "network image layer channel",
    ("Activations", "compute"): "network image layer order normalize_by",
    ("Activations", "look"): "network image layer channel order",
    ("Occlusion", "compute"): "network image target size stride fill shape score layer figure",
    ("Occlusion", "project"): "network image layer figure",
    ("Occlusion", "look"): "area network image target size stride fill shape place",
    ("Gradients", "compute"): "network image target layer channel position source cells color_scale",
    ("Gradients", "cut"): "network image target layer channel position source mask",
    ("Gradients", "look"): "network image layer channel position source",
    (
        "ClassActivation",
        "compute",
    ): "network image target layer method classes relu counterfactual upsampled color_scale",
    ("ClassActivation", "look"): "network image target layer channel",
    ("ClassActivation", "name"): "network image target layer scan evidence",
    ("Sanity", "compute"): "network image target methods mode measure step",
    ("Compare", "compute"): "network image target layer methods steps chosen",
    ("ClassModel", "compute"): f"network image target guess preset steps rounds starts seed {RECIPE}",
    (
        "FeatureVisualization",
        "compute",
    ): "network dataset layer channel objective regularization beside steps rounds seed",
    (
        "DeepDream",
        "compute",
    ): "network image layer weight second second_weight third third_weight size octaves octave_scale steps rounds "
    "strength jitter guide film frames zoom",
    ("Inversion", "compute"): "network image features rungs steps rounds beta smoothness hog_smoothness seed",
}
SETTINGS = {  # in which a panel reads all that it can
    "ClassActivation": [{"evidence": True}],
    "Occlusion": [{"figure": True, "place": (9, 9)}],
    "Gradients": [{"source": "class", "mask": True}, {"source": "neuron", "mask": True}],
    "ClassModel": [{"steps": 2}],
    "FeatureVisualization": [{"steps": 2}, {"steps": 2, "beside": "examples", "dataset": []}],
    "DeepDream": [{"steps": 1, "octaves": 1, "film": True, "frames": 2}],
    "Inversion": [{"steps": 2, "rungs": 2}, {"steps": 2, "features": "hog"}],
    "Compare": [{"methods": ("saliency",), "steps": 5}],
    "Sanity": [{"methods": ("saliency",)}],
}


@pytest.mark.parametrize("kind", sorted({panel for panel, _ in READS}))
def test_what_is_read_is_what_it_depends_on(kind, network, photo):
    found: dict[tuple[str, str], set[str]] = {}
    for settings in SETTINGS.get(kind, [{}]):
        if "dataset" in settings:
            settings = settings | {"dataset": [photo]}
        panel = getattr(panels, kind)(network, photo, **settings).run()
        for name in panel._computations():
            found.setdefault((kind, name), set()).update(panel.reads(name))
        panel.close()
    assert found == {one: set(names.split()) for one, names in READS.items() if one[0] == kind}


class Late(Panel):
    """Reads b only where a is above 0, and late."""

    title = "Late"
    a = slider(1, 0, 100, label="a", help="A number")
    b = slider(1, 0, 100, label="b", help="Another")
    c = slider(1, 0, 100, label="c", help="One that nobody reads")

    def build(self):
        self.asked, self.gate, self.reached = [], threading.Event(), threading.Event()
        self.gate.set()
        return [self.part("sum", Note()), self.part("b", Note())]

    def compute(self, now):
        self.asked.append("compute")
        total = now.a
        yield Frame({"sum": f"{total} …"}, 0, 2)
        self.reached.set()
        assert self.gate.wait(10)
        if total:
            total += now.b
        yield Frame({"sum": f"{total}"}, 1, 2)

    @computes
    def look(self, now):
        self.asked.append("look")
        return Frame({"b": f"{now.b}"})

    def call(self, now):
        return ""


@pytest.fixture
def panel(network, photo):
    panel = Late(network, photo)
    yield panel
    panel.gate.set()
    panel.close()


def shown(panel) -> tuple[str, str]:
    return tuple(panel._parts[name].widget.value for name in ("sum", "b"))


def test_a_change_of_what_is_not_read_asks_for_nothing(panel):
    panel.run()
    panel.asked.clear()
    panel.c = 5
    panel.session.channel, panel.session.position = 1, (0, 0)
    assert panel.wait(5)
    assert panel.asked == []
    panel.b = 3
    assert panel.wait(5)
    assert sorted(panel.asked) == ["compute", "look"]
    assert shown(panel) == ("4", "3")
    panel.asked.clear()
    panel.a = 0
    assert panel.wait(5)
    assert panel.asked == ["compute"]
    assert (shown(panel), panel.reads(), panel.reads("look")) == (("0", "3"), {"a"}, {"b"})
    panel.asked.clear()
    panel.b = 4  # compute did not read it the last time
    assert panel.wait(5)
    assert panel.asked == ["look"]


def test_before_the_first_time_everything_counts(panel):
    assert panel.reads() >= {"a", "b", "c", "network", "channel"}


@pytest.mark.parametrize("first", [True, False])
def test_what_changes_before_it_is_read_is_seen(panel, first, monkeypatch):
    """A computation that has begun has a copy of all traits: a later change must not be lost."""
    monkeypatch.setattr("cnnviz_widgets.runtime.runner.SHORT", 0.0)  # in its own thread
    panel.a = 0
    panel.shown = True
    panel._request_all()
    assert panel.wait(5)
    if first:
        panel._reads.clear()
        panel._asked.clear()
    panel.gate.clear()
    panel.reached.clear()
    panel.a = 2  # b is read for the first time now …
    assert panel.reached.wait(5)
    panel.b = 50  # … and has changed before
    panel.gate.set()
    assert panel.wait(5)
    assert shown(panel) == ("52", "50")
    assert panel.asked.count("compute") <= 4


def test_what_was_stopped_is_asked_for_again_by_what_it_read(panel):
    panel.shown = True
    panel._request("look")
    assert panel.wait(5)
    panel.gate.clear()
    panel._request("compute")
    assert panel.reached.wait(5)
    panel.stop()
    panel.gate.set()
    assert panel.wait(5)
    panel.asked.clear()
    panel.c = 7
    assert panel.wait(5)
    assert panel.asked == []
    panel.a = 9
    assert panel.wait(5)
    assert shown(panel)[0] == "10"


@pytest.mark.parametrize("seed", range(3))
def test_after_a_storm_the_last_values_are_shown(panel, seed, network, photo):
    import random

    session = Session(network, photo)
    every = [Late(session=session).run() for _ in range(3)]
    errors = []

    def change(number):
        chance = random.Random(10 * seed + number)
        try:
            for _ in range(150):
                one = chance.choice(every)
                setattr(one, chance.choice("aabc"), chance.choice([0, chance.randrange(101)]))
                if chance.random() < 0.05:
                    time.sleep(0.01)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=change, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not errors
    for one in every:
        assert one.wait(20)
        assert shown(one) == (f"{one.a + one.b if one.a else 0}", f"{one.b}")
        one.close()


def test_now_is_a_copy_that_cannot_be_changed():
    read = []
    now = Now({"a": 1, "b": 2}, read.append)
    with pytest.raises(AttributeError, match="a cannot be changed"):
        now.a = 3
    with pytest.raises(AttributeError, match="no trait 'z': there are a, b"):
        _ = now.z
    other = now.but(a=5)
    assert read == []
    assert (other.a, other.b, now.a) == (5, 2, 1)
    assert read == ["a", "b", "a"]

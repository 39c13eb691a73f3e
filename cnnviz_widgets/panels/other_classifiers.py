"""X10: classifiers that are no networks are fooled too: a linear model on HOG, and the nearest neighbor."""

from collections.abc import Iterator
from typing import Any

import ipywidgets

from cnnviz_widgets.methods.adversarial.classifiers import hog_classifier, neighbor_classifier
from cnnviz_widgets.methods.adversarial.fool_hog import HogAttack, fool_hog
from cnnviz_widgets.methods.adversarial.fool_neighbor import NeighborAttack, fool_neighbor
from cnnviz_widgets.panels.call import As, Call, program
from cnnviz_widgets.panels.controls import choice, slider, stops
from cnnviz_widgets.panels.now import Now
from cnnviz_widgets.panels.options import option
from cnnviz_widgets.panels.panel import Panel
from cnnviz_widgets.panels.parts import Chart, Note, View
from cnnviz_widgets.runtime.memo import Memo
from cnnviz_widgets.runtime.runner import Frame

LEVELS = (1, 2, 4, 6, 8, 12, 16)  # of 255
MOST = 224  # so many pictures of either kind are held out
CURVES = {"hog": "HOG", "neighbor": "neighbor"}


class OtherClassifiers(Panel):
    """Classifiers other than convolutional networks: a linear model on HOG, and the nearest neighbor.

    images   "digits", or "textures", crops of photographs
    number   of the picture, among those that were not learned from
    levels   ε, in levels of 255: by how much a value may change for the linear model
    times    how many times as strong its change is shown
    cell, steps, seed
             as in ``cnnviz.hog_classifier`` and ``cnnviz.fool_hog``
    """

    title = "Other classifiers"
    family = "adversarial"
    chapters = ("13",)
    shows = "a linear model on HOG and a nearest neighbor, fooled, with noise of the same size"
    as_call = "cnnviz.fool_hog(classifier, photo)"
    pickers = ()
    images = choice(
        "digits", {"digits": "digits", "textures": "textures"}, label="Pictures",
        help="Handwritten digits, or crops of photographs of brick, grass and gravel",
    )  # fmt: skip
    number = slider(0, 0, MOST, label="Picture", help="One of those that neither classifier has learned from")
    levels = stops(8, LEVELS, label="ε of 255", help="By how many of 255 levels a value may change (L∞), for HOG")
    times = slider(10, 1, 50, label="Change ×", help="How many times as strong the change for HOG is shown", more=True)
    steps = option(fool_hog, 1, 100, more=True)
    cell = option(hog_classifier, 4, 16, step=4, more=True)
    seed = option(fool_hog, 0, 99, more=True)

    def build(self) -> list[ipywidgets.Widget]:
        self._known: dict[str, Memo[dict]] = {"hog": Memo(dict), "neighbor": Memo(dict)}
        how: dict[str, Any] = {"controls": False, "labels": True}
        axes = "ε of 255", "share that is right"
        return [
            self.part("hog", View("Linear model on HOG: the change within ε", **how)),
            self.part("neighbor", View("Nearest neighbor: the least change", **how)),
            self.part("note", Note()),
            self.part(
                "accuracy", Chart("Accuracy of both under attack (PGD), and with noise", *axes, share=True, height=220)
            ),
        ]

    def compute(self, now: Now) -> Iterator[Frame]:
        neighbor = self._learned("neighbor", _neighbor(now), now.images)
        near = _fool_neighbor(now, As(neighbor["made"], "neighbor"))()
        yield Frame({"neighbor": near.content()})
        hog = self._learned("hog", _hog(now), now.images, now.cell)
        attack = _fool_hog(now, As(hog["made"], "hog"))()
        yield Frame({"hog": attack.shown(now.times), "note": _note(attack, near)})
        for done, level in enumerate((0, *LEVELS)):
            for known in (hog, neighbor):
                _measure(known, level)
            yield Frame({"accuracy": _curves({"hog": hog, "neighbor": neighbor}, now.levels)}, done, len(LEVELS))

    def _learned(self, name: str, call: Call, *of: Any) -> dict:
        """A classifier, as "made", and its accuracies as far as they are known, as (level, noise)."""
        known = self._known[name].reached(*of)
        if not known:
            known["made"] = call()
        return known

    def call(self, now: Now) -> str:
        hog, neighbor = (As(None, name) for name in ("hog", "neighbor"))
        size = f"{now.levels} / 255"
        return program(
            {"hog": _hog(now), "neighbor": _neighbor(now)},
            f"print(hog.accuracy({size}), hog.accuracy({size}, noise=True))",
            f"display({_fool_hog(now, hog)})",
            str(_fool_neighbor(now, neighbor)),
        )


def _hog(now: Now) -> Call:
    return Call(hog_classifier, now.images, cell=now.cell)


def _neighbor(now: Now) -> Call:
    return Call(neighbor_classifier, now.images)


def _fool_hog(now: Now, classifier: As) -> Call:
    size = As(now.levels / 255, f"{now.levels} / 255")
    return Call(fool_hog, classifier, _picture(now, classifier), size, steps=now.steps, seed=now.seed)


def _fool_neighbor(now: Now, classifier: As) -> Call:
    return Call(fool_neighbor, classifier, _picture(now, classifier), seed=now.seed)


def _picture(now: Now, classifier: As) -> As:
    known = classifier.value and classifier.value.pictures[now.number]
    return As(known, f"{classifier.written}.pictures[{now.number}]")


def _measure(known: dict, level: int) -> None:
    for noise in (False, True):
        if (level, noise) not in known:
            known[level, noise] = known["made"].accuracy(level / 255, noise=noise)


def _curves(classifiers: dict[str, dict], marker: float) -> dict:
    curves = {}
    for name, known in classifiers.items():
        for noise, under in ((False, "attacked"), (True, "noise")):
            shares = {level: known[level, noise].share for level in (0, *LEVELS) if (level, noise) in known}
            curves[f"{CURVES[name]}, {under}"] = ([*shares], [*shares.values()])
    return {"curves": curves, "end": LEVELS[-1], "marker": marker}


def _note(attack: HogAttack, near: NeighborAttack) -> str:
    norms, first, second = attack.attack.norms, attack.control, near.control
    done = "another class" if attack.success else "still the same class"
    return (
        f"The linear model on HOG answers {done}, in 8 bits, after a change of at most {norms['linf'] * 255:.0f} of "
        f"255 levels, length {norms['l2']:.2f}; random signs of that size leave its answer {first.hits} times of "
        f"{first.total}. The nearest neighbor needs a change of length {near.distance:.2f}: then another class is as "
        f"near as its own, {near.distances[0]:.2f}; noise of that length leaves its answer {second.hits} times of "
        f"{second.total}."
    )

"""A call runs and writes itself, in the shortest way."""

from typing import NamedTuple

import pytest
import torch

import cnnviz_widgets as cnnviz
from cnnviz_widgets.drawing.results import ActivationMaps
from cnnviz_widgets.engine.targets import Neuron
from cnnviz_widgets.networks import Network
from cnnviz_widgets.panels.call import As, Call, class_named, program, written
from cnnviz_widgets.pictures import Labels


def test_only_what_is_not_the_default_is_written(network, photo):
    call = Call(cnnviz.occlusion, network, photo, None, size=16, stride=8, fill="blurred", layer=None)
    assert str(call) == 'cnnviz.occlusion(net, photo, size=16, fill="blurred")'
    assert cnnviz.last(call()).size == 16
    given = Call(cnnviz.occlusion, network, photo, class_named(network, 1), size=32)
    assert str(given) == 'cnnviz.occlusion(net, photo, "dog")'
    assert given.written(stride="step") == 'cnnviz.occlusion(net, photo, "dog", stride=step)'


def test_what_is_given_in_between_is_written(network, photo):
    call = Call(cnnviz.grad_cam, network, photo, None, "3", relu=True)
    assert str(call) == 'cnnviz.grad_cam(net, photo, None, "3")'


def test_a_method_is_written_after_its_object():
    maps = ActivationMaps(torch.rand(3, 2, 2), torch.rand(3, 4, 4), "conv")
    call = Call(ActivationMaps.content, As(maps, "maps"), by="strength", normalize_by="layer")
    assert str(call) == 'maps.content(by="strength")'
    assert call().keys == tuple(maps.order("strength").tolist())


def test_a_call_in_a_call_runs_and_is_written(network, photo):
    maps = Call(cnnviz.activations, network, photo, "3")
    inner = Call(ActivationMaps.order, maps, by="strength")
    named = Call(ActivationMaps.order, As(maps, "maps"), by="strength")
    assert str(inner) == 'cnnviz.activations(net, photo, "3").order(by="strength")'
    assert str(named) == 'maps.order(by="strength")'
    assert inner().tolist() == named().tolist() == cnnviz.activations(network, photo, "3").order("strength").tolist()


def test_a_program_sets_variables(network, photo):
    cells = [Call(cnnviz.saliency, network, photo, rule=rule) for rule in ("backprop", "guided")]
    code = program({"few": [1, 2], "cells": cells * 2}, "display(*cells)")
    assert code.splitlines()[:3] == ["few = [1, 2]", "cells = [", "    cnnviz.saliency(net, photo),"]
    shown = []
    exec(code, {"cnnviz": cnnviz, "net": network, "photo": photo, "display": lambda *several: shown.extend(several)})
    assert [one.convention for one in shown] == [call().convention for call in cells] * 2


def test_more_is_taken_when_it_runs():
    class Seen(NamedTuple):
        a: int
        b: int = 2

    assert Call(Seen, As(1, "one"), b=5)(b=7) == (1, 7)


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("Egyptian “cat”", '"Egyptian “cat”"'), (3, "3"), (0.5, "0.5"), (None, "None"), (True, "True"),
        ((1, 2), "(1, 2)"),
        (As([1], "some"), "some"), (Neuron("relu1", 3), 'cnnviz.Neuron("relu1", 3)'),
        (Neuron("relu1", 3, (1, 2)), 'cnnviz.Neuron("relu1", 3, (1, 2))'),
        (Neuron("relu1", 3, "all"), 'cnnviz.Neuron("relu1", 3, "all")'), (torch.zeros(3), "photo"),
    ],
)  # fmt: skip
def test_written(value, code):
    assert written(value) == code


def test_a_class_that_bears_the_name_of_another_is_written_as_its_number(network):
    assert class_named(network, 2) == (2, '"bird"')
    assert class_named(network, None) == (None, "None")
    twice = Network(network.module, input_size=48, classes=Labels(["crane", "dog", "crane", "fish"]))
    assert class_named(twice, 2) == (2, "2")
    assert class_named(twice, 3) == (3, '"fish"')

import pytest
import torch

from cnnviz_widgets.drawing.results import ActivationMaps
from cnnviz_widgets.exercises import check_capture, check_sparsity, check_strongest


def capture(keep=lambda inputs, output: output.detach().clone(), *, remove=True, on=None, give=lambda kept: kept[0][0]):
    """A solution of task 1, and its usual mistakes."""

    def captured(module, layer, batch):
        kept = []
        handle = (on(module) if on else layer).register_forward_hook(lambda _, i, o: kept.append(keep(i, o)))
        module(batch)
        if remove:
            handle.remove()
        return give(kept)

    return captured


CAPTURES = {
    "the hook is still on the layer": capture(remove=False),
    "an unhooked graph, `detach()`": capture(lambda i, o: o.clone()),
    "output.clone()": capture(lambda i, o: o.detach()),
    "the picture itself": capture(lambda i, o: i[0].detach().clone()),
    "of the batch take the first": capture(give=lambda kept: kept[0]),
    "the whole network returns": lambda module, layer, batch: module(batch)[0].detach(),
    "return the one tensor": capture(give=lambda kept: kept),
    "and not on another one": lambda module, layer, batch: capture()(module, layer, batch) * 0.5,
    "the code stopped with": capture(give=lambda kept: kept[7]),
    "cannot be read as numbers": capture(give=str),
}


@pytest.mark.parametrize("says", CAPTURES)
def test_wrong_capture(says):
    feedback = check_capture(CAPTURES[says])
    assert feedback.right is False
    assert says.removeprefix("an unhooked graph, ") in feedback.text


def test_right_and_missing_capture():
    random = torch.get_rng_state()
    assert check_capture(capture())
    assert check_capture(capture(lambda i, o: o.detach().clone()[0], give=lambda kept: kept[0]))
    assert torch.equal(torch.get_rng_state(), random)
    assert check_capture(lambda module, layer, batch: None).right is None
    assert check_capture(None).right is None


@pytest.fixture
def maps() -> ActivationMaps:
    values = torch.randn(6, 5, 7, generator=torch.Generator().manual_seed(0)).clamp(min=0)
    values[1] = 0
    values[2, 3] = -1
    values[3] += 1  # the greatest mean
    values[4, 1, 3] = 9  # the greatest value
    return ActivationMaps(values, torch.zeros(3, 5, 7), of="somewhere")


def test_sparsity(maps):
    share = float((maps.values == 0).double().mean())
    assert check_sparsity(share, maps)
    assert check_sparsity(torch.tensor(share), maps)
    for answer, says in {
        1 - share: "not zero",
        100 * share: "percentage",
        share * 210: "number of zeros",
        1 / 6: "zero everywhere",
        float((maps.values <= 0).double().mean()): "negative values",
        float((maps.values[0] == 0).double().mean()): "channel 0 alone",
        round(share, 2): "not rounded",
        0.123: "compare `maps.values` with 0",
        "half": "one number",
    }.items():
        assert check_sparsity(answer, maps).right is False, answer
        assert says in check_sparsity(answer, maps).text
    assert check_sparsity(None, maps).right is None


def test_strongest(maps):
    assert check_strongest((4, 1, 3), maps)
    assert check_strongest(torch.unravel_index(maps.values.argmax(), maps.values.shape), maps)
    for answer, says in {
        (4, 3, 1): "rows and columns are swapped",
        (1, 3, 4): "the order is (channel, row, column)",
        4 * 35 + 1 * 7 + 3: "`torch.unravel_index`",
        5: "three numbers",
        (4, 0, 0): "the channel is right",
        (3, 0, 0): "the greatest mean",
        (6, 0, 0): "outside of the layer",
        (-2, 1, 3): "outside of the layer",
        (0, 0, 0): "and there is one of 9",
        (4, 1): "whole numbers",
    }.items():
        assert check_strongest(answer, maps).right is False, answer
        assert says in check_strongest(answer, maps).text
    assert check_strongest(None, maps).right is None


def test_strongest_accepts_the_greatest_alone(maps):
    places = [tuple(place) for place in (maps.values > -2).nonzero().tolist()]
    assert [place for place in places if check_strongest(place, maps)] == [(4, 1, 3)]

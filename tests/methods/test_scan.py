"""What a scan finds is what a look at every picture finds, in whatever pieces and order they come."""

import itertools
import json
import warnings

import numpy as np
import pytest
import torch
from architectures import tiny_network
from PIL import Image
from safetensors import safe_open
from torch import nn

import cnnviz_widgets as cnnviz
from cnnviz_widgets import last, load_scan, scan
from cnnviz_widgets.engine.lots import lots
from cnnviz_widgets.engine.sample import MOST
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.networks import Network

LISTS = ("top", "bottom", "positive", "negative")


@pytest.fixture
def network() -> Network:
    return tiny_network()


@pytest.fixture
def pictures() -> torch.Tensor:
    """Of 70, the last six are the first ones again: values are equal there."""
    drawn = torch.rand(64, 3, 20, 28, generator=torch.Generator().manual_seed(1))
    return torch.cat([drawn, drawn[:6]])


def by_hand(network, pictures, layer, channel, which, k, seed=0):
    """(number, value, position) in order, from one pass a picture."""
    found = []
    for number, picture in enumerate(pictures):
        values = network.activations(picture, layer)[layer][channel]
        flat, drawn = values.flatten().tolist(), int(lots(seed, [number], "position")[0]) % values.numel()
        if which == "top":
            value = max(flat)
        elif which == "bottom":
            value = min(flat)
        else:
            value = flat[drawn]
            if not (value > 0 if which == "positive" else value < 0):
                continue
        place = (
            flat.index(value) if which in ("top", "bottom") else int(lots(seed, [number], "position")[0]) % len(flat)
        )
        found.append((number, value, divmod(place, values.shape[1])))
    key = {"top": lambda one: -one[1], "bottom": lambda one: one[1]}.get(which, lambda one: abs(one[1]))
    return sorted(found, key=lambda one: (key(one), one[0]))[:k]


def lists(found) -> dict:
    """Every list of a scan."""
    return {
        (layer, channel, which): found.examples(layer, channel, which)
        for layer in found.layers
        for channel in range(found.network.layer(layer).channels)
        for which in LISTS
    }


def alike(one, other) -> None:
    """The same pictures at the same positions; values may differ by rounding, as convolutions of batches do."""
    assert one.step == other.step
    ours, theirs = lists(one), lists(other)
    for key, found in ours.items():
        assert [(e.number, e.position) for e in found] == [(e.number, e.position) for e in theirs[key]], key
        assert [e.value for e in found] == pytest.approx([e.value for e in theirs[key]], rel=1e-12, abs=1e-15)
    for layer in one.layers:
        for name in ("mean", "std", "positive", "quantiles"):
            a, b = (getattr(each.statistics(layer), name) for each in (one, other))
            torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-15)


def test_two_channels_by_hand():
    """Conv2d(1, 2, 1×1) with weights 1 and -1 on three pictures of four pixels."""
    module = nn.Sequential(nn.Conv2d(1, 2, 1, bias=False), nn.Flatten(), nn.Linear(8, 2)).double()
    module[0].weight.data = torch.tensor([1.0, -1.0], dtype=torch.float64).view(2, 1, 1, 1)
    network = Network(module, input_size=2, mean=0.0, std=1.0)
    rows = [[[0.1, 0.7], [0.7, 0]], [[0.7, 0], [0, 0]], [[0.2, 0.2], [0.2, 0.2]]]
    found = last(scan(network, list(torch.tensor(rows)[:, None]), "0", k=2), progress=False)
    seven, two = (float(torch.tensor(one)) for one in (0.7, 0.2))  # pictures are float32
    assert found.examples("0", 0) == ((0, seven, (0, 1)), (1, seven, (0, 0)))
    assert found.examples("0", 0, "bottom") == ((0, 0, (1, 1)), (1, 0, (0, 1)))
    assert found.examples("0", 1) == ((0, 0, (1, 1)), (1, 0, (0, 1)))
    assert found.examples("0", 1, "bottom") == ((0, -seven, (0, 1)), (1, -seven, (0, 0)))
    assert two in [one.value for one in found.examples("0", 0, "positive")]
    assert found.examples("0", 0, "negative") == ()
    assert [one.value for one in found.examples("0", 1, "negative")] == [
        -one.value for one in found.examples("0", 0, "positive")
    ]


@pytest.mark.parametrize("seed", [0, 5])
@pytest.mark.parametrize("which", LISTS)
@pytest.mark.parametrize(("layer", "k"), [("0", 9), ("1", 3), ("2", 100)])
def test_lists_are_those_of_brute_force(network, pictures, layer, k, which, seed):
    found = last(scan(network, pictures, [layer, "2"], k, seed), progress=False)
    for channel in range(network.layer(layer).channels):
        ours, expected = (
            found.examples(layer, channel, which),
            by_hand(network, pictures, layer, channel, which, k, seed),
        )
        assert [(one.number, one.position) for one in ours] == [(number, place) for number, _, place in expected]
        assert [one.value for one in ours] == pytest.approx([value for _, value, _ in expected], rel=1e-12)


def test_statistics_are_those_of_the_drawn_positions(network, pictures):
    found = last(scan(network, pictures, "2", seed=3), progress=False).statistics("2")
    values = network.activations(pictures, "2")["2"].flatten(2)
    drawn = [int(one) % values.shape[2] for one in lots(3, range(len(pictures)), "position")]
    sample = np.stack([one[:, at].numpy() for one, at in zip(values, drawn, strict=True)])
    assert found.count == 70
    np.testing.assert_allclose(found.mean, sample.mean(0), rtol=1e-12)
    np.testing.assert_allclose(found.std, sample.std(0), rtol=1e-12)
    np.testing.assert_allclose(found.positive, (sample > 0).mean(0), rtol=1e-12)
    np.testing.assert_allclose(found.quantiles, np.quantile(sample, np.arange(65) / 64, axis=0), rtol=1e-12)


@pytest.mark.parametrize("at_once", [1, 7, 64, None])
def test_batches_do_not_matter(network, pictures, at_once):
    whole = last(scan(network, pictures, ["0", "1", "2"], at_once=70), progress=False)
    alike(last(scan(network, pictures, ["0", "1", "2"], at_once=at_once), progress=False), whole)


@pytest.mark.parametrize("edges", [[0, 70], [0, 13, 70], [0, 1, 14, 30, 69, 70]])
def test_parts_in_every_order_do_not_matter(network, pictures, edges):
    whole = last(scan(network, pictures, ["0", "2"]), progress=False)
    parts = [last(scan(network, pictures, ["0", "2"], part=one), progress=False) for one in itertools.pairwise(edges)]
    for order in itertools.permutations(parts):
        merged = order[0]
        for part in order[1:]:
            merged = merged | part
        alike(merged, whole)
        assert merged.done == ((0, 70),)


def test_a_picture_that_is_counted_twice_counts_once(network, pictures):
    whole = last(scan(network, pictures, ["0", "2"]), progress=False)
    one, other = (last(scan(network, pictures, ["0", "2"], part=part), progress=False) for part in ((0, 50), (20, 70)))
    alike(one | other, whole)
    alike(other | one, whole)
    alike(whole | whole, whole)


def test_one_picture_makes_lists_of_one(network, pictures):
    found = lists(last(scan(network, pictures[:1], ["0", "1"]), progress=False))
    assert all(len(found[layer, channel, which]) == 1 for layer, channel, which in found if which in ("top", "bottom"))
    assert all(len(one) <= 1 for one in found.values())


def test_every_state_is_that_of_the_pictures_so_far_and_stays_it(network, pictures):
    states = list(scan(network, pictures, "2", k=4))
    assert states[0].step == 1
    assert len(states) > 2
    for state in states:
        alike(state, last(scan(network, pictures, "2", k=4, part=(0, state.step)), progress=False))


def test_killed_saved_and_resumed(network, pictures, tmp_path):
    whole, path = last(scan(network, pictures, ["0", "2"]), progress=False), tmp_path / "half.scan"
    states = scan(network, pictures, ["0", "2"], at_once=8)
    for _ in range(3):
        state = next(states)
    state.save(path)
    states.close()
    resumed = list(scan(network, pictures, ["0", "2"], resume=path, at_once=8))
    assert [one.step for one in resumed] == [32, 40, 48, 56, 64, 70]
    alike(resumed[-1], whole)
    again = list(scan(network, pictures, ["0", "2"], resume=path))
    assert len(again) == 1
    alike(again[0], whole)


def test_stopping_keeps_what_was_reached(network, pictures, tmp_path):
    states = scan(network, pictures, "0", resume=tmp_path / "a.scan", at_once=8)
    next(states), next(states)
    states.close()
    assert load_scan(tmp_path / "a.scan", network).done == ((0, 16),)


def test_what_is_done_may_lie_in_the_middle(network, pictures, tmp_path):
    last(scan(network, pictures, "2", part=(20, 40)), progress=False).save(tmp_path / "a.scan")
    alike(
        last(scan(network, pictures, "2", resume=tmp_path / "a.scan"), progress=False),
        last(scan(network, pictures, "2"), progress=False),
    )


def test_a_file_gives_the_same_and_holds_no_program(network, pictures, tmp_path):
    found = last(scan(network, pictures, ["0", "2"], k=3, seed=2), progress=False)
    found.save(tmp_path / "a.scan")
    loaded = load_scan(tmp_path / "a.scan", network, pictures)
    assert lists(loaded) == lists(found)
    assert torch.equal(loaded.statistics("2").quantiles, found.statistics("2").quantiles)
    assert (loaded.k, loaded.seed, loaded.total, loaded.step, loaded.done) == (3, 2, 70, 70, ((0, 70),))
    with safe_open(tmp_path / "a.scan", "pt") as file:
        assert json.loads(file.metadata()["scan"])["network"] == "tiny"
    assert [one.name for one in tmp_path.iterdir()] == ["a.scan"]
    with pytest.raises(UserError, match=r"scan has no pictures to show: load it with them"):
        _ = load_scan(tmp_path / "a.scan", network).dataset


def test_tensors_can_be_worked_on(network, pictures):
    with torch.inference_mode():
        found = last(scan(network, pictures[:8], "0"), progress=False)
    for one in (*vars(found.rankings["0"]).values(), *found.sample.values.values()):
        assert not one.is_inference()
        assert not one.requires_grad


def test_a_scan_goes_on_outside_the_mode_in_which_it_began(network, pictures):
    with torch.inference_mode():
        states = scan(network, pictures, at_once=2)
        next(states)
    alike(last(states), last(scan(network, pictures)))


def test_the_sample_of_many_pictures_is_the_same_in_every_order():
    from cnnviz_widgets.engine.sample import Sample

    values = torch.rand(3 * MOST, 2)
    parts = [
        Sample(4, np.arange(start, stop), np.arange(start, stop).astype(str), {"a": values[start:stop]})
        for start in range(0, 3 * MOST, MOST // 2)
        for stop in [start + MOST // 2]
    ]
    forward, backward = parts[0], parts[-1]
    for one in parts[1:]:
        forward = forward | one
    for one in parts[-2::-1]:
        backward = one | backward
    assert len(forward.numbers) == MOST
    assert (forward.numbers == backward.numbers).all()
    assert torch.equal(forward.values["a"], values[forward.numbers])
    assert torch.equal(backward.values["a"], values[forward.numbers])
    assert (forward.names == forward.numbers.astype(str)).all()
    assert (backward.names == forward.names).all()
    assert 0.45 < forward.numbers.mean() / (3 * MOST) < 0.55


def test_positions_are_drawn_evenly():
    drawn = lots(0, range(64_000), "position") % np.uint64(64)
    counts = np.bincount(drawn.astype(int), minlength=64)
    assert ((counts - 1000) ** 2 / 1000).sum() < 110  # χ², 63 degrees of freedom: p = 2e-4
    assert (lots(1, range(100), "position") != lots(0, range(100), "position")).all()
    assert (lots(0, range(100), "sample") != lots(0, range(100), "position")).all()


def test_layers_without_positions_and_several_sizes(pictures):
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2)).double()
    network = Network(module, input_size=None)
    several = [pictures[0], pictures[1, :, :16], pictures[2, :, :, :20], pictures[3]]
    found = last(scan(network, several, ["0", "3"], 4), progress=False)
    for which in LISTS:
        expected = by_hand(network, several, "0", 1, which, 4)
        assert [(one.number, one.position) for one in found.examples("0", 1, which)] == [
            (number, place) for number, _, place in expected
        ]
    scores = [float(network.logits(one)[1]) for one in several]
    assert [one.value for one in found.examples("3", 1)] == pytest.approx(sorted(scores, reverse=True), rel=1e-12)
    assert all(one.position is None for one in found.examples("3", 1))


def test_a_network_that_takes_one_picture_at_a_time(network, pictures):
    class One(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = network.module

        def forward(self, x):
            return self.inner(x.view(1, 3, 20, 28))

    found = last(scan(Network(One(), input_size=(20, 28)), pictures, "inner.2"), progress=False)
    whole = last(scan(network, pictures, "2"), progress=False)
    assert found.examples("inner.2", 1) == whole.examples("2", 1)


def test_where_memory_runs_out_pictures_are_halved_and_none_is_counted_twice(network, pictures):
    def written_to(module, inputs, output):
        inputs[0].zero_()

    def too_many(module, inputs):
        if len(inputs[0]) > 3:
            raise torch.OutOfMemoryError("out of memory")

    whole = last(scan(network, pictures, ["0", "2"]), progress=False)
    handles = [
        network.module[0].register_forward_hook(written_to),
        network.module[2].register_forward_pre_hook(too_many),  # the first layer has been looked at by then
    ]
    try:
        found = last(scan(network, pictures, ["0", "2"], at_once=35), progress=False)
    finally:
        for handle in handles:
            handle.remove()
    alike(found, whole)


def test_what_cannot_be_read_is_left_out(network, tmp_path):
    generator = np.random.default_rng(0)
    for number in range(6):
        Image.fromarray(generator.integers(0, 256, (20, 28, 3), dtype=np.uint8)).save(tmp_path / f"{number}.png")
    for name in ("0.png", "3.png"):
        (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:200])
    with pytest.warns(UserWarning, match=r"2 of 6 pictures could not be read: 0.png, 3.png\."):
        found = last(scan(network, tmp_path, "0"), progress=False)
    assert found.step == 6
    assert {one.number for one in found.examples("0", 0)} == {1, 2, 4, 5}
    assert found.statistics("0").count == 4


class Changing:
    """A data set of twelve pictures, and of another number once the first one has been read."""

    def __init__(self, then):
        self.then, self.now = then, 12

    def __len__(self):
        return self.now

    def __getitem__(self, number):
        self.now = self.then
        return torch.rand(3, 20, 28)


def test_a_data_set_that_changes_its_length_is_told_and_what_was_reached_is_kept(network, tmp_path):
    with pytest.raises(UserError, match="had 12 pictures at first, and has 8 now: picture 8 is not there any more"):
        list(scan(network, Changing(8), "0", at_once=2, resume=tmp_path / "a.scan"))
    assert load_scan(tmp_path / "a.scan", network).done == ((0, 8),)
    with pytest.warns(UserWarning, match="had 12 pictures at first, and has 20 now: the others were not looked at"):
        assert last(scan(network, Changing(20), "0"), progress=False).done == ((0, 12),)


def test_nothing_is_asked_of_pictures_that_nobody_looks_at(network):
    class Endless:
        def __len__(self):
            return 10**12

        def __getitem__(self, number):
            assert number < 10_000
            return torch.rand(3, 20, 28)

    states = scan(network, Endless(), "0", at_once=2)
    assert [next(states).step for _ in range(3)] == [2, 4, 6]
    states.close()


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"layers": "9"}, "9"),
        ({"layers": []}, "layers must be one or several"),
        ({"k": 0}, "k must be a whole number at least 1, not 0"),
        ({"pictures": []}, "dataset must hold at least one picture"),
        ({"part": (3, 3)}, r"part must be \(first, beyond the last\) of the 70 pictures, not \(3, 3\)"),
        ({"part": (0, 71)}, r"part must be \(first"),
        ({"resume": ""}, "resume: path must be that of a file"),
    ],
)
def test_what_does_not_fit_is_told_before_any_work(network, pictures, wrong, says):
    with pytest.raises(UserError, match=says):
        scan(network, **{"pictures": pictures, "layers": "0"} | wrong)


def test_what_is_not_in_a_scan_is_told(network, pictures):
    found = last(scan(network, pictures[:3], "0"), progress=False)
    with pytest.raises(UserError, match="layer '2' is not in the scan, which has '0'"):
        found.examples("2", 0)
    with pytest.raises(UserError, match="channel must be a whole number from 0 to 5 in layer '0', not 6"):
        found.examples("0", 6)


@pytest.mark.parametrize(
    ("other", "says"),
    [
        ({"k": 3}, "scan has k 9, not 3"),
        ({"seed": 1}, "scan has seed 0, not 1"),
        ({"layers": "2"}, "scan has layers '0', not '2'"),
        ({"pictures": torch.rand(5, 3, 20, 28)}, "scan is one of other pictures: 70 of a data set, not 5"),
        ({"network": "small"}, "another network"),
    ],
)
def test_scans_of_something_else_are_refused(network, pictures, tmp_path, other, says):
    path, given = tmp_path / "a.scan", {"network": network, "pictures": pictures, "layers": "0"}
    found = last(scan(**given, part=(0, 8)), progress=False)
    found.save(path)
    changed = given | other
    if "network" in other:
        torch.manual_seed(9)
        module = nn.Sequential(nn.Conv2d(3, 6, 5), nn.AdaptiveAvgPool2d(1), nn.Flatten()).double()
        changed["network"] = Network(module, input_size=(20, 28), name="small")
        with pytest.raises(UserError, match="is a scan of another network, called tiny, than this small: weights or"):
            load_scan(path, changed["network"])
    with pytest.raises(UserError, match=says):
        found | last(scan(**changed, part=(0, 5)), progress=False)
    with pytest.raises(UserError, match=says if "pictures" not in other else "pictures must be the 70 of the scan"):
        scan(**changed, resume=path)
    assert load_scan(path, network).done == ((0, 8),)


def test_what_is_no_file_of_a_scan_is_told(network, tmp_path):
    (tmp_path / "a.scan").write_bytes(b"something else, and long enough for a header")
    for path, says in (
        (tmp_path / "a.scan", "is not the file of a scan"),
        (tmp_path / "none", "is not a file"),
    ):
        with pytest.raises(UserError, match=says):
            load_scan(path, network)


def test_values_that_are_not_finite_are_told_and_what_was_reached_is_kept(tmp_path):
    network = Network(nn.Sequential(nn.Conv2d(1, 2, 1), nn.Flatten(), nn.Linear(8, 2)), input_size=2, mean=0, std=1e-3)
    nn.init.constant_(network.module[0].weight, 3e38)  # times 1000 × 0.5 it is infinity
    gray, path = torch.zeros(60, 1, 2, 2), tmp_path / "a.scan"
    gray[40] = 0.5
    with pytest.raises(UserError, match=r"0 gives values that are not finite for picture 40 of the dataset"):
        list(scan(network, gray, "0", at_once=16, resume=path))
    assert load_scan(path, network).done == ((0, 32),)


def test_portions_do_not_matter_where_one_picture_alone_is_rounded_in_another_way():
    mini = cnnviz.load_network("mini")
    scenes = cnnviz.scenes(11)
    whole = last(scan(mini, scenes, ["conv4", "relu6"], k=4, at_once=11), progress=False)
    for at_once in (1, 5, None):
        alike(last(scan(mini, scenes, ["conv4", "relu6"], k=4, at_once=at_once), progress=False), whole)
    same = last(scan(mini, [scenes[0]] * 5, "conv4", k=3), progress=False)
    assert [one.number for one in same.examples("conv4", 0)] == [0, 1, 2]


def test_mini_by_name():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = last(scan("mini", cnnviz.samples(), k=2), progress=False)
    assert found.layers == tuple(f"conv{number}" for number in range(1, 7))
    assert repr(found).startswith("Scan(mini: conv1, conv2")

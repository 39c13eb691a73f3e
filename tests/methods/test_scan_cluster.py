"""A scan by the workers of a cluster is the scan of one process, also when a worker is killed."""

import os
import pickle
import signal
import warnings

import pytest
import torch
from torch import nn

from cnnviz_widgets import last, load_scan, scan
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.methods.scan.scan import _nothing, _whole
from cnnviz_widgets.networks import Network
from cnnviz_widgets.pictures import load_dataset

distributed = pytest.importorskip("distributed", reason="the extra cluster is not installed")


@pytest.fixture
def client():
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@pytest.fixture
def network() -> Network:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(3, 6, 5, 2, 2), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 4))
    return Network(module.double(), input_size=(20, 28), name="tiny")


def found_in(one) -> list:
    lists = ("top", "bottom", "positive", "negative")
    every = (found for layer in one.layers for c in range(6) for w in lists for found in one.examples(layer, c, w))
    return [(found.number, found.position, pytest.approx(found.value, rel=1e-12, abs=1e-15)) for found in every]


@pytest.mark.timeout(240)
def test_also_when_a_worker_is_killed(client, network, tmp_path):
    pictures = torch.rand(90, 3, 20, 28, generator=torch.Generator().manual_seed(1))
    local = last(scan(network, pictures, ["0", "1"]), progress=False)
    states = scan(network, pictures, ["0", "1"], cluster=client, resume=tmp_path / "a.scan")
    first = next(states)
    assert 0 < first.step < 90
    os.kill(next(iter(client.run(os.getpid).values())), signal.SIGKILL)  # a process that this test has started
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        *_, final = states
    assert final.done == ((0, 90),)
    assert found_in(final) == found_in(local)
    assert torch.equal(final.statistics("0").quantiles, local.statistics("0").quantiles)
    assert final.pictures is first.pictures
    assert load_scan(tmp_path / "a.scan", network).done == ((0, 90),)

    def own(x):
        return x

    with pytest.raises(UserError, match="cluster: network or pictures cannot be sent to workers"):
        next(scan(Network(network.module, input_size=(20, 28), output=own), pictures, "0", cluster=client))


@pytest.mark.timeout(240)
def test_a_scheduler_that_goes_is_told_and_what_was_reached_is_kept(client, network, tmp_path):
    pictures = torch.rand(90, 3, 20, 28, generator=torch.Generator().manual_seed(1))
    states = scan(network, pictures, ["0", "1"], at_once=1, cluster=client, resume=tmp_path / "a.scan")
    seen = [next(states)]
    client.cluster.close()
    with pytest.raises(UserError, match=r"cluster: its workers or its scheduler failed .*; what was found is kept\."):
        seen.extend(states)
    kept = load_scan(tmp_path / "a.scan", network, pictures)
    assert kept.done == seen[-1].done
    whole = last(scan(network, pictures, ["0", "1"], resume=kept), progress=False)
    assert found_in(whole) == found_in(last(scan(network, pictures, ["0", "1"]), progress=False))


def test_what_is_no_client_is_told(network):
    with pytest.raises(UserError, match=r"cluster must be a dask.distributed.Client .*, not 'tcp://…'"):
        scan(network, torch.rand(2, 3, 20, 28), cluster="tcp://…")


def test_a_worker_sends_lists_and_sample_as_float32_and_int32():
    """A value, a number and two coordinates for each place of a list; neither the network nor a picture."""
    torch.manual_seed(0)
    ends = nn.AdaptiveAvgPool2d(1), nn.Flatten()
    network = Network(nn.Sequential(nn.Conv2d(3, 200, 5, 2), nn.ReLU(), nn.Conv2d(200, 100, 3), *ends), input_size=28)
    channels, k, part = 200 + 100, 9, range(32, 64)
    nothing = _nothing(network, load_dataset(torch.rand(96, 3, 28, 28)), [network.layer("0"), network.layer("2")], k, 0)
    sent = len(pickle.dumps(_whole(nothing, part, None)))
    values = 4 * channels * (4 * k * 4 + len(part))
    assert values < sent < values + 6_000

"""Networks by name; and what happens when their weights cannot be had."""

import hashlib
import http.server
import pickle
import socket
import tarfile
import threading
import time
import warnings
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from jupyterlab_harness import ROOT, missing
from torchvision import models

from cnnviz_widgets.cli.train_mini import predictions, read_folder
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.networks import load_network, mini_history, zoo
from cnnviz_widgets.pictures import load_image

TINY_IMAGENET = ROOT.parent / "shared" / "data" / "tiny-imagenet-50.tar.gz"


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty TORCH_HOME; its checkpoints folder."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    return tmp_path / "hub" / "checkpoints"


@pytest.fixture
def serve():
    """serve(answer) → the address of a server that answers so."""
    servers = []

    def start(answer):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                answer(self)

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def send(body: bytes, length: int | None = None, then=lambda: None):
    def answer(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", str(length or len(body)))
        handler.end_headers()
        handler.wfile.write(body)
        handler.wfile.flush()
        then()

    return answer


def test_names():
    assert {"mini", "alexnet", "vgg16", "resnet18", "densenet121", "googlenet", "squeezenet1_1"} <= set(zoo.names())
    assert {"vit_b_16", "swin_t", "swin_v2_t", "maxvit_t", "convnext_tiny"} <= set(zoo.names())
    for name in zoo.names()[len(zoo.BUNDLED) :]:
        assert hasattr(models, name)
        assert zoo._default(name).transforms().crop_size[0] >= 200


@pytest.mark.parametrize(
    "name", ["squeezenet1_1", "googlenet", "inception_v3", "mobilenet_v3_small", "shufflenet_v2_x0_5"]
)
def test_untrained(name):
    network = load_network(name, weights=None)
    weights = models.get_model_weights(name).DEFAULT
    assert network.name == f"{name} (untrained)"
    assert not network.trained
    assert network.source == f'cnnviz.load_network("{name}", weights=None)'
    assert network.input_size == (weights.transforms().crop_size[0],) * 2
    assert network.mean == tuple(weights.transforms().mean)
    assert list(network.classes) == weights.meta["categories"]
    assert not any(part.training for part in network.module.modules())
    assert not any(parameter.requires_grad for parameter in network.module.parameters())
    assert network.logits(torch.rand(3, 100, 120)).shape == (1000,)


def test_options():
    network = load_network("squeezenet1_1", weights=None, input_size=(96, 80), device="cpu")
    assert network.input_size == (96, 80)
    assert network.source == "cnnviz.load_network(\"squeezenet1_1\", weights=None, input_size=(96, 80), device='cpu')"
    assert network.prepare(torch.rand(3, 200, 200)).shape == (1, 3, 96, 80)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("resnet81",), "'resnet18'"),
        (("vit_b_17",), "no network 'vit_b_17'"),
        ((None,), "name must be a string, not None"),
        (("resnet18", "IMAGENET"), "IMAGENET1K_V1, DEFAULT or None"),
        (("mini", "V2"), '"DEFAULT" or None'),
    ],
)
def test_what_does_not_exist(arguments, complaint):
    with pytest.raises(UserError, match=complaint):
        load_network(*arguments)


def test_mini():
    network = load_network("mini")
    assert len(network.classes) == 50
    assert network.input_size == (128, 128)
    assert network.dtype == torch.float32
    assert "mini" in zoo.available()
    assert load_network("mini", weights=None).name == "mini (untrained)"
    assert zoo.MINI_WEIGHTS.stat().st_size <= 6e6
    assert network.predict(load_image("chelsea"))[0].name == "tabby"
    assert network.predict(load_image("coffee"))[0].name == "espresso"
    assert list(mini_history()) == [1, 2, 5, 10, 20, 30]
    assert all(weights.shape == (64, 3, 9, 9) for weights in mini_history().values())


@pytest.mark.parametrize("name", ["small_plain", "small_residual", "small_wide", "small_robust", "small_early"])
def test_small_networks(name):
    network = load_network(name)
    assert network.input_size == (64, 64)
    assert list(network.classes) == list(load_network("mini").classes)
    assert name in zoo.available()
    assert zoo.MINI_WEIGHTS.with_stem(name).stat().st_size <= 5.1e5
    assert network.predict(load_image("goldfish"))[0].name == "goldfish"


def test_minis_accuracy(tmp_path):
    """On every fourth of the 2,500 validation pictures, which training has not seen."""
    if not TINY_IMAGENET.exists():
        missing("tiny-imagenet-50.tar.gz")
    with tarfile.open(TINY_IMAGENET) as archive:
        archive.extraction_filter = getattr(tarfile, "data_filter", None)  # not in Python 3.11.3 and before
        archive.extractall(tmp_path, [m for m in archive if m.name.startswith("val/")])
    pictures, truth = read_folder(tmp_path / "val", sorted(path.name for path in (tmp_path / "val").iterdir()))
    right = predictions(load_network("mini").module, pictures[::4]).argmax(1) == truth[::4]
    assert len(truth) == 2500
    assert right.float().mean() > 0.745


def test_from_the_cache(home):
    """A file that is there is used; parameters are the file's, though they are not initialized first."""
    assert "squeezenet1_1" not in zoo.available()
    module = models.squeezenet1_1()
    home.mkdir(parents=True)
    torch.save(module.state_dict(), home / zoo._file_name(zoo._default("squeezenet1_1")))
    assert "squeezenet1_1" in zoo.available()
    network = load_network("squeezenet1_1")
    for name, parameter in network.module.state_dict().items():
        assert torch.equal(parameter, module.state_dict()[name])
    assert network.module.features[0].weight.is_contiguous(memory_format=torch.channels_last)


def test_nothing_is_loaded_over_unset_memory(home):
    """In every architecture family, loading replaces all parameters that were left blank."""
    home.mkdir(parents=True)
    for name in ("densenet121", "googlenet", "mnasnet0_5", "mobilenet_v3_small", "regnet_y_400mf", "resnet18"):
        state = models.get_model(
            name, weights=None, **({"init_weights": False} if name == "googlenet" else {})
        ).state_dict()
        torch.save(state, home / zoo._file_name(zoo._default(name)))
        loaded = load_network(name).module.state_dict()
        assert all(torch.equal(value, state[key]) for key, value in loaded.items())


def test_damaged_file_in_the_cache(home):
    home.mkdir(parents=True)
    path = home / zoo._file_name(zoo._default("squeezenet1_1"))
    path.write_bytes(b"half of it")
    with pytest.raises(UserError, match=f"{path.name}.*delete"):
        load_network("squeezenet1_1")


class Program:
    """Pickled, it touches a file when it is loaded."""

    def __init__(self, trace):
        self.trace = trace

    def __reduce__(self):
        return Path.touch, (self.trace,)


@pytest.mark.parametrize("kind", ["program", "program in a checkpoint", "truncated", "another network's", "a list"])
def test_a_file_in_the_cache_that_is_not_torchvisions(home, tmp_path, kind):
    """It is told in one sentence, and no code in it runs."""
    home.mkdir(parents=True)
    path, trace = home / zoo._file_name(zoo._default("squeezenet1_1")), tmp_path / "ran"
    if kind == "program":
        path.write_bytes(pickle.dumps(Program(trace)))
    elif kind == "program in a checkpoint":
        torch.save(models.squeezenet1_1().state_dict() | {"version": Program(trace)}, path)
    elif kind == "truncated":
        torch.save(models.squeezenet1_1().state_dict(), path)
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    elif kind == "another network's":
        torch.save(models.mobilenet_v3_small().state_dict(), path)
    else:
        torch.save([1, 2, 3], path)
    with pytest.raises(UserError, match=rf"{path} does not hold the weights of squeezenet1_1.*; delete it") as raised:
        load_network("squeezenet1_1")
    assert "\n" not in str(raised.value)
    assert not trace.exists()


def test_weights_that_were_written_again_are_remarked_on_once(home, monkeypatch):
    """They fit, but have not the hash in the name of the file."""
    home.mkdir(parents=True)
    path = home / zoo._file_name(zoo._default("squeezenet1_1"))
    torch.save(models.squeezenet1_1().state_dict(), path)
    with pytest.warns(UserWarning, match="not the file that torchvision publishes"):
        load_network("squeezenet1_1")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_network("squeezenet1_1")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    true = path.rename(path.with_name(f"squeezenet1_1-{digest[:8]}.pth"))
    monkeypatch.setattr(zoo, "_file_name", lambda weights: true.name)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_network("squeezenet1_1")


@pytest.mark.parametrize(
    ("name", "size"), [("swin_t", 64), ("swin_v2_t", 64), ("convnext_tiny", 64), ("vit_b_32", 224)]
)
def test_transformers(name, size):
    network = load_network(name, weights=None, input_size=size)
    layer = network.default_layer
    assert layer.channels == 768
    assert layer.spatial
    assert network.activations(torch.rand(3, size, size), layer)[layer.name].shape == layer.shape


def test_no_network(home, monkeypatch):
    """Not even the look-up of the address ends."""
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: time.sleep(20))
    began = time.monotonic()
    with pytest.raises(UserError) as raised:
        load_network("resnet18")
    assert time.monotonic() - began < 5
    assert zoo._file_name(zoo._default("resnet18")) in str(raised.value)
    assert str(home) in str(raised.value)
    assert '"mini"' in str(raised.value)
    assert "\n" not in str(raised.value)
    assert not home.exists()


def test_download(home, serve):
    body = bytes(range(256)) * 4096
    name = f"net-{hashlib.sha256(body).hexdigest()[:8]}.pth"
    path = zoo._fetched("net", SimpleNamespace(url=f"{serve(send(body))}/{name}"))
    assert path == home / name
    assert path.read_bytes() == body
    assert list(home.iterdir()) == [path]


@pytest.mark.parametrize("answer", ["damaged", "cut off", "stalled", "missing"])
def test_downloads_that_fail_leave_nothing(home, serve, monkeypatch, answer):
    monkeypatch.setattr(zoo, "PATIENCE", 0.3)
    over = threading.Event()
    answers = {
        "damaged": send(b"x" * 1000),
        "cut off": send(b"x" * 1000, length=10**6),
        "stalled": send(b"x" * 1000, length=10**6, then=over.wait),
        "missing": lambda handler: handler.send_error(404),
    }
    url = f"{serve(answers[answer])}/net-0123abcd.pth"
    with pytest.raises(UserError, match=r"net-0123abcd\.pth"):
        zoo._fetched("net", SimpleNamespace(url=url))
    over.set()
    assert not home.exists() or not list(home.iterdir())


def test_a_folder_that_cannot_be_written(serve, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "file"))
    with pytest.raises(UserError, match="could not be downloaded"):
        zoo._fetched("net", SimpleNamespace(url=f"{serve(send(b'x'))}/net.pth"))

"""What ``binder/`` asks of mybinder.org, as far as it can be tried without an image: what is installed and opened."""

import http.client
import json
import os
import re
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from jupyter_server.services.kernels.kernelmanager import MappingKernelManager
from packaging.requirements import Requirement
from servers import end

ROOT = Path(__file__).resolve().parents[1]
BINDER = ROOT / "binder"
START = "/lab/tree/notebooks/00-start.ipynb"
BASE = "/user/a-visitor/"
STUB = '#!/bin/bash\n[[ "$*" =~ $FAILING ]] && exit 1 || exit 0\n'


def post_build(home: Path, failing: str = "nothing") -> subprocess.CompletedProcess:
    """Run binder/postBuild as the builder of the image does; commands that match ``failing`` fail."""
    commands = home / "bin"
    commands.mkdir()
    for name in ("python", "jupyter"):
        (commands / name).write_text(STUB)
        (commands / name).chmod(0o755)
    environment = os.environ | {"HOME": str(home), "PATH": f"{commands}:{os.environ['PATH']}", "FAILING": failing}
    return subprocess.run(
        ["bash", "binder/postBuild"], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60
    )


def test_wheels_of_torch_are_those_without_cuda():
    lines = (BINDER / "requirements.txt").read_text().splitlines()
    assert "--extra-index-url https://download.pytorch.org/whl/cpu" in lines
    pinned = {one.name: str(one.specifier) for one in (Requirement(line) for line in lines if line.startswith("torch"))}
    assert pinned.keys() == {"torch", "torchvision"}
    torch, vision = (re.fullmatch(r"==\d+\.(\d+)\.(\d+)\+cpu", pinned[name]) for name in ("torch", "torchvision"))
    assert int(vision[1]) == int(torch[1]) + 15  # torchvision 0.24 is of torch 2.9, and so on
    assert vision[2] == torch[2]
    assert "torch.version.cuda is None" in (BINDER / "postBuild").read_text()


@pytest.mark.parametrize(
    ("failing", "status"), [("nothing", 0), ("load_network", 0), ("torch.version.cuda", 1), ("trust", 1)]
)
def test_image_is_built_without_the_weights_but_not_with_cuda(failing, status, tmp_path):
    build = post_build(tmp_path, failing)
    assert build.returncode == status, build.stderr
    assert (tmp_path / ".jupyter" / "jupyter_server_config.json").exists() is (status == 0)


def test_idle_kernels_are_culled():
    settings = json.loads((BINDER / "jupyter_server_config.json").read_text())["MappingKernelManager"]
    manager = MappingKernelManager(**settings)
    assert 600 <= manager.cull_idle_timeout <= 3600
    assert manager.cull_connected  # a notebook that is open keeps its kernel's connection
    assert not manager.cull_busy


def test_visitor_sees_the_first_notebook(tmp_path):
    """JupyterLab, started as BinderHub starts it."""
    assert post_build(tmp_path).returncode == 0
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    told = {"base_url": BASE, "token": "secret", "trust_xheaders": True, "allow_origin": "*"}
    arguments = [f"--{app}.{name}={value}" for app in ("NotebookApp", "ServerApp") for name, value in told.items()]
    root = ["--allow-root"] if os.geteuid() == 0 else []
    command = [sys.executable, "-m", "jupyterlab", "--ip=127.0.0.1", f"--port={port}", "--no-browser"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("JUPYTER")}
    with (
        (tmp_path / "log").open("w") as log,
        subprocess.Popen(
            [*command, *arguments, *root], cwd=ROOT, env=environment | {"HOME": str(tmp_path)}, stdout=log, stderr=log
        ) as server,
    ):
        try:
            answer = first_answer(server, port, 60)
        finally:
            end(server)
    assert answer is not None, (tmp_path / "log").read_text()
    status, where = answer
    assert status == 302
    assert where.partition("?")[0] == f"{BASE.rstrip('/')}{START}"
    assert (ROOT / START.removeprefix("/lab/tree/")).is_file()


def first_answer(server: subprocess.Popen, port: int, seconds: float) -> tuple[int, str] | None:
    """Status of the front door and where it leads, as soon as the server listens; None if it does not."""
    end = time.monotonic() + seconds
    while server.poll() is None and time.monotonic() < end:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        try:
            connection.request("GET", BASE, headers={"Authorization": "token secret"})
            answer = connection.getresponse()
            return answer.status, answer.getheader("Location", "")
        except OSError:
            time.sleep(0.2)
        finally:
            connection.close()
    return None

"""The two commands as a user meets them."""

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.error import URLError
from urllib.request import Request, urlopen

import pytest
from servers import end

from cnnviz_widgets.cli import main
from cnnviz_widgets.cli.doctor import CHECKS

WITHOUT = """
import sys
for name in {!r}:
    sys.modules[name] = None
from cnnviz_widgets.cli import main
sys.exit(main({!r}))
"""
CLONE = Path(__file__).resolve().parents[2]


def run_without(missing, *arguments):
    """``cnnviz`` in a new interpreter in which some packages cannot be imported."""
    return subprocess.run(
        [sys.executable, "-c", WITHOUT.format(missing, arguments)],
        cwd=CLONE,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_doctor_fits_one_screen(capsys):
    status = main(["doctor"])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) <= 40
    assert max(map(len, lines)) <= 100
    assert not any("Traceback" in line for line in lines)
    for title in CHECKS:
        assert any(line[2:].startswith(title) for line in lines)
    assert status == any(line.startswith("!") for line in lines)


def test_doctor_names_what_is_missing():
    run = run_without(["torch", "torchvision", "ipywidgets", "anywidget", "bqplot", "packaging"], "doctor")
    assert run.returncode == 1
    assert run.stderr == ""
    assert "import of torch halted" in run.stdout
    assert "course" in run.stdout.splitlines()[-2]  # it went on to the end
    assert run.stdout.splitlines()[-1].endswith("marked with !")


def test_doctor_survives_a_poor_encoding(tmp_path):
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "TORCH_HOME": str(tmp_path / "über")}
    command = [sys.executable, "-m", "cnnviz_widgets.cli", "doctor"]
    run = subprocess.run(command, cwd=CLONE, env=environment, capture_output=True, text=True, timeout=120)
    assert "Traceback" not in run.stderr
    assert "?ber" in run.stdout


def test_lab_without_jupyterlab_names_the_extra():
    run = run_without(["jupyterlab"], "lab", "--no-browser")
    assert run.returncode == 1
    assert run.stdout == ""
    assert run.stderr.count("\n") == 1
    assert "JupyterLab is not installed" in run.stderr
    assert "cnnviz-widgets[lab]" in run.stderr


@pytest.mark.parametrize("port", ["0", "65536", "http", "-1", "²"])
def test_port_must_be_a_port(port, capsys):
    with pytest.raises(SystemExit):
        main(["lab", f"--port={port}"])
    assert "is not a port, a number from 1 to 65535" in capsys.readouterr().err


def test_commands_are_light():
    """``cnnviz lab`` must not wait for torch."""
    check = "import sys, cnnviz_widgets.cli, cnnviz_widgets.cli.lab; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], cwd=CLONE, timeout=60).returncode == 0


def test_lab_from_a_wheel_on_a_busy_port(unpacked_wheel, tmp_path):
    """A real server: it passes over the busy port, serves the copied course and opens its first notebook."""
    environment = {**os.environ, "PYTHONPATH": str(unpacked_wheel), "HOME": str(tmp_path)}
    for name in ("CONFIG", "DATA", "RUNTIME"):
        environment[f"JUPYTER_{name}_DIR"] = str(tmp_path / name.lower())
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        command = [sys.executable, "-m", "cnnviz_widgets.cli", "lab", "--no-browser", "--port", str(port)]
        with (tmp_path / "log").open("w") as log:
            server = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=log, stderr=log)
        try:
            address = wait_for_server(server, tmp_path)
            assert address["port"] != port
            assert Path(address["root_dir"]) == tmp_path / "cnnviz-course"
            assert "kernels" in get(address, "api/status")
            assert get(address, "api/contents/00-start.ipynb?content=0")["type"] == "notebook"
            assert "/lab/tree/00-start.ipynb" in (tmp_path / "log").read_text()
        finally:
            end(server)


def wait_for_server(server, folder, seconds=60):
    """The address that a starting server writes down."""
    end = time.monotonic() + seconds
    while server.poll() is None and time.monotonic() < end:
        for path in folder.glob("runtime/jpserver-*.json"):
            try:
                return json.loads(path.read_text())
            except ValueError:  # it is being written
                pass
        time.sleep(0.1)
    pytest.fail(f"no server within {seconds} s:\n{(folder / 'log').read_text()}")


def get(address, path, seconds=30):
    """The answer; a server writes its address down a little before it listens."""
    request = Request(address["url"] + path, headers={"Authorization": f"token {address['token']}"})
    end = time.monotonic() + seconds
    while True:
        try:
            with urlopen(request, timeout=20) as answer:
                return json.load(answer)
        except URLError:
            if time.monotonic() > end:
                raise
            time.sleep(0.2)

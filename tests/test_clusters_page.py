"""The programs of the page about clusters, as they stand there."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torchvision.utils import save_image

import cnnviz_widgets as cnnviz

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "clusters.md").read_text(encoding="utf-8")
PROGRAMS = {name: text for text in re.findall(r"```python\n(.*?)```", PAGE, re.S) for name in ("scan", "train")
            if f"cnnviz.{name}" in text and "sys.argv" in text}  # fmt: skip
COMMANDS = re.findall(r"```bash\n(.*?)\n```", PAGE, re.S)
KILLED = 'if os.environ["TORCHELASTIC_RESTART_COUNT"] == "0" and dist.get_rank() == 1 and state.step == 3:\n'
KILLED += "        os.kill(os.getpid(), signal.SIGKILL)\n    "


def run(commands: str, folder: Path) -> subprocess.CompletedProcess:
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    commands = commands.replace("torchrun", "python -m torch.distributed.run")
    environment |= dict(re.findall(r"^export (\w+)=(\w+)$", commands, re.M))
    words = [sys.executable if word == "python" else word for word in commands.splitlines()[-1].split()]
    return subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, timeout=400)


@pytest.mark.timeout(480)
def test_a_scan_by_two_workers(tmp_path):
    pytest.importorskip("distributed", reason="the extra cluster is not installed")
    (tmp_path / "scan.py").write_text(PROGRAMS["scan"])
    (command,) = [one for one in COMMANDS if "scan.py" in one]
    done = run(command.replace("2000", "40"), tmp_path)
    assert done.returncode == 0, done.stderr
    assert "40 of 40 pictures" in done.stdout
    net = cnnviz.load_network("mini")
    by_workers, alone = cnnviz.load_scan(tmp_path / "mini.scan", net), cnnviz.last(cnnviz.scan(net, cnnviz.scenes(40)))
    for channel in range(8):
        ours, theirs = (one.examples("conv4", channel) for one in (by_workers, alone))
        assert [one.number for one in ours] == [one.number for one in theirs]


@pytest.mark.timeout(480)
def test_a_training_goes_on_when_a_process_is_killed(tmp_path):
    """With a state saved at every second step: the weights are those of a training that nothing has interrupted."""
    (command,) = [one for one in COMMANDS if "train.py" in one]
    every_second = PROGRAMS["train"].replace("% 100", "% 2").replace("batch=4", "batch=2, size=32, style_size=64")
    killed = every_second.replace("if dist.get_rank() == 0 and", f"{KILLED}if dist.get_rank() == 0 and")
    assert killed.count("SIGKILL") == 1
    weights = {}
    for name, program in {"whole": every_second, "killed": f"import os, signal\n{killed}"}.items():
        folder = tmp_path / name
        (folder / "photographs").mkdir(parents=True)
        for number in range(3):
            save_image(cnnviz.scenes(3)[number].image, folder / "photographs" / f"{number}.png")
        (folder / "train.py").write_text(program)
        done = run(command.replace("4000", "4"), folder)
        assert done.returncode == 0, done.stderr
        assert ("exitcode: -9" in done.stderr) is (name == "killed")
        weights[name] = list(cnnviz.load_style(folder / "stained_glass.safetensors").module.state_dict().values())
    for ours, theirs in zip(*weights.values(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=2e-3)  # the file is in float16

"""The scripts that trained the bundled networks: their schedule and optimizer against torch's, and small runs."""

import sys

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from torch import nn

import cnnviz_widgets as cnnviz
from cnnviz_widgets.cli import train, train_mini
from cnnviz_widgets.cli.train_mini import Nesterov, OneCycle


def test_schedule_and_optimizer_are_torchs():
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(144, 2)).double()
    inputs = torch.rand(8, 3, 8, 8, dtype=torch.float64)
    cycle = OneCycle(40, 0.1)
    ours, memory = [one.detach().clone() for one in module.parameters()], None
    decayed, others = ([p for p in module.parameters() if (p.ndim > 1) is kind] for kind in (True, False))
    groups = [{"params": decayed, "weight_decay": 1e-2}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.SGD(groups, lr=0.1, momentum=0.9, nesterov=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, 0.1, total_steps=40, pct_start=0.15, div_factor=10, final_div_factor=1000
    )
    for step in range(1, 41):
        assert cycle.rate(step) == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-12)
        assert cycle.momentum(step) == pytest.approx(optimizer.param_groups[0]["momentum"], rel=1e-12)
        optimizer.zero_grad()
        module(inputs).square().mean().backward()
        climb = tuple(-one.grad.clone() for one in module.parameters())
        ours, memory = Nesterov(cycle.momentum, 1e-2)(tuple(ours), climb, memory, cycle.rate(step))
        optimizer.step()
        schedule.step()
        for one, other in zip(ours, module.parameters(), strict=True):
            torch.testing.assert_close(one, other.detach(), rtol=1e-9, atol=1e-12)


@pytest.fixture
def data(tmp_path):
    random = torch.Generator().manual_seed(0)
    for part, count in (("train", 6), ("val", 2)):
        for name in ("n1", "n2"):
            folder = tmp_path / "data" / part / name
            folder.mkdir(parents=True)
            for number in range(count):
                pixels = torch.randint(256, (64, 64, 3), generator=random, dtype=torch.uint8).numpy()
                Image.fromarray(pixels).save(folder / f"{number}.png")
    (tmp_path / "data" / "classes.tsv").write_text("n1\tcat, feline\nn2\tdog\n")
    return tmp_path / "data"


def test_mini_resumed_is_uninterrupted(data, tmp_path, monkeypatch):
    options = {"epochs": 2, "batch": 4, "rate": 0.01, "decay": 1e-3, "seed": 0, "device": "cpu"}
    train_mini.train_mini(data, tmp_path / "whole", **options)

    augment, last_size = train_mini.augment, [*train_mini.crop_sizes(2)][-1]

    def interrupted(pictures, size, generator):
        if size == last_size:
            raise KeyboardInterrupt
        return augment(pictures, size, generator)

    monkeypatch.setattr(train_mini, "augment", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train_mini.train_mini(data, tmp_path / "part", **options)
    monkeypatch.undo()
    assert len((tmp_path / "part" / "log.tsv").read_text().splitlines()) == 1
    train_mini.train_mini(data, tmp_path / "part", **options)

    whole, part = (load_file(tmp_path / name / "mini.safetensors") for name in ("whole", "part"))
    assert all(torch.equal(one, part[name]) for name, one in whole.items())
    assert set(load_file(tmp_path / "part" / "history.safetensors")) == {"epoch01", "epoch02"}


def test_what_is_trained_from_the_command_line(data, tmp_path, monkeypatch):
    photos, style, upscaler = data / "train" / "n1", tmp_path / "style.safetensors", tmp_path / "upscaler.safetensors"
    run = ["--steps", "2", "--threads", "1"]
    for arguments in (
        ["style", "coffee", str(photos), "--network", "mini", "--out", str(style)],
        ["upscaler", str(photos), "--out", str(upscaler)],
    ):
        monkeypatch.setattr(sys, "argv", ["train", *arguments, *run])
        train.main()
    made = {name: tmp_path / f"{name}.safetensors" for name in ("generator", "decoder")}
    for arguments in (
        ["generator", "--pictures", "16", "--up", "rays", "--out", str(made["generator"])],
        ["decoder", "relu3", str(photos), "--out", str(made["decoder"])],
    ):
        monkeypatch.setattr(sys, "argv", ["train", *arguments, *run])
        train.main()
    assert cnnviz.load_generator(made["generator"])("sofa").values.shape == (3, 64, 64)
    assert cnnviz.load_decoder(made["decoder"]).layer == "relu3"
    photo = cnnviz.load_image("chelsea", size=32)
    assert cnnviz.load_style(style)(photo).values.shape == photo.shape
    assert cnnviz.upscale(photo, upscaler).values.shape[-1] == 4 * photo.shape[-1]
    assert style.with_suffix(".training").exists()

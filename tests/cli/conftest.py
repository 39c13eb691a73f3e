"""The wheel, built once, for the tests of packaging and of the installed command."""

import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

CLONE = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder], cwd=CLONE, check=True)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="session")
def unpacked_wheel(wheel, tmp_path_factory):
    folder = tmp_path_factory.mktemp("site-packages")
    with ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder

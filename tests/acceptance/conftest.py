"""A small demonstration, made once and copied for each test that changes it."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.acceptance.crash import ROOT, WANGGE


@pytest.fixture(scope="session")
def _founded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demonstration")
    database = folder / "demo.sqlite"
    command = [WANGGE, "demo", "--matters", "6", "--ending-now", "--log-ins", "--database", f"sqlite:///{database}"]
    subprocess.run([*command, "--json"], check=True, stdout=subprocess.DEVNULL, cwd=ROOT)
    return database


@pytest.fixture
def demonstration(_founded: Path, tmp_path: Path) -> str:
    """The address of a database with a city, a few matters and log-ins, for one test alone."""
    copy = tmp_path / "demo.sqlite"
    shutil.copyfile(_founded, copy)
    return f"sqlite:///{copy}"

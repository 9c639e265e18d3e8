"""The commands of the documents, run as they stand."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.acceptance.crash import ROOT, Server


def commands(document: str) -> str:
    """The `sh` blocks of a document, in order."""
    return "\n".join(re.findall(r"^```sh\n(.*?)^```", (ROOT / document).read_text(encoding="utf-8"), re.M | re.S))


def shell(script: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, **environment},
        timeout=300,
        check=False,
    )


def test_a_matter_can_be_followed_with_curl(demonstration: str, tmp_path: Path) -> None:
    server = Server(demonstration, tmp_path)
    server.start()
    try:
        told = shell(commands("docs/one-matter.md"), BASE=f"http://127.0.0.1:{server.port}")
    finally:
        server.kill()
    assert told.returncode == 0, told.stderr
    assert "'key': 'archived'" in told.stdout, told.stdout
    assert "归档" in told.stdout.splitlines()[-1]


def test_verify_is_content_and_then_finds_a_changed_byte(demonstration: str) -> None:
    told = shell(commands("docs/proof.md"), DATABASE=demonstration)
    assert told.returncode == 0, told.stderr
    assert "findings: 0" in told.stdout
    assert "exit status 1" in told.stdout
    assert "case/1" in told.stdout


def test_a_backup_is_taken_and_comes_back(demonstration: str, tmp_path: Path) -> None:
    told = shell(commands("docs/backup.md"), DATABASE=demonstration, BACKUPS=str(tmp_path / "backups"))
    assert told.returncode == 0, told.stderr
    assert "查验通过 / verified" in told.stdout
    assert "findings: 0" in told.stdout


def test_the_commands_of_the_readme_exist() -> None:
    named = set(re.findall(r"script/(\w+)", (ROOT / "README.md").read_text(encoding="utf-8")))
    for name in named:
        assert os.access(ROOT / "script" / name, os.X_OK), name


@pytest.mark.parametrize("command", ["check", "play", "demo"])
def test_the_readme_shows_commands_that_run(command: str) -> None:
    lines = [
        line.split("#")[0].strip()
        for line in commands("README.md").splitlines()
        if line.startswith(f".venv/bin/wangge {command} ")
    ]
    assert lines
    for line in lines:
        told = shell(line)
        assert told.returncode == 0, (line, told.stdout, told.stderr)

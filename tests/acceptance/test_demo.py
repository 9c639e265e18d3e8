"""The demonstration as a command, and the archive it writes, checked with nothing but the standard library."""

import hashlib
import json
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.crash import ROOT, WANGGE

COUNTS = {
    "matters",
    "procedures",
    "by_procedure",
    "by_status",
    "by_way_in",
    "by_outcome",
    "steps",
    "timers_fired",
    "overdue",
    "disputes",
    "emergencies",
    "records",
    "verify",
}


def demo(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([WANGGE, "demo", *words], capture_output=True, text=True, cwd=ROOT, check=False)


def told(*words: str) -> dict[str, Any]:
    done = demo(*words, "--json")
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


@pytest.mark.parametrize("pack", ["zhenjiang", "zhenjiang/2026-01-01", "zhenjiang/2025-draft"])
def test_a_virtual_month_is_counted_and_verified(pack: str) -> None:
    month = told("--pack", pack, "--matters", "12", "--seed", "5")
    assert set(month) >= COUNTS
    assert month["matters"] == 12 == sum(month["by_way_in"].values()) == sum(month["by_status"].values())
    assert month["verify"] == {"good": True, "findings": []}
    assert month["steps"] > 12
    assert month["records"] > month["steps"]


BESIDE = {
    "list_admission",
    "list_exit",
    "grid_change_proposed",
    "worker_proposed",
    "exit_proposed",
    "complaint_received",
    "publication_due",
    "patrol_due",
}
"""What a city does beside matters, in every pack."""


@pytest.mark.parametrize("pack", ["zhenjiang", "zhenjiang/2025-draft", "jiangsu", "unnamed-2023", "luzhou"])
def test_the_city_changes_its_list_grids_and_workers_and_patrols_and_publishes(pack: str, tmp_path: Path) -> None:
    database = tmp_path / "city.sqlite"
    month = told("--pack", pack, "--matters", "2", "--seed", "2", "--database", f"sqlite:///{database}")
    assert month["matters"] == 2
    assert month["procedures"] == sum(month["by_procedure"].values())
    assert set(month["by_procedure"]) >= BESIDE
    assert month["acts"]["completed patrol_grid"] > 5
    assert month["verify"]["good"]
    with closing(sqlite3.connect(database)) as opened:
        beside = opened.execute(
            "SELECT DISTINCT way_in FROM \"case\" WHERE closed_at IS NOT NULL AND status = 'enacted'"
        )
        assert {way for (way,) in beside} & {"list_admission", "list_exit", "worker_proposed", "exit_proposed"}


def test_the_same_seed_gives_the_same_month_and_another_one_another() -> None:
    first, again, other = (told("--matters", "10", "--seed", seed) for seed in ("7", "7", "8"))
    assert first == again
    assert first != other


def test_what_is_archived_can_be_checked_by_a_stranger(tmp_path: Path) -> None:
    month = told("--matters", "15", "--seed", "3", "--archive", str(tmp_path / "archive"))
    folders = sorted((tmp_path / "archive").iterdir())
    assert len(folders) == month["archived"] == sum(month["by_outcome"].values()) > 0
    for folder in folders:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        assert set(manifest["files"]) == {path.name for path in folder.iterdir()} - {"manifest.json", "inspection.json"}
        for name, expected in manifest["files"].items():
            content = (folder / name).read_bytes()
            assert (len(content), hashlib.sha256(content).hexdigest()) == (expected["size"], expected["sha256"])
        check_chain(folder)
        assert json.loads((folder / "inspection.json").read_text(encoding="utf-8"))["good"] is True
    done = subprocess.run([WANGGE, "inspect", *folders[:3]], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.count("符合")) == (0, 12)


def check_chain(folder: Path) -> None:
    """Each record is hashed as it stands and names the one before; what people said fits its seal."""
    said = {
        (one["number"], one["field"]): one for one in json.loads((folder / "said.json").read_text(encoding="utf-8"))
    }
    before = ""
    for number, line in enumerate((folder / "records.jsonl").read_text(encoding="utf-8").splitlines(), 1):
        digest, body = line.split(" ", 1)
        record = json.loads(body)
        assert hashlib.sha256(body.encode()).hexdigest() == digest
        assert (record["number"], record["prev"]) == (number, before)
        for field, seal in record["sealed"].items():
            one = said[(number, field)]
            assert hashlib.sha256(bytes.fromhex(one["salt"]) + one["value"].encode()).hexdigest() == seal
        before = digest
    assert json.loads((folder / "case.json").read_text(encoding="utf-8"))["head"] == before


def test_a_demonstration_writes_only_into_an_empty_database(demonstration: str) -> None:
    done = demo("--matters", "1", "--database", demonstration)
    assert done.returncode == 2
    assert "空数据库" in done.stderr
    assert "empty" in done.stderr


def test_an_unknown_pack_is_said_with_those_there_are() -> None:
    done = demo("--pack", "atlantis")
    assert done.returncode == 2
    assert "zhenjiang/2026-01-01" in done.stderr

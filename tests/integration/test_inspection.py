"""The four properties of an archive package: each fault is found, and under the property it offends."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest

from engine import archive, attachments, inspection, records
from engine.model import encode_sorted
from engine.store import Store
from tests.towns import Town

WORDS = "居民反映楼道堆放杂物，已影响通行"


@pytest.fixture
def files(store: Store) -> dict[str, bytes]:
    return packed(store)


def packed(store: Store) -> dict[str, bytes]:
    """The package of a matter that has been closed, with an attachment."""
    town = Town(store)
    case = town.open("north")
    town.complete("wang", case, opinion=WORDS)
    town.complete("ou", case, department="water")
    with town.engine.work() as work:
        kept = attachments.Kept(hashlib.sha256(b"photo").hexdigest(), 5, "image/jpeg")
        attachments.attach(work, town.actor("han"), case, kept, "现场.jpg")
    town.complete("han", case, result="已清理")
    town.complete("ou", case)
    with town.engine.look() as work:
        return archive.package(work, case, lambda _: b"photo")


def test_a_package_as_it_is_made_holds_all_four(files: dict[str, bytes]) -> None:
    told = json.loads(files["inspection.json"])
    assert told == {"good": True, "properties": {key: [] for key in inspection.PROPERTIES}}


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_a_package_may_be_hashed_by_sm3_from_some_record_on(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    told = iter(["sha256", "sha256", "sha256", "sm3"])
    monkeypatch.setattr(records, "chosen", lambda _: next(told, "sm3"))
    files = packed(store)
    lines = files["records.jsonl"].decode().splitlines()
    named = {json.loads(line.partition(" ")[2])["algorithm"] for line in lines}
    assert named == {"sha256", "sm3"}
    assert inspection.inspect(files).good
    altered = files["records.jsonl"].replace(b'"actor":"ou"', b'"actor":"du"')
    assert set(offended(listed(files, "records.jsonl", altered))) == {"authenticity"}

    def without(name: str, data: bytes) -> None:
        raise ValueError(name)

    monkeypatch.setattr("hashlib.new", without)
    assert set(offended(files)["authenticity"]) == {"record.algorithm"}


def offended(files: dict[str, bytes]) -> dict[str, list[str]]:
    found = inspection.inspect(files)
    assert not found.good
    return {key: [one.rule for one in faults] for key, faults in found.properties.items() if faults}


def listed(files: dict[str, bytes], name: str, content: bytes) -> dict[str, bytes]:
    """The package with another content that its manifest knows: only what it says can still give it away."""
    manifest = json.loads(files["manifest.json"])
    manifest["files"][name] = {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    return {**files, name: content, "manifest.json": encode_sorted(manifest)}


def test_a_changed_record_is_not_authentic_even_with_a_new_manifest(files: dict[str, bytes]) -> None:
    changed = files["records.jsonl"].replace(b'"actor":"ou"', b'"actor":"du"', 1)
    assert changed != files["records.jsonl"]
    assert offended(listed(files, "records.jsonl", changed)) == {"authenticity": ["record.hash"]}


def test_changed_words_are_not_authentic(files: dict[str, bytes]) -> None:
    changed = files["said.json"].replace("已清理".encode(), "未清理".encode())
    assert offended(listed(files, "said.json", changed)) == {"authenticity": ["record.said"]}


def test_another_definition_is_not_authentic(files: dict[str, bytes]) -> None:
    assert (
        "archive.definition"
        in offended(listed(files, "definition.json", files["definition.json"] + b" "))["authenticity"]
    )


def test_a_record_cut_off_is_missed(files: dict[str, bytes]) -> None:
    shorter = b"".join(line + b"\n" for line in files["records.jsonl"].splitlines()[:-1])
    found = offended(listed(files, "records.jsonl", shorter))
    assert found["authenticity"] == ["archive.end"]
    assert found["completeness"] == ["archive.records"]
    assert found["usability"] == ["archive.open"]


@pytest.mark.parametrize("name", ["case.json", "said.json", "manifest.json", "definition.bpmn"])
def test_a_missing_file_is_missed(files: dict[str, bytes], name: str) -> None:
    del files[name]
    assert offended(files) == {"completeness": ["archive.missing"]}


def test_a_missing_attachment_and_a_file_too_many_are_told(files: dict[str, bytes]) -> None:
    photo = next(name for name in files if name.startswith("attachments/"))
    del files[photo]
    files["more.txt"] = b"x"
    assert sorted(offended(files)["completeness"]) == ["archive.missing", "archive.missing", "archive.unlisted"]


def test_what_differs_from_the_manifest_is_told(files: dict[str, bytes]) -> None:
    files["definition.bpmn"] += b"<!-- -->"
    assert offended(files) == {"completeness": ["archive.changed"]}


@pytest.mark.parametrize("name", ["case.json", "records.jsonl", "said.json", "attachments.json", "definition.json"])
def test_a_file_that_cannot_be_read_is_a_finding_and_no_crash(files: dict[str, bytes], name: str) -> None:
    assert offended(listed(files, name, b"\xff{"))


def test_a_drawing_that_is_no_xml_cannot_be_used(files: dict[str, bytes]) -> None:
    assert offended(listed(files, "definition.bpmn", b"not a drawing")) == {"usability": ["archive.drawing"]}


def changed(files: dict[str, bytes], name: str, change: Callable[[Any], object]) -> dict[str, bytes]:
    content = json.loads(files[name])
    change(content)
    return listed(files, name, encode_sorted(content))


def test_a_case_that_is_open_and_a_forbidden_kind_of_file_are_not_safe(files: dict[str, bytes]) -> None:
    opened = changed(files, "case.json", lambda case: case.update(closed_at=None))
    assert offended(opened) == {"security": ["archive.not-closed"]}
    program = changed(files, "attachments.json", lambda kept: kept[0].update(media_type="application/x-msdownload"))
    assert offended(program) == {"security": ["archive.media-type"]}


def test_words_of_people_in_the_chain_are_not_safe(files: dict[str, bytes]) -> None:
    chain = files["records.jsonl"].replace(b'"post":"post-wang"', b'"post":"%s"' % WORDS.encode(), 1)
    assert "archive.said-in-chain" in offended(listed(files, "records.jsonl", chain))["security"]

"""What is personal says so: fields of forms and registries that hold somebody's name, contact, home or record have a
class, and every class is one that is explained."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from engine import access
from engine.library import Pack
from engine.publishing import folders
from handlers import dictionary
from tests.places import read

PERSONAL = re.compile(
    "姓名|住址|门牌|(?<!工作)联系方式|联系人|证件号码|身份证|出生|处罚|拘留|失信|身体条件|成绩|保单|签收人|接报人"
)
"""Titles of what is about a person."""


@pytest.fixture(params=folders(), ids=lambda folder: f"{folder.parent.name}/{folder.name}")
def pack(request: pytest.FixtureRequest) -> Pack:
    """Every pack in turn."""
    folder: Path = request.param
    return read(folder).pack


def fields(pack: Pack) -> Iterator[tuple[str, Mapping[str, Any]]]:
    forms = {**pack.forms, **{name: kind["form"] for name, kind in pack.registries.items()}}
    for name, form in forms.items():
        yield from ((f"{name}.{key}", field) for key, field in form["properties"].items())


def test_a_personal_field_has_a_class(pack: Pack) -> None:
    personal = {name: field for name, field in fields(pack) if PERSONAL.search(field.get("title", ""))}
    assert {name for name, field in personal.items() if "x-class" not in field} == set()
    assert len(personal) > 8


def test_every_class_is_open_or_one_of_the_text(pack: Pack) -> None:
    known = access.OPEN | access.classes(pack).keys()
    assert {
        name: field["x-class"] for name, field in fields(pack) if field.get("x-class", "internal") not in known
    } == {}
    assert known <= dictionary.classes(pack).keys()


def test_everything_that_is_said_of_a_candidate_has_a_class(pack: Pack) -> None:
    """The procedure that is about a person from end to end."""
    asked = [name for name in ONBOARDING if name in pack.forms]
    assert {"worker_proposed", "decide_appointment"} <= set(asked)
    said = {
        f"{name}.{key}": field.get("x-class")
        for name in asked
        for key, field in pack.forms[name]["properties"].items()
        if field.get("x-wangge") == "record"
    }
    assert {name for name, of_class in said.items() if of_class is None} == set()
    about = {name for name in said if name.split(".")[1].startswith(("bar_", "condition_", "birth_"))}
    assert {said[name] for name in about} <= {access.PERSONAL}


ONBOARDING = (
    "worker_proposed",
    "check_eligibility",
    "consult_village_on_chief",
    "determine_chief",
    "train_worker",
    "decide_appointment",
)

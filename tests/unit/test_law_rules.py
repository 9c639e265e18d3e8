"""The rules of law: each predicate on small diagrams that keep and break it, and the shipped rules as data."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from engine.checks import law
from engine.checks.law import LEVELS, PREDICATES
from engine.definition import Definition
from engine.errors import Finding, Invalid, Words
from engine.library import Pack
from engine.limits import Basis, Limit
from engine.model import decode, encode_sorted
from engine.publishing import PACKS, folders, read_folder
from tests.diagrams import define

RULES = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted((PACKS / "rules").glob("*.json"))}
ALL = [(file, rule) for file, rules in RULES.items() for rule in rules]

NAMES = [rule["key"] for _, rule in ALL]


def pack(rules: list[dict[str, Any]], **given: Any) -> Pack:
    fields: dict[str, Any] = {
        "key": "test/2026-01-01", "place": "test", "title": Words("测试", "test"), "area": "/", "force": "law",
        "in_force_from": None, "in_force_to": None, "processes": {}, "limits": {}, "forms": {}, "roles": {},
        "decisions": {}, "articles": {}, "items": {}, "departments": {}, "statuses": {}, "ways_in": {},
        "settings": {},
    } | given  # fmt: skip
    return Pack(**fields | {"settings": {**fields["settings"], "rules": rules}})


def rule(predicate: str, **given: Any) -> dict[str, Any]:
    return {
        "key": "r", "article": "T-1", "force": "law", "process": "main", "zh": "规则", "en": "Rule",
        "predicate": predicate, "counter_example": "…",
    } | given  # fmt: skip


def found(text: str, asked: dict[str, Any], *called: str, **given: Any) -> list[Finding]:
    return law.check(define(text, *called), pack([asked], **given))


def elements(
    text: str, predicate: str, /, *called: str, given: Mapping[str, Any] | None = None, **asked: Any
) -> set[str]:
    """The elements at which a rule does not hold."""
    return {one.element for one in found(text, rule(predicate, **asked), *called, **(given or {}))}


LINE = """
start s
exclusive g
user a form=verify role=worker limit=day
user b form=handle role=handler limit=none
end e status=archived
s -> g
g -> a [listed and not forbidden]
g => b
a -> b
b -> e
"""

# -- each predicate ---------------------------------------------------------------------------------


def test_precedes() -> None:
    asked: dict[str, Any] = {"of": {"form": "handle"}, "by": {"form": "verify"}}
    assert elements(LINE, "precedes", **asked) == {"b"}
    assert elements(LINE, "precedes", **asked, assuming={"listed": True}) == {"b"}
    assert elements(LINE, "precedes", **asked, assuming={"listed": True, "forbidden": False}) == set()
    assert elements(LINE.replace("g => b", "g => a"), "precedes", **asked) == set()


def test_each_of_several_assumed_values_is_tried() -> None:
    asked: dict[str, Any] = {"of": {"form": "handle"}, "by": {"form": "verify"}}
    assert elements(LINE, "precedes", **asked, assuming={"listed": [True], "forbidden": [False]}) == set()
    assert elements(LINE, "precedes", **asked, assuming={"listed": [True], "forbidden": [False, True]}) == {"b"}


def test_a_finding_shows_the_way_and_cites_the_article() -> None:
    (one,) = found(LINE, rule("precedes", of={"form": "handle"}, by={"form": "verify"}))
    assert (one.rule, one.level, one.article, one.path) == ("law.r", "error", "T-1", ("s", "g", "b"))
    assert "“b”" in one.message
    assert "“a”" in one.message


def test_a_step_is_named_once_however_many_values_break_the_rule() -> None:
    asked = rule("precedes", of={"form": "handle"}, by={"form": "verify"}, assuming={"forbidden": [True, False]})
    assert [one.element for one in found(LINE, asked)] == ["b"]


def test_follows() -> None:
    asked: dict[str, Any] = {"of": {"form": "verify"}, "by": {"form": "handle"}}
    assert elements(LINE, "follows", **asked) == set()
    assert elements(LINE.replace("a -> b", "a -> e"), "follows", **asked) == {"a"}
    assert elements(LINE.replace("a -> b", "a -> e"), "follows", **asked, to={"status": "archived"}) == {"a"}
    assert elements(LINE, "follows", **asked, to={"status": "nowhere"}) == {"main"}


def test_reachable_and_barred() -> None:
    to_verify: dict[str, Any] = {"of": {"kind": "start"}, "by": {"form": "verify"}}
    assert elements(LINE, "reachable", **to_verify) == set()
    assert elements(LINE, "reachable", **to_verify, assuming={"listed": False}) == {"s"}
    assert elements(LINE, "barred", **to_verify, assuming={"listed": False}) == set()
    assert elements(LINE, "barred", **to_verify, assuming={"forbidden": False}) == {"a"}
    to_handle: dict[str, Any] = {
        "of": {"kind": "start"},
        "by": {"form": "handle"},
        "assuming": {"listed": True, "forbidden": False},
    }
    assert elements(LINE, "barred", **to_handle) == {"b"}
    assert elements(LINE, "barred", **to_handle, without={"form": "verify"}) == set()
    assert elements(LINE, "reachable", **to_handle, without={"form": "verify"}) == {"s"}


def test_never_and_only() -> None:
    assert elements(LINE, "never", of={"role": "worker"}) == {"a"}
    assert elements(LINE, "never", of={"role": "chief"}) == set()
    assert elements(LINE, "only", of={"kind": "user"}, by={"role": ["worker", "chief"]}) == {"b"}
    assert elements(LINE, "only", of={"kind": "user"}, by={"limit": "*"}) == set()
    assert elements(LINE, "only", of={"kind": "user"}, by={"status": ""}) == set()


def test_only_sees_limits_that_do_not_run_out() -> None:
    basis = Basis("product_default")
    limits = {"day": Limit("day", basis, 1, "working_day"), "none": Limit("none", basis, none=True)}
    assert elements(LINE, "only", given={"limits": limits}, of={"kind": "user"}, by={"timed": True}) == {"b"}
    assert elements(LINE, "only", of={"kind": "user"}, by={"timed": True}) == {"a", "b"}


EVENT = """
start s
user a
end e
event E {
  start es message=help interrupting=no
  user h form=report
  end ee
  es -> h
  h -> ee
}
s -> a
a -> e
"""


def test_at_any_time() -> None:
    asked: dict[str, Any] = {"of": {"kind": "start", "message": "help"}}
    assert elements(EVENT, "at_any_time", **asked) == set()
    assert elements(EVENT.replace("interrupting=no", ""), "at_any_time", **asked) == {"es"}
    assert elements(EVENT.replace("message=help", "message=other"), "at_any_time", **asked) == {"main"}
    inside = "start so\nsub S {" + EVENT + "}\nend eo\nso -> S\nS -> eo"
    assert elements(inside, "at_any_time", **asked) == {"es"}


def test_starts_with() -> None:
    asked: dict[str, Any] = {"of": {"message": "help"}, "by": {"form": "report"}}
    assert elements(EVENT, "starts_with", **asked) == set()
    asks_first = EVENT.replace("es -> h", "user ask\nes -> ask\nask -> h")
    (one,) = found(asks_first, rule("starts_with", **asked))
    assert (one.element, one.path) == ("es", ("es", "ask"))
    assert elements(asks_first, "starts_with", **asked, without={"id": "ask"}) == set()


LEVELLED = """
start s
script up script="{up}"
user ask form=ask
exclusive g
end e
s -> up
up -> ask
ask -> g
g -> up [higher]
g => e
"""


@pytest.mark.parametrize(
    ("up", "broken"),
    [
        ("level = level + 1", set()),
        ("level = level + 2", {"up", "main"}),
        ("level = top", {"up", "main"}),
        ("level = 3", {"up", "main"}),
        ("level = 0", {"main"}),
        ("other = 1", {"main"}),
    ],
)
def test_one_by_one(up: str, broken: set[str]) -> None:
    text = LEVELLED.replace("{up}", up)
    assert elements(text, "one_by_one", variable="level", constants=[0], by={"form": "ask"}) == broken


def test_one_by_one_wants_an_answer_between_and_no_form_that_asks() -> None:
    text = LEVELLED.replace("{up}", "level = level + 1")
    asked: dict[str, Any] = {"variable": "level", "by": {"form": "ask"}}
    assert elements(text.replace("up -> ask\nask -> g", "up -> g\nask -> g\ns -> ask"), "one_by_one", **asked) == {"up"}
    forms = {"ask": {"properties": {"level": {"type": "integer"}}}}
    assert elements(text, "one_by_one", given={"forms": forms}, **asked) == {"ask"}


def test_form_has() -> None:
    forms = {"verify": {"properties": {"outcome": {"enum": ["yes", "no"]}}, "required": ["outcome"]}}
    given = {"forms": forms}
    of = {"form": "verify"}
    assert elements(LINE, "form_has", given=given, of=of, required=["outcome"], offers={"outcome": ["no"]}) == set()
    assert elements(LINE, "form_has", given=given, of=of, required=["reason"]) == {"a"}
    assert elements(LINE, "form_has", given=given, of=of, offers={"outcome": ["maybe"]}) == {"a"}
    assert elements(LINE, "form_has", of=of, required=["outcome"]) == {"a"}


@pytest.mark.parametrize(
    ("settings", "broken"),
    [
        ({"gate": {"roles": ["trained", "examined"]}}, set()),
        ({"gate": {"roles": "trained"}}, set()),
        ({"gate": {"roles": []}}, {"main"}),
        ({"gate": []}, {"main"}),
        ({}, {"main"}),
    ],
)
def test_sets(settings: dict[str, Any], broken: set[str]) -> None:
    assert elements(LINE, "sets", given={"settings": settings}, setting="gate.roles", value="trained") == broken


def test_parallel() -> None:
    text = "start s\nparallel f\nuser a\nuser b\nparallel j\nend e\ns -> f\nf -> a\nf -> b\na -> j\nb -> j\nj -> e"
    asked: dict[str, Any] = {"of": {"id": "a"}, "by": {"id": "b"}}
    assert elements(text, "parallel", **asked) == set()
    assert elements(LINE, "parallel", **asked) == {"a"}


# -- selectors ---------------------------------------------------------------------------------------


def test_a_rule_whose_steps_are_gone_is_broken() -> None:
    for predicate in (
        "precedes",
        "follows",
        "reachable",
        "barred",
        "only",
        "at_any_time",
        "starts_with",
        "form_has",
        "parallel",
    ):
        (one,) = found(LINE, rule(predicate, of={"form": "renamed"}, by={"form": "verify"}))
        assert (one.element, one.path) == ("main", ()), predicate
        assert "表单“renamed”" in one.message


def test_selectors_describe_what_a_step_is_and_where_it_stands() -> None:
    text = """
start s
sub S collection=units item=unit {
  start si
  user a form=accept
  boundary d on=a escalation=dispute
  script w script="unit = other"
  end ei
  end off
  si -> a
  a -> w
  w -> ei
  d -> off
}
end e
s -> S
S -> e
"""
    within = {"inside": {"loop": "units"}}
    assert elements(text, "never", of={"kind": "boundary", "escalation": "dispute", **within}) == {"d"}
    assert elements(text, "never", of={"host": {"form": "accept"}}) == {"d"}
    assert elements(text, "never", of={"boundary": {"escalation": "dispute"}}) == {"a"}
    assert elements(text, "never", of={"changes": "unit"}) == {"w"}
    assert elements(text, "never", of={"kind": "end", "not": within}) == {"e"}
    assert elements(text, "never", of={"ends": True}) == {"e"}
    assert elements(text, "never", of={"any": [{"form": "accept"}, {"loop": "units"}]}) == {"a", "S"}
    assert elements(text, "never", of={"kind": "boundary", "interrupting": False}) == set()


def test_a_case_ends_in_an_interrupting_event_sub_process_and_not_in_a_reminder() -> None:
    assert elements(EVENT, "never", of={"ends": True}) == {"e"}
    assert elements(EVENT.replace(" interrupting=no", ""), "never", of={"ends": True}) == {"e", "ee"}
    reminder = "start s\nuser a\nboundary t on=a timer=PT1H interrupting=no\nend told\nend e\ns -> a\na -> e\nt -> told"
    assert elements(reminder, "never", of={"ends": True}) == {"e"}


def test_the_role_of_a_lane_counts_where_a_step_names_none() -> None:
    here = read_folder(PACKS / "unnamed-2023" / "2023-01-01")
    asked = rule("never", process="any", of={"kind": "start", "form": "list_exit", "role": "handler"})
    (one,) = law.check(here.drawn["list_change"].definition, pack([asked]))
    assert one.element == "list_exit"


# -- which rules apply, and how much they weigh --------------------------------------------------------


def test_without_a_pack_nothing_is_asked() -> None:
    assert law.check(define(LINE), None) == []


@pytest.mark.parametrize(("force", "level"), LEVELS.items())
def test_a_draft_advises_the_product_warns_law_forbids(force: str, level: str) -> None:
    (one,) = found(LINE, rule("never", of={"id": "a"}, force=force))
    assert one.level == level


def test_a_rule_is_for_one_process_and_for_packs_of_some_force() -> None:
    of = {"id": "a"}
    assert elements(LINE, "never", of=of, process="other") == set()
    assert elements(LINE, "never", of=of, process="main") == {"a"}
    assert elements(LINE, "never", of=of, packs=["draft"]) == set()
    assert elements(LINE, "never", given={"force": "draft"}, of=of, packs=["draft"]) == {"a"}


def test_a_rule_for_every_process_is_idle_where_its_steps_are_not_there() -> None:
    for predicate in ("only", "precedes", "reachable"):
        assert elements(LINE, predicate, of={"form": "lost"}, by={"limit": "*"}) == {"main"}
        assert elements(LINE, predicate, of={"form": "lost"}, by={"limit": "*"}, process="any") == set()
    assert elements(LINE, "only", of={"kind": "user"}, by={"form": "verify"}, process="any") == {"b"}


def test_a_rule_is_silent_where_another_says_the_same() -> None:
    strong, weak = rule("never", of={"id": "a"}, key="strong"), rule("never", of={"id": "b"}, unless=["strong"])
    both = law.check(define(LINE), pack([strong, weak]))
    assert [one.rule for one in both] == ["law.strong"]
    assert [one.element for one in law.check(define(LINE), pack([weak]))] == ["b"]


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        ({"wihtout": {}}, "wihtout"),
        ({"predicate": "preceeds"}, "preceeds"),
        ({"of": {"formm": "a"}}, "formm"),
        ({"by": {"inside": {"any": [{"not": {"colour": "red"}}]}}}, "colour"),
    ],
)
def test_a_misspelt_rule_is_refused(wrong: dict[str, Any], word: str) -> None:
    with pytest.raises(Invalid) as caught:
        law.check(define(LINE), pack([rule("never") | wrong]))
    assert caught.value.code == "law.rule-unreadable"
    assert word in caught.value.words.zh
    assert word in caught.value.words.en


# -- the shipped rules ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("file", "data"), ALL, ids=NAMES)
def test_a_shipped_rule_can_be_read_and_cites_its_law(file: str, data: dict[str, Any]) -> None:
    (one,) = law.rules_of(pack([data]))
    assert one.zh
    assert one.en
    assert one.counter_example
    assert set(one.unless) <= set(NAMES)
    if file == "product":
        assert (one.article, one.force) == ("", "product")
        return
    rows = {row["article"] for row in json.loads((PACKS / "articles" / f"{file}.json").read_text(encoding="utf-8"))}
    assert one.key.startswith(file.lower() + "-")
    assert any(row == one.article or row.startswith(f"{one.article}(") for row in rows)
    assert one.force == "draft" if file == "ZJD" else one.force in ("law", "product")


def test_there_are_enough_rules_and_none_twice() -> None:
    assert len(NAMES) == len(set(NAMES))
    assert sum(rule["force"] in ("law", "draft") for _, rule in ALL) >= 25
    assert {rule["predicate"] for _, rule in ALL} >= set(PREDICATES) - {"never"}


@pytest.mark.parametrize("path", folders(), ids=lambda path: path.parent.name)
def test_each_rule_of_a_packs_laws_has_a_process_to_look_at(path: Path) -> None:
    here = read_folder(path)
    roots = {one.definition.root for one in here.drawn.values()}
    rules = law.rules_of(here.pack)
    meant = {one.key: one.process for one in rules if not one.packs or here.pack.force in one.packs}
    lacking = {key: process for key, process in meant.items() if process not in {*roots, "any"}}
    # the draft does not have the provincial measures' procedure on who bears a damage
    assert set(lacking.values()) <= ({"liability"} if here.pack.force == "draft" else set())


def test_rules_are_published_with_the_pack_so_that_its_check_can_be_repeated() -> None:
    here = read_folder(PACKS / "zhenjiang" / "2026-01-01")
    again = decode(encode_sorted(here.pack), Pack)
    assert law.rules_of(again) == law.rules_of(here.pack)
    assert {one.key.split("-")[0] for one in law.rules_of(again)} >= {"zj", "js"}
    matter = here.drawn["matter"].definition
    broken = Definition("matter", {**matter.processes, "matter": matter.processes["dispute"]})
    assert law.check(broken, again) == law.check(broken, here.pack) != []


def test_a_place_may_have_rules_of_its_own(tmp_path: Path) -> None:
    for name in ("shared", "rules"):
        shutil.copytree(PACKS / name, tmp_path / name)
    own = tmp_path / "jiangsu" / "2021-01-01"
    shutil.copytree(PACKS / "jiangsu" / "2021-01-01", own)
    local = rule("never", key="local-no-coordination", process="matter", of={"form": "coordinate"}, force="local")
    (own / "rules.json").write_text(json.dumps([local], ensure_ascii=False), encoding="utf-8")
    told = [one for one in read_folder(own).findings if one.rule.startswith("law.")]
    assert [(one.rule, one.element, one.level) for one in told] == [
        ("law.local-no-coordination", "coordinate", "error")
    ]

"""Drafts on both databases: nobody overwrites silently, every save can be gone back to, what is wrong is said while
drawing, and another person publishes."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import select

from engine import drafts, packs, publishing, queries, tables
from engine.errors import Conflict, Forbidden, Invalid, NotFound, Refused, WanggeError
from engine.publishing import PACKS
from engine.store import Store
from tests.places import read
from tests.studios import BASE, JUNE, KEY, Studio


@pytest.fixture
def studio(store: Store, tmp_path: Path) -> Studio:
    return Studio(store, tmp_path)


# -- beginning ---------------------------------------------------------------------------------------


def test_a_draft_begins_as_its_base_and_applies_where_its_author_is(studio: Studio) -> None:
    draft = studio.draft()
    told = studio.look(drafts.shown, "a1", draft)
    assert (told["area"], told["status"], told["revision"], told["base"]) == (studio.counties[0], "open", 0, BASE)
    assert told["in_force_from"] == "2026-06-01"
    assert not any(one["changed"] for one in told["files"])
    base = {one["path"]: one["hash"] for one in studio.look(packs.shown, "a1", BASE)["files"]}
    assert {one["path"]: one["hash"] for one in told["files"]} == base
    kinds = {one["path"]: one["kind"] for one in told["files"]}
    assert [kinds[path] for path in ("matter.bpmn", "triage.dmn", "limits.json", "manifest.json")] == [
        "diagram", "table", "limits", "other",
    ]  # fmt: skip
    assert {kinds["forms/accept.json"], kinds["shared/patrol/1/patrol.bpmn"]} == {"form", "diagram"}


@pytest.mark.parametrize(
    "key", ["luzhou/2027-01-01", "zhenjiang/2027-02-30", "zhenjiang/soon", "zhenjiang/2027-01-01/x", "2027-01-01"]
)
@pytest.mark.parametrize("dialect", ["sqlite"])
def test_a_key_is_the_place_and_a_day(studio: Studio, key: str) -> None:
    with pytest.raises(Invalid) as error:
        studio.draft(key=key)
    assert error.value.code == "draft.key"


def test_a_key_that_is_taken_and_an_area_outside_are_refused(studio: Studio) -> None:
    with pytest.raises(Conflict):
        studio.draft(key=BASE)
    with pytest.raises(Forbidden) as error:
        studio.draft(area=studio.counties[1])
    assert error.value.code == "draft.area"


def test_only_posts_with_the_permission_draw_and_only_in_their_area(studio: Studio) -> None:
    draft = studio.draft()
    strangers: list[tuple[Any, tuple[Any, ...]]] = [
        (drafts.create, (BASE, KEY, "x")),
        (drafts.save, (draft, "limits.json", "[]", None)),
        (drafts.submit, (draft,)),
        (drafts.look_at, (draft, "")),
        (drafts.drop, (draft,)),
    ]
    for verb, given in strangers:
        with pytest.raises(Forbidden):
            studio.act(verb, "worker", *given)
    for verb, given in [*strangers[1:], (drafts.revert, (draft, 1))]:
        with pytest.raises(NotFound) as unseen:
            studio.act(verb, "b1", *given)
        assert str(unseen.value.words) == "未找到此草稿，或不在您的查看范围内。 Not found, or outside your scope."
    for query in (drafts.shown, drafts.history, drafts.check, drafts.folder):
        with pytest.raises(NotFound):
            studio.look(query, "b1", draft)
    assert studio.look(drafts.listed, "b1") == []
    assert [one["id"] for one in studio.look(drafts.listed, "a2")] == [draft]


# -- saving ------------------------------------------------------------------------------------------


def test_who_has_not_seen_the_newest_text_is_told_who_was_first(studio: Studio) -> None:
    draft = studio.draft()
    seen = studio.file(draft, "limits.json")["hash"]
    first = studio.act(drafts.save, "a1", draft, "limits.json", "[]", seen)
    assert first["revision"] == 1
    studio.pass_(minutes=1)
    with pytest.raises(Conflict) as error:
        studio.act(drafts.save, "a2", draft, "limits.json", "[1]", seen)
    assert error.value.code == "draft.changed"
    assert error.value.details == {
        "by": {"id": studio.person("a1"), "name": "甲区流程管理员"},
        "at": "2026-03-02T09:00:00+08:00",
        "hash": first["hash"],
    }
    assert studio.file(draft, "limits.json")["text"] == "[]"
    assert studio.act(drafts.save, "a2", draft, "limits.json", "[1]", first["hash"])["revision"] == 2


def test_of_two_who_save_at_the_same_moment_one_wins(studio: Studio) -> None:
    draft = studio.draft()
    seen = studio.file(draft, "limits.json")["hash"]
    ready = Barrier(2)

    def save(name: str) -> str:
        actor = studio.actor(name)
        ready.wait()
        try:
            with studio.engine.work() as work:
                drafts.save(work, actor, draft, "limits.json", json.dumps([name]), seen)
        except Conflict as conflict:
            return conflict.code
        return name

    with ThreadPoolExecutor(2) as pool:
        came = list(pool.map(save, ("a1", "a2")))
    winner = next(one for one in came if one != "draft.changed")
    assert sorted(came) == [winner, "draft.changed"]
    assert json.loads(studio.file(draft, "limits.json")["text"]) == [winner]
    assert [one["revision"] for one in studio.look(drafts.history, "a1", draft)] == [1]


def test_a_file_comes_and_goes_and_the_same_text_is_no_change(studio: Studio) -> None:
    draft = studio.draft()
    added = studio.act(drafts.save, "a1", draft, "forms/extra.json", "{}", None)
    assert studio.act(drafts.save, "a1", draft, "forms/extra.json", "{}", added["hash"])["revision"] == 1
    with pytest.raises(Conflict):
        studio.act(drafts.save, "a2", draft, "forms/extra.json", "{ }", None)
    assert studio.save(draft, "forms/extra.json", None) == {"path": "forms/extra.json", "hash": None, "revision": 2}
    studio.save(draft, "triage.dmn", None)
    told = studio.look(drafts.shown, "a1", draft)
    assert told["removed"] == ["triage.dmn"]
    with pytest.raises(NotFound):
        studio.file(draft, "forms/extra.json")


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("shared/dispute/1/dispute.bpmn", "draft.product-file"),
        ("rules/ZJ.json", "draft.product-file"),
        ("../limits.json", "draft.path"),
        ("/etc/x.json", "draft.path"),
        ("a/./b.json", "draft.path"),
        ("a//b.json", "draft.path"),
        ("matter.py", "draft.path"),
        ("流程.bpmn", "draft.path"),
        ("a.json\n", "draft.path"),
        ("x" * 300 + ".json", "draft.path"),
    ],
)
@pytest.mark.parametrize("dialect", ["sqlite"])
def test_a_path_stays_in_the_draft_and_off_the_product(studio: Studio, path: str, code: str) -> None:
    draft = studio.draft()
    with pytest.raises(WanggeError) as error:
        studio.act(drafts.save, "a1", draft, path, "{}", None)
    assert error.value.code == code


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_files_and_drafts_have_a_size(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    draft = studio.draft()
    monkeypatch.setattr(drafts, "LARGEST_FILE", 1000)
    with pytest.raises(Invalid) as error:
        studio.save(draft, "forms/large.json", "字" * 400)
    assert error.value.code == "draft.too-large"
    studio.save(draft, "forms/large.json", "字" * 333)
    own = sum(
        one["size"]
        for one in studio.look(drafts.shown, "a1", draft)["files"]
        if not one["path"].startswith(("shared/", "rules/"))
    )
    monkeypatch.setattr(drafts, "LARGEST_DRAFT", own + 10)
    studio.save(draft, "forms/small.json", "x" * 10)
    with pytest.raises(Invalid):
        studio.save(draft, "forms/more.json", "x")


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_a_text_that_is_no_unicode_is_refused(studio: Studio) -> None:
    draft = studio.draft()
    with pytest.raises(Invalid) as error:
        studio.act(drafts.save, "a1", draft, "forms/x.json", "\ud800", None)
    assert error.value.code == "draft.text"


# -- going back --------------------------------------------------------------------------------------


def test_every_save_can_be_gone_back_to_as_a_new_change(studio: Studio) -> None:
    draft = studio.draft()
    begun = studio.file(draft, "limits.json")
    for text in ("[1]", "[2]", "[3]"):
        studio.save(draft, "limits.json", text)
    changes = studio.look(drafts.history, "a1", draft)
    assert [(one["revision"], one["path"]) for one in changes] == [(n, "limits.json") for n in (3, 2, 1)]
    assert changes[-1]["before"] == begun["hash"]
    assert studio.act(drafts.revert, "a1", draft, changes[1]["id"])["revision"] == 4
    assert studio.file(draft, "limits.json")["text"] == "[1]"
    studio.act(drafts.revert, "a1", draft, changes[-1]["id"])
    assert studio.file(draft, "limits.json") == begun
    assert len(studio.look(drafts.history, "a1", draft)) == 5


def test_going_back_takes_nobody_elses_work_away_unseen(studio: Studio) -> None:
    draft = studio.draft()
    studio.save(draft, "limits.json", "[1]")
    studio.save(draft, "limits.json", "[2]", "a2")
    first = studio.look(drafts.history, "a1", draft)[-1]["id"]
    with pytest.raises(Conflict):
        studio.act(drafts.revert, "a1", draft, first)
    now = studio.file(draft, "limits.json")["hash"]
    studio.act(drafts.revert, "a1", draft, first, now)
    with pytest.raises(NotFound):
        studio.act(drafts.revert, "a1", studio.draft(key="zhenjiang/2026-07-01"), first)


def test_a_file_that_was_added_goes_again_and_one_that_was_removed_comes_back(studio: Studio) -> None:
    draft = studio.draft()
    studio.save(draft, "forms/extra.json", "{}")
    studio.save(draft, "triage.dmn", None)
    removed, added = studio.look(drafts.history, "a1", draft)
    studio.act(drafts.revert, "a1", draft, added["id"])
    studio.act(drafts.revert, "a1", draft, removed["id"])
    told = studio.look(drafts.shown, "a1", draft)
    assert told["removed"] == []
    assert not any(one["changed"] for one in told["files"])


# -- who is there ------------------------------------------------------------------------------------


def test_who_looks_at_what_is_seen_for_half_a_minute(studio: Studio) -> None:
    draft = studio.draft()
    studio.act(drafts.look_at, "a1", draft, "matter.bpmn")
    studio.pass_(seconds=20)
    seen = studio.act(drafts.look_at, "a2", draft, "triage.dmn")["present"]
    assert [(one["person"]["id"], one["path"]) for one in seen] == [
        (studio.person("a1"), "matter.bpmn"),
        (studio.person("a2"), "triage.dmn"),
    ]
    studio.pass_(seconds=11)
    seen = studio.act(drafts.look_at, "a2", draft, "limits.json")["present"]
    assert [(one["person"]["id"], one["path"]) for one in seen] == [(studio.person("a2"), "limits.json")]


# -- checking ----------------------------------------------------------------------------------------


def test_unsaved_text_is_checked_and_not_stored(studio: Studio) -> None:
    draft = studio.draft()
    assert studio.look(drafts.check, "a1", draft).publishable
    text = studio.file(draft, "matter.bpmn")["text"].replace('wangge:role="checker"', 'wangge:role="nobody"')
    found = studio.look(drafts.check, "a1", draft, "matter.bpmn", text.replace('value="checker"', 'value="nobody"'))
    assert not found.publishable
    assert ("reference.role", "matter.bpmn") in {(one.rule, one.file) for one in found.findings}
    assert studio.look(drafts.check, "a1", draft).publishable


@pytest.mark.parametrize(
    ("path", "text", "file"),
    [
        ("matter.bpmn", "<", "matter.bpmn"),
        ("matter.bpmn", "", "matter.bpmn"),
        ("triage.dmn", "<definitions/>", "triage.dmn"),
        ("limits.json", "{", "limits.json"),
        ("limits.json", '[{"key": "verify", "amount": -1}]', "limits.json"),
        ("roles.json", '[{"key": "x"}]', "roles.json"),
        ("roles.json", "null", "roles.json"),
        ("list.json", "[" * 3000 + "]" * 3000, "list.json"),
        ("manifest.json", "[]", "manifest.json"),
        ("manifest.json", '{"key": 1}', "manifest.json"),
        ("procedures/list_change/procedure.json", "{}", "procedures/list_change/procedure.json"),
        ("forms/accept.json", '{"title": NaN}' + "x", "forms/accept.json"),
        ("articles.json", '[{"key": "\\ud800"}]', "articles.json"),
    ],
)
@pytest.mark.parametrize("dialect", ["sqlite"])
def test_what_cannot_be_read_is_a_finding_with_its_file(studio: Studio, path: str, text: str, file: str) -> None:
    found = studio.look(drafts.check, "a1", studio.draft(), path, text)
    assert not found.publishable
    assert file in {one.file for one in found.findings if one.level == "error"}, found.findings


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_one_broken_diagram_hides_nothing_of_the_others(studio: Studio) -> None:
    draft = studio.draft()
    studio.save(draft, "matter.bpmn", "<")
    studio.save(draft, "emergency.bpmn", "<also>")
    files = {one.file for one in studio.look(drafts.check, "a1", draft).findings}
    assert {"matter.bpmn", "emergency.bpmn"} <= files


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_a_pause_in_which_nothing_changed_costs_no_reading(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    draft = studio.draft()
    asked: list[int] = []
    really = publishing.read_pack

    def counted(*given: Any) -> publishing.Folder:
        asked.append(1)
        return really(*given)

    monkeypatch.setattr(publishing, "read_pack", counted)
    studio.redraw(draft, amount=7)
    first = studio.look(drafts.check, "a1", draft)
    assert len(asked) == 1
    assert studio.look(drafts.check, "a2", draft) == first
    assert len(asked) == 1
    studio.redraw(draft, amount=8)
    studio.look(drafts.check, "a1", draft)
    assert len(asked) == 2


@pytest.mark.parametrize(
    ("rule", "element", "change"),
    [
        ("draft.fixed", "place", lambda found: found.update(place="elsewhere")),
        ("draft.fixed", "force", lambda found: found.update(force="draft")),
        ("draft.law-dropped", "JS", lambda found: found["laws"].pop()),
        ("draft.law-changed", "ZJ", lambda found: found["laws"][0].update(in_force_from="2020-01-01")),
        ("draft.law-undated", "XX", lambda found: found["laws"].append({"key": "XX", "title": {"zh": "x", "en": "x"}})),
        ("draft.part-dropped", "complaint/1", lambda found: found["shared"].remove("complaint/1")),
        ("draft.part-dropped", "1/insurance", lambda found: found["registries"].remove("1/insurance")),
    ],
)
@pytest.mark.parametrize("dialect", ["sqlite"])
def test_what_the_texts_settle_cannot_be_drawn_away(studio: Studio, rule: str, element: str, change: Any) -> None:
    draft = studio.draft()
    studio.change(draft, "manifest.json", change)
    found = studio.look(drafts.check, "a1", draft)
    assert [(one.level, one.file) for one in found.findings if (one.rule, one.element) == (rule, element)] == [
        ("error", "manifest.json")
    ]
    assert not found.publishable


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_a_shared_part_may_be_drawn_by_the_place_itself(studio: Studio) -> None:
    draft = studio.draft()
    studio.change(draft, "manifest.json", lambda found: found["shared"].remove("complaint/1"))
    for one in studio.look(drafts.shown, "a1", draft)["files"]:
        if one["path"].startswith("shared/complaint/1/"):
            own = one["path"].replace("shared/complaint/1/", "procedures/complaint/")
            studio.save(draft, own, studio.file(draft, one["path"])["text"])
    assert studio.look(drafts.check, "a1", draft).publishable


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_key_area_and_days_are_set_whatever_the_manifest_says(studio: Studio) -> None:
    draft = studio.draft()
    told = {"key": "x/y", "area": "/", "in_force_from": "1999-01-01", "in_force_to": "1999-01-02"}
    studio.change(draft, "manifest.json", lambda found: found.update(told))
    pack = studio.look(drafts.folder, "a1", draft).pack
    assert (pack.key, pack.area) == (KEY, studio.counties[0])
    assert (pack.in_force_from, pack.in_force_to) == (JUNE, None)


def test_drafts_and_versions_are_read_by_name(studio: Studio) -> None:
    draft = studio.draft()
    assert studio.look(drafts.folder_of, "a1", f"draft:{draft}").pack.key == KEY
    assert studio.look(drafts.folder_of, "a1", BASE).pack == studio.pack
    for name in ("draft:999", "draft:x", "other:1", "zhenjiang/1999-01-01"):
        with pytest.raises(NotFound):
            studio.look(drafts.folder_of, "a1", name)
    studio.save(draft, "matter.bpmn", "<")
    with pytest.raises(Invalid) as error:
        studio.look(drafts.folder_of, "a1", f"draft:{draft}")
    assert error.value.findings


def test_what_was_published_since_its_base_is_said(studio: Studio) -> None:
    draft, before = studio.draft(key="zhenjiang/2026-07-01"), studio.draft(key="zhenjiang/2026-05-01")
    assert overtaken(studio, draft) == []
    studio.published()
    assert overtaken(studio, draft) == [("warning", KEY)]
    assert overtaken(studio, before) == []
    assert studio.look(drafts.check, "a1", draft).publishable
    studio.act(drafts.create, "b1", BASE, "zhenjiang/2026-07-01", "乙区")
    assert overtaken(studio, draft + 3, "b1") == []


def overtaken(studio: Studio, draft: int, name: str = "a1") -> list[tuple[str, str]]:
    found = studio.look(drafts.check, name, draft).findings
    return [(one.level, one.element) for one in found if one.rule == "draft.base-overtaken"]


# -- review ------------------------------------------------------------------------------------------


def test_a_draft_with_errors_is_not_submitted(studio: Studio) -> None:
    draft = studio.draft()
    studio.save(draft, "limits.json", "[]")
    with pytest.raises(Invalid) as error:
        studio.act(drafts.submit, "a1", draft)
    assert error.value.code == "draft.not-publishable"
    assert all(one.level == "error" for one in error.value.findings)
    assert studio.look(drafts.shown, "a1", draft)["status"] == "open"


def test_under_review_nothing_changes_until_it_is_returned(studio: Studio) -> None:
    draft = studio.submitted()
    with pytest.raises(Refused) as error:
        studio.redraw(draft)
    assert error.value.code == "draft.in-review"
    with pytest.raises(Forbidden):
        studio.act(drafts.give_back, "a1", draft, "再改改")  # a2 submitted it
    studio.act(drafts.give_back, "a3", draft, "依据不清")
    told = studio.look(drafts.shown, "a1", draft)
    assert (told["status"], told["returned"]) == ("open", "依据不清")
    studio.redraw(draft, amount=4)
    studio.act(drafts.submit, "a1", draft)
    assert studio.look(drafts.shown, "a1", draft)["returned"] is None
    studio.act(drafts.give_back, "a1", draft, "撤回")


def test_a_dropped_draft_stays_as_it_is(studio: Studio) -> None:
    draft = studio.draft()
    studio.act(drafts.drop, "a2", draft)
    for verb, given in ((drafts.save, ("limits.json", "[]", None)), (drafts.submit, ()), (drafts.drop, ())):
        with pytest.raises(Refused) as error:
            studio.act(verb, "a1", draft, *given)
        assert error.value.code == "draft.ended"
    assert studio.look(drafts.listed, "a1") == []
    assert [one["status"] for one in studio.look(drafts.listed, "a1", ended=True)] == ["dropped"]


# -- publication -------------------------------------------------------------------------------------


def test_another_person_publishes_and_the_next_day_of_effect_takes_it(studio: Studio) -> None:
    draft = studio.submitted()
    done = studio.act(drafts.publish, "a3", draft, JUNE)
    assert (done["key"], done["in_force_from"], done["warnings"]) == (KEY, "2026-06-01", [])
    with studio.engine.look() as work:
        chosen = {
            (county, day): work.library.in_force(work.connection, studio.counties[county], day).key
            for county in (0, 1)
            for day in (JUNE - timedelta(days=1), JUNE)
        }
        row = work.connection.execute(select(tables.pack).where(tables.pack.c.key == KEY)).one()
        limit = work.library.pack(work.connection, KEY).limits["verify"].amount
    assert [key for key, value in chosen.items() if value == KEY] == [(0, JUNE)]
    assert (limit, row.published_by, row.area) == (3, studio.person("a3"), studio.counties[0])
    told = studio.look(drafts.shown, "a1", draft)
    assert (told["status"], told["key"]) == ("published", KEY)


@pytest.mark.parametrize("part", ["created", "changed", "submitted"])
@pytest.mark.parametrize("dialect", ["sqlite"])
def test_nobody_publishes_what_they_had_a_part_in(studio: Studio, part: str) -> None:
    names = {"created": "a1", "changed": "a1", "submitted": "a1", part: "a3"}
    draft = studio.draft(names["created"])
    studio.redraw(draft, names["changed"])
    studio.act(drafts.submit, names["submitted"], draft)
    with pytest.raises(Refused) as error:
        studio.act(drafts.publish, "a3", draft, JUNE)
    assert error.value.code == "draft.same-person"
    assert error.value.words.zh == "系统规则：起草人不能审定本人的版本，请交他人。"


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_who_only_draws_does_not_publish_and_what_is_not_submitted_is_not_published(studio: Studio) -> None:
    draft = studio.draft()
    with pytest.raises(Refused) as error:
        studio.act(drafts.publish, "a3", draft, JUNE)
    assert error.value.code == "draft.not-submitted"
    studio.act(drafts.submit, "a1", draft)
    with pytest.raises(Forbidden):
        studio.act(drafts.publish, "a2", draft, JUNE)
    with pytest.raises(NotFound):
        studio.act(drafts.publish, "b3", draft, JUNE)


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_the_day_of_effect_is_today_or_later_and_not_before_the_laws(studio: Studio) -> None:
    draft = studio.submitted()
    with pytest.raises(Refused) as past:
        studio.act(drafts.publish, "a3", draft, date(2026, 3, 1))
    assert past.value.code == "draft.day-past"
    law = {"key": "XX", "title": {"zh": "新规", "en": "new"}, "kind": "city_regulation", "in_force_from": "2026-08-01"}
    studio.act(drafts.give_back, "a3", draft, "加入新规")
    studio.change(draft, "manifest.json", lambda found: found["laws"].append(law))
    studio.act(drafts.submit, "a1", draft)
    with pytest.raises(Refused) as early:
        studio.act(drafts.publish, "a3", draft, date(2026, 7, 31))
    assert early.value.code == "draft.before-law"
    assert studio.act(drafts.publish, "a3", draft, date(2026, 8, 1))["key"] == "zhenjiang/2026-08-01"


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_today_is_a_day_of_effect_and_a_provisional_year_is_said(studio: Studio) -> None:
    today = studio.act(drafts.publish, "a3", studio.submitted(), date(2026, 3, 2))
    assert (today["key"], today["warnings"]) == ("zhenjiang/2026-03-02", [])
    later = studio.act(drafts.publish, "a3", studio.submitted("zhenjiang/2027-01-01-jia"), date(2027, 2, 1))
    assert later["key"] == "zhenjiang/2027-02-01-jia"
    assert [one["zh"][:8] for one in later["warnings"]] == ["2027年日历暂"]


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_a_draft_of_law_stays_one(studio: Studio) -> None:
    base = "zhenjiang/2025-draft"
    with studio.engine.work() as work:
        publishing.publish(work, read(PACKS / base)._replace(findings=()))
    draft = studio.act(drafts.create, "a1", base, "zhenjiang/2026-06-01-trial", "试行")
    studio.act(drafts.submit, "a1", draft)
    done = studio.act(drafts.publish, "a3", draft, JUNE)
    told = next(one for one in studio.look(packs.versions, "a1") if one["key"] == done["key"])
    assert (told["status"], told["force"], told["in_force_from"], told["periods"]) == ("draft_law", "draft", None, [])
    with studio.engine.look() as work:
        assert packs.faults(work) == []
        assert work.library.in_force(work.connection, studio.counties[0], JUNE).key == BASE


def test_two_drafts_do_not_become_one_version(studio: Studio) -> None:
    first, second = studio.submitted(), studio.submitted()
    studio.act(drafts.publish, "a3", first, JUNE)
    with pytest.raises(Conflict) as error:
        studio.act(drafts.publish, "a3", second, JUNE)
    assert error.value.code == "draft.key-taken"
    assert studio.look(drafts.shown, "a3", second)["status"] == "in_review"
    with pytest.raises(Refused):
        studio.act(drafts.publish, "a3", first, JUNE)


def test_every_act_is_on_record_without_names(studio: Studio) -> None:
    draft = studio.submitted()
    studio.act(drafts.give_back, "a3", draft, "张三说不行")
    studio.act(drafts.submit, "a2", draft)
    done = studio.act(drafts.publish, "a3", draft, JUNE)
    chain = studio.chain(f"draft/{draft}")
    assert [(one.kind, one.actor) for one in chain] == [
        ("draft-created", studio.person("a1")),
        ("draft-changed", studio.person("a1")),
        ("draft-submitted", studio.person("a2")),
        ("draft-returned", studio.person("a3")),
        ("draft-submitted", studio.person("a2")),
        ("draft-published", studio.person("a3")),
    ]
    assert chain[-1].detail == {"pack": KEY, "hash": done["hash"], "in_force_from": "2026-06-01"}
    assert list(chain[3].sealed) == ["reason"]
    assert not any(word in one.body for one in chain for word in ("张三", "甲区", "缩短"))
    assert [one.kind for one in studio.chain(f"pack/{KEY}")] == ["published"]


def test_what_one_county_draws_gives_nobody_elsewhere_a_power(studio: Studio) -> None:
    draft = studio.draft(key="zhenjiang/2026-03-02")

    def grant(roles: Any) -> None:
        next(role for role in roles if role["key"] == "grid_worker")["permissions"] = ["publish"]
        label = {"zh": "新岗位", "en": "New"}
        roles.append({"key": "new", "label": label, "unit_kind": "governance_agency", "permissions": ["publish"]})

    studio.change(draft, "roles.json", grant)
    studio.act(drafts.submit, "a2", draft)
    studio.act(drafts.publish, "a3", draft, date(2026, 3, 3))
    first, second = studio.counties
    assert not granted(studio, first)
    studio.pass_(days=1)
    assert granted(studio, first)
    assert granted(studio, first, "new")
    for role in ("grid_worker", "new"):
        assert not granted(studio, second, role)
    assert not granted(studio, "/32/3211/")


def granted(studio: Studio, area: str, key: str = "grid_worker") -> bool:
    with studio.engine.look() as work:
        role = queries.role(work, key, area)
        return role is not None and "publish" in role.permissions

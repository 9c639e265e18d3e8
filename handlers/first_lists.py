"""The first matter list of a place that goes to work: the one its agency has published, from a file, or for trying out
the sample of the pack. Later changes go through the procedure that the text prescribes, never through here."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from engine import registers
from engine.directory import Actor, Unit
from engine.errors import Conflict, Finding, Invalid, NotFound, Refused
from engine.library import Pack
from engine.registers import Registered
from engine.work import Work
from handlers import lists
from handlers.lists import Published

KEY = re.compile(r"[a-z][a-z0-9_]{0,59}")
PERFORMERS = ("grid_worker", "agency", "department")


def bring_in(
    work: Work, actor: Actor, area: str, day: date, content: bytes | None = None, document: str = ""
) -> list[Registered]:
    """Registers the first list of the agency of an area, from a day on: `content` is a file like a pack's `list.json`
    and `document` the number under which it was published; without a file it is the sample of the pack in force.

    Raises `NotFound` where there is no agency, `Invalid` on a file that is not right, `Conflict` where a list has been
    published already, `Refused` where the level keeps none, a rule of the place forbids an item or no pack is in force.
    """
    owner = _agency(work, area)
    pack = work.library.in_force(work.connection, owner.area, day)
    _must_be_first(work, owner)
    registered = lists.found(work, actor, owner, pack, day, _published(pack, content, document))
    if not registered:
        raise Refused(
            "list.level",
            f"按“{pack.title.zh}”，“{owner.name}”这一级不编制事项清单。",
            f"Under “{pack.title.en}” the level of “{owner.name}” keeps no matter list.",
        )
    return registered


def _agency(work: Work, area: str) -> Unit:
    for unit in work.directory.inside("governance_agency", area):
        if unit.area == area:
            return unit
    raise NotFound(
        "list.no-agency",
        f"区域“{area}”没有登记网格化治理机构，请先登记机构，区域写成 /32/3211/321102/ 这样的路径。",
        f"No governance agency is registered for the area “{area}”: register it first; write a path like "
        "/32/3211/321102/.",
    )


def _must_be_first(work: Work, owner: Unit) -> None:
    held = registers.holding(work, lists.KIND, unit=owner.id)
    if any(not one.body["sample"] for one in held):
        raise Conflict(
            "list.not-first",
            f"“{owner.name}”已有公布的清单，变更请走清单调整程序。",
            f"“{owner.name}” has a published list: changes go through the procedure for lists.",
        )


def _published(pack: Pack, content: bytes | None, document: str) -> Published | None:
    """What the file says; None where there is no file and the pack's sample is meant."""
    if content is None:
        return None
    if not document.strip():
        raise Invalid(
            "list.no-document",
            "请写明公布该清单的文号（--document）；只是试用的，不要指定文件，装入样例清单。",
            "Name the document that published the list (--document); to try things out, name no file: that loads the "
            "sample.",
        )
    items = _items(content)
    findings = [finding for number, item in enumerate(items, 1) for finding in _faults(pack, number, item)]
    keys = [item["key"] for item in items if isinstance(item, Mapping) and "key" in item]
    findings += [_fault(keys.index(key) + 1, "key", "重复", "is there twice") for key in {*keys} if keys.count(key) > 1]
    if findings:
        raise Invalid(
            "list.file",
            f"清单文件有{len(findings)}处不对，没有装入：{findings[0].message}",
            f"The list has {len(findings)} faults and was not taken in.",
            findings,
        )
    return Published(items, document.strip())


def _items(content: bytes) -> Sequence[Any]:
    try:
        items = json.loads(content)["items"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise _unreadable() from error
    if not isinstance(items, list) or not items:
        raise _unreadable()
    return items


def _unreadable() -> Invalid:
    return Invalid(
        "list.unreadable",
        "清单文件应为JSON，其中items是事项的列表，写法同流程包的 list.json。",
        "The file has to be JSON with a list “items”, written like the list.json of a pack.",
    )


def _faults(pack: Pack, number: int, item: Any) -> Iterator[Finding]:
    """What is wrong with an item, field by field."""
    if not isinstance(item, Mapping):
        yield _fault(number, "", "应为对象", "has to be an object")
        return
    label, helpers = item.get("label"), item.get("co_handlers") or []
    words = [label.get(one) for one in ("zh", "en")] if isinstance(label, Mapping) else [None]
    departments = [item.get("lead_department") or None, *(helpers if isinstance(helpers, list) else [helpers])]
    if not isinstance(item.get("key"), str) or not KEY.fullmatch(item["key"]):
        yield _fault(number, "key", "应以小写字母开头，只含小写字母、数字和下划线", "has to be like corridor_clutter")
    if not all(isinstance(one, str) and one for one in words):
        yield _fault(number, "label", "应有中文和英文名称", "needs a name in both languages")
    if item.get("performer") not in PERFORMERS:
        yield _fault(number, "performer", f"应为{'、'.join(PERFORMERS)}之一", f"is one of {', '.join(PERFORMERS)}")
    if not isinstance(item.get("requires_enforcement_power"), bool):
        yield _fault(number, "requires_enforcement_power", "应为true或false", "is true or false")
    if not {json.dumps(one) for one in departments if one is not None} <= {json.dumps(one) for one in pack.departments}:
        yield _fault(number, "lead_department", "有流程包不认识的部门", "names a department the pack does not know")
    if str(item.get("handling_limit") or "handle") not in pack.limits:
        yield _fault(number, "handling_limit", "是流程包没有的时限", "names a limit the pack does not have")
    for name in item.keys() - lists.TOLD.keys():
        yield _fault(number, str(name), "不是清单事项的内容", "is nothing an item says")


def _fault(number: int, field: str, zh: str, en: str) -> Finding:
    return Finding("list.item", "error", field, f"第{number}项的“{field}”{zh}。 “{field}” of item {number} {en}.")

"""What a demonstration city does beside matters: its list and grids change, workers come and go, somebody complains,
patrols are planned, grids are published. Here is who begins what with which words; it is played by `demonstration.py`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from random import Random
from typing import Any, NamedTuple

from engine.library import Pack, day_of
from handlers.city import City

ROUNDS = 2
"""How often each procedure is begun in a month."""

ITEMS = (("tree_trimming", "行道树修剪"), ("bench_repair", "便民座椅维修"))
"""What is proposed for the list, where the county may list what is new."""

PLANS = (("regular", 1), ("screening", 3), ("visit", 5))
"""Patrols that are planned: kind, and every how many working days."""


class Start(NamedTuple):
    """A procedure to be begun: by somebody with a role at a unit, about a unit, with an answer to what its form wants
    beyond words."""

    event: str
    role: str
    unit: str
    about: str
    answer: dict[str, Any]


def starts(pack: Pack, city: City, round: int, now: datetime) -> Iterator[Start]:
    """What begins in one round, of what the pack has; the places change from round to round."""
    place = _Place(pack, city, round)
    for event, begin in BEGIN.items():
        if event in pack.procedures:
            role, unit, about, answer = begin(place, now)
            yield Start(event, role, unit, about, answer)


def answer(form: Mapping[str, Any], facts: Mapping[str, Any], now: datetime, random: Random) -> dict[str, Any]:
    """A plausible answer to a step of a procedure: mostly yes, with everything its form wants."""
    fields = form["properties"]
    given: dict[str, Any] = {}
    wanted = [name for name in form.get("required", ()) if not fields[name].get("readOnly")]
    for name in (*wanted, *(name for name in ASKED if name in fields)):
        given[name] = _value(name, fields[name], facts, now, random)
    for rule in form.get("allOf", ()):
        if all(given.get(name) == one.get("const") for name, one in rule["if"]["properties"].items()):
            given |= {
                name: _value(name, fields[name], facts, now, random)
                for name in rule["then"].get("required", ())
                if name not in given
            }
    return given


ASKED = ("handling_mode", "begins_on", "decider", "visited_households", "visited_enterprises")
"""What forms leave open and a place may ask for all the same."""


# -- who begins what ---------------------------------------------------------------------------------


class _Place(NamedTuple):
    """Where a round takes place."""

    pack: Pack
    city: City
    round: int

    @property
    def grid(self) -> str:
        return self.city.grids[self.round % len(self.city.grids)]

    @property
    def township(self) -> str:
        return self.city.townships[self.round % len(self.city.townships)]

    @property
    def office(self) -> str:
        """The agency of the grid's township."""
        return f"ga-c{self.grid[1:10]}"

    @property
    def county(self) -> str:
        return f"c{self.township[1:7]}"

    def departments(self) -> list[str]:
        return [f"dep-{self.county}-{key}" for key in list(self.pack.departments)[:2]]

    def worker(self, kind: str) -> str:
        return f"w{self.grid[1:]}-{kind}"


Begin = tuple[str, str, str, dict[str, Any]]


def _applicant(place: _Place, event: str) -> tuple[str, str]:
    """Who applies for a change of the list: a department where it may, else the county's agency."""
    if "handler" in place.pack.procedures[event]["by"]:
        return "handler", place.departments()[0]
    return "triage_officer", f"ga-{place.county}"


def _admission(place: _Place, _: datetime) -> Begin:
    inside_city = "inside_city_lists" in place.pack.setting("list_rules", {})
    known = [(key, item["label"]["zh"]) for key, item in place.pack.items.items() if item["performer"] == "grid_worker"]
    key, title = (known if inside_city else ITEMS)[place.round % len(ITEMS)]
    content = {
        "item_key": key,
        "title": title,
        "performer": "grid_worker",
        "requires_enforcement_power": False,
        "village_work_item": "村（社区）便民服务",
        "lead_department": place.departments()[0].rpartition("-")[2],
        "handling_limit": "handle",
        "consulted": place.departments(),
    }
    return *_applicant(place, "list_admission"), "", content


def _exit(place: _Place, _: datetime) -> Begin:
    key = [key for key, item in place.pack.items.items() if item["performer"] == "grid_worker"][-1 - place.round]
    return *_applicant(place, "list_exit"), "", {"item_key": key, "consulted": place.departments()}


def _grid(place: _Place, now: datetime) -> Begin:
    by_township = "grid" in place.pack.setting("grid_division", {}).get("by", {}).get("township", ())
    parent = f"{place.township}001"
    number = 90 + place.round
    draft = {
        "code": f"{parent[1:]}{number:03d}",
        "name": f"新建第{place.round + 1}网格",
        "boundary": f"东至大街，西至河，第{place.round + 1}片",
        "parent": parent,
        **({"division_unit": "estate"} if _drafts_say(place.pack, "division_unit") else {}),
        "workers": [place.worker("part_time")],
    }
    given = {
        "change_kind": "new",
        "grids": [],
        "drafts": [draft],
        "effective_from": day_of(now).isoformat(),
        "joint_units": [place.departments()[0], f"gov-{place.township}"],
    }
    return "duty_officer", f"ga-{place.township if by_township else place.county}", place.township, given


def _drafts_say(pack: Pack, name: str) -> bool:
    return name in pack.forms["grid_change"]["properties"]["drafts"]["items"]["properties"]


def _worker(place: _Place, _: datetime) -> Begin:
    kind = ("full_time", "part_time")[place.round % 2]
    named = {"worker_kind": kind, "worker_name": f"新网格员{place.round + 1}号", "work_contact": "000-0000-0000"}
    return "duty_officer", place.office, place.grid, named


def _leaving(place: _Place, _: datetime) -> Begin:
    ground = ("resigned", "unfit")[place.round % 2]
    return "duty_officer", place.office, place.grid, {"worker": place.worker("part_time"), "exit_ground": ground}


def _complaint(place: _Place, _: datetime) -> Begin:
    given = {
        "worker": place.worker("full_time"),
        "channel": "supervision_phone",
        "complainant_kind": "anonymous",
        "handled_at": "township",
    }
    return "duty_officer", place.office, place.grid, given


def _publication(place: _Place, _: datetime) -> Begin:
    return "publicity_officer", place.office, place.grid, {"why": "requested"}


def _admitted(place: _Place, _: datetime) -> Begin:
    return "checker", place.office, "", {"member": f"{place.office}-2", "classes": ["sensitive"]}


def _supervision(place: _Place, _: datetime) -> Begin:
    given = {"against_unit": place.departments()[0], "supervision_ground": "slow", "outcome_proposed": "notice"}
    return "supervisor", f"ga-{place.county}", "", given


BEGIN: Mapping[str, Callable[[_Place, datetime], Begin]] = {
    "list_admission": _admission,
    "list_exit": _exit,
    "grid_change_proposed": _grid,
    "worker_proposed": _worker,
    "exit_proposed": _leaving,
    "complaint_received": _complaint,
    "publication_due": _publication,
    "admission_asked": _admitted,
    "supervision_outcome_proposed": _supervision,
}
"""By the start event of the procedure."""


# -- what they answer --------------------------------------------------------------------------------


def _value(name: str, field: Mapping[str, Any], facts: Mapping[str, Any], now: datetime, random: Random) -> Any:
    """Something that fits a field."""
    if name in LISTS:
        return LISTS[name](facts)
    if "enum" in field:
        return field["enum"][0] if random.random() < AGREED else random.choice(field["enum"])
    if field.get("type") == "boolean":
        return not name.startswith("bar_")
    if field.get("type") in ("number", "integer"):
        return 85
    if name == "birth_date":
        return "1990-05-01"
    if field.get("format") == "date-time":
        return now.isoformat()
    return day_of(now).isoformat() if field.get("format") == "date" else f"（演示）{field.get('title', name)}"


AGREED = 0.85
"""The share of choices that fall on the first of them, which is the way on in each form of a procedure."""


def _consulted(facts: Mapping[str, Any]) -> Sequence[str]:
    division = str(facts["own_agency"]).removeprefix("ga-")
    return [f"dep-{division}-urban_management", f"dep-{division}-housing"]


LISTS: Mapping[str, Callable[[Mapping[str, Any]], Any]] = {
    "consulted": _consulted,
    "hand_over_list": lambda _: ["网格台账", "工作手机"],
    "channels": lambda _: [{"channel": one, "place": "社区公告栏"} for one in ("place", "board", "online")],
    "patrol_grid_outcome": lambda _: "nothing_found",
    "bearer": lambda facts: facts["township_government"],
}
"""What a list or a unit is filled with."""

"""A demonstration city: counties, townships, villages, grids, agencies, departments, governments, and people for
every post. Made through the directory's own verbs, the same on every machine for the same plan.

Nobody in it exists: people are called by post and number.
"""

from datetime import date, datetime
from typing import Any, NamedTuple

from engine import directory
from engine.directory import Actor
from engine.library import Pack
from engine.model import Value
from engine.work import Work
from handlers import lists

FOUNDER = Actor(person="founder", post="", role="", unit="", area="/")
"""Who sets up a demonstration; on record as such."""

ESTABLISHED = date(2021, 1, 1)


class Plan(Value, frozen=True):
    """How large the city is. Each township has two villages; grids are spread over the townships in turn."""

    counties: int = 3
    townships: int = 9
    grids: int = 40
    departments: tuple[str, ...] = ()


class Person(NamedTuple):
    """Somebody with their posts: (unit, role)."""

    id: str
    name: str
    posts: tuple[tuple[str, str], ...]
    worker_kind: str | None = None
    contact: str | None = None


class City(Value, frozen=True):
    """What was founded: ids by what they are. `agency` is the one of the whole city."""

    agency: str
    counties: tuple[str, ...]
    townships: tuple[str, ...]
    grids: tuple[str, ...]
    people: tuple[str, ...]


AGENCY_DESKS = (
    ("分流员", ("triage_officer",)),
    ("核查员", ("checker", "mediator")),
    ("值班长", ("duty_officer", "emergency_officer", "publicity_officer")),
)
"""Three people in each agency: who triages does not check, who checks does not close."""


DESIGNERS = (
    ("流程管理员", "process_designer"),
    ("流程管理员（二）", "process_designer"),
    ("流程审定员", "process_publisher"),
)
"""Those in each county's agency, or where the place says it publishes, who draw processes, and who approves them."""


def found(work: Work, plan: Plan, pack: Pack) -> City:
    """Founds the city in an empty directory."""
    at, day = work.now, ESTABLISHED
    made = _Founder(work, at, day, pack)
    departments = plan.departments or tuple(pack.departments)
    province, code = _codes(pack.area)
    made.unit(f"p{province}", "division", "province", province, "示范省", None)
    city = made.unit(f"c{code}", "division", "city", code, "示范市", f"p{province}")
    agency = made.authorities(city, "city", "示范市")
    made.departments(city, "city", "市", departments, pack)
    lists.found(work, FOUNDER, work.directory.unit(agency), pack, day)
    counties = [made.county(city, number, departments, pack) for number in range(plan.counties)]
    for county in counties:
        lists.found(work, FOUNDER, work.directory.unit(f"ga-{county}"), pack, day)
    townships = [made.township(counties[n % len(counties)], n) for n in range(plan.townships)]
    grids = [made.grid(townships[n % len(townships)], n) for n in range(plan.grids)]
    return City(agency, tuple(counties), tuple(townships), tuple(grids), tuple(made.people))


def _codes(area: str) -> tuple[str, str]:
    """Codes of a province and a city in it where a pack applies; in a province's pack, a city that has no number."""
    province, *below = area.strip("/").split("/")
    return province, below[0] if below else f"{province}99"


class _Founder:
    def __init__(self, work: Work, at: datetime, day: date, pack: Pack) -> None:
        self.connection = work.connection
        self.at = at
        self.day = day
        self.area = f"/{'/'.join(_codes(pack.area))}/"
        self.roles = {key: role.unit_kinds for key, role in pack.roles.items()}
        self.levels = pack.setting("agency_levels", ())
        self.platforms = pack.setting("mediation_platforms", ())
        self.publishing = pack.setting("publishers", {"levels": ("county",)})["levels"]
        gate = pack.setting("training_gate", {}).get("roles", {})
        self.trainings = sorted({"pre_job", *(kind for kinds in gate.values() for kind in kinds)})
        self.people: list[str] = []

    def unit(self, id: str, kind: str, level: str, code: str, name: str, parent: str | None, **more: Any) -> str:
        directory.put_unit(
            self.connection,
            id,
            kind=kind,
            level=level,
            code=code,
            name=name,
            parent=parent,
            valid_from=self.day,
            attributes=more,
            by=FOUNDER,
            at=self.at,
        )
        return id

    def person(self, person: Person) -> None:
        directory.put_person(
            self.connection,
            person.id,
            name=person.name,
            contact=person.contact,
            worker_kind=person.worker_kind,
            valid_from=self.day,
            by=FOUNDER,
            at=self.at,
            area=self.area,
        )
        for number, (unit, role) in enumerate(person.posts, 1):
            directory.give_post(
                self.connection,
                f"{person.id}-{number}",
                person=person.id,
                unit=unit,
                role=role,
                valid_from=self.day,
                roles=self.roles,
                by=FOUNDER,
                at=self.at,
            )
        self.people.append(person.id)

    def train(self, person: str, given_by: str) -> None:
        for kind in self.trainings:
            directory.record_training(
                self.connection,
                f"{person}-{kind}",
                person=person,
                kind=kind,
                passed=True,
                given_by=given_by,
                valid_from=self.day,
                by=FOUNDER,
                at=self.at,
            )

    def agency(self, division: str, level: str, name: str) -> str:
        """The agency of a division, with its people."""
        agency = self.unit(
            f"ga-{division}", "governance_agency", level, f"GA{division}", f"{name}网格化治理机构", division,
            supervision_phone="000-0000-0000",
        )  # fmt: skip
        for number, (title, roles) in enumerate(AGENCY_DESKS, 1):
            posts = tuple((agency, role) for role in roles if role in self.roles)
            self.person(Person(f"{agency}-{number}", f"{name}{title}", posts))
        if "supervisor" in self.roles:
            self.person(Person(f"{agency}-4", f"{name}督查员", ((agency, "supervisor"),)))
        if level in self.publishing:
            self.designers(agency, name)
        if "governance_agency" in self.roles.get("expert", ()) and level in ("city", "county"):
            self.person(Person(f"{agency}-expert", f"{name}论证专家", ((agency, "expert"),)))
        return agency

    def designers(self, agency: str, name: str) -> None:
        """Two who draw and one who approves: nobody publishes what they drew."""
        for number, (title, role) in enumerate(DESIGNERS, 1):
            if role in self.roles:
                self.person(Person(f"{agency}-design-{number}", f"{name}{title}", ((agency, role),)))

    def platform(self, division: str, level: str, name: str) -> None:
        """Where conflicts are mediated (ZJ-16.2): a platform, in a village a station (ZJD-17.2)."""
        if level in self.platforms:
            title = f"{name}矛盾纠纷{'调处服务工作站' if level == 'village' else '多元化解平台'}"
            unit = self.unit(
                f"med-{division}", "department", level, f"MED{division}", title, division, functions=["mediation"]
            )
            for number, (role, post) in enumerate((("receiver", "签收人"), ("handler", "调解员")), 1):
                self.person(Person(f"{unit}-{number}", f"{title}{post}", ((unit, role),)))

    def authorities(self, division: str, level: str, name: str) -> str:
        """The agency and the government of a division, with their people. Returns the agency."""
        agency = self.agency(division, level, name)
        office = "办事处" if name.endswith("街道") else "人民政府"
        government = self.unit(f"gov-{division}", "government", level, f"GOV{division}", f"{name}{office}", division)
        if "party_decider" in self.roles:
            party = self.unit(f"party-{division}", "party_committee", level, f"CPC{division}", f"{name}党委", division)
            self.person(Person(f"{party}-1", f"{name}党委值班人员", ((party, "party_decider"),)))
        posts = tuple(
            (government, role)
            for role in ("government_decider", "government_duty", "publicity_officer")
            if role in self.roles
        )
        self.person(Person(f"{government}-1", f"{name}政府值班人员", posts))
        self.platform(division, level, name)
        return agency

    def departments(self, division: str, level: str, place: str, keys: tuple[str, ...], pack: Pack) -> None:
        for key in keys:
            label = pack.departments[key]["label"]["zh"]
            unit = self.unit(
                f"dep-{division}-{key}", "department", level, f"D{division}{key}", f"{place}{label}部门", division,
                functions=[key],
            )  # fmt: skip
            self.person(Person(f"{unit}-1", f"{place}{label}签收人", ((unit, "receiver"),)))
            self.person(Person(f"{unit}-2", f"{place}{label}承办人", ((unit, "handler"),)))
            if "department_head" in self.roles:
                self.person(Person(f"{unit}-3", f"{place}{label}负责人", ((unit, "department_head"),)))

    def county(self, city: str, number: int, departments: tuple[str, ...], pack: Pack) -> str:
        name = f"{'甲乙丙丁戊己庚辛壬癸'[number % 10]}区"
        code = f"{city[1:]}{number + 2:02d}"
        id = self.unit(f"c{code}", "division", "county", code, name, city)
        self.authorities(id, "county", name)
        self.departments(id, "county", name, departments, pack)
        return id

    def township(self, county: str, number: int) -> str:
        code = f"{county[1:]}{number + 100:03d}" if number % 2 else f"{county[1:]}{number + 1:03d}"
        name = f"第{number + 1}{'镇' if number % 2 else '街道'}"
        id = self.unit(f"c{code}", "division", "township", code, name, county)
        self.authorities(id, "township", name)
        for village in (1, 2):
            village_code = f"{code}{village:03d}"
            place = f"{name}第{village}社区"
            self.unit(f"c{village_code}", "division", "village", village_code, place, id)
            committee = self.unit(
                f"vc-c{village_code}", "committee", "village", f"VC{village_code}", f"{place}委员会", f"c{village_code}"
            )
            if "village_clerk" in self.roles:
                self.person(Person(f"{committee}-1", f"{place}负责人", ((committee, "village_clerk"),)))
            if "village" in self.levels:
                self.agency(f"c{village_code}", "village", place)
            self.platform(f"c{village_code}", "village", place)
        return id

    def grid(self, township: str, number: int) -> str:
        village = f"{township}{number // 2 % 2 + 1:03d}"
        code = f"{village[1:]}{number + 1:03d}"
        id = self.unit(
            f"g{code}", "grid", "grid", code, f"第{number + 1}网格", village,
            category="comprehensive", area_kind="urban", boundary=f"第{number + 1}片住宅楼院",
        )  # fmt: skip
        kinds = (
            ("full_time", "专职网格员", "grid_worker"),
            ("grid_chief", "网格长", "grid_chief"),
            ("part_time", "兼职网格员", "grid_worker"),
        )
        for kind, title, role in (one for one in kinds if one[2] in self.roles):
            person = f"w{code}-{kind}"
            self.person(Person(person, f"第{number + 1}网格{title}", ((id, role),), kind, "000-0000-0000"))
            self.train(person, f"ga-{township}")
        return id

"""A small city under a pack, seen through the HTTP API: everybody signs in with a log-in of their own and acts in the
post that a step asks for. Who is who is looked up in the directory; nothing is done but by a request.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests.places import FOUND, Place
from web import sessions
from web.app import create_app
from web.settings import Settings

PASSWORD = "correct horse battery"  # noqa: S105 - of people who do not exist

SIGNED_IN = timedelta(hours=8)
"""After so long somebody signs in anew: sessions end."""


class Problem(Exception):
    """What a request was refused with: the problem document."""

    def __init__(self, answer: TestResponse) -> None:
        assert answer.content_type == "application/problem+json", answer.text
        self.told: dict[str, Any] = answer.get_json()
        super().__init__(f"{answer.status_code} {self.code}: {self.told['detail']}")

    @property
    def code(self) -> str:
        return str(self.told["type"]).removeprefix("urn:wangge:problem:")

    @property
    def fields(self) -> set[str]:
        """The fields of a form that are not right."""
        return {finding["element"] for finding in self.told["findings"]}


@contextmanager
def refused(code: str, *fields: str, article: str = "") -> Iterator[None]:
    """Something is refused with this code, for these fields of a form, citing this article, in both languages."""
    with pytest.raises(Problem) as caught:
        yield
    problem = caught.value
    assert (problem.code, problem.fields) == (code, set(fields)), problem
    assert problem.told["detail"]
    assert problem.told["detail_en"]
    if article:
        assert problem.told["article"] == article


class Person:
    """Somebody who is signed in, in one of their posts."""

    def __init__(self, town: "TownApi", id: str, post: str) -> None:
        self.town, self.id, self.post_id = town, id, post

    def get(self, path: str) -> Any:
        """What stands at an address below /api."""
        return self._ask("GET", path, None)

    def post(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """What a request brought about."""
        return self._ask("POST", path, body or {})

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None) -> Any:
        headers = {"Authorization": f"Bearer {self.town.token(self.id)}", "X-Wangge-Post": self.post_id}
        answer = self.town.client.open(f"/api/{path}", method=method, json=body, headers=headers)
        if answer.status_code >= 400:
            raise Problem(answer)
        return answer.get_json()


class TownApi:
    """The city. `place` knows who is who and what time it is; matters go by their id, the end of their number.
    `tampered`: somebody changed records behind the application's back, so that verification finds faults."""

    tampered = False

    def __init__(self, place: Place, folder: Path) -> None:
        self.place = place
        self.app = create_app(place.engine, Settings(folder, refusal_seconds=0))
        self.client = self.app.test_client(use_cookies=False)
        self._tokens: dict[str, tuple[str, datetime]] = {}

    # -- who

    def token(self, person: str) -> str:
        """The token of somebody who has signed in; their account is made when they first do."""
        token, since = self._tokens.get(person, ("", self.place.now - SIGNED_IN))
        if self.place.now - since < SIGNED_IN:
            return token
        if not token:
            with self.place.engine.work() as work:
                sessions.create_account(work, person, person, PASSWORD)
        answer = self.client.post("/api/sessions", json={"login": person, "password": PASSWORD})
        assert answer.status_code == 201, answer.text
        self._tokens[person] = (answer.get_json()["token"], self.place.now)
        return self._tokens[person][0]

    def person(self, id: str, role: str = "", unit: str = "") -> Person:
        """Somebody by id, in their first post that is of this role and unit."""
        return Person(self, id, self.place.actor(id, role, unit).post)

    def someone(self, role: str, unit: str = "") -> Person:
        """The first who holds a role in a unit: the agency of the township, unless another is named."""
        unit = unit or self.place.township
        return self.person(self.place.person(role, unit), role, unit)

    def worker(self, kind: str = "full_time") -> Person:
        """A worker of the grid."""
        return self.person(self.place.worker(kind))

    @property
    def supervisor(self) -> Person:
        """Who sees every matter of the city."""
        return self.someone("supervisor", self.place.city.agency)

    # -- doing

    def report(self, person: Person, way: str = "discovered", **answer: Any) -> int:
        """Somebody brings a matter in. Fields that only tell something are filled with words."""
        filled = self.place.filled(self.place.pack.forms[way], {**FOUND, **answer})
        given = {"way_in": way, "grid": self.place.grid, "pack": self.place.draft, "answer": filled}
        return id_of(person.post("matters", given)["matter"])

    def begin(self, person: Person, event: str, *, about: str = "", **answer: Any) -> int:
        """Somebody begins a procedure beside matters."""
        form = self.place.pack.forms[self.place.pack.procedures[event]["form"]]
        given = {"answer": self.place.filled(form, answer), "about": about, "pack": self.place.draft}
        return id_of(person.post(f"procedures/{event}", given)["matter"])

    def complete(self, case: int, node: str, *, by: Person | None = None, unit: str = "", **answer: Any) -> str:
        """Answers a step; by the first who holds its post, unless somebody is named. Returns who did it."""
        waiver = answer.pop("waiver", "")
        row = self.step(case, node, unit)
        person = by or self.holder(row)
        form = person.get(f"steps/{row['id']}")["form"] if self.sees(person, case) else None
        given = self.place.filled(form, answer) if form else answer
        body = {"revision": row["revision"], "answer": given, "waiver": waiver}
        person.post(f"steps/{row['id']}/complete", body)
        return person.id

    def leave(
        self, case: int, node: str, code: str, *, by: Person | None = None, unit: str = "", **answer: Any
    ) -> None:
        """Leaves a step by another way: return, withdraw, dispute, …"""
        row = self.step(case, node, unit)
        given = self.place.filled(self.place.pack.forms[code], answer)
        person = by or self.holder(row)
        person.post(f"steps/{row['id']}/escalate/{code}", {"revision": row["revision"], "answer": given})

    def send(self, case: int, message: str, person: Person, **answer: Any) -> None:
        """Somebody sends a message to a matter: emergency, emergency_lifted, …"""
        given = self.place.filled(self.place.pack.forms[message], answer)
        person.post(f"matters/{self.number(case)}/messages/{message}", {"answer": given})

    def ask(self, case: int, person: Person, kind: str, **more: Any) -> int:
        """Somebody asks for something: extension, suspension, … Returns the request."""
        asked = {"kind": kind, "reason": "（测试）理由", **more}
        return int(person.post(f"matters/{self.number(case)}/requests", asked)["request"])

    def decide(self, request: int, person: Person, grant: bool = True) -> None:
        person.post(f"requests/{request}/decide", {"grant": grant, "reason": "（测试）理由"})

    def verify(self, case: int, outcome: str = "substantiated") -> None:
        self.complete(case, "verify", by=self.worker(), verify_outcome=outcome)

    def dispatch(self, case: int, *units: str, node: str = "triage", limit: str = "handle") -> None:
        """An agency gives a matter to units, the first of them in the lead."""
        given: dict[str, Any] = {outcome_of(node): "dispatch", "assignments": orders(*units, limit=limit)}
        self.complete(case, node, **given)

    def pass_(self, **time: float) -> None:
        """Time goes on, and the clock beats at its end."""
        self.place.pass_(**time)

    # -- looking

    def number(self, case: int) -> str:
        return str(self.place.case(case).number)

    def register(self, kind: str, person: Person | None = None, about: str = "") -> list[dict[str, Any]]:
        """What a register holds here today, as somebody sees it: the supervisor, unless another is named."""
        return [
            entry["body"] for entry in (person or self.supervisor).get(f"registers/{kind}?about={about}")["entries"]
        ]

    def everybody(self, path: str) -> Any:
        """What stands at an address for somebody who has not signed in."""
        answer = self.client.get(path)
        assert answer.status_code == 200, answer.text
        return answer.get_json()

    def matter(self, case: int, person: Person | None = None) -> Any:
        """A matter as somebody sees it: the supervisor of the city, unless another is named."""
        return (person or self.supervisor).get(f"matters/{self.number(case)}")

    def sees(self, person: Person, case: int) -> bool:
        """Whether a matter is in somebody's sight."""
        try:
            self.matter(case, person)
        except Problem as problem:
            assert problem.code == "matter.unknown"  # noqa: PT017
            return False
        return True

    def steps(self, case: int) -> dict[str, list[Any]]:
        """The open steps of a matter, by node."""
        found: dict[str, list[Any]] = {}
        for row in self.matter(case)["steps"]:
            if row["status"] == "open":
                found.setdefault(row["node"], []).append(row)
        return found

    def step(self, case: int, node: str, unit: str = "") -> Any:
        """An open step at a node, in a unit."""
        open_ = self.steps(case)
        assert node in open_, f"“{node}” is not open; open: {sorted(open_)}"
        return next(row for row in open_[node] if unit in ("", row["unit"]["id"]))

    def at(self, case: int) -> dict[str, str]:
        """Where a matter stands: the unit of each open step."""
        return {node: rows[0]["unit"]["id"] for node, rows in self.steps(case).items()}

    def due(self, case: int, node: str) -> datetime | None:
        """When a step is due."""
        due = self.step(case, node)["due_at"]
        return datetime.fromisoformat(due) if due else None

    def light(self, case: int, node: str) -> str:
        return str(self.step(case, node)["clock"]["light"])

    def status(self, case: int) -> str:
        return str(self.matter(case)["status"]["key"])

    def records(self, case: int, person: Person | None = None) -> list[Any]:
        """What happened to a matter, first to last."""
        told = (person or self.supervisor).get(f"matters/{self.number(case)}/timeline")
        return list(told["records"])

    def told(self, case: int, node: str, field: str, person: Person | None = None) -> Any:
        """What was said in a field when a step at a node was last answered, as somebody sees it."""
        answers = (one for one in reversed(self.records(case, person)) if one["detail"].get("node") == node)
        return next(one for one in answers if one["kind"] == "completed")["said"][field]["value"]

    def holder(self, row: Mapping[str, Any]) -> Person:
        """Somebody whose post a step is."""
        unit = row["unit"]["id"]
        role = row["role"] or self.place.act(lambda work: work.directory.posted(unit)[0].role)
        return self.someone(role, unit)


def id_of(number: str) -> int:
    """A number ends in the id."""
    return int(number.rpartition("-")[2])


def outcome_of(node: str) -> str:
    """The field that says where a step leads."""
    return "level_outcome" if node.startswith("coordinate_") else f"{node}_outcome"


def orders(*units: str, limit: str = "handle") -> list[dict[str, str]]:
    """What an agency orders: the first unit in the lead."""
    return [{"unit": u, "duty": "co_handler" if n else "lead", "limit": limit} for n, u in enumerate(units)]

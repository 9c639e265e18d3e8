"""Every pack under `processes/`: it reads without a fault, cites what it rests on, and its example cases run.

A pack is data, so these tests know none of its steps: they go by the files that are there. A pack added later
is held to the same rules without a line here.
"""

import json
from collections.abc import Iterator
from functools import cache
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from jsonschema import Draft202012Validator

from engine import bpmn, decisions, lifecycle, xml
from engine.coverage import Run, coverage, run
from engine.decisions import Table
from engine.definition import Definition, Flow, Node, Process
from engine.expressions import compile_expression, compile_script
from engine.limits import Limit, check_limit
from engine.machine import advance
from engine.model import Effect, Event, Opened, State
from handlers import statutes
from tests.places import read

PROCESSES = Path(__file__).parents[2] / "processes"
PACKS = sorted(path.parent for path in PROCESSES.glob("*/*/manifest.json"))

Box = tuple[float, float, float, float]
Line = tuple[tuple[float, float], tuple[float, float]]


class Pack(NamedTuple):
    """A pack as read from its folder."""

    path: Path
    manifest: dict[str, Any]
    files: dict[str, bytes]
    processes: dict[str, Process]
    tables: dict[str, Table]
    limits: dict[str, Limit]
    articles: dict[str, dict[str, Any]]
    roles: dict[str, dict[str, Any]]
    forms: dict[str, dict[str, Any]]
    list: dict[str, Any]
    starts: tuple[dict[str, Any], ...]

    @property
    def statuses(self) -> set[str]:
        return {status["key"] for status in self.manifest["statuses"]}

    def definition(self, root: str) -> Definition:
        return bpmn.read(self.files[root], decisions=self.tables).definition(root, self.processes)

    def nodes(self) -> Iterator[Node]:
        for process in self.processes.values():
            for _, node in Definition(process.id, {process.id: process}).nodes():
                yield node

    def flows(self) -> Iterator[Flow]:
        for process in self.processes.values():
            for _, body in Definition(process.id, {process.id: process}).bodies():
                yield from body.flows.values()


def place(pack: Path, file: str) -> Path:
    """Where a diagram of a pack stands: its own folder, or the shared parts."""
    return PROCESSES / file if file.startswith("shared/") else pack / file


def procedures(pack: Path, manifest: dict[str, Any]) -> list[Path]:
    """The folders of its procedures, its own and the shared ones it names."""
    own = sorted(path.parent for path in (pack / "procedures").glob("*/procedure.json"))
    return [*own, *(PROCESSES / "shared" / name for name in manifest.get("shared", []))]


@cache
def load(path: Path) -> Pack:
    manifest = content(path / "manifest.json")
    beside = procedures(path, manifest)
    drawn = {key: place(path, name) for key, name in manifest["processes"].items()}
    drawn |= {file.stem: file for folder in beside for file in sorted(folder.glob("*.bpmn"))}
    files = {key: file.read_bytes() for key, file in drawn.items()}
    tables = {
        key: table
        for name in manifest["decisions"].values()
        for key, table in decisions.read((path / name).read_bytes())[0].items()
    }
    described = [content(folder / "procedure.json") for folder in beside]
    manifest["without_basis"] = [
        *manifest.get("without_basis", []),
        *(node for one in described for node in one.get("without_basis", [])),
    ]
    limits = [*content(path / "limits.json"), *(limit for one in described for limit in one.get("limits", []))]
    return Pack(
        path,
        manifest,
        files,
        {key: bpmn.read(data, decisions=tables).processes[key] for key, data in files.items()},
        tables,
        {limit["key"]: check_limit(limit) for limit in limits},
        {article["key"]: article for article in content(path / "articles.json")},
        {role["key"]: role for role in content(path / "roles.json")},
        {
            file.stem: content(file)
            for folder in dict.fromkeys([path, *beside, *(file.parent for file in drawn.values())])
            for file in sorted((folder / "forms").glob("*.json"))
        },
        content(path / "list.json"),
        tuple(start for one in described for start in one["starts"]),
    )


def examples(pack: Path) -> list[Path]:
    """The example cases of a pack, with those of its procedures."""
    folders = [pack, *procedures(pack, content(pack / "manifest.json"))]
    return [path for folder in folders for path in sorted((folder / "cases").glob("*.json"))]


def content(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def name(path: Path) -> str:
    return "/".join(path.relative_to(PROCESSES).with_suffix("").parts)


packs = pytest.mark.parametrize("pack", [pytest.param(load(path), id=name(path)) for path in PACKS])


def test_there_are_packs_and_cases() -> None:
    assert PACKS
    assert all(examples(path) for path in PACKS)


# --- the files --------------------------------------------------------------------------------------------


@packs
def test_diagrams_and_tables_read_without_any_finding(pack: Pack) -> None:
    found = [f for data in pack.files.values() for f in bpmn.read(data, decisions=pack.tables).findings]
    for file in pack.manifest["decisions"].values():
        found += decisions.read((pack.path / file).read_bytes())[1]
    assert found == []
    assert set(pack.tables) == set(pack.manifest["decisions"])


@packs
def test_every_file_of_the_folder_is_named(pack: Pack) -> None:
    drawn = {path.name for path in pack.path.iterdir() if path.suffix in (".bpmn", ".dmn")}
    named = {*pack.manifest["processes"].values(), *pack.manifest["decisions"].values()}
    assert drawn == {file for file in named if not file.startswith("shared/")}


@packs
def test_the_manifest_says_where_when_and_with_what_force(pack: Pack) -> None:
    manifest = pack.manifest
    assert manifest["key"] == name(pack.path)
    assert manifest["area"].startswith("/")
    assert (manifest["force"] == "law") == (manifest["in_force_from"] is not None)
    starts = {
        node.id: node.trigger.ref for node in pack.processes["matter"].body.nodes.values() if node.kind == "start"
    }
    assert {way["event"]: way["message"] or "" for way in manifest["ways_in"]} == starts


# --- the steps --------------------------------------------------------------------------------------------


@packs
def test_every_step_names_role_unit_form_limit_and_status(pack: Pack) -> None:
    wanted = {"form": set(pack.forms), "limit": set(pack.limits), "status": pack.statuses}
    for node in pack.nodes():
        if node.kind == "user":
            for word, known in wanted.items():
                assert node.properties.get(word) in known, (node.id, word)
            # a reply to supervision is owed by the unit, whoever in it gives it
            assert node.properties.get("role") in pack.roles or node.id == "reply_supervision", node.id
            assert node.properties.get("unit"), node.id
        if node.kind in ("service", "rule"):
            assert node.handler or node.decision, node.id
            assert node.properties.get("status") in pack.statuses, node.id


@packs
def test_a_step_without_a_basis_in_the_law_is_named_as_such(pack: Pack) -> None:
    steps = [node for node in pack.nodes() if node.kind in ("user", "service", "rule")]
    without = {node.id for node in steps if not node.properties.get("basis")}
    assert without == set(pack.manifest.get("without_basis", []))


@packs
def test_statuses_are_those_the_law_of_assignments_knows(pack: Pack) -> None:
    """In the same order too: which of several open statuses a matter shows does not depend on the pack."""
    ordinary = [status["key"] for status in pack.manifest["statuses"] if status["key"] != "suspended"]
    assert ordinary == [status for status in lifecycle.ORDER if status in ordinary]
    flags = {status["key"] for status in pack.manifest["statuses"] if status.get("flag")}
    assert flags == pack.statuses & set(lifecycle.FLAGS)
    for node in pack.nodes():
        if node.kind == "user":
            assert node.properties["status"] in lifecycle.OPEN, node.id
        if node.kind == "end" and "status" in node.properties:
            assert node.properties["status"] in {*lifecycle.RESTING, *lifecycle.ENDS}, node.id


@packs
def test_what_an_event_or_a_boundary_names_exists(pack: Pack) -> None:
    for node in pack.nodes():
        for word, known in (
            ("form", pack.forms),
            ("limit", pack.limits),
            ("status", pack.statuses),
            ("role", pack.roles),
        ):
            assert node.properties.get(word, next(iter(known))) in known, (node.id, word)
        if node.trigger.kind in ("message", "escalation") and node.kind in ("start", "boundary"):
            assert node.properties.get("form"), node.id


@packs
def test_every_form_and_limit_is_used(pack: Pack) -> None:
    used = {node.properties.get("form") for node in pack.nodes()}
    assert set(pack.forms) - used == set()
    drawn = {node.properties.get("limit") for node in pack.nodes()}
    chosen = {value for form in pack.forms.values() for value in _limit_choices(form)}
    computed = {
        word for node in pack.nodes() for word in pack.limits if f'"{word}"' in node.properties.get("limit_from", "")
    }
    assert set(pack.limits) - drawn - chosen - computed == {"matter"}
    assert chosen <= set(pack.limits)


def _limit_choices(form: dict[str, Any]) -> list[str]:
    items = form["properties"].get("assignments", {}).get("items", {})
    choices: list[str] = items.get("properties", {}).get("limit", {}).get("enum", [])
    return choices


# --- what may be asked --------------------------------------------------------------------------------------


def routing(form: dict[str, Any]) -> set[str]:
    return {key for key, field in form["properties"].items() if field["x-wangge"] == "routing"}


def routed(pack: Pack) -> set[str]:
    """The variables that conditions may read: routing fields, answers of tables, what scripts and loops write."""
    names = {key for form in pack.forms.values() for key in routing(form)}
    names |= {output.name for table in pack.tables.values() for output in table.outputs}
    for node in pack.nodes():
        if node.kind == "script":
            names |= compile_script(node.script).writes
        if node.loop is not None:
            names |= {node.loop.item, node.loop.output}
    return names


def questions(pack: Pack) -> Iterator[tuple[str, frozenset[str]]]:
    """Each expression of the pack with the names it reads."""
    for flow in pack.flows():
        if flow.condition:
            yield flow.id, compile_expression(flow.condition).names
    for node in pack.nodes():
        for word in ("unit", "limit_from"):
            if node.properties.get(word):
                yield node.id, compile_expression(node.properties[word]).names
        if node.kind == "script":
            yield node.id, compile_script(node.script).names
        if node.loop is not None and node.loop.collection:
            yield node.id, compile_expression(node.loop.collection).names
    for table in pack.tables.values():
        for column in table.inputs:
            yield column.id, compile_expression(column.expression).names


@packs
def test_every_expression_reads_only_routing_fields(pack: Pack) -> None:
    known = routed(pack)
    unknown = {place: names - known for place, names in questions(pack) if names - known}
    assert unknown == {}


@packs
def test_a_name_is_never_record_in_one_form_and_routing_in_another(pack: Pack) -> None:
    record = {key for form in pack.forms.values() for key in form["properties"]} - {
        key for form in pack.forms.values() for key in routing(form)
    }
    assert {
        (stem, key) for stem, form in pack.forms.items() for key in form["properties"].keys() - routing(form) - record
    } == set()


# --- forms ------------------------------------------------------------------------------------------------


@packs
def test_forms_are_valid_and_every_field_is_labelled_and_classified(pack: Pack) -> None:
    for stem, form in pack.forms.items():
        Draft202012Validator.check_schema(form)
        assert form["title"], stem
        assert form["x-en"], stem
        assert set(form["x-submit"]) == {"zh", "en"}, stem
        assert set(form["required"]) <= form["properties"].keys(), stem
        for key, field in form["properties"].items():
            _check_field(f"{stem}.{key}", field)


def _check_field(place: str, field: dict[str, Any]) -> None:
    assert field["title"], place
    assert field["x-en"], place
    assert field["x-wangge"] in ("routing", "record"), place
    assert field.get("enum", []) == list(field.get("x-labels", {})), place
    if field["x-wangge"] == "routing" and field["type"] == "string":
        assert "enum" in field or "x-wangge-id" in field, f"{place}: free text is a record"
    if field["x-wangge"] == "routing" and field["type"] == "array":
        assert "properties" in field["items"] or "x-wangge-id" in field["items"], place
        for key, inner in field["items"].get("properties", {}).items():
            _check_field(f"{place}.{key}", inner)


# --- the law ----------------------------------------------------------------------------------------------


def citations(pack: Pack) -> Iterator[tuple[str, str]]:
    """Each place of the pack that cites an article, with the article."""
    for node in pack.nodes():
        for article in node.properties.get("basis", "").split():
            yield node.id, article
    for limit in pack.limits.values():
        if limit.basis.article:
            yield limit.key, limit.basis.article
    for role in pack.roles.values():
        for article in role["basis"]:
            yield role["key"], article
    for article in pack.list["basis"]:
        yield "list", article
    for item in pack.list["items"]:
        yield item["key"], item["class"]
    for way in pack.manifest["ways_in"]:
        for article in way["basis"]:
            yield way["event"], article


@packs
def test_every_article_cited_is_listed(pack: Pack) -> None:
    assert {(place, article) for place, article in citations(pack) if article not in pack.articles} == set()


@packs
def test_articles_are_written_as_they_are_cited_and_belong_to_a_law_of_the_pack(pack: Pack) -> None:
    laws = {law["key"]: law for law in pack.manifest["laws"]}
    for key, article in pack.articles.items():
        place = statutes.cite(key)
        named = (place.key, place.article, place.paragraph or None, place.item or None)
        assert named == (article["law"], article["article"], article["paragraph"], article["item"])
        law = laws[article["law"]]
        assert article["in_force_from"] == law["in_force_from"], key
        assert article["force"] == ("draft" if law["kind"] == "draft" else "law"), key
        assert article["summary"].keys() == {"zh", "en"}, key


@packs
def test_no_limit_claims_to_be_law_and_a_draft_says_so_everywhere(pack: Pack) -> None:
    kinds = {limit.basis.kind for limit in pack.limits.values()}
    assert kinds == ({"draft"} if pack.manifest["force"] == "draft" else {"product_default"})
    if pack.manifest["force"] == "law":
        assert {article["force"] for article in pack.articles.values()} == {"law"}


# --- list and table -----------------------------------------------------------------------------------------


@packs
def test_list_and_table_agree(pack: Pack) -> None:
    """Each listed type has rules of its own, and the table proposes what the list says, sooner if urgent."""
    departments = {department["key"] for department in pack.list["departments"]}
    for item in pack.list["items"]:
        asked = {"matter_type": item["key"], "urgency": "ordinary", "area_kind": "urban"}
        outcome = decisions.evaluate(pack.tables["triage"], asked)
        assert outcome.matched == (item["key"],)
        proposal = {key: item[key] for key in ("lead_department", "co_handlers", "handling_limit")}
        assert outcome.outputs == proposal
        urgent = decisions.evaluate(pack.tables["triage"], {**asked, "urgency": "urgent"})
        assert urgent.outputs == {**proposal, "handling_limit": "handle_urgent"}
        assert {item["lead_department"], *item["co_handlers"]} <= departments
        assert item["handling_limit"] in pack.limits
        assert item["village_work_item"] or not {"ZJ-8.3", "JS-16.3"} & pack.articles.keys()
    assert pack.list["sample"] is True


@packs
def test_no_worker_is_given_what_needs_enforcement_power(pack: Pack) -> None:
    enforced = [item for item in pack.list["items"] if item["requires_enforcement_power"]]
    assert bool(enforced) != ("LZ-15.3" in pack.articles)  # where the text keeps them off the list, there is none
    assert all(item["performer"] == "department" for item in enforced)


# --- example cases ------------------------------------------------------------------------------------------


@cache
def play(pack: Path, path: Path) -> Run:
    return run(read(pack), content(path))


CASES = [(load(pack), path) for pack in PACKS for path in examples(pack)]
cases = pytest.mark.parametrize(
    ("pack", "path"), [pytest.param(pack, path, id=f"{name(pack.path)}/{path.stem}") for pack, path in CASES]
)


@cases
def test_case_runs_as_recorded(pack: Pack, path: Path) -> None:
    """What a case says of itself is held against its play by `engine/coverage.py`; here it says enough of itself."""
    expected, known = content(path)["expect"], {node.id for node in pack.nodes()}
    assert play(pack.path, path).faults == ()
    assert expected.keys() >= {"status", "end", "visited", "not_visited"}
    assert {*expected["visited"], *expected["not_visited"], expected["end"]} <= known


@cases
def test_every_step_of_a_case_has_a_unit_and_a_limit(pack: Pack, path: Path) -> None:
    """`unit` and `limit_from` have a value whenever a step opens, and it is the one the case expects."""
    player = play(pack.path, path).player
    assert player is not None
    found: dict[str, list[Any]] = {}
    for state, effects in _replayed(player.definition, player.events):
        for opened in (effect for effect in effects if isinstance(effect, Opened)):
            words = player.definition.levels[opened.body].nodes[opened.node].properties
            names = _visible(state, opened.scope)
            if "unit" in words:
                found.setdefault(opened.node, []).append(compile_expression(words["unit"])(names))
            if "limit_from" in words:
                assert compile_expression(words["limit_from"])(names) in pack.limits
    assert all(isinstance(unit, str) and unit for units in found.values() for unit in units)
    expected = content(path)["expect"].get("units", {})
    assert {node: found.get(node) for node in expected} == expected


def _visible(state: State, scope: int) -> dict[str, Any]:
    names: dict[str, Any] = {}
    while scope:
        names = {**(state.scopes[scope].facts or {}), **names}
        scope = state.scopes[scope].parent
    return names


def _replayed(definition: Definition, events: list[Event]) -> Iterator[tuple[State, tuple[Effect, ...]]]:
    """The state after each recorded event, and what came of it."""
    state = State()
    for event in events:
        state, effects = advance(definition, state, event)
        yield state, effects


@cases
def test_case_answers_fit_the_forms(pack: Pack, path: Path) -> None:
    """What a case says at a step is what the routing part of that step's form lets a person say."""
    case = content(path)
    forms = {node.id: node.properties.get("form", "") for node in pack.nodes()}
    messages = {node.trigger.ref: forms[node.id] for node in pack.nodes() if node.trigger.kind == "message"}
    answers = [(forms[case["start"]["event"]], case["start"]["facts"])]
    for action in case["actions"]:
        form = forms.get(action.get("complete", ""), messages.get(action.get("message", ""), ""))
        if form:
            answers.append((form, action.get("facts", {})))
    for form, facts in answers:
        Draft202012Validator(_routing_part(pack.forms[form])).validate(facts)


def _routing_part(form: dict[str, Any]) -> dict[str, Any]:
    fields = routing(form)
    rules = [
        {"if": rule["if"], "then": {"required": [key for key in rule["then"]["required"] if key in fields]}}
        for rule in form.get("allOf", [])
        if rule["if"]["required"][0] in fields
    ]
    return {
        "properties": {key: form["properties"][key] for key in fields},
        "required": [key for key in form["required"] if key in fields],
        "additionalProperties": False,
        "allOf": rules,
    }


def test_cases_are_named_like_their_files() -> None:
    assert [content(path)["name"] for _, path in CASES] == [path.stem for _, path in CASES]


@packs
def test_every_element_is_exercised(pack: Pack) -> None:
    """Each node, flow and timer of each diagram is passed in some example case, without exception."""
    covered = coverage(read(pack.path))["processes"]
    assert {one["process"] for one in covered} == set(pack.processes)
    kinds = ("nodes", "flows", "timers")
    assert [(one["process"], one["missing"][kind]) for one in covered for kind in kinds if one["missing"][kind]] == []


# --- the drawing --------------------------------------------------------------------------------------------

DI = "{http://www.omg.org/spec/BPMN/20100524/DI}"
BOUNDS = "{http://www.omg.org/spec/DD/20100524/DC}Bounds"
WAYPOINT = "{http://www.omg.org/spec/DD/20100524/DI}waypoint"


@packs
def test_everything_is_drawn_and_nothing_lies_on_something_else(pack: Pack) -> None:
    for key, data in pack.files.items():
        root = xml.parse(data)
        drawn = {shape.get("bpmnElement") for shape in root.iter(f"{DI}BPMNShape", f"{DI}BPMNEdge")}
        one = Definition(key, {key: pack.processes[key]})
        bodies = [body for _, body in one.bodies()]
        assert {id for body in bodies for id in (*body.nodes, *body.flows)} - drawn == set()
        boxes = {str(s.get("bpmnElement")): _box(s) for s in root.iter(f"{DI}BPMNShape")}
        for body in bodies:
            shapes = [boxes[id] for id, node in body.nodes.items() if node.kind != "boundary"]
            assert not any(_overlap(one, other) for one, other in combinations(shapes, 2))
        crooked = [e.get("id") for e in root.iter(f"{DI}BPMNEdge") if not all(map(_straight, _lines(e)))]
        assert crooked == []


def _box(shape: xml.Element) -> Box:
    bounds = next(shape.iterchildren(BOUNDS))
    x, y, width, height = (float(str(bounds.get(key))) for key in ("x", "y", "width", "height"))
    return x, y, x + width, y + height


def _overlap(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _lines(edge: xml.Element) -> list[Line]:
    points = [(float(str(p.get("x"))), float(str(p.get("y")))) for p in edge.iterchildren(WAYPOINT)]
    return list(pairwise(points))


def _straight(line: Line) -> bool:
    return line[0][0] == line[1][0] or line[0][1] == line[1][1]

"""The rows of the regulations: what each paragraph asks of the product, what in the packs carries it, which test proves
it. Rows are data in `processes/articles/`; tests name theirs in a decorator that is read here and never imported.
"""

import ast
import json
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from engine.definition import Definition
from engine.errors import Invalid, Words
from engine.library import Pack
from engine.model import Value
from engine.publishing import PACKS, Folder

MARK = "article"
"""Name of the decorator (`@article("ZJ-13.4")`) and of the mark (`@pytest.mark.article("ZJ-13.4")`) of a proof."""

FREE = frozenset({"register", "page", "api", "command"})
"""Kinds of elements that are no part of a pack: a register by its kind, a page, an address of the API, a command."""


class Row(Value, frozen=True):
    """One duty of one paragraph. `priority`: A is behaviour that has to be proved, B is to be held ready, C asks little
    or nothing of the product. `elements` name what carries it: `<pack>/<process>#<node>`, `<pack>#limit/<key>`,
    `<pack>#setting/<key>`, `<pack>#role/<key>`, `<pack>#class/<class of items on its list>`, `<pack>#registry/<kind>`,
    `<pack>#area`, `<pack>#in_force_from`, `form/<pack>/<form>`, `handler/<name>`, `guard/<name>`, `register/<kind>`,
    `page/<name>`, `api/<path>`, `command/<name>`."""

    id: str
    article: str
    priority: str
    actor: Words
    what: Words
    elements: tuple[str, ...] = ()


class Standing(Value, frozen=True):
    """A row, the tests that prove it, and those of its elements that do not exist."""

    row: Row
    tests: tuple[str, ...]
    missing: tuple[str, ...]

    @property
    def status(self) -> str:
        """`proved` by a test; `held` where no proof is owed and something carries it; `none` where nothing is asked
        (C); else `open`."""
        if self.tests:
            return "proved"
        if self.row.priority != "A" and self.row.elements:
            return "held"
        return "none" if self.row.priority == "C" else "open"


def rows(root: Path = PACKS) -> list[Row]:
    """Every row, by regulation. Raises `Invalid` on a file that is none."""
    return [row for path in sorted((root / "articles").glob("*.json")) for row in _read(path)]


def laws(pack: Pack) -> set[str]:
    """The keys of the regulations that a pack cites (ZJ, JS, …)."""
    return {article["law"] for article in pack.articles.values()}


def law(row: Row) -> str:
    """The key of the regulation that a row is of."""
    return row.id.split("-", 1)[0]


def proofs(tests: Path) -> dict[str, list[str]]:
    """The tests under a folder that name rows: for each row `file::test`, in order. Nothing is imported."""
    found: dict[str, list[str]] = {}
    for path in sorted(tests.rglob("test_*.py")):
        for function, row in _named(path.read_text(encoding="utf-8")):
            found.setdefault(row, []).append(f"{path.relative_to(tests.parent).as_posix()}::{function}")
    return found


def elements(packs: Mapping[str, Folder], handlers: Collection[str]) -> set[str]:
    """The name of every element there is in these packs (by key) and among these handlers."""
    found = {f"{kind}/{name}" for name in handlers for kind in ("handler", "guard")}
    for key, folder in packs.items():
        found.update(_elements(key, folder))
    return found


def stand(row: Row, there: Collection[str], tests: Mapping[str, list[str]]) -> Standing:
    """How a row stands, given the elements that are there and the tests that name rows."""
    missing = [one for one in row.elements if one.split("/", 1)[0] not in FREE and one not in there]
    return Standing(row, tuple(tests.get(row.id, ())), tuple(missing))


def _elements(key: str, folder: Folder) -> Iterator[str]:
    for process, drawn in folder.drawn.items():
        own = Definition(process, {process: drawn.definition.process})
        for _, node in own.nodes():
            yield f"{key}/{process}#{node.id}"
    parts: Mapping[str, Collection[str]] = {
        "limit": folder.pack.limits,
        "setting": folder.pack.settings,
        "role": folder.pack.roles,
        "class": {item["class"] for item in folder.pack.items.values()},
        "registry": folder.pack.registries,
    }
    for part, names in parts.items():
        yield from (f"{key}#{part}/{name}" for name in names)
    yield from (f"form/{key}/{name}" for name in folder.pack.forms)
    yield from (f"{key}#{name}" for name in ("area", "in_force_from", "in_force_to", "force"))


def _read(path: Path) -> list[Row]:
    try:
        return [_row(data) for data in json.loads(path.read_text(encoding="utf-8"))]
    except (KeyError, TypeError, ValueError) as error:
        raise Invalid(
            "articles.unreadable",
            f"条文表“{path.name}”无法读取：{error!r}。每条须有id、article、priority、actor、what和elements。",
            f"The rows in “{path.name}” cannot be read: {error!r}. "
            "Each has id, article, priority, actor, what and elements.",
        ) from error


def _row(data: Mapping[str, Any]) -> Row:
    actor, what = (Words(data[name]["zh"], data[name]["en"]) for name in ("actor", "what"))
    return Row(data["id"], data["article"], data["priority"], actor, what, tuple(data["elements"]))


def _named(source: str) -> Iterator[tuple[str, str]]:
    """Each test of a module with each row that its decorators name."""
    if f"{MARK}(" not in source:
        return
    for function in ast.walk(ast.parse(source)):
        if isinstance(function, ast.FunctionDef) and function.name.startswith("test"):
            for decorator in function.decorator_list:
                yield from ((function.name, row) for row in _rows_of(decorator))


def _rows_of(decorator: ast.expr) -> Iterator[str]:
    """What stands in the marks of a decorator; also in one that gives a case of it its mark."""
    for call in ast.walk(decorator):
        if isinstance(call, ast.Call) and _name(call.func) == MARK:
            for argument in call.args:
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                    yield argument.value


def _name(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")

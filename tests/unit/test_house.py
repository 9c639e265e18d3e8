"""The house rules that a machine can check: who imports what, what each folder says of itself."""

import ast
import tomllib
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = ("engine", "handlers", "web", "migrations")

IMPORTERS = {
    "SpiffWorkflow": {"engine/decisions.py"},
    "alembic": {"migrations/"},
    "apiflask": {"web/"},
    "apscheduler": {"engine/clock.py"},
    "argon2": {"web/sessions.py"},
    "click": {"web/cli.py"},
    "cryptography": {"engine/signing.py"},
    "docx": {"handlers/statutes.py"},
    "flask": {"web/"},
    "gunicorn": {"web/server.py"},
    "isodate": {"engine/iso8601.py"},
    "jsonschema": {"engine/forms.py"},
    "lxml": {"engine/xml.py"},
    "msgspec": {"engine/model.py"},
    "procrastinate": {"engine/outbox.py"},
    "prometheus_client": {"web/health.py"},
    "pydantic": {"web/"},
    "rfc8785": {"engine/records.py"},
    "rich": {"web/terminal.py"},
    "sqlalchemy": {"engine/", "migrations/"},
    "transitions": {"engine/lifecycle.py"},
    "waitress": {"web/server.py"},
    "marshmallow": {"web/"},
    "werkzeug": {"web/"},
}
"""Who may import each foreign library: one file, or one folder where the library is what the folder is for."""

SQL = {"store", "records", "tables", "cases", "queries", "directory", "clock", "outbox", "library", "work"} | {
    "publishing",
    "census",
    "archive",
    "casework",
    "attachments",
    "backup",
    "accounts",
    "answers",
    "versions",
    "registers",
    "indicators",
    "signing",
    "packs",
    "drafts",
    "sources",
    "migration",
}
"""The modules and folders of the engine that speak to the database."""

FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "manager", "service", "common", "misc"}


def sources() -> list[Path]:
    return [path for folder in PRODUCT for path in sorted((ROOT / folder).rglob("*.py"))]


def imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {name.name.split(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.add(node.module.split(".")[0])
    return found


def test_each_foreign_library_has_one_importer() -> None:
    importers: dict[str, set[str]] = defaultdict(set)
    for path in sources():
        for name in imports(path):
            importers[name].add(path.relative_to(ROOT).as_posix())
    for library, allowed in IMPORTERS.items():
        strangers = {
            p for p in importers[library] if not any(p == a or (a.endswith("/") and p.startswith(a)) for a in allowed)
        }
        assert not strangers, f"{library} is imported by {sorted(strangers)}, allowed: {sorted(allowed)}"


def test_every_foreign_library_is_known_and_has_its_reason() -> None:
    own = set(PRODUCT) | {"tests"}
    standard = __import__("sys").stdlib_module_names
    reasons = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8").lower()
    for path in sources():
        for name in imports(path) - own - set(standard):
            assert name in IMPORTERS, f"{path.name} imports {name}: add it to IMPORTERS and docs/dependencies.md"
            assert name.lower().replace("_", "-") in reasons or name.lower() in reasons, f"no reason for {name}"


def test_only_some_modules_of_the_engine_speak_to_the_database() -> None:
    for path in (ROOT / "engine").rglob("*.py"):
        if "sqlalchemy" in imports(path):
            assert not SQL.isdisjoint({path.stem, path.parent.name}), f"{path.name} imports sqlalchemy"


def test_nothing_is_imported_inside_a_function() -> None:
    for path in sources():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        inner = [
            node.lineno
            for function in ast.walk(tree)
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
            for node in ast.walk(function)
            if isinstance(node, ast.Import | ast.ImportFrom)
        ]
        assert not inner, f"{path.relative_to(ROOT)} imports inside a function, line {inner}"


def test_only_the_store_opens_transactions() -> None:
    for path in sources():
        text = path.read_text(encoding="utf-8")
        if path.name not in ("store.py", "env.py") and path.parts[-2] != "migrations":
            assert "create_engine(" not in text, f"{path.name} opens the database itself"
            assert ".begin()" not in text, f"{path.name} opens a transaction itself"


def test_no_module_has_a_name_that_says_nothing() -> None:
    for path in sources():
        assert path.stem not in FORBIDDEN_NAMES, path


@pytest.mark.parametrize(
    "folder",
    ["engine", "engine/checks", "handlers", "web", "processes", "migrations", "tests", "bench", "script", "docs"],
)
def test_each_folder_says_what_is_here_and_why(folder: str) -> None:
    text = (ROOT / folder / "README.md").read_text(encoding="utf-8")
    assert "Why" in text, folder
    assert len(text) < 2500, f"{folder}/README.md is too long to be read"


def test_every_module_says_what_it_is() -> None:
    for path in sources():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if tree.body:
            assert ast.get_docstring(tree), f"{path.relative_to(ROOT)} has no docstring"


def test_every_package_travels_in_the_wheel() -> None:
    told = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]["packages"]
    found = {
        path.parent.relative_to(ROOT).as_posix().replace("/", ".")
        for top in ("engine", "handlers", "web", "migrations")
        for path in (ROOT / top).rglob("__init__.py")
        if "node_modules" not in path.parts
    }
    assert found <= set(told)

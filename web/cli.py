"""The command line: `wangge …`. One short function per command.

Every command has `--json`; results go to standard output, words to people to standard error. Exit status: 0 good,
1 bad news (findings, a play that did not end), 2 could not run (no such file, wrong arguments, no database).
"""

import os
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple, TypeVar, get_args

import click

import migrations
from engine import (
    archive,
    backup,
    bpmn,
    census,
    comparison,
    decisions,
    diagnosis,
    inspection,
    iso8601,
    packs,
    publishing,
    records,
    registers,
    verification,
)
from engine.calendars import read_year
from engine.checks import check_file
from engine.definition import Definition
from engine.errors import Conflict, Finding, Invalid, NotFound, Refused, Unavailable, WanggeError, Words
from engine.library import day_of
from engine.model import encode, plain
from engine.player import BEGINNING
from engine.store import Store
from engine.work import MACHINE, Engine, system_time
from handlers import articles as rows_of_law
from handlers import calendar as calendar_year
from handlers import first_lists, lists
from handlers import statutes as law
from handlers.city import Plan
from handlers.registry import HANDLERS
from web import demo, files, playing, server, terminal
from web.app import make_engine
from web.settings import Settings

GOOD, BAD_NEWS, COULD_NOT_RUN = 0, 1, 2
SQLITE = b"SQLite format 3\0"
"""How every database file of SQLite begins."""

F = TypeVar("F", bound=Callable[..., Any])


class Wangge(click.Group):
    """The group of all commands; whatever goes wrong leaves in two languages and with the right exit status."""

    def main(self, *args: Any, **more: Any) -> Any:
        more["standalone_mode"] = False
        try:
            status = super().main(*args, **more)
        except click.ClickException as error:
            status = _wrong_usage(error)
        except click.Abort:
            terminal.tell(Words("已中断。", "Interrupted."))
            status = COULD_NOT_RUN
        except WanggeError as error:
            terminal.tell(error.words)
            if isinstance(error, Invalid):
                terminal.show_findings(error.findings, sys.stderr)
            status = COULD_NOT_RUN
        except Exception:
            traceback.print_exc()
            terminal.tell(
                Words(
                    "程序内部错误，请把以上内容交给维护人员。",
                    "An error inside the program: pass the above on to whoever maintains it.",
                )
            )
            status = COULD_NOT_RUN
        sys.exit(status if isinstance(status, int) else GOOD)


@click.group(cls=Wangge, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--database", metavar="URL", envvar="WANGGE_DATABASE", help="sqlite:///… 或 / or postgresql://…")
@click.version_option(package_name="wangge")
@click.pass_context
def cli(context: click.Context, database: str | None) -> None:
    """网格事项流程引擎 / a workflow engine for matters of grid-based governance."""
    context.obj = database


def main() -> None:
    """The entry point of the program `wangge`."""
    cli()


as_json = click.option("--json", "as_json", is_flag=True, help="输出 JSON / print JSON")
pack_option = click.option("--pack", metavar="NAME", help="zhenjiang 或 / or zhenjiang/2026-01-01")
FILE = click.Path(path_type=Path)


def database_option(command: F) -> F:
    """`--database` after the command too; what stands there goes before what stands in front of it."""
    return click.option("--database", metavar="URL", help="见 / see wangge --help", callback=_database)(command)


def _database(context: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    return value or context.find_root().obj


# -- diagrams ----------------------------------------------------------------------------------------


@cli.command()
@click.argument("file", type=FILE)
@click.option("--process", metavar="ID", help="推演哪个流程 / which process")
@click.option("--start", metavar="EVENT", help="从哪个开始事件 / at which start event")
@click.option("--var", "variables", metavar="NAME=JSON", multiple=True, help="初始变量 / a variable to begin with")
@click.option("--script", type=FILE, metavar="ACTIONS.json", help="操作列表 / a list of actions")
@click.option("--at", metavar="ISO", help="开始时间 / when it begins, such as 2026-01-05T09:00:00+08:00")
@pack_option
@as_json
def play(
    file: Path,
    process: str | None,
    start: str | None,
    variables: Sequence[str],
    script: Path | None,
    at: str | None,
    pack: str | None,
    as_json: bool,
) -> int:
    """在内存中用虚拟时钟推演流程 / run a diagram in memory on a virtual clock."""
    facts, moment = dict(map(_variable, variables)), _moment(at)
    actions = files.script(script) if script else []
    given = files.in_pack(pack) if pack else None
    reading = bpmn.read(files.content(file), decisions=given.tables if given else None)
    if _has_errors(reading.findings):
        return _report([Checked(file, reading.findings)], as_json)
    around = given or files.Beside().around(file, reading)
    try:
        definition = playing.definition(reading, process, around)
    except Invalid as refused:
        return _report([Checked(file, (*reading.findings, *files.faults(refused)))], as_json)
    _warn_of(around, definition)
    told = playing.run(definition, around, start=start, facts=facts, actions=actions, at=moment)
    terminal.show_json(told) if as_json else _show_play(told)
    return GOOD if told["status"] == "ended" else BAD_NEWS


@cli.command()
@click.argument("paths", metavar="FILE...", type=FILE, nargs=-1, required=True)
@pack_option
@as_json
def check(paths: Sequence[Path], pack: str | None, as_json: bool) -> int:
    """检查流程图和决策表能否发布 / say whether diagrams and tables can be published."""
    for path in paths:
        files.content(path)
    given, beside = files.in_pack(pack) if pack else None, files.Beside()
    checked = [_checked(path, given, beside) for path in terminal.progress(paths, "检查", "checking")]
    return _report(checked, as_json)


@cli.command("compare")
@click.argument("old", metavar="FROM")
@click.argument("new", metavar="TO")
@as_json
def compare_packs(old: str, new: str, as_json: bool) -> int:
    """比较两个流程包有哪些区别 / say in what two packs differ: names of packs, or folders."""
    sides = [files.read_pack(files.pack_or_folder(name)) for name in terminal.progress([old, new], "读取", "reading")]
    told = comparison.told(*sides)
    terminal.show_json(told) if as_json else _show_comparison(told)
    return GOOD


def _show_comparison(told: dict[str, Any]) -> None:
    if not told["changes"]:
        terminal.show("没有区别 / no difference")
    terminal.show_table(
        ["流程 process", "编号 id", "区别", "difference"],
        ([change[name] for name in ("process", "element", "zh", "en")] for change in told["changes"]),
    )
    moved = [f"{one['process']} {len(one['redrawn'])}" for one in told["diagrams"] if one["redrawn"]]
    if moved:
        terminal.show(f"仅排版 / layout only: {', '.join(moved)}")


class Checked(NamedTuple):
    """A file and everything that is wrong with it."""

    file: Path
    findings: Sequence[Finding]

    @property
    def publishable(self) -> bool:
        return not _has_errors(self.findings)

    def data(self) -> dict[str, Any]:
        """The contract of `wangge check --json`."""
        told = [_finding(one) for one in self.findings]
        return {"file": terminal.readable(self.file), "publishable": self.publishable, "findings": told}


def _checked(path: Path, given: files.Around | None, beside: files.Beside) -> Checked:
    data = files.content(path)
    if files.is_table(path):
        return Checked(path, decisions.read(data)[1])
    if given is None:
        reading = bpmn.read(data)
        return Checked(path, check_file(reading, beside.processes(path, reading), handlers=HANDLERS))
    reading = bpmn.read(data, decisions=given.tables)
    return Checked(path, check_file(reading, given.processes, given.pack, HANDLERS))


def _report(checked: Sequence[Checked], as_json: bool) -> int:
    if as_json:
        told = [one.data() for one in checked]
        terminal.show_json(told[0] if len(told) == 1 else told)
    else:
        for one in checked:
            verdict = "可以发布 / publishable" if one.publishable else "不能发布 / not publishable"
            terminal.show(f"{terminal.readable(one.file)}: {verdict}")
            terminal.show_findings(one.findings)
    return GOOD if all(one.publishable for one in checked) else BAD_NEWS


def _finding(one: Finding) -> dict[str, Any]:
    return {
        "rule": one.rule,
        "level": one.level,
        "element": one.element,
        "name": one.name,
        "message": one.message,
        "article": one.article,
        "path": list(one.path),
    }


def _has_errors(findings: Sequence[Finding]) -> bool:
    return any(finding.level == "error" for finding in findings)


def _variable(text: str) -> tuple[str, Any]:
    """NAME=JSON; a value that is not JSON is taken as text."""
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise Refused(
            "cli.variable",
            f"变量“{text}”应写成 名称=值，例如 --var urgency=urgent。",
            f"The variable “{text}” has to be written NAME=VALUE, such as --var urgency=urgent.",
        )
    try:
        return name, files.json_value(value)
    except ValueError:
        return name, value


def _moment(text: str | None) -> datetime:
    try:
        return iso8601.instant(text) if text else BEGINNING
    except ValueError as error:
        raise Refused(
            "cli.moment",
            f"时间“{text}”无法读懂，请写成 2026-01-05T09:00:00+08:00。",
            f"The time “{text}” cannot be read: write 2026-01-05T09:00:00+08:00.",
        ) from error


def _warn_of(around: files.Around, definition: Definition) -> None:
    """Says which tables' files had errors, when a table that is asked for was not found in the others."""
    if all(node.decision in around.tables for _, node in definition.nodes() if node.decision):
        return
    for name, findings in around.faulty.items():
        terminal.tell(
            Words(
                f"决策表文件“{name}”有错误，没有使用：",
                f"The decision tables of “{name}” have errors and were not used:",
            )
        )
        terminal.show_findings(findings, sys.stderr)


STATUSES = {
    "ended": "已结束 / ended",
    "open": "未结束 / open",
    "incident": "异常，无法继续 / incident, cannot go on",
}


def _show_play(told: dict[str, Any]) -> None:
    terminal.show_table(
        ["时间 at", "环节 node", "事件 event"], ([row["at"], row["node"], row["event"]] for row in told["trace"])
    )
    terminal.show(STATUSES[told["status"]])
    for incident in told.get("incidents", ()):
        terminal.show(f"{incident['node']}: {incident['code']}: {incident['text']}")
    if told["open"]:
        terminal.show(f"等待办理 / waiting: {'、'.join(told['open'])}")
    terminal.show(f"变量 / variables: {terminal.json_text(told['variables'])}")


# -- regulations -------------------------------------------------------------------------------------


@cli.group()
def statutes() -> None:
    """法规文本 / texts of regulations."""


@statutes.command("import")
@click.argument("file", type=FILE)
@click.option("--key", metavar="ZJ", help="文件代号；不写则只查看，不保存 / its key; without it nothing is stored")
@as_json
def import_statute(file: Path, key: str | None, as_json: bool) -> int:
    """读入法规文本 / read the text of a regulation."""
    target = _statute_file(key) if key else None
    name = terminal.readable(file.name)
    try:
        statute = law.read(files.content(file), name)
    except Invalid as refused:
        return _show_statute(file, None, files.faults(refused), None, as_json)
    if target:
        _write(target, encode(statute))
    return _show_statute(file, statute, law.findings(statute), target, as_json)


def _show_statute(
    file: Path, statute: law.Statute | None, findings: Sequence[Finding], stored: Path | None, as_json: bool
) -> int:
    told = {
        "file": terminal.readable(file),
        "title": statute.title if statute else "",
        "articles": len(statute.articles) if statute else 0,
        "stored": terminal.readable(stored) if stored else None,
        "findings": [_finding(one) for one in findings],
    }
    if as_json:
        terminal.show_json(told)
    else:
        terminal.show(f"{told['title'] or told['file']}: {told['articles']} 条 / articles")
        terminal.show_findings(findings)
        terminal.show(f"已保存 / stored: {told['stored']}" if stored else "未保存 / not stored")
    return BAD_NEWS if _has_errors(findings) else GOOD


def _statute_file(key: str) -> Path:
    if not (key.isascii() and key.isalnum() and key[0].isalpha() and key.isupper() and len(key) <= 20):
        raise Refused(
            "cli.key",
            f"文件代号“{key}”应由大写字母开头，只含大写字母和数字，例如 ZJ。",
            f"The key “{key}” has to begin with a capital letter and hold capitals and digits only, such as ZJ.",
        )
    return _data_folder() / "statutes" / f"{key}.json"


@cli.command()
@pack_option
@click.option("--priority", type=click.Choice(["A", "B", "C"]), help="只列此级 / rows of this priority only")
@as_json
def articles(pack: str | None, priority: str | None, as_json: bool) -> int:
    """逐条列出法规要求、由何承载、由何证明 / every row of the regulations: what it asks, what carries and proves it."""
    found = {folder: files.read_pack(folder) for folder in publishing.folders()}
    wanted = rows_of_law.laws(found[files.pack_folder(pack)].pack) if pack else None
    there = rows_of_law.elements({one.pack.key: one for one in found.values()}, HANDLERS)
    tests = publishing.PACKS.parent / "tests"
    at_hand = tests.is_dir()
    proofs = rows_of_law.proofs(tests) if at_hand else {}
    standing = [
        rows_of_law.stand(row, there, proofs)
        for row in rows_of_law.rows()
        if priority in (None, row.priority) and (wanted is None or rows_of_law.law(row) in wanted)
    ]
    terminal.show_json(_articles_data(standing, at_hand)) if as_json else _show_articles(standing, at_hand)
    bad = any(one.missing or (at_hand and one.row.priority == "A" and not one.tests) for one in standing)
    return BAD_NEWS if bad else GOOD


def _articles_data(standing: Sequence[rows_of_law.Standing], at_hand: bool) -> dict[str, Any]:
    """The contract of `wangge articles --json`; without the tests nothing is said of what they prove."""
    rows = [
        {
            "id": one.row.id,
            "article": one.row.article,
            "priority": one.row.priority,
            "actor": one.row.actor._asdict(),
            "what": one.row.what._asdict(),
            "elements": list(one.row.elements),
            "missing": list(one.missing),
            "tests": list(one.tests),
            "status": one.status if at_hand else None,
        }
        for one in standing
    ]
    return {"tests_at_hand": at_hand, "rows": rows}


STANDINGS = {"proved": "已证明 proved", "held": "有承载 held", "none": "无要求 none", "open": "未证明 open"}


def _show_articles(standing: Sequence[rows_of_law.Standing], at_hand: bool) -> None:
    columns = ["条 row", "级 priority", "状态 status", "要求 what", "由何承载 carried by", "由何证明 proved by"]
    terminal.show_table(columns, (_articles_line(one, at_hand) for one in standing))
    for one in standing:
        for element in one.missing:
            terminal.tell(Words(f"{one.row.id}：没有“{element}”。", f"{one.row.id}: there is no “{element}”."))
    if not at_hand:
        terminal.tell(
            Words("测试不在手边，无法说明由何证明。", "Tests are not at hand: what proves a row is not said.")
        )
    else:
        counts = {name: sum(one.status == name for one in standing) for name in STANDINGS}
        terminal.show("; ".join(f"{label}: {counts[name]}" for name, label in STANDINGS.items()))


def _articles_line(one: rows_of_law.Standing, at_hand: bool) -> list[str]:
    status = STANDINGS[one.status] if at_hand else "–"
    tests = (test.rpartition("/")[2] for test in one.tests)
    return [one.row.id, one.row.priority, status, str(one.row.what), " ".join(one.row.elements), " ".join(tests)]


# -- the calendar ------------------------------------------------------------------------------------


@cli.group("calendar")
def calendar_group() -> None:
    """工作日历 / the calendar of working days."""


@calendar_group.command("import")
@click.argument("file", type=FILE)
@database_option
@as_json
def import_calendar(file: Path, database: str | None, as_json: bool) -> int:
    """导入一年的日历，并重算未办结事项的期限 / take in a year and count open due times again."""
    data = files.content(file)
    try:
        read_year(data)
    except Invalid as refused:
        return _report_findings(refused, as_json)
    engine = Engine(_opened(database), {})
    done = calendar_year.confirm(
        engine, data, MACHINE, lambda cases: terminal.progress(cases, "重算期限", "counting due times")
    )
    terminal.show_json(_calendar_data(done)) if as_json else _show_calendar(done)
    return BAD_NEWS if done.failed else GOOD


def _calendar_data(done: calendar_year.Report) -> dict[str, Any]:
    return {
        "year": done.year,
        "version": done.version,
        "status": done.status,
        "changes": [{"day": one.day.isoformat(), "before": one.before, "after": one.after} for one in done.changes],
        "cases": done.cases,
        "moved": done.moved,
        "failed": {str(case): str(words) for case, words in done.failed.items()},
    }


def _show_calendar(done: calendar_year.Report) -> None:
    terminal.show(f"{done.year}: {done.status}, 版本 / version {done.version}")
    terminal.show_table(
        ["日期 day", "原为 before", "现为 after"],
        ([one.day.isoformat(), one.before, one.after] for one in done.changes),
    )
    terminal.show(f"未办结事项 / open cases: {done.cases}; 期限变动 / due times moved: {done.moved}")
    for case, words in done.failed.items():
        terminal.show(f"case/{case}: {words}")


def _report_findings(refused: Invalid, as_json: bool) -> int:
    terminal.tell(refused.words)
    if as_json:
        terminal.show_json({"findings": [_finding(one) for one in files.faults(refused)]})
    else:
        terminal.show_findings(files.faults(refused))
    return BAD_NEWS


# -- the database ------------------------------------------------------------------------------------


@cli.command()
@click.option(
    "--algorithm",
    type=click.Choice(get_args(records.Algorithm)),
    help="今后的记录所用的摘要算法，默认沿用现有选择（起初为sha256） / hash algorithm of records from now on",
)
@database_option
@as_json
def init(algorithm: records.Algorithm | None, database: str | None, as_json: bool) -> int:
    """建立或升级数据库，装入日历和流程包 / make or upgrade the database, load calendars and packs."""
    engine = Engine(_store(database), {})
    if engine.store.dialect == "sqlite":
        _make_folder(Path(engine.store.url.database or "").parent)
    engine.store.prepare()
    if algorithm is not None:
        with engine.work() as work:
            records.choose(work.connection, algorithm, at=work.now)
    years = calendar_year.install(engine, publishing.read_calendars())
    packs = [_published(engine, folder) for folder in publishing.folders()]
    with engine.look() as work:
        held = len(registers.holding(work, lists.KIND))
    told = {"database": engine.store.url.render_as_string(), "calendars": years, "packs": packs, "matter_lists": held}
    terminal.show_json(told) if as_json else _show_init(told)
    return BAD_NEWS if any(one["result"] == "refused" for one in packs) else GOOD


def _published(engine: Engine, folder: Path) -> dict[str, Any]:
    """Publishes a pack in a transaction of its own; one that is refused keeps nobody else from theirs."""
    findings: Sequence[Finding] = ()
    try:
        with engine.work() as work:
            result = "published" if publishing.publish(work, files.read_pack(folder)) else "present"
    except Invalid as refused:
        result, findings = "refused", files.faults(refused)
    except Conflict as refused:
        result, findings = "refused", [Finding(refused.code, "error", "", str(refused.words))]
    key = f"{folder.parent.name}/{folder.name}"
    return {"key": key, "result": result, "findings": [_finding(one) for one in findings]}


RESULTS = {"published": "已发布 / published", "present": "已有 / there already", "refused": "未发布 / refused"}


def _show_init(told: dict[str, Any]) -> None:
    terminal.show(f"数据库 / database: {told['database']}")
    terminal.show(f"新装入日历 / calendars loaded: {', '.join(map(str, told['calendars'])) or '—'}")
    for pack in told["packs"]:
        terminal.show(f"{pack['key']}: {RESULTS[pack['result']]}")
        terminal.show_findings(Finding(**one) for one in pack["findings"])
    if not told["matter_lists"]:
        terminal.tell(NO_LISTS)


NO_LISTS = Words(
    "还没有事项清单：登记机构以后用 wangge lists import 装入已公布的清单，或样例。",
    "There is no matter list yet: once agencies are registered, wangge lists import takes in the published one, or a "
    "sample.",
)


# -- matter lists ------------------------------------------------------------------------------------


@cli.group("lists")
def matter_lists() -> None:
    """事项清单 / matter lists."""


@matter_lists.command("import")
@click.argument("file", type=FILE, required=False)
@click.option("--area", metavar="PATH", required=True, help="机构的区域 / area of the agency: /32/3211/321102/")
@click.option("--document", metavar="NUMBER", default="", help="公布清单的文号 / document that published it")
@click.option("--from", "day", type=click.DateTime(["%Y-%m-%d"]), help="生效日，默认今天 / from this day on, or today")
@database_option
@as_json
def import_list(
    file: Path | None, area: str, document: str, day: datetime | None, database: str | None, as_json: bool
) -> int:
    """装入一地的第一份清单；不指定文件则装入样例 / take in the first list of a place; without a file, the sample."""
    engine = Engine(_opened(database), HANDLERS)
    content = files.content(file) if file else None
    with engine.work() as work:
        first = day.date() if day else day_of(work.now)
        taken = first_lists.bring_in(work, MACHINE, area, first, content, document)
    told = [
        {"id": one.id, "row": one.row, "items": len(one.body["items"]), "sample": one.body["sample"],
         "document": one.body["document"], "valid_from": one.valid_from.isoformat()}
        for one in taken
    ]  # fmt: skip
    if as_json:
        terminal.show_json({"lists": told})
    else:
        for one in told:
            kind = "样例 sample" if one["sample"] else one["document"]
            terminal.show(f"{one['id']}: {one['items']}项 / items ({kind}), {one['valid_from']}")
    return GOOD


@cli.command()
@click.argument("cases", metavar="[CASE]...", nargs=-1)
@database_option
@as_json
def verify(cases: Sequence[str], database: str | None, as_json: bool) -> int:
    """查验记录链和已发布版本，并由记录推演每个事项 / check chains, published versions, and replay every case."""
    engine = Engine(_opened(database), {})
    with engine.look() as work:
        chains = verification.chains(work, cases)
        findings = [] if cases else [*records.gaps(work.connection), *packs.faults(work)]
    for chain in terminal.progress(chains, "查验", "verifying"):
        with engine.look() as work:
            findings += verification.faults(work, chain)
    if as_json:
        terminal.show_json({"chains": len(chains), "findings": [_finding(one) for one in findings]})
    else:
        terminal.show(f"查验了 {len(chains)} 条记录链 / chains verified; 问题 / findings: {len(findings)}")
        terminal.show_findings(findings)
    return BAD_NEWS if findings else GOOD


@cli.command()
@click.argument("folders", metavar="FOLDER...", nargs=-1, required=True, type=FILE)
@as_json
def inspect(folders: Sequence[Path], as_json: bool) -> int:
    """检查档案包的真实性、完整性、可用性、安全性 / inspect archive packages, without any database."""
    found = {str(folder): inspection.inspect(archive.read(folder)) for folder in folders}
    if as_json:
        terminal.show_json({folder: plain(one) for folder, one in found.items()})
        return GOOD if all(one.good for one in found.values()) else BAD_NEWS
    for folder, one in found.items():
        terminal.show(folder)
        for key, faults in one.properties.items():
            words = inspection.PROPERTIES[key]
            verdict = f"{len(faults)}处不符 {len(faults)} faults" if faults else "符合 holds"
            terminal.show(f"  {words.zh} {words.en}: {verdict}")
            terminal.show_findings(faults)
    return GOOD if all(one.good for one in found.values()) else BAD_NEWS


@cli.command()
@database_option
@as_json
def doctor(database: str | None, as_json: bool) -> int:
    """检查安装和运行状况 / look at how the installation is."""
    signs = diagnosis.examine(Engine(_opened(database), {}))
    if as_json:
        told = [{"key": one.key, "level": one.level, "value": one.value, "message": str(one.words)} for one in signs]
        terminal.show_json({"signs": told})
    else:
        rows = ([LEVELS[one.level], one.key, one.value, str(one.words)] for one in signs)
        terminal.show_table(["", "项目 sign", "值 value", "说明 meaning"], rows)
    return BAD_NEWS if any(one.level == "error" for one in signs) else GOOD


LEVELS = {"good": "正常 good", "warning": "注意 warning", "error": "错误 error"}


# -- backups -----------------------------------------------------------------------------------------

attachments_option = click.option(
    "--attachments", type=FILE, help="附件文件夹，默认 var/attachments / of attachments, var/attachments by default"
)


@cli.command("backup")
@click.argument("folder", type=FILE)
@attachments_option
@database_option
@as_json
def take_backup(folder: Path, attachments: Path | None, database: str | None, as_json: bool) -> int:
    """备份数据库、附件和清除登记 / back up the database, attachments and the register of erasures."""
    engine = Engine(_opened(database), HANDLERS)
    taken = backup.take(engine, attachments or _data_folder() / "attachments", folder)
    told = {"folder": terminal.readable(folder), **plain(taken)}
    if as_json:
        terminal.show_json(told)
    else:
        terminal.show(f"{told['folder']}: {taken.records} 条记录 / records, {len(taken.files)} 个文件 / files")
    for sha256 in taken.missing:
        terminal.tell(Words(f"附件文件不在磁盘上：{sha256}。", f"An attachment is not on disk: {sha256}."))
    return BAD_NEWS if taken.missing else GOOD


@cli.command("restore")
@click.argument("folder", type=FILE)
@click.option("--erasures", "register", type=FILE, help="备份后导出的清除登记 / the register of erasures since")
@attachments_option
@database_option
@as_json
def restore_backup(
    folder: Path, register: Path | None, attachments: Path | None, database: str | None, as_json: bool
) -> int:
    """恢复备份，重做此后的清除，然后查验 / bring a backup back, erase again what was erased since, then verify."""
    store = _store(database)
    if store.dialect != "sqlite":
        raise Refused(
            "backup.postgresql",
            "PostgreSQL数据库请用 pg_restore 恢复，再用 wangge erasures apply 重做清除，做法见 docs/backup.md。",
            "Bring a database on PostgreSQL back with pg_restore, then wangge erasures apply: see docs/backup.md.",
        )
    known = backup.read_erasures(files.content(register)) if register else []
    target = Path(store.url.database or "").absolute()
    kept = attachments or _data_folder() / "attachments"
    brought = backup.restore(folder, target, kept, known, Engine(store, HANDLERS))
    faults = demo.verify(Engine(store, HANDLERS))
    told = {**plain(brought), "verify": {"good": not faults, "findings": [_finding(one) for one in faults]}}
    if as_json:
        terminal.show_json(told)
    else:
        terminal.show(f"备份时间 / taken at: {brought.taken_at.isoformat()}")
        terminal.show(f"记录 / records: {brought.records}; 附件 / attachments: {brought.attachments}")
        terminal.show(f"重做的清除 / erased again: {len(brought.erased)}")
        terminal.show("查验通过 / verified" if not faults else "查验发现问题 / verification found faults")
        terminal.show_findings(faults)
    return BAD_NEWS if faults else GOOD


@cli.group()
def erasures() -> None:
    """清除登记 / the register of erasures."""


@erasures.command("export")
@click.argument("file", type=FILE)
@database_option
def export_erasures(file: Path, database: str | None) -> int:
    """导出清除登记，另行保管 / write the register of erasures to a file, to be kept apart from backups."""
    with _opened(database).reading() as connection:
        known = backup.erasures(connection)
    _write(file, backup.written(known))
    terminal.show(f"{terminal.readable(file)}: {len(known)}")
    return GOOD


@erasures.command("apply")
@click.argument("file", type=FILE)
@database_option
def apply_erasures(file: Path, database: str | None) -> int:
    """在恢复的数据库中重做清除 / erase again in a restored database what the register names."""
    known = backup.read_erasures(files.content(file))
    with Engine(_opened(database), HANDLERS).work() as work:
        erased = backup.erase_again(work, known)
    terminal.show(f"重做的清除 / erased again: {len(erased)}")
    return GOOD


# -- running -----------------------------------------------------------------------------------------

port_option = click.option("--port", type=click.IntRange(0, 65535), default=8750, show_default=True)
host_option = click.option("--host", default="127.0.0.1", show_default=True, help="监听地址 / address to listen on")
plain_http = click.option("--plain-http", is_flag=True, help="仅供试用：不经 HTTPS / for trying out, without HTTPS")


@cli.command()
@host_option
@port_option
@plain_http
@database_option
def serve(host: str, port: int, plain_http: bool, database: str | None) -> int:
    """在一个进程里运行全部服务 / run everything in one process: web, clock and jobs."""
    engine = make_engine(_opened(database).url.render_as_string(hide_password=False))
    server.serve(engine, _settings(plain_http), host, port, _listening)
    return GOOD


@cli.command()
@host_option
@port_option
@plain_http
@click.option("--processes", type=click.IntRange(1, 64), default=2, show_default=True)
@database_option
def web(host: str, port: int, plain_http: bool, processes: int, database: str | None) -> int:
    """只运行网页接口（PostgreSQL） / HTTP alone, in several processes; `worker` does the rest."""
    url = _on_postgresql(database)
    server.web(url, _settings(plain_http), host, port, processes)
    return GOOD


@cli.command()
@click.option("--concurrency", type=click.IntRange(1, 64), default=4, show_default=True)
@database_option
def worker(concurrency: int, database: str | None) -> int:
    """运行时钟和后台任务（PostgreSQL） / the clock and the jobs, on as many nodes as wanted."""
    engine = make_engine(_on_postgresql(database))
    engine.signing_key = _settings(False).key_file
    server.worker(engine, concurrency)
    return GOOD


def _settings(plain_http: bool) -> Settings:
    key = os.environ.get("WANGGE_SIGNING_KEY")
    return Settings(data=_data_folder(), cookie_secure=not plain_http, signing_key=Path(key) if key else None)


def _listening(address: str) -> None:
    terminal.tell(Words(f"服务已启动：{address}", f"Serving at {address}"))


def _on_postgresql(database: str | None) -> str:
    store = _opened(database)
    if store.dialect != "postgresql":
        raise Refused(
            "database.one-process",
            "SQLite只能在一个进程里使用，请用 wangge serve；分开运行需要PostgreSQL。",
            "SQLite is for one process: use wangge serve. Running web and worker apart takes PostgreSQL.",
        )
    return store.url.render_as_string(hide_password=False)


@cli.command("demo")
@click.option("--pack", "name", default="zhenjiang", show_default=True, help="zhenjiang 或 / or zhenjiang/2026-01-01")
@click.option("--matters", type=click.IntRange(0, 100_000), default=100, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True)
@click.option(
    "--archive", "folder", type=FILE, help="把已办结事项的档案写到此目录 / write archives of closed matters here"
)
@click.option("--ending-now", is_flag=True, help="这一个月到现在为止 / the month ends now")
@click.option("--log-ins", is_flag=True, help="开通演示账号 / give people of the demonstration log-ins")
@database_option
@as_json
def demonstrate(
    name: str, matters: int, seed: int, folder: Path | None, ending_now: bool, log_ins: bool, database: str | None,
    as_json: bool,
) -> int:  # fmt: skip
    """在虚拟的一个月里演示若干事项，并查验 / play matters through a virtual month, then verify."""
    chosen = files.pack_folder(name)
    key = f"{chosen.parent.name}/{chosen.name}"
    with _demo_store(database) as store:
        begin = system_time() - demo.DAYS if ending_now else demo.BEGINNING
        laid = demo.lay_out(store, key, Plan(), begin, seed)
        for _ in terminal.progress(laid.month.play(matters, begin + demo.DAYS), "演示", "playing", matters):
            pass
        told = demo.report(laid)
        if log_ins:
            told["log_ins"] = [{"login": login, "name": who} for login, who in demo.let_in(laid)]
        if folder is not None:
            told["archived"] = demo.export(laid.engine, folder)
    terminal.show_json(told) if as_json else _show_demo(told)
    return GOOD if told["verify"]["good"] else BAD_NEWS


@contextmanager
def _demo_store(database: str | None) -> Iterator[Store]:
    """An empty database: the one that is named, else one that is gone afterwards."""
    with TemporaryDirectory(prefix="wangge-demo-") as folder:
        store = _store(database) if database else Store(f"sqlite:///{folder}/demo.sqlite")
        if store.dialect == "sqlite":
            _make_folder(Path(store.url.database or "").parent)
        store.prepare()
        with store.reading() as connection:
            if census.subjects(connection):
                raise Refused(
                    "demo.not-empty",
                    "此数据库里已有内容，演示只写入空数据库；请换一个数据库。",
                    "There is something in this database; a demonstration wants an empty one.",
                )
        yield store
        store.close()


def _show_demo(told: dict[str, Any]) -> None:
    for name, value in told.items():
        shown = ", ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, dict) else str(value)
        if name not in ("verify", "log_ins"):
            terminal.show(f"{name}: {shown}")
    good = told["verify"]["good"]
    terminal.show("查验通过 / verified" if good else "查验发现问题 / verification found faults")
    terminal.show_findings(Finding(**one) for one in told["verify"]["findings"])


# -- where things are --------------------------------------------------------------------------------


def _data_folder() -> Path:
    """`var` in the checkout the current folder belongs to, else in the current folder."""
    here = Path.cwd()
    checkout = next((one for one in (here, *here.parents) if (one / "pyproject.toml").is_file()), here)
    return checkout / "var"


def _store(url: str | None) -> Store:
    """The database, closed when the command has ended. Raises `Invalid` and `Refused`."""
    store = Store(url or f"sqlite:///{_data_folder() / 'wangge.sqlite'}")
    file = Path(store.url.database or "")
    if store.dialect == "sqlite" and file.is_file() and files.content(file, 16) not in (b"", SQLITE):
        raise Refused(
            "database.not-one",
            f"“{file}”不是SQLite数据库文件。请用 --database 指定正确的文件。",
            f"“{file}” is not a file of SQLite. Name the right one with --database.",
        )
    click.get_current_context().call_on_close(store.close)
    return store


def _opened(url: str | None) -> Store:
    """The database, which must be there and up to date. Raises `NotFound` and `Unavailable`."""
    store = _store(url)
    file = store.url.database or ""
    if store.dialect == "sqlite" and not Path(file).is_file():
        raise NotFound(
            "database.unknown",
            f"没有数据库文件“{file}”。请先执行 wangge init，或用 --database 指定。",
            f"There is no database file “{file}”. Run wangge init first, or name another with --database.",
        )
    with store.reading() as connection:
        if migrations.current(connection) == migrations.head():
            return store
    raise Unavailable(
        "database.behind",
        "数据库结构不是最新版本。请先执行 wangge init。",
        "The schema of the database is not up to date. Run wangge init first.",
    )


def _write(path: Path, data: bytes) -> None:
    """Writes a file whole or not at all. Raises `Unavailable`."""
    _make_folder(path.parent)
    part = path.with_suffix(".part")
    try:
        part.write_bytes(data)
        part.replace(path)
    except OSError as error:
        raise _unwritable(path, error) from error


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(folder, error) from error


def _unwritable(path: Path, error: OSError) -> Unavailable:
    name = terminal.readable(path)
    return Unavailable(
        "file.unwritable",
        f"无法写入“{name}”：{error}。请检查权限和磁盘空间。",
        f"“{name}” cannot be written: {error}. Check permissions and disk space.",
    )


# -- wrong usage -------------------------------------------------------------------------------------


def _wrong_usage(error: click.ClickException) -> int:
    context = getattr(error, "ctx", None)
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        sys.stderr.write(f"{error.format_message()}\n")
        return COULD_NOT_RUN
    command = context.command_path if context else "wangge"
    terminal.tell(
        Words(
            f"{_what_is_wrong(error)}用法见 {command} --help。",
            f"{error.format_message().rstrip('.')}. See {command} --help.",
        )
    )
    return COULD_NOT_RUN


def _what_is_wrong(error: click.ClickException) -> str:
    name = getattr(getattr(error, "param", None), "name", "") or getattr(error, "option_name", "") or ""
    if isinstance(error, click.MissingParameter):
        return f"缺少参数 {name}。"
    if isinstance(error, click.NoSuchOption):
        return f"没有选项 {name}。"
    if isinstance(error, click.BadParameter):
        return f"参数 {name} 的值不能使用。"
    return "命令写法有误。"

"""Indicators of evaluation: how much was done, and done in time, by area, unit, role and period.

Each is a function whose docstring is its formula; every one of them shows numerator and denominator, because a rate
without its numbers compares nothing. Due times count as they are stored, with approved extensions and suspensions, so
nobody is late by what was granted. Steps are told apart by what the law calls them (`handling`), so that the figures of
different places can be held side by side. A step without a limit is neither in time nor late. Only matters count, no
procedures beside them; and of them only what the reader may see.

`Numbers` are counted by a handful of statements, each over what closed in the period or is overdue at its end.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Exists,
    Select,
    String,
    and_,
    cast,
    exists,
    extract,
    false,
    func,
    literal_column,
    or_,
    select,
)

from engine import queries, tables
from engine.calendars import SHANGHAI
from engine.casework import BY_PEOPLE
from engine.directory import Actor
from engine.errors import Invalid, Words
from engine.model import Value
from engine.queries import inside
from engine.work import Work

PROCESS = "matter"
HANDLING = ("handling", "coordinating", "self_handling")
"""Statuses of the steps in which something is done about a matter."""

HELD = ("to_sign_for", "handling", "to_feed_back")
"""Statuses of the steps of a unit to which a matter was dispatched."""

GONE_ON = ("self_handling", "to_escalate", "to_triage", "coordinating", "handling")
NOT_CLOSED = ("voided", "refused", "returned")
"""Statuses in which a matter is over without having been dealt with."""

LONGEST = timedelta(days=3660)

_case, _step, _request = tables.case.c, tables.step.c, tables.request.c
_DONE = _step.status != literal_column("'open'")


class Asked(Value, frozen=True):
    """For what: days in Shanghai, both included; an area inside the reader's own, a unit, a role. `found` and
    `requested` are the ways in by which workers and the public bring matters in."""

    first: date
    last: date
    area: str = ""
    unit: str = ""
    role: str = ""
    found: tuple[str, ...] = ()
    requested: tuple[str, ...] = ()


class Part(NamedTuple):
    """So many of so many; without a denominator it is a count."""

    numerator: float
    denominator: int | None = None


@dataclass
class Numbers:
    """What was counted. By status of step: `done` in the period, of these with a limit (`timed`) and within it
    (`on_time`), `late` (open and overdue at the end). `of` holds all other counts by name."""

    done: Counter[str]
    timed: Counter[str]
    on_time: Counter[str]
    late: Counter[str]
    of: Counter[str]

    def punctual(self, *statuses: str) -> Part:
        """Done in time, of what was done or should have been."""
        due = sum(self.timed[one] + self.late[one] for one in statuses)
        return Part(sum(self.on_time[one] for one in statuses), due)


Formula = Callable[[Numbers], Part]
INDICATORS: dict[str, tuple[Words, Formula]] = {}
"""Every indicator by its key, in the order in which they are shown."""


def indicator(zh: str, en: str) -> Callable[[Formula], Formula]:
    """Names an indicator; its key is the function's name, its formula the docstring."""

    def add(formula: Formula) -> Formula:
        INDICATORS[formula.__name__] = (Words(zh, en), formula)
        return formula

    return add


# -- the indicators ----------------------------------------------------------------------------------


@indicator("按期处置率", "Handled on time")
def on_time_handling_rate(n: Numbers) -> Part:
    """按期处置数 /（已处置数 + 超期未处置数） handled by the due time / (handled + overdue and not handled)"""
    return n.punctual(*HANDLING)


@indicator("按期办结率", "Closed on time")
def on_time_closure_rate(n: Numbers) -> Part:
    """按期办结数 / 应办结数（已办结 + 超期未办结） closed by the due time / (closed + overdue and open)"""
    return Part(n.of["closed_on_time"], n.of["closed"] + n.of["overdue"])


@indicator("结案率", "Closed")
def closure_rate(n: Numbers) -> Part:
    """办结数 / 应办结数 closed / (closed + overdue and open)"""
    return Part(n.of["closed"], n.of["closed"] + n.of["overdue"])


@indicator("超期未办结数", "Open and overdue")
def overdue_open_count(n: Numbers) -> Part:
    """期末超期未办结的事项数 matters that are open and past their due time at the end of the period"""
    return Part(n.of["overdue"])


@indicator("返工率", "Rework")
def rework_rate(n: Numbers) -> Part:
    """核查后由同一单位重新办理的件数 / 办理件数 matters a unit had to handle again after a check / those it handled"""
    return Part(n.of["reworked"], n.of["handled"])


@indicator("推诿率", "Passed on in vain")
def buck_passing_rate(n: Numbers) -> Part:
    """退回或争议后仍由本单位承办的次数 / 交办件数（理解） returned or disputed, and given to the same unit all the
    same / matters given to it (reading)"""
    return Part(n.of["in_vain"], n.of["assigned"])


@indicator("延期率", "Extensions")
def extension_rate(n: Numbers) -> Part:
    """批准延期数 / 处置数 extensions granted / steps handled"""
    return Part(n.of["extensions"], sum(n.done[one] for one in HANDLING))


@indicator("挂账数", "Suspensions")
def suspended_count(n: Numbers) -> Part:
    """批准挂起的次数 suspensions granted in the period"""
    return Part(n.of["suspensions"])


@indicator("回退数", "Returns")
def return_count(n: Numbers) -> Part:
    """承办单位退回的次数 how often a unit returned what it was given"""
    return Part(n.of["returned"])


@indicator("派遣准确率", "Dispatched rightly")
def dispatch_accuracy(n: Numbers) -> Part:
    """没有单位退回或争议后换单位的办结件 / 交办过的办结件（同时分派主办和协办算一次） closed matters in which no unit
    returned or disputed what another then handled / closed matters that were dispatched; lead and co-handlers at once
    are one dispatch (reading)"""
    return Part(n.of["dispatched"] - n.of["misdirected"], n.of["dispatched"])


@indicator("按时核实率", "Verified on time")
def on_time_verify_rate(n: Numbers) -> Part:
    """按时核实数 / 应核实数 verified by the due time / (verified + overdue)"""
    return n.punctual("to_verify")


@indicator("按时派遣率", "Triaged on time")
def on_time_triage_rate(n: Numbers) -> Part:
    """按时分流数 / 应分流数 triaged by the due time / (triaged + overdue)"""
    return n.punctual("to_triage")


@indicator("按时签收率", "Signed for on time")
def on_time_acceptance_rate(n: Numbers) -> Part:
    """按时签收数 / 应签收数 signed for by the due time / (signed for + overdue)"""
    return n.punctual("to_sign_for")


@indicator("按时反馈率", "Fed back on time")
def on_time_feedback_rate(n: Numbers) -> Part:
    """按时反馈数 / 应反馈数 fed back by the due time / (fed back + overdue)"""
    return n.punctual("to_feed_back")


@indicator("按时核查率", "Checked on time")
def on_time_check_rate(n: Numbers) -> Part:
    """按时核查数 / 应核查数 checked by the due time / (checked + overdue)"""
    return n.punctual("to_check")


@indicator("有效上报率", "Valid reports")
def valid_report_rate(n: Numbers) -> Part:
    """核实后进入处理的上报数 / 已核实的上报数 workers' reports that went on to be handled / those that were verified"""
    return Part(n.of["valid"], n.of["verified"])


@indicator("漏报数", "Missed by workers")
def missed_discovery_count(n: Numbers) -> Part:
    """公众举报、诉求数（理解：本应由网格员发现） matters that the public brought in (reading: workers should have found
    them)"""
    return Part(n.of["requested"])


@indicator("自处理率", "Handled by workers themselves")
def self_handling_rate(n: Numbers) -> Part:
    """网格员自行处理的办结件 / 网格员发现的办结件 closed matters handled by the worker alone / closed matters found by
    workers"""
    return Part(n.of["self_handled"], n.of["found"])


@indicator("督办按时完成率", "Replies to supervision on time")
def supervision_on_time_rate(n: Numbers) -> Part:
    """按时回复的督办数 / 督办数 replies by the due time / (replies + overdue)"""
    return n.punctual("replying")


@indicator("告知率", "Requesters informed")
def informing_rate(n: Numbers) -> Part:
    """已办告知的办结件 / 有诉求人的办结件 closed matters whose requester was informed, or why that was impossible is on
    record / closed matters with a requester"""
    return Part(n.of["informed"], n.of["to_inform"])


@indicator("满意率", "Satisfied")
def satisfaction_rate(n: Numbers) -> Part:
    """满意和非常满意数 / 已表态数 satisfied or very satisfied / those of whom it is known"""
    return Part(n.of["satisfied"], n.of["asked"])


# -- counting ----------------------------------------------------------------------------------------


def indicators(work: Work, actor: Actor, asked: Asked) -> dict[str, Any]:
    """Every indicator for what is asked, within what the actor may see; and for each status of a step how long it took
    on average (`hours`, day and night) and what share of its limit that was (`share`). Raises `Invalid` on a period
    that ends before it begins or is too long."""
    numbers, steps = _Counting(work, actor, asked).numbers()
    return {
        "area": asked.area or actor.area,
        "unit": asked.unit,
        "role": asked.role,
        "first": asked.first.isoformat(),
        "last": asked.last.isoformat(),
        "indicators": [_shown(key, words, formula, numbers) for key, (words, formula) in INDICATORS.items()],
        "steps": steps,
    }


def _shown(key: str, words: Words, formula: Formula, numbers: Numbers) -> dict[str, Any]:
    part = formula(numbers)
    counted, rate = part.denominator is None, None
    if part.denominator:
        rate = round(part.numerator / part.denominator, 4)
    return {
        "key": key,
        "zh": words.zh,
        "en": words.en,
        "formula": " ".join((formula.__doc__ or "").split()),
        "numerator": part.numerator,
        "denominator": part.denominator,
        "value": part.numerator if counted else rate,
        "unit": "count" if counted else "ratio",
    }


class _Counting:
    """The statements, for one reader and one question."""

    def __init__(self, work: Work, actor: Actor, asked: Asked) -> None:
        if not timedelta(0) <= asked.last - asked.first <= LONGEST:
            raise Invalid(
                "indicators.period", "起止日期有误，请核对。", "The period ends before it begins, or is too long."
            )
        self.work, self.asked = work, asked
        self.scope = queries.scope(work, actor)
        self.begin = datetime.combine(asked.first, time(), SHANGHAI)
        self.end = datetime.combine(asked.last + timedelta(days=1), time(), SHANGHAI)
        definition = tables.definition.c
        self.matters = select(definition.hash).where(definition.key.endswith(f"/{PROCESS}", autoescape=True))

    def numbers(self) -> tuple[Numbers, list[dict[str, Any]]]:
        """Everything that is counted, and how long the steps took."""
        done = self.done()
        by = {name: Counter({row["lifecycle"]: row[name] for row in done}) for name in ("done", "timed", "on_time")}
        of = Counter({**self.closed(), **self.brought_in(), **self.by_unit(), **self.granted()})
        return Numbers(**by, late=self.late(), of=of), [_duration(row) for row in done]

    # steps that people answer

    def done(self) -> list[dict[str, Any]]:
        """Those answered in the period, by status."""
        timed = _step.due_at.is_not(None)
        took = self.seconds(_step.closed_at) - self.seconds(_step.opened_at)
        allowed = self.seconds(_step.due_at) - self.seconds(_step.opened_at)
        query = self.steps(
            _step.lifecycle,
            func.count().label("done"),
            func.count().filter(timed).label("timed"),
            func.count().filter(_step.closed_at <= _step.due_at).label("on_time"),
            func.avg(took).label("took"),
            func.avg(took / func.nullif(allowed, 0)).label("share"),
        ).where(_DONE, _step.status == "completed", self.within(_step.closed_at))
        return [dict(row) for row in self.rows(query.group_by(_step.lifecycle).order_by(_step.lifecycle))]

    def late(self) -> Counter[str]:
        """Those open and overdue at the end of the period, by status."""
        query = self.steps(_step.lifecycle, func.count().label("late")).where(self.was_late(_step))
        return Counter({row["lifecycle"]: row["late"] for row in self.rows(query.group_by(_step.lifecycle))})

    def steps(self, *columns: ColumnElement[Any]) -> Select[Any]:
        """Steps of matters, in sight and asked for."""
        by_people = and_(_step.kind.in_(sorted(BY_PEOPLE)), _step.lifecycle.is_not(None))
        query = select(*columns).select_from(tables.step).join(tables.case, _case.id == _step.case)
        return query.where(_case.definition.in_(self.matters), by_people, *self.asked_steps())

    def asked_steps(self) -> list[ColumnElement[bool]]:
        """What the reader may see of steps, narrowed to what is asked."""
        who = self.scope
        return [
            self.inside(_step.area, who.actor.area) if who.whole_area else _step.unit == who.actor.unit,
            *([self.inside(_step.area, self.asked.area)] if self.asked.area else []),
            *([_step.unit == self.asked.unit] if self.asked.unit else []),
            *([_step.role == self.asked.role] if self.asked.role else []),
        ]

    # what units did with what they were given

    def by_unit(self) -> dict[str, int]:
        """Pairs of matter and unit: given to it, handled, handled again; and how often it left what it was given, and
        had it all the same."""
        over = and_(_DONE, self.within(_step.closed_at))
        handled = and_(over, _step.status == "completed", _step.lifecycle == "handling")
        given = and_(over, _step.lifecycle == "to_sign_for")
        left = and_(over, self.was_left(_step))
        return {
            "assigned": self.pairs(given),
            "handled": self.pairs(handled),
            "reworked": self.pairs(and_(handled, self.after_a_check())),
            "returned": self.number(self.steps(_step.id).where(left, ~self.was_disputed())),
            "in_vain": self.number(self.steps(_step.id).where(left, self.given_again())),
        }

    def pairs(self, which: ColumnElement[bool]) -> int:
        return self.number(self.steps(_step.case, _step.unit).where(which).distinct())

    def was_left(self, step: Any) -> ColumnElement[bool]:
        """The unit itself left it: returned or disputed, and neither withdrawn by the sender nor voided."""
        post = tables.post.c
        own = exists().where(post.person == step.closed_by, post.unit == step.unit, post.superseded_at.is_(None))
        return and_(step.status == "cancelled", step.lifecycle.in_(HELD), own)

    def was_disputed(self) -> Exists:
        """The act that ended the step opened a dispute."""
        dispute = tables.step.alias("dispute").c
        opened = and_(dispute.lifecycle == "disputed", dispute.opened_at == _step.closed_at)
        return exists().where(dispute.case == _step.case, opened)

    def given_again(self) -> Exists:
        """The unit had the matter again afterwards."""
        later = tables.step.alias("later").c
        again = and_(later.unit == _step.unit, later.lifecycle == "to_sign_for")
        return exists().where(later.case == _step.case, later.id > _step.id, again)

    def after_a_check(self) -> Exists:
        """The unit had handled the matter before, and a check lies between."""
        before, check = tables.step.alias("earlier").c, tables.step.alias("check_step").c
        handled = and_(before.unit == _step.unit, before.lifecycle == "handling", before.status == "completed")
        checked = and_(check.lifecycle == "to_check", check.status == "completed")
        order = and_(before.id < check.id, check.id < _step.id)
        return exists().where(before.case == _step.case, check.case == _step.case, handled, checked, order)

    # matters

    def closed(self) -> dict[str, int]:
        """Matters closed in the period, and what happened in them; and those overdue at its end."""
        found, asked = _case.way_in.in_(self.asked.found), _case.way_in.in_(self.asked.requested)
        handled_alone = and_(found, self.had("self_handling", done=True), ~self.had("to_triage", "to_escalate"))
        to_inform = or_(self.had("to_inform"), asked)
        done = and_(self.within(_case.closed_at), _case.merged_into.is_(None), ~_case.status.in_(NOT_CLOSED))
        return self.counts(
            self.cases().where(done),
            closed=None,
            closed_on_time=_case.closed_at <= _case.due_at,
            found=found,
            self_handled=handled_alone,
            dispatched=self.had("to_sign_for"),
            misdirected=self.misdirected(),
            to_inform=to_inform,
            informed=and_(to_inform, self.had("to_inform", done=True)),
            asked=self.said("satisfaction", "very_satisfied", "satisfied", "fair", "unsatisfied", "very_unsatisfied"),
            satisfied=self.said("satisfaction", "very_satisfied", "satisfied"),
        ) | self.counts(self.cases().where(self.was_late(_case)), overdue=None)

    def brought_in(self) -> dict[str, int]:
        """Matters that came in during the period: those still open, and those closed since."""
        verified = and_(_case.way_in.in_(self.asked.found), self.had("to_verify", done=True))
        wanted = {
            "requested": _case.way_in.in_(self.asked.requested),
            "verified": verified,
            "valid": and_(verified, self.had(*GONE_ON)),
        }
        came = self.cases().where(self.within(_case.opened_at))
        open_, over = (came.where(one) for one in (_case.closed_at.is_(None), _case.closed_at >= self.begin))
        return dict(Counter(self.counts(open_, **wanted)) + Counter(self.counts(over, **wanted)))

    def cases(self) -> Select[Any]:
        """Matters in sight and asked for: all of an area, or those in which a unit took part."""
        who, asked = self.scope, self.asked
        return select().select_from(tables.case).where(
            _case.definition.in_(self.matters),
            self.inside(_case.area, who.actor.area) if who.whole_area else self.took_part(who.actor.unit, ""),
            *([self.inside(_case.area, asked.area)] if asked.area else []),
            *([self.took_part(asked.unit, asked.role)] if asked.unit or asked.role else []),
        )  # fmt: skip

    def took_part(self, unit: str, role: str) -> ColumnElement[bool]:
        """A unit (or a role in it) had a step of the matter, or the unit answers for it."""
        step = tables.step.alias("part").c
        mine = [column == value for column, value in ((step.unit, unit), (step.role, role)) if value]
        return or_(exists().where(step.case == _case.id, *mine), _case.unit == unit if not role else false())

    def had(self, *statuses: str, done: bool = False) -> Exists:
        """The matter had a step of one of these statuses."""
        step = tables.step.alias("had").c
        return exists().where(
            step.case == _case.id, step.lifecycle.in_(statuses), *([step.status == "completed"] if done else [])
        )

    def misdirected(self) -> Exists:
        """A unit left the matter and never handled it."""
        step, later = tables.step.alias("left_step").c, tables.step.alias("handled").c
        handled = and_(later.unit == step.unit, later.lifecycle == "handling", later.status == "completed")
        return exists().where(
            step.case == _case.id, self.was_left(step), ~exists().where(later.case == step.case, handled)
        )

    def said(self, field: str, *values: str) -> Exists:
        """Somebody chose one of these values in a field that only tells something."""
        payload = tables.payload.c
        chosen = payload.value.in_([f'"{value}"' for value in values])
        return exists().where(payload.subject == "case/" + cast(_case.id, String), payload.field == field, chosen)

    # what was granted

    def granted(self) -> dict[str, int]:
        """Requests granted in the period."""
        granted = and_(_request.status == "granted", self.within(_request.decided_at))
        extended = self.steps(_request.id).join(tables.request, _request.step == _step.id)
        hung = self.cases().add_columns(_request.id).join(tables.request, _request.case == _case.id)
        return {
            "extensions": self.number(extended.where(_request.kind == "extension", granted)),
            "suspensions": self.number(hung.where(_request.kind == "suspension", granted)),
        }

    # parts of statements

    @property
    def postgresql(self) -> bool:
        return self.work.connection.dialect.name == "postgresql"

    def within(self, column: ColumnElement[datetime]) -> ColumnElement[bool]:
        return and_(column >= self.begin, column < self.end)

    def was_late(self, columns: Any) -> ColumnElement[bool]:
        """Past its due time at the end of the period, and not closed by then; before that end comes, what is open."""
        past = columns.due_at < min(self.end, self.work.now)
        open_ = columns.closed_at.is_(None)
        if columns is _step:
            open_ = columns.status == literal_column("'open'")
        return and_(past, open_ if self.end > self.work.now else or_(open_, columns.closed_at >= self.end))

    def inside(self, column: ColumnElement[str], area: str) -> ColumnElement[bool]:
        return inside(self.work.connection, column, area)

    def seconds(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """A moment as a number of seconds: SQLite keeps moments as text."""
        return extract("epoch", column) if self.postgresql else func.julianday(column) * 86400

    def counts(self, query: Select[Any], **wanted: ColumnElement[bool] | None) -> dict[str, int]:
        """How many rows fulfil each condition; None: all."""
        every = func.count()
        columns = [(every if which is None else every.filter(which)).label(name) for name, which in wanted.items()]
        return {name: int(number) for name, number in self.rows(query.add_columns(*columns))[0].items()}

    def number(self, query: Select[Any]) -> int:
        """How many rows a query finds."""
        return int(self.work.connection.execute(select(func.count()).select_from(query.subquery())).scalar_one())

    def rows(self, query: Select[Any]) -> Any:
        return self.work.connection.execute(query).mappings().all()


def _duration(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "status": row["lifecycle"],
        "count": row["done"],
        "hours": round(float(row["took"]) / 3600, 2),
        "share": None if row["share"] is None else round(float(row["share"]), 4),
    }

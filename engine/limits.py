"""How long a step may take, and when that time is over: limits, due times and lights.

Every limit names its unit and its basis; a bare "day" is refused. Each unit is a line on which time is
counted in whole ticks, and one walk along that line serves them all:

    natural_minute, natural_hour   every microsecond counts, nights and holidays too (民法典 201.2)
    working_hour                   microseconds within office hours of working days
    working_day                    working days, by their close of business
    natural_day                    all days, by their close of business; the last one is moved to the next
                                   working day when it is a day off (民法典 203.1)

Days begin on the day after the start (民法典 201.1) and end when business closes (民法典 203.2). A pause
stops the clock from its beginning (exclusive) to its end (inclusive): hours count only what ran; a day counts
when the clock was running right before its close of business, so a pause that is over by then gains no day.
Hence a pause never makes anything due earlier, an empty pause changes nothing, and two adjoining
pauses are the same as one. An extension is counted from where the limit (with earlier extensions) ends.

Lights are shares of the running time between start and due time, measured as office time for working units
and as natural time for natural ones; the running time after an extension is the whole, extended one.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Literal, Protocol, get_args

from engine.calendars import SHANGHAI, TICK, Calendar, local
from engine.errors import Finding, Invalid, Refused, Words
from engine.model import Value, revive

Unit = Literal["natural_minute", "natural_hour", "working_hour", "working_day", "natural_day"]
BasisKind = Literal["statute", "local_rule", "draft", "product_default"]
Light = Literal["green", "yellow", "red", "supervise", "paused", "none"]
Part = Literal["start", "workday", "make_up", "natural_day", "weekend", "holiday", "rolled", "paused", "time"]
State = Literal["running", "paused", "none"]

Pause = tuple[datetime, datetime | None]
"""When the clock was stopped and when it ran again; None while it still stands."""

UNITS: Mapping[Unit, Words] = {
    "natural_minute": Words("分钟", "natural minutes"),
    "natural_hour": Words("自然时", "natural hours"),
    "working_hour": Words("工作时", "working hours"),
    "working_day": Words("工作日", "working days"),
    "natural_day": Words("自然日", "natural days"),
}
BASES: Mapping[BasisKind, Words] = {
    "statute": Words("法定", "law"),
    "local_rule": Words("本级规定", "local rule"),
    "draft": Words("草案，不是法律", "draft, not law"),
    "product_default": Words("产品默认，不是法律规定", "product default, not law"),
}
LONGEST: Mapping[Unit, int] = {
    "natural_minute": 366 * 24 * 60,
    "natural_hour": 366 * 24,
    "working_hour": 366 * 24,
    "working_day": 3660,
    "natural_day": 3660,
}
"""The largest amount of each unit: whatever exceeds it is a slip of the pen."""


class Basis(Value, frozen=True):
    """On what authority a limit stands, and since when."""

    kind: BasisKind
    article: str = ""
    document: str = ""
    set_by: str = ""
    effective_from: date | None = None


class Limit(Value, frozen=True):
    """The time a step may take, with its authority. `none` is a documented "no limit": shown, never red.

    `warning_percent` and `supervise_percent` are shares of the limit at which the light turns yellow and a
    superior steps in; red is always 100. `extension_max` is what all extensions together may add, in the
    limit's unit: None leaves it open, 0 forbids extensions.
    """

    key: str
    basis: Basis
    amount: int | None = None
    unit: Unit | None = None
    none: bool = False
    warning_percent: int = 80
    supervise_percent: int = 150
    extension_max: int | None = None


class Extension(Value, frozen=True):
    """Time granted on top of a limit."""

    amount: int
    unit: Unit


class Due(Value, frozen=True):
    """When a clock runs out. All times are aware, in Asia/Shanghai.

    `paused` has no times but `remaining`, in the limit's unit, as it was when the clock was stopped; `none`
    has neither. `provisional` says that `due_at` rests on a year without notice. `supervise_at` is None as
    well when the clock was stopped between `due_at` and it. `pauses` are merged and in order.
    """

    state: State
    due_at: datetime | None = None
    warn_at: datetime | None = None
    supervise_at: datetime | None = None
    provisional: bool = False
    remaining: float | None = None
    pauses: tuple[Pause, ...] = ()


class Explained(Value, frozen=True):
    """What one day contributed to a due time; `number` is the number of the day or the minutes counted."""

    day: date
    kind: Part
    label: Words
    number: int = 0


def due(limit: Limit, start: datetime, calendar: Calendar) -> Due:
    """When a limit that began at `start` runs out, if nothing stops or extends it."""
    return clock(limit, start, calendar)


def clock(
    limit: Limit,
    start: datetime,
    calendar: Calendar,
    pauses: Iterable[Pause] = (),
    extensions: Iterable[Extension] = (),
) -> Due:
    """When a limit runs out that began at `start`, was stopped by `pauses` and lengthened by `extensions`.

    Raises `Invalid` on a time without zone, a pause that ends before it begins, or a date outside the
    calendar.
    """
    stops, begun, parts = merge(pauses), local(start), _parts(limit, extensions)
    if not parts:
        return Due("none", pauses=stops)
    legs = _legs(parts, begun, calendar, stops)
    end = legs[-1].end
    if end is None:
        left = remaining(limit, begun, calendar, stops[-1][0], stops, parts[1:])
        return Due("paused", remaining=left, pauses=stops)
    return Due(
        "running",
        due_at=end,
        warn_at=_share(limit.warning_percent, parts[0].unit, begun, end, calendar, stops),
        supervise_at=_share(limit.supervise_percent, parts[0].unit, begun, end, calendar, stops),
        provisional=any(_is_provisional(leg, calendar) for leg in legs),
        pauses=stops,
    )


def light(due: Due, now: datetime) -> Light:
    """The light of a clock at `now`. Done exactly at the due time is in time.

    What was overdue before it was stopped stays red.
    """
    if due.state == "none":
        return "none"
    if due.supervise_at is not None and now > due.supervise_at:
        return "supervise"
    if due.due_at is not None and now > due.due_at:
        return "red"
    if any(since <= now and (until is None or now < until) for since, until in due.pauses):
        return "paused"
    return "yellow" if due.warn_at is not None and now >= due.warn_at else "green"


def remaining(
    limit: Limit,
    start: datetime,
    calendar: Calendar,
    now: datetime,
    pauses: Iterable[Pause] = (),
    extensions: Iterable[Extension] = (),
) -> float | None:
    """What is left at `now` until the due time, in the limit's unit; negative when overdue.

    None for no limit. Days are whole: those that still count, the day of the due time included. While the
    clock stands this is what was left when it was stopped. A last day moved past days off leaves those too.
    """
    stops, begun, parts = merge(pauses), local(start), _parts(limit, extensions)
    if not parts:
        return None
    end = _legs(parts, begun, calendar, stops)[-1].end
    if end is None:
        # As if it ran again as soon as it was stopped: what is left does not change while it stands.
        return remaining(limit, begun, calendar, min(now, stops[-1][0]), stops[:-1], parts[1:])
    line = _line(parts[0].unit, calendar)
    at, last = max(line.start(begun), line.at(local(now))), line.at(end)
    ticks = _run_time(line, at, last, stops) if at <= last else -_run_time(line, last, at, stops)
    return ticks / line.size


def explain(
    limit: Limit,
    start: datetime,
    calendar: Calendar,
    pauses: Iterable[Pause] = (),
    extensions: Iterable[Extension] = (),
) -> tuple[Explained, ...]:
    """Day by day, why `clock` gives the due time it gives: what a person would tick off on a wall calendar.

    A clock that stands is explained up to the day on which it was stopped. Nothing for no limit.
    """
    stops, parts = merge(pauses), _parts(limit, extensions)
    rows: list[Explained] = []
    for leg in _legs(parts, local(start), calendar, stops):
        rows.extend(_explain_leg(leg, calendar, stops, rows))
        if leg.end is None:
            rows.append(_row(_last_day(leg, stops), "paused", "停表，恢复前不再计", "stopped until resumed"))
    return tuple(rows)


def merge(pauses: Iterable[Pause]) -> tuple[Pause, ...]:
    """The same pauses without overlap, in order, empty ones left out; at most the last one is open.

    Raises `Invalid` on a pause that ends before it begins and on a time without zone.
    """
    merged: list[Pause] = []
    for since, until in sorted((_checked(one) for one in pauses), key=lambda one: one[0]):
        if since == until:
            continue
        last = merged[-1] if merged else None
        if last is None or (last[1] is not None and last[1] < since):
            merged.append((since, until))
        else:
            merged[-1] = (last[0], None if last[1] is None or until is None else max(last[1], until))
    return tuple(merged)


def check_extensions(limit: Limit, extensions: Iterable[Extension]) -> None:
    """Raises `Refused` when these extensions together exceed what the limit allows."""
    if limit.extension_max is None:
        return
    granted = tuple(extensions)
    total = sum(one.amount for one in granted)
    if total > limit.extension_max or any(one.unit != limit.unit for one in granted):
        unit = UNITS[limit.unit] if limit.unit else Words("", "")
        raise Refused(
            "limit.extension",
            f"延期合计不得超过 {limit.extension_max} {unit.zh}，请改短或另行报批。",
            f"Extensions may add {limit.extension_max} {unit.en} in all: ask for less.",
            article=limit.basis.article,
        )


def check_limit(data: object) -> Limit:
    """The limit that plain data (a JSON object) describes. Raises `Invalid` with all findings."""
    findings = list(_limit_findings(data))
    if not findings:
        return revive(data, Limit)
    raise Invalid("limit.invalid", "时限设置有误。", "The limit has faults.", findings)


class _Line(Protocol):
    """Time counted in whole ticks of one unit. `size` is how many ticks make one of the unit."""

    size: int

    def start(self, moment: datetime) -> int:
        """The tick from which a limit that begins at this moment is counted."""

    def at(self, moment: datetime) -> int:
        """The ticks completed by this moment."""

    def moment(self, ticks: int) -> datetime:
        """The first moment at which so many ticks are completed."""


_EPOCH = datetime(2000, 1, 1, tzinfo=SHANGHAI)
_MINUTE, _HOUR = 60_000_000, 3_600_000_000


class _NaturalTime:
    def __init__(self, size: int) -> None:
        self.size = size

    def start(self, moment: datetime) -> int:
        return self.at(moment)

    def at(self, moment: datetime) -> int:
        return (moment - _EPOCH) // TICK

    def moment(self, ticks: int) -> datetime:
        return _EPOCH + ticks * TICK


class _WorkingTime:
    def __init__(self, calendar: Calendar, size: int) -> None:
        self.size = size
        self.start = self.at = calendar.worked_until
        self.moment = calendar.moment_worked


class _WorkingDays:
    size = 1

    def __init__(self, calendar: Calendar) -> None:
        self._calendar = calendar

    def start(self, moment: datetime) -> int:
        return self._calendar.workdays_until(moment.date())

    def at(self, moment: datetime) -> int:
        return self._calendar.workdays_until(self._calendar.closed_through(moment))

    def moment(self, ticks: int) -> datetime:
        return self._calendar.close_of(self._calendar.nth_workday(ticks))


class _NaturalDays:
    size = 1

    def __init__(self, calendar: Calendar) -> None:
        self._calendar = calendar

    def start(self, moment: datetime) -> int:
        return moment.date().toordinal()

    def at(self, moment: datetime) -> int:
        return self._calendar.closed_through(moment).toordinal()

    def moment(self, ticks: int) -> datetime:
        return self._calendar.close_of(date.fromordinal(ticks))


def _line(unit: Unit, calendar: Calendar) -> _Line:
    match unit:
        case "natural_minute":
            return _NaturalTime(_MINUTE)
        case "natural_hour":
            return _NaturalTime(_HOUR)
        case "working_hour":
            return _WorkingTime(calendar, _HOUR)
        case "working_day":
            return _WorkingDays(calendar)
        case "natural_day":
            return _NaturalDays(calendar)


def _pace(unit: Unit, calendar: Calendar) -> _Line:
    """The line on which the lights of a limit are measured."""
    return _WorkingTime(calendar, _HOUR) if unit.startswith("working") else _NaturalTime(_HOUR)


class _Leg(Value, frozen=True):
    """The limit itself or one extension: from where it is counted and where it ends (None: it stands)."""

    unit: Unit
    start: datetime
    nominal: datetime | None
    end: datetime | None


def _parts(limit: Limit, extensions: Iterable[Extension]) -> tuple[Extension, ...]:
    """The limit's own time and what was added to it; nothing for no limit."""
    if limit.amount is None or limit.unit is None:
        return ()
    return (Extension(limit.amount, limit.unit), *extensions)


def _legs(parts: Iterable[Extension], start: datetime, calendar: Calendar, stops: Sequence[Pause]) -> list[_Leg]:
    """The limit and its extensions, each counted from the end of the one before; the last may stand."""
    legs: list[_Leg] = []
    for part in parts:
        legs.append(_leg(part, start, calendar, stops))
        end = legs[-1].end
        if end is None:
            break
        start = end
    return legs


def _leg(part: Extension, start: datetime, calendar: Calendar, stops: Sequence[Pause]) -> _Leg:
    line = _line(part.unit, calendar)
    ticks = _walk(line, line.start(start), part.amount * line.size, stops)
    nominal = end = None if ticks is None else max(start, line.moment(ticks))
    if nominal is not None and part.unit == "natural_day":
        end = _roll(nominal, calendar, stops)
    return _Leg(part.unit, start, nominal, end)


def _walk(line: _Line, place: int, ticks: int, stops: Iterable[Pause]) -> int | None:
    """The tick at which `ticks` more have run since `place`; None when an open pause comes first."""
    for since, until in stops:
        run = max(0, line.at(since) - place)
        if run >= ticks:
            break
        if until is None:
            return None
        ticks -= run
        place = max(place, line.at(until))
    return place + ticks


def _run_time(line: _Line, first: int, last: int, stops: Iterable[Pause]) -> int:
    """The ticks between two places on the line, without those of the pauses."""
    stopped = 0
    for since, until in stops:
        end = last if until is None else min(last, line.at(until))
        stopped += max(0, end - max(first, line.at(since)))
    return last - first - stopped


def _roll(nominal: datetime, calendar: Calendar, stops: Iterable[Pause]) -> datetime | None:
    """Close of business of the first working day from the nominal one on at which the clock runs."""
    end = calendar.close_of(calendar.workday_from(nominal.date()))
    for since, until in stops:
        if since >= end or (until is not None and until < end):
            continue
        if until is None:
            return None
        end = calendar.close_of(calendar.next_workday(calendar.closed_through(until)))
    return end


def _share(
    percent: int, unit: Unit, start: datetime, end: datetime, calendar: Calendar, stops: Sequence[Pause]
) -> datetime | None:
    """The moment at which so many percent of the running time between start and end have run."""
    line = _pace(unit, calendar)
    first = line.start(start)
    whole = _run_time(line, first, line.at(end), stops)
    ticks = _walk(line, first, whole * percent // 100, stops)
    return None if ticks is None else max(start, line.moment(ticks))


def _is_provisional(leg: _Leg, calendar: Calendar) -> bool:
    """Whether the end of the leg rests on a year without notice; natural time rests on none."""
    if leg.end is None or leg.unit in ("natural_minute", "natural_hour"):
        return False
    first = leg.end if leg.unit == "natural_day" else leg.start
    return any(year not in calendar.confirmed for year in range(first.year, leg.end.year + 1))


def _checked(pause: Pause) -> Pause:
    since, until = pause
    if until is None:
        return local(since), None
    if until < since:
        raise Invalid(
            "limit.pause",
            f"停表的结束时间 {until.isoformat()} 早于开始时间 {since.isoformat()}，请核对。",
            f"The pause ends at {until.isoformat()}, before it begins at {since.isoformat()}: check it.",
        )
    return local(since), local(until)


def _explain_leg(
    leg: _Leg, calendar: Calendar, stops: Sequence[Pause], earlier: Sequence[Explained]
) -> Iterator[Explained]:
    if leg.unit in ("working_day", "natural_day"):
        yield from _explain_days(leg, calendar, stops, earlier)
    else:
        yield from _explain_time(leg, calendar, stops)


def _explain_days(
    leg: _Leg, calendar: Calendar, stops: Sequence[Pause], earlier: Sequence[Explained]
) -> Iterator[Explained]:
    first = leg.start.date()
    if not earlier:
        yield _row(first, "start", "起算当日不计入", "day of the start, not counted")
    number = max((row.number for row in earlier if row.kind != "time"), default=0)
    for day in _days(first + timedelta(days=1), _last_day(leg, stops)):
        close = calendar.close_of(day)
        runs = not any(since < close and (until is None or close <= until) for since, until in stops)
        if leg.nominal is not None and day > leg.nominal.date():
            yield _rolled(day, calendar, runs)
        elif leg.unit == "working_day" and not calendar.is_workday(day):
            yield _day_off(day, calendar)
        elif not runs:
            yield _row(day, "paused", "停表，不计入", "clock stopped, not counted")
        else:
            number += 1
            yield _counted(day, leg.unit, calendar, number)


def _counted(day: date, unit: Unit, calendar: Calendar, number: int) -> Explained:
    kind = calendar.kind(day)
    if unit == "natural_day":
        return _row(day, "natural_day", f"第 {number} 日", f"day {number}", number)
    if kind == "make_up":
        name = calendar.name(day)
        return _row(
            day,
            "make_up",
            f"第 {number} 个工作日（{name}调休上班）",
            f"working day {number} (make-up day for {name})",
            number,
        )
    return _row(day, "workday", f"第 {number} 个工作日", f"working day {number}", number)


def _day_off(day: date, calendar: Calendar) -> Explained:
    if calendar.kind(day) == "holiday":
        name = calendar.name(day)
        return _row(day, "holiday", f"{name}放假，不计入", f"holiday ({name}), not counted")
    return _row(day, "weekend", "周末，不计入", "weekend, not counted")


def _rolled(day: date, calendar: Calendar, runs: bool) -> Explained:
    if not calendar.is_workday(day):
        return _day_off(day, calendar)
    if not runs:
        return _row(day, "paused", "停表，不计入", "clock stopped, not counted")
    return _row(day, "rolled", "最后一日是休息日，顺延至此工作日", "last day was a day off: moved to this working day")


def _explain_time(leg: _Leg, calendar: Calendar, stops: Sequence[Pause]) -> Iterator[Explained]:
    line = _line(leg.unit, calendar)
    end = leg.end if leg.end is not None else stops[-1][0]
    for day in _days(leg.start.date(), _last_day(leg, stops)):
        midnight = datetime(day.year, day.month, day.day, tzinfo=SHANGHAI)
        first, last = max(leg.start, midnight), min(end, midnight + timedelta(days=1))
        if first >= last:
            continue
        whole = line.at(last) - line.at(first)
        counted = _run_time(line, line.at(first), line.at(last), stops)
        minutes = counted // _MINUTE
        if counted:
            zh, en = _note(day, calendar)
            yield _row(day, "time", f"计 {_zh(minutes)}{zh}", f"{minutes} min counted{en}", minutes)
        elif whole:
            yield _row(day, "paused", "停表，不计入", "clock stopped, not counted")
        elif calendar.is_workday(day):
            yield _row(day, "time", "下班后，不计入", "outside office hours, not counted")
        else:
            yield _day_off(day, calendar)


def _last_day(leg: _Leg, stops: Sequence[Pause]) -> date:
    """The last day to explain: that of the end, or the one on which the clock was stopped."""
    return (leg.end or max(leg.start, stops[-1][0])).date()


def _days(first: date, last: date) -> Iterator[date]:
    return (date.fromordinal(one) for one in range(first.toordinal(), last.toordinal() + 1))


def _zh(minutes: int) -> str:
    return f"{minutes // 60} 小时 {minutes % 60} 分"


def _note(day: date, calendar: Calendar) -> Words:
    return Words("", "") if calendar.is_workday(day) else Words("（休息日不停计）", " (days off count too)")


def _row(day: date, kind: Part, zh: str, en: str, number: int = 0) -> Explained:
    return Explained(day, kind, Words(zh, en), number)


_FIELDS = frozenset(Limit.__struct_fields__)
_BASIS_FIELDS = frozenset(Basis.__struct_fields__)
_DAYS: tuple[Unit, ...] = ("working_day", "natural_day")
_HOURS: tuple[Unit, ...] = ("working_hour", "natural_hour")
_BARE: Mapping[str, tuple[Unit, ...]] = {
    **dict.fromkeys(("day", "days", "天", "日"), _DAYS),
    **dict.fromkeys(("hour", "hours", "时", "小时"), _HOURS),
}


def _limit_findings(data: object) -> Iterator[Finding]:
    if not isinstance(data, Mapping):
        yield _finding("format", "", "时限须为一个 JSON 对象。", "A limit must be a JSON object.")
        return
    key = data.get("key")
    name = key if isinstance(key, str) else ""
    if not name.strip():
        yield _finding("key", "", "时限须有名称 key。", "A limit must have a key.")
    for field in sorted(data.keys() - _FIELDS, key=str):
        yield _finding("field", name, f"没有“{field}”这一项。", f'A limit has no field "{field}".')
    if data.get("none", False) is False:
        yield from _amount_findings(name, data)
    else:
        yield from _none_findings(name, data)
    yield from _percent_findings(name, data)
    yield from _basis_findings(name, data.get("basis"))


def _amount_findings(name: str, data: Mapping[str, Any]) -> Iterator[Finding]:
    amount, unit, extra = data.get("amount"), data.get("unit"), data.get("extension_max")
    if unit not in get_args(Unit):
        yield _unit_finding(name, unit)
    longest = next((most for one, most in LONGEST.items() if one == unit), max(LONGEST.values()))
    if not _is_whole(amount, 1, longest):
        yield _finding(
            "amount",
            name,
            f"时限数值须为 1 至 {longest} 的整数；不设时限请写 none。",
            f"The amount must be a whole number from 1 to {longest}; for no limit set none.",
        )
    if extra is not None and not _is_whole(extra, 0, longest):
        yield _finding(
            "extension",
            name,
            f"延期上限须为 0 至 {longest} 的整数。",
            f"extension_max must be a whole number from 0 to {longest}.",
        )


def _unit_finding(name: str, unit: object) -> Finding:
    choice = _BARE.get(unit, ()) if isinstance(unit, str) else ()
    units = choice or tuple(UNITS)
    zh = "、".join(f"{UNITS[one].zh} {one}" for one in units)
    why_zh, why_en = (f"“{unit}”含义不明，", f'"{unit}" is ambiguous: ') if choice else ("", "")
    return _finding(
        "unit",
        name,
        f"{why_zh}请选择时限单位：{zh}。",
        f"{why_en}choose the unit of the limit: {', '.join(units)}.",
    )


def _none_findings(name: str, data: Mapping[str, Any]) -> Iterator[Finding]:
    basis = data.get("basis")
    if data["none"] is not True:
        yield _finding("none", name, "none 须为 true 或 false。", "none must be true or false.")
    if any(data.get(field) is not None for field in ("amount", "unit", "extension_max")):
        yield _finding("none", name, "不设时限就不能再写数值或单位。", "No limit has no amount, unit or extension.")
    if not isinstance(basis, Mapping) or not _is_text(basis.get("document")) or not _is_text(basis.get("set_by")):
        yield _finding(
            "none",
            name,
            "不设时限须写明决定机关 set_by 和依据文件 document。",
            "No limit must name who decided so (set_by) and in which document.",
        )


def _percent_findings(name: str, data: Mapping[str, Any]) -> Iterator[Finding]:
    if not _is_whole(data.get("warning_percent", 80), 1, 99):
        yield _finding(
            "lights",
            name,
            "临期比例须为 1 至 99 的整数。",
            "warning_percent must be a whole number from 1 to 99.",
        )
    if not _is_whole(data.get("supervise_percent", 150), 101, 1000):
        yield _finding(
            "lights",
            name,
            "督办比例须为 101 至 1000 的整数。",
            "supervise_percent must be a whole number from 101 to 1000.",
        )


def _basis_findings(name: str, basis: object) -> Iterator[Finding]:
    if not isinstance(basis, Mapping) or basis.get("kind") not in get_args(BasisKind):
        kinds = "、".join(f"{words.zh} {kind}" for kind, words in BASES.items())
        yield _finding("basis", name, f"请写明时限依据：{kinds}。", f"Name the basis of the limit: {', '.join(BASES)}.")
        return
    for field in sorted(basis.keys() - _BASIS_FIELDS, key=str):
        yield _finding("field", name, f"依据没有“{field}”这一项。", f'A basis has no field "{field}".')
    for field in ("article", "document", "set_by"):
        if not isinstance(basis.get(field, ""), str):
            yield _finding("basis", name, f"依据的 {field} 须为文字。", f"{field} of the basis must be text.")
    if basis.get("effective_from") is not None and not _is_date(basis["effective_from"]):
        yield _finding("basis", name, "生效日期须写成 2026-01-01。", "Write effective_from as 2026-01-01.")
    yield from _authority_findings(name, basis)


def _authority_findings(name: str, basis: Mapping[str, Any]) -> Iterator[Finding]:
    kind = basis["kind"]
    if kind in ("statute", "draft") and not _is_text(basis.get("article")):
        yield _finding("basis", name, "法定或草案时限须写明条款 article。", "Law and draft must cite their article.")
    missing = [field for field in ("set_by", "document") if not _is_text(basis.get(field))]
    if basis.get("effective_from") is None:
        missing.append("effective_from")
    if kind == "local_rule" and missing:
        yield _finding(
            "basis",
            name,
            f"本级规定须写明：{'、'.join(missing)}。",
            f"A local rule must name {', '.join(missing)}.",
        )


def _finding(rule: str, element: str, zh: str, en: str) -> Finding:
    return Finding(f"limit.{rule}", "error", element, f"{zh} {en}")


def _is_whole(value: object, least: int, most: int) -> bool:
    return type(value) is int and least <= value <= most


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_date(value: object) -> bool:
    try:
        return isinstance(value, str) and date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False

"""What commands show: JSON for programs, tables and progress for people, errors in two languages.

Results go to standard output, everything else to standard error, so that a result can be piped on. Tables and
progress are drawn on a terminal only; a file or pipe gets plain lines with tabs between the fields.
"""

import json
import os
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import TextIO, TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from engine.errors import Finding, Words

T = TypeVar("T")

FILE_NAMES = ("utf-8", "gb18030", "cp1252")
"""The encodings a file name may be in, in the order in which they are tried."""

LEVELS = {
    "error": Words("错误", "error"),
    "warning": Words("警告", "warning"),
    "advice": Words("建议", "advice"),
}
BREAKS = re.compile(r"[\t\n\v\f\r\x85\u2028\u2029]+")
COMMANDS = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters, overrides of the writing direction, and lone surrogates."""
COLOURS = {"error": "bold red", "warning": "yellow", "advice": "cyan"}


def show_json(value: object) -> None:
    """One JSON document, indented."""
    sys.stdout.write(json_text(value, 2) + "\n")


def json_text(value: object, indent: int | None = None) -> str:
    """A value as JSON; characters that standard output cannot hold are written as JSON escapes."""
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        return json.dumps(value, indent=indent)
    return text


def show(text: str) -> None:
    """One line of a result."""
    _line(sys.stdout, text)


def tell(words: Words) -> None:
    """What a person should know besides the result: a Chinese line and an English one, on standard error."""
    for line in words:
        _line(sys.stderr, line)


def show_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Rows under headings; without headings, separated by tabs, where nobody looks at a terminal."""
    if not sys.stdout.isatty():
        for row in rows:
            _plain_line(sys.stdout, "\t".join(_printable(cell) for cell in row))
        return
    table = Table()
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(_printable(cell)) for cell in row))
    _console(sys.stdout).print(table)


def show_findings(findings: Iterable[Finding], stream: TextIO | None = None) -> None:
    """One line for each finding: how grave, which rule, which element, what is wrong, and the shortest way there."""
    for one in findings:
        level = LEVELS[one.level]
        place = f" {one.element}" if one.element else ""
        article = f" [{one.article}]" if one.article else ""
        way = f" ({' → '.join(one.path)})" if one.path else ""
        text = f"{level.zh} {level.en} {one.rule}{place}{article}: {one.message}{way}"
        _line(stream or sys.stdout, text, COLOURS[one.level])


def progress(items: Iterable[T], zh: str, en: str, total: int | None = None) -> Iterator[T]:
    """The items, one by one, with a bar on standard error while they are worked through. `total` says how many there
    will be where the items cannot tell."""
    if not sys.stderr.isatty():
        yield from items
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=_console(sys.stderr), transient=True) as bar:
        yield from bar.track(items, total=total, description=f"{zh} {en}")


def readable(name: str | os.PathLike[str]) -> str:
    """A file's name as a person reads it, whatever encoding the file system has it in."""
    raw = os.fsencode(name)
    for encoding in FILE_NAMES:
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return raw.decode("latin-1")


def _line(stream: TextIO, text: str, style: str = "") -> None:
    """One line as it stands: nothing in it is taken for markup, wrapped or cut."""
    if stream.isatty():
        _console(stream).print(Text(_printable(text), style), soft_wrap=True)
        return
    _plain_line(stream, _printable(text))


def _plain_line(stream: TextIO, text: str) -> None:
    encoding = stream.encoding or "utf-8"
    stream.write(text.encode(encoding, "backslashreplace").decode(encoding) + "\n")


def _printable(text: str) -> str:
    """On one line, and without what would command a terminal or cannot be encoded."""
    return COMMANDS.sub("\ufffd", BREAKS.sub(" ", text))


def _console(stream: TextIO) -> Console:
    return Console(file=stream, highlight=False)

"""The rules a diagram must obey beyond being readable: every module of this folder that has a function `check`.

A rule is one file with `check(definition, pack, handlers)`: `pack` is None when nobody said where the diagram is to
run, `handlers` when nobody said which there are. A rule leaves out what it does not need. A new rule is a new file: it
is found by its place, in the order of names.
"""

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from inspect import signature
from typing import Any

from engine.bpmn import Reading
from engine.checks import size
from engine.definition import Definition, Node, Process
from engine.errors import Finding, Invalid
from engine.library import Pack
from engine.work import Handler

Check = Callable[..., Iterable[Finding]]


@cache
def rules() -> Mapping[str, Check]:
    """The checks there are, by the name of their file."""
    modules = {one.name: importlib.import_module(f"{__name__}.{one.name}") for one in pkgutil.iter_modules(__path__)}
    return {name: module.check for name, module in sorted(modules.items()) if hasattr(module, "check")}


def check(
    definition: Definition, pack: Pack | None = None, handlers: Mapping[str, Handler] | None = None
) -> tuple[Finding, ...]:
    """What every rule has to say about a definition, each thing once; of one that is too large, only that it is.
    `handlers` are all there are, by name."""
    too_large = size.check(definition)
    if too_large:
        return tuple(too_large)
    given = {"definition": definition, "pack": pack, "handlers": handlers}
    return tuple(dict.fromkeys(finding for rule in rules().values() for finding in _asked(rule, given)))


def check_file(
    reading: Reading,
    others: Mapping[str, Process] | None = None,
    pack: Pack | None = None,
    handlers: Mapping[str, Handler] | None = None,
) -> tuple[Finding, ...]:
    """Everything wrong with a file: what its reading found, what it calls in vain, what the rules say.

    `others` are the processes it may call. What is wrong inside those is their own file's affair.
    """
    found = list(reading.findings)
    for root in _roots(reading):
        try:
            definition = reading.definition(root, others)
        except Invalid as refused:
            found += refused.findings
            continue
        foreign = _elements(definition.processes[id] for id in definition.processes if id not in reading.processes)
        own = _elements(reading.processes.values())
        found += [one for one in check(definition, pack, handlers) if one.element in own or one.element not in foreign]
    return tuple(dict.fromkeys(found))


def _roots(reading: Reading) -> list[str]:
    """The processes to look at: those a case can begin with, unless another process of the file calls them."""
    called = {node.called for process in reading.processes.values() for node in _nodes(process)}
    able = [id for id in reading.executable if id not in reading.refused]
    return [id for id in able if id not in called] or able


def _elements(processes: Iterable[Process]) -> set[str]:
    return {id for process in processes for id in (process.id, *(node.id for node in _nodes(process)))}


def _nodes(process: Process) -> Iterator[Node]:
    return (node for _, node in Definition(process.id, {process.id: process}).nodes())


def _asked(rule: Check, given: Mapping[str, Any]) -> Iterable[Finding]:
    """What a rule says to as much of what is known as it wants to know."""
    return rule(**{name: given[name] for name in given.keys() & signature(rule).parameters.keys()})

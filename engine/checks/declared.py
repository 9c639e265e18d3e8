"""What is known of the names that a diagram may use: from forms, tables, scripts, lists and data objects.

No rule of its own: the rules about forms, tables and time ask here. A form says more than a data object, so what a
form, a table or a script writes comes first; a data object speaks for names that only handlers write. A handler is
taken to write nothing that a form or table would not.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from engine.decisions import Table
from engine.definition import Definition, Node
from engine.expressions import (
    ANY,
    BOOLEAN,
    LIST,
    NUMBER,
    OBJECT,
    STRING,
    ExpressionError,
    Scalar,
    Type,
    compile_expression,
    compile_script,
    either,
    enumeration,
    kind_of,
    result_type,
)
from engine.library import Pack
from engine.model import replace

_TYPES: Mapping[str, Type] = {
    "string": STRING,
    "boolean": BOOLEAN,
    "number": NUMBER,
    "integer": NUMBER,
    "list": LIST,
    "array": LIST,
    "object": OBJECT,
}


def names(definition: Definition, pack: Pack | None) -> dict[str, Type]:
    """Every name with what it may hold. Without a pack only what the diagram itself says."""
    found: dict[str, Type] = {}
    for form in _forms(definition, pack):
        _join(found, of_form(form))
    for table in _tables(definition, pack):
        _join(found, of_table(table))
    objects = {
        variable.name: _TYPES.get(variable.type, ANY)
        for process in definition.processes.values()
        for variable in process.variables.values()
    }
    elsewhere = of_forms(pack)
    written = _written(definition, elsewhere | objects | found)
    _join(found, written)
    return elsewhere | objects | found


def records(pack: Pack | None) -> set[str]:
    """The fields of forms that hold what people say: they never become variables."""
    forms = pack.forms.values() if pack else ()
    return {name for form in forms for name, field in _fields(form) if field.get("x-wangge") != "routing"}


def of_forms(pack: Pack | None) -> dict[str, Type]:
    """The routing fields of all forms of a pack, with what may be chosen in any of them."""
    return {name: together([of_schema(one) for one in found]) for name, found in fields(pack).items()}


def fields(pack: Pack | None) -> dict[str, list[Mapping[str, Any]]]:
    """The routing fields of all forms of a pack as their JSON Schemas, by name."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for form in pack.forms.values() if pack else ():
        for name, field in _fields(form):
            if field.get("x-wangge") == "routing":
                found.setdefault(name, []).append(field)
    return found


def of_form(form: Mapping[str, Any]) -> dict[str, Type]:
    """The routing fields of one form."""
    return {name: of_schema(field) for name, field in _fields(form) if field.get("x-wangge") == "routing"}


def of_schema(schema: Mapping[str, Any]) -> Type:
    """What a part of a JSON Schema lets somebody enter."""
    if "const" in schema:
        return _of_values([schema["const"]])
    if "enum" in schema:
        return _of_values(schema["enum"])
    written = schema.get("type", ())
    found = [_of_kind(kind, schema) for kind in ([written] if isinstance(written, str) else written)]
    return together(found) if found else ANY


def of_table(table: Table) -> dict[str, Type]:
    """What a table answers: the values in its rows."""
    if table.aggregation:
        return {table.outputs[0].name: Type(("number", "null"))}
    rows = [rule.outputs for rule in table.rules]
    if table.hit_policy == "COLLECT":
        return {table.key: LIST}
    return {
        column.name: _of_values([*(row[place] for row in rows), column.default])
        for place, column in enumerate(table.outputs)
    }


def _forms(definition: Definition, pack: Pack | None) -> Iterator[Mapping[str, Any]]:
    """The forms that the diagram asks: those of its steps and events, and of the ways to leave a step."""
    if pack is not None:
        keys = (key for _, node in definition.nodes() for key in (node.properties.get("form", ""), node.trigger.ref))
        yield from (pack.forms[key] for key in dict.fromkeys(keys) if key in pack.forms)


def _tables(definition: Definition, pack: Pack | None) -> Iterator[Table]:
    if pack is not None:
        keys = dict.fromkeys(node.decision for _, node in definition.nodes())
        yield from (pack.decisions[key] for key in keys if key in pack.decisions)


def _fields(form: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    yield from form.get("properties", {}).items()


def _of_kind(kind: str, schema: Mapping[str, Any]) -> Type:
    if kind == "null":
        return Type(("null",))
    if kind == "array" and "items" in schema:
        return Type(("list",), element=of_schema(schema["items"]))
    if kind == "object" and schema.get("additionalProperties") is False:
        return Type(("object",), fields={name: of_schema(field) for name, field in _fields(schema)})
    return _TYPES.get(kind, ANY)


def _of_values(values: list[Any]) -> Type:
    scalars = [value for value in values if isinstance(value, Scalar)]
    others = [Type((kind_of(value),)) for value in values if value is not None and not isinstance(value, Scalar)]
    nulls = [Type(("null",))] if None in values else []
    known = [enumeration(*dict.fromkeys(scalars))] if scalars else []
    return together([*known, *others, *nulls])


def together(types: Sequence[Type]) -> Type:
    """The type of a value that has one of these types: for lists and objects, of what they hold too."""
    first, *others = types
    for other in others:
        first = _either(first, other)
    return first


def _either(one: Type, two: Type) -> Type:
    both = either(one, two)
    if both == ANY:
        return ANY
    element = _either(one.element, two.element) if one.element and two.element else both.element
    if one.fields is None or two.fields is None:
        return replace(both, element=element)
    fields = dict(one.fields)
    _join(fields, two.fields)
    return replace(both, element=element, fields=fields)


def _join(found: dict[str, Type], more: Mapping[str, Type]) -> None:
    for name, kind in more.items():
        found[name] = _either(found[name], kind) if name in found else kind


# -- what the diagram itself writes ------------------------------------------------------------------


def _written(definition: Definition, known: Mapping[str, Type]) -> dict[str, Type]:
    """What scripts and repetitions write. A second look sees what the first one found."""
    found: dict[str, Type] = {}
    for _ in range(2):
        before = {**known, **found}
        found = {}
        for _, node in definition.nodes():
            _join(found, _of_node(node, before))
    return found


def _of_node(node: Node, known: Mapping[str, Type]) -> dict[str, Type]:
    try:
        return _of_script(node, known) | _of_loop(node, known)
    except ExpressionError:  # the reader has said so
        return {}


def _of_script(node: Node, known: Mapping[str, Type]) -> dict[str, Type]:
    found: dict[str, Type] = {}
    for name, expression in compile_script(node.script).assignments if node.script else ():
        found[name] = result_type(expression, {**known, **found})
    return found


def _of_loop(node: Node, known: Mapping[str, Type]) -> dict[str, Type]:
    if node.loop is None:
        return {}
    found = {"loopCounter": NUMBER}
    if node.loop.item:
        collection = node.loop.collection
        items = result_type(compile_expression(collection), known) if collection else LIST
        found[node.loop.item] = items.element or ANY
    if node.loop.output:
        found[node.loop.output] = Type(("list",), element=known.get(node.loop.output_item))
    return found

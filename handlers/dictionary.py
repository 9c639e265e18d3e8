"""The data dictionary: every field that this installation holds, made from what it holds itself, so that a standard of
the province can be laid beside it (ZJ-11.1, ZJD-10.1, JS-28).

It tells of the tables (`processes/dictionary.json` has their names), the forms and registries of the pack in force,
what an item of the matter list says, and the registers. Each field has an address that stays the same as long as its
pack does. No conformity with any standard is claimed: the texts of those were not seen.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from engine import access, tables
from engine.directory import Actor
from engine.errors import Words
from engine.library import Pack, day_of
from engine.model import Value
from engine.publishing import PACKS
from engine.work import Work
from handlers import governing, lists

CONFORMITY = Words(
    "本字典由系统现有内容生成，不表示符合任何省级或者国家标准。",
    "Made from what the system holds; no conformity with a standard of the province or the state is claimed.",
)
PRODUCT = "wangge"
"""The source of what the product brings along, in every place."""

KINDS: Mapping[str, Words] = {
    "table": Words("数据表", "Table"),
    "form": Words("表单", "Form"),
    "registry": Words("登记表", "Registry"),
    "list": Words("事项清单", "Matter list"),
    "register": Words("登记", "Register"),
}
KEPT: Mapping[str, Words] = {
    "column": Words("表列", "column"),
    "routing": Words("流转变量", "routing variable"),
    "record": Words("办理记录中可清除的值", "erasable value of a record"),
    "entry": Words("登记内容", "content of a register"),
    "never": Words("只用于核对，不保存", "checked and never kept"),
}
"""How a value is kept."""


class Choice(Value, frozen=True):
    """A value that may be chosen, with its label."""

    value: str
    zh: str
    en: str


class Field(Value, frozen=True):
    """One field. `id` is its address (`<source>/<kind>/<holder>/<name>`); `holder` the table, form, registry or
    register it is of; `type` as in JSON Schema, with its format; `data_class` public, internal, or a class of the pack;
    `kept` see `KEPT`; `basis` the articles it rests on."""

    id: str
    kind: str
    source: str
    holder: str
    holder_zh: str
    holder_en: str
    name: str
    zh: str
    en: str
    type: str
    data_class: str
    kept: str
    required: bool = False
    choices: tuple[Choice, ...] = ()
    basis: tuple[str, ...] = ()


def fields(work: Work, actor: Actor, pack: str | None = None) -> tuple[Pack, list[Field]]:
    """The pack in force where the actor is, and every field held there. Raises `Refused` where none is in force."""
    governs = governing.pack(work, actor.area, day_of(work.now), pack)
    told = json.loads((PACKS / "dictionary.json").read_text(encoding="utf-8"))
    found = [
        *_tables(told["tables"]),
        *_forms(governs),
        *_registries(governs),
        *_list(governs),
        *_registers(told["registers"]),
    ]
    return governs, found


def classes(pack: Pack) -> dict[str, Words]:
    """The classes a field may be of, with their labels: those of the product, then those of the pack's text."""
    told = json.loads((PACKS / "dictionary.json").read_text(encoding="utf-8"))["classes"]
    named = {**told, **access.classes(pack)}
    return {key: Words(one["zh"], one["en"]) for key, one in named.items()}


def withheld() -> dict[str, Words]:
    """The tables whose fields are nobody's data but the machine's own, and what they hold."""
    told = json.loads((PACKS / "dictionary.json").read_text(encoding="utf-8"))["withheld"]
    return {name: Words(one["zh"], one["en"]) for name, one in told.items()}


# -- where fields are --------------------------------------------------------------------------------


def _tables(told: Mapping[str, Any]) -> Iterator[Field]:
    for name, table in told.items():
        for column in tables.metadata.tables[name].columns:
            key = str(column.name)
            words = table["columns"][key]
            yield Field(
                id=f"{PRODUCT}/table/{name}/{key}",
                kind="table",
                source=PRODUCT,
                holder=name,
                holder_zh=table["zh"],
                holder_en=table["en"],
                name=key,
                zh=words["zh"],
                en=words["en"],
                type=TYPES.get(type(column.type).__name__, "string"),
                data_class=words.get("class", "internal"),
                kept="column",
                required=not column.nullable,
            )


TYPES: Mapping[str, str] = {
    "BigInteger": "integer",
    "Integer": "integer",
    "Boolean": "boolean",
    "Instant": "string (date-time)",
    "LargeBinary": "bytes",
}
"""What columns hold, in the words of JSON Schema."""


def _forms(pack: Pack) -> Iterator[Field]:
    for name, form in pack.forms.items():
        yield from _of_form(pack.key, "form", name, Words(form["title"], form["x-en"]), form, ())


def _registries(pack: Pack) -> Iterator[Field]:
    for name, kind in pack.registries.items():
        basis = tuple(article for article in kind["basis"] if article in pack.articles)
        yield from _of_form(pack.key, "registry", name, Words(kind["zh"], kind["en"]), kind["form"], basis)


def _of_form(
    source: str, kind: str, name: str, title: Words, form: Mapping[str, Any], basis: tuple[str, ...]
) -> Iterator[Field]:
    for key, field in form["properties"].items():
        yield Field(
            id=f"{source}/{kind}/{name}/{key}",
            kind=kind,
            source=source,
            holder=name,
            holder_zh=title.zh,
            holder_en=title.en,
            name=key,
            zh=field.get("title", key),
            en=field.get("x-en", key),
            type=_type(field),
            data_class=field.get("x-class", "internal"),
            kept="never" if field.get("x-kept") is False else field.get("x-wangge", "record"),
            required=key in form.get("required", ()),
            choices=tuple(_choices(field)),
            basis=basis,
        )


def _list(pack: Pack) -> Iterator[Field]:
    """What an item of the matter list says; lists are published, so all of it is public."""
    for name, words in lists.TOLD.items():
        yield Field(
            id=f"{PRODUCT}/list/item/{name}",
            kind="list",
            source=PRODUCT,
            holder="item",
            holder_zh=KINDS["list"].zh,
            holder_en=KINDS["list"].en,
            name=name,
            zh=words.zh,
            en=words.en,
            type=_kind_of(item.get(name) for item in pack.items.values()),
            data_class="public",
            kept="entry",
        )


def _registers(told: Mapping[str, Any]) -> Iterator[Field]:
    """The registers that no pack describes: each with the body of its entries as one field."""
    for name, words in told.items():
        yield Field(
            id=f"{PRODUCT}/register/{name}/body",
            kind="register",
            source=PRODUCT,
            holder=name,
            holder_zh=words["zh"],
            holder_en=words["en"],
            name="body",
            zh="内容",
            en="Content",
            type="object",
            data_class=words.get("class", "internal"),
            kept="entry",
        )


# -- what a field holds ------------------------------------------------------------------------------


def _type(field: Mapping[str, Any]) -> str:
    if field.get("type") == "array":
        return f"array of {_type(field.get('items', {}))}"
    named = field.get("x-wangge-id") or field.get("format")
    return f"{field.get('type', 'string')} ({named})" if named else str(field.get("type", "string"))


def _choices(field: Mapping[str, Any]) -> Iterator[Choice]:
    of = field.get("items", {}) if field.get("type") == "array" else field
    labels = field.get("x-labels") or of.get("x-labels", {})
    for value in of.get("enum", ()):
        label = labels.get(str(value), {})
        yield Choice(str(value), label.get("zh", str(value)), label.get("en", str(value)))


def _kind_of(values: Iterator[Any]) -> str:
    value = next((one for one in values if one is not None), "")
    return {bool: "boolean", list: "array of string", dict: "object"}.get(type(value), "string")

"""The data dictionary: what this installation holds, field by field, as JSON and as a table."""

import csv
import io
from typing import Any

from engine.directory import Actor
from engine.model import plain
from engine.work import Work
from handlers import dictionary
from handlers.dictionary import CONFORMITY, KEPT, KINDS
from web import http, shapes
from web.http import SECURED, APIBlueprint, Body, Field, Response, look

routes = APIBlueprint("dictionary", __name__, tag="dictionary", url_prefix="/api")


class Asked(Body):
    """Of which pack; where the installation is for training, also one that is not in force."""

    pack: str | None = Field(default=None, max_length=120)


@routes.get("/data-dictionary")
@routes.input(Asked, location="query")
@routes.output(shapes.Dictionary)
@routes.doc(security=SECURED)
def told(query_data: Asked) -> dict[str, Any]:
    """数据字典 Every field that is held here: of tables, forms, registries, lists and registers"""
    return look(lambda work, who: _told(work, who, query_data.pack))


@routes.get("/data-dictionary.csv")
@routes.input(Asked, location="query")
@routes.doc(security=SECURED, responses={200: "CSV, UTF-8"})
def table(query_data: Asked) -> Response:
    """数据字典（CSV） The same as a table, for spreadsheets and for mapping to a standard"""
    return http.text(_table(look(lambda work, who: _told(work, who, query_data.pack))), "text/csv; charset=utf-8")


def _told(work: Work, who: Actor, pack: str | None) -> dict[str, Any]:
    governs, fields = dictionary.fields(work, who, pack)
    return {
        "pack": governs.key,
        "conformity": {"zh": CONFORMITY.zh, "en": CONFORMITY.en},
        "classes": [{"key": key, "zh": one.zh, "en": one.en} for key, one in dictionary.classes(governs).items()],
        "withheld": [{"key": key, "zh": one.zh, "en": one.en} for key, one in dictionary.withheld().items()],
        "fields": [{**LEFT_OUT, **plain(field)} for field in fields],
    }


LEFT_OUT: dict[str, Any] = {"required": False, "choices": [], "basis": []}
"""What a field does not say of itself where it is as usual."""

COLUMNS = {
    "id": "地址 id",
    "kind": "来源种类 kind",
    "source": "来源 source",
    "holder_zh": "所属",
    "holder_en": "of",
    "name": "字段 field",
    "zh": "名称",
    "en": "name",
    "type": "类型 type",
    "required": "必填 required",
    "choices": "可选值 choices",
    "data_class": "数据分类 class",
    "kept": "保存方式 kept",
    "basis": "依据 basis",
}


def _table(told: dict[str, Any]) -> str:
    """With the mark that lets spreadsheet programs see that it is UTF-8."""
    classes = {one["key"]: f"{one['zh']} {one['en']}" for one in told["classes"]}
    lines = io.StringIO()
    writer = csv.writer(lines)
    writer.writerow(COLUMNS.values())
    for field in told["fields"]:
        shown = {
            **field,
            "kind": f"{KINDS[field['kind']].zh} {KINDS[field['kind']].en}",
            "required": "是 yes" if field["required"] else "",
            "choices": "；".join(f"{one['value']} {one['zh']}" for one in field["choices"]),
            "data_class": classes.get(field["data_class"], field["data_class"]),
            "kept": f"{KEPT[field['kept']].zh} {KEPT[field['kept']].en}",
            "basis": " ".join(field["basis"]),
        }
        writer.writerow([_cell(shown[name]) for name in COLUMNS])
    return "\ufeff" + lines.getvalue()


def _cell(text: str) -> str:
    """Labels are drawn by people: one that a spreadsheet program would take for a formula is told as text."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text

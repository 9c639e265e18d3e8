"""Files of a matter: added as `multipart/form-data` (field `file`), given back only to be saved."""

from typing import Any

from engine import attachments, queries
from web import http, shapes
from web.http import SECURED, APIBlueprint, Response, act, look

routes = APIBlueprint("attachments", __name__, tag="attachments", url_prefix="/api")

FILE = {
    "type": "object",
    "required": ["file"],
    "properties": {"file": {"type": "string", "contentMediaType": "application/octet-stream"}},
}
FETCHED: dict[int | str, dict[str, str | dict[str, dict[str, Any]]]] = {
    200: {"description": "文件 The file", "content": {"application/octet-stream": {}}}
}


@routes.post("/matters/<number>/attachments")
@routes.output(shapes.Done)
@routes.doc(security=SECURED, extensions={"requestBody": {"content": {"multipart/form-data": {"schema": FILE}}}})
def attach(number: str) -> dict[str, Any]:
    """添加附件 Add a file"""
    look(lambda work, who: queries.seen_matter(work, who, number)._asdict())
    here, (name, content) = http.site(), http.uploaded()
    kept = attachments.keep(content, here.settings.data / "attachments", here.settings.largest_attachment)
    return act(
        "attach",
        {**kept._asdict(), "name": name},
        lambda work, who, matter: {"attachment": attachments.attach(work, who, matter.id, kept, name)},
        lambda work, who: queries.seen_matter(work, who, number),
    )


@routes.get("/attachments/<int:id>")
@routes.doc(security=SECURED, responses=FETCHED)
def attachment(id: int) -> Response:
    """下载附件 Fetch a file"""
    row = look(lambda work, who: dict(queries.attachment(work, who, id)))
    folder = http.site().settings.data / "attachments"
    return http.file(attachments.path(folder, row["sha256"]), row["name"], row["media_type"])

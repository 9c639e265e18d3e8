"""Every error as an RFC 9457 problem document, in Chinese and English: what, where, what to do, and a number to
quote. What went wrong inside is for the log; nobody outside sees more than that number."""

from collections.abc import Mapping
from typing import Any

from engine.errors import Finding, Forbidden, Invalid, NotFound, Refused, WanggeError, Words
from engine.model import plain

MEDIA_TYPE = "application/problem+json"
URN = "urn:wangge:problem:"

TITLES: Mapping[int, Words] = {
    400: Words("请求无法读取", "The request cannot be read"),
    401: Words("请先登录", "Sign in first"),
    403: Words("不允许此操作", "Not allowed"),
    404: Words("未找到", "Not found"),
    405: Words("此地址不支持该方法", "This address does not support the method"),
    409: Words("已有变化", "Somebody was first"),
    413: Words("内容过大", "Too large"),
    415: Words("内容类型不支持", "Unsupported kind of content"),
    422: Words("不能这样办理", "This cannot be done"),
    429: Words("请求过于频繁", "Too many requests"),
    500: Words("系统内部错误", "Internal error"),
    503: Words("暂时无法使用", "Not available right now"),
}

WORDS: Mapping[int, Words] = {
    400: Words(
        "请求内容不是有效的JSON，请更正后重新提交。", "The body is not valid JSON: correct it and send it again."
    ),
    404: Words("没有这个地址。", "There is nothing at this address."),
    405: Words("请按接口文档使用正确的方法。", "Use the method that the API document names."),
    413: Words("内容超过允许的大小，请缩小后重新提交。", "This is larger than allowed: make it smaller and try again."),
    415: Words("请以 application/json 提交。", "Send it as application/json."),
    500: Words(
        "处理时发生内部错误，未写入任何内容，请稍后重试，并告知编号。",
        "Something went wrong inside and nothing was written. Try again later and quote the number.",
    ),
}

FIELD_WORDS: tuple[tuple[str, Words], ...] = (
    ("Field required", Words("必须填写", "is required")),
    ("Extra inputs", Words("不是接口的一项", "is not part of this interface")),
    ("Input should be", Words("类型或取值不对", "has the wrong type or value")),
    ("String should have at most", Words("太长", "is too long")),
    ("String should have at least", Words("太短或未填写", "is too short or empty")),
)


class Unauthenticated(WanggeError):
    """Nobody is signed in, or no longer."""

    status = 401


class Malformed(WanggeError):
    """The request cannot be understood at all."""

    status = 400


class Unsupported(WanggeError):
    """The content is of a kind that is not taken."""

    status = 415


class TooLarge(WanggeError):
    """The content is larger than allowed."""

    status = 413


class TooMany(WanggeError):
    """Somebody asks more often than is good."""

    status = 429


def document(error: WanggeError, request_id: str) -> dict[str, Any]:
    """The problem document of an error of ours."""
    title = TITLES.get(error.status, TITLES[500])
    return {
        "type": URN + error.code,
        "status": error.status,
        "title": title.zh,
        "title_en": title.en,
        "detail": error.words.zh,
        "detail_en": error.words.en,
        "instance": f"urn:wangge:request:{request_id}",
        "request_id": request_id,
        "code": error.code,
        "findings": [plain(one) for one in error.findings] if isinstance(error, Invalid) else [],
        "details": plain(error.details) if not isinstance(error, NotFound | Forbidden) else None,
        "article": error.article if isinstance(error, Refused) else "",
    }


def of_status(status: int) -> WanggeError:
    """An error that HTTP itself has words for."""
    words = WORDS.get(status, TITLES.get(status, TITLES[500]))
    error = WanggeError(f"http.{status}", words.zh, words.en)
    error.status = status
    return error


def of_fields(faults: Mapping[str, Mapping[str, list[str]]]) -> Invalid:
    """A request whose fields are not as the interface says: one finding per field."""
    findings = [
        Finding("request.field", "error", field, _field_words(field, messages[0]))
        for fields in faults.values()
        for field, messages in fields.items()
    ]
    return Invalid(
        "request.fields",
        f"请求有{len(findings)}处需要更正：{'；'.join(one.message.split(' ', 1)[0] for one in findings[:3])}",
        f"The request needs {len(findings)} corrections, see each field.",
        findings,
    )


def _field_words(field: str, message: str) -> str:
    words = next((one for start, one in FIELD_WORDS if message.startswith(start)), Words("填写有误", "is not right"))
    return f"“{field}”{words.zh}。 “{field}” {words.en}."

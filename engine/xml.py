"""Reading XML that strangers wrote: the one door through which diagrams and tables enter.

A file is decoded here, never by the parser, so that what it says about its encoding is checked against its
bytes; a first pass with expat counts and refuses before any tree exists; only then lxml builds the tree, with
line numbers and without comments or processing instructions. Nothing is ever fetched or expanded.
"""

import codecs
import re
from typing import TypeAlias
from xml.parsers import expat

from lxml import etree

from engine.errors import Finding, Invalid

Element: TypeAlias = etree._Element
"""One element of a tree: `tag` is `{namespace}local`, `sourceline` the line in the file."""

LARGEST_FILE = 20 * 1024 * 1024
"""Bytes; the largest diagram seen in the wild has two."""

DEEPEST = 200
MOST_ELEMENTS = 100_000
MOST_ATTRIBUTES = 1_000
"""Nesting and elements of a file, attributes of one element. Business drawings stay far below all three."""

XINCLUDE = "http://www.w3.org/2001/XInclude"

# What is declared -> the codec that reads it. GB 18030 contains GBK, which contains GB 2312.
CODECS = {
    "utf-8": "utf-8",
    "utf8": "utf-8",
    "us-ascii": "ascii",
    "ascii": "ascii",
    "iso-8859-1": "latin-1",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "gb18030": "gb18030",
    "cp936": "gb18030",
    "big5": "big5",
}

DECLARED = re.compile(rb"<\?xml[^>]{0,200}?\sencoding\s*=\s*[\"']([A-Za-z0-9._-]{1,40})[\"']")
IDEOGRAPH = re.compile("[\u4e00-\u9fff]")


def parse(data: bytes) -> Element:
    """The root element of an XML file, with line numbers, without comments and processing instructions.

    Reads UTF-8, UTF-16 with a byte order mark, GB 18030, GBK, GB 2312, Big5, ISO 8859-1 and ASCII.
    Raises `Invalid` with one finding and nothing else: `xml.too-large`, `xml.encoding`, `xml.doctype` (also
    XInclude), `xml.too-deep`, `xml.not-xml`.
    """
    if len(data) > LARGEST_FILE:
        raise _too_large(f"{len(data)} 字节", f"{len(data)} bytes", f"{LARGEST_FILE}")
    utf8 = _as_utf8(data)
    _inspect(utf8)
    return _tree(utf8)


def line(element: Element) -> int:
    """The line of the file on which the element starts, 0 where it was not read from a file."""
    number: object = element.sourceline
    return number if isinstance(number, int) else 0


def _as_utf8(data: bytes) -> bytes:
    codec = _codec(data)
    try:
        return data.decode(codec).encode("utf-8")
    except UnicodeError:
        raise _refusal(
            "xml.encoding",
            f"文件声明或默认的编码是 {codec}，但内容不是这种编码。请用 UTF-8 重新保存。",
            f"The file claims to be encoded as {codec} but its bytes are not. Save it again as UTF-8.",
        ) from None


def _codec(data: bytes) -> str:
    declared = _declared(data)
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if data.startswith(codecs.BOM_UTF8):
        return _agreeing("utf-8-sig", declared, CODECS.get(declared, "") == "utf-8")
    codec = CODECS.get(declared, "")
    return _agreeing(codec, declared, bool(codec) and not _is_really_utf8(data, codec))


def _declared(data: bytes) -> str:
    found = DECLARED.match(data.removeprefix(codecs.BOM_UTF8))
    return found.group(1).decode("ascii").lower() if found else "utf-8"


def _agreeing(codec: str, declared: str, agrees: bool) -> str:
    if agrees:
        return codec
    raise _refusal(
        "xml.encoding",
        f"文件声明的编码是 {declared}，与实际内容不符或不受支持。请用 UTF-8 重新保存。",
        f"The file declares the encoding {declared}, which its bytes contradict or which is not supported. "
        "Save it again as UTF-8.",
    )


def _is_really_utf8(data: bytes, codec: str) -> bool:
    """Whether a file that declares a Chinese or Latin encoding was in fact saved as UTF-8.

    Most UTF-8 bytes also decode as GBK, to nonsense. Text that really is GBK practically never forms valid
    UTF-8 with Chinese characters in it.
    """
    if codec in ("utf-8", "ascii"):
        return False
    try:
        return IDEOGRAPH.search(data.decode("utf-8")) is not None
    except UnicodeError:
        return False


class _Inspection:
    """Counts what an expat pass meets and stops it at the first thing that is not allowed."""

    def __init__(self) -> None:
        self.depth = 0
        self.elements = 0

    def start(self, _tag: str, attributes: dict[str, str]) -> None:
        self.depth += 1
        self.elements += 1
        if self.depth > DEEPEST:
            raise _refusal(
                "xml.too-deep",
                f"元素嵌套超过 {DEEPEST} 层。请检查文件是否由流程图工具导出。",
                f"Elements are nested deeper than {DEEPEST}. Check that a diagram tool exported this file.",
            )
        if self.elements > MOST_ELEMENTS:
            raise _too_large("元素过多", "too many elements", f"{MOST_ELEMENTS}")
        if len(attributes) > MOST_ATTRIBUTES:
            raise _too_large("属性过多", "too many attributes", f"{MOST_ATTRIBUTES}")
        if XINCLUDE in attributes.values():
            raise _outside("XInclude")

    def end(self, _tag: str) -> None:
        self.depth -= 1

    def doctype(self, *_declaration: object) -> None:
        raise _outside("DOCTYPE")


def _inspect(utf8: bytes) -> None:
    inspection = _Inspection()
    parser = expat.ParserCreate("utf-8")
    parser.StartElementHandler = inspection.start
    parser.EndElementHandler = inspection.end
    parser.StartDoctypeDeclHandler = inspection.doctype
    try:
        parser.Parse(utf8, True)
    except expat.ExpatError as error:
        raise _not_xml(error.lineno, expat.ErrorString(error.code) or "") from None


def _tree(utf8: bytes) -> Element:
    # huge_tree lifts limits of libxml2 that are narrower than ours; nothing can be expanded any more.
    parser = etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=True,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        return etree.fromstring(utf8, parser)
    except etree.XMLSyntaxError as error:
        raise _not_xml(error.lineno or 0, error.msg or "") from None


def _not_xml(line: int, reason: str) -> Invalid:
    return _refusal(
        "xml.not-xml",
        f"文件不是有效的 XML（第 {line} 行：{reason}）。请重新导出后再上传。",
        f"The file is not well-formed XML (line {line}: {reason}). Export it again and upload that.",
    )


def _too_large(found_zh: str, found_en: str, limit: str) -> Invalid:
    return _refusal(
        "xml.too-large",
        f"文件过大：{found_zh}，上限为 {limit}。请拆分流程或删除内嵌的图片等内容。",
        f"The file is too large: {found_en}, the limit is {limit}. "
        "Split the process or remove embedded content such as pictures.",
    )


def _outside(what: str) -> Invalid:
    return _refusal(
        "xml.doctype",
        f"文件含有 {what}，可能引入外部内容，不予读取。请删除后再上传。",
        f"The file contains {what}, which can pull in outside content, so it is not read. Remove it.",
    )


def _refusal(rule: str, zh: str, en: str) -> Invalid:
    return Invalid(rule, zh, en, [Finding(rule, "error", "", f"{zh} {en}")])

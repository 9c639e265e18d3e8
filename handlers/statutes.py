"""Reads the text of a regulation and finds a cited place in it.

Every limit, form and check of the product names the article it rests on; here is what turns `ZJ-13.4`
into the words of that paragraph, and a text that an agency hands in (.txt, .md, .docx) into chapters,
articles, paragraphs, items and points that can be cited. The layout of published texts is irregular (a
space after 第…条 or none, a table of contents, page numbers, wrapped lines, two kinds of brackets), so the
numbers decide what a line is: articles ascend by one, and a number that does not fit is a reference
inside a sentence.
"""

import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from io import BytesIO
from itertools import pairwise
from pathlib import PurePath
from typing import Literal, NamedTuple

import docx
from docx.oxml.xmlchemy import BaseOxmlElement

from engine.errors import Finding, Invalid, NotFound
from engine.model import Value

LARGEST = 20 * 1024 * 1024
"""Largest file read, and largest sum of the parts of a .docx once unpacked, in bytes."""

LONGEST = 1_000_000
"""Longest text read, in characters; the longest code of China has some 110 000."""

LARGEST_NUMBER = 999
"""Highest article, paragraph or item written in Chinese numerals (九百九十九)."""


class Point(Value, frozen=True):
    """目: a sub-item, `1.` or `（1）` below an item."""

    number: int
    text: str


class Item(Value, frozen=True):
    """项: `（一）` below a paragraph. `text` is without its number and keeps its punctuation."""

    number: int
    text: str
    points: tuple[Point, ...] = ()


class Paragraph(Value, frozen=True):
    """款: counted from 1 within its article. The items it introduces are its own."""

    number: int
    text: str
    items: tuple[Item, ...] = ()


class Article(Value, frozen=True):
    """条: `suffix` 1 is 之一 (an article inserted later), 0 none; `chapter` 0 means outside any chapter."""

    number: int
    paragraphs: tuple[Paragraph, ...]
    suffix: int = 0
    chapter: int = 0
    section: str = ""
    heading: str = ""


class Chapter(Value, frozen=True):
    """章: its number and its title without the spaces that only stretch it (`总　则` is 总则)."""

    number: int
    title: str


class Statute(Value, frozen=True):
    """A regulation as published. `title` is empty when the text has none.

    `preamble` holds the lines before the first article that are neither title nor table of contents
    (who passed it and when, signatures); `closing` the signature, date and annexes after the last article.
    """

    title: str
    articles: tuple[Article, ...]
    chapters: tuple[Chapter, ...] = ()
    preamble: tuple[str, ...] = ()
    closing: tuple[str, ...] = ()


class Place(Value, frozen=True):
    """A cited place; 0 and "" mean "not named". `last` ends a run of items; for one item it is that item."""

    article: int
    suffix: int = 0
    paragraph: int = 0
    item: int = 0
    point: int = 0
    last: int = 0
    key: str = ""


# --- reading -----------------------------------------------------------------------------------------------


def read(data: bytes, filename: str) -> Statute:
    """The regulation in a .txt, .md (UTF-8, UTF-16 with BOM, GB 18030) or .docx file of at most 20 MB.

    Raises `Invalid` with findings when the file is empty, too large, of another kind, unreadable, encrypted
    or broken, unpacks to too much, has no articles, or repeats an article number. What is odd but readable
    is told by `findings`.
    """
    text = _text(data, filename)
    if len(text) > LONGEST:
        raise _refused(
            "statute.too-large",
            f"“{filename}”超过{LONGEST // 10_000}万字，请只上传法规文本。",
            f"“{filename}” is longer than {LONGEST} characters; upload the text of the regulation only.",
        )
    lines, annexes = _without_annexes(_lines(text))
    heads = _heads(lines)
    if not heads:
        raise _refused(
            "statute.no-articles",
            f"“{filename}”中没有找到“第一条”这样的条文编号；Word自动编号请先转为普通文字。",
            f"“{filename}” has no article numbers such as 第一条; turn Word's own numbering into plain text.",
        )
    title, preamble = _front(lines[: min(heads)])
    articles, closing = _articles(lines, heads)
    return Statute(title, articles, _chapters(lines, heads), preamble, closing + annexes)


def findings(statute: Statute) -> tuple[Finding, ...]:
    """What a person should look at in a text that was read: numbers left out, articles without words."""
    return (*_article_gaps(statute), *_item_gaps(statute), *_empty_articles(statute))


# --- citing ------------------------------------------------------------------------------------------------

_CITATION = re.compile(
    r"(?:(?P<key>[A-Z][A-Z0-9]*)-)?(?P<article>\d{1,4})(?:-(?P<suffix>\d{1,2}))?(?:\.(?P<paragraph>\d{1,3}))?"
    r"(?:\((?P<item>\d{1,3})(?:\.(?P<point>\d{1,3}))?\)(?:[–-]\((?P<last>\d{1,3})\))?)?(?:\.?[a-z])?",
    re.ASCII,
)


def cite(citation: str) -> Place:
    """The place that `KEY-article.paragraph(item)` names: `ZJ-13.4`, `30(2)`, `16.3(1)`, `9(1)–(12)`.

    An inserted article is `20-1` (第二十条之一), point 2 of item 3 is `(3.2)`. A letter at the end (`6.1a`)
    tells several duties of one paragraph apart; the law knows no such part, so it names the whole paragraph.
    Raises `Invalid` when the citation is not written so.
    """
    match = _CITATION.fullmatch(citation.strip().translate(_ROUND))
    if match is None:
        raise _refused(
            "statute.bad-citation",
            f"引用“{citation}”写法不对，请写作“ZJ-13.4(2)”（文件代号-条.款(项)）。",
            f"The citation “{citation}” is not written as “ZJ-13.4(2)” (key-article.paragraph(item)).",
        )
    part = {name: int(value or 0) for name, value in match.groupdict().items() if name != "key"}
    part["last"] = part["last"] or part["item"]
    return Place(key=match["key"] or "", **part)


def locate(statute: Statute, citation: str | Place) -> str:
    """The words of the cited article, paragraph, item(s) or point.

    Words are as in the source; each paragraph, item and point stands on its own line, items numbered （一）,
    points 1. and what is cited itself comes without its number. An item cited without a paragraph is looked
    for in the one paragraph that has items. Raises `NotFound` when the text has no such place, `Invalid` on
    a bad citation.
    """
    place = cite(citation) if isinstance(citation, str) else citation
    article = _article(statute, place)
    if place.item:
        return _items_text(_cited_items(_owner(statute, article, place), place, statute), place, statute)
    if place.paragraph:
        return _paragraph_text(_paragraph(statute, article, place))
    return "\n".join(_paragraph_text(paragraph) for paragraph in article.paragraphs)


def citation_zh(citation: str | Place) -> str:
    """`13.4(2)` as Chinese law writes it: 第十三条第四款第二项."""
    place = cite(citation) if isinstance(citation, str) else citation
    parts = [f"第{_numeral(place.article)}条"]
    parts += [f"之{_numeral(place.suffix)}"] if place.suffix else []
    parts += [f"第{_numeral(place.paragraph)}款"] if place.paragraph else []
    parts += [f"第{_numeral(place.item)}项"] if place.item else []
    parts += [f"至第{_numeral(place.last)}项"] if place.last > place.item else []
    parts += [f"第{place.point}目"] if place.point else []
    return "".join(parts)


def citation_en(citation: str | Place) -> str:
    """`13.4(2)` in English: Art. 13, para. 4, item 2."""
    place = cite(citation) if isinstance(citation, str) else citation
    parts = [f"Art. {place.article}-{place.suffix}" if place.suffix else f"Art. {place.article}"]
    parts += [f"para. {place.paragraph}"] if place.paragraph else []
    if place.item:
        parts += [f"items {place.item}–{place.last}" if place.last > place.item else f"item {place.item}"]
    parts += [f"point {place.point}"] if place.point else []
    return ", ".join(parts)


def _article(statute: Statute, place: Place) -> Article:
    for article in statute.articles:
        if (article.number, article.suffix) == (place.article, place.suffix):
            return article
    raise _missing(statute, place, "没有这一条", "there is no such article")


def _paragraph(statute: Statute, article: Article, place: Place) -> Paragraph:
    if not 1 <= place.paragraph <= len(article.paragraphs):
        count = len(article.paragraphs)
        raise _missing(statute, place, f"该条只有{count}款", f"the article has {count} paragraph(s)")
    return article.paragraphs[place.paragraph - 1]


def _owner(statute: Statute, article: Article, place: Place) -> Paragraph:
    """The paragraph whose items are cited: the one named, else the only one that has items."""
    if place.paragraph:
        return _paragraph(statute, article, place)
    owners = [paragraph for paragraph in article.paragraphs if paragraph.items]
    if len(owners) == 1:
        return owners[0]
    if not owners:
        raise _missing(statute, place, "该条没有列项", "the article lists no items")
    raise _missing(statute, place, "该条有几款列项，请写明款", "several paragraphs list items: name the paragraph")


def _cited_items(owner: Paragraph, place: Place, statute: Statute) -> list[Item]:
    cited = [item for item in owner.items if place.item <= item.number <= place.last]
    if not cited or (cited[0].number, cited[-1].number) != (place.item, place.last):
        raise _missing(statute, place, f"该款列有{len(owner.items)}项", f"the paragraph has {len(owner.items)} item(s)")
    return cited


def _items_text(items: list[Item], place: Place, statute: Statute) -> str:
    if len(items) > 1:
        return "\n".join(_numbered_item(item) for item in items)
    if not place.point:
        return _item_text(items[0])
    for point in items[0].points:
        if point.number == place.point:
            return point.text
    raise _missing(statute, place, "该项没有这一目", "the item has no such point")


def _paragraph_text(paragraph: Paragraph) -> str:
    return "\n".join([paragraph.text, *(_numbered_item(item) for item in paragraph.items)])


def _item_text(item: Item) -> str:
    return "\n".join([item.text, *(f"{point.number}. {point.text}" for point in item.points)])


def _numbered_item(item: Item) -> str:
    return f"（{_numeral(item.number)}）{_item_text(item)}"


def _missing(statute: Statute, place: Place, why_zh: str, why_en: str) -> NotFound:
    title_zh, title_en = (f"《{statute.title}》", f"“{statute.title}”") if statute.title else ("该文件", "this text")
    return NotFound(
        "statute.no-such-place",
        f"{title_zh}中找不到{citation_zh(place)}：{why_zh}。",
        f"{citation_en(place)} is not in {title_en}: {why_en}.",
    )


# --- numbers -----------------------------------------------------------------------------------------------

_DIGITS = ("", "一", "二", "三", "四", "五", "六", "七", "八", "九")
_ROUND = str.maketrans("（）．", "().")


def _numeral(number: int) -> str:
    """13 as 十三; beyond 999 the digits stay as they are."""
    if not 1 <= number <= LARGEST_NUMBER:
        return str(number)
    hundreds, rest = divmod(number, 100)
    tens, ones = divmod(rest, 10)
    head = f"{_DIGITS[hundreds]}百" if hundreds else ""
    if hundreds and ones and not tens:
        return f"{head}零{_DIGITS[ones]}"
    middle = f"{'' if tens == 1 and not hundreds else _DIGITS[tens]}十" if tens else ""
    return f"{head}{middle}{_DIGITS[ones]}"


_NUMBERS = {_numeral(number): number for number in range(1, LARGEST_NUMBER + 1)}


def _number(written: str) -> int:
    """十三, 13 or １３ as 13; 0 when it is not a number."""
    return int(written) if written.isdecimal() else _NUMBERS.get(written.replace("〇", "零"), 0)


# --- the bytes: which text does the file hold ------------------------------------------------------------

_OLD_WORD = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_BOMS = ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_BREAK = re.compile(r"\r\n|[\r\n\v\x85\u2028\u2029]")
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f\ufffe\uffff]")
_MARKDOWN = re.compile(r"^[ \t]*(?:#{1,6}[ \t]+|>[ \t]?)|\*\*|__|\\(?=[.()*_#])", re.MULTILINE)


def _text(data: bytes, filename: str) -> str:
    if not data.strip():
        raise _refused("statute.empty-file", f"“{filename}”是空文件。", f"“{filename}” is empty.")
    if len(data) > LARGEST:
        raise _refused(
            "statute.too-large",
            f"“{filename}”超过{LARGEST >> 20}MB，请只上传法规文本。",
            f"“{filename}” is larger than {LARGEST >> 20} MB; upload the text of the regulation only.",
        )
    kind = PurePath(filename).suffix.lower()
    if kind == ".docx":
        return _word_text(data, filename)
    if kind == ".md":
        return _MARKDOWN.sub("", _plain_text(data, filename))
    if kind == ".txt":
        return _plain_text(data, filename)
    raise _refused(
        "statute.unknown-kind",
        f"不能读取“{filename}”，请使用.txt、.md或.docx文件。",
        f"“{filename}” cannot be read; use a .txt, .md or .docx file.",
    )


def _plain_text(data: bytes, filename: str) -> str:
    """UTF-8 is tried first because GB 18030 accepts almost every pair of bytes."""
    marked = [encoding for bom, encoding in _BOMS if data.startswith(bom)]
    for encoding in marked or ["utf-8-sig", "gb18030"]:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if not _CONTROL.search(text):
            return _BREAK.sub("\n", text)
    raise _refused(
        "statute.not-text",
        f"“{filename}”不是可读的文本，请另存为UTF-8或GB18030编码的文本文件。",
        f"“{filename}” is not a readable text; save it as a text file in UTF-8 or GB 18030.",
    )


_MOST_PIECES = 200_000
_WORD_PIECES = "count(.//w:p | .//w:r/*)"
_WORD_PARAGRAPHS = ".//w:p[not(ancestor::w:txbxContent)]"
_WORD_RUNS = (
    ".//w:r[not(ancestor::w:txbxContent or ancestor::w:moveFrom)]"
    "/*[self::w:t or self::w:tab or self::w:br or self::w:cr]"
)


def _word_text(data: bytes, filename: str) -> str:
    """Paragraphs of a .docx, tables and content controls included, tracked changes read as accepted."""
    try:
        _check_archive(data, filename)
        body: BaseOxmlElement = docx.Document(BytesIO(data)).element.body
        if body.xpath(_WORD_PIECES) > _MOST_PIECES:  # counted first: to read them takes far longer
            raise _too_many_pieces(filename)
        return "\n\n".join(_word_paragraph(paragraph) for paragraph in body.xpath(_WORD_PARAGRAPHS))
    except Invalid:
        raise
    except Exception as error:  # broken parts make the libraries raise errors of many unrelated kinds
        raise _broken_word(filename) from error


def _word_paragraph(paragraph: BaseOxmlElement) -> str:
    def written(node: BaseOxmlElement) -> str:
        name = str(node.tag).rpartition("}")[2]
        return node.text or "" if name == "t" else {"tab": "\t"}.get(name, "\n")

    return "".join(written(node) for node in paragraph.xpath(_WORD_RUNS))


def _check_archive(data: bytes, filename: str) -> None:
    """Refuses what must not be unpacked. Sizes are the declared ones: no part unpacks beyond its own."""
    if data.startswith(_OLD_WORD):
        raise _refused(
            "statute.encrypted",
            f"“{filename}”有密码或为旧版.doc，请去掉密码后另存为.docx。",
            f"“{filename}” has a password or is an old .doc; remove the password and save it as .docx.",
        )
    with zipfile.ZipFile(BytesIO(data)) as archive:
        parts = archive.infolist()
    if any(part.flag_bits & 1 for part in parts):
        raise _refused(
            "statute.encrypted",
            f"“{filename}”有密码，请去掉密码。",
            f"“{filename}” has a password; remove it.",
        )
    if sum(part.file_size for part in parts) > LARGEST:
        raise _refused(
            "statute.too-large",
            f"“{filename}”解压后超过{LARGEST >> 20}MB，不予读取；请去掉图片后重试。",
            f"“{filename}” unpacks to more than {LARGEST >> 20} MB; remove its pictures and retry.",
        )


def _too_many_pieces(filename: str) -> Invalid:
    return _refused(
        "statute.too-large",
        f"“{filename}”的段落和文字片段超过{_MOST_PIECES // 10_000}万个，请只上传法规文本。",
        f"“{filename}” has more than {_MOST_PIECES} paragraphs and runs; upload the regulation only.",
    )


def _broken_word(filename: str) -> Invalid:
    return _refused(
        "statute.broken-docx",
        f"“{filename}”不是完好的Word文档，请用Word打开并另存为.docx。",
        f"“{filename}” is not an intact Word document; open it in Word and save it as .docx.",
    )


def _refused(rule: str, zh: str, en: str) -> Invalid:
    return Invalid(rule, zh, en, [Finding(rule, "error", "", f"{zh} {en}")])


# --- the text: its lines, without pages ------------------------------------------------------------------

_INVISIBLE = re.compile("[\ufeff\u200b\u200c\u200d\u2060\u00ad]")
_PAGE = re.compile(r"[-—–－·•\s]*[0-9０-９]{1,4}[-—–－·•\s]*|第\s*\d+\s*页[\s,，/]*(?:共\s*\d+\s*页)?")
_ANNEX = re.compile(r"附\s*[件表录]\s*[一二三四五六七八九十0-9０-９]{0,3}(?:[\s:：].{0,60})?")
_SENTENCE_END = tuple("。；：！？…;:!?.")
_STRETCH = re.compile("(?<=[\u3000-\u9fff（）]) | (?=[\u3000-\u9fff（）])")
_CLOSERS = "”’」』）)》】\"'"


class _Line(NamedTuple):
    """A line with words on it. `apart`: an empty line, not merely a new page, stands before it."""

    text: str
    apart: bool


def _lines(text: str) -> list[_Line]:
    lines: list[_Line] = []
    empty, page = True, False
    for raw in _INVISIBLE.sub("", text).split("\n"):
        line = raw.strip()
        page = page or "\f" in raw
        if not line:
            empty = True
        elif _PAGE.fullmatch(line):
            page = True
        else:
            lines.append(_Line(line, empty and not page))
            empty = page = False
    return lines


def _without_annexes(lines: list[_Line]) -> tuple[list[_Line], tuple[str, ...]]:
    """An annex stands on its own line after the first article; it may hold a form with its own articles."""
    begun = False
    for index, line in enumerate(lines):
        begun = begun or _head(line.text) is not None
        if begun and _ANNEX.fullmatch(line.text) and _begins(lines, index):
            return lines[:index], tuple(later.text for later in lines[index:])
    return lines, ()


def _finished(text: str) -> bool:
    """Whether a sentence ends here, so that the next line is not its continuation."""
    return text.rstrip(_CLOSERS).endswith(_SENTENCE_END)


def _tight(text: str) -> str:
    """The text without spaces that only stretch Chinese words over a line."""
    return _STRETCH.sub("", " ".join(text.split()))


# --- the lines: which of them begin an article -----------------------------------------------------------

_N = "(?:[〇零一二三四五六七八九十百]{1,6}|[0-9０-９]{1,4})"
_HEAD = re.compile(rf"第\s*({_N})\s*条(?:\s*之\s*({_N}))?(.*)")
_REFERENCE = re.compile(
    rf"\s*第\s*{_N}\s*[条款项目]|[，,。；;）)》]|(?:、|和|或|或者|及|以及|与|至|到)第|所?规定|所[称列指述]|的|之|中的|以外|情形"
)
_DIVISION = re.compile(rf"第\s*({_N})\s*([编章节])([^。；，：,;:]{{0,40}})")
_TITLE = re.compile(
    r"[^。，；：]{1,60}(?:法|条例|办法|规定|规则|细则|章程|决定|公约|制度|守则|规范|规程|标准|须知)(?:[（(][^）)]*[）)])?"
)
_HEADING = re.compile(r"\s*[：:、]?\s*(?:【([^】]*)】)?\s*(.*)")


class _Head(NamedTuple):
    key: tuple[int, int]
    rest: str


def _head(text: str) -> _Head | None:
    """The article a line may begin, unless what follows the number shows that a sentence refers to it."""
    match = _HEAD.fullmatch(text)
    if match is None or _REFERENCE.match(match[3]):
        return None
    key = (_number(match[1]), _number(match[2] or ""))
    return _Head(key, match[3]) if key[0] else None


def _heads(lines: list[_Line]) -> dict[int, _Head]:
    """Index of the line and head of every article, in ascending order of their numbers.

    A number that is too high is a gap only if the expected one comes nowhere later; else it is a reference.
    """
    candidates = {index: head for index, line in enumerate(lines) if (head := _head(line.text))}
    final = {head.key: index for index, head in candidates.items()}
    heads: dict[int, _Head] = {}
    repeated: list[_Head] = []
    last = (0, 0)
    for index, head in candidates.items():
        if not _begins(lines, index) and (not _follows(head.key, last) or final[head.key] > index):
            continue
        if head.key <= last:
            repeated.append(head)
        elif _follows(head.key, last) or final.get((last[0] + 1, 0), -1) < index:
            heads[index] = head
            last = head.key
    if repeated:
        raise _repeated(repeated)
    return heads


def _follows(key: tuple[int, int], last: tuple[int, int]) -> bool:
    return key in ((last[0] + 1, 0), (last[0], last[1] + 1))


def _begins(lines: list[_Line], index: int) -> bool:
    """Whether this line begins something new rather than continue the sentence before it."""
    if lines[index].apart or index == 0:
        return True
    before = lines[index - 1].text
    return _finished(before) or _division(before) is not None


def _repeated(heads: Iterable[_Head]) -> Invalid:
    found = []
    for head in heads:
        name = citation_zh(Place(*head.key))
        message = f"{name}重复或次序颠倒，请核对。 Article {_label(head.key)} comes twice or too late: check it."
        found.append(Finding("statute.repeated-article", "error", _label(head.key), message, name))
    return Invalid(
        "statute.repeated-article",
        "条文编号重复或次序颠倒，请核对后重新上传。",
        "Article numbers come twice or out of order; check the text and upload it again.",
        found,
    )


def _label(key: tuple[int, int]) -> str:
    return f"{key[0]}-{key[1]}" if key[1] else f"{key[0]}"


class _Division(NamedTuple):
    kind: str
    number: int
    title: str


def _division(text: str) -> _Division | None:
    """第一章 总则, 第二节 …: a heading has no sentence in it and does not go on as a reference would."""
    match = _DIVISION.fullmatch(text)
    if match is None or _REFERENCE.match(match[3]):
        return None
    return _Division(match[2], _number(match[1]), _tight(match[3]).strip())


def _front(lines: Sequence[_Line]) -> tuple[str, tuple[str, ...]]:
    """Title and preamble. The title is the last line named as regulations are, else the first that may be."""
    plain = [line.text for line in lines if _division(line.text) is None and _tight(line.text) != "目录"]
    named = [index for index, text in enumerate(plain) if _TITLE.fullmatch(_tight(text))]
    if not named and plain and not _finished(plain[0]) and not plain[0].startswith(("（", "(")):
        named = [0]
    if not named:
        return "", tuple(plain)
    at = named[-1]
    return _tight(plain[at]), tuple(plain[:at] + plain[at + 1 :])


def _within(lines: list[_Line], heads: dict[int, _Head]) -> dict[int, tuple[_Division | None, str]]:
    """Chapter and section in which each article stands."""
    found: dict[int, tuple[_Division | None, str]] = {}
    chapter, section = None, ""
    for index in range(_contents_end(lines, min(heads)), len(lines)):
        division = _division(lines[index].text)
        if index in heads:
            found[index] = (chapter, section)
        elif division and division.kind == "节":
            section = division.title
        elif division:
            chapter, section = (division if division.kind == "章" else None), ""
    return found


def _contents_end(lines: list[_Line], first: int) -> int:
    """Index after the table of contents: where its first entry comes again, else the first article."""
    texts = [_tight(line.text) for line in lines[:first]]
    if "目录" not in texts:
        return 0
    entry = None
    for index in range(texts.index("目录") + 1, first):
        division = _division(texts[index])
        if entry and division and division[:2] == entry[:2]:
            return index
        entry = entry or division
    return first


def _chapters(lines: list[_Line], heads: dict[int, _Head]) -> tuple[Chapter, ...]:
    entered = dict.fromkeys(chapter for chapter, _ in _within(lines, heads).values() if chapter)
    return tuple(Chapter(chapter.number, chapter.title) for chapter in entered)


# --- the lines of one article: paragraphs, items, points -------------------------------------------------

_ITEM = re.compile(r"([（(])\s*([〇零一二三四五六七八九十百]{1,6})\s*[）)]\s*(?!项(?!目)|、|[和或至][（(第])(.*)")
_COUNTED = re.compile(r"(?:([0-9０-９]{1,3})\s*([.．、])(?![0-9０-９])|([（(])\s*([0-9０-９]{1,3})\s*[）)])\s*(.*)")

_Kind = Literal["paragraph", "item", "point"]


class _Piece(NamedTuple):
    """A paragraph, item or point being read; `mark` is how it is numbered, `words` its lines."""

    kind: _Kind
    mark: str
    number: int
    words: list[str]

    def text(self) -> str:
        return "".join(self.words)


def _articles(lines: list[_Line], heads: dict[int, _Head]) -> tuple[tuple[Article, ...], tuple[str, ...]]:
    within = _within(lines, heads)
    ends = [*list(heads)[1:], len(lines)]
    articles: list[Article] = []
    closing: tuple[str, ...] = ()
    for (start, head), end in zip(heads.items(), ends, strict=True):
        heading, first = _heading(head.rest)
        body = [line for line in lines[start + 1 : end] if _division(line.text) is None]
        pieces = _pieces([_Line(first, True), *body] if first else body)
        if end == len(lines):
            pieces, closing = _without_closing(pieces)
        chapter, section = within[start]
        number = chapter.number if chapter else 0
        articles.append(Article(head.key[0], _paragraphs(pieces), head.key[1], number, section, heading))
    return tuple(articles), closing


def _heading(rest: str) -> tuple[str, str]:
    match = _HEADING.fullmatch(rest)
    return (match[1] or "", match[2]) if match else ("", rest)


def _pieces(lines: Iterable[_Line]) -> list[_Piece]:
    pieces: list[_Piece] = []
    for line in lines:
        piece = _numbered(line.text, pieces)
        if piece:
            pieces.append(piece)
        elif pieces and not line.apart and not _finished(pieces[-1].words[-1]):
            pieces[-1].words.extend([_seam(pieces[-1].words[-1], line.text), line.text])
        else:
            pieces.append(_Piece("paragraph", "", 0, [line.text]))
    return pieces


def _seam(before: str, after: str) -> str:
    """What joins two halves of a wrapped line: a space between Latin words, nothing between Chinese ones."""
    touching = before[-1:] + after[:1]
    return " " if touching.isascii() and touching.isalnum() else ""


def _numbered(text: str, pieces: list[_Piece]) -> _Piece | None:
    """The item or point a line begins, if its number fits what stands before it."""
    if (match := _ITEM.fullmatch(text)) and (number := _number(match[2])):
        return _Piece("item", "（一）", number, [match[3]])
    if (match := _COUNTED.fullmatch(text)) is None:
        return None
    number, mark = _number(match[1] or match[4]), "（1）" if match[3] else "1."
    kind = _counted_kind(number, mark, pieces)
    return _Piece(kind, mark, number, [match[5]]) if kind else None


def _counted_kind(number: int, mark: str, pieces: list[_Piece]) -> _Kind | None:
    """Arabic numbers count points below an item, or items below a paragraph announcing them; else nothing."""
    for piece in reversed(pieces):
        if piece.mark == mark and piece.number == number - 1:
            return piece.kind
        if piece.kind == "paragraph" or (piece.kind == "item" and piece.mark != mark):
            break
    if number != 1 or not pieces or pieces[-1].kind == "point":
        return None
    announced = pieces[-1].words[-1].endswith(("：", ":"))
    return "point" if pieces[-1].kind == "item" else "item" if announced else None


def _without_closing(pieces: list[_Piece]) -> tuple[list[_Piece], tuple[str, ...]]:
    """The signature after the last article begins at the first line that is no sentence."""
    for index, piece in enumerate(pieces):
        if index and piece.kind == "paragraph" and not _finished(piece.text()):
            return pieces[:index], tuple(word for later in pieces[index:] for word in later.words if word.strip())
    return pieces, ()


def _paragraphs(pieces: list[_Piece]) -> tuple[Paragraph, ...]:
    groups = _grouped(pieces, "paragraph")
    return tuple(
        Paragraph(number, head.text() if head else "", _items(rest)) for number, (head, rest) in enumerate(groups, 1)
    )


def _items(pieces: list[_Piece]) -> tuple[Item, ...]:
    return tuple(
        Item(head.number, head.text(), tuple(Point(point.number, point.text()) for point in rest))
        for head, rest in _grouped(pieces, "item")
        if head
    )


def _grouped(pieces: list[_Piece], kind: _Kind) -> Iterator[tuple[_Piece | None, list[_Piece]]]:
    """Each piece of this kind with those that follow it; what stands before the first of them has no head."""
    starts = [index for index, piece in enumerate(pieces) if piece.kind == kind]
    if pieces and starts[:1] != [0]:
        yield None, pieces[: starts[0] if starts else None]
    for start, end in pairwise([*starts, len(pieces)]):
        yield pieces[start], pieces[start + 1 : end]


# --- what is odd -------------------------------------------------------------------------------------------


def _article_gaps(statute: Statute) -> Iterator[Finding]:
    last = (0, 0)
    for article in statute.articles:
        key = (article.number, article.suffix)
        if not _follows(key, last):
            here, before = citation_zh(Place(*key)), citation_zh(Place(*last)) if last[0] else "文首"
            message = (
                f"{before}之后直接是{here}，中间缺条，请核对原文。"
                f" Articles are missing between {_label(last)} and {_label(key)}: check the text."
            )
            yield Finding("statute.article-gap", "warning", _label(key), message, here)
        last = key


def _item_gaps(statute: Statute) -> Iterator[Finding]:
    for article in statute.articles:
        for paragraph in article.paragraphs:
            numbers = [item.number for item in paragraph.items]
            if numbers != list(range(1, len(numbers) + 1)):
                place = Place(article.number, article.suffix, paragraph.number)
                message = (
                    f"{citation_zh(place)}的项号不连续，请核对原文。"
                    f" The items of {citation_en(place)} are not numbered in order: check the text."
                )
                label = f"{_label((article.number, article.suffix))}.{paragraph.number}"
                yield Finding("statute.item-gap", "warning", label, message, citation_zh(place))


def _empty_articles(statute: Statute) -> Iterator[Finding]:
    for article in statute.articles:
        if not any(paragraph.text or paragraph.items for paragraph in article.paragraphs):
            place = Place(article.number, article.suffix)
            message = f"{citation_zh(place)}没有条文内容，请核对。 {citation_en(place)} has no words: check it."
            label = _label((article.number, article.suffix))
            yield Finding("statute.empty-article", "warning", label, message, citation_zh(place))

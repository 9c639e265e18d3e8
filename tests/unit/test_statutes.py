"""Regulations are read as they are published: each sample file holds oddities of real layouts."""

import struct
import zipfile
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import docx
import pytest
from docx.oxml import parse_xml
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import Invalid, NotFound
from engine.model import decode, encode
from handlers.statutes import (
    LARGEST,
    LONGEST,
    Article,
    Chapter,
    Item,
    Paragraph,
    Place,
    Point,
    Statute,
    citation_en,
    citation_zh,
    cite,
    findings,
    locate,
    read,
)

SAMPLES = Path(__file__).parent.parent / "data" / "statutes"
NAMES = sorted(path.name for path in SAMPLES.iterdir())
WORD = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
COUNTS = {
    "contents.txt": 5,
    "draft.txt": 4,
    "marked.md": 3,
    "pages.txt": 7,
    "signed.txt": 4,
    "untitled.txt": 3,
}


def sample(name: str) -> Statute:
    return read((SAMPLES / name).read_bytes(), name)


def lines(*written: str) -> Statute:
    return read("\n".join(written).encode(), "规则.txt")


def labels(statute: Statute) -> list[tuple[int, int]]:
    return [(article.number, article.suffix) for article in statute.articles]


def refusal(data: bytes, filename: str = "规则.txt") -> Invalid:
    with pytest.raises(Invalid) as caught:
        read(data, filename)
    error = caught.value
    assert error.findings
    assert error.findings[0].level == "error"
    assert error.words.zh
    assert error.words.en.isascii() or "规则" in error.words.en or "第" in error.words.en
    return error


# --- the samples -------------------------------------------------------------------------------------------


def test_every_sample_has_its_articles() -> None:
    assert {name: len(sample(name).articles) for name in NAMES} == COUNTS


@pytest.mark.parametrize("name", NAMES)
def test_samples_are_in_order_and_survive_json(name: str) -> None:
    statute = sample(name)
    assert findings(statute) == ()
    assert decode(encode(statute), Statute) == statute


def test_contents_and_note_before_the_first_article() -> None:
    statute = sample("contents.txt")
    assert statute.title == "松溪镇图书馆开放时间管理规定"
    assert statute.preamble == ("(2031年3月1日松溪镇读者大会第二次会议通过 2031年4月1日松溪镇馆务会批准)",)
    assert statute.chapters == (Chapter(1, "总则"), Chapter(2, "开放与闭馆"), Chapter(3, "附则"))
    assert [article.chapter for article in statute.articles] == [1, 1, 2, 2, 3]


def test_items_belong_to_the_paragraph_that_introduces_them() -> None:
    third = sample("contents.txt").articles[2]
    assert third.paragraphs == (
        Paragraph(
            1,
            "图书馆按照下列时间开放：",
            (
                Item(1, "平日上午九时至下午六时；"),
                Item(2, "周末上午十时至下午四时；"),
                Item(3, "节日只开放阅览室。"),
            ),
        ),
        Paragraph(2, "开放时间写在门口的木牌上。"),
        Paragraph(3, "遇到大雪，馆长可以推迟开门。"),
    )


def test_two_paragraphs_with_items_in_one_article() -> None:
    fourth = sample("contents.txt").articles[3]
    assert [[item.text for item in paragraph.items] for paragraph in fourth.paragraphs] == [
        ["在书上画线；", "在阅览室煮茶。"],
        ["铅笔；", "眼镜。"],
    ]


def test_spaces_inside_a_sentence_stay() -> None:
    assert locate(sample("contents.txt"), "5") == "本规定自 2031 年 5 月 1 日起施行。"
    assert locate(sample("draft.txt"), "4") == "本规定自  年  月  日起施行。"


def test_signed_page_before_the_title() -> None:
    statute = sample("signed.txt")
    assert statute.title == "松溪镇图书馆借书办法"
    assert statute.preamble == (
        "《松溪镇图书馆借书办法》已经馆务会第7次会议讨论通过，现予公布，自2032年1月1日起施行。",
        "馆长 林小舟",
        "2031年12月3日",
    )
    assert statute.chapters == (Chapter(1, "总则"), Chapter(2, "借阅"))


def test_numbers_without_a_space_after_them() -> None:
    statute = sample("signed.txt")
    assert locate(statute, "1") == "每位读者一次可以借三本书。"
    assert locate(statute, "2.2") == "读者可以续借一次，续借期限为十日。"
    assert locate(statute, "3(2)") == "当月的报纸。"


def test_headings_in_square_brackets_and_ascii_punctuation() -> None:
    statute = sample("draft.txt")
    assert statute.title == "松溪镇图书馆还书规定"
    assert statute.preamble == ("(读者意见第一稿)",)
    assert [article.heading for article in statute.articles] == ["目的", "还书箱、还书台", "名词", "施行"]
    assert locate(statute, "2.1") == "图书馆门口设还书箱(以下简称“书箱”),馆内设还书台。"
    assert locate(statute, "3.1(2)") == "逾期是指超过期限没有还书。"


def test_text_without_title_and_with_full_width_spaces() -> None:
    statute = sample("untitled.txt")
    assert (statute.title, statute.preamble) == ("", ())
    assert statute.chapters == (Chapter(1, "总则"), Chapter(2, "座位"), Chapter(3, "附则"))
    assert locate(statute, "2.2") == "离开半小时以上的，座位让给后来的读者。"


def test_pages_wrapped_lines_and_references_at_the_start_of_a_line() -> None:
    statute = sample("pages.txt")
    assert labels(statute) == [(1, 0), (2, 0), (2, 1), (2, 2), (3, 0), (4, 0), (5, 0)]
    assert locate(statute, "1") == "捐书人可以把书送到馆内，馆员按照本规则第三条第二款的规定登记，并当面写下收条。"
    assert locate(statute, "2.2") == "登记后，书放入2024年设立的捐书架，再由馆员贴上标签。"
    assert locate(statute, "3.3") == "第五条规定的情形，不写回信。"


def test_items_points_and_arabic_lists() -> None:
    statute = sample("pages.txt")
    assert statute.articles[1].paragraphs[0].items == (
        Item(1, "书名和册数，写明下列两点：", (Point(1, "书的新旧；"), Point(2, "有无缺页；"))),
        Item(2, "捐书人的姓名，依照前款（一）项的写法；"),
        Item(3, "收书日期：", (Point(1, "上午；"), Point(2, "下午。"))),
    )
    assert statute.articles[4].paragraphs[0].items == (Item(1, "写明书名；"), Item(2, "写明谢意。"))


def test_sections_signature_and_annex() -> None:
    statute = sample("pages.txt")
    assert [article.section for article in statute.articles] == [
        "登记",
        "登记",
        "回信",
        "回信",
        "回信",
        "回信",
        "",
    ]
    assert statute.closing == (
        "松溪镇图书馆",
        "2033年12月1日",
        "附件1：捐书收条",
        "第一条 今收到书若干册。",
    )


def test_markdown_marks_are_not_words() -> None:
    statute = sample("marked.md")
    assert statute.title == "松溪镇图书馆夜读规定"
    assert statute.preamble == ("2035年1月5日馆务会通过",)
    assert locate(statute, "1") == "夜读从下午七时开始。"
    assert locate(statute, "2(2.2)") == "读书会。"


# --- encodings and kinds of files ------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("encoding", ["utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_encoding_and_line_ends_change_nothing(name: str, encoding: str, newline: str) -> None:
    text = (SAMPLES / name).read_text("utf-8")
    assert read(text.replace("\n", newline).encode(encoding), name) == sample(name)


def test_form_feed_inside_a_sentence_is_only_a_page() -> None:
    statute = lines("第一条 书架", "", "\f", "由馆员整理。")
    assert locate(statute, "1.1") == "书架由馆员整理。"


def test_words_of_an_empty_line_apart_are_a_paragraph_of_their_own() -> None:
    statute = lines("第一条 书架", "", "由馆员整理。", "第二条 自明日起施行。")
    assert [paragraph.text for paragraph in statute.articles[0].paragraphs] == ["书架", "由馆员整理。"]


def word(*paragraphs: str) -> docx.document.Document:
    document = docx.Document()
    for paragraph in paragraphs:
        document.add_paragraph(paragraph)
    return document


def saved(document: docx.document.Document) -> bytes:
    buffer = BytesIO()
    document.save(buffer)
    return buffer.getvalue()


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("pages.txt", "marked.md")])
def test_word_document_reads_as_the_text_does(name: str) -> None:
    written = (SAMPLES / name).read_text("utf-8").splitlines()
    assert read(saved(word(*written)), "规则.docx") == sample(name)


def test_word_tables_line_breaks_and_tabs() -> None:
    document = word("第一条\t书架由\n馆员整理。")
    document.add_table(1, 1).cell(0, 0).text = "第二条 书桌由读者整理。"
    statute = read(saved(document), "规则.DOCX")
    assert [locate(statute, "1"), locate(statute, "2")] == ["书架由馆员整理。", "书桌由读者整理。"]


def test_word_tracked_changes_are_read_as_accepted() -> None:
    document = word("第一条 书架")
    space = f'{WORD} w:id="1" w:author="馆员"'
    paragraph = document.paragraphs[0]._p
    paragraph.append(parse_xml(f"<w:del {space}><w:r><w:delText>不</w:delText></w:r></w:del>"))
    paragraph.append(parse_xml(f"<w:ins {space}><w:r><w:t>每日整理。</w:t></w:r></w:ins>"))
    paragraph.append(parse_xml(f"<w:moveFrom {space}><w:r><w:t>旧句。</w:t></w:r></w:moveFrom>"))
    assert locate(read(saved(document), "规则.docx"), "1") == "书架每日整理。"


# --- numbers -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("十", 10),
        ("二十", 20),
        ("二十一", 21),
        ("一百", 100),
        ("一百零三", 103),
        ("一百〇三", 103),
        ("一百一十", 110),
        ("一百九十九", 199),
        ("二百", 200),
        ("21", 21),
        ("２１", 21),
    ],
)
def test_numerals(written: str, number: int) -> None:
    assert labels(lines(f"第{written}条 读书。")) == [(number, 0)]


@pytest.mark.parametrize("written", ["十十", "百", "零", "0", "一二"])
def test_what_is_no_numeral_is_no_article(written: str) -> None:
    refusal(f"第{written}条 读书。".encode())


def test_inserted_articles() -> None:
    statute = lines("第一条 甲。", "第一条之一 乙。", "第一条之二 丙。", "第二条 丁。")
    assert labels(statute) == [(1, 0), (1, 1), (1, 2), (2, 0)]
    assert findings(statute) == ()
    assert locate(statute, "1-2") == "丙。"
    assert citation_zh("1-2.1") == "第一条之二第一款"
    assert citation_en("1-2.1") == "Art. 1-2, para. 1"


@pytest.mark.parametrize(
    "reference",
    [
        "第二条第三款另有规定。",
        "第二条、第三条同样适用。",
        "第二条规定的除外。",
        "第二条所称读者。",
        "第九条的读者。",
    ],
)
def test_a_reference_at_the_start_of_a_line_is_no_article(reference: str) -> None:
    statute = lines("第一条 依照", reference, "第二条 读书。")
    assert labels(statute) == [(1, 0), (2, 0)]
    assert locate(statute, "1.1") == f"依照{reference}"


def test_a_paragraph_may_begin_with_a_reference_to_the_next_article() -> None:
    statute = lines("第一条 读书。", "", "第二条规定的书另行登记。", "", "第二条 还书。")
    assert locate(statute, "1.2") == "第二条规定的书另行登记。"
    assert locate(statute, "2") == "还书。"


def test_a_wrapped_reference_to_the_next_article_waits_for_the_real_one() -> None:
    statute = lines("第一条 读者应当符合", "第二条 写明条件。", "第二条 条件如下。")
    assert labels(statute) == [(1, 0), (2, 0)]
    assert locate(statute, "2") == "条件如下。"


def test_a_reference_far_ahead_is_no_gap() -> None:
    statute = lines("第一条 读书。", "第八条 借书的读者另行登记。", "第二条 还书。")
    assert labels(statute) == [(1, 0), (2, 0)]
    assert locate(statute, "1.2") == "第八条 借书的读者另行登记。"


def test_item_whose_words_begin_like_a_reference() -> None:
    statute = lines("第一条 下列：", "（一）项目名称；", "（二）和气待人。")
    assert [item.text for item in statute.articles[0].paragraphs[0].items] == ["项目名称；", "和气待人。"]


def test_years_and_decimals_are_no_points() -> None:
    statute = lines("第一条 下列：", "（一）书；", "2024.5万册。", "3.书多。", "第二条 自明日起施行。")
    assert [paragraph.text for paragraph in statute.articles[0].paragraphs] == [
        "下列：",
        "2024.5万册。",
        "3.书多。",
    ]


@pytest.mark.parametrize(
    ("written", "apart"),
    [
        (["1.5万册书。"], "1.5万册书。"),
        (["（一）书：", "1.甲；", "7.乙；"], "7.乙；"),
        (["（一）书：", "1.甲；", "（二）报：", "2.乙；"], "2.乙；"),
        (["（一）书：", "1.甲：", "（1）乙；"], "（1）乙；"),
    ],
)
def test_a_number_that_does_not_fit_begins_a_paragraph(written: list[str], apart: str) -> None:
    assert locate(lines("第一条 下列：", *written, "第二条 丙。"), "1.2") == apart


def test_a_gap_right_below_a_chapter() -> None:
    assert labels(lines("第一条 甲。", "第二章 附则", "第四条 乙。")) == [(1, 0), (4, 0)]


def test_the_last_title_is_that_of_the_regulation() -> None:
    statute = lines("公布夜读办法的决定", "", "松溪镇图书馆夜读办法", "", "第一条 甲。")
    assert (statute.title, statute.preamble) == ("松溪镇图书馆夜读办法", ("公布夜读办法的决定",))


def test_a_wrapped_mention_of_an_annex_is_no_annex() -> None:
    statute = lines("第一条 书目见本规则", "附件一 中的第三栏。", "第二条 乙。")
    assert locate(statute, "1") == "书目见本规则附件一 中的第三栏。"
    assert statute.closing == ()


# --- findings ----------------------------------------------------------------------------------------------


def test_a_gap_is_a_warning() -> None:
    statute = lines("第一条 读书。", "第三条 还书。", "第三条之二 借书。")
    assert [(found.rule, found.level, found.element) for found in findings(statute)] == [
        ("statute.article-gap", "warning", "3"),
        ("statute.article-gap", "warning", "3-2"),
    ]
    assert "第一条之后直接是第三条" in findings(statute)[0].message


def test_a_text_that_begins_late_is_a_gap() -> None:
    assert [found.name for found in findings(lines("第四条 读书。"))] == ["第四条"]


def test_items_out_of_order_and_empty_articles_are_warnings() -> None:
    statute = lines("第一条 下列：", "（一）书；", "（三）报。", "第二条")
    assert [(found.rule, found.element) for found in findings(statute)] == [
        ("statute.item-gap", "1.1"),
        ("statute.empty-article", "2"),
    ]


def test_repeated_articles_are_all_named() -> None:
    error = refusal("第一条 甲。\n第二条 乙。\n第一条 丙。\n第二条 丁。".encode())
    assert error.code == "statute.repeated-article"
    assert [(found.element, found.name) for found in error.findings] == [("1", "第一条"), ("2", "第二条")]


# --- files that are refused --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "filename", "code"),
    [
        (b"", "规则.txt", "statute.empty-file"),
        (b" \r\n", "规则.docx", "statute.empty-file"),
        ("图书馆开放。".encode(), "规则.txt", "statute.no-articles"),
        (b"\x00\x01\x02", "规则.txt", "statute.not-text"),
        (b"\xff\xff\xff", "规则.txt", "statute.not-text"),
        (b"\xff\xfe\x00", "规则.txt", "statute.not-text"),
        ("第一条 甲。".encode(), "规则.pdf", "statute.unknown-kind"),
        ("第一条 甲。".encode(), "规则", "statute.unknown-kind"),
        (b"a" * (LARGEST + 1), "规则.docx", "statute.too-large"),
        (b"a" * (LONGEST + 1), "规则.txt", "statute.too-large"),
        (b"a" * LONGEST, "规则.txt", "statute.no-articles"),
        ("第一条 甲。".encode(), "规则.docx", "statute.broken-docx"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512), "规则.docx", "statute.encrypted"),
    ],
)
def test_files_that_are_refused(data: bytes, filename: str, code: str) -> None:
    assert refusal(data, filename).code == code


def archive(**parts: bytes) -> bytes:
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as written:
        for name, data in parts.items():
            written.writestr(name, data)
    return buffer.getvalue()


def test_an_archive_that_is_no_word_document() -> None:
    assert refusal(archive(readme=b"x"), "规则.docx").code == "statute.broken-docx"


def test_an_archive_that_unpacks_to_too_much() -> None:
    bomb = archive(document=bytes(LARGEST + 1))
    assert len(bomb) < LARGEST
    assert refusal(bomb, "规则.docx").code == "statute.too-large"


def test_a_word_document_of_countless_empty_paragraphs() -> None:
    document = word("第一条 甲。")
    document.element.body.extend(parse_xml(f"<w:body {WORD}>{'<w:p/>' * 200_001}</w:body>"))
    assert refusal(saved(document), "规则.docx").code == "statute.too-large"


def test_an_archive_that_lies_about_its_size() -> None:
    """The declared size of the main part is set to 10 bytes: no more than that is ever unpacked."""
    whole = saved(word("第一条 甲。"))
    with zipfile.ZipFile(BytesIO(whole)) as opened:
        true_size = struct.pack("<I", opened.getinfo("word/document.xml").file_size)
    assert refusal(whole.replace(true_size, struct.pack("<I", 10)), "规则.docx").code == "statute.broken-docx"


def test_an_encrypted_archive() -> None:
    plain = saved(word("第一条 甲。"))
    at = plain.index(b"PK\x01\x02") + 8
    locked = plain[:at] + bytes([plain[at] | 1]) + plain[at + 1 :]
    assert refusal(locked, "规则.docx").code == "statute.encrypted"


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_a_word_document_cut_short(share: float) -> None:
    whole = saved(word("第一条 甲。"))
    assert refusal(whole[: int(len(whole) * share)], "规则.docx").code == "statute.broken-docx"


def test_entities_in_a_word_document_are_not_expanded() -> None:
    whole = BytesIO(saved(word("第一条 甲。")))
    laughs = (
        '<!DOCTYPE w:document [<!ENTITY a "哈"><!ENTITY b "&a;&a;&a;">]>'
        f"<w:document {WORD}>"
        "<w:body><w:p><w:r><w:t>第一条 &b;。</w:t></w:r></w:p></w:body></w:document>"
    )
    rewritten = BytesIO()
    with zipfile.ZipFile(whole) as old, zipfile.ZipFile(rewritten, "w") as new:
        for name in old.namelist():
            new.writestr(name, laughs.encode() if name == "word/document.xml" else old.read(name))
    statute = read(rewritten.getvalue(), "规则.docx")
    assert "哈" not in locate(statute, "1")


# --- citations ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("citation", "place", "zh", "en"),
    [
        ("ZJ-13.4", Place(13, 0, 4, key="ZJ"), "第十三条第四款", "Art. 13, para. 4"),
        ("13.4(2)", Place(13, 0, 4, 2, last=2), "第十三条第四款第二项", "Art. 13, para. 4, item 2"),
        ("30(2)", Place(30, 0, 0, 2, last=2), "第三十条第二项", "Art. 30, item 2"),
        ("X3-9(1)–(12)", Place(9, 0, 0, 1, 0, 12, "X3"), "第九条第一项至第十二项", "Art. 9, items 1–12"),
        ("20-1.2", Place(20, 1, 2), "第二十条之一第二款", "Art. 20-1, para. 2"),
        ("3.1(2.4)", Place(3, 0, 1, 2, 4, 2), "第三条第一款第二项第4目", "Art. 3, para. 1, item 2, point 4"),
        ("6.1a", Place(6, 0, 1), "第六条第一款", "Art. 6, para. 1"),
        ("7.b", Place(7), "第七条", "Art. 7"),
        ("103（21）", Place(103, 0, 0, 21, last=21), "第一百零三条第二十一项", "Art. 103, item 21"),
        ("1260", Place(1260), "第1260条", "Art. 1260"),
    ],
)
def test_citations(citation: str, place: Place, zh: str, en: str) -> None:
    assert cite(citation) == place
    assert (citation_zh(citation), citation_en(citation)) == (zh, en)
    assert decode(encode(place), Place) == place


@pytest.mark.parametrize("citation", ["", "十三", "13..4", "13(2", "13.4.5", "zj-13", "第13条", "13(a)"])
def test_bad_citations(citation: str) -> None:
    with pytest.raises(Invalid) as caught:
        cite(citation)
    assert caught.value.code == "statute.bad-citation"


def test_locating_each_depth() -> None:
    statute = sample("pages.txt")
    item = "书名和册数，写明下列两点：\n1. 书的新旧；\n2. 有无缺页；"
    assert locate(statute, "2(1)") == item
    assert locate(statute, "2.1(1.2)") == "有无缺页；"
    assert locate(statute, "2(1)-(2)") == f"（一）{item}\n（二）捐书人的姓名，依照前款（一）项的写法；"
    assert locate(statute, "3.1") == "回信应当：\n（一）写明书名；\n（二）写明谢意。"
    assert locate(statute, "3").splitlines()[-1] == "第五条规定的情形，不写回信。"
    assert locate(statute, Place(4)) == "捐书多于一百册的，馆长上门道谢。"


@pytest.mark.parametrize(
    ("citation", "why"),
    [
        ("99", "没有这一条"),
        ("2-1", "没有这一条"),
        ("3.4", "只有3款"),
        ("3.1(4)", "列有3项"),
        ("3.1(2)–(4)", "列有3项"),
        ("3.1(3)–(2)", "列有3项"),
        ("3.2(1)", "列有0项"),
        ("1(1)", "没有列项"),
        ("4(1)", "写明款"),
        ("3.1(1.1)", "没有这一目"),
        ("0", "没有这一条"),
    ],
)
def test_unknown_places_say_why(citation: str, why: str) -> None:
    with pytest.raises(NotFound) as caught:
        locate(sample("contents.txt"), citation)
    assert why in caught.value.words.zh
    assert citation_zh(citation) in caught.value.words.zh
    assert citation_en(citation) in caught.value.words.en
    assert "松溪镇图书馆开放时间管理规定" in caught.value.words.zh


# --- any regulation, in any layout, reads back -----------------------------------------------------------

WORDS = st.text("读者馆员借还书安静茶室、，（）3八条款项", min_size=1, max_size=6).map(lambda text: f"书{text}书")


@st.composite
def items(draw: st.DrawFn) -> tuple[Item, ...]:
    found = []
    for number in range(1, draw(st.integers(1, 3)) + 1):
        points = tuple(Point(at, draw(WORDS) + "；") for at in range(1, draw(st.integers(0, 2)) + 1))
        found.append(Item(number, draw(WORDS) + ("：" if points else "；"), points))
    return tuple(found)


@st.composite
def paragraphs(draw: st.DrawFn) -> tuple[Paragraph, ...]:
    found = []
    for number in range(1, draw(st.integers(1, 2)) + 1):
        owned = draw(items()) if draw(st.booleans()) else ()
        found.append(Paragraph(number, draw(WORDS) + ("：" if owned else "。"), owned))
    return tuple(found)


@st.composite
def statutes(draw: st.DrawFn) -> Statute:
    chapters: list[Chapter] = []
    articles: list[Article] = []
    section = ""
    for number in range(1, draw(st.integers(1, 6)) + 1):
        if draw(st.booleans()) and draw(st.booleans()):
            chapters.append(Chapter(len(chapters) + 1, draw(WORDS).replace("，", "")))
            section = draw(st.sampled_from(["", "借书", "还书"]))
        for suffix in range(draw(st.sampled_from([1, 1, 1, 2, 3]))):
            heading = draw(st.sampled_from(["", "目的", "开放、闭馆"]))
            articles.append(Article(number, draw(paragraphs()), suffix, len(chapters), section, heading))
    preamble = draw(st.sampled_from([(), ("（2031年3月1日通过）",), ("现予公布。", "馆长 林小舟")]))
    return Statute("松溪镇图书馆守则", tuple(articles), tuple(chapters), preamble)


class Layout(NamedTuple):
    """How a text is set."""

    space: str = " "
    gap: str = "\n"
    brackets: tuple[str, str] = ("（", "）")
    point: str = "{}."
    page: str = ""
    contents: bool = False

    def text(self, statute: Statute) -> str:
        return self.gap.join(self.lines(statute))

    def lines(self, statute: Statute) -> list[str]:
        written = [*statute.preamble, statute.title]
        if self.contents:
            written += ["目　录", *(self.chapter(chapter) for chapter in statute.chapters)]
        chapter, section = 0, ""
        for article in statute.articles:
            if article.chapter != chapter:
                chapter, section = article.chapter, ""
                written.append(self.chapter(statute.chapters[chapter - 1]))
            if article.section != section:
                section = article.section
                written.append(f"第一节{self.space}{section}")
            written += [*self.article(article), *([self.page] if self.page else [])]
        return written

    def chapter(self, chapter: Chapter) -> str:
        return f"第{citation_zh(Place(chapter.number))[1:-1]}章{self.space}{chapter.title}"

    def article(self, article: Article) -> list[str]:
        heading = f"【{article.heading}】" if article.heading else ""
        written = [line for paragraph in article.paragraphs for line in self.paragraph(paragraph)]
        head = citation_zh(Place(article.number, article.suffix))
        return [f"{head}{self.space}{heading}{written[0]}", *written[1:]]

    def paragraph(self, paragraph: Paragraph) -> list[str]:
        written = [paragraph.text]
        for item in paragraph.items:
            number = citation_zh(Place(item.number))[1:-1]
            written.append(f"{self.brackets[0]}{number}{self.brackets[1]}{self.space}{item.text}")
            written += [f"{self.point.format(point.number)}{self.space}{point.text}" for point in item.points]
        return written


LAYOUTS = st.builds(
    Layout,
    st.sampled_from(["", " ", "　"]),
    st.sampled_from(["\n", "\n\n", "\r\n", "\n\n\n　　"]),
    st.sampled_from([("（", "）"), ("(", ")"), ("( ", " )")]),
    st.sampled_from(["{}.", "{}．", "{}、", "({})", "（{}）"]),
    st.sampled_from(["", "— 3 —", "第 2 页", "12"]),
    st.booleans(),
)


@settings(max_examples=60, deadline=None)
@given(statute=statutes(), layout=LAYOUTS, encoding=st.sampled_from(["utf-8", "utf-8-sig", "gb18030", "utf-16"]))
def test_any_regulation_in_any_layout_reads_back(statute: Statute, layout: Layout, encoding: str) -> None:
    read_back = read(layout.text(statute).encode(encoding), "规则.txt")
    assert read_back == statute
    assert findings(read_back) == ()
    assert decode(encode(read_back), Statute) == statute


def test_two_hundred_articles_with_many_items_read_back() -> None:
    items = tuple(Item(number, f"第{number}册；") for number in range(1, 31))
    articles = [Article(number, (Paragraph(1, "列出下列书：", items),)) for number in range(1, 211)]
    statute = Statute("松溪镇图书馆守则", tuple(articles))
    assert read(Layout().text(statute).encode(), "规则.txt") == statute


@settings(max_examples=100, deadline=None)
@given(
    data=st.one_of(st.binary(), st.text("第一二条之款（）：。\n 1.【】章节附件").map(str.encode)),
    kind=st.sampled_from(["txt", "md", "docx"]),
)
def test_no_input_breaks_the_reader(data: bytes, kind: str) -> None:
    with suppress(Invalid):
        assert read(data, f"规则.{kind}").articles

"""Hostile and broken files are refused in words; honest ones are read whatever Chinese encoding they use."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import xml
from engine.errors import Invalid


def rule_of(data: bytes) -> str:
    with pytest.raises(Invalid) as caught:
        xml.parse(data)
    (finding,) = caught.value.findings
    assert finding.rule == caught.value.code
    assert finding.level == "error"
    assert caught.value.words.zh in finding.message
    assert caught.value.words.en in finding.message
    return finding.rule


def declared(encoding: str, text: str = "<a>网格</a>") -> str:
    return f'<?xml version="1.0" encoding="{encoding}"?>\n{text}'


def test_a_plain_file_keeps_its_line_numbers_and_loses_comments_and_instructions() -> None:
    root = xml.parse(b'<?xml version="1.0"?>\n<a>\n<!-- x -->\n<?y z?><b>1<!-- in -->2</b></a>')
    assert [child.tag for child in root] == ["b"]
    assert xml.line(root[0]) == 4
    assert root[0].text == "12"


@pytest.mark.parametrize("encoding", ["utf-8", "UTF-8", "gbk", "GB2312", "gb18030", "big5"])
def test_files_are_read_in_the_encoding_they_declare(encoding: str) -> None:
    text = "<a>網格</a>" if encoding == "big5" else "<a>网格</a>"
    assert xml.parse(declared(encoding, text).encode(encoding)).text == text[3:5]


def test_gb18030_reads_characters_beyond_gbk() -> None:
    assert xml.parse(declared("gb18030", "<a>𠮷㐂</a>").encode("gb18030")).text == "𠮷㐂"


def test_a_short_gbk_text_that_happens_to_be_valid_utf8_is_still_gbk() -> None:
    assert xml.parse(declared("gbk", "<a>联通</a>").encode("gbk")).text == "联通"


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16"])
def test_unicode_files_are_read_with_or_without_a_byte_order_mark(codec: str) -> None:
    name = "utf-16" if codec == "utf-16" else "utf-8"
    assert xml.parse(declared(name).encode(codec)).text == "网格"
    assert xml.parse("<a>网格</a>".encode(codec)).text == "网格"


@pytest.mark.parametrize(
    ("claim", "truth"),
    [
        ("utf-16", "utf-8"),
        ("utf-8", "gbk"),
        ("gbk", "utf-8"),
        ("gb18030", "utf-8"),
        ("iso-8859-1", "utf-8"),
        ("us-ascii", "utf-8"),
        ("gbk", "utf-8-sig"),
        ("ebcdic-cp-be", "utf-8"),
        ("utf-7", "utf-8"),
        ("rot13", "utf-8"),
    ],
)
def test_a_file_that_lies_about_its_encoding_is_refused(claim: str, truth: str) -> None:
    assert rule_of(declared(claim).encode(truth)) == "xml.encoding"


def test_half_a_character_is_an_encoding_fault() -> None:
    assert rule_of("<a>网</a>".encode()[:5] + b"</a>") == "xml.encoding"
    assert rule_of("<a/>".encode("utf-16") + b"\x00") == "xml.encoding"


def test_billion_laughs_is_refused_at_once() -> None:
    entities = "".join(
        f'<!ENTITY l{i} "{"&l" + str(i - 1) + ";" if i else "lol"}{"".join(f"&l{i - 1};" * 9) if i else ""}">'
        for i in range(12)
    )
    started = time.perf_counter()
    assert rule_of(f"<!DOCTYPE a [{entities}]><a b='&l11;'>&l11;</a>".encode()) == "xml.doctype"
    assert time.perf_counter() - started < 1


@pytest.mark.parametrize(
    "text",
    [
        '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
        '<!DOCTYPE a SYSTEM "http://127.0.0.1:9/x.dtd"><a/>',
        '<!DOCTYPE a [<!ENTITY % p SYSTEM "http://127.0.0.1:9/x"> %p;]><a/>',
        "<!-- c --><?p i?>\n<!DOCTYPE a><a/>",
        '<a xmlns:xi="http://www.w3.org/2001/XInclude"><xi:include href="/etc/passwd" parse="text"/></a>',
        '<a><include xmlns="http://www.w3.org/2001/XInclude" href="/etc/passwd"/></a>',
    ],
)
@pytest.mark.parametrize("codec", ["utf-8", "utf-16"])
def test_outside_content_is_refused(text: str, codec: str) -> None:
    assert rule_of(text.encode(codec)) == "xml.doctype"


def test_a_doctype_inside_text_is_only_text() -> None:
    assert xml.parse(b"<a><![CDATA[<!DOCTYPE a>]]><!-- <!DOCTYPE b> --></a>").text == "<!DOCTYPE a>"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b" ",
        b"\xef\xbb\xbf",
        b"hello",
        b"<a>",
        b"<a/><b/>",
        b"<a>\x00</a>",
        b"\x00" * 64,
        b"<a>&nbsp;</a>",
        b"<a>&#0;</a>",
        b"<x:a/>",
        b'<a b="1" b="2"/>',
        b'<a xmlns:p="u" xmlns:q="u" p:b="1" q:b="2"/>',
        b'\n<?xml version="1.0"?><a/>',
        b"PK\x03\x04",
        '<?xml version="1.0"?><a/>'.encode("utf-16-le"),
    ],
)
def test_what_is_not_xml_is_refused(data: bytes) -> None:
    assert rule_of(data) == "xml.not-xml"


def test_the_line_of_the_fault_is_named() -> None:
    with pytest.raises(Invalid, match=r"第 3 行.*line 3"):
        xml.parse(b"<a>\n<b>\n</a>")


def test_nesting_is_bounded() -> None:
    assert xml.parse(b"<a>" * xml.DEEPEST + b"</a>" * xml.DEEPEST).tag == "a"
    assert rule_of(b"<a>" * (xml.DEEPEST + 1) + b"</a>" * (xml.DEEPEST + 1)) == "xml.too-deep"
    assert rule_of(b"<a>" * 1_000_000) == "xml.too-deep"


def test_size_is_bounded() -> None:
    frame = len(b"<a></a>")
    assert xml.parse(b"<a>" + b"x" * (xml.LARGEST_FILE - frame) + b"</a>").tag == "a"
    assert rule_of(b"<a>" + b"x" * (xml.LARGEST_FILE - frame + 1) + b"</a>") == "xml.too-large"


def test_the_number_of_elements_and_attributes_is_bounded() -> None:
    assert len(xml.parse(b"<a>" + b"<b/>" * (xml.MOST_ELEMENTS - 1) + b"</a>")) == xml.MOST_ELEMENTS - 1
    assert rule_of(b"<a>" + b"<b/>" * xml.MOST_ELEMENTS + b"</a>") == "xml.too-large"
    many = " ".join(f'a{i}="1"' for i in range(xml.MOST_ATTRIBUTES + 1))
    assert rule_of(f"<a {many}/>".encode()) == "xml.too-large"


SCRAPS = st.text(alphabet="<>/a!?[]-&;\"'= 网x", max_size=60).map(str.encode)


@given(st.one_of(st.binary(max_size=60), SCRAPS))
def test_nothing_but_invalid_is_ever_raised(data: bytes) -> None:
    findings = 1
    try:
        xml.parse(data)
    except Invalid as refused:
        findings = len(refused.findings)
    assert findings == 1

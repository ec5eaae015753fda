"""Documents of anyone's making: what is read, and where reading stops."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vultus.acquire import document
from vultus.acquire.document import mappings, read_json, read_xml, text_of, texts

LAUGHS = '<!DOCTYPE a [<!ENTITY b "ha"><!ENTITY c "&b;&b;&b;&b;">]><a>&c;</a>'
OUTSIDE = '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>'
LONG_NAMES = f'<a xmlns:x="{"y" * document.MAX_NAME}"><x:b/></a>'


def test_json_is_read_in_its_three_encodings():
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "utf-32"):
        assert read_json('{"a": ["é", 1, null]}'.encode(encoding)) == {"a": ["é", 1, None]}


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"\xff\xfe\xfd", b'{"a" 1}', b"[" * 100_000, b"1" * 10_000,
        b" " * (document.MAX_BYTES + 1), b"[" + b"[]," * document.MAX_VALUES + b"[]]",
    ],
    ids=["empty", "cut", "bytes", "wrong", "deep", "number", "long", "many"],
)  # fmt: skip
def test_what_is_no_json_or_too_much(body):
    with pytest.raises(ValueError, match=r"."):
        read_json(body)


def test_xml_is_read_with_its_namespaces():
    root = read_xml(b'\n<?xml version="1.0"?><a xmlns="https://x.example/"><b>t</b></a>\n')
    assert [element.tag for element in root.iter()] == [
        "{https://x.example/}a",
        "{https://x.example/}b",
    ]


@pytest.mark.parametrize(
    "body",
    [
        b"", b"<a>", b"<a/><b/>", b"text", b'<?xml version="1.0" encoding="none"?><a/>',
        LAUGHS.encode(), OUTSIDE.encode(), b"<!DOCTYPE a><a/>", LONG_NAMES.encode(),
        b"<a>" * (document.MAX_DEPTH + 1) + b"</a>" * (document.MAX_DEPTH + 1),
        b"<a>" + b"<b/>" * document.MAX_ELEMENTS + b"</a>", b"<a>\xff</a>",
        b'<?xml version="1.0" encoding="utf-7"?><a/>', b'<?xml version="1.0" encoding="hex"?><a/>',
    ],
    ids=["empty", "cut", "two", "text", "encoding", "laughs", "outside", "doctype", "names",
         "deep", "many", "bytes", "utf-7", "hex"],
)  # fmt: skip
def test_what_is_no_xml_or_too_much(body):
    with pytest.raises(ValueError, match=r"."):
        read_xml(body)


@given(st.binary() | st.text().map(str.encode))
def test_any_bytes_are_read_or_are_a_value_error(body):
    for read in (read_json, read_xml):
        with contextlib.suppress(ValueError):
            read(body)


@given(st.recursive(st.none() | st.text() | st.integers(), st.lists))
def test_the_texts_and_objects_of_any_value(value):
    assert texts(value) == [text for text in [value, *(value if isinstance(value, list) else [])]
                            if isinstance(text, str)]  # fmt: skip
    assert mappings(value) == []
    assert read_json(json.dumps([value]).encode()) == [value]


def test_the_first_key_that_is_a_text_counts():
    assert text_of({"id": 3, "@id": "a"}, "id", "@id") == "a"
    assert text_of({}, "id") == ""
    assert mappings([{"a": 1}, "b"]) == [{"a": 1}] == mappings({"a": 1})

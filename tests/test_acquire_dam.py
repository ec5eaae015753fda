"""Exports of a digital asset manager: mapping, encodings, records, and what is refused."""

import csv
import io
import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vultus.acquire.dam import DamExport, date_of, read_assets
from vultus.acquire.dam_mapping import read_mapping
from vultus.acquire.dam_rows import decoded, delimiter_of
from vultus.acquire.found import Beside, Found
from vultus.errors import InputError, RefusedError, UnavailableError

MAPPING = """
vultus_mapping = 1
[columns]
id = "Asset ID"
file = "Filename"
title = "Title"
caption = "Description"
credit = "Photographer"
licence = "Rights"
persons = "People"
date = "Taken"
[date]
format = "%d/%m/%Y"
[persons]
separator = ";"
[[withdrawn]]
column = "Status"
values = ["deleted", "Rights withdrawn"]
"""
HEADER = "Asset ID,Filename,Title,Description,Photographer,Rights,People,Taken,Status"
ROWS = [
    '1,a.jpg,A walk,"Two people, walking",J. Smith,CC0,Ann E;; Bob E;Ann E,24/11/2026,live',
    "2,sub/é.jpg,,,,,,,live",
    "3,c.jpg,,,,,,not a date,RIGHTS WITHDRAWN",
]
SMALL = b'vultus_mapping = 1\n[columns]\nid = "id"\nfile = "file"\n'


def mapping(text=MAPPING, **more):
    return read_mapping(text.encode() if isinstance(text, str) else text)


def small(more=""):
    return read_mapping(SMALL + more.encode())


def export(tmp_path, text, name="export.csv", said=MAPPING):
    (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return DamExport(tmp_path / name, mapping(said), bytes_max=100)


def lines(*rows, header=HEADER):
    return "\r\n".join([header, *rows]) + "\r\n"


def refused(call, *arguments):
    with pytest.raises(InputError) as raised:
        call(*arguments)
    assert raised.value.hint
    return raised.value.code, raised.value.message


# --- a whole export -----------------------------------------------------------------------------


def test_a_whole_export(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "a.jpg").write_bytes(b"photo a")
    (tmp_path / "sub" / "é.jpg").write_bytes(b"photo e")
    (tmp_path / "c.jpg").write_bytes(b"photo c")
    one = export(tmp_path, lines(*ROWS))
    first, second = one.list()
    assert (first.place, first.n_bytes, first.problem) == ("a.jpg", 7, None)
    assert first.item.url == "a.jpg"
    assert first.item.beside == Beside(
        title="A walk", caption="Two people, walking", caption_source="dam:Description",
        credit="J. Smith", licence="CC0", date="2026-11-24", date_precision="day",
        date_source="dam:Taken", persons=("Ann E", "Bob E"),
    )  # fmt: skip
    assert (second.place, second.item.beside) == ("sub/é.jpg", Beside())
    assert one.open("sub/é.jpg") == b"photo e"
    assert one.found() == Found(gone=("c.jpg",))
    for place in ("c.jpg", "export.csv", "../x", ""):  # withdrawn, or of no record
        with pytest.raises(UnavailableError) as raised:
            one.open(place)
        assert raised.value.code == "place.gone"


def test_a_mark_changes_with_the_file_and_with_what_is_said(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"photo a")

    def mark(text):
        return [(one.changed, one.item.version) for one in export(tmp_path, text).list()]

    before = mark(lines(ROWS[0]))
    assert mark(lines(ROWS[0])) == before
    renamed = mark(lines(ROWS[0].replace("A walk", "A run")))
    assert (renamed[0][0] != before[0][0], renamed[0][1] != before[0][1]) == (True, True)
    os.utime(tmp_path / "a.jpg", ns=(1, 1))
    touched = mark(lines(ROWS[0]))
    assert (touched[0][0] != before[0][0], touched[0][1] != before[0][1]) == (True, False)


def test_photos_at_urls_are_told_for_the_fetch(tmp_path):
    said = """
    vultus_mapping = 1
    columns = { id = "id", url = "url", version = "v" }
    withdrawn = [{ column = "gone", values = ["true"] }]
    """
    records = [
        {"id": 2, "url": "HTTPS://site.example/b.jpg#x", "v": "7", "gone": False},
        {"id": 1, "url": "https://site.example/a.jpg", "v": "7", "gone": True},
    ]
    one = export(tmp_path, json.dumps(records), "export.json", said)
    assert list(one.list()) == []
    found = one.found()
    assert [(item.url, item.version) for item in found.photos] == [
        ("https://site.example/b.jpg", "7")
    ]
    assert found.gone == ("https://site.example/a.jpg",)


def test_json_lists_and_lines_with_keys_that_lead_inside(tmp_path):
    said = """
    vultus_mapping = 1
    records = ["result", "assets"]
    [columns]
    id = "id"
    file = ["file", "name"]
    persons = ["meta", "people"]
    caption = ["meta", "caption"]
    """
    meta = {"people": ["Ann Example", " ", "Bob Example"], "caption": "Hello"}
    record = {"id": "x", "file": {"name": "sub\\a.jpg"}, "meta": meta}
    whole = json.dumps({"result": {"assets": [record]}})
    (from_json,) = export(tmp_path, whole, "a.json", said).assets
    lined = said.replace('records = ["result", "assets"]', "")
    (from_lines,) = export(
        tmp_path, "\ufeff" + json.dumps(record) + "\n\n", "a.jsonl", lined
    ).assets
    assert from_json == from_lines
    assert from_json.file == "sub/a.jpg"
    assert from_json.item.beside.persons == ("Ann Example", "Bob Example")
    assert from_json.item.beside.caption_source == "dam:meta.caption"


def test_files_that_are_missing_too_large_or_elsewhere(tmp_path):
    outside = tmp_path / "outside"
    outside.write_bytes(b"secret")
    folder = tmp_path / "folder"
    (folder / "d.jpg").mkdir(parents=True)
    (folder / "b.jpg").write_bytes(b"x" * 101)
    (folder / "c.jpg").symlink_to(outside)
    text = lines("1,a.jpg", "2,b.jpg", "3,c.jpg", "4,d.jpg", header="id,file")
    one = export(folder, text, said=SMALL)
    assert [(stored.place, stored.problem) for stored in one.list()] == [
        ("a.jpg", "photo.unreadable"), ("b.jpg", None), ("c.jpg", "place.link_out_of_source"),
        ("d.jpg", "place.not_a_file"),
    ]  # fmt: skip
    with pytest.raises(RefusedError) as raised:
        one.open("b.jpg")
    assert raised.value.code == "photo.too_many_bytes"
    for place in ("a.jpg", "c.jpg", "d.jpg"):
        with pytest.raises(UnavailableError):
            one.open(place)
    with pytest.raises(UnavailableError):
        DamExport(folder / "none.csv", mapping(), bytes_max=1)
    with pytest.raises(ValueError, match="1 byte"):
        DamExport(folder / "export.csv", small(), bytes_max=0)


# --- encodings and delimiters -------------------------------------------------------------------


@pytest.mark.parametrize(("data", "text"), [
    ("Müller".encode(), "Müller"),
    ("Müller".encode("utf-8-sig"), "Müller"),
    ("Müller".encode("utf-16"), "Müller"),
    (b"\xfe\xff" + "Müller".encode("utf-16-be"), "Müller"),
    ("Müller €".encode("cp1252"), "Müller €"),
    (b"", ""),
])  # fmt: skip
def test_the_encoding_is_told_by_a_rule(data, text):
    assert decoded(data, None) == text


@pytest.mark.parametrize("data", [
    "Müller".encode("utf-16-le"),  # without its mark
    b"\xfc\x81",  # neither UTF-8 nor Windows-1252
    b"\xff\xfea", b"\xef\xbb\xbf\xfc", "Müller".encode("utf-32"),
])  # fmt: skip
def test_an_encoding_that_cannot_be_told(data):
    assert refused(decoded, data, None)[0] == "dam.export"


def test_a_mapping_may_name_the_encoding():
    assert decoded("Müller".encode("utf-16-le"), "utf-16-le") == "Müller"
    assert decoded(b"\xfc", "windows-1252") == "ü"
    assert refused(decoded, b"\xfc", "utf-8")[0] == "dam.export"


@pytest.mark.parametrize(("first", "delimiter"), [
    ("id,file", ","), ("id;file", ";"), ("id\tfile", "\t"), ("id|file", "|"),
    ("id;file;a,b,c,d", ";"), ('"id";"file"', ";"), (' id ,"file"', ","),
    ("id,file,a;b", ","),
])  # fmt: skip
def test_the_delimiter_is_told_by_a_rule(first, delimiter):
    assert delimiter_of(first, small()) == delimiter


@pytest.mark.parametrize("first", ["id", "id:file", "", "ID,file", '"id,file', "id,files"])
def test_a_delimiter_that_cannot_be_told(first):
    assert refused(delimiter_of, first, small())[0] == "dam.export"


def test_a_mapping_may_name_the_delimiter():
    named = read_mapping(b'delimiter = "|"\n' + SMALL)
    assert delimiter_of("id;file", named) == "|"


# --- what is refused, and where it is -----------------------------------------------------------


@pytest.mark.parametrize(("row", "said"), [
    (",b.jpg", "row 3, column 'id'"),
    ("2,", "row 3, column 'file'"),
    ("2,b.jpg,x", "row 3: it has 3 fields of 2"),
    ("2", "row 3: it has 1 fields of 2"),
    ("2,/etc/passwd", "row 3, column 'file'"), ("2,../b.jpg", "row 3, column 'file'"),
    ("2,a/../../b.jpg", "row 3, column 'file'"), ("2,..\\b.jpg", "row 3, column 'file'"),
    ("2,C:\\b.jpg", "row 3, column 'file'"), ("2,a//b.jpg", "row 3, column 'file'"),
    ("2,./b.jpg", "row 3, column 'file'"), ("2,b\x01.jpg", "row 3, column 'file'"),
    ("2,sub/", "row 3, column 'file'"), ("2,\\\\server\\b.jpg", "row 3, column 'file'"),
    ('2,"b.jpg', "row 3: its quotes are broken"), ('2,"b"c', "row 3: its quotes are broken"),
    ("2," + "x" * 10_001, "row 3, column 'file': it is longer"),
    ("2," + "x" * 200_000, "row 3: its quotes are broken, or a field is too long"),
])  # fmt: skip
def test_a_record_that_cannot_be_used_is_named_by_row_and_column(row, said):
    data = lines("1,a.jpg", row, header="id,file").encode()
    code, message = refused(read_assets, data, "a.csv", small())
    assert code == "dam.row"
    assert said in message


@pytest.mark.parametrize(("record", "said"), [
    ("[]", "row 2"), ("{", "row 2"), ('{"id": "2", "id": "3"}', "row 2"),
    ('{"id": 1.5, "file": "b"}', "row 2, column 'id'"),
    ('{"id": {}, "file": "b"}', "row 2, column 'id'"),
    ('{"id": ["2"], "file": "b"}', "row 2, column 'id'"),
    ('{"id": "\\ud800", "file": "b"}', "row 2, column 'id'"),
    ('{"id": 1' + "0" * 30 + "}", "row 2, column 'id'"),
    ('{"file": "b"}', "row 2, column 'id'"), ("[" * 100_000, "row 2"), ("\xff", "row 2"),
])  # fmt: skip
def test_a_json_record_that_cannot_be_used(record, said):
    data = b'{"id": "1", "file": "a.jpg"}\n' + record.encode("latin-1")
    code, message = refused(read_assets, data, "a.jsonl", small())
    assert code == "dam.row"
    assert said in message


@pytest.mark.parametrize(("rows", "what"), [
    (("1,a.jpg", "2,b.jpg", "1,c.jpg"), "rows 2 and 4 have the same id"),
    (("1,a.jpg", "2,b.jpg", "3,a.jpg"), "rows 2 and 4 have the same file"),
    (("1,s/a.jpg", "2,s\\a.jpg"), "rows 2 and 3 have the same file"),
])  # fmt: skip
def test_what_comes_twice_is_refused_with_both_rows(rows, what):
    data = lines(*rows, header="id,file").encode()
    code, message = refused(read_assets, data, "a.csv", small())
    assert code == "dam.twice"
    assert what in message


def test_urls_are_compared_in_their_one_spelling():
    said = read_mapping(b'vultus_mapping = 1\n[columns]\nid = "id"\nurl = "url"\n')
    data = lines("1,https://a.example/x", "2,HTTPS://A.example:443/x#y", header="id,url").encode()
    assert refused(read_assets, data, "a.csv", said)[0] == "dam.twice"
    for url in ("ftp://a.example/", "https://u:p@a.example/", "a.jpg"):
        data = lines(f"1,{url}", header="id,url").encode()
        assert "row 2, column 'url'" in refused(read_assets, data, "a.csv", said)[1]


@pytest.mark.parametrize(("data", "name"), [
    (b"", "a.csv"), (b"id\n", "a.csv"), (b"id,file,id\n", "a.csv"), (b"id,file\n", "a.xlsx"),
    (b"{}", "a.json"), (b"5", "a.json"), (b"", "a.json"), (b'{"a": [], "a": []}', "a.json"),
    (b"[" * 100_000, "a.json"),
])  # fmt: skip
def test_an_export_that_cannot_be_read_as_a_whole(data, name):
    assert refused(read_assets, data, name, small())[0] == "dam.export"


def test_keys_that_lead_inside_are_for_json_only():
    said = read_mapping(SMALL.replace(b'"file"', b'["a", "b"]'))
    assert refused(read_assets, b"id,a\n", "a.csv", said)[0] == "dam.export"


# --- dates --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("written", "form", "date", "precision"), [
    ("2026", None, "2026", "year"), ("2026-11", None, "2026-11", "month"),
    ("2026-11-24", None, "2026-11-24", "day"),
    ("2026-11-24T13:14", None, "2026-11-24T13:14:00", "second"),
    ("2026-11-24 13:14:15.678", None, "2026-11-24T13:14:15", "second"),
    ("2026-11-24T13:14:15Z", None, "2026-11-24T13:14:15Z", "second"),
    ("2026-11-24T13:14:15+02:00", None, "2026-11-24T11:14:15Z", "second"),
    ("24.11.2026", "%d.%m.%Y", "2026-11-24", "day"), ("11/2026", "%m/%Y", "2026-11", "month"),
    ("24 November 2026 13:14", "%d %B %Y %H:%M", "2026-11-24T13:14:00", "second"),
    ("2026", "%Y", "2026", "year"),
])  # fmt: skip
def test_dates_and_how_precise_they_are(written, form, date, precision):
    assert date_of(written, form) == (date, precision)


@pytest.mark.parametrize(("written", "form"), [
    ("24/11/2026", None), ("2026-13", None), ("2026-02-30", None), ("20261124", None),
    ("2026-11-24", "%d/%m/%Y"), ("31/02/2026", "%d/%m/%Y"), ("2026-W01", None), ("٢٠٢٦", None),
])  # fmt: skip
def test_what_is_no_date(written, form):
    with pytest.raises(ValueError, match=r"."):
        date_of(written, form)


def test_a_bad_date_is_named_but_not_of_what_was_withdrawn(tmp_path):
    assert export(tmp_path, lines(ROWS[2])).found().gone == ("c.jpg",)
    code, message = refused(export, tmp_path, lines("1,a.jpg,,,,,,2026-11-24,live"))
    assert code == "dam.row"
    assert "row 2, column 'Taken'" in message


# --- the mapping --------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [
    "", "x = 1", "vultus_mapping = 1", "vultus_mapping = 2\n[columns]\nid = 'a'\nfile = 'b'",
    "vultus_mapping = true\n[columns]\nid = 'a'\nfile = 'b'",
    "vultus_mapping = 1\n[columns]\nid = 'a'", "vultus_mapping = 1\n[columns]\nfile = 'a'",
    "vultus_mapping = 1\n[columns]\nid = 'a'\nfile = 5",
    "vultus_mapping = 1\n[columns]\nid = 'a'\nfile = []",
    "vultus_mapping = 1\n[columns]\nid = 'a'\nfile = ' '",
    "vultus_mapping = 1\n[columns]\nid = 'a'\nfile = 'b'\nname = 'c'",
    "vultus_mapping = 1\ncolumns = 5", "not toml", "\ud800",
]
+ [SMALL.decode() + more for more in (
    "[date]\nformat = '%Y'", "[persons]\nseparator = ';'",  # of columns that are not given
    "date = 'x'\n[date]\nformat = '%d/%m/%y'", "date = 'x'\n[date]\nformat = 'Y'",
    "date = 'x'\n[date]\nformat = '%Y%'", "date = 'x'\n[date]\nform = '%Y'",
    "date = 'x'\n[date]\nformat = '%Y %c'", "date = 'x'\n[date]\nformat = '%Y %Y'",
    "persons = 'x'\n[persons]\nseparator = ''",
    "[withdrawn]\ncolumn = 'x'", "[[withdrawn]]\ncolumn = 'x'\nvalues = []",
    "[[withdrawn]]\nvalues = ['x']", "[[withdrawn]]\ncolumn = 'x'\nvalues = [true]",
    "[[withdrawn]]\ncolumn = 'x'\nvalues = ['x']\nvalue = 'y'",
)]
+ [more + SMALL.decode() for more in (
    "kind = 'xml'\n", "kind = 5\n", "encoding = 'latin-1'\n", "delimiter = ':'\n",
    "records = 5\n", "unknown = 1\n", "records = [5]\n",
)])  # fmt: skip
def test_a_mapping_that_cannot_be_used(text):
    data = text.encode("utf-8", "surrogatepass")
    assert refused(read_mapping, data)[0] == "dam.mapping"


def test_a_mapping_that_is_too_large():
    assert refused(read_mapping, SMALL + b"#" * 70_000)[0] == "dam.mapping"


# --- properties ---------------------------------------------------------------------------------

NAMES = st.text("ab é\"',;|\t-", min_size=1, max_size=8).map(str.strip).filter(
    lambda name: name and not any(ord(one) < 32 for one in name)
)  # fmt: skip


RECORDS = st.lists(
    st.tuples(NAMES, NAMES), unique_by=(lambda one: one[0], lambda one: one[1]), max_size=6
)


@given(
    RECORDS,
    st.sampled_from([",", ";", "\t", "|"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252"]),
    st.sampled_from(["\n", "\r\n"]),
)
def test_what_a_csv_writer_wrote_is_read(records, delimiter, encoding, end):
    file = io.StringIO()
    writer = csv.writer(file, delimiter=delimiter, lineterminator=end)
    writer.writerows([("id", "file"), *records])
    found = read_assets(file.getvalue().encode(encoding), "a.csv", small())
    assert [(one.asset_id, one.file) for one in found] == records
    assert [one.row for one in found] == list(range(2, len(records) + 2))


@given(RECORDS)
def test_json_and_its_lines_tell_the_same(records):
    found = [{"id": one, "file": two} for one, two in records]
    whole = read_assets(json.dumps(found).encode(), "a.json", small())
    lined = read_assets("\n".join(map(json.dumps, found)).encode(), "a.jsonl", small())
    assert whole == lined


@given(st.binary(max_size=200) | st.text('id,file\n";|\t[]{}:1a/.\\', max_size=60).map(str.encode),
       st.sampled_from(["a.csv", "a.json", "a.jsonl"]))  # fmt: skip
def test_any_bytes_are_an_export_or_refused(data, name):
    for prefix in (b"", b"id,file\n"):
        try:
            for asset in read_assets(prefix + data, name, small()):
                assert not {"", ".", ".."} & set(asset.file.split("/"))
        except InputError as error:
            assert error.code in {"dam.export", "dam.row", "dam.twice"}


@given(st.binary(max_size=100))
def test_any_bytes_are_a_mapping_or_refused(data):
    for one in (data, SMALL + data):
        try:
            read_mapping(one)
        except InputError as error:
            assert error.code == "dam.mapping"

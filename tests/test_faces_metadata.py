"""Metadata is read from each block that carries it, in a stated order, and junk is absent."""

import contextlib
import struct
from datetime import datetime, timedelta

import numpy as np
import pytest
from hostile import XMP, iptc_segment, picture, saved
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from vultus.faces.dates import Date, read_date, read_iptc_date
from vultus.faces.iptc import read_iptc
from vultus.faces.metadata import Metadata, read_metadata
from vultus.faces.xmp import read_xmp

IMAGE = picture(np.random.default_rng(1))
JPEG = saved(IMAGE, "JPEG")
OLDEST = datetime.fromisoformat("1800-01-01")
SPACES = (
    'xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" '
    'xmlns:xmp="http://ns.adobe.com/xap/1.0/" '
    'xmlns:xmpRights="http://ns.adobe.com/xap/1.0/rights/" '
    'xmlns:ext="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" '
    'xmlns:cc="http://creativecommons.org/ns#" xmlns:plus="http://ns.useplus.org/ldf/xmp/1.0/" '
    'xmlns:dc="http://purl.org/dc/elements/1.1/" '
    'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"'
)
FULL = f"""<dc:title {SPACES}><rdf:Alt><rdf:li xml:lang="fr">Titre</rdf:li>
<rdf:li xml:lang="x-default">Title</rdf:li></rdf:Alt></dc:title>
<dc:description {SPACES}><rdf:Alt><rdf:li xml:lang="x-default">Two at the gate</rdf:li></rdf:Alt>
</dc:description>
<dc:creator {SPACES}><rdf:Seq><rdf:li>A. Maker</rdf:li></rdf:Seq></dc:creator>
<photoshop:Credit {SPACES}>The Agency</photoshop:Credit>
<photoshop:DateCreated {SPACES}>2019-05-04T10:11:12+02:00</photoshop:DateCreated>
<ext:PersonInImage {SPACES}><rdf:Bag><rdf:li>Ada One</rdf:li><rdf:li>Ben Two</rdf:li></rdf:Bag>
</ext:PersonInImage>
<ext:PersonInImageWDetails {SPACES}><rdf:Bag><rdf:li rdf:parseType="Resource"><ext:PersonName>
<rdf:Alt><rdf:li xml:lang="x-default">Cy Three</rdf:li></rdf:Alt></ext:PersonName></rdf:li>
</rdf:Bag></ext:PersonInImageWDetails>
<dc:rights {SPACES}><rdf:Alt><rdf:li xml:lang="x-default">(c) The Agency</rdf:li></rdf:Alt>
</dc:rights>
<xmpRights:WebStatement {SPACES}>https://example.org/terms</xmpRights:WebStatement>
<xmpRights:UsageTerms {SPACES}><rdf:Alt><rdf:li xml:lang="x-default">Ask</rdf:li></rdf:Alt>
</xmpRights:UsageTerms>
<cc:license {SPACES} rdf:resource="https://creativecommons.org/licenses/by/4.0/"/>
<plus:DataMining {SPACES}>http://ns.useplus.org/ldf/vocab/DMI-PROHIBITED</plus:DataMining>"""
EXPECTED = Metadata(
    title="Title", caption="Two at the gate", caption_source="xmp:dc:description",
    credit="The Agency", date="2019-05-04T10:11:12+02:00", date_precision="second",
    date_source="xmp:photoshop:DateCreated", persons=("Ada One", "Ben Two", "Cy Three"),
    rights="(c) The Agency", licence="https://creativecommons.org/licenses/by/4.0/",
    web_statement="https://example.org/terms", usage_terms="Ask",
    data_mining="http://ns.useplus.org/ldf/vocab/DMI-PROHIBITED",
)  # fmt: skip


def with_segment(marker: int, content: bytes, jpeg: bytes = JPEG) -> bytes:
    return jpeg[:2] + struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content + jpeg[2:]


def with_xmp(form: str, packet: str) -> bytes:
    data = packet.encode()
    if form == "JPEG":
        return with_segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + data)
    if form == "PNG":
        info = PngImagePlugin.PngInfo()
        info.add_itxt("XML:com.adobe.xmp", packet)
        return saved(IMAGE, "PNG", pnginfo=info)
    if form == "TIFF":
        return saved(IMAGE, "TIFF", tiffinfo={700: data})
    return saved(IMAGE, form, xmp=data)


def dataset(record: int, number: int, text: bytes) -> bytes:
    return struct.pack(">BBBH", 0x1C, record, number, len(text)) + text


def with_iptc(*fields: tuple[int, bytes], utf8: bool = True) -> bytes:
    block = dataset(1, 90, b"\x1b%G") if utf8 else b""
    block += b"".join(dataset(2, number, text) for number, text in fields)
    return with_segment(0xED, iptc_segment(block))


def with_exif(main: dict, sub: dict | None = None, form: str = "JPEG") -> bytes:
    exif = Image.Exif()
    exif.update(main)
    if sub:
        exif.get_ifd(0x8769).update(sub)
    return saved(IMAGE, form, exif=exif.tobytes())


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_xmp_in_every_container(form: str) -> None:
    assert read_metadata(with_xmp(form, XMP % FULL)) == EXPECTED


def test_xmp_behind_the_pixels_is_found() -> None:
    png = saved(IMAGE, "PNG")
    text = b"XML:com.adobe.xmp\0\0\0\0\0" + (XMP % FULL).encode()
    chunk = struct.pack(">I", len(text)) + b"iTXt" + text + bytes(4)
    assert read_metadata(png[:-12] + chunk + png[-12:]).caption == "Two at the gate"


def test_xmp_as_attributes() -> None:
    packet = (XMP % "").replace(
        "<rdf:Description ", f'<rdf:Description {SPACES} photoshop:Credit="Desk" '
    )
    packet = packet.replace('xmlns:dc="http://purl.org/dc/elements/1.1/"', "", 1)
    packet = packet.replace('xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"', "", 1)
    packet = packet.replace("<rdf:RDF", f"<rdf:RDF {SPACES}", 1)
    assert read_metadata(with_xmp("JPEG", packet)).credit == "Desk"


def test_iptc() -> None:
    data = with_iptc(
        (5, "Fête".encode()), (120, b"A caption"), (110, b"Desk"), (55, b"20190504"),
        (60, b"101112+0200"), (116, b"(c) Desk"),
    )  # fmt: skip
    assert read_metadata(data) == Metadata(
        title="Fête", caption="A caption", caption_source="iptc:2:120", credit="Desk",
        date="2019-05-04T10:11:12+02:00", date_precision="second", date_source="iptc:2:55",
        rights="(c) Desk",
    )  # fmt: skip


def test_iptc_in_tiff() -> None:
    block = dataset(2, 120, b"A caption")
    assert read_metadata(saved(IMAGE, "TIFF", tiffinfo={33723: block})).caption == "A caption"


@pytest.mark.parametrize("text", ["Café", "Größe"])
def test_iptc_without_a_declared_character_set(text: str) -> None:
    for encoding in ("utf-8", "cp1252"):
        assert read_metadata(with_iptc((120, text.encode(encoding)), utf8=False)).caption == text


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_exif(form: str) -> None:
    data = with_exif(
        {
            0x010E: "A caption",
            0x013B: "A. Maker",
            0x8298: "(c) Maker",
            0x0132: "2020:01:02 03:04:05",
        },
        {0x9003: "2019:05:04 10:11:12", 0x9011: "+02:00"},
        form,
    )  # fmt: skip
    assert read_metadata(data) == Metadata(
        caption="A caption", caption_source="exif:ImageDescription", credit="A. Maker",
        date="2019-05-04T10:11:12+02:00", date_precision="second",
        date_source="exif:DateTimeOriginal", rights="(c) Maker",
    )  # fmt: skip


@pytest.mark.parametrize("text", ["OLYMPUS DIGITAL CAMERA         ", "SONY DSC", "DCIM100MEDIA"])
def test_what_a_camera_writes_by_itself_is_no_caption(text: str) -> None:
    assert read_metadata(with_exif({0x010E: text})).caption is None


def test_dates_in_their_order() -> None:
    exif = {"main": {0x0132: "2020:01:02 03:04:05"}, "sub": {0x9003: "2019:05:04 10:11:12"}}
    jpeg = with_exif(exif["main"])
    assert read_metadata(jpeg).date_source == "exif:DateTime"
    jpeg = with_exif(**exif)
    assert read_metadata(jpeg).date_source == "exif:DateTimeOriginal"
    jpeg = with_segment(0xED, iptc_segment(dataset(2, 55, b"20180000")), jpeg)
    found = read_metadata(jpeg)
    assert (found.date, found.date_precision, found.date_source) == ("2018", "year", "iptc:2:55")
    packet = XMP % f"<photoshop:DateCreated {SPACES}>2017-03</photoshop:DateCreated>"
    jpeg = with_segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + packet.encode(), jpeg)
    found = read_metadata(jpeg)
    assert (found.date, found.date_precision) == ("2017-03", "month")
    assert found.date_source == "xmp:photoshop:DateCreated"


def test_a_broken_block_is_named_and_the_others_are_read() -> None:
    """Who must know a reservation of rights cannot take an unreadable block for silence."""
    jpeg = with_segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta", with_iptc((120, b"C")))
    found = read_metadata(jpeg)
    assert found.unreadable == ("xmp",)
    assert found.caption == "C"


def test_entities_are_never_followed() -> None:
    packet = (
        '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>' + XMP % "<dc:title>&e;</dc:title>"
    )
    found = read_metadata(with_xmp("WEBP", packet))
    assert found.title is None
    assert found.unreadable == ("xmp",)
    with pytest.raises(ValueError, match="DTDForbidden"):
        read_xmp(packet.encode())


def test_texts_are_bounded_and_hold_no_control_characters() -> None:
    found = read_metadata(with_iptc((120, b"a\x00\x07b\nc" + b"x" * 20_000)))
    assert found.caption.startswith("ab\ncxx")
    assert len(found.caption) <= 10_000


@pytest.mark.parametrize(
    ("written", "date"),
    [
        ("2019", Date("2019", "year")),
        ("2019-05", Date("2019-05", "month")),
        ("2019-05-04", Date("2019-05-04", "day")),
        ("2019:05:04 10:11:12", Date("2019-05-04T10:11:12", "second")),
        ("2019-05-04T10:11:12.25Z", Date("2019-05-04T10:11:12+00:00", "second")),
        ("2019-05-04T10:11", Date("2019-05-04", "day")),
        ("2019:00:00 00:00:00", Date("2019", "year")),
        ("2019:05:04 25:61:00", Date("2019-05-04", "day")),
        ("2019-02-30", None),
        ("2019-13", None),
        ("0000:00:00 00:00:00", None),
        ("    :  :     :  :  ", None),
        ("yesterday", None),
        ("", None),
        ("٢٠١٩", None),
    ],
)
def test_dates(written: str, date: Date | None) -> None:
    assert read_date(written) == date


@given(st.integers(0, 400 * 365 * 86400).map(lambda s: OLDEST + timedelta(seconds=s)))
def test_dates_survive_both_spellings(moment: datetime) -> None:
    text = moment.isoformat()
    assert read_date(text) == Date(text, "second")
    assert read_date(moment.strftime("%Y:%m:%d %H:%M:%S").rjust(19, "0")) == Date(text, "second")
    day, time = text.replace("-", "").replace(":", "").split("T")
    assert read_iptc_date(day, time) == Date(text, "second")


@given(st.text(max_size=40))
def test_any_text_is_a_date_or_none(text: str) -> None:
    for date in (read_date(text), read_iptc_date(text, text)):
        if date is not None:
            assert datetime.fromisoformat(date.text.ljust(10, "-")[:4] + "-01-01")
            assert date.precision in {"year", "month", "day", "second"}


FIELDS = st.lists(
    st.tuples(st.integers(0, 255), st.integers(0, 255), st.binary(max_size=60)), max_size=20
)


@given(FIELDS)
def test_iptc_round_trip(fields: list) -> None:
    block = b"".join(dataset(*field) for field in fields)
    found = read_iptc(block)
    assert sum(len(texts) for texts in found.values()) == len(fields)
    for record, number, text in fields:
        if text.isascii() and (record, number) != (1, 90):
            assert text.decode() in found[record, number]


@given(st.binary(max_size=400))
def test_any_bytes_are_iptc_or_nothing(block: bytes) -> None:
    for texts in read_iptc(block).values():
        assert all(isinstance(text, str) for text in texts)


@given(st.binary(max_size=400))
def test_any_bytes_are_xmp_or_a_value_error(packet: bytes) -> None:
    with contextlib.suppress(ValueError):
        assert isinstance(read_xmp(packet), dict)


@given(st.binary(max_size=300), st.sampled_from([0xE1, 0xED]), st.sampled_from(
    [b"", b"Exif\0\0", b"Exif\0\0II*\0\x08\0\0\0", b"http://ns.adobe.com/xap/1.0/\0",
     b"Photoshop 3.0\0", b"Photoshop 3.0\x008BIM\x04\x04\0\0\0\0\0\x50"]))  # fmt: skip
def test_any_segment_gives_metadata(content: bytes, marker: int, begin: bytes) -> None:
    assert isinstance(read_metadata(with_segment(marker, begin + content)), Metadata)


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(1, 255)), max_size=8))
def test_any_damage_gives_metadata(damage: list) -> None:
    data = bytearray(RICH)
    for place, value in damage:
        data[place % len(data)] ^= value
    assert isinstance(read_metadata(bytes(data)), Metadata)


RICH = with_segment(
    0xE1, b"http://ns.adobe.com/xap/1.0/\0" + (XMP % FULL).encode(), with_iptc((120, b"C"))
)


@pytest.mark.parametrize("data", [b"", b"no photo", b"\xff\xd8\xff", JPEG[:300]])
def test_no_photo_has_no_metadata(data: bytes) -> None:
    assert read_metadata(data) == Metadata()

"""What a photo's own metadata says: title, caption, credit, date, persons, rights.

Where several fields say the same thing, the first of these that is readable counts:

title     XMP dc:title, IPTC 2:05, XMP photoshop:Headline, IPTC 2:105, EXIF XPTitle, PNG Title
caption   XMP dc:description, IPTC 2:120, EXIF ImageDescription, UserComment, PNG Description
credit    XMP photoshop:Credit, IPTC 2:110, XMP dc:creator, IPTC 2:80, EXIF Artist, PNG Author
date      XMP photoshop:DateCreated, IPTC 2:55 with 2:60, EXIF DateTimeOriginal,
          XMP exif:DateTimeOriginal, XMP xmp:CreateDate, EXIF DateTime
rights    XMP dc:rights, IPTC 2:116, EXIF Copyright, PNG Copyright

Nothing here raises on junk: a field that cannot be read is absent, and a block that cannot be
read is named in `unreadable`, so that who must know a reservation of rights can say no.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from PIL import Image

from vultus.faces.dates import Date, read_date, read_iptc_date
from vultus.faces.iptc import read_iptc
from vultus.faces.photo import open_image, quiet
from vultus.faces.xmp import read_xmp

MAX_TEXT = 10_000  # characters of a field; the rest is cut
MAX_PERSONS = 200
EXIF_IFD = 0x8769
# What cameras write into ImageDescription by themselves.
CAMERA_CAPTION = re.compile(
    r"(?i)^(olympus digital camera|sony dsc|minolta digital camera|kodak digital still camera"
    r"|digital camera|samsung|dcim\S*|dsc\S*|img_?\d+|default|exif_jpeg_picture|jpeg|untitled)\s*$"
)
CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True)
class Metadata:
    """Texts as they stand, stripped; None where absent. The sources are named as in the table
    above, such as `xmp:dc:description`, `iptc:2:120`, `exif:DateTime`.

    `date` is ISO 8601 as far as it is known, `date_precision` year, month, day or second.
    `licence` is cc:license, `web_statement` and `usage_terms` those of xmpRights, `data_mining`
    the value of plus:DataMining. `unreadable` names blocks (exif, iptc, xmp) that are there but
    cannot be read.
    """

    title: str | None = None
    caption: str | None = None
    caption_source: str | None = None
    credit: str | None = None
    date: str | None = None
    date_precision: str | None = None
    date_source: str | None = None
    persons: tuple[str, ...] = ()
    rights: str | None = None
    licence: str | None = None
    web_statement: str | None = None
    usage_terms: str | None = None
    data_mining: str | None = None
    unreadable: tuple[str, ...] = ()


def read_metadata(data: bytes) -> Metadata:
    """Read what a photo's metadata says. Never raises on what a file may hold."""
    with quiet():
        fields, unreadable = _fields(data)

    def first(*names: str) -> tuple[str | None, str | None]:
        for name in names:
            for text in fields.get(name, ()):
                if text:
                    return text, name
        return None, None

    caption, caption_source = first(
        "xmp:dc:description", "iptc:2:120", "exif:ImageDescription", "exif:UserComment",
        "png:Description",
    )  # fmt: skip
    date, date_source = _date(fields)
    persons = (
        *fields.get("xmp:Iptc4xmpExt:PersonInImage", ()),
        *fields.get("xmp:Iptc4xmpExt:PersonInImageWDetails", ()),
    )
    return Metadata(
        title=first(
            "xmp:dc:title", "iptc:2:5", "xmp:photoshop:Headline", "iptc:2:105", "exif:XPTitle",
            "png:Title",
        )[0],
        caption=caption,
        caption_source=caption_source,
        credit=first(
            "xmp:photoshop:Credit", "iptc:2:110", "xmp:dc:creator", "iptc:2:80", "exif:Artist",
            "png:Author",
        )[0],
        date=date.text if date else None,
        date_precision=date.precision if date else None,
        date_source=date_source,
        persons=tuple(dict.fromkeys(name for name in persons if name))[:MAX_PERSONS],
        rights=first("xmp:dc:rights", "iptc:2:116", "exif:Copyright", "png:Copyright")[0],
        licence=first("xmp:cc:license")[0],
        web_statement=first("xmp:xmpRights:WebStatement")[0],
        usage_terms=first("xmp:xmpRights:UsageTerms")[0],
        data_mining=first("xmp:plus:DataMining")[0],
        unreadable=unreadable,
    )  # fmt: skip


def _fields(data: bytes) -> tuple[dict[str, list[str]], tuple[str, ...]]:
    """Return all texts by field, and the names of the blocks that could not be read."""
    try:
        image = open_image(data)
    except Exception:  # noqa: BLE001 whatever a hostile file makes a decoder raise
        return {}, ()
    fields: dict[str, list[str]] = {}
    unreadable = []
    for name, read in (("xmp", _xmp), ("iptc", _iptc), ("exif", _exif), ("png", _png)):
        try:
            found = read(image, data)
        except Exception:  # noqa: BLE001 as above
            unreadable.append(name)
            continue
        for field, texts in found.items():
            fields[f"{name}:{field}"] = [_clean(text) for text in texts]
    return fields, tuple(unreadable)


def _clean(text: str) -> str:
    return CONTROLS.sub("", text[:MAX_TEXT]).strip()


def _date(fields: dict[str, list[str]]) -> tuple[Date | None, str | None]:
    def text(name: str) -> str:
        return next(iter(fields.get(name, ())), "")

    zone = text("exif:OffsetTimeOriginal")
    zone = zone if re.fullmatch(r"[+-]\d{2}:\d{2}", zone) else ""
    original = text("exif:DateTimeOriginal")
    attempts = (
        ("xmp:photoshop:DateCreated", read_date(text("xmp:photoshop:DateCreated"))),
        ("iptc:2:55", read_iptc_date(text("iptc:2:55"), text("iptc:2:60"))),
        ("exif:DateTimeOriginal", read_date(original + zone) or read_date(original)),
        *((name, read_date(text(name))) for name in (
            "xmp:exif:DateTimeOriginal", "xmp:xmp:CreateDate", "exif:DateTime",
        )),
    )  # fmt: skip
    return next(((date, name) for name, date in attempts if date), (None, None))


def _xmp(image: Image.Image, data: bytes) -> dict[str, list[str]]:
    packet = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp")
    if packet is None and image.format == "TIFF":
        packet = getattr(image, "tag_v2", {}).get(700)
    if packet is None:  # Pillow does not look behind a PNG's pixels, nor into a GIF
        start = data.find(b"<x:xmpmeta")
        end = data.find(b"</x:xmpmeta>", start) if start >= 0 else -1
        if end < 0:
            return {}
        packet = data[start : end + len(b"</x:xmpmeta>")]
    return read_xmp(packet.encode() if isinstance(packet, str) else bytes(packet))


def _iptc(image: Image.Image, _: bytes) -> dict[str, list[str]]:
    if image.format == "TIFF":
        block = getattr(image, "tag_v2", {}).get(33723)
        if isinstance(block, Iterable) and not isinstance(block, bytes):
            block = b"".join(int(word).to_bytes(4, "little") for word in block)
    else:
        resources = image.info.get("photoshop")
        block = resources.get(0x0404) if isinstance(resources, dict) else None
    found = read_iptc(bytes(block)) if block else {}
    return {f"{record}:{dataset}": texts for (record, dataset), texts in found.items()}


def _exif(image: Image.Image, _: bytes) -> dict[str, list[str]]:
    exif = image.getexif()
    main, sub = dict(exif), dict(exif.get_ifd(EXIF_IFD))
    places = (
        ("ImageDescription", main, 0x010E), ("Artist", main, 0x013B), ("Copyright", main, 0x8298),
        ("DateTime", main, 0x0132), ("XPTitle", main, 0x9C9B),
        ("DateTimeOriginal", sub, 0x9003), ("OffsetTimeOriginal", sub, 0x9011),
        ("UserComment", sub, 0x9286),
    )  # fmt: skip
    found = {name: [_exif_text(name, ifd.get(tag))] for name, ifd, tag in places if tag in ifd}
    if CAMERA_CAPTION.match(found.get("ImageDescription", [""])[0].strip("\0 ")):
        del found["ImageDescription"]
    return found


def _exif_text(name: str, value: object) -> str:
    """Decode a text of EXIF; UserComment begins with eight bytes that name its encoding."""
    if name == "XPTitle" and isinstance(value, bytes | tuple):
        return bytes(value).decode("utf-16-le", "replace")
    if name == "UserComment" and isinstance(value, bytes):
        encoding, value = value[:8], value[8:]
        if encoding == b"UNICODE\0":
            return value.decode("utf-16-be" if value[:1] == b"\0" else "utf-16-le", "replace")
        return value.decode("utf-8", "replace") if encoding in (b"ASCII\0\0\0", bytes(8)) else ""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if not isinstance(value, str):
        return ""
    try:
        return value.encode("latin-1").decode("utf-8")  # Pillow takes all text for Latin-1
    except UnicodeError:
        return value


def _png(image: Image.Image, _: bytes) -> dict[str, list[str]]:
    names = ("Title", "Description", "Author", "Copyright")
    found = {name: image.info.get(name) for name in names} if image.format == "PNG" else {}
    return {name: [str(text)] for name, text in found.items() if isinstance(text, str)}

"""Finishing: from rendered light to a file with grain, compression, caption, date and credit."""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

import cv2
import numpy as np
import piexif
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin
from scipy.ndimage import gaussian_filter

from demo.assets import Floats
from demo.render import Frame

Pixels = NDArray[np.uint8]
PACKET = "W5M0MpCehiHzreSzNTczkc9d"
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
NAMESPACES = {
    "dc": "http://purl.org/dc/elements/1.1/",
    "photoshop": "http://ns.adobe.com/photoshop/1.0/",
    "xmpRights": "http://ns.adobe.com/xap/1.0/rights/",
    "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
}
CC0 = "https://creativecommons.org/publicdomain/zero/1.0/"
SYNTHETIC = "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCreation"


@dataclass(frozen=True)
class Taste:
    """How one photo was developed."""

    exposure: float = 1.0
    balance: tuple[float, float, float] = (1.0, 1.0, 1.0)
    contrast: float = 1.0
    blur: float = 0.35
    grain: float = 0.006
    backdrop: float = 0.8


@dataclass(frozen=True)
class Caption:
    """What is written into a file; `date` is YYYY, YYYY-MM or YYYY-MM-DD.

    A date known to the day becomes DateTimeOriginal.
    """

    title: str
    text: str
    credit: str
    creator: str
    source: str
    licence: str
    date: str
    time: str = "12:00:00"
    place: str = ""
    people: list[str] = field(default_factory=list)


def develop(
    frame: Frame,
    backdrop: Floats,
    faces: list[tuple[float, float, float, float]],
    skin: float,
    taste: Taste,
    rng: np.random.Generator,
) -> Pixels:
    """Expose for the faces, lay sitters over the backdrop, tone, add grain; RGB (h, w, 3)."""
    light, cover = frame.light, frame.coverage[..., None]
    values = []
    for x, y, w, h in faces:
        area = light[
            max(int(y + 0.25 * h), 0) : int(y + 0.85 * h),
            max(int(x + 0.2 * w), 0) : int(x + 0.8 * w),
        ]
        if area.size:
            values.append(np.median(area.mean(-1)))
    goal = 0.36 * (1 - 0.62 * skin**0.9) * taste.exposure
    light = light * min(goal / max(float(np.mean(values)), 1e-3), 0.5 / max(values))
    picture = (light + (1 - cover) * backdrop * taste.backdrop) * np.array(taste.balance)
    picture = np.where(
        picture < 0.55, picture, 0.55 + 0.45 * (1 - np.exp(-(picture - 0.55) / 0.45))
    )
    picture = np.clip(picture, 0, 1)
    tone = np.where(
        picture < 0.0031308, picture * 12.92, 1.055 * np.maximum(picture, 1e-9) ** (1 / 2.4) - 0.055
    )
    tone = np.clip(0.5 + (tone - 0.5) * taste.contrast, 0, 1)
    tone = gaussian_filter(tone, (taste.blur, taste.blur, 0))
    noise = rng.normal(size=tone.shape) * 0.5 + rng.normal(size=(*tone.shape[:2], 1))
    tone = tone + taste.grain * gaussian_filter(noise, (0.5, 0.5, 0)) * 1.4
    return np.asarray(np.clip(tone * 255 + 0.5, 0, 255), np.uint8)


def grey(rgb: Pixels) -> Pixels:
    """Black and white on three equal channels."""
    return np.repeat(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)


def newsprint(
    rgb: Pixels, rng: np.random.Generator, pitch: float = 2.6, softness: float = 0.7
) -> Pixels:
    """A halftone screen at 45 degrees on yellowed paper, as in a scanned cutting."""
    scale = 3
    height, width = rgb.shape[:2]
    value = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(float) / 255
    low, high = np.quantile(value, [0.01, 0.99])
    value = np.clip(0.06 + 0.90 * (value - low) / max(high - low, 0.1), 0, 1)
    value = cv2.resize(value, (width * scale, height * scale), interpolation=cv2.INTER_CUBIC)
    y, x = np.mgrid[: height * scale, : width * scale] * (2 * np.pi / (pitch * scale))
    screen = 0.5 + 0.25 * (np.cos((x + y) / np.sqrt(2)) + np.cos((x - y) / np.sqrt(2)))
    ink = 1 / (1 + np.exp((value - screen) * 8))
    ink = gaussian_filter(cv2.resize(ink, (width, height), interpolation=cv2.INTER_AREA), softness)
    paper = np.array([232, 224, 204]) * (1 + 0.02 * rng.normal(size=ink.shape))[..., None]
    return np.asarray(np.clip(paper * (1 - 0.88 * ink[..., None]), 0, 255), np.uint8)


def exif(c: Caption, orientation: int = 1) -> bytes:
    """EXIF with description, artist, copyright and, for a full date, DateTimeOriginal."""
    zeroth = {
        piexif.ImageIFD.ImageDescription: c.text.encode("ascii", "replace"),
        piexif.ImageIFD.Artist: c.creator.encode("ascii", "replace"),
        piexif.ImageIFD.Copyright: c.licence.encode("ascii", "replace"),
        piexif.ImageIFD.Orientation: orientation,
    }
    taken = {}
    if len(c.date) == 10:
        taken[piexif.ExifIFD.DateTimeOriginal] = f"{c.date.replace('-', ':')} {c.time}".encode()
    return bytes(piexif.dump({"0th": zeroth, "Exif": taken}))


def iptc(c: Caption) -> bytes:
    """An APP13 segment with IPTC-IIM records in UTF-8 (ISO 2022 mark in 1:90)."""

    def record(section: int, number: int, value: bytes) -> bytes:
        return struct.pack(">BBBH", 0x1C, section, number, len(value)) + value

    day = (c.date.replace("-", "") + "0000")[:8]
    fields = [
        (5, c.title),
        (55, day),
        (80, c.creator),
        (90, c.place),
        (105, c.title),
        (110, c.credit),
        (115, c.source),
        (116, c.licence),
        (120, c.text),
    ]
    data = record(1, 90, b"\x1b%G") + record(2, 0, b"\x00\x04")
    data += b"".join(record(2, n, v.encode()) for n, v in fields if v)
    block = (
        b"8BIM"
        + struct.pack(">HBBI", 0x0404, 0, 0, len(data))
        + data
        + (b"\x00" if len(data) % 2 else b"")
    )
    body = b"Photoshop 3.0\x00" + block
    return b"\xff\xed" + struct.pack(">H", len(body) + 2) + body


def xmp(c: Caption) -> bytes:
    """An XMP packet with Dublin Core, Photoshop, IPTC Extension and rights fields."""
    e = escape
    people = "".join(f"<rdf:li>{e(n)}</rdf:li>" for n in c.people)
    shown = (
        f"<Iptc4xmpExt:PersonInImage><rdf:Bag>{people}</rdf:Bag></Iptc4xmpExt:PersonInImage>"
        if people
        else ""
    )

    def alt(tag: str, value: str) -> str:
        item = f'<rdf:li xml:lang="x-default">{e(value)}</rdf:li>'
        return f"<{tag}><rdf:Alt>{item}</rdf:Alt></{tag}>"

    spaces = " ".join(f'xmlns:{name}="{uri}"' for name, uri in NAMESPACES.items())
    return (
        f'<?xpacket begin="\ufeff" id="{PACKET}"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
        f'<rdf:RDF xmlns:rdf="{RDF}"><rdf:Description rdf:about="" {spaces}>'
        f"{alt('dc:title', c.title)}{alt('dc:description', c.text)}{alt('dc:rights', c.licence)}"
        f"<dc:creator><rdf:Seq><rdf:li>{e(c.creator)}</rdf:li></rdf:Seq></dc:creator>"
        f"<photoshop:DateCreated>{e(c.date)}</photoshop:DateCreated><photoshop:Credit>{e(c.credit)}</photoshop:Credit>"
        f"<photoshop:Source>{e(c.source)}</photoshop:Source><photoshop:City>{e(c.place)}</photoshop:City>"
        f"<Iptc4xmpExt:DigitalSourceType>{SYNTHETIC}</Iptc4xmpExt:DigitalSourceType>"
        f"<xmpRights:WebStatement>{CC0}</xmpRights:WebStatement>"
        f'{shown}</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
    ).encode()


def encode(
    rgb: Pixels,
    kind: str,
    quality: int,
    caption: Caption | None,
    orientation: int = 1,
    one_channel: bool = False,
) -> bytes:
    """The bytes of a JPEG, PNG or WebP with its caption written into it; None leaves it bare."""
    turned = {1: 0, 6: 1, 3: 2, 8: 3}[orientation]
    image = Image.fromarray(np.ascontiguousarray(np.rot90(rgb, turned)))
    if one_channel:
        image = image.convert("L")
    out = io.BytesIO()
    if caption is None:
        image.save(out, kind, quality=quality)
    elif kind == "JPEG":
        image.save(
            out,
            kind,
            quality=quality,
            exif=exif(caption, orientation),
            xmp=xmp(caption),
            extra=iptc(caption),
            optimize=True,
        )
    elif kind == "WEBP":
        image.save(
            out, kind, quality=quality, exif=exif(caption, orientation), xmp=xmp(caption), method=6
        )
    else:
        text = PngImagePlugin.PngInfo()
        text.add_itxt("XML:com.adobe.xmp", xmp(caption).decode())
        image.save(out, kind, pnginfo=text, optimize=True)
    return out.getvalue()

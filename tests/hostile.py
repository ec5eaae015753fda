"""Files that no photo reader should have to meet, made anew for each test run from a seed.

`make_hostile_files(folder, seed)` writes more than 300 of them and says what may come of each:
the code of a named error, or READ where the photo is odd but good. Whoever reads files for us
(library, command line, page) is fed the same ones.
"""

import io
import os
import socket
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pillow_heif
from PIL import Image, ImageCms, PngImagePlugin

pillow_heif.register_heif_opener()

READ = "read"
BROKEN = frozenset({"photo.damaged", "photo.truncated", "photo.not_a_photo", "photo.empty"})
TOO_LARGE = frozenset({"photo.too_many_pixels"})
# What chance may make of a file: a header that claims a large size is as good as a crash.
ANYTHING = BROKEN | TOO_LARGE | {READ, "photo.too_many_scans", "photo.out_of_memory"}
UNREADABLE = frozenset({"photo.unreadable"})

Made = tuple[str, bytes, frozenset[str]]


@dataclass(frozen=True)
class HostileFile:
    """A file (or what stands in a file's place) and the outcomes that are right for it."""

    path: Path
    expected: frozenset[str]


def make_hostile_files(folder: Path, seed: int) -> list[HostileFile]:
    """Write all hostile files into `folder`, the same ones for the same seed."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    files = []
    for family in FAMILIES:
        for name, data, expected in family(rng):
            path = folder / name
            path.write_bytes(data)
            files.append(HostileFile(path, expected))
    files.extend(_not_files(folder))
    return files


def picture(rng: np.random.Generator, width: int = 96, height: int = 80) -> Image.Image:
    """Return a small colourful picture without a face."""
    y, x = np.mgrid[:height, :width]
    waves = [128 + 90 * np.sin(x / (5 + i) + y / (7 - i) + rng.uniform(0, 6)) for i in range(3)]
    noise = rng.normal(0, 6, (height, width, 3))
    return Image.fromarray(np.clip(np.stack(waves, 2) + noise, 0, 255).astype(np.uint8))


def saved(image: Image.Image, form: str, **options: object) -> bytes:
    """Return the bytes of a picture saved in one of Pillow's formats."""
    stream = io.BytesIO()
    image.save(stream, form, **options)
    return stream.getvalue()


def _good(rng: np.random.Generator) -> dict[str, bytes]:
    image = picture(rng)
    return {
        "baseline.jpg": saved(image, "JPEG", quality=85),
        "progressive.jpg": saved(image, "JPEG", quality=85, progressive=True),
        "plain.png": saved(image, "PNG"),
        "lossy.webp": saved(image, "WEBP"),
        "lossless.webp": saved(image, "WEBP", lossless=True),
        "raw.tif": saved(image, "TIFF"),
        "lzw.tif": saved(image, "TIFF", compression="tiff_lzw"),
        "jpeg.tif": saved(image, "TIFF", compression="jpeg"),
        "plain.gif": saved(image, "GIF"),
        "plain.bmp": saved(image, "BMP"),
        "plain.avif": saved(image, "AVIF"),
        "plain.heic": saved(image, "HEIF"),
    }


def _truncations(rng: np.random.Generator) -> Iterator[Made]:
    for name, data in _good(rng).items():
        cuts = [1, 3, 11, 30, *(round(len(data) * part) for part in (0.2, 0.4, 0.6, 0.8, 0.95))]
        for cut in cuts:
            # A strip of a TIFF or a line of a GIF may be whole though the file is not.
            whole = {READ} if cut > 30 and not name.endswith((".png", ".jpg")) else set()
            yield f"cut-{cut:06d}-{name}", data[:cut], BROKEN | whole


def _flips(rng: np.random.Generator) -> Iterator[Made]:
    for name, data in _good(rng).items():
        for number in range(7):
            flipped = bytearray(data)
            reach = len(data) if number % 2 else min(len(data), 400)  # headers are worth more
            for place in rng.integers(0, reach, 1 + 3 * number):
                flipped[place] ^= 1 << int(rng.integers(8))
            yield f"flip-{number}-{name}", bytes(flipped), ANYTHING


def png_chunk(kind: bytes, content: bytes) -> bytes:
    """Return a chunk of a PNG with its length and checksum."""
    return (
        struct.pack(">I", len(content)) + kind + content
        + struct.pack(">I", zlib.crc32(kind + content))
    )  # fmt: skip


def png(width: int, height: int, *chunks: bytes, depth: int = 8, colour: int = 2) -> bytes:
    """Return a PNG of the given chunks between header and end."""
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"".join(
        [b"\x89PNG\r\n\x1a\n", png_chunk(b"IHDR", head), *chunks, png_chunk(b"IEND", b"")]
    )


def _tiff(tags: list[tuple[int, int, int, int]], after: int = 0, body: bytes = b"") -> bytes:
    """Return a little-endian TIFF of one directory of (tag, type, count, value or offset)."""
    entries = b"".join(struct.pack("<HHII", *tag) for tag in sorted(tags))
    head = b"II*\0" + struct.pack("<IH", 8, len(tags))
    return head + entries + struct.pack("<I", after) + body


def _tiff_picture(width: int, height: int, **extra: int) -> list[tuple[int, int, int, int]]:
    values = {"offset": 200, "bytes": width * height, "compression": 1, "rows": height, **extra}
    return [
        (256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, 8), (259, 3, 1, values["compression"]),
        (262, 3, 1, 1), (273, 4, 1, values["offset"]), (277, 3, 1, 1),
        (278, 4, 1, values["rows"]), (279, 4, 1, values["bytes"] & 0xFFFFFFFF),
    ]  # fmt: skip


def _bombs(rng: np.random.Generator) -> Iterator[Made]:
    huge = 60_000
    some = png_chunk(b"IDAT", zlib.compress(bytes(1000)))
    zeros = zlib.compress(bytes(80_000_000), 9)
    line = png_chunk(b"IDAT", zlib.compress(bytes(100 * (1 + 3 * 100))))
    bad = BROKEN | TOO_LARGE
    yield "bomb-size.png", png(huge, huge, some), TOO_LARGE
    yield "bomb-zlib-size.png", png(huge, huge, png_chunk(b"IDAT", zeros)), TOO_LARGE
    yield "bomb-int-max.png", png(2**31 - 1, 2**31 - 1, some), bad
    yield "bomb-no-pixels.png", png(0, 0, some), BROKEN
    yield "bomb-pixels-too-many.png", png(100, 100, png_chunk(b"IDAT", zeros)), BROKEN | {READ}
    yield "bomb-one-line.png", png(huge, 1, png_chunk(b"IDAT", zlib.compress(bytes(1)))), BROKEN
    flat = zlib.compress(bytes(5000 * (1 + 5000 // 8)))
    yield (
        "flat-25-megapixels.png",
        png(5000, 5000, png_chunk(b"IDAT", flat), depth=1, colour=0),
        frozenset({READ}),
    )
    for kind, head in (
        (b"zTXt", b"Comment\0\0"),
        (b"iCCP", b"sRGB\0\0"),
        (b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0"),
    ):
        yield (
            f"bomb-{kind.decode()}.png",
            png(100, 100, png_chunk(kind, head + zeros), line),
            BROKEN | {READ},
        )
    many = b"".join(
        png_chunk(b"zTXt", b"k%d\0\0" % i + zlib.compress(bytes(900_000))) for i in range(120)
    )
    yield "bomb-many-zTXt.png", png(100, 100, many, line), BROKEN | {READ}
    yield "bomb-size.tif", _tiff(_tiff_picture(huge, huge), body=bytes(1000)), TOO_LARGE
    gif = bytearray(saved(picture(rng), "GIF"))
    gif[6:10] = struct.pack("<HH", huge, huge)
    yield "bomb-size.gif", bytes(gif), TOO_LARGE
    frame = bytearray(saved(picture(rng), "GIF"))
    place = frame.index(b",", 13 + 3 * 256)
    frame[place + 5 : place + 9] = struct.pack("<HH", huge, huge)
    yield "bomb-frame.gif", bytes(frame), bad | {READ}
    webp = bytearray(
        saved(picture(rng).convert("RGBA"), "WEBP", exif=b"Exif\0\0II*\0\x08\0\0\0\0\0")
    )
    webp[24:30] = (huge - 1).to_bytes(3, "little") * 2
    yield "bomb-size.webp", bytes(webp), bad
    lossless = bytearray(saved(picture(rng), "WEBP", lossless=True))
    lossless[21:25] = (0x3FFF | 0x3FFF << 14).to_bytes(4, "little")
    yield "bomb-lossless.webp", bytes(lossless), bad
    bmp = bytearray(saved(picture(rng), "BMP"))
    bmp[18:26] = struct.pack("<ii", huge, huge)
    yield "bomb-size.bmp", bytes(bmp), TOO_LARGE
    bmp[18:26] = struct.pack("<ii", -96, -(2**31))
    yield "bomb-negative.bmp", bytes(bmp), bad
    for width, height in ((65535, 65535), (0, 0), (65535, 1)):
        jpeg = bytearray(saved(picture(rng), "JPEG"))
        place = jpeg.index(b"\xff\xc0")
        jpeg[place + 5 : place + 9] = struct.pack(">HH", height, width)
        yield f"bomb-{width}x{height}.jpg", bytes(jpeg), bad | {READ}
    for form in ("AVIF", "HEIF"):
        data = bytearray(saved(picture(rng), form))
        place = data.index(b"ispe")
        data[place + 8 : place + 16] = struct.pack(">II", huge, huge)
        yield f"bomb-size.{form.lower()}", bytes(data), bad | {READ}
    scans = saved(picture(rng), "JPEG", progressive=True)
    last = scans.rindex(b"\xff\xda")
    yield (
        "bomb-scans.jpg",
        scans[:last] + scans[last:-2] * 3000 + scans[-2:],
        frozenset({"photo.too_many_scans"}),
    )


def _tiff_tricks(rng: np.random.Generator) -> Iterator[Made]:
    good = _tiff_picture(8, 8)
    body = bytes(200)
    yield "tiff-next-loops.tif", _tiff(good, 8, body), BROKEN | {READ}
    yield "tiff-offset-outside.tif", _tiff(_tiff_picture(64, 64, offset=2**31), 0, body), BROKEN
    yield "tiff-count-huge.tif", _tiff([*good, (270, 2, 2**32 - 1, 8)], 0, body), BROKEN | {READ}
    yield "tiff-no-tags.tif", _tiff([]), BROKEN
    yield (
        "tiff-unknown-compression.tif",
        _tiff(_tiff_picture(8, 8, compression=999), 0, body),
        BROKEN,
    )
    yield "tiff-one-row-strips.tif", _tiff(_tiff_picture(8, 8, rows=0), 0, body), BROKEN | {READ}
    tiled = [(256, 4, 1, 64), (257, 4, 1, 64), (258, 3, 1, 8), (259, 3, 1, 5), (262, 3, 1, 1),
             (277, 3, 1, 1), (322, 4, 1, 2**20), (323, 4, 1, 2**20),
             (324, 4, 1, 200), (325, 4, 1, 50)]  # fmt: skip
    yield "tiff-tile-huge.tif", _tiff(tiled, 0, body), BROKEN | TOO_LARGE | {"photo.out_of_memory"}
    yield "tiff-exif-is-itself.tif", _tiff([*good, (34665, 4, 1, 8)], 0, body), BROKEN | {READ}
    yield "tiff-sub-loops.tif", _tiff([*good, (330, 4, 1, 8)], 0, body), BROKEN | {READ}
    yield "tiff-big.tif", b"II+\0\x08\0\0\0" + struct.pack("<QQ", 16, 2**60), BROKEN
    yield (
        "tiff-samples.tif",
        _tiff([t if t[0] != 277 else (277, 3, 1, 65535) for t in good], 0, body),
        BROKEN | TOO_LARGE,
    )


def _wrong_types(rng: np.random.Generator) -> Iterator[Made]:
    noise = rng.bytes(500)
    kinds = {
        "elf": b"\x7fELF\x02\x01\x01" + bytes(57) + noise,
        "exe": b"MZ\x90\0" + noise,
        "zip": b"PK\x03\x04" + noise,
        "gzip": b"\x1f\x8b\x08" + noise,
        "html": b"<!doctype html><title>x</title><img src=x onerror=alert(1)>",
        "svg": b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><script/></svg>',
        "pdf": b"%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj\n%%EOF\n",
        "postscript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(x) run\n",
        "text": b"This is not a photo.\n" * 20,
        "sqlite": b"SQLite format 3\0" + noise,
        "json": b'{"photo": "none"}',
        "pickle": b"\x80\x04\x95" + noise,
        "shell": b"#!/bin/sh\nexit 1\n",
        "mp4": b"\0\0\0\x18ftypisom\0\0\x02\0isomiso2" + noise,
        "mp3": b"ID3\x03" + noise,
        "ogg": b"OggS" + noise,
        "wav": b"RIFF\xf0\x01\0\0WAVEfmt " + noise,
        "psd": b"8BPS\0\x01" + bytes(6) + b"\0\x03\0\0\0\x08\0\0\0\x08\0\x08\0\x03" + noise,
        "ico": b"\0\0\1\0\1\0\x10\x10\0\0\1\0\x20\0\x68\4\0\0\x16\0\0\0" + noise,
        "pcx": b"\n\5\1\x08" + noise,
        "ppm": b"P6 8 8 255\n" + bytes(192),
        "fits": b"SIMPLE  =                    T" + b" " * 2850,
        "jpeg2000": b"\0\0\0\x0cjP  \r\n\x87\n" + noise,
        "xbm": b"#define x_width 8\n#define x_height 8\nstatic char x_bits[] = {0};",
        "random": b"\x01" + noise,
        "one-byte": b"\xff",
        "zeros": bytes(4096),
        "newline": b"\n",
    }
    for name, data in kinds.items():
        for ending in ("jpg", "png"):
            yield f"type-{name}.{ending}", data, BROKEN
    yield "empty.jpg", b"", frozenset({"photo.empty"})
    yield "empty.heic", b"", frozenset({"photo.empty"})


def _odd_colours(rng: np.random.Generator) -> Iterator[Made]:
    good = frozenset({READ})
    image = picture(rng)
    grey = np.asarray(image.convert("L"))
    holes = np.where(grey > 99, np.nan, grey).astype(np.float32)
    xyz = ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ")).tobytes()
    modes = {
        "grey.jpg": saved(image.convert("L"), "JPEG"),
        "cmyk.jpg": saved(image.convert("CMYK"), "JPEG"),
        "cmyk.tif": saved(image.convert("CMYK"), "TIFF"),
        "lab.tif": saved(_as_lab(image), "TIFF"),
        "ycbcr.tif": saved(image.convert("YCbCr"), "TIFF"),
        "one-bit.png": saved(image.convert("1"), "PNG"),
        "one-bit.tif": saved(image.convert("1"), "TIFF", compression="group4"),
        "palette.png": saved(image.quantize(16), "PNG"),
        "palette-clear.png": saved(image.quantize(16), "PNG", transparency=3),
        "palette-alpha.png": saved(image.quantize(16), "PNG", transparency=bytes(range(16))),
        "palette.bmp": saved(image.quantize(16), "BMP"),
        "grey-alpha.png": saved(image.convert("LA"), "PNG"),
        "alpha.png": saved(_with_alpha(image), "PNG"),
        "alpha.webp": saved(_with_alpha(image), "WEBP"),
        "alpha.tif": saved(_with_alpha(image), "TIFF"),
        "alpha.avif": saved(_with_alpha(image), "AVIF"),
        "alpha.heic": saved(_with_alpha(image), "HEIF"),
        "sixteen.png": saved(Image.fromarray(grey.astype(np.uint16) * 257), "PNG"),
        "sixteen.tif": saved(Image.fromarray(grey.astype(np.uint16) * 257), "TIFF"),
        "thirty-two.tif": saved(Image.fromarray(grey.astype(np.int32) * 257), "TIFF"),
        "float.tif": saved(Image.fromarray(grey.astype(np.float32) / 255), "TIFF"),
        "float-nan.tif": saved(Image.fromarray(holes), "TIFF"),
        "float-inf.tif": saved(Image.fromarray(np.full((9, 9), np.inf, np.float32)), "TIFF"),
        "animated.gif": saved(image, "GIF", save_all=True, append_images=[picture(rng)]),
        "animated.webp": saved(image, "WEBP", save_all=True, append_images=[picture(rng)]),
        "animated.png": saved(image, "PNG", save_all=True, append_images=[picture(rng)]),
        "pages.tif": saved(image, "TIFF", save_all=True, append_images=[picture(rng)]),
        "several.mpo": saved(image, "MPO", save_all=True, append_images=[picture(rng)]),
        "one-pixel.png": saved(image.resize((1, 1)), "PNG"),
        "one-pixel.jpg": saved(image.resize((1, 1)), "JPEG"),
        "one-row.png": saved(image.resize((40_000, 1)), "PNG"),
        "one-column.png": saved(image.resize((1, 40_000)), "PNG"),
        "profile-junk.jpg": saved(image, "JPEG", icc_profile=rng.bytes(4000)),
        "profile-of-grey.jpg": saved(image, "JPEG", icc_profile=xyz),
        "png-named.jpg": saved(image, "PNG"),
        "webp-named.png": saved(image, "WEBP"),
        "no-ending": saved(image, "JPEG"),
        "with-zip-behind.jpg": saved(image, "JPEG") + b"PK\x03\x04" + rng.bytes(300),
        "with-html-behind.png": saved(image, "PNG") + b"<script>alert(1)</script>",
    }  # fmt: skip
    ycck = bytearray(saved(image.convert("CMYK"), "JPEG"))
    place = ycck.index(b"Adobe")
    ycck[place + 11] = 2
    modes["ycck.jpg"] = bytes(ycck)
    for name, data in modes.items():
        yield f"colour-{name}", data, good


def _as_lab(image: Image.Image) -> Image.Image:
    profiles = (ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"))
    return ImageCms.profileToProfile(image, *profiles, outputMode="LAB")


def _with_alpha(image: Image.Image) -> Image.Image:
    clear = image.convert("RGBA")
    clear.putalpha(Image.linear_gradient("L").resize(image.size))
    return clear


def exif_block(orientation: object = 1, order: str = "<", extra: bytes = b"") -> bytes:
    """Return an EXIF block with one tag, the orientation."""
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "IH", 8, 1)
    entry = struct.pack(order + "HHIHH", 0x0112, 3, 1, orientation, 0)
    return b"Exif\0\0" + head + entry + struct.pack(order + "I", 0) + extra


def _exif(rng: np.random.Generator) -> Iterator[Made]:
    good = frozenset({READ})
    image = picture(rng)
    for orientation in (*range(10), 255, 65535):
        for order in "<>":
            name = f"exif-{orientation}-{'little' if order == '<' else 'big'}"
            yield f"{name}.jpg", saved(image, "JPEG", exif=exif_block(orientation, order)), good
    for orientation in range(1, 9):
        block = exif_block(orientation)
        yield f"exif-{orientation}.webp", saved(image, "WEBP", exif=block), good
        yield f"exif-{orientation}.png", saved(image, "PNG", exif=block), good
    loop = struct.pack("<HHII", 0x8769, 4, 1, 8)
    many = b"".join(struct.pack("<HHII", 0x9000 + i, 7, 2**31, 8) for i in range(300))
    junk = {
        "random": b"Exif\0\0" + rng.bytes(2000),
        "empty": b"Exif\0\0",
        "short": b"Exif\0\0II*\0",
        "recursive": b"Exif\0\0II*\0" + struct.pack("<IH", 8, 1) + loop + struct.pack("<I", 8),
        "many-huge": b"Exif\0\0II*\0" + struct.pack("<IH", 8, 300) + many + bytes(4),
        "offset-outside": b"Exif\0\0II*\0" + struct.pack("<I", 2**32 - 1),
        "sixty-thousand": b"Exif\0\0II*\0" + struct.pack("<IH", 8, 65535) + bytes(60_000),
    }
    for name, block in junk.items():
        yield f"exif-{name}.jpg", saved(image, "JPEG", exif=block), good
        yield f"exif-{name}.png", saved(image, "PNG", exif=block), good


XMP = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-'
    'syntax-ns#"><rdf:Description xmlns:dc="http://purl.org/dc/elements/1.1/">%s'
    "</rdf:Description></rdf:RDF></x:xmpmeta>"
)


def _xmp(rng: np.random.Generator) -> Iterator[Made]:
    good = frozenset({READ})
    image = picture(rng)
    laughs = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 12))
    deep = "<rdf:li>" * 100_000
    title, bag = "<dc:title>%s</dc:title>", "<dc:subject><rdf:Bag>%s</rdf:Bag></dc:subject>"
    outside = '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'
    blow_up = f'<!DOCTYPE x [<!ENTITY a "{"a" * 50_000}">]>'
    packets = {
        "laughs": f'<!DOCTYPE x [<!ENTITY l0 "ha">{laughs}]>' + XMP % (title % "&l11;"),
        "outside": outside + XMP % (title % "&e;"),
        "blow-up": blow_up + XMP % (title % ("&a;" * 5000)),
        "deep": XMP % (title % (deep + "</rdf:li>" * 100_000)),
        "unclosed": XMP % ("<dc:title>" + deep),
        "long": XMP % (title % ("x" * 3_000_000)),
        "many": XMP % (bag % ("<rdf:li>x</rdf:li>" * 40_000)),
        "attributes": XMP % ("<dc:title " + " ".join(f'a{i}="x"' for i in range(40_000)) + "/>"),
        "charset": '<?xml version="1.0" encoding="utf-7"?>' + XMP % "",
        "null": XMP % "<dc:title>a\0b</dc:title>",
        "empty": "",
        "text": "no xml",
    }  # fmt: skip
    for name, packet in packets.items():
        info = PngImagePlugin.PngInfo()
        info.add_itxt("XML:com.adobe.xmp", packet)
        yield f"xmp-{name}.png", saved(image, "PNG", pnginfo=info), BROKEN | {READ}
        yield f"xmp-{name}.webp", saved(image, "WEBP", xmp=packet.encode()), good
        if len(packet) < 65_000:
            block = b"http://ns.adobe.com/xap/1.0/\0" + packet.encode()
            yield f"xmp-{name}.jpg", _with_segment(saved(image, "JPEG"), 0xE1, block), good
    for name, packet in (("latin", b"<a>\xe9</a>"), ("utf16", (XMP % "").encode("utf-16"))):
        yield f"xmp-{name}.webp", saved(image, "WEBP", xmp=packet), good


def _with_segment(jpeg: bytes, marker: int, content: bytes) -> bytes:
    return jpeg[:2] + struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content + jpeg[2:]


def iptc_segment(block: bytes) -> bytes:
    """Return the content of a JPEG's APP13 that holds an IPTC block."""
    padded = block + b"\0" * (len(block) % 2)
    return b"Photoshop 3.0\x00" + b"8BIM\x04\x04\0\0" + struct.pack(">I", len(block)) + padded


def _iptc(rng: np.random.Generator) -> Iterator[Made]:
    image = saved(picture(rng), "JPEG")
    blocks = {
        "random": rng.bytes(3000),
        "truncated": b"\x1c\x02\x78\x00\x50short",
        "extended": b"\x1c\x02\x78\x80\x04\x7f\xff\xff\xff" + bytes(100),
        "many": b"\x1c\x02\x19\x00\x01k" * 9000,
        "charset": b"\x1c\x01\x5a\x00\x03\x1b%G\x1c\x02\x78\x00\x02\xff\xfe",
        "empty": b"",
    }
    for name, block in blocks.items():
        yield f"iptc-{name}.jpg", _with_segment(image, 0xED, iptc_segment(block)), frozenset({READ})
    lying = b"Photoshop 3.0\x00" + b"8BIM\x04\x04\0\0\xff\xff\xff\xff" + bytes(50)
    yield "iptc-lying.jpg", _with_segment(image, 0xED, lying), frozenset({READ})


def _names(rng: np.random.Generator) -> Iterator[Made]:
    data = saved(picture(rng), "JPEG")
    names = [
        "name\nwith\nnewlines.jpg", "name 'with' \"quotes\".jpg", "name-\U0001f600-\u202egpj.exe",
        "name-\udcff\udcfe.jpg", "n" * 250 + ".jpg", "--help.jpg", "-rf", "~", "$(id).jpg",
        "`id`.jpg", "name;id;.jpg", "name|cat.jpg", "<script>alert(1)</script>.jpg"[:20] + ".jpg",
        " leading.jpg", "trailing .jpg ", "name\t.jpg", "name\x1b[31m.jpg", "%2e%2e%2fname.jpg",
        "con.jpg", "name\\..\\x.jpg", "NAME.JPG", "e\u0301.jpg", "\u00e9.jpg",
        "*.jpg", "?.jpg", "[a].jpg",
        "{{7*7}}.jpg", "name\r.jpg", ".hidden.jpg", "...jpg",
    ]  # fmt: skip
    for name in names:
        yield name.replace("/", "-"), data, frozenset({READ})


def _not_files(folder: Path) -> Iterator[HostileFile]:
    """Make what stands where a file is expected; nothing of it may be waited for."""
    makers: dict[str, Callable[[Path], None]] = {
        "folder.jpg": Path.mkdir,
        "pipe.jpg": os.mkfifo,
        "loop.jpg": lambda path: path.symlink_to(path.name),
        "dangling.jpg": lambda path: path.symlink_to("nowhere.jpg"),
        "device.jpg": lambda path: path.symlink_to("/dev/zero"),
        "to-folder.jpg": lambda path: path.symlink_to(folder),
        "socket.jpg": _bind,
        "missing.jpg": lambda path: None,
    }
    for name, make in makers.items():
        path = folder / f"not-{name}"
        try:
            make(path)
        except OSError:  # a socket's path may be too long here
            continue
        yield HostileFile(path, UNREADABLE)
    if os.geteuid() != 0:  # root may read everything
        path = folder / "not-allowed.jpg"
        path.write_bytes(b"x")
        path.chmod(0)
        yield HostileFile(path, UNREADABLE)


def _bind(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(path))


FAMILIES: tuple[Callable[[np.random.Generator], Iterator[Made]], ...] = (
    _truncations, _flips, _bombs, _tiff_tricks, _wrong_types, _odd_colours, _exif, _xmp, _iptc,
    _names,
)  # fmt: skip

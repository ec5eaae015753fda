"""Pictures with content credentials, written from the standards, without a signature.

CBOR (RFC 8949), JUMBF (ISO 19566-5), C2PA 2.1 sections 8 and 11 and annex A.3.
"""

import io
import struct
import zlib

from PIL import Image

TYPE = bytes.fromhex("00110010800000aa00389b71")


def head(major, number):
    """The head of a CBOR value: the shortest that holds the number."""
    if number < 24:
        return bytes([major << 5 | number])
    length = next(n for n in (1, 2, 4, 8) if number < 1 << (8 * n))
    return bytes([major << 5 | (23 + length.bit_length())]) + number.to_bytes(length)


def cbor(value):
    match value:
        case bool() | None:
            return bytes([{False: 0xF4, True: 0xF5, None: 0xF6}[value]])
        case int():
            return head(0, value) if value >= 0 else head(1, -1 - value)
        case float():
            return b"\xfb" + struct.pack(">d", value)
        case bytes():
            return head(2, len(value)) + value
        case str():
            return head(3, len(value.encode())) + value.encode()
        case list():
            return head(4, len(value)) + b"".join(map(cbor, value))
        case dict():
            pairs = [cbor(key) + cbor(inside) for key, inside in value.items()]
            return head(5, len(value)) + b"".join(pairs)
    raise TypeError(value)


def box(kind, content, *, long=False):
    if long:
        return struct.pack(">I4sQ", 1, kind, 16 + len(content)) + content
    return struct.pack(">I4s", 8 + len(content), kind) + content


def superbox(kind, label, *inside, toggles=3):
    """`kind` has four letters, the first of a type's sixteen bytes."""
    name = b"" if label is None else label.encode() + b"\0"
    description = kind + TYPE + bytes([toggles if label is not None else 1]) + name
    return box(b"jumb", box(b"jumd", description) + b"".join(inside))


def assertion(label, value):
    return superbox(b"cbor", label, box(b"cbor", cbor(value)))


def manifest(*assertions, kind=b"c2ma", name="urn:c2pa:1"):
    claim = superbox(b"c2cl", "c2pa.claim.v2", box(b"cbor", cbor({"alg": "sha256"})))
    signature = superbox(b"c2cs", "c2pa.signature", box(b"cbor", b"\xd2\x84"))
    held = superbox(b"c2as", "c2pa.assertions", *assertions)
    return superbox(kind, name, held, claim, signature)


def store(*manifests):
    return superbox(b"c2pa", "c2pa", *manifests)


def reserving(use="notAllowed", label="cawg.training-mining"):
    return assertion(label, {"entries": {"cawg.data_mining": {"use": use}}})


def plain(form):
    out = io.BytesIO()
    with Image.new("RGB", (8, 8), "white") as image:
        image.save(out, form)
    return out.getvalue()


def packets(data, *, instance=0x0211, size=60_000, header=8):
    """The APP11 segments that hold one box, each with its length and type again."""
    pieces = [data[n : n + size] for n in range(header, len(data), size)]
    return [
        app11(b"JP" + struct.pack(">HI", instance, number) + data[:header] + piece)
        for number, piece in enumerate(pieces, 1)
    ]


def app11(content):
    return b"\xff\xeb" + struct.pack(">H", 2 + len(content)) + content


def jpeg(data, **options):
    picture = plain("JPEG")
    return picture[:2] + b"".join(packets(data, **options)) + picture[2:]


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(data):
    picture = plain("PNG")
    end = 8 + 25  # behind the signature and IHDR
    return picture[:end] + chunk(b"caBX", data) + picture[end:]


def webp(data):
    picture = plain("WEBP")
    padded = data + b"\0" * (len(data) % 2)
    body = picture[8:] + b"C2PA" + struct.pack("<I", len(data)) + padded
    return b"RIFF" + struct.pack("<I", len(body)) + body


def gif(data):
    """An application extension in blocks of 255 bytes (C2PA annex A.3)."""
    blocks = [data[n : n + 255] for n in range(0, len(data), 255)]
    extension = b"\x21\xff\x0bC2PA_GIF\x01\0\0" + b"".join(bytes([len(b)]) + b for b in blocks)
    picture = plain("GIF")
    return picture[:-1] + extension + b"\0" + picture[-1:]

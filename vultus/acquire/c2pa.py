"""Content credentials (C2PA) of a picture, as far as they say whether it may be mined.

Read are the training-mining assertions, c2pa's and CAWG's, of every manifest in the picture: the
active one and those of what it was made from. No signature and no hash is checked. They prove who
said something, and whether it was said of these very pixels; all that is taken from here is a
reservation, which counts whoever made it and after any edit, and which a forger could gain nothing
by. What allows is as good as nothing: it outweighs no other signal. For the same reason c2pa-python
is not used: it asks the network for manifests that are elsewhere, and is at its best where a
manifest is sound, while here one that is broken must deny.

The manifest store is a JUMBF superbox (ISO 19566-5) in APP11 segments of a JPEG (ISO 19566-5
annex D), in the caBX chunk of a PNG, the C2PA chunk of a WebP (C2PA 2.1 annex A.3). In other
formats it is looked for by its type, and denies where it is found. One that stands elsewhere, at a
URL of the picture's XMP, is not asked for.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from vultus.acquire import cbor
from vultus.acquire.embedded import training_mining
from vultus.acquire.signal import Place, Signal, unreadable

MAX_STORE_BYTES = 64 * 1024 * 1024
MAX_BOXES = 20_000  # of one store
MAX_ASSERTIONS = 50
MAX_SIGNALS = 100
NAME = "c2pa-training-mining"

_TYPE = bytes.fromhex("00110010800000aa00389b71")  # after the four letters of a box's kind
_STORE, _ASSERTION_STORE = b"c2pa" + _TYPE, b"c2as" + _TYPE
_MANIFESTS = {b"c2ma" + _TYPE, b"c2um" + _TYPE}  # whole, and of an update
_LABEL = re.compile(r"(?:c2pa|cawg)\.training-mining(?:\.v\d{1,4})?(?:__\d{1,6})?", re.ASCII)
_PNG = b"\x89PNG\r\n\x1a\n"
_APP11, _END_OF_IMAGE = 0xEB, 0xD9
_ALONE = {0x00, 0x01, *range(0xD0, 0xD9), 0xFF}  # markers without a segment, and what is none

Box = tuple[bytes, memoryview]  # type and content


def content_credentials(picture: bytes) -> list[Signal]:
    """What a picture's content credentials say; nothing where it has none. Raises nothing."""
    found: dict[Signal, None] = {}
    try:
        for assertion in assertions(picture):
            found |= dict.fromkeys(training_mining(assertion))
    except ValueError as error:
        return [unreadable(NAME, Place.IMAGE, str(error))]
    if len(found) > MAX_SIGNALS:
        return [unreadable(NAME, Place.IMAGE, "more entries than are read")]
    return list(found)


def assertions(picture: bytes) -> list[object]:
    """The training-mining assertions, as JSON is in Python; those of the active manifest first.

    Raises ValueError where there is a manifest store that cannot be read in full.
    """
    found: list[object] = []
    for store in _stores(picture):
        if len(store) > MAX_STORE_BYTES:
            raise ValueError(f"a manifest store of {len(store)} bytes")
        found += _of_store(store)
    if len(found) > MAX_ASSERTIONS:
        raise ValueError(f"{len(found)} assertions about mining")
    return found


# --- where the store stands -----------------------------------------------------------------------


def _stores(picture: bytes) -> Iterator[bytes]:
    if picture.startswith(b"\xff\xd8"):
        yield from _of_jpeg(picture)
    elif picture.startswith(_PNG):
        yield from _of_png(picture)
    elif picture.startswith(b"RIFF") and picture[8:12] == b"WEBP":
        yield from _of_webp(picture)
    elif _STORE in picture:
        raise ValueError("content credentials in a format of which they are not read")


def _of_jpeg(picture: bytes) -> Iterator[bytes]:
    """The C2PA boxes that the APP11 segments hold in pieces, in order of their packets.

    Each segment repeats the box's length and type, and names the box and the piece.
    """
    packets: dict[tuple[bytes, bytes], dict[int, bytes]] = {}
    for segment in _app11(picture):
        if segment[:2] != b"JP":
            continue
        box, number, header = segment[2:4], segment[4:8], segment[8:16]
        if header[4:] != b"jumb":
            continue
        if int.from_bytes(header[:4]) == 1:
            header = segment[8:24]
        pieces = packets.setdefault((box, header), {})
        if int.from_bytes(number) in pieces:
            raise ValueError("a JUMBF box of which a piece comes twice")
        pieces[int.from_bytes(number)] = segment[8 + len(header) :]
    for (_, header), pieces in packets.items():
        numbers = sorted(pieces)
        whole = header + b"".join(pieces[number] for number in numbers)
        if numbers != list(range(numbers[0], numbers[0] + len(numbers))):
            raise ValueError("a JUMBF box of which a piece is missing")
        ((_, content),) = list(_boxes(memoryview(whole), [0]))[:1]
        if _described(content, [0])[0] == _STORE:
            yield whole


def _app11(picture: bytes) -> Iterator[bytes]:
    """The contents of the APP11 segments up to the end of the image (ITU-T T.81 annex B)."""
    position = 2
    while True:
        position = picture.find(b"\xff", position)
        if position < 0 or position + 1 >= len(picture):
            return
        marker = picture[position + 1]
        if marker == _END_OF_IMAGE:
            return
        if marker in _ALONE:
            position += 1 if marker == 0xFF else 2  # a fill byte may begin the next marker
            continue
        length = int.from_bytes(picture[position + 2 : position + 4])
        segment = picture[position + 4 : position + 2 + length]
        if marker == _APP11:
            if len(segment) != length - 2:
                raise ValueError("an APP11 segment that is cut")
            yield segment
        position += 2 + max(length, 2)


def _of_png(picture: bytes) -> Iterator[bytes]:
    position = len(_PNG)
    while position + 8 <= len(picture):
        length = int.from_bytes(picture[position : position + 4])
        if picture[position + 4 : position + 8] == b"caBX":
            yield picture[position + 8 : position + 8 + length]
        position += 12 + length


def _of_webp(picture: bytes) -> Iterator[bytes]:
    position = 12
    while position + 8 <= len(picture):
        length = int.from_bytes(picture[position + 4 : position + 8], "little")
        if picture[position : position + 4] == b"C2PA":
            yield picture[position + 8 : position + 8 + length]
        position += 8 + length + length % 2


# --- what is in it --------------------------------------------------------------------------------


def _of_store(store: bytes) -> list[object]:
    """The assertions of a store; the last manifest in it is the active one (C2PA, section 11)."""
    count = [0]
    stores = list(_boxes(memoryview(store), count))
    if [kind for kind, _ in stores] != [b"jumb"]:
        raise ValueError("a manifest store that is not one superbox")
    found: list[list[object]] = []
    kind, _, inside = _described(stores[0][1], count)
    if kind != _STORE:
        raise ValueError("a manifest store that says to be something else")
    for manifest in _superboxes(inside):
        kind, _, parts = _described(manifest, count)
        if kind not in _MANIFESTS:
            raise ValueError("a manifest that is compressed, or of a kind that is not read")
        found.append(
            [assertion for part in _superboxes(parts) for assertion in _of_assertions(part, count)]
        )
    if not found:
        raise ValueError("a manifest store without a manifest")
    return [assertion for manifest in reversed(found) for assertion in manifest]


def _of_assertions(part: memoryview, count: list[int]) -> Iterator[object]:
    kind, _, boxes = _described(part, count)
    if kind != _ASSERTION_STORE:
        return
    for assertion in _superboxes(boxes):
        _, label, contents = _described(assertion, count)
        if _LABEL.fullmatch(label):
            yield _content(contents)


def _content(boxes: list[Box]) -> object:
    """The value of an assertion, which has one box of content beside padding."""
    contents = [(kind, data) for kind, data in boxes if kind != b"free"]
    if len(contents) != 1 or contents[0][0] not in {b"cbor", b"json"}:
        raise ValueError("an assertion about mining without one content")
    kind, data = contents[0]
    if kind == b"cbor":
        return cbor.decode(bytes(data))
    if len(data) > cbor.MAX_BYTES:
        raise ValueError("an assertion about mining that is longer than is read")
    try:
        return json.loads(bytes(data).decode(), object_pairs_hook=_once)
    except RecursionError:
        raise ValueError("an assertion about mining that is nested too deep") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object; a key that comes twice has no meaning."""
    if len({key for key, _ in pairs}) < len(pairs):
        raise ValueError("a key comes twice")
    return dict(pairs)


def _boxes(data: memoryview, count: list[int]) -> Iterator[Box]:
    """The boxes that fill `data`; `count` is of all boxes of the store. Raises ValueError."""
    position = 0
    while position < len(data):
        count[0] += 1
        length = int.from_bytes(data[position : position + 4])
        kind = bytes(data[position + 4 : position + 8])
        header = 8
        if length == 1:
            header = 16
            length = int.from_bytes(data[position + 8 : position + 16])
        end = position + length
        if length < header or end > len(data) or count[0] > MAX_BOXES:
            raise ValueError("a JUMBF box that is cut or longer than what it stands in")
        yield kind, data[position + header : end]
        position = end


def _superboxes(boxes: list[Box]) -> list[memoryview]:
    return [content for kind, content in boxes if kind == b"jumb"]


def _described(content: memoryview, count: list[int]) -> tuple[bytes, str, list[Box]]:
    """A superbox's type, its label (empty where it has none) and the boxes in it."""
    boxes = list(_boxes(content, count))
    if not boxes or boxes[0][0] != b"jumd" or len(boxes[0][1]) < 17:
        raise ValueError("a JUMBF superbox that does not say what it is")
    description = bytes(boxes[0][1])
    label = b""
    if description[16] & 2:
        label, end, _ = description[17:].partition(b"\0")
        if not end:
            raise ValueError("a JUMBF label without an end")
    return description[:16], label.decode(), boxes[1:]

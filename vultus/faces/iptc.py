"""IPTC-IIM, the older way to write captions: records of (0x1C, record, dataset, length, bytes).

Source: IPTC-NAA Information Interchange Model, version 4.2, chapter 1.6. Only standard datasets
(under 32,768 bytes) are read; parsing stops at the first byte that is not where it should be.
"""

MARKER = 0x1C
MAX_IPTC_BYTES = 1 << 20
MAX_DATASETS = 2000
UTF8 = b"\x1b%G"


def read_iptc(block: bytes) -> dict[tuple[int, int], list[str]]:
    """Return the texts of each (record, dataset), in the order they stand. Never raises."""
    raw: dict[tuple[int, int], list[bytes]] = {}
    place, end = 0, min(len(block), MAX_IPTC_BYTES)
    for _ in range(MAX_DATASETS):
        if place + 5 > end or block[place] != MARKER:
            break
        length = int.from_bytes(block[place + 3 : place + 5])
        start = place + 5
        if length >= 0x8000 or start + length > end:
            break
        raw.setdefault((block[place + 1], block[place + 2]), []).append(
            block[start : start + length]
        )
        place = start + length
    utf8 = raw.get((1, 90), [b""])[0] == UTF8
    return {key: [_text(value, utf8) for value in values] for key, values in raw.items()}


def _text(value: bytes, utf8: bool) -> str:
    """Decode as UTF-8 where it is declared or fits, else as Windows-1252, as programs do."""
    if utf8:
        return value.decode("utf-8", "replace")
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("cp1252", "replace")

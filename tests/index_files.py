"""Segment files for the tests of the index: written by ours, by hand, and damaged."""

import hashlib
import struct

import numpy as np
import pytest
from index_galleries import isotropic, kept

from vultus.errors import IntegrityError
from vultus.index import Segment
from vultus.index.segment import write
from vultus.index.segment_format import sections

KEY = bytes(range(32))


def sha256(data):
    return hashlib.sha256(data).digest()


def small(path, how, ids=(7, 8, 100), *, cipher=None, name="a-1"):
    """Write a segment of face-like templates, and return its bytes."""
    ids = np.array(ids, np.int64)
    rows = kept(isotropic(np.random.default_rng(len(ids)), len(ids), how.dim), how.rows)
    write(path, name, how, ids, rows, cipher=cipher)
    return path.read_bytes()


def pages_of(data, how, n, overhead=0):
    """The stored pages of a file, as (section, bytes)."""
    return [
        (number, data[offset : offset + size])
        for number, section in enumerate(sections(how, n, overhead))
        for offset, size in map(section.place, range(section.n_pages))
    ]


def header(how, n_rows, digests, **change):
    """A header written by hand, from the document alone."""
    fields = {
        "magic": b"VULTUSIX",
        "version": 2,
        "dim": how.dim,
        "n": n_rows,
        "rows": {"float32": 1, "int8": 2}[how.rows],
        "first": how.first_bits,
        "more": how.more_bits,
        "sealed": 0,
        "overhead": 0,
        "seed": how.seed,
        "name": b"a-1",
        "table": sha256(digests),
    } | change
    first = struct.pack("<8sIIQBBBBI32s64s32s", *fields.values())
    return first + sha256(first)


def spelled(how, n_rows, pages, **change):
    """A file of these pages with right digests."""
    digests = b"".join(sha256(page)[:16] for page in pages)
    return header(how, n_rows, digests, **change) + b"".join(pages) + digests


def refused(path, data, code, *, cipher=None, reading=None):
    """The file does not open, or (reading) opens and does not verify."""
    path.write_bytes(data)
    with pytest.raises(IntegrityError) as caught:
        opened = Segment.open(path, cipher=cipher)
        try:
            assert reading is not None, "a damaged file was opened"
            reading(opened)
        finally:
            opened.close()
    assert caught.value.code == code
    assert caught.value.hint or code.startswith("vault")


def verify(opened):
    opened.verify()

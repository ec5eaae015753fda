"""Content credentials: where they stand, what they reserve, and that a broken one denies."""

import io
import json

import content_credentials as written
import pytest
from content_credentials import box, jpeg, manifest, png, reserving, store, superbox, webp
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from vultus.acquire import c2pa
from vultus.acquire.c2pa import assertions, content_credentials

NOT_ALLOWED = {"entries": {"cawg.data_mining": {"use": "notAllowed"}}}
DENIES = store(manifest(reserving()))
UNREADABLE = ["c2pa-training-mining.unreadable"]


def rules(picture):
    return [found.rule for found in content_credentials(picture)]


# --- where they stand ---------------------------------------------------------------------------


@pytest.mark.parametrize("put", [jpeg, png, webp])
def test_a_reservation_is_found_in_a_picture_that_others_read(put):
    """C2PA 2.1 annex A.3: APP11 segments, the caBX chunk, the C2PA chunk."""
    picture = put(DENIES)
    assert assertions(picture) == [NOT_ALLOWED]
    assert rules(picture) == ["c2pa-training-mining.not_allowed"]
    with Image.open(io.BytesIO(picture)) as image:
        image.load()


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF", "GIF"])
def test_a_picture_without_says_nothing(form):
    assert content_credentials(written.plain(form)) == []


@pytest.mark.parametrize("put", [jpeg, png, webp])
def test_credentials_that_say_nothing_of_mining_say_nothing(put):
    actions = written.assertion("c2pa.actions.v2", {"actions": []})
    assert content_credentials(put(store(manifest(actions), manifest()))) == []


@pytest.mark.parametrize("size", [1, 7, 100, 60_000])
def test_a_box_in_pieces_is_put_together_in_the_order_of_its_packets(size):
    """ISO 19566-5 annex D."""
    picture = written.plain("JPEG")
    segments = written.packets(DENIES, size=size)
    for order in (segments, segments[::-1]):
        assert assertions(picture[:2] + b"".join(order) + picture[2:]) == [NOT_ALLOWED]


def test_a_long_box_repeats_its_long_length():
    long = box(b"jumb", DENIES[8:], long=True)
    assert assertions(jpeg(long, size=100, header=16)) == [NOT_ALLOWED]
    assert assertions(png(long)) == [NOT_ALLOWED]


def test_other_boxes_in_app11_are_passed_over():
    """JPEG 360, JPEG Snack and others use JUMBF, JPEG XT other boxes."""
    other = superbox(b"json", "other", box(b"json", b"{}"))
    picture = written.plain("JPEG")
    segments = [
        *written.packets(other, instance=1), *written.packets(DENIES, size=50),
        *written.packets(box(b"TONE", b"x" * 90)), written.app11(b"XX" + DENIES),
        written.app11(b""),
    ]  # fmt: skip
    assert assertions(picture[:2] + b"".join(segments) + picture[2:]) == [NOT_ALLOWED]


def test_a_jpeg_is_read_to_its_end_behind_the_first_scan_also():
    """ITU-T T.81 annex B: fill bytes, stuffed zeros, restart markers, further scans."""
    segments = b"".join(written.packets(DENIES))
    scan = b"\xff\xda\0\2" + b"\x12\xff\0\x34\xff\xd0\x56"
    assert assertions(b"\xff\xd8\xff\xff" + scan + segments + b"\xff\xd9") == [NOT_ALLOWED]
    assert assertions(b"\xff\xd8\xff\xd9" + segments) == []
    assert assertions(b"\xff\xd8" + scan) == assertions(b"\xff\xd8\xff") == []


def test_in_other_formats_they_deny_unread():
    picture = written.gif(DENIES)
    with Image.open(io.BytesIO(picture)) as image:
        image.load()
    assert rules(picture) == UNREADABLE
    assert rules(written.gif(store(manifest()))) == UNREADABLE


# --- what they say ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("label", "counts"),
    [
        ("cawg.training-mining", True), ("c2pa.training-mining", True),
        ("cawg.training-mining.v2", True), ("cawg.training-mining__1", True),
        ("c2pa.training-mining.v1__12", True), ("cawg.training-mining-x", False),
        ("org.example.training-mining", False), ("c2pa.actions", False),
    ],
)  # fmt: skip
def test_labels(label, counts):
    """C2PA 2.1 section 6.2 (versions) and 6.3 (instances of one label)."""
    assert bool(assertions(png(store(manifest(reserving(label=label)))))) == counts


def test_all_manifests_count_the_active_one_first():
    """The last manifest of a store is the active one; others are of what it was made from."""
    older, active = reserving("constrained"), reserving("allowed")
    picture = png(store(manifest(older), manifest(active, kind=b"c2um")))
    assert rules(picture) == ["c2pa-training-mining.allowed", "c2pa-training-mining.constrained"]
    both = png(store(manifest(reserving("allowed"), reserving(label="c2pa.training-mining__1"))))
    assert rules(both) == ["c2pa-training-mining.allowed", "c2pa-training-mining.not_allowed"]


def test_json_and_padding_and_descriptions_with_more_in_them():
    content = box(b"json", json.dumps(NOT_ALLOWED).encode()) + box(b"free", b"\0" * 9)
    salt = box(b"c2sh", b"x" * 16)
    description = b"json" + written.TYPE + b"\x1bcawg.training-mining\0" + b"h" * 32 + salt
    made = box(b"jumb", box(b"jumd", description) + content)
    assert assertions(png(store(manifest(made)))) == [NOT_ALLOWED]


def test_a_signature_is_not_asked_for():
    """A reservation counts whoever made it: there is none here, and a changed picture keeps it."""
    picture = bytearray(jpeg(DENIES))
    picture[-20] ^= 1
    assert assertions(bytes(picture)) == [NOT_ALLOWED]


# --- what cannot be read denies -----------------------------------------------------------------


def mining(*contents, label="cawg.training-mining"):
    return store(manifest(superbox(b"cbor", label, *contents)))


BAD = {
    "empty": b"",
    "cut": DENIES[:-1],
    "longer": DENIES + b"\0",
    "no superbox": box(b"uuid", b"x" * 30),
    "two": DENIES + DENIES,
    "another type": superbox(b"json", "c2pa", manifest()),
    "no manifest": store(),
    "compressed": store(superbox(b"c2cm", "urn:1", box(b"brob", b"x"))),
    "another kind of manifest": store(manifest(reserving()), superbox(b"abcd", "urn:2")),
    "no description": box(b"jumb", manifest(reserving())),
    "label without an end": box(b"jumb", box(b"jumd", b"c2pa" + written.TYPE + b"\3c2pa")),
    "label no text": store(box(b"jumb", box(b"jumd", b"c2ma" + written.TYPE + b"\3\xff\0"))),
    "box of no length": store(b"\0\0\0\0jumb" + manifest()),
    "box of length 7": store(b"\0\0\0\7jumb"),
    "no content": mining(),
    "two contents": mining(box(b"cbor", b"\xa0"), box(b"cbor", b"\xa0")),
    "unknown content": mining(box(b"bidb", b"\xa0")),
    "no CBOR": mining(box(b"cbor", b"\xff")),
    "CBOR and more": mining(box(b"cbor", b"\xa0\xa0")),
    "no JSON": mining(box(b"json", b"{")),
    "JSON with a key twice": mining(box(b"json", b'{"entries": {}, "entries": {}}')),
    "deep JSON": mining(box(b"json", b"[" * 100_000)),
    "long JSON": mining(box(b"json", b" " * 1_100_000)),
    "no entries": mining(box(b"cbor", b"\xa0")),
    "no map": mining(box(b"cbor", b"\x01")),
    "many": store(manifest(*[reserving()] * 51)),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("put", [png, webp])
def test_a_store_that_cannot_be_read_denies(name, put):
    assert rules(put(BAD[name])) == UNREADABLE


@pytest.mark.parametrize(
    "change",
    [
        lambda pieces: pieces[1:], lambda pieces: pieces[:-1], lambda pieces: pieces[:1],
        lambda pieces: [*pieces, pieces[0]], lambda pieces: [pieces[0], *pieces[2:]],
    ],
)  # fmt: skip
def test_pieces_that_are_missing_or_come_twice_deny(change):
    picture = written.plain("JPEG")
    segments = change(written.packets(DENIES, size=100))
    assert rules(picture[:2] + b"".join(segments) + picture[2:]) == UNREADABLE


def test_a_picture_that_ends_within_its_credentials_denies():
    for put, where in ((jpeg, 300), (png, 200)):
        assert rules(put(DENIES)[:where]) == UNREADABLE
    assert rules(webp(DENIES)[:-9]) == UNREADABLE


def test_bounds(monkeypatch):
    monkeypatch.setattr(c2pa, "MAX_BOXES", 10)
    assert rules(png(DENIES)) == UNREADABLE
    monkeypatch.undo()
    monkeypatch.setattr(c2pa, "MAX_STORE_BYTES", len(DENIES) - 1)
    assert rules(png(DENIES)) == UNREADABLE
    monkeypatch.undo()
    monkeypatch.setattr(c2pa, "MAX_SIGNALS", 1)
    both = {"entries": {"a.data_mining": "allowed", "a.ai_inference": "allowed"}}
    made = written.assertion("cawg.training-mining", both)
    assert rules(png(store(manifest(made)))) == UNREADABLE


# --- properties ---------------------------------------------------------------------------------

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**64), 2**64 - 1) | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
PUT = st.sampled_from([jpeg, png, webp])


@given(st.lists(st.lists(VALUES, max_size=3), min_size=1, max_size=3), PUT)
def test_what_is_written_is_read(manifests, put):
    made = [
        manifest(*(written.assertion("c2pa.training-mining", value) for value in values))
        for values in manifests
    ]
    expected = [value for values in reversed(manifests) for value in values]
    assert assertions(put(store(*made))) == expected


@given(PUT, st.integers(0, len(DENIES) - 1), st.integers(0, 255))
def test_no_change_of_one_byte_raises(put, position, byte):
    changed = DENIES[:position] + bytes([byte]) + DENIES[position + 1 :]
    assert isinstance(content_credentials(put(changed)), list)


@given(
    st.binary() | st.binary().map(lambda data: b"\xff\xd8" + written.app11(b"JP" + data))
    | st.binary().map(png) | st.binary().map(webp)
)  # fmt: skip
def test_no_bytes_raise(picture):
    assert isinstance(content_credentials(picture), list)


@given(st.integers(0, len(jpeg(DENIES))))
def test_a_cut_picture_never_allows(length):
    found = content_credentials(jpeg(DENIES)[:length])
    assert all(signal.says == "deny" for signal in found)

"""Sealed segments: pages open in their own place alone, and few of them stay in memory."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from index_files import KEY, header, pages_of, refused, sha256, small, verify
from index_galleries import coding, face_like, isotropic, kept
from index_keys import Pages

from vultus.errors import IntegrityError
from vultus.index import FaceIndex, Segment
from vultus.index.segment import write


def test_a_sealed_file_shows_nothing_of_a_template(tmp_path):
    how = coding(64, "int8", (1, 1))
    rows = kept(isotropic(np.random.default_rng(5), 64, 64), "int8")
    written = write(tmp_path / "a", "a-1", how, np.arange(64), rows, cipher=Pages(KEY))
    data = (tmp_path / "a").read_bytes()
    assert len(data) == written.n_bytes
    assert not any(row.tobytes()[:8] in data for row in rows)
    assert np.arange(64).astype("<i8").tobytes()[:64] not in data


def test_a_cipher_that_is_not_the_files_is_refused(tmp_path):
    class Longer(Pages):
        overhead = 17

    how = coding(5, "int8")
    sealed = small(tmp_path / "sealed", how, cipher=Pages(KEY))
    plain = small(tmp_path / "plain", how)
    refused(tmp_path / "a", sealed, "index.sealed")
    refused(tmp_path / "a", plain, "index.sealed", cipher=Pages(KEY))
    refused(tmp_path / "a", sealed, "index.sealed", cipher=Longer(KEY))
    refused(tmp_path / "a", sealed, "vault.page", cipher=Pages(bytes(32)))
    refused(tmp_path / "a", sealed, "vault.page", cipher=Pages(KEY, "other"))
    (tmp_path / "a").write_bytes(sealed)
    with pytest.raises(IntegrityError):
        FaceIndex.open(tmp_path / "a")


def respelled(data, how, n, pages):
    """The sealed file with other pages and right digests."""
    digests = b"".join(sha256(page)[:16] for page in pages)
    change = {"sealed": 1, "overhead": 16}
    return header(how, n, digests, **change) + b"".join(pages) + digests


def test_a_page_in_another_place_does_not_open(tmp_path):
    how, cipher, n = coding(5, "int8"), Pages(KEY, "a-1"), 128
    data = small(tmp_path / "a", how, range(n), cipher=cipher)
    pages = [page for _, page in pages_of(data, how, n, 16)]
    assert respelled(data, how, n, pages) == data
    swapped = [*pages[:3], pages[4], pages[3], *pages[5:]]
    (tmp_path / "a").write_bytes(respelled(data, how, n, swapped))
    opened = Segment.open(tmp_path / "a", cipher=cipher)
    for at in (0, 40):
        with pytest.raises(IntegrityError, match="does not open"):
            opened.rows_at(np.array([at]))
    np.testing.assert_array_equal(opened.rows_at(np.array([70]))[1], [0])
    with pytest.raises(IntegrityError):
        opened.verify()


def test_a_page_of_another_segment_does_not_open(tmp_path):
    """With the same key, which no caller uses twice, the name is what tells them apart."""
    how, n = coding(5, "int8"), 40
    files = {}
    for name, key in (("a-1", KEY), ("a-2", KEY), ("a-3", bytes(32))):
        data = small(tmp_path / name, how, range(n), cipher=Pages(key, name), name=name)
        files[name] = [page for _, page in pages_of(data, how, n, 16)]
    for other in ("a-2", "a-3"):
        for at in range(len(files["a-1"])):
            pages = files["a-1"].copy()
            pages[at] = files[other][at]
            data = respelled(None, how, n, pages)
            cipher = Pages(KEY, "a-1")
            refused(tmp_path / "x", data, "vault.page", cipher=cipher, reading=verify)


def test_a_page_that_opens_to_another_length_is_refused(tmp_path):
    how, cipher = coding(5, "int8"), Pages(KEY)

    class Short(Pages):
        def unseal(self, page, sealed):
            return super().unseal(page, sealed)[:-1]

    data = small(tmp_path / "a", how, cipher=cipher)
    refused(tmp_path / "a", data, "index.sealed", cipher=Short(KEY))


# --- the cache of sealed rows -------------------------------------------------------------------

PAGE = 32 * 64


@pytest.mark.parametrize("cache_bytes", [0, PAGE, 3 * PAGE, 2**30])
@settings(max_examples=25)
@given(
    asked=st.lists(
        st.lists(st.integers(0, 299), max_size=60) | st.just(list(range(300))), max_size=12
    )
)
def test_rows_are_right_and_memory_is_bounded_whatever_is_asked(
    tmp_path_factory, cache_bytes, asked
):
    path = tmp_path_factory.mktemp("cache")
    templates = face_like(np.random.default_rng(1), 300, 64)
    cipher = Pages(bytes(32), "a")
    how = coding(64, "int8")
    rows = kept(templates, "int8")
    write(path / "a", "a", how, np.arange(300), rows, cipher=cipher)
    opened = Segment.open(path / "a", cipher=cipher, cache_bytes=cache_bytes)
    bound = max(cache_bytes, PAGE) + 4 * 10
    used = opened.memory()["cache"]
    assert used == 4 * 10
    for positions in asked:
        got, at = opened.rows_at(np.array(positions, np.int64))
        np.testing.assert_array_equal(got[at], rows[positions])
        now = opened.memory()["cache"]
        assert used <= now <= bound
        used = now
    opened.close()
    assert opened.memory()["cache"] <= 4 * 10


def test_a_page_in_memory_is_not_opened_again(tmp_path):
    class Counting(Pages):
        n = 0

        def unseal(self, page, sealed):
            Counting.n += 1
            return super().unseal(page, sealed)

    cipher = Counting(bytes(32))
    small(tmp_path / "a", coding(64, "int8"), range(100), cipher=cipher)
    opened = Segment.open(tmp_path / "a", cipher=cipher)
    start = Counting.n
    for _ in range(3):
        opened.rows_at(np.arange(100))
    assert Counting.n == start + 4
    one_page = Segment.open(tmp_path / "a", cipher=cipher, cache_bytes=PAGE)
    start = Counting.n
    for _ in range(3):
        one_page.rows_at(np.array([0, 40, 1, 41]))
    assert Counting.n == start + 4  # the page that came last is still there

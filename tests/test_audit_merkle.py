"""The Merkle tree of RFC 6962 and its frontier (docs/formats/audit-log.md)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from vectors.audit import generate, vectors

from vultus.audit.merkle import EMPTY_ROOT, Frontier, leaf_hash, node_hash, root_of
from vultus.errors import IntegrityError

VECTORS = vectors("merkle")
HASHES = st.lists(st.binary(min_size=32, max_size=32), max_size=70)
# Known answers of the Certificate Transparency reference implementation, for 1 to 8 leaves.
CT_ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def grown(hashes):
    frontier = Frontier()
    for item in hashes:
        frontier.append(item)
    return frontier


def test_the_empty_tree():
    expected = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert root_of([]).hex() == Frontier().root().hex() == EMPTY_ROOT.hex() == expected


@pytest.mark.parametrize("n", range(1, 9))
def test_the_certificate_transparency_answers(n):
    leaves = [bytes.fromhex(leaf) for leaf in VECTORS["leaves"][:n]]
    assert root_of(leaf_hash(leaf) for leaf in leaves).hex() == CT_ROOTS[n - 1]


@pytest.mark.parametrize("tree", VECTORS["trees"], ids=lambda tree: str(tree["size"]))
def test_the_vectors(tree):
    leaves = [bytes.fromhex(leaf) for leaf in VECTORS["leaves"][: tree["size"]]]
    frontier = grown(leaf_hash(leaf) for leaf in leaves)
    assert frontier.size == tree["size"]
    assert frontier.root().hex() == tree["root"]
    assert frontier.to_bytes().hex() == tree["frontier"]


def test_leaves_and_nodes_cannot_be_taken_for_each_other():
    left, right = leaf_hash(b"a"), leaf_hash(b"b")
    assert node_hash(left, right) != leaf_hash(left + right)


@given(HASHES)
def test_the_root_is_the_recursive_definition(hashes):
    assert root_of(hashes) == generate.root(hashes)


@given(HASHES)
def test_a_frontier_reads_back_and_goes_on(hashes):
    frontier = Frontier()
    for item in hashes:
        frontier = Frontier.from_bytes(frontier.to_bytes())
        frontier.append(item)
    assert frontier.to_bytes() == generate.frontier(hashes)
    assert frontier.root() == generate.root(hashes)
    assert frontier.size == len(hashes)


@given(HASHES)
def test_asking_for_the_root_changes_nothing(hashes):
    frontier = grown(hashes)
    before = frontier.to_bytes()
    frontier.root()
    assert frontier.to_bytes() == before


@pytest.mark.parametrize("bad", VECTORS["bad_frontiers"], ids=lambda bad: bad["name"])
def test_malformed_frontiers_are_refused(bad):
    with pytest.raises(IntegrityError) as raised:
        Frontier.from_bytes(bytes.fromhex(bad["frontier"]))
    assert raised.value.code == bad["error"]


@given(st.binary(max_size=120))
def test_what_is_read_has_one_spelling(data):
    try:
        frontier = Frontier.from_bytes(data)
    except IntegrityError:
        return
    assert frontier.to_bytes() == data


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_hash_of_another_length_is_a_mistake(length):
    with pytest.raises(ValueError):
        Frontier().append(bytes(length))


def test_a_full_tree_takes_no_more():
    full = Frontier.from_bytes(b"\x01" + (2**63 - 1).to_bytes(8, "big") + bytes(63 * 32))
    with pytest.raises(ValueError):
        full.append(bytes(32))

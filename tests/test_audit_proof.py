"""Proofs of inclusion and of consistency (RFC 6962 section 2.1, RFC 9162 section 2.1)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from vectors.audit import generate, vectors

from vultus.audit.merkle import leaf_hash, root_of
from vultus.audit.proof import (
    consistency_proof,
    inclusion_proof,
    verify_consistency,
    verify_inclusion,
)
from vultus.errors import IntegrityError

VECTORS = vectors("proof")
N = 70
HASHES = [leaf_hash(bytes([i])) for i in range(N)]
ROOTS = [root_of(HASHES[:n]) for n in range(N + 1)]


def refuses(code, function, *arguments):
    with pytest.raises(IntegrityError) as raised:
        function(*arguments)
    assert raised.value.code == code


def tampered(proof):
    """Every proof one step away: a hash changed, taken out, put in, or two exchanged."""
    for i in range(len(proof)):
        yield [*proof[:i], bytes([proof[i][0] ^ 1]) + proof[i][1:], *proof[i + 1 :]]
        yield proof[:i] + proof[i + 1 :]
        yield [*proof[:i], proof[i][:-1], *proof[i + 1 :]]
    for i in range(len(proof) + 1):
        yield [*proof[:i], bytes(32), *proof[i:]]
        yield [*proof[:i], HASHES[0], *proof[i:]]
    for i in range(len(proof) - 1):
        yield [*proof[:i], proof[i + 1], proof[i], *proof[i + 2 :]]


# Inclusion


@pytest.mark.parametrize("size", range(1, N + 1))
def test_every_leaf_of_every_size_is_proven_as_the_rfc_defines(size):
    for index in range(size):
        proof = inclusion_proof(index, size, HASHES)
        assert proof == generate.path(index, HASHES[:size])
        verify_inclusion(HASHES[index], index, size, proof, ROOTS[size])


@pytest.mark.parametrize("size", range(1, N + 1))
def test_no_proof_serves_another_index_leaf_or_root(size):
    for index in range(size):
        proof = inclusion_proof(index, size, HASHES)
        for other in {index - 1, index + 1, size - 1 - index, -1, size} - {index}:
            refuses(
                "proof.inclusion_wrong",
                *(verify_inclusion, HASHES[index], other, size, proof, ROOTS[size]),
            )
        leaf = HASHES[(index + 1) % N]
        refuses("proof.inclusion_wrong", verify_inclusion, leaf, index, size, proof, ROOTS[size])
        refuses(
            "proof.inclusion_wrong",
            *(verify_inclusion, HASHES[index], index, size, proof, ROOTS[size - 1]),
        )


@pytest.mark.parametrize("size", range(1, N + 1))
def test_every_tampering_with_an_inclusion_proof_is_refused(size):
    for index in {0, 1, size // 3, size // 2, size - 2, size - 1} & set(range(size)):
        for proof in tampered(inclusion_proof(index, size, HASHES)):
            refuses(
                "proof.inclusion_wrong",
                *(verify_inclusion, HASHES[index], index, size, proof, ROOTS[size]),
            )


@pytest.mark.parametrize(("index", "size"), [(0, 0), (1, 1), (-1, 3), (3, 3)])
def test_no_proof_is_made_for_a_leaf_that_is_not_there(index, size):
    with pytest.raises(ValueError):
        inclusion_proof(index, size, HASHES)


def test_leaves_may_come_from_a_function_and_are_read_once():
    read = []

    def get(index):
        read.append(index)
        return HASHES[index]

    assert inclusion_proof(5, 11, get) == inclusion_proof(5, 11, HASHES)
    assert sorted(read) == [0, 1, 2, 3, 4, 6, 7, 8, 9, 10]


@given(st.integers(1, 3000), st.data())
def test_inclusion_in_larger_trees(size, data):
    index = data.draw(st.integers(0, size - 1))
    hashes = [leaf_hash(i.to_bytes(4, "big")) for i in range(size)]
    proof = inclusion_proof(index, size, hashes)
    verify_inclusion(hashes[index], index, size, proof, root_of(hashes))


@given(
    st.integers(-1, 2**64),
    st.integers(-1, 2**64),
    st.lists(st.binary(min_size=32, max_size=32), max_size=70),
)
def test_a_made_up_inclusion_is_refused_whatever_its_numbers(index, size, proof):
    refuses("proof.inclusion_wrong", verify_inclusion, HASHES[0], index, size, proof, bytes(32))


# Consistency


@pytest.mark.parametrize("size", range(N + 1))
def test_every_growth_is_proven_as_the_rfc_defines(size):
    for old in range(size + 1):
        proof = consistency_proof(old, size, HASHES)
        assert proof == (generate.subproof(old, HASHES[:size], True) if old else [])
        verify_consistency(old, size, proof, ROOTS[old], ROOTS[size])


@pytest.mark.parametrize("size", range(1, N + 1))
def test_no_growth_proof_serves_another_old_size_or_root(size):
    for old in range(size + 1):
        proof = consistency_proof(old, size, HASHES)
        for wrong_old, wrong_size in {(old - 1, size), (old + 1, size), (size, old)}:
            if (wrong_old, wrong_size) != (old, size):
                refuses(
                    "proof.consistency_wrong",
                    *(verify_consistency, wrong_old, wrong_size, proof, ROOTS[old], ROOTS[size]),
                )
        for old_root, root in [(ROOTS[old - 1], ROOTS[size]), (bytes(32), ROOTS[size])]:
            refuses("proof.consistency_wrong", verify_consistency, old, size, proof, old_root, root)
        if old > 0:  # every tree extends the empty one, whatever its root
            refuses(
                "proof.consistency_wrong",
                *(verify_consistency, old, size, proof, ROOTS[old], ROOTS[size - 1]),
            )


@pytest.mark.parametrize("size", range(1, N + 1))
def test_every_tampering_with_a_consistency_proof_is_refused(size):
    for old in {0, 1, 2, size // 3, size // 2, size - 1, size} & set(range(size + 1)):
        for proof in tampered(consistency_proof(old, size, HASHES)):
            refuses(
                "proof.consistency_wrong",
                *(verify_consistency, old, size, proof, ROOTS[old], ROOTS[size]),
            )


@pytest.mark.parametrize(("old", "size"), [(1, 0), (-1, 3), (4, 3)])
def test_no_proof_is_made_for_a_log_that_shrank(old, size):
    with pytest.raises(ValueError):
        consistency_proof(old, size, HASHES)


@given(st.integers(1, 2000), st.data())
def test_a_rewritten_entry_has_no_proof(size, data):
    old = data.draw(st.integers(1, size))
    changed = data.draw(st.integers(0, old - 1))
    hashes = [leaf_hash(i.to_bytes(4, "big")) for i in range(size)]
    old_root = root_of(hashes[:old])
    hashes[changed] = leaf_hash(b"rewritten")
    proof = consistency_proof(old, size, hashes)
    refuses(
        "proof.consistency_wrong", verify_consistency, old, size, proof, old_root, root_of(hashes)
    )


# Vectors


def inclusion_of(vector):
    proof = [bytes.fromhex(item) for item in vector["proof"]]
    leaf, root = bytes.fromhex(vector["leaf_hash"]), bytes.fromhex(vector["root"])
    return leaf, vector["index"], vector["size"], proof, root


def consistency_of(vector):
    proof = [bytes.fromhex(item) for item in vector["proof"]]
    old_root, root = bytes.fromhex(vector["old_root"]), bytes.fromhex(vector["root"])
    return vector["old_size"], vector["size"], proof, old_root, root


def named(vector):
    return vector["name"]


@pytest.mark.parametrize("vector", VECTORS["inclusion"], ids=named)
def test_inclusion_vectors(vector):
    verify_inclusion(*inclusion_of(vector))


@pytest.mark.parametrize("vector", VECTORS["inclusion_wrong"], ids=named)
def test_wrong_inclusion_vectors(vector):
    refuses("proof.inclusion_wrong", verify_inclusion, *inclusion_of(vector))


@pytest.mark.parametrize("vector", VECTORS["consistency"], ids=named)
def test_consistency_vectors(vector):
    verify_consistency(*consistency_of(vector))


@pytest.mark.parametrize("vector", VECTORS["consistency_wrong"], ids=named)
def test_wrong_consistency_vectors(vector):
    refuses("proof.consistency_wrong", verify_consistency, *consistency_of(vector))

"""Proofs that a leaf is in a tree, and that a tree extends an earlier one.

Made as in RFC 6962 sections 2.1.1 and 2.1.2, checked as in RFC 9162 sections 2.1.3.2 and 2.1.4.2.
The verifiers return nothing, or raise. A size belongs to a root: take both from one signed
checkpoint, for the hashes of a proof alone can lead to the same root at other sizes.
"""

from collections.abc import Callable, Sequence

from vultus.audit.merkle import EMPTY_ROOT, HASH_BYTES, MAX_SIZE, node_hash, root_of
from vultus.errors import IntegrityError

LeafHashes = Sequence[bytes] | Callable[[int], bytes]  # by index, from 0


def inclusion_proof(index: int, size: int, leaf_hashes: LeafHashes) -> list[bytes]:
    """The proof that leaf `index` is in the tree of the first `size` leaves, lowest hash first.

    Reads every leaf hash but that of `index` once. ValueError unless 0 <= index < size.
    """
    if not 0 <= index < size:
        raise ValueError(f"index must be from 0 to {size - 1}, got {index}")
    proof = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _left_size(end - start)
        if index < middle:
            proof.append(_range_root(leaf_hashes, middle, end))
            end = middle
        else:
            proof.append(_range_root(leaf_hashes, start, middle))
            start = middle
    return proof[::-1]


def consistency_proof(old_size: int, size: int, leaf_hashes: LeafHashes) -> list[bytes]:
    """The proof that the tree of `size` leaves begins with that of `old_size`.

    Empty when the sizes are the same or `old_size` is 0. ValueError unless
    0 <= old_size <= size.
    """
    if not 0 <= old_size <= size:
        raise ValueError(f"old_size must be from 0 to {size}, got {old_size}")
    if old_size == 0:
        return []
    proof = []
    start, end = 0, size
    while old_size != end:
        middle = start + _left_size(end - start)
        if old_size <= middle:
            proof.append(_range_root(leaf_hashes, middle, end))
            end = middle
        else:
            proof.append(_range_root(leaf_hashes, start, middle))
            start = middle
    if start > 0:  # else the subtree is the old tree itself, whose root the verifier has
        proof.append(_range_root(leaf_hashes, start, end))
    return proof[::-1]


def verify_inclusion(
    leaf_hash: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes
) -> None:
    """Return if `proof` leads from the leaf at `index` to `root`, the root over `size` leaves.

    Raises IntegrityError `proof.inclusion_wrong` for anything else.
    """
    if not 0 <= index < size <= MAX_SIZE or not _are_hashes(leaf_hash, root, *proof):
        raise _inclusion_wrong()
    node, last, computed = index, size - 1, leaf_hash
    for sibling in proof:
        if last == 0:
            raise _inclusion_wrong()
        if node & 1 or node == last:
            computed = node_hash(sibling, computed)
            while not node & 1 and node:  # a lone right edge has no sibling: climb
                node, last = node >> 1, last >> 1
        else:
            computed = node_hash(computed, sibling)
        node, last = node >> 1, last >> 1
    if last != 0 or computed != root:
        raise _inclusion_wrong()


def verify_consistency(
    old_size: int, size: int, proof: Sequence[bytes], old_root: bytes, root: bytes
) -> None:
    """Return if the tree (`size`, `root`) begins with the tree (`old_size`, `old_root`).

    Raises IntegrityError `proof.consistency_wrong` for anything else.
    """
    if not 0 <= old_size <= size <= MAX_SIZE or not _are_hashes(old_root, root, *proof):
        raise _consistency_wrong()
    if old_size in (0, size):
        expected = EMPTY_ROOT if old_size == 0 else root
        if proof or old_root != expected or (size == 0 and root != EMPTY_ROOT):
            raise _consistency_wrong()
        return
    path = list(proof)
    if old_size & (old_size - 1) == 0:  # a power of two: its root is the first node itself
        path.insert(0, old_root)
    if not path:
        raise _consistency_wrong()
    node, last = old_size - 1, size - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    old_computed = computed = path[0]
    for sibling in path[1:]:
        if last == 0:
            raise _consistency_wrong()
        if node & 1 or node == last:
            old_computed = node_hash(sibling, old_computed)
            computed = node_hash(sibling, computed)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            computed = node_hash(computed, sibling)
        node, last = node >> 1, last >> 1
    if last != 0 or old_computed != old_root or computed != root:
        raise _consistency_wrong()


def _left_size(size: int) -> int:
    """The largest power of two below `size`, for sizes of 2 and more."""
    return 1 << (size - 1).bit_length() - 1


def _range_root(leaf_hashes: LeafHashes, start: int, end: int) -> bytes:
    get = leaf_hashes if callable(leaf_hashes) else leaf_hashes.__getitem__
    return root_of(get(index) for index in range(start, end))


def _are_hashes(*values: bytes) -> bool:
    return all(len(value) == HASH_BYTES for value in values)


def _inclusion_wrong() -> IntegrityError:
    return IntegrityError(
        "proof.inclusion_wrong",
        "The proof does not show that the log holds this entry.",
        "Ask for a new proof; if that fails too, the log or the entry was changed.",
    )


def _consistency_wrong() -> IntegrityError:
    return IntegrityError(
        "proof.consistency_wrong",
        "The proof does not show that the log only grew.",
        "Keep both checkpoints: together they are the evidence that history was rewritten.",
    )

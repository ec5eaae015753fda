"""The Merkle tree of RFC 6962 section 2.1, grown a leaf at a time (docs/formats/audit-log.md)."""

import struct
from collections.abc import Iterable
from hashlib import sha256

from vultus.errors import IntegrityError

HASH_BYTES = 32
MAX_SIZE = 2**63 - 1
EMPTY_ROOT = sha256(b"").digest()
_HEADER = struct.Struct(">BQ")
_VERSION = 1


def leaf_hash(data: bytes) -> bytes:
    """SHA-256(0x00 || data), 32 bytes."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 || left || right), 32 bytes."""
    return sha256(b"\x01" + left + right).digest()


def root_of(hashes: Iterable[bytes]) -> bytes:
    """The root over these leaf hashes, in order; EMPTY_ROOT where there are none."""
    frontier = Frontier()
    for item in hashes:
        frontier.append(item)
    return frontier.root()


class Frontier:
    """The right edge of a tree: all that is needed to append and to know the root.

    It keeps one hash for each 1 in the binary form of the size: at most 63.
    """

    def __init__(self) -> None:
        self._size = 0
        self._roots: list[bytes] = []  # of perfect subtrees, largest (leftmost) first

    @property
    def size(self) -> int:
        """The number of leaves."""
        return self._size

    def append(self, hash_of_leaf: bytes) -> None:
        """Add the next leaf, given as its leaf hash (32 bytes, ValueError else)."""
        if len(hash_of_leaf) != HASH_BYTES:
            raise ValueError(f"a leaf hash has {HASH_BYTES} bytes, got {len(hash_of_leaf)}")
        if self._size == MAX_SIZE:
            raise ValueError("the tree is full")
        subtree, carry = bytes(hash_of_leaf), self._size
        while carry & 1:
            subtree = node_hash(self._roots.pop(), subtree)
            carry >>= 1
        self._roots.append(subtree)
        self._size += 1

    def root(self) -> bytes:
        """The root of the tree as it stands, 32 bytes."""
        if not self._roots:
            return EMPTY_ROOT
        *others, root = self._roots
        for left in reversed(others):
            root = node_hash(left, root)
        return root

    def to_bytes(self) -> bytes:
        """Version, size and hashes, as docs/formats/audit-log.md lays them out."""
        return _HEADER.pack(_VERSION, self._size) + b"".join(self._roots)

    @classmethod
    def from_bytes(cls, data: bytes) -> "Frontier":
        """The frontier that `to_bytes` wrote. Raises IntegrityError `frontier.malformed`."""
        if len(data) < _HEADER.size:
            raise _malformed()
        version, size = _HEADER.unpack_from(data)
        length = _HEADER.size + size.bit_count() * HASH_BYTES
        if version != _VERSION or size > MAX_SIZE or len(data) != length:
            raise _malformed()
        frontier = cls()
        frontier._size = size
        frontier._roots = [
            bytes(data[at : at + HASH_BYTES]) for at in range(_HEADER.size, length, HASH_BYTES)
        ]
        return frontier


def _malformed() -> IntegrityError:
    return IntegrityError(
        "frontier.malformed",
        "The stored frontier of the audit log cannot be read.",
        "Keep everything as it is and run: vultus audit verify",
    )

"""An entry of the audit log: the leaf, which is for ever, and the payload, which can be forgotten.

The leaf holds kind, time and a salted commitment to the payload, nothing about a person. Payload
and salt lie beside it, sealed by the caller (docs/formats/audit-log.md).
"""

import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from vultus import canonical
from vultus.audit.kind import DECLARATIONS, EntryKind
from vultus.errors import IntegrityError

__all__ = [
    "EntryKind",
    "Leaf",
    "commit",
    "decode_payload",
    "encode_payload",
    "new_salt",
    "verify_commitment",
]

SALT_BYTES = 32
MAX_LEAF_BYTES = 256
MAX_PAYLOAD_BYTES = 60_000
_MAX_INTEGER = 2**53 - 1  # beyond it, languages with one type of number read another one
_COMMITMENT = re.compile(r"[0-9a-f]{64}")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z")


@dataclass(frozen=True)
class Leaf:
    """What the tree holds of an entry. `time` is in UTC, in whole milliseconds."""

    kind: EntryKind
    time: datetime
    commitment: bytes

    def __post_init__(self) -> None:
        if self.time.utcoffset() != timedelta(0) or self.time.microsecond % 1000:
            raise ValueError(f"a leaf's time is in UTC and whole milliseconds, got {self.time}")
        if len(self.commitment) != 32:
            raise ValueError(f"a commitment has 32 bytes, got {len(self.commitment)}")

    @classmethod
    def of(cls, kind: EntryKind, time: datetime, salt: bytes, payload: bytes) -> "Leaf":
        """The leaf for this payload; `time` (with a zone) is cut to milliseconds of UTC."""
        utc = time.astimezone(UTC)
        whole = utc.replace(microsecond=utc.microsecond // 1000 * 1000)
        return cls(kind, whole, commit(salt, payload))

    def to_bytes(self) -> bytes:
        """The leaf in canonical JSON: the bytes that are hashed into the tree."""
        stamp = self.time.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds")
        return canonical.encode(
            {
                "commitment": self.commitment.hex(),
                "kind": self.kind.value,
                "time": stamp + "Z",
                "vultus_leaf": 1,
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> "Leaf":
        """The leaf that `to_bytes` wrote. Raises IntegrityError `leaf.malformed`."""
        try:
            if len(data) > MAX_LEAF_BYTES:
                raise _malformed("leaf")
            fields = canonical.decode(data)
            commitment, time = fields["commitment"], fields["time"]
            if not (_COMMITMENT.fullmatch(commitment) and _TIME.fullmatch(time)):
                raise _malformed("leaf")
            leaf = cls(
                EntryKind(fields["kind"]),
                datetime.fromisoformat(time),
                bytes.fromhex(commitment),
            )
        except (ValueError, TypeError, KeyError):
            raise _malformed("leaf") from None
        if leaf.to_bytes() != data:  # further keys, another version, 24:00
            raise _malformed("leaf")
        return leaf


def new_salt() -> bytes:
    """A salt for one entry: 32 random bytes."""
    return secrets.token_bytes(SALT_BYTES)


def commit(salt: bytes, payload: bytes) -> bytes:
    """SHA-256("vultus/1/commitment" || 0x0A || salt || payload), 32 bytes.

    It binds to the payload and, while the salt is unknown, tells nothing about it. The salt has
    32 bytes (ValueError else), so that no payload can pass for part of a salt.
    """
    if len(salt) != SALT_BYTES:
        raise ValueError(f"a salt has {SALT_BYTES} bytes, got {len(salt)}")
    return sha256(b"vultus/1/commitment\n" + salt + payload).digest()


def verify_commitment(leaf: Leaf, salt: bytes, payload: bytes) -> None:
    """Return if `leaf` was made for this payload. Raises IntegrityError `commitment.wrong`."""
    if len(salt) != SALT_BYTES or not hmac.compare_digest(commit(salt, payload), leaf.commitment):
        raise IntegrityError(
            "commitment.wrong",
            "The audit log has this entry, but what it says was something else.",
            "Trust the log, not the text that came with it.",
        )


def encode_payload(kind: EntryKind, payload: Mapping[str, Any]) -> bytes:
    """The payload in canonical JSON, at most MAX_PAYLOAD_BYTES.

    Raises ValueError for a field that `kind` does not declare and for numbers beyond 2^53 - 1,
    TypeError for floats (write them as text) and what JSON cannot hold.
    """
    undeclared = payload.keys() - DECLARATIONS[kind].holds
    if undeclared:
        raise ValueError(f"{kind} does not declare {sorted(undeclared)}")
    _check_numbers(payload)
    data = canonical.encode(dict(payload))
    if len(data) > MAX_PAYLOAD_BYTES:
        raise ValueError(f"a payload has at most {MAX_PAYLOAD_BYTES} bytes, got {len(data)}")
    return data


def decode_payload(kind: EntryKind, data: bytes) -> dict[str, Any]:
    """What `encode_payload` was given. Raises IntegrityError `payload.malformed`."""
    try:
        payload = canonical.decode(data)
        if isinstance(payload, dict) and encode_payload(kind, payload) == data:
            return payload
    except (ValueError, TypeError):
        pass
    raise _malformed("payload")


def _check_numbers(value: object) -> None:
    if isinstance(value, float):
        raise TypeError("a payload holds no floats: write the number as text")
    if isinstance(value, int) and abs(value) > _MAX_INTEGER:
        raise ValueError("a payload holds no whole number beyond 2^53 - 1")
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for item in value:
            _check_numbers(item)


def _malformed(what: str) -> IntegrityError:
    return IntegrityError(
        f"{what}.malformed",
        f"The {what} of an audit entry cannot be read.",
        "Keep everything as it is and run: vultus audit verify",
    )

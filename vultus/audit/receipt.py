"""A proof to hand out, checked offline with the verifier key alone (docs/formats/receipt.md)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from vultus import canonical
from vultus.audit.checkpoint import Checkpoint, verify_checkpoint
from vultus.audit.entry import Leaf, verify_commitment
from vultus.audit.merkle import leaf_hash
from vultus.audit.proof import verify_inclusion
from vultus.errors import IntegrityError

MAX_RECEIPT_BYTES = 1024 * 1024
_MAX_PROOF = 63
_HASH = re.compile(r"[0-9a-f]{64}")
_KEYS = {"vultus_receipt", "index", "size", "leaf", "proof", "checkpoint"}


@dataclass(frozen=True)
class Receipt:
    """What a verified receipt shows: entry `index` of the log is `leaf`, and meant `what`.

    `what` is None in a receipt that proves the leaf only.
    """

    index: int
    leaf: Leaf
    what: dict[str, Any] | None
    checkpoint: Checkpoint


def make_receipt(
    leaf: bytes,
    index: int,
    proof: Sequence[bytes],
    note: str,
    verifier_key: str,
    *,
    payload: bytes | None = None,
    salt: bytes | None = None,
) -> bytes:
    """The receipt for entry `index`, whose leaf has the bytes `leaf`.

    `proof` is its inclusion proof in the log of the signed checkpoint `note`; `payload`
    (canonical JSON) and `salt` come both or neither. A receipt that would not verify is never
    made: raises what `verify_receipt` raises, `leaf.malformed`, and ValueError for a payload
    without salt or the reverse.
    """
    if (payload is None) != (salt is None):
        raise ValueError("payload and salt come both or neither")
    document: dict[str, Any] = {
        "vultus_receipt": 1,
        "index": index,
        "size": verify_checkpoint(note, verifier_key).size,
        "leaf": _object(leaf),
        "proof": [item.hex() for item in proof],
        "checkpoint": note,
    }
    if payload is not None and salt is not None:
        document |= {"what": _object(payload), "salt": salt.hex()}
    data = canonical.encode(document)
    verify_receipt(data, verifier_key)
    return data


def verify_receipt(data: bytes, verifier_key: str) -> Receipt:
    """What the receipt shows, all of it checked; needs no log and no network.

    Raises InputError `verifier_key.malformed`; IntegrityError `receipt.malformed`,
    `checkpoint.malformed`, `checkpoint.signature_wrong`, `proof.inclusion_wrong`,
    `commitment.wrong`.
    """
    document = _parse(data)
    checkpoint = verify_checkpoint(document["checkpoint"], verifier_key)
    if document["size"] != checkpoint.size:
        raise _malformed()
    leaf_bytes = canonical.encode(document["leaf"])
    try:
        leaf = Leaf.from_bytes(leaf_bytes)
    except IntegrityError:
        raise _malformed() from None
    verify_inclusion(
        leaf_hash(leaf_bytes),
        document["index"],
        checkpoint.size,
        [bytes.fromhex(item) for item in document["proof"]],
        checkpoint.root,
    )
    what = document.get("what")
    if what is not None:
        verify_commitment(leaf, bytes.fromhex(document["salt"]), canonical.encode(what))
    return Receipt(document["index"], leaf, what, checkpoint)


def _parse(data: bytes) -> dict[str, Any]:
    """The document, with every type checked; no value is believed yet."""
    if len(data) > MAX_RECEIPT_BYTES:
        raise _malformed()
    try:
        document = canonical.decode(data)
    except ValueError:
        raise _malformed() from None
    if not isinstance(document, dict) or document.keys() not in (_KEYS, _KEYS | {"what", "salt"}):
        raise _malformed()
    proof = document["proof"]
    hashes = [document["salt"]] if "salt" in document else []
    if (
        not all(type(document[key]) is int for key in ("vultus_receipt", "index", "size"))
        or document["vultus_receipt"] != 1
        or not isinstance(document["checkpoint"], str)
        or not isinstance(document["leaf"], dict)
        or not isinstance(document.get("what", {}), dict)
        or not isinstance(proof, list)
        or len(proof) > _MAX_PROOF
        or not all(isinstance(item, str) and _HASH.fullmatch(item) for item in proof + hashes)
    ):
        raise _malformed()
    return document


def _object(data: bytes) -> Any:  # noqa: ANN401 (verify_receipt checks what it is)
    try:
        return canonical.decode(data)
    except ValueError:
        raise _malformed() from None


def _malformed() -> IntegrityError:
    return IntegrityError(
        "receipt.malformed",
        "This is not a Vultus receipt, or it was changed.",
        "Use the file exactly as it was received.",
    )

"""Rebuild the log from its entries and compare it with all that is stored and signed."""

from collections.abc import Iterable, Sequence

from vultus.audit.checkpoint import Checkpoint, verify_checkpoint
from vultus.audit.entry import Leaf
from vultus.audit.merkle import Frontier, leaf_hash
from vultus.audit.proof import verify_consistency
from vultus.errors import IntegrityError

_HINT = "Keep everything as it is, do not append, and compare with a copy and a kept checkpoint."


def check_log(
    entries: Iterable[tuple[int, bytes, bytes]],
    frontier: bytes,
    note: str,
    verifier_key: str,
) -> Checkpoint:
    """The checkpoint in `note`, if it, `frontier` and every entry agree.

    `entries` are (index, leaf, stored leaf hash) by index, read once, one at a time. Raises
    InputError `verifier_key.malformed` and IntegrityError with the codes of
    docs/formats/audit-log.md, "What a check finds".
    """
    checkpoint = _verified(note, verifier_key)
    rebuilt = Frontier()
    for index, leaf, stored_hash in entries:
        if index > rebuilt.size:
            raise _found("entry_missing", f"Entry {rebuilt.size} of the audit log is missing.")
        if index < rebuilt.size:
            raise _found("entry_repeated", f"Entry {index} of the audit log stands twice.")
        if index >= checkpoint.size:
            raise _found(
                "entries_unsigned",
                f"The checkpoint covers {checkpoint.size} entries, but there are more.",
            )
        if leaf_hash(leaf) != stored_hash or not _is_leaf(leaf):
            raise _found("entry_changed", f"Entry {index} of the audit log was changed.")
        rebuilt.append(stored_hash)
    if rebuilt.size < checkpoint.size:
        raise _found(
            "truncated",
            f"The audit log has {rebuilt.size} entries; {checkpoint.size} were signed for.",
        )
    if rebuilt.root() != checkpoint.root:
        raise _found("root_differs", "The entries of the audit log are not those signed for.")
    if rebuilt.to_bytes() != frontier:
        raise _found("frontier_differs", "The stored frontier is not that of the entries.")
    return checkpoint


def check_extends(
    old_note: str, new_note: str, proof: Sequence[bytes], verifier_key: str
) -> Checkpoint:
    """The checkpoint in `new_note`, if its log begins with that of `old_note`.

    `proof` is the consistency proof between the two sizes. Raises InputError
    `verifier_key.malformed` and IntegrityError `log.signature_wrong`,
    `log.checkpoint_malformed`, `log.truncated` (the newer is the smaller), `log.history_differs`.
    """
    old, new = _verified(old_note, verifier_key), _verified(new_note, verifier_key)
    if new.size < old.size:
        raise _found(
            "truncated",
            f"The audit log has {new.size} entries; it once had {old.size}.",
        )
    try:
        verify_consistency(old.size, new.size, proof, old.root, new.root)
    except IntegrityError:
        raise _found(
            "history_differs",
            f"The first {old.size} entries of the audit log are no longer those once signed for.",
        ) from None
    return new


def _verified(note: str, verifier_key: str) -> Checkpoint:
    try:
        return verify_checkpoint(note, verifier_key)
    except IntegrityError as error:
        if error.code == "checkpoint.signature_wrong":
            raise _found(
                "signature_wrong", "The checkpoint is not signed by the home's key."
            ) from None
        raise _found("checkpoint_malformed", "The checkpoint cannot be read.") from None


def _is_leaf(data: bytes) -> bool:
    try:
        Leaf.from_bytes(data)
    except IntegrityError:
        return False
    return True


def _found(code: str, message: str) -> IntegrityError:
    return IntegrityError(f"log.{code}", message, _HINT)

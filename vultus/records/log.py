"""The audit log in the database: entries are appended inside the transaction of the work.

The tree's arithmetic and formats are `vultus.audit`; here are the rows. The payload of an
entry is sealed beside the leaf, which holds only a salted commitment to it: a payload can
be forgotten without breaking the tree. After each commit the signed checkpoint is also
written to a file of its own, so that a log cut short in the database shows.
"""

import contextlib
import json
import os
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.db import transaction

from vultus.audit import checkpoint, fsck, proof, receipt
from vultus.audit.entry import EntryKind, Leaf, commit
from vultus.audit.merkle import Frontier, leaf_hash
from vultus.errors import InputError, IntegrityError, UnavailableError
from vultus.records.models import Entry, LogState
from vultus.vault.seal import Vault

SALT_BYTES = 32


@dataclass(frozen=True)
class NewEntry:
    """What is to be written: `photo_id` names the photo whose erasure forgets the payload."""

    kind: EntryKind
    payload: dict[str, Any]
    photo_id: int | None = None


class Log:
    """Appends, proves and checks. One a process; its state is in the database."""

    def __init__(
        self, vault: Vault, signing_key: bytes, verifier_key: str, origin: str, folder: Path
    ) -> None:
        self._vault = vault
        self._signing_key = signing_key
        self.verifier_key = verifier_key
        self._origin = origin
        self._folder = folder

    def append(self, kind: EntryKind, payload: dict[str, Any], photo_id: int | None = None) -> int:
        """Write one entry; returns its index. Call it in the transaction of the work."""
        return self.append_many([NewEntry(kind, payload, photo_id)])[0]

    def append_many(self, entries: Sequence[NewEntry]) -> list[int]:
        """Write entries in order and sign the new tree; all or none with the transaction."""
        assert transaction.get_connection().in_atomic_block
        if not entries:
            return []
        state = LogState.objects.select_for_update().get(id=1)
        frontier = Frontier.from_bytes(bytes(state.frontier))
        rows = []
        for new in entries:
            payload = canonical(new.payload)
            salt = secrets.token_bytes(SALT_BYTES)
            leaf = Leaf(new.kind, datetime.now(UTC), commit(salt, payload)).encode()
            digest = leaf_hash(leaf)
            sealed = self._vault.seal("entry", f"entry:{frontier.size}", salt + payload)
            rows.append(
                Entry(
                    index=frontier.size,
                    kind=new.kind.value,
                    leaf=leaf,
                    leaf_hash=digest,
                    sealed_payload=sealed,
                    photo_id=new.photo_id,
                )
            )
            frontier.append(digest)
        Entry.objects.bulk_create(rows)
        state.size = frontier.size
        state.frontier = frontier.to_bytes()
        state.checkpoint = checkpoint.sign(
            checkpoint.Checkpoint(self._origin, frontier.size, frontier.root()),
            self._signing_key,
            self._origin,
        )
        state.save()
        note = state.checkpoint
        transaction.on_commit(lambda: write_checkpoint(self._folder, note))
        return [row.index for row in rows]

    def payload(self, index: int) -> dict[str, Any] | None:
        """The payload of an entry, or None when it was forgotten."""
        row = entry(index)
        if row.sealed_payload is None:
            return None
        opened = self._vault.unseal("entry", f"entry:{index}", bytes(row.sealed_payload))
        value: dict[str, Any] = json.loads(opened[SALT_BYTES:])
        return value

    def receipt(self, index: int) -> bytes:
        """A document that proves, with the public key alone, what entry `index` says."""
        row = entry(index)
        if row.sealed_payload is None:
            raise UnavailableError(
                "log.payload_forgotten",
                f"What entry {index} said was erased.",
                "Its leaf can still be proved: `vultus audit prove`.",
            )
        opened = self._vault.unseal("entry", f"entry:{index}", bytes(row.sealed_payload))
        return evidence(index, salt=opened[:SALT_BYTES], payload=opened[SALT_BYTES:])


def evidence(index: int, *, salt: bytes | None = None, payload: bytes | None = None) -> bytes:
    """The proof document of one entry; needs neither key file nor vault."""
    row = entry(index)
    state = LogState.objects.get(id=1)
    hashes = [bytes(h) for h in Entry.objects.order_by("index").values_list("leaf_hash", flat=True)]
    return receipt.make_receipt(
        leaf=bytes(row.leaf),
        index=index,
        size=state.size,
        proof=proof.inclusion_proof(index, state.size, hashes[: state.size]),
        checkpoint=state.checkpoint,
        salt=salt,
        what=payload,
    )


def entry(index: int) -> Entry:
    """The row of an entry. Raises InputError `log.not_found`."""
    row = Entry.objects.filter(index=index).first()
    if row is None:
        raise InputError(
            "log.not_found",
            f"The log has no entry {index}.",
            f"Entries are numbered from 0 to {LogState.objects.get(id=1).size - 1}.",
        )
    return row


def check(folder: Path, verifier_key: str) -> checkpoint.Checkpoint:
    """Re-derive the whole log. Raises IntegrityError naming what is wrong; needs no key file."""
    state = LogState.objects.filter(id=1).first()
    if state is None:
        raise IntegrityError("log.state_missing", "The log's state is gone.", RESTORE)
    kept = read_checkpoint(folder)
    verified = fsck.check_log(
        stored_leaves(), bytes(state.frontier), state.checkpoint, verifier_key
    )
    if kept is not None:
        hashes = (
            bytes(h)
            for h in Entry.objects.order_by("index").values_list("leaf_hash", flat=True).iterator()
        )
        fsck.check_extends(kept, hashes, verifier_key)
    return verified


RESTORE = "Stop working with this home and restore a backup."


def stored_leaves() -> Iterator[tuple[int, bytes, bytes]]:
    rows = Entry.objects.order_by("index").values_list("index", "kind", "leaf", "leaf_hash")
    for index, kind, leaf, digest in rows.iterator(chunk_size=2000):
        if Leaf.decode(bytes(leaf)).kind.value != kind:
            raise IntegrityError("log.entry_changed", f"Entry {index} was changed.", RESTORE)
        yield index, bytes(leaf), bytes(digest)


def write_checkpoint(folder: Path, note: str) -> None:
    """Keep the newest checkpoint beside the database; the commit before it is what counts.

    A crash in between leaves an older one, of which the log is still an extension; so a
    failure here (a full disk) must not undo work that is done.
    """
    path = folder / "checkpoint"
    temporary = folder / f"checkpoint.{os.getpid()}.part"
    with contextlib.suppress(OSError):
        temporary.write_text(note, encoding="utf-8")
        temporary.replace(path)


def read_checkpoint(folder: Path) -> str | None:
    try:
        return (folder / "checkpoint").read_text(encoding="utf-8")
    except FileNotFoundError:
        return None


def canonical(value: dict[str, Any]) -> bytes:
    """The one spelling of a payload: sorted keys, no spaces, ASCII."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode("ascii")

"""The audit log in the database: entries are appended inside the transaction of the work.

The tree's arithmetic and formats are `vultus.audit`; here are the rows. The payload of an
entry is sealed beside the leaf, which holds only a salted commitment to it: a payload can
be forgotten without breaking the tree. After each commit the signed checkpoint is also
written to a file of its own, so that a log cut short in the database shows.
"""

import contextlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.db import transaction
from django.db.models import Q

from vultus.audit import fsck, proof
from vultus.audit.checkpoint import Checkpoint, sign, verify_checkpoint
from vultus.audit.entry import (
    SALT_BYTES,
    EntryKind,
    Leaf,
    decode_payload,
    encode_payload,
    new_salt,
    verify_commitment,
)
from vultus.audit.merkle import Frontier, leaf_hash
from vultus.audit.receipt import make_receipt
from vultus.errors import InputError, IntegrityError, UnavailableError
from vultus.records.models import Entry, LogState, Photo
from vultus.vault.seal import Vault

# Kinds whose payload is forgotten when the photo is erased.
OF_A_PHOTO = {
    EntryKind.PHOTO_ENROLLED,
    EntryKind.PHOTO_REFUSED,
    EntryKind.PHOTO_FAILED,
    EntryKind.PHOTO_CHANGED,
    EntryKind.PHOTO_VANISHED,
}
RESTORE = "Stop working with this home and restore a backup."


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
        self._written: tuple[int, bytes] | None = None  # size and frontier as left by this process

    def hold(self) -> None:
        """Let no other process append before this transaction ends: read what it depends on."""
        LogState.objects.select_for_update().get(id=1)

    def append(self, kind: EntryKind, payload: dict[str, Any], photo_id: int | None = None) -> int:
        """Write one entry; returns its index. Call it in the transaction of the work."""
        return self.append_many([NewEntry(kind, payload, photo_id)])[0]

    def append_many(self, entries: Sequence[NewEntry]) -> list[int]:
        """Write entries in order and sign the new tree; all or none with the transaction."""
        assert transaction.get_connection().in_atomic_block
        if not entries:
            return []
        state = LogState.objects.select_for_update().get(id=1)
        if self._written != (state.size, bytes(state.frontier)):
            require_continuation(state, read_checkpoint(self._folder), self.verifier_key)
        frontier = Frontier.from_bytes(bytes(state.frontier))
        rows = []
        for new in entries:
            payload, salt = encode_payload(new.kind, new.payload), new_salt()
            leaf = Leaf.of(new.kind, datetime.now(UTC), salt, payload).to_bytes()
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
        tree = Checkpoint(self._origin, frontier.size, frontier.root())
        state.checkpoint = sign(tree, self._signing_key, self._origin)
        state.save()
        self._written = (state.size, bytes(state.frontier))
        note = state.checkpoint
        transaction.on_commit(lambda: write_checkpoint(self._folder, note))
        return [row.index for row in rows]

    def payload(self, index: int) -> dict[str, Any] | None:
        """What an entry says, or None when it was forgotten. Raises InputError, IntegrityError."""
        row = entry(index)
        parts = self.opened_payload(row)
        return decode_payload(EntryKind(row.kind), parts[1]) if parts else None

    def receipt(self, index: int) -> bytes:
        """A document that proves, with the public key alone, what entry `index` says.

        Raises UnavailableError `log.payload_forgotten` when that was erased.
        """
        parts = self.opened_payload(entry(index))
        if parts is None:
            raise UnavailableError(
                "log.payload_forgotten",
                f"What entry {index} said was erased.",
                "Its leaf can still be proved: `vultus audit prove`.",
            )
        return evidence(index, self.verifier_key, salt=parts[0], payload=parts[1])

    def opened_payload(self, row: Entry) -> tuple[bytes, bytes] | None:
        """(salt, payload) of an entry, checked against its leaf; None when it was forgotten."""
        if row.sealed_payload is None:
            return None
        opened = self._vault.unseal("entry", f"entry:{row.index}", bytes(row.sealed_payload))
        salt, payload = opened[:SALT_BYTES], opened[SALT_BYTES:]
        verify_commitment(Leaf.from_bytes(bytes(row.leaf)), salt, payload)
        return salt, payload

    def check_payloads(self) -> None:
        """Open every payload that was not forgotten. Raises IntegrityError `log.entry_changed`."""
        for row in Entry.objects.order_by("index").iterator(chunk_size=1000):
            try:
                parts = self.opened_payload(row)
                said = decode_payload(EntryKind(row.kind), parts[1]) if parts else None
            except IntegrityError as error:
                raise entry_changed(row.index) from error
            if said and row.photo_id != (said["photo"] if row.kind in OF_A_PHOTO else None):
                raise entry_changed(row.index)  # an erasure would forget another entry


def evidence(
    index: int, verifier_key: str, *, salt: bytes | None = None, payload: bytes | None = None
) -> bytes:
    """The proof document of one entry; needs neither key file nor vault."""
    row = entry(index)
    note = LogState.objects.get(id=1).checkpoint
    size = verify_checkpoint(note, verifier_key).size
    steps = proof.inclusion_proof(index, size, leaf_hashes(size))
    return make_receipt(
        bytes(row.leaf), index, steps, note, verifier_key, payload=payload, salt=salt
    )


def leaf_hashes(size: int) -> list[bytes]:
    """The first `size` leaf hashes, in order."""
    rows = Entry.objects.filter(index__lt=size).order_by("index")
    return [bytes(digest) for digest in rows.values_list("leaf_hash", flat=True)]


def entry(index: int) -> Entry:
    """The row of an entry. Raises InputError `log.not_found`."""
    row = Entry.objects.filter(index=index).first()
    if row is None:
        raise InputError(
            "log.not_found",
            f"The log has no entry {index}.",
            f"Entries are numbered from 0 to {Entry.objects.count() - 1}.",
        )
    return row


def check(folder: Path, verifier_key: str) -> Checkpoint:
    """Re-derive the whole log. Raises IntegrityError naming what is wrong; needs no key file.

    The checkpoint that was kept beside the database must be of a log that this one extends:
    a log that was cut short, or written anew, shows.
    """
    state = LogState.objects.filter(id=1).first()
    if state is None:
        raise IntegrityError("log.state_missing", "The log's state is gone.", RESTORE)
    verified = fsck.check_log(
        stored_leaves(), bytes(state.frontier), state.checkpoint, verifier_key
    )
    if state.size != verified.size:
        raise IntegrityError("log.state_changed", "The log's state was changed.", RESTORE)
    kept = read_checkpoint(folder)
    if kept is None:
        raise IntegrityError(
            "log.checkpoint_missing",
            "The checkpoint that is kept beside the database is gone.",
            "Compare the log with a backup; the next entry writes a new checkpoint.",
        )
    require_extension(kept, state.checkpoint, verifier_key)
    require_payloads()
    return verified


def require_extension(kept: str, note: str, verifier_key: str) -> None:
    """The log of `note` begins with that of the kept checkpoint. Raises IntegrityError."""
    size = verify_checkpoint(note, verifier_key).size
    old = min(verify_checkpoint(kept, verifier_key).size, size)
    steps = proof.consistency_proof(old, size, leaf_hashes(size))
    fsck.check_extends(kept, note, steps, verifier_key)


def require_continuation(state: LogState, kept: str | None, verifier_key: str) -> None:
    """Append to no log that has lost what was once signed: an older database was put back.

    Usually the kept checkpoint is the state's own; it may be older after a crash, or missing.
    """
    if kept is None or kept == state.checkpoint:
        return
    require_extension(kept, state.checkpoint, verifier_key)


def require_payloads() -> None:
    """What an entry says is missing only where an erasure took it. Raises IntegrityError."""
    held = Q(photo_id__isnull=True) | Q(photo_id__in=Photo.objects.values("id"))
    row = Entry.objects.filter(held, sealed_payload__isnull=True).order_by("index").first()
    if row is not None:
        raise IntegrityError(
            "log.payload_missing",
            f"What entry {row.index} says is gone, though nothing of it was erased.",
            RESTORE,
        )


def entry_changed(index: int) -> IntegrityError:
    return IntegrityError("log.entry_changed", f"What entry {index} says was changed.", RESTORE)


def stored_leaves() -> Iterator[tuple[int, bytes, bytes]]:
    """(index, leaf, stored leaf hash) of every entry in order, and its kind as the leaf has it."""
    rows = Entry.objects.order_by("index").values_list("index", "kind", "leaf", "leaf_hash")
    for index, kind, leaf, digest in rows.iterator(chunk_size=2000):
        if f'"kind":"{kind}"'.encode() not in bytes(leaf):
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
        with temporary.open("wb") as file:
            file.write(note.encode("utf-8"))
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)


def read_checkpoint(folder: Path) -> str | None:
    try:
        # What is no UTF-8 is no checkpoint either, and is found to be none where it is verified.
        return (folder / "checkpoint").read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return None

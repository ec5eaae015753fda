"""The audit log as people ask for it: verify, prove, and verify a receipt; no key file needed."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from vultus import canonical
from vultus.actions.home import Home, open_database, open_home
from vultus.audit.entry import Leaf
from vultus.audit.receipt import Receipt
from vultus.audit.receipt import verify_receipt as verify_document
from vultus.errors import InputError, IntegrityError, UnavailableError

RECEIPT_BYTES_MAX = 1 << 20


@dataclass(frozen=True)
class VerifyAnswer:
    """The log that verified: how many entries, and the root of their tree.

    `payloads_checked`: whether the key file was there, so that what the entries say could be
    opened and compared with their leaves too.
    """

    n_entries: int
    root: str
    origin: str
    payloads_checked: bool


def verify_log(path: Path, environ: Mapping[str, str]) -> VerifyAnswer:
    """Re-derive the whole log from its entries. Raises IntegrityError naming what is wrong.

    Works without the key file; with it, what the entries say is checked against their leaves.
    """
    home: Home | None = None
    try:
        home = open_home(path, environ)
    except UnavailableError as error:
        if error.code != "key.missing":
            raise
        open_database(path, environ)
    from vultus.records.log import check

    folder = path.absolute()
    key = public_key(folder)
    if home is not None:
        require_own_public_key(home)
    verified = check(folder / "log", key)
    if home is not None:
        home.log.check_payloads()
    return VerifyAnswer(verified.size, verified.root.hex(), verified.origin, home is not None)


def require_own_public_key(home: Home) -> None:
    """The public key that is handed out is that of the signing key. Raises IntegrityError."""
    if public_key(home.path) != home.log.verifier_key:
        raise IntegrityError(
            "log.public_key_changed",
            "The log's public key is not that of the key it is signed with.",
            "Do not hand it out. Restore log/public-key from a backup.",
        )


def prove_entry(path: Path, environ: Mapping[str, str], index: int) -> bytes:
    """A document that proves that the log has entry `index`; needs no key file.

    Raises InputError `log.not_found`.
    """
    home = open_database(path, environ)
    from vultus.records.log import evidence

    return evidence(index, public_key(home))


def verify_receipt(path: Path, verifier_key: str) -> Receipt:
    """Check a receipt or proof offline. Raises InputError for no file, IntegrityError otherwise."""
    try:
        with path.open("rb") as file:
            data = file.read(RECEIPT_BYTES_MAX + 1)
    except OSError as error:
        raise InputError(
            "receipt.unreadable", f"{path} cannot be read.", "Give the path of a receipt."
        ) from error
    return verify_document(canonical_form(data), verifier_key)


def canonical_form(data: bytes) -> bytes:
    """The document in its one spelling: people print and re-indent what they are given.

    What cannot be put into it (no JSON, a key twice) stays as it is, and is refused.
    """
    try:
        return canonical.encode(json.loads(data, object_pairs_hook=without_repeats))
    except (ValueError, TypeError, RecursionError):
        return data


def without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({key for key, _ in pairs}) != len(pairs):
        raise ValueError("a key stands twice")
    return dict(pairs)


def public_key(home_path: Path) -> str:
    """The log's public key, from its own file in the home."""
    path = home_path / "log" / "public-key"
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UnavailableError(
            "log.public_key_missing",
            f"The log's public key cannot be read from {path}.",
            "Restore it, or give a copy of it with --public-key FILE.",
        ) from error


def checkpoint(home: Home) -> tuple[int, datetime]:
    """The log's size and the time of its latest entry."""
    from vultus.records.models import Entry

    row = Entry.objects.order_by("-index").first()
    assert row is not None  # init writes the first entry
    return row.index + 1, Leaf.from_bytes(bytes(row.leaf)).time

"""The audit log as people ask for it: verify, prove, and verify a receipt; no key file needed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from vultus.actions.home import Home, open_database
from vultus.audit.entry import Leaf
from vultus.audit.receipt import Receipt
from vultus.audit.receipt import verify_receipt as verify_document
from vultus.errors import InputError, UnavailableError

RECEIPT_BYTES_MAX = 1 << 20


@dataclass(frozen=True)
class VerifyAnswer:
    """The log that verified: how many entries, and the root of their tree."""

    n_entries: int
    root: str
    origin: str


def verify_log(path: Path, environ: Mapping[str, str]) -> VerifyAnswer:
    """Re-derive the whole log from its entries. Raises IntegrityError naming what is wrong."""
    home = open_database(path, environ)
    from vultus.records.log import check

    verified = check(home / "log", public_key(home))
    return VerifyAnswer(verified.size, verified.root.hex(), verified.origin)


def prove_entry(path: Path, environ: Mapping[str, str], index: int) -> bytes:
    """A document that proves that entry `index` is in the log. Raises InputError `log.not_found`."""
    open_database(path, environ)
    from vultus.records.log import evidence

    return evidence(index)


def verify_receipt(path: Path, verifier_key: str) -> Receipt:
    """Check a receipt or proof offline. Raises InputError for no file, IntegrityError otherwise."""
    try:
        with path.open("rb") as file:
            data = file.read(RECEIPT_BYTES_MAX + 1)
    except OSError as error:
        raise InputError(
            "receipt.unreadable", f"{path} cannot be read.", "Give the path of a receipt."
        ) from error
    return verify_document(data, verifier_key)


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
    return row.index + 1, Leaf.decode(bytes(row.leaf)).time


def explain(home: Home, index: int) -> dict[str, Any] | None:
    """What an entry says, for those who hold the key; None when it was forgotten."""
    return home.log.payload(index)

"""An index that is saved as one sealed file: its key comes before it, and goes after it."""

import secrets
from pathlib import Path

from numpy import int64
from numpy.typing import NDArray

from vultus.errors import InputError, IntegrityError
from vultus.index import segment
from vultus.index.codes import Coding
from vultus.index.rows import Rows
from vultus.index.segment_format import Keyring, PageCipher


def cipher_of(path: Path, keyring: Keyring) -> PageCipher:
    """The cipher of a sealed file. Raises InputError, and IntegrityError where it is not sealed."""
    header = segment.header_of(path)
    if not header.sealed:
        raise segment.otherwise_sealed(header)
    return keyring.cipher(header.name)


def write(path: Path, coding: Coding, ids: NDArray[int64], rows: Rows, keyring: Keyring) -> None:
    """Write a sealed file under a new key, as `segment.write` does; destroy the old file's key.

    At every moment the file that is in place has its key. A call that is killed can leave a key
    behind that no file needs.
    """
    before, name = _name_at(path), secrets.token_hex(16)
    try:
        segment.write(path, name, coding, ids, rows, cipher=keyring.new(name))
    except BaseException:
        if _name_at(path) == before:
            keyring.destroy(name)
        raise
    if before is not None:
        keyring.destroy(before)


def _name_at(path: Path) -> str | None:
    """The name of the sealed file at this path; None where there is none."""
    try:
        header = segment.header_of(path)
    except (InputError, IntegrityError):
        return None
    return header.name if header.sealed else None

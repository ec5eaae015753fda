"""The master key: one file, from which every other key is derived (docs/formats/key-file.md)."""

import base64
import binascii
import hmac
import os
import re
import secrets
import shlex
import stat
from pathlib import Path
from typing import NoReturn

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from vultus.errors import InputError, IntegrityError, RefusedError, UnavailableError

KEY_BYTES = 32
_VERSION = b"vultus-key-1"
_FILE_BYTES = len(_VERSION) + 1 + 44 + 1
_PURPOSE = re.compile(r"[a-z0-9_-]+(?:/[a-z0-9_-]+)*")


class MasterKey:
    """32 random bytes that show themselves nowhere: not in repr, str, format or a pickle."""

    __slots__ = ("_secret",)

    def __init__(self, secret: bytes) -> None:
        if len(secret) != KEY_BYTES:
            raise ValueError(f"a master key has {KEY_BYTES} bytes, got {len(secret)}")
        self._secret = bytes(secret)

    @classmethod
    def generate(cls) -> "MasterKey":
        """A new random key."""
        return cls(secrets.token_bytes(KEY_BYTES))

    @classmethod
    def load(cls, path: Path) -> "MasterKey":
        """The key in the file at `path`.

        Raises UnavailableError `key.missing`, RefusedError `key.too_open` when any permission
        beyond 0600 is set, IntegrityError `key.malformed` for anything but the one spelling.
        """
        data = _read(path)
        try:
            secret = base64.b64decode(data[len(_VERSION) + 1 : -1], validate=True)
        except binascii.Error:
            raise _malformed(path) from None
        if len(secret) != KEY_BYTES or not hmac.compare_digest(data, _file_bytes(secret)):
            raise _malformed(path)
        return cls(secret)

    def create_file(self, path: Path) -> None:
        """Write the key to `path`, mode 0600 from the first byte, whole or not at all.

        A missing parent folder is made with mode 0700. When this returns the key is on disk.
        Raises InputError `key.exists` (a key is never overwritten) and UnavailableError
        `key.not_written`, after which `path` holds nothing, or the whole key where only the
        last sync of its folder failed.
        """
        beside = path.parent / f".{path.name}.{secrets.token_hex(4)}"
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            try:
                _write_durably(beside, _file_bytes(self._secret))
                _link(beside, path)
            finally:
                beside.unlink(missing_ok=True)
            _sync_folder(path.parent)
        except OSError as error:
            raise UnavailableError(
                "key.not_written",
                f"The key file {path} could not be written: {error.strerror}.",
                "Check the folder and the space on the disk, then try again.",
            ) from error

    def derive(self, purpose: str) -> bytes:
        """The 32-byte key for `purpose`: HKDF-SHA256 (RFC 5869), info `vultus/1/<purpose>`.

        `purpose` is parts of [a-z0-9_-] joined by "/", at most 128 characters; ValueError else.
        """
        if len(purpose) > 128 or not _PURPOSE.fullmatch(purpose):
            raise ValueError(f"a purpose is parts of [a-z0-9_-] joined by /, got {purpose!r}")
        info = f"vultus/1/{purpose}".encode("ascii")
        return HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(self._secret)

    def __eq__(self, other: object) -> bool:
        """Equal keys, compared in constant time."""
        if not isinstance(other, MasterKey):
            return NotImplemented
        return hmac.compare_digest(self._secret, other._secret)

    __hash__ = None  # type: ignore[assignment]  # a hash would be kept and could be compared

    def __repr__(self) -> str:
        return "MasterKey(…)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a master key does not leave its process")


def _file_bytes(secret: bytes) -> bytes:
    return _VERSION + b"\n" + base64.b64encode(secret) + b"\n"


def _read(path: Path) -> bytes:
    """The first bytes of the key file, one more than a key has."""
    try:
        # Not blocking: a pipe in the key's place must be refused, not waited for.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise UnavailableError(
            "key.missing",
            f"The key file {path} cannot be read: {error.strerror}.",
            "Put the key file back, or name its place in VULTUS_KEY_FILE. "
            "Without it nothing that is sealed can be opened.",
        ) from None
    try:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            raise _malformed(path)
        if stat.S_IMODE(mode) & ~0o600:
            raise RefusedError(
                "key.too_open",
                f"The key file {path} is open to others (mode {stat.S_IMODE(mode):04o}).",
                f"Run: chmod 600 {shlex.quote(str(path))}",
            )
        return os.read(descriptor, _FILE_BYTES + 1)
    finally:
        os.close(descriptor)


def _malformed(path: Path) -> IntegrityError:
    return IntegrityError(
        "key.malformed",
        f"{path} is not a Vultus key file.",
        "Restore the key file from its copy. Do not edit it: a key has one spelling.",
    )


def _link(beside: Path, path: Path) -> None:
    """Give `beside` its real name: atomic, and refused where something stands."""
    try:
        os.link(beside, path)
    except FileExistsError:
        raise InputError(
            "key.exists",
            f"{path} already exists; a key is never overwritten.",
            "Use the key that is there, or choose another place for a new home.",
        ) from None


def _write_durably(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(descriptor)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

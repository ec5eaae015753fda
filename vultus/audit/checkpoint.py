"""Signed tree heads: C2SP tlog-checkpoint in a C2SP signed note, Ed25519.

The note reader has one spelling for everything it trusts; lines signed by other keys (witnesses)
are allowed and ignored, as the specification asks.
"""

import base64
import binascii
import re
import secrets
from dataclasses import dataclass
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from vultus.audit.merkle import EMPTY_ROOT, HASH_BYTES, MAX_SIZE
from vultus.errors import InputError, IntegrityError

MAX_NOTE_BYTES = 512 * 1024
MAX_SIGNATURES = 64
_ED25519 = b"\x01"
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")
_NAME = re.compile(r"[!-*,-~]{1,255}")  # of our keys: printable ASCII, no space, no "+"
_KEY_ID = re.compile(r"[0-9a-f]{8}")


@dataclass(frozen=True)
class Checkpoint:
    """That the log named `origin` had `size` entries with the root `root` (32 bytes)."""

    origin: str
    size: int
    root: bytes

    def __post_init__(self) -> None:
        _check_name(self.origin)
        if not 0 <= self.size <= MAX_SIZE:
            raise ValueError(f"a size is from 0 to 2^63 - 1, got {self.size}")
        if len(self.root) != HASH_BYTES:
            raise ValueError(f"a root has {HASH_BYTES} bytes, got {len(self.root)}")
        if self.size == 0 and self.root != EMPTY_ROOT:
            raise ValueError("at size 0 the root is that of the empty tree")

    def text(self) -> str:
        """The three lines that are signed."""
        return f"{self.origin}\n{self.size}\n{_to_base64(self.root)}\n"


@dataclass(frozen=True)
class _VerifierKey:
    name: str
    key_id: bytes
    public: Ed25519PublicKey


def generate_signing_key() -> bytes:
    """A new Ed25519 signing key: a seed of 32 random bytes (RFC 8032). Keep it sealed."""
    return secrets.token_bytes(32)


def verifier_key(signing_key: bytes, name: str) -> str:
    """The public half as C2SP writes it, `name+keyid+base64`: to be handed around.

    ValueError unless `name` is 1 to 255 printable ASCII characters without space and "+".
    """
    _check_name(name)
    public = _public_bytes(signing_key)
    encoded = _to_base64(_ED25519 + public)
    return f"{name}+{_key_id(name, public).hex()}+{encoded}"


def sign(checkpoint: Checkpoint, signing_key: bytes, name: str) -> str:
    """The signed note for `checkpoint`, signed by the key called `name`.

    The name of a log's key is its origin; another one is a ValueError, for no reader would
    trust it.
    """
    if name != checkpoint.origin:
        raise ValueError(f"the key of {checkpoint.origin!r} bears its name, got {name!r}")
    text = checkpoint.text()
    signature = Ed25519PrivateKey.from_private_bytes(signing_key).sign(text.encode("utf-8"))
    key_id = _key_id(name, _public_bytes(signing_key))
    return f"{text}\n— {name} {_to_base64(key_id + signature)}\n"


def verify_checkpoint(note: str, verifier_key: str) -> Checkpoint:
    """The checkpoint in `note`, which the key signed whose C2SP text is `verifier_key`.

    Raises InputError `verifier_key.malformed`; IntegrityError `checkpoint.malformed` where the
    note is not in its one spelling, `checkpoint.signature_wrong` where it is not signed by this
    key, or is the checkpoint of another log.
    """
    key = _parse_verifier_key(verifier_key)
    text, signatures = _split_note(note)
    ours = [blob for name, blob in signatures if (name, blob[:4]) == (key.name, key.key_id)]
    if len(ours) > 1:
        raise _malformed()
    if not ours:
        raise _signature_wrong()
    try:
        key.public.verify(ours[0][4:], text.encode("utf-8"))
    except InvalidSignature:
        raise _signature_wrong() from None
    checkpoint = _parse_text(text)
    if checkpoint.origin != key.name:
        raise _signature_wrong()
    return checkpoint


def _split_note(note: str) -> tuple[str, list[tuple[str, bytes]]]:
    """The signed text, and (key name, key id and signature) of every signature line."""
    try:
        n_bytes = len(note.encode("utf-8"))
    except UnicodeEncodeError:
        raise _malformed() from None
    if n_bytes > MAX_NOTE_BYTES or any(char < " " and char != "\n" for char in note):
        raise _malformed()
    head, separator, tail = note.rpartition("\n\n")
    lines = tail.split("\n")
    if not separator or lines.pop() != "" or not 1 <= len(lines) <= MAX_SIGNATURES:
        raise _malformed()
    return head + "\n", [_parse_signature(line) for line in lines]


def _parse_signature(line: str) -> tuple[str, bytes]:
    parts = line.split(" ")
    if len(parts) != 3 or parts[0] != "—":
        raise _malformed()
    name, blob = parts[1], _from_base64(parts[2])
    if not name or "+" in name or any(char.isspace() for char in name):
        raise _malformed()
    if blob is None or len(blob) < 5:
        raise _malformed()
    return name, blob


def _parse_text(text: str) -> Checkpoint:
    lines = text.split("\n")
    if len(lines) != 4 or not _SIZE.fullmatch(lines[1]):
        raise _malformed()
    root = _from_base64(lines[2])
    if root is None:
        raise _malformed()
    try:
        return Checkpoint(lines[0], int(lines[1]), root)
    except ValueError:
        raise _malformed() from None


def _parse_verifier_key(text: str) -> _VerifierKey:
    name, _, rest = text.partition("+")
    key_id, _, encoded = rest.partition("+")
    blob = _from_base64(encoded)
    if (
        not _NAME.fullmatch(name)
        or not _KEY_ID.fullmatch(key_id)
        or blob is None
        or len(blob) != 33
        or blob[:1] != _ED25519
        or bytes.fromhex(key_id) != _key_id(name, blob[1:])
    ):
        raise InputError(
            "verifier_key.malformed",
            "This is not a verifier key (name+key id+base64).",
            "Copy it whole and on one line from where the home publishes it.",
        )
    return _VerifierKey(name, bytes.fromhex(key_id), Ed25519PublicKey.from_public_bytes(blob[1:]))


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise ValueError(f"a name is printable ASCII without space and '+', got {name!r}")


def _key_id(name: str, public: bytes) -> bytes:
    return sha256(name.encode("utf-8") + b"\n" + _ED25519 + public).digest()[:4]


def _public_bytes(signing_key: bytes) -> bytes:
    return Ed25519PrivateKey.from_private_bytes(signing_key).public_key().public_bytes_raw()


def _to_base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _from_base64(text: str) -> bytes | None:
    """The bytes of the one base64 spelling, or None for any other."""
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error):
        return None
    return data if _to_base64(data) == text else None


def _malformed() -> IntegrityError:
    return IntegrityError(
        "checkpoint.malformed",
        "The checkpoint cannot be read.",
        "Use the checkpoint exactly as the log wrote it, with its last newline.",
    )


def _signature_wrong() -> IntegrityError:
    return IntegrityError(
        "checkpoint.signature_wrong",
        "The checkpoint is not signed by this key.",
        "Check that the verifier key is the one this home publishes; if it is, do not trust "
        "the checkpoint.",
    )

"""Sealed bytes: AES-256-GCM with a key of its own for every message (docs/formats/sealed.md).

AES-GCM with random 96-bit nonces is good for 2^32 messages a key, and worthless once a nonce
repeats. So each message gets a key derived from a random 16-byte salt (HKDF-Expand, one HMAC):
what must not repeat is 224 bits long, and no one has to count messages.
"""

import hmac
import secrets
from typing import Any, NoReturn

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from vultus import canonical
from vultus.errors import IntegrityError
from vultus.vault.key import KEY_BYTES, MasterKey

OVERHEAD_BYTES = 1 + 16 + 12 + 16  # version, salt, nonce, tag
_VERSION = b"\x01"
_NONCE_AT = 17
_TEXT_AT = 29
_BLOCK = 32


class Sealer:
    """Seals and opens under one 32-byte key. It keeps no state and is safe among threads."""

    __slots__ = ("_key",)

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise ValueError(f"a key has {KEY_BYTES} bytes, got {len(key)}")
        self._key = bytes(key)

    def seal(self, plaintext: bytes, identity: str) -> bytes:
        """`plaintext` sealed, OVERHEAD_BYTES longer; two calls never give the same bytes.

        `identity` says whose bytes these are ("reference:123:template"), 1 to 255 bytes of UTF-8
        (ValueError else); it is bound to the sealed bytes but not stored in them.
        """
        header = _VERSION + secrets.token_bytes(_TEXT_AT - 1)
        cipher = self._cipher(header[1:_NONCE_AT])
        return header + cipher.encrypt(header[_NONCE_AT:], plaintext, _associated(identity))

    def unseal(self, sealed: bytes, identity: str) -> bytes:
        """What was sealed under this key and identity.

        Raises IntegrityError `sealed.does_not_open` for anything else; it does not say why.
        """
        if len(sealed) < OVERHEAD_BYTES or sealed[:1] != _VERSION:
            raise does_not_open()
        cipher = self._cipher(sealed[1:_NONCE_AT])
        nonce, rest = sealed[_NONCE_AT:_TEXT_AT], sealed[_TEXT_AT:]
        try:
            return cipher.decrypt(nonce, rest, _associated(identity))
        except InvalidTag:
            raise does_not_open() from None

    def _cipher(self, salt: bytes) -> AESGCM:
        # HKDF-Expand to 32 bytes is one HMAC over info and the counter byte 1.
        return AESGCM(hmac.digest(self._key, b"vultus/1/message" + salt + b"\x01", "sha256"))

    def __repr__(self) -> str:
        return "Sealer(…)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a key does not leave its process")


def seal(key: bytes, plaintext: bytes, identity: str) -> bytes:
    """`Sealer(key).seal(plaintext, identity)`."""
    return Sealer(key).seal(plaintext, identity)


def unseal(key: bytes, sealed: bytes, identity: str) -> bytes:
    """`Sealer(key).unseal(sealed, identity)`."""
    return Sealer(key).unseal(sealed, identity)


class Vault:
    """Seals under a key a purpose, derived once from the master key. Safe among threads."""

    def __init__(self, master: MasterKey) -> None:
        self._master = master
        self._sealers: dict[str, Sealer] = {}
        self._blind_keys: dict[str, bytes] = {}

    def seal(self, purpose: str, identity: str, plaintext: bytes) -> bytes:
        """`plaintext` sealed for `purpose`; its length shows. See `Sealer.seal`."""
        return self._sealer(purpose).seal(plaintext, identity)

    def unseal(self, purpose: str, identity: str, sealed: bytes) -> bytes:
        """What `seal` was given for this purpose and identity; else `sealed.does_not_open`."""
        return self._sealer(purpose).unseal(sealed, identity)

    def seal_text(self, purpose: str, identity: str, text: str) -> bytes:
        """`text` sealed, padded so that only its length in steps of 32 bytes shows."""
        return self.seal(purpose, identity, _pad(text.encode("utf-8")))

    def unseal_text(self, purpose: str, identity: str, sealed: bytes) -> str:
        """What `seal_text` was given; else `sealed.does_not_open`."""
        padded = self.unseal(purpose, identity, sealed)
        try:
            return _unpad(padded).decode("utf-8")
        except UnicodeDecodeError:
            raise does_not_open() from None

    def seal_json(self, purpose: str, identity: str, value: Any) -> bytes:  # noqa: ANN401
        """`value` sealed as canonical JSON, padded as in `seal_text`."""
        return self.seal(purpose, identity, _pad(canonical.encode(value)))

    def unseal_json(self, purpose: str, identity: str, sealed: bytes) -> Any:  # noqa: ANN401
        """What `seal_json` was given (tuples come back as lists); else `sealed.does_not_open`."""
        padded = self.unseal(purpose, identity, sealed)
        try:
            return canonical.decode(_unpad(padded))
        except ValueError:
            raise does_not_open() from None

    def blind(self, purpose: str, value: str | bytes) -> bytes:
        """A look-up key for `value`: HMAC-SHA256 under the purpose's own key, 32 bytes.

        The same for the same value, and for a text and its UTF-8 bytes. Normalise first.
        """
        key = self._blind_keys.get(purpose)
        if key is None:
            key = self._blind_keys.setdefault(purpose, self._master.derive(f"blind/{purpose}"))
        data = value.encode("utf-8") if isinstance(value, str) else value
        return hmac.digest(key, data, "sha256")

    def _sealer(self, purpose: str) -> Sealer:
        sealer = self._sealers.get(purpose)
        if sealer is None:
            fresh = Sealer(self._master.derive(f"seal/{purpose}"))
            sealer = self._sealers.setdefault(purpose, fresh)
        return sealer

    def __repr__(self) -> str:
        return "Vault(…)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a vault does not leave its process")


def _associated(identity: str) -> bytes:
    data = identity.encode("utf-8")
    if not 1 <= len(data) <= 255:
        raise ValueError(f"an identity has 1 to 255 bytes, got {len(data)}")
    return data


def _pad(data: bytes) -> bytes:
    """ISO/IEC 7816-4: 0x80, then zeros to the next multiple of 32."""
    return data + b"\x80" + bytes(-(len(data) + 1) % _BLOCK)


def _unpad(padded: bytes) -> bytes:
    data, mark, _ = padded.rpartition(b"\x80")
    if not mark or _pad(data) != padded:
        raise does_not_open()
    return data


def does_not_open() -> IntegrityError:
    """The one error of whatever does not open; it does not say why."""
    return IntegrityError(
        "sealed.does_not_open",
        "Sealed data does not open.",
        "The data was changed, is in the wrong place, or was sealed under another key. "
        "Keep everything as it is and run: vultus doctor",
    )

"""Pages of one index segment: sealed under a key of its own (docs/formats/sealed.md).

The key is random and kept only sealed by the vault. Deleting that sealed key erases the segment,
wherever copies of its file may lie.
"""

import secrets
from typing import NoReturn

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from vultus.vault.key import KEY_BYTES
from vultus.vault.seal import Vault, does_not_open

PAGE_MAX = 2**32 - 1
_PURPOSE = "segment-key"
_TAG_BYTES = 16


class PageCipher:
    """Seals the pages of one segment once, or opens them. Safe among threads.

    The nonce of a page is its number. That is safe, and needs no bytes in the file, because no
    number comes twice under one key: a segment is written once, by the process that drew the
    key (`new`), and this object refuses to seal a page again. A key that was read back (`unwrap`)
    only opens, since it cannot know which pages were sealed.
    """

    overhead = _TAG_BYTES  # bytes by which a page grows

    __slots__ = ("_cipher", "_key", "_name", "_sealed")

    def __init__(self, name: str, key: bytes, *, fresh: bool = False) -> None:
        if len(key) != KEY_BYTES:
            raise ValueError(f"a key has {KEY_BYTES} bytes, got {len(key)}")
        if not 1 <= len(name.encode("utf-8")) <= 255:
            raise ValueError(f"expected a name of 1 to 255 bytes, got {len(name.encode('utf-8'))}")
        self._name, self._key = name.encode("utf-8"), bytes(key)
        self._cipher = AESGCM(self._key)
        self._sealed: set[int] | None = set() if fresh else None

    @classmethod
    def new(cls, name: str) -> "PageCipher":
        """The cipher of a segment that is about to be written, with a new random key."""
        return cls(name, secrets.token_bytes(KEY_BYTES), fresh=True)

    @classmethod
    def unwrap(cls, vault: Vault, name: str, wrapped: bytes) -> "PageCipher":
        """The cipher whose `wrap` this is. Raises IntegrityError `sealed.does_not_open`."""
        key = vault.unseal(_PURPOSE, f"segment:{name}", wrapped)
        if len(key) != KEY_BYTES:
            raise does_not_open()
        return cls(name, key)

    def wrap(self, vault: Vault) -> bytes:
        """The key, sealed by the vault for this segment's name."""
        return vault.seal(_PURPOSE, f"segment:{self._name.decode('utf-8')}", self._key)

    def seal(self, page: int, plain: bytes) -> bytes:
        """`plain` sealed as page `page`, `overhead` bytes longer.

        Raises ValueError for a page that was sealed before, and for any page when the key is
        not new: both would be a nonce used twice.
        """
        nonce, associated = self._bound(page)
        if self._sealed is None:
            raise ValueError("a segment is written once: this key was read back and only opens")
        if page in self._sealed:
            raise ValueError(f"page {page} was sealed before")
        self._sealed.add(page)
        return self._cipher.encrypt(nonce, plain, associated)

    def unseal(self, page: int, sealed: bytes) -> bytes:
        """What was sealed as page `page` of this segment under this key.

        Raises IntegrityError `sealed.does_not_open` for anything else; it does not say why.
        """
        nonce, associated = self._bound(page)
        if len(sealed) < _TAG_BYTES:
            raise does_not_open()
        try:
            return self._cipher.decrypt(nonce, sealed, associated)
        except InvalidTag:
            raise does_not_open() from None

    def _bound(self, page: int) -> tuple[bytes, bytes]:
        """(nonce, associated data) of a page."""
        if not 0 <= page <= PAGE_MAX:
            raise ValueError(f"expected a page from 0 to {PAGE_MAX}, got {page}")
        number = page.to_bytes(8, "big")
        return b"\0\0\0\0" + number, b"vultus/1/page" + number + self._name

    def __repr__(self) -> str:
        return "PageCipher(…)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a key does not leave its process")

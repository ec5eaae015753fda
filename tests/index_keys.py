"""Keys for the tests of sealed segments: AES-256-GCM, and a key ring that is a folder."""

import secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from vultus.errors import IntegrityError


class Pages:
    """Seals the pages of one segment. Its key seals each page once: the number is the nonce."""

    overhead = 16

    def __init__(self, key: bytes, name: str = "index") -> None:
        self._key, self._name = AESGCM(key), name.encode()

    def seal(self, page: int, plain: bytes) -> bytes:
        return self._key.encrypt(page.to_bytes(12, "big"), plain, self._name)

    def unseal(self, page: int, sealed: bytes) -> bytes:
        try:
            return self._key.decrypt(page.to_bytes(12, "big"), sealed, self._name)
        except InvalidTag as exc:
            raise IntegrityError("vault.page", f"Page {page} does not open.", "") from exc


class KeyFolder:
    """A key ring: a file of 32 bytes a segment."""

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder)
        self.folder.mkdir(exist_ok=True)

    def new(self, name: str) -> Pages:
        (self.folder / name).write_bytes(secrets.token_bytes(32))
        return self.cipher(name)

    def cipher(self, name: str) -> Pages:
        try:
            return Pages((self.folder / name).read_bytes(), name)
        except FileNotFoundError as exc:
            raise IntegrityError("vault.key", f"The key of {name} is gone.", "") from exc

    def destroy(self, name: str) -> None:
        (self.folder / name).unlink(missing_ok=True)

    def names(self) -> set[str]:
        return {path.name for path in self.folder.iterdir()}

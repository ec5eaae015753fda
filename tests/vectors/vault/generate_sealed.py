"""Writes sealed.json: run `python tests/vectors/vault/generate_sealed.py` after a new version.

Made from docs/formats/sealed.md with the cryptography package alone, not with our code.
"""

import json
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

KEY = bytes(range(32))
SALT = bytes(range(0x40, 0x50))
NONCE = bytes(range(0x60, 0x6C))


def sealed(plaintext: bytes, identity: str) -> bytes:
    info = b"vultus/1/message" + SALT
    key = HKDFExpand(algorithm=SHA256(), length=32, info=info).derive(KEY)
    return b"\x01" + SALT + NONCE + AESGCM(key).encrypt(NONCE, plaintext, identity.encode())


def main() -> None:
    good = sealed(b"a template", "reference:123:template")
    opens = [
        ("empty", b"", "reference:1:template"),
        ("short", b"a template", "reference:123:template"),
        ("identity beyond ASCII", bytes(64), "référence"),
    ]
    fails = [
        ("empty", b"", "reference:123:template"),
        ("version 0", b"\x00" + good[1:], "reference:123:template"),
        ("version 2", b"\x02" + good[1:], "reference:123:template"),
        ("another identity", good, "reference:124:template"),
        ("cut", good[:-1], "reference:123:template"),
        ("extended", good + b"\x00", "reference:123:template"),
        ("tag changed", good[:-1] + bytes([good[-1] ^ 1]), "reference:123:template"),
        ("salt changed", good[:1] + b"\x00" + good[2:], "reference:123:template"),
        ("nonce changed", good[:17] + b"\x00" + good[18:], "reference:123:template"),
    ]
    document = {
        "format": "docs/formats/sealed.md",
        "opens": [
            {
                "name": name,
                "key": KEY.hex(),
                "identity": identity,
                "plaintext": plaintext.hex(),
                "sealed": sealed(plaintext, identity).hex(),
            }
            for name, plaintext, identity in opens
        ],
        "does_not_open": [
            {
                "name": name,
                "key": KEY.hex(),
                "identity": identity,
                "sealed": data.hex(),
                "error": "sealed.does_not_open",
            }
            for name, data, identity in fails
        ],
    }
    path = Path(__file__).with_name("sealed.json")
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()

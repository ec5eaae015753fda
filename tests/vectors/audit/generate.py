"""Writes the JSON vectors beside it: `python tests/vectors/audit/generate.py`.

Made from docs/formats and the RFCs with hashlib, json and cryptography alone, not with our code,
by the plainest way there is. Bytes are in hex. A test checks that this file still gives them.
"""

import base64
import json
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

NAME = "vultus/example"
SEED = bytes(range(32))
WITNESS_SEED = bytes(range(32, 64))
# The eight leaves of the Certificate Transparency reference tests.
CT_LEAVES = [
    "",
    "00",
    "10",
    "2021",
    "3031",
    "40414243",
    "5051525354555657",
    "606162636465666768696a6b6c6d6e6f",
]


def canonical(value) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode("ascii")


def leaf_hash(data: bytes) -> bytes:
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


def split(n: int) -> int:
    k = 1
    while k * 2 < n:
        k *= 2
    return k


def root(hashes: list[bytes]) -> bytes:
    if not hashes:
        return sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    k = split(len(hashes))
    return node_hash(root(hashes[:k]), root(hashes[k:]))


def path(m: int, hashes: list[bytes]) -> list[bytes]:
    if len(hashes) == 1:
        return []
    k = split(len(hashes))
    if m < k:
        return [*path(m, hashes[:k]), root(hashes[k:])]
    return [*path(m - k, hashes[k:]), root(hashes[:k])]


def subproof(m: int, hashes: list[bytes], whole: bool) -> list[bytes]:
    if m == len(hashes):
        return [] if whole else [root(hashes)]
    k = split(len(hashes))
    if m <= k:
        return [*subproof(m, hashes[:k], whole), root(hashes[k:])]
    return [*subproof(m - k, hashes[k:], False), root(hashes[:k])]


def frontier(hashes: list[bytes]) -> bytes:
    n, at, parts = len(hashes), 0, []
    for bit in reversed(range(63)):
        if n >> bit & 1:
            parts.append(root(hashes[at : at + (1 << bit)]))
            at += 1 << bit
    return b"\x01" + n.to_bytes(8, "big") + b"".join(parts)


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def public(seed: bytes) -> bytes:
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()


def key_id(name: str, seed: bytes) -> bytes:
    return sha256(name.encode() + b"\n\x01" + public(seed)).digest()[:4]


def verifier_key(name: str, seed: bytes) -> str:
    return f"{name}+{key_id(name, seed).hex()}+" + b64(b"\x01" + public(seed))


def signature_line(text: str, name: str, seed: bytes) -> str:
    signature = Ed25519PrivateKey.from_private_bytes(seed).sign(text.encode())
    return f"— {name} {b64(key_id(name, seed) + signature)}\n"


def note(text: str, name: str = NAME, seed: bytes = SEED) -> str:
    return text + "\n" + signature_line(text, name, seed)


def text_of(size: int, root_hash: bytes, origin: str = NAME) -> str:
    return f"{origin}\n{size}\n{b64(root_hash)}\n"


def commitment(salt: bytes, payload: bytes) -> bytes:
    return sha256(b"vultus/1/commitment\n" + salt + payload).digest()


def salt_of(index: int) -> bytes:
    return sha256(f"salt {index}".encode()).digest()


def payload_of(index: int) -> dict:
    return {"by": 1, "case": 7, "search": index}


def leaf_of(index: int) -> bytes:
    return canonical(
        {
            "vultus_leaf": 1,
            "kind": "search.run",
            "time": f"2026-11-24T08:00:{index % 60:02}.{index % 1000:03}Z",
            "commitment": commitment(salt_of(index), canonical(payload_of(index))).hex(),
        }
    )


def merkle_document() -> dict:
    hashes = [leaf_hash(bytes.fromhex(leaf)) for leaf in CT_LEAVES]
    return {
        "leaves": CT_LEAVES,
        "trees": [
            {
                "size": n,
                "root": root(hashes[:n]).hex(),
                "frontier": frontier(hashes[:n]).hex(),
            }
            for n in range(9)
        ],
        "bad_frontiers": [
            {"name": name, "frontier": data.hex(), "error": "frontier.malformed"}
            for name, data in [
                ("empty", b""),
                ("header cut", b"\x01" + bytes(7)),
                ("version 0", b"\x00" + bytes(8)),
                ("version 2", b"\x02" + bytes(8)),
                ("hash missing", b"\x01" + (1).to_bytes(8, "big")),
                ("hash cut", frontier(hashes)[:-1]),
                ("hash too many", frontier(hashes) + bytes(32)),
                ("size of another", b"\x01" + (3).to_bytes(8, "big") + bytes(32)),
                ("size beyond 63 bits", b"\x01\x80" + bytes(7) + bytes(32)),
            ]
        ],
    }


def proof_document() -> dict:
    hashes = [leaf_hash(bytes.fromhex(leaf)) for leaf in CT_LEAVES]

    def inclusion(name, m, n, proof=None, leaf=None, tree=None, index=None):
        return {
            "name": name,
            "leaf_hash": (hashes[m] if leaf is None else leaf).hex(),
            "index": m if index is None else index,
            "size": n,
            "proof": [item.hex() for item in (path(m, hashes[:n]) if proof is None else proof)],
            "root": (root(hashes[:n]) if tree is None else tree).hex(),
        }

    def consistency(name, m, n, proof=None, old=None):
        made = subproof(m, hashes[:n], True) if m else []
        return {
            "name": name,
            "old_size": m,
            "size": n,
            "proof": [item.hex() for item in (made if proof is None else proof)],
            "old_root": (root(hashes[:m]) if old is None else old).hex(),
            "root": root(hashes[:n]).hex(),
        }

    good = path(5, hashes)
    grown = subproof(3, hashes[:7], True)
    return {
        "inclusion": [
            inclusion(f"{m} of {n}", m, n) for m, n in [(0, 1), (0, 8), (5, 8), (2, 3), (1, 5)]
        ],
        "inclusion_wrong": [
            inclusion("another index", 5, 8, good, index=4),
            inclusion("index beyond", 5, 8, good, index=8),
            inclusion("index negative", 5, 8, good, index=-1),
            inclusion("another leaf", 5, 8, good, leaf=hashes[4]),
            inclusion("another root", 5, 8, good, tree=root(hashes[:7])),
            inclusion("short", 5, 8, good[:-1]),
            inclusion("long", 5, 8, [*good, bytes(32)]),
            inclusion("turned round", 5, 8, good[::-1]),
            inclusion("hash cut", 5, 8, [good[0][:-1], *good[1:]]),
            inclusion("empty", 5, 8, []),
            inclusion("of one leaf, long", 0, 1, [bytes(32)]),
            inclusion("a node passed off as a leaf", 0, 4, [root(hashes[2:4])], root(hashes[:2])),
        ],
        "consistency": [
            consistency(f"{m} to {n}", m, n)
            for m, n in [(0, 0), (0, 8), (1, 1), (1, 8), (6, 8), (2, 5), (3, 7), (4, 8), (8, 8)]
        ],
        "consistency_wrong": [
            consistency("short", 3, 7, grown[:-1]),
            consistency("long", 3, 7, [*grown, bytes(32)]),
            consistency("empty", 3, 7, []),
            consistency("turned round", 3, 7, grown[::-1]),
            consistency("another old root", 3, 7, grown, root(hashes[1:4])),
            consistency("power of two, empty", 4, 8, []),
            consistency("same size, another root", 8, 8, [], root(hashes[:7])),
            consistency("same size, a proof", 8, 8, [bytes(32)]),
            consistency("from nothing, a root", 0, 8, [], root(hashes[:1])),
            consistency("from nothing, a proof", 0, 8, [bytes(32)]),
            {**consistency("shrunk", 3, 7, grown), "old_size": 8},
        ],
    }


def leaf_document() -> dict:
    good = {
        "vultus_leaf": 1,
        "kind": "photo.enrolled",
        "time": "2026-11-24T08:07:38.123Z",
        "commitment": "0123456789abcdef" * 4,
    }

    def with_(**changed) -> bytes:
        return canonical({key: item for key, item in {**good, **changed}.items() if item != ""})

    malformed = [
        ("empty", b""),
        ("not an object", b"[]"),
        ("space", canonical(good).replace(b":", b": ", 1)),
        ("newline at the end", canonical(good) + b"\n"),
        ("key order", b'{"vultus_leaf":1,' + canonical(good)[1:].replace(b',"vultus_leaf":1', b"")),
        ("key twice", canonical(good)[:-1] + b',"vultus_leaf":1}'),
        ("version 2", with_(vultus_leaf=2)),
        ("version true", with_(vultus_leaf=True)),
        ("no version", with_(vultus_leaf="")),
        ("another key", with_(person="x")),
        ("unknown kind", with_(kind="photo.seen")),
        ("kind of another case", with_(kind="Photo.enrolled")),
        ("kind a list", with_(kind=[])),
        ("commitment short", with_(commitment="00" * 31)),
        ("commitment long", with_(commitment="00" * 33)),
        ("commitment in capitals", with_(commitment="ABCDEF0123456789" * 4)),
        ("commitment a number", with_(commitment=1)),
        ("no milliseconds", with_(time="2026-11-24T08:07:38Z")),
        ("microseconds", with_(time="2026-11-24T08:07:38.123456Z")),
        ("offset", with_(time="2026-11-24T08:07:38.123+00:00")),
        ("lower case", with_(time="2026-11-24t08:07:38.123z")),
        ("space for T", with_(time="2026-11-24 08:07:38.123Z")),
        ("no such day", with_(time="2026-02-30T08:07:38.123Z")),
        ("hour 24", with_(time="2026-11-24T24:00:00.000Z")),
        ("leap second", with_(time="2026-12-31T23:59:60.000Z")),
        ("year 0", with_(time="0000-01-01T00:00:00.000Z")),
        ("other digits", with_(time="٢026-11-24T08:07:38.123Z")),
        ("too long", with_(kind="x" * 300)),
    ]
    payload = canonical({"by": 1, "case": 7, "search": 3})
    return {
        "leaves": [
            {
                "leaf": canonical(good).hex(),
                "kind": good["kind"],
                "time_ms": 1795507658123,
                "commitment": good["commitment"],
                "leaf_hash": leaf_hash(canonical(good)).hex(),
            }
        ],
        "malformed": [
            {"name": name, "leaf": data.hex(), "error": "leaf.malformed"}
            for name, data in malformed
        ],
        "commitments": [
            {
                "salt": salt_of(3).hex(),
                "payload": payload.hex(),
                "commitment": commitment(salt_of(3), payload).hex(),
            }
        ],
    }


def checkpoint_document() -> dict:
    tree = root([leaf_hash(bytes.fromhex(leaf)) for leaf in CT_LEAVES])
    text = text_of(8, tree)
    good = note(text)
    line = signature_line(text, NAME, SEED)
    witness = signature_line("whatever\n", "witness.example/w", WITNESS_SEED)
    blob = base64.b64decode(line.split(" ")[2])
    flipped = f"— {NAME} {b64(blob[:-1] + bytes([blob[-1] ^ 1]))}\n"
    same_id = f"— witness.example/w {b64(blob[:4] + bytes(64))}\n"
    same_name = f"— {NAME} {b64(bytes(68))}\n"
    opens = [
        ("size 8", good, 8, tree),
        ("size 0", note(text_of(0, sha256(b"").digest())), 0, sha256(b"").digest()),
        ("largest size", note(text_of(2**63 - 1, tree)), 2**63 - 1, tree),
        ("a witness after", good + witness, 8, tree),
        ("a witness before", f"{text}\n{witness}{line}", 8, tree),
        ("the same witness twice", good + witness + witness, 8, tree),
        ("a witness with our key id", good + same_id, 8, tree),
        ("another key of our name", good + same_name, 8, tree),
        ("a witness with a long signature", good + f"— pq {b64(bytes(5000))}\n", 8, tree),
        ("a witness beyond ASCII", good + f"— témoin.example {b64(bytes(68))}\n", 8, tree),
        ("sixteen witnesses", good + witness * 16, 8, tree),
    ]
    malformed = {
        "empty": "",
        "no signature": text,
        "no signature line": text + "\n",
        "no blank line": text + line,
        "newline after": good + "\n",
        "no newline at the end": good[:-1],
        "text after": good + "more\n",
        "carriage returns": good.replace("\n", "\r\n"),
        "carriage return at the end": good[:-1] + "\r\n",
        "tab": good.replace("— ", "—\t"),
        "signed twice": good + line,
        "signed twice, once wrongly": good + flipped,
        "hyphen for the dash": good.replace("— ", "- "),
        "two spaces": good.replace("— ", "—  "),
        "space at the end": good[:-1] + " \n",
        "signature without padding": good.replace("=\n", "\n"),
        "URL-safe base64": f"{text}\n— {NAME} {b64(blob).replace('+', '-').replace('/', '_')}\n",
        "signature too short": f"{text}\n— {NAME} {b64(blob[:4])}\n",
        "a witness without base64": good + "— witness.example/w !!!\n",
        "a witness without name": good + f"—  {b64(bytes(68))}\n",
        "a witness with plus": good + f"— a+b {b64(bytes(68))}\n",
        "a witness with a wide space": good + f"— a\u3000b {b64(bytes(68))}\n",
        "too many signatures": good + witness * 64,
    }
    signed = {
        "leading zero": text.replace("\n8\n", "\n08\n"),
        "plus sign": text.replace("\n8\n", "\n+8\n"),
        "negative": text.replace("\n8\n", "\n-8\n"),
        "space before the size": text.replace("\n8\n", "\n 8\n"),
        "other digits": text.replace("\n8\n", "\n٨\n"),
        "fraction": text.replace("\n8\n", "\n8.0\n"),
        "size beyond 63 bits": text.replace("\n8\n", f"\n{2**63}\n"),
        "no size": text.replace("\n8\n", "\n\n"),
        "root cut": text_of(8, tree[:-1]),
        "root long": text_of(8, tree + b"\0"),
        "root without padding": text.replace("=", ""),
        "root with other unused bits": text[:-3] + chr(ord(text[-3]) + 1) + "=\n",
        "extension line": text + "extension\n",
        "two lines": "\n".join(text.split("\n")[:2]) + "\n",
        "empty line in the text": text + "\n",
        "size 0 with a root": text_of(0, tree),
        "origin empty": text_of(8, tree, ""),
        "origin with a space": text_of(8, tree, "vultus/exa mple"),
    }
    wrong = {
        "signature changed": f"{text}\n{flipped}",
        "another key": note(text, NAME, WITNESS_SEED),
        "another name": note(text, "vultus/other", SEED),
        "only a witness": f"{text}\n{witness}",
        "size changed": good.replace("\n8\n", "\n9\n"),
        "origin changed": good.replace(f"{NAME}\n", "vultus/exbmple\n", 1),
        "signature cut": f"{text}\n— {NAME} {b64(blob[:-1])}\n",
        "signature long": f"{text}\n— {NAME} {b64(blob + bytes(1))}\n",
        "two blank lines": f"{text}\n\n{line}",
        "newline before": "\n" + good,
        "blank line among signatures": good + "\n" + witness,
        "byte order mark": "\ufeff" + good,
        "the checkpoint of another log": note(text_of(8, tree, "vultus/other")),
    }
    vkey = verifier_key(NAME, SEED)
    _, hex_id, encoded = vkey.split("+", 2)
    raw = base64.b64decode(encoded)
    other_type_id = sha256(NAME.encode() + b"\n\x02" + raw[1:]).hexdigest()[:8]
    bad_keys = {
        "empty": "",
        "newline": vkey + "\n",
        "no name": vkey[len(NAME) :],
        "key id in capitals": f"{NAME}+{hex_id.upper()}+{encoded}",
        "key id of another": f"{NAME}+00000000+{encoded}",
        "another name": vkey.replace("example", "exbmple"),
        "space": vkey.replace("/", " "),
        "another type": f"{NAME}+{other_type_id}+" + b64(b"\x02" + raw[1:]),
        "key cut": vkey[:-4],
        "no base64": f"{NAME}+{hex_id}+!",
        "a name beyond ASCII": verifier_key("vultus/é", SEED),
    }
    return {
        "signing_key": SEED.hex(),
        "name": NAME,
        "verifier_key": vkey,
        "opens": [
            {"name": name, "note": signed_note, "size": size, "root": tree_root.hex()}
            for name, signed_note, size, tree_root in opens
        ],
        "refused": [
            {"name": name, "note": bad, "error": "checkpoint.malformed"}
            for name, bad in malformed.items()
        ]
        + [
            {"name": f"signed: {name}", "note": note(bad), "error": "checkpoint.malformed"}
            for name, bad in signed.items()
        ]
        + [
            {"name": name, "note": bad, "error": "checkpoint.signature_wrong"}
            for name, bad in wrong.items()
        ],
        "verifier_keys_refused": [
            {"name": name, "verifier_key": bad, "error": "verifier_key.malformed"}
            for name, bad in bad_keys.items()
        ],
    }


def receipt_document() -> dict:
    leaves = [leaf_of(index) for index in range(11)]
    hashes = [leaf_hash(leaf) for leaf in leaves]
    signed = note(text_of(11, root(hashes)))
    good = {
        "vultus_receipt": 1,
        "index": 9,
        "size": 11,
        "leaf": json.loads(leaves[9]),
        "proof": [item.hex() for item in path(9, hashes)],
        "checkpoint": signed,
        "what": payload_of(9),
        "salt": salt_of(9).hex(),
    }
    bare = {key: item for key, item in good.items() if key not in ("what", "salt")}
    refused = [
        ("empty", b"", "receipt.malformed"),
        ("not canonical", json.dumps(good).encode(), "receipt.malformed"),
        ("newline after", canonical(good) + b"\n", "receipt.malformed"),
        ("not an object", b"[1]", "receipt.malformed"),
    ]
    changes = [
        ("version 2", {"vultus_receipt": 2}, "receipt.malformed"),
        ("version true", {"vultus_receipt": True}, "receipt.malformed"),
        ("another key", {"more": 1}, "receipt.malformed"),
        ("index a text", {"index": "9"}, "receipt.malformed"),
        ("index a fraction", {"index": 9.0}, "receipt.malformed"),
        ("another size", {"size": 12}, "receipt.malformed"),
        ("leaf of another kind", {"leaf": {**good["leaf"], "kind": "x.y"}}, "receipt.malformed"),
        ("leaf a text", {"leaf": leaves[9].decode()}, "receipt.malformed"),
        ("proof in capitals", {"proof": ["AB" * 32]}, "receipt.malformed"),
        ("proof a text", {"proof": "00"}, "receipt.malformed"),
        ("proof too long", {"proof": ["00" * 32] * 64}, "receipt.malformed"),
        ("what null", {"what": None}, "receipt.malformed"),
        ("what a list", {"what": []}, "receipt.malformed"),
        ("salt cut", {"salt": good["salt"][:-2]}, "receipt.malformed"),
        ("checkpoint null", {"checkpoint": None}, "receipt.malformed"),
        ("checkpoint cut", {"checkpoint": signed[:-1]}, "checkpoint.malformed"),
        (
            "checkpoint of another key",
            {"checkpoint": note(text_of(11, root(hashes)), NAME, WITNESS_SEED)},
            "checkpoint.signature_wrong",
        ),
        ("another index", {"index": 8}, "proof.inclusion_wrong"),
        ("index negative", {"index": -1}, "proof.inclusion_wrong"),
        ("index beyond", {"index": 11}, "proof.inclusion_wrong"),
        ("proof cut", {"proof": good["proof"][:-1]}, "proof.inclusion_wrong"),
        (
            "leaf changed",
            {"leaf": {**good["leaf"], "kind": "case.opened"}},
            "proof.inclusion_wrong",
        ),
        ("what changed", {"what": {**good["what"], "search": 8}}, "commitment.wrong"),
        ("salt changed", {"salt": salt_of(8).hex()}, "commitment.wrong"),
    ]
    refused += [(name, canonical({**good, **change}), error) for name, change, error in changes]
    for key in good:
        left = {name: item for name, item in good.items() if name != key}
        refused.append((f"without {key}", canonical(left), "receipt.malformed"))
    return {
        "verifier_key": verifier_key(NAME, SEED),
        "opens": [
            {"name": "with what", "receipt": canonical(good).decode(), "index": 9, "what": True},
            {
                "name": "the leaf only",
                "receipt": canonical(bare).decode(),
                "index": 9,
                "what": False,
            },
        ],
        "refused": [
            {"name": name, "receipt": data.decode(), "error": error}
            for name, data, error in refused
        ],
    }


def log_document() -> dict:
    leaves = [leaf_of(index) for index in range(5)]
    hashes = [leaf_hash(leaf) for leaf in leaves]
    rows = [[index, leaf.hex(), leaf_hash(leaf).hex()] for index, leaf in enumerate(leaves)]
    signed = note(text_of(5, root(hashes)))
    edge = frontier(hashes).hex()
    other = leaf_of(7)
    other_row = [2, other.hex(), leaf_hash(other).hex()]
    sixth = [5, other.hex(), leaf_hash(other).hex()]
    no_leaf = [2, b"x".hex(), leaf_hash(b"x").hex()]
    with_no_leaf = [*hashes[:2], leaf_hash(b"x"), *hashes[3:]]
    cases = [
        ("whole", rows, edge, signed, None),
        ("empty", [], frontier([]).hex(), note(text_of(0, sha256(b"").digest())), None),
        ("one left out", rows[:2] + rows[3:], edge, signed, "log.entry_missing"),
        ("the first left out", rows[1:], edge, signed, "log.entry_missing"),
        ("one twice", rows[:3] + rows[2:], edge, signed, "log.entry_repeated"),
        ("leaf changed", [*rows[:2], [2, other.hex(), rows[2][2]], *rows[3:]], edge, signed,
         "log.entry_changed"),
        ("hash changed", [*rows[:2], [2, rows[2][1], other_row[2]], *rows[3:]], edge, signed,
         "log.entry_changed"),
        ("no leaf, signed for", [*rows[:2], no_leaf, *rows[3:]], frontier(with_no_leaf).hex(),
         note(text_of(5, root(with_no_leaf))), "log.entry_changed"),
        ("leaf and hash changed", [*rows[:2], other_row, *rows[3:]], edge, signed,
         "log.root_differs"),
        ("two exchanged", [rows[0], [1, *rows[2][1:]], [2, *rows[1][1:]], *rows[3:]], edge,
         signed, "log.root_differs"),
        ("the last cut off", rows[:4], frontier(hashes[:4]).hex(), signed, "log.truncated"),
        ("all cut off", [], edge, signed, "log.truncated"),
        ("one added", [*rows, sixth], edge, signed, "log.entries_unsigned"),
        ("frontier of an earlier size", rows, frontier(hashes[:4]).hex(), signed,
         "log.frontier_differs"),
        ("frontier cut", rows, edge[:-2], signed, "log.frontier_differs"),
        ("another key", rows, edge, note(text_of(5, root(hashes)), NAME, WITNESS_SEED),
         "log.signature_wrong"),
        ("checkpoint cut", rows, edge, signed[:-1], "log.checkpoint_malformed"),
    ]  # fmt: skip
    return {
        "verifier_key": verifier_key(NAME, SEED),
        "logs": [
            {"name": name, "entries": entries, "frontier": edge, "note": signed, "error": error}
            for name, entries, edge, signed, error in cases
        ],
    }


def tile_document() -> dict:
    files = []
    for size in (0, 1, 256, 257, 70_000, 65_536):
        level, width = 0, size
        while width:
            files += [[size, f"tile/{level}", n // 256] for n in range(0, width, 256)][-1:]
            files[-1].append(width % 256 or 256)
            level, width = level + 1, width // 256
    return {
        "paths": [
            {"level": 0, "index": 0, "width": 256, "path": "tile/0/000"},
            {"level": 3, "index": 999, "width": 1, "path": "tile/3/999.p/1"},
            {"level": 0, "index": 1000, "width": 256, "path": "tile/0/x001/000"},
            {"level": 63, "index": 1234067, "width": 255, "path": "tile/63/x001/x234/067.p/255"},
            {"level": "entries", "index": 273, "width": 112, "path": "tile/entries/273.p/112"},
        ],
        "last_tiles": [
            {"size": size, "level": folder, "index": index, "width": width}
            for size, folder, index, width in files
        ],
        "bundle": {
            "leaves": ["", "00", leaf_of(0).hex()],
            "bytes": (
                b"\x00\x00" + b"\x00\x01\x00" + len(leaf_of(0)).to_bytes(2, "big") + leaf_of(0)
            ).hex(),
        },
        "bad_bundles": [
            {"name": name, "width": width, "bytes": data.hex(), "error": "tile.malformed"}
            for name, width, data in [
                ("empty", 1, b""),
                ("length cut", 1, b"\x00"),
                ("leaf cut", 1, b"\x00\x02\x00"),
                ("first leaf cut", 2, b"\x00\x05\x00\x00\x00"),
                ("more after", 1, b"\x00\x00\x00\x00"),
                ("one too few", 2, b"\x00\x00"),
            ]
        ],
    }


DOCUMENTS = {
    "merkle": merkle_document,
    "proof": proof_document,
    "leaf": leaf_document,
    "checkpoint": checkpoint_document,
    "receipt": receipt_document,
    "log": log_document,
    "tile": tile_document,
}


def written() -> dict[str, str]:
    """File name -> text."""
    return {
        f"{name}.json": json.dumps(make(), indent=1, ensure_ascii=True) + "\n"
        for name, make in DOCUMENTS.items()
    }


def main() -> None:
    for name, text in written().items():
        Path(__file__).with_name(name).write_text(text)


if __name__ == "__main__":
    main()

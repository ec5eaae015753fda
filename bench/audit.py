"""How long the audit log takes: `python bench/audit.py [ENTRIES]`, 100,000 without a number."""

import sys
import tempfile
import time
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from vultus.audit.checkpoint import Checkpoint, generate_signing_key, sign, verifier_key
from vultus.audit.entry import Leaf
from vultus.audit.fsck import check_log
from vultus.audit.kind import EntryKind
from vultus.audit.merkle import Frontier, leaf_hash
from vultus.audit.proof import consistency_proof, inclusion_proof
from vultus.audit.receipt import make_receipt, verify_receipt
from vultus.audit.tile import read_tiles, write_tiles

NAME = "vultus/bench"


class Timed:
    def __init__(self, what: str, n: int = 1) -> None:
        self.what, self.n = what, n

    def __enter__(self) -> None:
        self.start = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        seconds = time.perf_counter() - self.start
        each = f"{seconds / self.n * 1e6:8.1f} µs each" if self.n > 1 else ""
        print(f"{self.what:34} {seconds:7.3f} s {each}")


def main(n: int) -> None:
    seed = generate_signing_key()
    key = verifier_key(seed, NAME)
    now = datetime.now(UTC)
    with Timed(f"make {n} leaves", n):
        leaves = [
            Leaf.of(EntryKind.PHOTO_ENROLLED, now, i.to_bytes(32, "big"), b"{}").to_bytes()
            for i in range(n)
        ]
    hashes = [leaf_hash(leaf) for leaf in leaves]
    frontier = Frontier()
    with Timed("append", n):
        for item in hashes:
            frontier.append(item)
    checkpoint = Checkpoint(NAME, n, frontier.root())
    with Timed("sign", 1000):
        for _ in range(1000):
            note = sign(checkpoint, seed, NAME)
    edge = frontier.to_bytes()
    with Timed("append from stored frontier", 1000):
        for _ in range(1000):
            stored = Frontier.from_bytes(edge)
            stored.append(hashes[0])
            stored.to_bytes()

    def entries() -> Iterator[tuple[int, bytes, bytes]]:
        yield from ((i, leaves[i], hashes[i]) for i in range(n))

    with Timed("check_log", n):
        check_log(entries(), edge, note, key)
    tracemalloc.start()
    check_log(entries(), edge, note, key)
    print(f"{'check_log, peak memory of its own':34} {tracemalloc.get_traced_memory()[1]:7} bytes")
    tracemalloc.stop()
    with Timed("inclusion proof"):
        proof = inclusion_proof(n // 3, n, hashes)
    with Timed("consistency proof"):
        consistency_proof(n // 3, n, hashes)
    receipt = make_receipt(leaves[n // 3], n // 3, proof, note, key)
    with Timed("verify_receipt", 1000):
        for _ in range(1000):
            verify_receipt(receipt, key)
    with tempfile.TemporaryDirectory() as folder:
        with Timed("write_tiles"):
            write_tiles(Path(folder), leaves, note, key)
        with Timed("read_tiles"):
            read_tiles(Path(folder), key)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)

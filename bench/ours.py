"""Our index as a peer among peers, and what only it is asked: memory, scan, sealing, a life."""

import json
import os
import secrets
import shutil
import time
from pathlib import Path

import numba
import numpy as np
from judge import complete_from, recall, without
from peers import Peer
from turns import N_TIMED, THRESHOLD, K, Work, answers, found_by, in_turns

from vultus.errors import IntegrityError
from vultus.index import FaceIndex

READ = 2 << 30  # bytes


class AesPages:
    """AES-256-GCM with a key that seals one segment, so the page number is nonce enough."""

    overhead = 16

    def __init__(self, key: bytes) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self._cipher = AESGCM(key)

    def seal(self, page: int, plain: bytes) -> bytes:
        return self._cipher.encrypt(page.to_bytes(12, "big"), plain, None)

    def unseal(self, page: int, sealed: bytes) -> bytes:
        from cryptography.exceptions import InvalidTag

        try:
            return self._cipher.decrypt(page.to_bytes(12, "big"), sealed, None)
        except InvalidTag:
            raise IntegrityError("segment.page", f"page {page} does not open", "") from None


class Keys:
    """The keys of a folder's segments in a file beside it; for a bench, not for templates."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._keys = json.loads(path.read_text()) if path.exists() else {}

    def _write(self) -> None:
        self._path.write_text(json.dumps(self._keys))

    def new(self, name: str) -> AesPages:
        self._keys[name] = secrets.token_hex(32)
        self._write()
        return self.cipher(name)

    def cipher(self, name: str) -> AesPages:
        return AesPages(bytes.fromhex(self._keys[name]))

    def destroy(self, name: str) -> None:
        self._keys.pop(name, None)
        self._write()

    def names(self) -> set[str]:
        return set(self._keys)


class Vultus(Peer):
    package, exact_range, note = "vultus", True, ""

    def __init__(self, sealed: bool = False) -> None:
        self.sealed = sealed
        self.name = "vultus sealed" if sealed else "vultus"

    def keyring(self, folder):
        return Keys(folder / "keys.json") if self.sealed else None

    def build(self, rows, folder, threads):
        begin = time.perf_counter()
        FaceIndex.prepare()
        prepared = time.perf_counter()
        keyring = self.keyring(folder)
        path, dim = folder / "index", rows.shape[1]
        with FaceIndex.create(path, dim, rows="int8", keyring=keyring) as index:
            for start in range(0, len(rows), 1 << 17):
                part = np.ascontiguousarray(rows[start : start + (1 << 17)])
                index.add(np.arange(start, start + len(part)), part)
            added = time.perf_counter()
            index.flush()
        done = time.perf_counter()
        return {
            "prepare_s": prepared - begin, "add_s": added - prepared, "flush_s": done - added,
            "disk_bytes_per_reference": disk_bytes(folder) / len(rows),
        }  # fmt: skip

    def open(self, rows, folder, threads, shared):
        self.index = FaceIndex.open(folder / "index", keyring=self.keyring(folder))
        shared["vultus"] = self.index

    def top(self, probes, k):
        return zip(*((c.ids, c.scores) for c in self.index.search(probes, k=k)), strict=True)

    def at_or_above(self, probe, threshold):
        found = self.index.search(probe, threshold=threshold)[0]
        return found.ids, found.scores

    def answer(self, probe, k, threshold):
        found = self.index.search(probe, threshold=threshold, first=k)[0]
        return found.ids, found.scores

    def batch(self, probes, k, threshold):
        return self.index.search(probes, threshold=threshold, first=k)

    def bytes(self):
        return sum(self.index.memory().values())

    def close(self):
        self.index.close()


class VultusAlone(Vultus):
    """The easier question that a peer without range search answers, for comparison."""

    exact_range, note = False, "top 50 alone"

    def __init__(self) -> None:
        super().__init__()
        self.name = "vultus, top 50 alone"

    def open(self, rows, folder, threads, shared):
        self.index = shared["vultus"]

    def answer(self, probe, k, threshold):
        found = self.index.search(probe, k=k)[0]
        return found.ids, found.scores


def disk_bytes(folder: Path) -> int:
    return sum(f.stat().st_size for f in folder.rglob("*") if f.is_file())


def resident() -> dict[str, int]:
    """Bytes of this process: all that is resident, and what is not a page of a file."""
    lines = Path("/proc/self/status").read_text().splitlines()
    sizes = {line.split(":")[0]: line.split()[1] for line in lines if line.endswith("kB")}
    return {"all": int(sizes["VmRSS"]) * 1024, "anonymous": int(sizes["RssAnon"]) * 1024}


@numba.njit(parallel=True, cache=True)
def _read(words, sums):
    part = len(words) // len(sums)
    for p in numba.prange(len(sums)):
        total = np.uint64(0)
        for i in range(p * part, (p + 1) * part):
            total += words[i]
        sums[p] = total


def read_bandwidth() -> float:
    """Bytes a second that a plain loop reads from memory with this process's threads."""
    words = np.ones(READ // 8, np.uint64)
    sums = np.zeros(numba.get_num_threads(), np.uint64)
    _read(words, sums)
    taken = []
    for _ in range(9):
        begin = time.perf_counter()
        _read(words, sums)
        taken.append(time.perf_counter() - begin)
    assert sums.sum() == len(words) // len(sums) * len(sums)
    return READ / min(taken)


def median_s(call, n: int) -> float:
    taken = []
    for _ in range(n):
        begin = time.perf_counter()
        call()
        taken.append(time.perf_counter() - begin)
    return float(np.median(taken))


def timed(call):
    begin = time.perf_counter()
    returned = call()
    return time.perf_counter() - begin, returned


def life(work: Work, threads: int, patience: float) -> dict:
    """Memory, scan, sealing; then a copy loses references, is compacted and opened again."""
    plain, sealed = Vultus(), Vultus(sealed=True)
    FaceIndex.prepare()
    before = resident()
    open_s, _ = timed(lambda: plain.open(work.rows, work.of(plain), threads, {}))
    opened = resident()
    for number in range(min(100, len(work.probes))):
        answers(plain, work.probes[number : number + 1])
    searched, memory = resident(), plain.index.memory()
    result = {
        "open_s": open_s,
        "memory_bytes_per_reference": {kind: size / work.n for kind, size in memory.items()},
        "growth_bytes_per_reference": {
            name: {kind: (now[kind] - before[kind]) / work.n for kind in before}
            for name, now in (("opened", opened), ("after_100_searches", searched))
        },
        "disk_bytes_per_reference": disk_bytes(work.of(plain) / "index") / work.n,
        "disk_bytes_per_reference_sealed": disk_bytes(work.of(sealed) / "index") / work.n,
        "read_bytes_per_s": read_bandwidth(),
    }
    probe = work.probes[:1]
    scan_s = median_s(lambda: plain.index.search(probe, threshold=0.99), 51)
    n_codes = work.n * plain.index.coding.n_bytes  # further bits are read of few rows
    result["scan"] = {
        "ms": 1000 * scan_s,
        "codes_bytes_per_s": n_codes / scan_s,
        "codes_and_factors_bytes_per_s": (n_codes + 2 * work.n) / scan_s,
    }
    result["sealed_open_s"], _ = timed(lambda: sealed.open(work.rows, work.of(sealed), threads, {}))
    probes = work.probes[:N_TIMED]
    result["sealed"] = in_turns([of(plain), of(sealed)], probes, patience)
    sealed.close()
    result["removed"] = removals(work, plain, threads, patience)
    plain.close()
    return result


def of(peer, name=None):
    return name or peer.name, lambda: None, lambda probe: answers(peer, probe)


def as_the_index_leaves_them(folder: Path) -> None:
    """On disk and out of the page cache: so that they are read back in large pages."""
    for path in folder.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def removals(work: Work, whole: Vultus, threads: int, patience: float) -> dict:
    """On a copy: remove 10,000, then a tenth of all; recall and speed beside the whole; compact."""
    copy = work.folder / f"copy-{os.getpid()}"
    shutil.copytree(work.of(whole) / "index", copy / "index")
    as_the_index_leaves_them(copy / "index")
    fewer = Vultus()
    fewer.open(work.rows, copy, threads, {})
    gone = np.random.default_rng(2).permutation(work.n)[: work.n // 10]
    first = gone[: min(10_000, len(gone) // 2)]
    result = {"n_first": len(first)}
    result["remove_first_s"], _ = timed(lambda: fewer.index.remove(first))
    result["remove_a_tenth_s"], _ = timed(lambda: fewer.index.remove(gone[len(first) :]))
    exactly = without(work.stored(), gone)
    floor = complete_from(exactly, K, THRESHOLD)

    def state(name):
        row = in_turns([of(whole), of(fewer, name)], work.probes[:N_TIMED], patience)
        lists = found_by(fewer, work.probes, patience, answers)
        row["recall"] = recall(lists, exactly, floor)
        row["came_back"] = int(sum(np.isin(ids, gone).sum() for ids in lists))
        row["disk_bytes"] = disk_bytes(copy / "index")
        return row

    result["a_tenth_gone"] = state("vultus, a tenth gone")
    result["compact_s"], _ = timed(lambda: fewer.index.compact(share=0.05))
    result["compacted"] = state("vultus, compacted")
    fewer.close()
    result["open_again_s"], _ = timed(lambda: fewer.open(work.rows, copy, threads, {}))
    result["n_left"] = len(fewer.index)
    fewer.close()
    shutil.rmtree(copy)
    return result

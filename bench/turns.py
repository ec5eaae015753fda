"""One gallery on disk, and peers that take turns at its probes."""

import time
from pathlib import Path

import numpy as np
from judge import Exact
from peers import Peer

K, THRESHOLD = 50, 0.45
A_TURN = 10  # probes
N_TIMED = 200


def slug(peer: Peer) -> str:
    return "".join(c if c.isalnum() else "-" for c in peer.name)


class Work:
    """The folder of one gallery: references, probes, exact answers, one folder a peer."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.rows = np.load(folder / "rows.npy", mmap_mode="r")
        self.n, self.dim = self.rows.shape
        with np.load(folder / "probes.npz") as stored:
            self.probes, self.whose = stored["probes"], stored["whose"]

    def of(self, peer: Peer) -> Path:
        return self.folder / slug(peer)

    def given(self) -> Exact:
        return Exact.load(self.folder / "given.npz")

    def stored(self) -> Exact:
        return Exact.load(self.folder / "stored.npz")


def answers(peer, probe):
    return peer.answer(probe, K, THRESHOLD)


def found_by(peer, probes, patience, ask) -> list[np.ndarray]:
    """Ids for as many of the probes, from the first on, as the patience allows."""
    lists, end = [], time.perf_counter() + patience
    for number in range(len(probes)):
        lists.append(np.asarray(ask(peer, probes[number : number + 1])[0]))
        if time.perf_counter() > end:
            break
    return lists


def in_turns(entries, probes, patience):
    """Milliseconds of wall and processor per probe of each entry, A_TURN probes a turn.

    An entry is (name, prepare, ask): `prepare()` before each turn, `ask(probe)` timed.
    """
    walls, cpus = ({name: [] for name, _, _ in entries} for _ in range(2))
    for _, prepare, ask in entries:
        prepare()
        ask(probes[:1])  # warm
    for turn, start in enumerate(range(0, len(probes), A_TURN)):
        for i in range(len(entries)):
            name, prepare, ask = entries[(i + turn) % len(entries)]
            if sum(walls[name]) > 1000 * patience:
                continue
            prepare()
            for number in range(start, min(start + A_TURN, len(probes))):
                probe = probes[number : number + 1]
                cpu, wall = time.process_time(), time.perf_counter()
                ask(probe)
                walls[name].append(1000 * (time.perf_counter() - wall))
                cpus[name].append(1000 * (time.process_time() - cpu))
    return {
        name: {
            "p50_ms": float(np.median(walls[name])),
            "p99_ms": float(np.percentile(walls[name], 99)),
            "cpu_p50_ms": float(np.median(cpus[name])),
            "n_timed": len(walls[name]),
        }
        for name in walls
    }

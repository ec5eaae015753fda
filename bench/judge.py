"""The exact answer by plain NumPy, and how much of it an index returned."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

EQUAL = 2e-6  # float32 sums in another order differ by less
TOP = 100
CHUNK = 20_000


@dataclass(frozen=True)
class Exact:
    """For `m` probes: the TOP best references, and every mate with its score."""

    top_ids: np.ndarray  # (m, TOP) int64, best first
    top_scores: np.ndarray  # (m, TOP) float32
    mate_probes: np.ndarray  # (p,) ascending
    mate_ids: np.ndarray  # (p,)
    mate_scores: np.ndarray  # (p,) float32
    n_above: np.ndarray  # (m,) references at or above 0.45

    def save(self, path: Path) -> None:
        np.savez(path, **vars(self))

    @classmethod
    def load(cls, path: Path) -> "Exact":
        with np.load(path) as stored:
            return cls(**stored)


def exact(read, n, probes, whose, person) -> Exact:
    """By `read(ids) -> (len(ids), d)`, a chunk at a time.

    `person` (n,) says whose each reference is, `whose` (m,) each probe, -1 nobody's.
    """
    kept_probe, kept_id, kept_score = (np.empty(0, t) for t in (np.int64, np.int64, np.float32))
    floor = np.full(len(probes), -2, np.float32)
    n_above = np.zeros(len(probes), np.int64)
    for start in range(0, n, CHUNK):
        ids = np.arange(start, min(start + CHUNK, n))
        scores = probes @ read(ids).T
        n_above += (scores >= 0.45).sum(axis=1)
        if start == 0:
            floor = np.partition(scores, -TOP, axis=1)[:, -TOP]
        probe, column = np.nonzero(scores >= floor[:, None])
        kept_probe = np.concatenate((kept_probe, probe))
        kept_id = np.concatenate((kept_id, ids[column]))
        kept_score = np.concatenate((kept_score, scores[probe, column]))
        order = np.lexsort((kept_id, -kept_score, kept_probe))
        kept_probe, kept_id, kept_score = (c[order] for c in (kept_probe, kept_id, kept_score))
        first = np.searchsorted(kept_probe, np.arange(len(probes)))
        best = np.arange(len(kept_probe)) - first[kept_probe] < TOP
        kept_probe, kept_id, kept_score = (c[best] for c in (kept_probe, kept_id, kept_score))
        floor = kept_score.reshape(-1, TOP)[:, -1]
    by_person = np.argsort(person, kind="stable")
    begins = np.searchsorted(person[by_person], whose)
    ends = np.searchsorted(person[by_person], whose, side="right")
    mate_probes = np.repeat(np.arange(len(probes)), ends - begins)
    mate_ids = np.concatenate(
        [by_person[a:b] for a, b in zip(begins, ends, strict=True)]
    )  # strangers' person -1 is nobody's
    mate_scores = np.einsum("nd,nd->n", probes[mate_probes], read(mate_ids))
    return Exact(
        kept_id.reshape(-1, TOP), kept_score.reshape(-1, TOP), mate_probes, mate_ids,
        mate_scores, n_above,
    )  # fmt: skip


def without(answer: Exact, gone) -> Exact:
    """The same for a gallery without the references `gone`: its `top` may be shorter."""
    alive = ~np.isin(answer.mate_ids, gone)
    dead = np.isin(answer.top_ids, gone)
    order = np.argsort(dead, axis=1, kind="stable")
    width = TOP - int(dead.sum(axis=1).max())
    return Exact(
        np.take_along_axis(answer.top_ids, order, 1)[:, :width],
        np.take_along_axis(answer.top_scores, order, 1)[:, :width],
        answer.mate_probes[alive], answer.mate_ids[alive], answer.mate_scores[alive],
        answer.n_above,
    )  # fmt: skip


def complete_from(answer: Exact, k: int, threshold: float | None) -> np.ndarray:
    """Score (m,) at or above which the complete answer holds everything: k best, or threshold."""
    floor = answer.top_scores[:, k - 1]
    return floor if threshold is None else np.minimum(floor, np.float32(threshold))


def recall(lists, answer: Exact, floor) -> dict[str, object]:
    """Share of the mates at or above 0.40 and 0.55, and of the ten best, that `lists` hold.

    `lists` are the ids (best first) of the first probes; only what scores at or above `floor`
    (m,) is expected, since nothing else was asked for.
    """
    wanted, found = (dict.fromkeys(("mates_040", "mates_055", "top_10"), 0) for _ in range(2))
    for number, ids in enumerate(lists):
        begin, end = np.searchsorted(answer.mate_probes, (number, number + 1))
        mates, scores = answer.mate_ids[begin:end], answer.mate_scores[begin:end]
        returned = np.isin(mates, ids)
        for name, threshold in (("mates_040", 0.40), ("mates_055", 0.55)):
            due = scores >= max(threshold, floor[number]) + EQUAL
            wanted[name] += int(due.sum())
            found[name] += int((due & returned).sum())
        best = answer.top_scores[number]
        due = best[:10] >= floor[number] + EQUAL
        swapped = best[:10] - best[10] < EQUAL  # as good as the eleventh
        held = np.isin(answer.top_ids[number, :10], ids[:10]) | swapped
        wanted["top_10"] += int(due.sum())
        found["top_10"] += int((due & held).sum())
    share = {name: found[name] / max(1, wanted[name]) for name in wanted}
    return share | {"n_probes": len(lists), "n_mates_040": wanted["mates_040"]}

"""Our search against NumPy and faiss, in turns, on one synthetic gallery.

    python bench/index.py [--references 200000] [--out bench/results/index.json]

faiss is not a requirement of the project and is left out where it is missing. To compare
with it, use an environment of its own:

    python -m venv bench/work/peers
    bench/work/peers/bin/pip install faiss-cpu numpy numba
    PYTHONPATH=. bench/work/peers/bin/python bench/index.py

The pattern for every benchmark here: all peers get the same data and the same question and
return the same thing (ids and scores, best first, those at or above the threshold); they
take turns within each repetition, so that other load on the machine falls on all alike;
medians are printed, with processor seconds beside the wall, and the ratio of each peer to us;
answers are compared, so that nobody is fast and wrong; machine, commit and versions go into
the file with the figures. Each peer uses the cores it sees: `taskset -c 0 python ...` gives
all of them one. faiss's threads do not spin while they wait, which would waste a shared core.
"""

import argparse
import datetime
import itertools
import json
import os
import platform
import statistics
import subprocess
import time
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before faiss is loaded

import numba
import numpy as np

from vultus.index import FaceIndex

try:
    import faiss
except ImportError:
    faiss = None

DIM = 128
K = 50
WITH_K, RANGE = 0.45, 0.40  # thresholds
N_PROBES = 100
N_BATCHES = 9


def unit(rows):
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def face_like(rng, n_references, n_probes):
    """References and probes, half of the probes mated; nobody's faces.

    Identities are normal with variance i^-0.5 in dimension i, rotated at random, with a
    common mean; a photo is c * identity + sqrt(1 - c^2) * noise of the same spectrum, c
    normal with mean 0.79 and deviation 0.075; one to eight photos an identity.
    """
    rotation = np.linalg.qr(rng.standard_normal((DIM, DIM)))[0]
    spread = np.arange(1, DIM + 1) ** -0.25
    mean = 0.11 * unit(rng.standard_normal((1, DIM)))

    def vectors(n):
        return unit(rng.standard_normal((n, DIM)) * spread)

    def photos(identities):
        c = np.clip(rng.normal(0.79, 0.075, (len(identities), 1)), 0, 1)
        photo = c * identities + np.sqrt(1 - c**2) * vectors(len(identities))
        return unit(unit(photo) @ rotation + mean)

    identities = vectors(n_references)
    person = np.repeat(np.arange(n_references), rng.integers(1, 9, n_references))[:n_references]
    references = photos(identities[rng.permutation(person)])
    mated = photos(identities[rng.choice(person, n_probes // 2)])
    probes = np.concatenate((mated, photos(vectors(n_probes - len(mated)))))
    return references, probes[rng.permutation(n_probes)]


class OfNumpy:
    name = "numpy matmul"

    def __init__(self, references):
        self.references = references

    def search(self, probes, k, threshold):
        lists = []
        for scores in probes @ self.references.T:
            found = np.flatnonzero(scores >= threshold)
            order = np.argsort(-scores[found], kind="stable")[:k]
            lists.append((found[order], scores[found[order]]))
        return lists


class OfFaiss:
    name = "faiss IndexFlatIP"

    def __init__(self, references):
        self.index = faiss.IndexFlatIP(DIM)
        self.index.add(references)

    def search(self, probes, k, threshold):
        if k is not None:
            scores, ids = self.index.search(probes, k)
            kept = scores >= threshold
            return [(i[s], v[s]) for i, v, s in zip(ids, scores, kept, strict=True)]
        ends, scores, ids = self.index.range_search(probes, threshold)
        lists = []
        for start, end in itertools.pairwise(ends.tolist()):
            order = start + np.argsort(-scores[start:end], kind="stable")
            lists.append((ids[order], scores[order]))
        return lists


class OfVultus:
    name = "vultus"

    def __init__(self, references):
        self.index = FaceIndex(DIM)
        self.index.add(np.arange(len(references)), references)

    def search(self, probes, k, threshold):
        lists = self.index.search(probes, k=k, threshold=threshold)
        return [(candidates.ids, candidates.scores) for candidates in lists]


def measured(call):
    """What the call returns, its wall and its processor seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    answer = call()
    return answer, time.perf_counter() - wall, time.process_time() - cpu


def in_turns(peers, batches, k, threshold):
    """Medians a peer, and how many of its lists differ from NumPy's by a set of ids."""
    for peer in peers:
        peer.search(batches[0], k, threshold)  # warm
    walls, cpus = ({peer.name: [] for peer in peers} for _ in range(2))
    n_different = dict.fromkeys(walls, 0)
    n_candidates = 0
    for number, probes in enumerate(batches):
        answers = {}
        for i in range(len(peers)):
            peer = peers[(i + number) % len(peers)]  # nobody always comes first
            answers[peer.name], wall, cpu = measured(
                lambda peer=peer, probes=probes: peer.search(probes, k, threshold)
            )
            walls[peer.name].append(wall)
            cpus[peer.name].append(cpu)
        want = answers[OfNumpy.name]
        n_candidates += sum(len(ids) for ids, _ in want)
        for name, lists in answers.items():
            n_different[name] += sum(
                set(a.tolist()) != set(b.tolist())
                for (a, _), (b, _) in zip(lists, want, strict=True)
            )
    return {
        "candidates_per_probe": n_candidates / sum(map(len, batches)),
        "peers": {
            name: {
                "wall_ms": 1000 * statistics.median(walls[name]),
                "cpu_ms": 1000 * statistics.median(cpus[name]),
                "lists_unlike_numpy": n_different[name],
            }
            for name in walls
        },
    }


def machine():
    model = next(
        line.split(":")[1].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    )
    return {
        "processor": model,
        "cores": len(os.sched_getaffinity(0)),
        "load_before": os.getloadavg()[0],
        "python": platform.python_version(),
        "system": platform.system(),
    }


def commit():
    done = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--abbrev=12"],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def report(name, result):
    print(f"\n{name}: {result['candidates_per_probe']:.1f} candidates a probe")
    ours = result["peers"][OfVultus.name]
    for peer, row in result["peers"].items():
        print(
            f"  {peer:18} wall {row['wall_ms']:8.2f} ms  cpu {row['cpu_ms']:8.2f} ms  "
            f"{row['wall_ms'] / ours['wall_ms']:5.2f} x our wall  "
            f"{row['cpu_ms'] / ours['cpu_ms']:5.2f} x our cpu  "
            f"lists unlike numpy's: {row['lists_unlike_numpy']}"
        )


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--references", type=int, default=200_000)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results/index.json")
    arguments = parser.parse_args()
    setting = machine()
    rng = np.random.default_rng(20261124)
    n_probes = max(N_PROBES, 64 * N_BATCHES)
    references, probes = face_like(rng, arguments.references, n_probes)
    print(f"prepare: {FaceIndex.prepare():.2f} s")
    ours, wall, _ = measured(lambda: OfVultus(references))
    print(f"add {len(references)} references: {wall:.2f} s")
    peers = [ours, OfNumpy(references)] + ([OfFaiss(references)] if faiss else [])
    alone = [probes[i : i + 1] for i in range(N_PROBES)]
    batches = [probes[64 * i : 64 * (i + 1)] for i in range(N_BATCHES)]
    tasks = {
        "one probe, k 50, threshold 0.45": (alone, K, WITH_K),
        "one probe, all at or above 0.40": (alone, None, RANGE),
        "64 probes, k 50, threshold 0.45": (batches, K, WITH_K),
    }
    results = {}
    for name, (asked, k, threshold) in tasks.items():
        results[name] = in_turns(peers, asked, k, threshold)
        report(name, results[name])
    versions = {"numpy": np.__version__, "numba": numba.__version__}
    if faiss:
        versions["faiss-cpu"] = faiss.__version__
    written = {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "commit": commit(),
        "machine": setting,
        "versions": versions,
        "data": {"references": len(references), "dim": DIM, "kind": "face-like, synthetic"},
        "add_seconds": wall,
        "results": results,
    }
    arguments.out.parent.mkdir(exist_ok=True)
    arguments.out.write_text(json.dumps(written, indent=1) + "\n")


if __name__ == "__main__":
    main()

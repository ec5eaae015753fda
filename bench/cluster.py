"""An index over the nodes of a Ray cluster, against one process, on this machine.

    python bench/cluster.py [--references 300000] [--dim 128] [--nodes 3] [--seconds 20]

The nodes are real processes of Ray, but they share the cores, the memory and the disk of one
machine: nothing here gets faster by adding nodes. Measured is what the spreading costs (one
probe, top 50 and all at or above 0.45, beside `FaceIndex` over the same references, by turns)
and what a loss costs: a node is killed while two threads search, and each answer is compared
with the one before the loss. Everything goes into bench/results/cluster.json.
"""

import argparse
import datetime
import json
import logging
import os
import platform
import shutil
import statistics
import tempfile
import threading
import time
from importlib import metadata
from pathlib import Path

import numpy as np
from faces_like import FacesLike

HERE = Path(__file__).resolve().parent
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
os.environ["PYTHONPATH"] = str(HERE.parent)
LIMITS = {"k": 50, "threshold": 0.45, "first": 50}
MEMORY = 2 * 2**30


def timed(work):
    """Seconds, and what it gave."""
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def quantiles(seconds):
    """In milliseconds."""
    return {
        "n": len(seconds),
        "p50_ms": 1000 * float(np.quantile(seconds, 0.5)),
        "p95_ms": 1000 * float(np.quantile(seconds, 0.95)),
        "max_ms": 1000 * max(seconds),
    }


def same(ours, theirs):
    return ours.missing == () and ours.ids.tolist() == theirs.ids.tolist()


def by_turns(indexes, probes, n_rounds):
    """Each index is asked the same probe in turn, so that other load falls on all alike."""
    seconds = {name: [] for name in indexes}
    for i in range(n_rounds):
        probe = probes[i % len(probes)]
        answers = {}
        for name, index in indexes.items():
            took, answers[name] = timed(
                lambda index=index, probe=probe: index.search(probe, **LIMITS)
            )
            seconds[name].append(took)
        first, *others = answers.values()
        assert all(same(each, first) for each in others), "the lists differ"
    return {name: quantiles(each) for name, each in seconds.items()}


def node_killed(index, cluster, node, probes, seconds):
    """Two threads search all the while; the node is killed after a quarter of it."""
    whole = {i: index.search(probe, **LIMITS) for i, probe in enumerate(probes)}
    start, killed = time.perf_counter(), []
    before, after = [], []
    wrong, partial = [], []

    def run(first):
        i = first
        while (begun := time.perf_counter()) < start + seconds:
            lists = index.search(probes[i % len(probes)], **LIMITS)
            (after if killed and begun > killed[0] else before).append(time.perf_counter() - begun)
            if lists.missing:
                partial.append(lists.missing)
            elif not same(lists, whole[i % len(probes)]):
                wrong.append(i)
            i += 1

    threads = [threading.Thread(target=run, args=(7 * n,)) for n in range(2)]
    for thread in threads:
        thread.start()
    time.sleep(seconds / 4)
    lost = {name for name, where in index.shards.items() if where == node.node_id}
    killed.append(time.perf_counter())
    cluster.remove_node(node, allow_graceful=False)
    while any(len(set(held) - lost) < 2 for held in index.placed.values()):
        time.sleep(0.02)
    mended = time.perf_counter() - killed[0]
    for thread in threads:
        thread.join()
    return {
        "before": quantiles(before),
        "after": quantiles(after),
        "seconds_until_two_replicas": mended,
        "answers_wrong": len(wrong),
        "answers_partial": len(partial),
    }


def run(args, folder):
    import ray
    from ray.cluster_utils import Cluster

    from vultus.index import FaceIndex
    from vultus.index.fleet import ShardSettings
    from vultus.index.shards import ShardedIndex

    logging.disable(logging.CRITICAL)
    gallery = FacesLike(args.dim, args.references)
    rows = np.concatenate([part for part, _ in gallery.pieces()])
    probes = rows[:: max(1, len(rows) // 100)][:100]
    results = {}
    head = {"num_cpus": 0, "object_store_memory": 80 * 2**20, "include_dashboard": False}
    took, cluster = timed(lambda: Cluster(initialize_head=True, head_node_args=head))
    node = {"num_cpus": 2, "memory": 2 * MEMORY, "object_store_memory": 80 * 2**20}
    for _ in range(args.nodes):
        cluster.add_node(**node)
    ray.init(address=cluster.address, log_to_driver=False, logging_level="ERROR")
    settings = ShardSettings(memory_bytes=MEMORY, rows_per_segment=2**15, watch_s=1.0, limit_s=30.0)
    took, index = timed(
        lambda: ShardedIndex.create(
            folder / "manifest", f"file://{folder}/store", args.dim, settings=settings
        )
    )
    results["create_seconds"] = took
    results["add_seconds"], _ = timed(lambda: index.add(np.arange(len(rows)), rows))
    one = FaceIndex(args.dim, rows="int8", seed=index.coding.seed)
    results["add_seconds_one_process"], _ = timed(lambda: one.add(np.arange(len(rows)), rows))
    results["segments"] = len(index.placed)
    indexes = {"sharded": index, "one process": one}
    by_turns(indexes, probes, 30)
    results["one probe"] = by_turns(indexes, probes, args.rounds)
    batch = {"sharded": [], "one process": []}
    for _ in range(5):
        for name, each in indexes.items():
            batch[name].append(timed(lambda each=each: each.search(rows[:64], **LIMITS))[0])
    results["64 probes, ms"] = {name: 1000 * statistics.median(s) for name, s in batch.items()}
    added = cluster.add_node(**node)
    results["rebalance_to_a_new_node_seconds"], _ = timed(lambda: arrive(index, args.nodes + 1))
    results["node killed under load"] = node_killed(index, cluster, added, probes, args.seconds)
    gone = np.arange(0, len(rows), 3)
    results["remove_seconds"], n = timed(lambda: index.remove(gone))
    results["removed"] = n
    results["compact_seconds"], _ = timed(index.compact)
    index.close()
    where = folder / "manifest", f"file://{folder}/store"
    results["open_seconds"], index = timed(lambda: ShardedIndex.open(*where, settings=settings))
    index.close()
    ray.shutdown()
    cluster.shutdown()
    return results


def arrive(index, n):
    while len(index.shards) < n:
        time.sleep(0.05)
    index.rebalance()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--references", type=int, default=300_000)
    parser.add_argument("--dim", type=int, default=128)
    parser.add_argument("--nodes", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=300)
    parser.add_argument("--seconds", type=float, default=40.0)
    args = parser.parse_args()
    load = os.getloadavg()[0]
    folder = Path(tempfile.mkdtemp(prefix="vultus-bench-"))
    try:
        results = run(args, folder)
    finally:
        shutil.rmtree(folder)
    report = {
        "date": datetime.date.today().isoformat(),
        "machine": {
            "processor": platform.processor() or platform.machine(),
            "cores": len(os.sched_getaffinity(0)),
            "load_before": load,
            "python": platform.python_version(),
        },
        "versions": {name: metadata.version(name) for name in ("ray", "fsspec", "numpy", "numba")},
        "data": {"references": args.references, "dim": args.dim, "nodes": args.nodes},
        "results": results,
    }
    text = json.dumps(report, indent=1)
    (HERE / "results" / "cluster.json").write_text(text + "\n")
    print(text)


if __name__ == "__main__":
    main()

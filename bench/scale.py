"""Our index from one million references to fifty, and what that says of three billion.

    python bench/scale.py [--sizes 128:1,128:10,128:50,512:10] [--work bench/work/scale]
    python bench/scale.py --fit        # only print what the stored figures say

Sizes are dimensions and millions of references. These are made as they are added
(bench/faces_like.py), a segment's worth at a time, and kept one byte a dimension; 50 million of
128 dimensions need about 9 GB of disk in the work folder, which is removed at the end. Adding
runs in one process, searching in one for each thread count; "cold" is the first answer to a
probe after the files were dropped from the page cache, "warm" the answers after it.
"""

import argparse
import datetime
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from faces_like import PIECE, FacesLike
from index import only_cores, setting
from ours import disk_bytes, read_bandwidth, resident, timed

from vultus.index import FaceIndex

HERE = Path(__file__).resolve().parent
A_SEGMENT = 1 << 20  # references added at once
N_MATED, N_NON_MATED = 100, 100
QUESTIONS = {
    "50 best and all at or above 0.45": {"threshold": 0.45, "first": 50},
    "all at or above 0.45": {"threshold": 0.45},
    "all at or above 0.55": {"threshold": 0.55},
    "50 best": {"k": 50},
}
EQUAL = 2e-6  # float32 sums in another order differ by less

# Assumptions about a rented server, not measured and no quotation: change them to yours.
SERVER = {"memory_gib": 256, "read_gb_per_s": 150, "euro_a_month": 250}
COPIES, USED_MEMORY, PLANNED = 2, 0.8, 3_000_000_000


def add(folder: Path, dim: int, n: int) -> dict:
    """Fill a new index with `n` references; seconds of making them and of adding them."""
    FaceIndex.prepare()
    before, gallery = resident(), FacesLike(dim, n)
    buffer = np.empty((min(gallery.n_pieces * PIECE, A_SEGMENT), dim), np.float32)
    seconds, made_s, highest = [], 0.0, 0
    begin = time.perf_counter()
    with FaceIndex.create(folder, dim, rows="int8") as index:
        filled = done = 0
        for rows, _ in gallery.pieces():
            buffer[filled : filled + len(rows)] = rows
            filled += len(rows)
            if filled + PIECE <= len(buffer) and done + filled < n:
                continue
            made_s += time.perf_counter() - begin
            taken, _ = timed(
                lambda done=done, filled=filled: index.add(
                    np.arange(done, done + filled), buffer[:filled]
                )
            )
            seconds.append(taken)
            highest = max(highest, resident()["all"])
            done, filled, begin = done + filled, 0, time.perf_counter()
        flush_s, _ = timed(index.flush)
    return {
        "make_s": made_s, "add_s": sum(seconds), "slowest_add_s": max(seconds), "flush_s": flush_s,
        "disk_bytes": disk_bytes(folder), "resident_before": before, "resident_highest": highest,
        "buffer_bytes": buffer.nbytes,
    }  # fmt: skip


def drop(folder: Path) -> None:
    """Let the page cache forget the files, so that they are read from disk again."""
    for path in folder.rglob("*"):
        if path.is_file():
            file = os.open(path, os.O_RDONLY)
            os.fsync(file)
            os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(file)


def latencies(index, probes, question) -> dict:
    walls, n_candidates = [], 0
    for number in range(len(probes)):
        wall, lists = timed(lambda number=number: index.search(probes[[number]], **question))
        walls.append(1000 * wall)
        n_candidates += len(lists[0].ids)
    return {
        "p50_ms": float(np.median(walls)),
        "p99_ms": float(np.percentile(walls, 99)),
        "candidates_per_probe": n_candidates / len(probes),
    }


def missed(index, gallery, probes, whose) -> dict:
    """Mates at or above 0.45 that a search does not return; their scores by NumPy."""
    n, n_missed = 0, 0
    for number in np.flatnonzero(whose >= 0):
        mates = gallery.references_of(whose[number])
        scores = index.templates(mates) @ probes[number]
        due = mates[scores >= 0.45 + EQUAL]
        found = index.search(probes[[number]], threshold=0.45)[0].ids
        n, n_missed = n + len(due), n_missed + int((~np.isin(due, found)).sum())
    return {"n_mates": n, "n_missed": n_missed}


def search(folder: Path, dim: int, n: int) -> dict:
    gallery = FacesLike(dim, n)
    probes, whose = gallery.probes(N_MATED, N_NON_MATED)
    shuffled = np.random.default_rng(0).permutation(len(probes))
    probes, whose = probes[shuffled], whose[shuffled]
    FaceIndex.prepare()
    drop(folder)
    before = resident()
    cold_open_s, index = timed(lambda: FaceIndex.open(folder))
    opened, memory = resident(), index.memory()
    cold = latencies(index, probes, {"threshold": 0.45, "first": 50})
    searched = resident()
    warm = {name: latencies(index, probes, asked) for name, asked in QUESTIONS.items()}
    found = missed(index, gallery, probes, whose)
    index.close()
    warm_open_s, index = timed(lambda: FaceIndex.open(folder))
    index.close()
    return {
        "cold_open_s": cold_open_s, "warm_open_s": warm_open_s, "memory": memory,
        "resident": {"before": before, "opened": opened, "searched": searched},
        "cold": cold, "warm": warm, "mates": found, "load": os.getloadavg()[0],
    }  # fmt: skip


def change(folder: Path, dim: int, n: int) -> dict:
    """Remove 10,000 anywhere; then a fifth of the first segment's, and compact."""
    FaceIndex.prepare()
    probes, _ = FacesLike(dim, n).probes(N_MATED, N_NON_MATED)
    rng = np.random.default_rng(3)
    anywhere = rng.choice(n, min(10_000, n // 10), replace=False)
    together = rng.permutation(min(n, A_SEGMENT))[: min(n, A_SEGMENT) // 5]
    result = {"n_anywhere": len(anywhere), "n_together": len(together)}
    with FaceIndex.open(folder) as index:
        result["remove_anywhere_s"], _ = timed(lambda: index.remove(anywhere))
        result["after"] = latencies(index, probes, {"threshold": 0.45, "first": 50})
        result["remove_together_s"], _ = timed(lambda: index.remove(together))
        result["compact_one_s"], _ = timed(index.compact)
        if n <= 10_000_000:
            result["compact_all_s"], _ = timed(lambda: index.compact(share=0))
        result["n_left"] = len(index)
        gone = set(anywhere.tolist()) | set(together.tolist())
        assert len(index) == n - len(gone)
    result["disk_bytes"] = disk_bytes(folder)
    return result


def bandwidth(folder: Path, dim: int, n: int) -> dict:
    return {"read_bytes_per_s": read_bandwidth()}


def child(work: Path, step: str, dim: int, n: int, threads: int) -> dict:
    out = work / "step.json"
    out.unlink(missing_ok=True)
    command = [sys.executable, __file__, "--step", step, "--work", str(work), "--out", str(out)]
    command += ["--sizes", f"{dim}:{n / 1e6!r}"]
    subprocess.run(command, check=True, preexec_fn=only_cores(threads))
    return json.loads(out.read_text())


def run(work: Path, dim: int, n: int) -> dict:
    cores = len(os.sched_getaffinity(0))
    work.mkdir(parents=True, exist_ok=True)
    folder = work / "index"
    shutil.rmtree(folder, ignore_errors=True)
    result = {"dim": dim, "references": n}
    try:
        print(f"\n{n:,} x {dim}: add", flush=True)
        result["add"] = child(work, "add", dim, n, cores)
        print(json.dumps(result["add"]), flush=True)
        result["search"] = {}
        for threads in dict.fromkeys((1, cores)):
            found = child(work, "search", dim, n, threads)
            result["search"][str(threads)] = found
            print(f"{threads} thread(s): {json.dumps(found)}", flush=True)
        result["change"] = child(work, "change", dim, n, cores)
        print(json.dumps(result["change"]), flush=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return result


def line(sizes, values) -> tuple[float, float]:
    """Start and slope of the best line through the points; through zero where there is one."""
    if len(sizes) == 1:
        return 0.0, values[0] / sizes[0]
    # Relative errors count: otherwise the largest size alone would decide.
    weights = 1 / np.asarray(values, float)
    slope, start = np.polyfit(sizes, values, 1, w=weights)
    return float(start), float(slope)


def fit(written: dict) -> dict:
    """Cost and latency as start + slope * n, and what they come to at three billion."""
    lines = {}
    for dim in sorted({run["dim"] for run in written["runs"]}):
        runs = [run for run in written["runs"] if run["dim"] == dim]
        sizes = [run["references"] for run in runs]
        most = max(runs[0]["search"], key=int)
        costs = {
            "add s": [run["add"]["add_s"] + run["add"]["flush_s"] for run in runs],
            "disk bytes": [run["add"]["disk_bytes"] for run in runs],
            "memory() bytes": [sum(run["search"][most]["memory"].values()) for run in runs],
            "open s, cold": [run["search"][most]["cold_open_s"] for run in runs],
        }
        for threads in runs[0]["search"]:
            for name in QUESTIONS:
                costs[f"{name}: p50 ms, {threads} thread(s)"] = [
                    run["search"][threads]["warm"][name]["p50_ms"] for run in runs
                ]
            costs[f"cold: p50 ms, {threads} thread(s)"] = [
                run["search"][threads]["cold"]["p50_ms"] for run in runs
            ]
        lines[str(dim)] = {name: line(sizes, values) for name, values in costs.items()}
        print(f"\n{dim} dimensions, fitted to n = {', '.join(f'{n:,}' for n in sizes)}")
        for name, (start, slope) in lines[str(dim)].items():
            print(f"  {name:56} {start:12.4g} + {slope * 1e6:10.5g} a million")
        lines[str(dim)]["plan"] = plan(written, lines[str(dim)], most)
    return lines


def plan(written, fitted, most) -> dict:
    """Servers for PLANNED references, from the fit and the assumptions in SERVER."""
    memory, disk = fitted["memory() bytes"][1], fitted["disk bytes"][1]
    a_server = USED_MEMORY * SERVER["memory_gib"] * 2**30 / memory
    servers = int(np.ceil(COPIES * PLANNED / a_server))
    here = written["read_bytes_per_s"][most] / 1e9
    # Two copies: each search reads one, so a server scans half of what it holds.
    n_scanned = COPIES * PLANNED / servers / COPIES
    slope = fitted[f"all at or above 0.55: p50 ms, {most} thread(s)"][1]
    planned = {
        "servers": servers,
        "memory_tb": COPIES * PLANNED * memory / 1e12,
        "disk_tb": COPIES * PLANNED * disk / 1e12,
        "disk_tb_a_server": COPIES * PLANNED * disk / servers / 1e12,
        "euro_a_face_month": servers * SERVER["euro_a_month"] / PLANNED,
        "scan_ms": slope * n_scanned * here / SERVER["read_gb_per_s"],
        "add_hours_of_this_machine": fitted["add s"][1] * PLANNED / 3600,
    }
    print(f"  {PLANNED:,} references, {COPIES} copies, servers as assumed {SERVER}:")
    for name, value in planned.items():
        print(f"    {name:28} {value:12.4g}")
    return planned


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--sizes", default="128:1,128:10,128:50,512:10")
    parser.add_argument("--work", type=Path, default=HERE / "work/scale")
    parser.add_argument("--out", type=Path, default=HERE / "results/scale.json")
    parser.add_argument("--fit", action="store_true", help="print what --out says; measure nothing")
    parser.add_argument("--step", help="for the processes that this one starts")
    arguments = parser.parse_args()
    sizes = [
        (int(dim), round(float(millions) * 1e6))
        for dim, millions in (size.split(":") for size in arguments.sizes.split(","))
    ]
    if arguments.step:
        steps = {"add": add, "search": search, "change": change, "bandwidth": bandwidth}
        done = steps[arguments.step](arguments.work / "index", *sizes[0])
        arguments.out.write_text(json.dumps(done))
        return
    if arguments.fit:
        fit(json.loads(arguments.out.read_text()))
        return
    arguments.work.mkdir(parents=True, exist_ok=True)
    cores = len(os.sched_getaffinity(0))
    written = setting() | {
        "read_bytes_per_s": {
            str(threads): child(arguments.work, "bandwidth", *sizes[0], threads)["read_bytes_per_s"]
            for threads in dict.fromkeys((1, cores))
        },
        "assumed_server": SERVER, "runs": [],
    }  # fmt: skip
    begin = datetime.datetime.now(datetime.UTC)
    for dim, n in sizes:
        written["runs"].append(run(arguments.work, dim, n))
        arguments.out.write_text(json.dumps(written, indent=1) + "\n")
    written["fitted"] = fit(written)
    written["hours"] = (datetime.datetime.now(datetime.UTC) - begin).total_seconds() / 3600
    arguments.out.write_text(json.dumps(written, indent=1) + "\n")
    shutil.rmtree(arguments.work)


if __name__ == "__main__":
    main()

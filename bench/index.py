"""Our index against its peers at a million references: recall, latency, memory, disk.

    python bench/index.py [--references 1000000] [--probes 3000] [--dims 128,512]
    python bench/index.py --references 50000 --probes 50 --quick      # about a minute

The peers are no requirement of the project; each is left out where it is missing, and the
file says so. To compare with them, use an environment of its own:

    python -m venv bench/work/peers
    bench/work/peers/bin/pip install numpy numba cryptography faiss-cpu usearch scalable-vs \\
        faceflash zvec
    PYTHONPATH=. bench/work/peers/bin/python bench/index.py

Every peer gets the same references (bench/faces_like.py) and the same question: the 50 best,
and all at or above 0.45. Each is built once with all cores, in a process that may be ended
after --build-limit seconds; those that were are measured at --fewer references instead, with
ours beside them. Then one process a thread count opens a group of them and lets them take
turns, ten probes a turn, so that other load on the machine falls on all alike; a slow peer
sits out once its --patience seconds are spent. Recall is judged against NumPy (bench/judge.py):
the peers' against the references as given, ours against the references as stored (one byte a
dimension) and, beside it, as given. Peers with a `largest` are not tried beyond it.
"""

import argparse
import datetime
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from importlib import metadata, util
from itertools import chain
from pathlib import Path

import numpy as np
from faces_like import FacesLike
from judge import exact
from measure import measure, tune
from ours import Vultus, life
from peers import Peer, peers_of
from turns import N_TIMED, THRESHOLD, K, Work, slug

HERE = Path(__file__).resolve().parent
PACKAGES = (
    "numpy", "numba", "cryptography", "faiss-cpu", "usearch", "scalable-vs", "faceflash", "zvec",
)  # fmt: skip
IMPORTED_AS = {"faiss-cpu": "faiss", "scalable-vs": "svs"}


def make(folder: Path, n: int, dim: int, n_probes: int) -> None:
    """References and probes: the timed ones first, half of them mated; then five of six."""
    gallery = FacesLike(dim, n)
    rows = np.lib.format.open_memmap(folder / "rows.npy", "w+", np.float32, (n, dim))
    person = np.empty(n, np.int64)
    start = 0
    for part, whose in gallery.pieces():
        rows[start : start + len(part)], person[start : start + len(part)] = part, whose
        start += len(part)
    rows.flush()
    np.save(folder / "person.npy", person)
    timed = min(N_TIMED, n_probes)
    n_mated = timed // 2 + (n_probes - timed) * 5 // 6
    probes, whose = gallery.probes(n_mated, n_probes - n_mated)
    mated, others = np.arange(n_mated), np.arange(n_mated, n_probes)
    first = np.concatenate((mated[: timed // 2], others[: timed - timed // 2]))
    rest = np.setdiff1d(np.arange(n_probes), first)
    order = np.concatenate((np.random.default_rng(0).permutation(first), rest))
    np.savez(folder / "probes.npz", probes=probes[order], whose=whose[order])


def judge(work: Work) -> None:
    """The exact answers, over the references as given and as our index stores them."""
    ours = Vultus()
    ours.open(work.rows, work.of(ours), 2, {})
    person = np.load(work.folder / "person.npy")
    for name, read in (("given", lambda ids: work.rows[ids]), ("stored", ours.index.templates)):
        exact(read, work.n, work.probes, work.whose, person).save(work.folder / f"{name}.npz")


def only_cores(n: int):
    """Before a child imports anything: libraries start their threads when they are loaded."""
    cores = sorted(os.sched_getaffinity(0))[:n]
    return lambda: os.sched_setaffinity(0, cores)


def child(arguments, step: str, work: Path, timeout=None, **options):
    """Run one step in a process of its own; what it wrote, or how it failed."""
    out = work / "step.json"
    out.unlink(missing_ok=True)
    command = [sys.executable, __file__, "--step", step, "--folder", str(work)]
    command += ["--out", str(out), "--patience", str(arguments.patience)]
    for name, value in options.items():
        command += [f"--{name}", str(value)]
    begin = time.perf_counter()
    try:
        done = subprocess.run(
            command, timeout=timeout, stderr=subprocess.PIPE, text=True,
            preexec_fn=only_cores(options["threads"]),
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return {"failed": f"not done in {timeout} s"}
    if done.returncode or not out.exists():
        print(done.stderr[-600:], file=sys.stderr)
        lines = done.stderr.strip().splitlines() or [f"exit {done.returncode}"]
        return {"failed": lines[-1][:200]}
    return json.loads(out.read_text()) | {"step_seconds": time.perf_counter() - begin}


def step(arguments) -> None:
    """What a child does."""
    folder = arguments.folder
    result = {}
    if arguments.step == "make":
        make(folder, arguments.references, int(arguments.dims), arguments.probes)
    else:
        work = Work(folder)
        every = [Vultus(), Vultus(sealed=True), *chain(*peers_of(work.n, work.dim))]
        named = [peer for peer in every if slug(peer) in arguments.peers.split(",")]
        if arguments.step == "build":
            (peer,) = named
            work.of(peer).mkdir()
            begin = time.perf_counter()
            result = peer.build(work.rows, work.of(peer), arguments.threads) or {}
            result["build_s"] = time.perf_counter() - begin
        elif arguments.step == "judge":
            judge(work)
        elif arguments.step == "tune":
            (peer,) = named
            peer.open(work.rows, work.of(peer), arguments.threads, {})
            tried = tune(work, peer, arguments.patience)
            peer.close()
            (work.of(peer) / "tuned.json").write_text(json.dumps(tried))
            result["tried"] = tried
        elif arguments.step == "measure":
            result = measure(work, named, arguments.threads, arguments.patience)
        elif arguments.step == "life":
            result = life(work, arguments.threads, arguments.patience)
    arguments.out.write_text(json.dumps(result))


def why_not(arguments, peer: Peer, n: int) -> str | None:
    """Why a peer is not tried at all."""
    if util.find_spec(IMPORTED_AS.get(peer.package, peer.package)) is None:
        return f"{peer.package} is not installed"
    if arguments.quick and (peer.largest or peer.name.startswith("usearch HNSW")):
        return "builds too long for a quick run"
    if peer.largest and n > peer.largest:
        return f"too slow to build: not tried beyond {peer.largest:,}"
    return None


def build(arguments, work: Path, peer: Peer, result: dict) -> str | None:
    """Build a peer and find its setting, with all cores; why it is not there, if so."""
    print(f"  build and tune {peer.name}", flush=True)
    limits = {"timeout": arguments.build_limit, "threads": len(os.sched_getaffinity(0))}
    built = child(arguments, "build", work, peers=slug(peer), **limits)
    result["built"][peer.name] = built
    if "failed" not in built and len(peer.effort) > 1:
        built["tuned"] = child(arguments, "tune", work, peers=slug(peer), **limits)
    return built.get("failed") or built.get("tuned", {}).get("failed")


def measured(arguments, work: Path, peers: list[str], threads: int):
    """The figures of a group; where that fails, of each peer alone: one must not spoil all."""
    found = child(arguments, "measure", work, peers=",".join(peers), threads=threads)
    yield found
    if "failed" in found and len(peers) > 1:
        for name in peers:
            yield child(arguments, "measure", work, peers=name, threads=threads)


def run(arguments, n: int, dim: int, only: set[str] | None) -> dict:
    """Everything at one size: build, judge, tune, measure with one thread and with all."""
    work = arguments.work / f"{dim}-{n}"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    cores = len(os.sched_getaffinity(0))
    result = {"references": n, "dim": dim, "built": {}, "left_out": {}, "late": [], "measured": {}}
    both = {"threads": cores}
    print(f"\n{n:,} x {dim}: references", flush=True)
    child(arguments, "make", work, references=n, dims=dim, probes=arguments.probes, **both)
    for ours in (Vultus(), Vultus(sealed=True)):
        built = child(arguments, "build", work, peers=slug(ours), **both)
        result["built"][ours.name] = built
        if "failed" in built:
            raise SystemExit(f"{ours.name}: {built['failed']}")
        print(f"  {ours.name}: {json.dumps(built)}", flush=True)
    child(arguments, "judge", work, **both)
    groups = []
    for group in peers_of(n, dim):
        kept = []
        for peer in group:
            if only is not None and slug(peer) not in only and peer.name != "faiss IndexFlatIP":
                continue
            why = why_not(arguments, peer, n) or build(arguments, work, peer, result)
            if why is None:
                kept.append(slug(peer))
                continue
            print(f"  without {peer.name}: {why}", flush=True)
            result["left_out"][peer.name] = why
            if why.startswith(("not done", "too slow")):
                result["late"].append(slug(peer))
        groups.append(kept)
    for threads in dict.fromkeys((1, cores)):
        rows = {"groups": []}
        for kept in filter(None, groups):
            for found in measured(arguments, work, kept, threads):
                rows["groups"].append(found)
                report(n, dim, threads, found, result["built"])
        if n == arguments.references:
            rows["life"] = child(arguments, "life", work, threads=threads)
            print(json.dumps(rows["life"], indent=1))
        result["measured"][f"{threads} threads" if threads > 1 else "1 thread"] = rows
    shutil.rmtree(work)
    return result


def report(n, dim, threads, found, built) -> None:
    print(f"\n{n:,} x {dim}, {threads} thread(s): 50 best and all at or above {THRESHOLD}")
    if "failed" in found:
        print("  failed:", found["failed"])
        return
    rows = found["one_probe"]
    ours = rows["vultus"]
    print(
        f"  {'':44}{'p50 ms':>9}{'p99':>9}{'cpu':>9}{'x ours':>8}{'x cpu':>7}"
        f"{'>=0.40':>9}{'>=0.55':>9}{'top 10':>9}{'B/ref':>7}{'build s':>8}"
    )
    for name, row in rows.items():
        share = row["recall"]
        print(
            f"  {name[:44]:44}{row['p50_ms']:9.3f}{row['p99_ms']:9.3f}{row['cpu_p50_ms']:9.3f}"
            f"{row['p50_ms'] / ours['p50_ms']:8.2f}{row['cpu_p50_ms'] / ours['cpu_p50_ms']:7.2f}"
            f"{share['mates_040']:9.5f}{share['mates_055']:9.5f}{share['top_10']:9.5f}"
            f"{row['bytes_per_reference']:7.0f}{built.get(row['peer'], {}).get('build_s', 0):8.1f}"
            f"  {row['note']}"
        )
    print(f"  vultus, of the references as given: {json.dumps(ours['recall_of_given'])}")
    for part in ("batch_of_64", "gallery"):
        if part in found:
            print(f"  {part}: {json.dumps(found[part])}")


def setting() -> dict:
    model = next(
        line.split(":")[1].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    )
    described = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--abbrev=12"],
        cwd=HERE, capture_output=True, text=True, check=True,
    )  # fmt: skip
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = None
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "commit": described.stdout.strip(),
        "machine": {
            "processor": model,
            "cores": len(os.sched_getaffinity(0)),
            "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
            "load_before": os.getloadavg()[0],
            "python": platform.python_version(),
        },
        "versions": versions,
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--references", type=int, default=1_000_000)
    parser.add_argument("--fewer", type=int, default=200_000)
    parser.add_argument("--probes", type=int, default=3000)
    parser.add_argument("--dims", default="128,512")
    parser.add_argument("--peers", help="slugs of peers to measure, comma between; all without")
    parser.add_argument("--quick", action="store_true", help="128-d, little patience")
    parser.add_argument("--build-limit", type=float, default=300)
    parser.add_argument("--patience", type=float, default=20, help="seconds a peer and stage")
    parser.add_argument("--work", type=Path, default=HERE / "work/index")
    parser.add_argument("--out", type=Path, default=HERE / "results/index.json")
    parser.add_argument("--step", help="for the processes that this one starts")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    if arguments.step:
        arguments.peers = arguments.peers or ""
        step(arguments)
        return
    if arguments.quick:
        arguments.dims, arguments.patience = "128", min(arguments.patience, 1.0)
        arguments.build_limit = min(arguments.build_limit, 10.0)
        arguments.fewer = 0
    written = setting() | {"question": {"k": K, "threshold": THRESHOLD}, "runs": []}
    only = set(arguments.peers.split(",")) if arguments.peers else None
    for dim in map(int, arguments.dims.split(",")):
        result = run(arguments, arguments.references, dim, only)
        written["runs"].append(result)
        if result["late"] and arguments.references > arguments.fewer > 0:
            fewer = run(arguments, arguments.fewer, dim, set(result["late"]))
            written["runs"].append(fewer)
        arguments.out.parent.mkdir(exist_ok=True)
        arguments.out.write_text(json.dumps(written, indent=1) + "\n")


if __name__ == "__main__":
    main()

"""Other people's indexes, each asked the same question as ours: see bench/index.py.

A peer is built once with all cores, kept in a folder, and opened by each process that measures
it. `effort` lists its settings from the quickest to the most thorough; a run takes the quickest
that returns 0.999 of the mates, and those in `always` besides. A peer without an exact range
search answers with its top k alone, the easier question.
"""

import os
import shutil
from pathlib import Path

import numpy as np

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # faiss's threads must not spin: shared cores
os.environ.setdefault("GOMP_SPINCOUNT", "0")

N_TRAIN = 65_536


class Peer:
    """One index. `rows` (n, d) float32 are the references, their numbers the ids.

    Each has `open(rows, folder, threads, shared)`, which reads it (`shared` holds what several
    peers of one process use, such as one Flat), and `top(probes, k)`: ids and scores (n, k),
    best first.
    """

    name = ""
    package = ""
    exact_range = False  # has at_or_above(probe, threshold): all ids and scores of it, best first
    largest = None  # references; a build on two cores takes far over five minutes at a million
    effort = (None,)
    always = ()
    note = "no range search: top 50 alone"

    def build(self, rows, folder: Path, threads: int) -> None:
        """Write what `open` reads; nothing where opening is building."""

    def use(self, setting) -> None:
        """From now on search at this setting."""

    def answer(self, probe, k, threshold):
        """The k best and all at or above the threshold, in the fewest passes."""
        ids, scores = (column[0] for column in self.top(probe, k))
        if self.exact_range and len(scores) == k and scores[-1] >= threshold:
            return self.at_or_above(probe, threshold)
        return ids, scores

    def batch(self, probes, k, threshold):
        """Many probes at once; a peer returns their k best alone."""
        return self.top(probes, k)

    def bytes(self) -> int:
        """Of the index itself in RAM, without the rows that rescoring reads."""
        return 0

    def close(self) -> None:
        """Let go of files."""


def best_first(ids, scores):
    order = np.argsort(-scores, kind="stable")
    return ids[order], scores[order]


class Numpy(Peer):
    name, package, exact_range, note = "numpy matmul", "numpy", True, ""

    def open(self, rows, folder, threads, shared):
        self.rows = rows

    def top(self, probes, k):
        scores = probes @ self.rows.T
        ids = np.argpartition(scores, -k, axis=1)[:, -k:]
        scores = np.take_along_axis(scores, ids, 1)
        order = np.argsort(-scores, axis=1, kind="stable")
        return np.take_along_axis(ids, order, 1), np.take_along_axis(scores, order, 1)

    def at_or_above(self, probe, threshold):
        scores = (probe @ self.rows.T)[0]
        found = np.flatnonzero(scores >= threshold)
        return best_first(found, scores[found])

    def answer(self, probe, k, threshold):
        scores = (probe @ self.rows.T)[0]
        found = np.flatnonzero(scores >= threshold)
        if len(found) < k:
            found = np.argpartition(scores, -k)[-k:]
        return best_first(found, scores[found])

    def bytes(self):
        return self.rows.nbytes


def flat_of(rows, shared):
    """The one IndexFlatIP of this process, which the refining indexes share."""
    import faiss

    if "flat" not in shared:
        shared["flat"] = faiss.IndexFlatIP(rows.shape[1])
        for start in range(0, len(rows), 1 << 16):
            shared["flat"].add(np.ascontiguousarray(rows[start : start + (1 << 16)]))
    return shared["flat"]


class FaissFlat(Peer):
    name, package, exact_range, note = "faiss IndexFlatIP", "faiss-cpu", True, ""

    def open(self, rows, folder, threads, shared):
        import faiss

        faiss.omp_set_num_threads(threads)
        self.index = flat_of(rows, shared)

    def top(self, probes, k):
        scores, ids = self.index.search(probes, k)
        return ids, scores

    def at_or_above(self, probe, threshold):
        _, scores, ids = self.index.range_search(probe, threshold)
        return best_first(ids, scores)

    def bytes(self):
        return self.index.ntotal * self.index.d * 4


class FaissIvfFlat(Peer):
    package, exact_range = "faiss-cpu", True
    note = "exact within the cells it reads"

    def __init__(self, n: int) -> None:
        n_cells = cells(n)
        self.factory = f"IVF{n_cells},Flat"
        self.name = f"faiss {self.factory}"
        self.effort = nprobes(n_cells)

    def build(self, rows, folder, threads):
        faiss_build(self.factory, rows, folder, threads)

    def open(self, rows, folder, threads, shared):
        import faiss

        faiss.omp_set_num_threads(threads)
        self.index = faiss.read_index(str(folder / "base.faiss"))

    def use(self, nprobe):
        self.index.nprobe = nprobe

    def top(self, probes, k):
        scores, ids = self.index.search(probes, k)
        return ids, scores

    def at_or_above(self, probe, threshold):
        _, scores, ids = self.index.range_search(probe, threshold)
        return best_first(ids, scores)

    def bytes(self):
        return self.index.ntotal * (self.index.d * 4 + 8)


class FaissRefined(Peer):
    """Short codes, whose k * k_factor best are scored from float32 rows (`,RFlat`)."""

    package = "faiss-cpu"

    def __init__(self, factory: str, effort, always=()) -> None:
        self.factory, self.effort, self.always = factory, effort, always
        self.name = f"faiss {factory},RFlat"

    def build(self, rows, folder, threads):
        faiss_build(self.factory, rows, folder, threads)

    def open(self, rows, folder, threads, shared):
        import faiss

        faiss.omp_set_num_threads(threads)
        self.base = faiss.read_index(str(folder / "base.faiss"))
        self.flat = flat_of(rows, shared)
        self.index = faiss.IndexRefine(self.base, self.flat)
        self.size = (folder / "base.faiss").stat().st_size

    def use(self, setting):
        """(k_factor,) or (k_factor, nprobe)."""
        import faiss

        k_factor, *nprobe = setting
        base = None
        if "RaBitQ" in self.factory and "RaBitQfs" not in self.factory:
            base = (
                faiss.IVFRaBitQSearchParameters(nprobe=nprobe[0], qb=8)  # bits of a probe's number
                if nprobe
                else faiss.RaBitQSearchParameters(qb=8)
            )
        elif nprobe:
            base = faiss.IVFSearchParameters(nprobe=nprobe[0])
        chosen = {"base_index_params": base} if base else {}
        self.kept = base  # faiss holds a bare pointer
        self.params = faiss.IndexRefineSearchParameters(k_factor=float(k_factor), **chosen)

    def top(self, probes, k):
        scores, ids = self.index.search(probes, k, params=self.params)
        return ids, scores

    def bytes(self):
        return self.size


def cells(n: int) -> int:
    return 1 << round(np.log2(2 * np.sqrt(n)))


def nprobes(n_cells: int) -> tuple[int, ...]:
    return tuple(1 << power for power in range(4, n_cells.bit_length()))


def faiss_build(factory, rows, folder, threads):
    import faiss

    faiss.omp_set_num_threads(threads)
    index = faiss.index_factory(rows.shape[1], factory, faiss.METRIC_INNER_PRODUCT)
    index.train(np.ascontiguousarray(rows[:: max(1, len(rows) // N_TRAIN)][:N_TRAIN]))
    for start in range(0, len(rows), 1 << 16):
        index.add(np.ascontiguousarray(rows[start : start + (1 << 16)]))
    faiss.write_index(index, str(folder / "base.faiss"))


class UsearchGraph(Peer):
    name, package = "usearch HNSW i8 M=16", "usearch"
    effort = (64, 256, 1024, 4096)

    def build(self, rows, folder, threads):
        from usearch.index import Index

        index = Index(ndim=rows.shape[1], metric="cos", dtype="i8", connectivity=16,
                      expansion_add=128)  # fmt: skip
        for start in range(0, len(rows), 1 << 16):
            part = np.ascontiguousarray(rows[start : start + (1 << 16)])
            index.add(np.arange(start, start + len(part)), part, threads=threads)
        index.save(str(folder / "graph.usearch"))

    def open(self, rows, folder, threads, shared):
        from usearch.index import Index

        self.index, self.threads = Index.restore(str(folder / "graph.usearch")), threads
        self.size = (folder / "graph.usearch").stat().st_size

    def use(self, setting):
        self.index.expansion_search = setting

    def top(self, probes, k):
        found = self.index.search(probes, k, threads=self.threads)
        return np.atleast_2d(found.keys).astype(np.int64), 1 - np.atleast_2d(found.distances)

    def bytes(self):
        return self.size


class UsearchExact(Peer):
    name, package = "usearch exact f16", "usearch"

    def open(self, rows, folder, threads, shared):
        self.rows, self.threads = rows.astype(np.float16), threads

    def top(self, probes, k):
        from usearch.index import MetricKind, search

        found = search(self.rows, probes.astype(np.float16), k, MetricKind.IP, exact=True,
                       threads=self.threads)  # fmt: skip
        return np.atleast_2d(found.keys).astype(np.int64), 1 - np.atleast_2d(found.distances)

    def bytes(self):
        return self.rows.nbytes


class Svs(Peer):
    name, package, largest = "svs Vamana float32 R=32", "scalable-vs", 200_000
    effort = (64, 256, 1024, 4096)
    note = "no range search: top 50 alone; its compressed forms (LVQ, LeanVec) refuse AMD"

    def build(self, rows, folder, threads):
        import svs

        parameters = svs.VamanaBuildParameters(graph_max_degree=32, window_size=80, alpha=0.95)
        index = svs.Vamana.build(
            parameters, np.ascontiguousarray(rows), svs.DistanceType.MIP, num_threads=threads
        )
        for part in ("config", "graph", "data"):
            (folder / part).mkdir()
        index.save(*(str(folder / part) for part in ("config", "graph", "data")))

    def open(self, rows, folder, threads, shared):
        import svs

        self.index = svs.Vamana(
            str(folder / "config"),
            svs.GraphLoader(str(folder / "graph")),
            svs.VectorDataLoader(str(folder / "data"), svs.DataType.float32),
            svs.DistanceType.MIP,
            num_threads=threads,
        )
        self.size = sum(f.stat().st_size for f in folder.rglob("*") if f.is_file())

    def use(self, setting):
        self.index.search_window_size = setting

    def top(self, probes, k):
        ids, scores = self.index.search(probes, k)
        return ids.astype(np.int64), scores

    def bytes(self):
        return self.size


class Faceflash(Peer):
    package = "faceflash"
    effort = (100, 1_000, 10_000, 100_000)

    def __init__(self, dim: int) -> None:
        self.name, self.dim = f"faceflash {dim} bits", dim

    def build(self, rows, folder, threads):
        from faceflash.index import FaceIndex

        index = FaceIndex(dim=self.dim, n_bits=self.dim)
        index.add_batch(np.asarray(rows), [str(number) for number in range(len(rows))])
        index.save(str(folder))

    def open(self, rows, folder, threads, shared):
        from faceflash.index import FaceIndex

        self.index = FaceIndex(dim=self.dim, n_bits=self.dim)
        self.index.load(str(folder))

    def use(self, setting):
        self.n_candidates = setting

    def top(self, probes, k):
        lists = [self.index.search(p, k=k, n_candidates=self.n_candidates) for p in probes]
        ids = np.array([[row[2] for row in found] for found in lists], np.int64)
        return ids, np.array([[row[1] for row in found] for found in lists], np.float32)

    def bytes(self):
        return self.index.vectors.nbytes


class Zvec(Peer):
    name, package, largest = "zvec HNSW int8 M=16", "zvec", 200_000
    effort = (64, 256, 1024, 2048)  # 2048 is the most that it takes

    def build(self, rows, folder, threads):
        import zvec

        zvec.init(optimize_threads=threads, log_level=zvec.LogLevel.ERROR)
        graph = zvec.HnswIndexParam(
            metric_type=zvec.MetricType.COSINE, m=16, ef_construction=128,
            quantize_type=zvec.QuantizeType.INT8,
        )  # fmt: skip
        vectors = zvec.VectorSchema(
            "v", zvec.DataType.VECTOR_FP32, rows.shape[1], index_param=graph
        )
        schema = zvec.CollectionSchema(name="faces", vectors=vectors)
        made = zvec.create_and_open(path=str(folder / "faces"), schema=schema)
        for start in range(0, len(rows), 1000):
            numbers = range(start, min(start + 1000, len(rows)))
            made.insert([zvec.Doc(id=str(i), vectors={"v": rows[i].tolist()}) for i in numbers])
        made.optimize()
        made.flush()

    def open(self, rows, folder, threads, shared):
        import zvec

        zvec.init(query_threads=threads, log_level=zvec.LogLevel.ERROR)
        self.folder = folder / f"faces-{os.getpid()}"  # it locks what it opens
        shutil.copytree(folder / "faces", self.folder)
        self.zvec, self.index = zvec, zvec.open(str(self.folder))

    def use(self, setting):
        self.ef = setting

    def top(self, probes, k):
        ids, scores = np.zeros((len(probes), k), np.int64), np.zeros((len(probes), k), np.float32)
        for number, probe in enumerate(probes):
            asked = self.zvec.Query(
                field_name="v", vector=probe.tolist(), param=self.zvec.HnswQueryParam(ef=self.ef)
            )
            found = self.index.query(queries=asked, topk=k)
            ids[number, : len(found)] = [int(document.id) for document in found]
            scores[number, : len(found)] = [1 - document.score for document in found]
        return ids, scores

    def bytes(self):
        return sum(f.stat().st_size for f in self.folder.rglob("*") if f.is_file())

    def close(self):
        del self.index
        shutil.rmtree(self.folder)


def peers_of(n: int, dim: int) -> list[list[Peer]]:
    """The peers in two groups, each of which fits into memory with a million references."""
    n_cells = cells(n)
    factors = ((1,), (2,), (5,), (10,), (50,))
    many = (*factors, (200,), (1000,))
    partitioned = tuple(
        (k_factor, nprobe) for nprobe in nprobes(n_cells)[2:] for k_factor in (10, 50, 200)
    )
    codes = ["PQ64x4fs"] if dim < 512 else ["PQ128x4fs", "PQ256x4fs"]
    refined = [FaissRefined(code, many, factors) for code in codes]
    refined += [FaissRefined(code, many) for code in ("RaBitQ", "RaBitQfs", "RaBitQfs2")]
    refined += [
        FaissRefined(f"IVF{n_cells},{code}", partitioned)
        for code in (*codes[-1:], "RaBitQ", "RaBitQfs")
    ]
    return [
        [FaissFlat(), Numpy(), FaissIvfFlat(n), *refined],
        [UsearchExact(), UsearchGraph(), Svs(), Faceflash(dim), Zvec()],
    ]

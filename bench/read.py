"""Reading photos for their faces: `ReaderPool` against OpenCV's plain loop, block by block.

    python bench/read.py [--folder ../shared/data/lfw-dev] [--blocks 8] [--photos 150]

Both read the same photos of a block, one after the other in turns, so that other load on the
machine falls on both alike. The pool finds faces at a lower score (0.7) and at any angle, averages
each with its mirror image, judges it, cuts its crop and reads the photo's metadata. The plain loop
is FaceDetectorYN at the photo's size with its own threshold (0.9), then alignCrop and feature of
FaceRecognizerSF for each face, with OpenCV's own threads. Start-up is measured apart.
"""

import argparse
import datetime
import json
import os
import platform
import statistics
import subprocess
import time
from importlib import metadata
from pathlib import Path

import cv2

from vultus.errors import VultusError
from vultus.faces.pool import ReaderPool
from vultus.faces.weights import SFACE, YUNET, weights_folder

HERE = Path(__file__).resolve().parent
TICK = os.sysconf("SC_CLK_TCK")


class Loop:
    """OpenCV's own pipeline, as its samples write it."""

    def __init__(self) -> None:
        folder = weights_folder()
        self.detector = cv2.FaceDetectorYN.create(str(folder / YUNET.file), "", (320, 320))
        self.embedder = cv2.FaceRecognizerSF.create(str(folder / SFACE.file), "")

    def read(self, photos: list[Path]) -> int:
        """Make a template of each face; return how many."""
        n_faces = 0
        for path in photos:
            pixels = cv2.imread(str(path))
            self.detector.setInputSize(pixels.shape[1::-1])
            faces = self.detector.detect(pixels)[1]
            for face in faces if faces is not None else ():
                self.embedder.feature(self.embedder.alignCrop(pixels, face))
                n_faces += 1
        return n_faces


def read_pool(pool: ReaderPool, photos: list[Path]) -> int:
    """Read all photos; return how many faces were found."""
    n_faces = 0
    for path, result in pool.read_many((path, path) for path in photos):
        if isinstance(result, VultusError):
            raise SystemExit(f"{path}: {result.code}")
        n_faces += len(result.faces)
    return n_faces


def cpu_s() -> float:
    """Processor seconds of this process and of its children that still run."""
    total = time.process_time()
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    for pid in children:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        total += (int(fields[11]) + int(fields[12])) / TICK
    return total


def memory_mib() -> float:
    """Proportional memory of this process and its children."""
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    total = 0
    for pid in [str(os.getpid()), *children]:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total / 1024


def timed(read, photos: list[Path]) -> dict[str, float]:
    cpu, start = cpu_s(), time.perf_counter()
    n_faces = read(photos)
    wall = time.perf_counter() - start
    return {"n_photos": len(photos), "n_faces": n_faces, "wall_s": wall, "cpu_s": cpu_s() - cpu}


def summary(rows: list[dict[str, float]]) -> dict[str, float]:
    """Medians over the blocks."""
    return {
        "photos_per_s": round(statistics.median(r["n_photos"] / r["wall_s"] for r in rows), 2),
        "faces_per_s": round(statistics.median(r["n_faces"] / r["wall_s"] for r in rows), 2),
        "cpu_ms_per_photo": round(
            statistics.median(1000 * r["cpu_s"] / r["n_photos"] for r in rows), 2
        ),
        "n_faces": sum(r["n_faces"] for r in rows),
    }


def measure(every: list[Path], n_blocks: int, n_photos: int) -> dict[str, object]:
    """Read `n_blocks` blocks with both, the first turn going to each alternately."""
    loop = Loop()
    start = time.perf_counter()
    rows: dict[str, list[dict[str, float]]] = {"vultus": [], "opencv": []}
    with ReaderPool(2) as pool:
        read_pool(pool, every[:2])
        start_s = time.perf_counter() - start
        loop.read(every[:2])
        for block in range(n_blocks):
            photos = every[block::n_blocks][:n_photos]
            turns = [("vultus", lambda p: read_pool(pool, p)), ("opencv", loop.read)]
            for name, read in turns if block % 2 else turns[::-1]:
                rows[name].append(timed(read, photos))
        peak = memory_mib()
    results = {name: summary(blocks) for name, blocks in rows.items()}
    ratios = [
        o["wall_s"] / v["wall_s"] for v, o in zip(rows["vultus"], rows["opencv"], strict=True)
    ]
    return {
        "start_s": round(start_s, 2),
        "memory_mib_of_pool_and_loop": round(peak),
        "vultus_is_times_faster": round(statistics.median(ratios), 3),
        "ratio_of_each_block": [round(ratio, 3) for ratio in ratios],
        "results": results,
        "blocks": rows,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=HERE.parent.parent / "shared/data/lfw-dev")
    parser.add_argument("--blocks", type=int, default=8)
    parser.add_argument("--photos", type=int, default=150, help="a block")
    parser.add_argument("--out", type=Path, default=HERE / "results" / "read.json")
    options = parser.parse_args()
    every = sorted(path for path in options.folder.rglob("*") if path.suffix.lower() == ".jpg")
    if not every:
        raise SystemExit(f"There are no photos at {options.folder}: name a folder with --folder.")
    load = os.getloadavg()[0]
    figures = measure(every, options.blocks, options.photos)
    commit = subprocess.run(
        ["git", "rev-parse", "--short=12", "HEAD"],
        cwd=HERE, capture_output=True, text=True, check=False,
    ).stdout.strip()  # fmt: skip
    document = {
        "date": datetime.date.today().isoformat(),
        "commit": commit,
        "machine": {
            "cores": len(os.sched_getaffinity(0)),
            "processor": platform.machine(),
            "load_before": load,
            "python": platform.python_version(),
        },
        "versions": {
            name: metadata.version(name)
            for name in ("onnxruntime", "opencv-python-headless", "numpy", "pillow")
        },
        **figures,
    }
    options.out.parent.mkdir(exist_ok=True)
    options.out.write_text(json.dumps(document, indent=1) + "\n")
    print(json.dumps({k: v for k, v in figures.items() if k != "blocks"}, indent=1))


if __name__ == "__main__":
    main()

"""Ingest against OpenCV's own pipeline and face_recognition's, on the same photos, in turns.

    python bench/ingest.py [--photos 1756] [--rounds 2] [--folder ../shared/data/lfw-dev]

Vultus does more than its peers: it decodes in processes that may crash, averages each face
with its mirror image, judges quality, reads captions, seals everything and writes the log.
The peers read a photo, find faces and make templates, one photo after the other, with their
own threads: OpenCV's FaceDetectorYN at the photo's size, alignCrop and feature (FaceRecognizerSF),
and what face_recognition does: dlib's frontal detector, five landmarks, ResNet.

dlib is not a requirement of the project and is left out where it is missing. To compare:

    python -m venv bench/work/peers
    bench/work/peers/bin/pip install -r requirements/run.txt dlib-bin face-recognition-models
    PYTHONPATH=. bench/work/peers/bin/python bench/ingest.py

Peers take turns within each round, each in a process of its own, so that other load on the
machine falls on all alike; medians are printed, with processor seconds and the highest memory
of all its processes. Each round takes other photos. Start-up is part of each time.
"""

import argparse
import datetime
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from importlib import metadata, util
from pathlib import Path

HERE = Path(__file__).resolve().parent
PEERS = ("vultus", "opencv", "dlib")


def photos_of(folder: Path, n: int, rounds: int) -> list[list[Path]]:
    """`rounds` lists of `n` photos, every k-th of all, so that each holds many people."""
    every = sorted(path for path in folder.rglob("*") if path.suffix.lower() == ".jpg")
    return [every[start::rounds][:n] for start in range(rounds)]


def run_vultus(photos: list[Path], work: Path) -> None:
    """A fresh home, one source that links to nothing: the photos are copied before the clock."""
    command = [sys.executable, "-m", "vultus", "--home", str(work / "home")]
    done = subprocess.run([*command, "ingest", "--json"], check=True, capture_output=True)
    print(json.loads(done.stdout)["faces"], file=sys.stderr)


def prepare_vultus(photos: list[Path], work: Path) -> None:
    folder = work / "photos"
    folder.mkdir()
    for number, path in enumerate(photos):
        shutil.copy(path, folder / f"{number:05}.jpg")
    command = [sys.executable, "-m", "vultus", "--home", str(work / "home")]
    key = ["--key-file", str(work / "key")]
    subprocess.run([*command, "init", *key], check=True, capture_output=True)
    source = ["--kind", "folder", "--location", str(folder), "--collection", "c"]
    subprocess.run(
        [*command, "source", "add", "s", *source, "--legal-basis", "bench"],
        check=True, capture_output=True,
    )  # fmt: skip


def run_opencv(photos: list[Path], work: Path) -> None:
    import cv2

    from vultus.faces.weights import SFACE, YUNET, weights_folder

    folder = weights_folder()
    detector = cv2.FaceDetectorYN.create(str(folder / YUNET.file), "", (320, 320))
    embedder = cv2.FaceRecognizerSF.create(str(folder / SFACE.file), "")
    for path in photos:
        pixels = cv2.imread(str(path))
        detector.setInputSize(pixels.shape[1::-1])
        faces = detector.detect(pixels)[1]
        for face in faces if faces is not None else ():
            embedder.feature(embedder.alignCrop(pixels, face))


def run_dlib(photos: list[Path], work: Path) -> None:
    import dlib
    import numpy as np
    from PIL import Image

    spec = util.find_spec("face_recognition_models")
    models = Path(spec.submodule_search_locations[0]) / "models"
    detector = dlib.get_frontal_face_detector()
    landmarks = dlib.shape_predictor(str(models / "shape_predictor_5_face_landmarks.dat"))
    network = dlib.face_recognition_model_v1(
        str(models / "dlib_face_recognition_resnet_model_v1.dat")
    )
    for path in photos:
        pixels = np.asarray(Image.open(path).convert("RGB"))
        for box in detector(pixels, 1):
            network.compute_face_descriptor(pixels, landmarks(pixels, box), 1)


def measure(peer: str, photos: list[Path]) -> dict[str, float]:
    """Wall and processor seconds and the highest resident memory of one peer's process tree."""
    with tempfile.TemporaryDirectory(dir=HERE / "work") as name:
        work = Path(name)
        if peer == "vultus":
            prepare_vultus(photos, work)
        (work / "list").write_text("\n".join(map(str, photos)))
        before = os.times()
        start = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, __file__, "--run", peer, "--work", str(work)],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        peak = Peak(process.pid)
        peak.start()
        if process.wait():
            raise SystemExit(f"{peer} failed")
        wall = time.monotonic() - start
        peak.join()
        after = os.times()
    cpu = (
        after.children_user + after.children_system - before.children_user - before.children_system
    )
    return {"wall_s": wall, "cpu_s": cpu, "peak_mib": peak.bytes / 2**20}


class Peak(threading.Thread):
    """Watches the proportional memory of a process and all below it until it ends."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.pid, self.bytes = pid, 0

    def run(self) -> None:
        while Path(f"/proc/{self.pid}").exists() and self.state() != "Z":
            total = sum(memory_of(pid) for pid in tree(self.pid))
            self.bytes = max(self.bytes, total)
            time.sleep(0.2)

    def state(self) -> str:
        try:
            return Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except OSError:
            return "Z"


def tree(pid: int) -> list[int]:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return [pid]
    return [pid, *(below for child in children for below in tree(int(child)))]


def memory_of(pid: int) -> int:
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


def present(peer: str) -> bool:
    return peer != "dlib" or bool(
        util.find_spec("dlib") and util.find_spec("face_recognition_models")
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=HERE.parent.parent / "shared/data/lfw-dev")
    parser.add_argument("--photos", type=int, default=1756)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--out", type=Path, default=HERE / "results" / "ingest.json")
    parser.add_argument("--run", choices=PEERS, help=argparse.SUPPRESS)
    parser.add_argument("--work", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run:
        photos = [Path(line) for line in (options.work / "list").read_text().splitlines()]
        {"vultus": run_vultus, "opencv": run_opencv, "dlib": run_dlib}[options.run](
            photos, options.work
        )
        return
    if not options.folder.is_dir():
        raise SystemExit(f"There are no photos at {options.folder}: name a folder with --folder.")
    (HERE / "work").mkdir(exist_ok=True)
    rounds = photos_of(options.folder, options.photos, options.rounds)
    peers = [peer for peer in PEERS if present(peer)]
    load_before = os.getloadavg()[0]
    figures: dict[str, list[dict[str, float]]] = {peer: [] for peer in peers}
    for number, photos in enumerate(rounds):
        for peer in peers[number % len(peers) :] + peers[: number % len(peers)]:
            figures[peer].append(measure(peer, photos))
            print(f"round {number + 1}, {peer}: {figures[peer][-1]}", file=sys.stderr)
    report(figures, [len(photos) for photos in rounds], load_before, options.out)


def report(
    figures: dict[str, list[dict[str, float]]], n_photos: list[int], load: float, out: Path
) -> None:
    """Print photos a second and the ratio of each peer to Vultus; write the JSON."""
    results = {}
    for peer, rows in figures.items():
        rate = statistics.median(n / row["wall_s"] for n, row in zip(n_photos, rows, strict=True))
        cpu = statistics.median(
            1000 * row["cpu_s"] / n for n, row in zip(n_photos, rows, strict=True)
        )
        results[peer] = {
            "photos_per_s": round(rate, 2),
            "cpu_ms_per_photo": round(cpu, 2),
            "peak_mib": round(max(row["peak_mib"] for row in rows), 1),
            "rounds": rows,
        }
    for peer, row in results.items():
        ratio = results["vultus"]["photos_per_s"] / row["photos_per_s"]
        row["vultus_is_times_faster"] = round(ratio, 3)
        print(
            f"{peer:8} {row['photos_per_s']:7.1f} photos/s"
            f"  {row['cpu_ms_per_photo']:7.1f} CPU ms/photo"
            f"  {row['peak_mib']:7.0f} MiB  vultus is {ratio:.2f} times as fast"
        )
    commit = subprocess.run(
        ["git", "rev-parse", "--short=12", "HEAD"],
        cwd=HERE,
        capture_output=True,
        text=True,
        check=False,
    ).stdout.strip()
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
            for name in ("onnxruntime", "opencv-python-headless", "numpy")
        },
        "photos": n_photos,
        "results": results,
    }
    out.parent.mkdir(exist_ok=True)
    out.write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()

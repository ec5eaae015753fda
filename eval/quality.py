"""Which cheap quality predicts errors best? Error versus discard, on people it was not fitted on.

    python eval/quality.py [--shared DIR] [--work DIR] [--out FILE]

`DIR` (../shared beside the repository) holds data/lfw-dev, for evaluation only; its known label
errors are dropped. The threshold is that of FMR 0.0001 of all comparisons; the worst photos by
each quality are discarded, and what counts is how many of the false non-matches go.

present    the product's quality                 length    of the raw vector
mirror     cosine of a face's vector and its mirror image's
detection  the detector's score                  size, sharpness, turn, nod, contrast: alone
linear     ridge regression of a mated score on the sum of both photos' features
vector     the same with the raw vector's 128 numbers beside them
tail       logistic regression of whether a mated score is among the lowest 5 %, on the same sum
Fitted ones are cross-validated in five folds of people; of the penalties tried, the one that is
best within the folds that are fitted on is taken.

What is read off the photos is kept under --work (eval/work, not committed).
"""

import argparse
import hashlib
import json
import math
import sys
from pathlib import Path

import cv2
import numpy as np

from vultus.faces.align import FRAME, align, similarity
from vultus.faces.detect import THRESHOLD, Detector
from vultus.faces.embed import Embedder
from vultus.faces.photo import decode
from vultus.faces.quality import CORE, EYE_PX, USUAL_NOSE, judge
from vultus.faces.weights import SFACE, YUNET
from vultus.scoring.discard import error_versus_discard
from vultus.scoring.interval import drawn_people, percentiles
from vultus.scoring.verification import compare_people, fnmr_at_fmr

ROOT = Path(__file__).resolve().parent.parent
FEATURES = (
    "length", "mirror", "detection", "size", "sharpness", "turn", "nod", "brightness", "contrast",
    "length_alone",
)  # fmt: skip
SHARES = (0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3)
FOLDS = 5
PENALTIES = (1.0, 10.0, 100.0, 1000.0)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared")
    parser.add_argument("--work", type=Path, default=ROOT / "eval" / "work")
    parser.add_argument("--out", type=Path, default=ROOT / "eval" / "results" / "quality.json")
    given = parser.parse_args()
    data = given.shared / "data"
    if not (data / "lfw-dev").is_dir():
        sys.exit(f"no photos at {data}: give --shared DIR")
    given.work.mkdir(parents=True, exist_ok=True)
    read = read_photos(data / "lfw-dev", given.work / "quality.npz")
    kept = not_wrongly_labelled(data / "README.md", read["names"])
    read = {name: values[kept] for name, values in read.items()}
    names, people = np.unique([name.split("/")[0] for name in read["names"]], return_inverse=True)
    unit = read["raw"] / np.linalg.norm(read["raw"], axis=1, keepdims=True)
    comparisons = compare_people(unit, people, np.bincount(people))
    (at,) = fnmr_at_fmr(comparisons, np.random.default_rng(0), [1e-4])
    measured = {
        "photos": len(people),
        "people": len(names),
        "mated": len(comparisons.mated),
        "threshold": at.threshold,
        "fnmr": at.fnmr,
        "false_non_matches": int((comparisons.mated < np.float32(at.threshold)).sum()),
        "qualities": {
            name: row(name, values, comparisons, at.threshold)
            for name, values in qualities(read, names, people, comparisons).items()
        },
    }
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(measured, indent=1) + "\n")


# --- what is read off a photo -----------------------------------------------------------------


def read_photos(folder, kept_at):
    if not kept_at.exists():
        detector, embedder = Detector(THRESHOLD, YUNET, 1), Embedder(SFACE, 1)
        names, raw, features, present = [], [], [], []
        photos = sorted(folder.glob("*/*.jpg"))
        for n, photo in enumerate(photos, 1):
            found = read_one(photo, detector, embedder)
            if found is None:
                print(f"no face: {photo}", file=sys.stderr)
                continue
            names.append(f"{photo.parent.name}/{photo.stem}")
            for list_, value in zip((raw, features, present), found, strict=True):
                list_.append(value)
            print(f"\r{n} of {len(photos)}", end="", file=sys.stderr)
        np.savez(kept_at, names=names, raw=raw, features=features, present=present)
    return dict(np.load(kept_at))


def read_one(photo, detector, embedder):
    pixels = decode(photo.read_bytes()).pixels
    rows = detector.detect(pixels)
    if not len(rows):
        return None
    middle = rows[:, :2] + rows[:, 2:4] / 2 - np.array(pixels.shape[1::-1]) / 2
    face = rows[np.argmin(np.linalg.norm(middle, axis=1) - rows[:, 2])]
    marks = face[4:14].reshape(5, 2)
    crop = align(pixels, marks)
    units, lengths = embedder.embed(np.stack([crop, cv2.flip(crop, 1)]), mirror=False)
    raw = (units * lengths[:, None]).mean(axis=0)
    quality = judge(crop, marks.astype(np.float32), float(np.linalg.norm(raw)))
    matrix = similarity(marks, FRAME)
    frame = marks @ matrix[:, :2].T + matrix[:, 2]
    eyes, mouth = frame[:2].mean(axis=0), frame[3:].mean(axis=0)
    grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)[CORE]
    contrast = max(float(grey.std()), 1.0)
    detail = float(cv2.Laplacian(grey, cv2.CV_32F).std())
    features = [
        float(np.linalg.norm(raw)),
        float(units[0] @ units[1]),
        float(face[14]),
        math.log(EYE_PX / max(float(np.hypot(matrix[0, 0], matrix[1, 0])), 1e-6)),
        math.log(max(detail / contrast, 1e-6)),
        -abs(frame[2, 0] - (eyes[0] + mouth[0]) / 2) / np.linalg.norm(frame[1] - frame[0]),
        -abs((frame[2, 1] - eyes[1]) / max(mouth[1] - eyes[1], 1e-6) - USUAL_NOSE),
        -abs(float(grey.mean()) - 130),
        contrast,
        float(lengths.mean()),
    ]
    return raw, features, quality.score


def not_wrongly_labelled(readme, names):
    """Which photos to keep, by the rule of docs/evaluate.md."""
    from vultus.actions.labelled import read_label_errors

    people = {name.split("/")[0] for name in names}
    pairs = read_label_errors(readme)
    second = {b for a, b in pairs if {a, b} <= people}
    photos = {name for pair in pairs for name in pair if name not in people}
    return np.array(
        [name.split("/")[0] not in second and name.split("/")[1] not in photos for name in names]
    )


# --- qualities ----------------------------------------------------------------------------------


def qualities(read, names, people, comparisons):
    features = read["features"]
    found = {"present": read["present"]}
    found |= {name: features[:, n] for n, name in enumerate(FEATURES) if name != "length_alone"}
    fold = np.array([hashlib.sha256(name.encode()).digest()[0] % FOLDS for name in names])[people]
    shape = np.concatenate([features, features[:, :1] * features[:, 1:2]], axis=1)
    few = [FEATURES.index(name) for name in ("length", "mirror", "turn", "size")]
    found["linear, length and mirror"] = crossed(features[:, few[:2]], fold, comparisons)
    found["linear, length, mirror, turn, size"] = crossed(features[:, few], fold, comparisons)
    found["linear, all"] = crossed(shape, fold, comparisons)
    few = [FEATURES.index(name) for name in ("length", "detection", "size")]
    found["tail, length, detection, size"] = crossed(features[:, few], fold, comparisons, fit_tail)
    found["tail, all"] = crossed(shape, fold, comparisons, fit_tail)
    vectors = np.concatenate([shape, read["raw"]], axis=1)
    found["vector"] = crossed(vectors, fold, comparisons)
    return found


def crossed(features, fold, comparisons, fit=None):
    """A quality of every photo, from a fit to people of the other folds."""
    fit = fit or fit_mean
    quality = np.empty(len(fold))
    for one in range(FOLDS):
        inside = fold == one
        penalty = max(
            PENALTIES, key=lambda each: within(features, fold, one, comparisons, each, fit)
        )
        quality[inside] = apply(fit(features, ~inside, comparisons, penalty), features[inside])
    return quality


def within(features, fold, left_out, comparisons, penalty, fit):
    """Correlation of predicted and true mated scores, crossed among the folds fitted on."""
    predicted = np.full(len(fold), np.nan)
    for one in set(range(FOLDS)) - {left_out}:
        inside = fold == one
        model = fit(features, ~inside & (fold != left_out), comparisons, penalty)
        predicted[inside] = apply(model, features[inside])
    both = predicted[comparisons.mated_photos].sum(axis=1)
    known = ~np.isnan(both)
    return np.corrcoef(both[known], comparisons.mated[known])[0, 1]


def sums(features, rows, comparisons):
    """Of the pairs of `rows`: features of both, standardised and added; scores; and the scale."""
    middle, spread = features[rows].mean(axis=0), features[rows].std(axis=0) + 1e-9
    both = rows[comparisons.mated_photos].all(axis=1)
    x = ((features - middle) / spread)[comparisons.mated_photos[both]].sum(axis=1)
    return x, comparisons.mated[both], middle, spread


def fit_mean(features, rows, comparisons, penalty):
    """Ridge: mated score = constant + weights . (features of one + features of the other)."""
    x, scores, middle, spread = sums(features, rows, comparisons)
    x = x - x.mean(axis=0)
    gram = x.T @ x + penalty * np.eye(x.shape[1])
    return middle, spread, np.linalg.solve(gram, x.T @ (scores - scores.mean()))


def fit_tail(features, rows, comparisons, penalty):
    """Logistic ridge, by Newton's method, of not being among the lowest 5 % of mated scores."""
    x, scores, middle, spread = sums(features, rows, comparisons)
    y = (scores >= np.quantile(scores, 0.05)).astype(float)
    x = np.concatenate([x, np.ones((len(x), 1))], axis=1)
    ridge = np.diag([penalty / 10] * (x.shape[1] - 1) + [1e-6])
    weights = np.zeros(x.shape[1])
    for _ in range(30):
        p = 1 / (1 + np.exp(-np.clip(x @ weights, -30, 30)))
        hessian = x.T @ (x * (p * (1 - p))[:, None]) + ridge
        weights += np.linalg.solve(hessian, x.T @ (y - p) - ridge @ weights)
    return middle, spread, weights[:-1]


def apply(model, features):
    middle, spread, weights = model
    return (features - middle) / spread @ weights


def row(name, quality, comparisons, threshold):
    curve = error_versus_discard(comparisons, quality, threshold, SHARES)
    # of a quality fixed as it is, how far would other people move what 10 % remove?
    place = np.argsort(np.argsort(quality, kind="stable"), kind="stable")
    gone = (place[comparisons.mated_photos] < round(0.1 * len(quality))).any(axis=1)
    wrong = comparisons.mated < np.float32(threshold)
    of = comparisons.mated_people
    n_people = len(comparisons.n_photos)
    removed = np.bincount(of[wrong & gone], minlength=n_people)
    every = np.bincount(of[wrong], minlength=n_people)
    drawn = [
        (w @ removed) / max(w @ every, 1) for w in drawn_people(n_people, np.random.default_rng(0))
    ]
    interval = percentiles(drawn)
    least = quality[comparisons.mated_photos].min(axis=1)
    out = {
        "removed_at_0.1": float(removed.sum() / every.sum()),
        "low": interval.low,
        "high": interval.high,
        "correlation_with_mated_score": float(np.corrcoef(least, comparisons.mated)[0, 1]),
        "curve": [vars(point) for point in curve],
    }
    print(f"{name:36}", {k: round(v, 3) for k, v in out.items() if k != "curve"},
          [round(point.removed_errors, 2) for point in curve])  # fmt: skip
    return out


if __name__ == "__main__":
    main()

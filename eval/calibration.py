"""Does the calibration of a gallery predict how many strangers a search returns?

    python eval/calibration.py [--shared DIR] [--splits 12] [--work DIR] [--out FILE]

`DIR` (../shared beside the repository) holds data/portraits (people who do not exist) and
data/lfw-dev (for evaluation only). Two questions:

portraits    each photo against all others, threshold for 0.01 strangers a search, fitted on
             the gallery without its labels: how many of a person's other photos are found,
             and how many searches show a stranger?
photographs  a gallery of half of the people, probes of the other half: strangers observed a
             search, over predicted, with the gallery's mates left in, with one photo of each
             person, with 5 % re-encoded copies, and with the known label errors dropped or not;
             the same on portraits, and on a gallery of both kinds.

Templates are kept under --work (eval/work, not committed): they are biometric data.
"""

import argparse
import io
import json
import re
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from vultus.faces import FaceReader
from vultus.scoring import fit_calibration

ROOT = Path(__file__).resolve().parent.parent
LEVELS = (10.0, 1.0, 0.1, 0.01)
SIZES = (100, 250, 500, 1000, 1800)
MODEL = "sface-2021dec"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared")
    parser.add_argument("--work", type=Path, default=ROOT / "eval" / "work")
    parser.add_argument("--splits", type=int, default=12)
    parser.add_argument("--out", type=Path, default=ROOT / "eval" / "results" / "calibration.json")
    given = parser.parse_args()
    data = given.shared / "data"
    if not data.is_dir():
        sys.exit(f"no data at {data}: give --shared DIR")
    given.work.mkdir(parents=True, exist_ok=True)
    result = {"model": MODEL, "splits": given.splits}
    rendered = templates(data / "portraits", given.work / "portraits.npz")
    result["portraits"] = portraits(*rendered[:2])
    vectors, people, copies = templates(data / "lfw-dev", given.work / "lfw-dev.npz")
    kept = ~np.isin(people, label_errors(data / "README.md", people))
    result["label_errors_dropped"] = len(people) - int(kept.sum())
    without = vectors[kept], people[kept], copies[kept]
    cases = {
        "mates left in": (without, {}),
        "one photo a person": (without, {"one": True}),
        "mates and 5 % copies": (without, {"n_copies": 0.05}),
        "mates left in, label errors kept": ((vectors, people, copies), {}),
        "portraits, probes of other people": (rendered, {}),
        "photographs and portraits in one gallery": (
            tuple(np.concatenate(both) for both in zip(without, rendered, strict=True)),
            {},
        ),
    }
    result["photographs"] = {
        name: photographs(*set_, given.splits, name, **how) for name, (set_, how) in cases.items()
    }
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(result, indent=1) + "\n")


def templates(folder, kept_at):
    """Return vectors, people and, for every photo, the template of a re-encoded copy of it."""
    if not kept_at.exists():
        reader, rows, people, copies = FaceReader(), [], [], []
        photos = sorted(p for p in folder.rglob("*") if p.suffix in {".jpg", ".png"})
        for n, photo in enumerate(photos):
            face = middle_face(reader.read(photo), photo)
            if face is None:
                print(f"no face: {photo}", file=sys.stderr)
                continue
            rows.append(face)
            people.append(photo.parent.name)
            again = middle_face(reader.read(re_encoded(photo)), photo) if n % 10 == 0 else None
            copies.append(np.zeros_like(face) if again is None else again)
            print(f"\r{n + 1} of {len(photos)}", end="", file=sys.stderr)
        np.savez(kept_at, vectors=np.stack(rows), people=np.array(people), copies=np.stack(copies))
    found = np.load(kept_at)
    return found["vectors"], found["people"], found["copies"]


def middle_face(faces, photo):
    with Image.open(photo) as picture:
        wide, high = picture.size

    def off(face):
        x, y, width, height = face.box  # of a copy at 0.7 the order stays the same
        return np.hypot(x + width / 2 - wide / 2, y + height / 2 - high / 2) - width

    return min(faces, key=off).template.vector if faces else None


def re_encoded(photo):
    """The same photo again as a copy on another page would be: smaller, and saved again."""
    with Image.open(photo) as picture:
        small = picture.convert("RGB").resize([round(0.7 * side) for side in picture.size])
    out = io.BytesIO()
    small.save(out, "JPEG", quality=70)
    return out.getvalue()


def label_errors(readme, people):
    """Return one name of every pair that the data's README lists as the same person."""
    text = readme.read_text()
    listed = text[text.index("non-mated scores above") : text.index("Twins or siblings")]
    names, known = set(people), []
    for pair in re.sub(r"^.*?:|\.\s*$", "", listed, flags=re.DOTALL).split(","):
        both = [re.sub(r"_\d{4}$", "", name.strip(" .")) for name in pair.split("/")]
        if len(both) == 2 and names.issuperset(both):
            known.append(both[1])
    return known


def portraits(vectors, people):
    calibration = fit_calibration(vectors, None, model=MODEL, rng=np.random.default_rng(0))
    scores = vectors @ vectors.T
    itself = np.eye(len(people), dtype=bool)
    mated = (people[:, None] == people[None]) & ~itself
    rows = []
    for level in LEVELS[1:]:
        threshold = calibration.threshold(level, len(people) - 1)
        shown = (scores >= np.float32(threshold)) & ~itself
        rows.append(
            {
                "expected": level,
                "threshold": threshold,
                "mates_found": float((shown & mated).sum() / mated.sum()),
                "strangers_a_search": float((shown & ~mated).sum() / len(people)),
                "searches_with_a_stranger": float((shown & ~mated).any(axis=1).mean()),
            }
        )
        print("portraits", {k: round(v, 4) for k, v in rows[-1].items()})
    return {"n_photos": len(people), "n_people": len(set(people)), "rows": rows}


def photographs(vectors, people, copies, splits, name, one=False, n_copies=0.0):
    everyone = np.unique(people)
    table = {(size, level): [] for size in SIZES for level in LEVELS if level * 4 <= size}
    for split in range(splits):
        rng = np.random.default_rng(split)
        order = {person: k for k, person in enumerate(rng.permutation(everyone))}
        place = np.array([order[person] for person in people])
        probes = np.flatnonzero(place >= len(everyone) // 2)
        half = np.flatnonzero(place < len(everyone) // 2)
        half = half[np.argsort(place[half], kind="stable")]
        if one:
            half = half[np.unique(place[half], return_index=True)[1]]
        for size in SIZES:
            gallery = half[:size]
            if len(gallery) < 0.9 * size:
                continue
            fitted = vectors[gallery]
            if n_copies:
                copied = np.flatnonzero(
                    copies.any(axis=1) & np.isin(np.arange(len(people)), gallery)
                )
                some = copied[: round(n_copies * len(gallery))]
                fitted = np.concatenate([fitted, copies[some]])
            calibration = fit_calibration(fitted, None, model=MODEL, rng=rng)
            scores = vectors[probes] @ vectors[gallery].T
            for level in LEVELS:
                if (size, level) not in table:
                    continue
                threshold = calibration.threshold(level, len(gallery))
                low, high = calibration.interval(threshold, len(gallery))
                seen = float((scores >= np.float32(threshold)).sum() / len(probes))
                table[size, level].append((seen, threshold, float(low), float(high)))
    return [
        row(name, size, level, np.array(found)) for (size, level), found in table.items() if found
    ]


def row(name, size, level, found):
    seen, thresholds, low, high = found.T
    out = {
        "n": size,
        "predicted": level,
        "observed": float(seen.mean()),
        "observed_over_predicted": float(seen.mean() / level),
        "least_split": float(seen.min() / level),
        "greatest_split": float(seen.max() / level),
        "threshold": float(thresholds.mean()),
        "threshold_deviation": float(thresholds.std()),
        "interval_low": float(low.mean()),
        "interval_high": float(high.mean()),
        "splits_inside_interval": float(((seen >= low) & (seen <= high)).mean()),
    }
    print(f"{name}: ", "  ".join(f"{k} {v:.3g}" for k, v in out.items()))
    return out


if __name__ == "__main__":
    main()

"""Is a copy of a photo known as that photo, and is another photo ever taken for it?

    python eval/likeness.py [--shared DIR] [--photos 100] [--only copies|pairs] [--every]

Needs data/lfw-dev and data/portraits of `DIR` (../shared beside the repository), for evaluation
only. Two questions:

copies   photos of the half that was not used for tuning (by SHA-1 of the person) are resized,
         saved again, cropped, bordered and so on: how many are told to be the same photo, how
         many come near enough by their hash to be asked about, and how many would by a face
         whose template scores at least FACE_SCORE; beside `imagehash` and `pdqhash` where they
         are installed, at the distances that their authors name.
pairs    of demo/photos, data/portraits and data/lfw-dev: which are told to be the same? Asked are
         all pairs of photos of one person (which holds the bursts), all whose hashes are within
         90 bits, straight or mirrored, and with --every (hours) all of whose 64 strongest
         keypoints at least 5 lie as one similarity says. Duplicates that demo/people.csv names
         are counted apart; of the others every pair found is listed, to be looked at.
"""

import argparse
import csv
import hashlib
import io
import itertools
import json
import time
from pathlib import Path

import cv2
import numba
import numpy as np
from PIL import Image

from vultus.faces import FaceReader
from vultus.faces.likeness import hash_words, near_hashes, picture_hash, read_likeness
from vultus.faces.photo import decode
from vultus.faces.sameness import find_keypoints, place, same_photo

ROOT = Path(__file__).resolve().parent.parent
FACE_SCORE = 0.8
DISTANCES = (31, 64, 90)
STRONGEST = 64
CHUNK = 256


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared")
    parser.add_argument("--photos", type=int, default=100)
    parser.add_argument("--every", action="store_true")
    parser.add_argument("--only", choices=("copies", "pairs"))
    parser.add_argument("--out", type=Path, default=ROOT / "eval" / "results" / "likeness.json")
    given = parser.parse_args()
    cv2.setNumThreads(1)
    sets = {
        "demo": ROOT / "demo" / "photos",
        "portraits": given.shared / "data" / "portraits",
        "lfw-dev": given.shared / "data" / "lfw-dev",
    }
    sets = {name: photos_of(folder) for name, folder in sets.items()}
    result = {}
    if given.only != "pairs":
        half = given.photos // 2
        held_out = [p for name in ("portraits", "lfw-dev") for p in some(sets[name], half)]
        result["copies"] = {"n_photos": len(held_out), "rows": copies(held_out)}
        result["costs_ms"] = costs()
    if given.only != "copies":
        result["pairs"] = {name: pairs(photos, name, given.every) for name, photos in sets.items()}
    before = json.loads(given.out.read_text()) if given.out.exists() else {}
    given.out.write_text(json.dumps(before | result, indent=1) + "\n")


def photos_of(folder):
    return sorted(p for p in folder.rglob("*") if p.suffix in {".jpg", ".png", ".webp"})


def some(photos, n):
    """n photos of people who were not used for tuning, always the same ones."""
    half = [p for p in photos if hashlib.sha1(p.parent.name.encode()).digest()[0] % 2]
    return sorted(half, key=lambda p: hashlib.sha1(str(p.name).encode()).digest())[:n]


# --- copies -------------------------------------------------------------------------------------


def resized(pixels, scale):
    size = tuple(max(1, round(side * scale)) for side in pixels.shape[1::-1])
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)


def saved(pixels, quality):
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", quality=quality)
    return decode(out.getvalue()).pixels


def cropped(pixels, area, across, down):
    rows, columns = (round(side * area**0.5) for side in pixels.shape[:2])
    top, left = round((pixels.shape[0] - rows) * down), round((pixels.shape[1] - columns) * across)
    return np.ascontiguousarray(pixels[top : top + rows, left : left + columns])


def framed(pixels, share):
    n = round(share * max(pixels.shape))
    return cv2.copyMakeBorder(pixels, n, n, n, n, cv2.BORDER_CONSTANT, value=(240, 240, 240))


def captioned(pixels):
    height, width = pixels.shape[:2]
    bar = round(0.14 * height)
    whole = cv2.copyMakeBorder(pixels, 0, bar, 0, 0, cv2.BORDER_CONSTANT, value=(255, 255, 255))
    place, black = (4, height + round(0.7 * bar)), (0, 0, 0)
    font = cv2.FONT_HERSHEY_SIMPLEX
    return cv2.putText(whole, "The mayor opens a bridge", place, font, width / 520, black, 1)


def marked(pixels):
    height, width = pixels.shape[:2]
    over, place = pixels.copy(), (round(0.08 * width), round(0.55 * height))
    font, white = cv2.FONT_HERSHEY_SIMPLEX, (255, 255, 255)
    cv2.putText(over, "AGENCY PRESS", place, font, width / 250, white, max(1, width // 110))
    return cv2.addWeighted(pixels, 0.5, over, 0.5, 0)


def grey(pixels):
    return cv2.cvtColor(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)


def gamma(pixels, power):
    return (255 * (pixels / 255) ** power).astype(np.uint8)


COPIES = {
    "size 1/2": lambda p: resized(p, 1 / 2),
    "size 1/3": lambda p: resized(p, 1 / 3),
    "size 1/4": lambda p: resized(p, 1 / 4),
    "JPEG 90": lambda p: saved(p, 90),
    "JPEG 60": lambda p: saved(p, 60),
    "JPEG 30": lambda p: saved(p, 30),
    "size 1/2, JPEG 40": lambda p: saved(resized(p, 1 / 2), 40),
    **{
        f"crop {area:.0%} {name}": lambda p, area=area, x=x, y=y: cropped(p, area, x, y)
        for area in (0.9, 0.75, 0.6, 0.5)
        for name, x, y in (("middle", 0.5, 0.5), ("top left", 0, 0), ("low right", 0.9, 0.8))
    },
    "crop 60%, size 1/2, JPEG 50": lambda p: saved(resized(cropped(p, 0.6, 0.6, 0.4), 0.5), 50),
    "grey": grey,
    "lighter, gamma 0.7": lambda p: gamma(p, 0.7),
    "darker, gamma 1.4": lambda p: gamma(p, 1.4),
    "brightness + 30, clipped": lambda p: cv2.add(p, (30, 30, 30, 0)),
    "border 5%": lambda p: framed(p, 0.05),
    "caption bar": captioned,
    "watermark": marked,
    "mirrored": lambda p: np.ascontiguousarray(p[:, ::-1]),
}


def copies(photos):
    reader, peers = FaceReader(), peers_here()
    rows = {name: [] for name in COPIES}
    for photo in photos:
        pixels = decode(photo.read_bytes()).pixels
        known, faces = read_likeness(pixels), templates(reader, pixels)
        theirs = {name: how(pixels) for name, (how, _) in peers.items()}
        for name, change in COPIES.items():
            copy = np.ascontiguousarray(change(pixels))
            start = time.perf_counter()
            likeness = read_likeness(copy)
            read = time.perf_counter()
            said = same_photo(known, likeness)
            row = {"read_ms": 1e3 * (read - start), "same_ms": 1e3 * (time.perf_counter() - read)}
            row["same_photo"] = said is not None
            apart = min(
                distance(known.hash.value, value)
                for value in (likeness.hash.value, likeness.hash.mirrored)
            )
            row |= {f"hash within {most}": apart <= most for most in DISTANCES}
            here = templates(reader, copy)
            row["face"] = bool(len(faces) and len(here) and (faces @ here.T).max() >= FACE_SCORE)
            row["candidate, and same photo"] = row["same_photo"] and (
                row["face"] or row["hash within 64"]
            )
            row |= {peer: far(theirs[peer], how(copy)) for peer, (how, far) in peers.items()}
            rows[name].append(row)
    mean = {
        name: {key: round(float(np.mean([row[key] for row in found])), 4) for key in found[0]}
        for name, found in rows.items()
    }
    for name, row in mean.items():
        print(name, row, flush=True)
    return mean


def templates(reader, pixels):
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    faces = reader.read(out.getvalue())
    return np.array([face.template.vector for face in faces]).reshape(len(faces), -1)


def distance(a, b):
    return int(np.bitwise_count(hash_words(a) ^ hash_words(b)).sum())


def peers_here():
    """name -> (hash of pixels, whether two of them are the same picture)."""
    found = {}
    try:
        import imagehash

        def phash(pixels):
            return imagehash.phash(Image.fromarray(pixels))

        found["imagehash.phash within 8 of 64"] = (phash, lambda a, b: bool(a - b <= 8))
    except ImportError:
        pass
    try:
        import pdqhash

        def pdq(pixels):
            return pdqhash.compute(np.ascontiguousarray(pixels))[0].astype(bool)

        found["pdqhash within 31 of 256"] = (pdq, lambda a, b: bool((a != b).sum() <= 31))
    except ImportError:
        pass
    return found


# --- pairs --------------------------------------------------------------------------------------


def pairs(photos, name, every):
    likenesses = [read_likeness(decode(photo.read_bytes()).pixels) for photo in photos]
    near = hash_pairs(likenesses)
    asked = near[max(DISTANCES)] | pairs_of_one_person(photos)
    asked |= placed_pairs(likenesses) if every else set()
    known, keypoints = duplicates(photos), [both_ways(each.picture) for each in likenesses]
    same, n_placed = {}, 0
    for i, j in sorted(asked):
        placed = [place(keypoints[i][0], there) is not None for there in keypoints[j]]
        n_placed += any(placed)
        said = same_photo(likenesses[i], likenesses[j]) if any(placed) else None
        if said is not None:
            same[i, j] = said
    row = {
        "n_photos": len(photos), "n_pairs": len(photos) * (len(photos) - 1) // 2,
        "every": every, "asked": len(asked), "placed": n_placed, "same": len(same),
        "known_duplicates": len(known), "found_of_them": len(known & set(same)),
        "pairs_with_hash_within": {most: len(found) for most, found in near.items()},
        "peers": peer_pairs(photos),
        "said_to_be_the_same": [
            {"a": photos[i].name, "b": photos[j].name, "mirrored": said.mirrored,
             "shown_a": round(said.shown_a, 3), "shown_b": round(said.shown_b, 3),
             "different": round(said.different, 4)}
            for (i, j), said in same.items() if (i, j) not in known
        ],
    }  # fmt: skip
    print(name, row, flush=True)
    return row


def both_ways(picture):
    return [find_keypoints(np.ascontiguousarray(each)) for each in (picture, picture[:, ::-1])]


def rows_of_demo(photos):
    """Path under demo/photos -> its first row in demo/people.csv; empty for other sets."""
    folder = ROOT / "demo" / "photos"
    if not photos[0].is_relative_to(folder):
        return {}
    with (ROOT / "demo" / "people.csv").open(newline="", encoding="utf-8") as file:
        return {row["photo"]: row for row in reversed(list(csv.DictReader(file)))}


def pairs_of_one_person(photos):
    rows, by_person = rows_of_demo(photos), {}
    for n, photo in enumerate(photos):
        name = photo.relative_to(ROOT / "demo" / "photos").as_posix() if rows else ""
        person = rows[name]["person"] if rows else photo.parent.name
        by_person.setdefault(person, []).append(n)
    return {pair for group in by_person.values() for pair in itertools.combinations(group, 2)}


def duplicates(photos):
    rows, folder = rows_of_demo(photos), ROOT / "demo" / "photos"
    place_of = {p.relative_to(folder).as_posix(): n for n, p in enumerate(photos)} if rows else {}
    pairs = [(place_of[k], place_of[r["duplicate_of"]]) for k, r in rows.items()
             if r["duplicate_of"]]  # fmt: skip
    return {(min(pair), max(pair)) for pair in pairs}


def hash_pairs(likenesses):
    """distance -> pairs at most so far apart, straight or mirrored."""
    rows = np.array([hash_words(each.hash.value) for each in likenesses])
    found = {most: set() for most in DISTANCES}
    for i, each in enumerate(likenesses):
        for value in (each.hash.value, each.hash.mirrored):
            others, apart = near_hashes(rows, value, max(DISTANCES))
            for most in DISTANCES:
                found[most] |= {(min(i, j), max(i, j)) for j in others[apart <= most] if j != i}
    return found


def peer_pairs(photos):
    """How many pairs each peer takes for the same picture."""
    counts = {}
    for name, (how, _) in peers_here().items():
        most = int(name.split(" within ")[1].split()[0])
        hashes = [how(decode(photo.read_bytes()).pixels) for photo in photos]
        bits = np.array([np.asarray(getattr(each, "hash", each)).ravel() for each in hashes])
        signs = np.where(bits, 1, -1).astype(np.float32)
        apart = (bits.shape[1] - signs @ signs.T) / 2
        counts[name] = int(np.triu(apart <= most, 1).sum())
    return counts


def placed_pairs(likenesses):
    """Pairs that share keypoints in one arrangement, straight or mirrored."""
    straight = [strongest(each.picture) for each in likenesses]
    turned = [strongest(np.ascontiguousarray(each.picture[:, ::-1])) for each in likenesses]
    found = set()
    for points, descriptions in ((np.array([p for p, _ in s]), np.array([d for _, d in s]))
                                 for s in (straight, turned)):  # fmt: skip
        for i, (own_points, own) in enumerate(straight):
            for start in range(i + 1, len(likenesses), CHUNK):
                part = descriptions[start : start + CHUNK]
                scores = (part.reshape(-1, 128) @ own.T).reshape(-1, STRONGEST, STRONGEST)
                votes = arrangements(scores, points[start : start + CHUNK], own_points)
                found |= {(i, start + int(j)) for j in np.flatnonzero(votes >= 5)}
    return found


def strongest(picture):
    found = find_keypoints(picture)
    points = np.full((STRONGEST, 2), -1e6, np.float32)
    descriptions = np.zeros((STRONGEST, 128), np.float32)
    n = min(STRONGEST, len(found.points))
    points[:n], descriptions[:n] = found.points[:n], found.descriptions[:n]
    return points, descriptions


@numba.njit(fastmath=True)
def arrangements(scores, theirs, own):
    """For each photo the most keypoints that one similarity carries to within 6 px."""
    votes = np.zeros(len(scores), np.int64)
    for k in range(len(scores)):
        there, here = alike(scores[k])
        votes[k] = most_placed(theirs[k][there], own[here])
    return votes


@numba.njit(fastmath=True)
def alike(scores):
    """Rows and columns that are each other's nearest, and clearly so."""
    n = scores.shape[0]
    best_row, best_score = np.zeros(n, np.int64), np.full(n, np.float32(-1))
    first, second = np.full(n, np.float32(-1)), np.full(n, np.float32(-1))
    column = np.zeros(n, np.int64)
    for r in range(n):
        for c in range(n):
            score = scores[r, c]
            if score > first[r]:
                second[r], first[r], column[r] = first[r], score, c
            elif score > second[r]:
                second[r] = score
            if score > best_score[c]:
                best_score[c], best_row[c] = score, r
    rows = np.arange(n)
    clear = (first >= 0.75) & (1 - first <= 0.7225 * (1 - second)) & (best_row[column] == rows)
    return rows[clear], column[clear]


@numba.njit(fastmath=True)
def most_placed(a, b):
    """Every two pairs of points give a similarity; the most points that one of them places."""
    most = 0
    if len(a) < 5:
        return most
    for u in range(len(a)):
        for w in range(u):
            dx, dy = a[w, 0] - a[u, 0], a[w, 1] - a[u, 1]
            ex, ey = b[w, 0] - b[u, 0], b[w, 1] - b[u, 1]
            length = dx * dx + dy * dy
            if length < 100:
                continue
            p, q = (ex * dx + ey * dy) / length, (ey * dx - ex * dy) / length
            if not 1 / 16 <= p * p + q * q <= 16:
                continue
            x, y = a[:, 0] - a[u, 0], a[:, 1] - a[u, 1]
            off_x, off_y = p * x - q * y - b[:, 0] + b[u, 0], q * x + p * y - b[:, 1] + b[u, 1]
            most = max(most, np.sum(off_x**2 + off_y**2 < 36))
    return most


def costs():
    """Milliseconds to hash a photo and to look a hash up among a million."""
    rng = np.random.default_rng(0)
    out = {}
    for name, size in (("2 megapixels", (1200, 1667)), ("24 megapixels", (4000, 6000))):
        pixels = cv2.resize(rng.integers(0, 256, (40, 60, 3), dtype=np.uint8), size[::-1])
        out[f"read_likeness, {name}"] = timed(lambda pixels=pixels: read_likeness(pixels))
        out[f"picture_hash, {name}"] = timed(lambda pixels=pixels: picture_hash(pixels))
    hashes = rng.integers(0, 2**64, (1_000_000, 4), dtype=np.uint64)
    value = bytes(hashes[7].astype("<u8"))
    out["near_hashes, 1,000,000"] = timed(lambda: near_hashes(hashes, value, 64))
    return out


def timed(work, n=9):
    found = []
    for _ in range(n):
        start = time.perf_counter()
        work()
        found.append(1e3 * (time.perf_counter() - start))
    return round(float(np.median(found)), 2)


if __name__ == "__main__":
    main()

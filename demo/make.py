"""Makes the set: `python -m demo.make`. Each person and each group has a process of its own.

Resumable: a shot whose rows lie in the build folder is not taken again; after a change of the
drawing code, empty that folder. A job that crashes is reported and may be given another seed in
demo/seeds.csv.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

HERE = Path(__file__).parent
COLUMNS = [
    "photo",
    "person",
    "name",
    "x",
    "y",
    "width",
    "height",
    "yaw",
    "pitch",
    "roll",
    "light",
    "expression",
    "age_group",
    "sex",
    "skin_tone",
    "hair",
    "beard",
    "glasses",
    "kind",
    "named",
    "date",
    "duplicate_of",
    "sha256",
]
N_COPIES, N_REENCODED = 14, 8


def jobs() -> list[str]:
    """Names of all jobs, people first."""
    from demo import plan

    return (
        [f"p{i:03d}" for i in range(plan.N_PEOPLE)]
        + [f"group{g}" for g in range(plan.N_GROUPS)]
        + ["scene"]
    )


def shots_of(job: str) -> list[Any]:
    """The shots of one job."""
    from demo import plan

    everyone = plan.cast()
    if job.startswith("p"):
        p = everyone[int(job[1:])]
        return plan.portraits(p) + plan.extras(p)
    return plan.scenes(everyone) if job == "scene" else [plan.groups(everyone)[int(job[5:])]]


def face_box(fine: Any, camera: Any) -> list[float]:
    """Box [x, y, width, height] round the face between hairline, chin and ears of a posed mesh."""
    from demo import assets

    a = assets.load()
    rows = np.unique(a.parts["head"].vertices)
    q = a.canonical[rows]
    rows = rows[(q[:, 2] > 0.72) & (q[:, 1] > 6.17) & (q[:, 1] < 7.85)]
    xy = camera.project(fine[rows])
    low, high = xy.min(0), xy.max(0)
    return [float(v) for v in (*low, *(high - low))]


def take(shot: Any, out: Path) -> list[dict[str, Any]]:
    """Render one shot, write its file under out, and return its rows for people.csv."""
    from demo import photo, render, scene

    rng = np.random.default_rng([61, shot.seed])
    frame = render.shoot(
        shot.sitters, shot.camera, shot.light, shot.seed, shot.samples, shot.parapets
    )
    boxes = [face_box(m, shot.camera) for m in frame.meshes]
    backdrop = scene.background(
        shot.place,
        shot.camera.width,
        shot.camera.height,
        rng,
        0.045 if len(shot.sitters) == 1 else 0.012,
    )
    skin = float(np.mean([s.person.skin for s in shot.sitters]))
    rgb = photo.develop(
        frame, backdrop, [(b[0], b[1], b[2], b[3]) for b in boxes], skin, shot.taste, rng
    )
    if shot.size:
        rgb = np.asarray(Image.fromarray(rgb).resize(shot.size, Image.Resampling.LANCZOS))
        scale = shot.size[0] / shot.camera.width
        boxes = [[v * scale for v in b] for b in boxes]
    if shot.finish == "grey":
        rgb = photo.grey(rgb)
    elif shot.finish == "newsprint":
        rgb = photo.newsprint(rgb, rng)
    elif shot.finish == "upside down":
        rgb = np.ascontiguousarray(rgb[::-1, ::-1])
        boxes = [
            [rgb.shape[1] - b[0] - b[2], rgb.shape[0] - b[1] - b[3], b[2], b[3]] for b in boxes
        ]
    kind = {"jpg": "JPEG", "png": "PNG", "webp": "WEBP"}[shot.path.rsplit(".", 1)[1]]
    data = photo.encode(rgb, kind, shot.quality, shot.caption, shot.orientation, shot.one_channel)
    path = out / shot.path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return [_row(shot, s, b, data) for s, b in zip(shot.sitters, boxes, strict=True)]


def _row(shot: Any, s: Any, box: list[float], data: bytes) -> dict[str, Any]:
    p = s.person
    roll = s.roll + (180 if shot.finish == "upside down" else 0)
    return {
        "photo": shot.path,
        "person": p.id,
        "name": p.name,
        **{k: round(v, 1) for k, v in zip(("x", "y", "width", "height"), box, strict=True)},
        "yaw": round(s.yaw, 1),
        "pitch": round(s.pitch, 1),
        "roll": round(roll, 1),
        "light": shot.light,
        "expression": s.expression,
        "age_group": p.age_group,
        "sex": p.sex,
        "skin_tone": p.skin_index,
        "hair": f"{s.hair} {p.hair_colour}",
        "beard": s.beard,
        "glasses": "sunglasses" if s.covered else ("yes" if s.glasses else "no"),
        "kind": shot.kind,
        "named": "yes" if p.name in shot.caption.people else "no",
        "date": shot.caption.date,
        "duplicate_of": "",
        "sha256": hashlib.sha256(data).hexdigest(),
    }


def digest(shot: Any) -> str:
    """Names a shot by all that decides it but the drawing code."""
    return hashlib.sha256(repr(shot).encode()).hexdigest()


def done(job: str, build: Path) -> dict[str, list[dict[str, Any]]]:
    """Rows of a job's finished shots, by digest."""
    path = build / f"{job}.json"
    found: dict[str, list[dict[str, Any]]] = json.loads(path.read_text()) if path.exists() else {}
    return found


def run(job: str, out: Path, build: Path) -> None:
    """Do one job in this process; shots done before are kept."""
    before, now = done(job, build), {}
    for shot in shots_of(job):
        name = digest(shot)
        now[name] = before.get(name) or take(shot, out)
        (build / f"{job}.json").write_text(json.dumps({**before, **now}))
    (build / f"{job}.json").write_text(json.dumps(now))


def duplicates(rows: list[dict[str, Any]], out: Path) -> list[dict[str, Any]]:
    """Copy some ordinary photos under other names: byte for byte, or encoded anew."""
    from demo import captions

    rng = np.random.default_rng(71)
    pool = [r for r in rows if r["kind"] == "portrait"]
    more = []
    for k, i in enumerate(rng.choice(len(pool), N_COPIES + N_REENCODED, replace=False)):
        row = pool[int(i)]
        home = next(n for n, a in enumerate(captions.ARCHIVES) if row["photo"].startswith(a.folder))
        other = captions.ARCHIVES[(home + 1) % 3]
        path = captions.file_name(other, int(row["date"][:4]), 3400 + k, row["date"]) + ".jpg"
        data, factor = (out / row["photo"]).read_bytes(), 1.0
        if k >= N_COPIES:
            image = Image.open(io.BytesIO(data)).convert("RGB")
            factor = (1.0, 0.75, 0.6, 1.3)[k % 4]
            size = (round(image.width * factor), round(image.height * factor))
            buffer = io.BytesIO()
            image.resize(size, Image.Resampling.LANCZOS).save(
                buffer, "JPEG", quality=(60, 75, 88)[k % 3]
            )
            data = buffer.getvalue()
        (out / path).parent.mkdir(parents=True, exist_ok=True)
        (out / path).write_bytes(data)
        box = {key: round(row[key] * factor, 1) for key in ("x", "y", "width", "height")}
        bare = {} if k < N_COPIES else {"named": "no", "date": ""}
        more.append(
            {
                **row,
                **box,
                **bare,
                "photo": path,
                "kind": "copy" if k < N_COPIES else "re-encoded",
                "duplicate_of": row["photo"],
                "sha256": hashlib.sha256(data).hexdigest(),
            }
        )
    return more


def index(out: Path, build: Path, table: Path) -> None:
    """Write people.csv from the rows of all finished jobs, and the duplicates."""
    rows = []
    for job in jobs():
        finished = done(job, build)
        for name in map(digest, shots_of(job)):
            rows += finished.get(name, [])
    rows += duplicates(rows, out)
    rows.sort(key=lambda r: (r["photo"], r["x"]))
    known = {r["photo"] for r in rows}
    for path in [
        p for p in out.rglob("*") if p.is_file() and p.relative_to(out).as_posix() not in known
    ]:
        path.unlink()
    with table.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    size = sum(p.stat().st_size for p in out.rglob("*") if p.is_file())
    print(f"{len(known)} photos, {len(rows)} faces, {size / 1e6:.1f} MB", file=sys.stderr)


def render_all(args: argparse.Namespace) -> list[str]:
    """Run the jobs that are missing, a few processes at a time; return those that crashed."""
    wanted = args.only or [
        job for job in jobs() if {digest(s) for s in shots_of(job)} - set(done(job, args.build))
    ]
    waiting, failed, n_done = list(wanted), list[str](), 0
    running: dict[str, subprocess.Popen[bytes]] = {}
    started = time.monotonic()
    while waiting or running:
        while waiting and len(running) < args.jobs:
            job = waiting.pop(0)
            command = [sys.executable, "-m", "demo.make", "--job", job]
            command += ["--photos", str(args.photos), "--build", str(args.build)]
            running[job] = subprocess.Popen(command, cwd=HERE.parent)
        for job in [j for j, p in running.items() if p.poll() is not None]:
            n_done += 1
            if running.pop(job).returncode:
                failed.append(job)
            spent = time.monotonic() - started
            left = spent / n_done * (len(wanted) - n_done)
            said = f"{n_done}/{len(wanted)} {job} after {spent:.0f} s, about {left:.0f} s left"
            print(f"{said}; crashed: {failed}", file=sys.stderr)
        time.sleep(0.3)
    return failed


def main() -> None:
    """Read the command line and make what is missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=Path, default=HERE / "photos")
    parser.add_argument("--build", type=Path, default=HERE / "build")
    parser.add_argument("--jobs", type=int, default=2, help="processes at a time")
    parser.add_argument("--only", nargs="*", help="names of jobs, such as p003 group1 scene")
    parser.add_argument("--job", help=argparse.SUPPRESS)
    parser.add_argument(
        "--index", action="store_true", help="write people.csv from what there is, and stop"
    )
    args = parser.parse_args()
    args.build.mkdir(parents=True, exist_ok=True)
    if args.job:
        run(args.job, args.photos, args.build)
        return
    failed = [] if args.index else render_all(args)
    if args.index or not args.only:
        index(args.photos, args.build, args.photos.parent / "people.csv")
    if failed:
        raise SystemExit(
            f"crashed: {', '.join(failed)}; give them another seed in {HERE / 'seeds.csv'}"
        )


if __name__ == "__main__":
    main()

"""What is photographed: the cast and every shot, all drawn from one seed."""

from __future__ import annotations

import csv
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from demo import captions, head, names, people
from demo.people import Person
from demo.photo import Caption, Taste
from demo.render import Sitter
from demo.scene import LIGHTS, PLACES, Camera
from demo.wear import GARMENTS

SEED = 20261124
N_PEOPLE = 62
N_ORDINARY = 6
N_GROUPS = 10
ONLY_IN_THE_CROWD = (60,)  # too like another person; seen in the scene alone
SEEDS_FILE = Path(__file__).parent / "seeds.csv"
RETAKES_FILE = Path(__file__).parent / "retakes.csv"


@dataclass(frozen=True)
class Shot:
    """One photo to be made; `finish` is plain, grey, newsprint or upside down."""

    path: str
    kind: str
    sitters: list[Sitter]
    camera: Camera
    light: str
    place: str
    seed: int
    caption: Caption
    taste: Taste = field(default_factory=Taste)
    finish: str = "plain"
    size: tuple[int, int] | None = None
    quality: int = 84
    orientation: int = 1
    samples: int = 3
    one_channel: bool = False
    parapets: tuple[tuple[float, float], ...] = ()


def seeds() -> dict[int, int]:
    """Seeds in place of a person's default one, which crashed the renderer or gave a double."""
    if not SEEDS_FILE.exists():
        return {}
    with SEEDS_FILE.open(newline="") as file:
        return {int(row["number"]): int(row["seed"]) for row in csv.DictReader(file)}


def retakes() -> dict[tuple[int, int], tuple[int]]:
    """Which take of an ordinary photo is kept, where it is not the first."""
    with RETAKES_FILE.open(newline="") as file:
        rows = list(csv.DictReader(file))
    return {(int(row["number"]), int(row["shot"])): (int(row["take"]),) for row in rows}


def cast() -> list[Person]:
    """All the people of the set."""
    rng = np.random.default_rng([SEED, 1])
    plans = people.plans(N_PEOPLE, rng)
    called = names.names([str(p["sex"]) for p in plans], rng)
    other = seeds()
    return [
        people.person(i, other.get(i, 1000 + i), plan, name)
        for i, (plan, name) in enumerate(zip(plans, called, strict=True))
    ]


def earlier(p: Person, years: float) -> Person:
    """The same person some years before."""
    return replace(p, age=max(8.0, p.age - years)) if p.age > 24 else p


def _taste(rng: np.random.Generator) -> Taste:
    return Taste(
        float(np.exp(rng.normal(0, 0.10))),
        (float(1 + rng.normal(0, 0.025)), 1.0, float(1 + rng.normal(0, 0.03))),
        float(rng.uniform(0.92, 1.08)),
        float(rng.uniform(0.2, 0.5)),
        float(rng.uniform(0.003, 0.010)),
        float(rng.uniform(0.55, 1.0)),
    )


def _sitter(p: Person, then: bool, rng: np.random.Generator, seed: int) -> Sitter:
    """A person as seen on one day; `then` is years earlier, with the other look."""
    look: dict[str, object] = p.look2 if then else {}
    yaw, pitch = (
        float(np.clip(rng.normal(0, 12), -27, 27)),
        float(np.clip(rng.normal(0, 5), -11, 11)),
    )
    expression = str(
        rng.choice(list(head.EXPRESSIONS), p=[0.16, 0.2, 0.2, 0.14, 0.07, 0.03, 0.08, 0.08, 0.04])
    )
    camera = rng.random() < 0.8
    gaze = (
        (float(rng.normal(0, 2)), float(rng.normal(0, 1.5)))
        if camera
        else (0.8 * yaw + float(rng.normal(0, 3)), 0.6 * pitch)
    )
    young = ("tee", "striped", "jumper", "check shirt")
    garment = str(rng.choice(young if p.age < 18 else GARMENTS))
    if p.sex == "M" and garment == "blouse":
        garment = "shirt"
    glasses = bool(look.get("glasses", p.glasses)) and p.age > 11
    return Sitter(
        p,
        str(look.get("hair", p.hair)),
        str(look.get("beard", p.beard)),
        glasses,
        garment,
        expression,
        float(rng.uniform(0.7, 1.05)),
        float(max(0, rng.normal(0.0, 0.04))),
        yaw,
        pitch,
        float(rng.normal(0, 3)),
        float(0.4 * yaw + rng.normal(0, 7)),
        gaze,
        seed=seed,
    )


def head_top(p: Person) -> float:
    """How far hair rises above the crown, in dm, for framing."""
    return {"afro": 0.45, "bun": 0.35, "curly": 0.25, "curly long": 0.2, "quiff": 0.2}.get(
        p.hair, 0.1
    )


def _camera(s: Sitter, rng: np.random.Generator, pixels: int) -> Camera:
    child = 0.35 if s.person.age < 14 else 0.0
    aim = (
        float(rng.normal(0, 0.07) + 0.006 * s.yaw),
        float(7.02 + rng.normal(0, 0.06) + 0.4 * head_top(s.person)),
        0.7,
    )
    frame = float(rng.uniform(3.2, 4.1)) + head_top(s.person) - child
    return Camera(
        aim,
        float(rng.choice([9, 13, 18, 24], p=[0.15, 0.35, 0.3, 0.2])),
        frame,
        pixels,
        pixels,
        float(rng.normal(0, 2)),
    )


def _numbering(number: int, j: int) -> int:
    return int((number * 17 + j * 263 + 31) % 3989)


def portraits(p: Person) -> list[Shot]:
    """The person's ordinary photos: four from the present, two from years before."""
    shots: list[Shot] = []
    again = retakes()
    if p.number in ONLY_IN_THE_CROWD:
        return shots
    for j in range(N_ORDINARY):
        rng = np.random.default_rng([SEED, 2, p.number, j, *again.get((p.number, j), ())])
        then = j >= 4
        who = earlier(p, 5.0) if then else p
        sitter = _sitter(who, then, rng, p.number * 100 + j)
        if j == 4:
            sitter = replace(sitter, glasses=p.glasses and p.age > 11)
        if j == 0:
            sitter = replace(
                sitter,
                yaw=sitter.yaw * 0.25,
                pitch=sitter.pitch * 0.3,
                body_yaw=0.0,
                expression=str(rng.choice(["neutral", "slight smile", "smile"])),
            )
        archive = captions.ARCHIVES[(p.number + j) % 3]
        year = int(
            rng.integers(archive.years[0], archive.years[0] + 3)
            if then
            else rng.integers(archive.years[1] - 3, archive.years[1] + 1)
        )
        caption = captions.write(
            archive, year, [p.name], p.age < 18, bool(rng.random() < 0.45), rng
        )
        light = str(rng.choice(LIGHTS, p=[0.18, 0.2, 0.15, 0.11, 0.13, 0.14, 0.09]))
        pixels = int(rng.choice([252, 272, 296, 320], p=[0.3, 0.35, 0.28, 0.07]))
        path = captions.file_name(archive, year, _numbering(p.number, j), caption.date)
        shots.append(
            Shot(
                f"{path}.jpg",
                "portrait",
                [sitter],
                _camera(sitter, rng, pixels),
                light,
                str(rng.choice(PLACES[light])),
                p.number * 100 + j,
                caption,
                _taste(rng),
                size=(480, 480) if pixels == 320 else None,
                quality=int(rng.choice([72, 80, 86, 92])),
            )
        )
    return shots


def extras(p: Person) -> list[Shot]:
    """The photos out of the ordinary of some people, one each at most two."""
    kinds: dict[int, list[str]] = {
        0: ["profile"],
        1: ["grey"],
        2: ["newsprint"],
        3: ["rotated 6"],
        4: ["sunglasses"],
        5: ["webp"],
        6: ["grey jpeg"],
        7: ["newsprint"],
        8: ["rotated 8"],
        9: ["profile"],
        10: ["png"],
        11: ["upside down"],
        12: ["newsprint"],
        13: ["rotated 3"],
        14: ["sunglasses"],
        15: ["webp"],
        16: ["grey"],
        17: ["newsprint"],
        18: ["profile"],
        19: ["rotated 6"],
        20: ["grey jpeg"],
        21: ["sunglasses"],
        22: ["newsprint"],
        23: ["looking down"],
        24: ["webp"],
        25: ["grey"],
        26: ["newsprint"],
        27: ["profile"],
        28: ["png"],
        29: ["looking down"],
    }
    return [
        _extra(p, kind, j)
        for j, kind in enumerate(kinds.get(p.number // 2 if p.number % 2 == 0 else -1, []))
    ]


def _extra(p: Person, kind: str, j: int) -> Shot:
    rng = np.random.default_rng([SEED, 3, p.number, j])
    s = _sitter(p, False, rng, p.number * 100 + 50 + j)
    pixels, archive = 288, captions.ARCHIVES[(p.number // 2) % 3]
    if kind == "profile":
        s = replace(
            s,
            yaw=float(rng.choice([-1, 1]) * rng.uniform(58, 74)),
            pitch=0.0,
            gaze=(60.0 * np.sign(s.yaw), 0.0),
        )
        s = replace(s, gaze=(0.9 * s.yaw, 0.0), body_yaw=0.55 * s.yaw)
    elif kind == "sunglasses":
        s = replace(s, glasses=True, covered="sunglasses")
    elif kind == "looking down":
        s = replace(s, pitch=26.0, gaze=(s.yaw, 26.0), blink=0.4)
    year = int(rng.integers(archive.years[1] - 4, archive.years[1] + 1))
    caption = captions.write(archive, year, [p.name], p.age < 18, bool(rng.random() < 0.6), rng)
    ending = {"webp": "webp", "png": "png"}.get(kind, "jpg")
    finish = {
        "grey": "grey",
        "grey jpeg": "grey",
        "newsprint": "newsprint",
        "upside down": "upside down",
    }.get(kind, "plain")
    orientation = int(kind.split()[1]) if kind.startswith("rotated") else 1
    path = captions.file_name(archive, year, _numbering(p.number, 40 + j), caption.date)
    light = str(rng.choice(LIGHTS))
    return Shot(
        f"{path}.{ending}",
        kind.split(" ", maxsplit=1)[0] if orientation > 1 else kind,
        [s],
        _camera(s, rng, pixels),
        light,
        str(rng.choice(PLACES[light])),
        p.number * 100 + 50 + j,
        caption,
        _taste(rng),
        finish,
        (420, 420) if finish == "newsprint" else None,
        84,
        orientation,
        one_channel=kind == "grey jpeg",
    )


def groups(everyone: list[Person]) -> list[Shot]:
    """Group photos of three to eight people in one or two rows."""
    shots = []
    for g in range(N_GROUPS):
        rng = np.random.default_rng([SEED, 4, g])
        n = (3, 4, 5, 3, 6, 8, 4, 5, 7, 3)[g]
        chosen = [everyone[int(i)] for i in rng.choice(len(everyone), n, replace=False)]
        back = n // 2 if n > 4 else 0
        sitters = []
        for k, p in enumerate(chosen):
            row, column, count = (1, k, back) if k < back else (0, k - back, n - back)
            x = (column - (count - 1) / 2) * 3.3 + float(rng.normal(0, 0.12))
            x += (1.6 * row - 0.8) if back == n - back else 0.0
            s = replace(
                _sitter(p, False, rng, 90000 + 100 * g + k),
                place=(x, float(2.0 * row + rng.normal(0, 0.12)), -3.2 * row),
                detail=0.55,
            )
            sitters.append(
                replace(s, yaw=s.yaw * 0.7 - x * 1.2, body_yaw=s.body_yaw * 0.6 - x * 1.5)
            )
        front = n - back
        width = max(front, back + 0.5) * 3.3 + 1.4
        height = 4.6 + (1.9 if back else 0)
        pixels = int(min(1280, 95 * width))
        camera = Camera(
            (0, 7.05 + (0.95 if back else 0), 0.3),
            40,
            float(width),
            pixels,
            int(pixels * height / width),
            2.0,
        )
        archive = captions.ARCHIVES[g % 3]
        year = int(rng.integers(archive.years[1] - 3, archive.years[1] + 1))
        caption = captions.write(
            archive,
            year,
            [p.name for p in chosen[back:] + chosen[:back]],
            False,
            g % 2 == 0,
            rng,
            group=True,
        )
        light = str(rng.choice(["soft studio", "overcast", "window", "indoor", "sun"]))
        path = captions.file_name(archive, year, 3100 + g, caption.date)
        place = str(rng.choice(PLACES[light]))
        shots.append(
            Shot(
                f"{path}.jpg",
                "group",
                sitters,
                camera,
                light,
                place,
                9000 + g,
                caption,
                _taste(rng),
                quality=82,
                samples=4,
            )
        )
    return shots


def scenes(everyone: list[Person]) -> list[Shot]:
    """A large scene with many small faces."""
    rng = np.random.default_rng([SEED, 5])
    chosen = [everyone[int(i)] for i in rng.choice(len(everyone), 30, replace=False)]
    sitters = []
    for k, p in enumerate(chosen):
        row, place = divmod(k, 10)
        x = (place - 4.5) * 8.2 + float(rng.normal(0, 0.9)) + (3.0 if row == 1 else -1.0)
        s = _sitter(p, False, rng, 95000 + k)
        sitters.append(
            replace(s, place=(x, float(3.6 * row + rng.normal(0, 0.3)), -9.0 * row), detail=0.3)
        )
    camera = Camera((0, 9.5, 0), 130, 88.0, 2400, 560, 2.0)
    archive = captions.ARCHIVES[0]
    caption = captions.write(archive, 2023, ["Spectators"], False, False, rng)
    caption = replace(
        caption,
        text="Spectators on the stand at the regatta prize giving, Port Marrow.",
        people=[],
        date="2023-06-18",
    )
    return [
        Shot(
            "harbour-gazette/2023/hg-20230618-3200.jpg",
            "scene",
            sitters,
            camera,
            "overcast",
            "water",
            9900,
            caption,
            _taste(rng),
            quality=84,
            samples=4,
            parapets=tuple((4.8 + 3.6 * row, 2.4 - 9.0 * row) for row in range(3)),
        )
    ]

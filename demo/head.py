"""The mesh of one head: a person's shape, an expression and a pose."""

from __future__ import annotations

import numpy as np

from demo.assets import EYES, Assets, Floats, Ints
from demo.people import OPPOSITES, Person

NECK_PIVOT = np.array([0, 6.0, 0.25])
EYE_CENTRE = np.array([0, 7.284, 1.245])
PAIR_FORMS = {"ud": ("up", "down"), "io": ("out", "in"), "bf": ("forward", "backward")}

_SMILE = {"mouthSmile": 0.5, "cheekSquint": 0.3, "eyeSquint": 0.12, "mouthDimple": 0.15}
EXPRESSIONS: dict[str, dict[str, float]] = {
    "neutral": {"mouthSmile": 0.2},
    "slight smile": {"mouthSmile": 0.28, "cheekSquint": 0.15, "eyeSquint": 0.05},
    "smile": _SMILE,
    "broad smile": {
        "mouthSmile": 0.7,
        "jawOpen": 0.09,
        "mouthUpperUp": 0.32,
        "mouthLowerDown": 0.18,
        "cheekSquint": 0.45,
        "eyeSquint": 0.2,
    },
    "serious": {"browDown": 0.12, "mouthPress": 0.15, "mouthSmile": 0.06},
    "surprised": {"browInnerUp": 0.5, "browOuterUp": 0.45, "eyeWide": 0.35, "jawOpen": 0.16},
    "speaking": {"jawOpen": 0.12, "mouthLowerDown": 0.2, "mouthUpperUp": 0.1, "mouthSmile": 0.1},
    "half smile": {
        "mouthSmileLeft": 0.5,
        "mouthSmileRight": 0.2,
        "cheekSquintLeft": 0.2,
        "eyeSquint": 0.08,
    },
    "thoughtful": {"browInnerUp": 0.15, "mouthPress": 0.1, "eyeSquint": 0.05},
}


def normals(points: Floats, triangles: Ints) -> Floats:
    """Unit normals at the vertices, weighted by area, (n, 3)."""
    out = np.zeros_like(points)
    face = np.cross(
        points[triangles[:, 1]] - points[triangles[:, 0]],
        points[triangles[:, 2]] - points[triangles[:, 0]],
    )
    for corner in range(3):
        np.add.at(out, triangles[:, corner], face)
    return np.asarray(out / np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-12))


def rotation(yaw: float, pitch: float, roll: float) -> Floats:
    """Matrix from degrees: yaw turns to the viewer's right, pitch down, roll anticlockwise."""
    y, p, r = np.deg2rad([yaw, pitch, roll])
    about_y = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    about_x = np.array([[1, 0, 0], [0, np.cos(p), -np.sin(p)], [0, np.sin(p), np.cos(p)]])
    about_z = np.array([[np.cos(r), -np.sin(r), 0], [np.sin(r), np.cos(r), 0], [0, 0, 1]])
    return np.asarray(about_y @ about_x @ about_z)


def smoothstep(low: float, high: float, x: Floats | float) -> Floats:
    """0 below low, 1 above high, smooth between; high below low turns it round."""
    t = np.clip((np.asarray(x, float) - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def _add(points: Floats, a: Assets, name: str, weight: float) -> None:
    if abs(weight) > 1e-4 and name in a.targets:
        index, offset = a.targets[name]
        points[index] += weight * offset


def _pair(points: Floats, a: Assets, stem: str, weight: float) -> None:
    """Add the positive or the negative target of a pair, on both sides where there are two."""
    folder, name = stem.split("/")
    form = name.rsplit("-", 1)[-1]
    ends: tuple[tuple[str, str], ...] = OPPOSITES
    if form in PAIR_FORMS:
        name, ends = name.rsplit("-", 1)[0], (PAIR_FORMS[form],)
    for side in ("", "l-", "r-"):
        for up, down in ends:
            if f"{folder}/{side}{name}-{up}" in a.targets:
                _add(points, a, f"{folder}/{side}{name}-{up if weight > 0 else down}", abs(weight))


def _macro(points: Floats, a: Assets, p: Person) -> None:
    """MakeHuman's own mix of sex, age, ancestry, muscle and weight."""
    if p.age < 25:
        young = np.clip((p.age - 10) / 15, 0, 1)
        ages = {"child": 1 - young, "young": young}
    else:
        old = min(1.0, (p.age - 25) / 62)
        ages = {"young": 1 - old, "old": old}

    def mix(x: float, what: str) -> dict[str, float]:
        return {
            f"min{what}": max(0, 1 - 2 * x),
            f"average{what}": 1 - abs(2 * x - 1),
            f"max{what}": max(0, 2 * x - 1),
        }

    for sex, sex_weight in (("male", p.maleness), ("female", 1 - p.maleness)):
        for age, age_weight in ages.items():
            w = sex_weight * age_weight
            for kind, share in zip(("caucasian", "african", "asian"), p.ancestry, strict=True):
                _add(points, a, f"macrodetails/{kind}-{sex}-{age}", w * share)
            for muscle, wm in mix(p.muscle, "muscle").items():
                for weight, ww in mix(p.weight, "weight").items():
                    _add(
                        points,
                        a,
                        f"macrodetails/universal-{sex}-{age}-{muscle}-{weight}",
                        w * wm * ww,
                    )


def _warp(points: Floats, a: Assets, p: Person, strength: float) -> None:
    """Smooth mirrored bumps outside what the targets can say; the eyes move as one piece."""
    rng = np.random.default_rng([7, p.seed])
    mirrored = a.base * [1, 1, 1]
    mirrored[:, 0] = np.abs(mirrored[:, 0])
    move = np.zeros_like(points)
    for _ in range(22):
        centre = [rng.uniform(0, 0.75), rng.uniform(6.2, 8.2), rng.uniform(0.5, 1.6)]
        size = rng.uniform(0.25, 0.55)
        push = rng.normal(0, 1, 3) * [0.4, 0.8, 0.9] * 0.05 * strength
        move += np.exp(-((mirrored - centre) ** 2).sum(1) / (2 * size**2))[:, None] * push
    move[:, 0] *= np.tanh(a.base[:, 0] / 0.08)
    for side in (-1, 1):
        eye = EYE_CENTRE + np.array([0.3078 * side, 0, 0])
        near = np.clip(
            1.6 * np.exp(-(((a.base - eye) * [1, 1.2, 0.8]) ** 2).sum(1) / (2 * 0.17**2)), 0, 1
        )[:, None]
        row = int(np.argmin(((a.base[:13380] - (eye + np.array([0, 0, 0.16]))) ** 2).sum(1)))
        move = move * (1 - near) + near * move[row]
    points += move * smoothstep(5.9, 6.4, a.base[:, 1])[:, None]


def neutral(a: Assets, p: Person, warp: float = 0.4) -> Floats:
    """The person's coarse mesh without expression, eyes brought to the canonical height, (n, 3)."""
    points = a.base.copy()
    _macro(points, a, p)
    for stem, weight in p.shape.items():
        _pair(points, a, stem, weight)
    for name, weight in p.head_shape.items():
        _add(points, a, name, weight)
    aged = float(np.clip((p.age - 40) / 45, 0, 1))
    _pair(points, a, "head/head-age", 0.55 * aged)
    _pair(points, a, "eyes/eye-bag", 0.5 * aged + 0.2 * p.tired - 0.1)
    _pair(points, a, "mouth/mouth-laugh-lines", -0.3 * aged)
    for part, weight in p.asymmetry.items():
        for name in (n for n in a.targets if n.startswith(f"asym/asym-{part.rstrip('s')}")):
            _add(points, a, name, abs(weight) * (1 if name.endswith("-l") == (weight > 0) else 0))
    eyes = np.concatenate([points[side] for side in EYES])
    points += EYE_CENTRE - np.array([0, 1, 1]) * (eyes.min(0) + eyes.max(0)) / 2
    _warp(points, a, p, warp)
    return points


def express(a: Assets, points: Floats, expression: str, strength: float, blink: float) -> Floats:
    """The coarse mesh with an expression added; strength 1 is as written in EXPRESSIONS."""
    out = points.copy()
    for unit, weight in {**EXPRESSIONS[expression], "eyeBlink": blink}.items():
        for side in ("", "Left", "Right"):
            _add(
                out, a, f"faceunits/{unit}{side}", weight * (strength if unit != "eyeBlink" else 1)
            )
    return out


def pose(a: Assets, fine: Floats, head_turn: Floats, body_turn: Floats) -> Floats:
    """Turn the fine mesh (n, 3) about the neck: the head by one rotation, the body by another."""
    w = smoothstep(5.75, 6.4, a.canonical[:, 1])[:, None]
    about = fine - NECK_PIVOT
    return np.asarray((about @ body_turn.T) * (1 - w) + (about @ head_turn.T) * w + NECK_PIVOT)

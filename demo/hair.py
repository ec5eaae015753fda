"""Hair as thin curves: heads, beards, brows and lashes.

A few hundred guides are grown over the head; the many strands are mixed from the nearest guides.
Each strand is a root on the mesh and offsets from it, so that it follows pose and expression.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from demo.assets import Assets, Floats, Ints
from demo.head import normals, smoothstep
from demo.people import Person
from demo.skin import beard_area, brow_line, scalp


@dataclass(frozen=True)
class Strands:
    """Roots as corners and weights (n, 3) on the mesh; curves as offsets (n, k, 3), in dm."""

    corners: Ints
    weights: Floats
    offsets: Floats
    radius: float

    def posed(self, fine: Floats, turn: Floats) -> Floats:
        """The curves (n, k, 3) on a posed mesh whose head is turned by `turn`."""
        root = (fine[self.corners] * self.weights[..., None]).sum(1)
        return np.asarray(root[:, None] + self.offsets @ turn.T)


@dataclass(frozen=True)
class Cut:
    """How a hairstyle grows; lengths in dm."""

    top: float
    side: float
    back: float
    comb: str
    lift: float = 0.3
    pull: float = 0.5
    weight: float = 0.1
    volume: float = 0.06
    curl: float = 0.0
    turns: float = 0.0
    clump: float = 0.35
    ragged: float = 0.12
    count: int = 13000
    points: int = 12


CUTS: dict[str, Cut] = {
    "short": Cut(0.38, 0.15, 0.16, "forward", 0.4, 0.45, 0.12, 0.06, count=13000),
    "crop": Cut(0.20, 0.09, 0.10, "forward", 0.6, 0.5, 0.05, 0.04, count=13000, points=7),
    "side": Cut(0.46, 0.19, 0.20, "side", 0.12, 0.5, 0.34, 0.06, count=13000),
    "quiff": Cut(0.62, 0.14, 0.16, "up and back", 0.9, 0.35, 0.05, 0.16, count=13000),
    "buzz": Cut(0.05, 0.04, 0.04, "forward", 0.6, 0.4, 0.0, 0.02, clump=0.0, count=14000, points=4),
    "receding": Cut(0.30, 0.14, 0.16, "back", 0.3, 0.5, 0.12, 0.04, count=12000, points=8),
    "wavy": Cut(
        0.8, 0.42, 0.5, "side", 0.6, 0.4, 0.16, 0.12, 0.028, 1.6, 0.6, count=13000, points=16
    ),
    "curly": Cut(0.75, 0.42, 0.5, "up", 0.8, 0.2, 0.12, 0.10, 0.055, 3.6, 0.75, 0.25, 12000, 17),
    "afro": Cut(0.62, 0.50, 0.50, "up", 1.0, 0.1, 0.0, 0.05, 0.036, 5.0, 0.35, 0.10, 13000, 14),
    "tied": Cut(1.0, 0.55, 0.22, "back", 0.15, 0.9, 0.0, 0.05, clump=0.25, count=13000),
    "bun": Cut(0.95, 0.7, 0.45, "crown", 0.15, 0.9, 0.02, 0.05, clump=0.25, count=13000),
    "long": Cut(3.0, 2.6, 2.4, "part", 0.35, 0.35, 0.5, 0.13, 0.012, 0.5, 0.45, 0.05, 13000, 16),
    "wavy long": Cut(
        2.9, 2.5, 2.3, "part", 0.45, 0.35, 0.45, 0.17, 0.05, 1.1, 0.6, 0.10, 13000, 19
    ),
    "curly long": Cut(
        2.2, 1.8, 1.8, "part", 0.8, 0.3, 0.26, 0.24, 0.07, 2.4, 0.75, 0.16, 13000, 22
    ),
    "bob": Cut(1.75, 1.45, 1.15, "part", 0.35, 0.4, 0.45, 0.14, 0.008, 0.5, 0.4, 0.03, 13000, 13),
    "fringe": Cut(2.2, 2.0, 1.9, "fringe", 0.3, 0.4, 0.5, 0.12, 0.01, 0.5, 0.4, 0.04, 13000, 15),
    "locs": Cut(2.4, 2.0, 2.0, "part", 0.6, 0.35, 0.40, 0.12, 0.03, 5.0, 0.985, 0.10, 13000, 20),
}


def _roots(
    a: Assets, fine: Floats, mask: Floats, n: int, rng: np.random.Generator, keep: object
) -> tuple[Ints, Floats]:
    """Sample about n roots where mask (m,) is above zero; keep(q) is the chance at canonical q."""
    corners = a.hairy
    p = fine[corners]
    area = np.linalg.norm(np.cross(p[:, 1] - p[:, 0], p[:, 2] - p[:, 0]), axis=1) * (mask > 0.02)
    rows = rng.choice(len(corners), n, p=area / area.sum())
    weights = rng.dirichlet([1, 1, 1], n)
    q = (a.canonical[corners[rows]] * weights[..., None]).sum(1)
    ok = keep(q) > rng.uniform(0.15, 0.85, n)  # type: ignore[operator]
    return corners[rows][ok], weights[ok]


def _unit(v: Floats) -> Floats:
    return np.asarray(v / np.maximum(np.linalg.norm(v, axis=-1, keepdims=True), 1e-9))


def _comb(kind: str, q: Floats, part: float, rng: np.random.Generator) -> Floats:
    """The direction hair is combed to at canonical roots q (n, 3)."""
    x, y, z = q.T
    zero, side = np.zeros(len(q)), np.where(x > part, 1.0, -1.0)
    front = smoothstep(0.5, 1.2, z) * smoothstep(7.6, 8.0, y)
    low = smoothstep(7.9, 7.4, y)
    if kind == "forward":
        swirl = 0.25 * np.sign(part)
        return np.stack([swirl + 0.2 * side * low, -0.25 - 0.6 * low, 0.9 - 1.1 * low], 1)
    if kind == "side":
        return np.stack(
            [side * (0.9 - 0.75 * low), -0.25 - 0.5 * low, 0.15 * front - 0.35 * low], 1
        )
    if kind == "up and back":
        return np.stack(
            [0.25 * side * low + 0.1 * np.sign(part), 0.45 * front - 0.5 * low, -0.7 + 0 * z], 1
        )
    if kind == "back":
        return np.stack([zero, -0.25 * low + 0.1 * front, zero - 1], 1)
    if kind == "crown":
        return _unit(np.array([0, 8.25, -0.35]) - q)
    if kind == "up":
        return _unit(q - np.array([0, 7.4, 0.35])) + 0.1 * rng.normal(size=q.shape)
    fall = np.stack([side * 0.95, -0.25 + zero, -0.45 * front - 0.1], 1)
    if kind == "fringe":
        fringe = (front > 0.2) & (np.abs(x) < 0.52)
        fall[fringe] = np.stack([0.12 * x, zero - 0.35, zero + 0.95], 1)[fringe]
    return fall


class _Skin:
    """Pushes points out of the head and shoulders."""

    def __init__(self, a: Assets, fine: Floats) -> None:
        n = normals(fine, a.skin_triangles)
        c = a.canonical
        rows = np.unique(np.concatenate([a.parts["head"].vertices, a.parts["torso"].vertices]))
        ear = (np.abs(c[rows, 0]) > 0.70) & (c[rows, 1] > 6.7) & (c[rows, 1] < 7.45)
        rows = rows[~ear & (c[rows, 1] > 4)]
        self.points, self.normals, self.tree = fine[rows], n[rows], cKDTree(fine[rows])

    def out(self, p: Floats, layer: Floats) -> tuple[Floats, Floats]:
        """Move points (n, 3) to at least `layer` above the surface; also return the normals."""
        near = self.tree.query(p)[1]
        n = self.normals[near]
        height = ((p - self.points[near]) * n).sum(1)
        return p + n * np.maximum(layer - height, 0)[:, None], n


def _guard(p: Floats, width: Floats, free: NDArray[np.bool_]) -> Floats:
    """Keep hanging hair out of the face: beside it and behind the cheeks; `free` rows may stay."""
    inside = (p[:, 2] > 0.72) & (p[:, 1] < 7.88) & (np.abs(p[:, 0]) < width) & ~free
    side = np.where(p[:, 0] == 0, 1, np.sign(p[:, 0]))
    p[inside, 0] = (side * width)[inside]
    p[inside, 2] = np.minimum(p[inside, 2], 0.98)
    return p


def _grow(
    q: Floats, root: Floats, n: Floats, cut: Cut, p: Person, skin: _Skin, rng: np.random.Generator
) -> Floats:
    """Grow guides (g, k, 3) from roots (g, 3) with normals n at canonical places q."""
    x, y, z = q.T
    top = smoothstep(7.55, 8.05, y)
    length = cut.top * top + (1 - top) * np.where(z > 0.1, cut.side, cut.back)
    part = p.parting
    comb = _comb(cut.comb, q, part, rng)
    fringe = np.zeros(len(q), bool)
    if cut.comb == "fringe":
        fringe = (smoothstep(0.5, 1.2, z) * smoothstep(7.6, 8.0, y) > 0.2) & (np.abs(x) < 0.52)
        length = np.where(fringe, 0.72 + 0.25 * (1.2 - z), length)
    hanging = cut.weight > 0.25 and cut.comb != "side"
    if hanging:
        length = length - 0.75 * smoothstep(8.2, 6.9, y) * (0.6 if cut.back < 1.5 else 0.4)
    length = np.maximum(length * (1 + cut.ragged * rng.normal(size=len(q))), 0.03)
    layer = cut.volume * rng.uniform(0.35, 1.0, len(q)) + 0.012
    face = rng.uniform(0.56, 0.74, len(q)) + 0.5 * layer
    points, at = [root - 0.012 * n], root.copy()
    d = _unit(n * cut.lift + 0.6 * comb + 0.12 * rng.normal(size=q.shape))
    for k in range(1, cut.points):
        s = k / (cut.points - 1)
        pull = cut.pull * (max(0.0, 1 - 2.2 * s) if hanging else 1 - 0.4 * s)
        gravity = cut.weight * (1 + 1.5 * s)
        towards = comb if cut.comb != "crown" else _unit(np.array([0, 8.38, -0.38]) - at)
        d = _unit(
            d * (0.75 if hanging else 1)
            + pull * towards
            + gravity * np.array([0, -1, 0])
            + 0.03 * rng.normal(size=q.shape)
        )
        moved = at + d * (length / (cut.points - 1))[:, None]
        moved, _ = skin.out(moved, layer * min(1, s * 4 + 0.1))
        if hanging:
            moved = _guard(moved, face, fringe)
        d = _unit(0.5 * d + 0.5 * _unit(moved - at))
        at = moved
        points.append(at.copy())
    return np.stack(points, 1)


def head_hair(a: Assets, p: Person, style: str, fine: Floats, share: float = 1.0) -> Strands | None:
    """Grow the hair of one look on the neutral fine mesh; share thins it out for distant people."""
    if style not in CUTS:
        return None
    cut, rng = CUTS[style], np.random.default_rng([31, p.seed, len(style)])
    mask = scalp(a.canonical[a.hairy].mean(1), p)
    corners, weights = _roots(a, fine, mask, int(cut.count * share), rng, lambda q: scalp(q, p))
    n = normals(fine, a.skin_triangles)
    root = (fine[corners] * weights[..., None]).sum(1)
    normal = _unit((n[corners] * weights[..., None]).sum(1))
    q = (a.canonical[corners] * weights[..., None]).sum(1)
    skin = _Skin(a, fine)
    picked = rng.choice(len(q), min(700 if style != "locs" else 170, len(q)), replace=False)
    guides = _grow(q[picked], root[picked], normal[picked], cut, p, skin, rng)
    curls = guides - guides[:, :1]
    if cut.curl:
        curls = curls + _curl(guides, cut, rng)
    split = np.where(q[:, 0] > p.parting, 1.0, -1.0) * (2.0 if cut.comb in ("part", "side") else 0)
    near = np.column_stack([q, split])
    distance, rows = cKDTree(near[picked]).query(near, k=3)
    w = 1 / (distance + 0.02) ** 2
    w = w / w.sum(1, keepdims=True)
    own = curls[rows[:, 0]]
    offsets = (curls[rows] * w[..., None, None]).sum(1) if not cut.curl else own
    clump = cut.clump * np.linspace(0, 1, cut.points) ** 0.7
    gather = (root[picked][rows[:, 0]] - root)[:, None] * clump[None, :, None]
    spread = np.cumsum(rng.normal(size=offsets.shape), 1) * 0.006 * (0.4 if style == "locs" else 1)
    offsets = offsets * (1 + 0.5 * cut.ragged * rng.normal(size=(len(q), 1, 1))) + gather + spread
    return Strands(corners, weights, _clear(offsets, root, skin), 0.0058 if share > 0.6 else 0.010)


def _curl(guides: Floats, cut: Cut, rng: np.random.Generator) -> Floats:
    """Offsets (g, k, 3) that wind each guide round its own direction."""
    along = _unit(np.gradient(guides, axis=1))
    e1 = _unit(np.cross(along, [0.3, 0.2, 0.93]))
    e2 = np.cross(along, e1)
    run = np.concatenate(
        [
            np.zeros((len(guides), 1)),
            np.cumsum(np.linalg.norm(np.diff(guides, axis=1), axis=-1), 1),
        ],
        1,
    )
    turn = 2 * np.pi * cut.turns * run * rng.uniform(0.8, 1.2, (len(guides), 1)) + rng.uniform(
        0, 2 * np.pi, (len(guides), 1)
    )
    reach = cut.curl * np.clip(run / 0.25, 0, 1) * rng.uniform(0.6, 1.3, (len(guides), 1))
    return reach[..., None] * (e1 * np.cos(turn)[..., None] + e2 * np.sin(turn)[..., None])


def _clear(offsets: Floats, root: Floats, skin: _Skin) -> Floats:
    """Lift the mixed strands out of the skin where mixing has sunk them."""
    n, k, _ = offsets.shape
    points = (offsets + root[:, None])[:, 1:].reshape(-1, 3)
    return np.concatenate(
        [
            offsets[:, :1],
            skin.out(points, np.full(len(points), 0.008))[0].reshape(n, k - 1, 3) - root[:, None],
        ],
        1,
    )


def beard_hair(a: Assets, p: Person, kind: str, fine: Floats, share: float = 1.0) -> Strands | None:
    """Grow the beard of one look."""
    if kind in ("none", "stubble"):
        return None
    rng = np.random.default_rng([32, p.seed])
    centres = a.canonical[a.hairy].mean(1)
    corners, weights = _roots(
        a, fine, beard_area(centres, kind), int(7000 * share), rng, lambda q: beard_area(q, kind)
    )
    q = (a.canonical[corners] * weights[..., None]).sum(1)
    n = normals(fine, a.skin_triangles)
    normal = _unit((n[corners] * weights[..., None]).sum(1))
    long = {"short": 0.055, "full": 0.16, "goatee": 0.1, "moustache": 0.09}[kind]
    lip = q[:, 1] > 6.68
    length = np.where(
        lip, min(long, 0.06), long * (0.45 + 0.55 * smoothstep(6.75, 6.35, q[:, 1]))
    ) * rng.uniform(0.7, 1.2, len(q))
    down = np.stack(
        [
            np.where(lip, np.sign(q[:, 0]) * 0.9, 0.1 * q[:, 0]),
            np.where(lip, -0.45, -0.9),
            np.where(lip, 0.05, 0.1),
        ],
        1,
    )
    d = _unit(0.45 * normal + down + 0.22 * rng.normal(size=q.shape))
    s = np.linspace(0, 1, 5)[None, :, None]
    offsets = (
        d[:, None] * length[:, None, None] * s
        + np.array([0, -0.02, 0]) * s**2
        - 0.006 * normal[:, None] * (1 - s)
    )
    return Strands(corners, weights, offsets, 0.0038)


def _on_front(a: Assets, xy: Floats) -> tuple[Ints, Floats]:
    """Corners and weights of the front-most head triangle over canonical (x, y) (n, 2)."""
    corners = a.parts["head"].corners
    place = a.canonical[corners]
    front = np.flatnonzero(place[..., 2].mean(1) > 0.8)
    tree = cKDTree(place[front].mean(1)[:, :2])
    best_c, best_w, best = (
        np.zeros((len(xy), 3), np.int64),
        np.zeros((len(xy), 3)),
        np.full(len(xy), -9.0),
    )
    for rows in tree.query(xy, k=10)[1].T:
        t = place[front[rows]]
        v0, v1, v2 = (t[:, 1] - t[:, 0])[:, :2], (t[:, 2] - t[:, 0])[:, :2], xy - t[:, 0, :2]
        area = v0[:, 0] * v1[:, 1] - v0[:, 1] * v1[:, 0]
        area = np.where(np.abs(area) < 1e-12, 1e-12, area)
        b = (v2[:, 0] * v1[:, 1] - v2[:, 1] * v1[:, 0]) / area
        c = (v0[:, 0] * v2[:, 1] - v0[:, 1] * v2[:, 0]) / area
        w = np.stack([1 - b - c, b, c], 1)
        better = w.min(1) > best
        best[better], best_c[better], best_w[better] = (
            w.min(1)[better],
            corners[front[rows]][better],
            w[better],
        )
    return best_c, best_w


def brow_hair(a: Assets, p: Person, fine: Floats) -> Strands:
    """Grow both brows."""
    b, rng = p.brow, np.random.default_rng([33, p.seed])
    n = int(620 * b.density * (0.6 + 8 * b.thickness))
    u = rng.uniform(0, 1, n) ** 0.9
    x, y = brow_line(b, u)
    thick = (
        b.thickness
        * (1 - 0.7 * np.clip(u - 0.35, 0, 1) / 0.65)
        * (0.7 + 0.3 * np.clip(u / 0.12, 0, 1))
    )
    side = rng.choice([-1, 1], n)
    xy = np.stack([side * x, y + rng.uniform(-1, 1, n) * thick], 1)
    corners, weights = _on_front(a, xy)
    angle = np.deg2rad(
        62
        - 78 * np.clip(u * 1.8, 0, 1)
        + rng.normal(0, 10, n)
        - 25 * (xy[:, 1] - y) / np.maximum(thick, 0.01)
    )
    length = rng.uniform(0.055, 0.085, n) * (1.15 if p.sex == "M" else 0.9)
    skin = normals(fine, a.skin_triangles)
    normal = _unit((skin[corners] * weights[..., None]).sum(1))
    flat = np.stack([side * np.cos(angle), np.sin(angle), 0 * angle], 1)
    flat = _unit(flat - normal * (flat * normal).sum(1, keepdims=True))
    s = np.linspace(0, 1, 5)[None, :, None]
    lift = 0.012 * np.sin(s * np.pi * 0.75)
    offsets = flat[:, None] * length[:, None, None] * s + normal[:, None] * lift
    return Strands(corners, weights, offsets, 0.0028)

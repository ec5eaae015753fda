"""Clothes, collars, headscarves and glasses."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.spatial import cKDTree

from demo.assets import EYES, Assets, Floats, Ints
from demo.head import normals, smoothstep
from demo.skin import linear

GARMENTS = (
    "tee",
    "jumper",
    "shirt",
    "check shirt",
    "suit",
    "blouse",
    "striped",
    "scrubs",
    "jacket",
)
PANEL = ((-3.4, 3.4), (2.9, 6.4))
PANEL_SIZE = (680, 350)
WOOL = (
    (44, 52, 74),
    (92, 34, 40),
    (58, 74, 62),
    (110, 108, 104),
    (34, 34, 38),
    (150, 120, 84),
    (70, 50, 76),
    (176, 168, 154),
    (36, 84, 92),
    (164, 96, 70),
)
COTTON = (
    (236, 236, 232),
    (206, 218, 232),
    (232, 214, 214),
    (210, 222, 206),
    (240, 234, 214),
    (120, 146, 182),
    (78, 92, 120),
)
COATS = ((38, 42, 54), (30, 30, 33), (74, 74, 78), (86, 74, 62), (40, 52, 48))
TIES = ((110, 28, 36), (30, 44, 92), (60, 60, 64), (28, 80, 72), (112, 78, 34))
FRAMES = ((22, 21, 22), (70, 44, 26), (122, 120, 118), (92, 26, 34), (34, 44, 70), (150, 126, 80))


@dataclass(frozen=True)
class Mesh:
    """A surface to render: points and normals (n, 3), uv (n, 2), triangles (m, 3)."""

    points: Floats
    normals: Floats
    uv: Floats
    triangles: Ints


def neckline(q: Floats) -> Floats:
    """Height of the edge of clothes at canonical positions (n, 3)."""
    return np.asarray(
        5.60
        + 0.40 * np.clip((0.68 - q[..., 2]) / 1.0, 0, 1)
        + 0.05 * np.clip(np.abs(q[..., 0]) - 0.4, 0, 1)
    )


def _panel_xy() -> tuple[Floats, Floats]:
    w, h = PANEL_SIZE
    x = np.linspace(*PANEL[0], w)[None].repeat(h, 0)
    y = np.linspace(PANEL[1][1], PANEL[1][0], h)[:, None].repeat(w, 1)
    return x, y


def _shirt(
    garment: str, x: Floats, y: Floats, wool: Floats, cotton: Floats, skin: Floats
) -> tuple[Floats, Floats]:
    """A shirt with buttons, checked or not, or a blouse open at the throat."""
    ax, collar = np.abs(x), cotton
    out = np.ones((*x.shape, 3)) * cotton
    if garment == "check shirt":
        lines = 0.5 * (np.sin(x * 30) > 0.55) + 0.5 * (np.sin(y * 30) > 0.55)
        out = out * (1 - lines[..., None]) + lines[..., None] * wool
        collar = 0.6 * cotton + 0.4 * wool
    out *= (1 - 0.4 * np.exp(-(((ax - 0.11) / 0.015) ** 2)))[..., None]
    for row in np.arange(3.2, 5.5, 0.42):
        out[np.hypot(x, y - row) < 0.035] = linear((120, 116, 110))
    if garment == "blouse":
        out[ax < 0.34 * (y - 5.05) * (y > 5.05)] = skin
    return out, collar


def _coat(
    garment: str, x: Floats, y: Floats, wool: Floats, cotton: Floats, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """A suit over shirt and tie, or a jacket over a jumper."""
    ax = np.abs(x)
    dark = linear(COATS[int(rng.integers(len(COATS)))])
    out = np.ones((*x.shape, 3)) * dark
    depth = 3.6 if garment == "suit" else 3.0
    edge = 0.62 * (y - depth) / (5.8 - depth)
    opening = ax < edge
    lapel = ~opening & (ax < edge + 0.42 * smoothstep(depth, 4.9, y) * (y < 5.25))
    out[lapel] = dark * 1.25 + 0.004
    out[opening] = cotton if garment == "suit" else wool
    if garment == "suit":
        tie = linear(TIES[int(rng.integers(len(TIES)))])
        knot = (ax < 0.11 - 0.05 * (5.55 - y)) & (y > 5.3)
        knot = opening & (knot | (ax < 0.07 + 0.06 * (5.35 - y)) & (y <= 5.35))
        out[knot] = tie
        out[knot & (np.sin((x + y) * 40) > 0.6)] = tie * 1.6
    out[np.abs(ax - edge) < 0.02] *= 0.45
    return out, cotton if garment == "suit" else wool


def panel(garment: str, rng: np.random.Generator, skin: Floats) -> tuple[Floats, Floats]:
    """The front of a garment, linear colour (h, w, 3), and the colour of its collar (3,)."""
    x, y = _panel_xy()
    ax = np.abs(x)
    wool, cotton = (
        linear(WOOL[int(rng.integers(len(WOOL)))]),
        linear(COTTON[int(rng.integers(len(COTTON)))]),
    )
    out = np.ones((*x.shape, 3)) * wool
    grain = rng.normal(size=x.shape)[..., None] * 0.05
    collar = wool
    if garment == "striped":
        band = (np.sin(y * rng.uniform(18, 34)) > rng.uniform(-0.3, 0.5))[..., None]
        out = np.where(band, out, linear((228, 226, 220)))
    elif garment in ("shirt", "check shirt", "blouse"):
        out, collar = _shirt(garment, x, y, wool, cotton, skin)
    elif garment in ("suit", "jacket"):
        out, collar = _coat(garment, x, y, wool, cotton, rng)
    elif garment == "scrubs":
        out = np.ones_like(out) * linear(
            [(70, 132, 138), (64, 96, 150), (108, 140, 116)][int(rng.integers(3))]
        )
        out[ax < 0.45 * (y - 4.85) * (y > 4.85)] = skin
        collar = out[-1, 0]
    elif garment == "jumper":
        out *= (1 + 0.10 * np.sin(x * 110) * np.sin(y * 60))[..., None]
        if rng.random() < 0.5:
            collar = cotton
    folds = cv2.GaussianBlur(rng.normal(size=(24, 40)), (0, 0), 1.2)
    folds = cv2.resize(folds, PANEL_SIZE, interpolation=cv2.INTER_CUBIC)[..., None]
    return np.clip(out * (1 + grain + 0.18 * folds), 0.003, 0.9), np.clip(collar, 0.003, 0.9)


def cloth(a: Assets, fine: Floats, n: Floats, loose: float = 0.05) -> Mesh:
    """The torso moved outwards, below the neckline, with planar texture coordinates."""
    part = a.parts["torso"]
    q = a.canonical[part.vertices]
    keep = (a.canonical[part.corners][..., 1] < neckline(a.canonical[part.corners])).any(1) & (
        a.canonical[part.corners][..., 1] < 6.05
    ).all(1)
    u = (q[:, 0] - PANEL[0][0]) / (PANEL[0][1] - PANEL[0][0])
    v = 1 - (q[:, 1] - PANEL[1][0]) / (PANEL[1][1] - PANEL[1][0])  # the renderer's v runs down
    return Mesh(
        fine[part.vertices] + loose * n[part.vertices],
        n[part.vertices],
        np.stack([u, v], 1),
        part.triangles[keep],
    )


def _ring(
    a: Assets, fine: Floats, n: Floats, lift: float, steps: int = 72
) -> tuple[Floats, Floats, Floats]:
    """Azimuth (k,), points and outward directions (k, 3) of a smooth ring round the neck."""
    part = a.parts["torso"]
    q = a.canonical[part.vertices]
    rows = np.flatnonzero(
        (q[:, 1] > 5.3) & (q[:, 1] < 6.35) & (np.hypot(q[:, 0], q[:, 2] - 0.2) < 0.95)
    )
    azimuth = np.arctan2(q[rows, 0], q[rows, 2] - 0.2)
    turn = np.linspace(-np.pi, np.pi, steps, endpoint=False)
    z = 0.2 + 0.5 * np.cos(turn)
    goal = neckline(np.stack([0.5 * np.sin(turn), 0 * turn, z], 1)) + lift
    tree = cKDTree(np.stack([0.6 * np.sin(azimuth), 0.6 * np.cos(azimuth), q[rows, 1]], 1))
    distance, near = tree.query(np.stack([0.6 * np.sin(turn), 0.6 * np.cos(turn), goal], 1), k=8)
    w = 1 / (distance + 0.03) ** 2
    w /= w.sum(1, keepdims=True)
    ids = part.vertices[rows[near]]
    points, out = (fine[ids] * w[..., None]).sum(1), (n[ids] * w[..., None]).sum(1)
    for _ in range(3):
        points = 0.5 * points + 0.25 * (np.roll(points, 1, 0) + np.roll(points, -1, 0))
        out = 0.5 * out + 0.25 * (np.roll(out, 1, 0) + np.roll(out, -1, 0))
    out[:, 1] *= 0.3
    return turn, points, out / np.linalg.norm(out, axis=1, keepdims=True)


def _loft(rows: list[Floats], closed: bool) -> Mesh:
    """A surface through rows of points (k, 3), rows joined side by side."""
    k, grid = len(rows[0]), np.concatenate(rows)
    i = np.arange(k if closed else k - 1)
    j = (i + 1) % k
    tris = []
    for r in range(len(rows) - 1):
        tris += [
            np.stack([r * k + i, r * k + j, (r + 1) * k + i], 1),
            np.stack([r * k + j, (r + 1) * k + j, (r + 1) * k + i], 1),
        ]
    t = np.concatenate(tris)
    return Mesh(grid, normals(grid, t), np.zeros((len(grid), 2)), t)


def collar(a: Assets, fine: Floats, n: Floats, garment: str) -> Mesh:
    """A rolled neckband, or a folded shirt collar open in front."""
    turn, p, out = _ring(a, fine, n, 0.0)
    up = np.array([0, 1, 0])
    if garment in ("tee", "jumper", "striped", "scrubs", "jacket"):
        roll = [
            (-0.06, 0.03),
            (0.0, 0.075),
            (0.045, 0.085),
            (0.07, 0.06),
            (0.05, 0.02),
            (0.0, -0.02),
        ]
        return _loft([p + up * y + out * o for y, o in roll], True)
    turn, p, out = (np.concatenate([v, v[:1]]) for v in (turn, p, out))
    order = np.argsort((turn + 2 * np.pi) % (2 * np.pi))
    turn, p, out = ((v[order]) for v in (turn % (2 * np.pi), p, out))
    inside = (turn > np.deg2rad(6)) & (turn < np.deg2rad(354))
    turn, p, out = turn[inside], p[inside], out[inside]
    front = np.exp(-((np.minimum(turn, 2 * np.pi - turn) / np.deg2rad(42)) ** 2))[:, None]
    side = np.stack([np.where(turn < np.pi, 1.0, -1.0), 0 * turn, 0 * turn], 1)
    rows = [
        p - up * 0.10 + out * 0.02,
        p + up * (0.14 - 0.10 * front) + out * 0.05,
        p + up * (0.17 - 0.11 * front) + out * 0.085,
    ]
    rows += [
        p + up * (0.10 - 0.12 * front) + out * 0.14 + side * 0.10 * front,
        p - up * (0.10 + 0.22 * front) + out * 0.20 + side * 0.17 * front,
    ]
    return _loft(rows, False)


def headscarf(a: Assets, fine: Floats, n: Floats) -> tuple[Mesh, Floats]:
    """A scarf over head and neck with an open face: the shell, and the curve (k, 3) of its hem."""
    rows = np.unique(a.skin_triangles)
    lookup = np.full(len(fine), -1)
    lookup[rows] = np.arange(len(rows))
    tri = lookup[a.skin_triangles]
    ij = np.concatenate([tri[:, [0, 1]], tri[:, [1, 2]], tri[:, [2, 0]]])
    near = sparse.csr_matrix(
        (np.ones(2 * len(ij)), (np.r_[ij[:, 0], ij[:, 1]], np.r_[ij[:, 1], ij[:, 0]])),
        (len(rows), len(rows)),
    )
    near = sparse.diags(1 / np.maximum(np.asarray(near.sum(1)).ravel(), 1)) @ near
    q = a.canonical[rows]
    layer = 0.10 + 0.02 * np.sin(q[:, 1] * 11 + 5 * q[:, 0]) + 0.10 * smoothstep(6.5, 5.9, q[:, 1])
    shell = fine[rows] + n[rows] * layer[:, None]
    for _ in range(14):
        shell = 0.4 * shell + 0.6 * (near @ shell)

    def face(c: Floats) -> NDArray[np.bool_]:
        reach = np.where(c[..., 1] > 7.13, 0.88, 0.98)
        inside = np.hypot(c[..., 0] / 0.60, (c[..., 1] - 7.13) / reach) < 1
        return np.asarray(inside & (c[..., 2] > 0.45))

    inside = (
        (np.abs(q[:, 0]) < 0.4)
        & (q[:, 1] > 6.15)
        & (q[:, 1] < 7.6)
        & (q[:, 2] < 1.3)
        & (q[:, 2] > 0.7)
    )
    corner = q[tri]
    keep = (
        ~face(corner).all(1)
        & (corner[..., 1].min(1) > 5.35)
        & ~inside[tri].any(1)
        & (np.abs(corner[..., 0]).max(1) < 1.5)
    )
    turn = np.linspace(0, 2 * np.pi, 90)
    edge = np.stack(
        [0.60 * np.sin(turn), 7.13 + np.where(np.cos(turn) > 0, 0.88, 0.98) * np.cos(turn)], 1
    )
    rim = np.flatnonzero(q[:, 2] > 0.42)
    hem = shell[rim[cKDTree(q[rim][:, :2]).query(edge, k=4)[1]]].mean(1)
    for _ in range(4):
        hem = 0.5 * hem + 0.25 * (np.roll(hem, 1, 0) + np.roll(hem, -1, 0))
    t = tri[keep]
    return Mesh(shell, normals(shell, tri), np.zeros((len(shell), 2)), t), hem


def glasses(
    coarse: Floats, rng: np.random.Generator
) -> tuple[list[Floats], list[Floats], float, Floats]:
    """Frame curves (k, 3), lens outlines (k, 3), wire radius and colour, on the coarse mesh."""
    width, height, square = rng.uniform(0.24, 0.29), rng.uniform(0.17, 0.23), rng.uniform(2.2, 4.5)
    eyes = [(coarse[s].max(0) + coarse[s].min(0)) / 2 for s in EYES]
    depth = max(e[2] for e in eyes) + 0.34
    frames, lenses = [], []

    def bend(x: Floats | float) -> Floats:
        return np.asarray(depth - 0.5 * np.maximum(0, np.abs(x) - 0.3) ** 2)

    for e in eyes:
        s = np.sign(e[0])
        turn = np.linspace(0, 2 * np.pi, 49)
        power = 2 / square
        x = e[0] + s * 0.02 + width * np.sign(np.cos(turn)) * np.abs(np.cos(turn)) ** power
        y = e[1] - 0.04 + height * np.sign(np.sin(turn)) * np.abs(np.sin(turn)) ** power
        rim = np.stack([x, y, bend(x)], 1)
        frames.append(rim)
        lenses.append(rim[:-1])
        outer = e[0] + s * (0.02 + width)
        t = np.linspace(0, 1, 14)
        frames.append(
            np.stack(
                [
                    outer + (s * 0.75 - outer) * t,
                    e[1] + 0.03 - 0.04 * t**3,
                    bend(outer) + (0.50 - bend(outer)) * t,
                ],
                1,
            )
        )
    gap = abs(eyes[0][0]) + 0.02 - width
    t = np.linspace(-1, 1, 9)
    frames.append(
        np.stack([gap * t, eyes[0][1] + 0.02 + 0.04 * (1 - t**2), depth + 0.02 * (1 - t**2)], 1)
    )
    return (
        frames,
        lenses,
        float(rng.uniform(0.011, 0.026)),
        linear(FRAMES[int(rng.integers(len(FRAMES)))]),
    )

"""Painting: skin, lips, scalp, beard shadow, brows and irises, all in canonical coordinates."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from scipy.spatial import cKDTree

from demo.assets import Assets, Floats
from demo.head import smoothstep
from demo.people import HAIR_COLOURS, IRIS, Brow, Person

TONES = np.array(
    [
        (241, 209, 193),
        (233, 194, 173),
        (224, 180, 153),
        (211, 162, 131),
        (194, 142, 110),
        (174, 122, 91),
        (150, 101, 73),
        (124, 81, 58),
        (97, 62, 45),
        (74, 48, 37),
    ]
)
Mask = NDArray[np.float32]
BALD = ("bald", "scarf")


def linear(colour: object) -> Floats:
    """sRGB from 0 to 255 to linear light from 0 to 1."""
    c = np.asarray(colour, np.float64) / 255
    return np.where(c < 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def tone(skin: float) -> Floats:
    """Linear colour of bare skin on our scale from 0 to 1."""
    x = float(np.clip(skin, 0, 1)) * (len(TONES) - 1)
    i = min(int(x), len(TONES) - 2)
    return linear(TONES[i]) * (1 - (x - i)) + linear(TONES[i + 1]) * (x - i)


def bare(p: Person) -> Floats:
    """The person's own linear skin colour, before any region or blemish."""
    return np.asarray(
        tone(p.skin) * np.exp(np.random.default_rng([25, p.seed]).normal(0, 0.035, 3))
    )


def noise(rng: np.random.Generator, shape: tuple[int, int], size: float) -> Floats:
    """Smooth noise of unit deviation, size in pixels; coarse noise is made small and enlarged."""
    shrink = max(1, int(size / 3))
    small = (shape[0] // shrink + 2, shape[1] // shrink + 2)
    n = gaussian_filter(rng.normal(size=small), size / shrink)
    n = (
        cv2.resize(n, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC)
        if shrink > 1
        else n[: shape[0], : shape[1]]
    )
    return np.asarray((n - n.mean()) / n.std())


def hairline(x: Floats, p: Person) -> Floats:
    """Height of the front hairline over |x|."""
    receding = 0.16 if p.hair == "receding" else 0.0
    rng = np.random.default_rng([11, p.seed])
    widow, temple = rng.normal(0, 0.03), rng.normal(0.02, 0.03)
    ax = np.abs(x)
    line = (
        7.96
        + p.hairline
        - widow * np.exp(-((ax / 0.12) ** 2))
        + (temple + receding) * np.exp(-(((ax - 0.38) / 0.16) ** 2))
    )
    return np.asarray(line - 0.10 * smoothstep(0.45, 0.68, ax))


def scalp(q: Floats, p: Person) -> Floats:
    """1 where head hair grows, 0 elsewhere, at canonical positions q (..., 3)."""
    x, y, z = np.abs(q[..., 0]), q[..., 1], q[..., 2]
    side = np.interp(
        y,
        [6.5, 6.8, 7.05, 7.3, 7.42, 7.6, 7.85, 8.0, 8.1],
        [0.0, 0.1, 0.24, 0.36, 0.74, 0.84, 0.98, 1.2, 1.6],
    )
    behind = smoothstep(-0.05, 0.05, side - z) * smoothstep(6.62, 6.85, y)
    above = smoothstep(-0.04, 0.04, y - hairline(q[..., 0], p))
    mask = np.where(z > 0.95, above, np.maximum(behind, above * (y > 7.7)))
    ear = (x > 0.70) & (y > 6.75) & (y < 7.36) & (z > 0.2) & (z < 0.75)
    mask = np.where(ear, 0, mask)
    if p.hair == "receding":
        mask = mask * (
            1 - 0.97 * smoothstep(0.42, 0.2, np.hypot(x / 1.1, (z - 0.35) / 1.0)) * (y > 8.1)
        )
    return np.asarray(mask)


def beard_area(q: Floats, kind: str) -> Floats:
    """1 where the beard of this kind grows, at canonical positions q (..., 3)."""
    x, y, z = np.abs(q[..., 0]), q[..., 1], q[..., 2]
    line = 6.50 + 0.80 * np.clip(x - 0.18, 0, 1) ** 1.2
    cheek = smoothstep(-0.03, 0.12, line - y) * smoothstep(0.25, 0.45, z)
    sideburn = (
        smoothstep(0.50, 0.60, x)
        * smoothstep(0.98, 0.88, z)
        * smoothstep(0.60, 0.68, z)
        * smoothstep(7.2, 7.05, y)
    )
    throat = smoothstep(6.02, 6.22, y + 0.12 * (1.2 - z))
    jaw = np.clip(np.maximum(cheek, sideburn), 0, 1) * throat
    lip = (
        smoothstep(6.82, 6.77, y)
        * smoothstep(6.66, 6.71, y + 0.35 * np.maximum(0, x - 0.1))
        * smoothstep(0.32, 0.24, x)
        * (z > 1.2)
    )
    corner = smoothstep(0.19, 0.24, x) * smoothstep(0.34, 0.28, x) * (y < 6.78) * (z > 1.1)
    mouth = (x < 0.25) & (y < 6.72) & (y > 6.50) & (z > 1.2)
    chin = jaw * smoothstep(0.30, 0.24, x)
    area = {"goatee": np.maximum(np.maximum(lip, chin), corner), "moustache": lip}.get(
        kind, np.maximum(np.maximum(jaw, lip), corner * 0.9)
    )
    return np.where(mouth, 0, area)


class Canvas:
    """The chart of one person's head with what is needed to draw on it."""

    def __init__(self, a: Assets) -> None:
        self.at = a.chart
        self.shape = (a.chart.shape[0], a.chart.shape[1])
        front = (a.chart[..., 2] > 0.85) & (a.chart[..., 1] > 6.1)
        self._rows = np.argwhere(front)
        self._tree = cKDTree(a.chart[front][:, :2])

    def pixel(self, xy: Floats) -> Floats:
        """Chart pixels (column, row) of canonical front positions (..., 2)."""
        return np.asarray(self._rows[self._tree.query(xy)[1]][..., ::-1], np.float64)

    def stroke(self, mask: Mask, xy: Floats, width: int, value: float) -> None:
        """Draw a line through canonical front positions (n, 2) into mask."""
        points = np.round(self.pixel(xy) * 16).astype(np.int32).reshape(-1, 1, 2)
        cv2.polylines(mask, [points], False, float(value), width, cv2.LINE_AA, 4)

    def dots(self, mask: Mask, xy: Floats, radius: Floats, value: Floats) -> None:
        """Draw filled circles of radius pixels at canonical front positions (n, 2)."""
        for (col, row), r, v in zip(self.pixel(xy), radius, value, strict=True):
            cv2.circle(
                mask,
                (int(col * 16), int(row * 16)),
                max(int(r * 16), 8),
                float(v),
                -1,
                cv2.LINE_AA,
                4,
            )

    def blob(self, x: float, y: float, width: float, height: float) -> Floats:
        """A soft spot mirrored on both sides of the face."""
        q = self.at
        spot = np.exp(-(((np.abs(q[..., 0]) - x) / width) ** 2) - ((q[..., 1] - y) / height) ** 2)
        return np.asarray(spot * (q[..., 2] > 0.6))


def mix(base: Floats, amount: Floats, colour: Floats) -> Floats:
    """Lay colour over base (h, w, 3) by amount (h, w)."""
    return base * (1 - amount[..., None]) + amount[..., None] * colour


def wrinkles(c: Canvas, p: Person, rng: np.random.Generator) -> Floats:
    """Depth of lines, 0 to 1; children and the young have next to none."""
    old = float(smoothstep(30, 78, p.age))
    out = np.zeros(c.shape, np.float32)
    t = np.linspace(0, 1, 14)
    for s in (-1, 1):
        c.stroke(
            out,
            np.stack([s * (0.17 + 0.17 * t**0.8), 6.93 - 0.34 * t], -1),
            6,
            rng.uniform(0.05, 0.25) * float(smoothstep(14, 30, p.age)) + 0.5 * old,
        )
        if old > 0.1:
            for k in range(3):
                c.stroke(
                    out,
                    np.stack(
                        [
                            s * (0.50 + 0.09 * t),
                            7.29 + (k - 1) * 0.05 * (0.4 + t) + 0.01 * rng.normal(),
                        ],
                        -1,
                    ),
                    2,
                    old * 0.6,
                )
            c.stroke(
                out,
                np.stack([s * (0.17 + 0.22 * t), 7.12 - 0.05 * np.sin(t * 3.1)], -1),
                3,
                old * 0.6,
            )
            c.stroke(out, np.stack([s * (0.22 + 0.08 * t), 6.50 - 0.2 * t], -1), 4, old * 0.35)
    if old > 0.12:
        for k in range(int(2 + 2 * old)):
            x = np.linspace(-0.4, 0.4, 24)
            c.stroke(
                out,
                np.stack(
                    [
                        x,
                        7.66
                        + 0.085 * k
                        + 0.015 * np.sin(x * 6 + rng.uniform(0, 6))
                        + 0.01 * rng.normal(),
                    ],
                    -1,
                ),
                2,
                old * rng.uniform(0.2, 0.5),
            )
    return np.asarray(gaussian_filter(out, 2.6))


def brow_line(b: Brow, u: Floats | float) -> tuple[Floats, Floats]:
    """Centre line of the right-hand brow at u from 0 (inner end) to 1: canonical x and y."""
    u = np.asarray(u, float)
    rise = np.sin(np.clip(u / b.peak, 0, 1) * np.pi / 2)
    fall = np.clip((u - b.peak) / (1 - b.peak), 0, 1)
    y = (
        7.475
        + b.lift
        + b.arch * (rise - 0.6 * fall**1.5)
        + b.tail * fall**2 * 0.6
        + 0.013 * (1 - u) ** 2
    )
    return b.inner + u * (b.outer - b.inner), y


def _lay_brows(colour: Floats, c: Canvas, p: Person, dark: Floats) -> Floats:
    """The soft ground under the grown hairs of the brows."""
    ground = np.zeros(c.shape, np.float32)
    u = np.linspace(0.03, 0.97, 40)
    x, y = brow_line(p.brow, u)
    for s in (-1, 1):
        for k in np.linspace(-0.6, 0.6, 5):
            thick = p.brow.thickness * (1 - 0.65 * np.clip(u - 0.4, 0, 1) / 0.6)
            c.stroke(ground, np.stack([s * x, y + k * thick], -1), 3, 1.0)
    return mix(colour, np.clip(gaussian_filter(ground, 3.5) * 0.42 * p.brow.density, 0, 0.5), dark)


def _complexion(c: Canvas, p: Person, a: Assets, rng: np.random.Generator) -> Floats:
    """Bare skin with its regions: red cheeks and nose, cool eye sockets, mottling and pores."""
    x, y = np.abs(c.at[..., 0]), c.at[..., 1]
    light = 1 - 0.6 * p.skin
    red = (
        c.blob(0.40, 6.93, 0.22, 0.20) * 0.8
        + c.blob(0, 6.98, 0.13, 0.13) * 0.75
        + c.blob(0, 6.33, 0.16, 0.1) * 0.35
    )
    red = (
        (red + a.masks["ears"] * 0.7 + gaussian_filter(a.masks["eyelids"], 4) * 0.35)
        * (0.45 + 0.55 * p.ruddy)
        * light
    )
    old = float(smoothstep(30, 75, p.age))
    value = (
        1
        + 0.030 * noise(rng, c.shape, 40)
        + (0.014 + 0.02 * old) * noise(rng, c.shape, 9)
        + 0.010 * noise(rng, c.shape, 2.2)
        + 0.008 * noise(rng, c.shape, 1.0)
    )
    warmth = (
        red * 0.36
        + 0.035 * noise(rng, c.shape, 30)
        + 0.015 * noise(rng, c.shape, 7)
        + 0.012 * noise(rng, c.shape, 2.5)
    )
    colour = bare(p) * value[..., None]
    colour = colour * np.stack([1 + 0.08 * warmth, 1 - 0.60 * warmth, 1 - 0.52 * warmth], -1)
    forehead = c.blob(0, 7.75, 0.5, 0.25) * 0.05
    colour = colour * (1 - forehead[..., None] * [0.2, 0.3, 0.9])
    under = c.blob(0.31, 7.10, 0.17, 0.06) * (0.15 + 0.5 * p.tired + 0.25 * old)
    socket = c.blob(0.31, 7.30, 0.22, 0.12) * (0.35 + 0.3 * p.tired)
    colour = (
        colour
        * (1 - under[..., None] * [0.16, 0.19, 0.14])
        * (1 - socket[..., None] * [0.10, 0.15, 0.12])
    )
    neck = smoothstep(6.25, 5.9, y) * smoothstep(1.2, 0.4, x)
    return np.asarray(colour * (1 - neck[..., None] * [0.06, 0.08, 0.08]))


def _spots(colour: Floats, c: Canvas, p: Person, rng: np.random.Generator) -> Floats:
    """Freckles, age spots and moles."""
    n = int(520 * p.freckles) + int(40 * smoothstep(50, 80, p.age))
    marks = np.zeros(c.shape, np.float32)
    if n:
        xy = np.stack([rng.normal(0, 0.33, n), rng.normal(7.0, 0.20, n)], -1)
        c.dots(marks, xy, rng.uniform(0.9, 2.3, n), rng.uniform(0.2, 0.75, n))
    colour = colour * (1 - gaussian_filter(marks, 0.9)[..., None] * [0.22, 0.40, 0.48])
    moles = np.zeros(c.shape, np.float32)
    if p.n_moles:
        xy = np.stack([rng.uniform(-0.55, 0.55, p.n_moles), rng.uniform(6.3, 7.9, p.n_moles)], -1)
        c.dots(moles, xy, rng.uniform(2.5, 4.5, p.n_moles), rng.uniform(0.5, 0.9, p.n_moles))
    return mix(
        colour, gaussian_filter(moles, 1.0), np.minimum(tone(p.skin) * 0.35, linear((82, 52, 38)))
    )


def _lips(colour: Floats, c: Canvas, p: Person, a: Assets, rng: np.random.Generator) -> Floats:
    area = gaussian_filter(a.masks["lips"], 2.6)
    bare = tone(min(1, p.skin * 0.92 + 0.10)) * [
        1.0,
        rng.uniform(0.50, 0.62),
        rng.uniform(0.54, 0.66),
    ]
    painted = linear(p.lip_tint) * (1 - 0.45 * p.skin)
    tint = bare * (1 - 0.75 * p.makeup) + painted * 0.75 * p.makeup
    creases = 1 + 0.06 * noise(rng, c.shape, 2.0) + 0.04 * noise(rng, c.shape, 5)
    colour = mix(colour, area * (0.72 + 0.2 * p.makeup), tint * creases[..., None])
    x, y, z = np.abs(c.at[..., 0]), c.at[..., 1], c.at[..., 2]
    seam = np.exp(-(((y - 6.607) / 0.012) ** 2)) * (x < 0.25) * (z > 1.25)
    return colour * (1 - 0.4 * seam[..., None] * [0.8, 1, 1])


def head_texture(a: Assets, p: Person, hair: str, beard: str) -> Floats:
    """Linear colour (h, w, 3) of the head's chart for one look of the person."""
    rng, c = np.random.default_rng([21, p.seed]), Canvas(a)
    lines = wrinkles(c, p, rng)
    colour = _complexion(c, p, a, rng)
    colour = colour * (1 - lines[..., None] * [0.30, 0.38, 0.38])
    colour = _lips(_spots(colour, c, p, rng), c, p, a, rng)
    tint = linear(HAIR_COLOURS[p.hair_colour])
    dark = tint * (0.55 if p.hair_colour in ("grey", "white", "blond", "light brown") else 0.8)
    grain, fine = noise(rng, c.shape, 1.1), noise(rng, c.shape, 1.6)
    if hair not in BALD:
        strength = 0.55 if hair == "buzz" else 0.82
        colour = mix(colour, np.clip(scalp(c.at, p) * (strength + 0.16 * grain), 0, 0.94), dark)
    elif hair == "bald":
        rim = scalp(c.at, p) * (1 - 0.75 * smoothstep(7.9, 8.2, c.at[..., 1]))
        colour = mix(colour, np.clip(rim * (0.14 + 0.08 * grain), 0, 0.5), dark)
    lips = 1 - np.clip(1.6 * gaussian_filter(a.masks["lips"], 2), 0, 1)
    if p.sex == "M" and p.age > 17:
        shadow = (
            beard_area(c.at, "full")
            * lips
            * (0.10 if p.hair_colour in ("blond", "red", "white") else 0.17)
        )
        colour = mix(colour, np.clip(shadow * (1 + 0.5 * grain), 0, 0.4), dark * 0.6 + 0.012)
        ground = {
            "none": 0.0,
            "stubble": 0.34,
            "short": 0.55,
            "full": 0.7,
            "goatee": 0.6,
            "moustache": 0.6,
        }[beard]
        colour = mix(
            colour,
            np.clip(beard_area(c.at, beard) * lips * (ground + 0.22 * ground * fine), 0, 0.9),
            dark,
        )
    colour = _lay_brows(colour, c, p, np.minimum(dark, linear((120, 100, 80))))
    if p.makeup > 0:
        shade = linear([(96, 66, 72), (84, 78, 92), (116, 84, 62)][p.seed % 3])
        colour = mix(colour, c.blob(0.31, 7.36, 0.15, 0.05) * 0.4 * p.makeup, shade)
        colour = mix(
            colour,
            c.blob(0.45, 6.95, 0.14, 0.12) * 0.22 * p.makeup,
            linear((200, 104, 96)) * (1 - 0.5 * p.skin),
        )
    return np.clip(colour, 0.004, 0.92)


def body_colours(a: Assets, p: Person, hair: str, beard: str) -> Floats:
    """Linear colour (n, 3) of neck and torso at the vertices, in tune with the head's chart."""
    q = a.canonical[a.parts["torso"].vertices]
    neck = smoothstep(6.3, 5.9, q[:, 1])
    colour = bare(p) * (1 - neck[:, None] * [0.05, 0.08, 0.08])
    dark = linear(HAIR_COLOURS[p.hair_colour]) * 0.8
    if hair not in BALD:
        colour = mix(colour, scalp(q, p) * 0.8, dark)
    if p.sex == "M" and p.age > 17:
        ground = {
            "none": 0.0,
            "stubble": 0.3,
            "short": 0.5,
            "full": 0.65,
            "goatee": 0.4,
            "moustache": 0.0,
        }[beard]
        colour = mix(colour, beard_area(q, "full") * max(0.12, ground), dark * 0.7 + 0.01)
    return np.clip(colour, 0.004, 0.92)


def eye_texture(p: Person) -> Floats:
    """Linear colour of an eyeball, (384, 384, 3); the radius is the angle from the pupil."""
    size, rng = 384, np.random.default_rng([23, p.seed])
    y, x = (np.mgrid[:size, :size] + 0.5) / size * 2 - 1
    angle, turn = np.hypot(x, y) * np.pi, np.arctan2(y, x)
    white = np.ones((size, size, 3)) * linear((232, 226, 221)) * (1 - 0.35 * p.skin)
    white *= (1 - 0.3 * smoothstep(0.7, 1.5, angle))[..., None]
    white[..., 1:] *= (
        1 - 0.12 * smoothstep(0.55, 1.1, angle) * (1 + 0.3 * noise(rng, (size, size), 4))
    )[..., None]
    fibres = (
        np.sin(turn * 37 + 3 * np.sin(turn * 5 + rng.uniform(0, 6))) * 0.5
        + np.sin(turn * 83 + 2) * 0.5
    )
    iris = linear(IRIS[p.iris]) * (1 + 0.35 * fibres * smoothstep(0.16, 0.36, angle))[..., None]
    iris = (
        iris
        * (0.85 + 0.7 * np.exp(-(((angle - 0.25) / 0.09) ** 2)))[..., None]
        * (1.35 - 0.85 * smoothstep(0.37, 0.49, angle))[..., None]
    )
    out = mix(white, smoothstep(0.50, 0.455, angle), iris)
    return np.clip(out * (1 - 0.985 * smoothstep(0.21, 0.175, angle))[..., None], 0.002, 0.9)

"""Light, background and camera."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from scipy.ndimage import gaussian_filter

from demo.assets import Floats
from demo.head import smoothstep
from demo.skin import linear

LIGHTS = ("studio", "soft studio", "overcast", "sun", "window", "indoor", "flash")
PLACES: dict[str, tuple[str, ...]] = {
    "studio": ("paper",),
    "soft studio": ("paper",),
    "overcast": ("park", "street", "water"),
    "sun": ("park", "street", "water"),
    "window": ("office", "shelves", "room"),
    "indoor": ("office", "shelves", "room", "hall"),
    "flash": ("hall", "paper", "room"),
}


@dataclass(frozen=True)
class Camera:
    """Where the photo is taken from; lengths in dm, size in pixels."""

    target: tuple[float, float, float]
    distance: float
    frame: float
    width: int
    height: int
    elevation: float = 0.0

    @property
    def origin(self) -> Floats:
        """The eye point."""
        e = np.deg2rad(self.elevation)
        return np.asarray(self.target) + self.distance * np.array([0, np.sin(e), np.cos(e)])

    def project(self, points: Floats) -> Floats:
        """Pixels (n, 2), x right and y down, of points (n, 3); `frame` is seen at the target."""
        forward = np.asarray(self.target) - self.origin
        forward = forward / np.linalg.norm(forward)
        right = np.cross(forward, [0, 1, 0])
        right /= np.linalg.norm(right)
        up = np.cross(right, forward)
        v = points - self.origin
        scale = self.width / self.frame * self.distance / (v @ forward)
        return np.stack(
            [self.width / 2 + (v @ right) * scale, self.height / 2 - (v @ up) * scale], -1
        )


class _Sky:
    """An environment map in the making: linear light by direction; the camera looks along -z."""

    def __init__(self, base: tuple[float, float, float]) -> None:
        h, w = 96, 192
        v, u = np.mgrid[:h, :w]
        polar, turn = (v + 0.5) / h * np.pi, (u + 0.5) / w * 2 * np.pi
        self.direction = np.stack(
            [np.sin(turn) * np.sin(polar), np.cos(polar), -np.cos(turn) * np.sin(polar)], -1
        )
        self.light = np.ones((h, w, 3)) * np.array(base)

    @staticmethod
    def towards(azimuth: float, elevation: float) -> Floats:
        a, e = np.deg2rad([azimuth, elevation])
        return np.array([np.sin(a) * np.cos(e), np.sin(e), np.cos(a) * np.cos(e)])

    def lobe(
        self, azimuth: float, elevation: float, sharp: float, colour: object, power: float
    ) -> None:
        """Add a soft round light; azimuth from the camera to its right, in degrees."""
        d = self.direction @ self.towards(azimuth, elevation)
        self.light += np.exp(sharp * (d - 1))[..., None] * np.asarray(colour) * power

    def box(
        self,
        azimuth: float,
        elevation: float,
        width: float,
        height: float,
        colour: object,
        power: float,
    ) -> None:
        """Add a soft box or a window; width and height in degrees."""
        f = self.towards(azimuth, elevation)
        r = np.cross([0, 1, 0], f)
        r /= np.linalg.norm(r)
        up = np.cross(f, r)
        along = self.direction @ f
        x, y = (
            np.rad2deg(np.arctan2(self.direction @ e, np.maximum(along, 1e-6))) for e in (r, up)
        )
        inside = (
            smoothstep(width / 2 + 3, width / 2 - 3, np.abs(x))
            * smoothstep(height / 2 + 3, height / 2 - 3, np.abs(y))
            * (along > 0)
        )
        self.light += inside[..., None] * np.asarray(colour) * power


def environment(light: str, rng: np.random.Generator) -> Floats:
    """The environment map (96, 192, 3) for one kind of light."""
    side = float(rng.choice([-1, 1]))

    def j(spread: float) -> float:
        return float(rng.normal(0, spread))

    warm, cool = np.array([1.0, 0.90, 0.76]), np.array([0.86, 0.94, 1.06])
    if light in ("studio", "soft studio"):
        soft = light == "soft studio"
        sky = _Sky((0.42, 0.42, 0.43) if soft else (0.28, 0.28, 0.29))
        sky.box(
            side * (34 + j(8)),
            28 + j(5),
            50 if soft else 36,
            54 if soft else 40,
            [1, 0.98, 0.95],
            4.2 if soft else 6.5,
        )
        sky.box(-side * 48, 12, 50, 60, [1, 1, 1], 0.9 if soft else 0.7)
        sky.lobe(-side * 150, 35, 20, [1, 1, 1], 3.0)
        sky.lobe(0, -40, 5, [1, 0.95, 0.9], 0.35)
    elif light == "overcast":
        sky = _Sky((0.0, 0.0, 0.0))
        up = sky.direction[..., 1]
        sky.light += (
            np.array([0.86, 0.92, 1.0]) * (0.36 + 1.25 * smoothstep(-0.25, 0.9, up)[..., None])
        ) + 0.02
        sky.lobe(side * 30 + j(15), 48, 3.5, [1, 0.98, 0.95], 1.3)
    elif light == "sun":
        sky = _Sky((0.42, 0.45, 0.52))
        up = sky.direction[..., 1]
        sky.light += np.array([0.5, 0.66, 0.95]) * 0.6 * smoothstep(-0.1, 0.9, up)[..., None]
        sky.light += np.array([0.5, 0.44, 0.36]) * 0.5 * smoothstep(0.1, -0.9, up)[..., None]
        sky.lobe(side * rng.uniform(28, 60), rng.uniform(30, 46), 110, [1, 0.90, 0.74], 17)
    elif light == "window":
        sky = _Sky((0.26, 0.25, 0.24))
        sky.box(side * rng.uniform(38, 58), 14 + j(5), 48, 70, cool, 4.6)
        sky.lobe(-side * 65, 0, 3, warm, 0.5)
    elif light == "flash":
        sky = _Sky((0.34, 0.32, 0.29))
        sky.box(j(4), 12 + j(3), 16, 12, [1, 1, 1.02], 30)
        sky.lobe(0, 65, 4, warm, 0.6)
    else:
        sky = _Sky((0.46, 0.42, 0.37))
        sky.box(j(30), 52, 70, 36, warm, 4.0)
        sky.box(side * 60, 18, 24, 34, warm, 2.6)
        sky.lobe(0, 0, 4, warm, 0.55)
    return np.asarray(np.maximum(sky.light, 0.003))


def _disc_blur(image: Floats, radius: float) -> Floats:
    """Blur as a lens does, with a disc of radius pixels."""
    r = max(1, round(radius))
    y, x = np.mgrid[-r : r + 1, -r : r + 1]
    kernel = (x * x + y * y <= r * r + 0.5).astype(np.float32)
    return np.asarray(
        cv2.filter2D(
            image.astype(np.float32), -1, kernel / kernel.sum(), borderType=cv2.BORDER_REFLECT
        ),
        np.float64,
    )


def _boxes(
    im: Floats,
    rng: np.random.Generator,
    n: int,
    area: tuple[float, float, float, float],
    size: tuple[float, float],
    tint: Floats,
) -> None:
    """Scatter n upright rectangles of about one tint over an area given in shares."""
    h, w = im.shape[:2]
    for _ in range(n):
        x, y = rng.uniform(area[0], area[2]) * w, rng.uniform(area[1], area[3]) * h
        a, b = rng.uniform(*size) * w, rng.uniform(*size) * w * rng.uniform(1, 2)
        im[int(max(y, 0)) : int(max(y + b, 0)), int(max(x, 0)) : int(max(x + a, 0))] = np.clip(
            tint * rng.uniform(0.5, 1.7) + rng.normal(0, 0.02, 3), 0.01, 1
        )


def _outdoors(im: Floats, place: str, rng: np.random.Generator) -> None:
    h, w = im.shape[:2]
    y = np.linspace(0, 1, h)[:, None, None]
    horizon = rng.uniform(0.35, 0.6)
    sky = linear(
        [(176, 196, 216), (206, 214, 220), (150, 182, 214)][int(rng.integers(3))]
    ) * rng.uniform(0.8, 1.25)
    ground = linear(
        {"park": (92, 112, 66), "street": (128, 124, 118), "water": (96, 122, 132)}[place]
    ) * rng.uniform(0.7, 1.2)
    im[:] = np.where(y < horizon, sky * (0.9 + 0.3 * y), ground * (1.2 - 0.4 * y))
    if place == "park":
        for _ in range(130):
            centre = (int(rng.uniform(0, w)), int(rng.normal(horizon - 0.1, 0.12) * h))
            leaf = (
                linear((70, 96, 44))
                * rng.uniform(0.35, 2.0)
                * np.array([rng.uniform(0.8, 1.3), 1, rng.uniform(0.6, 1.1)])
            )
            cv2.circle(im, centre, int(rng.uniform(0.015, 0.08) * w), [float(v) for v in leaf], -1)
        for _ in range(40):
            cv2.circle(
                im,
                (int(rng.uniform(0, w)), int(rng.uniform(0, horizon) * h)),
                int(rng.uniform(0.006, 0.02) * w),
                [float(v) for v in sky * 1.3],
                -1,
            )
    elif place == "street":
        wall = linear(
            [(150, 118, 98), (168, 160, 148), (120, 122, 128), (140, 92, 76)][int(rng.integers(4))]
        )
        _boxes(im, rng, 7, (-0.1, -0.2, 1, 0.1), (0.15, 0.4), wall)
        _boxes(im, rng, 26, (0, 0, 1, horizon), (0.02, 0.07), wall * 0.45)
        _boxes(
            im,
            rng,
            5,
            (0, horizon - 0.1, 1, horizon + 0.1),
            (0.08, 0.2),
            linear(rng.integers(40, 190, 3)),
        )
    else:
        _boxes(
            im,
            rng,
            14,
            (0, horizon - 0.14, 1, horizon - 0.05),
            (0.03, 0.10),
            linear((120, 116, 112)),
        )
        for _ in range(60):
            x, y0 = rng.uniform(0, w), rng.uniform(horizon, 1) * h
            cv2.ellipse(
                im,
                (int(x), int(y0)),
                (int(0.08 * w), 2),
                0,
                0,
                360,
                [float(v) for v in sky * 0.9],
                -1,
            )


def _indoors(im: Floats, place: str, rng: np.random.Generator) -> None:
    h, w = im.shape[:2]
    wall = linear(
        [(196, 188, 174), (168, 176, 178), (206, 200, 192), (140, 148, 140), (186, 164, 142)][
            int(rng.integers(5))
        ]
    )
    shade = np.linspace(rng.uniform(0.7, 1.2), rng.uniform(0.7, 1.2), w)[None, :, None]
    im[:] = wall * shade * rng.uniform(0.5, 0.9)
    if place == "shelves":
        for row in range(5):
            y0, x = int((row * 0.24 - 0.05) * h), 0.0
            im[y0 + int(0.21 * h) : y0 + int(0.24 * h)] = linear((88, 64, 46))
            while x < w:
                b = rng.uniform(0.015, 0.05) * w
                top = y0 + int(rng.uniform(0, 0.07) * h)
                im[max(top, 0) : max(y0 + int(0.21 * h), 0), int(x) : int(x + b)] = (
                    linear(
                        np.clip(
                            rng.normal(95, 40) + rng.normal(0, 16, 3) + np.array([8, 0, -8]),
                            15,
                            215,
                        )
                    )
                    * 0.8
                )
                x += b
    elif place == "office":
        _boxes(im, rng, 2, (-0.1, -0.1, 0.9, 0.2), (0.2, 0.36), np.array([0.95, 1.0, 1.05]))
        _boxes(im, rng, 9, (0, 0.4, 1, 0.8), (0.05, 0.16), linear((96, 96, 100)))
        _boxes(im, rng, 6, (0, 0.3, 1, 0.8), (0.03, 0.07), linear((60, 92, 64)))
    elif place == "hall":
        im *= 0.4
        for _ in range(24):
            glow = linear((255, 214, 150)) * rng.uniform(0.4, 1.6)
            cv2.circle(
                im,
                (int(rng.uniform(0, w)), int(rng.uniform(0, 0.6) * h)),
                int(rng.uniform(0.006, 0.018) * w),
                [float(v) for v in glow],
                -1,
            )
        _boxes(im, rng, 8, (0, 0.35, 1, 0.9), (0.06, 0.16), linear((70, 60, 58)))
    else:
        _boxes(im, rng, 1, (0.0, 0.0, 0.7, 0.2), (0.2, 0.3), np.array([1.0, 1.0, 1.0]))
        _boxes(im, rng, 2, (0.0, 0.05, 0.9, 0.3), (0.1, 0.2), linear((110, 96, 84)))
        _boxes(im, rng, 3, (0.0, 0.6, 0.9, 0.8), (0.15, 0.3), linear((104, 84, 70)))


def background(
    place: str, width: int, height: int, rng: np.random.Generator, blur: float = 0.035
) -> Floats:
    """A linear picture (height, width, 3) of an out-of-focus place."""
    im = np.zeros((height, width, 3), np.float64)
    if place == "paper":
        y, x = np.mgrid[:height, :width] / np.array([height, width])[:, None, None]
        tint = linear(
            [
                (150, 152, 156),
                (176, 172, 166),
                (110, 118, 128),
                (196, 198, 200),
                (128, 116, 106),
                (92, 104, 100),
            ][int(rng.integers(6))]
        )
        glow = np.exp(-(((x - rng.uniform(0.35, 0.65)) / 0.6) ** 2) - ((y - 0.45) / 0.7) ** 2)
        im[:] = tint * (0.55 + 0.6 * glow[..., None])
    elif place in ("park", "street", "water"):
        _outdoors(im, place, rng)
    else:
        _indoors(im, place, rng)
    if place != "paper":
        radius = blur * width * rng.uniform(0.7, 1.3)
        im = gaussian_filter(_disc_blur(im, radius), (radius * 0.25, radius * 0.25, 0))
    return np.clip(im, 0.004, 1.6)

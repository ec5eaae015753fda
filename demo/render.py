"""Puts sitters before the camera and renders them with Mitsuba 3 on the CPU."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import mitsuba as mi
import numpy as np
import pyoidn
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from demo import assets, hair, head, skin, wear
from demo.assets import EYES, Floats
from demo.hair import Strands
from demo.people import Person
from demo.scene import Camera, environment

Pixels = NDArray[np.float32]

mi.set_variant("scalar_rgb")
mi.set_log_level(mi.LogLevel.Error)

# Melanin as in d'Eon et al. (2011), chosen by eye: eumelanin, pheomelanin.
MELANIN = {
    "black": (3.4, 0.3),
    "dark brown": (1.9, 0.35),
    "brown": (1.15, 0.35),
    "chestnut": (0.75, 0.8),
    "light brown": (0.55, 0.35),
    "blond": (0.24, 0.30),
    "red": (0.28, 1.15),
    "grey": (0.20, 0.02),
    "white": (0.05, 0.01),
}
SKIN_DEPTH = (0.034, 0.016, 0.011)


@dataclass(frozen=True)
class Sitter:
    """One person in one photo: the look of the day, the expression and the place in the scene."""

    person: Person
    hair: str
    beard: str
    glasses: bool
    garment: str
    expression: str = "neutral"
    strength: float = 1.0
    blink: float = 0.05
    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    body_yaw: float = 0.0
    gaze: tuple[float, float] = (0.0, 0.0)
    place: tuple[float, float, float] = (0.0, 0.0, 0.0)
    seed: int = 0
    detail: float = 1.0
    covered: str = ""


@dataclass(frozen=True, eq=False)
class Model:
    """What is computed once for a person's look."""

    coarse: Floats
    texture: Floats
    eye: Floats
    hair: Strands | None
    beard: Strands | None
    brows: Strands


@lru_cache(maxsize=40)
def model(p: Person, hair_style: str, beard: str, detail: float) -> Model:
    """Build one look of a person."""
    a = assets.load()
    coarse = head.neutral(a, p)
    fine = a.finer @ coarse
    texture = skin.head_texture(a, p, hair_style, beard)
    return Model(
        coarse,
        texture,
        skin.eye_texture(p),
        hair.head_hair(a, p, hair_style, fine, detail),
        hair.beard_hair(a, p, beard, fine, detail),
        hair.brow_hair(a, p, fine),
    )


def _ply(folder: Path, name: str, mesh: wear.Mesh, colours: Floats | None = None) -> dict[str, Any]:
    """Write a mesh as PLY and return its Mitsuba description without a surface."""
    columns = [mesh.points, mesh.normals, mesh.uv] + ([] if colours is None else [colours])
    fields = ["x", "y", "z", "nx", "ny", "nz", "u", "v"] + (
        [] if colours is None else ["r", "g", "b"]
    )
    faces = np.empty(len(mesh.triangles), dtype=[("n", "u1"), ("i", "<i4", 3)])
    faces["n"], faces["i"] = 3, mesh.triangles
    lines = ["ply", "format binary_little_endian 1.0", f"element vertex {len(mesh.points)}"]
    lines += [f"property float {f}" for f in fields]
    lines += [
        f"element face {len(faces)}",
        "property list uchar int vertex_indices",
        "end_header\n",
    ]
    path = folder / f"{name}.ply"
    path.write_bytes(
        "\n".join(lines).encode()
        + np.concatenate(columns, 1).astype("<f4").tobytes()
        + faces.tobytes()
    )
    return {"type": "ply", "filename": str(path)}


def _curves(
    folder: Path, name: str, curves: list[Floats] | Floats, radius: float, taper: float = 0.4
) -> dict[str, Any]:
    """Write curves (k, 3) as Mitsuba's text format, thinner towards the tip."""
    blocks = []
    for c in curves:
        widths = radius * np.linspace(1, taper, len(c))
        points = zip(c.tolist(), widths.tolist(), strict=True)
        blocks.append("\n".join(f"{x:.4f} {y:.4f} {z:.4f} {w:.4f}" for (x, y, z), w in points))
    path = folder / f"{name}.txt"
    path.write_text("\n\n".join(blocks) + "\n")
    return {"type": "linearcurve", "filename": str(path)}


@lru_cache(maxsize=1)
def _kept() -> tempfile.TemporaryDirectory[str]:
    """A folder for files that serve several photos of one process."""
    return tempfile.TemporaryDirectory()


@lru_cache(maxsize=40)
def _strand_files(m: Model) -> tuple[str, ...]:
    """Write a model's hair in three parts, for three shades; heads only move it rigidly."""
    assert m.hair is not None
    curves = _safe(m.hair.posed(assets.load().finer @ m.coarse, np.eye(3)))
    shade = np.random.default_rng(3).integers(0, 3, len(curves))
    folder = Path(_kept().name)
    return tuple(
        _curves(folder, f"{id(m)}-{k}", curves[shade == k], m.hair.radius)["filename"]
        for k in range(3)
    )


def _rigid(turn: Floats, place: tuple[float, float, float]) -> Floats:
    """The matrix (4, 4) that turns about the neck and then moves to a place."""
    out = np.eye(4)
    out[:3, :3] = turn
    out[:3, 3] = head.NECK_PIVOT - turn @ head.NECK_PIVOT + place
    return out


def _rgb(colour: Floats) -> dict[str, Any]:
    return {"type": "rgb", "value": [float(v) for v in colour]}


def _bitmap(image: Floats) -> dict[str, Any]:
    return {
        "type": "bitmap",
        "bitmap": mi.Bitmap(np.ascontiguousarray(image, np.float32)),
        "raw": True,
        "wrap_mode": "clamp",
    }


def _two_sided(bsdf: dict[str, Any]) -> dict[str, Any]:
    return {"type": "twosided", "inside": bsdf}


def _fibre(colour: str, scale: float = 1.0) -> dict[str, Any]:
    """The surface of a strand."""
    eumelanin, pheomelanin = MELANIN[colour]
    return {
        "type": "hair",
        "eumelanin": eumelanin * scale,
        "pheomelanin": pheomelanin * scale,
        "longitudinal_roughness": 0.32,
        "azimuthal_roughness": 0.34,
        "scale_tilt": 2.2,
    }


def _safe(curves: Floats) -> Floats:
    """Drop curves with near-degenerate segments, which crash the renderer."""
    steps = np.linalg.norm(np.diff(curves, axis=1), axis=-1)
    return np.asarray(curves[(steps.min(1) > 5e-4) & np.isfinite(curves).all((1, 2))])


def _eyeball(centre: Floats, radius: float, look: Floats) -> wear.Mesh:
    """An eyeball whose pole looks along the rotated z axis, with the bulge of the cornea."""
    angle = np.concatenate([np.linspace(0, 0.9, 28), np.linspace(0.95, np.pi, 20)])
    turn = np.linspace(0, 2 * np.pi, 41)
    t, f = np.meshgrid(angle, turn, indexing="ij")
    bulge = 1 + 0.06 * np.exp(-((t / 0.38) ** 4))
    points = (
        np.stack([np.sin(t) * np.cos(f), np.sin(t) * np.sin(f), np.cos(t)], -1) * bulge[..., None]
    ).reshape(-1, 3) @ look.T
    uv = np.stack(
        [0.5 + 0.5 * (t / np.pi) * np.cos(f), 0.5 - 0.5 * (t / np.pi) * np.sin(f)], -1
    ).reshape(-1, 2)
    i = (np.arange(len(angle) - 1)[:, None] * 41 + np.arange(40)).ravel()
    tris = np.concatenate([np.stack([i, i + 41, i + 1], -1), np.stack([i + 1, i + 41, i + 42], -1)])
    return wear.Mesh(centre + radius * points, head.normals(points, tris), uv, tris)


class Studio:
    """Collects the shapes of a scene; `shapes` names them in the order given to Mitsuba."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.scene: dict[str, Any] = {"type": "scene"}
        self.a = assets.load()
        self.shapes: dict[str, dict[str, Any]] = {}

    def add(self, name: str, shape: dict[str, Any], bsdf: dict[str, Any]) -> None:
        self.shapes[name] = {**shape, "bsdf": bsdf}

    def mesh(
        self, name: str, mesh: wear.Mesh, bsdf: dict[str, Any], colours: Floats | None = None
    ) -> None:
        self.add(name, _ply(self.folder, name, mesh, colours), bsdf)

    def seat(self, key: str, s: Sitter) -> tuple[Floats, Floats]:
        """Add one sitter; return the posed fine mesh (n, 3) and the head's rotation."""
        a, p = self.a, s.person
        m = model(p, s.hair, s.beard, s.detail)
        turn, body = head.rotation(s.yaw, s.pitch, s.roll), head.rotation(s.body_yaw, 0, 0)
        coarse = head.express(a, m.coarse, s.expression, s.strength, s.blink)
        fine = head.pose(a, a.finer @ coarse, turn, body) + s.place
        n = head.normals(fine, a.skin_triangles)
        self._flesh(key, s, m, fine, n)
        self._eyes(key, s, m, coarse, turn)
        self._strands(key, s, m, fine, turn)
        self._clothes(key, s, fine, n)
        if s.glasses:
            self._glasses(key, s, m, turn)
        return fine, turn

    def parapet(self, key: str, height: float, depth: float) -> None:
        """Add a wall of planks across the picture, from below to a height, at a depth."""
        planks = np.random.default_rng([47, int(height * 10)]).uniform(0.7, 1.2, (12, 90, 1))
        tint = skin.linear((142, 128, 112))
        wood = {
            "type": "diffuse",
            "reflectance": _bitmap(np.kron(planks, np.ones((8, 8, 1))) * tint),
        }
        corners = np.array([[x, y, depth] for y in (height - 6, height) for x in (-90, 90)], float)
        uv = np.array([[0, 0], [1, 0], [0, 1], [1, 1]], float)
        front, tris = np.tile([0.0, 0, 1], (4, 1)), np.array([[0, 1, 2], [1, 3, 2]])
        self.mesh(f"{key} wall", wear.Mesh(corners, front, uv, tris), _two_sided(wood))

    def _part(self, name: str, fine: Floats, n: Floats) -> wear.Mesh:
        part = self.a.parts[name]
        return wear.Mesh(fine[part.vertices], n[part.vertices], part.uv, part.triangles)

    def _flesh(self, key: str, s: Sitter, m: Model, fine: Floats, n: Floats) -> None:
        p, q = s.person, self.a.canonical
        base = {
            "type": "principled",
            "base_color": _bitmap(m.texture),
            "roughness": 0.50,
            "specular": 0.34,
            "clearcoat": 0.05,
            "clearcoat_gloss": 0.5,
        }
        self.mesh(f"{key}head", self._part("head", fine, n), base)
        torso = self._part("torso", fine, n)
        part = self.a.parts["torso"]
        bare = (q[part.corners][..., 1] > wear.neckline(q[part.corners]) - 0.5).any(1)
        colours = skin.body_colours(self.a, p, s.hair, s.beard)
        attribute = {"type": "mesh_attribute", "name": "vertex_color"}
        self.mesh(
            f"{key}neck",
            wear.Mesh(torso.points, torso.normals, torso.uv, torso.triangles[bare]),
            {"type": "principled", "base_color": attribute, "roughness": 0.5, "specular": 0.35},
            colours,
        )
        self.mesh(
            f"{key}inner",
            self._part("inner", fine, n),
            _two_sided({"type": "diffuse", "reflectance": _rgb(np.array([0.16, 0.04, 0.04]))}),
        )
        for name, colour, rough in (
            ("teeth", (0.74, 0.70, 0.62), 0.2),
            ("tongue", (0.34, 0.11, 0.10), 0.4),
        ):
            own = head.normals(fine, self.a.parts[name].corners)
            self.mesh(
                f"{key}{name}",
                self._part(name, fine, own),
                _two_sided(
                    {
                        "type": "principled",
                        "base_color": _rgb(np.array(colour)),
                        "roughness": rough,
                        "specular": 0.4,
                    }
                ),
            )
        own = head.normals(fine, self.a.parts["lash"].corners)
        dark = {"type": "diffuse", "reflectance": _rgb(np.array([0.018, 0.014, 0.012]))}
        self.mesh(
            f"{key}lash",
            self._part("lash", fine, own),
            {
                "type": "mask",
                "opacity": 0.30 + (0.25 if p.sex == "F" else 0) + 0.25 * p.makeup,
                "inside": _two_sided(dark),
            },
        )

    def _eyes(self, key: str, s: Sitter, m: Model, coarse: Floats, turn: Floats) -> None:
        wet = {
            "type": "principled",
            "base_color": _bitmap(m.eye),
            "roughness": 0.25,
            "specular": 0.5,
            "clearcoat": 1.0,
            "clearcoat_gloss": 0.985,
        }
        look = head.rotation(s.gaze[0], s.gaze[1], 0)
        for name, rows in zip(("left eye", "right eye"), EYES, strict=True):
            ball = coarse[rows]
            centre = (
                ((ball.max(0) + ball.min(0)) / 2 - head.NECK_PIVOT) @ turn.T
                + head.NECK_PIVOT
                + s.place
            )
            self.mesh(
                f"{key}{name}",
                _eyeball(centre, float(np.ptp(ball[:, :2], axis=0).mean() / 2 * 0.99), look),
                wet,
            )

    def _strands(self, key: str, s: Sitter, m: Model, fine: Floats, turn: Floats) -> None:
        colour = s.person.hair_colour
        rigid = mi.ScalarTransform4f(_rigid(turn, s.place).tolist())
        if m.hair is not None:
            for k, (scale, path) in enumerate(
                zip((0.75, 1.0, 1.35), _strand_files(m), strict=True)
            ):
                self.add(
                    f"{key}hair{k}",
                    {"type": "linearcurve", "filename": path, "to_world": rigid},
                    _fibre(colour, scale),
                )
        if s.hair in ("bun", "tied"):
            self._knot(key, s, m, turn)
        if m.beard is not None:
            self.add(
                f"{key}beard",
                _curves(
                    self.folder, f"{key}beard", _safe(m.beard.posed(fine, turn)), m.beard.radius
                ),
                _fibre(colour, 1.1),
            )
        brow = (
            colour
            if colour not in ("blond", "white")
            else ("light brown" if colour == "blond" else "grey")
        )
        self.add(
            f"{key}brows",
            _curves(self.folder, f"{key}brows", _safe(m.brows.posed(fine, turn)), m.brows.radius),
            _fibre(brow, 1.3),
        )

    def _knot(self, key: str, s: Sitter, m: Model, turn: Floats) -> None:
        """A bun on the crown, or a pony tail: strands wound round a ball or hanging behind."""
        rng = np.random.default_rng([41, s.person.seed])
        top = (self.a.finer @ m.coarse)[self.a.parts["head"].vertices]
        n, k = 2600, 26
        if s.hair == "bun":
            centre, t = np.array([0, top[:, 1].max() + 0.08, -0.42]), np.linspace(0, 1, k)
            axis = rng.normal(size=(n, 3)) * [1, 0.35, 1] + [0, 1.1, 0]
            axis /= np.linalg.norm(axis, axis=1, keepdims=True)
            e1 = np.cross(axis, rng.normal(size=(n, 3)))
            e1 /= np.linalg.norm(e1, axis=1, keepdims=True)
            e2, r = np.cross(axis, e1), 0.30 * rng.uniform(0.8, 1.02, (n, 1, 1))
            arc = t[None, :, None] * rng.uniform(2, 4.5, (n, 1, 1))
            curves = centre + r * (e1[:, None] * np.cos(arc) + e2[:, None] * np.sin(arc)) * [
                1,
                0.85,
                0.9,
            ]
        else:
            start = np.array([0, 7.75, top[:, 2].min() - 0.02]) + rng.normal(size=(n, 3)) * [
                0.08,
                0.08,
                0.03,
            ]
            t = np.linspace(0, 1, k)[None, :, None]
            fan = rng.normal(size=(n, 1, 3)) * [0.16, 0.08, 0.10]
            curves = (
                start[:, None]
                + np.array([0.1 * rng.normal(), -1.9, -0.1]) * t**1.3
                + np.array([0, 0.25, -0.45]) * np.sin(t * np.pi)
                + fan * np.sin(t * 2.2)
            )
        curves = (curves - head.NECK_PIVOT) @ turn.T + head.NECK_PIVOT + s.place
        self.add(
            f"{key}knot",
            _curves(self.folder, f"{key}knot", _safe(curves), 0.006),
            _fibre(s.person.hair_colour),
        )

    def _clothes(self, key: str, s: Sitter, fine: Floats, n: Floats) -> None:
        rng = np.random.default_rng([43, s.seed])
        front, band = wear.panel(s.garment, rng, skin.bare(s.person))
        self.mesh(
            f"{key}cloth",
            wear.cloth(self.a, fine, n),
            _two_sided({"type": "diffuse", "reflectance": _bitmap(front)}),
        )
        self.mesh(
            f"{key}collar",
            wear.collar(self.a, fine, n, s.garment),
            _two_sided({"type": "diffuse", "reflectance": _rgb(band)}),
        )
        if s.hair == "scarf":
            shell, hem = wear.headscarf(self.a, fine, n)
            tint = _two_sided(
                {
                    "type": "diffuse",
                    "reflectance": _rgb(
                        skin.linear(wear.WOOL[int(rng.integers(len(wear.WOOL)))]) * 1.3
                    ),
                }
            )
            self.mesh(f"{key}scarf", shell, tint)
            self.add(
                f"{key}hem",
                _curves(self.folder, f"{key}hem", [np.concatenate([hem, hem[:3]])], 0.045, 1.0),
                tint,
            )

    def _glasses(self, key: str, s: Sitter, m: Model, turn: Floats) -> None:
        frames, lenses, wire, tint = wear.glasses(
            m.coarse, np.random.default_rng([45, s.person.seed])
        )

        def move(c: Floats) -> Floats:
            return np.asarray((c - head.NECK_PIVOT) @ turn.T + head.NECK_PIVOT + s.place)

        shape = _curves(self.folder, f"{key}frames", [move(c) for c in frames], wire, 1.0)
        self.add(
            f"{key}frames",
            shape,
            {"type": "principled", "base_color": _rgb(tint), "roughness": 0.25, "specular": 0.5},
        )
        if s.covered == "sunglasses":
            for k, lens in enumerate(lenses):
                fan = np.concatenate([lens.mean(0, keepdims=True), lens])
                i = np.arange(len(lens))
                tris = np.stack([0 * i, 1 + i, 1 + (i + 1) % len(lens)], 1)
                points = move(fan)
                mesh = wear.Mesh(points, head.normals(points, tris), np.zeros((len(fan), 2)), tris)
                self.mesh(
                    f"{key}lens{k}",
                    mesh,
                    _two_sided(
                        {
                            "type": "principled",
                            "base_color": _rgb(np.full(3, 0.012)),
                            "roughness": 0.12,
                            "specular": 0.6,
                        }
                    ),
                )


@dataclass(frozen=True)
class Frame:
    """Linear light (h, w, 3) before any background, coverage (h, w), each sitter's fine mesh."""

    light: Floats
    coverage: Floats
    meshes: list[Floats]


def shoot(
    sitters: list[Sitter],
    camera: Camera,
    light: str,
    seed: int,
    samples: int,
    parapets: tuple[tuple[float, float], ...] = (),
) -> Frame:
    """Render the sitters; denoise; soften the light on skin as scattering under the skin does.

    Parapets (height, depth) are walls across the picture, as before the rows of a stand.
    """
    with tempfile.TemporaryDirectory() as folder:
        studio = Studio(Path(folder))
        for k, wall in enumerate(parapets):
            studio.parapet(f"w{k}", *wall)
        meshes = [studio.seat(f"s{i} ", s)[0] for i, s in enumerate(sitters)]
        sky = environment(light, np.random.default_rng([51, seed]))
        to_world = mi.ScalarTransform4f().look_at(
            [float(v) for v in camera.origin], [float(v) for v in camera.target], [0, 1, 0]
        )
        fov = 2 * np.rad2deg(np.arctan(camera.frame / 2 / camera.distance))
        film = {
            "type": "hdrfilm",
            "width": camera.width,
            "height": camera.height,
            "pixel_format": "rgba",
            "rfilter": {"type": "box"},
        }
        scene = {
            **studio.scene,
            **studio.shapes,
            "sky": {"type": "envmap", "bitmap": mi.Bitmap(sky.astype(np.float32))},
            "camera": {
                "type": "perspective",
                "fov": float(fov),
                "to_world": to_world,
                "film": film,
                "sampler": {"type": "multijitter", "sample_count": samples},
            },
            "integrator": {
                "type": "aov",
                "aovs": "albedo:albedo,normal:sh_normal,place:position,shape:shape_index",
                "image": {"type": "path", "max_depth": 4, "rr_depth": 3, "hide_emitters": True},
            },
        }
        rendered = mi.render(mi.load_dict(scene), seed=seed % 100000)  # type: ignore[arg-type]
        image = np.nan_to_num(np.array(rendered, np.float32))
    kinds = [name.split(" ", 1)[1] for name in studio.shapes]
    return Frame(*_finish(image, kinds, camera), meshes)


def _finish(image: Pixels, kinds: list[str], camera: Camera) -> tuple[Floats, Floats]:
    colour, albedo, normal = (
        np.ascontiguousarray(image[..., s]) for s in (slice(0, 3), slice(4, 7), slice(7, 10))
    )
    index = image[..., 13]
    clean = pyoidn.denoise(
        np.minimum(colour, 20), albedo=np.clip(albedo, 0, 1), normal=normal, hdr=True
    )
    solid = np.abs(index - np.round(index)) < 0.02
    flesh = [i for i, k in enumerate(kinds) if k in ("head", "neck")]
    mask = (np.isin(np.round(index), flesh) & solid & (image[..., 3] > 0.99)).astype(np.float32)
    if mask.any():
        clean = _scatter(clean, np.clip(albedo, 0.02, 1), mask, camera.frame / camera.width)
    cover = np.repeat(np.clip(image[..., 3:4], 0, 1), 3, axis=2)
    cover = pyoidn.denoise(
        np.ascontiguousarray(cover), albedo=np.clip(albedo, 0, 1), normal=normal
    )[..., 0]
    return np.asarray(clean, np.float64), np.clip(cover, 0, 1).astype(np.float64)


def _scatter(clean: Pixels, albedo: Pixels, mask: Pixels, pixel: float) -> Pixels:
    """Blur the light arriving on skin, red furthest, as scattering under the skin would."""
    arriving = clean / albedo
    out = np.zeros_like(arriving)
    for channel, depth in enumerate(SKIN_DEPTH):
        sigma = depth / pixel
        if sigma < 0.25:
            out[..., channel] = arriving[..., channel]
            continue
        weight = gaussian_filter(mask, sigma)
        out[..., channel] = gaussian_filter(arriving[..., channel] * mask, sigma) / np.maximum(
            weight, 1e-4
        )
    inner = cv2.erode(mask, np.ones((3, 3)))
    inner = gaussian_filter(inner, 0.7)[..., None] * mask[..., None]
    return np.asarray(clean * (1 - inner) + inner * out * albedo)

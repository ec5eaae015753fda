"""A face as it is sealed, and as it is answered."""

from typing import Any

import numpy as np

from vultus.actions.answers import FaceAnswer
from vultus.faces import Face


def face_fields(face: Face) -> dict[str, Any]:
    """A face without its template, as it is sealed."""
    return {
        "box": [round(float(v), 2) for v in face.box],
        "landmarks": np.asarray(face.landmarks, float).round(2).tolist(),
        "detection_score": round(float(face.detection_score), 4),
        "quality": round(float(face.quality.score), 4),
        "quality_components": {k: round(float(v), 4) for k, v in face.quality.components.items()},
        "refused": face.quality.refused,
        "raw_length": round(float(face.template.raw_length), 4),
    }


def face_answer(n: int, face: dict[str, Any]) -> FaceAnswer:
    x, y, width, height = face["box"]
    return FaceAnswer(
        n=n,
        box=(x, y, width, height),
        landmarks=tuple((px, py) for px, py in face["landmarks"]),
        detection_score=face["detection_score"],
        quality=face["quality"],
        quality_components=face["quality_components"],
        refused=face["refused"],
    )


def template_bytes(face: Face) -> bytes:
    """An enrolled template before it is sealed: quality, then the vector, float32 little-endian."""
    row = np.concatenate([[face.quality.score], face.template.vector]).astype("<f4")
    return row.tobytes()

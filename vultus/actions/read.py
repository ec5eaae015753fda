"""Read faces and compare two photos, without a home: nothing is searched and nothing is kept."""

from collections.abc import Sequence
from pathlib import Path

from vultus.acquire.folder import path_text
from vultus.actions.answers import CompareAnswer, FaceAnswer, FacesAnswer
from vultus.actions.face import face_answer, face_fields
from vultus.errors import InputError, VultusError
from vultus.faces.pool import ReaderPool
from vultus.faces.reading import Reading
from vultus.scoring.comparison import cosine, false_match_rate
from vultus.settings import n_cores


def read_faces(paths: Sequence[Path]) -> list[FacesAnswer]:
    """The faces of each photo, in the order given."""
    with ReaderPool(n_workers=min(len(paths), n_cores())) as pool:
        results = list(pool.read_many([(path, path) for path in paths]))
    return [faces_of(path, result) for path, result in results]


def faces_of(path: Path, result: Reading | VultusError) -> FacesAnswer:
    if isinstance(result, VultusError):
        return FacesAnswer(path_text(path), (), (), result)
    answers = tuple(face_answer(n, face_fields(face)) for n, face in enumerate(result.faces, 1))
    return FacesAnswer(path_text(path), answers, tuple(result.faces), None)


def largest(faces: Sequence[FaceAnswer]) -> int:
    """Which face has the largest box, from 0."""
    areas = [face.box[2] * face.box[3] for face in faces]
    return areas.index(max(areas))


def compare(a: Path, b: Path) -> CompareAnswer:
    """The score of the largest faces of two photos.

    Raises the error of a photo that cannot be read, InputError `photo.no_face`.
    """
    sides = read_faces([a, b])
    for side in sides:
        if side.error is not None:
            raise side.error
        if not side.faces:
            raise InputError(
                "photo.no_face", f"No face was found in {side.path}.", "Choose another photo."
            )
    chosen = [largest(side.faces) for side in sides]
    left, right = (s.templates[i].template for s, i in zip(sides, chosen, strict=True))
    score = cosine(left.vector, right.vector)
    return CompareAnswer(
        score=float(score),
        false_match_rate=float(false_match_rate(float(score), left.model)),
        faces=(sides[0].faces[chosen[0]], sides[1].faces[chosen[1]]),
        n_faces=(len(sides[0].faces), len(sides[1].faces)),
    )

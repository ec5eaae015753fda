"""Answers arranged for a page: rows of a list, boxes over a photo, cards of faces."""

from dataclasses import dataclass

from django.urls import reverse
from django.utils.translation import gettext as _

from vultus.actions.answers import Box as Rectangle
from vultus.actions.answers import (
    CandidateAnswer,
    FaceAnswer,
    PlaceAnswer,
    ProbeAnswer,
    SearchAnswer,
)
from vultus.web import words
from vultus.web.problem import refusal_words
from vultus.web.tags import iso_day


@dataclass(frozen=True)
class Box:
    """A face's box over its photo, in pixels of the upright photo, with its number's tag."""

    n: int
    refused: bool
    x: int
    y: int
    width: int
    height: int
    tag: int
    tag_y: int
    text_x: int
    text_y: int
    font: int


def box_of(box: Rectangle, width: int, height: int, face: FaceAnswer | None = None) -> Box:
    """`box` within a photo of `width` x `height`; the tag is as large on every photo."""
    x, y, w, h = (round(v) for v in box)
    tag = max(12, round(max(width, height) / 27))
    # Beside a small face the tag stands above its box, so that it hides nothing.
    tag_y = y if h > 4 * tag or y < tag else y - tag
    return Box(
        n=face.n if face else 0,
        refused=bool(face and face.refused),
        x=x,
        y=y,
        width=w,
        height=h,
        tag=tag,
        tag_y=tag_y,
        text_x=x + tag // 2,
        text_y=tag_y + tag // 2,
        font=round(tag * 0.6),
    )


@dataclass(frozen=True)
class Shown:
    """The space that a photo takes at most on a page, CSS pixels."""

    width: int
    height: int


def shown(width: int, height: int) -> Shown:
    """A photo of this size within 1600 x 760, or up to twice its size while it stays small."""
    if not width or not height:
        return Shown(640, 480)
    enlarged = max(1.0, min(2.0, 640 / max(width, height)))
    scale = min(1600 / width, 760 / height, enlarged)
    return Shown(round(width * scale), round(height * scale))


@dataclass(frozen=True)
class FaceCard:
    n: int
    refused: bool
    says: str
    why: str
    meter: tuple[bool, ...]
    quality: float


def face_cards(probe: ProbeAnswer) -> list[FaceCard]:
    """The faces of a probe photo, left to right."""
    return [
        FaceCard(
            n=face.n,
            refused=bool(face.refused),
            says=". ".join(part for part in (eyes_of(face), *words.weaknesses(face)) if part),
            why=refusal_words(face.refused),
            meter=words.meter(face.quality),
            quality=face.quality,
        )
        for face in probe.faces
    ]


def eyes_of(face: FaceAnswer) -> str:
    """How large a face is, as what counts for comparing it."""
    if len(face.landmarks) < 2:
        return ""
    n = words.pixels_between_eyes(face.landmarks)
    return _("%(n)s px between the eyes") % {"n": n}


@dataclass(frozen=True)
class Row:
    """One candidate with everything its row and its own pages show."""

    candidate: CandidateAnswer
    place: PlaceAnswer | None
    says: str
    interval: str
    scale: words.Scale
    n_other: int
    picture: str
    large_picture: str
    photo_picture: str
    closer: str
    whole: str
    box: Box
    shown: Shown
    face_width: int
    source_line: str


def rows_of(answer: SearchAnswer, n: int) -> list[Row]:
    """The candidate list of the n-th probe, counted from 1."""
    return [row_of(answer, n, candidate) for candidate in answer.probes[n - 1].candidates]


def row_of(answer: SearchAnswer, n: int, c: CandidateAnswer) -> Row:
    args = [answer.id, c.reference]
    photo = c.photo
    place = photo.places[0] if photo.places else None
    parts = [
        photo.credit,
        place.source if place else None,
        iso_day(photo.date) if photo.date else None,
    ]
    return Row(
        candidate=c,
        place=place,
        says=words.stranger_sentence(c.expected_false_positives),
        interval=words.interval_sentence(c.low, c.high),
        scale=words.scale(c.expected_false_positives, c.low, c.high, answer.max_false_positives),
        n_other=max(0, len(photo.places) - 1),
        picture=reverse("candidate_face", args=[*args, "pair"]),
        large_picture=reverse("candidate_face", args=[*args, "large"]),
        photo_picture=reverse("candidate_photo", args=args),
        closer=f"{reverse('candidate', args=args)}?probe={n}",
        whole=f"{reverse('photo', args=args)}?probe={n}",
        box=box_of(c.box, photo.width, photo.height),
        shown=shown(photo.width, photo.height),
        face_width=round(c.box[2]),
        source_line=", ".join(part for part in parts if part),
    )


def neighbours(rows: list[Row], row: Row) -> tuple[Row | None, Row | None]:
    """The rows before and after `row`."""
    at = rows.index(row)
    return (rows[at - 1] if at else None, rows[at + 1] if at + 1 < len(rows) else None)

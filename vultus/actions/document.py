"""Answers as the JSON documents of the contract, the same for command line and API."""

import base64
from dataclasses import asdict
from datetime import date, datetime
from typing import Any

import numpy as np

from vultus.actions.answers import (
    CandidateAnswer,
    CaseAnswer,
    CompareAnswer,
    FaceAnswer,
    FacesAnswer,
    HeldPhoto,
    IngestAnswer,
    PhotoAnswer,
    ProbeResult,
    SearchAnswer,
    SourceAnswer,
    UrlAnswer,
)
from vultus.faces import Face

Document = dict[str, Any]


def day(value: date | None) -> str | None:
    return value.isoformat() if value else None


def instant(value: datetime | None) -> str | None:
    """RFC 3339 in UTC."""
    return value.isoformat(timespec="milliseconds").replace("+00:00", "Z") if value else None


def case_document(case: CaseAnswer) -> Document:
    return {
        "case": case.id,
        "reference": case.reference,
        "purpose": case.purpose,
        "legal_basis": case.legal_basis,
        "state": case.state,
        "opened": instant(case.opened),
        "opened_by": case.opened_by,
        "approved": instant(case.approved),
        "approved_by": case.approved_by,
        "expires": day(case.expires),
        "searches": case.n_searches,
    }


def source_document(source: SourceAnswer) -> Document:
    return {
        "source": source.name,
        "collection": source.collection,
        "kind": source.kind,
        "location": source.location,
        "legal_basis": source.legal_basis,
        "page_url_prefix": source.page_url_prefix,
        "expires": day(source.expires),
        "expired": source.expired,
        "visited": instant(source.visited),
        "allow_hosts": list(source.allow_hosts),
        **asdict(source.terms),
    }


def ingest_document(answer: IngestAnswer, *, files: bool) -> Document:
    """`files`: also the places of what was refused and what failed, by reason."""
    document: Document = {
        "photos": answer.photos,
        "new": answer.new,
        "unchanged": answer.unchanged,
        "faces": answer.faces,
        "removed": answer.removed,
        "refused": dict(sorted(answer.refused.items())),
        "failed": dict(sorted(answer.failed.items())),
        "places": answer.places,
        "requests": answer.requests,
        "unfinished": dict(sorted(answer.unfinished.items())),
        "seconds": answer.seconds,
    }
    if files:
        document["files"] = dict(sorted(answer.files.items()))
    return document


def face_document(face: FaceAnswer) -> Document:
    return {
        "n": face.n,
        "box": list(face.box),
        "landmarks": [list(point) for point in face.landmarks],
        "detection_score": face.detection_score,
        "quality": face.quality,
        "quality_components": face.quality_components,
        "refused": face.refused,
    }


def photo_document(photo: PhotoAnswer) -> Document:
    """A photo beside a candidate: its first place, and all of them under `places`."""
    first = photo.places[0]
    return {
        "path_or_url": first.path_or_url,
        "page_url": first.page_url,
        "title": photo.title,
        "caption": photo.caption,
        "date": photo.date,
        "date_precision": photo.date_precision,
        "credit": photo.credit,
        "licence": photo.licence,
        "persons": list(photo.persons),
        "source": first.source,
        "collection": first.collection,
        "sha256": photo.sha256,
        "places": [
            {
                "path_or_url": place.path_or_url,
                "page_url": place.page_url,
                "source": place.source,
                "collection": place.collection,
            }
            for place in photo.places
        ],
    }


def candidate_document(candidate: CandidateAnswer) -> Document:
    return {
        "rank": candidate.rank,
        "score": candidate.score,
        "expected_false_positives": candidate.expected_false_positives,
        "expected_false_positives_low": candidate.low,
        "expected_false_positives_high": candidate.high,
        "extrapolated": candidate.extrapolated,
        "reference": candidate.reference,
        "photo": photo_document(candidate.photo),
        "box": list(candidate.box),
        "quality": candidate.quality,
    }


def probe_document(probe: ProbeResult) -> Document:
    document: Document = {
        "photo": probe.photo,
        "probe": probe.probe_id or None,
        "face": face_document(probe.face) if probe.face else None,
        "verdict": probe.verdict,
        "candidates": [candidate_document(candidate) for candidate in probe.candidates],
    }
    if probe.verdict == "choose_face":
        document["faces"] = [face_document(face) for face in probe.faces]
    if probe.reason:
        document["reason"] = probe.reason
    if probe.same_person:
        document["photos"] = list(probe.same_person)
    if probe.n_gone:
        document["erased_since"] = probe.n_gone
    if probe.verdict == "no_likely_match":
        document["best_expected_false_positives"] = probe.best_expected
    return document


def search_document(search: SearchAnswer) -> Document:
    return {
        "search": search.id,
        "case": search.case.id,
        "run": instant(search.run),
        "gallery": {
            "references": search.gallery.n_references,
            "photos": search.gallery.n_photos,
            "collections": list(search.gallery.collections),
        },
        "model": search.model,
        "max_false_positives": search.max_false_positives,
        "threshold": search.threshold,
        "probes": [probe_document(probe) for probe in search.probes],
        "audit": {"index": search.entry_index},
    }


def held_document(held: HeldPhoto) -> Document:
    photo = held.photo
    first = photo.places[0]
    return {
        "sha256": photo.sha256 or None,
        "path_or_url": first.path_or_url,
        "page_url": first.page_url,
        "enrolled": held.enrolled,
        "n_faces": held.n_faces,
        "decision": {
            "rule": held.rule,
            "signal": held.signal,
            "value": held.value,
            "time": instant(held.time),
        },
        "title": photo.title,
        "caption": photo.caption,
        "caption_source": photo.caption_source,
        "credit": photo.credit,
        "licence": photo.licence,
        "date": photo.date,
        "date_precision": photo.date_precision,
        "date_source": photo.date_source,
        "persons": list(photo.persons),
        "sightings": [
            {"url": place.path_or_url, "page_url": place.page_url} for place in photo.places
        ],
    }


def faces_document(answer: FacesAnswer, *, templates: bool) -> Document:
    """One photo of `vultus faces`; a photo that cannot be read carries its error."""
    document: Document = {"path": answer.path, "faces": [face_document(f) for f in answer.faces]}
    if templates:
        pairs = zip(document["faces"], answer.templates, strict=True)
        document["faces"] = [item | template_document(face) for item, face in pairs]
    if answer.error is not None:
        document["error"] = {
            "code": answer.error.code,
            "message": answer.error.message,
            "hint": answer.error.hint,
        }
    return document


def template_document(face: Face) -> Document:
    vector = np.asarray(face.template.vector, "<f4")
    return {
        "template": base64.b64encode(vector.tobytes()).decode("ascii"),
        "model": face.template.model,
    }


def compare_document(answer: CompareAnswer) -> Document:
    return {
        "score": answer.score,
        "false_match_rate": answer.false_match_rate,
        "faces": [face_document(face) for face in answer.faces],
        "n_faces": list(answer.n_faces),
    }


def url_document(found: UrlAnswer) -> Document:
    return {
        "url": found.url,
        "decided": instant(found.decided),
        "permitted": found.permitted,
        "may_enrol": found.may_enrol,
        "rule": found.rule,
        "reasons": list(found.reasons),
        "asked": [{"url": url, "status": status} for url, status in found.asked],
        "status": found.status,
        "problem": found.problem,
        "evidence": found.evidence,
        "decision": found.document.decode(),
    }

"""Search: a probe face against the gallery of a case, in the log before it is answered."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import numpy.typing as npt
from django.db import transaction

from vultus.acquire.folder import path_text
from vultus.actions.answers import (
    FaceAnswer,
    ProbeResult,
    SearchAnswer,
    Verdict,
)
from vultus.actions.case import require_searchable
from vultus.actions.gallery import Gallery, calibration_of, open_gallery
from vultus.actions.home import Home
from vultus.actions.index import search_index
from vultus.actions.probe import OpenProbe, open_probe, receive_probe_files
from vultus.actions.view import view_search
from vultus.audit.entry import EntryKind
from vultus.errors import InputError, VultusError
from vultus.ids import CaseId, SearchId
from vultus.records.models import Account, Search
from vultus.records.sequence import take

Choice = Literal["only", "all", "largest"]
LIMIT_MAX = 1000
FACES_MAX = 400  # of one search: so many fit into its log entry


@dataclass(frozen=True)
class Ask:
    """One probe face, or several of one person: what the index will be asked."""

    probe: OpenProbe
    name: str
    verdict: Verdict  # `candidates` while it is still to be searched
    face: int | None = None  # from 1
    reason: str | None = None
    template: npt.NDArray[np.float32] | None = None
    same_person: tuple[str, ...] = ()


def search_photos(
    home: Home,
    actor: Account,
    paths: Sequence[Path],
    *,
    case_id: CaseId,
    face: int | None = None,
    choice: Choice = "only",
    same_person: bool = False,
    collection: str | None = None,
    limit: int | None = None,
    max_false_positives: float | None = None,
) -> SearchAnswer:
    """Search with photos from files, in the order given.

    `face`: which one, from 1, left to right; else `choice`: `only` (a photo with several faces
    is answered `choose_face`), `all` or `largest`. `same_person`: all photos show one person
    and are fused into one probe. Raises InputError and RefusedError before anything is
    searched; a file that is no usable photo raises its error when it is the only one.
    """
    check_bounds(limit, max_false_positives)
    if same_person and choice == "all":
        raise InputError(
            "search.same_person",
            "All faces of a photo are not one person.",
            "Use --largest-face if the person is the largest in each photo.",
        )
    received = receive_probe_files(home, actor, case_id, paths)
    errors = [item for item in received if isinstance(item, VultusError)]
    if errors and (len(errors) == len(received) or same_person):
        raise errors[0]
    asks: list[Ask | ProbeResult] = []
    for path, item in zip(paths, received, strict=True):
        if isinstance(item, VultusError):
            asks.append(unusable(path_text(path), item))
        else:
            asks += choose(item, path_text(path), face, choice)
    if same_person:
        asks = [fuse([ask for ask in asks if isinstance(ask, Ask)])]
    return run(home, actor, case_id, asks, collection, limit, max_false_positives)


def search_probe(
    home: Home,
    actor: Account,
    probe_id: int,
    faces: Sequence[int],
    *,
    collection: str | None = None,
    limit: int | None = None,
    max_false_positives: float | None = None,
) -> SearchAnswer:
    """Search with chosen faces (from 1) of a probe that was received; none: the only one."""
    check_bounds(limit, max_false_positives)
    probe = open_probe(home, probe_id)
    asks: list[Ask | ProbeResult] = []
    numbers: Sequence[int | None] = faces or [None]
    for n in numbers:
        asks += choose(probe, probe.answer.name, n, "only")
    return run(home, actor, probe.answer.case_id, asks, collection, limit, max_false_positives)


def check_bounds(limit: int | None, max_false_positives: float | None) -> None:
    if limit is not None and not 1 <= limit <= LIMIT_MAX:
        raise InputError(
            "search.limit", f"The limit is not between 1 and {LIMIT_MAX}.", "Ask for fewer."
        )
    if max_false_positives is not None and not 0 < max_false_positives <= 1e6:
        raise InputError(
            "search.max_false_positives",
            "The number of strangers must be above 0 (and at most a million).",
            "0.01 means: a stranger in one search of a hundred.",
        )


def choose(probe: OpenProbe, name: str, face: int | None, choice: Choice) -> list[Ask]:
    """Which faces of a photo are searched; never a silent choice among several."""
    faces = probe.answer.faces
    if not faces:
        return [Ask(probe, name, "no_face")]
    if face is not None:
        if not 1 <= face <= len(faces):
            raise InputError(
                "search.face",
                f"{name} has {len(faces)} faces, and no face {face}.",
                "Faces are numbered from 1, left to right: `vultus faces PHOTO`.",
            )
        return [ask_for(probe, name, faces[face - 1])]
    if choice == "all":
        return [ask_for(probe, name, item) for item in faces]
    if choice == "largest":
        return [ask_for(probe, name, max(faces, key=lambda f: f.box[2] * f.box[3]))]
    if len(faces) > 1:
        return [Ask(probe, name, "choose_face")]
    return [ask_for(probe, name, faces[0])]


def ask_for(probe: OpenProbe, name: str, face: FaceAnswer) -> Ask:
    if face.refused is not None:
        return Ask(probe, name, "refused", face.n, f"quality.{face.refused}")
    return Ask(probe, name, "candidates", face.n, None, probe.templates[face.n - 1])


def fuse(asks: list[Ask]) -> Ask:
    """Several photos of one person as one probe: the mean of their templates by quality.

    Raises InputError `search.choose_face` when a photo has several faces and none is chosen.
    """
    for ask in asks:
        if ask.verdict == "choose_face":
            raise InputError(
                "search.choose_face",
                f"{ask.name} shows several people.",
                "Crop it to one, or use --largest-face if the person is the largest in each.",
            )
    usable = [ask for ask in asks if ask.template is not None]
    if not usable:
        return asks[0]
    weights = np.array(
        [max(a.probe.answer.faces[cast("int", a.face) - 1].quality, 0.05) for a in usable],
        np.float32,
    )
    mean = weights @ np.stack([cast("Any", a.template) for a in usable])
    length = float(np.linalg.norm(mean))
    if length < 1e-6:
        raise InputError(
            "search.not_one_person", "These photos cannot be of one person.", "Search them apart."
        )
    best = usable[int(np.argmax(weights))]
    names = tuple(ask.name for ask in usable)
    return replace(best, template=(mean / length).astype(np.float32), same_person=names)


def unusable(name: str, error: VultusError) -> ProbeResult:
    """A file among several that is no usable photo: its own answer, the others go on."""
    return ProbeResult(
        probe_id=0,
        photo=name,
        verdict="refused",
        reason=error.code,
        face=None,
        faces=(),
        candidates=(),
        n_gone=0,
        best_expected=None,
    )


def run(
    home: Home,
    actor: Account,
    case_id: CaseId,
    asks: Sequence[Ask | ProbeResult],
    collection: str | None,
    limit: int | None,
    max_false_positives: float | None,
) -> SearchAnswer:
    """Permission, log entry, then the index: in this order, always."""
    if len(asks) > FACES_MAX:
        raise InputError(
            "search.too_many_faces",
            f"A search takes at most {FACES_MAX} faces, got {len(asks)}.",
            "Search the photos in several parts.",
        )
    dial = home.settings.max_false_positives if max_false_positives is None else max_false_positives
    limit = limit or home.settings.candidates_max
    opened = open_gallery(home, collection)
    with transaction.atomic():
        require_searchable(case_id)
        number = SearchId(take("search")[0])
        entry = home.log.append(
            EntryKind.SEARCH_RUN,
            {
                "search": number,
                "case": case_id,
                "by": actor.pk,
                "collection": collection,
                "gallery_references": len(opened.ids),
                "max_false_positives": repr(dial),  # the log holds no floats
                "limit": limit,
                "probes": [
                    {"probe": ask.probe.answer.id, "sha256": ask.probe.sha256, "face": ask.face}
                    for ask in asks
                    if isinstance(ask, Ask)
                ],
            },
        )
        Search.objects.create(
            id=number, case_id=case_id, account=actor, run=datetime.now(UTC), entry_index=entry
        )
    result = ask_index(home, asks, opened, dial, limit)
    sealed = home.vault.seal_json("search", f"search:{number}", result)
    Search.objects.filter(pk=number).update(sealed_result=sealed)
    return view_search(home, actor, number)


def ask_index(
    home: Home, asks: Sequence[Ask | ProbeResult], opened: Gallery, dial: float, limit: int
) -> dict[str, Any]:
    """Ask the index for every face that is to be searched; the result as it is stored."""
    searched = [ask for ask in asks if isinstance(ask, Ask) and ask.template is not None]
    threshold: float | None = None
    rows: dict[int, tuple[list[list[Any]], float | None]] = {}
    model = searched[0].probe.model if searched else ""
    if searched and len(opened.ids):
        fitted = calibration_of(home, opened, model)
        n = len(opened.ids)
        threshold = fitted.threshold(dial, n)
        probes = np.stack([cast("Any", ask.template) for ask in searched])
        lists = search_index(home, opened, probes, limit=limit, threshold=threshold)
        for ask, found in zip(searched, lists, strict=True):
            expected = fitted.expected_false_positives(found.scores, n)
            low, high = fitted.interval(found.scores, n)
            candidates = [
                [int(ref), float(s), float(e), float(lo), float(hi), bool(fitted.extrapolated(s))]
                for ref, s, e, lo, hi in zip(
                    found.ids, found.scores, expected, low, high, strict=True
                )
                if s >= np.float32(threshold)  # the nearest comes back in any case
            ]
            best = float(expected[0]) if len(expected) else None
            rows[id(ask)] = (candidates, best)
    return {
        "model": model,
        "max_false_positives": dial,
        "threshold": threshold,
        "gallery": asdict(opened.answer()),
        "probes": [stored(ask, rows) for ask in asks],
    }


def stored(
    ask: Ask | ProbeResult, rows: dict[int, tuple[list[list[Any]], float | None]]
) -> dict[str, Any]:
    """One probe of a search as it is kept: numbers only; photos are looked up when viewed."""
    if isinstance(ask, ProbeResult):
        return {"probe": 0, "name": ask.photo, "verdict": ask.verdict, "reason": ask.reason}
    candidates, best = rows.get(id(ask), ([], None))
    verdict = ask.verdict
    if verdict == "candidates" and not candidates:
        verdict = "no_likely_match"
    return {
        "probe": ask.probe.answer.id,
        "name": ask.name,
        "verdict": verdict,
        "reason": ask.reason,
        "face": ask.face,
        "candidates": candidates,
        "best_expected": best,
        "same_person": list(ask.same_person),
    }

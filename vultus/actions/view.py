"""View: a search that was run, as it stands today.

A search is kept as numbers; photos are put beside them when they are looked at, so what was
erased or may no longer be shown since is not there.
"""

from typing import Any

from vultus.actions.account import named
from vultus.actions.answers import (
    CandidateAnswer,
    FaceAnswer,
    GalleryAnswer,
    ProbeResult,
    SearchAnswer,
    SearchSummary,
)
from vultus.actions.case import find_case, get_case
from vultus.actions.home import Home
from vultus.actions.photo import photo_answers
from vultus.actions.probe import open_probe
from vultus.errors import InputError
from vultus.ids import CaseId, SearchId
from vultus.records.models import Account, Probe, Reference, Search


def view_search(home: Home, actor: Account, search_id: SearchId) -> SearchAnswer:
    """A search that was run, as it stands today: what was erased since is no longer in it.

    Raises InputError `search.not_found`, `search.unfinished`.
    """
    row = Search.objects.select_related("account").filter(pk=search_id).first()
    if row is None:
        raise InputError("search.not_found", f"There is no search {search_id}.", "Run one.")
    if row.sealed_result is None:
        raise InputError(
            "search.unfinished",
            f"Search {search_id} did not come to its end.",
            "It is in the log. Run it again.",
        )
    result = home.vault.unseal_json("search", f"search:{search_id}", bytes(row.sealed_result))
    shown = result["gallery"]
    return SearchAnswer(
        id=SearchId(row.pk),
        case=get_case(home, actor, CaseId(row.case_id)),
        run=row.run,
        account=named(home.vault, row.account).name,
        gallery=GalleryAnswer(
            shown["n_references"], shown["n_photos"], tuple(shown["collections"])
        ),
        model=result["model"],
        max_false_positives=result["max_false_positives"],
        threshold=result["threshold"],
        entry_index=row.entry_index,
        probes=tuple(probe_result(home, probe) for probe in result["probes"]),
    )


def probe_result(home: Home, stored: dict[str, Any]) -> ProbeResult:
    """One probe of a stored search, with today's photos beside its candidates."""
    faces: tuple[FaceAnswer, ...] = ()
    row = Probe.objects.filter(pk=stored["probe"], sealed_photo__isnull=False).first()
    if row is not None:
        faces = open_probe(home, row.pk).answer.faces
    chosen = stored.get("face")
    candidates, n_gone = candidate_answers(home, stored.get("candidates", []))
    return ProbeResult(
        probe_id=stored["probe"],
        photo=stored["name"],
        verdict=stored["verdict"],
        reason=stored["reason"],
        face=faces[chosen - 1] if chosen and faces else None,
        faces=faces,
        candidates=candidates,
        n_gone=n_gone,
        best_expected=stored.get("best_expected"),
        same_person=tuple(stored.get("same_person", ())),
    )


def candidate_answers(home: Home, rows: list[list[Any]]) -> tuple[tuple[CandidateAnswer, ...], int]:
    """The candidates that still may be shown, ranked anew, and how many are gone."""
    references = {ref.pk: ref for ref in Reference.objects.filter(pk__in=[row[0] for row in rows])}
    photos = photo_answers(home, {ref.photo_id for ref in references.values()})
    answers: list[CandidateAnswer] = []
    for number, score, expected, low, high, extrapolated in rows:
        reference = references.get(number)
        photo = photos.get(reference.photo_id) if reference else None
        if reference is None or photo is None:
            continue
        face = home.vault.unseal_json("reference", f"reference:{number}", bytes(reference.sealed))
        x, y, width, height = face["box"]
        answers.append(
            CandidateAnswer(
                rank=len(answers) + 1,
                score=score,
                expected_false_positives=expected,
                low=low,
                high=high,
                extrapolated=extrapolated,
                reference=number,
                box=(x, y, width, height),
                quality=face["quality"],
                photo=photo,
            )
        )
    return tuple(answers), len(rows) - len(answers)


def list_searches(home: Home, actor: Account, case_id: CaseId) -> list[SearchSummary]:
    """The searches of a case, the newest first. Raises InputError `case.not_found`."""
    find_case(case_id)
    answers = []
    for row in Search.objects.select_related("account").filter(case_id=case_id).order_by("-id"):
        if row.sealed_result is None:
            continue
        result = home.vault.unseal_json("search", f"search:{row.pk}", bytes(row.sealed_result))
        answers.append(
            SearchSummary(
                id=SearchId(row.pk),
                run=row.run,
                account=named(home.vault, row.account).name,
                names=tuple(probe["name"] for probe in result["probes"]),
                n_candidates=sum(len(probe.get("candidates", [])) for probe in result["probes"]),
                verdicts=tuple(probe["verdict"] for probe in result["probes"]),
            )
        )
    return answers

"""From a photo to a candidate list: receive, choose the face, search, look."""

from dataclasses import dataclass
from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from vultus.actions import search as searches
from vultus.actions.answers import ProbeResult, SearchAnswer
from vultus.actions.case import get_case
from vultus.actions.gallery import gallery
from vultus.actions.probe import get_probe
from vultus.actions.probe import receive_probe as receive
from vultus.actions.view import view_search
from vultus.errors import InputError
from vultus.ids import CaseId, ReferenceId, SearchId
from vultus.web import words
from vultus.web.case_pages import show_case
from vultus.web.forms import PhotoForm, SearchForm
from vultus.web.layout import Row, box_of, eyes_of, face_cards, neighbours, rows_of, shown
from vultus.web.problem import Problem, refusal_words
from vultus.web.session import Request, the_home
from vultus.web.tags import file_name

NONE_CHOSEN = "none"  # in the address, so that going back never sends a form again


@require_POST
def receive_probe(request: Request, case_id: CaseId) -> HttpResponse:
    """Take a photo into the case; a photo with one face is searched at once."""
    home, account = the_home(), request.user
    request.case_answer = get_case(home, account, case_id)
    form = PhotoForm(request.POST, request.FILES)
    if not form.is_valid():
        return show_case(request, case_id, photo_error=_("Choose a photo first."), status=400)
    photo = form.cleaned_data["photo"]
    probe = receive(home, account, case_id, photo.read(), photo.name)
    if len(probe.faces) == 1 and not probe.faces[0].refused:
        collection = form.cleaned_data["collection"] or None
        answer = searches.search_probe(
            home, account, probe.id, [probe.faces[0].n], collection=collection
        )
        return redirect("search", answer.id)
    return redirect("probe", probe.id)


@require_GET
def probe(request: Request, probe_id: int) -> HttpResponse:
    """The photo with its faces numbered: no face, none that may be searched, or a choice."""
    home, account = the_home(), request.user
    answer = get_probe(home, account, probe_id)
    searchable = [face.n for face in answer.faces if not face.refused]
    context = {
        "case": get_case(home, account, answer.case_id),
        "gallery": gallery(home, account, answer.case_id),
        "probe": answer,
        "shown": shown(answer.width, answer.height),
        "faces": face_cards(answer),
        "boxes": [box_of(face.box, answer.width, answer.height, face) for face in answer.faces],
        "n_searchable": len(searchable),
        "chosen": searchable if len(searchable) == 1 else [],
        "problem": Problem(_("Choose at least one face.")) if NONE_CHOSEN in request.GET else None,
    }
    return render(request, "probe.html", context)


@require_POST
def search_probe(request: Request, probe_id: int) -> HttpResponse:
    """Search for the chosen faces; also the dial's "search again"."""
    home, account = the_home(), request.user
    answer = get_probe(home, account, probe_id)
    request.case_answer = get_case(home, account, answer.case_id)
    form = SearchForm(request.POST)
    if not form.is_valid():
        raise InputError("search.form", _("This form cannot be read."), _("Load the page again."))
    given = form.cleaned_data
    faces = [f.n for f in answer.faces if not f.refused] if given["all"] else given["face"]
    if not faces:
        return redirect(f"{reverse('probe', args=[probe_id])}?{NONE_CHOSEN}=1")
    found = searches.search_probe(
        home,
        account,
        probe_id,
        faces,
        collection=given["collection"] or None,
        max_false_positives=1 / given["stop"] if given["stop"] else None,
    )
    return redirect("search", found.id)


@dataclass(frozen=True)
class Tab:
    """One searched face of a search with several."""

    n: int
    name: str
    says: str
    picture: str | None


@require_GET
def search(request: Request, search_id: SearchId) -> HttpResponse:
    """The answer for one probe face; `?probe=2` is the second of several."""
    answer = view_search(the_home(), request.user, search_id)
    n = asked_probe(request, answer)
    result = answer.probes[n - 1]
    rows = rows_of(answer, n)
    context = {
        "case": answer.case,
        "gallery": answer.gallery,
        "search": answer,
        "result": result,
        "probe_n": n,
        "probe_picture": probe_picture(result, "pair" if result.candidates else "large"),
        "eyes": eyes_of(result.face) if result.face else "",
        "rows": rows,
        "tabs": [tab(answer, i) for i in range(1, len(answer.probes) + 1)],
        "title": verdict_words(result),
        "refusal": refusal_words(result.reason),
        **dial_context(answer, result),
    }
    return render(request, "search.html", context)


def dial_context(answer: SearchAnswer, result: ProbeResult) -> dict[str, Any]:
    """What the dial shows, and, without a candidate, the next looser stop."""
    dial = answer.max_false_positives
    stops = words.stops(dial)
    looser = [stop for stop in stops if stop.max_false_positives > dial * 1.01]
    best = result.best_expected
    return {
        "stops": stops,
        "dial_says": words.dial_sentence(dial),
        "dial_once": words.once_in(dial),
        "dial_faces": [
            other.face.n
            for other in answer.probes
            if other.face and other.probe_id == result.probe_id
        ]
        if answer.case.state == "approved" and not result.same_person
        else [],
        "looser": looser[-1] if looser else None,
        "looser_says": f"{words.dial_sentence(looser[-1].max_false_positives)}." if looser else "",
        "nearest": words.scale(best, best, best, dial) if best is not None else None,
        "nearest_says": _("Nearest face: %(once)s") % {"once": words.once_in(best)}
        if best is not None
        else "",
    }


@require_GET
def candidate(request: Request, search_id: SearchId, reference: ReferenceId) -> HttpResponse:
    """Probe and candidate large, side by side."""
    return show_candidate(request, search_id, reference, "candidate")


@require_GET
def photo(request: Request, search_id: SearchId, reference: ReferenceId) -> HttpResponse:
    """The candidate's whole photo with the face boxed."""
    return show_candidate(request, search_id, reference, "photo")


def show_candidate(
    request: Request, search_id: SearchId, reference: ReferenceId, page: str
) -> HttpResponse:
    answer = view_search(the_home(), request.user, search_id)
    n = asked_probe(request, answer)
    result = answer.probes[n - 1]
    rows = rows_of(answer, n)
    row = next((r for r in rows if r.candidate.reference == reference), None)
    if row is None:
        raise Http404
    previous, following = neighbours(rows, row)
    context = {
        "case": answer.case,
        "gallery": answer.gallery,
        "result": result,
        "row": row,
        "n_rows": len(rows),
        "probe_picture": probe_picture(result, "large"),
        "eyes": eyes_of(result.face) if result.face else "",
        "back": f"{reverse('search', args=[search_id])}?probe={n}#c{row.candidate.rank}",
        "previous_url": step(previous, page),
        "next_url": step(following, page),
    }
    return render(request, f"{page}.html", context)


def step(row: Row | None, page: str) -> str:
    if row is None:
        return ""
    return row.closer if page == "candidate" else row.whole


def asked_probe(request: Request, answer: SearchAnswer) -> int:
    """Which of a search's probes is asked for, counted from 1."""
    text = request.GET.get("probe", "1")
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:6]) <= len(answer.probes):
        raise Http404
    return int(text[:6])


def probe_picture(result: ProbeResult, size: str) -> str | None:
    if result.face is None:
        return None
    return reverse("probe_face", args=[result.probe_id, result.face.n, size])


def tab(answer: SearchAnswer, n: int) -> Tab:
    result = answer.probes[n - 1]
    name = _("Face %(n)s") % {"n": result.face.n} if result.face else file_name(result.photo)
    if len({other.probe_id for other in answer.probes}) > 1:
        name = file_name(result.photo)
    return Tab(n, name, verdict_words(result), probe_picture(result, "pair"))


def verdict_words(result: ProbeResult) -> str:
    """The answer for one probe in two or three words."""
    if result.verdict == "candidates":
        n = len(result.candidates)
        return words.n_candidates(n)
    return {
        "no_likely_match": _("No likely match"),
        "no_face": _("No face"),
        "choose_face": _("Not chosen"),
        "refused": _("Refused"),
    }[result.verdict]

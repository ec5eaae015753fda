"""The pictures of probes and candidates. Each is decided on by its action, and none is kept."""

from django.http import HttpResponse
from django.views.decorators.http import require_GET

from vultus.actions import picture as pictures
from vultus.ids import ReferenceId, SearchId
from vultus.web.session import Request, the_home


def as_answer(found: pictures.Picture) -> HttpResponse:
    return HttpResponse(found.data, content_type=found.content_type)


@require_GET
def probe_photo(request: Request, probe_id: int) -> HttpResponse:
    return as_answer(pictures.probe_photo(the_home(), request.user, probe_id))


@require_GET
def probe_face(request: Request, probe_id: int, n: int, size: pictures.Size) -> HttpResponse:
    return as_answer(pictures.probe_face(the_home(), request.user, probe_id, n, size=size))


@require_GET
def candidate_face(
    request: Request, search_id: SearchId, reference: ReferenceId, size: pictures.Size
) -> HttpResponse:
    found = pictures.candidate_face(the_home(), request.user, search_id, reference, size=size)
    return as_answer(found)


@require_GET
def candidate_photo(request: Request, search_id: SearchId, reference: ReferenceId) -> HttpResponse:
    return as_answer(pictures.candidate_photo(the_home(), request.user, search_id, reference))

"""The case list, a new case, and the page of a case with its place to drop a photo."""

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from vultus.actions import case as cases
from vultus.actions.gallery import gallery
from vultus.actions.view import list_searches
from vultus.errors import InputError
from vultus.ids import CaseId
from vultus.web.config import FORM_BYTES_MAX
from vultus.web.forms import CaseForm
from vultus.web.problem import problem_of, status_of
from vultus.web.session import Request, the_home


@require_GET
def case_list(request: Request) -> HttpResponse:
    found = cases.list_cases(the_home(), request.user)
    return render(request, "cases.html", {"cases": found, "nav": "cases"})


@require_http_methods(["GET", "POST"])
def case_new(request: Request) -> HttpResponse:
    form = CaseForm(request.POST or None)
    problem, status = None, 200
    if request.method == "POST":
        status = 400
        if form.is_valid():
            try:
                opened = cases.open_case(the_home(), request.user, **form.cleaned_data)
            except InputError as error:
                problem, status = problem_of(error), status_of(error)
            else:
                return redirect("case", opened.id)
    context = {"form": form, "problem": problem}
    return render(request, "case_new.html", context, status=status)


@require_GET
def case(request: Request, case_id: CaseId) -> HttpResponse:
    return show_case(request, case_id)


def show_case(
    request: Request, case_id: CaseId, *, photo_error: str = "", status: int = 200
) -> HttpResponse:
    """The page of a case; `photo_error` says why the form's photo was not taken."""
    home, account = the_home(), request.user
    answer = cases.get_case(home, account, case_id)
    context = {
        "case": answer,
        "nav": "case",
        "own_case": answer.opened_by == account.name,
        "gallery": gallery(home, account, case_id),
        "searches": list_searches(home, account, case_id),
        "photo_error": photo_error,
        "photo_bytes_max": settings.FILE_UPLOAD_MAX_MEMORY_SIZE - FORM_BYTES_MAX,
    }
    return render(request, "case.html", context, status=status)


@require_POST
def approve_case(request: Request, case_id: CaseId) -> HttpResponse:
    request.case_answer = cases.get_case(the_home(), request.user, case_id)
    cases.approve_case(the_home(), request.user, case_id)
    return redirect("case", case_id)

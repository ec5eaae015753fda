"""Log-in, log-out, language and look."""

from django.contrib.auth import login, logout
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import check_for_language
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from vultus.actions.log_in import log_in, log_out
from vultus.errors import RefusedError, UnavailableError
from vultus.web.config import LANGUAGES, THEMES, language_settings
from vultus.web.forms import LogInForm
from vultus.web.frame import THEME_COOKIE
from vultus.web.limits import client_address
from vultus.web.problem import problem_of, status_of
from vultus.web.session import Request, safe_next, the_home

YEAR_SECONDS = 365 * 24 * 3600


@require_GET
def start(_request: HttpRequest) -> HttpResponse:
    return redirect("cases")


@login_not_required
@require_http_methods(["GET", "POST"])
def log_in_page(request: HttpRequest) -> HttpResponse:
    target = safe_next(request, reverse("cases"))
    if request.user.is_authenticated:
        return HttpResponseRedirect(target)
    problem, status = None, 200
    form = LogInForm(request.POST or None)
    if request.method == "POST":
        given = form.cleaned_data if form.is_valid() else {"name": "", "password": ""}
        behind_proxy = the_home().settings.web_over_tls
        address = client_address(request.META, behind_proxy=behind_proxy)
        try:
            account = log_in(the_home(), given["name"], given["password"], address)
        except (RefusedError, UnavailableError) as error:
            problem, status = problem_of(error), status_of(error)
        else:
            login(request, account, backend="vultus.web.session.AccountBackend")
            return HttpResponseRedirect(target)
    context = {"form": form, "next": target, "problem": problem}
    return render(request, "log_in.html", context, status=status)


@require_POST
def log_out_page(request: Request) -> HttpResponse:
    log_out(the_home(), request.user)
    logout(request)
    return redirect("log_in")


@login_not_required
@require_POST
def set_theme(request: HttpRequest) -> HttpResponse:
    response = HttpResponseRedirect(safe_next(request, "/"))
    theme = request.POST.get("theme", "")
    if theme in THEMES:
        keep(request, response, THEME_COOKIE, theme)
    return response


@login_not_required
@require_POST
def set_language(request: HttpRequest) -> HttpResponse:
    response = HttpResponseRedirect(safe_next(request, "/"))
    code = request.POST.get("language", "")
    if code in dict(LANGUAGES) and check_for_language(code):
        keep(request, response, language_settings()["LANGUAGE_COOKIE_NAME"], code)
    return response


def keep(request: HttpRequest, response: HttpResponse, name: str, value: str) -> None:
    """Remember a choice on the reader's device."""
    response.set_cookie(
        name, value, YEAR_SECONDS, secure=request.is_secure(), httponly=True, samesite="Strict"
    )

"""Who is logged in, and the one home that this process serves."""

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.contrib.auth.backends import BaseBackend
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.http import HttpRequest, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from vultus.actions.answers import CaseAnswer
from vultus.actions.home import Home
from vultus.actions.log_in import account_by_id

if TYPE_CHECKING:
    from vultus.records.account import Account

served: list[Home] = []  # empty, or the one home


def serve_home(home: Home) -> None:
    """Give the pages of this process their home; called once, by `wsgi`."""
    served[:] = [home]


def the_home() -> Home:
    assert served, "wsgi opens the home before the first request"
    return served[0]


class Request(HttpRequest):
    """What a page behind the log-in is given (for the type checker: Django makes it)."""

    user: "Account"
    case_answer: CaseAnswer  # set by a page that knows its case, for the page of its errors


class AccountBackend(BaseBackend):
    """Finds the account of a session. Passwords are checked by `actions.log_in` alone."""

    def get_user(self, user_id: int) -> Any:  # noqa: ANN401 - Django's signature is wider
        return account_by_id(the_home(), user_id)


class LogInMiddleware(LoginRequiredMiddleware):
    """Every page needs a log-in, but those marked `login_not_required`."""

    def handle_no_permission(
        self,
        request: HttpRequest,
        view_func: Any,  # noqa: ANN401, ARG002 - Django's signature
    ) -> HttpResponseRedirect:
        target = reverse("log_in")
        if request.method == "GET" and request.path != "/":
            target += "?" + urlencode({"next": request.get_full_path()})
        return HttpResponseRedirect(target)


def safe_next(request: HttpRequest, otherwise: str) -> str:
    """Where to go after a form: a path of ours, whatever `next` says."""
    target = request.POST.get("next") or request.GET.get("next") or ""
    if target.startswith("/") and url_has_allowed_host_and_scheme(target, allowed_hosts=None):
        return target
    return otherwise

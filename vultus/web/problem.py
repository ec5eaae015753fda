"""Every error as a page: one table from class to HTTP status, one from code to words."""

import logging
import secrets
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass

from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.template.loader import render_to_string
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from vultus.errors import (
    InputError,
    IntegrityError,
    RefusedError,
    UnavailableError,
    VultusError,
)

STATUS: dict[type[VultusError], int] = {
    InputError: 400,
    RefusedError: 403,
    IntegrityError: 500,
    UnavailableError: 503,
}
Text = str | Promise
logger = logging.getLogger("vultus.web")


@dataclass(frozen=True)
class Problem:
    """What a page says of an error. `number` finds it in the server's log."""

    title: Text
    message: Text = ""
    hint: Text = ""
    code: str = ""
    number: str = ""
    glyph: str = "part_glyph_failed.html"


TITLES: dict[type[VultusError], Text] = {
    InputError: _("This cannot be used"),
    RefusedError: _("A rule says no"),
    IntegrityError: _("Stored data does not verify"),
    UnavailableError: _("Not available just now"),
}
GLYPHS: dict[type[VultusError], str] = {
    InputError: "part_glyph_failed.html",
    RefusedError: "part_glyph_refused.html",
    IntegrityError: "part_glyph_failed.html",
    UnavailableError: "part_glyph_waiting.html",
}

BAD_PHOTO = _("This photo cannot be read")
NOT_KEPT = _("It was not kept, and nothing was searched.")
# Common codes, translated: title, what happened, what to do. Others show the error's own words.
WORDS: dict[str, tuple[Text, Text, Text]] = {
    "log_in.refused": (
        _("Name or password is wrong"),
        "",
        _("Check both and try again."),
    ),
    "log_in.wait": (
        _("Too many tries"),
        "",
        _("Wait a quarter of an hour, then try again."),
    ),
    "case.not_approved": (
        _("This case is not approved"),
        _("A search needs an approved case. Nothing was searched, and the photo was not kept."),
        _("Ask for its approval on the page of the case."),
    ),
    "case.expired": (
        _("This case has expired"),
        _("A search needs a case that has not expired. Nothing was searched."),
        _("If the purpose still holds, open a new case."),
    ),
    "case.approved_already": (
        _("This case is approved already"),
        "",
        _("Go on in the case."),
    ),
    "case.incomplete": (
        _("Something is missing"),
        "",
        _("A search without reference, purpose and legal basis does not exist."),
    ),
    "case.text_too_long": (_("This text is too long"), "", _("Say it more briefly.")),
    "case.expires_in_the_past": (
        _("The last day is in the past"),
        "",
        _("Give a later day, or none."),
    ),
    "photo.empty": (BAD_PHOTO, _("The file is empty."), _("Choose another file.")),
    "photo.not_a_photo": (
        BAD_PHOTO,
        _("The file is not a photo of a kind that is read here."),
        _("Take a JPEG, PNG, WebP or HEIC file."),
    ),
    "photo.truncated": (
        BAD_PHOTO,
        _("The file ends too early: a part of it is missing."),
        _("Copy or download it again, or take the original."),
    ),
    "photo.damaged": (
        BAD_PHOTO,
        _("The file is damaged."),
        _("Copy or download it again, or take the original."),
    ),
    "photo.unreadable": (
        BAD_PHOTO,
        _("The file cannot be decoded."),
        _("Save it as JPEG or PNG and try again."),
    ),
    "photo.too_many_bytes": (
        _("This photo is too large"),
        _("The file has more bytes than are read here."),
        _("Save a smaller copy; faces need no more than a few megapixels."),
    ),
    "photo.too_many_pixels": (
        _("This photo is too large"),
        _("The photo has more pixels than are read here."),
        _("Save a smaller copy; faces need no more than a few megapixels."),
    ),
    "photo.took_too_long": (
        BAD_PHOTO,
        _("Reading it took longer than is allowed here."),
        _("Save a smaller copy as JPEG and try again."),
    ),
    "probe.erased": (
        _("The probe photo was erased"),
        _("Probe photos are erased after their retention. The answer of the search stays."),
        _("Submit the photo again if the case may still search."),
    ),
    "search.unfinished": (
        _("This search did not come to its end"),
        _("It is in the log, but has no answer."),
        _("Run it again."),
    ),
    "photo.original_gone": (
        _("The photo is not there any more"),
        _("The original file cannot be read at the place where it was found."),
        _("Its caption, date and page are kept and stay on the list."),
    ),
}
# Why a face is not searched, by the code that `faces.quality` gives.
REFUSALS: dict[str, Text] = {
    "too_small": _("The face is too small."),
    "too_blurred": _("The face is too blurred."),
    "turned_away": _("The face is turned too far away."),
    "badly_lit": _("The face is too badly lit."),
    "too_dark": _("The face is too dark."),
    "too_bright": _("The face is too bright."),
    "not_a_face": _("It does not look like a face of a person."),
}
MISSING = Problem(
    _("This page does not exist"),
    _("Or it is not yours to see; both look the same from here."),
    glyph="part_glyph_missing.html",
)


def status_of(error: VultusError) -> int:
    """HTTP status: by class, but 404 for what cannot be found."""
    if isinstance(error, InputError) and error.code.endswith(".not_found"):
        return 404
    return STATUS[type(error)]


def problem_of(error: VultusError) -> Problem:
    """The words for an error."""
    if status_of(error) == 404:
        return MISSING
    title, message, hint = WORDS.get(error.code, (TITLES[type(error)], error.message, error.hint))
    if error.code.startswith("photo.") and isinstance(error, InputError):
        message = f"{message} {NOT_KEPT}"
    return Problem(title, message, hint, error.code, glyph=GLYPHS[type(error)])


def refusal_words(reason: str | None) -> str:
    """Why a face, or a photo among several, was not searched."""
    if not reason:
        return ""
    if reason in WORDS:
        return str(WORDS[reason][1])
    return str(REFUSALS.get(reason.removeprefix("quality."), reason))


def show_problem(request: HttpRequest, problem: Problem, status: int) -> HttpResponse:
    case = getattr(request, "case_answer", None)  # set by a view that knows its case
    context = {"problem": problem, "case": case}
    return HttpResponse(render_to_string("problem.html", context, request), status=status)


class ProblemMiddleware:
    """Turns what a view raises into a page; a mistake of ours shows only a number."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if not isinstance(error, VultusError):
            return None  # Django's own 404, or handler500 below
        status = status_of(error)
        if status >= 500:
            logger.error("%s %s", error.code, error.message)
        return show_problem(request, problem_of(error), status)


def too_large(request: HttpRequest) -> HttpResponse:
    """For a request that was ended before its body was read."""
    title, message, hint = WORDS["photo.too_many_bytes"]
    problem = Problem(title, f"{message} {NOT_KEPT}", hint, "photo.too_many_bytes")
    return show_problem(request, problem, 413)


def csrf_failed(request: HttpRequest, reason: str = "") -> HttpResponse:  # noqa: ARG001 - Django's
    problem = Problem(
        _("This form is too old"),
        _("It did not come from the page as it is now. Nothing was done."),
        _("Load the page again and repeat what you did."),
        "form.stale",
        glyph="part_glyph_refused.html",
    )
    return show_problem(request, problem, 403)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    problem = Problem(_("This request cannot be read"), code="request.malformed")
    if isinstance(exception, DisallowedHost):
        problem = Problem(
            _("This address is not served"),
            _("Vultus answers only under the host names that its operator has set."),
            _("The operator adds this one to `web_hosts` in vultus.toml and starts again."),
            "request.host",
        )
    return show_problem(request, problem, 400)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 - Django's
    return show_problem(request, MISSING, 403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 - Django's
    return show_problem(request, MISSING, 404)


def server_error(request: HttpRequest) -> HttpResponse:
    """The page of a mistake of ours; its places go to the log under its number, no values do."""
    number = secrets.token_hex(4)
    kind, _error, trace = sys.exc_info()
    places = "".join(traceback.format_tb(trace))
    name = kind.__name__ if kind else "?"
    logger.error("mistake %s at %s %s: %s\n%s", number, request.method, request.path, name, places)
    problem = Problem(
        _("Something went wrong here"),
        _("It is a mistake of the software, not yours."),
        _("Give the number to the operator, who finds it in the server's log."),
        number=number,
    )
    return show_problem(request, problem, 500)

"""What a request may be: how long, and from which address it comes."""

import ipaddress
from collections.abc import Callable, Mapping

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.urls import Resolver404, resolve

from vultus.web.config import FORM_BYTES_MAX
from vultus.web.problem import too_large

TAKES_PHOTO = {"receive_probe"}
# A browser shows an answer only once it has sent its request. What it still sends is read and
# forgotten up to this; beyond, the connection simply ends.
DRAINED_BYTES_MAX = 2**20
DRAINED_PHOTOS_MAX = 4  # of the largest photo, from somebody who is logged in
CHUNK = 2**20


class LengthMiddleware:
    """Ends a request that is too long before its body is read into memory."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        try:
            length = int(request.META.get("CONTENT_LENGTH") or 0)
        except ValueError:
            length = 0  # Django reads nothing then
        photo = takes_photo(request.path_info)
        photo_bytes_max = int(settings.FILE_UPLOAD_MAX_MEMORY_SIZE)
        if length <= (photo_bytes_max if photo else FORM_BYTES_MAX):
            return self.get_response(request)
        known = photo and settings.SESSION_COOKIE_NAME in request.COOKIES
        drain(request, DRAINED_PHOTOS_MAX * photo_bytes_max if known else DRAINED_BYTES_MAX, length)
        return too_large(request)


def takes_photo(path: str) -> bool:
    """Whether the page at `path` takes more than a form's texts."""
    try:
        return resolve(path).url_name in TAKES_PHOTO
    except Resolver404:
        return False


def drain(request: HttpRequest, bytes_max: int, length: int) -> None:
    left = min(length, bytes_max)
    while left > 0 and (chunk := request.read(min(left, CHUNK))):
        left -= len(chunk)


def client_address(meta: Mapping[str, str], *, behind_proxy: bool) -> str:
    """The address that guessing of passwords is counted by.

    Behind our own proxy it is the last of X-Forwarded-For, which that proxy has added itself;
    what stands before it may be anything that the client wrote.
    """
    direct = meta.get("REMOTE_ADDR", "")
    if not behind_proxy:
        return direct
    last = meta.get("HTTP_X_FORWARDED_FOR", "").rpartition(",")[2].strip()
    try:
        return str(ipaddress.ip_address(last))
    except ValueError:
        return direct

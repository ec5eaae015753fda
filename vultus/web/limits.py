"""A request that is too long ends before its body is read."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.urls import Resolver404, resolve

from vultus.web.config import FORM_BYTES_MAX
from vultus.web.problem import too_large

TAKES_PHOTO = {"receive_probe"}
# A browser shows an answer only once it has sent its request: what it still sends is read and
# forgotten, up to this. Beyond, the connection simply ends.
DRAINED_BYTES_MAX = 512 * 2**20
CHUNK = 2**20


class LengthMiddleware:
    """Only the page that takes a photo takes more than a form's texts."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        try:
            length = int(request.META.get("CONTENT_LENGTH") or 0)
        except ValueError:
            length = 0  # Django reads nothing then
        if length <= bytes_max(request.path_info):
            return self.get_response(request)
        drain(request, length)
        return too_large(request)


def bytes_max(path: str) -> int:
    """The longest body that the page at `path` takes, bytes."""
    try:
        takes_photo = resolve(path).url_name in TAKES_PHOTO
    except Resolver404:
        takes_photo = False
    return int(settings.FILE_UPLOAD_MAX_MEMORY_SIZE) if takes_photo else FORM_BYTES_MAX


def drain(request: HttpRequest, length: int) -> None:
    left = min(length, DRAINED_BYTES_MAX)
    while left > 0 and (chunk := request.read(min(left, CHUNK))):
        left -= len(chunk)

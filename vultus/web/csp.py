"""Headers of every answer: what the page may load, and that nothing of it is kept."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase
from whitenoise.responders import Headers

POLICY = "; ".join(
    [
        "default-src 'none'",
        "img-src 'self' blob:",
        "style-src 'self'",
        "script-src 'self'",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    ]
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Same-origin, not none: Django's CSRF check over TLS reads the Referer of our own forms.
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "X-Robots-Tag": "noindex, nofollow",
}
NEVER_KEPT = "no-store"


class HeadersMiddleware:
    """First in the chain, so that error pages and redirects carry the headers too."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        for name, value in HEADERS.items():
            response[name] = value
        response["Cache-Control"] = NEVER_KEPT
        if request.is_secure():
            response["Strict-Transport-Security"] = "max-age=31536000"
        return response


def static_headers(headers: Headers, _path: str, _url: str) -> None:
    """For whitenoise: style sheet, script and font carry the same headers, but may be kept."""
    for name, value in HEADERS.items():
        headers[name] = value

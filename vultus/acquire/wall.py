"""Is an answer a log-in wall: a demand for a name and a password where a page was asked for?

What stands behind one is not for us, and nothing here gets past it. Each rule is careful to leave
alone a page that has a small log-in form beside what it is about.

wall.unauthorised  401 (RFC 9110 section 15.5.2)
wall.payment       402
wall.forbidden     403 that names a way to log in (WWW-Authenticate)
wall.proxy         407
wall.network       511, the network itself asks (RFC 6585 section 6)
wall.redirect      a redirect to a place to log in
wall.login_page    a place to log in, to which one is sent or which asks for a password
wall.form          a page of little else than a form that asks for a password
"""

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from vultus.acquire.linked import linked
from vultus.acquire.tags import Tag, pieces

MAX_PAGE_BYTES = 1024 * 1024
MAX_TEXT_BESIDE = 400  # characters that a page may show beside its form and still be only that
MAX_PICTURES_BESIDE = 1  # a logo

_STATUSES = {
    401: "wall.unauthorised", 402: "wall.payment", 407: "wall.proxy", 511: "wall.network",
}  # fmt: skip
_LOG_IN_SEGMENTS = {
    "login", "log-in", "log_in", "logon", "log-on", "signin", "sign-in", "sign_in", "wp-login",
    "userlogin", "user-login", "user_login", "member-login", "auth", "authorize", "authenticate",
    "sso", "saml", "inloggen", "aanmelden", "connexion", "se-connecter", "identification",
    "anmelden", "einloggen", "anmeldung", "accedi", "acceder", "iniciar-sesion", "entrar",
    "logowanie", "logga-in",
}  # fmt: skip
_LOG_IN_LABELS = {"login", "signin", "auth", "sso", "idp"}
_RETURN = re.compile(
    r"(?:^|[&;])(?:next|return|returnto|return_to|returnurl|return_url|redirect|redirect_to"
    r"|redirect_uri|redirecturl|continue|dest|destination|goto|target|service|back|backurl|from"
    r"|ref|referer|url)=",
    re.IGNORECASE,
)
_BESIDE = {"header", "nav", "aside", "footer", "dialog", "template"}
_VOID = {"input", "img", "br", "hr", "meta", "link", "source", "area", "base", "col", "embed",
         "track", "wbr"}  # fmt: skip
_CONTENT = {"article", "figure", "video"}


def is_login_wall(
    url: str, status: int, headers: Iterable[tuple[str, str]], body: bytes
) -> str | None:
    """The rule by which this answer is a log-in wall, as in the table above; None where it is none.

    `url` is the one that answered, after all redirects; names of `headers` are in lower case.
    Raises nothing.
    """
    fields = dict(reversed(list(headers)))  # of several the first counts
    if status in _STATUSES:
        return _STATUSES[status]
    if status == 403 and "www-authenticate" in fields:
        return "wall.forbidden"
    if 300 <= status < 400 and "location" in fields:
        to = linked(url, fields["location"])
        return "wall.redirect" if to is not None and is_login_place(to) else None
    if status != 200 or "html" not in fields.get("content-type", "text/html").lower():
        return None
    page = _Page()
    for piece in pieces(body[:MAX_PAGE_BYTES].decode("utf-8", "replace")):
        page.take(piece)
    if is_login_place(url) and (page.asks or _RETURN.search(url.partition("?")[2])):
        return "wall.login_page"
    return "wall.form" if page.is_little_else and len(body) <= MAX_PAGE_BYTES else None


def is_login_place(url: str) -> bool:
    """Whether a URL names a place to log in: its last two segments, or the host's first label."""
    try:
        parts = urlsplit(url.lower())
        label = (parts.hostname or "").partition(".")[0]
    except ValueError:
        return False
    segments = [segment for segment in parts.path.split("/") if segment][-2:]
    names = {re.split("[.;]", segment, maxsplit=1)[0] for segment in segments}
    return label in _LOG_IN_LABELS or bool(names & _LOG_IN_SEGMENTS)


class _Page:
    """What a page shows: `asks` is whether a form of its main part asks for a password."""

    def __init__(self) -> None:
        self.asks = self.has_content = False
        self.n_characters = self.n_pictures = 0
        self.n_forms = 0  # that are open
        self.aside: str | None = None  # the element of which all is beside the main part
        self.aside_depth = 0
        self.in_title = False

    @property
    def is_little_else(self) -> bool:
        return (
            self.asks
            and not self.has_content
            and self.n_characters <= MAX_TEXT_BESIDE
            and self.n_pictures <= MAX_PICTURES_BESIDE
        )

    def take(self, piece: Tag | str) -> None:
        if isinstance(piece, str):
            if not self.n_forms and self.aside is None and not self.in_title:
                self.n_characters += len("".join(piece.split()))
            return
        name = piece.name
        if self.aside is not None:
            if name == self.aside:
                self.aside_depth += -1 if piece.closes else 1
            if not self.aside_depth:
                self.aside = None
        elif not piece.closes and name not in _VOID and _is_beside(piece):
            self.aside, self.aside_depth = name, 1
        else:
            self.take_main(piece)

    def take_main(self, tag: Tag) -> None:
        if tag.name == "form":
            self.n_forms = max(0, self.n_forms + (-1 if tag.closes else 1))
        elif tag.name == "title":
            self.in_title = not tag.closes
        elif tag.name in _CONTENT:
            self.has_content = True
        elif tag.name == "img" and not self.n_forms:
            self.n_pictures += 1
        elif tag.name == "input" and tag.attributes.get("type", "").strip().lower() == "password":
            self.asks = True


def _is_beside(tag: Tag) -> bool:
    """Whether an element is not the page's main part, or is not shown."""
    attributes = tag.attributes
    return (
        tag.name in _BESIDE
        or "hidden" in attributes
        or attributes.get("aria-hidden", "").strip().lower() == "true"
        or attributes.get("role", "").strip().lower() in {"dialog", "banner", "navigation"}
        or "display:none" in "".join(attributes.get("style", "").lower().split())
    )

"""What a source must show before it is registered: entitlement, kind, place and hosts."""

import os
from datetime import date
from pathlib import Path
from urllib.parse import urlsplit

from vultus.acquire.allowed import AllowList
from vultus.acquire.folder import path_text
from vultus.acquire.forbidden import refuse_forbidden_host
from vultus.acquire.reader import first_link, web_kinds
from vultus.acquire.url import parse_url
from vultus.actions.answers import Terms
from vultus.actions.case import today
from vultus.errors import InputError

FOLDER = "folder"
NAME_LENGTH_MAX = 200
PREFIX_LENGTH_MAX = 1000
TEXT_LENGTH_MAX = 1000
REVISIT_DAYS = 7
REVISIT_DAYS_MAX = 3650
BUDGET_MAX = 10**12


def check_entitlement(texts: dict[str, str], expires: date | None) -> None:
    """Every text is there and of reasonable length, and the entitlement still runs."""
    for key, text in texts.items():
        if not 1 <= len(text) <= NAME_LENGTH_MAX * (5 if key == "legal_basis" else 1):
            raise InputError(
                "source.incomplete",
                f"A source needs a {key.replace('_', ' ')} of reasonable length.",
                "No source without entitlement: say on what legal basis its photos are held.",
            )
    if expires is not None and expires < today():
        raise InputError(
            "source.expires_in_the_past", "The entitlement has expired already.", "Renew it first."
        )


def check_kind(kind: str) -> None:
    known = (FOLDER, *web_kinds())
    if kind not in known:
        raise InputError(
            "source.kind",
            f"A source of kind {kind} cannot be visited by this version.",
            f"Known kinds: {', '.join(known)}.",
        )


def folder_location(location: str) -> str:
    """The folder's absolute path. Raises InputError `source.no_folder`, `source.location`."""
    path = Path(os.path.abspath(location))  # noqa: PTH100 - `..` goes, links stay as given
    if path_text(path) != str(path):
        raise InputError(
            "source.location",
            "The path of the folder is not UTF-8.",
            "Rename the folder or name it by a link; what lies in it may have any name.",
        )
    if not path.is_dir():
        raise InputError(
            "source.no_folder", f"{location} is not a folder.", "Give a folder that can be read."
        )
    return str(path)


def check_prefix(kind: str, prefix: str | None) -> None:
    """Raises InputError `source.page_url_prefix`."""
    if prefix is None:
        return
    if kind != FOLDER:
        raise InputError(
            "source.page_url_prefix",
            "Only a folder has a page address prefix.",
            "Leave it out: what is found on the web has its own pages.",
        )
    parts = urlsplit(prefix)
    proper = parts.scheme in {"http", "https"} and parts.netloc and not parts.username
    if not proper or len(prefix) > PREFIX_LENGTH_MAX:
        raise InputError(
            "source.page_url_prefix",
            "The page address prefix is not an http or https address.",
            "For instance https://archive.example/photos/ .",
        )


def check_terms(kind: str, terms: Terms) -> Terms:
    """The terms with texts stripped and the default filled in. Raises InputError `source.terms`."""
    licence, contact = (t and t.strip() for t in (terms.licence, terms.contact))
    if any(t is not None and not 1 <= len(t) <= TEXT_LENGTH_MAX for t in (licence, contact)):
        raise unusable_terms("Licence and contact are texts of reasonable length.")
    if kind == FOLDER:
        if terms != Terms(terms.licence, terms.contact):
            raise unusable_terms("A folder has neither budgets nor an interval of visits.")
        return Terms(licence, contact)
    days = REVISIT_DAYS if terms.revisit_days is None else terms.revisit_days
    budgets = (terms.photos_max, terms.requests_max, terms.bytes_max)
    if not 0 <= days <= REVISIT_DAYS_MAX:
        raise unusable_terms(f"A source is visited every 0 to {REVISIT_DAYS_MAX} days.")
    if not all(budget is None or 1 <= budget <= BUDGET_MAX for budget in budgets):
        raise unusable_terms("A budget is a whole number above 0.")
    return Terms(licence, contact, days, *budgets)


def unusable_terms(what: str) -> InputError:
    return InputError("source.terms", what, "See `vultus source add --help`.")


def place_of(kind: str, location: str, allow_hosts: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """A source's location in one spelling, and the hosts that it may ask.

    Raises InputError `source.hosts_of_a_folder`, `source.host_of_location`, RefusedError
    `source.forbidden_host`, and what `folder_location`, `AllowList.of`, `parse_url` and
    `first_link` raise.
    """
    if kind == FOLDER:
        if allow_hosts:
            raise InputError(
                "source.hosts_of_a_folder",
                "A folder has no hosts to allow.",
                "Leave --allow-host out for a folder.",
            )
        return folder_location(location), ()
    url = parse_url(location.strip())
    allowed = AllowList.of(allow_hosts) if allow_hosts else AllowList.only(url)
    if not allowed.covers(url):
        raise InputError(
            "source.host_of_location",
            f"The location is at {url.authority}, which is not among the hosts that are allowed.",
            f"Name it too: --allow-host {url.authority} .",
        )
    for host in allowed.names:
        refuse_forbidden_host(host)
    first_link(kind, url.text)
    return url.text, allowed.hosts

"""The OAI-PMH connector: the records of a repository, page by page, and those it has deleted.

OAI-PMH 2.0 sections 2.5 (deleted records), 2.7 (selective harvesting), 3.3 (dates), 3.5 (flow
control), 3.6 (errors) and 4. The reader is ours: oaipmh-scythe asks for what it reads itself, and
here nothing is asked for but by the one who keeps to the permit.
"""

import re
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import parse_qsl, quote, urlencode, urlsplit
from xml.etree.ElementTree import Element  # the type only: parsing is defusedxml's

from vultus.acquire.document import read_xml
from vultus.acquire.found import Found, Item, Link, Role
from vultus.acquire.linked import linked
from vultus.acquire.oai_metadata import photos_of
from vultus.errors import InputError, UnavailableError

MAX_RECORDS = 50_000  # of one answer
MAX_PHOTOS = 50_000
MAX_IDENTIFIER = 2_000  # characters
MAX_TOKEN = 4_000
OAI = "{http://www.openarchives.org/OAI/2.0/}"
_ARGUMENTS = {"verb", "identifier", "metadataPrefix", "from", "until", "set", "resumptionToken"}
_PREFIX = re.compile(r"[A-Za-z0-9_.!~*'()-]{1,100}")
_SET = re.compile(r"[A-Za-z0-9_.!~*'():-]{1,500}")
_ERROR = re.compile(r"[A-Za-z]{1,40}")


def start_url(base: str) -> str:
    """The first URL to ask for: Identify, whose answer `read_oai` makes into the list of records.

    Raises InputError `oai.location` for a base that is no http or https URL.
    """
    return with_arguments(base, {"verb": "Identify"})


def first_url(location: str) -> str:
    """The first URL to ask for, of a repository's base URL, to which `set` and `metadataPrefix`
    may be added: then it is the list of those records, else as `start_url`.

    Raises InputError `oai.location`.
    """
    try:
        asked = dict(parse_qsl(urlsplit(location).query))
    except ValueError:  # brackets that hold no address
        asked = {}
    set_spec, prefix = asked.get("set"), asked.get("metadataPrefix")
    if set_spec is None and prefix is None:
        return start_url(location)
    return list_url(location, None, set_spec, prefix or "oai_dc", to_the_second=False)


def list_url(
    base: str, since: datetime | None, set_spec: str | None, prefix: str, *, to_the_second: bool
) -> str:
    """The URL of the records that were made, changed or deleted from `since` on, inclusive.

    `from` is written to the second or the day, as the repository keeps its dates (section 3.3.1);
    what was told of at that moment or day is told again, with the same `version`.
    Raises InputError `oai.location`, ValueError for a `since` without a zone.
    """
    if _PREFIX.fullmatch(prefix) is None or (set_spec and _SET.fullmatch(set_spec) is None):
        raise InputError(
            "oai.location",
            "The metadata prefix or the set is none that OAI-PMH allows.",
            "Give the prefix as in ListMetadataFormats and the set as in ListSets.",
        )
    arguments = {"verb": "ListRecords", "metadataPrefix": prefix}
    if since is not None:
        if since.tzinfo is None:
            raise ValueError("expected a time with its zone")
        form = "%Y-%m-%dT%H:%M:%SZ" if to_the_second else "%Y-%m-%d"
        arguments["from"] = since.astimezone(UTC).strftime(form)
    if set_spec:
        arguments["set"] = set_spec
    return with_arguments(base, arguments)


def with_arguments(base: str, arguments: dict[str, str]) -> str:
    """The base URL with these arguments and without those of OAI-PMH that it had."""
    try:
        parts = urlsplit(base)
    except ValueError:  # brackets that hold no address
        parts = urlsplit("")
    kept = [(key, value) for key, value in parse_qsl(parts.query) if key not in _ARGUMENTS]
    written = urlencode([*kept, *arguments.items()], quote_via=quote, safe="")
    url = linked("", parts._replace(query=written, fragment="").geturl())
    if url is None:
        raise InputError(
            "oai.location",
            "The address of the repository is no URL that can be asked for.",
            "Give its base URL, such as https://HOST/oai.",
        )
    return url


def read_oai(
    url: str,
    body: bytes,
    since: datetime | None,
    set_spec: str | None = None,
    prefix: str = "oai_dc",
) -> Found:
    """What an answer to Identify, ListRecords or GetRecord at `url` tells.

    Identify: a link to the list of records from `since` on, of this set, in this format. A list:
    the photos of its records (`origin` is the record's identifier, `version` its datestamp), `gone`
    for records that are deleted or tell of no photo, and a link for the next part by its
    resumption token. noRecordsMatch is an empty answer. A repository that does not keep deleted
    records (`deletedRecord` in Identify) tells of them only by leaving them out of a whole list.

    Raises InputError `oai.unreadable` for everything else, and UnavailableError `oai.error` where
    the repository answers with an error or with the token that it was asked with.
    """
    try:
        root = read_xml(body)
    except ValueError as error:
        raise unreadable(f"The answer cannot be read: {error}.") from error
    if root.tag != f"{OAI}OAI-PMH":
        raise unreadable("The answer is none of OAI-PMH 2.0.")
    codes = [error.get("code", "") for error in root.findall(f"{OAI}error")]
    if codes and set(codes) == {"noRecordsMatch"}:
        return Found()
    if codes:
        raise unavailable(", ".join(c if _ERROR.fullmatch(c) else "unknown" for c in codes[:5]))
    identify = root.find(f"{OAI}Identify")
    if identify is not None:
        granularity = (identify.findtext(f"{OAI}granularity") or "").strip()
        first = list_url(url, since, set_spec, prefix, to_the_second="hh:mm:ss" in granularity)
        return Found(links=(Link(Role.OAI, first),))
    for verb in ("ListRecords", "GetRecord"):
        listed = root.find(f"{OAI}{verb}")
        if listed is not None:
            return records(url, listed)
    raise unreadable("The answer holds no records.")


def records(url: str, listed: Element) -> Found:
    """The photos of the records, those that are gone, and the next part."""
    photos: list[Item] = []
    gone: list[str] = []
    for n, record in enumerate(listed.findall(f"{OAI}record")):
        header = record.find(f"{OAI}header")
        if header is None:
            continue
        identifier = (header.findtext(f"{OAI}identifier") or "").strip()[:MAX_IDENTIFIER]
        version = (header.findtext(f"{OAI}datestamp") or "").strip()[:MAX_IDENTIFIER]
        metadata = record.find(f"{OAI}metadata")
        told = [] if header.get("status") == "deleted" else photos_of(url, metadata)
        photos += [replace(p, origin=identifier or None, version=version or None) for p in told]
        if identifier and not told:
            gone.append(identifier)
        if n >= MAX_RECORDS or len(photos) > MAX_PHOTOS:
            raise unreadable("The answer holds more records or photos than are read.")
    following = next_part(url, listed)
    return Found(tuple(photos), (Link(Role.OAI, following),) if following else (), tuple(gone))


def next_part(url: str, listed: Element) -> str | None:
    """The URL that goes on with the list; an empty token ends it (section 3.5)."""
    token = (listed.findtext(f"{OAI}resumptionToken") or "").strip()
    if not token:
        return None
    if len(token) > MAX_TOKEN:
        raise unreadable(f"The resumption token is longer than {MAX_TOKEN} characters.")
    if ("resumptionToken", token) in parse_qsl(urlsplit(url).query):
        raise unavailable("the same resumption token again")
    return with_arguments(url, {"verb": "ListRecords", "resumptionToken": token})


def unreadable(what: str) -> InputError:
    return InputError("oai.unreadable", what, "Give the base URL of an OAI-PMH 2.0 repository.")


def unavailable(what: str) -> UnavailableError:
    return UnavailableError(
        "oai.error",
        f"The repository answers with an error: {what}.",
        "Nothing was changed. Visit the source again later; the list begins anew.",
    )

"""The Wikimedia Commons connector: the files of a category, by the MediaWiki API.

API:Categorymembers, API:Imageinfo, API:Continue, API:Etiquette and Manual:Maxlag of mediawiki.org,
Extension:CommonsMetadata. The reader is ours: mwclient and pywikibot ask for what they read
themselves, and here nothing is asked for but by the one who keeps to the permit, one request at a
time. A file that leaves the category, or is deleted, is told of no longer; no list says so.
"""

import re
from collections.abc import Mapping
from math import ceil
from urllib.parse import parse_qs, parse_qsl, quote, unquote, urlencode, urlsplit

from vultus.acquire.archive_date import written_date
from vultus.acquire.document import mappings, read_json, text_of
from vultus.acquire.found import Beside, Found, Item, Link, Role
from vultus.acquire.linked import linked
from vultus.acquire.url import parse_url
from vultus.acquire.wording import language_tag, plain_text
from vultus.errors import InputError, RefusedError, UnavailableError
from vultus.faces.dates import Date, read_date

API = "https://commons.wikimedia.org/w/api.php"
MAX_PAGES = 5_000  # of one answer; the API gives at most 500
MAX_CONTINUE = 1_000  # characters
WAIT_S = 5  # at least, where the servers lag (Manual:Maxlag)
RATE_WAIT_S = 60  # where requests were too many and no time is named
BITMAPS = {"image/jpeg", "image/png", "image/gif", "image/webp", "image/tiff"}
_ASKED = {
    "action": "query",
    "format": "json",
    "formatversion": "2",
    "maxlag": "5",
    "generator": "categorymembers",
    "gcmtitle": "",
    "gcmtype": "file",
    "gcmlimit": "50",
    "prop": "imageinfo|info",
    "iiprop": "url|sha1|mime|size|timestamp|extmetadata",
    "iiextmetadatalanguage": "en",
    "iiextmetadatafilter": "ObjectName|ImageDescription|Artist|Attribution|Credit"
    "|LicenseShortName|LicenseUrl|UsageTerms|DateTimeOriginal|Restrictions",
}
_FILE, _CATEGORY = 6, 14  # namespaces
_NO_TITLE = re.compile(r"[#<>\[\]|{}\x00-\x1f\x7f\ufffd\ud800-\udfff]")
_CODE = re.compile(r"[a-z][a-z0-9_-]{0,60}", re.IGNORECASE)
_LANGUAGE = re.compile(r"""\blang=["']([A-Za-z0-9-]{1,35})["']""")
_DATETIME = re.compile(r"""<time\b[^<>]*\bdatetime=["']([0-9TZ:+. -]{4,40})["']""")
# The date as the template gives it to Wikidata, with its precision: year, month or day. What
# follows it qualifies it (about, before), so that it is not known.
_STATEMENT = re.compile(r"date QS:P[0-9]+,\+([0-9]{4}-[0-9]{2}-[0-9]{2})T00:00:00Z/(9|10|11)(?!,)")
Resource = Mapping[str, object]


def start_url(category: str, *, subcategories: bool = False) -> str:
    """The first URL to ask for, of a category's name, with or without `Category:`, or of its page.

    The page may be of another wiki that has the same paths. With `subcategories` the categories
    within are told as links, and those within them: a caller must stop somewhere, since Commons'
    categories are deep and run in circles. Raises InputError `commons.category`.
    """
    api, title = API, category.strip()
    if title.lower().startswith(("http://", "https://")):
        try:
            url = parse_url(title)
        except (InputError, RefusedError) as error:
            raise no_category() from error
        path, _, arguments = url.path.partition("?")
        host = url.authority.replace("commons.m.wikimedia.org", "commons.wikimedia.org")
        api = f"{url.scheme}://{host}/w/api.php"
        named = parse_qs(arguments).get("title", [""])[0]
        title = unquote(path.removeprefix("/wiki/")) if path.startswith("/wiki/") else named
        if not title.lower().startswith("category:"):
            raise no_category()
    return category_url(api, title, subcategories=subcategories)


def category_url(api: str, title: str, *, subcategories: bool) -> str:
    if title.lower().startswith("category:"):
        title = title[len("category:") :]
    name = " ".join(title.replace("_", " ").split())
    if not name or len(name.encode(errors="replace")) > 255 or _NO_TITLE.search(name):
        raise no_category()
    kinds = "file|subcat" if subcategories else "file"
    asked = _ASKED | {"gcmtitle": f"Category:{name}", "gcmtype": kinds}
    return parse_url(f"{api}?{urlencode(asked, quote_via=quote, safe='')}").text


def read_commons(url: str, body: bytes) -> Found:
    """What an answer to `url` tells: the category's bitmaps, and the URL that goes on with it.

    `origin` and `page_url` are the file's page; `version` changes with the file and with its page.
    Files that are hidden, deleted or missing are `gone` by their page. Raises InputError
    `commons.unreadable` for what is no answer of the API, UnavailableError `commons.lagged` with
    the seconds to wait in its message where the servers lag or requests were too many, and
    `commons.error` for other errors.
    """
    try:
        answer = read_json(body)
    except ValueError as error:
        raise unreadable(f"The answer cannot be read: {error}.") from error
    if not isinstance(answer, dict):
        raise unreadable("The answer is no JSON object.")
    raise_error(answer)
    if not {"query", "batchcomplete", "continue"} & set(answer):
        raise unreadable("The answer is none of the MediaWiki API.")
    lists = [mappings(part.get("pages")) for part in mappings(answer.get("query"))]
    pages = [page for listed in lists for page in listed]
    if len(pages) > MAX_PAGES:
        raise unreadable(f"The answer has more than {MAX_PAGES} pages.")
    photos: list[Item] = []
    links: list[Link] = []
    gone: list[str] = []
    for page in pages:
        place = page_url(url, text_of(page, "title"))
        infos = mappings(page.get("imageinfo"))
        if page.get("ns") == _CATEGORY and "subcat" in argument(url, "gcmtype"):
            within = subcategory(url, text_of(page, "title"))
            links += [Link(Role.COMMONS, within)] if within else []
        elif page.get("missing") or any(i.get("filehidden") or i.get("filemissing") for i in infos):
            gone += [place] if place else []
        elif page.get("ns") == _FILE and infos:
            photo = photo_of(url, page, infos[0], place)
            photos += [photo] if photo else []
    following = continued(url, answer)
    links += [Link(Role.COMMONS, following)] if following else []
    return Found(tuple(photos), tuple(links), tuple(gone))


def raise_error(answer: Resource) -> None:
    """Raise what the API says to be wrong, in its old and its new form."""
    for error in (*mappings(answer.get("error")), *mappings(answer.get("errors"))):
        code = text_of(error, "code")
        lags = [part.get("lag") for part in (error, *mappings(error.get("data")))]
        wait = {"maxlag": WAIT_S, "ratelimited": RATE_WAIT_S}.get(code)
        if wait is not None:
            for lag in lags:
                if isinstance(lag, int | float) and 0 < lag < 86_400:
                    wait = max(wait, ceil(lag))
            raise UnavailableError(
                "commons.lagged",
                f"The servers of the wiki are busy and ask to wait {wait} seconds.",
                "Nothing was changed. Visit the source again after that time.",
            )
        raise UnavailableError(
            "commons.error",
            f"The wiki answers with an error: {code if _CODE.fullmatch(code) else 'unknown'}.",
            "Nothing was changed. See whether the category is there, and visit it again later.",
        )


def photo_of(url: str, page: Resource, info: Resource, place: str | None) -> Item | None:
    """The photo of a page of a file; None for what is no bitmap."""
    image = linked(url, text_of(info, "url"))
    if image is None or text_of(info, "mime") not in BITMAPS:
        return None
    shown = linked(url, text_of(info, "descriptionurl")) or place
    version = f"{text_of(info, 'sha1')[:64]}/{page.get('lastrevid', '')}"[:100].strip("/")
    return Item(image, shown, version=version or None, origin=shown, beside=beside(page, info))


def beside(page: Resource, info: Resource) -> Beside:
    """What the page of the file says, as Extension:CommonsMetadata reads it."""
    said = {
        name: text_of(part, "value")
        for listed in mappings(info.get("extmetadata"))
        for name, part in listed.items()
        if isinstance(part, dict)
    }

    def plain(*names: str) -> str | None:
        return next((text for name in names if (text := plain_text(said.get(name, "")))), None)

    title = text_of(page, "title").partition(":")[2].rpartition(".")[0]
    caption = plain("ImageDescription")
    spoken = _LANGUAGE.search(said.get("ImageDescription", "")[:10_000]) if caption else None
    date = date_of(said.get("DateTimeOriginal", "")[:10_000])
    return Beside(
        title=plain("ObjectName") or plain_text(title) or None,
        caption=caption,
        caption_source="commons:ImageDescription" if caption else None,
        credit=plain("Attribution", "Artist", "Credit"),
        licence=licence(plain("LicenseShortName", "UsageTerms"), plain("LicenseUrl"),
                        plain("Restrictions")),
        date=date.text if date else None,
        date_precision=date.precision if date else None,
        date_source="commons:DateTimeOriginal" if date else None,
        language=language_tag(spoken[1]) if spoken else None,
    )  # fmt: skip


def licence(name: str | None, address: str | None, restrictions: str | None) -> str | None:
    """Name and URL; then what restricts the use besides, such as the rights of who is shown."""
    parts = [part for part in (name, address) if part]
    if restrictions:
        parts.append(f"restrictions: {restrictions.replace('|', ', ')}")
    return "; ".join(parts) or None


def date_of(markup: str) -> Date | None:
    """As it is shown, else as it is marked up for programs."""
    shown = written_date(plain_text(markup))
    if shown is not None:
        return shown
    marked = _DATETIME.search(markup)
    if marked is not None:
        return read_date(marked[1])
    statement = _STATEMENT.search(markup)
    if statement is None:
        return None
    return read_date(statement[1][: {"9": 4, "10": 7, "11": 10}[statement[2]]])


def page_url(url: str, title: str) -> str | None:
    """The page of a title as the wiki spells it, on the host of `url`."""
    if not title or _NO_TITLE.search(title):
        return None
    return linked(url, f"/wiki/{quote(title.replace(' ', '_'), safe=';@$!*(),/~:')}")


def subcategory(url: str, title: str) -> str | None:
    try:
        return category_url(url.partition("?")[0], title, subcategories=True)
    except InputError:
        return None


def argument(url: str, name: str) -> str:
    return parse_qs(urlsplit(url).query).get(name, [""])[0]


def continued(url: str, answer: Resource) -> str | None:
    """The URL with what the answer says to add to the first one; None where it is complete."""
    added = {
        key: value
        for part in mappings(answer.get("continue"))
        for key, value in part.items()
        if isinstance(value, str) and len(value) <= MAX_CONTINUE and key not in _ASKED
    }
    if not added:
        return None
    first = {key: value for key, value in parse_qsl(urlsplit(url).query) if key in _ASKED}
    written = urlencode(first | added, quote_via=quote, safe="", errors="replace")
    following = linked(url, f"?{written}")
    if following == url:
        raise unreadable("The answer leads to itself.")
    return following


def no_category() -> InputError:
    return InputError(
        "commons.category",
        "This is no category of a wiki.",
        "Give its name, or its address such as https://commons.wikimedia.org/wiki/Category:NAME.",
    )


def unreadable(what: str) -> InputError:
    return InputError("commons.unreadable", what, "See that the address is the API of a wiki.")

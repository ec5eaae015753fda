"""Every address: what it sends along, whom it lets in, and what it does with a wrong request."""
# ruff: noqa: F811 - a fixture that is imported is named again by every test

import ast
import re
from pathlib import Path
from urllib.parse import quote

import pytest
from web_home import PASSWORD, PHOTO_BYTES_MAX, Site, site  # noqa: F401 - a fixture

from vultus.settings import Settings
from vultus.web.config import django_settings
from vultus.web.csp import HEADERS
from vultus.web.limits import client_address

ROOT = Path(__file__).resolve().parents[1]
# One path of each route, with ids that belong to nothing.
ROUTES = {
    "start": "/",
    "log_in": "/log-in",
    "log_out": "/log-out",
    "set_language": "/language",
    "set_theme": "/theme",
    "cases": "/cases",
    "case_new": "/cases/new",
    "case": "/cases/999999",
    "approve_case": "/cases/999999/approve",
    "receive_probe": "/cases/999999/photo",
    "probe": "/probes/999999",
    "search_probe": "/probes/999999/search",
    "probe_photo": "/probes/999999/photo.jpg",
    "probe_face": "/probes/999999/face-1-pair.jpg",
    "search": "/searches/999999",
    "candidate": "/searches/999999/candidates/1",
    "photo": "/searches/999999/candidates/1/photo",
    "candidate_photo": "/searches/999999/candidates/1/photo.jpg",
    "candidate_face": "/searches/999999/candidates/1/face-large.jpg",
}
OPEN = {"log_in", "set_language", "set_theme"}  # need no log-in
CHANGES = {"log_out", "set_language", "set_theme", "approve_case", "receive_probe", "search_probe"}
NUMBERED = sorted(name for name, path in ROUTES.items() if "999999" in path)


def routes_of_the_source() -> set[str]:
    tree = ast.parse((ROOT / "vultus" / "web" / "urls.py").read_text())
    return {
        keyword.value.value
        for call in ast.walk(tree)
        if isinstance(call, ast.Call)
        for keyword in call.keywords
        if keyword.arg == "name" and isinstance(keyword.value, ast.Constant)
    }


def test_the_table_above_holds_every_route() -> None:
    assert routes_of_the_source() == set(ROUTES)


@pytest.mark.parametrize("path", [*ROUTES.values(), "/nothing", "/static/vultus.js", "/static/no"])
@pytest.mark.parametrize("name", [None, "Ilse Haddad"])
def test_every_answer_carries_the_headers(site: Site, path: str, name: str | None) -> None:
    answer = site.visitor(name).get(path)
    for header, value in HEADERS.items():
        assert answer.headers[header.lower()] == value
    assert "unsafe" not in answer.headers["content-security-policy"]
    kept = answer.status == 200 and path.startswith("/static/")
    assert answer.headers["cache-control"] == ("max-age=0, public" if kept else "no-store")


@pytest.mark.parametrize("name", sorted(set(ROUTES) - OPEN))
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_nothing_is_shown_without_a_log_in(site: Site, name: str, method: str) -> None:
    visitor = site.visitor()
    answer = visitor.get(ROUTES[name]) if method == "GET" else visitor.post(ROUTES[name])
    assert answer.status == 302
    assert answer.location.startswith("/log-in")
    assert not answer.body


@pytest.mark.parametrize("name", sorted(CHANGES))
def test_a_change_is_never_a_mere_visit(site: Site, name: str) -> None:
    assert site.visitor("Ilse Haddad").get(ROUTES[name]).status == 405


@pytest.mark.parametrize("name", sorted(CHANGES | {"log_in", "case_new"}))
def test_a_form_from_elsewhere_does_nothing(site: Site, name: str) -> None:
    answer = site.visitor("Ilse Haddad").post(ROUTES[name], token=False)
    assert answer.status == 403
    assert "This form is too old" in answer.text


@pytest.mark.parametrize("name", NUMBERED)
def test_what_does_not_exist_is_not_found(site: Site, name: str) -> None:
    visitor = site.visitor("Ilse Haddad")
    answer = visitor.post(ROUTES[name]) if name in CHANGES else visitor.get(ROUTES[name])
    assert answer.status == 404
    assert "This page does not exist" in answer.text


@pytest.mark.parametrize("path", ["/cases/" + "9" * 19, "/cases/-1", "/cases/1.0", "/cases/٣"])
def test_an_id_is_digits_that_fit_the_database(site: Site, path: str) -> None:
    assert site.visitor("Ilse Haddad").get(quote(path)).status == 404


@pytest.mark.parametrize(
    "target",
    ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "cases"],
)
def test_a_log_in_leads_nowhere_else(site: Site, target: str) -> None:
    answer = site.visitor().post("/log-in", name="Ilse Haddad", password=PASSWORD, next=target)
    assert (answer.status, answer.location) == (302, "/cases")
    for path in ("/language", "/theme"):
        answer = site.visitor().post(path, next=target, language="fr", theme="light")
        assert (answer.status, answer.location) == (302, "/")


def test_a_log_in_leads_to_the_page_that_was_asked_for(site: Site) -> None:
    asked = site.visitor().get("/cases/new").location
    assert asked == "/log-in?next=%2Fcases%2Fnew"
    page = site.visitor().get(asked)
    assert 'name="next" value="/cases/new"' in page.text


def test_a_session_is_strict_and_ends_at_the_server(site: Site) -> None:
    visitor = site.visitor()
    visitor.get("/log-in")
    before = dict(visitor.cookies)
    answer = visitor.post("/log-in", name="Ilse Haddad", password=PASSWORD)
    line = next(line for line in answer.cookies if line.startswith("vultus_session="))
    assert "HttpOnly" in line
    assert "SameSite=Strict" in line
    assert before.get("vultus_session") != visitor.cookies["vultus_session"]
    kept = dict(visitor.cookies)
    assert visitor.get("/cases").status == 200
    assert visitor.post("/log-out").location == "/log-in"
    visitor.cookies = kept  # a copy of the cookie is worth nothing after log-out
    assert visitor.get("/cases").status == 302


def test_a_wrong_password_does_not_say_whether_the_name_exists(site: Site) -> None:
    answers = [
        site.visitor().post("/log-in", name=name, password="wrong but long enough")
        for name in ("Ilse Haddad", "Nobody At All")
    ]
    pages = [
        re.sub(r'value="[^"]*"|\d\d:\d\d', "", answer.text) for answer in answers
    ]  # tokens and the name that was typed
    assert [answer.status for answer in answers] == [403, 403]
    assert pages[0] == pages[1]
    assert "Name or password is wrong" in answers[0].text


def test_guessing_is_slowed_down(site: Site) -> None:
    visitor = site.visitor()
    seen = [visitor.post("/log-in", name="Guessed", password="x" * 20).status for _ in range(6)]
    assert seen == [403] * 5 + [503]


def test_a_photo_that_is_too_large_is_ended_with_a_page(site: Site) -> None:
    visitor = site.visitor("Ilse Haddad")
    case = visitor.open_case()
    answer = visitor.upload(f"{case}/photo", site.probe("large.jpg"))
    assert answer.status == 413
    assert "This photo is too large" in answer.text


def test_only_the_photo_page_takes_a_photo(site: Site) -> None:
    visitor = site.visitor("Ilse Haddad")
    body = b"reference=" + b"x" * 100_000
    headers = visitor.token() | {"Content-Type": "application/x-www-form-urlencoded"}
    assert visitor.ask("POST", "/cases/new", body, headers).status == 413


def test_one_photo_a_request(site: Site) -> None:
    visitor = site.visitor("Ilse Haddad")
    case = visitor.open_case()
    two = (site.probe("enrolled.jpg"), site.probe("stranger.jpg"))
    assert visitor.upload(f"{case}/photo", *two).status == 400
    assert visitor.upload(f"{case}/photo").status == 400


def test_a_probe_photo_is_never_written_down_unsealed() -> None:
    made = django_settings(Settings(photo_bytes_max=PHOTO_BYTES_MAX))
    assert made["FILE_UPLOAD_HANDLERS"] == [
        "django.core.files.uploadhandler.MemoryFileUploadHandler"
    ]
    assert made["FILE_UPLOAD_MAX_MEMORY_SIZE"] >= PHOTO_BYTES_MAX
    assert made["DATA_UPLOAD_MAX_NUMBER_FILES"] == 1


def test_cookies_are_secure_behind_tls() -> None:
    plain, behind = (django_settings(Settings(web_over_tls=tls)) for tls in (False, True))
    assert (plain["SESSION_COOKIE_SECURE"], behind["SESSION_COOKIE_SECURE"]) == (False, True)
    assert (plain["CSRF_COOKIE_SECURE"], behind["CSRF_COOKIE_SECURE"]) == (False, True)
    assert behind["SECURE_PROXY_SSL_HEADER"] == ("HTTP_X_FORWARDED_PROTO", "https")
    assert "SECURE_PROXY_SSL_HEADER" not in plain


def test_a_host_that_is_not_ours_is_not_served(site: Site) -> None:
    answer = site.visitor().get("/log-in", Host="evil.example")
    assert answer.status == 400
    assert "<code>web_hosts</code>" in answer.text
    assert "vultus_csrf" not in "".join(answer.cookies)


def test_a_case_searches_only_when_it_is_approved(site: Site) -> None:
    visitor = site.visitor("Ilse Haddad")
    case = visitor.open_case(approve=False)
    page = visitor.get(case).text
    assert "Approve my own case" in page
    assert "drop-form" not in page
    answer = visitor.upload(f"{case}/photo", site.probe("enrolled.jpg"))
    assert answer.status == 403
    assert "This case is not approved" in answer.text
    other = site.visitor("Marit Vermeulen")
    assert "Approve the case" in other.get(case).text
    assert other.post(f"{case}/approve").location == case
    assert visitor.upload(f"{case}/photo", site.probe("enrolled.jpg")).status == 302


def test_a_bad_photo_says_why_and_what_to_do(site: Site) -> None:
    visitor = site.visitor("Ilse Haddad")
    case = visitor.open_case()
    answer = visitor.upload(f"{case}/photo", site.probe("letter.jpg"))
    assert answer.status == 400
    for words in ("This photo cannot be read", "It was not kept", "Take a JPEG", case):
        assert words in answer.text


def test_a_candidate_is_seen_only_through_the_search_that_found_it(site: Site) -> None:
    visitor = site.visitor("Ilse Haddad")
    case = visitor.open_case()
    search = visitor.upload(f"{case}/photo", site.probe("enrolled.jpg")).location
    found = re.findall(rf"{search}/candidates/(\d+)", visitor.get(search).text)
    assert found
    path = f"{search}/candidates/{found[0]}"
    for part in ("", "/photo", "/photo.jpg", "/face-pair.jpg", "/face-large.jpg"):
        answer = visitor.get(path + part)
        assert answer.status == 200, part
        assert answer.headers["content-type"].startswith(
            "image/jpeg" if part.endswith("jpg") else "text/html"
        )
    not_found = max(int(number) for number in found) + 1
    while str(not_found) in found:
        not_found += 1
    for part in ("", "/photo", "/photo.jpg", "/face-pair.jpg"):
        assert visitor.get(f"{search}/candidates/{not_found}{part}").status == 404
    for n in ("0", "2", "x", "-1", "99999999"):
        assert visitor.get(f"{search}?probe={n}").status == 404


@pytest.mark.parametrize(
    ("accepted", "word"), [("fr-BE,fr", "Se connecter"), ("nl", "Aanmelden"), ("de", "Log in")]
)
def test_the_reader_s_language_is_spoken(site: Site, accepted: str, word: str) -> None:
    answer = site.visitor().get("/log-in", **{"Accept-Language": accepted})
    assert f"<h1>{word}</h1>" in answer.text


def test_a_language_and_a_theme_are_kept(site: Site) -> None:
    visitor = site.visitor()
    visitor.post("/language", language="nl", next="/log-in")
    visitor.post("/theme", theme="light", next="/log-in")
    page = visitor.get("/log-in").text
    assert '<html lang="nl" data-theme="light">' in page
    visitor.post("/language", language="xx", next="/log-in")
    visitor.post("/theme", theme="<script>", next="/log-in")
    assert visitor.get("/log-in").text.startswith(page[: page.index("<body>")])


@pytest.mark.parametrize("path", sorted((ROOT / "vultus/web/pages").glob("*.html")), ids=str)
def test_no_page_holds_a_script_or_a_style(path: Path) -> None:
    text = path.read_text()
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:", text)
    assert re.findall(r"<script[^>]*>", text) in (
        [],
        ['<script src="/static/vultus.js" type="module">'],
    )
    assert "|safe" not in text
    assert "autoescape" not in text


@pytest.mark.parametrize(
    ("forwarded", "behind_proxy", "address"),
    [
        ("", False, "127.0.0.1"),
        ("203.0.113.9", False, "127.0.0.1"),
        ("203.0.113.9", True, "203.0.113.9"),
        ("10.0.0.1, 203.0.113.9", True, "203.0.113.9"),
        ("203.0.113.9, unknown", True, "127.0.0.1"),
        ("", True, "127.0.0.1"),
        ("2001:DB8::1", True, "2001:db8::1"),
    ],
)
def test_guessing_is_counted_by_an_address_that_cannot_be_made_up(
    forwarded: str, behind_proxy: bool, address: str
) -> None:
    meta = {"REMOTE_ADDR": "127.0.0.1", "HTTP_X_FORWARDED_FOR": forwarded}
    assert client_address(meta, behind_proxy=behind_proxy) == address


def test_what_people_write_is_text_and_never_markup(site: Site, tmp_path: Path) -> None:
    visitor = site.visitor("Ilse Haddad")
    evil = "<img src=x onerror=alert(1)>'\"{{ 7 }}"
    opened = visitor.post("/cases/new", reference=evil, purpose=evil, legal_basis=evil)
    visitor.post(f"{opened.location}/approve")
    photo = tmp_path / "<svg onload=alert(1)>.jpg"
    photo.write_bytes(site.probe("enrolled.jpg").read_bytes())
    search = visitor.upload(f"{opened.location}/photo", photo).location
    for path in ("/cases", opened.location, search, "/log-in?next=/%22%3E%3Cb%3E"):
        page = visitor.get(path).text
        assert "<img src=x" not in page
        assert "<svg onload" not in page
        assert "<b>%22" not in page
    assert "&lt;img src=x onerror=alert(1)&gt;" in visitor.get(search).text
    assert "&lt;svg onload=alert(1)&gt;.jpg" in visitor.get(search).text

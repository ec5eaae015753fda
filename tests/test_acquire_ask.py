"""A site is asked in the right order, never more than it allows, and what it does not say is no.

Every count of requests is taken from the server's own log.
"""

import io
from datetime import UTC, datetime, timedelta

import content_credentials
import pytest
from homes import log_of
from PIL import Image
from trap_web import TrapWeb, answer, redirect

from vultus.acquire.ask import MAX_WAIT_S, ask
from vultus.acquire.fetch import Fetcher
from vultus.errors import InputError

ALLOWS_ALL = answer(b"User-agent: *\nDisallow:\n", "Content-Type: text/plain")
LACKS = answer(b"", status="404 Not Found")
CREDITED = content_credentials.jpeg(
    content_credentials.store(content_credentials.manifest(content_credentials.reserving()))
)
JPEG = "Content-Type: image/jpeg"
PICTURE, PAGE = "/photos/1.jpg", "/pages/1.html"


def jpeg(data_mining=None):
    """A small picture, with plus:DataMining in its XMP where given."""
    packet = (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
        'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description '
        'xmlns:plus="http://ns.useplus.org/ldf/xmp/1.0/" '
        f'plus:DataMining="{data_mining}"/></rdf:RDF></x:xmpmeta>'
    )
    out = io.BytesIO()
    with Image.new("RGB", (8, 8), "white") as image:
        image.save(out, "JPEG", **({"xmp": packet.encode()} if data_mining else {}))
    return out.getvalue()


def picture(*headers, data_mining=None):
    return answer(jpeg(data_mining), "Content-Type: image/jpeg", *headers)


def page(head=b""):
    return answer(b"<html><head>" + head + b"</head></html>", "Content-Type: text/html")


SILENT = {
    "/robots.txt": ALLOWS_ALL,
    "/.well-known/tdmrep.json": LACKS,
    "/ai.txt": LACKS,
    PICTURE: picture(),
    PAGE: page(),
}
ORDER = ["/robots.txt", "/.well-known/tdmrep.json", "/ai.txt", PICTURE]


class Asked:
    """What asking gave, and the paths that the server was asked for."""

    def __init__(self, answers, path=PICTURE, *, licence=False):
        self.waits = []
        with TrapWeb(SILENT | answers) as web:
            host = f"127.0.0.1:{web.port}"
            self.place = f"http://{host}"
            fetcher = Fetcher(
                "vultus", "1.0", "https://operator.example/", test_hosts=frozenset({host}),
                seconds=5, bytes_max=2_000_000,
            )  # fmt: skip
            try:
                self.finding = ask(
                    fetcher, self.place + path, licence=licence, pause=self.waits.append
                )
                self.decision = self.finding.decision
            finally:
                self.paths = [line.split()[1] for line in web.log]

    @property
    def outcome(self):
        return self.decision.permitted, self.decision.may_enrol, self.decision.rule


def test_a_site_that_allows_is_asked_four_times_and_in_order():
    asked = Asked({})
    assert asked.outcome == (True, True, "permit.allowed")
    assert asked.paths == ORDER
    assert [hop.url for hop in asked.finding.asked] == [asked.place + path for path in ORDER]
    assert (asked.finding.status, asked.finding.problem) == (200, None)
    assert Asked({}, PAGE).outcome == (True, True, "permit.allowed")


@pytest.mark.parametrize(
    ("robots", "rule"),
    [
        (answer(b"User-agent: *\nDisallow: /photos/"), "robots.disallow"),
        (answer(b"User-agent: vultus\nDisallow: /"), "robots.disallow"),
        (answer(b"", status="500 Internal Server Error"), "robots.unreachable"),
        (answer(b"", status="503 Service Unavailable"), "robots.unreachable"),
        (answer(b"", status="401 Unauthorized"), "robots.forbidden"),
        (answer(b"", status="403 Forbidden"), "robots.forbidden"),
        (answer(b"", status="429 Too Many Requests"), "robots.forbidden"),
        (answer(b"<html>All is well</html>", "Content-Type: text/html"), "robots.unreadable"),
        (answer(b"<html>All is well</html>"), "robots.unreadable"),
        (answer(b"x", "Content-Encoding: br"), "robots.unreadable"),
        (b"not HTTP\r\n\r\n", "robots.unreachable"),
        (redirect("https://elsewhere.example/robots.txt"), "robots.redirects"),
        (redirect("/robots.txt"), "robots.redirects"),
    ],
)  # fmt: skip
def test_what_robots_txt_forbids_or_does_not_say_is_never_asked_for(robots, rule):
    """RFC 9309 sections 2.2.2 and 2.3.1, and stricter: zero requests beyond robots.txt."""
    asked = Asked({"/robots.txt": robots})
    assert asked.outcome == (False, False, rule)
    assert set(asked.paths) == {"/robots.txt"}
    assert asked.finding.status is None


def test_a_page_in_the_place_of_a_file_that_need_not_be_is_no_such_file():
    own_page = answer(b"<html>Not here</html>", "Content-Type: text/html")
    answers = {"/.well-known/tdmrep.json": own_page, "/ai.txt": own_page}
    assert Asked(answers).outcome == (True, True, "permit.allowed")


def test_a_site_without_robots_txt_allows():
    """RFC 9309 section 2.3.1.3."""
    assert Asked({"/robots.txt": LACKS}).outcome == (True, True, "permit.allowed")


@pytest.mark.parametrize(
    ("answers", "rule"),
    [
        ({PICTURE: picture("X-Robots-Tag: noindex")}, "x-robots-tag.noindex"),
        ({PICTURE: picture("X-Robots-Tag: noimageai")}, "x-robots-tag.noimageai"),
        ({PICTURE: picture("tdm-reservation: 1")}, "tdm-reservation.reserved"),
        ({PICTURE: picture("Content-Usage: ai-use=n")}, "content-usage.denied"),
        ({PICTURE: picture("Content-Signal: search=no")}, "content-signal.denied"),
        ({PICTURE: picture(data_mining="DMI-PROHIBITED")}, "iptc-data-mining.prohibited"),
        ({PICTURE: answer(CREDITED, JPEG)}, "c2pa-training-mining.not_allowed"),
        ({PICTURE: answer(CREDITED[:300] + b"\xff\xd9", JPEG)}, "c2pa-training-mining.unreadable"),
        ({PICTURE: answer(b"", status="404 Not Found")}, "x-robots-tag.unreadable"),
        ({PICTURE: answer(b"", status="401 Unauthorized")}, "x-robots-tag.unreadable"),
        ({PICTURE: b"not HTTP\r\n\r\n"}, "x-robots-tag.unreadable"),
        ({PICTURE: redirect("http://169.254.169.254/latest")}, "x-robots-tag.unreadable"),
        ({PICTURE: redirect("https://elsewhere.example/1.jpg")}, "x-robots-tag.unreadable"),
        (
            {
                "/.well-known/tdmrep.json": answer(
                    b'[{"location": "/photos/*", "tdm-reservation": 1}]'
                )
            },
            "tdm-reservation.reserved",
        ),
        ({"/.well-known/tdmrep.json": answer(b"{")}, "tdm-reservation.unreadable"),
        (
            {"/.well-known/tdmrep.json": answer(b"", status="403 Forbidden")},
            "tdm-reservation.unreadable",
        ),
        ({"/ai.txt": answer(b"User-agent: *\nDisallow: *.jpg")}, "ai-txt.disallowed"),
        ({"/ai.txt": answer(b"", status="500 Internal Server Error")}, "ai-txt.unreadable"),
        (
            {"/robots.txt": answer(b"User-agent: *\nDisallow: /ai.txt")},
            "ai-txt.unreadable",
        ),
        (
            {"/robots.txt": answer(b"Content-Signal: search=no\nUser-agent: *\nDisallow: /x")},
            "content-signal.denied",
        ),
        (
            {"/robots.txt": answer(b"License: /licence.xml\nUser-agent: *\nDisallow: /x"),
             "/licence.xml": LACKS},
            "rsl.unreadable",
        ),
        (
            {"/robots.txt": answer(b"License: https://elsewhere.example/l.xml\n"
                                   b"User-agent: *\nDisallow: /x")},
            "rsl.unreadable",
        ),
    ],
)  # fmt: skip
def test_every_no_in_every_place_keeps_faces_out(answers, rule):
    assert Asked(answers).outcome == (True, False, rule)


@pytest.mark.parametrize("name", [b"robots", b"vultus"])
def test_a_page_says_no_in_its_head(name):
    asked = Asked({PAGE: page(b'<meta name="' + name + b'" content="noimageindex">')}, PAGE)
    assert asked.outcome == (True, False, "meta-robots.noimageindex")


def rsl(rule):
    content = f'<content url="/"><license>{rule}</license></content>'
    return f'<rsl xmlns="https://rslstandard.org/rsl">{content}</rsl>'.encode()


PROHIBITS = rsl('<prohibits type="usage">search</prohibits>')
PERMITS = rsl('<permits type="usage">search</permits>')
LINKED = b'<base href="/x/"><link rel="license" type="application/rsl+xml" href="../licence.xml">'
LINK = 'Link: </licence.xml>; rel="license"; type="application/rsl+xml"'


@pytest.mark.parametrize(
    ("path", "first"),
    [(PAGE, page(LINKED)), (PAGE, answer(b"", LINK, "Content-Type: text/html")),
     (PICTURE, picture(LINK))],
)  # fmt: skip
@pytest.mark.parametrize(
    ("licence", "outcome"),
    [
        (answer(PROHIBITS), (True, False, "rsl.prohibits")),
        (answer(PERMITS), (True, True, "permit.allowed")),
        (LACKS, (True, False, "rsl.unreadable")),
    ],
)
def test_a_licence_that_a_page_or_a_header_names_is_asked_for(path, first, licence, outcome):
    """RSL 1.0: link element and Link header."""
    asked = Asked({path: first, "/licence.xml": licence}, path)
    assert asked.outcome == outcome
    assert asked.paths[-2:] == [path, "/licence.xml"]


def test_a_licence_is_asked_for_once_and_only_where_it_may_be():
    robots = answer(b"License: /licence.xml\nUser-agent: *\nDisallow: /secret/")
    answers = {"/robots.txt": robots, PAGE: page(LINKED), "/licence.xml": answer(PERMITS)}
    asked = Asked(answers, PAGE)
    assert (asked.outcome[1], asked.paths.count("/licence.xml")) == (True, 1)
    for place in (b"/secret/l.xml", b"https://elsewhere.example/l.xml", b"http://[/l.xml"):
        asked = Asked({"/robots.txt": robots, "/licence.xml": answer(PERMITS), PAGE: page(
            b'<link rel="license" href="' + place + b'">')}, PAGE)  # fmt: skip
        assert asked.outcome == (True, False, "rsl.unreadable")
        assert "/secret/l.xml" not in asked.paths
    unreadable = answer(b"License: http://[/l.xml\nUser-agent: *\nDisallow: /x")
    assert Asked({"/robots.txt": unreadable}).outcome == (True, False, "rsl.unreadable")


def test_more_licences_than_are_read_deny():
    many = b"".join(b'<link rel="license" href="/%d.xml">' % n for n in range(7))
    lines = b"".join(b"License: /r%d.xml\n" % n for n in range(7))
    files = {f"/{n}.xml": answer(PERMITS) for n in range(7)}
    files |= {f"/r{n}.xml": answer(PERMITS) for n in range(7)}
    robots = answer(lines + b"User-agent: *\nDisallow: /x")
    asked = Asked(files | {"/robots.txt": robots, PAGE: page(many)}, PAGE)
    assert asked.outcome == (True, False, "rsl.unreadable")
    assert len([path for path in asked.paths if path.endswith(".xml")]) == 10


def test_a_licence_within_a_page_counts():
    script = b'<script type="application/rsl+xml">' + PROHIBITS + b"</script>"
    asked = Asked({PAGE: page(script)}, PAGE)
    assert asked.outcome == (True, False, "rsl.prohibits")
    assert asked.decision.signals[-1].place == "page"


def test_a_redirect_to_what_robots_txt_forbids_is_not_followed():
    robots = answer(b"User-agent: *\nDisallow: /secret/")
    asked = Asked({"/robots.txt": robots, PICTURE: redirect("/secret/1.jpg")})
    assert asked.outcome == (True, False, "x-robots-tag.unreadable")
    assert asked.paths == ORDER
    assert "robots.txt" in asked.finding.problem


def test_a_redirect_within_the_site_is_followed():
    asked = Asked({PICTURE: redirect("/photos/2.jpg"), "/photos/2.jpg": picture()})
    assert asked.outcome == (True, True, "permit.allowed")
    assert asked.paths == [*ORDER, "/photos/2.jpg"]


def test_the_time_that_the_site_asks_for_passes_between_two_requests():
    asked = Asked({"/robots.txt": answer(b"User-agent: *\nCrawl-delay: 7\nRequest-rate: 1/3")})
    assert [round(seconds) for seconds in asked.waits] == [7] * 3


def test_a_site_that_wants_longer_than_is_waited_is_not_asked_again():
    asked = Asked({"/robots.txt": answer(b"User-agent: *\nCrawl-delay: 61")})
    assert (asked.paths, asked.waits) == (["/robots.txt"], [])
    assert asked.outcome == (True, False, "x-robots-tag.unreadable")
    assert "61 seconds" in asked.finding.problem
    assert MAX_WAIT_S < 61


@pytest.mark.parametrize("status", ["429 Too Many Requests", "503 Service Unavailable"])
def test_a_site_that_refuses_is_not_asked_again(status):
    asked = Asked({"/.well-known/tdmrep.json": answer(b"", "Retry-After: 5", status=status)})
    assert asked.paths == ORDER[:2]
    assert not asked.decision.may_enrol


def test_a_site_is_visited_at_its_own_times_only():
    """A minute that is not this one nor the next."""
    later = datetime.now(UTC) + timedelta(hours=6)
    times = f"Visit-time: {later:%H%M}-{later + timedelta(minutes=1):%H%M}"
    asked = Asked({"/robots.txt": answer(f"User-agent: *\n{times}".encode())})
    assert asked.outcome == (False, False, "robots.visit_time")
    assert asked.paths == ["/robots.txt"]


def test_a_picture_that_is_none_and_a_fetcher_that_cuts_robots_txt():
    rubbish = answer(b"\xff\xd8 no picture", "Content-Type: image/jpeg")
    assert Asked({PICTURE: rubbish}).decision.permitted
    small = Fetcher("vultus", "1.0", "https://operator.example/", seconds=1, bytes_max=1000)
    with pytest.raises(ValueError, match="or more expected"):
        ask(small, "https://site.example/1.jpg")


def test_a_licence_outweighs_a_reservation_and_nothing_else():
    reserved, hidden = picture("tdm-reservation: 1"), picture("X-Robots-Tag: noindex")
    assert Asked({PICTURE: reserved}, licence=True).outcome == (True, True, "permit.licence")
    assert not Asked({PICTURE: hidden}, licence=True).decision.may_enrol
    forbids = answer(b"User-agent: *\nDisallow: /")
    assert not Asked({"/robots.txt": forbids}, licence=True).decision.permitted


# --- for the operator ---------------------------------------------------------------------------


@pytest.fixture
def contact(monkeypatch):
    monkeypatch.setenv("VULTUS_ACQUIRE_CONTACT", "https://operator.example/crawler")


def test_the_operator_is_told_why_and_the_log_keeps_that_it_was_asked(
    home, vultus, contact, monkeypatch
):
    with TrapWeb(SILENT | {PICTURE: picture("X-Robots-Tag: noindex")}) as web:
        monkeypatch.setenv("VULTUS_ACQUIRE_TEST_HOSTS", f"127.0.0.1:{web.port}")
        url = f"http://127.0.0.1:{web.port}{PICTURE}"
        said = vultus("source", "check", url, "--json", home=home)
        assert said.code == 0
        found = said.document
        assert (found["permitted"], found["may_enrol"]) == (True, False)
        assert found["rule"] == "x-robots-tag.noindex"
        assert [row["status"] for row in found["asked"]] == [200, 404, 404, 200]
        assert any("vultus/" in line and "operator.example" in line for line in web.heads[0])
        told = vultus("source", "check", url, home=home)
        assert "no face in its picture may be enrolled" in told.out
        assert "noindex" in told.out
    verified = vultus("audit", "verify", "--json", home=home)
    assert verified.code == 0
    assert [kind for kind, _ in log_of(home)][-2:] == ["url.checked"] * 2


def test_nothing_is_asked_without_a_contact_page_nor_of_the_operators_own_network(
    home, vultus, monkeypatch
):
    with TrapWeb(SILENT) as web:
        url = f"http://127.0.0.1:{web.port}{PICTURE}"
        said = vultus("source", "check", url, "--json", home=home)
        assert (said.code, said.error) == (2, "acquire.contact")
        monkeypatch.setenv("VULTUS_ACQUIRE_CONTACT", "https://operator.example/crawler")
        said = vultus("source", "check", url, "--json", home=home)
        assert (said.code, said.error) == (3, "fetch.port")
        said = vultus("source", "check", "http://127.0.0.1/a.jpg", "--json", home=home)
        assert (said.code, said.error) == (3, "fetch.address")
        assert web.log == []


def test_an_address_that_is_none_is_said(contact, home, vultus):
    said = vultus("source", "check", "photo.jpg", "--json", home=home)
    assert said.code == 2
    assert said.error == "fetch.url"
    with pytest.raises(InputError):
        Asked({}, "/a b")

"""OAI-PMH 2.0: lists of records in parts, deletions, errors, and the first URL to ask for.

The documents of tests/vectors/oai are written by the server of pyoai; a harvester of another make,
oaipmh-scythe, reads the same repository beside ours.
"""

import importlib.util
import threading
from datetime import UTC, datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest
from homes import REPOSITORY
from hypothesis import given
from hypothesis import strategies as st
from oaipmh_scythe import Scythe

from vultus.acquire import oai
from vultus.acquire.found import Beside, Found, Item, Link, Role
from vultus.acquire.oai import list_url, read_oai, start_url
from vultus.acquire.url import parse_url
from vultus.errors import InputError, UnavailableError

BASE = "https://archive.example/oai"
FIRST = f"{BASE}?verb=ListRecords&metadataPrefix=oai_dc"
VECTORS = REPOSITORY / "tests" / "vectors" / "oai"
SINCE = datetime(2024, 5, 1, 12, 30, 15, tzinfo=UTC)


def vector(name):
    return (VECTORS / f"{name}.xml").read_bytes()


def answer(inner):
    return f'<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/">{inner}</OAI-PMH>'.encode()


def record(name, *images, status="", datestamp="2024-05-01"):
    said = "".join(f"<dc:identifier>{image}</dc:identifier>" for image in images)
    return (
        f"<record><header{status}><identifier>oai:x:{name}</identifier>"
        f"<datestamp>{datestamp}</datestamp></header>"
        f'<metadata><dc xmlns:dc="http://purl.org/dc/elements/1.1/">{said}</dc></metadata></record>'
    )


def listed(*parts):
    return answer(f"<ListRecords>{''.join(parts)}</ListRecords>")


def code_of(body, url=FIRST):
    with pytest.raises((InputError, UnavailableError)) as caught:
        read_oai(url, body, None)
    return caught.value.code, caught.value.message


# --- what is asked for ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "base",
    [BASE, f"{BASE}?", f"{BASE}#x", f"{BASE}?verb=ListRecords&metadataPrefix=edm&set=a&from=2000",
     "HTTPS://Archive.Example/oai"],
)  # fmt: skip
def test_4_2_the_first_url_is_identify(base):
    assert start_url(base) == f"{BASE}?verb=Identify"


def test_arguments_that_are_the_repositorys_own_are_kept():
    assert start_url("https://a.example/?page=oai&verb=x") == (
        "https://a.example/?page=oai&verb=Identify"
    )


@pytest.mark.parametrize("base", ["", "archive.example", "ftp://a.example/", "http://[/"])
def test_a_base_url_that_cannot_be_asked_for(base):
    with pytest.raises(InputError) as caught:
        start_url(base)
    assert caught.value.code == "oai.location"


def test_3_3_1_from_is_written_as_the_repository_keeps_its_dates():
    day = list_url(BASE, SINCE, None, "oai_dc", to_the_second=False)
    assert day == f"{FIRST}&from=2024-05-01"
    second = list_url(BASE, SINCE, "a:b", "oai_dc", to_the_second=True)
    assert second == f"{FIRST}&from=2024-05-01T12%3A30%3A15Z&set=a%3Ab"
    assert list_url(BASE, None, None, "oai_dc", to_the_second=True) == FIRST


def test_3_3_from_is_in_utc():
    east = datetime(2024, 5, 1, 2, tzinfo=timezone(timedelta(hours=9)))
    assert list_url(BASE, east, None, "edm", to_the_second=False).endswith("from=2024-04-30")
    with pytest.raises(ValueError, match="zone"):
        list_url(BASE, datetime(2024, 5, 1), None, "edm", to_the_second=False)  # noqa: DTZ001


@pytest.mark.parametrize(
    ("set_spec", "prefix"), [(None, ""), (None, "a b"), (None, "é"), ("a b", "oai_dc"), ("&", "a")]
)
def test_2_4_and_2_6_prefixes_and_sets_have_a_form(set_spec, prefix):
    with pytest.raises(InputError) as caught:
        list_url(BASE, None, set_spec, prefix, to_the_second=False)
    assert caught.value.code == "oai.location"


# --- what is read ---------------------------------------------------------------------------------


def test_4_2_identify_leads_to_the_list_by_its_granularity():
    (link,) = read_oai(f"{BASE}?verb=Identify", vector("identify"), SINCE, "photos").links
    assert link == Link(Role.OAI, f"{FIRST}&from=2024-05-01T12%3A30%3A15Z&set=photos")
    days = vector("identify").replace(b"DDThh:mm:ssZ<", b"DD<")
    (link,) = read_oai(f"{BASE}?verb=Identify", days, SINCE, prefix="edm").links
    assert link.url == f"{BASE}?verb=ListRecords&metadataPrefix=edm&from=2024-05-01"


def test_what_pyoai_writes():
    found = read_oai(FIRST, vector("first"), None)
    token = "metadataPrefix%253Doai_dc%2526cursor%253D2%2526batch_size%253D3"
    following = f"{BASE}?verb=ListRecords&resumptionToken={token}"
    said = Beside(
        title="Twee vrouwen aan een bureau",
        caption="Redactie & zetterij",
        caption_source="oai:dc:description",
        credit="Voorbeeld, A.",
        licence="https://creativecommons.org/licenses/by/4.0/",
        date="1978-05-12",
        date_precision="day",
        date_source="oai:dc:date",
        language="nl",
    )
    first = Item(
        "https://archive.example/1.jpg",
        "https://archive.example/objects/1",
        version="2024-05-01T10:00:00Z",
        origin="oai:archive.example:1",
        beside=said,
    )
    assert found == Found((first,), (Link(Role.OAI, following),), ("oai:archive.example:2",))
    (last,) = read_oai(following, vector("last"), None).photos
    assert (last.url, last.origin) == ("https://archive.example/3.png", "oai:archive.example:3")
    assert read_oai(FIRST, vector("none"), None) == Found()
    assert code_of(vector("token")) == (
        "oai.error", "The repository answers with an error: badResumptionToken.",
    )  # fmt: skip


def test_pyoai_writes_it_still():
    pytest.importorskip("oaipmh.server")
    spec = importlib.util.spec_from_file_location("generate_oai", VECTORS / "generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name, written in module.written().items():
        assert vector(name) == written.rstrip() + b"\n"


class Repository(BaseHTTPRequestHandler):
    """Answers as pyoai did."""

    def do_GET(self):
        asked = parse_qs(urlsplit(self.path).query)
        self.server.asked.append(self.path)
        name = "last" if "resumptionToken" in asked else "first"
        body = vector("identify" if asked["verb"] == ["Identify"] else name)
        self.send_response(200)
        self.send_header("Content-Type", "text/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def repository():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Repository)
    server.asked = []
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_oaipmh_scythe_reads_the_same_records_of_the_same_repository(repository):
    with Scythe(f"http://127.0.0.1:{repository.server_port}/oai") as scythe:
        theirs = [
            (record.header.identifier, record.header.datestamp, record.header.deleted)
            for record in scythe.list_records(metadata_prefix="oai_dc")
        ]
    ours, pending = [], [FIRST]
    asked = []
    while pending:
        url = pending.pop()
        asked.append(url.replace("https://archive.example", ""))
        found = read_oai(url, vector("last" if "resumptionToken" in url else "first"), None)
        ours += [(photo.origin, photo.version, False) for photo in found.photos]
        ours += [(name, "2024-05-02T10:00:00Z", True) for name in found.gone]
        pending += [link.url for link in found.links]
    assert sorted(ours) == sorted(theirs)
    assert [parse_qs(urlsplit(path).query) for path in asked] == [
        parse_qs(urlsplit(path).query) for path in repository.asked
    ]


def test_3_5_an_empty_token_ends_the_list():
    for end in ("", "<resumptionToken/>", '<resumptionToken cursor="9"> </resumptionToken>'):
        assert read_oai(FIRST, listed(record(1), end), None).links == ()


@pytest.mark.parametrize("token", ["a b", "a+b", "a&amp;verb=Identify", "a%2Fb", "é/=", "!~*'()"])
def test_3_5_a_token_is_encoded_and_stands_alone_with_the_verb(token):
    end = f"<resumptionToken>{token}</resumptionToken>"
    (link,) = read_oai(f"{FIRST}&from=2020-01-01", listed(record(1), end), None).links
    plain = token.replace("&amp;", "&")
    assert parse_qs(urlsplit(link.url).query) == {
        "verb": ["ListRecords"], "resumptionToken": [plain],
    }  # fmt: skip
    assert parse_url(link.url).text == link.url
    code, message = code_of(listed(record(1), end), link.url)
    assert (code, "same resumption token" in message) == ("oai.error", True)


def test_2_5_1_a_deleted_record_and_one_without_photos_are_gone():
    body = listed(
        record(1, "https://a.example/1.jpg", status=' status="deleted"'),
        record(2, "https://a.example/page"),
        record(3, "https://a.example/3.jpg"),
    )
    found = read_oai(FIRST, body, None)
    assert [(photo.url, photo.origin) for photo in found.photos] == [
        ("https://a.example/3.jpg", "oai:x:3")
    ]
    assert found.gone == ("oai:x:1", "oai:x:2")


def test_4_1_get_record_is_read_as_a_list_of_one():
    body = answer(f"<GetRecord>{record(1, 'https://a.example/1.jpg')}</GetRecord>")
    (photo,) = read_oai(f"{BASE}?verb=GetRecord", body, None).photos
    assert (photo.origin, photo.version) == ("oai:x:1", "2024-05-01")


@pytest.mark.parametrize(
    "codes",
    [["badArgument"], ["badResumptionToken"], ["cannotDisseminateFormat"], ["noSetHierarchy"],
     ["noRecordsMatch", "badArgument"]],
)  # fmt: skip
def test_3_6_errors(codes):
    body = answer("".join(f'<error code="{code}">said</error>' for code in codes))
    code, message = code_of(body)
    assert code == "oai.error"
    assert codes[-1] in message


def test_3_6_only_the_code_of_an_error_is_repeated():
    body = answer('<error code="&lt;b&gt;">https://evil.example/</error>')
    assert code_of(body)[1] == "The repository answers with an error: unknown."


@pytest.mark.parametrize(
    "body",
    [b"", b"<html/>", b"<OAI-PMH/>", answer(""), answer("<ListSets/>"), answer("&none;"),
     b"<!DOCTYPE a><OAI-PMH/>", listed(record(1)).replace(b"</record>", b"")],
)  # fmt: skip
def test_what_is_no_answer(body):
    assert code_of(body)[0] == "oai.unreadable"


def test_a_list_is_read_to_its_end_or_not_at_all(monkeypatch):
    monkeypatch.setattr(oai, "MAX_PHOTOS", 3)
    parts = [record(n, f"https://a.example/{n}.jpg") for n in range(4)]
    assert len(read_oai(FIRST, listed(*parts[:3]), None).photos) == 3
    assert code_of(listed(*parts))[0] == "oai.unreadable"


@given(st.binary() | st.text().map(answer) | st.text().map(listed))
def test_any_bytes_are_read_or_an_error_of_ours(body):
    try:
        read_oai(FIRST, body, None)
    except (InputError, UnavailableError) as error:
        assert error.code in {"oai.unreadable", "oai.error"}

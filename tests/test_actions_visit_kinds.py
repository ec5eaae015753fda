"""Sources that tell of records: OAI-PMH, IIIF and a category of a wiki, each visited twice."""

import json

import pytest
from homes import visit
from sites import LACKS, add_site, allowed, counts, listed, rules, serving
from trap_web import answer

from vultus.acquire.commons import start_url
from vultus.acquire.url import parse_url
from vultus.errors import InputError

XML, JSON = "Content-Type: text/xml", "Content-Type: application/json"
OAI = 'xmlns="http://www.openarchives.org/OAI/2.0/"'
DC = (
    'xmlns:oai_dc="http://www.openarchives.org/OAI/2.0/oai_dc/" '
    'xmlns:dc="http://purl.org/dc/elements/1.1/"'
)
LIST = "/oai?verb=ListRecords&metadataPrefix=oai_dc"


def record(name, url, *, text="The harbour master", deleted=False):
    status = ' status="deleted"' if deleted else ""
    dc = (
        f"<metadata><oai_dc:dc {DC}><dc:description>{text}</dc:description>"
        f"<dc:identifier>{url}</dc:identifier></oai_dc:dc></metadata>"
    )
    return (
        f"<record><header{status}><identifier>oai:x:{name}</identifier>"
        f"<datestamp>2024-05-01</datestamp></header>{'' if deleted else dc}</record>"
    )


def oai(inner):
    return answer(f"<OAI-PMH {OAI}>{inner}</OAI-PMH>".encode(), XML)


def records(*parts, token=""):
    further = f"<resumptionToken>{token}</resumptionToken>" if token else ""
    return oai(f"<ListRecords>{''.join(parts)}{further}</ListRecords>")


def test_oai_pmh_is_read_part_by_part_and_a_deleted_record_lets_its_photo_go(home):
    with serving() as site:
        for i in range(3):
            site.picture(f"/{i}.jpg", i)
        urls = [f"{site.url}/{i}.jpg" for i in range(3)]
        site["/oai?verb=Identify"] = oai(
            "<Identify><granularity>YYYY-MM-DD</granularity></Identify>"
        )
        site[LIST] = records(record("a", urls[0]), record("b", urls[1]), token="t 2")
        site["/oai?verb=ListRecords&resumptionToken=t%202"] = records(record("c", urls[2]))
        home = allowed(home, site)
        add_site(home, site, kind="oai", path="/oai")
        assert counts(visit(home)) == (3, 0, 0, 0, 0)
        row = listed(home)[urls[2]]
        assert (row["caption"], row["caption_source"]) == (
            "The harbour master",
            "oai:dc:description",
        )
        assert max(site.counts.values()) == 1
        site[LIST] = records(record("a", urls[0]), record("b", urls[1], deleted=True), token="t 2")
        assert counts(visit(home, revisit=True)) == (0, 2, 0, 0, 1)
        assert set(listed(home)) == {urls[0], urls[2]}


def test_a_repository_that_says_that_it_cannot_lets_nothing_go(home):
    with serving() as site:
        url = site.url + site.picture("/a.jpg")
        site[LIST] = records(record("a", url))
        home = allowed(home, site)
        add_site(home, site, kind="oai", path="/oai?metadataPrefix=oai_dc")
        assert counts(visit(home)) == (1, 0, 0, 0, 0)
        for broken in (oai('<error code="badArgument"/>'), answer(b"<html>Sorry", XML)):
            site[LIST] = broken
            assert counts(visit(home, revisit=True)) == (0, 1, 0, 0, 0)
            assert set(listed(home)) == {url}


def manifest(site, name, *pictures):
    """IIIF Presentation 3.0, section 5.3 and 5.6."""
    base = f"{site.url}/iiif/{name}"
    canvases = [
        {
            "id": f"{base}/{i}", "type": "Canvas", "height": 10, "width": 10,
            "items": [{"id": f"{base}/{i}/p", "type": "AnnotationPage", "items": [{
                "id": f"{base}/{i}/a", "type": "Annotation", "motivation": "painting",
                "target": f"{base}/{i}",
                "body": {"id": site.url + path, "type": "Image", "format": "image/jpeg"},
            }]}],
        }
        for i, path in enumerate(pictures)
    ]  # fmt: skip
    document = {
        "@context": "http://iiif.io/api/presentation/3/context.json", "id": base,
        "type": "Manifest", "label": {"en": [f"Album {name}"]}, "items": canvases,
    }  # fmt: skip
    return answer(json.dumps(document).encode(), JSON)


def collection(site, *names):
    document = {
        "@context": "http://iiif.io/api/presentation/3/context.json",
        "id": f"{site.url}/iiif/all", "type": "Collection", "label": {"en": ["All"]},
        "items": [
            {"id": f"{site.url}/iiif/{name}", "type": "Manifest", "label": {"en": [name]}}
            for name in names
        ],
    }  # fmt: skip
    return answer(json.dumps(document).encode(), JSON)


def test_iiif_collections_lead_to_manifests_and_one_that_is_gone_takes_its_photos_along(home):
    with serving() as site:
        for i in range(3):
            site.picture(f"/{i}.jpg", i)
        site["/iiif/all"] = collection(site, "a", "b")
        site["/iiif/a"] = manifest(site, "a", "/0.jpg", "/1.jpg")
        site["/iiif/b"] = manifest(site, "b", "/2.jpg")
        home = allowed(home, site)
        add_site(home, site, kind="iiif", path="/iiif/all")
        assert counts(visit(home)) == (3, 0, 0, 0, 0)
        assert max(site.counts.values()) == 1
        site["/iiif/all"] = collection(site, "a")
        site["/iiif/b"] = LACKS
        assert counts(visit(home, revisit=True)) == (0, 2, 0, 0, 1)
        assert set(listed(home)) == {f"{site.url}/0.jpg", f"{site.url}/1.jpg"}


def test_a_category_of_a_wiki_is_read_with_what_it_says_of_each_file(home):
    with serving() as site:
        site.picture("/files/a.jpg")
        page = f"{site.url}/wiki/Category:Portraits"
        api = parse_url(start_url(page)).path
        info = {
            "timestamp": "2020-01-01T00:00:00Z", "size": 9, "width": 3, "height": 2,
            "url": f"{site.url}/files/a.jpg", "descriptionurl": f"{site.url}/wiki/File:A.jpg",
            "sha1": "0" * 40, "mime": "image/jpeg",
            "extmetadata": {
                "ImageDescription": {"value": "<b>The</b> harbour master"},
            },
        }  # fmt: skip
        file = {"pageid": 7, "ns": 6, "title": "File:A.jpg", "imageinfo": [info]}
        site[api] = answer(json.dumps({"query": {"pages": [file]}}).encode(), JSON)
        home = allowed(home, site)
        add_site(home, site, kind="commons", path="/wiki/Category:Portraits")
        assert counts(visit(home)) == (1, 0, 0, 0, 0)
        row = listed(home)[f"{site.url}/files/a.jpg"]
        assert (row["caption"], row["page_url"]) == (
            "The harbour master", f"{site.url}/wiki/File:A.jpg",
        )  # fmt: skip
        site["/robots.txt"] = answer(b"User-agent: *\nDisallow: /w/")  # as Wikimedia's own has it
        assert counts(visit(home, revisit=True)) == (0, 0, 1, 0, 1)


@pytest.mark.parametrize(
    ("kind", "path", "code"),
    [("oai", "/oai?metadataPrefix=a%20b", "oai.location"), ("commons", "/", "commons.category")],
)
def test_a_location_that_the_kind_cannot_use_is_refused_when_it_is_registered(
    home, kind, path, code
):
    with serving() as site:
        home = allowed(home, site)
        with pytest.raises(InputError) as caught:
            add_site(home, site, kind=kind, path=path)
        assert caught.value.code == code
        assert not rules(home, site)

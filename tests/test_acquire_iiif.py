"""IIIF Presentation API 2 and 3 and Image API: which photos a document tells of, and what of them.

The documents are written here after the specifications and the recipes of the IIIF Cookbook;
those of tests/vectors/iiif are written by iiif-prezi3.
"""

import importlib.util
import json
from datetime import UTC, datetime

import pytest
from homes import REPOSITORY
from hypothesis import given
from hypothesis import strategies as st

from vultus.acquire import iiif_presentation
from vultus.acquire.found import Beside, Found, Item, Link, Refused, Role
from vultus.acquire.iiif import read_iiif
from vultus.acquire.iiif_text import read_navigation_date
from vultus.acquire.url import parse_url
from vultus.errors import InputError

URL = "https://archive.example/m.json"
IMAGES = "https://images.example/iiif"
VECTORS = REPOSITORY / "tests" / "vectors" / "iiif"
V2, V3 = (f"http://iiif.io/api/presentation/{n}/context.json" for n in (2, 3))
API2 = {"@context": "http://iiif.io/api/image/2/context.json", "@id": f"{IMAGES}/a",
        "profile": "http://iiif.io/api/image/2/level2.json"}  # fmt: skip
API3 = {"id": f"{IMAGES}/a", "type": "ImageService3", "profile": "level1"}
LOGIN1 = {"@context": "http://iiif.io/api/auth/1/context.json", "@id": "https://login.example/",
          "profile": "http://iiif.io/api/auth/1/login"}  # fmt: skip
PROBE2 = {"id": "https://probe.example/", "type": "AuthProbeService2",
          "service": [{"id": "https://login.example/", "type": "AuthAccessService2"}]}  # fmt: skip


def read(document, url=URL, since=None):
    return read_iiif(url, json.dumps(document).encode(), since)


def canvas3(*bodies, **said):
    painted = [
        {"type": "Annotation", "motivation": "painting", "body": body, "target": "c"}
        for body in bodies
    ]
    return {"id": "https://archive.example/c", "type": "Canvas",
            "items": [{"type": "AnnotationPage", "items": painted}]} | said  # fmt: skip


def manifest3(*canvases, **said):
    return {"@context": V3, "id": URL, "type": "Manifest", "items": list(canvases)} | said


def manifest2(*images, **said):
    """One canvas; `images` are the resources that are painted on it."""
    painted = [
        {"@type": "oa:Annotation", "motivation": "sc:painting", "resource": image}
        for image in images
    ]
    canvas = {"@id": "https://archive.example/c", "@type": "sc:Canvas", "images": painted}
    return {"@context": V2, "@id": URL, "@type": "sc:Manifest",
            "sequences": [{"@type": "sc:Sequence", "canvases": [canvas]}]} | said  # fmt: skip


def image3(name="a", **said):
    return {"id": f"https://images.example/{name}.jpg", "type": "Image"} | said


def image2(name="a", **said):
    return {"@id": f"https://images.example/{name}.jpg", "@type": "dctypes:Image"} | said


def urls(found):
    return [photo.url for photo in found.photos]


def beside(**said):
    (photo,) = read(manifest3(canvas3(image3()), **said)).photos
    return photo.beside


# --- which image --------------------------------------------------------------------------------


def test_cookbook_0001_one_image_without_an_api():
    assert read(manifest3(canvas3(image3()))) == Found(
        (Item("https://images.example/a.jpg", origin=URL),)
    )
    assert urls(read(manifest2(image2()))) == ["https://images.example/a.jpg"]


@pytest.mark.parametrize(
    ("api", "rest"),
    [
        (API3, "full/max/0/default.jpg"),
        (API2, "full/full/0/default.jpg"),
        (API2 | {"profile": [API2["profile"], {"maxWidth": 2000}]}, "full/max/0/default.jpg"),
        (API2 | {"profile": [API2["profile"], {"maxArea": 10**6}]}, "full/max/0/default.jpg"),
        ({"@id": f"{IMAGES}/a", "@type": "ImageService2", "profile": "level0"},
         "full/full/0/default.jpg"),
        ({"@id": f"{IMAGES}/a", "profile": "http://iiif.io/api/image/2/level1.json"},
         "full/full/0/default.jpg"),
        ({"@id": f"{IMAGES}/a", "profile":
          "http://library.stanford.edu/iiif/image-api/1.1/compliance.html#level1"},
         "full/full/0/native.jpg"),
        ({"id": f"{IMAGES}/a/", "profile": "level0"}, "full/max/0/default.jpg"),
    ],
)  # fmt: skip
def test_the_largest_rendition_by_the_version_of_the_image_api(api, rest):
    """Image API 3.0 section 4.2, 2.1 section 4.2 (max where limits are stated), 1.1 section 4."""
    for document in (
        manifest3(canvas3(image3(service=[api]))),
        manifest2(image2(service=api)),
    ):
        assert urls(read(document)) == [f"{IMAGES}/a/{rest}"]


def test_of_two_image_apis_the_newer_and_one_of_something_else_is_none():
    both = image3(service=[API2, API3 | {"id": f"{IMAGES}/three"}])
    assert urls(read(manifest3(canvas3(both)))) == [f"{IMAGES}/three/full/max/0/default.jpg"]
    other = image3(service=[{"id": "https://x.example/", "type": "SearchService2"}])
    assert urls(read(manifest3(canvas3(other)))) == ["https://images.example/a.jpg"]


@pytest.mark.parametrize(
    ("said", "size"),
    [
        ({"width": 20_000, "height": 20_000}, "10000,"),
        ({"width": 20_000, "height": 20_000, "maxWidth": 4_000}, "max"),
        ({"width": 20_000, "height": 20_000, "maxArea": 10**8}, "max"),
        ({"width": 20_000, "height": 20_000, "profile": "level0"}, "max"),
        ({"width": 20_000, "height": 20_000, "profile": "level0",
          "sizes": [{"width": 20_000, "height": 20_000}, {"width": 500, "height": 500},
                    {"width": 5_000, "height": 5_000}]}, "5000,5000"),
        ({"width": 10_000, "height": 10_000}, "max"),
        ({"width": True, "height": "20000"}, "max"),
    ],
)  # fmt: skip
def test_an_image_with_more_pixels_than_are_decoded_is_asked_for_smaller(said, size):
    document = manifest3(canvas3(image3(service=[API3 | said])))
    assert urls(read(document)) == [f"{IMAGES}/a/full/{size}/0/default.jpg"]


def test_cookbook_0033_each_image_of_a_choice():
    natural, x_ray = image3("natural"), image3("x-ray")
    choice = {"type": "Choice", "items": [natural, x_ray, natural]}
    expected = ["https://images.example/natural.jpg", "https://images.example/x-ray.jpg"]
    assert urls(read(manifest3(canvas3(choice)))) == expected
    choice = {"@type": "oa:Choice", "default": image2("natural"), "item": [image2("x-ray")]}
    assert urls(read(manifest2(choice))) == expected


def test_cookbook_0036_parts_of_images_and_several_on_one_canvas():
    part = {"type": "SpecificResource", "source": image3("b"), "selector": {"region": "1,2,3,4"}}
    named = {"type": "SpecificResource", "source": "https://images.example/c.jpg"}
    assert urls(read(manifest3(canvas3(image3(), part, [named, image3()])))) == [
        f"https://images.example/{name}.jpg" for name in "abc"
    ]
    part = {"@type": "oa:SpecificResource", "full": image2("b")}
    assert urls(read(manifest2(part))) == ["https://images.example/b.jpg"]


def test_what_is_not_painted_is_no_photo():
    comment = {"type": "Annotation", "motivation": "commenting", "body": image3()}
    sound = {"id": "https://images.example/a.mp3", "type": "Sound", "format": "audio/mp3"}
    canvas = {"type": "Canvas", "items": [{"items": [comment]}], "thumbnail": [image3("t")],
              "annotations": [{"type": "AnnotationPage", "items": [comment]}],
              "placeholderCanvas": canvas3(image3("p"))}  # fmt: skip
    document = manifest3(canvas, canvas3(sound), thumbnail=[image3()], logo=image3(),
                         rendering=[image3()], seeAlso=[image3()], start=image3())  # fmt: skip
    assert read(document) == Found(gone=(URL,))


@pytest.mark.parametrize(
    "api",
    [
        API2 | {"service": LOGIN1}, API2 | {"service": [{"profile": "other"}, LOGIN1]},
        API3 | {"service": [PROBE2]}, API3 | {"service": [{"type": "AuthCookieService1"}]},
        API3 | {"service": {"@context": "http://iiif.io/api/auth/0/context.json"}},
    ],
)  # fmt: skip
def test_an_image_behind_a_log_in_is_refused(api):
    """IIIF Authentication API 0.9 and 1.0, Authorization Flow API 2.0."""
    found = read(manifest3(canvas3(image3(service=[api]), image3("free"))))
    assert urls(found) == ["https://images.example/free.jpg"]
    (refused,) = found.refused
    assert refused.code == "iiif.login"
    assert refused.url.startswith(f"{IMAGES}/a/full/")


def test_auth_2_a_static_image_may_be_behind_a_log_in():
    found = read(manifest3(canvas3(image3(service=[PROBE2]))))
    refused = Refused("https://images.example/a.jpg", "iiif.login")
    assert found == Found(gone=(URL,), refused=(refused,))


def test_image_api_an_info_document_is_one_image():
    info = {"@context": "http://iiif.io/api/image/3/context.json", "id": f"{IMAGES}/a",
            "type": "ImageService3", "protocol": "http://iiif.io/api/image", "profile": "level2",
            "width": 300, "height": 200, "rights": "http://rightsstatements.org/vocab/InC/1.0/",
            }  # fmt: skip
    (photo,) = read(info, f"{IMAGES}/a/info.json").photos
    assert photo.url == f"{IMAGES}/a/full/max/0/default.jpg"
    assert photo.beside.licence == "http://rightsstatements.org/vocab/InC/1.0/"
    assert read(info | {"service": [LOGIN1]}).photos == ()


# --- what stands beside it ------------------------------------------------------------------------


def test_what_iiif_prezi3_writes():
    said = Beside(
        title="Two women at a desk: front",
        caption="Rédaction du journal",
        caption_source="iiif:summary",
        credit="Collection De Dag",
        licence="http://creativecommons.org/licenses/by/4.0/",
        date="1978-05-12",
        date_precision="day",
        date_source="iiif:metadata:Datum",
        persons=("Jansen, Mia", "Peeters, Lea"),
        language="fr",
    )
    url = "https://archive.example/iiif/portrait/manifest.json"
    found = read_iiif(url, (VECTORS / "portrait.json").read_bytes())
    first, second = found.photos
    assert first == Item(
        "https://images.example/iiif/3/portrait-1/full/max/0/default.jpg",
        "https://archive.example/objects/7",
        origin=url,
        beside=said,
    )
    assert second.url == "https://images.example/iiif/3/portrait-2/full/max/0/default.jpg"
    assert second.beside.title == "Two women at a desk: back"
    (street,) = read_iiif(URL, (VECTORS / "static.json").read_bytes()).photos
    assert (street.url, street.beside) == ("https://images.example/street.png",
                                           Beside(title="Street"))  # fmt: skip
    listed = read_iiif(URL, (VECTORS / "collection.json").read_bytes())
    assert listed.links == (Link(Role.IIIF, url),
                            Link(Role.IIIF, url.replace("portrait", "static")))  # fmt: skip


def test_iiif_prezi3_writes_it_still():
    pytest.importorskip("iiif_prezi3")
    spec = importlib.util.spec_from_file_location("generate_iiif", VECTORS / "generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name, document in module.written().items():
        assert json.loads((VECTORS / f"{name}.json").read_text(encoding="utf-8")) == document


def test_presentation_2_says_the_same_in_its_own_words():
    (photo,) = read(manifest2(
        image2(),
        label=[{"@value": "Bureau", "@language": "nl"}, {"@value": "Desk", "@language": "en"}],
        description={"@value": "<span>Two women</span>", "@language": "en"},
        attribution="<p>Collection De Dag</p>",
        license=["http://creativecommons.org/licenses/by/4.0/"],
        related={"@id": "https://archive.example/objects/7", "format": "text/html"},
        metadata=[
            {"label": "Date", "value": "May 12, 1978"},
            {"label": [{"@value": "Sitter(s):", "@language": "en"}], "value": ["Mia; Lea", "Mia"]},
        ],
    )).photos  # fmt: skip
    assert photo == Item(
        "https://images.example/a.jpg",
        "https://archive.example/objects/7",
        origin=URL,
        beside=Beside("Desk", "Two women", "iiif:description", "Collection De Dag",
                      "http://creativecommons.org/licenses/by/4.0/", "1978-05-12", "day",
                      "iiif:metadata:Date", ("Mia", "Lea"), "en"),
    )  # fmt: skip


def test_cookbook_0006_the_language_is_english_french_dutch_or_the_first():
    label = {"it": ["Madre"], "fr": ["Mère", "au repos"], "en": ["Mother"]}
    assert (beside(label=label).title, beside(label=label).language) == ("Mother", "en")
    del label["en"]
    assert (beside(label=label).title, beside(label=label).language) == ("Mère; au repos", "fr")
    del label["fr"]
    assert (beside(label=label).title, beside(label=label).language) == ("Madre", "it")
    assert beside(label={"none": ["MS 7"]}) == Beside(title="MS 7")


def test_cookbook_0029_what_is_said_nearest_counts():
    near = canvas3(
        image3(rights="https://rights.example/image"),
        summary={"en": ["Of the canvas"]}, homepage=[{"id": "https://archive.example/c/1"}],
        requiredStatement={"label": {"en": ["By"]}, "value": {"en": ["Canvas"]}},
    )  # fmt: skip
    (photo,) = read(manifest3(
        near, label={"en": ["Whole"]}, summary={"en": ["Of the whole"]},
        rights="https://rights.example/all", homepage=[{"id": "https://archive.example/w"}],
    )).photos  # fmt: skip
    assert (photo.beside.caption, photo.beside.licence) == (
        "Of the canvas", "https://rights.example/image",
    )  # fmt: skip
    assert (photo.beside.credit, photo.page_url) == ("Canvas", "https://archive.example/c/1")


def test_credit_is_the_required_statement_then_a_maker_then_the_provider():
    maker = [{"label": {"de": ["Fotograf"]}, "value": {"none": ["A. Beispiel"]}}]
    provider = [{"id": "https://p.example/", "type": "Agent", "label": {"en": ["Archive"]}}]
    statement = {"label": {"en": ["By"]}, "value": {"en": ["Please say so"]}}
    assert beside(provider=provider).credit == "Archive"
    assert beside(provider=provider, metadata=maker).credit == "A. Beispiel"
    assert beside(metadata=maker, requiredStatement=statement).credit == "Please say so"


def test_a_row_says_the_licence_and_the_caption_where_nothing_else_does():
    rows = [{"label": {"nl": ["Licentie:"]}, "value": {"none": ["CC0"]}},
            {"label": {"fr": ["Légende"]}, "value": {"fr": ["Deux femmes"]}}]  # fmt: skip
    found = beside(metadata=rows)
    assert found == Beside(caption="Deux femmes", caption_source="iiif:metadata:Légende",
                           licence="CC0", language="fr")  # fmt: skip


@pytest.mark.parametrize(
    ("written", "date", "precision"),
    [
        ("1978-05-12T10:11:12Z", "1978-05-12T10:11:12+00:00", "second"),
        ("1978-05-12T00:00:00Z", "1978-05-12", "day"), ("1978-01-01T00:00:00Z", "1978", "year"),
        ("1978-05-12T00:00:00+02:00", "1978-05-12", "day"), ("1978", "1978", "year"),
    ],
)  # fmt: skip
def test_nav_date_is_no_more_exact_than_its_zeros(written, date, precision):
    found = read_navigation_date(written)
    assert (found.text, found.precision) == (date, precision)
    said = beside(navDate=written)
    assert (said.date, said.date_precision, said.date_source) == (date, precision, "iiif:navDate")


def test_a_row_that_dates_the_photo_goes_before_nav_date_and_one_of_publication_after():
    rows = [{"label": {"en": ["Date"]}, "value": {"none": ["1980"]}},
            {"label": {"en": ["Date created"]}, "value": {"none": ["c. 1978"]}},
            {"label": {"en": ["Date taken"], "nl": ["Opnamedatum"]},
             "value": {"none": ["unknown", "1978"]}}]  # fmt: skip
    said = beside(metadata=rows, navDate="1990-05-05T00:00:00Z")
    assert (said.date, said.date_source) == ("1978", "iiif:metadata:Date taken")
    said = beside(metadata=rows[:2], navDate="1990-05-05T00:00:00Z")
    assert (said.date, said.date_source) == ("1980", "iiif:metadata:Date")
    said = beside(metadata=rows[1:2], navDate="1990-05-05T00:00:00Z")
    assert (said.date, said.date_source) == ("1990-05-05", "iiif:navDate")


def test_the_page_is_in_the_preferred_language_and_html():
    pages = [{"id": "https://a.example/pdf", "format": "application/pdf"},
             {"id": "https://a.example/de", "format": "text/html", "language": ["de"]},
             {"id": "https://a.example/nl", "label": {"nl": ["Pagina"]}},
             {"id": "mailto:a@b.example", "language": ["en"]}]  # fmt: skip
    (photo,) = read(manifest3(canvas3(image3()), homepage=pages)).photos
    assert photo.page_url == "https://a.example/nl"


# --- collections --------------------------------------------------------------------------------


def test_cookbook_0032_the_members_of_a_collection():
    members = [{"id": "https://a.example/1", "type": "Manifest"},
               {"id": "https://a.example/2", "type": "Collection"},
               {"id": "https://a.example/1", "type": "Manifest"}, {"id": URL, "type": "Collection"},
               {"id": "https://a.example/3", "type": "Canvas"}]  # fmt: skip
    document = {"@context": V3, "id": URL, "type": "Collection", "items": members,
                "partOf": [{"id": "https://a.example/above", "type": "Collection"}],
                "seeAlso": [{"id": "https://a.example/data"}]}  # fmt: skip
    expected = tuple(Link(Role.IIIF, f"https://a.example/{n}") for n in (1, 2))
    assert read(document) == Found(links=expected)


def test_presentation_2_collections_their_members_and_pages():
    document = {"@context": V2, "@id": URL, "@type": "sc:Collection",
                "manifests": [{"@id": "https://a.example/1", "@type": "sc:Manifest"}],
                "collections": [{"@id": "https://a.example/2", "@type": "sc:Collection"}],
                "members": [{"@id": "https://a.example/3", "@type": "sc:Manifest"}],
                "within": "https://a.example/above"}  # fmt: skip
    assert [link.url[-1] for link in read(document).links] == ["2", "1", "3"]
    paged = {"@context": V2, "@id": URL, "@type": "sc:Collection", "first": "p1", "total": 90}
    assert read(paged).links == (Link(Role.IIIF, "https://archive.example/p1"),)
    page = paged | {"first": "m.json", "manifests": ["https://a.example/1"], "next": "p2"}
    assert [link.url for link in read(page).links] == [
        "https://a.example/1", "https://archive.example/p2",
    ]  # fmt: skip


# --- bounds and junk ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b"[]", b"null", b'"Manifest"', b'{"type": "Canvas"}', b'{"type": 3}', b"\xff",
     b"<html></html>", b"[" * 10**5, b'{"protocol": "http://iiif.io/api/image"}'],
)  # fmt: skip
def test_what_is_no_iiif_document(body):
    with pytest.raises(InputError) as caught:
        read_iiif(URL, body)
    assert caught.value.code == "iiif.unreadable"


def test_a_manifest_is_read_to_its_end_or_not_at_all(monkeypatch):
    monkeypatch.setattr(iiif_presentation, "MAX_PHOTOS", 3)
    document = manifest3(*(canvas3(image3(str(n))) for n in range(3)))
    assert len(read(document).photos) == 3
    document["items"].append(canvas3(image3("4", service=[PROBE2])))
    with pytest.raises(InputError):
        read(document)


def test_what_is_said_once_is_read_once_for_all_canvases():
    """Ten thousand canvases below ten thousand rows: what is said of the whole is not read anew."""
    rows = [{"label": {"en": ["Date"]}, "value": {"none": ["x" * 50]}}] * 10_000
    document = manifest3(*(canvas3(image3(str(n))) for n in range(10_000)), metadata=rows,
                         summary={"en": ["<p>"] * 10_000})  # fmt: skip
    assert len(read(document).photos) == 10_000


def test_a_body_within_bodies_is_followed_some_way():
    body = image3()
    for _ in range(50):
        body = {"type": "Choice", "items": [body]}
    assert read(manifest3(canvas3(body))).photos == ()


KEYS = [
    "type", "@type", "id", "@id", "items", "sequences", "canvases", "images", "resource", "body",
    "motivation", "service", "profile", "@context", "label", "summary", "metadata", "value", "en",
    "@value", "@language", "navDate", "homepage", "related", "provider", "requiredStatement",
    "rights", "manifests", "first", "next", "source", "full", "default", "item", "format", "width",
    "height", "sizes", "maxWidth", "orderedItems", "object", "target", "endTime", "prev", "last",
    "partOf", "protocol",
]  # fmt: skip
WORDS = [
    "Manifest", "sc:Manifest", "Collection", "Canvas", "Annotation", "painting", "Image", "Choice",
    "SpecificResource", "OrderedCollection", "OrderedCollectionPage", "Create", "Delete", "Move",
    "Refresh", "https://a.example/x", "x", "1978", "level2", "ImageService3", "AuthProbeService2",
    "1978-05-12T00:00:00Z", "image/jpeg", "http://iiif.io/api/image", "", "Date", "\ud800",
    "http://[", "https://a.example/ y",
]  # fmt: skip
VALUES = st.recursive(
    st.sampled_from(WORDS) | st.none() | st.booleans() | st.integers() | st.floats(),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=6)
    ),
    max_leaves=40,
)
TYPES = ["Manifest", "Collection", "OrderedCollection", "OrderedCollectionPage"]


@given(st.sampled_from(TYPES), st.dictionaries(st.sampled_from(KEYS), VALUES))
def test_any_document_is_read_or_unreadable_and_its_urls_are_in_one_spelling(kind, document):
    try:
        found = read(document | {"type": kind}, since=datetime(2020, 1, 1, tzinfo=UTC))
    except InputError as error:
        assert error.code == "iiif.unreadable"
        return
    places = [photo.url for photo in found.photos]
    places += [photo.page_url for photo in found.photos if photo.page_url]
    places += [link.url for link in found.links] + [*found.gone]
    assert all(parse_url(place).text == place for place in places)


@given(st.sampled_from(["items", "metadata", "label", "homepage"]), VALUES)
def test_no_value_in_any_place_of_a_good_manifest_is_an_error(key, value):
    good = manifest3(canvas3(image3()), label={"en": ["Whole"]})
    found = read(good | {key: value})
    assert len(found.photos) == 1 or key == "items"

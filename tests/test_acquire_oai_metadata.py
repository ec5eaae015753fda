"""The photos that a record tells of in Dublin Core, EDM, LIDO, MODS and METS."""

from hypothesis import given
from hypothesis import strategies as st

from vultus.acquire.document import read_xml
from vultus.acquire.found import Beside, Item
from vultus.acquire.oai_metadata import photos_of
from vultus.acquire.url import parse_url

BASE = "https://archive.example/oai"
SPACES = " ".join(
    f'xmlns:{prefix}="{space}"'
    for prefix, space in {
        "dc": "http://purl.org/dc/elements/1.1/",
        "dcterms": "http://purl.org/dc/terms/",
        "edm": "http://www.europeana.eu/schemas/edm/",
        "ore": "http://www.openarchives.org/ore/terms/",
        "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
        "skos": "http://www.w3.org/2004/02/skos/core#",
        "ebucore": "http://www.ebu.ch/metadata/ontologies/ebucore/ebucore#",
        "lido": "http://www.lido-schema.org",
        "mods": "http://www.loc.gov/mods/v3",
        "mets": "http://www.loc.gov/METS/",
        "xlink": "http://www.w3.org/1999/xlink",
        "dv": "http://dfg-viewer.de/",
    }.items()
)


def photos(inner):
    return photos_of(BASE, read_xml(f"<metadata {SPACES}>{inner}</metadata>".encode()))


def urls(inner):
    return [photo.url.removeprefix("https://a.example/") for photo in photos(inner)]


# --- Dublin Core ----------------------------------------------------------------------------------


def dc(**said):
    """A record of Dublin Core; each value is a text or a list of texts."""
    return "<dc>" + "".join(
        f"<dc:{name}>{text}</dc:{name}>"
        for name, texts in said.items()
        for text in ([texts] if isinstance(texts, str) else texts)
    ) + "</dc>"  # fmt: skip


def test_dc_images_are_what_ends_as_such_and_the_page_is_the_other_identifier():
    (photo,) = photos(dc(identifier=["ark:/1/2", "https://a.example/page", "ISBN 1"],
                         relation="https://a.example/large.JPG?v=2"))  # fmt: skip
    assert photo.url == "https://a.example/large.JPG?v=2"
    assert photo.page_url == "https://a.example/page"
    assert urls(dc(source=" https://a.example/a.tif ")) == ["a.tif"]
    assert urls(dc(identifier="http://[/a.jpg", relation="a.jpg", source="ftp://a/b.jpg")) == []


def test_dc_of_several_sizes_the_small_one_is_left_out():
    assert urls(dc(identifier=["https://a.example/thumbs/a.jpg", "https://a.example/a.jpg"])) == [
        "a.jpg"
    ]
    assert urls(dc(identifier="https://a.example/thumbs/a.jpg")) == ["thumbs/a.jpg"]


def test_dc_a_format_says_that_the_identifier_is_an_image():
    identifiers = ["https://doi.org/10.1/2", "https://a.example/download/7"]
    assert urls(dc(identifier=identifiers)) == []
    (photo,) = photos(dc(identifier=identifiers, format=["A4", "image/jpeg"]))
    assert (photo.url, photo.page_url) == (identifiers[1], identifiers[0])


def test_dc_languages_dates_and_rights():
    inner = dc(identifier="https://a.example/a.jpg", date=["c. 1978", "May 1978"],
               rights=["Free", "http://rightsstatements.org/vocab/InC/1.0/"],
               creator=["A", "B", "A"], subject="Not a person", language=["zxx", "fr"])  # fmt: skip
    titles = '<dc:title xml:lang="de">Zwei</dc:title><dc:title xml:lang="nl">Twee</dc:title>'
    (photo,) = photos(inner.replace("</dc>", titles + "</dc>"))
    assert photo.beside == Beside(
        title="Twee", credit="A; B", licence="http://rightsstatements.org/vocab/InC/1.0/",
        date="1978-05", date_precision="month", date_source="oai:dc:date", language="nl",
    )  # fmt: skip
    (photo,) = photos(inner)
    assert photo.beside.language == "fr"


# --- EDM ------------------------------------------------------------------------------------------

EDM = """<rdf:RDF>
<edm:ProvidedCHO rdf:about="#7">
  <dc:title xml:lang="en">Desk</dc:title><dc:description xml:lang="en">Two women</dc:description>
  <dc:creator rdf:resource="#maker"/><dc:subject rdf:resource="#mia"/>
  <dc:subject>Offices</dc:subject>
  <dc:subject rdf:resource="#place"/><dcterms:created>1978-05-12</dcterms:created>
  <dc:date>1999</dc:date><edm:type>IMAGE</edm:type>
</edm:ProvidedCHO>
<edm:Agent rdf:about="#maker"><skos:prefLabel>A. Voorbeeld</skos:prefLabel></edm:Agent>
<edm:Agent rdf:about="#mia"><skos:prefLabel xml:lang="nl">Mia</skos:prefLabel></edm:Agent>
<edm:Place rdf:about="#place"><skos:prefLabel>Gent</skos:prefLabel></edm:Place>
<edm:WebResource rdf:about="https://a.example/1.jpg">
  <edm:rights rdf:resource="http://creativecommons.org/publicdomain/zero/1.0/"/>
</edm:WebResource>
<ore:Aggregation rdf:about="#a">
  <edm:aggregatedCHO rdf:resource="#7"/><edm:dataProvider>Archive</edm:dataProvider>
  <edm:isShownAt rdf:resource="https://a.example/objects/7"/>
  <edm:isShownBy rdf:resource="https://a.example/1.jpg"/>
  <edm:hasView rdf:resource="https://a.example/2"/>
  <edm:object rdf:resource="https://a.example/thumb.jpg"/>
  <edm:rights rdf:resource="http://rightsstatements.org/vocab/InC/1.0/"/>
</ore:Aggregation></rdf:RDF>"""


def test_edm_what_it_is_shown_by_and_further_views():
    first, second = photos(EDM)
    assert first == Item(
        "https://a.example/1.jpg",
        "https://a.example/objects/7",
        beside=Beside("Desk", "Two women", "oai:dc:description", "A. Voorbeeld",
                      "http://creativecommons.org/publicdomain/zero/1.0/", "1978-05-12", "day",
                      "oai:dcterms:created", ("Mia",), "en"),
    )  # fmt: skip
    assert second.url == "https://a.example/2"
    assert second.beside.licence == "http://rightsstatements.org/vocab/InC/1.0/"


def test_edm_the_object_where_nothing_else_is_shown():
    without = EDM.replace("edm:isShownBy", "edm:other").replace("edm:hasView", "edm:other")
    assert urls(without) == ["thumb.jpg"]


def test_edm_films_and_sounds_are_no_photos():
    assert urls(EDM.replace(">IMAGE<", ">VIDEO<")) == ["1.jpg"]
    typed = "<ebucore:hasMimeType>video/mp4</ebucore:hasMimeType></edm:WebResource>"
    assert urls(EDM.replace("</edm:WebResource>", typed)) == ["2"]


def test_edm_the_provider_is_the_credit_where_no_maker_is_named():
    (photo, _) = photos(EDM.replace('<dc:creator rdf:resource="#maker"/>', ""))
    assert photo.beside.credit == "Archive"


def test_edm_what_a_proxy_says_and_an_agent_within():
    inner = """<rdf:RDF><ore:Proxy rdf:about="#p"><ore:proxyFor rdf:resource="#7"/>
    <dc:title>Desk</dc:title><dc:subject><edm:Agent><skos:prefLabel>Lea</skos:prefLabel></edm:Agent>
    </dc:subject></ore:Proxy><ore:Aggregation><edm:aggregatedCHO rdf:resource="#7"/>
    <edm:isShownBy rdf:resource="https://a.example/1.jpg"/></ore:Aggregation></rdf:RDF>"""
    (photo,) = photos(inner)
    assert photo.beside == Beside(title="Desk", persons=("Lea",))


def test_edm_is_read_in_linear_time():
    """Thousands of aggregations of one large thing: it is looked at once."""
    thing = "<dc:title>x</dc:title>" * 5_000
    agents = '<dc:subject rdf:resource="#mia"/>' * 5_000
    aggregation = EDM[EDM.index("<ore:Aggregation") : EDM.index("</rdf:RDF>")]
    inner = EDM.replace("<edm:type>", f"{thing}{agents}<edm:type>")
    assert len(photos(inner.replace("</rdf:RDF>", aggregation * 5_000 + "</rdf:RDF>"))) == 2


# --- LIDO -----------------------------------------------------------------------------------------

LIDO = """<lido:lido><lido:descriptiveMetadata xml:lang="de">
<lido:objectIdentificationWrap>
  <lido:titleWrap><lido:titleSet><lido:appellationValue xml:lang="de">Zwei Frauen
    </lido:appellationValue></lido:titleSet></lido:titleWrap>
  <lido:objectDescriptionWrap><lido:objectDescriptionSet><lido:descriptiveNoteValue xml:lang="de">
    In der Redaktion</lido:descriptiveNoteValue></lido:objectDescriptionSet>
  </lido:objectDescriptionWrap></lido:objectIdentificationWrap>
<lido:eventWrap>
 <lido:eventSet><lido:event><lido:eventType><lido:term>Acquisition</lido:term></lido:eventType>
  <lido:eventDate><lido:displayDate>1999</lido:displayDate></lido:eventDate></lido:event>
 </lido:eventSet>
 <lido:eventSet><lido:event><lido:eventType>
   <lido:conceptID>http://terminology.lido-schema.org/lido00007</lido:conceptID></lido:eventType>
  <lido:eventActor><lido:actorInRole><lido:actor><lido:nameActorSet>
   <lido:appellationValue>A. Beispiel</lido:appellationValue>
   <lido:appellationValue>Beispiel, A.</lido:appellationValue></lido:nameActorSet></lido:actor>
  </lido:actorInRole></lido:eventActor>
  <lido:eventDate><lido:displayDate>um 1978</lido:displayDate><lido:date>
   <lido:earliestDate>1978-05-01</lido:earliestDate><lido:latestDate>1978-05-31</lido:latestDate>
  </lido:date></lido:eventDate></lido:event></lido:eventSet></lido:eventWrap>
<lido:objectRelationWrap><lido:subjectWrap><lido:subjectSet><lido:subject>
 <lido:subjectActor><lido:actor lido:type="person"><lido:nameActorSet>
  <lido:appellationValue>Mia</lido:appellationValue></lido:nameActorSet></lido:actor></lido:subjectActor>
 <lido:subjectActor><lido:actor lido:type="corporation"><lido:nameActorSet>
  <lido:appellationValue>De Dag</lido:appellationValue></lido:nameActorSet></lido:actor>
 </lido:subjectActor></lido:subject></lido:subjectSet></lido:subjectWrap></lido:objectRelationWrap>
</lido:descriptiveMetadata>
<lido:administrativeMetadata xml:lang="de">
<lido:recordWrap><lido:recordInfoSet><lido:recordInfoLink>https://a.example/objects/7
 </lido:recordInfoLink></lido:recordInfoSet></lido:recordWrap>
<lido:resourceWrap><lido:resourceSet>
 <lido:resourceRepresentation lido:type="image_thumb"><lido:linkResource>
  https://a.example/s.jpg</lido:linkResource></lido:resourceRepresentation>
 <lido:resourceRepresentation lido:type="image_master">
  <lido:linkResource lido:formatResource="image/jpeg">https://a.example/l.jpg</lido:linkResource>
 </lido:resourceRepresentation>
 <lido:resourceRepresentation><lido:linkResource lido:formatResource="application/pdf">
  https://a.example/large.pdf</lido:linkResource></lido:resourceRepresentation>
 <lido:rightsResource><lido:rightsType><lido:conceptID>
  https://creativecommons.org/licenses/by-sa/4.0/</lido:conceptID><lido:term>CC BY-SA</lido:term>
  </lido:rightsType><lido:creditLine>Archiv / Beispiel</lido:creditLine></lido:rightsResource>
</lido:resourceSet></lido:resourceWrap></lido:administrativeMetadata></lido:lido>"""


def test_lido_the_largest_representation_with_what_stands_beside_it():
    item = Item(
        "https://a.example/l.jpg",
        "https://a.example/objects/7",
        beside=Beside("Zwei Frauen", "In der Redaktion", "oai:lido:descriptiveNoteValue",
                      "Archiv / Beispiel", "https://creativecommons.org/licenses/by-sa/4.0/",
                      "1978-05", "month", "oai:lido:eventDate", ("Mia",), "de"),
    )  # fmt: skip
    assert photos(LIDO) == [item]
    assert photos(f"<lido:lidoWrap>{LIDO}</lido:lidoWrap>") == [item]
    maker = LIDO.replace("<lido:creditLine>Archiv / Beispiel</lido:creditLine>", "")
    assert photos(maker)[0].beside.credit == "A. Beispiel"


def test_lido_a_width_says_more_than_a_name():
    width = """<lido:resourceMeasurementsSet><lido:measurementType>width</lido:measurementType>
    <lido:measurementValue>900</lido:measurementValue></lido:resourceMeasurementsSet>"""
    end = "https://a.example/s.jpg</lido:linkResource>"
    assert urls(LIDO.replace(end, end + width)) == ["s.jpg"]


def test_lido_a_description_of_the_photo_and_the_date_when_it_was_taken():
    said = """<lido:resourceDescription xml:lang="en">Taken at night</lido:resourceDescription>
    <lido:resourceDateTaken><lido:displayDate>12 May 1978</lido:displayDate>
    </lido:resourceDateTaken></lido:resourceSet>"""
    start, end = LIDO.index("<lido:eventWrap>"), LIDO.index("<lido:objectRelationWrap>")
    (photo,) = photos((LIDO[:start] + LIDO[end:]).replace("</lido:resourceSet>", said))
    assert (photo.beside.caption, photo.beside.language) == ("Taken at night", "en")
    assert (photo.beside.date, photo.beside.date_source) == (
        "1978-05-12", "oai:lido:resourceDateTaken",
    )  # fmt: skip


# --- MODS and METS --------------------------------------------------------------------------------

MODS = """<mods:mods><mods:titleInfo><mods:title>Two women</mods:title></mods:titleInfo>
<mods:titleInfo type="alternative"><mods:title>Desk</mods:title></mods:titleInfo>
<mods:name type="personal"><mods:namePart type="family">Voorbeeld</mods:namePart>
 <mods:namePart type="given">A.</mods:namePart><mods:namePart type="date">1940-</mods:namePart>
 <mods:role><mods:roleTerm type="code">pht</mods:roleTerm></mods:role></mods:name>
<mods:name><mods:namePart>Lea</mods:namePart><mods:role><mods:roleTerm>Depicted</mods:roleTerm>
 </mods:role></mods:name>
<mods:name><mods:namePart>An Editor</mods:namePart><mods:role><mods:roleTerm>edt</mods:roleTerm>
 </mods:role></mods:name>
<mods:originInfo><mods:dateCreated qualifier="approximate">1970</mods:dateCreated>
 <mods:dateCreated encoding="w3cdtf" point="start">1978-05-01</mods:dateCreated>
 <mods:dateCreated encoding="w3cdtf" point="end">1978-06-30</mods:dateCreated>
 <mods:dateIssued>1999</mods:dateIssued></mods:originInfo>
<mods:language><mods:languageTerm>eng</mods:languageTerm></mods:language>
<mods:abstract>In the newsroom</mods:abstract>
<mods:subject><mods:name type="personal"><mods:displayForm>Mia</mods:displayForm></mods:name>
 <mods:name type="corporate"><mods:namePart>De Dag</mods:namePart></mods:name></mods:subject>
<mods:location>
 <mods:url access="object in context" usage="primary display">https://a.example/7</mods:url>
 <mods:url access="preview">https://a.example/p.jpg</mods:url>
 <mods:url access="raw object">https://a.example/raw/7</mods:url></mods:location>
<mods:accessCondition type="use and reproduction"
  xlink:href="http://creativecommons.org/licenses/by/4.0/">By</mods:accessCondition>
<mods:relatedItem><mods:location><mods:url access="raw object">https://a.example/other.jpg</mods:url>
 </mods:location></mods:relatedItem></mods:mods>"""
SAID = Beside("Two women", "In the newsroom", "oai:mods:abstract", "A. Voorbeeld",
              "http://creativecommons.org/licenses/by/4.0/", "1978", "year",
              "oai:mods:dateCreated", ("Mia", "Lea"), "eng")  # fmt: skip


def test_mods_the_raw_object():
    assert photos(MODS) == [Item("https://a.example/raw/7", "https://a.example/7", beside=SAID)]
    assert len(photos(f"<mods:modsCollection>{MODS}</mods:modsCollection>")) == 1


def test_mods_a_raw_object_that_is_no_image_and_an_image_that_is_not_called_raw():
    typed = "<mods:physicalDescription><mods:internetMediaType>audio/mpeg</mods:internetMediaType>"
    audio = MODS.replace("<mods:language>", typed + "</mods:physicalDescription><mods:language>")
    assert urls(audio) == ["p.jpg"]
    assert urls(MODS.replace(' access="raw object"', "")) == ["p.jpg"]


def group(use, *names, kind="image/jpeg"):
    return f'<mets:fileGrp USE="{use}">' + "".join(
        f'<mets:file MIMETYPE="{kind}"><mets:FLocat xlink:href="https://a.example/{name}"/>'
        "</mets:file>" for name in names
    ) + "</mets:fileGrp>"  # fmt: skip


def mets(*groups, more=""):
    return f"<mets:mets>{more}<mets:fileSec>{''.join(groups)}</mets:fileSec></mets:mets>"


def test_mets_the_group_with_the_largest_images():
    thumbs, default = group("THUMBS", "t1", "t2"), group("DEFAULT", "d1", "d2")
    assert urls(mets(thumbs, default, group("MAX", "m1", "m2"), group("MIN", "s1"))) == ["m1", "m2"]
    assert urls(mets(thumbs, default)) == ["d1", "d2"]
    assert urls(mets(thumbs, group("page images", "p1"))) == ["p1"]
    assert urls(mets(thumbs)) == ["t1", "t2"]
    assert urls(mets(default, group("MAX", "m.pdf", kind="application/pdf"))) == ["d1", "d2"]
    assert urls(mets(f'<mets:fileGrp USE="MASTER">{group("", "n1")}</mets:fileGrp>')) == ["n1"]


def test_mets_what_its_mods_and_the_viewer_say():
    inner = f"<mets:mdWrap><mets:xmlData>{MODS}</mets:xmlData></mets:mdWrap>"
    section = f"<mets:dmdSec>{inner}</mets:dmdSec>"
    viewer = (
        "<dv:rights><dv:owner>Library</dv:owner><dv:license>pdm</dv:license></dv:rights>"
        "<dv:links><dv:presentation>https://a.example/show</dv:presentation></dv:links>"
    )
    assert photos(mets(group("MAX", "m"), more=section + viewer)) == [
        Item("https://a.example/m", "https://a.example/show", beside=SAID)
    ]
    (photo,) = photos(mets(group("MAX", "m"), more=viewer))
    assert photo.beside == Beside(credit="Library", licence="pdm")


# --- junk -----------------------------------------------------------------------------------------

NAMES = [
    "rdf:RDF", "ore:Aggregation", "edm:isShownBy", "edm:aggregatedCHO", "edm:ProvidedCHO",
    "dc:identifier", "dc:creator", "dc:format", "dc:date", "lido:lido", "lido:resourceSet",
    "lido:administrativeMetadata", "lido:resourceWrap", "lido:resourceRepresentation",
    "lido:linkResource", "lido:event", "lido:eventType", "lido:date", "mods:mods", "mods:location",
    "mods:url", "mods:name", "mods:originInfo", "mods:dateCreated", "mets:mets", "mets:fileSec",
    "mets:fileGrp", "mets:file", "mets:FLocat", "dv:presentation", "skos:prefLabel",
]  # fmt: skip
TEXTS = [
    "https://a.example/a.jpg",
    "https://a.example/b",
    "http://[",
    "1978",
    "image/jpeg",
    "",
    "x",
]
ATTRIBUTES = ["", ' rdf:resource="https://a.example/a.jpg"', ' rdf:about="#7"', ' USE="MAX"',
              ' xlink:href="https://a.example/m"', ' access="raw object"',
              ' MIMETYPE="image/png"', ' point="start"', ' rdf:resource="#7"']  # fmt: skip


def element(parts):
    (name, attribute), inner = parts
    return f"<{name}{attribute}>{''.join(inner)}</{name}>"


TREES = st.recursive(
    st.sampled_from(TEXTS),
    lambda inner: st.tuples(
        st.tuples(st.sampled_from(NAMES), st.sampled_from(ATTRIBUTES)),
        st.lists(inner, max_size=5),
    ).map(element),
    max_leaves=30,
)


@given(st.lists(TREES, max_size=4))
def test_any_metadata_is_read_and_its_urls_are_in_one_spelling(trees):
    for photo in photos("".join(trees)):
        assert parse_url(photo.url).text == photo.url
        assert photo.page_url is None or parse_url(photo.page_url).text == photo.page_url

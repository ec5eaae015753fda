"""What a picture holds in itself about its use: IPTC and PLUS in XMP, C2PA and CAWG."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vultus.acquire import embedded
from vultus.acquire.rule import RULES
from vultus.acquire.signal import MAX_RAW, Signal


def short(value: object) -> str:
    """The id of a case, which is not as long as its value."""
    return repr(value)[:40]


def rules(signals: list[Signal]) -> list[str]:
    return [found.rule for found in signals]


# --- IPTC and PLUS ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "rule"),
    [
        ("DMI-PROHIBITED", "prohibited"), ("DMI-ALLOWED", "allowed"),
        ("DMI-UNSPECIFIED", "unspecified"), ("DMI-PROHIBITED-AIMLTRAINING", "training_only"),
        ("DMI-PROHIBITED-GENAIMLTRAINING", "training_only"),
        ("DMI-PROHIBITED-EXCEPTSEARCHENGINEINDEXING", "prohibited"),
        ("DMI-PROHIBITED-SEECONSTRAINT", "constrained"),
        ("DMI-PROHIBITED-SEEEMBEDDEDRIGHTSEXPR", "constrained"),
        ("DMI-PROHIBITED-SEELINKEDRIGHTSEXPR", "constrained"),
        ("http://ns.useplus.org/ldf/vocab/DMI-PROHIBITED", "prohibited"),
        (" dmi-allowed ", "allowed"), ("DMI-SOMETHING", "unreadable"), ("", "unreadable"),
    ],
)  # fmt: skip
def test_iptc_data_mining(value, rule):
    """IPTC Photo Metadata 2023.1, Data Mining (PLUS vocabulary)."""
    assert embedded.data_mining(value).rule == f"iptc-data-mining.{rule}"


XMP = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description '
    'xmlns:plus="http://ns.useplus.org/ldf/xmp/1.0/" %s</rdf:Description></rdf:RDF></x:xmpmeta>'
    '<?xpacket end="w"?>'
)
VALUE = "http://ns.useplus.org/ldf/vocab/DMI-PROHIBITED"


@pytest.mark.parametrize(
    "inside",
    [
        f'plus:DataMining="{VALUE}">',
        f"><plus:DataMining> {VALUE} </plus:DataMining>",
        f'><plus:DataMining rdf:resource="{VALUE}"/>',
        f"><plus:DataMining><rdf:Bag><rdf:li>{VALUE}</rdf:li></rdf:Bag></plus:DataMining>",
    ],
    ids=["attribute", "text", "resource", "list"],
)
def test_xmp_writes_a_property_in_several_ways(inside):
    packet = (XMP % inside).encode() + b" " * 100 + b"\0"
    assert rules(embedded.xmp(packet)) == ["iptc-data-mining.prohibited"]


def test_xmp_without_the_property_says_nothing_and_with_two_values_says_both():
    assert embedded.xmp((XMP % ">").encode()) == []
    both = 'plus:DataMining="DMI-ALLOWED"><plus:DataMining>DMI-PROHIBITED</plus:DataMining>'
    assert rules(embedded.xmp((XMP % both).encode())) == [
        "iptc-data-mining.allowed", "iptc-data-mining.prohibited",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "packet",
    [
        b"", b"not xml", b"<a><!-- ", b"<!DOCTYPE a><a/>", b"<a>" * 100_000, b"\0\0",
        b"<a/>" + b" " * embedded.MAX_XMP_BYTES + b"<", (XMP % "><plus:DataMining/>").encode(),
    ],
    ids=short,
)  # fmt: skip
def test_xmp_that_cannot_be_read_denies(packet):
    assert rules(embedded.xmp(packet)) == ["iptc-data-mining.unreadable"]


# --- C2PA and CAWG ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entries", "found"),
    [
        ({"cawg.data_mining": {"use": "notAllowed"}}, ["not_allowed"]),
        ({"cawg.ai_inference": {"use": "notAllowed"}}, ["not_allowed"]),
        ({"c2pa.data_mining": {"use": "notAllowed"}}, ["not_allowed"]),
        ({"cawg.data_mining": "notAllowed"}, ["not_allowed"]),
        ({"cawg.data_mining": {"use": "constrained", "constraint_info": "ask"}}, ["constrained"]),
        ({"cawg.data_mining": {"use": "allowed"}}, ["allowed"]),
        ({"cawg.data_mining": {"use": "allowed"}, "cawg.ai_inference": {"use": "notAllowed"}},
         ["allowed", "not_allowed"]),
        ({"cawg.ai_training": {"use": "notAllowed"}}, ["training_only"]),
        ({"cawg.ai_generative_training": {"use": "notAllowed"}}, ["training_only"]),
        ({"example.other": {"use": "notAllowed"}}, ["not_said"]),
        ({"cawg.data_mining": {"use": "notallowed"}}, ["unreadable"]),
        ({"cawg.data_mining": {}}, ["unreadable"]), ({"cawg.data_mining": None}, ["unreadable"]),
        ({"cawg.data_mining": {"use": ["allowed"]}}, ["unreadable"]),
        ({}, ["unreadable"]), ([], ["unreadable"]), ({1: "allowed"}, ["unreadable"]),
        ({str(n): "allowed" for n in range(201)}, ["unreadable"]),
    ],
    ids=short,
)  # fmt: skip
def test_cawg_training_and_data_mining(entries, found):
    """CAWG training and data mining assertion 1.1, and its c2pa forerunner."""
    expected = [f"c2pa-training-mining.{word}" for word in found]
    assert rules(embedded.training_mining({"entries": entries})) == expected
    if isinstance(entries, dict) and entries:
        assert rules(embedded.training_mining(entries)) == expected


def test_cawg_what_is_no_assertion_denies():
    for assertion in (None, "allowed", [], 1, {"entries": None}):
        assert rules(embedded.training_mining(assertion)) == ["c2pa-training-mining.unreadable"]


# --- properties -----------------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["location", "tdm-reservation", "entries", "use", "x"]), inner
        )
    ),
    max_leaves=8,
)


def check(signals: list[Signal]) -> None:
    for found in signals:
        assert found.says is RULES[found.rule].says
        assert found.rule.startswith(found.name + ".")
        assert len(found.raw) <= MAX_RAW


@given(st.binary() | st.text().map(lambda text: (XMP % f">{text}").encode()))
def test_no_packet_raises(packet):
    check(embedded.xmp(packet))


@given(JSON)
def test_no_assertion_raises(value):
    found = embedded.training_mining(value)
    check(found)
    assert found

"""The decision: what outweighs what, how it is kept (docs/formats/permit.md), how it is told."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vultus import canonical
from vultus.acquire.decision import MAX_SIGNALS, Decision
from vultus.acquire.permit import decide
from vultus.acquire.robots import Answer, of_response, parse
from vultus.acquire.rule import RULES, Says, Weight
from vultus.acquire.signal import MAX_RAW, Place, Signal, signal
from vultus.errors import IntegrityError

URL = "https://photos.example/a.jpg"
NOW = datetime(2026, 11, 24, 8, 7, 38, 123456, tzinfo=UTC)
FREE = parse(b"User-agent: *\nDisallow: /private").answer(URL)
CLOSED = parse(b"User-agent: *\nDisallow: /").answer(URL)

SIGNAL_RULES = [rule for rule in RULES if not rule.startswith("robots.")]
DENYING = [rule for rule in SIGNAL_RULES if RULES[rule].says is Says.DENY]
OTHERS = [rule for rule in SIGNAL_RULES if RULES[rule].says is not Says.DENY]
STANDING = [rule for rule in DENYING if RULES[rule].weight is Weight.STANDS]
RESERVING = [rule for rule in DENYING if RULES[rule].weight is Weight.RESERVES]
SIGNALS = st.builds(
    signal, st.sampled_from(SIGNAL_RULES), st.sampled_from(Place), st.text(max_size=600)
)
ANSWERS = st.sampled_from(
    [FREE, CLOSED, of_response(503).answer(URL), of_response(404).answer(URL)]
)
DECISIONS = st.builds(
    decide,
    st.text(max_size=40).filter(lambda text: text.isprintable()),
    ANSWERS,
    st.lists(SIGNALS, max_size=5),
    licence=st.booleans(),
    at=st.datetimes(timezones=st.just(UTC)),
)


def found(*rules: str, place: Place = Place.PAGE) -> list[Signal]:
    return [signal(rule, place, "as found") for rule in rules]


def decision(*rules: str, licence: bool = False, robots: Answer | None = FREE) -> Decision:
    return decide(URL, robots, found(*rules), licence=licence, at=NOW)


# --- the table -----------------------------------------------------------------------------------


def test_nothing_found_is_permitted():
    made = decision()
    assert (made.permitted, made.may_enrol, made.rule) == (True, True, "permit.allowed")


@pytest.mark.parametrize("licence", [False, True])
@pytest.mark.parametrize("status", [None, 401, 403, 429, 500, 503, 302])
def test_a_host_without_a_readable_robots_txt_is_denied(status, licence):
    answer = of_response(status).answer(URL)
    made = decide(URL, answer, found("rsl.permits"), licence=licence, at=NOW)
    assert (made.permitted, made.may_enrol, made.rule) == (False, False, answer.rule)


def test_a_robots_txt_that_was_not_asked_denies():
    made = decision(robots=None, licence=True)
    assert (made.permitted, made.rule) == (False, "robots.not_asked")


def test_no_licence_outweighs_robots_txt():
    made = decision("tdm-reservation.reserved", licence=True, robots=CLOSED)
    assert (made.permitted, made.may_enrol, made.rule) == (False, False, "robots.disallow")


@pytest.mark.parametrize("rule", DENYING)
def test_each_signal_that_denies_denies_the_enrolment_alone(rule):
    made = decision(*OTHERS, rule)
    assert (made.permitted, made.may_enrol, made.rule) == (True, False, rule)


@pytest.mark.parametrize("rule", STANDING)
def test_no_licence_outweighs_what_keeps_out_of_an_index(rule):
    assert not decision(rule, licence=True).may_enrol


@pytest.mark.parametrize("rule", RESERVING)
def test_a_licence_outweighs_what_reserves_a_right(rule):
    made = decision(rule, licence=True)
    assert (made.may_enrol, made.rule) == (True, "permit.licence")


def test_the_table_has_the_rules_that_governance_names():
    """Anchors, governance.md 1a: which signals a licence outweighs."""
    assert set(STANDING) == {
        f"{name}.{word}"
        for name in ("x-robots-tag", "meta-robots")
        for word in ("noindex", "none", "noimageindex", "unavailable_after", "unreadable")
    }
    assert {rule.partition(".")[0] for rule in RESERVING} == {
        "x-robots-tag", "meta-robots", "tdm-reservation", "content-usage", "content-signal", "rsl",
        "ai-txt", "iptc-data-mining", "c2pa-training-mining",
    }  # fmt: skip
    for name in {rule.rpartition(".")[0] for rule in SIGNAL_RULES}:
        assert RULES[f"{name}.unreadable"].says is Says.DENY


@pytest.mark.parametrize("rule", OTHERS)
def test_what_is_silent_or_allows_does_not_deny(rule):
    assert decision(rule).rule == "permit.allowed"


def test_of_several_the_one_that_nothing_outweighs_decides():
    made = decision("rsl.payment", "meta-robots.noindex", "tdm-reservation.reserved")
    assert made.rule == "meta-robots.noindex"
    assert decision("rsl.payment", "tdm-reservation.reserved").rule == "tdm-reservation.reserved"


@pytest.mark.parametrize("says", list(Says))
def test_a_rule_that_is_not_known_denies_whatever_it_says(says):
    strange = Signal("x-new", Place.PAGE, "1", says, "x-new.thing")
    made = decide(URL, FREE, [strange], licence=True, at=NOW)
    assert (made.may_enrol, made.rule) == (False, "x-new.thing")


def test_a_signal_cannot_say_that_a_denying_rule_allows():
    forged = Signal("rsl", Place.SITE_FILE, "", Says.ALLOW, "rsl.payment")
    assert not decide(URL, FREE, [forged], licence=False, at=NOW).may_enrol


def test_tdmrep_the_header_of_the_picture_overrides_the_file():
    """TDMRep final report: a header field takes precedence over the file on the origin server."""
    file = found("tdm-reservation.reserved", place=Place.SITE_FILE)
    header = found("tdm-reservation.not_reserved", place=Place.IMAGE_HEADER)
    made = decide(URL, FREE, file + header, licence=False, at=NOW)
    assert made.may_enrol
    assert made.signals == (*file, *header)
    assert "header says otherwise" in made.explain()[2]


@pytest.mark.parametrize(
    ("rules", "place"),
    [
        (["tdm-reservation.not_reserved"], Place.PAGE_HEADER),
        (["tdm-reservation.not_reserved", "tdm-reservation.reserved"], Place.IMAGE_HEADER),
        (["tdm-reservation.unreadable"], Place.IMAGE_HEADER),
    ],
    ids=["page", "both", "unreadable"],
)
def test_tdmrep_no_other_header_does(rules, place):
    file = found("tdm-reservation.reserved", place=Place.SITE_FILE)
    assert not decide(URL, FREE, file + found(*rules, place=place), licence=False, at=NOW).may_enrol


def test_tdmrep_the_header_of_the_picture_does_not_override_that_of_the_page():
    page = found("tdm-reservation.reserved", place=Place.PAGE_HEADER)
    header = found("tdm-reservation.not_reserved", place=Place.IMAGE_HEADER)
    assert not decide(URL, FREE, page + header, licence=False, at=NOW).may_enrol


def test_tdmrep_a_file_that_cannot_be_read_is_not_overridden():
    file = found("tdm-reservation.unreadable", place=Place.SITE_FILE)
    header = found("tdm-reservation.not_reserved", place=Place.IMAGE_HEADER)
    assert not decide(URL, FREE, file + header, licence=False, at=NOW).may_enrol


@given(ANSWERS, st.lists(SIGNALS, max_size=6), st.booleans(), st.randoms())
def test_the_order_in_which_signals_are_found_means_nothing(answer, signals, licence, random):
    one = decide(URL, answer, signals, licence=licence, at=NOW)
    shuffled = random.sample(signals, len(signals))
    other = decide(URL, answer, shuffled, licence=licence, at=NOW)
    assert (one.permitted, one.may_enrol, one.rule) == (
        other.permitted,
        other.may_enrol,
        other.rule,
    )


@given(ANSWERS, st.lists(SIGNALS, max_size=5), st.sampled_from(STANDING), st.booleans())
def test_nothing_that_is_added_to_a_no_makes_it_a_yes(answer, signals, rule, licence):
    made = decide(URL, answer, [*signals, *found(rule)], licence=licence, at=NOW)
    assert not made.may_enrol


def test_what_is_no_evidence_is_refused():
    with pytest.raises(ValueError, match="zone"):
        decide(URL, FREE, [], licence=False, at=NOW.replace(tzinfo=None))
    with pytest.raises(ValueError, match="longer"):
        decide(URL + "a" * 9_000, FREE, [], licence=False, at=NOW)
    with pytest.raises(ValueError, match="longer"):
        decide(URL, FREE, found("rsl.permits") * (MAX_SIGNALS + 1), licence=False, at=NOW)


# --- as it is kept -------------------------------------------------------------------------------


def test_the_record_of_a_decision():
    made = decide(URL, CLOSED, found("rsl.payment"), licence=False, at=NOW)
    assert made.to_bytes() == (
        b'{"evidence":"%s","licence":false,"may_enrol":false,"permitted":false,'
        b'"robots":{"body_sha256":"%s","line":"disallow: /","rule":"robots.disallow"},'
        b'"rule":"robots.disallow","signals":[{"name":"rsl","place":"page","raw":"as found",'
        b'"rule":"rsl.payment","says":"deny"}],"time":"2026-11-24T08:07:38.123Z",'
        b'"url":"https://photos.example/a.jpg","vultus_permit":1}'
        % (made.evidence.encode(), CLOSED.body_sha256.encode())
    )


@given(DECISIONS)
def test_a_decision_reads_back(made):
    assert Decision.from_bytes(made.to_bytes()) == made


def test_time_is_kept_in_utc_and_milliseconds():
    west = NOW.astimezone(timezone(timedelta(hours=-5)))
    made = decide(URL, FREE, [], licence=False, at=west)
    assert made.time == NOW.replace(microsecond=123000)
    assert made.to_bytes() == decide(URL, FREE, [], licence=False, at=NOW).to_bytes()


def test_the_evidence_is_of_what_was_found_and_not_of_when():
    later = decide(URL, FREE, [], licence=False, at=NOW + timedelta(days=1))
    assert later.evidence == decision().evidence
    assert decision("rsl.payment").evidence != decision().evidence
    assert decision(licence=True).evidence != decision().evidence
    assert decision(robots=CLOSED).evidence != decision().evidence


def code_of(data: bytes) -> str:
    with pytest.raises(IntegrityError) as raised:
        Decision.from_bytes(data)
    return raised.value.code


RECORD = decision("rsl.payment").to_bytes()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"}", b"} "), (b'":', b'": '), (b'"vultus_permit":1', b'"vultus_permit":2'),
        (b'"vultus_permit":1', b'"vultus_permit":1.0'), (b".123Z", b".123000Z"), (b".123Z", b"Z"),
        (b"08:07", b"24:07"), (b"Z", b"+00:00"), (b"true", b"1"), (b'"permitted":true,', b""),
        (b'"permitted":true', b'"permitted":null'), (b'"raw":"as found"', b'"raw":["as found"]'),
        (b'"raw":"as found"', b'"raw":"as \\u0066ound"'), (b'"deny"', b'"no"'),
        (b'"page"', b'"wall"'), (b'"rsl.payment"', b'"rsl payment"'), (b'"line":""', b'"line":[]'),
        (b'"url":"https', b'"url":1,"x":"'), (b'"signals":[', b'"signals":[1,'),
        (b'"vultus_permit":1', b'"vultus_permit":1,"z":1'), (b"as found", b"a" * (MAX_RAW + 1)),
        (b'"permitted":true', b'"permitted":true,"permitted":true'),
        (b'"may_enrol":false,"permitted":true', b'"may_enrol":true,"permitted":false'),
    ],
    ids=lambda value: repr(value)[:40],
)  # fmt: skip
def test_no_second_spelling_is_read(old, new):
    assert old in RECORD
    assert code_of(RECORD.replace(old, new)) == "permit.malformed"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"as found", b"as wished"), (b"a.jpg", b"b.jpg"), (b'"licence":false', b'"licence":true'),
        (b'"robots.no_rule"', b'"robots.allow"'), (b'"rsl.payment"', b'"rsl.permits"'),
    ],
)  # fmt: skip
def test_other_evidence_is_noticed(old, new):
    assert old in RECORD
    assert code_of(RECORD.replace(old, new)) == "permit.evidence_wrong"


@given(st.binary())
def test_nothing_else_is_read(data):
    assert code_of(data) == "permit.malformed"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)


@given(st.sampled_from(sorted(canonical.decode(RECORD))), JSON)
def test_no_field_of_another_kind_raises_anything_else(key, value):
    fields = canonical.decode(RECORD)
    if type(fields[key]) is not type(value):
        assert code_of(canonical.encode(fields | {key: value})) == "permit.malformed"


@given(st.sampled_from(["name", "place", "raw", "rule", "says"]), JSON)
def test_no_signal_of_another_kind_raises_anything_else(key, value):
    fields = canonical.decode(RECORD)
    if fields["signals"][0][key] != value:
        fields["signals"][0][key] = value
        code_of(canonical.encode(fields))


def test_what_decided_is_named_with_its_value():
    assert decision(robots=CLOSED).decided_by() == ("robots.txt", "disallow: /")
    assert decision("rsl.permits", "rsl.payment").decided_by() == ("rsl", "as found")
    assert decision().decided_by() == ("", "")
    assert decision("rsl.payment", licence=True).decided_by() == ("", "")


# --- as it is told -------------------------------------------------------------------------------


def test_the_owner_of_a_site_reads_why_nothing_was_fetched():
    assert decision(robots=CLOSED).explain() == [
        "This address may not be fetched.",
        "The site's robots.txt forbids this address. (“disallow: /”)",
        "Decided on 2026-11-24 at 08:07:38 UTC by the rule robots.disallow.",
    ]


def test_the_owner_of_a_site_reads_what_a_licence_outweighed():
    made = decision("tdm-reservation.reserved", licence=True)
    assert made.explain()[2] == (
        "The right to mine this content is reserved (TDMRep). (page: “as found”) "
        "The licence recorded for this source grants this."
    )


@given(DECISIONS)
def test_each_decision_is_told_in_whole_sentences_on_one_line_each(made):
    lines = made.explain()
    assert len(lines) == 3 + len(made.signals)
    assert all(line.isprintable() for line in lines)
    assert lines[0].endswith(".")


def test_a_rule_of_another_version_is_told_as_such():
    strange = Signal("x-new", Place.PAGE, "1", Says.DENY, "x-new.thing")
    made = decide(URL, FREE, [strange], licence=False, at=NOW)
    assert "another version, x-new.thing" in made.explain()[2]


@pytest.mark.parametrize("rule", RULES)
def test_each_rule_has_a_sentence(rule):
    assert RULES[rule].sentence[0].isupper()
    assert RULES[rule].sentence.endswith(".")

"""What a URL said is kept whole, and what of it is about pictures."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vultus.acquire.found import Link, Role
from vultus.acquire.robots import Answer
from vultus.acquire.rule import RULES
from vultus.acquire.said import Said, only_silence
from vultus.acquire.signal import Place, signal, unreadable

ALLOWED = Answer(True, "robots.no_rule")
SIGNALS = st.builds(
    signal, st.sampled_from(sorted(r for r in RULES if not r.startswith("robots."))),
    st.sampled_from(Place), st.text(max_size=30),
)  # fmt: skip
SAID = st.builds(
    Said,
    st.builds(Answer, st.booleans(), st.text(max_size=9), st.text(max_size=9)),
    st.lists(SIGNALS, max_size=4).map(tuple),
    st.lists(st.builds(Link, st.sampled_from(Role), st.text(max_size=9)), max_size=4).map(tuple),
    st.none() | st.text(max_size=9), st.none() | st.text(max_size=9),
    st.none() | st.binary(min_size=32, max_size=32), st.integers(0, 2**40),
    st.none() | st.text(max_size=9), st.booleans(),
)  # fmt: skip


@given(SAID)
def test_what_was_kept_is_what_was_said(said):
    assert Said.from_json(json.loads(json.dumps(said.to_json()))) == said


def test_what_a_page_says_counts_and_what_is_said_of_a_feed_alone_does_not():
    found = [signal(f"x-robots-tag.{w}", Place.PAGE_HEADER, w) for w in ("noindex", "noimageai")]
    said = Said(ALLOWED, tuple(found))
    assert said.of_its_pictures(Role.PAGE) == found
    assert said.of_its_pictures(Role.FEED) == found[1:]


def test_a_page_that_may_not_be_asked_for_says_no():
    (found,) = Said(Answer(False, "robots.disallow")).of_its_pictures(Role.PAGE)
    assert found.rule == "meta-robots.unreadable"


SILENT = unreadable("tdm-reservation", Place.SITE_FILE, "no answer")
NOINDEX = signal("x-robots-tag.noindex", Place.IMAGE_HEADER, "noindex")


@pytest.mark.parametrize(
    ("signals", "answer", "silent", "is_only"),
    [
        ([SILENT], ALLOWED, True, True),
        ([SILENT], ALLOWED, False, False),
        ([SILENT, NOINDEX], ALLOWED, True, False),
        ([NOINDEX], ALLOWED, True, False),
        ([], Answer(False, "robots.unreachable"), True, True),
        ([], Answer(False, "robots.disallow"), True, False),
        ([NOINDEX], Answer(False, "robots.unreachable"), True, False),
    ],
)
def test_silence_is_not_a_no(signals, answer, silent, is_only):
    assert only_silence(signals, answer, silent=silent) is is_only

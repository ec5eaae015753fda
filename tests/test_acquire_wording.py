"""Texts of sources: HTML made plain, and the language that is preferred."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vultus.acquire.wording import (
    MAX_MARKUP,
    MAX_TEXT,
    Wording,
    language_tag,
    plain_text,
    preferred,
)


@pytest.mark.parametrize(
    ("markup", "plain"),
    [
        ("A plain text", "A plain text"), ("  two\n  lines ", "two lines"), ("", ""),
        ("<p>One</p><p>two</p>", "One two"), ("<b>bo</b>ld", "bold"), ("a<br>b<br/>c", "a b c"),
        ('<a href="https://x.example/?a=1&amp;b=2">link</a>', "link"), ("R&amp;D", "R&D"),
        ("&lt;b&gt;", "<b>"), ("3 < 4 and 5 > 4", "3 < 4 and 5 > 4"), ("a <- b", "a <- b"),
        ("x<!-- <b>no</b> -->y", "xy"), ("x<!-- never ends", "x"), ("x<!DOCTYPE html>y", "xy"),
        ("<script>if (a < b) {}</script>said", "said"), ("<style>p{}</style>said", "said"),
        ('<div style="display: none;">date QS:P571</div>12 May', "12 May"),
        ('<div style="display:none">a<div>b</div>c</div>d', "d"), ("<script/>kept", "kept"),
        ('<span style="display:none">gone', ""), ("<b", "<b"), ("<b <i>text</i>", "<b text"),
        ("nul\0, bell\a, half\ud800", "nul, bell, half"), ("a\x85b\u2028c", "a b c"),
    ],
)  # fmt: skip
def test_markup_is_taken_out(markup, plain):
    assert plain_text(markup) == plain


@pytest.mark.parametrize(
    "piece", ["<", "<a", "<a ", "<!--", "&", "&lt;", "<div style=display:none>", "</", "a<b>", "<!"]
)
def test_a_text_has_an_end_however_it_is_written(piece):
    assert len(plain_text(piece * MAX_MARKUP)) <= MAX_TEXT


@given(st.text(st.sampled_from("<>/!-ab& ;=\"'\n\0é")) | st.text())
def test_any_text_is_read_and_only_once(markup):
    plain = plain_text(markup)
    assert plain == " ".join(plain.split())
    if not set(plain) & set("<&"):
        assert plain_text(plain) == plain


@pytest.mark.parametrize(
    ("languages", "chosen"),
    [
        (["de", "nl", "fr", "en"], "en"), (["de", "nl", "fr"], "fr"), (["de", "nl-BE"], "nl-BE"),
        (["de", "it"], "de"), ([None, "en-GB"], "en-GB"), ([None, "de"], None),
        (["EN_us"], "EN_us"),
    ],
)  # fmt: skip
def test_english_french_dutch_and_then_the_first(languages, chosen):
    found = preferred([Wording(f"in {language}", language) for language in languages])
    assert found == Wording(f"in {chosen}", chosen)


def test_a_text_that_is_empty_is_not_chosen():
    assert preferred([Wording("", "en"), Wording("ja", "nl")]) == Wording("ja", "nl")
    assert preferred([Wording("", "en")]) is None
    assert preferred([]) is None


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("en", "en"), (" nl-BE ", "nl-BE"), ("zh-Hant-TW", "zh-Hant-TW"), ("eng", "eng"),
        ("none", None), ("@none", None), ("und", None), ("", None), ("e", None), (None, None),
        ("English (British)", None), ("a" * 36, None), (3, None),
    ],
)  # fmt: skip
def test_rfc_5646_a_language_is_kept_as_it_was_written(written, read):
    assert language_tag(written) == read

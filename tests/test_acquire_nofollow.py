"""nofollow and none keep a document's links from being followed, wherever they stand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vultus.acquire.nofollow import may_follow


@pytest.mark.parametrize(
    ("headers", "head", "may"),
    [
        ([], "", True),
        (["noindex"], "", True),
        (["nofollow"], "", False),
        (["noindex, NoFollow"], "", False),
        (["none"], "", False),
        (["vultus: nofollow"], "", False),
        (["otherbot: nofollow"], "", True),
        (["otherbot: noindex, nofollow"], "", True),
        (["otherbot: noindex, vultus: nofollow"], "", False),
        (["unavailable_after: 25 Jun 2030 15:00:00 GMT, nofollow"], "", False),
        ([], '<meta name="robots" content="nofollow">', False),
        ([], '<META NAME=Robots CONTENT="NOINDEX,NOFOLLOW">', False),
        ([], '<meta name="vultus" content="none">', False),
        ([], '<meta name="googlebot" content="nofollow">', True),
        ([], '<meta name="robots" content="follow">', True),
        ([], "<p>nofollow</p>", True),
    ],
)
def test_nofollow(headers, head, may):
    assert may_follow(headers, f"<html><head>{head}</head></html>".encode()) is may


@given(st.lists(st.text()), st.binary())
def test_junk_is_no_error(headers, body):
    assert may_follow(headers, body) in {True, False}

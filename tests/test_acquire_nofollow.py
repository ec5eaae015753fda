"""nofollow and none in a header keep a document's links from being followed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vultus.acquire.nofollow import may_follow


@pytest.mark.parametrize(
    ("headers", "may"),
    [
        ([], True),
        (["noindex"], True),
        (["noindex", "nofollow"], False),
        (["noindex, NoFollow"], False),
        (["none"], False),
        (["vultus: nofollow"], False),
        (["*: nofollow"], False),
        (["otherbot: nofollow"], True),
        (["otherbot: noindex, nofollow"], True),
        (["otherbot: noindex, vultus: nofollow"], False),
        (["unavailable_after: 25 Jun 2030 15:00:00 GMT, nofollow"], False),
    ],
)
def test_nofollow(headers, may):
    assert may_follow(headers) is may


@given(st.lists(st.text()))
def test_junk_is_no_error(headers):
    assert may_follow(headers) in {True, False}

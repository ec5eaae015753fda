"""Cases: opened with reference, purpose and legal basis; approved; expired; then no search."""

from datetime import UTC, datetime, timedelta

import pytest
from homes import BOTH, CASE_TEXTS, log_of, probe_of

from vultus.actions.home import local_account
from vultus.errors import InputError, RefusedError

TEXT_LENGTH_MAX = 1500
both = pytest.mark.parametrize("home", BOTH, indirect=True)


def today():
    return datetime.now(UTC).date()


@pytest.fixture
def actor(home):
    return local_account(home)


def opened(home, **more):
    from vultus.actions.case import open_case

    return open_case(home, local_account(home), **(CASE_TEXTS | more))


def refused(call, *arguments, kind=RefusedError, **options):
    with pytest.raises(kind) as caught:
        call(*arguments, **options)
    assert caught.value.hint
    return caught.value.code


@both
def test_a_case_is_opened_then_approved_and_the_log_says_by_whom(home, actor):
    from vultus.actions.case import approve_case, get_case, list_cases, require_searchable

    case = opened(home, expires=today())
    assert (case.id, case.state, case.n_searches, case.approved) == (1, "opened", 0, None)
    assert refused(require_searchable, 1) == "case.not_approved"
    approved = approve_case(home, actor, 1)
    assert (approved.state, approved.opened_by, approved.approved_by) == (
        "approved", actor.name, actor.name,
    )  # fmt: skip
    assert require_searchable(1).pk == 1  # it may still search on its last day
    assert refused(approve_case, home, actor, 1, kind=InputError) == "case.approved_already"
    assert get_case(home, actor, 1) == approved
    second = opened(home)
    assert list_cases(home, actor) == [second, approved]
    (_, said), (_, said_of_approval), _ = log_of(home)[-3:]
    assert {key: said[key] for key in CASE_TEXTS} == CASE_TEXTS
    assert (said["expires"], said["by"]) == (today().isoformat(), actor.pk)
    assert said_of_approval == {"case": 1, "by": actor.pk, "same_account_opened_it": True}


def test_the_log_says_when_somebody_else_approved(home, actor):
    from vultus.actions.account import add_account
    from vultus.actions.case import approve_case

    other = add_account(home, actor, "A supervisor", "a sentence that nobody guesses")
    opened(home)
    answer = approve_case(home, other, 1)
    assert answer.approved_by == "A supervisor"
    assert log_of(home)[-1][1] == {"case": 1, "by": other.pk, "same_account_opened_it": False}


@both
def test_an_expired_case_can_neither_be_approved_nor_search(home, actor):
    from vultus.actions.case import approve_case, get_case, require_searchable
    from vultus.records.models import Case

    opened(home)
    opened(home)
    approve_case(home, actor, 1)
    Case.objects.update(expires=today() - timedelta(days=1))
    assert refused(require_searchable, 1) == "case.expired"
    assert refused(approve_case, home, actor, 2) == "case.expired"
    assert get_case(home, actor, 1).state == "expired"
    yesterday = today() - timedelta(days=1)
    assert refused(opened, home, expires=yesterday, kind=InputError) == "case.expires_in_the_past"


@pytest.mark.parametrize("field", CASE_TEXTS)
def test_a_case_needs_all_its_texts(home, field):
    long = "x" * (TEXT_LENGTH_MAX + 1)
    empty = "case.incomplete"
    for text, code in (("", empty), (" \n\t", empty), (long, "case.text_too_long")):
        assert refused(opened, home, **{field: text}, kind=InputError) == code
    assert getattr(opened(home, **{field: "x" * TEXT_LENGTH_MAX}), field) == "x" * TEXT_LENGTH_MAX
    assert getattr(opened(home, **{field: " Ünï\n<b> "}), field) == "Ünï\n<b>"
    assert [kind for kind, _ in log_of(home)].count("case.opened") == 2


def test_texts_of_any_script_fit_into_the_log(home):
    """The longest ones, of characters that take twelve bytes each there."""
    texts = dict.fromkeys(CASE_TEXTS, "\U0001f600" * TEXT_LENGTH_MAX)
    assert opened(home, **texts).purpose == texts["purpose"]


def test_there_is_no_case_but_those_that_were_opened(home, actor):
    from vultus.actions.case import approve_case, get_case, require_searchable
    from vultus.actions.gallery import gallery
    from vultus.actions.view import list_searches

    for number in (0, 1, -1, 2**63):
        for call in (get_case, approve_case, gallery, list_searches):
            assert refused(call, home, actor, number, kind=InputError) == "case.not_found"
        assert refused(require_searchable, number, kind=InputError) == "case.not_found"


@pytest.mark.parametrize("filled", BOTH, indirect=True)
def test_nothing_is_read_or_kept_of_a_probe_without_an_approved_case(filled):
    from vultus.actions.case import open_case
    from vultus.actions.probe import receive_probe
    from vultus.actions.search import search_photos, search_probe
    from vultus.records.models import Case, Entry, Probe, Search

    actor = local_account(filled)
    probe = receive_probe(filled, actor, 1, probe_of(0).read_bytes(), "a.jpg")
    number = open_case(filled, actor, **CASE_TEXTS).id
    filled.readers, readers = None, filled.readers
    n_entries = Entry.objects.count()
    assert refused(search_photos, filled, actor, [probe_of(0)], case_id=number)
    assert refused(receive_probe, filled, actor, number, probe_of(0).read_bytes(), "a.jpg")
    Case.objects.update(expires=today() - timedelta(days=1))
    assert refused(search_photos, filled, actor, [probe_of(0)], case_id=1) == "case.expired"
    assert refused(search_probe, filled, actor, probe.id, [1]) == "case.expired"
    assert filled.readers is None, "a photo was read"
    assert (Probe.objects.count(), Search.objects.count()) == (1, 0)
    assert Entry.objects.count() == n_entries
    filled.readers = readers

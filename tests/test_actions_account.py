"""Accounts and log-in: no name is told apart, and guessing is slowed down."""

from datetime import timedelta

import pytest
from homes import log_of

from vultus.actions.home import local_account
from vultus.errors import InputError, RefusedError, UnavailableError

PASSWORD = "a sentence that nobody guesses"


@pytest.fixture
def actor(home):
    return local_account(home)


@pytest.fixture
def ilse(home, actor):
    from vultus.actions.account import add_account

    return add_account(home, actor, " Ilse Haddad ", PASSWORD)


@pytest.fixture
def log_in(home):
    from vultus.actions.log_in import log_in

    def attempt(name="Ilse Haddad", password=PASSWORD, address="192.0.2.1"):
        return log_in(home, name, password, address)

    return attempt


def refusal(call, *arguments, **options):
    with pytest.raises((InputError, RefusedError, UnavailableError)) as caught:
        call(*arguments, **options)
    return caught.value.code, caught.value.message, caught.value.hint


def fail(log_in, times, **attempt):
    for _ in range(times):
        assert refusal(log_in, **{"password": "wrong password", **attempt})[0] == "log_in.refused"


def later(minutes):
    """As if so many minutes had gone by since every failed try."""
    from vultus.records.models import LogInTry

    for row in LogInTry.objects.all():
        row.time -= timedelta(minutes=minutes)
        row.save()


def test_who_knows_the_password_is_let_in(home, ilse, log_in):
    assert ilse.name == "Ilse Haddad"
    assert log_in().pk == ilse.pk
    assert log_in(name="  ilse HADDAD ").name == "Ilse Haddad"
    assert log_of(home)[-1] == ("log_in.succeeded", {"account": ilse.pk})


@pytest.mark.parametrize("password", ["", "a", PASSWORD.upper(), PASSWORD + " ", PASSWORD * 100])
def test_no_other_password_lets_in(home, ilse, log_in, password):
    assert refusal(log_in, password=password)[0] == "log_in.refused"
    assert log_of(home)[-1] == ("log_in.refused", {"account": ilse.pk})


def test_a_name_that_is_unknown_is_answered_as_a_wrong_password(home, ilse, log_in, monkeypatch):
    """In the same words, with the same rows and with the same hashing of a password."""
    from vultus.actions import log_in as module
    from vultus.records.models import LogInTry

    hashed = []
    real = module.check_password
    monkeypatch.setattr(
        module, "check_password", lambda *given: hashed.append(given[1]) or real(*given)
    )
    answers, rows = [], []
    for name in ("Ilse Haddad", "Nobody", local_account(home).name, ""):
        answers.append(refusal(log_in, name=name, password="wrong password"))
        rows.append(LogInTry.objects.count())
    assert len(set(answers)) == 1
    assert rows == [2, 4, 6, 8]
    parts = [stored.split("$")[:4] for stored in hashed]
    assert len(hashed) == 4
    assert all(part == parts[0] for part in parts)  # the same algorithm at the same cost


def test_the_local_account_has_no_log_in(home, log_in):
    name = local_account(home).name
    for password in ("", "!", PASSWORD):
        assert refusal(log_in, name=name, password=password)[0] == "log_in.refused"


def test_an_account_that_is_not_active_is_not_let_in(home, ilse, log_in):
    from vultus.actions.log_in import account_by_id
    from vultus.records.models import Account

    assert account_by_id(home, ilse.pk).name == "Ilse Haddad"
    Account.objects.filter(pk=ilse.pk).update(is_active=False)
    assert refusal(log_in)[0] == "log_in.refused"
    assert account_by_id(home, ilse.pk) is None
    assert account_by_id(home, local_account(home).pk) is None
    assert account_by_id(home, 999) is None


def test_guessing_a_name_from_one_address_has_to_wait(home, ilse, log_in):
    fail(log_in, 5)
    assert refusal(log_in)[0] == "log_in.wait"  # even with the right password
    assert refusal(log_in, name="ILSE haddad")[0] == "log_in.wait"
    assert log_in(address="192.0.2.2").pk == ilse.pk  # nobody is locked out by others
    later(14)
    assert refusal(log_in)[0] == "log_in.wait"
    later(2)
    assert log_in().pk == ilse.pk


def test_success_ends_the_count_of_the_name(home, ilse, log_in):
    fail(log_in, 4)
    log_in()
    fail(log_in, 4)
    log_in()


def test_guessing_names_from_one_address_has_to_wait(home, ilse, log_in, monkeypatch):
    from vultus.actions import log_in as module

    assert module.TRIES_OF_ADDRESS == 30
    monkeypatch.setattr(module, "TRIES_OF_ADDRESS", 6)  # each try hashes a password
    for n in range(6):
        fail(log_in, 1, name=f"name {n}")
    assert refusal(log_in)[0] == "log_in.wait"
    assert log_in(address="192.0.2.2").pk == ilse.pk


def test_tries_are_kept_no_longer_than_they_count_and_name_nobody(home, ilse, log_in):
    from vultus.records.models import LogInTry

    fail(log_in, 3)
    assert all(b"ilse" not in bytes(row.index).lower() for row in LogInTry.objects.all())
    assert all(len(bytes(row.index)) == 32 for row in LogInTry.objects.all())
    later(16)
    fail(log_in, 1)
    assert LogInTry.objects.count() == 2


def test_a_new_password_replaces_the_old_one(home, actor, ilse, log_in):
    from vultus.actions.account import set_password

    set_password(home, actor, "ilse haddad", "another long sentence")
    assert refusal(log_in)[0] == "log_in.refused"
    assert log_in(password="another long sentence").pk == ilse.pk
    assert ("account.changed", {"account": ilse.pk, "what": "password", "by": actor.pk}) in log_of(
        home
    )
    for name, code in (("Nobody", "account.not_found"), (actor.name, "account.not_found")):
        assert refusal(set_password, home, actor, name, PASSWORD)[0] == code


def test_names_and_passwords_that_cannot_be_used(home, actor, ilse):
    from vultus.actions.account import add_account, set_password

    for name in ("", "  ", "x" * 201, "a\nb", "a\x00", "\u202ea"):
        assert refusal(add_account, home, actor, name, PASSWORD)[0] == "account.name"
    assert refusal(add_account, home, actor, "iLSE hADDAD", PASSWORD)[0] == "account.exists"
    assert refusal(add_account, home, actor, actor.name, PASSWORD)[0] == "account.exists"
    short = "account.password_too_short"
    assert refusal(add_account, home, actor, "B", "x" * 11)[0] == short
    assert refusal(set_password, home, actor, "Ilse Haddad", "x" * 11)[0] == short
    assert add_account(home, actor, "x" * 200, "x" * 12).name == "x" * 200


def test_no_password_is_stored_or_told(home, actor, ilse):
    from vultus.records.models import Account

    stored = Account.objects.get(pk=ilse.pk).password
    assert stored.startswith("argon2$argon2id$")
    assert PASSWORD not in stored
    assert PASSWORD not in str(log_of(home))
    assert str(ilse) == f"account {ilse.pk}"


def test_the_end_of_a_log_in_is_noted(home, ilse):
    from vultus.actions.log_in import log_out

    log_out(home, ilse)
    assert log_of(home)[-1] == ("log_in.ended", {"account": ilse.pk})

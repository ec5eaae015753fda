"""Log-in with name and password: slowed down by name and address, and in the log."""

from datetime import UTC, datetime, timedelta

from django.contrib.auth.hashers import check_password, make_password
from django.db import transaction

from vultus.actions.account import name_index, named
from vultus.actions.home import Home
from vultus.audit.entry import EntryKind
from vultus.errors import RefusedError, UnavailableError
from vultus.records.models import Account, AccountKind, LogInTry

# Guessing: at most this many failures of one name from one address, or from one address
# alone, in the window. Nobody is locked out by failures that come from elsewhere.
TRIES_OF_NAME = 5
TRIES_OF_ADDRESS = 30
WINDOW = timedelta(minutes=15)


def log_in(home: Home, name: str, password: str, address: str) -> Account:
    """The account, when the password is right.

    `address`: where the request comes from. Raises RefusedError `log_in.refused` (which does
    not tell whether the name exists) and UnavailableError `log_in.wait` after too many tries.
    """
    now = datetime.now(UTC)
    by_name = home.vault.blind("log-in/name", f"{address}\n{name.strip().casefold()}")
    by_address = home.vault.blind("log-in/address", address)
    require_patience(by_name, by_address, now)
    account = Account.objects.filter(
        name_index=name_index(home.vault, name), kind=AccountKind.PERSON, is_active=True
    ).first()
    # Hash even where there is no account: the time taken must not tell names apart.
    right = check_password(password, account.password if account else DUMMY_HASH)
    if account is None or not right:
        with transaction.atomic():
            LogInTry.objects.filter(time__lt=now - WINDOW).delete()
            LogInTry.objects.bulk_create(
                LogInTry(index=index, time=now) for index in (by_name, by_address)
            )
            home.log.append(EntryKind.LOG_IN_REFUSED, {"account": account.pk if account else None})
        raise RefusedError(
            "log_in.refused", "Name or password is wrong.", "Check both and try again."
        )
    with transaction.atomic():
        LogInTry.objects.filter(index=by_name).delete()
        home.log.append(EntryKind.LOG_IN_SUCCEEDED, {"account": account.pk})
    return named(home.vault, account)


def log_out(home: Home, account: Account) -> None:
    """Note the end of a log-in; the page ends its session itself."""
    with transaction.atomic():
        home.log.append(EntryKind.LOG_IN_ENDED, {"account": account.pk})


def account_by_id(home: Home, account_id: int) -> Account | None:
    """The account that a session belongs to, while it is active."""
    account = Account.objects.filter(pk=account_id, kind=AccountKind.PERSON, is_active=True).first()
    return named(home.vault, account) if account else None


def require_patience(by_name: bytes, by_address: bytes, now: datetime) -> None:
    recent = LogInTry.objects.filter(time__gte=now - WINDOW)
    if (
        recent.filter(index=by_name).count() >= TRIES_OF_NAME
        or recent.filter(index=by_address).count() >= TRIES_OF_ADDRESS
    ):
        raise UnavailableError(
            "log_in.wait",
            "There were too many tries.",
            f"Wait {WINDOW.seconds // 60} minutes, then try again.",
        )


DUMMY_HASH = make_password("a password that no account has")

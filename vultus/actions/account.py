"""Accounts: the local one of the command line, and people who log in to the page."""

from datetime import UTC, datetime

from django.contrib.auth.hashers import make_password
from django.db import transaction

from vultus.actions.home import Home
from vultus.audit.entry import EntryKind
from vultus.errors import InputError
from vultus.records.log import Log
from vultus.records.models import Account, AccountKind
from vultus.records.sequence import take
from vultus.vault.seal import Vault

PASSWORD_LENGTH_MIN = 12
NAME_LENGTH_MAX = 200


def named(vault: Vault, account: Account) -> Account:
    """The account with its name unsealed."""
    opened = vault.unseal_json("account", f"account:{account.pk}", bytes(account.sealed))
    account.name = opened["name"]
    return account


def name_index(vault: Vault, name: str) -> bytes:
    """The blind index under which an account's name is found; case does not count."""
    return vault.blind("account/name", name.strip().casefold())


def create_local_account(vault: Vault, log: Log, name: str) -> Account:
    """The operator's own account; part of `init`, in its transaction."""
    return write_account(vault, log, name, AccountKind.LOCAL, password=None)


def add_account(home: Home, actor: Account, name: str, password: str) -> Account:
    """Let one more person log in to the page.

    Raises InputError `account.name`, `account.exists`, `account.password_too_short`.
    """
    name = name.strip()
    if not 1 <= len(name) <= NAME_LENGTH_MAX or not name.isprintable():
        raise InputError(
            "account.name",
            "An account needs a name of 1 to 200 printable characters.",
            "Give a person's name or mail address.",
        )
    check_password(password)
    with transaction.atomic():
        if Account.objects.filter(name_index=name_index(home.vault, name)).exists():
            raise InputError(
                "account.exists", "There is an account of this name.", "Choose another name."
            )
        return write_account(
            home.vault, home.log, name, AccountKind.PERSON, password=password, actor=actor
        )


def set_password(home: Home, actor: Account, name: str, password: str) -> Account:
    """Give an account a new password, which ends its open log-ins.

    Raises InputError `account.not_found`, `account.password_too_short`.
    """
    check_password(password)
    with transaction.atomic():
        account = Account.objects.filter(
            name_index=name_index(home.vault, name), kind=AccountKind.PERSON
        ).first()
        if account is None:
            raise InputError(
                "account.not_found", "There is no such account.", "Add it: `vultus account add`."
            )
        account.password = make_password(password)
        account.save(update_fields=["password"])
        home.log.append(
            EntryKind.ACCOUNT_CHANGED,
            {"account": account.pk, "what": "password", "by": actor.pk},
        )
    return named(home.vault, account)


def check_password(password: str) -> None:
    if len(password) < PASSWORD_LENGTH_MIN:
        raise InputError(
            "account.password_too_short",
            f"A password needs at least {PASSWORD_LENGTH_MIN} characters.",
            "Take a sentence, or let a password manager choose.",
        )


def write_account(
    vault: Vault,
    log: Log,
    name: str,
    kind: AccountKind,
    *,
    password: str | None,
    actor: Account | None = None,
) -> Account:
    """Insert the account and its log entry."""
    number = take("account")[0]
    account = Account(
        id=number,
        kind=kind,
        name_index=name_index(vault, name),
        sealed=vault.seal_json("account", f"account:{number}", {"name": name}),
        created=datetime.now(UTC),
        password=make_password(password),  # None: an account that cannot log in
    )
    account.save(force_insert=True)
    log.append(
        EntryKind.ACCOUNT_ADDED,
        {"account": number, "kind": str(kind.value), "by": actor.pk if actor else number},
    )
    account.name = name
    return account

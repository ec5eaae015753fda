"""Cases: opened with reference, purpose and legal basis, approved, and then they may search."""

from datetime import UTC, date, datetime

from django.db import transaction
from django.db.models import QuerySet

from vultus.actions.account import named
from vultus.actions.answers import CaseAnswer, CaseState
from vultus.actions.home import Home
from vultus.audit.entry import EntryKind
from vultus.errors import InputError, RefusedError
from vultus.ids import CaseId
from vultus.records.models import Account, Case
from vultus.records.sequence import take

TEXT_LENGTH_MAX = 1500  # so that three fit into a log entry, in any script


def open_case(
    home: Home,
    actor: Account,
    *,
    reference: str,
    purpose: str,
    legal_basis: str,
    expires: date | None = None,
) -> CaseAnswer:
    """Open a case; it may search once it is approved.

    `expires`: the last day, UTC, on which it may search. Raises InputError `case.incomplete`,
    `case.text_too_long`, `case.expires_in_the_past`.
    """
    texts = {"reference": reference, "purpose": purpose, "legal_basis": legal_basis}
    sealed = {key: text.strip() for key, text in texts.items()}
    for key, text in sealed.items():
        if not text:
            raise InputError(
                "case.incomplete",
                f"A case needs a {key.replace('_', ' ')}.",
                "A search without reference, purpose and legal basis does not exist.",
            )
        if len(text) > TEXT_LENGTH_MAX:
            raise InputError(
                "case.text_too_long",
                f"The {key.replace('_', ' ')} has more than {TEXT_LENGTH_MAX} characters.",
                "Say it more briefly.",
            )
    if expires is not None and expires < today():
        raise InputError(
            "case.expires_in_the_past", "The case would have expired already.", "Give a later day."
        )
    with transaction.atomic():
        number = CaseId(take("case")[0])
        Case.objects.create(
            id=number,
            sealed=home.vault.seal_json("case", f"case:{number}", sealed),
            opened=datetime.now(UTC),
            opened_by=actor,
            expires=expires,
        )
        home.log.append(
            EntryKind.CASE_OPENED,
            {
                "case": number,
                "by": actor.pk,
                "expires": expires.isoformat() if expires else None,
                **sealed,
            },
        )
    return get_case(home, actor, number)


def approve_case(home: Home, actor: Account, case_id: CaseId) -> CaseAnswer:
    """Approve an opened case. The log says so when opener and approver are one person.

    Raises InputError `case.not_found`, `case.approved_already`; RefusedError `case.expired`.
    """
    with transaction.atomic():
        case = find_case(case_id, lock=True)
        if case.approved is not None:
            raise InputError(
                "case.approved_already", f"Case {case_id} is approved already.", "Search in it."
            )
        require_unexpired(case)
        case.approved = datetime.now(UTC)
        case.approved_by = actor
        case.save(update_fields=["approved", "approved_by"])
        home.log.append(
            EntryKind.CASE_APPROVED,
            {
                "case": case_id,
                "by": actor.pk,
                "same_account_opened_it": case.opened_by_id == actor.pk,
            },
        )
    return get_case(home, actor, case_id)


def list_cases(home: Home, actor: Account) -> list[CaseAnswer]:
    """All cases, the newest first."""
    return [answer(home, case) for case in with_people().order_by("-id")]


def get_case(home: Home, actor: Account, case_id: CaseId) -> CaseAnswer:
    """One case. Raises InputError `case.not_found`."""
    case = with_people().filter(pk=case_id).first()
    if case is None:
        raise no_such_case(case_id)
    return answer(home, case)


def require_searchable(case_id: CaseId) -> Case:
    """The case, when it may search today.

    Raises InputError `case.not_found`; RefusedError `case.not_approved`, `case.expired`.
    """
    case = find_case(case_id)
    if case.approved is None:
        raise RefusedError(
            "case.not_approved",
            f"Case {case_id} is not approved, so it may not search.",
            f"Have it approved: `vultus case approve {case_id}`, or the button on its page.",
        )
    require_unexpired(case)
    return case


def find_case(case_id: CaseId, *, lock: bool = False) -> Case:
    rows = Case.objects.select_for_update(of=("self",)) if lock else Case.objects
    case = rows.filter(pk=case_id).first()
    if case is None:
        raise no_such_case(case_id)
    return case


def no_such_case(case_id: CaseId) -> InputError:
    return InputError(
        "case.not_found", f"There is no case {case_id}.", "List them: `vultus case list`."
    )


def require_unexpired(case: Case) -> None:
    if is_expired(case):
        raise RefusedError(
            "case.expired",
            f"Case {case.pk} has expired and may not search.",
            "Open a new case if the purpose still holds.",
        )


def is_expired(case: Case) -> bool:
    """A case may still search on the day that is its `expires`."""
    return case.expires is not None and case.expires < today()


def today() -> date:
    return datetime.now(UTC).date()


def state_of(case: Case) -> CaseState:
    if is_expired(case):
        return "expired"
    return "approved" if case.approved else "opened"


def with_people() -> QuerySet[Case]:
    return Case.objects.select_related("opened_by", "approved_by")


def answer(home: Home, case: Case) -> CaseAnswer:
    texts = home.vault.unseal_json("case", f"case:{case.pk}", bytes(case.sealed))
    approver = case.approved_by
    return CaseAnswer(
        id=CaseId(case.pk),
        reference=texts["reference"],
        purpose=texts["purpose"],
        legal_basis=texts["legal_basis"],
        state=state_of(case),
        opened=case.opened,
        opened_by=named(home.vault, case.opened_by).name,
        approved=case.approved,
        approved_by=named(home.vault, approver).name if approver else None,
        expires=case.expires,
        n_searches=case.searches.count(),
    )

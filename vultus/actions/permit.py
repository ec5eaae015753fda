"""Ask a site what it allows for one URL, and keep in the log that it was asked."""

from django.db import transaction

import vultus
from vultus.acquire.ask import ask
from vultus.acquire.asking import MIN_BYTES
from vultus.acquire.fetch import Fetcher
from vultus.acquire.reader import MAX_BYTES as DOCUMENT_BYTES_MAX
from vultus.acquire.robots import PRODUCT_TOKEN
from vultus.actions.answers import UrlAnswer
from vultus.actions.home import Home
from vultus.audit.entry import EntryKind
from vultus.errors import InputError
from vultus.records.models import Account


def fetcher_of(home: Home) -> Fetcher:
    """What fetches for this home, under its own name.

    Raises InputError `acquire.contact` while no contact page is set.
    """
    settings = home.settings
    if not settings.acquire_contact:
        raise InputError(
            "acquire.contact",
            "Nothing is fetched before site owners can learn who asks.",
            "Set acquire_contact in vultus.toml: the address of a page that says who you are.",
        )
    return Fetcher(
        PRODUCT_TOKEN,
        vultus.__version__,
        settings.acquire_contact,
        test_hosts=frozenset(settings.acquire_test_hosts),
        seconds=settings.acquire_seconds_max,
        bytes_max=max(settings.photo_bytes_max, MIN_BYTES, DOCUMENT_BYTES_MAX),
    )


def check_url(home: Home, actor: Account, url: str) -> UrlAnswer:
    """Ask the host of `url` what it allows; nothing of it is enrolled.

    Raises InputError `acquire.contact` while no contact page is set, and as `acquire.ask.ask`.
    """
    fetcher = fetcher_of(home)
    finding = ask(fetcher, url)
    decision = finding.decision
    with transaction.atomic():
        home.log.append(
            EntryKind.URL_CHECKED,
            {
                "by": actor.pk,
                "url": decision.url,
                "permitted": decision.permitted,
                "may_enrol": decision.may_enrol,
                "rule": decision.rule,
                "evidence": decision.evidence,
            },
        )
    return UrlAnswer(
        url=decision.url,
        decided=decision.time,
        permitted=decision.permitted,
        may_enrol=decision.may_enrol,
        rule=decision.rule,
        reasons=tuple(decision.explain()),
        asked=tuple((hop.url, hop.status) for hop in finding.asked),
        status=finding.status,
        problem=finding.problem,
        evidence=decision.evidence,
        document=decision.to_bytes(),
    )

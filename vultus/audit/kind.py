"""The kinds of entries of the audit log, and what each may hold.

A kind without a declaration cannot exist: a test holds the two lists together, and another the
table in docs/formats/audit-log.md. A kind is added here with the action that writes it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class EntryKind(StrEnum):
    """What happened, as `noun.verb`. A kind is never renamed or taken away."""

    ACCOUNT_ADDED = "account.added"
    ACCOUNT_CHANGED = "account.changed"
    CASE_APPROVED = "case.approved"
    CASE_OPENED = "case.opened"
    EVALUATION_RUN = "evaluation.run"
    HOME_CREATED = "home.created"
    INGEST_FINISHED = "ingest.finished"
    LOG_IN_ENDED = "log_in.ended"
    LOG_IN_REFUSED = "log_in.refused"
    LOG_IN_SUCCEEDED = "log_in.succeeded"
    PHOTO_CHANGED = "photo.changed"
    PHOTO_ENROLLED = "photo.enrolled"
    PHOTO_ERASED = "photo.erased"
    PHOTO_FAILED = "photo.failed"
    PHOTO_REFUSED = "photo.refused"
    PHOTO_VANISHED = "photo.vanished"
    PROBE_ERASED = "probe.erased"
    PROBE_RECEIVED = "probe.received"
    REFERENCE_ERASED = "reference.erased"
    SEARCH_RUN = "search.run"
    SOURCE_ADDED = "source.added"
    SOURCE_ERASED = "source.erased"
    URL_CHECKED = "url.checked"


@dataclass(frozen=True)
class Declaration:
    """What a kind's payload may hold: fields that name nobody, and fields that may."""

    says: str
    plain: frozenset[str]
    personal: frozenset[str]

    @property
    def holds(self) -> frozenset[str]:
        """Every field that a payload of this kind may have."""
        return self.plain | self.personal


def _says(says: str, plain: str, personal: str = "") -> Declaration:
    return Declaration(says, frozenset(plain.split()), frozenset(personal.split()))


_K = EntryKind

# `by` is the number of the account that acted; numbers are counted and name nobody once the row
# they stand for is gone. Every free text is personal: it can name somebody. Payloads with
# personal fields about a photo are forgotten with the photo.
DECLARATIONS: Mapping[EntryKind, Declaration] = {
    _K.ACCOUNT_ADDED: _says("An account was added.", "by account kind"),
    _K.ACCOUNT_CHANGED: _says("An account was changed.", "by account what"),
    _K.CASE_APPROVED: _says("A case was approved.", "by case same_account_opened_it"),
    _K.CASE_OPENED: _says("A case was opened.", "by case expires", "reference purpose legal_basis"),
    _K.EVALUATION_RUN: _says(
        "Error rates were measured on labelled photos; nothing of them was kept.",
        "by people photos failed model",
    ),
    _K.HOME_CREATED: _says("The home and its log were created.", "home"),
    _K.INGEST_FINISHED: _says(
        "A visit of a source ended.",
        "by source new unchanged refused failed faces removed requests unfinished",
    ),
    _K.LOG_IN_ENDED: _says("Somebody logged out.", "account"),
    _K.LOG_IN_REFUSED: _says("A log-in was refused.", "account"),
    _K.LOG_IN_SUCCEEDED: _says("Somebody logged in.", "account"),
    _K.PHOTO_CHANGED: _says("Another photo stands where this one stood.", "source photo"),
    _K.PHOTO_ENROLLED: _says(
        "A photo was enrolled.", "source photo reason references", "sha256 evidence"
    ),
    _K.PHOTO_ERASED: _says("A photo was erased.", "by photo photo_digest references places"),
    _K.PHOTO_FAILED: _says(
        "A photo could not be used.", "source photo reason references", "sha256 evidence"
    ),
    _K.PHOTO_REFUSED: _says(
        "A rule refused a photo.", "source photo reason references", "sha256 evidence"
    ),
    _K.PHOTO_VANISHED: _says("A photo was no longer at its source.", "source photo reason"),
    _K.PROBE_ERASED: _says("A probe was erased after its retention.", "probe"),
    _K.PROBE_RECEIVED: _says("A probe was received.", "by case probe faces", "sha256"),
    _K.REFERENCE_ERASED: _says("A reference was erased.", "by photo reference"),
    _K.SEARCH_RUN: _says(
        "A gallery was searched.",
        "by case search gallery_references max_false_positives limit",
        "collection probes",
    ),
    _K.SOURCE_ADDED: _says(
        "A source was added.",
        "by source kind expires revisit_days photos_max requests_max bytes_max",
        "name collection location legal_basis page_url_prefix allow_hosts licence contact",
    ),
    _K.SOURCE_ERASED: _says(
        "A source and the photos that lay only there were erased.",
        "by source photos references places",
    ),
    _K.URL_CHECKED: _says(
        "A site was asked what it allows.", "by permitted may_enrol rule evidence", "url"
    ),
}

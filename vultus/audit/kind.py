"""The kinds of entries of the audit log, and what each may hold and forgets.

A kind without a declaration cannot exist: a test holds the two lists together, and another the
table in docs/formats/audit-log.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class EntryKind(StrEnum):
    """What happened, as `noun.verb`. A kind is never renamed or taken away."""

    ACCESS_ENDED = "access.ended"
    ACCESS_GRANTED = "access.granted"
    ACCOUNT_ADDED = "account.added"
    ACCOUNT_CHANGED = "account.changed"
    ACCOUNT_ERASED = "account.erased"
    BACKUP_MADE = "backup.made"
    BACKUP_RESTORED = "backup.restored"
    CANDIDATE_JUDGED = "candidate.judged"
    CASE_APPROVED = "case.approved"
    CASE_CLOSED = "case.closed"
    CASE_EXPIRED = "case.expired"
    CASE_OPENED = "case.opened"
    CASE_REFUSED = "case.refused"
    COLLECTION_ADDED = "collection.added"
    COLLECTION_CHANGED = "collection.changed"
    COLLECTION_ERASED = "collection.erased"
    HOME_CREATED = "home.created"
    INGEST_FINISHED = "ingest.finished"
    INGEST_STARTED = "ingest.started"
    KEY_ROTATED = "key.rotated"
    LEAD_MADE = "lead.made"
    LOG_IN_REFUSED = "log_in.refused"
    LOG_IN_SUCCEEDED = "log_in.succeeded"
    MODEL_CHANGED = "model.changed"
    OBJECTION_DECIDED = "objection.decided"
    OBJECTION_RECEIVED = "objection.received"
    ORGANISATION_ADDED = "organisation.added"
    ORGANISATION_CHANGED = "organisation.changed"
    PHOTO_CHANGED = "photo.changed"
    PHOTO_ENROLLED = "photo.enrolled"
    PHOTO_ERASED = "photo.erased"
    PHOTO_FAILED = "photo.failed"
    PHOTO_REFUSED = "photo.refused"
    PHOTO_VANISHED = "photo.vanished"
    PROBE_ERASED = "probe.erased"
    PROBE_RECEIVED = "probe.received"
    RECEIPT_ISSUED = "receipt.issued"
    REFERENCE_ERASED = "reference.erased"
    REFERENCE_HIDDEN = "reference.hidden"
    SEARCH_EXPORTED = "search.exported"
    SEARCH_REFUSED = "search.refused"
    SEARCH_RUN = "search.run"
    SEARCH_VIEWED = "search.viewed"
    SETTINGS_CHANGED = "settings.changed"
    SOURCE_ADDED = "source.added"
    SOURCE_CHANGED = "source.changed"
    SOURCE_ERASED = "source.erased"
    SOURCE_EXPIRED = "source.expired"
    SUPPRESSION_ADDED = "suppression.added"
    SUPPRESSION_REMOVED = "suppression.removed"


@dataclass(frozen=True)
class Declaration:
    """What a kind's payload may hold: fields that may stay after erasure, fields that go."""

    says: str
    stays: frozenset[str]
    forgotten: frozenset[str]

    @property
    def holds(self) -> frozenset[str]:
        """Every field that a payload of this kind may have."""
        return self.stays | self.forgotten


def _says(says: str, stays: str, forgotten: str = "") -> Declaration:
    return Declaration(says, frozenset(stays.split()), frozenset(forgotten.split()))


_K = EntryKind
_PHOTO = "source ingest photo rule signal decided_at"
_FILE = "sha256 path_or_url page_url value"

# `by` is the number of the account that acted; numbers are random or counted and name nobody once
# the row they stand for is gone. Every free text is forgotten: it can name somebody.
DECLARATIONS: Mapping[EntryKind, Declaration] = {
    _K.ACCESS_ENDED: _says("Access ended.", "by organisation access why"),
    _K.ACCESS_GRANTED: _says(
        "Access was granted for a time.", "by organisation access expires supervisor", "sponsor"
    ),
    _K.ACCOUNT_ADDED: _says("An account was added.", "by account organisation role", "name email"),
    _K.ACCOUNT_CHANGED: _says(
        "An account was changed.", "by account organisation role fields", "name email"
    ),
    _K.ACCOUNT_ERASED: _says("An account was erased.", "by account organisation"),
    _K.BACKUP_MADE: _says("A backup was made.", "by size sha256", "path"),
    _K.BACKUP_RESTORED: _says("A backup was restored.", "by size sha256 root", "path"),
    _K.CANDIDATE_JUDGED: _says(
        "A person judged a candidate.", "by case search probe candidate answer", "note"
    ),
    _K.CASE_APPROVED: _says("A case was approved.", "by case organisation expires", "note"),
    _K.CASE_CLOSED: _says("A case was closed.", "by case organisation", "note"),
    _K.CASE_EXPIRED: _says("A case came to its end.", "case organisation"),
    _K.CASE_OPENED: _says(
        "A case was opened.",
        "by case organisation expires collections",
        "reference purpose legal_basis",
    ),
    _K.CASE_REFUSED: _says("A case was not approved.", "by case organisation", "note"),
    _K.COLLECTION_ADDED: _says("A collection was added.", "by collection organisation", "name"),
    _K.COLLECTION_CHANGED: _says(
        "A collection was changed.", "by collection organisation fields", "name"
    ),
    _K.COLLECTION_ERASED: _says(
        "A collection was erased.", "by collection organisation n_photos n_references", "name"
    ),
    _K.HOME_CREATED: _says("The home and its log were created.", "by home version"),
    _K.INGEST_FINISHED: _says(
        "A visit of a source ended.",
        "by source ingest photos new unchanged faces removed refused failed",
    ),
    _K.INGEST_STARTED: _says("A visit of a source began.", "by source ingest limit revisit"),
    _K.KEY_ROTATED: _says("A key was replaced.", "by key verifier_key"),
    _K.LEAD_MADE: _says(
        "Two people agreed on a candidate.", "case search probe candidate accounts"
    ),
    _K.LOG_IN_REFUSED: _says("A log-in was refused.", "account why", "email address"),
    _K.LOG_IN_SUCCEEDED: _says("Somebody logged in.", "account method", "address"),
    _K.MODEL_CHANGED: _says("The model of the templates was changed.", "by model previous"),
    _K.OBJECTION_DECIDED: _says(
        "An objection was decided.", "by objection outcome n_references", "note"
    ),
    _K.OBJECTION_RECEIVED: _says(
        "An objection was received.", "objection channel photo reference", "name email sha256 note"
    ),
    _K.ORGANISATION_ADDED: _says("An organisation was added.", "by organisation", "name"),
    _K.ORGANISATION_CHANGED: _says(
        "An organisation was changed.", "by organisation fields", "name"
    ),
    _K.PHOTO_CHANGED: _says("A photo or its rights changed.", f"{_PHOTO} fields", _FILE),
    _K.PHOTO_ENROLLED: _says("A photo was enrolled.", f"{_PHOTO} n_faces model", _FILE),
    _K.PHOTO_ERASED: _says("A photo was erased.", "by source photo n_references why", _FILE),
    _K.PHOTO_FAILED: _says("A photo could not be used.", "source ingest photo code", _FILE),
    _K.PHOTO_REFUSED: _says("A rule refused a photo.", f"{_PHOTO} code", _FILE),
    _K.PHOTO_VANISHED: _says(
        "A photo was no longer at its source.", "source ingest photo n_references", _FILE
    ),
    _K.PROBE_ERASED: _says("A probe was erased.", "by case search probe why", "sha256"),
    _K.PROBE_RECEIVED: _says("A probe was received.", "by case search probe n_faces", "sha256"),
    _K.RECEIPT_ISSUED: _says("A receipt was issued.", "by index objection"),
    _K.REFERENCE_ERASED: _says("A reference was erased.", "by photo reference why", _FILE),
    _K.REFERENCE_HIDDEN: _says("A reference was hidden from searches.", "by photo reference why"),
    _K.SEARCH_EXPORTED: _says("A search was exported.", "by case search format sha256"),
    _K.SEARCH_REFUSED: _says("A search was refused.", "by case search rule", "note"),
    _K.SEARCH_RUN: _says(
        "A gallery was searched.",
        "by case search organisation collections gallery model threshold max_false_positives"
        " limit probes n_candidates same_person",
        "sha256",
    ),
    _K.SEARCH_VIEWED: _says("A candidate list was shown.", "by case search"),
    _K.SETTINGS_CHANGED: _says("Settings were changed.", "by fields"),
    _K.SOURCE_ADDED: _says(
        "A source was added.",
        "by source collection kind expires",
        "name location legal_basis allow_hosts page_url_prefix",
    ),
    _K.SOURCE_CHANGED: _says(
        "A source was changed.",
        "by source collection kind expires fields",
        "name location legal_basis allow_hosts page_url_prefix",
    ),
    _K.SOURCE_ERASED: _says(
        "A source and all its photos were erased.",
        "by source collection n_photos n_references why",
        "name location",
    ),
    _K.SOURCE_EXPIRED: _says("The right to use a source ended.", "source collection expires"),
    _K.SUPPRESSION_ADDED: _says("A person is kept out from now on.", "by suppression objection"),
    _K.SUPPRESSION_REMOVED: _says("A person is no longer kept out.", "by suppression objection"),
}

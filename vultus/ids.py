"""Typed identifiers: a photo's number can never be passed where a reference's is meant."""

from typing import NewType

ReferenceId = NewType("ReferenceId", int)
PhotoId = NewType("PhotoId", int)
SourceId = NewType("SourceId", int)
CaseId = NewType("CaseId", int)
SearchId = NewType("SearchId", int)
AccountId = NewType("AccountId", int)
EntryIndex = NewType("EntryIndex", int)  # position of an entry in the audit log, from 0

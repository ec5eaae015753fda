"""Typed identifiers, from the door to the action: a search's number can never be passed where a
case's is meant.
"""

from typing import NewType

CaseId = NewType("CaseId", int)
ReferenceId = NewType("ReferenceId", int)
SearchId = NewType("SearchId", int)

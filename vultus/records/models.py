"""Every model in one place, for Django and for readers who want the list."""

from vultus.records.account import Account, AccountKind, LogInTry
from vultus.records.case import Case
from vultus.records.entry import Entry, LogState
from vultus.records.frontier import FrontierHost, FrontierItem, FrontierUrl, Round
from vultus.records.home import Home
from vultus.records.photo import Crop, Decision, Erasure, Photo, Reference, Sighting
from vultus.records.search import Calibration, Probe, Search
from vultus.records.segment import Segment
from vultus.records.sequence import Sequence
from vultus.records.source import Collection, Source

__all__ = [
    "Account", "AccountKind", "Calibration", "Case", "Collection", "Crop", "Decision", "Entry",
    "Erasure", "FrontierHost", "FrontierItem", "FrontierUrl", "Home", "LogInTry", "LogState",
    "Photo", "Probe", "Reference", "Round", "Search", "Segment", "Sequence", "Sighting", "Source",
]  # fmt: skip

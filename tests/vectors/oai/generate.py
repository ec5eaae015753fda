"""Writes the answers beside it with pyoai 2.5.0: `python tests/vectors/oai/generate.py`.

Three records in lists of two, the second of them deleted. pyoai is no requirement of the tests: it
needs Python 3.12 or older, for its cgi, so it is installed by itself where the files are made anew.
"""

import cgi
import re
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs

from oaipmh.common import Header, Identify, Metadata
from oaipmh.metadata import MetadataRegistry
from oaipmh.server import BatchingServer, oai_dc_writer

cgi.parse_qs = parse_qs  # where it was once, and pyoai looks for it
HERE = Path(__file__).parent
BASE = "https://archive.example/oai"
FIELDS = ("title", "subject", "description", "creator", "publisher", "contributor", "type",
          "format", "identifier", "date", "source", "language", "relation", "coverage",
          "rights")  # fmt: skip


def at(*parts):
    """A time in UTC as pyoai has it, without a zone."""
    return datetime(*parts, tzinfo=UTC).replace(tzinfo=None)


def metadata(**said):
    return Metadata(None, {name: said.get(name, []) for name in FIELDS})


RECORDS = [
    (
        Header(None, "oai:archive.example:1", at(2024, 5, 1, 10), ["photos"], False),
        metadata(
            title=["Twee vrouwen aan een bureau"], creator=["Voorbeeld, A."],
            description=["Redactie & zetterij"], date=["1978-05-12"], language=["nl"],
            identifier=["https://archive.example/objects/1", "https://archive.example/1.jpg"],
            rights=["Collectie De Dag", "https://creativecommons.org/licenses/by/4.0/"],
        ),
        None,
    ),
    (Header(None, "oai:archive.example:2", at(2024, 5, 2, 10), ["photos"], True), None, None),
    (
        Header(None, "oai:archive.example:3", at(2024, 5, 3, 10), ["photos"], False),
        metadata(title=["Straat"], identifier=["https://archive.example/3.png"]),
        None,
    ),
]  # fmt: skip


class Archive:
    def identify(self):
        return Identify("Archive", BASE, "2.0", ["archive@archive.example"], at(2020, 1, 1),
                        "persistent", "YYYY-MM-DDThh:mm:ssZ", ["identity"])  # fmt: skip

    def listRecords(self, cursor=0, batch_size=10, from_=None, **_):  # noqa: N802 (pyoai's)
        there = [record for record in RECORDS if from_ is None or record[0].datestamp() >= from_]
        return there[cursor : cursor + batch_size]


def written():
    """The answers to Identify, to ListRecords and to its resumption, and to two mistakes."""
    registry = MetadataRegistry()
    registry.registerWriter("oai_dc", oai_dc_writer)
    server = BatchingServer(Archive(), registry, resumption_batch_size=2)
    asked = {"verb": "ListRecords", "metadataPrefix": "oai_dc"}
    first = server.handleRequest(asked)
    token = re.search(r"<resumptionToken>(.*?)</resumptionToken>", first.decode())[1]
    answers = {
        "identify": server.handleRequest({"verb": "Identify"}),
        "first": first,
        "last": server.handleRequest(
            {"verb": "ListRecords", "resumptionToken": token.replace("&amp;", "&")}
        ),
        "none": server.handleRequest(asked | {"from": "2030-01-01T00:00:00Z"}),
        "token": server.handleRequest({"verb": "ListRecords", "resumptionToken": "none"}),
    }
    now = re.compile(rb"<responseDate>.*?</responseDate>")
    then = b"<responseDate>2024-06-01T00:00:00Z</responseDate>"
    return {name: now.sub(then, answer) for name, answer in answers.items()}


if __name__ == "__main__":
    for name, answer in written().items():
        (HERE / f"{name}.xml").write_bytes(answer.rstrip() + b"\n")

"""source add, source list, source check."""

from argparse import ArgumentParser, Namespace
from typing import Any

from rich.table import Table
from rich.text import Text

from vultus.cli.opened import day, opened, text
from vultus.cli.output import Output, facts, printable


def add_verbs(verbs: Any, everywhere: ArgumentParser) -> None:  # noqa: ANN401
    parser = verbs.add_parser("source", parents=[everywhere], help="where photos may come from")
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    add = actions.add_parser("add", parents=[everywhere], help="register a source")
    add.add_argument("name", type=text, metavar="NAME")
    add.add_argument("--kind", type=text, required=True, help="folder, site, sitemap, feed …")
    add.add_argument("--location", required=True, metavar="PATH_OR_URL")
    add.add_argument(
        "--allow-host", action="append", default=[], type=text, metavar="HOST[:PORT]",
        help="may be asked; without any, the host of the location",
    )  # fmt: skip
    add.add_argument("--collection", type=text, required=True, metavar="NAME")
    add.add_argument("--legal-basis", type=text, required=True, metavar="TEXT")
    add.add_argument("--expires", metavar="DATE", help="last day of the entitlement")
    add.add_argument(
        "--page-url-prefix", type=text, metavar="URL", help="pages of the photos: URL + path"
    )
    add.add_argument("--licence", type=text, metavar="TEXT", help="what its owner has granted")
    add.add_argument("--contact", type=text, metavar="TEXT", help="whom to ask there")
    add.add_argument("--revisit-days", type=int, metavar="N", help="how often a web source is due")
    for what in ("photos", "requests", "bytes"):
        add.add_argument(f"--{what}-max", type=int, metavar="N", help=f"{what} of one visit")
    add.set_defaults(run=run_add)
    listing = actions.add_parser("list", parents=[everywhere], help="all sources")
    listing.set_defaults(run=run_list)
    check = actions.add_parser(
        "check", parents=[everywhere], help="ask a site what it allows for one address"
    )
    check.add_argument("url", type=text, metavar="URL")
    check.set_defaults(run=run_check)


def run_add(options: Namespace, output: Output) -> int:
    with opened(options) as (home, actor):
        from vultus.actions.answers import Terms
        from vultus.actions.document import source_document
        from vultus.actions.source import add_source

        source = add_source(
            home,
            actor,
            name=options.name,
            kind=options.kind,
            location=options.location,
            collection=options.collection,
            legal_basis=options.legal_basis,
            expires=day(options.expires),
            page_url_prefix=options.page_url_prefix,
            allow_hosts=tuple(options.allow_host),
            terms=Terms(
                options.licence,
                options.contact,
                options.revisit_days,
                options.photos_max,
                options.requests_max,
                options.bytes_max,
            ),
        )
    output.result(
        source_document(source),
        facts(
            [
                ("source", source.name),
                ("collection", source.collection),
                ("location", source.location),
                ("hosts", ", ".join(source.allow_hosts)),
                ("legal basis", source.legal_basis),
                ("expires", source.expires),
            ]
        ),
        Text("Visit it with `vultus ingest`.", style="dim"),
    )
    return 0


def run_list(options: Namespace, output: Output) -> int:
    with opened(options) as (home, actor):
        from vultus.actions.document import source_document
        from vultus.actions.source import list_sources

        sources = list_sources(home, actor)
    table = Table(box=None)
    for column in ("source", "collection", "kind", "location", "hosts", "expires", "last visit"):
        table.add_column(column)
    for s in sources:
        expires = f"{s.expires} (expired)" if s.expired else str(s.expires or "")
        visited = f"{s.visited:%Y-%m-%d %H:%M}" if s.visited else "never"
        name, collection, place = (Text(printable(t)) for t in (s.name, s.collection, s.location))
        hosts = Text("\n".join(s.allow_hosts))
        table.add_row(name, collection, s.kind, place, hosts, expires, visited)
    output.result(
        {"sources": [source_document(source) for source in sources]},
        table if sources else Text("No source yet: `vultus source add`."),
    )
    return 0


def run_check(options: Namespace, output: Output) -> int:
    with opened(options) as (home, actor):
        from vultus.actions.document import url_document
        from vultus.actions.permit import check_url

        found = check_url(home, actor, options.url)
    asked = Table(box=None)
    for column in ("asked", "answered"):
        asked.add_column(column)
    for url, status in found.asked:
        asked.add_row(Text(printable(url)), str(status))
    outcome, *reasons = found.reasons
    style = "bold green" if found.may_enrol else "bold red"
    output.result(
        url_document(found),
        Text(printable(outcome), style=style),
        *(Text(f"- {printable(reason)}") for reason in reasons),
        asked if found.asked else Text("Nothing was asked of the site."),
    )
    return 0

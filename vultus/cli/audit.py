"""audit verify, audit prove, receipt verify: what can be checked without the key file."""

import json
import os
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from vultus.actions.audit import prove_entry, public_key, verify_log, verify_receipt
from vultus.cli.output import Output, facts
from vultus.errors import InputError


def add_verbs(verbs: Any, everywhere: ArgumentParser) -> None:  # noqa: ANN401
    audit = verbs.add_parser("audit", parents=[everywhere], help="the log of all that was done")
    actions = audit.add_subparsers(dest="action", metavar="ACTION", required=True)
    verify = actions.add_parser("verify", parents=[everywhere], help="re-derive the whole log")
    verify.set_defaults(run=run_verify)
    prove = actions.add_parser("prove", parents=[everywhere], help="prove one entry")
    prove.add_argument("index", type=int, metavar="INDEX")
    prove.set_defaults(run=run_prove)
    receipt = verbs.add_parser("receipt", parents=[everywhere], help="proofs that others hold")
    actions = receipt.add_subparsers(dest="action", metavar="ACTION", required=True)
    check = actions.add_parser("verify", parents=[everywhere], help="check a receipt offline")
    check.add_argument("path", type=Path, metavar="PATH")
    check.add_argument(
        "--public-key", type=Path, metavar="FILE", help="the log's public key; else the home's"
    )
    check.set_defaults(run=run_receipt)


def run_verify(options: Namespace, output: Output) -> int:
    with output.working("Verifying the log"):
        answer = verify_log(options.home, os.environ)
    document = {
        "verified": True,
        "entries": answer.n_entries,
        "root": answer.root,
        "origin": answer.origin,
        "payloads_checked": answer.payloads_checked,
    }
    output.result(
        document,
        facts(
            [
                ("verified entries", answer.n_entries),
                ("root", answer.root),
                ("what they say", "verified" if answer.payloads_checked else "sealed: no key file"),
            ]
        ),
    )
    return 0


def run_prove(options: Namespace, output: Output) -> int:  # noqa: ARG001 - as every verb
    """The document, with or without --json: it goes into a file as it is."""
    document = json.loads(prove_entry(options.home, os.environ, options.index))
    sys.stdout.write(json.dumps(document, indent=2) + "\n")
    return 0


def run_receipt(options: Namespace, output: Output) -> int:
    key = public_key(options.home) if options.public_key is None else read_key(options.public_key)
    receipt = verify_receipt(options.path, key)
    leaf = receipt.leaf
    what = receipt.what
    document = {
        "verified": True,
        "index": receipt.index,
        "size": receipt.checkpoint.size,
        "kind": str(leaf.kind.value),
        "time": leaf.time.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "what": what,
    }
    output.result(
        document,
        facts(
            [
                ("verified", f"entry {receipt.index} of a log of {receipt.checkpoint.size}"),
                ("kind", leaf.kind.value),
                ("time", document["time"]),
                *[(name, value) for name, value in (what or {}).items()],
            ]
        ),
    )
    return 0


def read_key(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            "receipt.public_key", f"{path} is no public key.", "It is log/public-key of the home."
        ) from error

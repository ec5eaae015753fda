"""An evaluation as one page of HTML that loads nothing: tables and drawings.

Made from the JSON document alone, so that it says nothing else; photos only where they are
handed over.
"""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from vultus.cli.plot import Axis, Series, decades, draw

Document = dict[str, Any]
STYLE = """
:root{color-scheme:light dark;--ink:light-dark(#171717,#ededed);--ink2:light-dark(#555,#a8a8a8);
--bg:light-dark(#fff,#141414);--line:light-dark(#dadada,#2f2f2f);
--s0:light-dark(#0d50bd,#8fbcff);--s1:light-dark(#555,#a8a8a8)}
*{box-sizing:border-box}
body{margin:0 auto;padding:32px 24px 72px;max-width:880px;background:var(--bg);color:var(--ink);
font:15px/1.45 Inter,system-ui,sans-serif;font-variant-numeric:tabular-nums}
h1{font-size:24px;line-height:32px;margin:0 0 8px}
h2{font-size:17px;line-height:24px;margin:48px 0 8px}
p{margin:0 0 12px;max-width:66ch;color:var(--ink2)}
table{border-collapse:collapse;margin:12px 0}
th,td{padding:4px 24px 4px 0;text-align:right;border-bottom:1px solid var(--line);font-weight:400}
th{color:var(--ink2);vertical-align:bottom}
th:first-child,td:first-child{text-align:left}
.scroll{overflow-x:auto}
svg{display:block;width:100%;max-width:640px;height:auto;margin:16px 0}
svg text{font-size:12px;fill:var(--ink2)}
.grid{stroke:var(--line);fill:none}
.series{fill:none;stroke:var(--s0);stroke-width:1.5}
.point{fill:var(--s0)}
.s1{stroke:var(--s1)}.point.s1{fill:var(--s1)}
.dashed{stroke-dasharray:4 4}
.pair{display:inline-block;margin:0 24px 24px 0;vertical-align:top;max-width:332px}
.pair img{width:160px;height:160px;object-fit:cover;margin-right:4px;background:var(--line)}
.pair span{display:block;color:var(--ink2);overflow-wrap:anywhere}
@media print{body{max-width:none;padding:0}h2{break-after:avoid}svg,table{break-inside:avoid}}
"""


@dataclass(frozen=True)
class Shown:
    """One wrong comparison with its photos: (name, JPEG or None) of each."""

    mated: bool
    score: float
    photos: tuple[tuple[str, bytes | None], tuple[str, bytes | None]]


def page(document: Document, errors: Sequence[Shown] | None = None) -> str:
    """The whole page; `errors` None leaves their part out."""
    digest = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:"
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="robots" content="noindex"><meta name="referrer" content="no-referrer">',
        f"<title>Evaluation of {escape(document['model'])}</title>",
        f"<style>{STYLE}</style></head><body><main>",
        *summary(document),
        *verification(document),
        *identification(document),
        *calibration(document),
        *discard(document),
        *groups(document),
        *([] if errors is None else worst(errors)),
        "</main></body></html>",
    ]
    return "\n".join(parts) + "\n"


def summary(document: Document) -> list[str]:
    failures = {**document["refused"], **document["failed"]}
    reasons = ", ".join(f"{n} {reason}" for reason, n in failures.items())
    facts = [
        ("model", document["model"]),
        ("people", f"{document['n_people']:,}"),
        ("photos", f"{document['n_photos']:,}"),
        ("failure to acquire", percent(document["failure_to_acquire"])
         + (f" ({reasons})" if reasons else "")),
        ("failure to enrol", percent(document["failure_to_enrol"])),
        ("mated and non-mated comparisons", both(document["comparisons"])),
        ("mated and non-mated searches", both(document["searches"])),
        ("seed", str(document["seed"])),
    ]  # fmt: skip
    known = document["label_errors"]
    if known is not None:
        facts.append(("dropped as known label errors", f"{known['photos_dropped']:,} photos"))
    return [
        "<h1>How often Vultus errs on these photos</h1>",
        paragraph(
            "A score equal to a threshold is accepted. Failures count as misses. Intervals are of "
            "95 % and over people. How it is measured: docs/evaluate.md."
        ),
        table(None, facts),
    ]


def verification(document: Document) -> list[str]:
    rows = [
        (
            mark(f"{row['fmr']:g}", row),
            f"{row['threshold']:.3f}",
            percent(row["fnmr"]),
            interval(row),
            f"{row['non_mated_accepted']:,}",
        )
        for row in document["verification"]
    ]
    points = [(row["fmr"], row["fnmr"]) for row in document["det"]]
    marked = document["verification"]
    bars = [(row["low"], row["high"]) for row in marked]
    heights = [y for _, y in points] + [value for bar in bars for value in bar]
    return [
        "<h2>Pair by pair (1:1)</h2>",
        table(("FMR at most", "threshold", "FNMR", "interval", "false matches behind it"), rows),
        caveat(document["verification"]),
        draw(
            "Detection error trade-off: FNMR against FMR, both logarithmic",
            Axis("false match rate", *decades([x for x, _ in points], 1e-7), log=True),
            Axis("false non-match rate", *decades(heights, 1e-4), log=True),
            [
                Series("", points),
                Series("", [(row["fmr"], row["fnmr"]) for row in marked], joined=False, bars=bars),
            ],
        ),
        *without_drop(document, "verification", ("FMR at most", "FNMR", "interval")),
    ]


def without_drop(document: Document, name: str, heads: Sequence[str]) -> list[str]:
    """The same rates with the known label errors left in."""
    known = document["label_errors"]
    if known is None:
        return []
    rows = [
        (f"{row['fmr']:g}", percent(row["fnmr"]), interval(row))
        if name == "verification"
        else (f"{row['fpir']:g}", str(row["rank"]), percent(row["fnir"]), interval(row))
        for row in known["kept"][name]
    ]
    return ["<p>With the known label errors left in:</p>", table(heads, rows)]


def identification(document: Document) -> list[str]:
    rows = [
        (
            mark(f"{row['fpir']:g}", row),
            f"{row['n']:,}",
            f"{row['rank']:,}",
            f"{row['threshold']:.3f}",
            percent(row["fnir"]),
            interval(row),
        )
        for row in document["fnir"]
    ]
    looked = [
        (f"{row['rank']}", f"{row['n']:,}", percent(row["fnir"]), interval(row))
        for row in document["investigation"]
    ]
    return [
        "<h2>Searches (1:N): identification</h2>",
        paragraph(
            "FNIR(N, R, T): the share of searches that do not show the person within rank R at or "
            "above T, where T is set so that few searches of strangers show anybody."
        ),
        table(("FPIR at most", "N", "R", "T", "FNIR", "interval"), rows),
        caveat(document["fnir"]),
        *without_drop(document, "fnir", ("FPIR at most", "R", "FNIR", "interval")),
        "<h2>Searches (1:N): investigation</h2>",
        "<p>No threshold (T = 0), 50 candidates that people look at.</p>",
        table(("R", "N", "FNIR", "interval"), looked),
    ]


def calibration(document: Document) -> list[str]:
    found = document["calibration"]
    if not found:
        return []
    rows = [
        (
            f"{row['predicted']:g}",
            f"{row['predicted_low']:.2g} to {row['predicted_high']:.2g}",
            f"{row['observed']:.3g}",
            f"{row['low']:.2g} to {row['high']:.2g}",
            f"{row['threshold']:.3f}" + (" beyond what was seen" if row["extrapolated"] else ""),
        )
        for row in found
    ]
    values = [row[key] for row in found for key in ("predicted", "observed", "low", "high")]
    ends = decades(values, 1e-4)
    axis = Axis("predicted strangers a search", *ends, log=True)
    line = [(ends[0], ends[0]), (ends[1], ends[1])]
    points = [(row["predicted"], row["observed"]) for row in found]
    bars = [(row["low"], row["high"]) for row in found]
    return [
        "<h2>Is the number of strangers as predicted?</h2>",
        paragraph(
            f"Calibrations fitted to galleries of {found[0]['n']:,} alone; searched by people who "
            "are in none of them."
        ),
        table(("predicted a search", "it says", "observed", "interval", "threshold"), rows),
        draw(
            "Calibration: strangers observed a search against predicted, both logarithmic",
            axis,
            Axis("observed strangers a search", *ends, log=True),
            [
                Series("observed", points, joined=False, bars=bars),
                Series("as predicted", line, dashed=True),
            ],
        ),
    ]


def discard(document: Document) -> list[str]:
    found = document["error_versus_discard"]
    able = [row for row in found["rows"] if row["fnmr"] is not None]
    rows = [
        (
            percent(row["discarded"], 0),
            percent(row["fnmr"]),
            f"{row['n_mated']:,}",
            percent(row["removed_errors"], 0),
            percent(row["removed_mated"], 0),
        )
        for row in able
    ]
    points = [(100 * row["discarded"], 100 * row["fnmr"]) for row in able]
    top = max([y for _, y in points] + [1e-9])
    return [
        "<h2>Does quality predict errors?</h2>",
        paragraph(
            f"The worst photos by quality are discarded; threshold {found['threshold']:.3f}, that "
            f"of FMR {found['fmr']:g}. A quality that knows nothing removes as much of the errors "
            "as of the pairs."
        ),
        table(("discarded", "FNMR", "pairs left", "of the errors", "of the pairs"), rows),
        draw(
            "Error versus discard: FNMR against the share of photos discarded",
            Axis("worst photos discarded, %", 0, max([x for x, _ in points] + [1])),
            Axis("FNMR of the rest, %", 0, 1.1 * top),
            [Series("", points)],
        ),
    ]


def groups(document: Document) -> list[str]:
    if not document["groups"]:
        return []
    rows = [
        (
            row["label"] + (" (too small to tell)" if row["too_small"] else ""),
            f"{row['n_people']:,}",
            maybe(row["fnmr"]),
            f"{percent(row['fnmr_low'])} to {percent(row['fnmr_high'])}",
            "none" if row["fmr"] is None else f"{row['fmr']:.2g}",
            f"{row['fmr_low']:.2g} to {row['fmr_high']:.2g}",
        )
        for row in document["groups"]
    ]
    heads = ("label", "people", "FNMR", "interval", "FMR within", "interval")
    return [
        "<h2>By label</h2>",
        paragraph(
            "At one threshold for all. The labels are the operator's; nothing is inferred from a "
            "face."
        ),
        table(heads, rows),
    ]


def worst(errors: Sequence[Shown]) -> list[str]:
    parts = ["<h2>The worst errors</h2>", "<p>Personal data: this page is not to be handed on.</p>"]
    for mated, says in ((True, "One person, refused"), (False, "Two people, accepted")):
        chosen = [error for error in errors if error.mated == mated]
        parts.append(f"<h3>{says}</h3>" if chosen else "")
        parts += [pair(error) for error in chosen]
    return parts


def pair(error: Shown) -> str:
    images = "".join(
        f'<img src="data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}" alt="{escape(name)}">'
        for name, jpeg in error.photos
        if jpeg is not None
    )
    names = "".join(f"<span>{escape(name)}</span>" for name, _ in error.photos)
    return f'<div class="pair">{images}<span>score {error.score:.3f}</span>{names}</div>'


def table(heads: Sequence[str] | None, rows: Sequence[Sequence[str]]) -> str:
    head = "" if heads is None else row_of("th", heads)
    body = "".join(row_of("td", row) for row in rows)
    return f'<div class="scroll"><table>{head}{body}</table></div>'


def row_of(cell: str, values: Sequence[str]) -> str:
    scope = ' scope="col"' if cell == "th" else ""
    return "<tr>" + "".join(f"<{cell}{scope}>{escape(v)}</{cell}>" for v in values) + "</tr>"


def paragraph(text: str) -> str:
    return f"<p>{escape(text)}</p>"


def mark(text: str, row: Document) -> str:
    return text if row["supported"] else text + " *"


def caveat(rows: Sequence[Document]) -> str:
    if all(row["supported"] for row in rows):
        return ""
    return "<p>* These photos are too few for this rate; read it as a rough guess.</p>"


def both(counts: Document) -> str:
    return f"{counts['mated']:,} and {counts['non_mated']:,}"


def maybe(value: float | None) -> str:
    return "none" if value is None else percent(value)


def percent(value: float, digits: int = 2) -> str:
    return f"{100 * value:.{digits}f} %"


def interval(row: Document) -> str:
    return f"{percent(row['low'])} to {percent(row['high'])}"

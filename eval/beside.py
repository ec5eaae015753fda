"""What `read_page` gets right on a generated archive, and what it invents; peers on the same pages.

    python eval/beside.py [--seed 7] [--out eval/results/beside.json]

The pages are written as sites of many kinds write them (beside_open.py, beside_held.py); what is
true of each photo is known. Half of the styles were kept out of the tuning ("held"), others were
written after it ("late"); what was right when each was first seen, before anything was mended for
it, is kept in results/beside_first_sight.json, and says more than today's figures. A caption,
credit or date is right where it is the true one, or nothing where nothing is; a date with its
precision. It is invented where something is said and nothing is true, or another thing is.
htmldate and trafilatura read only a page's day; they are run where they are installed.
"""

import argparse
import importlib
import json
import platform
import re
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import beside_held
import beside_late
import beside_open
from beside_parts import Dice, Page

from vultus.acquire.found import Beside
from vultus.acquire.page import read_page

HERE = Path(__file__).resolve().parent
PAGES_A_STYLE = 36
FIELDS = ("caption", "credit", "date")


def archive(seed: int) -> dict[str, list[Page]]:
    halves = {"open": beside_open.STYLES, "held": beside_held.STYLES, "late": beside_late.STYLES}
    languages = beside_held.LANGUAGES
    return {
        half: [
            write(Dice(f"{seed}:{write.__name__}:{n}", languages.get(write.__name__, "en")))
            for write in styles
            for n in range(PAGES_A_STYLE)
        ]
        for half, styles in halves.items()
    }


def same(text: str) -> str:
    return " ".join(re.sub(r"[()\[\]]", " ", text).split()).strip(" .")


def tell(page: Page, tally: Counter, wrong: list[str]) -> None:
    """Add what was read from one page to the tally."""
    found = {
        item.url: item.beside for item in read_page(page.url, page.body, page.content_type).photos
    }
    truths = {truth.url: truth for truth in page.photos}
    extra = set(found) - set(truths)
    for url in extra & page.teasers:
        if found[url].date is not None:
            tally["date_invented"] += 1
            wrong.append(f"{page.style}: teaser {url} dated {found[url].date}")
    tally["not_photos"] += len(extra - page.teasers)
    wrong.extend(f"{page.style}: no photo {url}" for url in extra - page.teasers)
    for url, truth in truths.items():
        tally["photos"] += 1
        tally["renditions"] += url in found
        if url not in found:
            wrong.append(f"{page.style}: missed {url}")
        beside = found.get(url, Beside())
        said = {
            "caption": same(beside.caption) if beside.caption else None,
            "credit": same(beside.credit) if beside.credit else None,
            "date": (beside.date, beside.date_precision) if beside.date else None,
        }
        right = {
            "caption": [same(text) for text in truth.captions] or [None],
            "credit": [same(text) for text in truth.credits] or [None],
            "date": [(truth.date, truth.precision)] if truth.date else [None],
        }
        for field in FIELDS:
            good = url in found and said[field] in right[field]
            tally[field] += good
            tally[f"{field}_invented"] += not good and said[field] is not None
            if not good and url in found:
                wrong.append(f"{page.style}: {field} {said[field]!r} for {right[field]!r}")


def shares(pages: list[Page], wrong: list[str]) -> dict:
    tally: Counter = Counter()
    for page in pages:
        tell(page, tally, wrong)
    return {
        "pages": len(pages),
        "styles": len({page.style for page in pages}),
        "photos": tally["photos"],
        "right_renditions": round(tally["renditions"] / tally["photos"], 4),
        **{f"right_{name}s": round(tally[name] / tally["photos"], 4) for name in FIELDS},
        **{f"invented_{name}s": tally[f"{name}_invented"] for name in FIELDS},
        "decorations_told": tally["not_photos"],
    }


def days(pages: list[Page], read: Callable[[Page], str | None]) -> dict:
    """How often a page's one date is right, or none where it has none, and how many are not.

    Only pages of which all photos have the page's own day, or which have no date at all.
    """
    pages = [
        page
        for page in pages
        if {truth.date and truth.date[:10] for truth in page.photos}
        == {page.day if page.dated else None}
    ]
    right = invented = 0
    begun = time.process_time()
    for page in pages:
        said = read(page)
        # A reader that always says a day cannot know only a year: the beginning has to be right.
        true = page.day if page.dated else None
        good = said == true or bool(said and true and said.startswith(true))
        right += good
        invented += said is not None and not good
    spent = time.process_time() - begun
    return {
        "pages": len(pages),
        "right": round(right / len(pages), 4),
        "wrong_or_invented": invented,
        "pages_a_second": round(len(pages) / spent),
    }


def ours(page: Page) -> str | None:
    dates = Counter(
        item.beside.date[:10]
        for item in read_page(page.url, page.body, page.content_type).photos
        if item.beside.date is not None
    )
    return dates.most_common(1)[0][0] if dates else None


def peers() -> dict[str, Callable[[Page], str | None]]:
    found: dict[str, Callable[[Page], str | None]] = {"read_page": ours}
    try:
        find_date = importlib.import_module("htmldate").find_date
        found["htmldate"] = lambda page: find_date(
            page.body, url=page.url, original_date=True, min_date="1850-01-01"
        )
        found["htmldate_not_extensive"] = lambda page: find_date(
            page.body, url=page.url, original_date=True, min_date="1850-01-01",
            extensive_search=False,
        )  # fmt: skip
    except ImportError:
        pass
    try:
        extract_metadata = importlib.import_module("trafilatura").extract_metadata

        def trafilatura_date(page: Page) -> str | None:
            said = extract_metadata(page.body, default_url=page.url)
            return said.date if said is not None else None

        found["trafilatura"] = trafilatura_date
    except ImportError:
        pass
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--out", type=Path, default=HERE / "results" / "beside.json")
    parser.add_argument("--wrong", action="store_true", help="print what was wrong, by style")
    parser.add_argument("--half", choices=["open", "held", "late"], help="only this part")
    options = parser.parse_args()
    halves = archive(options.seed)
    if options.half:
        halves = {options.half: halves[options.half]}
    wrong: list[str] = []
    document: dict = {"seed": options.seed, "python": platform.python_version()}
    for half, pages in halves.items():
        document[half] = shares(pages, wrong)
        document[half]["by_style"] = {
            style: shares([page for page in pages if page.style == style], [])
            for style in dict.fromkeys(page.style for page in pages)
        }
    every = [page for pages in halves.values() for page in pages]
    document["all"] = shares(every, [])
    document["days"] = {name: days(every, read) for name, read in peers().items()}
    if options.wrong:
        seen: Counter = Counter()
        for line in wrong:
            seen[line[:25]] += 1
            if seen[line[:25]] <= 3:
                print(line)
    else:
        options.out.parent.mkdir(exist_ok=True)
        options.out.write_text(json.dumps(document, indent=1) + "\n")
    for half in halves:
        styles = document[half].pop("by_style")
        if options.wrong:
            for name, row in styles.items():
                print(name, row)
    print(json.dumps(document, indent=1))


if __name__ == "__main__":
    main()

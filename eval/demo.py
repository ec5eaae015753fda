"""What a search at the default settings finds among the demo portraits, and how many strangers.

    python eval/demo.py [--home .demo/home] [--out eval/results/demo.json]

Every ordinary portrait is a probe once, through the command line, in the demo's own home
(`make demo ARGS=--once` makes it). The gallery is the whole demo: groups, newsprint, small
faces, copies. The probe's own bytes are left out of the count. Figures on rendered people are
never accuracy on people: they say that the demo shows what it should.
"""

import argparse
import csv
import datetime
import json
import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path

HERE = Path(__file__).resolve().parent
DEMO = HERE.parent / "demo"


def vultus(home: Path, *arguments: str) -> dict:
    command = [sys.executable, "-m", "vultus", "--home", str(home), *arguments, "--json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--home", type=Path, default=HERE.parent / ".demo" / "home")
    parser.add_argument("--out", type=Path, default=HERE / "results" / "demo.json")
    parser.add_argument("--max-false-positives", default="0.01")
    options = parser.parse_args()
    if not options.home.is_dir():
        raise SystemExit(f"There is no home at {options.home}: run `make demo ARGS=--once` first.")
    rows = list(csv.DictReader((DEMO / "people.csv").open(newline="", encoding="utf-8")))
    people: dict[str, set[str]] = defaultdict(set)  # digest -> who is in it
    portraits: dict[str, set[str]] = defaultdict(set)  # person -> digests of their portraits
    for row in rows:
        people[row["sha256"]].add(row["person"])
        if row["kind"] == "portrait":
            portraits[row["person"]].add(row["sha256"])
    probes = [row for row in rows if row["kind"] == "portrait"]
    answer = vultus(
        options.home, "search", *(str(DEMO / "photos" / row["photo"]) for row in probes),
        "--case", "1", "--largest-face", "--limit", "1000",
        "--max-false-positives", options.max_false_positives,
    )  # fmt: skip
    tally: Counter[str] = Counter()
    for row, probe in zip(probes, answer["probes"], strict=True):
        found = {c["photo"]["sha256"] for c in probe["candidates"]} - {row["sha256"]}
        others = portraits[row["person"]] - {row["sha256"]}
        strangers = [digest for digest in found if row["person"] not in people[digest]]
        tally["others"] += len(others)
        tally["found"] += len(others & found)
        tally["searches_with_strangers"] += bool(strangers)
        tally["strangers"] += len(strangers)
    document = {
        "date": datetime.date.today().isoformat(),
        "model": answer["model"],
        "gallery": answer["gallery"],
        "max_false_positives": float(options.max_false_positives),
        "threshold": answer["threshold"],
        "searches": len(probes),
        "share_of_other_portraits_found": round(tally["found"] / tally["others"], 4),
        "share_of_searches_with_a_stranger": round(
            tally["searches_with_strangers"] / len(probes), 4
        ),
        "strangers_a_search": round(tally["strangers"] / len(probes), 4),
    }
    options.out.parent.mkdir(exist_ok=True)
    options.out.write_text(json.dumps(document, indent=1) + "\n")
    print(json.dumps(document, indent=1))


if __name__ == "__main__":
    main()

"""A score, a dial and a quality as the pages say them, in three languages."""

import json
import math
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
# Django is set up for one home a process, so the words are spoken by a process of their own.
SPEAKER = """
import json, sys
from pathlib import Path
from vultus.records.database import configure
from vultus.settings import Settings
from vultus.web.config import django_settings
configure(Path("/nowhere"), "", "secret", django_settings(Settings()))
from dataclasses import asdict, is_dataclass
from django.utils import translation
from vultus.web import words, tags
for line in sys.stdin:
    language, module, name, arguments = json.loads(line)
    with translation.override(language):
        said = getattr({"words": words, "tags": tags}[module], name)(*arguments)
    print(json.dumps(asdict(said) if is_dataclass(said) else said, default=asdict), flush=True)
"""
Say = Callable[..., Any]


@pytest.fixture(scope="module")
def say() -> Iterator[Say]:
    with subprocess.Popen(
        [sys.executable, "-c", SPEAKER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
        text=True,
    ) as speaker:
        assert speaker.stdin
        assert speaker.stdout

        def ask(name: str, *arguments: object, language: str = "en", module: str = "words") -> Any:
            speaker.stdin.write(json.dumps([language, module, name, arguments]) + "\n")
            speaker.stdin.flush()
            return json.loads(speaker.stdout.readline())

        yield ask
        speaker.stdin.close()


@pytest.mark.parametrize(
    ("number", "rounded"),
    [(1.4, 1), (9.6, 10), (10, 10), (14.9, 15), (99.6, 100), (3288, 3300), (128_912, 130_000)],
)
def test_a_number_is_rounded_to_two_figures(say: Say, number: float, rounded: int) -> None:
    assert say("two_figures", number) == rounded


@pytest.mark.parametrize(
    ("expected", "sentence"),
    [
        (0.0001, "A stranger this alike would come up about once in 10,000 searches"),
        (1 / 3288, "A stranger this alike would come up about once in 3,300 searches"),
        (0.5, "A stranger this alike would come up about once in 2 searches"),
        (0.9, "A stranger this alike would come up in nearly every search"),
        (1.0, "A stranger this alike would come up in every search"),
        (12.0, "A stranger this alike would come up in every search"),
        (1e-9, "A stranger this alike would come up less than once in 1,000,000 searches"),
        (0.0, "A stranger this alike would come up less than once in 1,000,000 searches"),
    ],
)
def test_a_score_is_a_sentence(say: Say, expected: float, sentence: str) -> None:
    assert say("stranger_sentence", expected) == sentence


def test_numbers_are_grouped_as_the_language_does(say: Say) -> None:
    assert say("once_in", 0.0001, language="fr") == "une fois sur 10\u00a0000 recherches"
    assert say("once_in", 0.0001, language="nl") == "één keer op 10.000 zoekopdrachten"
    assert say("score", 0.90812, module="tags") == "0.908"
    assert say("score", 0.90812, language="fr", module="tags") == "0,908"


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (1 / 6900, 1 / 1600, "between 1,600 and 6,900 searches, 95 of 100 times"),
        (1 / 6900, 3.0, "between 1 and 6,900 searches, 95 of 100 times"),
        (2.0, 3.0, "in every search, 95 of 100 times"),
        (0.0, 1 / 2800, "2,800 searches or more, 95 of 100 times"),
        (0.0, 1e-7, "more than 1,000,000 searches, 95 of 100 times"),
    ],
)
def test_an_interval_is_said_in_searches(say: Say, low: float, high: float, words: str) -> None:
    assert say("interval_sentence", low, high) == words


def test_the_scale_is_logarithmic_from_every_search_to_once_in_100_000(say: Say) -> None:
    drawn = say("scale", 1e-4, 1e-5, 1e-3, 1e-2)
    assert (drawn["dial"], drawn["low"], drawn["at"], drawn["high"]) == (
        "40.0%",
        "60.0%",
        "80.0%",
        "100.0%",
    )
    assert drawn["says"] == "Once in 10,000 searches; the dial is at once in 100 searches"
    assert drawn["dial_words"] == "your dial, once in 100"


def test_the_scale_ends_where_its_axis_ends(say: Say) -> None:
    drawn = say("scale", 0.0, 0.0, 20.0, 5.0)
    assert (drawn["at"], drawn["low"], drawn["high"], drawn["dial"]) == (
        "100.0%",
        "0.0%",
        "100.0%",
        "0.0%",
    )
    assert drawn["dial_words"] == "your dial"


def test_the_scale_is_written_in_no_language(say: Say) -> None:
    assert say("scale", 1 / 3288, 0.0, 1.0, 0.01, language="fr")["at"] == "70.3%"


def test_the_dial_says_what_it_asks(say: Say) -> None:
    assert say("dial_sentence", 0.01) == "Show a stranger at most once in 100 searches"
    assert say("dial_sentence", 3.0) == "Show at most about 3 strangers in a search"
    assert [stop["n_searches"] for stop in say("stops", 0.01) if stop["chosen"]] == [100]
    assert not [stop for stop in say("stops", 0.02) if stop["chosen"]]


@pytest.mark.parametrize(("quality", "n"), [(0.0, 1), (0.25, 1), (0.26, 2), (0.75, 3), (1.0, 4)])
def test_a_quality_is_four_steps(say: Say, quality: float, n: int) -> None:
    assert say("meter", quality) == [True] * n + [False] * (4 - n)


def test_the_distance_of_the_eyes_is_that_of_the_first_two_landmarks(say: Say) -> None:
    assert say("pixels_between_eyes", [[10, 20], [13, 24], [0, 0]]) == round(math.hypot(3, 4))


@pytest.mark.parametrize(
    ("text", "words"),
    [("2019", "2019"), ("2019-04", "April 2019"), ("2019-04-28", "28 April 2019"), ("x-y", "x-y")],
)
def test_a_date_is_as_precise_as_it_is_known(say: Say, text: str, words: str) -> None:
    assert say("iso_day", text, module="tags") == words


def test_months_are_in_the_language(say: Say) -> None:
    assert say("iso_day", "2019-04-28", language="fr", module="tags") == "28 avril 2019"
    assert say("iso_day", "2019-08", language="nl", module="tags") == "augustus 2019"


@pytest.mark.parametrize(
    ("address", "linked"),
    [
        ("https://press.example/a", True),
        ("http://press.example/a", True),
        ("javascript:alert(1)", False),
        ("data:text/html,x", False),
        ("/mnt/archive/a.jpg", False),
        (None, False),
    ],
)
def test_only_web_addresses_become_links(say: Say, address: str | None, linked: bool) -> None:
    assert say("is_link", address, module="tags") is linked


def test_a_path_is_shown_as_its_file_name(say: Say) -> None:
    assert say("file_name", "/home/ilse/group.jpg", module="tags") == "group.jpg"
    assert say("file_name", "group.jpg", module="tags") == "group.jpg"

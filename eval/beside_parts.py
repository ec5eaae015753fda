"""What the generated archive of `beside.py` is made of: people, captions, days, and the truth.

Nobody here exists; hosts end in `.example`. Everything follows from the generator that is given.
"""

# ruff: noqa: E501 pages stand as sites write them

import json
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random

FIRST = ["Ada", "Bram", "Chloé", "Dirk", "Elif", "Femke", "Günther", "Hanna", "Imani", "Jörg"]
LAST = ["Verbeke", "O’Hara", "Lindqvist", "Marchand", "Okafor", "Peeters", "Schröder", "Novák"]
AGENCIES = ["Northern Wire", "Lumen Press", "Agence Rivage", "Blickfang", "Beeldhuis"]
PLACES = ["Ghent", "Lille", "Utrecht", "Köln", "Porto", "Galway"]
ROLES = {
    "en": ["mayor", "striker", "pianist", "minister", "harbour master"],
    "fr": ["maire", "pianiste", "ministre", "capitaine", "directrice"],
    "nl": ["burgemeester", "pianist", "minister", "trainer", "directeur"],
    "de": ["Bürgermeisterin", "Pianist", "Ministerin", "Trainer", "Direktorin"],
}
SENTENCES = {
    "en": [
        "{who}, {role} of {place}, speaks to reporters after the vote.",
        "The {role} {who} at the opening of the new library in {place}",
        "{who} and {other} shake hands in {place}.",
        "Portrait of {who}",
        "From left to right: {who}, {other} and an unknown {role}, {place}.",
    ],
    "fr": [
        "{who}, {role} de {place}, lors de la cérémonie.",
        "{who} et {other} à l’ouverture du musée de {place}",
        "De gauche à droite : {who}, {other}.",
    ],
    "nl": [
        "{who}, {role} van {place}, bij de opening van de bibliotheek.",
        "{who} en {other} op de markt van {place}",
        "Van links naar rechts: {who}, {other}.",
    ],
    "de": [
        "{who}, {role} von {place}, bei der Eröffnung.",
        "{who} und {other} auf dem Marktplatz in {place}",
        "Von links nach rechts: {who}, {other}.",
    ],
}
PARAGRAPHS = {
    "en": "The council met for three hours on Tuesday. Nobody expected the vote to be so close, and "
    "few of those present had read the 400 pages of the report that was published in 2009.",
    "fr": "Le conseil s’est réuni pendant trois heures mardi. Personne n’attendait un vote aussi "
    "serré, et peu de membres avaient lu les 400 pages du rapport publié en 2009.",
    "nl": "De raad vergaderde dinsdag drie uur lang. Niemand had verwacht dat de stemming zo nipt "
    "zou zijn, en weinigen hadden de 400 bladzijden van het rapport uit 2009 gelezen.",
    "de": "Der Rat tagte am Dienstag drei Stunden lang. Niemand hatte ein so knappes Ergebnis "
    "erwartet, und wenige hatten die 400 Seiten des Berichts aus dem Jahr 2009 gelesen.",
}
MONTHS = {
    "en": ["January", "February", "March", "April", "May", "June", "July", "August", "September",
           "October", "November", "December"],
    "fr": ["janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre",
           "octobre", "novembre", "décembre"],
    "nl": ["januari", "februari", "maart", "april", "mei", "juni", "juli", "augustus", "september",
           "oktober", "november", "december"],
    "de": ["Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September",
           "Oktober", "November", "Dezember"],
}  # fmt: skip


@dataclass(frozen=True)
class Truth:
    """One photo of a page. `captions` and `credits` are the wordings that are right, () for none.

    Two wordings are right where the credit stands inside the caption's own sentence.
    """

    url: str
    captions: tuple[str, ...] = ()
    credits: tuple[str, ...] = ()
    date: str | None = None
    precision: str | None = None


@dataclass(frozen=True)
class Page:
    """`teasers` are pictures of other articles: they may be told or not, but without a date.

    `day` is the page's own day of publication, for those who read only that.
    """

    style: str
    url: str
    body: bytes
    photos: tuple[Truth, ...]
    content_type: str = "text/html; charset=utf-8"
    teasers: frozenset[str] = frozenset()
    day: str | None = None
    dated: bool = field(default=True)


class Dice:
    """The choices of one page, the same ones for the same seed."""

    def __init__(self, seed: str, language: str = "en") -> None:
        self.random = Random(seed)
        self.language = language
        self.paragraph = f"<p>{PARAGRAPHS[language]}</p>"
        self.number = self.random.randrange(10_000, 99_999)

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def who(self) -> str:
        return f"{self.random.choice(FIRST)} {self.random.choice(LAST)}"

    def agency(self) -> str:
        return self.random.choice(AGENCIES)

    def caption(self) -> str:
        return self.random.choice(SENTENCES[self.language]).format(
            who=self.who(),
            other=self.who(),
            role=self.random.choice(ROLES[self.language]),
            place=self.random.choice(PLACES),
        )

    def day(self, first: int = 1999, last: int = 2024) -> date:
        return date(first, 1, 1) + timedelta(self.random.randrange(365 * (last - first)))

    def later(self, day: date) -> date:
        return day + timedelta(self.random.randrange(3, 900))

    def clock(self) -> str:
        hour, minute, second = (self.random.randrange(n) for n in (24, 60, 60))
        return f"{hour:02}:{minute:02}:{second:02}"


def in_words(day: date, language: str) -> str:
    month = MONTHS[language][day.month - 1]
    dot = "." if language == "de" else ""
    number = "1er" if language == "fr" and day.day == 1 else f"{day.day}{dot}"
    return f"{number} {month} {day.year}"


def in_american(day: date) -> str:
    return f"{MONTHS['en'][day.month - 1]} {day.day}, {day.year}"


def json_ld(document: object) -> str:
    text = json.dumps(document, ensure_ascii=False).replace("</", "<\\/")
    return f'<script type="application/ld+json">{text}</script>'

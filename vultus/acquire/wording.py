"""Texts as sources write them, in one or more languages and often as HTML, made plain.

The tags are taken out here and not by a parser of HTML: a value is a phrase and no page, and
Python's own parser takes quadratic time on tags that do not end.
"""

import html
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

MAX_TEXT = 10_000  # characters of a text; the rest is cut
MAX_MARKUP = 100_000  # characters that are looked at for one text
LANGUAGES = ("en", "fr", "nl")  # the interface's own, in the order in which they are preferred

# A tag ends at the next angle bracket, so that each character is looked at a fixed number of times.
TAG = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9]*+)([^<>]*+)>|<!--|<[!?][^<>]*+>")
HIDDEN = re.compile(r"display\s*:\s*none", re.IGNORECASE)
UNSHOWN = frozenset({"script", "style", "template", "noscript"})
WITHOUT_END = frozenset({"area", "br", "col", "hr", "img", "input", "link", "meta", "wbr"})
INLINE = frozenset({"a", "abbr", "b", "bdi", "cite", "em", "font", "i", "q", "s", "small", "span",
                    "strong", "sub", "sup", "time", "u"})  # fmt: skip
CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
LANGUAGE_TAG = re.compile(r"[A-Za-z]{2,8}(?:[-_][A-Za-z0-9]{1,8}){0,4}")


@dataclass(frozen=True)
class Wording:
    """One text and the language it is in (a BCP 47 tag as written), None where that is unsaid."""

    text: str
    language: str | None = None


def preferred(wordings: Iterable[Wording]) -> Wording | None:
    """The one in the first of LANGUAGES that is there, else the first; empty ones do not count."""
    there = [wording for wording in wordings if wording.text]
    for language in LANGUAGES:
        for wording in there:
            if primary(wording.language) == language:
                return wording
    return there[0] if there else None


def primary(language: str | None) -> str:
    """The first subtag: `en` of `en-GB`."""
    return re.split("[-_]", language or "")[0].lower()


def language_tag(written: object) -> str | None:
    """A language as it was written; None for what has not the form of a tag (RFC 5646)."""
    written = written.strip() if isinstance(written, str) else ""
    plain = len(written) <= 35 and LANGUAGE_TAG.fullmatch(written)
    return written if plain and primary(written) not in {"none", "und", "zxx"} else None


def plain_text(markup: str) -> str:
    """The text that a reader sees, blanks run together, at most MAX_TEXT characters.

    What has the form of a tag is taken out, and so is what an element hides; what looks like one
    only once entities are read is text.
    """
    shown = "".join(_shown(markup[:MAX_MARKUP])) if "<" in markup else markup[:MAX_MARKUP]
    plain = CONTROLS.sub("", html.unescape(shown))
    return " ".join(plain.split())[:MAX_TEXT].rstrip()


def _shown(markup: str) -> Iterator[str]:
    """The pieces of text between tags, without those that are hidden."""
    position, hidden, depth = 0, "", 0
    while (found := TAG.search(markup, position)) is not None:
        if not hidden:
            yield markup[position : found.start()]
        position = found.end()
        if found[0] == "<!--":
            position = markup.find("-->", position)
            if position < 0:
                return
            position += 3
        if found[2] is None:
            continue
        name = found[2].lower()
        opens = not found[1] and name not in WITHOUT_END and not found[3].endswith("/")
        if not hidden and name not in INLINE:
            yield " "
        if hidden == name:
            depth += 1 if opens else -1 if found[1] else 0
            hidden = hidden if depth else ""
        elif not hidden and opens and (name in UNSHOWN or HIDDEN.search(found[3])):
            hidden, depth = name, 1
    if not hidden:
        yield markup[position:]

"""The tags and texts of an HTML document, in their order, without a tree.

Where tags begin and end is as in the HTML standard's tokenizer (section 13.2.5); what it makes of
elements that are not closed is not asked. Python's own html.parser takes time that grows with the
square of some documents. Everything here is one pass.
"""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass

_START = re.compile(r"<!--|<[!?]|<(/?)([A-Za-z][^\s/>]*)")
_COMMENT_END = re.compile(r"--!?>")
_TAG_END = re.compile(r"[\s/]*>")
_ATTRIBUTE = re.compile(
    r"""[\s/]*([^\s/>][^\s/>=]*)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>]*)))?"""
)
_NUMBER = re.compile(r"&#0*([0-9]+)", re.ASCII)
_HIDDEN = {"script", "style", "iframe", "noembed", "noframes", "xmp"}  # no tags, and not shown
_TEXT_ONLY = {"textarea", "title"}  # no tags


@dataclass(frozen=True)
class Tag:
    """A tag: name and names of attributes in lower case, values without character references.

    Of two attributes with one name the first counts. An end tag has `closes` and no attributes.
    """

    name: str
    attributes: dict[str, str]
    closes: bool = False


def pieces(text: str) -> Iterator[Tag | str]:
    """The tags and the texts between them; comments and what scripts hold are left out."""
    position = 0
    while (start := _START.search(text, position)) is not None:
        if start.start() > position:
            yield unescaped(text[position : start.start()])
        position = start.end()
        if start[2] is None:
            end = _comment_end(text, start)
            if end is None:
                return
            position = end
            continue
        attributes, position = attributes_of(text, position)
        closed = _TAG_END.match(text, position)
        if closed is None:
            return  # cut within a tag
        position = closed.end()
        name, closes = start[2].lower(), bool(start[1])
        yield Tag(name, {} if closes else attributes, closes)
        if not closes and name in _HIDDEN | _TEXT_ONLY:
            end_tag = re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE).search(text, position)
            inside = text[position : len(text) if end_tag is None else end_tag.start()]
            if name in _TEXT_ONLY and inside:
                yield unescaped(inside)
            position += len(inside)
    if position < len(text):
        yield unescaped(text[position:])


def _comment_end(text: str, start: re.Match[str]) -> int | None:
    """Where a comment or declaration ends; None where it does not."""
    if start.group() == "<!--":
        end = _COMMENT_END.search(text, start.end() - 2)  # `<!-->` is a whole comment
        return None if end is None else max(end.end(), start.end())
    return text.find(">", start.end()) + 1 or None


def attributes_of(text: str, position: int) -> tuple[dict[str, str], int]:
    """The attributes of the tag that is open at `position`, and where they end.

    A value is read to its end, in vain only once for each kind of quote.
    """
    attributes: dict[str, str] = {}
    while (found := _ATTRIBUTE.match(text, position)) is not None:
        position = found.end()
        name = found[1].lower()
        if name not in attributes:
            attributes[name] = unescaped(found[2] or found[3] or found[4] or "")
    return attributes, position


def unescaped(text: str) -> str:
    """The text without character references; a number beyond Unicode is U+FFFD, however long."""
    if "&" not in text:
        return text
    return html.unescape(_NUMBER.sub(lambda found: f"&#{found[1][:8]}", text))


def plain(text: str) -> str:
    """The text of an HTML fragment, blanks run together."""
    return " ".join(" ".join(piece for piece in pieces(text) if isinstance(piece, str)).split())

"""What a page says beside each of its pictures: caption, credit, licence, persons, title, date.

The caption is the first of these that says something; its source is named as here:

    schema.org:caption, schema.org:description   of the ImageObject
    figcaption          of the nearest figure
    caption             an element whose class says so (caption, legend, bijschrift, …)
    term                "Description" in a list of terms, where the page has one picture
    data-caption        an attribute for a gallery's script, of the picture or the link around it
    img:alt, img:title, a:title   where it is more than a file's name, a number or one word
    text                what else stands in the picture's own block, at most MAX_NEAR characters;
                        a paragraph in italics or small type below it; the cell below its own

An element that holds only the credit is no part of the caption. Title, date, licence and persons
of the page are not those of a picture that stands in an aside, in another article, or in a link to
another page: there they are left out, as those of that page would be wrong.
"""

import re
from collections.abc import Iterator
from urllib.parse import unquote, urlsplit

from vultus.acquire.found import Beside
from vultus.acquire.page_about import (
    language_at,
    language_of,
    licence_in,
    licence_of,
    persons_of,
    portraits,
    title_of,
)
from vultus.acquire.page_block import Blocks, below, followers, near, read_terms
from vultus.acquire.page_data import Thing, plain
from vultus.acquire.page_date import (
    ARTICLES,
    WORKS,
    Dated,
    PageDates,
    date_of_thing,
    elsewhere,
    single_date,
)
from vultus.acquire.page_photo import Picture, Pictures
from vultus.acquire.page_tree import Node, one_line
from vultus.faces.metadata import MAX_PERSONS

CAPTION = frozenset({
    "caption", "captions", "captiontext", "imagecaption", "legend", "legende", "légende", "cutline",
    "bijschrift", "onderschrift", "fotobijschrift", "bildunterschrift", "bildtext", "bildlegende",
})  # fmt: skip
CREDIT = frozenset({
    "credit", "credits", "copyright", "photographer", "photocredit", "imagecredit", "source",
    "quelle", "bildquelle", "bron", "crédit", "fotograaf", "fotograf", "photographe",
    "bildnachweis",
})  # fmt: skip
CAPTION_ATTRIBUTES = ("data-caption", "data-title", "data-sub-html", "data-description",
                      "data-image-caption", "data-image-description", "data-fslightbox-caption",
                      "data-glightbox-description", "data-lightbox-title")  # fmt: skip
CAPTION_TERMS = {
    "caption", "description", "beschrijving", "onderschrift", "bijschrift", "légende",
    "beschreibung",
    "bildunterschrift", "inhoud", "scope and content",
}  # fmt: skip
CREDIT_TERMS = {
    "credit", "photographer", "photo credit", "photo", "fotograaf", "vervaardiger", "maker",
    "photographe", "crédit", "crédit photo", "auteur", "fotograf", "fotografin", "urheber",
    "creator",
    "artist", "credit line", "bildnachweis", "copyright",
}  # fmt: skip
STOCK = {
    "image", "photo", "photograph", "picture", "pic", "item", "object", "foto", "fotos", "bild",
    "img",
    "illustration", "afbeelding", "thumbnail", "thumb", "figure", "fig", "slide", "dsc", "pict",
    "abbildung", "no", "nr", "of", "von", "de", "van", "click", "to", "enlarge", "enlarged",
    "untitled", "gallery", "larger", "zoom", "view", "full", "size", "screenshot", "hero", "banner",
}  # fmt: skip
FILE = re.compile(r"^[^\s/]{1,200}\.(?:jpe?g|png|gif|webp|tiff?|avif|heic)$", re.IGNORECASE)
LABEL = re.compile(
    r"^[\s(\[|–—-]*(?:photo(?:graph)?s?|foto|picture|image|bild|crédits?|credits?|quelle|bron|source"
    r"|courtesy)(?:\s(?:credit|photo|by|of|de|par|door|von))?\s*:\s*|^[\s(\[|–—-]*(?:photo(?:graph)?"
    r"\sby|photo courtesy of|courtesy of)\s+",
    re.IGNORECASE,
)
TAIL = re.compile(
    r"(?:[.!?\s]\s*[(\[|–—/-]?\s*)((?:photo(?:graph)?s?|foto|bild|crédits?|credits?|quelle|bron"
    r"|picture)(?:\s(?:credit|photo|by|de|par|door|von))?\s?:\s*[^:]{2,100}"
    r"|photo(?:graph)?\sby\s[^:]{2,100}|(?:photo\s)?courtesy of\s[^:]{2,100}|©\s?[^:©]{2,100})$",
    re.IGNORECASE,
)


class BesideReader:
    """Reads beside the pictures of one page; what the page says of itself is read once."""

    def __init__(
        self, root: Node, url: str, base: str, things: list[Thing], pictures: Pictures
    ) -> None:
        self.things, self.blocks = things, Blocks(pictures)
        self.terms = read_terms(root)
        self.dates = PageDates(root, url, things, self.terms)
        self.title = title_of(root)
        self.licence = licence_of(root, things)
        self.language = language_of(root)
        self.persons = [
            name
            for thing in things
            if thing.types & (ARTICLES | WORKS)
            for name in persons_of(thing)
        ]
        self.portraits = portraits(things, base)
        self.away = {id(p) for p in pictures.found if p.node is not None and _is_away(p, url)}
        self.alone = len(pictures.found) - len(self.away) == 1

    def read(self, picture: Picture) -> Beside:
        """What stands beside one picture of the page."""
        thing, node = picture.thing or Thing(), picture.node
        away = id(picture) in self.away
        blocks = self.blocks.around(node) if node is not None else []
        credited = list(self._credited(blocks))
        caption, caption_source = self._caption(picture, thing, blocks, frozenset(credited), away)
        dated = self._date(picture, thing, blocks, away)
        shown = (name for url in picture.renditions for name in self.portraits.get(url, ()))
        own = list(dict.fromkeys([*persons_of(thing), *shown]))
        persons = own or ([] if away else list(dict.fromkeys(self.persons)))
        name = thing.text("name", "headline")
        licence = thing.text("license") or licence_in(self.blocks.beside(blocks))
        return Beside(
            title=name or (None if away else self.title),
            caption=caption,
            caption_source=caption_source,
            credit=self._credit(thing, credited, caption, away),
            licence=licence
            or (None if away else self.licence)
            or thing.text("copyrightNotice", "usageInfo", "acquireLicensePage"),
            date=dated[0].text if dated else None,
            date_precision=dated[0].precision if dated else None,
            date_source=dated[1] if dated else None,
            persons=tuple(persons[:MAX_PERSONS]),
            language=language_at(node) or thing.text("inLanguage") or self.language,
        )

    def _caption(
        self, picture: Picture, thing: Thing, blocks: list[Node], credited: frozenset[Node],
        away: bool,
    ) -> tuple[str | None, str | None]:  # fmt: skip
        for name in ("caption", "description"):
            if text := thing.text(name):
                return text, f"schema.org:{name}"
        node = picture.node
        if node is None:
            return None, None
        for source, text in self._written(node, blocks, credited, away):
            if text:
                return text, source
        return None, None

    def _written(
        self, node: Node, blocks: list[Node], credited: frozenset[Node], away: bool
    ) -> Iterator[tuple[str, str]]:
        """The places of a caption in the page's own elements, in their order."""
        figure = next((up for up in node.above() if up.name == "figure"), None)
        if figure is not None:
            yield from (
                ("figcaption", inner.text(credited))
                for inner in figure.walk(200)
                if inner.name == "figcaption"
            )
        for inner in self.blocks.beside(blocks):
            if inner.words() & CAPTION and inner not in credited:
                yield "caption", inner.text(credited)
        for after in followers(node, self.blocks):
            if after.words() & CAPTION:
                yield "caption", after.text(credited)
        if self.alone and not away:
            yield from (("term", text) for label, text in self.terms if label in CAPTION_TERMS)
        yield from _attributes(node)
        yield "text", near(blocks, credited)
        yield "text", below(node, self.blocks)

    def _credited(self, blocks: list[Node]) -> Iterator[Node]:
        """The elements of a picture's own blocks that say whose it is, and no more."""
        for inner in self.blocks.beside(blocks):
            words = inner.words()
            is_cite = inner.name == "cite"
            if (is_cite or (words & CREDIT and not words & CAPTION)) and inner.name not in {
                "figcaption", "source", "img", "a",
            }:  # fmt: skip
                yield inner

    def _credit(
        self, thing: Thing, credited: list[Node], caption: str | None, away: bool
    ) -> str | None:
        told = thing.text("creditText", "creator", "author", "copyrightHolder", "copyrightNotice")
        if told:
            return told
        for node in credited:
            labels = frozenset(inner for inner in node.walk(20) if "label" in inner.words())
            if text := LABEL.sub("", node.text(labels - {node})).strip(" ()[]|"):
                return text
        if self.alone and not away:
            for label, text in self.terms:
                if label in CREDIT_TERMS and text:
                    return text
        tail = TAIL.search((caption or "")[-140:])
        return LABEL.sub("", tail[1]).strip(" ()[]|.") or None if tail else None

    def _date(self, picture: Picture, thing: Thing, blocks: list[Node], away: bool) -> Dated | None:
        found = date_of_thing(thing) or self.dates.near(blocks[-1] if blocks else None)
        if found is None and not away:
            found = self.dates.of_page(picture.node)
        if found is None and picture.node is not None:
            figure = next((up for up in picture.node.above() if up.name == "figure"), None)
            captions = figure.walk(200) if figure is not None else ()
            said = " ".join(node.text() for node in captions if node.name == "figcaption")
            date = single_date(said)
            found = (date, "figcaption") if date is not None else None
        return found or (None if away else self.dates.changed)


def _attributes(node: Node) -> Iterator[tuple[str, str]]:
    """What attributes of a picture, and of the link around it, say."""
    link = next((up for up in node.above() if up.name == "a"), None)
    written = [
        ("data-caption", plain(holder.get(name)))
        for holder in (node, link)
        if holder is not None
        for name in CAPTION_ATTRIBUTES
    ]
    written += [("img:alt", one_line(node.get("alt"))), ("img:title", one_line(node.get("title")))]
    if link is not None:
        written.append(("a:title", one_line(link.get("title"))))
    yield from ((source, text) for source, text in written if says_something(text, node))


def says_something(text: str, node: Node) -> bool:
    """Whether a text for a picture is more than a file's name, a number, one word, stock words."""
    if FILE.match(text):
        return False
    name = unquote(urlsplit(node.get("src")).path.rpartition("/")[2].rpartition(".")[0])
    if text.lower() == re.sub(r"[-_]+", " ", name).strip().lower():
        return False
    words = [word for word in re.findall(r"[^\W\d_]+", text.lower()) if word not in STOCK]
    return len(words) > 1


def _is_away(picture: Picture, url: str) -> bool:
    """Whether a picture stands for another page than this one."""
    node = picture.node
    assert node is not None
    if elsewhere(node):
        return True
    if picture.link is None or picture.link == url:
        return False
    # A link within a figure with its own caption leads to the picture's page, not to an article.
    in_link = False
    for up in node.above():
        in_link = in_link or up.name == "a"
        if up.name == "figure" and any(n.name == "figcaption" for n in up.walk(50)):
            return not in_link
    return True

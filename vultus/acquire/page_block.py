"""The part of a page that is about one picture only, and the page's lists of terms."""

import re
from collections.abc import Iterable, Iterator

from vultus.acquire.page_photo import Pictures
from vultus.acquire.page_tree import Node

MAX_LEVELS = 8
MAX_BLOCK = 1_000  # characters; a block that says more is not about the picture alone
MAX_TERMS = 500
MAX_NEAR = 300  # characters of a text that may be a caption because of where it stands
MAX_PARAGRAPH = 120  # a paragraph that is longer is the article's
SLANTED = {"em", "i", "small"}
BOUNDARIES = {"", "html", "body", "main", "article", "section", "form"}
LARGE = {"h1", "footer", "nav", "article", "main", "header", "form", "dl"}


class Blocks:
    """Which elements hold one picture only."""

    def __init__(self, pictures: Pictures) -> None:
        several = object()
        self.owner: dict[Node, object] = {}
        for node, picture in pictures.of_node.items():
            for up in (node, *node.above()):
                if self.owner.setdefault(up, picture) is not picture:
                    self.owner[up] = several

    def around(self, node: Node) -> list[Node]:
        """The elements around a picture that are about it alone, innermost first.

        They end before an element that holds another picture, is or holds a part of the page, or
        says more than MAX_BLOCK.
        """
        found: list[Node] = []
        for up in node.above():
            if (
                len(found) == MAX_LEVELS
                or up.name in BOUNDARIES
                or self.owner[up] is not self.owner[node]
                or any(inner.name in LARGE for inner in up.walk(200))
                or len(up.text()) > MAX_BLOCK
            ):
                break
            found.append(up)
        return found

    def beside(self, blocks: Iterable[Node]) -> Iterator[Node]:
        """What stands in these blocks and holds no picture, from the innermost block on."""
        seen: Node | None = None
        for block in blocks:
            for node in _without(block, seen, 200):
                if node not in self.owner:
                    yield node
            seen = block


def _without(block: Node, done: Node | None, n_max: int) -> Iterator[Node]:
    """As `Node.walk`, without a part that has been walked."""
    stack = [block]
    while stack and n_max > 0:
        node = stack.pop()
        n_max -= 1
        if node is done:
            continue
        yield node
        stack.extend(child for child in reversed(node.children) if isinstance(child, Node))


def near(blocks: list[Node], without: frozenset[Node]) -> str:
    """What the innermost block with a text says, where it is short enough to be a caption."""
    for block in blocks:
        text = block.text(without)
        if text:
            prose = any(
                inner.name == "p" and len(inner.text()) > MAX_PARAGRAPH for inner in block.walk(200)
            )
            return "" if prose or len(text) > MAX_NEAR else text
    return ""


def followers(node: Node, blocks: Blocks) -> Iterator[Node]:
    """The element after a picture, after the element around it, and so on, within what is the
    picture's alone; none that holds another picture."""
    for up in (node, *node.above()):
        if blocks.owner[up] is not blocks.owner[node] or up.name in BOUNDARIES:
            return
        after = _next(up)
        if after is not None and after not in blocks.owner:
            yield after


def below(node: Node, blocks: Blocks) -> str:
    """The paragraph in italics or small type after a picture's own, or the cell below its own."""
    for after in followers(node, blocks):
        inner = [child for child in after.children if isinstance(child, Node) or child.strip()]
        slanted = len(inner) == 1 and isinstance(inner[0], Node) and inner[0].name in SLANTED
        if slanted and (text := after.text()):
            return text if len(text) <= MAX_NEAR else ""
    cell = next((up for up in node.above() if up.name == "td"), None)
    row = _next(cell.parent) if cell is not None and cell.parent is not None else None
    if cell is None or cell.parent is None or row is None or row in blocks.owner:
        return ""
    cells, under = _cells(cell.parent), _cells(row)
    if blocks.owner[cell] is not blocks.owner[node] or len(cells) != len(under):
        return ""
    text = under[cells.index(cell)].text() if cell in cells else ""
    return text if len(text) <= MAX_NEAR else ""


def _next(node: Node) -> Node | None:
    """The element after this one, where no text stands between."""
    children = node.parent.children if node.parent is not None else []
    place = next((n for n, child in enumerate(children) if child is node), len(children))
    for child in children[place + 1 : place + 10]:
        if isinstance(child, Node):
            return child
        if child.strip():
            return None
    return None


def _cells(row: Node) -> list[Node]:
    cells = [child for child in row.children[:200] if isinstance(child, Node)]
    return [cell for cell in cells if cell.name in {"td", "th"}]


def read_terms(root: Node) -> list[tuple[str, str]]:
    """Each `dt` with its `dd`, and each row of two cells: label in lower case, and text."""
    found: list[tuple[str, str]] = []
    label = ""
    for node in root.walk():
        if len(found) >= MAX_TERMS:
            break
        if node.name == "dt":
            label = _label(node)
        elif node.name == "dd" and label:
            found.append((label, node.text()))
            label = ""
        elif node.name == "tr":
            cells = _cells(node)
            if len(cells) == 2 and (label := _label(cells[0])):
                found.append((label, cells[1].text()))
                label = ""
    return found


def _label(node: Node) -> str:
    text = node.text()
    return re.sub(r"\s*:$", "", text).lower() if len(text) <= 60 else ""

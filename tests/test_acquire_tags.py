"""HTML as tags and texts, the pictures in it, and what is written to them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vultus.acquire.figure import Figure, figures, largest
from vultus.acquire.tags import Tag, pieces, plain, unescaped


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a<B C=1 c=2 D>b</b>", ["a", Tag("b", {"c": "1", "d": ""}), "b", Tag("b", {}, True)]),
        ("<img src='a>b' alt=\"&lt;\"/>", [Tag("img", {"src": "a>b", "alt": "<"})]),
        ("a<!-- <b> -->c", ["a", "c"]), ("a<!-->b-->", ["a", "b-->"]), ("a<!-- <b>", ["a"]),
        ("<!DOCTYPE html>a<?x y?>b", ["a", "b"]), ("a < b > c & d", ["a < b > c & d"]),
        ("<script><b></script >a", [Tag("script", {}), Tag("script", {}, True), "a"]),
        ("<style><b>", [Tag("style", {})]),
        ("<title>a<b></title>", [Tag("title", {}), "a<b>", Tag("title", {}, True)]),
        ("</scripts><b", [Tag("scripts", {}, True)]), ("<b c='", []), ("", []),
        ("<script></scripts><b></script>", [Tag("script", {}), Tag("script", {}, True)]),
    ],
)  # fmt: skip
def test_tags_and_texts(text, found):
    """HTML section 13.2.5, tokenization."""
    assert list(pieces(text)) == found


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("a&amp;b&#65;&#x42;", "a&bAB"), ("&#0000000000000065;", "A"), ("&#0;", "\ufffd"),
        ("&#" + "1" * 5_000 + ";", "\ufffd"), ("&#x" + "1" * 5_000 + ";", "\ufffd"), ("&", "&"),
    ],
    ids=lambda text: text[:20],
)  # fmt: skip
def test_character_references(text, read):
    """Also numbers of which Python says that they are too long."""
    assert unescaped(text) == read


def test_plain_text():
    assert plain(" <p>a <b>b</b></p>\n<script>x</script>c ") == "a b c"


# --- pictures -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('<img src="a" alt=" A  b ">', [("a", "A b", "img:alt")]),
        ('<img src="a">', [("a", None, None)]),
        ("<figure><img src=a><img src=b alt=x><figcaption>C<br>d</figcaption></figure><img src=e>",
         [("a", "C d", "figcaption"), ("b", "C d", "figcaption"), ("e", None, None)]),
        ("<figure><figcaption>C</figcaption><img src=a></figure>", [("a", "C", "figcaption")]),
        ("<figure><img src=a alt=A></figure>", [("a", "A", "img:alt")]),
        ("<figure><img src=a><figcaption>C", [("a", None, None)]),
        ("<figcaption>C</figcaption><img src=a>", [("a", None, None)]),
        ("<figure><figure><img src=a></figure><figcaption>C</figcaption></figure>",
         [("a", "C", "figcaption")]),
        ("<img src=a width=1 height=1><img src='data:image/png;base64,'><img><img src=''>", []),
        ("<img src=a width=640px>", [("a", None, None)]), ("<img src=a height=2>", []),
        ("<img src=a width=3 height=²>", [("a", None, None)]),
        ("<picture><source srcset='b 900w'><img src=a srcset='c 100w'></picture><img src=d>",
         [("b", None, None), ("d", None, None)]),
        ("<!-- <img src=a> --><script>'<img src=b>'</script>", []),
    ],
)  # fmt: skip
def test_pictures_and_their_captions(text, found):
    assert list(figures(pieces(text))) == [Figure(*row) for row in found]


@pytest.mark.parametrize(
    ("srcset", "best"),
    [
        ("a 100w, b 300w, c 200w", "b"), ("a, b 2x", "b"), ("a 1.5x,b 2x", "b"), ("a", "a"),
        ("a 100w, b 9x", "a"), ("a,b 1x", "a,b"), ("a?x=1,2 2x, b", "a?x=1,2"), ("", None),
        (" , ,a,, ", "a"), ("a 1w 2h, b 1w", "a"), ("data:x 9w, b 1w", "b"), ("a -1w", "a"),
        ("a 1e9w, b 3w", "b"), ("a ²w", "a"), ("a 1" + "0" * 400 + "w", "a"),
    ],
    ids=lambda text: str(text)[:20],
)  # fmt: skip
def test_the_largest_of_a_srcset(srcset, best):
    """HTML section 4.8.4.2.1."""
    assert largest([srcset]) == best


# --- properties ---------------------------------------------------------------------------------

MARKUP = st.lists(
    st.sampled_from(
        ["<", ">", "</", "figure", "figcaption", "<img ", "src=", "srcset=", "'", '"', "a", " ",
         "<!--", "-->", "&#", "1", ";", "<script>", "</script", ",", "2x", "/", "=", "é", "\0"]
    ),
    max_size=40,
).map("".join)  # fmt: skip


@given(MARKUP | st.text())
def test_no_text_raises_and_texts_are_never_empty(text):
    assert all(not isinstance(piece, str) or piece for piece in pieces(text))
    assert all(figure.written for figure in figures(pieces(text)))


@given(st.text())
def test_what_is_escaped_is_read_as_it_was(text):
    escaped = text.replace("&", "&amp;").replace("<", "&lt;")
    assert list(pieces(escaped)) == ([text] if text else [])


@pytest.mark.parametrize(
    "piece",
    [
        "<",
        "<a ",
        "<!--",
        "<!-",
        "&#1",
        "<a b='",
        "<script>",
        " ",
        "<a b=\"c' ",
        "</title",
        "<title>",
    ],
)
def test_a_long_text_is_one_pass(piece):
    """Work that grew with the square of the length would take minutes here."""
    assert list(figures(pieces(piece * 200_000))) == []
    largest([piece * 200_000, ", " * 200_000, "a," * 200_000, "a 1w," * 200_000])

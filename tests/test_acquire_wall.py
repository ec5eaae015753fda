"""Log-in walls, and pages that are none although they have a form to log in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vultus.acquire.wall import is_login_place, is_login_wall

URL = "https://news.example/2024/mayor.html"
HTML = (("content-type", "text/html; charset=utf-8"),)
FORM = (
    '<form action="/login" method="post"><label>Name <input name="u"></label>'
    '<input type="password" name="p"><button>Log in</button></form>'
)
STORY = "<p>" + "The mayor opened the hall. " * 30 + "</p>"


def wall(body, url=URL, status=200, headers=HTML):
    return is_login_wall(url, status, headers, body.encode())


# --- statuses and redirects ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "headers", "rule"),
    [
        (401, (), "wall.unauthorised"),
        (401, (("www-authenticate", "Basic"),), "wall.unauthorised"),
        (402, (), "wall.payment"), (407, (), "wall.proxy"), (511, (), "wall.network"),
        (403, (("www-authenticate", "Bearer"),), "wall.forbidden"),
        (403, (), None), (404, (), None), (410, (), None), (429, (), None), (451, (), None),
        (500, (), None), (503, (), None), (304, (), None), (206, (), None),
    ],
)  # fmt: skip
def test_statuses(status, headers, rule):
    """RFC 9110 section 15.5, RFC 6585 section 6."""
    assert wall(FORM, status=status, headers=headers) == rule


@pytest.mark.parametrize(
    ("location", "is_wall"),
    [
        ("/login?next=/2024/mayor.html", True), ("https://login.elsewhere.example/", True),
        ("https://news.example/users/sign_in", True), ("/wp-login.php?redirect_to=x", True),
        ("/cas/login;jsessionid=1", True), ("/sso/saml", True), ("/Inloggen.aspx", True),
        ("/2024/mayor-of-login.html", False), ("/2024/mayor/", False), ("/", False),
        ("https://www.news.example/2024/mayor.html", False), ("/login/2024/mayor/story", False),
        ("http://[", False), ("", False),
    ],
)  # fmt: skip
def test_a_redirect_to_a_place_to_log_in(location, is_wall):
    headers = (("location", location),)
    assert wall("", status=302, headers=headers) == ("wall.redirect" if is_wall else None)


# --- pages --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "page",
    [
        FORM,
        f"<html><head><title>Log in to the archive of Ghent</title></head>{FORM}</html>",
        f"<nav>{'<a>Section</a>' * 100}</nav><main>{FORM}</main><footer>{'Text ' * 200}</footer>",
        f"<img src=/logo.svg><h1>Subscribers only</h1>{FORM}<p>Forgot your password?</p>",
        f"<script>{'x' * 5_000}</script><style>{'x' * 5_000}</style>{FORM}",
        FORM.replace("</label>", "<p>" + "Terms of use. " * 200 + "</p></label>"),
        FORM.replace('type="password"', "TYPE=' Password '"),
    ],
)
def test_a_page_of_little_else_than_a_form(page):
    assert wall(page) == "wall.form"
    assert wall(page, headers=()) == "wall.form"


@pytest.mark.parametrize(
    "page",
    [
        f"<header>{FORM}</header>{STORY}",
        f"<header>{FORM}</header><p>A short caption.</p><img src=1.jpg>",
        f"<nav>{FORM}</nav>",
        f"<dialog>{FORM}</dialog>",
        f"<footer>{FORM}</footer>",
        f"<aside><div><aside></aside>{FORM}</div></aside>",
        f"<template>{FORM}</template>",
        f"<div hidden><div></div>{FORM}</div>",
        f'<div role="dialog">{FORM}</div>',
        f'<div style="display: none">{FORM}</div>',
        f'<div aria-hidden="true">{FORM}</div>',
        f"<div id=login>{FORM}</div>{STORY}",
        f"{FORM}<figure><img src=1.jpg></figure>",
        f"{FORM}<article>Short</article>",
        f"{FORM}<img src=1.jpg><img src=2.jpg>",
        f"<!-- {FORM} -->",
        f"<script>var form = '{FORM}'</script>",
        STORY,
        "",
        '<form action="/search"><input type="search"></form>',
        '<form><input type="text" name="password"></form>',
    ],
)
def test_pages_that_are_none(page):
    """A newspaper's page with a form in its header is a page."""
    assert wall(page) is None


def test_a_form_for_which_a_picture_or_a_feed_was_taken():
    assert wall(FORM, headers=(("content-type", "image/jpeg"),)) is None
    assert wall(FORM, headers=(("content-type", "application/xml"),)) is None


@pytest.mark.parametrize(
    ("url", "page", "rule"),
    [
        ("https://news.example/login?next=%2Fa", "<div id=app></div>", "wall.login_page"),
        ("https://news.example/login", FORM + STORY, "wall.login_page"),
        ("https://login.news.example/", FORM + STORY, "wall.login_page"),
        ("https://news.example/login", STORY, None),  # a page about it
        ("https://news.example/login", f"<header>{FORM}</header>{STORY}", None),
        ("https://news.example/tags/login-trouble?next=2", STORY, None),
        ("https://news.example/a?next=/login", STORY, None),
    ],
)
def test_the_place_that_answered(url, page, rule):
    assert wall(page, url=url) == rule


# --- properties ---------------------------------------------------------------------------------

MARKUP = st.lists(
    st.sampled_from(
        ["<form>", "</form>", "<input type=password>", "<header>", "</header>", "<div hidden>",
         "</div>", "<div>", "text ", "<title>", "</title>", "<img>", "<!--", "-->", "<", ">"]
    ),
    max_size=30,
).map("".join)  # fmt: skip


@given(
    st.text(),
    st.integers(100, 599),
    st.lists(st.tuples(st.sampled_from(["location", "content-type"]), st.text())),
    st.binary() | MARKUP.map(str.encode),
)
def test_nothing_raises(url, status, headers, body):
    assert is_login_wall(url, status, headers, body) is None or status != 404
    assert isinstance(is_login_place(url), bool)


@given(MARKUP)
def test_a_page_with_a_story_is_none(markup):
    closed = "-->".join([markup, ""]) + "</title></form></header></div>" * 30
    assert wall(f"<article>{STORY}</article>" + closed) is None

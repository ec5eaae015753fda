"""The main job as a person does it, in Chromium, on a real server: from a photo to candidates."""
# ruff: noqa: F811 - a fixture that is imported is named again by every test

import base64
import os
import re
import shutil
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from web_home import PASSWORD, PHOTO_BYTES_MAX, Site, site  # noqa: F401 - a fixture

pytestmark = pytest.mark.browser
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "chrome"))), None)
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SEARCH = re.compile(r"/searches/\d+$")
PROBE = re.compile(r"/probes/\d+$")
PATIENCE = 90_000  # ms; a machine that does much else may be slow
Open = Callable[..., Page]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        assert "CI" not in os.environ, "CI must have Chromium"
        pytest.skip("needs Chromium: apt-get update && apt-get install -y chromium")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def open_page(site: Site, browser: Browser) -> Iterator[Open]:
    """Opens a page of a reader who is logged in; fails on any script error or refused load."""
    contexts: list[BrowserContext] = []
    wrong: list[str] = []

    def open_one(path: str = "/cases", *, width: int = 1280, **options: object) -> Page:
        size = {"width": width, "height": 800}
        context = browser.new_context(base_url=site.address, viewport=size, **options)
        contexts.append(context)
        visitor = site.visitor("Ilse Haddad")
        context.add_cookies(
            [{"name": k, "value": v, "url": site.address} for k, v in visitor.cookies.items()]
        )
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda m: wrong.append(m.text) if "Policy" in m.text else None)
        page.goto(path)
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert not wrong


def submit(page: Page, photo: object) -> None:
    page.set_input_files("[name=photo]", str(photo))
    page.get_by_role("button", name="Search", exact=True).click()


def press_and_go(page: Page, key: str) -> None:
    """Press a key that leads to another page, and wait until that page listens to keys.

    Walking the candidates changes the address, too, but only behind its `#`.
    """
    here = page.url.partition("#")[0]
    with page.expect_navigation(url=lambda url: url.partition("#")[0] != here):
        page.keyboard.press(key)


def no_sideways_scroll(page: Page) -> bool:
    wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    return int(wide) <= 0


@pytest.fixture(scope="session")
def search(site: Site) -> str:
    """The path of a search with candidates, which the tests below only look at."""
    visitor = site.visitor("Ilse Haddad")
    return visitor.upload(f"{visitor.open_case()}/photo", site.probe("enrolled.jpg")).location


def test_from_log_in_to_candidates(site: Site, browser: Browser) -> None:
    context = browser.new_context(base_url=site.address)
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto("/")
    page.get_by_label("Name", exact=True).fill("Ilse Haddad")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("link", name=re.compile("Open (a|the first) case")).click()
    page.get_by_label("Reference").fill("TR-2026-0418")
    page.get_by_label("Purpose").fill("Trace a missing adult")
    page.get_by_label("Legal basis").fill("GDPR art. 6(1)(d)")
    page.get_by_role("button", name="Open the case").click()
    page.get_by_role("button", name="Approve my own case").click()
    submit(page, site.probe("enrolled.jpg"))
    page.wait_for_url(SEARCH)
    expect(page.get_by_role("heading", level=1)).to_contain_text("candidate")
    first = page.locator(".candidate").first
    expect(first.locator("h2")).to_contain_text("A stranger this alike would come up")
    expect(first.locator(".number")).to_contain_text("Score 0.")
    expect(first.get_by_role("link", name=re.compile(r"^portraits\.example"))).to_be_visible()
    shown = page.evaluate("[...document.images].every(i => !i.complete || i.naturalWidth > 0)")
    assert shown
    page.get_by_role("button", name="1,000", exact=True).first.click()
    page.wait_for_url(lambda url: SEARCH.search(url) is not None)
    expect(page.locator(".dial .says").first).to_contain_text("once in 1,000 searches")
    context.close()


def test_a_stranger_has_no_likely_match(site: Site, open_page: Open) -> None:
    visitor = site.visitor("Ilse Haddad")
    page = open_page(visitor.open_case())
    submit(page, site.probe("stranger.jpg"))
    page.wait_for_url(SEARCH)
    expect(page.get_by_role("heading", level=1)).to_have_text("No likely match")
    expect(page.locator(".nearest")).to_contain_text("Nearest face:")
    expect(page.get_by_text("It does not prove absence")).to_be_visible()
    assert page.locator(".candidate").count() == 0


def test_in_a_group_photo_the_face_is_chosen(site: Site, open_page: Open) -> None:
    page = open_page(site.visitor("Ilse Haddad").open_case())
    submit(page, site.probe("group.jpg"))
    page.wait_for_url(PROBE)
    expect(page.get_by_role("heading", level=1)).to_have_text("3 faces. Which one?")
    page.get_by_role("button", name="Search the chosen face").click()
    expect(page.get_by_role("alert")).to_contain_text("Choose at least one face.")
    page.locator("[data-face=f2] .box").click()
    expect(page.get_by_role("checkbox", name=re.compile("Face 2"))).to_be_checked()
    page.keyboard.press("1")
    expect(page.locator(".group .on")).to_have_count(2)
    page.keyboard.press("1")
    page.get_by_role("button", name="Search the chosen face").click()
    page.wait_for_url(SEARCH)
    expect(page.locator(".probe-text")).to_contain_text("face 2 of 3")
    page.go_back()
    page.get_by_role("button", name="All 3 faces, each on its own").click()
    page.wait_for_url(SEARCH)
    expect(page.locator(".tabs li")).to_have_count(3)
    page.locator(".tabs li:nth-child(3) a").click()
    expect(page.locator(".probe-text")).to_contain_text("face 3 of 3")


def test_keys_walk_look_closer_and_come_back(search: str, open_page: Open) -> None:
    page = open_page(search)
    page.keyboard.press("j")
    expect(page.locator(".candidate.here")).to_have_id("c1")
    page.keyboard.press("j")
    expect(page.locator(".candidate.here")).to_have_id("c2")
    page.keyboard.press("b")
    expect(page.locator("#c2 .pair .over")).to_be_attached()
    page.keyboard.press("b")
    expect(page.locator(".blinking")).to_have_count(0)
    press_and_go(page, "Space")
    expect(page.get_by_role("heading", level=1)).to_have_text("Candidate 2")
    press_and_go(page, "k")
    expect(page.get_by_role("heading", level=1)).to_have_text("Candidate 1")
    press_and_go(page, "w")
    expect(page.get_by_role("heading", level=1)).to_have_text("Candidate 1, whole photo")
    expect(page.locator(".whole-photo .box")).to_be_visible()
    press_and_go(page, "Escape")
    expect(page.locator(".candidate.here")).to_have_id("c1")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.get_by_label("Single keys work on this device").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    expect(page.locator(".candidate.here")).to_have_id("c1")


def test_both_faces_zoom_and_move_as_one(search: str, open_page: Open) -> None:
    page = open_page(search)
    page.keyboard.press("j")
    press_and_go(page, "Space")

    def drawn() -> list[list[float]]:
        script = """images => images.map(image => {
          const box = image.getBoundingClientRect();
          return [box.width, box.x - image.parentElement.getBoundingClientRect().x];
        })"""
        return page.locator(".view > img:first-child").evaluate_all(script)

    whole = drawn()
    page.keyboard.press("4")
    large = drawn()
    assert [round(now[0] / then[0], 2) for now, then in zip(large, whole, strict=True)] == [4, 4]
    page.keyboard.press("ArrowRight")
    moved = drawn()
    assert moved[0][1] == pytest.approx(moved[1][1], abs=0.1)
    assert moved[0][1] < large[0][1]
    page.mouse.move(300, 400)
    page.mouse.down()
    page.mouse.move(340, 400)
    page.mouse.up()
    dragged = drawn()
    assert dragged[0][1] > moved[0][1]
    assert dragged[0][1] == pytest.approx(dragged[1][1], abs=0.1)
    page.keyboard.press("g")
    expect(page.locator(".guides").first).to_be_visible()


def test_a_photo_is_dropped_or_pasted(site: Site, open_page: Open) -> None:
    page = open_page(site.visitor("Ilse Haddad").open_case())
    data = base64.b64encode(site.probe("enrolled.jpg").read_bytes()).decode()
    give = """([kind, name, type, data]) => {
      const bytes = Uint8Array.from(atob(data), c => c.charCodeAt(0));
      const files = new DataTransfer();
      files.items.add(new File([bytes], name, { type }));
      const event = kind === "drop"
        ? new DragEvent("drop", { bubbles: true, cancelable: true, dataTransfer: files })
        : new ClipboardEvent("paste", { bubbles: true, cancelable: true, clipboardData: files });
      document.querySelector(".drop").dispatchEvent(event);
    }"""
    page.evaluate(give, ["drop", "letter.txt", "text/plain", data])
    expect(page.get_by_text("This is not a photo.")).to_be_visible()
    page.evaluate(give, ["drop", "dropped.jpg", "image/jpeg", data])
    expect(page.get_by_text("dropped.jpg")).to_be_visible()
    expect(page.locator(".preview")).to_be_visible()
    page.evaluate(give, ["paste", "pasted.jpg", "image/jpeg", data])
    expect(page.get_by_text("pasted.jpg")).to_be_visible()
    page.keyboard.press("Enter")  # the button has the focus
    page.wait_for_url(SEARCH)
    expect(page.locator(".probe-text")).to_contain_text("pasted.jpg")


def test_a_photo_that_is_too_large_is_not_even_sent(site: Site, open_page: Open) -> None:
    assert site.probe("large.jpg").stat().st_size > PHOTO_BYTES_MAX
    page = open_page(site.visitor("Ilse Haddad").open_case())
    page.set_input_files("[name=photo]", str(site.probe("large.jpg")))
    expect(page.get_by_text("This file is larger than")).to_be_visible()
    expect(page.get_by_role("button", name="Search", exact=True)).to_be_disabled()


def test_the_button_says_what_is_done(site: Site, open_page: Open) -> None:
    page = open_page(site.visitor("Ilse Haddad").open_case())
    page.set_input_files("[name=photo]", str(site.probe("enrolled.jpg")))
    form = "document.querySelector('.drop-form')"
    page.evaluate(f"{form}.addEventListener('submit', event => event.preventDefault())")
    page.get_by_role("button", name="Search", exact=True).click()
    button = page.locator(".drop button[aria-busy=true]")
    expect(button).to_be_disabled()
    expect(button).to_contain_text(re.compile(r"^Reading the photo and searching · \d s$"))


@pytest.mark.parametrize(
    ("photo", "heading"),
    [("wall.jpg", "No face found"), ("letter.jpg", "This photo cannot be read")],
)
def test_what_cannot_be_searched_says_so(
    site: Site, open_page: Open, photo: str, heading: str
) -> None:
    page = open_page(site.visitor("Ilse Haddad").open_case())
    submit(page, site.probe(photo))
    expect(page.get_by_role("heading", level=1)).to_have_text(heading)
    expect(page.get_by_text("nothing was searched")).to_be_visible()
    expect(page.get_by_role("heading", name="What you can do")).to_be_visible()


def test_a_refused_face_says_by_which_rule(site: Site, open_page: Open) -> None:
    page = open_page(site.visitor("Ilse Haddad").open_case())
    submit(page, site.probe("crowd.png"))
    page.wait_for_url(PROBE)
    expect(page.get_by_role("heading", level=1)).to_have_text("None of these faces can be searched")
    expect(page.locator(".face .state").first).to_have_text("The face is too small.")


@pytest.mark.parametrize("language", ["en", "fr", "nl"])
def test_a_phone_never_scrolls_sideways(
    site: Site, search: str, open_page: Open, language: str
) -> None:
    page = open_page(width=360, is_mobile=True, has_touch=True)
    page.context.add_cookies([{"name": "vultus_language", "value": language, "url": site.address}])
    case = re.search(r'href="(/cases/\d+)"', site.visitor("Ilse Haddad").get(search).text)
    assert case
    candidate = re.search(rf"{search}/candidates/\d+", site.visitor("Ilse Haddad").get(search).text)
    assert candidate
    paths = ["/cases", "/cases/new", case[1], search, candidate[0], f"{candidate[0]}/photo"]
    for path in [*paths, "/cases/999999", "/nothing"]:
        page.goto(path)
        assert page.locator("html").get_attribute("lang") == language
        assert no_sideways_scroll(page), path
    page.goto(search)
    rail = page.locator(".rail")
    page.locator(".candidate").last.scroll_into_view_if_needed()
    expect(rail).to_be_in_viewport()  # the probe stays on top


@pytest.mark.parametrize("language", ["English", "Français", "Nederlands"])
def test_the_language_is_chosen_in_the_head(open_page: Open, language: str) -> None:
    page = open_page("/cases/new")
    page.get_by_role("button", name=language).click()
    title = {"English": "Open a case", "Français": "Ouvrir un dossier"}
    expect(page.get_by_role("heading", level=1)).to_have_text(title.get(language, "Dossier openen"))
    page.goto("/cases")
    expect(page.get_by_role("button", name=language)).to_have_attribute("aria-current", "true")


def test_dark_and_light(open_page: Open) -> None:
    page = open_page()
    ground = "background-color"
    expect(page.locator("body")).to_have_css(ground, "rgb(20, 20, 20)")
    page.locator(".menu summary").click()
    page.get_by_role("button", name="Light").click()
    expect(page.locator("body")).to_have_css(ground, "rgb(243, 243, 243)")


def test_everything_works_without_javascript(site: Site, open_page: Open) -> None:
    page = open_page("/cases/new", java_script_enabled=False)
    page.get_by_label("Reference").fill("NO-SCRIPT")
    page.get_by_label("Purpose").fill("Check a caption")
    page.get_by_label("Legal basis").fill("GDPR art. 85")
    page.get_by_role("button", name="Open the case").click()
    page.get_by_role("button", name="Approve my own case").click()
    case = page.url
    submit(page, site.probe("group.jpg"))
    page.get_by_role("checkbox", name=re.compile("Face 1")).check()
    page.get_by_role("button", name="Search the chosen face").click()
    page.wait_for_url(SEARCH)
    page.goto(case)
    submit(page, site.probe("enrolled.jpg"))
    page.wait_for_url(SEARCH)
    page.locator(".candidate").first.get_by_role("link", name="Look closer").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Candidate 1")
    page.locator("#z2").check(force=True)
    scale = page.locator(".view > img:first-child").first.evaluate(
        "e => getComputedStyle(e).transform"
    )
    assert scale.startswith("matrix(2,")
    page.get_by_role("link", name="Whole photo").click()
    expect(page.locator(".whole-photo .box")).to_be_visible()
    page.get_by_role("link", name="Back to the list").click()
    page.get_by_role("button", name="10", exact=True).first.click()
    page.wait_for_url(SEARCH)
    page.locator(".menu summary").click()
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Log in")


def test_a_page_has_its_landmarks_and_every_control_a_name(search: str, open_page: Open) -> None:
    page = open_page(search)
    case = page.locator(".top nav a").last.get_attribute("href")
    for path in (search, case, "/cases/new", "/cases"):
        page.goto(str(path))
        assert page.get_by_role("main").count() == 1
        assert page.get_by_role("banner").count() == 1
        assert page.get_by_role("heading", level=1).count() == 1
        nameless = page.evaluate(
            """[...document.querySelectorAll("input:not([type=hidden]), select, textarea, button")]
              .concat([...document.querySelectorAll("a")])
              .filter(e => !(e.labels?.length || e.textContent.trim() || e.ariaLabel || e.title
                || e.querySelector("img[alt]:not([alt=''])"))).map(e => e.outerHTML)"""
        )
        assert nameless == []
        assert page.evaluate("[...document.images].every(i => i.hasAttribute('alt'))")
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Skip to the page")).to_be_focused()

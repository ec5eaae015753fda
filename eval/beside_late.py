"""The styles of `beside.py` that were written after the reader had seen all others."""

# ruff: noqa: E501 pages stand as sites write them

from collections.abc import Callable

from beside_parts import Dice, Page, Truth, in_words


def fields(dice: Dice) -> Page:
    """A content management system that wraps every field in an element of its own."""
    host, day, caption = "https://council.example", dice.day(2009), dice.caption()
    author, stamp = dice.who(), f"{dice.day(2009)}T10:00:00+0100"
    name = f"{host}/sites/default/files"
    body = f"""<!DOCTYPE html><html lang="en" dir="ltr"><head><meta charset="utf-8"/><title>News</title>
<meta name="dcterms.modified" content="{stamp}"/></head><body><div class="node node--type-news">
<h2 class="node__title">News</h2><div class="node__meta"><span class="submitted">Submitted by press on
<span property="schema:dateCreated" content="{day}T09:30:00+00:00">Mon, {day:%d/%m/%Y} - 09:30</span>
</span></div><div class="field field--name-field-media field--type-image"><div class="field__item"><img
src="{name}/styles/large/public/{dice.number}.jpg?itok=ab" width="480" height="320" alt=""
typeof="foaf:Image"/></div></div><div class="field field--name-field-caption"><div
class="field__item">{caption}</div></div><div class="field field--name-field-photo-credit"><div
class="field__label">Photo credit</div><div class="field__item">{author}</div></div><div
class="field field--name-body">{dice.paragraph * 3}</div></div></body></html>"""
    url = f"{name}/styles/large/public/{dice.number}.jpg?itok=ab"
    truth = Truth(url, (caption,), (author,), f"{day}T09:30:00+00:00", "second")
    return Page("fields", f"{host}/news/{dice.number}", body.encode(), (truth,), day=str(day))


def team(dice: Dice) -> Page:
    """The people of a firm: a name and a role under each portrait, and no date at all."""
    host = "https://firm.example"
    truths, cards = [], []
    for n in range(dice.random.randrange(3, 9)):
        who, role = dice.who(), "Head of Sales"
        cards.append(
            f'<div class="col"><div class="member"><img src="/team/{dice.number}{n}.jpg" width="300" '
            f'height="300" alt="{who}"><h3>{who}</h3><p>{role}</p><a href="mailto:x@firm.example">'
            '<img src="/mail.svg" alt="mail"></a></div></div>'
        )
        right = (who, f"{who} {role}")
        truths.append(Truth(f"{host}/team/{dice.number}{n}.jpg", right))
    body = f"""<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Team</title></head>
<body><section><h2>Team</h2><div class="row">{"".join(cards)}</div></section><footer>© 2024 Firm.
Founded on 3 May 1987.</footer></body></html>"""
    return Page("team", f"{host}/team-{dice.number}", body.encode(), tuple(truths))


def wiki(dice: Dice) -> Page:
    """An encyclopaedia: thumbnails that link to the pages of their files, and a day of last edit."""
    host = "https://wiki.example"
    truths, figures = [], []
    for n in range(dice.random.randrange(1, 4)):
        caption, file = dice.caption(), f"P_{dice.number}{n}.jpg"
        base = f"//upload.wiki.example/thumb/1/1a/{file}"
        figures.append(
            f'<figure class="mw-default-size" typeof="mw:File/Thumb"><a href="/wiki/File:{file}" '
            f'class="mw-file-description"><img src="{base}/220px-{file}" decoding="async" width="220" '
            f'height="147" class="mw-file-element" srcset="{base}/330px-{file} 1.5x, '
            f'{base}/440px-{file} 2x"/></a><figcaption>{caption}</figcaption></figure>'
        )
        truths.append(Truth(f"https:{base}/440px-{file}", (caption,)))
    body = f"""<!DOCTYPE html><html lang="en"><head><meta charset="UTF-8"/><title>A town</title></head>
<body><h1>A town</h1>{dice.paragraph}{"".join(figures)}{dice.paragraph}<table class="infobox"><tr><th>
Founded</th><td>12 June 1203</td></tr></table><div id="footer">This page was last edited on
{in_words(dice.day(), "en")}, at 10:00. Text is available under the <a rel="license"
href="https://creativecommons.org/licenses/by-sa/4.0/">licence</a></div></body></html>"""
    return Page("wiki", f"{host}/wiki/Town_{dice.number}", body.encode(), tuple(truths))


def builder(dice: Dice) -> Page:
    """A site from a builder: a copy without script first, then the picture that a script loads."""
    host, day = "https://studio.example", dice.day(2014)
    truths, blocks = [], []
    for n in range(dice.random.randrange(1, 4)):
        caption = dice.caption() if dice.chance(0.7) else ""
        url = f"https://static.builder.example/{dice.number}/{n}/Photo+{n}.jpg"
        text = (
            f'<div class="image-caption-wrapper"><div class="image-caption"><p>{caption}</p></div></div>'
            if caption
            else ""
        )
        blocks.append(
            f'<div class="image-block-wrapper"><noscript><img src="{url}" alt="Photo {n}.jpg"/></noscript>'
            f'<img class="thumb-image" data-src="{url}" data-image="{url}" alt="Photo {n}.jpg" '
            f'data-image-dimensions="2500x1667" data-load="false"/></div>{text}'
        )
        truths.append(Truth(url, (caption,) if caption else (), (), str(day), "day"))
    body = f"""<!doctype html><html lang="en-GB"><head><meta charset="utf-8"><title>Day &mdash; Studio
</title><meta property="og:image" content="http://static.builder.example/s/logo.png?format=1500w">
</head><body><article><time class="published" datetime="{day}">{day:%d %b %Y}</time>
{"".join(f'<div class="sqs-block">{block}</div>' for block in blocks)}{dice.paragraph}</article></body>
</html>"""
    return Page("builder", f"{host}/day/{dice.number}", body.encode(), tuple(truths), day=str(day))


def italics(dice: Dice) -> Page:
    """A parish magazine typed by hand: the caption is the paragraph in italics under the picture."""
    host, day = "http://parish.example", dice.day(2006)
    truths, parts = [], []
    for n in range(dice.random.randrange(1, 4)):
        caption = dice.caption()
        gap = "<br>" if dice.chance(0.5) else "</p>\n<p>"
        parts.append(f'<p><img src="pics/{dice.number}_{n}.jpg">{gap}<em>{caption}</em></p>')
        truths.append(Truth(f"{host}/pics/{dice.number}_{n}.jpg", (caption,), (), str(day), "day"))
    body = f"""<html><head><title>Parish</title></head><body><h1>Harvest</h1><p>Posted on
{in_words(day, "en")} by {dice.who()}</p>{dice.paragraph.join(parts)}{dice.paragraph}</body></html>"""
    return Page("italics", f"{host}/{dice.number}.html", body.encode(), tuple(truths),
                content_type="text/html; charset=UTF-8", day=str(day))  # fmt: skip


def paper(dice: Dice) -> Page:
    """A daily whose sources are given by the width of the screen, the credit after the caption."""
    host, day = "https://www.paper.example", dice.day(2013)
    truths, figures = [], []
    for n in range(dice.random.randrange(1, 4)):
        caption, who = dice.caption().rstrip("."), f"{dice.who()}/{dice.agency()}"
        base = f"https://i.paper.example/img/{dice.number}{n}/master/3000.jpg"
        sources = "".join(
            f'<source media="(min-width: {w}px)" srcset="{base}?width={w}&amp;dpr=2&amp;s=none {2 * w}w">'
            for w in (620, 1300, 480)
        )
        figures.append(
            f'<figure id="{n}"><div><picture>{sources}<img alt="{caption}" src="{base}?width=465" '
            f'width="465" height="279"></picture></div><figcaption><span>{caption}.</span> Photograph: '
            f"{who}</figcaption></figure>"
        )
        truths.append(Truth(f"{base}?width=1300&dpr=2&s=none", (f"{caption}. Photograph: {who}",
                            caption), (who,), str(day), "day"))  # fmt: skip
    body = f"""<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Town</title></head>
<body><main><h1>Town</h1><details><summary>{day:%a %d %b %Y} 10.11 GMT</summary>Last modified on
{dice.later(day):%a %d %b %Y} 12.00 GMT</details>{dice.paragraph.join(figures)}{dice.paragraph}</main>
</body></html>"""
    return Page("paper", f"{host}/world/{day:%Y/%b/%d}/town-{dice.number}".lower(), body.encode(),
                tuple(truths), day=str(day))  # fmt: skip


def below(dice: Dice) -> Page:
    """An old gallery: a row of thumbnails, and below it a row of their captions."""
    host = "http://oldboys.example"
    truths, rows = [], []
    for row in range(dice.random.randrange(1, 4)):
        names = [f"{dice.number}_{row}{n}" for n in range(3)]
        captions = [dice.caption() for _ in names]
        rows.append("<tr>" + "".join(
            f'<td><a href="javascript:show(1)"><img src="t/{name}.jpg" width=120></a></td>'
            for name in names) + "</tr><tr>" + "".join(f"<td>{c}</td>" for c in captions) + "</tr>")  # fmt: skip
        truths += [
            Truth(f"{host}/t/{name}.jpg", (caption,))
            for name, caption in zip(names, captions, strict=True)
        ]
    body = f"""<html><head><title>Reunion</title></head><body><table>{"".join(rows)}</table>
<p>Page made on 3.5.2001</p></body></html>"""
    return Page("below", f"{host}/{dice.number}.htm", body.encode(), tuple(truths))


STYLES: list[Callable[[Dice], Page]] = [fields, team, wiki, builder, italics, paper, below]

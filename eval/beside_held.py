"""The styles of `beside.py` that were kept out of the tuning, each as real sites write it."""

# ruff: noqa: E501 pages stand as sites write them

from collections.abc import Callable

from beside_parts import Dice, Page, Truth, in_american, in_words, json_ld


def microdata(dice: Dice) -> Page:
    """An archive that says everything in attributes of its own elements."""
    host, day = "https://archive.example", dice.day(1950, 2020)
    truths, things = [], []
    for n in range(dice.random.randrange(1, 5)):
        caption, author, whole = dice.caption(), dice.who(), dice.chance(0.5)
        base = f"{host}/media/{dice.number}-{n}"
        date = f'<meta itemprop="datePublished" content="{day}">' if whole else ""
        things.append(
            f'<div class="card" itemscope itemtype="http://schema.org/ImageObject"><a '
            f'itemprop="contentUrl" href="{base}_full.jpg"><img itemprop="thumbnail" '
            f'src="{base}_thumb.jpg" alt="Item {n}"></a><h3 itemprop="name">Item {n}</h3><p '
            f'itemprop="caption">{caption}</p>{date}<span itemprop="author" itemscope itemtype='
            f'"http://schema.org/Person">by <b itemprop="name">{author}</b></span></div>'
        )
        known = (str(day), "day") if whole else (None, None)
        truths.append(Truth(f"{base}_full.jpg", (caption,), (author,), *known))
    body = f"""<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Archive</title></head>
<body><div class="results">{"".join(things)}</div><footer>Site built 2016, updated
{in_words(dice.later(day), "en")}</footer></body></html>"""
    return Page("microdata", f"{host}/box/{dice.number}", body.encode(), tuple(truths))


def french(dice: Dice) -> Page:
    """A regional newspaper: dates in words, the credit in its own element."""
    host, day = "https://www.gazette.example", dice.day(2006)
    truths, figures = [], []
    for n in range(dice.random.randrange(1, 4)):
        caption, author = dice.caption(), f"{dice.who()} / {dice.agency()}"
        url = f"{host}/photos/{dice.number}{n}/large.jpg"
        figures.append(
            f'<figure class="illustration"><img src="/photos/{dice.number}{n}/moyen.jpg" srcset='
            f'"/photos/{dice.number}{n}/moyen.jpg 640w, {url} 1280w" alt="Illustration"><figcaption>'
            f'{caption} <span class="credits">Crédit photo : {author}</span></figcaption></figure>'
        )
        right = (caption, f"{caption} Crédit photo : {author}")
        truths.append(Truth(url, right, (author, f"Crédit photo : {author}"), str(day), "day"))
    latin = dice.chance(0.5)
    label = "iso-8859-1" if latin else "utf-8"
    body = f"""<!DOCTYPE html><html lang="fr"><head><meta charset="{label}"><title>Le vote</title>
</head><body><article><h1>Le vote</h1><p class="date">Publié le <time>{in_words(day, "fr")}</time> à
18h02 - Mis à jour le <time>{in_words(dice.later(day), "fr")}</time></p>
{dice.paragraph.join(figures)}{dice.paragraph}</article><p>© La Gazette 2026</p></body></html>"""
    return Page("french", f"{host}/actu/{dice.number}.html", body.encode("cp1252" if latin else label),
                tuple(truths), content_type="text/html", day=str(day))  # fmt: skip


def dutch(dice: Dice) -> Page:
    """A municipal archive: one photo, its description in a list of terms."""
    host, day = "https://beeldbank.gemeente.example", dice.day(1925, 1999)
    caption, author, full = dice.caption(), dice.who(), dice.chance(0.7)
    when = in_words(day, "nl") if full else str(day.year)
    large = f"{host}/download/{dice.number}_groot.jpg"
    body = f"""<!DOCTYPE html><html lang="nl-NL"><head><meta charset="utf-8"><title>Foto {dice.number}
- Beeldbank</title><meta name="description" content="De beeldbank van de gemeente."></head><body>
<div class="foto"><a href="/download/{dice.number}_groot.jpg"><img src="/beeld/{dice.number}_klein.jpg"
alt="foto"></a></div><dl><dt>Beschrijving</dt><dd>{caption}</dd><dt>Datum</dt><dd>{when}</dd>
<dt>Fotograaf</dt><dd>{author}</dd><dt>Licentie</dt><dd><a rel="license"
href="https://creativecommons.org/publicdomain/mark/1.0/deed.nl">Publiek domein</a></dd></dl>
<p>Bijgewerkt op 12 januari 2021</p></body></html>"""
    truth = Truth(
        large, (caption,), (author,), str(day) if full else when, "day" if full else "year"
    )
    return Page("dutch", f"{host}/foto/{dice.number}", body.encode(), (truth,), day=str(day))


def german(dice: Dice) -> Page:
    """A broadcaster: a slide show with captions and sources, and the day of the last change."""
    host, day = "https://www.rundfunk.example", dice.day(2009)
    truths, slides = [], []
    for n in range(1, dice.random.randrange(3, 6)):
        caption, source = dice.caption(), f"{dice.agency()} / {dice.who()}"
        url = f"{host}/resources/{dice.number}_{n}~_v-1920.jpg"
        slides.append(
            f'<li class="slide"><div class="media"><img data-src="/resources/{dice.number}_{n}'
            f'~_v-640.jpg" data-srcset="/resources/{dice.number}_{n}~_v-640.jpg 640w, {url} 1920w" '
            f'title="{caption} | Bild: {source}" alt=""></div><p class="bildunterschrift">{caption} '
            f'<span class="quelle">Bild: {source}</span></p></li>'
        )
        right = (caption, f"{caption} Bild: {source}")
        truths.append(Truth(url, right, (source, f"Bild: {source}"), str(day), "day"))
    body = f"""<!doctype html><html lang="de"><head><meta charset="utf-8"><title>Bilder vom Rat</title>
<meta name="dcterms.date" content="{day}T06:00+01:00"></head><body><h1>Bilder vom Rat</h1><p>Stand:
{in_words(dice.later(day), "de")}</p><ul class="slides">{"".join(slides)}</ul>{dice.paragraph}
<div>© Rundfunk 2026</div></body></html>"""
    return Page("german", f"{host}/bilder-{dice.number}.html", body.encode(), tuple(truths),
                day=str(day))  # fmt: skip


def undated(dice: Dice) -> Page:
    """No day of publication: only that of a change, or dates that are about something else."""
    host, caption = "https://foundation.example", dice.caption()
    changed, other, kind = dice.day(2010), dice.day(2010), dice.random.randrange(3)
    thing = {"@context": "https://schema.org", "@type": "WebPage", "name": "Our people"}
    if kind == 0:
        thing["dateModified"] = str(changed)
    comments = ""
    if kind == 1:
        comments = (
            f'<section id="comments"><div class="comment"><b>{dice.who()}</b> <time datetime='
            f'"{other}T10:00:00Z">{in_words(other, "en")}</time><p>What a photo.</p></div></section>'
        )
    if kind == 2:
        comments = f"<p>The battle of {in_words(other, 'en')} is remembered here.</p>"
    url = f"{host}/files/{dice.number}.jpg"
    body = f"""<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Our people</title>
{json_ld(thing)}</head><body><main><figure><img src="/files/{dice.number}.jpg" alt="people">
<figcaption>{caption}</figcaption></figure>{comments}</main><aside>Upcoming: <a href="/events/2027/05">
<time datetime="2027-05-04">4 May</time></a></aside><footer>Copyright © 1999–2025 The Foundation
</footer></body></html>"""
    known = (str(changed), "day") if kind == 0 else (None, None)
    truth = Truth(url, (caption,), (), *known)
    return Page("undated", f"{host}/people/{dice.number}", body.encode(), (truth,), dated=kind == 0,
                day=None)  # fmt: skip


def decorated(dice: Dice) -> Page:
    """One photo among flags, badges, spacers, avatars, advertisements and counters."""
    host, day, caption = "https://forum.example", dice.day(2011), dice.caption()
    junk = [
        '<img src="/img/spacer.gif" width="1" height="400">',
        '<img src="/flags/be.png" width="16" height="11" alt="Belgium">',
        '<img src="/img/sprite-icons.png" style="width:20px;height:20px" alt="">',
        '<img class="avatar" src="/avatars/7.jpg" width="48" height="48" alt="user 7">',
        '<img src="https://badge.example/build.svg" alt="build passing">',
        '<img src="data:image/png;base64,iVBORw0KGgo=" width="300" height="300">',
        '<img src="https://ads.example/pixel?id=4" height="1" width="1" style="display:none">',
        '<noscript><img src="https://www.social.example/tr?id=1&ev=PageView" height="1" width="1"></noscript>',
        '<a href="/"><img src="/logo@2x.png" alt="Forum" height="40"></a>',
        '<img src="/emoji/1f600.svg" class="emoji" alt="😀">',
    ]
    dice.random.shuffle(junk)
    url = f"{host}/attachments/{dice.number}.jpg"
    body = f"""<!doctype html><html lang="en"><head><meta charset="utf-8"><title>A thread</title>
<link rel="icon" href="/favicon.ico"></head><body>{"".join(junk[:5])}<div class="post"><span
class="meta">Posted by {dice.who()} on <time datetime="{day}T{dice.clock()}">{in_american(day)}</time>
</span>{dice.paragraph}<p><img src="/attachments/{dice.number}.jpg" title="{caption}" alt="Image"></p>
</div>{"".join(junk[5:])}</body></html>"""
    stamp = body.partition('datetime="')[2].partition('"')[0]
    truth = Truth(url, (caption,), (), stamp, "second")
    return Page("decorated", f"{host}/t/{dice.number}", body.encode(), (truth,), day=str(day))


def pictured(dice: Dice) -> Page:
    """A portal that serves several formats and densities of each picture."""
    host, day = "https://portal.example", dice.day(2016)
    stamp = f"{day}T{dice.clock()}.000Z"
    truths, blocks = [], []
    for n in range(dice.random.randrange(1, 4)):
        caption, agency = dice.caption(), dice.agency()
        base = f"https://media.portal.example/{dice.number}/{n}/rectangle"
        jpeg = ", ".join(f"{base}/{w}x{w * 2 // 3}.jpg {w}w" for w in (320, 1600, 750))
        blocks.append(
            f'<div class="media-block"><picture><source type="image/avif" media="(max-width: 500px)" '
            f'srcset="{base}/500x333.avif"><source srcset="{jpeg}" sizes="100vw" type="image/jpeg"><img '
            f'src="{base}/320x213.jpg" alt="{caption}"></picture><div class="media-block__legend">'
            f'{caption}</div><div class="media-block__copyright">© {agency}</div></div>'
        )
        url = f"{base}/1600x1066.jpg"
        truths.append(
            Truth(url, (caption,), (agency, f"© {agency}"), f"{stamp[:19]}+00:00", "second")
        )
    body = f"""<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Portal</title><meta
property="article:published_time" content="{stamp}"><meta property="og:updated_time"
content="{dice.later(day)}T00:00:00Z"></head><body><h1>Portal</h1>{dice.paragraph.join(blocks)}
{dice.paragraph}<svg width="20" height="20"><image href="/x.png"/></svg></body></html>"""
    return Page("pictured", f"{host}/{dice.number}", body.encode(), tuple(truths), day=str(day))


def address(dice: Dice) -> Page:
    """A hosted blog: captions in tables, large pictures behind links, the day in the address."""
    host, day = "https://someone.blogs.example", dice.day(2005)
    truths, tables = [], []
    for n in range(dice.random.randrange(1, 4)):
        caption = dice.caption() if dice.chance(0.8) else ""
        base = f"https://bp.blogs.example/-{dice.number}{n}"
        image = (
            f'<a href="{base}/s1600/DSC{n}.jpg"><img border="0" src="{base}/s320/DSC{n}.jpg" '
            'width="320" height="240"></a>'
        )
        if caption:
            tables.append(
                '<table class="tr-caption-container"><tbody><tr><td style="text-align: center">'
                f'{image}</td></tr><tr><td class="tr-caption">{caption}</td></tr></tbody></table>'
            )
        else:
            tables.append(f'<div class="separator" style="clear: both;">{image}</div>')
        truths.append(
            Truth(f"{base}/s1600/DSC{n}.jpg", (caption,) if caption else (), (), str(day), "day")
        )
    body = f"""<html dir="ltr" xmlns="http://www.w3.org/1999/xhtml"><head><meta content="text/html;
charset=UTF-8" http-equiv="Content-Type"><title>Someone: A day out</title></head><body><div
class="post-body">{dice.paragraph}{"<br>".join(tables)}{dice.paragraph}</div><div class="comments">
<p>{dice.who()} said… nice! {in_american(dice.later(day))}</p></div><ul class="archive"><li><a
href="/2001/01/x.html">2001</a></li></ul></body></html>"""
    return Page("address", f"{host}/{day:%Y/%m/%d}/a-day-out-{dice.number}.html", body.encode(),
                tuple(truths), day=str(day))  # fmt: skip


def shared(dice: Dice) -> Page:
    """A photo page of a sharing site: open graph, a licence, when taken and when uploaded."""
    host, day, caption = "https://photos.sharing.example", dice.day(2007), dice.caption()
    author, number = dice.who(), dice.number
    large = f"https://live.sharing.example/{number}_b.jpg"
    body = f"""<!DOCTYPE html><html lang="en-us"><head><meta charset="utf-8"><title>{number} | Sharing
</title><meta property="og:title" content="IMG {number}"><meta property="og:image"
content="{large}"><meta property="og:image:width" content="1024"><meta property="og:image:height"
content="683"><meta name="author" content="{author}"></head><body><div class="photo-well"><img
class="main-photo" src="//live.sharing.example/{number}_b.jpg" alt="{caption}"></div><div
class="info"><a class="owner" href="/people/1">{author}</a><span class="taken">Taken on
{in_american(day)}</span><a href="https://creativecommons.org/licenses/by-sa/2.0/" rel="license cc:license">
Some rights reserved</a></div><div class="comments"><p>{dice.who()} <span>14y</span> Great!</p></div>
</body></html>"""
    truth = Truth(large, (caption,), (author,), str(day), "day")
    return Page("shared", f"{host}/{number}", body.encode(), (truth,), day=str(day))


STYLES: list[Callable[[Dice], Page]] = [
    microdata, french, dutch, german, undated, decorated, pictured, address, shared
]  # fmt: skip
LANGUAGES = {"french": "fr", "dutch": "nl", "german": "de"}

"""The styles of `beside.py` on which the reader of pages was tuned, each as real sites write it."""

# ruff: noqa: E501 pages stand as sites write them

from collections.abc import Callable

from beside_parts import Dice, Page, Truth, in_american, in_words, json_ld


def wordpress(dice: Dice) -> Page:
    """A blog post: block images, srcset, Yoast's graph, comments with gravatars, related posts."""
    host, day = "https://blog.example", dice.day(2008)
    clock, other = dice.clock(), dice.later(day)
    url = f"{host}/{day:%Y/%m}/post-{dice.number}/"
    stamp, changed = f"{day}T{clock}+00:00", f"{other}T08:00:00+00:00"
    truths, figures = [], []
    for n in range(dice.random.randrange(1, 4)):
        caption = dice.caption() if dice.chance(0.8) else ""
        name = f"{host}/wp-content/uploads/{other:%Y/%m}/dsc_{dice.number}{n}"
        sizes = ", ".join(f"{name}-{w}x{w * 2 // 3}.jpg {w}w" for w in (300, 768, 1024))
        sizes = f"{name}-1024x683.jpg 1024w, {sizes}, {name}.jpg 1600w"
        image = (
            f'<img loading="lazy" width="1024" height="683" src="{name}-1024x683.jpg" alt="" '
            f'class="wp-image-{n}" srcset="{sizes}" sizes="(max-width: 1024px) 100vw, 1024px"/>'
        )
        if dice.chance(0.5):
            image = f'<a href="{name}.jpg">{image}</a>'
        text = f'<figcaption class="wp-element-caption">{caption}</figcaption>' if caption else ""
        figures.append(f'<figure class="wp-block-image size-large">{image}{text}</figure>')
        truths.append(Truth(f"{name}.jpg", (caption,) if caption else (), (), stamp, "second"))
    graph = {"@context": "https://schema.org", "@graph": [
        {"@type": "Article", "@id": url + "#article", "headline": "A post", "datePublished": stamp,
         "dateModified": changed, "author": {"@id": host + "/#/person/1"},
         "image": {"@id": url + "#primaryimage"}, "inLanguage": "en-GB"},
        {"@type": "ImageObject", "inLanguage": "en-GB", "@id": url + "#primaryimage",
         "url": truths[0].url, "contentUrl": truths[0].url, "width": 1600, "height": 1067},
        {"@type": "WebPage", "@id": url, "url": url, "name": "A post"},
        {"@type": "Person", "@id": host + "/#/person/1", "name": dice.who(), "image":
         {"@type": "ImageObject", "url": "https://secure.gravatar.example/avatar/9?s=96",
          "caption": "Author"}},
    ]}  # fmt: skip
    teaser = f"{host}/wp-content/uploads/2012/02/other-300x200.jpg"
    body = f"""<!doctype html><html lang="en-GB"><head><meta charset="utf-8"><title>A post - Blog</title>
<meta property="og:title" content="A post"><meta property="og:image" content="{truths[0].url}">
<meta property="article:published_time" content="{stamp}"><meta property="article:modified_time"
content="{changed}">{json_ld(graph)}</head><body class="single"><header><a href="/"><img
class="custom-logo" src="/logo.png" width="120" height="48" alt="The Blog"></a></header>
<article class="post"><h1 class="entry-title">A post</h1><span class="posted-on"><time
class="entry-date published" datetime="{stamp}">{in_american(day)}</time><time class="updated"
datetime="{changed}">{in_american(other)}</time></span><div class="entry-content">
{dice.paragraph.join(figures)}{dice.paragraph}</div></article><aside class="related"><h3>Related</h3>
<a href="/2012/02/other/"><img src="{teaser}" width="300" height="200" alt="Another post of ours"></a>
</aside><ol class="comment-list"><li><img class="avatar" src="https://secure.gravatar.example/a?s=48"
width="48" height="48" alt=""><time datetime="{other}T10:00:00+00:00">{other}</time><p>Nice!</p></li>
</ol><footer>© 2006–2026 Blog</footer><img src="https://stats.example/g.gif?x=1" width="1" height="1"
alt=""></body></html>"""
    return Page("wordpress", url, body.encode(), tuple(truths),
                teasers=frozenset({teaser}), day=str(day))  # fmt: skip


def wire(dice: Dice) -> Page:
    """A picture page of an agency: one ImageObject, with who, when and by whom."""
    host, day = "https://pictures.wire.example", dice.day(2005)
    made, number = f"{day}T{dice.clock()}Z", dice.number
    caption, agency, author = dice.caption(), dice.agency(), dice.who()
    large = f"{host}/media/{number}/1500x1000.jpg"
    thing = {"@context": "https://schema.org/", "@type": "ImageObject", "name": f"Photo {number}",
             "contentUrl": large, "thumbnailUrl": f"{host}/media/{number}/300x200.jpg",
             "caption": caption, "creditText": f"{author}/{agency}", "dateCreated": made,
             "datePublished": f"{dice.later(day)}", "license": f"{host}/licence",
             "acquireLicensePage": f"{host}/buy/{number}",
             "creator": {"@type": "Person", "name": author},
             "copyrightNotice": f"© {day.year} {agency}"}  # fmt: skip
    thumbs = [f"{host}/media/{number + n}/300x200.jpg" for n in (1, 2, 3)]
    others = "".join(
        f'<a href="/photo/{number + n}"><img src="{t}" width=150 height=100 alt="{dice.caption()}">'
        "</a>"
        for n, t in enumerate(thumbs, 1)
    )
    body = f"""<!doctype html><html lang=en><head><meta charset=utf-8><title>Photo {number} | Wire
</title>{json_ld([thing])}<meta property="og:image" content="{host}/media/{number}/600x400.jpg">
</head><body><nav><a href="/"><img src="/static/logo.svg" alt="Wire"></a></nav><main>
<div class="asset"><img src="/media/{number}/600x400.jpg" srcset="/media/{number}/600x400.jpg 1x,
 /media/{number}/1500x1000.jpg 2x" alt="{caption}"></div><dl><dt>Created</dt><dd>{day}</dd>
<dt>Credit</dt><dd>{author}/{agency}</dd></dl></main><section class=similar>{others}</section>
<footer>© 2026 Wire</footer></body></html>"""
    time = made.replace("Z", "+00:00")
    truth = Truth(large, (caption,), (f"{author}/{agency}",), time, "second")
    return Page("wire", f"{host}/photo/{number}", body.encode(), (truth,),
                teasers=frozenset(thumbs), day=str(day))  # fmt: skip


def museum(dice: Dice) -> Page:
    """An object of a museum: Dublin Core, a list of terms, a Creative Commons licence."""
    host, day = "https://collection.museum.example", dice.day(1890, 1960)
    year = dice.chance(0.5)
    when = str(day.year) if year else f"{day:%Y-%m}"
    caption, author = dice.caption(), dice.who()
    large = f"{host}/iiif/{dice.number}/full/2400,/0/default.jpg"
    small = f"{host}/iiif/{dice.number}/full/600,/0/default.jpg"
    body = f"""<!DOCTYPE html><html lang="en"><head><meta charset="UTF-8"><title>Object {dice.number}
</title><link rel="schema.DC" href="http://purl.org/dc/elements/1.1/"><meta name="DC.title"
content="Object {dice.number}"><meta name="DC.date" content="{when}"><meta name="DC.creator"
content="{author}"><meta name="DC.language" content="en"></head><body><div id="object"><a
href="{large}" class="zoom"><img src="{small}" alt="object {dice.number}"></a><p class="caption">
{caption}</p></div><h1>Photograph</h1><dl class="terms"><dt>Photographer</dt><dd>{author}</dd>
<dt>Date</dt><dd>{when}</dd><dt>Acquired</dt><dd>12 June 1987</dd></dl><p>This work is under
<a rel="license" href="https://creativecommons.org/licenses/by/4.0/"><img alt="Creative Commons"
src="/cc/by.png" width="88" height="31"></a></p><p>Last updated 4 May 2023. © Museum 2024</p>
</body></html>"""
    truth = Truth(large, (caption,), (author,), when, "year" if year else "month")
    return Page("museum", f"{host}/object/{dice.number}", body.encode(), (truth,), day=when)


def lightbox(dice: Dice) -> Page:
    """A gallery of thumbnails; what is said stands in the links around them."""
    host, day = "http://club.example", dice.day(2004)
    kind = dice.random.choice(["data-title", "title", "data-caption", "data-sub-html"])
    truths, cells = [], []
    for n in range(dice.random.randrange(4, 9)):
        caption, large = dice.caption(), f"{host}/photos/{dice.number}/large/{n}.JPG"
        cells.append(
            f'<li><a href="large/{n}.JPG" data-lightbox="g" {kind}="{caption}">'
            f'<img src="thumbs/{n}.JPG" width="160" height="120" alt="{n}.JPG"></a></li>'
        )
        truths.append(Truth(large, (caption,), (), str(day), "day"))
    body = f"""<html lang="en"><head><title>Summer party</title><meta http-equiv="Content-Type"
content="text/html; charset=utf-8"><meta name="date" content="{day}"></head><body>
<h1>Summer party</h1><ul class="gallery">{"".join(cells)}</ul><a href="/photos/">back</a>
<p><img src="/counter.gif" width="60" height="20"> &copy; 2003-2019 The club</p></body></html>"""
    return Page("lightbox", f"{host}/photos/{dice.number}/", body.encode(), tuple(truths),
                day=str(day))  # fmt: skip


def data_only(dice: Dice) -> Page:
    """An application without a single img element: only its JSON-LD tells."""
    host, day = "https://app.example", dice.day(2015)
    truths, media = [], []
    for n in range(dice.random.randrange(2, 6)):
        caption, author = dice.caption(), dice.who()
        own = dice.day(2001, 2014) if dice.chance(0.5) else None
        url = f"{host}/cdn/{dice.number}/{n}/original.jpeg"
        thing = {"@type": ["ImageObject"], "contentUrl": url, "description": caption,
                 "creator": [{"@type": "Person", "name": author}]}  # fmt: skip
        if own:
            thing["dateCreated"] = str(own)
        media.append(thing)
        truths.append(Truth(url, (caption,), (author,), str(own or day), "day"))
    gallery = {"@context": {"@vocab": "http://schema.org/"}, "@type": "ImageGallery",
               "name": "A walk", "datePublished": str(day), "dateModified": str(dice.later(day)),
               "associatedMedia": media}  # fmt: skip
    script = json_ld(gallery).replace(">{", "><!--\n{").replace("}</", "}\n--></")
    body = f"""<!doctype html><html lang="en"><head><meta charset="utf-8"><title>A walk</title>
{script}</head><body><div id="root"></div><script src="/app.js"></script></body></html>"""
    return Page("data_only", f"{host}/g/{dice.number}", body.encode(), tuple(truths), day=str(day))


def lazy(dice: Dice) -> Page:
    """A magazine whose pictures come only when they are scrolled to, with copies in noscript."""
    host, day = "https://magazine.example", dice.day(2012)
    truths, figures = [], []
    blank = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"
    for n in range(dice.random.randrange(2, 5)):
        caption, author = dice.caption(), dice.who()
        base = f"https://img.magazine.example/{dice.number}-{n}.jpg"
        small, large = f"{base}?w=480&amp;q=80", f"{base}?w=1920&amp;q=80"
        source = blank if dice.chance(0.6) else f"{base}?w=16&amp;blur=20"
        figures.append(
            f'<figure><div class="ratio"><img class="lazyload" src="{source}" data-src="{small}" '
            f'data-srcset="{small} 480w, {large} 1920w" data-sizes="auto" alt="{caption}">'
            f'<noscript><img src="{small}" alt="{caption}"></noscript></div><figcaption>'
            f'<span class="caption-text">{caption}</span> <span class="credit">Photo: {author}'
            "</span></figcaption></figure>"
        )
        plain = large.replace("&amp;", "&")
        right = (caption, f"{caption} Photo: {author}")
        truths.append(Truth(plain, right, (author, f"Photo: {author}"), str(day), "day"))
    body = f"""<!doctype html><html lang="en-US"><head><meta charset="utf-8"><title>Story</title>
<meta property="og:type" content="article"><meta name="pubdate" content="{day:%Y%m%d}"></head><body>
<header><img src="/sprite.png" width="600" height="40" class="sprite" alt=""></header><main><article>
<h1>Story</h1><p class="byline">By {dice.who()} <time datetime="{day}">{in_american(day)}</time></p>
{dice.paragraph.join(figures)}</article></main></body></html>"""
    return Page("lazy", f"{host}/story-{dice.number}", body.encode(), tuple(truths), day=str(day))


def news(dice: Dice) -> Page:
    """A newspaper's article: figures with and without captions, a byline, a date of change."""
    host, day = "https://daily.example", dice.day(2010)
    stamp, changed = f"{day}T{dice.clock()}+02:00", f"{dice.later(day)}T07:00:00+02:00"
    truths, figures = [], []
    for n in range(dice.random.randrange(2, 6)):
        url = f"{host}/images/{dice.number}{n}/1200.jpg"
        caption, author, kind = (
            dice.caption(),
            f"{dice.who()}/{dice.agency()}",
            dice.random.random(),
        )
        alt, text, right, credit = "", "", (), ()
        if kind < 0.5:
            text = f"<figcaption>{caption} <cite>{author}</cite></figcaption>"
            right, credit = (caption, f"{caption} {author}"), (author,)
        elif kind < 0.75:
            alt, right = caption, (caption,)
        elif kind < 0.9:
            alt = f"IMG_{dice.number}.jpg"
        figures.append(f'<figure><img src="/images/{dice.number}{n}/600.jpg" alt="{alt}" '
                       f'srcset="/images/{dice.number}{n}/600.jpg 600w,{url} 1200w">{text}</figure>')  # fmt: skip
        truths.append(Truth(url, right, credit, stamp, "second"))
    article = {"@context": "https://schema.org", "@type": "NewsArticle", "headline": "The vote",
               "datePublished": stamp, "dateModified": changed,
               "image": [truths[0].url], "author": [{"@type": "Person", "name": dice.who()}],
               "publisher": {"@type": "Organization", "name": "Daily", "logo":
                             {"@type": "ImageObject", "url": f"{host}/logo600.png",
                              "width": 600, "height": 60}}}  # fmt: skip
    teaser = f"{host}/images/11/300.jpg"
    body = f"""<!doctype html><html lang="en"><head><meta charset="utf-8"><title>The vote</title>
{json_ld(article)}<meta property="og:image" content="{truths[0].url}"></head><body><article><h1>The
vote</h1><p>Published <time datetime="{stamp}">{in_words(day, "en")}</time>, updated <time
datetime="{changed}">later</time></p>{dice.paragraph.join(figures)}{dice.paragraph}</article>
<section class="more"><article><a href="/news/11"><img src="{teaser}" alt="Other people elsewhere">
<h3>Another story</h3></a><time datetime="2020-02-02">2 Feb 2020</time></article></section>
<footer>© 2025 Daily</footer></body></html>"""
    return Page("news", f"{host}/news/{dice.number}", body.encode(), tuple(truths),
                teasers=frozenset({teaser}), day=str(day))  # fmt: skip


def tables(dice: Dice) -> Page:
    """A page of the nineties: tables, capital letters, Latin letters, no date but misleading ones."""
    host = "http://www.village.example"
    truths, cells = [], []
    for n in range(dice.random.randrange(3, 7)):
        caption, link = dice.caption(), dice.chance(0.4)
        name = f"FOTO{n}" if not link else f"BIG{n}"
        image = f'<IMG SRC="FOTO{n}.JPG" WIDTH=200 HEIGHT=150 BORDER=0 ALT="FOTO{n}.JPG">'
        image = f'<A HREF="BIG{n}.JPG">{image}</A>' if link else image
        cells.append(f"<TD ALIGN=center>{image}<BR><FONT SIZE=2><I>{caption}</I></FONT></TD>")
        truths.append(Truth(f"{host}/{dice.number}/{name}.JPG", (caption,)))
    rows = "".join("<TR>" + "".join(cells[i : i + 2]) + "\n" for i in range(0, len(cells), 2))
    body = f"""<HTML><HEAD><TITLE>Our village</TITLE><META HTTP-EQUIV="Content-Type"
CONTENT="text/html; charset=iso-8859-1"></HEAD><BODY BGCOLOR=white BACKGROUND="bg.gif"><CENTER>
<IMG SRC="/title.gif" WIDTH=400 HEIGHT=50 ALT="Our village"><TABLE BORDER=1>{rows}</TABLE>
<IMG SRC="/line.gif" WIDTH=500 HEIGHT=3><BR><A HREF="index.html"><IMG SRC="/home.gif" WIDTH=32
HEIGHT=32></A>Last updated: {in_words(dice.day(), "en")}<BR>&copy; 1998-2004 by the webmaster
</CENTER></BODY></HTML>"""
    return Page("tables", f"{host}/{dice.number}/page.htm", body.encode("cp1252"), tuple(truths),
                content_type="text/html", teasers=frozenset({f"{host}/title.gif"}))  # fmt: skip


STYLES: list[Callable[[Dice], Page]] = [
    wordpress, wire, museum, lightbox, data_only, lazy, news, tables
]  # fmt: skip

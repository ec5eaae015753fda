"""Hosts that are never a source, whoever asks: refused by rule, with the article of law named.

A photo there was put up for other people and purposes than a face search; collecting faces from
such places is what authorities found unlawful of others. The table holds registrable domains and
stands for all their subdomains, with the domains from which they serve pictures. It cannot be
complete: networks of many servers, such as Mastodon, Pixelfed, PeerTube, Matrix or Diaspora, have
no domain of their own, and no list holds them. There the rule that no source runs without an
entitlement is what counts, here as everywhere.
"""

from enum import StrEnum

from vultus.acquire.url import host_name
from vultus.errors import RefusedError


class Kind(StrEnum):
    """What a forbidden host is."""

    SOCIAL_NETWORK = "social network"
    MESSENGER = "messenger"
    DATING_SITE = "dating site"
    PEOPLE_SEARCH = "people search"
    FACE_SEARCH = "face search"


_DOMAINS = {
    Kind.SOCIAL_NETWORK: (
        "facebook.com facebook.net fb.com fb.me fb.watch fb.gg fbcdn.net fbsbx.com "
        "facebookwkhpilnemxj7asaniu7vnjjbiltxjqhye3mhbshg7kx5tfyd.onion "
        "instagram.com instagr.am ig.me cdninstagram.com threads.net threads.com "
        "tiktok.com tiktokv.com tiktokv.us tiktokv.eu tiktokcdn.com tiktokcdn-us.com "
        "tiktokcdn-eu.com ibyteimg.com byteoversea.com muscdn.com musical.ly "
        "douyin.com iesdouyin.com douyinpic.com douyinvod.com "
        "twitter.com x.com t.co twimg.com pscp.tv periscope.tv "
        "vk.com vk.ru vk.me vk.cc vkontakte.ru userapi.com vkuser.net vkuserphoto.ru vk-cdn.net "
        "ok.ru odnoklassniki.ru okcdn.ru mycdn.me "
        "linkedin.com linkedin.cn licdn.com licdn.cn lnkd.in xing.com viadeo.com "
        "snapchat.com sc-cdn.net sc-static.net bereal.com "
        "pinterest.com pinterest.at pinterest.ca pinterest.ch pinterest.cl pinterest.co.kr "
        "pinterest.co.uk pinterest.com.au pinterest.com.mx pinterest.de pinterest.dk pinterest.es "
        "pinterest.fr pinterest.ie pinterest.info pinterest.it pinterest.jp pinterest.nz "
        "pinterest.ph pinterest.pt pinterest.ru pinterest.se pinimg.com pin.it "
        "reddit.com redd.it redditmedia.com redditstatic.com "
        "tumblr.com bsky.app bsky.social bsky.network truthsocial.com gab.com gettr.com parler.com "
        "myspace.com myspacecdn.com nextdoor.com weheartit.com "
        "weibo.com weibo.cn weibo.com.cn sinaimg.cn xiaohongshu.com xhscdn.com rednote.com "
        "kuaishou.com kwai.com renren.com qzone.com "
        "youtube.com youtube-nocookie.com youtu.be ytimg.com ggpht.com "
        "twitch.tv jtvnw.net onlyfans.com fansly.com"
    ),
    Kind.MESSENGER: (
        "telegram.org telegram.me telegram.dog t.me telegra.ph telesco.pe cdn-telegram.org "
        "whatsapp.com whatsapp.net whatsapp.biz wa.me messenger.com m.me "
        "discord.com discordapp.com discordapp.net discord.gg discord.media "
        "wechat.com weixin.com qq.com qpic.cn qlogo.cn line.me line-scdn.net "
        "kakao.com kakaocdn.net viber.com skype.com zalo.me zaloapp.com zadn.vn "
        "signal.me signal.group imo.im icq.com kik.com"
    ),
    Kind.DATING_SITE: (
        "tinder.com gotinder.com tinderstatic.com bumble.com bumbcdn.com badoo.com badoocdn.com "
        "okcupid.com okccdn.com match.com matchmediastatic.com plentyoffish.com pof.com hinge.co "
        "grindr.com grindr.mobi happn.com zoosk.com eharmony.com eharmony.co.uk parship.com "
        "parship.de parship.nl elitepartner.de elitesingles.com meetic.com meetic.fr meetic.be "
        "lovoo.com lovoo.net feeld.co romeo.com planetromeo.com scruff.com jackd.com "
        "ashleymadison.com adultfriendfinder.com jdate.com christianmingle.com "
        "coffeemeetsbagel.com theinnercircle.co lexa.nl paiq.nl twoo.com mamba.ru mamba.app "
        "loveplanet.ru tantanapp.com jiayuan.com zhenai.com shaadi.com bharatmatrimony.com"
    ),
    Kind.PEOPLE_SEARCH: (
        "spokeo.com whitepages.com truepeoplesearch.com fastpeoplesearch.com beenverified.com "
        "intelius.com peoplefinders.com truthfinder.com instantcheckmate.com radaris.com "
        "mylife.com peekyou.com pipl.com thatsthem.com ussearch.com zabasearch.com "
        "usphonebook.com peoplelooker.com neighborwho.com nuwber.com familytreenow.com "
        "addresses.com 411.com anywho.com checkpeople.com cyberbackgroundchecks.com "
        "smartbackgroundchecks.com searchpeoplefree.com idcrawl.com webmii.com yasni.com yasni.de "
        "192.com voterrecords.com clustrmaps.com socialcatfish.com "
        "mugshots.com arrests.org bustednewspaper.com"
    ),
    Kind.FACE_SEARCH: (
        "pimeyes.com facecheck.id search4faces.com clearview.ai findclone.ru eyematch.ai lenso.ai "
        "faceagle.com pictriev.com"
    ),
}
_DOTS = ".\u3002\uff0e\uff61"  # what IDNA takes for a dot (RFC 3490 section 3.1)
_KINDS = {domain: kind for kind, domains in _DOMAINS.items() for domain in domains.split()}

_AI_ACT = "AI Act art. 5(1)(e), no untargeted scraping of facial images"
_GDPR = "GDPR art. 5(1)(b) and (c), 6 and 9"
_RULES = {
    Kind.SOCIAL_NETWORK: f"{_AI_ACT}; {_GDPR}; the terms of the site",
    Kind.MESSENGER: f"{_AI_ACT}; {_GDPR}; the terms of the site",
    Kind.DATING_SITE: f"{_AI_ACT}; {_GDPR}, here also data about sex life or sexual orientation; "
    "the terms of the site",
    Kind.PEOPLE_SEARCH: f"{_AI_ACT}; {_GDPR}: what was collected without a basis has none here; "
    "the terms of the site",
    Kind.FACE_SEARCH: f"{_AI_ACT}, nor the use of what others scraped; {_GDPR}; the terms of the "
    "site",
}
_NAMES = {
    Kind.SOCIAL_NETWORK: "a social network",
    Kind.MESSENGER: "a messenger",
    Kind.DATING_SITE: "a dating site",
    Kind.PEOPLE_SEARCH: "a people search",
    Kind.FACE_SEARCH: "a face search",
}


def forbidden_kind(host: str) -> Kind | None:
    """What the host is where it may not be a source; None for any other.

    Any spelling that leads to the same host counts: capitals, a dot at its end, IDNA and the wide
    letters that it takes for plain ones. Whole labels are compared from the right. Raises
    InputError `fetch.url` for what is no host.
    """
    labels = host_name(host.rstrip(_DOTS)).split(".")
    suffixes = (".".join(labels[start:]) for start in range(len(labels)))
    return next((_KINDS[suffix] for suffix in suffixes if suffix in _KINDS), None)


def refuse_forbidden_host(host: str) -> None:
    """Return where the host may be a source, as far as this rule goes.

    Raises RefusedError `source.forbidden_host` where it may not, InputError `fetch.url` for what
    is no host.
    """
    kind = forbidden_kind(host)
    if kind is not None:
        raise RefusedError(
            "source.forbidden_host",
            f"{host_name(host.rstrip(_DOTS))} is {_NAMES[kind]} and is never a source "
            f"({_RULES[kind]}).",
            "Have the photos from those who made them, with a licence or a mandate on record, and "
            "add them as a folder. A single photo that belongs to a case can be its probe.",
        )

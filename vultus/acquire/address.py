"""Which addresses may be reached: the public internet, and nothing of the operator's own.

An address is reachable when it is global unicast and stands in none of IANA's registries of
special-purpose addresses (RFC 6890; both read for this table). The table is ours and not the
`ipaddress` module's, whose answers differ from one Python to the next.

Known limits: a network that translates IPv4 under a prefix of its own (RFC 6052), and a public
address that happens to be the operator's, cannot be told from any other; the allow-list of
hosts is what stands there.
"""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from vultus.errors import RefusedError

Address = IPv4Address | IPv6Address

IPV4_SPECIAL = [
    (IPv4Network(network), what)
    for network, what in (
        ("0.0.0.0/8", "this network, RFC 791"),
        ("10.0.0.0/8", "a private network, RFC 1918"),
        ("100.64.0.0/10", "shared by a provider's customers, RFC 6598"),
        ("127.0.0.0/8", "loopback, RFC 1122"),
        ("168.63.129.16/32", "a cloud platform's own service to its machines"),
        ("169.254.0.0/16", "link-local and cloud metadata, RFC 3927"),
        ("172.16.0.0/12", "a private network, RFC 1918"),
        ("192.0.0.0/24", "protocol assignments, RFC 6890"),
        ("192.0.2.0/24", "documentation, RFC 5737"),
        ("192.31.196.0/24", "AS112, RFC 7535"),
        ("192.52.193.0/24", "multicast tunnels, RFC 7450"),
        ("192.88.99.0/24", "6to4 relays, RFC 7526"),
        ("192.168.0.0/16", "a private network, RFC 1918"),
        ("192.175.48.0/24", "AS112, RFC 7534"),
        ("198.18.0.0/15", "benchmarks, RFC 2544"),
        ("198.51.100.0/24", "documentation, RFC 5737"),
        ("203.0.113.0/24", "documentation, RFC 5737"),
        ("224.0.0.0/4", "multicast, RFC 5771"),
        ("240.0.0.0/4", "reserved and broadcast, RFC 1112"),
    )
]
IPV6_UNICAST = IPv6Network("2000::/3")  # RFC 4291: all global unicast that is given out
IPV6_SPECIAL = [
    (IPv6Network(network), what)
    for network, what in (
        ("2001::/23", "Teredo and other protocol assignments, RFC 2928"),
        ("2001:db8::/32", "documentation, RFC 3849"),
        ("2002::/16", "6to4, an IPv4 address inside, RFC 3056"),
        ("2620:4f:8000::/48", "AS112, RFC 7534"),
        ("3ffe::/16", "the former 6bone, RFC 3701"),
        ("3fff::/20", "documentation, RFC 9637"),
    )
]
# Outside of 2000::/3 all is refused; these are named so that the message says why.
IPV6_NAMED = [
    (IPv6Network(network), what)
    for network, what in (
        ("::/128", "unspecified, RFC 4291"),
        ("::1/128", "loopback, RFC 4291"),
        ("::ffff:0:0/96", "an IPv4 address inside, RFC 4291"),
        ("64:ff9b::/96", "NAT64, an IPv4 address inside, RFC 6052"),
        ("64:ff9b:1::/48", "NAT64, an IPv4 address inside, RFC 8215"),
        ("fc00::/7", "a private network, RFC 4193"),
        ("fe80::/10", "link-local, RFC 4291"),
        ("ff00::/8", "multicast, RFC 4291"),
    )
]
LOOPBACK = (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))


def special_use(address: Address) -> str | None:
    """Why `address` may not be reached, in words; None for a global unicast address."""
    if isinstance(address, IPv4Address):
        return next((what for network, what in IPV4_SPECIAL if address in network), None)
    if address not in IPV6_UNICAST:
        named = (what for network, what in IPV6_NAMED if address in network)
        return next(named, "not global unicast, RFC 4291")
    if (int(address) >> 32) & 0xFCFFFFFF == 0x5EFE:
        return "ISATAP, an IPv4 address inside, RFC 5214"
    return next((what for network, what in IPV6_SPECIAL if address in network), None)


def reachable(texts: Iterable[str], host: str, *, loopback: bool = False) -> tuple[Address, ...]:
    """The addresses in `texts`, each once and in order, when every one of them may be reached.

    With `loopback` (a test host) every one must be a loopback address instead. Raises
    RefusedError `fetch.address` if a single one may not be reached: a name that leads both to
    the internet and to the operator's own network is an attack, or as good as one.
    """
    addresses: dict[Address, None] = {}
    for text in texts:
        try:
            address = ip_address(text)
        except ValueError:
            raise refused(host, "what is no internet address") from None
        if loopback:
            if not any(address in network for network in LOOPBACK):
                raise refused(host, f"{address}, but a test host is loopback only")
        elif "%" in text:
            raise refused(host, f"{text}, an address of one network card")
        elif (what := special_use(address)) is not None:
            raise refused(host, f"{address} ({what})")
        addresses[address] = None
    return tuple(addresses)


def refused(host: str, what: str) -> RefusedError:
    return RefusedError(
        "fetch.address",
        f"{host} leads to {what}.",
        "Only public addresses are fetched from. Nothing was asked of it; look at the host's DNS.",
    )

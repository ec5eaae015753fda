"""Fetches of a trap on loopback, and what each refusal must look like."""

import pytest
from trap_web import TrapWeb

from vultus.acquire.fetch import Fetcher
from vultus.errors import InputError, RefusedError, UnavailableError, VultusError

SITE = "site.example"
SOON = 0.3  # seconds, where the deadline is what ends it
CODES = {
    InputError: {"fetch.url", "fetch.agent", "fetch.condition", "fetch.test_host"},
    RefusedError: {
        "fetch.scheme", "fetch.host", "fetch.port", "fetch.address", "fetch.redirect",
        "fetch.encoding", "fetch.range",
    },
    UnavailableError: {
        "fetch.name", "fetch.connection", "fetch.tls", "fetch.timeout", "fetch.response",
    },
}  # fmt: skip


class Names:
    """A resolver that answers from a table; a list of lists is answered one after the other."""

    def __init__(self, **addresses):
        self.addresses = {name.replace("_", "."): list(found) for name, found in addresses.items()}
        self.asked = []

    def __call__(self, host, port, **_):
        self.asked.append(host)
        found = self.addresses[host]
        if found and isinstance(found[0], list):
            found = found.pop(0) if len(found) > 1 else found[0]
        return [(0, 0, 0, "", (address, port)) for address in found]


LOOPBACK = Names(site_example=["127.0.0.1"], other_example=["127.0.0.1"])


def fetcher(web, resolve=LOOPBACK, *, names=(SITE,), seconds=5.0, bytes_max=100_000):
    return Fetcher(
        "Vultus", "0.1", "https://site.example/about",
        test_hosts=frozenset(f"{name}:{web.port}" for name in names),
        seconds=seconds, bytes_max=bytes_max, resolve=resolve,
    )  # fmt: skip


def get(web, path="/", *, hosts=(SITE,), scheme="http", seconds=5.0, bytes_max=100_000, **more):
    one = fetcher(web, seconds=seconds, bytes_max=bytes_max)
    return one.get(f"{scheme}://{SITE}:{web.port}{path}", hosts=frozenset(hosts), **more)


def refused(code, fetch, *arguments, **named):
    """The fetch ends with this code, which its class has in the table, and with a hint."""
    with pytest.raises(VultusError) as raised:
        fetch(*arguments, **named)
    assert raised.value.code == code, raised.value.message
    assert code in CODES[type(raised.value)]
    assert raised.value.hint
    return raised.value


def answered(code, response, **named):
    """A server that answers so leads to this code."""
    with TrapWeb({"/": response}) as web:
        refused(code, get, web, **named)
        assert web.log == ["GET / HTTP/1.1"]

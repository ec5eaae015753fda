"""robots.txt as RFC 9309 says, and stricter where it is silent or trusting.

Stricter than the RFC: 401, 403 and 429 deny; more than five redirects deny; an answer that is no
robots.txt (HTML, NUL bytes, not one line of the kind) denies; a Disallow that stands before every
User-agent line, or is misspelt in a known way, counts. A host that does not answer is denied until
it does: no age turns that into a permission, and nothing here reads a clock.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256

from vultus.acquire.pattern import Pattern, path_of
from vultus.acquire.retry import crawl_delay, request_rate, visit_time

PRODUCT_TOKEN = "vultus"  # noqa: S105 (the name in User-agent lines)
MAX_ROBOTS_BYTES = 512_000
MAX_RULES = 20_000
MAX_REDIRECTS = 5
MAX_AGE = timedelta(hours=24)
MAX_SAID = 50
MAX_LINE = 500  # characters of the deciding line that an answer repeats

_AGENT, _DISALLOW, _ALLOW, _USAGE = "user-agent", "disallow", "allow", "content-usage"
_RESPELT = {
    "useragent": _AGENT, "user agent": _AGENT, "dissallow": _DISALLOW, "dissalow": _DISALLOW,
    "disalow": _DISALLOW, "diasllow": _DISALLOW, "disallaw": _DISALLOW,
}  # fmt: skip
_KNOWN = {
    _AGENT, _DISALLOW, _ALLOW, _USAGE, "crawl-delay", "request-rate", "content-signal", "license",
    "sitemap", "visit-time", "host", "clean-param", "noindex",
}  # fmt: skip
_ENDS_AGENTS = {_DISALLOW, _ALLOW, _USAGE}  # any other line may stand between User-agent lines


@dataclass(frozen=True)
class Line:
    """One line that says something: its number from 1, its key in lower case, its value."""

    number: int
    key: str
    value: bytes

    @property
    def text(self) -> str:
        """The value as text, broken UTF-8 replaced."""
        return self.value.decode("utf-8", "replace")

    def __str__(self) -> str:
        return f"{self.key}: {self.text}"


@dataclass(frozen=True)
class Rule:
    """An Allow or Disallow line with its pattern."""

    line: Line
    pattern: Pattern

    @property
    def allow(self) -> bool:
        return self.line.key == _ALLOW


@dataclass
class Group:
    """The lines for some agents (lower case); for the lines before any User-agent, no agents."""

    agents: list[str] = field(default_factory=list)
    rules: list[Rule] = field(default_factory=list)
    usages: list[tuple[Pattern | None, str]] = field(default_factory=list)
    content_signals: list[str] = field(default_factory=list)
    delays_s: list[float] = field(default_factory=list)
    licences: list[str] = field(default_factory=list)
    visit_times: list[tuple[int, int]] = field(default_factory=list)


@dataclass(frozen=True)
class Answer:
    """Whether a URL may be fetched, by which rule, and what else robots.txt says of it.

    `rule` is an id of `vultus.acquire.rule`; `line` is the line that decided, as `key: value`, and
    `line_number` its number, or empty and 0. `delay_s` is the least number of seconds between two
    requests, 0 where nothing is asked. `visit_times` are as `retry.open_at` takes them.
    `body_sha256` is that of the bytes read, hex, or empty.
    """

    allowed: bool
    rule: str
    line: str = ""
    line_number: int = 0
    delay_s: float = 0.0
    body_sha256: str = ""
    usages: tuple[str, ...] = ()
    content_signals: tuple[str, ...] = ()
    licences: tuple[str, ...] = ()
    visit_times: tuple[tuple[int, int], ...] = ()
    said: tuple[str, ...] = ()


@dataclass(frozen=True)
class Robots:
    """A robots.txt, or what stands for one that cannot be had.

    `rule` says which: `robots.read`, `robots.absent` (no rules, everything is allowed), or the
    reason why everything is denied. `said` are remarks for the operator.
    """

    rule: str
    groups: tuple[Group, ...] = ()
    sitemaps: tuple[str, ...] = ()
    truncated: bool = False
    body_sha256: str = ""
    said: tuple[str, ...] = ()

    def groups_for(self, product_token: str) -> list[Group]:
        """The groups that name this token; else those for `*`; the lines before any, always."""
        token = product_token.lower()
        named = [group for group in self.groups if token in group.agents]
        named = named or [group for group in self.groups if "*" in group.agents]
        return [group for group in self.groups if not group.agents] + named

    def answer(self, url: str, product_token: str = PRODUCT_TOKEN) -> Answer:
        """Whether `url`, which is of the host that gave this robots.txt, may be fetched.

        The longest covering pattern decides, counted in octets, and Allow where two are as long
        (RFC 9309 section 2.2.2). Raises nothing; a URL that cannot be read is denied.
        """
        path = path_of(url)
        if path is None:
            return Answer(False, "robots.url", body_sha256=self.body_sha256, said=self.said)
        readable = self.rule in {"robots.read", "robots.absent"}
        if not readable and path != b"/robots.txt":
            return Answer(False, self.rule, body_sha256=self.body_sha256, said=self.said)
        groups = self.groups_for(product_token)
        allowed, rule, line = True, "robots.no_rule", None
        if path == b"/robots.txt":
            rule = "robots.itself"  # also while the host is denied: how else would it be asked
        elif self.rule == "robots.absent":
            rule = self.rule
        elif covering := [r for g in groups for r in g.rules if r.pattern.covers(path)]:
            best = max(covering, key=lambda r: (r.pattern.n_octets, r.allow))
            allowed, line = best.allow, best.line
            rule = "robots.allow" if allowed else "robots.disallow"
        return Answer(
            allowed,
            rule,
            "" if line is None else str(line)[:MAX_LINE],
            0 if line is None else line.number,
            max((delay for group in groups for delay in group.delays_s), default=0.0),
            self.body_sha256,
            tuple(_usages(groups, path)),
            tuple(text for group in groups for text in group.content_signals),
            # Of every group: where a licence stands says little about whom it is for.
            tuple(text for group in self.groups for text in group.licences),
            tuple(times for group in groups for times in group.visit_times),
            self.said,
        )


def _usages(groups: list[Group], path: bytes) -> Iterator[str]:
    """The Content-Usage lines for `path`: those with the longest pattern, and those without any."""
    usages = [usage for group in groups for usage in group.usages]
    covering = [(p.n_octets, text) for p, text in usages if p is not None and p.covers(path)]
    longest = max((n for n, _ in covering), default=0)
    yield from (text for pattern, text in usages if pattern is None)
    yield from (text for n, text in covering if n == longest)


def of_response(
    status: int | None, body: bytes = b"", content_type: str = "", n_redirects: int = 0
) -> Robots:
    """What the answer to a request for /robots.txt means (RFC 9309 section 2.3.1).

    `status` is that of the last answer, None where there was none (network error, time-out, no
    name). 2xx is parsed, but 206 is only a part of it; 401, 403 and 429 deny, any other 4xx means
    that there are no rules; everything else denies until the host answers. Raises nothing.
    """
    if n_redirects > MAX_REDIRECTS or (status is not None and 300 <= status < 400):
        return Robots("robots.redirects")
    if status in {401, 403, 429}:
        return Robots("robots.forbidden")
    if status is None or status == 206 or not (200 <= status < 300 or 400 <= status < 500):
        return Robots("robots.unreachable")
    if status >= 400:
        return Robots("robots.absent")
    if content_type.partition(";")[0].strip().lower() in {"text/html", "application/xhtml+xml"}:
        return Robots("robots.unreadable", body_sha256=sha256(body).hexdigest())
    return parse(body)


def expires(fetched_at: datetime, cache_control: str = "") -> datetime:
    """Until when a robots.txt may be used: as Cache-Control says, at most 24 hours (section 2.4).

    The smallest max-age counts, and one that is no number, no-cache and no-store are 0.
    Afterwards it is fetched again; where that fails, the host is denied.
    """
    age_s = int(MAX_AGE.total_seconds())
    for directive in cache_control.lower().split(","):
        name, _, value = directive.partition("=")
        if name.strip() in {"no-cache", "no-store"}:
            age_s = 0
        elif name.strip() == "max-age":
            digits = value.strip().strip('"')
            seconds = digits[:10] if digits.isascii() and digits.isdigit() else "0"
            age_s = min(age_s, int(seconds))
    return fetched_at + timedelta(seconds=age_s)


def parse(body: bytes) -> Robots:
    """The robots.txt of these bytes, of which the first 512,000 are read (RFC 9309 section 2.5).

    A line that the limit cuts is dropped. Raises nothing: what is no robots.txt denies.
    """
    digest = sha256(body[:MAX_ROBOTS_BYTES]).hexdigest()
    data, truncated = body[:MAX_ROBOTS_BYTES], len(body) > MAX_ROBOTS_BYTES
    lines = data.removeprefix(b"\xef\xbb\xbf").splitlines()
    if truncated and data[-1:] not in {b"\r", b"\n"}:
        lines = lines[: -1 if body[MAX_ROBOTS_BYTES] not in b"\r\n" else None]
    if b"\0" in data or data.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"<":
        return Robots("robots.unreadable", truncated=truncated, body_sha256=digest)
    read = _Reading()
    for number, text in enumerate(lines, 1):
        read.take(number, text.partition(b"#")[0].strip())
    rule = "robots.read"
    if read.n_rules > MAX_RULES:
        rule = "robots.too_many_rules"
    elif read.n_strange and not read.n_known:
        rule = "robots.unreadable"
    if truncated:
        read.say(f"Only the first {MAX_ROBOTS_BYTES} bytes were read.")
    groups = (read.before, *read.groups)
    return Robots(rule, groups, tuple(read.sitemaps), truncated, digest, tuple(read.said))


class _Reading:
    """What has been read of a file so far."""

    def __init__(self) -> None:
        self.before = Group()
        self.groups: list[Group] = []
        self.sitemaps: list[str] = []
        self.said: list[str] = []
        self.n_rules = self.n_known = self.n_strange = 0
        self.takes_agents = False

    def say(self, remark: str) -> None:
        if len(self.said) < MAX_SAID:
            self.said.append(remark)

    def take(self, number: int, text: bytes) -> None:
        """One line without its comment."""
        if not text:
            return
        line = _line(number, text)
        if line is None:
            self.n_strange += 1
            return
        self.n_known += 1
        if line.key == _AGENT:
            if not self.takes_agents:
                self.groups.append(Group())
            self.takes_agents = True
            self.groups[-1].agents.append(re.split(r"[\s/]", line.text, maxsplit=1)[0].lower())
            return
        if line.key in _ENDS_AGENTS:
            self.takes_agents = False
        self._add(self.groups[-1] if self.groups else self.before, line)

    def _add(self, group: Group, line: Line) -> None:
        match line.key:
            case "disallow" | "allow":
                self._add_rule(group, line)
            case "content-usage":
                self._add_usage(group, line)
            case "content-signal":
                group.content_signals.append(line.text)
            case "license":
                group.licences.append(line.text)
            case "crawl-delay" | "request-rate" | "visit-time":
                self._add_pace(group, line)
            case "sitemap":
                self.sitemaps.append(line.text)

    def _add_pace(self, group: Group, line: Line) -> None:
        """How often, and at what time of day; what is nonsense is said and changes nothing."""
        times = visit_time(line.text) if line.key == "visit-time" else None
        delay_s = request_rate(line.text) if line.key == "request-rate" else None
        if line.key == "crawl-delay":
            delay_s = crawl_delay(line.text)
        if times is not None:
            group.visit_times.append(times)
        elif delay_s is not None:
            group.delays_s.append(delay_s)
        else:
            self.say(f"Line {line.number} cannot be read: {str(line)[:100]}")

    def _add_usage(self, group: Group, line: Line) -> None:
        """`path usage`, or the usage alone, as an older draft had it, which is for every path."""
        self.n_rules += 1
        if self.n_rules > MAX_RULES:
            return
        if line.value.startswith(b"/"):
            path, *rest = line.value.split(None, 1)
            usage = (Pattern.of(path), b"".join(rest).decode("utf-8", "replace"))
            group.usages.append(usage)
        else:
            group.usages.append((None, line.text))

    def _add_rule(self, group: Group, line: Line) -> None:
        written = line.value
        if not written:
            return  # an empty pattern covers nothing
        if not written.startswith((b"/", b"*")):
            self.say(f"Line {line.number} is no path: {str(line)[:100]}")
            if line.key == _ALLOW:
                return
            written = b"/" + re.sub(rb"^https?://[^/]*/?", b"", written, flags=re.IGNORECASE)
        if line.key == _ALLOW and group is self.before:
            return
        self.n_rules += 1
        if self.n_rules <= MAX_RULES:
            group.rules.append(Rule(line, Pattern.of(written)))


def _line(number: int, text: bytes) -> Line | None:
    """Key and value of a line; None for one that is not known."""
    name, colon, value = text.partition(b":")
    key = name.strip().lower().decode("ascii", "replace")
    key = _RESPELT.get(key, key)
    if colon and key in _KNOWN:
        return Line(number, key, value.strip())
    word, *rest = text.split(None, 1)  # the colon forgotten: only what restricts is taken
    key = word.lower().decode("ascii", "replace")
    key = _RESPELT.get(key, key)
    if rest and key in {_AGENT, _DISALLOW}:
        return Line(number, key, rest[0].strip())
    return None

"""Dictionaries of structured fields (RFC 9651 section 4.2.2), as strict as the RFC has them.

Only keys and values are kept; parameters are checked and dropped. One pass, no backtracking.
"""

import re

MAX_FIELD_CHARACTERS = 8_192
MAX_MEMBERS = 256

_KEY = re.compile(r"[a-z*][a-z0-9_.*-]*")
# Item types in the order of section 4.2.3.1; each begins with another character.
_ITEMS = (
    ("token", re.compile(r"[A-Za-z*][A-Za-z0-9!#$%&'*+.^_`|~:/-]*")),
    ("decimal", re.compile(r"-?[0-9]{1,12}\.[0-9]{1,3}")),
    ("integer", re.compile(r"-?[0-9]{1,15}")),
    ("string", re.compile(r'"(?:[ !#-\[\]-~]|\\["\\])*"')),
    ("display", re.compile(r'%"(?:[ !#$&-~]|%[0-9a-f]{2})*"')),
    ("bytes", re.compile(r":[A-Za-z0-9+/=]*:")),
    ("boolean", re.compile(r"\?[01]")),
    ("date", re.compile(r"@-?[0-9]{1,15}")),
)


def dictionary(text: str) -> list[tuple[str, str]]:
    """The members as (key, value as written), in order; a key that comes twice is there twice.

    By the RFC the last one counts; a reader for whom the strictest counts looks at all. A key
    alone has the value `?1`, an inner list is written as it stands. Raises ValueError for what is
    no dictionary, is longer than MAX_FIELD_CHARACTERS or has more than MAX_MEMBERS members.
    """
    if len(text) > MAX_FIELD_CHARACTERS:
        raise ValueError(f"a field has at most {MAX_FIELD_CHARACTERS} characters, got {len(text)}")
    text = text.strip(" ")
    members: list[tuple[str, str]] = []
    position = 0
    while position < len(text):
        key, position = _key(text, position)
        value, end = "?1", position
        if text.startswith("=", position):
            end = _value(text, position + 1)
            value = text[position + 1 : end]
        members.append((key, value))
        position = _skip(text, _parameters(text, end))
        if len(members) > MAX_MEMBERS:
            raise ValueError(f"a field has at most {MAX_MEMBERS} members")
        if position == len(text):
            break
        if text[position] != ",":
            raise ValueError(f"expected a comma at {position}")
        position = _skip(text, position + 1)
        if position == len(text):
            raise ValueError("a comma at the end")
    return members


def _skip(text: str, position: int) -> int:
    """Behind spaces and tabs."""
    while position < len(text) and text[position] in " \t":
        position += 1
    return position


def _key(text: str, position: int) -> tuple[str, int]:
    found = _KEY.match(text, position)
    if found is None:
        raise ValueError(f"expected a key at {position}")
    return found.group(), found.end()


def _value(text: str, position: int) -> int:
    """The end of the item or inner list that begins here, before its parameters."""
    if not text.startswith("(", position):
        return _item(text, position)
    position += 1
    while True:
        while text.startswith(" ", position):
            position += 1
        if text.startswith(")", position):
            return position + 1
        position = _parameters(text, _item(text, position))
        if not text.startswith((" ", ")"), position):
            raise ValueError(f"expected a space or the end of the list at {position}")


def _item(text: str, position: int) -> int:
    for _, form in _ITEMS:
        found = form.match(text, position)
        if found is not None:
            return found.end()
    raise ValueError(f"expected a value at {position}")


def _parameters(text: str, position: int) -> int:
    """The end of the parameters that begin here."""
    while text.startswith(";", position):
        position += 1
        while text.startswith(" ", position):
            position += 1
        _, position = _key(text, position)
        if text.startswith("=", position):
            position = _item(text, position + 1)
    return position

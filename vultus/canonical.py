"""JSON with one spelling, so that it can be sealed, hashed and compared as bytes.

Keys sorted by code point, no spaces, ASCII only, no NaN, no infinity, no lone surrogate.
"""

import json
from typing import Any


def encode(value: Any) -> bytes:  # noqa: ANN401 (what JSON holds)
    """`value` in canonical JSON, ASCII bytes.

    Raises TypeError for what JSON cannot hold (keys that are not text included), ValueError for
    NaN, infinity, lone surrogates and structures that hold themselves.
    """
    _check_keys(value)
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    if "\\ud" in text:  # a surrogate: half of a pair, or alone, which is no Unicode text
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    return text.encode("ascii")


def decode(data: bytes) -> Any:  # noqa: ANN401 (what JSON holds)
    """The value of canonical JSON. Raises ValueError for anything that `encode` does not write."""
    try:
        value = json.loads(data.decode("ascii"))
        if encode(value) == data:
            return value
    except RecursionError:
        pass
    raise ValueError("not canonical JSON")


def _check_keys(value: object) -> None:
    # json.dumps turns 1, True and None into keys silently; two keys could become one.
    if isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                raise TypeError(f"a key of JSON must be str, got {type(key).__name__}")
            _check_keys(item)
    elif isinstance(value, list | tuple):
        for item in value:
            _check_keys(item)

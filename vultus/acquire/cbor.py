"""CBOR (RFC 8949), as strict as a text that may forbid something is to be read.

Only what the assertions of content credentials are made of: definite lengths, each in its
shortest form, no key twice, nothing behind. cbor2 is not used since it takes other spellings, the
last of two equal keys, and tags that build objects; here a tag is dropped and its content kept.
"""

import struct
from collections.abc import Callable

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 32
MAX_VALUES = 20_000

_SIMPLE = {20: False, 21: True, 22: None}
_FLOATS: dict[int, tuple[str, int]] = {25: (">e", 2), 26: (">f", 4), 27: (">d", 8)}


def decode(data: bytes) -> object:
    """The one value that `data` is. Raises ValueError for anything else."""
    if len(data) > MAX_BYTES:
        raise ValueError(f"at most {MAX_BYTES} bytes of CBOR are read, got {len(data)}")
    reading = _Reading(data)
    value = reading.value(0)
    if reading.position != len(data):
        raise ValueError("something stands behind the CBOR value")
    return value


class _Reading:
    """Where in the data the next value begins, and how many there were."""

    def __init__(self, data: bytes) -> None:
        self.data, self.position, self.n_values = data, 0, 0

    def take(self, length: int) -> bytes:
        end = self.position + length
        if end > len(self.data):
            raise ValueError("the CBOR value is cut")
        taken = self.data[self.position : end]
        self.position = end
        return taken

    def argument(self, low: int) -> int:
        """The number in the head of a value (section 3), in its shortest form (section 4.2.1)."""
        if low < 24:
            return low
        if low > 27:
            raise ValueError("an indefinite length or a reserved form")
        length = 1 << (low - 24)
        number = int.from_bytes(self.take(length))
        if number < (24 if length == 1 else 1 << (length * 4)):
            raise ValueError("a number that is not in its shortest form")
        return number

    def value(self, depth: int) -> object:
        self.n_values += 1
        if depth > MAX_DEPTH or self.n_values > MAX_VALUES:
            raise ValueError("more CBOR values, or deeper ones, than are read")
        head = self.take(1)[0]
        major, low = head >> 5, head & 31
        if major == 7:
            return self.simple(low)
        number = self.argument(low)
        readers: dict[int, Callable[[], object]] = {
            0: lambda: number,
            1: lambda: -1 - number,
            2: lambda: self.take(number),
            3: lambda: self.take(number).decode(),  # UnicodeDecodeError is a ValueError
            4: lambda: [self.value(depth + 1) for _ in range(number)],
            5: lambda: self.map(number, depth),
            6: lambda: self.value(depth + 1),
        }
        return readers[major]()

    def simple(self, low: int) -> object:
        if low in _SIMPLE:
            return _SIMPLE[low]
        if low not in _FLOATS:
            raise ValueError("a simple value that is not known")
        form, length = _FLOATS[low]
        return struct.unpack(form, self.take(length))[0]

    def map(self, n_pairs: int, depth: int) -> dict[object, object]:
        pairs: dict[object, object] = {}
        for _ in range(n_pairs):
            key = self.value(depth + 1)
            if not isinstance(key, str | int | bytes) or key in pairs:
                raise ValueError("a key that comes twice, or is none")
            pairs[key] = self.value(depth + 1)
        return pairs

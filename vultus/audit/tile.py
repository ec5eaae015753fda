"""The log as files that other people's tools read: C2SP tlog-tiles, height 8.

    checkpoint, tile/<level>/<index>[.p/<width>], tile/entries/<index>[.p/<width>]

Writer and reader share one function that says which files a log has and what is in them.
"""

import os
import secrets
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path

from vultus.audit.checkpoint import MAX_NOTE_BYTES, Checkpoint, verify_checkpoint
from vultus.audit.merkle import Frontier, leaf_hash, root_of
from vultus.errors import IntegrityError, UnavailableError

TILE_WIDTH = 256
MAX_ENTRY_BYTES = 0xFFFF
_LENGTH = struct.Struct(">H")


def tile_path(level: int | str, index: int, width: int = TILE_WIDTH) -> str:
    """Where tile `index` of `level` lies; level "entries" for the bundles of leaves.

    ValueError unless the level is 0 to 63, the index not negative and the width 1 to 256.
    """
    if isinstance(level, int) and not 0 <= level <= 63:
        raise ValueError(f"a level is from 0 to 63, got {level}")
    if isinstance(level, str) and level != "entries":
        raise ValueError(f'a level is a number or "entries", got {level!r}')
    if index < 0 or not 1 <= width <= TILE_WIDTH:
        raise ValueError(f"no tile has index {index} and width {width}")
    index, group = divmod(index, 1000)
    path = f"{group:03}"
    while index:
        index, group = divmod(index, 1000)
        path = f"x{group:03}/{path}"
    partial = "" if width == TILE_WIDTH else f".p/{width}"
    return f"tile/{level}/{path}{partial}"


def encode_bundle(leaves: Iterable[bytes]) -> bytes:
    """An entry bundle: each leaf after its length, a big-endian uint16. ValueError if longer."""
    parts = []
    for leaf in leaves:
        if len(leaf) > MAX_ENTRY_BYTES:
            raise ValueError(f"a leaf has at most {MAX_ENTRY_BYTES} bytes, got {len(leaf)}")
        parts += [_LENGTH.pack(len(leaf)), leaf]
    return b"".join(parts)


def decode_bundle(data: bytes, width: int) -> list[bytes]:
    """The `width` leaves of an entry bundle. Raises IntegrityError `tile.malformed`."""
    leaves, at = [], 0
    for _ in range(width):
        if at + 2 > len(data):
            raise _malformed()
        end = at + 2 + _LENGTH.unpack_from(data, at)[0]
        leaves.append(data[at + 2 : end])
        at = end
    if at != len(data):  # also where the last leaf was cut: a slice stops at the end
        raise _malformed()
    return leaves


def write_tiles(folder: Path, leaves: Iterable[bytes], note: str, verifier_key: str) -> Checkpoint:
    """Export the log of `leaves`, in order, under `folder`; the checkpoint comes last.

    Exporting a grown log into the same folder adds what is new; a crash leaves the earlier
    checkpoint, or none, and is mended by exporting again. Raises what `verify_checkpoint` raises;
    IntegrityError `tile.root_differs` where the leaves are not what `note` was signed for (no
    checkpoint is written then), `tile.differs` where another log's file stands in the way;
    UnavailableError `tile.not_written` where the disk refuses.
    """
    checkpoint = verify_checkpoint(note, verifier_key)
    frontier = Frontier()
    try:
        for path, data in _files(leaves, frontier):
            _write_once(folder / path, data)
        if (frontier.size, frontier.root()) != (checkpoint.size, checkpoint.root):
            raise _root_differs()
        _replace(folder / "checkpoint", note.encode("utf-8"))
    except OSError as error:
        raise UnavailableError(
            "tile.not_written",
            f"The log could not be exported to {folder}: {error.strerror}.",
            "Check the folder and the space on the disk, then export again.",
        ) from error
    return checkpoint


def read_tiles(folder: Path, verifier_key: str) -> tuple[Checkpoint, list[bytes]]:
    """The checkpoint and all leaves of an exported log, with every file of it checked.

    Raises what `verify_checkpoint` raises; IntegrityError `tile.missing`, `tile.malformed`,
    `tile.differs` (a tile is not what the leaves give), `tile.root_differs`.
    """
    try:
        note = _read(folder / "checkpoint", MAX_NOTE_BYTES).decode("utf-8")
    except UnicodeDecodeError:
        raise _malformed() from None
    checkpoint = verify_checkpoint(note, verifier_key)
    leaves: list[bytes] = []
    for index, width in _tiles(checkpoint.size):
        path = folder / tile_path("entries", index, width)
        leaves += decode_bundle(_read(path, width * (2 + MAX_ENTRY_BYTES)), width)
    frontier = Frontier()
    for name, data in _files(leaves, frontier):
        if _read(folder / name, len(data)) != data:
            raise _differs()
    if frontier.root() != checkpoint.root:
        raise _root_differs()
    return checkpoint, leaves


def _tiles(size: int) -> Iterator[tuple[int, int]]:
    """(index, width) of every tile that `size` hashes fill."""
    for start in range(0, size, TILE_WIDTH):
        yield start // TILE_WIDTH, min(TILE_WIDTH, size - start)


def _files(leaves: Iterable[bytes], frontier: Frontier) -> Iterator[tuple[str, bytes]]:
    """Every file of the log but the checkpoint; `frontier` has all leaves when this ends.

    It holds one tile a level in memory.
    """
    bundle: list[bytes] = []
    levels: list[list[bytes]] = [[]]
    n_written = [0]

    def close(level: int) -> tuple[str, bytes]:
        hashes = levels[level]
        path = tile_path(level, n_written[level], len(hashes))
        levels[level] = []
        n_written[level] += 1
        return path, b"".join(hashes)

    def close_bundle() -> tuple[str, bytes]:
        return tile_path("entries", n_written[0], len(bundle)), encode_bundle(bundle)

    for leaf in leaves:
        bundle.append(leaf)
        levels[0].append(leaf_hash(leaf))
        frontier.append(levels[0][-1])
        if len(bundle) == TILE_WIDTH:
            yield close_bundle()
            bundle = []
        level = 0
        while len(levels[level]) == TILE_WIDTH:
            if level + 1 == len(levels):
                levels.append([])
                n_written.append(0)
            levels[level + 1].append(root_of(levels[level]))
            yield close(level)
            level += 1
    if bundle:
        yield close_bundle()
    for level, hashes in enumerate(levels):
        if hashes:
            yield close(level)


def _write_once(path: Path, data: bytes) -> None:
    """Write an unchanging file; one that stands there must be the same."""
    if path.exists():
        if _read(path, len(data)) != data:
            raise _differs()
    else:
        _replace(path, data)


def _replace(path: Path, data: bytes) -> None:
    """Write `path` whole or not at all, and synced: other tools read while we write."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.parent / f".{path.name}.{secrets.token_hex(4)}"
    try:
        with beside.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _read(path: Path, max_bytes: int) -> bytes:
    """The bytes of a file, with one more than `max_bytes` where it is longer."""
    try:
        with path.open("rb") as file:
            return file.read(max_bytes + 1)
    except OSError:
        raise IntegrityError(
            "tile.missing",
            "A file of the exported log is missing.",
            "Export or fetch the log again.",
        ) from None


def _malformed() -> IntegrityError:
    return IntegrityError(
        "tile.malformed",
        "A file of the exported log cannot be read.",
        "Export or fetch the log again.",
    )


def _differs() -> IntegrityError:
    return IntegrityError(
        "tile.differs",
        "A file of the exported log is not what its entries give.",
        "Keep it as evidence, and export or fetch the log again elsewhere.",
    )


def _root_differs() -> IntegrityError:
    return IntegrityError(
        "tile.root_differs",
        "The entries are not those that the checkpoint was signed for.",
        "Keep both, and run: vultus audit verify",
    )

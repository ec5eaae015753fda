"""The folder connector: every file below a folder, in one fixed order.

Nothing is opened here. A file that cannot be visited is listed with the reason; a folder
that cannot be listed is reported, so that its photos are not taken for vanished.
"""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from vultus.errors import UnavailableError


def path_text(path: bytes | str | Path) -> str:
    """A path as text; bytes that are no UTF-8 are written as \\xNN."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


@dataclass(frozen=True)
class Place:
    """One entry of the folder.

    `name` is the path below the folder as bytes (file names are bytes, not text);
    `changed` tells a changed file from an unchanged one: modification and status time in ns.
    `problem` is the code of why it is not visited, or None.
    """

    name: bytes
    n_bytes: int
    changed: str
    problem: str | None

    @property
    def file_name(self) -> str:
        """The name as the operating system's calls take it."""
        return os.fsdecode(self.name)

    @property
    def text(self) -> str:
        """The name as text, as in `path_text`."""
        return path_text(self.name)


@dataclass(frozen=True)
class Listing:
    """All places in order, and the folders (names below the root) that could not be listed."""

    places: tuple[Place, ...]
    unreadable_folders: tuple[bytes, ...]


def list_folder(root: Path) -> Listing:
    """Every file below `root`, sorted by name as bytes.

    Symbolic links are followed only to files inside the folder, since the entitlement covers
    the folder. Raises UnavailableError `source.unreachable` when the root cannot be listed.
    """
    base = os.fsencode(root)
    unreadable: list[bytes] = []
    try:
        places = sorted(walk(base, os.path.realpath(base), unreadable), key=lambda p: p.name)
    except OSError as error:
        raise UnavailableError(
            "source.unreachable",
            f"The folder {root} cannot be read.",
            "Nothing was changed. Mount it or mend its permissions, then ingest again.",
        ) from error
    return Listing(tuple(places), tuple(unreadable))


def walk(base: bytes, real_base: bytes, unreadable: list[bytes]) -> Iterator[Place]:
    """Depth first without recursion: folders may nest deeper than Python's stack."""
    pending = [b""]
    while pending:
        folder = pending.pop()
        try:
            entries = list(os.scandir(joined(base, folder)))
        except OSError:
            if not folder:
                raise
            unreadable.append(folder)
            continue
        for entry in entries:
            name = joined(folder, entry.name)
            if entry.is_dir(follow_symlinks=False):
                pending.append(name)
            else:
                yield look(entry, name, real_base)


def look(entry: os.DirEntry[bytes], name: bytes, real_base: bytes) -> Place:
    """What one directory entry is, without opening it."""
    try:
        if entry.is_symlink() and not inside(os.path.realpath(entry.path), real_base):
            return Place(name, 0, "", "place.link_out_of_source")
        status = entry.stat()
    except OSError:
        return Place(name, 0, "", "photo.unreadable")
    changed = f"{status.st_mtime_ns}/{status.st_ctime_ns}"
    if stat.S_ISDIR(status.st_mode):
        return Place(name, 0, changed, "place.link_to_folder")
    if not stat.S_ISREG(status.st_mode):
        return Place(name, 0, changed, "place.not_a_file")
    return Place(name, status.st_size, changed, None)


def joined(folder: bytes, name: bytes) -> bytes:
    """Paths as bytes, which pathlib does not take."""
    return folder + b"/" + name if folder and name else folder or name


def inside(path: bytes, base: bytes) -> bool:
    return path == base or path.startswith(base.rstrip(b"/") + b"/")

"""The store of segments: a folder of any fsspec file system, one file a segment."""

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vultus.errors import IntegrityError, UnavailableError

SUFFIX = ".segment"


class Store:
    """Segments by name under a URL such as `s3://bucket/folder` or `file:///srv/faces`.

    `options` go to fsspec. A store is sent to every shard, options included: leave credentials
    to each machine's own configuration.
    """

    def __init__(self, url: str, options: Mapping[str, Any] | None = None) -> None:
        self.url, self.options = url, dict(options or {})
        self._opened: tuple[Any, str] | None = None

    def __reduce__(self) -> tuple[type["Store"], tuple[str, dict[str, Any]]]:
        """Another process opens the file system anew."""
        return type(self), (self.url, self.options)

    @property
    def _place(self) -> tuple[Any, str]:
        if self._opened is None:
            import fsspec

            self._opened = fsspec.url_to_fs(self.url, **self.options)
        return self._opened

    def _path(self, name: str) -> str:
        return f"{self._place[1]}/{name}{SUFFIX}"

    def fetch(self, name: str, path: Path) -> None:
        """Copy a segment to this path.

        Raises IntegrityError (`index.segment_gone`) where the store has no such file,
        UnavailableError (`index.store`) where it cannot be read.
        """
        try:
            self._place[0].get_file(self._path(name), str(path))
        except FileNotFoundError as error:
            raise IntegrityError(
                "index.segment_gone",
                f"The store no longer has segment {name}.",
                "Restore the file from a backup, or enrol its photos again.",
            ) from error
        except Exception as error:
            raise _unavailable("read", error) from error

    def put(self, path: Path, name: str) -> None:
        """Copy the file at this path into the store; on disk, if it is one, when this returns.

        Raises UnavailableError (`index.store`).
        """
        system, folder = self._place
        try:
            system.makedirs(folder, exist_ok=True)
            system.put_file(str(path), self._path(name))
            if "file" in _protocols(system):
                _flush(Path(self._path(name)))
                _flush(Path(folder))
        except Exception as error:
            raise _unavailable("written", error) from error

    def delete(self, name: str) -> None:
        """Delete a segment; one that is not there is passed over. Raises UnavailableError."""
        try:
            with contextlib.suppress(FileNotFoundError):
                self._place[0].rm_file(self._path(name))
        except Exception as error:
            raise _unavailable("written", error) from error

    def names(self) -> set[str]:
        """The segments that are there. Raises UnavailableError."""
        system, folder = self._place
        try:
            system.invalidate_cache()
            found = system.ls(folder, detail=False) if system.exists(folder) else []
        except Exception as error:
            raise _unavailable("read", error) from error
        files = (str(path).rstrip("/").rsplit("/", 1)[-1] for path in found)
        return {file.removesuffix(SUFFIX) for file in files if file.endswith(SUFFIX)}


def _protocols(system: Any) -> tuple[str, ...]:  # noqa: ANN401 fsspec has no types
    protocol = system.protocol
    return (protocol,) if isinstance(protocol, str) else tuple(protocol)


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _unavailable(what: str, error: Exception) -> UnavailableError:
    return UnavailableError(
        "index.store",
        f"The store of segments cannot be {what} ({type(error).__name__}).",
        "Check its address, its credentials and its room, then try again.",
    )

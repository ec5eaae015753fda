"""Buckets as a store: objects of S3 and its like, in the order of their keys.

Any file system of fsspec can be one. Credentials never stand in the location, where registers and
logs would keep them: they come from the provider's own chain (environment, profile, role).

InputError        bucket.location     the location cannot be read
RefusedError      bucket.password     it holds a password, a key or options
                  bucket.scheme       a scheme that is not for buckets; the web is fetched elsewhere
                  bucket.denied       the credentials may not list or read there
UnavailableError  bucket.library      the library for that scheme is not installed
                  bucket.credentials  there are none
                  bucket.missing      there is no such bucket or folder
                  bucket.busy         it asks to be asked less often
                  bucket.unreachable  anything else that went wrong on the way
"""

import errno
import os
import re
from collections.abc import Iterator
from typing import Any

from vultus.acquire.folder import inside
from vultus.acquire.found import Item
from vultus.acquire.store import Stored, gone
from vultus.errors import InputError, RefusedError, UnavailableError, VultusError

SCHEMES = {"s3", "gs", "gcs", "az", "abfs", "abfss", "oss", "file", "memory"}
LOCATION = re.compile(r"([a-z][a-z0-9]{0,15})://([^\x00-\x20\x7f]{1,1500})")
TAGS = ("ETag", "etag", "md5Hash", "content_md5", "crc32c")
TIMES = ("LastModified", "last_modified", "updated", "mtime", "created")
VERSIONS = ("VersionId", "version_id", "generation")
_Entry = tuple[str, dict[str, Any]]  # key, and what the file system tells of it


def open_bucket(location: str, *, bytes_max: int, versions: bool = False) -> "Bucket":
    """The bucket at a location such as `s3://BUCKET/FOLDER`.

    With `versions` an S3 bucket that keeps versions tells them; this costs a listing of all.
    Raises InputError, RefusedError and UnavailableError as the table at the top of this file says;
    nothing is asked of the bucket yet.
    """
    found = LOCATION.fullmatch(location)
    if found is None or not found[2].strip("/"):
        raise InputError(
            "bucket.location", "The location of the bucket cannot be read.", "s3://BUCKET/FOLDER"
        )
    if "@" in found[2].partition("/")[0] or {"?", "#"} & set(found[2]):
        raise RefusedError(
            "bucket.password",
            "The location holds credentials or options, which every register and log would keep.",
            "Leave them out, and use the provider's own chain: environment, profile or role.",
        )
    if found[1] not in SCHEMES or "::" in location:
        raise RefusedError(
            "bucket.scheme",
            f"Nothing is read over {found[1]} as a bucket.",
            "One of " + ", ".join(sorted(SCHEMES)) + "; websites are fetched as such.",
        )
    options: dict[str, Any] = {"skip_instance_cache": True, "use_listings_cache": False}
    if versions and found[1] == "s3":
        options["version_aware"] = True
    try:
        import fsspec

        system, root = fsspec.core.url_to_fs(location, **options)
    except ImportError as error:
        raise UnavailableError(
            "bucket.library",
            f"The library that reads {found[1]} is not installed.",
            "Install it: for s3 the extra `s3`, else the one that fsspec names for the scheme.",
        ) from error
    return Bucket(system, root, bytes_max=bytes_max)


class Bucket:
    """The objects below `root` of an fsspec file system; a place is a key below it."""

    def __init__(self, system: Any, root: str, *, bytes_max: int) -> None:  # noqa: ANN401
        """`bytes_max` bounds one photo. ValueError below 1."""
        if bytes_max < 1:
            raise ValueError(f"a limit of 1 byte or more expected, got {bytes_max}")
        self.system, self.root, self.bytes_max = system, root.rstrip("/"), bytes_max

    def list(self, after: str | None = None) -> Iterator[Stored]:
        """Every object in the order of keys as UTF-8, from behind the key `after` where given.

        One folder is held in memory at a time, and those that lie before `after` are not listed.
        Raises RefusedError `bucket.denied`, UnavailableError as the table says.
        """
        start = b"" if after is None else after.encode("utf-8", "surrogateescape")
        pending = [self._entries("", is_root=True)]
        while pending:
            entry = next(pending[-1], None)
            if entry is None:
                pending.pop()
                continue
            key, info = entry
            name = key.encode("utf-8", "surrogateescape")
            if info.get("type") == "directory" and is_plain(key):
                # What lies below it begins with its name and a slash.
                if name + b"/" >= start or start.startswith(name + b"/"):
                    pending.append(self._entries(key))
            elif after is None or name > start:
                yield stored_of(key, info)

    def _entries(self, folder: str, *, is_root: bool = False) -> Iterator[_Entry]:
        """What lies in a folder, as (key, info); a folder is sorted as its name and a slash."""
        path = f"{self.root}/{folder}" if folder else self.root
        try:
            infos = self.system.ls(path, detail=True)
        except Exception as error:  # each file system has errors of its own
            said = said_by(error)
            if not is_root and said.code == "bucket.missing":
                return iter(())  # it went while its parent was read
            raise said from error
        entries = []
        for info in infos:
            is_folder = info.get("type") == "directory"
            key = info["name"].removeprefix(self.root).removeprefix("/")
            # Object stores keep an empty object for a folder that was made by hand.
            is_marker = not is_folder and key.rstrip("/") == folder and not info.get("size")
            if not is_marker and not (is_root and key == ""):
                entries.append((key + "/" * (is_folder and not is_plain(key)), info))
        return iter(sorted(entries, key=_order))

    def open(self, place: str) -> bytes:
        """The object with this key.

        Raises UnavailableError `place.gone`, RefusedError `photo.too_many_bytes`, and as the
        table at the top of this file says.
        """
        path = f"{self.root}/{place}"
        if not is_plain(place) or not self._is_inside(path):
            raise gone(place)
        try:
            with self.system.open(path, "rb") as file:
                size = getattr(file, "size", None)
                data = b"" if (size or 0) > self.bytes_max else file.read(self.bytes_max + 1)
        except Exception as error:  # each file system has errors of its own
            said = said_by(error)
            raise (gone(place) if said.code == "bucket.missing" else said) from error
        if len(data) > self.bytes_max or (size or 0) > self.bytes_max:
            raise RefusedError(
                "photo.too_many_bytes",
                f"The object is larger than {self.bytes_max} bytes.",
                "Raise photo_bytes_max if it is meant to be this large.",
            )
        return bytes(data)

    def _is_inside(self, path: str) -> bool:
        """Whether no link of the machine's own disk leads out of the root."""
        protocol = self.system.protocol
        if "file" not in ((protocol,) if isinstance(protocol, str) else protocol):
            return True
        root = os.path.realpath(os.fsencode(self.root))
        return inside(os.path.realpath(os.fsencode(path)), root)


def _order(entry: _Entry) -> bytes:
    key, info = entry
    end = "/" if info.get("type") == "directory" and not key.endswith("/") else ""
    return (key + end).encode("utf-8", "surrogateescape")


def is_plain(key: str) -> bool:
    """Whether a key means one object to everybody: no empty part, no `.` and `..`."""
    return not {"", ".", ".."} & set(key.split("/"))


def stored_of(key: str, info: dict[str, Any]) -> Stored:
    """One object as it is listed."""
    size = info.get("size")
    tag = next((str(info[name]) for name in TAGS if info.get(name)), None)
    changed = tag or next((str(info[name]) for name in TIMES if info.get(name)), "")
    version = next((str(info[name]) for name in VERSIONS if info.get(name)), tag)
    problem = None
    if not is_plain(key):
        problem = "place.name"
    elif info.get("islink"):
        problem = "place.link"
    elif info.get("type") != "file":
        problem = "place.not_a_file"
    try:
        key.encode("utf-8")
    except UnicodeEncodeError:
        key, problem = (
            key.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace"),
            ("place.name"),
        )
    n_bytes = size if isinstance(size, int) else None
    return Stored(key, n_bytes, f"{n_bytes}/{changed}", problem, Item(key, version=version))


def said_by(error: Exception) -> VultusError:
    """An error of a file system as one of ours."""
    name = type(error).__name__
    if isinstance(error, PermissionError):
        return RefusedError(
            "bucket.denied",
            "The bucket's owner does not let these credentials list or read there.",
            "Ask for the right to list the bucket and get its objects; no other is needed.",
        )
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return UnavailableError(
            "bucket.missing",
            "There is no such bucket or folder.",
            "Nothing was changed. Look at its spelling and its region.",
        )
    if "Credential" in name or "TokenRetrieval" in name or "ProfileNotFound" in name:
        return UnavailableError(
            "bucket.credentials",
            "There are no credentials for the bucket.",
            "Set them up in the provider's own chain: environment, profile or role.",
        )
    if isinstance(error, OSError) and error.errno in {errno.EBUSY, errno.EAGAIN}:
        return UnavailableError(
            "bucket.busy",
            "The bucket asks to be asked less often, or an object changed as it was read.",
            "Try later; what was listed and read so far stands.",
        )
    return UnavailableError(
        "bucket.unreachable",
        f"The bucket cannot be reached: {name}.",
        "Nothing was changed. Look at the network and the endpoint, then try again.",
    )

"""Buckets: order, marks and errors, in memory, on the disk, and of an S3 server on loopback."""

import errno
import logging
import os
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

fsspec = pytest.importorskip("fsspec", reason="fsspec is an extra")

from fsspec.implementations.memory import MemoryFileSystem  # noqa: E402

from vultus.acquire.bucket import Bucket, open_bucket, said_by  # noqa: E402
from vultus.errors import InputError, RefusedError, UnavailableError  # noqa: E402


def keys(bucket, after=None):
    return [stored.place for stored in bucket.list(after)]


def code_of(error, call, *arguments, **named):
    with pytest.raises(error) as raised:
        call(*arguments, **named)
    assert raised.value.hint
    return raised.value.code


def memory(objects, bytes_max=1000):
    """A bucket of fsspec's own memory, which all its file systems share."""
    root = f"/{uuid.uuid4().hex}"
    system = MemoryFileSystem()
    system.makedirs(root, exist_ok=True)
    system.pipe({f"{root}/{key}": data for key, data in objects.items()})
    return Bucket(system, root, bytes_max=bytes_max)


# --- locations ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("code", "error", "location"), [
    ("bucket.location", InputError, ""), ("bucket.location", InputError, "bucket"),
    ("bucket.location", InputError, "s3://"), ("bucket.location", InputError, "s3:///"),
    ("bucket.location", InputError, "s3://a b"), ("bucket.location", InputError, "s3://a\nb"),
    ("bucket.location", InputError, "S3://bucket"), ("bucket.location", InputError, "/folder"),
    ("bucket.password", RefusedError, "s3://AKIA:secret@bucket/a"),
    ("bucket.password", RefusedError, "s3://bucket/a?secret=x"),
    ("bucket.password", RefusedError, "s3://bucket/a#key=x"),
    ("bucket.scheme", RefusedError, "https://bucket.example/a"),
    ("bucket.scheme", RefusedError, "http://169.254.169.254/latest"),
    ("bucket.scheme", RefusedError, "ftp://site.example/a"),
    ("bucket.scheme", RefusedError, "ssh://site.example/a"),
    ("bucket.scheme", RefusedError, "reference://a"),
    ("bucket.scheme", RefusedError, "memory://a::https://site.example/a"),
])  # fmt: skip
def test_locations_that_are_not_taken(code, error, location):
    assert code_of(error, open_bucket, location, bytes_max=1) == code


def test_a_library_that_is_not_there():
    try:
        import adlfs  # noqa: F401
    except ImportError:
        code = code_of(UnavailableError, open_bucket, "az://container/a", bytes_max=1)
        assert code == "bucket.library"
    else:
        pytest.skip("the library is there")


def test_limits_are_checked():
    with pytest.raises(ValueError, match="1 byte or more"):
        Bucket(MemoryFileSystem(), "/a", bytes_max=0)


# --- any file system ----------------------------------------------------------------------------


def test_objects_come_in_the_order_of_their_keys_and_not_of_folders():
    bucket = memory(dict.fromkeys(("a/x", "a-b/y", "a.jpg", "z/y/x", "a/b/c", "é", "B"), b"x"))
    assert keys(bucket) == ["B", "a-b/y", "a.jpg", "a/b/c", "a/x", "z/y/x", "é"]
    assert keys(bucket, after="a.jpg") == ["a/b/c", "a/x", "z/y/x", "é"]
    assert keys(bucket, after="a/b/c") == ["a/x", "z/y/x", "é"]
    assert keys(bucket, after="a/b") == ["a/b/c", "a/x", "z/y/x", "é"]
    assert keys(bucket, after="é") == []


def test_folders_before_the_start_are_not_listed():
    asked = []

    class Counted(MemoryFileSystem):
        cachable = False

        def ls(self, path, detail=True, **more):
            asked.append(path)
            return super().ls(path, detail=detail, **more)

    bucket = memory({"a/1": b"", "b/1": b"", "b/2": b"", "c/1": b""})
    bucket.system = Counted()
    assert keys(bucket, after="b/1") == ["b/2", "c/1"]
    assert [path.removeprefix(bucket.root) for path in asked] == ["", "/b", "/c"]


def test_what_an_object_holds_and_how_large_it_may_be():
    bucket = memory({"a.jpg": b"x" * 10, "b.jpg": b"x" * 11, "none": b""}, bytes_max=10)
    assert bucket.open("a.jpg") == b"x" * 10
    assert bucket.open("none") == b""
    assert code_of(RefusedError, bucket.open, "b.jpg") == "photo.too_many_bytes"
    assert [stored.n_bytes for stored in bucket.list()] == [10, 11, 0]


@pytest.mark.parametrize(
    "place", ["c.jpg", "", "..", "../x", "a/../a.jpg", "a.jpg/", "/a.jpg", "."]
)
def test_what_is_no_key_is_not_opened(place):
    bucket = memory({"a.jpg": b"x"})
    assert code_of(UnavailableError, bucket.open, place) == "place.gone"


def test_an_empty_and_a_missing_folder():
    assert keys(memory({})) == []
    bucket = Bucket(MemoryFileSystem(), "/none", bytes_max=1)
    assert code_of(UnavailableError, keys, bucket) == "bucket.missing"


class ThrottlingError(Exception):
    """As a library's own error, which is no OSError."""


class NoCredentialsError(Exception):
    """As botocore's."""


@pytest.mark.parametrize(("raised", "code", "error"), [
    (PermissionError("AccessDenied"), "bucket.denied", RefusedError),
    (FileNotFoundError("NoSuchBucket"), "bucket.missing", UnavailableError),
    (OSError(errno.EBUSY, "SlowDown"), "bucket.busy", UnavailableError),
    (OSError(errno.EIO, "InternalError"), "bucket.unreachable", UnavailableError),
    (TimeoutError("RequestTimeout"), "bucket.unreachable", UnavailableError),
    (ThrottlingError("no secret of this text is shown"), "bucket.unreachable", UnavailableError),
    (NoCredentialsError(), "bucket.credentials", UnavailableError),
])  # fmt: skip
def test_errors_are_told_apart(raised, code, error):
    class Failing(MemoryFileSystem):
        cachable = False

        def ls(self, *_, **__):
            raise raised

        def open(self, *_, **__):
            raise raised

    bucket = Bucket(Failing(), "/a", bytes_max=1)
    assert code_of(error, keys, bucket) == code
    expected = "place.gone" if code == "bucket.missing" else code
    assert code_of(error, bucket.open, "x") == expected
    assert "secret" not in said_by(raised).message


def test_the_disk_as_a_bucket_does_not_follow_links_out_of_it(tmp_path):
    (tmp_path / "outside").write_bytes(b"secret")
    root = tmp_path / "root"
    (root / "sub").mkdir(parents=True)
    (root / "a.jpg").write_bytes(b"x")
    (root / "sub" / "b.jpg").write_bytes(b"y")
    (root / "link").symlink_to(tmp_path / "outside")
    (root / "folder").symlink_to(tmp_path)
    bucket = open_bucket(f"file://{root}", bytes_max=1000)
    assert [(s.place, s.problem) for s in bucket.list() if s.problem is None] == [
        ("a.jpg", None), ("sub/b.jpg", None),
    ]  # fmt: skip
    assert bucket.open("sub/b.jpg") == b"y"
    for place in ("link", "folder/outside", "../outside"):
        assert code_of(UnavailableError, bucket.open, place) == "place.gone"
    before = [s.changed for s in bucket.list()]
    os.utime(root / "a.jpg", ns=(1, 1))
    after = [s.changed for s in bucket.list()]
    assert [a == b for a, b in zip(before, after, strict=True)] == [False] + [True] * (
        len(after) - 1
    )


PARTS = st.text("ab-./é!", min_size=1, max_size=5).filter(lambda part: set(part) - {"/", "."})
KEYS = st.lists(PARTS, min_size=1, max_size=3).map("/".join)


@given(st.sets(KEYS, max_size=8), KEYS)
def test_the_order_is_that_of_utf8_and_a_listing_goes_on_where_it_ended(names, after):
    names = {name for name in names if not {"", ".", ".."} & set(name.split("/"))}
    # No file may be a folder, too, in fsspec's memory.
    names = {n for n in names if not any(o.startswith(n + "/") for o in names)}
    bucket = memory(dict.fromkeys(names, b"x"))
    expected = sorted(names, key=str.encode)
    assert keys(bucket) == expected
    assert keys(bucket, after) == [name for name in expected if name.encode() > after.encode()]


# --- S3 -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def s3():
    """A client of an S3 server on loopback."""
    pytest.importorskip("s3fs", reason="s3fs is an extra")
    boto3 = pytest.importorskip("boto3", reason="moto's server is for tests only")
    server = pytest.importorskip("moto.server", reason="moto's server is for tests only")
    pytest.importorskip("flask_cors", reason="moto's server is for tests only")
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    with pytest.MonkeyPatch.context() as patched:
        for name, value in {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
                            "AWS_DEFAULT_REGION": "us-east-1", "AWS_CONFIG_FILE": "/none",
                            "AWS_SHARED_CREDENTIALS_FILE": "/none", "AWS_MAX_ATTEMPTS": "1",
                            "AWS_EC2_METADATA_DISABLED": "true"}.items():  # fmt: skip
            patched.setenv(name, value)
        threaded = server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        threaded.start()
        host, port = threaded.get_host_and_port()
        patched.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        yield boto3.client("s3")
        threaded.stop()


@pytest.fixture
def photos(s3):
    """An S3 bucket of its own: its name."""
    name = f"photos-{uuid.uuid4().hex}"
    s3.create_bucket(Bucket=name)
    return name


def put(s3, name, **objects):
    for key, body in objects.items():
        s3.put_object(Bucket=name, Key=key, Body=body)


def test_s3_lists_in_the_order_of_the_server(s3, photos):
    names = ["a/x.jpg", "a-b/y", "a.jpg", "é.jpg", "z/w/v", "sp ace+%.jpg", "[a]*?.jpg", "a/b/c"]
    put(s3, photos, **{name: name.encode() for name in names})
    bucket = open_bucket(f"s3://{photos}", bytes_max=1000)
    served = [one["Key"] for one in s3.list_objects_v2(Bucket=photos)["Contents"]]
    assert keys(bucket) == served
    assert sorted(served) == sorted(names)
    assert [bucket.open(key) for key in served] == [key.encode() for key in served]
    assert keys(open_bucket(f"s3://{photos}/a", bytes_max=1)) == ["b/c", "x.jpg"]
    assert keys(bucket, after="a/b/c") == [key for key in served if key > "a/b/c"]


def test_s3_marks_change_with_the_object_and_only_then(s3, photos):
    put(s3, photos, a=b"1", b=b"2")
    bucket = open_bucket(f"s3://{photos}", bytes_max=1000)
    before = {one.place: one.changed for one in bucket.list()}
    put(s3, photos, a=b"3", b=b"2")
    after = {one.place: one.changed for one in bucket.list()}
    assert before["a"] != after["a"]
    assert before["b"] == after["b"]
    s3.delete_object(Bucket=photos, Key="a")
    assert keys(bucket) == ["b"]
    assert code_of(UnavailableError, bucket.open, "a") == "place.gone"


def test_s3_versions_are_told_and_deleted_objects_are_gone(s3, photos):
    s3.put_bucket_versioning(Bucket=photos, VersioningConfiguration={"Status": "Enabled"})
    put(s3, photos, a=b"1", b=b"2")
    put(s3, photos, a=b"3")
    s3.delete_object(Bucket=photos, Key="b")
    (one,) = open_bucket(f"s3://{photos}", bytes_max=1000, versions=True).list()
    assert one.place == "a"
    assert one.item.version == s3.head_object(Bucket=photos, Key="a")["VersionId"]
    assert open_bucket(f"s3://{photos}", bytes_max=1000, versions=True).open("a") == b"3"
    assert keys(open_bucket(f"s3://{photos}", bytes_max=1000)) == ["a"]


def test_s3_keys_that_mean_two_things_are_said_and_not_followed(s3, photos):
    put(s3, photos, **{"a//z": b"1", "a/": b"", "a/x": b"2", "q/../r": b"3", "a/./b": b"4"})
    bucket = open_bucket(f"s3://{photos}", bytes_max=1000)
    assert [(one.place, one.problem) for one in bucket.list()] == [
        ("a/./", "place.name"), ("a//", "place.name"), ("a/x", None), ("q/../", "place.name"),
    ]  # fmt: skip


def test_s3_objects_of_no_bytes_and_too_many(s3, photos):
    put(s3, photos, none=b"", large=b"x" * 11)
    bucket = open_bucket(f"s3://{photos}", bytes_max=10)
    assert bucket.open("none") == b""
    assert code_of(RefusedError, bucket.open, "large") == "photo.too_many_bytes"


def test_s3_more_objects_than_one_answer_holds(s3, photos):
    for n in range(1005):
        s3.put_object(Bucket=photos, Key=f"{n:04}", Body=b"")
    bucket = open_bucket(f"s3://{photos}", bytes_max=10)
    assert keys(bucket) == [f"{n:04}" for n in range(1005)]


def test_s3_without_bucket_or_credentials(s3, photos, monkeypatch):
    missing = open_bucket("s3://no-such-bucket-here", bytes_max=1)
    assert code_of(UnavailableError, keys, missing) == "bucket.missing"
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    bucket = open_bucket(f"s3://{photos}", bytes_max=1)
    assert code_of(UnavailableError, keys, bucket) == "bucket.credentials"


def test_s3_that_nobody_serves(s3, photos, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    bucket = open_bucket(f"s3://{photos}", bytes_max=1)
    assert code_of(UnavailableError, keys, bucket) == "bucket.unreachable"

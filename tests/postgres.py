"""A PostgreSQL server of the test process's own: in a temporary folder, on loopback, then gone."""

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

ACCOUNTS = ("postgres", "nobody")  # the server refuses to run as root


@dataclass(frozen=True)
class Server:
    """Where it listens, and the password of its only role."""

    port: int
    password: str

    def url(self, database: str) -> str:
        return f"postgresql://vultus:{self.password}@127.0.0.1:{self.port}/{database}"

    def create(self, database: str, *, template: str = "template0") -> None:
        """Make a database, as a copy of another when one is named."""
        self.run("CREATE DATABASE {} TEMPLATE {}", database, template)

    def drop(self, database: str) -> None:
        self.run("DROP DATABASE IF EXISTS {} WITH (FORCE)", database)

    def run(self, statement: str, *names: str) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


def binaries() -> Path:
    """The folder of initdb; without one the test is skipped, in CI it fails."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        say = pytest.fail if os.environ.get("CI") else pytest.skip
        say("needs PostgreSQL: apt-get install postgresql")
    return found[-1].parent


@contextmanager
def serving() -> Iterator[Server]:
    """A server with one role, `vultus`, who may create databases."""
    programs = binaries()
    folder = Path(tempfile.mkdtemp(prefix="vultus-postgres-"))
    server = Server(free_port(), secrets.token_hex(16))
    (folder / "password").write_text(server.password)
    try:
        account = unprivileged(folder)
        subprocess.run(
            [*account, programs / "initdb", "-D", folder / "data", "-U", "vultus", "--no-sync",
             "--auth=scram-sha-256", f"--pwfile={folder / 'password'}", "--encoding=UTF8",
             "--locale=C"],
            check=True, capture_output=True, cwd=folder,
        )  # fmt: skip
        process = subprocess.Popen(
            [*account, programs / "postgres", "-D", folder / "data", "-p", str(server.port),
             "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=",
             "-c", "fsync=off", "-c", "shared_buffers=16MB", "-c", "max_connections=20"],
            cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            wait_for(server, process)
            yield server
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(60)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def unprivileged(folder: Path) -> list[str]:
    """What runs a program as somebody who may not do all, who then owns the folder."""
    if os.geteuid() != 0:
        return []
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    account = next(known[name] for name in ACCOUNTS if name in known)
    for path in (folder, *folder.iterdir()):
        os.chown(path, account.pw_uid, account.pw_gid)
    # The server ends with the test process, also when that is killed.
    return [
        "setpriv", f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups",
        "--pdeathsig=INT",
    ]  # fmt: skip


def wait_for(server: Server, process: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        assert process.poll() is None, "PostgreSQL ended before it listened"
        try:
            server.run("SELECT 1")
        except psycopg.OperationalError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError("PostgreSQL did not begin to listen")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

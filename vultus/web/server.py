"""Serve the pages: granian, one worker process (it holds the index in memory), several threads."""

import ipaddress
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from vultus.actions.home import open_home
from vultus.errors import UnavailableError

N_THREADS = 8
STOP_SECONDS = 20  # a search that runs may end


def to_standard_error(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def serve(
    home_path: Path, host: str, port: int, *, say: Callable[[str], None] = to_standard_error
) -> NoReturn:
    """Listen until SIGINT or SIGTERM, then let running requests end; does not return.

    `say` is given the address. Raises UnavailableError `serve.address_in_use` and what opening
    the home raises. This process then becomes the server: one that has Django set up for the
    command line cannot serve pages.
    """
    open_home(home_path, os.environ).close()
    require_free(host, port)
    announce(host, port, say)
    sys.stdout.flush()
    sys.stderr.flush()
    program = [sys.executable, "-m", "vultus.web.server"]
    os.execv(sys.executable, [*program, str(home_path.absolute()), host, str(port)])  # noqa: S606 - our own interpreter, no shell


def listen(home_path: Path, host: str, port: int) -> None:
    """Run granian, whose one worker process opens the home."""
    from granian import Granian
    from granian.constants import HTTPModes, Interfaces
    from granian.log import LogLevels

    os.environ["VULTUS_HOME"] = str(home_path)
    Granian(
        "vultus.web.wsgi:application_from_environment",
        factory=True,
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        http=HTTPModes.http1,
        websockets=False,
        workers=1,
        blocking_threads=N_THREADS,
        workers_kill_timeout=STOP_SECONDS,
        log_level=LogLevels.error,
    ).serve()


def require_free(host: str, port: int) -> None:
    """Raises UnavailableError `serve.address_in_use` when nobody could listen there."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise UnavailableError(
            "serve.address_in_use",
            f"{host}:{port} cannot be listened on.",
            "Another server may run there: choose another --port, or another --host.",
        ) from error


def announce(host: str, port: int, say: Callable[[str], None]) -> None:
    shown = f"[{host}]" if ":" in host else host
    say(f"Vultus listens on http://{shown}:{port} (stop with Ctrl-C)")
    if not is_loopback(host):
        say(
            f"WARNING: other machines can reach {host}, and nothing that is sent is encrypted.\n"
            "Better: listen on 127.0.0.1 only, put a TLS proxy in front, and set web_over_tls\n"
            "and web_hosts in vultus.toml."
        )


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach `host`."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


if __name__ == "__main__":
    listen(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))

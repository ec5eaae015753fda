"""Serve the pages: granian, one process (it holds the index in memory), several threads."""

import ipaddress
import os
import sys
from pathlib import Path

from vultus.errors import UnavailableError

N_THREADS = 8
STOP_SECONDS = 20  # a search that runs may end


def serve(home_path: Path, host: str, port: int) -> None:
    """Listen until SIGINT or SIGTERM, then let running requests end.

    Prints the address on standard error. Raises UnavailableError `serve.address_in_use`.
    """
    import granian
    from granian.constants import HTTPModes, Interfaces
    from granian.errors import ConfigurationError

    os.environ["VULTUS_HOME"] = str(home_path.absolute())
    say(host, port)
    server = granian.Granian(
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
        log_level="warning",
        process_name="vultus",
    )
    try:
        server.serve()
    except (ConfigurationError, OSError) as error:
        raise UnavailableError(
            "serve.address_in_use", f"{host}:{port} cannot be listened on.", "Choose another port."
        ) from error


def say(host: str, port: int) -> None:
    shown = f"[{host}]" if ":" in host else host
    print(f"Vultus listens on http://{shown}:{port} (stop with Ctrl-C)", file=sys.stderr)
    if not is_loopback(host):
        print(
            f"WARNING: {host} is reachable from other machines, and what is sent is not encrypted.\n"
            "Put a TLS proxy in front, let Vultus listen on 127.0.0.1 only, and set web_over_tls\n"
            "and web_hosts in vultus.toml.",
            file=sys.stderr,
            flush=True,
        )


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach `host`."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False

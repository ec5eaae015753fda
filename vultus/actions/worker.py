"""A worker of a visit: its name, the lock that says that it lives, and its leases afterwards."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vultus.actions.lock import held
from vultus.records.models import FrontierHost

FOLDER = "workers"


@contextmanager
def working(home_path: Path) -> Iterator[str]:
    """The name of a worker, which lives for as long as this does, however it ends."""
    folder = home_path / FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    free_leases_of_the_dead(home_path)
    name = secrets.token_hex(16)
    path = folder / f"{name}.lock"
    with held(path, wait=True):
        try:
            yield name
        finally:
            path.unlink(missing_ok=True)


def free_leases_of_the_dead(home_path: Path) -> None:
    """Workers of this machine whose lock is free have ended: their hosts are anybody's again.

    Those of other machines are known by the end of their leases.
    """
    for path in (home_path / FOLDER).glob("*.lock"):
        with held(path) as free:
            if free:
                mine = FrontierHost.objects.filter(leased_by=path.stem)
                mine.update(leased_by="", leased_until=None)
                path.unlink(missing_ok=True)

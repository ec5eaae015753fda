"""The application that the server runs: opens the one home named by VULTUS_HOME."""

import atexit
import contextlib
import os
import threading
from importlib import import_module
from pathlib import Path
from typing import Any

from django.core.wsgi import get_wsgi_application
from whitenoise import WhiteNoise

from vultus.actions.home import Home, open_home
from vultus.settings import load_settings
from vultus.web.config import STATIC, django_settings
from vultus.web.csp import static_headers


def make_application(home_path: Path) -> Any:  # noqa: ANN401 - a WSGI application
    """Open the home and put the pages and their static files in front of it."""
    settings = load_settings(home_path, os.environ)
    home = open_home(home_path, os.environ, django=django_settings(settings))
    atexit.register(home.close)
    # Models, and what uses them, can be imported only now.
    from vultus.web.session import serve_home

    serve_home(home)
    threading.Thread(target=warm_up, args=(home,), daemon=True).start()
    import_module("vultus.web.urls")  # a mistake in a page stops the start, not a reader
    # Revalidated each time: a new release must not run with an old script.
    return WhiteNoise(
        get_wsgi_application(),
        root=str(STATIC),
        prefix="static/",
        max_age=0,
        allow_all_origins=False,
        add_headers_function=static_headers,
    )


def warm_up(home: Home) -> None:
    """Load the index while nobody waits yet; what fails here is told to who searches."""
    from django.db import connection

    from vultus.actions.index import warm

    with contextlib.suppress(Exception):
        warm(home)
    connection.close()


def application_from_environment() -> Any:  # noqa: ANN401 - a WSGI application
    return make_application(Path(os.environ["VULTUS_HOME"]))

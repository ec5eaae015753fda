"""Fixtures that all tests may use."""

import os

# The browser's driver keeps an event loop in its process; Django takes that for a mistake.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")

from homes import (  # noqa: F401 - pytest finds fixtures by their names here
    done,
    filled,
    home,
    photos,
    readers,
    server,
    templates,
    vultus,
)

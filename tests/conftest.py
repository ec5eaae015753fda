"""Fixtures that all tests may use."""

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

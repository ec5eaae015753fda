"""Fixtures that all tests may use; and no test asserts on time, so hypothesis does not either."""

import os

# The browser's driver keeps an event loop in its process; Django takes that for a mistake.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")

import hypothesis
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

hypothesis.settings.register_profile(
    "no_clock", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("no_clock")

"""What every page shows around its own: theme, language, account, the state of the log."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from vultus.actions.audit import checkpoint
from vultus.errors import VultusError
from vultus.web.config import LANGUAGES, THEMES
from vultus.web.session import the_home

THEME_COOKIE = "vultus_theme"


def frame(request: HttpRequest) -> dict[str, Any]:
    """A template context processor."""
    theme = request.COOKIES.get(THEME_COOKIE)
    user = getattr(request, "user", None)  # absent when a request ended before the log-in
    account = user if user is not None and user.is_authenticated else None
    here = request.get_full_path() if request.method == "GET" else "/"
    return {
        "theme": theme if theme in THEMES else "dark",
        "themes": THEMES,
        "languages": LANGUAGES,
        "account": account,
        "here": here,
        "photo_mib_max": (settings.FILE_UPLOAD_MAX_MEMORY_SIZE) // 2**20,
        "log_state": SimpleLazyObject(log_state) if account else None,
    }


def log_state() -> dict[str, Any]:
    """Size and time of the last checkpoint; empty where the log cannot be read just now."""
    try:
        size, time = checkpoint(the_home())
    except VultusError:
        return {}
    return {"size": size, "time": time}

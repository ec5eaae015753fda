"""The Django settings that only the pages need, beside those of the database."""

from pathlib import Path
from typing import Any

from django.utils.translation import gettext_lazy as _

from vultus.settings import Settings

HERE = Path(__file__).parent
STATIC = HERE / "static"
LANGUAGES = [("en", "English"), ("fr", "Français"), ("nl", "Nederlands")]
SESSION_SECONDS = 8 * 3600
# What a form may hold beside a photo: its texts, and the multipart headers around the file.
FORM_BYTES_MAX = 64 * 1024
SESSIONS_MAX = 10_000


def django_settings(settings: Settings) -> dict[str, Any]:
    """Settings for `open_home(..., django=...)`.

    Sessions live in the memory of the one server process: a stolen disk holds none, and a
    restart ends them all. Neither sessions nor accounts need tables of Django's own apps.
    """
    return {
        "ROOT_URLCONF": "vultus.web.urls",
        "ALLOWED_HOSTS": list(settings.web_hosts),
        "APPEND_SLASH": False,
        "MIDDLEWARE": [
            "vultus.web.csp.HeadersMiddleware",
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.locale.LocaleMiddleware",
            "vultus.web.limits.LengthMiddleware",
            "django.middleware.common.CommonMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "vultus.web.session.LogInMiddleware",
            "vultus.web.problem.ProblemMiddleware",
        ],
        "TEMPLATES": [template_settings()],
        **session_settings(settings),
        **upload_settings(settings),
        **language_settings(),
        "LOGGING": LOGGING,
    }


def template_settings() -> dict[str, Any]:
    return {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [str(HERE / "pages")],
        "OPTIONS": {
            "context_processors": ["vultus.web.frame.frame"],
            "libraries": {"words": "vultus.web.tags"},
            "builtins": ["django.templatetags.i18n", "vultus.web.tags"],
        },
    }


def session_settings(settings: Settings) -> dict[str, Any]:
    secure = settings.web_over_tls
    tls = {"SECURE_PROXY_SSL_HEADER": ("HTTP_X_FORWARDED_PROTO", "https")}
    return {
        "AUTHENTICATION_BACKENDS": ["vultus.web.session.AccountBackend"],
        "LOGIN_URL": "log_in",
        "SESSION_ENGINE": "django.contrib.sessions.backends.cache",
        "CACHES": {
            "default": {
                "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
                "OPTIONS": {"MAX_ENTRIES": SESSIONS_MAX},
            }
        },
        "SESSION_COOKIE_NAME": "vultus_session",
        "SESSION_COOKIE_AGE": SESSION_SECONDS,
        "SESSION_EXPIRE_AT_BROWSER_CLOSE": True,
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Strict",
        "SESSION_COOKIE_SECURE": secure,
        "CSRF_COOKIE_NAME": "vultus_csrf",
        "CSRF_COOKIE_HTTPONLY": True,
        "CSRF_COOKIE_SAMESITE": "Strict",
        "CSRF_COOKIE_SECURE": secure,
        "CSRF_FAILURE_VIEW": "vultus.web.problem.csrf_failed",
        **(tls if secure else {}),
    }


def upload_settings(settings: Settings) -> dict[str, Any]:
    """A probe photo stays in memory: no handler here can write a temporary file."""
    return {
        "FILE_UPLOAD_HANDLERS": ["django.core.files.uploadhandler.MemoryFileUploadHandler"],
        "FILE_UPLOAD_MAX_MEMORY_SIZE": settings.photo_bytes_max + FORM_BYTES_MAX,
        "DATA_UPLOAD_MAX_MEMORY_SIZE": FORM_BYTES_MAX,
        "DATA_UPLOAD_MAX_NUMBER_FIELDS": 500,
        "DATA_UPLOAD_MAX_NUMBER_FILES": 1,
    }


def language_settings() -> dict[str, Any]:
    return {
        "USE_I18N": True,
        "LANGUAGE_CODE": "en",
        "LANGUAGES": LANGUAGES,
        "LOCALE_PATHS": [str(HERE / "locale")],
        "LANGUAGE_COOKIE_NAME": "vultus_language",
        "LANGUAGE_COOKIE_AGE": 365 * 24 * 3600,
        "LANGUAGE_COOKIE_HTTPONLY": True,
        "LANGUAGE_COOKIE_SAMESITE": "Strict",
    }


LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "loggers": {
        "vultus.web": {"handlers": ["stderr"], "level": "INFO", "propagate": False},
        # Django's own lines would name paths with case numbers at each 404.
        "django": {"handlers": ["stderr"], "level": "CRITICAL", "propagate": False},
    },
}

THEMES = {"dark": _("Dark"), "light": _("Light"), "system": _("As the system")}

"""Settings for the type checker alone: it needs to know the account model."""

from pathlib import Path

from vultus.settings import Settings
from vultus.web.config import django_settings

globals().update(django_settings(Settings()))
SECRET_KEY = "only for the type checker"  # noqa: S105 - never served
HERE = Path(__file__).parent
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "vultus.records.apps.RecordsConfig",
]
AUTH_USER_MODEL = "records.Account"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

"""The Django app that holds every record."""

from django.apps import AppConfig


class RecordsConfig(AppConfig):
    name = "vultus.records"
    label = "records"

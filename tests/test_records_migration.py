"""Migrations: none is missing, and both databases have what the models say."""

import io

import pytest
from homes import BOTH, CASE_TEXTS, reopen, require_clean

from vultus.actions.home import local_account

both = pytest.mark.parametrize("home", BOTH, indirect=True)


def command(*arguments, **options):
    from django.core.management import call_command

    out = io.StringIO()
    call_command(*arguments, stdout=out, **options)
    return out.getvalue()


@both
def test_no_migration_is_missing(home):
    command("makemigrations", "--check", "--dry-run", verbosity=0)


@both
def test_a_new_home_has_every_migration(home):
    shown = command("showmigrations", "--plan")
    assert "[X]  records.0001_first" in shown
    assert "[ ]" not in shown
    assert command("migrate", verbosity=1).count("No migrations to apply") == 1


@both
def test_every_table_and_column_is_there(home):
    from django.apps import apps
    from django.db import connection

    models = apps.get_app_config("records").get_models()
    tables = connection.introspection.table_names()
    with connection.cursor() as cursor:
        for model in models:
            assert model._meta.db_table in tables
            described = connection.introspection.get_table_description(cursor, model._meta.db_table)
            assert {column.name for column in described} == {
                field.column for field in model._meta.concrete_fields
            }


@both
def test_migrating_again_keeps_the_rows(home):
    from vultus.actions.case import list_cases, open_case

    actor = local_account(home)
    case = open_case(home, actor, **CASE_TEXTS)
    command("migrate", verbosity=0)
    assert list_cases(home, actor) == [case]
    require_clean(home)


@pytest.mark.parametrize("filled", BOTH, indirect=True)
def test_a_home_of_an_earlier_version_is_brought_up_to_date_when_it_is_opened(filled):
    from vultus.actions.photo import list_photos
    from vultus.records.models import Segment

    held = list(list_photos(filled, local_account(filled)))
    command("migrate", "records", "0001", verbosity=0)
    assert "segment" not in " ".join(tables())
    again = reopen(filled)
    assert "records_segment" in tables()
    assert Segment.objects.count() == 0
    assert list(list_photos(again, local_account(again))) == held
    require_clean(again)


def tables():
    from django.db import connection

    return connection.introspection.table_names()


@both
def test_a_home_of_a_later_version_is_refused(home, vultus):
    from django.db.migrations.recorder import MigrationRecorder

    later = MigrationRecorder.Migration.objects.create(app="records", name="9999_later")
    said = vultus("case", "list", "--json", home=home)
    assert (said.code, said.error) == (5, "home.newer")
    later.delete()
    assert vultus("case", "list", home=home).code == 0


@both
def test_numbers_are_not_limited_to_32_bits(home):
    """Where a table counts entries, photos or references."""
    from django.apps import apps
    from django.db import models

    for model in apps.get_app_config("records").get_models():
        key = model._meta.pk
        while key.remote_field:
            key = key.target_field
        small = isinstance(key, models.IntegerField) and not isinstance(key, models.BigIntegerField)
        assert not small or model.__name__ in {"Home", "LogState"}, model


def test_what_is_personal_is_sealed_or_blind(home):
    """The columns of the catalogue that are text: each is named here with what it holds."""
    from django.apps import apps
    from django.db import models

    plain = {
        f"{model.__name__}.{field.name}"
        for model in apps.get_app_config("records").get_models()
        for field in model._meta.concrete_fields
        if isinstance(field, models.CharField | models.TextField | models.JSONField)
    }
    assert plain == {
        "Account.password",  # argon2
        "Account.kind",
        "Entry.kind",
        "FrontierHost.leased_by",  # random
        "FrontierUrl.role",
        "Home.verifier_key",  # public
        "LogState.checkpoint",  # public
        "Photo.decision",
        "Photo.reason",  # a stable code
        "Reference.model",
        "Segment.model",
        "Segment.name",  # random
        "Sequence.name",
        "Sighting.changed_ns",  # two times
        "Source.kind",
    }

"""The gallery: kept while nothing changes, and never out of date; what its scores mean."""

import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from homes import BOTH, N_PEOPLE, N_PHOTOS, add_folder, fill_folder, portrait, visit

from vultus.actions.home import local_account

both = pytest.mark.parametrize("filled", BOTH, indirect=True)


def plainly(collection, home):
    """References that may be searched, as one plain question to the database."""
    from django.db.models import Q

    from vultus.actions.case import today
    from vultus.actions.source import find_collection
    from vultus.records.models import Reference, Source

    sources = Source.objects.filter(Q(expires__isnull=True) | Q(expires__gte=today()))
    if collection is not None:
        sources = sources.filter(collection=find_collection(home, collection))
    rows = Reference.objects.filter(photo__sightings__source__in=sources).distinct()
    return sorted(rows.values_list("id", "photo_id"))


def require_current(home, *collections):
    """What is kept in memory is what the database holds; returns how many references that is."""
    from vultus.actions.gallery import open_gallery

    for collection in (None, *collections):
        expected = plainly(collection, home)
        for asked in (home, replace(home, held=None)):
            opened = open_gallery(asked, collection)
            assert list(zip(opened.ids, opened.photo_ids, strict=True)) == expected
            assert opened.n_photos == len({photo for _, photo in expected})
            assert opened.answer().n_references == len(expected)
    return len(plainly(None, home))


@both
def test_a_gallery_is_never_out_of_date(filled, photos):
    from vultus.actions.erase import erase
    from vultus.records.models import Source

    actor, n = local_account(filled), N_PEOPLE * N_PHOTOS
    assert require_current(filled, "Nobody") == n
    made = fill_folder(photos, 1, N_PHOTOS + 2)  # of which N_PHOTOS are held already
    add_folder(filled, photos, "more", collection="Other")
    assert require_current(filled, "Nobody", "Other") == n
    visit(filled)
    assert require_current(filled, "Nobody", "Other") == n + 2
    shutil.copy(portrait(1), made[0])  # another photo that is held, where one was
    visit(filled)
    require_current(filled, "Nobody", "Other")
    made[1].unlink()
    visit(filled)
    require_current(filled, "Nobody", "Other")
    visit(filled, revisit=True)
    require_current(filled, "Nobody", "Other")
    Source.objects.filter(id=1).update(expires=datetime.now(UTC).date() - timedelta(days=1))
    assert require_current(filled, "Nobody", "Other") == N_PHOTOS + 1
    erase(filled, actor, reference=plainly("Other", filled)[0][0])
    assert require_current(filled, "Nobody", "Other") == N_PHOTOS
    Source.objects.filter(id=1).update(expires=None)
    require_current(filled, "Nobody", "Other")
    other = replace(filled, held=None, index=None)  # as another process would
    erase(other, actor, source="more")
    require_current(filled, "Nobody")
    erase(other, actor, source="portraits")
    assert require_current(filled) == 0


def test_a_gallery_is_kept_while_nothing_changes(filled):
    from test_actions_search import probe_of, search

    from vultus.actions.gallery import open_gallery

    first = open_gallery(filled, None)
    search(filled, probe_of(0))
    assert open_gallery(filled, None) is first
    assert open_gallery(filled, "Nobody") is first  # the same sources


@both
def test_a_large_gallery_is_calibrated_on_some_of_it_drawn_by_its_own_seed(filled, monkeypatch):
    from vultus.actions import gallery
    from vultus.records.models import Calibration

    opened = gallery.open_gallery(filled, None)
    whole = gallery.fit(filled, opened, "sface-2021dec")
    assert (whole.n_references, whole.n_sampled) == (36, 32)  # without the worst tenth
    monkeypatch.setattr(gallery, "MAX_SAMPLED", 9)
    some = gallery.fit(filled, opened, "sface-2021dec")
    assert (some.n_references, some.n_sampled) == (36, 9)
    assert some == gallery.fit(filled, opened, "sface-2021dec")
    assert gallery.calibration_of(filled, opened, "sface-2021dec") == some
    assert Calibration.objects.count() == 1

"""The index's files, killed at any moment: what is held is searched, what is gone opens no more."""

import random
import secrets

import pytest
from homes import (
    BOTH,
    N_PEOPLE,
    add_folder,
    fill_folder,
    reopen,
    require_clean,
)
from test_actions_crash import EVENTS_MAX, run, verified
from test_actions_index import N, cut, require_same, rows

both = pytest.mark.parametrize("filled", BOTH, indirect=True)


def copies(home):
    """name -> bytes of every segment's file, as somebody may have copied them."""
    return {path.stem: path.read_bytes() for path in (home.path / "index").glob("*.segment")}


def readable(home, copied):
    """The references that copies of files show to who has the database and the key file now."""
    import numpy as np

    from vultus.errors import IntegrityError
    from vultus.index import Segment
    from vultus.records.keyring import SegmentKeys

    shown = set()
    for name, data in copied.items():
        path = home.path.parent / f"{name}.copy"
        path.write_bytes(data)
        try:
            segment = Segment.open(path, cipher=SegmentKeys(home.vault).cipher(name))
        except IntegrityError:
            continue
        segment.rows_at(np.arange(segment.n))
        shown |= set(segment.ids.tolist())
        segment.close()
    return shown


def receipts(home):
    return sorted(path.name for path in (home.path / "receipts").iterdir())


def kills(home, *arguments, n):
    """Events at which to kill: some by chance, and none at last."""
    total = EVENTS_MAX + int(run(home, EVENTS_MAX, *arguments).stdout)
    rng = random.Random(secrets.randbits(32))
    return [*sorted(rng.sample(range(1, int(0.7 * total)), n)), 0]


@both
def test_an_erasure_that_is_killed_destroys_the_key_before_there_is_a_receipt(filled):
    """Each erases another reference of one segment, and is killed later than the one before."""
    home = cut(filled)
    numbers = iter(next(iter(rows().values())))
    held, erased = N - 1, [next(numbers)]
    for n in kills(home, "erase", "reference", erased[0], n=4):
        before, copied = receipts(home), copies(home)
        erased.append(next(numbers))
        done = run(home, n, "erase", "reference", erased[-1]).returncode == 0
        home = verified(home)
        stays = exists(erased[-1])
        held -= not stays
        if len(receipts(home)) > len(before):
            assert not stays
            assert erased[-1] not in readable(home, copied)
        assert not (done and stays)
        assert require_same(reopen(home)) == held  # what is begun is finished when it is opened
        assert not {number for number in erased if not exists(number)} & readable(home, copied)
    require_clean(home)
    assert len(receipts(home)) == N - held


def exists(number):
    from vultus.records.models import Reference

    return Reference.objects.filter(pk=number).exists()


@both
def test_a_killed_erasure_gets_its_receipt_only_with_the_key_destroyed(filled):
    """It is doctor who writes the receipt then, and who finishes the rest first."""
    home = cut(filled)
    copied = copies(home)
    gone = rows()[next(iter(copied))][0]
    from vultus.records.models import Reference, Segment
    from vultus.records.segment import mark_stale

    # As after a kill right behind the commit: the rest was not begun.
    mark_stale(Reference.objects.filter(pk=gone))
    assert Segment.objects.filter(stale=True).count() == 1
    assert gone in readable(home, copied)
    from django.db import transaction

    from vultus.actions import erase
    from vultus.actions.home import local_account

    with transaction.atomic():
        home.log.hold()
        erase.erase_reference(home, local_account(home), gone)
    require_clean(reopen(home))
    assert len(receipts(home)) == 1
    assert gone not in readable(home, copied)
    assert Segment.objects.filter(stale=True).count() == 0


@both
def test_writing_that_is_killed_loses_nothing(filled):
    from vultus.actions.segment import drop

    home = cut(filled)
    drop(home, list(rows()))
    for n in kills(home, "compact", n=4):
        drop(home, list(rows())[1:])
        status = run(home, n, "compact").returncode
        assert status == (-9 if n else 0)
        home = verified(home)
        assert require_same(reopen(home)) == N
    assert sum(map(len, rows().values())) == N
    require_clean(home)


@pytest.mark.slow
def test_a_visit_that_is_killed_while_it_writes_segments(filled, photos):
    home = cut(filled, 4)
    made = fill_folder(photos, 2, 4, first=N_PEOPLE)
    add_folder(home, photos)
    total = EVENTS_MAX + int(run(home, EVENTS_MAX, "ingest").stdout)
    rng = random.Random(secrets.randbits(32))
    for path in (*made[:3], None):
        if path is not None:
            path.unlink()  # of the segments that hold it, one is written anew at the end
        run(home, rng.randint(total // 2, total) if path is not None else 0, "ingest")
        home = verified(home)
        require_same(reopen(home))
    assert require_same(home) == N + 8 - 3
    require_clean(home)

"""Many photos in processes that may die: in order, none lost, each failure named and alone."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hostile import HostileFile, make_hostile_files, picture, saved
from portraits import portrait_photos

from vultus.errors import InputError, UnavailableError, VultusError
from vultus.faces.pool import WINDOW, ReaderPool
from vultus.faces.reading import Reading

RNG = np.random.default_rng(11)
PICTURE = saved(picture(RNG), "PNG")
REPOSITORY = Path(__file__).resolve().parent.parent


def outcome(result: Reading | VultusError) -> str:
    return result.code if isinstance(result, VultusError) else "read"


@pytest.fixture(scope="module")
def pool():
    with ReaderPool(2) as opened:
        yield opened


@pytest.fixture
def lone():
    """A pool of one worker that is ready."""
    with ReaderPool(1) as opened:
        assert outcome(next(iter(opened.read_many([(0, PICTURE)])))[1]) == "read"
        yield opened


@pytest.fixture(scope="module")
def hostile(tmp_path_factory) -> list[HostileFile]:
    return make_hostile_files(tmp_path_factory.mktemp("hostile") / "files", 4)


def test_hostile_files_give_named_reasons_and_kill_nobody(pool, hostile) -> None:
    assert len(hostile) >= 300
    results = list(pool.read_many((file, file.path) for file in hostile))
    assert [file for file, _ in results] == hostile
    wrong = [(f.path.name, outcome(r)) for f, r in results if outcome(r) not in f.expected]
    assert not wrong
    assert all(r.message and r.hint for _, r in results if isinstance(r, VultusError))


def test_here_and_in_processes_photos_read_the_same(pool) -> None:
    paths = portrait_photos()[:6]
    with ReaderPool(0) as here:
        expected = list(here.read_many((path, path) for path in paths))
    for (key, ours), (path, theirs) in zip(
        pool.read_many((path, path.read_bytes()) for path in paths), expected, strict=True
    ):
        assert key == path
        assert isinstance(ours, Reading)
        assert isinstance(theirs, Reading)
        assert (ours.sha256, ours.n_bytes, ours.format) == (
            theirs.sha256, theirs.n_bytes, theirs.format,
        )  # fmt: skip
        assert len(ours.faces) == len(ours.crops) == 1
        assert ours.crops[0].jpeg == theirs.crops[0].jpeg
        vectors = [each.faces[0].template.vector for each in (ours, theirs)]
        np.testing.assert_allclose(*vectors, atol=1e-6)


def test_results_keep_the_order_of_slow_and_fast_photos(pool) -> None:
    slow = saved(picture(RNG, 2500, 2000), "JPEG")
    items = [(number, slow if number % 5 == 0 else PICTURE) for number in range(20)]
    assert [key for key, _ in pool.read_many(items)] == list(range(20))


def test_what_is_taken_in_ahead_is_bounded(pool) -> None:
    taken = 0

    def items():
        nonlocal taken
        for number in range(300):
            taken += 1
            yield number, b"no photo"

    for key, _ in pool.read_many(items()):
        assert taken <= key + 1 + WINDOW * pool.n_workers


def test_large_photos_given_as_bytes_do_not_block(lone) -> None:
    large = saved(picture(RNG, 3000, 2200), "BMP")
    assert [outcome(r) for _, r in lone.read_many((n, large) for n in range(5))] == ["read"] * 5


def test_a_killed_worker_loses_only_its_photo(lone) -> None:
    """The worker is stopped before it can begin, then killed with two photos lying with it."""
    process = lone._workers[0].process
    process.send_signal(signal.SIGSTOP)

    def items():
        yield from ((number, PICTURE) for number in range(2))
        process.kill()
        yield from ((number, PICTURE) for number in range(2, 8))

    results = list(lone.read_many(items()))
    assert [key for key, _ in results] == list(range(8))
    assert [outcome(result) for _, result in results] == ["photo.crashed_decoder"] + ["read"] * 7
    assert isinstance(results[0][1], InputError)
    assert lone._workers[0].process is not process


def test_a_worker_killed_again_and_again_loses_a_photo_each_time(lone) -> None:
    results = []
    for key, result in lone.read_many((number, PICTURE) for number in range(12)):
        results.append((key, outcome(result)))
        if key % 4 == 0:
            lone._workers[0].process.kill()
    assert [key for key, _ in results] == list(range(12))
    lost = [code for _, code in results if code != "read"]
    assert set(lost) <= {"photo.crashed_decoder"}
    assert len(lost) <= 3


def test_a_photo_that_takes_too_long_ends_by_the_workers_own_alarm() -> None:
    """The slow photo needs several times the limit, the others a small part of it."""
    slow = saved(picture(RNG, 6000, 5000), "JPEG")
    with ReaderPool(1, seconds_max=0.5) as pool:
        results = list(pool.read_many([(0, b"no photo"), (1, slow), (2, b"no photo")]))
    assert [outcome(result) for _, result in results] == [
        "photo.not_a_photo", "photo.took_too_long", "photo.not_a_photo",
    ]  # fmt: skip


def test_a_worker_that_does_not_even_die_is_killed(lone, monkeypatch) -> None:
    """A stopped process gets no alarm: the pool's own patience ends it."""
    monkeypatch.setattr("vultus.faces.pool.GRACE", 0.5)
    with ReaderPool(1, seconds_max=0.5) as pool:
        assert outcome(next(iter(pool.read_many([(0, b"no photo")])))[1]) == "photo.not_a_photo"
        pool._workers[0].process.send_signal(signal.SIGSTOP)
        results = list(pool.read_many([(0, b"no photo"), (1, b"no photo")]))
    assert [outcome(r) for _, r in results] == ["photo.took_too_long", "photo.not_a_photo"]


def test_reading_may_be_left_off_and_begun_again(pool) -> None:
    for key, _ in pool.read_many((number, PICTURE) for number in range(100)):
        if key == 3:
            break
    again = list(pool.read_many((str(number), b"no photo") for number in range(5)))
    assert again[0][0] == "0"
    assert [outcome(result) for _, result in again] == ["photo.not_a_photo"] * 5


def test_two_readings_at_once_are_refused(pool) -> None:
    first = pool.read_many((number, PICTURE) for number in range(5))
    next(first)
    with pytest.raises(ValueError, match="reads nothing else"):
        next(iter(pool.read_many([(0, PICTURE)])))
    first.close()


def test_limits_are_passed_on() -> None:
    with ReaderPool(1, max_bytes=1000, max_pixels=50) as pool:
        small = saved(picture(RNG, 8, 8), "PNG")
        results = pool.read_many([(0, PICTURE), (1, small)])
        assert [outcome(r) for _, r in results] == [
            "photo.too_many_bytes", "photo.too_many_pixels",
        ]  # fmt: skip


@pytest.mark.parametrize("wrong", [{"n_workers": -1}, {"seconds_max": 0}])
def test_wrong_limits_are_refused(wrong) -> None:
    with pytest.raises(ValueError, match="expected"):
        ReaderPool(**wrong)


def test_processes_that_cannot_start_are_named(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with ReaderPool(1) as pool, pytest.raises(UnavailableError) as caught:
        list(pool.read_many([(0, PICTURE)]))
    assert caught.value.code == "photo.no_reader"


def test_closing_ends_the_processes() -> None:
    with ReaderPool(2) as pool:
        processes = [worker.process for worker in pool._workers]
        list(pool.read_many([(0, PICTURE)]))
    assert all(process.poll() is not None for process in processes)


def test_a_parent_killed_with_nine_takes_its_workers_with_it(tmp_path) -> None:
    program = (
        "import time\n"
        "from vultus.faces.pool import ReaderPool\n"
        "with ReaderPool(2) as pool:\n"
        "    list(pool.read_many([(0, b'no photo'), (1, b'no photo')]))\n"
        "    print(*[worker.process.pid for worker in pool._workers], flush=True)\n"
        "    time.sleep(600)\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )  # fmt: skip
    with parent:
        pids = [int(pid) for pid in parent.stdout.readline().split()]
        parent.kill()
    assert len(pids) == 2
    for _ in range(600):
        if not any(alive(pid) for pid in pids):
            return
        time.sleep(0.05)
    pytest.fail("workers outlived their parent")


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_a_worker_has_no_way_to_leave_the_photo_on_disk(lone) -> None:
    """No core file may be written of a process that holds photos."""
    limits = Path(f"/proc/{lone._workers[0].process.pid}/limits").read_text()
    (core,) = [line for line in limits.splitlines() if line.startswith("Max core file size")]
    assert core.split()[4:6] == ["0", "0"]

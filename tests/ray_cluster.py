"""Ray for the tests: several small nodes on this machine, nothing outside it."""

import contextlib
import os
import signal
import threading
import time
from pathlib import Path

import pytest

ray = pytest.importorskip("ray", reason="needs the extra: pip install 'vultus[cluster]'")
pytest.importorskip("fsspec", reason="needs the extra: pip install 'vultus[cluster]'")

from ray.cluster_utils import Cluster  # noqa: E402

REPOSITORY = Path(__file__).resolve().parent.parent
# What the nodes import: this checkout, and the tests' own keyrings.
PATHS = [str(REPOSITORY), str(REPOSITORY / "tests"), os.environ.get("PYTHONPATH")]
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, PATHS))
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
STORE_BYTES = 80 * 2**20
NODE = {"num_cpus": 8, "memory": 4 * 2**30, "object_store_memory": STORE_BYTES}


def start(n_nodes):
    """A cluster of a head that has no cores and `n_nodes` nodes, this process connected to it."""
    head = {"num_cpus": 0, "object_store_memory": STORE_BYTES, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    for _ in range(n_nodes):
        cluster.add_node(**NODE)
    ray.init(address=cluster.address, log_to_driver=False, logging_level="ERROR")
    return cluster


def stop(cluster):
    ray.shutdown()
    cluster.shutdown()


def pid(shard):
    """The process of a shard, which tells it to nobody but Ray."""
    return ray.get(shard.actor.__ray_call__.remote(lambda _: os.getpid()))


class Stopped:
    """Processes that are held up and go on at the end: alive for Ray, and silent."""

    def __init__(self, *pids):
        self.pids = pids

    def __enter__(self):
        for each in self.pids:
            os.kill(each, signal.SIGSTOP)
        return self

    def __exit__(self, *_):
        for each in self.pids:
            with contextlib.suppress(ProcessLookupError):  # it was replaced meanwhile
                os.kill(each, signal.SIGCONT)


class Searching:
    """Searches in threads until it is left; then `answers` are all there were, in order."""

    def __init__(self, search, n_threads=2):
        self.search, self.answers, self.errors = search, [], []
        self.ending = threading.Event()
        self.threads = [threading.Thread(target=self.run) for _ in range(n_threads)]

    def run(self):
        try:
            while not self.ending.is_set():
                self.answers.append(self.search())
        except BaseException as error:  # noqa: BLE001 raised again at the end
            self.errors.append(error)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.ending.set()
        for thread in self.threads:
            thread.join()
        assert not self.errors, self.errors


def until(true, seconds=180.0):
    """Wait for a state; the limit only ends a test that would never end."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "this did not come about"
        time.sleep(0.05)

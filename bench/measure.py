"""What a process with one or more threads measures of the peers that it opened."""

import json
import os
import time

import numpy as np
from judge import complete_from, exact, recall
from ours import Vultus, VultusAlone
from peers import Peer
from turns import N_TIMED, THRESHOLD, K, Work, answers, found_by, in_turns

ENOUGH = 0.999  # of the mates at or above 0.40


def tune(work: Work, peer: Peer, patience: float) -> list[dict]:
    """Every setting up to the first that returns enough of the mates, with its recall."""
    exactly = work.given()
    floor = complete_from(exactly, K, THRESHOLD if peer.exact_range else None)
    tried = []
    for setting in peer.effort:
        peer.use(setting)
        begin = time.perf_counter()
        lists = found_by(peer, work.probes[:500], patience, answers)
        took = time.perf_counter() - begin
        share = recall(lists, exactly, floor)
        tried.append({"setting": setting, "ms": 1000 * took / len(lists)} | share)
        if share["mates_040"] >= ENOUGH:
            break
    return tried


def chosen(tried: list[dict]):
    return max(tried, key=lambda row: row["mates_040"])["setting"]


def at_or_above(threshold):
    return lambda peer, probe: peer.at_or_above(probe, threshold)


def recalls(work, peer, patience) -> dict:
    """Of the timed question, and of "all at or above" where the peer can be asked that."""
    judged = {"": work.given()}
    if isinstance(peer, Vultus):
        judged = {"": work.stored(), "_of_given": judged[""]}
    lists = found_by(peer, work.probes, patience, answers)
    ranges = {}
    if peer.exact_range:
        ranges = {
            t: found_by(peer, work.probes, patience / 2, at_or_above(t)) for t in (0.40, 0.55)
        }
    row = {}
    for suffix, exactly in judged.items():
        floor = complete_from(exactly, K, THRESHOLD if peer.exact_range else None)
        row["recall" + suffix] = recall(lists, exactly, floor)
        for t, found in ranges.items():
            row[f"recall_at_or_above_{t:.2f}{suffix}"] = recall(
                found, exactly, np.full(len(work.probes), t)
            )
    return row


def measure(work: Work, group: list[Peer], threads: int, patience: float) -> dict:
    """One thread count: peers in turns, then recall, then batches."""
    ours, shared, entries, rows, opened = Vultus(), {}, [], {}, {}
    for peer in [ours, VultusAlone(), *group]:
        settings = peer.effort
        if (tuned := work.of(peer) / "tuned.json").exists():
            best = chosen(json.loads(tuned.read_text()))
            best = tuple(best) if isinstance(best, list) else best
            settings = list(dict.fromkeys((*peer.always, best)))
        peer.open(work.rows, work.of(peer), threads, shared)
        for setting in settings:
            name = peer.name + ("" if setting is None else f" {setting}")
            opened[name] = peer, setting
            entries.append((
                name,
                lambda peer=peer, setting=setting: peer.use(setting),
                lambda probe, peer=peer: answers(peer, probe),
            ))  # fmt: skip
    timed = work.probes[:N_TIMED]
    rows = in_turns(entries, timed, patience)
    for name, (peer, setting) in opened.items():
        peer.use(setting)
        rows[name] |= {
            "peer": peer.name, "setting": setting, "note": peer.note,
            "bytes_per_reference": peer.bytes() / work.n, "load": os.getloadavg()[0],
        } | recalls(work, peer, patience)  # fmt: skip
    result = {"one_probe": rows}
    if any(peer.name == "faiss IndexFlatIP" for peer in group):
        result["batch_of_64"] = batches(
            [ours, *(peer for peer in group if peer.effort == (None,))], work.probes, patience
        )
        result["gallery"] = gallery(work, ours, shared["flat"], patience)
    for peer in [ours, *group]:
        peer.close()
    return result


def batches(peers, probes, patience) -> dict:
    """Probes a second, 64 at once; ours returns all above the threshold too, the peers top 50."""
    batch = np.ascontiguousarray(np.resize(probes, (64 * 9, probes.shape[1])))
    seconds = {peer.name: [] for peer in peers}
    for turn in range(9):
        for peer in peers:
            if sum(seconds[peer.name]) < patience:
                begin = time.perf_counter()
                peer.batch(batch[64 * turn : 64 * (turn + 1)], K, THRESHOLD)
                seconds[peer.name].append(time.perf_counter() - begin)
    return {name: 64 / float(np.median(taken[1:] or taken)) for name, taken in seconds.items()}


def gallery(work: Work, ours, flat, patience) -> dict:
    """A gallery of one reference in a hundred, half of them mates of the probes."""
    import faiss

    rng, person = np.random.default_rng(1), np.load(work.folder / "person.npy")
    mates = rng.permutation(np.flatnonzero(np.isin(person, work.whose)))[: work.n // 200]
    others = np.setdiff1d(np.arange(work.n), mates)
    others = rng.choice(others, work.n // 100 - len(mates), replace=False)
    allowed = np.sort(np.concatenate((mates, others)))
    allow = ours.index.allowed(allowed)
    selected = faiss.SearchParameters(sel=faiss.IDSelectorBatch(allowed))
    few = np.ascontiguousarray(work.rows[allowed])
    stored = ours.index.templates(allowed)

    def nothing():
        pass

    def of_one_percent(peer, probe):
        found = peer.index.search(probe, threshold=THRESHOLD, first=K, allow=allow)[0]
        return found.ids, found.scores

    entries = [
        ("vultus, whole", nothing, lambda probe: answers(ours, probe)),
        ("vultus, 1 %", nothing, lambda probe: of_one_percent(ours, probe)),
        ("faiss IndexFlatIP, 1 %", nothing, lambda probe: flat.search(probe, K, params=selected)),
        ("numpy, 1 % copied", nothing, lambda probe: np.argpartition(probe @ few.T, -K)),
    ]  # fmt: skip
    result = in_turns(entries, work.probes[:N_TIMED], patience)
    exactly = exact(lambda at: stored[at], len(allowed), work.probes, work.whose, person[allowed])
    lists = found_by(ours, work.probes, patience, of_one_percent)
    places = [np.searchsorted(allowed, ids) for ids in lists]
    result["recall"] = recall(places, exactly, complete_from(exactly, K, THRESHOLD))
    result["outside"] = int(sum((~np.isin(ids, allowed)).sum() for ids in lists))
    return result

"""Where segments are placed: enough replicas, on different nodes, level, and no move too many."""

from hypothesis import given
from hypothesis import strategies as st

from vultus.index.placement import SLACK, plan

SHARDS = [f"shard{i}" for i in range(8)]
NODES = st.dictionaries(st.sampled_from(SHARDS), st.sampled_from("abcd"), min_size=1)
SIZES = st.dictionaries(st.sampled_from([f"segment{i}" for i in range(12)]), st.integers(1, 1000))


def carried_out(sizes, held, nodes, n_replicas=2):
    """Who holds what after the plan; each move is checked when it is made."""
    after = {name: {s for s in held.get(name, ()) if s in nodes} for name in sizes}
    for move in plan(sizes, held, nodes, n_replicas):
        assert move.to in nodes
        assert move.to not in after[move.segment]
        after[move.segment].add(move.to)
        if move.instead_of is not None:
            after[move.segment].remove(move.instead_of)
            assert after[move.segment]
    return after


def loads(sizes, held, nodes):
    return {s: sum(sizes[n] for n in held if s in held[n]) for s in nodes}


@given(SIZES, NODES, st.integers(1, 3), st.data())
def test_every_segment_gets_its_replicas_on_different_nodes(sizes, nodes, n_replicas, data):
    """From any layout, one with shards that are gone among them."""
    held = {
        name: data.draw(st.sets(st.sampled_from(SHARDS), max_size=n_replicas)) for name in sizes
    }
    after = carried_out(sizes, held, nodes, n_replicas)
    for shards in after.values():
        assert len(shards) == min(n_replicas, len(nodes))
        on = {nodes[shard] for shard in shards}
        assert len(on) == min(n_replicas, len(set(nodes.values())))
    assert plan(sizes, after, nodes, n_replicas) == []


@given(st.integers(0, 40), st.integers(2, 6))
def test_equal_segments_are_spread_evenly(n_segments, n_shards):
    nodes = {f"shard{i}": f"node{i}" for i in range(n_shards)}
    sizes = dict.fromkeys([f"segment{i}" for i in range(n_segments)], 100)
    load = loads(sizes, carried_out(sizes, {}, nodes), nodes).values()
    assert max(load) - min(load) <= 100


@given(SIZES, st.integers(2, 5))
def test_a_new_node_takes_over_and_nothing_else_moves(sizes, n_nodes):
    nodes = {f"shard{i}": f"node{i}" for i in range(n_nodes)}
    before = carried_out(sizes, {}, nodes)
    nodes["shard9"] = "node9"
    moves = plan(sizes, before, nodes, 2)
    after = carried_out(sizes, before, nodes)
    load = loads(sizes, after, nodes)
    mean = sum(load.values()) / len(load)
    # Whatever could still be moved to the new shard would not bring the loads nearer.
    for shard in nodes:
        gap = load[shard] - load["shard9"]
        assert gap <= SLACK * mean or all(
            sizes[name] >= gap for name in sizes if shard in after[name]
            and "shard9" not in after[name]
        )  # fmt: skip
    assert len(moves) <= 2 * len(sizes)


def test_a_lost_shard_is_made_up_for_without_moving_what_is_whole():
    nodes = {f"shard{i}": f"node{i}" for i in range(4)}
    sizes = {f"segment{i:02}": 100 for i in range(20)}
    before = carried_out(sizes, {}, nodes)
    lost = {name for name, shards in before.items() if "shard0" in shards}
    del nodes["shard0"]
    moves = plan(sizes, before, nodes, 2)
    assert {move.segment for move in moves if move.instead_of is None} == lost
    assert len(moves) <= 1.5 * len(lost)


def test_without_shards_there_is_nothing_to_plan():
    assert plan({"segment": 5}, {"segment": ["gone"]}, {}, 2) == []


def test_with_one_node_two_shards_of_it_hold_each_segment():
    nodes = {"a": "node", "b": "node", "c": "node"}
    after = carried_out({"segment": 5}, {}, nodes)
    assert len(after["segment"]) == 2
    nodes["d"] = "other"
    assert "d" in carried_out({"segment": 5}, after, nodes)["segment"]

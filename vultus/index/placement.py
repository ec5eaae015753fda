"""Which shard holds which segment, decided from sizes alone: no cluster is needed to test it."""

import zlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import zip_longest

SLACK = 0.1  # loads that differ by less than this share of their mean are left as they are


@dataclass(frozen=True)
class Move:
    """Open `segment` on the shard `to`; then close it on the shard `instead_of`, if any."""

    segment: str
    to: str
    instead_of: str | None = None


def plan(
    sizes: Mapping[str, int],
    held: Mapping[str, Collection[str]],
    nodes: Mapping[str, str],
    n_replicas: int,
) -> list[Move]:
    """The moves after which every segment is held `n_replicas` times, on different nodes where
    there are as many, and the shards' loads are level.

    `sizes`: references of each segment; `held`: the shards that hold it; `nodes`: the node of
    each living shard. A shard that is not in `nodes` counts as gone. With fewer shards than
    `n_replicas` each holds everything. Largest first, to the shard with the least load; equals
    are ordered by a checksum of both names, so that the segments of one shard have their second
    replicas on many. The plan that follows a carried-out plan is empty.
    """
    layout = _Layout(sizes, held, nodes)
    if nodes:
        layout.fill(min(n_replicas, len(nodes)))
        layout.spread()
        layout.level()
    return layout.moves()


class _Layout:
    """Who holds what while a plan is made."""

    def __init__(
        self,
        sizes: Mapping[str, int],
        held: Mapping[str, Collection[str]],
        nodes: Mapping[str, str],
    ) -> None:
        self.sizes, self.nodes = sizes, nodes
        self.before = {name: [s for s in held.get(name, ()) if s in nodes] for name in sizes}
        self.held = {name: list(shards) for name, shards in self.before.items()}
        self.by_shard: dict[str, set[str]] = {shard: set() for shard in nodes}
        for name, shards in self.held.items():
            for shard in shards:
                self.by_shard[shard].add(name)
        self.load = {
            shard: sum(sizes[name] for name in names) for shard, names in self.by_shard.items()
        }
        self.largest_first = sorted(sizes, key=lambda name: (-sizes[name], name))

    def moves(self) -> list[Move]:
        """From what was to what is wanted, however often a segment was moved in between."""
        moves = []
        for name in self.largest_first:
            new = [shard for shard in self.held[name] if shard not in self.before[name]]
            left = [shard for shard in self.before[name] if shard not in self.held[name]]
            moves += [Move(name, *pair) for pair in zip_longest(new, left)]
        return moves

    def fill(self, n_replicas: int) -> None:
        """Open what too few shards hold."""
        for name in self.largest_first:
            while len(self.held[name]) < n_replicas:
                on_nodes = {self.nodes[shard] for shard in self.held[name]}
                free = [shard for shard in self.nodes if shard not in self.held[name]]
                elsewhere = [shard for shard in free if self.nodes[shard] not in on_nodes]
                self._move(name, self._lightest(name, elsewhere or free), None)

    def spread(self) -> None:
        """Part replicas that share a node while another node holds none."""
        for name in self.largest_first:
            while True:
                on_nodes = [self.nodes[shard] for shard in self.held[name]]
                crowded = [s for s in self.held[name] if on_nodes.count(self.nodes[s]) > 1]
                elsewhere = [s for s in self.nodes if self.nodes[s] not in on_nodes]
                if not crowded or not elsewhere:
                    break
                heaviest = max(crowded, key=lambda shard: (self.load[shard], shard))
                self._move(name, self._lightest(name, elsewhere), heaviest)

    def level(self) -> None:
        """Move segments from heavy to light shards while loads differ by more than SLACK.

        A move must bring the two shards nearer to each other, so the sum of the squared loads
        falls with each and the loop ends.
        """
        while move := self._next_move():
            self._move(*move)

    def _next_move(self) -> tuple[str, str, str] | None:
        slack = SLACK * sum(self.load.values()) / len(self.load)
        ascending = sorted(self.load, key=lambda shard: (self.load[shard], shard))
        for heavy in reversed(ascending):
            for light in ascending:
                gap = self.load[heavy] - self.load[light]
                if gap <= slack:
                    break
                fitting = [n for n in self.by_shard[heavy] if self._may_move(n, heavy, light, gap)]
                if fitting:
                    # The nearer to half the gap, the more level the two become.
                    best = min(fitting, key=lambda name: (abs(2 * self.sizes[name] - gap), name))
                    return best, light, heavy
        return None

    def _may_move(self, name: str, heavy: str, light: str, gap: int) -> bool:
        others = {self.nodes[shard] for shard in self.held[name] if shard != heavy}
        return (
            0 < self.sizes[name] < gap
            and light not in self.held[name]
            and (self.nodes[light] not in others or self.nodes[heavy] in others)
        )

    def _lightest(self, name: str, shards: Collection[str]) -> str:
        def order(shard: str) -> tuple[int, int, str]:
            return self.load[shard], zlib.crc32(f"{name} {shard}".encode()), shard

        return min(shards, key=order)

    def _move(self, name: str, to: str, instead_of: str | None) -> None:
        self.held[name].append(to)
        self.by_shard[to].add(name)
        self.load[to] += self.sizes[name]
        if instead_of is not None:
            self.held[name].remove(instead_of)
            self.by_shard[instead_of].remove(name)
            self.load[instead_of] -= self.sizes[name]

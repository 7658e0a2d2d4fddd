"""How much of a graph was done, by the choices that somebody has made."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple, TypeAlias

from calls.explore.graph import Graph, Kind

Covered: TypeAlias = Mapping[int, frozenset[str]]
"""The choices that were made, of each edge by its index in the graph: by a test run, for instance."""

MEASURED: frozenset[Kind] = frozenset({"key", "speech", "silence", "outcome"})
"""What a test can choose. That a caller hangs up, or a webhook fails, can happen everywhere, and is not
counted."""


class Share(NamedTuple):
    """How many of the ways to go on were taken, of all that there are."""

    taken: int
    all: int

    @property
    def percent(self) -> float:
        """In percent; 100 too where there is none to take."""
        return 100 * self.taken / self.all if self.all else 100.0


def shares_of(graph: Graph, covered: Covered) -> tuple[Share, ...]:
    """How many of the choices of each edge were made; one without any is a single way."""
    reached = reached_of(graph, covered)
    shares: list[Share] = []
    for index, edge in enumerate(graph.edges):
        choices = set(edge.choices)
        if choices:
            shares.append(Share(len(choices & covered.get(index, frozenset())), len(choices)))
        else:
            shares.append(Share(int(edge.source in reached), 1))
    return tuple(shares)


def reached_of(graph: Graph, covered: Covered) -> frozenset[int]:
    """The ids of the nodes that somebody came to.

    Where nobody chooses, nobody says what was chosen: whoever came to a node has gone on from it.
    """
    by_itself: dict[int, list[int]] = defaultdict(list)
    reached: set[int] = set()
    for index, edge in enumerate(graph.edges):
        if index in covered and (not edge.choices or covered[index] & set(edge.choices)):
            reached |= {edge.source} | ({edge.target} if edge.target is not None else set())
        if not edge.choices and edge.target is not None:
            by_itself[edge.source].append(edge.target)
    waiting = sorted(reached)
    for node_id in waiting:  # which grows
        further = [each for each in by_itself[node_id] if each not in reached]
        reached.update(further)
        waiting.extend(further)
    return frozenset(reached)


def measured_of(graph: Graph, covered: Covered) -> Mapping[int, Share]:
    """Of each node, how much was done of what a test can do: come to a menu, and choose.

    Keys of one edge do the same, and are one choice.
    """
    reached = reached_of(graph, covered)
    found: dict[int, list[Share]] = {node.id: [] for node in graph.nodes}
    for node in graph.nodes:
        if node.is_menu:
            found[node.id].append(Share(int(node.id in reached), 1))
    for edge, share in zip(graph.edges, shares_of(graph, covered), strict=True):
        if edge.kind == "key" and edge.choices:
            found[edge.source].append(Share(int(share.taken > 0), 1))
        elif edge.kind in MEASURED and edge.choices:
            found[edge.source].append(share)
    return {node_id: total(shares) for node_id, shares in found.items()}


def total(shares: Iterable[Share]) -> Share:
    """All of them together."""
    taken = every = 0
    for share in shares:
        taken += share.taken
        every += share.all
    return Share(taken, every)

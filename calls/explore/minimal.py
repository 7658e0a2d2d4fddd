"""States that nobody can tell apart are one: the smallest graph with the same calls.

Where an application keeps to itself what it knows of a call, the same document is explored several
times on a way, in case that it goes on otherwise then. Where it does not, these states are one.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import TypeAlias

Way: TypeAlias = tuple[Hashable, int | None]
"""What is seen of a way out of a state, and the number of the state to which it leads, if to one."""


def classes_of(kinds: Sequence[Hashable], ways: Sequence[Sequence[Way]]) -> list[int]:
    """The class of each state: two have the same if everything that can happen in them is the same.

    Args:
        kinds: What is seen of each state.
        ways: The ways out of each.
    """
    return _Partition(kinds, ways).refined()


class _Partition:
    """States by their classes, which are split until no state differs from the others of its class."""

    def __init__(self, kinds: Sequence[Hashable], ways: Sequence[Sequence[Way]]) -> None:
        self._ways = ways
        self._comes_from: list[set[int]] = [set() for _ in kinds]
        for state, leaving in enumerate(ways):
            for _, target in leaving:
                if target is not None:
                    self._comes_from[target].add(state)
        names: dict[Hashable, int] = {}
        self._class_of = [
            names.setdefault((kind, frozenset(seen for seen, _ in leaving)), len(names))
            for kind, leaving in zip(kinds, ways, strict=True)
        ]
        self._members: dict[int, set[int]] = defaultdict(set)
        for state, name in enumerate(self._class_of):
            self._members[name].add(state)

    def refined(self) -> list[int]:
        """The classes, split as far as need be."""
        changed: Iterable[int] = range(len(self._class_of))
        while changed:
            affected: dict[int, set[int]] = defaultdict(set)
            for state in changed:
                for source in self._comes_from[state]:
                    affected[self._class_of[source]].add(source)
            changed = [
                each for name, states in affected.items() for each in self._split(name, states)
            ]
        return self._class_of

    def _split(self, name: int, affected: set[int]) -> list[int]:
        """Split a class, some of whose states lead to what was split before. Those that leave it."""
        groups: dict[Hashable, list[int]] = defaultdict(list)
        for state in sorted(affected):
            groups[self._seen(state)].append(state)
        other = next((each for each in self._members[name] if each not in affected), None)
        stays = (
            max(groups, key=lambda seen: len(groups[seen])) if other is None else self._seen(other)
        )
        leaving = []
        for seen, states in groups.items():
            if seen != stays:
                new = len(self._members)
                self._members[new] = set(states)
                self._members[name] -= set(states)
                for state in states:
                    self._class_of[state] = new
                leaving += states
        return leaving

    def _seen(self, state: int) -> Hashable:
        return frozenset(
            (seen, None if target is None else self._class_of[target])
            for seen, target in self._ways[state]
        )


def representatives(classes: Sequence[int]) -> Mapping[int, int]:
    """The first state of each class."""
    found: dict[int, int] = {}
    for state, name in enumerate(classes):
        found.setdefault(name, state)
    return found

"""The search: from the first document on, every choice in every document, the nearest first."""

import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from calls.explore.choices import Choice, Chooser, label_of
from calls.explore.graph import Code
from calls.explore.minimal import classes_of, representatives
from calls.explore.passage import START, Callers, Passage, Player, State, Unknown
from calls.explore.subject import Subject


class Limits(Struct, frozen=True, kw_only=True):
    """How far exploring goes. Which of them were met, the graph says.

    Attributes:
        documents: How many states there may be.
        depth: How many documents one after the other a call may get.
        calls: How often a call, or a part of one, is played.
        choices: How many ways there may be to go on from one document.
        repeats: How often a document is explored on a way, where the application may keep to itself
            what it knows of a call.
        seconds: How long it may take.
    """

    documents: int = 5_000
    depth: int = 200
    calls: int = 500_000
    choices: int = 2_000
    repeats: int = 4
    seconds: float = 600.0

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be more than 0 (got {getattr(self, name)!r})")


class WayLost(LookupError):
    """The application does not go the way that was to be gone."""


class Step(Struct, frozen=True):
    """How a passage was played, so that it can be played again.

    Attributes:
        told: Which options were taken.
        tried: The webhooks that had failed before.
        choices: What they were.
    """

    told: tuple[int, ...]
    tried: frozenset[str]
    choices: tuple[Choice, ...]

    @property
    def label(self) -> str:
        """What was chosen, in words."""
        return label_of(self.choices)


class Met(Struct):
    """A state that was met.

    Attributes:
        id: Its number, from 1.
        state: What it is.
        parent: The state before it, where it was met first; None for the one that is begun with.
        steps: How one comes from there to here; from the first webhook, if there is none before it.
        code: Where it comes from.
        key: What it has in common with a state that goes on alike.
        passages: What was found to happen in it, each with the id of the state that it reaches.
        was_cut_short: Whether something that can happen in it was left out.
        is_explored: Whether everything was tried that can happen in it.
    """

    id: int
    state: State
    parent: "Met | None" = None
    steps: tuple[Step, ...] = ()
    code: Code | None = None
    key: tuple[Any, ...] = ()
    passages: list[tuple[Passage, int | None]] = []
    was_cut_short: bool = False
    is_explored: bool = False

    @property
    def path(self) -> list["Met"]:
        """The states on the way here, from the one that is begun with, and itself."""
        path: list[Met] = [self]
        while path[-1].parent is not None:
            path.append(path[-1].parent)
        return path[::-1]

    @property
    def way(self) -> tuple[Step, ...]:
        """How one comes here from the first webhook on."""
        return tuple(step for each in self.path for step in each.steps)


class Found(Struct):
    """What a search has found.

    Attributes:
        met: The states.
        first: The passages to the first document, or to the end of the call before it.
        limits: The limits that were met.
        lost: How often the way to a state, gone once more, did not lead there any more.
        calls, webhooks: What it has cost.
    """

    met: list[Met] = []
    first: list[Passage] = []
    limits: dict[str, None] = {}
    lost: int = 0
    calls: int = 0
    webhooks: int = 0


class Search:
    """A search for all that can happen on a call.

    Args:
        subject: The application.
        callers: Who calls.
        limits: How far to go.
        repeats: Whether the way to each place is played again from the first webhook, by a new call.
        seed: Makes the ids of the calls.
        now: Tells the seconds.
        progress: Is told, again and again, how many states are known and how many are left to try.
    """

    def __init__(
        self,
        subject: Subject,
        callers: Callers,
        limits: Limits,
        *,
        repeats: bool,
        seed: int,
        now: Callable[[], float] = time.monotonic,
        progress: Callable[[int, int], None] | None = None,
    ) -> None:
        self._subject = subject
        self._limits = limits
        self._repeats = repeats
        self._now = now
        self._progress = progress
        self._until = now() + limits.seconds
        self._player = Player(subject.application, callers, subject.deliver, subject.complaints)
        self._known: dict[tuple[Any, ...], Met] = {}
        self._seed = seed
        self.found = Found()

    async def run(self, after: Sequence[str]) -> Found:
        """Search.

        Args:
            after: What is done at each document from the first one on, before the search begins.

        Raises:
            WayLost: That cannot be done.
        """
        origin = Met(0, START)
        async for passage, step in self._passages(origin):
            self.found.first.append(passage)
            if passage.reached is not None and not self.found.met:
                first = await self._go(self._meet(passage, step, None), after)
                await self._spread(first)
        self._merge()
        return self.found

    def _merge(self) -> None:
        """Let states be one that nobody can tell apart."""
        met = self.found.met
        ways = [
            [
                ((p.label, p.kind, p.event, p.cause, p.heard, p.person), to and to - 1)
                for p, to in each.passages
            ]
            for each in met
        ]
        kinds = [(each.key[0], each.is_explored) for each in met]
        classes = classes_of(kinds, ways)
        first = representatives(classes)
        number = {name: index for index, name in enumerate(first, 1)}
        self.found.met = [met[state] for state in first.values()]
        for index, each in enumerate(self.found.met, 1):
            each.id = index
            each.passages = [
                (passage, to and number[classes[to - 1]]) for passage, to in each.passages
            ]

    async def _go(self, met: Met, labels: Sequence[str]) -> Met:
        """Go a way, and forget how one came there."""
        for number, label in enumerate(labels, 1):
            seen = []
            async for passage, step in self._passages(met):
                seen.append(passage.label or "(nothing)")
                if passage.label == label and passage.reached is not None:
                    met = self._meet(passage, step, met)
                    break
            else:
                raise WayLost(
                    f"at document {number} of the way nothing goes on by {label or '(nothing)'!r}:"
                    f" what can be done there is {', '.join(dict.fromkeys(seen))}"
                )
        self._known.clear()
        met.id, met.steps, met.parent = 1, met.way, None
        met.key = self._key_of(met.state, None)
        self._known[met.key] = met
        self.found.met = [met]
        return met

    def _meet(self, passage: Passage, step: Step, source: Met | None) -> Met:
        """The state that a passage reaches: a new one, if it was never met."""
        assert passage.reached is not None  # noqa: S101  # asked by whoever calls this
        state = self._subject.noted(passage.reached, self._place(source, step))
        key = self._key_of(state, source)
        known = self._known.get(key)
        if known is not None:
            return known
        call_id = state.call.id if state.call else ""
        code = self._subject.waits_at(call_id) or self._subject.code_of(state.url, state.event)
        met = Met(len(self.found.met) + 1, state, source, (step,), code, key)
        self._known[key] = met
        self.found.met.append(met)
        return met

    async def _spread(self, first: Met) -> None:
        waiting, limits = deque([first]), self._limits
        depth = {first.id: 0}
        while waiting:
            met = waiting.popleft()
            if self._progress is not None:
                self._progress(len(self.found.met), len(waiting) + 1)
            if depth[met.id] >= limits.depth:
                self._is_limited(f"depth: calls are followed for {limits.depth:,} documents")
                continue
            async for passage, step in self._passages(met):
                target = None
                if passage.reached is not None:
                    known = len(self.found.met)
                    if known >= limits.documents and not self._is_known(passage, met, step):
                        self._is_limited(f"documents: {limits.documents:,} states were met")
                        met.was_cut_short = True
                        continue
                    target = self._meet(passage, step, met)
                    if target.id > known:
                        depth[target.id] = depth[met.id] + 1
                        waiting.append(target)
                met.was_cut_short |= passage.was_cut_short
                met.passages.append((passage, None if target is None else target.id))
            met.is_explored = not (met.was_cut_short or self._is_over())
            if self._is_over():
                return

    def _is_known(self, passage: Passage, source: Met, step: Step) -> bool:
        assert passage.reached is not None  # noqa: S101  # asked by whoever calls this
        state = self._subject.noted(passage.reached, self._place(source, step))
        return self._key_of(state, source) in self._known

    @staticmethod
    def _place(source: Met | None, step: Step) -> object:
        """What tells a place apart from all others."""
        return source and source.id, step

    def _key_of(self, state: State, source: Met | None) -> tuple[Any, ...]:
        """What a state has in common with another one that goes on alike.

        If that cannot be seen, how often it was met on the way counts as well.
        """
        key = self._subject.key_of(state)
        if not self._repeats:
            return key
        times = 0
        while source is not None and times + 1 < self._limits.repeats:
            times += source.key[:-1] == key
            source = source.parent
        return *key, times

    def _is_limited(self, words: str) -> None:
        self.found.limits[words] = None

    def _is_over(self) -> bool:
        limits, over = self._limits, False
        if self.found.calls >= limits.calls:
            self._is_limited(f"calls: {limits.calls:,} were played")
            over = True
        if self._now() >= self._until:
            self._is_limited(f"seconds: {limits.seconds:g} have passed")
            over = True
        return over

    async def _passages(self, met: Met) -> AsyncIterator[tuple[Passage, Step]]:
        """Everything that can happen in a state, one after the other."""
        told: tuple[int, ...] | None = ()
        tried: set[str] = set()
        count = 0
        while told is not None:
            if self._is_over():
                return
            if count >= self._limits.choices:
                self._is_limited(
                    f"choices: {self._limits.choices:,} ways were tried to go on from one document"
                )
                met.was_cut_short = True
                return
            count += 1
            chooser: Chooser[Choice] = Chooser(told)
            before = frozenset(tried)
            try:
                passage = await self._play(await self._at(met), chooser, tried)
            except WayLost:  # it goes by something else than the call
                self.found.lost += 1
                met.was_cut_short = True
                return
            if passage.was_cut_short:
                self._is_limited("steps: one passage did not come to an end")
            yield passage, Step(chooser.way(), before, tuple(passage.choices))
            told = chooser.next_way()

    async def _play(self, state: State, chooser: Chooser[Choice], tried: set[str]) -> Passage:
        self.found.calls += 1
        self._seed += self._repeats
        passage = await self._player.play(state, chooser, tried, self._seed)
        self.found.webhooks += passage.webhooks
        return passage

    async def _at(self, met: Met) -> State:
        """A state that can be gone on from: it is put back, or the way there is gone once more."""
        if not self._repeats:
            self._subject.put(met.state)
            return met.state
        return await self.again(met.way)

    async def again(self, way: Sequence[Step]) -> State:
        """Go a way once more, with a new call.

        Raises:
            WayLost: It ends earlier than it did.
        """
        state = START
        self._subject.put(state)
        self._seed += 1
        for number, step in enumerate(way):
            passage = await self._play(state, Chooser(step.told), set(step.tried))
            if passage.reached is None:
                raise WayLost(
                    f"the call ended ({passage.cause}) at document {number}, where it went on before"
                )
            state = self._subject.noted(passage.reached, (number, step))
        return state

    async def differences(self, budget: int) -> list[Met]:
        """States to which the way, gone once more by a new call, leads no longer.

        The farthest are tried first, and no more than ``budget`` webhooks are spent.
        """
        found = []
        for met in reversed(self.found.met):
            way = met.way
            if len(way) > budget:
                break
            budget -= len(way)
            try:
                state = await self.again(way)
            except WayLost:
                found.append(met)
                continue
            if isinstance(met.state.memory, Unknown):
                state = replace(state, memory=met.state.memory)
            if self._key_of(state, met.parent) != met.key:
                found.append(met)
        return found

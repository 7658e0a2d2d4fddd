"""What of a call flow the calls of a test run have gone through."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Literal

from msgspec import Struct

from calls.events import (
    CallEvent,
    Event,
    GatherEvent,
    RecordCompleteEvent,
    ReferCompleteEvent,
    TransferCompleteEvent,
)
from calls.events.input import SPEECH_TIMED_OUT
from calls.explore.choices import (
    ANSWERS,
    FAILS,
    HANGS_UP,
    IS_BUSY,
    IS_GONE,
    IS_REACHED,
    IS_THERE,
    NEVER_ANSWERS,
    SAYS_NOTHING,
    SILENCE,
    SOMETHING_ELSE,
    SPEAKS,
)
from calls.explore.covered import MEASURED, Covered, measured_of, reached_of, total
from calls.explore.graph import Edge, Graph, Kind
from calls.explore.identity import Identity
from calls.simulator.engine import Engine, callee
from calls.simulator.errands import Answered, Delivery, Unanswered
from calls.simulator.state import Call

Part = Literal["menus", "keys", "words", "timeouts", "outcomes", "failures", "hang-ups"]

_PARTS: Mapping[Kind, Part] = {
    "key": "keys",
    "speech": "words",
    "silence": "timeouts",
    "outcome": "outcomes",
    "failure": "failures",
    "hang-up": "hang-ups",
}
"""What each kind of edge counts as. What goes on by itself is nothing that a test could choose."""

_COUNTED: tuple[Part, ...] = ("menus", *(part for kind, part in _PARTS.items() if kind in MEASURED))


class Item(Struct, frozen=True):
    """Something that a test can cover.

    Attributes:
        part: What it counts as.
        node: The document where it is.
        label: What it is, in words.
        is_covered: Whether some call has done it.
    """

    part: Part
    node: int
    label: str
    is_covered: bool


class Report(Struct, frozen=True, kw_only=True):
    """How much of a call flow was covered.

    Attributes:
        items: All that can be covered.
        percent: How much was, of all menus, keys, words, timeouts and outcomes.
        calls: How many calls were seen that went through a document of the graph.
        strange: How many steps of calls are in no graph: exploring has not met them.
        unclear: How many steps could not be told apart from others.
    """

    items: tuple[Item, ...] = ()
    percent: float = 100.0
    calls: int = 0
    strange: int = 0
    unclear: int = 0

    def of(self, part: Part) -> tuple[int, int]:
        """How many of a part were covered, and how many there are."""
        items = [each for each in self.items if each.part == part]
        return sum(each.is_covered for each in items), len(items)


class _Step(Struct, frozen=True):
    """One step of a call: an event, and the document that answered it, or the end of the call.

    Attributes:
        event: The event; None at the end.
        key: That of the document; None at the end.
        fails: Whether a first URL had failed.
        left: Whether the caller has hung up.
        spoke: Whether somebody has said something since the last document.
        leg: Of the leg that was rung last, the cause of its end, and whom it rang; None without one.
    """

    event: Event | None
    key: str | None
    fails: bool = False
    left: bool = False
    spoke: bool = False
    leg: tuple[str, str] | None = None


class Watcher:
    """Watches the calls of all simulators. ``Simulator.observers`` is where it is entered.

    Args:
        varies: What ``explore`` is told of what varies.
    """

    def __init__(self, varies: str | None = None) -> None:
        self._identity = Identity(varies)
        self._steps: dict[tuple[int, str], list[_Step]] = {}
        self._failed: dict[int, Event] = {}
        self._over: set[tuple[int, str]] = set()
        self._engines: list[Engine] = []  # kept, so that no two have the same id
        self._said: dict[tuple[int, str], int] = {}

    def delivered(self, engine: Engine, delivery: Delivery, outcome: Answered | Unanswered) -> None:
        """A webhook was answered, or was not."""
        event, call = delivery.event, engine.calls.get(delivery.call_id)
        if call is None or call.leg is not None or not event.wants_document:
            return
        if not isinstance(outcome, Answered) or not 200 <= outcome.status < 300:
            self._failed[id(engine)] = event
            return
        whose = call.id, call.from_, call.to
        key = self._identity.of_document(outcome.content, delivery.target.url, *whose)
        fails = self._failed.pop(id(engine), None) is event
        spoke = isinstance(event, RecordCompleteEvent) and self._has_spoken(engine, call)
        self._add(engine, call, _Step(event, key, fails=fails, spoke=spoke))

    def closes(self, engine: Engine) -> None:
        """A simulator is closed: its calls are seen to their ends."""
        left = {entry.call_id for entry in engine.timeline if _is_leaving(entry.text)}
        for call in list(engine.calls.values()):
            known = id(engine), call.id
            if call.is_over and known in self._steps and known not in self._over:
                self._over.add(known)
                end = _Step(None, None, left=call.id in left, leg=_last_leg(engine, call))
                self._add(engine, call, end)

    def _add(self, engine: Engine, call: Call, step: _Step) -> None:
        known = id(engine), call.id
        if known not in self._steps:
            self._steps[known] = []
            self._engines.append(engine)
        self._steps[known].append(step)

    def _has_spoken(self, engine: Engine, call: Call) -> bool:
        """Whether somebody has said something since this was last asked."""
        known = id(engine), call.id
        said = sum(e.kind == "says" and e.call_id == call.id for e in engine.timeline)
        before, self._said[known] = self._said.get(known, 0), said
        return said > before

    def against(self, graph: Graph) -> "Walk":
        """What the calls have covered of a graph."""
        walk = Walk(graph)
        for steps in self._steps.values():
            walk.go(steps)
        return walk


def _last_leg(engine: Engine, call: Call) -> tuple[str, str] | None:
    """What became of the leg that a call has rung last; of several at once, of the one that answered."""
    legs = [each for each in engine.calls.values() if each.leg and each.leg.parent_id == call.id]
    if not legs:
        return None
    last = max(legs, key=lambda leg: (leg.started or 0.0, leg.answered is not None))
    cause = "hangup" if last.answered is not None else last.cause or "timeout"
    return cause, callee(last)


def _is_leaving(text: str) -> bool:
    return text.endswith(" hangs up")


class Walk:
    """Calls, gone through a graph.

    Args:
        graph: The graph.
    """

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._leaving: dict[int, list[int]] = {node.id: [] for node in graph.nodes}
        for index, edge in enumerate(graph.edges):
            self._leaving[edge.source].append(index)
        self._by_key: dict[str, set[int]] = {}
        for node in graph.nodes:
            self._by_key.setdefault(node.key, set()).add(node.id)
        self._choices: dict[int, set[str]] = {}
        self._calls = self._strange = self._unclear = 0

    def go(self, steps: Iterable[_Step]) -> None:
        """Go the way of one call."""
        at: set[int] = set()
        is_first = True
        was_seen = False
        for step in steps:
            if step.key is None:
                self._end(at, step)
                break
            there = self._by_key.get(step.key, set())
            if is_first:
                at = {1} & there or there
            elif at and (found := self._next(at, step, there)):
                at = found
            else:
                at = there
                self._strange += bool(there)  # a step of which exploring knows nothing
            is_first = False
            self._strange += not there
            was_seen |= bool(there)
        self._calls += was_seen

    def _next(self, at: set[int], step: _Step, there: set[int]) -> set[int]:
        """Where an event leads to; nothing, if the graph does not have it."""
        event = step.event.event_type if step.event else ""
        found = [
            index
            for node in at
            for index in self._leaving[node]
            if self._graph.edges[index].target in there and self._graph.edges[index].event == event
        ]
        fails = [each for each in found if self._graph.edges[each].kind == "failure"]
        found = fails if step.fails and fails else [each for each in found if each not in fails]
        marked = self._mark(found, step)
        return {self._graph.edges[index].target or 0 for index in marked or found}

    def _end(self, at: set[int], step: _Step) -> None:
        found = [
            index
            for node in at
            for index in self._leaving[node]
            if self._graph.edges[index].target is None
            and (self._graph.edges[index].kind == "hang-up") == step.left
        ]
        self._mark(found, step)

    def _mark(self, found: list[int], step: _Step) -> list[int]:
        """Mark the one choice that was made, if it is plain which; the edges that it may be on."""
        fitting = [
            (index, choice)
            for index in found
            for choice in self._graph.edges[index].choices or ("",)
            if _fits(self._graph.edges[index], choice, step)
        ]
        if not fitting and len(found) == 1 and self._graph.edges[found[0]].choices:
            edge = self._graph.edges[found[0]]
            fitting = [(found[0], edge.choices[0])] if edge.kind == "key" else []
        if len({index for index, _ in fitting}) != 1:
            self._unclear += bool(found)
            return [index for index, _ in fitting]
        for index, choice in fitting:
            edge = self._graph.edges[index]
            # Keys that are not offered and do the same are one thing to be tested.
            chosen = edge.choices if edge.kind == "key" else (choice,) if choice else ()
            self._choices.setdefault(index, set()).update(chosen)
        return [fitting[0][0]]

    # What was covered

    @property
    def covered(self) -> Covered:
        """The choices that were made, by the index of their edge."""
        return {index: frozenset(choices) for index, choices in self._choices.items()}

    @property
    def report(self) -> Report:
        """How much was covered."""
        return Report(
            items=tuple(self._items()),
            percent=total(measured_of(self._graph, self.covered).values()).percent,
            calls=self._calls,
            strange=self._strange,
            unclear=self._unclear,
        )

    def _items(self) -> Iterator[Item]:
        reached = reached_of(self._graph, self.covered)
        for node in self._graph.nodes:
            if node.is_menu:
                yield Item("menus", node.id, node.title, node.id in reached)
            for index in self._leaving[node.id]:
                edge = self._graph.edges[index]
                part = _PARTS.get(edge.kind)
                if part is None:
                    continue
                made = self._choices.get(index, set())
                if edge.kind == "key":
                    own = len(edge.choices) == 1
                    label = edge.choices[0] if own else f"any of {' '.join(edge.choices)}"
                    yield Item(part, node.id, label, bool(made))
                else:
                    for choice in edge.choices:
                        yield Item(part, node.id, choice, choice in made)


def _fits(edge: Edge, choice: str, step: _Step) -> bool:
    """Whether a step may be that choice."""
    if edge.kind == "failure":
        choice = choice.removesuffix(FAILS.label).removesuffix(", ")
    event = step.event
    match event:
        case GatherEvent():
            return choice == _gathered(event, edge)
        case TransferCompleteEvent():
            return _is_told_by((event.cause, event.transfer_to or ""), choice)
        case RecordCompleteEvent():
            return choice == (SPEAKS if step.spoke else SAYS_NOTHING).label
        case ReferCompleteEvent():
            failed = event.refer_call_status != "success"
            return failed == choice.endswith((IS_BUSY, NEVER_ANSWERS))
        case CallEvent() if event.event_type == "bridgeComplete":
            there = getattr(event, "cause", None) in (None, "hangup")
            return choice.startswith((IS_THERE if there else IS_GONE).label)
        case None if step.left:
            return choice.endswith(HANGS_UP.label)
        case None if edge.kind == "outcome":
            return step.leg is None or _is_told_by(step.leg, choice)
        case _:
            return True


def _gathered(event: GatherEvent, edge: Edge) -> str:
    keys = f"{event.digits or ''}{event.terminating_digit or ''}"
    if keys:
        return keys
    if not event.text or event.text == SPEECH_TIMED_OUT:
        return SILENCE.label
    said = f"“{event.text}”"
    return said if said in edge.choices else f"“{SOMETHING_ELSE}”"


def _is_told_by(leg: tuple[str, str], choice: str) -> bool:
    """Whether a choice is what became of a leg: the cause of its end, and whom it rang."""
    cause, number = leg
    if cause in ("busy", "rejected"):
        return choice.endswith((IS_BUSY, "are busy"))
    if cause in ("timeout", "cancel"):
        return choice.endswith((NEVER_ANSWERS, "nobody answers"))
    return choice.startswith((f"{number} {ANSWERS}", f"{number} {IS_REACHED}"))


def coverage_text(report: Report, graph: Graph) -> str:
    """What was covered, and what was not, for people."""
    lines = []
    for node in graph.nodes:
        missing = [
            each
            for each in report.items
            if each.node == node.id and not each.is_covered and each.part in _COUNTED
        ]
        if missing:
            lines.append(f"document {node.id}: {node.title}")
            menu = any(each.part == "menus" for each in missing)
            if menu:
                lines.append("    never reached")
            parts: dict[str, list[str]] = {}
            for each in missing:
                if each.part != "menus":
                    parts.setdefault(each.part, []).append(each.label)
            lines += [f"    {part}: {', '.join(labels)}" for part, labels in parts.items()]
    counts = []
    for part in (*_COUNTED, "failures", "hang-ups"):
        done, of = report.of(part)
        if of:
            counts.append(f"{part} {done}/{of}")
    lines.append(", ".join(counts))
    calls = "call" if report.calls == 1 else "calls"
    lines.append(f"{report.percent:.1f} % of the call flow, by {report.calls} {calls}")
    if report.strange:
        lines.append(f"steps of calls that are not in the graph: {report.strange}")
    if report.unclear:
        lines.append(f"steps that could not be told apart from others: {report.unclear}")
    return "\n".join(lines) + "\n"

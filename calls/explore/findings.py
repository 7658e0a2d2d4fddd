"""What is wrong with a call flow: each rule a function over what was found."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from bxml import check
from bxml._kinds import without_credentials
from bxml.verbs import Conference, Connect, Forward, Gather, PlayAudio, SpeakSentence, Transfer
from calls.explore.choices import (
    KEYS,
    Choice,
    keys_of_leaving,
    keys_of_return,
    keys_offered,
    prompt_of,
)
from calls.explore.graph import LEVELS, Code, Finding
from calls.explore.passage import Callers, Passage, State
from calls.explore.places import code_of_error
from calls.explore.rules import (
    DEAD_END,
    DOUBTFUL,
    ERROR,
    INVALID_REPLY,
    KEY_GOES_NOWHERE,
    NEVER_REACHED,
    NO_FALLBACK,
    NO_PERSON_OR_GOODBYE,
    SILENT_END,
    UNHANDLED_KEY,
    Rule,
)
from calls.explore.search import Found, Met
from calls.explore.subject import Subject
from calls.simulator.verbs.assumed import assumed
from calls.simulator.verbs.audio import words_of

_APOLOGY = re.compile(
    r"\b(?:sorry|invalid|not a valid|not valid|did(?:n't| not) (?:get|understand|catch)|not recogni[sz]ed|"
    r"try again|unknown|no such)\b",
    re.IGNORECASE,
)
"""What is said to somebody who has pressed a wrong key."""

_LEAVING = ("hang-up", "failure")
"""What leads out of every document, and is no way out that the application has made."""


class Flow:
    """What was found, looked at from the sides that the rules need.

    Args:
        found: What was found.
        subject: The application.
        callers: Who called.
    """

    def __init__(self, found: Found, subject: Subject, callers: Callers) -> None:
        self.found = found
        self.subject = subject
        self.callers = callers
        self.met = found.met
        self.comes: dict[int, list[tuple[Met, Passage]]] = {met.id: [] for met in found.met}
        for met in found.met:
            for passage, target in met.passages:
                if target is not None:
                    self.comes[target].append((met, passage))
        self.good = self.backwards(self._is_good)

    def of(self, node: int) -> Met:
        """The state of an id."""
        return self.met[node - 1]

    def key(self, node: int | None) -> str | None:
        """What the document of a state has in common with the same one."""
        return None if node is None else str(self.of(node).key[0])

    def is_silent_end(self, met: Met, passage: Passage) -> bool:
        """Whether the platform ends an answered call in which nothing is said since the last document."""
        comes = self.comes[met.id]
        return (
            passage.reached is None
            and passage.cause == "hangup"
            and passage.kind not in _LEAVING
            and not (passage.heard or passage.person or passage.troubles)
            and not (comes and all(_is_excuse(came) for _, came in comes))
        )

    def is_end(self, node: int) -> bool:
        """Whether a state does nothing but end the call."""
        return all(passage.reached is None for passage, _ in self.of(node).passages)

    def ends_silently(self, node: int | None) -> bool:
        """Whether a state does nothing but end silently."""
        if node is None:
            return False
        met = self.of(node)
        ways = [each for each, _ in met.passages if each.kind not in _LEAVING]
        return bool(ways) and all(self.is_silent_end(met, each) for each in ways)

    def _is_good(self, met: Met) -> bool:
        """Whether somebody takes the call in it, or it ends with something said."""
        for passage, _ in met.passages:
            if passage.person:
                return True
            is_end = passage.reached is None and passage.kind not in _LEAVING
            if is_end and not passage.troubles:
                refused = passage.cause in ("rejected", "cancel")
                if refused or not self.is_silent_end(met, passage):
                    return True
        return False

    def backwards(self, is_one: Callable[[Met], bool]) -> set[int]:
        """The states from which one comes to one of some kind."""
        waiting = [met.id for met in self.met if is_one(met) or not met.is_explored]
        known = set(waiting)
        while waiting:
            for source, passage in self.comes[waiting.pop()]:
                if passage.kind not in _LEAVING and source.id not in known:
                    known.add(source.id)
                    waiting.append(source.id)
        return known

    # For findings

    def finding(
        self,
        rule: Rule,
        message: str,
        met: Met | None = None,
        choices: Iterable[Choice] | None = None,
        *,
        code: Code | None = None,
        tail: Sequence[str] = (),
    ) -> Finding:
        """A finding, with the conversation that leads to it."""
        done = None if choices is None else tuple(choices)
        return Finding(
            rule=rule.id,
            level=rule.level,
            message=without_credentials(message),
            node=None if met is None else met.id,
            choice=None if done is None else ", ".join(each.label for each in done if each.label),
            way=() if met is None else self.way(met),
            conversation=(*self.conversation(met, done), *tail),
            code=code or (None if met is None else met.code),
        )

    def way(self, met: Met) -> tuple[str, ...]:
        """What is done at each document from the first one on, to come to a state."""
        return tuple(step.label for each in met.path[1:] for step in each.steps)

    def conversation(self, met: Met | None, done: Iterable[Choice] | None) -> Iterator[str]:
        """The shortest call that comes to a state, line by line, with what is done there."""
        who = self.callers
        yield f"{who.to} is called" if who.is_outbound else f"{who.from_} calls {who.to}"
        if met is None:
            return
        path = met.path
        for here, after in zip(path, (*path[1:], None), strict=True):
            yield from (f"hears “{words}”" for words in said_in(here.state))
            chosen = done or () if after is None else after.steps[0].choices
            yield from (_line(choice) for choice in chosen if choice.label)


def _line(choice: Choice) -> str:
    match choice.kind:
        case "key":
            return f"presses {choice.label}"
        case "speech":
            return f"says {choice.label}"
        case "silence":
            return "does nothing"
        case _:
            return choice.label


def said_in(state: State) -> tuple[str, ...]:
    """What a document says, in order; an audio file in square brackets. No password is in it."""
    said: list[str] = []
    for verb in state.document:
        if isinstance(verb, (SpeakSentence, PlayAudio)):
            said.append(words_of(verb))
        elif isinstance(verb, Gather):
            said.extend(words_of(each) for each in verb)
    return tuple(map(without_credentials, said))


def menus_in(state: State) -> Iterator[Gather]:
    """The ``Gather`` verbs of a document of which somebody is told."""
    for verb in state.document:
        if isinstance(verb, Gather) and verb.gather_url is not None:
            yield verb


def promises_in(state: State) -> tuple[str, ...]:
    """The keys that a document offers: in its ``Gather``, or in what is said before it."""
    said = []
    for verb in state.document:
        if isinstance(verb, SpeakSentence):
            said.append(words_of(verb))
        elif isinstance(verb, Gather):
            said.append(prompt_of(verb))
            if verb.gather_url is not None:
                keys = keys_offered(". ".join(said))
                is_menu = assumed(verb, "max_digits") == 1
                ends = "" if is_menu else assumed(verb, "terminating_digits")
                return tuple(key for key in keys if key not in ends)  # which end a row of others
    return ()


def title_of(state: State) -> str:
    """A few words for a document."""
    said = [words for words in said_in(state) if not words.startswith("[")]
    for verb in state.document:
        whom = _whom(verb)
        if whom:
            return f"{type(verb).__name__} {whom.strip()}"
    if said:
        words = max(said, key=lambda each: bool(keys_offered(each)))
        return words if len(words) <= 60 else words[:59].rstrip() + "…"
    names = [type(verb).__name__ for verb in state.document]
    return ", ".join(dict.fromkeys(names)) or "(an empty document)"


def _whom(verb: object) -> str:
    """Who or what a verb hands the call to, if it does."""
    match verb:
        case Transfer() | Connect():
            return verb[0].text
        case Forward():
            return verb.to
        case Conference():
            return verb.text
        case _:
            return ""


# The rules


def _troubles(flow: Flow) -> Iterator[Finding]:
    seen = set()
    first: list[tuple[Met | None, Passage]] = [(None, each) for each in flow.found.first]
    every = [*first, *((met, passage) for met in flow.met for passage, _ in met.passages)]
    for met, passage in every:
        for trouble in passage.troubles:
            rule = ERROR if trouble.rule == "error" else INVALID_REPLY
            code = (trouble.error and code_of_error(trouble.error)) or flow.subject.code_of(
                trouble.url, type(trouble.event)
            )
            known = rule.id, code, trouble.message, code is None and met and met.id
            if known not in seen:
                seen.add(known)
                tail = [f"the {trouble.event.event_type} webhook fails"]
                yield flow.finding(
                    rule, trouble.message, met, passage.choices, code=code, tail=tail
                )


def _dead_ends(flow: Flow) -> Iterator[Finding]:
    open_ = flow.backwards(
        lambda met: any(
            passage.kind not in _LEAVING and (target is None or passage.person)
            for passage, target in met.passages
        )
    )
    shut = {met.id for met in flow.met} - open_
    known: dict[int, frozenset[int]] = {}
    told: set[int] = set()
    for node in sorted(shut):
        circle = _reached_from(flow, node, known)
        # What is reached leads back from everywhere: nothing leads on from there either.
        if node in told or not all(node in _reached_from(flow, each, known) for each in circle):
            continue
        told |= circle
        met = flow.of(node)
        if len(circle) == 1:
            words = "nothing leads out of this document but hanging up: it comes again and again"
        else:
            others = ", ".join(str(each) for each in sorted(circle - {node})[:5])
            words = (
                f"nothing leads out of a circle of {len(circle)} documents but hanging up (this one,"
                f" and {others})"
            )
        yield flow.finding(DEAD_END, words, met, ())


def _reached_from(flow: Flow, node: int, known: dict[int, frozenset[int]]) -> frozenset[int]:
    """The states to which one comes from a state, itself among them only if one comes back."""
    if node not in known:
        found: set[int] = set()
        waiting = [node]
        while waiting:
            for passage, target in flow.of(waiting.pop()).passages:
                if target is not None and target not in found and passage.kind not in _LEAVING:
                    found.add(target)
                    waiting.append(target)
        known[node] = frozenset(found)
    return known[node]


def _lost(flow: Flow) -> set[int]:
    """The states from which nobody comes to a person or a goodbye, though some calls end there."""
    bad = {met.id for met in flow.met} - flow.good
    ending = flow.backwards(
        lambda met: any(flow.is_silent_end(met, passage) for passage, _ in met.passages)
    )
    return bad & ending


def _no_person_or_goodbye(flow: Flow) -> Iterator[Finding]:
    lost = _lost(flow)
    told: set[int] = set()
    for met in flow.met:
        if met.id in lost and met.id not in told and any(True for _ in menus_in(met.state)):
            waiting = [met.id]
            while waiting:
                node = waiting.pop()
                if node not in told:
                    told.add(node)
                    waiting.extend(target for _, target in flow.of(node).passages if target in lost)
            words = "whatever is done here, nobody takes the call, and it ends without a word"
            yield flow.finding(NO_PERSON_OR_GOODBYE, words, met, ())


def _silent_ends(flow: Flow) -> Iterator[Finding]:
    lost = _lost(flow)
    for met in flow.met:
        if met.id in lost and any(
            source.id in lost and any(True for _ in menus_in(source.state))
            for source, _ in flow.comes[met.id]
        ):
            continue
        ends = [passage for passage, _ in met.passages if flow.is_silent_end(met, passage)]
        if ends:
            yield from _silent_end(flow, met, ends[0])


def _silent_end(flow: Flow, met: Met, passage: Passage) -> Iterator[Finding]:
    words = "the call ends, and nothing is said"
    tail = ["the call ends without a word"]
    # Each key that is offered is a finding of its own.
    comes = [
        (source, came)
        for source, came in flow.comes[met.id]
        if not (_is_excuse(came) or (not passage.label and _is_offered(source, came)))
    ]
    if met.parent is None or any(came.label == met.steps[-1].label for _, came in comes):
        words = f"after {passage.label!r} {words}" if passage.label else words
        yield flow.finding(SILENT_END, words, met, passage.choices, tail=tail)
    elif comes:  # one comes here in other ways too, at which there is nothing wrong
        source, came = comes[0]
        words = f"after {came.label!r} {words}"
        yield flow.finding(SILENT_END, words, source, came.choices, tail=tail)


def _is_excuse(came: Passage) -> bool:
    """Whether a call may end without a word after this: with somebody spoken to, or a goodbye said."""
    return came.person or (came.kind == "goes on" and came.heard)


def _is_offered(met: Met, passage: Passage) -> bool:
    return passage.kind == "key" and passage.label in promises_in(met.state)


Ways = Mapping[str, tuple[Passage, int | None]]
"""What each key leads to."""


def _keys(flow: Flow) -> Iterator[Finding]:
    """What keys do where a document is met first: later on, a script may have reason to do otherwise."""
    lost = _lost(flow)
    for met in {flow.key(met.id): met for met in reversed(flow.met)}.values():
        ways = {
            passage.label: (passage, to) for passage, to in met.passages if passage.kind == "key"
        }
        for key in promises_in(met.state):
            if key not in ways or ways[key][0].troubles:
                continue
            passage, target = ways[key]
            said = ". ".join(said_in(met.state))
            if _is_unhandled(flow, met, key, ways):
                words = f"key {key} is offered, and does what keys do that are not"
                yield flow.finding(UNHANDLED_KEY, words, met, passage.choices)
            elif met.id in lost:
                continue  # whatever is done there
            elif _is_back(flow, met, key, target) and key not in keys_of_return(said):
                words = f"key {key} is offered, and leads back to the same document"
                yield flow.finding(KEY_GOES_NOWHERE, words, met, passage.choices)
            elif flow.ends_silently(target) or flow.is_silent_end(met, passage):
                words = f"key {key} is offered, and then the call ends without a word"
                tail = ["the call ends without a word"]
                yield flow.finding(KEY_GOES_NOWHERE, words, met, passage.choices, tail=tail)


def _is_unhandled(flow: Flow, met: Met, key: str, ways: Ways) -> bool:
    """Whether a key does what all those do that are not offered, and that is not what it is for."""
    said = ". ".join(said_in(met.state))
    promises = promises_in(met.state)
    others = [ways[each] for each in KEYS if each in ways and each not in promises]
    here, target = ways[key], ways[key][1]
    if not others or not all(_is_same(here, each) for each in others):
        return False
    is_meant = key in keys_of_return(said) or (
        key in keys_of_leaving(said) and (target is None or flow.is_end(target))
    )
    differs = any(not _is_same(here, ways[each]) for each in promises if each in ways)
    is_back = _is_back(flow, met, key, target)
    return not is_meant and (differs or is_back or _apologizes(flow, target))


def _is_back(flow: Flow, met: Met, key: str, target: int | None) -> bool:
    """Whether a key leads to where one is already, and is not the way by which one came there."""
    comes = flow.comes[met.id]
    return target == met.id and not any(
        came.label == key and source.id != met.id for source, came in comes
    )


def _is_same(first: tuple[Passage, int | None], second: tuple[Passage, int | None]) -> bool:
    return first[1] == second[1] and first[0].cause == second[0].cause


def _apologizes(flow: Flow, target: int | None) -> bool:
    return target is not None and bool(
        _APOLOGY.search(" ".join(said_in(flow.of(target).state)[:2]))
    )


def _never_reached(flow: Flow) -> Iterator[Finding]:
    by_code: set[tuple[object, ...]] = set()
    for met in flow.met:
        if not met.is_explored or not met.passages:
            continue
        verbs = list(met.state.document)
        performed = max(passage.performed for passage, _ in met.passages)
        if performed >= len(verbs) or any(
            p.troubles and p.reached is None for p, _ in met.passages
        ):
            continue
        names = ", ".join(type(verb).__name__ for verb in verbs[performed:])
        last = type(verbs[performed - 1]).__name__ if performed else "the beginning"
        known = met.code, names, last
        if met.code is None or known not in by_code:
            by_code.add(known)
            words = f"never performed, as nothing goes on after {last}: {names}"
            yield flow.finding(NEVER_REACHED, words, met)


def _doubtful(flow: Flow) -> Iterator[Finding]:
    seen: set[tuple[object, ...]] = set()
    for met in flow.met:
        for problem in check(met.state.document):
            if problem.level == "info" or problem.rule == "doc-unreachable":
                continue  # the latter is seen in calls: see above
            known = met.code or flow.key(met.id), problem.rule, str(problem)
            if known not in seen:
                seen.add(known)
                words = f"{problem.rule}: {problem}. {problem.advice}".rstrip()
                yield flow.finding(DOUBTFUL, words, met)


def _no_fallback(flow: Flow) -> Iterator[Finding]:
    seen: set[tuple[object, ...]] = set()
    for met in flow.met:
        for passage, _ in met.passages:
            for event in passage.without_fallback:
                known = met.code or flow.key(met.id), event
                if known not in seen:
                    seen.add(known)
                    words = f"if the {event} webhook fails, the call ends: it has no fallback URL"
                    yield flow.finding(NO_FALLBACK, words, met, passage.choices)


_RULES: tuple[Callable[[Flow], Iterator[Finding]], ...] = (
    _troubles,
    _dead_ends,
    _no_person_or_goodbye,
    _silent_ends,
    _keys,
    _never_reached,
    _doubtful,
    _no_fallback,
)


def findings_of(flow: Flow) -> tuple[Finding, ...]:
    """All that is wrong, the worst first, and then in the order of the documents."""
    found = [each for rule in _RULES for each in rule(flow)]
    return tuple(sorted(found, key=lambda each: (-LEVELS.index(each.level), each.node or 0)))

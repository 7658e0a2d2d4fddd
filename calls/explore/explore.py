"""Exploring: every path of a voice application, as a graph with what is wrong in it."""

import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from msgspec.structs import replace

from bxml._kinds import without_credentials
from bxml.errors import InvalidDocument
from calls.explore.findings import (
    Flow,
    findings_of,
    menus_in,
    promises_in,
    said_in,
    title_of,
)
from calls.explore.graph import Edge, Graph, Node, Spent
from calls.explore.passage import CALLED, CALLER, Callers, State
from calls.explore.search import Found, Limits, Met, Search
from calls.explore.subject import Subject
from calls.simulator.replies import text_of

CHECKED = 0.05
"""How much of the webhooks that a search has cost is spent on looking whether it can be trusted."""


def explore(  # each has its own meaning
    app: Any,
    *,
    at: str | None = None,
    initiate: str | None = None,
    disconnect: str | None = None,
    credentials: tuple[str, str] | None = None,
    outbound: bool = False,
    from_: str = CALLER,
    to: str = CALLED,
    keys: Iterable[str] = (),
    says: Iterable[str] = (),
    after: Sequence[str] = (),
    stateful: bool | None = None,
    varies: str | None = None,
    callback_timeout: float = 15.0,
    limits: Limits | None = None,
    seed: int | None = None,
    now: Callable[[], float] = time.monotonic,
    progress: Callable[[int, int], None] | None = None,
) -> Graph:
    """Walk every path of a voice application: every key, silence, hang-up, and outcome.

        graph = explore(app)
        assert not graph.findings

    Nobody is called: the application gets the webhooks that the simulated platform sends it. What
    its handlers and scripts do, such as writing to a database, they do many times: give them
    doubles of what must not be touched.

    A ``VoiceApp`` and its scripts are forked at each place: each document is fetched once for each
    way that leads to it. That supposes that handlers answer by nothing but the event, its URL and
    what a script remembers; it is looked into, and where it does not hold, the way to each place is
    played again from the start by a new call, as it is for URLs and other applications.

    Args:
        app: A ``VoiceApp``; another ASGI or WSGI application; or a URL.
        at: Where an application of this process is taken to be; a ``VoiceApp`` with a ``public_url``
            is there.
        initiate: The path that gets the first webhook. That of a ``VoiceApp`` is found by its
            handlers; of any other it is ``/``.
        disconnect: The path that gets ``disconnect``. Found likewise; none for any other.
        credentials: The user name and the password with which the first webhook comes, and
            ``disconnect``, as the settings of a voice application have them. A ``VoiceApp`` gets
            its own. They are in nothing that comes out.
        outbound: Whether the application calls, and gets ``answer``, instead of being called.
        from_: Who calls; the number that the application shows, if it does.
        to: The number that is called.
        keys: Rows of keys that callers press, such as an order number, besides single keys.
        says: What callers say, besides the words that prompts ask for.
        after: What is done at each document from the first one on, before exploring begins: the
            ``way`` of a finding.
        stateful: Whether the application keeps in mind what happened on a call by other means than
            URLs, tags and scripts; None: it is found out.
        varies: What differs from call to call in documents without meaning anything, such as a date:
            a regular expression.
        callback_timeout: Seconds within which each webhook must be answered; the platform's are 15.
        limits: How far to go.
        seed: Makes the ids of the calls; None: chance does, so that an application that remembers
            calls knows none of them.
        now: Tells the seconds, for the limit.
        progress: Is told, again and again, how many documents are known, and how many of them are
            left to try.

    Raises:
        ValueError: No path is known that gets the first webhook; what is no URL.
        TypeError: What is no application.
        WayLost: The way of ``after`` cannot be gone.
    """
    callers = Callers(tuple(keys), tuple(says), from_, to, outbound)
    limits = limits or Limits()
    first_seed = secrets.randbits(48) << 16 if seed is None else seed
    begun = now()
    spent = Spent()
    remarks: dict[str, None] = {}
    while True:
        subject = Subject(
            app,
            at=at,
            initiate=initiate,
            disconnect=disconnect,
            credentials=credentials,
            varies=varies,
            outbound=outbound,
            callback_timeout=callback_timeout,
        )
        repeats = stateful is True or (stateful is None and not subject.can_be_forked)
        with subject.open():
            search = Search(
                subject,
                callers,
                limits,
                repeats=repeats,
                seed=first_seed,
                now=now,
                progress=progress,
            )
            found = subject.outside.run(search.run(tuple(after)))
            budget = 20 + int(found.webhooks * CHECKED)
            strange = subject.outside.run(search.differences(budget))
            flow = Flow(found, subject, callers)
            spent = _sum(spent, found)
            if not strange or repeats or stateful is False:
                break
        stateful = True
        first_seed += 1 << 15  # other ids than those that it knows by now
        remarks[
            "the application keeps in mind what happened on a call, so the way to each place was"
            " played again from the start (stateful=True says so at once)"
        ] = None
    if strange or found.lost:
        remarks[
            f"{len(strange) + found.lost} of the ways, gone once more by another call, lead to another document:"
            " the application answers by something else than the call, such as the time or chance"
            + (" (or stateful=False is wrong)" if not repeats else "")
        ] = None
    remarks.update(subject.remarks)
    return Graph(
        title=_title(app),
        nodes=tuple(map(_node, found.met)),
        edges=tuple(_edges(found)),
        findings=findings_of(flow),
        limits=tuple(found.limits),
        remarks=tuple(remarks),
        spent=replace(spent, seconds=now() - begun),
    )


def _title(app: Any) -> str:
    if isinstance(app, str):
        return app
    name = getattr(app, "__name__", None) or type(app).__name__
    return f"{name}"


def _sum(spent: Spent, found: Found) -> Spent:
    return Spent(calls=spent.calls + found.calls, webhooks=spent.webhooks + found.webhooks)


def _node(met: Met) -> Node:
    state = met.state
    return Node(
        id=met.id,
        title=title_of(state),
        says=said_in(state),
        bxml=_bxml(state),
        url=without_credentials(state.url),
        code=met.code,
        is_menu=any(True for _ in menus_in(state)),
        promises=promises_in(state),
        is_explored=met.is_explored,
        key=met.key[0],
    )


def _bxml(state: State) -> str:
    """The document for people, without the passwords in it."""
    document = state.document
    try:
        text = document.to_bxml(pretty=True)
    except InvalidDocument:  # with spaces and line ends it would be too large
        text = document.to_bxml()
    return without_credentials(text_of(text.encode()))


def _edges(found: Found) -> Iterator[Edge]:
    """The passages; those that lead to the same by the same means are one, but for promised keys."""
    for met in found.met:
        promises = promises_in(met.state)
        edges: dict[tuple[Any, ...], list[str]] = {}
        for passage, target in met.passages:
            label = passage.label
            own = label if passage.kind == "key" and label in promises else None
            key = target, passage.kind, passage.event, None if target else passage.cause, own
            choices = edges.setdefault(key, [])
            if label not in choices:
                choices.append(label)
        for (target, kind, event, cause, _), choices in edges.items():
            yield Edge(
                source=met.id,
                target=target,
                kind=kind,
                choices=tuple(filter(None, choices)),
                event=event,
                cause=cause,
            )

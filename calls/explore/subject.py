"""The application that is explored, and whatever of it can be put back to where it was."""

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from threading import RLock
from typing import Any
from urllib.parse import urlsplit

from msgspec.structs import replace

from calls.events import AnswerEvent, Event
from calls.explore.graph import Code
from calls.explore.identity import Identity
from calls.explore.memory import TooMuch, memory_of, waits_at
from calls.explore.passage import State, Unknown
from calls.explore.places import code_of
from calls.script._apart import Apart
from calls.script._asks import Listen
from calls.script._mounted import scripts_of
from calls.script.scripts import Scripts
from calls.simulator.errands import Answered, Delivery, Targets, Unanswered
from calls.simulator.outside import Outside
from calls.webhooks import VoiceApp

_ONE_AT_A_TIME = RLock()
"""While an application is explored, what this process logs and where its scripts are is changed."""


class Subject:
    """An application that is explored.

    Args:
        app: An ASGI or WSGI application of this process, or a URL.
        at: Where an application of this process is taken to be.
        initiate, disconnect: The paths that get these events; those of a ``VoiceApp`` are found.
        credentials: With which user name and password the first webhook comes, and ``disconnect``.
        varies: What differs from call to call in its documents without meaning anything, such as a
            time: a regular expression.
        outbound: Whether it calls: the first webhook is ``answer``.
        callback_timeout: Seconds within which it must answer.
    """

    def __init__(
        self,
        app: Any,
        *,
        at: str | None = None,
        initiate: str | None = None,
        disconnect: str | None = None,
        credentials: tuple[str, str] | None = None,
        varies: str | None = None,
        outbound: bool = False,
        callback_timeout: float = 15.0,
    ) -> None:
        self.outside = Outside()
        if outbound and initiate is None and isinstance(app, VoiceApp):
            initiate = app.path_for(AnswerEvent)
        found = self.outside.application(app, at=at, initiate=initiate, disconnect=disconnect)
        if credentials is not None:
            name, password = credentials
            first = replace(found.initiate.main, username=name, password=password)
            last = found.disconnect and replace(found.disconnect, username=name, password=password)
            found = replace(found, initiate=Targets(first), disconnect=last)
        self.application = replace(found, callback_timeout=callback_timeout)
        self._app = app if isinstance(app, VoiceApp) else None
        self.identity = Identity(varies)
        self._apart: list[Apart] = []
        self._complaints: list[tuple[str, BaseException | None]] = []
        self.remarks: dict[str, None] = {}
        """What cannot be compared."""

    @property
    def can_be_forked(self) -> bool:
        """Whether all that decides how a call goes on is in its documents, and in its script."""
        return self._app is not None

    @contextmanager
    def open(self) -> Iterator[None]:
        """Explore for the block: what it logs is taken, and its scripts are played apart."""
        logger = logging.getLogger("calls")
        taker = _Taker(self._complaints)
        with _ONE_AT_A_TIME, ExitStack() as stack:
            stack.callback(self.outside.close)
            for name, value in (("propagate", False), ("handlers", [taker])):
                stack.callback(setattr, logger, name, getattr(logger, name))
                setattr(logger, name, value)
            for scripts in scripts_of(self._app) if self._app is not None else ():
                if isinstance(scripts, Scripts):
                    self._apart.append(stack.enter_context(scripts.apart()))
            yield

    async def deliver(self, delivery: Delivery) -> Answered | Unanswered:
        """Send it a webhook."""
        return await self.outside.deliver(delivery)

    def complaints(self) -> list[tuple[str, BaseException | None]]:
        """What it has logged as an error since this was last asked."""
        found, self._complaints[:] = list(self._complaints), []
        return found

    # States

    def put(self, state: State) -> None:
        """Put its scripts back to where they were in a state."""
        call_id = "" if state.call is None else state.call.id
        for number, apart in enumerate(self._apart):
            apart.put(call_id, state.journal[number] if state.journal else ())

    def noted(self, state: State, place: object) -> State:
        """A state that has just been reached, with what its scripts remember.

        Args:
            state: The state.
            place: What tells it apart if they remember what cannot be compared.
        """
        if not self._apart or state.call is None:
            return state
        call_id = state.call.id
        memory: Any
        try:
            memory = tuple(memory_of(apart.play(call_id)) for apart in self._apart)
        except TooMuch as why:
            self.remarks[
                f"a script remembers what cannot be compared ({why}), so that its states are never"
                " met again: each way to one counts as another state"
            ] = None
            memory = Unknown(place)
        journal = tuple(apart.entries(call_id) for apart in self._apart)
        asks = [apart.play(call_id) for apart in self._apart]
        waits = [play.ask for play in asks if play is not None and isinstance(play.ask, Listen)]
        return replace(
            state,
            journal=journal,
            memory=memory,
            # Nobody sends a message, so it is the end of its patience that comes next.
            now=state.now + sum(ask.seconds or 0.0 for ask in waits),
            is_waiting=bool(waits),
        )

    def key_of(self, state: State) -> tuple[Any, ...]:
        """What two states have in common that go on alike."""
        call = state.call
        if call is None:
            return ()
        identity, whose = self.identity, (call.id, call.from_, call.to)
        return (
            identity.of_document(state.content, state.url, *whose),
            call.state == "answered" or _answers(state),
            call.tag,
            call.recording and call.recording.since is None,
            tuple(sorted(call.streams)),
            call.digits_to and identity.plain(call.digits_to.main.url, *whose),
            state.memory,
        )

    # Places

    def code_of(self, url: str, event: type[Event] | None, method: str = "POST") -> Code | None:
        """The function that answers an event at a URL."""
        if self._app is None or event is None:
            return None
        mounted = urlsplit(self._app.public_url or "").path
        path = urlsplit(url).path.removeprefix(mounted)
        return code_of(self._app.handler_for(path, event, method=method))

    def waits_at(self, call_id: str) -> Code | None:
        """The line at which the script of a call waits, if it has one that does."""
        for apart in self._apart:
            found = waits_at(apart.play(call_id))
            if found is not None:
                return found
        return None


def _answers(state: State) -> bool:
    """Whether a document begins by answering the call, so that whether it was before is all the same."""
    first = next(iter(state.document), None)
    return first is not None and first.answers_here()


class _Taker(logging.Handler):
    """Takes what is logged as an error."""

    def __init__(self, into: list[tuple[str, BaseException | None]]) -> None:
        super().__init__(logging.ERROR)
        self._into = into

    def emit(self, record: logging.LogRecord) -> None:
        """Take it."""
        error = record.exc_info[1] if record.exc_info else None
        told = record.args
        if (
            isinstance(told, tuple) and len(told) == 4
        ):  # handler, event, call, what: as the desk says it
            words = f"{told[0]}: {told[1]}: {told[3]}"
        else:
            words = record.getMessage()
        if error is not None:
            words = f"{words} ({type(error).__name__}: {error})"
        self._into.append((words, error))

"""Scripts at their paths: events in, documents out, and a journal from which each call can go on."""

import asyncio
import logging
import multiprocessing
import secrets
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import msgspec
from msgspec import Raw

from bxml._kinds import shown
from bxml.document import Bxml, Document
from calls.controller import AsyncCallController, CallController
from calls.errors import refuse
from calls.events import (
    AnswerEvent,
    CallEvent,
    InitiateEvent,
    RedirectEvent,
    parse_event,
)
from calls.script._apart import Apart
from calls.script._asks import Listen, Run, Wait
from calls.script._calls import Calls, Held
from calls.script._cipher import Encrypted
from calls.script._documents import document_of
from calls.script._entries import Begun, Came, Over, Sent
from calls.script._mounted import ENDS, AnyScript, Mounted, Place
from calls.script._play import Play
from calls.script._runs import Runs, under_way
from calls.script.errors import JournalConflict, ReplayError, ScriptError
from calls.script.journals import Journal, MemoryJournal
from calls.script.script import Script
from calls.webhooks import VoiceApp

logger = logging.getLogger("calls")

T = TypeVar("T")

MOST_CONFLICTS = 5
"""How often an event is answered anew because somebody else wrote to the journal meanwhile."""

MOST_SECONDS_FOR_ANOTHER = 5.0
"""How long what a call runs may wait for another call."""

LARGEST_MESSAGE = 1_048_576
"""Bytes of a message, as JSON."""

_COME_ONCE = (InitiateEvent, AnswerEvent)


class _Answered(Exception):  # no error: it ends what would be done with an event
    """What is said to an event that is not the script's business, or was answered before."""

    def __init__(self, document: Document | None) -> None:
        super().__init__()
        self.document = document


class _Lost(ScriptError):
    """Nothing is known of a call that has a script."""

    def __init__(self, event: CallEvent) -> None:
        super().__init__(
            f"no script is known of {shown(event.call_id)}: its journal was lost, or has expired."
            " After a restart, and among several workers, only a journal in a file or in Redis"
            " knows its calls"
        )


class Scripts(Mapping[str, Mounted]):
    """Scripts at their paths, to be given to a ``VoiceApp``, and all that they have in common.

        scripts = Scripts({"/answer": reception}, journal=SQLiteJournal("calls.sqlite3"))
        app = VoiceApp(scripts)

    Events come by POST. An event of a call that bears no step and asks for a document (``initiate``,
    ``answer``, ``redirect``, …) begins the script of its path; ``disconnect`` ends it, so let the
    application's status URL be the same path. URLs that go on with it bear ``?script_step=…``.

    Args:
        scripts: The paths, and the script that answers at each.
        journal: Where the scripts keep their place. By default in the memory of this process, so that
            they do not survive it, and no other worker knows of them: see ``SQLiteJournal`` for more
            than one process on a machine, ``RedisJournal`` for many machines.
        controller: With what ``send`` pushes documents into calls.
        retention: How long journals are kept after their last entry.
        key: One or several Fernet keys that encrypt the journal (extra ``encrypt``): it holds what
            callers press and say. The first one encrypts, all of them decrypt.
        most_in_memory: Calls whose scripts wait in memory. Those of others are run again when needed.
        now: The time, with its zone.
        new_seed: Makes the seed of a call's ``line.random``, of at most 63 bits.

    Raises:
        InvalidRequest: An argument is wrong; a script that needs more than its line.
    """

    def __init__(
        self,
        scripts: Mapping[str, AnyScript],
        *,
        journal: Journal | None = None,
        controller: AsyncCallController | CallController | None = None,
        retention: timedelta = timedelta(days=1),
        key: str | bytes | Sequence[str | bytes] | None = None,
        most_in_memory: int = 10_000,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        new_seed: Callable[[], int] = lambda: secrets.randbits(63),
    ) -> None:
        if _kind(retention) is not timedelta or retention <= timedelta():
            refuse("retention", f"must be a timedelta, more than none (got {shown(retention)})")
        if _kind(most_in_memory) is not int or most_in_memory < 0:
            refuse("most_in_memory", f"must be a number, 0 or more (got {shown(most_in_memory)})")
        keys = [key] if isinstance(key, (str, bytes)) else key
        self._mounted: dict[str, Mounted] = {}
        self._by_name: dict[str, Mounted] = {}
        self._controller = controller
        self._now = now
        self._new_seed = new_seed
        self._in_memory_only = journal is None
        self._calls = Calls(
            MemoryJournal() if journal is None else journal,
            None if keys is None else Encrypted(keys),
            self._bring,
            retention=retention,
            most_in_memory=most_in_memory,
            now=now,
        )
        self._runs = Runs(self._calls, now)
        self._under_way: set[asyncio.Task[Any]] = set()
        for path, script in scripts.items():
            self._add(path, script)

    @classmethod
    def of(cls, app: VoiceApp) -> "Scripts":
        """The scripts that an application was given one by one. They share a journal in memory."""
        found = _of_applications.get(app)
        if found is None:
            found = _of_applications[app] = cls({})
        return found

    def _add(self, path: str, script: AnyScript) -> Mounted:
        if not isinstance(script, Script):
            refuse("scripts", f"are functions with @script (got {shown(script)})")
        script.see_that_it_starts_alone()
        known = self._by_name.get(script.name)
        if known is not None and known.script is not script:
            refuse("scripts", f"are known by their names, and two have that of {script.name}")
        mounted = self._mounted[path] = Mounted(self, script)
        self._by_name.setdefault(script.name, mounted)
        return mounted

    def join(self, app: VoiceApp, path: str, script: AnyScript) -> None:
        """Let a script answer at a path of an application: what ``VoiceApp({path: script})`` does."""
        self._add(path, script).join(app, path)

    def __getitem__(self, path: str) -> Mounted:
        return self._mounted[path]

    def __iter__(self) -> Iterator[str]:
        return iter(self._mounted)

    def __len__(self) -> int:
        return len(self._mounted)

    @contextmanager
    def apart(self) -> Iterator[Apart]:
        """Answer, for the block, out of another journal in memory, which can be put back at will.

        For those who try what a script does. Calls that are under way must not come meanwhile. Chance
        is the same in all calls.
        """
        before = self._calls, self._runs, self._new_seed
        apart = Apart(self._bring, self._now)
        self._calls = apart.calls
        self._runs = Runs(self._calls, self._now)
        self._new_seed = lambda: 0
        try:
            yield apart
        finally:
            self._calls.drop_all()
            self._runs.close()
            self._calls, self._runs, self._new_seed = before

    async def close(self) -> None:
        """Let all scripts leave memory, and close the journal. Calls go on from it."""
        await self._calls.close()

    def _bring(self, begun: Begun, number: int) -> Play:
        mounted = self._by_name.get(begun.script)
        if mounted is None:
            known = ", ".join(self._by_name)
            raise ReplayError(0, f"a call of {begun.script}", f"one of {known}")
        return Play(mounted.script, begun, number, mounted.url_of)

    # Events

    async def answer(
        self, mounted: Mounted, event: CallEvent, place: Place | None
    ) -> Document | None:
        """The document that answers an event; None if none is wanted."""
        if self._in_memory_only and multiprocessing.parent_process() is not None:
            self._warn_of_other_workers()
        for _ in range(MOST_CONFLICTS):
            held = await self._calls.hold(event.call_id)
            try:
                begin = await self._told(held, mounted, event, place)
            except _Answered as answered:
                self._calls.keep(held)
                await self._calls.release(held)
                return answered.document
            except BaseException:
                await self._abandon(held)
                raise
            finished = self._finished(held, event, place, begin)
            try:
                if begin is not None or (held.play and isinstance(held.play.ask, Run)):
                    return await self._even_if_nobody_waits(finished)
                return await finished
            except JournalConflict:
                continue  # a hold ran out, and somebody else has gone on: look again
        raise JournalConflict(f"others keep writing to the journal of {event.call_id}")

    async def end(self, mounted: Mounted, event: CallEvent) -> None:
        """Tell of the end of a call. It comes once, and may have to wait for what runs."""
        await self._even_if_nobody_waits(self.answer(mounted, event, None))

    async def _told(
        self, held: Held, mounted: Mounted, event: CallEvent, place: Place | None
    ) -> Play | None:
        """Tell the script of an event. The script that is to begin then, if there is one.

        Raises:
            _Answered: It is not the script's business, or was answered before.
        """
        await self._calls.catch_up(held)
        play = held.play
        if isinstance(event, ENDS):
            if play is None or play.is_over or play.hung_up is not None:
                raise _Answered(None)
            held.feed(Over(self._now(), Raw(event.as_it_came())))
            return None
        if place is None:
            return await self._told_to_begin(held, mounted, event)
        if play is None:
            raise _Lost(event)
        ask = play.ask
        if isinstance(ask, Run):
            return None  # the process ended while it ran: it is run now
        if ask is None or place != (play.number, play.step):
            raise _Answered(await self._said_at(play, event, place))
        self._told_of_step(held, play, ask, event)
        return None

    async def _said_at(self, play: Play, event: CallEvent, place: Place) -> Document | None:
        """What was said to an event of a step at which the script does not wait."""
        if place == (play.number, play.answered):
            return self._said(play, event)
        if not play.is_over and place > (play.number, play.step):
            raise ScriptError(f"the script of {event.call_id} has not come to step {place.step}")
        return await self._said_before(event, place)

    def _told_of_step(self, held: Held, play: Play, ask: Wait | Listen, event: CallEvent) -> None:
        """Tell a script what came of the step at which it waits."""
        if isinstance(ask, Listen):
            self._told_to_wait(held, play, ask, event)
        elif isinstance(event, ask.event):
            came = Came(play.step, ask.asked, self._now(), Raw(event.as_it_came()))
            held.feed(came, event)
        else:
            words = "%s waits for %s and was told of %s: it says the same again"
            logger.warning(words, play.script.name, ask.asked, event.event_type)
            raise _Answered(self._said(play, event))

    async def _told_to_begin(self, held: Held, mounted: Mounted, event: CallEvent) -> Play | None:
        """What an event does that bears no step."""
        if not event.wants_document:
            raise _Answered(None)
        play = held.play
        if play is not None:
            starts = [bytes(play.begun.event)]
            if play.number > 1:
                starts = await self._calls.starts(held.call_id)
            for number, start in enumerate(starts, 1):
                if not _is_the_same(parse_event(start), event):
                    continue
                if number == play.number and isinstance(play.ask, Run):
                    return None  # the process ended while it ran: it is run now
                if (number, 0) == (play.number, play.answered):
                    raise _Answered(self._said(play, event))
                raise _Answered(await self._said_before(event, Place(number, 0)))
        begun = Begun(mounted.script.name, self._new_seed(), self._now(), Raw(event.as_it_came()))
        number = 1 if play is None else play.number + 1
        begins = Play(mounted.script, begun, number, mounted.url_of)
        if play is None or play.is_over:
            held.begin(begins)
            return None
        if play.hung_up is None:  # it ends as if the caller had hung up
            held.feed(Over(self._now(), Raw(event.as_it_came())))
        return begins

    def _told_to_wait(self, held: Held, play: Play, ask: Listen, event: CallEvent) -> None:
        """Somebody who waits for a message has heard everything: once more, or it was long enough."""
        if not isinstance(event, RedirectEvent):
            raise _Answered(self._said(play, event))
        waited = (event.event_time - play.since).total_seconds()
        if ask.seconds is None or waited < ask.seconds:
            raise _Answered(self._said(play, event, again=True))
        held.feed(Came(play.step, ask.asked, self._now(), Raw(event.as_it_came())))

    async def _finished(
        self, held: Held, event: CallEvent, place: Place | None, begins: Play | None
    ) -> Document | None:
        """Run what the script asks for, write, and let go of the call. What the script says."""
        try:
            if held.play is not None and held.play.is_quiet:
                await self._calls.write(held)
            else:
                await self._runs.perform(held)
            if begins is not None:
                if held.play is not None and held.play.failure is not None:
                    _log_failed(held.play.failure)
                held.begin(begins)
                await self._runs.perform(held)
            play = held.play
            assert play is not None  # noqa: S101  # it was told of the event
            if place is not None and place < (play.number, play.answered):
                document = await self._said_before(event, place)  # it was late
            else:
                document = self._said(play, event)
            self._calls.keep(held)
        except BaseException:
            held.lose()
            raise
        finally:
            await self._calls.release(held)
        return document

    async def _said_before(self, event: CallEvent, place: Place) -> Document | None:
        """What was said to an earlier event: the script is run again, up to there."""
        play = await self._calls.replayed(event.call_id, place.number, place.step)
        if play is None:
            raise ScriptError(f"the journal of {event.call_id} holds no script {place.number}")
        try:
            return self._said(play, event)
        finally:
            play.drop()

    def _said(self, play: Play, event: CallEvent, *, again: bool = False) -> Document | None:
        """What a script says to an event; what it raised, if it did."""
        if play.failure is not None:
            raise play.failure
        if not event.wants_document:
            return None
        return self._document(play, again=again)

    def _document(self, play: Play, *, again: bool = False) -> Document:
        mounted = self._by_name[play.script.name]
        return document_of(play, mounted.way(play.number, play.step), again=again)

    async def _abandon(self, held: Held) -> None:
        """Let go of a call as if nothing had been tried. The journal knows how far it has come."""
        held.lose()
        await self._calls.release(held)

    async def _even_if_nobody_waits(self, work: Coroutine[Any, Any, T]) -> T:
        """Do something to its end, also if whoever waits for it gives up: it must not be lost."""
        task = asyncio.get_running_loop().create_task(work)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            task.add_done_callback(_log_failure)
            raise

    def _warn_of_other_workers(self) -> None:
        self._in_memory_only = False
        logger.warning(
            "this looks like one of several workers, and scripts keep their place in its memory:"
            " calls that reach another worker fail. Scripts(…, journal=SQLiteJournal(path))"
        )

    # Messages

    async def send(self, call_id: str, message: Any) -> bool:
        """Send a message to the script of a live call.

        If the script waits for one, it goes on at once: what it says next is pushed into the call,
        through the controller. Otherwise the message waits until the script does. Any process may
        send that has the same scripts and journal. What the script runs next, runs in the event
        loop of whoever sends.

        Args:
            call_id: The call.
            message: What can be written as JSON.

        Returns:
            Whether the script was waiting, and what it says next was pushed.

        Raises:
            ScriptError: No script is under way in that call; there is no controller, or the
                application has no ``public_url``, as documents that are pushed need one; the message
                cannot be written as JSON.
            CallsError: The push failed. If the call lives on, it gets the same document at the end of
                what it is hearing.
        """
        if call_id in under_way.get():
            raise ScriptError("a call cannot be sent a message by what it runs itself")
        if self._controller is None:
            raise ScriptError("messages need a controller: Scripts(…, controller=…)")
        for mounted in self._mounted.values():
            if mounted.app.public_url is None:
                raise ScriptError(
                    "messages need VoiceApp(…, public_url=…): it stands in what is pushed"
                )
        try:
            body = msgspec.json.encode(message)
        except (TypeError, ValueError, OverflowError, RecursionError) as error:
            raise ScriptError(f"the message cannot be written as JSON: {error}") from None
        if len(body) > LARGEST_MESSAGE:
            raise ScriptError(f"a message has at most {LARGEST_MESSAGE:,} bytes")
        for _ in range(MOST_CONFLICTS):
            held = await self._held(call_id)
            try:
                await self._calls.catch_up(held)
                play = _under_way(held)
                waited = isinstance(play.ask, Listen)
                held.feed(Sent(self._now(), Raw(body)))
            except BaseException:
                await self._abandon(held)
                raise
            try:
                return await self._even_if_nobody_waits(self._pushed(held, play, pushes=waited))
            except JournalConflict:
                continue  # a hold ran out, and somebody else has gone on: look again
        raise JournalConflict(f"others keep writing to the journal of {call_id}")

    async def _held(self, call_id: str) -> Held:
        """Have a call; with a limit for those who have another, since that one's may wait for them."""
        if not under_way.get():
            return await self._calls.hold(call_id)
        try:
            async with asyncio.timeout(MOST_SECONDS_FOR_ANOTHER):
                return await self._calls.hold(call_id)
        except TimeoutError:
            raise ScriptError(
                f"{call_id} was busy for {MOST_SECONDS_FOR_ANOTHER:g} s, and what another call runs"
                " waits no longer for it"
            ) from None

    async def _pushed(self, held: Held, play: Play, *, pushes: bool) -> bool:
        """Go on with the script, and push what it says, before anybody else has the call."""
        try:
            await self._runs.perform(held)
            if pushes:
                document = play.script.on_failure if play.failure else self._document(play)
                if document is not None:
                    await self._push(held.call_id, document)
            self._calls.keep(held)
        except BaseException:
            held.lose()
            raise
        finally:
            await self._calls.release(held)
        if play.failure is not None:
            raise play.failure
        return pushes

    async def _push(self, call_id: str, document: Document) -> None:
        pushed = Bxml(document)
        if isinstance(self._controller, AsyncCallController):
            await self._controller.update_call_bxml(call_id, pushed)
        elif self._controller is not None:
            await self._runs.in_thread(partial(self._controller.update_call_bxml, call_id, pushed))


_of_applications: WeakKeyDictionary[VoiceApp, Scripts] = WeakKeyDictionary()


def _kind(value: object) -> type:
    """The class of what a caller who is not held to types may have given."""
    return type(value)


def _under_way(held: Held) -> Play:
    """The script of a call, which is still there."""
    play = held.play
    if play is None or play.is_over or play.hung_up is not None:
        raise ScriptError(f"no script is under way in {shown(held.call_id)}")
    return play


def _is_the_same(first: object, event: CallEvent) -> bool:
    """Whether an event with which a script began has come once more."""
    if isinstance(event, _COME_ONCE):
        return type(first) is type(event)
    return first == event


def _log_failure(task: asyncio.Task[Any]) -> None:
    """Tell of what nobody waits for any more."""
    if not task.cancelled() and (error := task.exception()) is not None:
        _log_failed(error)


def _log_failed(error: BaseException) -> None:
    logger.error("a script failed, and nobody waits for its answer", exc_info=error)

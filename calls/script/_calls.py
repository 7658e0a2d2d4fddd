"""Calls that one at a time has, and their scripts: in memory, or brought back from the journal."""

import asyncio
import atexit
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any
from weakref import WeakKeyDictionary, WeakSet

import msgspec

from calls.script._cipher import Encrypted
from calls.script._entries import AnyEntry, Begun, Tried, decode, encode
from calls.script._play import Known, Play
from calls.script.errors import JournalFailed
from calls.script.journals import Journal
from calls.turns import Turn, Turns


class _Signal(Future[None]):
    """What somebody waits on until it is their turn, in whatever thread and event loop."""

    def set(self) -> None:
        """Their turn has come."""
        with suppress(Exception):  # they may have given up waiting
            self.set_result(None)


_turns: WeakKeyDictionary[Any, Turns] = WeakKeyDictionary()
"""The queues for the calls of each journal: whoever shares a journal shares them."""


class Held:
    """A call that nobody else has, its script, and what is new in its journal.

    Attributes:
        call_id: The call.
        play: The script; None if none has begun.
        length: Entries that the journal has.
        new: Entries that it is still to get.
        turn: The place in the queue for the call.
    """

    __slots__ = ("call_id", "length", "new", "play", "turn")

    def __init__(self, call_id: str, turn: Turn) -> None:
        self.call_id = call_id
        self.turn = turn
        self.play: Play | None = None
        self.length = 0
        self.new: list[AnyEntry] = []

    def feed(self, entry: AnyEntry, known: Known = None) -> None:
        """Note an entry for the journal, and let the script go on with it."""
        self.new.append(entry)
        if self.play is not None:
            self.play.take(entry, known)

    def begin(self, play: Play) -> None:
        """Begin a script, in place of the one that there was."""
        self.new.append(play.begun)
        self.lose()
        self.play = play
        play.begin()

    def lose(self) -> None:
        """Let the script leave memory."""
        play, self.play = self.play, None
        if play is not None:
            play.drop()


class Calls:
    """The calls of some scripts.

    Args:
        journal: Where their entries are.
        cipher: What encrypts the entries, if something does.
        bring: Makes a play from the entry that it begins with, and the how manieth of its call it is.
        retention: How long entries are kept after the last one.
        most_in_memory: How many scripts wait in memory.
        now: The time.
    """

    def __init__(
        self,
        journal: Journal,
        cipher: Encrypted | None,
        bring: Callable[[Begun, int], Play],
        *,
        retention: timedelta,
        most_in_memory: int,
        now: Callable[[], datetime],
    ) -> None:
        self._journal = journal
        self._cipher = cipher
        self._bring = bring
        self._keep_seconds = retention.total_seconds()
        self._most_in_memory = most_in_memory
        self._now = now
        self._turns = _turns.setdefault(journal, Turns(_Signal))
        self._plays: OrderedDict[str, tuple[Play, int]] = OrderedDict()
        self._forgets_at = 0.0
        _all_calls.add(self)

    async def hold(self, call_id: str) -> Held:
        """Wait until nobody else has a call, and have it."""
        turn = self._turns.join(call_id)
        try:
            if turn.signal is not None:
                await asyncio.wrap_future(turn.signal)
            await self._journal.hold(call_id)
        except BaseException:
            self._turns.leave(turn)
            raise
        return Held(call_id, turn)

    async def release(self, held: Held) -> None:
        """Let others have the call."""
        try:
            await self._journal.release(held.call_id)
        finally:
            self._turns.leave(held.turn)

    async def catch_up(self, held: Held) -> None:
        """Bring its script to where the journal ends.

        Raises:
            ReplayError: The script asks for something else than the journal holds.
        """
        held.play, held.length = self._plays.pop(held.call_id, (None, 0))
        found = await self._journal.read(held.call_id, held.length)
        for each in found:
            entry = self._entry(held.call_id, held.length, each)
            held.length += 1
            if isinstance(entry, Begun):
                number = 1 if held.play is None else held.play.number + 1
                held.lose()
                held.play = self._bring(entry, number)
                held.play.begin()
            elif held.play is not None:
                held.play.take(entry)

    async def replayed(self, call_id: str, number: int, step: int) -> Play | None:
        """A script of the call, run again to where it has passed a step; None if there is none."""
        play: Play | None = None
        begun = 0
        for entry in await self._read(call_id, 0):
            if isinstance(entry, Begun):
                begun += 1
                if begun > number:
                    break
                if begun == number:
                    play = self._bring(entry, begun)
                    play.begin()
            elif play is not None:
                play.take(entry)
            if play is not None and play.has_passed(step):
                break
        return play

    async def starts(self, call_id: str) -> list[bytes]:
        """The events with which scripts have begun in the call, in order."""
        found = await self._read(call_id, 0)
        return [bytes(each.event) for each in found if isinstance(each, Begun)]

    async def _read(self, call_id: str, after: int) -> list[AnyEntry]:
        found = await self._journal.read(call_id, after)
        return [self._entry(call_id, number, each) for number, each in enumerate(found, after)]

    def _entry(self, call_id: str, number: int, held: bytes) -> AnyEntry:
        if self._cipher is not None:
            held = self._cipher.open(call_id, number, held)
        try:
            entry: AnyEntry = decode(held)
        except msgspec.MsgspecError as error:
            # What is in the entry is the caller's, and in no message.
            why = (
                "it is encrypted, or of another version"
                if held[:1] != b"["
                else type(error).__name__
            )
            raise JournalFailed(f"entry {number} of {call_id} cannot be read: {why}") from None
        return entry

    async def write(self, held: Held) -> None:
        """Write what is new.

        Raises:
            JournalConflict: Somebody else has written meanwhile.
        """
        if not held.new:
            return
        shut = list(map(encode, held.new))
        if self._cipher is not None:
            for index, entry in enumerate(shut):
                shut[index] = self._cipher.close(held.call_id, held.length + index, entry)
        last = held.new[-1]
        until = (
            self._now() if isinstance(last, Tried) else last.at
        ).timestamp() + self._keep_seconds
        await self._journal.append(held.call_id, held.length, shut, until)
        held.length += len(shut)
        held.new = []
        # Not too often: whoever removes old entries keeps others waiting.
        if until >= self._forgets_at:
            self._forgets_at = until + self._keep_seconds / 20
            await self._journal.forget(until - self._keep_seconds)

    def keep(self, held: Held) -> None:
        """Keep a script in memory, and let the one go that was there longest.

        One that is over as well: events may follow, and are not to run it once more.
        """
        play, held.play = held.play, None
        if play is None:
            return
        self._plays[held.call_id] = play, held.length
        while len(self._plays) > self._most_in_memory:
            self._plays.popitem(last=False)[1][0].drop()

    def in_memory(self, call_id: str) -> Play | None:
        """The script of a call, if it waits in memory."""
        play, _ = self._plays.get(call_id, (None, 0))
        return play

    def drop_all(self) -> None:
        """Let all scripts leave memory."""
        while self._plays:
            self._plays.popitem()[1][0].drop()

    async def close(self) -> None:
        """Let all scripts leave memory, and close the journal."""
        self.drop_all()
        await self._journal.close()


_all_calls: WeakSet[Calls] = WeakSet()


@atexit.register
def _leave_quietly() -> None:
    """What waits in memory when the program ends is not to do anything then."""
    for calls in list(_all_calls):
        calls.drop_all()

"""Running what a script asks to be run."""

import asyncio
import inspect
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import ContextVar, copy_context
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Raw

from calls.script._asks import Run
from calls.script._calls import Calls, Held
from calls.script._entries import Ran, Tried
from calls.script._play import INTERRUPTED
from calls.script.errors import JournalFailed
from calls.webhooks._desk import is_cancelled

MOST_THREADS = 40
"""Plain functions that run at a time; the others wait."""

LARGEST_RESULT = 1_048_576
"""Bytes of a result, as JSON."""


MOST_TRIES, TRY_AGAIN_SECONDS = 20, 0.25
"""How often, and after how long, a journal that fails is tried again with the result of a run."""

under_way: ContextVar[frozenset[str]] = ContextVar("under_way", default=frozenset())
"""The calls for which this very code is run."""

NO_RESULT = Raw(b"null")


class Runs:
    """Runs functions, async ones in the event loop and plain ones in threads.

    Args:
        calls: The calls whose scripts ask for it.
        now: The time.
    """

    def __init__(self, calls: Calls, now: Callable[[], datetime]) -> None:
        self._calls = calls
        self._now = now
        self._threads: ThreadPoolExecutor | None = None

    def close(self) -> None:
        """Let the threads end that have nothing to run."""
        if self._threads is not None:
            self._threads.shutdown(wait=False)

    async def perform(self, held: Held) -> None:
        """Run what a script asks for, one after the other, until it waits for somebody; then write.

        Each result is in the journal before the script goes on with it.
        """
        if held.play is not None and held.play.hung_up is not None:
            await self._calls.write(held)  # nobody will tell of it once more
        while held.play is not None and isinstance(ask := held.play.ask, Run):
            step, cause = held.play.step, None
            if ask.once and held.play.was_tried:
                ran = Ran(step, ask.asked, self._now(), NO_RESULT, INTERRUPTED)
            else:
                if ask.once:
                    held.feed(Tried(step, ask.asked))
                    await self._calls.write(held)
                token = under_way.set(under_way.get() | {held.call_id})
                try:
                    ran, cause = await self._run(step, ask)
                finally:
                    under_way.reset(token)
            held.new.append(ran)
            await self._written(held)
            held.play.take(ran, cause)
        await self._calls.write(held)

    async def _written(self, held: Held) -> None:
        """Write what has been done, and do not give up soon: if it is lost, it is done again."""
        for _ in range(MOST_TRIES):
            with suppress(JournalFailed):
                await self._calls.write(held)
                return
            await asyncio.sleep(TRY_AGAIN_SECONDS)
        await self._calls.write(held)

    async def _run(self, step: int, ask: Run) -> tuple[Ran, BaseException | None]:
        """What the journal is told, and what was raised, if something was."""
        try:
            result = await (ask.act() if ask.is_async else self.in_thread(ask.act))
            if inspect.isawaitable(result):
                result = await result
            raw = msgspec.json.encode(result)
        except asyncio.CancelledError as error:
            if is_cancelled():
                raise
            # It has waited for something that was cancelled, and that is its own affair.
            return Ran(step, ask.asked, self._now(), NO_RESULT, "CancelledError"), error
        except (Exception, SystemExit) as error:  # noqa: BLE001  # whatever a function may raise
            return Ran(step, ask.asked, self._now(), NO_RESULT, type(error).__qualname__), error
        if len(raw) > LARGEST_RESULT:
            large = ValueError(f"a result has at most {LARGEST_RESULT:,} bytes as JSON")
            return Ran(step, ask.asked, self._now(), NO_RESULT, "ValueError"), large
        return Ran(step, ask.asked, self._now(), Raw(raw)), None

    async def in_thread(self, act: Callable[[], Any]) -> Any:
        """Run something that may take its time in a thread."""
        if self._threads is None:
            # Made when it is first needed, so that a server may fork its workers before.
            self._threads = ThreadPoolExecutor(MOST_THREADS, thread_name_prefix="calls-script")
        context = copy_context()
        return await asyncio.get_running_loop().run_in_executor(
            self._threads, lambda: context.run(_without_stop, act)
        )


def _without_stop(act: Callable[[], Any]) -> Any:
    """``StopIteration`` cannot leave a thread: a future does not take it."""
    try:
        return act()
    except StopIteration as error:
        raise RuntimeError("it raised StopIteration") from error

"""Running what a script asks to be run."""

import asyncio
import inspect
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Raw

from calls.script._asks import Run
from calls.script._calls import Calls, Held
from calls.script._entries import Ran, Tried
from calls.script._play import INTERRUPTED
from calls.webhooks._desk import is_cancelled

MOST_THREADS = 40
"""Plain functions that run at a time; the others wait."""

LARGEST_RESULT = 1_048_576
"""Bytes of a result, as JSON."""


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

    async def perform(self, held: Held) -> None:
        """Run what a script asks for, one after the other, until it waits for somebody; then write.

        Each result is in the journal before the script goes on with it.
        """
        while held.play is not None and isinstance(ask := held.play.ask, Run):
            step, cause = held.play.step, None
            if ask.once and held.play.was_tried:
                ran = Ran(step, ask.asked, self._now(), NO_RESULT, INTERRUPTED)
            else:
                if ask.once:
                    held.feed(Tried(step, ask.asked))
                    await self._calls.write(held)
                ran, cause = await self._run(step, ask)
            held.new.append(ran)
            await self._calls.write(held)
            held.play.take(ran, cause)
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

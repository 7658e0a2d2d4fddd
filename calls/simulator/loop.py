"""Event loops for applications of this process.

On a clock that stands still the loop does so as well, and runs in the thread that turns the clock.
Where another loop runs in that thread already, as in an async test, it runs in a helper thread
meanwhile.
"""

import asyncio
import threading
import weakref
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")


class Watch:
    """Cancels a request that takes too long.

    One timer watches over all of them, and the task is asked for once: what each of many short
    requests would need for itself costs as much as the request does.
    """

    def __init__(self) -> None:
        self._task: asyncio.Task[Any] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._until: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._has_cancelled = False

    @property
    def is_on(self) -> bool:
        """Whether it watches over the task that runs."""
        return self._loop is not None

    def enter(self) -> None:
        """Requests are about to be sent from the task that runs."""
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()
        self._timer = None

    def begin(self, seconds: float) -> None:
        """A request begins."""
        if self._loop is None:
            return
        self._until = self._loop.time() + seconds
        if self._timer is None or self._timer.when() > self._until:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = self._loop.call_at(self._until, self._look)

    def end(self) -> None:
        """It is over."""
        self._until = None

    def leave(self) -> None:
        """No more requests are sent from this task."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._task = self._loop = None

    def _look(self) -> None:
        self._timer = None
        if self._until is None or self._loop is None or self._task is None:
            return
        if self._loop.time() < self._until:
            self._timer = self._loop.call_at(self._until, self._look)
        else:
            self._has_cancelled = True
            self._task.cancel()

    def has_cancelled(self) -> bool:
        """Whether it was this that has cancelled the task; asked once."""
        found, self._has_cancelled = self._has_cancelled, False
        if found and self._task is not None:
            self._task.uncancel()
        return found


class Loop:
    """An event loop that is run when there is something to do, and stands still otherwise."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._helper: ThreadPoolExecutor | None = None
        self._one_at_a_time = threading.Lock()
        self.watch = Watch()
        self.tasks: set[asyncio.Task[None]] = set()
        """What goes on whenever the loop runs."""
        # Where nobody closes it.
        self._finalizer = weakref.finalize(self, _end_loop, self._loop, self.tasks)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run something to its end."""
        with self._one_at_a_time:
            return self._run(self._watched(work))

    async def _watched(self, work: Coroutine[Any, Any, T]) -> T:
        self.watch.enter()
        try:
            return await work
        finally:
            self.watch.leave()

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        if asyncio._get_running_loop() is None:  # noqa: SLF001  # the public one raises, which costs
            return self._loop.run_until_complete(work)
        if self._helper is None:
            self._helper = ThreadPoolExecutor(1, thread_name_prefix="simulated application")
        return self._helper.submit(self._loop.run_until_complete, work).result()

    def close(self) -> None:
        """End what goes on, and the loop."""
        if self._loop.is_closed():
            return
        self.run(_end_tasks())
        self._finalizer()
        if self._helper:
            self._helper.shutdown()


class RunningLoop(Loop):
    """An event loop that runs in a thread of its own: for a clock that runs."""

    def __init__(self) -> None:
        super().__init__()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="simulated application", daemon=True
        )
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run something to its end, beside what runs already."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def close(self) -> None:
        """End what goes on, and the loop."""
        if self._loop.is_closed():
            return
        self.run(_end_tasks())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._finalizer()


async def _end_tasks() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    loop = asyncio.get_running_loop()
    await loop.shutdown_asyncgens()
    await loop.shutdown_default_executor()


def _end_loop(loop: asyncio.AbstractEventLoop, _: set[asyncio.Task[None]]) -> None:
    if loop.is_running():  # in a thread of its own, which ends with the program
        loop.call_soon_threadsafe(loop.stop)
    elif not loop.is_closed():
        if asyncio._get_running_loop() is None:  # noqa: SLF001  # the public one raises, which costs
            loop.run_until_complete(_end_tasks())
        loop.close()

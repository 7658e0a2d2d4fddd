"""One document, many calls: pushed at a rate, by several at a time, and never forgotten.

    from calls import CallController, broadcast

    with CallController.from_env() as controller:
        result = broadcast(
            controller, call_ids, Bxml().speak_sentence("We close in ten minutes."), rate=20,
            journal="closing.sqlite3", progress=True,
        )

Killed at any moment and started again with the same journal, it goes on where it was.
"""

import asyncio
import hashlib
import threading
from collections.abc import AsyncIterable, Callable, Coroutine, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from os import PathLike
from typing import Any, NamedTuple, TypeAlias, overload

import anyio
import anyio.to_thread
from msgspec import Struct

from bxml.document import Document
from bxml.errors import BxmlError
from calls._bar import reporting
from calls._exchange import AsyncWire, Bridge, Flow, arun
from calls._ledger import BATCH, Ledger, Row, Settled
from calls._sending import Site, checked_id
from calls.controller import AsyncCallController, CallController
from calls.errors import (
    CallEnded,
    CallNotFound,
    CallsError,
    Forbidden,
    PaymentRequired,
    RateLimited,
    ServerError,
    StatusError,
    Unauthorized,
    refuse,
)
from calls.operations import body_of, push_body

Markup: TypeAlias = Document | str | bytes

SECONDS_BETWEEN_REPORTS = 0.1

MOST_IN_VAIN = 3
"""Failures on end, for each of those at work, after which the platform counts as unreachable."""

_FOR_ALL = (Unauthorized, PaymentRequired, Forbidden)
"""Refusals that all the other calls would get as well."""


class Progress(Struct, frozen=True, kw_only=True):
    """How far a broadcast has come, this run and those before it.

    Attributes:
        total: Calls in all.
        pushed: Calls that took the document.
        refused: Calls that the platform would not change, or whose document was wrong.
        gone: Calls that have ended, or that nobody knows.
        seconds: How long this run has taken so far.
    """

    total: int
    pushed: int
    refused: int
    gone: int
    seconds: float

    @property
    def pending(self) -> int:
        """Calls that are still to be pushed."""
        return self.total - self.pushed - self.refused - self.gone


class BroadcastResult(Struct, frozen=True, kw_only=True):
    """What became of a broadcast.

    Attributes:
        progress: How many calls have which outcome.
        journal: The file that has the outcome of each call.
    """

    progress: Progress
    journal: str

    def rows(self, outcome: Settled | None = None) -> Iterator[Row]:
        """Each call with its outcome and the reason for it, or those with one outcome."""
        with Ledger(self.journal, None) as ledger:
            yield from ledger.rows(outcome)


class BroadcastStopped(CallsError):
    """Some calls are neither pushed nor refused nor gone, and it makes no sense to go on.

    ``progress`` says how many; ``__cause__`` is the failure that was the last straw. The same
    broadcast, started again with its journal, goes on where this one has stopped.
    """

    def __init__(self, progress: Progress, journal: str, reason: str) -> None:
        super().__init__(progress, journal, reason)
        self.progress = progress
        self.journal = journal
        self.reason = reason

    def __str__(self) -> str:
        done = self.progress
        return (
            f"{done.pending} of {done.total} calls are still to be pushed ({done.pushed} pushed, "
            f"{done.refused} refused, {done.gone} gone): {self.reason}; start the same broadcast "
            f"again with the journal {self.journal} to go on"
        )


class _Came(NamedTuple):
    """What came of one push: an outcome, or a failure that settles nothing."""

    outcome: Settled | None
    failure: Exception | None = None


class _Plan(NamedTuple):
    """What a broadcast was asked for. ``body`` is the document as it is sent, if it is but one."""

    document: Markup | Callable[[str], Markup]
    body: bytes | None
    journal: str | PathLike[str]
    concurrency: int
    progress: Callable[[Progress], object] | bool

    def ledger(self) -> Ledger:
        """The journal, which holds to one document."""
        one = self.body is not None
        about = hashlib.sha256(self.body or b"").hexdigest() if one else "one for each call"
        return Ledger(self.journal, about)


class _Work:
    """What is to be done, what has been done, and whether to go on. Safe in threads.

    Several workers ask for a call, push, and report what came of it. A pass goes through all the
    calls that have no outcome; there is another one as long as the last one settled any.
    """

    def __init__(
        self,
        plan: _Plan,
        site: Site,
        ledger: Ledger,
        report: Callable[[Progress], object] | None,
    ) -> None:
        self._plan = plan
        self._site = site
        self._ledger = ledger
        self._report = report
        self._patience = MOST_IN_VAIN * plan.concurrency
        self._lock = threading.Lock()
        counts = ledger.counts()
        self._counts = {name: counts.get(name, 0) for name in ("pushed", "refused", "gone")}
        self._total = sum(counts.values())
        self._ready = iter(ledger.pending())
        self._last = 0
        self._settled = self._in_vain = 0
        self._began = self._reported = site.now()
        self._stopped = False
        self.failure: BaseException | None = None

    def next(self) -> Row | None:
        """A call to be pushed; None when this pass is over."""
        with self._lock:
            if self._stopped:
                return None
            row = next(self._ready, None)
            if row is None:
                self._ready = iter(self._ledger.pending(self._last))
                row = next(self._ready, None)
            if row is not None:
                self._last = row.number
            return row

    def again(self) -> bool:
        """Whether another pass makes sense."""
        with self._lock:
            if self._stopped or not self._settled or not self.progress.pending:
                return False
            self._ready, self._last = iter(self._ledger.pending()), 0
            self._settled = self._in_vain = 0
            return True

    def flow(self, row: Row) -> Flow[_Came]:
        """Push into one call."""
        call_id = row.call_id
        try:
            body = self._plan.body
            if body is None:
                document = self._plan.document
                made = document(call_id) if callable(document) else document
                body = body_of(made, unchecked=False)
            yield from push_body(self._site, call_id, body)
        except BxmlError as error:
            return _Came("refused", error)
        except StatusError as error:
            return _Came(_outcome(error), error)
        except CallsError as error:
            return _Came(None, error)
        return _Came("pushed")

    def settle(self, row: Row, came: _Came) -> None:
        """Write down what came of a push, before anything else happens to the call."""
        if came.outcome is not None:
            detail = None if came.failure is None else str(came.failure)
            self._ledger.settle(row, came.outcome, detail)
        with self._lock:
            if came.outcome is not None:
                self._counts[came.outcome] += 1
                self._settled += 1
                self._in_vain = 0
            else:
                self.failure = came.failure
                self._in_vain += 1
                if isinstance(came.failure, _FOR_ALL) or self._in_vain >= self._patience:
                    self._stopped = True
            self._tell(last=False)

    def stop(self, failure: BaseException | None = None) -> None:
        """Begin no other push."""
        with self._lock:
            self._stopped = True
            self.failure = failure or self.failure

    @property
    def progress(self) -> Progress:
        """How far it has come."""
        seconds = self._site.now() - self._began
        return Progress(total=self._total, seconds=seconds, **self._counts)

    def done(self) -> BroadcastResult:
        """The result, if every call has an outcome."""
        with self._lock:
            self._tell(last=True)
            progress = self.progress
        if not progress.pending:
            return BroadcastResult(progress=progress, journal=self._ledger.path)
        if self.failure is not None and not isinstance(self.failure, CallsError):
            raise self.failure
        reason = str(self.failure or "it was stopped")
        raise BroadcastStopped(progress, self._ledger.path, reason) from self.failure

    def _tell(self, *, last: bool) -> None:
        if self._report is None:
            return
        now = self._site.now()
        if last or now - self._reported >= SECONDS_BETWEEN_REPORTS:
            self._reported = now
            self._report(self.progress)


def _outcome(error: StatusError) -> Settled | None:
    """What a refusal says about a call; None if it says nothing about this one."""
    if isinstance(error, CallEnded):
        return "gone"
    if isinstance(error, CallNotFound):
        # Not there, unless its state came: then it was only late in becoming visible.
        return "gone" if error.state is None else None
    if isinstance(error, (*_FOR_ALL, RateLimited, ServerError)):
        return None
    return "refused"


@overload
def broadcast(
    controller: CallController,
    call_ids: Iterable[str],
    document: Markup | Callable[[str], Markup],
    *,
    journal: str | PathLike[str],
    rate: float | None = None,
    concurrency: int = 50,
    progress: Callable[[Progress], object] | bool = False,
) -> BroadcastResult: ...
@overload
def broadcast(
    controller: AsyncCallController,
    call_ids: Iterable[str] | AsyncIterable[str],
    document: Markup | Callable[[str], Markup],
    *,
    journal: str | PathLike[str],
    rate: float | None = None,
    concurrency: int = 50,
    progress: Callable[[Progress], object] | bool = False,
) -> Coroutine[Any, Any, BroadcastResult]: ...
def broadcast(
    controller: CallController | AsyncCallController,
    call_ids: Any,
    document: Markup | Callable[[str], Markup],
    *,
    journal: str | PathLike[str],
    rate: float | None = None,
    concurrency: int = 50,
    progress: Callable[[Progress], object] | bool = False,
) -> BroadcastResult | Coroutine[Any, Any, BroadcastResult]:
    """Push a document into many calls; with an ``AsyncCallController``, await it.

    All the ids are written into the journal first, and then every call ends up pushed, refused or
    gone, and what became of it stands in the journal before anything else happens. Killed at any
    moment and started again in the same way, it goes on where it was: no call is forgotten, and
    none whose push is in the journal is pushed again. A push that was under way when the program
    was killed is sent again, since nobody knows what became of it.

    Failures that say nothing about a call (no connection, 5xx, 429) are repeated as the controller's
    ``Retry`` says, and again after the others. When nothing gets through any more, or the platform
    refuses the credentials, ``BroadcastStopped`` says so.

    Args:
        controller: Who pushes. Its connections, token and options serve for all.
        call_ids: The calls; any number of them, read once. One that comes twice is pushed once.
        document: The document, or a function that makes one for a call id.
        journal: A file of this broadcast alone, made if there is none.
        rate: Pushes a second, at most. None goes as fast as it goes.
        concurrency: Pushes under way at a time, 1 to 1000.
        progress: True shows a bar (with the ``cli`` extra); a function is told every tenth of a
            second, and at the end.

    Raises:
        BroadcastStopped: Some calls have no outcome yet.
        InvalidRequest: An argument is wrong, or the journal is another broadcast's or in use.
        InvalidDocument: The document has errors. Nothing was sent.
        ParseError: The markup is not a BXML document. Nothing was sent.
    """
    if type(concurrency) is not int or not 1 <= concurrency <= 1000:
        refuse("concurrency", f"must be a whole number from 1 to 1000 (got {concurrency!r})")
    if rate is not None:
        controller = controller.with_options(rate=rate)
    body = None if callable(document) else body_of(document, unchecked=False)
    plan = _Plan(document, body, journal, concurrency, progress)
    if isinstance(controller, CallController):
        return _blocking(controller, call_ids, plan)
    return _awaiting(controller, call_ids, plan)


def _blocking(controller: CallController, call_ids: Iterable[str], plan: _Plan) -> BroadcastResult:
    with plan.ledger() as ledger, reporting(plan.progress) as report:
        ledger.add(_checked(call_ids))
        work = _Work(plan, controller._site, ledger, report)  # noqa: SLF001  # of the same house

        async def drive() -> None:
            bridge = Bridge(controller._wire, plan.concurrency)  # noqa: SLF001
            try:
                await _drive(work, bridge, plan.concurrency)
            finally:
                await bridge.close()

        # In a thread of its own: the caller may be in an event loop, though it should not.
        with ThreadPoolExecutor(1, "broadcast") as thread:
            try:
                thread.submit(asyncio.run, drive()).result()
            finally:
                # Whatever ends this, those at work finish the push that they have begun.
                work.stop()
        return work.done()


async def _awaiting(
    controller: AsyncCallController, call_ids: Iterable[str] | AsyncIterable[str], plan: _Plan
) -> BroadcastResult:
    with plan.ledger() as ledger, reporting(plan.progress) as report:
        if isinstance(call_ids, AsyncIterable):
            batch: list[str] = []
            async for call_id in call_ids:
                batch.append(call_id)
                if len(batch) == BATCH:
                    ledger.add(_checked(batch))
                    batch.clear()
            ledger.add(_checked(batch))
        else:
            await anyio.to_thread.run_sync(ledger.add, _checked(call_ids))
        work = _Work(plan, controller._site, ledger, report)  # noqa: SLF001  # of the same house
        await _drive(work, controller._wire, plan.concurrency)  # noqa: SLF001
        return work.done()


async def _drive(work: _Work, wire: AsyncWire | Bridge, concurrency: int) -> None:
    """Let several workers push, until no other pass makes sense."""

    async def worker() -> None:
        try:
            while (row := work.next()) is not None:
                work.settle(row, await arun(work.flow(row), wire))
        except Exception as error:  # noqa: BLE001  # raised by done(), not in a group
            work.stop(error)

    while True:
        async with anyio.create_task_group() as group:
            for _ in range(concurrency):
                group.start_soon(worker)
        if not work.again():
            return


def _checked(call_ids: Iterable[str]) -> Iterator[str]:
    if isinstance(call_ids, str):
        refuse("call_ids", "must be an iterable of ids; this is one id")
    return (checked_id("call_ids", each) for each in call_ids)

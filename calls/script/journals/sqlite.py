"""A journal in an SQLite file, for all processes of one machine."""

import asyncio
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from os import PathLike, fspath
from typing import TypeVar

from calls.script.errors import JournalConflict, JournalFailed
from calls.script.journals._locks import ByteLocks

T = TypeVar("T")

LOOK_AGAIN_SECONDS = 0.005
"""How often somebody who waits for a call, or for the file, looks again."""

BUSY_SECONDS = 5.0
"""How long others may be at the file; a webhook waits 15 s (documented)."""

_VERSION = 1
_APPLICATION_ID = 0x42584D4A  # "BXMJ"
_SCHEMA = (
    "CREATE TABLE calls (call_id TEXT PRIMARY KEY, until REAL NOT NULL) WITHOUT ROWID",
    """CREATE TABLE entries (
      call_id TEXT NOT NULL, number INTEGER NOT NULL, entry BLOB NOT NULL,
      PRIMARY KEY (call_id, number)
    ) WITHOUT ROWID""",
    "CREATE INDEX calls_until ON calls (until)",
    f"PRAGMA application_id = {_APPLICATION_ID}",
    f"PRAGMA user_version = {_VERSION}",
)


class SQLiteJournal:
    """A journal in an SQLite file, for any number of processes on one machine.

    What is written survives the process, however it ends; only a failing machine can lose the last
    moments. A file next to it, with ``-locks`` at its end, says which process has which call: the
    kernel frees what a killed one had. Neither may be on a network file system. Linux and macOS.

    Args:
        path: The file; made if there is none.
        look_again_seconds: How often somebody who waits for a call looks whether it is free.

    Raises:
        JournalFailed: When it is first used: the file is something else, or cannot be opened.
    """

    def __init__(
        self, path: str | PathLike[str], *, look_again_seconds: float = LOOK_AGAIN_SECONDS
    ) -> None:
        self.path = fspath(path)
        self._look_again = look_again_seconds
        self._lock = threading.RLock()
        self._open: tuple[int, sqlite3.Connection, ByteLocks] | None = None

    async def hold(self, call_id: str) -> None:
        """Wait until no other process has the call, and have it."""
        while not self._files()[1].take(call_id):  # noqa: ASYNC110  # another process tells nobody
            await asyncio.sleep(self._look_again)

    async def release(self, call_id: str) -> None:
        """Let others have the call."""
        self._files()[1].give(call_id)

    async def read(self, call_id: str, after: int = 0) -> Sequence[bytes]:
        """The entries of a call, without the first ``after``."""
        query = "SELECT entry FROM entries WHERE call_id = ? AND number >= ? ORDER BY number"
        return await self._patiently(
            lambda file: [entry for (entry,) in file.execute(query, (call_id, after))]
        )

    async def append(
        self, call_id: str, after: int, entries: Sequence[bytes], until: float
    ) -> None:
        """Add entries to a call."""
        rows = [(call_id, after + index, entry) for index, entry in enumerate(entries)]

        def write(file: sqlite3.Connection) -> None:
            file.execute("BEGIN IMMEDIATE")
            try:
                _see_that_it_fits(file, call_id, after)
                file.executemany("INSERT INTO entries VALUES (?, ?, ?)", rows)
                file.execute("INSERT OR REPLACE INTO calls VALUES (?, ?)", (call_id, until))
                file.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    file.execute("ROLLBACK")
                raise

        await self._patiently(write)

    async def forget(self, now: float) -> int:
        """Remove the calls that were to be kept until ``now`` or less."""

        def remove(file: sqlite3.Connection) -> int:
            file.execute("BEGIN IMMEDIATE")
            try:
                file.execute(
                    "DELETE FROM entries WHERE call_id IN (SELECT call_id FROM calls WHERE until <= ?)",
                    (now,),
                )
                gone = file.execute("DELETE FROM calls WHERE until <= ?", (now,)).rowcount
                file.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    file.execute("ROLLBACK")
                raise
            return gone

        return await self._patiently(remove)

    async def close(self) -> None:
        """Close the file."""
        with self._lock:
            if self._open is not None and self._open[0] == os.getpid():
                self._open[1].close()
                self._open[2].close()
            self._open = None

    # The file

    async def _patiently(self, act: Callable[[sqlite3.Connection], T]) -> T:
        """Do something with the file, again and again while others are at it."""
        for _ in range(max(int(BUSY_SECONDS / self._look_again), 1)):
            try:
                with self._lock:
                    return act(self._files()[0])
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) and "busy" not in str(error):
                    raise self._failed(error) from None
            except sqlite3.Error as error:
                raise self._failed(error) from None
            await asyncio.sleep(self._look_again)
        raise self._failed(f"others have been writing for {BUSY_SECONDS:g} s")

    def _files(self) -> tuple[sqlite3.Connection, ByteLocks]:
        # A file must not be carried into a process that was forked, so it is opened when it is used.
        with self._lock:
            if self._open is None or self._open[0] != os.getpid():
                self._open = (os.getpid(), *self._opened())
            return self._open[1], self._open[2]

    def _opened(self) -> tuple[sqlite3.Connection, ByteLocks]:
        try:
            # timeout: how long it blocks; the event loop is to go on meanwhile, so not at all.
            file = sqlite3.connect(
                self.path, isolation_level=None, check_same_thread=False, timeout=0.0
            )
        except sqlite3.Error as error:
            raise self._failed(error) from None
        try:
            self._set_up(file)
            return file, ByteLocks(f"{self.path}-locks")
        except BaseException as error:
            file.close()
            if isinstance(error, (sqlite3.Error, OSError)):
                raise self._failed(error) from None
            raise

    def _set_up(self, file: sqlite3.Connection) -> None:
        """See that the file is a journal, and make it one if it is new."""
        file.execute("PRAGMA busy_timeout = 5000")  # several may open it at the same moment
        file.execute("BEGIN IMMEDIATE")
        [application_id] = file.execute("PRAGMA application_id").fetchone()
        [version] = file.execute("PRAGMA user_version").fetchone()
        [tables] = file.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if tables and application_id != _APPLICATION_ID:
            raise self._failed("it is a database, but no journal of scripts")
        if version > _VERSION:
            raise self._failed(f"it is of version {version}, and this is {_VERSION}")
        for statement in _SCHEMA if not tables else ():
            file.execute(statement)
        file.execute("COMMIT")
        _in_wal(file)
        file.execute("PRAGMA synchronous = NORMAL")
        file.execute("PRAGMA busy_timeout = 0")  # the event loop is to go on meanwhile

    def _failed(self, why: object) -> JournalFailed:
        return JournalFailed(f"the journal {self.path} cannot be used: {why}")


def _see_that_it_fits(file: sqlite3.Connection, call_id: str, after: int) -> None:
    """See that as many entries are there as somebody thinks."""
    counting = "SELECT count(*) FROM entries WHERE call_id = ?"
    [known] = file.execute(counting, (call_id,)).fetchone()
    if known != after:
        raise JournalConflict(f"the journal of {call_id} has {known} entries, not {after}")


def _in_wal(file: sqlite3.Connection) -> None:
    """Let readers and one writer go on side by side. Whoever is second to ask for it has to wait."""
    for _ in range(100):
        try:
            if file.execute("PRAGMA journal_mode = WAL").fetchone()[0] == "wal":
                return
        except sqlite3.OperationalError:
            pass
        time.sleep(0.02)
    raise sqlite3.OperationalError("database is locked")

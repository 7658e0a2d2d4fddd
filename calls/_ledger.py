"""What became of each call of a broadcast, in a file that survives the program."""

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from os import PathLike, fspath
from pathlib import Path
from typing import Literal, NamedTuple, NoReturn, Self, TypeAlias

from bxml.errors import Problem
from calls.errors import InvalidRequest

Settled: TypeAlias = Literal["pushed", "refused", "gone"]

BATCH = 1000
"""Rows that are read or written at a time, so that memory does not grow with their number."""

LONGEST_DETAIL = 500

_VERSION = "bxml-calls broadcast 1"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS about (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS calls (
  number INTEGER PRIMARY KEY,
  call_id TEXT NOT NULL UNIQUE,
  outcome TEXT CHECK (outcome IN ('pushed', 'refused', 'gone')),
  detail TEXT
);
"""


class Row(NamedTuple):
    """A call of a broadcast. Without an outcome it is still to be pushed."""

    number: int
    call_id: str
    outcome: Settled | None = None
    detail: str | None = None


class Ledger:
    """The journal of one broadcast: an SQLite file, for one process at a time.

    What is written has happened for good when the method returns, whatever becomes of the process;
    only a failing machine can lose the last moments. Safe in threads.

    Args:
        path: The file; made if there is none.
        about: What the broadcast sends, in a few words that differ where it differs; None to read a
            journal, whatever it is about.

    Raises:
        InvalidRequest: The file is that of another broadcast, or no journal, or in use.
    """

    def __init__(self, path: str | PathLike[str], about: str | None) -> None:
        self.path = fspath(path)
        if about is None and not Path(self.path).is_file():
            _refuse(f"{self.path} is not there")
        self._lock = threading.Lock()
        try:
            # Autocommit: each statement is a transaction of its own, unless one was begun.
            self._file = sqlite3.connect(
                self.path, isolation_level=None, check_same_thread=False, timeout=0.0
            )
        except sqlite3.Error as error:
            _refuse(f"{self.path} can be no journal ({error})")
        try:
            self._open(about)
        except sqlite3.Error as error:
            self._file.close()
            locked = "locked" in str(error)
            words = "is in use by another broadcast" if locked else f"is no journal ({error})"
            _refuse(f"{self.path} {words}")
        except BaseException:
            self._file.close()
            raise

    def _open(self, about: str | None) -> None:
        # Whoever has it first has it alone, until the process ends, however it ends.
        self._file.execute("PRAGMA locking_mode = EXCLUSIVE")
        tables = {name for (name,) in self._file.execute("SELECT name FROM sqlite_master")}
        if tables and not tables >= {"about", "calls"}:
            _refuse(f"{self.path} is a database, but no journal of a broadcast")
        self._file.execute("PRAGMA journal_mode = WAL")
        self._file.execute("PRAGMA synchronous = NORMAL")
        self._file.execute("BEGIN IMMEDIATE")
        for statement in _SCHEMA.split(";"):
            self._file.execute(statement)
        wanted = {"version": _VERSION} | ({} if about is None else {"document": about})
        self._file.executemany("INSERT OR IGNORE INTO about VALUES (?, ?)", wanted.items())
        found = dict(self._file.execute("SELECT name, value FROM about"))
        self._file.execute("COMMIT")
        if any(found[name] != value for name, value in wanted.items()):
            _refuse(f"{self.path} is the journal of another broadcast: its document is another one")

    def add(self, call_ids: Iterable[str]) -> None:
        """Take calls into the journal. Those that are in it already stay as they are."""
        rest = iter(call_ids)
        while batch := [(each,) for each in islice(rest, BATCH)]:
            with self._lock:
                self._file.execute("BEGIN")
                self._file.executemany("INSERT OR IGNORE INTO calls (call_id) VALUES (?)", batch)
                self._file.execute("COMMIT")

    def pending(self, after: int = 0) -> list[Row]:
        """Some calls that have no outcome, in the order in which they came, after a number."""
        with self._lock:
            rows = self._file.execute(
                "SELECT number, call_id FROM calls WHERE number > ? AND outcome IS NULL"
                " ORDER BY number LIMIT ?",
                (after, BATCH),
            ).fetchall()
        return [Row(*row) for row in rows]

    def settle(self, row: Row, outcome: Settled, detail: str | None) -> None:
        """Write down what became of a call."""
        cut = None if detail is None else detail[:LONGEST_DETAIL]
        with self._lock:
            self._file.execute(
                "UPDATE calls SET outcome = ?, detail = ? WHERE number = ?",
                (outcome, cut, row.number),
            )

    def counts(self) -> Mapping[str | None, int]:
        """How many calls have each outcome; None counts those that have none yet."""
        with self._lock:
            return dict(self._file.execute("SELECT outcome, count(*) FROM calls GROUP BY outcome"))

    def rows(self, outcome: Settled | None = None) -> Iterator[Row]:
        """The calls, or those with one outcome, in the order in which they came."""
        number = 0
        while True:
            with self._lock:
                found = self._file.execute(
                    "SELECT number, call_id, outcome, detail FROM calls"
                    " WHERE number > ? AND (? IS NULL OR outcome = ?) ORDER BY number LIMIT ?",
                    (number, outcome, outcome, BATCH),
                ).fetchall()
            if not found:
                return
            yield from (Row(*each) for each in found)
            number = found[-1][0]

    def close(self) -> None:
        """Close the file, and leave it to others."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _refuse(words: str) -> NoReturn:
    raise InvalidRequest([Problem("argument", "error", "", words, attribute="journal")])

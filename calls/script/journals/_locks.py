"""Locks among the processes of one machine, which the kernel opens when a process ends."""

import errno
import os
import struct
from contextlib import suppress
from hashlib import blake2b
from weakref import WeakSet

try:
    import fcntl
except ImportError as error:  # Windows
    raise ImportError(
        "SQLiteJournal needs the locks of Linux or macOS; see RedisJournal", name=error.name
    ) from error

_OFD_SET = getattr(fcntl, "F_OFD_SETLK", None)
"""The command for locks that belong to the open file. Linux has it; elsewhere they are the process's."""


class ByteLocks:
    """Locks by name, each on a byte of one file, and each of one process.

    A process that is killed loses them at once, so nobody waits for the dead.

    Args:
        path: The file, which stays empty.
    """

    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        _open_locks.add(self)

    def take(self, name: str) -> bool:
        """Take a lock. Whether it was free."""
        try:
            self._set(fcntl.F_WRLCK, name)
        except OSError as error:
            if error.errno in (errno.EACCES, errno.EAGAIN):
                return False
            raise
        return True

    def give(self, name: str) -> None:
        """Give a lock back."""
        with suppress(OSError):  # the file may be closed already, which gave it back
            self._set(fcntl.F_UNLCK, name)

    def _set(self, kind: int, name: str) -> None:
        at = int.from_bytes(blake2b(name.encode(), digest_size=8).digest()) >> 2
        if _OFD_SET is None:
            way = fcntl.LOCK_UN if kind == fcntl.F_UNLCK else fcntl.LOCK_EX | fcntl.LOCK_NB
            fcntl.lockf(self._file, way, 1, at)
        else:
            flock = struct.pack("hhqqi", kind, os.SEEK_SET, at, 1, 0)
            fcntl.fcntl(self._file, _OFD_SET, flock)

    def close(self) -> None:
        """Give all of them back."""
        _open_locks.discard(self)
        os.close(self._file)


_open_locks: WeakSet[ByteLocks] = WeakSet()


def _leave_them_to_the_parent() -> None:
    """A process that was forked has the same open file, and would keep what its parent has lost."""
    for locks in list(_open_locks):
        with suppress(OSError):
            locks.close()


os.register_at_fork(after_in_child=_leave_them_to_the_parent)

"""A journal in Redis, for any number of machines. Needs the extra ``redis``."""

import asyncio
from collections.abc import Awaitable, Sequence
from contextlib import suppress
from typing import Any, cast

from calls.script.errors import JournalConflict, JournalFailed

try:
    from redis.asyncio import Redis
    from redis.asyncio.lock import Lock
    from redis.exceptions import LockError, LockNotOwnedError, RedisError
except ImportError as error:
    raise ImportError(
        'RedisJournal needs redis: pip install "bxml-calls[redis]"', name="redis"
    ) from error

LEASE_SECONDS = 3.0
"""How long a process that was killed keeps its calls; one that lives renews its hold in time."""

LOOK_AGAIN_SECONDS = 0.01
"""How often somebody who waits for a call looks again."""

_APPEND = """
if redis.call('LLEN', KEYS[1]) ~= tonumber(ARGV[1]) then return 0 end
for index = 3, #ARGV do redis.call('RPUSH', KEYS[1], ARGV[index]) end
redis.call('PEXPIREAT', KEYS[1], ARGV[2])
return 1
"""


class RedisJournal:
    """A journal in Redis, for any number of processes on any number of machines.

    What is written is as safe as the server keeps it: with ``appendonly yes`` it survives the server.
    Entries expire by themselves. A process that is killed keeps its calls for three seconds more,
    as nobody can tell sooner that it is dead; then another one goes on.

    Args:
        url: ``redis://host:6379/0``, ``rediss://…`` or ``unix://…``, with its password.
        prefix: What the keys begin with.
        lease_seconds: How long a process that was killed keeps its calls.
    """

    def __init__(
        self, url: str, *, prefix: str = "bxml-calls:", lease_seconds: float = LEASE_SECONDS
    ) -> None:
        self._url = url
        self._prefix = prefix
        self._lease_seconds = lease_seconds
        # Connections belong to the event loop that they were made on.
        self._clients: dict[asyncio.AbstractEventLoop, Redis] = {}
        self._held: dict[str, tuple[Lock, asyncio.Task[None]]] = {}

    async def hold(self, call_id: str) -> None:
        """Wait until no other process has the call, and have it."""
        lock = self._client().lock(
            f"{self._prefix}hold:{call_id}",
            timeout=self._lease_seconds,
            sleep=LOOK_AGAIN_SECONDS,
            thread_local=False,
        )
        try:
            await lock.acquire()
        except RedisError as error:
            raise _failed(error) from None
        self._held[call_id] = lock, asyncio.ensure_future(self._renew(lock))

    async def _renew(self, lock: Lock) -> None:
        """Keep a call while something runs that takes its time."""
        token = lock.local.token
        while True:
            await asyncio.sleep(self._lease_seconds / 3)
            try:
                try:
                    await lock.reacquire()
                except LockNotOwnedError:
                    # It ran out, or the server has forgotten it: it is taken again, if nobody has it.
                    if not await lock.do_acquire(token):
                        return  # writing to the journal will show who was first
            except RedisError:
                continue  # the server may be back before it runs out

    async def release(self, call_id: str) -> None:
        """Let others have the call."""
        lock, renewing = self._held.pop(call_id, (None, None))
        if renewing is not None:
            renewing.cancel()
        if lock is not None:
            with suppress(LockError, RedisError):  # lost already
                await lock.release()

    async def read(self, call_id: str, after: int = 0) -> Sequence[bytes]:
        """The entries of a call, without the first ``after``."""
        found = self._client().lrange(self._key(call_id), after, -1)
        try:
            return await cast("Awaitable[list[bytes]]", found)
        except RedisError as error:
            raise _failed(error) from None

    async def append(
        self, call_id: str, after: int, entries: Sequence[bytes], until: float
    ) -> None:
        """Add entries to a call."""
        arguments = (str(after), str(int(until * 1000)), *entries)
        done = self._client().eval(_APPEND, 1, self._key(call_id), *cast("Any", arguments))
        try:
            written = await cast("Awaitable[int]", done)
        except RedisError as error:
            raise _failed(error) from None
        if not written:
            raise JournalConflict(f"the journal of {call_id} does not have {after} entries")

    async def forget(self, now: float) -> int:  # noqa: ARG002
        """Nothing: entries expire by themselves. 0."""
        return 0

    async def close(self) -> None:
        """Close the connections of this event loop."""
        client = self._clients.pop(asyncio.get_running_loop(), None)
        if client is not None:
            await client.aclose()

    def _key(self, call_id: str) -> str:
        return f"{self._prefix}journal:{call_id}"

    def _client(self) -> Redis:
        loop = asyncio.get_running_loop()
        client = self._clients.get(loop)
        if client is None:
            for other in [each for each in self._clients if each.is_closed()]:
                del self._clients[other]
            client = self._clients[loop] = Redis.from_url(self._url)
        return client

    def __repr__(self) -> str:
        return f"RedisJournal(prefix={self._prefix!r})"  # the URL may hold a password


def _failed(error: Exception) -> JournalFailed:
    # The name alone: messages of the library may hold the address with its password.
    return JournalFailed(f"the journal in Redis cannot be used: {type(error).__name__}")

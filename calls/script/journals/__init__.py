"""Where scripts keep their place: in memory, in an SQLite file, in Redis.

``RedisJournal`` is in ``calls.script.journals.redis``, since it needs the extra ``redis``.
"""

from calls.script.journals._journal import Journal
from calls.script.journals.memory import MemoryJournal

__all__ = ["Journal", "MemoryJournal"]

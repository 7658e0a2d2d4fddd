"""JSON in the platform's hand."""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import msgspec


def wire(value: Any) -> bytes:
    """JSON as the platform writes it: times in UTC with milliseconds (more only if there are)."""
    return msgspec.json.encode(_in_vendor_times(msgspec.to_builtins(value, builtin_types=_TIMES)))


_TIMES = (datetime,)


def _in_vendor_times(value: Any) -> Any:
    """The same, with its times as text. Lists and dicts are changed in place: they are fresh."""
    kind = type(value)
    if kind is dict:
        for name, inner in value.items():
            if type(inner) in _CHANGED:
                value[name] = _in_vendor_times(inner)
    elif kind is list:
        return [_in_vendor_times(inner) for inner in value]
    elif kind is datetime:
        return _vendor_time(value)
    return value


@lru_cache(maxsize=1024)
def _vendor_time(time: datetime) -> str:
    """One call's requests and events name the same moments again and again."""
    exactly = "microseconds" if time.microsecond % 1000 else "milliseconds"
    return time.astimezone(UTC).isoformat(timespec=exactly)[:-6] + "Z"


_CHANGED = frozenset({dict, list, datetime})

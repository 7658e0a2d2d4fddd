"""JSON in the platform's hand."""

from datetime import UTC, datetime
from typing import Any

import msgspec


def wire(value: Any) -> bytes:
    """JSON as the platform writes it: times in UTC with milliseconds (more only if there are)."""
    return msgspec.json.encode(_vendor_times(msgspec.to_builtins(value, builtin_types=(datetime,))))


def _vendor_times(value: Any) -> Any:
    match value:
        case datetime():
            exactly = "microseconds" if value.microsecond % 1000 else "milliseconds"
            return value.astimezone(UTC).isoformat(timespec=exactly).replace("+00:00", "Z")
        case dict():
            return {key: _vendor_times(inner) for key, inner in value.items()}
        case list():
            return [_vendor_times(inner) for inner in value]
        case _:
            return value

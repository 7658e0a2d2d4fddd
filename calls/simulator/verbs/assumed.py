"""What the platform assumes where an attribute is not written."""

from typing import Any

from bxml._declare import describe

_known: dict[type, dict[str, Any]] = {}


def assumed(verb: Any, name: str) -> Any:
    """The value of an attribute; where it is not written, what the platform assumes."""
    value = getattr(verb, name)
    return _assumptions(type(verb))[name] if value is None else value


def _assumptions(cls: type[Any]) -> dict[str, Any]:
    found = _known.get(cls)
    if found is None:
        told = ((each.name, each.assumes) for each in describe(cls).attributes)
        found = _known[cls] = {name: assumes.value if assumes else None for name, assumes in told}
    return found

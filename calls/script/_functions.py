"""What is to be known of a function that is run: its name, its kind, and how its result is read."""

import inspect
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any, get_type_hints

import msgspec

from calls.script._asks import Run
from calls.script.errors import ScriptError


def reads(wanted: Any, what: str) -> Callable[[bytes], Any]:
    """From JSON to a type.

    Raises:
        ScriptError: There is no telling from JSON which of several types is meant.
    """
    try:
        decode = msgspec.json.Decoder(wanted).decode
    except TypeError as error:
        raise ScriptError(f"{what} cannot be read as {wanted}: {error}") from None

    def read(body: bytes) -> Any:
        try:
            return decode(body)
        except (msgspec.MsgspecError, TypeError, ValueError, RecursionError) as error:
            kind = getattr(wanted, "__name__", wanted)
            raise ScriptError(f"{what} cannot be read as {kind}: {error}") from None

    return read


def run_of(function: Any, args: Any, kwargs: Any, *, once: bool) -> Run:
    if not callable(function):
        if inspect.iscoroutine(function):
            function.close()
        # Not what it is: it may be what somebody looked up.
        kind = type(function).__name__
        raise ScriptError(f"line.run takes a function, and then its arguments (got a {kind})")
    what, is_async, read = _known(function)
    return Run(f"run {what}", what, partial(function, *args, **kwargs), is_async, read, once)


def _known(function: Any) -> tuple[str, bool, Callable[[bytes], Any]]:
    """What is to be known of a function: its name, whether it is async, how its result is read."""
    named = function.func if isinstance(function, partial) else function
    try:
        return _known_of(getattr(named, "__func__", named))
    except TypeError:  # an object that cannot be hashed
        return _known_of.__wrapped__(named)  # the cache needs no part in it


@lru_cache(maxsize=512)
def _known_of(named: Any) -> tuple[str, bool, Callable[[bytes], Any]]:
    name = getattr(named, "__qualname__", type(named).__qualname__)
    what = f"{getattr(named, '__module__', None) or type(named).__module__}.{name}"
    try:
        wanted = get_type_hints(named).get("return", Any)
    except Exception:  # an annotation that cannot be read says nothing  # noqa: BLE001
        wanted = Any
    is_async = inspect.iscoroutinefunction(named)
    return what, is_async, reads(type(None) if wanted is None else wanted, f"what {what} returned")

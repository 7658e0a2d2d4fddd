"""Which function answers which event: read from the function itself."""

import inspect
from collections.abc import Awaitable, Callable, Iterator
from types import UnionType
from typing import Any, TypeAlias, Union, get_args, get_origin

from msgspec import Struct

from bxml._kinds import shown
from bxml.document import Document
from calls.errors import refuse
from calls.events import EVENTS, Event, UnknownEvent
from calls.webhooks.delivery import Query

Answer: TypeAlias = Document | None

HandlerFunction: TypeAlias = Callable[..., Answer | Awaitable[Answer]]
"""From an event, or an event and its delivery or query, to a document; plain or async."""


class Handler(Struct, frozen=True):
    """A function that answers events, and what to know of it before it is called."""

    function: HandlerFunction
    name: str
    is_async: bool
    wants_delivery: bool
    wants_query: bool
    on_failure: Document | None


def handler_of(function: HandlerFunction, on_failure: Document | None) -> Handler:
    """Read a function's signature.

    Raises:
        InvalidRequest: It cannot be called with an event.
    """
    if not callable(function):
        refuse("handler", f"must be a function from an event to a document (got {shown(function)})")
    name = getattr(function, "__qualname__", type(function).__name__)
    positional = list(_positional(function))
    required = [each for each in positional if each.default is each.empty]
    if not positional or len(required) > 2:
        refuse(name, "must take an event, or an event and a Delivery or Query")
    second = positional[1].annotation if len(positional) > 1 else None
    wants_query = second is Query
    return Handler(
        function=function,
        name=name,
        is_async=_is_async(function),
        wants_delivery=len(positional) > 1 and not wants_query,
        wants_query=wants_query,
        on_failure=on_failure,
    )


def events_of(handler: Handler) -> dict[type[Event], int]:
    """The events that a handler takes, each with how far it is from the class that is written there.

    A class stands for the events that are of it, so ``Event`` stands for all.
    """
    [first, *_] = _positional(handler.function)
    found: dict[type[Event], int] = {}
    for wanted in _members(first.annotation):
        if not (isinstance(wanted, type) and issubclass(wanted, Event)):
            words = (
                f"must say which events it takes: annotate its parameter {first.name!r} with a class "
                f"of calls.events, or several (got {_annotation(first)})"
            )
            refuse(handler.name, words)
        every: tuple[type[Event], ...] = (*EVENTS, UnknownEvent)
        for event in every:
            if issubclass(event, wanted):
                distance = event.__mro__.index(wanted)
                found[event] = min(distance, found.get(event, distance))
    return found


def _positional(function: HandlerFunction) -> Iterator[inspect.Parameter]:
    name = getattr(function, "__qualname__", "handler")
    try:
        parameters = inspect.signature(function, eval_str=True).parameters.values()
    except NameError as error:
        refuse(name, f"has an annotation that cannot be read where it is defined: {error}")
    except (TypeError, ValueError):
        refuse(name, "has no signature that can be read")
    for each in parameters:
        if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD):
            yield each
        elif each.kind is each.KEYWORD_ONLY and each.default is each.empty:
            refuse(name, f"must not require {each.name!r} by name: it is called with the event")


def _members(annotation: Any) -> tuple[Any, ...]:
    if get_origin(annotation) in (Union, UnionType):
        return get_args(annotation)
    return (annotation,)


def _annotation(parameter: inspect.Parameter) -> str:
    if parameter.annotation is parameter.empty:
        return "no annotation"
    return shown(getattr(parameter.annotation, "__name__", parameter.annotation))


def _is_async(function: Any) -> bool:
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
        getattr(function, "__call__", None)  # noqa: B004  # an object with an async __call__
    )

"""Methods of a line that are verbs: each has the signature of its verb."""

import inspect
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, Concatenate, ParamSpec, TypeAlias, TypeVar, cast

from bxml._declare import python_name
from bxml.document import CallVerb
from bxml.verbs import Conference, PhoneNumber, Redirect, Refer, SipUri, Transfer
from calls.events import Event, RedirectEvent, ReferCompleteEvent, TransferCompleteEvent
from calls.script._asks import Stage, Wait, refuse_own_urls
from calls.script.outcomes import (
    Conferred,
    Redirected,
    Referred,
    Transferred,
    referred,
    transferred,
)

P = ParamSpec("P")
T = TypeVar("T")
Outcome = TypeVar("Outcome")
E = TypeVar("E", bound=Event)

Party: TypeAlias = str | PhoneNumber | SipUri
"""Whom a transfer rings: a number, a SIP address, or a nested tag."""


class OnStage:
    """What has a stage to say its verbs on."""

    __slots__ = ("_stage",)

    def __init__(self, stage: Stage) -> None:
        self._stage = stage


_ENDS = "Ends the document. The script goes on with what comes of it."


def says(verb: Callable[P, CallVerb]) -> Callable[Concatenate[OnStage, P], None]:
    """A method that says a verb; its signature is the verb's own."""

    def method(self: OnStage, /, *args: P.args, **kwargs: P.kwargs) -> None:
        self._stage.say(verb(*args, **kwargs))

    return _named(method, verb, "Goes into the document that the next ``await`` ends.")


def asks(
    verb: Callable[P, CallVerb], event: type[E], read: Callable[[E], Outcome], stem: str
) -> Callable[Concatenate[OnStage, P], Coroutine[Any, Any, Outcome]]:
    """A method that says a verb and waits for its event; its signature is the verb's own."""
    asked = python_name(cast("Any", verb).__name__)

    async def method(self: OnStage, /, *args: P.args, **kwargs: P.kwargs) -> Outcome:
        built = verb(*args, **kwargs)
        refuse_own_urls(built, stem)
        outcome: Outcome = await self._stage.ask(Wait(asked, built, stem, event, read))
        return outcome

    return _named(method, verb, _ENDS)


def rings(
    verb: Callable[Concatenate[Iterable[PhoneNumber | SipUri], P], Transfer],
) -> Callable[Concatenate[OnStage, Party | Iterable[Party], P], Coroutine[Any, Any, Transferred]]:
    """The method that transfers. In place of nested tags it takes what they hold as well."""

    async def transfer(
        self: OnStage, to: Party | Iterable[Party], /, *args: P.args, **kwargs: P.kwargs
    ) -> Transferred:
        parties = (to,) if isinstance(to, (str, PhoneNumber, SipUri)) else to
        built = verb([_tag(each) for each in parties], *args, **kwargs)
        refuse_own_urls(built, "transfer_complete")
        wait = Wait("transfer", built, "transfer_complete", TransferCompleteEvent, transferred)
        outcome: Transferred = await self._stage.ask(wait)
        return outcome

    return _named(transfer, verb, _ENDS, "to")


def refers(
    verb: Callable[Concatenate[Iterable[SipUri], P], Refer],
) -> Callable[Concatenate[OnStage, str | SipUri, P], Coroutine[Any, Any, Referred]]:
    """The method that refers, to an address."""

    async def refer(
        self: OnStage, to: str | SipUri, /, *args: P.args, **kwargs: P.kwargs
    ) -> Referred:
        built = verb([SipUri(to) if isinstance(to, str) else to], *args, **kwargs)
        refuse_own_urls(built, "refer_complete")
        wait = Wait("refer", built, "refer_complete", ReferCompleteEvent, referred)
        outcome: Referred = await self._stage.ask(wait)
        return outcome

    return _named(refer, verb, _ENDS, "to")


def confers(
    verb: Callable[P, Conference],
) -> Callable[Concatenate[OnStage, P], Coroutine[Any, Any, Conferred]]:
    """The method that joins a conference: it has no URL of its own, so a ``Redirect`` follows."""

    async def conference(self: OnStage, /, *args: P.args, **kwargs: P.kwargs) -> Conferred:
        self._stage.say(verb(*args, **kwargs))
        wait = Wait("conference", None, "redirect", RedirectEvent, Conferred)
        outcome: Conferred = await self._stage.ask(wait)
        return outcome

    return _named(conference, verb, _ENDS)


def redirects(
    verb: Callable[P, Redirect],
) -> Callable[Concatenate[OnStage, P], Coroutine[Any, Any, Redirected]]:
    """The method that sends the call elsewhere, from where it may come back."""

    async def redirect(self: OnStage, /, *args: P.args, **kwargs: P.kwargs) -> Redirected:
        wait = Wait("redirect", verb(*args, **kwargs), "", RedirectEvent, Redirected)
        outcome: Redirected = await self._stage.ask(wait)
        return outcome

    words = (
        "Sends the call to another URL. The script goes on if the call comes back to the"
        " ``return_url`` that the line had before."
    )
    return _named(redirect, verb, words)


def _named(function: T, verb: Any, words: str, first: str | None = None) -> T:
    method: Any = function
    method.__name__ = python_name(verb.__name__)
    method.__qualname__ = f"Line.{method.__name__}"
    method.__doc__ = f"{words} {verb.__doc__ or ''}"
    # What help() shows: the parameters are the verb's.
    own = list(inspect.signature(verb).parameters.values())
    if first is not None:
        own[0] = inspect.Parameter(first, inspect.Parameter.POSITIONAL_ONLY)
    line = inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)
    method.__signature__ = inspect.Signature([line, *own])
    return function


def _tag(party: Party) -> PhoneNumber | SipUri:
    if not isinstance(party, str):
        return party
    return SipUri(party) if party[:4].lower() == "sip:" else PhoneNumber(party)

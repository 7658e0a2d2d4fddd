"""The five operations, as flows: what is sent, and what the reply means.

Nothing here waits, sends or knows the time. The controllers run these flows.
"""

import re
from collections.abc import Callable
from functools import wraps
from inspect import Parameter, signature
from typing import Any, Concatenate, ParamSpec, TypeVar, get_type_hints
from urllib.parse import urlencode, urljoin, urlsplit

import msgspec
from msgspec import Struct

from bxml.document import Bxml, Document
from bxml.errors import Problem
from calls._exchange import Flow, Reply, Request
from calls.auth import Auth, Tokens, authorized
from calls.errors import InvalidRequest, UnexpectedReply, error_of
from calls.models import CallState, CreateCall, CreateCallResponse, ListCalls, UpdateCall

BASE_URL = "https://voice.bandwidth.com/api/v2"

P = ParamSpec("P")
M = TypeVar("M")
R = TypeVar("R")
T = TypeVar("T")

_LINK = re.compile(r'<([^<>]*)>\s*;[^,<]*\brel="?([^",;]*)"?')
_ID = re.compile(r"[A-Za-z0-9_-]{1,256}")


class Site(Struct, frozen=True):
    """Where a controller sends its requests, and as whom."""

    account_id: str
    base_url: str
    auth: Auth
    tokens: Tokens

    def url(self, *parts: str) -> str:
        """The URL of the calls of this account, or of something below them."""
        return "/".join([self.base_url, "accounts", self.account_id, "calls", *parts])


class Page(Struct, frozen=True):
    """Some calls, and where the next ones are."""

    calls: list[CallState]
    next_url: str | None


def site(account_id: str, base_url: str, auth: Auth, tokens: Tokens) -> Site:
    """A checked ``Site``."""
    try:
        scheme, host, _ = _origin(base_url)
    except (AttributeError, TypeError, ValueError):
        scheme, host = "", None
    if scheme not in ("http", "https") or not host:
        _refuse("base_url", f"must be an absolute http or https URL (got {base_url!r})")
    return Site(_id("account_id", account_id), base_url.rstrip("/"), auth, tokens)


def _taking(model: Callable[P, M], skip: int) -> Callable[[Callable[..., R]], Callable[..., R]]:
    """Let a flow take the fields of ``model`` as its own arguments, after the first ``skip``."""

    def decorate(flow: Callable[..., R]) -> Callable[..., R]:
        @wraps(flow)
        def taking(*args: Any, **kwargs: Any) -> R:
            if len(args) > skip:
                raise TypeError(f"{flow.__name__}() takes its fields by keyword")
            return flow(*args, model(**kwargs))  # type: ignore[call-arg]

        # The fields of a model are written down once: help() and editors show them from there.
        own = list(signature(flow).parameters.values())[:skip]
        plain = get_type_hints(model)
        fields = [
            field.replace(kind=Parameter.KEYWORD_ONLY, annotation=plain[field.name])
            for field in signature(model).parameters.values()
        ]
        taking.__signature__ = signature(flow).replace(parameters=own + fields)  # type: ignore[attr-defined]
        return taking

    return decorate


def taking(
    model: Callable[P, M],
) -> Callable[[Callable[[Site, M], R]], Callable[Concatenate[Site, P], R]]:
    """Give a flow on the whole account the arguments of ``model``."""
    return _taking(model, 1)


def taking_call(
    model: Callable[P, M],
) -> Callable[[Callable[[Site, str, M], R]], Callable[Concatenate[Site, str, P], R]]:
    """Give a flow on one call the arguments of ``model``, after the call's id."""
    return _taking(model, 2)


@taking(CreateCall)
def create_call(site: Site, order: CreateCall) -> Flow[CreateCallResponse]:
    """Place an outbound call.

    The result says that the call was accepted, not that anybody answered: follow it by its
    webhooks or by ``get_call_state``. Never repeated by itself: two requests are two calls.

    Raises:
        InvalidRequest: The platform would refuse this. Nothing was sent.
        StatusError: The platform refused it, with the class of its status.
        ConnectionFailed: No reply; ``may_have_arrived`` says whether a phone may ring.
    """
    request = _json("POST", site.url(), order)
    reply = yield from _accepted(site, request)
    return _decoded(request, reply, CreateCallResponse)


def get_call_state(site: Site, call_id: str) -> Flow[CallState]:
    """What the platform knows of a call. A new call may take minutes to become visible (404).

    Raises:
        CallNotFound: No such call, or not visible yet, or it ended more than seven days ago.
        StatusError: The platform refused it, with the class of its status.
        ConnectionFailed: No reply.
    """
    request = _bare("GET", site.url(_id("call_id", call_id)))
    reply = yield from _accepted(site, request)
    if reply.content.lstrip()[:1] == b"[":
        # An array of one has been seen in place of the object (hearsay).
        [state] = _decoded(request, reply, list[CallState])[:1] or [CallState()]
        return state
    return _decoded(request, reply, CallState)


@taking(ListCalls)
def list_calls(site: Site, query: ListCalls) -> Flow[Page]:
    """The first page of the calls of the account, oldest first; ``next_page`` has the others.

    Raises:
        InvalidRequest: The platform would refuse this. Nothing was sent.
        StatusError: The platform refused it, with the class of its status.
        ConnectionFailed: No reply.
    """
    fields = msgspec.to_builtins(query)
    encoded = f"?{urlencode(fields)}" if fields else ""
    return (yield from next_page(site, site.url() + encoded))


def next_page(site: Site, url: str) -> Flow[Page]:
    """The page at the URL that another page named."""
    request = _bare("GET", url)
    reply = yield from _accepted(site, request)
    return Page(_decoded(request, reply, list[CallState]), _next_url(request, reply))


@taking_call(UpdateCall)
def update_call(site: Site, call_id: str, change: UpdateCall) -> Flow[None]:
    """Send a live call to another URL, or end it with ``state="completed"``.

    The reply says that the change was accepted; what came of it, webhooks and state tell.

    Raises:
        InvalidRequest: The platform would refuse this. Nothing was sent.
        CallNotFound: No such call, not visible yet, or ended long ago.
        CallConflict: The call is not answered yet, or it has just ended.
        StatusError: The platform refused it, with the class of its status.
        ConnectionFailed: No reply; ``may_have_arrived`` says whether it may have been done.
    """
    request = _json("POST", site.url(_id("call_id", call_id)), change)
    yield from _accepted(site, request)


def update_call_bxml(site: Site, call_id: str, document: Document) -> Flow[None]:
    """Replace the document of a live call: what it was doing ends, and this runs from its start.

    Either root will do; ``<Bxml>`` is what is sent. Write absolute URLs: there is no page that
    relative ones could be relative to.

    Raises:
        InvalidDocument: The document is too large. Nothing was sent.
        CallNotFound: No such call, not visible yet, or ended long ago.
        CallConflict: The call is not answered yet, or it has just ended.
        StatusError: The platform refused it, with the class of its status.
        ConnectionFailed: No reply; ``may_have_arrived`` says whether it may have been done.
    """
    if not isinstance(document, Document):
        _refuse("document", f"must be a Response or a Bxml (got {type(document).__name__})")
    pushed = document if isinstance(document, Bxml) else Bxml(document)
    url = site.url(_id("call_id", call_id), "bxml")
    headers = {"Accept": "application/json", "Content-Type": "application/xml"}
    yield from _accepted(site, Request("PUT", url, headers, bytes(pushed)))


def _accepted(site: Site, request: Request) -> Flow[Reply]:
    """The reply to a request, if it is one of success."""
    reply = yield from authorized(request, site.auth, site.tokens)
    if 200 <= reply.status < 300:
        return reply
    raise error_of(
        reply.status, reply.headers, reply.content, method=request.method, path=request.path
    )


def _bare(method: str, url: str) -> Request:
    return Request(method, url, {"Accept": "application/json"})


def _json(method: str, url: str, model: Struct) -> Request:
    headers = {"Accept": "application/json", "Content-Type": "application/json"}
    return Request(method, url, headers, msgspec.json.encode(model))


def _decoded(request: Request, reply: Reply, model: type[T]) -> T:
    try:
        return msgspec.json.decode(reply.content, type=model)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        reason = f"a body that cannot be read ({error})"
        raise UnexpectedReply(request.method, request.path, reply.status, reason) from None


def _next_url(request: Request, reply: Reply) -> str | None:
    """Where ``Link: <…>; rel="next"`` leads, if it stays with the host that has the credentials."""
    header = reply.headers.get("link", "")[:16_384]
    links: list[tuple[str, str]] = _LINK.findall(header)
    for target, relation in links:
        if "next" not in relation.split():
            continue
        try:
            url = urljoin(request.url, target)
            same = _origin(request.url) == _origin(url)
        except ValueError:
            same, url = False, ""
        if not same:
            reason = "a next page on another host; the credentials do not go there"
            raise UnexpectedReply(request.method, request.path, reply.status, reason)
        return url
    return None


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def _id(name: str, value: str) -> str:
    """An id that may stand in a path: anything else could lead an authorized request elsewhere."""
    if not isinstance(value, str) or not _ID.fullmatch(value):  # type: ignore[redundant-expr]
        shown = repr(value)[:80]
        _refuse(name, f"must be an id of letters, digits, - and _ (got {shown})")
    return value


def _refuse(name: str, words: str) -> None:
    raise InvalidRequest([Problem("argument", "error", "", f"{name} {words}", attribute=name)])

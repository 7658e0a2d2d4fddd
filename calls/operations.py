"""The five operations, as flows: what is sent, and what the reply means.

Nothing here waits, sends or knows the time. The controllers run these flows.
"""

import math
import re
from collections.abc import Callable
from contextlib import suppress
from functools import partial, wraps
from inspect import Parameter, signature
from typing import (
    Any,
    Concatenate,
    ParamSpec,
    Protocol,
    TypedDict,
    TypeVar,
    Unpack,
    cast,
    get_type_hints,
)
from urllib.parse import urlencode, urljoin, urlsplit

import msgspec
from msgspec import Struct
from msgspec.structs import replace

import bxml
from bxml.document import Bxml, Document
from bxml.errors import InvalidDocument
from bxml.rules import Where
from bxml.types import Method
from calls._exchange import Flow, Reply, Request, Wait, Work
from calls._sending import SAFE_ID, Site, checked_id, logger, origin, sent
from calls._warn import warn
from calls.errors import (
    Attempt,
    CallConflict,
    CallEnded,
    CallNotFound,
    CallNotYetAnswered,
    CallsError,
    ConnectionFailed,
    DocumentWarning,
    InvalidRequest,
    PushReplaced,
    UnexpectedReply,
    refuse,
)
from calls.models import CallState, CreateCall, CreateCallResponse, ListCalls, UpdateCall
from calls.retry import ONCE, OperationName

BASE_URL = "https://voice.bandwidth.com/api/v2"

P = ParamSpec("P")
M = TypeVar("M")
R = TypeVar("R")
T = TypeVar("T")

_LINK = re.compile(r'<([^<>]*)>\s*;[^,<]*\brel="?([^",;]*)"?')


_BXML = {"Accept": "application/json", "Content-Type": "application/xml"}

POLL_SECONDS = 0.5
"""Seconds between two looks at a call that is not ready yet."""

MOST_EMPTY_PAGES = 100
"""Pages without a call that are read on end, before a listing is given up."""

DEFAULT_PAGE = 1000
"""Calls on a page, when nobody says how many (documented)."""


NOWHERE = "https://nowhere.invalid/"


class RedirectOptions(TypedDict, total=False):
    """What may go with the URL that a live call is sent to, under the names of ``update_call``."""

    redirect_method: Method
    username: str
    password: str
    redirect_fallback_url: str
    redirect_fallback_method: Method
    fallback_username: str
    fallback_password: str
    tag: str


class Page(Struct, frozen=True):
    """Some calls, where they are, and where the next ones are.

    ``limit`` is how many are wanted in all.
    """

    url: str
    calls: list[CallState]
    next_url: str | None
    limit: int | None = None


class Listing:
    """A walk over pages: which calls are wanted, and which page comes next.

    Attributes:
        next_url: Where the next page is; None when there is none, or none is wanted.
    """

    def __init__(self) -> None:
        self.next_url: str | None = None
        self._left: int | None = None
        self._seen = set[str]()
        self._empty = 0

    def take(self, page: Page) -> list[CallState]:
        """The calls of a page that are wanted.

        Raises:
            UnexpectedReply: One page after the other holds no call and names a next one.
        """
        left = page.limit if self._left is None else self._left
        calls = page.calls if left is None else page.calls[:left]
        self._left = None if left is None else left - len(calls)
        self._empty = 0 if calls else self._empty + 1
        self.next_url = None if self._left == 0 else page.next_url
        self._seen.add(page.url)
        if self.next_url in self._seen:
            logger.warning("list_calls: a page names one that was read already; it ends here")
            self.next_url = None
        elif self.next_url is not None and self._empty > MOST_EMPTY_PAGES:
            path = urlsplit(self.next_url).path
            reason = f"a next page after {self._empty} on end that hold no call"
            raise UnexpectedReply("GET", path, 200, reason)
        return calls


def _taking(model: Callable[P, M], skip: int) -> Callable[[Callable[..., R]], Callable[..., R]]:
    """Let a flow take the fields of ``model`` as its own arguments, after the first ``skip``."""

    def decorate(flow: Callable[..., R]) -> Callable[..., R]:
        @wraps(flow)
        def taking(*args: Any, **kwargs: Any) -> R:
            if len(args) > skip:
                raise TypeError(f"{flow.__name__}() takes its fields by keyword")
            return flow(*args, built(model, kwargs))

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


def built(model: Callable[..., M], fields: dict[str, Any]) -> M:
    """A model with these fields, which are forgotten: frames of tracebacks must not hold passwords."""
    try:
        return model(**fields)
    except InvalidRequest as error:
        failure = error.with_traceback(None)
        failure.__context__ = None  # its frames hold them as well
    finally:
        fields.clear()
    raise failure


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
    webhooks or by ``get_call_state``. Two requests are two calls, so it is sent again only where
    the first provably never reached the platform, or was refused with 429.

    Raises:
        InvalidRequest: The platform would refuse this. Nothing was sent.
        StatusError: The platform refused it, with the class of its status.
        ConnectionFailed: No reply; ``may_have_arrived`` says whether a phone may ring.
        UnexpectedReply: A reply that makes no sense; a phone may ring, and ``call_id`` is its call
            where the reply says so.
    """
    request = _json("POST", site.url(), order)
    try:
        return (yield from sent(site, "create_call", None, request, _created))
    except (ConnectionFailed, UnexpectedReply) as error:
        # A call whose id is lost could not even be hung up.
        error.call_id = error.call_id or _named_by(error.location)
        raise


def get_call_state(site: Site, call_id: str) -> Flow[CallState]:
    """What the platform knows of a call. A new call may take minutes to become visible (404).

    Raises:
        CallNotFound: No such call, or not visible yet, or it ended more than seven days ago.
        StatusError: The platform refused it, with the class of its status.
        ConnectionFailed: No reply.
        UnexpectedReply: A reply that makes no sense.
    """
    request = _bare("GET", site.url(checked_id("call_id", call_id)))
    return (yield from sent(site, "get_call_state", call_id, request, _state))


@taking(ListCalls)
def list_calls(site: Site, query: ListCalls) -> Flow[Page]:
    """The calls of the account, oldest first, page by page as they are asked for.

    Ended calls are listed for seven days. ``limit`` is the most calls that are wanted in all; no
    page is asked for beyond it.

    Raises:
        InvalidRequest: The platform would refuse this. Nothing was sent.
        StatusError: The platform refused it, with the class of its status.
        ConnectionFailed: No reply.
        UnexpectedReply: A reply that makes no sense, or a next page on another host.
    """
    fields = msgspec.to_builtins(query)
    fields.pop("limit", None)
    if query.limit is not None:
        size = query.page_size or DEFAULT_PAGE
        fields["pageSize"] = min(size, query.limit)
        if fields["pageSize"] == DEFAULT_PAGE:
            del fields["pageSize"]
    encoded = f"?{urlencode(fields)}" if fields else ""
    page = yield from next_page(site, site.url() + encoded)
    return replace(page, limit=query.limit)


def next_page(site: Site, url: str) -> Flow[Page]:
    """The page at the URL that another page named."""
    request = _bare("GET", url)
    calls, reply = yield from sent(site, "list_calls", None, request, _calls)
    return Page(url, calls, _next_url(request, reply))


@taking_call(UpdateCall)
def update_call(site: Site, call_id: str, change: UpdateCall) -> Flow[None]:
    """Send a live call to another URL, or end it with ``state="completed"``.

    The reply says that the change was accepted; what came of it, webhooks and state tell. Redirects
    of a call and documents for it go out one after the other, in the order in which they were asked
    for; an end goes out at once.

    Raises:
        InvalidRequest: The platform would refuse this. Nothing was sent.
        CallNotFound: No such call, or not visible yet.
        CallNotYetAnswered: Nobody has answered it yet.
        CallEnded: It is over. A kind of ``CallNotFound`` and of ``CallConflict``.
        CallConflict: It cannot be changed now, and its state does not say why.
        StatusError: The platform refused it, with the class of its status.
        ConnectionFailed: No reply; ``may_have_arrived`` says whether it may have been done.
        UnexpectedReply: A reply that makes no sense; it may have been done.
    """
    request = _json("POST", site.url(checked_id("call_id", call_id)), change)
    if change.state == "completed":
        try:
            yield from sent(site, "hang_up", call_id, request, _nothing)
        except (CallNotFound, CallConflict) as error:
            failure = _with_reason(error, (yield from _look(site, call_id)))
        else:
            return
        raise failure
    yield from _changed(site, "update_call", call_id, request)


def update_call_bxml(
    site: Site,
    call_id: str,
    document: Document | str | bytes,
    *,
    unchecked: bool = False,
    wait_seconds: float = 0.0,
    replace_waiting: bool = False,
) -> Flow[None]:
    """Replace the document of a live call: what it was doing ends, and this runs from its start.

    The document is checked first, as ``bxml.check(document, where="push")`` does: an error raises
    before anything is sent, a warning is a ``DocumentWarning``. Either root will do; ``<Bxml>`` is
    what is sent. Write absolute URLs: there is no page that relative ones could be relative to.

    Documents for a call and redirects of it go out one after the other, in the order in which they
    were asked for, by all threads and tasks of this controller. Where the outcome of one is unknown
    it is sent again, and the call may hear its beginning twice.

    Args:
        document: The document, or its markup, which is parsed.
        unchecked: Send markup as it is, and a document without ``bxml.check``.
        wait_seconds: How long to wait for a call that is not visible or not answered yet.
        replace_waiting: Take the place of pushes into this call that are still waiting to be sent;
            each of them raises ``PushReplaced``.

    Raises:
        InvalidDocument: The document has errors, or is too large. Nothing was sent.
        ParseError: The markup is not a BXML document. Nothing was sent.
        InvalidRequest: An argument is wrong. Nothing was sent.
        PushReplaced: A newer push has taken the place of this one. It was not sent.
        CallNotFound: No such call, or not visible yet.
        CallNotYetAnswered: Nobody has answered it yet.
        CallEnded: It is over. A kind of ``CallNotFound`` and of ``CallConflict``.
        CallConflict: It cannot be changed now, and its state does not say why.
        StatusError: The platform refused it, with the class of its status.
        ConnectionFailed: No reply; ``may_have_arrived`` says whether it may have been done.
        UnexpectedReply: A reply that makes no sense; it may have been done.
    """
    body = body_of(document, unchecked=unchecked)
    return push_body(
        site, call_id, body, wait_seconds=wait_seconds, replace_waiting=replace_waiting
    )


def push_body(
    site: Site,
    call_id: str,
    body: bytes,
    *,
    wait_seconds: float = 0.0,
    replace_waiting: bool = False,
) -> Flow[None]:
    """Push markup that ``body_of`` has made."""
    url = site.url(checked_id("call_id", call_id), "bxml")
    request = Request("PUT", url, _BXML, body)
    return _changed(
        site,
        "update_call_bxml",
        call_id,
        request,
        wait_seconds=wait_seconds,
        replace_waiting=replace_waiting,
    )


def redirect(
    site: Site,
    call_id: str,
    url: str,
    *,
    wait_seconds: float = 0.0,
    **options: Unpack[RedirectOptions],
) -> Flow[None]:
    """Send the call to ``url`` for its next document.

    Args:
        url: Absolute; it gets the ``redirect`` webhook.
        wait_seconds: How long to wait for a call that is not visible or not answered yet.
        options: The method, credentials, fallback and tag, as ``update_call`` takes them.

    Raises:
        CallsError: As ``update_call`` does.
    """
    change = _redirecting(url, options)
    request = _json("POST", site.url(checked_id("call_id", call_id)), change)
    return _changed(site, "update_call", call_id, request, wait_seconds=wait_seconds)


def _redirecting(url: str, options: RedirectOptions) -> UpdateCall:
    """The change that sends a call to a URL. The options are forgotten, as ``built`` says."""
    fields = cast(dict[str, Any], options)
    fields["redirect_url"] = url
    return built(UpdateCall, fields)


class Published(Protocol):
    """Where a document waits to be fetched, and with which credentials."""

    @property
    def url(self) -> str: ...
    @property
    def username(self) -> str | None: ...
    @property
    def password(self) -> str | None: ...


P_co = TypeVar("P_co", bound=Published, covariant=True)


class Publisher(Protocol[P_co]):
    """What can make a document available under a URL of its own, such as ``DocumentHost``."""

    def publish(self, document: Document, /) -> P_co:
        """Make a document available to whoever knows the URL. May block for a moment."""
        ...

    def withdraw(self, published: Any, /) -> object:
        """Take back a document that nobody has fetched. May block for a moment."""
        ...


def push(
    site: Site,
    call_id: str,
    document: Document | str | bytes,
    *,
    via: Publisher[Published] | None = None,
    unchecked: bool = False,
    wait_seconds: float = 0.0,
    replace_waiting: bool = False,
    **options: Unpack[RedirectOptions],
) -> Flow[None]:
    """Replace what the call is doing with ``document``. See ``update_call_bxml``.

    With ``via``, the document is published there and the call is redirected to it: then it runs as
    the reply to a webhook (and is checked as one), and may have a fallback and a tag. Each attempt
    has a URL of its own, since the platform may fetch what it was told twice.

    Args:
        document: The document, or its markup, which is parsed.
        via: A ``DocumentHost``, or anything that publishes documents.
        unchecked: Send markup as it is, and a document without ``bxml.check``.
        wait_seconds: How long to wait for a call that is not visible or not answered yet.
        replace_waiting: Take the place of pushes into this call that are still waiting to be sent;
            each of them raises ``PushReplaced``.
        options: With ``via``, the method, fallback and tag, as ``update_call`` takes them.

    Raises:
        CallsError: As ``update_call_bxml`` does; ``StoreFailed`` if the host cannot publish.
        BxmlError: The document is wrong. Nothing was sent.
    """
    if via is None:
        if options:
            name = next(iter(options))
            cast(dict[str, Any], options).clear()
            refuse(name, "goes with a redirect: it needs via")
        return update_call_bxml(
            site,
            call_id,
            document,
            unchecked=unchecked,
            wait_seconds=wait_seconds,
            replace_waiting=replace_waiting,
        )
    for name in ("username", "password"):
        if name in options:
            cast(dict[str, Any], options).clear()
            refuse(name, "is the host's own: give it to the host")
    # Where it will be is not known yet; what goes with it is.
    change = _redirecting(NOWHERE, options)
    checked = _document(document)
    if not unchecked:
        _check(checked, "reply")
    return _push_via(
        site,
        checked_id("call_id", call_id),
        checked,
        change,
        via,
        wait_seconds=wait_seconds,
        replace_waiting=replace_waiting,
    )


def _push_via(
    site: Site,
    call_id: str,
    document: Document,
    change: UpdateCall,
    via: Publisher[Published],
    *,
    wait_seconds: float,
    replace_waiting: bool,
) -> Flow[None]:
    published: list[Published] = []

    def anew() -> Flow[Request]:
        there: Published = yield Work(lambda: via.publish(document))
        published.append(there)
        its = {"redirect_url": there.url, "username": there.username, "password": there.password}
        return _json("POST", site.url(call_id), replace(change, **its))

    try:
        yield from _changed(
            site,
            "update_call",
            call_id,
            anew,
            wait_seconds=wait_seconds,
            replace_waiting=replace_waiting,
        )
    except CallsError as error:
        if not any(each.outcome == "unknown" for each in error.attempts):
            for there in published:
                yield Work(partial(via.withdraw, there))
        raise


def hang_up(site: Site, call_id: str, *, wait_seconds: float = 0.0) -> Flow[None]:
    """End the call: hang up, cancel while it rings, or take it off the queue.

    That a call has ended already is success, but only once its state says so: a refusal alone may
    also mean that the call is not visible yet. The request is repeated until then, unless nobody
    knows of such a call.

    Args:
        wait_seconds: How long to wait for a call that is not visible yet.

    Raises:
        CallNotFound: No such call, or not visible yet. If it is alive, it still is.
        CallConflict: The platform refuses, though the call is alive.
        StatusError: The platform refused it, with the class of its status.
        ConnectionFailed: No reply; ``may_have_arrived`` says whether it may have been done.
        UnexpectedReply: A reply that makes no sense; it may have been done.
    """
    until = site.now() + _seconds("wait_seconds", wait_seconds)
    request = _json("POST", site.url(checked_id("call_id", call_id)), UpdateCall(state="completed"))
    tries = 0
    before: tuple[Attempt, ...] = ()
    while True:
        try:
            yield from sent(site, "hang_up", call_id, request, _nothing)
        except CallsError as error:
            before = error.attempts = (*before, *error.attempts)
            if not isinstance(error, CallNotFound | CallConflict):
                raise
            failure = error
        else:
            return
        seen = yield from _look(site, call_id)
        if isinstance(seen, CallState) and seen.is_over:
            return
        tries += 1
        unknown = isinstance(failure, CallNotFound) and isinstance(seen, CallNotFound)
        left = until - site.now()
        if left <= 0 and (unknown or tries >= site.retry.attempts):
            raise _with_reason(failure, seen)
        del failure, seen
        pause = min(POLL_SECONDS, left) if left > 0 else POLL_SECONDS
        before = _then_waiting(before, pause)
        yield Wait(pause)


def body_of(document: Document | str | bytes, *, unchecked: bool) -> bytes:
    """What is sent for a document. Checks it, unless that is not wanted."""
    if unchecked and isinstance(document, str | bytes):
        return document.encode() if isinstance(document, str) else document
    checked = _document(document)
    if not unchecked:
        _check(checked, "push")
    return bytes(checked if isinstance(checked, Bxml) else Bxml(checked))


def _document(document: Document | str | bytes) -> Document:
    if isinstance(document, str | bytes):
        return bxml.parse(document)
    if not isinstance(document, Document):
        words = f"must be a Response, a Bxml or markup (got {type(document).__name__})"
        refuse("document", words)
    return document


def _check(document: Document, where: Where) -> None:
    """Raise for errors, warn of warnings."""
    problems = bxml.check(document, where=where)
    errors = [each for each in problems if each.level == "error"]
    if errors:
        raise InvalidDocument(errors)
    for problem in problems:
        if problem.level == "warning":
            warn(f"{problem}", DocumentWarning)


def _changed(
    site: Site,
    operation: OperationName,
    call_id: str,
    request: Request | Callable[[], Flow[Request]],
    *,
    wait_seconds: float = 0.0,
    replace_waiting: bool = False,
) -> Flow[None]:
    """Change what a call is doing, when it is the turn of this change, and the call is ready."""
    until = site.now() + _seconds("wait_seconds", wait_seconds)
    turn = site.turns.join((site.account_id, call_id), replacing=replace_waiting)
    before: tuple[Attempt, ...] = ()
    try:
        yield turn
        while True:
            if turn.replaced:
                replaced = PushReplaced(call_id)
                replaced.attempts = before
                raise replaced
            try:
                yield from sent(site, operation, call_id, request, _nothing)
            except CallsError as error:
                before = error.attempts = (*before, *error.attempts)
                if not isinstance(error, CallNotFound | CallConflict):
                    raise
                failure = _with_reason(error, (yield from _look(site, call_id)))
            else:
                return
            left = until - site.now()
            if isinstance(failure, CallEnded) or left <= 0:
                raise failure
            del failure
            pause = min(POLL_SECONDS, left)
            before = _then_waiting(before, pause)
            yield Wait(pause)
    finally:
        site.turns.leave(turn)


def _then_waiting(attempts: tuple[Attempt, ...], seconds: float) -> tuple[Attempt, ...]:
    """The same attempts, with the pause after the last one."""
    return (*attempts[:-1], *(replace(last, wait_seconds=seconds) for last in attempts[-1:]))


def _look(site: Site, call_id: str) -> Flow[CallState | CallsError]:
    """The state of a call, asked for once; or why it is not to be had."""
    try:
        return (yield from get_call_state(replace(site, retry=ONCE), call_id))
    except CallsError as error:
        return error


def _with_reason(
    error: CallNotFound | CallConflict, seen: CallState | CallsError
) -> CallNotFound | CallConflict:
    """A refusal that has to do with the call, with its reason, if the state of the call tells it."""
    if isinstance(seen, CallsError):
        return error
    if seen.is_over:
        return CallEnded.than(error, seen)
    if seen.state in ("queued", "initiated"):
        return CallNotYetAnswered.than(error, seen)
    return type(error).than(error, seen)


def _seconds(name: str, value: float) -> float:
    if not 0 <= value < math.inf:
        refuse(name, f"must be a number of seconds, 0 or more (got {value!r})")
    return value


def _bare(method: str, url: str) -> Request:
    return Request(method, url, {"Accept": "application/json"})


def _json(method: str, url: str, model: Struct) -> Request:
    headers = {"Accept": "application/json", "Content-Type": "application/json"}
    return Request(method, url, headers, msgspec.json.encode(model))


def _nothing(request: Request, reply: Reply) -> None:
    """What an update returns. The platform says nothing (documented), or some day something."""
    if reply.content.strip():
        _decoded(request, reply, object)


class _Named(Struct, rename="camel"):
    """The least that the reply to a new call can say."""

    call_id: str | None = None


def _created(request: Request, reply: Reply) -> CreateCallResponse:
    try:
        return _decoded(request, reply, CreateCallResponse)
    except UnexpectedReply as error:
        with suppress(UnexpectedReply):
            named = _decoded(request, reply, _Named).call_id or ""
            error.call_id = named if SAFE_ID.fullmatch(named) else None
        raise


def _named_by(location: str | None) -> str | None:
    """The call that a ``Location`` names, if it names one."""
    last = (location or "").partition("?")[0].rpartition("/")[2]
    return last if last.startswith("c-") and SAFE_ID.fullmatch(last) else None


def _state(request: Request, reply: Reply) -> CallState:
    if reply.content.lstrip()[:1] == b"[":
        # An array of one has been seen in place of the object (hearsay).
        [state] = _decoded(request, reply, list[CallState])[:1] or [CallState()]
        return state
    return _decoded(request, reply, CallState)


def _calls(request: Request, reply: Reply) -> tuple[list[CallState], Reply]:
    return _decoded(request, reply, list[CallState]), reply


def _decoded(request: Request, reply: Reply, model: type[T]) -> T:
    try:
        return msgspec.json.decode(reply.content, type=model)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        reason = f"a body that cannot be read ({error})"
        location = reply.headers.get("location")
        raise UnexpectedReply(
            request.method, request.path, reply.status, reason, location
        ) from None


def _next_url(request: Request, reply: Reply) -> str | None:
    """Where ``Link: <…>; rel="next"`` leads, if it stays with the host that has the credentials."""
    header = reply.headers.get("link", "")[:16_384]
    links: list[tuple[str, str]] = _LINK.findall(header)
    for target, relation in links:
        if "next" not in relation.split():
            continue
        try:
            url = urljoin(request.url, target)
            same = origin(request.url) == origin(url)
        except ValueError:
            same, url = False, ""
        if not same:
            reason = "a next page on another host; the credentials do not go there"
            raise UnexpectedReply(request.method, request.path, reply.status, reason)
        return url
    return None

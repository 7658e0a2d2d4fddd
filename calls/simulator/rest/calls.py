"""The five operations on calls."""

from math import ceil
from typing import Any
from urllib.parse import urlencode

from calls.models import CreateCall, UpdateCall
from calls.simulator.errands import Targets
from calls.simulator.rest.desk import Desk, document_in
from calls.simulator.rest.listing import page_token, wanted
from calls.simulator.rest.message import (
    Incoming,
    Outgoing,
    Refusal,
    in_json,
    invalid,
    not_found,
    parameters,
)
from calls.simulator.rest.orders import UpdateConference, change_of, order_of
from calls.simulator.rest.views import accepted, state_of
from calls.simulator.state import Call
from calls.simulator.targets import target

_LIMITS = {
    "rate": "Account call creation rate limit exceeded",
    "sessions": "Account concurrent call limit exceeded",
}
_FILTERS = ("to", "from", "minStartTime", "maxStartTime", "disconnectCause", "pageSize")


def create(desk: Desk, request: Incoming) -> Outgoing:
    """``createCall``."""
    order = order_of(request.body)
    _admit(desk, order)
    call = desk.engine.place(order)
    url = f"{desk.engine.calls_url}/{call.id}"
    told = accepted(order, call, desk.account_id, url, desk.engine.settings)
    return in_json(told, 201, location=url)


def _admit(desk: Desk, order: CreateCall) -> None:
    settings = desk.engine.settings
    if settings.applications is not None and order.application_id not in settings.applications:
        words = f"Application id {order.application_id[:100]} not found"
        raise invalid(f"Could not create call: {words}")
    limit = desk.engine.limits.broken_by_one_more()
    if limit is not None:
        # A place in the queue is free as soon as a call leaves it; a session, nobody knows when.
        rate = settings.calls_per_second if limit == "rate" else None
        seconds = ceil(1 / rate) if rate else 1
        raise Refusal(429, "error", _LIMITS[limit], "", retry_after=str(seconds))


def state(desk: Desk, _: Incoming, call_id: str) -> Outgoing:
    """``getCallState``."""
    return in_json(state_of(_known(desk, call_id), desk.account_id, desk.engine.settings))


def listed(desk: Desk, request: Incoming) -> Outgoing:
    """``listCalls``."""
    query = parameters(request.query)
    asked = wanted(query)
    engine, last = desk.engine, asked.after
    page: list[dict[str, Any]] = []
    for place, call in desk.places.after(asked.after, engine.calls):
        if not asked.admits(call, engine.settings):
            continue
        if len(page) == asked.size:
            kept = {name: query[name] for name in _FILTERS if name in query}
            url = f"{engine.calls_url}?{urlencode({**kept, 'pageToken': page_token(last)})}"
            return in_json(page, link=f'<{url}>; rel="next"')
        page.append(state_of(call, desk.account_id, engine.settings))
        last = place
    return in_json(page)


def update(desk: Desk, request: Incoming, call_id: str) -> Outgoing:
    """``updateCall``."""
    strict = desk.engine.settings.strict_updates
    change = change_of(UpdateCall, request.body, strict=strict)
    call = _known(desk, call_id)
    _modifiable(desk, call, ends=change.state == "completed")
    if change.state == "completed":
        desk.engine.hang_up(call, _cause(call))
    else:
        desk.engine.redirect(call, there(change), change.tag)
    return Outgoing(200)


def _cause(call: Call) -> str:
    if call.state == "answered":
        return "hangup"
    # Rejected while it is on its way in, cancelled while it is on its way out (inferred).
    return "rejected" if call.direction == "inbound" else "cancel"


def replace(desk: Desk, request: Incoming, call_id: str) -> Outgoing:
    """``updateCallBxml``."""
    document = document_in(request.body)
    call = _known(desk, call_id)
    _modifiable(desk, call, ends=False)
    desk.engine.push(call, document)
    return Outgoing(204)


def there(change: UpdateCall | UpdateConference) -> Targets:
    """Where a redirect leads."""
    main = target(
        change.redirect_url or "", change.redirect_method, change.username, change.password
    )
    if change.redirect_fallback_url is None:
        return Targets(main)
    fallback = target(
        change.redirect_fallback_url,
        change.redirect_fallback_method,
        change.fallback_username,
        change.fallback_password,
    )
    return Targets(main, fallback)


def _known(desk: Desk, call_id: str) -> Call:
    call = desk.engine.calls.get(call_id)
    if call is None:
        raise not_found(f"Call [{call_id[:100]}] not found")
    return call


def _modifiable(desk: Desk, call: Call, *, ends: bool) -> None:
    """Let a change pass, or raise: 409 before the answer and shortly after the end, then 404."""
    if call.ended is None:
        if ends or call.state == "answered" or call.direction == "inbound":
            return
    elif desk.engine.now - call.ended >= desk.engine.settings.conflict_seconds:
        raise not_found(f"Call [{call.id}] not found")
    words = f"Call [{call.id}] cannot be modified in its current state"
    raise Refusal(409, "validation", words, "")

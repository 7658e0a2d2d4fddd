"""The REST face of the platform: requests in, replies out, over the engine. No sockets here."""

import hmac
import json
from base64 import b64decode, urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlencode, urlsplit

from bxml._declare import describe, vendor_name
from bxml._kinds import Number
from bxml._parse import parse
from bxml.errors import ParseError, Problem
from calls._wire import wire
from calls.errors import InvalidRequest
from calls.models import CallState, CreateCall, MachineDetection, UpdateCall
from calls.simulator.engine import Engine, target, targets
from calls.simulator.state import Call, Entry, moment

TOKEN_PATH = "/api/v1/oauth2/token"  # noqa: S105  # where, not what
BASE_PATH = "/api/v2"
LARGEST_REQUEST = 1_048_576

_METHODS: Mapping[str, tuple[str, ...]] = {
    "calls": ("GET", "POST"),
    "call": ("GET", "POST"),
    "bxml": ("PUT",),
}
_TYPES: Mapping[tuple[str, str], str] = {
    ("calls", "POST"): "application/json",
    ("call", "POST"): "application/json",
    ("bxml", "PUT"): "application/xml",
}


class Incoming(NamedTuple):
    """A request as it came in. Header names are in lower case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


class Outgoing(NamedTuple):
    """A reply to be sent."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = {}


class Account(NamedTuple):
    """What the platform accepts as credentials."""

    account_id: str
    client_id: str
    client_secret: str
    username: str
    password: str


class _Refusal(Exception):  # not an error of the platform: one of its replies
    def __init__(
        self, status: int, kind: str, description: str, error_id: str | None = None
    ) -> None:
        super().__init__(description)
        told = {"type": kind, "description": description, "id": error_id}
        self.reply = Outgoing(
            status, wire(told), {"content-type": "application/json;charset=UTF-8"}
        )


class Platform:
    """Answers the five operations and the token endpoint, in the order of checks of the vendor."""

    def __init__(self, engine: Engine, account: Account) -> None:
        self._engine = engine
        self._account = account
        self._tokens: dict[str, float] = {}

    def handle(self, request: Incoming) -> Outgoing:
        """The reply to a request; the timeline gets a line for it."""
        before = len(self._engine.timeline)
        try:
            reply = self._reply(request)
        except _Refusal as refusal:
            reply = refusal.reply
        call_id = "".join(request.path.removeprefix(f"{BASE_PATH}/").split("/")[3:4])
        words = f"{request.method} {request.path}: {reply.status}"
        pushed = request.body.decode(errors="replace") if reply.status == 204 else None
        line = Entry(
            round(self._engine.now, 3), call_id, "request", words, status=reply.status, body=pushed
        )
        # It stands before what the request caused, as it happened.
        self._engine.timeline.insert(before, line)
        return reply

    def _reply(self, request: Incoming) -> Outgoing:
        if request.path == TOKEN_PATH:
            return self._token(request)
        parts = request.path.removeprefix(f"{BASE_PATH}/").split("/")
        match parts:
            case ["accounts", account_id, "calls"]:
                what, call_id = "calls", ""
            case ["accounts", account_id, "calls", call_id]:
                what = "call"
            case ["accounts", account_id, "calls", call_id, "bxml"]:
                what = "bxml"
            case _:
                raise _Refusal(404, "validation", "Not Found")
        if request.method not in _METHODS[what]:
            raise _Refusal(405, "validation", "Method Not Allowed")
        self._authenticate(request, account_id)
        self._media_type(request, _TYPES.get((what, request.method)))
        match what, request.method:
            case "calls", "POST":
                return self._create(request)
            case "calls", _:
                return self._list(request)
            case "call", "GET":
                return _found(wire(self._state(self._known(call_id))))
            case "call", _:
                return self._update(call_id, request)
            case _:
                return self._replace(call_id, request)

    # Who asks, and how

    def _token(self, request: Incoming) -> Outgoing:
        if request.method != "POST":
            raise _Refusal(405, "validation", "Method Not Allowed")
        account = self._account
        if not _is_basic(request, account.client_id, account.client_secret):
            return _found(wire({"error": "invalid_client"}), 401)
        form = parse_qs(request.body.decode(errors="replace"))
        if form.get("grant_type") != ["client_credentials"]:
            return _found(wire({"error": "unsupported_grant_type"}), 400)
        seconds = self._engine.settings.token_seconds
        token = f"{self._engine.random.getrandbits(256):064x}"
        self._tokens[token] = self._engine.now + seconds
        told = {"access_token": token, "expires_in": round(seconds), "token_type": "Bearer"}
        return _found(wire(told))

    def _authenticate(self, request: Incoming, account_id: str) -> None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        valid = scheme.lower() == "bearer" and self._tokens.get(token, -1.0) > self._engine.now
        account = self._account
        if not valid and not _is_basic(request, account.username, account.password):
            words = "The credentials provided were invalid"
            raise _Refusal(401, "authentication-error", words)
        if account_id != account.account_id:
            raise _Refusal(403, "authorization-error", "Access is denied")

    @staticmethod
    def _media_type(request: Incoming, wanted: str | None) -> None:
        given = request.headers.get("content-type", "text/plain;charset=UTF-8")
        if wanted and given.partition(";")[0].strip().lower() != wanted:
            raise _Refusal(415, "validation", f"Content type '{given}' not supported")

    # The operations

    def _create(self, request: Incoming) -> Outgoing:
        fields = _object(request.body)
        if isinstance(detection := fields.get("machineDetection"), dict):
            fields["machineDetection"] = _built(MachineDetection, detection)
        order = _built(CreateCall, fields)
        call = self._engine.place(order)
        url = f"{self._engine.calls_url}/{call.id}"
        told = {
            "applicationId": order.application_id,
            "accountId": self._account.account_id,
            "callId": call.id,
            "to": order.to,
            "from": order.from_,
            "enqueuedTime": self._time(call.enqueued),
            "callUrl": url,
            "callTimeout": call.call_timeout,
            "callbackTimeout": call.callback_timeout,
            "tag": order.tag,
            "answerMethod": order.answer_method or "POST",
            "answerUrl": order.answer_url,
            "answerFallbackMethod": order.answer_fallback_method or "POST",
            "answerFallbackUrl": order.answer_fallback_url,
            "disconnectMethod": order.disconnect_method or "POST",
            "disconnectUrl": order.disconnect_url,
            "username": order.username,
            "password": order.password and "*****",
            "fallbackUsername": order.fallback_username,
            "fallbackPassword": order.fallback_password and "*****",
            "priority": order.priority or 5,
        }
        reply = _found(wire(told), 201)
        return reply._replace(headers={**reply.headers, "location": url})

    def _list(self, request: Incoming) -> Outgoing:
        query = {name: values[-1] for name, values in parse_qs(request.query).items()}
        size = _page_size(query.get("pageSize", "1000"))
        start = _page_start(query.get("pageToken"))
        earliest, latest = _when(query, "minStartTime"), _when(query, "maxStartTime")
        matching = [
            state
            for state in map(self._state, self._engine.calls.values())
            if query.get("to", state.to) == state.to
            and query.get("from", state.from_) == state.from_
            and query.get("disconnectCause", state.disconnect_cause) == state.disconnect_cause
            and (earliest is None or (state.start_time and state.start_time >= earliest))
            and (latest is None or (state.start_time and state.start_time <= latest))
        ]
        reply = _found(wire(matching[start : start + size]))
        if start + size >= len(matching):
            return reply
        token = urlsafe_b64encode(json.dumps({"o": start + size}).encode()).decode().rstrip("=")
        after = urlencode({**query, "pageToken": token})
        link = f'<{self._engine.calls_url}?{after}>; rel="next"'
        return reply._replace(headers={**reply.headers, "link": link})

    def _update(self, call_id: str, request: Incoming) -> Outgoing:
        fields = _object(request.body)
        if "state" in fields and fields["state"] is None:
            raise _Refusal(400, "validation", "state must be active or completed")
        if fields.get("state") == "completed":
            # The vendor's live tests send more along with it, and get 200.
            fields = {"state": "completed"}
        change = _built(UpdateCall, fields)
        call = self._known(call_id)
        self._modifiable(call, completed=change.state == "completed")
        if change.state == "completed":
            # Cancelled while it is on its way out, rejected while it is on its way in (inferred).
            unanswered = "rejected" if call.direction == "inbound" else "cancel"
            self._engine.hang_up(call, "hangup" if call.state == "answered" else unanswered)
            return Outgoing(200)
        there = targets(
            target(
                change.redirect_url or "", change.redirect_method, change.username, change.password
            ),
            change.redirect_fallback_url
            and target(
                change.redirect_fallback_url,
                change.redirect_fallback_method,
                change.fallback_username,
                change.fallback_password,
            ),
        )
        self._engine.redirect(call, there, change.tag)
        return Outgoing(200)

    def _replace(self, call_id: str, request: Incoming) -> Outgoing:
        try:
            document = parse(request.body)
        except ParseError as error:
            raise _Refusal(400, "validation", f"Invalid BXML: {error.problems[0]}") from None
        call = self._known(call_id)
        self._modifiable(call, completed=False)
        self._engine.push(call, document)
        return Outgoing(204)

    # Calls as the REST API sees them

    def _known(self, call_id: str) -> Call:
        call = self._engine.calls.get(call_id)
        if call is None:
            raise _Refusal(404, "validation", f"Call [{call_id[:100]}] not found")
        return call

    def _modifiable(self, call: Call, *, completed: bool) -> None:
        if call.ended is not None:
            recently = self._engine.now - call.ended < self._engine.settings.conflict_seconds
            if not recently:
                raise _Refusal(404, "validation", f"Call [{call.id}] not found")
        elif completed or call.state == "answered" or call.direction == "inbound":
            return
        words = f"Call [{call.id}] cannot be modified in its current state"
        raise _Refusal(409, "validation", words, "")

    def _state(self, call: Call) -> CallState:
        return CallState(
            call_id=call.id,
            account_id=self._account.account_id,
            application_id=call.application_id,
            parent_call_id=call.parent_id,
            to=call.to,
            from_=call.from_,
            direction=call.direction,
            state=call.state,
            enqueued_time=self._time(call.enqueued),
            start_time=self._time(call.started),
            answer_time=self._time(call.answered),
            end_time=self._time(call.ended),
            disconnect_cause=call.cause,
            error_message=call.error_message,
            error_id=call.error_id,
            last_update=self._time(call.changed),
        )

    def _time(self, at: float | None) -> datetime | None:
        return None if at is None else moment(self._engine.settings, at)


def _found(body: bytes, status: int = 200) -> Outgoing:
    return Outgoing(status, body, {"content-type": "application/json;charset=UTF-8"})


def _is_basic(request: Incoming, name: str, secret: str) -> bool:
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    try:
        given = b64decode(encoded, validate=True) if scheme.lower() == "basic" else b""
    except ValueError:
        return False
    return hmac.compare_digest(given, f"{name}:{secret}".encode())


def _object(body: bytes) -> dict[str, Any]:
    """The properties of a JSON object. Null counts as absent, but for ``state`` (see there)."""
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError):
        raise _Refusal(400, "validation", "Bad Request") from None
    if not isinstance(fields, dict):
        raise _Refusal(400, "validation", "Bad Request")
    return {name: value for name, value in fields.items() if value is not None or name == "state"}


def _built(model: type[Any], fields: dict[str, Any]) -> Any:
    """A request model from JSON; what it refuses, in the vendor's words."""
    known = {vendor_name(name): name for name in model.__struct_fields__}
    values = {known[name]: value for name, value in fields.items() if name in known}
    try:
        return model(**values)
    except InvalidRequest as error:
        words = _vendor_words(model, error.problems[0])
        raise _Refusal(400, "validation", words) from None


def _vendor_words(model: type[Any], problem: Problem) -> str:
    """The vendor's text for a problem where it is known; ours where it is not."""
    attributes = {each.name: each for each in describe(model).attributes}
    known = attributes.get(problem.attribute or "")
    if problem.rule == "attribute-required":
        required = "from, to, answerUrl, applicationId"
        return f"Missing at least one required field. Required fields are [{required}]"
    if known is None:
        return problem.message
    name = known.vendor_name
    if problem.rule == "attribute-format" and name in ("to", "from"):
        return f"Invalid {name}: must be an E164 telephone number"
    if problem.rule == "attribute-format" and name.endswith("Url"):
        return f"Invalid {name}: only http and https are allowed"
    if problem.rule == "attribute-value" and name.endswith("Method"):
        return f"Invalid {name.removesuffix('Method')}Url method. Supported methods: [POST, GET]"
    if problem.rule == "attribute-range" and isinstance(known.kind, Number):
        got = problem.message.rpartition("(got ")[2].rstrip(")")
        if known.kind.least is None or known.kind.most is None:
            return f"{name} is out of range"
        span = f"[{known.kind.least:g}, {known.kind.most:g}]"
        return f"{name} must be within the range {span}, but was {got}"
    if problem.rule == "length" and name == "tag":
        most = getattr(known.kind, "max_length", 0)
        return f"Could not create call: sendCallback tag must contain at most {most} characters"
    if problem.rule == "redirect-url-required":
        return "redirectUrl is required when state is active"
    return name + problem.message.removeprefix(problem.attribute or "")


def _page_size(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10 and 1 <= int(text) <= 10_000):
        words = f"pageSize must be within the range [1, 10000], but was {text[:40]}"
        raise _Refusal(400, "validation", words)
    return int(text)


def _page_start(token: str | None) -> int:
    if token is None:
        return 0
    try:
        start = json.loads(urlsafe_b64decode(token + "=" * (-len(token) % 4)))["o"]
    except (ValueError, KeyError, TypeError, RecursionError):
        start = -1
    if type(start) is not int or start < 0:
        raise _Refusal(400, "validation", "Invalid pageToken")
    return start


def _when(query: Mapping[str, str], name: str) -> datetime | None:
    if name not in query:
        return None
    try:
        when = datetime.fromisoformat(query[name])
    except ValueError:
        when = None
    if when is None or when.tzinfo is None:
        raise _Refusal(400, "validation", f"Invalid {name}: must be an ISO 8601 time")
    return when


def request_of(method: str, url: str, headers: Mapping[str, str], body: bytes) -> Incoming:
    """A request from the parts that HTTP libraries have."""
    parts = urlsplit(url)
    lower = {name.lower(): value for name, value in headers.items()}
    return Incoming(method, parts.path, parts.query, lower, body)

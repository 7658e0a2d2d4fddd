"""The requests and results of the REST API.

A request is checked when it is built; what the platform would refuse raises ``InvalidRequest``
before anything is sent. Results ignore properties that they do not know, as the vendor asks.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Literal, NoReturn
from urllib.parse import urlsplit

from msgspec import Meta, Struct

from bxml._declare import Checked, vendor_name
from bxml._kinds import Fault
from bxml.errors import Problem
from bxml.types import (
    E164,
    PRIVATE_NAMES,
    AbsoluteUrl,
    Assumes,
    Destination,
    DisplayName,
    Form,
    Method,
    NotBlank,
    Seconds,
    Secret,
    UserToUser,
)
from calls.errors import InvalidRequest

Id = Annotated[str, Form("[A-Za-z0-9_-]+", "an id: letters, digits, - and _")]
Username = Annotated[str, Meta(max_length=1024)]
Password = Annotated[str, Meta(max_length=1024), Secret()]
RestTag = Annotated[str, Meta(max_length=4096)]
State = Literal["active", "completed"]

LOOPBACK = ("127.0.0.1", "localhost", "::1")


class Model(Checked, frozen=True):
    """A value for the REST API: cannot be built wrong."""

    @classmethod
    def refuse(cls, problems: Iterable[Problem]) -> NoReturn:
        """Raise ``InvalidRequest``."""
        raise InvalidRequest(problems)


def keeps_secrets(url: str) -> bool:
    """Whether nobody on the way can read what is sent to a URL: https, or this machine."""
    parts = urlsplit(url)
    return parts.scheme.lower() == "https" or parts.hostname in LOOPBACK


def needs_https(request: Model, url: str, *secrets: str) -> Iterable[Fault]:
    """Credentials go to https URLs only (documented); a loopback address has no wire to listen on."""
    value = getattr(request, url)
    if value is None or not any(getattr(request, name) is not None for name in secrets):
        return
    if not keeps_secrets(value):
        words = f"must be https, since {' and '.join(secrets)} go there"
        yield Fault("https-with-credentials", words, url)


class MachineDetection(Model, frozen=True, kw_only=True, rename=vendor_name, omit_defaults=True):
    """How to find out whether a person or a machine answered. Use whole seconds (documented)."""

    mode: Annotated[Literal["sync", "async"], Assumes("async")] | None = None
    detection_timeout: Annotated[Seconds, Assumes(15)] | None = None
    silence_timeout: Annotated[Seconds, Assumes(10)] | None = None
    speech_threshold: Annotated[Seconds, Assumes(10)] | None = None
    speech_end_threshold: Annotated[Seconds, Assumes(5)] | None = None
    machine_speech_end_threshold: Seconds | None = None
    delay_result: Annotated[bool, Assumes(False)] | None = None
    callback_url: AbsoluteUrl | None = None
    callback_method: Method | None = None
    username: Username | None = None
    password: Password | None = None
    fallback_url: AbsoluteUrl | None = None
    fallback_method: Method | None = None
    fallback_username: Username | None = None
    fallback_password: Password | None = None


class CreateCall(Model, frozen=True, kw_only=True, rename=vendor_name, omit_defaults=True):
    """An outbound call to be placed.

    ``to`` is a number in E.164 form or a SIP URI; ``from_`` is one of the account's numbers.
    ``answer_url`` is asked for the first document when the call is answered. ``call_timeout``
    (1 to 300 seconds) is how long it may ring; ``callback_timeout`` (1 to 25 seconds) how long
    each webhook may take; ``priority`` runs from 1, the first, to 5.
    """

    to: Destination
    from_: E164
    application_id: Annotated[str, NotBlank()]
    answer_url: AbsoluteUrl
    answer_method: Method | None = None
    username: Username | None = None
    password: Password | None = None
    answer_fallback_url: AbsoluteUrl | None = None
    answer_fallback_method: Method | None = None
    fallback_username: Username | None = None
    fallback_password: Password | None = None
    disconnect_url: AbsoluteUrl | None = None
    disconnect_method: Method | None = None
    call_timeout: Annotated[Seconds, Meta(ge=1, le=300), Assumes(30)] | None = None
    callback_timeout: Annotated[Seconds, Meta(ge=1, le=25), Assumes(15)] | None = None
    machine_detection: MachineDetection | None = None
    priority: Annotated[int, Meta(ge=1, le=5), Assumes(5)] | None = None
    privacy: bool | None = None
    display_name: DisplayName | None = None
    uui: UserToUser | None = None
    tag: RestTag | None = None

    def across(self) -> Iterable[Fault]:
        """Credentials go to https URLs only; with ``privacy`` only four display names are allowed."""
        faults = [
            *needs_https(self, "answer_url", "username", "password"),
            *needs_https(self, "answer_fallback_url", "fallback_username", "fallback_password"),
        ]
        if (
            self.privacy
            and self.display_name is not None
            and self.display_name not in PRIVATE_NAMES
        ):
            words = f"must be one of {', '.join(PRIVATE_NAMES)} with privacy"
            faults.append(Fault("privacy-display-name", words, "display_name"))
        return faults


class UpdateCall(Model, frozen=True, kw_only=True, rename=vendor_name, omit_defaults=True):
    """A change to a live call: send it to ``redirect_url``, or end it with ``state="completed"``."""

    state: Annotated[State, Assumes("active")] | None = None
    redirect_url: AbsoluteUrl | None = None
    redirect_method: Method | None = None
    username: Username | None = None
    password: Password | None = None
    redirect_fallback_url: AbsoluteUrl | None = None
    redirect_fallback_method: Method | None = None
    fallback_username: Username | None = None
    fallback_password: Password | None = None
    tag: RestTag | None = None

    def across(self) -> Iterable[Fault]:
        """``active`` needs a URL (tested by the vendor); ``completed`` takes nothing else."""
        if self.state == "completed":
            extra = [name for name in self.__struct_fields__[1:] if getattr(self, name) is not None]
            words = "is not allowed with state='completed'"
            return [Fault("completed-alone", words, name) for name in extra]
        if self.redirect_url is None:
            words = "is required, unless state is 'completed'"
            return [Fault("redirect-url-required", words, "redirect_url")]
        return [
            *needs_https(self, "redirect_url", "username", "password"),
            *needs_https(self, "redirect_fallback_url", "fallback_username", "fallback_password"),
        ]


class ListCalls(Model, frozen=True, kw_only=True, rename=vendor_name, omit_defaults=True):
    """Which calls to list. Start times are inclusive; pages hold 1 to 10,000 calls.

    ``limit`` is ours, not the platform's: the most calls that are wanted in all.
    """

    to: Annotated[str, NotBlank()] | None = None
    from_: Annotated[str, NotBlank()] | None = None
    min_start_time: datetime | None = None
    max_start_time: datetime | None = None
    disconnect_cause: Annotated[str, NotBlank()] | None = None
    page_size: Annotated[int, Meta(ge=1, le=10_000), Assumes(1000)] | None = None
    limit: Annotated[int, Meta(ge=1)] | None = None

    def across(self) -> Iterable[Fault]:
        """A time without a zone means something else on every machine."""
        for name in ("min_start_time", "max_start_time"):
            moment = getattr(self, name)
            if moment is not None and moment.tzinfo is None:
                yield Fault("time-zone", "must have a time zone, such as UTC", name)


class CreateCallResponse(Struct, frozen=True, kw_only=True, rename=vendor_name):
    """A call that was accepted. It is queued; what becomes of it, webhooks and state will tell."""

    call_id: str
    account_id: str
    application_id: str
    to: str
    from_: str
    call_url: str
    answer_url: str
    enqueued_time: datetime | None = None
    call_timeout: float | None = None
    callback_timeout: float | None = None
    tag: str | None = None
    answer_method: str | None = None
    answer_fallback_method: str | None = None
    answer_fallback_url: str | None = None
    disconnect_method: str | None = None
    disconnect_url: str | None = None
    username: str | None = None
    fallback_username: str | None = None
    priority: int | None = None


class CallState(Struct, frozen=True, kw_only=True, rename=vendor_name):
    """What the platform knows of a call.

    ``state`` is queued, initiated, answered or disconnected, ``disconnect_cause`` why it ended; the
    vendor may add values to both.
    """

    call_id: str | None = None
    account_id: str | None = None
    application_id: str | None = None
    parent_call_id: str | None = None
    to: str | None = None
    from_: str | None = None
    direction: str | None = None
    state: str | None = None
    identity: str | None = None
    stir_shaken: dict[str, str | None] | None = None
    enqueued_time: datetime | None = None
    start_time: datetime | None = None
    answer_time: datetime | None = None
    end_time: datetime | None = None
    disconnect_cause: str | None = None
    error_message: str | None = None
    error_id: str | None = None
    last_update: datetime | None = None

    @property
    def is_over(self) -> bool:
        """Whether the call has ended."""
        return self.state == "disconnected"

"""Events of conferences."""

from typing import Annotated, ClassVar

from bxml.rules import Where
from calls.events._base import (
    AccountId,
    Callee,
    Caller,
    CallId,
    ConferenceEvent,
    Duration,
    EndTime,
    Time,
    Url,
    about,
)
from calls.events.recording import Channels, FileFormat, RecordingId, RecordingStatus


class ConferenceCreatedEvent(ConferenceEvent, frozen=True, kw_only=True):
    """A conference was created."""


class _MemberEvent(ConferenceEvent, frozen=True, kw_only=True):
    call_id: CallId
    from_: Caller | None = None
    to: Callee | None = None


class ConferenceMemberJoinEvent(_MemberEvent, frozen=True, kw_only=True):
    """A call joined the conference."""


class ConferenceMemberExitEvent(_MemberEvent, frozen=True, kw_only=True):
    """A call left the conference."""


class ConferenceCompletedEvent(ConferenceEvent, frozen=True, kw_only=True):
    """The last member left."""

    where: ClassVar[Where | None] = None


class ConferenceRedirectEvent(ConferenceEvent, frozen=True, kw_only=True):
    """The conference was sent to another URL through the REST API."""


class ConferenceRecordingAvailableEvent(ConferenceEvent, frozen=True, kw_only=True):
    """The recording of a conference can be fetched. ``start_time`` is that of the recording."""

    where: ClassVar[Where | None] = None

    recording_id: RecordingId
    status: RecordingStatus
    account_id: AccountId | None = None
    channels: Channels | None = None
    start_time: Annotated[Time, about("When the recording started.")] | None = None
    end_time: EndTime | None = None
    duration: Duration | None = None
    file_format: FileFormat | None = None
    media_url: Url | None = None

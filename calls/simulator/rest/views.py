"""Calls and recordings as the REST API shows them."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from calls.models import CreateCall
from calls.simulator.settings import Settings
from calls.simulator.state import Call, Recording, moment

MASKED = "*****"


@lru_cache(maxsize=4096)
def _text(started: datetime, at: float) -> str:
    # By the start alone, since a whole Settings takes longer to look up than a time to write.
    when = moment(Settings(started=started), at).astimezone(UTC)
    return when.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def time_of(settings: Settings, at: float | None) -> str | None:
    """A time as the platform writes it: in UTC, with milliseconds."""
    return None if at is None else _text(settings.started, at)


def shown_moment(settings: Settings, at: float) -> datetime:
    """The same as a value, with nothing of it that is not shown."""
    when = moment(settings, at)
    return when.replace(microsecond=when.microsecond // 1000 * 1000)


def state_of(call: Call, account_id: str, settings: Settings) -> dict[str, Any]:
    """What is known of a call."""
    return {
        "callId": call.id,
        "applicationId": call.application_id,
        "accountId": account_id,
        "parentCallId": call.parent_id,
        "to": call.to,
        "from": call.from_,
        "direction": call.direction,
        "state": call.state,
        "identity": None,
        "stirShaken": None,
        "enqueuedTime": time_of(settings, call.enqueued),
        "startTime": time_of(settings, call.started),
        "answerTime": time_of(settings, call.answered),
        "endTime": time_of(settings, call.ended),
        "disconnectCause": call.cause,
        "errorMessage": call.error_message,
        "errorId": call.error_id,
        "lastUpdate": time_of(settings, call.changed),
    }


def accepted(
    order: CreateCall, call: Call, account_id: str, url: str, settings: Settings
) -> dict[str, Any]:
    """What is told of a call that was accepted: as it was asked for, and what was assumed."""
    return {
        "applicationId": order.application_id,
        "accountId": account_id,
        "callId": call.id,
        "to": order.to,
        "from": order.from_,
        "enqueuedTime": time_of(settings, call.enqueued),
        "callUrl": url,
        "callTimeout": float(call.call_timeout),
        "callbackTimeout": float(call.callback_timeout),
        "tag": order.tag,
        "answerMethod": order.answer_method or "POST",
        "answerUrl": order.answer_url,
        "answerFallbackMethod": order.answer_fallback_method or "POST",
        "answerFallbackUrl": order.answer_fallback_url,
        "disconnectMethod": order.disconnect_method or "POST",
        "disconnectUrl": order.disconnect_url,
        "username": order.username,
        "password": order.password and MASKED,
        "fallbackUsername": order.fallback_username,
        "fallbackPassword": order.fallback_password and MASKED,
        "priority": order.priority or 5,
    }


def _duration(seconds: float) -> str:
    return f"PT{f'{seconds:.3f}'.rstrip('0').rstrip('.')}S"


def is_downloadable(recording: Recording) -> bool:
    """Whether there is a file of it."""
    return recording.status in {"complete", "partial"}


def _of_any_recording(recording: Recording, account_id: str, settings: Settings) -> dict[str, Any]:
    told = {
        "accountId": account_id,
        "recordingId": recording.id,
        "recordingName": recording.name,
        "duration": _duration(recording.seconds),
        "channels": recording.channels,
        "startTime": time_of(settings, recording.started),
        "endTime": time_of(settings, recording.ended),
        "fileFormat": recording.file_format,
        "status": recording.status,
    }
    # None of these may be null, so what is not known is not there.
    known = {name: value for name, value in told.items() if value is not None}
    return {**known, "mediaUrl": recording.media_url if is_downloadable(recording) else None}


def of_call(
    recording: Recording, call: Call | None, account_id: str, settings: Settings
) -> Mapping[str, Any]:
    """What is known of a recording of a call, which itself may be forgotten by now."""
    told = _of_any_recording(recording, account_id, settings)
    told |= {"callId": recording.call_id, "transcription": None}
    if call is None:
        return told
    told |= {
        "applicationId": call.application_id,
        "to": call.to,
        "from": call.from_,
        "direction": call.direction,
    }
    if call.parent_id and call.leg:
        told |= {
            "parentCallId": call.parent_id,
            "transferCallerId": call.leg.shown_as,
            "transferTo": call.leg.rings,
        }
    return told


def of_conference(
    recording: Recording, name: str | None, account_id: str, settings: Settings
) -> Mapping[str, Any]:
    """What is known of a recording of a conference."""
    told = _of_any_recording(recording, account_id, settings)
    told |= {"conferenceId": recording.conference_id}
    return told | ({"name": name} if name else {})

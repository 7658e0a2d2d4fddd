"""What was recorded, of calls and of conferences; and how full the queue is."""

from calls.simulator.rest.desk import Desk
from calls.simulator.rest.message import (
    LONGEST_ECHO,
    Incoming,
    Outgoing,
    Refusal,
    in_json,
    not_found,
)
from calls.simulator.rest.views import is_downloadable, of_call, of_conference
from calls.simulator.sound import media
from calls.simulator.state import Recording


def of_a_call(desk: Desk, _: Incoming, call_id: str) -> Outgoing:
    """``listCallRecordings``. For a call that is not known there are none (tested by the vendor)."""
    engine = desk.engine
    call = engine.calls.get(call_id)
    found = [each for each in engine.recordings.values() if _is_of_call(each, call_id)]
    return in_json([of_call(each, call, desk.account_id, engine.settings) for each in found])


def one_of_a_call(desk: Desk, _: Incoming, call_id: str, recording_id: str) -> Outgoing:
    """``getCallRecording``."""
    engine = desk.engine
    recording = _of_call(desk, call_id, recording_id)
    told = of_call(recording, engine.calls.get(call_id), desk.account_id, engine.settings)
    return in_json(told)


def media_of_a_call(desk: Desk, _: Incoming, call_id: str, recording_id: str) -> Outgoing:
    """``downloadCallRecording``."""
    return _media(_of_call(desk, call_id, recording_id))


def one_of_a_conference(desk: Desk, _: Incoming, conference_id: str, recording_id: str) -> Outgoing:
    """``getConferenceRecording``."""
    engine = desk.engine
    recording = _of_conference(desk, conference_id, recording_id)
    room = engine.conferences.get(conference_id)
    name = room.name if room else None
    return in_json(of_conference(recording, name, desk.account_id, engine.settings))


def media_of_a_conference(
    desk: Desk, _: Incoming, conference_id: str, recording_id: str
) -> Outgoing:
    """``downloadConferenceRecording``."""
    return _media(_of_conference(desk, conference_id, recording_id))


def statistics(desk: Desk, _: Incoming) -> Outgoing:
    """``getStatistics``."""
    told = {
        "currentCallQueueSize": desk.engine.limits.queue_size(),
        "maxCallQueueSize": desk.engine.limits.queue_limit(),
    }
    return in_json(told)


def _is_of_call(recording: Recording, call_id: str) -> bool:
    return recording.conference_id is None and recording.call_id == call_id


def _of_call(desk: Desk, call_id: str, recording_id: str) -> Recording:
    recording = desk.engine.recordings.get(recording_id)
    if recording is None or not _is_of_call(recording, call_id):
        raise _unknown(recording_id)
    return recording


def _of_conference(desk: Desk, conference_id: str, recording_id: str) -> Recording:
    # An unknown one is 500 with the vendor at times (tested); 404 is what is documented.
    recording = desk.engine.recordings.get(recording_id)
    if recording is None or recording.conference_id != conference_id:
        raise _unknown(recording_id)
    return recording


def _media(recording: Recording) -> Outgoing:
    if not is_downloadable(recording):
        raise _unknown(recording.id)
    content, kind = media(recording)
    return Outgoing(200, content, {"content-type": kind})


def _unknown(recording_id: str) -> Refusal:
    return not_found(f"Recording [{recording_id[:LONGEST_ECHO]}] not found")

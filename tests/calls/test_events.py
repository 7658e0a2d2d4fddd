"""Webhook events: read, written, and told when they are none."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calls.errors import InvalidEvent
from calls.events import EVENTS, GatherEvent, UnknownEvent, parse_event
from calls.simulator.state import wire

GATHER = {
    "eventType": "gather",
    "eventTime": "2026-03-04T10:15:30.250Z",
    "accountId": "9900000",
    "applicationId": "0f0e0d0c-1111-4222-8333-444455556666",
    "from": "+15550100001",
    "to": "+15550100002",
    "direction": "outbound",
    "callId": "c-1",
    "callUrl": "https://voice.bandwidth.com/api/v2/accounts/9900000/calls/c-1",
    "startTime": "2026-03-04T10:15:20.100Z",
    "digits": "123",
    "terminatingDigit": "#",
    "tomorrow": {"a": [1]},
}


def test_an_event_is_read_by_its_type_and_unknown_fields_are_ordinary() -> None:
    event = parse_event(json.dumps(GATHER))
    assert isinstance(event, GatherEvent)
    assert (event.event_type, event.digits, event.terminating_digit) == ("gather", "123", "#")
    assert event.event_time == datetime(2026, 3, 4, 10, 15, 30, 250_000, UTC)
    assert event.answer_time is None
    assert json.loads(wire(event)) == {k: v for k, v in GATHER.items() if k != "tomorrow"}


def test_the_classes_have_the_vendors_names() -> None:
    names = {str(event.__struct_config__.tag) for event in EVENTS}
    assert names == {
        "answer",
        "disconnect",
        "gather",
        "initiate",
        "redirect",
        "transferAnswer",
        "transferComplete",
        "transferDisconnect",
    }


def test_an_event_of_tomorrow_arrives_with_all_its_data() -> None:
    event = parse_event(b'{"eventType": "teleport", "callId": "c-1"}')
    assert event == UnknownEvent(
        event_type="teleport", data={"eventType": "teleport", "callId": "c-1"}
    )


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b"\xff",
        b'{"eventType": 7}',
        b'{"eventType": "gather"}',
        json.dumps(GATHER | {"digits": 5}).encode(),
        json.dumps(GATHER | {"eventTime": "yesterday"}).encode(),
        b"[" * 100_000,
        b" " * 1_048_577,
    ],
)
def test_what_is_no_event_is_told_as_such(body: bytes) -> None:
    with pytest.raises(InvalidEvent):
        parse_event(body)


@given(st.binary())
def test_any_bytes_are_an_event_or_invalid(body: bytes) -> None:
    try:
        parse_event(body)
    except InvalidEvent as error:
        assert str(error)

"""Every field of every event against the reference: what is taken, and what is refused and where."""

import copy
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import msgspec
import pytest

from bxml._declare import python_name
from bxml.types import OneOfKnown, Uncertain
from calls.errors import InvalidEvent
from calls.events import EVENTS, Event, ReferCompleteEvent, parse_event

TIME = "2026-03-04T10:15:30.250Z"
AT = datetime(2026, 3, 4, 10, 15, 30, 250_000, UTC)
NO_TRACKS: tuple[str, ...] = ()
FIVE = timedelta(seconds=5)
VALUES: tuple[Any, ...] = (
    *(5, 1.5, True, False, "text", "", "true", TIME, "PT5S"),
    *([], ["inbound"], [5], {}, {"a": "b"}, {"a": 5}),
)
TEXTS = ["text", "", "true", TIME, "PT5S"]
# What a field of a type takes, and what becomes of it.
TAKES: dict[str, list[tuple[Any, Any]]] = {
    **{kind: [(each, each) for each in TEXTS] for kind in ("string", "url", "enum")},
    "datetime": [(TIME, AT)],
    "duration": [("PT5S", FIVE)],
    "integer": [(5, 5)],
    "boolean": [(True, True), (False, False)],
    "list": [([], NO_TRACKS), (["inbound"], ("inbound",))],
    "flag": [(True, True), (False, False), ("true", True)],
    "texts": [({}, {}), ({"a": "b"}, {"a": "b"})],
}
OPEN = {"diversion", "sipHeaders"}  # read as a dict of texts, whatever the keys
CALL = {"eventTime", "from", "to", "direction", "callId", "callUrl"}
ROOM = {"eventTime", "conferenceId", "name"}
REQUIRED = {
    "disconnect": {"cause"},
    "machineDetectionComplete": {"machineDetectionResult"},
    "dtmf": {"digit"},
    "recordComplete": {"recordingId"},
    "recordingAvailable": {"recordingId", "status"},
    "transcriptionAvailable": {"recordingId", "transcription"},
    "transferComplete": {"cause"},
    "transferDisconnect": {"cause"},
    "referComplete": {"referCallStatus"},
    "conferenceMemberJoin": {"callId"},
    "conferenceMemberExit": {"callId"},
    "conferenceRecordingAvailable": {"recordingId", "status"},
    "mediaStreamStarted": {"mediaStream"},
    "mediaStreamRejected": {"cause", "mediaStream"},
    "mediaStreamStopped": {"cause", "mediaStream"},
    "realTimeTranscriptionStarted": {"realTimeTranscription"},
    "realTimeTranscriptionRejected": {"cause", "realTimeTranscription"},
    "realTimeTranscriptionStopped": {"cause", "realTimeTranscription"},
    "realTimeTranscriptionAvailable": {"realTimeTranscription"},
}
WITHIN = {"id", "value"}

every_event = pytest.mark.parametrize("cls", EVENTS, ids=lambda cls: cls.__name__)


def name_of(cls: type[Event]) -> str:
    return str(cls.__struct_config__.tag)


def kind_of(name: str, fact: Any) -> str:
    if name in OPEN:
        return "texts"
    return "flag" if name == "stabilized" else str(fact["type"])


def sample(name: str, fact: Any) -> Any:
    if name not in OPEN and "fields" in fact:
        return {inner: sample(inner, each) for inner, each in fact["fields"].items()}
    return TAKES[kind_of(name, fact)][-1][0]


def full(cls: type[Event], reference: Any) -> dict[str, Any]:
    """A body with every documented field."""
    facts = reference["events"][name_of(cls)]["fields"]
    return {name: sample(name, fact) for name, fact in facts.items()} | {"eventType": name_of(cls)}


def places(facts: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, fact in facts.items():
        if name != "eventType":
            yield (name,), fact
            if name not in OPEN:
                yield from (((name, *more), each) for more, each in places(fact.get("fields", {})))


def required(cls: type[Event], place: tuple[str, ...]) -> bool:
    [field, *within] = place
    if within:
        return within[-1] in WITHIN
    name = name_of(cls)
    always = ROOM if name.startswith("conference") else CALL
    return field in always | REQUIRED.get(name, set())


def changed(body: dict[str, Any], place: tuple[str, ...], *value: Any) -> str:
    body = copy.deepcopy(body)
    there = body
    for name in place[:-1]:
        there = there[name]
    del there[place[-1]]
    if value:
        there[place[-1]] = value[0]
    return json.dumps(body)


def at(event: Any, place: tuple[str, ...]) -> Any:
    for name in place:
        event = getattr(event, python_name(name))
    return event


def refused_at(body: str) -> str | None:
    with pytest.raises(InvalidEvent) as caught:
        parse_event(body)
    assert caught.value.path is not None
    assert caught.value.path in str(caught.value) or "missing" in str(caught.value)
    assert len(str(caught.value)) <= 300
    return caught.value.path


def declared(cls: Any, place: tuple[str, ...]) -> list[object]:
    """The marks of a field."""
    members: tuple[Any, ...] = ()
    for name in place:
        field = {each.encode_name: each for each in msgspec.structs.fields(cls)}[name]
        members = (field.type, *get_args(field.type))
        cls = next(
            (
                inner
                for each in members
                if msgspec.inspect.is_struct_type(inner := getattr(each, "__origin__", each))
            ),
            None,
        )
    return [mark for each in members for mark in getattr(each, "__metadata__", ())]


@every_event
def test_a_body_with_every_documented_field_leaves_nothing_over(
    cls: type[Event], reference: Any
) -> None:
    event = parse_event(json.dumps(full(cls, reference)))
    assert type(event) is cls
    assert event.extra == {}


@every_event
def test_a_field_that_is_absent_or_null_is_none_or_an_error_that_names_it(
    cls: type[Event], reference: Any
) -> None:
    body = full(cls, reference)
    for place, _ in places(reference["events"][name_of(cls)]["fields"]):
        for without in (changed(body, place), changed(body, place, None)):
            if required(cls, place):
                assert refused_at(without) == "$." + ".".join(place)
            else:
                assert at(parse_event(without), place) is None, place


@every_event
def test_nothing_is_required_that_the_reference_calls_optional(
    cls: type[Event], reference: Any
) -> None:
    for place, fact in places(reference["events"][name_of(cls)]["fields"]):
        assert not (required(cls, place) and fact["optional"]), place


@every_event
def test_a_field_takes_the_values_of_its_type_and_no_others(
    cls: type[Event], reference: Any
) -> None:
    body = full(cls, reference)
    for place, fact in places(reference["events"][name_of(cls)]["fields"]):
        path = "$." + ".".join(place)
        is_part = place[-1] not in OPEN and "fields" in fact
        takes = [] if is_part else TAKES[kind_of(place[-1], fact)]
        meant = {json.dumps(value): result for value, result in takes}
        for value in VALUES:
            there = changed(body, place, value)
            if json.dumps(value) in meant:
                got = at(parse_event(there), place)
                result = meant[json.dumps(value)]
                assert (type(got), got) == (type(result), result), (place, value)
            elif is_part and isinstance(value, dict):
                # An object: what it must hold is missing, or what it holds is not known.
                inner = next((each for each in fact["fields"] if each in WITHIN), None)
                if inner:
                    assert refused_at(there) == f"{path}.{inner}"
                else:
                    assert parse_event(there).extra == ({place[0]: value} if value else {})
            elif value == [5] and kind_of(place[-1], fact) == "list":
                assert refused_at(there) == f"{path}[0]"
            elif value == {"a": 5} and place[-1] in OPEN:
                assert refused_at(there) == f"{path}[...]"
            else:
                assert refused_at(there) == path, value


@every_event
def test_what_is_not_known_is_kept_at_every_depth(cls: type[Event], reference: Any) -> None:
    body = full(cls, reference)
    plain = parse_event(json.dumps(body))
    facts = reference["events"][name_of(cls)]["fields"]
    parts = [name for name, fact in facts.items() if "fields" in fact and name not in OPEN]
    wanted: dict[str, Any] = {"tomorrow": [1, {"a": None}]}
    for name in parts:
        body[name]["tomorrow"] = 1
        wanted[name] = {"tomorrow": 1}
    event = parse_event(json.dumps(body | {"tomorrow": [1, {"a": None}]}))
    assert event == plain
    assert repr(event) == repr(plain)
    assert event.extra == wanted
    again = parse_event(event.to_json())
    assert (again, again.extra) == (event, wanted)


@every_event
def test_the_reply_goes_where_the_reference_says(cls: type[Event], reference: Any) -> None:
    asks = reference["events"][name_of(cls)]["bxmlReply"]
    event = parse_event(json.dumps(full(cls, reference)))
    if cls is ReferCompleteEvent:
        assert asks == "on failure only"
        assert cls.where == "reply"
        failed = parse_event(changed(full(cls, reference), ("referCallStatus",), "failure"))
        done = parse_event(changed(full(cls, reference), ("referCallStatus",), "success"))
        assert (failed.wants_document, done.wants_document) == (True, False)
        return
    assert event.wants_document is asks
    places = {"transferAnswer": "transfer_answer"}
    where = "conference" if name_of(cls).startswith("conference") else "reply"
    assert cls.where == (places.get(name_of(cls), where) if asks else None)


@every_event
def test_the_marks_of_a_field_say_what_the_reference_says(cls: type[Event], reference: Any) -> None:
    for place, fact in places(reference["events"][name_of(cls)]["fields"]):
        marks = declared(cls, place)
        if "uncertain" in fact:
            assert any(isinstance(mark, Uncertain) for mark in marks), place
        if fact["type"] == "enum":
            [values] = [mark.values for mark in marks if isinstance(mark, OneOfKnown)]
            assert values >= set(fact["values"]), place
        assert any(isinstance(mark, msgspec.Meta) and mark.description for mark in marks), place

"""Every event: its documented example, and what becomes of it field by field."""

import copy
import json
import pickle
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlencode

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bxml import VERBS
from bxml._declare import describe, python_name
from calls.errors import InvalidEvent
from calls.events import (
    EVENTS,
    AnswerEvent,
    Event,
    GatherEvent,
    MediaStreamStoppedEvent,
    RealTimeTranscriptionStoppedEvent,
    RecordCompleteEvent,
    UnknownEvent,
    parse_event,
    parse_event_query,
)

EXAMPLES: dict[str, dict[str, Any]] = json.loads(
    (Path(__file__).parent / "events.json").read_bytes()
)
REFERENCE = Path(__file__).resolve().parents[3] / "shared" / "reference" / "bxml_verbs.json"
CLASSES = {str(each.__struct_config__.tag): each for each in EVENTS}
OTHER_KEY = {"transcription": "realTimeTranscription"}
REQUIRED = {
    *("eventTime", "from", "to", "direction", "callId", "callUrl", "conferenceId", "name"),
    *("cause", "digit", "recordingId", "status", "machineDetectionResult", "mediaStream"),
    *("realTimeTranscription", "transcription", "referCallStatus"),
}
OPTIONAL_HERE = {
    "bridgeComplete": {"cause"},
    "answer": {"machineDetectionResult"},
    "conferenceMemberJoin": {"from", "to"},
    "conferenceMemberExit": {"from", "to"},
}
REQUIRED_WITHIN = {"id", "value"}


def written(example: dict[str, Any]) -> dict[str, Any]:
    """An example with its fields under the names of the documentation's tables."""
    rename = OTHER_KEY if str(example["eventType"]).startswith("realTime") else {}
    example = {rename.get(name, name): value for name, value in copy.deepcopy(example).items()}
    for part in (v for v in example.values() if isinstance(v, dict) and "stabilized" in v):
        part["stabilized"] = part["stabilized"] == "true"
    return example


def value_of(name: str, came: Any) -> Any:
    """What a field of an example means, read without the code under test."""
    if name.endswith("Time"):
        return datetime.fromisoformat(came)
    if name == "duration":
        minutes, _, seconds = came.removeprefix("PT").rpartition("M")
        return timedelta(minutes=int(minutes or 0), seconds=float(seconds.rstrip("S") or 0))
    if name == "tracks":
        return tuple(came)
    return came


def compare(event: Any, came: dict[str, Any]) -> None:
    for name, value in came.items():
        if name == "eventType":
            assert event.event_type == value
            continue
        got = getattr(event, python_name(name))
        if isinstance(value, dict) and isinstance(got, msgspec.Struct):
            compare(got, value)
        else:
            assert got == value_of(name, value), name


def test_there_are_thirty_events_and_an_example_of_each() -> None:
    assert len(EVENTS) == 30
    assert CLASSES.keys() == EXAMPLES.keys()
    assert {name[0].upper() + name[1:] for name in CLASSES} == {
        cls.__name__.removesuffix("Event").replace("PartialGather", "Partialgather")
        for cls in EVENTS
    }


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_documented_example_has_the_values_that_it_shows(name: str) -> None:
    event = parse_event(json.dumps(EXAMPLES[name]))
    assert type(event) is CLASSES[name]
    compare(event, written(EXAMPLES[name]))
    assert event.extra == {}


def test_the_values_of_some_examples_by_hand() -> None:
    answer = parse_event(json.dumps(EXAMPLES["answer"]))
    assert isinstance(answer, AnswerEvent)
    assert answer.machine_detection_result is not None
    assert answer.machine_detection_result.value == "human"
    assert answer.machine_detection_result.duration == timedelta(seconds=2.3)
    assert answer.tag == "order-7"
    record = parse_event(json.dumps(EXAMPLES["recordComplete"]))
    assert isinstance(record, RecordCompleteEvent)
    assert (record.channels, record.duration) == (1, timedelta(seconds=5))
    assert record.start_time == datetime(2026, 3, 4, 10, 15, 25, tzinfo=UTC)
    stopped = parse_event(json.dumps(EXAMPLES["mediaStreamStopped"]))
    assert isinstance(stopped, MediaStreamStoppedEvent)
    assert stopped.media_stream.duration == timedelta(minutes=1, seconds=2.5)
    assert stopped.media_stream.tracks == ("inbound",)
    over = parse_event(json.dumps(EXAMPLES["realTimeTranscriptionStopped"]))
    assert isinstance(over, RealTimeTranscriptionStoppedEvent)
    assert over.real_time_transcription.stabilized is True
    assert over.cause == "closed"


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_event_survives_being_written_pickled_and_copied(name: str) -> None:
    strange = written(EXAMPLES[name]) | {"tomorrow": {"a": [1, None]}, "extra": 1}
    event = parse_event(json.dumps(strange))
    again = parse_event(event.to_json())
    assert event.extra == {"tomorrow": {"a": [1, None]}, "extra": 1}
    for same in (again, pickled(event), copy.deepcopy(event), copy.copy(event)):
        assert same == event
        assert same.extra == event.extra
        assert same.to_json() == event.to_json()
    assert normal(json.loads(event.to_json())) == normal(strange)


def pickled(event: Event) -> Any:
    return pickle.loads(pickle.dumps(event))  # noqa: S301  # written here


def normal(value: Any, name: str = "") -> Any:
    """JSON with times and durations as values, since there are several ways to write them."""
    if isinstance(value, dict):
        return {each: normal(inner, each) for each, inner in value.items()}
    if isinstance(value, str) and (name.endswith("Time") or name == "duration"):
        return value_of(name, value)
    return value


def places(example: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    for name, value in example.items():
        if name != "eventType":
            yield (name,)
            if isinstance(value, dict) and name not in ("diversion", "sipHeaders"):
                yield from ((name, inner) for inner in value)


def changed(example: dict[str, Any], place: tuple[str, ...], *value: Any) -> dict[str, Any]:
    changed = copy.deepcopy(example)
    there = changed
    for name in place[:-1]:
        there = there[name]
    if value:
        there[place[-1]] = value[0]
    else:
        del there[place[-1]]
    return changed


def is_required(event: str, place: tuple[str, ...]) -> bool:
    [field, *within] = place
    if within:
        return within[-1] in REQUIRED_WITHIN
    return field in REQUIRED and field not in OPTIONAL_HERE.get(event, ())


CASES = [(name, place) for name, each in EXAMPLES.items() for place in places(written(each))]


@pytest.mark.parametrize(
    ("name", "place"),
    CASES,
    ids=lambda each: each if isinstance(each, str) else ".".join(each),
)
def test_every_single_field_may_be_strange(name: str, place: tuple[str, ...]) -> None:
    example = written(EXAMPLES[name])
    path = "$." + ".".join(place)
    required = is_required(name, place)
    for without in (changed(example, place), changed(example, place, None)):
        if required:
            with pytest.raises(InvalidEvent) as caught:
                parse_event(json.dumps(without))
            assert caught.value.path == path
        else:
            there: Any = parse_event(json.dumps(without))
            for each in place:
                there = getattr(there, python_name(each))
            assert there is None
    others: tuple[Any, ...] = (
        5,
        1.5,
        True,
        "text",
        "",
        [],
        {},
        [[1]],
        {"a": {}},
        "2026-99-99T00:00:00Z",
    )
    for other in others:
        body = json.dumps(changed(example, place, other))
        try:
            event = parse_event(body)
        except InvalidEvent as error:
            assert error.path is not None
            assert error.path.startswith(path)
            assert path in str(error)
        else:
            # What is taken is there, of the type that the class declares.
            assert msgspec.convert(json.loads(event.to_json()), type(event)) == event
            assert normal(json.loads(event.to_json())) == normal(json.loads(body)) or other == {}
    beside: Any = 1
    for each in reversed((*place[:-1], "tomorrow")):
        beside = {each: beside}
    more = json.dumps(changed(example, (*place[:-1], "tomorrow"), 1))
    assert parse_event(more) == parse_event(json.dumps(example))
    assert parse_event(more).extra == beside


@pytest.mark.parametrize(
    ("name", "field"),
    [(n, f) for n, each in EXAMPLES.items() for f in each if f in ("cause", "status", "direction")],
)
def test_the_values_of_tomorrow_are_ordinary(name: str, field: str) -> None:
    event = parse_event(json.dumps(EXAMPLES[name] | {field: "of-tomorrow"}))
    assert getattr(event, field) == "of-tomorrow"


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_get_delivery_says_the_same(name: str) -> None:
    example = written(EXAMPLES[name])
    event = parse_event(json.dumps(example))

    def flat(value: Any) -> str:
        return value if isinstance(value, str) else json.dumps(value)

    as_json = urlencode({key: flat(value) for key, value in example.items()})
    assert parse_event_query(as_json) == event
    dotted: list[tuple[str, str]] = []
    for key, value in example.items():
        if isinstance(value, dict):
            for inner, each in value.items():
                dotted += [
                    (f"{key}.{inner}", flat(v))
                    for v in (each if isinstance(each, list) else [each])
                ]
        else:
            dotted.append((key, flat(value)))
    assert parse_event_query(urlencode(dotted).encode()) == event


class TestQueries:
    GATHER: ClassVar = {key: str(value) for key, value in EXAMPLES["gather"].items()}

    def test_parameters_of_your_own_are_beside_it(self) -> None:
        event = parse_event_query(urlencode(self.GATHER | {"team": "a b"}) + "&x=1&x=2")
        assert event.extra == {"team": "a b", "x": ["1", "2"]}

    def test_a_plus_that_was_not_quoted_is_put_back(self) -> None:
        query = urlencode({k: v for k, v in self.GATHER.items() if k != "from"})
        event = parse_event_query(query + "&from=+15550100001")
        assert isinstance(event, GatherEvent)
        assert event.from_ == "+15550100001"

    def test_a_field_that_is_there_twice_is_refused(self) -> None:
        with pytest.raises(InvalidEvent, match="`digits` is there 2 times") as caught:
            parse_event_query(urlencode(self.GATHER) + "&digits=9")
        assert caught.value.path == "$.digits"

    def test_an_object_that_cannot_be_read_is_kept_where_it_is_not_required(self) -> None:
        initiate = EXAMPLES["initiate"] | {"diversion": "Map(origTo=1)", "sipHeaders": "?"}
        del initiate["stirShaken"], initiate["privacy"]
        event = parse_event_query(urlencode(initiate))
        assert event.extra == {"diversion": "Map(origTo=1)", "sipHeaders": "?"}
        stream = EXAMPLES["mediaStreamStarted"] | {"mediaStream": "?"}
        with pytest.raises(InvalidEvent, match="mediaStream"):
            parse_event_query(urlencode(stream))

    def test_numbers_and_flags_are_read_from_text(self) -> None:
        over = parse_event_query(urlencode(EXAMPLES["disconnect"]))
        assert getattr(over, "sip_response_code", None) == 486

    def test_many_parameters_are_refused(self) -> None:
        with pytest.raises(InvalidEvent, match="at most 256 parameters"):
            parse_event_query("a=1&" * 300)

    @given(st.text(max_size=300) | st.binary(max_size=300))
    def test_any_query_is_an_event_or_invalid(self, query: str | bytes) -> None:
        try:
            assert isinstance(parse_event_query(query), Event)
        except InvalidEvent as error:
            assert len(str(error)) < 300


class TestOddities:
    """What one source of the vendor says and the others do not."""

    def test_a_time_without_a_zone_is_utc(self) -> None:
        example = EXAMPLES["gather"] | {"eventTime": "2026-03-04T10:15:30.250"}
        assert parse_event(json.dumps(example)) == parse_event(json.dumps(EXAMPLES["gather"]))

    def test_recording_complete_is_record_complete(self) -> None:
        example = EXAMPLES["recordComplete"] | {"eventType": "recordingComplete"}
        assert isinstance(parse_event(json.dumps(example)), RecordCompleteEvent)

    def test_an_endpoint_event_has_its_type_elsewhere(self) -> None:
        event = parse_event('{"event": "endpointConnected", "endpointId": "e-1"}')
        assert isinstance(event, UnknownEvent)
        assert event.event_type == "endpointConnected"
        assert not event.wants_document

    @pytest.mark.parametrize("time", ["2026-03-04T10:15:30Z", "2026-03-04T10:15:30"])
    def test_an_event_of_tomorrow_has_its_time_and_its_call(self, time: str) -> None:
        event = parse_event(json.dumps({"eventType": "x", "eventTime": time, "callId": "c-1"}))
        assert isinstance(event, UnknownEvent)
        assert event.event_time == datetime(2026, 3, 4, 10, 15, 30, tzinfo=UTC)
        assert event.call_id == "c-1"
        assert parse_event(event.to_json()) == event == pickled(event)


class TestStale:
    event = parse_event(json.dumps(EXAMPLES["gather"]))
    at = datetime(2026, 3, 4, 10, 15, 30, 250_000, UTC)

    @pytest.mark.parametrize(("age", "stale"), [(-5, False), (10, False), (10.5, True)])
    def test_it_is_stale_when_it_is_older(self, age: float, stale: bool) -> None:
        assert self.event.is_stale(10, now=self.at + timedelta(seconds=age)) is stale

    def test_a_time_without_a_zone_is_refused(self) -> None:
        with pytest.raises(ValueError, match="time zone"):
            self.event.is_stale(10, now=self.at.replace(tzinfo=None))

    def test_now_is_the_machines_own(self) -> None:
        assert self.event.is_stale(10)

    def test_without_a_time_it_is_not(self) -> None:
        assert not parse_event('{"eventType": "x"}').is_stale(0)


HOSTILE = [
    b'{"eventType": "' + b"x" * 900_000 + b'"',
    b'{"eventType": "gather", "eventType": "gather"}',
    b'{"eventType": "gather", "from": ' + b"9" * 100_000 + b"}",
    b'{"eventType": "x", "n": ' + b"9" * 100_000 + b"}",
    b'{"eventType": "x", "n": 1e999999}',
    b'{"eventType": "x", "n": NaN}',
    b'{"eventType": "x", "deep": ' + b"[" * 200_000,
    b'{"eventType": "gather", "deep": ' + b'{"a":' * 200_000,
    b'{"eventType": "\\ud800"}',
    '{"eventType": "\ud800"}',
    b'{"eventType": "gather", "digits": "\\ud800"}',
    b'{"eventType": "x\\n\\u0000", "a": 1',
    b'\xef\xbb\xbf{"eventType": "gather"}',
    b"null",
    b"[]",
    b'{"eventType": ["gather"]}',
    b'{"\x00eventType": "gather"}',
]


@pytest.mark.parametrize("body", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_bodies_are_events_or_invalid(body: bytes | str) -> None:
    try:
        event = parse_event(body)
    except InvalidEvent as error:
        assert len(str(error)) < 300
        assert str(error).isprintable()
    else:
        assert isinstance(event, UnknownEvent)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=10,
)


@given(st.sampled_from(sorted(EXAMPLES)), st.data())
def test_any_change_of_an_example_is_an_event_or_invalid(name: str, data: st.DataObject) -> None:
    example = copy.deepcopy(EXAMPLES[name])
    for field in data.draw(st.lists(st.sampled_from(sorted(example)), max_size=3)):
        example[field] = data.draw(json_values)
    try:
        event = parse_event(json.dumps(example))
    except InvalidEvent as error:
        assert len(str(error)) < 300
    else:
        assert parse_event(event.to_json()) == event


@pytest.mark.parametrize(
    "body", [None, 7, ["x"], {"eventType": "gather"}, bytearray(b"{}"), memoryview(b"{}")]
)
def test_what_is_neither_bytes_nor_text_is_a_type_error(body: Any) -> None:
    for parse in (parse_event, parse_event_query):
        with pytest.raises(TypeError):
            parse(body)


def test_every_event_that_a_verb_causes_has_a_class() -> None:
    marks = [each.delivers for verb in VERBS for each in describe(verb).attributes if each.delivers]
    named = {name for mark in marks for name in (mark.event, *mark.others)}
    assert named
    assert named <= CLASSES.keys()


@pytest.mark.skipif(not REFERENCE.exists(), reason="the reference is not beside this checkout")
@pytest.mark.parametrize("name", EXAMPLES)
def test_a_class_declares_what_the_reference_knows(name: str) -> None:
    reference = json.loads(REFERENCE.read_bytes())["events"][name]
    cls = CLASSES[name]
    assert reference["example"] == EXAMPLES[name]
    fields = {each.encode_name: each for each in msgspec.structs.fields(cls)}
    wanted = {each for each in reference["fields"] if "." not in each} - {"eventType"}
    base = {"enqueuedTime", "answerTime", "tag", "startTime", "accountId", "applicationId"}
    legs = {"parentCallId", "transferCallerId", "transferTo"}
    assert wanted <= fields.keys()
    assert fields.keys() - wanted <= base | legs | {"privacy", "callerDisplayName"}
    for field, known in reference["fields"].items():
        if field in fields and known["optional"]:
            assert fields[field].default is None
    asks = reference["bxmlReply"]
    assert (cls.where is not None) == bool(asks)
    if "conference" in str(reference.get("bxmlNote")):
        assert cls.where == "conference"

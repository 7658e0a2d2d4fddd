"""Every event: its documented example, and what becomes of it field by field."""

import copy
import json
import pickle
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import reduce
from operator import or_
from pathlib import Path
from typing import Any, ClassVar, get_args
from urllib.parse import urlencode

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bxml import VERBS
from bxml._declare import describe, python_name
from bxml.types import OneOfKnown, Uncertain
from calls.errors import InvalidEvent
from calls.events import (
    EVENTS,
    AnswerEvent,
    Event,
    GatherEvent,
    MediaStreamStoppedEvent,
    RealTimeTranscriptionStoppedEvent,
    RecordCompleteEvent,
    ReferCompleteEvent,
    UnknownEvent,
    parse_event,
    parse_event_query,
)
from calls.events._base import part_of

EXAMPLES: dict[str, dict[str, Any]] = json.loads(
    (Path(__file__).parent / "events.json").read_bytes()
)
CLASSES = {str(each.__struct_config__.tag): each for each in EVENTS}
OTHER_KEY = {"transcription": "realTimeTranscription"}
TIME = "2026-03-04T10:15:30.250Z"
AT = datetime(2026, 3, 4, 10, 15, 30, 250_000, UTC)
NO_TIME = "2026-99-99T00:00:00Z"
NO_TRACKS: tuple[str, ...] = ()
FIVE = timedelta(seconds=5)
VALUES: tuple[Any, ...] = (
    *(5, 1.5, True, False, "text", "", "true", TIME, NO_TIME, "PT5S"),
    *([], ["inbound"], [5], [[1]], {}, {"a": "b"}, {"a": 5}, {"a": {}}),
)
# What a field of a type takes, and what becomes of it.
TAKES: dict[str, list[tuple[Any, Any]]] = {
    "text": [(each, each) for each in ("text", "", "true", TIME, NO_TIME, "PT5S")],
    "datetime": [(TIME, AT)],
    "duration": [("PT5S", FIVE)],
    "integer": [(5, 5)],
    "boolean": [(True, True), (False, False)],
    "list": [([], NO_TRACKS), (["inbound"], ("inbound",))],
    "flag": [(True, True), (False, False), ("true", True)],
    "texts": [({}, {}), ({"a": "b"}, {"a": "b"})],
}
# The type of a field by its name, where it is neither a time nor a text.
KINDS = {
    "channels": "integer",
    "diversion": "texts",
    "duration": "duration",
    "notifySipResponseCode": "integer",
    "privacy": "boolean",
    "referSipResponseCode": "integer",
    "sipHeaders": "texts",
    "sipResponseCode": "integer",
    "stabilized": "flag",
    "tracks": "list",
}
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
BASE = {"enqueuedTime", "answerTime", "tag", "startTime", "accountId", "applicationId"}
LEGS = {"parentCallId", "transferCallerId", "transferTo"}

every_event = pytest.mark.parametrize("cls", EVENTS, ids=lambda cls: cls.__name__)


def name_of(cls: type[Event]) -> str:
    return str(cls.__struct_config__.tag)


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
    """JSON with times, durations and flags as values, since there are several ways to write them."""
    if isinstance(value, dict):
        return {each: normal(inner, each) for each, inner in value.items()}
    if isinstance(value, str) and (name.endswith("Time") or name == "duration"):
        return value_of(name, value)
    return value == "true" if name == "stabilized" and isinstance(value, str) else value


# Field by field


def fields_of(cls: type[msgspec.Struct]) -> dict[str, Any]:
    """The fields of a class by the vendor's names, with those of an object below its name."""
    parts = {each.encode_name: part_of(each.type) for each in msgspec.structs.fields(cls)}
    return {name: fields_of(part) if part else {} for name, part in parts.items()}


def kind_of(name: str) -> str:
    return "datetime" if name.endswith("Time") else KINDS.get(name, "text")


def full(cls: type[Event]) -> dict[str, Any]:
    """The example, and a value for each field that it lacks."""
    return filled(fields_of(cls), written(EXAMPLES[name_of(cls)]))


def filled(fields: dict[str, Any], example: dict[str, Any]) -> dict[str, Any]:
    more = {
        name: filled(inner, example.get(name, {})) if inner else TAKES[kind_of(name)][-1][0]
        for name, inner in fields.items()
        if inner or name not in example
    }
    return example | more


def places(fields: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    for name, inner in fields.items():
        yield (name,)
        yield from ((name, *more) for more in places(inner))


every_field = pytest.mark.parametrize(
    ("cls", "place"),
    [(cls, place) for cls in EVENTS for place in places(fields_of(cls))],
    ids=lambda each: ".".join(each) if isinstance(each, tuple) else each.__name__,
)


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


def refused_at(body: str) -> str:
    with pytest.raises(InvalidEvent) as caught:
        parse_event(body)
    path, told = caught.value.path, str(caught.value)
    assert path is not None
    there, _, field = path.rpartition(".")
    assert path in told or (
        f"missing required field `{field}`" in told and there.strip("$") in told
    )
    assert len(told) < 300
    return path


@every_event
def test_a_body_with_every_field_leaves_nothing_over(cls: type[Event]) -> None:
    event = parse_event(json.dumps(full(cls)))
    assert type(event) is cls
    assert event.extra == {}


@every_field
def test_a_field_that_is_absent_or_null_is_none_or_an_error_that_names_it(
    cls: type[Event], place: tuple[str, ...]
) -> None:
    body = full(cls)
    for without in (changed(body, place), changed(body, place, None)):
        if required(cls, place):
            assert refused_at(without) == "$." + ".".join(place)
        else:
            assert at(parse_event(without), place) is None


@every_field
def test_a_field_takes_the_values_of_its_type_and_no_others(
    cls: type[Event], place: tuple[str, ...]
) -> None:
    body = full(cls)
    path = "$." + ".".join(place)
    held = reduce(dict.__getitem__, place, fields_of(cls))
    kind = "object" if held else kind_of(place[-1])
    meant = {json.dumps(value): result for value, result in TAKES.get(kind, [])}
    needed = next((each for each in held if each in WITHIN), None)
    # Where the error is, in a value that is right on the outside.
    inside = {"list": (list, "[0]"), "texts": (dict, "[...]"), "object": (dict, f".{needed}")}
    form, within = inside.get(kind, ((), ""))
    for value in VALUES:
        there = changed(body, place, value)
        is_bare = kind == "object" and isinstance(value, dict) and not needed
        if not is_bare and json.dumps(value) not in meant:
            assert refused_at(there) == path + within * isinstance(value, form), value
            continue
        event = parse_event(there)
        if is_bare:
            assert event.extra == ({place[0]: value} if value else {})
        else:
            got, result = at(event, place), meant[json.dumps(value)]
            assert (type(got), got) == (type(result), result), value
        # What is taken is written again, of the type that the class declares.
        again = json.loads(event.to_json())
        assert msgspec.convert(again, cls) == event
        assert normal(again) == normal(json.loads(there)) or (is_bare and value == {})


@every_event
def test_what_is_not_known_is_kept_at_every_depth(cls: type[Event]) -> None:
    body = full(cls)
    plain = parse_event(json.dumps(body))
    parts = [name for name, inner in fields_of(cls).items() if inner]
    alone: list[dict[str, Any]] = [{"tomorrow": [1, {"a": None}]}]
    alone += [{name: {"tomorrow": 1}} for name in parts]
    for beside in (*alone, reduce(or_, alone)):
        more = {name: body.get(name, {}) | beside[name] for name in parts if name in beside}
        event = parse_event(json.dumps(body | beside | more))
        assert event == plain
        assert repr(event) == repr(plain)
        assert event.extra == beside
        again = parse_event(event.to_json())
        assert (again, again.extra) == (event, beside)


# Events as wholes


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


# The reference


def documented(facts: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The places that the reference knows, and what it says of each."""
    for name, fact in facts.items():
        if name != "eventType":
            yield (name,), fact
            if KINDS.get(name) != "texts":  # read as a dict of texts, whatever the keys
                inner = fact.get("fields", {})
                yield from (((name, *more), each) for more, each in documented(inner))


def declared(cls: Any, place: tuple[str, ...]) -> list[object]:
    """The marks of a field."""
    members: tuple[Any, ...] = ()
    for name in place:
        field = {each.encode_name: each for each in msgspec.structs.fields(cls)}[name]
        members = (field.type, *get_args(field.type))
        cls = part_of(field.type)
    return [mark for each in members for mark in getattr(each, "__metadata__", ())]


@every_event
def test_a_class_declares_what_the_reference_knows(cls: type[Event], reference: Any) -> None:
    told = reference["events"][name_of(cls)]
    assert told["example"] == EXAMPLES[name_of(cls)]
    fields = fields_of(cls)
    names = {"string": "text", "url": "text", "enum": "text"}
    wanted = dict(documented(told["fields"]))
    assert wanted.keys() <= set(places(fields))
    for place, fact in wanted.items():
        kind = kind_of(place[-1])
        if kind not in ("flag", "texts"):  # of which its sources say different things
            is_part = reduce(dict.__getitem__, place, fields) != {}
            assert ("object" if is_part else kind) == names.get(fact["type"], fact["type"]), place
    beyond = fields.keys() - {place[0] for place in wanted}
    assert beyond <= BASE | LEGS | {"privacy", "callerDisplayName"}


@every_event
def test_nothing_is_required_that_the_reference_calls_optional(
    cls: type[Event], reference: Any
) -> None:
    for place, fact in documented(reference["events"][name_of(cls)]["fields"]):
        assert not (required(cls, place) and fact["optional"]), place


@every_event
def test_the_reply_goes_where_the_reference_says(cls: type[Event], reference: Any) -> None:
    told = reference["events"][name_of(cls)]
    asks = told["bxmlReply"]
    if "conference" in str(told.get("bxmlNote")):
        assert cls.where == "conference"
    event = parse_event(json.dumps(full(cls)))
    if cls is ReferCompleteEvent:
        assert asks == "on failure only"
        assert cls.where == "reply"
        failed = parse_event(changed(full(cls), ("referCallStatus",), "failure"))
        done = parse_event(changed(full(cls), ("referCallStatus",), "success"))
        assert (failed.wants_document, done.wants_document) == (True, False)
        return
    assert event.wants_document is asks
    others = {"transferAnswer": "transfer_answer"}
    where = "conference" if name_of(cls).startswith("conference") else "reply"
    assert cls.where == (others.get(name_of(cls), where) if asks else None)


@every_event
def test_the_marks_of_a_field_say_what_the_reference_says(cls: type[Event], reference: Any) -> None:
    for place, fact in documented(reference["events"][name_of(cls)]["fields"]):
        marks = declared(cls, place)
        if "uncertain" in fact:
            assert any(isinstance(mark, Uncertain) for mark in marks), place
        if fact["type"] == "enum":
            [values] = [mark.values for mark in marks if isinstance(mark, OneOfKnown)]
            assert values >= set(fact["values"]), place
        assert any(isinstance(mark, msgspec.Meta) and mark.description for mark in marks), place

"""What strangers send: an event that can be used in every way, or an ``InvalidEvent``."""

import copy
import json
import pickle
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calls.errors import InvalidEvent
from calls.events import Event, GatherEvent, UnknownEvent, parse_event, parse_event_query

EXAMPLES: dict[str, dict[str, Any]] = json.loads(
    (Path(__file__).parent / "events.json").read_bytes()
)
GATHER = EXAMPLES["gather"]
OPEN_END = json.dumps(GATHER).encode()[:-1]


def used(event: Event) -> None:
    """Everything that is done with an event."""
    again = parse_event(event.to_json())
    assert again == event
    assert again.extra == event.extra
    for same in (pickle.loads(pickle.dumps(event)), copy.deepcopy(event)):  # noqa: S301  # written here
        assert (same, same.extra, same.to_json()) == (event, event.extra, event.to_json())
    assert repr(event)
    event.is_stale(10)


def read(body: bytes | str) -> Event | None:
    try:
        return parse_event(body)
    except InvalidEvent as error:
        assert len(str(error)) < 300
        assert str(error).isprintable()
        return None


HOSTILE = [
    b'{"eventType": "' + b"x" * 900_000 + b'"',
    b'{"eventType": "gather", "eventType": "gather"}',
    b'{"eventType": "gather", "from": ' + b"9" * 100_000 + b"}",
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
    if (event := read(body)) is not None:
        assert isinstance(event, UnknownEvent)
        used(event)


@pytest.mark.parametrize(
    ("number", "kept"),
    [
        (b"9" * 100_000, "9" * 100_000),
        (b"-" + b"9" * 5_000, "-" + "9" * 5_000),
        (b"1e999999", "1e999999"),
        (b"9" * 40, 10**40 - 1),
    ],
    ids=["digits", "negative", "exponent", "whole"],
)
def test_a_number_out_of_range_is_kept_as_the_text_that_it_is(number: bytes, kept: Any) -> None:
    event = parse_event(OPEN_END + b', "x": {"y": [' + number + b"]}}")
    assert event.extra == {"x": {"y": [kept]}}
    used(event)
    unknown = parse_event(b'{"eventType": "x", "n": ' + number + b"}")
    assert isinstance(unknown, UnknownEvent)
    assert unknown.data["n"] == kept
    used(unknown)


def test_a_number_out_of_range_in_a_known_field_is_named() -> None:
    with pytest.raises(InvalidEvent) as caught:
        parse_event(OPEN_END + b', "text": ' + b"9" * 100_000 + b"}")
    assert caught.value.path == "$.text"


@pytest.mark.parametrize(
    "rest",
    [
        b', "x": "\xff\xfe"}',
        b', "\xff": 1}',
        b', "x": "\\ud800"}',
        b', "x": NaN}',
        b', "x": [1e999, NaN]}',
        b', "x": "a\x01b"}',
        b', "x": ' + b"[" * 200_000 + b"]" * 200_000 + b"}",
        b"} x",
        b"",
    ],
    ids=["utf-8", "key", "surrogate", "nan", "nan-later", "control", "deep", "more", "less"],
)
def test_what_is_not_json_is_refused_also_where_nothing_is_known(rest: bytes) -> None:
    assert read(OPEN_END + rest) is None


@pytest.mark.parametrize("word", ["Zoë", "電話", "\U0001f4de"])
def test_text_of_any_script_is_read(word: str) -> None:
    body = json.dumps(GATHER | {"callerDisplayName": word, word: word}, ensure_ascii=False)
    for form in (body, body.encode()):
        event = parse_event(form)
        assert isinstance(event, GatherEvent)
        assert event.caller_display_name == word
        assert event.extra == {word: word}
        used(event)


def test_what_is_nested_deeply_can_be_written_and_pickled() -> None:
    event = parse_event(OPEN_END + b', "x": ' + b"[" * 500 + b"]" * 500 + b"}")
    assert parse_event(event.to_json()).to_json() == event.to_json()
    same = pickle.loads(pickle.dumps(event))  # noqa: S301  # written here
    assert same.to_json() == event.to_json()


def test_a_time_before_the_first_year_in_utc_can_be_written() -> None:
    event = parse_event(json.dumps(GATHER | {"eventTime": "0001-01-01T00:00:00+14:00"}))
    used(event)
    assert event.is_stale(10)


def test_the_last_of_two_fields_of_one_name_counts() -> None:
    event = parse_event(OPEN_END + b', "digits": "7"}')
    assert isinstance(event, GatherEvent)
    assert event.digits == "7"
    assert json.loads(event.to_json())["digits"] == "7"


@pytest.mark.parametrize("where", ["eventType", "digits"])
def test_an_error_is_short_and_plain_whatever_it_is_about(where: str) -> None:
    strange = "\x1b[31m\n\u202e" + "x" * 100_000
    assert read(json.dumps({where: strange}) + "x") is None
    assert read(json.dumps(GATHER | {where: [strange]})) is None
    assert read(json.dumps(GATHER | {strange: 1, "digits": {strange: 1}})) is None


def test_a_query_with_lone_surrogates_can_be_written() -> None:
    for query in ("eventType=x&a=\ud800&\ud801=1", urlencode(GATHER) + "&a=\ud800"):
        used(parse_event_query(query))


def test_an_object_of_a_query_that_is_there_as_a_whole_and_in_parts_is_refused() -> None:
    query = urlencode(GATHER | {"eventType": "initiate", "stirShaken": '{"verstat": "x"}'})
    for both in (query + "&stirShaken.verstat=y", "stirShaken.verstat=y&" + query):
        with pytest.raises(InvalidEvent) as caught:
            parse_event_query(both)
        assert caught.value.path == "$.stirShaken"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=10,
)


@given(st.binary(max_size=400) | st.text(max_size=400))
def test_any_body_is_an_event_or_invalid(body: bytes | str) -> None:
    if (event := read(body)) is not None:
        used(event)


@given(st.binary(max_size=60))
def test_any_end_of_a_body_is_an_event_or_invalid(rest: bytes) -> None:
    for body in (OPEN_END + b"," + rest + b"}", OPEN_END + b', "x": "' + rest + b'"}'):
        if (event := read(body)) is not None:
            used(event)


@given(st.dictionaries(st.sampled_from(["eventType", "event", *GATHER, "x"]), json_values))
def test_any_object_is_an_event_or_invalid(fields: dict[str, Any]) -> None:
    for body in (fields, GATHER | fields):
        if (event := read(json.dumps(body))) is not None:
            used(event)


@given(st.sampled_from(sorted(EXAMPLES)), st.data())
def test_any_change_of_an_example_is_an_event_or_invalid(name: str, data: st.DataObject) -> None:
    fields = data.draw(st.lists(st.sampled_from(sorted(EXAMPLES[name])), max_size=3))
    changes = {field: data.draw(json_values) for field in fields}
    if (event := read(json.dumps(EXAMPLES[name] | changes))) is not None:
        used(event)

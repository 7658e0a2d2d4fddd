"""Schemathesis over the five operations, by the vendor's OpenAPI document, against the HTTP face.

The document (calls-openapi.json) is not part of the project: where it does not lie beside it, these
tests are skipped.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from schemathesis.checks import CHECKS
from schemathesis.config import GenerationConfig, SchemathesisConfig
from schemathesis.core.parameters import ParameterLocation

from bxml import Bxml, Response
from calls._basic import basic_token
from calls.simulator import Answered, Settings, Simulator
from calls.simulator.platform import BASE_PATH, Incoming

DOCUMENT = Path(__file__).parents[3] / "shared" / "reference" / "calls-openapi.json"
OPERATIONS = ["createCall", "getCallState", "listCalls", "updateCall", "updateCallBxml"]
HOLD = Response().pause(duration=600)
USER = ("user", "password")

LEFT_OUT = ["positive_data_acceptance"]
"""Checks in which the document is in conflict with the reference beside it: the document says "string"
where the reference asks for a number in E.164 form, an http URL, BXML, or the token of a page. Most of
what is generated as sound is therefore refused with 400, as it must be."""

if not DOCUMENT.exists():
    pytest.skip(
        "the reference of the REST API (calls-openapi.json) is not beside the project",
        allow_module_level=True,
    )


def with_nulls(part: Any) -> Any:
    """The same document, in which enumerations that may be null (``nullable``) say so in their list.

    By the letter of OpenAPI 3.0.3 null would be wrong there; the vendor's server accepts it.
    """
    if isinstance(part, list):
        return [with_nulls(each) for each in part]
    if not isinstance(part, dict):
        return part
    mended = {name: with_nulls(each) for name, each in part.items()}
    if mended.get("nullable") and "enum" in mended:
        mended["enum"] = [*mended["enum"], None]
    return mended


document = with_nulls(json.loads(DOCUMENT.read_text()))
everything = schemathesis.openapi.from_dict(document, config=SchemathesisConfig(seed=1))
everything.config.generation = GenerationConfig(deterministic=True)
schema = everything.include(operation_id=OPERATIONS)
schemathesis.openapi.media_type(
    "application/xml",
    # Sound ones that ask for nothing from outside; of unsound ones it makes enough itself.
    st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1)
    .filter(str.strip)
    .map(lambda words: bytes(Bxml().speak_sentence(words).pause(duration=60))),
)


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    unlimited = Settings(calls_per_second=None, sessions=None)
    with Simulator(post=lambda _: Answered(200, bytes(HOLD)), settings=unlimited) as platform:
        with platform.serve():
            yield platform


def live_call(simulator: Simulator) -> str:
    """The id of a call that was answered and waits."""
    order = {
        "to": "+15550100001",
        "from": "+15550100002",
        "applicationId": "acme",
        "answerUrl": "https://app.example.com/answer",
    }
    path = f"{BASE_PATH}/accounts/{simulator.account_id}/calls"
    token = basic_token(*USER).decode()
    headers = {"authorization": f"Basic {token}", "content-type": "application/json"}
    made = simulator.handle(Incoming("POST", path, "", headers, json.dumps(order).encode()))
    simulator.advance(5)
    return str(json.loads(made.body)["callId"])


seen: set[tuple[str, int]] = set()


@schema.parametrize()
@settings(
    max_examples=100,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[*HealthCheck],  # pyright: ignore[reportArgumentType]  # a metaclass iterates
)
def test_every_reply_is_as_documented(case: Any, simulator: Simulator) -> None:
    is_sound = not case.meta.is_negative_at(ParameterLocation.PATH)
    if "callId" in case.path_parameters and is_sound:
        case.path_parameters["callId"] = live_call(simulator)
    left_out = [CHECKS.get_one(name) for name in LEFT_OUT]
    reply = case.call_and_validate(base_url=simulator.base_url, auth=USER, excluded_checks=left_out)
    seen.add((case.operation.definition.raw["operationId"], reply.status_code))


def test_that_was_more_than_refusals() -> None:
    """Or else the test before says little."""
    if not seen:
        pytest.skip("it looks at what the test before has seen")
    succeeded = {name for name, status in seen if status < 300}
    assert succeeded == set(OPERATIONS)
    assert {status for _, status in seen} >= {200, 201, 204, 400, 405, 415}

"""The blocking and the async classes are the same to whoever reads them."""

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Coroutine, Iterator
from inspect import Parameter, Signature, signature
from typing import Any, get_args, get_origin, get_type_hints

import httpx
import pytest

from bxml import Bxml
from calls import (
    AsyncCallController,
    AsyncLiveCall,
    Basic,
    CallController,
    CallState,
    CreateCallResponse,
    LiveCall,
    OAuth2,
    Retry,
)
from calls import controller as controllers
from calls._exchange import RawResponse
from calls.controller import AsyncRawCalls, Options, RawCalls
from calls.operations import Page

TWINS: list[tuple[type, type]] = [
    (CallController, AsyncCallController),
    (LiveCall, AsyncLiveCall),
    (RawCalls, AsyncRawCalls),
]
CLASSES = [cls for pair in TWINS for cls in pair]
OF_ASYNC: dict[Any, Any] = {one: other for other, one in TWINS}
"""The blocking class of each async one."""


def public(cls: type) -> list[str]:
    """The public names of a class, in the order in which they are defined."""
    names = [name for each in reversed(cls.__mro__) for name in vars(each)]
    return [name for name in dict.fromkeys(names) if not name.startswith("_")]


METHODS = [
    pytest.param(blocking, waiting, name, id=f"{blocking.__name__}.{name}")
    for blocking, waiting in TWINS
    for name in public(blocking)
    if callable(getattr(blocking, name))
]
methods = pytest.mark.parametrize(("blocking", "waiting", "name"), METHODS)
twins = pytest.mark.parametrize(
    ("blocking", "waiting"), TWINS, ids=[pair[0].__name__ for pair in TWINS]
)


def own(method: Any) -> list[Parameter]:
    """The parameters of a method, without the one that is itself."""
    return [each for each in signature(method).parameters.values() if each.name != "self"]


def plain(annotation: Any) -> Any:
    """What an annotation of an async class would be on a blocking one."""
    if isinstance(annotation, str):
        return annotation.replace("Async", "")
    return OF_ASYNC.get(annotation, annotation)


@twins
def test_twins_have_the_same_public_names(blocking: type, waiting: type) -> None:
    assert public(blocking) == public(waiting)


def test_the_names_are_the_documented_ones() -> None:
    """The five operations of the API, and what stands round them."""
    operations = ["create_call", "get_call_state", "list_calls", "update_call", "update_call_bxml"]
    more = ["from_env", "with_options", "account_id", "with_account"]
    last = ["call", "with_raw_response", "close"]
    assert public(CallController) == [*more, *operations, *last]
    assert public(RawCalls) == operations
    assert public(LiveCall) == ["push", "redirect", "hang_up", "state"]


@methods
def test_twins_take_the_same_arguments(blocking: type, waiting: type, name: str) -> None:
    """The same names, kinds, defaults and types, in the same order."""
    assert own(getattr(blocking, name)) == own(getattr(waiting, name))


@methods
def test_arguments_are_named_and_typed(blocking: type, waiting: type, name: str) -> None:
    for parameter in own(getattr(blocking, name)):
        assert parameter.annotation is not Parameter.empty
        assert parameter.kind is not Parameter.VAR_POSITIONAL
        assert parameter.name not in ("site", "args", "kwargs")


@methods
def test_twins_have_the_same_words(blocking: type, waiting: type, name: str) -> None:
    one, other = getattr(blocking, name), getattr(waiting, name)
    assert (one.__name__, other.__name__) == (name, name) or name == "state"
    assert inspect.getdoc(one)
    assert inspect.getdoc(one) == inspect.getdoc(other) or name == "close"


RESULTS: dict[tuple[type, str], Any] = {
    (CallController, "create_call"): CreateCallResponse,
    (CallController, "get_call_state"): CallState,
    (CallController, "update_call"): None,
    (CallController, "update_call_bxml"): None,
    (LiveCall, "push"): None,
    (LiveCall, "redirect"): None,
    (LiveCall, "hang_up"): None,
    (LiveCall, "state"): CallState,
    (RawCalls, "create_call"): RawResponse[CreateCallResponse],
    (RawCalls, "get_call_state"): RawResponse[CallState],
    (RawCalls, "list_calls"): RawResponse[Page],
    (RawCalls, "update_call"): RawResponse[None],
    (RawCalls, "update_call_bxml"): RawResponse[None],
    (CallController, "close"): None,
}


@pytest.mark.parametrize(
    ("cls", "name"), RESULTS, ids=[f"{cls.__name__}.{name}" for cls, name in RESULTS]
)
def test_what_an_async_method_gives_when_awaited_is_what_the_other_returns(
    cls: type, name: str
) -> None:
    wanted = [RESULTS[cls, name]] if RESULTS[cls, name] else [None, type(None)]
    waiting = dict(TWINS)[cls]
    assert signature(getattr(cls, name)).return_annotation in wanted
    given = signature(getattr(waiting, name)).return_annotation
    if inspect.iscoroutinefunction(getattr(waiting, name)):
        assert given in wanted
    else:
        assert get_origin(given) is Coroutine
        assert get_args(given)[2] in wanted
    assert not inspect.iscoroutinefunction(getattr(cls, name))


def test_lists_are_iterators_of_their_kind() -> None:
    assert signature(CallController.list_calls).return_annotation == Iterator[CallState]
    assert signature(AsyncCallController.list_calls).return_annotation == AsyncIterator[CallState]
    assert not inspect.iscoroutinefunction(AsyncCallController.list_calls)


def test_no_result_of_a_method_was_forgotten() -> None:
    told = {name for cls, name in RESULTS if cls is CallController} | {"list_calls"}
    made = {"from_env", "with_options", "with_account", "call"}  # see below
    assert told | made == {
        each for each in public(CallController) if callable(getattr(CallController, each))
    }


@pytest.mark.parametrize("name", ["call", "with_raw_response", "__init__"])
def test_what_belongs_to_a_class_comes_from_the_same_family(name: str) -> None:
    for blocking, waiting in TWINS:
        if name not in vars(blocking):
            continue
        one, other = getattr(blocking, name), getattr(waiting, name)
        if isinstance(one, property):
            one, other = one.fget, other.fget
        hints, others = get_type_hints(one), get_type_hints(other)
        assert list(hints) == list(others)
        for each, hint in hints.items():
            if each in ("transport", "pause", "wire"):
                continue
            assert hint == plain(others[each])


def test_controllers_are_made_from_the_same_arguments_but_for_what_is_async() -> None:
    one, other = signature(CallController).parameters, signature(AsyncCallController).parameters
    assert list(one) == list(other)
    differing = [name for name in one if one[name] != other[name]]
    assert differing == ["transport", "pause"]
    assert one["transport"].annotation == httpx.BaseTransport | None
    assert other["transport"].annotation == httpx.AsyncBaseTransport | None
    [argument], result = get_args(one["pause"].annotation)
    [same], awaited = get_args(other["pause"].annotation)
    assert argument is same is float
    assert get_origin(awaited) is Awaitable
    assert get_args(awaited) == (result,)
    kinds = {each.kind for each in list(one.values())[1:]}
    assert kinds == {Parameter.KEYWORD_ONLY}


@pytest.mark.parametrize(
    "name", ["from_env", "with_options", "with_account", "account_id", "__repr__"]
)
def test_what_does_no_io_is_one_and_the_same(name: str) -> None:
    def of(cls: type) -> object:
        found = inspect.getattr_static(cls, name)
        return getattr(found, "__func__", found)

    assert of(CallController) is of(AsyncCallController)


def test_every_option_of_a_controller_can_be_changed_or_is_its_own() -> None:
    changed = set(get_type_hints(Options))
    fixed = {"account_id", "auth", "base_url", "transport", "now", "pause", "chance"}
    assert set(signature(CallController).parameters) == changed | fixed
    hints = get_type_hints(CallController.__init__)
    for name, hint in get_type_hints(Options).items():
        assert hints[name] == hint


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_help_shows_fields_and_words(cls: type) -> None:
    """What an operation takes is told where people look for it."""
    told = inspect.getdoc(cls)
    assert told
    for name in public(cls):
        found = inspect.getattr_static(cls, name)
        if isinstance(found, property):
            assert found.__doc__
            continue
        shown = signature(getattr(cls, name))
        assert isinstance(shown, Signature)
        assert "kwargs" not in str(shown)


def test_context_managers_are_of_their_kind() -> None:
    assert hasattr(CallController, "__enter__")
    assert hasattr(AsyncCallController, "__aenter__")
    assert not hasattr(CallController, "__aenter__")
    assert not hasattr(AsyncCallController, "__enter__")


class Platform:
    """Answers everything, and keeps what was asked."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str, dict[str, str], bytes]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        headers = dict(request.headers)
        self.requests.append((request.method, str(request.url), headers, request.read()))
        if request.url.path.endswith("/token"):
            return httpx.Response(200, json={"access_token": "t", "expires_in": 3600})
        if request.method == "GET" and request.url.path.endswith("/calls"):
            return httpx.Response(200, json=[{"callId": "c-1"}])
        told = {"callId": "c-1", "state": "answered"}
        more = {"accountId": "1", "applicationId": "a", "to": "+1", "from": "+1"}
        return httpx.Response(200, json=told | more | {"callUrl": "x", "answerUrl": "y"})


ORDER = {
    "to": "+15550100001",
    "from_": "+15550100002",
    "application_id": "app",
    "answer_url": "https://app.example.com/answer",
}
HELLO = Bxml().speak_sentence("Hello.")
URL = "https://app.example.com/next"


def everything(controller: Any) -> list[Any]:
    """Every operation in every way it can be asked for, not carried out yet."""
    raw, call = controller.with_raw_response, controller.call("c-1")
    other = controller.with_account("2").with_options(timeout=3, retry=Retry(attempts=1), rate=None)
    return [
        lambda: controller.create_call(**ORDER),
        lambda: controller.get_call_state("c-1"),
        lambda: controller.update_call("c-1", redirect_url=URL, tag="t"),
        lambda: controller.update_call("c-1", state="completed"),
        lambda: controller.update_call_bxml("c-1", HELLO),
        lambda: raw.create_call(**ORDER),
        lambda: raw.get_call_state("c-1"),
        lambda: raw.list_calls(to="+1", limit=3),
        lambda: raw.update_call("c-1", redirect_url=URL),
        lambda: raw.update_call_bxml("c-1", b"<Bxml/>", unchecked=True),
        lambda: call.push(HELLO, wait_seconds=1, replace_waiting=True),
        lambda: call.redirect(URL, redirect_method="GET"),
        call.hang_up,
        call.state,
        lambda: other.get_call_state("c-1"),
    ]


@pytest.mark.parametrize("auth", [OAuth2("id", "secret"), Basic("user", "password")])
def test_twins_send_the_same_and_return_the_same(auth: Any) -> None:
    one, other = Platform(), Platform()
    with CallController("1", auth=auth, transport=httpx.MockTransport(one)) as controller:
        results = [ask() for ask in everything(controller)]
        listed = list(controller.list_calls(to="+1"))

    async def run() -> tuple[list[Any], list[Any]]:
        transport = httpx.MockTransport(other)
        async with AsyncCallController("1", auth=auth, transport=transport) as controller:
            return (
                [await ask() for ask in everything(controller)],
                [call async for call in controller.list_calls(to="+1")],
            )

    awaited, others = asyncio.run(run())
    assert one.requests == other.requests
    assert awaited == results
    assert others == listed


def test_twins_show_themselves_the_same() -> None:
    one = CallController("1", auth=OAuth2("id", "secret"))
    other = AsyncCallController("1", auth=OAuth2("id", "secret"))
    assert repr(other) == f"Async{one!r}"
    assert repr(other.call("c-1")) == f"Async{one.call('c-1')!r}"


@pytest.mark.parametrize("factory", ["_awaiting", "_aof_call", "_araw"])
def test_type_checkers_let_a_method_be_made_a_task(factory: str) -> None:
    """What a type checker knows of an async method is what the factory of it declares."""
    declared = str(signature(getattr(controllers, factory)).return_annotation)
    assert "Coroutine[" in declared

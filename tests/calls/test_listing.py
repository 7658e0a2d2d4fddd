"""Lists of calls: page by page as they are asked for, never more than is wanted."""

import asyncio
import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from urllib.parse import parse_qs, urlencode

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from calls import (
    AsyncCallController,
    Basic,
    CallController,
    CallState,
    InvalidRequest,
    ServerError,
    UnexpectedReply,
)
from calls.operations import MOST_EMPTY_PAGES
from calls.simulator import Answered, Simulator

PATH = "/api/v2/accounts/1/calls"


class Blocking:
    """The lists of a blocking controller, taken one call at a time."""

    def __init__(self, platform: Any, **options: Any) -> None:
        transport = httpx.MockTransport(platform)
        self.controller = CallController(
            "1", auth=Basic("u", "p"), transport=transport, pause=lambda _: None, **options
        )

    def ask(self, **fields: Any) -> Any:
        return self.controller.list_calls(**fields)

    def page(self, **fields: Any) -> Any:
        return self.controller.with_raw_response.list_calls(**fields)

    def next(self, calls: Any) -> CallState | None:
        found: CallState | None = next(calls, None)
        return found

    def close(self) -> None:
        self.controller.close()


class Async:
    """The same of an async controller, on a loop of its own."""

    def __init__(self, platform: Any, **options: Any) -> None:
        async def pause(_: float) -> None:
            pass

        transport = httpx.MockTransport(platform)
        self.controller = AsyncCallController(
            "1", auth=Basic("u", "p"), transport=transport, pause=pause, **options
        )
        self._runner = asyncio.Runner()

    def ask(self, **fields: Any) -> Any:
        return self.controller.list_calls(**fields)

    def page(self, **fields: Any) -> Any:
        async def asking() -> Any:
            return await self.controller.with_raw_response.list_calls(**fields)

        return self._runner.run(asking())

    def next(self, calls: Any) -> CallState | None:
        async def asking() -> CallState | None:
            found: CallState | None = await anext(calls, None)
            return found

        return self._runner.run(asking())

    def close(self) -> None:
        self._runner.run(self.controller.close())
        self._runner.close()


class Lister:
    """What a test asks of either kind."""

    def __init__(self, twin: Blocking | Async) -> None:
        self.twin = twin
        self.ask, self.next, self.page = twin.ask, twin.next, twin.page

    def take(self, calls: Any, most: int = 1_000_000) -> list[str | None]:
        """The ids of the next calls of a list, ``most`` of them or as many as there are."""
        taken: list[str | None] = []
        while len(taken) < most and (call := self.next(calls)) is not None:
            taken.append(call.call_id)
        return taken

    def all(self, **fields: Any) -> list[str | None]:
        return self.take(self.ask(**fields))


Connect = Callable[..., Lister]


@pytest.fixture(params=[Blocking, Async])
def connect(request: pytest.FixtureRequest) -> Iterator[Connect]:
    made: list[Blocking | Async] = []

    def make(platform: Any, **options: Any) -> Lister:
        made.append(request.param(platform, **options))
        return Lister(made[-1])

    yield make
    for each in made:
        each.close()


class Platform:
    """Has some calls, and pages of the size that is asked for."""

    def __init__(self, calls: int = 0) -> None:
        self.calls = calls
        self.seen: list[dict[str, str]] = []
        """The query of each request."""

    def __call__(self, request: httpx.Request) -> httpx.Response:
        assert (request.method, request.url.path) == ("GET", PATH)
        assert request.headers["accept"] == "application/json"
        assert request.content == b""
        query = dict(request.url.params)
        self.seen.append(query)
        start, size = int(query.get("pageToken", 0)), int(query.get("pageSize", 1000))
        end = min(start + size, self.calls)
        page = [{"callId": f"c-{number}"} for number in range(start, end)]
        after = urlencode({**query, "pageToken": end})
        headers = {"Link": f'<{PATH}?{after}>; rel="next"'} if end < self.calls else {}
        return httpx.Response(200, json=page, headers=headers)


def ids(calls: int) -> list[str]:
    return [f"c-{number}" for number in range(calls)]


# As they are asked for


def test_nothing_is_asked_for_before_somebody_iterates(connect: Connect) -> None:
    platform = Platform(5)
    lister = connect(platform)
    calls = lister.ask(page_size=2)
    assert platform.seen == []
    assert lister.take(calls, 1) == ["c-0"]
    assert len(platform.seen) == 1


def test_a_page_is_asked_for_when_the_one_before_is_used_up(connect: Connect) -> None:
    platform = Platform(5)
    lister = connect(platform)
    calls = lister.ask(page_size=2)
    requests = []
    for _ in range(6):
        lister.take(calls, 1)
        requests.append(len(platform.seen))
    assert requests == [1, 1, 2, 2, 3, 3]


def test_a_list_that_is_left_early_asks_for_nothing_more(connect: Connect) -> None:
    platform = Platform(1000)
    lister = connect(platform)
    assert lister.take(lister.ask(page_size=10), 10) == ids(10)
    assert len(platform.seen) == 1


def test_the_fields_are_checked_before_anybody_iterates(connect: Connect) -> None:
    platform = Platform()
    with pytest.raises(InvalidRequest, match="limit must be a whole number of at least 1"):
        connect(platform).ask(limit=0)
    assert platform.seen == []


def test_two_iterations_are_two_lists(connect: Connect) -> None:
    lister = connect(Platform(3))
    first, second = lister.ask(page_size=2), lister.ask(page_size=2)
    assert lister.take(first, 2) == lister.take(second, 2) == ["c-0", "c-1"]
    assert lister.take(first) == lister.take(second) == ["c-2"]


def test_a_list_at_its_end_stays_there(connect: Connect) -> None:
    platform = Platform(2)
    lister = connect(platform)
    calls = lister.ask()
    assert lister.take(calls) == ids(2)
    assert lister.take(calls) == []
    assert len(platform.seen) == 1


def test_no_calls_are_an_empty_list(connect: Connect) -> None:
    platform = Platform(0)
    assert connect(platform).all() == []
    assert platform.seen == [{}]


def test_a_page_that_fails_for_a_moment_is_asked_for_again(connect: Connect) -> None:
    platform = Platform(4)
    fails = [False, True, True, False]

    def sometimes(request: httpx.Request) -> httpx.Response:
        return httpx.Response(503) if fails.pop(0) else platform(request)

    assert connect(sometimes).all(page_size=2) == ids(4)


def test_a_page_that_cannot_be_had_raises_after_the_calls_before_it(connect: Connect) -> None:
    platform = Platform(4)

    def at_first(request: httpx.Request) -> httpx.Response:
        return httpx.Response(500) if platform.seen else platform(request)

    lister = connect(at_first)
    calls = lister.ask(page_size=2)
    assert lister.take(calls, 2) == ids(2)
    with pytest.raises(ServerError) as caught:
        lister.next(calls)
    assert len(caught.value.attempts) == 4
    assert {each.operation for each in caught.value.attempts} == {"list_calls"}


# No more than is wanted


@pytest.mark.parametrize(
    ("there", "limit", "page_size", "sizes", "pages"),
    [
        (5, 3, None, "3", 1),
        (5, 5, None, "5", 1),
        (5, 9, None, "9", 1),
        (5, 3, 2, "2", 2),
        (5, 4, 2, "2", 2),
        (5, 1, 10_000, "1", 1),
        (9, 9, 3, "3", 3),
        (2500, 1000, None, None, 1),
        (2500, 999, None, "999", 1),
        (2500, 2000, None, None, 2),
        (2500, 2400, 10_000, "2400", 1),
        (5, None, 1000, "1000", 1),
        (5, None, None, None, 1),
    ],
)
def test_a_limit_is_kept_and_no_page_is_larger_than_need_be(  # noqa: PLR0917
    connect: Connect,
    there: int,
    limit: int | None,
    page_size: int | None,
    sizes: str | None,
    pages: int,
) -> None:
    platform = Platform(there)
    wanted = there if limit is None else min(there, limit)
    assert connect(platform).all(limit=limit, page_size=page_size) == ids(wanted)
    assert [query.get("pageSize") for query in platform.seen] == [sizes] * pages
    assert not any("limit" in query for query in platform.seen)


@given(st.integers(0, 30), st.none() | st.integers(1, 40), st.none() | st.integers(1, 10))
def test_whatever_is_asked_for_the_right_calls_come_in_the_fewest_pages(
    there: int, limit: int | None, page_size: int | None
) -> None:
    platform = Platform(there)
    twin = Blocking(platform)
    wanted = there if limit is None else min(there, limit)
    assert Lister(twin).all(limit=limit, page_size=page_size) == ids(wanted)
    size = min(page_size or 1000, limit or 1000)
    assert len(platform.seen) == max(1, -(-wanted // size))
    assert sum(int(query.get("pageSize", 1000)) for query in platform.seen) < wanted + size + 1
    twin.close()


def test_a_platform_that_gives_more_than_was_asked_for_is_cut_short(connect: Connect) -> None:
    def generous(_: httpx.Request) -> httpx.Response:
        page = [{"callId": f"c-{number}"} for number in range(10)]
        return httpx.Response(200, json=page, headers={"Link": f'<{PATH}?x=1>; rel="next"'})

    assert connect(generous).all(limit=3) == ids(3)


@pytest.mark.parametrize(
    "fields",
    [
        {"limit": 0},
        {"limit": -1},
        {"limit": 1.5},
        {"page_size": 0},
        {"page_size": 10_001},
        {"page_size": True},
    ],
)
def test_sizes_are_whole_numbers_in_their_range(connect: Connect, fields: Any) -> None:
    platform = Platform(1)
    with pytest.raises(InvalidRequest):
        connect(platform).ask(**fields)
    assert platform.seen == []


# Where pages lead


def linked(*links: str, pages: Any = ()) -> Callable[[httpx.Request], httpx.Response]:
    """A platform whose pages have these ``Link`` headers, one after the other."""
    rest = list(links)
    contents = list(pages)

    def platform(_: httpx.Request) -> httpx.Response:
        headers = {"Link": rest.pop(0)} if rest else {}
        page = contents.pop(0) if contents else [{"callId": "c"}]
        return httpx.Response(200, json=page, headers=headers)

    return platform


@pytest.mark.parametrize(
    "link",
    [
        f'<https://voice.bandwidth.com{PATH}?pageToken=1>; rel="next"',
        f'<https://voice.bandwidth.com:443{PATH}?pageToken=1>; rel="next"',
        f'<https://VOICE.bandwidth.com{PATH}?pageToken=1>; rel="next"',
        f'<{PATH}?pageToken=1>; rel="next"',
        f'<//voice.bandwidth.com{PATH}?pageToken=1>; rel="next"',
        '<?pageToken=1>; rel="next"',
        f"<{PATH}?pageToken=1>; rel=next",
        f'<{PATH}?pageToken=1>;rel="next"',
        f'<{PATH}?pageToken=1> ; title="more"; rel="next"',
        f'<{PATH}?a=1,2&b=;c>; rel="next"',
        f'<{PATH}?pageToken=0>; rel="prev", <{PATH}?pageToken=1>; rel="next"',
        f'<{PATH}?pageToken=1>; rel="last next"',
    ],
)
def test_a_next_page_of_this_platform_is_read(connect: Connect, link: str) -> None:
    assert connect(linked(link)).all() == ["c", "c"]


@pytest.mark.parametrize(
    "link",
    [
        "",
        f'<{PATH}?pageToken=1>; rel="prev"',
        f'<{PATH}?pageToken=1>; rel="nextest"',
        f"<{PATH}?pageToken=1>",
        f'{PATH}?pageToken=1; rel="next"',
        "<" * 20_000,
        f'<{PATH}?pageToken=1>; x="{"," * 20_000}"; rel="next"',
    ],
)
def test_a_header_that_names_no_next_page_ends_the_list(connect: Connect, link: str) -> None:
    assert connect(linked(link)).all() == ["c"]


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/api",
        "http://voice.bandwidth.com/api",
        "https://voice.bandwidth.com:8443/api",
        "https://voice.bandwidth.com@evil.example/",
        "https://voice.bandwidth.com.evil.example/",
        "//evil.example/api",
        "ftp://voice.bandwidth.com/",
        "javascript:alert(1)",
        "https://[::1",
    ],
)
def test_credentials_stay_with_the_host_they_are_for(connect: Connect, target: str) -> None:
    """The calls that have come are given out; then it is told."""
    hosts: list[str] = []
    pages = linked(f'<{target}>; rel="next"')

    def platform(request: httpx.Request) -> httpx.Response:
        hosts.append(request.url.host)
        return pages(request)

    with pytest.raises(UnexpectedReply, match="the credentials do not go there"):
        connect(platform).all()
    assert hosts == ["voice.bandwidth.com"]


def test_pages_that_name_each_other_end(connect: Connect, caplog: pytest.LogCaptureFixture) -> None:
    one, two = (f'<{PATH}?pageToken={token}>; rel="next"' for token in (1, 2))
    with caplog.at_level(logging.WARNING, logger="calls"):
        assert len(connect(linked(one, two, one, two, one)).all()) == 3
    assert "a page names one that was read already; it ends here" in caplog.text


def test_a_page_that_names_itself_is_read_once(connect: Connect) -> None:
    def platform(request: httpx.Request) -> httpx.Response:
        link = f'<{request.url}>; rel="next"'
        return httpx.Response(200, json=[{"callId": "c"}], headers={"Link": link})

    assert connect(platform).all(page_size=7) == ["c"]


def test_empty_pages_are_passed_through(connect: Connect) -> None:
    """A filter may leave a page empty though more follow."""
    links = [f'<{PATH}?pageToken={number}>; rel="next"' for number in range(4)]
    pages: list[Any] = [[], [], [{"callId": "a"}], [], [{"callId": "b"}]]
    assert connect(linked(*links, pages=pages)).all() == ["a", "b"]


def test_a_list_without_calls_and_without_an_end_is_given_up(connect: Connect) -> None:
    requests: list[str] = []

    def platform(request: httpx.Request) -> httpx.Response:
        requests.append(str(request.url))
        link = f'<{PATH}?pageToken={len(requests)}>; rel="next"'
        return httpx.Response(200, json=[], headers={"Link": link})

    with pytest.raises(UnexpectedReply, match="a next page after 101 on end that hold no call"):
        connect(platform).all()
    assert len(requests) == MOST_EMPTY_PAGES + 1


def test_only_empty_pages_on_end_are_counted(connect: Connect) -> None:
    """Three hundred empty pages, with a call now and then, are a list."""
    requests: list[str] = []

    def platform(request: httpx.Request) -> httpx.Response:
        requests.append(str(request.url))
        page = [{"callId": "c"}] if len(requests) % 100 == 0 else []
        link = f'<{PATH}?pageToken={len(requests)}>; rel="next"'
        headers = {"Link": link} if len(requests) < 300 else {}
        return httpx.Response(200, json=page, headers=headers)

    assert connect(platform).all() == ["c", "c", "c"]


def test_the_url_of_a_next_page_is_used_as_it_is(connect: Connect) -> None:
    urls: list[str] = []
    pages = linked(f'<{PATH}?to=%2B1&weird=a%20b+c&pageToken=ey%3D%3D>; rel="next"')

    def platform(request: httpx.Request) -> httpx.Response:
        urls.append(request.url.raw_path.decode())
        return pages(request)

    connect(platform).all(to="+1555")
    assert urls == [f"{PATH}?to=%2B1555", f"{PATH}?to=%2B1&weird=a%20b+c&pageToken=ey%3D%3D"]


# Filters


def raw_query(connect: Connect, **fields: Any) -> str:
    queries: list[str] = []

    def platform(request: httpx.Request) -> httpx.Response:
        queries.append(request.url.query.decode())
        return httpx.Response(200, json=[])

    connect(platform).all(**fields)
    return queries[0]


def test_filters_are_sent_as_documented(connect: Connect) -> None:
    """A plus would be read as a space: it is sent as %2B."""
    query = raw_query(
        connect,
        to="+15550100001",
        from_="+15550100002",
        min_start_time=datetime(2026, 11, 23, tzinfo=UTC),
        max_start_time=datetime(2026, 11, 23, 10, 15, 7, 160_000, UTC),
        disconnect_cause="hangup",
        page_size=500,
    )
    assert query.split("&") == [
        "to=%2B15550100001",
        "from=%2B15550100002",
        "minStartTime=2026-11-23T00%3A00%3A00Z",
        "maxStartTime=2026-11-23T10%3A15%3A07.160000Z",
        "disconnectCause=hangup",
        "pageSize=500",
    ]


def test_times_of_any_zone_are_the_moments_they_are(connect: Connect) -> None:
    there = timezone(timedelta(hours=-5, minutes=-30))
    query = raw_query(connect, min_start_time=datetime(2026, 11, 23, 1, tzinfo=there))
    [sent] = parse_qs(query)["minStartTime"]
    assert datetime.fromisoformat(sent) == datetime(2026, 11, 23, 6, 30, tzinfo=UTC)


def test_a_time_without_a_zone_is_refused(connect: Connect) -> None:
    platform = Platform()
    with pytest.raises(InvalidRequest, match="max_start_time must have a time zone"):
        connect(platform).ask(max_start_time=datetime(2026, 1, 1))  # noqa: DTZ001
    assert platform.seen == []


@pytest.mark.parametrize(
    ("to", "sent"),
    [
        ("sip:user@host.example", "to=sip%3Auser%40host.example"),
        ("a&from=b", "to=a%26from%3Db"),
        ("x#y", "to=x%23y"),
        ("%2B1", "to=%252B1"),
        ("ü", "to=%C3%BC"),
        ("a b", "to=a+b"),
    ],
)
def test_a_filter_cannot_become_another_one(connect: Connect, to: str, sent: str) -> None:
    assert raw_query(connect, to=to) == sent


def test_one_page_can_be_had_with_its_reply(connect: Connect) -> None:
    """And it says where the next one is."""
    platform = Platform(5)
    raw = connect(platform).page(page_size=2)
    assert (raw.status, raw.headers["link"].endswith('rel="next"')) == (200, True)
    assert [call.call_id for call in raw.parsed.calls] == ids(2)
    assert raw.parsed.next_url.endswith("pageSize=2&pageToken=2")
    assert len(platform.seen) == 1
    assert connect(Platform(1)).page().parsed.next_url is None


def test_lists_of_the_simulator_hold_what_was_asked_for() -> None:
    """Over real HTTP, with the links that the platform writes."""
    with Simulator(post=lambda _: Answered(200, b"<Response/>")) as simulator, simulator.serve():
        with CallController(
            simulator.account_id, auth=simulator.auth, base_url=simulator.base_url
        ) as controller:
            order: dict[str, Any] = {
                "from_": "+15550100002",
                "application_id": "a",
                "answer_url": "https://x.io",
            }
            made = [
                controller.create_call(to=f"+1555010{number % 2}", **order).call_id
                for number in range(7)
            ]
            listed = controller.list_calls(to="+15550100", page_size=2, limit=3)
            assert [call.call_id for call in listed] == made[0:6:2]
            simulator.advance(20)
            late = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(
                seconds=2
            )  # five go out in a second
            assert list(controller.list_calls(min_start_time=late)) == []
            ended = controller.list_calls(max_start_time=late, disconnect_cause="hangup")
            assert [call.call_id for call in ended] == made

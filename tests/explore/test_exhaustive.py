"""Exploring finds what brute force finds, on random applications."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from bxml import Gather, Response, SpeakSentence
from calls.events import CallEvent, GatherEvent
from calls.explore import explore
from calls.script import Line, script
from calls.simulator import Phone, Settings, Simulator
from calls.webhooks import VoiceApp

KEYS = "1234567890*#"

Shown = Callable[[int | None], Response]
"""From the number of a page to its document."""


class Page(NamedTuple):
    """A document of a random application: where each key leads, and silence; None ends the call."""

    keys: Mapping[str, int | None]
    silence: int | None


def pages(count: int) -> st.SearchStrategy[list[Page]]:
    """The documents of an application. Some keys lead somewhere; all others do as silence does."""
    place = st.none() | st.integers(0, count - 1)
    keys = st.dictionaries(st.sampled_from(KEYS), place, max_size=3)
    return st.lists(st.builds(Page, keys, place), min_size=count, max_size=count)


random_pages = st.integers(1, 6).flatmap(pages)


def goes_to(page: Page, digits: str) -> int | None:
    return page.keys.get(digits, page.silence)


def app_of(pages: Sequence[Page]) -> VoiceApp:
    app = VoiceApp()

    def shown(number: int | None) -> Response:
        if number is None:
            return Response().speak_sentence("Goodbye.")
        gather = Gather(gather_url=f"/page/{number}", max_digits=1, first_digit_timeout=1)
        return Response([gather.speak_sentence(f"This is page {number}.")])

    @app.on("/start")
    def start(event: CallEvent) -> Response:
        return shown(0)

    for number, page in enumerate(pages):
        register(app, number, page, shown)
    return app


def register(app: VoiceApp, number: int, page: Page, shown: Shown) -> None:
    @app.on(f"/page/{number}")
    def chosen(event: GatherEvent) -> Response:
        return shown(goes_to(page, event.digits or ""))


def script_of(pages: Sequence[Page]) -> VoiceApp:
    @script
    async def walks(line: Line) -> None:
        number: int | None = 0
        while number is not None:
            prompt = [SpeakSentence(f"This is page {number}.")]
            heard = await line.gather(prompt, max_digits=1, first_digit_timeout=1)
            number = goes_to(pages[number], heard.digits or "")
        line.speak_sentence("Goodbye.")

    return VoiceApp({"/start": walks})


def by_brute_force(app: VoiceApp, depth: int) -> set[tuple[str, ...]]:
    """All that is heard, in order, in every call of at most so many keys: each a call of its own."""
    heard = set()
    ways: list[tuple[str, ...]] = [()]
    while ways:
        way = ways.pop()
        with Simulator(settings=Settings(calls_per_second=None, sessions=None)) as simulator:
            call = Phone(simulator, app).dials("+15550100002", initiate="/start")
            simulator.advance(0)
            for digit in way:
                before = len(simulator.heard(call.call_id))
                call.presses(digit) if digit else call.stays_silent()
                simulator.run_until(
                    lambda call=call, before=before: (  # type: ignore[misc]
                        call.is_over or len(simulator.heard(call.call_id)) > before
                    ),
                    within=60,
                )
            said = tuple(simulator.heard(call.call_id))
            heard.add(said)
            if len(way) < depth and said and said[-1] != "Goodbye.":
                ways += [(*way, digit) for digit in (*KEYS, "")]
    return heard


def by_exploring(app: VoiceApp, depth: int) -> set[tuple[str, ...]]:
    """The same, read from the graph."""
    graph = explore(app, initiate="/start")
    assert not graph.limits
    assert not graph.remarks
    heard = set()
    ways: list[tuple[int, ...]] = [(1,)]
    while ways:
        way = ways.pop()
        heard.add(tuple(graph.node(node).title for node in way))
        if len(way) <= depth:
            ways += {
                (*way, edge.target)
                for edge in graph.leaving(way[-1])
                if edge.target is not None and edge.kind in ("key", "silence")
            }
    return heard


@given(random_pages)
def test_exploring_finds_the_documents_that_can_be_reached_and_no_others(pages: list[Page]) -> None:
    reached: set[int | None] = set()
    waiting: list[int | None] = [0]
    while waiting:
        number = waiting.pop()
        if number not in reached:
            reached.add(number)
            if number is not None:
                waiting += [goes_to(pages[number], key) for key in (*KEYS, "")]
    wanted = {"Goodbye." if number is None else f"This is page {number}." for number in reached}
    for app in (app_of(pages), script_of(pages)):
        graph = explore(app, initiate="/start")
        titles = [node.title for node in graph.nodes]
        assert set(titles) == wanted
        assert len(titles) == len(wanted), "no document is told apart from itself"


@given(random_pages)
def test_every_key_leads_where_the_application_lets_it(pages: list[Page]) -> None:
    graph = explore(app_of(pages), initiate="/start")
    for node in graph.nodes:
        if not node.is_menu:
            continue
        page = pages[int(node.title.removeprefix("This is page ").rstrip("."))]
        leads = {
            choice: graph.node(edge.target or 0).title
            for edge in graph.leaving(node.id)
            if edge.kind in ("key", "silence")
            for choice in edge.choices
        }
        wanted = {}
        for key in (*KEYS, "silence"):
            number = goes_to(page, "" if key == "silence" else key)
            wanted[key] = "Goodbye." if number is None else f"This is page {number}."
        assert leads == wanted


@settings(max_examples=40)  # each is some hundred calls
@given(st.integers(1, 3).flatmap(pages))
def test_the_graph_has_the_calls_of_brute_force(pages: list[Page]) -> None:
    app = app_of(pages)
    assert by_exploring(app, 2) == by_brute_force(app, 2)

"""What exploring costs: an application of many menus with four keys each, beside ordinary calls.

    python tests/benchmarks/explore.py --rounds 5

By turns, in one run: the application is explored; and ordinary simulated calls send it as many
webhooks. Then, how much memory exploring more and more menus takes, and how long a page of 300
documents.
"""

import argparse
import gc
import statistics
import time
import tracemalloc
from itertools import cycle, islice, product

from bxml import Gather, Response
from calls.events import CallEvent, GatherEvent
from calls.explore import Graph, explore, html_of
from calls.simulator import Caller, Settings, Simulator
from calls.webhooks import Delivery, VoiceApp

KEYS = "1234"


def app_of(menus: int) -> VoiceApp:
    """A tree of menus: each key of one leads to another, or to a goodbye; star leads back."""
    app = VoiceApp()

    async def menu(number: int) -> Response:
        if number >= menus:
            return Response().speak_sentence(f"Goodbye from {number - menus}.")
        gather = Gather(
            gather_url=f"/menu/{number}",
            gather_fallback_url=f"/menu/{number}",
            max_digits=1,
        )
        offers = " ".join(f"For number {4 * number + int(key)}, press {key}." for key in KEYS)
        return Response([gather.speak_sentence(f"This is menu {number}. {offers}")])

    @app.on("/menu/{number:int}")
    async def chosen(event: GatherEvent, delivery: Delivery) -> Response:
        number, digits = int(delivery.path_params["number"]), event.digits or ""
        if digits and digits in KEYS:
            return await menu(4 * number + int(digits))
        return await menu(0 if digits == "*" else number)

    @app.on("/start")
    async def start(event: CallEvent) -> Response:
        return await menu(0)

    return app


def ordinary(app: VoiceApp, webhooks: int) -> float:
    """Seconds of ordinary calls that send so many webhooks, a hundred calls at once."""
    settings = Settings(calls_per_second=None, sessions=None, retention_seconds=60)
    begun = time.perf_counter()
    sent = 0
    with Simulator(settings=settings) as simulator:
        application = simulator.add(app, initiate="/start")
        keys = cycle(product(KEYS, repeat=3))
        while sent < webhooks:
            for way in islice(keys, 100):
                caller = Caller()
                for key in way:
                    caller = caller.hears("press 1").presses(key)
                simulator.dial(
                    from_="+15550199001",
                    to="+15550100002",
                    caller=caller.hangs_up(),
                    application=application,
                )
                sent += len(way) + 2  # initiate, and disconnect
            simulator.run()
    return (time.perf_counter() - begun) * webhooks / sent


def explored(app: VoiceApp) -> tuple[Graph, float]:
    """The graph, and the seconds that it took."""
    begun = time.perf_counter()
    graph = explore(app, initiate="/start")
    return graph, time.perf_counter() - begun


def memory_of(menus: int) -> tuple[float, int]:
    """Megabytes that exploring so many menus takes at most, and how many states there are."""
    app = app_of(menus)
    gc.collect()
    tracemalloc.start()
    graph, _ = explored(app)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 1e6, len(graph.nodes)


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--menus", type=int, default=100)
    told = parser.parse_args()
    app = app_of(told.menus)
    graph, _ = explored(app)
    webhooks, transitions = graph.spent.webhooks, len(graph.edges)
    exploring, calling = [], []
    for _ in range(told.rounds):
        exploring.append(explored(app)[1])
        calling.append(ordinary(app, webhooks))
    seconds, beside = statistics.median(exploring), statistics.median(calling)
    ratios = [one / two for one, two in zip(exploring, calling, strict=True)]
    print(f"{told.menus} menus: {len(graph.nodes)} states, {transitions} transitions")
    print(f"webhooks               {webhooks}, {webhooks / transitions:.2f} for each transition")
    print(f"exploring              {seconds:.2f} s, {seconds / webhooks * 1e6:.0f} µs a webhook")
    print(f"ordinary calls         {beside:.2f} s, {beside / webhooks * 1e6:.0f} µs a webhook")
    print(f"ratio                  {statistics.median(ratios):.2f}")
    for menus in (told.menus, 2 * told.menus, 4 * told.menus):
        megabytes, states = memory_of(menus)
        print(
            f"{menus} menus, memory      {megabytes:.1f} MB, {megabytes / states * 1000:.1f} KB a state"
        )
    begun = time.perf_counter()
    page = html_of(explore(app_of(75), initiate="/start"))
    drawn = time.perf_counter() - begun
    print(f"300 documents, a page  {drawn:.1f} s, {len(page) / 1e6:.1f} MB")


if __name__ == "__main__":
    main()

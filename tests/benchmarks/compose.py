"""Composing, checking, serializing and parsing, side by side with the alternatives.

    python tests/benchmarks/compose.py

Everything is measured in turn, many rounds in one process, and the figures that count are the
ratios: the median over the rounds of ours divided by theirs in the same round. The document is the
menu of the README; the curve at the end is of longer ones. It needs ``bandwidth-sdk`` and ``plivo``
(the dependency group ``bench``). It asserts that all make a document with the same words, and
nothing about time.
"""

import argparse
import functools
import os
import platform
import runpy
import statistics
import subprocess
import sys
import time
import timeit
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from lxml import etree

from bxml import Gather, Pause, PlayAudio, Response, SpeakSentence, check, parse, ssml
from bxml.document import Document
from bxml.render import DECLARATION, render

ACME = Path(__file__).resolve().parents[2] / "docs" / "examples" / "acme.py"
compose: Callable[[], Response] = runpy.run_path(str(ACME))["menu"]

WELCOME = "Welcome to Acme & Sons."
JINGLE = "/audio/jingle.wav"
CHOICES = ("For sales, press 1.", "For support, press 2.", "To hear this again, press star.")
CHIME = "/audio/chime.wav"
VOICE = "julie"
CHOSEN = "/chosen"


def fluent() -> str:
    """Ours, as the README writes it."""
    return compose().to_bxml()


def listed() -> str:
    """Ours, as one expression of lists."""
    return Response(
        [
            SpeakSentence(WELCOME, voice=VOICE),
            PlayAudio(JINGLE),
            Pause(duration=0.5),
            Gather(
                [*(SpeakSentence(words, voice=VOICE) for words in CHOICES), PlayAudio(CHIME)],
                gather_url=CHOSEN,
                max_digits=1,
                first_digit_timeout=8,
                repeat_count=3,
            ),
        ]
    ).to_bxml()


def bare_lxml() -> bytes:
    """The same tree with nothing but lxml: no checks."""
    root = etree.Element("Response")
    etree.SubElement(root, "SpeakSentence", voice=VOICE).text = WELCOME
    etree.SubElement(root, "PlayAudio").text = JINGLE
    etree.SubElement(root, "Pause", duration="0.5")
    gather = etree.SubElement(
        root, "Gather", gatherUrl=CHOSEN, maxDigits="1", firstDigitTimeout="8", repeatCount="3"
    )
    for words in CHOICES:
        etree.SubElement(gather, "SpeakSentence", voice=VOICE).text = words
    etree.SubElement(gather, "PlayAudio").text = CHIME
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")


def by_bandwidth() -> Callable[[], str]:
    """The vendor's SDK."""
    from bandwidth.models import bxml as sdk  # noqa: PLC0415

    def compose_with_sdk() -> str:
        prompts = [sdk.SpeakSentence(words, voice=VOICE) for words in CHOICES]
        gather = sdk.Gather(
            [*prompts, sdk.PlayAudio(CHIME)],
            gather_url=CHOSEN,
            max_digits=1,
            first_digit_timeout=8,
            repeat_count=3,
        )
        response = sdk.Response()
        response.add_verb(sdk.SpeakSentence(WELCOME, voice=VOICE))
        response.add_verb(sdk.PlayAudio(JINGLE))
        half: Any = 0.5  # annotated as int there, and written as it comes
        response.add_verb(sdk.Pause(duration=half))
        response.add_verb(gather)
        return str(response.to_bxml())

    return compose_with_sdk


def by_plivo() -> Callable[[], str]:
    """Another vendor's SDK, with its nearest elements."""
    from plivo import plivoxml as sdk  # noqa: PLC0415

    def compose_with_sdk() -> str:
        gather = sdk.GetInputElement(
            action=CHOSEN, input_type="dtmf", num_digits=1, execution_timeout=8
        )
        for words in CHOICES:
            gather.add(sdk.SpeakElement(words, voice=VOICE))
        gather.add(sdk.PlayElement(CHIME))
        response = sdk.ResponseElement()
        response.add(sdk.SpeakElement(WELCOME, voice=VOICE))
        response.add(sdk.PlayElement(JINGLE))
        response.add(sdk.WaitElement(length=1))
        response.add(gather)
        return str(response.to_string(pretty=False))

    return compose_with_sdk


def by_hand(
    welcome: str = WELCOME,
    choices: tuple[str, ...] = CHOICES,
    voice: str = VOICE,
    wait: float = 0.5,
    digits: int = 1,
    timeout: float = 8,
    repeats: int = 3,
) -> str:
    """One f-string, with the standard library's escaping of everything that is text."""
    first, second, third = choices
    return (
        f"{DECLARATION}<Response>"
        f"<SpeakSentence voice={quoteattr(voice)}>{escape(welcome)}</SpeakSentence>"
        f"<PlayAudio>{escape(JINGLE)}</PlayAudio>"
        f'<Pause duration="{wait}"/>'
        f'<Gather gatherUrl={quoteattr(CHOSEN)} maxDigits="{digits}"'
        f' firstDigitTimeout="{timeout}" repeatCount="{repeats}">'
        f"<SpeakSentence voice={quoteattr(voice)}>{escape(first)}</SpeakSentence>"
        f"<SpeakSentence voice={quoteattr(voice)}>{escape(second)}</SpeakSentence>"
        f"<SpeakSentence voice={quoteattr(voice)}>{escape(third)}</SpeakSentence>"
        f"<PlayAudio>{escape(CHIME)}</PlayAudio>"
        "</Gather></Response>"
    )


def serializing(document: Document) -> Callable[[], str]:
    """Serializing alone, past the cache that ``to_bxml`` has."""
    return lambda: DECLARATION + render(document)


def checking(document: Document) -> Callable[[], object]:
    """``check`` with all it needs: it asks for the size, so the document is serialized too."""

    def check_afresh() -> object:
        vars(document).clear()  # what to_bxml() keeps
        return check(document)

    return check_afresh


def long_list(turns: int) -> Response:
    """What holds a caller on the line, over and over: every verb built, then one container."""
    return Response(
        verb
        for _ in range(turns)
        for verb in (
            SpeakSentence("You are still in the queue.", voice="julie"),
            SpeakSentence(["Your place is ", ssml.say_as("7", interpret_as="ordinal"), "."]),
            PlayAudio("https://app.example.com/hold.wav"),
            Pause(duration=2),
            Gather([SpeakSentence("Press 1 to be called back.")], max_digits=1),
        )
    )


def long_chain(turns: int) -> Response:
    """The same as a chain."""
    chain = Response()
    for _ in range(turns):
        chain = (
            chain.speak_sentence("You are still in the queue.", voice="julie")
            .speak_sentence(["Your place is ", ssml.say_as("7", interpret_as="ordinal"), "."])
            .play_audio("https://app.example.com/hold.wav")
            .pause(duration=2)
            .gather([SpeakSentence("Press 1 to be called back.")], max_digits=1)
        )
    return chain


def curve(rounds: int) -> None:
    """What a KB costs in documents of growing length, up to the largest that may be sent."""
    print("\nMicroseconds a KB of the document, by its length (flat: in proportion to the length)")
    names = ("as a list", "as a chain", "serialize", "check", "parse", "lxml alone")
    print(f"  {'KB':>6}" + "".join(f"{name:>13}" for name in names))
    for turns in (2, 5, 10, 20, 40, 80, 160, 200):
        document = long_list(turns)
        assert document == long_chain(turns)
        markup = bytes(document)
        serialize, check_it = serializing(document), checking(document)
        subjects: dict[str, Callable[[], Any]] = {
            "as a list": functools.partial(long_list, turns),
            "as a chain": functools.partial(long_chain, turns),
            "serialize": serialize,
            "check": check_it,
            "parse": functools.partial(parse, markup),
            "lxml alone": functools.partial(etree.fromstring, markup),
        }
        kilobytes = len(markup) / 1024
        costs = {
            name: min(timeit.repeat(call, number=1, repeat=rounds)) * 1e6 / kilobytes
            for name, call in subjects.items()
        }
        print(f"  {kilobytes:6.1f}" + "".join(f"{costs[name]:13.2f}" for name in names))


def measure(subjects: Mapping[str, Callable[[], Any]], rounds: int) -> dict[str, list[float]]:
    """Microseconds a call, for each subject a figure a round. The subjects take turns."""
    loops = {}
    for name, call in subjects.items():
        start = time.perf_counter()
        for _ in range(200):
            call()
        loops[name] = max(int(200 * 0.02 / (time.perf_counter() - start)), 10)
    figures: dict[str, list[float]] = {name: [] for name in subjects}
    for _ in range(rounds):
        for name, call in subjects.items():
            start = time.perf_counter()
            for _ in range(loops[name]):
                call()
            figures[name].append((time.perf_counter() - start) / loops[name] * 1e6)
    return figures


def report(
    title: str, ours: str, figures: dict[str, list[float]], wanted: dict[str, float]
) -> None:
    """A table: the median of each, and how ours compares with it."""
    print(f"\n{title}")
    print(f"  {'':34}{'median':>10}{'ours / it':>12}{'to reach':>11}")
    for name, values in figures.items():
        ratios = [mine / theirs for mine, theirs in zip(figures[ours], values, strict=True)]
        goal = f"≤ {wanted[name]:.2f}" if name in wanted else ""
        ratio = "" if name == ours else f"{statistics.median(ratios):.2f}"
        print(f"  {name:34}{statistics.median(values):8.2f} µs{ratio:>11}{goal:>11}")


def importing(rounds: int) -> None:
    """What ``import bxml`` adds to the start of an interpreter, in a process of its own."""
    # Compiled files are what an installed package has.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    programs = {
        "bare interpreter": "pass",
        "import bxml": "import bxml",
        "import lxml.etree": "import lxml.etree",
    }
    times: dict[str, list[float]] = {name: [] for name in programs}
    for turn in range(rounds + 1):
        for name, program in programs.items():
            start = time.perf_counter()
            subprocess.run([sys.executable, "-c", program], check=True, env=environment)  # noqa: S603  # our own words
            if turn:
                times[name].append((time.perf_counter() - start) * 1e3)
    bare = statistics.median(times["bare interpreter"])
    print("\nImporting, in a process of its own")
    for name, values in times.items():
        above = statistics.median(values) - bare
        goal = "   to reach: ≤ 40 ms" if name == "import bxml" else ""
        print(f"  {name:34}{statistics.median(values):8.1f} ms   +{above:.1f} ms{goal}")
    code = "import bxml, sys; print('lxml' in sys.modules)"
    loaded = subprocess.run(  # noqa: S603  # our own words
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    )
    print(f"  lxml loaded by it: {loaded.stdout.strip()}")


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    arguments.add_argument("--rounds", type=int, default=40, help="rounds (default: 40)")
    rounds = arguments.parse_args().rounds

    composing: dict[str, Callable[[], Any]] = {
        "bxml, fluent": fluent,
        "bxml, lists": listed,
        "bare lxml.etree + tostring": bare_lxml,
        "bandwidth-sdk": by_bandwidth(),
        "plivo": by_plivo(),
    }
    for name, call in composing.items():
        made = call()
        text = made.decode() if isinstance(made, bytes) else made
        assert all(words in text for words in (*CHOICES, JINGLE, CHIME)), name
    assert fluent() == listed() == by_hand(), "the three must write the same"

    version = f"{platform.python_implementation()} {platform.python_version()}"
    print(f"{version}, {rounds} rounds; the menu of nine elements, {len(fluent())} bytes")
    report(
        "Composing with all checks, and serializing",
        "bxml, fluent",
        measure(composing, rounds),
        {"bare lxml.etree + tostring": 1.0, "bandwidth-sdk": 1 / 3, "plivo": 0.5},
    )
    hand = {"bxml, not cached": serializing(compose()), "f-string + xml.sax.saxutils": by_hand}
    report(
        "Serializing alone",
        "bxml, not cached",
        measure(hand, rounds),
        {"f-string + xml.sax.saxutils": 1.0},
    )
    document, markup = compose(), bytes(compose())
    assert parse(markup) == document
    report(
        "Checking the document, serialized for its size",
        "bxml.check",
        measure({"bxml.check": checking(document), "composing and serializing": fluent}, rounds),
        {"composing and serializing": 1.0},
    )
    report(
        "Checking the document, serialized already",
        "bxml.check",
        measure({"bxml.check": lambda: check(document), "composing": compose}, rounds),
        {"composing": 1.0},
    )
    report(
        "Parsing with full validation",
        "bxml.parse",
        measure(
            {"bxml.parse": lambda: parse(markup), "lxml alone": lambda: etree.fromstring(markup)},
            rounds,
        ),
        {"lxml alone": 4.0},
    )
    curve(rounds)
    importing(max(rounds // 2, 5))


if __name__ == "__main__":
    main()

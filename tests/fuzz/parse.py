"""A fuzz run of the parser: documents of the corpus, damaged in many ways, by a seed.

    python tests/fuzz/parse.py --runs 1000000 --seed 7

Whatever comes, ``parse`` gives a document or raises ``ParseError``, within bounded time; and what it
accepts it writes back as an equal document, of which ``check`` can say something. What breaks that
is printed with its number: the same seed and number make it again.
"""

import argparse
import copy
import importlib.util
import random
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from lxml import etree

import bxml

ROOT = Path(__file__).resolve().parents[1]

LONGEST_SECONDS = 10
"""No document of 64 KB takes a tenth of that; a hang takes longer."""

PIECES = (
    *(b"<", b">", b"/>", b"</", b'"', b"'", b"=", b"&", b";", b"\0", b"\x01", b"\xff", b"\xfe"),
    *(b"&amp;", b"&#0;", b"&#x110000;", b"&#55296;", b"&lt;", b"&xxe;", b"&#10;"),
    *(b"<!--", b"-->", b"<![CDATA[", b"]]>", b"<?xml", b"?>", b"<!DOCTYPE x [", b"<!ENTITY a 'b'>"),
    *(
        b"<Response>",
        b"</Response>",
        b"<Gather>",
        b"<SpeakSentence>",
        b"<s>",
        b"<break/>",
        b"<Hangup/>",
    ),
    *(b' tag="x"', b' xmlns="urn:x"', b' xml:lang="de-DE"', b" maxDigits='9'", b"\xef\xbb\xbf"),
    *("é€𐀀\u2028\x85".encode(), b"9" * 400, b" " * 300, b"x" * 300, b"-", b".", b"e9", b"1e400"),
)


VALUES = (
    *("", " ", "\n  ", "x", "<&>", "true", "0", "-1", "1.5", "1e3", "999999999999999999", "GET"),
    *("/next", "//", "http://[x", "https://app.example.com/a", "wss://a.example/b", "\u2028\x85"),
    *("+15550100001", "sip:bob@pbx.example.com", "c-1", "en-US,en-GB", "x" * 300, "\U0001f4de"),
)


def corpus() -> list[bytes]:
    """Sound and unsound documents to begin with."""
    path = ROOT / "conformance" / "corpus.py"
    spec = importlib.util.spec_from_file_location("fuzzed_corpus", path)
    assert spec
    assert spec.loader
    module: Any = importlib.util.module_from_spec(spec)
    sys.modules["fuzzed_corpus"] = module
    spec.loader.exec_module(module)
    examples = [*module.of_elements(), *module.of_rules()]
    return sorted({each.document.encode() for each in examples if len(each.document) < 4000})


def damaged(document: bytes, others: list[bytes], chance: random.Random) -> bytes:
    """A document after a few injuries."""
    data = bytearray(document)
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        at = chance.randrange(len(data) + 1)
        length = chance.choice((0, 1, 1, 2, 8, 40))
        match chance.randrange(7):
            case 0:
                data[at : at + length] = b""
            case 1:
                data[at : at + chance.choice((0, 0, 1))] = chance.choice(PIECES)
            case 2:
                other = chance.choice(others)
                start = chance.randrange(len(other))
                data[at:at] = other[start : start + chance.choice((5, 40, 400))]
            case 3:
                data[at:at] = data[at : at + length] * chance.choice((1, 3, 300))
            case 4 if data:
                data[at % len(data)] = chance.randrange(256)
            case 5:
                del data[at:]
            case _:
                name = chance.choice(
                    ("utf-8", "utf-16", "iso-8859-1", "utf-7", "idna", "x", "cp1252")
                )
                declaration = f'<?xml version="1.0" encoding="{name}"?>'
                data[:0] = declaration.encode()
    if chance.random() < 0.05:
        return data.decode("latin-1").encode("utf-16")
    return bytes(data)


def grafted(document: bytes, others: list[bytes], chance: random.Random) -> bytes:
    """A document whose elements and attributes have changed places with those of others.

    It stays well-formed, so that what is wrong with it is found behind the reader of XML.
    """
    try:
        root, other = etree.fromstring(document), etree.fromstring(chance.choice(others))
    except etree.XMLSyntaxError:
        return damaged(document, others, chance)
    for _ in range(chance.randint(1, 4)):
        here = chance.choice(list(root.iter("*")))
        there = chance.choice(list(other.iter("*")))
        match chance.randrange(6):
            case 0:
                here.append(copy.deepcopy(there))
            case 1:
                here.attrib.update(there.attrib)
            case 2 if here.attrib:
                here.set(chance.choice(list(here.keys())), chance.choice(VALUES))
            case 3:
                here.text = chance.choice(VALUES)
            case 4 if here.getparent() is not None:
                here.tail = chance.choice(VALUES)
            case _:
                here.tag = there.tag
    written: Any = etree.tostring(root, encoding=chance.choice(("utf-8", "ascii", "utf-16")))
    return bytes(written)


def documents(seed: int, runs: int) -> Iterator[bytes]:
    """The documents of a run: the same for the same seed."""
    others = corpus()
    chance = random.Random(seed)  # noqa: S311  # no secret
    for _ in range(runs):
        injure = chance.choice((damaged, grafted))
        yield injure(chance.choice(others), others, chance)


def holds(document: bytes) -> bool:
    """Whether it was accepted. Raises for whatever is not as it should be."""
    try:
        parsed = bxml.parse(document)
    except bxml.ParseError as error:
        assert error.problems
        assert all(problem.line and problem.column for problem in error.problems)
        return False
    try:
        assert bxml.parse(parsed.to_bxml()) == parsed
    except bxml.InvalidDocument:
        assert len(document) > 30_000  # escapes may make it larger
    for where in ("reply", "push", "conference", "transfer_answer"):
        assert all(problem.advice for problem in bxml.check(parsed, where=where))
    return True


def run(seed: int, runs: int) -> tuple[int, int]:
    """How many were accepted and how many refused."""

    def hangs(_: int, __: FrameType | None) -> NoReturn:
        raise TimeoutError(f"more than {LONGEST_SECONDS} s for one document")

    signal.signal(signal.SIGALRM, hangs)
    accepted = 0
    try:
        for number, document in enumerate(documents(seed, runs)):
            signal.setitimer(signal.ITIMER_REAL, LONGEST_SECONDS)
            try:
                accepted += holds(document)
            except BaseException as error:
                error.add_note(f"document {number} of seed {seed}: {document[:2000]!r}")
                raise
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    return accepted, runs - accepted


def main() -> None:
    """Run and report."""
    arguments = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    arguments.add_argument("--runs", type=int, default=100_000, help="documents (default: 100000)")
    arguments.add_argument("--seed", type=int, default=1, help="seed (default: 1)")
    given = arguments.parse_args()
    start = time.perf_counter()
    accepted, refused = run(given.seed, given.runs)
    took = time.perf_counter() - start
    print(f"{given.runs} documents in {took:.1f} s: {accepted} accepted, {refused} refused")


if __name__ == "__main__":
    main()

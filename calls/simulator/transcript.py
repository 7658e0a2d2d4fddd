"""The timeline for people: what was heard and pressed, webhooks and replies, REST requests."""

from collections.abc import Iterable
from typing import NamedTuple

from bxml import ParseError, parse
from calls.simulator.state import Entry


class Line(NamedTuple):
    """One line of the transcript, to be shown by whoever runs the demo."""

    at: float | None
    kind: str
    text: str
    detail: str = ""


def transcript(entries: Iterable[Entry]) -> Iterable[Line]:
    """The lines of a timeline."""
    for entry in entries:
        match entry.kind:
            case "hears" if entry.text.startswith("["):
                yield Line(entry.at, "hears", f"♪ {entry.text[1:-1]}")
            case "hears":
                yield Line(entry.at, "hears", f"“{entry.text}”")
            case "cut off":
                yield Line(entry.at, "hears", f"… cut off: {entry.text}")
            case "silence":
                yield Line(entry.at, "hears", f"silence, {entry.text}")
            case "presses" | "says":
                yield Line(entry.at, entry.kind, entry.text)
            case "webhook":
                yield Line(entry.at, "webhook", f"{entry.text}  {entry.url}", _pretty(entry.body))
            case "request":
                yield Line(entry.at, "REST", entry.text, _pretty(entry.body))
            case "state" | "note":
                yield Line(entry.at, "call", entry.text)
            case kind:
                yield Line(entry.at, kind, entry.text)


def _pretty(body: str | None) -> str:
    if not body:
        return ""
    try:
        return parse(body).to_bxml(pretty=True).partition("\n")[2].rstrip()
    except ParseError:
        return body


def text_of(entries: Iterable[Entry]) -> str:
    """The timeline as text, one line each; the same for the same seed, so that it can be compared."""
    lines = []
    for line in transcript(entries):
        at = "" if line.at is None else f"{line.at:9.3f} s"
        lines.append(f"{at}  {line.kind:<10}  {line.text}")
        lines.extend(" " * 25 + each for each in line.detail.splitlines())
    return "\n".join(lines)

"""What four libraries make of hostile input: a table that is filled by running them.

    python tests/benchmarks/hostile.py
    python tests/benchmarks/hostile.py --check docs/explanation/hostile-input.md
    python tests/benchmarks/hostile.py --write docs/explanation/hostile-input.md

Each library uses its nearest element, as its documentation shows it; lxml reads what comes out, and
the cell says what became of the input. No cell is written down anywhere. It needs ``bandwidth-sdk``,
``plivo`` and ``twilio``.
"""

import argparse
import difflib
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal, NamedTuple

from lxml import etree

from bxml import Gather, Hangup, Pause, PhoneNumber, Redirect, Response, SpeakSentence, Transfer

# None of them has types, and nobody but this script needs them.
bandwidth: Any = import_module("bandwidth.models.bxml")
twiml: Any = import_module("twilio.twiml.voice_response")
plivo: Any = import_module("plivo").plivoxml

BEGIN = "<!-- hostile.py begins -->"
END = "<!-- hostile.py ends -->"
"""The table of a page stands between these two lines."""


class Library(ABC):
    """One library, with one way to write each of the things that the rows try."""

    package: str
    """What it is called where packages come from."""
    spoken: str
    """Its element that speaks."""
    digits: str
    """Its attribute for the number of digits."""
    url = "action"
    method = "method"
    """Its attributes for the webhook that gets the digits."""
    input = "input"

    @abstractmethod
    def say(self, *texts: str) -> str:
        """A document that speaks each of the texts."""

    @abstractmethod
    def gather(self, **attributes: Any) -> str:
        """A document that collects digits or speech, with these attributes."""

    def hint(self, words: str) -> str:
        """A document with an attribute that is free text: words that help the recogniser."""
        return self.gather(**{self.input: "speech", "hints": words})

    @abstractmethod
    def nest(self, element: Literal["speech", "hangup"]) -> str:
        """A document with an element in the one that collects digits."""

    @abstractmethod
    def redirect(self, *url: str) -> str:
        """A document that goes on elsewhere."""

    @abstractmethod
    def wait(self, seconds: float) -> str:
        """A document that waits."""

    @abstractmethod
    def call(self, number: str) -> str:
        """A document that calls a number."""


class Ours(Library):
    """This library."""

    package = "bxml-calls"
    spoken = "SpeakSentence"
    digits = "max_digits"
    url = "gather_url"
    method = "gather_method"

    def say(self, *texts: str) -> str:
        return Response(map(SpeakSentence, texts)).to_bxml()

    def gather(self, **attributes: Any) -> str:
        return Response([Gather(**attributes)]).to_bxml()

    def nest(self, element: Literal["speech", "hangup"]) -> str:
        nested: Any = SpeakSentence("a") if element == "speech" else Hangup()
        return Response([Gather([nested])]).to_bxml()

    def redirect(self, *url: str) -> str:
        return Response([Redirect(*url)]).to_bxml()

    def wait(self, seconds: float) -> str:
        return Response([Pause(duration=seconds)]).to_bxml()

    def call(self, number: str) -> str:
        return Response([Transfer([PhoneNumber(number)])]).to_bxml()


class BandwidthSdk(Library):
    """The same vendor's own."""

    package = "bandwidth-sdk"
    spoken = "SpeakSentence"
    digits = "max_digits"
    url = "gather_url"
    method = "gather_method"

    def say(self, *texts: str) -> str:
        return self._document(map(bandwidth.SpeakSentence, texts))

    def gather(self, **attributes: Any) -> str:
        return self._document([bandwidth.Gather(**attributes)])

    def nest(self, element: Literal["speech", "hangup"]) -> str:
        nested = bandwidth.SpeakSentence("a") if element == "speech" else bandwidth.Hangup()
        return self._document([bandwidth.Gather([nested])])

    def redirect(self, *url: str) -> str:
        return self._document([bandwidth.Redirect(*url)])

    def wait(self, seconds: float) -> str:
        return self._document([bandwidth.Pause(duration=seconds)])

    def call(self, number: str) -> str:
        return self._document([bandwidth.Transfer([bandwidth.PhoneNumber(number)])])

    @staticmethod
    def _document(verbs: Iterable[Any]) -> str:
        response = bandwidth.Response()
        for verb in verbs:
            response.add_verb(verb)
        return str(response.to_bxml())


class Twilio(Library):
    """Another vendor's."""

    package = "twilio"
    spoken = "Say"
    digits = "num_digits"

    def say(self, *texts: str) -> str:
        response = twiml.VoiceResponse()
        for text in texts:
            response.say(text)
        return str(response)

    def gather(self, **attributes: Any) -> str:
        response = twiml.VoiceResponse()
        response.gather(**attributes)
        return str(response)

    def nest(self, element: Literal["speech", "hangup"]) -> str:
        response = twiml.VoiceResponse()
        response.gather().append(twiml.Say("a") if element == "speech" else twiml.Hangup())
        return str(response)

    def redirect(self, *url: str) -> str:
        response = twiml.VoiceResponse()
        response.redirect(*url)
        return str(response)

    def wait(self, seconds: float) -> str:
        response = twiml.VoiceResponse()
        response.pause(length=seconds)
        return str(response)

    def call(self, number: str) -> str:
        response = twiml.VoiceResponse()
        response.dial().number(number)
        return str(response)


class Plivo(Library):
    """A third vendor's."""

    package = "plivo"
    spoken = "Speak"
    digits = "num_digits"
    input = "input_type"

    def say(self, *texts: str) -> str:
        return self._document(map(plivo.SpeakElement, texts))

    def gather(self, **attributes: Any) -> str:
        return self._document([plivo.GetInputElement(**attributes)])

    def nest(self, element: Literal["speech", "hangup"]) -> str:
        nested = plivo.SpeakElement("a") if element == "speech" else plivo.HangupElement()
        return self._document([plivo.GetInputElement().add(nested)])

    def redirect(self, *url: str) -> str:
        return self._document([plivo.RedirectElement(*url)])

    def wait(self, seconds: float) -> str:
        return self._document([plivo.WaitElement(length=seconds)])

    def call(self, number: str) -> str:
        return self._document([plivo.DialElement().add(plivo.NumberElement(number))])

    @staticmethod
    def _document(elements: Iterable[Any]) -> str:
        response = plivo.ResponseElement()
        for element in elements:
            response.add(element)
        return str(response.to_string())


LIBRARIES: tuple[Library, ...] = (Ours(), BandwidthSdk(), Twilio(), Plivo())


class Tree(NamedTuple):
    """What lxml reads in a document."""

    shape: tuple[Any, ...]
    """Its elements and the names of their attributes."""
    values: tuple[str, ...]
    """Its texts and the values of its attributes, one after the other."""

    @property
    def names(self) -> Iterator[str]:
        """The names of its elements."""
        waiting = [self.shape]
        for name, _, *children in waiting:
            yield name
            waiting += children


def read(markup: str) -> Tree | None:
    """What lxml reads; None if it is no XML."""
    # Nothing is fetched. One of the texts is longer than libxml2 takes without being told.
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True)
    try:
        root = etree.fromstring(markup.encode(), parser)
    except etree.XMLSyntaxError:
        return None
    values: list[str] = []
    return Tree(_shape(root, values), tuple(values))


def _shape(element: Any, values: list[str]) -> tuple[Any, ...]:
    values += [element.text or "", *element.attrib.values()]
    children = []
    for child in element:
        children.append(_shape(child, values))
        values.append(child.tail or "")
    return (element.tag, tuple(element.attrib), *children)


def outcome(write: Callable[[], str]) -> Tree | str:
    """What lxml reads in what ``write`` returns; or, in words, why there is nothing to read."""
    try:
        # A document is sent as bytes, so what has none in UTF-8 is refused here at the latest.
        markup = write()
        markup.encode()
    except Exception as error:  # noqa: BLE001  # whatever is raised is the refusal
        return f"refused: {type(error).__name__}"
    return read(markup) or "not XML"


@dataclass(frozen=True)
class Words:
    """Text from elsewhere, which must come out as the very same text."""

    title: str
    place: Literal["say", "hint"]
    words: tuple[str, ...]

    def cell(self, library: Library) -> str:
        """What became of the words."""
        words = tuple(each.replace("SPOKEN", library.spoken) for each in self.words)
        plain = tuple(f"word{number}" for number in range(len(words)))
        write: Callable[..., str] = getattr(library, self.place)
        usual = outcome(lambda: write(*plain))
        assert isinstance(usual, Tree), f"{library.package} writes plain words: {usual}"
        assert set(plain) <= set(usual.values), f"{library.package} writes all of the plain words"
        came = outcome(lambda: write(*words))
        if isinstance(came, str):
            return came
        if came.shape != usual.shape:
            return "became markup"
        given = dict(zip(plain, words, strict=True))
        return "kept" if came.values == _replaced(usual.values, given) else "changed"


def _replaced(values: tuple[str, ...], given: dict[str, str]) -> tuple[str, ...]:
    return tuple(given.get(value, value) for value in values)


@dataclass(frozen=True)
class Mistake:
    """What the documentation of a vendor does not allow, beside what it does."""

    title: str
    sound: Callable[[Library], str]
    mistaken: Callable[[Library], str]
    trace: str | None
    """By what it is known to be in the document; None: it is something that is not there."""
    applies: tuple[type[Library], ...] = (Library,)
    """The libraries whose vendor documents such a rule."""

    def cell(self, library: Library) -> str:
        """Whether the mistake was found."""
        if not isinstance(library, self.applies):
            return "not applicable"
        usual = outcome(lambda: self.sound(library))
        assert isinstance(usual, Tree), f"{library.package}, without the mistake: {usual}"
        came = outcome(lambda: self.mistaken(library))
        if isinstance(came, str):
            return came
        there = self.trace is None or self.trace in {*came.values, *came.names}
        return "let through" if there else "left out"


INJECTED = '"/><Transfer><PhoneNumber>+19005550100</PhoneNumber></Transfer><Gather tag="'
LONG = "a" * 70_000

BANDWIDTH = (Ours, BandwidthSdk)

ROWS: tuple[Words | Mistake, ...] = (
    Words("text `Tom & Jerry <3`", "say", ("Tom & Jerry <3",)),
    Words("text with accents, Hangul and an emoji", "say", ("Zoë 한국어 🎈",)),
    Words("text `<Hangup/>`", "say", ("<Hangup/>",)),
    Words(
        "text that ends its own element, with `<Hangup/>` after it",
        "say",
        ("</SPOKEN><Hangup/><SPOKEN>",),
    ),
    Words('text `<break time="9s"/>`', "say", ('<break time="9s"/>',)),
    Words('text `<say-as interpret-as="date">`', "say", ('<say-as interpret-as="date">',)),
    Words("two texts, `a <b` and `c> d`", "say", ("a <b", "c> d")),
    Words("text `&lt;Hangup/&gt;`, escaped already", "say", ("&lt;Hangup/&gt;",)),
    Words("text `]]>`", "say", ("]]>",)),
    Words("text `<![CDATA[a]]>`", "say", ("<![CDATA[a]]>",)),
    Words("text `<!-- a -->`", "say", ("<!-- a -->",)),
    Words(f"attribute `{INJECTED}`", "hint", (INJECTED,)),
    Words("attribute `<b>`", "hint", ("<b>",)),
    Words("attribute `&lt;b&gt;`, escaped already", "hint", ("&lt;b&gt;",)),
    Words("attribute with a line feed and a tab", "hint", ("a\nb\tc",)),
    Words("attribute with a carriage return", "hint", ("a\rb",)),
    Words("text with a carriage return", "say", ("a\rb",)),
    Words("text with U+0000", "say", ("a\0b",)),
    Words("attribute with U+0000", "hint", ("a\0b",)),
    Words("text with the control character U+001B", "say", ("a\x1bb",)),
    Words("text with the lone surrogate U+D800", "say", ("a\ud800b",)),
    Words("text with U+FFFE", "say", ("a\ufffeb",)),
    Mistake(
        "-1 digits",
        lambda library: library.gather(**{library.digits: 1}),
        lambda library: library.gather(**{library.digits: -1}),
        "-1",
    ),
    Mistake(
        "99 digits",
        lambda library: library.gather(**{library.digits: 50}),
        lambda library: library.gather(**{library.digits: 99}),
        "99",
        BANDWIDTH,  # 1 to 50 there; no upper bound was found for Twilio's Gather or Plivo's GetInput
    ),
    Mistake(
        'a pause of `float("nan")` seconds',
        lambda library: library.wait(1),
        lambda library: library.wait(float("nan")),
        "nan",
    ),
    Mistake(
        "method `PUT` for the webhook",
        lambda library: library.gather(**{library.method: "GET"}),
        lambda library: library.gather(**{library.method: "PUT"}),
        "PUT",
    ),
    Mistake(
        "URL `javascript:alert(1)` for the webhook",
        lambda library: library.gather(**{library.url: "https://app.example.com/"}),
        lambda library: library.gather(**{library.url: "javascript:alert(1)"}),
        "javascript:alert(1)",
    ),
    Mistake(
        "phone number `twelve`",
        lambda library: library.call("+15551230001"),
        lambda library: library.call("twelve"),
        "twelve",
    ),
    Mistake(
        "hangup in the element that collects digits",
        lambda library: library.nest("speech"),
        lambda library: library.nest("hangup"),
        "Hangup",
    ),
    Mistake(
        "attribute for the number of digits without its last letter",
        lambda library: library.gather(**{library.digits: 7}),
        lambda library: library.gather(**{library.digits[:-1]: 7}),
        "7",
    ),
    Mistake(
        "redirect without a URL",
        lambda library: library.redirect("https://app.example.com/"),
        lambda library: library.redirect(),
        None,
    ),
    Mistake(
        "blank text",
        lambda library: library.say("a"),
        lambda library: library.say("   "),
        "   ",
        BANDWIDTH,  # no rule about it was found for the others
    ),
    Mistake(
        "70,000 characters of text",
        lambda library: library.say("a"),
        lambda library: library.say(LONG),
        LONG,
        (*BANDWIDTH, Twilio),  # 64 KB both; no bound was found for Plivo
    ),
)


def table() -> str:
    """The table in Markdown, after a line with the versions."""
    names = [library.package.removesuffix("-calls") for library in LIBRARIES]
    pairs = zip(names, LIBRARIES, strict=True)
    versions = ", ".join(f"{name} {version(library.package)}" for name, library in pairs)
    lines = [f"Versions: {versions}.", ""]
    lines.append(_row(["input", *(f"`{name}`" for name in names)]))
    lines.append(_row(["---"] * (len(names) + 1)))
    lines += [_row([row.title, *map(row.cell, LIBRARIES)]) for row in ROWS]
    return "\n".join(lines)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def with_table(page: str, made: str) -> str:
    """A page with the table between its two marks."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise SystemExit(f"the page has no place for the table: the lines {BEGIN} and {END}")
    return f"{before}{BEGIN}\n\n{made}\n\n{END}{after}"


def main() -> None:
    """Print the table, or compare a page with it, or write it into a page."""
    arguments = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    choice = arguments.add_mutually_exclusive_group()
    choice.add_argument("--check", type=Path, metavar="PAGE", help="fail unless PAGE holds it")
    choice.add_argument("--write", type=Path, metavar="PAGE", help="write it into PAGE")
    given = arguments.parse_args()
    made = table()
    path: Path | None = given.check or given.write
    if path is None:
        print(made)
        return
    old = path.read_text(encoding="utf-8")
    new = with_table(old, made)
    if given.write:
        path.write_text(new, encoding="utf-8")
    elif old != new:
        titles = (str(path), "as it comes out now")
        lines = difflib.unified_diff(old.splitlines(), new.splitlines(), *titles, lineterm="")
        print("\n".join(lines))
        sys.exit(1)


if __name__ == "__main__":
    main()

"""Writes the pages of this folder from the declarations.

    python docs/reference/write.py            # writes them
    python docs/reference/write.py --check    # exits 1, and shows how a page differs

What a page says of a verb, an attribute or a rule is read from ``bxml``; what the simulator does, from
the tests of it; what no declaration says, from ``by_hand.toml``.
"""

import argparse
import ast
import contextlib
import difflib
import importlib
import io
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from inspect import Parameter, cleandoc, signature
from itertools import zip_longest
from pathlib import Path
from sys import maxsize
from typing import Any, NamedTuple, get_args

from msgspec import Meta, Struct
from msgspec.structs import fields

import bxml
from bxml import VERBS, Bxml, Document, Response
from bxml._compose import Container, Verb
from bxml._declare import Attribute, Checked, describe
from bxml._hints import plan_of
from bxml._kinds import Choice, Kind, Listing, first
from bxml._speech import DEEPEST, TAGS, Spoken, Tag
from bxml.document import LARGEST
from bxml.render import boolean, render_pretty
from bxml.rules import RULES, Source
from bxml.types import (
    Breaks,
    CountsWith,
    IgnoredInConference,
    IgnoredWith,
    OneOfKnown,
    Uncertain,
    WarnsAbove,
)
from bxml.voices import SSML_LANGUAGES, VOICES, Voice
from calls.events import EVENTS, CallEvent
from calls.events._base import Part, bare_types, part_of

HERE = Path(__file__).parent
TESTS = HERE.parents[1] / "tests" / "simulator"

BY_HAND: Mapping[str, Any] = tomllib.loads((HERE / "by_hand.toml").read_text("utf-8"))
"""What no declaration says: examples, the order of the families, what is not settled."""


# Markdown


def markdown(words: str) -> str:
    """Words of a docstring or a rule as Markdown, fit for a cell of a table."""
    words = " ".join(words.split()).replace("``", "`")
    # What is code already, and what looks like markup.
    parts = re.split(r"(`[^`]*`|<[^<>]+>)", words)
    plain = [re.sub(r"(?<!\w)_|_(?!\w)|[*|\[\]]", r"\\\g<0>", part) for part in parts[::2]]
    marked = [part if part[0] == "`" else f"`{part}`" for part in parts[1::2]]
    return "".join(each for pair in zip_longest(plain, marked, fillvalue="") for each in pair)


def code(words: str) -> str:
    """A name or a value as code."""
    return f"`{words}`"


def listed(words: Iterable[str], last: str = "and") -> str:
    """``a, b and c``."""
    *others, end = words
    return f"{', '.join(others)} {last} {end}" if others else end


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table, of cells that are Markdown."""
    names = list(head)
    lines = [names, ["---"] * len(names), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def page(name: str, title: str, *parts: str) -> str:
    """A whole page: its title, its introduction, and what follows."""
    note = "<!-- Written by write.py. Change the declarations, or by_hand.toml, and run it. -->"
    return "\n\n".join([f"# {title}", note, ran(BY_HAND["intros"][name]), *parts]) + "\n"


def ran(intro: str) -> str:
    """An introduction with what its blocks of Python print."""
    scope: dict[str, Any] = {}
    for block in re.findall(r"```python\n(.*?)```", intro, re.DOTALL):
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec(block, scope)  # noqa: S102  # our own words
        intro = intro.replace("{printed}", out.getvalue().rstrip(), 1)
    return intro.rstrip()


# What is said of one element


def first_sentence(cls: type[Checked]) -> str:
    """What an element is for, in short."""
    words = re.split(r"[.:;]\s", cleandoc(cls.__doc__ or ""), maxsplit=1)[0]
    return markdown(f"{words.rstrip('.')}.")


def prose(cls: type[Checked]) -> str:
    """The docstring of an element."""
    return "\n\n".join(map(markdown, cleandoc(cls.__doc__ or "").split("\n\n")))


def example(name: str) -> str:
    """The example of an element, with its imports and the markup that it makes."""
    source = BY_HAND["examples"][name]
    used = {node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)}
    made = eval(source, {name: getattr(bxml, name) for name in used})  # noqa: S307  # our own words
    markup = made.to_bxml(pretty=True) if isinstance(made, Document) else render_pretty(made)
    # Classes first, as isort has it.
    imported = ", ".join(sorted(used, key=lambda name: (name.islower(), name)))
    return (
        f"```python\nfrom bxml import {imported}\n\n{source}\n```\n\n```xml\n{markup.rstrip()}\n```"
    )


def to_verb(cls: type[Checked]) -> str:
    """A link to an element."""
    return f"[{code(cls.__name__)}](verbs.md#{cls.__name__.lower()})"


def to_rule(rule: str) -> str:
    """A link to a rule."""
    return f"[{RULES[rule].id}](rules.md#{rule})"


def ties(name: str) -> Iterator[str]:
    """The rules of an element that no mark of an attribute names."""
    if rules := BY_HAND["ties"].get(name):
        yield f"More rules: {listed(map(to_rule, rules))}."


def stands_in(cls: type[Verb]) -> str:
    """Where an element may stand."""
    if issubclass(cls, Document):
        return "It is the root of a document."
    parents = [each for each in VERBS if cls in (describe(each).holds or ())]
    parents.sort(key=lambda parent: (parent is not Response, parent is not Bxml))
    return f"Stands in {listed(map(to_verb, parents), 'or')}."


def held(cls: type[Container[Any]]) -> str:
    """What an element may hold, and how many."""
    if issubclass(cls, Document):
        return f"Holds any number of verbs, in at most {LARGEST:,} bytes: {to_rule('doc-size')}."
    least, most = cls.least, cls.most
    if most == maxsize:
        many = f"{least} or more" if least else "any number of"
    elif least == most:
        many = f"exactly {most}"
    else:
        many = f"{least} to {most}" if least else f"up to {most}"
    names = listed(map(to_verb, describe(cls).holds or ()), "or")
    bare = ", without attributes" if cls.bare else ""
    rule = "" if cls.limit_rule == "nesting" else f": {to_rule(cls.limit_rule)}"
    return f"Holds {many} {names}{bare}{rule}."


def by_position(cls: type[Checked]) -> Iterator[str]:
    """The arguments that need no keyword."""
    known = signature(cls).parameters.values()
    if names := [code(each.name) for each in known if each.kind is not Parameter.KEYWORD_ONLY]:
        yield f"By position: {listed(names, 'then')}."


def is_nested(cls: type[Checked]) -> bool:
    """Whether an element stands in other verbs only."""
    return not issubclass(cls, Document) and cls not in (describe(Response).holds or ())


class Course:
    """What a verb does to the course of the call, in words."""

    def __init__(self, cls: type[Verb]) -> None:
        self.ends = "yes" if cls.ends else "no"
        if isinstance(cls.ends, str):
            self.ends = f"if {code(cls.ends)} is given"
        self.returns = "yes" if cls.background else "no"
        if cls.background and "wait" in cls.__struct_fields__:
            self.returns = "unless `wait` is true"
        self.answers = "yes" if cls.answers else "no"
        if isinstance(cls.answers, str):
            self.answers = f"unless {code(cls.answers)} is false"
        self.in_conference = "yes" if cls.in_conference else "no"
        self.in_transfer_answer = "yes" if cls.in_transfer_answer else "no"
        if cls.in_transfer_answer is None:
            self.in_transfer_answer = "*not said*"

    def sentences(self) -> Iterator[str]:
        """The same in sentences, without what is usual."""
        condition = {"yes": "", "no": None}
        if (ends := condition.get(self.ends, f" {self.ends}")) is not None:
            yield f"Nothing after it in the document runs{ends}."
        if (returns := condition.get(self.returns, f", {self.returns}")) is not None:
            yield f"The next verb runs at once{returns}."
        yield f"In a document for a conference: {self.in_conference}."
        yield f"In the reply to `transferAnswer`: {self.in_transfer_answer}."


def facts(cls: type[Verb]) -> Iterator[str]:
    """What there is to say of a whole element, in sentences."""
    yield stands_in(cls)
    if issubclass(cls, Container):
        yield held(cls)
    yield from by_position(cls)
    if not is_nested(cls) and not issubclass(cls, Document):
        yield from Course(cls).sentences()
    yield from ties(cls.__name__)


# What is said of one attribute


def in_words(kind: Kind) -> str:
    """The values of an attribute."""
    if isinstance(kind, Choice):
        return listed(map(code, kind.values), "or")
    return markdown(f"one or several: {kind.wanted}" if isinstance(kind, Listing) else kind.wanted)


def absent(known: Attribute) -> str:
    """What the platform assumes where an attribute is not written."""
    if known.assumes is None:
        return ""
    value = known.assumes.value
    written = boolean(value) if isinstance(value, bool) else str(value)
    return code(written) if written else "empty"


def delivered(known: Attribute) -> str:
    """The events that go to the URL of an attribute."""
    events = (known.delivers.event, *known.delivers.others) if known.delivers else ()
    return ", ".join(map(code, events))


def described(cls: type[Checked], known: Attribute) -> str:
    """What an attribute is for; empty where its kind says it all."""
    names = [name for name in cls.__struct_fields__ if "_" in name]
    return re.sub(
        r"(\w+)(=\w+)?",
        lambda word: code(word[0]) if word[1] in names else word[0],
        markdown(known.description),
    )


def belonging(cls: type[Checked], known: Attribute) -> Iterator[str]:
    """What an attribute has to do with the others, as their names say."""
    if not issubclass(cls, Verb):
        return
    plan = plan_of(cls)
    for name, url in plan.belongs:
        if name == known.name and name.endswith("_method"):
            yield f"HTTP method for {code(url)}."
        elif name == known.name and not known.description:
            yield f"Second try when {code(url)} does not respond."
    for names, urls in plan.credentials:
        if known.name in names:
            targets = listed(code(url) if url != "text" else "the URL" for url in urls)
            must = cls.https_only and urls != ("destination",)
            https = f", which must be https: {to_rule('https-with-credentials')}" if must else ""
            yield f"It goes to {targets}{https}."


def tied(known: Attribute) -> Iterator[str]:
    """What the marks of an attribute say of others, of places and of values."""
    for mark in known.marks:
        match mark:
            case CountsWith(attribute=other, values=()):
                yield f"No effect without {code(other)}: {to_rule(mark.rule)}."
            case CountsWith(attribute=other, values=values):
                words = (each if isinstance(each, str) else boolean(each) for each in values)
                wanted = listed(map(code, words), "or")
                yield f"No effect unless {code(other)} is {wanted}: {to_rule(mark.rule)}."
            case IgnoredWith(attribute=other):
                yield f"Ignored where {code(other)} is given: {to_rule(mark.rule)}."
            case IgnoredInConference():
                yield f"Ignored in a document for a conference: {to_rule(mark.rule)}."
            case OneOfKnown():
                where = "ssml.md#languages" if mark.values == SSML_LANGUAGES else "voices.md"
                yield f"[The known ones]({where}); others are a warning: {to_rule(mark.rule)}."
            case WarnsAbove():
                yield f"More than {mark.length} characters are a warning: {to_rule(mark.rule)}."
            case Breaks():
                yield f"Rule: {to_rule(mark.rule)}."
            case _:
                pass
    if isinstance(known.kind, Spoken) and known.kind.breaks:
        yield f"Not blank: {to_rule(known.kind.breaks)}."


def notes(cls: type[Checked], known: Attribute) -> str:
    """Everything else that there is to say of an attribute."""
    words = [described(cls, known), *belonging(cls, known), *tied(known)]
    if known.uncertain:
        words.append(f"*Uncertain:* {markdown(known.uncertain.note)}")
    return " ".join(filter(None, words))


def attributes(cls: type[Checked]) -> str:
    """The attributes of an element, as a table without empty columns."""
    known = describe(cls).attributes
    if not known:
        return "No attributes."
    columns = {
        "attribute": [code(each.name) for each in known],
        "in markup": [
            "the text" if each.name == "text" else code(each.vendor_name) for each in known
        ],
        "value": [in_words(each.kind) for each in known],
        "required": ["yes" if each.required else "" for each in known],
        "if absent": [absent(each) for each in known],
        "event": [delivered(each) for each in known],
        "notes": [notes(cls, each) for each in known],
    }
    told = {head: cells for head, cells in columns.items() if any(cells)}
    return table(told, zip(*told.values(), strict=True))


# The pages


def families() -> dict[str, list[type[Verb]]]:
    """The elements of each module: nested tags after what holds them."""
    known = BY_HAND["families"]
    order = [*known, *sorted({cls.__module__ for cls in VERBS} - known.keys())]
    found: dict[str, list[type[Verb]]] = {name: [] for name in order}
    for name, members in found.items():
        declared = vars(importlib.import_module(name)).values()
        own = [cls for cls in declared if cls in VERBS and cls.__module__ == name]
        for cls in own:
            if not is_nested(cls):
                holds = describe(cls).holds or ()
                inner = [each for each in own if is_nested(each) and each in holds]
                members += [each for each in (cls, *inner) if each not in members]
    return found


def section(name: str, cls: type[Checked], bullets: Iterable[str]) -> str:
    """All of one element or tag."""
    told = "\n".join(f"- {bullet}" for bullet in bullets)
    return "\n\n".join([f"### {name}", prose(cls), example(name), told, attributes(cls)])


def verbs_page() -> str:
    """Every verb and nested tag."""
    grouped = families()
    members = [cls for each in grouped.values() for cls in each]
    course = [
        [to_verb(cls), *vars(Course(cls)).values()]
        for cls in members
        if not is_nested(cls) and not issubclass(cls, Document)
    ]
    heads = ["verb", "nothing after it runs", "the next verb runs at once"]
    heads += ["answers an inbound call", "in a document for a conference"]
    parts: list[str] = []
    for name, own in grouped.items():
        words = markdown(importlib.import_module(name).__doc__ or "")
        parts += [f"## {BY_HAND['families'].get(name, name)}", words]
        parts += [section(cls.__name__, cls, facts(cls)) for cls in own]
    return page(
        "verbs",
        "Verbs",
        "## All elements",
        table(
            ["element", "what it is for"], ([to_verb(cls), first_sentence(cls)] for cls in members)
        ),
        "## The course of a document",
        BY_HAND["intros"]["course"].strip(),
        table([*heads, "in the reply to `transferAnswer`"], course),
        *parts,
    )


def ssml_page() -> str:
    """Every SSML tag."""

    def bullets(cls: type[Tag]) -> Iterator[str]:
        encloses = "text and tags" if describe(cls).content else "nothing"
        yield f"Builder: {code(cls.shown_name())}. It encloses {encloses}."
        yield from by_position(cls)
        yield from ties(cls.element_name())

    names = [cls.element_name() for cls in TAGS]
    rows = (
        [f"[`<{name}>`](#{name})", code(cls.shown_name()), first_sentence(cls)]
        for name, cls in zip(names, TAGS, strict=True)
    )
    return page(
        "ssml",
        "SSML",
        f"Tags may stand in each other to a depth of {DEEPEST}: {to_rule('ssml-depth')}.",
        table(["tag", "builder", "what it is for"], rows),
        "## Tags",
        *(section(name, cls, bullets(cls)) for name, cls in zip(names, TAGS, strict=True)),
        "## Languages",
        BY_HAND["intros"]["languages"].strip(),
        ", ".join(map(code, sorted(SSML_LANGUAGES))) + ".",
    )


def rules_page() -> str:
    """Every rule."""
    rows = (
        (f'<a id="{each.id}"></a>{code(each.id)}', *each[1:3], *map(markdown, each[3:]))
        for each in RULES.values()
    )
    return page(
        "rules",
        "Rules",
        "## Levels and sources",
        table(["level", "what it means"], BY_HAND["levels"].items()),
        table(["source", "what it means"], BY_HAND["sources"].items()),
        "## All rules",
        BY_HAND["intros"]["all_rules"].strip(),
        table(["rule", "level", "source", "what it says", "what to do"], rows),
    )


def voices_page() -> str:
    """Voices and locales."""
    # From this voice on, the tier is inferred from the name.
    inferred = VOICES[[voice.name for voice in VOICES].index("salli") :]

    def tier(voice: Voice) -> str:
        words = "enhanced" if voice.enhanced else "standard"
        return f"{words} (inferred)" if voice in inferred else words

    def speakers(locale: str, gender: str) -> str:
        both = (locale, gender)
        return ", ".join(code(each.name) for each in VOICES if (each.locale, each.gender) == both)

    locales = sorted({voice.locale for voice in VOICES})
    return page(
        "voices",
        "Voices and locales",
        "## Locales",
        BY_HAND["intros"]["locales"].strip(),
        table(
            ["locale", "female", "male"],
            ([code(each), speakers(each, "female"), speakers(each, "male")] for each in locales),
        ),
        "## Voices",
        BY_HAND["intros"]["all_voices"].strip(),
        table(
            ["voice", "locale", "gender", "tier"],
            ([code(each.name), code(each.locale), each.gender, tier(each)] for each in VOICES),
        ),
    )


def uncertain_page() -> str:
    """Everything that no source settles."""
    members = [cls for each in families().values() for cls in each]
    elements: dict[tuple[str, str, str], list[str]] = {}
    for cls in members:
        for known in describe(cls).attributes:
            if known.uncertain:
                warns = first(known.marks, WarnsAbove)
                does = f"Takes {in_words(known.kind)}."
                does += f" Above {warns.length} characters `check` warns." if warns else ""
                row = (code(known.name), markdown(known.uncertain.note), does)
                elements.setdefault(row, []).append(to_verb(cls))
    silent = listed(
        to_verb(cls) for cls in members if not is_nested(cls) and cls.in_transfer_answer is None
    )

    def of(source: Source) -> str:
        rules = (each for each in RULES.values() if each.source == source)
        rows = ([to_rule(each.id), each.level, markdown(each.says)] for each in rules)
        return table(["rule", "level", "what it says"], rows)

    here = ["what is not settled", "what this library does"]
    return page(
        "uncertain",
        "What is uncertain",
        "## Attributes",
        table(
            ["element", "attribute", *here],
            ([", ".join(links), *row] for row, links in elements.items()),
        ),
        "## The reply to transferAnswer",
        BY_HAND["intros"]["transfer_answer"].strip().replace("{silent}", silent),
        "## The rest",
        table(here, (each.values() for each in BY_HAND["questions"])),
        "## Inferred rules",
        "Nobody says these in so many words; they follow from what is documented.",
        of("inferred"),
        "## Bounds of this library",
        of("ours"),
    )


def meaning(annotation: Any) -> str:
    """What the declaration of a field says of it, for a cell of a table."""
    marks = list(marks_of(annotation))
    words = [
        markdown(mark.description) for mark in marks if isinstance(mark, Meta) and mark.description
    ]
    for mark in marks:
        if isinstance(mark, OneOfKnown):
            words.append(f"Known today: {listed(code(each) for each in sorted(mark.values))}.")
        if isinstance(mark, Uncertain):
            words.append(f"*Uncertain: {markdown(mark.note)}.*")
    return " ".join(words)


def marks_of(annotation: Any) -> Iterator[object]:
    """The marks of a type, or of the members of a union."""
    for member in (annotation, *get_args(annotation)):
        yield from getattr(member, "__metadata__", ())


def field_rows(cls: type[Struct]) -> Iterator[list[str]]:
    """A row for each field of an event, or of an object in one."""
    for each in fields(cls):
        [kind] = bare_types(each.type)
        named = str(kind) if get_args(kind) else kind.__name__
        shown = f"[{code(named)}](#{named.lower()})" if part_of(kind) else code(named)
        needed = "" if each.default is None else "yes"
        yield [code(each.name), shown, needed, meaning(each.type)]


REPLIES = {
    None: "A document in the reply is ignored.",
    "reply": "The document in the reply is executed.",
    "transfer_answer": "The document in the reply is executed, for the party that answered.",
    "conference": "The document in the reply is executed in the conference; none is as good.",
}


def events_page() -> str:
    """Every webhook event, and the objects in them."""
    head = ["field", "type", "required", "meaning"]
    sections = []
    for cls in EVENTS:
        name = str(cls.__struct_config__.tag)
        reply = REPLIES[cls.where]
        if "wants_document" in vars(cls):
            reply += " Not after a success."
        about = f"{markdown(cleandoc(cls.__doc__ or ''))} {reply}"
        sections += [f"### {cls.__name__}", f"{code(name)}. {about}"]
        own = {each.name for each in fields(cls)} - CALL_FIELDS
        rows = [row for row in field_rows(cls) if row[0].strip("`") in own]
        if issubclass(cls, CallEvent):
            sections += ["And the fields of a call." if rows else "The fields of a call."]
        sections += [table(head, rows)] if rows else []
    parts: list[type[Part]] = []
    for cls in EVENTS:
        held = (part_of(each.type) for each in fields(cls))
        parts += [part for part in held if part and part not in parts]
    objects = []
    for part in parts:
        objects += [
            f"### {part.__name__}",
            markdown(part.__doc__ or ""),
            table(head, field_rows(part)),
        ]
    return page(
        "events",
        "Events",
        "## The fields of a call",
        table(head, field_rows(CallEvent)),
        "## Every event",
        *sections,
        "## Objects in events",
        *objects,
    )


CALL_FIELDS = {each.name for each in fields(CallEvent)}


class Shown(NamedTuple):
    """What a test shows of a verb, or of one of its attributes."""

    name: str
    label: str
    statement: str
    test: str

    @property
    def row(self) -> list[str]:
        """For the table of the verb."""
        attribute = self.name.partition(".")[2]
        cell = code(attribute) if attribute else "*the verb itself*"
        file, _, test = self.test.partition("::")
        words = test.removeprefix("test_").replace("_", " ")
        link = f"[{words}](../../tests/simulator/{file})"
        return [cell, markdown(self.statement), self.label, link]


def shown() -> Iterator[Shown]:
    """What the tests show, as their ``@effects`` say. They are read, not imported."""
    for path in sorted(TESTS.glob("test_fidelity_*.py")):
        for test in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(test, ast.FunctionDef):
                statement = " ".join((ast.get_docstring(test) or "").split())
                for label, *names in map(effects_of, test.decorator_list):
                    for name in names:
                        yield Shown(name, label, statement, f"{path.name}::{test.name}")


def effects_of(decorator: ast.expr) -> list[str]:
    """The label and the names that ``@effects`` gives a test; nothing for another decorator."""
    if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "effects":
        inside = (node for given in decorator.args for node in ast.walk(given))
        return [str(node.value) for node in inside if isinstance(node, ast.Constant)]
    return [""]


def fidelity_page() -> str:
    """What the simulator does with every verb and attribute."""
    found = list(shown())
    without: dict[str, str] = BY_HAND["without_effect"]
    parts: list[str] = []
    for cls in (cls for each in families().values() for cls in each):
        name = cls.__name__
        names = [name, *(f"{name}.{each.vendor_name}" for each in describe(cls).attributes)]
        rows = [each.row for wanted in names for each in found if each.name == wanted]
        parts += [f"## {name}", f"[All of it](verbs.md#{name.lower()})."]
        parts.append(table(["attribute", "the vendor's word, in short", "source", "test"], rows))
        if idle := [each for each in names if each in without]:
            cells = ([code(each.partition(".")[2]), markdown(without[each])] for each in idle)
            parts.append(table(["without effect here", "why"], cells))
    return page("fidelity", "Fidelity of the simulator", *parts)


def pages() -> dict[str, str]:
    """Every page of this folder, by its name."""
    return {
        "verbs.md": verbs_page(),
        "ssml.md": ssml_page(),
        "rules.md": rules_page(),
        "voices.md": voices_page(),
        "uncertain.md": uncertain_page(),
        "events.md": events_page(),
        "fidelity.md": fidelity_page(),
    }


def differences() -> Iterator[str]:
    """How the pages in the tree differ from those that would be written, as unified diffs."""
    for name, wanted in pages().items():
        path = HERE / name
        there = path.read_text("utf-8") if path.exists() else ""
        yield from difflib.unified_diff(
            there.splitlines(keepends=True),
            wanted.splitlines(keepends=True),
            name,
            f"{name}, as it would be written",
        )


def main() -> None:
    """Write the pages, or compare them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="only compare; exit 1 if they differ")
    if parser.parse_args().check:
        found = list(differences())
        sys.stdout.writelines(found)
        sys.exit(bool(found))
    for name, text in pages().items():
        (HERE / name).write_text(text, "utf-8")


if __name__ == "__main__":
    main()

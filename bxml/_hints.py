"""What is without effect, risky or unknown in one verb, as its declaration says.

Every answer is read from the marks of the attributes, and from their names: ``gather_method`` and
``gather_fallback_url`` belong to ``gather_url``, ``username`` to the URLs of webhooks.
"""

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, NamedTuple

from bxml._compose import Verb
from bxml._credentials import Credentials, credentials_of, urls_of
from bxml._declare import Description, describe
from bxml._kinds import shown
from bxml._speech import Lang, Spoken, Tag, parts
from bxml.rules import Level
from bxml.types import (
    CountsWith,
    IgnoredInConference,
    IgnoredWith,
    OneOfKnown,
    WarnsAbove,
)


class Finding(NamedTuple):
    """A rule that is broken, and the rest of the sentence that begins with the name, if there is one."""

    rule: str
    message: str
    name: str = ""
    level: Level | None = None
    """None: that of the rule."""
    trail: str = ""
    """The way from the verb to a tag in its text."""


class Plan(NamedTuple):
    """What there is to look at in the verbs of one class."""

    urls: tuple[str, ...]
    """Attributes, or the text, that hold a URL which may be relative."""
    credentials: tuple[Credentials, ...]
    belongs: tuple[tuple[str, str], ...]
    """A method or a fallback, and the URL without which it has no effect."""
    counts: tuple[tuple[str, CountsWith], ...]
    ignored: tuple[tuple[str, IgnoredWith], ...]
    known: tuple[tuple[str, OneOfKnown], ...]
    longest: tuple[tuple[str, WarnsAbove], ...]
    not_in_conference: tuple[tuple[str, IgnoredInConference], ...]
    doubts: bool
    spoken: bool


def plan_of(cls: type[Verb]) -> Plan:
    """What the declaration of a class asks to be looked at."""
    described = describe(cls)
    return Plan(
        urls=urls_of(cls),
        credentials=credentials_of(cls),
        belongs=tuple(_belongings(described)),
        counts=_marked(described, CountsWith),
        ignored=_marked(described, IgnoredWith),
        known=_marked(described, OneOfKnown),
        longest=_marked(described, WarnsAbove),
        not_in_conference=_marked(described, IgnoredInConference),
        doubts=cls.doubts is not Verb.doubts,
        spoken=described.content is not None and isinstance(described.content.kind, Spoken),
    )


def quiet_of(plan: Plan) -> Callable[[Any], bool] | None:
    """A function that is true only of verbs that ``hints`` has nothing to say of.

    It is written out as code, as the checks of constructors are: most verbs are quiet, and walking
    along a plan to find that out takes several times as long. None: all verbs are.
    """
    scope: dict[str, Any] = {}
    tests = [f"(v.{name} is None or v.{other} is not None)" for name, other in plan.belongs]
    tests += [f"v.{name} is None" for each in plan.credentials for name in each.names]
    tests += [f"v.{name} is None" for name, _ in plan.counts]
    tests += [f"(v.{name} is None or v.{each.attribute} is None)" for name, each in plan.ignored]
    for name, known in plan.known:
        scope[f"known_{name}"] = known.values
        tests.append(f"(v.{name} is None or v.{name} in known_{name})")
    tests += [
        f"(v.{name} is None or len(v.{name}) <= {each.length})" for name, each in plan.longest
    ]
    if plan.spoken:
        scope["quiet_speech"] = _quiet_speech
        tests.append("(type(v.text) is str or quiet_speech(v.text))")
    if plan.doubts:
        tests.append("not [*v.doubts()]")
    if not tests:
        return None
    quiet: Callable[[Any], bool] = eval(f"lambda v: {' and '.join(tests)}", scope)  # noqa: S307  # every word of it comes from the class
    return quiet


def _marked(described: Description, mark: type[Any]) -> tuple[tuple[str, Any], ...]:
    return tuple(
        (known.name, each)
        for known in described.attributes
        for each in known.marks
        if isinstance(each, mark)
    )


def _belongings(described: Description) -> Iterator[tuple[str, str]]:
    """Of each method and each fallback: the URL that it belongs to."""
    names = [known.name for known in described.written]
    for name in names:
        if name.endswith("_fallback_url"):
            stem = name.removesuffix("_fallback_url")
            candidates = (f"{stem}_url", f"{stem}_callback_url")
        elif name.endswith("_method"):
            stem = name.removesuffix("_method")
            candidates = (f"{stem}_url", stem)
        else:
            continue
        yield name, next(each for each in candidates if each in names)


def hints(verb: Any, plan: Plan, *, in_conference: bool) -> Iterator[Finding]:
    """What is without effect, risky or unknown in a verb."""
    yield from _without_effect(verb, plan)
    for credentials in plan.credentials:
        if given := credentials.given(verb):
            yield from _of_credentials(verb, given, credentials)
    yield from _out_of_the_ordinary(verb, plan)
    if in_conference:
        for name, mark in plan.not_in_conference:
            if getattr(verb, name) not in (None, False):
                yield Finding(mark.rule, "is ignored in a conference", name)
    if plan.spoken and type(verb.text) is not str:
        yield from _of_speech(verb.text)
    if plan.doubts:
        for fault in verb.doubts():
            yield Finding(*fault)


def _out_of_the_ordinary(verb: Any, plan: Plan) -> Iterator[Finding]:
    for name, known in plan.known:
        value = getattr(verb, name)
        if value is not None and value not in known.values:
            yield Finding(known.rule, f"is not known (got {shown(value)})", name)
    for name, warns in plan.longest:
        value = getattr(verb, name)
        if value is not None and len(value) > warns.length:
            words = f"should hold at most {warns.length} characters (got {len(value)})"
            yield Finding(warns.rule, words, name)


def _without_effect(verb: Any, plan: Plan) -> Iterator[Finding]:
    for name, belongs_to in plan.belongs:
        if getattr(verb, name) is not None and getattr(verb, belongs_to) is None:
            yield Finding("method-without-url", f"has no effect without {belongs_to}", name)
    for name, counts in plan.counts:
        other = getattr(verb, counts.attribute)
        effective = other is not None and (not counts.values or other in counts.values)
        if getattr(verb, name) is not None and not effective:
            yield Finding(counts.rule, _needs(counts), name)
    for name, ignored in plan.ignored:
        if getattr(verb, name) is not None and getattr(verb, ignored.attribute) is not None:
            yield Finding(ignored.rule, f"is ignored, since {ignored.attribute} is given", name)


def _of_credentials(verb: Any, given: list[str], credentials: Credentials) -> Iterator[Finding]:
    targets = [url for url in credentials.urls if getattr(verb, url) is not None]
    if not targets:
        *others, last = credentials.urls
        absent = f"none of {', '.join(others)} and {last} is" if others else f"{last} is not"
        words = f"has no effect, since {absent} given"
        yield Finding("credentials-without-url", words, given[0])
    for url in targets:
        scheme = getattr(verb, url)[:5].lower()
        if scheme in ("http:", "ws://"):
            wanted = "wss" if scheme == "ws://" else "https"
            words = f"should be {wanted}, {credentials.sent(given)}"
            yield Finding("https-with-credentials-other", words, url)


def _needs(counts: CountsWith) -> str:
    if not counts.values:
        return f"has no effect without {counts.attribute}"
    values = " or ".join(str(value).lower() for value in counts.values)
    return f"has no effect unless {counts.attribute} is {values}"


@cache
def _known_languages() -> tuple[tuple[str, OneOfKnown], ...]:
    return _marked(describe(Lang), OneOfKnown)


def _quiet_speech(content: Any) -> bool:
    """Whether there is nothing to say of some text with tags."""
    for part in parts(content):
        if type(part) is str:
            continue
        if type(part) is Lang and next(_of_language(part, ""), None):
            return False
        inner = getattr(part, "text", "")
        if type(inner) is not str and not _quiet_speech(inner):
            return False
    return True


def _of_speech(content: Any, trail: str = "") -> Iterator[Finding]:
    tags = (part for part in parts(content) if isinstance(part, Tag))
    for index, tag in enumerate(tags):
        here = f"{trail}[{index}] > {tag.element_name()}"
        if isinstance(tag, Lang):
            yield from _of_language(tag, here)
        yield from _of_speech(getattr(tag, "text", ""), here)


def _of_language(tag: Lang, trail: str) -> Iterator[Finding]:
    for name, known in _known_languages():
        value = getattr(tag, name)
        if value not in known.values:
            words = f"is not known (got {shown(value)})"
            yield Finding(known.rule, words, name, trail=trail)

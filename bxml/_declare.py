"""A verb as data: what its class declares, and the checks that follow from it.

``Checked`` is the base of every value that cannot be built wrong. ``describe`` reads a class once;
everything else (constructor, rendering, parsing, strategies, documentation) reads that description.
"""

import re
from collections.abc import Callable, Iterable
from copy import copy
from functools import cache
from keyword import iskeyword
from types import FunctionType
from typing import (
    TYPE_CHECKING,
    Any,
    NoReturn,
    get_args,
    get_origin,
    get_type_hints,
)

import msgspec
from msgspec import NODEFAULT, Struct, StructMeta
from msgspec.structs import force_setattr

from bxml._kinds import Fault, Kind, first, kind_of, unwrap, without_credentials
from bxml.errors import InvalidVerb, Problem
from bxml.types import Assumes, Delivers, Uncertain


def vendor_name(name: str) -> str:
    """The vendor's spelling of a Python attribute name: ``gather_url`` is ``gatherUrl``."""
    head, *rest = name.rstrip("_").split("_")
    return head + "".join(word.title() for word in rest)


def python_name(name: str) -> str:
    """The Python spelling of a vendor's name: ``SpeakSentence`` is ``speak_sentence``."""
    spelled = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
    return f"{spelled}_" if iskeyword(spelled) else spelled


class Attribute(Struct, frozen=True):
    """What one attribute of a class declares."""

    name: str
    vendor_name: str
    kind: Kind
    required: bool
    assumes: Assumes | None
    delivers: Delivers | None
    uncertain: Uncertain | None
    description: str
    marks: tuple[object, ...]


class Description(Struct, frozen=True):
    """What a class declares: its attributes in order, and the classes that it may hold."""

    name: str
    """The name of the element in markup."""
    attributes: tuple[Attribute, ...]
    holds: tuple[type["Checked"], ...] | None

    @property
    def content(self) -> Attribute | None:
        """The attribute that is the text between the tags, if there is one."""
        return next((known for known in self.attributes if known.name == "text"), None)

    @property
    def written(self) -> tuple[Attribute, ...]:
        """The attributes that stand in the start tag."""
        return tuple(known for known in self.attributes if known.name != "text")


def _of_type_variables(cls: type) -> dict[Any, Any]:
    """What stands for the type variables of the generic bases of ``cls``."""
    found: dict[Any, Any] = {}
    for base in cls.__mro__:
        for generic in getattr(base, "__orig_bases__", ()):
            parameters = getattr(get_origin(generic), "__parameters__", ())
            # The class itself comes first, and knows more than its bases.
            for parameter, given in zip(parameters, get_args(generic), strict=False):
                found.setdefault(parameter, given)
    return found


def _describe(cls: type["Checked"]) -> Description:
    hints = get_type_hints(cls, include_extras=True)
    variables = _of_type_variables(cls)
    attributes: list[Attribute] = []
    holds: tuple[type[Checked], ...] | None = None
    for field in msgspec.structs.fields(cls):
        hint = hints[field.name]
        if field.name == "children":
            child = get_args(hint)[0]
            child = variables.get(child, child)
            holds = get_args(child) or (child,)
            continue
        base, marks, _ = unwrap(variables.get(hint, hint))
        described = [mark.description for mark in marks if isinstance(mark, msgspec.Meta)]
        attributes.append(
            Attribute(
                name=field.name,
                vendor_name=cls.spell(field.name),
                kind=kind_of(base, marks),
                required=field.default is NODEFAULT,
                assumes=first(marks, Assumes),
                delivers=first(marks, Delivers),
                uncertain=first(marks, Uncertain),
                description=next((words for words in reversed(described) if words), ""),
                marks=marks,
            )
        )
    return Description(cls.element_name(), tuple(attributes), holds)


describe: Callable[[type["Checked"]], Description] = cache(_describe)
"""Read a class: its fields, their types and marks, and what it may hold."""


def _positional(cls: type["Checked"]) -> list[str]:
    """The names of the fields that may be given by position."""
    from inspect import Parameter, signature  # noqa: PLC0415  # slow, and only for errors and repr

    parameters = signature(cls).parameters.values()
    return [each.name for each in parameters if each.kind is not Parameter.KEYWORD_ONLY]


def _instead(cls: type["Checked"], positional: int) -> str:
    """What to write instead of one more positional argument."""
    described = describe(cls)
    hint = ""
    if described.holds:
        hint = "; put what it holds into one list"
    elif described.content and described.content.kind.loose:
        hint = "; put text and tags into one list"
    if optional := cls.__struct_fields__[positional:]:
        hint += f"; give everything optional by keyword, such as {optional[0]}=…"
    return hint


def problems_of_call(
    cls: type["Checked"], args: tuple[Any, ...], kwargs: dict[str, Any], error: TypeError
) -> list[Problem]:
    """What is wrong with the arguments of a constructor that does not take them."""
    import difflib  # noqa: PLC0415  # only for those who made a mistake

    names = cls.__struct_fields__
    spelled = {cls.spell(name): name for name in names}
    problems: list[tuple[str, str, str | None]] = []
    for name in kwargs:
        if name not in names:
            close = difflib.get_close_matches(python_name(name), names, 1, 0.7)
            meant = spelled.get(name) or (close[0] if close else None)
            listed = f"known are {', '.join(names)}" if names else "it has none"
            hint = f"did you mean {meant}?" if meant else listed
            problems.append(("attribute-unknown", f"{name} is not an attribute; {hint}", name))
    given = set(names[: len(args)]) | set(kwargs)
    problems += [
        ("attribute-positional", f"{name} is given twice", name)
        for name in names[: len(args)]
        if name in kwargs
    ]
    for known in describe(cls).attributes:
        if known.required and known.name not in given:
            wanted = f"{known.name} is required: {known.kind.wanted}"
            problems.append(("attribute-required", wanted, known.name))
    positional = len(_positional(cls))
    if len(args) > positional:
        extra = f"takes {positional} positional argument{'s' * (positional != 1)} (got {len(args)})"
        problems.append(("attribute-positional", f"{extra}{_instead(cls, positional)}", None))
    if not problems:
        raise error
    return [
        Problem(rule, "error", cls.element_name(), message, attribute=attribute)
        for rule, message, attribute in problems
    ]


def _unchecked(self: Any) -> None:
    """The ``__post_init__`` of a class until its first object is built; see below."""
    compile_check(cls, check)  # type: ignore[name-defined]  # noqa: F821  # its own globals
    check(self)  # type: ignore[name-defined]  # noqa: F821


def _check_at_first_use() -> FunctionType:
    """A ``__post_init__`` that writes itself when it is first called.

    msgspec takes the function when the class is made; the class can be read only after that, and
    reading all of them would be most of the time that importing the verbs takes.
    """
    scope: dict[str, Any] = {"compile_check": _compile_check}
    check = scope["check"] = FunctionType(_unchecked.__code__, scope, "__post_init__")
    return check


def _compile_check(cls: type["Checked"], check: FunctionType) -> None:
    """Give ``check`` a body that passes sound objects quickly and has others examined.

    It is written out as code, as attrs and dataclasses write constructors: a loop over the
    description costs several times as much, and checks are most of what composing a document costs.
    """
    cls.admit()
    scope = check.__globals__
    lines = ["def check(self):", "  pass"]
    for known in describe(cls).attributes:
        lines.append(f"  v = self.{known.name}")
        absent = "" if known.required else "v is not None and "
        if known.kind.loose:
            scope["settled"] = _settled
            scope[f"kind_{known.name}"] = known.kind
            settled = f"settled(self, {known.name!r}, kind_{known.name}, v)"
            lines.append(f"  if v is not None and type(v) is not str: v = {settled}")
        sound = known.kind.shortcut(scope, known.name)
        # What is wrong may be a password, and the frame of a traceback must not hold it.
        lines.append(f"  if {absent}not ({sound}): v = None; return self.examine()")
    if cls.across is not Checked.across:
        lines.append("  if self.across(): self.examine()")
    if describe(cls).holds:
        lines.append("  v = self.children")
        lines.append("  if type(v) is not tuple or v: self.settle()")
    made: dict[str, Any] = {}
    exec("\n".join(lines), made)  # noqa: S102  # every word of it comes from the class
    check.__code__ = made["check"].__code__


def _settled(verb: "Checked", name: str, kind: Kind, value: Any) -> Any:
    """The value in the one form in which it is kept; and there it is kept from now on."""
    settled = kind.settle(value)
    if settled is not value:
        force_setattr(verb, name, settled)
    return settled


class NoRichRepr:
    """Takes msgspec's ``__rich_repr__`` away: it shows every field, and rich prints it in tracebacks.

    Without it rich shows the ``repr``, which masks what is secret.
    """

    def __get__(self, instance: object, owner: type) -> NoReturn:
        raise AttributeError("__rich_repr__")


class _CheckedMeta(StructMeta):
    """Turns a call that does not fit the constructor into the error that says what would fit."""

    build: Callable[..., Any]
    """The constructor without that: for callers who translate ``TypeError`` themselves."""

    def __new__(
        mcs, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **options: Any
    ) -> Any:
        check = namespace["__post_init__"] = _check_at_first_use()
        cls = super().__new__(mcs, name, bases, namespace, **options)
        check.__globals__["cls"] = cls
        return cls

    if not TYPE_CHECKING:  # the type checkers read the constructor from the fields

        def __init__(cls, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            cls.build = StructMeta.__call__.__get__(cls, type(cls))

        def __call__(cls, *args: Any, **kwargs: Any) -> Any:  # noqa: RET503  # refuse() raises
            try:
                return cls.build(*args, **kwargs)
            except TypeError as error:
                problems = problems_of_call(cls, args, kwargs, error)
            except ValueError:
                # Tracebacks show frames, and there may be passwords among these.
                del args, kwargs
                raise
            del args, kwargs
            cls.refuse(problems)


class Checked(Struct, frozen=True, gc=False, metaclass=_CheckedMeta):
    """A value that cannot be built wrong: every field is checked against its declaration."""

    @classmethod
    def element_name(cls) -> str:
        """The name of the element in markup."""
        return cls.__name__

    @classmethod
    def spell(cls, name: str) -> str:
        """The spelling of an attribute in markup."""
        return vendor_name(name)

    @classmethod
    def admit(cls) -> None:
        """Raise ``TypeError`` for a class that only serves others, or is none of the language."""

    @classmethod
    def refuse(cls, problems: Iterable[Problem]) -> NoReturn:
        """Raise what this family of values raises."""
        raise InvalidVerb(problems)

    def across(self) -> Iterable[Fault]:
        """Rules between the attributes of one object. The faults, or nothing."""
        return ()

    def examine(self) -> None:
        """Decide slowly and in full what the quick check could not confirm."""
        if problems := self.problems():
            self.refuse(problems)

    def problems(self) -> list[Problem]:
        """Everything that is wrong with this object."""
        faults: list[Fault] = []
        for known in describe(type(self)).attributes:
            given = getattr(self, known.name)
            value = known.kind.settle(given)
            if value is not given:
                force_setattr(self, known.name, value)
            if value is None and not known.required:
                continue
            if fault := known.kind.fault(value):
                faults.append(fault._replace(name=known.name))
        # Rules between attributes take those that are wrong themselves as absent.
        sound = copy(self) if faults else self
        for fault in faults:
            force_setattr(sound, fault.name, None)
        wrong = {fault.name for fault in faults}
        between = [fault for fault in sound.across() if fault.name not in wrong]
        return [
            Problem(rule, "error", self.element_name(), f"{name} {message}", attribute=name)
            for rule, message, name in [*faults, *between]
        ]

    @classmethod
    def shown_name(cls) -> str:
        """What builds an object of this class, as ``repr`` shows it."""
        return cls.__name__

    def __repr__(self) -> str:
        positional = _positional(type(self))
        shown = {
            known.name: shown_value(known, getattr(self, known.name))
            for known in describe(type(self)).attributes
            if known.required or getattr(self, known.name) is not None
        }
        if children := getattr(self, "children", ()):
            shown["children"] = repr(list(children))
        first = [shown.pop(name) for name in positional if name in shown]
        rest = [f"{name}={value}" for name, value in shown.items()]
        return f"{self.shown_name()}({', '.join(first + rest)})"

    if not TYPE_CHECKING:
        __rich_repr__ = NoRichRepr()


def shown_value(attribute: Attribute, value: object) -> str:
    """A value as ``repr`` shows it."""
    if attribute.kind.secret and value:
        return "'…'"
    return without_credentials(repr(value)) if isinstance(value, str) else repr(value)

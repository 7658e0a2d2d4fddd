"""Verbs and containers of verbs, and the fluent way to fill a container."""

from collections.abc import Callable, Iterable, Iterator
from copy import copy
from sys import maxsize
from typing import (
    Any,
    ClassVar,
    Concatenate,
    Generic,
    NoReturn,
    ParamSpec,
    Self,
    TypeVar,
    cast,
)

from msgspec.structs import force_setattr

from bxml._declare import Checked, describe, problems_of_call, python_name
from bxml._kinds import Fault, shown
from bxml.errors import InvalidVerb, Problem

P = ParamSpec("P")
C = TypeVar("C")
Content = TypeVar("Content")
Child = TypeVar("Child", bound="Verb")


_elements: set[type] = set()
"""The elements of the language, once all of them are declared."""


_MOST_TO_NAME = 8
"""Classes that a sentence can name and still be read."""


class Verb(Checked, frozen=True):
    """A BXML verb or nested tag: an immutable value, equal to any other with the same content."""

    ends: ClassVar[bool | str] = False
    """Whether nothing after it in a document runs; or the attribute with which that is so."""

    background: ClassVar[bool] = False
    """Whether it returns at once, so that the next verb runs while it goes on."""

    answers: ClassVar[bool | str] = False
    """Whether it answers an inbound call (inferred); or the attribute that may say no."""

    https_only: ClassVar[bool] = False
    """Whether the documentation asks for https where credentials go; then ``across`` sees to it."""

    in_conference: ClassVar[bool] = False
    """Whether it may stand in the document of a conference."""

    in_transfer_answer: ClassVar[bool | None] = True
    """Whether it may stand in the reply to transferAnswer; None where no source says."""

    def ends_here(self) -> bool:
        """Whether nothing after this very verb runs."""
        cls = type(self)
        if isinstance(cls.ends, str):
            return getattr(self, cls.ends) is not None
        return cls.ends

    def answers_here(self) -> bool:
        """Whether this very verb answers an inbound call."""
        cls = type(self)
        if isinstance(cls.answers, str):
            return getattr(self, cls.answers) is not False
        return cls.answers

    def doubts(self) -> Iterable[Fault]:
        """What may be built, and is without effect or risky all the same. For ``check``."""
        return ()

    @classmethod
    def admit(cls) -> None:
        """Objects are of the elements of the language, and of no other class."""
        if _elements and cls not in _elements:
            raise TypeError(f"{cls.__name__} is no element of the language")

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        for base in cls.__mro__[1:]:
            if base in _elements:
                # The name of a class is the name of its element, and the platform knows no other.
                raise TypeError(
                    f"{base.__name__} is an element of the language and has no subclasses;"
                    f" write a function that returns one"
                )


class TextVerb(Verb, Generic[Content], frozen=True):
    """A verb whose content is the text between its tags."""

    text: Content


class Container(Verb, Generic[Child], frozen=True):
    """A verb or document that holds others. It iterates over them, indexes and has a length.

    Every method that adds returns a new object; the one it is called on stays as it was.
    """

    least: ClassVar[int] = 0
    most: ClassVar[int] = maxsize
    bare: ClassVar[bool] = False
    """Whether those that it holds stand in it without attributes of their own."""
    bounded: ClassVar[bool]
    """Whether another child can be one too many."""

    limit_rule: ClassVar[str] = "nesting"

    _ready: ClassVar[frozenset[type[Verb]]]

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls._ready = frozenset()
        cls.bounded = cls.most < maxsize

    def _held(self) -> tuple[Child, ...]:
        # The field is declared where its place among the positional ones is known: see Filled.
        own: Any = self
        children: tuple[Child, ...] = own.children
        return children

    def settle(self) -> None:
        """Take the children over as a tuple and see that each may stand here."""
        children: Any = self._held()
        if type(children) is not tuple and self._refused_children() is None:
            children = self._held()
        if (
            type(children) is tuple
            and len(children) <= self.room()
            and self._ready.issuperset(map(type, children))
        ):
            return
        self.examine()

    def _refused_children(self) -> Problem | None:
        """Make a tuple of the children; what is wrong if they are no iterable of verbs at all."""
        children: Any = self._held()
        if type(children) is tuple:
            return None
        here, holds = type(self).__name__, describe(type(self)).holds
        # A document may be made from another; a Gather in place of a list would lose its attributes.
        alike = isinstance(children, Container) and describe(type(children)).holds == holds
        alike = alike and not describe(type(children)).attributes
        names = [held.__name__ for held in holds or ()]
        if isinstance(children, str | bytes):
            holder = "SpeakSentence" if "SpeakSentence" in names else names[0]
            words = f"takes verbs, not text (got {shown(children)}); {holder} holds text"
        elif not isinstance(children, Iterable) or (isinstance(children, Verb) and not alike):
            words = f"takes an iterable of verbs (got {shown(children)})"
            if isinstance(children, Verb) and not isinstance(children, Container):
                words += f"; write [{type(children).__name__}(…)]"
        else:
            force_setattr(self, "children", tuple(children))
            return None
        return Problem("nesting", "error", here, words)

    def problems(self) -> list[Problem]:
        """Everything that is wrong with this container and with what it holds."""
        wrong = super().problems()
        if refused := self._refused_children():
            return [*wrong, refused]
        children: Any = self._held()
        for index, child in enumerate(children):
            wrong += self._bars(child, index)
        # How much room there is may depend on attributes, so on sound ones only.
        if not wrong or len(children) > self.most:
            wrong += self.crowded(len(children))
        return wrong

    def _bars(self, child: object, index: int) -> list[Problem]:
        """What keeps ``child`` from standing in this container. Nothing, for a sound child."""
        cls = type(self)
        if type(child) in cls._ready:
            return []
        path = f"{cls.__name__}[{index}]"
        holds = describe(cls).holds or ()
        if type(child) not in holds:
            got = shown(child)
            if isinstance(child, Checked):
                got = type(child).element_name() + stands_in(type(child))
            if isinstance(child, list | tuple):
                got += "; write then(*verbs)"
            elif isinstance(child, type):
                got += f"; write {child.__name__}(…)"
            return [Problem(cls.limit_rule, "error", path, f"{self.may_hold()} (got {got})")]
        if cls.bare:
            names = [known.name for known in describe(cast("type[Verb]", type(child))).written]
            given = [name for name in names if getattr(child, name) is not None]
            return [self._dressed(child, name, path) for name in given]
        if isinstance(child, Container) and child.least:
            return [problem.under(path) for problem in child.lacks()]
        cls._ready |= {cast("type[Verb]", type(child))}
        return []

    def _dressed(self, child: Any, name: str, path: str) -> Problem:
        own = type(child).__name__
        words = (
            f"{name} is not an attribute of a {own} in a {type(self).__name__}; it has none there"
        )
        at = f"{path} > {own}"
        return Problem(self.limit_rule, "error", at, words, attribute=name)

    def room(self) -> int:
        """How many children this container may hold, with the attributes that it has."""
        return self.most

    def crowded(self, count: int) -> list[Problem]:
        """What is wrong with holding ``count`` children, if anything is."""
        if count <= self.most:
            return []
        words = f"may hold {self._how_many()} {self._nouns()} (got {count})"
        return [Problem(self.limit_rule, "error", type(self).__name__, words)]

    def lacks(self) -> list[Problem]:
        """What a container that is still being filled lacks before it may enter a document."""
        if len(self) >= self.least:
            return []
        words = f"must hold {self._how_many(lacking=True)} {self._nouns()} (got {len(self)})"
        return [Problem(self.limit_rule, "error", type(self).__name__, words)]

    @classmethod
    def _how_many(cls, *, lacking: bool = False) -> str:
        if cls.least == cls.most:
            return f"exactly {cls.least}"
        return f"at least {cls.least}" if lacking else f"at most {cls.most}"

    @classmethod
    def _nouns(cls) -> str:
        return " or ".join(held.__name__ for held in describe(cls).holds or ())

    @classmethod
    def may_hold(cls) -> str:
        """The rule of nesting of this container, in words."""
        many = len(describe(cls).holds or ()) > _MOST_TO_NAME
        return f"a {cls.__name__} may hold {'verbs' if many else cls._nouns()}"

    def then(self, *verbs: Child) -> Self:
        """A copy of this container with ``verbs`` after those that it holds.

        Raises:
            InvalidVerb: One of them may not stand here, or there are too many.
        """
        ready = self._ready
        for verb in verbs:
            if type(verb) not in ready:
                self._bar(verbs)
        return self._grown(verbs)

    def _bar(self, verbs: tuple[object, ...]) -> None:
        """Refuse those of some verbs that may not be added."""
        start = len(self)
        wrong = [
            each for index, verb in enumerate(verbs, start) for each in self._bars(verb, index)
        ]
        if wrong:
            self.refuse(wrong)

    def _grown(self, verbs: tuple[Child, ...]) -> Self:
        """A copy with more children, whose own bars are known to be open."""
        own: Any = self
        grown: Self = own.__copy__()
        force_setattr(grown, "children", (*self._held(), *verbs))
        if len(grown) > self.room():
            grown.examine()
        return grown

    def emptied(self) -> Self:
        """A copy with the same attributes that holds nothing."""
        empty: Self = copy(self)
        force_setattr(empty, "children", ())
        return empty

    def __iter__(self) -> Iterator[Child]:
        return iter(self._held())

    def __len__(self) -> int:
        return len(self._held())

    def __getitem__(self, index: int) -> Child:
        return self._held()[index]

    def __bool__(self) -> bool:
        # An empty document hangs up, an empty Gather listens: neither is "nothing".
        return True


class Filled(Container[Child], frozen=True):
    """A container that takes its children first."""

    # Any iterable may come in; it is a tuple from then on. Read it through the container itself.
    children: Iterable[Child] = ()


class _Instead:
    """Stands where a container has no method, and says what to write instead.

    A ``__getattr__`` would do the same and make every access to every attribute slower.
    """

    def __init__(self, words: Callable[[type[Container[Any]]], str]) -> None:
        self.words = words

    def __get__(self, container: object, cls: type[Container[Any]]) -> NoReturn:
        raise AttributeError(self.words(cls))


def _immutable(name: str) -> Callable[[type[Container[Any]]], str]:
    def words(cls: type[Container[Any]]) -> str:
        own = cls.__name__
        return (
            f"{own} has no {name}(): it is immutable, and what adds to it returns a new one;"
            f" write {own.lower()} = {own.lower()}.then(verb)"
        )

    return words


def _barred(verb: type[Verb]) -> Callable[[type[Container[Any]]], str]:
    return lambda cls: f"{cls.may_hold()} (got {verb.__name__})"


def stands_in(cls: type[Checked]) -> str:
    """Where an element may stand, in words that follow its name; empty for a verb of its own."""
    parents = sorted(
        parent.__name__
        for parent in _elements
        if issubclass(parent, Container) and cls in (describe(parent).holds or ())
    )
    if not parents or "Response" in parents:
        return ""
    return f", which may stand in {' or '.join(parents)}"


def explain_absent_methods(verbs: Iterable[type[Verb]]) -> None:
    """Make containers answer, for verbs that they may not hold, with the rule of nesting."""
    absent = {name: _immutable(name) for name in ("add_verb", "add_verbs", "append", "extend")}
    absent |= {python_name(verb.__name__): _barred(verb) for verb in verbs}
    for name, words in absent.items():
        setattr(Container, name, _Instead(words))


def close_the_language(elements: Iterable[type[Verb]]) -> None:
    """Let no other class pass for one of these."""
    _elements.update(elements)


def appends(verb: Callable[P, Verb]) -> Callable[Concatenate[C, P], C]:
    """A method that adds a new ``verb`` to a container; its signature is the verb's own."""
    cls = cast("type[Verb]", verb)
    may_lack = issubclass(cls, Container) and cls.least > 0

    build = cls.build

    def method(container: Any, /, *args: Any, **kwargs: Any) -> Any:
        try:
            child = build(*args, **kwargs)
        except (TypeError, InvalidVerb) as error:
            _refuse_child(container, cls, args, kwargs, error)
        if may_lack:
            return container.then(child)
        # As _grown() does, without the cost of calling it; and ``+`` is quicker than unpacking.
        held = container.children + (child,)  # noqa: RUF005
        grown = container.__copy__()
        force_setattr(grown, "children", held)
        if container.bounded and len(held) > container.room():
            grown.examine()
        return grown

    method.__name__ = python_name(cls.__name__)
    method.__qualname__ = method.__name__
    method.__doc__ = f"A copy with a {cls.__name__} added. {cls.__doc__ or ''}"
    method.__wrapped__ = cls  # type: ignore[attr-defined]  # shows the verb's signature in help()
    return cast("Callable[Concatenate[C, P], C]", method)


def appends_bare(verb: Callable[Concatenate[str, P], Verb]) -> Callable[[C, str], C]:
    """As ``appends``, for a container in which the verb stands with nothing but its text."""
    append = appends(verb)

    def method(container: Any, text: str, /) -> Any:
        return append(container, text)  # type: ignore[call-arg]

    method.__name__ = method.__qualname__ = append.__name__
    method.__doc__ = append.__doc__
    return method


def _refuse_child(
    container: Container[Any],
    cls: type[Verb],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    error: TypeError | InvalidVerb,
) -> NoReturn:
    """Raise what is wrong with a new child, with the path that leads to it."""
    try:
        if isinstance(error, TypeError):
            cls.refuse(problems_of_call(cls, args, kwargs, error))
        raise error
    except InvalidVerb as invalid:
        path = f"{type(container).__name__}[{len(container)}]"
        raise InvalidVerb(problem.under(path) for problem in invalid.problems) from None

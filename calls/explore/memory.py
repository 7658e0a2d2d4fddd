"""What a script that waits remembers: where it stands, and the values that it has there.

Two calls whose scripts stand at the same place with the same values go on alike. Times, ids of calls
and recordings, and what the line itself knows, are not told apart.
"""

import dis
import gc
import re
from collections import deque
from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from functools import lru_cache, partial
from itertools import count
from pathlib import PurePath
from types import (
    AsyncGeneratorType,
    BuiltinFunctionType,
    CellType,
    CodeType,
    CoroutineType,
    FrameType,
    FunctionType,
    GeneratorType,
    MethodType,
    ModuleType,
)
from typing import Any, TypeAlias
from uuid import UUID

import msgspec

from calls.events import Event
from calls.explore.graph import Code
from calls.explore.places import code_of_frame, is_ours
from calls.script._asks import Listen, Run, Stage, Wait
from calls.script._methods import OnStage
from calls.script._play import Play

Memory: TypeAlias = Any
"""Values within tuples: equal where scripts go on alike."""

MOST_VALUES = 20_000
"""Values that are looked at; a script that holds more remembers too much to be compared."""

_PLAIN = (
    str,
    bytes,
    int,
    float,
    complex,
    bool,
    type(None),
    timedelta,
    type(...),
    range,
    Enum,
    PurePath,
    Decimal,
    UUID,
    re.Pattern,
)
_NAMED = (type, ModuleType, BuiltinFunctionType, CodeType)
_PASSING = frozenset(
    {
        "event_time",
        "enqueued_time",
        "start_time",
        "answer_time",
        "end_time",
        "call_id",
        "call_url",
        "parent_call_id",
        "conference_id",
        "recording_id",
        "media_url",
        "error_id",
        "call_ids_to_coach",
    }
)
"""Fields of events that differ from call to call."""

_ITERATORS: tuple[type, ...] = (
    type(iter([])),
    type(iter(())),
    type(iter("")),
    type(iter(range(0))),
    type(iter(range(1 << 70))),
    type(iter({})),
    type(iter({}.items())),
    type(iter({}.values())),
    type(iter(set())),
    type(iter(b"")),
    enumerate,
    zip,
    map,
    filter,
    reversed,
)


class TooMuch(Exception):  # it is the author's business, and no error of this program
    """A script remembers something that cannot be compared."""


def memory_of(play: Play | None) -> Memory:
    """What a script remembers.

    Raises:
        TooMuch: It cannot be compared with what another one remembers.
    """
    if play is None:
        return None
    if play.is_over:
        return play.number, "over"
    looks = _Looks()
    inbox = tuple(map(bytes, play._inbox))  # noqa: SLF001  # what it is yet to hear
    asked = play.ask.asked if play.ask else ""
    return play.script.name, asked, looks.at(play._coroutine), inbox  # noqa: SLF001


def waits_at(play: Play | None) -> Code | None:
    """The line of the author's code at which a script waits."""
    found: Code | None = None
    waiting: Any = play._coroutine if play is not None and not play.is_over else None  # noqa: SLF001
    while waiting is not None:
        frame = getattr(waiting, "cr_frame", None) or getattr(waiting, "gi_frame", None)
        if frame is not None and not is_ours(frame.f_code.co_filename):
            found = code_of_frame(frame)
        waiting = getattr(waiting, "cr_await", None) or getattr(waiting, "gi_yieldfrom", None)
    return found


class _Looks:
    """One look at all values that a script holds."""

    def __init__(self) -> None:
        self._left = MOST_VALUES
        self._within: list[int] = []

    def at(self, value: Any) -> Memory:
        """A value, so that it can be compared."""
        kind = type(value)
        if isinstance(value, _PLAIN):
            return kind.__name__, value
        if isinstance(value, (datetime, date, time)):
            return "time"
        if isinstance(value, _NAMED):
            return (
                "name",
                getattr(value, "__module__", ""),
                getattr(value, "__qualname__", str(value)),
            )
        if id(value) in self._within:
            return "itself", len(self._within) - self._within.index(id(value))
        self._left -= 1
        if self._left < 0:
            raise TooMuch(f"more than {MOST_VALUES:,} values")
        self._within.append(id(value))
        try:
            return self._into(value, kind)
        finally:
            self._within.pop()

    def _into(self, value: Any, kind: type) -> Memory:
        for kinds, look in _LOOKS:
            if isinstance(value, kinds):
                return look(self, value, kind)
        return self._any(value, kind)

    def _sequence(self, value: Any, kind: type) -> Memory:
        return kind.__name__, tuple(map(self.at, value))

    def _set(self, value: Any, kind: type) -> Memory:
        return kind.__name__, tuple(sorted(map(repr, map(self.at, value))))

    def _mapping(self, value: Any, kind: type) -> Memory:
        return kind.__name__, tuple((self.at(k), self.at(v)) for k, v in value.items())

    def _line(self, value: Any, _: type) -> Memory:
        stage = value if isinstance(value, Stage) else value._stage  # noqa: SLF001  # nobody else asks
        drawn = stage._random  # noqa: SLF001  # the same
        return "line", drawn and hash(drawn.getstate())

    def _struct(self, value: Any, kind: type) -> Memory:
        return kind.__qualname__, tuple(self._fields(value))

    def _function(self, value: Any, _: type) -> Memory:
        cells = tuple(map(self.at, value.__closure__ or ()))
        return "function", value.__module__, value.__qualname__, cells

    def _method(self, value: Any, _: type) -> Memory:
        return "method", value.__func__.__qualname__, self.at(value.__self__)

    def _partial(self, value: Any, _: type) -> Memory:
        return "partial", self.at(value.func), self.at(value.args), self.at(value.keywords)

    def _error(self, value: Any, kind: type) -> Memory:
        return "raised", kind.__qualname__, self.at(value.args)

    def _fields(self, value: msgspec.Struct) -> Iterator[Memory]:
        passing = _PASSING if isinstance(value, Event) else frozenset()
        for name in value.__struct_fields__:
            if name not in passing:
                yield self.at(getattr(value, name))

    def _cell(self, value: Any, _: type) -> Memory:
        try:
            return "cell", self.at(value.cell_contents)
        except ValueError:
            return "empty"

    def _waiting(self, value: Any, _: type) -> Memory:
        """A coroutine: its place, its variables, and what stands on its stack, such as iterators."""
        frame = (
            getattr(value, "cr_frame", None)
            or getattr(value, "gi_frame", None)
            or getattr(value, "ag_frame", None)
        )
        if frame is None:
            return "over", value.__qualname__
        code, shown = frame.f_code, frame.f_locals
        names = dict(shown)
        held = [
            each
            for each in gc.get_referents(value)
            # None stands there, or nothing, where no error is being handled.
            if each is not None
            and not isinstance(each, (FrameType, CodeType, FunctionType))
            and each is not frame.f_globals
            and each is not frame.f_builtins
            and each is not shown
        ]
        dead = dead_names(code, frame.f_lasti)
        for name in dead & names.keys():
            at = next((n for n, each in enumerate(held) if each is names[name]), None)
            if at is not None:
                del held[at]
        # The values again under their names, as two names may have changed theirs.
        named = tuple((name, self.at(names[name])) for name in sorted(names.keys() - dead))
        return (
            code.co_qualname,
            code.co_firstlineno,
            frame.f_lasti,
            named,
            tuple(map(self._stacked, held)),
        )

    def _stacked(self, value: Any) -> Memory:
        """What stands on a stack. Of an error that is being handled, that it is one of its kind."""
        if isinstance(value, BaseException):
            return "handles", type(value).__qualname__
        return self.at(value)

    def _iterator(self, value: Any, _: type) -> Memory:
        try:
            return "iterator", self.at(value.__reduce__())
        except TypeError as error:
            raise TooMuch(f"{type(value).__qualname__}: {error}") from None

    def _any(self, value: Any, kind: type) -> Memory:
        """An object of the author's: what it is, and its attributes."""
        if kind.__name__ == "coroutine_wrapper":  # what awaits a coroutine; it has no name in types
            return "awaits", tuple(map(self.at, gc.get_referents(value)))
        if kind.__module__ == "builtins" or kind.__flags__ & (1 << 9) == 0:
            raise TooMuch(f"{kind.__module__}.{kind.__qualname__}")
        held = [
            (name, self.at(each)) for name, each in sorted(getattr(value, "__dict__", {}).items())
        ]
        for cls in kind.__mro__:
            slots = cls.__dict__.get("__slots__", ())
            for name in (slots,) if isinstance(slots, str) else slots:
                if name not in ("__dict__", "__weakref__") and hasattr(value, name):
                    held += [(name, self.at(getattr(value, name)))]
        return kind.__module__, kind.__qualname__, tuple(held)


Look: TypeAlias = Callable[[_Looks, Any, type], Memory]

_LOOKS: tuple[tuple[tuple[type, ...], Look], ...] = (
    ((list, tuple, deque), _Looks._sequence),  # noqa: SLF001  # a table of its methods
    ((set, frozenset), _Looks._set),  # noqa: SLF001
    ((dict,), _Looks._mapping),  # noqa: SLF001
    ((CoroutineType, GeneratorType, AsyncGeneratorType), _Looks._waiting),  # noqa: SLF001
    ((OnStage, Stage), _Looks._line),  # noqa: SLF001
    ((Wait, Run, Listen), lambda _, value, __: ("asks", value.asked)),
    ((msgspec.Struct,), _Looks._struct),  # noqa: SLF001
    ((CellType,), _Looks._cell),  # noqa: SLF001
    ((FunctionType,), _Looks._function),  # noqa: SLF001
    ((MethodType,), _Looks._method),  # noqa: SLF001
    ((partial,), _Looks._partial),  # noqa: SLF001
    ((re.Match,), lambda _, value, __: ("match", value.re, value.string, value.span())),
    ((BaseException,), _Looks._error),  # noqa: SLF001
    ((count,), lambda _, value, __: ("count", repr(value))),
    (_ITERATORS, _Looks._iterator),  # noqa: SLF001
)
"""How to look at each kind of value; at any other, by its attributes."""


@lru_cache(maxsize=4096)
def dead_names(code: CodeType, at: int) -> frozenset[str]:
    """The variables of a function that waits at an instruction which it does not read any more.

    What a script was told at the last try, and is going to overwrite, makes no difference.
    """
    bytecode: Any = dis.Bytecode(code)
    instructions: list[dis.Instruction] = list(bytecode)
    place = {each.offset: number for number, each in enumerate(instructions)}
    handlers = [
        (place[entry.start], place.get(entry.end, len(instructions)), place[entry.target])
        for entry in bytecode.exception_entries
    ]
    goes = [tuple(_goes_to(instructions, number, place, handlers)) for number in range(len(place))]
    alive: list[frozenset[str]] = [frozenset()] * len(instructions)
    changes = True
    while changes:
        changes = False
        for number in reversed(range(len(instructions))):
            read, written = _uses(instructions[number])
            after = frozenset[str]().union(*(alive[each] for each in goes[number]))
            before = read | (after - written)
            if before != alive[number]:
                alive[number], changes = before, True
    if at not in place:
        return frozenset()
    live = frozenset[str]().union(*(alive[each] for each in goes[place[at]]))
    return frozenset(code.co_varnames) - live


def _goes_to(
    instructions: list[dis.Instruction],
    number: int,
    place: dict[int, int],
    handlers: list[tuple[int, int, int]],
) -> Iterator[int]:
    each = instructions[number]
    if number + 1 < len(instructions) and each.opname not in _ENDS:
        yield number + 1
    if each.opcode in _JUMPS and each.argval in place:
        yield place[each.argval]
    for start, end, target in handlers:
        if start <= number < end:
            yield target


_ENDS = frozenset(
    {"RETURN_VALUE", "RETURN_CONST", "RAISE_VARARGS", "RERAISE", "JUMP_FORWARD", "JUMP_BACKWARD"}
    | {"JUMP_BACKWARD_NO_INTERRUPT"}
)
_JUMPS = frozenset(dis.hasjrel) | frozenset(dis.hasjabs)


def _uses(each: dis.Instruction) -> tuple[frozenset[str], frozenset[str]]:
    """The variables that an instruction reads, and those that it writes."""
    parts = re.findall(r"LOAD_FAST|STORE_FAST|DELETE_FAST", each.opname)
    names = each.argval if isinstance(each.argval, tuple) else (each.argval,) * len(parts)
    read, written = set(), set()
    for part, name in zip(parts, names, strict=False):
        if part == "LOAD_FAST" and name not in written:
            read.add(name)
        elif part != "LOAD_FAST":
            written.add(name)
    return frozenset(read), frozenset(written)

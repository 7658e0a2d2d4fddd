"""A script: a function that is a whole call."""

import inspect
from collections.abc import Callable, Coroutine
from functools import update_wrapper
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, cast, overload

from bxml._kinds import shown
from bxml.document import Document
from calls.errors import refuse
from calls.script.line import Line

P = ParamSpec("P")
R = TypeVar("R")
Function = Callable[Concatenate[Line, P], Coroutine[Any, Any, R]]


class Script(Generic[P, R]):
    """A function that is a whole call, made with ``@script``.

    It answers at a path of a ``VoiceApp``. Another script runs it by ``await other(line)`` and goes on
    with what it returns, or hands the call over with ``await line.hand_over(other)``.

    Attributes:
        function: The function itself.
        name: Its module and name, by which journals know it.
        on_failure: What the caller hears when the script fails.
    """

    def __init__(self, function: Function[P, R], on_failure: Document | None = None) -> None:
        if not inspect.iscoroutinefunction(function):
            refuse("script", f"must be an async function (got {shown(function)})")
        parameters = list(inspect.signature(function).parameters.values())
        if not parameters or parameters[0].kind not in (
            inspect.Parameter.POSITIONAL_ONLY,
            inspect.Parameter.POSITIONAL_OR_KEYWORD,
        ):
            refuse(
                function.__qualname__, "must take the line first: async def reception(line: Line)"
            )
        if on_failure is not None and not isinstance(on_failure, Document):
            refuse("on_failure", f"must be a document (got {shown(on_failure)})")
        self.function = function
        self.name = f"{function.__module__}.{function.__qualname__}"
        self.on_failure = on_failure
        self._needs = [each.name for each in parameters[1:] if _is_required(each)]
        update_wrapper(self, function)

    def __call__(self, line: Line, /, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, R]:
        """Run it as a part of another script: ``order = await ask_order(line)``."""
        return self.function(line, *args, **kwargs)

    def join(self, app: Any, path: str) -> None:
        """Answer at a path of an application: what ``VoiceApp({path: script})`` does."""
        from calls.script.scripts import Scripts  # noqa: PLC0415  # they know scripts in turn

        Scripts.of(app).join(app, path, cast("Any", self))

    def see_that_it_starts_alone(self) -> None:
        """See that it can be begun by a call: with a line and nothing else.

        Raises:
            InvalidRequest: It needs more.
        """
        if self._needs:
            refuse(
                self.name, f"answers calls with its line alone, so it cannot require {self._needs}"
            )

    def __repr__(self) -> str:
        return f"<script {self.name}>"


def _is_required(parameter: inspect.Parameter) -> bool:
    variable = parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    return parameter.default is parameter.empty and not variable


@overload
def script(function: Function[P, R], /) -> Script[P, R]: ...
@overload
def script(*, on_failure: Document | None = None) -> Callable[[Function[P, R]], Script[P, R]]: ...
def script(
    function: Function[P, R] | None = None, /, *, on_failure: Document | None = None
) -> Script[P, R] | Callable[[Function[P, R]], Script[P, R]]:
    """Make a script of an async function that takes a ``Line`` first.

        @script(on_failure=Response().speak_sentence("Please call again later."))
        async def reception(line: Line) -> None:
            line.speak_sentence("Welcome to Acme.")

    Args:
        function: The function.
        on_failure: What the caller hears when the script raises, or cannot go on.

    Raises:
        InvalidRequest: It is no async function, or takes no line.
    """
    if function is not None:
        return Script(function, on_failure)
    return lambda later: Script(later, on_failure)

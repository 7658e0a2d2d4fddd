"""Where something stands in the author's code."""

import inspect
import os
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

from calls.explore.graph import Code

_OURS = tuple(str(Path(__file__).parents[2] / package) + os.sep for package in ("bxml", "calls"))


def is_ours(file: str) -> bool:
    """Whether a file is this library's own, and not the author's."""
    return file.startswith(_OURS) and f"{os.sep}examples{os.sep}" not in file


def shown_path(file: str) -> str:
    """A file as it is shown: below the folder in which the program runs, if it is there."""
    return _below(file, Path.cwd())


@lru_cache(maxsize=256)
def _below(file: str, folder: Path) -> str:
    path = Path(file)
    try:
        return path.resolve().relative_to(folder).as_posix()
    except (ValueError, OSError):
        return path.as_posix()


def code_of(function: Callable[..., Any] | None) -> Code | None:
    """Where a function is defined."""
    if function is None:
        return None
    function = inspect.unwrap(function)
    code = getattr(function, "__code__", None)
    if code is None:  # an object that can be called
        code = getattr(type(function).__call__, "__code__", None)
    if code is None:
        return None
    name = getattr(function, "__qualname__", type(function).__qualname__)
    return Code(shown_path(code.co_filename), code.co_firstlineno, name)


def code_of_frame(frame: FrameType) -> Code:
    """The line at which a frame stands."""
    return Code(shown_path(frame.f_code.co_filename), frame.f_lineno, frame.f_code.co_qualname)


def code_of_error(error: BaseException) -> Code | None:
    """The line of the author's code in which an error was raised, or from which it came."""
    found: Code | None = None
    trace: TracebackType | None = error.__traceback__
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if not is_ours(file) and f"{os.sep}site-packages{os.sep}" not in file and os.sep in file:
            code = trace.tb_frame.f_code
            found = Code(shown_path(file), trace.tb_lineno, code.co_qualname)
        trace = trace.tb_next
    return found

"""Warnings that point at whoever they concern."""

import sys
import warnings


def warn(words: str, category: type[Warning]) -> None:
    """Warn the code that has called this package, wherever in it the warning arises."""
    level, frame = 2, sys._getframe(1)  # noqa: SLF001  # what inspect.currentframe() is
    while frame.f_back and frame.f_globals.get("__name__", "").startswith("calls."):
        level, frame = level + 1, frame.f_back
    warnings.warn(words, category, stacklevel=level)

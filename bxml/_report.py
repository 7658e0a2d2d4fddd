"""Problems as the ``bxml`` command shows them: for people and editors, and for programs.

Documents come from anywhere, so nothing of them reaches a terminal as it stands: what cannot be seen
is written as an escape, and what may be a password is not shown.
"""

import json
import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import typer
from rich.cells import cell_len

from bxml._kinds import safe
from bxml._markup import utf8_of
from bxml.errors import ParseError, Problem
from bxml.rules import Level

WIDEST = 100
"""Characters of a line of source that are shown."""

NOUNS: Mapping[Level, str] = {"error": "error", "warning": "warning", "info": "note"}

COLOURS: Mapping[Level, str] = {"error": "red", "warning": "yellow", "info": "blue"}

# Also where the name or the quotation marks are wrong; every secret of the language has such a name.
_PASSWORD = re.compile(r"""(pass[\w:.-]{0,40}\s*=\s*)("[^"]*|'[^']*|[^\s"'>]+)""", re.IGNORECASE)


# The name and the password in a URL.
_IN_URL = re.compile(r"""(?<=//)[^/?#@\s'"<>]{1,2048}(?=@)""")


def called(name: str) -> str:
    """A file's name as it is shown."""
    return "<stdin>" if name == "-" else name


class Result(NamedTuple):
    """What there is to say of one file: it has problems, or it cannot be read."""

    name: str
    source: bytes = b""
    problems: Sequence[Problem] = ()
    error: OSError | None = None


def reason(error: OSError) -> str:
    """Why a file, or a stream, cannot be used."""
    return error.strerror or str(error)


class Source:
    """The lines of a document, as problems count them."""

    def __init__(self, source: bytes) -> None:
        try:
            text = utf8_of(source).decode()
        except ParseError:
            text = ""  # in no known encoding, or too large: then there is one problem, of all of it
        # What a parser reads as the end of a line (XML 1.0, 2.11).
        text = _IN_URL.sub(lambda found: "*" * len(found[0]), _PASSWORD.sub(_masked, text))
        self.lines = re.split("\r\n|\r|\n", text)

    def excerpt(self, line: int, column: int) -> tuple[str, str] | None:
        """What stands around a place, and blanks as wide as what stands before it.

        None where nothing stands in that line.
        """
        if not 0 < line <= len(self.lines) or not self.lines[line - 1].strip():
            return None
        text = self.lines[line - 1].rstrip()
        at = min(column - 1, len(text))
        start = max(min(at - WIDEST // 2, len(text) - WIDEST), 0)
        end = start + WIDEST
        before = safe(text[start:at])
        before = f"…{before}" if start else before.lstrip()
        after = safe(text[at:end]) + ("…" if end < len(text) else "")
        return before + after, " " * cell_len(before)


def _masked(password: re.Match[str]) -> str:
    """As many characters in as many lines, so that all other places stay where they are."""
    return password[1] + re.sub(r"""(?!^["'])[^\r\n]""", "*", password[2])


def block(name: str, problem: Problem, source: Source) -> str:
    """A problem for people, in lines. Editors know the first by its form: ``file:line:column:``."""
    line, column = problem.line or 1, problem.column or 1
    place = typer.style(f"{safe(called(name))}:{line}:{column}:", bold=True)
    level = typer.style(f"{problem.level}:", fg=COLOURS[problem.level], bold=True)
    path = f"{safe(problem.path)}: " if problem.path else ""
    lines = [f"{place} {level} {path}{safe(problem.message)} [{problem.rule}]"]
    if excerpt := source.excerpt(line, column):
        shown, blanks = excerpt
        lines += [f"    {shown}", f"    {blanks}{typer.style('^', fg='green', bold=True)}"]
    return "\n".join([*lines, f"  {problem.advice}"] if problem.advice else lines)


def complain(name: str, words: str) -> None:
    """Say what keeps a file from being used."""
    typer.echo(f"{safe(called(name))}: {words}", err=True)


def tell(result: Result, *, info: bool = True, err: bool = False) -> None:
    """Show people what there is to say of one file, infos only if asked to."""
    if result.error:
        complain(result.name, reason(result.error))
    source = Source(result.source)
    color = False if os.environ.get("NO_COLOR") else None  # None: if a terminal reads it
    for problem in result.problems:
        if info or problem.level != "info":
            typer.echo(block(result.name, problem, source), err=err, color=color)


def sum_up(results: Iterable[Result], *, info: bool) -> None:
    """Say how many problems there are, if there are any; apart from them, on standard error.

    Most documents have infos, so infos that are not shown are told beside other problems only.
    """
    read = [result for result in results if not result.error]
    counts = Counter(problem.level for result in read for problem in result.problems)
    told = [_counted(counts[level], noun) for level, noun in NOUNS.items() if counts[level]]
    hidden = told.pop() if counts["info"] and not info else ""
    if told:
        them = "it" if counts["info"] == 1 else "them"
        rest = f" ({hidden}: --info shows {them})" if hidden else ""
        typer.echo(f"{', '.join(told)} in {_counted(len(read), 'file')}{rest}", err=True)


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'s' * (count != 1)}"


def as_json(results: Iterable[Result]) -> str:
    """Everything that there is to say of some files, for programs. In ASCII, so nothing is hidden."""
    return f"{json.dumps([_as_data(result) for result in results], indent=2)}\n"


def _as_data(result: Result) -> dict[str, Any]:
    if result.error:
        return {"file": called(result.name), "error": reason(result.error), "problems": []}
    problems = [
        {
            "rule": each.rule,
            "level": each.level,
            "source": each.source,
            "path": each.path,
            "message": each.message,
            "advice": each.advice,
            "line": each.line,
            "column": each.column,
            "attribute": each.attribute,
        }
        for each in result.problems
    ]
    return {"file": called(result.name), "problems": problems}

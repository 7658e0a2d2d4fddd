"""``calls explore``: every path of a voice application, with what is wrong in it."""

import sys
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from msgspec.structs import replace

from bxml._report import reason
from calls.commands._session import FAILED, Session
from calls.commands._show import say, shown
from calls.commands._trouble import Unusable

if TYPE_CHECKING:  # they need the web extra
    from calls.explore import Graph, Limits

EXAMPLES = (
    "Examples:\n\n"
    "calls explore acme:app\n\n"
    "calls explore acme:app --format html --output flow.html\n\n"
    "calls explore acme:app --format sarif --output flow.sarif --fail-on warning\n\n"
    "calls explore acme:app --keys 123456 --says 'an agent' --save-tests tests/flow\n\n"
    "calls explore http://127.0.0.1:8000/answer --max-calls 2000"
)

LONGEST_NAME = 200


class FormatName(StrEnum):
    """What is printed."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"
    MERMAID = "mermaid"
    DOT = "dot"
    SVG = "svg"
    HTML = "html"


class FailOn(StrEnum):
    """The least bad finding that fails."""

    NOTE = "note"
    WARNING = "warning"
    ERROR = "error"
    NEVER = "never"


def explore(  # the options of a command
    *,
    app: Annotated[
        str,
        typer.Argument(
            metavar="APP", help="The application: module:attribute, such as acme:app, or a URL."
        ),
    ],
    format: Annotated[  # noqa: A002  # the name of the option
        FormatName, typer.Option("--format", "-f", help="What is printed.")
    ] = FormatName.TEXT,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Where it goes; else it is printed."),
    ] = None,
    fail_on: Annotated[
        FailOn, typer.Option(help="The least bad finding with which the exit status is 1.")
    ] = FailOn.ERROR,
    save_tests: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write a pytest file for each finding, which shows it."),
    ] = None,
    keys: Annotated[
        list[str] | None,
        typer.Option(metavar="ROW", help="Keys that callers press in a row. May be repeated."),
    ] = None,
    says: Annotated[
        list[str] | None,
        typer.Option(metavar="WORDS", help="What callers say. May be repeated."),
    ] = None,
    at: Annotated[
        str | None, typer.Option(metavar="URL", help="Where the application is taken to be.")
    ] = None,
    initiate: Annotated[
        str | None, typer.Option(metavar="PATH", help="The path that gets the first webhook.")
    ] = None,
    disconnect: Annotated[
        str | None, typer.Option(metavar="PATH", help="The path that gets disconnect.")
    ] = None,
    outbound: Annotated[
        bool, typer.Option("--outbound", help="The application calls, and gets answer.")
    ] = False,
    stateful: Annotated[
        bool | None,
        typer.Option(
            "--stateful/--stateless",
            help="Whether it keeps in mind what happened on a call by other means than URLs, tags and"
            " scripts; found out by default.",
        ),
    ] = None,
    varies: Annotated[
        str | None,
        typer.Option(metavar="REGEX", help="What differs in documents without meaning anything."),
    ] = None,
    callback_timeout: Annotated[
        float,
        typer.Option(min=0.01, help="Seconds within which each webhook must be answered."),
    ] = 15.0,
    max_documents: Annotated[int, typer.Option(min=1, help="States at most.")] = 5_000,
    max_depth: Annotated[int, typer.Option(min=1, help="Documents in a row at most.")] = 200,
    max_calls: Annotated[
        int, typer.Option(min=1, help="Calls, or parts of them, at most.")
    ] = 500_000,
    max_seconds: Annotated[float, typer.Option(min=0.1, help="Seconds at most.")] = 600.0,
) -> None:
    """Walk every path of a voice application, and say what is wrong in it.

    Nobody is called: a simulated platform sends the webhooks. What the application's code does at
    each of them, it does, and often.

    Pictures (svg, html) need the draw extra.

    Exit status: 0, 1 findings of the level of --fail-on or worse, 2 unusable input.
    """
    with Session(as_json=False, verbose=False) as session:
        from calls.explore import Limits  # noqa: PLC0415  # the web extra

        limits = Limits(
            documents=max_documents, depth=max_depth, calls=max_calls, seconds=max_seconds
        )
        options: dict[str, Any] = {
            "at": at,
            "initiate": initiate,
            "disconnect": disconnect,
            "outbound": outbound,
            "keys": tuple(keys or ()),
            "says": tuple(says or ()),
            "stateful": stateful,
            "varies": varies,
        }
        told = {name: value for name, value in options.items() if value not in (None, False, ())}
        if stateful is False:
            told["stateful"] = False
        if callback_timeout != 15.0:
            told["callback_timeout"] = callback_timeout
        graph = _graph(app, told, limits)
        _put(_written(graph, format), output, session)
        if save_tests is not None:
            _save(graph, save_tests, app, told)
        _tell(graph, quiet=format is FormatName.TEXT and output is None)
        if fail_on is not FailOn.NEVER and _is_as_bad(graph, fail_on):
            raise typer.Exit(FAILED)


def _graph(app: str, options: dict[str, Any], limits: "Limits") -> "Graph":
    from calls.explore import Graph, explore, load  # noqa: PLC0415  # the web extra

    try:
        found = load(app)
        if isinstance(found, Graph):
            return found
        graph = explore(found, limits=limits, progress=_progress(), **options)
        return replace(graph, title=app)
    except (ValueError, TypeError) as error:
        raise Unusable(type(error).__name__, str(error)) from error
    finally:
        _progress_ends()


def _progress() -> Callable[[int, int], None] | None:
    if sys.stderr is None or not sys.stderr.isatty():
        return None

    def show(known: int, left: int) -> None:
        sys.stderr.write(f"\r{known:,} documents, {left:,} of them left to try \x1b[K")
        sys.stderr.flush()

    return show


def _progress_ends() -> None:
    if sys.stderr is not None and sys.stderr.isatty():
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()


def _written(graph: "Graph", name: FormatName) -> str:
    from calls.explore.formats import WRITERS  # noqa: PLC0415  # the web extra

    try:
        return WRITERS[name.value](graph)
    except ImportError as error:
        raise Unusable(type(error).__name__, str(error)) from error


def _put(text: str, output: Path | None, session: Session) -> None:
    if output is None:
        session.out.line(text.rstrip("\n"))
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Unusable("OSError", f"{shown(output, LONGEST_NAME)}: {reason(error)}") from error


def _save(graph: "Graph", folder: Path, app: str, options: dict[str, Any]) -> None:
    from calls.explore import save_tests  # noqa: PLC0415  # the web extra

    try:
        files = save_tests(graph, folder, app=app, options=options)
    except OSError as error:
        raise Unusable("OSError", f"{shown(folder, LONGEST_NAME)}: {reason(error)}") from error
    tests = "test" if len(files) == 1 else "tests"
    say(f"{len(files)} {tests} written to {shown(folder, LONGEST_NAME)}")


def _tell(graph: "Graph", *, quiet: bool) -> None:
    """What must not be overlooked where the output goes elsewhere."""
    from calls.explore.report import summary_of  # noqa: PLC0415  # the web extra

    if quiet:
        return
    say(f"{len(graph.nodes):,} documents: {summary_of(graph)}")
    for limit in graph.limits:
        say(f"not all of it, a limit was met: {shown(limit, LONGEST_NAME)}")
    for remark in graph.remarks:
        say(shown(remark, 2 * LONGEST_NAME))


def _is_as_bad(graph: "Graph", least: FailOn) -> bool:
    from calls.explore.graph import LEVELS  # noqa: PLC0415  # the web extra

    bound = LEVELS.index(least.value)
    return any(LEVELS.index(each.level) >= bound for each in graph.findings)

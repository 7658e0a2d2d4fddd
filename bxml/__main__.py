"""The ``bxml`` command: check, format and translate documents."""

import io
import re
import sys
from enum import StrEnum
from importlib.metadata import version
from typing import Annotated, NoReturn

import bxml
from bxml._check import SURELY_SMALL_ENOUGH
from bxml._code import code as code_of
from bxml._files import read, replace
from bxml._locate import located_in
from bxml.document import LARGEST, Bxml, Document
from bxml.errors import ParseError, Problem
from bxml.render import DECLARATION, render_pretty

try:
    import typer

    from bxml import _report
    from bxml._report import Result
except ImportError:
    sys.exit("the bxml command needs the cli extra: pip install 'bxml-calls[cli]'")

INVALID = 1
UNUSABLE = 2

# Control characters (a terminal obeys some of those from U+0080 on), other ends of lines, and what
# makes a line read from right to left.
_UNSEEN = re.compile("[\x7f-\x9f\u2028-\u202e\u2066-\u2069]")

app = typer.Typer(
    name="bxml",
    help="Check, format and translate BXML, the language of telephone calls.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # they show local variables, and those may be secret
)


class For(StrEnum):
    """What a document is for, as ``bxml.check`` knows it."""

    REPLY = "reply"
    PUSH = "push"
    CONFERENCE = "conference"
    TRANSFER_ANSWER = "transfer_answer"


class Form(StrEnum):
    """Who reads what ``check`` prints: people and editors, or programs."""

    TEXT = "text"
    JSON = "json"


File = Annotated[str, typer.Argument(metavar="FILE", help="A document; - is standard input.")]
Files = Annotated[list[str], typer.Argument(metavar="FILE", help="Documents; - is standard input.")]


def print_version(wanted: bool) -> None:
    """Print the version, if that is wanted, and nothing else."""
    if wanted:
        typer.echo(f"bxml {version('bxml-calls')}")
        raise typer.Exit


@app.callback()
def _options(
    _: Annotated[
        bool,
        typer.Option(
            "--version", callback=print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Everything is in the callback of the option."""


def parse(source: bytes) -> Document:
    """The document in what ``read`` gave. Raises as ``bxml.parse`` does."""
    if len(source) > LARGEST:
        words = f"a document may hold at most {LARGEST:,} bytes, and here are more"
        raise ParseError([Problem("doc-size", "error", "", words, 1, 1)])
    return bxml.parse(source)


def checked(name: str, where: For | None) -> Result:
    """What there is to say of a file."""
    try:
        source = read(name)
    except OSError as error:
        return Result(name, error=error)
    try:
        document = parse(source)
    except ParseError as error:
        return Result(name, source, error.problems)
    where = where or (For.PUSH if isinstance(document, Bxml) else For.REPLY)
    # The size of a document is told as this library would write it, and the file is as it is.
    found = [each for each in bxml.check(document, where=where.value) if each.rule != "doc-size"]
    if len(source) > SURELY_SMALL_ENOUGH:
        words = f"the vendor's 64 KB may mean {SURELY_SMALL_ENOUGH:,} bytes (got {len(source):,})"
        found.insert(0, Problem("doc-size", "warning", type(document).__name__, words))
    return Result(name, source, located_in(source, found))


def loaded(name: str) -> Document:
    """The document in a file. Where there is none, says why, and ends the command."""
    try:
        source = read(name)
    except OSError as error:
        fail(name, error)
    try:
        return parse(source)
    except ParseError as error:
        _report.tell(Result(name, source, error.problems), err=True)
        raise typer.Exit(INVALID) from None


def fail(name: str, error: OSError) -> NoReturn:
    """End the command, since a file cannot be used."""
    _report.complain(name, _report.reason(error))
    raise typer.Exit(UNUSABLE)


def put(text: str) -> None:
    """Print documents and code, which are UTF-8, whatever the terminal speaks."""
    if sys.stdout is None:
        raise OSError(0, "there is no standard output")
    typer.echo(text.encode(), nl=False)


@app.command(epilog="Examples:\n\nbxml check menu.xml\n\nbxml check --strict --where push *.xml")
def check(
    files: Files,
    where: Annotated[
        For | None,
        typer.Option(help="What they are for; else <Bxml> is for a push and <Response> a reply."),
    ] = None,
    info: Annotated[bool, typer.Option("--info", "-v", help="Show infos too.")] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Let warnings count as errors in the exit status.")
    ] = False,
    form: Annotated[
        Form, typer.Option("--format", help="json: all there is to say, for programs.")
    ] = Form.TEXT,
) -> None:
    """Say what is wrong with documents or doubtful in them, with line and column.

    Errors: the platform refuses the document, or ignores a part of it.

    Warnings: something has no effect, or is a risk. Infos: good to know.

    Passwords are covered in the lines of the document that are shown.

    Exit status: 0 without errors, 1 with errors, 2 when a file cannot be read.
    """
    results = [checked(name, where) for name in dict.fromkeys(files)]
    if form is Form.JSON:
        put(_report.as_json(results))
    else:
        for result in results:
            _report.tell(result, info=info)
        _report.sum_up(results, info=info)
    if any(result.error for result in results):
        raise typer.Exit(UNUSABLE)
    levels = {problem.level for result in results for problem in result.problems}
    if "error" in levels or (strict and "warning" in levels):
        raise typer.Exit(INVALID)


@app.command("format", epilog="Examples:\n\nbxml format menu.xml\n\nbxml format - < menu.xml")
def format_(
    file: File,
    compact: Annotated[
        bool, typer.Option("--compact", help="Without white space between elements, on one line.")
    ] = False,
    write: Annotated[
        bool, typer.Option("--write", "-w", help="Into the file itself, unless it has errors.")
    ] = False,
) -> None:
    """Print a document with one element a line, in UTF-8.

    COMMENTS ARE LOST; all else means the same as before.

    Control characters and others that cannot be seen are written as references.

    Exit status: 0, 1 when the document has errors, 2 when the file cannot be read or written.
    """
    if write and file == "-":
        raise typer.BadParameter("standard input cannot be written to", param_hint="--write")
    document = loaded(file)
    markup = document.compact() if compact else f"{DECLARATION}\n{render_pretty(document)}"
    markup = _UNSEEN.sub(lambda unseen: f"&#{ord(unseen[0])};", markup) + "\n"
    if not write:
        put(markup)
    elif len(data := markup.encode()) > LARGEST:
        hint = "" if compact else "; try --compact"
        _report.complain(file, f"would hold {len(data):,} bytes, and may hold {LARGEST:,}{hint}")
        raise typer.Exit(INVALID)
    else:
        try:
            replace(file, data)
        except OSError as error:
            fail(file, error)


@app.command(epilog="Examples:\n\nbxml code menu.xml > menu.py\n\nbxml code - < menu.xml")
def code(file: File) -> None:
    """Print the Python that builds a document and calls it document.

    Passwords are in it as they are in the document; comments are lost.

    Exit status: 0, 1 when the document has errors, 2 when the file cannot be read.
    """
    put(code_of(loaded(file)))


@app.command(epilog="Example:\n\nbxml schema > bxml.xsd")
def schema() -> None:
    """Print the language as an XML Schema, for editors and for programs that are not Python."""
    put(bxml.schema.xsd())


def main() -> None:
    """Run the command line."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that knows no … shows an escape instead.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        app()
    except OSError as error:  # such as a full disk; typer sees to readers that have gone
        sys.stderr.write(f"bxml: {_report.reason(error)}\n")
        sys.exit(UNUSABLE)


if __name__ == "__main__":
    main()

"""The ``bxml`` command: check and format documents."""

import sys
from pathlib import Path
from typing import Annotated

from bxml.document import Bxml, Response
from bxml.errors import ParseError

try:
    import typer
except ImportError:
    sys.exit("the bxml command needs the cli extra: pip install 'bxml-calls[cli]'")

UNUSABLE = 2

app = typer.Typer(
    name="bxml",
    help="Check and format BXML, the language of telephone calls.",
    no_args_is_help=True,
    add_completion=False,
)

Files = Annotated[
    list[str], typer.Argument(metavar="FILE…", help="Documents; - is standard input.")
]


def read(name: str) -> bytes:
    """The bytes of a file, or of standard input for ``-``. Ends the program if there are none."""
    try:
        return sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        typer.echo(f"{name}: {error.strerror}", err=True)
        raise typer.Exit(UNUSABLE) from None


def parsed(name: str) -> Response | Bxml | ParseError:
    """The document in a file, or what is wrong with it."""
    from bxml._parse import parse  # noqa: PLC0415  # lxml, only for those who read markup

    try:
        return parse(read(name))
    except ParseError as error:
        return error


def report(name: str, error: ParseError) -> None:
    """Every problem on a line of its own, as compilers and editors write them."""
    for problem in error.problems:
        typer.echo(f"{name}:{problem}", err=True)


@app.command(epilog="Examples:  bxml check menu.xml    curl -s $URL | bxml check -")
def check(files: Files) -> None:
    """Say everything that is wrong with documents, with line and column.

    Exit status: 0 when all are sound, 1 when one has problems, 2 when one cannot be read.
    """
    results = {name: parsed(name) for name in files}
    for name, result in results.items():
        if isinstance(result, ParseError):
            report(name, result)
    if any(isinstance(result, ParseError) for result in results.values()):
        raise typer.Exit(1)


@app.command("format", epilog="Examples:  bxml format menu.xml    bxml format - < menu.xml")
def format_(file: Annotated[str, typer.Argument(help="A document; - is standard input.")]) -> None:
    """Print a document with one element a line."""
    result = parsed(file)
    if isinstance(result, ParseError):
        report(file, result)
        raise typer.Exit(1)
    typer.echo(result.to_bxml(pretty=True), nl=False)


def main() -> None:
    """Run the command line."""
    app()


if __name__ == "__main__":
    main()

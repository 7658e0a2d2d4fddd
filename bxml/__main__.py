"""The ``bxml`` command: check and format documents."""

import sys
from pathlib import Path
from typing import Annotated

from bxml.document import LARGEST, Bxml, Response
from bxml.errors import ParseError
from bxml.render import DECLARATION, render_pretty

try:
    import typer
except ImportError:
    sys.exit("the bxml command needs the cli extra: pip install 'bxml-calls[cli]'")

INVALID = 1
UNUSABLE = 2

app = typer.Typer(
    name="bxml",
    help="Check and format BXML, the language of telephone calls.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Files = Annotated[
    list[str], typer.Argument(metavar="FILE…", help="Documents; - is standard input.")
]


def read(name: str) -> bytes:
    """A document, and one byte more than one may have, so that the parser can tell."""
    if name != "-":
        with Path(name).open("rb") as file:
            return file.read(LARGEST + 1)
    if sys.stdin is None:
        raise OSError(0, "there is no standard input")
    return sys.stdin.buffer.read(LARGEST + 1)


def parsed(name: str) -> Response | Bxml | int:
    """The document in a file; or the exit status, when what is wrong with it has been said."""
    from bxml._parse import parse  # noqa: PLC0415  # lxml, only for those who read markup

    try:
        return parse(read(name))
    except OSError as error:
        typer.echo(f"{name}: {error.strerror}", err=True)
        return UNUSABLE
    except ParseError as error:
        report(name, error)
        return INVALID


def report(name: str, error: ParseError) -> None:
    """Every problem on a line of its own, as compilers and editors write them."""
    for problem in error.problems:
        typer.echo(f"{name}:{problem}", err=True)


@app.command(epilog="Examples:  bxml check menu.xml    curl -s $URL | bxml check -")
def check(files: Files) -> None:
    """Say everything that is wrong with documents, with line and column.

    Exit status: 0 when all are sound, 1 when one has problems, 2 when one cannot be read.
    """
    results = {name: parsed(name) for name in dict.fromkeys(files)}
    worst = max(result if isinstance(result, int) else 0 for result in results.values())
    raise typer.Exit(worst)


@app.command("format", epilog="Examples:  bxml format menu.xml    bxml format - < menu.xml")
def format_(file: Annotated[str, typer.Argument(help="A document; - is standard input.")]) -> None:
    """Print a document with one element a line."""
    result = parsed(file)
    if isinstance(result, int):
        raise typer.Exit(result)
    # As bytes: the declaration says UTF-8, whatever the terminal speaks.
    markup = f"{DECLARATION}\n{render_pretty(result)}\n".encode()
    sys.stdout.buffer.write(markup)
    sys.stdout.buffer.flush()


def main() -> None:
    """Run the command line."""
    app()


if __name__ == "__main__":
    main()

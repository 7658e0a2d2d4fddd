"""The ``calls`` command."""

import io
import sys
from pathlib import Path
from typing import Annotated

try:
    import typer
    from rich.console import Console
    from rich.text import Text
except ImportError:
    sys.exit("the calls command needs the cli extra: pip install 'bxml-calls[cli,web]'")

LARGEST = 65_536
UNUSABLE = 2
STYLES = {
    "note": "bold",
    "hears": "green",
    "presses": "bold yellow",
    "says": "bold yellow",
    "webhook": "cyan",
    "REST": "magenta",
}

app = typer.Typer(
    name="calls",
    help="Control live telephone calls, and run the voice platform on this machine.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # they show local variables, and those may be secret
)


@app.callback()
def _calls() -> None:
    """With one command only, typer would do without its name."""


@app.command(epilog="Examples:  calls demo    calls demo --bxml my-document.xml")
def demo(
    bxml: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Push this BXML document instead; - is standard input."),
    ] = None,
) -> None:
    """Watch a document reach a live call, replace what it was doing, and be heard.

    Starts the voice platform and a small IVR on loopback, places a call, and while the caller
    waits in a long pause pushes another document into it, then redirects it, then hangs up.

    Exit status: 0; 2 when FILE is not a BXML document, with every problem and its line and column.
    """
    source = None
    if bxml is not None:
        try:
            source = _read(bxml)
        except OSError as error:
            typer.echo(f"{bxml}: {error.strerror}", err=True)
            raise typer.Exit(UNUSABLE) from None
    try:
        from calls.simulator.demo import Line, run  # noqa: PLC0415  # needs the web extra
    except ImportError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(UNUSABLE) from None
    console = Console(highlight=False, soft_wrap=True)

    def show(line: Line) -> None:
        if line.at is None:
            console.print(Text(f"\n{line.text}", style=STYLES["note"]))
            return
        style = STYLES.get(line.kind, "")
        console.print(Text(f"{line.at:7.1f} s  {line.kind:<8} ").append(line.text, style=style))
        for detail in line.detail.splitlines():
            console.print(Text(f"{'':20}{detail}", style="dim"))

    wrong = run(show, source)
    if wrong is not None:
        for problem in wrong.problems:
            typer.echo(f"{bxml}:{problem}", err=True)
        raise typer.Exit(UNUSABLE)


def _read(path: Path) -> bytes:
    """A document, and one byte more than one may have, so that the parser can tell."""
    if str(path) != "-":
        with path.open("rb") as file:
            return file.read(LARGEST + 1)
    if sys.stdin is None:
        raise OSError(0, "there is no standard input")
    return sys.stdin.buffer.read(LARGEST + 1)


def main() -> None:
    """Run the command line."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that knows no “ and no ♪ shows a question mark instead.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    app()


if __name__ == "__main__":
    main()

"""``calls demo``: a call on this machine, from its beginning to its end."""

from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from bxml._files import read
from bxml._report import reason
from calls.commands._session import UNUSABLE

EXAMPLES = "Examples:  calls demo    calls demo --bxml my-document.xml"

STYLES = {
    "note": "bold",
    "hears": "green",
    "presses": "bold yellow",
    "says": "bold yellow",
    "webhook": "cyan",
    "REST": "magenta",
}


def demo(
    bxml: Annotated[
        str | None,
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
            source = read(bxml)
        except OSError as error:
            typer.echo(f"{bxml}: {reason(error)}", err=True)
            raise typer.Exit(UNUSABLE) from None
    try:
        from calls.simulator.demo import run  # noqa: PLC0415  # needs the web extra
        from calls.simulator.transcript import Line  # noqa: PLC0415
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

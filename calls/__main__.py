"""The ``calls`` command."""

import io
import sys

try:
    import typer

    from calls.commands import (
        broadcast,
        demo,
        explore,
        hangup,
        listing,
        push,
        redirect,
        simulate,
        state,
    )
except ImportError as error:
    if error.name not in {"typer", "rich"}:
        raise
    sys.exit("the calls command needs the cli extra: pip install 'bxml-calls[cli,web]'")

app = typer.Typer(
    name="calls",
    help=(
        "Control live telephone calls, and run the voice platform on this machine.\n\n"
        "The account and its credentials are read from the environment: BW_ACCOUNT_ID, BW_CLIENT_ID"
        " and BW_CLIENT_SECRET. BW_VOICE_URL and BW_TOKEN_URL lead elsewhere than to the platform."
    ),
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # they show local variables, and those may be secret
)

app.command("push", epilog=push.EXAMPLES)(push.push)
app.command("broadcast", epilog=broadcast.EXAMPLES)(broadcast.broadcast)
app.command("redirect", epilog=redirect.EXAMPLES)(redirect.redirect)
app.command("hangup", epilog=hangup.EXAMPLES)(hangup.hangup)
app.command("state", epilog=state.EXAMPLES)(state.state)
app.command("list", epilog=listing.EXAMPLES)(listing.list_calls)
app.command("demo", epilog=demo.EXAMPLES)(demo.demo)
app.command("simulate", epilog=simulate.EXAMPLES)(simulate.simulate)
app.command("explore", epilog=explore.EXAMPLES)(explore.explore)


def main() -> None:
    """Run the command line."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that knows no “ and no ♪ shows a question mark instead.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    app()


if __name__ == "__main__":
    main()

"""``calls redirect``: send a live call to another URL."""

import os
import sys
from enum import StrEnum
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer

from calls.commands._session import CallId, Json, Session, Verbose, Wait
from calls.errors import refuse

EXAMPLES = (
    "Examples:\n\n"
    "calls redirect CALL_ID https://app.example.com/agent\n\n"
    "calls redirect CALL_ID https://app.example.com/agent --tag vip"
    " --fallback-url https://backup.example.com/agent\n\n"
    "BW_REDIRECT_PASSWORD=… calls redirect CALL_ID https://app.example.com/agent --username acme"
)

PASSWORD = "BW_REDIRECT_PASSWORD"  # noqa: S105  # the name of a variable
FALLBACK_PASSWORD = "BW_REDIRECT_FALLBACK_PASSWORD"  # noqa: S105


class Method(StrEnum):
    """How the platform asks a URL for a document."""

    GET = "GET"
    POST = "POST"


def redirect(
    *,
    call_id: CallId,
    url: Annotated[str, typer.Argument(metavar="URL", help="Where its next document comes from.")],
    method: Annotated[
        Method | None,
        typer.Option(case_sensitive=False, help="How URL is asked; POST if you say nothing."),
    ] = None,
    username: Annotated[
        str | None,
        typer.Option(
            help=f"Credentials for URL. The password is in {PASSWORD}, or you are asked for it."
        ),
    ] = None,
    fallback_url: Annotated[
        str | None, typer.Option(metavar="URL", help="Asked if URL does not answer.")
    ] = None,
    fallback_username: Annotated[
        str | None,
        typer.Option(help=f"The same for the fallback; its password is in {FALLBACK_PASSWORD}."),
    ] = None,
    tag: Annotated[
        str | None, typer.Option(help="Your text for this webhook and all later ones.")
    ] = None,
    wait: Wait = 0.0,
    as_json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Send a live call to a URL for its next document.

    What the call was doing ends.

    No option takes a password: while a command runs, everybody on the machine can read its options.

    Exit status: 0 accepted, 1 refused or platform not reached, 2 unusable input: nothing was sent.
    """
    with Session(as_json=as_json, verbose=verbose, call_id=call_id) as session:
        options: dict[str, Any] = {
            "redirect_method": None if method is None else method.value,
            "redirect_fallback_url": fallback_url,
            "tag": tag,
        }
        _refuse_credentials("URL", url, "--username", PASSWORD)
        if username is not None:
            options |= {"username": username, "password": _password(PASSWORD, username)}
        if fallback_url is not None:
            _refuse_credentials(
                "--fallback-url", fallback_url, "--fallback-username", FALLBACK_PASSWORD
            )
        if fallback_username is not None:
            if fallback_url is None:
                refuse("--fallback-username", "goes with --fallback-url")
            password = _password(FALLBACK_PASSWORD, fallback_username)
            options |= {"fallback_username": fallback_username, "fallback_password": password}
        live = session.connect().call(call_id)
        session.begin(call_id, "the redirect of")
        live.redirect(url, wait_seconds=wait, **options)
        session.done("redirected")


def _refuse_credentials(name: str, url: str, option: str, variable: str) -> None:
    try:
        has_credentials = "@" in urlsplit(url).netloc
    except ValueError:
        return  # the controller says what is wrong with it
    if has_credentials:
        words = f"holds credentials, which everybody can read: give {option}, and set {variable}"
        refuse(name, words)


def _can_be_asked() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()


def _password(variable: str, username: str) -> str:
    """The password in a variable, or one that is typed."""
    if password := os.environ.get(variable):
        return password
    if not _can_be_asked():
        refuse("the environment", f"lacks {variable}, and there is no terminal to ask at")
    typed: str = typer.prompt(f"Password of {username!r}", hide_input=True, err=True)
    return typed

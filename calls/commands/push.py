"""``calls push``: replace what a live call is doing."""

import json
from contextlib import suppress
from typing import Annotated, Any

import typer

import bxml
from bxml import _report
from bxml._files import read
from bxml._kinds import safe
from bxml._locate import located_in
from bxml._report import Result, reason
from bxml.document import LARGEST, Bxml, Document
from bxml.errors import BxmlError, ParseError, Problem
from bxml.verbs import SpeakSentence
from calls.commands._session import CallId, Json, Session, Verbose, Wait
from calls.commands._trouble import Unusable
from calls.errors import refuse

EXAMPLES = (
    "Examples:\n\n"
    "calls push CALL_ID agent.xml\n\n"
    "calls push CALL_ID --text 'An agent is ready.' --voice julie\n\n"
    "bxml format - < draft.xml | calls push CALL_ID - --strict --wait 30"
)


def push(
    *,
    call_id: CallId,
    file: Annotated[
        str | None, typer.Argument(metavar="FILE", help="BXML; - is standard input.")
    ] = None,
    text: Annotated[
        str | None, typer.Option(help="Say this instead of a FILE. It is text, never markup.")
    ] = None,
    voice: Annotated[str | None, typer.Option(help="Who says the text, such as julie.")] = None,
    wait: Wait = 0.0,
    strict: Annotated[
        bool, typer.Option("--strict", help="Send nothing if there are warnings.")
    ] = (False),
    unchecked: Annotated[
        bool, typer.Option("--unchecked", help="Send FILE as it is, whatever is in it.")
    ] = False,
    as_json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Replace what a live call is doing with a document.

    It is checked first, as “bxml check --where push” does. With errors, nothing is sent.

    The call ends after the last verb of the document.

    Exit status: 0 accepted, 1 refused or platform not reached, 2 unusable input: nothing was sent.
    """
    with Session(as_json=as_json, verbose=verbose, call_id=call_id) as session:
        document: Document | bytes
        if unchecked and file is not None and text is None:
            if strict:
                refuse("--strict", "does not go with --unchecked")
            document = _read(file)
            result = Result(file, document)
            _of_size(result)
        elif unchecked:
            refuse("--unchecked", "goes with a FILE")
        else:
            document, result = to_push(file, text, voice)
        show(result, strict=strict)
        live = session.connect().call(call_id)
        session.begin(call_id, "the push into")
        live.push(document, unchecked=True, wait_seconds=wait)
        session.done("pushed", problems=_problems(result))


def to_push(file: str | None, text: str | None, voice: str | None) -> tuple[Document, Result]:
    """The document that the arguments of a command name, and what there is to say of it."""
    if text is not None:
        if file is not None:
            refuse("--text", "does not go with a FILE")
        return _said(text, voice)
    if file is None:
        refuse("FILE", "is required, or --text in its place")
    if voice is not None:
        refuse("--voice", "goes with --text; in a FILE, SpeakSentence has the voice")
    return _checked(file, _read(file))


def _read(file: str) -> bytes:
    try:
        return read(file)
    except OSError as error:
        name = safe(_report.called(file))
        raise Unusable(type(error).__name__, f"{name}: {reason(error)}") from None


def _said(text: str, voice: str | None) -> tuple[Document, Result]:
    """A document of one sentence, and what there is to say of it."""
    try:
        document = Bxml([SpeakSentence(text, voice=voice)])
    except BxmlError as error:
        result = Result("--text", problems=error.problems)
        raise _wrong(result, type(error).__name__) from None
    return document, Result("--text", problems=bxml.check(document, where="push"))


def _of_size(result: Result) -> None:
    """Refuse what is larger than any document: only its beginning was read."""
    if len(result.source) > LARGEST:
        words = f"a document may hold at most {LARGEST:,} bytes, and here are more"
        problem = Problem("doc-size", "error", "", words, 1, 1)
        raise _wrong(result._replace(problems=[problem]), "ParseError")


def _checked(name: str, source: bytes) -> tuple[Document, Result]:
    """The document of a file, and what there is to say of it."""
    result = Result(name, source)
    _of_size(result)
    try:
        document = bxml.parse(source)
    except ParseError as error:
        raise _wrong(result._replace(problems=error.problems), "ParseError") from None
    problems = located_in(source, bxml.check(document, where="push"))
    return document, result._replace(problems=problems)


def show(result: Result, *, strict: bool) -> None:
    """Tell of the problems that are worth it; of those that are too many, raise."""
    levels = {each.level for each in result.problems}
    if "error" in levels:
        raise _wrong(result, "InvalidDocument")
    if strict and "warning" in levels:
        raise _wrong(result, "InvalidDocument", "it has warnings, and --strict was given")
    with suppress(OSError):  # nobody reads them
        _report.tell(result, info=False, err=True)


def _wrong(result: Result, kind: str, words: str = "it has errors") -> Unusable:
    with suppress(OSError):
        _report.tell(result, info=False, err=True)
    name = safe(_report.called(result.name))
    return Unusable(kind, f"{name}: nothing was sent, since {words}", _problems(result))


def _problems(result: Result) -> list[dict[str, Any]]:
    """The problems as ``bxml check --format json`` has them."""
    problems: list[dict[str, Any]] = json.loads(_report.as_json([result]))[0]["problems"]
    return problems

"""What all commands do alike: find the platform, tell what became of things, and end."""

import logging
import sys
import warnings
from collections.abc import Sequence
from types import TracebackType
from typing import Annotated, Any, NoReturn, Self

import typer

from calls.auth import BASIC_ENDS
from calls.commands._show import LONGEST_LINE, Printer, json_line, say, shown
from calls.commands._trouble import Circumstances, data_of, is_unusable, line_of
from calls.commands._watch import Watch
from calls.controller import CallController

FAILED = 1
UNUSABLE = 2
INTERRUPTED = 130

CallId = Annotated[str, typer.Argument(metavar="CALL_ID", help="The id of the call.")]
Json = Annotated[
    bool, typer.Option("--json", help="Print JSON for programs, an object a line; errors too.")
]
Verbose = Annotated[
    bool,
    typer.Option(
        "--verbose", "-v", help="Tell of every repeated attempt, also if no terminal reads it."
    ),
]
Wait = Annotated[
    float,
    typer.Option(
        metavar="SECONDS",
        min=0,
        help="Wait so long for a call that is not visible or answered yet.",
    ),
]


class _Log(logging.Handler):
    """The log of the controller for people, but for the attempts, which ``Watch`` tells of."""

    def emit(self, record: logging.LogRecord) -> None:
        if not hasattr(record, "outcome"):
            say(shown(record.getMessage(), LONGEST_LINE))


_LOG = _Log(logging.WARNING)


class Session:
    """One run of a command.

    It is entered first, so that whatever goes wrong in it is told in one line and the process ends
    with the status of that: 1 if the platform refused or cannot be reached, 2 if the input is to
    blame, 130 after Ctrl-C.

    Attributes:
        out: Where results are printed.
        watch: What goes on.
        untried: Calls that were asked for, and whose turn has not come.
    """

    def __init__(self, *, as_json: bool, verbose: bool, call_id: str | None = None) -> None:
        watched = verbose or (sys.stderr is not None and sys.stderr.isatty())
        self.out = Printer()
        self.watch = Watch(say if watched else None)
        self.untried: Sequence[str] = ()
        self._json = as_json
        self._call_id = call_id
        self._deed = ""
        self._basic = False
        self._status = 0
        self._controller: CallController | None = None

    def connect(self) -> CallController:
        """A controller of the account of the environment. It connects when there is need.

        Raises:
            InvalidRequest: A variable is missing or wrong.
        """
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            self._controller = CallController.from_env(
                on_attempt=self.watch.on_attempt, pause=self.watch.pause
            )
        if any(issubclass(each.category, DeprecationWarning) for each in caught):
            self._basic = True
            self.watch.has_credentials()
            say(
                f"the platform accepts BW_USERNAME and BW_PASSWORD until {BASIC_ENDS}:"
                " set BW_CLIENT_ID and BW_CLIENT_SECRET"
            )
        return self._controller

    def begin(self, call_id: str, deed: str) -> None:
        """Something is done to a call from here on: ``the push``, for instance."""
        self._call_id = call_id
        self._deed = f"{deed} {call_id}"
        self.watch.begin()

    def tell(self, words: str, **facts: Any) -> None:
        """Tell a result that is about no one call: people the words, programs the facts."""
        self.out.line(json_line(facts) if self._json else words)

    def done(self, words: str, **facts: Any) -> None:
        """Tell that it was done: people the words, programs the facts."""
        if self._json:
            self.out.line(json_line({"callId": self._call_id, "outcome": "done", **facts}))
        else:
            self.out.line(f"{self._call_id}: {words}")

    def fail(self, error: Exception) -> None:
        """Tell what went wrong; the command may go on."""
        self._status = max(self._status, UNUSABLE if is_unusable(error) else FAILED)
        may = self.watch.may_have_been_done and not is_unusable(error)
        told = Circumstances(bool(self._deed), may, self._basic)
        say(line_of(error, told))
        if self._json:
            self.out.line(json_line(data_of(error, self._call_id, told)))

    def __enter__(self) -> Self:
        logging.getLogger("calls").addHandler(_LOG)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        logging.getLogger("calls").removeHandler(_LOG)
        if self._controller is not None:
            self._controller.close()
        if isinstance(error, KeyboardInterrupt | typer.Abort):
            self._interrupted()
        if isinstance(error, typer.Exit):
            return
        if error is not None:
            if not isinstance(error, Exception):
                return
            self.fail(error)
            if self._deed and self.untried:
                say(
                    f"not tried: {', '.join(self.untried[:5])}"
                    f"{', …' if len(self.untried) > 5 else ''}"
                )
        self._tell_of_untried()
        if status := self._status or (UNUSABLE if self.out.failed else 0):
            raise typer.Exit(status) from None

    def _interrupted(self) -> NoReturn:
        if self.watch.was_done:
            how, outcome = "was", "done"
        elif self.watch.may_have_been_done:
            how, outcome = "may have been", "unknown"
        else:
            how, outcome = "was not", "not_sent"
        words = ""
        if self._deed:
            words = f"; {self._deed} {how} done"
        elif self._call_id or self.untried:
            words = "; nothing was done"
        if self._deed and self.untried:
            words += f", {len(self.untried)} more not tried"
        say(shown(f"interrupted{words}", LONGEST_LINE))
        if self._json:
            told = {"callId": self._call_id, "outcome": outcome, "error": "KeyboardInterrupt"}
            self.out.line(json_line(told))
        self._tell_of_untried()
        raise typer.Exit(INTERRUPTED) from None

    def _tell_of_untried(self) -> None:
        if self._json:
            for call_id in self.untried:
                self.out.line(json_line({"callId": call_id, "outcome": "not_sent"}))

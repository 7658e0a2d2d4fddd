"""``calls simulate``: the voice platform on this machine, for any client and any application."""

import errno
import re
import shlex
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack, suppress
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, NamedTuple
from urllib.parse import urlsplit

import msgspec
import typer

from bxml._kinds import safe
from bxml._kinds import shown as quoted
from bxml._report import reason
from calls.commands._session import FAILED, INTERRUPTED, Json, Session
from calls.commands._show import Printer, json_line
from calls.commands._trouble import Unusable
from calls.errors import refuse

if TYPE_CHECKING:  # they need the web extra
    from calls.simulator import Caller, Entry, Simulator
    from calls.simulator.state import Call

EXAMPLES = (
    "Examples:\n\n"
    "calls simulate\n\n"
    "calls simulate --app http://127.0.0.1:8000/answer\n\n"
    "calls simulate --port 0 --clock virtual --app http://127.0.0.1:8000/answer"
    " --caller 'hears press 1, presses 1, waits 20, hangs up'"
)

NUMBER = "+15550100002"
CALLERS = "+1555010{:04}"

SLICE_SECONDS = 0.1
"""Seconds after which what has happened is shown, on the clock that runs."""

ENDS_WELL = frozenset({"hangup", "busy", "timeout", "cancel", "rejected"})
"""Why calls end that meet no error (documented)."""

STYLES: Mapping[str, str] = {
    "hears": "green",
    "presses": "yellow",
    "says": "yellow",
    "webhook": "cyan",
    "REST": "magenta",
    "fault": "red",
}


_LINES = (
    ("BW_ACCOUNT_ID", "BW_CLIENT_ID", "BW_CLIENT_SECRET"),
    ("BW_VOICE_URL", "BW_TOKEN_URL"),
    ("NO_PROXY", "no_proxy"),
)


class Clock(StrEnum):
    """How time passes."""

    REAL = "real"
    VIRTUAL = "virtual"


def simulate(
    *,
    port: Annotated[
        int, typer.Option(min=0, max=65_535, help="Where the REST API is; 0 picks a free port.")
    ] = 8080,
    app: Annotated[
        str | None,
        typer.Option(metavar="URL", help="The URL of your application that gets initiate."),
    ] = None,
    caller: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SCRIPT",
            help="Somebody who dials in at once: steps, with commas between them."
            " hears WORDS, presses KEYS, says WORDS, waits SECONDS, hangs up. May be repeated.",
        ),
    ] = None,
    to: Annotated[str, typer.Option(metavar="NUMBER", help="The number they dial.")] = NUMBER,
    keep: Annotated[
        bool, typer.Option("--keep", help="Go on when the calls of --caller are over.")
    ] = False,
    clock: Annotated[
        Clock, typer.Option(help="virtual: whatever takes time takes none.")
    ] = Clock.REAL,
    as_json: Json = False,
) -> None:
    """Run the voice platform on this machine: no account, no tunnel, no telephone.

    Prints what to paste into another shell, so that clients find it, and then whatever happens.

    It goes on until Ctrl-C; with --caller, until those calls are over.

    Whoever is called by your application answers after two seconds, and listens.

    Exit status: 0, 1 a call of --caller ended with an error, 2 unusable input, 130 interrupted call.
    """
    with Session(as_json=as_json, verbose=False) as session:
        scripts = [caller_of(script) for script in caller or ()]
        _check_app(app, has_callers=bool(scripts))
        wanted = _Wanted(port, app, scripts, to, clock, keep or not scripts)
        calls = _run(wanted, _Show(session.out, as_json=as_json))
        if not all(call.is_over for call in calls) and not wanted.keeps:
            raise typer.Exit(INTERRUPTED)
        if any(call.is_over and call.cause not in ENDS_WELL for call in calls):
            raise typer.Exit(FAILED)


class _Wanted(NamedTuple):
    port: int
    app: str | None
    callers: Sequence["Caller"]
    to: str
    clock: Clock
    keeps: bool


class _Show:
    """Prints what happens, each line once."""

    def __init__(self, out: Printer, *, as_json: bool) -> None:
        self._out = out
        self._as_json = as_json
        self._shown = 0

    @property
    def is_read(self) -> bool:
        """Whether there is anybody who reads it."""
        return not self._out.gone

    def where(self, environment: Mapping[str, str]) -> None:
        """Tell how to reach the platform."""
        if self._as_json:
            self._out.line(json_line({"kind": "serving", "environment": environment}))
            return
        for names in _LINES:
            pairs = (f"{name}={shlex.quote(environment[name])}" for name in names)
            self._out.line(f"export {' '.join(pairs)}")

    def news(self, simulator: "Simulator") -> None:
        """Print what has happened since the last time."""
        with simulator.held() as engine:
            entries = engine.timeline[self._shown :]
        self._shown += len(entries)
        for entry in entries:
            self._print(entry)

    def _print(self, entry: "Entry") -> None:
        from calls.simulator.transcript import transcript  # noqa: PLC0415  # needs the web extra

        if self._as_json:
            self._out.line(json_line(msgspec.to_builtins(entry)))
            return
        for line in transcript([entry]):
            words = typer.style(safe(line.text), fg=STYLES.get(line.kind))
            self._out.line(f"{line.at or 0.0:7.1f} s  {line.kind:<10} {words}")
            for detail in line.detail.splitlines():
                self._out.line(typer.style(f"{'':22}{safe(detail)}", dim=True))


def _run(wanted: _Wanted, show: _Show) -> Sequence["Call"]:
    """Serve, and let the callers call. Their calls, whose ends are known then."""
    try:
        from calls.simulator import RealClock, Simulator, VirtualClock  # noqa: PLC0415  # see below
        from calls.simulator import server as _  # noqa: F401, PLC0415  # needs the web extra
    except ImportError as error:
        raise Unusable("ImportError", str(error)) from None
    clock = RealClock() if wanted.clock is Clock.REAL else VirtualClock()
    calls: list[Call] = []
    with ExitStack() as stack, suppress(KeyboardInterrupt):
        # Calls that are placed lead to whatever their requests say, as on the real platform.
        simulator = stack.enter_context(Simulator(clock=clock, isolated=False))
        try:
            stack.enter_context(simulator.serve(port=wanted.port))
        except OSError as error:
            raise _without_port(wanted.port, error) from None
        show.where(_environment(simulator))
        calls += _dialled(simulator, wanted)
        turn = _slice if wanted.clock is Clock.REAL else _next
        while show.is_read and (wanted.keeps or not _is_done(simulator, calls)):
            turn(simulator)
            show.news(simulator)
    return calls


def _without_port(port: int, error: OSError) -> Unusable:
    why = "is taken" if error.errno == errno.EADDRINUSE else f"cannot be used: {reason(error)}"
    return Unusable(
        type(error).__name__, f"--port {port} {why}. Give another, or 0 to get a free one"
    )


def _environment(simulator: "Simulator") -> Mapping[str, str]:
    """The variables that lead a client here."""
    return {
        "BW_ACCOUNT_ID": simulator.account_id,
        "BW_CLIENT_ID": simulator.auth.client_id,
        "BW_CLIENT_SECRET": simulator.auth.client_secret,
        "BW_VOICE_URL": simulator.base_url,
        "BW_TOKEN_URL": simulator.auth.token_url,
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
    }


def _dialled(simulator: "Simulator", wanted: _Wanted) -> Iterable["Call"]:
    if wanted.app is None:
        return
    application = simulator.add(wanted.app)
    for index, caller in enumerate(wanted.callers, 1):
        from_ = CALLERS.format(index)
        call_id = simulator.dial(from_=from_, to=wanted.to, caller=caller, application=application)
        with simulator.held() as engine:
            yield engine.calls[call_id]


def _is_done(simulator: "Simulator", calls: Sequence["Call"]) -> bool:
    """Whether all calls are over, and the application has been told."""
    with simulator.held() as engine:
        waits = bool(engine.outgoing) or engine.under_way > 0
    return not waits and all(call.is_over for call in calls)


def _slice(simulator: "Simulator") -> None:
    """Let a little time pass on the clock that runs."""
    simulator.advance(SLICE_SECONDS)


def _next(simulator: "Simulator") -> None:
    """Let the next thing happen, and take no time; or look again later if there is none."""
    with simulator.held() as engine:
        due, waits = engine.due(), bool(engine.outgoing)
    if due is None and not waits:
        time.sleep(SLICE_SECONDS / 2)  # a request may come in meanwhile
    else:
        simulator.run(until=simulator.now if due is None or waits else due)


def _check_app(app: str | None, *, has_callers: bool) -> None:
    if app is None:
        if has_callers:
            refuse("--caller", "goes with --app URL, which is asked what its call is to do")
        return
    try:
        parts = urlsplit(app)
        is_url = parts.scheme in {"http", "https"} and bool(parts.hostname)
    except ValueError:
        is_url = False
    if not is_url:
        refuse("--app", f"must be an absolute http or https URL (got {quoted(app)})")


# The words of a script

_STEPS: Mapping[str, tuple[str, Callable[["Caller", str], "Caller"]]] = {
    "hears": ("WORDS", lambda caller, words: caller.hears(words)),
    "presses": ("KEYS", lambda caller, keys: caller.presses(keys)),
    "says": ("WORDS", lambda caller, words: caller.says(words)),
    "waits": ("SECONDS", lambda caller, seconds: caller.waits(float(seconds))),
    "hangs up": ("", lambda caller, _: caller.hangs_up()),
}
_ANY_STEP = "|".join(_STEPS)
_BETWEEN = re.compile(rf"\s*,\s*(?=(?:{_ANY_STEP})\b)")
"""A comma before a step; others belong to the words that are heard or said."""
_STEP = re.compile(rf"({_ANY_STEP})\b\s*(.*)", re.DOTALL)


def caller_of(script: str) -> "Caller":
    """The caller that a script describes, such as ``hears press 1, presses 1, hangs up``.

    Raises:
        InvalidRequest: It has something else in it.
    """
    from calls.simulator.caller import Caller  # noqa: PLC0415  # the web extra may be missing

    caller = Caller()
    for step in _BETWEEN.split(script.strip()):
        found = _STEP.fullmatch(step)
        if found is None:
            known = ", ".join(f"{name} {what}".strip() for name, (what, _) in _STEPS.items())
            refuse("--caller", f"has steps that are {known} (got {quoted(step)})")
        what, act = _STEPS[found[1]]
        if bool(found[2]) != bool(what):
            wanted = f"needs {what}" if what else "has nothing after it"
            refuse("--caller", f"has a step that {wanted}: {found[1]} (got {quoted(step)})")
        try:
            caller = act(caller, found[2])
        except ValueError as error:
            refuse("--caller", f"has a wrong step: {quoted(step)}: {error}")
    return caller

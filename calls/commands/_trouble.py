"""What went wrong, in one line for people, and as data for programs."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from bxml._declare import vendor_name
from bxml._kinds import safe, without_credentials
from bxml.errors import BxmlError, Problem
from calls.broadcasting import BroadcastStopped
from calls.commands._show import LONGEST_LINE, shown
from calls.errors import (
    CallConflict,
    CallEnded,
    CallNotFound,
    CallNotYetAnswered,
    CallsError,
    ConnectionFailed,
    Forbidden,
    InvalidRequest,
    PaymentRequired,
    RateLimited,
    ServerError,
    Unauthorized,
    UnexpectedReply,
)

_ON_THE_COMMAND_LINE: Mapping[str, str] = {
    "environ": "the environment",
    "account_id": "BW_ACCOUNT_ID",
    "base_url": "BW_VOICE_URL",
    "token_url": "BW_TOKEN_URL",
    "client_id": "BW_CLIENT_ID",
    "client_secret": "BW_CLIENT_SECRET",
    "Basic.username": "BW_USERNAME",
    "Basic.password": "BW_PASSWORD",
    "call_id": "CALL_ID",
    "wait_seconds": "--wait",
    "redirect_url": "URL",
    "redirect_method": "--method",
    "username": "--username",
    "password": "BW_REDIRECT_PASSWORD",
    "redirect_fallback_url": "--fallback-url",
    "fallback_username": "--fallback-username",
    "fallback_password": "BW_REDIRECT_FALLBACK_PASSWORD",
    "tag": "--tag",
    "call_ids": "an id in IDS",
    "journal": "--journal",
    "rate": "--rate",
    "to": "--to",
    "from_": "--from",
    "min_start_time": "--since",
    "max_start_time": "--until",
    "disconnect_cause": "--cause",
    "limit": "--limit",
}
"""What the arguments of the controller are to those who type commands."""

_ADVICE: Mapping[type[Exception], str] = {
    Forbidden: "These credentials are sound, but not for this: check BW_ACCOUNT_ID, and their roles.",
    PaymentRequired: "The account is out of credit.",
    CallEnded: "It can be changed no more.",
    BroadcastStopped: "Start the same command again to go on.",
    CallNotYetAnswered: "--wait SECONDS waits for the answer.",
    CallNotFound: "Check the id, and BW_ACCOUNT_ID. A new call may take minutes to become visible.",
    CallConflict: "Look at it with “calls state”, and try again.",
    RateLimited: "Try again later.",
    ServerError: "Try again later.",
    UnexpectedReply: "Check BW_VOICE_URL, and what stands between here and there.",
    ConnectionFailed: "Check the network, HTTPS_PROXY and BW_VOICE_URL.",
}
"""What to do, by the first class of an error that is found here."""

_IF_DOUBTFUL = "Look at the call with “calls state” before you try again."
_TO_WAIT = "--wait SECONDS waits for that."
_OF_ARGUMENTS: Mapping[str, str] = {
    "environ": "Needed are the account's id, BW_ACCOUNT_ID,"
    " and credentials, BW_CLIENT_ID and BW_CLIENT_SECRET.",
    "proxy": "Check HTTPS_PROXY and HTTP_PROXY.",
}
"""What to do about an argument that is wrong."""


class Circumstances(NamedTuple):
    """What one must know to tell of an error.

    Attributes:
        changes: Whether something was to be done to a call.
        may: Whether it may have been done all the same.
        basic: Whether the credentials are a user name and a password.
    """

    changes: bool
    may: bool
    basic: bool


class Unusable(CallsError):
    """Input that nothing can be done with. Nothing was sent.

    Attributes:
        kind: The name of the class that a program would meet.
        problems: What is wrong with the document, as ``bxml check`` tells programs.
    """

    def __init__(self, kind: str, words: str, problems: Sequence[Mapping[str, Any]] = ()) -> None:
        super().__init__(words)
        self.kind = kind
        self.problems = problems


def is_unusable(error: Exception) -> bool:
    """Whether the input is to blame."""
    return isinstance(error, InvalidRequest | BxmlError | Unusable)


def line_of(error: Exception, told: Circumstances) -> str:
    """Where, what was wanted, what came, and what to do."""
    line = _words(error)
    if told.may and "may have arrived" not in line:
        line += "; it may have been done all the same"
    advice = advice_of(error, told)
    return f"{line.removesuffix('.')}. {advice}" if advice else line


def data_of(error: Exception, call_id: str | None, told: Circumstances) -> dict[str, Any]:
    """The same for programs. Names are spelt as the vendor spells them."""
    data = {
        "callId": call_id,
        "outcome": "unknown" if told.may else getattr(error, "outcome", "not_sent"),
        "error": error.kind if isinstance(error, Unusable) else type(error).__name__,
        "status": getattr(error, "status", None),
        "description": _description(error),
        "advice": advice_of(error, told),
        "errorId": getattr(error, "error_id", None),
        "retryAfter": getattr(error, "retry_after", None),
        "attempts": [
            {vendor_name(name): value for name, value in msgspec.to_builtins(each).items()}
            for each in getattr(error, "attempts", ())
        ],
    }
    if isinstance(error, Unusable) and error.problems:
        data["problems"] = error.problems
    return data


def advice_of(error: Exception, told: Circumstances) -> str:
    """What to do about it."""
    if isinstance(error, Unauthorized):
        names = "BW_USERNAME and BW_PASSWORD" if told.basic else "BW_CLIENT_ID and BW_CLIENT_SECRET"
        return f"Check {names}."
    if isinstance(error, InvalidRequest):
        wrong = [each.attribute or "" for each in error.problems]
        return next((_OF_ARGUMENTS[each] for each in wrong if each in _OF_ARGUMENTS), "")
    if told.may:
        return _IF_DOUBTFUL
    advice = next((_ADVICE[cls] for cls in type(error).__mro__ if cls in _ADVICE), "")
    waits = isinstance(error, CallNotFound) and not isinstance(error, CallEnded)
    return f"{advice} {_TO_WAIT}" if waits and told.changes else advice


def _words(error: Exception) -> str:
    if isinstance(error, InvalidRequest):
        return safe("; ".join(_of_arguments(error.problems)))
    if isinstance(error, BxmlError):
        return safe("; ".join(map(str, error.problems)))
    if isinstance(error, CallsError):
        return shown(error, LONGEST_LINE)
    return f"{type(error).__name__}: {shown(error, LONGEST_LINE)}"


def _description(error: Exception) -> str:
    told = getattr(error, "description", None) or getattr(error, "reason", None)
    return shown(told, LONGEST_LINE) if told else _words(error)


def _of_arguments(problems: Sequence[Problem]) -> list[str]:
    """What is wrong with arguments, one sentence for each of them."""
    told: dict[str, str] = {}
    for problem in problems:
        name = problem.attribute or ""
        words = without_credentials(problem.message).replace(
            "; hand in a transport to overrule it", ""
        )
        known = _ON_THE_COMMAND_LINE.get(f"{problem.path}.{name}") or _ON_THE_COMMAND_LINE.get(name)
        if known and words.startswith(f"{name} "):
            words = known + words.removeprefix(name)
        told.setdefault(name, words)
    return list(told.values())

"""The document of what a script has said, with the URLs that lead back to it."""

from functools import lru_cache
from typing import Any, NamedTuple, cast

from msgspec.structs import fields, replace

from bxml.document import CallVerb, Response
from bxml.verbs import Pause, PlayAudio, Redirect, Ring, SendDtmf, SpeakSentence
from calls.script._asks import Listen, Wait
from calls.script._play import Play

HOLD_SECONDS = 15.0
"""The silence that is played, again and again, to somebody who waits and hears nothing else."""

_REPEATED = (Pause, PlayAudio, Ring, SendDtmf, SpeakSentence)
"""What is played again to somebody who waits for a message; the rest has been done already."""


class Way(NamedTuple):
    """How a verb leads back: a URL, and the credentials that the application asks for there."""

    url: str
    credentials: dict[str, str]
    fallback_credentials: dict[str, str]


def document_of(play: Play, way: Way, *, again: bool = False) -> Response:
    """The document of a script that waits, or is over.

    Args:
        play: The script.
        way: How its last verb leads back.
        again: Whether somebody who waits for a message has heard all of it before.
    """
    ask, verbs = play.ask, play.verbs
    if isinstance(ask, Listen):
        return Response((*_held(verbs, ask, again=again), _back(way)))
    if not isinstance(ask, Wait):
        return Response(verbs)
    if ask.verb is None:
        return Response((*verbs, _back(way)))
    if not ask.stem:  # it leads elsewhere
        return Response((*verbs, ask.verb))
    return Response((*verbs, _leading(ask.verb, ask.stem, way)))


def _held(verbs: tuple[CallVerb, ...], ask: Listen, *, again: bool) -> tuple[CallVerb, ...]:
    """What is played to somebody who waits for a message."""
    if again:
        verbs = tuple(verb for verb in verbs if isinstance(verb, _REPEATED))
    # A document that takes no time would be asked for again at once.
    if any(isinstance(verb, _REPEATED) for verb in verbs):
        return verbs
    seconds = HOLD_SECONDS if ask.seconds is None else min(HOLD_SECONDS, max(ask.seconds, 0.1))
    return (*verbs, Pause(duration=seconds))


def _back(way: Way) -> Redirect:
    """What comes back when everything before it has been heard."""
    return Redirect(
        way.url,
        redirect_fallback_url=way.url,
        **cast("dict[str, Any]", way.credentials | way.fallback_credentials),
    )


def _leading(verb: CallVerb, stem: str, way: Way) -> CallVerb:
    """A verb with its URLs. The second try is the same: whoever was away for a moment is there again."""
    url, second, has_credentials = _names(type(verb), stem)
    more: dict[str, Any] = {url: way.url}
    if second is not None:
        more[second] = way.url
    if way.credentials and has_credentials:
        own: Any = verb
        if own.username is None:
            more |= way.credentials
        if second is not None and own.fallback_username is None:
            more |= way.fallback_credentials
    return replace(verb, **more)


@lru_cache(maxsize=64)
def _names(verb: type[CallVerb], stem: str) -> tuple[str, str | None, bool]:
    """The attributes of a verb that lead back: its URL, its second one, whether it has credentials."""
    names = {field.name for field in fields(verb)}
    second = f"{stem}_fallback_url"
    return f"{stem}_url", second if second in names else None, "username" in names

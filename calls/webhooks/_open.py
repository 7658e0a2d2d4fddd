"""Verbs whose webhooks would be turned away: they lead here and bring no credentials."""

from collections.abc import Iterator
from typing import Any

from bxml._compose import Container, Verb
from bxml._declare import describe
from bxml.document import Document
from bxml.errors import Problem


def without_credentials(document: Document, public_url: str | None) -> list[Problem]:
    """A warning for each verb that sets a URL of this application and no user name for it.

    A relative URL leads here, and so does one that begins with ``public_url``.
    """
    found = []
    for path, verb in _verbs(document):
        for name, username in _urls(type(verb)):
            url = getattr(verb, name)
            if url is None or getattr(verb, username) is not None:
                continue
            if "://" not in url or (public_url is not None and _is_below(url, public_url)):
                words = f"{name} leads here without credentials, which this application asks for"
                found.append(Problem("credentials-missing", "warning", path, words, attribute=name))
    return found


def _is_below(url: str, public_url: str) -> bool:
    if url.startswith("ws"):
        public_url = public_url.replace("http", "ws", 1)
    rest = url[len(public_url) :]
    return url.startswith(public_url) and (not rest or rest[0] in "/?#")


def _verbs(document: Document) -> Iterator[tuple[str, Any]]:
    root = type(document).__name__
    verb: Verb
    for index, verb in enumerate(document):
        path = f"{root}[{index}] > {type(verb).__name__}"
        yield path, verb
        if isinstance(verb, Container):
            yield from ((f"{path} > {type(child).__name__}", child) for child in verb)


def _urls(cls: type[Verb]) -> tuple[tuple[str, str], ...]:
    """The attributes that set where a webhook goes, each with that of its user name."""
    attributes = {attribute.name: attribute for attribute in describe(cls).attributes}
    pairs = []
    for name, attribute in attributes.items():
        username = "fallback_username" if "fallback" in name else "username"
        if attribute.delivers and username in attributes:
            pairs.append((name, username))
    if "destination_username" in attributes:
        pairs.append(("destination", "destination_username"))
    return tuple(pairs)

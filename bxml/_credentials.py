"""Which URLs the credentials of a verb are sent to, as the names of its attributes say.

``username`` goes to the URLs of webhooks, ``fallback_username`` to those of second tries,
``destination_username`` to a websocket.
"""

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, NamedTuple

from bxml._declare import Checked, describe
from bxml._kinds import Fault, first
from bxml.types import MayBeRelative


class Credentials(NamedTuple):
    """The attributes of one pair of credentials, and the URLs that they are sent to."""

    names: tuple[str, ...]
    urls: tuple[str, ...]

    def given(self, verb: Any) -> list[str]:
        """Those of the names that a verb has values for."""
        return [name for name in self.names if getattr(verb, name) is not None]

    def sent(self, given: list[str]) -> str:
        """The reason why a URL should be encrypted, in words."""
        return f"since {' and '.join(given)} {'goes' if len(given) == 1 else 'go'} there"


def urls_of(cls: type[Checked]) -> tuple[str, ...]:
    """The attributes, or the text, of a class that hold a URL which may be relative."""
    known = describe(cls).attributes
    return tuple(each.name for each in known if first(each.marks, MayBeRelative))


def _credentials(cls: type[Checked]) -> tuple[Credentials, ...]:
    names = {known.name for known in describe(cls).attributes}
    urls = urls_of(cls)
    fallbacks = tuple(url for url in urls if url.endswith("_fallback_url"))
    mains = tuple(url for url in urls if url.endswith("_url") and url not in fallbacks)
    pairs = (
        Credentials(("username", "password"), mains or urls),
        Credentials(("fallback_username", "fallback_password"), fallbacks),
        Credentials(("destination_username", "destination_password"), ("destination",)),
    )
    return tuple(pair for pair in pairs if names.issuperset(pair.names))


credentials_of: Callable[[type[Checked]], tuple[Credentials, ...]] = cache(_credentials)
"""The credentials that the verbs of a class may have."""


def unencrypted(verb: Checked) -> Iterator[Fault]:
    """The http URLs that credentials of a verb go to, where the documentation asks for https."""
    for credentials in credentials_of(type(verb)):
        if given := credentials.given(verb):
            for url in credentials.urls:
                if (getattr(verb, url) or "")[:5].lower() == "http:":
                    words = f"must be https, {credentials.sent(given)}"
                    yield Fault("https-with-credentials", words, url)

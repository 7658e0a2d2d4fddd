"""When two documents are the same, whoever they are said to."""

import re
from functools import lru_cache
from hashlib import blake2s
from urllib.parse import urlsplit

from calls.script._mounted import STEP

_STEP = re.compile(rf"{STEP}=\d+\.\d+")

_RELATIVE = re.compile(
    r"""(?:Url|Callback|destination)\s*=\s*["'](?!https?://|wss?://|/)"""
    r"""|<PlayAudio\b[^>]*>\s*(?!https?://|/|\s)"""
)
"""A URL that is relative to the path of the document, in markup."""


class Identity:
    """Tells documents apart, by all but the call that they are said to.

    Args:
        varies: What else differs from call to call without meaning anything: a regular expression.

    Raises:
        ValueError: It is none.
    """

    def __init__(self, varies: str | None = None) -> None:
        try:
            self._varies = None if varies is None else re.compile(varies)
        except re.error as error:
            raise ValueError(f"varies must be a regular expression: {error}") from None

    def plain(self, text: str, call_id: str, from_: str, to: str) -> str:
        """Text without what belongs to one call."""
        text = text.replace(call_id, "{callId}").replace(from_, "{from}").replace(to, "{to}")
        text = _STEP.sub(f"{STEP}=…", text)
        return text if self._varies is None else self._varies.sub("…", text)

    def of_document(self, content: bytes, url: str, call_id: str, from_: str, to: str) -> str:
        """What two documents have in common that are the same: a few letters.

        Where they came from makes a difference only if something in them is relative to it.
        """
        text = content.decode(errors="replace")
        base = path_of(url) if _RELATIVE.search(text) else ""
        plain = self.plain(f"{base}\n{text}", call_id, from_, to)
        return blake2s(plain.encode(), digest_size=12).hexdigest()


@lru_cache(maxsize=1024)
def path_of(url: str) -> str:
    """The path of a URL, with its query."""
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path

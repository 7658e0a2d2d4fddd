"""Webhooks over real HTTP, as the platform posts them."""

import time
from urllib.parse import urlencode

import httpx
import msgspec

from calls.simulator.state import Answered, Delivery, Unanswered

LARGEST_REPLY = 65_536
"""Bytes in a document; one more is read, so that the parser can tell that it is too large."""


class Poster:
    """Delivers webhooks through httpx, one at a time."""

    def __init__(self, transport: httpx.BaseTransport | None = None) -> None:
        # Of the machine's own proxies and passwords the platform knows nothing.
        self._client = httpx.Client(transport=transport, trust_env=False)

    def __call__(self, delivery: Delivery) -> Answered | Unanswered:
        """Deliver one webhook. Every failure is an outcome; none is raised."""
        there = delivery.target
        auth = (there.username or "", there.password or "")
        headers = {
            "Accept-Encoding": "identity",
            "User-Agent": "BandwidthAPI/2.0 (simulated)",
        }
        deadline = time.monotonic() + delivery.timeout
        url, body = there.url, b""
        if there.method == "GET":
            fields = msgspec.json.decode(delivery.body)
            url = url.partition("#")[0]
            url += ("&" if "?" in url else "?") + urlencode(fields)
        else:
            body = delivery.body
            headers["Content-Type"] = "application/json"
        try:
            with self._client.stream(
                there.method,
                url,
                content=body,
                headers=headers,
                timeout=delivery.timeout,
                auth=auth if any(auth) else None,
            ) as reply:
                content = bytearray()
                if reply.headers.get("content-encoding", "identity") != "identity":
                    return Unanswered("the reply is compressed, which was not asked for")
                for chunk in reply.iter_bytes():
                    content += chunk
                    if len(content) > LARGEST_REPLY:
                        break
                    if time.monotonic() > deadline:
                        return Unanswered("the reply took too long")
                return Answered(reply.status_code, bytes(content[: LARGEST_REPLY + 1]))
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            return Unanswered(type(error).__name__)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

"""The websocket below a socket of this package, whoever serves it."""

from typing import Protocol


class Connection(Protocol):
    """What is asked of a websocket that has been accepted."""

    async def receive_text(self) -> str | None:
        """The next message; None if the peer has closed."""
        ...

    async def send_text(self, text: str) -> None:
        """Send a message. Nothing happens if the peer has closed."""
        ...

    async def close(self) -> None:
        """Close it. Nothing happens if it is closed."""
        ...

"""What the operations work with."""

from bxml._parse import parse
from bxml.document import Bxml, Response
from bxml.errors import ParseError
from calls.simulator.engine import Engine
from calls.simulator.rest.listing import Places
from calls.simulator.rest.message import invalid


class Desk:
    """The engine, and the account whose it is."""

    def __init__(self, engine: Engine, account_id: str) -> None:
        self.engine = engine
        self.account_id = account_id
        self.places = Places()

    @property
    def account_url(self) -> str:
        """Where everything of the account is."""
        return self.engine.calls_url.removesuffix("/calls")


def document_in(body: bytes) -> Response | Bxml:
    """The document that a body is.

    Raises:
        Refusal: It is none, or a larger one than there may be.
    """
    try:
        return parse(body)
    except ParseError as error:
        raise invalid(f"Invalid BXML: {error.problems[0]}") from None

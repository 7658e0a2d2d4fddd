"""Bringing other parties into the call."""

from collections.abc import Iterable
from typing import Annotated, ClassVar

from msgspec import Meta

from bxml._compose import Container, TextVerb, appends
from bxml._kinds import Fault, shown
from bxml.types import (
    E164,
    Assumes,
    CallerId,
    Delivers,
    DisplayName,
    DiversionReason,
    DiversionTreatment,
    Method,
    Password,
    Seconds,
    SipAddress,
    Tag,
    Url,
    Username,
    UserToUser,
)

PRIVATE_NAMES = ("Restricted", "Anonymous", "Private", "Unavailable")
"""The display names that ``privacy`` allows (documented)."""

TransferAnswerUrl = Annotated[
    Url,
    Delivers("transferAnswer"),
    Meta(description="Asked when this party answers; it alone hears the document in the reply."),
]
TransferDisconnectUrl = Annotated[
    Url,
    Delivers("transferDisconnect"),
    Meta(description="Told when this party's leg ends, however it ends."),
]


class PhoneNumber(TextVerb[E164], frozen=True, kw_only=True):
    """A phone number that ``Transfer`` rings: ``text`` is the number in E.164 form."""

    transfer_answer_url: TransferAnswerUrl | None = None
    transfer_answer_method: Annotated[Method, Assumes("POST")] | None = None
    transfer_answer_fallback_url: Url | None = None
    transfer_answer_fallback_method: Annotated[Method, Assumes("POST")] | None = None
    transfer_disconnect_url: TransferDisconnectUrl | None = None
    transfer_disconnect_method: Annotated[Method, Assumes("POST")] | None = None
    username: Username | None = None
    password: Password | None = None
    fallback_username: Username | None = None
    fallback_password: Password | None = None
    tag: Tag | None = None
    uui: UserToUser | None = None


class SipUri(TextVerb[SipAddress], frozen=True, kw_only=True):
    """A SIP address that ``Transfer`` rings: ``text`` is the address, ``sip:user@host``."""

    uui: UserToUser | None = None
    transfer_answer_url: TransferAnswerUrl | None = None
    transfer_answer_method: Annotated[Method, Assumes("POST")] | None = None
    transfer_answer_fallback_url: Url | None = None
    transfer_answer_fallback_method: Annotated[Method, Assumes("POST")] | None = None
    transfer_disconnect_url: TransferDisconnectUrl | None = None
    transfer_disconnect_method: Annotated[Method, Assumes("POST")] | None = None
    username: Username | None = None
    password: Password | None = None
    fallback_username: Username | None = None
    fallback_password: Password | None = None
    tag: Tag | None = None


class Transfer(Container[PhoneNumber | SipUri], frozen=True, kw_only=True):
    """Rings one to eight parties at once and connects the call to the first that answers.

    With ``transfer_complete_url`` the outcome goes there and the document in the reply runs next.
    Without it the next verb runs when the other party hangs up. May be built without a party; it
    needs one before it enters a document.
    """

    least: ClassVar[int] = 1
    most: ClassVar[int] = 8
    limit_rule: ClassVar[str] = "transfer-children"

    transfer_caller_id: (
        Annotated[
            CallerId, Meta(description="Number shown to the parties; absent: the caller's own.")
        ]
        | None
    ) = None
    privacy: Annotated[bool, Assumes(False), Meta(description="Hide the number.")] | None = None
    transfer_caller_display_name: (
        Annotated[DisplayName, Meta(description="Name shown to the parties.")] | None
    ) = None
    call_timeout: (
        Annotated[
            Seconds, Meta(ge=1, le=300, description="Seconds that a party may ring."), Assumes(30)
        ]
        | None
    ) = None
    transfer_complete_url: (
        Annotated[
            Url,
            Delivers("transferComplete"),
            Meta(
                description="Asked when the transfer is over; the document in the reply runs next."
            ),
        ]
        | None
    ) = None
    transfer_complete_method: Annotated[Method, Assumes("POST")] | None = None
    transfer_complete_fallback_url: Url | None = None
    transfer_complete_fallback_method: Annotated[Method, Assumes("POST")] | None = None
    username: Username | None = None
    password: Password | None = None
    fallback_username: Username | None = None
    fallback_password: Password | None = None
    tag: Tag | None = None
    diversion_treatment: (
        Annotated[
            DiversionTreatment,
            Assumes("none"),
            Meta(description="What becomes of Diversion headers; for inbound calls only."),
        ]
        | None
    ) = None
    diversion_reason: (
        Annotated[
            DiversionReason,
            Assumes("unknown"),
            Meta(description="Reason in the header that diversion_treatment=stack adds."),
        ]
        | None
    ) = None

    phone_number = appends(PhoneNumber)
    sip_uri = appends(SipUri)

    def across(self) -> Iterable[Fault]:
        """With ``privacy`` only four display names are allowed (documented, 2026)."""
        name = self.transfer_caller_display_name
        if not self.privacy or name is None or name in PRIVATE_NAMES:
            return ()
        words = f"must be {', '.join(PRIVATE_NAMES[:-1])} or {PRIVATE_NAMES[-1]} with privacy"
        return (
            Fault(
                "privacy-display-name",
                f"{words} (got {shown(name)})",
                "transfer_caller_display_name",
            ),
        )

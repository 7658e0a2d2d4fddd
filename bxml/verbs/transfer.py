"""Bringing other parties into the call."""

from collections.abc import Iterable
from typing import Annotated, ClassVar

from msgspec import Meta

from bxml._compose import Filled, TextVerb, Verb, appends, appends_bare
from bxml._kinds import Fault, shown
from bxml.types import (
    E164,
    PRIVATE_NAMES,
    Assumes,
    CallerId,
    CountsWith,
    Delivers,
    Destination,
    DisplayName,
    DiversionReason,
    DiversionTreatment,
    ForwardedFrom,
    Method,
    Password,
    Seconds,
    SipAddress,
    Tag,
    Uncertain,
    Url,
    Username,
    UserToUser,
)

TransferAnswerUrl = Annotated[
    Url,
    Delivers("transferAnswer"),
    Meta(description="Asked when this party answers; it alone hears the document in the reply."),
]
TransferAnswerFallbackUrl = Annotated[
    Url, Meta(description="Second try when transfer_answer_url does not respond.")
]
TransferDisconnectUrl = Annotated[
    Url,
    Delivers("transferDisconnect"),
    Meta(description="Told when this party's leg ends, however it ends."),
]


CallTimeout = Annotated[
    Seconds,
    Meta(
        ge=1,
        le=300,
        description="Seconds that a party may ring, if it has begun to within 30 seconds.",
    ),
    Assumes(30),
]
Treatment = Annotated[
    DiversionTreatment,
    Assumes("none"),
    Meta(description="What becomes of Diversion headers; for inbound calls only."),
]
Reason = Annotated[
    DiversionReason,
    Assumes("unknown"),
    CountsWith("diversion_treatment", ("stack",), "diversion-reason-needs-stack"),
    Meta(description="Reason in the header that diversion_treatment=stack adds."),
]


def _unfit_name(attribute: str, name: str | None, privacy: bool | None) -> Iterable[Fault]:
    """With ``privacy`` only four display names are allowed (documented, 2026)."""
    if not privacy or name is None or name in PRIVATE_NAMES:
        return ()
    words = f"must be {', '.join(PRIVATE_NAMES[:-1])} or {PRIVATE_NAMES[-1]} with privacy"
    return (Fault("privacy-display-name", f"{words} (got {shown(name)})", attribute),)


def _word_for_a_number(attribute: str, number: str | None) -> Iterable[Fault]:
    """A caller id is a number even with ``privacy`` (documented, 2026)."""
    if number in PRIVATE_NAMES:
        words = f"should be a number, even with privacy (got {shown(number)})"
        yield Fault("privacy-caller-id", words, attribute)


class PhoneNumber(TextVerb[E164], frozen=True, kw_only=True):
    """A phone number that ``Transfer`` rings: ``text`` is the number in E.164 form."""

    transfer_answer_url: TransferAnswerUrl | None = None
    transfer_answer_method: Method | None = None
    transfer_answer_fallback_url: TransferAnswerFallbackUrl | None = None
    transfer_answer_fallback_method: Method | None = None
    transfer_disconnect_url: TransferDisconnectUrl | None = None
    transfer_disconnect_method: Method | None = None
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
    transfer_answer_method: Method | None = None
    transfer_answer_fallback_url: TransferAnswerFallbackUrl | None = None
    transfer_answer_fallback_method: Method | None = None
    transfer_disconnect_url: TransferDisconnectUrl | None = None
    transfer_disconnect_method: Method | None = None
    username: Username | None = None
    password: Password | None = None
    fallback_username: Username | None = None
    fallback_password: Password | None = None
    tag: Tag | None = None


class Transfer(Filled[PhoneNumber | SipUri], frozen=True, kw_only=True):
    """Rings one to eight parties at once and connects the call to the first that answers.

    With ``transfer_complete_url`` the outcome goes there and the document in the reply runs next.
    Without it the next verb runs when the other party hangs up. May be built without a party; it
    needs one before it enters a document.
    """

    ends: ClassVar[bool | str] = "transfer_complete_url"
    answers: ClassVar[bool | str] = True
    in_transfer_answer: ClassVar[bool | None] = False

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
    call_timeout: CallTimeout | None = None
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
    transfer_complete_method: Method | None = None
    transfer_complete_fallback_url: (
        Annotated[Url, Meta(description="Second try when transfer_complete_url does not respond.")]
        | None
    ) = None
    transfer_complete_fallback_method: Method | None = None
    username: Username | None = None
    password: Password | None = None
    fallback_username: Username | None = None
    fallback_password: Password | None = None
    tag: Tag | None = None
    diversion_treatment: Treatment | None = None
    diversion_reason: Reason | None = None

    phone_number = appends(PhoneNumber)
    sip_uri = appends(SipUri)

    def across(self) -> Iterable[Fault]:
        """With ``privacy`` only four display names are allowed."""
        name = self.transfer_caller_display_name
        return _unfit_name("transfer_caller_display_name", name, self.privacy)

    def doubts(self) -> Iterable[Fault]:
        """The older form of a caller id; and Diversion headers, which are for inbound calls."""
        yield from _word_for_a_number("transfer_caller_id", self.transfer_caller_id)
        if self.diversion_treatment not in (None, "none"):
            words = "is only for inbound calls that are transferred"
            yield Fault("diversion-inbound-only", words, "diversion_treatment")


class _ForwardTarget(Verb, frozen=True):
    """What ``Forward`` cannot do without; declared apart, since only it is positional."""

    to: Annotated[Destination, Meta(description="Whom to ring: a number or a SIP URI.")]


class Forward(_ForwardTarget, frozen=True, kw_only=True):
    """Hands an inbound call that is not answered yet to another party, for good.

    The application controls neither leg from then on; nothing after it in the document is run
    (inferred). When a leg hangs up, ``disconnect`` goes to the application's call status URL.
    """

    ends: ClassVar[bool | str] = True
    in_transfer_answer: ClassVar[bool | None] = False

    from_: (
        Annotated[
            ForwardedFrom,
            Meta(description="Number shown to the party; absent: the number that was called."),
        ]
        | None
    ) = None
    privacy: Annotated[bool, Assumes(False), Meta(description="Hide the number.")] | None = None
    caller_display_name: (
        Annotated[DisplayName, Meta(description="Name shown to the party.")] | None
    ) = None
    call_timeout: CallTimeout | None = None
    diversion_treatment: Treatment | None = None
    diversion_reason: Reason | None = None
    uui: UserToUser | None = None

    def across(self) -> Iterable[Fault]:
        """With ``privacy`` only four display names are allowed (from the vendor's SDK)."""
        return _unfit_name("caller_display_name", self.caller_display_name, self.privacy)

    def doubts(self) -> Iterable[Fault]:
        """The older form of a caller id."""
        return _word_for_a_number("from_", self.from_)


class Refer(Filled[SipUri], frozen=True, kw_only=True):
    """Asks the caller's own SIP endpoint to move an inbound SIP call to one other address.

    Success ends the call here. With ``refer_complete_url`` the outcome goes there, and after a
    failure the document in the reply runs. The ``SipUri`` takes no attributes in it (documented).
    """

    ends: ClassVar[bool | str] = "refer_complete_url"
    answers: ClassVar[bool | str] = True
    in_transfer_answer: ClassVar[bool | None] = None

    least: ClassVar[int] = 1
    most: ClassVar[int] = 1
    bare: ClassVar[bool] = True
    limit_rule: ClassVar[str] = "refer-one-sipuri"

    refer_complete_url: (
        Annotated[
            Url,
            Delivers("referComplete"),
            Meta(description="Told the outcome; after a failure the document in the reply runs."),
        ]
        | None
    ) = None
    refer_complete_method: Method | None = None
    tag: Annotated[Tag, Uncertain("One of the SDKs says 4096 characters.")] | None = None

    sip_uri = appends_bare(SipUri)

"""Joining calls: two of them, or many in a conference."""

from typing import Annotated, ClassVar

from msgspec import Meta

from bxml._compose import TextVerb
from bxml.types import (
    Assumes,
    CallId,
    CallIds,
    ConferenceName,
    Delivers,
    Method,
    Password,
    Seconds,
    Tag,
    Url,
    Username,
)


class Bridge(TextVerb[CallId], frozen=True, kw_only=True):
    """Connects another call, the target, to this one: ``text`` is its id.

    The target's own document is cancelled. With ``bridge_complete_url`` nothing after this verb is
    run; without it the next verb runs when the target leaves. Without
    ``bridge_target_complete_url`` the target is hung up when this call leaves.
    """

    ends: ClassVar[bool | str] = "bridge_complete_url"
    answers: ClassVar[bool | str] = True
    in_transfer_answer: ClassVar[bool | None] = False

    bridge_complete_url: (
        Annotated[
            Url,
            Delivers("bridgeComplete"),
            Meta(
                description="Asked when the target leaves or the bridge fails; its document runs next."
            ),
        ]
        | None
    ) = None
    bridge_complete_method: Method | None = None
    bridge_complete_fallback_url: (
        Annotated[Url, Meta(description="Second try when bridge_complete_url does not respond.")]
        | None
    ) = None
    bridge_complete_fallback_method: Method | None = None
    bridge_target_complete_url: (
        Annotated[
            Url,
            Delivers("bridgeTargetComplete"),
            Meta(description="Asked when this call leaves; its document runs on the target."),
        ]
        | None
    ) = None
    bridge_target_complete_method: Method | None = None
    bridge_target_complete_fallback_url: (
        Annotated[
            Url, Meta(description="Second try when bridge_target_complete_url does not respond.")
        ]
        | None
    ) = None
    bridge_target_complete_fallback_method: Method | None = None
    username: Username | None = None
    password: Password | None = None
    fallback_username: Username | None = None
    fallback_password: Password | None = None
    tag: Tag | None = None


class Conference(TextVerb[ConferenceName], frozen=True, kw_only=True):
    """Puts the call into a conference, which its first member creates: ``text`` is its name.

    The verb lasts while the call is a member. What a later member says about webhooks is ignored.
    """

    answers: ClassVar[bool | str] = True
    in_transfer_answer: ClassVar[bool | None] = False

    mute: (
        Annotated[bool, Assumes(False), Meta(description="The member hears and is not heard.")]
        | None
    ) = None
    hold: (
        Annotated[bool, Assumes(False), Meta(description="The member neither hears nor is heard.")]
        | None
    ) = None
    call_ids_to_coach: (
        Annotated[
            CallIds,
            Meta(
                description="Calls that this one coaches: they hear each other; the rest do not hear it."
            ),
        ]
        | None
    ) = None
    conference_event_url: (
        Annotated[
            Url,
            Delivers(
                "conferenceCreated",
                ("conferenceMemberJoin", "conferenceMemberExit", "conferenceCompleted"),
            ),
            Meta(description="Asked about the events of the conference."),
        ]
        | None
    ) = None
    conference_event_method: Method | None = None
    conference_event_fallback_url: (
        Annotated[Url, Meta(description="Second try when conference_event_url does not respond.")]
        | None
    ) = None
    conference_event_fallback_method: Method | None = None
    username: Username | None = None
    password: Password | None = None
    fallback_username: Username | None = None
    fallback_password: Password | None = None
    tag: Tag | None = None
    callback_timeout: (
        Annotated[
            Seconds,
            Meta(
                ge=1,
                le=25,
                description="Seconds that a webhook of the conference may take; absent: as long as"
                " one of the call that creates it.",
            ),
        ]
        | None
    ) = None

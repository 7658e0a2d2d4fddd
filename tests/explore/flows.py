"""Small applications, each with one thing wrong in it, or nothing."""

from collections.abc import Callable, Mapping

from bxml import Gather, PhoneNumber, Record, Response, Transfer
from calls.events import CallEvent, GatherEvent
from calls.script import Line, Scripts, script
from calls.webhooks import VoiceApp

Answers = Callable[[CallEvent], Response]


def menu(words: str, url: str = "/chosen", digits: int = 1) -> Gather:
    """A menu that turns to a second URL if the first one fails."""
    return Gather(gather_url=url, gather_fallback_url="/again", max_digits=digits).speak_sentence(
        words
    )


def pressed(event: CallEvent) -> str:
    return (event.digits or "") if isinstance(event, GatherEvent) else ""


def app_of(chosen: Answers | None = None, /, **answers: Answers) -> VoiceApp:
    """An application: what it answers at each path. ``/again`` is where to turn on a failure."""
    app = VoiceApp()
    every: dict[str, Answers] = {"again": lambda _: bye(), **answers}
    if chosen is not None:
        every["chosen"] = chosen
    for name, answer in every.items():

        def handler(event: CallEvent, answer: Answers = answer) -> Response:
            return answer(event)

        handler.__qualname__ = handler.__name__ = name
        # The default would be taken for a second parameter.
        app.on(f"/{name}")(_alone(handler))
    return app


def _alone(handler: Callable[..., Response]) -> Callable[[CallEvent], Response]:
    def alone(event: CallEvent) -> Response:
        return handler(event)

    alone.__qualname__ = alone.__name__ = handler.__name__
    return alone


def bye() -> Response:
    return Response().speak_sentence("Goodbye.")


OFFERS = "For sales, press 1. For support, press 2."


def sales_and_support(event: CallEvent) -> Response:
    match pressed(event):
        case "1":
            return Response().speak_sentence("This is sales.").hangup()
        case "2":
            return Response().speak_sentence("This is support.").hangup()
        case _:
            return bye()


def nothing_wrong() -> VoiceApp:
    return app_of(sales_and_support, start=lambda _: Response([menu(OFFERS)]))


def nothing_wrong_with_a_transfer() -> VoiceApp:
    def chosen(event: CallEvent) -> Response:
        if pressed(event) == "1":
            numbers = [PhoneNumber("+19195550100")]
            transfer = Transfer(
                numbers, transfer_complete_url="/done", transfer_complete_fallback_url="/again"
            )
            return Response([transfer])
        return bye()

    return app_of(
        chosen,
        start=lambda _: Response([menu("For sales, press 1.")]),
        done=lambda _: Response().speak_sentence("Thank you for talking to us."),
    )


def nothing_wrong_with_a_message() -> VoiceApp:
    record = Record(
        record_complete_url="/done", record_complete_fallback_url="/again", max_duration=10
    )
    return app_of(
        start=lambda _: Response().speak_sentence("Leave a message.").then(record),
        done=lambda _: bye(),
    )


def nothing_wrong_when_it_repeats() -> VoiceApp:
    words = f"{OFFERS} To hear this again, press star."

    def chosen(event: CallEvent) -> Response:
        return Response([menu(words)]) if pressed(event) == "*" else sales_and_support(event)

    return app_of(chosen, start=lambda _: Response([menu(words)]))


def nothing_wrong_in_a_script() -> VoiceApp:
    @script
    async def reception(line: Line) -> None:
        choice = await line.menu(OFFERS, keys="12", tries=2)
        team = "sales" if choice == "1" else "support"
        line.speak_sentence(f"This is {team}.")

    # A menu that gives up hangs up: its script says goodbye first.
    @script
    async def polite(line: Line) -> None:
        try:
            await reception(line)
        except Exception:  # noqa: BLE001  # whatever it is
            line.speak_sentence("Goodbye.")

    return VoiceApp(Scripts({"/start": polite}))


def nothing_wrong_in_a_whole_line() -> VoiceApp:
    @script(on_failure=bye())
    async def reception(line: Line) -> None:
        words = f"{OFFERS} For opening hours, press 3. To hear this again, press 9."
        while True:
            choice = await line.menu(words, keys="1239", tries=2, too_often="Goodbye.")
            if choice == "3":
                line.speak_sentence("We are open from nine to five.")
            elif choice != "9":
                outcome = await line.transfer("+19195550100")
                if outcome.was_answered:
                    return
                line.speak_sentence("Nobody is free just now.")

    return VoiceApp(Scripts({"/start": reception}))


def a_loop_that_no_key_leaves() -> VoiceApp:
    return app_of(
        lambda _: Response([menu("We did not get that.", "/more")]),
        start=lambda _: Response([menu("Tell us your number.")]),
        more=lambda _: Response([menu("Please try once more.", "/chosen")]),
    )


def a_document_that_redirects_to_itself() -> VoiceApp:
    return app_of(
        start=lambda _: (
            Response()
            .speak_sentence("All lines are busy.")
            .redirect("/start", redirect_fallback_url="/again")
        )
    )


def silence_until_hang_up() -> VoiceApp:
    return app_of(
        lambda event: sales_and_support(event) if pressed(event) else Response(),
        start=lambda _: Response([menu(OFFERS)]),
    )


def a_key_that_ends_in_silence() -> VoiceApp:
    return app_of(
        lambda event: Response() if pressed(event) == "2" else sales_and_support(event),
        start=lambda _: Response([menu(OFFERS)]),
    )


def a_key_that_leads_back() -> VoiceApp:
    start = Response([menu(OFFERS)])
    return app_of(
        lambda event: start if pressed(event) == "2" else sales_and_support(event),
        start=lambda _: start,
    )


def a_key_that_nobody_handles() -> VoiceApp:
    return app_of(
        sales_and_support,
        start=lambda _: Response([menu(f"{OFFERS} For billing, press 3.")]),
    )


def a_key_that_nobody_handles_in_a_script() -> VoiceApp:
    @script
    async def reception(line: Line) -> None:
        try:
            await line.menu(f"{OFFERS} For billing, press 3.", keys="12", tries=2)
        except Exception:  # noqa: BLE001  # it has given up
            line.speak_sentence("Goodbye.")
            return
        line.speak_sentence("This is somebody.")

    return VoiceApp(Scripts({"/start": reception}))


def nobody_and_no_goodbye() -> VoiceApp:
    return app_of(lambda _: Response(), start=lambda _: Response([menu(OFFERS)]))


def a_handler_that_raises() -> VoiceApp:
    def chosen(event: CallEvent) -> Response:
        if pressed(event) == "7":
            raise LookupError("there is no seventh team")
        return sales_and_support(event)

    return app_of(chosen, start=lambda _: Response([menu(OFFERS)]))


def a_url_that_nobody_answers() -> VoiceApp:
    def chosen(event: CallEvent) -> Response:
        if pressed(event) == "1":
            return Response().redirect("/sales", redirect_fallback_url="/again")
        return sales_and_support(event)

    return app_of(chosen, start=lambda _: Response([menu(OFFERS)]))


def a_reply_that_is_too_large() -> VoiceApp:
    def chosen(event: CallEvent) -> Response:
        if pressed(event) == "1":
            return Response().speak_sentence("sales " * 20_000)
        return sales_and_support(event)

    return app_of(chosen, start=lambda _: Response([menu(OFFERS)]))


def verbs_after_a_gather() -> VoiceApp:
    return app_of(
        sales_and_support,
        start=lambda _: Response([menu(OFFERS)]).speak_sentence("We did not hear you. Goodbye."),
    )


def a_gather_without_fallback() -> VoiceApp:
    return app_of(
        sales_and_support,
        start=lambda _: Response(
            [Gather(gather_url="/chosen", max_digits=1).speak_sentence(OFFERS)]
        ),
    )


def a_method_without_its_url() -> VoiceApp:
    record = Record(
        record_complete_url="/done",
        record_complete_fallback_url="/again",
        recording_available_method="POST",
        max_duration=10,
    )
    return app_of(start=lambda _: Response([record]), done=lambda _: bye())


Planted = Mapping[Callable[[], VoiceApp], list[tuple[str, str, str | None]]]

FLOWS: Planted = {
    nothing_wrong: [],
    nothing_wrong_with_a_transfer: [],
    nothing_wrong_with_a_message: [],
    nothing_wrong_when_it_repeats: [],
    nothing_wrong_in_a_script: [],
    nothing_wrong_in_a_whole_line: [],
    a_loop_that_no_key_leaves: [("dead-end", "silence", "")],
    a_document_that_redirects_to_itself: [("dead-end", "", "")],
    silence_until_hang_up: [("silent-end", "silence", "")],
    a_key_that_ends_in_silence: [("key-goes-nowhere", "", "2")],
    a_key_that_leads_back: [("key-goes-nowhere", "", "2")],
    a_key_that_nobody_handles: [("unhandled-key", "", "3")],
    a_key_that_nobody_handles_in_a_script: [("unhandled-key", "", "3")],
    nobody_and_no_goodbye: [("no-person-or-goodbye", "", "")],
    a_handler_that_raises: [("error", "", "7")],
    a_url_that_nobody_answers: [("error", "1", None)],
    a_reply_that_is_too_large: [("invalid-reply", "", "1")],
    verbs_after_a_gather: [("never-reached", "", None)],
    a_method_without_its_url: [("doubtful", "", None)],
    a_gather_without_fallback: [("no-fallback", "", "silence")],
}
"""Each application, with its findings: the rule, the way to its place, and the choice there."""
